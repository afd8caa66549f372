//! Administration: what an administrator sees and does, and that nobody else has such pages.

use serde_json::{Value, json};

use crate::backends::{Backends, everything, money, order, problem};
use crate::issuer::Site;
use crate::stub::ORIGIN;

pub const PAGES: [&str; 11] = [
    "/admin",
    "/admin/orders",
    "/admin/orders/o-1",
    "/admin/refunds",
    "/admin/grants",
    "/admin/dead-letters",
    "/admin/dead-letters/record",
    "/admin/dead-letters/l-1",
    "/admin/coupons",
    "/admin/coupons/new",
    "/admin/coupons/c-1",
];

/// Every form of the administration with what it needs.
const FORMS: [(&str, &[(&str, &str)]); 11] = [
    ("/admin/orders/o-1/retry", &[]),
    ("/admin/orders/o-1/resolve", &[("note", "Looked at it")]),
    ("/admin/refunds/r-1", &[("decision", "approve"), ("note", "Fine")]),
    (
        "/admin/grants/credits",
        &[
            ("key", "k"),
            ("user", "u-9"),
            ("amount", "5"),
            ("reason", "For the trouble"),
        ],
    ),
    (
        "/admin/grants/items",
        &[
            ("key", "k"),
            ("user", "u-9"),
            ("course", "rust"),
            ("reason", "A present"),
        ],
    ),
    ("/admin/grants/g-1/approve", &[]),
    ("/admin/dead-letters", &[]),
    ("/admin/dead-letters/l-1/redrive", &[]),
    ("/admin/dead-letters/l-1/discard", &[("reason", "A test order")]),
    (
        "/admin/coupons/new",
        &[
            ("key", "k"),
            ("code", "AUTUMN"),
            ("kind", "percent"),
            ("worth", "15"),
            ("scope", "all"),
        ],
    ),
    ("/admin/coupons/c-1", &[("do", "pause"), ("version", "3")]),
];

fn saga(state: &str, alerted: Option<&str>) -> Value {
    json!({
        "id": "o-1", "number": "LK-2026-000123", "buyer_id": "u-9", "state": state, "reason": null,
        "seats": "settling", "coupon": "idle", "payment": "settled", "payment_id": "pay-1", "generation": 1,
        "alerted_at": alerted, "version": 7,
        "timers": [
            {"kind": "alert", "due_at": "2026-11-20T09:08:00.000Z", "attempt": 0},
            {"kind": "resend", "due_at": "2026-11-20T09:06:30.000Z", "attempt": 2},
        ],
        "log": [
            {"seq": 1, "at": "2026-11-20T09:05:00.000Z", "from": "submitted", "to": "submitted",
                "cause": "buyer.submit", "actor": null, "data": {"commands": ["inventory-reserve"], "reason": null}},
            {"seq": 6, "at": "2026-11-20T09:05:03.000Z", "from": "capturing", "to": "paid",
                "cause": "payment.captured", "actor": null, "data": {"commands": ["inventory-confirm"], "reason": null}},
            {"seq": 7, "at": "2026-11-20T09:07:00.000Z", "from": "paid", "to": "paid",
                "cause": "of tomorrow <b>", "actor": "root", "data": {"note": "Asked <b>inventory</b>"}},
        ],
    })
}

fn coupon(status: &str) -> Value {
    json!({
        "id": "c-1", "code": "AUTUMN", "percent_bp": 1_250, "amount": null, "scope": {"kind": "all"},
        "starts_at": null, "ends_at": "2026-12-01T23:59:59.000Z", "max_total": 100, "per_user": 1,
        "min_subtotal": null, "first_order_only": false, "user_id": null, "status": status, "reserved": 1,
        "redeemed": 12, "version": 3, "created_at": "2026-11-01T00:00:00.000Z", "updated_at": "2026-11-01T00:00:00.000Z",
    })
}

