//! What strangers send: every limit, every member that is none of theirs, every edge.

use serde_json::{Value, json};

use crate::harness::*;

/// Names that other systems have been tricked with, and columns that callers do not write.
const FORBIDDEN: [&str; 18] = [
    "id",
    "reserved",
    "redeemed",
    "version",
    "created_at",
    "updated_at",
    "scope_ids",
    "instructor_id",
    "currency",
    "owner",
    "owner_id",
    "sub",
    "role",
    "roles",
    "admin",
    "is_admin",
    "__proto__",
    "constructor",
];

#[tokio::test]
async fn no_member_that_is_not_the_callers_is_taken() {
    for_each_engine("mass", |world| async move {
        let coupon = world.coupon("SPRING", json!({})).await;
        let path = format!("/discount/v1/coupons/{}", coupon.id());
        let before = world.rows().await;
        for member in FORBIDDEN {
            for value in [
                json!("x"),
                json!(1),
                json!(null),
                json!(true),
                json!({"amount": 1}),
            ] {
                let body = draft("SPRING", json!({member: value}));
                for ask in [
                    world.create(&admin(), &body),
                    world.put(&path).by(&admin()).if_match(1).json(&body),
                ] {
                    let answer = ask.send().await;
                    assert_eq!(answer.verdict(), (422, "invalid_body"), "{member} = {value}");
                }
                let quote = json!({"code": "SPRING", "lines": [line(1, 10_000)], member: value});
                let answer = world
                    .post("/discount/v1/quote")
                    .by(&alice())
                    .json(&quote)
                    .send()
                    .await;
                assert_eq!(answer.verdict(), (422, "invalid_body"), "{member} = {value}");
            }
        }
        assert_eq!(world.rows().await, before);
    })
    .await;
}

#[tokio::test]
async fn nested_members_are_as_closed_as_the_outer_ones() {
    for_each_engine("nested", |world| async move {
        let before = world.rows().await;
        for members in [
            json!({"scope": "all"}),
            json!({"scope": ["all"]}),
            json!({"scope": {"kind": "everything"}}),
            json!({"scope": {"kind": "all", "sub": "x"}}),
            json!({"scope": {}}),
            json!({"scope": null}),
            json!({"amount": [5, "EUR"]}),
            json!({"amount": {"amount": 5, "currency": "EUR", "tax": 1}}),
            json!({"amount": {"amount": 5.5, "currency": "EUR"}}),
            json!({"percent_bp": "20"}),
            json!({"percent_bp": 20.5}),
            json!({"percent_bp": 1e30}),
            json!({"max_total": 9_223_372_036_854_775_808_u64}),
            json!({"first_order_only": "yes"}),
            json!({"status": "deleted"}),
            json!({"code": null}),
        ] {
            let answer = world
                .create(&admin(), &draft("SPRING", members.clone()))
                .send()
                .await;
            assert_eq!(answer.verdict(), (422, "invalid_body"), "{members}");
        }
        for body in [
            r#"["SPRING"]"#,
            "[]",
            "null",
            "7",
            r#"{"code": "AAAA", "code": "BBBB"}"#,
        ] {
            for path in ["/discount/v1/coupons", "/discount/v1/quote"] {
                let answer = world
                    .post(path)
                    .by(&admin())
                    .key(&fresh_key())
                    .raw(body)
                    .send()
                    .await;
                assert_eq!(answer.verdict(), (422, "invalid_body"), "{body}");
            }
        }
        assert_eq!(world.rows().await, before);
    })
    .await;
}

#[tokio::test]
async fn each_invalid_field_is_named_and_nothing_is_written() {
    for_each_engine("fields", |world| async move {
        let before = world.rows().await;
        for (members, fields) in [
            (json!({"percent_bp": 0}), vec!["percent_bp"]),
            (json!({"percent_bp": i64::MIN}), vec!["percent_bp"]),
            (
                json!({"max_total": -1, "per_user": 0}),
                vec!["max_total", "per_user"],
            ),
            (
                json!({"min_subtotal": {"amount": -5, "currency": "EUR"}}),
                vec!["min_subtotal.amount"],
            ),
            (
                json!({"min_subtotal": {"amount": 5, "currency": "XAU"}}),
                vec!["min_subtotal.currency"],
            ),
            (json!({"user_id": "a\u{202e}b"}), vec!["user_id"]),
            (json!({"starts_at": "0000-00-00T00:00:00Z"}), vec!["starts_at"]),
            (
                json!({"scope": {"kind": "courses", "ids": vec![course(1); 101]}}),
                vec!["scope.ids"],
            ),
        ] {
            let answer = world
                .create(&admin(), &draft("SPRING", members.clone()))
                .send()
                .await;
            assert_eq!(
                (answer.code(), answer.fields()),
                ("invalid_content".into(), fields),
                "{members}"
            );
        }
        for code in [
            "",
            "abc",
            "a b c d",
            "'; --",
            "ÜBER-ALLES",
            "a\u{0}bcd",
            &"x".repeat(33),
        ] {
            let answer = world.create(&admin(), &draft(code, json!({}))).send().await;
            assert_eq!((answer.status, answer.fields()), (422, vec!["code"]), "{code:?}");
        }
        assert_eq!(world.rows().await, before);
    })
    .await;
}

