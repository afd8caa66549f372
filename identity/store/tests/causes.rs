//! Why something ended, in databases of before: each sentence becomes the name of its cause, and what nobody knows is `other`.

#![expect(clippy::unwrap_used, reason = "a test may fall over")]

use latchkey_db::{Db, DbError, Migrations, Options, sql, testing};
use latchkey_identity_store::MIGRATIONS;
use latchkey_protocol::revocation_policy::RevocationCause;

/// What was written before, and what it is now.
const NAMES: [(&str, RevocationCause); 24] = [
    ("logout", RevocationCause::SignedOut),
    ("signed_out_there", RevocationCause::SignedOutThere),
    ("replaced", RevocationCause::Replaced),
    ("ended", RevocationCause::EndedByUser),
    ("admin", RevocationCause::EndedByAdmin),
    ("password changed", RevocationCause::PasswordReset),
    ("disabled by an administrator", RevocationCause::UserDisabled),
    ("locked by an administrator", RevocationCause::UserLocked),
    ("deleted", RevocationCause::UserDeleted),
    ("consent_withdrawn", RevocationCause::ConsentWithdrawn),
    ("client_disabled", RevocationCause::ClientDisabled),
    ("client disabled", RevocationCause::ClientDisabled),
    ("client removed", RevocationCause::ClientRemoved),
    (
        "revoked by an administrator",
        RevocationCause::ClientTokensRevoked,
    ),
    ("revoked by the client", RevocationCause::RevokedByClient),
    ("too many single tokens", RevocationCause::TooManyTokens),
    ("tokens_revoked", RevocationCause::TooManyTokens),
    ("family_limit", RevocationCause::FamilyLimit),
    ("replay", RevocationCause::RefreshReuse),
    ("code_replay", RevocationCause::CodeReuse),
    ("store_rewound", RevocationCause::StoreRewound),
    ("overlap_streak", RevocationCause::OverlapStreak),
    ("compromised", RevocationCause::KeyCompromised),
    ("whatever somebody wrote", RevocationCause::Other),
];

async fn run(db: &Db, statement: String) {
    let statement: &'static str = Box::leak(statement.into_boxed_str());
    let done = db.write(move |tx| async move { sql(statement).execute(&tx).await });
    let done: Result<u64, DbError> = done.await;
    done.unwrap();
}

async fn line(db: &Db, statement: String) -> String {
    let statement: &'static str = Box::leak(statement.into_boxed_str());
    let row = sql(statement).fetch_one(db).await.unwrap();
    row.text("line").unwrap()
}

#[tokio::test]
async fn every_cause_of_before_has_a_name_now() {
    for (engine, url) in testing::urls("causes_migrated").await {
        let before = Migrations {
            steps: &MIGRATIONS.steps[..9],
            ..MIGRATIONS
        };
        let db = Db::open(&url, Options::new(&[before])).await.unwrap();
        for (n, (old, _)) in NAMES.iter().enumerate() {
            for statement in [
                format!(
                    "INSERT INTO sessions (id, secret_hash, user_id, auth_time, created_at, last_seen_at, idle_expires_at, \
                       expires_at, ended_at, cause) VALUES ('{n}', '{n}', 'u', 0, 0, 0, 0, 0, 1, '{old}')"
                ),
                format!(
                    "INSERT INTO families (id, handle, fam, salt, client_id, user_id, scope, resources, generation, \
                       overlap_hits, overlap_streak, created_at, revoked_at, cause) \
                     VALUES ('{n}', '{n}', '{n}', 's', 'c', 'u', '', '[]', 1, 0, 0, 0, 1, '{old}')"
                ),
                format!(
                    "INSERT INTO bulk_revocations (id, kind, subject, before, ended_at, cause, actor, request_id, until, \
                       pages) VALUES ('{n}', 'person', 'u', 0, 0, '{old}', '', '', 0, 0)"
                ),
                format!(
                    "INSERT INTO revocations (kind, subject, until, cause, created_at) \
                     VALUES ('token', '{n}', 0, '{old}', 0)"
                ),
                format!(
                    "INSERT INTO audit (id, at, kind, actor, subject, detail) \
                     VALUES ('{n}', 0, 'token.revoked', 'a', 's', '{{\"cause\":\"{old}\"}}')"
                ),
            ] {
                run(&db, statement).await;
            }
        }
        let living = "INSERT INTO families (id, handle, fam, salt, client_id, user_id, scope, resources, generation, \
                        overlap_hits, overlap_streak, created_at) \
                      VALUES ('living', 'l', 'l', 's', 'c', 'u', '', '[]', 1, 0, 0, 0)";
        run(&db, living.to_owned()).await;
        for (id, kind) in [
            ("k1", "user.disabled_by_an_administrator"),
            ("k2", "user.locked_by_an_administrator"),
            ("k3", "user.password_changed"),
            ("k4", "user.enabled"),
        ] {
            run(
                &db,
                format!(
                    "INSERT INTO audit (id, at, kind, actor, subject, detail) VALUES ('{id}', 0, '{kind}', 'a', 's', '{{}}')"
                ),
            )
            .await;
        }
        db.close().await;

        let db = Db::open(&url, Options::new(&[MIGRATIONS])).await.unwrap();
        for (n, (old, cause)) in NAMES.iter().enumerate() {
            for (table, key) in [
                ("sessions", "id"),
                ("families", "id"),
                ("bulk_revocations", "id"),
                ("revocations", "subject"),
            ] {
                let text = format!("SELECT cause AS line FROM {table} WHERE {key} = '{n}'");
                assert_eq!(line(&db, text).await, cause.name(), "{engine:?} {table} {old}");
            }
            let detail = line(&db, format!("SELECT detail AS line FROM audit WHERE id = '{n}'")).await;
            let told = match cause {
                RevocationCause::Other => *old,
                _ => cause.name(),
            };
            assert_eq!(detail, format!("{{\"cause\":\"{told}\"}}"), "{engine:?}");
        }
        let none = "SELECT COALESCE(cause, 'none') AS line FROM families WHERE id = 'living'";
        assert_eq!(line(&db, none.to_owned()).await, "none", "{engine:?}");
        for (id, kind) in [
            ("k1", "user.disabled"),
            ("k2", "user.locked"),
            ("k3", "user.password.changed"),
            ("k4", "user.enabled"),
        ] {
            let text = format!("SELECT kind AS line FROM audit WHERE id = '{id}'");
            assert_eq!(line(&db, text).await, kind, "{engine:?}");
        }
        db.close().await;
    }
}
