//! What nobody can use any more goes when nobody wants to see it any more, and nothing else goes with it.

use latchkey_db::{Db, Engine, sql};
use latchkey_identity::Retention;

use crate::harness::{Browser, IssuerServer, Options, lines_of, on_both_engines, until};

const DAYS_91_MS: i64 = 91 * 24 * 3_600_000;

async fn run(db: &Db, statement: &'static str, argument: i64) {
    db.write(move |tx| async move { sql(statement).bind(argument).execute(&tx).await })
        .await
        .expect("the statement runs");
}

async fn count(db: &Db, statement: &'static str) -> i64 {
    let row = sql(statement).fetch_one(db).await.expect("the statement runs");
    row.int("n").expect("a number")
}

/// More sign-ins than are deleted at once, a family that ended, one that outlived its session, and one that lives.
async fn what_ended_ninety_days_ago_is_forgotten_and_what_lives_stays(server: IssuerServer) {
    let db = server.identity().clone().store().db().clone();
    let web = server.app("demo-web", "openid offline_access catalog.read");
    let passing = server.app("demo-web", "openid catalog.read");
    let (alice, ines) = (server.person("alice"), server.person("ines"));
    let (gone, left, here) = (Browser::new(), Browser::new(), Browser::new());
    let ended = passing.sign_in(&gone, alice, &[]).await;
    let outlived = web.sign_in(&left, ines, &[("prompt", "consent")]).await;
    server.sign_out(&gone).await;
    server.sign_out(&left).await;
    let living = passing.sign_in(&here, alice, &[]).await;
    run(
        &db,
        "INSERT INTO sign_ins (id, user_id, at, outcome) \
         WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1200) \
         SELECT 'old-' || i, 'nobody', CAST($1 AS BIGINT), 'signed_in' FROM n",
        server.clock.now_ms() - DAYS_91_MS,
    )
    .await;
    // What runs out by itself: codes and requests that nobody came for, and guesses, which count for longer at an account.
    let unused = passing.walk(&here, ("", ""), &[]).await.code;
    assert!(unused.is_some());
    for statement in [
        "INSERT INTO authorization_requests (id, client_id, parsed, origin, created_at, expires_at) \
         WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1200) \
         SELECT 'old-' || i, 'demo-web', '{}', 'authorize', CAST($1 AS BIGINT), CAST($1 AS BIGINT) FROM n",
        "INSERT INTO throttles (id, window_start, failures) \
         VALUES ('address|old', $1, 1), ('account|old', $1, 1), ('names|old', $1, 1)",
    ] {
        run(&db, statement, server.clock.now_ms() - 7_200_000).await;
    }
    let kept = count(
        &db,
        "SELECT COUNT(*) AS n FROM sign_ins WHERE user_id <> 'nobody'",
    )
    .await;
    // Everything that has ended did so long ago.
    for statement in [
        "UPDATE codes SET spent_at = spent_at - $1 WHERE spent_at IS NOT NULL",
        "UPDATE families SET revoked_at = revoked_at - $1 WHERE revoked_at IS NOT NULL",
        "UPDATE sessions SET ended_at = ended_at - $1 WHERE ended_at IS NOT NULL",
    ] {
        run(&db, statement, DAYS_91_MS).await;
    }

    server.clock.advance(3_600_001);
    until("what ended is forgotten", async || {
        count(&db, "SELECT COUNT(*) AS n FROM families").await == 2
            && count(&db, "SELECT COUNT(*) AS n FROM sessions").await == 2
            && count(&db, "SELECT COUNT(*) AS n FROM sign_ins").await == kept
            && count(&db, "SELECT COUNT(*) AS n FROM authorization_requests").await == 0
            && count(&db, "SELECT COUNT(*) AS n FROM revocations").await == 0
            && count(
                &db,
                "SELECT COUNT(*) AS n FROM throttles WHERE id = 'address|old'",
            )
            .await
                == 0
    })
    .await;
    // A code goes when its family has gone: what is left belongs to those that are left.
    until("codes go, too", async || {
        count(&db, "SELECT COUNT(*) AS n FROM codes").await == 2
    })
    .await;
    let for_a_day = "SELECT COUNT(*) AS n FROM throttles WHERE id IN ('account|old', 'names|old')";
    assert_eq!(count(&db, for_a_day).await, 2);
    assert_eq!(passing.refresh(ended.refresh()).await.code(), "invalid_grant");
    assert_eq!(web.refresh(outlived.refresh()).await.status, 200);
    assert_eq!(passing.refresh(living.refresh()).await.status, 200);
    server.stop().await;
}

/// Every column of a text, of every table but the migrations' own and the outbox, which others empty.
async fn text_columns(db: &Db) -> Vec<(String, String)> {
    let text = match db.engine() {
        Engine::Sqlite => {
            "SELECT m.name || '|' || c.name AS line FROM sqlite_master m JOIN pragma_table_info(m.name) c \
             WHERE m.type = 'table' AND c.type = 'TEXT' ORDER BY 1"
        }
        Engine::Postgres => {
            "SELECT CAST(table_name AS TEXT) || '|' || CAST(column_name AS TEXT) AS line \
             FROM information_schema.columns WHERE table_schema = current_schema() AND data_type = 'text' \
             ORDER BY 1"
        }
    };
    let columns = lines_of(db, text.to_owned()).await.into_iter();
    let columns = columns.filter_map(|line| {
        let (table, column) = line.split_once('|')?;
        Some((table.to_owned(), column.to_owned()))
    });
    let others = ["outbox", "inbox"];
    columns
        .filter(|(table, _)| !others.contains(&table.as_str()))
        .collect()
}

