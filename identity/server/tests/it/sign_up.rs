//! Registration: the ways that lead to an account and back to the request.

use latchkey_identity::NewInvite;
use latchkey_protocol::sign_up::{Mode, Terms};

use crate::harness::{App, Browser, IssuerServer, Seen, lines};

pub const PASSWORD: &str = "blue ladders sing at noon";

/// An issuer where anybody may register, on either engine.
pub async fn open(postgres: bool) -> IssuerServer {
    with_mode(postgres, Mode::Open).await
}

pub async fn with_mode(postgres: bool, mode: Mode) -> IssuerServer {
    match postgres {
        false => IssuerServer::with(|options| options.settings.sign_up.mode = mode).await,
        true => IssuerServer::on_postgres_with(|options| options.settings.sign_up.mode = mode).await,
    }
}

/// The first page for a request of an application.
pub async fn first_page(app: &App, browser: &Browser) -> Seen {
    let login = app.begin(browser, &[]).await;
    let to = login.answer.attributes("#to-register", "href").remove(0);
    browser.get(login.url.join(&to).unwrap().as_str()).await
}

/// Enters an address; the page that asks for its code.
pub async fn enter(server: &IssuerServer, browser: &Browser, page: &Seen, email: &str) -> Seen {
    server.clock.advance(3_000);
    let begun = browser.press(page, "#register", &[("email", email)]).await;
    assert_eq!(begun.answer.status, 303, "{begun:?}");
    browser.follow(begun, "").await
}

/// The first page for whoever is signed in and wants another account.
pub async fn another(browser: &Browser, page: &Seen) -> Seen {
    let to = page.answer.attributes("#another", "href").remove(0);
    browser.get(page.url.join(&to).unwrap().as_str()).await
}

/// Begins without an application; the page that asks for the code.
pub async fn begin(server: &IssuerServer, browser: &Browser, email: &str) -> Seen {
    let page = browser.get(&format!("{}/register", server.issuer())).await;
    enter(server, browser, &page, email).await
}

pub async fn verify(browser: &Browser, check: &Seen, code: &str) -> Seen {
    browser.press(check, "#verify", &[("code", code)]).await
}

/// The fields of the last page.
pub fn finished(username: &str) -> [(&str, &str); 3] {
    [
        ("name", "Ada Lovelace"),
        ("username", username),
        ("password", PASSWORD),
    ]
}

/// The user names of everybody.
pub async fn users(server: &IssuerServer) -> Vec<String> {
    lines(
        server.db(),
        "SELECT username AS line FROM users WHERE username NOT IN ('alice', 'ben', 'carol', 'dan') ORDER BY username",
    )
    .await
}

pub async fn records(server: &IssuerServer) -> Vec<String> {
    let all = "SELECT kind AS line FROM audit WHERE kind LIKE 'registration.%' ORDER BY at, id";
    lines(server.db(), all).await
}

