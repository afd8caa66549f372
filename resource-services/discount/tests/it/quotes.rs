//! What a code is worth, and who may know that it exists.

use serde_json::json;

use crate::harness::*;

#[tokio::test]
async fn a_quote_says_the_share_of_each_line_and_reserves_nothing() {
    for_each_engine("quote", |world| async move {
        world.course(1, "music", "ines", 1).await;
        world.course(2, "design", "ivan", 1).await;
        let coupon = world.create(&ines(), &own_draft("TEACHER")).send().await;
        let lines = [line(2, 5_000), line(1, 9_999)];
        let quote = world.quote(&alice(), " teacher ", &lines).await;
        let euros = |amount: i64| json!({"amount": amount, "currency": "EUR"});
        let expected = json!({
            "code": "TEACHER", "coupon_id": coupon.id(), "subtotal": euros(14_999), "amount": euros(2_000),
            "total": euros(12_999),
            "per_line": [
                {"course_id": course(2), "amount": euros(0)},
                {"course_id": course(1), "amount": euros(2_000)}
            ]
        });
        assert_eq!((quote.status, quote.json()), (200, expected));
        assert_eq!(world.uses(&coupon).await, (0, 0));
        assert_eq!(world.events().await.len(), 1, "only the creation is told");
    })
    .await;
}

#[tokio::test]
async fn each_reason_of_a_refusal_is_said() {
    for_each_engine("reasons", |world| async move {
        world.course(1, "music", "ines", 1).await;
        let least = json!({"amount": 10_001, "currency": "EUR"});
        for (code, members, who, reason) in [
            ("PAUSED", json!({"status": "paused"}), "u1", "expired"),
            (
                "LATER",
                json!({"starts_at": "2026-11-20T12:00:00.001Z"}),
                "u2",
                "expired",
            ),
            (
                "ENDED",
                json!({"ends_at": "2026-11-20T12:00:00Z"}),
                "u3",
                "expired",
            ),
            (
                "OTHERS",
                json!({"scope": {"kind": "instructor", "instructor_id": "ivan"}}),
                "u4",
                "not_eligible",
            ),
            ("BIGGER", json!({"min_subtotal": least}), "u5", "min_subtotal"),
            ("BOUND", json!({"user_id": "somebody"}), "u6", "unknown"),
        ] {
            world.coupon(code, members).await;
            assert_eq!(world.worth(&buyer(who), code).await, Err(reason.into()), "{code}");
        }
        assert_eq!(world.worth(&alice(), "NOTHING").await, Err("unknown".into()));
        let refused = world.quote(&alice(), "NOTHING", &[line(1, 10_000)]).await;
        let euros = |amount: i64| json!({"amount": amount, "currency": "EUR"});
        let expected = json!({
            "code": "NOTHING", "subtotal": euros(10_000), "amount": euros(0), "total": euros(10_000),
            "per_line": [], "refused_reason": "unknown"
        });
        assert_eq!(refused.json(), expected);
    })
    .await;
}

#[tokio::test]
async fn a_code_of_somebody_else_looks_like_none() {
    for_each_engine("not_yours", |world| async move {
        world.coupon("FOR-BOB", json!({"user_id": "bob"})).await;
        world
            .coupon("FOR-BOB-PAUSED", json!({"user_id": "bob", "status": "paused"}))
            .await;
        let answer = async |code: &str| {
            let answer = world.quote(&alice(), code, &[line(1, 10_000)]).await;
            let names: Vec<String> = answer.headers.keys().map(ToString::to_string).collect();
            (answer.status, answer.text.replace(code, "CODE"), names)
        };
        let missing = answer("NO-SUCH-CODE").await;
        assert_eq!(answer("FOR-BOB").await, missing);
        assert_eq!(answer("FOR-BOB-PAUSED").await, missing);
        assert_eq!(world.worth(&bob(), "FOR-BOB").await, Ok(2_000));
    })
    .await;
}

