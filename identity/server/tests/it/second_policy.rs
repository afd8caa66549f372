//! Clients and roles that need a second step: enrolment on the way in, and until when it can wait.

use latchkey_identity::Settings;

use crate::harness::second::{Authenticator, after_password, finish, recovery_codes, verify};
use crate::harness::{Browser, IssuerServer, Options, Tokens, claims, lines, run};

/// A client that needs a second step at once, one that needs it from 2027 on, and two that need a passkey.
const CLIENTS: [(&str, &str); 4] = [
    ("strict", "required_acr = \"urn:latchkey:acr:mfa\""),
    (
        "patient",
        "required_acr = \"urn:latchkey:acr:mfa\"\nenrol_by = \"2027-01-01\"",
    ),
    ("vault", "required_acr = \"phr\""),
    ("new-vault", "required_acr = \"phr\"\nenrol_by = \"2027-01-01\""),
];

/// The seed that registers them.
fn clients() -> String {
    let all = CLIENTS.map(|(id, policy)| {
        format!(
            "[[clients]]\nclient_id = \"{id}\"\nclient_name = \"The {id}\"\n\
             token_endpoint_auth_method = \"none\"\ngrant_types = [\"authorization_code\"]\n\
             redirect_uris = [\"http://localhost:3000/callback\"]\nscope = \"openid\"\n{policy}\n"
        )
    });
    all.concat()
}

/// From the beginning of the clocks to that day, in milliseconds.
const TO_2027: i64 = 1_798_761_600_000 - crate::harness::BEGINNING;

fn with_clients(options: &mut Options) {
    options.seed = clients();
}

fn with_roles(options: &mut Options) {
    let entries = [
        "instructor urn:latchkey:acr:mfa 2027-01-01".to_owned(),
        "admin urn:latchkey:acr:mfa".to_owned(),
    ];
    options.seed = clients();
    options.settings = Settings {
        required_acr: Settings::role_acr(&entries).expect("roles"),
        enrol_by: Settings::enrol_by(&entries).expect("dates"),
        ..Settings::default()
    };
}

async fn whoever_has_no_second_step_sets_one_up_on_the_way_in(server: IssuerServer) {
    let (app, alice) = (server.app("strict", "openid"), server.person("alice"));
    let browser = Browser::new();
    let page = after_password(&app, &browser, alice, &[]).await;
    assert!(
        page.has("#why") && page.has("#enable") && !page.has("#later"),
        "{page:?}"
    );
    assert!(
        browser.cookie("latchkey-session").is_none(),
        "no session before policy is met"
    );
    // No address leads around it, and no button that is not there.
    let query = page.url.query().expect("a request").to_owned();
    for path in ["/consent", "/continue", "/second", "/login"] {
        let seen = browser
            .open(&format!("{}{path}?{query}", server.issuer()), &app.redirect_uri)
            .await;
        assert!(seen.has("#enable") || seen.has("#sign-in"), "{path}: {seen:?}");
    }
    let forced = browser.press(&page, "#enable", &[("action", "later")]).await;
    assert_eq!(
        (forced.answer.status, forced.error().as_str()),
        (403, "factor_needed")
    );
    let phone = Authenticator::scan(&page);
    let wrong = browser
        .press(&page, "#enable", &[("code", &phone.wrong_code(&server))])
        .await;
    assert_eq!((wrong.answer.status, wrong.error().as_str()), (422, "code_wrong"));
    let shown = browser
        .press(&page, "#enable", &[("code", &phone.code(&server))])
        .await;
    assert_eq!(recovery_codes(&shown).len(), 10, "{shown:?}");
    let next = shown.url.join(&href(&shown, "#saved")).expect("an address");
    let seen = browser.get(next.as_str()).await;
    let back = finish(&app, &browser, seen).await;
    let answer = app.redeem(&back.code.expect("a code")).await;
    let claims = claims(&Tokens::of(&answer).id.expect("an ID token"));
    assert_eq!(claims["acr"], "urn:latchkey:acr:mfa");

    // With the step it is asked, and not set up again.
    server.clock.advance(30_000);
    let other = Browser::new();
    let page = after_password(&app, &other, alice, &[]).await;
    let done = verify(&other, &page, &phone.code(&server)).await;
    assert!(finish(&app, &other, done).await.code.is_some());
    server.stop().await;
}

