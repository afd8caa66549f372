//! The read tables: written with the order, read by the routes.

use latchkey_contracts::events::course::CourseKind;
use latchkey_contracts::events::order::BillingAddress;
use latchkey_db::{Db, DbError, Row, Tx, sql};
use serde::{Deserialize, Serialize};

use super::{json, opt_word, parsed, word};
use crate::domain::{Order, Reason, Split, State};

/// An order in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    pub id: String,
    pub number: String,
    pub buyer_id: String,
    pub state: State,
    pub reason: Option<Reason>,
    /// The display title of the first line.
    pub title: String,
    pub line_count: i64,
    pub total: i64,
    pub currency: String,
    pub alerted_at: Option<i64>,
    pub version: i64,
    pub created_at: i64,
    pub updated_at: i64,
}

/// An order with everything that its buyer sees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Detail {
    pub id: String,
    pub buyer_id: String,
    pub version: i64,
    pub body: DetailBody,
    pub lines: Vec<LineView>,
}

/// Everything but the lines.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DetailBody {
    pub number: String,
    pub state: State,
    pub reason: Option<Reason>,
    pub subtotal: i64,
    pub discount_total: i64,
    pub tax_total: i64,
    pub total: i64,
    pub currency: String,
    pub coupon_code: Option<String>,
    pub billing_address: Option<BillingAddress>,
    pub payment_id: Option<String>,
    pub paid: Option<Split>,
    pub refunded: i64,
    pub refunded_lines: Vec<String>,
    pub deadline_at: Option<i64>,
    pub created_at: i64,
    pub updated_at: i64,
    pub completed_at: Option<i64>,
}

/// A line: as it was bought, with the name that the course has now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineView {
    pub line_id: String,
    pub course_id: String,
    pub kind: CourseKind,
    pub title: String,
    pub display_title: String,
    pub slug: String,
    pub instructor_id: String,
    pub unit_price: i64,
    pub quantity: i64,
    pub discount: i64,
    pub tax: i64,
    pub total: i64,
}

/// Which orders a list has.
#[derive(Clone, Debug)]
pub enum Filter {
    Buyer(String),
    State(State),
    /// Those with an open alert.
    Alerted,
    All,
}

/// The name of a line's course: that of the purchase, or a newer one. Joined when it is read, so that an order that is
/// being written while its course is renamed shows the new name, too.
macro_rules! display_title {
    () => {
        "CASE WHEN t.version > l.title_version THEN t.title ELSE l.title END AS display_title"
    };
}

macro_rules! page {
    ($condition:literal) => {
        concat!(
            "SELECT s.order_id, s.number, s.buyer_id, s.state, s.reason, ",
            display_title!(),
            ", s.line_count, s.total, s.currency, s.alerted_at, s.version, s.created_at, s.updated_at ",
            "FROM order_summaries s JOIN order_lines l ON l.order_id = s.order_id AND l.position = 0 ",
            "LEFT JOIN course_titles t ON t.course_id = l.course_id WHERE ",
            $condition,
            " s.order_id < $1 ORDER BY s.order_id DESC LIMIT $2"
        )
    };
}

/// Writes the read tables of an order.
pub async fn project(tx: &Tx, order: &Order) -> Result<(), DbError> {
    sql(
        "INSERT INTO order_summaries (order_id, number, buyer_id, state, reason, line_count, total, currency, \
         alerted_at, version, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) \
         ON CONFLICT (order_id) DO UPDATE SET buyer_id = excluded.buyer_id, state = excluded.state, \
         reason = excluded.reason, alerted_at = excluded.alerted_at, version = excluded.version, \
         updated_at = excluded.updated_at",
    )
    .bind(&order.id)
    .bind(&order.number)
    .bind(&order.buyer_id)
    .bind(order.state.as_str())
    .bind(order.reason.map(Reason::as_str))
    .bind(i64::try_from(order.terms.lines.len()).unwrap_or(i64::MAX))
    .bind(order.terms.total)
    .bind(&order.terms.currency)
    .bind(order.alerted_at)
    .bind(order.version)
    .bind(order.created_at)
    .bind(order.updated_at)
    .execute(tx)
    .await?;
    sql(
        "INSERT INTO order_details (order_id, buyer_id, body, version) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (order_id) DO UPDATE SET buyer_id = excluded.buyer_id, body = excluded.body, \
         version = excluded.version",
    )
    .bind(&order.id)
    .bind(&order.buyer_id)
    .bind(json("body", &body(order))?)
    .bind(order.version)
    .execute(tx)
    .await?;
    match order.version {
        1 => lines(tx, order).await,
        _ => Ok(()), // lines never change
    }
}

/// Remembers what a course is called, if this is newer than what is known.
pub async fn rename(tx: &Tx, course_id: &str, title: &str, version: i64) -> Result<(), DbError> {
    sql(
        "INSERT INTO course_titles (course_id, title, version) VALUES ($1, $2, $3) \
         ON CONFLICT (course_id) DO UPDATE SET title = excluded.title, version = excluded.version \
         WHERE course_titles.version < excluded.version",
    )
    .bind(course_id)
    .bind(title)
    .bind(version)
    .execute(tx)
    .await?;
    Ok(())
}

