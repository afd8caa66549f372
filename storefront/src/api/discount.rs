//! Coupons, for those who write them.

use latchkey_contracts::Money;
use serde::{Deserialize, Serialize};

use super::ApiError;
use super::service::{Call, Caller, Service};
use crate::format::segment;

/// The coupons.
#[derive(Clone, Debug)]
pub struct Discounts(Service);

/// A coupon with its terms and how often it was used.
#[derive(Clone, Debug, Deserialize)]
pub struct Coupon {
    pub id: String,
    pub code: String,
    /// In basis points; absent if the discount is an amount.
    pub percent_bp: Option<i64>,
    pub amount: Option<Money>,
    pub scope: Scope,
    pub starts_at: Option<String>,
    pub ends_at: Option<String>,
    /// Absent for any number.
    pub max_total: Option<i64>,
    pub per_user: i64,
    pub min_subtotal: Option<Money>,
    pub first_order_only: bool,
    pub user_id: Option<String>,
    pub status: Status,
    /// Uses that orders hold.
    pub reserved: i64,
    /// Uses of paid orders.
    pub redeemed: i64,
    pub version: i64,
}

/// The lines that a coupon is valid for.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Scope {
    pub kind: ScopeKind,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ids: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instructor_id: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ScopeKind {
    All,
    Courses,
    Categories,
    Instructor,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    Active,
    Paused,
    Archived,
}

#[derive(Clone, Debug, Deserialize)]
pub struct CouponPage {
    pub items: Vec<Coupon>,
    pub next_cursor: Option<String>,
}

/// What an order made of a coupon.
#[derive(Clone, Debug, Deserialize)]
pub struct Redemption {
    pub order_id: String,
    pub amount: Money,
    pub state: RedemptionState,
    pub created_at: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RedemptionState {
    Reserved,
    Committed,
    Released,
}

#[derive(Clone, Debug, Deserialize)]
pub struct RedemptionPage {
    pub items: Vec<Redemption>,
    pub next_cursor: Option<String>,
}

/// The terms of a coupon as they are written. An absent field has its default.
#[derive(Clone, Debug, Serialize)]
pub struct CouponDraft {
    pub code: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub percent_bp: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub amount: Option<Money>,
    pub scope: Scope,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub starts_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ends_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_total: Option<i64>,
    pub per_user: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_subtotal: Option<Money>,
    pub first_order_only: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_id: Option<String>,
    pub status: Status,
}

impl Coupon {
    /// The same terms with another status.
    pub fn with_status(self, status: Status) -> CouponDraft {
        CouponDraft {
            code: self.code,
            percent_bp: self.percent_bp,
            amount: self.amount,
            scope: self.scope,
            starts_at: self.starts_at,
            ends_at: self.ends_at,
            max_total: self.max_total,
            per_user: self.per_user,
            min_subtotal: self.min_subtotal,
            first_order_only: self.first_order_only,
            user_id: self.user_id,
            status,
        }
    }
}

impl Discounts {
    pub(super) fn new(service: Service) -> Self {
        Self(service)
    }

    /// The coupons of the user's courses, or all for an administrator, the newest first.
    pub async fn coupons(&self, login: &str, cursor: Option<&str>) -> Result<CouponPage, ApiError> {
        let call = Call::get(Caller::User(login), "/coupons").query(&from(cursor));
        self.0.ask(call).await
    }

    pub async fn coupon(&self, login: &str, id: &str) -> Result<Coupon, ApiError> {
        let path = format!("/coupons/{}", segment(id));
        self.0.ask(Call::get(Caller::User(login), path)).await
    }

    /// Creates a coupon. Repeating the key returns the same one.
    pub async fn create(&self, login: &str, key: &str, draft: &CouponDraft) -> Result<Coupon, ApiError> {
        let call = Call::post(Caller::User(login), "/coupons").key(key).json(draft)?;
        self.0.ask(call).await
    }

    /// Replaces the terms of this version.
    pub async fn replace(
        &self,
        login: &str,
        id: &str,
        version: i64,
        draft: &CouponDraft,
    ) -> Result<Coupon, ApiError> {
        let path = format!("/coupons/{}", segment(id));
        let call = Call::put(Caller::User(login), path)
            .if_match(version)
            .json(draft)?;
        self.0.ask(call).await
    }

    /// What orders made of a coupon, the newest first.
    pub async fn redemptions(
        &self,
        login: &str,
        id: &str,
        cursor: Option<&str>,
    ) -> Result<RedemptionPage, ApiError> {
        let path = format!("/coupons/{}/redemptions", segment(id));
        let call = Call::get(Caller::User(login), path).query(&from(cursor));
        self.0.ask(call).await
    }
}

fn from(cursor: Option<&str>) -> Vec<(&'static str, String)> {
    let cursor = cursor.map(|cursor| ("cursor", cursor.to_owned()));
    cursor.into_iter().collect()
}
