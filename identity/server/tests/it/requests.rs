//! Requests that their browsers carry, and steps that are taken twice.

use latchkey_db::{Db, sql};
use latchkey_identity::Seed;

use crate::harness::{App, Browser, IssuerServer, Matrix, Seen, Tokens, callback, claims, on_both_engines};

fn db(server: &IssuerServer) -> Db {
    server.identity().clone().store().db().clone()
}

/// What the rows of all requests hold of what was asked.
async fn rows(server: &IssuerServer) -> Vec<String> {
    let all = sql("SELECT parsed FROM authorization_requests");
    let rows = all.fetch_all(&db(server)).await.unwrap();
    rows.iter().map(|row| row.text("parsed").unwrap()).collect()
}

/// `request` of an address.
fn carried(seen: &Seen) -> String {
    let found = seen.url.query_pairs().find(|(name, _)| name == "request");
    found.expect("a request").1.into_owned()
}

async fn post_login(browser: &Browser, page: &Seen, who: (&str, &str)) -> Seen {
    let fields = [("username", who.0), ("password", who.1)];
    browser.press(page, "#sign-in", &fields).await
}

/// Signs in and allows by hand, so that each page can be pressed again: both pages, and where it led.
async fn walk(
    app: &App,
    browser: &Browser,
    who: (&str, &str),
    more: &[(&str, &str)],
) -> (Seen, Seen, String) {
    let login = app.begin(browser, more).await;
    let next = post_login(browser, &login, who).await;
    assert_eq!(next.answer.status, 303, "{next:?}");
    let consent = browser.follow(next, &app.redirect_uri).await;
    let next = browser.press(&consent, "#allow", &[]).await;
    let back = browser.follow(next, &app.redirect_uri).await;
    let back = back.location().expect("back to the client");
    (login, consent, back.into())
}

/// Where a press leads in the end, if it leads back to the client.
async fn led(app: &App, browser: &Browser, pressed: Seen) -> Option<String> {
    let seen = browser.follow(pressed, &app.redirect_uri).await;
    seen.location().map(String::from)
}

async fn asking_costs_no_row_until_its_browser_takes_a_step(server: IssuerServer) {
    let (app, browser) = (server.app("demo-web", "openid"), Browser::new());
    let login = app.begin(&browser, &[]).await;
    assert!(login.has("#sign-in"), "{login:?}");
    let account = browser.open(&format!("{}/account", server.issuer()), "").await;
    assert!(account.has("#sign-in"), "{account:?}");
    let wrong = post_login(&browser, &login, ("alice", "wrong")).await;
    assert_eq!(wrong.error(), "wrong_credentials");
    assert_eq!(rows(&server).await, Vec::<String>::new());
    let next = post_login(&browser, &login, server.person("alice")).await;
    assert_eq!(rows(&server).await, [""], "what was asked stays with the browser");
    let consent = browser.follow(next, &app.redirect_uri).await;
    let next = browser.press(&consent, "#allow", &[]).await;
    let back = callback(&browser.follow(next, &app.redirect_uri).await.location().unwrap());
    assert_eq!(app.redeem(&back.code.unwrap()).await.status, 200);
    assert_eq!(rows(&server).await.len(), 1, "one request, one row");
    server.stop().await;
}

