//! The commands of an order: once, twice, in the wrong order, and in every state.

use latchkey_bus::HandlerError;
use latchkey_inventory::consumers;
use serde_json::{Value, json};

use crate::harness::*;

#[tokio::test]
async fn what_is_reserved_and_confirmed_is_owned() {
    for_each_engine("happy", |world| async move {
        let (course, seats, item) = (world.course().await, world.seats(3).await, world.item().await);
        let order = fresh_key();
        let lines = [(course.as_str(), 1), (seats.as_str(), 1), (item.as_str(), 7)];
        let command = fresh_key();
        let mut data = wish(ADA, &lines);
        data["command_id"] = json!(command);
        let reserved = world.order("reserve", &order, data).await;
        assert_eq!(reserved["type"], "reserved");
        assert_eq!(reserved["command_id"], command);
        assert_eq!(reserved["lines"].as_array().unwrap().len(), 3);
        assert_eq!(world.stock(&seats).await, (Some(3), 0, 1));
        assert_eq!(world.stock(&course).await, (None, 0, 0));
        assert_eq!(
            world.owns(ADA, &course).await,
            0,
            "nothing is owned before it is paid"
        );

        let granted = world.confirm(&order).await;
        assert_eq!(
            (&granted["type"], &granted["owner"]),
            (&json!("granted"), &json!(ADA))
        );
        for (id, quantity) in lines {
            let items = granted["items"].as_array().unwrap();
            let told = items.iter().find(|item| item["item_id"] == id).unwrap();
            assert_eq!(
                (&told["quantity"], &told["total"]),
                (&json!(quantity), &json!(quantity))
            );
            assert_eq!(world.owns(ADA, id).await, quantity);
        }
        assert_eq!(world.stock(&seats).await, (Some(3), 1, 0));
        let changed = world.heard("inventory.owned-item.changed.v1").await;
        assert_eq!(changed.len(), 3);
        assert!(
            changed
                .iter()
                .all(|told| told["cause"] == "order" && told["version"] == 1)
        );
        assert_eq!(reserved["sequence"], 1);
        assert_eq!(granted["sequence"], 2);
    })
    .await;
}

#[tokio::test]
async fn what_is_released_is_free_again() {
    for_each_engine("release", |world| async move {
        let seats = world.seats(1).await;
        let (first, second) = (fresh_key(), fresh_key());
        world.reserve(&first, ADA, &seats).await;
        assert_eq!(world.reserve(&second, BOB, &seats).await["reason"], "sold_out");
        let released = world.release(&first).await;
        assert_eq!(
            (&released["type"], &released["owner"]),
            (&json!("released"), &json!(ADA))
        );
        assert_eq!(
            released["items"],
            json!([{"item_id": seats, "quantity": 1, "total": 0}])
        );
        assert_eq!(world.stock(&seats).await, (Some(1), 0, 0));
        let third = fresh_key();
        assert_eq!(world.reserve(&third, BOB, &seats).await["type"], "reserved");
        // The refused order stays refused: a new attempt is a new order.
        assert_eq!(world.reserve(&second, BOB, &seats).await["reason"], "sold_out");
    })
    .await;
}

#[tokio::test]
async fn a_repeated_command_gets_the_same_answer_and_changes_nothing() {
    for_each_engine("twice", |world| async move {
        let seats = world.seats(5).await;
        let (bought, returned) = (fresh_key(), fresh_key());
        let same = |a: &Value, b: &Value| {
            let bare = |value: &Value| {
                let mut value = value.clone();
                value["command_id"] = Value::Null;
                value["sequence"] = Value::Null;
                value
            };
            assert_eq!(bare(a), bare(b));
            assert!(b["sequence"].as_i64() > a["sequence"].as_i64());
            assert_ne!(
                a["command_id"], b["command_id"],
                "the answer is to the command that was sent"
            );
        };
        let first = world.reserve(&bought, ADA, &seats).await;
        same(&first, &world.reserve(&bought, ADA, &seats).await);
        assert_eq!(world.stock(&seats).await, (Some(5), 0, 1));
        let granted = world.confirm(&bought).await;
        same(&granted, &world.confirm(&bought).await);
        same(&first, &world.reserve(&bought, ADA, &seats).await);
        assert_eq!(world.stock(&seats).await, (Some(5), 1, 0));
        assert_eq!(world.owns(ADA, &seats).await, 1);

        world.reserve(&returned, BOB, &seats).await;
        let released = world.release(&returned).await;
        same(&released, &world.release(&returned).await);
        assert_eq!(world.stock(&seats).await, (Some(5), 1, 0));
    })
    .await;
}

#[tokio::test]
async fn a_release_that_comes_first_refuses_the_reservation() {
    for_each_engine("tombstone", |world| async move {
        let seats = world.seats(1).await;
        let order = fresh_key();
        for _ in 0..2 {
            let released = world.release(&order).await;
            assert_eq!(released["type"], "released");
            assert_eq!(released["owner"], Value::Null);
            assert_eq!(released["items"], json!([]));
        }
        for _ in 0..2 {
            let refused = world.reserve(&order, ADA, &seats).await;
            assert_eq!(refused["reason"], "cancelled");
        }
        assert_eq!(world.confirm(&order).await["reason"], "cancelled");
        assert_eq!(world.stock(&seats).await, (Some(1), 0, 0));
    })
    .await;
}

