//! Coupons, their counters, and the uses of each user.

use std::collections::BTreeSet;

use latchkey_db::{DbError, On, Row, Sql, Tx, sql};

use super::{json, parsed, word};
use crate::domain::{Benefit, Coupon, Scope, Status, Terms};

macro_rules! columns {
    () => {
        "id, code, percent_bp, amount, min_subtotal, currency, scope, scope_ids, instructor_id, starts_at, ends_at, \
         max_total, per_user, first_order_only, user_id, status, reserved, redeemed, version, created_at, updated_at"
    };
}

macro_rules! select {
    ($rest:literal) => {
        concat!("SELECT ", columns!(), " FROM coupons ", $rest)
    };
}

/// An update that changes nothing, but after which nobody else can change the row until the end of the transaction.
macro_rules! lock {
    ($rest:literal) => {
        concat!(
            "UPDATE coupons SET reserved = reserved ",
            $rest,
            " RETURNING ",
            columns!()
        )
    };
}

/// The coupon with this id, archived or not.
pub async fn coupon(on: impl Into<On<'_>>, id: &str) -> Result<Option<Coupon>, DbError> {
    one(sql(select!("WHERE id = $1")).bind(id), on).await
}

/// The coupon that has this code now.
pub async fn coupon_by_code(on: impl Into<On<'_>>, code: &str) -> Result<Option<Coupon>, DbError> {
    one(
        sql(select!("WHERE code = $1 AND status <> 'archived'")).bind(code),
        on,
    )
    .await
}

/// The coupon with this id, locked.
pub async fn lock(tx: &Tx, id: &str) -> Result<Option<Coupon>, DbError> {
    one(sql(lock!("WHERE id = $1")).bind(id), tx).await
}

/// The coupon that has this code now, locked.
pub async fn lock_by_code(tx: &Tx, code: &str) -> Result<Option<Coupon>, DbError> {
    one(
        sql(lock!("WHERE code = $1 AND status <> 'archived'")).bind(code),
        tx,
    )
    .await
}

/// A page of coupons that are not archived, the newest first: those of one instructor, or all.
pub async fn listed(
    on: impl Into<On<'_>>,
    instructor: Option<&str>,
    after: Option<&str>,
    limit: i64,
) -> Result<Vec<Coupon>, DbError> {
    let statement = sql(select!(
        "WHERE ($1 = '' OR instructor_id = $1) AND ($2 = '' OR id < $2) AND status <> 'archived' \
         ORDER BY id DESC LIMIT $3"
    ));
    let statement = statement
        .bind(instructor.unwrap_or_default())
        .bind(after.unwrap_or_default())
        .bind(limit);
    all(statement, on).await
}

/// A page of the active coupons that only this user may use and that have not ended, the newest first.
pub async fn of_user(
    on: impl Into<On<'_>>,
    user_id: &str,
    now: i64,
    after: Option<&str>,
    limit: i64,
) -> Result<Vec<Coupon>, DbError> {
    let statement = sql(select!(
        "WHERE user_id = $1 AND ($2 = '' OR id < $2) AND status = 'active' AND (ends_at IS NULL OR ends_at > $3) \
         ORDER BY id DESC LIMIT $4"
    ));
    let statement = statement
        .bind(user_id)
        .bind(after.unwrap_or_default())
        .bind(now)
        .bind(limit);
    all(statement, on).await
}

/// Every coupon that names this user, as the one who may use it or as the instructor; locked, in a fixed order.
pub async fn coupons_about(tx: &Tx, user_id: &str) -> Result<Vec<Coupon>, DbError> {
    let ids = sql("SELECT id FROM coupons WHERE user_id = $1 OR instructor_id = $1 ORDER BY id")
        .bind(user_id)
        .fetch_all(tx)
        .await?;
    let mut coupons = Vec::new();
    for row in ids {
        coupons.extend(lock(tx, &row.text("id")?).await?);
    }
    Ok(coupons)
}

