//! What another provider's word leads to: the account that is connected to it, a new one, or a page that says why neither.

use std::sync::Mutex;

use latchkey_http::outgoing::{Destination, Purpose};
use latchkey_protocol::authentication::Acr;
use latchkey_protocol::sign_up::Mode as SignUps;
use latchkey_protocol::upstream::{Kind, Mode, Provider};
use serde_json::{Value, json};

use crate::harness::op::{CLIENT_ID, Op, Sent, back};
use crate::harness::second::{Authenticator, at_second, finish};
use crate::harness::{App, Browser, IssuerServer, Options, Seen, http, lines, run};
use crate::recovery::{ALICE, is, links, records};

/// A provider that says of everybody who comes what it was told to say.
pub struct StandIn {
    op: Op,
    says: Mutex<Value>,
}

impl StandIn {
    pub async fn start() -> Self {
        Self {
            op: Op::start().await,
            says: Mutex::new(json!({})),
        }
    }

    /// What it says from now on; without an address unless there is one.
    pub fn say(&self, claims: Value) {
        self.op.says("/userinfo", &json!({ "sub": claims["sub"] }));
        let nobody = json!({ "email": null, "email_verified": null });
        *self.says.lock().unwrap() = merged(nobody, claims);
    }

    /// Comes back from it with a browser that was sent there.
    pub async fn through(&self, server: &IssuerServer, browser: &Browser, gone: &Seen, stop: &str) -> Seen {
        let address = gone.location().unwrap_or_else(|| panic!("{gone:?}"));
        let sent: Sent = address.query_pairs().into_owned().collect();
        let says = self.says.lock().unwrap().clone();
        self.op.confirms(server, &sent, &says);
        let seen = back(server, browser, &sent).await;
        browser.follow(seen, stop).await
    }
}

fn merged(mut all: Value, more: Value) -> Value {
    let members = all.as_object_mut().unwrap();
    if let Value::Object(more) = more {
        members.extend(more);
    }
    all
}

/// What the provider says of somebody with an address that it vouches for.
pub fn person(sub: &str, email: &str) -> Value {
    json!({
        "sub": sub, "email": email, "email_verified": true, "preferred_username": "ada", "name": "Ada Lovelace",
    })
}

/// An issuer with the stand-in as its provider `op`, which everybody may register by and which proves no address.
pub async fn issuer(
    postgres: bool,
    op: &StandIn,
    change: impl FnOnce(&mut Provider, &mut Options),
) -> IssuerServer {
    let here = Destination::of(Purpose::Upstream, &op.op.url).unwrap();
    let mut provider = op.op.provider(Kind::Oidc);
    provider.authoritative_for.clear();
    let with = move |options: &mut Options| {
        options.settings.sign_up.mode = SignUps::Open;
        options.allow_outgoing.push(here);
        change(&mut provider, options);
        options.settings.providers.push(provider);
    };
    match postgres {
        false => IssuerServer::with(with).await,
        true => IssuerServer::on_postgres_with(with).await,
    }
}

/// The page of the connected accounts.
pub async fn providers(server: &IssuerServer, browser: &Browser) -> Seen {
    browser
        .open(&format!("{}/account/providers", server.issuer()), "")
        .await
}

/// A browser of somebody who has signed in with the password just now.
pub async fn signed_in(server: &IssuerServer, name: &str) -> Browser {
    let browser = Browser::new();
    let app = server.app("demo-web", "openid");
    app.sign_in(&browser, server.person(name), &[]).await;
    browser
}

/// Goes to the provider from the page of connected accounts; the page that asks for the confirmation.
pub async fn begin_link(server: &IssuerServer, op: &StandIn, browser: &Browser) -> Seen {
    let page = providers(server, browser).await;
    let gone = browser.press(&page, "#connect-op", &[]).await;
    op.through(server, browser, &gone, "").await
}

