//! Registration under attack: what a stranger must not learn, reserve, or be let into.

use futures::future::join_all;
use latchkey_identity::NewInvite;
use latchkey_protocol::sign_up::Mode;

use crate::harness::{Browser, IssuerServer, lines, run, until};
use crate::sign_up::{PASSWORD, begin, enter, finished, records, users, verify, with_mode};

/// The page, the form and the end are closed, not the page alone.
async fn a_closed_registration_is_closed_at_every_address(server: IssuerServer) {
    let browser = Browser::new();
    let login = server.app("demo-web", "openid").begin(&browser, &[]).await;
    assert!(!login.has("#to-register"), "{login:?}");
    let page = browser.get(&format!("{}/register", server.issuer())).await;
    assert_eq!(
        (page.answer.status, page.error().as_str()),
        (403, "registration_closed")
    );
    for path in [
        "/register",
        "/register/check",
        "/register/link",
        "/register/finish",
        "/register/invited",
    ] {
        let url = format!("{}{path}", server.issuer());
        let posted = browser
            .post(&url, server.issuer(), &[("email", "a@example.test")])
            .await;
        assert!((400..500).contains(&posted.answer.status), "{path}: {posted:?}");
    }
    assert!(records(&server).await.is_empty());
    server.stop().await;
}

/// A form from before the administrator took the invitation back.
async fn an_invitation_that_is_revoked_meanwhile_makes_no_account(server: IssuerServer) {
    let new = NewInvite {
        email: Some("ada@example.test".to_owned()),
        mail: true,
        roles: vec![],
        groups: Vec::new(),
        client: None,
        locale: "en".to_owned(),
        max_uses: 1,
    };
    server.identity().invitations().invite(new, "cli").await.unwrap();
    let mail = server.mail_to("ada@example.test").await;
    let browser = Browser::new();
    let page = browser.get(mail.link()).await;
    let accepted = browser.press(&page, "#accept", &[]).await;
    let last = browser.follow(accepted, "").await;
    let before = users(&server).await;
    run(server.db(), "UPDATE invitations SET revoked_at = 1".to_owned()).await;
    let refused = browser.press(&last, "#finish", &finished("ada")).await;
    assert_eq!(
        (refused.answer.status, refused.error().as_str()),
        (410, "invitation")
    );
    assert_eq!(users(&server).await, before);
    server.stop().await;
}

/// AC-04. Whoever has the mailbox is told, and nobody else.
async fn a_known_address_gets_the_same_answer_and_another_mail(server: IssuerServer) {
    let answers = join_all(["nobody@example.test", "ALICE@example.test"].map(async |email| {
        let browser = Browser::new();
        let check = begin(&server, &browser, email).await;
        let text = check.answer.text.replace(email, "EMAIL");
        // Request and form token are different each time.
        let secret = |word: &str| word.len() > 20;
        let plain: String = text
            .split('"')
            .filter(|part| !secret(part) || part.contains(' '))
            .collect();
        let wrong = verify(&browser, &check, "000000").await;
        (
            check.url.path().to_owned(),
            check.answer.status,
            plain,
            wrong.answer.status,
            wrong.error(),
        )
    }))
    .await;
    assert_eq!(answers[0], answers[1]);
    assert_eq!(
        server.mail_to("nobody@example.test").await.purpose,
        "registration_code"
    );
    let told = server.mail_to("alice@example.test").await;
    assert_eq!(told.purpose, "account_exists", "to the address as it is stored");
    assert!(server.mails_to("ALICE@example.test").await.is_empty());
    let count = "SELECT CAST(COUNT(*) AS TEXT) AS line FROM one_time_proofs GROUP BY subject";
    assert_eq!(lines(server.db(), count).await, ["1", "1"], "the same work");
    server.stop().await;
}

