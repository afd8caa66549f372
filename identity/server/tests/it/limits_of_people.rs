//! Limits that a stranger drives to their end, and how the owner gets in all the same. lockout.rs, second_throttle.rs,
//! mail_code.rs, passkeys.rs and sign_up_hostile.rs have those of passwords, second steps, codes, passkeys and registrations.

use crate::harness::{Browser, IssuerServer, lines, on_both_engines};
use crate::recovery::{NEW, ask, is_password, link, links, open, save};

const ALICE: &str = crate::recovery::ALICE;

async fn mailed(server: &IssuerServer) -> usize {
    let all = "SELECT id AS line FROM mail WHERE purpose = 'password_reset'";
    lines(server.db(), all).await.len()
}

/// A full mailbox is silent, leaves the links that are on their way good, and has a share for the owner's own browser.
async fn a_stranger_uses_up_no_mail_of_the_owners_browser(server: IssuerServer) {
    let (app, alice) = (server.app("demo-web", "openid"), server.person("alice"));
    let home = Browser::new();
    app.sign_in(&home, alice, &[]).await;
    server.sign_out(&home).await;
    for _ in 0..30 {
        link(&server).await;
    }
    let last = links(&server, ALICE, "password_reset").await.swap_remove(0);
    assert_eq!(mailed(&server).await, 30);
    server.clock.advance(13 * 60_000);
    let silent = ask(&server, &Browser::new(), "alice").await;
    assert_eq!(
        silent.answer.header("location"),
        "/recover/sent",
        "the same answer"
    );
    assert_eq!(mailed(&server).await, 30);
    assert!(Browser::new().get(&last).await.has("#go-on"), "links stay good");
    server.clock.advance(13 * 60_000);
    ask(&server, &home, "alice").await;
    assert_eq!(mailed(&server).await, 31);
    let mine = links(&server, ALICE, "password_reset").await.swap_remove(0);
    let page = open(&home, &mine).await;
    assert_eq!(save(&home, &page, NEW, "").await.answer.status, 303);
    assert!(is_password(&server, NEW).await);
    server.stop().await;
}

/// Whoever has seen the mailbox and drives the visible limits to their end keeps the owner's next hour open.
async fn visible_limits_end_by_themselves_and_stop_no_sign_in(server: IssuerServer) {
    let (app, alice) = (server.app("demo-web", "openid"), server.person("alice"));
    let stranger = Browser::new();
    let mut told = Vec::new();
    for _ in 0..7 {
        let asked = ask(&server, &stranger, "alice").await;
        told.push(asked.error());
        server.clock.advance(61_000);
    }
    assert_eq!(told[0], "", "{told:?}");
    assert!(told[5..].iter().all(|code| code == "mail_limit"), "{told:?}");
    // Another spelling of the owner is another count, and so is the next hour.
    let by_address = ask(&server, &stranger, ALICE).await;
    assert_eq!(by_address.answer.status, 303, "{by_address:?}");
    app.sign_in(&Browser::new(), alice, &[]).await;
    server.clock.advance(3_600_000);
    assert_eq!(ask(&server, &stranger, "alice").await.answer.status, 303);
    server.stop().await;
}

on_both_engines! {
    a_stranger_uses_up_no_mail_of_the_owners_browser,
    visible_limits_end_by_themselves_and_stop_no_sign_in,
}