/// Connects the account that the provider speaks of.
pub async fn connect(server: &IssuerServer, op: &StandIn, browser: &Browser) {
    let page = begin_link(server, op, browser).await;
    let done = browser.press(&page, "#connect", &[]).await;
    assert_eq!(
        done.answer.header("location"),
        "/account/providers?done=connected",
        "{done:?}"
    );
}

/// Goes to the provider from a sign-in for an application, and comes back.
pub async fn by_provider(server: &IssuerServer, op: &StandIn, app: &App, browser: &Browser) -> Seen {
    let login = app.begin(browser, &[]).await;
    let gone = browser.press(&login, "#with-op", &[]).await;
    op.through(server, browser, &gone, &app.redirect_uri).await
}

/// Whose accounts are connected, by user name and subject.
pub async fn connected(server: &IssuerServer) -> Vec<String> {
    let text = "SELECT u.username || ' ' || i.subject AS line FROM upstream_identities i \
                JOIN users u ON u.id = i.user_id ORDER BY u.username, i.subject";
    lines(server.db(), text).await
}

/// Makes the same test on both engines.
macro_rules! on_both {
    ($($name:ident,)*) => {
        mod sqlite {
            $(#[tokio::test]
            async fn $name() {
                super::$name(false).await;
            })*
        }

        mod postgresql {
            $(#[tokio::test]
            async fn $name() {
                super::$name(true).await;
            })*
        }
    };
}
pub(crate) use on_both;

async fn whoever_has_connected_an_account_signs_in_by_it(postgres: bool) {
    let op = StandIn::start().await;
    let server = issuer(postgres, &op, |_, _| {}).await;
    op.say(person("s1", "ada@op.test"));
    connect(&server, &op, &signed_in(&server, "alice").await).await;
    assert_eq!(connected(&server).await, ["alice s1"]);
    assert_eq!(links(&server, ALICE, "provider_connected").await.len(), 1);
    let (app, browser) = (server.app("demo-web", "openid"), Browser::new());
    let back = by_provider(&server, &op, &app, &browser).await;
    let back = finish(&app, &browser, back).await;
    let tokens = app.redeem(back.code.as_deref().unwrap()).await;
    assert_eq!(tokens.status, 200, "{tokens:?}");
    let proofs = "SELECT method AS line FROM session_proofs WHERE method = 'upstream'";
    assert_eq!(lines(server.db(), proofs).await, ["upstream"]);
    assert_eq!(
        records(&server, "upstream.").await,
        ["upstream.linked", "upstream.signed_in"]
    );
    server.stop().await;
}

/// A provider's word is no more than that, and passes no second step by.
async fn a_sign_in_by_a_provider_is_of_its_own_class_and_asks_for_the_app(postgres: bool) {
    let op = StandIn::start().await;
    let server = issuer(postgres, &op, |_, _| {}).await;
    op.say(person("s1", "ada@op.test"));
    let browser = signed_in(&server, "alice").await;
    connect(&server, &op, &browser).await;
    let app = server.app("demo-web", "openid");
    by_provider(&server, &op, &app, &Browser::new()).await;
    let classes = "SELECT s.acr AS line FROM sessions s JOIN session_proofs p ON p.session_id = s.id \
                   WHERE p.method = 'upstream' ORDER BY s.acr";
    assert_eq!(lines(server.db(), classes).await, ["urn:latchkey:acr:upstream"]);
    let (phone, _) = Authenticator::set_up(&server, &browser).await;
    let there = Browser::new();
    let second = by_provider(&server, &op, &app, &there).await;
    assert!(second.has("#verify"), "{second:?}");
    assert_eq!(
        lines(server.db(), classes).await.len(),
        1,
        "no session without it"
    );
    let code = phone.code(&server);
    let done = there.press(&second, "#verify", &[("code", &code)]).await;
    let back = finish(&app, &there, done).await;
    assert!(back.code.is_some(), "{back:?}");
    assert_eq!(
        lines(server.db(), classes).await,
        ["urn:latchkey:acr:mfa", "urn:latchkey:acr:upstream"]
    );
    server.stop().await;
}