async fn a_second_step_can_wait_until_its_date_and_no_longer(server: IssuerServer) {
    let (app, alice) = (server.app("patient", "openid"), server.person("alice"));
    let browser = Browser::new();
    let page = after_password(&app, &browser, alice, &[]).await;
    assert!(page.has("#later"), "{page:?}");
    let later = browser.press(&page, "#later", &[]).await;
    let back = finish(&app, &browser, later).await;
    let answer = app.redeem(&back.code.expect("a code")).await;
    let claims = claims(&Tokens::of(&answer).id.expect("an ID token"));
    assert_eq!(
        claims["acr"], "urn:latchkey:acr:password",
        "what was proved, and no more"
    );
    // It is asked once in a session.
    let seen = app.begin(&browser, &[]).await;
    assert!(!seen.has("#enable") && !seen.has("#later"), "{seen:?}");
    server.clock.advance(TO_2027);
    let page = after_password(&app, &browser, alice, &[]).await;
    assert!(page.has("#enable") && !page.has("#later"), "{page:?}");
    let forced = browser.press(&page, "#enable", &[("action", "later")]).await;
    assert_eq!(forced.error(), "factor_needed", "{forced:?}");
    server.stop().await;
}

/// No session goes on at a client that does not let its users wait, nor silently.
async fn must_set_one_up(server: &IssuerServer, browser: &Browser, client: &str) {
    let app = server.app(client, "openid");
    let page = app.begin(browser, &[]).await;
    assert!(page.has("#enable") && !page.has("#later"), "{client}: {page:?}");
    let forced = browser.press(&page, "#enable", &[("action", "later")]).await;
    assert_eq!(
        (forced.answer.status, forced.error().as_str()),
        (403, "factor_needed"),
        "{client}"
    );
    let silent = app.walk(browser, ("", ""), &[("prompt", "none")]).await;
    assert_eq!(silent.error.as_deref(), Some("login_required"), "{client}");
}

async fn what_one_client_lets_wait_opens_no_other(server: IssuerServer) {
    let (patient, alice) = (server.app("patient", "openid"), server.person("alice"));
    let browser = Browser::new();
    let page = after_password(&patient, &browser, alice, &[]).await;
    let later = browser.press(&page, "#later", &[]).await;
    assert!(finish(&patient, &browser, later).await.code.is_some());
    // A passkey cannot wait, whatever date its client names.
    for client in ["strict", "vault", "new-vault"] {
        must_set_one_up(&server, &browser, client).await;
    }
    // It still waits where it may: nobody signs in on this walk.
    let back = patient.walk(&browser, ("", ""), &[]).await;
    assert!(back.code.is_some(), "{back:?}");
    server.stop().await;
}

async fn what_a_role_lets_wait_opens_no_client_and_no_other_role(server: IssuerServer) {
    let (app, ines) = (server.app("demo-web", "openid"), server.person("ines"));
    let browser = Browser::new();
    let page = after_password(&app, &browser, ines, &[]).await;
    let later = browser.press(&page, "#later", &[]).await;
    assert!(finish(&app, &browser, later).await.code.is_some());
    for client in ["strict", "vault", "new-vault"] {
        must_set_one_up(&server, &browser, client).await;
    }
    let silent = app.walk(&browser, ("", ""), &[("prompt", "none")]).await;
    assert!(silent.code.is_some(), "{silent:?}");
    let promoted = r#"UPDATE users SET roles = '["instructor","admin"]' WHERE username = 'ines'"#;
    run(server.db(), promoted.to_owned()).await;
    must_set_one_up(&server, &browser, "demo-web").await;
    server.stop().await;
}

