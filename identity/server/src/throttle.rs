//! Throttles for guessed client secrets and passwords: failures are counted in the database, requests are refused from
//! memory (docs/configuration.md, Limits).

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicI64, Ordering};

use arc_swap::ArcSwap;
use latchkey_identity_store::{BlockChange, Guess, Store, StoreError, Window};
use latchkey_metrics::catalog::THROTTLED;
use latchkey_metrics::labels;
use latchkey_protocol::user::canonical;
use latchkey_protocol::{ClientId, Timestamp, lockout, second_factor};

use crate::IdentityError;
use crate::secret::digest;

/// 30 wrong secrets per minute, client and address.
pub(crate) const WRONG_SECRETS: Window = Window {
    most: 30,
    length_ms: 60_000,
};

/// 300 failures per minute and address, whatever clients or users they name; secrets and passwords separately. It
/// limits how much strangers can make us write.
pub(crate) const FAILURES: Window = Window {
    most: 300,
    length_ms: 60_000,
};

/// 60 failed passkeys per minute and network: no passkey can be guessed, but each attempt is work.
pub(crate) const FAILED_PASSKEYS: Window = Window {
    most: 60,
    length_ms: 60_000,
};

/// The blocked callers: what this node has blocked, and what it has read of others.
#[derive(Default)]
pub(crate) struct Throttle {
    blocked: ArcSwap<HashMap<String, Block>>,
    /// The number of the last change that was read from the database.
    read: AtomicI64,
}

#[derive(Clone, Copy)]
struct Block {
    /// When it ends; `None` if it was lifted.
    until: Option<Timestamp>,
    /// See [`BlockChange::number`].
    number: i64,
}

impl Block {
    fn until_after(&self, now: Timestamp) -> Option<Timestamp> {
        self.until.filter(|until| *until > now)
    }
}

impl Throttle {
    /// When the block ends, if the caller is blocked now.
    pub fn blocked(&self, client: Option<&ClientId>, address: IpAddr, now: Timestamp) -> Option<Timestamp> {
        let blocked = self.blocked.load();
        if blocked.is_empty() {
            return None;
        }
        blocked.get(&key(client, address))?.until_after(now)
    }

    /// When the block of an address for guesses at any client ends. It applies to callers that prove nothing: an
    /// authenticated caller is not guessing, and a public client has no secret to guess.
    pub fn address_blocked_for_clients(&self, address: IpAddr, now: Timestamp) -> Option<Timestamp> {
        self.blocked_key(&address_key(address), now)
    }

    /// When the block of an address ends.
    pub fn address_blocked(&self, address: IpAddr, now: Timestamp) -> Option<Timestamp> {
        self.blocked_key(&sign_in_key(address), now)
    }

    /// When the block of this key ends.
    pub fn blocked_key(&self, key: &str, now: Timestamp) -> Option<Timestamp> {
        self.blocked.load().get(key)?.until_after(now)
    }

    /// Reads which blocks have changed since the last call, at whichever node. Calls take turns.
    pub async fn catch_up(&self, store: &Store, now: Timestamp) -> Result<(), StoreError> {
        loop {
            let (changes, all) = store.block_changes(self.read.load(Ordering::SeqCst)).await?;
            self.apply(&changes, now);
            if let Some(last) = changes.last() {
                self.read.store(last.number, Ordering::SeqCst);
            }
            if all {
                return Ok(());
            }
        }
    }

    /// Takes in changes, of this node or of another, and drops what is over. A change that is older than what is known
    /// already, such as one that was read before this node blocked somebody, changes nothing.
    ///
    /// The number of a block that is over or lifted stays known until the database was read that far. From then on every
    /// change up to there is old, whoever brings it.
    pub fn apply(&self, changes: &[BlockChange], now: Timestamp) {
        let is_over = |block: &Block, read: i64| block.until_after(now).is_none() && block.number <= read;
        let read = self.read.load(Ordering::SeqCst);
        if changes.is_empty() && !self.blocked.load().values().any(|block| is_over(block, read)) {
            return;
        }
        self.blocked.rcu(|known| {
            // Loaded after what is known: whoever dropped a number from it had read further before.
            let read = self.read.load(Ordering::SeqCst);
            let staying = known.iter().filter(|(_, block)| !is_over(block, read));
            let mut all: HashMap<String, Block> = staying.map(|(id, block)| (id.clone(), *block)).collect();
            for BlockChange { id, until, number } in changes {
                let known = all.get(id).map_or(read, |known| known.number.max(read));
                if *number > known {
                    let (until, number) = (*until, *number);
                    all.insert(id.clone(), Block { until, number });
                }
            }
            all
        });
    }

