//! Whether a database exists, without creating it.

use sqlx::postgres::PgConnectOptions;
use sqlx::{Connection, PgConnection};

use crate::open::sqlite_file;
use crate::{Db, DbError, Migrations};

impl Db {
    /// True if the database with this URL has tables of `set`, or, on SQLite, is a file that is not empty.
    pub async fn exists(url: &str, set: &Migrations) -> Result<bool, DbError> {
        if let Some(("sqlite", path)) = url.split_once(':') {
            return match std::fs::metadata(sqlite_file(path)?) {
                Ok(file) => Ok(file.len() > 0),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
                Err(error) => Err(DbError::Unusable(error.to_string())),
            };
        }
        let server: PgConnectOptions = url
            .parse()
            .map_err(|_| DbError::Unusable("the database URL cannot be read".to_owned()))?;
        let mut conn = PgConnection::connect_with(&server).await?;
        let (found,): (Option<String>,) = sqlx::query_as("SELECT CAST(to_regclass($1) AS TEXT)")
            .bind(format!("migrations_{}", set.set))
            .fetch_one(&mut conn)
            .await?;
        let _closing = conn.close().await;
        Ok(found.is_some())
    }
}
