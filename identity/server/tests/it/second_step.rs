//! The second step of a sign-in: authenticator apps, recovery codes, remembered devices.

use crate::harness::second::{Authenticator, after_password, at_second, finish, recovery_codes, verify};
use crate::harness::{App, Browser, IssuerServer, Seen, Tokens, claims, lines, on_both_engines};

/// A browser in which somebody is signed in.
async fn signed_in(app: &App, who: (&str, &str)) -> Browser {
    let browser = Browser::new();
    app.sign_in(&browser, who, &[]).await;
    browser
}

/// The ID token's claims of a sign-in that ends here.
async fn id_claims(app: &App, browser: &Browser, seen: Seen) -> serde_json::Value {
    let back = finish(app, browser, seen).await;
    let answer = app
        .redeem(&back.code.unwrap_or_else(|| panic!("{:?}", back.error)))
        .await;
    assert_eq!(answer.status, 200, "{answer:?}");
    claims(&Tokens::of(&answer).id.expect("an ID token"))
}

async fn account(server: &IssuerServer, browser: &Browser) -> Seen {
    browser.open(&format!("{}/account", server.issuer()), "").await
}

/// The page of what somebody is signed in with.
async fn sessions(server: &IssuerServer, browser: &Browser) -> Seen {
    browser
        .open(&format!("{}/account/sessions", server.issuer()), "")
        .await
}

/// The page of authenticator apps.
async fn apps(server: &IssuerServer, browser: &Browser) -> Seen {
    browser
        .open(&format!("{}/account/second", server.issuer()), "")
        .await
}

async fn an_app_is_asked_for_once_its_first_code_was_right(server: IssuerServer) {
    let (app, alice) = (server.app("demo-web", "openid"), server.person("alice"));
    let browser = signed_in(&app, alice).await;
    let new = format!("{}/account/totp/new", server.issuer());
    let page = browser.open(&new, "").await;
    assert!(
        page.has("#qr path") && page.has("#otpauth[href^='otpauth://totp/']"),
        "{page:?}"
    );
    let phone = Authenticator::scan(&page);
    let wrong = browser
        .press(&page, "#enable", &[("code", &phone.wrong_code(&server))])
        .await;
    assert_eq!((wrong.answer.status, wrong.error().as_str()), (422, "code_wrong"));
    assert_eq!(
        Authenticator::scan(&wrong).code_at(0),
        phone.code_at(0),
        "the same secret"
    );
    // Nothing is asked yet.
    let back = app.walk(&Browser::new(), alice, &[]).await;
    assert!(back.code.is_some(), "{back:?}");

    server.clock.advance(600_000);
    let late = browser
        .press(&wrong, "#enable", &[("code", &phone.code(&server))])
        .await;
    assert_eq!((late.answer.status, late.error().as_str()), (422, "code_expired"));
    let phone = Authenticator::scan(&late);
    let shown = browser
        .press(&late, "#enable", &[("code", &phone.code(&server))])
        .await;
    assert_eq!(recovery_codes(&shown).len(), 10, "{shown:?}");
    assert!(shown.has("#saved[href='/account']"));
    assert!(apps(&server, &browser).await.has("#apps [data-app]"));

    server.clock.advance(30_000);
    let stranger = Browser::new();
    let page = at_second(&app, &stranger, alice).await;
    assert!(stranger.cookie("latchkey-session").is_none(), "no session yet");
    let done = verify(&stranger, &page, &phone.code(&server)).await;
    let claims = id_claims(&app, &stranger, done).await;
    assert_eq!(claims["acr"], "urn:latchkey:acr:mfa");
    assert_eq!(claims["amr"], serde_json::json!(["pwd", "otp", "mfa"]));
    server.stop().await;
}

async fn a_page_pressed_twice_sets_up_one_app(server: IssuerServer) {
    let (app, alice) = (server.app("demo-web", "openid"), server.person("alice"));
    let browser = signed_in(&app, alice).await;
    let new = format!("{}/account/totp/new", server.issuer());
    let page = browser.open(&new, "").await;
    let code = Authenticator::scan(&page).code(&server);
    let typed = [("code", code.as_str())];
    let press = || browser.press(&page, "#enable", &typed);
    let (one, other) = futures::join!(press(), press());
    let shown = [&one, &other].map(|seen| recovery_codes(seen).len());
    assert!(shown == [10, 0] || shown == [0, 10], "{one:?} {other:?}");
    assert_eq!(lines(server.db(), "SELECT id AS line FROM totp").await.len(), 1);
    server.stop().await;
}

