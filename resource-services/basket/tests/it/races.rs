//! Many hands in one basket.

use futures::future::join_all;
use latchkey_basket::{SPEC, tasks};
use latchkey_db::{Db, DbError, sql, testing};
use latchkey_testkit::service::for_each_engine;
use serde_json::json;
use tokio::sync::oneshot;

use crate::harness::{EXAM, GUEST, RUST, ada, course, lines, put, read, shop};

/// Another tab's change: it has its rows, and commits once somebody waits for them. On SQLite whoever comes later has
/// not begun.
async fn another_tab(db: &Db, change: &'static [&'static str]) -> impl Future<Output = ()> {
    let (begun, has_begun) = oneshot::channel();
    let (holder, beside) = (db.clone(), db.clone());
    let writing = tokio::spawn(async move {
        let write = holder.write(async move |tx| {
            for statement in change {
                sql(statement).execute(&tx).await?;
            }
            begun.send(()).expect("the test goes on");
            testing::somebody_waits(&beside).await;
            Ok::<_, DbError>(())
        });
        write.await
    });
    has_begun.await.unwrap();
    async move { writing.await.unwrap().unwrap() }
}

#[tokio::test]
async fn what_another_tab_puts_in_during_a_merge_is_merged() {
    for_each_engine(&SPEC, "merge_meets_put", |world| async move {
        for id in [RUST, EXAM] {
            course(&world, id, 1_000, 1).await;
        }
        let guests = format!("/basket/v1/guests/{GUEST}");
        put(&world, &shop(), &guests, EXAM, 5).await;
        let put_in = another_tab(
            &world.context.db,
            &[
                "UPDATE baskets SET version = version + 1",
                "INSERT INTO lines (basket_id, course_id, quantity, saved, price_seen, added_at) \
                 SELECT id, '01a1ebbc-0000-7000-8000-00000000000a', 1, 0, 1000, 1 FROM baskets",
            ],
        )
        .await;
        let who = ada();
        let merge = world.post("/basket/v1/merge").by(&who);
        let merge = merge.json(&json!({"guest_id": GUEST})).send();
        let (answer, ()) = futures::join!(merge, put_in);
        assert_eq!(answer.status, 200, "{}", answer.text);
        let mut courses: Vec<_> = lines(&read(&world, &who, "/basket/v1").await)
            .into_iter()
            .map(|(id, ..)| id)
            .collect();
        courses.sort();
        assert_eq!(courses, [RUST, EXAM]);
    })
    .await;
}

#[tokio::test]
async fn a_basket_that_is_touched_while_it_is_swept_stays() {
    for_each_engine(&SPEC, "sweep_meets_touch", |world| async move {
        course(&world, EXAM, 1_000, 1).await;
        put(&world, &ada(), "/basket/v1", EXAM, 5).await;
        world.clock.advance(365 * 24 * 60 * 60 * 1_000);
        let touch = another_tab(
            &world.context.db,
            &["UPDATE baskets SET expires_at = expires_at * 2"],
        )
        .await;
        let (swept, ()) = futures::join!(tasks::forget_expired(world.context.clone()), touch);
        swept.unwrap();
        assert_eq!(world.count("SELECT COUNT(*) AS n FROM baskets").await, 1);
    })
    .await;
}

#[tokio::test]
async fn fifty_courses_put_in_at_once_are_all_there() {
    for_each_engine(&SPEC, "at_once", |world| async move {
        let ids: Vec<String> = (0..50)
            .map(|at| format!("01a1ebbc-0000-7000-8000-0000000001{at:02}"))
            .collect();
        for id in &ids {
            course(&world, id, 100, 1).await;
        }
        let who = ada();
        let answers = join_all(ids.iter().map(|id| put(&world, &who, "/basket/v1", id, 1))).await;
        let statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
        assert_eq!(statuses, [200; 50]);
        let basket = read(&world, &who, "/basket/v1").await;
        assert_eq!(
            (basket["lines"].as_array().unwrap().len(), &basket["version"]),
            (50, &json!(51))
        );
        assert_eq!(basket["subtotal"]["amount"], 5_000);
    })
    .await;
}

