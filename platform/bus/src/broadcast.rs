//! Broadcast: every instance hears every event, beginning with what it missed.

use std::time::Duration;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::log::{SqlLog, State};
use crate::{Bus, BusError, Event};

/// The backstop when no word of a change comes, and the beat of a quiet log.
const POLL: Duration = Duration::from_secs(1);
/// Events read in one go.
const CHUNK: i64 = 512;

/// What a subscriber is told, in order.
#[derive(Clone, Debug, PartialEq)]
pub enum Heard {
    /// An event, at its position.
    Event {
        /// Its place in the log.
        position: i64,
        /// What happened.
        event: Box<Event>,
    },
    /// Everything up to `position` has been told and the log was reached just now. The first one ends the snapshot.
    Live {
        /// The log's highest position.
        position: i64,
        /// The log's epoch.
        epoch: String,
    },
    /// The log is another one, or went backwards: what follows is a new snapshot.
    Reset,
}

/// A subscription that every instance has for itself.
pub struct Broadcast {
    heard: mpsc::Receiver<Heard>,
}

impl Broadcast {
    /// What comes next; `None` after the subscription was stopped.
    pub async fn next(&mut self) -> Option<Heard> {
        self.heard.recv().await
    }
}

impl Bus {
    /// Hears every event of `types`: first those appended since `since` (Unix milliseconds), then [`Heard::Live`],
    /// then each new one as it is committed, with a `Live` at least every second while the log can be reached.
    pub fn broadcast(
        &self,
        types: &'static [&'static str],
        since: i64,
        stop: CancellationToken,
    ) -> Broadcast {
        let (tell, heard) = mpsc::channel(1024);
        match self {
            Self::SqlLog(log) => {
                let log = log.clone();
                tokio::spawn(async move {
                    tokio::select! {
                        () = follow(log, types, since, &tell) => {}
                        () = stop.cancelled() => {}
                    }
                });
            }
        }
        Broadcast { heard }
    }
}

/// Ends when nobody listens.
async fn follow(log: SqlLog, types: &[&str], since: i64, tell: &mpsc::Sender<Heard>) {
    let mut changes = log.db().changes();
    let mut at: Option<State> = None;
    loop {
        match step(&log, types, since, &mut at, tell).await {
            Ok(true) => {}
            Ok(false) => return,
            // No `Live` is told: the subscriber sees the age of its feed grow.
            Err(error) => tracing::warn!(error = %error, "a broadcast cannot read the log"),
        }
        tokio::select! {
            changed = changes.changed() => if changed.is_err() { return },
            () = tokio::time::sleep(POLL) => {}
            () = tell.closed() => return,
        }
    }
}

/// Tells all that is new. `false` when nobody listens any more.
async fn step(
    log: &SqlLog,
    types: &[&str],
    since: i64,
    at: &mut Option<State>,
    tell: &mpsc::Sender<Heard>,
) -> Result<bool, BusError> {
    // Read before the events: all of them up to here are committed and visible.
    let now = log.state().await?;
    let told = match at.take() {
        Some(then) if then.epoch == now.epoch && then.position <= now.position => then.position,
        Some(_) => {
            if tell.send(Heard::Reset).await.is_err() {
                return Ok(false);
            }
            log.position_before(since).await?.unwrap_or(now.position)
        }
        None => log.position_before(since).await?.unwrap_or(now.position),
    };
    let mut position = told;
    while position < now.position {
        let entries = log.between(position, now.position, types, CHUNK).await?;
        position = match entries.last() {
            Some(last) if entries.len() as i64 == CHUNK => last.position,
            _ => now.position,
        };
        for entry in entries {
            match Event::parse(&entry.envelope) {
                Ok(event) => {
                    let event = Heard::Event {
                        position: entry.position,
                        event: Box::new(event),
                    };
                    if tell.send(event).await.is_err() {
                        return Ok(false);
                    }
                }
                // It was checked when it was put; somebody wrote into the log by hand.
                Err(error) => tracing::error!(error = %error, event.id = entry.event_id, "unreadable event"),
            }
        }
    }
    let live = Heard::Live {
        position: now.position,
        epoch: now.epoch.clone(),
    };
    *at = Some(now);
    Ok(tell.send(live).await.is_ok())
}