async fn a_kept_session_does_not_outlive_the_date(server: IssuerServer) {
    let (app, alice) = (server.app("patient", "openid"), server.person("alice"));
    server.clock.advance(TO_2027 - 86_400_000);
    let browser = Browser::new();
    let page = app.begin(&browser, &[]).await;
    let fields = [("username", alice.0), ("password", alice.1), ("keep", "yes")];
    let pressed = browser.press(&page, "#sign-in", &fields).await;
    let page = browser.follow(pressed, &app.redirect_uri).await;
    let later = browser.press(&page, "#later", &[]).await;
    assert!(finish(&app, &browser, later).await.code.is_some());
    server.clock.advance(86_400_000);
    let asked = app.begin(&browser, &[]).await;
    assert!(asked.has("#enable") && !asked.has("#later"), "{asked:?}");
    server.stop().await;
}

async fn administrators_cannot_wait_and_are_not_remembered(server: IssuerServer) {
    let (app, admin) = (server.app("patient", "openid"), server.person("admin"));
    let browser = Browser::new();
    let page = after_password(&app, &browser, admin, &[]).await;
    assert!(page.has("#enable") && !page.has("#later"), "{page:?}");
    let forced = browser.press(&page, "#enable", &[("action", "later")]).await;
    assert_eq!(forced.error(), "factor_needed", "{forced:?}");
    let phone = Authenticator::scan(&page);
    browser
        .press(&page, "#enable", &[("code", &phone.code(&server))])
        .await;
    server.clock.advance(30_000);
    let other = Browser::new();
    let page = after_password(&app, &other, admin, &[]).await;
    assert!(!page.has("#remember"), "{page:?}");
    let code = phone.code(&server);
    let done = other
        .press(&page, "#verify", &[("code", &code), ("remember", "yes")])
        .await;
    assert!(finish(&app, &other, done).await.code.is_some());
    assert!(other.cookie("latchkey-remembered").is_none());
    let rows = lines(server.db(), "SELECT id AS line FROM remembered_devices").await;
    assert!(rows.is_empty());
    server.stop().await;
}

async fn a_remembered_device_meets_policy(server: IssuerServer) {
    let (app, alice) = (server.app("strict", "openid"), server.person("alice"));
    let browser = Browser::new();
    let page = after_password(&app, &browser, alice, &[]).await;
    let phone = Authenticator::scan(&page);
    browser
        .press(&page, "#enable", &[("code", &phone.code(&server))])
        .await;
    server.sign_out(&browser).await;
    server.clock.advance(30_000);
    let page = after_password(&app, &browser, alice, &[]).await;
    let code = phone.code(&server);
    let done = browser
        .press(&page, "#verify", &[("code", &code), ("remember", "yes")])
        .await;
    assert!(finish(&app, &browser, done).await.code.is_some());
    server.sign_out(&browser).await;
    let done = after_password(&app, &browser, alice, &[]).await;
    let back = finish(&app, &browser, done).await;
    let answer = app.redeem(&back.code.expect("a code")).await;
    let claims = claims(&Tokens::of(&answer).id.expect("an ID token"));
    assert_eq!(claims["acr"], "urn:latchkey:acr:password");
    server.stop().await;
}

