//! Invoices and credit notes, which are written once, and their numbers.

use latchkey_db::{DbError, On, Tx, sql};

use super::{json, parsed};
use crate::domain::{CreditNote, Invoice};

/// Makes an order this invoice's own. `false` if it has one already; others wait for this transaction.
#[must_use = "zero rows mean that nothing was written"]
pub async fn claim_order(tx: &Tx, order_id: &str, invoice_id: &str, buyer_id: &str) -> Result<bool, DbError> {
    let rows = sql(
        "INSERT INTO invoice_buyers (order_id, invoice_id, buyer_id) VALUES ($1, $2, $3) \
         ON CONFLICT (order_id) DO NOTHING",
    )
    .bind(order_id)
    .bind(invoice_id)
    .bind(buyer_id)
    .execute(tx)
    .await?;
    Ok(rows == 1)
}

/// The next number of a series and year, from 1. Others wait for this transaction before they get theirs, and a
/// transaction that fails gives its number back: there is never a gap.
pub async fn next_number(tx: &Tx, series: &str, year: i64) -> Result<i64, DbError> {
    sql(
        "INSERT INTO document_numbers (series, year, last) VALUES ($1, $2, 1) \
         ON CONFLICT (series, year) DO UPDATE SET last = document_numbers.last + 1 RETURNING last",
    )
    .bind(series)
    .bind(year)
    .fetch_one(tx)
    .await?
    .int("last")
}

pub async fn insert_invoice(tx: &Tx, invoice: &Invoice) -> Result<(), DbError> {
    sql(
        "INSERT INTO invoices (id, number, order_id, issued_at, currency, total, body) \
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(&invoice.id)
    .bind(&invoice.number)
    .bind(&invoice.order_id)
    .bind(invoice.issued_at)
    .bind(&invoice.currency)
    .bind(invoice.total)
    .bind(json("body", invoice)?)
    .execute(tx)
    .await?;
    Ok(())
}

/// The invoice with this id.
pub async fn invoice(on: impl Into<On<'_>>, id: &str) -> Result<Option<Invoice>, DbError> {
    let row = sql("SELECT body FROM invoices WHERE id = $1")
        .bind(id)
        .fetch_optional(on)
        .await?;
    row.map(|row| parsed(&row, "body")).transpose()
}

/// The invoice of an order.
pub async fn invoice_of_order(on: impl Into<On<'_>>, order_id: &str) -> Result<Option<Invoice>, DbError> {
    let row = sql("SELECT body FROM invoices WHERE order_id = $1")
        .bind(order_id)
        .fetch_optional(on)
        .await?;
    row.map(|row| parsed(&row, "body")).transpose()
}

/// The invoice of an order and its buyer; nobody else can credit it until the end of the transaction.
pub async fn lock_invoice(tx: &Tx, order_id: &str) -> Result<Option<(Invoice, String)>, DbError> {
    let locked = sql("UPDATE invoice_buyers SET buyer_id = buyer_id WHERE order_id = $1 RETURNING buyer_id")
        .bind(order_id)
        .fetch_optional(tx)
        .await?;
    let invoice = invoice_of_order(tx, order_id).await?;
    let buyer = locked.map(|row| row.text("buyer_id")).transpose()?;
    Ok(invoice.zip(buyer))
}

pub async fn insert_credit_note(tx: &Tx, note: &CreditNote) -> Result<(), DbError> {
    sql(
        "INSERT INTO credit_notes (id, number, invoice_id, order_id, refund_id, issued_at, total, body) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(&note.id)
    .bind(&note.number)
    .bind(&note.invoice_id)
    .bind(&note.order_id)
    .bind(&note.refund_id)
    .bind(note.issued_at)
    .bind(note.total)
    .bind(json("body", note)?)
    .execute(tx)
    .await?;
    Ok(())
}

/// The credit note with this id.
pub async fn credit_note(on: impl Into<On<'_>>, id: &str) -> Result<Option<CreditNote>, DbError> {
    let row = sql("SELECT body FROM credit_notes WHERE id = $1")
        .bind(id)
        .fetch_optional(on)
        .await?;
    row.map(|row| parsed(&row, "body")).transpose()
}

/// Whether a refund has its credit note.
pub async fn has_credit_note(tx: &Tx, refund_id: &str) -> Result<bool, DbError> {
    let row = sql("SELECT id FROM credit_notes WHERE refund_id = $1")
        .bind(refund_id)
        .fetch_optional(tx)
        .await?;
    Ok(row.is_some())
}

/// The lines of an invoice that were given back.
pub async fn credited_lines(tx: &Tx, invoice_id: &str) -> Result<Vec<String>, DbError> {
    let rows = sql("SELECT body FROM credit_notes WHERE invoice_id = $1 ORDER BY id")
        .bind(invoice_id)
        .fetch_all(tx)
        .await?;
    let mut lines = Vec::new();
    for row in &rows {
        let note: CreditNote = parsed(row, "body")?;
        lines.extend(note.lines.into_iter().map(|line| line.line_id));
    }
    Ok(lines)
}
