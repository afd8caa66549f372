//! The user's orders; `administration.rs` has everybody's.

pub mod administration;

use latchkey_contracts::Money;
use latchkey_contracts::events::course::CourseKind;
use latchkey_contracts::events::order::{BillingAddress, PaidSplit};
use latchkey_contracts::events::payment::RefundTo;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::ApiError;
use super::service::{Call, Caller, Service};
use crate::format::segment;

/// The orders.
#[derive(Clone, Debug)]
pub struct Orders(Service);

/// Where an order stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrderState {
    Submitted,
    Reserved,
    ActionRequired,
    Capturing,
    Paid,
    Compensating,
    Completed,
    Refunding,
    PartiallyRefunded,
    Refunded,
    Failed,
    Cancelled,
}

/// What a buyer sends to order. Nothing of it is a price; the total is what the buyer was shown, and only compared.
#[derive(Debug, Serialize)]
pub struct Submission<'a> {
    pub basket_version: i64,
    pub expected_total: &'a Money,
    pub billing_address: &'a BillingAddress,
    pub payment: Plan<'a>,
    pub consents: Consents,
}

/// Who pays.
#[derive(Debug, Serialize)]
pub struct Plan<'a> {
    pub wallet: WalletPart,
    /// The saved card that pays the rest.
    pub card_token: Option<&'a str>,
}

/// The part of the wallet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum WalletPart {
    AtMost(i64),
    Max(Max),
}

/// As much as there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Max {
    Max,
}

#[derive(Debug, Serialize)]
pub struct Consents {
    pub terms: bool,
}

/// An order that was accepted.
#[derive(Clone, Debug, Deserialize)]
pub struct Accepted {
    pub id: String,
    pub number: String,
    pub state: OrderState,
}

/// What the order service would take now, as `quote` of `price_changed`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Quote {
    pub basket_version: i64,
    pub subtotal: Money,
    pub discount_total: Money,
    pub total: Money,
    pub coupon_refused: Option<String>,
}

/// An order with all details.
#[derive(Clone, Debug, Deserialize)]
pub struct Order {
    pub id: String,
    /// For people.
    pub number: String,
    pub state: OrderState,
    /// Why it did not come about, or what failed since.
    pub reason: Option<String>,
    pub lines: Vec<OrderLine>,
    pub subtotal: Money,
    pub discount_total: Money,
    /// Contained in the total.
    pub tax_total: Money,
    pub total: Money,
    pub coupon_code: Option<String>,
    pub billing_address: Option<BillingAddress>,
    /// At payment, once it has begun.
    pub payment_id: Option<String>,
    /// Once the money is taken.
    pub paid: Option<PaidSplit>,
    pub refunded: Money,
    pub cancellable: bool,
    pub refundable: bool,
    pub deadline_at: Option<String>,
    pub version: i64,
    pub created_at: String,
    pub updated_at: String,
    pub completed_at: Option<String>,
}

/// A line as it was bought.
#[derive(Clone, Debug, Deserialize)]
pub struct OrderLine {
    pub line_id: String,
    pub course_id: String,
    pub kind: CourseKind,
    /// As it was bought.
    pub title: String,
    /// As the course is called now.
    pub display_title: String,
    pub slug: String,
    pub unit_price: Money,
    pub quantity: i64,
    pub discount: Money,
    pub tax: Money,
    pub total: Money,
    pub refunded: bool,
}

/// An order in a list.
#[derive(Clone, Debug, Deserialize)]
pub struct OrderSummary {
    pub id: String,
    pub number: String,
    pub state: OrderState,
    pub reason: Option<String>,
    /// Of the first line.
    pub title: String,
    pub line_count: i64,
    pub total: Money,
    pub created_at: String,
    pub updated_at: String,
}

#[derive(Clone, Debug, Deserialize)]
pub struct OrderPage {
    pub items: Vec<OrderSummary>,
    pub next_cursor: Option<String>,
}

/// Where a refund stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefundState {
    /// An administrator must decide.
    Requested,
    Approved,
    Refunded,
    Rejected,
    Failed,
}

