//! Signing in by a mailed code, where the operator has turned it on; and what a stranger must not learn or win by it.

use latchkey_identity::Settings;
use latchkey_protocol::ClientId;
use serde_json::{Map, Value, json};

use crate::harness::second::{Authenticator, at_second, finish, verify};
use crate::harness::{App, Browser, IssuerServer, Seen, claims, lines, run};
use crate::recovery::{ALICE, is};

fn by_code() -> Settings {
    Settings {
        mail_code: true,
        ..Settings::default()
    }
}

macro_rules! with_codes_on_both_engines {
    ($($name:ident,)*) => {
        mod sqlite {
            $(#[tokio::test]
            async fn $name() {
                let with = |options: &mut crate::harness::Options| options.settings = super::by_code();
                super::$name(crate::harness::IssuerServer::with(with).await).await;
            })*
        }

        mod postgresql {
            $(#[tokio::test]
            async fn $name() {
                let with = |options: &mut crate::harness::Options| options.settings = super::by_code();
                super::$name(crate::harness::IssuerServer::on_postgres_with(with).await).await;
            })*
        }
    };
}

/// The page of the sign-in's code, from the sign-in page of an application.
async fn code_page(app: &App, browser: &Browser, more: &[(&str, &str)]) -> Seen {
    let login = app.begin(browser, more).await;
    let link = login.answer.attributes("#mail-code", "href").swap_remove(0);
    browser
        .get(login.url.join(&link).expect("an address").as_str())
        .await
}

/// Asks for a code; the page that takes it.
pub async fn asked(app: &App, browser: &Browser, name: &str) -> Seen {
    let page = code_page(app, browser, &[]).await;
    browser.press(&page, "#send", &[("username", name)]).await
}

async fn code(server: &IssuerServer) -> String {
    let mail = server.mail_to(ALICE).await;
    assert_eq!(mail.purpose, "sign_in_code", "{mail:?}");
    mail.code().to_owned()
}

fn other_than(code: &str) -> &'static str {
    if code == "111111" { "222222" } else { "111111" }
}

async fn a_mailed_code_signs_in_and_the_client_hears_of_it(server: IssuerServer) {
    let (app, browser) = (server.app("demo-web", "openid"), Browser::new());
    let page = asked(&app, &browser, "alice").await;
    assert!(page.has("#code[autocomplete='one-time-code']"), "{page:?}");
    let code = code(&server).await;
    let done = verify(&browser, &page, &code).await;
    assert_eq!(done.answer.status, 303, "{done:?}");
    let back = finish(&app, &browser, done).await;
    let answer = app.redeem(back.code.as_deref().expect("a code")).await;
    let token = claims(answer.json()["id_token"].as_str().expect("a token"));
    assert_eq!(token["acr"], "urn:latchkey:acr:email");
    assert_eq!(token["amr"], json!(["email"]));
    assert_eq!(token["sub"], server.user_id("alice").await);
    let url = format!("{}/.well-known/openid-configuration", server.issuer());
    let discovery = browser.get(&url).await.answer.json();
    assert_eq!(discovery["acr_values_supported"][0], "urn:latchkey:acr:email");
    // Once.
    let other = Browser::new();
    let again = asked_later(&server, &app, &other).await;
    let used = verify(&other, &again, &code).await;
    assert!(is(&used, 422, "code_wrong"), "{used:?}");
    server.stop().await;
}

async fn asked_later(server: &IssuerServer, app: &App, browser: &Browser) -> Seen {
    server.clock.advance(61_000);
    asked(app, browser, "alice").await
}

