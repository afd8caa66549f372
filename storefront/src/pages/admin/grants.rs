//! `/admin/grants`: credits and items that administrators give, each with its reason. Large grants of credits wait for
//! a second administrator.

use askama::Template;
use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, PathRejection};
use axum::extract::{Path, RawQuery, State};
use axum::response::Response;
use http::{HeaderMap, StatusCode};
use latchkey_contracts::Money;
use latchkey_http::Form;
use latchkey_web::{Words, answer, see_other};

use crate::Storefront;
use crate::api::catalog::Found;
use crate::api::payment::{Grant, GrantState};
use crate::api::{ApiError, Problem};
use crate::format::{self, money, segment};
use crate::page::ShopPage;
use crate::page_error::PageError;
use crate::pages::{Notice, Said, next_page};
use crate::posted::posted;
use crate::visit::Visit;

#[derive(Template)]
#[template(path = "storefront/admin_grants.html")]
struct GrantsPage<'a> {
    page: &'a ShopPage,
    notice: Option<Notice<'a>>,
    credits: Credits,
    item: Item,
    rows: Vec<Row>,
    first: Option<&'a str>,
    next: Option<String>,
}

/// The form that gives credits, as it was typed.
#[derive(Default)]
struct Credits {
    key: String,
    user: String,
    amount: String,
    reason: String,
    /// The field and the message of each fault.
    wrong: Vec<(&'static str, &'static str)>,
}

/// The form that gives a course or an item.
#[derive(Default)]
struct Item {
    key: String,
    user: String,
    course: String,
    quantity: String,
    reason: String,
    wrong: Vec<(&'static str, &'static str)>,
}

struct Row {
    amount: String,
    user: String,
    reason: String,
    pending: bool,
    by: String,
    approved_by: Option<String>,
    at: String,
    minute: Option<String>,
    /// Where the approval goes, for another administrator's grant.
    approve: Option<String>,
}

impl GrantsPage<'_> {
    fn credits_fault(&self, field: &str) -> Option<&'static str> {
        fault(&self.credits.wrong, field)
    }

    fn item_fault(&self, field: &str) -> Option<&'static str> {
        fault(&self.item.wrong, field)
    }
}

fn fault(wrong: &[(&'static str, &'static str)], field: &str) -> Option<&'static str> {
    let mut here = wrong.iter().filter(|(at, _)| *at == field);
    here.next().map(|(_, name)| *name)
}

pub async fn show(
    State(storefront): State<Storefront>,
    visit: Visit,
    RawQuery(query): RawQuery,
) -> Result<Response, PageError> {
    let login = visit.administrator()?;
    let mut form = Form::parse(query.unwrap_or_default().as_bytes(), &[]).map_err(|_| PageError::Bad)?;
    let user = form.take("user").unwrap_or_default();
    let credits = Credits {
        user: user.clone(),
        ..Credits::default()
    };
    let item = Item {
        user,
        ..Item::default()
    };
    let cursor = form.take("cursor");
    let notice = Notice::done(&visit.context.words, &mut form, &DONE);
    page_of(&storefront, &visit, login, credits, item, cursor, notice).await
}