/// AC-06. Six digits are no secret against guesses.
async fn the_sixth_try_at_a_code_is_refused_although_it_is_right(server: IssuerServer) {
    let browser = Browser::new();
    let check = begin(&server, &browser, "ada@example.test").await;
    let mail = server.mail_to("ada@example.test").await;
    let wrong = if mail.code() == "111111" {
        "222222"
    } else {
        "111111"
    };
    let tries = join_all((0..5).map(|_| verify(&browser, &check, wrong))).await;
    assert!(tries.iter().all(|seen| seen.error() == "code_wrong"), "{tries:?}");
    let right = verify(&browser, &check, mail.code()).await;
    assert_eq!(
        (right.answer.status, right.error().as_str()),
        (422, "code_expired")
    );
    let link = browser.get(mail.link()).await;
    assert!(
        link.has("#confirm"),
        "the owner's link is as good as before: {link:?}"
    );
    server.stop().await;
}

async fn the_code_of_one_browser_is_worth_nothing_in_another(server: IssuerServer) {
    let (ada, eve) = (Browser::new(), Browser::new());
    begin(&server, &ada, "ada@example.test").await;
    let mail = server.mail_to("ada@example.test").await;
    let check = begin(&server, &eve, "eve@example.test").await;
    let foreign = verify(&eve, &check, mail.code()).await;
    assert_eq!(foreign.answer.status, 422, "{foreign:?}");
    for path in ["/register/finish", "/register/check"] {
        let seen = eve.open(&format!("{}{path}", server.issuer()), "").await;
        assert!(
            seen.has("#verify") && !seen.text("main").contains("ada@"),
            "{seen:?}"
        );
    }
    server.stop().await;
}

/// ID-03. No address skips the proof.
async fn nobody_finishes_without_the_proof(server: IssuerServer) {
    let (ada, eve) = (Browser::new(), Browser::new());
    let check = begin(&server, &ada, "ada@example.test").await;
    let mail = server.mail_to("ada@example.test").await;
    let proved = verify(&ada, &check, mail.code()).await;
    let last = ada.follow(proved, "").await;
    let before = users(&server).await;
    begin(&server, &eve, "victim@example.test").await;
    let foreign = eve.press(&last, "#finish", &finished("eve")).await;
    assert_eq!(
        (foreign.answer.status, foreign.error().as_str()),
        (403, "foreign_form")
    );
    let bare = eve.get(&format!("{}/register/finish", server.issuer())).await;
    assert!(
        bare.answer.header("location").starts_with("/register/check"),
        "{bare:?}"
    );
    assert_eq!(users(&server).await, before);
    server.stop().await;
}

/// Two people want one name at once; and one person presses the button twice.
async fn of_racing_finishes_one_makes_the_account(server: IssuerServer) {
    let mut ready = Vec::new();
    for email in ["ada@example.test", "eve@example.test"] {
        let browser = Browser::new();
        let check = begin(&server, &browser, email).await;
        let mail = server.mail_to(email).await;
        let proved = verify(&browser, &check, mail.code()).await;
        let last = browser.follow(proved, "").await;
        ready.push((browser, last));
    }
    // A dotless and a dotted name are one.
    let names = ["işil", "IŞIL"];
    let ends = join_all(ready.iter().zip(names).map(async |((browser, last), name)| {
        let mut seen = browser.press(last, "#finish", &finished(name)).await;
        while seen.error() == "busy" {
            seen = browser.press(last, "#finish", &finished(name)).await;
        }
        seen
    }))
    .await;
    let mut codes: Vec<String> = ends.iter().map(|seen| seen.error()).collect();
    codes.sort();
    assert_eq!(codes, ["", "name_taken"], "{ends:?}");
    let loser = ends.iter().position(|seen| seen.error() == "name_taken").unwrap();
    let (browser, last) = &ready[loser];
    let other = browser.press(last, "#finish", &finished("another")).await;
    assert_eq!(other.answer.status, 303, "{other:?}");
    let twice = browser.press(last, "#finish", &finished("third")).await;
    assert!(
        twice.answer.header("location").starts_with("/register"),
        "{twice:?}"
    );
    assert!(!users(&server).await.contains(&"third".to_owned()));
    server.stop().await;
}