fn grant(id: &str, state: &str, by: &str) -> Value {
    json!({
        "id": id, "user_id": "u-9", "amount": money(20_000), "reason": "For the long outage", "state": state,
        "requested_by": by, "approved_by": null, "created_at": "2026-11-20T09:05:00.000Z", "version": 1,
    })
}

/// What an administrator is answered.
pub fn administration(backends: &Backends, owner: &'static str) {
    let give = |what: &str, body: Value| backends.give(owner, what, 200, body);
    let item = json!({
        "id": "o-1", "number": "LK-2026-000123", "state": "paid", "reason": null, "title": "Rust from the Ground Up",
        "line_count": 2, "total": money(5_000), "version": 7, "buyer_id": "u-9",
        "alerted_at": "2026-11-20T09:07:00.000Z",
        "created_at": "2026-11-20T09:05:00.000Z", "updated_at": "2026-11-20T09:07:00.000Z",
    });
    for query in ["", "?alerted=true", "?state=paid"] {
        let list = json!({"items": [item.clone()], "next_cursor": "older"});
        give(&format!("GET /order/v1/admin/orders{query}"), list);
    }
    give("GET /order/v1/orders/o-1", order("o-1", "completed", None));
    give(
        "GET /order/v1/orders/o-1/saga",
        saga("paid", Some("2026-11-20T09:07:00.000Z")),
    );
    give(
        "GET /order/v1/admin/refunds",
        json!({"items": [refund("late")], "next_cursor": null}),
    );
    let grants = json!({"items": [grant("g-1", "pending", "rita"), grant("g-2", "pending", "root"),
        grant("g-3", "granted", "root")], "next_cursor": null});
    give("GET /payment/v1/grants", grants);
    crate::dead_letters::answers(backends, owner);
    give(
        "GET /discount/v1/coupons",
        json!({"items": [coupon("active")], "next_cursor": null}),
    );
    give("GET /discount/v1/coupons/c-1", coupon("active"));
    let used = json!({"order_id": "o-1", "user_id": "u-9", "amount": money(900), "state": "committed",
        "created_at": "2026-11-20T09:05:00.000Z", "updated_at": "2026-11-20T09:05:00.000Z"});
    give(
        "GET /discount/v1/coupons/c-1/redemptions",
        json!({"items": [used], "next_cursor": null}),
    );
}

/// What every form of an administrator is answered.
fn accepts(backends: &Backends, owner: &'static str) {
    let give = |what: &str, status: u16, body: Value| backends.give(owner, what, status, body);
    give("POST /order/v1/orders/o-1/saga/retry", 200, saga("paid", None));
    give("POST /order/v1/orders/o-1/saga/resolve", 200, saga("paid", None));
    give("POST /order/v1/refunds/r-1/approve", 200, json!({}));
    give(
        "POST /payment/v1/wallets/u-9/grants",
        201,
        grant("g-9", "granted", "root"),
    );
    give("POST /inventory/v1/grants", 201, crate::backends::owned(&[]));
    give(
        "POST /payment/v1/grants/g-1/approve",
        200,
        grant("g-1", "granted", "rita"),
    );
    crate::dead_letters::accepts(backends, owner);
    give("POST /discount/v1/coupons", 201, coupon("active"));
    give("PUT /discount/v1/coupons/c-1", 200, coupon("paused"));
}

async fn ready(name: &str) -> (Backends, Vec<Site>) {
    let backends = Backends::start().await;
    everything(&backends);
    administration(&backends, "root");
    accepts(&backends, "root");
    let sites = backends.sites(name).await;
    (backends, sites)
}

/// A refund that somebody must decide about, for this reason.
fn refund(review: &str) -> Value {
    json!({
        "id": "r-1", "order_id": "o-1", "lines": ["line-1"], "amount": money(5_000), "to": "card",
        "reason": "It was <b>not</b> for me", "state": "requested", "review": review, "note": null,
        "requested_at": "2026-11-20T09:05:00.000Z", "updated_at": "2026-11-20T09:05:00.000Z",
    })
}

