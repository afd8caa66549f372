//! Writing courses: who may not is told before they write, and who no longer may keeps what they wrote.

use serde_json::{Value, json};

use crate::backends::{Backends, everything, problem};
use crate::stub::course;

#[tokio::test]
async fn who_is_no_instructor_is_told_before_the_form() {
    let backends = Backends::start().await;
    everything(&backends);
    backends.give("alice", "GET /catalog/v1/my/courses?limit=50", 403, json!({}));
    for site in backends.sites("teach_no").await {
        let alice = site.browser();
        alice.sign_in("alice").await;
        for path in ["/teach/new", "/teach"] {
            let page = alice.get(path).await;
            assert_eq!(page.status, 403, "{path}");
            assert_eq!(page.texts("h1"), ["Only instructors write courses."], "{path}");
            assert!(page.texts("form.write").is_empty(), "{path}");
        }
        let ines = site.browser();
        ines.sign_in("ines").await;
        let page = ines.get("/teach/new").await;
        assert_eq!(
            (page.status, page.attributes("form.write", "action")),
            (200, vec!["/teach/new".to_owned()])
        );
    }
}

#[tokio::test]
async fn a_lost_role_does_not_cost_what_was_written() {
    let backends = Backends::start().await;
    backends.give("ines", "POST /catalog/v1/courses", 403, json!({}));
    backends.give("ines", "PUT /catalog/v1/courses/c-9", 403, json!({}));
    for site in backends.sites("teach_lost").await {
        let ines = site.browser();
        ines.sign_in("ines").await;
        for path in ["/teach/new", "/teach/c-9", "/teach/c-9/publish"] {
            let form = [
                ("key", "k"),
                ("version", "1"),
                ("title", "A long evening's work"),
                ("description", "Kept <b>"),
            ];
            let page = ines.submit(path, &form).await;
            assert_eq!(page.status, 403, "{path}");
            assert_eq!(page.attributes("#error", "data-code"), ["forbidden"], "{path}");
            assert_eq!(
                page.attributes("#title", "value"),
                ["A long evening's work"],
                "{path}"
            );
            assert_eq!(page.texts("#description"), ["Kept <b>"], "{path}");
        }
    }
}

#[tokio::test]
async fn the_places_of_a_limited_course_are_set_with_it() {
    let backends = Backends::start().await;
    let saved = course("c-9", "A few of us");
    backends.give("ines", "PUT /catalog/v1/courses/c-9", 200, saved.clone());
    backends.give("ines", "GET /catalog/v1/courses/c-9", 200, saved);
    let stock = "/inventory/v1/stock/c-9";
    for site in backends.sites("teach_places").await {
        let ines = site.browser();
        ines.sign_in("ines").await;
        let form = |capacity: &'static str| {
            [
                ("version", "1"),
                ("title", "A few of us"),
                ("limited", "yes"),
                ("capacity", capacity),
            ]
        };
        backends.give(
            "ines",
            &format!("GET {stock}"),
            200,
            json!({"capacity": 0, "version": 1}),
        );
        for (status, answer, word) in [
            (200, json!({"capacity": 12, "version": 2}), "saved"),
            (409, problem(409, "seats_taken", &[]), "saved_taken"),
            (503, Value::Null, "saved_later"),
        ] {
            backends.give("ines", &format!("PUT {stock}"), status, answer);
            backends.take();
            let done = ines.submit("/teach/c-9", &form("12")).await;
            let to = format!("/teach/c-9?done={word}");
            assert_eq!((done.status, done.header("location")), (303, to.as_str()));
            let asked = backends.changes().pop().unwrap();
            assert_eq!(
                (asked.header("if-match"), asked.json()),
                (Some("\"1\""), json!({"capacity": 12}))
            );
            assert_eq!(ines.get(&to).await.texts(".notice-success").len(), 1);
        }
        // Nothing is written for what is no number.
        backends.take();
        for hostile in ["-1", "many", "1e3", "99999999999999999999"] {
            let page = ines.submit("/teach/c-9", &form(hostile)).await;
            assert_eq!(
                (page.status, page.attributes("#capacity", "value")),
                (422, vec![hostile.to_owned()])
            );
        }
        assert!(backends.changes().is_empty());
        backends.give(
            "ines",
            "GET /inventory/v1/stock/id-of-c-9",
            200,
            json!({"capacity": 12, "version": 2}),
        );
        assert_eq!(
            ines.get("/teach/c-9").await.attributes("#capacity", "value"),
            ["12"]
        );
    }
}
