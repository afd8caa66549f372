//! Coupons of instructors and of the shop: one page for both, and never more than the service allows.

use serde_json::{Value, json};

use crate::backends::{Backends, everything, problem};

fn coupon(status: &str) -> Value {
    json!({
        "id": "c-1", "code": "AUTUMN", "percent_bp": 1_250, "amount": null,
        "scope": {"kind": "instructor", "instructor_id": "ines"}, "starts_at": null, "ends_at": null,
        "max_total": null, "per_user": 1, "min_subtotal": null, "first_order_only": false, "user_id": null,
        "status": status, "reserved": 0, "redeemed": 2, "version": 3, "created_at": "2026-11-01T00:00:00.000Z",
        "updated_at": "2026-11-01T00:00:00.000Z",
    })
}

fn ready(backends: &Backends) {
    everything(backends);
    let give = |what: &str, status: u16, body: Value| backends.give("ines", what, status, body);
    give(
        "GET /discount/v1/coupons",
        200,
        json!({"items": [coupon("active")], "next_cursor": "older"}),
    );
    give("GET /discount/v1/coupons/c-1", 200, coupon("active"));
    give(
        "GET /discount/v1/coupons/c-1/redemptions",
        200,
        json!({"items": [], "next_cursor": null}),
    );
    give("POST /discount/v1/coupons", 201, coupon("active"));
    give("PUT /discount/v1/coupons/c-1", 200, coupon("paused"));
}

const FORM: [(&str, &str); 6] = [
    ("key", "k-1"),
    ("code", "autumn"),
    ("kind", "percent"),
    ("worth", "12,5"),
    ("ends", "2026-12-01"),
    ("per_user", "1"),
];

#[tokio::test]
async fn an_instructor_lists_creates_and_pauses_coupons() {
    let backends = Backends::start().await;
    for site in backends.sites("coupons").await {
        ready(&backends);
        let ines = site.browser();
        ines.sign_in("ines").await;
        let list = ines.get("/teach/coupons").await;
        assert_eq!(list.texts("#coupons .line-title"), ["AUTUMN"]);
        assert_eq!(list.texts("#coupons strong"), ["12.5% off"]);
        assert_eq!(
            list.attributes("[rel=next]", "href"),
            ["/teach/coupons?cursor=older"]
        );
        let blank = ines.get("/teach/coupons/new").await;
        assert!(
            blank.texts("[name=scope]").is_empty(),
            "an instructor has no scope to choose"
        );
        backends.take();
        for _ in 0..2 {
            let done = ines.submit("/teach/coupons/new", &FORM).await;
            assert_eq!(
                (done.status, done.header("location")),
                (303, "/teach/coupons/c-1?done=created")
            );
        }
        let asked = backends.changes();
        assert!(
            asked
                .iter()
                .all(|asked| asked.header("idempotency-key") == Some("k-1"))
        );
        assert_eq!(
            asked[0].json(),
            json!({"code": "autumn", "percent_bp": 1_250, "scope": {"kind": "instructor"},
                "ends_at": "2026-12-01T23:59:59Z", "per_user": 1, "first_order_only": false, "status": "active"})
        );
        let one = ines.get("/teach/coupons/c-1").await;
        assert_eq!(one.texts("#status"), ["Active"]);
        let paused = ines
            .submit("/teach/coupons/c-1", &[("do", "pause"), ("version", "3")])
            .await;
        assert_eq!(paused.header("location"), "/teach/coupons/c-1?done=paused");
        let asked = backends.changes().remove(0);
        assert_eq!(asked.header("if-match"), Some("\"3\""));
        assert_eq!(asked.json()["status"], "paused");
        assert_eq!(asked.json()["code"], "AUTUMN");
        backends.give("ines", "PUT /discount/v1/coupons/c-1", 412, json!({}));
        let stale = ines
            .submit("/teach/coupons/c-1", &[("do", "pause"), ("version", "2")])
            .await;
        assert_eq!(stale.header("location"), "/teach/coupons/c-1?done=stale");
    }
}

#[tokio::test]
async fn what_is_wrong_with_a_coupon_is_said_at_its_field() {
    let backends = Backends::start().await;
    for site in backends.sites("coupons_wrong").await {
        ready(&backends);
        let ines = site.browser();
        ines.sign_in("ines").await;
        for (status, code, fields, at) in [
            (409, "code_taken", &[][..], "code"),
            (422, "invalid_content", &["code"], "code"),
            (422, "invalid_content", &["ends_at"], "ends"),
            (422, "invalid_content", &["max_total"], "max_total"),
        ] {
            backends.give(
                "ines",
                "POST /discount/v1/coupons",
                status,
                problem(status, code, fields),
            );
            let page = ines.submit("/teach/coupons/new", &FORM).await;
            assert_eq!(
                (page.status, page.attributes("[aria-invalid]", "id")),
                (422, vec![at.to_owned()]),
                "{code}"
            );
            assert_eq!(page.attributes("#worth", "value"), ["12,5"]);
            assert_ne!(
                page.attributes("form.write [name=key]", "value"),
                ["k-1"],
                "another request has another key"
            );
        }
        backends.give("ines", "POST /discount/v1/coupons", 503, json!({}));
        let page = ines.submit("/teach/coupons/new", &FORM).await;
        assert_eq!(page.attributes("form.write [name=key]", "value"), ["k-1"]);
        // Nothing is asked for with what cannot be right.
        backends.take();
        let wrong = FORM.map(|(name, was)| (name, if name == "worth" { "all" } else { was }));
        assert_eq!(
            ines.submit("/teach/coupons/new", &wrong)
                .await
                .attributes("[aria-invalid]", "id"),
            ["worth"]
        );
        assert!(backends.changes().is_empty());
    }
}

#[tokio::test]
async fn coupons_are_for_instructors_and_their_forms_for_our_pages() {
    let backends = Backends::start().await;
    ready(&backends);
    for site in backends.sites("coupons_strangers").await {
        let alice = site.browser();
        alice.sign_in("alice").await;
        backends.take();
        for path in ["/teach/coupons", "/teach/coupons/new", "/teach/coupons/c-1"] {
            assert_eq!(alice.get(path).await.status, 403, "{path}");
        }
        for path in ["/teach/coupons/new", "/teach/coupons/c-1"] {
            assert_eq!(alice.submit(path, &FORM).await.status, 403, "{path}");
        }
        assert!(backends.take().is_empty());
        let ines = site.browser();
        ines.sign_in("ines").await;
        for path in ["/teach/coupons/new", "/teach/coupons/c-1"] {
            let mut forged = vec![("token", "guessed"), ("do", "pause"), ("version", "3")];
            forged.extend_from_slice(&FORM);
            let answer = ines.submit_from(path, Some(crate::stub::ORIGIN), &forged).await;
            assert_eq!(answer.status, 403, "{path}");
        }
        for id in ["..", "%2e%2e", "c-1%2Fredemptions"] {
            assert_eq!(
                ines.get(&format!("/teach/coupons/{id}")).await.status,
                404,
                "{id}"
            );
        }
        assert!(backends.changes().is_empty());
    }
}
