//! From the business transaction to the bus: what happened is told, and nothing else.

use futures::FutureExt;
use latchkey_db::{DbError, sql};

use super::{Violation, ensure};
use crate::backend::hold;
use crate::gate::{gate, soon, until};
use crate::shop::{Order, OrderError, orders};
use crate::stage::{GROUP, LEASE_MS, Stage};

pub async fn an_event_whose_transaction_rolled_back_is_never_seen(stage: &Stage) -> Result<(), Violation> {
    let process = stage.working_process("one").await;
    process.produce(Order::new("before")).await?;
    let said_no = || async { Err(OrderError::ByTheBusiness) }.boxed();
    let refused = process.produce_then(Order::new("refused"), Box::new(said_no));
    let refused = soon("the refusal", refused).await?.unwrap();
    ensure(matches!(refused, Err(OrderError::ByTheBusiness)), || {
        format!("{refused:?}")
    })?;
    stage.settle(&process).await?;
    stage.exactly_once().await
}

pub async fn an_event_whose_producer_died_before_its_commit_is_never_seen(
    stage: &Stage,
) -> Result<(), Violation> {
    let first = stage.process("first").await;
    let (inside, held) = gate();
    let producing = first.produce_held(Order::new("half"), inside);
    let _closed = held.reached().await?;
    first.kill().await;
    ensure(producing.await.is_err(), || {
        "the dead producer went on".to_owned()
    })?;

    let second = stage.working_process("second").await;
    stage.settle(&second).await?;
    stage.exactly_once().await
}

pub async fn an_event_whose_producer_died_after_its_commit_is_seen(stage: &Stage) -> Result<(), Violation> {
    let first = stage.process("first").await;
    first.produce(Order::new("committed")).await?;
    first.kill().await;

    let second = stage.working_process("second").await;
    stage.settle(&second).await?;
    stage.exactly_once().await
}

/// Numbers are given at the insert and seen at the commit, so a low one may come to light after a high one.
pub async fn an_event_that_commits_after_a_later_one_was_published_is_seen(
    stage: &Stage,
) -> Result<(), Violation> {
    if stage.backend.writes_in_parallel() {
        let process = stage.working_process("one").await;
        let (inside, held) = gate();
        let late = process.produce_held(Order::new("late"), inside);
        let open = held.reached().await?;
        process.produce(Order::new("early")).await?;
        stage.effect_of("early-1").await?;
        drop(open);
        soon("the late commit", late).await?.unwrap().unwrap();
        stage.settle(&process).await?;
    } else {
        // With one writer at a time it takes a hand: the first row is not there while the second is published.
        let process = stage.process("one").await;
        process.produce(Order::new("late")).await?;
        process.produce(Order::new("early")).await?;
        hide(stage, "late").await;
        process.relay();
        process.consume(GROUP, process.effect());
        stage.effect_of("early-1").await?;
        show_again(stage).await;
        stage.settle(&process).await?;
    }
    stage.exactly_once().await
}

pub async fn an_event_whose_relay_died_between_publishing_and_marking_is_seen_once(
    stage: &Stage,
) -> Result<(), Violation> {
    let first = stage.process("first").await;
    first.produce(Order::new("order")).await?;
    let marks = hold(&stage.place.business, "UPDATE outbox SET created_at = created_at").await;
    let open = marks.reached().await?;
    first.relay();
    until("the event in the bus", async || {
        stage.published().await.len() == 1
    })
    .await?;
    first.kill().await;
    drop(open);
    ensure(waiting(stage).await == 1, || {
        "the dead relay made its mark".to_owned()
    })?;

    let second = stage.working_process("second").await;
    stage.settle(&second).await?;
    stage.exactly_once().await?;
    let published = stage.published().await;
    ensure(published.len() == 2, || format!("published twice: {published:?}"))
}

pub async fn a_second_publish_is_harmless(stage: &Stage) -> Result<(), Violation> {
    let process = stage.working_process("one").await;
    for n in 1..=5 {
        process.produce(Order::of("order", n)).await?;
    }
    stage.settle(&process).await?;
    let once = stage.published().await;
    by_hand(stage, "UPDATE outbox SET published_at = NULL").await;
    until("all marked again", async || waiting(stage).await == 0).await?;
    stage.settle(&process).await?;
    let twice = stage.published().await;
    ensure(twice.starts_with(&once) && twice.len() == once.len() + 1, || {
        format!("{once:?} then {twice:?}")
    })?;
    stage.exactly_once().await
}

pub async fn an_event_over_64_kib_is_refused_with_its_transaction(stage: &Stage) -> Result<(), Violation> {
    let process = stage.working_process("one").await;
    for (size, fits) in [(60_000, true), (latchkey_bus::MAX_ENVELOPE, false)] {
        let (outbox, order) = (process.node.outbox.clone(), Order::new(&format!("of-{size}")));
        let mut draft = order.draft();
        draft.data["filler"] = "x".repeat(size).into();
        let told = stage
            .business
            .write(async move |tx| {
                order.record(&tx).await?;
                outbox.put(&tx, draft).await?;
                Ok::<_, OrderError>(())
            })
            .await;
        ensure(told.is_ok() == fits, || format!("{size} bytes: {told:?}"))?;
    }
    stage.settle(&process).await?;
    let orders = orders(&stage.business).await;
    ensure(orders.len() == 2, || format!("{orders:?}"))?;
    stage.clock.advance(LEASE_MS);
    stage.exactly_once().await
}

/// Rows that wait in the outbox.
pub async fn waiting(stage: &Stage) -> usize {
    sql("SELECT id FROM outbox WHERE published_at IS NULL")
        .fetch_all(&stage.business)
        .await
        .unwrap()
        .len()
}

pub async fn by_hand(stage: &Stage, statement: &'static str) {
    let done = stage.business.write(async move |tx| {
        sql(statement).execute(&tx).await?;
        tx.announce();
        Ok::<_, DbError>(())
    });
    done.await.unwrap();
}

pub async fn hide(stage: &Stage, subject: &'static str) {
    let hidden = stage.business.write(async move |tx| {
        sql("CREATE TABLE hidden AS SELECT * FROM outbox WHERE partition_key = 'late'")
            .execute(&tx)
            .await?;
        sql("DELETE FROM outbox WHERE partition_key = $1")
            .bind(subject)
            .execute(&tx)
            .await
    });
    hidden.await.unwrap();
}

pub async fn show_again(stage: &Stage) {
    by_hand(stage, "INSERT INTO outbox SELECT * FROM hidden").await;
}
