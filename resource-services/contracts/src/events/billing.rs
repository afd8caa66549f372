//! The events of billing: documents that were issued. They never change, so each is told once.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::Money;

pub const INVOICE_ISSUED: &str = "billing.invoice.issued.v1";
pub const CREDIT_NOTE_ISSUED: &str = "billing.credit-note.issued.v1";

/// A paid order has its invoice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct InvoiceIssued {
    pub invoice_id: String,
    /// `INV-2026-000001`
    pub number: String,
    pub order_id: String,
    /// A pseudonym, if the buyer was erased before.
    pub buyer_id: String,
    pub total: Money,
    /// RFC 3339 UTC.
    pub issued_at: String,
}

/// A refund has its credit note.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CreditNoteIssued {
    pub credit_note_id: String,
    /// `CN-2026-000001`
    pub number: String,
    pub invoice_id: String,
    pub order_id: String,
    pub refund_id: String,
    /// A pseudonym, if the buyer was erased before.
    pub buyer_id: String,
    pub total: Money,
    /// RFC 3339 UTC.
    pub issued_at: String,
}