/// Each state with each command: what is answered, and that nothing else changes.
#[tokio::test]
async fn a_command_that_makes_no_sense_is_answered_by_what_is_true() {
    for_each_engine("states", |world| async move {
        let seats = world.seats(10).await;
        let (gone, refused) = (fresh_key(), fresh_key());
        let order = fresh_key();
        assert_eq!(world.confirm(&order).await["reason"], "unknown");
        // To have asked too early does no harm.
        assert_eq!(world.reserve(&order, ADA, &seats).await["type"], "reserved");
        world.confirm(&order).await;
        let told = world.release(&order).await;
        assert_eq!(
            (&told["type"], &told["items"][0]["total"]),
            (&json!("granted"), &json!(1))
        );

        world.reserve(&gone, BOB, &seats).await;
        world.release(&gone).await;
        assert_eq!(world.confirm(&gone).await["reason"], "cancelled");

        assert_eq!(
            world.reserve(&refused, ADA, &seats).await["reason"],
            "already_owned"
        );
        assert_eq!(world.confirm(&refused).await["reason"], "already_owned");
        let released = world.release(&refused).await;
        assert_eq!(
            (&released["type"], &released["items"]),
            (&json!("released"), &json!([]))
        );
        assert_eq!(
            world.reserve(&refused, ADA, &seats).await["reason"],
            "already_owned"
        );
        assert_eq!(world.stock(&seats).await, (Some(10), 1, 0));
        assert_eq!(
            (world.owns(ADA, &seats).await, world.owns(BOB, &seats).await),
            (1, 0)
        );
    })
    .await;
}

#[tokio::test]
async fn an_order_gets_all_of_its_lines_or_none() {
    for_each_engine("all_or_none", |world| async move {
        let (free, full, open) = (world.seats(5).await, world.seats(0).await, world.course().await);
        let lines = [(free.as_str(), 1), (full.as_str(), 1), (open.as_str(), 1)];
        let order = fresh_key();
        let refused = world.order("reserve", &order, wish(ADA, &lines)).await;
        assert_eq!(
            (&refused["reason"], &refused["items"]),
            (&json!("sold_out"), &json!([full]))
        );
        assert_eq!(world.stock(&free).await, (Some(5), 0, 0));
        // What was refused holds nothing back from the next order.
        let next = world
            .order("reserve", &fresh_key(), wish(ADA, &[(&free, 1), (&open, 1)]))
            .await;
        assert_eq!(next["type"], "reserved");
    })
    .await;
}

#[tokio::test]
async fn each_reason_for_a_refusal_is_told_with_its_items() {
    for_each_engine("reasons", |world| async move {
        let (owned, pending, item) = (world.course().await, world.course().await, world.item().await);
        let archived = Course::new();
        world.hear(&archived).await;
        world
            .hear(&Course {
                status: "archived",
                version: 2,
                ..archived.clone()
            })
            .await;
        let unlisted = Course::new();
        world.hear(&unlisted).await;
        world
            .hear(&Course {
                status: "unlisted",
                version: 2,
                ..unlisted.clone()
            })
            .await;
        world.bought(ADA, &[(&owned, 1)]).await;
        world.reserve(&fresh_key(), ADA, &pending).await;
        world.reserve(&fresh_key(), ADA, &item).await;
        let nowhere = fresh_key();
        for (id, quantity, reason) in [
            (owned.as_str(), 1, "already_owned"),
            (&pending, 1, "already_pending"),
            (&archived.id, 1, "not_for_sale"),
            (&nowhere, 1, "unknown"),
            ("'; DROP TABLE stock; --", 1, "unknown"),
            (&unlisted.id, 2, "not_for_sale"),
            (&unlisted.id, 0, "not_for_sale"),
            (&unlisted.id, -1, "not_for_sale"),
            (&unlisted.id, i64::MAX, "not_for_sale"),
            (&item, 101, "not_for_sale"),
            (&item, i64::MIN, "not_for_sale"),
        ] {
            let refused = world
                .order("reserve", &fresh_key(), wish(ADA, &[(id, quantity)]))
                .await;
            assert_eq!(refused["reason"], reason, "{id} {quantity}");
            assert_eq!(refused["items"], json!([id]));
        }
        // Bob is another buyer, an unlisted course is sold, and items may be bought again.
        for (buyer, id) in [(BOB, &owned), (BOB, &pending), (ADA, &unlisted.id), (ADA, &item)] {
            assert_eq!(world.reserve(&fresh_key(), buyer, id).await["type"], "reserved");
        }
        let twice = wish(BOB, &[(&unlisted.id, 1), (&unlisted.id, 1)]);
        assert_eq!(
            world.order("reserve", &fresh_key(), twice).await["reason"],
            "not_for_sale"
        );
        let nothing = world.order("reserve", &fresh_key(), wish(BOB, &[])).await;
        assert_eq!(nothing["reason"], "unknown");
    })
    .await;
}

