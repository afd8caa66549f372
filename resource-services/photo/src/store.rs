//! The only SQL of photo.

use latchkey_db::{DbError, Migration, Migrations, On, Row, Tx, sql};
use latchkey_kit::FileName;

use crate::domain::Photo;

/// The tables.
pub const MIGRATIONS: Migrations = Migrations {
    set: "photo",
    steps: &[Migration {
        version: 1,
        name: "photos",
        sqlite: include_str!("../migrations/0001_photos.sql"),
        postgres: include_str!("../migrations/0001_photos.sql"),
    }],
};

/// A variant to store, and the file that has its content.
#[derive(Clone, Debug)]
pub struct StoredVariant {
    pub name: String,
    pub mime: &'static str,
    pub file: FileName,
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, owner, sha256, mime, width, height, bytes, refs FROM photos ",
            $rest
        )
    };
}

/// The photo with this id.
pub async fn photo(on: impl Into<On<'_>>, id: &str) -> Result<Option<Photo>, DbError> {
    let row = sql(select!("WHERE id = $1")).bind(id).fetch_optional(on).await?;
    row.as_ref().map(read).transpose()
}

/// The photo that an owner made of the same bytes.
pub async fn same(on: impl Into<On<'_>>, owner: &str, sha256: &str) -> Result<Option<Photo>, DbError> {
    let row = sql(select!("WHERE owner = $1 AND sha256 = $2"))
        .bind(owner)
        .bind(sha256)
        .fetch_optional(on)
        .await?;
    row.as_ref().map(read).transpose()
}

/// Whether an owner has no place left. Only [`take_place`] settles it.
pub async fn is_full(on: impl Into<On<'_>>, owner: &str) -> Result<bool, DbError> {
    let row = sql("SELECT photos FROM owners WHERE id = $1 AND photos >= 500")
        .bind(owner)
        .fetch_optional(on)
        .await?;
    Ok(row.is_some())
}

/// Locks an owner's row, which is there afterwards.
pub async fn lock_owner(tx: &Tx, owner: &str) -> Result<(), DbError> {
    sql("INSERT INTO owners (id, photos) VALUES ($1, 0) ON CONFLICT (id) DO UPDATE SET photos = owners.photos")
        .bind(owner)
        .execute(tx)
        .await?;
    Ok(())
}

/// Takes one of the owner's places; `false` if none is left.
pub async fn take_place(tx: &Tx, owner: &str) -> Result<bool, DbError> {
    let rows = sql("UPDATE owners SET photos = photos + 1 WHERE id = $1 AND photos < 500")
        .bind(owner)
        .execute(tx)
        .await?;
    Ok(rows == 1)
}

/// Writes a new photo that no course shows yet.
pub async fn insert(tx: &Tx, photo: &Photo, now: i64) -> Result<(), DbError> {
    sql(
        "INSERT INTO photos (id, owner, sha256, mime, width, height, bytes, refs, unused_since) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, 0, $8)",
    )
    .bind(&photo.id)
    .bind(&photo.owner)
    .bind(&photo.sha256)
    .bind(&photo.mime)
    .bind(photo.width)
    .bind(photo.height)
    .bind(photo.bytes)
    .bind(now)
    .execute(tx)
    .await?;
    Ok(())
}

/// A photo that no course shows counts as new again.
pub async fn touch(tx: &Tx, id: &str, now: i64) -> Result<(), DbError> {
    sql("UPDATE photos SET unused_since = $2 WHERE id = $1 AND refs = 0")
        .bind(id)
        .bind(now)
        .execute(tx)
        .await?;
    Ok(())
}