#[tokio::test]
async fn category_and_instructor_are_those_of_the_catalog() {
    for_each_engine("places", |world| async move {
        let (music, design) = (course(101), course(102));
        let members = json!({"scope": {"kind": "categories", "ids": [music]}});
        world.coupon("MUSIC", members).await;
        // Not heard of yet.
        assert_eq!(world.worth(&alice(), "MUSIC").await, Err("not_eligible".into()));
        world.course(1, &music, "ines", 2).await;
        assert_eq!(world.worth(&alice(), "MUSIC").await, Ok(2_000));
        world.course(1, &design, "ines", 3).await;
        assert_eq!(world.worth(&alice(), "MUSIC").await, Err("not_eligible".into()));
        let mut said = line(1, 10_000);
        said["category_id"] = json!(music);
        assert_eq!(
            world.quote(&alice(), "MUSIC", &[said]).await.verdict(),
            (422, "invalid_body")
        );
    })
    .await;
}

#[tokio::test]
async fn a_coupon_of_the_first_order_ends_with_it() {
    for_each_engine("first", |world| async move {
        world
            .coupon("WELCOME", json!({"first_order_only": true, "per_user": 10}))
            .await;
        world.coupon("WELCOME-2", json!({"first_order_only": true})).await;
        assert_eq!(
            world.reserve(&order(1), "alice", "WELCOME", 2_000).await,
            "reserved"
        );
        // While an order is under way, no other one is the first.
        assert_eq!(world.worth(&alice(), "WELCOME").await, Err("not_eligible".into()));
        assert_eq!(
            world.reserve(&order(2), "alice", "WELCOME-2", 2_000).await,
            "not_eligible"
        );
        assert_eq!(world.settle("release", &order(1)).await, "released");
        assert_eq!(world.worth(&alice(), "WELCOME").await, Ok(2_000));
        assert_eq!(
            world.reserve(&order(3), "alice", "WELCOME-2", 2_000).await,
            "reserved"
        );
        assert_eq!(world.settle("commit", &order(3)).await, "committed");
        assert_eq!(world.worth(&alice(), "WELCOME").await, Err("not_eligible".into()));
        assert_eq!(world.worth(&bob(), "WELCOME").await, Ok(2_000));
    })
    .await;
}

#[tokio::test]
async fn ones_own_coupons_are_listed_while_they_can_be_used() {
    for_each_engine("mine", |world| async move {
        for (code, members) in [
            ("ALICE-1", json!({"user_id": "alice"})),
            (
                "ALICE-2",
                json!({"user_id": "alice", "ends_at": "2026-11-20T13:00:00Z"}),
            ),
            ("ALICE-PAUSED", json!({"user_id": "alice", "status": "paused"})),
            (
                "ALICE-ENDED",
                json!({"user_id": "alice", "ends_at": "2026-11-20T12:00:00Z"}),
            ),
            ("BOB-1", json!({"user_id": "bob"})),
            ("EVERYBODY", json!({})),
        ] {
            world.coupon(code, members).await;
            world.clock.advance(1);
        }
        let codes = async |who: String| {
            let list = world.get("/discount/v1/my/coupons").by(&who).send().await;
            let codes = list
                .items()
                .iter()
                .map(|item| item["code"].as_str().unwrap().to_owned());
            codes.collect::<Vec<_>>()
        };
        assert_eq!(codes(alice()).await, ["ALICE-2", "ALICE-1"]);
        assert_eq!(codes(bob()).await, ["BOB-1"]);
        let list = world
            .get("/discount/v1/my/coupons?limit=1")
            .by(&bob())
            .send()
            .await;
        let shown: Vec<&String> = list.items()[0].as_object().unwrap().keys().collect();
        assert!(
            !shown
                .iter()
                .any(|name| ["reserved", "redeemed", "max_total", "id"].contains(&name.as_str()))
        );
    })
    .await;
}