/// The steps of a sign-in that has led to its page do not send a browser round in a circle.
async fn a_sign_in_that_is_over_begins_anew(server: IssuerServer) {
    let (app, alice) = (server.app("demo-web", "openid"), server.person("alice"));
    let (phone, _) = Authenticator::set_up(&server, &signed_in(&app, alice).await).await;
    let browser = Browser::new();
    let page = account(&server, &browser).await;
    let fields = [("username", alice.0), ("password", alice.1)];
    let pressed = browser.press(&page, "#sign-in", &fields).await;
    let second = browser.follow(pressed, "").await;
    let handle = second.answer.attributes("input[name=request]", "value").remove(0);
    let verified = verify(&browser, &second, &phone.code(&server)).await;
    assert!(browser.follow(verified, "").await.has("#checkup"));
    let port = server.issuer().rsplit(':').next().expect("a port");
    for step in ["continue", "second", "login"] {
        // The session is gone, and the browser is the same.
        browser.plant("localhost", &format!("latchkey-session-{port}"), &"A".repeat(43));
        let address = format!("{}/{step}?request={handle}", server.issuer());
        let again = browser.open(&address, "").await;
        assert!(again.has("#sign-in"), "{step}: {again:?}");
    }
    server.stop().await;
}

/// AC-06: of one code pressed everywhere at once, one counts.
async fn a_code_counts_once_in_parallel(server: IssuerServer) {
    let (app, alice) = (server.app("demo-web", "openid"), server.person("alice"));
    let (phone, _) = Authenticator::set_up(&server, &signed_in(&app, alice).await).await;
    let mut pages = Vec::new();
    for _ in 0..4 {
        let browser = Browser::new();
        let page = at_second(&app, &browser, alice).await;
        pages.push((browser, page));
    }
    let code = phone.code(&server);
    let all = pages.iter().map(|(browser, page)| verify(browser, page, &code));
    let all = futures::future::join_all(all).await;
    let right = all.iter().filter(|seen| seen.answer.status == 303).count();
    let wrong = all.iter().filter(|seen| seen.error() == "code_wrong").count();
    assert_eq!((right, wrong), (1, 3), "{all:?}");
    server.stop().await;
}

async fn no_earlier_code_counts_after_a_later_one(server: IssuerServer) {
    let (app, alice) = (server.app("demo-web", "openid"), server.person("alice"));
    let (phone, _) = Authenticator::set_up(&server, &signed_in(&app, alice).await).await;
    let now = server.clock.now_ms();
    let (this, next) = (phone.code_at(now), phone.code_at(now + 30_000));
    let browser = Browser::new();
    let page = at_second(&app, &browser, alice).await;
    assert_eq!(verify(&browser, &page, &next).await.answer.status, 303);
    let other = Browser::new();
    let page = at_second(&app, &other, alice).await;
    for code in [this, next] {
        let refused = verify(&other, &page, &code).await;
        assert_eq!(refused.error(), "code_wrong", "{refused:?}");
    }
    server.stop().await;
}

async fn the_codes_of_one_user_open_nothing_for_another(server: IssuerServer) {
    let app = server.app("demo-web", "openid");
    let (alice, ines) = (server.person("alice"), server.person("ines"));
    let (phone, codes) = Authenticator::set_up(&server, &signed_in(&app, alice).await).await;
    let (other, _) = Authenticator::set_up(&server, &signed_in(&app, ines).await).await;
    let browser = Browser::new();
    let page = at_second(&app, &browser, ines).await;
    for code in [phone.code(&server), codes[0].clone()] {
        let refused = verify(&browser, &page, &code).await;
        assert_eq!(refused.error(), "code_wrong", "{refused:?}");
    }
    // What was refused is still good where it belongs.
    assert_eq!(
        verify(&browser, &page, &other.code(&server)).await.answer.status,
        303
    );
    let own = Browser::new();
    let page = at_second(&app, &own, alice).await;
    assert_eq!(verify(&own, &page, &codes[0]).await.answer.status, 303);
    server.stop().await;
}

