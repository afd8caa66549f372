//! The index of published courses, kept by the transaction that writes a course: FTS5 on SQLite, a `tsvector` with GIN on
//! PostgreSQL. `domain/words.rs` makes what both keep.

use latchkey_db::{DbError, On, Tx, sql, sql_for_each};

use crate::domain::{Course, Status};

/// Puts a published course into the index as it is now, and takes any other out of it.
pub async fn index(tx: &Tx, course: &Course) -> Result<(), DbError> {
    let Some(published_at) = course.published_at else {
        return Ok(()); // it never was in there
    };
    if course.status != Status::Published {
        sql("DELETE FROM course_index WHERE rowid = (SELECT seq FROM courses WHERE id = $1)")
            .bind(&course.id)
            .execute(tx)
            .await?;
        return Ok(());
    }
    let seq = claim_seq(tx, &course.id, published_at).await?;
    sql_for_each(
        "INSERT OR REPLACE INTO course_index (rowid, words) VALUES ($1, $2)",
        "INSERT INTO course_index (rowid, words) VALUES ($1, array_to_tsvector(string_to_array($2, ' '))) \
         ON CONFLICT (rowid) DO UPDATE SET words = excluded.words",
    )
    .bind(seq)
    .bind(course.content.document())
    .execute(tx)
    .await?;
    Ok(())
}

/// Published courses that are not in the index, because they are older than it is.
pub async fn unindexed(on: impl Into<On<'_>>, limit: i64) -> Result<Vec<String>, DbError> {
    let rows = sql("SELECT id FROM courses WHERE status = 'published' AND seq IS NULL ORDER BY id LIMIT $1")
        .bind(limit)
        .fetch_all(on)
        .await?;
    rows.iter().map(|row| row.text("id")).collect()
}

/// The number of a course in the index: by the second of its first publication, so that later ones are greater, and by
/// its id among those of one second. It never changes. SQLite writes distances between numbers, so finer ones would cost
/// space.
async fn claim_seq(tx: &Tx, course_id: &str, published_at: i64) -> Result<i64, DbError> {
    let known = sql("SELECT seq FROM courses WHERE id = $1")
        .bind(course_id)
        .fetch_one(tx)
        .await?;
    if let Some(seq) = known.opt_int("seq")? {
        return Ok(seq);
    }
    let of_the_id = course_id.bytes().fold(0_i64, |hash, byte| {
        hash.wrapping_mul(31).wrapping_add(i64::from(byte)) & (SAME_SECOND - 1)
    });
    let second = (published_at / 1_000).clamp(0, LATEST);
    let first = (second * SAME_SECOND) | of_the_id;
    // The ids of few courses of one second agree in so many bits; for those the next number is as good.
    for seq in first..first.saturating_add(MOST_TRIES) {
        let claimed = sql(
            "UPDATE courses SET seq = $2 WHERE id = $1 AND NOT EXISTS (SELECT 1 FROM courses o WHERE o.seq = $2)",
        )
        .bind(course_id)
        .bind(seq)
        .execute(tx)
        .await?;
        if claimed == 1 {
            return Ok(seq);
        }
    }
    Err(DbError::row("seq", "no number is free"))
}

/// How many courses of one second have numbers of their own.
const SAME_SECOND: i64 = 1 << 16;
/// Far enough in the future: later instants, which a clock must be wrong to tell, share it.
const LATEST: i64 = 1 << 40;
const MOST_TRIES: i64 = 256;
