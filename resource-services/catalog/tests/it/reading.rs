//! What visitors find: lists, filters, pages, single courses and old links.

use serde_json::json;

use crate::harness::*;

#[tokio::test]
async fn only_published_courses_are_listed() {
    for_each_engine("listed", |world| async move {
        let (ada, bob) = (ada(), bob());
        world.draft(&ada, "A quiet draft").await;
        world.published(&ada, "Open to all").await;
        let course = world.published(&bob, "Known by link").await;
        world.step(&bob, &course, "unlist").await;
        let course = world.published(&bob, "Gone for good").await;
        world.step(&bob, &course, "archive").await;
        assert_eq!(world.titles("").await, ["Open to all"]);
        let as_owner = world.get("/catalog/v1/courses").by(&bob).send().await;
        assert_eq!(as_owner.items().len(), 1);
    })
    .await;
}

#[tokio::test]
async fn what_was_public_is_reached_by_its_address_in_every_later_state() {
    for_each_engine("reach", |world| async move {
        let ada = ada();
        let mut course = world.published(&ada, "Three lives").await;
        for (step, status) in [
            ("unlist", "unlisted"),
            ("publish", "published"),
            ("archive", "archived"),
        ] {
            course = world.step(&ada, &course, step).await;
            for key in [course.id(), "three-lives".to_owned()] {
                let read = world.read("", &key).await;
                assert_eq!((read.status, read.json()["status"].as_str()), (200, Some(status)));
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a_draft_is_read_by_its_owner_and_administrators_alone() {
    for_each_engine("drafts", |world| async move {
        let draft = world.draft(&ada(), "Not yet").await;
        for (who, status) in [
            (ada(), 200),
            (admin(), 200),
            (bob(), 404),
            (carol(), 404),
            (machine(), 404),
            (String::new(), 404),
        ] {
            assert_eq!(world.read(&who, &draft.id()).await.status, status);
            assert_eq!(world.read(&who, "not-yet").await.status, status);
            let listed = world
                .get(format!("/catalog/v1/courses?ids={}", draft.id()))
                .by(&who)
                .send()
                .await;
            assert_eq!(listed.items().len(), usize::from(status == 200));
        }
    })
    .await;
}

#[tokio::test]
async fn the_scope_catalog_read_opens_no_draft() {
    for_each_engine("read_scope", |world| async move {
        let draft = world.draft(&ada(), "Not yet").await;
        let reader = token(&person("dora", "catalog.read", &["instructor"]));
        assert_eq!(world.read(&reader, &draft.id()).await.status, 404);
        let owner = token(&person("ada", "catalog.read", &[]));
        assert_eq!(world.read(&owner, &draft.id()).await.status, 200);
        // And a token for nothing opens none, whoever's it is.
        for (sub, roles) in [("ada", ["instructor"]), ("root", ["admin"])] {
            for scope in ["", "order.read"] {
                let none = token(&person(sub, scope, &roles));
                assert_eq!(world.read(&none, &draft.id()).await.status, 404, "{sub} {scope}");
            }
        }
    })
    .await;
}

#[tokio::test]
async fn searching_folds_case_and_diacritics_and_takes_wildcards_for_letters() {
    for_each_engine("search", |world| async move {
        let ada = ada();
        for title in [
            "Çağdaş Öykü Yazımı",
            "Straße und Stille",
            "100% Wolle",
            "Wolle ohne Prozent",
        ] {
            world.published(&ada, title).await;
        }
        for (q, found) in [
            ("OYKU", vec!["Çağdaş Öykü Yazımı"]),
            ("öykü çağdaş", vec!["Çağdaş Öykü Yazımı"]),
            ("STRASSE", vec!["Straße und Stille"]),
            ("100%", vec!["100% Wolle"]),
            ("100_", vec!["100% Wolle"]),
            ("%", vec![]),
            ("wolle nirgends", vec![]),
            (r"\", vec![]),
            ("'", vec![]),
        ] {
            assert_eq!(world.titles(&format!("?q={}", percent(q))).await, found, "{q}");
        }
    })
    .await;
}

#[tokio::test]
async fn filters_narrow_the_list_together() {
    for_each_engine("filters", |world| async move {
        let ada = ada();
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
            ("First songs", &guitar, "beginner", "en", 1_000),
            ("Harmony", &music, "advanced", "en", 3_000),
            ("Chanter juste", &music, "beginner", "fr", 2_000),
            ("Knitting", &craft, "beginner", "en", 500),
        ] {
            let body = with(complete(title, category), "level", json!(level));
            let body = with(body, "language", json!(language));
            let body = with(body, "price", json!({"amount": price, "currency": "EUR"}));
            let made = world.create(&ada, &body).send().await;
            world.step(&ada, &made, "publish").await;
        }
        for (query, found) in [
            (
                "?category=music&sort=title",
                vec!["Chanter juste", "First songs", "Harmony"],
            ),
            (
                &format!("?category={music}&level=beginner&sort=title"),
                vec!["Chanter juste", "First songs"],
            ),
            ("?category=guitar", vec!["First songs"]),
            ("?category=nowhere", vec![]),
            ("?language=fr", vec!["Chanter juste"]),
            ("?price_max=1000&sort=price_asc", vec!["Knitting", "First songs"]),
            ("?price_max=999&category=music", vec![]),
            (
                "?level=beginner&language=en&sort=price_desc",
                vec!["First songs", "Knitting"],
            ),
        ] {
            assert_eq!(world.titles(query).await, found, "{query}");
        }
    })
    .await;
}

#[tokio::test]
async fn every_sort_walks_all_pages_without_loss_or_repeat() {
    for_each_engine("pages", |world| async move {
        let ada = ada();
        for number in 0..7 {
            world.clock.advance(1_000);
            let body = json!({"amount": 100 * (number % 3), "currency": "EUR"});
            let body = with(
                complete(&format!("Lesson {}", number % 4), &shelf(&world).await),
                "price",
                body,
            );
            let made = world.create(&ada, &body).send().await;
            world.step(&ada, &made, "publish").await;
        }
        for (sort, key) in [
            ("newest", "published_at"),
            ("title", "title"),
            ("price_asc", "price"),
            ("price_desc", "price"),
        ] {
            let whole = walk(&world, sort, 100).await;
            let pieces = walk(&world, sort, 2).await;
            assert_eq!(whole.len(), 7, "{sort}");
            assert_eq!(pieces, whole, "{sort}");
            let keys: Vec<String> = whole.iter().map(|(_, course)| course[key].to_string()).collect();
            let mut sorted = keys.clone();
            sorted.sort();
            if matches!(sort, "newest" | "price_desc") {
                sorted.reverse();
            }
            assert_eq!(keys, sorted, "{sort}");
        }
    })
    .await;
}

async fn shelf(world: &World) -> String {
    match world.shelves().await.into_iter().next() {
        Some(shelf) => shelf,
        None => world.category("Programming").await,
    }
}

/// Every page of a sort, by identifier.
async fn walk(world: &World, sort: &str, limit: i64) -> Vec<(String, serde_json::Value)> {
    let mut found = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = world
            .get(format!("/catalog/v1/courses?sort={sort}&limit={limit}{cursor}"))
            .send()
            .await;
        assert_eq!(page.status, 200, "{}", page.text);
        found.extend(
            page.items()
                .iter()
                .map(|item| (item["id"].as_str().unwrap().to_owned(), item.clone())),
        );
        match page.json()["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return found,
        }
    }
}

#[tokio::test]
async fn a_batch_comes_in_the_order_in_which_it_was_asked_for() {
    for_each_engine("batch", |world| async move {
        let ada = ada();
        let one = world.published(&ada, "Number one").await.id();
        let two = world.published(&ada, "Number two").await.id();
        let missing = fresh_key();
        assert_eq!(
            world.titles(&format!("?ids={two},{missing},{one},{two}")).await,
            ["Number two", "Number one"]
        );
        for query in [
            "?ids=".to_owned(),
            "?ids=x".to_owned(),
            format!("?ids={one},"),
            format!("?ids={one}&q=a"),
        ] {
            let refused = world.get(format!("/catalog/v1/courses{query}")).send().await;
            assert_eq!(refused.verdict(), (400, "invalid_query"), "{query}");
        }
        let many = vec![one; 1]
            .into_iter()
            .chain((0..100).map(|_| fresh_key()))
            .collect::<Vec<_>>()
            .join(",");
        let refused = world.get(format!("/catalog/v1/courses?ids={many}")).send().await;
        assert_eq!(refused.verdict(), (400, "invalid_query"));
    })
    .await;
}

#[tokio::test]
async fn an_old_slug_leads_to_the_new_one_by_a_relative_redirect() {
    for_each_engine("redirect", |world| async move {
        let ada = ada();
        let course = world.published(&ada, "Old name here").await;
        let renamed = world
            .patch(format!("/catalog/v1/courses/{}", course.id()))
            .by(&ada)
            .if_match(course.version())
            .json(&json!({"title": "New name here"}))
            .send()
            .await;
        assert_eq!(renamed.json()["slug"], "new-name-here");
        let old = world.read("", "old-name-here").await;
        assert_eq!((old.status, old.header("location")), (301, "new-name-here"));
        assert_eq!(world.read("", "new-name-here").await.status, 200);
        let other = world.published(&ada, "Old name here").await;
        assert_eq!(
            other.json()["slug"],
            "old-name-here-2",
            "an old address is never given to another course"
        );
    })
    .await;
}

#[tokio::test]
async fn a_title_that_comes_back_gets_its_old_address() {
    for_each_engine("back", |world| async move {
        let ada = ada();
        let mut course = world.published(&ada, "First thought").await;
        for title in ["Second thought", "First thought"] {
            let path = format!("/catalog/v1/courses/{}", course.id());
            let body = json!({"title": title});
            course = world
                .patch(path)
                .by(&ada)
                .if_match(course.version())
                .json(&body)
                .send()
                .await;
        }
        assert_eq!(course.json()["slug"], "first-thought");
        assert_eq!(
            world.read("", "second-thought").await.header("location"),
            "first-thought"
        );
    })
    .await;
}

#[tokio::test]
async fn the_slug_of_a_renamed_draft_is_free_again() {
    for_each_engine("free_slug", |world| async move {
        let draft = world.draft(&ada(), "Working title").await;
        let path = format!("/catalog/v1/courses/{}", draft.id());
        world
            .patch(path)
            .by(&ada())
            .if_match(1)
            .json(&json!({"title": "Final title"}))
            .send()
            .await;
        assert_eq!(
            world.draft(&bob(), "Working title").await.json()["slug"],
            "working-title"
        );
    })
    .await;
}

#[tokio::test]
async fn who_has_the_version_is_spared_the_body() {
    for_each_engine("etag", |world| async move {
        let course = world.published(&ada(), "Cached").await;
        let read = world.read("", &course.id()).await;
        assert_eq!(
            (read.header("etag"), read.header("cache-control")),
            ("\"2\"", "no-cache")
        );
        let path = format!("/catalog/v1/courses/{}", course.id());
        let again = world.get(&path).header("if-none-match", "W/\"2\"").send().await;
        assert_eq!(
            (again.status, again.text.as_str(), again.header("etag")),
            (304, "", "\"2\"")
        );
        assert_eq!(
            world
                .get(&path)
                .header("if-none-match", "\"1\"")
                .send()
                .await
                .status,
            200
        );
    })
    .await;
}

#[tokio::test]
async fn ones_own_list_holds_every_state_and_nobody_elses() {
    for_each_engine("mine", |world| async move {
        let (ada, bob) = (ada(), bob());
        for title in ["Mine one", "Mine two", "Mine three"] {
            world.clock.advance(10);
            world.draft(&ada, title).await;
        }
        world.published(&bob, "Bobs course").await;
        let mine = world.get("/catalog/v1/my/courses?limit=2").by(&ada).send().await;
        let titles = |answer: &Answer| {
            answer
                .items()
                .iter()
                .map(|item| item["title"].as_str().unwrap().to_owned())
                .collect::<Vec<_>>()
        };
        assert_eq!(titles(&mine), ["Mine three", "Mine two"]);
        let next = mine.json()["next_cursor"].as_str().unwrap().to_owned();
        let rest = world
            .get(format!("/catalog/v1/my/courses?limit=2&cursor={next}"))
            .by(&ada)
            .send()
            .await;
        assert_eq!(
            (titles(&rest), rest.json()["next_cursor"].is_null()),
            (vec!["Mine one".to_owned()], true)
        );
        let published = world
            .get("/catalog/v1/my/courses?status=published")
            .by(&bob)
            .send()
            .await;
        assert_eq!(titles(&published), ["Bobs course"]);
    })
    .await;
}

#[tokio::test]
async fn a_lesson_list_and_its_sums_are_told() {
    for_each_engine("sums", |world| async move {
        let course = world.published(&ada(), "Counted").await;
        assert_eq!(
            (
                course.json()["lesson_count"].as_i64(),
                course.json()["minutes"].as_i64()
            ),
            (Some(2), Some(19))
        );
        let listed = world.get("/catalog/v1/courses").send().await;
        assert_eq!(listed.items()[0]["minutes"], 19);
    })
    .await;
}

#[tokio::test]
async fn the_document_and_the_probes_are_served() {
    for_each_engine("document", |world| async move {
        let document = world.get("/openapi.json").send().await;
        assert_eq!(
            (document.status, document.header("cache-control")),
            (200, "public, max-age=300")
        );
        assert!(document.json()["paths"]["/catalog/v1/courses/{id}"]["patch"].is_object());
        for probe in ["/healthz", "/readyz"] {
            assert_eq!(world.get(probe).send().await.status, 200, "{probe}");
        }
    })
    .await;
}