async fn a_carried_request_opens_whole_and_in_its_own_browser_alone(server: IssuerServer) {
    let (app, browser) = (server.app("demo-web", "openid"), Browser::new());
    let login = app.begin(&browser, &[]).await;
    let sealed = carried(&login);
    assert!((64..=6_144).contains(&sealed.len()), "{}", sealed.len());
    let at = |path: &str, request: &str| format!("{}{path}?request={request}", server.issuer());
    let other = Browser::new();
    app.begin(&other, &[]).await;
    for path in ["/continue", "/login", "/consent"] {
        for stranger in [&other, &Browser::new()] {
            let seen = stranger.get(&at(path, &sealed)).await;
            assert_eq!(
                (seen.answer.status, seen.error().as_str()),
                (403, "other_browser"),
                "{path}"
            );
        }
        for place in [0, 43, sealed.len() / 2, sealed.len() - 2] {
            let letter = if &sealed[place..=place] == "A" { "B" } else { "A" };
            let tampered = format!("{}{letter}{}", &sealed[..place], &sealed[place + 1..]);
            let seen = browser.get(&at(path, &tampered)).await;
            assert_eq!(seen.answer.status, 403, "{path} {place}: {seen:?}");
            assert!(!seen.has("#application"), "nobody proved where this came from");
        }
        for broken in [&sealed[..sealed.len() - 8], "none", "A", &format!("{sealed}.A")] {
            let seen = browser.get(&at(path, broken)).await;
            assert!(
                (400..500).contains(&seen.answer.status),
                "{path} {broken}: {seen:?}"
            );
        }
    }
    // It is good for ten minutes, and then leads back to the application.
    server.clock.advance(10 * 60_000 - 1);
    assert!(browser.get(&at("/login", &sealed)).await.has("#sign-in"));
    server.clock.advance(1);
    for path in ["/continue", "/login", "/consent"] {
        let seen = browser.get(&at(path, &sealed)).await;
        assert_eq!(
            (seen.answer.status, seen.error().as_str()),
            (400, "expired"),
            "{path}"
        );
        assert!(
            seen.text("#application").contains("A web application"),
            "{seen:?}"
        );
        let strange = browser.get(&at(path, "none")).await;
        assert!(!strange.has("#application"), "{strange:?}");
    }
    let late = post_login(&browser, &login, server.person("alice")).await;
    assert_eq!((late.answer.status, late.error().as_str()), (400, "expired"));
    assert_eq!(rows(&server).await, Vec::<String>::new());
    server.stop().await;
}

async fn a_request_that_is_too_long_to_carry_is_a_row(server: IssuerServer) {
    let (app, browser) = (server.app("demo-web", "openid"), Browser::new());
    let long = "s".repeat(4_096);
    let nonce = "n".repeat(200);
    let login = app.begin(&browser, &[("state", &long), ("nonce", &nonce)]).await;
    assert_eq!(carried(&login).len(), 43);
    assert_eq!(rows(&server).await.len(), 1);
    let next = post_login(&browser, &login, server.person("alice")).await;
    let consent = browser.follow(next, &app.redirect_uri).await;
    let next = browser.press(&consent, "#allow", &[]).await;
    let back = led(&app, &browser, next).await.expect("back to the client");
    assert!(back.contains(&long), "the state comes back");
    let again = browser.press(&consent, "#allow", &[]).await;
    assert_eq!(
        led(&app, &browser, again).await,
        Some(back),
        "and so does the whole answer"
    );
    server.stop().await;
}

async fn what_is_posted_is_authenticated_whatever_session_has_come(server: IssuerServer) {
    let (app, browser) = (server.app("demo-web", "openid"), Browser::new());
    let mut pages = Vec::new();
    for _ in 0..3 {
        pages.push(app.begin(&browser, &[]).await);
    }
    let alice = app.sign_in(&browser, server.person("alice"), &[]).await;
    let (ines, password) = server.person("ines");
    let wrong = post_login(&browser, &pages[0], (ines, "wrong")).await;
    assert_eq!(
        (wrong.answer.status, wrong.error().as_str()),
        (422, "wrong_credentials"),
        "not alice's session"
    );
    assert!(wrong.has("#password"), "with the form to try again");
    // No is no, too: nobody asked whether alice's session would do.
    let cancelled = browser.press(&pages[1], "#cancel", &[]).await;
    let back = browser.follow(cancelled, &app.redirect_uri).await;
    let back = callback(&back.location().expect("back to the client"));
    assert_eq!((back.error.as_deref(), back.code), (Some("access_denied"), None));
    assert_eq!(
        app.refresh(alice.refresh()).await.status,
        200,
        "and she is still here"
    );
    let next = post_login(&browser, &pages[2], (ines, password)).await;
    let consent = browser.follow(next, &app.redirect_uri).await;
    let next = browser.press(&consent, "#allow", &[]).await;
    let back = browser.follow(next, &app.redirect_uri).await;
    let code = callback(&back.location().expect("back to the client")).code;
    let tokens = Tokens::of(&app.redeem(&code.expect("a code")).await);
    let sub = |tokens: &Tokens| claims(tokens.id.as_deref().unwrap())["sub"].clone();
    assert_ne!(sub(&tokens), sub(&alice));
    assert_eq!(
        app.refresh(alice.refresh()).await.code(),
        "invalid_grant",
        "her session was replaced"
    );
    server.stop().await;
}