#[tokio::test]
async fn an_administrator_sees_what_waits_and_where() {
    let (backends, sites) = ready("admin").await;
    for site in sites {
        let root = site.browser();
        root.sign_in("root").await;
        let page = root.get("/admin").await;
        assert_eq!(page.texts("#figures strong"), ["1+", "1", "2", "2"]);
        for path in PAGES {
            let page = root.get(path).await;
            assert_eq!(page.status, 200, "{path}: {}", page.text);
            assert_eq!(page.header("cache-control"), "no-store", "{path}");
        }
        assert!(page.attributes(".menu a", "href").contains(&"/admin".to_owned()));
        backends.away("payment");
        assert_eq!(
            root.get("/admin").await.texts("#figures strong"),
            ["1+", "1", "–", "2"]
        );
        backends.back("payment");
    }
}

#[tokio::test]
async fn nobody_else_has_such_pages_or_forms() {
    let (backends, sites) = ready("admin_strangers").await;
    for site in sites {
        for who in ["alice", "ines"] {
            let stranger = site.browser();
            stranger.sign_in(who).await;
            assert!(
                !stranger.get("/orders").await.text.contains("href=\"/admin\""),
                "{who}"
            );
            backends.take();
            for path in PAGES {
                assert_eq!(stranger.get(path).await.status, 404, "{who}: {path}");
            }
            for (path, form) in FORMS {
                assert_eq!(stranger.submit(path, form).await.status, 404, "{who}: {path}");
            }
            assert!(backends.take().is_empty(), "nothing is asked for {who}");
        }
        let nobody = site.browser();
        for path in PAGES {
            let answer = nobody.get(path).await;
            assert_eq!(answer.status, 303, "{path}");
            assert!(answer.header("location").starts_with("/signin?"), "{path}");
        }
        for (path, form) in FORMS {
            assert_eq!(nobody.submit(path, form).await.status, 403, "{path}");
        }
    }
}

#[tokio::test]
async fn a_lost_role_is_found_at_the_service() {
    let (backends, sites) = ready("admin_lost").await;
    for what in [
        "GET /order/v1/admin/orders",
        "POST /order/v1/orders/o-1/saga/retry",
    ] {
        backends.give("root", what, 403, json!({}));
    }
    for site in sites {
        let root = site.browser();
        root.sign_in("root").await;
        assert_eq!(root.get("/admin/orders").await.status, 403);
        assert_eq!(root.submit("/admin/orders/o-1/retry", &[]).await.status, 403);
    }
}

#[tokio::test]
async fn a_foreign_form_administers_nothing() {
    let (backends, sites) = ready("admin_foreign").await;
    for site in sites {
        let root = site.browser();
        root.sign_in("root").await;
        let token = root.token().await.unwrap();
        backends.take();
        for (path, form) in FORMS {
            for (origin, token) in [
                (ORIGIN, ""),
                (ORIGIN, "guessed"),
                ("https://evil.test", token.as_str()),
            ] {
                let mut pairs = vec![("token", token)];
                pairs.extend_from_slice(form);
                let answer = root.submit_from(path, Some(origin), &pairs).await;
                assert_eq!(answer.status, 403, "{path} from {origin}");
            }
        }
        assert!(backends.changes().is_empty());
    }
}

