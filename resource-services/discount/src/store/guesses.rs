//! Which codes users have asked about: the memory of the throttle.

use latchkey_db::{DbError, On, Tx, sql, sql_skip_locked};

/// What a user was told about a code: when it was refused, or `Some(None)` if it was accepted.
pub async fn asked(on: impl Into<On<'_>>, user_id: &str, code: &str) -> Result<Option<Option<i64>>, DbError> {
    let row = sql("SELECT refused_at FROM asked_codes WHERE user_id = $1 AND code = $2")
        .bind(user_id)
        .bind(code)
        .fetch_optional(on)
        .await?;
    row.map(|row| row.opt_int("refused_at")).transpose()
}

/// Makes others who ask as this subject wait for the end of the transaction, so that guesses sent at once are counted
/// one after the other.
pub async fn lock_asker(tx: &Tx, subject: &str, now: i64) -> Result<(), DbError> {
    sql("INSERT INTO askers (subject, asked_at) VALUES ($1, $2) \
         ON CONFLICT (subject) DO UPDATE SET asked_at = excluded.asked_at")
    .bind(subject)
    .bind(now)
    .execute(tx)
    .await?;
    Ok(())
}

/// When codes were refused to a user after `since`, the newest first, at most `limit`.
pub async fn refused_by_user(tx: &Tx, user_id: &str, since: i64, limit: i64) -> Result<Vec<i64>, DbError> {
    times(
        sql(
            "SELECT refused_at FROM asked_codes WHERE user_id = $1 AND refused_at > $2 \
             ORDER BY refused_at DESC LIMIT $3",
        )
        .bind(user_id)
        .bind(since)
        .bind(limit)
        .fetch_all(tx)
        .await?,
    )
}

/// The same for everybody at one address.
pub async fn refused_from(tx: &Tx, address: &str, since: i64, limit: i64) -> Result<Vec<i64>, DbError> {
    times(
        sql(
            "SELECT refused_at FROM asked_codes WHERE address = $1 AND refused_at > $2 \
             ORDER BY refused_at DESC LIMIT $3",
        )
        .bind(address)
        .bind(since)
        .bind(limit)
        .fetch_all(tx)
        .await?,
    )
}

/// Remembers what a user was told about a code.
pub async fn remember_asked(
    tx: &Tx,
    user_id: &str,
    code: &str,
    address: Option<&str>,
    refused: bool,
    now: i64,
) -> Result<(), DbError> {
    sql(
        "INSERT INTO asked_codes (user_id, code, address, refused_at, asked_at) VALUES ($1, $2, $3, $4, $5) \
         ON CONFLICT (user_id, code) DO UPDATE SET address = excluded.address, refused_at = excluded.refused_at, \
         asked_at = excluded.asked_at",
    )
    .bind(user_id)
    .bind(code)
    .bind(address)
    .bind(refused.then_some(now))
    .bind(now)
    .execute(tx)
    .await?;
    Ok(())
}

/// Deletes what was remembered before `before`, but for the rows of others who are asking just now: they may wait for
/// rows that this transaction has.
pub async fn sweep(tx: &Tx, before: i64) -> Result<(), DbError> {
    for statement in [
        sql_skip_locked!(
            "WITH old AS MATERIALIZED (SELECT user_id, code FROM asked_codes WHERE asked_at < $1",
            ") DELETE FROM asked_codes WHERE (user_id, code) IN (SELECT user_id, code FROM old)"
        ),
        sql_skip_locked!(
            "WITH old AS MATERIALIZED (SELECT subject FROM askers WHERE asked_at < $1",
            ") DELETE FROM askers WHERE subject IN (SELECT subject FROM old)"
        ),
    ] {
        statement.bind(before).execute(tx).await?;
    }
    Ok(())
}

/// Deletes what was remembered of a user, locked like somebody who asks.
pub async fn forget_asker(tx: &Tx, user_id: &str, subject: &str, now: i64) -> Result<(), DbError> {
    lock_asker(tx, subject, now).await?;
    sql("DELETE FROM asked_codes WHERE user_id = $1")
        .bind(user_id)
        .execute(tx)
        .await?;
    sql("DELETE FROM askers WHERE subject = $1")
        .bind(subject)
        .execute(tx)
        .await?;
    Ok(())
}

fn times(rows: Vec<latchkey_db::Row>) -> Result<Vec<i64>, DbError> {
    rows.iter().map(|row| row.int("refused_at")).collect()
}
