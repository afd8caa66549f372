//! What other services told, to compare the books with; and what was found to differ.

use latchkey_db::{DbError, On, Tx, sql};

use crate::domain::Drift;

/// Sums that the reconciler compares, all of one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sums {
    /// The balances of all wallets.
    pub wallets: i64,
    /// The balance of the account of wallet credits.
    pub credits: i64,
    /// The totals of all invoices.
    pub invoiced: i64,
    /// What sales debited.
    pub sold: i64,
    /// What payment took.
    pub captured: i64,
    /// The totals of all credit notes.
    pub credited: i64,
    /// What refunds debited.
    pub refunded: i64,
    /// Every debit.
    pub debits: i64,
    /// Every credit.
    pub credits_of_all: i64,
}

/// Remembers the balance of a wallet, if it is newer than what is known.
pub async fn save_wallet(tx: &Tx, user_id: &str, balance: i64, version: i64) -> Result<(), DbError> {
    sql(
        "INSERT INTO wallet_balances (user_id, balance, version) VALUES ($1, $2, $3) \
         ON CONFLICT (user_id) DO UPDATE SET balance = excluded.balance, version = excluded.version \
         WHERE wallet_balances.version < excluded.version",
    )
    .bind(user_id)
    .bind(balance)
    .bind(version)
    .execute(tx)
    .await?;
    Ok(())
}

/// Remembers what payment took, once.
pub async fn insert_capture(
    tx: &Tx,
    payment_id: &str,
    order_id: &str,
    (wallet, card, fee): (i64, i64, i64),
) -> Result<(), DbError> {
    sql(
        "INSERT INTO captures (payment_id, order_id, wallet, card, fee) VALUES ($1, $2, $3, $4, $5) \
         ON CONFLICT (payment_id) DO NOTHING",
    )
    .bind(payment_id)
    .bind(order_id)
    .bind(wallet)
    .bind(card)
    .bind(fee)
    .execute(tx)
    .await?;
    Ok(())
}

/// Everything that the reconciler compares, in one statement: of one moment.
pub async fn sums(on: impl Into<On<'_>>) -> Result<Sums, DbError> {
    let row = sql("SELECT \
         (SELECT CAST(COALESCE(SUM(balance), 0) AS BIGINT) FROM wallet_balances) AS wallets, \
         (SELECT CAST(COALESCE(SUM(credit - debit), 0) AS BIGINT) FROM journal_lines WHERE account = 2000) AS credits, \
         (SELECT CAST(COALESCE(SUM(total), 0) AS BIGINT) FROM invoices) AS invoiced, \
         (SELECT CAST(COALESCE(SUM(l.debit), 0) AS BIGINT) FROM journal_lines l \
          JOIN journal_entries e ON e.seq = l.seq WHERE e.kind = 'sale') AS sold, \
         (SELECT CAST(COALESCE(SUM(wallet + card), 0) AS BIGINT) FROM captures) AS captured, \
         (SELECT CAST(COALESCE(SUM(total), 0) AS BIGINT) FROM credit_notes) AS credited, \
         (SELECT CAST(COALESCE(SUM(l.debit), 0) AS BIGINT) FROM journal_lines l \
          JOIN journal_entries e ON e.seq = l.seq WHERE e.kind = 'refund') AS refunded, \
         (SELECT CAST(COALESCE(SUM(debit), 0) AS BIGINT) FROM journal_lines) AS debits, \
         (SELECT CAST(COALESCE(SUM(credit), 0) AS BIGINT) FROM journal_lines) AS credits_of_all")
    .fetch_one(on)
    .await?;
    Ok(Sums {
        wallets: row.int("wallets")?,
        credits: row.int("credits")?,
        invoiced: row.int("invoiced")?,
        sold: row.int("sold")?,
        captured: row.int("captured")?,
        credited: row.int("credited")?,
        refunded: row.int("refunded")?,
        debits: row.int("debits")?,
        credits_of_all: row.int("credits_of_all")?,
    })
}

/// What was found to differ, by name.
pub async fn drifts(on: impl Into<On<'_>>) -> Result<Vec<(String, Drift)>, DbError> {
    sql("SELECT name, amount, since FROM drifts ORDER BY name")
        .fetch_all(on)
        .await?
        .iter()
        .map(|row| {
            let drift = Drift {
                amount: row.int("amount")?,
                since: row.int("since")?,
            };
            Ok((row.text("name")?, drift))
        })
        .collect()
}

pub async fn remember_drift(tx: &Tx, name: &str, drift: &Drift) -> Result<(), DbError> {
    sql("INSERT INTO drifts (name, amount, since) VALUES ($1, $2, $3) \
         ON CONFLICT (name) DO UPDATE SET amount = excluded.amount")
    .bind(name)
    .bind(drift.amount)
    .bind(drift.since)
    .execute(tx)
    .await?;
    Ok(())
}

pub async fn forget_drift(tx: &Tx, name: &str) -> Result<(), DbError> {
    sql("DELETE FROM drifts WHERE name = $1")
        .bind(name)
        .execute(tx)
        .await?;
    Ok(())
}

/// Under which name a buyer's documents are kept: their own, or the pseudonym of an erased one. Nobody else can change
/// that until the end of the transaction.
pub async fn lock_buyer(tx: &Tx, user_id: &str) -> Result<String, DbError> {
    let row = sql(
        "INSERT INTO buyers (id) VALUES ($1) ON CONFLICT (id) DO UPDATE SET id = excluded.id \
         RETURNING pseudonym",
    )
    .bind(user_id)
    .fetch_one(tx)
    .await?;
    Ok(row.opt_text("pseudonym")?.unwrap_or_else(|| user_id.to_owned()))
}

/// Puts the documents of an erased user under a pseudonym; the first one stays.
pub async fn erase_buyer(tx: &Tx, user_id: &str, pseudonym: &str) -> Result<(), DbError> {
    sql("INSERT INTO buyers (id, pseudonym) VALUES ($1, $2) \
         ON CONFLICT (id) DO UPDATE SET pseudonym = COALESCE(buyers.pseudonym, excluded.pseudonym)")
    .bind(user_id)
    .bind(pseudonym)
    .execute(tx)
    .await?;
    sql("UPDATE invoice_buyers SET buyer_id = (SELECT pseudonym FROM buyers WHERE id = $1) WHERE buyer_id = $1")
        .bind(user_id)
        .execute(tx)
        .await?;
    Ok(())
}
