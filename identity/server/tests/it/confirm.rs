//! `/confirm`: what somebody shows who is signed in, before they change their account.

use crate::harness::second::{Authenticator, verify};
use crate::harness::{Browser, IssuerServer, Seen, claims, lines, on_both_engines, run};
use crate::recovery::is;

const LATE_MS: i64 = 330_000;

/// A page that needs something fresh, in a browser whose proofs are old.
async fn asked(server: &IssuerServer, browser: &Browser) -> Seen {
    server.clock.advance(LATE_MS);
    let url = format!("{}/account/totp/new", server.issuer());
    let page = browser.open(&url, "").await;
    assert_eq!(page.url.path(), "/confirm", "{page:?}");
    page
}

async fn sessions(server: &IssuerServer) -> Vec<String> {
    lines(server.db(), "SELECT id AS line FROM sessions ORDER BY id").await
}

async fn the_password_alone_is_asked_for_and_the_session_stays(server: IssuerServer) {
    let (app, alice) = (server.app("demo-web", "openid"), server.person("alice"));
    let browser = Browser::new();
    let before = app.sign_in(&browser, alice, &[]).await;
    let before = claims(before.id.as_deref().expect("an ID token"));
    let (session, cookie) = (sessions(&server).await, browser.cookie("latchkey-session"));
    let page = asked(&server, &browser).await;
    assert!(page.has("#password") && !page.has("#username"), "{page:?}");
    let wrong = browser.press(&page, "#sign-in", &[("password", "wrong")]).await;
    assert!(is(&wrong, 422, "password_wrong"), "{wrong:?}");
    assert_eq!(browser.cookie("latchkey-session"), cookie);
    let done = browser.press(&page, "#sign-in", &[("password", alice.1)]).await;
    let shown = browser.follow(done, "").await;
    assert!(shown.has("#secret"), "{shown:?}");
    assert_eq!(sessions(&server).await, session, "the same session");
    assert_ne!(browser.cookie("latchkey-session"), cookie, "with another cookie");
    let after = app.sign_in(&browser, ("", ""), &[]).await;
    let after = claims(after.id.as_deref().expect("an ID token"));
    let seconds = |token: &serde_json::Value| token["auth_time"].as_i64().expect("seconds");
    assert_eq!(seconds(&after) - seconds(&before), LATE_MS / 1_000);
    assert_eq!(after["amr"], before["amr"]);
    assert_eq!(after["sid"], before["sid"]);
    server.stop().await;
}

async fn the_second_step_follows_the_password(server: IssuerServer) {
    let (app, alice) = (server.app("demo-web", "openid"), server.person("alice"));
    let browser = Browser::new();
    app.sign_in(&browser, alice, &[]).await;
    let (phone, _) = Authenticator::set_up(&server, &browser).await;
    let session = sessions(&server).await;
    let page = asked(&server, &browser).await;
    let next = browser.press(&page, "#sign-in", &[("password", alice.1)]).await;
    let second = browser.follow(next, "").await;
    assert_eq!(second.url.path(), "/second", "{second:?}");
    let done = verify(&browser, &second, &phone.code(&server)).await;
    let shown = browser.follow(done, "").await;
    assert!(shown.has("#secret"), "{shown:?}");
    assert_eq!(sessions(&server).await, session);
    server.stop().await;
}

/// Whoever is signed in confirms, and nobody else; from this browser alone.
async fn a_confirmation_is_of_this_user_in_this_browser(server: IssuerServer) {
    let (app, alice) = (server.app("demo-web", "openid"), server.person("alice"));
    let (browser, other) = (Browser::new(), Browser::new());
    app.sign_in(&browser, alice, &[]).await;
    let (name, password) = server.person("ines");
    app.sign_in(&other, (name, password), &[]).await;
    let page = asked(&server, &browser).await;
    let fields = [("username", name), ("password", password)];
    let refused = browser.press(&page, "#sign-in", &fields).await;
    assert!(is(&refused, 422, "password_wrong"), "{refused:?}");
    let foreign = other.press(&page, "#sign-in", &[("password", alice.1)]).await;
    assert!(is(&foreign, 403, "foreign_form"), "{foreign:?}");
    let cancelled = browser.press(&page, "#cancel", &[]).await;
    assert_eq!(cancelled.answer.header("location"), "/account");
    let account = browser.open(&format!("{}/account", server.issuer()), "").await;
    assert_eq!(account.url.path(), "/account", "still signed in: {account:?}");
    // Signed out in the meantime, all of it is asked.
    let page = asked(&server, &browser).await;
    run(server.db(), "UPDATE sessions SET ended_at = 1".to_owned()).await;
    let login = browser.open(page.url.as_str(), "").await;
    assert_eq!(login.url.path(), "/login", "{login:?}");
    server.stop().await;
}

on_both_engines! {
    the_password_alone_is_asked_for_and_the_session_stays,
    the_second_step_follows_the_password,
    a_confirmation_is_of_this_user_in_this_browser,
}
