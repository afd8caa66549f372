//! Word of a commit: in this process, and in another one on the same database.

use latchkey_db::{Db, DbError, sql};

use crate::fixture::*;

async fn announce(db: &Db, id: &str) {
    let id = id.to_owned();
    db.write(async move |tx| {
        insert(&tx, &id).await?;
        tx.announce();
        Ok::<_, DbError>(())
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn an_announced_commit_wakes_whoever_waits_in_this_process() {
    for_each_engine("wake_here", async |place| {
        let mut changes = place.db.changes();
        for n in 0..10 {
            changes.borrow_and_update();
            announce(&place.db, &format!("{n}")).await;
            soon(changes.changed()).await.unwrap();
        }
    })
    .await;
}

#[tokio::test]
async fn an_announced_commit_wakes_another_process_on_the_same_database() {
    for_each_engine("wake_there", async |place| {
        let other = place.again().await;
        let mut changes = other.changes();
        for n in 0..10 {
            let id = format!("{n}");
            changes.borrow_and_update();
            announce(&place.db, &id).await;
            soon(changes.changed()).await.unwrap();
            // It may have moved without a reason: a hint to look, never a message.
            while !ids(&other).await.contains(&id) {
                soon(changes.changed()).await.unwrap();
            }
        }
        other.close().await;
    })
    .await;
}

#[tokio::test]
async fn a_commit_just_after_the_subscription_is_heard() {
    for_each_engine("wake_first", async |place| {
        for n in 0..5 {
            let other = place.again().await;
            // What a relay does: subscribe, find nothing, wait.
            let mut changes = other.changes();
            let id = format!("{n}");
            assert!(!ids(&other).await.contains(&id));
            announce(&place.db, &id).await;
            soon(changes.changed()).await.unwrap();
            other.close().await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_write_that_was_rolled_back_is_not_announced() {
    // Only PostgreSQL tells announced commits from others; SQLite tells of every commit.
    on_postgres("quiet", async |place| {
        announce(&place.db, "a").await;
        let other = place.again().await;
        let mut changes = other.changes();
        soon(changes.changed()).await.unwrap();
        let listening = *changes.borrow_and_update();
        let refused = place
            .db
            .write(async |tx| {
                tx.announce();
                insert(&tx, "a").await
            })
            .await;
        assert!(matches!(refused, Err(DbError::Unique(_))));
        place.insert("not announced").await.unwrap();
        announce(&place.db, "b").await;
        soon(changes.changed()).await.unwrap();
        assert_eq!(*changes.borrow(), listening + 1, "one commit was announced");
        other.close().await;
    })
    .await;
}

#[tokio::test]
async fn after_closing_nobody_waits_for_ever() {
    for_each_engine("closed", async |place| {
        let _changes = place.db.changes();
        soon(place.db.close()).await;
    })
    .await;
}

#[tokio::test]
async fn a_handle_that_is_dropped_leaves_no_watcher_behind() {
    on_postgres("dropped_handle", async |place| {
        let other = place.again().await;
        let mut changes = other.changes();
        soon(changes.changed()).await.unwrap();
        drop((other, changes));
        let connections = "SELECT pid FROM pg_stat_activity \
                           WHERE datname = current_database() AND pid <> pg_backend_pid()";
        let gone = async { while !sql(connections).fetch_all(&place.db).await.unwrap().is_empty() {} };
        soon(gone).await;
    })
    .await;
}
