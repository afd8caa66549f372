//! Another address: proved before it counts, told to both, and taken back from the old one.

use crate::harness::second::{Authenticator, at_second, finish, verify as verify_second};
use crate::harness::{Browser, IssuerServer, Seen, lines, on_both_engines, run};
use crate::recovery::{ALICE, NEW, ask, is, is_password, link, links, open, records, save};

const NEW_ADDRESS: &str = "Alice@new.example.test";

async fn enter(server: &IssuerServer, browser: &Browser, email: &str) -> Seen {
    let page = browser
        .open(&format!("{}/account/email", server.issuer()), "")
        .await;
    let (_, password) = server.person("alice");
    let fields = [("email", email), ("current-password", password)];
    browser.press(&page, "#change", &fields).await
}

async fn code(server: &IssuerServer, to: &str) -> String {
    let mails = server.mails_to(to).await.into_iter();
    let mut mails = mails.filter(|mail| mail.purpose == "email_code");
    mails.next().expect("a code").code().to_owned()
}

async fn verify(server: &IssuerServer, browser: &Browser, code: &str) -> Seen {
    let page = browser
        .open(&format!("{}/account/email/check", server.issuer()), "")
        .await;
    browser.press(&page, "#verify", &[("code", code)]).await
}

async fn signed_in(server: &IssuerServer) -> Browser {
    let browser = Browser::new();
    let app = server.app("demo-web", "openid");
    app.sign_in(&browser, server.person("alice"), &[]).await;
    browser
}

/// Somebody whose address was changed just now.
async fn changed(server: &IssuerServer) -> Browser {
    let browser = signed_in(server).await;
    assert_eq!(enter(server, &browser, NEW_ADDRESS).await.answer.status, 303);
    let done = verify(server, &browser, &code(server, NEW_ADDRESS).await).await;
    assert_eq!(done.answer.header("location"), "/account?done=email", "{done:?}");
    browser
}

async fn address(server: &IssuerServer) -> String {
    let text = "SELECT email AS line FROM users WHERE username = 'alice'";
    lines(server.db(), text).await.swap_remove(0)
}

async fn press_undo(server: &IssuerServer) -> Seen {
    let link = links(server, ALICE, "email_changed").await.swap_remove(0);
    let browser = Browser::new();
    let page = browser.get(&link).await;
    browser.press(&page, "#undo", &[]).await
}

async fn the_new_address_counts_once_its_code_was_right_and_both_are_told(server: IssuerServer) {
    let app = server.app("demo-web", "openid offline_access");
    let browser = Browser::new();
    let tokens = app.sign_in(&browser, server.person("alice"), &[]).await;
    let reset = link(&server).await;
    assert_eq!(
        enter(&server, &browser, NEW_ADDRESS)
            .await
            .answer
            .header("location"),
        "/account/email/check"
    );
    assert_eq!(address(&server).await, ALICE, "the old one stays until then");
    let done = verify(&server, &browser, &code(&server, NEW_ADDRESS).await).await;
    assert_eq!(done.answer.header("location"), "/account?done=email", "{done:?}");
    assert_eq!(address(&server).await, NEW_ADDRESS);
    assert_eq!(links(&server, ALICE, "email_changed").await.len(), 1);
    assert_eq!(links(&server, NEW_ADDRESS, "email_new").await.len(), 1);
    // Nothing ends but what mails to the old address have opened (KC#43738).
    assert_eq!(app.refresh(tokens.refresh()).await.status, 200);
    assert!(
        browser
            .open(&format!("{}/account/sessions", server.issuer()), "")
            .await
            .has("#sessions")
    );
    assert!(is(&browser.get(&reset).await, 410, "link_used"));
    assert_eq!(
        records(&server, "email.").await,
        ["email.changed", "email.started"]
    );
    let back = app
        .walk(
            &Browser::new(),
            ("alice@NEW.example.test", server.person("alice").1),
            &[],
        )
        .await;
    assert!(back.code.is_some(), "{back:?}");
    server.stop().await;
}

