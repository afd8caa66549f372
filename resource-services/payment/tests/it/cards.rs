//! Saved cards: what the processor keeps, and what nobody does.

use latchkey_db::sql;
use latchkey_payment::commands::cards::forget_unsaved;
use serde_json::json;

use crate::harness::*;

#[tokio::test]
async fn a_card_is_saved_listed_and_deleted_by_its_owner() {
    for_each_engine("cards", |world| async move {
        let saved = world.save_card(&ada(), "4242 4242 4242 4242").send().await;
        assert_eq!(saved.status, 201, "{}", saved.text);
        assert_eq!(
            (saved.json()["brand"].as_str(), saved.json()["last4"].as_str()),
            (Some("visa"), Some("4242"))
        );
        let members: Vec<String> = saved.json().as_object().unwrap().keys().cloned().collect();
        let shown = ["brand", "created_at", "exp_month", "exp_year", "id", "last4"];
        assert_eq!(members, shown, "and nothing of what the processor calls it");
        let list = world.get("/payment/v1/cards").by(&ada()).send().await;
        assert_eq!(list.items().len(), 1);
        assert!(
            world
                .get("/payment/v1/cards")
                .by(&bob())
                .send()
                .await
                .items()
                .is_empty()
        );
        let path = format!("/payment/v1/cards/{}", saved.id());
        assert_eq!(
            world.delete(&path).by(&bob()).send().await.verdict(),
            (404, "not_found")
        );
        assert_eq!(world.delete(&path).by(&ada()).send().await.status, 204);
        assert_eq!(
            world.delete(&path).by(&ada()).send().await.verdict(),
            (404, "not_found")
        );
        world.work().await;
        let kept = "SELECT CAST(COUNT(*) AS BIGINT) AS n FROM test_processor_cards";
        assert_eq!(world.count(kept).await, 0, "the processor forgets it, too");
    })
    .await;
}

#[tokio::test]
async fn the_same_number_is_the_same_card() {
    for_each_engine("same_card", |world| async move {
        let first = world.card(&ada(), APPROVE).await;
        assert_eq!(world.card(&ada(), APPROVE).await, first);
        assert_ne!(world.card(&bob(), APPROVE).await, first);
        world.work().await;
        let kept = "SELECT CAST(COUNT(*) AS BIGINT) AS n FROM test_processor_cards";
        assert_eq!(world.count(kept).await, 2, "no name is kept that nobody uses");
        let asked = world.top_up(&ada(), &first, 500).send().await;
        assert_eq!(asked.status, 202);
        world.work().await;
        assert_eq!(world.credits("ada").await, (500, 0));
    })
    .await;
}

/// A card for one order, if `save` is false.
async fn typed(world: &World, number: &str, save: bool) -> String {
    let mut body = card_body(number);
    body["save"] = json!(save);
    let asked = world.post("/payment/v1/card-tokens").by(&ada()).json(&body);
    let taken = asked.send().await;
    assert_eq!(taken.status, 201, "{}", taken.text);
    taken.id()
}

const DAY: i64 = 24 * 3_600_000;

#[tokio::test]
async fn a_card_for_one_order_pays_it_and_is_forgotten() {
    for_each_engine("one_order", |world| async move {
        world.registered("ada").await;
        let card = typed(&world, APPROVE, false).await;
        let list = world.get("/payment/v1/cards").by(&ada()).send().await;
        assert!(list.items().is_empty(), "nobody asked to save it");
        let order = world.order();
        order.authorize("ada", 4_900, Some(&card)).await;
        world.work().await;
        assert_eq!(order.payment().await.state.as_str(), "authorized");
        world.clock.advance(DAY - 1);
        assert_eq!(forget_unsaved(&world.context).await.unwrap(), 0);
        world.clock.advance(1);
        assert_eq!(forget_unsaved(&world.context).await.unwrap(), 1);
        world.work().await;
        let kept = "SELECT CAST(COUNT(*) AS BIGINT) AS n FROM test_processor_cards";
        assert_eq!(world.count(kept).await, 0, "the processor forgets it, too");
    })
    .await;
}

#[tokio::test]
async fn a_saved_card_stays_saved_and_another_can_be_saved_later() {
    for_each_engine("saved_later", |world| async move {
        let first = typed(&world, APPROVE, true).await;
        assert_eq!(typed(&world, APPROVE, false).await, first);
        let second = typed(&world, DECLINE, false).await;
        assert_eq!(typed(&world, DECLINE, true).await, second);
        world.clock.advance(DAY);
        assert_eq!(forget_unsaved(&world.context).await.unwrap(), 0);
        let saved = "SELECT CAST(COUNT(*) AS BIGINT) AS n FROM cards WHERE forget_at IS NULL";
        assert_eq!(world.count(saved).await, 2);
    })
    .await;
}

