//! Wallets and their entries.

use latchkey_contracts::events::payment::WalletEntryKind;
use latchkey_db::{DbError, On, Row, Tx, sql};

use super::unknown;
use crate::domain::{Moved, Wallet, kind_name, parse_kind};

/// A stored movement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub id: String,
    pub kind: WalletEntryKind,
    pub amount: i64,
    pub balance: i64,
    pub held: i64,
    pub order_id: Option<String>,
    /// The version of the wallet after it.
    pub version: i64,
    pub created_at: i64,
}

/// The wallet of a user.
pub async fn wallet(on: impl Into<On<'_>>, user_id: &str) -> Result<Option<Wallet>, DbError> {
    sql("SELECT user_id, balance, held, closed_at, version FROM wallets WHERE user_id = $1")
        .bind(user_id)
        .fetch_optional(on)
        .await?
        .as_ref()
        .map(read)
        .transpose()
}

/// Makes an empty wallet, if there is none. `true` if it is new.
pub async fn open_wallet(tx: &Tx, user_id: &str) -> Result<bool, DbError> {
    let rows = sql(
        "INSERT INTO wallets (user_id, balance, held, version) VALUES ($1, 0, 0, 0) \
         ON CONFLICT (user_id) DO NOTHING",
    )
    .bind(user_id)
    .execute(tx)
    .await?;
    Ok(rows == 1)
}

/// The wallet of a user, locked against other writers until the end of the transaction.
pub async fn lock_wallet(tx: &Tx, user_id: &str) -> Result<Option<Wallet>, DbError> {
    sql("UPDATE wallets SET version = version WHERE user_id = $1 \
         RETURNING user_id, balance, held, closed_at, version")
    .bind(user_id)
    .fetch_optional(tx)
    .await?
    .as_ref()
    .map(read)
    .transpose()
}

/// Writes a wallet over the version `before`. `false` if a concurrent change was faster.
#[must_use = "zero rows mean that nothing was written"]
pub async fn save_wallet(tx: &Tx, wallet: &Wallet, before: i64) -> Result<bool, DbError> {
    let rows = sql(
        "UPDATE wallets SET balance = $3, held = $4, closed_at = $5, version = $6 \
         WHERE user_id = $1 AND version = $2",
    )
    .bind(&wallet.user_id)
    .bind(before)
    .bind(wallet.balance)
    .bind(wallet.held)
    .bind(wallet.closed_at)
    .bind(wallet.version)
    .execute(tx)
    .await?;
    Ok(rows == 1)
}

/// Whether something has moved for this purpose.
pub async fn has_entry(on: impl Into<On<'_>>, key: &str) -> Result<bool, DbError> {
    let row = sql("SELECT id FROM wallet_entries WHERE key = $1")
        .bind(key)
        .fetch_optional(on)
        .await?;
    Ok(row.is_some())
}

pub async fn insert_entry(
    tx: &Tx,
    id: &str,
    moved: &Moved,
    key: &str,
    order_id: Option<&str>,
    now: i64,
) -> Result<(), DbError> {
    sql(
        "INSERT INTO wallet_entries (id, user_id, version, kind, amount, balance, held, order_id, key, created_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
    )
    .bind(id)
    .bind(&moved.after.user_id)
    .bind(moved.after.version)
    .bind(kind_name(moved.kind))
    .bind(moved.amount)
    .bind(moved.after.balance)
    .bind(moved.after.held)
    .bind(order_id)
    .bind(key)
    .bind(now)
    .execute(tx)
    .await?;
    Ok(())
}

/// The entries of a user below a version of the wallet, the newest first.
pub async fn entries(
    on: impl Into<On<'_>>,
    user_id: &str,
    below: i64,
    limit: i64,
) -> Result<Vec<Entry>, DbError> {
    sql(
        "SELECT id, kind, amount, balance, held, order_id, version, created_at FROM wallet_entries \
         WHERE user_id = $1 AND version < $2 ORDER BY version DESC LIMIT $3",
    )
    .bind(user_id)
    .bind(below)
    .bind(limit)
    .fetch_all(on)
    .await?
    .iter()
    .map(|row| {
        Ok(Entry {
            id: row.text("id")?,
            kind: parse_kind(&row.text("kind")?).ok_or_else(|| unknown("kind"))?,
            amount: row.int("amount")?,
            balance: row.int("balance")?,
            held: row.int("held")?,
            order_id: row.opt_text("order_id")?,
            version: row.int("version")?,
            created_at: row.int("created_at")?,
        })
    })
    .collect()
}

fn read(row: &Row) -> Result<Wallet, DbError> {
    Ok(Wallet {
        user_id: row.text("user_id")?,
        balance: row.int("balance")?,
        held: row.int("held")?,
        closed_at: row.opt_int("closed_at")?,
        version: row.int("version")?,
    })
}
