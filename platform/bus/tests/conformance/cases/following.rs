//! Following the revocation log: every instance hears everything, from the beginning it asked for, in one order for all.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::FutureExt;
use latchkey_bus::{Delivery, Subscription};
use latchkey_db::{Db, Options, testing};

use super::{Violation, ensure};
use crate::gate::soon;
use crate::shop::{Order, OrderError, order_of};
use crate::stage::{Stage, snapshot};

pub async fn every_instance_hears_every_event(stage: &Stage) -> Result<(), Violation> {
    let (one, two) = (stage.process("one").await, stage.process("two").await);
    let mut ears = [one.follow(0), two.follow(0), two.follow(0)];
    one.relay();
    for n in 1..=20 {
        one.produce(Order::of("order", n).recalled()).await?;
    }
    for ear in &mut ears {
        let heard = hear(ear, 20).await?;
        let orders: Vec<&str> = heard.iter().map(|(_, order)| order.as_str()).collect();
        let expected: Vec<String> = (1..=20).map(|n| format!("order-{n}")).collect();
        ensure(orders == expected, || format!("{orders:?}"))?;
    }
    Ok(())
}

pub async fn a_snapshot_comes_first_and_begins_where_it_was_asked_to(stage: &Stage) -> Result<(), Violation> {
    let process = stage.process("one").await;
    process.relay();
    process.produce(Order::new("old").recalled()).await?;
    stage.told_of(1).await?;
    stage.clock.advance(1_000);
    let since = stage.clock.now_ms();
    for n in 1..=3 {
        process.produce(Order::of("new", n).recalled()).await?;
    }
    stage.told_of(4).await?;

    let mut all = process.follow(0);
    let told = snapshot(&mut all).await?;
    ensure(told.len() == 4 && told[0].1 == "old-1", || format!("{told:?}"))?;
    let mut recent = process.follow(since);
    let told = snapshot(&mut recent).await?;
    ensure(told.len() == 3 && told[0] == (2, "new-1".to_owned()), || {
        format!("{told:?}")
    })?;
    let mut none = process.follow(since + 1);
    let first = soon("the beginning", none.next()).await?;
    ensure(matches!(first, Some(Delivery::Live { position: 4, .. })), || {
        format!("{first:?}")
    })?;

    // From here on all three hear the same.
    process.produce(Order::of("new", 4).recalled()).await?;
    for ear in [&mut all, &mut recent, &mut none] {
        let heard = hear(ear, 1).await?;
        ensure(heard == [(5, "new-4".to_owned())], || format!("{heard:?}"))?;
    }
    Ok(())
}

/// Several services, several relays each, all at once: one order, without a gap, and nobody hears a position twice.
pub async fn positions_are_dense_and_in_the_order_of_commits(stage: &Stage) -> Result<(), Violation> {
    const EACH: i64 = 40;
    const SERVICES: i64 = 3;
    let (one, two) = (stage.process("one").await, stage.process("two").await);
    let listener = stage.process("listener").await;
    let mut early = listener.follow(0);
    let mut services = Vec::new();
    for _ in 0..SERVICES {
        services.push(testing::sqlite_url("service"));
    }
    for url in &services {
        for process in [&one, &two] {
            let db = outbox(url).await;
            process.relay_also(process.node.relay(db));
        }
    }
    let producing = services.iter().enumerate().map(async |(service, url)| {
        let (db, outbox) = (outbox(url).await, one.node.outbox.clone());
        for n in 1..=EACH {
            let (outbox, order) = (
                outbox.clone(),
                Order::of(&format!("service{service}"), n).recalled(),
            );
            let placed = db.write(async move |tx| {
                outbox.put(&tx, order.draft()).await?;
                Ok::<_, OrderError>(())
            });
            placed.await.unwrap();
        }
    });
    let all = (EACH * SERVICES) as usize;
    let (_, heard) = tokio::join!(futures::future::join_all(producing), hear(&mut early, all));
    let heard = heard?;
    let positions: Vec<i64> = heard.iter().map(|(position, _)| *position).collect();
    ensure(positions.iter().copied().eq(1..=all as i64), || {
        format!("{positions:?}")
    })?;
    let mut next: BTreeMap<&str, i64> = BTreeMap::new();
    for (_, order) in &heard {
        let (service, sequence) = order.rsplit_once('-').unwrap();
        let expected = next.entry(service).or_insert(1);
        ensure(sequence == expected.to_string(), || {
            format!("{order} instead of {expected}: {heard:?}")
        })?;
        *expected += 1;
    }
    let again = stage.told().await?;
    ensure(again == heard, || {
        "who comes later hears another story".to_owned()
    })
}

