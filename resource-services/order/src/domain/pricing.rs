//! What a basket costs: computed here from the catalog's prices, never taken from the caller.

use latchkey_contracts::Money;
use latchkey_contracts::events::course::{CourseKind, CourseStatus};
use latchkey_contracts::events::discount::LineDiscount;
use serde::Serialize;
use utoipa::ToSchema;

use super::DomainError;

/// A basket as its service shows it to the order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Basket {
    pub id: String,
    pub version: i64,
    pub lines: Vec<BasketLine>,
    pub coupon_code: Option<String>,
}

/// What the buyer wants of one course.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BasketLine {
    pub course_id: String,
    pub quantity: i64,
}

/// A course as the catalog sells it now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CourseQuote {
    pub course_id: String,
    pub kind: CourseKind,
    pub category_id: String,
    pub title: String,
    pub slug: String,
    pub instructor_id: String,
    /// Absent in a draft.
    pub price: Option<Money>,
    /// `None` is a state in which nothing is sold, such as a draft.
    pub status: Option<CourseStatus>,
    pub version: i64,
    /// How many it has, if the catalog says so.
    pub lessons: Option<i64>,
}

/// What discount says about the coupon of a basket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CouponAnswer {
    Granted(Vec<LineDiscount>),
    Refused(String),
}

/// A priced basket: what the buyer is told, and what the order is made of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Quote {
    pub basket_id: String,
    pub basket_version: i64,
    pub lines: Vec<QuoteLine>,
    pub subtotal: Money,
    pub discount_total: Money,
    pub tax_total: Money,
    pub total: Money,
    pub coupon_code: Option<String>,
    /// Why the coupon of the basket counts for nothing.
    pub coupon_refused: Option<String>,
}

/// A line of a quote.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct QuoteLine {
    pub course_id: String,
    #[serde(skip)]
    pub course_version: i64,
    #[schema(value_type = String)]
    pub kind: CourseKind,
    #[serde(skip)]
    pub category_id: String,
    pub title: String,
    pub slug: String,
    #[serde(skip)]
    pub instructor_id: String,
    #[serde(skip)]
    pub lessons: Option<i64>,
    pub unit_price: Money,
    pub quantity: i64,
    pub discount: Money,
    pub tax: Money,
    pub total: Money,
}

/// Prices a basket. Prices include the tax, which is told apart on the invoice.
pub fn price(
    basket: &Basket,
    courses: &[CourseQuote],
    coupon: Option<&CouponAnswer>,
    currency: &str,
) -> Result<Quote, DomainError> {
    if basket.lines.is_empty() {
        return Err(DomainError::BasketEmpty);
    }
    let discounts: &[LineDiscount] = match coupon {
        Some(CouponAnswer::Granted(per_line)) => per_line,
        Some(CouponAnswer::Refused(_)) | None => &[],
    };
    let money = |amount: i64| Money::new(amount, currency);
    let (mut lines, mut missing) = (Vec::new(), Vec::new());
    let (mut subtotal, mut discount_total): (i64, i64) = (0, 0);
    for line in &basket.lines {
        let Some((course, unit_price)) = sold(courses, line, currency) else {
            missing.push(line.course_id.clone());
            continue;
        };
        let gross = unit_price
            .checked_mul(line.quantity)
            .ok_or(DomainError::Overflow)?;
        let discount = discount_of(discounts, &line.course_id, gross, currency)?;
        subtotal = subtotal.checked_add(gross).ok_or(DomainError::Overflow)?;
        discount_total += discount;
        lines.push(QuoteLine {
            course_id: course.course_id.clone(),
            course_version: course.version,
            kind: course.kind,
            category_id: course.category_id.clone(),
            title: course.title.clone(),
            slug: course.slug.clone(),
            instructor_id: course.instructor_id.clone(),
            lessons: course.lessons,
            unit_price: money(unit_price),
            quantity: line.quantity,
            discount: money(discount),
            tax: money(0),
            total: money(gross - discount),
        });
    }
    if !missing.is_empty() {
        return Err(DomainError::Unavailable(missing));
    }
    // A discount on what is not in the basket would be lost without a word.
    let stray = |discount: &LineDiscount| !lines.iter().any(|line| line.course_id == discount.course_id);
    if discounts.iter().any(stray) {
        return Err(DomainError::NoQuote);
    }
    Ok(Quote {
        basket_id: basket.id.clone(),
        basket_version: basket.version,
        lines,
        subtotal: money(subtotal),
        discount_total: money(discount_total),
        tax_total: money(0),
        total: money(subtotal - discount_total),
        coupon_code: match coupon {
            Some(CouponAnswer::Granted(_)) => basket.coupon_code.clone(),
            Some(CouponAnswer::Refused(_)) | None => None,
        },
        coupon_refused: match coupon {
            Some(CouponAnswer::Refused(reason)) => Some(reason.clone()),
            Some(CouponAnswer::Granted(_)) | None => None,
        },
    })
}

