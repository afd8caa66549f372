//! Fifty at once that lock several rows each: whoever waits, waits in one order, and nobody is ended by the database
//! because they wait for each other. On SQLite there is one writer; the same must come of it.

use axum::body::Body;
use futures::future::join_all;
use http::{Method, Request};
use latchkey_bus::{Cause, Event, HandlerError};
use latchkey_db::{Engine, sql};
use latchkey_discount::consumers;
use latchkey_http::ClientAddress;
use latchkey_kit::Consumer;
use serde_json::{Value, json};
use tokio::sync::oneshot;

use crate::harness::*;

/// Delivers an event until it is handled. To be asked to try again is fine; to be ended by the database is not.
async fn handled(world: &World, consumer: &'static Consumer, event: Event) {
    loop {
        let event = event.clone();
        let done = world
            .context
            .write(Cause::event(&event), async move |t| {
                (consumer.handle)(t, event).await
            })
            .await;
        match done {
            Ok(()) => return,
            Err(HandlerError::Retry(_)) => {}
            Err(error) => panic!("{error:?}"),
        }
    }
}

async fn commanded(world: World, verb: &'static str, data: Value) {
    handled(&world, &consumers::COMMANDS, command(verb, data)).await;
}

fn command(verb: &str, data: Value) -> Event {
    let order = data["order_id"].as_str().unwrap().to_owned();
    event(&format!("order.command.discount-{verb}.v1"), &order, data)
}

/// Waits until so many transactions wait for a row of another. On SQLite they have not begun.
async fn until_waiting(world: &World, transactions: i64) {
    let waiting = "SELECT COUNT(*) AS n FROM pg_stat_activity \
                   WHERE datname = current_database() AND wait_event_type = 'Lock'";
    while world.engine == Engine::Postgres && world.count(waiting).await < transactions {
        tokio::task::yield_now().await;
    }
}

/// The status of a quote from this address.
async fn asked(world: World, address: String, user: String, code: &str) -> u16 {
    let body = json!({"code": code, "lines": [line(1, 10_000)]});
    let mut request = Request::builder()
        .method(Method::POST)
        .uri("/discount/v1/quote")
        .header("authorization", format!("Bearer {}", buyer(&user)))
        .header("content-type", "application/json")
        .body(Body::from(body.to_string()))
        .unwrap();
    request
        .extensions_mut()
        .insert(ClientAddress(address.parse().unwrap()));
    world.raw(request).await
}

/// A release that began before it was known whose order it is waits for the order's row; a repeated reservation has the
/// buyer's and waits for it, too.
#[tokio::test]
async fn a_release_that_waits_for_a_reservation_takes_its_turn_behind_the_buyer() {
    for_each_engine("deadlock_turn", |world| async move {
        let coupon = world.coupon("SPRING", json!({})).await;
        let reservation = || reserve(&order(1), "alice", "SPRING", 2_000);
        let ((done, is_done), (go, may_go)) = (oneshot::channel(), oneshot::channel());
        let first = tokio::spawn({
            let (world, event) = (world.clone(), command("reserve", reservation()));
            async move {
                let work = async move |t| {
                    (consumers::COMMANDS.handle)(t, event).await?;
                    done.send(()).unwrap();
                    may_go.await.unwrap();
                    Ok::<_, HandlerError>(())
                };
                let cause = Cause::event(&command("reserve", reserve(&order(1), "alice", "SPRING", 2_000)));
                world.context.write(cause, work).await
            }
        });
        is_done.await.unwrap();
        let release = tokio::spawn(commanded(world.clone(), "release", about(&order(1), "release")));
        until_waiting(&world, 1).await;
        let again = tokio::spawn(commanded(world.clone(), "reserve", reservation()));
        until_waiting(&world, 2).await;
        go.send(()).unwrap();
        first.await.unwrap().unwrap();
        release.await.unwrap();
        again.await.unwrap();
        assert_eq!(world.uses(&coupon).await, (0, 0));
    })
    .await;
}

