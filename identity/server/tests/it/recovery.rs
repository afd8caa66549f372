//! The way back into an account: by a mailed link, with the second step that is left, after a delay, by an administrator.

use latchkey_identity::Settings;
use latchkey_protocol::recovery::Policy;

use crate::harness::second::{Authenticator, after_password};
use crate::harness::{Browser, IssuerServer, Seen, lines, on_both_engines, until};

/// A password that nobody has had before.
pub const NEW: &str = "seven kites above the quarry";
pub const ALICE: &str = "alice@example.test";
pub const HOUR_MS: i64 = 3_600_000;

/// Asks for a link; the answer of the form.
pub async fn ask(server: &IssuerServer, browser: &Browser, who: &str) -> Seen {
    let page = browser.open(&format!("{}/recover", server.issuer()), "").await;
    browser.press(&page, "#recover", &[("identifier", who)]).await
}

/// The links of the mails for this purpose to an address, the newest first.
pub async fn links(server: &IssuerServer, to: &str, purpose: &str) -> Vec<String> {
    let mails = server.mails_to(to).await.into_iter();
    let mails = mails.filter(|mail| mail.purpose == purpose);
    mails.map(|mail| mail.link().to_owned()).collect()
}

/// Asks for a link in a browser of its own, so long after the one before that nothing limits it.
pub async fn link(server: &IssuerServer) -> String {
    server.clock.advance(13 * 60_000);
    let asked = ask(server, &Browser::new(), "alice").await;
    assert_eq!(asked.answer.status, 303, "{asked:?}");
    links(server, ALICE, "password_reset").await.swap_remove(0)
}

/// Opens a link and presses its button; the page behind it.
pub async fn open(browser: &Browser, link: &str) -> Seen {
    let page = browser.get(link).await;
    let pressed = browser.press(&page, "#go-on", &[]).await;
    browser.follow(pressed, "").await
}

/// A link that was opened in a browser of its own.
pub async fn opened(server: &IssuerServer) -> (Browser, Seen) {
    let browser = Browser::new();
    let page = open(&browser, &link(server).await).await;
    (browser, page)
}

/// Chooses a new password, and keeps or removes every other way in.
pub async fn save(browser: &Browser, page: &Seen, password: &str, choice: &str) -> Seen {
    let mut fields = vec![("password".to_owned(), password.to_owned())];
    for rest in page.answer.text.split("data-way=\"").skip(1) {
        let key = rest.split('"').next().expect("a key");
        fields.push((key.to_owned(), choice.to_owned()));
    }
    let fields: Vec<(&str, &str)> = fields.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    browser.press(page, "#save", &fields).await
}

/// Whether this is a password of hers now.
pub async fn is_password(server: &IssuerServer, password: &str) -> bool {
    let app = server.app("demo-web", "openid");
    let seen = app.attempt(&Browser::new(), "alice", password).await;
    assert!(matches!(seen.answer.status, 303 | 422), "{seen:?}");
    seen.answer.status == 303
}

/// What was recorded of these kinds, by name: several may be of one instant.
pub async fn records(server: &IssuerServer, beginning: &str) -> Vec<String> {
    let all = lines(server.db(), "SELECT kind AS line FROM audit ORDER BY kind").await;
    all.into_iter()
        .filter(|kind| kind.starts_with(beginning))
        .collect()
}

/// Whether a page says this, with this status.
pub fn is(seen: &Seen, status: u16, code: &str) -> bool {
    (seen.answer.status, seen.error().as_str()) == (status, code)
}

fn settings(mail_only: bool) -> Settings {
    Settings {
        recovery: Policy {
            mail_only,
            ..Policy::default()
        },
        ..Settings::default()
    }
}

