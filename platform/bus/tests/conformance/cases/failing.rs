//! What cannot be handled: tried again, parked, visible, and never in the way of the others.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use futures::FutureExt;
use latchkey_bus::{Event, Group, HandlerError, Retries};
use latchkey_db::{DbError, sql};

use super::{Violation, ensure};
use crate::gate::{gate, until};
use crate::participant::Handle;
use crate::shop::{Order, OrderError, PLACED, order_of};
use crate::stage::{GROUP, LEASE_MS, Process, Stage};

/// A group that tries three times quickly, and twice more in rounds of three.
fn patient() -> Group {
    Group {
        retries: Retries {
            quick: vec![Duration::from_millis(1); 2],
            later: [5, 30].map(Duration::from_secs).to_vec(),
        },
        ..GROUP
    }
}

/// How an order fares with a handler that has its reasons.
#[derive(Clone, Default)]
struct Trouble {
    attempts: Arc<AtomicUsize>,
    mended: Arc<AtomicBool>,
}

impl Trouble {
    /// Has the effects of all orders but `order`, which fails by `how` until it is mended.
    fn with(
        &self,
        order: &str,
        process: &Process,
        how: impl Fn() -> HandlerError + Send + Sync + 'static,
    ) -> Handle {
        let (effect, trouble, order) = (process.effect(), self.clone(), order.to_owned());
        Arc::new(move |tx, event| {
            if order_of(&event) != order {
                return effect(tx, event);
            }
            trouble.attempts.fetch_add(1, Ordering::SeqCst);
            if trouble.mended.load(Ordering::SeqCst) {
                return effect(tx, event);
            }
            // The effect is had and must be taken back.
            let (had, failure) = (effect(tx, event), how());
            async move { had.await.and(Err(failure)) }.boxed()
        })
    }

    fn attempts(&self) -> usize {
        self.attempts.load(Ordering::SeqCst)
    }

    /// So many attempts and not one more once everything else has been delivered.
    async fn exactly(&self, attempts: usize, stage: &Stage, process: &Process) -> Result<(), Violation> {
        until("an attempt", async || self.attempts() >= attempts).await?;
        stage.settle(process).await?;
        let made = self.attempts();
        ensure(made == attempts, || {
            format!("{made} attempts instead of {attempts}")
        })
    }
}

pub async fn a_failure_is_retried_quickly_then_later_then_parked_and_redriven(
    stage: &Stage,
) -> Result<(), Violation> {
    let (process, trouble) = (stage.process("one").await, Trouble::default());
    process.relay();
    process.consume(
        patient(),
        trouble.with("bad-1", &process, || HandlerError::Retry("not today".to_owned())),
    );
    process.produce(Order::new("bad")).await?;
    process.produce(Order::new("good")).await?;
    trouble.exactly(3, stage, &process).await?;
    stage.advance(4_999).await;
    trouble.exactly(3, stage, &process).await?;
    stage.advance(1).await;
    trouble.exactly(6, stage, &process).await?;
    ensure(parked(stage).await.is_empty(), || "parked too early".to_owned())?;
    stage.advance(30_000).await;
    trouble.exactly(9, stage, &process).await?;

    let parked_at = stage.clock.now_ms();
    until("the dead letter", async || !parked(stage).await.is_empty()).await?;
    let dead = stage.bus.parked().await.unwrap().remove(0);
    ensure(
        dead.consumer == GROUP.name
            && dead.r#type == PLACED
            && dead.attempts == 9
            && dead.last_error == "not today"
            && dead.first_at == parked_at - 35_000
            && dead.parked_at == parked_at
            && dead.envelope.contains("bad-1"),
        || format!("{dead:?}"),
    )?;
    stage.advance(24 * 3_600_000).await;
    trouble.exactly(9, stage, &process).await?;

    trouble.mended.store(true, Ordering::SeqCst);
    let nobody = stage.bus.redrive("nobody", &dead.event_id).await.unwrap();
    let redriven = stage.bus.redrive(GROUP.name, &dead.event_id).await.unwrap();
    ensure(!nobody && redriven, || "redriven for nobody".to_owned())?;
    stage.effect_of("bad-1").await?;
    trouble.exactly(10, stage, &process).await?;
    ensure(parked(stage).await.is_empty(), || "still parked".to_owned())?;
    ensure(
        !stage.bus.redrive(GROUP.name, &dead.event_id).await.unwrap(),
        || "redriven twice".to_owned(),
    )?;
    stage.exactly_once().await
}

pub async fn a_permanent_failure_is_parked_at_once(stage: &Stage) -> Result<(), Violation> {
    let (process, trouble) = (stage.process("one").await, Trouble::default());
    process.relay();
    process.consume(
        patient(),
        trouble.with("bad-1", &process, || HandlerError::Dead("never".to_owned())),
    );
    process.produce(Order::new("bad")).await?;
    trouble.exactly(1, stage, &process).await?;
    let parked = parked(stage).await;
    ensure(parked == [("bad-1".to_owned(), 1)], || format!("{parked:?}"))
}

