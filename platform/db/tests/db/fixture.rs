//! A fresh table on each engine, and the few words that the tests share.

use std::time::Duration;

use latchkey_db::{Db, DbError, Migration, Migrations, On, Options, Sql, Tx, sql, testing};
use tokio::sync::oneshot;

/// One table of every type that there is.
pub const ROWS: Migrations = Migrations {
    set: "probe",
    steps: &[Migration {
        version: 1,
        name: "rows",
        sqlite: "CREATE TABLE rows (id TEXT NOT NULL PRIMARY KEY, number BIGINT, word TEXT)",
        postgres: "CREATE TABLE rows (id TEXT NOT NULL PRIMARY KEY, number BIGINT, word TEXT)",
    }],
};

/// A database that only this test knows.
#[derive(Clone)]
pub struct Place {
    pub url: String,
    pub db: Db,
}

impl Place {
    /// Another handle on the same database, as another process would have.
    pub async fn again(&self) -> Db {
        open(&self.url).await
    }

    /// Inserts one row.
    pub async fn insert(&self, id: &str) -> Result<(), DbError> {
        let id = id.to_owned();
        self.db.write(async move |tx| insert(&tx, &id).await).await
    }
}

pub async fn open(url: &str) -> Db {
    Db::open(url, Options::new(&[ROWS])).await.unwrap()
}

/// Runs `test` on a fresh database of each engine.
pub async fn for_each_engine<F: AsyncFn(Place)>(name: &str, test: F) {
    for (engine, url) in testing::urls(name).await {
        println!("on {engine:?}");
        let db = open(&url).await;
        test(Place { url, db: db.clone() }).await;
        db.close().await;
    }
}

/// Runs `test` on a fresh PostgreSQL database: for what SQLite cannot do.
pub async fn on_postgres<F: AsyncFn(Place)>(name: &str, test: F) {
    let url = testing::postgres_url(name).await;
    let db = open(&url).await;
    test(Place { url, db: db.clone() }).await;
    db.close().await;
}

/// Runs `test` on a fresh SQLite file: for what only it does.
pub async fn on_sqlite<F: AsyncFn(Place)>(name: &str, test: F) {
    let url = testing::sqlite_url(name);
    let db = open(&url).await;
    test(Place { url, db: db.clone() }).await;
    db.close().await;
}

pub async fn insert(tx: &Tx, id: &str) -> Result<(), DbError> {
    row(id).execute(tx).await?;
    Ok(())
}

/// The statement that inserts a row.
pub fn row(id: &str) -> Sql {
    sql("INSERT INTO rows (id) VALUES ($1)").bind(id)
}

/// The ids in the table, in order.
pub async fn ids<'a>(on: impl Into<On<'a>>) -> Vec<String> {
    let rows = sql("SELECT id FROM rows ORDER BY id")
        .fetch_all(on)
        .await
        .unwrap();
    rows.iter().map(|row| row.text("id").unwrap()).collect()
}

/// A place where a work stops until the test lets it go on.
pub fn gate() -> (Gate, Held) {
    let (entered, arrived) = oneshot::channel();
    let (open, opened) = oneshot::channel();
    (Gate { entered, opened }, Held { arrived, open })
}

pub struct Gate {
    entered: oneshot::Sender<()>,
    opened: oneshot::Receiver<()>,
}

impl Gate {
    /// Says that it is here, and waits.
    pub async fn pass(self) {
        let _nobody_waits = self.entered.send(());
        let _dropped_is_open = self.opened.await;
    }
}

pub struct Held {
    arrived: oneshot::Receiver<()>,
    open: oneshot::Sender<()>,
}

impl Held {
    /// Waits until the work is at the gate.
    pub async fn reached(self) -> oneshot::Sender<()> {
        soon(self.arrived).await.unwrap();
        self.open
    }
}

/// A condition that never comes true fails its test instead of hanging it.
pub async fn soon<F: IntoFuture>(future: F) -> F::Output {
    tokio::time::timeout(Duration::from_secs(20), future)
        .await
        .expect("it happens within twenty seconds")
}
