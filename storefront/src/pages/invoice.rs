//! `/orders/{id}/invoice`: the invoice of an order and its credit notes, to read, to print and to keep.

use askama::Template;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use latchkey_contracts::Money;
use latchkey_contracts::events::payment::RefundTo;
use latchkey_web::{Words, answer};

use crate::Storefront;
use crate::api::billing::{CreditNote, Invoice};
use crate::format::{self, Day, money, segment};
use crate::page::ShopPage;
use crate::page_error::PageError;
use crate::visit::Visit;

#[derive(Template)]
#[template(path = "storefront/invoice.html")]
struct InvoicePage<'a> {
    page: &'a ShopPage,
    heading: String,
    /// The order.
    back: String,
    /// Absent as long as it is not issued.
    document: Option<Document>,
}

struct Document {
    day: Option<Day>,
    order_number: String,
    seller: Vec<String>,
    buyer: Vec<String>,
    lines: Vec<Line>,
    sums: Vec<Sum>,
    untaxed: bool,
    pdf: String,
    credit_notes: Vec<CreditNoteView>,
}

struct Line {
    title: String,
    quantity: i64,
    price: String,
    discount: Option<String>,
    total: String,
}

struct Sum {
    name: String,
    amount: String,
    total: bool,
}

struct CreditNoteView {
    number: String,
    day: Option<Day>,
    /// The name of the message.
    to: &'static str,
    total: String,
    pdf: String,
}

pub async fn show(
    State(storefront): State<Storefront>,
    visit: Visit,
    path: Result<Path<String>, PathRejection>,
) -> Result<Response, PageError> {
    let Path(order_id) = path.map_err(|_| PageError::Missing)?;
    let login = visit.login().ok_or(PageError::SignedOut)?;
    let words = &visit.context.words;
    let back = format!("/orders/{}", segment(&order_id));
    let invoice = match storefront.api.billing.invoice_of(login, &order_id).await? {
        Some(invoice) => Some(invoice),
        // Not issued yet, or nobody's order: the order service knows.
        None => {
            storefront.api.order.order(login, &order_id).await?;
            None
        }
    };
    let heading = match &invoice {
        Some(invoice) => words.fill("invoice.title", &[("number", &invoice.number)]),
        None => words.say("invoice.waiting").to_owned(),
    };
    let page = visit.page(heading.as_str());
    let view = InvoicePage {
        page: &page,
        heading,
        document: invoice.map(|invoice| document(words, &back, invoice)),
        back,
    };
    Ok(answer(StatusCode::OK, &view))
}

/// The invoice of an order as a file.
pub async fn pdf(
    State(storefront): State<Storefront>,
    visit: Visit,
    path: Result<Path<String>, PathRejection>,
) -> Result<Response, PageError> {
    let Path(order_id) = path.map_err(|_| PageError::Missing)?;
    let login = visit.login().ok_or(PageError::SignedOut)?;
    let billing = &storefront.api.billing;
    let invoice = billing.invoice_of(login, &order_id).await?;
    let invoice = invoice.ok_or(PageError::Missing)?;
    let bytes = billing.invoice_pdf(login, &invoice.id).await?;
    file(&invoice.number, bytes)
}

/// A credit note of an order as a file.
pub async fn credit_note_pdf(
    State(storefront): State<Storefront>,
    visit: Visit,
    path: Result<Path<(String, String)>, PathRejection>,
) -> Result<Response, PageError> {
    let Path((order_id, note_id)) = path.map_err(|_| PageError::Missing)?;
    let login = visit.login().ok_or(PageError::SignedOut)?;
    let billing = &storefront.api.billing;
    let invoice = billing.invoice_of(login, &order_id).await?;
    let notes = invoice.map(|invoice| invoice.credit_notes).unwrap_or_default();
    let note = notes.into_iter().find(|note| note.id == note_id);
    let note = note.ok_or(PageError::Missing)?;
    let bytes = billing.credit_note_pdf(login, &note.id).await?;
    file(&note.number, bytes)
}

