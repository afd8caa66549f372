//! Counted failures and blocks, on both engines.

#![expect(clippy::unwrap_used, reason = "a test may fall over")]

use std::collections::BTreeSet;
use std::time::Duration;

use latchkey_db::{Db, Options, sql, testing};
use latchkey_identity_store::{BlockChange, Guess, MIGRATIONS, Retention, Store, StoreError, Window};
use latchkey_protocol::Timestamp;

const NOW: Timestamp = Timestamp(1_000_000);
const UNTIL: Timestamp = Timestamp(1_060_000);
const ONE: Window = Window {
    most: 1,
    length_ms: 60_000,
};

async fn on_each_engine<F: AsyncFn(Store)>(name: &str, test: F) {
    for (engine, url) in testing::urls(name).await {
        println!("on {engine:?}");
        let db = Db::open(&url, Options::new(&[MIGRATIONS])).await.unwrap();
        test(Store::new(db.clone())).await;
        db.close().await;
    }
}

/// Where more than one transaction writes at a time.
async fn on_postgres<F: AsyncFn(Store)>(name: &str, test: F) {
    let url = testing::postgres_url(name).await;
    let db = Db::open(&url, Options::new(&[MIGRATIONS])).await.unwrap();
    test(Store::new(db.clone())).await;
    db.close().await;
}

/// A failure that is one too many, as the issuer counts it.
async fn block(store: &Store, id: &str) -> Vec<BlockChange> {
    let (inside, id) = (store.clone(), id.to_owned());
    let blocked: Result<_, StoreError> = store
        .db()
        .write(move |tx| async move {
            let until = inside.count_failure(&tx, &id, ONE, NOW).await?;
            let blocks: Vec<_> = until.map(|until| (id, until)).into_iter().collect();
            inside.block(&tx, &blocks).await
        })
        .await;
    blocked.unwrap()
}

/// What has changed after this change: ids and ends.
async fn after(store: &Store, number: i64) -> Vec<(String, Option<Timestamp>)> {
    let (changes, all) = store.block_changes(number).await.unwrap();
    assert!(all);
    let changes = changes.into_iter();
    changes.map(|change| (change.id, change.until)).collect()
}

async fn last(store: &Store) -> i64 {
    let (changes, _) = store.block_changes(0).await.unwrap();
    changes.last().map_or(0, |change| change.number)
}

#[tokio::test]
async fn a_block_is_read_once_and_once_more_when_it_is_lifted() {
    on_each_engine("blocks_lifted", async |store| {
        for id in ["a", "b", "c"] {
            assert_eq!(block(&store, id).await.len(), 1, "{id}");
        }
        let blocked = |id: &str| (id.to_owned(), Some(UNTIL));
        assert_eq!(after(&store, 0).await, ["a", "b", "c"].map(blocked));
        let read = last(&store).await;
        assert!(after(&store, read).await.is_empty());
        // More failures during a block are no news.
        assert!(block(&store, "a").await.is_empty());
        assert!(after(&store, read).await.is_empty());

        let inside = store.clone();
        let lifted: Result<_, StoreError> = store
            .db()
            .write(move |tx| async move {
                let forgiven = inside.forgive(&tx, &["a".into(), "unknown".into()]).await?;
                Ok((forgiven, inside.uncount_guesses(&tx, &["b".into()]).await?))
            })
            .await;
        let (forgiven, uncounted) = lifted.unwrap();
        assert_eq!((forgiven.len(), uncounted.len()), (1, 1));
        let lifted = |id: &str| (id.to_owned(), None);
        assert_eq!(after(&store, read).await, ["a", "b"].map(lifted));
        // A node that has just started reads what holds now.
        assert_eq!(after(&store, 0).await, [blocked("c"), lifted("a"), lifted("b")]);
        // To be forgiven twice hides from nobody that the block was lifted.
        let inside = store.clone();
        let again: Result<_, StoreError> = store
            .db()
            .write(move |tx| async move { inside.forgive(&tx, &["a".into()]).await })
            .await;
        assert!(again.unwrap().is_empty());
        assert_eq!(after(&store, read).await, ["a", "b"].map(lifted));
        // The count begins anew.
        assert_eq!(block(&store, "a").await.len(), 1);
    })
    .await;
}

/// Other nodes look now and then without it: until then they would go on as before.
#[tokio::test]
async fn a_block_is_announced_and_so_is_its_end() {
    on_each_engine("blocks_announced", async |store| {
        let mut changes = store.db().changes();
        let mut announced = async |what: &str| {
            let changed = tokio::time::timeout(Duration::from_secs(20), changes.changed()).await;
            changed.expect(what).unwrap();
        };
        block(&store, "a").await;
        announced("it is blocked").await;
        let inside = store.clone();
        let forgiven: Result<_, StoreError> = store
            .db()
            .write(move |tx| async move { inside.forgive(&tx, &["a".into()]).await })
            .await;
        forgiven.unwrap();
        announced("it is forgiven").await;
    })
    .await;
}

