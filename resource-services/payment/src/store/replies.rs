//! What an order asked last of each step, and what it was told.

use latchkey_db::{DbError, On, Tx, sql};

/// A step of an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredReply {
    /// The last command of the step.
    pub command_id: String,
    /// The type and payload of the answer, once there is one.
    pub answer: Option<(String, String)>,
}

/// Notes the command of a step; its answer goes to the latest one.
pub async fn ask_again(tx: &Tx, order_id: &str, step: &str, command_id: &str) -> Result<(), DbError> {
    sql(
        "INSERT INTO replies (order_id, step, command_id) VALUES ($1, $2, $3) \
         ON CONFLICT (order_id, step) DO UPDATE SET command_id = excluded.command_id",
    )
    .bind(order_id)
    .bind(step)
    .bind(command_id)
    .execute(tx)
    .await?;
    Ok(())
}

/// The state of a step; `None` if it was never asked.
pub async fn reply(
    on: impl Into<On<'_>>,
    order_id: &str,
    step: &str,
) -> Result<Option<StoredReply>, DbError> {
    let row = sql("SELECT command_id, type, payload FROM replies WHERE order_id = $1 AND step = $2")
        .bind(order_id)
        .bind(step)
        .fetch_optional(on)
        .await?;
    let Some(row) = row else { return Ok(None) };
    Ok(Some(StoredReply {
        command_id: row.text("command_id")?,
        answer: row.opt_text("type")?.zip(row.opt_text("payload")?),
    }))
}

/// Stores the answer of a step that was asked.
pub async fn store_reply(
    tx: &Tx,
    order_id: &str,
    step: &str,
    r#type: &str,
    payload: &str,
) -> Result<(), DbError> {
    sql("UPDATE replies SET type = $3, payload = $4 WHERE order_id = $1 AND step = $2")
        .bind(order_id)
        .bind(step)
        .bind(r#type)
        .bind(payload)
        .execute(tx)
        .await?;
    Ok(())
}
