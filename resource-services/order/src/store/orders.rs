//! The aggregates.

use latchkey_db::{DbError, On, Row, Sql, Tx, sql};

use super::{json, opt_word, parsed, timers, word};
use crate::domain::{Order, Part, Reason, Split, State};

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, number, buyer_id, terms, state, reason, seats, coupon, payment, payment_id, paid_wallet, ",
            "paid_card, refund, refunded, refunded_card, refunded_lines, generation, alerted_at, version, ",
            "created_at, updated_at, completed_at FROM orders ",
            $rest
        )
    };
}

/// The order with this id.
pub async fn order(on: impl Into<On<'_>>, id: &str) -> Result<Option<Order>, DbError> {
    let on = on.into();
    let row = match &on {
        On::Read(db) => sql(select!("WHERE id = $1")).bind(id).fetch_optional(*db).await?,
        On::Write(tx) => sql(select!("WHERE id = $1")).bind(id).fetch_optional(*tx).await?,
    };
    match row {
        Some(row) => Ok(Some(read(&row, timers::of_order(on, id).await?)?)),
        None => Ok(None),
    }
}

/// The order with this id, which nobody else can change until the end of the transaction.
pub async fn lock(tx: &Tx, id: &str) -> Result<Option<Order>, DbError> {
    let locked = sql("UPDATE orders SET version = version WHERE id = $1")
        .bind(id)
        .execute(tx)
        .await?;
    match locked {
        0 => Ok(None),
        _ => order(tx, id).await,
    }
}

/// The id of the order that a version of a basket has become, unless that failed.
pub async fn live_of_basket(tx: &Tx, basket_id: &str, version: i64) -> Result<Option<String>, DbError> {
    sql(
        "SELECT id FROM orders WHERE basket_id = $1 AND basket_version = $2 \
         AND state NOT IN ('failed', 'cancelled')",
    )
    .bind(basket_id)
    .bind(version)
    .fetch_optional(tx)
    .await?
    .map(|row| row.text("id"))
    .transpose()
}

/// The ids of all orders of a buyer.
pub async fn of_buyer(tx: &Tx, buyer_id: &str) -> Result<Vec<String>, DbError> {
    sql("SELECT id FROM orders WHERE buyer_id = $1 ORDER BY id")
        .bind(buyer_id)
        .fetch_all(tx)
        .await?
        .iter()
        .map(|row| row.text("id"))
        .collect()
}

/// The next number of a year, from 1. Others wait for this transaction before they get theirs.
pub async fn next_number(tx: &Tx, year: i64) -> Result<i64, DbError> {
    sql("INSERT INTO order_numbers (year, last) VALUES ($1, 1) \
         ON CONFLICT (year) DO UPDATE SET last = order_numbers.last + 1 RETURNING last")
    .bind(year)
    .fetch_one(tx)
    .await?
    .int("last")
}

/// Writes a new order. `false` if the version of the basket has become another order meanwhile.
#[must_use = "zero rows mean that nothing was written"]
pub async fn insert(tx: &Tx, order: &Order) -> Result<bool, DbError> {
    let statement = sql(
        "INSERT INTO orders (buyer_id, terms, state, reason, seats, coupon, payment, payment_id, paid_wallet, \
         paid_card, refund, refunded, refunded_card, refunded_lines, generation, alerted_at, version, updated_at, \
         completed_at, id, number, basket_id, basket_version, total, created_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, \
         $22, $23, $24, $25) \
         ON CONFLICT (basket_id, basket_version) WHERE state NOT IN ('failed', 'cancelled') DO NOTHING",
    );
    let rows = bind_state(statement, order)?
        .bind(&order.id)
        .bind(&order.number)
        .bind(&order.terms.basket_id)
        .bind(order.terms.basket_version)
        .bind(order.terms.total)
        .bind(order.created_at)
        .execute(tx)
        .await?;
    if rows == 1 {
        timers::replace(tx, order).await?;
    }
    Ok(rows == 1)
}

/// Writes an order that was at version `expects`, with its timers. `false` if somebody was faster.
#[must_use = "zero rows mean that nothing was written"]
pub async fn save(tx: &Tx, order: &Order, expects: i64) -> Result<bool, DbError> {
    let statement = sql(
        "UPDATE orders SET buyer_id = $1, terms = $2, state = $3, reason = $4, seats = $5, coupon = $6, \
         payment = $7, payment_id = $8, paid_wallet = $9, paid_card = $10, refund = $11, refunded = $12, \
         refunded_card = $13, refunded_lines = $14, generation = $15, alerted_at = $16, version = $17, \
         updated_at = $18, completed_at = $19 WHERE id = $20 AND version = $21",
    );
    let rows = bind_state(statement, order)?
        .bind(&order.id)
        .bind(expects)
        .execute(tx)
        .await?;
    if rows == 1 {
        timers::replace(tx, order).await?;
    }
    Ok(rows == 1)
}

/// Binds `$1` to `$19`: every mutable column, in the order of both statements.
fn bind_state(statement: Sql, order: &Order) -> Result<Sql, DbError> {
    let refund = order
        .refund
        .as_ref()
        .map(|refund| json("refund", refund))
        .transpose()?;
    Ok(statement
        .bind(&order.buyer_id)
        .bind(json("terms", &order.terms)?)
        .bind(order.state.as_str())
        .bind(order.reason.map(Reason::as_str))
        .bind(order.seats.as_str())
        .bind(order.coupon.as_str())
        .bind(order.payment.as_str())
        .bind(order.payment_id.clone())
        .bind(order.paid.map(|paid| paid.wallet))
        .bind(order.paid.map(|paid| paid.card))
        .bind(refund)
        .bind(order.refunded)
        .bind(order.refunded_card)
        .bind(json("refunded_lines", &order.refunded_lines)?)
        .bind(order.generation)
        .bind(order.alerted_at)
        .bind(order.version)
        .bind(order.updated_at)
        .bind(order.completed_at))
}

fn read(row: &Row, timers: crate::domain::Timers) -> Result<Order, DbError> {
    let paid = row.opt_int("paid_wallet")?.zip(row.opt_int("paid_card")?);
    let refund = match row.opt_text("refund")? {
        Some(_) => Some(parsed(row, "refund")?),
        None => None,
    };
    Ok(Order {
        id: row.text("id")?,
        number: row.text("number")?,
        buyer_id: row.text("buyer_id")?,
        terms: parsed(row, "terms")?,
        state: word(row, "state", State::parse)?,
        reason: opt_word(row, "reason", Reason::parse)?,
        seats: word(row, "seats", Part::parse)?,
        coupon: word(row, "coupon", Part::parse)?,
        payment: word(row, "payment", Part::parse)?,
        payment_id: row.opt_text("payment_id")?,
        paid: paid.map(|(wallet, card)| Split { wallet, card }),
        refund,
        refunded: row.int("refunded")?,
        refunded_card: row.int("refunded_card")?,
        refunded_lines: parsed(row, "refunded_lines")?,
        generation: row.int("generation")?,
        alerted_at: row.opt_int("alerted_at")?,
        timers,
        version: row.int("version")?,
        created_at: row.int("created_at")?,
        updated_at: row.int("updated_at")?,
        completed_at: row.opt_int("completed_at")?,
    })
}