#[tokio::test]
async fn a_guess_that_was_forgiven_is_not_taken_back_as_well() {
    on_each_engine("blocks_uncounted", async |store| {
        block(&store, "a").await;
        let inside = store.clone();
        let counted: Result<_, StoreError> = store
            .db()
            .write(move |tx| async move {
                let id = ["a".to_owned()];
                inside.forgive(&tx, &id).await?;
                inside.uncount_guesses(&tx, &id).await?;
                inside.count_guess(&tx, "a", NOW).await
            })
            .await;
        assert_eq!(counted.unwrap(), Guess::Counted(1));
    })
    .await;
}

#[tokio::test]
async fn changes_are_read_by_pages_in_their_order() {
    on_each_engine("blocks_paged", async |store| {
        let inside = store.clone();
        let blocked: Result<_, StoreError> = store
            .db()
            .write(move |tx| async move {
                let mut blocks = Vec::new();
                for n in 0..700 {
                    let id = format!("{n:03}");
                    let until = inside.count_failure(&tx, &id, ONE, NOW).await?;
                    blocks.extend(until.map(|until| (id, until)));
                }
                inside.block(&tx, &blocks).await
            })
            .await;
        let blocked = blocked.unwrap();
        let (first, all) = store.block_changes(0).await.unwrap();
        assert!(!all && first.len() < 700);
        let (rest, all) = store.block_changes(first.last().unwrap().number).await.unwrap();
        assert!(all);
        assert_eq!([first, rest].concat(), blocked);
    })
    .await;
}

/// A guess holds the rows of the name and of the user, in that order: whoever waits for them in another one deadlocks.
#[tokio::test]
async fn the_purge_waits_for_no_row_that_a_guess_holds() {
    on_postgres("blocks_held", async |store| {
        for id in ["a", "b", "c"] {
            block(&store, id).await;
        }
        let (held, is_held) = tokio::sync::oneshot::channel();
        let (release, released) = tokio::sync::oneshot::channel::<()>();
        let inside = store.clone();
        let guess = store.db().write(move |tx| async move {
            inside.count_failure(&tx, "b", ONE, NOW).await?;
            let _test_is_there = held.send(());
            let _test_is_over = released.await;
            Ok::<_, StoreError>(())
        });
        let purging = async {
            is_held.await.unwrap();
            let later = Timestamp(NOW.0 + 90_000_000);
            let purged = tokio::time::timeout(
                Duration::from_secs(20),
                store.purge_expired(&Retention::default(), later, later),
            )
            .await;
            purged.expect("it waits for nobody").unwrap();
            release.send(()).unwrap();
        };
        let (guessed, ()) = futures::future::join(guess, purging).await;
        guessed.unwrap();
        let left = after(&store, 0).await;
        assert_eq!(left, [("b".to_owned(), Some(UNTIL))]);
    })
    .await;
}

/// Transactions that overlap commit in any order; who reads meanwhile and goes on after the last number must not skip one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_change_is_skipped_by_a_node_that_reads_while_others_block() {
    on_each_engine("blocks_raced", async |store| {
        let blocking = (0..200).map(|n| {
            let store = store.clone();
            tokio::spawn(async move { block(&store, &n.to_string()).await })
        });
        let blocking = futures::future::join_all(blocking.collect::<Vec<_>>());
        let (done, mut is_done) = tokio::sync::oneshot::channel();
        let reading = async {
            let (mut seen, mut read, mut ended) = (BTreeSet::new(), 0, false);
            while !ended {
                ended = is_done.try_recv().is_ok();
                let (changes, _) = store.block_changes(read).await.unwrap();
                read = changes.last().map_or(read, |change| change.number);
                seen.extend(changes.into_iter().map(|change| change.id));
                tokio::task::yield_now().await;
            }
            seen
        };
        let writing = async {
            for blocked in blocking.await {
                assert_eq!(blocked.unwrap().len(), 1);
            }
            done.send(()).unwrap();
        };
        let (seen, ()) = futures::future::join(reading, writing).await;
        assert_eq!(seen.len(), 200);
    })
    .await;
}

/// A look every second must not cost what all blocks together do.
#[tokio::test]
async fn a_look_for_changes_uses_their_index() {
    let db = Db::open(&testing::sqlite_url("blocks_plan"), Options::new(&[MIGRATIONS]))
        .await
        .unwrap();
    let statement = "EXPLAIN QUERY PLAN SELECT id, blocked_until, changed FROM throttles WHERE changed > $1 \
                     ORDER BY changed LIMIT 500";
    let steps = sql(statement).bind(0_i64).fetch_all(&db).await.unwrap();
    let steps: Vec<String> = steps.iter().map(|row| row.text("detail").unwrap()).collect();
    let plan = steps.join("; ");
    assert!(
        plan.contains("throttles_changed") && !plan.contains("TEMP B-TREE"),
        "{plan}"
    );
    db.close().await;
}
