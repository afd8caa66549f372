//! Groups: their claim for clients that may ask for it, and the roles that they give.

use latchkey_identity::{NewInvite, Seed};
use latchkey_protocol::second_factor;

use crate::deletion::unreadable;
use crate::harness::{App, Browser, IssuerServer, Tokens, claims, lines, on_both_engines, run, times};
use crate::sign_up::finished;

const REPORTS: &str = "https://reports.example.test";

/// A client that may ask for groups, at userinfo and at a resource that wants them.
async fn reader(server: &IssuerServer, scope: &str) -> App {
    let redirect_uri = "http://localhost:3000/reader";
    let seed = format!(
        "[[resources]]\nidentifier = \"{REPORTS}\"\nscopes = [\"reports.read\"]\nwants_groups = true\n\
         [[clients]]\nclient_id = \"reader\"\nclient_name = \"A reader\"\n\
         token_endpoint_auth_method = \"none\"\ngrant_types = [\"authorization_code\", \"refresh_token\"]\n\
         redirect_uris = [\"{redirect_uri}\"]\nscope = \"openid groups reports.read\"\n\
         resources = [\"{REPORTS}\"]\n"
    );
    let seed = Seed::parse(&seed).unwrap();
    server.identity().seed(seed, "test").await.unwrap();
    App {
        issuer: server.issuer().to_owned(),
        client_id: "reader".to_owned(),
        secret: None,
        redirect_uri: redirect_uri.to_owned(),
        scope: scope.to_owned(),
    }
}

fn groups(token: Option<&str>) -> Vec<String> {
    let all = claims(token.expect("a token"))["groups"].clone();
    let all = all.as_array().cloned().unwrap_or_default();
    all.iter()
        .map(|name| name.as_str().unwrap_or_default().to_owned())
        .collect()
}

async fn the_groups_of_a_user_are_told_whoever_may_ask(server: IssuerServer) {
    let identity = server.identity().clone();
    for name in ["Teachers", "north"] {
        identity.groups().create(name, "test").await.unwrap();
        identity.groups().add(name, "alice", "test").await.unwrap();
    }
    let app = reader(&server, "openid groups").await;
    let tokens = app.sign_in(&Browser::new(), server.person("alice"), &[]).await;
    assert_eq!(groups(tokens.id.as_deref()), ["north", "teachers"]);
    let told = app.userinfo(&tokens.access).await.json();
    assert_eq!(told["groups"], serde_json::json!(["north", "teachers"]), "{told}");
    assert!(
        groups(Some(tokens.access.as_str())).is_empty(),
        "a token for userinfo has none"
    );

    let at_reports = App {
        scope: "openid groups reports.read".to_owned(),
        ..app.clone()
    };
    let tokens = at_reports
        .sign_in(&Browser::new(), server.person("alice"), &[])
        .await;
    assert_eq!(groups(Some(tokens.access.as_str())), ["north", "teachers"]);
    identity
        .groups()
        .remove("TEACHERS", "alice", "test")
        .await
        .unwrap();
    let next = Tokens::of(&at_reports.refresh(tokens.refresh()).await);
    assert_eq!(
        (groups(Some(next.access.as_str())), groups(next.id.as_deref())),
        (vec!["north".to_owned()], vec!["north".to_owned()])
    );
    server.stop().await;
}

async fn a_client_that_is_not_registered_for_groups_gets_none(server: IssuerServer) {
    let identity = server.identity().clone();
    identity.groups().create("teachers", "test").await.unwrap();
    identity.groups().add("teachers", "alice", "test").await.unwrap();
    let app = server.app("demo-web", "openid groups");
    let tokens = app.sign_in(&Browser::new(), server.person("alice"), &[]).await;
    assert_eq!(tokens.scope, "openid");
    assert!(groups(tokens.id.as_deref()).is_empty());
    let told = app.userinfo(&tokens.access).await.json();
    assert!(told.get("groups").is_none(), "{told}");
    server.stop().await;
}

