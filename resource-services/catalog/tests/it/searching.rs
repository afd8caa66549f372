//! Full-text search: alike on both engines, ranked, paged, and nothing that somebody types is syntax.

use latchkey_catalog::{demo, tasks};
use latchkey_db::sql;
use serde_json::json;

use crate::harness::*;

/// A published course with these words.
async fn publish(world: &World, title: &str, subtitle: &str, description: &str) -> Answer {
    let category = match world.shelves().await.first() {
        Some(category) => category.clone(),
        None => world.category("Programming").await,
    };
    let body = with(complete(title, &category), "subtitle", json!(subtitle));
    let text = format!(
        "{description}. {}",
        "Nothing else is said here at all. ".repeat(4)
    );
    let body = with(body, "description_md", json!(text));
    let made = world.create(&ada(), &body).send().await;
    world.step(&ada(), &made, "publish").await
}

async fn found(world: &World, q: &str) -> Vec<String> {
    world.titles(&format!("?q={}", percent(q))).await
}

#[tokio::test]
async fn titles_rank_before_subtitles_and_those_before_descriptions() {
    for_each_engine("ranks", |world| async move {
        publish(&world, "Third of them", "Plain", "About weaving").await;
        publish(&world, "Second of them", "All about weaving", "Plain").await;
        publish(&world, "Weaving first", "Plain", "Plain").await;
        publish(&world, "Not at all", "Plain", "Plain").await;
        let ranked = ["Weaving first", "Second of them", "Third of them"];
        assert_eq!(found(&world, "weaving").await, ranked);
        assert_eq!(
            found(&world, "WEAV").await,
            ranked,
            "the beginning of the last word is enough"
        );
        assert!(found(&world, "weav plain").await.is_empty(), "but not of another");
        assert_eq!(found(&world, "them weaving").await, ranked[1..]);
        // One hit to a page: each rank ends in the middle of a walk.
        let (mut walked, mut cursor) = (Vec::new(), String::new());
        for _ in 0..3 {
            let page = world
                .get(format!("/catalog/v1/courses?q=weaving&limit=1{cursor}"))
                .send()
                .await;
            walked.push(page.items()[0]["title"].as_str().unwrap().to_owned());
            cursor = page.json()["next_cursor"]
                .as_str()
                .map_or(String::new(), |next| format!("&cursor={next}"));
        }
        assert_eq!(
            (walked, cursor),
            (ranked.map(str::to_owned).to_vec(), String::new())
        );
    })
    .await;
}

