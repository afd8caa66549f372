//! Stock: read, locked, and replaced by version.

use latchkey_db::{DbError, On, Row, Tx, sql, sql_for_share, sql_list};

use super::{kind, kind_name};
use crate::domain::Stock;

macro_rules! columns {
    ($before:literal, $after:literal) => {
        concat!(
            $before,
            " item_id, kind, instructor_id, title, slug, on_sale, course_version, capacity, capacity_version, ",
            "sold, reserved, version ",
            $after
        )
    };
}

/// The stock of an item.
pub async fn stock(on: impl Into<On<'_>>, item_id: &str) -> Result<Option<Stock>, DbError> {
    let row = sql(columns!("SELECT", "FROM stock WHERE item_id = $1"))
        .bind(item_id)
        .fetch_optional(on)
        .await?;
    row.as_ref().map(read).transpose()
}

/// The stock of those of the items that exist, in the order of their ids.
pub async fn stocks(on: impl Into<On<'_>>, item_ids: &[String]) -> Result<Vec<Stock>, DbError> {
    sql_list(columns!(
        "SELECT",
        "FROM stock WHERE item_id IN ({list}) ORDER BY item_id"
    ))
    .bind_list(item_ids)
    .fetch_all(on)
    .await?
    .iter()
    .map(read)
    .collect()
}

/// The stock of an item, locked until the end of the transaction. Where seats are counted, others wait for their turn;
/// where they are not, they only wait while counting begins.
pub async fn lock_stock(tx: &Tx, item_id: &str) -> Result<Option<Stock>, DbError> {
    // Between the two statements counting may begin; whoever began it has committed by then.
    for _ in 0..2 {
        let counted = sql(columns!(
            "UPDATE stock SET version = version WHERE item_id = $1 AND capacity IS NOT NULL RETURNING",
            ""
        ));
        if let Some(row) = counted.bind(item_id).fetch_optional(tx).await? {
            return read(&row).map(Some);
        }
        let uncounted = sql_for_share!(
            columns!("SELECT", "FROM stock WHERE item_id = $1 AND capacity IS NULL "),
            "stock",
            ""
        );
        if let Some(row) = uncounted.bind(item_id).fetch_optional(tx).await? {
            return read(&row).map(Some);
        }
    }
    Ok(None)
}

/// The stock of an item, locked so that nobody else has it, whether seats are counted or not.
pub async fn lock_stock_alone(tx: &Tx, item_id: &str) -> Result<Option<Stock>, DbError> {
    let row = sql(columns!(
        "UPDATE stock SET version = version WHERE item_id = $1 RETURNING",
        ""
    ))
    .bind(item_id)
    .fetch_optional(tx)
    .await?;
    row.as_ref().map(read).transpose()
}

/// Writes the stock of a new item. `false` if a concurrent transaction was faster.
#[must_use = "zero rows mean that nothing was written"]
pub async fn insert_stock(tx: &Tx, stock: &Stock) -> Result<bool, DbError> {
    let rows = sql(
        "INSERT INTO stock (item_id, kind, instructor_id, title, slug, on_sale, course_version, capacity, \
         capacity_version, sold, reserved, version) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) ON CONFLICT (item_id) DO NOTHING",
    )
    .bind(&stock.item_id)
    .bind(kind_name(stock.kind))
    .bind(&stock.instructor_id)
    .bind(&stock.title)
    .bind(&stock.slug)
    .bind(i64::from(stock.on_sale))
    .bind(stock.course_version)
    .bind(stock.capacity)
    .bind(stock.capacity_version)
    .bind(stock.sold)
    .bind(stock.reserved)
    .bind(stock.version)
    .execute(tx)
    .await?;
    Ok(rows == 1)
}

/// Replaces what was read before. `false` if a concurrent change was faster.
#[must_use = "zero rows mean that nothing was written"]
pub async fn save_stock(tx: &Tx, before: &Stock, after: &Stock) -> Result<bool, DbError> {
    let rows = sql(
        "UPDATE stock SET instructor_id = $2, title = $3, slug = $4, on_sale = $5, course_version = $6, \
         capacity = $7, capacity_version = $8, sold = $9, reserved = $10, version = $11 \
         WHERE item_id = $1 AND course_version = $12 AND version = $13",
    )
    .bind(&after.item_id)
    .bind(&after.instructor_id)
    .bind(&after.title)
    .bind(&after.slug)
    .bind(i64::from(after.on_sale))
    .bind(after.course_version)
    .bind(after.capacity)
    .bind(after.capacity_version)
    .bind(after.sold)
    .bind(after.reserved)
    .bind(after.version)
    .bind(before.course_version)
    .bind(before.version)
    .execute(tx)
    .await?;
    Ok(rows == 1)
}

fn read(row: &Row) -> Result<Stock, DbError> {
    Ok(Stock {
        item_id: row.text("item_id")?,
        kind: kind(row)?,
        instructor_id: row.text("instructor_id")?,
        title: row.text("title")?,
        slug: row.text("slug")?,
        on_sale: row.int("on_sale")? == 1,
        course_version: row.int("course_version")?,
        capacity: row.opt_int("capacity")?,
        capacity_version: row.int("capacity_version")?,
        sold: row.int("sold")?,
        reserved: row.int("reserved")?,
        version: row.int("version")?,
    })
}
