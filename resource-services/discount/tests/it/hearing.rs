//! What the service hears from the catalog, from orders, and from identity.

use latchkey_bus::HandlerError;
use latchkey_db::sql;
use latchkey_discount::consumers;
use serde_json::json;

use crate::harness::*;

#[tokio::test]
async fn older_news_of_a_course_changes_nothing() {
    for_each_engine("stale_news", |world| async move {
        world.create(&ines(), &own_draft("TEACHER")).send().await;
        world.course(1, "music", "ines", 3).await;
        for version in [1, 2, 3] {
            world.course(1, "music", "ivan", version).await;
        }
        assert_eq!(world.worth(&alice(), "TEACHER").await, Ok(2_000));
        world.course(1, "music", "ivan", 4).await;
        assert_eq!(world.worth(&alice(), "TEACHER").await, Err("not_eligible".into()));
    })
    .await;
}

#[tokio::test]
async fn a_completed_order_ends_the_time_of_the_first_one() {
    for_each_engine("completed", |world| async move {
        world.coupon("WELCOME", json!({"first_order_only": true})).await;
        assert_eq!(world.worth(&alice(), "WELCOME").await, Ok(2_000));
        for _ in 0..2 {
            world
                .hear(&consumers::ORDERS, completed(&order(1), "alice"))
                .await;
        }
        assert_eq!(world.worth(&alice(), "WELCOME").await, Err("not_eligible".into()));
        assert_eq!(
            world.reserve(&order(2), "alice", "WELCOME", 2_000).await,
            "not_eligible"
        );
        assert_eq!(world.worth(&bob(), "WELCOME").await, Ok(2_000));
    })
    .await;
}

#[tokio::test]
async fn a_deleted_user_is_named_nowhere_and_their_orders_end_as_they_would() {
    for_each_engine("deleted", |world| async move {
        let bound = world.coupon("FOR-ALICE", json!({"user_id": "alice"})).await;
        let spring = world
            .coupon("SPRING", json!({"per_user": 5, "first_order_only": true}))
            .await;
        assert_eq!(world.worth(&alice(), "TYPO").await, Err("unknown".into()));
        assert_eq!(
            world.reserve(&order(1), "alice", "SPRING", 2_000).await,
            "reserved"
        );
        assert_eq!(
            world.reserve(&order(2), "alice", "FOR-ALICE", 2_000).await,
            "reserved"
        );
        for _ in 0..2 {
            world.hear(&consumers::USERS, deleted("alice")).await;
        }
        // Orders under way end by their ids alone.
        assert_eq!(world.settle("commit", &order(1)).await, "committed");
        assert_eq!(world.settle("release", &order(2)).await, "released");
        assert_eq!(
            (world.uses(&spring).await, world.uses(&bound).await),
            ((0, 1), (0, 0))
        );
        assert_eq!(
            world.reserve(&order(3), "alice", "SPRING", 2_000).await,
            "not_eligible"
        );
        world
            .hear(&consumers::ORDERS, completed(&order(4), "alice"))
            .await;
        // Nobody gets what was theirs.
        assert_eq!(
            world.read(&admin(), &bound.id()).await.json()["status"],
            "archived"
        );
        assert_eq!(world.worth(&bob(), "FOR-ALICE").await, Err("unknown".into()));
        for (table, n) in [
            (
                "SELECT CAST(COUNT(*) AS BIGINT) AS n FROM coupons WHERE user_id = 'alice'",
                0,
            ),
            (
                "SELECT CAST(COUNT(*) AS BIGINT) AS n FROM coupon_uses WHERE user_id = 'alice'",
                0,
            ),
            (
                "SELECT CAST(COUNT(*) AS BIGINT) AS n FROM redemptions WHERE user_id = 'alice'",
                0,
            ),
            (
                "SELECT CAST(COUNT(*) AS BIGINT) AS n FROM asked_codes WHERE user_id = 'alice'",
                0,
            ),
            (
                "SELECT CAST(COUNT(*) AS BIGINT) AS n FROM askers WHERE subject = 'user:alice'",
                0,
            ),
            // That they are gone, so that what arrives late writes nothing about them.
            (
                "SELECT CAST(COUNT(*) AS BIGINT) AS n FROM buyers WHERE user_id = 'alice'",
                1,
            ),
            (
                "SELECT CAST(COUNT(*) AS BIGINT) AS n FROM buyers WHERE ordered IS NOT NULL",
                0,
            ),
        ] {
            assert_eq!(world.count(table).await, n, "{table}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_deleted_instructors_coupons_end_and_are_told() {
    for_each_engine("deleted_instructor", |world| async move {
        world.course(1, "music", "ines", 1).await;
        let coupon = world.create(&ines(), &own_draft("TEACHER")).send().await;
        world.create(&ivan(), &own_draft("OTHER")).send().await;
        for _ in 0..2 {
            world.hear(&consumers::USERS, deleted("ines")).await;
        }
        assert_eq!(world.worth(&alice(), "TEACHER").await, Err("unknown".into()));
        let told = world.events().await.pop().unwrap();
        assert_eq!((told.subject.as_str(), told.version()), (coupon.id().as_str(), 2));
        assert_eq!(told.data["status"], "archived");
        let row = sql("SELECT instructor_id FROM coupons WHERE code = 'TEACHER'")
            .fetch_one(&world.context.db)
            .await
            .unwrap();
        assert_eq!(row.text("instructor_id").unwrap(), "erased");
        let others = world.get("/discount/v1/coupons").by(&ivan()).send().await;
        assert_eq!(others.items()[0]["status"], "active");
    })
    .await;
}

#[tokio::test]
async fn an_event_that_cannot_be_read_is_dead_and_not_retried() {
    for_each_engine("unreadable", |world| async move {
        for (consumer, name) in [
            (&consumers::COMMANDS, "order.command.discount-reserve.v1"),
            (&consumers::COMMANDS, "order.command.discount-commit.v1"),
            (&consumers::COURSES, "catalog.course.published.v1"),
            (&consumers::ORDERS, "order.order.completed.v1"),
            (&consumers::USERS, "identity.user.deleted.v1"),
        ] {
            let refused = world
                .deliver(consumer, event(name, "x", json!({"user_id": 7})))
                .await;
            assert!(
                matches!(refused, Err(HandlerError::Dead(_))),
                "{name}: {refused:?}"
            );
        }
    })
    .await;
}
