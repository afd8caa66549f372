//! A catalog that is not there, is slow, or talks nonsense.

use std::time::Duration;

use tokio::time::Instant;

use crate::stub::{Instead, Shop, Stub};

#[tokio::test]
async fn without_a_catalog_every_page_says_so_and_shows_no_course() {
    let shop = Shop::without_catalog().await;
    for path in ["/", "/courses", "/courses/rust", "/categories/design"] {
        let answer = shop.get(path).await;
        assert_eq!(answer.status, 503, "{path}");
        assert_eq!(answer.header("retry-after"), "5", "{path}");
        assert_eq!(answer.header("cache-control"), "no-store", "{path}");
        assert!(
            answer.text.contains("The courses cannot be reached right now."),
            "{path}"
        );
        assert_eq!(answer.texts("#trace").len(), 1, "{path}");
        assert!(answer.texts(".card, .lead, .subjects").is_empty(), "{path}");
    }
    assert_eq!(shop.get("/").await.texts(".search-hero button"), ["Search"]);
}

#[tokio::test(start_paused = true)]
async fn a_silent_catalog_is_waited_for_3_seconds() {
    let shop = Stub {
        instead: Some(Instead::Silence),
        ..Stub::default()
    }
    .shop()
    .await;
    for path in ["/", "/courses", "/courses/rust", "/categories/design"] {
        let began = Instant::now();
        assert_eq!(shop.get(path).await.status, 503, "{path}");
        let waited = began.elapsed();
        assert!(waited <= Duration::from_millis(3_100), "{path}: {waited:?}");
    }
}

#[tokio::test]
async fn a_catalog_that_is_busy_is_away_for_the_moment() {
    for status in [429, 502, 503, 504] {
        let shop = Stub {
            instead: Some(Instead::Status(status)),
            ..Stub::default()
        }
        .shop()
        .await;
        assert_eq!(shop.get("/courses").await.status, 503, "{status}");
    }
}

#[tokio::test]
async fn a_catalog_that_talks_nonsense_is_a_mistake_of_ours_and_is_not_repeated() {
    let nonsense = [
        Instead::Text("<script>alert(1)</script>"),
        Instead::Text("{\"items\": 7}"),
        Instead::Status(500),
        Instead::Status(401),
        Instead::Status(302),
        Instead::Flood,
    ];
    for instead in nonsense {
        let shop = Stub {
            instead: Some(instead.clone()),
            ..Stub::default()
        }
        .shop()
        .await;
        for path in ["/", "/courses", "/courses/rust"] {
            let answer = shop.get(path).await;
            assert_eq!(answer.status, 500, "{path} {instead:?}");
            assert!(
                answer.text.contains("Something went wrong on our side."),
                "{path} {instead:?}"
            );
            assert!(!answer.text.contains("alert(1)"), "{path}");
        }
    }
}

#[tokio::test]
async fn a_question_that_the_catalog_refuses_is_a_bad_address() {
    let shop = Stub {
        instead: Some(Instead::Status(400)),
        ..Stub::default()
    }
    .shop()
    .await;
    assert_eq!(shop.get("/courses?cursor=x").await.status, 400);
}
