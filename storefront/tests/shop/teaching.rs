//! Writing courses: who may not is told before they write, and who no longer may keeps what they wrote.

use serde_json::json;

use crate::backends::{Backends, everything};

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
