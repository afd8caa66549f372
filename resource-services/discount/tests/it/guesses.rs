//! The throttle of those who guess codes.

use axum::body::Body;
use futures::future::join_all;
use http::{Method, Request};
use latchkey_http::ClientAddress;
use serde_json::json;

use crate::harness::*;

const QUOTE: &str = "/discount/v1/quote";

/// Refused by five codes of this user's.
async fn exhausted(world: &World, who: &str) {
    for number in 1..=5 {
        assert_eq!(
            world.worth(who, &format!("GUESS-{number}")).await,
            Err("unknown".into())
        );
    }
}

/// The status of a quote from this address.
async fn from(world: &World, address: &str, who: &str, code: &str) -> u16 {
    let mut request = Request::builder()
        .method(Method::POST)
        .uri(QUOTE)
        .header("authorization", format!("Bearer {who}"))
        .header("content-type", "application/json")
        .body(Body::from(
            json!({"code": code, "lines": [line(1, 10_000)]}).to_string(),
        ))
        .unwrap();
    request
        .extensions_mut()
        .insert(ClientAddress(address.parse().unwrap()));
    world.raw(request).await
}

#[tokio::test]
async fn the_sixth_refused_code_within_a_minute_is_not_answered() {
    for_each_engine("sixth", |world| async move {
        world.coupon("REAL-ONE", json!({})).await;
        exhausted(&world, &alice()).await;
        // A real code is no exception: else it could be told from the others.
        for code in ["GUESS-6", "REAL-ONE"] {
            let answer = world.quote(&alice(), code, &[line(1, 10_000)]).await;
            assert_eq!(answer.verdict(), (429, "too_many_codes"), "{code}");
            assert_eq!(answer.header("retry-after"), "60");
        }
        assert_eq!(world.worth(&bob(), "REAL-ONE").await, Ok(2_000));
        world.clock.advance(59_001);
        let answer = world.quote(&alice(), "REAL-ONE", &[line(1, 10_000)]).await;
        assert_eq!((answer.status, answer.header("retry-after")), (429, "1"));
        world.clock.advance(999);
        assert_eq!(world.worth(&alice(), "REAL-ONE").await, Ok(2_000));
    })
    .await;
}

#[tokio::test]
async fn an_accepted_code_never_counts_and_stays_answered() {
    for_each_engine("accepted", |world| async move {
        for number in 1..=9 {
            let code = format!("REAL-{number}");
            world.coupon(&code, json!({})).await;
            assert_eq!(world.worth(&alice(), &code).await, Ok(2_000));
        }
        exhausted(&world, &alice()).await;
        // The basket of somebody who has just guessed keeps its discount.
        assert_eq!(world.worth(&alice(), "REAL-1").await, Ok(2_000));
        assert_eq!(
            world.quote(&alice(), "NEXT", &[line(1, 10_000)]).await.status,
            429
        );
    })
    .await;
}

#[tokio::test]
async fn a_basket_that_is_shown_again_guesses_nothing() {
    for_each_engine("again", |world| async move {
        for _ in 0..30 {
            assert_eq!(world.worth(&alice(), "TYPO").await, Err("unknown".into()));
        }
        for number in 2..=5 {
            assert_eq!(
                world.worth(&alice(), &format!("GUESS-{number}")).await,
                Err("unknown".into())
            );
        }
        assert_eq!(
            world.quote(&alice(), "GUESS-6", &[line(1, 10_000)]).await.status,
            429
        );
        assert_eq!(world.worth(&alice(), "TYPO").await, Err("unknown".into()));
    })
    .await;
}

#[tokio::test]
async fn every_reason_of_a_refusal_counts() {
    for_each_engine("reasons_count", |world| async move {
        for number in 1..=5 {
            let code = format!("ENDED-{number}");
            world
                .coupon(&code, json!({"ends_at": "2026-11-20T12:00:00Z"}))
                .await;
            assert_eq!(world.worth(&alice(), &code).await, Err("expired".into()));
        }
        assert_eq!(
            world.quote(&alice(), "ENDED-6", &[line(1, 10_000)]).await.status,
            429
        );
    })
    .await;
}