async fn undoing_restores_the_address_ends_everything_and_signs_nobody_in(server: IssuerServer) {
    let app = server.app("demo-web", "openid offline_access");
    let elsewhere = Browser::new();
    let tokens = app.sign_in(&elsewhere, server.person("alice"), &[]).await;
    let browser = changed(&server).await;
    let undo = links(&server, ALICE, "email_changed").await.swap_remove(0);
    for _ in 0..2 {
        assert!(elsewhere.get(&undo).await.has("#undo"));
    }
    assert_eq!(
        address(&server).await,
        NEW_ADDRESS,
        "opening a link changes nothing"
    );
    let undone = press_undo(&server).await;
    assert!(undone.has("#undone"), "{undone:?}");
    assert_eq!(address(&server).await, ALICE);
    assert_eq!(app.refresh(tokens.refresh()).await.status, 400);
    let account = format!("{}/account", server.issuer());
    for was_in in [&browser, &elsewhere] {
        assert!(was_in.open(&account, "").await.has("#sign-in"));
    }
    for told in [ALICE, NEW_ADDRESS] {
        assert_eq!(links(&server, told, "email_undone").await.len(), 1, "{told}");
    }
    assert!(is(&elsewhere.get(&undo).await, 410, "link_used"), "once");

    // One of both mailboxes is a stranger's: getting in takes the delay, and both can stop it.
    let stranger = Browser::new();
    let waits = open(&stranger, &link(&server).await).await;
    assert!(is(&waits, 403, "recovery_wait"), "{waits:?}");
    for to in [ALICE, NEW_ADDRESS] {
        assert_eq!(links(&server, to, "recovery_started").await.len(), 1, "{to}");
    }
    let stop = links(&server, NEW_ADDRESS, "recovery_started")
        .await
        .swap_remove(0);
    let page = elsewhere.get(&stop).await;
    assert!(elsewhere.press(&page, "#stop", &[]).await.has("#stopped"));
    server.clock.advance(73 * 3_600_000);
    let over = stranger.get(&format!("{}/recover/new", server.issuer())).await;
    assert!(is(&over, 410, "link_used"), "{over:?}");
    server.stop().await;
}

/// Whoever changed the address changed the password as well: neither stays, and the owner gets back after the delay.
async fn a_password_of_whoever_changed_the_address_goes_with_it(server: IssuerServer) {
    let thief = changed(&server).await;
    let page = thief
        .open(&format!("{}/account/password", server.issuer()), "")
        .await;
    assert_eq!(
        thief
            .press(&page, "#save", &[("password", NEW)])
            .await
            .answer
            .status,
        303
    );
    assert!(
        press_undo(&server).await.has("#undone"),
        "it outlives the other password"
    );
    assert!(!is_password(&server, NEW).await);
    let owner = Browser::new();
    let waits = open(&owner, &link(&server).await).await;
    assert!(is(&waits, 403, "recovery_wait"), "{waits:?}");
    server.clock.advance(72 * 3_600_000);
    let page = owner.get(&format!("{}/recover/new", server.issuer())).await;
    let done = save(&owner, &page, "eight boats on the canal", "").await;
    assert_eq!(done.answer.status, 303, "{done:?}");
    assert!(is_password(&server, "eight boats on the canal").await);
    // It is settled: the next recovery waits no more.
    assert!(open(&owner, &link(&server).await).await.has("#password"));
    server.stop().await;
}

