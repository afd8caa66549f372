//! The responses, as JSON.

use latchkey_clock::rfc3339;
use latchkey_contracts::Money;
use latchkey_contracts::events::course::CourseKind;
use latchkey_contracts::events::order::{BillingAddress, PaidSplit};
use latchkey_contracts::events::payment::RefundTo;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::domain::{Order, Part, Reason, Refund, RefundState, Review, State, TimerKind};
use crate::store::{Detail, Entry, LineView, Summary};

/// An order that was accepted: what becomes of it is told at its address.
#[derive(Serialize, ToSchema)]
pub struct Accepted {
    pub id: String,
    pub number: String,
    pub state: State,
    pub total: Money,
    pub version: i64,
}

/// An order with all details.
#[derive(Serialize, ToSchema)]
pub struct OrderView {
    pub id: String,
    /// For people.
    pub number: String,
    pub state: State,
    /// Why it did not come about, or what failed since.
    pub reason: Option<Reason>,
    pub lines: Vec<OrderLineView>,
    pub subtotal: Money,
    pub discount_total: Money,
    /// Contained in the total.
    pub tax_total: Money,
    pub total: Money,
    pub coupon_code: Option<String>,
    pub billing_address: Option<BillingAddress>,
    /// At payment, once it has begun. In `action_required` the buyer confirms there.
    pub payment_id: Option<String>,
    /// Once the money is taken.
    pub paid: Option<PaidSplit>,
    pub refunded: Money,
    pub cancellable: bool,
    pub refundable: bool,
    /// When the order gives up waiting in its current state.
    pub deadline_at: Option<String>,
    /// Also the ETag.
    pub version: i64,
    pub created_at: String,
    pub updated_at: String,
    pub completed_at: Option<String>,
}

/// A line as it was bought.
#[derive(Serialize, ToSchema)]
pub struct OrderLineView {
    pub line_id: String,
    pub course_id: String,
    pub kind: CourseKind,
    /// As it was bought.
    pub title: String,
    /// As the course is called now.
    pub display_title: String,
    pub slug: String,
    pub instructor_id: String,
    pub unit_price: Money,
    pub quantity: i64,
    pub discount: Money,
    pub tax: Money,
    pub total: Money,
    pub refunded: bool,
}

/// An order in a list.
#[derive(Serialize, ToSchema)]
pub struct OrderSummary {
    pub id: String,
    pub number: String,
    pub state: State,
    pub reason: Option<Reason>,
    /// The first line's, as the course is called now.
    pub title: String,
    pub line_count: i64,
    pub total: Money,
    pub version: i64,
    pub created_at: String,
    pub updated_at: String,
}

/// A page of orders. `next_cursor` is null on the last page.
#[derive(Serialize, ToSchema)]
pub struct OrderPage {
    pub items: Vec<OrderSummary>,
    pub next_cursor: Option<String>,
}

/// An order in the list of an administrator.
#[derive(Serialize, ToSchema)]
pub struct AdminOrder {
    #[serde(flatten)]
    pub order: OrderSummary,
    pub buyer_id: String,
    /// Since when somebody should look.
    pub alerted_at: Option<String>,
}

/// A page of everybody's orders. `next_cursor` is null on the last page.
#[derive(Serialize, ToSchema)]
pub struct AdminOrderPage {
    pub items: Vec<AdminOrder>,
    pub next_cursor: Option<String>,
}

/// A refund.
#[derive(Serialize, ToSchema)]
pub struct RefundView {
    pub id: String,
    pub order_id: String,
    /// The ids of the lines.
    pub lines: Vec<String>,
    pub amount: Money,
    pub to: RefundTo,
    pub reason: String,
    pub state: RefundState,
    /// Why an administrator must decide; null if nobody must.
    pub review: Option<Review>,
    /// What the administrator said.
    pub note: Option<String>,
    pub requested_at: String,
    pub updated_at: String,
}

/// The refunds of an order, the oldest first.
#[derive(Serialize, ToSchema)]
pub struct RefundList {
    pub items: Vec<RefundView>,
}

/// A page of refunds. `next_cursor` is null on the last page.
#[derive(Serialize, ToSchema)]
pub struct RefundPage {
    pub items: Vec<RefundView>,
    pub next_cursor: Option<String>,
}

/// The saga of an order, for whoever must mend it.
#[derive(Serialize, ToSchema)]
pub struct SagaView {
    pub id: String,
    pub number: String,
    pub buyer_id: String,
    pub state: State,
    pub reason: Option<Reason>,
    pub seats: Part,
    pub coupon: Part,
    pub payment: Part,
    pub payment_id: Option<String>,
    pub generation: i64,
    pub alerted_at: Option<String>,
    pub timers: Vec<TimerView>,
    /// The last steps, the oldest first.
    pub log: Vec<LogView>,
    pub version: i64,
}

/// What the order does if nothing happens before.
#[derive(Serialize, ToSchema)]
pub struct TimerView {
    pub kind: TimerKind,
    pub due_at: String,
    pub attempt: i64,
}

