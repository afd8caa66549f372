//! Orders and refunds; and what every page about one's own things refuses.

use serde_json::{Value, json};

use crate::backends::{Backends, PAGES, everything, money, order, pages, problem};
use crate::stub::ORIGIN;

#[tokio::test]
async fn orders_are_listed_and_each_shows_what_it_was() {
    let backends = Backends::start().await;
    everything(&backends);
    for site in backends.sites("orders").await {
        let alice = site.browser();
        alice.sign_in("alice").await;
        let list = alice.get("/orders").await;
        assert_eq!(
            list.texts("#orders .line-title"),
            ["Rust from the Ground Up and 2 more"]
        );
        assert_eq!(list.attributes("#orders a", "href"), ["/orders/o-1"]);
        assert_eq!(list.attributes("[rel=next]", "href"), ["/orders?cursor=older"]);
        let page = alice.get("/orders/o-1").await;
        assert_eq!(page.texts("h1"), ["Order LK-2026-000123"]);
        assert_eq!(
            page.texts(".sums dt"),
            [
                "Subtotal",
                "Discount with AUTUMN",
                "Total",
                "Tax contained in it",
                "Paid from your wallet",
                "Paid by card"
            ]
        );
        assert_eq!(
            page.texts(".sums dd"),
            ["€59.00", "−€9.00", "€50.00", "€8.00", "€20.00", "€30.00"]
        );
        // Steps that changed nothing for the buyer are not told.
        assert_eq!(page.texts(".history span"), ["Ordered", "Places reserved"]);
    }
}

#[tokio::test]
async fn who_has_ordered_nothing_is_shown_the_way() {
    let backends = Backends::start().await;
    backends.give(
        "bob",
        "GET /order/v1/orders",
        200,
        json!({"items": [], "next_cursor": null}),
    );
    for site in backends.sites("orders_none").await {
        let bob = site.browser();
        bob.sign_in("bob").await;
        let page = bob.get("/orders").await;
        assert_eq!(page.attributes(".empty a", "href"), ["/courses"]);
    }
}

#[tokio::test]
async fn a_refund_is_asked_for_once_and_shown() {
    let backends = Backends::start().await;
    everything(&backends);
    let refund = json!({
        "id": "r-1", "order_id": "o-1", "lines": ["line-1"], "amount": money(5000), "to": "card", "reason": "Not for me",
        "state": "requested", "review": "late", "note": null, "requested_at": "2026-11-20T09:05:00.000Z",
        "updated_at": "2026-11-20T09:05:00.000Z",
    });
    backends.give("alice", "POST /order/v1/orders/o-1/refunds", 202, refund.clone());
    for site in backends.sites("refund").await {
        let alice = site.browser();
        alice.sign_in("alice").await;
        let page = alice.get("/orders/o-1").await;
        let key = page.attributes("#refund input[name=key]", "value").remove(0);
        let form = [
            ("key", key.as_str()),
            ("line", "line-1"),
            ("to", "card"),
            ("reason", "Not for me"),
        ];
        backends.take();
        let asked = alice.submit("/orders/o-1/refunds", &form).await;
        assert_eq!(
            (asked.status, asked.header("location")),
            (303, "/orders/o-1?done=refund")
        );
        let sent = backends.changes().remove(0);
        assert_eq!(sent.header("idempotency-key"), Some(key.as_str()));
        assert_eq!(
            sent.json(),
            json!({"lines": ["line-1"], "reason": "Not for me", "to": "card"})
        );
        backends.give(
            "alice",
            "GET /order/v1/orders/o-1/refunds",
            200,
            json!({"items": [refund]}),
        );
        let shown = alice.get(asked.header("location")).await;
        assert_eq!(shown.texts(".notice-success").len(), 1);
        assert!(
            shown.text.contains("so somebody decides about it"),
            "{}",
            shown.text
        );
        backends.give(
            "alice",
            "GET /order/v1/orders/o-1/refunds",
            200,
            json!({"items": []}),
        );
    }
}

