//! Copies of PostgreSQL databases, by `pg_dump` and `pg_restore`. Both read a snapshot or write a transaction as the user
//! that owns the tables; neither needs a superuser.

use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Executor, PgConnection};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;
use url::Url;

use super::content::{Content, same};
use crate::DbError;

/// A database whose events wait.
pub(super) struct Held {
    url: String,
    copy: PathBuf,
    lock: Option<PgConnection>,
    /// Has exported its snapshot, which is there for as long as it is open.
    pin: Option<PgConnection>,
    snapshot: String,
}

impl Held {
    pub async fn new(url: &str, copy: &Path) -> Result<Self, DbError> {
        let mut lock = connect(url).await?;
        lock.execute("BEGIN").await?;
        lock.execute("SET LOCAL lock_timeout = '10s'").await?;
        let (outbox, inbox): (Option<String>, Option<String>) =
            sqlx::query_as("SELECT CAST(to_regclass('outbox') AS TEXT), CAST(to_regclass('inbox') AS TEXT)")
                .fetch_one(&mut lock)
                .await?;
        if outbox.is_some() && inbox.is_some() {
            // What one database tells another passes through these.
            lock.execute("LOCK TABLE outbox, inbox IN SHARE MODE").await?;
        }
        Ok(Self {
            url: url.to_owned(),
            copy: copy.to_owned(),
            lock: Some(lock),
            pin: None,
            snapshot: String::new(),
        })
    }

    /// Takes the snapshot.
    pub async fn begin(&mut self) -> Result<(), DbError> {
        let mut pin = connect(&self.url).await?;
        pin.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            .await?;
        let (snapshot,): (String,) = sqlx::query_as("SELECT pg_export_snapshot()")
            .fetch_one(&mut pin)
            .await?;
        self.snapshot = snapshot;
        self.pin = Some(pin);
        Ok(())
    }

    /// Lets writers go on.
    pub async fn release(&mut self) -> Result<(), DbError> {
        if let Some(mut lock) = self.lock.take() {
            lock.execute("ROLLBACK").await?;
            lock.close().await?;
        }
        Ok(())
    }

    /// Copies the snapshot, and compares the copy with it.
    pub async fn finish(mut self) -> Result<Content, DbError> {
        let (name, password) = libpq(&self.url)?;
        let mut dump = tool("pg_dump", password.as_deref());
        dump.args(["--format=custom", "--no-owner", "--no-privileges"])
            .arg(format!("--snapshot={}", self.snapshot))
            .arg(format!("--file={}", self.copy.display()))
            .arg(format!("--dbname={name}"));
        run("pg_dump", dump).await?;
        let mut pin = self.pin.take().ok_or(DbError::Stopped)?;
        let expected = count(&mut pin).await?;
        pin.close().await?;
        let mut found = read(&self.copy).await?;
        // The copy is only counted: which migrations those rows are is read in the snapshot.
        found.migrations.clone_from(&expected.migrations);
        same(&found, &expected, &self.copy)?;
        Ok(found)
    }
}

async fn connect(url: &str) -> Result<PgConnection, DbError> {
    let server: PgConnectOptions = url
        .parse()
        .map_err(|_| DbError::Unusable("the PostgreSQL URL cannot be read".to_owned()))?;
    let server = server
        .disable_statement_logging()
        .application_name("latchkey-backup");
    Ok(PgConnection::connect_with(&server).await?)
}

/// Every table of the database that is not the server's own, by schema.
const TABLES: &str = "SELECT CAST(schemaname AS TEXT), CAST(tablename AS TEXT) FROM pg_tables \
    WHERE schemaname NOT LIKE 'pg\\_%' AND schemaname <> 'information_schema' ORDER BY 1, 2";

async fn count(conn: &mut PgConnection) -> Result<Content, DbError> {
    let tables: Vec<(String, String)> = sqlx::query_as(TABLES).fetch_all(&mut *conn).await?;
    let mut content = Content::default();
    for (schema, table) in tables {
        let text = format!("SELECT COUNT(*) FROM \"{schema}\".\"{table}\"");
        let (rows,): (i64,) = sqlx::query_as(AssertSqlSafe(text)).fetch_one(&mut *conn).await?;
        if let Some(set) = table.strip_prefix("migrations_") {
            let text = format!("SELECT MAX(version) FROM \"{schema}\".\"{table}\"");
            let (last,): (Option<i64>,) = sqlx::query_as(AssertSqlSafe(text)).fetch_one(&mut *conn).await?;
            content.migrations.insert(set.to_owned(), last.unwrap_or(0));
        }
        content.rows.insert(table, rows);
    }
    Ok(content)
}

/// What a copy has, by reading all of it: a row is a line between `COPY` and `\.`.
pub(super) async fn read(file: &Path) -> Result<Content, DbError> {
    let mut restore = tool("pg_restore", None);
    restore.arg("--file=-").arg(file);
    restore.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = restore.spawn().map_err(|error| missing("pg_restore", &error))?;
    let stdout = child.stdout.take().ok_or(DbError::Stopped)?;
    let mut lines = BufReader::new(stdout);
    let (mut content, mut table, mut line) = (Content::default(), None, Vec::new());
    let failed = |error: std::io::Error| DbError::Unusable(format!("pg_restore: {error}"));
    while lines.read_until(b'\n', &mut line).await.map_err(failed)? > 0 {
        match &table {
            Some(_) if line == b"\\.\n" => table = None,
            Some(name) => *content.rows.entry(String::clone(name)).or_default() += 1,
            None => {
                if let Some(name) = copied(&line) {
                    content.rows.entry(name.clone()).or_default();
                    if let Some(set) = name.strip_prefix("migrations_") {
                        content.migrations.entry(set.to_owned()).or_default();
                    }
                    table = Some(name);
                }
            }
        }
        line.clear();
    }
    let output = child.wait_with_output().await.map_err(failed)?;
    told("pg_restore", &output)?;
    Ok(content)
}

