//! The responses, as JSON.

use latchkey_clock::rfc3339;
use latchkey_contracts::Money;
use latchkey_contracts::events::order::PaidSplit;
use latchkey_contracts::events::payment::RefundTo;
use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::{AccountKind, Buyer, CreditNote, Invoice, Period, Record, Seller};
use crate::reconciliation::Report;
use crate::store::{CourseSales, MonthSales, Sale, SaleKind, Totals};

/// A page of invoices.
#[derive(Serialize, ToSchema)]
pub struct InvoicePage {
    pub items: Vec<InvoiceSummary>,
    /// Null on the last page.
    pub next_cursor: Option<String>,
}

/// An invoice in a list.
#[derive(Serialize, ToSchema)]
pub struct InvoiceSummary {
    pub id: String,
    /// For people.
    pub number: String,
    pub order_id: String,
    pub order_number: String,
    pub issued_at: String,
    pub total: Money,
}

/// An invoice, as it was issued.
#[derive(Serialize, ToSchema)]
pub struct InvoiceView {
    pub id: String,
    pub number: String,
    pub order_id: String,
    pub order_number: String,
    pub issued_at: String,
    pub seller: Seller,
    /// As the buyer gave it with the order.
    pub buyer: Option<Buyer>,
    pub lines: Vec<InvoiceLineView>,
    pub tax_lines: Vec<TaxLineView>,
    pub subtotal: Money,
    pub discount_total: Money,
    /// Contained in the total.
    pub tax_total: Money,
    pub total: Money,
    pub coupon_code: Option<String>,
    pub paid: PaidSplit,
    /// What was given back since, from the first.
    pub credit_notes: Vec<CreditNoteSummary>,
}

/// A line of an invoice.
#[derive(Serialize, ToSchema)]
pub struct InvoiceLineView {
    pub line_id: String,
    pub course_id: String,
    pub title: String,
    pub quantity: i64,
    pub unit_price: Money,
    pub discount: Money,
    /// Contained in the total.
    pub tax: Money,
    pub total: Money,
}

/// The tax of lines, and their price without it.
#[derive(Serialize, ToSchema)]
pub struct TaxLineView {
    pub net: Money,
    pub tax: Money,
}

/// A page of credit notes.
#[derive(Serialize, ToSchema)]
pub struct CreditNotePage {
    pub items: Vec<CreditNoteSummary>,
    /// Null on the last page.
    pub next_cursor: Option<String>,
}

/// A credit note in a list.
#[derive(Serialize, ToSchema)]
pub struct CreditNoteSummary {
    pub id: String,
    /// For people.
    pub number: String,
    pub invoice_id: String,
    pub invoice_number: String,
    pub order_id: String,
    pub refund_id: String,
    pub issued_at: String,
    pub to: RefundTo,
    pub total: Money,
}

/// A credit note, as it was issued.
#[derive(Serialize, ToSchema)]
pub struct CreditNoteView {
    #[serde(flatten)]
    pub summary: CreditNoteSummary,
    pub order_number: String,
    pub seller: Seller,
    pub buyer: Option<Buyer>,
    pub lines: Vec<CreditLineView>,
    /// Contained in the total.
    pub tax_total: Money,
}

/// A line of a credit note.
#[derive(Serialize, ToSchema)]
pub struct CreditLineView {
    /// The line of the invoice.
    pub line_id: String,
    pub course_id: String,
    pub title: String,
    pub quantity: i64,
    pub tax: Money,
    pub total: Money,
}

/// What an instructor sold in some time.
#[derive(Serialize, ToSchema)]
pub struct StatementView {
    /// The first day.
    pub from: String,
    /// The last day.
    pub to: String,
    /// Without tax.
    pub sold: Money,
    /// Without tax.
    pub refunded: Money,
    /// The instructor's part of what was sold and not given back.
    pub share: Money,
    /// What the shop owes the instructor, of all time.
    pub payable: Money,
    /// Every month, also those in which nothing happened.
    pub months: Vec<MonthView>,
    /// At most fifty, those that brought the most first.
    pub courses: Vec<CourseSalesView>,
    /// Single sales and refunds, the last first.
    pub items: Vec<SaleView>,
    /// Null on the last page.
    pub next_cursor: Option<String>,
}

