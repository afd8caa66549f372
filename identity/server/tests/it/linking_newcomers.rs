//! People whom another provider has named and who have no account yet, and domains whose people have no other way.

use latchkey_protocol::authentication::Acr;
use latchkey_protocol::sign_up::{Mode as SignUps, Terms};
use serde_json::json;

use crate::harness::second::finish;
use crate::harness::{Browser, lines, lines_of};
use crate::linking::{StandIn, by_provider, connected, issuer, on_both, person};
use crate::recovery::{ALICE, ask, is, links};
use crate::sign_up::{begin, finished, verify};

async fn somebody_new_gets_an_account_with_what_the_provider_says(postgres: bool) {
    let op = StandIn::start().await;
    let server = issuer(postgres, &op, |provider, options| {
        provider.authoritative_for = vec!["op.test".to_owned()];
        options.settings.sign_up.terms = Some(Terms {
            version: "2".to_owned(),
            url: "/terms".to_owned(),
            ..Terms::default()
        });
    })
    .await;
    op.say(person("s1", "Ada@op.test"));
    let (app, browser) = (server.app("demo-web", "openid"), Browser::new());
    let page = by_provider(&server, &op, &app, &browser).await;
    assert!(page.has("#finish") && !page.has("#password"), "{page:?}");
    assert_eq!(page.answer.attributes("#username", "value"), ["ada"]);
    assert_eq!(page.answer.attributes("#name", "value"), ["Ada Lovelace"]);
    let without = browser.press(&page, "#finish", &[]).await;
    assert!(is(&without, 403, "terms_needed"), "{without:?}");
    // A taken name is a field to correct, and the form a name to mend.
    for (username, code) in [("alice", "name_taken"), ("a b", "name_form")] {
        let fields = [("username", username), ("terms", "2")];
        let again = browser.press(&page, "#finish", &fields).await;
        assert!(is(&again, 422, code), "{again:?}");
    }
    let done = browser.press(&page, "#finish", &[("terms", "2")]).await;
    let back = finish(&app, &browser, done).await;
    assert!(back.code.is_some(), "{back:?}");
    assert_eq!(connected(&server).await, ["ada s1"]);
    let facts = "SELECT email AS line FROM users \
                 WHERE username = 'ada' AND email_verified_at IS NOT NULL AND password_hash IS NULL";
    assert_eq!(lines(server.db(), facts).await, ["Ada@op.test"]);
    let again = by_provider(&server, &op, &app, &Browser::new()).await;
    assert!(!again.has("#finish"), "{again:?}");
    server.stop().await;
}

async fn an_address_that_no_provider_proves_is_proved_by_mail(postgres: bool) {
    let op = StandIn::start().await;
    let server = issuer(postgres, &op, |_, _| {}).await;
    op.say(person("s1", "ada@elsewhere.test"));
    let (app, browser) = (server.app("demo-web", "openid"), Browser::new());
    let check = by_provider(&server, &op, &app, &browser).await;
    let early = browser
        .open(&format!("{}/upstream/register", server.issuer()), "")
        .await;
    assert!(!early.has("#finish"), "{early:?}");
    let mail = server.mail_to("ada@elsewhere.test").await;
    let proved = browser.press(&check, "#verify", &[("code", mail.code())]).await;
    let page = browser.follow(proved, "").await;
    assert!(page.has("#finish") && !page.has("#password"), "{page:?}");
    let done = browser.press(&page, "#finish", &[]).await;
    let back = finish(&app, &browser, done).await;
    assert!(back.code.is_some(), "{back:?}");
    assert_eq!(connected(&server).await, ["ada s1"]);
    server.stop().await;
}

async fn two_people_without_an_address_get_accounts(postgres: bool) {
    let op = StandIn::start().await;
    let server = issuer(postgres, &op, |_, _| {}).await;
    let app = server.app("demo-web", "openid email");
    for (sub, username) in [("s1", "ada"), ("s2", "grace")] {
        op.say(json!({ "sub": sub }));
        let browser = Browser::new();
        let page = by_provider(&server, &op, &app, &browser).await;
        let done = browser.press(&page, "#finish", &[("username", username)]).await;
        let back = finish(&app, &browser, done).await;
        let tokens = app.redeem(back.code.as_deref().unwrap()).await;
        assert_eq!(tokens.status, 200, "{tokens:?}");
    }
    assert_eq!(connected(&server).await, ["ada s1", "grace s2"]);
    server.stop().await;
}

async fn of_two_browsers_that_register_one_account_at_once_one_does(postgres: bool) {
    let op = StandIn::start().await;
    let server = issuer(postgres, &op, |_, _| {}).await;
    op.say(json!({ "sub": "s1" }));
    let app = server.app("demo-web", "openid");
    let (one, other) = (Browser::new(), Browser::new());
    let (mine, theirs) = (
        by_provider(&server, &op, &app, &one).await,
        by_provider(&server, &op, &app, &other).await,
    );
    let (first, second) = futures::join!(
        one.press(&mine, "#finish", &[("username", "ada")]),
        other.press(&theirs, "#finish", &[("username", "grace")])
    );
    let mut statuses = [first.answer.status, second.answer.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [303, 410], "{first:?} {second:?}");
    assert_eq!(connected(&server).await.len(), 1);
    let made = "SELECT username AS line FROM users WHERE username IN ('ada', 'grace')";
    assert_eq!(lines(server.db(), made).await.len(), 1);
    server.stop().await;
}

