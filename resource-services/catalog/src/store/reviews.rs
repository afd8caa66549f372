//! Reviews, and the rating of a course, which is their sum. Whoever writes a review locks the course's rating first.

use latchkey_db::{DbError, On, Row, Tx, sql};
use latchkey_kit::is_id;
use serde::{Deserialize, Serialize};

use crate::domain::{Rating, Review, Written};

/// How many reviews there are of each number of stars, from 1 to 5.
pub type Histogram = [i64; 5];

/// The position after a page of reviews.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReviewPosition {
    written: i64,
    id: String,
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, course_id, user_id, stars, text, name, version, created_at, updated_at FROM reviews ",
            $rest
        )
    };
}

/// Makes other writers of reviews of this course wait. `false` if there is no such course.
pub async fn lock_rating(tx: &Tx, course_id: &str) -> Result<bool, DbError> {
    let rows = sql("UPDATE courses SET rating_version = rating_version WHERE id = $1")
        .bind(course_id)
        .execute(tx)
        .await?;
    Ok(rows == 1)
}

/// The review of a user.
pub async fn review(
    on: impl Into<On<'_>>,
    course_id: &str,
    user_id: &str,
) -> Result<Option<Review>, DbError> {
    sql(select!("WHERE course_id = $1 AND user_id = $2"))
        .bind(course_id)
        .bind(user_id)
        .fetch_optional(on)
        .await?
        .as_ref()
        .map(read)
        .transpose()
}

/// All reviews of a user, by course, so that they are locked in one order.
pub async fn reviews_by(on: impl Into<On<'_>>, user_id: &str) -> Result<Vec<Review>, DbError> {
    sql(select!("WHERE user_id = $1 ORDER BY course_id"))
        .bind(user_id)
        .fetch_all(on)
        .await?
        .iter()
        .map(read)
        .collect()
}

/// At most `limit` reviews of a course after a position, the last written first.
pub async fn reviews(
    on: impl Into<On<'_>>,
    course_id: &str,
    after: Option<&ReviewPosition>,
    limit: i64,
) -> Result<Vec<Review>, DbError> {
    let (written, id) = after.map_or((i64::MAX, ""), |after| (after.written, &after.id));
    sql(select!(
        "WHERE course_id = $1 AND (created_at, id) < ($2, $3) ORDER BY created_at DESC, id DESC LIMIT $4"
    ))
    .bind(course_id)
    .bind(written)
    .bind(id)
    .bind(limit)
    .fetch_all(on)
    .await?
    .iter()
    .map(read)
    .collect()
}

/// How many reviews of a course have how many stars.
pub async fn histogram(on: impl Into<On<'_>>, course_id: &str) -> Result<Histogram, DbError> {
    let rows = sql(
        "SELECT stars, CAST(COUNT(*) AS BIGINT) AS reviews FROM reviews WHERE course_id = $1 GROUP BY stars",
    )
    .bind(course_id)
    .fetch_all(on)
    .await?;
    let mut histogram = Histogram::default();
    for row in &rows {
        let bar = usize::try_from(row.int("stars")?.saturating_sub(1)).ok();
        if let Some(bar) = bar.and_then(|at| histogram.get_mut(at)) {
            *bar = row.int("reviews")?;
        }
    }
    Ok(histogram)
}

/// Writes a review. `false` if a concurrent one was faster.
#[must_use = "zero rows mean that nothing was written"]
pub async fn put_review(tx: &Tx, written: &Written) -> Result<bool, DbError> {
    let review = &written.review;
    let statement = match written.before {
        None => sql(
            "INSERT INTO reviews (stars, text, name, version, updated_at, course_id, user_id, id, created_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT DO NOTHING",
        ),
        Some(_) => sql(
            "UPDATE reviews SET stars = $1, text = $2, name = $3, version = $4, updated_at = $5 \
             WHERE course_id = $6 AND user_id = $7 AND id = $8 AND version = $9",
        ),
    };
    let rows = statement
        .bind(review.stars)
        .bind(&review.text)
        .bind(&review.name)
        .bind(review.version)
        .bind(review.updated_at)
        .bind(&review.course_id)
        .bind(&review.user_id)
        .bind(&review.id)
        .bind(written.before.unwrap_or(review.created_at))
        .execute(tx)
        .await?;
    Ok(rows == 1)
}

/// Deletes a review as it was read. `false` if a concurrent change was faster.
#[must_use = "zero rows mean that nothing was deleted"]
pub async fn delete_review(tx: &Tx, review: &Review) -> Result<bool, DbError> {
    let rows = sql("DELETE FROM reviews WHERE id = $1 AND version = $2")
        .bind(&review.id)
        .bind(review.version)
        .execute(tx)
        .await?;
    Ok(rows == 1)
}

/// Replaces the rating of a course whose rating is locked, and returns the number of its changes; `None` if it is not
/// what it was.
pub async fn rate(tx: &Tx, course_id: &str, before: Rating, after: Rating) -> Result<Option<i64>, DbError> {
    let row = sql(
        "UPDATE courses SET rating_sum = $2, rating_count = $3, rating_score = $4, rating_version = rating_version + 1 \
         WHERE id = $1 AND rating_sum = $5 AND rating_count = $6 RETURNING rating_version",
    )
    .bind(course_id)
    .bind(after.sum)
    .bind(after.count)
    .bind(after.score())
    .bind(before.sum)
    .bind(before.count)
    .fetch_optional(tx)
    .await?;
    row.map(|row| row.int("rating_version")).transpose()
}

impl ReviewPosition {
    pub fn of(review: &Review) -> Self {
        Self {
            written: review.created_at,
            id: review.id.clone(),
        }
    }

    pub fn fits(&self) -> bool {
        is_id(&self.id)
    }
}

fn read(row: &Row) -> Result<Review, DbError> {
    Ok(Review {
        id: row.text("id")?,
        course_id: row.text("course_id")?,
        user_id: row.text("user_id")?,
        stars: row.int("stars")?,
        text: row.text("text")?,
        name: row.text("name")?,
        version: row.int("version")?,
        created_at: row.int("created_at")?,
        updated_at: row.int("updated_at")?,
    })
}
