//! Consent is for pairs: a scope at a resource, as the page shows it. Two resources here have a scope of one name.

use latchkey_identity::Seed;

use crate::harness::{App, Browser, IssuerServer, Seen, Tokens, callback, claims, on_both_engines};

const A: &str = "https://a.example.test/api";

const B: &str = "urn:test:b";

const SECRET: &str = "a-secret-that-this-test-has-made-up";

/// A confidential client of both resources, whose consent is remembered.
async fn plant(server: &IssuerServer) -> App {
    let redirect_uri = "https://pairs.test/cb";
    let seed = format!(
        "[[resources]]\nidentifier = \"{A}\"\nscopes = [\"read\", \"write\"]\n\
         [[resources]]\nidentifier = \"{B}\"\nscopes = [\"write\"]\n\
         [[clients]]\nclient_id = \"pairs\"\nclient_secret = \"{SECRET}\"\n\
         grant_types = [\"authorization_code\", \"refresh_token\"]\nredirect_uris = [\"{redirect_uri}\"]\n\
         scope = \"openid read write\"\nresources = [\"{A}\", \"{B}\"]\n"
    );
    let identity = server.identity().clone();
    let seed = Seed::parse(&seed).unwrap();
    identity.seed(seed, "test").await.unwrap();
    App {
        issuer: server.issuer().to_owned(),
        client_id: "pairs".to_owned(),
        secret: Some(SECRET.to_owned()),
        redirect_uri: redirect_uri.to_owned(),
        scope: "openid".to_owned(),
    }
}

/// Somebody who is signed in and has allowed `write` at B, as its page showed it.
async fn writes_at_b(server: &IssuerServer, app: &App) -> Browser {
    let browser = Browser::new();
    let (name, password) = server.person("alice");
    let login = app
        .begin(&browser, &[("scope", "openid write"), ("resource", B)])
        .await;
    let fields = [("username", name), ("password", password)];
    let next = browser.press(&login, "#sign-in", &fields).await;
    let page = browser.follow(next, &app.redirect_uri).await;
    assert!(shows(&page, B, "write") && !shows(&page, A, "write"), "{page:?}");
    assert!(shows(&page, server.issuer(), "openid"), "{page:?}");
    allow(app, &browser, &page).await;
    browser
}

/// Whether the page has a line for this scope at this resource. One of a resource that we have no words for names it.
fn shows(page: &Seen, resource: &str, scope: &str) -> bool {
    let line = format!("[data-scope='{scope}'][data-resource='{resource}']");
    page.has(&line) && (scope == "openid" || page.text(&line).contains(resource))
}

async fn allow(app: &App, browser: &Browser, page: &Seen) -> String {
    let pressed = browser.press(page, "#allow", &[]).await;
    let last = browser.follow(pressed, &app.redirect_uri).await;
    let code = last.location().and_then(|to| callback(&to).code);
    code.unwrap_or_else(|| panic!("{last:?}"))
}

/// The answer to a request that shows no page.
async fn silent(app: &App, browser: &Browser, scope: &str, resources: &[&str]) -> Result<String, String> {
    let mut more = vec![("scope", scope), ("prompt", "none")];
    more.extend(resources.iter().map(|resource| ("resource", *resource)));
    let back = app.walk(browser, ("", ""), &more).await;
    back.code.ok_or_else(|| back.error.unwrap_or_default())
}

/// Audience and scope of a token.
fn target(tokens: &Tokens) -> (String, String) {
    let claims = claims(&tokens.access);
    let text = |name: &str| claims[name].as_str().unwrap_or_default().to_owned();
    (text("aud"), text("scope"))
}

async fn a_yes_to_write_at_one_resource_is_none_at_another(server: IssuerServer) {
    let app = plant(&server).await;
    let browser = writes_at_b(&server, &app).await;
    // It names A and asks for nothing there: no page has to name A, and nothing is allowed there after it.
    app.walk(&browser, ("", ""), &[("resource", A)]).await;

    let refused = silent(&app, &browser, "write", &[A]).await;
    assert_eq!(refused, Err("consent_required".to_owned()));
    let page = app.begin(&browser, &[("scope", "write"), ("resource", A)]).await;
    assert!(page.has("#allow"), "{page:?}");
    assert!(shows(&page, A, "write") && !shows(&page, B, "write"), "{page:?}");
    let code = allow(&app, &browser, &page).await;
    let tokens = Tokens::of(&app.redeem(&code).await);
    assert_eq!(target(&tokens), (A.to_owned(), "write".to_owned()));
    // What is allowed is more, but this grant is for what its request asked.
    let elsewhere = app.refresh_with(tokens.refresh(), &[("resource", B)]).await;
    assert_eq!(elsewhere.code(), "invalid_target", "{elsewhere:?}");

    // Within what both pages showed nothing is asked any more.
    let code = silent(&app, &browser, "openid write", &[A, B]).await;
    let answer = app.redeem_with(&code.unwrap(), &[("resource", A)]).await;
    let tokens = Tokens::of(&answer);
    assert_eq!(target(&tokens), (A.to_owned(), "write".to_owned()));
    let at_b = app.refresh_with(tokens.refresh(), &[("resource", B)]).await;
    assert_eq!(target(&Tokens::of(&at_b)), (B.to_owned(), "write".to_owned()));
    server.stop().await;
}