/// Higher only by the operator's own mapping.
async fn a_provider_gives_the_class_that_the_operator_maps(postgres: bool) {
    let op = StandIn::start().await;
    let server = issuer(postgres, &op, |provider, _| {
        provider.acr = Some(Acr::Mfa);
        provider.acr_values = vec!["two".to_owned()];
    })
    .await;
    op.say(json!({ "sub": "s1" }));
    connect(&server, &op, &signed_in(&server, "alice").await).await;
    let app = server.app("demo-web", "openid");
    for (acr, expected) in [("two", Acr::Mfa), ("one", Acr::Upstream)] {
        op.say(json!({ "sub": "s1", "acr": acr }));
        let browser = Browser::new();
        let back = by_provider(&server, &op, &app, &browser).await;
        finish(&app, &browser, back).await;
        let newest = "SELECT s.acr AS line FROM sessions s JOIN session_proofs p ON p.session_id = s.id \
                      WHERE p.method = 'upstream' ORDER BY s.created_at DESC LIMIT 1";
        assert_eq!(lines(server.db(), newest).await, [expected.name()], "{acr}");
        server.clock.advance(1_000);
    }
    server.stop().await;
}

/// ZIT#12421, KC#28662: an account is never found by its address, even where the provider proves it.
async fn a_provider_that_states_the_victims_address_opens_no_account(postgres: bool) {
    let op = StandIn::start().await;
    let authoritative = |provider: &mut Provider, _: &mut Options| {
        provider.authoritative_for = vec!["example.test".to_owned()];
    };
    let server = issuer(postgres, &op, authoritative).await;
    op.say(person("evil", "Alice@Example.test"));
    let (app, browser) = (server.app("demo-web", "openid"), Browser::new());
    let refused = by_provider(&server, &op, &app, &browser).await;
    assert!(is(&refused, 409, "account_exists"), "{refused:?}");
    assert!(connected(&server).await.is_empty());
    let sessions = "SELECT id AS line FROM sessions";
    assert!(lines(server.db(), sessions).await.is_empty());
    assert_eq!(records(&server, "upstream.").await, ["upstream.refused"]);
    server.stop().await;
}

async fn the_same_subject_of_another_issuer_is_somebody_else(postgres: bool) {
    let op = StandIn::start().await;
    let server = issuer(postgres, &op, |_, options| {
        options.settings.sign_up.mode = SignUps::Closed;
    })
    .await;
    op.say(person("s1", "ada@op.test"));
    connect(&server, &op, &signed_in(&server, "alice").await).await;
    let other = "UPDATE upstream_identities SET issuer = 'https://other.test'";
    run(server.db(), other.to_owned()).await;
    let (app, browser) = (server.app("demo-web", "openid"), Browser::new());
    let refused = by_provider(&server, &op, &app, &browser).await;
    assert!(is(&refused, 403, "registration_closed"), "{refused:?}");
    server.stop().await;
}

async fn a_disabled_user_is_not_signed_in_by_a_provider(postgres: bool) {
    let op = StandIn::start().await;
    let server = issuer(postgres, &op, |_, _| {}).await;
    op.say(person("s1", "ada@op.test"));
    connect(&server, &op, &signed_in(&server, "alice").await).await;
    let disabled = "UPDATE users SET disabled_at = 1 WHERE username = 'alice'";
    run(server.db(), disabled.to_owned()).await;
    let (app, browser) = (server.app("demo-web", "openid"), Browser::new());
    let refused = by_provider(&server, &op, &app, &browser).await;
    assert!(is(&refused, 403, "account_disabled"), "{refused:?}");
    server.stop().await;
}

/// KC#51470. That the mode counts at the callback, too, is among the tests of the way there and back.
async fn a_provider_that_only_connects_is_no_way_to_sign_in(postgres: bool) {
    let op = StandIn::start().await;
    let server = issuer(postgres, &op, |provider, _| provider.mode = Mode::LinkOnly).await;
    op.say(person("s1", "ada@op.test"));
    let browser = signed_in(&server, "alice").await;
    connect(&server, &op, &browser).await;
    assert!(
        providers(&server, &browser)
            .await
            .has("#providers .badge-warning"),
        "the list says so"
    );
    let (app, other) = (server.app("demo-web", "openid"), Browser::new());
    let login = app.begin(&other, &[]).await;
    assert!(login.has("#sign-in") && !login.has("#with-op"), "{login:?}");
    server.stop().await;
}