/// A month of a statement.
#[derive(Serialize, ToSchema)]
pub struct MonthView {
    /// `2026-11`
    pub month: String,
    /// How much was sold, without what went back.
    pub quantity: i64,
    pub sold: Money,
    pub refunded: Money,
    pub share: Money,
}

/// A course of a statement: what was sold less what went back.
#[derive(Serialize, ToSchema)]
pub struct CourseSalesView {
    pub course_id: String,
    pub title: String,
    pub quantity: i64,
    pub sold: Money,
    pub share: Money,
}

/// A sale or a refund.
#[derive(Serialize, ToSchema)]
pub struct SaleView {
    pub at: String,
    pub kind: SaleKind,
    /// Of the invoice or the credit note.
    pub number: String,
    pub course_id: String,
    pub title: String,
    pub quantity: i64,
    /// Without tax; of a refund what went back.
    pub amount: Money,
    pub share: Money,
}

/// The chart of accounts.
#[derive(Serialize, ToSchema)]
pub struct AccountPage {
    pub items: Vec<AccountView>,
}

/// An account with what was written to it.
#[derive(Serialize, ToSchema)]
pub struct AccountView {
    pub number: i64,
    pub name: String,
    pub kind: AccountKind,
    pub debit: Money,
    pub credit: Money,
    /// On the side on which the account grows.
    pub balance: Money,
}

/// A page of the journal.
#[derive(Serialize, ToSchema)]
pub struct JournalPage {
    pub items: Vec<EntryView>,
    /// Null on the last page.
    pub next_cursor: Option<String>,
}

/// An entry of the journal.
#[derive(Serialize, ToSchema)]
pub struct EntryView {
    pub seq: i64,
    pub id: String,
    pub at: String,
    /// `sale`, `refund`, `fee`, `top_up`, `grant`, `write_off`
    pub kind: String,
    pub memo: String,
    /// What it is about, such as `sale:<order>`.
    pub reference: String,
    /// The event that caused it.
    pub source_event_id: String,
    pub prev_hash: String,
    pub hash: String,
    pub lines: Vec<EntryLineView>,
}

/// An amount on one side of an account.
#[derive(Serialize, ToSchema)]
pub struct EntryLineView {
    pub account: i64,
    pub name: String,
    /// The instructor of a payable.
    pub party: Option<String>,
    pub debit: Money,
    pub credit: Money,
}

/// All debits beside all credits.
#[derive(Serialize, ToSchema)]
pub struct TrialBalanceView {
    pub at: String,
    pub balanced: bool,
    pub debit: Money,
    pub credit: Money,
    pub accounts: Vec<AccountView>,
}

/// The books beside what others say.
#[derive(Serialize, ToSchema)]
pub struct ReconcileView {
    pub at: String,
    /// Nothing differs, and the chain is whole.
    pub clean: bool,
    pub checks: Vec<CheckView>,
    pub chain: ChainView,
}

/// Two sums that must be equal once no event is on its way.
#[derive(Serialize, ToSchema)]
pub struct CheckView {
    /// `wallets`, `sales`, `captures`, `refunds`, `trial_balance`
    pub name: String,
    pub expected: Money,
    pub found: Money,
    pub drift: Money,
    /// Since when they differ, as far as it was seen.
    pub since: Option<String>,
}

/// The chain of hashes.
#[derive(Serialize, ToSchema)]
pub struct ChainView {
    /// How many entries are as they were written.
    pub entries: i64,
    pub intact: bool,
    /// The number of the first entry that is not.
    pub broken_at: Option<i64>,
}