/// Whoever changed the address added ways in of their own: they go, and the owner is not asked to show one of them.
async fn ways_in_of_whoever_changed_the_address_go_with_it(server: IssuerServer) {
    let (thief, mut passkey) = crate::passkeys::with_passkey(&server).await;
    Authenticator::set_up(&server, &thief).await;
    enter(&server, &thief, NEW_ADDRESS).await;
    let done = verify(&server, &thief, &code(&server, NEW_ADDRESS).await).await;
    assert_eq!(done.answer.header("location"), "/account?done=email", "{done:?}");
    assert!(press_undo(&server).await.has("#undone"));
    let left = "SELECT user_id AS line FROM passkeys UNION SELECT user_id AS line FROM totp \
                UNION SELECT user_id AS line FROM recovery_codes";
    assert!(lines(server.db(), left).await.is_empty());
    assert_eq!(records(&server, "passkey.removed").await.len(), 1);
    assert_eq!(records(&server, "totp.removed").await.len(), 1);
    for to in [ALICE, NEW_ADDRESS] {
        let told = server.mails_to(to).await;
        for purpose in ["passkey_removed", "factor_removed"] {
            assert!(told.iter().any(|mail| mail.purpose == purpose), "{to}: {purpose}");
        }
    }
    // The owner gets back after the delay, which the thief's passkey ends no more.
    let owner = Browser::new();
    let waits = open(&owner, &link(&server).await).await;
    assert!(is(&waits, 403, "recovery_wait"), "{waits:?}");
    let page = thief.open(&format!("{}/account", server.issuer()), "").await;
    let response = passkey.get(&page).to_string();
    let refused = thief
        .press(&page, "#passkey-sign-in", &[("passkey", &response)])
        .await;
    assert_eq!(refused.error(), "passkey_unknown", "{refused:?}");
    server.clock.advance(72 * 3_600_000);
    let page = owner.get(&format!("{}/recover/new", server.issuer())).await;
    assert_eq!(save(&owner, &page, NEW, "").await.answer.status, 303);
    assert!(is_password(&server, NEW).await);
    server.stop().await;
}

/// What was there long before stays, and nobody is asked for a password that the undo took away.
async fn an_older_app_stays_and_without_it_an_administrator_helps(server: IssuerServer) {
    let (app, alice) = (server.app("demo-web", "openid"), server.person("alice"));
    let (phone, _) = Authenticator::set_up(&server, &signed_in(&server).await).await;
    server.clock.advance(8 * 24 * 3_600_000);
    let browser = Browser::new();
    let page = at_second(&app, &browser, alice).await;
    let done = verify_second(&browser, &page, &phone.code(&server)).await;
    finish(&app, &browser, done).await;
    enter(&server, &browser, NEW_ADDRESS).await;
    let done = verify(&server, &browser, &code(&server, NEW_ADDRESS).await).await;
    assert_eq!(done.answer.status, 303, "{done:?}");
    let page = browser
        .open(&format!("{}/account/password", server.issuer()), "")
        .await;
    let done = browser.press(&page, "#save", &[("password", NEW)]).await;
    assert_eq!(done.answer.status, 303, "{done:?}");
    assert!(press_undo(&server).await.has("#undone"));
    let owner = Browser::new();
    let page = open(&owner, &link(&server).await).await;
    assert!(
        page.has("#verify") && page.has("#ask-administrator") && !page.has("#wait"),
        "{page:?}"
    );
    let verified = owner
        .press(&page, "#verify", &[("code", &phone.code(&server))])
        .await;
    let waits = owner.follow(verified, "").await;
    assert!(
        is(&waits, 403, "recovery_wait"),
        "the address is contested: {waits:?}"
    );
    server.clock.advance(72 * 3_600_000);
    let page = owner.get(&format!("{}/recover/new", server.issuer())).await;
    let done = save(&owner, &page, "eight boats on the canal", "keep").await;
    assert_eq!(done.answer.status, 303, "{done:?}");
    server.stop().await;
}

/// A stranger's address cannot be taken, and nobody learns that somebody has it.
async fn an_address_of_somebody_else_gets_the_same_answer_and_no_code(server: IssuerServer) {
    let browser = signed_in(&server).await;
    let entered = enter(&server, &browser, "INES@example.test").await;
    assert_eq!(entered.answer.header("location"), "/account/email/check");
    assert!(server.mails_to("ines@example.test").await.is_empty());
    assert!(is(&verify(&server, &browser, "000000").await, 422, "code_wrong"));
    // Taken in the meantime, by whoever was faster.
    server.clock.advance(61_000);
    enter(&server, &browser, NEW_ADDRESS).await;
    let right = code(&server, NEW_ADDRESS).await;
    let taken = "UPDATE users SET email_canonical = 'alice@new.example.test' WHERE username = 'ines'";
    run(server.db(), taken.to_owned()).await;
    let late = verify(&server, &browser, &right).await;
    assert!(is(&late, 410, "link_used"), "{late:?}");
    assert_eq!(address(&server).await, ALICE);
    for bad in [
        "",
        "alice",
        ALICE,
        "a@b@c",
        "a@example.test\r\nBcc: m@evil.test",
        "a <a@example.test>",
    ] {
        server.clock.advance(61_000);
        let seen = enter(&server, &browser, bad).await;
        assert!(is(&seen, 422, "address"), "{bad:?}: {seen:?}");
    }
    server.stop().await;
}

