//! A statement, its arguments and its rows, the same for both engines.

use sqlx::postgres::{PgArguments, PgRow};
use sqlx::sqlite::{SqliteArguments, SqliteRow};
use sqlx::{Arguments as _, AssertSqlSafe, Postgres, Row as _, SqlSafeStr, SqlStr, Sqlite};

use crate::db::{Engine, Pools};
use crate::tx::Conn;
use crate::{Db, DbError, Tx};

/// A statement without arguments yet.
pub fn sql(text: &'static str) -> Sql {
    Sql {
        text: Text::Fixed(text),
        values: Vec::new(),
    }
}

/// A statement whose `{list}` is replaced by [`Sql::bind_list`] with as many placeholders as there are values.
///
/// The values of the list must be bound last.
pub fn sql_list(template: &'static str) -> Sql {
    Sql {
        text: Text::List {
            template,
            first: 0,
            count: 0,
        },
        values: Vec::new(),
    }
}

/// A statement that locks rows which it only reads: `sql_for_share!("SELECT … ", "s, g", " …")` takes the text before
/// the clause, the tables whose rows are locked, and the text after it.
///
/// Until the end of the transaction no one can change those rows, and the statement waits for a transaction that has
/// just changed them and then checks its condition again. SQLite has one writer at a time, so there a writing
/// transaction locks everything.
///
/// `sql_for_share!("SELECT … ", "s", alone: "g", " …")` also locks the rows of the second list against every other
/// transaction that locks them: such transactions run one after another.
#[macro_export]
macro_rules! sql_for_share {
    ($before:expr, $tables:literal, $after:expr) => {
        $crate::sql_for_each(
            concat!($before, $after),
            concat!($before, "FOR SHARE OF ", $tables, $after),
        )
    };
    ($before:expr, $tables:literal, alone: $alone:literal, $after:expr) => {
        $crate::sql_for_each(
            concat!($before, $after),
            concat!(
                $before,
                "FOR SHARE OF ",
                $tables,
                " FOR NO KEY UPDATE OF ",
                $alone,
                $after
            ),
        )
    };
}

/// A statement that takes only rows which nobody else holds:
/// `sql_skip_locked!("WITH old AS MATERIALIZED (SELECT …", ") DELETE …")` takes the text up to the end of the query that
/// selects the rows, and the rest.
///
/// It waits for no one, so it can be in no deadlock, whatever order the rows come in; what it skips is left for the next
/// time. SQLite has one writer at a time, so there nobody else holds anything.
#[macro_export]
macro_rules! sql_skip_locked {
    ($before:expr, $after:expr) => {
        $crate::sql_for_each(
            concat!($before, $after),
            concat!($before, " FOR UPDATE SKIP LOCKED", $after),
        )
    };
}

/// The same statement in the form of each engine, with the same arguments: for what has no common text, such as locks
/// ([`sql_for_share!`], [`sql_skip_locked!`]) and the indexes of full-text search.
pub fn sql_for_each(sqlite: &'static str, postgres: &'static str) -> Sql {
    Sql {
        text: Text::Each { sqlite, postgres },
        values: Vec::new(),
    }
}

/// A statement with its arguments, ready to run on readers (`&Db`) or inside a write (`&Tx`).
#[must_use = "a statement does nothing until it is run"]
pub struct Sql {
    text: Text,
    values: Vec<Value>,
}

enum Text {
    Fixed(&'static str),
    Each {
        sqlite: &'static str,
        postgres: &'static str,
    },
    List {
        template: &'static str,
        first: usize,
        count: usize,
    },
}

/// A bound value. The engine needs the type even for a null.
pub enum Value {
    /// `BIGINT`
    Int(Option<i64>),
    /// `TEXT`
    Text(Option<String>),
    /// A `TEXT` that each engine reads in a language of its own.
    Each {
        /// For SQLite.
        sqlite: String,
        /// For PostgreSQL.
        postgres: String,
    },
}

/// Where a statement runs.
pub enum On<'a> {
    /// On a reader, outside any transaction.
    Read(&'a Db),
    /// Inside a writing transaction.
    Write(&'a Tx),
}

impl<'a> From<&'a Db> for On<'a> {
    fn from(db: &'a Db) -> Self {
        On::Read(db)
    }
}

impl<'a> From<&'a Tx> for On<'a> {
    fn from(tx: &'a Tx) -> Self {
        On::Write(tx)
    }
}

impl Sql {
    /// Binds the next placeholder.
    pub fn bind(mut self, value: impl Into<Value>) -> Self {
        self.values.push(value.into());
        self
    }

