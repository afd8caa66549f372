//! Fifty at once. On PostgreSQL they really meet; on SQLite they wait for the one writer.

use std::collections::BTreeSet;

use futures::future::join_all;
use serde_json::{Value, json};

use crate::harness::*;

fn users(count: usize) -> Vec<String> {
    (0..count)
        .map(|n| format!("01a1ebbc-0000-7000-9000-{n:012}"))
        .collect()
}

fn of_type<'a>(answers: &'a [Value], name: &str) -> Vec<&'a Value> {
    answers.iter().filter(|answer| answer["type"] == name).collect()
}

async fn all_answers(world: &World, orders: &[String]) -> Vec<Value> {
    let mut all = Vec::new();
    for order in orders {
        all.extend(world.answers(order).await);
    }
    all
}

#[tokio::test]
async fn one_of_fifty_gets_the_last_seat() {
    for_each_engine("last_seat", |world| async move {
        let seats = world.seats(1).await;
        let orders: Vec<String> = (0..50).map(|_| fresh_key()).collect();
        let buyers = users(50);
        let racing = orders.iter().zip(&buyers).map(|(order, buyer)| {
            let (world, seats) = (world.clone(), seats.clone());
            async move { world.command("reserve", order, wish(buyer, &[(&seats, 1)])).await }
        });
        for done in join_all(racing).await {
            done.unwrap();
        }
        let answers = all_answers(&world, &orders).await;
        assert_eq!(of_type(&answers, "reserved").len(), 1);
        let refused = of_type(&answers, "refused");
        assert_eq!(refused.len(), 49);
        assert!(refused.iter().all(|answer| answer["reason"] == "sold_out"));
        assert_eq!(world.stock(&seats).await, (Some(1), 0, 1));
    })
    .await;
}

#[tokio::test]
async fn fifty_buyers_of_ten_seats_are_ten_owners() {
    for_each_engine("ten_seats", |world| async move {
        let (seats, other) = (world.seats(10).await, world.seats(10).await);
        let orders: Vec<String> = (0..50).map(|_| fresh_key()).collect();
        let buyers = users(50);
        let racing = orders.iter().zip(&buyers).enumerate().map(|(n, (order, buyer))| {
            let (world, seats, other) = (world.clone(), seats.clone(), other.clone());
            async move {
                // Both courses, named in either order: nobody may wait for somebody who waits for them.
                let lines = [(seats.as_str(), 1), (other.as_str(), 1)];
                let lines = if n % 2 == 0 { lines } else { [lines[1], lines[0]] };
                world
                    .command("reserve", order, wish(buyer, &lines))
                    .await
                    .unwrap();
                let step = if n % 5 == 0 { "release" } else { "confirm" };
                world.command(step, order, json!({})).await.unwrap();
                world.command(step, order, json!({})).await.unwrap();
            }
        });
        join_all(racing).await;
        let (capacity, sold, reserved) = world.stock(&seats).await;
        assert_eq!((capacity, reserved), (Some(10), 0));
        assert!(sold <= 10);
        assert_eq!(world.stock(&other).await, (capacity, sold, reserved));
        let mut owners = 0;
        for buyer in &buyers {
            owners += world.owns(buyer, &seats).await;
        }
        assert_eq!(owners, sold);
    })
    .await;
}

#[tokio::test]
async fn one_buyer_holds_a_course_once_however_often_they_order_it() {
    for_each_engine("one_buyer", |world| async move {
        let course = world.course().await;
        let orders: Vec<String> = (0..50).map(|_| fresh_key()).collect();
        let racing = orders.iter().map(|order| {
            let (world, course) = (world.clone(), course.clone());
            async move {
                world
                    .command("reserve", order, wish(ADA, &[(&course, 1)]))
                    .await
                    .unwrap();
                world.command("confirm", order, json!({})).await.unwrap();
            }
        });
        join_all(racing).await;
        assert_eq!(world.owns(ADA, &course).await, 1);
        let answers = all_answers(&world, &orders).await;
        assert_eq!(of_type(&answers, "granted").len(), 1);
        for refused in of_type(&answers, "refused") {
            let reason = refused["reason"].as_str().unwrap();
            assert!(["already_pending", "already_owned"].contains(&reason), "{reason}");
        }
    })
    .await;
}

#[tokio::test]
async fn one_command_delivered_fifty_times_at_once_acts_once() {
    for_each_engine("one_command", |world| async move {
        let seats = world.seats(50).await;
        let order = fresh_key();
        for (verb, data) in [("reserve", wish(ADA, &[(&seats, 1)])), ("confirm", json!({}))] {
            let racing = (0..50).map(|_| {
                let (world, order, data) = (world.clone(), order.clone(), data.clone());
                async move { world.command(verb, &order, data).await }
            });
            for done in join_all(racing).await {
                done.unwrap();
            }
        }
        assert_eq!(world.stock(&seats).await, (Some(50), 1, 0));
        assert_eq!(world.owns(ADA, &seats).await, 1);
        let answers = world.answers(&order).await;
        assert_eq!(of_type(&answers, "reserved").len(), 50);
        assert_eq!(of_type(&answers, "granted").len(), 50);
        let sequences: BTreeSet<i64> = answers
            .iter()
            .map(|answer| answer["sequence"].as_i64().unwrap())
            .collect();
        assert_eq!(sequences.len(), 100, "every answer has a sequence of its own");
    })
    .await;
}

