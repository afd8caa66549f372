//! Suggestions, which need no script, and what a search is sorted by.

use serde_json::{Value, json};

use crate::backends::Backends;

#[tokio::test]
async fn a_search_suggests_titles_as_links_and_in_its_field() {
    let backends = Backends::start().await;
    let hostile = "\"><script>alert(1)</script>";
    let items = json!([
        {"id": "a", "slug": "rust", "title": "Rust from the Ground Up"},
        {"id": "b", "slug": "../evil", "title": hostile},
    ]);
    backends.public(
        "GET /catalog/v1/courses/suggestions?q=ru",
        200,
        json!({"items": items}),
    );
    for site in backends.sites("suggestions").await {
        let somebody = site.browser();
        let page = somebody.get("/courses?q=ru").await;
        assert_eq!(
            page.attributes(".suggestions a", "href"),
            ["/courses/rust", "/courses/%2E%2E%2Fevil"]
        );
        assert_eq!(
            page.attributes("datalist option", "value"),
            ["Rust from the Ground Up", hostile]
        );
        assert_eq!(page.attributes("#f-q", "list"), ["titles"]);
        assert!(page.texts("main script").is_empty());
        // The best match comes first, unless somebody wants another order.
        assert_eq!(page.texts("#f-sort option[selected]"), ["Best match first"]);
        let list = somebody.get("/courses").await;
        assert_eq!(list.texts("#f-sort option[selected]"), ["Newest first"]);
        assert!(list.texts(".suggestions, datalist").is_empty());
    }
}

#[tokio::test]
async fn a_search_does_without_suggestions_that_cannot_be_had() {
    let backends = Backends::start().await;
    for (status, body) in [
        (503, Value::Null),
        (200, json!("no json")),
        (200, json!({"items": 7})),
    ] {
        backends.public("GET /catalog/v1/courses/suggestions?q=ru", status, body);
        for site in backends.sites("no_suggestions").await {
            let page = site.browser().get("/courses?q=ru").await;
            assert_eq!((page.status, page.texts(".suggestions").len()), (200, 0));
        }
    }
}
