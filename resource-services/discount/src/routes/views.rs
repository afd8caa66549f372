//! The responses, as JSON.

use latchkey_clock::rfc3339;
use latchkey_contracts::Money;
use latchkey_contracts::events::discount::{LineDiscount, RefusedReason};
use serde::Serialize;
use utoipa::ToSchema;

use crate::commands::quotes::Outcome;
use crate::domain::{Benefit, Coupon, QuoteRequest, Redemption, Scope, ScopeKind, State, Status, Terms};

/// What a code is worth for the lines of the request.
#[derive(Serialize, ToSchema)]
pub struct QuoteView {
    /// The code in capitals.
    pub code: String,
    /// Absent if the code is refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub coupon_id: Option<String>,
    /// Of the lines, before the discount.
    pub subtotal: Money,
    /// The discount; 0 if the code is refused.
    pub amount: Money,
    /// `subtotal` − `amount`.
    pub total: Money,
    /// The share of each line, in the order of the request; empty if the code is refused.
    pub per_line: Vec<LineDiscount>,
    /// Why the code is refused. A code of somebody else is `unknown`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refused_reason: Option<RefusedReason>,
}

/// A coupon with its terms and counters.
#[derive(Serialize, ToSchema)]
pub struct CouponView {
    pub id: String,
    pub code: String,
    /// In basis points; null if the discount is an amount.
    pub percent_bp: Option<i64>,
    /// Null if the discount is a percentage.
    pub amount: Option<Money>,
    pub scope: ScopeView,
    /// RFC 3339 UTC.
    pub starts_at: Option<String>,
    /// RFC 3339 UTC.
    pub ends_at: Option<String>,
    /// Null for any number.
    pub max_total: Option<i64>,
    pub per_user: i64,
    pub min_subtotal: Option<Money>,
    pub first_order_only: bool,
    /// The only user who may use it.
    pub user_id: Option<String>,
    pub status: Status,
    /// Uses that orders hold.
    pub reserved: i64,
    /// Uses of paid orders.
    pub redeemed: i64,
    /// Also the ETag. Uses do not change it.
    pub version: i64,
    pub created_at: String,
    pub updated_at: String,
}

/// The lines that a coupon is valid for.
#[derive(Serialize, ToSchema)]
pub struct ScopeView {
    pub kind: ScopeKind,
    /// The courses or categories of such a scope.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ids: Option<Vec<String>>,
    /// The instructor of such a scope.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instructor_id: Option<String>,
}

/// A page of coupons. `next_cursor` is null on the last page.
#[derive(Serialize, ToSchema)]
pub struct CouponPage {
    pub items: Vec<CouponView>,
    pub next_cursor: Option<String>,
}

/// A coupon as the user sees it who alone may use it.
#[derive(Serialize, ToSchema)]
pub struct OwnCouponView {
    pub code: String,
    /// In basis points; null if the discount is an amount.
    pub percent_bp: Option<i64>,
    /// Null if the discount is a percentage.
    pub amount: Option<Money>,
    pub scope: ScopeView,
    /// RFC 3339 UTC.
    pub starts_at: Option<String>,
    /// RFC 3339 UTC.
    pub ends_at: Option<String>,
    pub min_subtotal: Option<Money>,
    pub first_order_only: bool,
}

/// A page of the user's own coupons. `next_cursor` is null on the last page.
#[derive(Serialize, ToSchema)]
pub struct OwnCouponPage {
    pub items: Vec<OwnCouponView>,
    pub next_cursor: Option<String>,
}

/// What an order made of a coupon.
#[derive(Serialize, ToSchema)]
pub struct RedemptionView {
    pub order_id: String,
    /// Only administrators see who it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_id: Option<String>,
    pub amount: Money,
    /// `reserved`, `committed` or `released`.
    pub state: &'static str,
    pub created_at: String,
    pub updated_at: String,
}