#[tokio::test]
async fn no_id_leads_to_another_resource() {
    let (backends, sites) = ready("admin_dots").await;
    for site in sites {
        let root = site.browser();
        root.sign_in("root").await;
        backends.take();
        for id in ["..", "%2e%2e", ".%2E", "..%2Fadmin", "o-1%2Fsaga"] {
            for path in [
                format!("/admin/orders/{id}"),
                format!("/admin/coupons/{id}"),
                format!("/admin/dead-letters/{id}"),
            ] {
                let status = root.get(&path).await.status;
                assert_eq!(status, 404, "{path}");
            }
            for path in [
                format!("/admin/orders/{id}/retry"),
                format!("/admin/grants/{id}/approve"),
                format!("/admin/dead-letters/{id}/redrive"),
            ] {
                assert_eq!(root.submit(&path, &[]).await.status, 404, "{path}");
            }
        }
        let grant = [
            ("key", "k"),
            ("user", "../../wallet/topups"),
            ("amount", "5"),
            ("reason", "For the trouble"),
        ];
        assert_eq!(root.submit("/admin/grants/credits", &grant).await.status, 422);
        for asked in backends.changes() {
            assert!(
                !asked.what.contains("/../") && !asked.what.ends_with("/topups"),
                "{}",
                asked.what
            );
        }
    }
}

#[tokio::test]
async fn all_orders_are_listed_by_state_and_by_page() {
    let (backends, sites) = ready("admin_orders").await;
    for site in sites {
        let root = site.browser();
        root.sign_in("root").await;
        let page = root.get("/admin/orders?show=paid").await;
        assert_eq!(page.texts("#show option[selected]"), ["Paid"]);
        assert_eq!(page.attributes("#orders a", "href"), ["/admin/orders/o-1"]);
        assert_eq!(
            page.texts("#orders .line-note"),
            ["Stuck since 20 November 2026, 09:07 UTC"]
        );
        assert_eq!(
            page.attributes("[rel=next]", "href"),
            ["/admin/orders?show=paid&cursor=older"]
        );
        backends.give(
            "root",
            "GET /order/v1/admin/orders?state=paid&cursor=older",
            200,
            json!({"items": [], "next_cursor": null}),
        );
        let last = root.get("/admin/orders?show=paid&cursor=older").await;
        assert_eq!(last.attributes(".pages a", "href"), ["/admin/orders?show=paid"]);
        for bad in ["/admin/orders?show=shipped", "/admin/orders?show=a&show=b"] {
            assert_eq!(root.get(bad).await.status, 400, "{bad}");
        }
    }
}

#[tokio::test]
async fn a_stuck_order_shows_its_saga_and_can_be_asked_again() {
    let (backends, sites) = ready("admin_saga").await;
    for site in sites {
        let root = site.browser();
        root.sign_in("root").await;
        let page = root.get("/admin/orders/o-1").await;
        assert_eq!(
            page.attributes(".step", "class"),
            ["step step-now", "step step-skipped", "step step-done"]
        );
        assert_eq!(
            page.texts("#timers li span"),
            ["Asks again (after 2 attempts)", "Calls for an administrator"]
        );
        assert_eq!(
            page.texts("#timeline strong"),
            ["Ordered", "Payment taken", "of tomorrow <b>"]
        );
        assert_eq!(page.texts("#timeline .cause"), ["Asked <b>inventory</b>"]);
        assert!(page.text.contains("datetime=\"2026-11-20T09:05:03.000Z\""));
        backends.take();
        let retried = root.submit("/admin/orders/o-1/retry", &[]).await;
        assert_eq!(
            (retried.status, retried.header("location")),
            (303, "/admin/orders/o-1?done=retry")
        );
        let resolved = root
            .submit("/admin/orders/o-1/resolve", &[("note", " Looked at it ")])
            .await;
        assert_eq!(resolved.header("location"), "/admin/orders/o-1?done=resolve");
        assert_eq!(backends.changes()[1].json(), json!({"note": "Looked at it"}));
        let empty = root.submit("/admin/orders/o-1/resolve", &[("note", " ")]).await;
        assert_eq!(
            (empty.status, empty.attributes("[aria-invalid]", "id")),
            (422, vec!["note".to_owned()])
        );
        backends.give(
            "root",
            "POST /order/v1/orders/o-1/saga/retry",
            409,
            problem(409, "nothing_to_retry", &[]),
        );
        let late = root.submit("/admin/orders/o-1/retry", &[]).await;
        assert_eq!(late.header("location"), "/admin/orders/o-1?done=nothing");
        accepts(&backends, "root");
        // A settled order has nothing to press.
        backends.give(
            "root",
            "GET /order/v1/orders/o-1/saga",
            200,
            saga("completed", None),
        );
        let done = root.get("/admin/orders/o-1").await;
        assert!(done.texts("#retry, #resolve").is_empty());
        administration(&backends, "root");
    }
}