/// The tables in which one of these words still stands.
async fn tables_with(db: &Db, columns: &[(String, String)], words: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    for (table, column) in columns {
        for word in words {
            let text =
                format!("SELECT '{table}' AS line FROM {table} WHERE {column} LIKE '%{word}%' LIMIT 1");
            found.extend(lines_of(db, text).await);
        }
    }
    found.sort();
    found.dedup();
    found
}

/// Everything ages: of somebody who was deleted, first the names and secrets are gone, and in the end all but an id.
async fn of_a_deleted_person_every_table_forgets(server: IssuerServer) {
    let db = server.identity().clone().store().db().clone();
    let alice = server.user_id("alice").await;
    let app = server.app("demo-web", "openid offline_access");
    app.sign_in(&Browser::new(), server.person("alice"), &[]).await;
    server
        .identity()
        .users()
        .delete("alice", "test")
        .await
        .expect("she is deleted");
    let columns = text_columns(&db).await;
    assert!(columns.len() > 100, "{columns:?}");
    assert_eq!(
        tables_with(&db, &columns, &["alice@example.test"]).await,
        Vec::<String>::new(),
        "no address stays for a moment"
    );
    server.clock.advance(3_660_001);
    let swept = format!("SELECT id AS line FROM users WHERE id = '{alice}' AND erased_at IS NOT NULL");
    until("what is left is swept up", async || {
        lines_of(&db, swept.clone()).await.len() == 1
    })
    .await;
    let stays = [
        "audit",
        "authorization_requests",
        "grants",
        "logouts",
        "revocations",
        "throttles",
        "users",
    ];
    let left = tables_with(&db, &columns, &[&alice]).await;
    assert!(
        left.iter().all(|table| stays.contains(&table.as_str())),
        "{left:?}"
    );
    server.clock.advance(4 * 365 * 24 * 3_600_000);
    until("all but the id is gone", async || {
        tables_with(&db, &columns, &[&alice]).await == ["users"]
    })
    .await;
    server.stop().await;
}

on_both_engines! {
    of_a_deleted_person_every_table_forgets,
    what_ended_ninety_days_ago_is_forgotten_and_what_lives_stays,
}

/// Less than usual of the audit trail, and of mails; more of what administrators did.
fn kept(options: &mut Options) {
    options.settings.retention = Retention {
        audit: 90,
        administration: 365,
        history: 30,
        mail: 7,
    };
}

/// More of each kind than is deleted at once, of a day before and a day after the end of its time.
async fn what_the_operator_keeps_is_kept_for_so_many_days(server: IssuerServer) {
    let db = server.identity().clone().store().db().clone();
    const DAY_MS: i64 = 24 * 3_600_000;
    let now = server.clock.now_ms();
    for (statement, days) in [
        (
            "INSERT INTO audit (id, at, kind, actor, subject, detail) \
          WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 600) \
          SELECT 'gone-' || i, CAST($1 AS BIGINT), 'consent.given', 'nobody', 'nobody', '{}' FROM n",
            91,
        ),
        (
            "INSERT INTO audit (id, at, kind, actor, subject, detail) \
          VALUES ('stays-1', $1, 'consent.given', 'nobody', 'nobody', '{}')",
            89,
        ),
        (
            "INSERT INTO audit (id, at, kind, actor, subject, detail) \
          VALUES ('stays-2', $1, 'client.changed', 'cli', 'nobody', '{}')",
            364,
        ),
        (
            "INSERT INTO audit (id, at, kind, actor, subject, detail) \
          VALUES ('gone-cli', $1, 'client.changed', 'cli', 'nobody', '{}')",
            366,
        ),
        (
            "INSERT INTO sign_ins (id, user_id, at, outcome) VALUES ('gone-in', 'nobody', $1, 'signed_in')",
            31,
        ),
        (
            "INSERT INTO sign_ins (id, user_id, at, outcome) VALUES ('stays-in', 'nobody', $1, 'signed_in')",
            29,
        ),
    ] {
        run(&db, statement, now - days * DAY_MS).await;
    }
    server.clock.advance(3_600_001);
    let left = async |table: &str| {
        let text =
            format!("SELECT id AS line FROM {table} WHERE id LIKE 'gone-%' OR id LIKE 'stays-%' ORDER BY id");
        lines_of(&db, text).await
    };
    until("what is over is gone", async || {
        left("audit").await == ["stays-1", "stays-2"] && left("sign_ins").await == ["stays-in"]
    })
    .await;
    // Only time ends the rest.
    server.clock.advance(2 * DAY_MS);
    until("the rest follows", async || {
        left("audit").await.is_empty() && left("sign_ins").await.is_empty()
    })
    .await;
    server.stop().await;
}

#[tokio::test]
async fn rows_are_kept_as_many_days_as_the_operator_says() {
    what_the_operator_keeps_is_kept_for_so_many_days(IssuerServer::with(kept).await).await;
}

#[tokio::test]
async fn rows_are_kept_as_many_days_as_the_operator_says_on_postgresql() {
    what_the_operator_keeps_is_kept_for_so_many_days(IssuerServer::on_postgres_with(kept).await).await;
}
