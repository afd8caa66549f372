//! Migrations: before the database is handed out, once, and never backwards.

use futures::future::join_all;
use latchkey_db::{Db, DbError, Migration, Migrations, Options, sql, testing};

use crate::fixture::*;

const fn step(version: i64, text: &'static str) -> Migration {
    Migration {
        version,
        name: "step",
        sqlite: text,
        postgres: text,
    }
}

const FIRST: Migration = step(1, "CREATE TABLE first (id TEXT NOT NULL PRIMARY KEY)");
const SECOND: Migration = step(2, "CREATE TABLE second (id TEXT NOT NULL PRIMARY KEY)");
const OLD: Migrations = Migrations {
    set: "shop",
    steps: &[FIRST],
};
const NEW: Migrations = Migrations {
    set: "shop",
    steps: &[FIRST, SECOND],
};
const EDITED: Migrations = Migrations {
    set: "shop",
    steps: &[step(
        1,
        "CREATE TABLE first (id TEXT NOT NULL PRIMARY KEY, more TEXT)",
    )],
};
const FAULTY: Migrations = Migrations {
    set: "shop",
    steps: &[
        FIRST,
        step(2, "CREATE TABLE second (id TEXT); CREATE TABLE first (id TEXT)"),
    ],
};
/// Another owner, with the same numbers.
const NEIGHBOUR: Migrations = Migrations {
    set: "neighbour",
    steps: &[step(1, "CREATE TABLE theirs (id TEXT NOT NULL PRIMARY KEY)")],
};

async fn open(url: &str, sets: &[Migrations]) -> Result<Db, DbError> {
    Db::open(url, Options::new(sets)).await
}

async fn has(db: &Db, table: &'static str) -> bool {
    sql(table).fetch_all(db).await.is_ok()
}

#[tokio::test]
async fn two_owners_keep_their_tables_in_one_database() {
    for_each_engine("owners", async |place| {
        let db = open(&place.url, &[ROWS, NEW, NEIGHBOUR]).await.unwrap();
        assert!(has(&db, "SELECT id FROM second").await && has(&db, "SELECT id FROM theirs").await);
        db.close().await;
        // Each comes back alone and knows its own progress.
        open(&place.url, &[NEIGHBOUR]).await.unwrap().close().await;
        open(&place.url, &[NEW]).await.unwrap().close().await;
    })
    .await;
}

#[tokio::test]
async fn a_newer_binary_adds_what_is_missing_and_keeps_what_is_there() {
    for_each_engine("upgrade", async |place| {
        let old = open(&place.url, &[OLD]).await.unwrap();
        old.write(async |tx| sql("INSERT INTO first (id) VALUES ('kept')").execute(&tx).await)
            .await
            .unwrap();
        old.close().await;
        let new = open(&place.url, &[NEW]).await.unwrap();
        assert!(has(&new, "SELECT id FROM second").await);
        let kept = sql("SELECT id FROM first").fetch_one(&new).await.unwrap();
        assert_eq!(kept.text("id").unwrap(), "kept");
        new.close().await;
    })
    .await;
}

#[tokio::test]
async fn an_older_binary_refuses_a_newer_schema() {
    for_each_engine("downgrade", async |place| {
        open(&place.url, &[NEW]).await.unwrap().close().await;
        let refused = open(&place.url, &[OLD]).await;
        assert!(matches!(refused, Err(DbError::Migration(_))));
    })
    .await;
}

#[tokio::test]
async fn an_edited_migration_is_refused() {
    for_each_engine("edited", async |place| {
        open(&place.url, &[OLD]).await.unwrap().close().await;
        let refused = open(&place.url, &[EDITED]).await;
        assert!(matches!(refused, Err(DbError::Migration(_))));
    })
    .await;
}

#[tokio::test]
async fn a_migration_that_fails_leaves_nothing_of_itself() {
    for_each_engine("faulty", async |place| {
        open(&place.url, &[OLD]).await.unwrap().close().await;
        assert!(matches!(
            open(&place.url, &[FAULTY]).await,
            Err(DbError::Migration(_))
        ));
        open(&place.url, &[NEW]).await.unwrap().close().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn those_who_open_a_new_database_at_once_end_with_one_schema() {
    for round in 0..4 {
        for (engine, url) in testing::urls(&format!("at_once_{round}")).await {
            let opening = (0..8).map(|_| {
                let url = url.clone();
                tokio::spawn(async move { open(&url, &[NEW, NEIGHBOUR]).await })
            });
            for opened in soon(join_all(opening)).await {
                let db = opened
                    .unwrap()
                    .unwrap_or_else(|error| panic!("{engine:?}: {error:?}"));
                assert!(has(&db, "SELECT id FROM second").await);
                db.close().await;
            }
        }
    }
}

#[tokio::test]
async fn a_url_of_no_known_engine_is_refused_without_being_repeated() {
    for url in ["mysql://root:secret@host/db", "secret", "sqlite:", ""] {
        let refused = open(url, &[]).await.err().unwrap();
        assert!(matches!(refused, DbError::Unusable(_)));
        assert!(!refused.to_string().contains("secret"));
    }
}

#[tokio::test]
async fn every_test_gets_a_database_of_its_own() {
    let (mut first, mut second) = (testing::urls("mine").await, testing::urls("mine").await);
    first.append(&mut second);
    let mut urls: Vec<String> = first.into_iter().map(|(_, url)| url).collect();
    urls.sort();
    urls.dedup();
    assert_eq!(urls.len(), 4);
}

#[tokio::test]
async fn a_look_whether_there_is_a_database_makes_none() {
    for (engine, url) in testing::urls("look").await {
        for _ in 0..2 {
            assert!(!Db::exists(&url, &NEW).await.unwrap(), "{engine:?}");
        }
        open(&url, &[NEW]).await.unwrap().close().await;
        assert!(Db::exists(&url, &NEW).await.unwrap(), "{engine:?}");
    }
}