/// The table of `COPY public.users (id, …) FROM stdin;`.
fn copied(line: &[u8]) -> Option<String> {
    let line = std::str::from_utf8(line).ok()?;
    let name = line
        .strip_prefix("COPY ")?
        .trim_end()
        .strip_suffix(" FROM stdin;")?;
    let name = name.split(' ').next()?;
    let name = name.rsplit_once('.').map_or(name, |(_, table)| table);
    Some(name.trim_matches('"').to_owned())
}

pub(super) async fn is_free(url: &str) -> Result<bool, DbError> {
    let mut conn = connect(url).await?;
    let tables: Vec<(String, String)> = sqlx::query_as(TABLES).fetch_all(&mut conn).await?;
    conn.close().await?;
    Ok(tables.is_empty())
}

pub(super) async fn put(url: &str, copy: &Path) -> Result<(), DbError> {
    let (name, password) = libpq(url)?;
    let mut restore = tool("pg_restore", password.as_deref());
    restore
        .args([
            "--no-owner",
            "--no-privileges",
            "--exit-on-error",
            "--single-transaction",
        ])
        .arg(format!("--dbname={name}"))
        .arg(copy);
    run("pg_restore", restore).await
}

fn tool(name: &str, password: Option<&str>) -> Command {
    let mut command = Command::new(name);
    command.stdin(Stdio::null()).kill_on_drop(true);
    if let Some(password) = password {
        // Everybody on this machine sees the arguments of a process.
        command.env("PGPASSWORD", password);
    }
    command
}

/// The URL without its password, and the password.
fn libpq(url: &str) -> Result<(String, Option<String>), DbError> {
    let unreadable = || DbError::Unusable("the PostgreSQL URL cannot be read".to_owned());
    let mut parsed = Url::parse(url).map_err(|_| unreadable())?;
    let password = parsed.password().map(percent_encoding::percent_decode_str);
    let password = password
        .map(|text| text.decode_utf8().map(String::from))
        .transpose();
    let mut password = password.map_err(|_| unreadable())?;
    if password.is_some() {
        parsed.set_password(None).map_err(|()| unreadable())?;
    }
    // A parameter overrides what stands before the host, as in a connection of ours.
    let mut given = None;
    for (key, value) in parsed.query_pairs() {
        if key == "password" {
            given = Some(value.into_owned());
        }
    }
    if given.is_some() {
        password = given;
        let others = parsed.query().unwrap_or_default().split('&');
        let others: Vec<&str> = others.filter(|pair| !pair.starts_with("password=")).collect();
        let others = others.join("&");
        parsed.set_query(Some(others.as_str()).filter(|others| !others.is_empty()));
        if parsed.query_pairs().any(|(key, _)| key == "password") {
            return Err(unreadable());
        }
    }
    Ok((parsed.into(), password))
}

async fn run(name: &str, mut command: Command) -> Result<(), DbError> {
    let output = command.output().await.map_err(|error| missing(name, &error))?;
    told(name, &output)
}

fn missing(name: &str, error: &std::io::Error) -> DbError {
    DbError::Unusable(match error.kind() {
        std::io::ErrorKind::NotFound => format!(
            "{name} is not on the PATH: install PostgreSQL's client programs (Debian: postgresql-client), of the \
             server's version or newer"
        ),
        _ => format!("{name}: {error}"),
    })
}

/// A program that failed has said why.
fn told(name: &str, output: &Output) -> Result<(), DbError> {
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let first = said.lines().next().unwrap_or("it failed and said nothing");
    let first = first.strip_prefix(&format!("{name}: ")).unwrap_or(first);
    Err(DbError::Unusable(format!("{name}: {first}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_no_argument_of_a_program() {
        for (url, name, password) in [
            (
                "postgres://shop:p%40ss%2Bw@db.test:6432/identity?sslmode=require",
                "postgres://shop@db.test:6432/identity?sslmode=require",
                Some("p@ss+w"),
            ),
            ("postgres://db.test/identity", "postgres://db.test/identity", None),
            (
                "postgres://shop@db.test/identity?sslmode=require&password=p%40ss",
                "postgres://shop@db.test/identity?sslmode=require",
                Some("p@ss"),
            ),
            (
                "postgres://shop:other@db.test/identity?password=pass",
                "postgres://shop@db.test/identity",
                Some("pass"),
            ),
        ] {
            let (found, secret) = libpq(url).unwrap();
            assert_eq!((found.as_str(), secret.as_deref()), (name, password));
        }
        assert!(libpq("postgres://db.test/identity?pass%77ord=secret").is_err());
    }

    #[test]
    fn the_table_of_a_copy_is_its_name_without_schema_and_quotes() {
        for (line, table) in [
            ("COPY public.users (id, name) FROM stdin;\n", Some("users")),
            ("COPY public.\"grants\" (id) FROM stdin;\n", Some("grants")),
            ("-- COPY public.users (id) FROM stdin;\n", None),
            ("SELECT pg_catalog.setval('x', 1, true);\n", None),
        ] {
            assert_eq!(copied(line.as_bytes()).as_deref(), table, "{line}");
        }
    }
}