async fn whoever_must_be_approved_waits_for_that(postgres: bool) {
    let op = StandIn::start().await;
    let server = issuer(postgres, &op, |_, options| {
        options.settings.sign_up.mode = SignUps::Approval;
    })
    .await;
    op.say(json!({ "sub": "s1" }));
    let (app, browser) = (server.app("demo-web", "openid"), Browser::new());
    let page = by_provider(&server, &op, &app, &browser).await;
    let waits = browser.press(&page, "#finish", &[("username", "ada")]).await;
    assert!(waits.has("#approval-wait"), "{waits:?}");
    let refused = by_provider(&server, &op, &app, &Browser::new()).await;
    assert!(is(&refused, 403, "approval_wait"), "{refused:?}");
    server.stop().await;
}

async fn a_closed_registration_is_closed_for_providers_too(postgres: bool) {
    let op = StandIn::start().await;
    for (mode, registers) in [
        (SignUps::Closed, true),
        (SignUps::Invited, true),
        (SignUps::Open, false),
    ] {
        let server = issuer(postgres, &op, |provider, options| {
            provider.registers = registers;
            options.settings.sign_up.mode = mode;
        })
        .await;
        op.say(json!({ "sub": "s1" }));
        let app = server.app("demo-web", "openid");
        let refused = by_provider(&server, &op, &app, &Browser::new()).await;
        assert!(is(&refused, 403, "registration_closed"), "{mode:?}: {refused:?}");
        server.stop().await;
    }
}

/// Without the provider's authority, nobody learns from the answer whether somebody has the address.
async fn an_unproved_address_is_answered_alike_whether_somebody_has_it(postgres: bool) {
    let op = StandIn::start().await;
    let server = issuer(postgres, &op, |_, _| {}).await;
    let app = server.app("demo-web", "openid");
    let mut pages = Vec::new();
    for (sub, email) in [("s1", ALICE), ("s2", "nobody@example.test")] {
        op.say(person(sub, email));
        let page = by_provider(&server, &op, &app, &Browser::new()).await;
        assert!(page.has("#verify"), "{page:?}");
        pages.push(page.text("h1"));
    }
    assert_eq!(pages[0], pages[1]);
    assert_eq!(links(&server, ALICE, "account_exists").await.len(), 1);
    assert_eq!(
        server.mail_to("nobody@example.test").await.purpose,
        "registration_code"
    );
    assert!(connected(&server).await.is_empty());
    server.stop().await;
}

/// The last page of a registration with a password, kept for one that a provider has begun.
async fn a_providers_registration_ends_with_no_password(postgres: bool) {
    let op = StandIn::start().await;
    let server = issuer(postgres, &op, |_, _| {}).await;
    let (app, browser) = (server.app("demo-web", "openid"), Browser::new());
    let check = begin(&server, &browser, "eve@example.test").await;
    let mail = server.mail_to("eve@example.test").await;
    let proved = verify(&browser, &check, mail.code()).await;
    let last = browser.follow(proved, "").await;
    assert!(last.has("#password"), "{last:?}");
    server.clock.advance(1_000);
    op.say(person("s1", "ada@elsewhere.test"));
    let check = by_provider(&server, &op, &app, &browser).await;
    let mail = server.mail_to("ada@elsewhere.test").await;
    let proved = verify(&browser, &check, mail.code()).await;
    assert_eq!(proved.answer.status, 303, "{proved:?}");
    let sent_on = browser.press(&last, "#finish", &finished("ada")).await;
    let to = sent_on.location().expect("a page");
    assert_eq!(to.path(), "/upstream/register", "{sent_on:?}");
    let made = "SELECT username AS line FROM users WHERE username = 'ada'";
    assert!(lines(server.db(), made).await.is_empty());
    server.stop().await;
}

/// The provider's word is the browser's that brought it: elsewhere the link is that of anybody, who has shown no work.
async fn a_providers_link_opened_elsewhere_has_shown_no_work(postgres: bool) {
    let op = StandIn::start().await;
    let server = issuer(postgres, &op, |_, options| {
        options.settings.sign_up.proof_of_work = Some(6);
    })
    .await;
    op.say(person("s1", "ada@elsewhere.test"));
    let (app, other) = (server.app("demo-web", "openid"), Browser::new());
    by_provider(&server, &op, &app, &Browser::new()).await;
    let mail = server.mail_to("ada@elsewhere.test").await;
    let page = other.get(mail.link()).await;
    let started = other.press(&page, "#start-here", &[]).await;
    let last = other.follow(started, "").await;
    let waits = other.press(&last, "#finish", &finished("ada")).await;
    assert!(waits.has("#approval-wait"), "{waits:?}");
    server.stop().await;
}

