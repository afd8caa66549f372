//! Each command of an order: once, twice, undone first, and in every wrong state.

use latchkey_bus::HandlerError;
use latchkey_clock::Random;
use latchkey_testkit::Matrix;
use serde_json::json;

use crate::harness::*;

#[tokio::test]
async fn an_order_reserves_commits_and_is_answered_by_what_was_decided() {
    for_each_engine("happy", |world| async move {
        let coupon = world.coupon("SPRING", json!({"max_total": 1})).await;
        let (name, reply) = world
            .command("reserve", reserve(&order(1), "alice", "spring", 2_000))
            .await;
        let expected = json!({
            "order_id": order(1), "command_id": format!("{}/reserve", order(1)), "code": "SPRING",
            "coupon_id": coupon.id(), "amount": {"amount": 2_000, "currency": "EUR"},
            "per_line": [{"course_id": course(1), "amount": {"amount": 2_000, "currency": "EUR"}}]
        });
        assert_eq!((name.as_str(), &reply.data), ("reserved", &expected));
        assert_eq!((reply.subject.as_str(), reply.version()), (order(1).as_str(), 1));
        assert_eq!(world.uses(&coupon).await, (1, 0));
        assert_eq!(world.worth(&bob(), "SPRING").await, Err("limit".into()));

        let (name, reply) = world.command("commit", about(&order(1), "commit")).await;
        let expected = json!({
            "order_id": order(1), "command_id": format!("{}/commit", order(1)), "coupon_id": coupon.id()
        });
        assert_eq!(
            (name.as_str(), &reply.data, reply.version()),
            ("committed", &expected, 2)
        );
        assert_eq!(world.uses(&coupon).await, (0, 1));
    })
    .await;
}

#[tokio::test]
async fn a_repeated_command_changes_nothing_and_gets_the_stored_answer() {
    for_each_engine("repeated", |world| async move {
        let coupon = world.coupon("SPRING", json!({"max_total": 2})).await;
        let command = reserve(&order(1), "alice", "SPRING", 2_000);
        let (_, first) = world.command("reserve", command.clone()).await;
        // The coupon may change in the meantime: the answer does not.
        let path = format!("/discount/v1/coupons/{}", coupon.id());
        let body = draft(
            "SPRING",
            json!({"percent_bp": 9_000, "max_total": 2, "status": "paused"}),
        );
        assert_eq!(
            world
                .put(path)
                .by(&admin())
                .if_match(1)
                .json(&body)
                .send()
                .await
                .status,
            200
        );
        for _ in 0..3 {
            let (name, again) = world.command("reserve", command.clone()).await;
            assert_eq!((name.as_str(), &again.data), ("reserved", &first.data));
            assert_eq!((&again.sequence, again.id != first.id), (&first.sequence, true));
            assert_eq!(world.uses(&coupon).await, (1, 0));
        }
        for (verb, name, uses) in [("commit", "committed", (0, 1)), ("commit", "committed", (0, 1))] {
            assert_eq!(world.settle(verb, &order(1)).await, name);
            assert_eq!(world.uses(&coupon).await, uses);
        }
        // A command of a later generation gets the same content, under its own id.
        let mut later = command;
        later["command_id"] = json!("a later generation");
        let (_, again) = world.command("reserve", later).await;
        assert_eq!(again.data["command_id"], "a later generation");
        assert_eq!(again.data["per_line"], first.data["per_line"]);
        assert_eq!(world.uses(&coupon).await, (0, 1));
    })
    .await;
}

#[tokio::test]
async fn a_release_gives_the_use_back_once() {
    for_each_engine("release", |world| async move {
        let coupon = world.coupon("SPRING", json!({"max_total": 1})).await;
        assert_eq!(
            world.reserve(&order(1), "alice", "SPRING", 2_000).await,
            "reserved"
        );
        assert_eq!(world.reserve(&order(2), "bob", "SPRING", 2_000).await, "limit");
        for _ in 0..3 {
            assert_eq!(world.settle("release", &order(1)).await, "released");
            assert_eq!(world.uses(&coupon).await, (0, 0));
        }
        assert_eq!(
            world.reserve(&order(1), "alice", "SPRING", 2_000).await,
            "cancelled"
        );
        // The user has their use again, and so has everybody.
        assert_eq!(
            world.reserve(&order(3), "alice", "SPRING", 2_000).await,
            "reserved"
        );
        assert_eq!(world.uses(&coupon).await, (1, 0));
        // What was refused stays refused, although there was a use in between.
        assert_eq!(world.reserve(&order(2), "bob", "SPRING", 2_000).await, "limit");
    })
    .await;
}

