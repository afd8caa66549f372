//! The only SQL of the basket: rows to domain values and back. One text for both engines.

use std::collections::{BTreeMap, BTreeSet};

use latchkey_db::{Db, DbError, Migration, Migrations, On, Row, Tx, sql, sql_list};

use crate::domain::{Basket, Course, Holder, Kind, Line};

/// The tables.
pub const MIGRATIONS: Migrations = Migrations {
    set: "basket",
    steps: &[Migration {
        version: 1,
        name: "baskets",
        sqlite: include_str!("../migrations/0001_baskets.sql"),
        postgres: include_str!("../migrations/0001_baskets.sql"),
    }],
};

/// What is needed to price a basket.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    pub courses: BTreeMap<String, Course>,
    /// Only of courses whose seats are counted.
    pub seats_left: BTreeMap<String, i64>,
    pub owned: BTreeSet<String>,
}

/// The basket of a holder.
pub async fn basket(on: impl Into<On<'_>> + Copy, holder: &Holder) -> Result<Option<Basket>, DbError> {
    let row = sql("SELECT id, holder, coupon_code, version FROM baskets WHERE holder = $1")
        .bind(holder.as_str())
        .fetch_optional(on)
        .await?;
    let Some(row) = row else { return Ok(None) };
    let id = row.text("id")?;
    let lines = sql(
        "SELECT course_id, quantity, saved, price_seen, added_at FROM lines \
                     WHERE basket_id = $1 ORDER BY added_at, course_id",
    )
    .bind(&id)
    .fetch_all(on)
    .await?;
    Ok(Some(Basket {
        id,
        holder: Holder::from_store(row.text("holder")?),
        coupon_code: row.opt_text("coupon_code")?,
        lines: lines.iter().map(line).collect::<Result<_, _>>()?,
        version: row.int("version")?,
    }))
}

/// Makes other changes of the holder's basket wait until this transaction has ended; `false` if there is none yet.
pub async fn lock(tx: &Tx, holder: &Holder) -> Result<bool, DbError> {
    let rows = sql("UPDATE baskets SET touched_at = touched_at WHERE holder = $1")
        .bind(holder.as_str())
        .execute(tx)
        .await?;
    Ok(rows == 1)
}

/// Creates a basket; `false` if the holder has one already.
pub async fn insert(tx: &Tx, basket: &Basket, now: i64) -> Result<bool, DbError> {
    let rows = sql(
        "INSERT INTO baskets (id, holder, coupon_code, version, touched_at, expires_at) \
                    VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (holder) DO NOTHING",
    )
    .bind(&basket.id)
    .bind(basket.holder.as_str())
    .bind(basket.coupon_code.as_deref())
    .bind(basket.version)
    .bind(now)
    .bind(basket.holder.expires_at(now))
    .execute(tx)
    .await?;
    Ok(rows == 1)
}

/// Replaces the state of version `basket.version - 1`; `false` if a concurrent change was faster.
pub async fn update(tx: &Tx, before: &Basket, after: &Basket, now: i64) -> Result<bool, DbError> {
    let rows = sql(
        "UPDATE baskets SET coupon_code = $3, version = $2, touched_at = $4, expires_at = $5 \
                    WHERE id = $1 AND version = $2 - 1",
    )
    .bind(&after.id)
    .bind(after.version)
    .bind(after.coupon_code.as_deref())
    .bind(now)
    .bind(after.holder.expires_at(now))
    .execute(tx)
    .await?;
    if rows != 1 {
        return Ok(false);
    }
    for gone in before.lines.iter().filter(|line| !has(after, line)) {
        sql("DELETE FROM lines WHERE basket_id = $1 AND course_id = $2")
            .bind(&after.id)
            .bind(&gone.course_id)
            .execute(tx)
            .await?;
    }
    for line in after.lines.iter().filter(|line| !before.lines.contains(line)) {
        sql(
            "INSERT INTO lines (basket_id, course_id, quantity, saved, price_seen, added_at) \
             VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (basket_id, course_id) \
             DO UPDATE SET quantity = $3, saved = $4, price_seen = $5",
        )
        .bind(&after.id)
        .bind(&line.course_id)
        .bind(line.quantity)
        .bind(i64::from(line.saved))
        .bind(line.price_seen)
        .bind(line.added_at)
        .execute(tx)
        .await?;
    }
    Ok(true)
}

/// Deletes the basket of a holder with its lines.
pub async fn delete(tx: &Tx, holder: &Holder) -> Result<u64, DbError> {
    sql("DELETE FROM baskets WHERE holder = $1")
        .bind(holder.as_str())
        .execute(tx)
        .await
}

/// Deletes at most `limit` baskets that nobody has touched for too long.
pub async fn delete_expired(db: &Db, now: i64, limit: i64) -> Result<u64, DbError> {
    db.write(move |tx| async move {
        // The condition stands twice: one that is touched meanwhile has another time when the delete has its row.
        sql("DELETE FROM baskets WHERE expires_at <= $1 AND id IN \
             (SELECT id FROM baskets WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2)")
        .bind(now)
        .bind(limit)
        .execute(&tx)
        .await
    })
    .await
}

/// One course.
pub async fn course(on: impl Into<On<'_>>, course_id: &str) -> Result<Option<Course>, DbError> {
    sql(
        "SELECT course_id, kind, title, slug, category_id, instructor_id, price, on_sale, version \
         FROM courses WHERE course_id = $1",
    )
    .bind(course_id)
    .fetch_optional(on)
    .await?
    .as_ref()
    .map(read_course)
    .transpose()
}

