//! The databases as they lie there: rows as text and numbers, read by statements of the checker's own.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPoolOptions, PgSslMode};
use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions};
use sqlx::{AssertSqlSafe, Column as _, PgPool, Row as _, SqlitePool};

use crate::plan::ChaosError;

/// A database for each service, and the bus.
pub struct Databases {
    pools: BTreeMap<String, Pool>,
    bus: Bus,
}

enum Pool {
    Sqlite(SqlitePool),
    Postgres(PgPool),
}

enum Bus {
    /// Beside the databases of services.
    Database,
    /// The script that runs the broker.
    Broker(PathBuf),
}

/// A row: the checker asks for columns by name.
#[derive(Clone, Debug)]
pub struct Row(Vec<(String, Field)>);

#[derive(Clone, Debug, PartialEq)]
enum Field {
    None,
    Int(i64),
    Text(String),
}

/// The fields of a row of one of the engines.
macro_rules! fields {
    ($row:expr) => {{
        let mut fields = Vec::new();
        for column in $row.columns() {
            let at = column.ordinal();
            let field = match $row.try_get::<Option<i64>, _>(at) {
                Ok(Some(number)) => Field::Int(number),
                Ok(None) => Field::None,
                Err(_) => match $row.try_get::<Option<String>, _>(at)? {
                    Some(text) => Field::Text(text),
                    None => Field::None,
                },
            };
            fields.push((column.name().to_owned(), field));
        }
        Row(fields)
    }};
}

impl Databases {
    /// The files of an installation.
    pub async fn in_folder(data: &Path) -> Result<Self, ChaosError> {
        let mut pools = BTreeMap::new();
        for name in NAMES.into_iter().chain(["bus"]) {
            let options = SqliteConnectOptions::new()
                .filename(data.join(format!("{name}.db")))
                .create_if_missing(false)
                .busy_timeout(Duration::from_secs(10));
            let pool = SqlitePoolOptions::new()
                .max_connections(1)
                .connect_with(options)
                .await?;
            pools.insert(name.to_owned(), Pool::Sqlite(pool));
        }
        let bus = Bus::Database;
        Ok(Self { pools, bus })
    }

    /// The databases of a server, and a broker.
    pub async fn at_server(
        port: u16,
        password: &str,
        authority: &Path,
        broker: PathBuf,
    ) -> Result<Self, ChaosError> {
        let mut pools = BTreeMap::new();
        for name in NAMES {
            let options = PgConnectOptions::new_without_pgpass()
                .host("127.0.0.1")
                .port(port)
                .username("postgres")
                .password(password)
                .database(name)
                .ssl_mode(PgSslMode::VerifyFull)
                .ssl_root_cert(authority);
            let pool = PgPoolOptions::new()
                .max_connections(1)
                .connect_with(options)
                .await?;
            pools.insert(name.to_owned(), Pool::Postgres(pool));
        }
        let bus = Bus::Broker(broker);
        Ok(Self { pools, bus })
    }

    /// Which engine has them.
    pub fn are_sqlite(&self) -> bool {
        matches!(self.bus, Bus::Database)
    }

    /// Runs a statement for the eyes of this value alone: it is never committed.
    pub async fn pretend(&self, database: &str, statement: &'static str) -> Result<(), ChaosError> {
        // The pool has one connection, which all later statements use.
        self.execute(database, "BEGIN").await?;
        self.execute(database, statement).await
    }

    /// Runs statements.
    pub async fn execute(&self, database: &str, statement: &str) -> Result<(), ChaosError> {
        let statement = sqlx::raw_sql(AssertSqlSafe(statement));
        match &self.pools[database] {
            Pool::Sqlite(pool) => statement.execute(pool).await.map(drop)?,
            Pool::Postgres(pool) => statement.execute(pool).await.map(drop)?,
        }
        Ok(())
    }

    /// The rows of a statement.
    pub async fn rows(&self, database: &str, statement: &str) -> Result<Vec<Row>, ChaosError> {
        let mut rows = Vec::new();
        match &self.pools[database] {
            Pool::Sqlite(pool) => {
                for row in sqlx::query(AssertSqlSafe(statement)).fetch_all(pool).await? {
                    rows.push(fields!(row));
                }
            }
            Pool::Postgres(pool) => {
                for row in sqlx::query(AssertSqlSafe(statement)).fetch_all(pool).await? {
                    rows.push(fields!(row));
                }
            }
        }
        Ok(rows)
    }

    /// The number that a statement counts.
    pub async fn count(&self, database: &str, statement: &str) -> Result<i64, ChaosError> {
        let rows = self.rows(database, statement).await?;
        let first = rows.first().and_then(|row| row.0.first());
        Ok(match first {
            Some((_, Field::Int(number))) => *number,
            _ => 0,
        })
    }

    /// Deliveries that failed, or that wait at the broker.
    pub async fn undelivered(&self) -> Result<i64, ChaosError> {
        match &self.bus {
            Bus::Database => self.count("bus", "SELECT COUNT(*) FROM bus_failed").await,
            Bus::Broker(node) => waiting(node).await,
        }
    }
}

/// The messages in all queues of the broker, but for those that only keep what has passed.
async fn waiting(node: &Path) -> Result<i64, ChaosError> {
    let mut list = tokio::process::Command::new(node);
    list.args(["ctl", "-q", "list_queues", "-p", "latchkey", "name", "messages"]);
    let output = list.args(["--formatter", "json"]).output().await?;
    let failed = |reason: String| ChaosError::Command("list_queues", reason);
    if !output.status.success() {
        return Err(failed(String::from_utf8_lossy(&output.stderr).into_owned()));
    }
    let queues: Vec<serde_json::Value> =
        serde_json::from_slice(&output.stdout).map_err(|error| failed(error.to_string()))?;
    let kept = |name: &str| name.ends_with(".log") || name.ends_with(".unrouted");
    Ok(queues
        .iter()
        .filter(|queue| !queue["name"].as_str().is_some_and(kept))
        .filter_map(|queue| queue["messages"].as_i64())
        .sum())
}

impl Row {
    fn field(&self, column: &str) -> &Field {
        let found = self.0.iter().find(|(name, _)| name == column);
        found.map_or(&Field::None, |(_, field)| field)
    }

    pub fn int(&self, column: &str) -> i64 {
        match self.field(column) {
            Field::Int(number) => *number,
            Field::None | Field::Text(_) => 0,
        }
    }

    pub fn is_some(&self, column: &str) -> bool {
        *self.field(column) != Field::None
    }

    pub fn text(&self, column: &str) -> String {
        match self.field(column) {
            Field::Text(text) => text.clone(),
            Field::None | Field::Int(_) => String::new(),
        }
    }

    pub fn json(&self, column: &str) -> serde_json::Value {
        serde_json::from_str(&self.text(column)).unwrap_or_default()
    }

    /// All of it, to be compared with what it was or should be.
    pub fn line(&self) -> String {
        let fields = self.0.iter().map(|(name, field)| match field {
            Field::None => format!("{name}=null"),
            Field::Int(number) => format!("{name}={number}"),
            Field::Text(text) => format!("{name}={text:?}"),
        });
        fields.collect::<Vec<_>>().join(" ")
    }
}

/// Each has the name of its service.
const NAMES: [&str; 9] = [
    "identity",
    "catalog",
    "basket",
    "discount",
    "inventory",
    "payment",
    "order",
    "photo",
    "billing",
];
