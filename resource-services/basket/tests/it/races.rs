//! Many hands in one basket.

use futures::future::join_all;
use latchkey_basket::SPEC;
use latchkey_testkit::service::for_each_engine;
use serde_json::json;

use crate::harness::{EXAM, GUEST, ada, course, put, read, shop};

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