async fn a_secret_that_waits_for_its_first_code_opens_nothing(server: IssuerServer) {
    let (app, alice) = (server.app("demo-web", "openid"), server.person("alice"));
    let browser = signed_in(&app, alice).await;
    let (phone, _) = Authenticator::set_up(&server, &browser).await;
    // The session that set it up has shown it by its first code.
    let page = browser
        .open(&format!("{}/account/totp/new", server.issuer()), "")
        .await;
    let pending = Authenticator::scan(&page);
    let stranger = Browser::new();
    let page = at_second(&app, &stranger, alice).await;
    let refused = verify(&stranger, &page, &pending.code(&server)).await;
    assert_eq!(refused.error(), "code_wrong", "{refused:?}");
    assert_eq!(
        verify(&stranger, &page, &phone.code(&server)).await.answer.status,
        303
    );
    server.stop().await;
}

async fn a_pending_secret_is_of_its_browser_and_its_user(server: IssuerServer) {
    let app = server.app("demo-web", "openid");
    let (alice, ines) = (server.person("alice"), server.person("ines"));
    let (hers, theirs) = (signed_in(&app, alice).await, signed_in(&app, ines).await);
    let new = format!("{}/account/totp/new", server.issuer());
    let planted = hers.open(&new, "").await;
    let form = planted.form("#enable");
    let pending = form
        .pairs
        .iter()
        .find(|(name, _)| name == "pending")
        .expect("a secret");
    let code = Authenticator::scan(&planted).code(&server);
    let page = theirs.open(&new, "").await;
    let fields = [("pending", pending.1.as_str()), ("code", code.as_str())];
    let refused = theirs.press(&page, "#enable", &fields).await;
    assert_eq!(refused.error(), "code_expired", "{refused:?}");
    assert!(lines(server.db(), "SELECT id AS line FROM totp").await.is_empty());
    server.stop().await;
}

/// KC CVE-2026-18963: a step that was proved for one request carries no other.
async fn a_first_step_carries_its_own_request_alone(server: IssuerServer) {
    let (app, alice) = (server.app("demo-web", "openid"), server.person("alice"));
    let (phone, _) = Authenticator::set_up(&server, &signed_in(&app, alice).await).await;
    let browser = Browser::new();
    let proved = at_second(&app, &browser, alice).await;
    let fresh = app.begin(&browser, &[]).await;
    assert!(
        fresh.has("#sign-in"),
        "the other request begins with the first step"
    );
    let handle = |page: &Seen| page.url.query().expect("a request").to_owned();
    let skipped = browser
        .open(&format!("{}/second?{}", server.issuer(), handle(&fresh)), "")
        .await;
    assert!(skipped.has("#sign-in"), "{skipped:?}");
    let of_fresh = fresh.form("#sign-in").pairs;
    let request = of_fresh
        .iter()
        .find(|(name, _)| name == "request")
        .expect("a request");
    let code = phone.code(&server);
    let fields = [("request", request.1.as_str()), ("code", code.as_str())];
    let moved = browser.press(&proved, "#verify", &fields).await;
    assert_eq!(
        (moved.answer.status, moved.error().as_str()),
        (403, "foreign_form")
    );
    // Nor does it carry another browser.
    let other = Browser::new();
    app.begin(&other, &[]).await;
    let elsewhere = other.open(proved.url.as_str(), "").await;
    assert_eq!(elsewhere.error(), "other_browser", "{elsewhere:?}");
    let posted = other.press(&proved, "#verify", &[("code", &code)]).await;
    assert_eq!(posted.error(), "foreign_form", "{posted:?}");
    assert_eq!(verify(&browser, &proved, &code).await.answer.status, 303);
    server.stop().await;
}

