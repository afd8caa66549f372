//! What an administrator sees of dead letters and does about them.

use serde_json::json;

use crate::harness::{PLACED, admin, for_each_engine};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dead_letter_is_shown_with_its_event_and_its_reason() {
    for_each_engine("shown", |world| async move {
        assert_eq!(world.list("").await["total"], 0);
        world.dead("one").await;
        let seen = world.list("").await;
        let letter = &seen["items"][0];
        assert_eq!(letter["consumer"], "till.orders");
        assert_eq!(
            (&letter["type"], &letter["attempts"]),
            (&json!(PLACED), &json!(1))
        );
        assert_eq!(letter["reason"], "the till is out of paper");
        assert_eq!(seen["consumers"], json!([{"name": "till.orders", "letters": 1}]));
        let id = letter["id"].as_str().unwrap();
        let path = format!("/events/v1/dead-letters/{id}");
        let whole = world.get(path).by(&admin()).send().await.json();
        assert_eq!(whole["event"]["subject"], "one");
        assert_eq!(
            (&whole["event_id"], &whole["text"]),
            (&letter["event_id"], &json!(null))
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dead_letters_come_in_pages_and_by_consumer() {
    for_each_engine("pages", |world| async move {
        for subject in ["one", "two", "three"] {
            world.dead(subject).await;
        }
        let (all, first) = (world.ids().await, world.list("?limit=2").await);
        let cursor = first["next_cursor"].as_str().unwrap();
        let rest = world.list(&format!("?limit=2&cursor={cursor}")).await;
        let paged: Vec<_> = [&first, &rest]
            .into_iter()
            .flat_map(|page| page["items"].as_array().unwrap())
            .map(|item| item["id"].as_str().unwrap())
            .collect();
        assert_eq!(paged, all);
        assert_eq!((&rest["next_cursor"], &rest["total"]), (&json!(null), &json!(3)));
        let others = world.list("?consumer=till.receipts").await;
        assert_eq!((&others["items"], &others["total"]), (&json!([]), &json!(3)));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redriven_letter_is_handled_and_who_asked_is_on_record() {
    for_each_engine("redrive", |world| async move {
        world.dead("one").await;
        world.dead("two").await;
        let [first, second] = world.ids().await.try_into().unwrap();
        world.mend();
        let done = world.act(&first, "redrive", &json!({})).await;
        assert_eq!(done.status, 200, "{}", done.text);
        let done = done.json();
        assert_eq!((&done["outcome"], &done["by"]), (&json!("done"), &json!("root")));
        world.until_handled(1).await;
        assert_eq!(world.ids().await, [second]);
        // A second press finds nothing, and does nothing.
        let again = world.act(&first, "redrive", &json!({})).await;
        assert_eq!(again.verdict(), (404, "not_found"));
        let record = world.interventions().await;
        assert_eq!(record, [done]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_letter_that_fails_again_is_a_dead_letter_again() {
    for_each_engine("again", |world| async move {
        world.dead("one").await;
        let id = world.ids().await.remove(0);
        for _ in 0..2 {
            let done = world.act(&id, "redrive", &json!({})).await;
            assert_eq!(done.json()["outcome"], "done", "{}", done.text);
            world.until_parked(1).await;
        }
        assert_eq!(world.ids().await, [id]);
        assert_eq!(world.interventions().await.len(), 2);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_letters_are_delivered_again_at_once() {
    for_each_engine("all", |world| async move {
        for subject in ["one", "two", "three"] {
            world.dead(subject).await;
        }
        world.mend();
        let others = world.post("/events/v1/redrives").by(&admin());
        let others = others.json(&json!({"consumer": "till.receipts"})).send().await;
        assert_eq!(others.json()["letters"], 0);
        let all = world.post("/events/v1/redrives").by(&admin());
        let all = all.json(&json!({})).send().await.json();
        assert_eq!(
            (&all["action"], &all["letters"]),
            (&json!("redrive_all"), &json!(3))
        );
        world.until_handled(3).await;
        assert_eq!(world.list("").await["total"], 0);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_discarded_letter_is_never_handled_and_the_reason_stays() {
    for_each_engine("discard", |world| async move {
        world.dead("one").await;
        world.dead("two").await;
        let [first, second] = world.ids().await.try_into().unwrap();
        let body = json!({"reason": "The order was a test"});
        let done = world.act(&first, "discard", &body).await;
        assert_eq!(done.json()["outcome"], "done", "{}", done.text);
        world.mend();
        // Of two in one millisecond neither is the newer one.
        world.service.context.clock.advance(1);
        assert_eq!(world.act(&second, "redrive", &json!({})).await.status, 200);
        world.until_handled(1).await;
        assert_eq!(world.list("").await["total"], 0);
        let record = world.interventions().await;
        assert_eq!(record[1]["reason"], "The order was a test");
        assert_eq!(
            (&record[1]["action"], &record[1]["by"]),
            (&json!("discard"), &json!("root"))
        );
    })
    .await;
}
