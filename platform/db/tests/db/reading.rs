//! Readers: they see what is committed, and they cannot write.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use latchkey_db::{Class, DbError, sql};

use crate::fixture::*;

#[tokio::test]
async fn a_reader_cannot_write() {
    for_each_engine("reader", async |place| {
        for statement in [
            "INSERT INTO rows (id) VALUES ('smuggled') RETURNING id",
            "UPDATE rows SET number = 1 RETURNING id",
            "DELETE FROM rows RETURNING id",
        ] {
            let refused = sql(statement).fetch_all(&place.db).await;
            assert!(matches!(refused, Err(DbError::Sql(_))), "{statement}");
        }
        assert!(ids(&place.db).await.is_empty());
    })
    .await;
}

#[tokio::test]
async fn no_statement_on_postgresql_waits_for_ever() {
    on_postgres("limits", async |place| {
        for (name, value) in [
            ("lock_timeout", "10s"),
            ("statement_timeout", "30s"),
            ("idle_in_transaction_session_timeout", "1min"),
        ] {
            let set = sql("SELECT current_setting($1) AS word")
                .bind(name)
                .fetch_one(&place.db)
                .await
                .unwrap();
            assert_eq!(set.text("word").unwrap(), value, "{name}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_reader_sees_nothing_that_is_not_committed() {
    for_each_engine("uncommitted", async |place| {
        let (inside, held) = gate();
        let db = place.db.clone();
        let writing = tokio::spawn(async move {
            db.write(async move |tx| {
                insert(&tx, "a").await?;
                inside.pass().await;
                Ok::<_, DbError>(())
            })
            .await
        });
        let open = held.reached().await;
        assert!(ids(&place.db).await.is_empty());
        open.send(()).unwrap();
        soon(writing).await.unwrap().unwrap();
        assert_eq!(ids(&place.db).await, ["a"]);
    })
    .await;
}

#[tokio::test]
async fn reading_does_not_wait_for_the_writer() {
    for_each_engine("beside", async |place| {
        place.insert("a").await.unwrap();
        let (inside, held) = gate();
        let db = place.db.clone();
        let writing = tokio::spawn(async move {
            db.write(async move |tx| {
                sql("UPDATE rows SET number = 1").execute(&tx).await?;
                inside.pass().await;
                Ok::<_, DbError>(())
            })
            .await
        });
        let open = held.reached().await;
        assert_eq!(soon(ids(&place.db)).await, ["a"]);
        open.send(()).unwrap();
        soon(writing).await.unwrap().unwrap();
    })
    .await;
}

#[tokio::test]
async fn who_hangs_up_in_the_middle_of_a_read_takes_no_reader_along() {
    for_each_engine("cut_off", async |place| {
        place.insert("a").await.unwrap();
        for turns in 0..40 {
            let long = sql(
                "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000) \
                 SELECT COUNT(*) AS found FROM n",
            );
            let mut reading = std::pin::pin!(long.fetch_one(&place.db));
            for _ in 0..turns {
                if futures::poll!(reading.as_mut()).is_ready() {
                    break;
                }
                tokio::task::yield_now().await;
            }
        }
        assert_eq!(soon(ids(&place.db)).await, ["a"]);
        // Nobody is left behind whom the end would wait for.
        soon(place.db.close()).await;
        let late = sql("SELECT id FROM rows").fetch_all(&place.db).await;
        assert!(
            matches!(late, Err(DbError::Unavailable(_))),
            "{:?}",
            late.map(drop)
        );
    })
    .await;
}

#[tokio::test]
async fn what_the_node_lives_on_does_not_wait_for_a_queue_of_pages() {
    const MANY: usize = 64;
    for_each_engine("classes", async |place| {
        place.insert("a").await.unwrap();
        for class in [Class::Page, Class::Search, Class::Background] {
            let over = Arc::new(AtomicUsize::new(0));
            let pages: Vec<_> = (0..MANY)
                .map(|_| {
                    let (db, over) = (place.db.reading(class), over.clone());
                    tokio::spawn(async move {
                        let long = sql(
                            "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200000) \
                             SELECT COUNT(*) AS found FROM n",
                        );
                        let answered = long.fetch_one(&db).await;
                        over.fetch_add(1, Ordering::SeqCst);
                        answered.map(drop)
                    })
                })
                .collect();
            // On one thread: each of them has asked for its place now.
            tokio::task::yield_now().await;
            assert_eq!(soon(ids(&place.db)).await, ["a"]);
            let over = over.load(Ordering::SeqCst);
            assert!(over < MANY / 2, "{class:?}: {over} of {MANY} came first");
            pages.iter().for_each(tokio::task::JoinHandle::abort);
        }
        // Their places are given back.
        for class in [Class::Page, Class::Search, Class::Background] {
            let beside = place.db.reading(class);
            assert_eq!(soon(ids(&beside)).await, ["a"], "{class:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_handle_of_another_class_writes_as_any_other() {
    for_each_engine("class_writes", async |place| {
        let beside = place.db.reading(Class::Background);
        beside.write_one(row("a")).await.unwrap();
        assert_eq!(ids(&place.db).await, ["a"]);
    })
    .await;
}

#[tokio::test]
async fn a_statement_that_should_give_a_row_and_gives_none_is_an_error() {
    for_each_engine("no_row", async |place| {
        let one = sql("SELECT id FROM rows").fetch_one(&place.db).await;
        assert!(matches!(one, Err(DbError::Sql(_))));
        let none = sql("SELECT id FROM rows")
            .fetch_optional(&place.db)
            .await
            .unwrap();
        assert!(none.is_none());
    })
    .await;
}
