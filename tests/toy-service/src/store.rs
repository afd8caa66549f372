//! The only SQL of the service.

use latchkey_db::{DbError, Migration, Migrations, On, Row, Tx, sql};

use crate::domain::Note;

/// The tables.
pub const MIGRATIONS: Migrations = Migrations {
    set: "toy",
    steps: &[Migration {
        version: 1,
        name: "notes",
        sqlite: include_str!("../migrations/0001_notes.sql"),
        postgres: include_str!("../migrations/0001_notes.sql"),
    }],
};

/// The note with this id.
pub async fn note(on: impl Into<On<'_>>, id: &str) -> Result<Option<Note>, DbError> {
    sql("SELECT id, owner_id, text, version, updated_at FROM notes WHERE id = $1")
        .bind(id)
        .fetch_optional(on)
        .await?
        .as_ref()
        .map(read)
        .transpose()
}

/// A user's notes after this id, the oldest first.
pub async fn notes(
    on: impl Into<On<'_>>,
    owner: &str,
    after: &str,
    limit: i64,
) -> Result<Vec<Note>, DbError> {
    sql("SELECT id, owner_id, text, version, updated_at FROM notes \
         WHERE owner_id = $1 AND id > $2 ORDER BY id LIMIT $3")
    .bind(owner)
    .bind(after)
    .bind(limit)
    .fetch_all(on)
    .await?
    .iter()
    .map(read)
    .collect()
}

/// Writes a new note.
pub async fn insert(tx: &Tx, note: &Note) -> Result<(), DbError> {
    sql("INSERT INTO notes (id, owner_id, text, version, updated_at) VALUES ($1, $2, $3, $4, $5)")
        .bind(&note.id)
        .bind(&note.owner_id)
        .bind(&note.text)
        .bind(note.version)
        .bind(note.updated_at)
        .execute(tx)
        .await?;
    Ok(())
}

/// Replaces the previous version; `false` if a concurrent change was faster.
pub async fn update(tx: &Tx, note: &Note) -> Result<bool, DbError> {
    let rows =
        sql("UPDATE notes SET text = $3, version = $2, updated_at = $4 WHERE id = $1 AND version = $2 - 1")
            .bind(&note.id)
            .bind(note.version)
            .bind(&note.text)
            .bind(note.updated_at)
            .execute(tx)
            .await?;
    Ok(rows == 1)
}

/// Deletes all notes of a user.
pub async fn forget(tx: &Tx, owner: &str) -> Result<u64, DbError> {
    sql("DELETE FROM notes WHERE owner_id = $1")
        .bind(owner)
        .execute(tx)
        .await
}

fn read(row: &Row) -> Result<Note, DbError> {
    Ok(Note {
        id: row.text("id")?,
        owner_id: row.text("owner_id")?,
        text: row.text("text")?,
        version: row.int("version")?,
        updated_at: row.int("updated_at")?,
    })
}
