//! Writing coupons: once, by version, and with an event for every change.

use serde_json::{Value, json};

use crate::harness::*;

fn path(coupon: &Answer) -> String {
    format!("/discount/v1/coupons/{}", coupon.id())
}

#[tokio::test]
async fn a_coupon_is_created_once_and_shown_as_it_was_written() {
    for_each_engine("create", |world| async move {
        let body = json!({
            "code": "spring-26", "amount": {"amount": 500, "currency": "EUR"},
            "scope": {"kind": "courses", "ids": [course(2), course(1)]},
            "starts_at": "2026-11-01T00:00:00+01:00", "ends_at": "2026-12-01T00:00:00Z",
            "max_total": 100, "per_user": 2, "min_subtotal": {"amount": 2_000, "currency": "EUR"},
            "first_order_only": true, "user_id": "alice", "status": "paused"
        });
        let key = fresh_key();
        let post = || world.post("/discount/v1/coupons").by(&admin()).key(&key).json(&body).send();
        let (first, again) = (post().await, post().await);
        assert_eq!((first.status, again.status), (201, 201), "{}", first.text);
        assert_eq!((first.text.as_str(), again.header("idempotency-replayed")), (again.text.as_str(), "true"));
        assert_eq!(first.header("etag"), "\"1\"");
        assert_eq!(first.header("location"), format!("coupons/{}", first.id()));
        let read = world.read(&admin(), &first.id()).await;
        let expected = json!({
            "id": first.id(), "code": "SPRING-26", "percent_bp": null, "amount": {"amount": 500, "currency": "EUR"},
            "scope": {"kind": "courses", "ids": [course(1), course(2)]},
            "starts_at": "2026-10-31T23:00:00.000Z", "ends_at": "2026-12-01T00:00:00.000Z",
            "max_total": 100, "per_user": 2, "min_subtotal": {"amount": 2_000, "currency": "EUR"},
            "first_order_only": true, "user_id": "alice", "status": "paused", "reserved": 0, "redeemed": 0,
            "version": 1, "created_at": "2026-11-20T12:00:00.000Z", "updated_at": "2026-11-20T12:00:00.000Z"
        });
        assert_eq!(read.json(), expected);
        let events = world.events().await;
        assert_eq!(events.len(), 1);
        let told = (events[0].r#type.as_str(), events[0].subject.as_str(), events[0].sequence.as_str());
        assert_eq!(told, ("discount.coupon.changed.v1", first.id().as_str(), "1"));
        let data = json!({
            "coupon_id": first.id(), "code": "SPRING-26", "status": "paused",
            "starts_at": "2026-10-31T23:00:00.000Z", "ends_at": "2026-12-01T00:00:00.000Z", "version": 1
        });
        assert_eq!(events[0].data, data);
    })
    .await;
}

#[tokio::test]
async fn an_instructor_writes_coupons_of_their_own_courses() {
    for_each_engine("own", |world| async move {
        let made = world.create(&ines(), &own_draft("TEACHER")).send().await;
        assert_eq!(
            made.json()["scope"],
            json!({"kind": "instructor", "instructor_id": "ines"})
        );
        for (scope, field) in [
            (json!({"kind": "all"}), "scope.kind"),
            (json!({"kind": "courses", "ids": [course(1)]}), "scope.kind"),
            (
                json!({"kind": "instructor", "instructor_id": "ivan"}),
                "scope.instructor_id",
            ),
        ] {
            let body = draft("STOLEN", json!({"scope": scope}));
            let refused = world.create(&ines(), &body).send().await;
            assert_eq!((refused.status, refused.fields()), (422, vec![field]), "{scope}");
            let mut body = body;
            body["code"] = json!("TEACHER");
            let put = world
                .put(path(&made))
                .by(&ines())
                .if_match(1)
                .json(&body)
                .send()
                .await;
            assert_eq!((put.status, put.fields()), (422, vec![field]), "{scope}");
        }
        // An administrator who leaves the instructor out does not take the coupon over.
        let put = world
            .put(path(&made))
            .by(&admin())
            .if_match(1)
            .json(&own_draft("TEACHER"))
            .send()
            .await;
        assert_eq!(put.json()["scope"]["instructor_id"], "ines");
    })
    .await;
}

#[tokio::test]
async fn a_change_needs_the_version_that_was_read() {
    for_each_engine("change", |world| async move {
        let coupon = world.coupon("SPRING", json!({})).await;
        let put = |version: i64, members: Value| {
            let body = draft("spring", members);
            world
                .put(path(&coupon))
                .by(&admin())
                .if_match(version)
                .json(&body)
                .send()
        };
        let changed = put(1, json!({"percent_bp": 3_000, "status": "paused"})).await;
        assert_eq!(
            (changed.status, changed.version(), changed.header("etag")),
            (200, 2, "\"2\"")
        );
        assert_eq!(put(1, json!({})).await.verdict(), (412, "stale"));
        let bare = world
            .put(path(&coupon))
            .by(&admin())
            .json(&draft("SPRING", json!({})))
            .send()
            .await;
        assert_eq!(bare.verdict(), (428, "precondition_required"));
        let renamed = world
            .put(path(&coupon))
            .by(&admin())
            .if_match(2)
            .json(&draft("SUMMER", json!({})));
        assert_eq!(renamed.send().await.fields(), ["code"]);
        let versions: Vec<i64> = world
            .events()
            .await
            .iter()
            .map(latchkey_bus::Event::version)
            .collect();
        assert_eq!(versions, [1, 2]);
    })
    .await;
}

#[tokio::test]
async fn a_code_belongs_to_one_coupon_until_that_is_deleted() {
    for_each_engine("taken", |world| async move {
        let first = world.coupon("SPRING", json!({})).await;
        let again = world
            .create(&admin(), &draft("ｓｐｒｉｎｇ", json!({})))
            .send()
            .await;
        assert_eq!(again.verdict(), (409, "code_taken"));
        let delete = |version: i64| world.delete(path(&first)).by(&admin()).if_match(version).send();
        assert_eq!(delete(7).await.verdict(), (412, "stale"));
        assert_eq!(delete(1).await.status, 204);
        assert_eq!(delete(2).await.verdict(), (409, "archived"));
        let put = world
            .put(path(&first))
            .by(&admin())
            .if_match(2)
            .json(&draft("SPRING", json!({})));
        assert_eq!(put.send().await.verdict(), (409, "archived"));
        assert_eq!(
            world.read(&admin(), &first.id()).await.json()["status"],
            "archived"
        );
        assert!(
            world
                .get("/discount/v1/coupons")
                .by(&admin())
                .send()
                .await
                .items()
                .is_empty()
        );
        assert_eq!(world.worth(&alice(), "SPRING").await, Err("unknown".into()));
        let second = world.coupon("SPRING", json!({"percent_bp": 100})).await;
        assert_ne!(first.id(), second.id());
        assert_eq!(world.worth(&bob(), "SPRING").await, Ok(100));
    })
    .await;
}

#[tokio::test]
async fn a_limit_is_not_lowered_below_what_orders_use() {
    for_each_engine("below", |world| async move {
        let coupon = world.coupon("SPRING", json!({"max_total": 10})).await;
        for number in 0..3 {
            let reserved = world
                .reserve(&order(number), &format!("user{number}"), "SPRING", 2_000)
                .await;
            assert_eq!(reserved, "reserved");
        }
        world.settle("commit", &order(0)).await;
        let put = |most: i64| {
            let body = draft("SPRING", json!({"max_total": most}));
            world
                .put(path(&coupon))
                .by(&admin())
                .if_match(1)
                .json(&body)
                .send()
        };
        assert_eq!(put(2).await.verdict(), (409, "below_use"));
        // Uses do not change the version.
        assert_eq!((put(3).await.status, world.uses(&coupon).await), (200, (2, 1)));
    })
    .await;
}

#[tokio::test]
async fn an_order_keeps_the_discount_that_it_reserved() {
    for_each_engine("keeps", |world| async move {
        let coupon = world.coupon("SPRING", json!({})).await;
        world.reserve(&order(1), "alice", "SPRING", 2_000).await;
        assert_eq!(
            world
                .delete(path(&coupon))
                .by(&admin())
                .if_match(1)
                .send()
                .await
                .status,
            204
        );
        let (name, again) = world
            .command("reserve", reserve(&order(1), "alice", "SPRING", 2_000))
            .await;
        assert_eq!(
            (name.as_str(), &again.data["amount"]["amount"]),
            ("reserved", &json!(2_000))
        );
        assert_eq!(world.settle("commit", &order(1)).await, "committed");
        assert_eq!(world.uses(&coupon).await, (0, 1));
    })
    .await;
}

#[tokio::test]
async fn redemptions_are_listed_for_the_owner_and_name_users_to_administrators() {
    for_each_engine("redemptions", |world| async move {
        world.course(1, "music", "ines", 1).await;
        let coupon = world.create(&ines(), &own_draft("TEACHER")).send().await;
        for number in 1..=3 {
            let reserved = world
                .reserve(&order(number), &format!("user{number}"), "TEACHER", 2_000)
                .await;
            assert_eq!(reserved, "reserved");
        }
        world.settle("commit", &order(1)).await;
        world.settle("release", &order(2)).await;
        // What was refused is none of them.
        world.reserve(&order(4), "user4", "TEACHER", 1).await;
        let path = format!("{}/redemptions", path(&coupon));
        let list = world.get(&path).by(&ines()).send().await;
        let states: Vec<_> = list
            .items()
            .iter()
            .map(|item| item["state"].as_str().unwrap())
            .collect();
        assert_eq!(states, ["committed", "released", "reserved"]);
        assert!(list.items().iter().all(|item| item.get("user_id").is_none()));
        assert_eq!(list.items()[0]["order_id"], order(1));
        assert_eq!(
            list.items()[0]["amount"],
            json!({"amount": 2_000, "currency": "EUR"})
        );
        let page = world.get(format!("{path}?limit=2")).by(&admin()).send().await;
        assert_eq!(page.items()[1]["user_id"], "user2");
        let cursor = page.json()["next_cursor"].as_str().unwrap().to_owned();
        let rest = world
            .get(format!("{path}?limit=2&cursor={cursor}"))
            .by(&admin())
            .send()
            .await;
        assert_eq!(
            (rest.items().len(), &rest.items()[0]["order_id"]),
            (1, &json!(order(3)))
        );
    })
    .await;
}
