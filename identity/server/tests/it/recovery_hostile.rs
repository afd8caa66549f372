//! Recovery under attack: what a stranger must not learn, pass by, or set.

use std::io::Write;
use std::sync::Arc;

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use futures::future::join_all;
use latchkey_identity::{Breached, Settings};

use crate::harness::second::Authenticator;
use crate::harness::{Browser, IssuerServer, Seen, lines, on_both_engines, run};
use crate::recovery::{ALICE, NEW, ask, is, is_password, link, links, open, opened, records, save};

async fn count(server: &IssuerServer, table: &str) -> usize {
    let text: &'static str = format!("SELECT 'row' AS line FROM {table}").leak();
    lines(server.db(), text).await.len()
}

/// AC-04: the answer, the rows that are written, and so the work are the same.
async fn an_unknown_name_gets_the_same_answer_for_the_same_work(server: IssuerServer) {
    run(
        server.db(),
        "UPDATE users SET disabled_at = 1 WHERE username = 'ines'".to_owned(),
    )
    .await;
    let mut seen = Vec::new();
    for name in [
        "alice",
        "nobody",
        "ines",
        ALICE,
        "nobody@example.test",
        "ines@example.test",
    ] {
        let before = (
            count(&server, "one_time_proofs").await,
            count(&server, "mail").await,
        );
        let browser = Browser::new();
        let asked = ask(&server, &browser, name).await;
        let sent = browser.follow(asked.clone(), "").await;
        let after = (
            count(&server, "one_time_proofs").await,
            count(&server, "mail").await,
        );
        seen.push((
            asked.answer.status,
            asked.answer.header("location").to_owned(),
            sent.text("#sent"),
            (after.0 - before.0, after.1 - before.1),
        ));
    }
    for other in &seen {
        assert_eq!(*other, seen[0]);
    }
    assert_eq!(seen[0].3, (1, 1));
    for stranger in ["nobody@example.test", "ines@example.test"] {
        assert!(server.mails_to(stranger).await.is_empty(), "{stranger}");
    }
    server.stop().await;
}

/// Programs that read mail open its links.
async fn opening_a_link_uses_nothing_and_its_button_uses_it_once(server: IssuerServer) {
    let link = link(&server).await;
    let scanner = Browser::new();
    for _ in 0..3 {
        assert!(scanner.get(&link).await.has("#go-on"));
        let head = scanner.send(crate::harness::http().head(&link), &link).await;
        assert_eq!(head.answer.status, 200, "{head:?}");
    }
    assert_eq!(count(&server, "recoveries").await, 0);
    let browsers = [Browser::new(), Browser::new(), Browser::new()];
    let pressed = browsers.each_ref().map(async |browser| {
        let page = browser.get(&link).await;
        browser.press(&page, "#go-on", &[]).await.answer.status
    });
    let mut statuses = join_all(pressed).await;
    statuses.sort_unstable();
    assert_eq!(statuses, [303, 410, 410]);
    assert!(is(&scanner.get(&link).await, 410, "link_used"));
    server.stop().await;
}

/// What a link stands on may change before it is used.
async fn a_link_ends_with_what_it_stands_on(server: IssuerServer) {
    // A younger one was used.
    let (older, younger) = (link(&server).await, link(&server).await);
    let browser = Browser::new();
    let page = open(&browser, &younger).await;
    assert!(page.has("#password"), "{page:?}");
    assert!(is(&browser.get(&older).await, 410, "link_used"));
    // The password was set: the page that is open ends as well.
    let (other, open_page) = opened(&server).await;
    assert_eq!(save(&other, &open_page, NEW, "").await.answer.status, 303);
    let late = save(&browser, &page, "eight boats on the canal", "").await;
    assert!(is(&late, 410, "link_used"), "{late:?}");
    assert!(is_password(&server, NEW).await);
    // Anything else that raises the epoch, or ends the account for a while.
    for change in [
        "credential_epoch = credential_epoch + 1",
        "disabled_at = 1",
        "locked_at = 1",
    ] {
        let (browser, page) = opened(&server).await;
        let unused = link(&server).await;
        run(
            server.db(),
            format!("UPDATE users SET {change} WHERE username = 'alice'"),
        )
        .await;
        assert!(is(&browser.get(&unused).await, 410, "link_used"), "{change}");
        let late = save(&browser, &page, "eight boats on the canal", "").await;
        assert!(is(&late, 410, "link_used"), "{change}: {late:?}");
        let back = "UPDATE users SET disabled_at = NULL, locked_at = NULL";
        run(server.db(), back.to_owned()).await;
    }
    // Time.
    let late = link(&server).await;
    server.clock.advance(30 * 60_000);
    assert!(is(&Browser::new().get(&late).await, 410, "link_used"));
    for bad in [
        "",
        "?token=",
        "?token=x",
        "?token=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    ] {
        let url = format!("{}/recover/link{bad}", server.issuer());
        assert!(is(&Browser::new().get(&url).await, 410, "link_used"), "{bad}");
    }
    server.stop().await;
}

