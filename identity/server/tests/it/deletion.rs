//! The deletion of one's own account: asked for, taken back, carried out; and what nobody gets by it.

use latchkey_identity::NewUser;

use crate::harness::second::{Authenticator, at_second, verify};
use crate::harness::{Browser, IssuerServer, Seen, lines, lines_of, on_both_engines, run, until};
use crate::recovery::{ALICE, ask, is, links, open, records};

const DAY_MS: i64 = 24 * 3_600_000;

/// A browser in which alice has signed in just now.
pub async fn signed_in(server: &IssuerServer) -> Browser {
    let browser = Browser::new();
    let app = server.app("demo-web", "openid");
    app.sign_in(&browser, server.person("alice"), &[]).await;
    browser
}

async fn page(server: &IssuerServer, browser: &Browser) -> Seen {
    let address = format!("{}/account/delete", server.issuer());
    browser.open(&address, "").await
}

async fn delete(server: &IssuerServer, browser: &Browser, name: &str) -> Seen {
    let page = page(server, browser).await;
    browser.press(&page, "#delete", &[("username", name)]).await
}

/// Somebody whose account waits for its deletion.
async fn requested(server: &IssuerServer) -> Browser {
    let browser = signed_in(server).await;
    let done = delete(server, &browser, "alice").await;
    assert_eq!(done.answer.header("location"), "/account/deleted", "{done:?}");
    browser
}

/// The page that a right password leads to while the account waits.
async fn asked_to_keep(server: &IssuerServer, browser: &Browser) -> Seen {
    let (name, password) = server.person("alice");
    let app = server.app("demo-web", "openid");
    let pressed = app.attempt(browser, name, password).await;
    browser.follow(pressed, "").await
}

async fn is_signed_in(server: &IssuerServer, browser: &Browser) -> bool {
    let account = browser.open(&format!("{}/account", server.issuer()), "").await;
    assert!(account.has("#checkup") || account.has("#sign-in"), "{account:?}");
    account.has("#checkup")
}

async fn is_gone(server: &IssuerServer) -> bool {
    let left = "SELECT id AS line FROM users WHERE username = 'alice'";
    lines(server.db(), left).await.is_empty()
}

/// Waits for the end of the time in which the account can be kept, and of the account.
async fn until_gone(server: &IssuerServer) {
    server.clock.advance(14 * DAY_MS + 60_001);
    until("the account is deleted", async || is_gone(server).await).await;
}

/// So many people whose rows cannot be read, before everybody else, with a deletion that is due then.
pub async fn unreadable(server: &IssuerServer, count: i64, due: &str) {
    let people = format!(
        "INSERT INTO users (id, username, username_canonical, email, email_canonical, roles, claims, created_at, \
           updated_at, version, deletion_due_at) \
         WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count}) \
         SELECT '0000' || i, 'unreadable' || i, 'unreadable' || i, 'unreadable' || i || '@example.test', \
           'unreadable' || i || '@example.test', '[]', 'unreadable', 1, 1, 1, CAST({due} AS BIGINT) FROM n"
    );
    run(server.db(), people).await;
}

fn person(username: &str, email: &str) -> NewUser {
    NewUser {
        username: username.into(),
        email: email.into(),
        claims: serde_json::Map::new(),
        roles: Vec::new(),
        password: None,
    }
}

async fn the_right_name_ends_every_session_and_a_wrong_one_nothing(server: IssuerServer) {
    let app = server.app("demo-web", "openid offline_access");
    let browser = Browser::new();
    let tokens = app.sign_in(&browser, server.person("alice"), &[]).await;
    for wrong in ["", "ines", ALICE, "alice2"] {
        let refused = delete(&server, &browser, wrong).await;
        assert!(is(&refused, 422, "wrong_name"), "{wrong}: {refused:?}");
    }
    assert!(is_signed_in(&server, &browser).await);
    assert_eq!(records(&server, "deletion.").await, Vec::<String>::new());

    let done = delete(&server, &browser, " ALICE").await;
    assert_eq!(done.answer.header("location"), "/account/deleted", "{done:?}");
    assert!(browser.follow(done, "").await.has("#requested"));
    assert!(!is_signed_in(&server, &browser).await);
    assert_eq!(app.refresh(tokens.refresh()).await.code(), "invalid_grant");
    assert_eq!(links(&server, ALICE, "deletion_requested").await.len(), 1);
    assert_eq!(records(&server, "deletion.").await, ["deletion.requested"]);
    let cause = "SELECT cause AS line FROM sessions WHERE ended_at IS NOT NULL";
    assert!(
        lines(server.db(), cause)
            .await
            .iter()
            .all(|cause| cause == "deletion_requested")
    );
    server.stop().await;
}

