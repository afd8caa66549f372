//! What instructors sold: a read table, written with the documents.

use latchkey_db::{DbError, On, Row, Tx, sql};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::word;

/// A line of an invoice or of a credit note, as its instructor sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sale {
    pub document_id: String,
    pub line_id: String,
    pub instructor_id: String,
    pub kind: SaleKind,
    /// Unix milliseconds.
    pub at: i64,
    /// `2026-11`
    pub month: String,
    pub number: String,
    pub course_id: String,
    pub title: String,
    pub quantity: i64,
    /// Without tax.
    pub amount: i64,
    pub share: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SaleKind {
    Sale,
    Refund,
}

impl SaleKind {
    fn as_str(self) -> &'static str {
        match self {
            Self::Sale => "sale",
            Self::Refund => "refund",
        }
    }

    fn parse(word: &str) -> Option<Self> {
        [Self::Sale, Self::Refund]
            .into_iter()
            .find(|kind| kind.as_str() == word)
    }
}

/// The position after a page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Place {
    at: i64,
    document_id: String,
    line_id: String,
}

impl Place {
    /// Before every sale.
    pub fn newest() -> Self {
        Self {
            at: i64::MAX,
            document_id: String::new(),
            line_id: String::new(),
        }
    }

    pub fn of(sale: &Sale) -> Self {
        Self {
            at: sale.at,
            document_id: sale.document_id.clone(),
            line_id: sale.line_id.clone(),
        }
    }
}

/// The sums of a month, of sales and of refunds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MonthSales {
    pub month: String,
    pub kind: SaleKind,
    pub quantity: i64,
    pub amount: i64,
    pub share: i64,
}

/// The sums of a course: what was sold less what went back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CourseSales {
    pub course_id: String,
    pub title: String,
    pub quantity: i64,
    pub amount: i64,
    pub share: i64,
}

pub async fn insert_sale(tx: &Tx, sale: &Sale) -> Result<(), DbError> {
    sql(
        "INSERT INTO instructor_sales (document_id, line_id, instructor_id, kind, at, month, number, course_id, title, \
         quantity, amount, share) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
    )
    .bind(&sale.document_id)
    .bind(&sale.line_id)
    .bind(&sale.instructor_id)
    .bind(sale.kind.as_str())
    .bind(sale.at)
    .bind(&sale.month)
    .bind(&sale.number)
    .bind(&sale.course_id)
    .bind(&sale.title)
    .bind(sale.quantity)
    .bind(sale.amount)
    .bind(sale.share)
    .execute(tx)
    .await?;
    Ok(())
}

/// At most `limit` lines of an instructor after a place, the last first.
pub async fn sales(
    on: impl Into<On<'_>>,
    instructor_id: &str,
    (start, end): (i64, i64),
    after: &Place,
    limit: i64,
) -> Result<Vec<Sale>, DbError> {
    sql(
        "SELECT document_id, line_id, instructor_id, kind, at, month, number, course_id, title, quantity, amount, \
         share FROM instructor_sales WHERE instructor_id = $1 AND at >= $2 AND at < $3 \
         AND (at, document_id, line_id) < ($4, $5, $6) \
         ORDER BY at DESC, document_id DESC, line_id DESC LIMIT $7",
    )
    .bind(instructor_id)
    .bind(start)
    .bind(end)
    .bind(after.at)
    .bind(&after.document_id)
    .bind(&after.line_id)
    .bind(limit)
    .fetch_all(on)
    .await?
    .iter()
    .map(read)
    .collect()
}

/// The sums of each month in which something happened.
pub async fn month_sales(
    on: impl Into<On<'_>>,
    instructor_id: &str,
    (start, end): (i64, i64),
) -> Result<Vec<MonthSales>, DbError> {
    sql("SELECT month, kind, CAST(SUM(quantity) AS BIGINT) AS quantity, CAST(SUM(amount) AS BIGINT) AS amount, \
         CAST(SUM(share) AS BIGINT) AS share FROM instructor_sales \
         WHERE instructor_id = $1 AND at >= $2 AND at < $3 GROUP BY month, kind ORDER BY month, kind")
    .bind(instructor_id)
    .bind(start)
    .bind(end)
    .fetch_all(on)
    .await?
    .iter()
    .map(|row| {
        Ok(MonthSales {
            month: row.text("month")?,
            kind: word(row, "kind", SaleKind::parse)?,
            quantity: row.int("quantity")?,
            amount: row.int("amount")?,
            share: row.int("share")?,
        })
    })
    .collect()
}

/// At most `limit` courses, those that brought the most first, under their last title.
pub async fn course_sales(
    on: impl Into<On<'_>>,
    instructor_id: &str,
    (start, end): (i64, i64),
    limit: i64,
) -> Result<Vec<CourseSales>, DbError> {
    sql("SELECT course_id, MAX(title) AS title, \
         CAST(SUM(CASE kind WHEN 'sale' THEN quantity ELSE -quantity END) AS BIGINT) AS quantity, \
         CAST(SUM(CASE kind WHEN 'sale' THEN amount ELSE -amount END) AS BIGINT) AS amount, \
         CAST(SUM(CASE kind WHEN 'sale' THEN share ELSE -share END) AS BIGINT) AS share \
         FROM instructor_sales WHERE instructor_id = $1 AND at >= $2 AND at < $3 \
         GROUP BY course_id ORDER BY 4 DESC, course_id LIMIT $4")
    .bind(instructor_id)
    .bind(start)
    .bind(end)
    .bind(limit)
    .fetch_all(on)
    .await?
    .iter()
    .map(|row| {
        Ok(CourseSales {
            course_id: row.text("course_id")?,
            title: row.text("title")?,
            quantity: row.int("quantity")?,
            amount: row.int("amount")?,
            share: row.int("share")?,
        })
    })
    .collect()
}

fn read(row: &Row) -> Result<Sale, DbError> {
    Ok(Sale {
        document_id: row.text("document_id")?,
        line_id: row.text("line_id")?,
        instructor_id: row.text("instructor_id")?,
        kind: word(row, "kind", SaleKind::parse)?,
        at: row.int("at")?,
        month: row.text("month")?,
        number: row.text("number")?,
        course_id: row.text("course_id")?,
        title: row.text("title")?,
        quantity: row.int("quantity")?,
        amount: row.int("amount")?,
        share: row.int("share")?,
    })
}
