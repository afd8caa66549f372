//! Broadcast: every instance hears every event, beginning with what it missed.

use std::time::Duration;

use latchkey_db::reasons;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::log::{SqlLog, State};
use crate::{Bus, BusError, Event};

/// Events read in one go.
const CHUNK: i64 = 512;
/// Polls without a beat after which a source is believed to be in trouble: three of its beats.
const SILENT_POLLS: u32 = 10;

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
    /// then each new one as it is committed, with a `Live` at least every [poll](Bus::with_poll) while the log can be reached.
    pub fn broadcast(
        &self,
        types: &'static [&'static str],
        since: i64,
        stop: CancellationToken,
    ) -> Broadcast {
        self.broadcast_of("", types, since, stop)
    }

    /// The same, for whoever must know that nothing is missing: no `Live` is told while `source`, whose events these are,
    /// has stopped [beating](crate::Relay::beating). A source that never beat in this log is believed.
    pub fn broadcast_of(
        &self,
        source: &'static str,
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
                        () = follow(log, source, types, since, &tell) => {}
                        () = stop.cancelled() => {}
                    }
                });
            }
        }
        Broadcast { heard }
    }
}

/// Ends when nobody listens.
async fn follow(log: SqlLog, source: &str, types: &[&str], since: i64, tell: &mpsc::Sender<Heard>) {
    let mut changes = log.db().changes();
    let mut at: Option<State> = None;
    let mut pulse = Pulse::new(Instant::now());
    let mut blind = false;
    loop {
        let told = async {
            let (now, beat) = log.state_and_beat(source).await?;
            let beats = pulse.feel(beat, Instant::now(), log.poll * SILENT_POLLS);
            step(&log, now, beats, types, since, &mut at, tell).await
        };
        match told.await {
            Ok(true) => {
                if std::mem::take(&mut blind) {
                    tracing::info!("a broadcast reads the log again");
                }
            }
            Ok(false) => return,
            // No `Live` is told: the subscriber sees the age of its feed grow.
            Err(error) => {
                if !std::mem::replace(&mut blind, true) {
                    tracing::warn!(reason = reasons(&error), "a broadcast cannot read the log");
                }
            }
        }
        tokio::select! {
            changed = changes.changed() => if changed.is_err() { return },
            () = tokio::time::sleep(log.poll) => {}
            () = tell.closed() => return,
        }
    }
}

