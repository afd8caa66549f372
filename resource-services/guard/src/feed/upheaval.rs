//! A key is revoked while guards start, fetch and lag at random instants: in simulated time, with the feed's real
//! messages.
//!
//! Within a second of the response to the revocation, every guard, on the log or on the feed, rejects what the revoked
//! key has signed and accepts what the next one signs, as long as the network is no slower than assumed here.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::{join_all, join3};
use latchkey_testkit::mint::{Signer, jwks};
use proptest::prelude::*;
use serde_json::json;
use tokio::time::{Instant, sleep, sleep_until};

use super::{Feed, pause};
use crate::clock::Clock;
use crate::feed_message::Chain;
use crate::guard::Guard;
use crate::keys::Keys;
use crate::signals::{Signal, Signals};
use crate::sse::Frame;

const ISSUER: &str = "https://id.example";
const NOTES: &str = "urn:example:notes";
/// A second in 2027, at which each case begins.
const BASE_S: u64 = 1_800_000_000;
/// When the revocation is answered: from then on the next key signs.
const REVOKED_MS: u64 = 1_500;
/// The promised bound.
const BOUND_MS: u64 = 1_000;
const END_MS: u64 = 6_000;
/// How much later another node of the issuer may publish the next key.
const NODES_LAG_MS: u64 = 100;
/// The one-way delay of a message or a request.
const LONGEST_WAY_MS: u64 = 300;
const LONGEST_FETCH_MS: u64 = 60;

static OLD: LazyLock<Signer> = LazyLock::new(|| Signer::ec("old"));
static NEXT: LazyLock<Signer> = LazyLock::new(|| Signer::ec("next"));

/// An access token of this key.
fn token(key: &Signer) -> String {
    key.token(&json!({
        "iss": ISSUER, "sub": "alice", "aud": NOTES, "client_id": "web", "iat": BASE_S, "exp": BASE_S + 300,
        "jti": key.kid,
    }))
}

/// A guard and its network conditions.
#[derive(Clone, Debug)]
struct Plan {
    on_the_feed: bool,
    starts_ms: u64,
    /// When it fetches the keys, besides at its start.
    fetches_ms: Vec<u64>,
    fetch_takes_ms: u64,
    way_ms: u64,
}

fn plan() -> impl Strategy<Value = Plan> {
    (
        any::<bool>(),
        0..2 * REVOKED_MS,
        prop::collection::vec(0..2 * REVOKED_MS, 0..=2),
        0..=LONGEST_FETCH_MS,
        0..=LONGEST_WAY_MS,
    )
        .prop_map(
            |(on_the_feed, starts_ms, fetches_ms, fetch_takes_ms, way_ms)| Plan {
                on_the_feed,
                starts_ms,
                fetches_ms,
                fetch_takes_ms,
                way_ms,
            },
        )
}

/// The issuer over time.
#[derive(Clone, Copy)]
struct World {
    begun: Instant,
    /// When the JWKS that guards reach contains the next key.
    published_ms: u64,
}

impl World {
    fn now_ms(&self) -> u64 {
        u64::try_from(self.begun.elapsed().as_millis()).expect("a few seconds")
    }

    fn at(&self, ms: u64) -> Instant {
        self.begun + Duration::from_millis(ms)
    }

    fn clock(&self) -> Clock {
        let world = *self;
        Arc::new(move || i64::try_from(BASE_S * 1_000 + world.now_ms()).expect("milliseconds"))
    }

    fn keys(&self, plan: &Plan) -> Keys {
        let world = *self;
        let way = Duration::from_millis(plan.fetch_takes_ms) / 2;
        let fetch = move || {
            async move {
                sleep(way).await;
                let key = if world.now_ms() < world.published_ms {
                    &OLD
                } else {
                    &NEXT
                };
                let jwks = jwks(&[key]).into_bytes();
                sleep(way).await;
                Ok(jwks)
            }
            .boxed()
        };
        Keys::new(fetch, self.clock())
    }

    /// A feed message at an instant, signed with the key of that time.
    fn frame(&self, event: &str, sent_ms: u64, prev: Option<u64>) -> Frame {
        let revoked = sent_ms >= REVOKED_MS;
        let entries = if revoked && event != "heartbeat" {
            json!([{"kind": "key", "kid": OLD.kid}])
        } else {
            json!([])
        };
        let mut payload = json!({
            "iss": ISSUER, "aud": "notes", "iat": BASE_S + sent_ms / 1_000, "epoch": "e1", "event": event,
            "position": position(sent_ms), "more": false, "entries": entries,
        });
        if let Some(prev) = prev {
            payload["prev"] = json!(prev);
        }
        let key = if revoked { &NEXT } else { &OLD };
        let header = json!({"alg": key.alg(), "typ": "revocations+jwt", "kid": key.kid});
        Frame {
            event: event.to_owned(),
            data: key.jws(&header.to_string(), &payload.to_string()),
        }
    }
}

fn position(sent_ms: u64) -> u64 {
    if sent_ms < REVOKED_MS { 1 } else { 2 }
}

