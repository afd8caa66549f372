//! Courses and their slugs.

use latchkey_db::{DbError, On, Row, Sql, Tx, sql, sql_list};

use super::index;
use crate::domain::{
    Change, Content, Course, Kind, Level, Price, Rating, Seats, Standing, Status, slugs_for, title_key,
};

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT c.id, c.kind, c.instructor_id, COALESCE(i.display_name, '') AS instructor_name, ",
            "c.category_id, c.title, c.slug, c.subtitle, c.description_md, c.language, c.level, ",
            "c.outcomes, c.requirements, c.sections, c.price, c.list_price, c.currency, c.limited, ",
            "c.status, c.version, c.created_at, c.updated_at, c.published_at, c.photo_id, ",
            "c.rating_sum, c.rating_count, c.rating_version, ",
            "p.capacity AS seats, p.taken AS seats_taken, p.version AS seats_version ",
            "FROM courses c LEFT JOIN instructors i ON i.user_id = c.instructor_id ",
            "LEFT JOIN seats p ON p.item_id = c.id ",
            $rest
        )
    };
}

/// The course with this id.
pub async fn course(on: impl Into<On<'_>>, id: &str) -> Result<Option<Course>, DbError> {
    sql(select!("WHERE c.id = $1"))
        .bind(id)
        .fetch_optional(on)
        .await?
        .as_ref()
        .map(read)
        .transpose()
}

/// The course with this slug, current or of an earlier title.
pub async fn course_by_slug(on: impl Into<On<'_>>, slug: &str) -> Result<Option<Course>, DbError> {
    sql(select!("JOIN slugs s ON s.course_id = c.id WHERE s.slug = $1"))
        .bind(slug)
        .fetch_optional(on)
        .await?
        .as_ref()
        .map(read)
        .transpose()
}

/// The courses with these ids, in no particular order.
pub async fn courses(on: impl Into<On<'_>>, ids: &[String]) -> Result<Vec<Course>, DbError> {
    sql_list(select!("WHERE c.id IN ({list})"))
        .bind_list(ids)
        .fetch_all(on)
        .await?
        .iter()
        .map(read)
        .collect()
}

/// All courses of one instructor.
pub async fn taught_by(on: impl Into<On<'_>>, instructor_id: &str) -> Result<Vec<Course>, DbError> {
    sql(select!("WHERE c.instructor_id = $1 ORDER BY c.id"))
        .bind(instructor_id)
        .fetch_all(on)
        .await?
        .iter()
        .map(read)
        .collect()
}

/// All courses that show this photo.
pub async fn showing(on: impl Into<On<'_>>, photo_id: &str) -> Result<Vec<Course>, DbError> {
    sql(select!("WHERE c.photo_id = $1 ORDER BY c.id"))
        .bind(photo_id)
        .fetch_all(on)
        .await?
        .iter()
        .map(read)
        .collect()
}

/// Inserts a new course.
pub async fn insert(tx: &Tx, course: &Course) -> Result<(), DbError> {
    let statement = sql(
        "INSERT INTO courses (category_id, title, slug, subtitle, description_md, language, level, outcomes, \
         requirements, sections, lesson_count, minutes, price, list_price, currency, limited, search, title_key, \
         status, version, updated_at, published_at, photo_id, id, kind, instructor_id, created_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, \
         $22, $23, $24, $25, $26, $27)",
    );
    bind_state(statement, course)?
        .bind(&course.id)
        .bind(course.kind.as_str())
        .bind(&course.instructor_id)
        .bind(course.created_at)
        .execute(tx)
        .await?;
    Ok(())
}

/// Writes a change if the row still has the expected version. `false` if a concurrent change was faster.
#[must_use = "zero rows mean that nothing was written"]
pub async fn save(tx: &Tx, change: &Change) -> Result<bool, DbError> {
    let statement = sql(
        "UPDATE courses SET category_id = $1, title = $2, slug = $3, subtitle = $4, \
         description_md = $5, language = $6, level = $7, outcomes = $8, requirements = $9, sections = $10, \
         lesson_count = $11, minutes = $12, price = $13, list_price = $14, currency = $15, limited = $16, \
         search = $17, title_key = $18, status = $19, version = $20, updated_at = $21, published_at = $22, \
         photo_id = $23 WHERE id = $24 AND version = $25",
    );
    let rows = bind_state(statement, &change.after)?
        .bind(&change.after.id)
        .bind(change.expects)
        .execute(tx)
        .await?;
    if rows == 1 {
        index::index(tx, &change.after).await?;
    }
    Ok(rows == 1)
}