/// Inserts a new coupon. `false` if another one has its code.
#[must_use = "zero rows mean that nothing was written"]
pub async fn insert(tx: &Tx, coupon: &Coupon) -> Result<bool, DbError> {
    let statement = sql(
        "INSERT INTO coupons (percent_bp, amount, min_subtotal, currency, scope, scope_ids, instructor_id, starts_at, \
         ends_at, max_total, per_user, first_order_only, user_id, status, version, updated_at, id, code, reserved, \
         redeemed, created_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, 0, 0, $19) \
         ON CONFLICT DO NOTHING",
    );
    let rows = bind_terms(statement, coupon)?
        .bind(&coupon.id)
        .bind(&coupon.code)
        .bind(coupon.created_at)
        .execute(tx)
        .await?;
    Ok(rows == 1)
}

/// Replaces the previous version of the terms. `false` if a concurrent change was faster.
#[must_use = "zero rows mean that nothing was written"]
pub async fn save(tx: &Tx, coupon: &Coupon) -> Result<bool, DbError> {
    let statement = sql(
        "UPDATE coupons SET percent_bp = $1, amount = $2, min_subtotal = $3, currency = $4, scope = $5, \
         scope_ids = $6, instructor_id = $7, starts_at = $8, ends_at = $9, max_total = $10, per_user = $11, \
         first_order_only = $12, user_id = $13, status = $14, version = $15, updated_at = $16 \
         WHERE id = $17 AND version = $15 - 1",
    );
    let rows = bind_terms(statement, coupon)?
        .bind(&coupon.id)
        .execute(tx)
        .await?;
    Ok(rows == 1)
}

/// Holds one use. `false` if none is left.
#[must_use = "zero rows mean that nothing is held"]
pub async fn hold_use(tx: &Tx, id: &str) -> Result<bool, DbError> {
    let statement = "UPDATE coupons SET reserved = reserved + 1 \
                     WHERE id = $1 AND (max_total IS NULL OR reserved + redeemed < max_total)";
    Ok(sql(statement).bind(id).execute(tx).await? == 1)
}

/// Spends a held use. `false` if none is held.
#[must_use = "zero rows mean that nothing was held"]
pub async fn commit_use(tx: &Tx, id: &str) -> Result<bool, DbError> {
    let statement =
        "UPDATE coupons SET reserved = reserved - 1, redeemed = redeemed + 1 WHERE id = $1 AND reserved > 0";
    Ok(sql(statement).bind(id).execute(tx).await? == 1)
}

/// Gives a held use back. `false` if none is held.
#[must_use = "zero rows mean that nothing was held"]
pub async fn release_use(tx: &Tx, id: &str) -> Result<bool, DbError> {
    let statement = "UPDATE coupons SET reserved = reserved - 1 WHERE id = $1 AND reserved > 0";
    Ok(sql(statement).bind(id).execute(tx).await? == 1)
}

/// How many uses of a coupon a user holds or has made.
pub async fn used(on: impl Into<On<'_>>, coupon_id: &str, user_id: &str) -> Result<i64, DbError> {
    let row = sql("SELECT used FROM coupon_uses WHERE coupon_id = $1 AND user_id = $2")
        .bind(coupon_id)
        .bind(user_id)
        .fetch_optional(on)
        .await?;
    row.map_or(Ok(0), |row| row.int("used"))
}

/// Counts one more use of a user. `false` if that would be more than `most`.
#[must_use = "zero rows mean that the user has no use left"]
pub async fn add_use(tx: &Tx, coupon_id: &str, user_id: &str, most: i64) -> Result<bool, DbError> {
    let rows = sql(
        "INSERT INTO coupon_uses (coupon_id, user_id, used) VALUES ($1, $2, 1) \
         ON CONFLICT (coupon_id, user_id) DO UPDATE SET used = coupon_uses.used + 1 \
         WHERE coupon_uses.used < $3",
    )
    .bind(coupon_id)
    .bind(user_id)
    .bind(most)
    .execute(tx)
    .await?;
    Ok(rows == 1)
}

