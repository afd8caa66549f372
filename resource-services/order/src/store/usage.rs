//! What buyers have done with what they own, as inventory told it.

use latchkey_db::{DbError, Tx, sql};

use crate::domain::Usage;

/// Forgets what an owner has used up and learned.
pub async fn forget_usage(tx: &Tx, user_id: &str) -> Result<(), DbError> {
    for statement in [
        "DELETE FROM consumed_items WHERE owner_id = $1",
        "DELETE FROM learned_courses WHERE owner_id = $1",
    ] {
        sql(statement).bind(user_id).execute(tx).await?;
    }
    Ok(())
}

/// Remembers that an owner has used up items, if this is newer than what is known.
pub async fn remember_consumed(
    tx: &Tx,
    owner_id: &str,
    item_id: &str,
    version: i64,
    at: i64,
) -> Result<(), DbError> {
    sql(
        "INSERT INTO consumed_items (owner_id, item_id, version, consumed_at) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (owner_id, item_id) DO UPDATE SET version = excluded.version, \
         consumed_at = excluded.consumed_at WHERE consumed_items.version < excluded.version",
    )
    .bind(owner_id)
    .bind(item_id)
    .bind(version)
    .bind(at)
    .execute(tx)
    .await?;
    Ok(())
}

/// Remembers how many lessons of a course its owner has done, if this is newer than what is known.
pub async fn remember_learned(
    tx: &Tx,
    owner_id: &str,
    course_id: &str,
    version: i64,
    lessons: i64,
) -> Result<(), DbError> {
    sql(
        "INSERT INTO learned_courses (owner_id, course_id, version, lessons) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (owner_id, course_id) DO UPDATE SET version = excluded.version, \
         lessons = excluded.lessons WHERE learned_courses.version < excluded.version",
    )
    .bind(owner_id)
    .bind(course_id)
    .bind(version)
    .bind(lessons)
    .execute(tx)
    .await?;
    Ok(())
}

/// What is known of an owner.
pub async fn usage(tx: &Tx, owner_id: &str) -> Result<Usage, DbError> {
    let consumed = "SELECT item_id AS id, consumed_at AS n FROM consumed_items WHERE owner_id = $1";
    let learned = "SELECT course_id AS id, lessons AS n FROM learned_courses WHERE owner_id = $1";
    Ok(Usage {
        consumed: pairs(tx, consumed, owner_id).await?,
        learned: pairs(tx, learned, owner_id).await?,
    })
}

async fn pairs(tx: &Tx, statement: &'static str, owner_id: &str) -> Result<Vec<(String, i64)>, DbError> {
    let rows = sql(statement).bind(owner_id).fetch_all(tx).await?;
    rows.iter()
        .map(|row| Ok((row.text("id")?, row.int("n")?)))
        .collect()
}
