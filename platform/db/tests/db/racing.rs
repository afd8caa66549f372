//! Races: one conditional write decides, and who was in the way is told that he may come again.

use futures::future::join_all;
use latchkey_db::testing::somebody_waits;
use latchkey_db::{Db, DbError, Tx, sql, sql_for_share};
use tokio::sync::Barrier;

use crate::fixture::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_fifty_who_compare_and_set_exactly_one_wins() {
    for_each_engine("compare_and_set", async |place| {
        place.insert("family").await.unwrap();
        let two = [place.db.clone(), place.again().await];
        for generation in 0..5_i64 {
            let racing = (0..50).map(|n| {
                let db = two[n % 2].clone();
                tokio::spawn(async move { rotate(&db, generation).await })
            });
            let told: Vec<u64> = join_all(racing)
                .await
                .into_iter()
                .map(|told| told.unwrap().unwrap())
                .collect();
            assert_eq!(told.iter().sum::<u64>(), 1, "generation {generation}");
        }
        two[1].close().await;
    })
    .await;
}

async fn rotate(db: &Db, generation: i64) -> Result<u64, DbError> {
    db.write(async move |tx| {
        sql("UPDATE rows SET number = $1 + 1 WHERE id = 'family' AND COALESCE(number, 0) = $1")
            .bind(generation)
            .execute(&tx)
            .await
    })
    .await
}

#[tokio::test]
async fn of_two_who_lock_crosswise_one_is_told_that_it_was_busy() {
    on_postgres("deadlock", async |place| {
        place.insert("a").await.unwrap();
        place.insert("b").await.unwrap();
        let both_hold_one = std::sync::Arc::new(Barrier::new(2));
        let crosswise = [("a", "b"), ("b", "a")].map(|(mine, yours)| {
            let meet = both_hold_one.clone();
            place.db.write(async move |tx| {
                touch(&tx, mine).await?;
                meet.wait().await;
                touch(&tx, yours).await
            })
        });
        let told = soon(join_all(crosswise)).await;
        assert_eq!(told.iter().filter(|told| told.is_ok()).count(), 1);
        assert!(
            told.iter().any(|told| matches!(told, Err(DbError::Busy(_)))),
            "{told:?}"
        );
        // He comes again and finds nobody in the way.
        place.db.write(async |tx| touch(&tx, "a").await).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn who_cannot_be_serialised_is_told_that_it_was_busy() {
    on_postgres("serialisation", async |place| {
        place.insert("a").await.unwrap();
        let both_have_read = std::sync::Arc::new(Barrier::new(2));
        let racing = [1, 2].map(|_| {
            let meet = both_have_read.clone();
            place.db.write(async move |tx| {
                sql("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE")
                    .execute(&tx)
                    .await?;
                ids(&tx).await;
                meet.wait().await;
                touch(&tx, "a").await
            })
        });
        let told = soon(join_all(racing)).await;
        assert!(told.iter().any(Result::is_ok));
        assert!(
            told.iter().any(|told| matches!(told, Err(DbError::Busy(_)))),
            "{told:?}"
        );
    })
    .await;
}

#[tokio::test]
async fn who_finds_the_file_taken_by_another_process_is_told_that_it_was_busy() {
    on_sqlite("taken_file", async |place| {
        let (inside, held) = gate();
        let other = place.again().await;
        let holding = tokio::spawn(async move {
            other
                .write(async move |tx| {
                    insert(&tx, "other").await?;
                    inside.pass().await;
                    Ok::<_, DbError>(())
                })
                .await
        });
        let open = held.reached().await;
        let told = place.insert("mine").await;
        assert!(matches!(told, Err(DbError::Busy(_))), "{told:?}");
        open.send(()).unwrap();
        soon(holding).await.unwrap().unwrap();
        place.insert("mine").await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn who_changes_a_row_that_is_held_waits_and_finds_what_its_holder_wrote() {
    for_each_engine("held", async |place| {
        let (born, found) = one_waits(
            &place,
            async |tx, inside| {
                let born = born_of_base(&tx).await?;
                inside.pass().await;
                insert(&tx, "late").await?;
                Ok(born)
            },
            async |tx| {
                touch(&tx, "base").await?;
                Ok(ids(&tx).await)
            },
        )
        .await;
        assert_eq!(born, 1);
        assert_eq!(found, ["base", "born", "late"]);
    })
    .await;
}

#[tokio::test]
async fn who_holds_a_row_that_has_just_changed_looks_at_it_again() {
    for_each_engine("held_too_late", async |place| {
        let (touched, born) = one_waits(
            &place,
            async |tx, inside| {
                let touched = touch(&tx, "base").await?;
                inside.pass().await;
                Ok(touched)
            },
            async |tx| born_of_base(&tx).await,
        )
        .await;
        assert_eq!((touched, born), (1, 0));
    })
    .await;
}

#[tokio::test]
async fn who_locks_a_row_alone_sees_what_those_before_wrote() {
    for_each_engine("alone", async |place| {
        let (first, found) = one_waits(
            &place,
            async |tx, inside| {
                let first = take_turn(&tx, "first").await?;
                inside.pass().await;
                Ok(first)
            },
            async |tx| {
                take_turn(&tx, "second").await?;
                Ok(ids(&tx).await)
            },
        )
        .await;
        assert_eq!(first, 1);
        assert_eq!(found, ["base", "first", "second"]);
    })
    .await;
}

/// Two writes beside a row `base`: the first is kept at its gate until the second waits for it.
async fn one_waits<A, B, First, Second>(
    place: &Place,
    first: impl FnOnce(Tx, Gate) -> First + Send + 'static,
    second: impl FnOnce(Tx) -> Second + Send + 'static,
) -> (A, B)
where
    A: Send + 'static,
    B: Send + 'static,
    First: Future<Output = Result<A, DbError>> + Send + 'static,
    Second: Future<Output = Result<B, DbError>> + Send + 'static,
{
    place.insert("base").await.unwrap();
    let (inside, held) = gate();
    let both = futures::future::join(place.db.write(move |tx| first(tx, inside)), async {
        let open = held.reached().await;
        let ((), second) = futures::future::join(
            async {
                somebody_waits(&place.db).await;
                open.send(()).unwrap();
            },
            place.db.write(second),
        )
        .await;
        second
    });
    let (first, second) = soon(both).await;
    (first.unwrap(), second.unwrap())
}

/// Writes a row that stands on one which nobody has touched; how many.
async fn born_of_base(tx: &Tx) -> Result<u64, DbError> {
    sql_for_share!(
        "INSERT INTO rows (id) SELECT $1 FROM (SELECT r.id FROM rows r WHERE r.id = 'base' AND r.number IS NULL ",
        "r",
        ") AS standing"
    )
    .bind("born")
    .execute(tx)
    .await
}

/// Writes a row that stands on `base`, while no one else can.
async fn take_turn(tx: &Tx, id: &str) -> Result<u64, DbError> {
    sql_for_share!(
        "INSERT INTO rows (id) SELECT $1 FROM \
           (SELECT r.id FROM rows r JOIN rows s ON s.id = r.id WHERE r.id = 'base' ",
        "s",
        alone: "r",
        ") AS standing"
    )
    .bind(id)
    .execute(tx)
    .await
}

async fn touch(tx: &Tx, id: &str) -> Result<u64, DbError> {
    sql("UPDATE rows SET number = 1 WHERE id = $1")
        .bind(id)
        .execute(tx)
        .await
}
