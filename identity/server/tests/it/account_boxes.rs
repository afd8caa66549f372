//! The box "sign out my other devices": empty where something is added, ticked where something is removed, and never about
//! the browser that it is pressed in.

use crate::harness::authenticator::Authenticator as Passkey;
use crate::harness::second::{Authenticator, at_second};
use crate::harness::{App, Browser, IssuerServer, Seen, lines, on_both_engines, run};

fn at(server: &IssuerServer, path: &str) -> String {
    format!("{}{path}", server.issuer())
}

async fn signed_in(app: &App, who: (&str, &str)) -> Browser {
    let browser = Browser::new();
    app.sign_in(&browser, who, &[]).await;
    browser
}

async fn is_signed_in(server: &IssuerServer, browser: &Browser) -> bool {
    let page = browser.open(&at(server, "/account"), "").await;
    page.has("#checkup")
}

/// The form of a button as it is, but with the box ticked or not.
async fn press_with_box(browser: &Browser, page: &Seen, button: &str, ticked: bool) -> Seen {
    let form = page.form(button);
    let mut pairs = form.pairs;
    pairs.retain(|(name, _)| name != "end-others");
    if ticked {
        pairs.push(("end-others".to_owned(), "yes".to_owned()));
    }
    let pairs: Vec<(&str, &str)> = pairs.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    let to = page.url.join(&form.action).expect("an address");
    let origin = page.url.origin().ascii_serialization();
    browser.post(to.as_str(), &origin, &pairs).await
}

async fn an_added_app_signs_others_out_only_where_it_is_asked_for(server: IssuerServer) {
    let (app, alice) = (server.app("demo-web", "openid"), server.person("alice"));
    let (here, there) = (signed_in(&app, alice).await, signed_in(&app, alice).await);
    let new = at(&server, "/account/totp/new");
    for ticked in [false, true] {
        let page = here.open(&new, "").await;
        assert!(
            page.has("#end-others") && !page.has("#end-others[checked]"),
            "{page:?}"
        );
        let code = Authenticator::scan(&page).code(&server);
        let ending = [("code", code.as_str()), ("end-others", "yes")];
        let fields = if ticked { &ending[..] } else { &ending[..1] };
        let done = here.press(&page, "#enable", fields).await;
        assert!(done.answer.status < 400, "{done:?}");
        assert_eq!(is_signed_in(&server, &there).await, !ticked, "{ticked}");
        assert!(is_signed_in(&server, &here).await, "{ticked}");
        server.clock.advance(30_000);
    }
    server.stop().await;
}

async fn renewed_codes_sign_others_out_only_where_it_is_asked_for(server: IssuerServer) {
    let (app, alice) = (server.app("demo-web", "openid"), server.person("alice"));
    let (here, there) = (signed_in(&app, alice).await, signed_in(&app, alice).await);
    Authenticator::set_up(&server, &here).await;
    for ticked in [false, true] {
        let page = here.open(&at(&server, "/account/recovery-codes"), "").await;
        assert!(
            page.has("#end-others") && !page.has("#end-others[checked]"),
            "{page:?}"
        );
        let done = press_with_box(&here, &page, "#renew", ticked).await;
        assert!(done.has("#codes"), "{done:?}");
        assert_eq!(is_signed_in(&server, &there).await, !ticked, "{ticked}");
        assert!(is_signed_in(&server, &here).await, "{ticked}");
    }
    server.stop().await;
}

async fn an_added_passkey_signs_others_out_only_where_it_is_asked_for(server: IssuerServer) {
    let (app, alice) = (server.app("demo-web", "openid"), server.person("alice"));
    let (here, there) = (signed_in(&app, alice).await, signed_in(&app, alice).await);
    for ticked in [false, true] {
        let page = here.open(&at(&server, "/account/passkeys"), "").await;
        assert!(
            page.has("#end-others") && !page.has("#end-others[checked]"),
            "{page:?}"
        );
        let made = Passkey::new().create(&page).to_string();
        let ending = [("passkey", made.as_str()), ("end-others", "yes")];
        let fields = if ticked { &ending[..] } else { &ending[..1] };
        let done = here.press(&page, "#add-passkey", fields).await;
        assert_eq!(done.answer.status, 303, "{done:?}");
        assert_eq!(is_signed_in(&server, &there).await, !ticked, "{ticked}");
        assert!(is_signed_in(&server, &here).await, "{ticked}");
    }
    server.stop().await;
}

async fn a_removed_passkey_signs_others_out_unless_the_box_is_emptied(server: IssuerServer) {
    let (app, alice) = (server.app("demo-web", "openid"), server.person("alice"));
    for ticked in [false, true] {
        let (here, there) = (signed_in(&app, alice).await, signed_in(&app, alice).await);
        let page = here.open(&at(&server, "/account/passkeys"), "").await;
        let made = Passkey::new().create(&page).to_string();
        let done = here.press(&page, "#add-passkey", &[("passkey", &made)]).await;
        let page = here.follow(done, "").await;
        assert!(page.has("#end-others-1[checked]"), "{page:?}");
        let done = press_with_box(&here, &page, "[data-remove]", ticked).await;
        assert_eq!(done.answer.status, 303, "{done:?}");
        assert_eq!(is_signed_in(&server, &there).await, !ticked, "{ticked}");
        assert!(is_signed_in(&server, &here).await, "{ticked}");
    }
    server.stop().await;
}

