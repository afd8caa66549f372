//! What an order asks others before it exists: the basket, the prices, the coupon. The only synchronous calls of the
//! service, each in the name of the buyer, with a token for that one service ([`Calls`]).

use std::time::Duration;

use latchkey_contracts::Money;
use latchkey_contracts::events::course::{CourseKind, CourseStatus};
use latchkey_contracts::events::discount::LineDiscount;
use latchkey_contracts::resource;
use latchkey_kit::{CallError, Calls, Context, SubjectToken, Target, is_id};
use serde::Deserialize;
use serde_json::json;

use crate::domain::{Basket, BasketLine, CouponAnswer, CourseQuote, DomainError, Quote, price};

/// The buyer's basket.
pub const BASKET: Target = Target {
    resource: &resource::basket::RESOURCE,
    scope: &resource::basket::USE,
};
/// Prices.
pub const CATALOG: Target = Target {
    resource: &resource::catalog::RESOURCE,
    scope: &resource::catalog::READ,
};
/// What a coupon is worth.
pub const DISCOUNT: Target = Target {
    resource: &resource::discount::RESOURCE,
    scope: &resource::discount::REDEEM,
};

/// Prices the basket of the bearer of a token, if it has this version. Whatever is wrong with the others, nothing is
/// ordered.
pub async fn quote(
    context: &Context,
    subject: &SubjectToken,
    basket_version: i64,
) -> Result<Quote, DomainError> {
    let asked = tokio::time::timeout(DEADLINE, ask(context, subject, basket_version)).await;
    match asked {
        Ok(Ok(quote)) => Ok(quote?),
        Ok(Err(error)) => {
            tracing::warn!(error = %latchkey_http::reasons(&error), "an order could not be priced");
            Err(DomainError::NoQuote)
        }
        Err(_late) => {
            tracing::warn!("an order could not be priced in time");
            Err(DomainError::NoQuote)
        }
    }
}

async fn ask(
    context: &Context,
    subject: &SubjectToken,
    basket_version: i64,
) -> Result<Result<Quote, DomainError>, CallError> {
    let calls = context.calls()?;
    let basket: BasketBody = calls.get_as(subject, BASKET, "/basket/v1", DEADLINE).await?;
    let Some(basket) = basket.read() else {
        return Ok(Err(DomainError::BasketEmpty));
    };
    if basket.version != basket_version {
        return Ok(Err(DomainError::BasketChanged));
    }
    let ids: Vec<&str> = basket.lines.iter().map(|line| line.course_id.as_str()).collect();
    if ids.is_empty() {
        return Ok(Err(DomainError::BasketEmpty));
    }
    if ids.len() > MOST_LINES || !ids.iter().all(|id| is_id(id)) {
        return Ok(Err(DomainError::NoQuote));
    }
    let path = format!("/catalog/v1/courses?ids={}", ids.join(","));
    let page: CoursePage = calls.get_as(subject, CATALOG, &path, DEADLINE).await?;
    let courses: Vec<CourseQuote> = page.items.into_iter().map(CourseQuote::from).collect();
    let coupon = match &basket.coupon_code {
        Some(code) => Some(coupon(calls, subject, code, &basket, &courses).await?),
        None => None,
    };
    Ok(price(&basket, &courses, coupon.as_ref(), &context.currency))
}

async fn coupon(
    calls: &Calls,
    subject: &SubjectToken,
    code: &str,
    basket: &Basket,
    courses: &[CourseQuote],
) -> Result<CouponAnswer, CallError> {
    let lines = basket.lines.iter().filter_map(|line| {
        let course = courses.iter().find(|course| course.course_id == line.course_id)?;
        Some(json!({"course_id": line.course_id, "unit_price": course.price, "quantity": line.quantity}))
    });
    let body = json!({"code": code, "lines": lines.collect::<Vec<_>>()});
    let asked = calls.post_as(subject, DISCOUNT, "/discount/v1/quote", &body, DEADLINE);
    match asked.await {
        Ok(CouponBody {
            refused_reason: Some(reason),
            ..
        }) => Ok(CouponAnswer::Refused(reason)),
        Ok(CouponBody { per_line, .. }) => Ok(CouponAnswer::Granted(per_line)),
        // What was typed into the basket is not even a code.
        Err(CallError::Rejected { code, .. }) => Ok(CouponAnswer::Refused(code)),
        Err(error) => Err(error),
    }
}

// What is read of the others' responses; what they add later is ignored.

#[derive(Deserialize)]
struct BasketBody {
    /// Absent as long as nothing was put in.
    id: Option<String>,
    version: i64,
    lines: Vec<BasketLineBody>,
    discount: Option<BasketDiscount>,
}

#[derive(Deserialize)]
struct BasketLineBody {
    course_id: String,
    quantity: i64,
}

#[derive(Deserialize)]
struct BasketDiscount {
    code: String,
}

#[derive(Deserialize)]
struct CoursePage {
    items: Vec<CourseBody>,
}

#[derive(Deserialize)]
struct CourseBody {
    id: String,
    kind: CourseKind,
    category_id: Option<String>,
    title: String,
    slug: String,
    instructor_id: String,
    price: Option<Money>,
    status: String,
    version: i64,
    #[serde(default)]
    lesson_count: Option<i64>,
}

#[derive(Deserialize)]
struct CouponBody {
    per_line: Vec<LineDiscount>,
    #[serde(default)]
    refused_reason: Option<String>,
}

impl BasketBody {
    fn read(self) -> Option<Basket> {
        let line = |line: BasketLineBody| BasketLine {
            course_id: line.course_id,
            quantity: line.quantity,
        };
        Some(Basket {
            id: self.id?,
            version: self.version,
            lines: self.lines.into_iter().map(line).collect(),
            coupon_code: self.discount.map(|discount| discount.code),
        })
    }
}

impl From<CourseBody> for CourseQuote {
    fn from(course: CourseBody) -> Self {
        Self {
            course_id: course.id,
            kind: course.kind,
            category_id: course.category_id.unwrap_or_default(),
            title: course.title,
            slug: course.slug,
            instructor_id: course.instructor_id,
            price: course.price,
            status: match course.status.as_str() {
                "published" => Some(CourseStatus::Published),
                "unlisted" => Some(CourseStatus::Unlisted),
                "archived" => Some(CourseStatus::Archived),
                _ => None,
            },
            version: course.version,
            lessons: course.lesson_count,
        }
    }
}

/// For everything that is asked together.
const DEADLINE: Duration = Duration::from_secs(2);
/// A basket has no more.
const MOST_LINES: usize = 50;