/// KC#49175, KC#52321: the confirmation belongs to the session that began it.
async fn a_link_is_confirmed_only_where_it_was_begun(postgres: bool) {
    let op = StandIn::start().await;
    let server = issuer(postgres, &op, |_, _| {}).await;
    op.say(person("s1", "ada@op.test"));
    let mine = signed_in(&server, "alice").await;
    let page = begin_link(&server, &op, &mine).await;
    assert!(page.has("#connect"), "{page:?}");
    let confirm = format!("{}/upstream/confirm", server.issuer());
    let elsewhere = signed_in(&server, "ines").await;
    let foreign = elsewhere.open(&confirm, "").await;
    assert!(is(&foreign, 409, "provider_session"), "{foreign:?}");
    let posted = elsewhere.press(&page, "#connect", &[]).await;
    assert!(posted.answer.status >= 400, "{posted:?}");
    assert!(connected(&server).await.is_empty());
    // The same browser, with a session of its own that another user has begun.
    server.sign_out(&mine).await;
    let app = server.app("demo-web", "openid");
    app.sign_in(&mine, server.person("ines"), &[]).await;
    let after = mine.open(&confirm, "").await;
    assert!(is(&after, 409, "provider_session"), "{after:?}");
    assert!(connected(&server).await.is_empty());
    server.stop().await;
}

async fn a_session_of_long_ago_connects_nothing(postgres: bool) {
    let op = StandIn::start().await;
    let server = issuer(postgres, &op, |_, _| {}).await;
    op.say(person("s1", "ada@op.test"));
    let browser = signed_in(&server, "alice").await;
    let page = begin_link(&server, &op, &browser).await;
    server.clock.advance(30 * 60_000);
    let late = browser.press(&page, "#connect", &[]).await;
    let to = browser.follow(late, "").await;
    assert!(to.has("#sign-in"), "{to:?}");
    assert!(connected(&server).await.is_empty());
    server.stop().await;
}

/// A provider may answer for somebody without asking them: that makes no old session a fresh one.
async fn a_providers_word_renews_no_session_of_somebody_with_an_app(postgres: bool) {
    let op = StandIn::start().await;
    let server = issuer(postgres, &op, |_, _| {}).await;
    op.say(person("s1", "ada@op.test"));
    let home = signed_in(&server, "alice").await;
    connect(&server, &op, &home).await;
    let (phone, _) = Authenticator::set_up(&server, &home).await;
    let (app, browser) = (server.app("demo-web", "openid"), Browser::new());
    // A page from before the sign-in, of a request that nobody has answered.
    let login = app.begin(&browser, &[]).await;
    let second = at_second(&app, &browser, server.person("alice")).await;
    let done = browser
        .press(&second, "#verify", &[("code", &phone.code(&server))])
        .await;
    assert!(finish(&app, &browser, done).await.code.is_some());
    server.clock.advance(330_000);
    let gone = browser.press(&login, "#with-op", &[]).await;
    op.through(&server, &browser, &gone, &app.redirect_uri).await;
    let by_it = "SELECT method AS line FROM session_proofs WHERE method = 'upstream'";
    assert!(
        lines(server.db(), by_it).await.is_empty(),
        "the request waited for nobody"
    );
    let changes = format!("{}/account/totp/new", server.issuer());
    let page = browser.open(&changes, "").await;
    assert_eq!(page.url.path(), "/confirm", "{page:?}");
    // Nor is it enough where it was asked for: the app's code is.
    op.say(json!({ "sub": "s1", "auth_time": server.now().seconds() }));
    let confirm = page.url.as_str().replace("/confirm?", "/login?");
    let login = browser.open(&confirm, "").await;
    let gone = browser.press(&login, "#with-op", &[]).await;
    let next = op.through(&server, &browser, &gone, "").await;
    assert_eq!(next.url.path(), "/second", "{next:?}");
    let page = browser.open(&changes, "").await;
    assert_eq!(page.url.path(), "/confirm", "{page:?}");
    server.stop().await;
}

