//! The rules of billing. Pure: facts and the time in, a value or a reason out.

mod account;
mod credit_note;
mod drift;
mod invoice;
mod journal;
mod period;
mod posting;
mod spread;

use std::num::TryFromIntError;

pub use account::{Account, AccountKind};
pub use credit_note::{CreditLine, CreditNote, credit};
pub use drift::{ALERT_AFTER_MS, Drift, drift};
pub use invoice::{Buyer, Invoice, InvoiceLine, Paid, Seller, TaxLine, Terms, invoice, share};
pub use journal::{Digest, Entry, EntryKind, GENESIS, Head, Line, Record, Unbalanced};
pub use period::{Period, month, year};
pub use posting::{card_fee, grant, refund, sale, top_up, write_off};
pub use spread::spread;

/// Why billing does not do something.
#[derive(Debug, thiserror::Error)]
pub enum DomainError {
    #[error("the resource does not exist for this caller")]
    Missing,
    #[error("a concurrent transaction was faster")]
    Stale,
    #[error("there is no invoice of order {0} yet")]
    NoInvoice(String),
    /// An event that says something that cannot be.
    #[error("{0}")]
    Malformed(&'static str),
    #[error(transparent)]
    Unbalanced(#[from] Unbalanced),
    #[error("a number is out of range")]
    Overflow,
    #[error("the document cannot be printed: {0}")]
    Unprintable(String),
}

impl From<TryFromIntError> for DomainError {
    fn from(_: TryFromIntError) -> Self {
        Self::Overflow
    }
}

impl DomainError {
    /// Whether trying again is useless.
    pub fn is_final(&self) -> bool {
        match self {
            Self::Malformed(_) | Self::Unbalanced(_) | Self::Overflow => true,
            Self::Missing | Self::Stale | Self::NoInvoice(_) | Self::Unprintable(_) => false,
        }
    }
}