async fn nothing_is_reached_before_the_second_step(server: IssuerServer) {
    let (app, alice) = (server.app("demo-web", "openid"), server.person("alice"));
    let first = Browser::new();
    app.sign_in(&first, alice, &[]).await;
    Authenticator::set_up(&server, &first).await;
    let browser = Browser::new();
    let page = at_second(&app, &browser, alice).await;
    let query = page.url.query().expect("a request").to_owned();
    for path in ["/consent", "/continue", "/required/factor"] {
        let seen = browser
            .open(&format!("{}{path}?{query}", server.issuer()), &app.redirect_uri)
            .await;
        assert!(seen.has("#verify"), "{path}: {seen:?}");
    }
    for path in ["/account", "/account/recovery-codes", "/account/totp/new"] {
        let seen = browser.open(&format!("{}{path}", server.issuer()), "").await;
        assert!(seen.has("#sign-in"), "{path}: {seen:?}");
    }
    // Whoever leaves has not signed in.
    let left = browser.press(&page, "#cancel", &[]).await;
    let back = browser.follow(left, &app.redirect_uri).await;
    assert!(
        back.location()
            .is_some_and(|to| to.query().is_some_and(|q| q.contains("access_denied")))
    );
    assert!(browser.cookie("latchkey-session").is_none());
    server.stop().await;
}

async fn a_recovery_code_counts_once_and_three_left_are_told(server: IssuerServer) {
    let (app, alice) = (server.app("demo-web", "openid"), server.person("alice"));
    let owner = signed_in(&app, alice).await;
    let (phone, codes) = Authenticator::set_up(&server, &owner).await;
    let stored = lines(server.db(), "SELECT code_hash AS line FROM recovery_codes").await;
    let plain = |code: &String| code.replace('-', "");
    assert!(
        codes
            .iter()
            .all(|code| !stored.contains(code) && !stored.contains(&plain(code)))
    );
    for (used, code) in codes.iter().take(7).enumerate() {
        let browser = Browser::new();
        let page = at_second(&app, &browser, alice).await;
        let other = browser
            .open(
                page.url
                    .join(&attribute(&page, "#other-ways", "href"))
                    .unwrap()
                    .as_str(),
                "",
            )
            .await;
        // However it is written.
        let typed = code.to_uppercase().replace('-', " ");
        let done = verify(&browser, &other, &typed).await;
        assert_eq!(done.answer.status, 303, "{used}: {done:?}");
        assert_eq!(
            account(&server, &browser).await.has("#codes-low"),
            used == 6,
            "{used}"
        );
    }
    let browser = Browser::new();
    let page = at_second(&app, &browser, alice).await;
    let again = verify(&browser, &page, &codes[0]).await;
    assert_eq!(again.error(), "code_wrong", "{again:?}");
    assert_eq!(
        verify(&browser, &page, &phone.code(&server)).await.answer.status,
        303
    );
    let left = browser
        .open(&format!("{}/account/recovery-codes", server.issuer()), "")
        .await;
    assert!(left.text("#left").contains('3'), "{left:?}");
    assert!(codes.iter().all(|code| !left.answer.text.contains(code.as_str())));

    // A new set kills the old one.
    let renewed = browser.press(&left, "#renew", &[]).await;
    let fresh = recovery_codes(&renewed);
    assert_eq!(fresh.len(), 10);
    let stranger = Browser::new();
    let page = at_second(&app, &stranger, alice).await;
    assert_eq!(verify(&stranger, &page, &codes[9]).await.error(), "code_wrong");
    let done = verify(&stranger, &page, &fresh[9]).await;
    let claims = id_claims(&app, &stranger, done).await;
    assert_eq!(claims["amr"], serde_json::json!(["pwd", "rc", "mfa"]));
    let told = mails(&server).await;
    let of = |purpose: &str| told.iter().filter(|told| *told == purpose).count();
    assert_eq!((of("recovery_code_used"), of("recovery_codes_renewed")), (8, 1));
    server.stop().await;
}

async fn a_recovery_code_counts_once_in_parallel(server: IssuerServer) {
    let (app, alice) = (server.app("demo-web", "openid"), server.person("alice"));
    let (_, codes) = Authenticator::set_up(&server, &signed_in(&app, alice).await).await;
    let mut pages = Vec::new();
    for _ in 0..3 {
        let browser = Browser::new();
        let page = at_second(&app, &browser, alice).await;
        pages.push((browser, page));
    }
    let all = pages
        .iter()
        .map(|(browser, page)| verify(browser, page, &codes[0]));
    let all = futures::future::join_all(all).await;
    let right = all.iter().filter(|seen| seen.answer.status == 303).count();
    assert_eq!(right, 1, "{all:?}");
    server.stop().await;
}