#[tokio::test]
async fn a_refund_that_is_refused_keeps_what_was_written() {
    let backends = Backends::start().await;
    everything(&backends);
    for site in backends.sites("refund_refused").await {
        let alice = site.browser();
        alice.sign_in("alice").await;
        let whole = [
            ("key", "k"),
            ("line", "line-1"),
            ("to", "wallet"),
            ("reason", "Because <b>"),
        ];
        for (status, code, fields, words) in [
            (409, "refund_open", &[][..], "Another refund of this order"),
            (409, "more_than_card", &[], "The card has paid less"),
            (409, "not_refundable", &[], "Nothing of this order"),
            (422, "invalid_content", &["reason"], "Say in a few words"),
            (422, "invalid_content", &["lines"], "Part of what you chose"),
        ] {
            let refused = problem(status, code, fields);
            backends.give("alice", "POST /order/v1/orders/o-1/refunds", status, refused);
            let page = alice.submit("/orders/o-1/refunds", &whole).await;
            assert_eq!(page.status, 422, "{code}");
            assert!(
                page.texts("#error")[0].contains(words),
                "{code}: {:?}",
                page.texts("#error")
            );
            assert_eq!(page.texts("#reason"), ["Because <b>"], "{code}");
        }
        backends.take();
        let without = alice.submit("/orders/o-1/refunds", &whole[2..]).await;
        assert_eq!(without.status, 400, "a form without its key is none of ours");
        for missing in [1, 3] {
            let mut form = whole.to_vec();
            form.remove(missing);
            assert_eq!(alice.submit("/orders/o-1/refunds", &form).await.status, 422);
        }
        assert!(backends.changes().is_empty());
    }
}

#[tokio::test]
async fn what_is_unknown_of_a_form_is_refused() {
    let backends = Backends::start().await;
    everything(&backends);
    for site in backends.sites("refund_unknown").await {
        let alice = site.browser();
        alice.sign_in("alice").await;
        backends.take();
        for form in [
            &[
                ("key", "k"),
                ("line", "line-1"),
                ("to", "somebody else"),
                ("reason", "r"),
            ][..],
            &[
                ("key", "k"),
                ("key", "k"),
                ("line", "line-1"),
                ("to", "card"),
                ("reason", "r"),
            ],
        ] {
            assert_eq!(alice.submit("/orders/o-1/refunds", form).await.status, 400);
        }
        assert!(backends.changes().is_empty());
    }
}

/// BF-06: of every form here.
#[tokio::test]
async fn forged_forms_about_ones_own_things_do_nothing() {
    let backends = Backends::start().await;
    everything(&backends);
    for site in backends.sites("forged").await {
        let (alice, bob, nobody) = (site.browser(), site.browser(), site.browser());
        alice.sign_in("alice").await;
        bob.sign_in("bob").await;
        let (good, foreign) = (alice.token().await.unwrap(), bob.token().await.unwrap());
        backends.take();
        for path in FORMS {
            for (what, origin, token) in [
                ("another site", Some("https://evil.test"), good.as_str()),
                ("no origin", None, good.as_str()),
                ("an opaque origin", Some("null"), good.as_str()),
                ("no token", Some(ORIGIN), ""),
                ("somebody else's token", Some(ORIGIN), foreign.as_str()),
            ] {
                let form = [
                    ("token", token),
                    ("key", "k"),
                    ("lesson", "l1"),
                    ("line", "line-1"),
                    ("to", "wallet"),
                    ("reason", "r"),
                    ("amount", "20"),
                    ("card", "card-1"),
                    ("approve", "yes"),
                ];
                let answer = alice.submit_from(path, origin, &form).await;
                assert_eq!(answer.status, 403, "{path}: {what}");
            }
            let signed_out = nobody.submit(path, &[("key", "k")]).await;
            assert_eq!(
                (signed_out.status, signed_out.texts("h1")[0].as_str()),
                (403, "You are signed out."),
                "{path}"
            );
        }
        assert!(backends.changes().is_empty());
    }
}

#[tokio::test]
async fn what_belongs_to_somebody_else_does_not_exist() {
    let backends = Backends::start().await;
    everything(&backends);
    for site in backends.sites("foreign").await {
        let bob = site.browser();
        bob.sign_in("bob").await;
        for path in [
            "/orders/o-1",
            "/orders/o-2/status",
            "/wallet/top-ups/top-1",
            "/learn/rust",
            "/learn/none",
        ] {
            let answer = bob.get(path).await;
            assert_eq!(answer.status, 404, "{path}");
            assert_eq!(answer.texts("h1"), ["This page does not exist."], "{path}");
        }
        let form = [
            ("key", "k"),
            ("lesson", "l1"),
            ("line", "line-1"),
            ("to", "wallet"),
            ("reason", "r"),
        ];
        for path in [
            "/orders/o-1/cancel",
            "/orders/o-1/refunds",
            "/wallet/cards/card-1/delete",
            "/learn/rust",
        ] {
            assert_eq!(bob.submit(path, &form).await.status, 404, "{path}");
        }
    }
}

