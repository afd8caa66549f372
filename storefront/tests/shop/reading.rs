//! What a screen reader, a keyboard, a browser and a slow line need of every page.

use std::collections::BTreeSet;

use latchkey_testkit::Answer;
use scraper::{ElementRef, Html, Selector};
use serde_json::Value;

use crate::backends::{self, Backends, everything, owned};
use crate::buying::{basket, line};
use crate::issuer::Browser;
use crate::stub::{Shop, Stub};

const PAGES: [&str; 9] = [
    "/",
    "/courses",
    "/courses?q=a&level=beginner",
    "/categories/design",
    "/categories/type",
    "/courses/rust",
    "/_design",
    "/nowhere",
    "/courses?level=x",
];

async fn pages() -> Vec<(String, Answer)> {
    let full = Stub {
        next_cursor: Some("n".into()),
        ..Stub::default()
    }
    .shop()
    .await;
    let mut pages = crate::buying::pages().await;
    let away = Shop::without_catalog().await;
    for path in PAGES {
        pages.push((path.to_owned(), full.get(path).await));
    }
    for path in ["/", "/courses"] {
        pages.push((format!("{path} without a catalog"), away.get(path).await));
    }
    let backends = Backends::start().await;
    everything(&backends);
    for site in backends.sites("reading").await.iter().take(1) {
        let alice = site.browser();
        alice.sign_in("alice").await;
        pages.extend(backends::pages(&alice).await);
        pages.extend(later_pages(&backends, &alice).await);
        crate::admin::administration(&backends, "root");
        let root = site.browser();
        root.sign_in("root").await;
        for path in crate::admin::PAGES {
            pages.push((path.to_owned(), root.get(path).await));
        }
        for path in [
            "/admin/grants/credits",
            "/admin/grants/items",
            "/admin/coupons/new",
        ] {
            let form = [("key", "k"), ("kind", "amount"), ("scope", "courses")];
            let faulty = root.submit(path, &form).await;
            assert_eq!(faulty.status, 422, "{path}");
            pages.push((format!("faults at {path}"), faulty));
        }
    }
    pages
}

/// What alice keeps for later, and what she has learned.
async fn later_pages(backends: &Backends, alice: &Browser<'_>) -> Vec<(String, Answer)> {
    let saved = [line("price_changed")];
    backends.give("alice", "GET /basket/v1", 200, basket(&[], &saved, Value::Null));
    let mut pages = vec![
        ("/wishlist".to_owned(), alice.get("/wishlist?done=kept").await),
        (
            "no certificate yet".to_owned(),
            alice.get("/learn/rust/certificate").await,
        ),
    ];
    let all = owned(&["l1", "l2"]);
    backends.give("alice", "GET /inventory/v1/library/id-of-rust", 200, all);
    let certificate = alice.get("/learn/rust/certificate").await;
    pages.push(("a certificate".to_owned(), certificate));
    for (path, page) in &pages {
        assert_eq!(page.status, 200, "{path}");
    }
    pages
}

fn select<'a>(page: &'a Html, selector: &str) -> Vec<ElementRef<'a>> {
    let selector = Selector::parse(selector).unwrap();
    page.select(&selector).collect()
}

#[tokio::test]
async fn every_page_has_language_title_landmarks_and_a_skip_link() {
    for (path, answer) in pages().await {
        let page = answer.page();
        assert_eq!(answer.attributes("html", "lang"), ["en"], "{path}");
        assert!(answer.texts("title")[0].len() > 5, "{path}");
        for landmark in ["body > header", "body > main", "body > footer", "h1"] {
            assert_eq!(select(&page, landmark).len(), 1, "{landmark} on {path}");
        }
        assert_eq!(
            answer.attributes("body > a:first-child", "href"),
            ["#main"],
            "{path}"
        );
        for nav in select(&page, "nav") {
            assert!(
                nav.attr("aria-label").or(nav.attr("aria-labelledby")).is_some(),
                "{path}"
            );
        }
    }
}

#[tokio::test]
async fn headings_never_skip_a_level() {
    for (path, answer) in pages().await {
        let mut last = 0;
        for heading in select(&answer.page(), "h1, h2, h3, h4") {
            let level: u8 = heading.value().name()[1..].parse().unwrap();
            assert!(level <= last + 1, "{path}: h{level} after h{last}");
            last = level;
        }
    }
}

