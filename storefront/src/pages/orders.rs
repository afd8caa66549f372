//! `/orders` and `/orders/{id}`: what the user has ordered, and asking for money back.

use askama::Template;
use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, PathRejection};
use axum::extract::{Path, RawQuery, State};
use axum::response::Response;
use http::{HeaderMap, StatusCode};
use latchkey_contracts::Money;
use latchkey_contracts::events::payment::RefundTo;
use latchkey_http::Form;
use latchkey_web::{Words, answer, see_other};

use super::order_status::{failure, told};
use super::{Failure, Notice, Said, next_page};
use crate::Storefront;
use crate::api::ApiError;
use crate::api::order::{Order, OrderLine, OrderState, Refund, RefundBody, RefundState, Step};
use crate::format::{self, Day, money, segment};
use crate::page::ShopPage;
use crate::page_error::PageError;
use crate::posted::posted;
use crate::progress;
use crate::visit::Visit;

#[derive(Template)]
#[template(path = "storefront/orders.html")]
struct OrdersPage<'a> {
    page: &'a ShopPage,
    rows: Vec<Row>,
    first: Option<&'a str>,
    next: Option<String>,
}

struct Row {
    href: String,
    title: String,
    /// `and 2 more`
    more: Option<String>,
    number: String,
    day: Option<Day>,
    state: String,
    tone: &'static str,
    total: String,
}

#[derive(Template)]
#[template(path = "storefront/order.html")]
struct OrderPage<'a> {
    page: &'a ShopPage,
    heading: String,
    state: String,
    tone: &'static str,
    day: Option<Day>,
    told: String,
    notice: Option<Notice<'a>>,
    failure: Option<Failure>,
    /// Where to go, and the name of its message.
    way: Option<(String, &'static str)>,
    invoice: Option<String>,
    lines: Vec<Line>,
    sums: Vec<Sum>,
    address: Vec<String>,
    refunds: Vec<RefundView<'a>>,
    action: String,
    ask: Option<Ask>,
    history: Vec<Happened>,
}

struct Line {
    href: String,
    /// As it was bought.
    title: String,
    known_as: Option<String>,
    quantity: Option<String>,
    total: String,
    refunded: bool,
}

struct Sum {
    name: String,
    amount: String,
    total: bool,
}

struct RefundView<'a> {
    amount: String,
    state: &'a str,
    tone: &'static str,
    to: &'a str,
    day: Option<Day>,
    reason: String,
    review: Option<&'static str>,
    note: Option<String>,
}

struct Happened {
    words: String,
    at: String,
    minute: Option<String>,
}

/// The form that asks for a refund.
#[derive(Default)]
struct Ask {
    key: String,
    lines: Vec<AskLine>,
    reason: String,
    to_card: bool,
    /// Whether the card has paid enough for a line.
    card: bool,
    /// The name of the message that says what was wrong.
    wrong: Option<&'static str>,
    open: bool,
}

struct AskLine {
    id: String,
    title: String,
    total: String,
    chosen: bool,
}

/// What was sent, to be shown again.
struct Sent {
    lines: Vec<String>,
    reason: String,
    to_card: bool,
    wrong: &'static str,
}

pub async fn list(
    State(storefront): State<Storefront>,
    visit: Visit,
    RawQuery(query): RawQuery,
) -> Result<Response, PageError> {
    let login = visit.login().ok_or(PageError::SignedOut)?;
    let mut form = Form::parse(query.unwrap_or_default().as_bytes(), &[]).map_err(|_| PageError::Bad)?;
    let cursor = form.take("cursor");
    let found = storefront.api.order.orders(login, cursor.as_deref()).await?;
    let words = &visit.context.words;
    let rows = found.items.into_iter().map(|order| Row {
        href: address(&order.id, order.state),
        more: (order.line_count > 1).then(|| words.count("orders.more", order.line_count - 1)),
        day: format::day(words, &order.created_at),
        state: state(words, order.state),
        tone: order.state.tone(),
        total: money(words, &order.total),
        title: order.title,
        number: order.number,
    });
    let page = visit.page(words.say("orders.title"));
    let view = OrdersPage {
        page: &page,
        rows: rows.collect(),
        first: cursor.map(|_| "/orders"),
        next: next_page("/orders", found.next_cursor),
    };
    Ok(answer(StatusCode::OK, &view))
}

pub async fn show(
    State(storefront): State<Storefront>,
    visit: Visit,
    path: Result<Path<String>, PathRejection>,
    RawQuery(query): RawQuery,
) -> Result<Response, PageError> {
    let Path(id) = path.map_err(|_| PageError::Missing)?;
    let login = visit.login().ok_or(PageError::SignedOut)?;
    let mut form = Form::parse(query.unwrap_or_default().as_bytes(), &[]).map_err(|_| PageError::Bad)?;
    let order = storefront.api.order.order(login, &id).await?;
    let notice = Notice::done(&visit.context.words, &mut form, &DONE);
    page_of(&storefront, &visit, login, order, notice, None).await
}

