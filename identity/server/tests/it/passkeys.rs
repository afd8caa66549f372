//! Passkeys: made on the account page, used at the sign-in, and what strangers try with them.

use std::panic::AssertUnwindSafe;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures::FutureExt;
use serde_json::{Value, json};
use url::Url;

use crate::harness::authenticator::Authenticator;
use crate::harness::{App, Browser, IssuerServer, Seen, claims, lines, on_both_engines, run};

/// Signs alice in by password and makes a passkey for her.
pub async fn with_passkey(server: &IssuerServer) -> (Browser, Authenticator) {
    let browser = Browser::new();
    let account = signed_in(server, &browser).await;
    assert!(account.has("#to-passkeys"), "{account:?}");
    let mut authenticator = Authenticator::new();
    let added = add(server, &browser, &mut authenticator).await;
    assert_eq!(
        added.text("[role='status']"),
        "The passkey was added.",
        "{added:?}"
    );
    (browser, authenticator)
}

async fn signed_in(server: &IssuerServer, browser: &Browser) -> Seen {
    let page = browser.open(&format!("{}/account", server.issuer()), "").await;
    let (name, password) = server.person("alice");
    let fields = [("username", name), ("password", password)];
    let next = browser.press(&page, "#sign-in", &fields).await;
    browser.follow(next, "").await
}

async fn passkeys_page(server: &IssuerServer, browser: &Browser) -> Seen {
    browser
        .open(&format!("{}/account/passkeys", server.issuer()), "")
        .await
}

async fn add(server: &IssuerServer, browser: &Browser, authenticator: &mut Authenticator) -> Seen {
    let page = passkeys_page(server, browser).await;
    let made = authenticator.create(&page).to_string();
    let next = browser.press(&page, "#add-passkey", &[("passkey", &made)]).await;
    browser.follow(next, "").await
}

/// Answers the passkey request of a sign-in page.
async fn answer(browser: &Browser, page: &Seen, response: &Value) -> Seen {
    let fields = [("passkey", response.to_string())];
    let fields = fields.each_ref().map(|(name, value)| (*name, value.as_str()));
    browser.press(page, "#passkey-sign-in", &fields).await
}

/// The sign-in page of the account page, for a browser that is not signed in.
async fn login_page(server: &IssuerServer, browser: &Browser) -> Seen {
    let page = browser.open(&format!("{}/account", server.issuer()), "").await;
    assert!(page.has("#passkey-sign-in[hidden]"), "{page:?}");
    page
}

pub async fn sign_in_by_passkey(
    app: &App,
    browser: &Browser,
    authenticator: &mut Authenticator,
    more: &[(&str, &str)],
) -> Value {
    let page = app.begin(browser, more).await;
    let response = authenticator.get(&page);
    let next = answer(browser, &page, &response).await;
    assert_eq!(next.answer.status, 303, "{next:?}");
    let mut seen = browser.follow(next, &app.redirect_uri).await;
    if seen.has("#allow") {
        let next = browser.press(&seen, "#allow", &[]).await;
        seen = browser.follow(next, &app.redirect_uri).await;
    }
    let code = crate::harness::callback(&seen.location().expect("a redirect")).code;
    let tokens = app.redeem(&code.expect("a code")).await;
    claims(tokens.json()["id_token"].as_str().expect("an ID token"))
}

async fn a_passkey_signs_in_without_a_name_and_reaches_phr(server: IssuerServer) {
    let (_browser, mut authenticator) = with_passkey(&server).await;
    let guesses = "SELECT id AS line FROM throttles";
    let before = lines(server.db(), guesses).await;
    let (app, browser) = (server.app("demo-web", "openid"), Browser::new());
    let token = sign_in_by_passkey(&app, &browser, &mut authenticator, &[]).await;
    assert_eq!(token["acr"], "phr");
    assert_eq!(token["amr"], json!(["pop", "user", "mfa"]));
    assert_eq!(token["sub"], server.user_id("alice").await);
    // No guess at a password was counted, and so none was hashed.
    assert_eq!(lines(server.db(), guesses).await, before);
    let used = passkeys_page(&server, &browser).await;
    assert!(!used.text("#passkeys").contains("never used"), "{used:?}");
    server.stop().await;
}

