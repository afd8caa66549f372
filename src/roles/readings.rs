//! What `/metrics` reads when it is asked: everything else was counted where it happened.
//!
//! Memory, pools and guards are looked at each time. Statements run at most every few seconds, however many ask and
//! however often; one that does not answer in time leaves what was known before.

use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::response::{IntoResponse, Response};
use futures::future::join_all;
use http::header;
use latchkey_bus::{EventBus, sample_outbox};
use latchkey_clock::Clock;
use latchkey_db::Db;
use latchkey_guard::{FeedState, Guard};
use latchkey_identity::Identity;
use latchkey_metrics::catalog::{
    GUARD_FEED_AGE, GUARD_FEED_STATE, GUARD_KEYS_AGE, GUARD_KEYS_POISONED, GUARD_VERDICTS,
};
use latchkey_metrics::{Label, labels, process};
use tokio::sync::Mutex;

use super::Starting;
use crate::config::Role;

/// How long what statements have said is served again.
const FRESH: Duration = Duration::from_secs(5);
/// How long all statements of a scrape may take together.
const PATIENCE: Duration = Duration::from_secs(2);

/// Cloning is cheap.
#[derive(Clone)]
pub(super) struct Readings(Arc<Inner>);

struct Inner {
    identity: Option<Identity>,
    databases: Vec<Db>,
    guards: Vec<(labels::Role, Guard)>,
    bus: EventBus,
    groups: Vec<&'static str>,
    clock: Clock,
    /// When statements were last run.
    read_at: Mutex<Option<Instant>>,
}

impl Readings {
    pub fn new(starting: &Starting) -> Self {
        process::started(starting.clock.now_ms());
        let consumers = starting.config.played().flat_map(|spec| spec.consumers);
        let guards = starting.guards.iter();
        Self(Arc::new(Inner {
            identity: starting.identity.clone(),
            databases: starting.databases.clone(),
            guards: guards
                .map(|(role, guard)| (labels::Role::of(role), guard.clone()))
                .collect(),
            bus: starting.bus.clone(),
            groups: consumers.map(|consumer| (consumer.group)().name).collect(),
            clock: starting.clock.clone(),
            read_at: Mutex::default(),
        }))
    }

    /// The page.
    pub async fn answer(&self) -> Response {
        self.0.look();
        self.0.ask_when_due().await;
        let kind = [(header::CONTENT_TYPE, latchkey_metrics::CONTENT_TYPE)];
        (kind, latchkey_metrics::render()).into_response()
    }
}

impl Inner {
    /// What is in memory.
    fn look(&self) {
        process::sample();
        self.databases.iter().for_each(Db::sample);
        for (role, guard) in &self.guards {
            for (verdict, count) in guard.verdicts() {
                GUARD_VERDICTS.mirror((*role, labels::Verdict::of(verdict.name())), count);
            }
            let health = guard.health();
            let state = feed_state(health.feed.state);
            for of in [
                labels::FeedState::None,
                labels::FeedState::Never,
                labels::FeedState::Live,
                labels::FeedState::Grace,
                labels::FeedState::Lost,
            ] {
                GUARD_FEED_STATE.set((*role, of), f64::from(u8::from(of.index() == state.index())));
            }
            match health.feed.age_ms {
                Some(age) => GUARD_FEED_AGE.set(*role, age as f64 / 1_000.0),
                None => GUARD_FEED_AGE.clear(*role),
            }
            match health.keys.age_ms {
                Some(age) => GUARD_KEYS_AGE.set(*role, age as f64 / 1_000.0),
                None => GUARD_KEYS_AGE.clear(*role),
            }
            GUARD_KEYS_POISONED.mirror(*role, health.keys.poisoned_sets);
        }
    }

    /// Statements, unless they ran just now or somebody else is at it.
    async fn ask_when_due(&self) {
        let Ok(mut read_at) = self.read_at.try_lock() else {
            return;
        };
        if read_at.is_some_and(|at| at.elapsed() < FRESH) {
            return;
        }
        self.ask().await;
        *read_at = Some(Instant::now());
    }

    /// All at once, each by itself: a database that is away costs its own gauges and no others.
    async fn ask(&self) {
        let now = self.clock.now_ms();
        // The pages of the shop keep no outbox.
        let shop = labels::Role::of(Role::Storefront.name());
        let outboxes = self.databases.iter().filter(|db| db.role() != shop);
        let outboxes = outboxes.map(|db| read(sample_outbox(db, now)));
        let identity = async {
            if let Some(identity) = &self.identity {
                read(identity.sample()).await;
            }
        };
        tokio::join!(
            join_all(outboxes),
            read(self.bus.sample(&self.groups, now)),
            identity
        );
    }
}

async fn read<E: Error + 'static>(reading: impl Future<Output = Result<(), E>>) {
    match tokio::time::timeout(PATIENCE, reading).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => {
            let reason = latchkey_http::reasons(&error);
            tracing::warn!(reason, "some gauges could not be read; the last ones are served");
        }
        Err(_late) => tracing::warn!("some gauges were not read in time; the last ones are served"),
    }
}

fn feed_state(state: FeedState) -> labels::FeedState {
    match state {
        FeedState::Off => labels::FeedState::None,
        FeedState::Never => labels::FeedState::Never,
        FeedState::Live => labels::FeedState::Live,
        FeedState::Grace => labels::FeedState::Grace,
        FeedState::Lost => labels::FeedState::Lost,
    }
}
