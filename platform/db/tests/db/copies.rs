//! Copies of several databases beside their writers: of one instant, whole, and put back.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

use latchkey_db::{Db, Migration, Migrations, Options, copies, sql, testing};

const TABLES: Migrations = Migrations {
    set: "copied",
    steps: &[Migration {
        version: 1,
        name: "copied",
        sqlite: TEXT,
        postgres: TEXT,
    }],
};
const TEXT: &str = "CREATE TABLE outbox (id TEXT PRIMARY KEY); CREATE TABLE inbox (id TEXT PRIMARY KEY);";

async fn open(url: &str) -> Db {
    Db::open(url, Options::new(&[TABLES])).await.unwrap()
}

async fn add(db: &Db, number: usize) {
    let insert = sql("INSERT INTO outbox (id) VALUES ($1)").bind(number.to_string());
    db.write_one(insert).await.unwrap();
}

fn folder(name: &str) -> PathBuf {
    let url = testing::sqlite_url(name);
    let file = PathBuf::from(url.strip_prefix("sqlite:").unwrap());
    file.parent().unwrap().to_owned()
}

/// Whoever writes here first and there second is never seen to have written there alone.
#[tokio::test]
async fn copies_beside_writers_are_of_one_instant() {
    let (first, second) = (testing::urls("copy_one").await, testing::urls("copy_two").await);
    for ((engine, one), (_, two)) in first.into_iter().zip(second) {
        let (cause, effect) = (open(&one).await, open(&two).await);
        let made = AtomicBool::new(false);
        let writing = async {
            let mut number = 0;
            while !made.load(Ordering::Relaxed) {
                add(&cause, number).await;
                add(&effect, number).await;
                number += 1;
            }
            number
        };
        let copying = async {
            for round in 0..5 {
                let folder = folder("copies");
                let pairs = [
                    (one.clone(), folder.join("one")),
                    (two.clone(), folder.join("two")),
                ];
                let contents = copies::take(&pairs).await.unwrap();
                let rows: Vec<i64> = contents.iter().map(|content| content.rows["outbox"]).collect();
                assert!(
                    [0, 1].contains(&(rows[0] - rows[1])),
                    "{engine:?}, round {round}: {rows:?}"
                );
                assert_eq!(contents[0].migrations["copied"], 1);
            }
            made.store(true, Ordering::Relaxed);
        };
        let (written, ()) = tokio::join!(writing, copying);
        assert!(written > 0, "{engine:?}: nobody waited to the end");
        cause.close().await;
        effect.close().await;
    }
}

#[tokio::test]
async fn a_copy_is_put_where_nothing_is_and_nowhere_else() {
    let (from, to) = (testing::urls("copy_from").await, testing::urls("copy_to").await);
    for ((engine, from), (_, to)) in from.into_iter().zip(to) {
        let db = open(&from).await;
        for number in 0..1_000 {
            add(&db, number).await;
        }
        let file = folder("copy").join("copy");
        let content = copies::take(&[(from.clone(), file.clone())]).await.unwrap();
        assert_eq!(copies::read(engine, &file).await.unwrap().rows, content[0].rows);
        assert!(!copies::is_free(&from).await.unwrap() && copies::is_free(&to).await.unwrap());
        copies::put(&to, &file).await.unwrap();
        assert!(copies::put(&to, &file).await.is_err(), "{engine:?}: it is there");
        let restored = open(&to).await;
        let row = sql("SELECT COUNT(*) AS n FROM outbox")
            .fetch_one(&restored)
            .await
            .unwrap();
        assert_eq!(row.int("n").unwrap(), 1_000);
        add(&restored, 1_000).await;
        let bytes = std::fs::read(&file).unwrap();
        std::fs::write(&file, &bytes[..bytes.len() / 2]).unwrap();
        assert!(
            copies::read(engine, &file).await.is_err(),
            "{engine:?}: half of it"
        );
        db.close().await;
        restored.close().await;
    }
}
