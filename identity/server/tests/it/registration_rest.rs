//! Registration beyond its main way: whoever is signed in already, clients that register nobody, accounts that wait and are
//! rejected, work that a page asks for, and names that look like others.

use latchkey_protocol::proof_of_work::is_solved;
use latchkey_protocol::sign_up::Mode;

use crate::harness::{Browser, IssuerServer, Options, Seen, lines, run};
use crate::sign_up::{PASSWORD, another, begin, enter, finished, first_page, records, users, verify};

/// Few bits: a test works as a browser does.
const BITS: u8 = 6;

fn open(options: &mut Options) {
    options.settings.sign_up.mode = Mode::Open;
    options.seed = "[[clients]]\nclient_id = \"closed-shop\"\nclient_name = \"The closed shop\"\n\
                    token_endpoint_auth_method = \"none\"\ngrant_types = [\"authorization_code\"]\n\
                    redirect_uris = [\"http://localhost:3000/callback\"]\nscope = \"openid\"\n\
                    registration = false\n"
        .to_owned();
}

fn approval(options: &mut Options) {
    options.settings.sign_up.mode = Mode::Approval;
}

fn working(options: &mut Options) {
    options.settings.sign_up.mode = Mode::Open;
    options.settings.sign_up.proof_of_work = Some(BITS);
}

fn shielded(options: &mut Options) {
    working(options);
    options.settings.sign_up.shield = true;
}

fn refusing(options: &mut Options) {
    options.settings.sign_up.mode = Mode::Open;
    options.settings.sign_up.refused_domains = std::sync::Arc::new(["mailbox.test".to_owned()].into());
}

/// Up to the last page, for an address.
async fn proved(server: &IssuerServer, browser: &Browser, email: &str) -> Seen {
    let check = begin(server, browser, email).await;
    let mail = server.mail_to(email).await;
    let done = verify(browser, &check, mail.code()).await;
    browser.follow(done, "").await
}

async fn whoever_is_signed_in_stays_or_makes_another_account(server: IssuerServer) {
    let (app, browser) = (server.app("demo-web", "openid"), Browser::new());
    app.sign_in(&browser, server.person("alice"), &[]).await;
    let page = app.begin(&browser, &[("prompt", "create")]).await;
    assert!(page.text("#signed-in").contains("Alice"), "{page:?}");
    let stayed = browser.press(&page, "#stay", &[]).await;
    let back = browser.follow(stayed, &app.redirect_uri).await;
    let back = crate::harness::callback(&back.location().expect("the application"));
    let tokens = app.redeem(back.code.as_deref().expect("a code")).await;
    assert_eq!(tokens.status, 200, "with the session that there is: {tokens:?}");
    let page = app.begin(&browser, &[("prompt", "create")]).await;
    assert!(another(&browser, &page).await.has("#register"));
    let own = browser.get(&format!("{}/register", server.issuer())).await;
    let stayed = browser.press(&own, "#stay", &[]).await;
    let account = browser.follow(stayed, "").await;
    assert_eq!(account.url.path(), "/account", "{account:?}");
    server.stop().await;
}

/// An application that wants a fresh sign-in besides gets no older session by that button.
async fn to_stay_is_no_fresh_sign_in(server: IssuerServer) {
    let (app, browser) = (server.app("demo-web", "openid"), Browser::new());
    app.sign_in(&browser, server.person("alice"), &[]).await;
    server.clock.advance(120_000);
    for more in [("max_age", "60"), ("prompt", "login create")] {
        let mut wished = vec![more];
        if more.0 != "prompt" {
            wished.push(("prompt", "create"));
        }
        let page = app.begin(&browser, &wished).await;
        let stayed = browser.press(&page, "#stay", &[]).await;
        let seen = browser.follow(stayed, &app.redirect_uri).await;
        assert!(seen.has("#sign-in"), "{more:?}: {seen:?}");
    }
    server.stop().await;
}

