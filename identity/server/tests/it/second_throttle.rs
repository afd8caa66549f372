//! Guessing at the second step: whoever does it knows the password.

use crate::harness::second::{Authenticator, at_second, finish, verify};
use crate::harness::{App, Browser, IssuerServer, Seen, lines, on_both_engines};

/// Somebody with an authenticator app and a browser in which they have signed in with it.
async fn owner(server: &IssuerServer, app: &App, who: (&str, &str)) -> (Browser, Authenticator, Vec<String>) {
    let browser = Browser::new();
    app.sign_in(&browser, who, &[]).await;
    let (phone, codes) = Authenticator::set_up(server, &browser).await;
    (browser, phone, codes)
}

/// The page of the second step in a browser that may be signed in.
async fn again(server: &IssuerServer, app: &App, browser: &Browser, who: (&str, &str)) -> Seen {
    server.clock.advance(1_000);
    let page = app.begin(browser, &[("prompt", "login")]).await;
    let fields = [("username", who.0), ("password", who.1)];
    let pressed = browser.press(&page, "#sign-in", &fields).await;
    browser.follow(pressed, &app.redirect_uri).await
}

/// AC-06, AC-07.
async fn five_wrong_codes_block_right_ones_too_but_not_the_owners_browser(server: IssuerServer) {
    let (app, alice) = (server.app("demo-web", "openid"), server.person("alice"));
    let (known, phone, codes) = owner(&server, &app, alice).await;
    let stranger = Browser::new();
    let page = at_second(&app, &stranger, alice).await;
    for turn in 0..5 {
        let wrong = verify(&stranger, &page, &phone.wrong_code(&server)).await;
        assert_eq!(
            (wrong.answer.status, wrong.error().as_str()),
            (422, "code_wrong"),
            "{turn}"
        );
    }
    // Both kinds of codes are one count, and another browser of a stranger shares it.
    let other = Browser::new();
    let elsewhere = at_second(&app, &other, alice).await;
    for (browser, page, code) in [
        (&stranger, &page, phone.code(&server)),
        (&stranger, &page, codes[0].clone()),
        (&other, &elsewhere, phone.code(&server)),
    ] {
        let refused = verify(browser, page, &code).await;
        assert_eq!(
            (refused.answer.status, refused.error().as_str()),
            (429, "too_many")
        );
        let wait: i64 = refused.answer.header("retry-after").parse().expect("seconds");
        assert!((1..=31).contains(&wait), "{wait}");
    }
    let page = again(&server, &app, &known, alice).await;
    assert_eq!(
        verify(&known, &page, &phone.code(&server)).await.answer.status,
        303
    );
    // The block has an end, and what was refused during it was not used up.
    server.clock.advance(30_000);
    let done = verify(&other, &elsewhere, &codes[0]).await;
    assert_eq!(done.answer.status, 303, "{done:?}");
    server.stop().await;
}

async fn a_right_code_forgives_and_a_right_password_does_not(server: IssuerServer) {
    let (app, alice) = (server.app("demo-web", "openid"), server.person("alice"));
    let (_, phone, _) = owner(&server, &app, alice).await;
    for turn in 0..3 {
        let browser = Browser::new();
        let page = at_second(&app, &browser, alice).await;
        for _ in 0..4 {
            let wrong = verify(&browser, &page, &phone.wrong_code(&server)).await;
            assert_eq!(wrong.error(), "code_wrong", "{turn}");
        }
        assert_eq!(
            verify(&browser, &page, &phone.code(&server)).await.answer.status,
            303
        );
        server.clock.advance(30_000);
    }
    let browser = Browser::new();
    for _ in 0..5 {
        let page = at_second(&app, &browser, alice).await;
        verify(&browser, &page, &phone.wrong_code(&server)).await;
    }
    let page = at_second(&app, &browser, alice).await;
    let refused = verify(&browser, &page, &phone.code(&server)).await;
    assert_eq!(refused.error(), "too_many", "{refused:?}");
    server.stop().await;
}

/// CVE-2025-64102, AC-06.
async fn of_many_codes_at_once_five_are_looked_at(server: IssuerServer) {
    let (app, alice) = (server.app("demo-web", "openid"), server.person("alice"));
    let (_, phone, _) = owner(&server, &app, alice).await;
    let stranger = Browser::new();
    let page = at_second(&app, &stranger, alice).await;
    let wrong = phone.wrong_code(&server);
    let all = (0..40).map(|_| verify(&stranger, &page, &wrong));
    let all = futures::future::join_all(all).await;
    let looked_at = all.iter().filter(|seen| seen.error() == "code_wrong").count();
    let refused = all.iter().filter(|seen| seen.error() == "too_many").count();
    assert_eq!((looked_at, refused), (5, 35));
    server.stop().await;
}

