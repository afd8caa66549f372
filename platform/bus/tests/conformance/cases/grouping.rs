//! Group subscriptions: of all instances one handles an event, whoever of them lives.

use std::sync::Arc;
use std::time::Duration;

use latchkey_bus::{Group, Retries};

use super::{Violation, ensure};
use crate::gate::{gate, soon};
use crate::participant::Handle;
use crate::shop::{Order, PLACED, SHIPPED};
use crate::stage::{GROUP, LEASE_MS, Stage};

pub async fn of_two_instances_one_handles_each_event(stage: &Stage) -> Result<(), Violation> {
    let one = stage.working_process("one").await;
    let two = stage.working_process("two").await;
    // Two consumers in one process are two instances as well.
    two.consume(GROUP, two.effect());
    for n in 1..=30 {
        let (a, b) = tokio::join!(one.produce(Order::of("a", n)), two.produce(Order::of("b", n)));
        a.and(b)?;
    }
    stage.settle(&one).await?;
    stage.exactly_once().await?;
    let effects = stage.effects().await;
    let holder = &effects[0].handled_by;
    ensure(effects.iter().all(|effect| effect.handled_by == *holder), || {
        format!("{effects:?}")
    })
}

pub async fn a_group_passes_on_when_its_holder_dies(stage: &Stage) -> Result<(), Violation> {
    let first = stage.working_process("first").await;
    first.produce(Order::new("before")).await?;
    stage.effect_of("before-1").await?;
    let second = stage.working_process("second").await;
    first.kill().await;
    second.produce(Order::new("after")).await?;
    stage.clock.advance(LEASE_MS);
    stage.settle(&second).await?;
    stage.exactly_once().await?;
    let effects = stage.effects().await;
    ensure(
        effects[0].handled_by == "first" && effects[1..].iter().all(|effect| effect.handled_by == "second"),
        || format!("{effects:?}"),
    )
}

pub async fn a_group_passes_on_at_once_when_its_holder_stops(stage: &Stage) -> Result<(), Violation> {
    let first = stage.process("first").await;
    let tasks = [first.relay(), first.consume(GROUP, first.effect())];
    first.produce(Order::new("before")).await?;
    stage.effect_of("before-1").await?;
    let second = stage.working_process("second").await;
    first.stop(tasks).await?;
    // The clock stands still: nothing has run out.
    stage.settle(&second).await?;
    stage.exactly_once().await
}

pub async fn a_slow_holder_keeps_its_group(stage: &Stage) -> Result<(), Violation> {
    let slow = stage.process("slow").await;
    let eager = stage
        .process_that_polls("eager", Some(Duration::from_millis(1)))
        .await;
    for n in 1..=5 {
        slow.produce(Order::of("order", n)).await?;
    }
    slow.relay();
    // Each of the first five takes three seconds; at the last of them the first hold on the group would be long over.
    let (inside, held) = gate();
    let (effect, clock) = (slow.effect_held("order-5", inside), stage.clock.clone());
    let takes_its_time: Handle = Arc::new(move |tx, event| {
        if event.subject == "order" {
            clock.advance(3_000);
        }
        effect(tx, event)
    });
    slow.consume(GROUP, takes_its_time);
    let open = held.reached().await?;

    eager.consume(GROUP, eager.effect());
    // When its ear has looked a hundred times, its consumer has looked as well.
    let mut ear = eager.follow(0);
    for _ in 0..100 {
        soon("a look around", ear.next()).await?;
    }
    drop(open);
    stage.settle(&slow).await?;
    stage.exactly_once().await?;
    let effects = stage.effects().await;
    ensure(effects.iter().all(|effect| effect.handled_by == "slow"), || {
        format!("{effects:?}")
    })
}

/// A rolling release: the new version has declared its type, and the old one still has the group.
pub async fn a_type_that_is_added_waits_for_a_node_that_knows_it(stage: &Stage) -> Result<(), Violation> {
    let patient = Retries {
        quick: Vec::new(),
        later: vec![Duration::from_secs(5)],
    };
    let old = Group {
        retries: patient,
        ..GROUP
    };
    let new = Group {
        types: &[PLACED, SHIPPED],
        ..old.clone()
    };
    let first = stage.process("first").await;
    let tasks = [first.relay(), first.consume(old, first.effect())];
    first.produce(Order::new("before").shipped()).await?;
    stage.settle(&first).await?;

    stage.backend.declare(&stage.place, new.clone()).await;
    first.produce(Order::of("added", 1).shipped()).await?;
    first.produce(Order::of("added", 2)).await?;
    first.produce(Order::of("added", 3).shipped()).await?;
    stage.settle(&first).await?;
    let shipped = async || {
        let effects = stage.effects().await;
        let added = effects.into_iter().filter(|effect| effect.subject == "added");
        added
            .map(|effect| (effect.sequence, effect.handled_by))
            .collect::<Vec<_>>()
    };
    let had = shipped().await;
    ensure(had == [(2, "first".to_owned())], || format!("{had:?}"))?;

    first.stop(tasks).await?;
    let second = stage.process("second").await;
    second.relay();
    second.consume(new, second.effect());
    stage.advance(5_000).await;
    for order in ["added-1", "added-3"] {
        stage.effect_of(order).await?;
    }
    stage.settle(&second).await?;
    let mut had = shipped().await;
    had.sort();
    let by = |sequence, name: &str| (sequence, name.to_owned());
    ensure(had == [by(1, "second"), by(2, "first"), by(3, "second")], || {
        format!("{had:?}")
    })?;
    // What was published before anybody asked for it stays where it is.
    let effects = stage.effects().await;
    ensure(effects.iter().all(|effect| effect.order != "before-1"), || {
        format!("{effects:?}")
    })?;
    let parked = stage.bus.parked().await.unwrap();
    ensure(parked.is_empty(), || format!("{parked:?}"))
}

/// Longer than a log keeps what everybody has handled.
pub async fn an_event_is_kept_until_its_group_has_handled_it(stage: &Stage) -> Result<(), Violation> {
    const MONTHS_MS: i64 = 90 * 24 * 3_600_000;
    let first = stage.process("first").await;
    let tasks = [first.relay(), first.consume(GROUP, first.effect())];
    first.produce(Order::new("handled")).await?;
    first.produce(Order::new("unasked").shipped()).await?;
    stage.settle(&first).await?;
    first.stop(tasks).await?;
    let away = stage.process("away").await;
    away.produce(Order::new("waiting")).await?;
    away.node.relay(stage.business.clone()).drain().await.unwrap();
    stage.clock.advance(MONTHS_MS);
    // A start is when a log in a database is pruned.
    let second = stage.working_process("second").await;
    stage.effect_of("waiting-1").await?;
    stage.settle(&second).await?;
    stage
        .backend
        .keeps_only_the_new(&stage.place, &["handled-1", "unasked-1"])
        .await
}
