//! Failed events, as an administrator sees them and acts on them.

use serde_json::{Value, json};

use crate::backends::{Backends, problem};
use crate::issuer::Site;

const OTHER: &str = "l-2";

fn letter(id: &str) -> Value {
    json!({
        "id": id, "consumer": "billing.orders", "event_id": "e-1", "type": "order.order.paid.v1", "attempts": 24,
        "reason": "the total does <b>not</b> follow", "first_failed_at": "2026-11-20T08:05:00.000Z",
        "parked_at": "2026-11-20T09:05:00.000Z",
    })
}

fn detail(event: &Value, text: &Value) -> Value {
    let mut letter = letter("l-1");
    letter["event"] = event.clone();
    letter["text"] = text.clone();
    letter
}

fn intervention(action: &str, outcome: Option<&str>) -> Value {
    json!({
        "id": "i-1", "action": action, "consumer": "billing.orders", "event_id": "e-1",
        "type": "order.order.paid.v1", "reason": (action == "discard").then_some("A <b>test</b> order"),
        "by": "root", "at": "2026-11-20T09:06:00.000Z", "finished_at": outcome.map(|_| "2026-11-20T09:06:01.000Z"),
        "outcome": outcome, "letters": i64::from(outcome == Some("done")),
    })
}

/// What an administrator is answered.
pub fn answers(backends: &Backends, owner: &'static str) {
    let give = |what: &str, body: Value| backends.give(owner, what, 200, body);
    let page = |next: Value| {
        json!({"items": [letter("l-1"), letter(OTHER)], "next_cursor": next, "total": 2,
            "consumers": [{"name": "billing.orders", "letters": 2}]})
    };
    give("GET /events/v1/dead-letters", page(json!("later")));
    give(
        "GET /events/v1/dead-letters?consumer=billing.orders",
        page(json!("later")),
    );
    give(
        "GET /events/v1/dead-letters/l-1",
        detail(
            &json!({"specversion": "1.0", "data": {"note": "</pre><script>"}}),
            &json!(null),
        ),
    );
    let done = [
        intervention("discard", Some("done")),
        intervention("redrive_all", None),
    ];
    give(
        "GET /events/v1/interventions",
        json!({"items": done, "next_cursor": "older"}),
    );
}

/// What its forms are answered.
pub fn accepts(backends: &Backends, owner: &'static str) {
    let give = |what: &str, body: Value| backends.give(owner, what, 200, body);
    give(
        "POST /events/v1/dead-letters/l-1/redrive",
        intervention("redrive", Some("done")),
    );
    give(
        "POST /events/v1/dead-letters/l-1/discard",
        intervention("discard", Some("done")),
    );
    give(
        "POST /events/v1/redrives",
        intervention("redrive_all", Some("done")),
    );
}

async fn ready(name: &str) -> (Backends, Vec<Site>) {
    let backends = Backends::start().await;
    answers(&backends, "root");
    accepts(&backends, "root");
    let sites = backends.sites(name).await;
    (backends, sites)
}

#[tokio::test]
async fn failed_events_are_listed_by_consumer_and_by_page() {
    let (backends, sites) = ready("letters").await;
    for site in sites {
        let root = site.browser();
        root.sign_in("root").await;
        let page = root.get("/admin/dead-letters?consumer=billing.orders").await;
        assert_eq!(page.texts("#consumer option[selected]"), ["billing.orders (2)"]);
        assert_eq!(
            page.attributes("#letters a", "href"),
            ["/admin/dead-letters/l-1", "/admin/dead-letters/l-2"]
        );
        assert_eq!(
            page.texts("#letters .cause")[0],
            "the total does <b>not</b> follow"
        );
        assert_eq!(page.texts("#redrive-all"), ["Deliver 2 events again"]);
        assert_eq!(
            page.attributes("[rel=next]", "href"),
            ["/admin/dead-letters?consumer=billing.orders&cursor=later"]
        );
        let none = json!({"items": [], "next_cursor": null, "total": 0, "consumers": []});
        backends.give("root", "GET /events/v1/dead-letters", 200, none);
        let empty = root.get("/admin/dead-letters").await;
        assert_eq!(
            empty.texts(".empty p:first-child"),
            ["Every event was handled. There is nothing to do."]
        );
        assert!(empty.texts("#redrive-all, #consumer").is_empty());
        backends.away("events");
        assert_eq!(root.get("/admin/dead-letters").await.status, 503);
        backends.back("events");
        answers(&backends, "root");
    }
}