async fn a_lost_password_is_replaced_in_whatever_browser_has_the_mail(server: IssuerServer) {
    let (app, alice) = (
        server.app("demo-web", "openid offline_access"),
        server.person("alice"),
    );
    let home = Browser::new();
    let tokens = app.sign_in(&home, alice, &[]).await;
    let login = app.begin(&Browser::new(), &[]).await;
    assert!(
        login.has("#lost-password[href^='/recover?request=']"),
        "{login:?}"
    );

    let asked = ask(&server, &Browser::new(), "ALICE@example.test").await;
    assert_eq!(asked.answer.header("location"), "/recover/sent");
    let phone = Browser::new();
    let page = open(&phone, &links(&server, ALICE, "password_reset").await[0]).await;
    assert!(
        page.has("#password[autocomplete='new-password']")
            && page.has("[autocomplete='username'][value='alice']")
    );
    let done = save(&phone, &page, NEW, "").await;
    assert_eq!(done.answer.header("location"), "/recover/done", "{done:?}");
    assert!(phone.follow(done, "").await.has("#recovered"));
    assert!(
        phone.cookie("latchkey-session").is_none(),
        "a link signs nobody in"
    );

    assert_eq!(app.refresh(tokens.refresh()).await.status, 400);
    let account = home.open(&format!("{}/account", server.issuer()), "").await;
    assert!(account.has("#sign-in"), "{account:?}");
    assert!(!is_password(&server, alice.1).await && is_password(&server, NEW).await);
    let told: Vec<_> = server.mails_to(ALICE).await;
    assert!(
        told.iter().any(|mail| mail.purpose == "recovery_finished"),
        "{told:?}"
    );
    assert_eq!(
        records(&server, "recovery.").await,
        ["recovery.finished", "recovery.started"]
    );
    assert_eq!(records(&server, "password.").await, ["password.reset"]);
    app.sign_in(&home, ("alice", NEW), &[]).await;
    let account = home.open(&format!("{}/account/why", server.issuer()), "").await;
    assert!(
        account.text("#families").contains("You recovered the account."),
        "{account:?}"
    );
    server.stop().await;
}

async fn with_a_second_step_the_link_needs_one_that_is_left(server: IssuerServer) {
    let (app, alice) = (server.app("demo-web", "openid"), server.person("alice"));
    let home = Browser::new();
    app.sign_in(&home, alice, &[]).await;
    let (phone, codes) = Authenticator::set_up(&server, &home).await;
    let (browser, page) = opened(&server).await;
    assert!(page.has("#verify") && !page.has("#password"), "{page:?}");
    let wrong = [("code", phone.wrong_code(&server))];
    let wrong = wrong.each_ref().map(|(name, code)| (*name, code.as_str()));
    assert!(is(
        &browser.press(&page, "#verify", &wrong).await,
        422,
        "code_wrong"
    ));
    let verified = browser.press(&page, "#verify", &[("code", &codes[0])]).await;
    let page = browser.follow(verified, "").await;
    assert_eq!(
        page.answer.text.matches("data-way=").count(),
        2,
        "the app and the codes"
    );

    // Every way in is decided about.
    assert!(is(&save(&browser, &page, "nine otter", "").await, 422, "review"));
    // Beside a second step eight characters are enough, alone they are not.
    assert!(is(
        &save(&browser, &page, "nine otter", "remove").await,
        422,
        "password_short"
    ));
    let done = save(&browser, &page, "nine otter", "keep").await;
    assert_eq!(done.answer.header("location"), "/recover/done", "{done:?}");
    let second = after_password(&app, &Browser::new(), ("alice", "nine otter"), &[]).await;
    assert!(second.has("#verify"), "{second:?}");
    server.stop().await;
}

async fn ways_in_that_are_not_kept_are_gone(server: IssuerServer) {
    let (app, alice) = (server.app("demo-web", "openid"), server.person("alice"));
    let home = Browser::new();
    app.sign_in(&home, alice, &[]).await;
    let (_squatters, codes) = Authenticator::set_up(&server, &home).await;
    let (browser, page) = opened(&server).await;
    let verified = browser.press(&page, "#verify", &[("code", &codes[0])]).await;
    let page = browser.follow(verified, "").await;
    let done = save(&browser, &page, NEW, "remove").await;
    assert_eq!(done.answer.status, 303, "{done:?}");
    for table in ["totp", "recovery_codes"] {
        let text: &'static str = format!("SELECT user_id AS line FROM {table}").leak();
        assert!(lines(server.db(), text).await.is_empty(), "{table}");
    }
    let back = app.walk(&Browser::new(), ("alice", NEW), &[]).await;
    assert!(back.code.is_some(), "{back:?}");
    server.stop().await;
}

