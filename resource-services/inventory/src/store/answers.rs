//! The answers that were given to orders.

use latchkey_contracts::events::inventory::InventoryReply;
use latchkey_db::{DbError, On, Row, Tx, sql};
use serde_json::Value;

/// The type and data of the answer to a step.
pub async fn answer(
    on: impl Into<On<'_>>,
    order_id: &str,
    step: &str,
) -> Result<Option<(&'static str, Value)>, DbError> {
    let row = sql("SELECT type, data FROM answers WHERE order_id = $1 AND step = $2")
        .bind(order_id)
        .bind(step)
        .fetch_optional(on)
        .await?;
    row.as_ref().map(read).transpose()
}

/// Keeps the first answer to a step.
pub async fn put_answer(
    tx: &Tx,
    order_id: &str,
    step: &str,
    r#type: &str,
    data: &Value,
) -> Result<(), DbError> {
    sql("INSERT INTO answers (order_id, step, type, data) VALUES ($1, $2, $3, $4)")
        .bind(order_id)
        .bind(step)
        .bind(r#type)
        .bind(data.to_string())
        .execute(tx)
        .await?;
    Ok(())
}

fn read(row: &Row) -> Result<(&'static str, Value), DbError> {
    let r#type = row.text("type")?;
    let known = InventoryReply::TYPES.iter().find(|known| **known == r#type);
    let known = known.ok_or_else(|| DbError::row("type", "an answer that this binary does not know"))?;
    let data = serde_json::from_str(&row.text("data")?);
    Ok((
        known,
        data.map_err(|error| DbError::row("data", error.to_string()))?,
    ))
}