pub async fn a_panic_is_a_failed_attempt_and_the_consumer_lives_on(stage: &Stage) -> Result<(), Violation> {
    let (process, trouble) = (stage.process("one").await, Trouble::default());
    process.relay();
    let consuming = process.consume(
        patient(),
        trouble.with("bad-1", &process, || panic!("as planned")),
    );
    process.produce(Order::new("bad")).await?;
    trouble.exactly(3, stage, &process).await?;
    stage.advance(5_000).await;
    trouble.exactly(6, stage, &process).await?;
    stage.advance(30_000).await;
    trouble.exactly(9, stage, &process).await?;
    let parked = parked(stage).await;
    ensure(parked == [("bad-1".to_owned(), 9)], || format!("{parked:?}"))?;
    ensure(!consuming.is_finished(), || "the consumer died of it".to_owned())
}

pub async fn a_database_that_is_away_is_not_an_attempt(stage: &Stage) -> Result<(), Violation> {
    let (process, trouble) = (stage.process("one").await, Trouble::default());
    process.relay();
    process.consume(
        GROUP,
        trouble.with("order-1", &process, || HandlerError::Db(DbError::Stopped)),
    );
    process.produce(Order::new("order")).await?;
    // The group has no retries at all: a counted attempt would park.
    until("a few attempts", async || trouble.attempts() >= 3).await?;
    trouble.mended.store(true, Ordering::SeqCst);
    stage.settle(&process).await?;
    ensure(parked(stage).await.is_empty(), || "it was counted".to_owned())?;
    stage.exactly_once().await
}

pub async fn attempts_survive_a_crash(stage: &Stage) -> Result<(), Violation> {
    let (first, trouble) = (stage.process("first").await, Trouble::default());
    let bad = || HandlerError::Retry("not today".to_owned());
    let (inside, held) = gate();
    let (failing, standing) = (
        trouble.with("bad-1", &first, bad),
        first.effect_held("next-1", inside),
    );
    let handle: Handle = Arc::new(move |tx, event| {
        if order_of(&event) == "bad-1" {
            failing(tx, event)
        } else {
            standing(tx, event)
        }
    });
    first.produce(Order::new("bad")).await?;
    first.produce(Order::new("next")).await?;
    first.relay();
    first.consume(patient(), handle);
    let _closed = held.reached().await?;
    ensure(trouble.attempts() == 3, || "the failure was not first".to_owned())?;
    first.kill().await;
    stage.advance(LEASE_MS - 1_000).await;

    let second = stage.process("second").await;
    second.relay();
    second.consume(patient(), trouble.with("bad-1", &second, bad));
    // One second before the later attempt; the lease of the dead is just over.
    stage.advance(1_000).await;
    trouble.exactly(6, stage, &second).await?;
    stage.advance(30_000).await;
    trouble.exactly(9, stage, &second).await?;
    let parked = parked(stage).await;
    ensure(parked == [("bad-1".to_owned(), 9)], || format!("{parked:?}"))
}

pub async fn a_poison_envelope_is_parked_and_holds_nobody_up(stage: &Stage) -> Result<(), Violation> {
    let process = stage.process("one").await;
    smuggle(stage, "no-json", PLACED, "} this is no event {").await;
    smuggle(
        stage,
        "too-large",
        PLACED,
        &"x".repeat(latchkey_bus::MAX_ENVELOPE + 1),
    )
    .await;
    process.relay();
    process.consume(patient(), process.effect());
    stage.settle(&process).await?;
    let mut parked = stage.bus.parked().await.unwrap();
    parked.sort_by(|a, b| a.event_id.cmp(&b.event_id));
    let ids: Vec<&str> = parked.iter().map(|dead| dead.event_id.as_str()).collect();
    ensure(ids == ["no-json", "too-large"], || format!("{ids:?}"))?;
    ensure(parked[0].envelope == "} this is no event {", || {
        "not as it came".to_owned()
    })?;
    // Redriven without being mended, it is parked again.
    ensure(stage.bus.redrive(GROUP.name, "no-json").await.unwrap(), || {
        "not found".to_owned()
    })?;
    stage.settle(&process).await?;
    until("the dead letter again", async || {
        stage.bus.parked().await.unwrap().len() == 2
    })
    .await?;
    stage.exactly_once().await
}