async fn a_remembered_device_stands_for_no_passkey(server: IssuerServer) {
    let (app, alice) = (server.app("strict", "openid"), server.person("alice"));
    let browser = Browser::new();
    let page = after_password(&app, &browser, alice, &[]).await;
    let phone = Authenticator::scan(&page);
    browser
        .press(&page, "#enable", &[("code", &phone.code(&server))])
        .await;
    server.sign_out(&browser).await;
    server.clock.advance(30_000);
    let page = after_password(&app, &browser, alice, &[]).await;
    let fields = [("code", phone.code(&server)), ("remember", "yes".to_owned())];
    let fields = fields.each_ref().map(|(name, value)| (*name, value.as_str()));
    let done = browser.press(&page, "#verify", &fields).await;
    assert!(finish(&app, &browser, done).await.code.is_some());
    server.sign_out(&browser).await;

    let vault = server.app("vault", "openid");
    let page = after_password(&vault, &browser, alice, &[]).await;
    assert!(page.has("#verify"), "{page:?}");
    assert!(browser.cookie("latchkey-session").is_none());
    // Nor in a session that began where the device was enough.
    let done = after_password(&app, &browser, alice, &[]).await;
    assert!(finish(&app, &browser, done).await.code.is_some());
    let silent = vault.walk(&browser, ("", ""), &[("prompt", "none")]).await;
    assert_eq!(silent.error.as_deref(), Some("login_required"));
    let page = vault.begin(&browser, &[]).await;
    assert!(page.has("#verify"), "{page:?}");
    // And a code is no passkey.
    server.clock.advance(30_000);
    let done = verify(&browser, &page, &phone.code(&server)).await;
    let page = browser.follow(done, &vault.redirect_uri).await;
    assert!(page.has("#create-passkey") && !page.has("#later"), "{page:?}");
    server.stop().await;
}

async fn a_role_asks_for_a_second_step_everywhere(server: IssuerServer) {
    let app = server.app("demo-web", "openid");
    for (name, waits) in [("alice", None), ("ines", Some(true)), ("admin", Some(false))] {
        let page = after_password(&app, &Browser::new(), server.person(name), &[]).await;
        assert_eq!(page.has("#enable"), waits.is_some(), "{name}: {page:?}");
        assert_eq!(page.has("#later"), waits == Some(true), "{name}: {page:?}");
        // At the account page, too.
        let browser = Browser::new();
        let page = browser.open(&format!("{}/account", server.issuer()), "").await;
        let (name, password) = server.person(name);
        let fields = [("username", name), ("password", password)];
        let pressed = browser.press(&page, "#sign-in", &fields).await;
        let page = browser.follow(pressed, "").await;
        assert_eq!(page.has("#enable"), waits.is_some(), "{name}: {page:?}");
    }
    server.stop().await;
}

fn href(page: &crate::harness::Seen, selector: &str) -> String {
    let document = scraper::Html::parse_document(&page.answer.text);
    let found = document
        .select(&scraper::Selector::parse(selector).expect("a selector"))
        .next();
    let value = found.and_then(|element| element.value().attr("href").map(str::to_owned));
    value.unwrap_or_else(|| panic!("no {selector}: {}", page.answer.text))
}

/// A test on SQLite and one on PostgreSQL, with what the operator has decided.
macro_rules! with_policy {
    ($($name:ident: $options:ident,)*) => {
        mod sqlite {
            $(#[tokio::test]
            async fn $name() {
                super::$name(super::IssuerServer::with(super::$options).await).await;
            })*
        }

        mod postgresql {
            $(#[tokio::test]
            async fn $name() {
                super::$name(super::IssuerServer::on_postgres_with(super::$options).await).await;
            })*
        }
    };
}

with_policy! {
    whoever_has_no_second_step_sets_one_up_on_the_way_in: with_clients,
    a_second_step_can_wait_until_its_date_and_no_longer: with_clients,
    what_one_client_lets_wait_opens_no_other: with_clients,
    what_a_role_lets_wait_opens_no_client_and_no_other_role: with_roles,
    a_kept_session_does_not_outlive_the_date: with_clients,
    administrators_cannot_wait_and_are_not_remembered: with_clients,
    a_remembered_device_meets_policy: with_clients,
    a_remembered_device_stands_for_no_passkey: with_clients,
    a_role_asks_for_a_second_step_everywhere: with_roles,
}