/// Somebody has the mailbox and the password, and has lost the second step: the owner has three days to stop it.
async fn a_lost_second_step_takes_the_password_and_a_delay(server: IssuerServer) {
    let (app, alice) = (server.app("demo-web", "openid"), server.person("alice"));
    let home = Browser::new();
    app.sign_in(&home, alice, &[]).await;
    Authenticator::set_up(&server, &home).await;
    let (browser, page) = opened(&server).await;
    let wrong = browser.press(&page, "#wait", &[("password", NEW)]).await;
    assert!(is(&wrong, 422, "password_wrong"), "{wrong:?}");
    let begun = browser.press(&page, "#wait", &[("password", alice.1)]).await;
    let waits = browser.follow(begun, "").await;
    assert!(is(&waits, 403, "recovery_wait"), "{waits:?}");

    for notices in 1..=3 {
        until("the notice is there", async || {
            links(&server, ALICE, "recovery_started").await.len() == notices
        })
        .await;
        server.clock.advance(24 * HOUR_MS);
    }
    // The browser of then may be closed by now: another link leads to the same recovery.
    let (other, page) = opened(&server).await;
    assert!(page.has("#password") && page.has("[data-way]"), "{page:?}");
    let over = browser.get(&format!("{}/recover/new", server.issuer())).await;
    assert!(is(&over, 410, "link_used"), "it goes on elsewhere: {over:?}");
    assert_eq!(save(&other, &page, NEW, "remove").await.answer.status, 303);
    let back = app.walk(&Browser::new(), ("alice", NEW), &[]).await;
    assert!(back.code.is_some(), "{back:?}");
    assert_eq!(links(&server, ALICE, "recovery_started").await.len(), 3);
    server.stop().await;
}

async fn the_link_of_a_notice_stops_a_recovery_for_good(server: IssuerServer) {
    let home = Browser::new();
    server
        .app("demo-web", "openid")
        .sign_in(&home, server.person("alice"), &[])
        .await;
    Authenticator::set_up(&server, &home).await;
    let (browser, page) = opened(&server).await;
    let alice = server.person("alice");
    browser.press(&page, "#wait", &[("password", alice.1)]).await;
    let stop = links(&server, ALICE, "recovery_started").await.swap_remove(0);
    let owner = Browser::new();
    let page = owner.get(&stop).await;
    assert!(page.has("#stop"), "{page:?}");
    let waits = browser.get(&format!("{}/recover/new", server.issuer())).await;
    assert!(is(&waits, 403, "recovery_wait"), "opening a link changes nothing");
    assert!(owner.press(&page, "#stop", &[]).await.has("#stopped"));
    server.clock.advance(73 * HOUR_MS);
    let over = browser.get(&format!("{}/recover/new", server.issuer())).await;
    assert!(is(&over, 410, "link_used"), "{over:?}");
    assert!(is(&owner.get(&stop).await, 410, "link_used"));
    assert_eq!(links(&server, ALICE, "recovery_stopped").await.len(), 1);
    assert_eq!(records(&server, "recovery.stopped").await.len(), 1);
    server.stop().await;
}