fn file(number: &str, bytes: Vec<u8>) -> Result<Response, PageError> {
    let plain = number.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'-');
    let name = HeaderValue::from_str(&format!("attachment; filename=\"{number}.pdf\"")).ok();
    let name = name.filter(|_| plain).ok_or(PageError::Broken)?;
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("application/pdf")),
        (header::CONTENT_DISPOSITION, name),
    ];
    Ok((headers, bytes).into_response())
}

fn document(words: &Words, back: &str, invoice: Invoice) -> Document {
    let seller = &invoice.seller;
    let seller = [
        seller.name.clone(),
        seller.street.clone(),
        format!("{} {}", seller.postal_code, seller.city),
        seller.country.clone(),
        words.fill("invoice.tax_id", &[("number", &seller.tax_id)]),
    ];
    let buyer = invoice.buyer.as_ref().map(|buyer| {
        let place = format!("{} {}", buyer.postal_code, buyer.city);
        vec![
            buyer.name.clone(),
            buyer.street.clone(),
            place,
            buyer.country.clone(),
        ]
    });
    let lines = invoice.lines.iter().map(|line| Line {
        title: line.title.clone(),
        quantity: line.quantity,
        price: money(words, &line.unit_price),
        discount: (line.discount.amount > 0).then(|| less(words, &line.discount)),
        total: money(words, &line.total),
    });
    let notes = invoice.credit_notes.iter();
    Document {
        day: format::day(words, &invoice.issued_at),
        order_number: invoice.order_number.clone(),
        seller: seller.into(),
        buyer: buyer.unwrap_or_default(),
        lines: lines.collect(),
        sums: sums(words, &invoice),
        untaxed: invoice.tax_lines.is_empty(),
        pdf: format!("{back}/invoice/pdf"),
        credit_notes: notes.map(|note| credit_note(words, back, note)).collect(),
    }
}

fn credit_note(words: &Words, back: &str, note: &CreditNote) -> CreditNoteView {
    CreditNoteView {
        number: note.number.clone(),
        day: format::day(words, &note.issued_at),
        to: match note.to {
            RefundTo::Card => "invoice.to_card",
            RefundTo::Wallet => "invoice.to_wallet",
        },
        total: money(words, &note.total),
        pdf: format!("{back}/credit-notes/{}/pdf", segment(&note.id)),
    }
}

fn sums(words: &Words, invoice: &Invoice) -> Vec<Sum> {
    let sum = |name: String, amount: String| Sum {
        name,
        amount,
        total: false,
    };
    let say = |name: &str| words.say(name).to_owned();
    let mut sums = Vec::new();
    if invoice.discount_total.amount > 0 {
        sums.push(sum(say("order.subtotal"), money(words, &invoice.subtotal)));
        let name = match &invoice.coupon_code {
            Some(code) => words.fill("order.discount_code", &[("code", code)]),
            None => say("order.discount"),
        };
        sums.push(sum(name, less(words, &invoice.discount_total)));
    }
    sums.push(Sum {
        total: true,
        ..sum(say("order.total"), money(words, &invoice.total))
    });
    for line in &invoice.tax_lines {
        sums.push(sum(say("invoice.net"), money(words, &line.net)));
        sums.push(sum(say("order.tax"), money(words, &line.tax)));
    }
    let parts = [
        ("order.from_wallet", &invoice.paid.wallet),
        ("order.from_card", &invoice.paid.card),
    ];
    let parts = parts.into_iter().filter(|(_, part)| part.amount > 0);
    sums.extend(parts.map(|(name, part)| sum(say(name), money(words, part))));
    sums
}

fn less(words: &Words, amount: &Money) -> String {
    money(words, &Money::new(-amount.amount, amount.currency.as_str()))
}