#[tokio::test]
async fn a_release_that_comes_first_refuses_the_reservation_that_comes_later() {
    for_each_engine("tombstone", |world| async move {
        let coupon = world.coupon("SPRING", json!({})).await;
        let (name, reply) = world.command("release", about(&order(1), "release")).await;
        let expected = json!({"order_id": order(1), "command_id": format!("{}/release", order(1))});
        assert_eq!(
            (name.as_str(), &reply.data, reply.version()),
            ("released", &expected, 1)
        );
        for _ in 0..2 {
            let (name, reply) = world
                .command("reserve", reserve(&order(1), "alice", "SPRING", 2_000))
                .await;
            assert_eq!(
                (name.as_str(), &reply.data["reason"]),
                ("refused", &json!("cancelled"))
            );
            assert_eq!(reply.data["code"], "SPRING");
            assert_eq!(world.settle("release", &order(1)).await, "released");
        }
        assert_eq!(world.uses(&coupon).await, (0, 0));
        assert_eq!(world.worth(&alice(), "SPRING").await, Ok(2_000));
    })
    .await;
}

/// State × command: what the order is told, and what the counters are afterwards.
#[tokio::test]
async fn a_command_in_a_wrong_state_is_answered_by_what_is_true() {
    for_each_engine("wrong_states", |world| async move {
        let coupon = world.coupon("SPRING", json!({"per_user": 1_000})).await;
        let mut matrix = Matrix::new("state × command");
        let mut number = 0;
        let states: [(&[&str], [&str; 3]); 6] = [
            (&[], ["reserved", "released", "released"]),
            (&["reserve"], ["reserved", "committed", "released"]),
            (&["reserve", "commit"], ["reserved", "committed", "committed"]),
            (&["reserve", "release"], ["cancelled", "released", "released"]),
            (&["release"], ["cancelled", "released", "released"]),
            (&["refuse"], ["changed", "released", "released"]),
        ];
        for (history, replies) in states {
            for (command, reply) in ["reserve", "commit", "release"].into_iter().zip(replies) {
                number += 1;
                let order = order(number);
                let send = async |verb: &str| match verb {
                    "reserve" => world.reserve(&order, "alice", "SPRING", 2_000).await,
                    "refuse" => world.reserve(&order, "alice", "SPRING", 2_001).await,
                    settling => world.settle(settling, &order).await,
                };
                for verb in history {
                    send(verb).await;
                }
                let before = world.uses(&coupon).await;
                matrix.cell(
                    format_args!("{history:?} {command}"),
                    send(command).await,
                    reply.to_owned(),
                );
                let after = world.uses(&coupon).await;
                let expected = match (history.len(), history.first(), command) {
                    (0, _, "reserve") => (before.0 + 1, before.1),
                    (1, Some(&"reserve"), "commit") => (before.0 - 1, before.1 + 1),
                    (1, Some(&"reserve"), "release") => (before.0 - 1, before.1),
                    _ => before,
                };
                matrix.cell(format_args!("{history:?} {command}: uses"), after, expected);
                // And once more, whatever it was.
                matrix.cell(
                    format_args!("{history:?} {command} again"),
                    send(command).await,
                    reply.to_owned(),
                );
                matrix.cell(
                    format_args!("{history:?} {command} again: uses"),
                    world.uses(&coupon).await,
                    after,
                );
            }
        }
        matrix.end();
    })
    .await;
}

#[tokio::test]
async fn each_reason_refuses_an_order_like_a_quote() {
    for_each_engine("refusals", |world| async move {
        world.course(1, "music", "ines", 1).await;
        let least = json!({"amount": 10_001, "currency": "EUR"});
        let ivan = json!({"scope": {"kind": "instructor", "instructor_id": "ivan"}});
        for (number, (code, members, reason)) in [
            ("PAUSED", json!({"status": "paused"}), "expired"),
            ("ENDED", json!({"ends_at": "2026-11-20T12:00:00Z"}), "expired"),
            ("OTHERS", ivan, "not_eligible"),
            ("BIGGER", json!({"min_subtotal": least}), "min_subtotal"),
            ("BOUND", json!({"user_id": "somebody"}), "unknown"),
            ("CHANGED", json!({"percent_bp": 2_001}), "changed"),
        ]
        .into_iter()
        .enumerate()
        {
            let coupon = world.coupon(code, members).await;
            assert_eq!(
                world.reserve(&order(number), "alice", code, 2_000).await,
                reason,
                "{code}"
            );
            assert_eq!(world.uses(&coupon).await, (0, 0));
        }
        assert_eq!(
            world.reserve(&order(20), "alice", "NOTHING", 2_000).await,
            "unknown"
        );
        let users = "SELECT CAST(COALESCE(SUM(used), 0) AS BIGINT) AS n FROM coupon_uses";
        assert_eq!(world.count(users).await, 0);
    })
    .await;
}