async fn a_forced_domain_leads_to_its_provider_whoever_has_the_address(postgres: bool) {
    let op = StandIn::start().await;
    let server = issuer(postgres, &op, |provider, _| {
        provider.forced_domains = vec!["example.test".to_owned()];
    })
    .await;
    let app = server.app("demo-web", "openid");
    let (_, password) = server.person("alice");
    let mut pages = Vec::new();
    for (email, password) in [
        (ALICE, password),
        (ALICE, "not hers at all"),
        ("nobody@example.test", password),
    ] {
        let seen = app.attempt(&Browser::new(), email, password).await;
        assert!(is(&seen, 422, "provider_domain"), "{seen:?}");
        assert!(seen.has("#with-op"), "{seen:?}");
        pages.push(seen.text("#error"));
    }
    assert!(pages.iter().all(|page| *page == pages[0]), "{pages:?}");
    // The user name is no way around, and tells nobody who does not know the password.
    let by_name = app.attempt(&Browser::new(), "alice", password).await;
    assert!(is(&by_name, 422, "provider_domain"), "{by_name:?}");
    let wrong = app.attempt(&Browser::new(), "alice", "not hers at all").await;
    assert!(is(&wrong, 422, "wrong_credentials"), "{wrong:?}");
    server.clock.advance(13 * 60_000);
    let asked = ask(&server, &Browser::new(), ALICE).await;
    assert_eq!(asked.answer.status, 303, "as for everybody");
    assert!(links(&server, ALICE, "password_reset").await.is_empty());
    server.stop().await;
}

/// Whether a name is taken tells that there is a user, so coming back from the provider gives no more tries.
async fn names_are_tried_ten_times_however_often_somebody_comes(postgres: bool) {
    let op = StandIn::start().await;
    let server = issuer(postgres, &op, |_, _| {}).await;
    let app = server.app("demo-web", "openid");
    op.say(json!({ "sub": "s1" }));
    for _ in 0..2 {
        let browser = Browser::new();
        let page = by_provider(&server, &op, &app, &browser).await;
        for _ in 0..5 {
            let taken = browser.press(&page, "#finish", &[("username", "alice")]).await;
            assert!(is(&taken, 422, "name_taken"), "{taken:?}");
        }
    }
    // What throttles is forgotten by a task of its own, after an hour for most.
    server.clock.advance(2 * 3_600_000);
    let browser = Browser::new();
    let page = by_provider(&server, &op, &app, &browser).await;
    let free = browser.press(&page, "#finish", &[("username", "ada")]).await;
    assert!(is(&free, 422, "name_taken"), "{free:?}");
    assert!(connected(&server).await.is_empty());
    op.say(json!({ "sub": "s2" }));
    let other = Browser::new();
    let page = by_provider(&server, &op, &app, &other).await;
    let done = other.press(&page, "#finish", &[("username", "ada")]).await;
    assert!(finish(&app, &other, done).await.code.is_some());
    assert_eq!(connected(&server).await, ["ada s2"]);
    server.stop().await;
}

/// A registration may wait for a day; what the provider has said counts from when it did.
async fn a_word_that_has_waited_is_no_fresh_proof(postgres: bool) {
    let op = StandIn::start().await;
    let server = issuer(postgres, &op, |provider, _| {
        provider.acr = Some(Acr::Mfa);
        provider.acr_values = vec!["two".to_owned()];
    })
    .await;
    let app = server.app("demo-web", "openid");
    for (sub, username, waited_ms, class) in [
        ("s1", "ada", 60_000, Acr::Mfa),
        ("s2", "grace", 6 * 60_000, Acr::Upstream),
    ] {
        op.say(json!({ "sub": sub, "acr": "two", "sid": sub }));
        let browser = Browser::new();
        let page = by_provider(&server, &op, &app, &browser).await;
        let said_ms = server.clock.now_ms();
        server.clock.advance(waited_ms);
        let done = browser.press(&page, "#finish", &[("username", username)]).await;
        assert!(finish(&app, &browser, done).await.code.is_some(), "{username}");
        // The session there is that of the proof, by which its logout finds it.
        let proved = format!(
            "SELECT s.acr AS line FROM sessions s JOIN session_proofs p ON p.session_id = s.id \
             JOIN upstream_sign_ins u ON u.identity_id = p.credential AND u.at = p.at \
             WHERE u.sid = '{sub}' AND p.at <= {said_ms}"
        );
        assert_eq!(lines_of(server.db(), proved).await, [class.name()], "{username}");
    }
    server.stop().await;
}

on_both! {
    names_are_tried_ten_times_however_often_somebody_comes,
    a_word_that_has_waited_is_no_fresh_proof,
    somebody_new_gets_an_account_with_what_the_provider_says,
    an_address_that_no_provider_proves_is_proved_by_mail,
    two_people_without_an_address_get_accounts,
    of_two_browsers_that_register_one_account_at_once_one_does,
    whoever_must_be_approved_waits_for_that,
    a_closed_registration_is_closed_for_providers_too,
    an_unproved_address_is_answered_alike_whether_somebody_has_it,
    a_providers_registration_ends_with_no_password,
    a_providers_link_opened_elsewhere_has_shown_no_work,
    a_forced_domain_leads_to_its_provider_whoever_has_the_address,
}