async fn while_it_waits_a_sign_in_leads_to_keep_or_delete_alone(server: IssuerServer) {
    requested(&server).await;
    server.clock.advance(DAY_MS);
    let browser = Browser::new();
    let page = asked_to_keep(&server, &browser).await;
    assert!(is(&page, 403, "deletion_pending"), "{page:?}");
    assert!(page.has("#keep") && page.has("#sign-out"));
    assert!(!is_signed_in(&server, &browser).await, "no session before that");
    let left = browser.press(&page, "#sign-out", &[]).await;
    assert_eq!(left.answer.status, 303, "{left:?}");
    // The proof went with it: the page that is still open keeps nothing.
    let late = browser.press(&page, "#keep", &[]).await;
    assert_eq!(late.answer.status, 303, "{late:?}");
    assert!(!is_signed_in(&server, &browser).await);
    assert_eq!(records(&server, "deletion.").await, ["deletion.requested"]);

    let page = asked_to_keep(&server, &browser).await;
    let kept = browser.press(&page, "#keep", &[]).await;
    assert_eq!(kept.answer.status, 303, "{kept:?}");
    assert!(is_signed_in(&server, &browser).await);
    assert_eq!(
        records(&server, "deletion.").await,
        ["deletion.kept", "deletion.requested"]
    );
    server.clock.advance(15 * DAY_MS);
    signed_in(&server).await;
    server.stop().await;
}

async fn on_the_fifteenth_day_nobody_knows_the_account(server: IssuerServer) {
    requested(&server).await;
    server.clock.advance(14 * DAY_MS - 60_000);
    let browser = Browser::new();
    let page = asked_to_keep(&server, &browser).await;
    assert!(page.has("#keep"), "{page:?}");
    server.clock.advance(60_001);
    // Whether or not it was carried out by now, the answers are those of a stranger.
    let late = browser.press(&page, "#keep", &[]).await;
    assert_eq!(late.answer.status, 303, "{late:?}");
    assert!(!is_signed_in(&server, &browser).await);
    let app = server.app("demo-web", "openid");
    let (name, password) = server.person("alice");
    for (who, password) in [(name, password), ("nobody-here", password)] {
        let seen = app.attempt(&Browser::new(), who, password).await;
        assert!(is(&seen, 422, "wrong_credentials"), "{who}: {seen:?}");
    }
    server.clock.advance(60_001);
    until("the account is deleted", async || is_gone(&server).await).await;
    assert_eq!(
        records(&server, "deletion.").await,
        ["deletion.done", "deletion.requested"]
    );
    let told = "SELECT id AS line FROM outbox WHERE type = 'identity.user.deleted.v1'";
    assert_eq!(lines(server.db(), told).await.len(), 1);
    server.stop().await;
}

/// A clock that is set back gives nobody more time.
async fn a_clock_set_back_does_not_prolong_the_wait(server: IssuerServer) {
    requested(&server).await;
    server.clock.advance(14 * DAY_MS + 1);
    let app = server.app("demo-web", "openid");
    let (name, password) = server.person("alice");
    let seen = app.attempt(&Browser::new(), name, password).await;
    assert!(is(&seen, 422, "wrong_credentials"), "{seen:?}");
    server.clock.advance(-5 * DAY_MS);
    let seen = app.attempt(&Browser::new(), name, password).await;
    assert!(is(&seen, 422, "wrong_credentials"), "{seen:?}");
    server.stop().await;
}

async fn names_of_a_deleted_account_are_nobodys_for_a_year(server: IssuerServer) {
    requested(&server).await;
    until_gone(&server).await;
    let users = server.identity().users().clone();
    for (username, email) in [
        ("alice", "another@example.test"),
        ("ALICE", "another@example.test"),
        ("another", ALICE),
    ] {
        let refused = users.add(person(username, email), "test").await;
        assert!(refused.is_err(), "{username} {email}");
    }
    let kept = "SELECT name_hash AS line FROM tombstones";
    let kept = lines(server.db(), kept).await;
    assert_eq!(kept.len(), 2);
    assert!(kept.iter().all(|hash| !hash.contains("alice")), "{kept:?}");
    users
        .add(person("another", "another@example.test"), "test")
        .await
        .unwrap();
    server.clock.advance(366 * DAY_MS);
    users.add(person("alice", ALICE), "test").await.unwrap();
    server.stop().await;
}