pub async fn a_log_that_was_replaced_is_told_from_its_beginning(stage: &Stage) -> Result<(), Violation> {
    let process = stage.process("one").await;
    process.relay();
    for n in 1..=3 {
        process.produce(Order::of("old", n).recalled()).await?;
    }
    let mut ear = process.follow(0);
    let heard = hear(&mut ear, 3).await?;
    ensure(heard.len() == 3, || format!("{heard:?}"))?;

    stage.log.begin_epoch().await.unwrap();
    reset(&mut ear).await?;
    let told = snapshot(&mut ear).await?;
    ensure(told == heard, || format!("{told:?}"))?;

    stage.backend.rewind(&stage.place).await;
    reset(&mut ear).await?;
    let told = snapshot(&mut ear).await?;
    ensure(told == heard[..2], || format!("{told:?}"))?;

    stage.backend.replace(&stage.place).await;
    reset(&mut ear).await?;
    let told = snapshot(&mut ear).await?;
    ensure(told.is_empty(), || format!("{told:?}"))?;
    process.produce(Order::new("new").recalled()).await?;
    let heard = hear(&mut ear, 1).await?;
    ensure(heard == [(1, "new-1".to_owned())], || format!("{heard:?}"))
}

/// Silence means that nothing happened only while the source can publish.
pub async fn a_source_that_cannot_publish_is_not_told_to_be_live(stage: &Stage) -> Result<(), Violation> {
    let often = Some(Duration::from_millis(20));
    let (source, listener) = (
        stage.process_that_polls("source", often).await,
        stage.process_that_polls("listener", often).await,
    );
    source.relay();
    source.produce(Order::of("order", 1).recalled()).await?;
    let (mut ear, mut any) = (listener.follow_the_shop(0), listener.follow(0));
    hear(&mut ear, 1).await?;
    hear(&mut any, 1).await?;
    // However long nothing happens: it beats.
    lives(&mut any, 40).await?;
    ensure(count_lives(&mut ear) > 20, || {
        "a source at rest is believed to be gone".to_owned()
    })?;

    stage.backend.refuse_in_log(&stage.place).await;
    source.produce(Order::of("order", 2).recalled()).await?;
    let mut rounds = 0;
    while {
        lives(&mut any, 40).await?;
        count_lives(&mut ear) > 0
    } {
        rounds += 1;
        ensure(rounds < 5, || {
            "a source that cannot publish is told to be live".to_owned()
        })?;
    }

    stage.backend.accept_in_log(&stage.place).await;
    let heard = hear(&mut ear, 1).await?;
    ensure(heard[0].1 == "order-2", || format!("{heard:?}"))?;
    lives(&mut ear, 1).await
}

/// Hears that many `Live`s, and nothing else.
pub async fn lives(ear: &mut Subscription, count: usize) -> Result<(), Violation> {
    let hearing = async {
        for _ in 0..count {
            match ear.next().await {
                Some(Delivery::Live { .. }) => {}
                other => return Err(Violation(format!("{other:?} instead of a Live"))),
            }
        }
        Ok(())
    };
    soon("that it is live", hearing).await?
}

/// How often it was told to be live since somebody listened last.
fn count_lives(ear: &mut Subscription) -> usize {
    let mut count = 0;
    while let Some(Some(Delivery::Live { .. })) = ear.next().now_or_never() {
        count += 1;
    }
    count
}

/// The next `count` events; a `Live` in between never runs ahead of what was told.
pub async fn hear(ear: &mut Subscription, count: usize) -> Result<Vec<(i64, String)>, Violation> {
    let mut heard = Vec::new();
    let mut live = 0;
    let hearing = async {
        while heard.len() < count {
            match ear.next().await {
                Some(Delivery::Event { position, event }) => {
                    ensure(position > live, || {
                        format!("{position} comes after a Live at {live}")
                    })?;
                    heard.push((position, order_of(&event)));
                }
                Some(Delivery::Live { position, .. }) => live = position,
                other => return Err(Violation(format!("{other:?} among the events"))),
            }
        }
        Ok(())
    };
    soon("every event", hearing).await??;
    Ok(heard)
}

/// Hears that the log is another one, before anything of it.
async fn reset(ear: &mut Subscription) -> Result<(), Violation> {
    let hearing = async {
        loop {
            match ear.next().await {
                Some(Delivery::Reset) => return Ok(()),
                Some(Delivery::Live { .. }) => {}
                other => return Err(Violation(format!("{other:?} before the reset"))),
            }
        }
    };
    soon("the reset", hearing).await?
}

async fn outbox(url: &str) -> Db {
    Db::open(url, Options::new(&[latchkey_bus::outbox::MIGRATIONS]))
        .await
        .unwrap()
}