/// Counts one use of a user less. There is nothing to count if the user was deleted in the meantime.
pub async fn return_use(tx: &Tx, coupon_id: &str, user_id: &str) -> Result<(), DbError> {
    sql("UPDATE coupon_uses SET used = used - 1 WHERE coupon_id = $1 AND user_id = $2 AND used > 0")
        .bind(coupon_id)
        .bind(user_id)
        .execute(tx)
        .await?;
    Ok(())
}

/// Deletes the counters of a user.
pub async fn forget_uses(tx: &Tx, user_id: &str) -> Result<(), DbError> {
    sql("DELETE FROM coupon_uses WHERE user_id = $1")
        .bind(user_id)
        .execute(tx)
        .await?;
    Ok(())
}

async fn one(statement: Sql, on: impl Into<On<'_>>) -> Result<Option<Coupon>, DbError> {
    statement.fetch_optional(on).await?.as_ref().map(read).transpose()
}

async fn all(statement: Sql, on: impl Into<On<'_>>) -> Result<Vec<Coupon>, DbError> {
    statement.fetch_all(on).await?.iter().map(read).collect()
}

/// Binds `$1` to `$16`: every mutable column but the counters, in the order of both statements.
fn bind_terms(statement: Sql, coupon: &Coupon) -> Result<Sql, DbError> {
    let terms = &coupon.terms;
    let (percent_bp, amount) = match terms.benefit {
        Benefit::Percent(bp) => (Some(bp), None),
        Benefit::Amount(amount) => (None, Some(amount)),
    };
    let none = BTreeSet::new();
    let (scope, ids, instructor) = match &terms.scope {
        Scope::All => ("all", &none, None),
        Scope::Courses(ids) => ("courses", ids, None),
        Scope::Categories(ids) => ("categories", ids, None),
        Scope::Instructor(instructor) => ("instructor", &none, Some(instructor.clone())),
    };
    Ok(statement
        .bind(percent_bp)
        .bind(amount)
        .bind(terms.min_subtotal)
        .bind(&terms.currency)
        .bind(scope)
        .bind(json("scope_ids", ids)?)
        .bind(instructor)
        .bind(terms.starts_at)
        .bind(terms.ends_at)
        .bind(terms.max_total)
        .bind(terms.per_user)
        .bind(i64::from(terms.first_order_only))
        .bind(terms.user_id.clone())
        .bind(coupon.status.as_str())
        .bind(coupon.version)
        .bind(coupon.updated_at))
}

fn read(row: &Row) -> Result<Coupon, DbError> {
    let benefit = match (row.opt_int("percent_bp")?, row.opt_int("amount")?) {
        (Some(bp), None) => Benefit::Percent(bp),
        (None, Some(amount)) => Benefit::Amount(amount),
        (Some(_), Some(_)) | (None, None) => {
            return Err(DbError::row(
                "percent_bp",
                "it and amount are both there, or neither is",
            ));
        }
    };
    Ok(Coupon {
        id: row.text("id")?,
        code: row.text("code")?,
        terms: Terms {
            benefit,
            currency: row.text("currency")?,
            scope: scope(row)?,
            starts_at: row.opt_int("starts_at")?,
            ends_at: row.opt_int("ends_at")?,
            max_total: row.opt_int("max_total")?,
            per_user: row.int("per_user")?,
            min_subtotal: row.opt_int("min_subtotal")?,
            first_order_only: row.int("first_order_only")? == 1,
            user_id: row.opt_text("user_id")?,
        },
        status: word(row, "status", Status::parse)?,
        reserved: row.int("reserved")?,
        redeemed: row.int("redeemed")?,
        version: row.int("version")?,
        created_at: row.int("created_at")?,
        updated_at: row.int("updated_at")?,
    })
}

fn scope(row: &Row) -> Result<Scope, DbError> {
    let ids = || parsed("scope_ids", &row.text("scope_ids")?);
    Ok(match row.text("scope")?.as_str() {
        "all" => Scope::All,
        "courses" => Scope::Courses(ids()?),
        "categories" => Scope::Categories(ids()?),
        "instructor" => Scope::Instructor(row.text("instructor_id")?),
        _ => return Err(DbError::row("scope", "a word that this binary does not know")),
    })
}