    /// Binds the values of `{list}`. An empty list matches nothing.
    pub fn bind_list<T: Into<Value> + Clone>(mut self, list: &[T]) -> Self {
        if let Text::List { first, count, .. } = &mut self.text {
            *first = self.values.len() + 1;
            *count = list.len();
        }
        self.values.extend(list.iter().cloned().map(Into::into));
        self
    }

    /// Runs the statement and returns the number of affected rows.
    pub async fn execute(self, tx: &Tx) -> Result<u64, DbError> {
        match &mut *tx.connection().await? {
            Conn::Sqlite(conn) => {
                let (text, arguments) = self.for_sqlite()?;
                let done = sqlx::query_with(text, arguments).execute(&mut *conn).await;
                done.map(|done| done.rows_affected())
            }
            Conn::Postgres(conn) => {
                let (text, arguments) = self.for_postgres()?;
                let done = sqlx::query_with(text, arguments).execute(&mut **conn).await;
                done.map(|done| done.rows_affected())
            }
        }
        .map_err(|error| tx.spoil(error))
    }

    /// All rows.
    pub async fn fetch_all<'a>(self, on: impl Into<On<'a>>) -> Result<Vec<Row>, DbError> {
        match on.into() {
            On::Read(db) => match &db.inner.pools {
                Pools::Sqlite { readers, .. } => {
                    let (text, arguments) = self.for_sqlite()?;
                    let mut reader = readers.lend(db.class).await?;
                    let rows = sqlx::query_with(text, arguments).fetch_all(reader.conn()?).await;
                    Ok(sqlite_rows(reader.finished(rows)?))
                }
                Pools::Postgres { pool, places } => {
                    let (text, arguments) = self.for_postgres()?;
                    let _place = places.take(db.class).await?;
                    Ok(postgres_rows(
                        sqlx::query_with(text, arguments).fetch_all(pool).await?,
                    ))
                }
            },
            On::Write(tx) => match &mut *tx.connection().await? {
                Conn::Sqlite(conn) => {
                    let (text, arguments) = self.for_sqlite()?;
                    let rows = sqlx::query_with(text, arguments).fetch_all(&mut *conn).await;
                    rows.map(sqlite_rows)
                }
                Conn::Postgres(conn) => {
                    let (text, arguments) = self.for_postgres()?;
                    let rows = sqlx::query_with(text, arguments).fetch_all(&mut **conn).await;
                    rows.map(postgres_rows)
                }
            }
            .map_err(|error| tx.spoil(error)),
        }
    }

    /// The first row, if there is one. The statement should not be able to return a second.
    pub async fn fetch_optional<'a>(self, on: impl Into<On<'a>>) -> Result<Option<Row>, DbError> {
        match on.into() {
            On::Read(db) => match &db.inner.pools {
                Pools::Sqlite { readers, .. } => {
                    let (text, arguments) = self.for_sqlite()?;
                    let mut reader = readers.lend(db.class).await?;
                    let row = sqlx::query_with(text, arguments)
                        .fetch_optional(reader.conn()?)
                        .await;
                    Ok(reader.finished(row)?.map(Row::Sqlite))
                }
                Pools::Postgres { pool, places } => {
                    let (text, arguments) = self.for_postgres()?;
                    let _place = places.take(db.class).await?;
                    let row = sqlx::query_with(text, arguments).fetch_optional(pool).await?;
                    Ok(row.map(Row::Postgres))
                }
            },
            write => Ok(self.fetch_all(write).await?.into_iter().next()),
        }
    }

    /// The only row; a statement that returns none is a defect.
    pub async fn fetch_one<'a>(self, on: impl Into<On<'a>>) -> Result<Row, DbError> {
        self.fetch_optional(on)
            .await?
            .ok_or(DbError::Sql(sqlx::Error::RowNotFound))
    }

    /// PostgreSQL does not allow NUL in a text, so SQLite must not contain it either.
    fn check(&self) -> Result<(), DbError> {
        let nul = |value: &Value| match value {
            Value::Text(Some(text)) => text.contains('\0'),
            Value::Each { sqlite, postgres } => sqlite.contains('\0') || postgres.contains('\0'),
            Value::Int(_) | Value::Text(None) => false,
        };
        if self.values.iter().any(nul) {
            return Err(DbError::Sql(sqlx::Error::Encode(
                "a text contains a NUL byte".into(),
            )));
        }
        Ok(())
    }

    fn for_sqlite(self) -> Result<(SqlStr, SqliteArguments), DbError> {
        self.check()?;
        let text = self.text.render(Engine::Sqlite);
        let mut arguments = SqliteArguments::default();
        for value in self.values {
            match value {
                Value::Int(value) => arguments.add(value),
                Value::Text(value) => arguments.add(value),
                Value::Each { sqlite, .. } => arguments.add(sqlite),
            }
            .map_err(|error| DbError::Sql(sqlx::Error::Encode(error)))?;
        }
        Ok((text, arguments))
    }

    fn for_postgres(self) -> Result<(SqlStr, PgArguments), DbError> {
        self.check()?;
        let text = self.text.render(Engine::Postgres);
        let mut arguments = PgArguments::default();
        for value in self.values {
            match value {
                Value::Int(value) => arguments.add(value),
                Value::Text(value) => arguments.add(value),
                Value::Each { postgres, .. } => arguments.add(postgres),
            }
            .map_err(|error| DbError::Sql(sqlx::Error::Encode(error)))?;
        }
        Ok((text, arguments))
    }
}