#[tokio::test]
async fn a_refund_is_decided_once_with_an_answer_to_the_buyer() {
    let (backends, sites) = ready("admin_refunds").await;
    for site in sites {
        let root = site.browser();
        root.sign_in("root").await;
        let page = root.get("/admin/refunds").await;
        assert_eq!(page.texts("#refunds .cause"), ["It was <b>not</b> for me"]);
        for (review, said) in [
            ("late", "More than 14 days after the purchase"),
            ("consumed", "Some of it has been used"),
            ("progress", "Much of the course is done"),
        ] {
            let list = json!({"items": [refund(review)], "next_cursor": null});
            backends.give("root", "GET /order/v1/admin/refunds", 200, list);
            let page = root.get("/admin/refunds").await;
            assert_eq!(page.texts("#refunds .line-note"), [said]);
        }
        backends.take();
        let form = [("decision", "approve"), ("note", "Of course")];
        let done = root.submit("/admin/refunds/r-1", &form).await;
        assert_eq!(
            (done.status, done.header("location")),
            (303, "/admin/refunds?done=approved")
        );
        assert_eq!(backends.changes()[0].json(), json!({"note": "Of course"}));
        backends.give(
            "root",
            "POST /order/v1/refunds/r-1/approve",
            409,
            problem(409, "decided", &[]),
        );
        let again = root.submit("/admin/refunds/r-1", &form).await;
        assert_eq!(again.header("location"), "/admin/refunds?done=decided");
        backends.take();
        for form in [
            &[("decision", "approve")][..],
            &[("decision", "reject"), ("note", " ")],
        ] {
            let answer = root.submit("/admin/refunds/r-1", form).await;
            assert_eq!(answer.header("location"), "/admin/refunds?done=note");
        }
        assert_eq!(
            root.submit("/admin/refunds/r-1", &[("decision", "burn")])
                .await
                .status,
            400
        );
        assert!(backends.changes().is_empty());
        accepts(&backends, "root");
    }
}

#[tokio::test]
async fn a_grant_is_given_once_however_often_its_button_is_pressed() {
    let (backends, sites) = ready("admin_grants").await;
    for site in sites {
        let root = site.browser();
        root.sign_in("root").await;
        let page = root.get("/admin/grants?user=u-9").await;
        assert_eq!(page.attributes("#user, #item-user", "value"), ["u-9", "u-9"]);
        let key = page
            .attributes("form[action='/admin/grants/credits'] [name=key]", "value")
            .remove(0);
        let form = [
            ("key", key.as_str()),
            ("user", "u-9"),
            ("amount", "12,50"),
            ("reason", "For the trouble"),
        ];
        backends.take();
        for _ in 0..2 {
            let done = root.submit("/admin/grants/credits", &form).await;
            assert_eq!(
                (done.status, done.header("location")),
                (303, "/admin/grants?done=granted")
            );
        }
        let asked = backends.changes();
        assert_eq!(asked.len(), 2);
        assert!(
            asked
                .iter()
                .all(|asked| asked.header("idempotency-key") == Some(&key))
        );
        assert_eq!(
            asked[0].json(),
            json!({"amount": money(1_250), "reason": "For the trouble"})
        );
        // An answer that is lost keeps the key; a refusal does not.
        for (status, kept) in [(503, true), (409, false)] {
            backends.give(
                "root",
                "POST /payment/v1/wallets/u-9/grants",
                status,
                problem(status, "wallet_full", &[]),
            );
            let page = root.submit("/admin/grants/credits", &form).await;
            let now = page.attributes("form[action='/admin/grants/credits'] [name=key]", "value");
            assert_eq!((page.status, now == [key.clone()]), (422, kept), "{status}");
            assert_eq!(page.attributes("#reason", "value"), ["For the trouble"]);
        }
        accepts(&backends, "root");
        backends.take();
        for (field, value) in [("user", ""), ("amount", "much"), ("reason", "why")] {
            let wrong = form.map(|(name, was)| (name, if name == field { value } else { was }));
            let page = root.submit("/admin/grants/credits", &wrong).await;
            assert_eq!(
                (page.status, page.attributes("[aria-invalid]", "id")),
                (422, vec![field.to_owned()])
            );
        }
        assert!(backends.changes().is_empty());
    }
}

