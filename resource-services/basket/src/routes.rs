//! HTTP to domain and back. Users and visitors have the same routes; what differs is whose basket it is.

pub mod guest;
pub mod own;
mod view;

use std::time::Duration;

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::header;
use latchkey_bus::Cause;
use latchkey_contracts::Money;
use latchkey_contracts::resource::discount;
use latchkey_http::etag;
use latchkey_kit::{CallError, Context, SubjectToken, Target};
use serde::{Deserialize, Serialize};

use crate::domain::{Basket, CouponDraft, Course, DomainError, Holder, Kind, LineDraft, Priced, price};
use crate::{Error, commands, store};

pub use view::BasketView;
use view::{Discount, discounted};

/// Asking what a coupon is worth.
pub const QUOTE: Target = Target {
    resource: &discount::RESOURCE,
    scope: &discount::REDEEM,
};

/// Whose basket a request is about.
struct Asker {
    holder: Holder,
    /// To ask what a coupon is worth; a visitor has none.
    subject: Option<SubjectToken>,
    cause: Cause,
}

/// The basket at today's prices, with what the coupon is worth.
async fn show(context: &Context, asker: &Asker) -> Result<Response, Error> {
    let basket = store::basket(&context.db, &asker.holder).await?;
    answer(context, asker, basket).await
}

/// The basket after a change, or an empty one.
async fn answer(context: &Context, asker: &Asker, basket: Option<Basket>) -> Result<Response, Error> {
    let Some(basket) = basket else {
        return Ok(Json(BasketView::empty(&context.currency)).into_response());
    };
    let courses: Vec<String> = basket.lines.iter().map(|line| line.course_id.clone()).collect();
    let facts = store::facts(&context.db, &asker.holder, &courses).await?;
    let priced = price(&basket, &facts.courses, &facts.seats_left, &facts.owned)?;
    let discount = quote(context, asker, &basket, &priced).await;
    let tag = etag(basket.version);
    let view = BasketView::of(basket, priced, discount, &context.currency);
    Ok(([(header::ETAG, tag)], Json(view)).into_response())
}

async fn put(
    context: &Context,
    asker: &Asker,
    course_id: String,
    draft: LineDraft,
) -> Result<Response, Error> {
    let course = match store::course(&context.db, &course_id).await? {
        Some(course) => course,
        None => ask_catalog(context, &course_id).await?,
    };
    let quantity = draft.check(course.kind)?;
    let holder = asker.holder.clone();
    let basket = context
        .write(asker.cause.clone(), async move |t| {
            commands::put(&t, &holder, &course, quantity).await
        })
        .await?;
    answer(context, asker, Some(basket)).await
}

async fn remove(context: &Context, asker: &Asker, course_id: String) -> Result<Response, Error> {
    change(context, asker, move |basket| Ok(basket.without(&course_id))).await
}

async fn save(context: &Context, asker: &Asker, course_id: String, saved: bool) -> Result<Response, Error> {
    change(context, asker, move |basket| basket.saving(&course_id, saved)).await
}

async fn put_coupon(context: &Context, asker: &Asker, draft: CouponDraft) -> Result<Response, Error> {
    let code = draft.check()?;
    change(context, asker, move |basket| {
        Ok(Basket {
            coupon_code: Some(code),
            ..basket
        })
    })
    .await
}

async fn remove_coupon(context: &Context, asker: &Asker) -> Result<Response, Error> {
    change(context, asker, |basket| {
        Ok(Basket {
            coupon_code: None,
            ..basket
        })
    })
    .await
}

async fn clear(context: &Context, asker: &Asker) -> Result<Response, Error> {
    change(context, asker, |basket| {
        Ok(Basket {
            lines: Vec::new(),
            coupon_code: None,
            ..basket
        })
    })
    .await
}

