//! What a server must not leave behind: an event that never left its outbox, or one that nobody could handle.

use latchkey::config::{Config, Role};
use latchkey_testkit::database::assert_nothing_left;

/// Fails when the roles of a server that has stopped left anything.
pub async fn assert_none(config: &Config) {
    let keeps_outbox = |role: &&Role| **role == Role::Identity || role.is_service();
    let outboxes = config.roles.iter().filter(keeps_outbox);
    let outboxes: Vec<&str> = outboxes.map(|role| config[*role].database.as_str()).collect();
    assert_nothing_left(&outboxes, &config.bus).await;
}

#[cfg(test)]
mod tests {
    use latchkey_db::{Db, Options, sql};
    use latchkey_testkit::database::parked;

    use crate::harness::TestServer;

    /// A server with a revocation that cannot leave.
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
        assert_eq!(
            parked(&server.config.bus).await,
            ["shop.order.paid.v1 was parked by nobody: planted"]
        );
        server.leaves("a dead letter");
        server.stop().await;
    }
}
