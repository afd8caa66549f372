//! What an instructor sold.

use axum::Json;
use axum::extract::State;
use latchkey_http::{Problem, StrictQuery};
use latchkey_kit::{Access, Context, page};
use serde::Deserialize;
use utoipa::IntoParams;

use super::views::StatementView;
use crate::Error;
use crate::domain::{Account, Period};
use crate::store::{self, Place};

/// The query of a statement.
#[derive(Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Asked {
    /// The first day, such as `2026-01-01`, in UTC. Without it the statement is of twelve months.
    from: Option<String>,
    /// The last day; today without it.
    to: Option<String>,
    /// How many single sales are listed.
    #[param(minimum = 1, maximum = 100, default = 20)]
    limit: Option<i64>,
    /// `next_cursor` of the previous page.
    cursor: Option<String>,
}

/// Returns what the caller sold as an instructor, and their share of it. At most five years.
#[utoipa::path(get, path = "/billing/v1/statements", tag = "statements",
    params(Asked), responses((status = 200, body = StatementView)))]
pub async fn read(
    State(context): State<Context>,
    who: Access,
    StrictQuery(asked): StrictQuery<Asked>,
) -> Result<Json<StatementView>, Problem> {
    let limit = page::limit(asked.limit)?;
    let after = page::after(asked.cursor.as_deref(), |_: &Place| true)?;
    let period = Period::parse(asked.from.as_deref(), asked.to.as_deref(), context.clock.now_ms())
        .map_err(|(member, reason)| Problem::from(Error::Query(member, reason)))?;
    let statement = load(
        &context,
        who.sub(),
        period,
        after.unwrap_or_else(Place::newest),
        limit,
    )
    .await?;
    Ok(Json(statement))
}

async fn load(
    context: &Context,
    sub: &str,
    period: Period,
    after: Place,
    limit: i64,
) -> Result<StatementView, Error> {
    let span = (period.start(), period.end());
    let months = store::month_sales(&context.db, sub, span).await?;
    let courses = store::course_sales(&context.db, sub, span, MOST_COURSES).await?;
    let payable = store::party_totals(&context.db, Account::InstructorPayable, sub).await?;
    let found = store::sales(&context.db, sub, span, &after, limit + 1).await?;
    let (sales, next_cursor) = page::cut(found, limit, Place::of);
    let payable = payable.account.balance(payable.debit, payable.credit);
    let view = StatementView::of(&context.currency, period, &months, courses, payable);
    Ok(view.with_sales(sales, next_cursor))
}

const MOST_COURSES: i64 = 50;