/// A page of redemptions. `next_cursor` is null on the last page.
#[derive(Serialize, ToSchema)]
pub struct RedemptionPage {
    pub items: Vec<RedemptionView>,
    pub next_cursor: Option<String>,
}

impl QuoteView {
    pub fn of(request: &QuoteRequest, outcome: Outcome) -> Self {
        let (code, lines) = (request.code.clone(), &request.lines);
        let money = |amount: i64| Money::new(amount, lines.currency());
        let subtotal = lines.subtotal();
        match outcome {
            Ok(discount) => Self {
                code,
                subtotal: money(subtotal),
                amount: money(discount.amount),
                total: money(subtotal - discount.amount),
                per_line: discount.per_line(),
                coupon_id: Some(discount.coupon_id),
                refused_reason: None,
            },
            Err(reason) => Self {
                code,
                coupon_id: None,
                subtotal: money(subtotal),
                amount: money(0),
                total: money(subtotal),
                per_line: Vec::new(),
                refused_reason: Some(reason),
            },
        }
    }
}

impl From<&Coupon> for CouponView {
    fn from(coupon: &Coupon) -> Self {
        let terms = &coupon.terms;
        let (percent_bp, amount) = benefit(terms);
        Self {
            id: coupon.id.clone(),
            code: coupon.code.clone(),
            percent_bp,
            amount,
            scope: ScopeView::from(&terms.scope),
            starts_at: terms.starts_at.map(rfc3339),
            ends_at: terms.ends_at.map(rfc3339),
            max_total: terms.max_total,
            per_user: terms.per_user,
            min_subtotal: terms.min_subtotal.map(|least| Money::new(least, &terms.currency)),
            first_order_only: terms.first_order_only,
            user_id: terms.user_id.clone(),
            status: coupon.status,
            reserved: coupon.reserved,
            redeemed: coupon.redeemed,
            version: coupon.version,
            created_at: rfc3339(coupon.created_at),
            updated_at: rfc3339(coupon.updated_at),
        }
    }
}

impl From<&Coupon> for OwnCouponView {
    fn from(coupon: &Coupon) -> Self {
        let terms = &coupon.terms;
        let (percent_bp, amount) = benefit(terms);
        Self {
            code: coupon.code.clone(),
            percent_bp,
            amount,
            scope: ScopeView::from(&terms.scope),
            starts_at: terms.starts_at.map(rfc3339),
            ends_at: terms.ends_at.map(rfc3339),
            min_subtotal: terms.min_subtotal.map(|least| Money::new(least, &terms.currency)),
            first_order_only: terms.first_order_only,
        }
    }
}

impl From<&Scope> for ScopeView {
    fn from(scope: &Scope) -> Self {
        let (kind, ids, instructor_id) = match scope {
            Scope::All => (ScopeKind::All, None, None),
            Scope::Courses(ids) => (ScopeKind::Courses, Some(ids), None),
            Scope::Categories(ids) => (ScopeKind::Categories, Some(ids), None),
            Scope::Instructor(instructor) => (ScopeKind::Instructor, None, Some(instructor.clone())),
        };
        Self {
            kind,
            ids: ids.map(|ids| ids.iter().cloned().collect()),
            instructor_id,
        }
    }
}

impl RedemptionView {
    /// `None` for an order that never held a use.
    pub fn of(redemption: &Redemption, names_users: bool) -> Option<Self> {
        let held = redemption.held.as_ref()?;
        Some(Self {
            order_id: redemption.order_id.clone(),
            user_id: names_users.then(|| redemption.user_id.clone()),
            amount: Money::new(held.amount, &held.currency),
            state: State::as_str(redemption.state),
            created_at: rfc3339(redemption.created_at),
            updated_at: rfc3339(redemption.updated_at),
        })
    }
}

fn benefit(terms: &Terms) -> (Option<i64>, Option<Money>) {
    match terms.benefit {
        Benefit::Percent(bp) => (Some(bp), None),
        Benefit::Amount(amount) => (None, Some(Money::new(amount, &terms.currency))),
    }
}
