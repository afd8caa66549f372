//! Group commit on SQLite: many decisions, one durable commit, and nobody hurt by his neighbour.

use futures::future::join_all;
use latchkey_db::DbError;

use crate::fixture::*;

#[tokio::test]
async fn a_refusal_does_not_hurt_its_neighbours() {
    for_each_engine("neighbours", async |place| {
        let works = (0..200).map(|n| {
            place.db.write(async move |tx| {
                insert(&tx, &format!("{n:03}")).await?;
                match n % 4 {
                    0 => Ok(()),
                    1 => Err(DbError::row("number", "odd")),
                    // It fails in the engine itself.
                    2 => insert(&tx, &format!("{n:03}")).await,
                    _ => panic!("as planned"),
                }
            })
        });
        for (n, told) in join_all(works).await.into_iter().enumerate() {
            match (n % 4, told) {
                (0, Ok(()))
                | (1, Err(DbError::Row { .. }))
                | (2, Err(DbError::Unique(_)))
                | (3, Err(DbError::Panicked)) => {}
                (_, told) => panic!("work {n} was told {told:?}"),
            }
        }
        let expected: Vec<String> = (0..200).step_by(4).map(|n| format!("{n:03}")).collect();
        assert_eq!(ids(&place.db).await, expected);
    })
    .await;
}

#[tokio::test]
async fn single_statements_neither_hurt_nor_are_hurt() {
    for_each_engine("single", async |place| {
        place.insert("taken").await.unwrap();
        let works = (0..200).map(|n| {
            let (db, id) = (place.db.clone(), format!("{n:03}"));
            async move {
                match n % 5 {
                    0 | 1 => db.write_one(row(&id)).await,
                    // It fails in the engine.
                    2 => db.write_one(row("taken")).await,
                    3 => db.write(async move |tx| row(&id).execute(&tx).await).await,
                    _ => {
                        let told = db.write(async move |tx| {
                            insert(&tx, &id).await?;
                            Err(DbError::row("number", "odd"))
                        });
                        told.await
                    }
                }
            }
        });
        for (n, told) in join_all(works).await.into_iter().enumerate() {
            match (n % 5, told) {
                (0 | 1 | 3, Ok(1)) | (2, Err(DbError::Unique(_))) | (4, Err(DbError::Row { .. })) => {}
                (_, told) => panic!("work {n} was told {told:?}"),
            }
        }
        let kept = (0..200).filter(|n| matches!(n % 5, 0 | 1 | 3));
        let mut expected: Vec<String> = kept.map(|n| format!("{n:03}")).collect();
        expected.push("taken".to_owned());
        assert_eq!(ids(&place.db).await, expected);
    })
    .await;
}

#[tokio::test]
async fn the_works_that_have_arrived_share_one_commit() {
    on_sqlite("grouped", async |place| {
        let (inside, held) = gate();
        let db = place.db.clone();
        let first = tokio::spawn(async move {
            db.write(async move |tx| {
                inside.pass().await;
                insert(&tx, "first").await
            })
            .await
        });
        let open = held.reached().await;
        let before = commits(&place.url);
        let waiting = tokio::spawn({
            let place = place.clone();
            async move {
                join_all((0..50).map(|n| place.db.write(async move |tx| insert(&tx, &n.to_string()).await)))
                    .await
            }
        });
        // One turn of the single-threaded runtime hands all fifty to the writer.
        tokio::task::yield_now().await;
        open.send(()).unwrap();
        soon(first).await.unwrap().unwrap();
        for told in soon(waiting).await.unwrap() {
            told.unwrap();
        }
        assert_eq!(ids(&place.db).await.len(), 51);
        assert_eq!(
            commits(&place.url) - before,
            2,
            "one for the first, one for the fifty"
        );
    })
    .await;
}

/// Commits in the write-ahead log: the frames whose database size is not null (sqlite.org/fileformat2.html#walformat).
fn commits(url: &str) -> usize {
    const HEADER: usize = 32;
    const FRAME_HEADER: usize = 24;
    let log = std::fs::read(format!("{}-wal", url.strip_prefix("sqlite:").unwrap())).unwrap();
    let word = |at: usize| u32::from_be_bytes(log[at..at + 4].try_into().unwrap());
    let (page, salt) = (word(8) as usize, (word(16), word(20)));
    (HEADER..log.len())
        .step_by(FRAME_HEADER + page)
        .take_while(|at| (word(at + 8), word(at + 12)) == salt)
        .filter(|at| word(at + 4) != 0)
        .count()
}
