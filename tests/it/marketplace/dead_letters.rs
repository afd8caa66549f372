//! Events that nobody could handle, over the real services: an administrator sees them, has them delivered again, and
//! discards them with a reason.

use latchkey::services::SERVICES;
use latchkey_bus::{BusError, Cause, Draft, Outbox};
use latchkey_clock::Random;
use latchkey_contracts::events::course;
use serde_json::{Value, json};

use super::{Bus, Person, Shop, on_every_bus, on_postgresql};
use crate::harness::until;

const LETTERS: &str = "events/v1/dead-letters";

/// Publishes an event of the catalog that no consumer can read, and waits until each has put it aside.
async fn poison(shop: &Shop) -> usize {
    let consumers = SERVICES.iter().flat_map(|spec| spec.consumers);
    let hearing = consumers.filter(|consumer| (consumer.group)().types.contains(&course::PUBLISHED));
    let count = hearing.count();
    let db = shop.database("catalog").await;
    let outbox = Outbox::new("catalog", shop.server.clock.clone(), Random::system());
    let draft = Draft {
        r#type: course::PUBLISHED.to_owned(),
        subject: "01890a5d-ac96-774b-bcce-b302099a8057".to_owned(),
        sequence: 1,
        data: json!({"course_id": 7}),
        cause: Cause::default(),
    };
    let put = db.write(async move |tx| {
        let put = outbox.put(&tx, draft).await;
        tx.announce();
        put.map(drop)
    });
    put.await.unwrap_or_else(|error: BusError| panic!("{error}"));
    db.close().await;
    until_there(shop.admin().await, count).await;
    count
}

async fn until_there(admin: &Person, count: usize) {
    until("the dead letters", async || {
        admin.get(LETTERS).await.json()["total"] == count
    })
    .await;
}

async fn letters(admin: &Person) -> Vec<Value> {
    let seen = admin.get(LETTERS).await.json();
    seen["items"].as_array().expect("letters").clone()
}

async fn act(admin: &Person, letter: &Value, action: &str, body: &Value) -> Value {
    let path = format!("{LETTERS}/{}/{action}", letter["id"].as_str().expect("an id"));
    let done = admin.post(&path, body).await;
    assert_eq!(done.status, 200, "{done:?}");
    done.json()
}

async fn an_administrator_redrives_and_discards_what_nobody_could_handle(bus: Bus) {
    let shop = Shop::open(bus).await;
    let admin = shop.admin().await;
    assert_eq!(admin.get(LETTERS).await.json()["total"], 0);
    let count = poison(&shop).await;
    assert!(count > 1, "several services hear of courses");
    let first = letters(admin).await.remove(0);
    assert!(
        first["reason"]
            .as_str()
            .expect("a reason")
            .contains(course::PUBLISHED),
        "{first}"
    );

    // It fails again, and stands where it stood, at a later time.
    shop.server.clock.advance(1_000);
    let redriven = act(admin, &first, "redrive", &json!({})).await;
    assert_eq!(
        (&redriven["outcome"], &redriven["by"]),
        (&json!("done"), &json!(admin.id().await))
    );
    let path = format!("{LETTERS}/{}", first["id"].as_str().expect("an id"));
    until("it is there again", async || {
        let again = admin.get(&path).await;
        again.status == 200 && again.json()["parked_at"] != first["parked_at"]
    })
    .await;
    // Of two interventions in one millisecond neither is the newer one.
    shop.server.clock.advance(1_000);
    let all = admin.post("events/v1/redrives", &json!({})).await;
    let id = all.json()["id"].clone();
    until("all were delivered again", async || {
        let record = admin.get("events/v1/interventions").await.json();
        record["items"][0]["id"] == id && record["items"][0]["letters"] == count
    })
    .await;
    until_there(admin, count).await;

    shop.server.clock.advance(1_000);
    let reason = json!({"reason": "Nothing can read it"});
    for letter in letters(admin).await {
        let discarded = act(admin, &letter, "discard", &reason).await;
        assert_eq!(discarded["outcome"], "done", "{discarded}");
    }
    assert_eq!(admin.get(LETTERS).await.json()["total"], 0);
    let record = admin.get("events/v1/interventions").await.json();
    let record = record["items"].as_array().expect("interventions");
    assert_eq!(record.len(), count + 2);
    assert_eq!(record[0]["reason"], "Nothing can read it");
    shop.stop().await;
}

on_every_bus! {
    an_administrator_redrives_and_discards_what_nobody_could_handle,
}

on_postgresql! {
    an_administrator_redrives_and_discards_what_nobody_could_handle,
}