async fn a_no_counts_though_another_tab_said_yes_meanwhile(server: IssuerServer) {
    let (app, browser) = (server.app("demo-web", "openid"), Browser::new());
    let login = app.begin(&browser, &[]).await;
    let next = post_login(&browser, &login, server.person("alice")).await;
    let one = browser.follow(next, &app.redirect_uri).await;
    let other = app.begin(&browser, &[]).await;
    let allowed = browser.press(&one, "#allow", &[]).await;
    assert!(led(&app, &browser, allowed).await.unwrap().contains("code="));
    let denied = browser.press(&other, "#deny", &[]).await;
    let back = led(&app, &browser, denied).await.unwrap();
    assert!(
        back.contains("error=access_denied") && !back.contains("code="),
        "{back}"
    );
    server.stop().await;
}

async fn a_second_press_gets_the_same_answer_while_nobody_has_redeemed_it(server: IssuerServer) {
    let (app, browser) = (server.app("demo-web", "openid"), Browser::new());
    let alice = server.person("alice");
    let (login, consent, first) = walk(&app, &browser, alice, &[]).await;
    let again = browser.press(&consent, "#allow", &[]).await;
    assert_eq!(led(&app, &browser, again).await.as_ref(), Some(&first), "Allow");
    let again = post_login(&browser, &login, alice).await;
    assert_eq!(led(&app, &browser, again).await.as_ref(), Some(&first), "Sign in");
    let at = format!("{}/continue?request={}", server.issuer(), carried(&login));
    let again = browser.get(&at).await;
    assert_eq!(again.location().map(String::from).as_ref(), Some(&first), "Back");
    // Whoever is not this browser gets nothing of it.
    let stranger = Browser::new().get(&at).await;
    assert_eq!(stranger.error(), "other_browser");
    // Its client may then have it twice: the second one is refused, and ends nothing.
    let code = callback(&first.parse().unwrap()).code.unwrap();
    let tokens = Tokens::of(&app.redeem(&code).await);
    assert_eq!(app.redeem(&code).await.code(), "invalid_grant");
    assert_eq!(
        app.refresh(tokens.refresh()).await.status,
        200,
        "the family lives"
    );

    // A no is told as often as it is said.
    let login = app.begin(&browser, &[("prompt", "login")]).await;
    let cancelled = browser.press(&login, "#cancel", &[]).await;
    let first = led(&app, &browser, cancelled).await;
    assert!(
        first
            .as_ref()
            .is_some_and(|to| to.contains("error=access_denied")),
        "{first:?}"
    );
    let again = browser.press(&login, "#cancel", &[]).await;
    assert_eq!(led(&app, &browser, again).await, first);
    let consent = app.begin(&browser, &[("prompt", "consent")]).await;
    let denied = browser.press(&consent, "#deny", &[]).await;
    let first = led(&app, &browser, denied).await;
    assert!(
        first
            .as_ref()
            .is_some_and(|to| to.contains("error=access_denied")),
        "{first:?}"
    );
    let again = browser.press(&consent, "#deny", &[]).await;
    assert_eq!(led(&app, &browser, again).await, first);
    server.stop().await;
}

async fn a_code_that_is_spent_or_over_is_not_given_again(server: IssuerServer) {
    let (app, browser) = (server.app("demo-web", "openid"), Browser::new());
    let alice = server.person("alice");
    let (login, consent, back) = walk(&app, &browser, alice, &[]).await;
    let tokens = app.redeem(&callback(&back.parse().unwrap()).code.unwrap()).await;
    let tokens = Tokens::of(&tokens);
    for pressed in [
        browser.press(&consent, "#allow", &[]).await,
        post_login(&browser, &login, alice).await,
    ] {
        let seen = browser.follow(pressed, &app.redirect_uri).await;
        assert_eq!((seen.answer.status, seen.error().as_str()), (400, "expired"));
        assert!(
            seen.text("#application").contains("A web application"),
            "{seen:?}"
        );
    }
    assert_eq!(
        app.refresh(tokens.refresh()).await.status,
        200,
        "nothing has ended"
    );
    let again = app.begin(&browser, &[("prompt", "consent")]).await;
    let allowed = browser.press(&again, "#allow", &[]).await;
    assert!(led(&app, &browser, allowed).await.unwrap().contains("code="));
    server.clock.advance(60_000);
    let pressed = browser.press(&again, "#allow", &[]).await;
    let seen = browser.follow(pressed, &app.redirect_uri).await;
    assert_eq!(seen.error(), "expired", "a code of a minute ago");
    server.stop().await;
}

