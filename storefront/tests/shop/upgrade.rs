//! A sign-in from before an upgrade that calls more services: it did not ask for them, and another one does.

use latchkey_contracts::resource::{inventory, order};
use latchkey_db::sql;
use serde_json::json;

use crate::backends::{Backends, everything};
use crate::issuer::callback;

/// What a sign-in from before the upgrade has in its row.
const BEFORE: [&str; 2] = [
    // Less was asked for.
    "UPDATE logins SET asked_scope = asked_scope",
    // What was asked for is not known.
    "UPDATE logins SET asked_resources = '', asked_scope = ''",
];

#[tokio::test]
async fn a_sign_in_from_before_an_upgrade_is_renewed_without_a_word() {
    let backends = Backends::start().await;
    everything(&backends);
    for before in BEFORE {
        for old in backends.sites("upgrade_renewed").await {
            old.issuer.grant_what_is_asked();
            let browser = old.browser();
            browser.sign_in("alice").await;
            old.db.write_one(sql(before)).await.unwrap();
            let first = old.issuer.redeemed();
            let new = old.upgraded(&backends.url);
            let browser = browser.at(&new);
            // Pages that need nothing new go on with the sign-in that there is.
            assert_eq!(browser.who().await.as_deref(), Some("Name of alice"));
            assert_eq!(old.issuer.redeemed(), first, "{before}");
            let (path, page) = browser.follow("/orders", "alice").await;
            assert_eq!((path.as_str(), page.status), ("/orders", 200), "{}", page.text);
            assert!(page.text.contains("LK-2026-000123"), "{}", page.text);
            let redeemed = old.issuer.redeemed();
            assert_eq!(redeemed.len(), 2, "{before}: {redeemed:?}");
            assert!(
                old.issuer.has_back(&format!("refresh-alice-{}", first[0])),
                "{before}"
            );
            // And everything else by the same sign-in.
            for path in ["/library", "/wallet", "/orders"] {
                assert_eq!(browser.get(path).await.status, 200, "{path}");
            }
            assert_eq!(old.issuer.redeemed(), redeemed, "{before}");
        }
    }
}

/// A scope that is new at a service that was called before: its tokens lack it, and the service says so.
#[tokio::test]
async fn a_denied_call_of_an_older_sign_in_leads_to_signing_in_once() {
    let backends = Backends::start().await;
    everything(&backends);
    backends.give(
        "alice",
        "GET /order/v1/orders",
        403,
        json!({"code": "insufficient_scope"}),
    );
    for site in backends.sites("upgrade_scope").await {
        let browser = site.browser();
        browser.sign_in("alice").await;
        let statement = "UPDATE logins SET asked_scope = 'openid profile'";
        site.db.write_one(sql(statement)).await.unwrap();
        // The sign-in of today is denied, too: it is not repeated.
        let (path, page) = browser.follow("/orders", "alice").await;
        assert_eq!((path.as_str(), page.status), ("/orders", 403), "{}", page.text);
        assert_eq!(site.issuer.redeemed().len(), 2);
    }
}

#[tokio::test]
async fn an_issuer_that_lacks_a_resource_is_not_asked_round_in_a_circle() {
    let backends = Backends::start().await;
    everything(&backends);
    for old in backends.sites("upgrade_circle").await {
        old.issuer.grant_what_is_asked();
        old.issuer.forget(order::RESOURCE.audience);
        let browser = old.browser();
        browser.sign_in("alice").await;
        let new = old.upgraded(&backends.url);
        let browser = browser.at(&new);
        // It leaves the resource out of what it grants: one sign-in, which is not repeated.
        for _ in 0..2 {
            let (path, page) = browser.follow("/orders", "alice").await;
            assert_eq!((path.as_str(), page.status), ("/orders", 503), "{}", page.text);
            assert_eq!(old.issuer.redeemed().len(), 2);
        }
        // The others are not affected.
        assert_eq!(browser.get("/library").await.status, 200);
    }
}

#[tokio::test]
async fn an_issuer_that_refuses_the_request_for_more_is_a_page_and_no_circle() {
    let backends = Backends::start().await;
    everything(&backends);
    for old in backends.sites("upgrade_refused").await {
        old.issuer.grant_what_is_asked();
        let browser = old.browser();
        browser.sign_in("alice").await;
        let new = old.upgraded(&backends.url);
        let browser = browser.at(&new);
        let to_sign_in = browser.get("/library").await;
        let to_issuer = browser.get(to_sign_in.header("location")).await;
        let request = url::Url::parse(to_issuer.header("location")).unwrap();
        let asked: Vec<_> = request
            .query_pairs()
            .filter(|(name, _)| name == "resource")
            .collect();
        assert!(
            asked
                .iter()
                .any(|(_, resource)| resource == inventory::RESOURCE.audience),
            "{request}"
        );
        let state = request.query_pairs().find(|(name, _)| name == "state").unwrap().1;
        let back = callback(&[
            ("error", "invalid_target"),
            ("state", &state),
            ("iss", &old.issuer.url),
        ]);
        let page = browser.get(&back).await;
        assert_eq!(
            (page.status, page.headers.get("location")),
            (400, None),
            "{}",
            page.text
        );
        // What the sign-in of before can do, it still can.
        assert_eq!(browser.who().await.as_deref(), Some("Name of alice"));
    }
}