async fn a_remembered_device_stands_for_the_step_and_adds_no_class(server: IssuerServer) {
    let (app, alice) = (server.app("demo-web", "openid"), server.person("alice"));
    let (phone, _) = Authenticator::set_up(&server, &signed_in(&app, alice).await).await;
    let browser = Browser::new();
    let page = at_second(&app, &browser, alice).await;
    let code = phone.code(&server);
    let done = browser
        .press(&page, "#verify", &[("code", &code), ("remember", "yes")])
        .await;
    finish(&app, &browser, done).await;
    assert!(sessions(&server, &browser).await.has("#devices [data-device]"));
    server.sign_out(&browser).await;

    let done = after_password(&app, &browser, alice, &[]).await;
    let claims = id_claims(&app, &browser, done).await;
    assert_eq!(claims["acr"], "urn:latchkey:acr:password");
    server.clock.advance(1_000);
    // A client that asks for more gets it asked, and so does a request to sign in anew.
    let asked = app
        .begin(&browser, &[("acr_values", "urn:latchkey:acr:mfa")])
        .await;
    assert!(asked.has("#verify"), "{asked:?}");
    for anew in [("prompt", "login"), ("max_age", "0")] {
        let asked = after_password(&app, &browser, alice, &[anew]).await;
        assert!(asked.has("#verify"), "{anew:?}: {asked:?}");
    }
    // So do the pages that change what the user signs in with.
    for path in [
        "/account/totp/new",
        "/account/recovery-codes",
        "/account/passkeys",
    ] {
        let asked = browser.open(&format!("{}{path}", server.issuer()), "").await;
        assert!(asked.has("#verify"), "{path}: {asked:?}");
    }
    // Somebody else with the same browser is not remembered.
    let ines = server.person("ines");
    Authenticator::set_up(&server, &signed_in(&app, ines).await).await;
    server.sign_out(&browser).await;
    at_second(&app, &browser, ines).await;

    // Its time ends, whatever it says itself.
    let still = after_password(&app, &browser, alice, &[]).await;
    assert!(!still.has("#verify"), "{still:?}");
    server.sign_out(&browser).await;
    server.clock.advance(30 * 86_400_000);
    at_second(&app, &browser, alice).await;
    server.stop().await;
}

async fn a_device_is_remembered_in_its_epoch_alone(server: IssuerServer) {
    let (app, alice) = (server.app("demo-web", "openid"), server.person("alice"));
    let (phone, _) = Authenticator::set_up(&server, &signed_in(&app, alice).await).await;
    let browser = Browser::new();
    let page = at_second(&app, &browser, alice).await;
    let code = phone.code(&server);
    browser
        .press(&page, "#verify", &[("code", &code), ("remember", "yes")])
        .await;
    let users = server.identity().users();
    let changed = users.set_password("alice", None, "test").await.unwrap();
    let password = changed.password.expect("the new password");
    at_second(&app, &browser, ("alice", &password)).await;
    assert!(
        lines(server.db(), "SELECT id AS line FROM remembered_devices")
            .await
            .is_empty()
    );
    server.stop().await;
}

async fn ten_devices_are_remembered_and_each_can_be_forgotten(server: IssuerServer) {
    let (app, alice) = (server.app("demo-web", "openid"), server.person("alice"));
    let (phone, _) = Authenticator::set_up(&server, &signed_in(&app, alice).await).await;
    let mut browsers = Vec::new();
    for _ in 0..11 {
        let browser = Browser::new();
        let page = at_second(&app, &browser, alice).await;
        let code = phone.code(&server);
        let done = browser
            .press(&page, "#verify", &[("code", &code), ("remember", "yes")])
            .await;
        assert_eq!(done.answer.status, 303, "{done:?}");
        browsers.push(browser);
        server.clock.advance(30_000);
    }
    let page = sessions(&server, &browsers[10]).await;
    assert_eq!(page.answer.text.matches("data-device=").count(), 10);
    // The oldest gave way.
    server.sign_out(&browsers[0]).await;
    at_second(&app, &browsers[0], alice).await;
    server.sign_out(&browsers[1]).await;
    let kept = after_password(&app, &browsers[1], alice, &[]).await;
    assert!(!kept.has("#verify"), "{kept:?}");
    // The last one is forgotten from another.
    let forget = browsers[10].press(&page, "[data-device] button", &[]).await;
    assert_eq!(forget.answer.status, 303, "{forget:?}");
    let page = sessions(&server, &browsers[10]).await;
    assert_eq!(page.answer.text.matches("data-device=").count(), 9);
    server.sign_out(&browsers[10]).await;
    at_second(&app, &browsers[10], alice).await;
    server.stop().await;
}