/// AC-04: nothing shows who exists, or who has something stronger.
async fn every_name_gets_the_same_page_and_the_same_answers(server: IssuerServer) {
    let _hers = crate::passkeys::with_passkey(&server).await;
    let unproved = "UPDATE users SET email_verified_at = NULL WHERE username = 'ines'";
    run(server.db(), unproved.to_owned()).await;
    let app = server.app("demo-web", "openid");
    let mut seen = Vec::new();
    for name in ["nobody", "alice", "ines", "admin", "admin@example.test"] {
        let browser = Browser::new();
        let page = asked(&app, &browser, name).await;
        let wrong = verify(&browser, &page, "000000").await;
        seen.push((
            page.answer.status,
            page.answer.texts("main"),
            wrong.answer.status,
            wrong.error(),
        ));
    }
    for other in &seen {
        assert_eq!(*other, seen[0]);
    }
    assert_eq!((seen[0].0, seen[0].3.as_str()), (200, "code_wrong"));
    let sent = "SELECT purpose AS line FROM mail WHERE purpose = 'sign_in_code' AND sealed IS NOT NULL";
    assert!(lines(server.db(), sent).await.is_empty());
    let proofs = "SELECT purpose AS line FROM one_time_proofs WHERE purpose = 'sign_in'";
    assert_eq!(lines(server.db(), proofs).await.len(), 5, "the same work");
    server.stop().await;
}

/// AC-06. Six digits are no secret against guesses.
async fn a_code_is_tried_five_times_and_in_its_own_browser(server: IssuerServer) {
    let (app, browser) = (server.app("demo-web", "openid"), Browser::new());
    let page = asked(&app, &browser, "alice").await;
    let code = code(&server).await;
    let thief = Browser::new();
    let elsewhere = code_page(&app, &thief, &[]).await;
    let url = format!("{}/login/code", server.issuer());
    let mut pairs = elsewhere.form("#send").pairs;
    pairs.retain(|(name, _)| name == "request" || name == "token");
    let mut fields: Vec<(&str, &str)> = pairs.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    fields.extend([
        ("username", "alice"),
        ("action", "verify"),
        ("code", code.as_str()),
    ]);
    let stolen = thief.post(&url, server.issuer(), &fields).await;
    assert!(is(&stolen, 422, "code_wrong"), "{stolen:?}");
    let foreign = thief.press(&page, "#verify", &[("code", &code)]).await;
    assert!(is(&foreign, 403, "foreign_form"), "{foreign:?}");
    for turn in 0..5 {
        let wrong = verify(&browser, &page, other_than(&code)).await;
        assert!(is(&wrong, 422, "code_wrong"), "{turn}: {wrong:?}");
    }
    let late = verify(&browser, &page, &code).await;
    assert!(is(&late, 422, "code_expired"), "{late:?}");
    assert_eq!(browser.cookie("latchkey-session"), None);
    server.stop().await;
}

/// One count with passwords: whoever guesses at both does not have twice as many guesses.
async fn guesses_at_codes_and_passwords_are_one_count(server: IssuerServer) {
    let (app, browser) = (server.app("demo-web", "openid"), Browser::new());
    let page = asked(&app, &browser, "alice").await;
    let code = code(&server).await;
    for _ in 0..10 {
        verify(&browser, &page, other_than(&code)).await;
        app.attempt(&browser, "alice", "wrong").await;
    }
    let refused = verify(&browser, &page, &code).await;
    assert!(is(&refused, 429, "too_many"), "{refused:?}");
    let (_, password) = server.person("alice");
    let refused = app.attempt(&browser, "alice", password).await;
    assert!(is(&refused, 429, "too_many"), "{refused:?}");
    server.stop().await;
}

async fn three_codes_an_hour_are_mailed_to_one_browser(server: IssuerServer) {
    let (app, browser) = (server.app("demo-web", "openid"), Browser::new());
    let page = code_page(&app, &browser, &[]).await;
    let mut page = browser.press(&page, "#send", &[("username", "alice")]).await;
    for _ in 0..2 {
        server.clock.advance(120_000);
        page = browser.press(&page, "#resend", &[]).await;
        assert!(page.has("#sent"), "{page:?}");
    }
    server.clock.advance(120_000);
    let fourth = browser.press(&page, "#resend", &[]).await;
    assert!(is(&fourth, 429, "mail_limit"), "{fourth:?}");
    // What was mailed stays good, and can be typed.
    let done = verify(&browser, &fourth, &code(&server).await).await;
    assert_eq!(done.answer.status, 303, "{done:?}");
    server.stop().await;
}

