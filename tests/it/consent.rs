//! Consent is for pairs: a scope at a resource, as the page shows it. Two resources here have a scope of one name.

use latchkey_identity::Seed;

use crate::harness::{App, Browser, Seen, TestServer, Tokens, callback, claims, on_both_engines};

const A: &str = "https://a.example.test/api";
const B: &str = "urn:test:b";
const SECRET: &str = "a-secret-that-this-test-has-made-up";

/// A confidential client of both resources, whose consent is remembered.
async fn plant(server: &TestServer) -> App {
    let redirect_uri = "https://pairs.test/cb";
    let seed = format!(
        "[[resources]]\nidentifier = \"{A}\"\nscopes = [\"read\", \"write\"]\n\
         [[resources]]\nidentifier = \"{B}\"\nscopes = [\"write\"]\n\
         [[clients]]\nclient_id = \"pairs\"\nclient_secret = \"{SECRET}\"\n\
         grant_types = [\"authorization_code\", \"refresh_token\"]\nredirect_uris = [\"{redirect_uri}\"]\n\
         scope = \"openid read write\"\nresources = [\"{A}\", \"{B}\"]\n"
    );
    let identity = server.running().identity.clone().unwrap();
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
async fn writes_at_b(server: &TestServer, app: &App) -> Browser {
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

async fn a_yes_to_write_at_one_resource_is_none_at_another(server: TestServer) {
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

async fn a_token_has_only_the_scopes_granted_at_its_resource(server: TestServer) {
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

async fn the_account_page_says_where_each_scope_is_allowed(server: TestServer) {
    let app = plant(&server).await;
    let browser = writes_at_b(&server, &app).await;
    let account = browser.open(&format!("{}/account", server.issuer()), "").await;
    let applications = account.text("#applications");
    assert!(applications.contains(&format!("write at {B}")), "{applications}");
    assert!(!applications.contains(A), "{applications}");
    server.stop().await;
}

on_both_engines! {
    a_yes_to_write_at_one_resource_is_none_at_another,
    a_token_has_only_the_scopes_granted_at_its_resource,
    the_account_page_says_where_each_scope_is_allowed,
}