async fn of_two_users_who_connect_one_account_at_once_one_does(postgres: bool) {
    let op = StandIn::start().await;
    let server = issuer(postgres, &op, |_, _| {}).await;
    op.say(person("s1", "ada@op.test"));
    let (alice, ines) = (
        signed_in(&server, "alice").await,
        signed_in(&server, "ines").await,
    );
    let (hers, his) = (
        begin_link(&server, &op, &alice).await,
        begin_link(&server, &op, &ines).await,
    );
    let (one, other) = futures::join!(
        alice.press(&hers, "#connect", &[]),
        ines.press(&his, "#connect", &[])
    );
    let mut statuses = [one.answer.status, other.answer.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [303, 409]);
    assert_eq!(connected(&server).await.len(), 1);
    server.stop().await;
}

async fn a_second_account_of_one_provider_is_not_connected(postgres: bool) {
    let op = StandIn::start().await;
    let server = issuer(postgres, &op, |_, _| {}).await;
    op.say(person("s1", "ada@op.test"));
    let browser = signed_in(&server, "alice").await;
    let open = providers(&server, &browser).await;
    connect(&server, &op, &browser).await;
    op.say(person("s2", "eve@op.test"));
    // The page from before still has the button.
    let gone = browser.press(&open, "#connect-op", &[]).await;
    let refused = op.through(&server, &browser, &gone, "").await;
    assert!(is(&refused, 409, "provider_connected"), "{refused:?}");
    assert_eq!(connected(&server).await, ["alice s1"]);
    server.stop().await;
}

/// KC#53061: a proof outlived link and unlink.
async fn a_confirmation_counts_once_and_not_after_the_account_was_removed(postgres: bool) {
    let op = StandIn::start().await;
    let server = issuer(postgres, &op, |_, _| {}).await;
    op.say(person("s1", "ada@op.test"));
    let browser = signed_in(&server, "alice").await;
    let older = begin_link(&server, &op, &browser).await;
    let newer = begin_link(&server, &op, &browser).await;
    let done = browser.press(&newer, "#connect", &[]).await;
    assert_eq!(done.answer.status, 303, "{done:?}");
    let page = providers(&server, &browser).await;
    let removed = browser.press(&page, "#remove-op", &[]).await;
    assert_eq!(removed.answer.status, 303, "{removed:?}");
    for page in [&older, &newer] {
        let again = browser.press(page, "#connect", &[]).await;
        assert!(again.answer.status >= 400, "{again:?}");
    }
    assert!(connected(&server).await.is_empty());
    server.stop().await;
}

async fn roles_of_a_provider_are_those_that_it_gives_now(postgres: bool) {
    let op = StandIn::start().await;
    let server = issuer(postgres, &op, |provider, _| {
        provider
            .roles
            .insert("staff".to_owned(), vec!["instructor".to_owned()]);
    })
    .await;
    let roles = "SELECT role AS line FROM role_grants WHERE origin = 'upstream:op'";
    op.say(json!({ "sub": "s1", "roles": ["staff", "admin"] }));
    connect(&server, &op, &signed_in(&server, "alice").await).await;
    assert_eq!(
        lines(server.db(), roles).await,
        ["instructor"],
        "no other is mapped"
    );
    op.say(json!({ "sub": "s1", "roles": [] }));
    let app = server.app("demo-web", "openid");
    by_provider(&server, &op, &app, &Browser::new()).await;
    assert!(lines(server.db(), roles).await.is_empty());
    server.stop().await;
}

/// Signs somebody in by the provider, in this session of theirs there.
async fn in_session(server: &IssuerServer, op: &StandIn, sid: &str) -> Browser {
    server.clock.advance(1_000);
    op.say(json!({ "sub": "s1", "sid": sid }));
    let (app, browser) = (server.app("demo-web", "openid"), Browser::new());
    let back = by_provider(server, op, &app, &browser).await;
    finish(&app, &browser, back).await;
    browser
}

