//! When the ground gives way: a full disk, a broken disk, a server that goes away.

use std::process::Stdio;

use futures::future::join_all;
use latchkey_db::{Db, DbError, Options, sql, testing};
use tokio::process::Command;
use tokio_util::sync::CancellationToken;

use crate::fixture::*;

/// Names the file for the child process whose disk breaks.
const BROKEN_DISK: &str = "LATCHKEY_TEST_BROKEN_DISK";

/// Lets the file grow to so many pages; the writer is the only connection that asks.
async fn limit(db: &Db, pages: &'static str) {
    db.write(async move |tx| sql(pages).fetch_all(&tx).await)
        .await
        .unwrap();
}

fn large(id: &str) -> latchkey_db::Sql {
    sql("INSERT INTO rows (id, word) VALUES ($1, $2)")
        .bind(id)
        .bind("x".repeat(200_000))
}

#[tokio::test]
async fn a_full_disk_refuses_what_does_not_fit_and_recovers() {
    on_sqlite("full", async |place| {
        limit(&place.db, "PRAGMA max_page_count = 20").await;
        for n in 0..3 {
            let id = format!("alone {n}");
            let told = place
                .db
                .write(async move |tx| large(&id).execute(&tx).await)
                .await;
            assert!(matches!(told, Err(DbError::Full(_))), "{told:?}");
        }
        limit(&place.db, "PRAGMA max_page_count = 100000").await;
        place.insert("after").await.unwrap();
        assert_eq!(ids(&place.db).await, ["after"]);
    })
    .await;
}

#[tokio::test]
async fn who_shares_a_commit_with_one_that_did_not_fit_is_told_the_truth() {
    on_sqlite("full_batch", async |place| {
        limit(&place.db, "PRAGMA max_page_count = 20").await;
        let works = (0..120).map(|n| {
            let (db, id) = (place.db.clone(), format!("{n:03}"));
            async move {
                match n % 20 {
                    7 => db.write_one(large(&id)).await.map(drop),
                    11 => {
                        db.write(async move |tx| large(&id).execute(&tx).await.map(drop))
                            .await
                    }
                    // This one does not even notice.
                    13 => {
                        db.write(async move |tx| {
                            let _swallowed = large(&id).execute(&tx).await;
                            insert(&tx, &id).await
                        })
                        .await
                    }
                    even if even % 2 == 0 => db.write_one(row(&id)).await.map(drop),
                    _ => db.write(async move |tx| insert(&tx, &id).await).await,
                }
            }
        });
        let told = join_all(works).await;
        let written = ids(&place.db).await;
        for (n, told) in told.into_iter().enumerate() {
            let there = written.contains(&format!("{n:03}"));
            assert_eq!(told.is_ok(), there, "work {n} was told {told:?}");
        }
        limit(&place.db, "PRAGMA max_page_count = 100000").await;
        place.insert("after").await.unwrap();
    })
    .await;
}

/// The limit on file sizes makes `write` fail with EFBIG, which SQLite takes for what a broken disk says: SQLITE_IOERR.
#[tokio::test]
async fn a_commit_that_ends_in_an_io_error_stops_the_node() {
    let url = testing::sqlite_url("broken_disk");
    let child = Command::new("sh")
        .args(["-c", "trap '' XFSZ; ulimit -f 2048; exec \"$0\" \"$@\""])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "failing::the_child_whose_disk_breaks", "--nocapture"])
        .env(BROKEN_DISK, &url)
        .stdin(Stdio::null())
        .output();
    let output = soon(child).await.unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{said}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(said.contains("the disk broke"), "{said}");
    // The next start reads the log and has everything that was acknowledged.
    let acknowledged = said.lines().filter(|line| line.contains("acknowledged")).count();
    let db = open(&url).await;
    let written = ids(&db).await;
    assert!(acknowledged > 0 && written.len() >= acknowledged);
    db.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_child_whose_disk_breaks() {
    #[expect(clippy::disallowed_methods, reason = "how the parent names the file")]
    let Ok(url) = std::env::var(BROKEN_DISK) else {
        return;
    };
    let fatal = CancellationToken::new();
    let db = Db::open(&url, Options::new(&[ROWS]).fatal(fatal.clone()))
        .await
        .unwrap();
    let mut written = 0;
    while !fatal.is_cancelled() {
        assert!(written < 10_000, "the limit on file sizes does not hold");
        let works = (written..written + 8).map(|n| {
            db.write(async move |tx| {
                sql("INSERT INTO rows (id, word) VALUES ($1, $2)")
                    .bind(format!("{n:06}"))
                    .bind("x".repeat(20_000))
                    .execute(&tx)
                    .await
            })
        });
        for told in join_all(works).await {
            match told {
                Ok(_) => println!("acknowledged"),
                Err(DbError::Stopped) => assert!(fatal.is_cancelled()),
                // Only who was told by the broken statement itself.
                Err(DbError::Sql(_)) => assert!(fatal.is_cancelled()),
                Err(other) => panic!("{other:?}"),
            }
        }
        written += 8;
    }
    assert!(matches!(
        db.write(async |tx| insert(&tx, "after").await).await,
        Err(DbError::Stopped)
    ));
    println!("the disk broke");
}

#[tokio::test]
async fn a_server_that_drops_every_connection_is_found_again() {
    on_postgres("dropped", async |place| {
        let mut changes = place.db.changes();
        place.insert("before").await.unwrap();
        let drop_all = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                        WHERE datname = current_database() AND pid <> pg_backend_pid()";
        let other = place.again().await;
        sql(drop_all).fetch_all(&other).await.unwrap();
        let mut told = place.insert("after").await;
        for attempt in 0.. {
            match told {
                Ok(()) => break,
                Err(error) => assert!(
                    matches!(error, DbError::Unavailable(_)) && attempt < 10,
                    "{error:?}"
                ),
            }
            told = place.insert("after").await;
        }
        // The listener comes back, too.
        changes.borrow_and_update();
        let told_again = async {
            for n in 0.. {
                let id = format!("{n}");
                other
                    .write(async move |tx| {
                        insert(&tx, &id).await?;
                        tx.announce();
                        Ok::<_, DbError>(())
                    })
                    .await
                    .unwrap();
                if changes.has_changed().unwrap() {
                    break;
                }
            }
        };
        soon(told_again).await;
        other.close().await;
    })
    .await;
}

#[tokio::test]
async fn who_finds_no_server_is_told_that_it_is_not_available() {
    // Nobody listens on a port that was given out and given back.
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let told = Db::open(
        &format!("postgres://latchkey@127.0.0.1:{port}/none"),
        Options::new(&[]),
    )
    .await;
    assert!(matches!(told.err(), Some(DbError::Unavailable(_))));
}

#[tokio::test]
async fn what_is_no_database_or_has_broken_pages_is_called_damaged() {
    let url = testing::sqlite_url("damaged");
    let file = url.trim_start_matches("sqlite:");
    let damaged = async || {
        let told = Db::open(&url, Options::new(&[ROWS])).await;
        matches!(told.err(), Some(DbError::Damaged(_)))
    };
    std::fs::write(file, "a letter that somebody put here by mistake\n".repeat(200)).unwrap();
    assert!(damaged().await, "a letter");
    std::fs::remove_file(file).unwrap();
    open(&url).await.close().await;
    let mut bytes = std::fs::read(file).unwrap();
    // The header still says that it is one.
    bytes[100..].fill(0xff);
    std::fs::write(file, bytes).unwrap();
    assert!(damaged().await, "broken pages");
}