impl From<&Invoice> for InvoiceSummary {
    fn from(invoice: &Invoice) -> Self {
        Self {
            id: invoice.id.clone(),
            number: invoice.number.clone(),
            order_id: invoice.order_id.clone(),
            order_number: invoice.order_number.clone(),
            issued_at: rfc3339(invoice.issued_at),
            total: Money::new(invoice.total, invoice.currency.as_str()),
        }
    }
}

impl InvoiceView {
    pub fn of(invoice: Invoice, credit_notes: &[CreditNote]) -> Self {
        let money = |amount: i64| Money::new(amount, invoice.currency.as_str());
        let lines = invoice.lines.iter().map(|line| InvoiceLineView {
            line_id: line.line_id.clone(),
            course_id: line.course_id.clone(),
            title: line.title.clone(),
            quantity: line.quantity,
            unit_price: money(line.unit_price),
            discount: money(line.discount),
            tax: money(line.tax),
            total: money(line.total),
        });
        let taxes = invoice.tax_lines.iter().map(|line| TaxLineView {
            net: money(line.net),
            tax: money(line.tax),
        });
        Self {
            issued_at: rfc3339(invoice.issued_at),
            lines: lines.collect(),
            tax_lines: taxes.collect(),
            subtotal: money(invoice.subtotal),
            discount_total: money(invoice.discount_total),
            tax_total: money(invoice.tax_total),
            total: money(invoice.total),
            paid: PaidSplit {
                wallet: money(invoice.paid.wallet),
                card: money(invoice.paid.card),
            },
            id: invoice.id,
            number: invoice.number,
            order_id: invoice.order_id,
            order_number: invoice.order_number,
            seller: invoice.seller,
            buyer: invoice.buyer,
            coupon_code: invoice.coupon_code,
            credit_notes: credit_notes.iter().map(CreditNoteSummary::from).collect(),
        }
    }
}

impl From<&CreditNote> for CreditNoteSummary {
    fn from(note: &CreditNote) -> Self {
        Self {
            id: note.id.clone(),
            number: note.number.clone(),
            invoice_id: note.invoice_id.clone(),
            invoice_number: note.invoice_number.clone(),
            order_id: note.order_id.clone(),
            refund_id: note.refund_id.clone(),
            issued_at: rfc3339(note.issued_at),
            to: note.to,
            total: Money::new(note.total, note.currency.as_str()),
        }
    }
}

impl From<CreditNote> for CreditNoteView {
    fn from(note: CreditNote) -> Self {
        let money = |amount: i64| Money::new(amount, note.currency.as_str());
        let lines = note.lines.iter().map(|line| CreditLineView {
            line_id: line.line_id.clone(),
            course_id: line.course_id.clone(),
            title: line.title.clone(),
            quantity: line.quantity,
            tax: money(line.tax),
            total: money(line.total),
        });
        Self {
            summary: CreditNoteSummary::from(&note),
            lines: lines.collect(),
            tax_total: money(note.tax_total),
            order_number: note.order_number,
            seller: note.seller,
            buyer: note.buyer,
        }
    }
}

