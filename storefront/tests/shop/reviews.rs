//! Reviews: what everybody reads, and the form of who owns the course.

use serde_json::{Value, json};

use crate::backends::{Backends, everything, problem};
use crate::stub::course;

/// The course `rust` with reviews, the first of which says this.
fn reviewed(backends: &Backends, text: &str, name: &str) {
    let mut rust = course("rust", "Rust from the Ground Up");
    rust["rating"] = json!({"average": 4.333, "count": 3});
    backends.public("GET /catalog/v1/courses/rust", 200, rust);
    let review = |stars: i64, text: &str, name: &str| {
        json!({"stars": stars, "text": text, "name": name, "created_at": "2026-11-17T23:51:34.703Z",
            "updated_at": "2026-11-17T23:51:34.703Z"})
    };
    let page = |next: Value| {
        json!({"rating": {"average": 4.333, "count": 3}, "histogram": [0, 0, 1, 0, 2],
            "items": [review(5, text, name), review(3, "", "")], "next_cursor": next})
    };
    let reviews = "GET /catalog/v1/courses/id-of-rust/reviews";
    backends.public(&format!("{reviews}?limit=3"), 200, page(Value::Null));
    backends.public(&format!("{reviews}?limit=10"), 200, page(json!("more")));
    backends.public(&format!("{reviews}?limit=10&cursor=more"), 200, page(Value::Null));
    backends.public(
        "GET /catalog/v1/courses?ids=id-of-rust",
        200,
        json!({"items": []}),
    );
}

const OWNED: &str = "GET /inventory/v1/owned?ids=id-of-rust";

#[tokio::test]
async fn a_course_shows_what_its_owners_say() {
    let backends = Backends::start().await;
    reviewed(&backends, "Clear.\nAnd short.", "Jonas");
    for site in backends.sites("reviews").await {
        let somebody = site.browser();
        let page = somebody.get("/courses/rust").await;
        assert_eq!(page.status, 200);
        assert_eq!(page.texts(".buy-card .rating strong"), ["4.3"]);
        assert_eq!(
            page.texts(".buy-card .rating .hidden"),
            ["4.3 of 5 stars, 3 reviews"]
        );
        assert_eq!(
            page.attributes(".histogram progress", "value"),
            ["2", "0", "1", "0", "0"]
        );
        assert_eq!(
            page.attributes(".histogram progress", "max"),
            ["3", "3", "3", "3", "3"]
        );
        assert_eq!(page.texts(".review .hidden"), ["5 stars", "3 stars"]);
        assert_eq!(page.texts(".review-text"), ["Clear. And short."]);
        assert!(
            page.texts("#write-review").is_empty(),
            "who does not own it writes none"
        );
        let all = somebody.get("/courses/rust/reviews").await;
        assert_eq!(
            all.attributes("[rel=next]", "href"),
            ["/courses/rust/reviews?cursor=more"]
        );
        let more = somebody.get("/courses/rust/reviews?cursor=more").await;
        assert_eq!((more.status, more.texts("[rel=next]").len()), (200, 0));
        assert_eq!(somebody.get("/courses/nothing/reviews").await.status, 404);
    }
}

#[tokio::test]
async fn a_course_is_shown_without_its_reviews_when_they_cannot_be_had() {
    let backends = Backends::start().await;
    reviewed(&backends, "Clear.", "Jonas");
    backends.public(
        "GET /catalog/v1/courses/id-of-rust/reviews?limit=3",
        503,
        Value::Null,
    );
    for site in backends.sites("reviews_away").await {
        let page = site.browser().get("/courses/rust").await;
        assert_eq!(
            (page.status, page.texts(".buy-card .rating strong")),
            (200, vec!["4.3".to_owned()])
        );
        assert!(page.texts(".review, .histogram").is_empty());
    }
}