async fn another_answer_to_what_was_answered_changes_nothing(server: IssuerServer) {
    let (app, browser) = (server.app("demo-web", "openid"), Browser::new());
    let alice = server.person("alice");
    let (login, consent, back) = walk(&app, &browser, alice, &[]).await;
    // No after yes.
    for pressed in [
        browser.press(&consent, "#deny", &[]).await,
        browser.press(&login, "#cancel", &[]).await,
    ] {
        assert_eq!(
            (pressed.answer.status, pressed.error().as_str()),
            (400, "expired")
        );
    }
    // Yes after no: signed in, and not at the application.
    let cancelled = app.begin(&browser, &[("prompt", "login")]).await;
    browser.press(&cancelled, "#cancel", &[]).await;
    browser
        .get(&cancelled.url.as_str().replace("/login", "/continue"))
        .await;
    let late = post_login(&browser, &cancelled, alice).await;
    assert_eq!(late.error(), "expired", "{late:?}");
    assert!(late.answer.headers.contains_key("set-cookie"), "{late:?}");
    // A wrong password is one, and somebody else's right one gets nothing of alice's.
    let wrong = post_login(&browser, &login, (alice.0, "wrong")).await;
    assert_eq!(wrong.error(), "wrong_credentials");
    let other = post_login(&browser, &login, server.person("ines")).await;
    let seen = browser.follow(other, &app.redirect_uri).await;
    assert_eq!(seen.error(), "expired", "{seen:?}");
    let code = callback(&back.parse().unwrap()).code.unwrap();
    assert_eq!(
        app.redeem(&code).await.code(),
        "invalid_grant",
        "her session was replaced"
    );
    server.stop().await;
}

async fn an_application_that_can_begin_by_itself_is_sent_to_do_so(server: IssuerServer) {
    let seed = "[[clients]]\nclient_id = \"begins\"\nclient_secret = \"a-secret-of-this-test\"\n\
                grant_types = [\"authorization_code\"]\nredirect_uris = [\"https://begins.test/cb\"]\n\
                scope = \"openid\"\ninitiate_login_uri = \"https://begins.test/in?a=b\"\n";
    let identity = server.identity().clone();
    identity.seed(Seed::parse(seed).unwrap(), "test").await.unwrap();
    let app = App {
        issuer: server.issuer().to_owned(),
        client_id: "begins".to_owned(),
        secret: Some("a-secret-of-this-test".to_owned()),
        redirect_uri: "https://begins.test/cb".to_owned(),
        scope: "openid".to_owned(),
    };
    let begins = {
        let issuer: String = url::form_urlencoded::byte_serialize(server.issuer().as_bytes()).collect();
        format!("https://begins.test/in?a=b&iss={issuer}")
    };
    let browser = Browser::new();
    let (login, consent, back) = walk(&app, &browser, server.person("alice"), &[]).await;
    let redeemed = app.redeem(&callback(&back.parse().unwrap()).code.unwrap()).await;
    assert_eq!(redeemed.status, 200, "{redeemed:?}");
    let pressed = browser.press(&consent, "#allow", &[]).await;
    let seen = browser.follow(pressed, "https://begins.test/").await;
    assert_eq!(seen.location().map(String::from), Some(begins.clone()));
    // Whoever says no is shown the way, and not sent.
    let denied = browser.press(&consent, "#deny", &[]).await;
    assert_eq!(denied.error(), "expired", "{denied:?}");
    assert!(
        denied.has(&format!("#application[href='{begins}']")),
        "{denied:?}"
    );
    server.clock.advance(10 * 60_000);
    let late = browser.get(login.url.as_str()).await;
    assert!(late.has(&format!("#application[href='{begins}']")), "{late:?}");
    server.stop().await;
}

/// Two presses at once: each comes to the one answer, whichever was faster.
async fn presses_at_once_come_to_one_answer(server: IssuerServer) {
    let (app, browser) = (server.app("demo-web", "openid"), Browser::new());
    let alice = server.person("alice");
    app.sign_in(&browser, alice, &[]).await;
    for _ in 0..5 {
        let consent = app.begin(&browser, &[("prompt", "consent")]).await;
        let presses = (0..4).map(async |_| {
            let pressed = browser.press(&consent, "#allow", &[]).await;
            led(&app, &browser, pressed).await
        });
        let all = futures::future::join_all(presses).await;
        assert!(all[0].as_ref().is_some_and(|to| to.contains("code=")), "{all:?}");
        assert!(all.iter().all(|to| *to == all[0]), "{all:?}");
    }
    server.stop().await;
}

