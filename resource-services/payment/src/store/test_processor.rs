//! The test processor's own memory, in tables that nothing of the service refers to.

use latchkey_db::{DbError, Migration, Migrations, On, Row, Tx, sql};

/// Its tables.
pub const MIGRATIONS: Migrations = Migrations {
    set: "test_processor",
    steps: &[Migration {
        version: 1,
        name: "memory",
        sqlite: include_str!("../../migrations/0001_test_processor.sql"),
        postgres: include_str!("../../migrations/0001_test_processor.sql"),
    }],
};

/// The secrets that the processor shares with its customer, in hexadecimal.
pub struct Account {
    pub webhook_secret: String,
    pub fingerprint_secret: String,
}

/// An operation that the processor was asked for.
pub struct Done {
    pub key: String,
    pub kind: String,
    /// The key of the authorization.
    pub about: String,
    pub behavior: String,
    pub amount: i64,
    /// JSON.
    pub outcome: String,
    pub ready_at: i64,
}

/// The account; `None` before the first use.
pub async fn account(on: impl Into<On<'_>>) -> Result<Option<Account>, DbError> {
    let row = sql("SELECT webhook_secret, fingerprint_secret FROM test_processor_account WHERE id = 1")
        .fetch_optional(on)
        .await?;
    let Some(row) = row else { return Ok(None) };
    Ok(Some(Account {
        webhook_secret: row.text("webhook_secret")?,
        fingerprint_secret: row.text("fingerprint_secret")?,
    }))
}

/// Writes the account, unless somebody else was faster.
pub async fn insert_account(tx: &Tx, account: &Account) -> Result<(), DbError> {
    sql(
        "INSERT INTO test_processor_account (id, webhook_secret, fingerprint_secret) VALUES (1, $1, $2) \
         ON CONFLICT (id) DO NOTHING",
    )
    .bind(&account.webhook_secret)
    .bind(&account.fingerprint_secret)
    .execute(tx)
    .await?;
    Ok(())
}

pub async fn insert_card(tx: &Tx, reference: &str, behavior: &str, now: i64) -> Result<(), DbError> {
    sql("INSERT INTO test_processor_cards (reference, behavior, created_at) VALUES ($1, $2, $3)")
        .bind(reference)
        .bind(behavior)
        .bind(now)
        .execute(tx)
        .await?;
    Ok(())
}

/// How a card behaves; `None` if it is not known.
pub async fn behavior(tx: &Tx, reference: &str) -> Result<Option<String>, DbError> {
    sql("SELECT behavior FROM test_processor_cards WHERE reference = $1")
        .bind(reference)
        .fetch_optional(tx)
        .await?
        .map(|row| row.text("behavior"))
        .transpose()
}

pub async fn delete_card(tx: &Tx, reference: &str) -> Result<(), DbError> {
    sql("DELETE FROM test_processor_cards WHERE reference = $1")
        .bind(reference)
        .execute(tx)
        .await?;
    Ok(())
}

/// The operation with this key.
pub async fn done(on: impl Into<On<'_>>, key: &str) -> Result<Option<Done>, DbError> {
    sql("SELECT key, kind, about, behavior, amount, outcome, ready_at FROM test_processor_operations WHERE key = $1")
        .bind(key)
        .fetch_optional(on)
        .await?
        .as_ref()
        .map(read)
        .transpose()
}

/// Everything that was asked about an authorization, itself first, then the oldest; the authorization is locked against
/// others who ask about it.
pub async fn lock_all_about(tx: &Tx, about: &str) -> Result<Vec<Done>, DbError> {
    sql("UPDATE test_processor_operations SET ready_at = ready_at WHERE key = $1")
        .bind(about)
        .execute(tx)
        .await?;
    sql(
        "SELECT key, kind, about, behavior, amount, outcome, ready_at FROM test_processor_operations \
         WHERE about = $1 ORDER BY CASE WHEN key = about THEN 0 ELSE 1 END, created_at, key",
    )
    .bind(about)
    .fetch_all(tx)
    .await?
    .iter()
    .map(read)
    .collect()
}

/// Writes an operation. `false` if its key was used.
pub async fn insert(tx: &Tx, done: &Done, now: i64) -> Result<bool, DbError> {
    let rows = sql(
        "INSERT INTO test_processor_operations (key, kind, about, behavior, amount, outcome, ready_at, created_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (key) DO NOTHING",
    )
    .bind(&done.key)
    .bind(&done.kind)
    .bind(&done.about)
    .bind(&done.behavior)
    .bind(done.amount)
    .bind(&done.outcome)
    .bind(done.ready_at)
    .bind(now)
    .execute(tx)
    .await?;
    Ok(rows == 1)
}

fn read(row: &Row) -> Result<Done, DbError> {
    Ok(Done {
        key: row.text("key")?,
        kind: row.text("kind")?,
        about: row.text("about")?,
        behavior: row.text("behavior")?,
        amount: row.int("amount")?,
        outcome: row.text("outcome")?,
        ready_at: row.int("ready_at")?,
    })
}
