//! The ladder of authentication: no session begins before policy is met, and clients hear what was proved.

use latchkey_identity::Settings;
use latchkey_protocol::ClientId;
use serde_json::{Map, Value};

use crate::harness::authenticator::Authenticator;
use crate::harness::{App, Browser, IssuerServer, callback, claims, lines, on_both_engines, run};

/// Gives alice a role that needs two factors.
async fn as_admin(server: IssuerServer) -> IssuerServer {
    let role = r#"UPDATE users SET roles = '["admin"]' WHERE username = 'alice'"#;
    run(server.db(), role.to_owned()).await;
    server
}

fn two_factors() -> Settings {
    Settings {
        required_acr: Settings::role_acr(&["admin urn:latchkey:acr:mfa".to_owned()]).unwrap(),
        ..Settings::default()
    }
}

async fn enter(server: &IssuerServer, app: &App, browser: &Browser) -> String {
    let page = app.begin(browser, &[]).await;
    let (name, password) = server.person("alice");
    let next = browser
        .press(&page, "#sign-in", &[("username", name), ("password", password)])
        .await;
    assert_eq!(next.answer.status, 303, "{next:?}");
    next.location().expect("a page").to_string()
}

/// AC-01: the right password alone is nothing where the role needs more.
async fn no_session_begins_before_policy_is_met(server: IssuerServer) {
    let server = as_admin(server).await;
    let (app, browser) = (server.app("demo-web", "openid"), Browser::new());
    let next = enter(&server, &app, &browser).await;
    assert!(next.contains("/required/factor?request="), "{next}");
    assert_eq!(browser.cookie("latchkey-session"), None);
    assert!(
        lines(server.db(), "SELECT id AS line FROM sessions")
            .await
            .is_empty()
    );
    // No address leads past it: neither the next step nor the account page.
    let handle = next.split_once("request=").unwrap().1;
    let go_on = format!("{}/continue?request={handle}", server.issuer());
    let again = browser.get(&go_on).await;
    assert_eq!(again.location().expect("a page").as_str(), next);
    let account = browser.open(&format!("{}/account", server.issuer()), "").await;
    assert!(account.has("#sign-in"), "{account:?}");
    let silent = app.walk(&browser, ("", ""), &[("prompt", "none")]).await;
    assert_eq!(silent.error.as_deref(), Some("login_required"));
    server.stop().await;
}

/// What was gathered belongs to one browser, one user and one epoch of their credentials.
async fn gathered_proofs_are_worth_nothing_elsewhere(server: IssuerServer) {
    let server = as_admin(server).await;
    let (app, browser) = (server.app("demo-web", "openid"), Browser::new());
    let next = enter(&server, &app, &browser).await;
    let handle = next.split_once("request=").unwrap().1;
    let go_on = format!("{}/continue?request={handle}", server.issuer());
    let thief = Browser::new();
    thief.open(&format!("{}/account", server.issuer()), "").await;
    assert_eq!(thief.get(&go_on).await.error(), "other_browser");
    // Another password, and the browser begins again.
    run(
        server.db(),
        "UPDATE users SET credential_epoch = credential_epoch + 1 WHERE username = 'alice'".to_owned(),
    )
    .await;
    let begins = browser.get(&go_on).await.location().expect("a page");
    assert_eq!(begins.path(), "/login");
    server.stop().await;
}

/// To make a passkey proves nothing yet: the session begins with its first answer.
async fn a_required_factor_may_be_a_passkey(server: IssuerServer) {
    let server = as_admin(server).await;
    let (app, browser) = (server.app("demo-web", "openid"), Browser::new());
    let page = browser.open(&enter(&server, &app, &browser).await, "").await;
    let mut authenticator = Authenticator::new();
    let made = authenticator.create(&page).to_string();
    let made = browser
        .press(&page, "#create-passkey", &[("passkey", &made)])
        .await;
    let page = browser.follow(made, "").await;
    assert!(page.has("#passkey-sign-in"), "{page:?}");
    assert!(
        lines(server.db(), "SELECT id AS line FROM sessions")
            .await
            .is_empty()
    );
    let response = authenticator.get(&page).to_string();
    let next = browser
        .press(&page, "#passkey-sign-in", &[("passkey", &response)])
        .await;
    let consent = browser.follow(next, &app.redirect_uri).await;
    assert!(consent.has("#allow"), "{consent:?}");
    let proofs = "SELECT method AS line FROM session_proofs ORDER BY method";
    assert_eq!(lines(server.db(), proofs).await, ["passkey", "password"]);
    server.stop().await;
}