#[tokio::test]
async fn a_reservation_and_its_release_at_once_leave_no_seat_taken() {
    for_each_engine("undo_race", |world| async move {
        let seats = world.seats(50).await;
        let orders: Vec<String> = (0..25).map(|_| fresh_key()).collect();
        let buyers = users(25);
        let racing = orders.iter().zip(&buyers).map(|(order, buyer)| {
            let (world, seats) = (world.clone(), seats.clone());
            async move {
                let reserve = world.command("reserve", order, wish(buyer, &[(&seats, 1)]));
                let release = world.command("release", order, json!({}));
                let (reserved, released) = futures::join!(reserve, release);
                reserved.unwrap();
                released.unwrap();
            }
        });
        join_all(racing).await;
        assert_eq!(world.stock(&seats).await, (Some(50), 0, 0));
    })
    .await;
}

#[tokio::test]
async fn nobody_uses_up_more_than_they_have_in_fifty_requests_at_once() {
    for_each_engine("consume_race", |world| async move {
        let item = world.item().await;
        world.bought(ADA, &[(&item, 10)]).await;
        let path = format!("/inventory/v1/library/{item}/consume");
        let racing = (0..50).map(|_| {
            let ask = world.post(&path).by(&ada()).key(&fresh_key());
            ask.json(&json!({"quantity": 1})).send()
        });
        let answers = join_all(racing).await;
        let done = answers.iter().filter(|answer| answer.status == 200).count();
        assert_eq!(done, 10);
        for answer in answers.iter().filter(|answer| answer.status != 200) {
            let verdict = answer.verdict();
            assert!(
                [(409, "too_few"), (404, "not_found")].contains(&verdict),
                "{verdict:?}"
            );
        }
        assert_eq!(world.owns(ADA, &item).await, 0);
    })
    .await;
}

#[tokio::test]
async fn fifty_devices_lose_no_lesson_of_each_other() {
    for_each_engine("devices", |world| async move {
        let course = world.course().await;
        world.bought(ADA, &[(&course, 1)]).await;
        let lessons: BTreeSet<String> = (0..50).map(|_| fresh_key()).collect();
        let path = format!("/inventory/v1/library/{course}/progress");
        let racing = lessons.iter().map(|lesson| {
            let ask = world.put(&path).by(&ada());
            ask.json(&json!({"lessons_done": [lesson]})).send()
        });
        for answer in join_all(racing).await {
            assert_eq!(answer.status, 200, "{}", answer.text);
        }
        let read = world
            .get(format!("/inventory/v1/library/{course}"))
            .by(&ada())
            .send()
            .await;
        assert_eq!(read.json()["lessons_done"], json!(lessons));
    })
    .await;
}

#[tokio::test]
async fn a_course_that_becomes_limited_amid_orders_counts_every_one_of_them() {
    for_each_engine("limit_race", |world| async move {
        let course = Course::new();
        world.hear(&course).await;
        let orders: Vec<String> = (0..40).map(|_| fresh_key()).collect();
        let buyers = users(40);
        let racing = orders.iter().zip(&buyers).enumerate().map(|(n, (order, buyer))| {
            let (world, course) = (world.clone(), course.clone());
            async move {
                if n == 20 {
                    let limited = Course {
                        limited: true,
                        version: 2,
                        ..course.clone()
                    };
                    world.hear(&limited).await;
                }
                let wish = wish(buyer, &[(&course.id, 1)]);
                world.command("reserve", order, wish).await.unwrap();
                if n % 2 == 0 {
                    world.command("confirm", order, json!({})).await.unwrap();
                }
            }
        });
        join_all(racing).await;
        let (capacity, sold, reserved) = world.stock(&course.id).await;
        // Those who came before are the capacity; those who came after found none left.
        let held = of_type(&all_answers(&world, &orders).await, "reserved").len();
        assert_eq!(capacity, Some(sold + reserved));
        assert_eq!(held as i64, sold + reserved);
    })
    .await;
}

#[tokio::test]
async fn a_gift_and_an_order_at_once_give_one_course() {
    for_each_engine("gift_race", |world| async move {
        for _ in 0..10 {
            let (course, order) = (world.course().await, fresh_key());
            let gift = world.post("/inventory/v1/grants").by(&admin()).key(&fresh_key());
            let gift = gift
                .json(&json!({"user": ADA, "item_id": course, "quantity": 1, "reason": "A present"}))
                .send();
            let reserve = world.command("reserve", &order, wish(ADA, &[(&course, 1)]));
            let (given, reserved) = futures::join!(gift, reserve);
            reserved.unwrap();
            let held = world.answers(&order).await.pop().unwrap()["type"] == "reserved";
            assert_ne!(held, given.status == 201, "exactly one of both: {}", given.text);
        }
    })
    .await;
}