    /// Counts a wrong secret.
    pub async fn count_wrong_secret(
        &self,
        store: &Store,
        client: Option<&ClientId>,
        address: IpAddr,
        now: Timestamp,
    ) -> Result<(), IdentityError> {
        let in_tx = store.clone();
        let counted = [
            (key(client, address), WRONG_SECRETS),
            (address_key(address), FAILURES),
        ];
        let blocked = store
            .db()
            .write(move |tx| async move {
                let mut blocked = Vec::new();
                for (id, window) in counted {
                    if let Some(until) = in_tx.count_failure(&tx, &id, window, now).await? {
                        blocked.push((id, until));
                    }
                }
                Ok::<_, IdentityError>(in_tx.block(&tx, &blocked).await?)
            })
            .await?;
        self.apply(&blocked, now);
        for _block in &blocked {
            THROTTLED.inc(labels::Limit::ClientSecret);
            tracing::warn!(client.id = client.map(ClientId::as_str), peer = %address, "too many wrong secrets");
        }
        Ok(())
    }
}

/// The keys by which a password guess is counted.
#[derive(Clone, Debug)]
pub(crate) struct GuessKeys {
    /// The key whose block is reported with 429: the typed name, or the browser in which this user has signed in
    /// before.
    pub told: String,
    /// The key whose block is not reported: the user, under whatever name. It results in the same work and a wrong
    /// password, so that nobody learns which names belong to one user. A browser in which the user has signed in before
    /// is exempt, so that nobody can lock the user out of it.
    pub untold: Option<String>,
    /// The key by which guesses in flight are counted: the typed name, or a known user in whatever browser, so that
    /// many browsers of one user do not multiply what that user may have in flight.
    pub in_flight: String,
}

impl GuessKeys {
    /// `user` is the user that the name belongs to, if any, and `device` a known browser of that user. An unknown name
    /// is counted like a known one.
    pub fn new(user: Option<&str>, device: Option<&str>, username: &str) -> Self {
        let typed = digest(&canonical(username));
        match (user, device) {
            (Some(user), Some(device)) => Self {
                told: format!("account|{user}|{}", digest(device)),
                untold: None,
                in_flight: format!("known|{user}"),
            },
            (user, _) => Self {
                untold: Some(match user {
                    Some(user) => format!("account|{user}"),
                    None => format!("account|nobody|{typed}"),
                }),
                told: format!("account|typed|{typed}"),
                in_flight: format!("typed|{typed}"),
            },
        }
    }

    pub fn all(&self) -> impl Iterator<Item = &String> {
        std::iter::once(&self.told).chain(&self.untold)
    }
}

/// The key by which guesses at a second step are counted: one for authenticator apps and recovery codes together, a user
/// and the first factor that was right before. A browser in which the user has signed in before is counted apart, so that
/// whoever knows the password cannot lock the user out of it.
pub(crate) fn second_step_key(user: &str, first: &str, device: Option<&str>) -> String {
    match device {
        Some(device) => format!("account|second|{user}|{first}|{}", digest(device)),
        None => format!("account|second|{user}|{first}"),
    }
}

/// Whether a password guess is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Counted {
    /// It is checked.
    Looked,
    /// The same work is done, but the result is a failure: the user's own count is full.
    Held,
    /// It is not checked, and the caller is told so.
    Blocked(Timestamp),
}

impl Throttle {
    /// Counts a guess before it is checked, and starts the blocks that follow from it.
    pub async fn count_guess(
        &self,
        store: &Store,
        keys: &GuessKeys,
        now: Timestamp,
    ) -> Result<Counted, IdentityError> {
        let (in_tx, keys) = (store.clone(), keys.clone());
        let (counted, blocks) = store
            .db()
            .write(move |tx| async move {
                let (mut counted, mut blocks) = (Counted::Looked, Vec::new());
                // The row of the user comes last: whoever waits for it holds nothing that its holder needs.
                for key in keys.all() {
                    match in_tx.count_guess(&tx, key, now).await? {
                        Guess::Counted(failures) => {
                            if let Some(until) = lockout::block(failures, now) {
                                blocks.push((key.clone(), until));
                            }
                        }
                        Guess::Blocked(until) if *key == keys.told => {
                            counted = Counted::Blocked(until);
                            break;
                        }
                        Guess::Blocked(_) => counted = Counted::Held,
                    }
                }
                Ok::<_, IdentityError>((counted, in_tx.block(&tx, &blocks).await?))
            })
            .await?;
        self.apply(&blocks, now);
        if counted == Counted::Held {
            THROTTLED.inc(labels::Limit::Account);
            tracing::info!(request.id = %latchkey_http::current_request_id(),
                "sign-in refused: too many wrong passwords for this user");
        }
        Ok(counted)
    }