#[tokio::test]
async fn a_failed_event_shows_all_of_it_as_text() {
    let (backends, sites) = ready("letter").await;
    for site in sites {
        let root = site.browser();
        root.sign_in("root").await;
        let page = root.get("/admin/dead-letters/l-1").await;
        assert_eq!(page.texts("h1"), ["order.order.paid.v1"]);
        assert_eq!(page.texts("#reason .cause"), ["the total does <b>not</b> follow"]);
        assert!(page.texts("#envelope")[0].contains("</pre><script>"));
        assert!(page.texts(".facts-list dd").contains(&"24 attempts".to_owned()));
        let odd = detail(&json!(null), &json!("{ not JSON"));
        backends.give("root", "GET /events/v1/dead-letters/l-1", 200, odd);
        let page = root.get("/admin/dead-letters/l-1").await;
        assert_eq!(page.texts("#envelope"), ["{ not JSON"]);
        answers(&backends, "root");
    }
}

#[tokio::test]
async fn a_failed_event_is_delivered_again_or_discarded_with_a_reason() {
    let (backends, sites) = ready("letter_forms").await;
    for site in sites {
        let root = site.browser();
        root.sign_in("root").await;
        let redrive = "/admin/dead-letters/l-1/redrive";
        for (outcome, word) in [
            (Some("done"), "redriven"),
            (Some("absent"), "absent"),
            (Some("failed"), "failed"),
            (None, "under_way"),
        ] {
            let answer = intervention("redrive", outcome);
            backends.give("root", "POST /events/v1/dead-letters/l-1/redrive", 200, answer);
            let done = root.submit(redrive, &[]).await;
            let there = format!("/admin/dead-letters?done={word}");
            assert_eq!((done.status, done.header("location")), (303, there.as_str()));
            assert_eq!(root.get(&there).await.texts(".notice-title").len(), 1, "{word}");
        }
        // Another administrator was faster.
        let gone = root.submit("/admin/dead-letters/l-3/redrive", &[]).await;
        assert_eq!(gone.header("location"), "/admin/dead-letters?done=absent");
        backends.take();
        let discard = "/admin/dead-letters/l-1/discard";
        let done = root.submit(discard, &[("reason", " A test order ")]).await;
        assert_eq!(done.header("location"), "/admin/dead-letters?done=discarded");
        assert_eq!(backends.changes()[0].json(), json!({"reason": "A test order"}));
        for form in [&[][..], &[("reason", " ")]] {
            let wrong = root.submit(discard, form).await;
            assert_eq!(
                (wrong.status, wrong.attributes("[aria-invalid]", "id")),
                (422, vec!["why".to_owned()])
            );
        }
        assert!(backends.changes().is_empty());
        backends.give(
            "root",
            "POST /events/v1/dead-letters/l-1/discard",
            422,
            problem(422, "invalid_content", &["reason"]),
        );
        let refused = root.submit(discard, &[("reason", "\u{202e}")]).await;
        assert_eq!(refused.status, 422);
        accepts(&backends, "root");
    }
}

#[tokio::test]
async fn all_failed_events_or_those_of_a_consumer_are_delivered_again() {
    let (backends, sites) = ready("letters_all").await;
    for site in sites {
        let root = site.browser();
        root.sign_in("root").await;
        for (form, body) in [
            (&[("consumer", "")][..], json!({})),
            (
                &[("consumer", "billing.orders")],
                json!({"consumer": "billing.orders"}),
            ),
        ] {
            backends.take();
            let done = root.submit("/admin/dead-letters", form).await;
            assert_eq!(done.header("location"), "/admin/dead-letters?done=all");
            assert_eq!(backends.changes()[0].json(), body);
        }
    }
}

#[tokio::test]
async fn what_administrators_did_stays_on_record() {
    let (_backends, sites) = ready("letters_record").await;
    for site in sites {
        let root = site.browser();
        root.sign_in("root").await;
        let page = root.get("/admin/dead-letters/record").await;
        assert_eq!(
            page.texts("#interventions .line-title"),
            ["Discarded", "All delivered again"]
        );
        assert_eq!(page.texts("#interventions .cause"), ["A <b>test</b> order"]);
        assert_eq!(page.texts("#interventions .badge"), ["Done", "Under way"]);
        assert_eq!(
            page.attributes("[rel=next]", "href"),
            ["/admin/dead-letters/record?cursor=older"]
        );
    }
}