#[tokio::test]
async fn what_the_order_says_about_a_course_is_not_believed() {
    for_each_engine("not_believed", |world| async move {
        world.course(1, "music", "ivan", 1).await;
        world.create(&ines(), &own_draft("TEACHER")).send().await;
        let mut command = reserve(&order(1), "alice", "TEACHER", 2_000);
        command["lines"][0]["instructor_id"] = json!("ines");
        let (name, reply) = world.command("reserve", command).await;
        assert_eq!(
            (name.as_str(), &reply.data["reason"]),
            ("refused", &json!("not_eligible"))
        );
    })
    .await;
}

#[tokio::test]
async fn a_command_that_no_order_can_mean_is_parked_and_leaves_nothing() {
    for_each_engine("malformed", |world| async move {
        world.coupon("SPRING", json!({})).await;
        let before = world.rows().await;
        let whole = || reserve(&order(1), "alice", "SPRING", 2_000);
        let mut broken = vec![json!({"order_id": order(1)})];
        for (pointer, value) in [
            ("/lines/0/quantity", json!(0)),
            ("/lines/0/quantity", json!(-1)),
            ("/lines/0/quantity", json!(i64::MAX)),
            ("/lines/0/unit_price/amount", json!(-1)),
            ("/lines/0/unit_price/amount", json!(i64::MAX)),
            ("/lines/0/unit_price/currency", json!("USD")),
            ("/lines/0/course_id", json!("x")),
            ("/lines", json!([])),
            ("/lines/0/quantity", json!("1")),
            ("/code", json!("SPR\u{0}ING")),
        ] {
            let mut command = whole();
            *command.pointer_mut(pointer).unwrap() = value;
            broken.push(command);
        }
        for command in broken {
            let refused = world.try_command("reserve", command.clone()).await;
            assert!(
                matches!(refused, Err(HandlerError::Dead(_))),
                "{command}: {refused:?}"
            );
        }
        assert_eq!(world.rows().await, before);
        assert_eq!(
            world.reserve(&order(1), "alice", "SPRING", 2_000).await,
            "reserved"
        );
    })
    .await;
}

#[tokio::test]
async fn lines_share_the_discount_in_any_order() {
    for_each_engine("shares", |world| async move {
        let amount = json!({"percent_bp": null, "amount": {"amount": 1_000, "currency": "EUR"}});
        world.coupon("TEN-OFF", amount).await;
        let lines = [line(1, 3_333), line(2, 3_333), line(3, 3_333)];
        let quote = world.quote(&alice(), "TEN-OFF", &lines).await.json();
        let mut command = reserve(&order(1), "alice", "TEN-OFF", 0);
        command["expected"] = quote["per_line"].clone();
        command["lines"] = lines
            .iter()
            .rev()
            .map(|line| {
                let mut line = line.clone();
                line["category_id"] = json!("c");
                line["instructor_id"] = json!("i");
                line
            })
            .collect();
        let (name, reply) = world.command("reserve", command).await;
        assert_eq!(name, "reserved", "{}", reply.data);
        let shares: i64 = reply.data["per_line"]
            .as_array()
            .unwrap()
            .iter()
            .map(|line| line["amount"]["amount"].as_i64().unwrap())
            .sum();
        assert_eq!((shares, &reply.data["amount"]["amount"]), (1_000, &json!(1_000)));
    })
    .await;
}

/// S5: whatever comes, in whatever order, the counters are what the orders' rows add up to.
#[tokio::test]
async fn any_history_of_commands_leaves_counters_that_add_up() {
    for_each_engine("history", |world| async move {
        let coupon = world
            .coupon("SPRING", json!({"max_total": 4, "per_user": 2}))
            .await;
        let random = Random::seeded(13);
        for _ in 0..150 {
            let [verb, number, user] = random.bytes::<3>().map(usize::from);
            let (order, user) = (order(number % 30), format!("user{}", user % 3));
            match verb % 4 {
                0 | 1 => drop(world.reserve(&order, &user, "SPRING", 2_000).await),
                2 => drop(world.settle("commit", &order).await),
                _ => drop(world.settle("release", &order).await),
            }
            let (reserved, redeemed) = world.uses(&coupon).await;
            assert!(reserved + redeemed <= 4);
            let rows = "SELECT CAST(COUNT(*) AS BIGINT) AS n FROM redemptions WHERE state = 'reserved'";
            assert_eq!(world.count(rows).await, reserved);
            let rows = "SELECT CAST(COUNT(*) AS BIGINT) AS n FROM redemptions WHERE state = 'committed'";
            assert_eq!(world.count(rows).await, redeemed);
            let most = "SELECT CAST(COALESCE(MAX(used), 0) AS BIGINT) AS n FROM coupon_uses";
            assert!(world.count(most).await <= 2);
            let sum = "SELECT CAST(COALESCE(SUM(used), 0) AS BIGINT) AS n FROM coupon_uses";
            assert_eq!(world.count(sum).await, reserved + redeemed);
        }
    })
    .await;
}