async fn removing_an_app_ends_everything_but_this_browser(server: IssuerServer) {
    let (app, alice) = (
        server.app("demo-web", "openid offline_access"),
        server.person("alice"),
    );
    let elsewhere = Browser::new();
    let tokens = app.sign_in(&elsewhere, alice, &[("prompt", "consent")]).await;
    let (phone, _) = Authenticator::set_up(&server, &signed_in(&app, alice).await).await;
    let browser = Browser::new();
    let page = at_second(&app, &browser, alice).await;
    let code = phone.code(&server);
    browser
        .press(&page, "#verify", &[("code", &code), ("remember", "yes")])
        .await;
    let page = apps(&server, &browser).await;
    let removed = browser.press(&page, "[data-app] button", &[]).await;
    let after = browser.follow(removed, "").await;
    assert!(
        after.has("[role='status']") && !after.has("[data-app]"),
        "{after:?}"
    );
    assert!(!sessions(&server, &browser).await.has("[data-device]"));
    // Everywhere else it is over, offline, too.
    assert!(account(&server, &elsewhere).await.has("#sign-in"));
    assert_eq!(app.refresh(tokens.refresh()).await.status, 400);
    let counted = "SELECT user_id AS line FROM recovery_codes UNION SELECT user_id AS line FROM totp";
    assert!(lines(server.db(), counted).await.is_empty());
    assert_eq!(mails(&server).await, ["factor_added", "factor_removed"]);
    let back = app.walk(&Browser::new(), alice, &[]).await;
    assert!(back.code.is_some(), "{back:?}");
    server.stop().await;
}

/// AUL#6963: whoever has an app shows it before they add another, or remove one.
async fn an_app_is_added_and_removed_only_by_whoever_shows_one(server: IssuerServer) {
    let (app, alice) = (server.app("demo-web", "openid"), server.person("alice"));
    let thief = signed_in(&app, alice).await;
    let new = format!("{}/account/totp/new", server.issuer());
    let planted = thief.open(&new, "").await;
    let theirs = Authenticator::scan(&planted);
    let (phone, _) = Authenticator::set_up(&server, &signed_in(&app, alice).await).await;
    let refused = thief
        .press(&planted, "#enable", &[("code", &theirs.code(&server))])
        .await;
    let refused = thief.follow(refused, "").await;
    assert!(refused.has("#verify"), "{refused:?}");
    let id = lines(server.db(), "SELECT id AS line FROM totp").await.remove(0);
    let fields = [("token", ""), ("action", "remove-app"), ("id", id.as_str())];
    let url = format!("{}/account/second", server.issuer());
    let refused = thief.post(&url, server.issuer(), &fields).await;
    let refused = thief.follow(refused, "").await;
    assert!(refused.has("#verify"), "{refused:?}");
    assert_eq!(lines(server.db(), "SELECT id AS line FROM totp").await, [id]);
    // With the code it leads on to the page that was asked for.
    let page = thief.open(&new, "").await;
    let done = verify(&thief, &page, &phone.code(&server)).await;
    let shown = thief.follow(done, "").await;
    assert!(shown.has("#secret"), "{shown:?}");
    server.stop().await;
}

