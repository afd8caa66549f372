//! Who may change whom: nobody gives what they do not hold, nobody changes whoever holds more, and the last administrator
//! stays, in whichever way somebody tries.

use futures::future::join_all;
use latchkey_identity::{NewInvite, Settings};
use latchkey_protocol::authentication::RoleAcr;

use crate::harness::{Browser, IssuerServer, lines, on_both_engines, run};
use crate::sign_up::{enter, finished};

async fn the_last_administrator_stays_whichever_way_is_tried(server: IssuerServer) {
    let identity = server.identity().clone();
    let (users, groups) = (identity.users(), identity.groups());
    assert!(users.set_enabled("admin", false, "cli").await.is_err());
    assert!(users.set_locked("admin", true, "cli").await.is_err());
    assert!(users.delete("admin", "cli").await.is_err());
    assert!(users.set_roles("admin", Vec::new(), "cli").await.is_err());
    assert!(users.revoke("admin", "admin", "cli").await.is_err());
    // One whose role ends is no one who stays.
    let until = latchkey_protocol::second_factor::date("2027-01-31");
    users.grant("ines", "admin", until, "cli").await.unwrap();
    assert!(users.revoke("admin", "admin", "cli").await.is_err());

    // One by a group is, and then it is the group that cannot go.
    groups.create("owners", "cli").await.unwrap();
    groups.grant("owners", "admin", None, "cli").await.unwrap();
    groups.add("owners", "alice", "cli").await.unwrap();
    users.revoke("admin", "admin", "cli").await.unwrap();
    assert!(groups.remove("owners", "alice", "cli").await.is_err());
    assert!(groups.revoke("owners", "admin", "cli").await.is_err());
    assert!(groups.delete("owners", "cli").await.is_err());
    assert!(users.set_enabled("alice", false, "cli").await.is_err());
    assert!(users.delete("alice", "cli").await.is_err());
    let shown = users.show("alice").await.unwrap();
    assert_eq!((shown.status, shown.roles), ("active", vec!["admin".to_owned()]));
    server.stop().await;
}

/// Each leaves the other one as the last: one of both is refused.
async fn two_administrators_cannot_end_each_other_at_once(server: IssuerServer) {
    let identity = server.identity().clone();
    let users = identity.users();
    users.grant("alice", "admin", None, "cli").await.unwrap();
    let ends = join_all(["alice", "admin"].map(async |name| users.set_enabled(name, false, "cli").await));
    let refused = ends.await.into_iter().filter(Result::is_err).count();
    assert_eq!(refused, 1);
    server.stop().await;
}

/// A manager of less than everything, by every way to more.
async fn nobody_reaches_a_role_that_they_do_not_hold(server: IssuerServer) {
    let identity = server.identity().clone();
    let (users, groups) = (identity.users(), identity.groups());
    let ines = users.show("ines").await.unwrap().id;
    groups.create("owners", "cli").await.unwrap();
    groups.create("teachers", "cli").await.unwrap();
    groups.grant("owners", "admin", None, "cli").await.unwrap();

    assert!(users.grant("ines", "admin", None, &ines).await.is_err());
    let both = vec!["instructor".to_owned(), "admin".to_owned()];
    assert!(users.set_roles("ines", both, &ines).await.is_err());
    assert!(groups.add("owners", "ines", &ines).await.is_err());
    assert!(groups.grant("teachers", "admin", None, &ines).await.is_err());
    let invited = NewInvite {
        roles: vec!["admin".to_owned()],
        ..NewInvite::by_link(1)
    };
    assert!(identity.invitations().invite(invited, &ines).await.is_err());
    let invited = NewInvite {
        groups: vec!["owners".to_owned()],
        ..NewInvite::by_link(1)
    };
    assert!(identity.invitations().invite(invited, &ines).await.is_err());
    // Nor is anybody changed who holds more.
    users.grant("alice", "admin", None, "cli").await.unwrap();
    assert!(users.set_enabled("alice", false, &ines).await.is_err());
    assert!(users.set_password("alice", None, &ines).await.is_err());
    assert!(users.delete("alice", &ines).await.is_err());
    assert!(users.revoke("alice", "admin", &ines).await.is_err());

    // What she holds she gives, until she holds it no more.
    groups.grant("teachers", "instructor", None, &ines).await.unwrap();
    users.set_enabled("ines", false, "cli").await.unwrap();
    assert!(users.grant("alice", "instructor", None, &ines).await.is_err());
    let administrators = lines(
        server.db(),
        "SELECT username AS line FROM users WHERE roles LIKE '%\"admin\"%' ORDER BY username",
    );
    assert_eq!(administrators.await, ["admin", "alice"]);
    server.stop().await;
}