/// The registration page is no list of who is here.
async fn one_registration_tries_ten_names_and_no_more(server: IssuerServer) {
    let browser = Browser::new();
    let check = begin(&server, &browser, "ada@example.test").await;
    let mail = server.mail_to("ada@example.test").await;
    let proved = verify(&browser, &check, mail.code()).await;
    let last = browser.follow(proved, "").await;
    for _ in 0..10 {
        let taken = browser.press(&last, "#finish", &finished("alice")).await;
        assert_eq!(taken.error(), "name_taken", "{taken:?}");
    }
    let free = browser.press(&last, "#finish", &finished("ada")).await;
    assert_eq!((free.answer.status, free.error().as_str()), (422, "name_taken"));
    server.stop().await;
}

async fn programs_get_the_same_answer_and_no_mail(server: IssuerServer) {
    let browser = Browser::new();
    let page = browser.get(&format!("{}/register", server.issuer())).await;
    let hasty = browser
        .press(&page, "#register", &[("email", "a@example.test")])
        .await;
    assert_eq!((hasty.answer.status, hasty.error().as_str()), (422, "too_fast"));
    server.clock.advance(3_000);
    let fields = [("email", "a@example.test"), ("website", "http://spam.test")];
    let trapped = browser.press(&page, "#register", &fields).await;
    assert_eq!(trapped.answer.status, 303, "{trapped:?}");
    let mut form = page.form("#register").pairs;
    form.retain(|(name, _)| name != "at" && name != "email");
    let mut pairs: Vec<(&str, &str)> = form.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    pairs.extend([("at", "1"), ("email", "a@example.test")]);
    let url = format!("{}/register", server.issuer());
    let forged = browser.post(&url, server.issuer(), &pairs).await;
    assert_eq!(
        forged.error(),
        "foreign_form",
        "the time of the page cannot be changed"
    );
    assert!(records(&server).await.is_empty());
    assert!(server.mails_to("a@example.test").await.is_empty());
    server.stop().await;
}

/// What was typed is counted, so the limit tells nothing of who is here; and the owner's codes stay good.
async fn mails_for_one_address_are_limited_whoever_has_it(server: IssuerServer) {
    for email in ["nobody@example.test", "alice@example.test"] {
        let (ada, eve) = (Browser::new(), Browser::new());
        let check = begin(&server, &ada, email).await;
        let page = eve.get(&format!("{}/register", server.issuer())).await;
        server.clock.advance(3_000);
        let limited = eve.press(&page, "#register", &[("email", email)]).await;
        assert_eq!(
            (limited.answer.status, limited.error().as_str()),
            (429, "mail_limit"),
            "{email}"
        );
        let wait: i64 = limited.answer.header("retry-after").parse().unwrap();
        assert!((1..=60).contains(&wait), "{wait}");
        assert!(check.has("#verify"));
    }
    let mail = server.mail_to("nobody@example.test").await;
    assert_eq!(Browser::new().get(mail.link()).await.answer.status, 200);
    server.stop().await;
}

async fn an_expired_code_and_an_expired_link_prove_nothing(server: IssuerServer) {
    let browser = Browser::new();
    let check = begin(&server, &browser, "ada@example.test").await;
    let mail = server.mail_to("ada@example.test").await;
    let page = browser.get(mail.link()).await;
    server.clock.advance(30 * 60_000);
    let late = verify(&browser, &check, mail.code()).await;
    assert_eq!((late.answer.status, late.error().as_str()), (422, "code_expired"));
    let pressed = browser.press(&page, "#confirm", &[]).await;
    assert_eq!(
        (pressed.answer.status, pressed.error().as_str()),
        (410, "link_used")
    );
    server.clock.advance(24 * 3_600_000);
    let over = browser.get(&format!("{}/register/check", server.issuer())).await;
    assert_eq!(over.answer.header("location"), "/register", "{over:?}");
    server.stop().await;
}