/// Notes these files, in the order of their names, before they are written; `false` if one of them is being removed.
pub async fn claim_files(tx: &Tx, names: &[FileName], now: i64) -> Result<bool, DbError> {
    for name in names {
        let rows = sql("INSERT INTO files (name, refs, unused_since) VALUES ($1, 0, $2) \
             ON CONFLICT (name) DO UPDATE \
             SET unused_since = CASE WHEN files.refs = 0 THEN excluded.unused_since END \
             WHERE files.leaving_at IS NULL")
        .bind(name.as_str())
        .bind(now)
        .execute(tx)
        .await?;
        if rows != 1 {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Writes the variants of a photo; `false` if one of their files is being removed.
pub async fn insert_variants(tx: &Tx, photo_id: &str, variants: &[StoredVariant]) -> Result<bool, DbError> {
    let mut variants: Vec<&StoredVariant> = variants.iter().collect();
    variants.sort_by(|a, b| a.file.cmp(&b.file));
    for variant in variants {
        let rows = sql("UPDATE files SET refs = refs + 1, unused_since = NULL \
             WHERE name = $1 AND leaving_at IS NULL")
        .bind(variant.file.as_str())
        .execute(tx)
        .await?;
        if rows != 1 {
            return Ok(false);
        }
        sql("INSERT INTO variants (photo_id, variant, mime, file) VALUES ($1, $2, $3, $4)")
            .bind(photo_id)
            .bind(&variant.name)
            .bind(variant.mime)
            .bind(variant.file.as_str())
            .execute(tx)
            .await?;
    }
    Ok(true)
}

/// The media type and the file of a variant.
pub async fn variant(
    on: impl Into<On<'_>>,
    id: &str,
    variant: &str,
) -> Result<Option<(String, FileName)>, DbError> {
    let row = sql("SELECT mime, file FROM variants WHERE photo_id = $1 AND variant = $2")
        .bind(id)
        .bind(variant)
        .fetch_optional(on)
        .await?;
    row.map(|row| Ok((row.text("mime")?, name(&row, "file")?)))
        .transpose()
}

/// Deletes a photo that no course shows and none did after `unused_before`, and gives its place back; `false` if a
/// course does. The owner's row is locked already.
pub async fn delete(tx: &Tx, photo: &Photo, unused_before: i64, now: i64) -> Result<bool, DbError> {
    // This locks the row of the photo, so that no course can begin to show it.
    let free = sql("UPDATE photos SET refs = 0 WHERE id = $1 AND refs = 0 AND unused_since <= $2")
        .bind(&photo.id)
        .bind(unused_before)
        .execute(tx)
        .await?;
    if free != 1 {
        return Ok(false);
    }
    let rows = sql("SELECT file FROM variants WHERE photo_id = $1 ORDER BY file")
        .bind(&photo.id)
        .fetch_all(tx)
        .await?;
    sql("DELETE FROM variants WHERE photo_id = $1")
        .bind(&photo.id)
        .execute(tx)
        .await?;
    for row in &rows {
        sql(
            "UPDATE files SET refs = refs - 1, unused_since = CASE WHEN refs = 1 THEN $2 END WHERE name = $1",
        )
        .bind(row.text("file")?)
        .bind(now)
        .execute(tx)
        .await?;
    }
    sql("DELETE FROM photos WHERE id = $1")
        .bind(&photo.id)
        .execute(tx)
        .await?;
    sql("UPDATE owners SET photos = photos - 1 WHERE id = $1")
        .bind(&photo.owner)
        .execute(tx)
        .await?;
    Ok(true)
}

/// Photos that no course has shown since `before`.
pub async fn unused(on: impl Into<On<'_>>, before: i64, limit: i64) -> Result<Vec<Photo>, DbError> {
    sql(select!(
        "WHERE unused_since <= $1 ORDER BY unused_since, id LIMIT $2"
    ))
    .bind(before)
    .bind(limit)
    .fetch_all(on)
    .await?
    .iter()
    .map(read)
    .collect()
}

/// Files that no photo has had since `before`.
pub async fn unused_files(on: impl Into<On<'_>>, before: i64, limit: i64) -> Result<Vec<FileName>, DbError> {
    sql("SELECT name FROM files WHERE unused_since <= $1 ORDER BY unused_since, name LIMIT $2")
        .bind(before)
        .bind(limit)
        .fetch_all(on)
        .await?
        .iter()
        .map(|row| name(row, "name"))
        .collect()
}

/// Begins to remove a file, so that no photo can use it any more; `false` if one does, or if another process began to
/// remove it after `abandoned`.
pub async fn begin_removal(
    tx: &Tx,
    file: &FileName,
    unused_before: i64,
    abandoned: i64,
    now: i64,
) -> Result<bool, DbError> {
    let rows = sql(
        "UPDATE files SET leaving_at = $4 WHERE name = $1 AND refs = 0 AND unused_since <= $2 \
         AND (leaving_at IS NULL OR leaving_at <= $3)",
    )
    .bind(file.as_str())
    .bind(unused_before)
    .bind(abandoned)
    .bind(now)
    .execute(tx)
    .await?;
    Ok(rows == 1)
}

/// Forgets a file whose content is gone.
pub async fn end_removal(tx: &Tx, file: &FileName, began: i64) -> Result<(), DbError> {
    sql("DELETE FROM files WHERE name = $1 AND leaving_at = $2")
        .bind(file.as_str())
        .bind(began)
        .execute(tx)
        .await?;
    Ok(())
}

/// Notes that this version of a course was seen; `false` if a newer one was. Locks the course.
pub async fn advance(tx: &Tx, course_id: &str, version: i64) -> Result<bool, DbError> {
    let rows = sql("INSERT INTO uses (course_id, version) VALUES ($1, $2) \
         ON CONFLICT (course_id) DO UPDATE SET version = excluded.version WHERE uses.version < excluded.version")
    .bind(course_id)
    .bind(version)
    .execute(tx)
    .await?;
    Ok(rows == 1)
}

/// The photo that a course shows.
pub async fn shown(tx: &Tx, course_id: &str) -> Result<Option<String>, DbError> {
    let row = sql("SELECT photo_id FROM uses WHERE course_id = $1")
        .bind(course_id)
        .fetch_optional(tx)
        .await?;
    row.map_or(Ok(None), |row| row.opt_text("photo_id"))
}

/// A course shows a photo of its instructor from now on; `false` if there is none.
pub async fn begin_use(tx: &Tx, course_id: &str, photo_id: &str, owner: &str) -> Result<bool, DbError> {
    let rows = sql("UPDATE photos SET refs = refs + 1, unused_since = NULL WHERE id = $1 AND owner = $2")
        .bind(photo_id)
        .bind(owner)
        .execute(tx)
        .await?;
    if rows == 1 {
        sql("UPDATE uses SET photo_id = $2 WHERE course_id = $1")
            .bind(course_id)
            .bind(photo_id)
            .execute(tx)
            .await?;
    }
    Ok(rows == 1)
}

/// A course no longer shows its photo.
pub async fn end_use(tx: &Tx, course_id: &str, photo_id: &str, now: i64) -> Result<(), DbError> {
    sql("UPDATE photos SET refs = refs - 1, unused_since = CASE WHEN refs = 1 THEN $2 END WHERE id = $1")
        .bind(photo_id)
        .bind(now)
        .execute(tx)
        .await?;
    sql("UPDATE uses SET photo_id = NULL WHERE course_id = $1")
        .bind(course_id)
        .execute(tx)
        .await?;
    Ok(())
}

fn read(row: &Row) -> Result<Photo, DbError> {
    Ok(Photo {
        id: row.text("id")?,
        owner: row.text("owner")?,
        sha256: row.text("sha256")?,
        mime: row.text("mime")?,
        width: row.int("width")?,
        height: row.int("height")?,
        bytes: row.int("bytes")?,
        refs: row.int("refs")?,
    })
}

fn name(row: &Row, column: &str) -> Result<FileName, DbError> {
    FileName::parse(&row.text(column)?).ok_or_else(|| DbError::row(column, "it is no name of a file"))
}