async fn a_client_that_registers_nobody_is_closed_at_every_step(server: IssuerServer) {
    let (closed, browser) = (server.app("closed-shop", "openid"), Browser::new());
    let login = closed.begin(&browser, &[]).await;
    assert!(!login.has("#to-register"), "{login:?}");
    let wished = closed.begin(&browser, &[("prompt", "create")]).await;
    assert!(
        wished.has("#registration-closed") && wished.has("#sign-in"),
        "{wished:?}"
    );
    let query = login.url.query().expect("a request").to_owned();
    let page = browser
        .get(&format!("{}/register?{query}", server.issuer()))
        .await;
    assert_eq!(
        (page.answer.status, page.error().as_str()),
        (403, "registration_closed")
    );
    assert!(records(&server).await.is_empty());
    server.stop().await;
}

/// The door is closed while somebody is on the way in: the form and the end refuse, not the page alone.
async fn a_client_that_closes_meanwhile_makes_no_account(server: IssuerServer) {
    let (app, browser, late) = (server.app("demo-web", "openid"), Browser::new(), Browser::new());
    let page = first_page(&app, &browser).await;
    let check = enter(&server, &browser, &page, "ada@example.test").await;
    let mail = server.mail_to("ada@example.test").await;
    let done = verify(&browser, &check, mail.code()).await;
    let last = browser.follow(done, "").await;
    let form = first_page(&app, &late).await;
    let before = users(&server).await;
    let id = latchkey_protocol::ClientId::parse("demo-web").unwrap();
    let off = serde_json::Map::from_iter([("registration".to_owned(), false.into())]);
    server.identity().clients().set(&id, off, "cli").await.unwrap();
    server.clock.advance(3_000);
    let refused = late
        .press(&form, "#register", &[("email", "eve@example.test")])
        .await;
    assert_eq!(
        (refused.answer.status, refused.error().as_str()),
        (403, "registration_closed")
    );
    let refused = browser.press(&last, "#finish", &finished("ada")).await;
    assert_eq!(
        (refused.answer.status, refused.error().as_str()),
        (403, "registration_closed")
    );
    assert_eq!(users(&server).await, before);
    server.stop().await;
}

async fn a_rejected_account_is_gone_and_its_owner_is_told(server: IssuerServer) {
    let browser = Browser::new();
    let last = proved(&server, &browser, "ada@example.test").await;
    let waits = browser.press(&last, "#finish", &finished("ada")).await;
    assert!(waits.has("#approval-wait"), "{waits:?}");
    let invitations = server.identity().invitations();
    let waiting = invitations.waiting().await.unwrap();
    let names: Vec<&str> = waiting.iter().map(|one| one.username.as_str()).collect();
    assert_eq!(names, ["ada"]);
    assert!(
        invitations.reject("alice", "cli").await.is_err(),
        "who does not wait is not rejected"
    );
    server.clock.advance(1_000);
    invitations.reject("ada", "cli").await.unwrap();
    assert!(invitations.reject("ada", "cli").await.is_err(), "once");
    assert!(
        invitations.approve("ada", "cli").await.is_err(),
        "nor approved afterwards"
    );
    assert!(invitations.waiting().await.unwrap().is_empty());
    assert_eq!(server.mail_to("ada@example.test").await.purpose, "not_approved");
    let left =
        "SELECT username || email AS line FROM users WHERE approval_asked_at IS NOT NULL OR username = 'ada'";
    assert!(lines(server.db(), left).await.is_empty());
    let told = "SELECT kind AS line FROM audit WHERE kind = 'account.rejected'";
    assert_eq!(lines(server.db(), told).await, ["account.rejected"]);
    server.clock.advance(3_600_000);
    let again = Browser::new();
    let last = proved(&server, &again, "ada@example.test").await;
    let free = again.press(&last, "#finish", &finished("ada")).await;
    assert!(free.has("#approval-wait"), "name and address are free: {free:?}");
    server.stop().await;
}

/// What the script of the page does.
fn work(page: &Seen) -> String {
    let token = page.form("#register").pairs;
    let token = token
        .into_iter()
        .find(|(name, _)| name == "token")
        .expect("a token")
        .1;
    let mut all = (0_u32..).map(|n| n.to_string());
    all.find(|nonce| is_solved(&token, nonce, BITS))
        .expect("a solution")
}