/// An invitation is used as often as it says, however many come at once, and for its address alone.
async fn an_invitation_is_not_used_once_too_often(server: IssuerServer) {
    let new = NewInvite {
        email: None,
        mail: false,
        roles: vec!["instructor".to_owned()],
        groups: Vec::new(),
        client: None,
        locale: "en".to_owned(),
        max_uses: 2,
    };
    let made = server.identity().invitations().invite(new, "cli").await.unwrap();
    let link = made.link.expect("a link");
    let mut ready = Vec::new();
    for name in ["ada", "eve", "mallory"] {
        let (browser, email) = (Browser::new(), format!("{name}@example.test"));
        let page = browser.get(&link).await;
        let check = enter(&server, &browser, &page, &email).await;
        let mail = server.mail_to(&email).await;
        let proved = verify(&browser, &check, mail.code()).await;
        ready.push((name, browser.follow(proved, "").await, browser));
    }
    let ends = join_all(ready.iter().map(async |(name, last, browser)| {
        let mut seen = browser.press(last, "#finish", &finished(name)).await;
        while seen.error() == "busy" {
            seen = browser.press(last, "#finish", &finished(name)).await;
        }
        seen
    }))
    .await;
    let refused: Vec<_> = ends.iter().filter(|seen| seen.error() == "invitation").collect();
    assert_eq!(refused.len(), 1, "{ends:?}");
    server.stop().await;
}

async fn an_invitation_for_an_address_is_for_no_other(server: IssuerServer) {
    let new = NewInvite {
        email: Some("ada@example.test".to_owned()),
        mail: false,
        roles: vec!["instructor".to_owned()],
        groups: Vec::new(),
        client: None,
        locale: "en".to_owned(),
        max_uses: 1,
    };
    let made = server.identity().invitations().invite(new, "cli").await.unwrap();
    let (browser, link) = (Browser::new(), made.link.expect("a link"));
    let page = browser.get(&link).await;
    server.clock.advance(3_000);
    let other = browser
        .press(&page, "#register", &[("email", "eve@example.test")])
        .await;
    assert_eq!((other.answer.status, other.error().as_str()), (410, "invitation"));
    let edited = browser
        .press(
            &page,
            "#register",
            &[("invitation", "x"), ("email", "eve@example.test")],
        )
        .await;
    assert_eq!(edited.error(), "foreign_form", "{edited:?}");
    assert!(server.mails_to("eve@example.test").await.is_empty());
    server.stop().await;
}

/// The link of the first administrator is shown once, works once, and dies with the first administrator.
async fn two_browsers_at_the_first_link_make_one_administrator(server: IssuerServer) {
    let invitations = server.identity().invitations();
    run(server.db(), "UPDATE users SET roles = '[]'".to_owned()).await;
    let link = invitations.first_administrator().await.unwrap().expect("a link");
    assert_eq!(
        invitations.first_administrator().await.unwrap(),
        None,
        "shown once"
    );
    let mut ready = Vec::new();
    for name in ["ada", "eve"] {
        let browser = Browser::new();
        let page = browser.get(&link).await;
        let last = enter(&server, &browser, &page, &format!("{name}@example.test")).await;
        assert!(last.has("#finish"), "{last:?}");
        ready.push((name, last, browser));
    }
    let ends = join_all(ready.iter().map(async |(name, last, browser)| {
        loop {
            // Where the machine is too busy to hash a password, the page says so and keeps the link.
            let seen = browser.press(last, "#finish", &finished(name)).await;
            if seen.answer.status != 503 {
                return seen;
            }
        }
    }))
    .await;
    let refused: Vec<_> = ends.iter().filter(|seen| seen.error() == "invitation").collect();
    assert_eq!(refused.len(), 1, "{ends:?}");
    let administrators = "SELECT username AS line FROM users WHERE roles LIKE '%\"admin\"%'";
    assert_eq!(lines(server.db(), administrators).await.len(), 1);
    let verified =
        "SELECT username AS line FROM users WHERE roles LIKE '%\"admin\"%' AND email_verified_at IS NOT NULL";
    assert!(
        lines(server.db(), verified).await.is_empty(),
        "nothing has proved the address"
    );
    assert_eq!(invitations.first_administrator().await.unwrap(), None);
    server.stop().await;
}

