//! Seats: what everybody may know, and what instructors set.

use serde_json::json;

use crate::harness::*;

#[tokio::test]
async fn anyone_learns_what_is_left() {
    for_each_engine("left", |world| async move {
        let (open, seats) = (world.course().await, world.seats(3).await);
        world.bought(ADA, &[(&seats, 1)]).await;
        world.reserve(&fresh_key(), BOB, &seats).await;
        let gone = Course {
            status: "archived",
            ..Course::new()
        };
        world.hear(&gone).await;
        let ids = [&open, &seats, &gone.id, &fresh_key()]
            .map(String::as_str)
            .join(",");
        let left = world.get(format!("/inventory/v1/stock?ids={ids}")).send().await;
        let mut expected = vec![
            json!({"item_id": open, "on_sale": true, "available": "many"}),
            json!({"item_id": seats, "on_sale": true, "available": 1}),
            json!({"item_id": gone.id, "on_sale": false, "available": "many"}),
        ];
        expected.sort_by_key(|item| item["item_id"].as_str().unwrap().to_owned());
        assert_eq!(left.items(), expected);
    })
    .await;
}

#[tokio::test]
async fn an_instructor_sets_the_seats_of_their_own_course() {
    for_each_engine("capacity", |world| async move {
        let course = Course::limited();
        world.hear(&course).await;
        let path = format!("/inventory/v1/stock/{}", course.id);
        let put = |who: &str, read: i64, capacity: i64| {
            let ask = world.put(&path).by(who).if_match(read);
            ask.json(&json!({"capacity": capacity})).send()
        };
        let set = put(&teacher(), 1, 2).await;
        assert_eq!((set.status, set.header("etag")), (200, "\"2\""));
        assert_eq!(
            set.json(),
            json!({"item_id": course.id, "on_sale": true, "capacity": 2, "sold": 0, "reserved": 0, "version": 2})
        );
        // Sales do not stand in the way of who has read the capacity.
        world.bought(ADA, &[(&course.id, 1)]).await;
        world.reserve(&fresh_key(), BOB, &course.id).await;
        assert_eq!(put(&teacher(), 2, 1).await.verdict(), (409, "seats_taken"));
        assert_eq!(put(&teacher(), 1, 9).await.verdict(), (412, "stale"));
        let more = put(&teacher(), 2, 3).await;
        assert_eq!((more.status, &more.json()["sold"], &more.json()["reserved"]), (200, &json!(1), &json!(1)));
        // An administrator may, too.
        assert_eq!(put(&admin(), 3, 4).await.status, 200);
        let read = world.get(&path).by(&teacher()).send().await;
        assert_eq!((&read.json()["capacity"], read.header("etag")), (&json!(4), "\"4\""));
        let told = world.heard("inventory.stock.changed.v1").await;
        assert_eq!(told.last().unwrap()["capacity"], 4);
    })
    .await;
}

#[tokio::test]
async fn a_foreign_course_is_as_good_as_missing_to_other_instructors() {
    for_each_engine("foreign_stock", |world| async move {
        let seats = world.seats(3).await;
        let before = world.rows().await;
        let path = |id: &str| format!("/inventory/v1/stock/{id}");
        let missing = world.get(path(&fresh_key())).by(&other_teacher()).send().await;
        assert_eq!(missing.verdict(), (404, "not_found"));
        let scope_alone = token(&person("root", "inventory.stock", &["admin"]));
        for who in [other_teacher(), scope_alone] {
            let put = world.put(path(&seats)).by(&who);
            for ask in [
                world.get(path(&seats)).by(&who),
                put.clone().if_match(2).json(&json!({"capacity": 9})),
                put.clone().json(&json!({"instructor_id": OTHER_TEACHER})),
                put.raw("not json"),
            ] {
                let answer = ask.send().await;
                assert_eq!(
                    (answer.status, answer.anonymous_body()),
                    (404, missing.anonymous_body())
                );
            }
        }
        assert_eq!(world.rows().await, before);
    })
    .await;
}

#[tokio::test]
async fn seats_that_are_not_counted_cannot_be_set() {
    for_each_engine("not_counted", |world| async move {
        let open = world.course().await;
        let put = world
            .put(format!("/inventory/v1/stock/{open}"))
            .by(&teacher())
            .if_match(1);
        let put = put.json(&json!({"capacity": 9})).send().await;
        assert_eq!(put.verdict(), (409, "not_counted"));
        assert_eq!(world.stock(&open).await, (None, 0, 0));
    })
    .await;
}
