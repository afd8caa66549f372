//! What people mean to buy: users by their token, visitors by a secret number that only the shop knows.

use latchkey_contracts::Money;
use latchkey_contracts::events::course::CourseKind;
use latchkey_contracts::resource::basket::GUEST;
use serde::Deserialize;
use serde_json::json;

use super::ApiError;
use super::service::{Call, Caller, Service};
use crate::format::segment;

/// The baskets.
#[derive(Clone, Debug)]
pub struct Baskets(Service);

/// Whose basket it is.
#[derive(Clone, Copy)]
pub enum Holder<'a> {
    /// The user of this sign-in.
    User(&'a str),
    /// The visitor with this secret number: 128 random bits in hexadecimal digits.
    Guest(&'a str),
}

/// A basket at today's prices.
#[derive(Clone, Debug, Deserialize)]
pub struct Basket {
    pub lines: Vec<Line>,
    /// Kept for later.
    pub saved: Vec<Line>,
    /// Of what can be bought.
    pub subtotal: Money,
    pub discount: Option<Discount>,
    pub total: Money,
    /// An order names it.
    pub version: i64,
}

/// A course in a basket.
#[derive(Clone, Debug, Deserialize)]
pub struct Line {
    pub course_id: String,
    /// Absent, like the title, when the course is no longer known.
    pub kind: Option<CourseKind>,
    pub title: Option<String>,
    pub slug: Option<String>,
    pub category_id: Option<String>,
    pub quantity: i64,
    pub state: LineState,
    /// The price that was shown when the line was changed last.
    pub price_seen: Money,
    pub price_now: Option<Money>,
    /// 0 for what the catalog no longer sells.
    pub total: Money,
}

/// Whether a line can be bought.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LineState {
    Ok,
    PriceChanged,
    Owned,
    SoldOut,
    /// No longer for sale; and whatever this shop does not know.
    #[serde(other)]
    Unavailable,
}

/// What the coupon is worth.
#[derive(Clone, Debug, Deserialize)]
pub struct Discount {
    pub code: String,
    pub amount: Money,
    pub refused_reason: Option<String>,
    /// False when the coupon could not be looked up now.
    pub checked: bool,
}

impl LineState {
    pub fn is_for_sale(self) -> bool {
        match self {
            Self::Ok | Self::PriceChanged => true,
            Self::Owned | Self::SoldOut | Self::Unavailable => false,
        }
    }
}

impl<'a> Holder<'a> {
    fn caller(self) -> Caller<'a> {
        match self {
            Self::User(login) => Caller::User(login),
            Self::Guest(_) => Caller::Shop(&GUEST),
        }
    }

    fn path(self, below: &str) -> String {
        match self {
            Self::User(_) => below.to_owned(),
            Self::Guest(number) => format!("/guests/{number}{below}"),
        }
    }
}

impl Baskets {
    pub(super) fn new(service: Service) -> Self {
        Self(service)
    }

    /// The basket, which is empty for whoever has none.
    pub async fn read(&self, holder: Holder<'_>) -> Result<Basket, ApiError> {
        self.0.ask(Call::get(holder.caller(), holder.path(""))).await
    }

    /// The basket, for what a page can do without.
    pub async fn glance(&self, holder: Holder<'_>) -> Result<Basket, ApiError> {
        let call = Call::get(holder.caller(), holder.path(""));
        self.0.ask(call.at_a_glance()).await
    }

    /// Puts a course into the basket, or changes its quantity.
    pub async fn put(&self, holder: Holder<'_>, course_id: &str, quantity: i64) -> Result<Basket, ApiError> {
        let path = holder.path(&format!("/lines/{}", segment(course_id)));
        let call = Call::put(holder.caller(), path).json(&json!({"quantity": quantity}))?;
        self.0.ask(call).await
    }

    /// Takes a course out.
    pub async fn remove(&self, holder: Holder<'_>, course_id: &str) -> Result<Basket, ApiError> {
        let path = holder.path(&format!("/lines/{}", segment(course_id)));
        self.0.ask(Call::delete(holder.caller(), path)).await
    }

    /// Keeps a course for later.
    pub async fn save(&self, holder: Holder<'_>, course_id: &str) -> Result<Basket, ApiError> {
        let path = holder.path(&format!("/lines/{}/save", segment(course_id)));
        self.0.ask(Call::post(holder.caller(), path)).await
    }

    /// Moves a course that was kept for later back.
    pub async fn move_back(&self, holder: Holder<'_>, course_id: &str) -> Result<Basket, ApiError> {
        let path = holder.path(&format!("/lines/{}/move", segment(course_id)));
        self.0.ask(Call::post(holder.caller(), path)).await
    }

    /// Tries a coupon.
    pub async fn put_coupon(&self, holder: Holder<'_>, code: &str) -> Result<Basket, ApiError> {
        let call = Call::put(holder.caller(), holder.path("/coupon")).json(&json!({"code": code}))?;
        self.0.ask(call).await
    }

    /// Takes the coupon away.
    pub async fn remove_coupon(&self, holder: Holder<'_>) -> Result<Basket, ApiError> {
        self.0
            .ask(Call::delete(holder.caller(), holder.path("/coupon")))
            .await
    }

    /// Makes a visitor's basket part of the user's.
    pub async fn merge(&self, login: &str, guest: &str) -> Result<Basket, ApiError> {
        let call = Call::post(Caller::User(login), "/merge").json(&json!({"guest_id": guest}))?;
        self.0.ask(call).await
    }
}