#[tokio::test]
async fn guesses_that_are_sent_at_once_are_counted_one_after_the_other() {
    for_each_engine("burst", |world| async move {
        world.coupon("GUESS-25", json!({})).await;
        let guesses = (0..50).map(|number| {
            let world = world.clone();
            async move {
                let code = format!("GUESS-{number}");
                world.quote(&alice(), &code, &[line(1, 10_000)]).await.status
            }
        });
        let answered = join_all(guesses)
            .await
            .into_iter()
            .filter(|status| *status == 200)
            .count();
        // Five refused ones, and the real one if it was early.
        assert!((5..=6).contains(&answered), "{answered}");
        let refused = "SELECT CAST(COUNT(*) AS BIGINT) AS n FROM asked_codes WHERE refused_at IS NOT NULL";
        assert_eq!(world.count(refused).await, 5);
    })
    .await;
}

#[tokio::test]
async fn twenty_refused_codes_of_an_address_are_enough_whoever_asks() {
    for_each_engine("address", |world| async move {
        let users: Vec<String> = (0..7).map(|number| buyer(&format!("user{number}"))).collect();
        for (who, user) in users.iter().enumerate().take(5) {
            for number in 0..4 {
                // One subscriber of IPv6 has a whole network.
                let address = format!("2001:db8::{who}:{number}");
                assert_eq!(
                    from(&world, &address, user, &format!("GUESS-{number}")).await,
                    200
                );
            }
        }
        assert_eq!(from(&world, "2001:db8::99", &users[5], "GUESS-X").await, 429);
        assert_eq!(from(&world, "2001:db8:0:1::99", &users[5], "GUESS-X").await, 200);
        // Other services of this host ask for everybody.
        for number in 0..25 {
            let user = buyer(&format!("local{number}"));
            assert_eq!(from(&world, "127.0.0.1", &user, "GUESS-X").await, 200);
            assert_eq!(from(&world, "::1", &user, "GUESS-Y").await, 200);
        }
        world.clock.advance(60_000);
        assert_eq!(from(&world, "2001:db8::99", &users[6], "GUESS-X").await, 200);
    })
    .await;
}

#[tokio::test]
async fn codes_are_not_found_by_creating_them() {
    for_each_engine("probing", |world| async move {
        for number in 1..=6 {
            world.coupon(&format!("REAL-{number}"), json!({})).await;
        }
        for number in 1..=5 {
            let refused = world
                .create(&ines(), &own_draft(&format!("REAL-{number}")))
                .send()
                .await;
            assert_eq!(refused.verdict(), (409, "code_taken"));
        }
        for code in ["REAL-6", "FREE-1"] {
            let refused = world.create(&ines(), &own_draft(code)).send().await;
            assert_eq!(refused.verdict(), (429, "too_many_codes"));
            assert_eq!(refused.header("retry-after"), "60");
        }
        assert_eq!(
            world.quote(&ines(), "REAL-6", &[line(1, 10_000)]).await.status,
            429
        );
        world.clock.advance(60_000);
        assert_eq!(
            world.create(&ines(), &own_draft("FREE-1")).send().await.status,
            201
        );
    })
    .await;
}

#[tokio::test]
async fn what_was_asked_is_forgotten_after_a_day() {
    for_each_engine("forgotten", |world| async move {
        assert_eq!(world.worth(&alice(), "TYPO").await, Err("unknown".into()));
        world.clock.advance(24 * 3_600_000 + 1);
        let bob = token(&fresh(person("bob", "discount.redeem", &[])));
        assert_eq!(world.worth(&bob, "TYPO").await, Err("unknown".into()));
        let rows = "SELECT CAST(COUNT(*) AS BIGINT) AS n FROM asked_codes";
        assert_eq!(world.count(rows).await, 1);
        assert_eq!(
            world
                .count("SELECT CAST(COUNT(*) AS BIGINT) AS n FROM askers")
                .await,
            1
        );
    })
    .await;
}

/// The same claims a day later.
fn fresh(mut claims: serde_json::Value) -> serde_json::Value {
    for claim in ["iat", "exp"] {
        claims[claim] = json!(claims[claim].as_i64().unwrap() + 24 * 3_600);
    }
    claims
}
