//! From the business transaction to the revocation log: what was taken back is told, once, and nothing else.

use futures::FutureExt;

use super::following::hear;
use super::producing::{by_hand, hide, show_again, waiting};
use super::{Violation, ensure};
use crate::backend::hold;
use crate::gate::{gate, soon, until};
use crate::shop::{Order, OrderError};
use crate::stage::{Process, Stage};

pub async fn a_revocation_whose_transaction_rolled_back_is_never_told(
    stage: &Stage,
) -> Result<(), Violation> {
    let process = stage.process("one").await;
    process.relay();
    process.produce(Order::new("before").recalled()).await?;
    let said_no = || async { Err(OrderError::ByTheBusiness) }.boxed();
    let refused = process.produce_then(Order::new("refused").recalled(), Box::new(said_no));
    let refused = soon("the refusal", refused).await?.unwrap();
    ensure(matches!(refused, Err(OrderError::ByTheBusiness)), || {
        format!("{refused:?}")
    })?;
    let told = told(&process).await?;
    ensure(told == ["before-1", "last-1"], || format!("{told:?}"))
}

pub async fn a_revocation_whose_producer_died_before_its_commit_is_never_told(
    stage: &Stage,
) -> Result<(), Violation> {
    let first = stage.process("first").await;
    let (inside, held) = gate();
    let producing = first.produce_held(Order::new("half").recalled(), inside);
    let _closed = held.reached().await?;
    first.kill().await;
    ensure(producing.await.is_err(), || {
        "the dead producer went on".to_owned()
    })?;

    let second = stage.process("second").await;
    second.relay();
    let told = told(&second).await?;
    ensure(told == ["last-1"], || format!("{told:?}"))
}

/// Numbers are given at the insert and seen at the commit, so a low one may come to light after a high one.
pub async fn a_revocation_that_commits_after_a_later_one_was_published_is_told(
    stage: &Stage,
) -> Result<(), Violation> {
    let process = stage.process("one").await;
    if stage.backend.writes_in_parallel() {
        process.relay();
        let (inside, held) = gate();
        let late = process.produce_held(Order::new("late").recalled(), inside);
        let open = held.reached().await?;
        process.produce(Order::new("early").recalled()).await?;
        early_is_told(stage).await?;
        drop(open);
        soon("the late commit", late).await?.unwrap().unwrap();
    } else {
        // With one writer at a time it takes a hand: the first row is not there while the second is published.
        process.produce(Order::new("late").recalled()).await?;
        process.produce(Order::new("early").recalled()).await?;
        hide(stage, "late").await;
        process.relay();
        early_is_told(stage).await?;
        show_again(stage).await;
    }
    let mut told = told(&process).await?;
    told.sort();
    ensure(told == ["early-1", "last-1", "late-1"], || format!("{told:?}"))
}

pub async fn a_relay_that_dies_before_marking_tells_its_revocation_once(
    stage: &Stage,
) -> Result<(), Violation> {
    let first = stage.process("first").await;
    first.produce(Order::new("order").recalled()).await?;
    let marks = hold(&stage.place.business, "UPDATE outbox SET created_at = created_at").await;
    let open = marks.reached().await?;
    first.relay();
    stage.told_of(1).await?;
    first.kill().await;
    drop(open);
    ensure(waiting(stage).await == 1, || {
        "the dead relay made its mark".to_owned()
    })?;

    let second = stage.process("second").await;
    second.relay();
    let told = told(&second).await?;
    ensure(told == ["order-1", "last-1"], || format!("{told:?}"))
}

pub async fn a_second_publish_tells_nothing_twice(stage: &Stage) -> Result<(), Violation> {
    let process = stage.process("one").await;
    process.relay();
    for n in 1..=3 {
        process.produce(Order::of("order", n).recalled()).await?;
    }
    stage.told_of(3).await?;
    by_hand(stage, "UPDATE outbox SET published_at = NULL").await;
    until("all marked again", async || waiting(stage).await == 0).await?;
    let told = told(&process).await?;
    let expected = ["order-1", "order-2", "order-3", "last-1"];
    ensure(told == expected, || format!("{told:?}"))
}

async fn early_is_told(stage: &Stage) -> Result<(), Violation> {
    let is_early = |(_, order): &(i64, String)| order == "early-1";
    let told = async || stage.told().await.is_ok_and(|told| told.iter().any(is_early));
    until("the early one", told).await
}

/// All that is told, and behind it an order that is produced now.
async fn told(process: &Process) -> Result<Vec<String>, Violation> {
    process.produce(Order::new("last").recalled()).await?;
    let mut ear = process.follow(0);
    let mut told: Vec<String> = Vec::new();
    while told.last().is_none_or(|order| order != "last-1") {
        told.extend(hear(&mut ear, 1).await?.into_iter().map(|(_, order)| order));
    }
    Ok(told)
}