async fn merge(context: &Context, asker: &Asker, guest: Holder) -> Result<Response, Error> {
    let holder = asker.holder.clone();
    let basket = context
        .write(asker.cause.clone(), async move |t| {
            commands::merge(&t, &holder, &guest).await
        })
        .await?;
    answer(context, asker, Some(basket)).await
}

async fn change<F>(context: &Context, asker: &Asker, decide: F) -> Result<Response, Error>
where
    F: FnOnce(Basket) -> Result<Basket, DomainError> + Send + 'static,
{
    let holder = asker.holder.clone();
    let basket = context
        .write(asker.cause.clone(), async move |t| {
            commands::change(&t, &holder, decide).await
        })
        .await?;
    answer(context, asker, Some(basket)).await
}

/// A course that no event has told of yet, as its public page shows it.
async fn ask_catalog(context: &Context, course_id: &str) -> Result<Course, Error> {
    #[derive(Deserialize)]
    struct Page {
        id: String,
        kind: Kind,
        title: String,
        slug: String,
        category_id: Option<String>,
        instructor_id: String,
        price: Option<Money>,
        status: String,
        version: i64,
    }
    let path = format!("/catalog/v1/courses/{course_id}");
    let asked = match context.calls() {
        Ok(calls) => calls.get::<Page>(&path, COURSE_DEADLINE).await,
        Err(error) => Err(error),
    };
    let page = match asked {
        Ok(page) => page,
        Err(CallError::Rejected { .. }) => return Err(DomainError::Missing.into()),
        Err(error) => {
            tracing::warn!(course.id = course_id, error = %latchkey_http::reasons(&error), "a course could not be looked up");
            return Err(DomainError::CourseUnknown.into());
        }
    };
    let price = page
        .price
        .filter(|price| price.currency == *context.currency && page.id == course_id);
    let Some(price) = price else {
        return Err(DomainError::NotForSale.into());
    };
    Ok(Course {
        course_id: page.id,
        kind: page.kind,
        title: page.title,
        slug: page.slug,
        category_id: page.category_id.unwrap_or_default(),
        instructor_id: page.instructor_id,
        price: price.amount,
        on_sale: matches!(page.status.as_str(), "published" | "unlisted"),
        version: page.version,
    })
}

/// What the coupon is worth now. A discount that cannot be asked is no reason to hide the basket.
async fn quote(context: &Context, asker: &Asker, basket: &Basket, priced: &Priced) -> Option<Discount> {
    #[derive(Serialize)]
    struct Question<'a> {
        code: &'a str,
        lines: Vec<Asked<'a>>,
    }
    #[derive(Serialize)]
    struct Asked<'a> {
        course_id: &'a str,
        quantity: i64,
        unit_price: Money,
    }
    let code = basket.coupon_code.as_deref()?;
    let bought = priced
        .lines
        .iter()
        .filter(|line| !line.line.saved && line.state.counts());
    let lines: Vec<Asked<'_>> = bought
        .filter_map(|line| {
            let course = line.course.as_ref()?;
            Some(Asked {
                course_id: &course.course_id,
                quantity: line.line.quantity,
                unit_price: Money::new(course.price, &*context.currency),
            })
        })
        .collect();
    let (Some(subject), false) = (&asker.subject, lines.is_empty()) else {
        return Some(Discount::Unchecked);
    };
    let question = Question { code, lines };
    let answer = match context.calls() {
        Ok(calls) => {
            calls
                .post_as(subject, QUOTE, "/discount/v1/quote", &question, QUOTE_DEADLINE)
                .await
        }
        Err(error) => Err(error),
    };
    Some(discounted(answer))
}

impl Asker {
    fn user(sub: &str, subject: SubjectToken, cause: Cause) -> Self {
        Self {
            holder: Holder::user(sub),
            subject: Some(subject),
            cause,
        }
    }
}

/// A first look at a course (shop: 500 ms).
const COURSE_DEADLINE: Duration = Duration::from_millis(500);
/// A quote is worth waiting for as long as nobody notices.
const QUOTE_DEADLINE: Duration = Duration::from_millis(300);