#[tokio::test]
async fn everything_that_can_be_used_has_a_name_and_every_id_is_there_once() {
    for (path, answer) in pages().await {
        let page = answer.page();
        let ids: Vec<&str> = select(&page, "[id]")
            .iter()
            .filter_map(|one| one.attr("id"))
            .collect();
        let unique: BTreeSet<&str> = ids.iter().copied().collect();
        assert_eq!(ids.len(), unique.len(), "{path}: {ids:?}");
        for field in select(
            &page,
            "input:not([type=hidden]):not([type=radio]):not([type=checkbox]), select, textarea",
        ) {
            let id = field
                .attr("id")
                .unwrap_or_else(|| panic!("{path}: {}", field.html()));
            assert_eq!(
                select(&page, &format!("label[for=\"{id}\"]")).len(),
                1,
                "{path}: {id}"
            );
            assert!(field.attr("placeholder").is_none(), "{path}: {id}");
        }
        // These stand inside of their labels.
        for choice in select(&page, "input[type=radio], input[type=checkbox]") {
            let label = choice.ancestors().filter_map(ElementRef::wrap);
            let label = label
                .map(|around| around.value().name())
                .find(|name| *name == "label");
            assert!(label.is_some(), "{path}: {}", choice.html());
        }
        for named in ["aria-labelledby", "aria-describedby"] {
            for one in select(&page, &format!("[{named}]")) {
                let mut names = one.attr(named).unwrap().split_whitespace();
                assert!(names.all(|name| unique.contains(name)), "{path}: {}", one.html());
            }
        }
        for control in select(&page, "a, button") {
            let text: String = control.text().collect();
            assert!(
                !text.trim().is_empty() || control.attr("aria-label").is_some(),
                "{path}: {}",
                control.html()
            );
        }
    }
}

#[tokio::test]
async fn pictures_keep_their_place_and_are_named_or_silent() {
    for (path, answer) in pages().await {
        let page = answer.page();
        for image in select(&page, "img") {
            for needed in ["alt", "width", "height", "src"] {
                assert!(image.attr(needed).is_some(), "{path}: {}", image.html());
            }
        }
        for icon in select(&page, "svg") {
            assert_eq!(icon.attr("aria-hidden"), Some("true"), "{path}");
        }
    }
}

#[tokio::test]
async fn no_page_needs_what_its_policy_forbids() {
    for (path, answer) in pages().await {
        let page = answer.page();
        assert!(
            select(&page, "[style], style, iframe, object, embed, base").is_empty(),
            "{path}"
        );
        for script in select(&page, "script") {
            assert!(
                script.attr("src").is_some() && script.text().next().is_none(),
                "{path}"
            );
        }
        for element in select(&page, "*") {
            for (name, value) in element.value().attrs() {
                assert!(!name.starts_with("on"), "{path}: {name}");
                // The account is at the issuer.
                if matches!(name, "src" | "href" | "action")
                    && element.attr("rel") != Some("canonical")
                    && !value.ends_with("/account")
                {
                    assert!(
                        value.starts_with('/') || value.starts_with('#'),
                        "{path}: {value}"
                    );
                    assert!(!value.starts_with("//"), "{path}: {value}");
                }
            }
        }
        let csp = answer.header("content-security-policy");
        assert!(
            csp.starts_with("default-src 'none'") && !csp.contains("unsafe"),
            "{path}"
        );
        assert_eq!(answer.header("referrer-policy"), "same-origin", "{path}");
        assert_eq!(
            answer.header("content-type"),
            "text/html; charset=utf-8",
            "{path}"
        );
    }
}

#[tokio::test]
async fn every_page_is_smaller_than_60_kib() {
    for (path, answer) in pages().await {
        assert!(answer.text.len() < 60 * 1024, "{path}: {}", answer.text.len());
    }
}

#[tokio::test]
async fn a_page_of_the_longest_courses_is_still_smaller_than_60_kib() {
    let mut long = crate::stub::course("rust", &"é<&".repeat(40));
    long["sections"] = (0..20)
        .map(|_| {
            let lesson = serde_json::json!({"id": "l", "title": "A lesson with a title of fifty characters, or so", "minutes": 9, "preview": false});
            serde_json::json!({"title": "A section with a title", "lessons": [lesson.clone(), lesson.clone(), lesson.clone(), lesson]})
        })
        .collect();
    let shop = Stub {
        courses: vec![long; 12],
        ..Stub::default()
    }
    .shop()
    .await;
    for path in ["/", "/courses", "/courses/rust"] {
        let size = shop.get(path).await.text.len();
        assert!(size < 60 * 1024, "{path}: {size}");
    }
}