/// Reserves the best free slug of a title for a course; a slug that it had before is available to it. `None` if every
/// candidate belongs to another course.
pub async fn claim_slug(tx: &Tx, title: &str, course_id: &str) -> Result<Option<String>, DbError> {
    let tail = course_id.rsplit('-').next().unwrap_or(course_id);
    for slug in slugs_for(title, tail) {
        let claimed = sql("INSERT INTO slugs (slug, course_id) VALUES ($1, $2) \
             ON CONFLICT (slug) DO UPDATE SET course_id = excluded.course_id \
             WHERE slugs.course_id = excluded.course_id")
        .bind(&slug)
        .bind(course_id)
        .execute(tx)
        .await?;
        if claimed == 1 {
            return Ok(Some(slug));
        }
    }
    Ok(None)
}

/// Releases a slug that nobody has ever seen.
pub async fn release_slug(tx: &Tx, slug: &str, course_id: &str) -> Result<(), DbError> {
    sql("DELETE FROM slugs WHERE slug = $1 AND course_id = $2")
        .bind(slug)
        .bind(course_id)
        .execute(tx)
        .await?;
    Ok(())
}

/// Binds `$1` to `$23`: every mutable column, in the order of both statements.
fn bind_state(statement: Sql, course: &Course) -> Result<Sql, DbError> {
    let content = &course.content;
    let price = content.price.as_ref();
    Ok(statement
        .bind(content.category_id.clone())
        .bind(&content.title)
        .bind(&course.slug)
        .bind(&content.subtitle)
        .bind(&content.description_md)
        .bind(&content.language)
        .bind(content.level.as_str())
        .bind(json("outcomes", &content.outcomes)?)
        .bind(json("requirements", &content.requirements)?)
        .bind(json("sections", &content.sections)?)
        .bind(content.lesson_count())
        .bind(content.minutes())
        .bind(price.map(|price| price.amount))
        .bind(price.and_then(|price| price.list))
        .bind(price.map(|price| price.currency.clone()))
        .bind(i64::from(content.limited))
        .bind(content.search())
        .bind(title_key(&content.title))
        .bind(course.status.as_str())
        .bind(course.version)
        .bind(course.updated_at)
        .bind(course.published_at)
        .bind(content.photo_id.clone()))
}

fn read(row: &Row) -> Result<Course, DbError> {
    Ok(Course {
        id: row.text("id")?,
        kind: word(row, "kind", Kind::parse)?,
        instructor_id: row.text("instructor_id")?,
        instructor_name: row.text("instructor_name")?,
        slug: row.text("slug")?,
        content: Content {
            title: row.text("title")?,
            subtitle: row.text("subtitle")?,
            description_md: row.text("description_md")?,
            category_id: row.opt_text("category_id")?,
            language: row.text("language")?,
            level: word(row, "level", Level::parse)?,
            outcomes: parsed(row, "outcomes")?,
            requirements: parsed(row, "requirements")?,
            sections: parsed(row, "sections")?,
            price: price(row)?,
            limited: row.int("limited")? == 1,
            photo_id: row.opt_text("photo_id")?,
        },
        status: word(row, "status", Status::parse)?,
        version: row.int("version")?,
        created_at: row.int("created_at")?,
        updated_at: row.int("updated_at")?,
        published_at: row.opt_int("published_at")?,
        standing: Standing {
            rating: rating(row)?,
            rating_version: row.int("rating_version")?,
            seats: seats(row)?,
        },
    })
}

pub(super) fn rating(row: &Row) -> Result<Rating, DbError> {
    Ok(Rating {
        sum: row.int("rating_sum")?,
        count: row.int("rating_count")?,
    })
}

/// `None` before inventory told about the course.
pub(super) fn seats(row: &Row) -> Result<Option<Seats>, DbError> {
    let (taken, version) = (row.opt_int("seats_taken")?, row.opt_int("seats_version")?);
    let capacity = row.opt_int("seats")?;
    Ok(taken.zip(version).map(|(taken, version)| Seats {
        capacity,
        taken,
        version,
    }))
}

pub(super) fn price(row: &Row) -> Result<Option<Price>, DbError> {
    let (amount, currency) = (row.opt_int("price")?, row.opt_text("currency")?);
    let list = row.opt_int("list_price")?;
    Ok(amount.zip(currency).map(|(amount, currency)| Price {
        amount,
        list,
        currency,
    }))
}

/// A column with one of a fixed set of words.
pub(super) fn word<T>(row: &Row, column: &str, parse: fn(&str) -> Option<T>) -> Result<T, DbError> {
    parse(&row.text(column)?).ok_or_else(|| DbError::row(column, "a word that this binary does not know"))
}

fn parsed<T: serde::de::DeserializeOwned>(row: &Row, column: &str) -> Result<T, DbError> {
    serde_json::from_str(&row.text(column)?).map_err(|error| DbError::row(column, error.to_string()))
}

fn json<T: serde::Serialize>(column: &str, value: &T) -> Result<String, DbError> {
    serde_json::to_string(value).map_err(|error| DbError::row(column, error.to_string()))
}