async fn a_code_counts_five_times_and_in_its_own_browser(server: IssuerServer) {
    let (browser, other) = (signed_in(&server).await, signed_in(&server).await);
    enter(&server, &browser, NEW_ADDRESS).await;
    let right = code(&server, NEW_ADDRESS).await;
    let wrong = if right == "111111" { "222222" } else { "111111" };
    let page = browser
        .open(&format!("{}/account/email/check", server.issuer()), "")
        .await;
    // In another browser of the same person there is nothing to type.
    let form = other
        .open(&format!("{}/account/email/check", server.issuer()), "")
        .await;
    assert_eq!(form.url.path(), "/account/email");
    for _ in 0..5 {
        let seen = browser.press(&page, "#verify", &[("code", wrong)]).await;
        assert!(is(&seen, 422, "code_wrong"), "{seen:?}");
    }
    let late = browser.press(&page, "#verify", &[("code", &right)]).await;
    assert!(is(&late, 422, "code_expired"), "{late:?}");
    assert_eq!(address(&server).await, ALICE);
    // A code is nothing to a link's page, and a link to another address nothing to this one.
    let reset = link(&server)
        .await
        .replace("/recover/link", "/account/email/undo");
    assert!(is(&browser.get(&reset).await, 410, "link_used"));
    server.stop().await;
}

/// The link is of no use to whoever comes late.
async fn an_undo_ends_after_a_week_and_takes_nobodys_address(server: IssuerServer) {
    changed(&server).await;
    let undo = links(&server, ALICE, "email_changed").await.swap_remove(0);
    let browser = Browser::new();
    let page = browser.get(&undo).await;
    // Somebody has the old address by now: nothing is done by half.
    run(
        server.db(),
        "UPDATE users SET email_canonical = 'alice@example.test' WHERE username = 'ines'".to_owned(),
    )
    .await;
    assert!(is(&browser.press(&page, "#undo", &[]).await, 410, "link_used"));
    assert_eq!(address(&server).await, NEW_ADDRESS);
    run(
        server.db(),
        "UPDATE users SET email_canonical = 'ines@example.test' WHERE username = 'ines'".to_owned(),
    )
    .await;
    server.clock.advance(7 * 24 * 3_600_000);
    assert!(is(&browser.get(&undo).await, 410, "link_used"));
    assert!(is(&browser.press(&page, "#undo", &[]).await, 410, "link_used"));
    server.stop().await;
}

async fn an_account_that_is_gone_comes_back_by_no_link(server: IssuerServer) {
    let browser = changed(&server).await;
    // An address of an earlier undo is still there.
    let earlier = "UPDATE users SET email_undone = 'kept@example.test' WHERE username = 'alice'";
    run(server.db(), earlier.to_owned()).await;
    let page = browser
        .get(&links(&server, ALICE, "email_changed").await[0])
        .await;
    assert!(page.has("#undo"), "{page:?}");
    server.identity().users().delete("alice", "cli").await.unwrap();
    assert!(is(&browser.press(&page, "#undo", &[]).await, 410, "link_used"));
    let left = "SELECT COALESCE(email_undone, 'nothing') AS line FROM users WHERE username = ''";
    assert_eq!(lines(server.db(), left).await, ["nothing"]);
    assert_eq!(ask(&server, &browser, "alice").await.answer.status, 303);
    server.stop().await;
}

on_both_engines! {
    the_new_address_counts_once_its_code_was_right_and_both_are_told,
    undoing_restores_the_address_ends_everything_and_signs_nobody_in,
    a_password_of_whoever_changed_the_address_goes_with_it,
    ways_in_of_whoever_changed_the_address_go_with_it,
    an_older_app_stays_and_without_it_an_administrator_helps,
    an_address_of_somebody_else_gets_the_same_answer_and_no_code,
    a_code_counts_five_times_and_in_its_own_browser,
    an_undo_ends_after_a_week_and_takes_nobodys_address,
    an_account_that_is_gone_comes_back_by_no_link,
}
