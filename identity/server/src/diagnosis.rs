//! What an identity database tells whoever looks for what is wrong with it. Nothing is written.

use latchkey_clock::Random;
use latchkey_db::Db;
use latchkey_identity_store::Store;
use latchkey_protocol::Timestamp;
use latchkey_protocol::client::Alg;
use latchkey_protocol::keys::{self, Key};

use crate::error::IdentityError;
use crate::key_wrapping::KeyWrapper;
use crate::signer::{PURPOSES, place};

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Diagnosis {
    /// The latest instant that any node has seen, in Unix milliseconds.
    pub latest_ms: i64,
    /// Since when the key signs that signs now, in Unix milliseconds; `None` if there is none.
    pub signing_since_ms: Option<i64>,
    /// How many stored keys and secrets the master key does not open; `None` if there was no master key to try.
    pub unopened: Option<usize>,
    /// How many keys and secrets are sealed.
    pub sealed: usize,
    /// Mails that were given up.
    pub dead_mails: i64,
    /// Clients that are sent back to over plain http, beyond loopback.
    pub plain_http_clients: Vec<String>,
    /// Clients whose refresh tokens do not rotate.
    pub unrotated_clients: Vec<String>,
}

/// Looks at an identity database whose schema is that of this binary.
pub async fn diagnose(
    db: &Db,
    master_key: Option<&[u8; 32]>,
    random: Random,
    now_ms: i64,
) -> Result<Diagnosis, IdentityError> {
    let store = Store::new(db.clone());
    let rows = store.keys(db).await?;
    let mut sealed: Vec<(String, String)> = rows
        .iter()
        .map(|row| (place("signing_keys", &row.key.kid), row.wrapped_private.clone()))
        .collect();
    for purpose in PURPOSES {
        let secrets = store.secrets(db, purpose).await?;
        sealed.extend(
            secrets
                .into_iter()
                .map(|row| (place("secrets", &row.id), row.wrapped)),
        );
    }
    let unopened = master_key.map(|key| {
        let wrapper = KeyWrapper::new(key, random);
        let shut = |(place, wrapped): &&(String, String)| wrapper.open(place, wrapped).is_err();
        sealed.iter().filter(shut).count()
    });
    let dates: Vec<Key> = rows.into_iter().map(|row| row.key).collect();
    let signing = keys::signing(&dates, Alg::ES256, Timestamp(now_ms));
    let mut found = Diagnosis {
        latest_ms: store.installation(db).await?.latest.0,
        signing_since_ms: signing.map(|key| key.activates_at.0),
        unopened,
        sealed: sealed.len(),
        dead_mails: store.dead_mails().await?,
        ..Diagnosis::default()
    };
    for client in store.clients().await? {
        let id = client.metadata.client_id.as_str().to_owned();
        let back = client.metadata.redirect_uris.iter();
        if back.into_iter().any(|uri| is_plain_http(uri)) {
            found.plain_http_clients.push(id.clone());
        }
        let refreshes = client
            .metadata
            .grant_types
            .iter()
            .any(|grant| grant == "refresh_token");
        if refreshes && client.metadata.rotate_refresh_tokens == Some(false) {
            found.unrotated_clients.push(id);
        }
    }
    Ok(found)
}

/// True for http to another host than this one.
fn is_plain_http(uri: &str) -> bool {
    let Ok(uri) = url::Url::parse(uri) else {
        return false;
    };
    let own = ["localhost", "127.0.0.1", "[::1]"];
    uri.scheme() == "http" && uri.host_str().is_none_or(|host| !own.contains(&host))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_is_weak_beyond_loopback_alone() {
        for (uri, weak) in [
            ("http://app.test/callback", true),
            ("http://192.0.2.1:3000/", true),
            ("http://localhost.test/", true),
            ("http://localhost:3000/", false),
            ("http://127.0.0.1/", false),
            ("http://[::1]:8080/", false),
            ("https://app.test/", false),
            ("com.example.app:/back", false),
        ] {
            assert_eq!(is_plain_http(uri), weak, "{uri}");
        }
    }
}