#[tokio::test]
async fn a_quote_of_impossible_lines_is_refused() {
    for_each_engine("lines", |world| async move {
        world.coupon("SPRING", json!({})).await;
        let with = |member: &str, value: Value| {
            let mut line = line(1, 10_000);
            line[member] = value;
            line
        };
        for (bad, fields) in [
            (vec![], vec!["lines"]),
            (vec![line(1, 1), line(1, 1)], vec!["lines[1].course_id"]),
            (vec![with("quantity", json!(0))], vec!["lines[0].quantity"]),
            (vec![with("quantity", json!(-7))], vec!["lines[0].quantity"]),
            (vec![with("quantity", json!(i64::MAX))], vec!["lines[0].quantity"]),
            (vec![line(1, -1)], vec!["lines[0].unit_price.amount"]),
            (vec![line(1, i64::MAX)], vec!["lines[0].unit_price.amount"]),
            (
                vec![with("course_id", json!("../../etc/passwd"))],
                vec!["lines[0].course_id"],
            ),
        ] {
            let answer = world.quote(&alice(), "SPRING", &bad).await;
            assert_eq!(
                (answer.code(), answer.fields()),
                ("invalid_content".into(), fields),
                "{bad:?}"
            );
        }
        let many: Vec<Value> = (0..51).map(|number| line(number, 1)).collect();
        assert_eq!(world.quote(&alice(), "SPRING", &many).await.fields(), ["lines"]);
        let most: Vec<Value> = (0..50).map(|number| line(number, 100_000_000)).collect();
        let answer = world.quote(&alice(), "SPRING", &most).await;
        assert_eq!(answer.json()["amount"]["amount"], 1_000_000_000);
        // An answer to these would have been a guess.
        assert_eq!(
            world
                .count("SELECT CAST(COUNT(*) AS BIGINT) AS n FROM asked_codes")
                .await,
            1
        );
    })
    .await;
}

#[tokio::test]
async fn queries_and_keys_are_read_strictly() {
    for_each_engine("queries", |world| async move {
        let coupon = world.coupon("SPRING", json!({})).await;
        let redemptions = format!("/discount/v1/coupons/{}/redemptions", coupon.id());
        for path in ["/discount/v1/coupons", "/discount/v1/my/coupons", &redemptions] {
            for query in [
                "limit=0",
                "limit=101",
                "limit=-1",
                "limit=x",
                "cursor=x",
                "cursor=Ig",
                "owner=ines",
                "limit=1&limit=2",
            ] {
                let answer = world.get(format!("{path}?{query}")).by(&admin()).send().await;
                assert_eq!(answer.status, 400, "{path}?{query}: {}", answer.text);
            }
        }
        let body = draft("SUMMER", json!({}));
        let bare = world
            .post("/discount/v1/coupons")
            .by(&admin())
            .json(&body)
            .send()
            .await;
        assert_eq!(bare.verdict(), (400, "idempotency_key_required"));
        let key = fresh_key();
        let with_key = |body: Value| {
            world
                .post("/discount/v1/coupons")
                .by(&admin())
                .key(&key)
                .json(&body)
                .send()
        };
        assert_eq!(with_key(body.clone()).await.status, 201);
        assert_eq!(
            with_key(draft("AUTUMN", json!({}))).await.verdict(),
            (422, "idempotency_key_reused")
        );
        assert_eq!(with_key(body).await.header("idempotency-replayed"), "true");
        let large = format!("{{\"code\": \"{}\"}}", "x".repeat(70_000));
        let answer = world
            .post("/discount/v1/quote")
            .by(&alice())
            .raw(large)
            .send()
            .await;
        assert_eq!(answer.verdict(), (413, "body_too_large"));
    })
    .await;
}
