//! Guesses at client secrets: counted in the database, refused from memory (design §6, Throttles).

use std::collections::HashMap;
use std::net::IpAddr;

use arc_swap::ArcSwap;
use latchkey_identity_store::Window;
use latchkey_protocol::{ClientId, Timestamp};

use crate::{Identity, IdentityError};

/// 30 wrong secrets a minute per client and address.
pub(crate) const WRONG_SECRETS: Window = Window {
    most: 30,
    length_ms: 60_000,
};

/// Who is blocked, as the database last said.
#[derive(Default)]
pub(crate) struct Throttle {
    blocked: ArcSwap<HashMap<String, Timestamp>>,
}

impl Throttle {
    /// The end of the block, if the caller is blocked now.
    pub fn blocked(&self, client: Option<&ClientId>, address: IpAddr, now: Timestamp) -> Option<Timestamp> {
        let blocked = self.blocked.load();
        if blocked.is_empty() {
            return None;
        }
        blocked
            .get(&key(client, address))
            .copied()
            .filter(|until| *until > now)
    }

    pub fn replace(&self, blocked: Vec<(String, Timestamp)>) {
        if !blocked.is_empty() || !self.blocked.load().is_empty() {
            self.blocked
                .store(blocked.into_iter().collect::<HashMap<_, _>>().into());
        }
    }

    fn add(&self, id: String, until: Timestamp) {
        self.blocked.rcu(|blocked| {
            let mut blocked = HashMap::clone(blocked);
            blocked.insert(id.clone(), until);
            blocked
        });
    }
}

impl Identity {
    /// Counts a wrong secret.
    pub(crate) async fn count_wrong_secret(
        &self,
        client: Option<&ClientId>,
        address: IpAddr,
    ) -> Result<(), IdentityError> {
        let (store, now, id) = (self.inner.store.clone(), self.now(), key(client, address));
        let counted = id.clone();
        let until = self
            .inner
            .store
            .db()
            .write(move |tx| async move {
                store
                    .count_failure(&tx, &counted, WRONG_SECRETS, now)
                    .await
                    .map_err(IdentityError::from)
            })
            .await?;
        if let Some(until) = until {
            self.inner.throttle.add(id, until);
            metrics::counter!("latchkey_throttled_total", "what" => "client_secret").increment(1);
            tracing::warn!(client.id = client.map(ClientId::as_str), peer = %address, "too many wrong secrets");
        }
        Ok(())
    }
}

/// An IPv6 caller has a whole /64 to itself, so that is what counts.
fn key(client: Option<&ClientId>, address: IpAddr) -> String {
    let prefix = match address {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => match address.to_ipv4_mapped() {
            Some(mapped) => mapped.to_string(),
            None => {
                let s = address.segments();
                format!("{:x}:{:x}:{:x}:{:x}::", s[0], s[1], s[2], s[3])
            }
        },
    };
    format!("client_secret|{}|{prefix}", client.map_or("", ClientId::as_str))
}
