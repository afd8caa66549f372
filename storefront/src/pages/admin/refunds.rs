//! `/admin/refunds`: refunds about which an administrator must decide.

use askama::Template;
use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, PathRejection};
use axum::extract::{Path, RawQuery, State};
use axum::response::Response;
use http::{HeaderMap, StatusCode};
use latchkey_contracts::events::payment::RefundTo;
use latchkey_http::Form;
use latchkey_web::{Words, answer, see_other};

use crate::Storefront;
use crate::api::ApiError;
use crate::api::order::administration::AdminRefund;
use crate::format::{money, segment};
use crate::page::ShopPage;
use crate::page_error::PageError;
use crate::pages::{Notice, Said, next_page};
use crate::posted::posted;
use crate::visit::Visit;

#[derive(Template)]
#[template(path = "storefront/admin_refunds.html")]
struct RefundsPage<'a> {
    page: &'a ShopPage,
    notice: Option<Notice<'a>>,
    rows: Vec<Row>,
    first: Option<&'a str>,
    next: Option<String>,
}

struct Row {
    id: String,
    action: String,
    order: String,
    amount: String,
    to: &'static str,
    reason: String,
    review: Option<&'static str>,
    at: String,
    minute: Option<String>,
}

pub async fn list(
    State(storefront): State<Storefront>,
    visit: Visit,
    RawQuery(query): RawQuery,
) -> Result<Response, PageError> {
    let login = visit.administrator()?;
    let mut form = Form::parse(query.unwrap_or_default().as_bytes(), &[]).map_err(|_| PageError::Bad)?;
    let cursor = form.take("cursor");
    let found = storefront
        .api
        .order
        .open_refunds(login, cursor.as_deref())
        .await?;
    let words = &visit.context.words;
    let page = visit.page(words.say("admin_refunds.title"));
    let view = RefundsPage {
        page: &page,
        notice: Notice::done(words, &mut form, &DONE),
        rows: found.items.into_iter().map(|refund| row(words, refund)).collect(),
        first: cursor.map(|_| "/admin/refunds"),
        next: next_page("/admin/refunds", found.next_cursor),
    };
    Ok(answer(StatusCode::OK, &view))
}

/// Approves or rejects a refund. The buyer reads the note.
pub async fn decide(
    State(storefront): State<Storefront>,
    visit: Visit,
    path: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, PageError> {
    let Path(id) = path.map_err(|_| PageError::Missing)?;
    let (_, mut form) = posted(&storefront, &visit, &headers, body, &[])?;
    let login = visit.administrator()?;
    let approve = match form.take("decision").as_deref() {
        Some("approve") => true,
        Some("reject") => false,
        Some(_) | None => return Err(PageError::Bad),
    };
    let note = form.take("note").unwrap_or_default();
    if note.trim().is_empty() {
        return Ok(see_other("/admin/refunds?done=note"));
    }
    let done = match storefront
        .api
        .order
        .decide(login, &id, approve, note.trim())
        .await
    {
        Ok(()) if approve => "approved",
        Ok(()) => "rejected",
        // A second press, or another administrator.
        Err(error) if error.code() == Some("decided") => "decided",
        Err(ApiError::Refused(problem)) if problem.code == "invalid_content" => "note",
        Err(ApiError::Refused(problem)) if problem.code == "not_refundable" => "not_now",
        Err(error) => return Err(error.into()),
    };
    Ok(see_other(&format!("/admin/refunds?done={done}")))
}

fn row(words: &Words, one: AdminRefund) -> Row {
    let refund = one.refund;
    Row {
        action: format!("/admin/refunds/{}", segment(&refund.id)),
        order: format!("/admin/orders/{}", segment(&one.order_id)),
        amount: money(words, &refund.amount),
        to: match refund.to {
            RefundTo::Wallet => "admin_refunds.to_wallet",
            RefundTo::Card => "admin_refunds.to_card",
        },
        review: match refund.review.as_deref() {
            Some("late") => Some("admin_refunds.late"),
            Some("consumed") => Some("admin_refunds.consumed"),
            Some("progress") => Some("admin_refunds.progress"),
            _ => None,
        },
        reason: refund.reason,
        minute: words.minute(&refund.requested_at),
        at: refund.requested_at,
        id: refund.id,
    }
}

const DONE: [(&str, Said); 5] = [
    (
        "approved",
        ("success", "admin_refunds.approved", "admin_refunds.approved_next"),
    ),
    (
        "rejected",
        ("success", "admin_refunds.rejected", "admin_refunds.rejected_next"),
    ),
    (
        "decided",
        ("info", "admin_refunds.decided", "admin_refunds.decided_next"),
    ),
    (
        "note",
        ("danger", "admin_refunds.no_note", "admin_refunds.no_note_next"),
    ),
    (
        "not_now",
        ("warning", "admin_refunds.not_now", "admin_refunds.not_now_next"),
    ),
];