/// What rests on the passkey ends without the box, too; but this browser goes on with its password.
async fn a_removed_passkey_leaves_this_browser_what_else_was_proved(server: IssuerServer) {
    let (app, alice) = (server.app("demo-web", "openid"), server.person("alice"));
    let (here, there) = (signed_in(&app, alice).await, signed_in(&app, alice).await);
    let page = here.open(&at(&server, "/account/passkeys"), "").await;
    let made = Passkey::new().create(&page).to_string();
    let done = here.press(&page, "#add-passkey", &[("passkey", &made)]).await;
    let page = here.follow(done, "").await;
    run(
        server.db(),
        "INSERT INTO session_proofs (session_id, method, credential, at) \
         SELECT s.id, 'passkey', p.credential_id, s.created_at FROM sessions s, passkeys p"
            .to_owned(),
    )
    .await;
    let before = here.cookie("latchkey-session");
    let done = press_with_box(&here, &page, "[data-remove]", false).await;
    assert_eq!(done.answer.header("location"), "/account/passkeys?done=removed");
    assert_ne!(here.cookie("latchkey-session"), before, "another session");
    assert!(is_signed_in(&server, &here).await);
    assert!(!is_signed_in(&server, &there).await);
    let proofs = "SELECT p.method AS line FROM session_proofs p JOIN sessions s ON s.id = p.session_id \
                  WHERE s.ended_at IS NULL";
    assert_eq!(lines(server.db(), proofs).await, ["password"]);
    server.stop().await;
}

/// Without the box only what rests on the app ends; this browser goes on with its password.
async fn a_removed_app_takes_what_rests_on_it_and_others_with_the_box(server: IssuerServer) {
    let (app, alice) = (server.app("demo-web", "openid"), server.person("alice"));
    for ticked in [false, true] {
        let there = signed_in(&app, alice).await;
        let first = signed_in(&app, alice).await;
        let (phone, _) = Authenticator::set_up(&server, &first).await;
        let here = Browser::new();
        let page = at_second(&app, &here, alice).await;
        let code = phone.code(&server);
        here.press(&page, "#verify", &[("code", &code)]).await;
        let page = here.open(&at(&server, "/account/second"), "").await;
        assert!(page.has("#end-others-1[checked]"), "{page:?}");
        let done = press_with_box(&here, &page, "[data-app] button", ticked).await;
        assert_eq!(done.answer.header("location"), "/account/second?done=app_removed");
        assert_eq!(is_signed_in(&server, &there).await, !ticked, "{ticked}");
        assert!(!is_signed_in(&server, &first).await, "it rests on the app");
        assert!(is_signed_in(&server, &here).await, "{ticked}");
        let page = here.open(&at(&server, "/account/second"), "").await;
        assert!(!page.has("[data-app]"), "{page:?}");
        server.clock.advance(30_000);
    }
    server.stop().await;
}

/// Another password always ends everything else, with or without a box.
async fn a_password_page_needs_no_box(server: IssuerServer) {
    let (app, alice) = (server.app("demo-web", "openid"), server.person("alice"));
    let (here, there) = (signed_in(&app, alice).await, signed_in(&app, alice).await);
    let page = here.open(&at(&server, "/account/password"), "").await;
    assert!(page.has("#save") && !page.has("#end-others"), "{page:?}");
    let new = [("password", "another long password of hers")];
    let done = here.press(&page, "#save", &new).await;
    assert_eq!(done.answer.status, 303, "{done:?}");
    assert!(!is_signed_in(&server, &there).await);
    assert!(is_signed_in(&server, &here).await);
    server.stop().await;
}

/// A first password takes nothing from anybody: it ends what its user asks for, and nothing else.
async fn a_first_password_signs_others_out_only_where_it_is_asked_for(server: IssuerServer) {
    let (app, alice) = (server.app("demo-web", "openid"), server.person("alice"));
    for (ticked, password) in [(false, "a first long password"), (true, "a second long password")] {
        let (here, there) = (signed_in(&app, alice).await, signed_in(&app, alice).await);
        let hash = lines(
            server.db(),
            "SELECT password_hash AS line FROM users WHERE username = 'alice'",
        )
        .await;
        run(
            server.db(),
            "UPDATE users SET password_hash = NULL WHERE username = 'alice'".to_owned(),
        )
        .await;
        let page = here.open(&at(&server, "/account/password"), "").await;
        assert!(
            page.has("#end-others") && !page.has("#end-others[checked]"),
            "{page:?}"
        );
        let ending = [("password", password), ("end-others", "yes")];
        let fields = if ticked { &ending[..] } else { &ending[..1] };
        let done = here.press(&page, "#save", fields).await;
        assert_eq!(done.answer.header("location"), "/account?done=password");
        assert_eq!(is_signed_in(&server, &there).await, !ticked, "{ticked}");
        assert!(is_signed_in(&server, &here).await, "{ticked}");
        run(
            server.db(),
            format!(
                "UPDATE users SET password_hash = '{}' WHERE username = 'alice'",
                hash[0]
            ),
        )
        .await;
    }
    server.stop().await;
}

on_both_engines! {
    an_added_app_signs_others_out_only_where_it_is_asked_for,
    renewed_codes_sign_others_out_only_where_it_is_asked_for,
    an_added_passkey_signs_others_out_only_where_it_is_asked_for,
    a_removed_passkey_signs_others_out_unless_the_box_is_emptied,
    a_removed_passkey_leaves_this_browser_what_else_was_proved,
    a_removed_app_takes_what_rests_on_it_and_others_with_the_box,
    a_password_page_needs_no_box,
    a_first_password_signs_others_out_only_where_it_is_asked_for,
}