/// Runs a guard and returns what it did wrong.
async fn live(world: World, plan: &Plan) -> Vec<String> {
    sleep_until(world.at(plan.starts_ms)).await;
    let keys = world.keys(plan);
    let signals = Signals::new(world.clock());
    let guard = Guard::builder(ISSUER, NOTES, keys.clone(), signals.clone())
        .clock(world.clock())
        .build();
    let refreshing = keys.clone().run(std::future::pending());
    let fetching = join_all(plan.fetches_ms.iter().map(async |ms| {
        sleep_until(world.at(*ms)).await;
        let _ = keys.refresh().await;
    }));
    let hearing = async {
        if plan.on_the_feed {
            hear_the_feed(world, plan, &signals, &keys).await;
        } else {
            hear_the_bus(world, plan, &signals).await;
        }
    };
    tokio::select! {
        mistakes = judge(world, plan, &guard) => mistakes,
        _never = join3(refreshing, fetching, hearing) => vec!["it fell silent".to_owned()],
    }
}

/// Requests arrive continuously with tokens of both keys; after the bound every verdict must be right.
async fn judge(world: World, plan: &Plan, guard: &Guard) -> Vec<String> {
    let (old, next) = (token(&OLD), token(&NEXT));
    let mut mistakes = Vec::new();
    for ms in (plan.starts_ms..END_MS).step_by(53) {
        sleep_until(world.at(ms)).await;
        let verdicts = (guard.verify_token(&old).await, guard.verify_token(&next).await);
        if ms >= plan.starts_ms.max(REVOKED_MS) + BOUND_MS {
            if verdicts.0.is_ok() {
                mistakes.push(format!("at {ms} it accepts what the revoked key has signed"));
            }
            if let Err(refused) = verdicts.1 {
                mistakes.push(format!("at {ms} it refuses a good token: {:?}", refused.reason));
            }
        } else if ms >= plan.starts_ms + BOUND_MS
            && world.now_ms() < REVOKED_MS
            && let Err(refused) = verdicts.0
        {
            mistakes.push(format!(
                "at {ms} it refuses a token of before: {:?}",
                refused.reason
            ));
        }
    }
    mistakes
}

/// As [`Feed::listen`] does, without a socket.
async fn hear_the_feed(world: World, plan: &Plan, signals: &Signals, keys: &Keys) {
    let feed = Feed {
        url: "https://id.example/revocations".into(),
        client_id: "notes".into(),
        client_secret: "secret".into(),
        issuer: ISSUER.into(),
        client: client(),
    };
    let (way, clock) = (Duration::from_millis(plan.way_ms), world.clock());
    let mut failures = 0;
    loop {
        sleep(way).await;
        let mut chain = Chain::new(None);
        let mut sent_ms = world.now_ms();
        let mut frame = world.frame("snapshot", sent_ms, None);
        loop {
            sleep_until(world.at(sent_ms) + way).await;
            let taken = feed.take_in(&frame, &mut chain, signals, keys, &clock);
            if taken.await.is_err() {
                break;
            }
            let prev = position(sent_ms);
            let heartbeat_ms = sent_ms + 500;
            let event = if sent_ms < REVOKED_MS && REVOKED_MS <= heartbeat_ms {
                sent_ms = REVOKED_MS;
                "entries"
            } else {
                sent_ms = heartbeat_ms;
                "heartbeat"
            };
            frame = world.frame(event, sent_ms, Some(prev));
        }
        signals.apply(Signal::Reset);
        failures += 1;
        sleep(pause(failures, world.now_ms())).await;
    }
}

async fn hear_the_bus(world: World, plan: &Plan, signals: &Signals) {
    let way = Duration::from_millis(plan.way_ms);
    sleep(way).await;
    if world.now_ms() < REVOKED_MS {
        signals.apply(Signal::Live { position: 1 });
        sleep_until(world.at(REVOKED_MS) + way).await;
    }
    signals.apply(Signal::Key { kid: OLD.kid.into() });
    signals.apply(Signal::Live { position: 2 });
    std::future::pending().await
}

fn client() -> reqwest::Client {
    static CLIENT: LazyLock<reqwest::Client> = LazyLock::new(|| {
        let _installed_before = rustls::crypto::aws_lc_rs::default_provider().install_default();
        reqwest::Client::builder().no_proxy().build().expect("a client")
    });
    CLIENT.clone()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(100) })]

    #[test]
    fn every_guard_refuses_a_revoked_key_and_knows_the_next_within_a_second(
        plans in prop::collection::vec(plan(), 1..=5),
        nodes_lag_ms in 0..=NODES_LAG_MS,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .expect("a runtime");
        let mistakes = runtime.block_on(async {
            let world = World {
                begun: Instant::now(),
                published_ms: REVOKED_MS + nodes_lag_ms,
            };
            join_all(plans.iter().map(|plan| live(world, plan))).await
        });
        for (plan, mistakes) in plans.iter().zip(mistakes) {
            prop_assert!(mistakes.is_empty(), "{plan:?}: {mistakes:#?}");
        }
    }
}
