//! The library and the lessons: what is owned, what is done, and what comes next.

use serde_json::{Value, json};

use crate::backends::{Backends, everything, owned};

#[tokio::test]
async fn a_library_shows_how_far_each_course_is() {
    let backends = Backends::start().await;
    everything(&backends);
    for site in backends.sites("library").await {
        let alice = site.browser();
        alice.sign_in("alice").await;
        for (done, facts, next) in [
            (&[][..], "0 of 2 lessons done", "Start"),
            (&["l1"], "1 of 2 lessons done", "Continue"),
            (&["l1", "l2"], "Completed", "Look at it again"),
            (&["l1", "l2", "taken out since"], "Completed", "Look at it again"),
        ] {
            let library = json!({"items": [owned(done)], "next_cursor": null});
            backends.give("alice", "GET /inventory/v1/library", 200, library);
            let page = alice.get("/library").await;
            assert_eq!(page.texts("#library .facts"), [facts]);
            assert_eq!(page.texts("#library .own-next"), [next]);
            assert_eq!(page.attributes("#library h2 a", "href"), ["/learn/rust"]);
            let shown = done.len().min(2).to_string();
            assert_eq!(page.attributes("#library progress", "value"), [shown]);
        }
    }
}

#[tokio::test]
async fn items_have_a_number_and_no_lessons() {
    let backends = Backends::start().await;
    everything(&backends);
    let mut item = owned(&[]);
    item["kind"] = json!("item");
    item["quantity"] = json!(3);
    backends.give(
        "alice",
        "GET /inventory/v1/library",
        200,
        json!({"items": [item.clone()], "next_cursor": "more"}),
    );
    backends.give("alice", "GET /inventory/v1/library/id-of-rust", 200, item);
    for site in backends.sites("items").await {
        let alice = site.browser();
        alice.sign_in("alice").await;
        let page = alice.get("/library").await;
        assert_eq!(page.texts("#library .facts"), ["You have 3 of these"]);
        assert!(page.attributes("#library progress", "value").is_empty());
        assert_eq!(page.attributes("[rel=next]", "href"), ["/library?cursor=more"]);
        assert_eq!(alice.get("/learn/rust").await.status, 404);
    }
}

#[tokio::test]
async fn without_the_catalog_the_library_has_no_made_up_numbers() {
    let backends = Backends::start().await;
    everything(&backends);
    backends.away("catalog");
    for site in backends.sites("library_alone").await {
        let alice = site.browser();
        alice.sign_in_without_home("alice").await;
        let page = alice.get("/library").await;
        assert_eq!(page.status, 200);
        assert_eq!(page.texts("#library .facts"), ["1 lesson done"]);
        assert!(page.attributes("#library progress", "value").is_empty());
        assert_eq!(alice.get("/learn/rust").await.status, 503);
    }
}

#[tokio::test]
async fn an_empty_library_shows_the_way_and_a_new_one_what_was_bought() {
    let backends = Backends::start().await;
    backends.give(
        "bob",
        "GET /inventory/v1/library",
        200,
        json!({"items": [], "next_cursor": null}),
    );
    for site in backends.sites("library_empty").await {
        let bob = site.browser();
        bob.sign_in("bob").await;
        assert_eq!(
            bob.get("/library").await.attributes(".empty a", "href"),
            ["/courses"]
        );
        let bought = bob.get("/library?done=bought").await;
        assert_eq!(
            bought.texts(".notice-success .notice-title"),
            ["Your order is complete."]
        );
        assert!(
            bob.get("/library?done=%3Cb%3E")
                .await
                .texts(".notice-success")
                .is_empty()
        );
    }
}

#[tokio::test]
async fn learning_goes_on_where_it_was_and_ends_with_congratulations() {
    let backends = Backends::start().await;
    everything(&backends);
    for site in backends.sites("learn").await {
        let alice = site.browser();
        alice.sign_in("alice").await;
        for (done, next, kicker) in [
            (&[][..], "Who owns it?", "Start with the first lesson"),
            (&["l1"], "Lending it", "Continue where you were"),
            (&["l2"], "Who owns it?", "Continue where you were"),
        ] {
            backends.give("alice", "GET /inventory/v1/library/id-of-rust", 200, owned(done));
            let page = alice.get("/learn/rust").await;
            assert_eq!(page.texts(".resume .line-title"), [next]);
            assert_eq!(page.texts(".resume .kicker"), [kicker]);
            assert_eq!(page.texts(".lesson-done").len(), done.len());
        }
        backends.give(
            "alice",
            "GET /inventory/v1/library/id-of-rust",
            200,
            owned(&["l1", "l2"]),
        );
        let page = alice.get("/learn/rust").await;
        assert_eq!(page.texts("#congratulation").len(), 1);
        assert!(page.texts(".resume, button[name=lesson]").is_empty());
    }
}

#[tokio::test]
async fn a_lesson_is_marked_by_its_button_and_the_next_one_follows() {
    let backends = Backends::start().await;
    everything(&backends);
    backends.give("alice", "GET /inventory/v1/library/id-of-rust", 200, owned(&[]));
    for site in backends.sites("mark").await {
        let alice = site.browser();
        alice.sign_in("alice").await;
        let page = alice.get("/learn/rust").await;
        assert_eq!(page.attributes("button[name=lesson]", "value"), ["l1", "l2"]);
        backends.give(
            "alice",
            "PUT /inventory/v1/library/id-of-rust/progress",
            200,
            owned(&["l1"]),
        );
        backends.take();
        let marked = alice.submit("/learn/rust", &[("lesson", "l1")]).await;
        assert_eq!(
            (marked.status, marked.header("location")),
            (303, "/learn/rust#l2")
        );
        assert_eq!(backends.changes()[0].json(), json!({"lessons_done": ["l1"]}));
        backends.give(
            "alice",
            "PUT /inventory/v1/library/id-of-rust/progress",
            200,
            owned(&["l1", "l2"]),
        );
        let last = alice.submit("/learn/rust", &[("lesson", "l2")]).await;
        assert_eq!((last.status, last.header("location")), (303, "/learn/rust"));
    }
}

#[tokio::test]
async fn a_lesson_that_the_course_does_not_have_is_not_marked() {
    let backends = Backends::start().await;
    everything(&backends);
    backends.give(
        "alice",
        "PUT /inventory/v1/library/id-of-rust/progress",
        200,
        owned(&["l1"]),
    );
    for site in backends.sites("mark_unknown").await {
        let alice = site.browser();
        alice.sign_in("alice").await;
        backends.take();
        for lesson in ["", "l3", "L1", "l1,l2", "../l1"] {
            assert_eq!(
                alice.submit("/learn/rust", &[("lesson", lesson)]).await.status,
                400,
                "{lesson}"
            );
        }
        assert!(backends.changes().is_empty());
    }
}

#[tokio::test]
async fn a_course_without_lessons_says_so() {
    let backends = Backends::start().await;
    everything(&backends);
    let mut empty = crate::stub::course("rust", "Rust from the Ground Up");
    empty["sections"] = Value::Array(Vec::new());
    backends.public("GET /catalog/v1/courses/rust", 200, empty);
    for site in backends.sites("learn_empty").await {
        let alice = site.browser();
        alice.sign_in("alice").await;
        let page = alice.get("/learn/rust").await;
        assert_eq!((page.status, page.texts(".empty").len()), (200, 1));
        assert!(page.texts("#congratulation").is_empty());
    }
}
