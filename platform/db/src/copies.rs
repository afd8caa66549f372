//! Copies of whole databases for backups: all of one instant, beside the processes that use them, and compared with what
//! they are copies of.
//!
//! Services tell each other what happened by their outboxes. Two copies of two instants could know an effect without its
//! cause. So writers are held for a moment, at most [`HELD`], while every copy takes its snapshot.

mod content;
mod postgres;
mod sqlite;

use std::path::{Path, PathBuf};
use std::time::Duration;

pub use self::content::Content;
use crate::{DbError, Engine};

/// How long writers wait at most. A node gives a writer five seconds.
const HELD: Duration = Duration::from_secs(2);

/// The engine of a URL.
pub fn engine(url: &str) -> Result<Engine, DbError> {
    match url.split_once(':') {
        Some(("sqlite", _)) => Ok(Engine::Sqlite),
        Some(("postgres" | "postgresql", _)) => Ok(Engine::Postgres),
        _ => Err(DbError::Unusable(
            "a database URL begins with sqlite: or postgres:".to_owned(),
        )),
    }
}

/// Copies every database of the list, each from its URL into a new file, and compares each copy with its snapshot. What
/// others hear through comes last in the list: whoever writes elsewhere may be waiting for it.
pub async fn take(databases: &[(String, PathBuf)]) -> Result<Vec<Content>, DbError> {
    let mut held = Vec::with_capacity(databases.len());
    for (url, file) in databases {
        held.push(match engine(url)? {
            Engine::Sqlite => Held::Sqlite(Box::new(sqlite::Held::new(url, file).await?)),
            Engine::Postgres => Held::Postgres(Box::new(postgres::Held::new(url, file).await?)),
        });
    }
    for one in &mut held {
        match one {
            Held::Sqlite(one) => one.begin().await?,
            Held::Postgres(one) => one.begin().await?,
        }
    }
    let copied = async {
        for one in &mut held {
            if let Held::Sqlite(one) = one {
                one.copied().await?;
            }
        }
        Ok::<_, DbError>(())
    };
    // A copy that takes longer has taken its snapshot by then; the counts below say so.
    if let Ok(done) = tokio::time::timeout(HELD, copied).await {
        done?;
    }
    for one in &mut held {
        match one {
            Held::Sqlite(one) => one.release().await?,
            Held::Postgres(one) => one.release().await?,
        }
    }
    let mut contents = Vec::with_capacity(held.len());
    for one in held {
        contents.push(match one {
            Held::Sqlite(one) => one.finish().await?,
            Held::Postgres(one) => one.finish().await?,
        });
    }
    Ok(contents)
}

enum Held {
    Sqlite(Box<sqlite::Held>),
    Postgres(Box<postgres::Held>),
}

/// What a copy has; fails if it is damaged.
pub async fn read(of: Engine, file: &Path) -> Result<Content, DbError> {
    match of {
        Engine::Sqlite => sqlite::read(file).await,
        Engine::Postgres => postgres::read(file).await,
    }
}

/// True if there is nothing at this URL: no file, or a database without a table.
pub async fn is_free(url: &str) -> Result<bool, DbError> {
    match engine(url)? {
        Engine::Sqlite => sqlite::is_free(url),
        Engine::Postgres => postgres::is_free(url).await,
    }
}

/// Makes the database at this URL from a copy. On SQLite it is there as a whole or not at all, on PostgreSQL it is one
/// transaction.
pub async fn put(url: &str, file: &Path) -> Result<(), DbError> {
    match engine(url)? {
        Engine::Sqlite => sqlite::put(url, file),
        Engine::Postgres => postgres::put(url, file).await,
    }
}