/// The course of a line and its price, if as many of it are sold in the shop's currency.
fn sold<'a>(courses: &'a [CourseQuote], line: &BasketLine, currency: &str) -> Option<(&'a CourseQuote, i64)> {
    let course = courses.iter().find(|course| course.course_id == line.course_id)?;
    let on_sale = matches!(course.status?, CourseStatus::Published | CourseStatus::Unlisted);
    let quantities = match course.kind {
        CourseKind::Course => 1..=1,
        CourseKind::Item => 1..=100,
    };
    let price = course.price.as_ref()?;
    let sound =
        on_sale && quantities.contains(&line.quantity) && price.currency == currency && price.amount >= 0;
    sound.then_some((course, price.amount))
}

/// The discount of a line: never negative, never more than the line costs, and told once.
fn discount_of(
    discounts: &[LineDiscount],
    course_id: &str,
    gross: i64,
    currency: &str,
) -> Result<i64, DomainError> {
    let mut of_line = discounts
        .iter()
        .filter(|discount| discount.course_id == course_id);
    match (of_line.next(), of_line.next()) {
        (None, _) => Ok(0),
        (Some(LineDiscount { amount, .. }), None)
            if amount.currency == currency && (0..=gross).contains(&amount.amount) =>
        {
            Ok(amount.amount)
        }
        (Some(_), _) => Err(DomainError::NoQuote),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn course(id: &str, price: i64) -> CourseQuote {
        CourseQuote {
            course_id: id.into(),
            kind: CourseKind::Item,
            category_id: "category".into(),
            title: format!("About {id}"),
            slug: id.into(),
            instructor_id: "ada".into(),
            price: Some(Money::new(price, "EUR")),
            status: Some(CourseStatus::Published),
            version: 3,
            lessons: None,
        }
    }

    fn basket(lines: &[(&str, i64)]) -> Basket {
        let line = |(id, quantity): &(&str, i64)| BasketLine {
            course_id: (*id).into(),
            quantity: *quantity,
        };
        Basket {
            id: "basket".into(),
            version: 7,
            lines: lines.iter().map(line).collect(),
            coupon_code: Some("SPRING".into()),
        }
    }

    fn off(id: &str, amount: i64) -> LineDiscount {
        LineDiscount {
            course_id: id.into(),
            amount: Money::new(amount, "EUR"),
        }
    }

    #[test]
    fn a_basket_costs_what_the_catalog_says() {
        let courses = [course("a", 1_999), course("b", 500)];
        let quote = price(&basket(&[("a", 1), ("b", 3)]), &courses, None, "EUR").unwrap();
        assert_eq!((quote.subtotal.amount, quote.total.amount), (3_499, 3_499));
        assert_eq!(quote.coupon_code, None);
    }

    #[test]
    fn a_coupon_takes_its_share_of_each_line() {
        let courses = [course("a", 1_000), course("b", 500)];
        let granted = CouponAnswer::Granted(vec![off("a", 100), off("b", 500)]);
        let quote = price(&basket(&[("a", 1), ("b", 1)]), &courses, Some(&granted), "EUR").unwrap();
        assert_eq!((quote.discount_total.amount, quote.total.amount), (600, 900));
        let totals: Vec<i64> = quote.lines.iter().map(|line| line.total.amount).collect();
        assert_eq!(totals, [900, 0]);
        assert_eq!(quote.coupon_code.as_deref(), Some("SPRING"));
    }

    #[test]
    fn a_refused_coupon_counts_for_nothing_and_says_why() {
        let refused = CouponAnswer::Refused("expired".into());
        let quote = price(&basket(&[("a", 1)]), &[course("a", 1_000)], Some(&refused), "EUR").unwrap();
        assert_eq!((quote.total.amount, quote.coupon_code), (1_000, None));
        assert_eq!(quote.coupon_refused.as_deref(), Some("expired"));
    }

    #[test]
    fn a_discount_that_makes_no_sense_is_not_believed() {
        for bad in [
            vec![off("a", -1)],
            vec![off("a", 1_001)],
            vec![off("a", 1), off("a", 1)],
            vec![off("elsewhere", 1)],
            vec![LineDiscount {
                course_id: "a".into(),
                amount: Money::new(1, "USD"),
            }],
        ] {
            let answer = CouponAnswer::Granted(bad);
            let quote = price(&basket(&[("a", 1)]), &[course("a", 1_000)], Some(&answer), "EUR");
            assert_eq!(quote, Err(DomainError::NoQuote), "{answer:?}");
        }
    }

    #[test]
    fn what_is_not_sold_is_named() {
        let unavailable = |course: CourseQuote, quantity| {
            let quote = price(&basket(&[("a", quantity)]), &[course], None, "EUR");
            quote == Err(DomainError::Unavailable(vec!["a".into()]))
        };
        let a = || course("a", 1_000);
        assert!(unavailable(
            CourseQuote {
                status: Some(CourseStatus::Archived),
                ..a()
            },
            1
        ));
        assert!(unavailable(CourseQuote { status: None, ..a() }, 1));
        assert!(unavailable(CourseQuote { price: None, ..a() }, 1));
        assert!(unavailable(
            CourseQuote {
                price: Some(Money::new(1, "USD")),
                ..a()
            },
            1
        ));
        assert!(unavailable(
            CourseQuote {
                price: Some(Money::new(-1, "EUR")),
                ..a()
            },
            1
        ));
        assert!(unavailable(
            CourseQuote {
                kind: CourseKind::Course,
                ..a()
            },
            2
        ));
        for quantity in [0, -1, 101] {
            assert!(unavailable(a(), quantity), "{quantity}");
        }
        assert!(unavailable(course("b", 1_000), 1));
        assert!(!unavailable(
            CourseQuote {
                status: Some(CourseStatus::Unlisted),
                ..a()
            },
            1
        ));
    }

    #[test]
    fn sums_that_do_not_fit_are_refused() {
        let dear = price(&basket(&[("a", 2)]), &[course("a", i64::MAX)], None, "EUR");
        assert_eq!(dear, Err(DomainError::Overflow));
        let courses = [course("a", i64::MAX), course("b", 1)];
        let dear = price(&basket(&[("a", 1), ("b", 1)]), &courses, None, "EUR");
        assert_eq!(dear, Err(DomainError::Overflow));
        assert_eq!(
            price(&basket(&[]), &[], None, "EUR"),
            Err(DomainError::BasketEmpty)
        );
    }

    proptest! {
        #[test]
        fn the_lines_add_up_to_the_total(
            lines in prop::collection::vec((0_i64..100_000, 1_i64..=100, 0_i64..=100), 1..20)
        ) {
            let named: Vec<(String, i64, i64, i64)> = lines
                .iter()
                .enumerate()
                .map(|(at, (price, quantity, percent))| {
                    (format!("c{at}"), *price, *quantity, price * quantity * percent / 100)
                })
                .collect();
            let courses: Vec<CourseQuote> = named.iter().map(|(id, price, ..)| course(id, *price)).collect();
            let wanted: Vec<(&str, i64)> = named.iter().map(|(id, _, quantity, _)| (id.as_str(), *quantity)).collect();
            let granted = CouponAnswer::Granted(named.iter().map(|(id, _, _, less)| off(id, *less)).collect());
            let quote = price(&basket(&wanted), &courses, Some(&granted), "EUR").unwrap();
            let sum = |of: fn(&QuoteLine) -> i64| quote.lines.iter().map(of).sum::<i64>();
            prop_assert_eq!(sum(|line| line.total.amount), quote.total.amount);
            prop_assert_eq!(sum(|line| line.discount.amount), quote.discount_total.amount);
            prop_assert_eq!(quote.subtotal.amount - quote.discount_total.amount, quote.total.amount);
            prop_assert!(quote.total.amount >= 0);
        }
    }
}
