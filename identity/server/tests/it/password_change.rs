//! Another password, chosen on the account pages.

use crate::harness::second::Authenticator;
use crate::harness::{Browser, IssuerServer, Seen, lines, on_both_engines};
use crate::recovery::{ALICE, NEW, ask, is, is_password, link, links, records};

async fn page(server: &IssuerServer, browser: &Browser) -> Seen {
    browser
        .open(&format!("{}/account/password", server.issuer()), "")
        .await
}

async fn change(browser: &Browser, page: &Seen, current: &str, new: &str) -> Seen {
    browser
        .press(page, "#save", &[("current-password", current), ("password", new)])
        .await
}

async fn another_password_ends_every_session_but_this_and_every_grant(server: IssuerServer) {
    let app = server.app("demo-web", "openid offline_access");
    let alice = server.person("alice");
    let (here, there) = (Browser::new(), Browser::new());
    let unused = link(&server).await;
    let offline = app.sign_in(&here, alice, &[]).await;
    let other = app.sign_in(&there, alice, &[]).await;
    let device = here.cookie("latchkey-device");
    let account = format!("{}/account", server.issuer());
    assert!(
        here.open(&account, "")
            .await
            .has("#change-password[href='/account/password']")
    );
    let form = page(&server, &here).await;
    assert!(!form.has("#current-password"), "the sign-in is fresh: {form:?}");
    let done = change(&here, &form, "", NEW).await;
    let done = here.follow(done, "").await;
    assert!(
        done.text("[role='status']")
            .contains("Your password was changed."),
        "{done:?}"
    );

    for tokens in [&offline, &other] {
        assert_eq!(app.refresh(tokens.refresh()).await.status, 400);
    }
    assert!(there.open(&account, "").await.has("#sign-in"));
    assert!(here.open(&account, "").await.has("#checkup"));
    assert_ne!(here.cookie("latchkey-device"), device, "bound to the epoch");
    assert!(!is_password(&server, alice.1).await && is_password(&server, NEW).await);
    assert!(is(&there.get(&unused).await, 410, "link_used"));
    assert_eq!(records(&server, "password.").await, ["password.changed"]);
    let told = server.mails_to(ALICE).await;
    assert!(
        told.iter().any(|mail| mail.purpose == "password_changed"),
        "{told:?}"
    );
    server.stop().await;
}

async fn after_five_minutes_the_current_password_is_asked_for(server: IssuerServer) {
    let (app, alice) = (server.app("demo-web", "openid"), server.person("alice"));
    let browser = Browser::new();
    app.sign_in(&browser, alice, &[]).await;
    server.clock.advance(5 * 60_000);
    let form = page(&server, &browser).await;
    assert!(form.has("#current-password"), "{form:?}");
    for wrong in ["", "not it", NEW] {
        let refused = change(&browser, &form, wrong, NEW).await;
        assert!(is(&refused, 422, "password_wrong"), "{wrong:?}: {refused:?}");
    }
    let done = change(&browser, &form, alice.1, NEW).await;
    assert_eq!(
        done.answer.header("location"),
        "/account?done=password",
        "{done:?}"
    );
    server.stop().await;
}

/// Whoever has the browser of somebody guesses no more than at the sign-in page.
async fn guesses_at_the_current_password_are_counted_and_blocked(server: IssuerServer) {
    let (app, alice) = (server.app("demo-web", "openid"), server.person("alice"));
    let browser = Browser::new();
    app.sign_in(&browser, alice, &[]).await;
    server.clock.advance(5 * 60_000);
    let form = page(&server, &browser).await;
    let mut told = Vec::new();
    for _ in 0..21 {
        told.push(change(&browser, &form, "wrong", NEW).await.answer.status);
    }
    assert_eq!((told[19], told[20]), (422, 429), "{told:?}");
    let right = change(&browser, &form, alice.1, NEW).await;
    assert_eq!(right.answer.status, 429, "{right:?}");
    server.clock.advance(31_000);
    let right = change(&browser, &form, alice.1, NEW).await;
    assert_eq!(right.answer.status, 303, "{right:?}");
    server.stop().await;
}

async fn a_short_password_stands_beside_a_second_step_alone(server: IssuerServer) {
    let (app, alice) = (server.app("demo-web", "openid"), server.person("alice"));
    let browser = Browser::new();
    app.sign_in(&browser, alice, &[]).await;
    let form = page(&server, &browser).await;
    assert!(is(
        &change(&browser, &form, "", "nine otter").await,
        422,
        "password_short"
    ));
    Authenticator::set_up(&server, &browser).await;
    let form = page(&server, &browser).await;
    assert!(is(
        &change(&browser, &form, "", "7 otter").await,
        422,
        "password_short"
    ));
    let done = change(&browser, &form, "", "nine otter").await;
    assert_eq!(done.answer.status, 303, "{done:?}");
    // The session stays what it was: the second step is not asked for again.
    assert!(page(&server, &browser).await.has("#save"));
    server.stop().await;
}