async fn links_from_before_open_nothing_after_the_deletion(server: IssuerServer) {
    server.clock.advance(13 * 60_000);
    ask(&server, &Browser::new(), "alice").await;
    let link = links(&server, ALICE, "password_reset").await.swap_remove(0);
    requested(&server).await;
    let page = Browser::new().get(&link).await;
    assert!(is(&page, 410, "link_used"), "what it opened is closed: {page:?}");
    // The owner who lost the password while the account waits can still come back.
    server.clock.advance(13 * 60_000);
    ask(&server, &Browser::new(), "alice").await;
    let link = links(&server, ALICE, "password_reset").await.swap_remove(0);
    let phone = Browser::new();
    assert!(open(&phone, &link).await.has("#password"));
    until_gone(&server).await;
    let page = phone.get(&format!("{}/recover/new", server.issuer())).await;
    assert!(is(&page, 410, "link_used"), "{page:?}");
    let before = server.mails_to(ALICE).await.len();
    assert_eq!(ask(&server, &Browser::new(), "alice").await.answer.status, 303);
    assert_eq!(server.mails_to(ALICE).await.len(), before, "nobody is written to");
    server.stop().await;
}

async fn a_deletion_needs_a_fresh_sign_in_and_a_form_of_ours(server: IssuerServer) {
    let browser = signed_in(&server).await;
    let shown = page(&server, &browser).await;
    server.clock.advance(45 * 60_000);
    let stale = browser.press(&shown, "#delete", &[("username", "alice")]).await;
    assert!(
        stale.answer.header("location").starts_with("/confirm?request="),
        "{stale:?}"
    );
    let other = signed_in(&server).await;
    let own = page(&server, &other).await;
    let forged = [("username", "alice"), ("token", "made-up")];
    let forged = other.press(&own, "#delete", &forged).await;
    assert_eq!(forged.answer.status, 403, "{forged:?}");
    assert_eq!(records(&server, "deletion.").await, Vec::<String>::new());
    server.stop().await;
}

async fn of_two_requests_at_once_one_counts(server: IssuerServer) {
    let (one, two) = (signed_in(&server).await, signed_in(&server).await);
    let (first, second) = (page(&server, &one).await, page(&server, &two).await);
    let fields = [("username", "alice")];
    let (a, b) = futures::join!(
        one.press(&first, "#delete", &fields),
        two.press(&second, "#delete", &fields)
    );
    assert_eq!((a.answer.status, b.answer.status), (303, 303), "{a:?} {b:?}");
    let again = one.press(&first, "#delete", &fields).await;
    assert_eq!(again.answer.status, 303, "{again:?}");
    assert_eq!(records(&server, "deletion.").await, ["deletion.requested"]);
    assert_eq!(links(&server, ALICE, "deletion_requested").await.len(), 1);
    server.stop().await;
}

async fn the_last_administrator_stays(server: IssuerServer) {
    let identity = server.identity().clone();
    let refused = identity.request_deletion("admin", "test").await.unwrap_err();
    assert!(refused.to_string().contains("last administrator"), "{refused}");
    identity
        .users()
        .set_roles("ines", vec!["admin".into()], "test")
        .await
        .unwrap();
    let (one, two) = futures::join!(
        identity.request_deletion("admin", "test"),
        identity.request_deletion("ines", "test")
    );
    assert_eq!(
        [one.is_ok(), two.is_ok()].iter().filter(|ok| **ok).count(),
        1,
        "{one:?} {two:?}"
    );
    server.stop().await;
}

async fn what_a_deleted_person_leaves_is_swept_up(server: IssuerServer) {
    let alice = server.user_id("alice").await;
    requested(&server).await;
    until_gone(&server).await;
    server.clock.advance(3_660_001);
    let erased = format!("SELECT id AS line FROM users WHERE id = '{alice}' AND erased_at IS NOT NULL");
    until("the rest is swept up", async || {
        lines_of(server.db(), erased.clone()).await.len() == 1
    })
    .await;
    for table in [
        "sessions",
        "families",
        "codes",
        "sign_ins",
        "mail",
        "person_keys",
        "exports",
    ] {
        let left = format!("SELECT user_id AS line FROM {table} WHERE user_id = '{alice}'");
        assert!(lines_of(server.db(), left).await.is_empty(), "{table}");
    }
    server.stop().await;
}

