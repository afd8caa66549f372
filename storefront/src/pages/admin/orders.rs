//! `/admin/orders`: everybody's orders, and the saga of one of them with what can be done about it.

use askama::Template;
use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, PathRejection};
use axum::extract::{Path, RawQuery, State};
use axum::response::Response;
use http::{HeaderMap, StatusCode};
use latchkey_http::Form;
use latchkey_web::{Words, answer, see_other};

use crate::Storefront;
use crate::api::ApiError;
use crate::api::order::administration::{Filter, LogEntry, Part, Saga, TimerKind};
use crate::api::order::{Order, OrderState};
use crate::format::{self, Day, money, segment};
use crate::page::ShopPage;
use crate::page_error::PageError;
use crate::pages::{Notice, Said};
use crate::posted::posted;
use crate::progress;
use crate::visit::Visit;

#[derive(Template)]
#[template(path = "storefront/admin_orders.html")]
struct OrdersPage<'a> {
    page: &'a ShopPage,
    shown: Vec<Choice>,
    rows: Vec<Row>,
    first: Option<String>,
    next: Option<String>,
}

/// A filter that can be chosen.
struct Choice {
    value: &'static str,
    label: String,
    chosen: bool,
}

struct Row {
    href: String,
    number: String,
    title: String,
    more: Option<String>,
    buyer: String,
    day: Option<Day>,
    state: String,
    tone: &'static str,
    alerted: Option<String>,
    total: String,
}

#[derive(Template)]
#[template(path = "storefront/admin_order.html")]
struct SagaPage<'a> {
    page: &'a ShopPage,
    heading: String,
    notice: Option<Notice<'a>>,
    state: String,
    tone: &'static str,
    reason: Option<String>,
    alerted: Option<String>,
    buyer: String,
    grant: String,
    payment: Option<String>,
    total: Option<String>,
    lines: Vec<String>,
    parts: Vec<PartView>,
    timers: Vec<TimerView>,
    steps: Vec<StepView>,
    /// Whether somebody can be asked again.
    waits: bool,
    here: String,
    /// What was typed, and why it was refused.
    note: String,
    wrong: Option<&'static str>,
}

/// One of the three participants.
struct PartView {
    /// The name of the message.
    name: &'static str,
    mark: &'static str,
    words: String,
    done: bool,
    failed: bool,
    current: bool,
}

struct TimerView {
    words: String,
    at: String,
    minute: Option<String>,
}

struct StepView {
    at: String,
    minute: Option<String>,
    /// If the state changed with it.
    state: Option<(String, &'static str)>,
    cause: String,
    code: String,
    sent: Vec<String>,
    actor: Option<String>,
    note: Option<String>,
}

pub async fn list(
    State(storefront): State<Storefront>,
    visit: Visit,
    RawQuery(query): RawQuery,
) -> Result<Response, PageError> {
    let login = visit.administrator()?;
    let mut form = Form::parse(query.unwrap_or_default().as_bytes(), &[]).map_err(|_| PageError::Bad)?;
    let show = form.take("show").unwrap_or_default();
    let cursor = form.take("cursor");
    let filter = match show.as_str() {
        "" => Filter::All,
        "alerted" => Filter::Alerted,
        state if STATES.iter().any(|known| known.as_str() == state) => Filter::In(state),
        _ => return Err(PageError::Bad),
    };
    let found = storefront.api.order.all(login, filter, cursor.as_deref()).await?;
    let words = &visit.context.words;
    let rows = found.items.into_iter().map(|one| Row {
        href: format!("/admin/orders/{}", segment(&one.order.id)),
        more: (one.order.line_count > 1).then(|| words.count("orders.more", one.order.line_count - 1)),
        day: format::day(words, &one.order.created_at),
        state: said(words, one.order.state),
        tone: one.order.state.tone(),
        alerted: one.alerted_at.as_deref().map(|at| since(words, at)),
        total: money(words, &one.order.total),
        number: one.order.number,
        title: one.order.title,
        buyer: one.buyer_id,
    });
    let rows = rows.collect();
    let choice = |value: &'static str, label: String| Choice {
        chosen: value == show,
        value,
        label,
    };
    let mut shown = vec![
        choice("", words.say("admin_orders.all").to_owned()),
        choice("alerted", words.say("admin_orders.alerted").to_owned()),
    ];
    shown.extend(STATES.map(|state| choice(state.as_str(), said(words, state))));
    let here = match show.is_empty() {
        true => "/admin/orders".to_owned(),
        false => format!("/admin/orders?show={}", segment(&show)),
    };
    let join = if show.is_empty() { '?' } else { '&' };
    let page = visit.page(words.say("admin_orders.title"));
    let view = OrdersPage {
        page: &page,
        shown,
        rows,
        next: found
            .next_cursor
            .map(|cursor| format!("{here}{join}cursor={}", segment(&cursor))),
        first: cursor.map(|_| here),
    };
    Ok(answer(StatusCode::OK, &view))
}

