//! Category and instructor of each course, as received from the catalog.

use std::collections::HashMap;

use latchkey_db::{DbError, On, Tx, sql, sql_list};

use crate::domain::CoursePlace;

/// Stores a newer version. `false` if the stored one is at least as new.
pub async fn remember_course(
    tx: &Tx,
    course_id: &str,
    place: &CoursePlace,
    version: i64,
) -> Result<bool, DbError> {
    let rows = sql(
        "INSERT INTO courses (course_id, category_id, instructor_id, version) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (course_id) DO UPDATE SET category_id = excluded.category_id, \
         instructor_id = excluded.instructor_id, version = excluded.version \
         WHERE courses.version < excluded.version",
    )
    .bind(course_id)
    .bind(&place.category_id)
    .bind(&place.instructor_id)
    .bind(version)
    .execute(tx)
    .await?;
    Ok(rows == 1)
}

/// The places of those courses that the catalog has told of.
pub async fn places(
    on: impl Into<On<'_>>,
    course_ids: &[String],
) -> Result<HashMap<String, CoursePlace>, DbError> {
    sql_list("SELECT course_id, category_id, instructor_id FROM courses WHERE course_id IN ({list})")
        .bind_list(course_ids)
        .fetch_all(on)
        .await?
        .iter()
        .map(|row| {
            let place = CoursePlace {
                category_id: row.text("category_id")?,
                instructor_id: row.text("instructor_id")?,
            };
            Ok((row.text("course_id")?, place))
        })
        .collect()
}