async fn a_row_from_before_this_release_is_swept_up_too(server: IssuerServer) {
    let ines = server.user_id("ines").await;
    // Young enough that the history keeps it.
    let at = server.clock.now_ms() - DAY_MS;
    let plain = format!(
        "INSERT INTO audit (id, at, kind, actor, subject, detail) \
         VALUES ('old', {at}, 'user.seen', 'visitor', '{ines}', '{{\"device\":\"hers\"}}')"
    );
    run(server.db(), plain).await;
    server.identity().users().delete("ines", "test").await.unwrap();
    server.clock.advance(3_660_001);
    until("plain detail is gone", async || {
        let detail = "SELECT detail AS line FROM audit WHERE id = 'old'";
        lines(server.db(), detail).await == ["{}"]
    })
    .await;
    server.stop().await;
}

/// What that release knows is written here as it writes it; every other column and table is left as it was.
async fn whom_a_node_of_the_release_before_deleted_is_erased_too(server: IssuerServer) {
    let alice = server.user_id("alice").await;
    let (users, groups) = (server.identity().users(), server.identity().groups());
    groups.create("teachers", "test").await.unwrap();
    groups.add("teachers", "alice", "test").await.unwrap();
    let until_then = latchkey_protocol::second_factor::date("2027-01-31");
    users
        .grant("alice", "instructor", until_then, "test")
        .await
        .unwrap();
    let now = server.clock.now_ms();
    for statement in [
        format!(
            "UPDATE users SET notice_email = 'alice@second.example.test', notice_email_at = {now}, locale = 'tr', \
               mail_refused_at = {now}, foreign_work = 'x', email_undone_at = {now}, \
               deletion_requested_at = {now}, deletion_due_at = {now} + 86400000 WHERE id = '{alice}'"
        ),
        format!(
            "INSERT INTO profile_pictures (id, user_id, mime, content, created_at) \
             VALUES ('hers', '{alice}', 'image/png', 'AAAA', {now})"
        ),
        format!(
            "INSERT INTO upstream_identities (id, provider, issuer, subject, user_id, linked_at) \
             VALUES ('hers', 'elsewhere', 'https://elsewhere.example.test', 'a', '{alice}', {now})"
        ),
        format!(
            "INSERT INTO upstream_sign_ins (identity_id, at, sid) VALUES ('hers', {now}, 'a session elsewhere')"
        ),
        format!(
            "INSERT INTO exports (id, user_id, session_id, state, locale, requested_at, ready_at, expires_at) \
             VALUES ('hers', '{alice}', 'gone', 'ready', 'en', {now}, {now}, {now} + 86400000)"
        ),
        "INSERT INTO export_parts (export_id, part, sealed) VALUES ('hers', 0, 'sealed')".to_owned(),
        format!(
            "UPDATE users SET deleted_at = {now}, updated_at = {now}, version = version + 1, \
               username = '', username_canonical = 'deleted:' || id, email = '', \
               email_canonical = 'deleted:' || id, email_verified_at = NULL, email_undone = NULL, \
               password_hash = NULL, user_handle = NULL, claims = '{{}}', roles = '[]' WHERE id = '{alice}'"
        ),
    ] {
        run(server.db(), statement).await;
    }
    let oldest = server.identity().clone().store().oldest_rows().await.unwrap();
    assert!(
        oldest.contains(&("users", None)),
        "nobody waits any more: {oldest:?}"
    );
    server.clock.advance(3_660_001);
    let erased = format!("SELECT id AS line FROM users WHERE id = '{alice}' AND erased_at IS NOT NULL");
    until("the rest is swept up", async || {
        lines_of(server.db(), erased.clone()).await.len() == 1
    })
    .await;
    for table in [
        "person_keys",
        "profile_pictures",
        "group_members",
        "role_grants",
        "upstream_identities",
        "exports",
        "mail",
    ] {
        let left = format!("SELECT user_id AS line FROM {table} WHERE user_id = '{alice}'");
        assert!(lines_of(server.db(), left).await.is_empty(), "{table}");
    }
    for left in [
        "SELECT sid AS line FROM upstream_sign_ins",
        "SELECT sealed AS line FROM export_parts",
    ] {
        assert!(lines(server.db(), left).await.is_empty(), "{left}");
    }
    for column in [
        "notice_email",
        "notice_email_at",
        "mail_refused_at",
        "granted_roles",
        "ending_roles",
        "in_groups",
        "locale",
        "foreign_work",
        "email_undone_at",
        "password_changed_at",
        "deletion_requested_at",
        "deletion_due_at",
    ] {
        let left = format!("SELECT id AS line FROM users WHERE id = '{alice}' AND {column} IS NOT NULL");
        assert!(lines_of(server.db(), left).await.is_empty(), "{column}");
    }
    server.stop().await;
}