pub async fn show(
    State(storefront): State<Storefront>,
    visit: Visit,
    path: Result<Path<String>, PathRejection>,
    RawQuery(query): RawQuery,
) -> Result<Response, PageError> {
    let login = visit.administrator()?;
    let Path(id) = path.map_err(|_| PageError::Missing)?;
    let mut form = Form::parse(query.unwrap_or_default().as_bytes(), &[]).map_err(|_| PageError::Bad)?;
    let notice = Notice::done(&visit.context.words, &mut form, &DONE);
    page_of(&storefront, &visit, login, &id, notice, None).await
}

/// Asks again whoever has not answered.
pub async fn retry(
    State(storefront): State<Storefront>,
    visit: Visit,
    path: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, PageError> {
    let Path(id) = path.map_err(|_| PageError::Missing)?;
    posted(&storefront, &visit, &headers, body, &[])?;
    let login = visit.administrator()?;
    let done = match storefront.api.order.retry(login, &id).await {
        Ok(_) => "retry",
        // It went on by itself meanwhile.
        Err(error) if error.code() == Some("nothing_to_retry") => "nothing",
        Err(error) => return Err(error.into()),
    };
    Ok(see_other(&format!("/admin/orders/{}?done={done}", segment(&id))))
}

/// Closes the alert, with a note for the record.
pub async fn resolve(
    State(storefront): State<Storefront>,
    visit: Visit,
    path: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, PageError> {
    let Path(id) = path.map_err(|_| PageError::Missing)?;
    let (_, mut form) = posted(&storefront, &visit, &headers, body, &[])?;
    let login = visit.administrator()?;
    let note = form.take("note").unwrap_or_default();
    let resolved = match note.trim() {
        "" => Err("admin_order.no_note"),
        typed => match storefront.api.order.resolve(login, &id, typed).await {
            Ok(_) => Ok("resolve"),
            Err(error) if error.code() == Some("nothing_to_resolve") => Ok("nothing"),
            Err(ApiError::Refused(problem)) if problem.code == "invalid_content" => {
                Err("admin_order.no_note")
            }
            Err(error) => return Err(error.into()),
        },
    };
    match resolved {
        Ok(done) => Ok(see_other(&format!("/admin/orders/{}?done={done}", segment(&id)))),
        Err(wrong) => page_of(&storefront, &visit, login, &id, None, Some((note, wrong))).await,
    }
}

async fn page_of(
    storefront: &Storefront,
    visit: &Visit,
    login: &str,
    id: &str,
    notice: Option<Notice<'_>>,
    wrong: Option<(String, &'static str)>,
) -> Result<Response, PageError> {
    let orders = &storefront.api.order;
    let (saga, order) = futures::future::join(orders.saga(login, id), orders.order(login, id)).await;
    let (saga, order) = (saga?, order.ok());
    let words = &visit.context.words;
    let heading = words.fill("order.title", &[("number", &saga.number)]);
    let page = visit.page(heading.as_str());
    let status = match wrong {
        Some(_) => StatusCode::UNPROCESSABLE_ENTITY,
        None => StatusCode::OK,
    };
    let (note, wrong) = wrong.map_or((String::new(), None), |(note, wrong)| (note, Some(wrong)));
    let view = SagaPage {
        page: &page,
        heading,
        notice,
        state: said(words, saga.state),
        tone: saga.state.tone(),
        reason: saga.reason.as_deref().map(|reason| {
            let name = progress::reason(reason);
            words.say(&format!("reason.{name}")).to_owned()
        }),
        alerted: saga.alerted_at.as_deref().map(|at| since(words, at)),
        grant: format!("/admin/grants?user={}", segment(&saga.buyer_id)),
        total: order.as_ref().map(|order| money(words, &order.total)),
        lines: order.iter().flat_map(|order| lines(words, order)).collect(),
        parts: parts(words, &saga),
        timers: timers(words, &saga),
        waits: !saga.state.is_settled(),
        here: format!("/admin/orders/{}", segment(&saga.id)),
        steps: saga.log.into_iter().map(|entry| step(words, entry)).collect(),
        buyer: saga.buyer_id,
        payment: saga.payment_id,
        note,
        wrong,
    };
    Ok(answer(status, &view))
}

fn lines(words: &Words, order: &Order) -> Vec<String> {
    let line = |line: &crate::api::order::OrderLine| {
        let total = money(words, &line.total);
        format!("{} × {} · {total}", line.title, line.quantity)
    };
    order.lines.iter().map(line).collect()
}

fn parts(words: &Words, saga: &Saga) -> Vec<PartView> {
    let all = [
        ("admin_order.seats", saga.seats),
        ("admin_order.coupon", saga.coupon),
        ("admin_order.payment", saga.payment),
    ];
    all.map(|(name, part)| {
        let mark = match part {
            Part::Idle => "skipped",
            Part::Asked | Part::Settling | Part::Undoing => "now",
            Part::Held => "held",
            Part::Settled => "done",
            Part::Undone => "undone",
            Part::Refused => "failed",
        };
        PartView {
            name,
            mark,
            words: words.say(&format!("saga_part.{}", part.as_str())).to_owned(),
            done: matches!(part, Part::Held | Part::Settled),
            failed: part == Part::Refused,
            current: mark == "now",
        }
    })
    .into()
}

/// What the order does by itself, in the order of time.
fn timers(words: &Words, saga: &Saga) -> Vec<TimerView> {
    let mut all: Vec<_> = saga.timers.iter().collect();
    all.sort_by(|a, b| a.due_at.cmp(&b.due_at));
    let view = |timer: &crate::api::order::administration::Timer| {
        let name = match timer.kind {
            TimerKind::Resend => "saga_timer.resend",
            TimerKind::Deadline => "saga_timer.deadline",
            TimerKind::Query => "saga_timer.query",
            TimerKind::Alert => "saga_timer.alert",
        };
        let mut text = words.say(name).to_owned();
        if timer.attempt > 0 {
            text = format!("{text} {}", words.count("saga_timer.attempts", timer.attempt));
        }
        TimerView {
            words: text,
            minute: words.minute(&timer.due_at),
            at: timer.due_at.clone(),
        }
    };
    all.into_iter().map(view).collect()
}

fn step(words: &Words, entry: LogEntry) -> StepView {
    let moved = entry.from != entry.to || entry.seq == 1;
    let key = entry.cause.replace(['.', '-'], "_");
    let known = CAUSES.iter().find(|known| **known == key);
    StepView {
        state: moved.then(|| (said(words, entry.to), entry.to.tone())),
        cause: known.map_or_else(
            || entry.cause.clone(),
            |name| words.say(&format!("saga_cause.{name}")).to_owned(),
        ),
        minute: second(words, &entry.at),
        at: entry.at,
        code: entry.cause,
        sent: entry.data.commands,
        actor: entry.actor,
        note: entry.data.note,
    }
}

/// The day and second of a timestamp.
fn second(words: &Words, instant: &str) -> Option<String> {
    let (date, time) = (words.day(instant)?, instant.get(11..19)?);
    Some(words.fill("date.with_time", &[("date", &date), ("time", &time)]))
}

fn said(words: &Words, state: OrderState) -> String {
    words.say(&format!("order_state.{}", state.as_str())).to_owned()
}

fn since(words: &Words, at: &str) -> String {
    let at = words.minute(at).unwrap_or_else(|| at.to_owned());
    words.fill("admin_orders.since", &[("time", &at)])
}

const DONE: [(&str, Said); 3] = [
    (
        "retry",
        ("success", "admin_order.done_retry", "admin_order.done_retry_next"),
    ),
    (
        "resolve",
        (
            "success",
            "admin_order.done_resolve",
            "admin_order.done_resolve_next",
        ),
    ),
    (
        "nothing",
        (
            "info",
            "admin_order.done_nothing",
            "admin_order.done_nothing_next",
        ),
    ),
];

/// The states that a list can be of.
const STATES: [OrderState; 12] = [
    OrderState::Submitted,
    OrderState::Reserved,
    OrderState::ActionRequired,
    OrderState::Capturing,
    OrderState::Paid,
    OrderState::Compensating,
    OrderState::Completed,
    OrderState::Refunding,
    OrderState::PartiallyRefunded,
    OrderState::Refunded,
    OrderState::Failed,
    OrderState::Cancelled,
];

/// The causes of a step that have words; another one is shown as it is.
const CAUSES: [&str; 28] = [
    "admin_resolve",
    "admin_retry",
    "buyer_cancel",
    "buyer_submit",
    "discount_committed",
    "discount_refused",
    "discount_released",
    "discount_reserved",
    "identity_user_deleted",
    "inventory_granted",
    "inventory_refused",
    "inventory_released",
    "inventory_reserved",
    "inventory_revoked",
    "inventory_stale",
    "payment_action_required",
    "payment_authorized",
    "payment_capture_failed",
    "payment_captured",
    "payment_declined",
    "payment_refund_failed",
    "payment_refunded",
    "payment_voided",
    "refund_approved",
    "timer_alert",
    "timer_deadline",
    "timer_query",
    "timer_resend",
];