#[tokio::test]
async fn a_reservation_is_honoured_after_its_course_was_archived_or_renamed() {
    for_each_engine("archived", |world| async move {
        let course = Course::new();
        world.hear(&course).await;
        let order = fresh_key();
        world.reserve(&order, ADA, &course.id).await;
        let archived = Course {
            status: "archived",
            title: "Other knots",
            version: 2,
            ..course.clone()
        };
        world.hear(&archived).await;
        assert_eq!(world.confirm(&order).await["type"], "granted");
        assert_eq!(world.owns(ADA, &course.id).await, 1);
    })
    .await;
}

#[tokio::test]
async fn seats_are_told_at_every_step_and_only_where_they_are_counted() {
    for_each_engine("told", |world| async move {
        let (seats, open) = (world.seats(2).await, world.course().await);
        world.bought(ADA, &[(&seats, 1), (&open, 1)]).await;
        let order = fresh_key();
        world.reserve(&order, BOB, &seats).await;
        world.release(&order).await;
        let told = world.heard("inventory.stock.changed.v1").await;
        let of = |id: &str| {
            let mine = told.iter().filter(|told| told["item_id"] == id);
            mine.map(|told| {
                let number = |name: &str| told[name].as_i64();
                (
                    number("capacity"),
                    number("sold"),
                    number("reserved"),
                    number("version"),
                )
            })
            .collect::<Vec<_>>()
        };
        let row =
            |capacity, sold, reserved, version| (Some(capacity), Some(sold), Some(reserved), Some(version));
        assert_eq!(
            of(&seats),
            [
                row(0, 0, 0, 1),
                row(2, 0, 0, 2),
                row(2, 0, 1, 3),
                row(2, 1, 0, 4),
                row(2, 1, 1, 5),
                row(2, 1, 0, 6)
            ]
        );
        assert_eq!(of(&open), [(None, Some(0), Some(0), Some(1))]);
    })
    .await;
}

#[tokio::test]
async fn a_command_that_cannot_be_read_is_dead_and_not_retried() {
    for_each_engine("unreadable", |world| async move {
        let course = world.course().await;
        for data in [
            json!({}),
            json!({"buyer": 7}),
            json!({"buyer": ADA, "lines": "all"}),
        ] {
            let refused = world.command("reserve", &fresh_key(), data).await;
            assert!(matches!(refused, Err(HandlerError::Dead(_))), "{refused:?}");
        }
        for order in ["", "not-an-id", "'; --"] {
            let refused = world.command("reserve", order, wish(ADA, &[(&course, 1)])).await;
            assert!(matches!(refused, Err(HandlerError::Dead(_))), "{refused:?}");
        }
        let other = world
            .told(
                &consumers::COMMANDS,
                "order.command.inventory-steal.v1",
                "x",
                json!({}),
            )
            .await;
        assert!(matches!(other, Err(HandlerError::Dead(_))), "{other:?}");
    })
    .await;
}

/// Duplicates and reorderings of one order's commands end in the state that their meaning has.
#[tokio::test]
async fn every_order_of_the_same_commands_ends_without_a_seat_lost() {
    for_each_engine("shuffled", |world| async move {
        let steps = ["reserve", "confirm", "release"];
        let mut histories = 0;
        for code in 0..3_usize.pow(5) {
            let history: Vec<&str> = (0..5).map(|at| steps[code / 3_usize.pow(at) % 3]).collect();
            if code % 7 != 0 {
                continue; // every seventh: each engine takes its time
            }
            histories += 1;
            let (seats, order) = (world.seats(1).await, fresh_key());
            for step in &history {
                match *step {
                    "reserve" => world.reserve(&order, ADA, &seats).await,
                    "confirm" => world.confirm(&order).await,
                    _ => world.release(&order).await,
                };
            }
            let at = |step: &str, from: usize| {
                let rest = history.iter().skip(from);
                rest.zip(from..)
                    .find(|(this, _)| **this == step)
                    .map(|(_, at)| at)
            };
            let reserved = at("reserve", 0)
                .filter(|at_reserve| at("release", 0).is_none_or(|at_release| at_release > *at_reserve));
            let next = |step: &str| reserved.and_then(|from| at(step, from));
            let owned = match (next("confirm"), next("release")) {
                (Some(confirm), Some(release)) => confirm < release,
                (Some(_), None) => true,
                (None, _) => false,
            };
            let held = reserved.is_some() && next("confirm").is_none() && next("release").is_none();
            let expected = (Some(1), i64::from(owned), i64::from(held));
            assert_eq!(world.stock(&seats).await, expected, "{history:?}");
            assert_eq!(world.owns(ADA, &seats).await, i64::from(owned), "{history:?}");
            assert_eq!(
                world.answers(&order).await.len(),
                5,
                "each command is answered: {history:?}"
            );
        }
        println!("{histories} histories");
    })
    .await;
}