#[tokio::test]
async fn fifty_merges_of_one_visitor_merge_once() {
    for_each_engine(&SPEC, "merges", |world| async move {
        course(&world, EXAM, 1_000, 1).await;
        let guests = format!("/basket/v1/guests/{GUEST}");
        put(&world, &shop(), &guests, EXAM, 5).await;
        let who = ada();
        let merge = async || {
            let ask = world.post("/basket/v1/merge").by(&who);
            ask.json(&json!({"guest_id": GUEST})).send().await.status
        };
        let statuses = join_all((0..50).map(|_| merge())).await;
        assert!(
            statuses.iter().all(|status| matches!(status, 200 | 412)),
            "{statuses:?}"
        );
        let basket = read(&world, &who, "/basket/v1").await;
        assert_eq!(basket["lines"][0]["quantity"], 5);
        assert_eq!(world.count("SELECT COUNT(*) AS n FROM baskets").await, 1);
    })
    .await;
}

/// Twenty things that a visitor puts in, twenty of the user's own, and ten merges, all at once: whatever was said to be
/// in a basket is in one of the two, and a last merge has all of it.
#[tokio::test]
async fn nothing_is_lost_that_is_put_in_while_a_visitor_becomes_a_user() {
    for_each_engine(&SPEC, "merge_put", |world| async move {
        let ids: Vec<String> = (0..40)
            .map(|at| format!("01a1ebbc-0000-7000-8000-0000000002{at:02}"))
            .collect();
        for id in &ids {
            course(&world, id, 100, 1).await;
        }
        let (who, pages) = (ada(), shop());
        let guests = format!("/basket/v1/guests/{GUEST}");
        let merge = async || {
            let ask = world.post("/basket/v1/merge").by(&who);
            ask.json(&json!({"guest_id": GUEST})).send().await.status
        };
        let puts = ids.iter().enumerate().map(|(at, id)| {
            let (who, base) = match at % 2 {
                0 => (&who, "/basket/v1"),
                _ => (&pages, guests.as_str()),
            };
            put(&world, who, base, id, 1)
        });
        let (puts, merges) = tokio::join!(join_all(puts), join_all((0..10).map(|_| merge())));
        let fine = |status: &u16| matches!(status, 200 | 412);
        assert!(merges.iter().all(fine), "{merges:?}");
        let statuses: Vec<u16> = puts.iter().map(|answer| answer.status).collect();
        assert!(statuses.iter().all(fine), "{statuses:?}");
        assert_eq!(merge().await, 200);
        let basket = read(&world, &who, "/basket/v1").await;
        let mut has: Vec<String> = lines(&basket).into_iter().map(|(id, ..)| id).collect();
        has.sort();
        let put_in = ids.iter().zip(&statuses).filter(|(_, status)| **status == 200);
        let put_in: Vec<String> = put_in.map(|(id, _)| id.clone()).collect();
        assert_eq!(has, put_in);
        assert_eq!(world.count("SELECT COUNT(*) AS n FROM baskets").await, 1);
    })
    .await;
}

/// Fifty baskets that nobody has touched for so long that they go, and whose visitors come back in that moment.
#[tokio::test]
async fn a_basket_that_is_touched_while_it_expires_is_kept_or_begun_anew() {
    for_each_engine(&SPEC, "sweep_touch", |world| async move {
        course(&world, EXAM, 1_000, 1).await;
        course(&world, RUST, 3_500, 1).await;
        let pages = shop();
        let guests: Vec<String> = (0..50).map(|at| format!("/basket/v1/guests/{at:032x}")).collect();
        for guest in &guests {
            assert_eq!(put(&world, &pages, guest, EXAM, 2).await.status, 200);
        }
        // As if it were eight days later, which no token lives to see.
        let expired = "UPDATE baskets SET expires_at = touched_at";
        world.context.db.write_one(sql(expired)).await.unwrap();
        let touched = join_all(guests.iter().map(|guest| put(&world, &pages, guest, RUST, 1)));
        let sweep = (0..5).map(|_| tasks::forget_expired(world.context.clone()));
        let (touched, swept) = tokio::join!(touched, join_all(sweep));
        assert!(swept.iter().all(Result::is_ok), "{swept:?}");
        tasks::forget_expired(world.context.clone()).await.unwrap();
        let mut kept = 0;
        for (guest, answer) in guests.iter().zip(&touched) {
            assert!(matches!(answer.status, 200 | 412), "{}", answer.text);
            let ids = match read(&world, &pages, guest).await["lines"].as_array() {
                Some(_) => lines(&read(&world, &pages, guest).await),
                None => Vec::new(),
            };
            let mut ids: Vec<&str> = ids.iter().map(|(id, ..)| id.as_str()).collect();
            ids.sort_unstable();
            match (answer.status, ids.as_slice()) {
                (200, [RUST, EXAM]) => kept += 1,
                (200, [RUST]) | (412, []) => {}
                other => panic!("{guest}: {other:?}"),
            }
        }
        println!("{kept} of 50 kept");
    })
    .await;
}