impl Text {
    /// The SQL text as sent. Safe by construction: all kinds come from `'static` source text, and only placeholder
    /// numbers are ever inserted.
    fn render(&self, engine: Engine) -> SqlStr {
        match self {
            Text::Fixed(text) => text.into_sql_str(),
            Text::Each { sqlite, postgres } => match engine {
                Engine::Sqlite => sqlite.into_sql_str(),
                Engine::Postgres => postgres.into_sql_str(),
            },
            Text::List {
                template,
                first,
                count,
            } => {
                let list = match count {
                    0 => "NULL".to_owned(),
                    _ => (*first..first + count)
                        .map(|n| format!("${n}"))
                        .collect::<Vec<_>>()
                        .join(","),
                };
                AssertSqlSafe(template.replacen("{list}", &list, 1)).into_sql_str()
            }
        }
    }
}

fn sqlite_rows(rows: Vec<SqliteRow>) -> Vec<Row> {
    rows.into_iter().map(Row::Sqlite).collect()
}

fn postgres_rows(rows: Vec<PgRow>) -> Vec<Row> {
    rows.into_iter().map(Row::Postgres).collect()
}

/// One row; columns are read by name.
pub enum Row {
    /// A row of SQLite.
    Sqlite(SqliteRow),
    /// A row of PostgreSQL.
    Postgres(PgRow),
}

impl Row {
    /// A `TEXT NOT NULL` column.
    pub fn text(&self, column: &str) -> Result<String, DbError> {
        self.opt_text(column)?.ok_or_else(|| DbError::row(column, NULL))
    }

    /// A nullable `TEXT` column.
    pub fn opt_text(&self, column: &str) -> Result<Option<String>, DbError> {
        self.read(column)
    }

    /// A `BIGINT NOT NULL` column.
    pub fn int(&self, column: &str) -> Result<i64, DbError> {
        self.opt_int(column)?.ok_or_else(|| DbError::row(column, NULL))
    }

    /// A nullable `BIGINT` column.
    pub fn opt_int(&self, column: &str) -> Result<Option<i64>, DbError> {
        self.read(column)
    }

    /// Always as an option: SQLite's driver otherwise reads a null as zero or as an empty text.
    fn read<T>(&self, column: &str) -> Result<Option<T>, DbError>
    where
        T: for<'r> sqlx::Decode<'r, Sqlite> + sqlx::Type<Sqlite>,
        T: for<'r> sqlx::Decode<'r, Postgres> + sqlx::Type<Postgres>,
    {
        match self {
            Row::Sqlite(row) => row.try_get(column),
            Row::Postgres(row) => row.try_get(column),
        }
        .map_err(|error| DbError::row(column, error.to_string()))
    }
}

/// The error for a null.
const NULL: &str = "it is null";

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Value::Int(Some(value))
    }
}

impl From<Option<i64>> for Value {
    fn from(value: Option<i64>) -> Self {
        Value::Int(value)
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Value::Text(Some(value.to_owned()))
    }
}

impl From<&String> for Value {
    fn from(value: &String) -> Self {
        Value::Text(Some(value.clone()))
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Value::Text(Some(value))
    }
}

impl From<Option<&str>> for Value {
    fn from(value: Option<&str>) -> Self {
        Value::Text(value.map(str::to_owned))
    }
}

impl From<Option<String>> for Value {
    fn from(value: Option<String>) -> Self {
        Value::Text(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_becomes_numbered_placeholders_after_the_other_arguments() {
        let statement = sql_list("SELECT 1 WHERE a = $1 AND b IN ({list})")
            .bind("x")
            .bind_list(&["p", "q", "r"]);
        assert_eq!(
            statement.text.render(Engine::Sqlite).as_str(),
            "SELECT 1 WHERE a = $1 AND b IN ($2,$3,$4)"
        );
    }

    #[test]
    fn an_empty_list_matches_nothing() {
        let statement = sql_list("SELECT 1 WHERE b IN ({list})").bind_list::<&str>(&[]);
        assert_eq!(
            statement.text.render(Engine::Postgres).as_str(),
            "SELECT 1 WHERE b IN (NULL)"
        );
    }
}