/// A step of an order.
#[derive(Serialize, ToSchema)]
pub struct LogView {
    pub seq: i64,
    pub at: String,
    pub from: State,
    pub to: State,
    pub cause: String,
    /// Who did it, where it was a person other than the buyer.
    pub actor: Option<String>,
    /// The commands that were sent, the reason, and notes.
    #[schema(value_type = Object)]
    pub data: Value,
}

/// A step of an order as its buyer follows it: the data of a server-sent event.
#[derive(Serialize, ToSchema)]
pub struct Progress {
    pub seq: i64,
    pub at: String,
    pub from: State,
    pub to: State,
    pub cause: String,
    pub reason: Option<Reason>,
}

impl From<&Order> for Accepted {
    fn from(order: &Order) -> Self {
        Self {
            id: order.id.clone(),
            number: order.number.clone(),
            state: order.state,
            total: order.terms.money(order.terms.total),
            version: order.version,
        }
    }
}

impl From<Detail> for OrderView {
    fn from(order: Detail) -> Self {
        let Detail {
            id,
            version,
            body,
            lines,
            buyer_id: _,
        } = order;
        let money = |amount: i64| Money::new(amount, body.currency.as_str());
        let line = |line: LineView| {
            let refunded = body.refunded_lines.contains(&line.line_id);
            OrderLineView::of(line, refunded, &body.currency)
        };
        Self {
            lines: lines.into_iter().map(line).collect(),
            subtotal: money(body.subtotal),
            discount_total: money(body.discount_total),
            tax_total: money(body.tax_total),
            total: money(body.total),
            paid: body.paid.map(|paid| PaidSplit {
                wallet: money(paid.wallet),
                card: money(paid.card),
            }),
            refunded: money(body.refunded),
            cancellable: body.state.is_cancellable(),
            refundable: body.state.is_refundable(),
            deadline_at: body.deadline_at.map(rfc3339),
            created_at: rfc3339(body.created_at),
            updated_at: rfc3339(body.updated_at),
            completed_at: body.completed_at.map(rfc3339),
            id,
            version,
            number: body.number,
            state: body.state,
            reason: body.reason,
            coupon_code: body.coupon_code,
            billing_address: body.billing_address,
            payment_id: body.payment_id,
        }
    }
}

impl OrderLineView {
    fn of(line: LineView, refunded: bool, currency: &str) -> Self {
        let money = |amount: i64| Money::new(amount, currency);
        Self {
            unit_price: money(line.unit_price),
            discount: money(line.discount),
            tax: money(line.tax),
            total: money(line.total),
            line_id: line.line_id,
            course_id: line.course_id,
            kind: line.kind,
            title: line.title,
            display_title: line.display_title,
            slug: line.slug,
            instructor_id: line.instructor_id,
            quantity: line.quantity,
            refunded,
        }
    }
}

impl From<Summary> for OrderSummary {
    fn from(order: Summary) -> Self {
        Self {
            id: order.id,
            number: order.number,
            state: order.state,
            reason: order.reason,
            title: order.title,
            line_count: order.line_count,
            total: Money::new(order.total, order.currency),
            version: order.version,
            created_at: rfc3339(order.created_at),
            updated_at: rfc3339(order.updated_at),
        }
    }
}

impl From<Summary> for AdminOrder {
    fn from(order: Summary) -> Self {
        Self {
            buyer_id: order.buyer_id.clone(),
            alerted_at: order.alerted_at.map(rfc3339),
            order: order.into(),
        }
    }
}

impl RefundView {
    pub fn of(refund: Refund, currency: &str) -> Self {
        Self {
            amount: Money::new(refund.amount, currency),
            requested_at: rfc3339(refund.requested_at),
            updated_at: rfc3339(refund.updated_at),
            id: refund.id,
            order_id: refund.order_id,
            lines: refund.lines,
            to: refund.to,
            reason: refund.reason,
            state: refund.state,
            review: refund.review,
            note: refund.note,
        }
    }
}

impl SagaView {
    pub fn of(order: Order, log: Vec<Entry>) -> Self {
        let timer = |(kind, timer): (&TimerKind, &crate::domain::Timer)| TimerView {
            kind: *kind,
            due_at: rfc3339(timer.due_at),
            attempt: timer.attempt,
        };
        Self {
            timers: order.timers.iter().map(timer).collect(),
            log: log.into_iter().map(LogView::from).collect(),
            alerted_at: order.alerted_at.map(rfc3339),
            id: order.id,
            number: order.number,
            buyer_id: order.buyer_id,
            state: order.state,
            reason: order.reason,
            seats: order.seats,
            coupon: order.coupon,
            payment: order.payment,
            payment_id: order.payment_id,
            generation: order.generation,
            version: order.version,
        }
    }
}

impl From<Entry> for LogView {
    fn from(entry: Entry) -> Self {
        Self {
            seq: entry.seq,
            at: rfc3339(entry.at),
            from: entry.from,
            to: entry.to,
            cause: entry.cause,
            actor: entry.actor,
            data: entry.data,
        }
    }
}

impl From<Entry> for Progress {
    fn from(entry: Entry) -> Self {
        let reason = entry.data["reason"].as_str().and_then(Reason::parse);
        Self {
            seq: entry.seq,
            at: rfc3339(entry.at),
            from: entry.from,
            to: entry.to,
            cause: entry.cause,
            reason,
        }
    }
}