/// Asks for money back.
pub async fn refund(
    State(storefront): State<Storefront>,
    visit: Visit,
    path: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, PageError> {
    let Path(id) = path.map_err(|_| PageError::Missing)?;
    let (login, mut form) = posted(&storefront, &visit, &headers, body, &["line"])?;
    let key = form.take("key").ok_or(PageError::Bad)?;
    let to = match form.take("to").as_deref() {
        Some("wallet") => RefundTo::Wallet,
        Some("card") => RefundTo::Card,
        _ => return Err(PageError::Bad),
    };
    let lines = form.take_all("line");
    let reason = form.take("reason").unwrap_or_default();
    let asked = match (lines.is_empty(), reason.trim().is_empty()) {
        (true, _) => Err("refund.no_lines"),
        (false, true) => Err("refund.no_reason"),
        (false, false) => {
            let body = RefundBody {
                lines: Some(&lines),
                reason: &reason,
                to,
            };
            match storefront.api.order.refund(login, &id, &key, &body).await {
                Ok(_) => Ok(()),
                Err(error) => Err(refused(error)?),
            }
        }
    };
    let Err(wrong) = asked else {
        return Ok(see_other(&format!("/orders/{}?done=refund", segment(&id))));
    };
    let order = storefront.api.order.order(login, &id).await?;
    let sent = Sent {
        lines,
        reason,
        to_card: to == RefundTo::Card,
        wrong,
    };
    page_of(&storefront, &visit, login, order, None, Some(sent)).await
}

/// The message about a refund that was refused.
fn refused(error: ApiError) -> Result<&'static str, PageError> {
    let ApiError::Refused(problem) = error else {
        return Err(error.into());
    };
    Ok(match problem.code.as_str() {
        "refund_open" => "refund.open",
        "not_refundable" => "refund.not_refundable",
        "more_than_card" => "refund.more_than_card",
        _ if problem.errors.iter().any(|error| error.field == "reason") => "refund.no_reason",
        _ => "refund.refused",
    })
}

async fn page_of(
    storefront: &Storefront,
    visit: &Visit,
    login: &str,
    order: Order,
    notice: Option<Notice<'_>>,
    sent: Option<Sent>,
) -> Result<Response, PageError> {
    let words = &visit.context.words;
    let settled = order.state.is_settled();
    let refunded = order.refundable || order.refunded.amount > 0 || order.state == OrderState::Refunding;
    let refunds = async {
        match refunded {
            true => storefront.api.order.refunds(login, &order.id).await,
            false => Ok(Vec::new()),
        }
    };
    let history = async {
        match settled {
            true => storefront.api.order.history(login, &order.id).await,
            false => Ok(Vec::new()),
        }
    };
    let (refunds, history) = futures::future::join(refunds, history).await;
    // The page is as good without its history.
    let history = match history {
        Err(error) if error.is_away() => Vec::new(),
        other => other?,
    };
    let status = match sent {
        Some(_) => StatusCode::UNPROCESSABLE_ENTITY,
        None => StatusCode::OK,
    };
    let heading = words.fill("order.title", &[("number", &order.number)]);
    let page = visit.page(heading.as_str());
    let here = format!("/orders/{}", segment(&order.id));
    let view = OrderPage {
        page: &page,
        heading,
        state: state(words, order.state),
        tone: order.state.tone(),
        day: format::day(words, &order.created_at),
        told: told(words, order.state),
        notice,
        failure: failure(words, &order),
        way: way(&order, &here),
        invoice: order.paid.as_ref().map(|_| format!("{here}/invoice")),
        lines: order.lines.iter().map(|line| line_view(words, line)).collect(),
        sums: sums(words, &order),
        address: address_lines(&order),
        refunds: refunds?
            .into_iter()
            .map(|refund| refund_view(words, refund))
            .collect(),
        action: format!("{here}/refunds"),
        ask: ask(storefront, words, &order, sent),
        history: happened(words, history),
    };
    Ok(answer(status, &view))
}

/// What can be done about the order now.
fn way(order: &Order, here: &str) -> Option<(String, &'static str)> {
    if !order.state.is_settled() {
        return Some((format!("{here}/status"), "order.follow"));
    }
    match order.state {
        OrderState::Completed | OrderState::PartiallyRefunded => Some(("/library".to_owned(), "order.learn")),
        _ => {
            let reason = order.reason.as_deref()?;
            let (href, name) = progress::advice(reason).way?;
            Some((href.to_owned(), name))
        }
    }
}

fn line_view(words: &Words, line: &OrderLine) -> Line {
    Line {
        href: format!("/courses/{}", segment(&line.slug)),
        title: line.title.clone(),
        known_as: (line.display_title != line.title)
            .then(|| words.fill("order.known_as", &[("title", &line.display_title)])),
        quantity: (line.quantity > 1).then(|| words.fill("order.quantity", &[("n", &line.quantity)])),
        total: money(words, &line.total),
        refunded: line.refunded,
    }
}