/// KC CVE-2026-18963: no step is left out by posting to a later one.
async fn a_mailed_link_never_passes_the_second_step_by(server: IssuerServer) {
    let home = Browser::new();
    let alice = server.person("alice");
    server.app("demo-web", "openid").sign_in(&home, alice, &[]).await;
    Authenticator::set_up(&server, &home).await;
    let (browser, page) = opened(&server).await;
    let url = format!("{}/recover/new", server.issuer());
    let token = page
        .form("#verify")
        .pairs
        .into_iter()
        .find(|(name, _)| name == "token")
        .expect("a token")
        .1;
    let post = async |fields: &[(&str, &str)]| {
        let mut all = vec![("token", token.as_str()), ("password", NEW)];
        all.extend(fields);
        browser.post(&url, server.issuer(), &all).await
    };
    for action in ["save", "", "done", "keep"] {
        let seen = post(&[("action", action)]).await;
        assert!(is(&seen, 410, "link_used"), "{action}: {seen:?}");
    }
    // Waiting needs the password here, and is no step by itself.
    assert!(is(&post(&[("action", "wait")]).await, 422, "password_wrong"));
    assert!(browser.get(&url).await.has("#verify"));
    // Guesses at the code are limited as at every sign-in.
    let mut told = Vec::new();
    for _ in 0..7 {
        let seen = browser.press(&page, "#verify", &[("code", "abcdef")]).await;
        told.push(seen.answer.status);
    }
    assert!(told.contains(&422) && told.last() == Some(&429), "{told:?}");
    assert!(is_password_still(&server, alice.1).await);
    server.stop().await;
}

/// A passkey is a second step like an app: the mailbox does not pass it by, and nobody's survives unseen.
async fn a_mailed_link_never_passes_a_passkey_by(server: IssuerServer) {
    let _squatters = crate::passkeys::with_passkey(&server).await;
    let (browser, page) = opened(&server).await;
    assert!(
        page.has("#with-passkey") && !page.has("#password") && !page.has("#verify"),
        "{page:?}"
    );
    let alice = server.person("alice");
    browser.press(&page, "#wait", &[("password", alice.1)]).await;
    server.clock.advance(72 * 3_600_000);
    let page = browser.get(&format!("{}/recover/new", server.issuer())).await;
    assert!(page.has("[data-way^='passkey-']"), "{page:?}");
    assert_eq!(save(&browser, &page, NEW, "remove").await.answer.status, 303);
    assert_eq!(
        (
            count(&server, "passkeys").await,
            count(&server, "removed_passkeys").await
        ),
        (0, 1)
    );
    server.stop().await;
}

async fn is_password_still(server: &IssuerServer, password: &str) -> bool {
    let app = server.app("demo-web", "openid");
    app.attempt(&Browser::new(), "alice", password)
        .await
        .answer
        .status
        == 303
}

async fn the_form_of_another_browser_or_none_sets_nothing(server: IssuerServer) {
    let (browser, page) = opened(&server).await;
    let thief = Browser::new();
    let stolen = save(&thief, &page, NEW, "").await;
    assert!(is(&stolen, 410, "link_used"), "{stolen:?}");
    let (thief, _own) = opened(&server).await;
    let crossed = save(&thief, &page, NEW, "").await;
    assert!(is(&crossed, 403, "foreign_form"), "{crossed:?}");
    for path in [
        "/recover",
        "/recover/link",
        "/recover/stop",
        "/recover/new",
        "/account/email/undo",
    ] {
        let url = format!("{}{path}", server.issuer());
        let fields = [("identifier", "alice"), ("link", "x"), ("password", NEW)];
        for (who, origin) in [(&browser, server.issuer()), (&browser, "https://evil.test")] {
            let seen = who.post(&url, origin, &fields).await;
            assert!((400..500).contains(&seen.answer.status), "{path}: {seen:?}");
        }
    }
    assert!(!is_password(&server, NEW).await);
    server.stop().await;
}

async fn of_two_presses_at_once_one_sets_the_password(server: IssuerServer) {
    let (browser, page) = opened(&server).await;
    let passwords = [NEW, "eight boats on the canal"];
    let all = join_all(passwords.map(|password| save(&browser, &page, password, ""))).await;
    let mut statuses: Vec<u16> = all.iter().map(|seen| seen.answer.status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [303, 410], "{all:?}");
    assert_eq!(records(&server, "password.reset").await.len(), 1);
    server.stop().await;
}

/// A stranger uses up what can be asked for, and the owner's links live on.
async fn the_limit_of_mails_follows_what_was_typed_and_ends_no_link(server: IssuerServer) {
    let first = link(&server).await;
    for (name, known) in [("alice", true), ("nobody", false)] {
        if !known {
            ask(&server, &Browser::new(), name).await;
        }
        let refused = ask(&server, &Browser::new(), name).await;
        assert!(is(&refused, 429, "mail_limit"), "{name}: {refused:?}");
        assert!(!refused.answer.header("retry-after").is_empty());
    }
    assert!(Browser::new().get(&first).await.has("#go-on"));
    // What was typed is no header and no address of a mail.
    for typed in [
        "alice\r\nBcc: m@evil.test",
        "alice\0",
        "<b>alice</b>",
        &"a".repeat(3_000),
    ] {
        server.clock.advance(61_000);
        let asked = ask(&server, &Browser::new(), typed).await;
        assert_eq!(asked.answer.header("location"), "/recover/sent", "{typed:?}");
    }
    assert_eq!(links(&server, ALICE, "password_reset").await.len(), 1);
    // A link leads to the configured issuer, whatever host was asked.
    assert!(
        first.starts_with(&format!("{}/recover/link?token=", server.issuer())),
        "{first}"
    );
    server.stop().await;
}