/// Gives credits to a wallet. The key of the form makes a second press the same grant.
pub async fn credits(
    State(storefront): State<Storefront>,
    visit: Visit,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, PageError> {
    let (_, mut form) = posted(&storefront, &visit, &headers, body, &[])?;
    let login = visit.administrator()?;
    let mut sheet = Credits {
        key: form.take("key").ok_or(PageError::Bad)?,
        user: typed(&mut form, "user"),
        amount: typed(&mut form, "amount"),
        reason: typed(&mut form, "reason"),
        wrong: Vec::new(),
    };
    let amount = format::amount(&sheet.amount).ok().flatten();
    if sheet.user.is_empty() {
        sheet.wrong.push(("user", "grants.wrong_user"));
    }
    if amount.is_none() {
        sheet.wrong.push(("amount", "grants.wrong_amount"));
    }
    if sheet.reason.chars().count() < SHORTEST_REASON {
        sheet.wrong.push(("reason", "grants.wrong_reason"));
    }
    if let (Some(amount), true) = (amount, sheet.wrong.is_empty()) {
        let amount = Money::new(amount, CURRENCY);
        let payment = &storefront.api.payment;
        match payment
            .grant(login, &sheet.key, &sheet.user, &amount, &sheet.reason)
            .await
        {
            Ok(grant) => {
                let done = match grant.state {
                    GrantState::Granted => "granted",
                    GrantState::Pending => "pending",
                };
                return Ok(see_other(&format!("/admin/grants?done={done}")));
            }
            Err(ApiError::Missing) => sheet.wrong.push(("user", "grants.wrong_user")),
            Err(ApiError::Refused(problem)) => sheet.wrong.push(refused_credits(&problem)),
            // It may have been given: the form keeps its key.
            Err(error) if error.is_away() => {
                sheet.wrong.push(("", "grants.unanswered"));
                return page_of(&storefront, &visit, login, sheet, Item::default(), None, None).await;
            }
            Err(error) => return Err(error.into()),
        }
        // The key stands for what was sent: something else is another grant.
        sheet.key = String::new();
    }
    page_of(&storefront, &visit, login, sheet, Item::default(), None, None).await
}

/// Gives a course or an item.
pub async fn item(
    State(storefront): State<Storefront>,
    visit: Visit,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, PageError> {
    let (_, mut form) = posted(&storefront, &visit, &headers, body, &[])?;
    let login = visit.administrator()?;
    let mut sheet = Item {
        key: form.take("key").ok_or(PageError::Bad)?,
        user: typed(&mut form, "user"),
        course: typed(&mut form, "course"),
        quantity: typed(&mut form, "quantity"),
        reason: typed(&mut form, "reason"),
        wrong: Vec::new(),
    };
    let quantity = match sheet.quantity.as_str() {
        "" => Some(1),
        text => text.parse::<i64>().ok().filter(|n| (1..=100).contains(n)),
    };
    if sheet.user.is_empty() {
        sheet.wrong.push(("user", "grants.wrong_user"));
    }
    if quantity.is_none() {
        sheet.wrong.push(("quantity", "grants.wrong_quantity"));
    }
    if sheet.reason.is_empty() {
        sheet.wrong.push(("reason", "grants.wrong_reason"));
    }
    let course = match course_id(&storefront, &sheet.course).await? {
        Some(id) => id,
        None => {
            sheet.wrong.push(("course", "grants.wrong_course"));
            String::new()
        }
    };
    if let (Some(quantity), true) = (quantity, sheet.wrong.is_empty()) {
        let inventory = &storefront.api.inventory;
        match inventory
            .grant(login, &sheet.key, &sheet.user, &course, quantity, &sheet.reason)
            .await
        {
            Ok(_) => return Ok(see_other("/admin/grants?done=item")),
            Err(ApiError::Refused(problem)) => sheet.wrong.push(refused_item(&problem)),
            Err(error) if error.is_away() => {
                sheet.wrong.push(("", "grants.unanswered"));
                return page_of(&storefront, &visit, login, Credits::default(), sheet, None, None).await;
            }
            Err(error) => return Err(error.into()),
        }
        sheet.key = String::new();
    }
    page_of(&storefront, &visit, login, Credits::default(), sheet, None, None).await
}

/// Agrees to a large grant of another administrator.
pub async fn approve(
    State(storefront): State<Storefront>,
    visit: Visit,
    path: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, PageError> {
    let Path(id) = path.map_err(|_| PageError::Missing)?;
    posted(&storefront, &visit, &headers, body, &[])?;
    let login = visit.administrator()?;
    let done = match storefront.api.payment.approve_grant(login, &id).await {
        Ok(_) => "approved",
        Err(error) => match error.code() {
            Some("grant_decided") => "decided",
            Some("same_administrator") => "same",
            Some("wallet_full" | "wallet_closed") => "wallet",
            Some(_) | None => return Err(error.into()),
        },
    };
    Ok(see_other(&format!("/admin/grants?done={done}")))
}

/// The id of a course that is named by its id, its name in addresses, or its whole address.
async fn course_id(storefront: &Storefront, typed: &str) -> Result<Option<String>, PageError> {
    let name = typed.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    let mut name = name.split(['?', '#']).next().unwrap_or_default().to_owned();
    if name.is_empty() {
        return Ok(None);
    }
    // A renamed course says its new name once.
    for _ in 0..2 {
        match storefront.api.catalog.course(&name).await {
            Ok(Found::Here(course)) => return Ok(Some(course.summary.id)),
            Ok(Found::Moved(to)) => name = to,
            Err(ApiError::Missing | ApiError::Rejected) => return Ok(None),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(None)
}

fn refused_credits(problem: &Problem) -> (&'static str, &'static str) {
    match problem.code.as_str() {
        "wallet_full" => ("amount", "grants.full"),
        "wallet_closed" => ("user", "grants.closed"),
        "idempotency_key_reused" => ("", "grants.sent_otherwise"),
        _ if names(problem, "reason") => ("reason", "grants.wrong_reason"),
        _ if names(problem, "amount") => ("amount", "grants.wrong_amount"),
        _ => ("", "grants.refused"),
    }
}

fn refused_item(problem: &Problem) -> (&'static str, &'static str) {
    match problem.code.as_str() {
        "already_owned" => ("course", "grants.owned"),
        "already_pending" => ("course", "grants.ordering"),
        "sold_out" => ("course", "grants.sold_out"),
        "idempotency_key_reused" => ("", "grants.sent_otherwise"),
        _ if names(problem, "user") => ("user", "grants.wrong_user"),
        _ if names(problem, "quantity") => ("quantity", "grants.wrong_quantity"),
        _ if names(problem, "reason") => ("reason", "grants.wrong_reason"),
        _ if names(problem, "item_id") => ("course", "grants.wrong_course"),
        _ => ("", "grants.refused"),
    }
}

fn names(problem: &Problem, field: &str) -> bool {
    let of = |error: &crate::api::FieldError| error.field.split(['.', '[']).next() == Some(field);
    problem.errors.iter().any(of)
}

fn typed(form: &mut Form, name: &str) -> String {
    form.take(name).unwrap_or_default().trim().to_owned()
}

async fn page_of(
    storefront: &Storefront,
    visit: &Visit,
    login: &str,
    mut credits: Credits,
    mut item: Item,
    cursor: Option<String>,
    notice: Option<Notice<'_>>,
) -> Result<Response, PageError> {
    let found = storefront.api.payment.grants(login, cursor.as_deref()).await?;
    let words = &visit.context.words;
    for key in [&mut credits.key, &mut item.key] {
        if key.is_empty() {
            *key = storefront.key();
        }
    }
    let status = match credits.wrong.is_empty() && item.wrong.is_empty() {
        true => StatusCode::OK,
        false => StatusCode::UNPROCESSABLE_ENTITY,
    };
    let page = visit.page(words.say("grants.title"));
    let view = GrantsPage {
        page: &page,
        notice,
        credits,
        item,
        rows: found
            .items
            .into_iter()
            .map(|grant| row(words, visit.sub(), grant))
            .collect(),
        first: cursor.map(|_| "/admin/grants"),
        next: next_page("/admin/grants", found.next_cursor),
    };
    Ok(answer(status, &view))
}

fn row(words: &Words, me: Option<&str>, grant: Grant) -> Row {
    let pending = grant.state == GrantState::Pending;
    Row {
        amount: money(words, &grant.amount),
        pending,
        approve: (pending && me != Some(grant.requested_by.as_str()))
            .then(|| format!("/admin/grants/{}/approve", segment(&grant.id))),
        minute: words.minute(&grant.created_at),
        at: grant.created_at,
        user: grant.user_id,
        reason: grant.reason,
        by: grant.requested_by,
        approved_by: grant.approved_by,
    }
}

const DONE: [(&str, Said); 7] = [
    (
        "granted",
        ("success", "grants.done_granted", "grants.done_granted_next"),
    ),
    (
        "pending",
        ("info", "grants.done_pending", "grants.done_pending_next"),
    ),
    ("item", ("success", "grants.done_item", "grants.done_item_next")),
    (
        "approved",
        ("success", "grants.done_approved", "grants.done_approved_next"),
    ),
    (
        "decided",
        ("info", "grants.done_decided", "grants.done_decided_next"),
    ),
    ("same", ("warning", "grants.done_same", "grants.done_same_next")),
    (
        "wallet",
        ("warning", "grants.done_wallet", "grants.done_wallet_next"),
    ),
];

/// In characters, as the payment service has it.
const SHORTEST_REASON: usize = 5;
/// The only currency of the shop.
const CURRENCY: &str = "EUR";