/// CVE-2023-49097, CVE-2025-64101. Links of mails lead to the configured issuer, whatever host the request names.
#[tokio::test]
async fn a_link_in_a_mail_follows_no_header() {
    let server = with_mode(false, Mode::Open).await;
    let browser = Browser::new();
    let page = browser.get(&format!("{}/register", server.issuer())).await;
    server.clock.advance(3_000);
    let form = page.form("#register");
    let mut pairs: Vec<(&str, &str)> = form.pairs.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    pairs.retain(|(name, _)| *name != "email");
    pairs.push(("email", "ada@example.test"));
    let url = format!("{}/register", server.issuer());
    let request = crate::harness::http()
        .post(&url)
        .header("origin", server.issuer())
        .header("x-forwarded-host", "evil.test")
        .header("forwarded", "host=evil.test")
        .form(&pairs);
    let begun = browser.send(request, &url).await;
    assert_eq!(begun.answer.status, 303, "{begun:?}");
    let mail = server.mail_to("ada@example.test").await;
    assert!(mail.link().starts_with(server.issuer()), "{mail:?}");
    assert!(!mail.text.contains("evil.test"), "{mail:?}");
    server.stop().await;
}

/// One network cannot register, or write, without end.
#[tokio::test]
async fn one_network_causes_twenty_mails_an_hour() {
    let server = IssuerServer::with(|options| {
        options.settings.sign_up.mode = Mode::Open;
        options.settings.sign_up.limits_networks = true;
    })
    .await;
    for at in 0..20 {
        begin(&server, &Browser::new(), &format!("p{at}@example.test")).await;
    }
    let browser = Browser::new();
    let page = browser.get(&format!("{}/register", server.issuer())).await;
    server.clock.advance(3_000);
    let limited = browser
        .press(&page, "#register", &[("email", "more@example.test")])
        .await;
    assert_eq!(
        (limited.answer.status, limited.error().as_str()),
        (429, "too_many")
    );
    server.clock.advance(3_600_000);
    begin(&server, &Browser::new(), "later@example.test").await;
    server.stop().await;
}

/// An owner who registers is not kept out by a stranger who began with the same address many times.
async fn nobody_reserves_an_address_by_beginning(server: IssuerServer) {
    for _ in 0..5 {
        begin(&server, &Browser::new(), "ada@example.test").await;
        server.clock.advance(13 * 60_000);
    }
    let browser = Browser::new();
    let check = begin(&server, &browser, "ada@example.test").await;
    let mail = server.mail_to("ada@example.test").await;
    let proved = verify(&browser, &check, mail.code()).await;
    let last = browser.follow(proved, "").await;
    let next = browser.press(&last, "#finish", &finished("ada")).await;
    assert_eq!(next.answer.status, 303, "{next:?}");
    // A registration of another browser that was proved by a link is too late.
    let app = server.app("demo-web", "openid");
    app.sign_in(&Browser::new(), ("ada@example.test", PASSWORD), &[])
        .await;
    until("expired registrations are purged", async || {
        server.clock.advance(3 * 24 * 3_600_000);
        lines(server.db(), "SELECT id AS line FROM registrations")
            .await
            .is_empty()
    })
    .await;
    server.stop().await;
}

crate::sign_up::in_modes! {
    Closed: a_closed_registration_is_closed_at_every_address,
    Closed: an_invitation_that_is_revoked_meanwhile_makes_no_account,
    Open: a_known_address_gets_the_same_answer_and_another_mail,
    Open: the_sixth_try_at_a_code_is_refused_although_it_is_right,
    Open: the_code_of_one_browser_is_worth_nothing_in_another,
    Open: nobody_finishes_without_the_proof,
    Open: of_racing_finishes_one_makes_the_account,
    Open: one_registration_tries_ten_names_and_no_more,
    Open: programs_get_the_same_answer_and_no_mail,
    Open: mails_for_one_address_are_limited_whoever_has_it,
    Open: an_expired_code_and_an_expired_link_prove_nothing,
    Invited: an_invitation_is_not_used_once_too_often,
    Closed: two_browsers_at_the_first_link_make_one_administrator,
    Invited: an_invitation_for_an_address_is_for_no_other,
    Open: nobody_reserves_an_address_by_beginning,
}