/// What is cut silently would be taken for whole.
async fn more_groups_than_a_token_carries_are_refused_and_recorded(server: IssuerServer) {
    let app = reader(&server, "openid groups").await;
    let browser = Browser::new();
    let tokens = app.sign_in(&browser, server.person("alice"), &[]).await;
    let names: Vec<String> = (0..101).map(|n| format!("g{n}")).collect();
    let many = serde_json::Value::from(names).to_string();
    run(
        server.db(),
        format!("UPDATE users SET in_groups = '{many}' WHERE username = 'alice'"),
    )
    .await;
    let back = app.walk(&browser, ("", ""), &[]).await;
    let refused = app.redeem(&back.code.expect("a code")).await;
    assert_eq!((refused.status, refused.code().as_str()), (400, "invalid_scope"));
    let refused = app.refresh(tokens.refresh()).await;
    assert_eq!((refused.status, refused.code().as_str()), (400, "invalid_scope"));
    assert_eq!(app.userinfo(&tokens.access).await.status, 400);
    let recorded = "SELECT kind AS line FROM audit WHERE kind LIKE 'group.too%'";
    assert_eq!(
        lines(server.db(), recorded).await,
        ["group.too_many"],
        "once an hour"
    );
    let an_hour_ago = "UPDATE throttles SET window_start = window_start - 3600000 WHERE id LIKE 'group.too%'";
    run(server.db(), an_hour_ago.to_owned()).await;
    for _ in 0..2 {
        assert_eq!(app.refresh(tokens.refresh()).await.status, 400);
    }
    assert_eq!(lines(server.db(), recorded).await.len(), 2);
    server.stop().await;
}

async fn a_group_gives_its_roles_and_takes_them_at_the_next_refresh(server: IssuerServer) {
    let identity = server.identity().clone();
    let groups = identity.groups();
    groups.create("teachers", "test").await.unwrap();
    groups.add("teachers", "alice", "test").await.unwrap();
    groups
        .grant("teachers", "instructor", None, "test")
        .await
        .unwrap();
    let app = server.app("demo-web", "openid catalog.read catalog.write");
    let tokens = app.sign_in(&Browser::new(), server.person("alice"), &[]).await;
    assert!(tokens.scope.contains("catalog.write"), "{tokens:?}");
    assert_eq!(claims(&tokens.access)["roles"][0], "instructor");
    groups.remove("teachers", "alice", "test").await.unwrap();
    let next = Tokens::of(&app.refresh(tokens.refresh()).await);
    assert_eq!(next.scope, "catalog.read");
    let shown = identity.users().show("alice").await.unwrap();
    assert!(shown.roles.is_empty() && shown.groups.is_empty(), "{shown:?}");
    server.stop().await;
}

async fn a_role_until_a_day_is_gone_on_that_day(server: IssuerServer) {
    let identity = server.identity().clone();
    let until = second_factor::date("2026-11-22");
    let users = identity.users();
    users.grant("alice", "instructor", until, "test").await.unwrap();
    let app = server.app("demo-web", "openid catalog.read catalog.write");
    let tokens = app.sign_in(&Browser::new(), server.person("alice"), &[]).await;
    assert!(tokens.scope.contains("catalog.write"), "{tokens:?}");
    let over = until.expect("a day").0 - server.clock.now_ms();
    server.clock.advance(over);
    assert!(users.show("alice").await.unwrap().roles.is_empty());
    let tokens = app.sign_in(&Browser::new(), server.person("alice"), &[]).await;
    assert!(!tokens.scope.contains("catalog.write"), "{tokens:?}");
    users.end_due_roles().await.unwrap();
    let left = lines(server.db(), "SELECT role AS line FROM role_grants").await;
    assert!(left.is_empty(), "{left:?}");
    let late = users.grant("alice", "instructor", until, "test").await;
    assert!(late.is_err(), "the day is over");
    server.stop().await;
}

async fn a_deleted_group_takes_its_roles_along(server: IssuerServer) {
    let identity = server.identity().clone();
    let groups = identity.groups();
    groups.create("teachers", "test").await.unwrap();
    assert!(groups.create("TEACHERS", "test").await.is_err(), "one name");
    groups
        .grant("teachers", "instructor", None, "test")
        .await
        .unwrap();
    groups.add("teachers", "alice", "test").await.unwrap();
    assert!(groups.add("teachers", "alice", "test").await.is_err(), "twice");
    let shown = groups.show("teachers").await.unwrap();
    assert_eq!((shown.members, shown.roles), (1, vec!["instructor".to_owned()]));
    groups.delete("teachers", "test").await.unwrap();
    assert!(groups.show("teachers").await.is_err());
    assert!(identity.users().show("alice").await.unwrap().roles.is_empty());
    let kinds = lines(
        server.db(),
        "SELECT kind AS line FROM audit WHERE kind LIKE 'group.%' OR kind LIKE 'role.%' ORDER BY at, id",
    );
    let mut kinds = kinds.await;
    kinds.sort();
    assert_eq!(
        kinds,
        [
            "group.created",
            "group.deleted",
            "group.member_added",
            "role.granted"
        ]
    );
    server.stop().await;
}

