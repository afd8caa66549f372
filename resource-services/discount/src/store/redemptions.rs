//! Redemptions: one row per order, which is also the lock of its commands.

use latchkey_contracts::events::discount::{LineDiscount, RefusedReason};
use latchkey_db::{DbError, On, Row, Tx, sql};

use super::{json, parsed};
use crate::domain::{Held, Redemption, State};

macro_rules! columns {
    () => {
        "order_id, state, reason, code, user_id, coupon_id, amount, currency, per_line, version, created_at, updated_at"
    };
}

/// The redemption of an order, locked until the end of the transaction. For an order that was never heard of it makes
/// the row of version 0, which [`save_answer`] must fill in the same transaction, and returns `None`.
pub async fn claim(tx: &Tx, order_id: &str, now: i64) -> Result<Option<Redemption>, DbError> {
    let row = sql(concat!(
        "INSERT INTO redemptions (order_id, state, code, user_id, version, created_at, updated_at) \
         VALUES ($1, 'new', '', '', 0, $2, $2) \
         ON CONFLICT (order_id) DO UPDATE SET version = redemptions.version RETURNING ",
        columns!()
    ))
    .bind(order_id)
    .bind(now)
    .fetch_one(tx)
    .await?;
    match row.int("version")? {
        0 => Ok(None),
        _ => read(&row).map(Some),
    }
}

/// The user of an order that has named a coupon.
pub async fn user_of(tx: &Tx, order_id: &str) -> Result<Option<String>, DbError> {
    let row = sql("SELECT user_id FROM redemptions WHERE order_id = $1 AND user_id <> ''")
        .bind(order_id)
        .fetch_optional(tx)
        .await?;
    row.map(|row| row.text("user_id")).transpose()
}

/// Writes the next version of a claimed row.
#[must_use = "zero rows mean that nothing was written"]
pub async fn save_answer(tx: &Tx, redemption: &Redemption) -> Result<bool, DbError> {
    let held = redemption.held.as_ref();
    let per_line = held.map(|held| json("per_line", &held.per_line)).transpose()?;
    let reason = match redemption.state {
        State::Refused(reason) => Some(word_of(reason)?),
        State::Reserved | State::Committed | State::Released => None,
    };
    let rows = sql(
        "UPDATE redemptions SET state = $2, reason = $3, code = $4, user_id = $5, coupon_id = $6, amount = $7, \
         currency = $8, per_line = $9, version = $10, updated_at = $11 WHERE order_id = $1 AND version = $10 - 1",
    )
    .bind(&redemption.order_id)
    .bind(redemption.state.as_str())
    .bind(reason)
    .bind(&redemption.code)
    .bind(&redemption.user_id)
    .bind(held.map(|held| held.coupon_id.clone()))
    .bind(held.map(|held| held.amount))
    .bind(held.map(|held| held.currency.clone()))
    .bind(per_line)
    .bind(redemption.version)
    .bind(redemption.updated_at)
    .execute(tx)
    .await?;
    Ok(rows == 1)
}

/// A page of what orders made of a coupon, by order.
pub async fn of_coupon(
    on: impl Into<On<'_>>,
    coupon_id: &str,
    after: Option<&str>,
    limit: i64,
) -> Result<Vec<Redemption>, DbError> {
    sql(concat!(
        "SELECT ",
        columns!(),
        " FROM redemptions WHERE coupon_id = $1 AND order_id > $2 ORDER BY order_id LIMIT $3"
    ))
    .bind(coupon_id)
    .bind(after.unwrap_or_default())
    .bind(limit)
    .fetch_all(on)
    .await?
    .iter()
    .map(read)
    .collect()
}

/// Names somebody else in place of a deleted user.
pub async fn erase_user(tx: &Tx, user_id: &str, pseudonym: &str) -> Result<(), DbError> {
    sql("UPDATE redemptions SET user_id = $2 WHERE user_id = $1")
        .bind(user_id)
        .bind(pseudonym)
        .execute(tx)
        .await?;
    Ok(())
}

fn read(row: &Row) -> Result<Redemption, DbError> {
    Ok(Redemption {
        order_id: row.text("order_id")?,
        code: row.text("code")?,
        user_id: row.text("user_id")?,
        held: held(row)?,
        state: state(row)?,
        version: row.int("version")?,
        created_at: row.int("created_at")?,
        updated_at: row.int("updated_at")?,
    })
}

fn held(row: &Row) -> Result<Option<Held>, DbError> {
    let Some(coupon_id) = row.opt_text("coupon_id")? else {
        return Ok(None);
    };
    let per_line: Vec<LineDiscount> = parsed("per_line", &row.text("per_line")?)?;
    Ok(Some(Held {
        coupon_id,
        amount: row.int("amount")?,
        currency: row.text("currency")?,
        per_line,
    }))
}

fn state(row: &Row) -> Result<State, DbError> {
    Ok(match row.text("state")?.as_str() {
        "reserved" => State::Reserved,
        "committed" => State::Committed,
        "released" => State::Released,
        "refused" => State::Refused(reason(&row.text("reason")?)?),
        _ => return Err(DbError::row("state", "a word that this binary does not know")),
    })
}

/// The word by which the contract names the reason.
fn word_of(reason: RefusedReason) -> Result<String, DbError> {
    let text = json("reason", &reason)?;
    Ok(text.trim_matches('"').to_owned())
}

fn reason(word: &str) -> Result<RefusedReason, DbError> {
    parsed("reason", &format!("\"{word}\""))
}