/// Whoever sits down at a browser that was left open sees no codes, and plants no app.
async fn after_five_minutes_password_and_code_are_asked_for(server: IssuerServer) {
    let (app, alice) = (server.app("demo-web", "openid"), server.person("alice"));
    let browser = signed_in(&app, alice).await;
    let fields = [("username", alice.0), ("password", alice.1)];
    let new = format!("{}/account/totp/new", server.issuer());
    server.clock.advance(330_000);
    let asked = browser.open(&new, "").await;
    assert!(
        asked.has("#sign-in") && asked.url.path() == "/confirm",
        "{asked:?}"
    );
    let again = browser.press(&asked, "#sign-in", &fields).await;
    assert!(browser.follow(again, "").await.has("#secret"));
    let (phone, _) = Authenticator::set_up(&server, &browser).await;
    server.clock.advance(330_000);
    let codes = format!("{}/account/recovery-codes", server.issuer());
    let asked = browser.open(&codes, "").await;
    assert!(asked.has("#sign-in"), "{asked:?}");
    let next = browser.press(&asked, "#sign-in", &fields).await;
    let next = browser.follow(next, "").await;
    assert!(next.has("#verify"), "{next:?}");
    let done = verify(&browser, &next, &phone.code(&server)).await;
    let shown = browser.follow(done, "").await;
    assert!(shown.has("#renew"), "{shown:?}");
    server.stop().await;
}

/// What users were told by mail.
async fn mails(server: &IssuerServer) -> Vec<String> {
    lines(server.db(), "SELECT purpose AS line FROM mail ORDER BY id").await
}

fn attribute(page: &Seen, selector: &str, name: &str) -> String {
    let document = scraper::Html::parse_document(&page.answer.text);
    let found = document
        .select(&scraper::Selector::parse(selector).expect("a selector"))
        .next();
    let value = found.and_then(|element| element.value().attr(name).map(str::to_owned));
    value.unwrap_or_else(|| panic!("no {name} of {selector}: {}", page.answer.text))
}

async fn whoever_asked_to_stay_signed_in_does_for_thirty_days(server: IssuerServer) {
    let app = server.app("demo-web", "openid");
    let stays = async |who: (&str, &str), fields: &[(&str, &str)]| {
        let browser = Browser::new();
        let page = app.begin(&browser, &[]).await;
        let mut all = vec![("username", who.0), ("password", who.1)];
        all.extend(fields);
        let done = browser.press(&page, "#sign-in", &all).await;
        let lasts = done
            .answer
            .headers
            .get_all("set-cookie")
            .iter()
            .filter_map(|line| line.to_str().ok())
            .any(|line| line.starts_with("latchkey-session") && line.contains("Max-Age=2592000"));
        finish(&app, &browser, done).await;
        (browser, lasts)
    };
    let keep = [("keep", "yes")];
    let (alice, admin) = (server.person("alice"), server.person("admin"));
    let (kept, lasts) = stays(alice, &keep).await;
    assert!(lasts);
    assert!(sessions(&server, &kept).await.has("#sessions [data-kept]"));
    let (plain, lasts) = stays(alice, &[]).await;
    assert!(!lasts);
    let (administrator, lasts) = stays(admin, &keep).await;
    assert!(!lasts, "administrators are not kept");
    server.clock.advance(29 * 86_400_000);
    assert!(account(&server, &kept).await.has("#checkup"));
    for over in [&plain, &administrator] {
        assert!(account(&server, over).await.has("#sign-in"));
    }
    server.clock.advance(86_400_000);
    assert!(account(&server, &kept).await.has("#sign-in"));
    server.stop().await;
}

on_both_engines! {
    an_app_is_asked_for_once_its_first_code_was_right,
    a_page_pressed_twice_sets_up_one_app,
    a_code_counts_once_in_parallel,
    no_earlier_code_counts_after_a_later_one,
    the_codes_of_one_user_open_nothing_for_another,
    a_secret_that_waits_for_its_first_code_opens_nothing,
    a_pending_secret_is_of_its_browser_and_its_user,
    a_first_step_carries_its_own_request_alone,
    nothing_is_reached_before_the_second_step,
    a_recovery_code_counts_once_and_three_left_are_told,
    a_recovery_code_counts_once_in_parallel,
    a_remembered_device_stands_for_the_step_and_adds_no_class,
    a_device_is_remembered_in_its_epoch_alone,
    ten_devices_are_remembered_and_each_can_be_forgotten,
    removing_an_app_ends_everything_but_this_browser,
    an_app_is_added_and_removed_only_by_whoever_shows_one,
    after_five_minutes_password_and_code_are_asked_for,
    whoever_asked_to_stay_signed_in_does_for_thirty_days,
    a_sign_in_that_is_over_begins_anew,
}