async fn a_mailed_code_passes_no_authenticator_app_by(server: IssuerServer) {
    let (app, home) = (server.app("demo-web", "openid"), Browser::new());
    app.sign_in(&home, server.person("alice"), &[]).await;
    let (phone, _) = Authenticator::set_up(&server, &home).await;
    let browser = Browser::new();
    let page = asked(&app, &browser, "alice").await;
    let next = verify(&browser, &page, &code(&server).await).await;
    assert_eq!(browser.cookie("latchkey-session"), None);
    let second = browser.follow(next, &app.redirect_uri).await;
    assert_eq!(second.url.path(), "/second", "{second:?}");
    let done = verify(&browser, &second, &phone.code(&server)).await;
    let back = finish(&app, &browser, done).await;
    let answer = app.redeem(back.code.as_deref().expect("a code")).await;
    let token = claims(answer.json()["id_token"].as_str().expect("a token"));
    assert_eq!(token["acr"], "urn:latchkey:acr:email", "no two factors");
    server.stop().await;
}

/// One counter for each first factor: whoever has the mailbox closes no second step behind the password.
async fn wrong_app_codes_after_a_mailed_code_stop_no_owner(server: IssuerServer) {
    let (app, alice) = (server.app("demo-web", "openid"), server.person("alice"));
    let home = Browser::new();
    app.sign_in(&home, alice, &[]).await;
    let (phone, _) = Authenticator::set_up(&server, &home).await;
    let stranger = Browser::new();
    let page = asked(&app, &stranger, "alice").await;
    let next = verify(&stranger, &page, &code(&server).await).await;
    let second = stranger.follow(next, &app.redirect_uri).await;
    for _ in 0..5 {
        let wrong = verify(&stranger, &second, &phone.wrong_code(&server)).await;
        assert!(is(&wrong, 422, "code_wrong"), "{wrong:?}");
    }
    let refused = verify(&stranger, &second, &phone.code(&server)).await;
    assert!(is(&refused, 429, "too_many"), "{refused:?}");
    let elsewhere = Browser::new();
    let second = at_second(&app, &elsewhere, alice).await;
    let done = verify(&elsewhere, &second, &phone.code(&server)).await;
    assert_eq!(done.answer.status, 303, "{done:?}");
    server.stop().await;
}