pub async fn a_forged_envelope_is_parked_and_not_handled(stage: &Stage) -> Result<(), Violation> {
    let process = stage.working_process("one").await;
    process.produce(Order::new("order")).await?;
    let row = sql("SELECT envelope FROM outbox")
        .fetch_one(&stage.business)
        .await
        .unwrap();
    let honest = row.text("envelope").unwrap();
    let id = serde_json::from_str::<serde_json::Value>(&honest).unwrap()["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let forge = |name: &str, from: &str, to: &str| honest.replace(&id, name).replace(from, to);
    // Another service speaks for the shop; a type in the envelope that is not the one it was sent by; another's id.
    smuggle(
        stage,
        "source",
        PLACED,
        &forge("source", "\"/shop\"", "\"/photo\""),
    )
    .await;
    smuggle(
        stage,
        "type",
        PLACED,
        &forge("type", PLACED, "shop.order.refunded.v1"),
    )
    .await;
    smuggle(stage, "id", PLACED, &forge("another", "", "")).await;
    stage.settle(&process).await?;
    let mut ids: Vec<String> = stage
        .bus
        .parked()
        .await
        .unwrap()
        .into_iter()
        .map(|dead| dead.event_id)
        .collect();
    ids.sort();
    ensure(ids == ["id", "source", "type"], || format!("{ids:?}"))?;
    stage.exactly_once().await
}

pub async fn a_discarded_event_is_gone(stage: &Stage) -> Result<(), Violation> {
    let process = stage.working_process("one").await;
    for id in ["kept", "given-up"] {
        smuggle(stage, id, PLACED, "} this is no event {").await;
    }
    stage.settle(&process).await?;
    let discard = async |of: &str, id: &str| stage.bus.discard(of, id, "a test").await.unwrap();
    ensure(!discard("nobody", "given-up").await, || {
        "somebody else's".to_owned()
    })?;
    ensure(discard(GROUP.name, "given-up").await, || "not found".to_owned())?;
    ensure(!discard(GROUP.name, "given-up").await, || {
        "found twice".to_owned()
    })?;
    let parked = stage.bus.parked().await.unwrap();
    let ids: Vec<&str> = parked.iter().map(|dead| dead.event_id.as_str()).collect();
    ensure(ids == ["kept"], || format!("{ids:?}"))
}

pub async fn every_dead_letter_is_redriven_however_many_there_are(stage: &Stage) -> Result<(), Violation> {
    const BATCHES: usize = 10;
    const EACH: usize = 105;
    const ALL: usize = BATCHES * EACH;
    let (process, mended) = (stage.process("one").await, Arc::new(AtomicBool::new(false)));
    let (effect, well) = (process.effect(), mended.clone());
    process.relay();
    process.consume(
        GROUP,
        Arc::new(move |tx, event: Event| {
            if event.subject != "bad" || well.load(Ordering::SeqCst) {
                return effect(tx, event);
            }
            async { Err(HandlerError::Dead("not today".to_owned())) }.boxed()
        }),
    );
    // In batches, since a deadline for all of them would be one for the machine.
    for batch in 0..BATCHES {
        let outbox = process.node.outbox.clone();
        let placed = stage.business.write(async move |tx| {
            for n in 1..=EACH {
                let order = Order::of("bad", (batch * EACH + n) as i64);
                order.record(&tx).await?;
                outbox.put(&tx, order.draft()).await?;
            }
            Ok::<_, OrderError>(())
        });
        placed.await.unwrap();
        stage.settle(&process).await?;
    }
    let nobody = stage
        .bus
        .redrive_all(Some("nobody"), Duration::ZERO)
        .await
        .unwrap();
    mended.store(true, Ordering::SeqCst);
    let redriven = stage
        .bus
        .redrive_all(Some(GROUP.name), Duration::ZERO)
        .await
        .unwrap();
    ensure((nobody, redriven) == (0, ALL as u64), || {
        format!("{nobody} for nobody, {redriven} redriven")
    })?;
    for share in (50..=ALL).step_by(100) {
        let had = async || stage.effects().await.len() >= BATCHES + share;
        until(&format!("{share} of the effects"), had).await?;
    }
    stage.settle(&process).await?;
    let again = stage.bus.redrive_all(None, Duration::ZERO).await.unwrap();
    ensure(again == 0, || format!("{again} redriven twice"))?;
    stage.exactly_once().await
}

/// The orders of the dead letters, and how often they were tried.
async fn parked(stage: &Stage) -> Vec<(String, i64)> {
    let parked = stage.bus.parked().await.unwrap();
    let order = |envelope: &str| order_of(&Event::parse(envelope).unwrap());
    parked
        .iter()
        .map(|dead| (order(&dead.envelope), dead.attempts))
        .collect()
}

/// Writes into the outbox by hand what the product would not.
async fn smuggle(stage: &Stage, id: &'static str, r#type: &'static str, envelope: &str) {
    let envelope = envelope.to_owned();
    let smuggled = stage.business.write(async move |tx| {
        sql("INSERT INTO outbox (id, type, partition_key, envelope, created_at) VALUES ($1, $2, 'key', $3, 0)")
            .bind(id)
            .bind(r#type)
            .bind(envelope)
            .execute(&tx)
            .await
    });
    smuggled.await.unwrap();
}