#[tokio::test]
async fn who_is_not_signed_in_is_led_there_and_back() {
    let backends = Backends::start().await;
    everything(&backends);
    for site in backends.sites("signed_out").await {
        let nobody = site.browser();
        for path in PAGES {
            let answer = nobody.get(path).await;
            let back: String = form_urlencoded::byte_serialize(path.as_bytes()).collect();
            assert_eq!(
                (answer.status, answer.header("location")),
                (303, format!("/signin?return={back}").as_str())
            );
        }
        let (path, page) = nobody.follow("/orders/o-1", "alice").await;
        assert_eq!((path.as_str(), page.status), ("/orders/o-1", 200));
    }
}

#[tokio::test]
async fn without_its_service_each_page_says_so_and_makes_nothing_up() {
    let backends = Backends::start().await;
    everything(&backends);
    for service in ["order", "payment", "inventory"] {
        backends.away(service);
    }
    for site in backends.sites("parts_away").await {
        let alice = site.browser();
        alice.sign_in("alice").await;
        for (path, answer) in pages(&alice).await {
            assert_eq!(
                (answer.status, answer.header("retry-after")),
                (503, "5"),
                "{path}"
            );
            assert_eq!(answer.texts("#trace").len(), 1, "{path}");
        }
    }
}

#[tokio::test]
async fn a_cursor_of_nowhere_is_a_bad_address() {
    let backends = Backends::start().await;
    everything(&backends);
    let refused = problem(400, "invalid_query", &["cursor"]);
    for path in [
        "/order/v1/orders",
        "/payment/v1/wallet/entries",
        "/inventory/v1/library",
    ] {
        backends.give(
            "alice",
            &format!("GET {path}?cursor=nowhere"),
            400,
            refused.clone(),
        );
    }
    for site in backends.sites("cursor").await {
        let alice = site.browser();
        alice.sign_in("alice").await;
        for path in ["/orders", "/wallet", "/library"] {
            assert_eq!(
                alice.get(&format!("{path}?cursor=nowhere")).await.status,
                400,
                "{path}"
            );
            assert_eq!(
                alice.get(&format!("{path}?cursor=a&cursor=b")).await.status,
                400,
                "{path}"
            );
        }
    }
}

/// BF-10.
#[tokio::test]
async fn what_others_write_is_text_on_the_pages_of_an_order() {
    let backends = Backends::start().await;
    let text = "\"><script>alert(1)</script>";
    let mut hostile = order("o-1", "completed", None);
    for pointer in [
        "/number",
        "/coupon_code",
        "/lines/0/title",
        "/lines/0/display_title",
        "/lines/0/slug",
        "/lines/0/line_id",
        "/billing_address/name",
        "/billing_address/country",
        "/total/currency",
    ] {
        *hostile.pointer_mut(pointer).unwrap() = Value::String(text.to_owned());
    }
    backends.give("alice", "GET /order/v1/orders/o-1", 200, hostile);
    backends.give(
        "alice",
        "GET /order/v1/orders/o-1/refunds",
        200,
        json!({"items": []}),
    );
    backends.give(
        "alice",
        "GET /order/v1/orders/o-1/events",
        200,
        json!("data: no json\n\n"),
    );
    for site in backends.sites("orders_text").await {
        let alice = site.browser();
        alice.sign_in("alice").await;
        let page = alice.get("/orders/o-1").await;
        assert_eq!(page.status, 200, "{}", page.text);
        assert!(!page.text.contains("<script>alert"), "{}", page.text);
        assert!(page.texts("h1")[0].contains("<script>"), "it is there, as text");
    }
}

/// Every form of these pages.
const FORMS: [&str; 6] = [
    "/orders/o-1/cancel",
    "/orders/o-1/refunds",
    "/wallet/top-ups",
    "/wallet/top-ups/top-1/action",
    "/wallet/cards/card-1/delete",
    "/learn/rust",
];