/// Finishes with this work; the last answer.
async fn worked(server: &IssuerServer, email: &str, name: &str, nonce: Option<&str>) -> Seen {
    let browser = Browser::new();
    let page = browser.get(&format!("{}/register", server.issuer())).await;
    server.clock.advance(3_000);
    let nonce = nonce.map_or_else(|| work(&page), str::to_owned);
    let fields = [("email", email), ("work", nonce.as_str())];
    let begun = browser.press(&page, "#register", &fields).await;
    let check = browser.follow(begun, "").await;
    let mail = server.mail_to(email).await;
    let done = verify(&browser, &check, mail.code()).await;
    let last = browser.follow(done, "").await;
    browser.press(&last, "#finish", &finished(name)).await
}

async fn a_browser_that_works_needs_no_approval(server: IssuerServer) {
    let page = Browser::new().get(&format!("{}/register", server.issuer())).await;
    assert!(page.has("form[data-work='6']") && page.has("script[src*='/static/work.']"));
    let done = worked(&server, "ada@example.test", "ada", None).await;
    assert_eq!(done.answer.status, 303, "{done:?}");
    for (name, nonce) in [("eve", ""), ("mallory", "x"), ("trudy", "999999999999999999999")] {
        let email = format!("{name}@example.test");
        let waits = worked(&server, &email, name, Some(nonce)).await;
        assert!(waits.has("#approval-wait"), "{nonce:?}: {waits:?}");
    }
    server.stop().await;
}

/// One page's work is good for one registration, and for the browser that has done it.
async fn the_work_of_one_page_is_used_once(server: IssuerServer) {
    let (browser, eve) = (Browser::new(), Browser::new());
    let page = browser.get(&format!("{}/register", server.issuer())).await;
    server.clock.advance(3_000);
    let nonce = work(&page);
    let first = [("email", "ada@example.test"), ("work", nonce.as_str())];
    let begun = browser.press(&page, "#register", &first).await;
    assert_eq!(begun.answer.status, 303, "{begun:?}");
    let second = [("email", "eve@example.test"), ("work", nonce.as_str())];
    let spent = browser.press(&page, "#register", &second).await;
    assert_eq!(
        (spent.answer.status, spent.error().as_str()),
        (422, "too_fast"),
        "{spent:?}"
    );
    let stolen = eve.press(&page, "#register", &second).await;
    assert_eq!(stolen.answer.status, 403, "{stolen:?}");
    assert!(server.mails_to("eve@example.test").await.is_empty());
    server.clock.advance(60_000);
    let nonce = work(&spent);
    let third = [("email", "eve@example.test"), ("work", nonce.as_str())];
    let begun = browser.press(&spent, "#register", &third).await;
    assert_eq!(
        begun.answer.status, 303,
        "the page that came back asks for new work"
    );
    server.stop().await;
}

async fn under_the_shield_everybody_waits(server: IssuerServer) {
    let waits = worked(&server, "ada@example.test", "ada", None).await;
    assert!(waits.has("#approval-wait"), "{waits:?}");
    server.stop().await;
}

async fn addresses_of_refused_domains_do_not_register(server: IssuerServer) {
    let browser = Browser::new();
    let page = browser.get(&format!("{}/register", server.issuer())).await;
    server.clock.advance(3_000);
    for (email, code) in [
        ("ada@mailbox.test", "domain"),
        ("ada@MAILBOX.test", "domain"),
        ("ada@x.mailbox.test", "domain"),
        ("ada@[127.0.0.1]", "address"),
    ] {
        let refused = browser.press(&page, "#register", &[("email", email)]).await;
        assert_eq!(
            (refused.answer.status, refused.error().as_str()),
            (422, code),
            "{email}"
        );
    }
    assert!(records(&server).await.is_empty());
    server.stop().await;
}

