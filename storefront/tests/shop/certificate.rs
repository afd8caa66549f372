//! The certificate of a course that is done, and items that are used up.

use serde_json::json;

use crate::backends::{Backends, everything, owned, problem};

#[tokio::test]
async fn a_certificate_says_who_what_and_when_and_keeps_its_number() {
    let backends = Backends::start().await;
    everything(&backends);
    for site in backends.sites("certificate").await {
        let mut done = owned(&["l1", "l2"]);
        done["learned_at"] = json!("2026-11-21T10:00:00.000Z");
        backends.give("alice", "GET /inventory/v1/library/id-of-rust", 200, done.clone());
        backends.give("bob", "GET /inventory/v1/library/id-of-rust", 200, done.clone());
        let bob = site.browser();
        bob.sign_in("bob").await;
        let other = bob.get("/learn/rust/certificate").await.texts("#number");
        backends.give("alice", "GET /inventory/v1/library/id-of-rust", 200, done);
        let alice = site.browser();
        alice.sign_in("alice").await;
        let page = alice.get("/learn/rust/certificate").await;
        assert_eq!(page.texts("#learner"), ["Name of alice"]);
        assert_eq!(page.texts("#course"), ["Rust from the Ground Up"]);
        assert_eq!(page.texts(".certificate time"), ["Completed on 21 November 2026"]);
        let number = page.texts("#number");
        assert_eq!(
            alice.get("/learn/rust/certificate").await.texts("#number"),
            number
        );
        assert_ne!(other, number);
        let learn = alice.get("/learn/rust").await;
        assert_eq!(
            learn.attributes("#certificate", "href"),
            ["/learn/rust/certificate"]
        );
    }
}

#[tokio::test]
async fn there_is_no_certificate_before_the_last_lesson() {
    let backends = Backends::start().await;
    everything(&backends);
    for site in backends.sites("certificate_early").await {
        let alice = site.browser();
        alice.sign_in("alice").await;
        for done in [&[][..], &["l1"], &["l1", "taken out since"]] {
            backends.give("alice", "GET /inventory/v1/library/id-of-rust", 200, owned(done));
            let page = alice.get("/learn/rust/certificate").await;
            assert_eq!(page.status, 200);
            assert!(page.texts("#number, #learner").is_empty(), "{done:?}");
            assert_eq!(page.attributes(".empty a", "href"), ["/learn/rust"]);
        }
        // To somebody who does not own the course it does not exist.
        let bob = site.browser();
        bob.sign_in("bob").await;
        assert_eq!(bob.get("/learn/rust/certificate").await.status, 404);
        let nobody = site.browser().get("/learn/rust/certificate").await;
        assert_eq!(nobody.status, 303);
    }
}

#[tokio::test]
async fn an_item_is_used_once_by_the_key_of_its_form() {
    let backends = Backends::start().await;
    everything(&backends);
    let mut item = owned(&[]);
    item["kind"] = json!("item");
    item["quantity"] = json!(3);
    let library = json!({"items": [item.clone()], "next_cursor": null});
    backends.give("alice", "GET /inventory/v1/library", 200, library);
    for site in backends.sites("use").await {
        backends.give(
            "alice",
            "POST /inventory/v1/library/id-of-rust/consume",
            200,
            item.clone(),
        );
        let alice = site.browser();
        alice.sign_in("alice").await;
        let page = alice.get("/library").await;
        let key = page.attributes(".own-use [name=key]", "value").remove(0);
        backends.take();
        for _ in 0..2 {
            let used = alice.submit("/library/id-of-rust/use", &[("key", &key)]).await;
            assert_eq!(
                (used.status, used.header("location")),
                (303, "/library?done=used")
            );
        }
        let asked = backends.changes();
        assert!(
            asked
                .iter()
                .all(|asked| asked.header("idempotency-key") == Some(&key))
        );
        assert_eq!(asked[0].json(), json!({"quantity": 1}));
        backends.give(
            "alice",
            "POST /inventory/v1/library/id-of-rust/consume",
            409,
            problem(409, "too_few", &[]),
        );
        let none = alice
            .submit("/library/id-of-rust/use", &[("key", "another")])
            .await;
        assert_eq!(none.header("location"), "/library?done=none");
        let foreign = alice
            .submit_from(
                "/library/id-of-rust/use",
                Some(crate::stub::ORIGIN),
                &[("key", "k")],
            )
            .await;
        assert_eq!(foreign.status, 403);
    }
}
