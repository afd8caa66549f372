//! Invoices and credit notes, what instructors sold, and the books.

use latchkey_contracts::Money;
use latchkey_contracts::events::order::{BillingAddress, PaidSplit};
use latchkey_contracts::events::payment::RefundTo;
use serde::Deserialize;

use super::ApiError;
use super::service::{Call, Caller, Service};
use crate::format::segment;

/// The billing service.
#[derive(Clone, Debug)]
pub struct Billing(Service);

/// An invoice, as it was issued.
#[derive(Clone, Debug, Deserialize)]
pub struct Invoice {
    pub id: String,
    /// For people.
    pub number: String,
    pub order_number: String,
    pub issued_at: String,
    pub seller: Seller,
    pub buyer: Option<BillingAddress>,
    pub lines: Vec<InvoiceLine>,
    pub tax_lines: Vec<TaxLine>,
    pub subtotal: Money,
    pub discount_total: Money,
    pub total: Money,
    pub coupon_code: Option<String>,
    pub paid: PaidSplit,
    /// From the first.
    pub credit_notes: Vec<CreditNote>,
}

#[derive(Clone, Debug, Deserialize)]
pub struct Seller {
    pub name: String,
    pub street: String,
    pub postal_code: String,
    pub city: String,
    pub country: String,
    pub tax_id: String,
}

#[derive(Clone, Debug, Deserialize)]
pub struct InvoiceLine {
    pub title: String,
    pub quantity: i64,
    pub unit_price: Money,
    pub discount: Money,
    pub total: Money,
}

#[derive(Clone, Debug, Deserialize)]
pub struct TaxLine {
    pub net: Money,
    pub tax: Money,
}

/// A credit note in a list.
#[derive(Clone, Debug, Deserialize)]
pub struct CreditNote {
    pub id: String,
    pub number: String,
    pub issued_at: String,
    pub to: RefundTo,
    pub total: Money,
}

/// What an instructor sold in some time.
#[derive(Clone, Debug, Deserialize)]
pub struct Statement {
    /// The first day.
    pub from: String,
    /// The last day.
    pub to: String,
    pub sold: Money,
    pub refunded: Money,
    pub share: Money,
    /// What the shop owes the instructor, of all time.
    pub payable: Money,
    pub months: Vec<Month>,
    pub courses: Vec<CourseSales>,
    pub items: Vec<Sale>,
    pub next_cursor: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
pub struct Month {
    /// `2026-11`
    pub month: String,
    pub quantity: i64,
    pub sold: Money,
    pub refunded: Money,
    pub share: Money,
}

#[derive(Clone, Debug, Deserialize)]
pub struct CourseSales {
    pub title: String,
    pub quantity: i64,
    pub sold: Money,
    pub share: Money,
}

#[derive(Clone, Debug, Deserialize)]
pub struct Sale {
    pub at: String,
    pub kind: SaleKind,
    pub number: String,
    pub title: String,
    pub amount: Money,
    pub share: Money,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SaleKind {
    Sale,
    Refund,
}

/// All debits beside all credits.
#[derive(Clone, Debug, Deserialize)]
pub struct TrialBalance {
    pub balanced: bool,
    pub debit: Money,
    pub credit: Money,
    pub accounts: Vec<Account>,
}

#[derive(Clone, Debug, Deserialize)]
pub struct Account {
    pub number: i64,
    pub name: String,
    pub debit: Money,
    pub credit: Money,
    pub balance: Money,
}

#[derive(Clone, Debug, Deserialize)]
pub struct Journal {
    pub items: Vec<Entry>,
    pub next_cursor: Option<String>,
}

/// An entry of the journal.
#[derive(Clone, Debug, Deserialize)]
pub struct Entry {
    pub seq: i64,
    pub at: String,
    pub memo: String,
    /// What it is about, such as `sale:<order>`.
    pub reference: String,
    pub hash: String,
    pub lines: Vec<EntryLine>,
}

#[derive(Clone, Debug, Deserialize)]
pub struct EntryLine {
    pub account: i64,
    pub name: String,
    /// The instructor of a payable.
    pub party: Option<String>,
    pub debit: Money,
    pub credit: Money,
}

/// The books beside what others say.
#[derive(Clone, Debug, Deserialize)]
pub struct Reconciliation {
    pub at: String,
    pub clean: bool,
    pub checks: Vec<Check>,
    pub chain: Chain,
}

#[derive(Clone, Debug, Deserialize)]
pub struct Check {
    pub name: String,
    pub expected: Money,
    pub found: Money,
    pub drift: Money,
    pub since: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
pub struct Chain {
    pub entries: i64,
    /// The number of the first entry that is not as it was written.
    pub broken_at: Option<i64>,
}

#[derive(Deserialize)]
struct Listed {
    items: Vec<Named>,
}

#[derive(Deserialize)]
struct Named {
    id: String,
}

impl Billing {
    pub(super) fn new(service: Service) -> Self {
        Self(service)
    }

    /// The invoice of an order, unless it is not issued yet.
    pub async fn invoice_of(&self, login: &str, order_id: &str) -> Result<Option<Invoice>, ApiError> {
        let query = [("order_id", order_id.to_owned())];
        let call = Call::get(Caller::User(login), "/invoices").query(&query);
        let found: Listed = self.0.ask(call).await?;
        let Some(Named { id }) = found.items.into_iter().next() else {
            return Ok(None);
        };
        let path = format!("/invoices/{}", segment(&id));
        self.0.ask(Call::get(Caller::User(login), path)).await.map(Some)
    }

    /// An invoice to print and to keep.
    pub async fn invoice_pdf(&self, login: &str, id: &str) -> Result<Vec<u8>, ApiError> {
        self.pdf(login, format!("/invoices/{}/pdf", segment(id))).await
    }

    /// A credit note to print and to keep.
    pub async fn credit_note_pdf(&self, login: &str, id: &str) -> Result<Vec<u8>, ApiError> {
        self.pdf(login, format!("/credit-notes/{}/pdf", segment(id)))
            .await
    }

    /// What the user sold as an instructor.
    pub async fn statement(&self, login: &str, cursor: Option<&str>) -> Result<Statement, ApiError> {
        let call = Call::get(Caller::User(login), "/statements").query(&pairs(None, cursor));
        self.0.ask(call).await
    }

    /// All accounts, for administrators.
    pub async fn trial_balance(&self, login: &str) -> Result<TrialBalance, ApiError> {
        self.0.ask(Call::get(Caller::User(login), "/trial-balance")).await
    }

    /// The journal, the last entry first, for administrators.
    pub async fn journal(
        &self,
        login: &str,
        account: Option<i64>,
        cursor: Option<&str>,
    ) -> Result<Journal, ApiError> {
        let call = Call::get(Caller::User(login), "/journal").query(&pairs(account, cursor));
        self.0.ask(call).await
    }

    /// Compares the books with what others say, for administrators.
    pub async fn reconcile(&self, login: &str) -> Result<Reconciliation, ApiError> {
        self.0.ask(Call::get(Caller::User(login), "/reconcile")).await
    }

    async fn pdf(&self, login: &str, path: String) -> Result<Vec<u8>, ApiError> {
        let reply = self.0.call(Call::get(Caller::User(login), path)).await?;
        Ok(reply.into_bytes())
    }
}

fn pairs(account: Option<i64>, cursor: Option<&str>) -> Vec<(&'static str, String)> {
    let account = account.map(|number| ("account", number.to_string()));
    let cursor = cursor.map(|cursor| ("cursor", cursor.to_owned()));
    account.into_iter().chain(cursor).collect()
}
