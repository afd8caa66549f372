//! A new version of the terms: a step of the next sign-in, which no address leads around.

use std::collections::BTreeMap;

use latchkey_protocol::Timestamp;
use latchkey_protocol::sign_up::Terms;

use crate::harness::second::after_password;
use crate::harness::{BEGINNING, Browser, IssuerServer, Options, callback, lines, run};

const HOUR_MS: i64 = 3_600_000;
const FIVE_MINUTES_MS: i64 = 300_000;

fn terms() -> Terms {
    Terms {
        version: "2".to_owned(),
        url: "https://shop.test/terms".to_owned(),
        urls: BTreeMap::from([("tr".to_owned(), "https://shop.test/tr/terms".to_owned())]),
        ..Terms::default()
    }
}

fn at_once(options: &mut Options) {
    options.settings.sign_up.terms = Some(terms());
}

/// They are asked for in an hour, and can wait five minutes longer.
fn from_a_day_on(options: &mut Options) {
    options.settings.sign_up.terms = Some(Terms {
        effective_at: Some(Timestamp(BEGINNING + HOUR_MS)),
        accept_by: Some(Timestamp(BEGINNING + HOUR_MS + FIVE_MINUTES_MS)),
        ..terms()
    });
}

async fn accepted(server: &IssuerServer) -> Vec<String> {
    let all = "SELECT u.username || ' ' || t.version || ' ' || t.locale AS line \
               FROM terms_acceptances t JOIN users u ON u.id = t.user_id ORDER BY t.version";
    lines(server.db(), all).await
}

async fn a_new_version_is_accepted_before_there_is_a_session(server: IssuerServer) {
    let (app, alice) = (server.app("demo-web", "openid"), server.person("alice"));
    let browser = Browser::new();
    let page = after_password(&app, &browser, alice, &[]).await;
    assert!(
        page.has("#accept") && page.has("#refuse") && !page.has("#later"),
        "{page:?}"
    );
    assert!(page.has("#read[href='https://shop.test/terms']"), "{page:?}");
    assert!(browser.cookie("latchkey-session").is_none(), "no session yet");
    let query = page.url.query().expect("a request").to_owned();
    for path in ["/consent", "/continue", "/second", "/login", "/required/factor"] {
        let url = format!("{}{path}?{query}", server.issuer());
        let seen = browser.open(&url, &app.redirect_uri).await;
        assert!(seen.has("#accept") || seen.has("#sign-in"), "{path}: {seen:?}");
    }
    let forced = browser.press(&page, "#accept", &[("action", "later")]).await;
    assert_eq!(
        (forced.answer.status, forced.error().as_str()),
        (403, "terms_needed")
    );
    assert!(accepted(&server).await.is_empty());
    let pressed = browser.press(&page, "#accept", &[]).await;
    let consent = browser.follow(pressed, &app.redirect_uri).await;
    assert!(consent.has("#allow"), "{consent:?}");
    assert_eq!(accepted(&server).await, ["alice 2 en"]);
    let told = "SELECT kind AS line FROM audit WHERE kind LIKE 'terms.%'";
    assert_eq!(lines(server.db(), told).await, ["terms.accepted"]);
    let again = after_password(&app, &Browser::new(), alice, &[]).await;
    assert!(again.has("#allow"), "once for each version: {again:?}");
    server.stop().await;
}

async fn an_older_version_shows_the_page_again(server: IssuerServer) {
    let before = "INSERT INTO terms_acceptances (user_id, version, locale, accepted_at) \
                  SELECT id, '1', 'en', 1 FROM users WHERE username = 'alice'";
    run(server.db(), before.to_owned()).await;
    let (app, alice) = (server.app("demo-web", "openid"), server.person("alice"));
    let browser = Browser::new();
    let page = after_password(&app, &browser, alice, &[]).await;
    assert!(
        page.has("#accept"),
        "the first version is not the second: {page:?}"
    );
    for version in ["1", "", "2 ", "3"] {
        let old = browser.press(&page, "#accept", &[("version", version)]).await;
        assert_eq!(
            (old.answer.status, old.error().as_str()),
            (403, "terms_needed"),
            "{version:?}"
        );
    }
    assert_eq!(accepted(&server).await, ["alice 1 en"]);
    assert!(browser.cookie("latchkey-session").is_none());
    server.stop().await;
}