async fn whoever_registers_by_code_is_back_at_the_application(server: IssuerServer) {
    let before = users(&server).await;
    let (app, browser) = (server.app("demo-web", "openid profile email"), Browser::new());
    let page = first_page(&app, &browser).await;
    let check = enter(&server, &browser, &page, "Ada@example.test").await;
    assert!(check.text("main").contains("Ada@example.test"), "{check:?}");
    let mail = server.mail_to("Ada@example.test").await;
    assert_eq!(mail.purpose, "registration_code");
    assert_eq!(users(&server).await, before, "nobody exists before the proof");
    let proved = verify(&browser, &check, mail.code()).await;
    let last = browser.follow(proved, "").await;
    assert!(last.has("#finish"), "{last:?}");
    let next = browser.press(&last, "#finish", &finished("ada")).await;
    let consent = browser.follow(next, &app.redirect_uri).await;
    let allowed = browser.press(&consent, "#allow", &[]).await;
    let back = browser.follow(allowed, &app.redirect_uri).await;
    let back = crate::harness::callback(&back.location().unwrap());
    assert_eq!(back.state.as_deref(), Some("s-1"));
    let tokens = app.redeem(back.code.as_deref().unwrap()).await;
    assert_eq!(tokens.status, 200, "{tokens:?}");
    let facts = lines(
        server.db(),
        "SELECT email || ' ' || (email_verified_at IS NOT NULL) || ' ' || locale AS line FROM users \
         WHERE username = 'ada'",
    )
    .await;
    let verified = facts[0].contains(" 1 ") || facts[0].contains(" true ");
    assert!(
        facts[0].starts_with("Ada@example.test ") && verified && facts[0].ends_with(" en"),
        "{facts:?}"
    );
    let claims = lines(
        server.db(),
        "SELECT claims AS line FROM users WHERE username = 'ada'",
    )
    .await;
    assert!(claims[0].contains(r#""locale":"en""#), "{claims:?}");
    let all = [
        "registration.started",
        "registration.proved",
        "registration.finished",
    ];
    let mut told = records(&server).await;
    told.sort_by_key(|kind| all.iter().position(|known| known == kind));
    assert_eq!(told, all, "two of them at one instant have no order");
    let again = app.sign_in(&Browser::new(), ("ADA", PASSWORD), &[]).await;
    assert!(again.scope.contains("openid"), "{again:?}");
    server.stop().await;
}

/// Scanners open links, twice and with HEAD; only a pressed button proves something.
async fn a_link_changes_nothing_until_its_button_is_pressed(server: IssuerServer) {
    let browser = Browser::new();
    begin(&server, &browser, "ada@example.test").await;
    let mail = server.mail_to("ada@example.test").await;
    let scanner = Browser::new();
    for _ in 0..3 {
        let opened = scanner.get(mail.link()).await;
        assert_eq!(opened.answer.status, 200, "{opened:?}");
        let head = crate::harness::http().head(mail.link()).send().await.unwrap();
        assert_eq!(head.status(), 200);
    }
    assert_eq!(records(&server).await, ["registration.started"]);
    let page = browser.get(mail.link()).await;
    assert!(page.has("#confirm") && !page.has("#start-here"), "{page:?}");
    let confirmed = browser.press(&page, "#confirm", &[]).await;
    let last = browser.follow(confirmed, "").await;
    assert!(last.has("#finish"), "{last:?}");
    let next = browser.press(&last, "#finish", &finished("ada")).await;
    let account = browser.follow(next, "").await;
    assert!(
        account.url.path() == "/account" && account.answer.status == 200,
        "{account:?}"
    );
    let used = browser.press(&page, "#confirm", &[]).await;
    assert_eq!((used.answer.status, used.error().as_str()), (410, "link_used"));
    assert_eq!(browser.get(mail.link()).await.answer.status, 410);
    server.stop().await;
}

/// The mail is read on a phone: it goes on there, and leaves the first browser nothing.
async fn a_link_that_is_opened_elsewhere_goes_on_there_alone(server: IssuerServer) {
    let (app, first, phone) = (server.app("demo-web", "openid"), Browser::new(), Browser::new());
    let page = first_page(&app, &first).await;
    let check = enter(&server, &first, &page, "ada@example.test").await;
    let mail = server.mail_to("ada@example.test").await;
    let page = phone.get(mail.link()).await;
    assert!(page.has("#start-here") && !page.has("#confirm"), "{page:?}");
    let started = phone.press(&page, "#start-here", &[]).await;
    let last = phone.follow(started, "").await;
    let code = verify(&first, &check, mail.code()).await;
    assert_eq!((code.answer.status, code.error().as_str()), (410, "link_used"));
    let next = phone.press(&last, "#finish", &finished("ada")).await;
    let account = phone.follow(next, "").await;
    assert_eq!(
        account.url.path(),
        "/account",
        "the request is of the first browser"
    );
    let first_again = first.get(&format!("{}/register/finish", server.issuer())).await;
    let first_again = first.follow(first_again, "").await;
    assert!(first_again.has("#verify"), "{first_again:?}");
    server.stop().await;
}

async fn a_code_that_came_late_counts_beside_a_newer_one(server: IssuerServer) {
    let browser = Browser::new();
    let check = begin(&server, &browser, "ada@example.test").await;
    let first = server.mail_to("ada@example.test").await;
    server.clock.advance(61_000);
    let again = browser.press(&check, "#resend", &[]).await;
    assert!(again.has("#sent"), "{again:?}");
    let second = server.mail_to("ada@example.test").await;
    assert_ne!(first.link(), second.link());
    let proved = verify(&browser, &check, first.code()).await;
    assert_eq!(proved.answer.status, 303, "{proved:?}");
    let other = browser.get(second.link()).await;
    assert_eq!(
        other.answer.status, 410,
        "its use closes what the other mail opened"
    );
    server.stop().await;
}

async fn a_mailed_invitation_proves_its_address_and_gives_its_roles(server: IssuerServer) {
    let new = NewInvite {
        email: Some("ada@example.test".to_owned()),
        mail: true,
        roles: vec!["instructor".to_owned()],
        groups: Vec::new(),
        client: None,
        locale: "en".to_owned(),
        max_uses: 1,
    };
    let made = server.identity().invitations().invite(new, "cli").await.unwrap();
    assert_eq!(made.link, None, "the mail alone has it");
    let mail = server.mail_to("ada@example.test").await;
    let browser = Browser::new();
    let page = browser.get(mail.link()).await;
    let accepted = browser.press(&page, "#accept", &[]).await;
    let last = browser.follow(accepted, "").await;
    let next = browser.press(&last, "#finish", &finished("ada")).await;
    assert_eq!(next.answer.status, 303, "{next:?}");
    let shown = server.identity().users().show("ada").await.unwrap();
    assert_eq!(
        (shown.roles, shown.email_verified),
        (vec!["instructor".to_owned()], true)
    );
    let used = browser.get(mail.link()).await;
    assert_eq!((used.answer.status, used.error().as_str()), (410, "invitation"));
    server.stop().await;
}

async fn a_copied_invitation_gets_a_code_to_its_address(server: IssuerServer) {
    let new = NewInvite {
        email: None,
        mail: false,
        roles: vec![],
        groups: Vec::new(),
        client: None,
        locale: "en".to_owned(),
        max_uses: 2,
    };
    let made = server.identity().invitations().invite(new, "cli").await.unwrap();
    let link = made.link.expect("a link");
    for (name, email) in [("ada", "ada@example.test"), ("eve", "eve@example.test")] {
        let browser = Browser::new();
        let page = browser.get(&link).await;
        let check = enter(&server, &browser, &page, email).await;
        let mail = server.mail_to(email).await;
        let proved = verify(&browser, &check, mail.code()).await;
        let last = browser.follow(proved, "").await;
        let next = browser.press(&last, "#finish", &finished(name)).await;
        assert_eq!(next.answer.status, 303, "{next:?}");
    }
    let third = Browser::new().get(&link).await;
    assert_eq!((third.answer.status, third.error().as_str()), (410, "invitation"));
    server.stop().await;
}

async fn an_account_that_waits_for_approval_signs_in_once_it_is_approved(server: IssuerServer) {
    let browser = Browser::new();
    let check = begin(&server, &browser, "ada@example.test").await;
    let mail = server.mail_to("ada@example.test").await;
    let proved = verify(&browser, &check, mail.code()).await;
    let last = browser.follow(proved, "").await;
    let waits = browser.press(&last, "#finish", &finished("ada")).await;
    assert!(
        waits.answer.status == 200 && waits.has("#approval-wait"),
        "{waits:?}"
    );
    let app = server.app("demo-web", "openid");
    let refused = app.attempt(&browser, "ada", PASSWORD).await;
    assert_eq!(
        (refused.answer.status, refused.error().as_str()),
        (403, "approval_wait")
    );
    let wrong = app
        .attempt(&Browser::new(), "ada", "a wrong password of hers")
        .await;
    assert_eq!(
        wrong.error(),
        "wrong_credentials",
        "only who knows the password is told"
    );
    server.clock.advance(1_000);
    let invitations = server.identity().invitations();
    invitations.approve("ada", "cli").await.unwrap();
    assert!(invitations.approve("ada", "cli").await.is_err(), "once");
    assert_eq!(server.mail_to("ada@example.test").await.purpose, "approved");
    app.sign_in(&Browser::new(), ("ada", PASSWORD), &[]).await;
    server.stop().await;
}

#[tokio::test]
async fn terms_are_accepted_in_the_version_that_was_shown_and_recorded() {
    let server = IssuerServer::with(|options| {
        options.settings.sign_up.mode = Mode::Open;
        options.settings.sign_up.terms = Some(Terms {
            version: "2".to_owned(),
            url: "https://shop.test/terms".to_owned(),
            ..Terms::default()
        });
    })
    .await;
    let browser = Browser::new();
    let page = browser.get(&format!("{}/register", server.issuer())).await;
    server.clock.advance(3_000);
    for terms in [&[][..], &[("terms", "1")]] {
        let mut fields = vec![("email", "ada@example.test")];
        fields.extend(terms);
        let refused = browser.press(&page, "#register", &fields).await;
        assert_eq!(
            (refused.answer.status, refused.error().as_str()),
            (403, "terms_needed")
        );
    }
    let fields = [("email", "ada@example.test"), ("terms", "2")];
    let begun = browser.press(&page, "#register", &fields).await;
    let check = browser.follow(begun, "").await;
    let mail = server.mail_to("ada@example.test").await;
    let proved = verify(&browser, &check, mail.code()).await;
    let last = browser.follow(proved, "").await;
    assert!(!last.has("#terms"), "accepted already");
    browser.press(&last, "#finish", &finished("ada")).await;
    let kept = "SELECT version || ' ' || locale AS line FROM terms_acceptances";
    assert_eq!(lines(server.db(), kept).await, ["2 en"]);
    server.stop().await;
}

/// Initiating User Registration via OpenID Connect 1.0.
#[tokio::test]
async fn an_application_can_ask_for_a_new_account() {
    let server = open(false).await;
    let (app, browser) = (server.app("demo-web", "openid"), Browser::new());
    app.sign_in(&browser, server.person("alice"), &[]).await;
    let page = app.begin(&browser, &[("prompt", "create")]).await;
    assert!(page.has("#stay") && page.has("#another"), "{page:?}");
    let page = another(&browser, &page).await;
    assert!(page.has("#register"), "whoever is signed in: {page:?}");
    let check = enter(&server, &browser, &page, "ada@example.test").await;
    let mail = server.mail_to("ada@example.test").await;
    let proved = verify(&browser, &check, mail.code()).await;
    let last = browser.follow(proved, "").await;
    let next = browser.press(&last, "#finish", &finished("ada")).await;
    let consent = browser.follow(next, &app.redirect_uri).await;
    assert!(consent.text("main").contains("Ada Lovelace"), "{consent:?}");
    let refused = app.begin(&browser, &[("prompt", "none create")]).await;
    let back = crate::harness::callback(&refused.location().unwrap());
    assert_eq!(back.error.as_deref(), Some("invalid_request"));
    let discovery = format!("{}/.well-known/openid-configuration", server.issuer());
    let document = browser.get(&discovery).await.answer.text;
    assert!(document.contains(r#""create""#), "{document}");
    server.stop().await;
}

#[tokio::test]
async fn a_closed_door_is_said_once_and_leads_to_the_sign_in() {
    let server = with_mode(false, Mode::Closed).await;
    let (app, browser) = (server.app("demo-web", "openid"), Browser::new());
    let page = app.begin(&browser, &[("prompt", "create")]).await;
    assert!(
        page.has("#registration-closed") && page.has("#sign-in"),
        "{page:?}"
    );
    let (name, password) = server.person("alice");
    let fields = [("username", name), ("password", password)];
    let entered = browser.press(&page, "#sign-in", &fields).await;
    let consent = browser.follow(entered, &app.redirect_uri).await;
    assert!(consent.has("#allow"), "{consent:?}");
    let discovery = format!("{}/.well-known/openid-configuration", server.issuer());
    let document = browser.get(&discovery).await.answer.text;
    assert!(!document.contains(r#""create""#), "{document}");
    server.stop().await;
}

macro_rules! in_modes {
    ($($mode:ident: $name:ident,)*) => {
        mod sqlite {
            $(#[tokio::test]
            async fn $name() {
                super::$name(super::with_mode(false, super::Mode::$mode).await).await;
            })*
        }

        mod postgresql {
            $(#[tokio::test]
            async fn $name() {
                super::$name(super::with_mode(true, super::Mode::$mode).await).await;
            })*
        }
    };
}
pub(crate) use in_modes;

in_modes! {
    Open: whoever_registers_by_code_is_back_at_the_application,
    Open: a_link_changes_nothing_until_its_button_is_pressed,
    Open: a_link_that_is_opened_elsewhere_goes_on_there_alone,
    Open: a_code_that_came_late_counts_beside_a_newer_one,
    Closed: a_mailed_invitation_proves_its_address_and_gives_its_roles,
    Invited: a_copied_invitation_gets_a_code_to_its_address,
    Approval: an_account_that_waits_for_approval_signs_in_once_it_is_approved,
}
