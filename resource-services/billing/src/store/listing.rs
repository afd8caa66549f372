//! Lists of documents, and whose they are.

use latchkey_db::{Db, DbError, On, sql};

use super::parsed;
use crate::domain::{CreditNote, Invoice};

/// Which documents are listed.
#[derive(Clone, Debug)]
pub struct Filter {
    pub buyer_id: String,
    pub order_id: Option<String>,
}

/// After every id: the first page is before it.
pub const NEWEST: &str = "g";

/// At most `limit` invoices before an id, the newest first.
pub async fn invoices(
    on: impl Into<On<'_>>,
    filter: &Filter,
    before: &str,
    limit: i64,
) -> Result<Vec<Invoice>, DbError> {
    sql(
        "SELECT i.body FROM invoice_buyers b JOIN invoices i ON i.id = b.invoice_id \
         WHERE b.buyer_id = $1 AND b.invoice_id < $2 AND (CAST($3 AS TEXT) IS NULL OR b.order_id = $3) \
         ORDER BY b.invoice_id DESC LIMIT $4",
    )
    .bind(&filter.buyer_id)
    .bind(before)
    .bind(filter.order_id.clone())
    .bind(limit)
    .fetch_all(on)
    .await?
    .iter()
    .map(|row| parsed(row, "body"))
    .collect()
}

/// At most `limit` credit notes before an id, the newest first.
pub async fn credit_notes(
    on: impl Into<On<'_>>,
    filter: &Filter,
    before: &str,
    limit: i64,
) -> Result<Vec<CreditNote>, DbError> {
    sql(
        "SELECT c.body FROM invoice_buyers b JOIN credit_notes c ON c.invoice_id = b.invoice_id \
         WHERE b.buyer_id = $1 AND c.id < $2 AND (CAST($3 AS TEXT) IS NULL OR b.order_id = $3) \
         ORDER BY c.id DESC LIMIT $4",
    )
    .bind(&filter.buyer_id)
    .bind(before)
    .bind(filter.order_id.clone())
    .bind(limit)
    .fetch_all(on)
    .await?
    .iter()
    .map(|row| parsed(row, "body"))
    .collect()
}

/// Whose invoice it is, and its credit notes from the first.
pub async fn invoice_owner(db: &Db, id: &str) -> Result<Option<(String, Vec<CreditNote>)>, DbError> {
    let row = sql("SELECT buyer_id FROM invoice_buyers WHERE invoice_id = $1")
        .bind(id)
        .fetch_optional(db)
        .await?;
    let Some(row) = row else {
        return Ok(None);
    };
    let notes = sql("SELECT body FROM credit_notes WHERE invoice_id = $1 ORDER BY id")
        .bind(id)
        .fetch_all(db)
        .await?;
    let notes: Result<Vec<CreditNote>, DbError> = notes.iter().map(|row| parsed(row, "body")).collect();
    Ok(Some((row.text("buyer_id")?, notes?)))
}

/// Whose credit note it is.
pub async fn credit_note_owner(on: impl Into<On<'_>>, id: &str) -> Result<Option<String>, DbError> {
    let row = sql("SELECT b.buyer_id FROM credit_notes c \
         JOIN invoice_buyers b ON b.invoice_id = c.invoice_id WHERE c.id = $1")
    .bind(id)
    .fetch_optional(on)
    .await?;
    row.map(|row| row.text("buyer_id")).transpose()
}