async fn a_client_hears_what_was_proved_and_may_insist(server: IssuerServer) {
    let app = server.app("demo-web", "openid");
    let browser = Browser::new();
    let tokens = app
        .sign_in(&browser, server.person("alice"), &[("acr_values", "phr")])
        .await;
    let token = claims(tokens.id.as_deref().expect("an ID token"));
    // A wish that cannot be fulfilled is no error.
    assert_eq!(token["acr"], "urn:latchkey:acr:password");
    let proofs = "SELECT method AS line FROM session_proofs";
    assert_eq!(lines(server.db(), proofs).await, ["password"]);
    let essential =
        |acr: &str| format!(r#"{{"id_token":{{"acr":{{"essential":true,"values":["{acr}"]}}}}}}"#);
    let unmet = "unmet_authentication_requirements";
    // At once where it does not exist here, where no page may be shown, and where this user has nothing to show on one.
    for (acr, prompt) in [
        ("phrh", ""),
        ("phr", "none"),
        ("phr", ""),
        ("urn:latchkey:acr:mfa", ""),
    ] {
        let claims = essential(acr);
        let seen = browser
            .open(
                &app.request(&[("claims", &claims), ("prompt", prompt)]),
                &app.redirect_uri,
            )
            .await;
        let back = callback(&seen.location().expect("a redirect"));
        assert_eq!(back.error.as_deref(), Some(unmet), "{acr} {prompt}");
    }
    // Who it is shows only after a sign-in.
    let (phr, stranger) = (essential("phr"), Browser::new());
    let page = app.begin(&stranger, &[("claims", &phr)]).await;
    assert!(page.has("#sign-in"), "{page:?}");
    let back = app
        .walk(&stranger, server.person("alice"), &[("claims", &phr)])
        .await;
    assert_eq!(back.error.as_deref(), Some(unmet));
    server.stop().await;
}

#[tokio::test]
async fn a_registration_may_need_a_class_and_names_only_known_ones() {
    let server = IssuerServer::new().await;
    let clients = server.identity().clients();
    let id = ClientId::parse("demo-web").unwrap();
    let needs = |acr: &str| Map::from_iter([("required_acr".to_owned(), Value::from(acr))]);
    assert!(clients.set(&id, needs("phrh"), "test").await.is_err());
    clients.set(&id, needs("phr"), "test").await.unwrap();
    let (app, browser) = (server.app("demo-web", "openid"), Browser::new());
    let next = enter(&server, &app, &browser).await;
    assert!(next.contains("/required/factor?request="), "{next}");
    server.stop().await;
}

mod two_factors_for_admins {
    use super::*;

    mod sqlite {
        use super::*;

        #[tokio::test]
        async fn no_session_begins_before_policy_is_met() {
            let server = IssuerServer::with(|options| options.settings = two_factors()).await;
            super::super::no_session_begins_before_policy_is_met(server).await;
        }

        #[tokio::test]
        async fn gathered_proofs_are_worth_nothing_elsewhere() {
            let server = IssuerServer::with(|options| options.settings = two_factors()).await;
            super::super::gathered_proofs_are_worth_nothing_elsewhere(server).await;
        }

        #[tokio::test]
        async fn a_required_factor_may_be_a_passkey() {
            let server = IssuerServer::with(|options| options.settings = two_factors()).await;
            super::super::a_required_factor_may_be_a_passkey(server).await;
        }
    }

    mod postgresql {
        use super::*;

        #[tokio::test]
        async fn no_session_begins_before_policy_is_met() {
            let server = IssuerServer::on_postgres_with(|options| options.settings = two_factors()).await;
            super::super::no_session_begins_before_policy_is_met(server).await;
        }

        #[tokio::test]
        async fn gathered_proofs_are_worth_nothing_elsewhere() {
            let server = IssuerServer::on_postgres_with(|options| options.settings = two_factors()).await;
            super::super::gathered_proofs_are_worth_nothing_elsewhere(server).await;
        }

        #[tokio::test]
        async fn a_required_factor_may_be_a_passkey() {
            let server = IssuerServer::on_postgres_with(|options| options.settings = two_factors()).await;
            super::super::a_required_factor_may_be_a_passkey(server).await;
        }
    }
}

on_both_engines! {
    a_client_hears_what_was_proved_and_may_insist,
}
