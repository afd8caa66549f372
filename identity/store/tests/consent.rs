//! Consents in real databases: pairs are read as they were written, and rows from before there were pairs are read for
//! what is certain.

#![expect(clippy::unwrap_used, reason = "a test may fall over")]

use latchkey_db::{Db, DbError, Migrations, Options, sql, testing};
use latchkey_identity_store::{MIGRATIONS, Store};
use latchkey_protocol::audience::Granted;
use latchkey_protocol::consent::Consent;
use latchkey_protocol::{ClientId, Scope, Timestamp};

const A: &str = "urn:a";
const B: &str = "urn:b";
const NOW: Timestamp = Timestamp(5_000);

fn granted(openid: &str, resources: &[(&str, &str)]) -> Granted {
    let scope = |text: &str| Scope::try_from(text.to_owned()).unwrap();
    let resources = resources.iter();
    Granted::new(
        &scope(openid),
        resources.map(|(resource, names)| ((*resource).to_owned(), scope(names))),
    )
}

async fn run(db: &Db, statements: &[&'static str]) {
    let statements = statements.to_vec();
    let done = db.write(move |tx| async move {
        for text in statements {
            sql(text).execute(&tx).await?;
        }
        Ok::<_, DbError>(())
    });
    done.await.unwrap();
}

/// What a user has connected, by client.
async fn connected(store: &Store, user: &str) -> Vec<(String, Granted)> {
    let all = store.connected(user, None, 50).await.unwrap();
    let mut all: Vec<(String, Granted)> = all
        .into_iter()
        .map(|connected| (connected.client_id, connected.granted))
        .collect();
    all.sort_by(|one, other| one.0.cmp(&other.0));
    all
}

async fn put(store: &Store, client: &str, before: Option<&Consent>, after: &Consent) -> bool {
    let (writing, client) = (store.clone(), ClientId::parse(client).unwrap());
    let (before, after) = (before.cloned(), after.clone());
    let written = store.db().write(move |tx| async move {
        let id = format!("new-{client}");
        let put = writing.put_consent(&tx, &id, "u", &client, before.as_ref(), &after, NOW);
        Ok::<_, DbError>(put.await.unwrap())
    });
    written.await.unwrap()
}

fn allows(granted: Granted) -> Consent {
    Consent {
        granted,
        withdrawn_at: None,
    }
}

#[tokio::test]
async fn what_was_allowed_before_pairs_is_read_for_what_is_certain() {
    for (engine, url) in testing::urls("consents_migrated").await {
        let before = Migrations {
            steps: &MIGRATIONS.steps[..4],
            ..MIGRATIONS
        };
        let db = Db::open(&url, Options::new(&[before])).await.unwrap();
        run(
            &db,
            &[
                "UPDATE installation SET latest = 4000 WHERE id = 1",
                "INSERT INTO grants (id, user_id, client_id, scope, resources, created_at, updated_at) VALUES \
                   ('g1', 'u', 'one', 'openid write', '[\"urn:b\"]', 1, 2), \
                   ('g2', 'u', 'none', 'openid profile', '[]', 1, 2), \
                   ('g3', 'u', 'several', 'openid write', '[\"urn:a\",\"urn:b\"]', 1, 2)",
                "INSERT INTO families (id, handle, fam, salt, client_id, user_id, scope, resources, generation, \
                   overlap_hits, overlap_streak, created_at) VALUES \
                   ('f1', 'h1', 'fam-one', 's', 'one', 'u', 'write', '[\"urn:b\"]', 1, 0, 0, 0), \
                   ('f2', 'h2', 'fam-of-one', 's', 'several', 'u', 'write', '[\"urn:b\"]', 1, 0, 0, 0), \
                   ('f3', 'h3', 'fam-several', 's', 'several', 'u', 'write', '[\"urn:a\",\"urn:b\"]', 1, 0, 0, 0)",
                "INSERT INTO codes (code_hash, client_id, user_id, grant_id, redirect_uri, scope, resources, auth_time, \
                   created_at, expires_at) VALUES \
                   ('c1', 'one', 'u', 'g1', '', 'write', '[\"urn:b\"]', 0, 0, 9000), \
                   ('c2', 'several', 'u', 'g3', '', 'write', '[\"urn:a\",\"urn:b\"]', 0, 0, 9000)",
            ],
        )
        .await;
        db.close().await;

        let store = Store::new(Db::open(&url, Options::new(&[MIGRATIONS])).await.unwrap());
        let kept = vec![
            ("none".to_owned(), granted("openid profile", &[])),
            ("one".to_owned(), granted("openid", &[(B, "write")])),
        ];
        assert_eq!(connected(&store, "u").await, kept, "{engine:?}");
        let code = store.code("c1", Timestamp(0)).await.unwrap().unwrap().code;
        assert_eq!(code.granted, granted("", &[(B, "write")]), "{engine:?}");
        assert!(
            store.code("c2", Timestamp(0)).await.unwrap().is_none(),
            "{engine:?}"
        );
        let families = sql("SELECT cause, revoked_at FROM families ORDER BY id")
            .fetch_all(store.db())
            .await
            .unwrap();
        let families: Vec<_> = families
            .iter()
            .map(|row| (row.opt_text("cause").unwrap(), row.opt_int("revoked_at").unwrap()))
            .collect();
        let ended = (Some("asked_again".to_owned()), Some(4_000));
        assert_eq!(families, [(None, None), ended.clone(), ended], "{engine:?}");

        // The user is asked, and the new consent consists of pairs.
        let forgotten = Consent {
            granted: granted("openid", &[]),
            withdrawn_at: Some(Timestamp(2)),
        };
        let again = allows(granted("openid", &[(A, "read"), (B, "write")]));
        assert!(
            put(&store, "several", Some(&forgotten), &again).await,
            "{engine:?}"
        );
        let all = connected(&store, "u").await;
        assert_eq!(all[2], ("several".to_owned(), again.granted), "{engine:?}");
        store.db().close().await;
    }
}

#[tokio::test]
async fn a_consent_is_replaced_only_as_long_as_it_is_what_was_decided_on() {
    for (engine, url) in testing::urls("consents_put").await {
        let store = Store::new(Db::open(&url, Options::new(&[MIGRATIONS])).await.unwrap());
        let first = allows(granted("openid", &[(B, "write")]));
        assert!(put(&store, "app", None, &first).await, "{engine:?}");
        // In another tab, based on the earlier state.
        let at_a = allows(granted("openid", &[(A, "write")]));
        assert!(!put(&store, "app", None, &at_a).await, "{engine:?}");
        assert!(!put(&store, "app", Some(&at_a), &at_a).await, "{engine:?}");
        let both = Consent::after(Some(&first), &granted("", &[(A, "read")]));
        assert!(put(&store, "app", Some(&first), &both).await, "{engine:?}");
        let all = connected(&store, "u").await;
        assert_eq!(all, [("app".to_owned(), both.granted.clone())], "{engine:?}");

        // An older node adds to the lists and knows no pairs: what it adds counts only where it is certain.
        run(
            store.db(),
            &["UPDATE grants SET scope = 'openid read write more', updated_at = 6000"],
        )
        .await;
        let certain = allows(granted("openid", &[]));
        let all = connected(&store, "u").await;
        assert_eq!(all, [("app".to_owned(), certain.granted.clone())], "{engine:?}");
        assert!(put(&store, "app", Some(&certain), &both).await, "{engine:?}");
        let all = connected(&store, "u").await;
        assert_eq!(all, [("app".to_owned(), both.granted)], "{engine:?}");
        store.db().close().await;
    }
}
