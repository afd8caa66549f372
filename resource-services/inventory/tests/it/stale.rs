//! Holds that nobody ends.

use latchkey_inventory::tasks::ask_about_stale_holds;

use crate::harness::*;

const HALF_AN_HOUR: i64 = 30 * 60_000;

#[tokio::test]
async fn the_order_of_an_old_hold_is_asked_once_in_each_half_hour() {
    for_each_engine("stale", |world| async move {
        let seats = world.seats(3).await;
        let order = fresh_key();
        world.reserve(&order, ADA, &seats).await;
        let asked = async || ask_about_stale_holds(&world.context).await.unwrap();
        world.clock.advance(HALF_AN_HOUR - 1);
        assert_eq!(asked().await, 0);
        world.clock.advance(1);
        assert_eq!((asked().await, asked().await), (1, 0));
        world.clock.advance(HALF_AN_HOUR);
        assert_eq!(asked().await, 1);
        let stale = world.heard("inventory.reservation.stale.v1").await;
        assert_eq!(stale.len(), 2);
        assert_eq!(stale[0]["order_id"], order.as_str());
        assert_eq!(stale[0]["held_since"], "2026-11-20T12:00:00.000Z");
        let sequences: Vec<_> = world
            .answers(&order)
            .await
            .iter()
            .map(|answer| answer["sequence"].as_i64().unwrap())
            .collect();
        assert_eq!(sequences, [1, 2, 3]);
        // Only the order decides: the hold stays as long as it says nothing.
        assert_eq!(world.stock(&seats).await, (Some(3), 0, 1));
    })
    .await;
}

#[tokio::test]
async fn whoever_has_decided_is_not_asked() {
    for_each_engine("settled", |world| async move {
        let (course, other) = (world.course().await, world.course().await);
        world.bought(ADA, &[(&course, 1)]).await;
        let (released, cancelled, refused) = (fresh_key(), fresh_key(), fresh_key());
        world.reserve(&released, ADA, &other).await;
        world.release(&released).await;
        world.release(&cancelled).await;
        world.reserve(&refused, ADA, &course).await;
        world.clock.advance(10 * HALF_AN_HOUR);
        assert_eq!(ask_about_stale_holds(&world.context).await.unwrap(), 0);
    })
    .await;
}

#[tokio::test]
async fn two_instances_that_look_at_once_ask_each_order_once() {
    for_each_engine("two_sweeps", |world| async move {
        let course = world.course().await;
        for n in 0..130 {
            let buyer = format!("01a1ebbc-0000-7000-9000-{n:012}");
            world.reserve(&fresh_key(), &buyer, &course).await;
        }
        world.clock.advance(HALF_AN_HOUR);
        let (one, other) = futures::join!(
            ask_about_stale_holds(&world.context),
            ask_about_stale_holds(&world.context)
        );
        assert_eq!(one.unwrap() + other.unwrap(), 130);
        assert_eq!(world.heard("inventory.reservation.stale.v1").await.len(), 130);
    })
    .await;
}