/// The processor has not answered: the authorization is asked again by the card's name.
#[tokio::test]
async fn a_card_is_not_forgotten_while_its_authorization_is_open() {
    for_each_engine("open_card", |world| async move {
        world.registered("ada").await;
        let card = typed(&world, APPROVE, false).await;
        let order = world.order();
        order.authorize("ada", 4_900, Some(&card)).await;
        world.clock.advance(DAY);
        assert_eq!(forget_unsaved(&world.context).await.unwrap(), 0);
        world.work().await;
        assert_eq!(order.payment().await.state.as_str(), "authorized");
        assert_eq!(forget_unsaved(&world.context).await.unwrap(), 1);
    })
    .await;
}

#[tokio::test]
async fn only_the_published_test_cards_are_accepted() {
    for_each_engine("test_cards", |world| async move {
        // A valid check digit, and no test card.
        let real = world.save_card(&ada(), "4111111111111111").send().await;
        assert_eq!(real.verdict(), (422, "test_cards_only"));
        assert!(!real.text.contains("4111"));
        let rows = "SELECT CAST(COUNT(*) AS BIGINT) AS n FROM cards";
        assert_eq!(world.count(rows).await, 0);
    })
    .await;
}

#[tokio::test]
async fn a_user_has_at_most_ten_cards() {
    for_each_engine("ten_cards", |world| async move {
        let mut answers = Vec::new();
        for known in &latchkey_payment::processor::TEST_CARDS {
            answers.push(world.save_card(&ada(), known.number).send().await);
        }
        let statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
        assert_eq!(statuses, [[201; 10].as_slice(), &[409, 409]].concat());
        assert_eq!(answers[10].code(), "too_many_cards");
        world.work().await;
        let kept = "SELECT CAST(COUNT(*) AS BIGINT) AS n FROM test_processor_cards";
        assert_eq!(world.count(kept).await, 10);
    })
    .await;
}

/// What is stored anywhere, in any table of the database, as one text.
async fn everything_stored(world: &World) -> String {
    let mut all = String::new();
    for statement in [
        "SELECT id || owner_id || reference || brand || last4 || fingerprint AS line FROM cards",
        "SELECT reference || behavior AS line FROM test_processor_cards",
        "SELECT key || about || outcome AS line FROM test_processor_operations",
        "SELECT envelope AS line FROM outbox",
        "SELECT route || request_hash || COALESCE(body, '') AS line FROM idempotency",
        "SELECT key || COALESCE(card_reference, '') AS line FROM operations",
        "SELECT COALESCE(payload, '') AS line FROM replies",
        "SELECT COALESCE(card_reference, '') || COALESCE(card_last4, '') AS line FROM payments",
    ] {
        for row in sql(statement).fetch_all(&world.context.db).await.unwrap() {
            all.push_str(&row.text("line").unwrap());
            all.push('\n');
        }
    }
    all
}

#[tokio::test]
async fn neither_number_nor_cvc_is_stored_or_answered() {
    for_each_engine("no_pan", |world| async move {
        world.registered("ada").await;
        let mut body = card_body(APPROVE);
        body["cvc"] = json!("9173");
        let saved = world
            .post("/payment/v1/card-tokens")
            .by(&ada())
            .json(&body)
            .send()
            .await;
        assert_eq!(saved.status, 201);
        let order = world.order();
        order.authorize("ada", 4_900, Some(&saved.id())).await;
        world.work().await;
        let stored = everything_stored(&world).await;
        assert!(stored.contains(&saved.id()), "the search finds what is there");
        for secret in [APPROVE, "42424242"] {
            assert!(
                !stored.contains(secret) && !saved.text.contains(secret),
                "{secret}"
            );
        }
        // As a word: the digits may well be a part of some random number.
        let words = |text: &str| {
            text.split(|c: char| !c.is_ascii_alphanumeric())
                .any(|word| word == "9173")
        };
        assert!(!words(&stored) && !words(&saved.text));
    })
    .await;
}

#[tokio::test]
async fn a_refused_body_never_repeats_the_number() {
    for_each_engine("no_echo", |world| async move {
        let mut in_another_type = card_body(APPROVE);
        in_another_type["number"] = json!(4_242_424_242_424_241_i64);
        let mut misplaced = card_body(APPROVE);
        misplaced["4242424242424241"] = json!(1);
        for body in [in_another_type, misplaced, card_body("4242424242424241")] {
            let refused = world
                .post("/payment/v1/card-tokens")
                .by(&ada())
                .json(&body)
                .send()
                .await;
            assert_eq!(refused.status, 422);
            assert!(!refused.text.contains("42424242"), "{}", refused.text);
        }
    })
    .await;
}

#[test]
fn every_test_card_is_documented() {
    let document = include_str!("../../../../docs/payments.md").replace(' ', "");
    for known in &latchkey_payment::processor::TEST_CARDS {
        assert!(document.contains(known.number), "{}", known.number);
    }
}