async fn a_token_has_only_the_scopes_granted_at_its_resource(server: IssuerServer) {
    let app = plant(&server).await;
    let browser = writes_at_b(&server, &app).await;
    let page = app.begin(&browser, &[("scope", "read"), ("resource", A)]).await;
    allow(&app, &browser, &page).await;
    // `read` at A and `write` at B are allowed; `write` at A, which these two lists name as well, is not.
    let refused = silent(&app, &browser, "read write", &[A, B]).await;
    assert_eq!(refused, Err("consent_required".to_owned()));
    let page = app
        .begin(
            &browser,
            &[("scope", "read write"), ("resource", A), ("resource", B)],
        )
        .await;
    for (resource, scope) in [(A, "read"), (A, "write"), (B, "write")] {
        assert!(shows(&page, resource, scope), "{resource} {scope}: {page:?}");
    }
    let new = |resource: &str, scope: &str| {
        let line = format!("[data-scope='{scope}'][data-resource='{resource}'] .badge");
        page.has(&line)
    };
    assert!(new(A, "write") && !new(B, "write") && !new(A, "read"), "{page:?}");

    let code = silent(&app, &browser, "read", &[A]).await.unwrap();
    for elsewhere in [B, server.issuer()] {
        let refused = app.redeem_with(&code, &[("resource", elsewhere)]).await;
        assert_eq!(refused.code(), "invalid_target", "{elsewhere}");
    }
    let tokens = Tokens::of(&app.redeem_with(&code, &[("resource", A)]).await);
    assert_eq!(target(&tokens), (A.to_owned(), "read".to_owned()));
    for (resource, expected) in [(A, "invalid_scope"), (B, "invalid_target")] {
        let more = [("resource", resource), ("scope", "write")];
        let refused = app.refresh_with(tokens.refresh(), &more).await;
        assert_eq!(refused.code(), expected, "{resource}");
    }
    let refused = app.refresh_with(tokens.refresh(), &[("scope", "write")]).await;
    assert_eq!(refused.code(), "invalid_scope");
    server.stop().await;
}

async fn the_account_page_says_where_each_scope_is_allowed(server: IssuerServer) {
    let app = plant(&server).await;
    let browser = writes_at_b(&server, &app).await;
    let account = browser
        .open(&format!("{}/account/applications", server.issuer()), "")
        .await;
    let applications = account.text("#applications");
    assert!(applications.contains(&format!("write at {B}")), "{applications}");
    assert!(!applications.contains(A), "{applications}");
    server.stop().await;
}

#[tokio::test]
async fn a_yes_is_for_what_was_shown_whatever_else_the_address_or_the_form_says() {
    let server = IssuerServer::new().await;
    let (app, browser) = (server.app("demo-web", "openid catalog.read"), Browser::new());
    let (name, password) = server.person("ines");
    let login = app.begin(&browser, &[]).await;
    let fields = [("username", name), ("password", password)];
    let next = browser.press(&login, "#sign-in", &fields).await;
    let consent = browser.follow(next, &app.redirect_uri).await;
    let more = [
        ("scope", "openid catalog.read catalog.write"),
        ("client_id", "demo-native"),
        ("redirect_uri", "https://evil.test/"),
        ("state", "other"),
    ];
    let allowed = browser.press(&consent, "#allow", &more).await;
    assert_eq!(allowed.answer.status, 303, "{allowed:?}");
    let mut next = allowed
        .url
        .join(allowed.answer.header("location"))
        .expect("an address");
    assert_eq!(next.path(), "/continue");
    next.query_pairs_mut().extend_pairs(more);
    let back = browser.get(next.as_str()).await;
    let to = back.location().expect("back to the client");
    assert!(to.as_str().starts_with(&app.redirect_uri), "{to}");
    let back = callback(&to);
    assert_eq!(back.state.as_deref(), Some("s-1"));
    let tokens = Tokens::of(&app.redeem(&back.code.expect("a code")).await);
    assert_eq!(tokens.scope, "catalog.read", "{tokens:?}");
    server.stop().await;
}