#[tokio::test]
async fn a_page_of_hits_stays_where_it_was_while_others_publish() {
    for_each_engine("stable", |world| async move {
        for n in 0..6 {
            world.published(&ada(), &format!("Knots number {n}")).await;
        }
        for sort in [
            "relevance",
            "newest",
            "title",
            "price_asc",
            "price_desc",
            "top_rated",
        ] {
            let path = format!("/catalog/v1/courses?q=knots&sort={sort}&limit=2");
            let first = world.get(&path).send().await;
            let all: Vec<String> = world.titles(&format!("?q=knots&sort={sort}&limit=100")).await;
            world.published(&ada(), "Knots that came later").await;
            let mut walked = first.items().to_vec();
            let mut cursor = first.json()["next_cursor"].as_str().map(str::to_owned);
            while let Some(next) = cursor {
                let page = world.get(format!("{path}&cursor={next}")).send().await;
                assert_eq!(page.status, 200, "{sort}: {}", page.text);
                walked.extend(page.items().to_vec());
                cursor = page.json()["next_cursor"].as_str().map(str::to_owned);
            }
            let ids: std::collections::BTreeSet<_> =
                walked.iter().map(|item| item["id"].to_string()).collect();
            assert_eq!(ids.len(), walked.len(), "{sort}: no course twice");
            let titles: Vec<_> = walked
                .iter()
                .map(|item| item["title"].as_str().unwrap().to_owned())
                .collect();
            let kept = titles.iter().filter(|title| all.contains(title)).count();
            assert!(kept >= all.len(), "{sort}: {titles:?} has all of {all:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn filters_narrow_hits_together_and_exactly() {
    for_each_engine("facets", |world| async move {
        let music = world.category("Music").await;
        let guitar = json!({"name": "Guitar", "parent_id": music});
        let guitar = world
            .post("/catalog/v1/categories")
            .by(&admin())
            .json(&guitar)
            .send()
            .await
            .id();
        let craft = world.category("Craft").await;
        for (title, category, level, language, price) in [
            ("Songs one", &guitar, "beginner", "en", 1_000),
            ("Songs two", &music, "advanced", "pt-BR", 3_000),
            ("Songs three", &craft, "beginner", "pt-BR", 500),
        ] {
            let body = with(complete(title, category), "level", json!(level));
            let body = with(body, "language", json!(language));
            let body = with(body, "price", json!({"amount": price, "currency": "EUR"}));
            let made = world.create(&ada(), &body).send().await;
            world.step(&ada(), &made, "publish").await;
        }
        for (query, titles) in [
            ("category=music".to_owned(), vec!["Songs one", "Songs two"]),
            (format!("category={guitar}"), vec!["Songs one"]),
            ("category=nowhere".to_owned(), vec![]),
            ("language=pt-BR".to_owned(), vec!["Songs three", "Songs two"]),
            ("language=pt".to_owned(), vec![]),
            ("level=beginner&language=pt-BR".to_owned(), vec!["Songs three"]),
            ("level=beginner&price_max=999".to_owned(), vec!["Songs three"]),
            (
                "category=music&language=pt-BR&level=advanced&price_max=3000".to_owned(),
                vec!["Songs two"],
            ),
        ] {
            assert_eq!(
                world.titles(&format!("?q=songs&sort=title&{query}")).await,
                titles,
                "{query}"
            );
        }
        // Facets are no words.
        for word in [
            "flevelbeginner",
            "levelbeginner",
            "flanguageen",
            "tsongs",
            "wsongs",
        ] {
            assert!(found(&world, word).await.is_empty(), "{word}");
        }
    })
    .await;
}

#[tokio::test]
async fn the_index_follows_every_change_of_a_course() {
    for_each_engine("follows", |world| async move {
        let course = publish(&world, "Basket weaving", "Plain", "Plain").await;
        let edited = world
            .patch(format!("/catalog/v1/courses/{}", course.id()))
            .by(&ada())
            .if_match(course.version())
            .json(&json!({"title": "Rope making"}))
            .send()
            .await;
        assert!(found(&world, "weaving").await.is_empty());
        assert_eq!(found(&world, "rope").await, ["Rope making"]);
        let unlisted = world.step(&ada(), &edited, "unlist").await;
        assert!(found(&world, "rope").await.is_empty());
        let again = world.step(&ada(), &unlisted, "publish").await;
        assert_eq!(found(&world, "rope").await, ["Rope making"]);
        world.step(&ada(), &again, "archive").await;
        assert!(found(&world, "rope").await.is_empty());
        world.draft(&ada(), "Rope for later").await;
        assert!(found(&world, "rope").await.is_empty());
    })
    .await;
}

/// Quotes, operators and columns of FTS5, those of tsquery, and what SQL itself would read.
#[tokio::test]
async fn nothing_that_is_typed_is_syntax() {
    for_each_engine("syntax", |world| async move {
        publish(&world, "Rust and or not", "near a river", "Plain").await;
        let other = ["Something else"];
        publish(&world, other[0], "Plain", "Plain").await;
        for q in [
            "\"rust",
            "rust\"",
            "'rust",
            "rust*",
            "*rust",
            "rust**",
            "^rust",
            "-rust",
            "+rust",
            "(rust",
            "rust)",
            "rust:*",
            "title:rust",
            "words:rust",
            "{words} : rust",
            "rust NOT something",
            "rust AND",
            "OR rust",
            "NEAR(rust river, 5)",
            "rust & river",
            "rust | nothing",
            "!rust",
            "rust <-> river",
            "rust \\",
            "rust'; DROP TABLE courses; --",
            "%rust%",
            "_rust",
            "rust\u{200b}",
            "ru\u{200d}st",
            "\u{feff}rust",
            "ｒｕｓｔ",
            "\u{202e}rust",
            "rust$1",
            "rust?1",
        ] {
            for sort in [
                "",
                "&sort=newest",
                "&sort=title",
                "&sort=top_rated",
                "&level=beginner&category=programming",
            ] {
                let answer = world
                    .get(format!("/catalog/v1/courses?q={}{sort}", percent(q)))
                    .send()
                    .await;
                assert_eq!(answer.status, 200, "{q}{sort}: {}", answer.text);
                assert!(
                    answer.items().iter().all(|item| item["title"] != other[0]),
                    "{q}{sort}"
                );
            }
        }
        // What is left of these is the word and nothing else.
        for q in [
            "\"rust",
            "rust*",
            "-rust",
            "rust:*",
            "!rust",
            "^rust",
            "ru\u{200d}st",
            "ｒｕｓｔ",
            "AND OR NOT rust",
        ] {
            assert_eq!(found(&world, q).await, ["Rust and or not"], "{q}");
        }
        for q in ["***", "\"\"", "\u{200b}", "()", "--", "&|!", "𝄞", "🦀"] {
            assert!(found(&world, q).await.is_empty(), "{q}");
        }
    })
    .await;
}

#[tokio::test]
async fn long_queries_and_control_characters_are_refused() {
    for_each_engine("long_query", |world| async move {
        publish(&world, "Rust for all", "Plain", "Plain").await;
        let flood: String = (0..10_000).map(|n| format!("w{n}+")).collect();
        for path in ["/catalog/v1/courses", "/catalog/v1/courses/suggestions"] {
            for q in [flood.as_str(), "a%00b", "a%0Ab", "a%1Bb", "a%C2%85b", "%FF"] {
                let answer = world.get(format!("{path}?q={q}")).send().await;
                assert!(
                    (400..500).contains(&answer.status),
                    "{path} {q:.40}: {}",
                    answer.status
                );
            }
        }
        // As many words as fit, none of which occurs, and one of the longest words.
        let words: String = (0..66).map(|n| format!("{} ", n % 10)).collect();
        assert!(found(&world, words.trim()).await.is_empty());
        assert!(found(&world, &"x".repeat(200)).await.is_empty());
    })
    .await;
}

#[tokio::test]
async fn suggestions_are_a_few_titles_that_begin_as_typed() {
    for_each_engine("suggest", |world| async move {
        for n in 0..10 {
            world.published(&ada(), &format!("Çalgı dersi {n}")).await;
        }
        publish(&world, "Other title", "calgi", "calgi").await;
        let hidden = world.published(&ada(), "Çalgı unlisted").await;
        world.step(&ada(), &hidden, "unlist").await;
        world.draft(&ada(), "Çalgı draft").await;
        let asked = async |q: &str| {
            let path = format!("/catalog/v1/courses/suggestions?q={}", percent(q));
            let answer = world.get(path).send().await;
            assert_eq!(answer.status, 200, "{}", answer.text);
            answer.items().to_vec()
        };
        for typed in ["ç", "calg", "dersi çal", "\"calgi\""] {
            let items = asked(typed).await;
            assert_eq!(items.len(), 8, "{typed}");
            assert!(
                items
                    .iter()
                    .all(|item| item["title"].as_str().unwrap().starts_with("Çalgı dersi"))
            );
        }
        assert!(asked("").await.is_empty());
        assert!(asked("\"*\"").await.is_empty());
        assert!(asked("nothing").await.is_empty());
        let unknown = world
            .get("/catalog/v1/courses/suggestions?sort=title")
            .send()
            .await;
        assert_eq!(unknown.status, 400);
    })
    .await;
}

#[tokio::test]
async fn a_cursor_of_another_list_finds_nothing_new() {
    for_each_engine("search_cursor", |world| async move {
        for n in 0..3 {
            world.published(&ada(), &format!("Knots number {n}")).await;
        }
        let next = async |query: &str| {
            let page = world
                .get(format!("/catalog/v1/courses?limit=1&{query}"))
                .send()
                .await;
            page.json()["next_cursor"].as_str().unwrap().to_owned()
        };
        let (searched, listed) = (next("q=knots").await, next("sort=newest").await);
        for query in [
            format!("cursor={searched}"),
            format!("cursor={searched}&sort=newest"),
            format!("q=knots&sort=title&cursor={searched}"),
            format!("q=knots&cursor={listed}"),
            format!("q=knots&sort=newest&cursor={listed}"),
        ] {
            let answer = world.get(format!("/catalog/v1/courses?{query}")).send().await;
            assert_eq!(answer.verdict(), (400, "invalid_cursor"), "{query}");
        }
    })
    .await;
}

#[tokio::test]
async fn courses_that_are_older_than_the_index_are_put_into_it() {
    for_each_engine("backfill", |world| async move {
        demo::seed(&world.context, "mira", "Mira").await.unwrap();
        let db = world.context.db.clone();
        db.write(async move |tx| {
            sql("DELETE FROM course_index").execute(&tx).await?;
            sql("UPDATE courses SET seq = NULL").execute(&tx).await
        })
        .await
        .unwrap();
        assert!(found(&world, "guitar").await.is_empty());
        assert_eq!(tasks::index_old_courses(&world.context).await.unwrap(), 30);
        assert_eq!(found(&world, "guitar").await, ["First Songs on the Guitar"]);
        assert_eq!(tasks::index_old_courses(&world.context).await.unwrap(), 0);
    })
    .await;
}