async fn twenty_in_a_row_close_the_step_to_strangers_until_a_new_password(server: IssuerServer) {
    let (app, alice) = (server.app("demo-web", "openid"), server.person("alice"));
    let (known, phone, codes) = owner(&server, &app, alice).await;
    let stranger = Browser::new();
    let mut looked_at = 0;
    let closed = loop {
        // A request lasts for ten minutes, and a block for a quarter of an hour.
        let page = at_second(&app, &stranger, alice).await;
        let seen = verify(&stranger, &page, &phone.wrong_code(&server)).await;
        match seen.error().as_str() {
            "code_wrong" => looked_at += 1,
            "second_closed" => break seen,
            other => panic!("{other}: {seen:?}"),
        }
        server.clock.advance(900_000);
        assert!(looked_at <= 20, "it never closes");
    };
    assert_eq!((looked_at, closed.answer.status), (19, 403));
    let kinds = "SELECT kind AS line FROM audit WHERE kind LIKE 'second.%' ORDER BY id";
    let kinds = lines(server.db(), kinds).await;
    assert_eq!(kinds.iter().filter(|kind| *kind == "second.failed").count(), 20);
    assert_eq!(kinds.iter().filter(|kind| *kind == "second.closed").count(), 1);

    let told = lines(server.db(), "SELECT purpose AS line FROM mail ORDER BY id").await;
    assert_eq!(told, ["factor_added", "second_step_guessed"]);

    server.clock.advance(900_000);
    let other = Browser::new();
    let page = at_second(&app, &other, alice).await;
    for code in [phone.code(&server), codes[0].clone()] {
        let refused = verify(&other, &page, &code).await;
        assert_eq!(
            (refused.answer.status, refused.error().as_str()),
            (403, "second_closed")
        );
    }
    // The owner still gets in where they have signed in before.
    let page = again(&server, &app, &known, alice).await;
    let done = verify(&known, &page, &phone.code(&server)).await;
    assert!(finish(&app, &known, done).await.code.is_some());
    // Another password opens it for everybody who knows that.
    server.clock.advance(30_000);
    let users = server.identity().users();
    let changed = users.set_password("alice", None, "test").await.unwrap();
    let password = changed.password.expect("the new password");
    let page = at_second(&app, &other, ("alice", &password)).await;
    let done = verify(&other, &page, &phone.code(&server)).await;
    assert_eq!(done.answer.status, 303, "{done:?}");
    server.stop().await;
}

async fn nobody_without_the_password_reaches_the_count(server: IssuerServer) {
    let (app, alice) = (server.app("demo-web", "openid"), server.person("alice"));
    let (_, phone, _) = owner(&server, &app, alice).await;
    let stranger = Browser::new();
    let page = app.begin(&stranger, &[]).await;
    let form = page.form("#sign-in");
    let field = |name: &str| {
        form.pairs
            .iter()
            .find(|(known, _)| known == name)
            .expect("a field")
            .1
            .clone()
    };
    let (request, token) = (field("request"), field("token"));
    let url = format!("{}/second", server.issuer());
    for token in ["", token.as_str()] {
        let fields = [
            ("request", request.as_str()),
            ("token", token),
            ("code", "000000"),
        ];
        let refused = stranger.post(&url, server.issuer(), &fields).await;
        assert_eq!(
            (refused.answer.status, refused.error().as_str()),
            (403, "foreign_form")
        );
    }
    let counted = "SELECT id AS line FROM throttles WHERE id LIKE 'account|second|%'";
    assert!(lines(server.db(), counted).await.is_empty());
    let browser = Browser::new();
    let page = at_second(&app, &browser, alice).await;
    assert_eq!(
        verify(&browser, &page, &phone.code(&server)).await.answer.status,
        303
    );
    server.stop().await;
}

on_both_engines! {
    five_wrong_codes_block_right_ones_too_but_not_the_owners_browser,
    a_right_code_forgives_and_a_right_password_does_not,
    of_many_codes_at_once_five_are_looked_at,
    twenty_in_a_row_close_the_step_to_strangers_until_a_new_password,
    nobody_without_the_password_reaches_the_count,
}