/// What the code stands on may change before it is typed.
async fn a_code_ends_with_what_it_stands_on(server: IssuerServer) {
    let app = server.app("demo-web", "openid");
    for (change, error) in [
        ("credential_epoch = credential_epoch + 1", "code_wrong"),
        ("disabled_at = 1", "code_wrong"),
        (r#"roles = '["admin"]'"#, "code_wrong"),
    ] {
        server.clock.advance(61_000);
        let browser = Browser::new();
        let page = asked(&app, &browser, "alice").await;
        let code = code(&server).await;
        let all = format!("UPDATE users SET {change} WHERE username = 'alice'");
        run(server.db(), all).await;
        let refused = verify(&browser, &page, &code).await;
        assert!(is(&refused, 422, error), "{change}: {refused:?}");
        let back = "UPDATE users SET disabled_at = NULL, roles = '[]' WHERE username = 'alice'";
        run(server.db(), back.to_owned()).await;
    }
    server.stop().await;
}

/// A recovery waits then, and a mailed code is no way around that.
async fn while_the_address_is_contested_no_code_signs_in(server: IssuerServer) {
    let (app, browser) = (server.app("demo-web", "openid"), Browser::new());
    let page = asked(&app, &browser, "alice").await;
    let code = code(&server).await;
    let now = server.clock.now_ms();
    let undone = format!("UPDATE users SET email_undone_at = {now} WHERE username = 'alice'");
    run(server.db(), undone).await;
    let refused = verify(&browser, &page, &code).await;
    assert!(is(&refused, 422, "code_wrong"), "{refused:?}");
    assert_eq!(browser.cookie("latchkey-session"), None);
    let other = Browser::new();
    let page = asked_later(&server, &app, &other).await;
    assert!(page.has("#code"), "the same page as ever: {page:?}");
    let mails = server.mails_to(ALICE).await;
    let codes = mails.iter().filter(|mail| mail.purpose == "sign_in_code");
    assert_eq!(codes.count(), 1, "none but the one from before");
    server.stop().await;
}

/// Whoever reads the mail alone would have the account's only factor.
async fn a_mailed_code_alone_sets_up_no_factor(server: IssuerServer) {
    let id = ClientId::parse("demo-web").unwrap();
    let needs = Map::from_iter([("required_acr".to_owned(), Value::from("urn:latchkey:acr:mfa"))]);
    server.identity().clients().set(&id, needs, "test").await.unwrap();
    let (app, browser) = (server.app("demo-web", "openid"), Browser::new());
    let page = asked(&app, &browser, "alice").await;
    let next = verify(&browser, &page, &code(&server).await).await;
    let login = next.location().expect("a page");
    assert_eq!(login.path(), "/login", "{next:?}");
    let factor = login.as_str().replace("/login?", "/required/factor?");
    let seen = browser.open(&factor, &app.redirect_uri).await;
    assert!(seen.has("#sign-in") && !seen.has("#secret"), "{seen:?}");
    assert_eq!(browser.cookie("latchkey-session"), None);
    // With the password it is set up as ever.
    let (name, password) = server.person("alice");
    let fields = [("username", name), ("password", password)];
    let next = browser.press(&seen, "#sign-in", &fields).await;
    assert_eq!(
        next.location().expect("a page").path(),
        "/required/factor",
        "{next:?}"
    );
    server.stop().await;
}

/// Who has not turned it on has no such page, and no such address.
#[tokio::test]
async fn nobody_signs_in_by_mail_unless_the_operator_says_so() {
    let server = IssuerServer::new().await;
    let (app, browser) = (server.app("demo-web", "openid"), Browser::new());
    let login = app.begin(&browser, &[]).await;
    assert!(
        login.has("#lost-password") && !login.has("#mail-code"),
        "{login:?}"
    );
    let code = login.url.as_str().replace("/login?", "/login/code?");
    assert_eq!(browser.get(&code).await.answer.status, 404);
    let mut pairs = login.form("#sign-in").pairs;
    pairs.retain(|(name, _)| name == "request");
    let fields = [("request", pairs[0].1.as_str()), ("username", "alice")];
    let posted = browser
        .post(
            &format!("{}/login/code", server.issuer()),
            server.issuer(),
            &fields,
        )
        .await;
    assert!((400..500).contains(&posted.answer.status), "{posted:?}");
    assert!(server.mails_to(ALICE).await.is_empty());
    server.stop().await;
}

with_codes_on_both_engines! {
    a_mailed_code_signs_in_and_the_client_hears_of_it,
    every_name_gets_the_same_page_and_the_same_answers,
    a_code_is_tried_five_times_and_in_its_own_browser,
    guesses_at_codes_and_passwords_are_one_count,
    three_codes_an_hour_are_mailed_to_one_browser,
    a_mailed_code_passes_no_authenticator_app_by,
    wrong_app_codes_after_a_mailed_code_stop_no_owner,
    a_code_ends_with_what_it_stands_on,
    while_the_address_is_contested_no_code_signs_in,
    a_mailed_code_alone_sets_up_no_factor,
}
