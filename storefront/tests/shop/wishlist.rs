//! The wishlist: what is kept for later, of users and of visitors.

use serde_json::{Value, json};

use crate::buying::{RUST, basket, line, post, problem, sites};

const LINE: &str = "/basket/v1/lines/id-of-rust";

#[tokio::test]
async fn a_course_goes_on_the_wishlist_and_from_there_into_the_basket() {
    for (services, site) in sites("wishlist").await {
        services.forget();
        let alice = site.browser();
        alice.sign_in("alice").await;
        let page = alice.get("/courses/rust").await;
        assert_eq!(
            page.attributes("form[action='/wishlist/add'] [name=course]", "value"),
            [RUST]
        );
        let kept = alice.submit("/wishlist/add", &[("course", RUST)]).await;
        assert_eq!(
            (kept.status, kept.header("location")),
            (303, "/wishlist?done=kept")
        );
        let put = services.asked(&format!("PUT {LINE}"));
        assert_eq!((put.len(), &put[0].body), (1, &json!({"quantity": 1})));
        assert_eq!(services.asked(&format!("POST {LINE}/save")).len(), 1);

        services.fill(&basket(&[], &[line("ok")], Value::Null));
        let list = alice.get("/wishlist?done=kept").await;
        assert_eq!(list.texts("#wishlist h3"), ["Rust from the Ground Up"]);
        assert_eq!(
            list.texts(".notice-success .notice-title"),
            ["It is on your wishlist."]
        );
        let course = alice.get("/courses/rust").await;
        assert_eq!(course.attributes("#wished", "href"), ["/wishlist"]);
        assert!(course.texts("#wish").is_empty() && !course.texts("#add").is_empty());

        let moved = alice.submit("/wishlist/id-of-rust", &[("do", "move")]).await;
        assert_eq!(
            (moved.status, moved.header("location")),
            (303, "/basket?done=added")
        );
        assert_eq!(services.asked(&format!("POST {LINE}/move")).len(), 1);
        let gone = alice.submit("/wishlist/id-of-rust", &[("do", "remove")]).await;
        assert_eq!(
            (gone.status, gone.header("location")),
            (303, "/wishlist?done=removed")
        );
        assert_eq!(services.asked(&format!("DELETE {LINE}")).len(), 1);
    }
}

#[tokio::test]
async fn a_visitor_has_a_wishlist_under_the_number_of_their_basket() {
    for (services, site) in sites("wishlist_guest").await {
        services.forget();
        let visitor = site.browser();
        let empty = visitor.get("/wishlist").await;
        assert_eq!(
            (empty.status, empty.attributes(".empty a", "href")),
            (200, vec!["/courses".to_owned()])
        );
        let kept = post(&visitor, "/wishlist/add", &[("course", RUST)]).await;
        assert_eq!(kept.status, 303, "{}", kept.text);
        let asked = services.asked("POST /basket/v1/guests/*/lines/id-of-rust/save");
        assert_eq!(asked.len(), 1);
        services.fill(&basket(&[], &[line("ok")], Value::Null));
        let list = visitor.get("/wishlist").await;
        assert_eq!(list.texts("#wishlist h3").len(), 1);
        let number = asked[0].guest.clone().unwrap();
        assert!(!list.text.contains(&number), "the number is a secret of the shop");
    }
}

#[tokio::test]
async fn what_cannot_be_bought_stays_and_says_why() {
    for (services, site) in sites("wishlist_states").await {
        services.forget();
        let alice = site.browser();
        alice.sign_in("alice").await;
        for (state, note, movable) in [
            ("ok", None, true),
            (
                "price_changed",
                Some("The price was €79.00 when you saved it."),
                true,
            ),
            ("owned", Some("You own this already."), false),
            ("sold_out", Some("No places are left at the moment."), false),
            ("unavailable", Some("This is no longer for sale."), false),
        ] {
            services.fill(&basket(&[], &[line(state)], Value::Null));
            let list = alice.get("/wishlist").await;
            assert_eq!(
                list.texts("#wishlist .line-note"),
                note.into_iter().collect::<Vec<_>>(),
                "{state}"
            );
            let buttons = list.attributes("#wishlist button", "value");
            assert_eq!(buttons.contains(&"move".to_owned()), movable, "{state}");
        }
        services.say(&format!("PUT {LINE}"), 409, problem("already_owned", Value::Null));
        let owned = alice.submit("/wishlist/add", &[("course", RUST)]).await;
        assert_eq!(owned.header("location"), "/wishlist?done=owned");
        assert!(services.asked(&format!("POST {LINE}/save")).is_empty());
    }
}

#[tokio::test]
async fn a_foreign_form_changes_no_wishlist() {
    for (services, site) in sites("wishlist_foreign").await {
        services.forget();
        let alice = site.browser();
        alice.sign_in("alice").await;
        for (path, form) in [
            ("/wishlist/add", ("course", RUST)),
            ("/wishlist/id-of-rust", ("do", "remove")),
        ] {
            for token in ["", "guessed"] {
                let answer = post(&alice, path, &[("token", token), form]).await;
                assert_eq!(answer.status, 403, "{path}");
            }
            let token = alice.token().await.unwrap();
            let answer = alice
                .send_form("https://evil.test", path, &[("token", &token), form])
                .await;
            assert_eq!(answer.status, 403, "{path}");
        }
        for id in ["..", "%2e%2e", "a%2f..%2f.."] {
            let answer = alice
                .submit(&format!("/wishlist/{id}"), &[("do", "remove")])
                .await;
            assert!([303, 404].contains(&answer.status), "{id}: {}", answer.status);
        }
        let changed = ["PUT", "POST"].map(|method| services.asked(method).len());
        assert_eq!(changed, [0, 0]);
        for asked in services.asked("DELETE") {
            assert!(
                asked.what.starts_with("DELETE /basket/v1/lines/"),
                "{}",
                asked.what
            );
        }
    }
}
