//! What the audit trail says about a person is sealed under the key of that person, and goes with it.

use latchkey_identity_store::AuditRow;
use latchkey_protocol::Timestamp;
use serde_json::{Value, json};

use crate::harness::{IssuerServer, lines, lines_of, on_both_engines, run};

const MARK: &str = "a-device-of-hers";

async fn write(server: &IssuerServer, id: &str, actor: &str, subject: &str, detail: Value) {
    let store = server.identity().store().clone();
    let row = AuditRow {
        id: id.to_owned(),
        kind: "test.noted".to_owned(),
        actor: actor.to_owned(),
        subject: subject.to_owned(),
        request_id: None,
        detail,
    };
    let now = Timestamp(server.clock.now_ms());
    let db = store.db().clone();
    db.write(move |tx| async move { store.audit(&tx, &row, now).await })
        .await
        .expect("a record");
}

async fn stored(server: &IssuerServer, id: &str) -> String {
    lines_of(
        server.db(),
        format!("SELECT detail AS line FROM audit WHERE id = '{id}'"),
    )
    .await
    .swap_remove(0)
}

async fn read(server: &IssuerServer, user: &str) -> Vec<(String, Value)> {
    let entries = server
        .identity()
        .store()
        .audit_about(user, "", 1_000)
        .await
        .unwrap();
    let mut read: Vec<_> = entries
        .into_iter()
        .map(|entry| (entry.row.id, entry.row.detail))
        .collect();
    read.retain(|(id, _)| id.starts_with("test-"));
    read
}

async fn detail_about_a_person_is_sealed_and_read_back(server: IssuerServer) {
    let (alice, ines) = (server.user_id("alice").await, server.user_id("ines").await);
    let detail = json!({ "device": MARK });
    write(&server, "test-1", "visitor", &alice, detail.clone()).await;
    write(&server, "test-2", &alice, "a-family", detail.clone()).await;
    // Whom it is about counts before who did it.
    write(&server, "test-3", &ines, &alice, detail.clone()).await;
    write(&server, "test-4", "cli", "a-client", detail.clone()).await;
    write(&server, "test-5", "visitor", &alice, json!({})).await;
    for id in ["test-1", "test-2", "test-3"] {
        let stored = stored(&server, id).await;
        assert!(
            stored.starts_with("1.") && !stored.contains(MARK),
            "{id}: {stored}"
        );
    }
    assert_eq!(
        stored(&server, "test-4").await,
        detail.to_string(),
        "about nobody"
    );
    assert_eq!(stored(&server, "test-5").await, "{}");
    let all = ["test-1", "test-2", "test-3"].map(|id| (id.to_owned(), detail.clone()));
    let mut expected = all.to_vec();
    expected.push(("test-5".to_owned(), json!({})));
    assert_eq!(read(&server, &alice).await, expected);
    let listed = server.identity().users().audit("alice", None).await.unwrap();
    let listed = listed.into_iter().find(|record| record.id == "test-1");
    assert_eq!(listed.unwrap().detail, detail, "an administrator reads it");
    let persons = "SELECT DISTINCT person AS line FROM audit WHERE person IS NOT NULL AND id LIKE 'test-%'";
    assert_eq!(lines(server.db(), persons).await, [alice]);
    server.stop().await;
}

async fn a_detail_of_an_earlier_release_is_still_read(server: IssuerServer) {
    let alice = server.user_id("alice").await;
    let plain = format!(
        "INSERT INTO audit (id, at, kind, actor, subject, detail) \
         VALUES ('test-0', 1, 'test.noted', 'visitor', '{alice}', '{{\"device\":\"{MARK}\"}}')"
    );
    run(server.db(), plain).await;
    assert_eq!(
        read(&server, &alice).await,
        [("test-0".to_owned(), json!({ "device": MARK }))]
    );
    server.stop().await;
}

/// Of two that make the first key at once one stays, and both read.
async fn two_first_records_at_once_share_one_key(server: IssuerServer) {
    let alice = server.user_id("alice").await;
    let gone = format!("DELETE FROM person_keys WHERE user_id = '{alice}'");
    run(server.db(), gone).await;
    let detail = json!({ "device": MARK });
    futures::join!(
        write(&server, "test-1", "visitor", &alice, detail.clone()),
        write(&server, "test-2", "visitor", &alice, detail.clone())
    );
    let read = read(&server, &alice).await;
    assert_eq!(read.len(), 2);
    assert!(read.iter().all(|(_, found)| *found == detail), "{read:?}");
    server.stop().await;
}

async fn no_copy_of_the_bytes_opens_once_the_key_is_gone(server: IssuerServer) {
    let (alice, ines) = (server.user_id("alice").await, server.user_id("ines").await);
    write(&server, "test-1", "visitor", &alice, json!({ "device": MARK })).await;
    write(
        &server,
        "test-2",
        "visitor",
        &ines,
        json!({ "device": "of ines" }),
    )
    .await;
    let sealed = stored(&server, "test-1").await;
    server.identity().users().delete("alice", "test").await.unwrap();
    assert_eq!(stored(&server, "test-1").await, sealed, "the trail itself stays");
    assert_eq!(read(&server, &alice).await, [("test-1".to_owned(), Value::Null)]);
    // A sealed detail in the row of another, or said to be of another, opens as little.
    let moved = format!("UPDATE audit SET detail = '{sealed}' WHERE id = 'test-2'");
    run(server.db(), moved).await;
    assert_eq!(read(&server, &ines).await, [("test-2".to_owned(), Value::Null)]);
    // Nothing new is written about whoever is gone.
    write(&server, "test-3", "visitor", &alice, json!({ "device": MARK })).await;
    assert_eq!(stored(&server, "test-3").await, "{}");
    let keys = format!("SELECT user_id AS line FROM person_keys WHERE user_id = '{alice}'");
    assert!(lines_of(server.db(), keys).await.is_empty());
    server.stop().await;
}

on_both_engines! {
    detail_about_a_person_is_sealed_and_read_back,
    a_detail_of_an_earlier_release_is_still_read,
    two_first_records_at_once_share_one_key,
    no_copy_of_the_bytes_opens_once_the_key_is_gone,
}