impl StatementView {
    pub fn of(
        currency: &str,
        period: Period,
        found: &[MonthSales],
        courses: Vec<CourseSales>,
        payable: i64,
    ) -> Self {
        let money = |amount: i64| Money::new(amount, currency);
        let sum = |month: Option<&str>, kind: SaleKind, of: fn(&MonthSales) -> i64| -> i64 {
            let meant =
                |sales: &&MonthSales| sales.kind == kind && month.is_none_or(|month| month == sales.month);
            found.iter().filter(meant).map(of).sum()
        };
        let totals = |month: Option<&str>| {
            (
                sum(month, SaleKind::Sale, |sales| sales.amount),
                sum(month, SaleKind::Refund, |sales| sales.amount),
                sum(month, SaleKind::Sale, |sales| sales.share)
                    - sum(month, SaleKind::Refund, |sales| sales.share),
            )
        };
        let months = period.months().into_iter().map(|month| {
            let (sold, refunded, share) = totals(Some(&month));
            MonthView {
                quantity: sum(Some(&month), SaleKind::Sale, |sales| sales.quantity),
                sold: money(sold),
                refunded: money(refunded),
                share: money(share),
                month,
            }
        });
        let courses = courses.into_iter().map(|course| CourseSalesView {
            course_id: course.course_id,
            title: course.title,
            quantity: course.quantity,
            sold: money(course.amount),
            share: money(course.share),
        });
        let (sold, refunded, share) = totals(None);
        Self {
            from: period.from.to_string(),
            to: period.to.to_string(),
            sold: money(sold),
            refunded: money(refunded),
            share: money(share),
            payable: money(payable),
            months: months.collect(),
            courses: courses.collect(),
            items: Vec::new(),
            next_cursor: None,
        }
    }

    /// The same with a page of single sales.
    pub fn with_sales(self, sales: Vec<Sale>, next_cursor: Option<String>) -> Self {
        let currency = self.payable.currency.clone();
        let items = sales.into_iter().map(|sale| SaleView {
            at: rfc3339(sale.at),
            kind: sale.kind,
            number: sale.number,
            course_id: sale.course_id,
            title: sale.title,
            quantity: sale.quantity,
            amount: Money::new(sale.amount, currency.as_str()),
            share: Money::new(sale.share, currency.as_str()),
        });
        Self {
            items: items.collect(),
            next_cursor,
            ..self
        }
    }
}

impl AccountView {
    pub fn of(totals: Totals, currency: &str) -> Self {
        let account = totals.account;
        Self {
            number: account.number(),
            name: account.name().to_owned(),
            kind: account.kind(),
            debit: Money::new(totals.debit, currency),
            credit: Money::new(totals.credit, currency),
            balance: Money::new(account.balance(totals.debit, totals.credit), currency),
        }
    }
}

impl From<Record> for EntryView {
    fn from(record: Record) -> Self {
        let currency = record.currency.as_str();
        let lines = record.lines.iter().map(|line| EntryLineView {
            account: line.account.number(),
            name: line.account.name().to_owned(),
            party: line.party.clone(),
            debit: Money::new(line.debit, currency),
            credit: Money::new(line.credit, currency),
        });
        Self {
            seq: record.seq,
            at: rfc3339(record.at),
            kind: record.kind.as_str().to_owned(),
            prev_hash: hex::encode(record.prev_hash),
            hash: hex::encode(record.hash),
            lines: lines.collect(),
            id: record.id,
            memo: record.memo,
            reference: record.business_key,
            source_event_id: record.source_event_id,
        }
    }
}

impl TrialBalanceView {
    pub fn of(totals: Vec<Totals>, currency: &str, at: String) -> Self {
        let debit: i64 = totals.iter().map(|totals| totals.debit).sum();
        let credit: i64 = totals.iter().map(|totals| totals.credit).sum();
        let view = |totals| AccountView::of(totals, currency);
        Self {
            at,
            balanced: debit == credit,
            debit: Money::new(debit, currency),
            credit: Money::new(credit, currency),
            accounts: totals.into_iter().map(view).collect(),
        }
    }
}

impl ReconcileView {
    pub fn of(report: Report, currency: &str, at: String) -> Self {
        let clean = report.is_clean();
        let checks = report.checks.into_iter().map(|check| CheckView {
            name: check.name.to_owned(),
            expected: Money::new(check.expected, currency),
            found: Money::new(check.found, currency),
            drift: Money::new(check.drift(), currency),
            since: check.since.map(rfc3339),
        });
        Self {
            at,
            clean,
            checks: checks.collect(),
            chain: ChainView {
                entries: report.chain.entries,
                intact: report.chain.broken_at.is_none(),
                broken_at: report.chain.broken_at,
            },
        }
    }
}