/// Proofs that were gathered before the request are of an epoch that is over.
async fn a_sign_in_under_way_does_not_outlive_the_request(server: IssuerServer) {
    let (app, alice) = (server.app("demo-web", "openid"), server.person("alice"));
    let browser = signed_in(&server).await;
    let (phone, _codes) = Authenticator::set_up(&server, &browser).await;
    let stranger = Browser::new();
    let second = at_second(&app, &stranger, alice).await;
    server.identity().request_deletion("alice", "test").await.unwrap();
    let late = verify(&stranger, &second, &phone.code(&server)).await;
    assert!(stranger.cookie("latchkey-session").is_none(), "{late:?}");
    assert!(!is_signed_in(&server, &stranger).await);
    let living = "SELECT id AS line FROM sessions WHERE ended_at IS NULL";
    assert!(lines(server.db(), living).await.is_empty());
    // Whoever signs in anew keeps the account with proofs of the epoch that has begun.
    server.clock.advance(30_000);
    let second = at_second(&app, &stranger, alice).await;
    let proved = verify(&stranger, &second, &phone.code(&server)).await;
    let page = stranger.follow(proved, "").await;
    assert!(is(&page, 403, "deletion_pending"), "{page:?}");
    let kept = stranger.press(&page, "#keep", &[]).await;
    assert_eq!(kept.answer.status, 303, "{kept:?}");
    assert!(is_signed_in(&server, &stranger).await);
    server.stop().await;
}

/// More of them than are read at once.
async fn a_deletion_that_fails_keeps_no_other_from_being_carried_out(server: IssuerServer) {
    unreadable(&server, 21, "1").await;
    requested(&server).await;
    until_gone(&server).await;
    let left = "SELECT id AS line FROM users WHERE claims = 'unreadable' AND deleted_at IS NULL";
    assert_eq!(lines(server.db(), left).await.len(), 21);
    server.stop().await;
}

async fn the_second_address_is_told_of_the_deletion_itself(server: IssuerServer) {
    let second =
        "UPDATE users SET notice_email = 'second@example.test', notice_email_at = 1 WHERE username = 'alice'";
    run(server.db(), second.to_owned()).await;
    requested(&server).await;
    until_gone(&server).await;
    for address in [ALICE, "second@example.test"] {
        let told = server.mails_to(address).await.into_iter();
        let mut told: Vec<String> = told.map(|mail| mail.purpose).collect();
        told.sort();
        assert_eq!(told, ["deleted", "deletion_requested"], "{address}");
    }
    server.stop().await;
}

on_both_engines! {
    the_right_name_ends_every_session_and_a_wrong_one_nothing,
    while_it_waits_a_sign_in_leads_to_keep_or_delete_alone,
    on_the_fifteenth_day_nobody_knows_the_account,
    a_clock_set_back_does_not_prolong_the_wait,
    names_of_a_deleted_account_are_nobodys_for_a_year,
    links_from_before_open_nothing_after_the_deletion,
    a_deletion_needs_a_fresh_sign_in_and_a_form_of_ours,
    of_two_requests_at_once_one_counts,
    the_last_administrator_stays,
    what_a_deleted_person_leaves_is_swept_up,
    a_row_from_before_this_release_is_swept_up_too,
    whom_a_node_of_the_release_before_deleted_is_erased_too,
    a_sign_in_under_way_does_not_outlive_the_request,
    a_deletion_that_fails_keeps_no_other_from_being_carried_out,
    the_second_address_is_told_of_the_deletion_itself,
}
