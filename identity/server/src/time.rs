//! The current time of a node: its clock, and the latest instant that the installation has seen.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU8, Ordering};

use latchkey_clock::{Clock, rfc3339};
use latchkey_protocol::Timestamp;
use latchkey_protocol::latest::OwnClock;

/// The time of this node. Cloning is cheap; clones share their state.
#[derive(Clone)]
pub(crate) struct Time {
    clock: Clock,
    known: Arc<Known>,
}

#[derive(Default)]
struct Known {
    /// The latest instant that this installation has seen, in milliseconds.
    latest: AtomicI64,
    /// The latest instant that its database has ever shown, believed or not, in milliseconds.
    seen: AtomicI64,
    /// The worst state that was reported about this node's clock.
    told: AtomicU8,
}

impl Time {
    pub fn new(clock: Clock) -> Self {
        Self {
            clock,
            known: Arc::default(),
        }
    }

    pub fn clock(&self) -> Clock {
        self.clock.clone()
    }

    pub fn now(&self) -> Timestamp {
        Timestamp(self.clock.now_ms())
    }

    /// The latest instant that this installation has seen: a clock that was set back revives nothing.
    pub fn latest(&self) -> Timestamp {
        let now = self.now().0;
        Timestamp(self.known.latest.fetch_max(now, Ordering::Relaxed).max(now))
    }

    /// An instant for revocations after which nothing new may start. Another node may not know of it yet and may have a
    /// clock that is ahead: what it issues in the meantime must end, too. It is less than the leeway of guards, so that
    /// new tokens are accepted at once.
    pub fn soon(&self) -> Timestamp {
        const UNHEARD_MS: i64 = 8_000;
        Timestamp(self.now().0 + UNHEARD_MS)
    }

    /// Takes the latest instant recorded in the database into account, and reports once if this node's clock is behind
    /// it. `made_at` is when the newest key was created.
    pub fn compare(&self, latest: Timestamp, made_at: Option<Timestamp>, now: Timestamp) {
        if OwnClock::judge(latest, now).believes() {
            self.known.latest.fetch_max(latest.0, Ordering::Relaxed);
        }
        // A first start may have been too short to record the time, but has created its keys.
        let seen = made_at.map_or(latest, |made| made.max(latest));
        self.known.seen.fetch_max(seen.0, Ordering::Relaxed);
        let clock = OwnClock::judge(seen, now);
        if self.known.told.fetch_max(clock as u8, Ordering::Relaxed) >= clock as u8 {
            return;
        }
        let (here, there) = (rfc3339(now.0), rfc3339(seen.0));
        match clock {
            OwnClock::Right => {}
            OwnClock::Behind => tracing::warn!(
                clock = here,
                seen = there,
                "the clock of this machine is behind a timestamp in the database: this clock or that of another node was \
                 set back or is wrong; what had expired by then stays expired"
            ),
            OwnClock::FarBehind => tracing::error!(
                clock = here,
                seen = there,
                "the clock of this machine is more than seven days behind a timestamp in the database, which is \
                 therefore ignored: this clock or that of another node is or was wrong"
            ),
        }
    }

    /// What is wrong with this node's clock, as far as the database shows it.
    pub fn problem(&self) -> Option<String> {
        let now = self.now();
        let seen = Timestamp(self.known.seen.load(Ordering::Relaxed));
        if OwnClock::judge(seen, now) == OwnClock::Right {
            return None;
        }
        let (here, there) = (rfc3339(now.0), rfc3339(seen.0));
        Some(format!(
            "the clock of this machine reads {here}, but the database holds the timestamp {there}"
        ))
    }
}