async fn terms_can_wait_from_one_day_until_another(server: IssuerServer) {
    let (app, alice) = (server.app("demo-web", "openid"), server.person("alice"));
    let early = after_password(&app, &Browser::new(), alice, &[]).await;
    assert!(early.has("#allow"), "nothing is asked yet: {early:?}");
    server.clock.advance(HOUR_MS);
    let browser = Browser::new();
    let page = after_password(&app, &browser, alice, &[]).await;
    assert!(page.has("#accept") && page.has("#until"), "{page:?}");
    let later = browser.press(&page, "#later", &[]).await;
    let consent = browser.follow(later, &app.redirect_uri).await;
    assert!(consent.has("#allow"), "{consent:?}");
    assert!(accepted(&server).await.is_empty());
    let open = Browser::new();
    let page = after_password(&app, &open, alice, &[]).await;
    assert!(page.has("#later"), "the next sign-in asks again: {page:?}");
    server.clock.advance(FIVE_MINUTES_MS);
    let late = open.press(&page, "#later", &[]).await;
    assert_eq!(
        (late.answer.status, late.error().as_str()),
        (403, "terms_needed"),
        "the day is over"
    );
    assert!(late.has("#accept") && !late.has("#later"), "{late:?}");
    assert!(open.cookie("latchkey-session").is_none());
    server.stop().await;
}

async fn whoever_refuses_the_terms_is_signed_out(server: IssuerServer) {
    let (app, alice) = (server.app("demo-web", "openid"), server.person("alice"));
    let browser = Browser::new();
    let account = format!("{}/account", server.issuer());
    server.clock.advance(HOUR_MS - FIVE_MINUTES_MS);
    let early = after_password(&app, &browser, alice, &[]).await;
    assert!(early.has("#allow"), "{early:?}");
    assert!(browser.open(&account, "").await.has("#checkup"), "a session");
    server.clock.advance(2 * FIVE_MINUTES_MS);
    let page = app.begin(&browser, &[("prompt", "login")]).await;
    let fields = [("username", alice.0), ("password", alice.1)];
    let pressed = browser.press(&page, "#sign-in", &fields).await;
    let page = browser.follow(pressed, &app.redirect_uri).await;
    assert!(page.has("#refuse") && !page.has("#later"), "{page:?}");
    let refused = browser.press(&page, "#refuse", &[]).await;
    let back = browser.follow(refused, &app.redirect_uri).await;
    let back = callback(&back.location().expect("the application"));
    assert_eq!(back.error.as_deref(), Some("access_denied"));
    let account = browser.open(&account, "").await;
    assert!(account.has("#sign-in"), "signed out: {account:?}");
    assert!(accepted(&server).await.is_empty());
    server.stop().await;
}

/// ID-03.
async fn the_terms_of_one_browser_are_not_accepted_in_another(server: IssuerServer) {
    let (app, alice) = (server.app("demo-web", "openid"), server.person("alice"));
    let (browser, eve) = (Browser::new(), Browser::new());
    let page = after_password(&app, &browser, alice, &[]).await;
    let mine = after_password(&app, &eve, server.person("ines"), &[]).await;
    assert!(mine.has("#accept"), "{mine:?}");
    let stolen = eve.press(&page, "#accept", &[]).await;
    assert_eq!(
        (stolen.answer.status, stolen.error().as_str()),
        (403, "foreign_form")
    );
    let opened = eve.get(page.url.as_str()).await;
    assert!(
        opened.answer.status >= 400 && !opened.has("#accept"),
        "{opened:?}"
    );
    assert!(accepted(&server).await.is_empty());
    server.stop().await;
}

macro_rules! with_terms {
    ($($change:ident: $name:ident,)*) => {
        mod sqlite {
            $(#[tokio::test]
            async fn $name() {
                super::$name(super::IssuerServer::with(super::$change).await).await;
            })*
        }

        mod postgresql {
            $(#[tokio::test]
            async fn $name() {
                super::$name(super::IssuerServer::on_postgres_with(super::$change).await).await;
            })*
        }
    };
}

with_terms! {
    at_once: a_new_version_is_accepted_before_there_is_a_session,
    at_once: an_older_version_shows_the_page_again,
    at_once: the_terms_of_one_browser_are_not_accepted_in_another,
    from_a_day_on: terms_can_wait_from_one_day_until_another,
    from_a_day_on: whoever_refuses_the_terms_is_signed_out,
}
