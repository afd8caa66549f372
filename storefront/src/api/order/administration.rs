//! Everybody's orders and refunds, for administrators.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{OrderState, OrderSummary, Orders, Refund};
use crate::api::ApiError;
use crate::api::service::{Call, Caller};
use crate::format::segment;

/// An order in the list of all.
#[derive(Clone, Debug, Deserialize)]
pub struct AdminOrder {
    #[serde(flatten)]
    pub order: OrderSummary,
    pub buyer_id: String,
    /// Since when somebody should look.
    pub alerted_at: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
pub struct AdminOrderPage {
    pub items: Vec<AdminOrder>,
    pub next_cursor: Option<String>,
}

/// How far one participant is with its part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    Idle,
    Asked,
    Held,
    Settling,
    Settled,
    Undoing,
    Undone,
    Refused,
}

/// What an order does by itself at a certain time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TimerKind {
    Resend,
    Deadline,
    Query,
    Alert,
}

#[derive(Clone, Debug, Deserialize)]
pub struct Timer {
    pub kind: TimerKind,
    pub due_at: String,
    pub attempt: i64,
}

/// A step of an order, with what its buyer does not see.
#[derive(Clone, Debug, Deserialize)]
pub struct LogEntry {
    pub seq: i64,
    pub at: String,
    pub from: OrderState,
    pub to: OrderState,
    pub cause: String,
    /// Who did it, where it was a person other than the buyer.
    pub actor: Option<String>,
    pub data: LogData,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct LogData {
    /// The commands that were sent.
    pub commands: Vec<String>,
    pub note: Option<String>,
}

/// The saga of an order.
#[derive(Clone, Debug, Deserialize)]
pub struct Saga {
    pub id: String,
    pub number: String,
    pub buyer_id: String,
    pub state: OrderState,
    pub reason: Option<String>,
    pub seats: Part,
    pub coupon: Part,
    pub payment: Part,
    pub payment_id: Option<String>,
    pub alerted_at: Option<String>,
    pub timers: Vec<Timer>,
    /// The oldest first.
    pub log: Vec<LogEntry>,
}

/// A refund, and the order that it is of.
#[derive(Clone, Debug, Deserialize)]
pub struct AdminRefund {
    #[serde(flatten)]
    pub refund: Refund,
    pub order_id: String,
}

#[derive(Clone, Debug, Deserialize)]
pub struct AdminRefundPage {
    pub items: Vec<AdminRefund>,
    pub next_cursor: Option<String>,
}

/// Which orders a list has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Filter<'a> {
    All,
    /// Those with an open alert.
    Alerted,
    /// Those in this state.
    In(&'a str),
}

impl Part {
    /// The stem of its message.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Asked => "asked",
            Self::Held => "held",
            Self::Settling => "settling",
            Self::Settled => "settled",
            Self::Undoing => "undoing",
            Self::Undone => "undone",
            Self::Refused => "refused",
        }
    }
}

impl Orders {
    /// Everybody's orders, the newest first.
    pub async fn all(
        &self,
        login: &str,
        filter: Filter<'_>,
        cursor: Option<&str>,
    ) -> Result<AdminOrderPage, ApiError> {
        let mut pairs = match filter {
            Filter::All => Vec::new(),
            Filter::Alerted => vec![("alerted", "true".to_owned())],
            Filter::In(state) => vec![("state", state.to_owned())],
        };
        pairs.extend(cursor.map(|cursor| ("cursor", cursor.to_owned())));
        let call = Call::get(Caller::User(login), "/admin/orders").query(&pairs);
        self.0.ask(call).await
    }

    /// The saga of anybody's order.
    pub async fn saga(&self, login: &str, id: &str) -> Result<Saga, ApiError> {
        let path = format!("/orders/{}/saga", segment(id));
        self.0.ask(Call::get(Caller::User(login), path)).await
    }

    /// Asks again whoever has not answered.
    pub async fn retry(&self, login: &str, id: &str) -> Result<Saga, ApiError> {
        let path = format!("/orders/{}/saga/retry", segment(id));
        self.0.ask(Call::post(Caller::User(login), path)).await
    }

    /// Closes the alert of an order.
    pub async fn resolve(&self, login: &str, id: &str, note: &str) -> Result<Saga, ApiError> {
        let path = format!("/orders/{}/saga/resolve", segment(id));
        let call = Call::post(Caller::User(login), path).json(&json!({"note": note}))?;
        self.0.ask(call).await
    }

    /// The refunds that wait for a decision, the oldest first.
    pub async fn open_refunds(&self, login: &str, cursor: Option<&str>) -> Result<AdminRefundPage, ApiError> {
        let pairs: Vec<_> = cursor
            .map(|cursor| ("cursor", cursor.to_owned()))
            .into_iter()
            .collect();
        let call = Call::get(Caller::User(login), "/admin/refunds").query(&pairs);
        self.0.ask(call).await
    }

    /// Approves or rejects a refund.
    pub async fn decide(&self, login: &str, id: &str, approve: bool, note: &str) -> Result<(), ApiError> {
        let verb = if approve { "approve" } else { "reject" };
        let path = format!("/refunds/{}/{verb}", segment(id));
        let call = Call::post(Caller::User(login), path).json(&json!({"note": note}))?;
        self.0.ask::<Value>(call).await?;
        Ok(())
    }
}