#[tokio::test]
async fn an_owner_writes_changes_and_withdraws_a_review() {
    let backends = Backends::start().await;
    everything(&backends);
    reviewed(&backends, "Clear.", "Jonas");
    let path = "/catalog/v1/courses/id-of-rust/review";
    for site in backends.sites("review_form").await {
        let alice = site.browser();
        alice.sign_in("alice").await;
        assert_eq!(
            alice.get("/learn/rust").await.attributes("#review", "href"),
            ["/courses/rust/review"]
        );
        backends.give("alice", &format!("GET {path}"), 404, Value::Null);
        let form = alice.get("/courses/rust/review").await;
        assert_eq!((form.status, form.texts("#withdraw").len()), (200, 0));
        assert!(form.attributes("[name=stars][checked]", "value").is_empty());
        backends.take();
        backends.give("alice", &format!("PUT {path}"), 200, json!({}));
        let fields = [("stars", "4"), ("text", "Good.\r\nReally."), ("name", "Al")];
        let sent = alice.submit("/courses/rust/review", &fields).await;
        assert_eq!(
            (sent.status, sent.header("location")),
            (303, "/courses/rust/reviews?done=written")
        );
        let asked = backends.changes().remove(0);
        assert_eq!(
            asked.json(),
            json!({"stars": 4, "text": "Good.\nReally.", "name": "Al"})
        );
        assert_eq!(
            alice
                .get("/courses/rust/reviews?done=written")
                .await
                .texts(".notice-success")
                .len(),
            1
        );
        let mine =
            json!({"stars": 4, "text": "Good.\nReally.", "name": "Al", "created_at": "", "updated_at": ""});
        backends.give("alice", &format!("GET {path}"), 200, mine);
        let form = alice.get("/courses/rust/review").await;
        assert_eq!(form.attributes("[name=stars][checked]", "value"), ["4"]);
        assert_eq!(form.texts("#text"), ["Good. Really."]);
        backends.give("alice", &format!("DELETE {path}"), 204, Value::Null);
        let gone = alice.submit("/courses/rust/review/delete", &[]).await;
        assert_eq!(
            (gone.status, gone.header("location")),
            (303, "/courses/rust/reviews?done=withdrawn")
        );
    }
}

#[tokio::test]
async fn what_cannot_be_sent_is_kept_and_said() {
    let backends = Backends::start().await;
    everything(&backends);
    reviewed(&backends, "Clear.", "Jonas");
    let path = "/catalog/v1/courses/id-of-rust/review";
    for site in backends.sites("review_fault").await {
        let alice = site.browser();
        alice.sign_in("alice").await;
        for (status, code, stars, said) in [
            (409, "not_owner_yet", "5", "Only owners review a course."),
            (422, "invalid_content", "", "Choose how many stars you give."),
            (422, "invalid_content", "5", "The text or the name is too long"),
        ] {
            backends.give(
                "alice",
                &format!("PUT {path}"),
                status,
                problem(status, code, &[]),
            );
            let page = alice
                .submit("/courses/rust/review", &[("stars", stars), ("text", "Kept <b>")])
                .await;
            assert_eq!(
                (page.status, page.texts("#text")),
                (422, vec!["Kept <b>".to_owned()])
            );
            assert!(
                page.texts("#error")[0].starts_with(said),
                "{:?}",
                page.texts("#error")
            );
        }
        backends.give(
            "alice",
            &format!("PUT {path}"),
            403,
            problem(403, "own_course", &[]),
        );
        let own = alice.submit("/courses/rust/review", &[("stars", "5")]).await;
        assert_eq!(own.status, 403);
    }
}

/// BF-10.
#[tokio::test]
async fn a_review_from_elsewhere_or_with_markup_does_no_harm() {
    let backends = Backends::start().await;
    everything(&backends);
    let hostile = "</textarea><script>alert(1)</script>";
    reviewed(&backends, hostile, "\"><img src=x onerror=alert(1)>");
    for site in backends.sites("review_hostile").await {
        let alice = site.browser();
        for page in ["/courses/rust", "/courses/rust/reviews"] {
            let page = alice.get(page).await;
            assert_eq!(page.texts(".review-text"), [hostile]);
            assert!(
                page.texts(".review script").is_empty() && page.attributes(".review img", "src").is_empty()
            );
        }
        assert_eq!(
            alice.get("/courses/rust/review").await.status,
            303,
            "to the sign-in"
        );
        alice.sign_in("alice").await;
        backends.take();
        for path in ["/courses/rust/review", "/courses/rust/review/delete"] {
            let foreign = alice
                .submit_from(path, Some("https://evil.test"), &[("stars", "1")])
                .await;
            assert_eq!(foreign.status, 403, "{path}");
            assert_eq!(
                alice.submit_from(path, None, &[("stars", "1")]).await.status,
                403,
                "{path}"
            );
        }
        assert!(backends.changes().is_empty());
        for query in ["?cursor=%00", "?cursor=a&cursor=b"] {
            let page = alice.get(&format!("/courses/rust/reviews{query}")).await;
            assert!((400..=404).contains(&page.status), "{query}: {}", page.status);
        }
    }
}

#[tokio::test]
async fn owners_find_the_form_on_the_page_of_the_course() {
    let backends = Backends::start().await;
    everything(&backends);
    reviewed(&backends, "Clear.", "Jonas");
    backends.give(
        "ines",
        OWNED,
        200,
        json!({"items": [{"item_id": "id-of-rust", "quantity": 1}]}),
    );
    for site in backends.sites("review_link").await {
        let ines = site.browser();
        ines.sign_in("ines").await;
        let page = ines.get("/courses/rust").await;
        assert_eq!(page.attributes("#write-review", "href"), ["/courses/rust/review"]);
    }
}