#[tokio::test]
async fn rights_that_change_during_consent_are_shown_before_they_count() {
    let server = IssuerServer::new().await;
    let identity = server.identity().clone();
    let scope = "openid catalog.read catalog.write";
    let (app, browser) = (server.app("demo-web", scope), Browser::new());
    let (name, password) = server.person("ines");
    let login = app.begin(&browser, &[]).await;
    let fields = [("username", name), ("password", password)];
    let next = browser.press(&login, "#sign-in", &fields).await;
    let consent = browser.follow(next, &app.redirect_uri).await;
    assert!(
        consent.answer.text.contains("data-scope=\"catalog.write\""),
        "{consent:?}"
    );
    identity
        .users()
        .set_roles(name, Vec::new(), "test")
        .await
        .expect("the roles change");
    let pressed = browser.press(&consent, "#allow", &[]).await;
    assert_eq!(pressed.error(), "foreign_form", "{pressed:?}");
    let back = browser.open(consent.url.as_str(), &app.redirect_uri).await;
    assert!(
        !back.answer.text.contains("data-scope=\"catalog.write\""),
        "{back:?}"
    );
    let allowed = browser.press(&back, "#allow", &[]).await;
    let last = browser.follow(allowed, &app.redirect_uri).await;
    let code = callback(&last.location().expect("back to the client")).code;
    let tokens = Tokens::of(&app.redeem(&code.expect("a code")).await);
    assert_eq!(tokens.scope, "catalog.read");
    server.stop().await;
}

/// AZ-20. RFC 8252 §8.6: whoever is asked for a client that any program may pretend to be is told so, whatever the reason.
#[tokio::test]
async fn the_page_of_an_unproven_client_warns_whenever_it_asks() {
    let server = IssuerServer::new().await;
    let (device, web) = (Browser::new(), Browser::new());
    let unproven = |scope| server.app("demo-browser", scope);
    let warned = |page: &Seen| {
        assert!(page.has("#allow"), "{page:?}");
        page.has("#unproven")
    };
    let (name, password) = server.person("ines");
    for (app, browser, expected) in [
        (unproven("openid"), &device, true),
        (server.app("demo-web", "openid"), &web, false),
    ] {
        let login = app.begin(browser, &[]).await;
        let fields = [("username", name), ("password", password)];
        let next = browser.press(&login, "#sign-in", &fields).await;
        let first = browser.follow(next, &app.redirect_uri).await;
        assert_eq!(warned(&first), expected, "{}, the first time", app.client_id);
        allow(&app, browser, &first).await;
        let prompted = app.begin(browser, &[("prompt", "consent")]).await;
        assert_eq!(warned(&prompted), expected, "{}, prompted", app.client_id);
        let grown = app.begin(browser, &[("scope", "openid profile")]).await;
        assert_eq!(warned(&grown), expected, "{}, for more", app.client_id);
    }
    let again = unproven("openid").begin(&device, &[]).await;
    assert!(warned(&again), "each time");
    server.stop().await;
}

/// Two yeses at once: neither takes back what the other gave.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_yes_in_two_tabs_at_once_allows_both() {
    let server = IssuerServer::new().await;
    let (browser, who) = (Browser::new(), server.person("ines"));
    let full = server.app("demo-web", "openid catalog.read email");
    full.sign_in(&browser, who, &[]).await;
    for _ in 0..10 {
        let tabs = ["openid catalog.read", "openid email"].map(|scope| server.app("demo-web", scope));
        let pages = futures::future::join_all(tabs.iter().map(async |app| {
            let page = app.begin(&browser, &[("prompt", "consent")]).await;
            browser.press(&page, "#allow", &[]).await
        }));
        let mut allowed = pages.await;
        let (one, other) = (allowed.remove(0), allowed.remove(0));
        let uri = full.redirect_uri.as_str();
        let (one, other) = futures::future::join(browser.follow(one, uri), browser.follow(other, uri)).await;
        for seen in [one, other] {
            let back = callback(&seen.location().expect("back to the client"));
            assert!(back.code.is_some(), "{back:?}");
        }
        let silent = full.walk(&browser, ("", ""), &[("prompt", "none")]).await;
        assert!(silent.code.is_some(), "{silent:?}");
        let account = browser
            .open(&format!("{}/account/applications", server.issuer()), "")
            .await;
        browser.press(&account, "[data-client='demo-web']", &[]).await;
    }
    server.stop().await;
}

on_both_engines! {
    a_yes_to_write_at_one_resource_is_none_at_another,
    a_token_has_only_the_scopes_granted_at_its_resource,
    the_account_page_says_where_each_scope_is_allowed,
}