    /// Counts a guess at a second step before it is checked, and starts the block that follows from it. Returns how many
    /// there were in a row, or when the block ends in which none is checked.
    pub async fn count_second_step(
        &self,
        store: &Store,
        key: &str,
        now: Timestamp,
    ) -> Result<Guess, IdentityError> {
        let (in_tx, key) = (store.clone(), key.to_owned());
        let (guess, blocks) = store
            .db()
            .write(move |tx| async move {
                let guess = in_tx.count_guess(&tx, &key, now).await?;
                let until = match guess {
                    Guess::Counted(failures) => second_factor::block(failures, now),
                    Guess::Blocked(_) => None,
                };
                let blocks: Vec<_> = until.map(|until| (key, until)).into_iter().collect();
                Ok::<_, IdentityError>((guess, in_tx.block(&tx, &blocks).await?))
            })
            .await?;
        self.apply(&blocks, now);
        if let Guess::Blocked(_) = guess {
            THROTTLED.inc(labels::Limit::SecondStep);
        }
        Ok(guess)
    }

    /// Takes a counted guess back that was not checked after all.
    pub async fn uncount_guess(
        &self,
        store: &Store,
        keys: &GuessKeys,
        counted: Counted,
        now: Timestamp,
    ) -> Result<(), IdentityError> {
        let untold = keys.untold.clone().filter(|_| counted == Counted::Looked);
        let counted: Vec<String> = std::iter::once(keys.told.clone()).chain(untold).collect();
        let in_tx = store.clone();
        let lifted = store
            .db()
            .write(
                move |tx| async move { Ok::<_, IdentityError>(in_tx.uncount_guesses(&tx, &counted).await?) },
            )
            .await?;
        self.apply(&lifted, now);
        Ok(())
    }
}

fn key(client: Option<&ClientId>, address: IpAddr) -> String {
    format!(
        "client_secret|{}|{}",
        client.map_or("", ClientId::as_str),
        prefix(address)
    )
}

/// The key by which failed sign-ins of an address are counted; separate from wrong secrets, so that password guesses
/// block no client.
pub(crate) fn sign_in_key(address: IpAddr) -> String {
    format!("sign_in|{}", prefix(address))
}

/// The key by which failed passkeys of a network are counted; separate from passwords, so that neither blocks the other.
pub(crate) fn passkey_key(address: IpAddr) -> String {
    let network = match address {
        IpAddr::V6(address) => match address.to_ipv4_mapped() {
            Some(mapped) => return passkey_key(IpAddr::V4(mapped)),
            None => {
                let s = address.segments();
                format!("{:x}:{:x}:{:x}::", s[0], s[1], s[2])
            }
        },
        IpAddr::V4(address) => {
            let [a, b, c, _] = address.octets();
            format!("{a}.{b}.{c}.0")
        }
    };
    format!("passkey|{network}")
}

fn address_key(address: IpAddr) -> String {
    format!("address|{}", prefix(address))
}