/// Nothing under fifteen characters signs anybody in by itself.
async fn a_short_password_is_replaced_before_the_last_app_goes(server: IssuerServer) {
    let (app, alice) = (server.app("demo-web", "openid"), server.person("alice"));
    let browser = Browser::new();
    app.sign_in(&browser, alice, &[]).await;
    Authenticator::set_up(&server, &browser).await;
    let form = page(&server, &browser).await;
    assert_eq!(change(&browser, &form, "", "nine otter").await.answer.status, 303);
    let at = format!("{}/account/second", server.issuer());
    let account = browser.open(&at, "").await;
    let asked = browser.press(&account, "[data-app] button", &[]).await;
    assert_eq!(asked.answer.header("location"), "/account/password?alone");
    let asked = browser.follow(asked, "").await;
    for short in ["7 otter", "fourteen chars"] {
        let refused = change(&browser, &asked, "", short).await;
        assert!(is(&refused, 422, "password_short"), "{short}: {refused:?}");
    }
    assert_eq!(lines(server.db(), "SELECT id AS line FROM totp").await.len(), 1);
    let done = change(&browser, &asked, "", NEW).await;
    assert_eq!(done.answer.status, 303, "{done:?}");
    let account = browser.open(&at, "").await;
    let removed = browser.press(&account, "[data-app] button", &[]).await;
    assert_eq!(
        removed.answer.header("location"),
        "/account/second?done=app_removed"
    );
    assert!(lines(server.db(), "SELECT id AS line FROM totp").await.is_empty());
    server.stop().await;
}

async fn a_form_of_another_session_or_site_changes_nothing(server: IssuerServer) {
    let (app, alice) = (server.app("demo-web", "openid"), server.person("alice"));
    let (browser, other) = (Browser::new(), Browser::new());
    app.sign_in(&browser, alice, &[]).await;
    app.sign_in(&other, server.person("ines"), &[]).await;
    let url = format!("{}/account/password", server.issuer());
    let form = page(&server, &other).await;
    let crossed = change(&browser, &form, "", NEW).await;
    assert!(is(&crossed, 403, "foreign_form"), "{crossed:?}");
    let own = page(&server, &browser).await.form("#save").pairs;
    let mut fields: Vec<(&str, &str)> = own.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    fields.retain(|(name, _)| *name != "password");
    fields.push(("password", NEW));
    let foreign = browser.post(&url, "https://evil.test", &fields).await;
    assert!(is(&foreign, 403, "foreign_form"), "{foreign:?}");
    let nobody = Browser::new().post(&url, server.issuer(), &fields).await;
    assert_eq!(nobody.answer.status, 303, "to the sign-in: {nobody:?}");
    assert!(is_password(&server, alice.1).await);
    // Of two forms at once one counts, and the other browser has no session any more.
    let again = page(&server, &browser).await;
    let (one, two) = futures::join!(
        change(&browser, &again, "", NEW),
        change(&browser, &again, "", "eight boats on the canal")
    );
    let changed = [&one, &two].map(|seen| seen.answer.header("location") == "/account?done=password");
    assert_eq!(
        changed.iter().filter(|changed| **changed).count(),
        1,
        "{one:?} {two:?}"
    );
    server.stop().await;
}

#[tokio::test]
async fn password_managers_are_led_to_the_page() {
    let server = IssuerServer::new().await;
    let url = format!("{}/.well-known/change-password", server.issuer());
    let led = Browser::new().get(&url).await;
    assert_eq!(
        (led.answer.status, led.answer.header("location")),
        (303, "/account/password")
    );
    let browser = Browser::new();
    let login = browser.open(&url, "").await;
    let (name, password) = server.person("alice");
    let fields = [("username", name), ("password", password)];
    let pressed = browser.press(&login, "#sign-in", &fields).await;
    let there = browser.follow(pressed, "").await;
    assert_eq!(there.url.path(), "/account/password");
    server.stop().await;
}

/// A link that was asked for before is no way around the new password.
#[tokio::test]
async fn a_link_from_before_the_change_sets_nothing() {
    let server = IssuerServer::new().await;
    let app = server.app("demo-web", "openid");
    ask(&server, &Browser::new(), "alice").await;
    let link = links(&server, ALICE, "password_reset").await.swap_remove(0);
    let thief = Browser::new();
    let open = crate::recovery::open(&thief, &link).await;
    let browser = Browser::new();
    app.sign_in(&browser, server.person("alice"), &[]).await;
    let form = page(&server, &browser).await;
    assert_eq!(change(&browser, &form, "", NEW).await.answer.status, 303);
    let late = crate::recovery::save(&thief, &open, "eight boats on the canal", "").await;
    assert!(is(&late, 410, "link_used"), "{late:?}");
    server.stop().await;
}

on_both_engines! {
    another_password_ends_every_session_but_this_and_every_grant,
    after_five_minutes_the_current_password_is_asked_for,
    guesses_at_the_current_password_are_counted_and_blocked,
    a_short_password_stands_beside_a_second_step_alone,
    a_short_password_is_replaced_before_the_last_app_goes,
    a_form_of_another_session_or_site_changes_nothing,
}