/// AC-05. Letters of other scripts that look like Latin ones.
async fn a_name_that_looks_like_somebody_elses_is_not_taken(server: IssuerServer) {
    let first = Browser::new();
    let last = proved(&server, &first, "coco@example.test").await;
    let done = first.press(&last, "#finish", &finished("coco")).await;
    assert_eq!(done.answer.status, 303, "{done:?}");
    server.clock.advance(3_600_000);
    let browser = Browser::new();
    let last = proved(&server, &browser, "eve@example.test").await;
    for (name, code) in [
        ("\u{441}\u{43e}\u{441}\u{43e}", "name_taken"),
        ("\u{441}oco", "name_form"),
    ] {
        let refused = browser.press(&last, "#finish", &finished(name)).await;
        assert_eq!(refused.error(), code, "{name}");
    }
    let fine = browser.press(&last, "#finish", &finished("иван")).await;
    assert_eq!(fine.answer.status, 303, "{fine:?}");
    server.stop().await;
}

/// Two proofs of one address: the second finds an account, and only the mailbox says so.
async fn a_second_account_for_an_address_is_answered_by_mail(server: IssuerServer) {
    let (first, second) = (Browser::new(), Browser::new());
    let one = proved(&server, &first, "ada@example.test").await;
    server.clock.advance(3_600_000);
    let two = proved(&server, &second, "ada@example.test").await;
    let done = first.press(&one, "#finish", &finished("ada")).await;
    assert_eq!(done.answer.status, 303, "{done:?}");
    server.clock.advance(1_000);
    let taken = second.press(&two, "#finish", &finished("eve")).await;
    assert_eq!(
        (taken.answer.status, taken.error().as_str()),
        (409, "account_mailed"),
        "{taken:?}"
    );
    assert_eq!(server.mail_to("ada@example.test").await.purpose, "account_exists");
    let again = second.press(&two, "#finish", &finished("eve")).await;
    assert!(
        again.answer.header("location").starts_with("/register"),
        "it is over: {again:?}"
    );
    assert_eq!(
        server.mails_to("ada@example.test").await.len(),
        3,
        "two codes, and one mail that says so"
    );
    assert!(!users(&server).await.contains(&"eve".to_owned()));
    server.stop().await;
}

/// A node of the release before leaves the new columns out.
async fn a_registration_of_an_older_node_goes_on(server: IssuerServer) {
    let browser = Browser::new();
    let last = proved(&server, &browser, "ada@example.test").await;
    let older = "UPDATE registrations SET client_id = NULL, worked = NULL";
    run(server.db(), older.to_owned()).await;
    let done = browser.press(&last, "#finish", &finished("ada")).await;
    assert_eq!(done.answer.status, 303, "{done:?}");
    let app = server.app("demo-web", "openid");
    app.sign_in(&Browser::new(), ("ada", PASSWORD), &[]).await;
    server.stop().await;
}

macro_rules! with_settings {
    ($($change:ident: $name:ident,)*) => {
        mod sqlite {
            $(#[tokio::test]
            async fn $name() {
                super::$name(super::IssuerServer::with(super::$change).await).await;
            })*
        }

        mod postgresql {
            $(#[tokio::test]
            async fn $name() {
                super::$name(super::IssuerServer::on_postgres_with(super::$change).await).await;
            })*
        }
    };
}

with_settings! {
    open: whoever_is_signed_in_stays_or_makes_another_account,
    open: to_stay_is_no_fresh_sign_in,
    open: a_client_that_registers_nobody_is_closed_at_every_step,
    open: a_client_that_closes_meanwhile_makes_no_account,
    open: a_name_that_looks_like_somebody_elses_is_not_taken,
    open: a_second_account_for_an_address_is_answered_by_mail,
    open: a_registration_of_an_older_node_goes_on,
    approval: a_rejected_account_is_gone_and_its_owner_is_told,
    working: a_browser_that_works_needs_no_approval,
    working: the_work_of_one_page_is_used_once,
    shielded: under_the_shield_everybody_waits,
    refusing: addresses_of_refused_domains_do_not_register,
}
