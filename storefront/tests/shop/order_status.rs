//! How far an order is: each state in words, what was undone, and the stream that says it as it happens.

use axum::body::Body;
use bytes::Bytes;
use http::Response;
use http_body_util::BodyExt;
use serde_json::{Value, json};

use crate::backends::{Backends, order, problem};

const PATH: &str = "/orders/o-1/status";
const EVENTS: &str = "/order/v1/orders/o-1/events";

/// The next piece of a stream, or its end.
async fn next(response: &mut Response<Body>) -> Option<Bytes> {
    let frame = response.body_mut().frame().await?;
    Some(frame.unwrap().into_data().unwrap())
}

#[tokio::test]
async fn every_state_is_shown_by_its_steps_and_in_words() {
    let backends = Backends::start().await;
    for site in backends.sites("status_states").await {
        let alice = site.browser();
        alice.sign_in("alice").await;
        for (state, reason, steps) in [
            ("submitted", None, ["now", "todo", "todo"]),
            ("reserved", None, ["done", "now", "todo"]),
            ("action_required", None, ["done", "yours", "todo"]),
            ("capturing", None, ["done", "now", "todo"]),
            ("paid", None, ["done", "done", "now"]),
            (
                "compensating",
                Some("card_declined"),
                ["undoing", "failed", "skipped"],
            ),
            ("failed", Some("card_declined"), ["undone", "failed", "skipped"]),
            ("failed", Some("sold_out"), ["failed", "skipped", "skipped"]),
            (
                "cancelled",
                Some("cancelled_by_buyer"),
                ["undone", "undone", "skipped"],
            ),
            ("refunding", None, ["done", "done", "done"]),
            ("refunded", None, ["done", "done", "done"]),
        ] {
            backends.give(
                "alice",
                "GET /order/v1/orders/o-1",
                200,
                order("o-1", state, reason),
            );
            let page = alice.get(PATH).await;
            assert_eq!(page.status, 200, "{state}: {}", page.text);
            let shown = page.attributes(".step", "class");
            assert_eq!(shown, steps.map(|mark| format!("step step-{mark}")), "{state}");
            let early = ["submitted", "reserved", "action_required"].contains(&state);
            assert_eq!(page.texts("#cancel").len(), usize::from(early), "{state}");
            let goes_on = early || ["capturing", "paid", "compensating", "refunding"].contains(&state);
            assert_eq!(page.text.contains("http-equiv=\"refresh\""), goes_on, "{state}");
            let followed = page.attributes("[data-live]", "data-follow");
            assert_eq!(followed.len(), usize::from(goes_on), "{state}");
            // Shown by the script alone, to whoever may not follow the order any more.
            assert_eq!(page.attributes("#refused[hidden]", "role"), ["alert"], "{state}");
            assert_eq!(
                page.texts("#failure").len(),
                usize::from(reason.is_some()),
                "{state}"
            );
        }
    }
}

/// Row 4, 7 and 22 of what can go wrong: what is not undone yet is not called undone.
#[tokio::test]
async fn a_failed_order_says_why_what_was_undone_and_what_to_do() {
    let backends = Backends::start().await;
    for site in backends.sites("status_failed").await {
        let alice = site.browser();
        alice.sign_in("alice").await;
        let show = async |state: &str, reason: &str| {
            backends.give(
                "alice",
                "GET /order/v1/orders/o-1",
                200,
                order("o-1", state, Some(reason)),
            );
            alice.get(PATH).await
        };
        let undoing = show("compensating", "card_declined").await;
        assert_eq!(
            undoing.texts(".released li"),
            [
                "The reserved places are being given back.",
                "Your coupon is being freed.",
                "Money that was reserved in your wallet or on your card is being released.",
            ]
        );
        let failed = show("failed", "card_declined").await;
        assert_eq!(
            failed.texts("#failure .notice-title"),
            ["Your card was declined."]
        );
        assert_eq!(
            failed.texts(".released li"),
            [
                "The reserved places were given back.",
                "Your coupon can be used again.",
                "No money of yours is reserved any more.",
            ]
        );
        assert_eq!(failed.attributes("#way", "href"), ["/basket"]);
        let owned = show("failed", "already_owned").await;
        assert_eq!(owned.attributes("#way", "href"), ["/library"]);
        // A reason that this version does not know is said in general, and never shown as it is.
        let unknown = show("failed", "<b>").await;
        assert_eq!(unknown.texts("#failure .notice-title").len(), 1);
        assert!(!unknown.text.contains("<b>"));
    }
}