/// A release that is handled before it is known whose order it is, among the reservations of that buyer.
#[tokio::test]
async fn fifty_commands_of_a_buyer_that_come_in_any_order_all_end() {
    for_each_engine("deadlock_settle", |world| async move {
        for round in 0..4 {
            let code = format!("SPRING-{round}");
            let coupon = world.coupon(&code, json!({"per_user": 1_000})).await;
            let commands = (0..50).map(|at| {
                let order = order(round * 100 + at % 5);
                let code = code.clone();
                let world = world.clone();
                async move {
                    match at / 5 % 2 {
                        0 => commanded(world, "release", about(&order, "release")).await,
                        _ => commanded(world, "reserve", reserve(&order, "alice", &code, 2_000)).await,
                    }
                }
            });
            join_all(commands).await;
            assert_eq!(world.uses(&coupon).await, (0, 0));
        }
        let used = "SELECT CAST(COALESCE(SUM(used), 0) AS BIGINT) AS n FROM coupon_uses";
        assert_eq!(world.count(used).await, 0);
    })
    .await;
}

/// Whoever creates a coupon asks about its code.
#[tokio::test]
async fn an_instructor_who_is_deleted_among_fifty_creations_is_deleted() {
    for_each_engine("deadlock_create", |world| async move {
        for round in 0..4 {
            let name = format!("ines{round}");
            let who = token(&person(&name, "discount.redeem discount.write", &["instructor"]));
            let code = |number: usize| format!("OWN-{round}-{number}");
            for number in 0..3 {
                let made = world.create(&who, &own_draft(&code(number))).send().await;
                assert_eq!(made.status, 201, "{}", made.text);
            }
            let tries = (0..50).map(|at| {
                let (world, who, name, code) = (world.clone(), who.clone(), name.clone(), code(at % 3));
                async move {
                    if at == 1 {
                        handled(&world, &consumers::USERS, deleted(&name)).await;
                        return;
                    }
                    let made = world.create(&who, &own_draft(&code)).send().await;
                    assert!(
                        [201, 409, 422, 429].contains(&made.status),
                        "{} {}",
                        made.status,
                        made.text
                    );
                }
            });
            join_all(tries).await;
        }
        let theirs = "SELECT CAST(COUNT(*) AS BIGINT) AS n FROM coupons \
                      WHERE status <> 'archived' AND version > 1";
        assert_eq!(world.count(theirs).await, 0);
    })
    .await;
}

/// Everybody cleans up what is a day old, and everybody has something that old.
#[tokio::test]
async fn fifty_who_come_back_after_a_day_are_all_answered() {
    for_each_engine("deadlock_sweep", |world| async move {
        let ask = async |day: i64| {
            let code = format!("GUESS-{day}");
            let quotes = (0..50).map(|number| {
                let address = format!("203.0.113.{}", number % 5);
                asked(world.clone(), address, format!("user{number}"), &code)
            });
            let answers = join_all(quotes).await;
            assert!(
                answers.iter().all(|status| *status == 200),
                "day {day}: {answers:?}"
            );
            // As if it were the next day, which no token lives to see.
            for older in [
                "UPDATE asked_codes SET asked_at = asked_at - 90000000, refused_at = refused_at - 90000000",
                "UPDATE askers SET asked_at = asked_at - 90000000",
            ] {
                world.context.db.write_one(sql(older)).await.unwrap();
            }
        };
        for day in 0..4 {
            ask(day).await;
        }
    })
    .await;
}

#[tokio::test]
async fn fifty_quotes_of_users_who_are_deleted_are_answered_and_forgotten() {
    for_each_engine("deadlock_forget", |world| async move {
        // Known for so long that asking again is a guess.
        for number in 0..5 {
            let code = format!("GUESS-{number}");
            assert_eq!(
                asked(
                    world.clone(),
                    "203.0.113.9".into(),
                    format!("user{number}"),
                    &code
                )
                .await,
                200
            );
        }
        world.clock.advance(61_000);
        let tries = (0..50).map(|at| {
            let (world, user) = (world.clone(), format!("user{}", at % 5));
            async move {
                if !(5..45).contains(&at) {
                    return handled(&world, &consumers::USERS, deleted(&user)).await;
                }
                let code = format!("GUESS-{}", at % 5);
                let status = asked(world, format!("203.0.113.{}", at % 7), user, &code).await;
                assert!([200, 429].contains(&status), "{status}");
            }
        });
        join_all(tries).await;
        for number in 0..5 {
            handled(&world, &consumers::USERS, deleted(&format!("user{number}"))).await;
        }
        let kept = "SELECT CAST(COUNT(*) AS BIGINT) AS n FROM asked_codes";
        assert_eq!(world.count(kept).await, 0);
        let waits = sql("SELECT CAST(COUNT(*) AS BIGINT) AS n FROM askers WHERE subject LIKE 'user:%'");
        let waits = waits.fetch_one(&world.context.db).await.unwrap();
        assert_eq!(waits.int("n").unwrap(), 0);
    })
    .await;
}
