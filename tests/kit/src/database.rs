//! Databases of servers under test: statements that break them, and what must not be left in them.

use std::time::{Duration, Instant};

use latchkey_bus::{EventBus, Parked};
use latchkey_clock::{Clock, Random};
use latchkey_db::{Db, DbError, Options, sql};
use tokio_util::sync::CancellationToken;

const WAITING: &str = "SELECT type || ' of ' || partition_key || ' waits in the outbox' AS line FROM outbox \
                       WHERE published_at IS NULL ORDER BY seq";
const PARKED: &str = "SELECT type || ' was parked by ' || consumer || ': ' || last_error AS line FROM bus_failed \
                      WHERE parked_at IS NOT NULL ORDER BY parked_at";
/// Another node on the same databases may have something of its own under way.
const PATIENCE: Duration = Duration::from_secs(2);

/// Runs a statement that is put together here: a test breaks the database on purpose.
pub async fn run_sql(db: &Db, text: String) -> Result<(), DbError> {
    let text: &'static str = Box::leak(text.into_boxed_str());
    db.write(move |tx| async move { sql(text).execute(&tx).await.map(drop) })
        .await
}

/// The same where it must succeed.
pub async fn run(db: &Db, text: String) {
    run_sql(db, text).await.expect("the statement runs");
}

/// One text column of every row.
pub async fn lines(db: &Db, statement: &'static str) -> Vec<String> {
    let rows = sql(statement).fetch_all(db).await.expect("the statement runs");
    rows.iter().map(|row| row.text("line").expect("a line")).collect()
}

/// The same of a statement that is put together here.
pub async fn lines_of(db: &Db, text: String) -> Vec<String> {
    lines(db, Box::leak(text.into_boxed_str())).await
}

/// Fails when a server that has stopped left something behind: an event that is still in one of its outboxes, or one on
/// its bus that no consumer could handle.
///
/// # Panics
/// If anything is still there after a while.
pub async fn assert_nothing_left(outboxes: &[&str], bus: &str) {
    let begun = Instant::now();
    loop {
        let mut left = parked(bus).await;
        for outbox in outboxes {
            left.extend(lines_at(outbox, WAITING).await);
        }
        if left.is_empty() {
            return;
        }
        assert!(begun.elapsed() < PATIENCE, "left behind: {left:#?}");
        tokio::task::yield_now().await;
    }
}

/// The events on a bus that no consumer could handle.
pub async fn parked(bus: &str) -> Vec<String> {
    if bus.starts_with("amqp:") {
        return parked_at_broker(bus).await;
    }
    lines_at(bus, PARKED).await
}

async fn parked_at_broker(url: &str) -> Vec<String> {
    let never = CancellationToken::new();
    let bus = EventBus::open(url, Clock::system(), Random::system(), never)
        .await
        .expect("the bus opens");
    let parked = bus.parked().await.expect("the broker answers");
    bus.close().await;
    let line = |dead: &Parked| {
        format!(
            "{} was parked by {}: {}",
            dead.r#type, dead.consumer, dead.last_error
        )
    };
    parked.iter().map(line).collect()
}

/// What a statement finds, by a connection of its own: those of the server are closed.
async fn lines_at(url: &str, statement: &'static str) -> Vec<String> {
    let db = Db::open(url, Options::new(&[])).await.expect("the database");
    let lines = lines(&db, statement).await;
    db.close().await;
    lines
}