async fn whoever_has_an_account_accepts_an_invitation_with_it(server: IssuerServer) {
    let identity = server.identity().clone();
    identity.groups().create("teachers", "cli").await.unwrap();
    let new = NewInvite {
        roles: vec!["instructor".to_owned()],
        groups: vec!["teachers".to_owned()],
        ..NewInvite::by_link(1)
    };
    let made = identity.invitations().invite(new, "cli").await.unwrap();
    let (link, browser) = (made.link.expect("a link"), Browser::new());
    let app = server.app("demo-web", "openid");
    app.sign_in(&browser, server.person("alice"), &[]).await;
    let page = browser.get(&link).await;
    assert!(page.text("main").contains("alice"), "{page:?}");
    let untouched = identity.users().show("alice").await.unwrap();
    assert!(untouched.roles.is_empty(), "looking changes nothing");
    let accepted = browser.press(&page, "#accept-as", &[]).await;
    assert_eq!(accepted.answer.status, 303, "{accepted:?}");
    let shown = identity.users().show("alice").await.unwrap();
    assert_eq!(
        (shown.roles, shown.groups),
        (vec!["instructor".to_owned()], vec!["teachers".to_owned()])
    );
    let again = browser.press(&page, "#accept-as", &[]).await;
    assert_eq!((again.answer.status, again.error().as_str()), (410, "invitation"));
    let listed = identity.invitations().list().await.unwrap();
    assert_eq!((listed.len(), listed[0].status), (1, "used"));
    server.stop().await;
}

/// The invitation of somebody else, and the form of whoever was signed in here before.
async fn an_invitation_is_for_its_own_person(server: IssuerServer) {
    let identity = server.identity().clone();
    let new = NewInvite {
        email: Some("alice@example.test".to_owned()),
        roles: vec!["instructor".to_owned()],
        ..NewInvite::by_link(1)
    };
    let made = identity.invitations().invite(new, "cli").await.unwrap();
    let link = made.link.expect("a link");
    let app = server.app("demo-web", "openid");
    let other = Browser::new();
    app.sign_in(&other, server.person("admin"), &[]).await;
    assert!(!other.get(&link).await.has("#accept-as"));

    let browser = Browser::new();
    app.sign_in(&browser, server.person("alice"), &[]).await;
    let page = browser.get(&link).await;
    assert!(page.has("#accept-as"), "{page:?}");
    app.sign_in(&browser, server.person("admin"), &[("prompt", "login")])
        .await;
    let stale = browser.press(&page, "#accept-as", &[]).await;
    assert_eq!(stale.answer.status, 403, "{stale:?}");
    let taken = identity.users().show("admin").await.unwrap();
    assert_eq!(taken.roles, ["admin"]);
    server.stop().await;
}

async fn one_more_at_once_than_an_invitation_allows_is_refused(server: IssuerServer) {
    let identity = server.identity().clone();
    let new = NewInvite {
        roles: vec!["instructor".to_owned()],
        ..NewInvite::by_link(1)
    };
    let made = identity.invitations().invite(new, "cli").await.unwrap();
    let link = made.link.expect("a link");
    let app = server.app("demo-web", "openid");
    let mut ready = Vec::new();
    for name in ["alice", "admin"] {
        let browser = Browser::new();
        app.sign_in(&browser, server.person(name), &[]).await;
        let page = browser.get(&link).await;
        ready.push((browser, page));
    }
    let pressed = ready
        .iter()
        .map(|(browser, page)| browser.press(page, "#accept-as", &[]));
    let ends = join_all(pressed).await;
    let refused = ends.iter().filter(|seen| seen.error() == "invitation");
    assert_eq!(refused.count(), 1, "{ends:?}");
    server.stop().await;
}

async fn whoever_has_everything_of_an_invitation_leaves_it_to_others(server: IssuerServer) {
    let identity = server.identity().clone();
    let new = NewInvite {
        roles: vec!["instructor".to_owned()],
        ..NewInvite::by_link(1)
    };
    let made = identity.invitations().invite(new, "cli").await.unwrap();
    let link = made.link.expect("a link");
    let app = server.app("demo-web", "openid");
    for (name, status) in [("ines", 410), ("alice", 303)] {
        let browser = Browser::new();
        app.sign_in(&browser, server.person(name), &[]).await;
        let page = browser.get(&link).await;
        let pressed = browser.press(&page, "#accept-as", &[]).await;
        assert_eq!(pressed.answer.status, status, "{name}: {pressed:?}");
    }
    let shown = identity.users().show("alice").await.unwrap();
    assert_eq!(shown.roles, ["instructor"]);
    server.stop().await;
}

async fn whoever_waits_for_their_deletion_gives_nothing(server: IssuerServer) {
    let identity = server.identity().clone();
    let users = identity.users();
    let ines = users.show("ines").await.unwrap().id;
    identity.request_deletion("ines", "cli").await.unwrap();
    let given = users.grant("alice", "instructor", None, &ines).await;
    assert!(given.is_err(), "{given:?}");
    let shown = users.show("alice").await.unwrap();
    assert!(shown.roles.is_empty(), "{shown:?}");
    server.stop().await;
}