/// An IPv6 subscriber has a whole /64, so that is the unit.
pub(crate) fn prefix(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => match address.to_ipv4_mapped() {
            Some(mapped) => mapped.to_string(),
            None => {
                let s = address.segments();
                format!("{:x}:{:x}:{:x}:{:x}::", s[0], s[1], s[2], s[3])
            }
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(id: &str, until: Option<i64>, number: i64) -> BlockChange {
        BlockChange {
            id: id.to_owned(),
            until: until.map(Timestamp),
            number,
        }
    }

    /// TK-13. A look at the database may have read before this node has blocked somebody.
    #[test]
    fn an_older_change_does_not_replace_a_younger_block() {
        let throttle = Throttle::default();
        let (now, client) = (Timestamp(1_000), ClientId::parse("m"));
        let here: IpAddr = "127.0.0.1".parse().unwrap();
        let id = key(client.as_ref(), here);
        throttle.apply(&[change(&id, Some(5_000), 7)], now);
        throttle.apply(&[change(&id, None, 6), change(&id, Some(2_000), 5)], now);
        assert_eq!(
            throttle.blocked(client.as_ref(), here, Timestamp(4_999)),
            Some(Timestamp(5_000))
        );
        assert_eq!(throttle.blocked(client.as_ref(), here, Timestamp(5_000)), None);
        throttle.read.store(7, Ordering::SeqCst);
        throttle.apply(&[], Timestamp(4_999));
        assert_eq!(
            throttle.blocked.load().len(),
            1,
            "what was read and goes on stays"
        );
        throttle.apply(&[], Timestamp(5_000));
        assert!(throttle.blocked.load().is_empty(), "what is over is forgotten");
    }

    /// TK-13. This node's own change may be applied after another node's younger one was read.
    #[test]
    fn an_older_block_does_not_come_back_after_it_was_lifted() {
        let (throttle, now) = (Throttle::default(), Timestamp(1_000));
        throttle.apply(&[change("a", Some(5_000), 5)], now);
        throttle.apply(&[change("a", None, 6)], now);
        throttle.apply(&[change("a", Some(5_000), 5)], now);
        assert_eq!(throttle.blocked_key("a", now), None);
        // Nor when the number is forgotten because the database was read that far.
        throttle.read.store(6, Ordering::SeqCst);
        throttle.apply(&[], now);
        assert!(throttle.blocked.load().is_empty());
        throttle.apply(&[change("a", Some(5_000), 5)], now);
        assert_eq!(throttle.blocked_key("a", now), None);
        throttle.apply(&[change("a", Some(5_000), 7)], now);
        assert_eq!(
            throttle.blocked_key("a", now),
            Some(Timestamp(5_000)),
            "a younger one counts"
        );
    }

    #[test]
    fn a_block_that_was_lifted_anywhere_is_lifted_here() {
        let throttle = Throttle::default();
        let now = Timestamp(1_000);
        throttle.apply(
            &[change("ours", Some(5_000), 1), change("theirs", Some(5_000), 2)],
            now,
        );
        for id in ["ours", "theirs"] {
            assert!(throttle.blocked_key(id, now).is_some(), "{id}");
        }
        throttle.apply(&[change("ours", None, 3), change("theirs", None, 4)], now);
        for id in ["ours", "theirs"] {
            assert_eq!(throttle.blocked_key(id, now), None, "{id}");
        }
    }

    #[test]
    fn what_a_stranger_is_told_follows_what_was_typed_alone() {
        let somebody = |name| GuessKeys::new(Some("u1"), None, name);
        let nobody = |name| GuessKeys::new(None, None, name);
        for name in ["mallory", "mallory@example.test"] {
            assert_eq!(somebody(name).told, nobody(name).told, "{name}");
            assert_eq!(somebody(name).in_flight, nobody(name).in_flight, "{name}");
            assert_eq!(somebody(name).all().count(), nobody(name).all().count());
        }
        assert_ne!(somebody("mallory").told, somebody("mallory@example.test").told);
        assert_eq!(somebody(" MALLORY").told, somebody("mallory").told);
        assert_eq!(
            somebody("mallory").untold,
            somebody("mallory@example.test").untold
        );
        assert_ne!(nobody("a").untold, nobody("b").untold);
        // A known browser has a count of its own for the user, under whatever name, and no other count applies to it.
        let known = |name| GuessKeys::new(Some("u1"), Some("d1"), name);
        assert_eq!(known("mallory").told, known("mallory@example.test").told);
        assert_eq!(known("mallory").untold, None);
        assert_ne!(
            known("mallory").told,
            GuessKeys::new(Some("u1"), Some("d2"), "mallory").told
        );
        // Guesses in flight: strangers cannot take those of the user's own browsers, which share them.
        assert_ne!(known("mallory").in_flight, somebody("mallory").in_flight);
        assert_eq!(
            known("mallory").in_flight,
            GuessKeys::new(Some("u1"), Some("d2"), "mallory@example.test").in_flight
        );
    }

    /// TK-13.
    #[test]
    fn an_address_is_a_host_of_ipv4_and_a_network_of_ipv6() {
        let client = ClientId::parse("m");
        let of = |address: &str| key(client.as_ref(), address.parse().unwrap());
        assert_eq!(of("2001:db8:1:2::1"), of("2001:db8:1:2:ffff:ffff:ffff:ffff"));
        assert_ne!(of("2001:db8:1:2::1"), of("2001:db8:1:3::1"));
        assert_eq!(of("::ffff:192.0.2.1"), of("192.0.2.1"));
        assert_ne!(of("192.0.2.1"), of("192.0.2.2"));
        assert_ne!(key(None, "192.0.2.1".parse().unwrap()), of("192.0.2.1"));
    }
}