/// LO-06: the account is its administrator's to help with and never to enter.
async fn an_administrator_has_a_link_mailed_and_sees_no_secret(server: IssuerServer) {
    let identity = server.identity().clone();
    let begun = identity.resets().reset("alice", false, "cli").await.unwrap();
    let shown = serde_json::to_string(&begun).unwrap();
    let link = links(&server, ALICE, "admin_reset").await.swap_remove(0);
    let token = link.split("token=").nth(1).expect("a token");
    assert!(!shown.contains(token) && begun.mailed_to == ALICE, "{shown}");
    let browser = Browser::new();
    let page = open(&browser, &link).await;
    assert_eq!(save(&browser, &page, NEW, "").await.answer.status, 303);
    assert!(is_password(&server, NEW).await);
    assert_eq!(records(&server, "admin.").await, ["admin.reset_started"]);

    // With a lost second step the administrator answers for it, but not for another administrator.
    let home = Browser::new();
    server
        .app("demo-web", "openid")
        .sign_in(&home, ("alice", NEW), &[])
        .await;
    Authenticator::set_up(&server, &home).await;
    identity.resets().reset("alice", false, "cli").await.unwrap();
    let asks = links(&server, ALICE, "admin_reset").await;
    server.clock.advance(1_000);
    identity.resets().reset("alice", true, "cli").await.unwrap();
    let all = links(&server, ALICE, "admin_reset").await;
    let opens = all
        .iter()
        .find(|link| !asks.contains(link))
        .expect("another link");
    let browser = Browser::new();
    assert!(open(&browser, opens).await.has("#password"));
    assert!(
        is(&browser.get(&asks[0]).await, 410, "link_used"),
        "one use closes all"
    );
    let refused = identity.resets().reset("admin", true, "cli").await;
    assert!(refused.is_err(), "{refused:?}");
    server.stop().await;
}

/// Where the operator allows it, the mailbox alone is enough after the delay; a sign-in of the owner stops it.
#[tokio::test]
async fn by_the_mailbox_alone_where_allowed_and_never_an_administrator() {
    let server = IssuerServer::with(|options| options.settings = settings(true)).await;
    let app = server.app("demo-web", "openid");
    for name in ["alice", "admin"] {
        let home = Browser::new();
        app.sign_in(&home, server.person(name), &[]).await;
        Authenticator::set_up(&server, &home).await;
    }
    ask(&server, &Browser::new(), "admin").await;
    let admin = Browser::new();
    let page = open(
        &admin,
        &links(&server, "admin@example.test", "password_reset").await[0],
    )
    .await;
    assert!(
        page.has("#verify") && page.has("#ask-administrator") && !page.has("#wait"),
        "{page:?}"
    );
    let (browser, page) = opened(&server).await;
    assert!(page.has("#wait") && !page.has("#current-password"), "{page:?}");
    let forged = admin.press(&page, "#wait", &[]).await;
    assert!(
        is(&forged, 403, "foreign_form"),
        "the form of another: {forged:?}"
    );
    browser.press(&page, "#wait", &[]).await;
    let waits = browser.get(&format!("{}/recover/new", server.issuer())).await;
    assert!(is(&waits, 403, "recovery_wait"), "{waits:?}");
    server.clock.advance(71 * HOUR_MS);
    let waits = browser.get(&format!("{}/recover/new", server.issuer())).await;
    assert!(is(&waits, 403, "recovery_wait"), "{waits:?}");
    server.clock.advance(HOUR_MS);
    let open = browser.get(&format!("{}/recover/new", server.issuer())).await;
    assert!(open.has("#save"), "{open:?}");
    server.stop().await;
}

/// A clock that is set back does not begin a delay anew, and what had passed has passed.
#[tokio::test]
async fn a_clock_that_is_set_back_moves_no_delay() {
    let server = IssuerServer::with(|options| options.settings = settings(true)).await;
    let home = Browser::new();
    server
        .app("demo-web", "openid")
        .sign_in(&home, server.person("alice"), &[])
        .await;
    Authenticator::set_up(&server, &home).await;
    let (browser, page) = opened(&server).await;
    browser.press(&page, "#wait", &[]).await;
    let new = format!("{}/recover/new", server.issuer());
    server.clock.advance(60 * HOUR_MS);
    assert!(is(&browser.get(&new).await, 403, "recovery_wait"));
    server.clock.advance(-50 * HOUR_MS);
    assert!(is(&browser.get(&new).await, 403, "recovery_wait"), "not earlier");
    server.clock.advance(62 * HOUR_MS);
    assert!(browser.get(&new).await.has("#save"), "and not later");
    server.stop().await;
}

on_both_engines! {
    a_lost_password_is_replaced_in_whatever_browser_has_the_mail,
    with_a_second_step_the_link_needs_one_that_is_left,
    ways_in_that_are_not_kept_are_gone,
    a_lost_second_step_takes_the_password_and_a_delay,
    the_link_of_a_notice_stops_a_recovery_for_good,
    an_administrator_has_a_link_mailed_and_sees_no_secret,
}