#[tokio::test]
async fn a_completed_order_leads_to_the_library() {
    let backends = Backends::start().await;
    backends.give(
        "alice",
        "GET /order/v1/orders/o-1",
        200,
        order("o-1", "completed", None),
    );
    backends.give(
        "alice",
        "GET /order/v1/orders/o-2",
        200,
        order("o-2", "completed", Some("refund_failed")),
    );
    for site in backends.sites("status_completed").await {
        let alice = site.browser();
        alice.sign_in("alice").await;
        let done = alice.get(PATH).await;
        assert_eq!(
            (done.status, done.header("location")),
            (303, "/library?done=bought")
        );
        let failed = alice.get("/orders/o-2/status").await;
        assert_eq!((failed.status, failed.texts("#failure").len()), (200, 1));
    }
}

/// Row 13: cancelling is possible until the money is taken.
#[tokio::test]
async fn an_order_is_cancelled_or_it_is_said_that_it_was_too_late() {
    let backends = Backends::start().await;
    backends.give(
        "alice",
        "GET /order/v1/orders/o-1",
        200,
        order("o-1", "reserved", None),
    );
    for site in backends.sites("status_cancel").await {
        let alice = site.browser();
        alice.sign_in("alice").await;
        let accepted = json!({"id": "o-1", "number": "LK-2026-000123", "state": "compensating"});
        backends.give("alice", "POST /order/v1/orders/o-1/cancel", 202, accepted);
        let key = alice
            .get(PATH)
            .await
            .attributes("input[name=key]", "value")
            .remove(0);
        assert!(!key.is_empty());
        backends.take();
        let cancelled = alice.submit("/orders/o-1/cancel", &[("key", &key)]).await;
        assert_eq!((cancelled.status, cancelled.header("location")), (303, PATH));
        let asked = backends.changes().remove(0);
        assert_eq!(asked.header("idempotency-key"), Some(key.as_str()));
        let late = problem(409, "too_late_to_cancel", &[]);
        backends.give("alice", "POST /order/v1/orders/o-1/cancel", 409, late);
        let late = alice.submit("/orders/o-1/cancel", &[("key", &key)]).await;
        let said = alice.get(late.header("location")).await;
        assert_eq!(
            said.texts("[data-live] .notice-warning .notice-title"),
            ["It was too late to cancel."]
        );
    }
}

#[tokio::test]
async fn the_stream_passes_on_what_was_seen_and_what_happens() {
    let backends = Backends::start().await;
    for site in backends.sites("stream").await {
        let alice = site.browser();
        alice.sign_in("alice").await;
        let happens = backends.stream("alice", EVENTS);
        backends.take();
        let mut stream = alice.open("/orders/o-1/events", &[("last-event-id", "3")]).await;
        assert_eq!(stream.status(), 200);
        assert_eq!(stream.headers()["content-type"], "text/event-stream");
        assert_eq!(stream.headers()["cache-control"], "no-store, no-transform");
        assert_eq!(backends.take()[0].header("last-event-id"), Some("3"));
        for piece in ["id: 4\nevent: progress\ndata: {}\n\n", ": still here\n\n"] {
            happens.send(Bytes::from(piece)).unwrap();
            assert_eq!(next(&mut stream).await.unwrap(), piece);
        }
        drop(happens);
        assert_eq!(next(&mut stream).await, None);
    }
}

#[tokio::test]
async fn a_last_event_id_that_is_no_number_is_not_passed_on() {
    let backends = Backends::start().await;
    for site in backends.sites("stream_garbage").await {
        let alice = site.browser();
        alice.sign_in("alice").await;
        backends.give("alice", &format!("GET {EVENTS}"), 204, Value::Null);
        for garbage in ["x", "-1", "1e3", "99999999999999999999", "3, 4", "<script>"] {
            backends.take();
            let over = alice
                .open("/orders/o-1/events", &[("last-event-id", garbage)])
                .await;
            assert_eq!(over.status(), 204, "{garbage}");
            assert_eq!(backends.take()[0].header("last-event-id"), None, "{garbage}");
        }
        backends.take();
        let twice = [("last-event-id", "3"), ("last-event-id", "4")];
        alice.open("/orders/o-1/events", &twice).await;
        assert_eq!(backends.take()[0].header("last-event-id"), None);
    }
}

