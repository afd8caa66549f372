//! Delivers logout tokens to clients (OpenID Connect Back-Channel Logout): immediately after the commit, and then with
//! growing pauses for a day. A sign-out does not wait for it.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::time::Duration;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use latchkey_http::outgoing::{Outgoing, OutgoingError, Purpose};
use latchkey_identity_store::{Logout, Store, StoreError};
use latchkey_metrics::catalog::LOGOUT_TOKENS;
use latchkey_metrics::labels;
use latchkey_protocol::client::Client;
use latchkey_protocol::logout_token::{Outcome, outcome};
use latchkey_protocol::{ClientId, Timestamp};
use tokio_util::sync::CancellationToken;

use crate::logout_tokens::LogoutTokens;
use crate::signer::SignerError;
use crate::time::Time;

/// The number of ended sessions handled in one transaction.
const SESSIONS: i64 = 100;
/// The maximum number of concurrent calls of this node, and of those to one client.
const AT_ONCE: usize = 64;
const AT_ONCE_PER_CLIENT: i64 = 4;
/// The same for what is likely to fail again, so that clients that are away keep no other waiting.
const DOUBTFUL_AT_ONCE: usize = AT_ONCE / 2;
const DOUBTFUL_PER_CLIENT: i64 = 1;
/// The same for all else, so that what is new and never ends keeps no retry waiting.
const HOPEFUL_AT_ONCE: usize = AT_ONCE - AT_ONCE / 4;
const HOPEFUL_PER_CLIENT: i64 = AT_ONCE_PER_CLIENT - DOUBTFUL_PER_CLIENT;
/// For how long a try that has begun is its node's own, milliseconds: longer than any call takes.
const CLAIM_MS: i64 = 30_000;
/// How often due deliveries are checked without a notification.
const EVERY: Duration = Duration::from_secs(1);

/// The dependencies of the delivery.
pub(crate) struct LogoutDelivery {
    pub store: Store,
    pub tokens: LogoutTokens,
    pub outgoing: Outgoing,
    pub time: Time,
}

