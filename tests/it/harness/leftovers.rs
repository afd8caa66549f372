//! What a house must not leave behind: an event that never left its outbox, or one that nobody could handle.

use std::time::{Duration, Instant};

use futures::future::join_all;
use latchkey::config::{Config, Role};
use latchkey_db::{Db, Options, sql};

const WAITING: &str = "SELECT type || ' of ' || partition_key || ' waits in the outbox' AS line FROM outbox \
                       WHERE published_at IS NULL ORDER BY seq";
const PARKED: &str = "SELECT type || ' was parked by ' || consumer || ': ' || last_error AS line FROM bus_failed \
                      WHERE parked_at IS NOT NULL ORDER BY parked_at";
/// Another node on the same databases may have something of its own under way.
const PATIENCE: Duration = Duration::from_secs(2);

/// Fails when the roles of a house that has stopped left anything.
pub async fn assert_none(config: &Config) {
    let begun = Instant::now();
    loop {
        let left = leftovers(config).await;
        if left.is_empty() {
            return;
        }
        assert!(begun.elapsed() < PATIENCE, "left behind: {left:#?}");
        tokio::task::yield_now().await;
    }
}

/// What the outboxes of its roles and its bus still have.
async fn leftovers(config: &Config) -> Vec<String> {
    let roles = config.roles.iter().copied();
    let keeps_outbox = |role: &Role| *role == Role::Identity || role.is_service();
    let outboxes = roles
        .filter(keeps_outbox)
        .map(|role| (config[role].database.as_str(), WAITING));
    let all = outboxes.chain([(config.bus.as_str(), PARKED)]);
    join_all(all.map(|(url, statement)| lines(url, statement)))
        .await
        .concat()
}

/// What a statement finds in a database, by a connection of its own: those of the house are closed.
async fn lines(url: &str, statement: &'static str) -> Vec<String> {
    let db = Db::open(url, Options::new(&[])).await.expect("the database");
    let rows = sql(statement).fetch_all(&db).await.expect("its tables");
    let lines = rows.iter().map(|row| row.text("line").expect("a line"));
    let lines = lines.collect();
    db.close().await;
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harness::TestServer;

    /// A house with a revocation that cannot leave.
    async fn without_a_log() -> TestServer {
        let server = TestServer::new().await;
        server.running().revocation_log.close().await;
        let machine = server.machine("demo-machine");
        let token = machine.token().await;
        assert_eq!(machine.revoke(&token).await.status, 200);
        server
    }

    #[tokio::test]
    #[should_panic(expected = "identity.revocation.token.v1 of ")]
    async fn an_event_that_is_left_behind_fails_its_test() {
        without_a_log().await.stop().await;
    }

    #[tokio::test]
    async fn an_event_that_is_left_behind_on_purpose_does_not() {
        let server = without_a_log().await;
        server.leaves("a revocation that no log took");
        server.stop().await;
    }

    #[tokio::test]
    async fn a_parked_event_is_left_behind_and_one_that_will_be_tried_again_is_not() {
        let server = TestServer::new().await;
        let bus = Db::open(&server.config.bus, Options::new(&[])).await.unwrap();
        let failed = "INSERT INTO bus_failed (consumer, event_id, type, envelope, attempts, first_at, last_at, \
                        last_error, parked_at) \
                      VALUES ('nobody', '1', 'shop.order.placed.v1', '', 1, 0, 0, 'planted', NULL), \
                             ('nobody', '2', 'shop.order.paid.v1', '', 9, 0, 0, 'planted', 1)";
        assert_eq!(bus.write_one(sql(failed)).await.unwrap(), 2);
        let parked = lines(&server.config.bus, PARKED).await;
        assert_eq!(parked, ["shop.order.paid.v1 was parked by nobody: planted"]);
        server.leaves("a dead letter");
        server.stop().await;
    }
}
