//! The responses of the basket, as JSON.

use latchkey_clock::rfc3339;
use latchkey_contracts::Money;
use latchkey_kit::CallError;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::domain::{Basket, Kind, LineState, Priced, PricedLine};

/// A basket at today's prices.
#[derive(Serialize, ToSchema)]
pub struct BasketView {
    /// Absent as long as nothing was put in.
    pub id: Option<String>,
    pub lines: Vec<LineView>,
    /// Kept for later.
    pub saved: Vec<LineView>,
    /// Of what can be bought.
    pub subtotal: Money,
    /// Absent without a coupon.
    pub discount: Option<DiscountView>,
    /// `subtotal` less the discount.
    pub total: Money,
    /// Also the ETag; an order names it.
    pub version: i64,
}

/// A course in a basket.
#[derive(Serialize, ToSchema)]
pub struct LineView {
    pub course_id: String,
    /// Absent when the course is no longer known.
    pub kind: Option<Kind>,
    pub title: Option<String>,
    pub slug: Option<String>,
    pub category_id: Option<String>,
    pub instructor_id: Option<String>,
    pub quantity: i64,
    pub state: LineState,
    /// The price that was shown when the line was changed last.
    pub price_seen: Money,
    /// Today's price.
    pub price_now: Option<Money>,
    /// Price × quantity; 0 for what the catalog no longer sells.
    pub total: Money,
    pub added_at: String,
}

/// What the coupon is worth.
#[derive(Serialize, ToSchema)]
pub struct DiscountView {
    pub code: String,
    pub amount: Money,
    /// Of each course.
    pub per_line: Vec<LineDiscount>,
    /// Why the coupon is worth nothing.
    pub refused_reason: Option<String>,
    /// False when the coupon could not be looked up now: the order does it again.
    pub checked: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
pub struct LineDiscount {
    pub course_id: String,
    pub amount: Money,
}

/// What is known of the coupon.
pub enum Discount {
    Worth {
        amount: Money,
        per_line: Vec<LineDiscount>,
    },
    Refused(String),
    Unchecked,
}

/// The answer of discount to a quote.
#[derive(Deserialize)]
pub struct Quoted {
    pub amount: Money,
    pub per_line: Vec<LineDiscount>,
    #[serde(default)]
    pub refused_reason: Option<String>,
}

/// What an answer of discount means for the basket.
pub fn discounted(answer: Result<Quoted, CallError>) -> Discount {
    match answer {
        Ok(Quoted {
            refused_reason: Some(reason),
            ..
        }) => Discount::Refused(reason),
        Ok(quoted) => Discount::Worth {
            amount: quoted.amount,
            per_line: quoted.per_line,
        },
        Err(CallError::Rejected { code, .. }) => Discount::Refused(code),
        Err(error) => {
            tracing::info!(error = %latchkey_http::reasons(&error), "a coupon could not be looked up");
            Discount::Unchecked
        }
    }
}

impl BasketView {
    /// The basket of somebody who has none.
    pub fn empty(currency: &str) -> Self {
        Self {
            id: None,
            lines: Vec::new(),
            saved: Vec::new(),
            subtotal: Money::new(0, currency),
            discount: None,
            total: Money::new(0, currency),
            version: 0,
        }
    }

    /// A priced basket.
    pub fn of(basket: Basket, priced: Priced, discount: Option<Discount>, currency: &str) -> Self {
        let code = basket.coupon_code.unwrap_or_default();
        let discount = discount.map(|discount| DiscountView::of(code, discount, priced.subtotal, currency));
        let less = discount.as_ref().map_or(0, |discount| discount.amount.amount);
        let (saved, lines) = priced.lines.into_iter().partition(|line| line.line.saved);
        let view = |lines: Vec<PricedLine>| {
            let lines = lines.into_iter();
            lines.map(|line| LineView::of(line, currency)).collect()
        };
        Self {
            id: Some(basket.id),
            lines: view(lines),
            saved: view(saved),
            subtotal: Money::new(priced.subtotal, currency),
            discount,
            total: Money::new(priced.subtotal - less, currency),
            version: basket.version,
        }
    }
}

impl DiscountView {
    /// A discount never makes a basket cost less than nothing, whatever the other service says.
    fn of(code: String, discount: Discount, subtotal: i64, currency: &str) -> Self {
        let (amount, per_line, refused_reason, checked) = match discount {
            Discount::Worth { amount, per_line } if amount.currency == currency => {
                (amount.amount.clamp(0, subtotal), per_line, None, true)
            }
            Discount::Worth { .. } | Discount::Unchecked => (0, Vec::new(), None, false),
            Discount::Refused(reason) => (0, Vec::new(), Some(reason), true),
        };
        Self {
            code,
            amount: Money::new(amount, currency),
            per_line,
            refused_reason,
            checked,
        }
    }
}

impl LineView {
    fn of(priced: PricedLine, currency: &str) -> Self {
        let PricedLine {
            line,
            course,
            state,
            total,
        } = priced;
        let course = course.as_ref();
        Self {
            kind: course.map(|course| course.kind),
            title: course.map(|course| course.title.clone()),
            slug: course.map(|course| course.slug.clone()),
            category_id: course.map(|course| course.category_id.clone()),
            instructor_id: course.map(|course| course.instructor_id.clone()),
            price_now: course.map(|course| Money::new(course.price, currency)),
            course_id: line.course_id,
            quantity: line.quantity,
            state,
            price_seen: Money::new(line.price_seen, currency),
            total: Money::new(total, currency),
            added_at: rfc3339(line.added_at),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(discount: Discount) -> DiscountView {
        DiscountView::of("SPRING".into(), discount, 1_000, "EUR")
    }

    fn worth(amount: i64, currency: &str) -> Discount {
        Discount::Worth {
            amount: Money::new(amount, currency),
            per_line: Vec::new(),
        }
    }

    #[test]
    fn a_discount_is_never_negative_nor_more_than_the_basket() {
        let amounts = [(300, 300), (2_000, 1_000), (-5, 0)];
        for (told, shown) in amounts {
            assert_eq!(view(worth(told, "EUR")).amount.amount, shown);
        }
        let foreign = view(worth(300, "USD"));
        assert_eq!((foreign.amount.amount, foreign.checked), (0, false));
    }

    #[test]
    fn a_coupon_that_cannot_be_asked_is_not_called_refused() {
        let unchecked = view(discounted(Err(CallError::Late)));
        assert_eq!((unchecked.refused_reason, unchecked.checked), (None, false));
        let rejected = CallError::Rejected {
            status: http::StatusCode::CONFLICT,
            code: "expired".into(),
        };
        let refused = view(discounted(Err(rejected)));
        assert_eq!(
            (refused.refused_reason.as_deref(), refused.checked),
            (Some("expired"), true)
        );
    }
}