async fn a_challenge_is_answered_once_and_by_its_own_browser(server: IssuerServer) {
    let (_browser, mut authenticator) = with_passkey(&server).await;
    let (browser, other) = (Browser::new(), Browser::new());
    let page = login_page(&server, &browser).await;
    let foreign = login_page(&server, &other).await;
    let response = authenticator.get(&page);
    let stolen = answer(&other, &foreign, &response).await;
    assert_eq!(
        (stolen.answer.status, stolen.error().as_str()),
        (422, "passkey_failed")
    );
    let first = answer(&browser, &page, &response).await;
    assert_eq!(first.answer.status, 303, "{first:?}");
    let again = answer(&browser, &page, &response).await;
    assert_eq!(
        (again.answer.status, again.error().as_str()),
        (422, "passkey_failed")
    );
    // The page that it came with asks for another one.
    let fresh = authenticator.get(&again);
    assert_eq!(answer(&browser, &again, &fresh).await.answer.status, 303);
    let late = login_page(&server, &other).await;
    let response = authenticator.get(&late);
    server.clock.advance(11 * 60_000);
    let late = answer(&other, &late, &response).await;
    assert_eq!(late.error(), "expired", "{late:?}");
    server.stop().await;
}

/// A change of a response, and its name.
type Spoil = (&'static str, fn(&mut Value));

fn flags(response: &mut Value, change: impl FnOnce(u8) -> u8) {
    let data = response["response"]["authenticatorData"].as_str().unwrap();
    let mut data = URL_SAFE_NO_PAD.decode(data).unwrap();
    data[32] = change(data[32]);
    response["response"]["authenticatorData"] = json!(URL_SAFE_NO_PAD.encode(data));
}

fn client_data(response: &mut Value, from: &str, to: &str) {
    let data = response["response"]["clientDataJSON"].as_str().unwrap();
    let data = String::from_utf8(URL_SAFE_NO_PAD.decode(data).unwrap()).unwrap();
    assert!(data.contains(from), "{data}");
    response["response"]["clientDataJSON"] = json!(URL_SAFE_NO_PAD.encode(data.replace(from, to)));
}

const SPOILS: [Spoil; 8] = [
    ("signature", |r| r["response"]["signature"] = json!("MEUCIQ")),
    ("no handle", |r| r["response"]["userHandle"] = Value::Null),
    ("other handle", |r| {
        r["response"]["userHandle"] = json!("AAAAAAAAAAAAAAAAAAAAAA")
    }),
    ("not verified", |r| flags(r, |flags| flags & !4)),
    ("not present", |r| flags(r, |flags| flags & !1)),
    ("other type", |r| {
        client_data(r, "webauthn.get", "webauthn.create")
    }),
    ("other origin", |r| client_data(r, "localhost", "evil-localhost")),
    ("no response", |r| *r = json!({ "rawId": "AAAA" })),
];

async fn a_changed_response_signs_nobody_in(server: IssuerServer) {
    let (_browser, mut authenticator) = with_passkey(&server).await;
    let browser = Browser::new();
    let page = login_page(&server, &browser).await;
    for (name, spoil) in SPOILS {
        let mut response = authenticator.get(&page);
        spoil(&mut response);
        let refused = answer(&browser, &page, &response).await;
        assert_eq!(
            (refused.answer.status, refused.error().as_str()),
            (422, "passkey_failed"),
            "{name}"
        );
    }
    let elsewhere = Url::parse("http://localhost:1").unwrap();
    for text in [
        authenticator.get_at(&page, &elsewhere).to_string(),
        "{".to_owned(),
        format!("\"{}\"", "x".repeat(20_000)),
    ] {
        let refused = browser
            .press(&page, "#passkey-sign-in", &[("passkey", &text)])
            .await;
        assert_eq!(refused.error(), "passkey_failed", "{text:.80}");
    }
    assert_eq!(browser.cookie("latchkey-session"), None);
    // What was not changed still works.
    let response = authenticator.get(&page);
    assert_eq!(answer(&browser, &page, &response).await.answer.status, 303);
    server.stop().await;
}

async fn a_counter_that_falls_back_is_refused_and_may_suspend(server: IssuerServer) {
    let (_browser, mut authenticator) = with_passkey(&server).await;
    let suspended = "SELECT name AS line FROM passkeys WHERE suspended_at IS NOT NULL";
    let browser = Browser::new();
    let page = login_page(&server, &browser).await;
    // It rose after the challenge was issued: two tabs overtook each other.
    let now = server.clock.now_ms() + 1_000;
    run(
        server.db(),
        format!("UPDATE passkeys SET counter = 1000, counter_at = {now}"),
    )
    .await;
    let behind = authenticator.get(&page);
    assert_eq!(answer(&browser, &page, &behind).await.error(), "passkey_failed");
    assert!(lines(server.db(), suspended).await.is_empty());
    run(server.db(), "UPDATE passkeys SET counter_at = 1".to_owned()).await;
    let copied = authenticator.get(&page);
    assert_eq!(answer(&browser, &page, &copied).await.error(), "passkey_failed");
    assert_eq!(lines(server.db(), suspended).await, ["Passkey"]);
    // It stays suspended, and is never told to its authenticator as unknown.
    run(server.db(), "UPDATE passkeys SET counter = 0".to_owned()).await;
    let right = authenticator.get(&page);
    let refused = answer(&browser, &page, &right).await;
    assert_eq!(refused.error(), "passkey_failed");
    assert!(!refused.has("[data-passkey-unknown]"));
    let audit = "SELECT kind AS line FROM audit WHERE kind LIKE 'passkey.%' ORDER BY kind";
    assert_eq!(
        lines(server.db(), audit).await,
        ["passkey.added", "passkey.suspended"]
    );
    server.stop().await;
}

async fn two_answers_at_once_make_one_session(server: IssuerServer) {
    let (_browser, mut authenticator) = with_passkey(&server).await;
    let browser = Browser::new();
    let page = login_page(&server, &browser).await;
    let response = authenticator.get(&page);
    let tries = (0..6).map(|_| answer(&browser, &page, &response));
    let all = futures::future::join_all(tries).await;
    let done = all.iter().filter(|seen| seen.answer.status == 303).count();
    assert_eq!(done, 1, "{all:?}");
    let sessions = "SELECT method AS line FROM session_proofs ORDER BY method";
    assert_eq!(lines(server.db(), sessions).await, ["passkey", "password"]);
    server.stop().await;
}

async fn a_passkey_is_removed_with_what_rests_on_it(server: IssuerServer) {
    let (here, mut authenticator) = with_passkey(&server).await;
    let app = server.app("demo-web", "openid offline_access");
    let there = Browser::new();
    sign_in_by_passkey(&app, &there, &mut authenticator, &[("prompt", "consent")]).await;
    let families = "SELECT cause AS line FROM families WHERE revoked_at IS NOT NULL";
    assert!(lines(server.db(), families).await.is_empty());
    let page = passkeys_page(&server, &here).await;
    let done = here.press(&page, "[data-remove]", &[]).await;
    let page = here.follow(done, "").await;
    assert!(page.has("#add-passkey") && !page.has("[data-remove]"), "{page:?}");
    // Offline access, too, since a thief may have it.
    assert_eq!(lines(server.db(), families).await, ["factor_removed"]);
    let silent = app.walk(&there, ("", ""), &[("prompt", "none")]).await;
    assert_eq!(silent.error.as_deref(), Some("login_required"));
    let page = login_page(&server, &there).await;
    let response = authenticator.get(&page);
    let gone = answer(&there, &page, &response).await;
    assert_eq!(gone.error(), "passkey_unknown");
    assert!(!gone.has("[data-passkey-unknown]"), "it was here once");
    server.stop().await;
}

async fn an_authenticator_forgets_only_what_was_never_here(server: IssuerServer) {
    let (_browser, mut authenticator) = with_passkey(&server).await;
    let browser = Browser::new();
    let page = login_page(&server, &browser).await;
    let mut response = authenticator.get(&page);
    response["rawId"] = json!("QUJD");
    let unknown = answer(&browser, &page, &response).await;
    assert_eq!(
        (unknown.answer.status, unknown.error().as_str()),
        (422, "passkey_unknown")
    );
    let told = unknown.answer.attributes("#error", "data-passkey-unknown");
    let told: Value = serde_json::from_str(&told[0]).unwrap();
    assert_eq!(told, json!({ "rpId": "localhost", "credentialId": "QUJD" }));
    run(
        server.db(),
        "UPDATE users SET disabled_at = 1 WHERE username = 'alice'".to_owned(),
    )
    .await;
    let response = authenticator.get(&page);
    let refused = answer(&browser, &page, &response).await;
    assert_eq!(refused.error(), "account_disabled");
    assert!(!refused.has("[data-passkey-unknown]"));
    server.stop().await;
}

async fn the_last_way_to_sign_in_stays(server: IssuerServer) {
    let (browser, mut authenticator) = with_passkey(&server).await;
    run(
        server.db(),
        "UPDATE users SET password_hash = NULL WHERE username = 'alice'".to_owned(),
    )
    .await;
    let page = passkeys_page(&server, &browser).await;
    let kept = browser.press(&page, "[data-remove]", &[]).await;
    assert_eq!((kept.answer.status, kept.error().as_str()), (409, "last_way"));
    let second = add(&server, &browser, &mut authenticator).await;
    let done = browser.press(&second, "[data-remove]", &[]).await;
    assert_eq!(done.answer.status, 303, "{done:?}");
    server.stop().await;
}

async fn twenty_passkeys_are_enough_and_none_is_there_twice(server: IssuerServer) {
    let (browser, mut authenticator) = with_passkey(&server).await;
    let page = passkeys_page(&server, &browser).await;
    // The second by its time of making, too.
    server.clock.advance(1_000);
    let made = authenticator.create(&page).to_string();
    let first = browser.press(&page, "#add-passkey", &[("passkey", &made)]).await;
    assert_eq!(first.answer.status, 303, "{first:?}");
    let again = browser.press(&page, "#add-passkey", &[("passkey", &made)]).await;
    assert_eq!(
        (again.answer.status, again.error().as_str()),
        (409, "passkey_refused")
    );
    // One that was removed comes back nowhere.
    let listed = browser.follow(first, "").await;
    let gone = browser
        .press(&listed, "#passkeys li:last-child [data-remove]", &[])
        .await;
    assert_eq!(gone.answer.status, 303, "{gone:?}");
    let back = browser.press(&page, "#add-passkey", &[("passkey", &made)]).await;
    assert_eq!(back.error(), "passkey_refused");
    const COPIED: &str = "user_id, rp_id, user_handle, data, name, backup_eligible, backup_state, uv_initialized, \
                          counter, created_at, made_in";
    let copies = format!(
        "INSERT INTO passkeys (credential_id, {COPIED}) WITH RECURSIVE counted (n) AS (SELECT 1 UNION ALL \
         SELECT n + 1 FROM counted WHERE n < 19) SELECT credential_id || '-' || n, {COPIED} FROM passkeys, counted"
    );
    let page = passkeys_page(&server, &browser).await;
    run(server.db(), copies).await;
    let made = authenticator.create(&page).to_string();
    let refused = browser.press(&page, "#add-passkey", &[("passkey", &made)]).await;
    assert_eq!(refused.error(), "passkey_refused");
    assert!(
        refused.has("#passkeys-full") && !refused.has("#add-passkey"),
        "{refused:?}"
    );
    server.stop().await;
}

/// A form of another site, of another session, and about another user's passkey.
async fn a_foreign_form_changes_no_passkey(server: IssuerServer) {
    let (browser, mut authenticator) = with_passkey(&server).await;
    let page = passkeys_page(&server, &browser).await;
    let made = authenticator.create(&page).to_string();
    let at = format!("{}/account/passkeys", server.issuer());
    let token = page.form("#add-passkey").pairs;
    let token = token.iter().find(|(name, _)| name == "token").unwrap().1.clone();
    let id = authenticator.ids[0].clone();
    for (origin, token, action) in [
        ("https://evil.test", token.as_str(), "remove"),
        (server.issuer(), "", "remove"),
        (server.issuer(), "", "add"),
        (server.issuer(), "AAAA", "rename"),
    ] {
        let fields = [
            ("token", token),
            ("action", action),
            ("id", id.as_str()),
            ("name", "x"),
            ("passkey", made.as_str()),
        ];
        let refused = browser.post(&at, origin, &fields).await;
        assert_eq!(refused.error(), "foreign_form", "{origin} {action}");
    }
    run(
        server.db(),
        "UPDATE passkeys SET user_id = 'somebody-else'".to_owned(),
    )
    .await;
    for action in ["remove", "rename"] {
        let fields = [
            ("token", token.as_str()),
            ("action", action),
            ("id", id.as_str()),
            ("name", "mine"),
        ];
        let done = browser.post(&at, server.issuer(), &fields).await;
        assert_eq!(done.answer.status, 303, "{done:?}");
    }
    let names = lines(server.db(), "SELECT name AS line FROM passkeys").await;
    assert_eq!(names, ["Passkey"]);
    server.stop().await;
}

async fn a_passkey_gets_the_name_that_its_user_chooses(server: IssuerServer) {
    let (browser, _authenticator) = with_passkey(&server).await;
    let page = passkeys_page(&server, &browser).await;
    for (typed, shown) in [("  My\u{202e} phone ", "My phone"), ("<b>x</b>", "<b>x</b>")] {
        let done = browser.press(&page, "[data-rename]", &[("name", typed)]).await;
        let page = browser.follow(done, "").await;
        assert_eq!(page.text("#passkeys bdi"), shown);
    }
    let none = browser
        .press(&page, "[data-rename]", &[("name", "\u{202e}")])
        .await;
    assert_eq!((none.answer.status, none.error().as_str()), (422, "passkey_name"));
    server.stop().await;
}

async fn failed_passkeys_block_their_network_and_no_password(server: IssuerServer) {
    let (_browser, mut authenticator) = with_passkey(&server).await;
    let browser = Browser::new();
    let page = login_page(&server, &browser).await;
    for _ in 0..60 {
        let refused = browser
            .press(&page, "#passkey-sign-in", &[("passkey", "{}")])
            .await;
        assert_eq!(refused.error(), "passkey_failed");
    }
    let response = authenticator.get(&page);
    let blocked = answer(&browser, &page, &response).await;
    assert_eq!(
        (blocked.answer.status, blocked.error().as_str()),
        (429, "too_many")
    );
    let account = signed_in(&server, &browser).await;
    assert!(account.has("#to-passkeys"), "{account:?}");
    server.clock.advance(61_000);
    let other = Browser::new();
    let page = login_page(&server, &other).await;
    let response = authenticator.get(&page);
    assert_eq!(answer(&other, &page, &response).await.answer.status, 303);
    server.stop().await;
}

/// Only browsers that can make a passkey say so, and nobody is asked twice in a month.
async fn a_passkey_is_offered_after_a_password_once_a_month(server: IssuerServer) {
    let (name, password) = server.person("alice");
    let app = server.app("demo-web", "openid");
    let enter = async |browser: &Browser, can: &str| {
        let page = app.begin(browser, &[]).await;
        let fields = [("username", name), ("password", password), ("can", can)];
        let next = browser.press(&page, "#sign-in", &fields).await;
        browser.follow(next, &app.redirect_uri).await
    };
    assert!(enter(&Browser::new(), "").await.has("#allow"));
    let browser = Browser::new();
    let offer = enter(&browser, "passkey").await;
    assert!(
        offer.has("#create-passkey[hidden]") && offer.has("#not-now"),
        "{offer:?}"
    );
    let later = browser.press(&offer, "#not-now", &[]).await;
    assert!(browser.follow(later, &app.redirect_uri).await.has("#allow"));
    assert!(enter(&Browser::new(), "passkey").await.has("#allow"));
    server.clock.advance(31 * 24 * 3_600_000);
    let browser = Browser::new();
    let offer = enter(&browser, "passkey").await;
    let made = Authenticator::new().create(&offer).to_string();
    let done = browser
        .press(&offer, "#create-passkey", &[("passkey", &made)])
        .await;
    assert!(browser.follow(done, &app.redirect_uri).await.has("#allow"));
    server.clock.advance(31 * 24 * 3_600_000);
    assert!(
        enter(&Browser::new(), "passkey").await.has("#allow"),
        "there is one"
    );
    server.stop().await;
}

async fn passkeys(server: &IssuerServer) -> Vec<String> {
    lines(server.db(), "SELECT credential_id AS line FROM passkeys").await
}

/// KC CVE-2026-3429: whoever has the password alone neither removes nor adds a factor, nor changes anything else that the
/// account is reached by.
async fn a_password_alone_changes_nothing_beside_a_passkey(server: IssuerServer) {
    let thief = Browser::new();
    signed_in(&server, &thief).await;
    // Opened while nothing more was asked for.
    let planted = passkeys_page(&server, &thief).await;
    let token = planted.form("#add-passkey").pairs;
    let token = token.iter().find(|(name, _)| name == "token").unwrap().1.clone();
    let (_owner, mut authenticator) = with_passkey(&server).await;
    let id = passkeys(&server).await.remove(0);
    let made = Authenticator::new().create(&planted).to_string();
    let asks = |seen: &Seen| seen.url.path() == "/confirm" && seen.has("#passkey-sign-in[hidden]");
    for action in ["add", "remove", "rename"] {
        let fields = [
            ("token", token.as_str()),
            ("action", action),
            ("id", id.as_str()),
            ("name", "mine"),
            ("passkey", made.as_str()),
        ];
        let at = format!("{}/account/passkeys", server.issuer());
        let refused = thief.post(&at, server.issuer(), &fields).await;
        let refused = thief.follow(refused, "").await;
        assert!(asks(&refused), "{action}: {refused:?}");
    }
    let kept = "SELECT credential_id AS line FROM passkeys WHERE name = 'Passkey'";
    assert_eq!(lines(server.db(), kept).await, [id]);
    for path in ["totp/new", "recovery-codes", "password", "email", "passkeys"] {
        let at = format!("{}/account/{path}", server.issuer());
        let asked = thief.open(&at, "").await;
        assert!(asks(&asked), "{path}: {asked:?}");
    }
    // The password once more is not enough, and the passkey is.
    let page = passkeys_page(&server, &thief).await;
    let (name, password) = server.person("alice");
    let fields = [("username", name), ("password", password)];
    assert!(
        !page.has("#password"),
        "what is not missing is not asked: {page:?}"
    );
    let again = thief.press(&page, "#passkey-sign-in", &fields).await;
    let again = thief.follow(again, "").await;
    assert!(asks(&again), "{again:?}");
    let response = authenticator.get(&again);
    let shown = answer(&thief, &again, &response).await;
    let shown = thief.follow(shown, "").await;
    assert!(shown.has("#passkeys [data-remove]"), "{shown:?}");
    server.stop().await;
}

/// A browser that was left open adds no factor of whoever sits down at it.
async fn a_session_of_a_while_ago_changes_no_factor(server: IssuerServer) {
    let browser = Browser::new();
    signed_in(&server, &browser).await;
    add(&server, &browser, &mut Authenticator::new()).await;
    let page = passkeys_page(&server, &browser).await;
    server.clock.advance(5 * 60_000);
    let late = browser.press(&page, "[data-remove]", &[]).await;
    let late = browser.follow(late, "").await;
    assert!(late.has("#sign-in"), "{late:?}");
    assert_eq!(passkeys(&server).await.len(), 1);
    for path in ["totp/new", "passkeys"] {
        let at = format!("{}/account/{path}", server.issuer());
        let asked = browser.open(&at, "").await;
        assert!(
            asked.has("#sign-in") && asked.url.path() == "/confirm",
            "{path}: {asked:?}"
        );
    }
    let page = passkeys_page(&server, &browser).await;
    let (name, password) = server.person("alice");
    let fields = [("username", name), ("password", password)];
    let again = browser.press(&page, "#sign-in", &fields).await;
    let again = browser.follow(again, "").await;
    assert!(
        again.has("[data-remove]"),
        "it was made in this session: {again:?}"
    );
    // But not for long.
    server.clock.advance(11 * 60_000);
    let page = passkeys_page(&server, &browser).await;
    let again = browser.press(&page, "#passkey-sign-in", &fields).await;
    let again = browser.follow(again, "").await;
    assert!(again.url.path() == "/confirm", "{again:?}");
    server.stop().await;
}

/// The session stays the same, and only what is missing is asked.
async fn a_step_up_adds_a_passkey_to_the_session(server: IssuerServer) {
    let (browser, mut authenticator) = with_passkey(&server).await;
    let app = server.app("demo-web", "openid");
    let before = app.sign_in(&browser, ("", ""), &[]).await;
    let before = claims(before.id.as_deref().expect("an ID token"));
    assert_eq!(before["acr"], "urn:latchkey:acr:password");
    server.clock.advance(60_000);
    let essential = r#"{"id_token":{"acr":{"essential":true,"values":["phr"]}}}"#;
    let asked = browser.get(&app.request(&[("claims", essential)])).await;
    let asked = browser
        .get(asked.location().expect("on to the request").as_str())
        .await;
    let second = asked.location().expect("a page");
    assert_eq!(second.path(), "/second");
    let login = format!("{}/login?{}", server.issuer(), second.query().expect("a request"));
    let page = browser.get(&login).await;
    let response = authenticator.get(&page);
    let next = answer(&browser, &page, &response).await;
    let last = browser.follow(next, &app.redirect_uri).await;
    let code = crate::harness::callback(&last.location().expect("a redirect")).code;
    let after = app.redeem(&code.expect("a code")).await;
    let after = claims(after.json()["id_token"].as_str().expect("an ID token"));
    assert_eq!((&after["acr"], &after["sid"]), (&json!("phr"), &before["sid"]));
    assert_eq!(
        after["auth_time"].as_i64().unwrap() - before["auth_time"].as_i64().unwrap(),
        60
    );
    server.stop().await;
}

#[tokio::test]
async fn password_managers_find_where_passkeys_are_made() {
    let server = IssuerServer::new().await;
    let at = format!("{}/.well-known/passkey-endpoints", server.issuer());
    let answer = Browser::new().get(&at).await.answer;
    assert_eq!(answer.status, 200);
    let page = format!("{}/account/passkeys", server.issuer());
    assert_eq!(answer.json(), json!({ "enroll": page, "manage": page }));
    server.stop().await;
}

/// Nobody else may ask for passkeys of this domain unless the operator says so.
#[tokio::test]
async fn related_origins_are_those_that_the_operator_names() {
    let server = IssuerServer::new().await;
    let at = format!("{}/.well-known/webauthn", server.issuer());
    assert_eq!(Browser::new().get(&at).await.answer.status, 404);
    server.stop().await;
    let server = IssuerServer::with(|options| {
        options.settings.related_origins = vec!["https://id.example.org".to_owned()];
    })
    .await;
    let at = format!("{}/.well-known/webauthn", server.issuer());
    let answer = Browser::new().get(&at).await.answer;
    assert_eq!(
        (answer.status, answer.header("content-type")),
        (200, "application/json")
    );
    assert_eq!(answer.json(), json!({ "origins": ["https://id.example.org"] }));
    server.stop().await;
}

/// Passkeys cannot follow to another domain, so the operator is told before users find out.
#[tokio::test]
async fn an_issuer_of_another_domain_than_its_passkeys_does_not_start() {
    let home = tempfile::tempdir().unwrap();
    let data = home.path().to_owned();
    let server = IssuerServer::with(|options| options.data = data.clone()).await;
    with_passkey(&server).await;
    server.stop().await;
    let moved = AssertUnwindSafe(IssuerServer::with(move |options| {
        options.data = data;
        options.issuer = Some("https://id.example.test".to_owned());
    }));
    let told = moved.catch_unwind().await.err().expect("no start");
    let told = told.downcast_ref::<String>().expect("a sentence");
    assert!(told.contains("passkeys are bound to"), "{told}");
}

on_both_engines! {
    a_passkey_signs_in_without_a_name_and_reaches_phr,
    a_challenge_is_answered_once_and_by_its_own_browser,
    a_changed_response_signs_nobody_in,
    a_counter_that_falls_back_is_refused_and_may_suspend,
    two_answers_at_once_make_one_session,
    a_passkey_is_removed_with_what_rests_on_it,
    an_authenticator_forgets_only_what_was_never_here,
    the_last_way_to_sign_in_stays,
    twenty_passkeys_are_enough_and_none_is_there_twice,
    a_foreign_form_changes_no_passkey,
    a_passkey_gets_the_name_that_its_user_chooses,
    failed_passkeys_block_their_network_and_no_password,
    a_passkey_is_offered_after_a_password_once_a_month,
    a_step_up_adds_a_passkey_to_the_session,
    a_password_alone_changes_nothing_beside_a_passkey,
    a_session_of_a_while_ago_changes_no_factor,
}