/// Of a change of a group without members and of its first member, one waits for the other.
async fn whoever_joins_while_a_group_loses_a_role_does_not_keep_it(server: IssuerServer) {
    let identity = server.identity().clone();
    let (users, groups) = (identity.users(), identity.groups());
    groups.create("teachers", "test").await.unwrap();
    for turn in 0..times(20, 1_000) {
        groups
            .grant("teachers", "instructor", None, "test")
            .await
            .unwrap();
        let (joined, revoked) = futures::join!(
            groups.add("teachers", "alice", "test"),
            groups.revoke("teachers", "instructor", "test")
        );
        assert!(
            joined.is_ok() && revoked.is_ok(),
            "{turn}: {joined:?} {revoked:?}"
        );
        let shown = users.show("alice").await.unwrap();
        assert!(shown.roles.is_empty(), "{turn}: {shown:?}");
        groups.remove("teachers", "alice", "test").await.unwrap();
    }
    server.stop().await;
}

/// More of them than are read at once.
async fn a_role_that_cannot_be_ended_keeps_no_other_from_it(server: IssuerServer) {
    let users = server.identity().users();
    let until = second_factor::date("2026-11-22");
    users.grant("alice", "instructor", until, "test").await.unwrap();
    unreadable(&server, 101, "NULL").await;
    let grants = "INSERT INTO role_grants (id, user_id, role, origin, until, granted_by, granted_at) \
                  SELECT id, id, 'instructor', 'manual', 1, 'test', 1 FROM users WHERE claims = 'unreadable'";
    run(server.db(), grants.to_owned()).await;
    let over = until.expect("a day").0 - server.clock.now_ms();
    server.clock.advance(over);
    let ended = users.end_due_roles().await;
    assert!(ended.is_err(), "what failed is told");
    let alice = server.user_id("alice").await;
    let left = lines(server.db(), "SELECT user_id AS line FROM role_grants").await;
    assert!(left.len() == 101 && !left.contains(&alice), "{left:?}");
    server.stop().await;
}

async fn whoever_registers_into_a_full_group_has_an_account_without_it(server: IssuerServer) {
    let identity = server.identity().clone();
    let groups = identity.groups();
    for name in ["full", "north"] {
        groups.create(name, "test").await.unwrap();
    }
    let new = NewInvite {
        email: Some("ada@example.test".to_owned()),
        mail: true,
        groups: vec!["full".to_owned(), "north".to_owned()],
        ..NewInvite::by_link(1)
    };
    identity.invitations().invite(new, "cli").await.unwrap();
    let members = "INSERT INTO group_members (group_id, user_id, origin, added_by, added_at) \
                   WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000) \
                   SELECT g.id, 'member-' || n.i, 'manual', 'test', 1 FROM n CROSS JOIN groups g WHERE g.name = 'full'";
    run(server.db(), members.to_owned()).await;
    let mail = server.mail_to("ada@example.test").await;
    let browser = Browser::new();
    let page = browser.get(mail.link()).await;
    let accepted = browser.press(&page, "#accept", &[]).await;
    let last = browser.follow(accepted, "").await;
    let done = browser.press(&last, "#finish", &finished("ada")).await;
    assert_eq!(done.answer.status, 303, "{done:?}");
    let shown = identity.users().show("ada").await.unwrap();
    assert_eq!(shown.groups, ["north"]);
    let recorded = "SELECT kind AS line FROM audit WHERE kind = 'group.full'";
    assert_eq!(lines(server.db(), recorded).await.len(), 1);
    server.stop().await;
}

on_both_engines! {
    the_groups_of_a_user_are_told_whoever_may_ask,
    a_client_that_is_not_registered_for_groups_gets_none,
    more_groups_than_a_token_carries_are_refused_and_recorded,
    a_group_gives_its_roles_and_takes_them_at_the_next_refresh,
    a_role_until_a_day_is_gone_on_that_day,
    a_deleted_group_takes_its_roles_along,
    whoever_joins_while_a_group_loses_a_role_does_not_keep_it,
    a_role_that_cannot_be_ended_keeps_no_other_from_it,
    whoever_registers_into_a_full_group_has_an_account_without_it,
}