/// AC-09: no step works before the one that it follows.
/// CVE-2026-18963, CVE-2026-49448, CVE-2025-64103, CVE-2024-45042.
#[tokio::test]
async fn no_step_of_a_sign_in_works_out_of_order() {
    let server = IssuerServer::new().await;
    let app = server.app("demo-web", "openid");
    let (name, password) = server.person("alice");
    let issuer = server.issuer();
    let pair = |page: &Seen, button: &str, field: &str| {
        let pairs = page.form(button).pairs;
        pairs
            .into_iter()
            .find(|(known, _)| known == field)
            .map(|(_, value)| value)
            .unwrap_or_default()
    };
    let mut matrix = Matrix::new("AC-09 state of a request × step");
    for state in ["begun", "signed in", "finished", "account", "none"] {
        let browser = Browser::new();
        let login = app.begin(&browser, &[]).await;
        let (mut id, token) = (
            pair(&login, "#sign-in", "request"),
            pair(&login, "#sign-in", "token"),
        );
        let fields = [("username", name), ("password", password)];
        let mut finished = String::new();
        match state {
            "signed in" => {
                browser.press(&login, "#sign-in", &fields).await;
            }
            "finished" => {
                let next = browser.press(&login, "#sign-in", &fields).await;
                let consent = browser.follow(next, &app.redirect_uri).await;
                let next = browser.press(&consent, "#allow", &[]).await;
                let back = browser.follow(next, &app.redirect_uri).await;
                finished = back.answer.header("location").to_owned();
                assert!(finished.contains("code="), "{back:?}");
            }
            "account" => {
                let page = browser.open(&format!("{issuer}/account"), "").await;
                id = pair(&page, "#sign-in", "request");
            }
            "none" => id = "A".repeat(43),
            _ => {}
        }
        for (path, action) in [("/login", "sign-in"), ("/consent", "allow")] {
            for (what, token) in [("no token", ""), ("the token of the first page", token.as_str())] {
                if path == "/login"
                    && what != "no token"
                    && ["begun", "signed in", "finished"].contains(&state)
                {
                    continue;
                }
                let form = [
                    ("request", id.as_str()),
                    ("token", token),
                    ("action", action),
                    fields[0],
                    fields[1],
                ];
                let seen = browser.post(&format!("{issuer}{path}"), issuer, &form).await;
                // Refused, or sent on to where the request really is.
                let to = seen.answer.header("location");
                let refused = match seen.error().as_str() {
                    "foreign_form" => seen.answer.status == 403,
                    "expired" => seen.answer.status == 400 && path == "/consent",
                    _ => path == "/consent" && to == format!("/continue?request={id}"),
                };
                matrix.hold(format!("{state} × POST {path}, {what}"), refused, &seen);
            }
        }
        for path in ["/login", "/consent", "/continue"] {
            let seen = browser.get(&format!("{issuer}{path}?request={id}")).await;
            let to = seen.answer.header("location").to_owned();
            // What is finished has its one answer, which its browser may see again; nothing else has one.
            let code = to.contains("code=") && to != finished;
            let gone = state == "none";
            matrix.hold(
                format!("{state} × GET {path}"),
                !code && (!gone || (400..500).contains(&seen.answer.status)),
                &seen,
            );
        }
        if state != "finished" {
            let silent = app.walk(&browser, ("", ""), &[("prompt", "none")]).await;
            matrix.hold(
                format!("{state}: no code came of it"),
                silent.code.is_none(),
                &silent,
            );
        }
    }
    matrix.end();
    server.stop().await;
}

on_both_engines! {
    asking_costs_no_row_until_its_browser_takes_a_step,
    a_carried_request_opens_whole_and_in_its_own_browser_alone,
    a_request_that_is_too_long_to_carry_is_a_row,
    what_is_posted_is_authenticated_whatever_session_has_come,
    a_no_counts_though_another_tab_said_yes_meanwhile,
    a_second_press_gets_the_same_answer_while_nobody_has_redeemed_it,
    a_code_that_is_spent_or_over_is_not_given_again,
    another_answer_to_what_was_answered_changes_nothing,
    an_application_that_can_begin_by_itself_is_sent_to_do_so,
    presses_at_once_come_to_one_answer,
}