/// Tells all that is new. `false` when nobody listens any more.
///
/// `at` moves with every word that was told, so that a log that fails in between is taken up where it was left.
///
/// `now` was read before the events: all of them up to there are committed and visible. Nothing is said to be live
/// unless the source `beats`.
async fn step(
    log: &SqlLog,
    now: State,
    beats: bool,
    types: &[&str],
    since: i64,
    at: &mut Option<State>,
    tell: &mpsc::Sender<Heard>,
) -> Result<bool, BusError> {
    if let Some(then) = &at
        && (then.epoch != now.epoch || then.position > now.position)
    {
        if tell.send(Heard::Reset).await.is_err() {
            return Ok(false);
        }
        *at = None;
    }
    let told = match at {
        Some(told) => told,
        None => at.insert(State {
            position: log
                .position_before(since)
                .await?
                .unwrap_or(now.position)
                .min(now.position),
            epoch: now.epoch,
        }),
    };
    while told.position < now.position {
        let entries = log.between(told.position, now.position, types, CHUNK).await?;
        let last = (entries.len() as i64) < CHUNK;
        for entry in entries {
            match entry.event() {
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
            told.position = entry.position;
        }
        if last {
            told.position = now.position;
        }
    }
    if !beats {
        return Ok(!tell.is_closed());
    }
    let live = Heard::Live {
        position: told.position,
        epoch: told.epoch.clone(),
    };
    Ok(tell.send(live).await.is_ok())
}

/// Whether a source goes on: its beat, and when it was last seen to move. Only this process's clock counts.
struct Pulse {
    beat: Option<i64>,
    moved: Instant,
    silent: bool,
}

impl Pulse {
    /// Whoever begins to listen gives the source the benefit of the doubt.
    fn new(now: Instant) -> Self {
        Self {
            beat: None,
            moved: now,
            silent: false,
        }
    }

    /// False when the last beat is longer ago than `patience`; never for a source that does not beat at all.
    fn feel(&mut self, beat: Option<i64>, now: Instant, patience: Duration) -> bool {
        if self.beat != beat {
            (self.beat, self.moved) = (beat, now);
        }
        let silent = beat.is_some() && now.duration_since(self.moved) > patience;
        if silent != self.silent {
            self.silent = silent;
            if silent {
                tracing::warn!("a service cannot publish its events, or has gone");
            } else {
                tracing::info!("a service publishes its events again");
            }
        }
        !silent
    }
}

#[cfg(test)]
mod tests {
    use latchkey_clock::{Clock, Random};
    use latchkey_db::{Db, Options, sql, testing};

    use super::*;
    use crate::relay::Parcel;

    const TYPES: &[&str] = &["shop.order.placed.v1"];

    async fn publish(log: &SqlLog, ids: std::ops::RangeInclusive<u32>) {
        let parcel = |id: u32| Parcel {
            id: id.to_string(),
            r#type: TYPES[0].to_owned(),
            partition_key: "key".to_owned(),
            envelope: format!(
                r#"{{"specversion":"1.0","id":"{id}","source":"/shop","type":"{}","subject":"key","time":"",
                "datacontenttype":"application/json","sequence":"{id}","partitionkey":"key","data":null}}"#,
                TYPES[0]
            ),
        };
        log.append(ids.map(parcel).collect()).await.unwrap();
    }

    /// What was told: positions, and zero for a `Live`.
    fn told(heard: &mut mpsc::Receiver<Heard>) -> Vec<i64> {
        let mut told = Vec::new();
        while let Ok(heard) = heard.try_recv() {
            told.push(match heard {
                Heard::Event { position, .. } => position,
                Heard::Live { .. } => 0,
                Heard::Reset => -1,
            });
        }
        told
    }

    #[test]
    fn a_source_is_silent_when_its_beat_stands_still_and_not_before() {
        let patience = Duration::from_secs(10);
        let begun = Instant::now();
        let at = |seconds| begun + Duration::from_secs(seconds);
        let mut pulse = Pulse::new(begun);
        // Nobody has ever beaten here.
        assert!(pulse.feel(None, at(100), patience));
        for (beat, second, beats) in [
            (7, 101, true),
            (7, 111, true),
            (7, 112, false),
            (8, 113, true),
            (8, 123, true),
            (8, 124, false),
            // A log that was made anew begins at its own beat.
            (1, 125, true),
        ] {
            assert_eq!(
                pulse.feel(Some(beat), at(second), patience),
                beats,
                "{beat} at {second}"
            );
        }
    }

    async fn tell_all(
        log: &SqlLog,
        at: &mut Option<State>,
        tell: &mpsc::Sender<Heard>,
    ) -> Result<bool, BusError> {
        step(log, log.state().await?, true, TYPES, 0, at, tell).await
    }

    #[tokio::test]
    async fn a_log_that_cannot_be_read_for_a_while_is_taken_up_where_it_was_left() {
        for (_, url) in testing::urls("broadcast_step").await {
            let log = SqlLog::open(
                &url,
                Clock::manual(1_000),
                Random::system(),
                CancellationToken::new(),
            )
            .await
            .unwrap();
            let hand = Db::open(&url, Options::new(&[])).await.unwrap();
            let by_hand = async |statement: &'static str| {
                let done = hand.write(async move |tx| sql(statement).execute(&tx).await);
                done.await.unwrap();
            };
            let (tell, mut heard) = mpsc::channel(64);
            let mut at = None;
            publish(&log, 1..=3).await;
            assert!(tell_all(&log, &mut at, &tell).await.unwrap());
            assert_eq!(told(&mut heard), [1, 2, 3, 0]);

            publish(&log, 4..=5).await;
            by_hand("ALTER TABLE bus_log RENAME TO away").await;
            assert!(tell_all(&log, &mut at, &tell).await.is_err());
            by_hand("ALTER TABLE away RENAME TO bus_log").await;
            assert!(tell_all(&log, &mut at, &tell).await.unwrap());
            assert_eq!(told(&mut heard), [4, 5, 0]);
        }
    }

    #[tokio::test]
    async fn a_snapshot_of_several_chunks_is_whole() {
        let url = testing::sqlite_url("broadcast_chunks");
        let log = SqlLog::open(
            &url,
            Clock::manual(1_000),
            Random::system(),
            CancellationToken::new(),
        )
        .await
        .unwrap();
        let last = 2 * CHUNK;
        publish(&log, 1..=last as u32).await;
        let (tell, mut heard) = mpsc::channel(last as usize + 1);
        assert!(tell_all(&log, &mut None, &tell).await.unwrap());
        let expected: Vec<i64> = (1..=last).chain([0]).collect();
        assert_eq!(told(&mut heard), expected);
    }
}
