//! The one way to write: whole or not at all, whoever hangs up, panics or goes on after an error.

use std::sync::Arc;

use latchkey_db::{DbError, sql};
use tokio::sync::Mutex;

use crate::fixture::*;

/// What a work refuses with when it decides against itself.
#[derive(Debug, thiserror::Error)]
enum WorkError {
    #[error("the work changed its mind")]
    ByTheWork,
    #[error(transparent)]
    Db(#[from] DbError),
}

#[tokio::test]
async fn ok_is_committed_and_err_is_rolled_back() {
    for_each_engine("ok_err", async |place| {
        let kept = place
            .db
            .write(async |tx| {
                insert(&tx, "kept").await?;
                Ok::<_, DbError>(7)
            })
            .await;
        assert_eq!(kept.unwrap(), 7);
        let refused = place
            .db
            .write(async |tx| {
                insert(&tx, "refused").await?;
                Err::<(), _>(WorkError::ByTheWork)
            })
            .await;
        assert!(matches!(refused, Err(WorkError::ByTheWork)));
        assert_eq!(ids(&place.db).await, ["kept"]);
    })
    .await;
}

#[tokio::test]
async fn a_work_reads_what_it_has_written() {
    for_each_engine("own_rows", async |place| {
        let seen = place
            .db
            .write(async |tx| {
                insert(&tx, "a").await?;
                Ok::<_, DbError>(ids(&tx).await)
            })
            .await;
        assert_eq!(seen.unwrap(), ["a"]);
    })
    .await;
}

#[tokio::test]
async fn a_caller_who_hangs_up_has_his_write_committed_whole() {
    for_each_engine("hang_up", async |place| {
        let (inside, held) = gate();
        let db = place.db.clone();
        let caller = tokio::spawn(async move {
            db.write(async move |tx| {
                insert(&tx, "first half").await?;
                inside.pass().await;
                insert(&tx, "second half").await
            })
            .await
        });
        let open = held.reached().await;
        caller.abort();
        assert!(soon(caller).await.unwrap_err().is_cancelled());
        open.send(()).unwrap();
        // Closing waits for every write under way.
        soon(place.db.close()).await;
        assert_eq!(ids(&place.again().await).await, ["first half", "second half"]);
    })
    .await;
}

#[tokio::test]
async fn a_panic_in_a_work_is_rolled_back_and_the_next_write_works() {
    for_each_engine("panic", async |place| {
        for _ in 0..20 {
            let panicked = place.db.write(async |tx| {
                insert(&tx, "half").await?;
                if !ids(&tx).await.is_empty() {
                    panic!("as planned");
                }
                Ok::<_, DbError>(())
            });
            assert!(matches!(soon(panicked).await, Err(DbError::Panicked)));
        }
        place.insert("after").await.unwrap();
        assert_eq!(ids(&place.db).await, ["after"]);
    })
    .await;
}

#[tokio::test]
async fn a_transaction_kept_beyond_its_work_is_of_no_use() {
    for_each_engine("kept", async |place| {
        let pocket = Arc::new(Mutex::new(None));
        let keep = pocket.clone();
        place
            .db
            .write(async move |tx| {
                *keep.lock().await = Some(tx);
                Ok::<_, DbError>(())
            })
            .await
            .unwrap();
        let tx = pocket.lock().await.take().unwrap();
        assert!(matches!(insert(&tx, "late").await, Err(DbError::Stopped)));
        let read = sql("SELECT id FROM rows").fetch_all(&tx).await;
        assert!(matches!(read, Err(DbError::Stopped)));
        assert!(ids(&place.db).await.is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_taken_key_is_named_as_such() {
    for_each_engine("unique", async |place| {
        place.insert("a").await.unwrap();
        assert!(matches!(place.insert("a").await, Err(DbError::Unique(_))));
    })
    .await;
}

#[tokio::test]
async fn a_work_that_ignores_a_failed_statement_is_not_told_it_was_written() {
    for_each_engine("swallowed", async |place| {
        place.insert("taken").await.unwrap();
        let told = place
            .db
            .write(async |tx| {
                insert(&tx, "before").await?;
                let _swallowed = insert(&tx, "taken").await;
                Ok::<_, DbError>(())
            })
            .await;
        assert!(matches!(told, Err(DbError::Spoiled)), "{told:?}");
        assert_eq!(ids(&place.db).await, ["taken"]);
    })
    .await;
}

#[tokio::test]
async fn no_statement_runs_after_one_that_failed() {
    for_each_engine("after_failed", async |place| {
        place.insert("taken").await.unwrap();
        let told = place
            .db
            .write(async |tx| {
                let _swallowed = insert(&tx, "taken").await;
                insert(&tx, "after").await
            })
            .await;
        assert!(matches!(told, Err(DbError::Spoiled)), "{told:?}");
    })
    .await;
}

#[tokio::test]
async fn closing_waits_for_the_writes_under_way_and_then_takes_no_more() {
    for_each_engine("close", async |place| {
        let (inside, held) = gate();
        let db = place.db.clone();
        let writing = tokio::spawn(async move {
            db.write(async move |tx| {
                inside.pass().await;
                insert(&tx, "under way").await
            })
            .await
        });
        let open = held.reached().await;
        let db = place.db.clone();
        let closing = tokio::spawn(async move { db.close().await });
        tokio::task::yield_now().await;
        assert!(!closing.is_finished());
        open.send(()).unwrap();
        soon(writing).await.unwrap().unwrap();
        soon(closing).await.unwrap();
        assert!(matches!(place.insert("too late").await, Err(DbError::Stopped)));
        assert_eq!(ids(&place.again().await).await, ["under way"]);
    })
    .await;
}

/// A commit that was answered outlives a power cut, which no kill of a process can show: so the settings are read.
#[tokio::test]
async fn sqlite_writes_ahead_and_waits_for_the_disk() {
    on_sqlite("durable", async |place| {
        let settings = place.db.write(async |tx| {
            let journal = sql("SELECT journal_mode AS value FROM pragma_journal_mode")
                .fetch_one(&tx)
                .await?
                .text("value")?;
            let synchronous = sql("SELECT synchronous AS value FROM pragma_synchronous")
                .fetch_one(&tx)
                .await?
                .int("value")?;
            Ok::<_, DbError>((journal, synchronous))
        });
        // 2 is FULL (sqlite.org/pragma.html#pragma_synchronous).
        assert_eq!(settings.await.unwrap(), ("wal".to_owned(), 2));
    })
    .await;
}
