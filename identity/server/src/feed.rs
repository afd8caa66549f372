//! The revocation feed for guards that do not reach the log: the revocations that every node has received, ready to be
//! signed for a caller.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use latchkey_bus::{Delivery, RevocationLog};
use latchkey_contracts::events::revocation::{Revocation as Wire, SessionFamily};
use latchkey_protocol::Timestamp;
use latchkey_protocol::revocation::WINDOW_MS;
use serde::Serialize;
use tokio::sync::broadcast;
use tokio_util::sync::CancellationToken;

use crate::time::Time;

/// The log is read every second; after this time without it, the connection counts as lost.
const RECENT_MS: i64 = 5_000;

/// An entry of the feed.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(crate) enum Entry {
    Token {
        jti: String,
        until: i64,
        /// The audiences that may see it; not sent.
        #[serde(skip)]
        aud: Vec<String>,
    },
    Family {
        fam: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        sid: Option<String>,
        until: i64,
    },
    Subject {
        sub: String,
        before: i64,
        until: i64,
    },
    Client {
        client_id: String,
        before: i64,
        until: i64,
    },
    Key {
        kid: String,
    },
}

/// Everything that one event ended.
#[derive(Debug)]
pub(crate) struct Item {
    pub position: i64,
    pub entries: Vec<Entry>,
    /// Forgotten after this second.
    until: i64,
}

/// The next item for a connection.
#[derive(Clone, Debug)]
pub(crate) enum FeedUpdate {
    Item(Arc<Item>),
    /// Everything up to this position was sent, and the log was reached just now.
    Live(i64),
    /// The log is another one: start again.
    Reset,
}

/// The shared memory of the feed.
pub(crate) struct Feed {
    known: RwLock<Known>,
    news: broadcast::Sender<FeedUpdate>,
    /// When the log was last reached, in Unix milliseconds.
    reached_at_ms: AtomicI64,
}

#[derive(Default)]
struct Known {
    epoch: Option<String>,
    position: i64,
    items: Vec<Arc<Item>>,
    unreadable: bool,
}

/// The starting point of a connection.
pub(crate) struct Start {
    pub epoch: String,
    pub position: i64,
    pub items: Vec<Arc<Item>>,
    pub news: broadcast::Receiver<FeedUpdate>,
}

impl Default for Feed {
    fn default() -> Self {
        Self {
            known: RwLock::default(),
            news: broadcast::Sender::new(4_096),
            reached_at_ms: AtomicI64::new(0),
        }
    }
}

impl Feed {
    /// True once everything that happened before the start is known.
    pub fn is_live(&self) -> bool {
        self.known
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .epoch
            .is_some()
    }

    /// How many connections follow it.
    pub fn followers(&self) -> usize {
        self.news.receiver_count()
    }

    /// True if the log was reached recently: a heartbeat may be sent.
    pub fn was_reached_recently(&self, now_ms: i64) -> bool {
        self.reached_at_ms.load(Ordering::Relaxed) + RECENT_MS >= now_ms
    }

    /// All live entries, and a subscription to everything after them without a gap; `None` before the feed is live.
    pub fn start(&self) -> Option<Start> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        Some(Start {
            epoch: known.epoch.clone()?,
            position: known.position,
            items: known.items.clone(),
            // Subscribed under the lock: later news are not in `items`, and vice versa.
            news: self.news.subscribe(),
        })
    }

    fn receive(&self, delivery: Delivery, now: Timestamp) {
        let now_s = now.seconds();
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        let news = match delivery {
            Delivery::Event { position, event } => {
                let wire = match Wire::parse(&event.r#type, &event.data) {
                    Ok(wire) => wire,
                    Err(error) => {
                        // Guards must not assume that they know everything: no more heartbeats are sent.
                        tracing::error!(error = %error, event.id = event.id, "a revocation event cannot be parsed");
                        *known = Known {
                            unreadable: true,
                            ..Known::default()
                        };
                        let _listeners = self.news.send(FeedUpdate::Reset);
                        return;
                    }
                };
                let item = Arc::new(item(position, wire, now_s));
                known.items.push(item.clone());
                known.position = known.position.max(position);
                FeedUpdate::Item(item)
            }
            Delivery::Live { .. } if known.unreadable => return,
            Delivery::Live { position, epoch } => {
                known.items.retain(|item| item.until >= now_s);
                self.reached_at_ms.store(now.0, Ordering::Relaxed);
                known.epoch = Some(epoch);
                known.position = position;
                FeedUpdate::Live(position)
            }
            Delivery::Reset => {
                *known = Known::default();
                FeedUpdate::Reset
            }
        };
        // There may be no connections.
        let _listeners = self.news.send(news);
    }

    /// Follows the log like any guard, until `stop`.
    pub async fn listen(&self, log: &RevocationLog, time: &Time, stop: CancellationToken) {
        // A restart receives everything again.
        self.receive(Delivery::Reset, time.now());
        let since = time.now().0 - WINDOW_MS;
        let mut subscription = log.subscribe(Wire::SOURCE, Wire::TYPES, since, stop);
        while let Some(delivery) = subscription.next().await {
            self.receive(delivery, time.now());
        }
    }
}

fn item(position: i64, wire: Wire, now_s: i64) -> Item {
    let family = |fam: String, sid: Option<String>, until: i64| Entry::Family { fam, sid, until };
    let (entries, until) = match wire {
        Wire::Token(t) => (
            vec![Entry::Token {
                jti: t.jti,
                until: t.until,
                aud: t.aud,
            }],
            t.until,
        ),
        Wire::Family(f) => (vec![family(f.fam, f.sid, f.until)], f.until),
        Wire::Session(s) => {
            let each = |f: SessionFamily| family(f.fam, f.sid, s.until);
            (s.families.into_iter().map(each).collect(), s.until)
        }
        Wire::Subject(s) => (
            vec![Entry::Subject {
                sub: s.sub,
                before: s.before,
                until: s.until,
            }],
            s.until,
        ),
        Wire::Client(c) => (
            vec![Entry::Client {
                client_id: c.client_id,
                before: c.before,
                until: c.until,
            }],
            c.until,
        ),
        Wire::Key(k) => (vec![Entry::Key { kid: k.kid }], now_s + WINDOW_MS / 1_000),
    };
    Item {
        position,
        entries,
        until,
    }
}
