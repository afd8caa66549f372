//! Orders at once: no coupon is used more often than it may be, on either engine.

use futures::future::join_all;
use latchkey_db::sql;
use latchkey_discount::consumers;
use serde_json::json;

use crate::harness::*;

/// Fifty orders of these users at once; how many of them were reserved.
async fn reserve_at_once(world: &World, code: &str, user: impl Fn(usize) -> String) -> usize {
    let orders = (0..50).map(|number| {
        let command = reserve(&order(number), &user(number), code, 2_000);
        let world = world.clone();
        async move { world.try_command("reserve", command).await.unwrap() }
    });
    join_all(orders).await;
    world.told("reserved").await
}

impl World {
    /// How many orders were told this.
    async fn told(&self, name: &str) -> usize {
        let name = format!("discount.redemption.{name}.v1");
        let events = self.events().await;
        let orders: std::collections::BTreeSet<_> = events
            .iter()
            .filter(|event| event.r#type == name)
            .map(|event| &event.subject)
            .collect();
        orders.len()
    }
}

/// SH-02.
#[tokio::test]
async fn fifty_users_share_the_last_five_uses() {
    for_each_engine("race_total", |world| shared(world, 5)).await;
}

/// SH-02.
#[tokio::test]
async fn one_of_fifty_users_gets_the_last_use() {
    for_each_engine("race_last", |world| shared(world, 1)).await;
}

async fn shared(world: World, most: usize) {
    let coupon = world.coupon("SPRING", json!({"max_total": most})).await;
    let reserved = reserve_at_once(&world, "SPRING", |number| format!("user{number}")).await;
    assert_eq!((reserved, world.told("refused").await), (most, 50 - most));
    assert_eq!(world.uses(&coupon).await, (most as i64, 0));
}

/// SH-02.
#[tokio::test]
async fn fifty_orders_of_one_user_hold_no_more_uses_than_they_may() {
    for_each_engine("race_user", |world| async move {
        let coupon = world.coupon("SPRING", json!({"per_user": 3})).await;
        let reserved = reserve_at_once(&world, "SPRING", |_| "alice".to_owned()).await;
        assert_eq!((reserved, world.told("refused").await), (3, 47));
        assert_eq!(world.uses(&coupon).await, (3, 0));
        assert_eq!(world.count("SELECT used AS n FROM coupon_uses").await, 3);
    })
    .await;
}

#[tokio::test]
async fn fifty_orders_of_one_user_are_the_first_one_once() {
    for_each_engine("race_first", |world| async move {
        for number in 0..5 {
            let members = json!({"first_order_only": true, "per_user": 1_000});
            world.coupon(&format!("WELCOME-{number}"), members).await;
        }
        let orders = (0..50).map(|number| {
            let code = format!("WELCOME-{}", number % 5);
            let command = reserve(&order(number), "alice", &code, 2_000);
            let world = world.clone();
            async move { world.try_command("reserve", command).await.unwrap() }
        });
        join_all(orders).await;
        assert_eq!(
            (world.told("reserved").await, world.told("refused").await),
            (1, 49)
        );
    })
    .await;
}

#[tokio::test]
async fn one_order_that_is_sent_fifty_times_holds_one_use() {
    for_each_engine("race_order", |world| async move {
        let coupon = world.coupon("SPRING", json!({"per_user": 10})).await;
        let commands = (0..50).map(|_| {
            let world = world.clone();
            async move {
                let command = reserve(&order(1), "alice", "SPRING", 2_000);
                world.try_command("reserve", command).await.unwrap();
            }
        });
        join_all(commands).await;
        assert_eq!(world.uses(&coupon).await, (1, 0));
        let replies = world.events().await;
        let replies: Vec<_> = replies
            .iter()
            .skip(1)
            .map(|reply| (&reply.r#type, &reply.data))
            .collect();
        assert_eq!(replies.len(), 50);
        assert!(replies.iter().all(|reply| *reply == replies[0]));
    })
    .await;
}

#[tokio::test]
async fn commit_and_release_at_once_settle_an_order_one_way() {
    for_each_engine("race_settle", |world| async move {
        let coupon = world.coupon("SPRING", json!({})).await;
        for number in 0..10 {
            world
                .reserve(&order(number), &format!("user{number}"), "SPRING", 2_000)
                .await;
        }
        let commands = (0..60).map(|at| {
            let (number, verb) = (at % 10, ["commit", "release"][(at / 10) % 2]);
            let world = world.clone();
            async move {
                world
                    .try_command(verb, about(&order(number), verb))
                    .await
                    .unwrap()
            }
        });
        join_all(commands).await;
        let (reserved, redeemed) = world.uses(&coupon).await;
        let committed = "SELECT CAST(COUNT(*) AS BIGINT) AS n FROM redemptions WHERE state = 'committed'";
        assert_eq!((reserved, redeemed), (0, world.count(committed).await));
        let used = "SELECT CAST(COALESCE(SUM(used), 0) AS BIGINT) AS n FROM coupon_uses";
        assert_eq!(world.count(used).await, redeemed);
        // Nobody was told both.
        let told = world.events().await;
        for number in 0..10 {
            let mut names: Vec<_> = told
                .iter()
                .filter(|event| event.subject == order(number))
                .map(|event| event.r#type.as_str())
                .collect();
            names.sort_unstable();
            names.dedup();
            assert_eq!(names.len(), 2, "{names:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_limit_that_is_lowered_while_orders_reserve_is_never_exceeded() {
    for_each_engine("race_edit", |world| async move {
        let coupon = world.coupon("SPRING", json!({"max_total": 50})).await;
        let path = format!("/discount/v1/coupons/{}", coupon.id());
        let edits = async {
            for most in [30, 20, 10, 5, 1] {
                let version = world.read(&admin(), &coupon.id()).await.version();
                let body = draft("SPRING", json!({"max_total": most}));
                let put = world
                    .put(&path)
                    .by(&admin())
                    .if_match(version)
                    .json(&body)
                    .send()
                    .await;
                assert!([200, 409].contains(&put.status), "{}", put.text);
            }
        };
        let orders = reserve_at_once(&world, "SPRING", |number| format!("user{number}"));
        futures::join!(edits, orders);
        let most = world.read(&admin(), &coupon.id()).await.json()["max_total"]
            .as_i64()
            .unwrap();
        let (reserved, _) = world.uses(&coupon).await;
        assert!(reserved <= most, "{reserved} of {most}");
    })
    .await;
}

#[tokio::test]
async fn a_user_who_is_deleted_while_ordering_is_named_nowhere() {
    for_each_engine("race_erase", |world| async move {
        let coupon = world.coupon("SPRING", json!({"per_user": 100})).await;
        for number in 0..10 {
            world.reserve(&order(number), "alice", "SPRING", 2_000).await;
        }
        let commands = (0..40).map(|number| {
            let world = world.clone();
            async move {
                match number {
                    20 => world.hear(&consumers::USERS, deleted("alice")).await,
                    0..10 => {
                        let release = world.try_command("release", about(&order(number), "release"));
                        release.await.unwrap();
                    }
                    _ => {
                        let command = reserve(&order(number), "alice", "SPRING", 2_000);
                        world.try_command("reserve", command).await.unwrap();
                    }
                }
            }
        });
        join_all(commands).await;
        let (reserved, _) = world.uses(&coupon).await;
        let held = "SELECT CAST(COUNT(*) AS BIGINT) AS n FROM redemptions WHERE state = 'reserved'";
        assert_eq!(world.count(held).await, reserved);
        let named = "SELECT CAST(COUNT(*) AS BIGINT) AS n FROM redemptions WHERE user_id = 'alice'";
        assert_eq!(world.count(named).await, 0);
        let counted = "SELECT CAST(COUNT(*) AS BIGINT) AS n FROM coupon_uses";
        assert_eq!(world.count(counted).await, 0);
    })
    .await;
}

/// The last line of defence, if every statement above were wrong.
#[tokio::test]
async fn the_tables_themselves_refuse_impossible_counters() {
    for_each_engine("checks", |world| async move {
        world.coupon("SPRING", json!({"max_total": 1})).await;
        world.reserve(&order(1), "alice", "SPRING", 2_000).await;
        for statement in [
            "UPDATE coupons SET reserved = reserved + 1",
            "UPDATE coupons SET redeemed = redeemed + 1",
            "UPDATE coupons SET reserved = -1",
            "UPDATE coupons SET max_total = 0",
            "UPDATE coupon_uses SET used = -1",
            "UPDATE coupons SET amount = 5",
            "UPDATE coupons SET percent_bp = 10001",
            "UPDATE coupons SET scope = 'instructor'",
            "UPDATE redemptions SET coupon_id = NULL",
            "UPDATE redemptions SET state = 'refused'",
            "DELETE FROM coupons",
        ] {
            let refused = world.context.db.write_one(sql(statement)).await;
            assert!(refused.is_err(), "{statement}");
        }
    })
    .await;
}