fn sums(words: &Words, order: &Order) -> Vec<Sum> {
    let sum = |name: String, amount: &Money| Sum {
        name,
        amount: money(words, amount),
        total: false,
    };
    let say = |name| words.say(name).to_owned();
    let mut sums = Vec::new();
    if order.discount_total.amount > 0 {
        sums.push(sum(say("order.subtotal"), &order.subtotal));
        let less = Money::new(
            -order.discount_total.amount,
            order.discount_total.currency.as_str(),
        );
        let name = match &order.coupon_code {
            Some(code) => words.fill("order.discount_code", &[("code", code)]),
            None => say("order.discount"),
        };
        sums.push(sum(name, &less));
    }
    sums.push(Sum {
        total: true,
        ..sum(say("order.total"), &order.total)
    });
    if order.tax_total.amount > 0 {
        sums.push(sum(say("order.tax"), &order.tax_total));
    }
    if let Some(paid) = &order.paid {
        let parts = [
            ("order.from_wallet", &paid.wallet),
            ("order.from_card", &paid.card),
        ];
        let parts = parts.into_iter().filter(|(_, part)| part.amount > 0);
        sums.extend(parts.map(|(name, part)| sum(say(name), part)));
    }
    if order.refunded.amount > 0 {
        sums.push(sum(say("order.refunded"), &order.refunded));
    }
    sums
}

fn refund_view(words: &Words, refund: Refund) -> RefundView<'_> {
    let (state, tone) = match refund.state {
        RefundState::Requested => ("refund.state_requested", "badge-warning"),
        RefundState::Approved => ("refund.state_approved", "badge-warning"),
        RefundState::Refunded => ("refund.state_refunded", ""),
        RefundState::Rejected => ("refund.state_rejected", "badge-quiet"),
        RefundState::Failed => ("refund.state_failed", "badge-quiet"),
    };
    RefundView {
        amount: money(words, &refund.amount),
        state: words.say(state),
        tone,
        to: words.say(match refund.to {
            RefundTo::Wallet => "refund.to_wallet",
            RefundTo::Card => "refund.to_card",
        }),
        day: format::day(words, &refund.requested_at),
        review: match (refund.state, refund.review.as_deref()) {
            (RefundState::Requested, Some("late")) => Some("refund.review_late"),
            (RefundState::Requested, Some("consumed")) => Some("refund.review_consumed"),
            (RefundState::Requested, Some("progress")) => Some("refund.review_progress"),
            _ => None,
        },
        note: refund
            .note
            .map(|note| words.fill("refund.note", &[("note", &note)])),
        reason: refund.reason,
    }
}

fn ask(storefront: &Storefront, words: &Words, order: &Order, sent: Option<Sent>) -> Option<Ask> {
    if !order.refundable && sent.is_none() {
        return None;
    }
    let open = order.lines.iter().filter(|line| !line.refunded);
    let lines = open.map(|line| AskLine {
        id: line.line_id.clone(),
        title: line.title.clone(),
        total: money(words, &line.total),
        chosen: match &sent {
            Some(sent) => sent.lines.contains(&line.line_id),
            None => true,
        },
    });
    let lines = lines.collect();
    // It gives back what it has paid, and is no choice where it has paid less than for any line.
    let paid = order.paid.as_ref().map_or(0, |paid| paid.card.amount);
    let mut totals = order
        .lines
        .iter()
        .filter(|line| !line.refunded)
        .map(|line| line.total.amount);
    let card = paid > 0 && totals.any(|total| total <= paid);
    Some(match sent {
        Some(sent) => Ask {
            // The key stands for what was sent: something else is another request.
            key: storefront.key(),
            reason: sent.reason,
            to_card: card && sent.to_card,
            wrong: Some(sent.wrong),
            open: true,
            lines,
            card,
        },
        None => Ask {
            key: storefront.key(),
            to_card: false,
            lines,
            card,
            ..Ask::default()
        },
    })
}

/// Where the order changed its state, and when it began.
fn happened(words: &Words, history: Vec<Step>) -> Vec<Happened> {
    let changes = history.into_iter().enumerate();
    let changes = changes.filter(|(n, step)| *n == 0 || step.from != step.to);
    changes
        .map(|(_, step)| Happened {
            words: words.say(&format!("history.{}", step.to.as_str())).to_owned(),
            minute: words.minute(&step.at),
            at: step.at,
        })
        .collect()
}

fn address_lines(order: &Order) -> Vec<String> {
    let Some(address) = &order.billing_address else {
        return Vec::new();
    };
    let place = format!("{} {}", address.postal_code, address.city);
    [&address.name, &address.street, &place, &address.country]
        .into_iter()
        .filter(|line| !line.trim().is_empty())
        .cloned()
        .collect()
}

fn state(words: &Words, state: OrderState) -> String {
    words.say(&format!("order_state.{}", state.as_str())).to_owned()
}

/// An order that goes on is shown by its status.
fn address(id: &str, state: OrderState) -> String {
    match state.is_settled() {
        true => format!("/orders/{}", segment(id)),
        false => format!("/orders/{}/status", segment(id)),
    }
}

const DONE: [(&str, Said); 1] = [("refund", ("success", "refund.done", "refund.done_next"))];