/// Remembers a course, unless a newer version is known.
pub async fn remember_course(tx: &Tx, course: &Course) -> Result<bool, DbError> {
    let rows = sql("INSERT INTO courses \
         (course_id, kind, title, slug, category_id, instructor_id, price, on_sale, version) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (course_id) DO UPDATE SET \
         title = $3, slug = $4, category_id = $5, instructor_id = $6, price = $7, on_sale = $8, version = $9 \
         WHERE courses.version < $9")
    .bind(&course.course_id)
    .bind(kind_name(course.kind))
    .bind(&course.title)
    .bind(&course.slug)
    .bind(&course.category_id)
    .bind(&course.instructor_id)
    .bind(course.price)
    .bind(i64::from(course.on_sale))
    .bind(course.version)
    .execute(tx)
    .await?;
    Ok(rows == 1)
}

/// Remembers how many seats are left, unless something newer is known.
pub async fn remember_stock(
    tx: &Tx,
    course_id: &str,
    seats_left: Option<i64>,
    version: i64,
) -> Result<bool, DbError> {
    let rows = sql(
        "INSERT INTO stock (course_id, seats_left, version) VALUES ($1, $2, $3) \
         ON CONFLICT (course_id) DO UPDATE SET seats_left = $2, version = $3 WHERE stock.version < $3",
    )
    .bind(course_id)
    .bind(seats_left)
    .bind(version)
    .execute(tx)
    .await?;
    Ok(rows == 1)
}

/// Remembers how much of a course somebody owns, unless something newer is known.
pub async fn remember_owned(
    tx: &Tx,
    owner: &str,
    course_id: &str,
    quantity: i64,
    version: i64,
) -> Result<bool, DbError> {
    let rows = sql(
        "INSERT INTO owned (owner, course_id, quantity, version) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (owner, course_id) DO UPDATE SET quantity = $3, version = $4 WHERE owned.version < $4",
    )
    .bind(owner)
    .bind(course_id)
    .bind(quantity)
    .bind(version)
    .execute(tx)
    .await?;
    Ok(rows == 1)
}

/// Records that what an order bought has left the basket; `false` if it has before.
pub async fn clear_once(tx: &Tx, order_id: &str, now: i64) -> Result<bool, DbError> {
    let rows = sql(
        "INSERT INTO cleared_orders (order_id, cleared_at) VALUES ($1, $2) ON CONFLICT (order_id) DO NOTHING",
    )
    .bind(order_id)
    .bind(now)
    .execute(tx)
    .await?;
    Ok(rows == 1)
}

/// Forgets that a user owned an item.
pub async fn forget_item(tx: &Tx, owner: &str, course_id: &str) -> Result<u64, DbError> {
    sql("DELETE FROM owned WHERE owner = $1 AND course_id = $2")
        .bind(owner)
        .bind(course_id)
        .execute(tx)
        .await
}

/// Forgets what a user owned.
pub async fn forget_owned(tx: &Tx, owner: &str) -> Result<u64, DbError> {
    sql("DELETE FROM owned WHERE owner = $1")
        .bind(owner)
        .execute(tx)
        .await
}

/// Which of these courses the user owns.
pub async fn owned(
    on: impl Into<On<'_>>,
    owner: &str,
    courses: &[String],
) -> Result<BTreeSet<String>, DbError> {
    if courses.is_empty() {
        return Ok(BTreeSet::new());
    }
    let rows =
        sql_list("SELECT course_id FROM owned WHERE owner = $1 AND quantity > 0 AND course_id IN ({list})")
            .bind(owner)
            .bind_list(courses)
            .fetch_all(on)
            .await?;
    rows.iter().map(|row| row.text("course_id")).collect()
}

/// What is needed to price these courses for this holder.
pub async fn facts(
    on: impl Into<On<'_>> + Copy,
    holder: &Holder,
    courses: &[String],
) -> Result<Facts, DbError> {
    if courses.is_empty() {
        return Ok(Facts::default());
    }
    let rows = sql_list(
        "SELECT courses.course_id, kind, title, slug, category_id, instructor_id, price, on_sale, \
         courses.version AS version, stock.seats_left AS seats_left \
         FROM courses LEFT JOIN stock ON stock.course_id = courses.course_id \
         WHERE courses.course_id IN ({list})",
    )
    .bind_list(courses)
    .fetch_all(on)
    .await?;
    let mut facts = Facts::default();
    for row in &rows {
        let course = read_course(row)?;
        if let Some(left) = row.opt_int("seats_left")? {
            facts.seats_left.insert(course.course_id.clone(), left);
        }
        facts.courses.insert(course.course_id.clone(), course);
    }
    if let Some(sub) = holder.sub() {
        facts.owned = owned(on, sub, courses).await?;
    }
    Ok(facts)
}

fn has(basket: &Basket, line: &Line) -> bool {
    basket.lines.iter().any(|other| other.course_id == line.course_id)
}

fn line(row: &Row) -> Result<Line, DbError> {
    Ok(Line {
        course_id: row.text("course_id")?,
        quantity: row.int("quantity")?,
        saved: row.int("saved")? == 1,
        price_seen: row.int("price_seen")?,
        added_at: row.int("added_at")?,
    })
}

fn read_course(row: &Row) -> Result<Course, DbError> {
    let kind = match row.text("kind")?.as_str() {
        "course" => Kind::Course,
        "item" => Kind::Item,
        _ => return Err(DbError::row("kind", "is not a kind of course")),
    };
    Ok(Course {
        course_id: row.text("course_id")?,
        kind,
        title: row.text("title")?,
        slug: row.text("slug")?,
        category_id: row.text("category_id")?,
        instructor_id: row.text("instructor_id")?,
        price: row.int("price")?,
        on_sale: row.int("on_sale")? == 1,
        version: row.int("version")?,
    })
}

fn kind_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Course => "course",
        Kind::Item => "item",
    }
}
