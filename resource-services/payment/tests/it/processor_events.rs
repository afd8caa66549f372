//! What the processor reports by itself.

use latchkey_payment::domain::webhook;
use latchkey_payment::processor::CardProcessor;
use serde_json::json;

use crate::harness::*;

const PATH: &str = "/payment/v1/processor/events";

async fn signed(world: &World, body: &str) -> Ask {
    let secret = world.processor().webhook_secret().await.unwrap();
    let signature = webhook::sign(&secret, body.as_bytes(), world.clock.now_ms());
    world.post(PATH).header(webhook::HEADER, &signature).raw(body)
}

fn body(id: &str, key: &str) -> String {
    json!({"id": id, "type": "operation.completed", "key": key}).to_string()
}

#[tokio::test]
async fn a_report_makes_the_processor_be_asked_at_once() {
    for_each_engine("report", |world| async move {
        let card = world.card(&ada(), TIMEOUT_THEN_SUCCESS).await;
        let order = world.order();
        order.authorize("ada", 4_900, Some(&card)).await;
        world.work().await;
        world.work().await;
        assert!(
            order.answers().await.is_empty(),
            "the next question is a second away"
        );
        let key = format!("{}:authorize", order.payment().await.id);
        let told = signed(&world, &body("e1", &key)).await.send().await;
        assert_eq!(told.status, 200, "{}", told.text);
        assert!(
            order.answers().await.is_empty(),
            "nothing is believed because it was reported"
        );
        world.work().await;
        assert_eq!(order.answers().await, ["intent.authorized a1"]);
    })
    .await;
}

#[tokio::test]
async fn a_report_is_taken_once_and_about_nothing_without_harm() {
    for_each_engine("report_twice", |world| async move {
        for key in ["nothing:authorize", "", "'; --"] {
            assert_eq!(signed(&world, &body("e1", key)).await.send().await.status, 200);
        }
        let rows = "SELECT CAST(COUNT(*) AS BIGINT) AS n FROM processor_events";
        assert_eq!(world.count(rows).await, 1);
    })
    .await;
}

#[tokio::test]
async fn a_report_without_a_good_signature_changes_nothing() {
    for_each_engine("forged", |world| async move {
        let good = body("e1", "k");
        let secret = world.processor().webhook_secret().await.unwrap();
        let now = world.clock.now_ms();
        let sign = |secret: &[u8], at: i64| webhook::sign(secret, good.as_bytes(), at);
        let before = world.rows().await;
        for signature in [
            String::new(),
            "t=1,v1=00".into(),
            sign(b"another secret", now),
            sign(&secret, now - 301_000),
            sign(&secret, now + 301_000),
            sign(&secret, now).replace("v1=", "v2="),
        ] {
            let ask = world
                .post(PATH)
                .header(webhook::HEADER, &signature)
                .raw(good.clone());
            // A user's token opens nothing here.
            let refused = ask.by(&admin()).send().await;
            assert_eq!(refused.verdict(), (401, "invalid_signature"), "{signature}");
        }
        let twice = world
            .post(PATH)
            .header(webhook::HEADER, &sign(&secret, now))
            .header(webhook::HEADER, &sign(&secret, now))
            .raw(good.clone());
        assert_eq!(twice.send().await.verdict(), (401, "invalid_signature"));
        assert_eq!(world.post(PATH).raw(good.clone()).send().await.status, 401);
        assert_eq!(world.rows().await, before);
    })
    .await;
}

#[tokio::test]
async fn a_signed_report_must_still_be_one() {
    for_each_engine("no_report", |world| async move {
        for text in [
            String::new(),
            "[]".into(),
            "{}".into(),
            json!({"id": 1, "key": "k"}).to_string(),
            body(&"x".repeat(201), "k"),
            body("e1", &"x".repeat(201)),
        ] {
            let refused = signed(&world, &text).await.send().await;
            assert_eq!(refused.verdict(), (422, "invalid_body"), "{text}");
        }
        let large = signed(&world, &"x".repeat(70_000)).await.send().await;
        assert_eq!(large.verdict(), (413, "body_too_large"));
    })
    .await;
}