#[tokio::test]
async fn the_stream_of_another_user_or_for_another_site_does_not_open() {
    let backends = Backends::start().await;
    for site in backends.sites("stream_foreign").await {
        let (alice, bob, nobody) = (site.browser(), site.browser(), site.browser());
        alice.sign_in("alice").await;
        bob.sign_in("bob").await;
        let _happens = backends.stream("alice", EVENTS);
        let events = "/orders/o-1/events";
        assert_eq!(bob.open(events, &[]).await.status(), 404);
        backends.take();
        assert_eq!(nobody.open(events, &[]).await.status(), 403);
        for header in [
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-site", "same-site"),
            ("origin", "http://localhost:8081"),
            ("origin", "null"),
        ] {
            assert_eq!(alice.open(events, &[header]).await.status(), 403, "{header:?}");
        }
        assert!(backends.take().is_empty(), "nobody asked the order service");
        let ours = [("sec-fetch-site", "same-origin")];
        assert_eq!(alice.open(events, &ours).await.status(), 200);
    }
}

#[tokio::test]
async fn a_stream_ends_when_its_user_signs_out() {
    let backends = Backends::start().await;
    for site in backends.sites("stream_sign_out").await {
        let (alice, other) = (site.browser(), site.browser());
        alice.sign_in("alice").await;
        other.sign_in("alice").await;
        let happens = backends.stream("alice", EVENTS);
        let mut stream = alice.open("/orders/o-1/events", &[]).await;
        happens.send(Bytes::from_static(b"id: 1\n\n")).unwrap();
        assert_eq!(next(&mut stream).await.unwrap(), "id: 1\n\n");
        let still = backends.stream("alice", EVENTS);
        let mut others = other.open("/orders/o-1/events", &[]).await;
        alice.sign_out().await;
        assert_eq!(next(&mut stream).await, None);
        // Another sign-in of the same user goes on.
        still.send(Bytes::from_static(b"id: 2\n\n")).unwrap();
        assert_eq!(next(&mut others).await.unwrap(), "id: 2\n\n");
        assert_eq!(alice.open("/orders/o-1/events", &[]).await.status(), 403);
    }
}

#[tokio::test]
async fn a_user_has_at_most_eight_streams_over_all_sign_ins() {
    let backends = Backends::start().await;
    for site in backends.sites("stream_many").await {
        let (alice, phone, bob) = (site.browser(), site.browser(), site.browser());
        alice.sign_in("alice").await;
        phone.sign_in("alice").await;
        bob.sign_in("bob").await;
        let mut open = Vec::new();
        for n in 0..8 {
            let sender = backends.stream("alice", EVENTS);
            let browser = if n % 2 == 0 { &alice } else { &phone };
            let stream = browser.open("/orders/o-1/events", &[]).await;
            assert_eq!(stream.status(), 200);
            open.push((sender, stream));
        }
        let _ninth = backends.stream("alice", EVENTS);
        let refused = alice.open("/orders/o-1/events", &[]).await;
        assert_eq!(
            (refused.status().as_u16(), &refused.headers()["retry-after"]),
            (429, &"5".parse().unwrap())
        );
        let _bobs = backends.stream("bob", EVENTS);
        assert_eq!(bob.open("/orders/o-1/events", &[]).await.status(), 200);
        open.pop();
        let _again = backends.stream("alice", EVENTS);
        assert_eq!(alice.open("/orders/o-1/events", &[]).await.status(), 200);
    }
}

#[tokio::test]
async fn a_stream_that_the_order_service_does_not_give_is_away() {
    let backends = Backends::start().await;
    backends.away("order");
    for site in backends.sites("stream_away").await {
        let alice = site.browser();
        alice.sign_in("alice").await;
        assert_eq!(alice.open("/orders/o-1/events", &[]).await.status(), 503);
    }
}