/// Notices are never limited: nobody hides what they do behind mails that they asked for.
async fn a_full_mail_limit_suppresses_no_notice(server: IssuerServer) {
    let kept = link(&server).await;
    for _ in 0..40 {
        server.clock.advance(15 * 60_000);
        ask(&server, &Browser::new(), "alice").await;
    }
    let mailed = count(&server, "mail").await;
    assert!(mailed >= 30, "{mailed}");
    assert!(is(&Browser::new().get(&kept).await, 410, "link_used"), "too old");
    server
        .identity()
        .resets()
        .reset("alice", false, "cli")
        .await
        .unwrap();
    let browser = Browser::new();
    let page = open(&browser, &links(&server, ALICE, "admin_reset").await[0]).await;
    assert_eq!(save(&browser, &page, NEW, "").await.answer.status, 303);
    assert_eq!(links(&server, ALICE, "recovery_finished").await.len(), 1);
    server.stop().await;
}

/// NIST SP 800-63B-4 §3.1.1.2, AC-02.
#[tokio::test]
async fn a_password_that_attackers_try_first_is_refused_wherever_it_is_chosen() {
    let breached = "nineteen owls in a lighthouse";
    let mut file = tempfile::NamedTempFile::new().unwrap();
    let mut hashes: Vec<String> = ["one", "two", "three", breached]
        .iter()
        .map(|password| {
            let hash = digest(&SHA1_FOR_LEGACY_USE_ONLY, password.as_bytes());
            hash.as_ref().iter().map(|byte| format!("{byte:02X}")).collect()
        })
        .collect();
    hashes.sort();
    for hash in hashes {
        writeln!(file, "{hash}:3").unwrap();
    }
    let list = Arc::new(Breached::open(file.path()).unwrap());
    let server = IssuerServer::with(|options| {
        options.settings = Settings {
            breached: Some(list),
            ..Settings::default()
        };
    })
    .await;
    let (browser, page) = opened(&server).await;
    for (password, code) in [
        ("", "password_short"),
        ("short one 1234", "password_short"),
        (&"a long one ".repeat(30), "password_long"),
        ("alice@example.test", "password_personal"),
        ("alice martin 123", "password_personal"),
        ("passwordpassword", "password_common"),
        (breached, "password_common"),
    ] {
        let seen = save(&browser, &page, password, "").await;
        assert!(is(&seen, 422, code), "{password:?}: {seen:?}");
    }
    assert_eq!(save(&browser, &page, NEW, "").await.answer.status, 303);
    server.stop().await;
}

/// Whoever can sign in has lost nothing.
async fn a_sign_in_of_the_owner_ends_a_recovery_that_waits(server: IssuerServer) {
    let home = Browser::new();
    let (app, alice) = (server.app("demo-web", "openid"), server.person("alice"));
    app.sign_in(&home, alice, &[]).await;
    let (phone, _) = Authenticator::set_up(&server, &home).await;
    let (thief, page) = opened(&server).await;
    thief.press(&page, "#wait", &[("password", alice.1)]).await;
    let url = format!("{}/recover/new", server.issuer());
    assert!(is(&thief.get(&url).await, 403, "recovery_wait"));
    server.clock.advance(30_000);
    let owner = Browser::new();
    let page: Seen = crate::harness::second::at_second(&app, &owner, alice).await;
    let code = phone.code(&server);
    let done = crate::harness::second::verify(&owner, &page, &code).await;
    assert_eq!(done.answer.status, 303, "{done:?}");
    assert!(is(&thief.get(&url).await, 410, "link_used"));
    server.clock.advance(73 * 3_600_000);
    let (_, page) = opened(&server).await;
    assert!(
        page.has("#verify") && !page.has("#password"),
        "it begins anew: {page:?}"
    );
    server.stop().await;
}

on_both_engines! {
    an_unknown_name_gets_the_same_answer_for_the_same_work,
    opening_a_link_uses_nothing_and_its_button_uses_it_once,
    a_link_ends_with_what_it_stands_on,
    a_mailed_link_never_passes_the_second_step_by,
    a_mailed_link_never_passes_a_passkey_by,
    the_form_of_another_browser_or_none_sets_nothing,
    of_two_presses_at_once_one_sets_the_password,
    the_limit_of_mails_follows_what_was_typed_and_ends_no_link,
    a_full_mail_limit_suppresses_no_notice,
    a_sign_in_of_the_owner_ends_a_recovery_that_waits,
}