/// A page of orders before the id `before`, the newest first; the first page is before [`NEWEST`].
pub async fn summaries(db: &Db, filter: &Filter, before: &str, limit: i64) -> Result<Vec<Summary>, DbError> {
    let statement = match filter {
        Filter::Buyer(buyer_id) => sql(page!("s.buyer_id = $3 AND"))
            .bind(before)
            .bind(limit)
            .bind(buyer_id),
        Filter::State(state) => sql(page!("s.state = $3 AND"))
            .bind(before)
            .bind(limit)
            .bind(state.as_str()),
        Filter::Alerted => sql(page!("s.alerted_at IS NOT NULL AND"))
            .bind(before)
            .bind(limit),
        Filter::All => sql(page!("")).bind(before).bind(limit),
    };
    statement.fetch_all(db).await?.iter().map(read_summary).collect()
}

/// After every id.
pub const NEWEST: &str = "g";

/// The order with this id as its buyer sees it.
pub async fn detail(db: &Db, id: &str) -> Result<Option<Detail>, DbError> {
    let row = sql("SELECT buyer_id, body, version FROM order_details WHERE order_id = $1")
        .bind(id)
        .fetch_optional(db)
        .await?;
    let Some(row) = row else { return Ok(None) };
    let lines = sql(concat!(
        "SELECT l.line_id, l.course_id, l.kind, l.title, ",
        display_title!(),
        ", l.slug, l.instructor_id, l.unit_price, l.quantity, l.discount, l.tax, l.total FROM order_lines l ",
        "LEFT JOIN course_titles t ON t.course_id = l.course_id WHERE l.order_id = $1 ORDER BY l.position"
    ))
    .bind(id)
    .fetch_all(db)
    .await?;
    Ok(Some(Detail {
        id: id.to_owned(),
        buyer_id: row.text("buyer_id")?,
        version: row.int("version")?,
        body: parsed(&row, "body")?,
        lines: lines.iter().map(read_line).collect::<Result<_, _>>()?,
    }))
}

fn body(order: &Order) -> DetailBody {
    let terms = &order.terms;
    DetailBody {
        number: order.number.clone(),
        state: order.state,
        reason: order.reason,
        subtotal: terms.subtotal,
        discount_total: terms.discount_total,
        tax_total: terms.tax_total,
        total: terms.total,
        currency: terms.currency.clone(),
        coupon_code: terms.coupon.as_ref().map(|coupon| coupon.code.clone()),
        billing_address: terms.billing_address.clone(),
        payment_id: order.payment_id.clone(),
        paid: order.paid,
        refunded: order.refunded,
        refunded_lines: order.refunded_lines.clone(),
        deadline_at: order.deadline_at(),
        created_at: order.created_at,
        updated_at: order.updated_at,
        completed_at: order.completed_at,
    }
}

async fn lines(tx: &Tx, order: &Order) -> Result<(), DbError> {
    for (position, line) in (0_i64..).zip(&order.terms.lines) {
        sql(
            "INSERT INTO order_lines (order_id, position, line_id, course_id, kind, title, title_version, slug, \
             instructor_id, unit_price, quantity, discount, tax, total) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
        )
        .bind(&order.id)
        .bind(position)
        .bind(&line.line_id)
        .bind(&line.course_id)
        .bind(kind_word(line.kind))
        .bind(&line.title)
        .bind(line.course_version)
        .bind(&line.slug)
        .bind(&line.instructor_id)
        .bind(line.unit_price)
        .bind(line.quantity)
        .bind(line.discount)
        .bind(line.tax)
        .bind(line.total)
        .execute(tx)
        .await?;
    }
    Ok(())
}

fn read_summary(row: &Row) -> Result<Summary, DbError> {
    Ok(Summary {
        id: row.text("order_id")?,
        number: row.text("number")?,
        buyer_id: row.text("buyer_id")?,
        state: word(row, "state", State::parse)?,
        reason: opt_word(row, "reason", Reason::parse)?,
        title: row.text("display_title")?,
        line_count: row.int("line_count")?,
        total: row.int("total")?,
        currency: row.text("currency")?,
        alerted_at: row.opt_int("alerted_at")?,
        version: row.int("version")?,
        created_at: row.int("created_at")?,
        updated_at: row.int("updated_at")?,
    })
}

fn read_line(row: &Row) -> Result<LineView, DbError> {
    Ok(LineView {
        line_id: row.text("line_id")?,
        course_id: row.text("course_id")?,
        kind: word(row, "kind", parse_kind)?,
        title: row.text("title")?,
        display_title: row.text("display_title")?,
        slug: row.text("slug")?,
        instructor_id: row.text("instructor_id")?,
        unit_price: row.int("unit_price")?,
        quantity: row.int("quantity")?,
        discount: row.int("discount")?,
        tax: row.int("tax")?,
        total: row.int("total")?,
    })
}

fn kind_word(kind: CourseKind) -> &'static str {
    match kind {
        CourseKind::Course => "course",
        CourseKind::Item => "item",
    }
}

fn parse_kind(text: &str) -> Option<CourseKind> {
    match text {
        "course" => Some(CourseKind::Course),
        "item" => Some(CourseKind::Item),
        _ => None,
    }
}
