//! The page of connected accounts.

use serde_json::json;

use crate::harness::{Browser, IssuerServer, Seen, lines, run};
use crate::linking::{
    StandIn, by_provider, connect, connected, issuer, on_both, person, providers, signed_in,
};
use crate::recovery::{ALICE, is, links, records};

/// Removes the account, and signs out nothing else.
async fn remove_alone(browser: &Browser, page: &Seen) -> Seen {
    let form = page.form("#remove-op");
    let pairs: Vec<(&str, &str)> = form
        .pairs
        .iter()
        .filter(|(name, _)| name != "everywhere")
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    let to = page.url.join(&form.action).unwrap();
    let origin = page.url.origin().ascii_serialization();
    browser.post(to.as_str(), &origin, &pairs).await
}

async fn is_signed_in(server: &IssuerServer, browser: &Browser) -> bool {
    let account = format!("{}/account", server.issuer());
    !browser.open(&account, "").await.has("#sign-in")
}

async fn the_list_names_the_provider_and_shows_little_of_the_account(postgres: bool) {
    let op = StandIn::start().await;
    let server = issuer(postgres, &op, |_, _| {}).await;
    let browser = signed_in(&server, "alice").await;
    let account = browser.open(&format!("{}/account", server.issuer()), "").await;
    assert!(
        account.has("#to-providers[href='/account/providers']"),
        "{account:?}"
    );
    let empty = providers(&server, &browser).await;
    assert!(empty.has("#connect-op") && !empty.has("#remove-op"), "{empty:?}");
    op.say(person("s1", "ada@op.test"));
    connect(&server, &op, &browser).await;
    let page = providers(&server, &browser).await;
    assert!(page.has("#remove-op") && !page.has("#connect-op"), "{page:?}");
    assert!(page.text("#providers").contains("a…@op.test"), "{page:?}");
    assert!(!page.text("#providers").contains("ada@op.test"));
    let shown = server.identity().users().show("alice").await.unwrap();
    assert_eq!(shown.providers, ["op"]);
    server.stop().await;
}

async fn the_only_way_to_sign_in_cannot_be_removed(postgres: bool) {
    let op = StandIn::start().await;
    let server = issuer(postgres, &op, |_, _| {}).await;
    op.say(person("s1", "ada@op.test"));
    let browser = signed_in(&server, "alice").await;
    connect(&server, &op, &browser).await;
    let without = "UPDATE users SET password_hash = NULL WHERE username = 'alice'";
    run(server.db(), without.to_owned()).await;
    let page = providers(&server, &browser).await;
    let kept = browser.press(&page, "#remove-op", &[]).await;
    assert!(is(&kept, 409, "last_way"), "{kept:?}");
    let kept = remove_alone(&browser, &page).await;
    assert!(is(&kept, 409, "last_way"), "{kept:?}");
    assert_eq!(connected(&server).await, ["alice s1"]);
    server.stop().await;
}

async fn an_account_is_removed_with_the_sessions_that_rest_on_it(postgres: bool) {
    let op = StandIn::start().await;
    let server = issuer(postgres, &op, |_, _| {}).await;
    op.say(person("s1", "ada@op.test"));
    let here = signed_in(&server, "alice").await;
    let other = signed_in(&server, "alice").await;
    connect(&server, &op, &here).await;
    let (app, there) = (server.app("demo-web", "openid"), Browser::new());
    by_provider(&server, &op, &app, &there).await;
    assert!(is_signed_in(&server, &there).await);
    let epoch = "SELECT credential_epoch || '' AS line FROM users WHERE username = 'alice'";
    let before = lines(server.db(), epoch).await;
    let page = providers(&server, &here).await;
    let removed = remove_alone(&here, &page).await;
    assert_eq!(
        removed.answer.header("location"),
        "/account/providers?done=removed",
        "{removed:?}"
    );
    assert!(!is_signed_in(&server, &there).await);
    assert!(is_signed_in(&server, &here).await && is_signed_in(&server, &other).await);
    assert!(connected(&server).await.is_empty());
    assert_ne!(lines(server.db(), epoch).await, before);
    assert_eq!(links(&server, ALICE, "provider_removed").await.len(), 1);
    assert!(
        records(&server, "upstream.")
            .await
            .contains(&"upstream.unlinked".to_owned())
    );
    server.stop().await;
}

async fn everything_else_is_signed_out_unless_the_box_is_cleared(postgres: bool) {
    let op = StandIn::start().await;
    let server = issuer(postgres, &op, |_, _| {}).await;
    op.say(person("s1", "ada@op.test"));
    let here = signed_in(&server, "alice").await;
    let other = signed_in(&server, "alice").await;
    connect(&server, &op, &here).await;
    let page = providers(&server, &here).await;
    let removed = here.press(&page, "#remove-op", &[]).await;
    let after = here.follow(removed, "").await;
    assert!(after.has("[role='status']"), "{after:?}");
    assert!(!is_signed_in(&server, &other).await);
    server.stop().await;
}

async fn nobody_removes_the_account_of_another(postgres: bool) {
    let op = StandIn::start().await;
    let server = issuer(postgres, &op, |_, _| {}).await;
    op.say(json!({ "sub": "s1" }));
    connect(&server, &op, &signed_in(&server, "alice").await).await;
    op.say(json!({ "sub": "s2" }));
    let ines = signed_in(&server, "ines").await;
    connect(&server, &op, &ines).await;
    let hers = "SELECT i.id AS line FROM upstream_identities i JOIN users u ON u.id = i.user_id \
                WHERE u.username = 'alice'";
    let hers = lines(server.db(), hers).await.remove(0);
    let page = providers(&server, &ines).await;
    ines.press(&page, "#remove-op", &[("id", &hers)]).await;
    assert_eq!(connected(&server).await, ["alice s1", "ines s2"]);
    server.stop().await;
}

on_both! {
    the_list_names_the_provider_and_shows_little_of_the_account,
    the_only_way_to_sign_in_cannot_be_removed,
    an_account_is_removed_with_the_sessions_that_rest_on_it,
    everything_else_is_signed_out_unless_the_box_is_cleared,
    nobody_removes_the_account_of_another,
}