#[tokio::test]
async fn a_large_grant_is_approved_by_another_administrator() {
    let (backends, sites) = ready("admin_approve").await;
    for site in sites {
        let root = site.browser();
        root.sign_in("root").await;
        let page = root.get("/admin/grants").await;
        // Only that of the other administrator has a button.
        assert_eq!(
            page.attributes("#grants form", "action"),
            ["/admin/grants/g-1/approve"]
        );
        let done = root.submit("/admin/grants/g-1/approve", &[]).await;
        assert_eq!(done.header("location"), "/admin/grants?done=approved");
        for (code, word) in [
            ("same_administrator", "same"),
            ("grant_decided", "decided"),
            ("wallet_full", "wallet"),
        ] {
            backends.give(
                "root",
                "POST /payment/v1/grants/g-1/approve",
                409,
                problem(409, code, &[]),
            );
            let answer = root.submit("/admin/grants/g-1/approve", &[]).await;
            assert_eq!(answer.header("location"), format!("/admin/grants?done={word}"));
        }
        accepts(&backends, "root");
    }
}

#[tokio::test]
async fn a_course_is_given_by_its_address_or_its_number() {
    let (backends, sites) = ready("admin_item").await;
    backends.public(
        "GET /catalog/v1/courses/id-of-rust",
        200,
        crate::stub::course("rust", "Rust from the Ground Up"),
    );
    for site in sites {
        let root = site.browser();
        root.sign_in("root").await;
        for named in ["rust", "id-of-rust", "http://localhost:8080/courses/rust?done=x"] {
            backends.take();
            let form = [
                ("key", "k-1"),
                ("user", "u-9"),
                ("course", named),
                ("reason", "A present"),
            ];
            let done = root.submit("/admin/grants/items", &form).await;
            assert_eq!(
                done.header("location"),
                "/admin/grants?done=item",
                "{named}: {}",
                done.text
            );
            let asked = backends.changes().remove(0);
            assert_eq!(
                asked.json(),
                json!({"user": "u-9", "item_id": "id-of-rust", "quantity": 1, "reason": "A present"})
            );
            assert_eq!(asked.header("idempotency-key"), Some("k-1"));
        }
        for (code, field) in [("already_owned", "item-course"), ("sold_out", "item-course")] {
            backends.give("root", "POST /inventory/v1/grants", 409, problem(409, code, &[]));
            let form = [
                ("key", "k-2"),
                ("user", "u-9"),
                ("course", "rust"),
                ("reason", "A present"),
            ];
            let page = root.submit("/admin/grants/items", &form).await;
            assert_eq!(
                (page.status, page.attributes("[aria-invalid]", "id")),
                (422, vec![field.to_owned()])
            );
        }
        let form = [
            ("key", "k-3"),
            ("user", "u-9"),
            ("course", "there is none"),
            ("reason", "A present"),
        ];
        let page = root.submit("/admin/grants/items", &form).await;
        assert_eq!(page.attributes("[aria-invalid]", "id"), ["item-course"]);
        accepts(&backends, "root");
    }
}