/// SQLite compares letters without their case where it searches.
async fn a_role_in_other_letters_makes_no_administrator(server: IssuerServer) {
    let identity = server.identity().clone();
    let other = "UPDATE users SET roles = '[\"Admin\"]' WHERE username = 'ines'";
    run(server.db(), other.to_owned()).await;
    let users = identity.users();
    assert!(users.set_enabled("admin", false, "cli").await.is_err());
    assert!(identity.request_deletion("admin", "cli").await.is_err());
    let none = "UPDATE users SET roles = '[]' WHERE username = 'admin'";
    run(server.db(), none.to_owned()).await;
    let first = identity.invitations().first_administrator().await.unwrap();
    assert!(first.is_some(), "nobody administers");
    server.stop().await;
}

/// What the inviter holds when the invitation is used, not when it was written.
async fn an_invitation_gives_what_its_inviter_still_holds(server: IssuerServer) {
    let identity = server.identity().clone();
    let (users, groups) = (identity.users(), identity.groups());
    let ines = users.show("ines").await.unwrap().id;
    groups.create("teachers", "cli").await.unwrap();
    let new = NewInvite {
        roles: vec!["instructor".to_owned()],
        groups: vec!["teachers".to_owned()],
        ..NewInvite::by_link(1)
    };
    let made = identity.invitations().invite(new, &ines).await.unwrap();
    // The group has grown since, and she has lost what she held.
    groups.grant("teachers", "admin", None, "cli").await.unwrap();
    users.set_roles("ines", Vec::new(), "cli").await.unwrap();
    let browser = Browser::new();
    let app = server.app("demo-web", "openid");
    app.sign_in(&browser, server.person("alice"), &[]).await;
    let page = browser.get(&made.link.expect("a link")).await;
    let accepted = browser.press(&page, "#accept-as", &[]).await;
    assert_eq!(accepted.answer.status, 303, "{accepted:?}");
    let shown = users.show("alice").await.unwrap();
    assert!(shown.roles.is_empty() && shown.groups.is_empty(), "{shown:?}");
    server.stop().await;
}

async fn an_invitation_that_was_taken_back_is_none(server: IssuerServer) {
    let invitations = server.identity().invitations();
    let made = invitations.invite(NewInvite::by_link(3), "cli").await.unwrap();
    invitations.revoke(&made.id, "cli").await.unwrap();
    assert!(invitations.revoke(&made.id, "cli").await.is_err(), "once");
    let seen = Browser::new().get(&made.link.expect("a link")).await;
    assert_eq!((seen.answer.status, seen.error().as_str()), (410, "invitation"));
    server.stop().await;
}

on_both_engines! {
    the_last_administrator_stays_whichever_way_is_tried,
    two_administrators_cannot_end_each_other_at_once,
    nobody_reaches_a_role_that_they_do_not_hold,
    whoever_has_an_account_accepts_an_invitation_with_it,
    an_invitation_is_for_its_own_person,
    one_more_at_once_than_an_invitation_allows_is_refused,
    whoever_has_everything_of_an_invitation_leaves_it_to_others,
    whoever_waits_for_their_deletion_gives_nothing,
    a_role_in_other_letters_makes_no_administrator,
    an_invitation_gives_what_its_inviter_still_holds,
    an_invitation_that_was_taken_back_is_none,
}

/// The first administrator and invited ones work with nothing before they have a second step.
#[tokio::test]
async fn a_new_administrator_sets_up_a_second_step_first() {
    let server = IssuerServer::with(|options| {
        options.settings = Settings {
            required_acr: Settings::administrators(RoleAcr::new(), None).unwrap(),
            ..Settings::default()
        };
    })
    .await;
    let identity = server.identity().clone();
    let all = "UPDATE users SET roles = '[]'".to_owned();
    run(server.db(), all).await;
    let first = identity.invitations().first_administrator().await.unwrap();
    let browser = Browser::new();
    let page = browser.get(&first.expect("a link")).await;
    let last = enter(&server, &browser, &page, "ada@example.test").await;
    let next = browser.press(&last, "#finish", &finished("ada")).await;
    let at = next.location().expect("a page");
    assert_eq!(at.path(), "/required/factor", "{next:?}");
    assert_eq!(browser.cookie("latchkey-session"), None);
    let page = browser.follow(next, "").await;
    assert!(page.has("#enable") && !page.has("#later"), "{page:?}");
    let account = browser.open(&format!("{}/account", server.issuer()), "").await;
    assert!(account.has("#sign-in"), "{account:?}");
    server.stop().await;
}