/// A refund.
#[derive(Clone, Debug, Deserialize)]
pub struct Refund {
    pub id: String,
    pub lines: Vec<String>,
    pub amount: Money,
    pub to: RefundTo,
    pub reason: String,
    pub state: RefundState,
    /// Why an administrator must decide.
    pub review: Option<String>,
    /// What the administrator said.
    pub note: Option<String>,
    pub requested_at: String,
    pub updated_at: String,
}

/// A step of an order, as its stream tells it.
#[derive(Clone, Debug, Deserialize)]
pub struct Step {
    pub at: String,
    pub from: OrderState,
    pub to: OrderState,
}

/// Asking for money back.
#[derive(Debug, Serialize)]
pub struct RefundBody<'a> {
    /// `None` is every line that was not refunded yet.
    pub lines: Option<&'a [String]>,
    pub reason: &'a str,
    pub to: RefundTo,
}

#[derive(Deserialize)]
struct Refunds {
    items: Vec<Refund>,
}

impl Orders {
    pub(super) fn new(service: Service) -> Self {
        Self(service)
    }

    /// Orders what is in the basket. Repeating the key returns the same order.
    pub async fn submit(
        &self,
        login: &str,
        key: &str,
        submission: &Submission<'_>,
    ) -> Result<Accepted, ApiError> {
        let call = Call::post(Caller::User(login), "/orders")
            .key(key)
            .json(submission)?;
        self.0.ask(call).await
    }

    /// The user's orders, the newest first.
    pub async fn orders(&self, login: &str, cursor: Option<&str>) -> Result<OrderPage, ApiError> {
        let pairs: Vec<_> = cursor
            .map(|cursor| ("cursor", cursor.to_owned()))
            .into_iter()
            .collect();
        self.0
            .ask(Call::get(Caller::User(login), "/orders").query(&pairs))
            .await
    }

    /// One of them.
    pub async fn order(&self, login: &str, id: &str) -> Result<Order, ApiError> {
        let path = format!("/orders/{}", segment(id));
        self.0.ask(Call::get(Caller::User(login), path)).await
    }

    /// Calls an order off.
    pub async fn cancel(&self, login: &str, id: &str, key: &str) -> Result<Accepted, ApiError> {
        let path = format!("/orders/{}/cancel", segment(id));
        let call = Call::post(Caller::User(login), path).key(key).json(&json!({}))?;
        self.0.ask(call).await
    }

    /// The refunds of an order, the oldest first.
    pub async fn refunds(&self, login: &str, id: &str) -> Result<Vec<Refund>, ApiError> {
        let path = format!("/orders/{}/refunds", segment(id));
        let all: Refunds = self.0.ask(Call::get(Caller::User(login), path)).await?;
        Ok(all.items)
    }

    /// Asks for money back.
    pub async fn refund(
        &self,
        login: &str,
        id: &str,
        key: &str,
        body: &RefundBody<'_>,
    ) -> Result<Refund, ApiError> {
        let path = format!("/orders/{}/refunds", segment(id));
        let call = Call::post(Caller::User(login), path).key(key).json(body)?;
        self.0.ask(call).await
    }
    /// Follows an order: its steps after the one that was seen last, and each further one as it happens.
    pub async fn follow(
        &self,
        login: &str,
        id: &str,
        seen: Option<u32>,
    ) -> Result<reqwest::Response, ApiError> {
        let path = format!("/orders/{}/events", segment(id));
        let call = Call::get(Caller::User(login), path);
        self.0
            .open(match seen {
                Some(seen) => call.last_event_id(seen),
                None => call,
            })
            .await
    }

    /// All steps of a settled order, whose stream has an end.
    pub async fn history(&self, login: &str, id: &str) -> Result<Vec<Step>, ApiError> {
        let path = format!("/orders/{}/events", segment(id));
        let reply = self.0.call(Call::get(Caller::User(login), path)).await?;
        let text = reply.text();
        let steps = text.lines().filter_map(|line| line.strip_prefix("data: "));
        steps
            .map(|step| serde_json::from_str(step).map_err(ApiError::from))
            .collect()
    }
}