/// Why a delivery failed.
#[derive(Debug, thiserror::Error)]
enum DeliveryError {
    #[error("the token cannot be signed")]
    Signer(#[from] SignerError),
    #[error("the client cannot be reached")]
    Outgoing(#[from] OutgoingError),
}

impl LogoutDelivery {
    /// Delivers pending logout tokens, until `stop`.
    pub async fn run(&self, stop: &CancellationToken) {
        let mut changes = self.store.db().changes();
        let mut under_way = FuturesUnordered::new();
        let mut busy = Busy::default();
        while !stop.is_cancelled() {
            let due = {
                let mut looking = std::pin::pin!(self.due());
                loop {
                    // The calls go on meanwhile: one that has been given a connection of the pool keeps it from
                    // everybody until it is polled.
                    tokio::select! {
                        due = &mut looking => break due,
                        Some((call, failed)) = under_way.next() => busy.end(call, failed),
                    }
                }
            };
            let pause = match due {
                Ok((due, whole)) => {
                    for logout in busy.in_turn(due) {
                        if under_way.len() < AT_ONCE
                            && let Some(call) = busy.begin(&logout)
                        {
                            under_way.push(self.try_once(logout, call));
                        }
                    }
                    if whole { EVERY } else { Duration::ZERO }
                }
                Err(error) => {
                    let reason = latchkey_http::reasons(&error);
                    tracing::warn!(
                        reason,
                        "reading the pending logout tokens failed; it is tried again"
                    );
                    EVERY
                }
            };
            tokio::select! {
                Some((call, failed)) = under_way.next() => busy.end(call, failed),
                changed = changes.changed() => if changed.is_err() { return },
                () = tokio::time::sleep(pause) => {}
                () = stop.cancelled() => return,
            }
        }
    }

    /// Records the clients of ended sessions, and returns what is due, and whether that is all.
    async fn due(&self) -> Result<(Vec<Logout>, bool), StoreError> {
        let ended = self.store.untold_sessions(SESSIONS).await?;
        let whole = i64::try_from(ended.len()).is_ok_and(|ended| ended < SESSIONS);
        if !ended.is_empty() {
            let mut told = Vec::new();
            let mut known: HashMap<ClientId, bool> = HashMap::new();
            for session in ended {
                let mut clients = self.store.clients_of_session(&session.id).await?;
                for (client, _) in &clients {
                    if let Entry::Vacant(unknown) = known.entry(client.clone()) {
                        unknown.insert(self.listener(client).await?.is_some());
                    }
                }
                clients.retain(|(client, _)| known.get(client) == Some(&true));
                told.push((session, clients));
            }
            let (store, now) = (self.store.clone(), self.time.now());
            self.store
                .db()
                .write(move |tx| async move { store.queue_session_logouts(&tx, &told, now).await })
                .await?;
        }
        Ok((
            self.store
                .due_logouts(self.time.now(), AT_ONCE_PER_CLIENT)
                .await?,
            whole,
        ))
    }

    /// The client and its address for logout tokens, if it has one.
    async fn listener(&self, id: &ClientId) -> Result<Option<(Client, String)>, StoreError> {
        let client = self.store.client(self.store.db(), id).await?;
        Ok(client.and_then(|client| {
            let uri = client.backchannel_logout_uri()?.to_owned();
            Some((client, uri))
        }))
    }

    /// One try, and what follows from it; with whether the client failed, where it was asked. Where the database fails
    /// meanwhile, the try is repeated when its claim is over.
    async fn try_once(&self, logout: Logout, call: Call) -> (Call, Option<bool>) {
        let failed = self.deliver(&logout).await.unwrap_or_else(|error| {
            let reason = latchkey_http::reasons(&error);
            tracing::warn!(client.id = %logout.client, reason, "a client waits to be told of a sign-out");
            None
        });
        (call, failed)
    }

    /// Whether the client failed, where it was asked.
    async fn deliver(&self, logout: &Logout) -> Result<Option<bool>, StoreError> {
        let until = Timestamp(self.time.now().0.saturating_add(CLAIM_MS));
        if !self.store.claim_logout(logout, until).await? {
            // Another node tells.
            return Ok(None);
        }
        if logout.tries > 0 && self.store.came_back(logout).await? {
            self.store.finish_logout(logout).await?;
            return Ok(None);
        }
        let Some((client, uri)) = self.listener(&logout.client).await? else {
            self.store.finish_logout(logout).await?;
            return Ok(None);
        };
        let (status, reason) = match self.send(&client, &uri, logout).await {
            Ok(status) => (Some(status), String::new()),
            Err(error) => (None, latchkey_http::reasons(&error)),
        };
        let tries = logout.tries + 1;
        let outcome = outcome(status, tries, logout.begun_at, self.time.now());
        LOGOUT_TOKENS.inc(labels::Delivery::of(name(outcome)));
        let id = client.id();
        match outcome {
            Outcome::Delivered => {}
            Outcome::Rejected => {
                tracing::warn!(client.id = %id, "a client rejected a logout token; the user may stay signed in there");
            }
            Outcome::GivenUp => {
                tracing::error!(client.id = %id, status, reason, "delivery of a logout token was given up");
            }
            Outcome::Retry(at) => {
                // It is tried for a day, and logged once.
                if tries == 1 {
                    tracing::warn!(client.id = %id, status, reason, "delivery of a logout token failed; it is tried again");
                }
                self.store.put_off_logout(logout, at).await?;
                return Ok(Some(true));
            }
        }
        self.store.finish_logout(logout).await?;
        Ok(Some(outcome == Outcome::GivenUp))
    }

    /// The status of the client's response (§2.8).
    async fn send(&self, client: &Client, uri: &str, logout: &Logout) -> Result<u16, DeliveryError> {
        let token = self.tokens.mint(client, logout, self.time.now())?;
        let form = [("logout_token", token.as_str())];
        let reply = self
            .outgoing
            .post_form(Purpose::BackChannelLogout, uri, &form)
            .await?;
        Ok(reply.status().as_u16())
    }
}

/// Which calls are under way.
#[derive(Default)]
struct Busy {
    /// How many to each client.
    calls: HashMap<ClientId, Calls>,
    /// How many in all.
    all: Calls,
    /// Who failed last time, and whether the last try there was a retry.
    failing: HashMap<ClientId, bool>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Calls {
    /// Those that are likely to fail.
    doubtful: i64,
    hopeful: i64,
}

/// A call that is under way.
struct Call {
    client: ClientId,
    doubtful: bool,
    retry: bool,
}

impl Calls {
    fn of(&mut self, doubtful: bool) -> &mut i64 {
        if doubtful {
            &mut self.doubtful
        } else {
            &mut self.hopeful
        }
    }
}

impl Busy {
    /// What is due, in the order in which it is begun. A client that fails has one call at a time: first tries and retries
    /// take turns there, however many new ones there are.
    fn in_turn(&self, mut due: Vec<Logout>) -> Vec<Logout> {
        due.sort_by_key(|logout| self.failing.get(&logout.client) == Some(&is_retry(logout)));
        due
    }

    /// Nothing when there are enough.
    fn begin(&mut self, logout: &Logout) -> Option<Call> {
        let (client, retry) = (logout.client.clone(), is_retry(logout));
        let doubtful = retry || self.failing.contains_key(&client);
        let (most, most_of_all) = if doubtful {
            (DOUBTFUL_PER_CLIENT, DOUBTFUL_AT_ONCE)
        } else {
            (HOPEFUL_PER_CLIENT, HOPEFUL_AT_ONCE)
        };
        let full = usize::try_from(*self.all.of(doubtful)).is_ok_and(|all| all >= most_of_all);
        let mut calls = self.calls.get(&client).copied().unwrap_or_default();
        if full || *calls.of(doubtful) >= most {
            return None;
        }
        *calls.of(doubtful) += 1;
        *self.all.of(doubtful) += 1;
        self.calls.insert(client.clone(), calls);
        if let Some(last) = self.failing.get_mut(&client) {
            *last = retry;
        }
        Some(Call {
            client,
            doubtful,
            retry,
        })
    }

    /// `failed` is none where the client was not asked.
    fn end(&mut self, call: Call, failed: Option<bool>) {
        *self.all.of(call.doubtful) -= 1;
        match failed {
            Some(true) => {
                self.failing.entry(call.client.clone()).or_insert(call.retry);
            }
            Some(false) => {
                self.failing.remove(&call.client);
            }
            None => {}
        }
        if let Entry::Occupied(mut calls) = self.calls.entry(call.client) {
            *calls.get_mut().of(call.doubtful) -= 1;
            if *calls.get() == Calls::default() {
                calls.remove();
            }
        }
    }
}

fn is_retry(logout: &Logout) -> bool {
    logout.tries > 0
}

/// The label for metrics.
fn name(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Delivered => "delivered",
        Outcome::Rejected => "refused",
        Outcome::Retry(_) => "failed",
        Outcome::GivenUp => "given_up",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn logout(id: &str, tries: i64) -> Logout {
        Logout {
            client: ClientId::parse(id).unwrap(),
            sid: "sid".to_owned(),
            user: "u".to_owned(),
            begun_at: Timestamp(0),
            tries,
            ends: 1,
        }
    }

    #[test]
    fn one_client_has_no_more_than_its_part_of_the_calls() {
        let (slow, other) = (logout("slow", 0), logout("other", 0));
        let mut busy = Busy::default();
        let mut begun: Vec<Call> = (0..10).filter_map(|_| busy.begin(&slow)).collect();
        assert_eq!(i64::try_from(begun.len()).unwrap(), HOPEFUL_PER_CLIENT);
        begun.extend((0..10).filter_map(|_| busy.begin(&logout("slow", 1))));
        assert_eq!(i64::try_from(begun.len()).unwrap(), AT_ONCE_PER_CLIENT);
        begun.extend(busy.begin(&other));
        assert_eq!(i64::try_from(begun.len()).unwrap(), AT_ONCE_PER_CLIENT + 1);
        busy.end(begun.remove(0), Some(false));
        begun.extend(busy.begin(&slow));
        assert!(busy.begin(&slow).is_none());
        for call in begun {
            busy.end(call, None);
        }
        assert!(busy.calls.is_empty());
    }

    #[test]
    fn clients_that_fail_have_one_call_each_and_half_of_all_together() {
        let mut busy = Busy::default();
        let retries = (0..100).filter_map(|n| busy.begin(&logout(&format!("away-{n}"), 1)));
        let retries: Vec<Call> = retries.collect();
        assert_eq!(retries.len(), DOUBTFUL_AT_ONCE);
        assert!(busy.begin(&logout("here", 0)).is_some());
        for call in retries {
            busy.end(call, Some(true));
        }
        assert_eq!(busy.all.doubtful, 0);
        // What is new for a client that fails is as doubtful, until it is there again.
        let call = busy.begin(&logout("away-1", 0)).unwrap();
        assert!(busy.begin(&logout("away-1", 0)).is_none());
        busy.end(call, Some(false));
        assert!(busy.begin(&logout("away-1", 0)).is_some());
        assert!(busy.begin(&logout("away-1", 0)).is_some());
    }

    /// What is new comes at every look, before the retries and more than there is room for.
    #[test]
    fn steady_new_logouts_leave_every_client_room_for_retries() {
        let mut busy = Busy::default();
        let steady = (0..100).flat_map(|n| [logout(&format!("c-{n}"), 0), logout(&format!("c-{n}"), 0)]);
        let new: Vec<Call> = steady.filter_map(|logout| busy.begin(&logout)).collect();
        assert_eq!(new.len(), HOPEFUL_AT_ONCE);
        const { assert!(HOPEFUL_AT_ONCE < AT_ONCE, "there is room beside them") };
        assert!(
            busy.begin(&logout("c-0", 1)).is_some(),
            "also where new ones are under way"
        );
        assert!(busy.begin(&logout("elsewhere", 1)).is_some());
    }

    #[test]
    fn first_tries_and_retries_take_turns_at_a_client_that_fails() {
        let mut busy = Busy::default();
        let call = busy.begin(&logout("away", 0)).unwrap();
        busy.end(call, Some(true));
        let retries = (0..10).map(|_| {
            let due = vec![logout("away", 0), logout("away", 0), logout("away", 1)];
            let mut begun: Vec<Call> = busy
                .in_turn(due)
                .iter()
                .filter_map(|logout| busy.begin(logout))
                .collect();
            assert_eq!(begun.len(), 1, "one call at a time");
            let call = begun.remove(0);
            let retry = call.retry;
            busy.end(call, Some(true));
            retry
        });
        let retries: Vec<bool> = retries.collect();
        assert_eq!(retries, [true, false].repeat(5));
        // Alone each kind has every turn.
        for tries in [0, 0, 1, 1] {
            let due = busy.in_turn(vec![logout("away", tries)]);
            let call = busy.begin(&due[0]).unwrap();
            busy.end(call, Some(true));
        }
    }
}