async fn is_signed_in(server: &IssuerServer, browser: &Browser) -> bool {
    let account = format!("{}/account", server.issuer());
    !browser.open(&account, "").await.has("#sign-in")
}

/// The status of the answer to a logout token.
async fn tell(server: &IssuerServer, token: &str) -> u16 {
    let at = format!("{}/upstream/op/backchannel-logout", server.issuer());
    let sent = http().post(at).form(&[("logout_token", token)]).send().await;
    sent.unwrap().status().as_u16()
}

async fn a_logout_at_the_provider_ends_what_rests_on_it_once(postgres: bool) {
    let op = StandIn::start().await;
    let server = issuer(postgres, &op, |_, _| {}).await;
    op.say(json!({ "sub": "s1" }));
    let by_password = signed_in(&server, "alice").await;
    connect(&server, &op, &by_password).await;
    let (first, second) = (
        in_session(&server, &op, "one").await,
        in_session(&server, &op, "two").await,
    );
    let now = server.clock.now_ms() / 1_000;
    let claims = |jti: &str, more: Value| {
        let claims = json!({
            "iss": op.op.url, "aud": CLIENT_ID, "iat": now, "exp": now + 120, "jti": jti,
            "events": { "http://schemas.openid.net/event/backchannel-logout": {} },
        });
        merged(claims, more)
    };
    let sign = |claims: &Value| op.op.signed(op.op.signer(), claims);
    let hostile = [
        claims("h1", json!({ "sub": "s1", "aud": "another" })),
        claims("h2", json!({ "sub": "s1", "nonce": "n" })),
        claims("h3", json!({ "sub": "s1", "events": {} })),
        claims("h4", json!({ "sub": "s1", "exp": now - 600 })),
    ];
    for claims in hostile {
        assert_eq!(tell(&server, &sign(&claims)).await, 400, "{claims}");
    }
    assert_eq!(tell(&server, "a.b.c").await, 400);
    assert!(is_signed_in(&server, &first).await);
    let token = sign(&claims("j1", json!({ "sid": "one", "sub": "s1" })));
    assert_eq!(tell(&server, &token).await, 200);
    assert_eq!(tell(&server, &token).await, 400, "a token counts once");
    assert!(!is_signed_in(&server, &first).await);
    assert!(is_signed_in(&server, &second).await);
    let all = sign(&claims("j2", json!({ "sub": "s1" })));
    assert_eq!(tell(&server, &all).await, 200);
    assert!(!is_signed_in(&server, &second).await);
    assert!(
        is_signed_in(&server, &by_password).await,
        "it rests on no provider"
    );
    let ended = "SELECT cause AS line FROM sessions WHERE ended_at IS NOT NULL ORDER BY cause";
    assert_eq!(lines(server.db(), ended).await, ["upstream_signed_out"; 2]);
    server.stop().await;
}

on_both! {
    whoever_has_connected_an_account_signs_in_by_it,
    a_sign_in_by_a_provider_is_of_its_own_class_and_asks_for_the_app,
    a_provider_gives_the_class_that_the_operator_maps,
    a_provider_that_states_the_victims_address_opens_no_account,
    the_same_subject_of_another_issuer_is_somebody_else,
    a_disabled_user_is_not_signed_in_by_a_provider,
    a_provider_that_only_connects_is_no_way_to_sign_in,
    a_link_is_confirmed_only_where_it_was_begun,
    a_session_of_long_ago_connects_nothing,
    a_providers_word_renews_no_session_of_somebody_with_an_app,
    of_two_users_who_connect_one_account_at_once_one_does,
    a_second_account_of_one_provider_is_not_connected,
    a_confirmation_counts_once_and_not_after_the_account_was_removed,
    roles_of_a_provider_are_those_that_it_gives_now,
    a_logout_at_the_provider_ends_what_rests_on_it_once,
}
