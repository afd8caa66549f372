//! What strangers send: every limit, every member that is none of theirs, every quote and every edge.

use latchkey_db::{Engine, sql};
use serde_json::{Value, json};

use crate::harness::*;

/// Members that a caller may write, by the document.
const WRITABLE: [&str; 13] = [
    "title",
    "subtitle",
    "description_md",
    "category_id",
    "language",
    "level",
    "outcomes",
    "requirements",
    "sections",
    "price",
    "list_price",
    "limited",
    "photo_id",
];

/// Names that other systems have been tricked with, or that later tables will have.
const TEMPTING: [&str; 15] = [
    "owner",
    "owner_id",
    "sub",
    "user_id",
    "role",
    "roles",
    "admin",
    "is_admin",
    "paid",
    "rating_sum",
    "rating_count",
    "rating",
    "sales",
    "__proto__",
    "constructor",
];

async fn columns(world: &World, table: &'static str) -> Vec<String> {
    let names = match world.engine {
        Engine::Sqlite => sql("SELECT name FROM pragma_table_info($1)"),
        Engine::Postgres => sql(
            "SELECT CAST(column_name AS TEXT) AS name FROM information_schema.columns WHERE table_name = $1",
        ),
    };
    let rows = names.bind(table).fetch_all(&world.context.db).await.unwrap();
    rows.iter().map(|row| row.text("name").unwrap()).collect()
}

/// RS-06.
#[tokio::test]
async fn no_member_that_is_not_the_callers_is_taken() {
    for_each_engine("mass", |world| async move {
        let ada = ada();
        let draft = world.draft(&ada, "Mass assignment").await;
        let (path, shelf) = (
            format!("/catalog/v1/courses/{}", draft.id()),
            world.shelves().await[0].clone(),
        );
        let columns = columns(&world, "courses").await;
        assert!(columns.len() > 20, "{columns:?}");
        let forbidden = columns
            .iter()
            .map(String::as_str)
            .filter(|name| !WRITABLE.contains(name))
            .chain(TEMPTING);
        let values = [
            json!("bob"),
            json!(1),
            json!(null),
            json!(true),
            json!({"amount": 0}),
            json!(["x"]),
        ];
        let before = world.rows().await;
        let mut cells = 0;
        for member in forbidden {
            for value in &values {
                if member == "kind" && value.is_null() {
                    continue; // known to POST and PUT, where nothing is the default
                }
                let whole = with(complete("Mass assignment", &shelf), member, value.clone());
                let part = json!({member: value, "subtitle": "changed"});
                for ask in [
                    world.create(&ada, &whole),
                    world.put(&path).by(&ada).if_match(1).json(&whole),
                    world.patch(&path).by(&ada).if_match(1).json(&part),
                ] {
                    let answer = ask.send().await;
                    assert_eq!(answer.status, 422, "{member} = {value}: {}", answer.text);
                    cells += 1;
                }
            }
        }
        let other_kind = with(complete("Mass assignment", &shelf), "kind", json!("item"));
        let answer = world
            .put(&path)
            .by(&ada)
            .if_match(1)
            .json(&other_kind)
            .send()
            .await;
        assert_eq!(
            (answer.verdict(), answer.fields()),
            ((422, "invalid_content"), vec!["kind"])
        );
        let kind = world
            .patch(&path)
            .by(&ada)
            .if_match(1)
            .json(&json!({"kind": null}))
            .send()
            .await;
        assert_eq!(kind.verdict(), (422, "invalid_body"));
        assert_eq!(world.rows().await, before);
        println!("{cells} cells");
    })
    .await;
}

/// RS-06.
#[tokio::test]
async fn nested_members_are_as_closed_as_the_outer_ones() {
    for_each_engine("nested", |world| async move {
        let draft = world.draft(&ada(), "Nested members").await;
        let before = world.rows().await;
        let lesson = json!({"title": "x", "minutes": 1, "video_url": "x"});
        for body in [
            json!({"price": {"amount": 1, "currency": "EUR", "tax": 0}}),
            json!({"price": {"amount": 1}}),
            json!({"price": 1}),
            json!({"sections": [{"title": "x", "id": "x"}]}),
            json!({"sections": [{"title": "x", "lessons": [lesson]}]}),
            json!({"sections": [{"title": "x", "lessons": null}]}),
            json!({"outcomes": [null]}),
            json!({"price": [1, "EUR"]}),
            json!({"sections": [["x", []]]}),
            json!({"sections": {"title": "x"}}),
            json!(["By position", "item"]),
            json!([]),
            json!("title"),
            json!(null),
        ] {
            let path = format!("/catalog/v1/courses/{}", draft.id());
            let answer = world.patch(path).by(&ada()).if_match(1).json(&body).send().await;
            assert_eq!(answer.verdict(), (422, "invalid_body"), "{body}");
        }
        assert_eq!(world.rows().await, before);
    })
    .await;
}

/// RS-06.
#[tokio::test]
async fn a_member_that_is_there_twice_is_refused() {
    for_each_engine("twice", |world| async move {
        let twice = r#"{"title": "Shown to the checker", "title": "Taken by the writer"}"#;
        let answer = world
            .post("/catalog/v1/courses")
            .by(&ada())
            .key(&fresh_key())
            .raw(twice)
            .send()
            .await;
        assert_eq!(answer.verdict(), (422, "invalid_body"));
        let answer = world.get("/catalog/v1/courses?limit=1&limit=100").send().await;
        assert_eq!(answer.verdict(), (400, "invalid_query"));
    })
    .await;
}

/// RS-06.
#[tokio::test]
async fn categories_take_no_other_member_either() {
    for_each_engine("mass_shelf", |world| async move {
        let path = format!("/catalog/v1/categories/{}", world.category("Music").await);
        let before = world.rows().await;
        let names = columns(&world, "categories").await;
        let forbidden = names
            .iter()
            .filter(|name| !["name", "parent_id", "position"].contains(&name.as_str()));
        for member in forbidden {
            let body = json!({"name": "Sound", member: "x"});
            for ask in [
                world.post("/catalog/v1/categories").json(&body),
                world.put(&path).if_match(1).json(&body),
            ] {
                assert_eq!(
                    ask.by(&admin()).send().await.verdict(),
                    (422, "invalid_body"),
                    "{member}"
                );
            }
        }
        assert_eq!(world.rows().await, before);
    })
    .await;
}

/// RS-07.
#[tokio::test]
async fn a_page_has_between_one_and_a_hundred_entries() {
    for_each_engine("limits", |world| async move {
        for limit in [
            "0",
            "-1",
            "101",
            "1000000",
            "2147483648",
            "4294967296",
            "9223372036854775807",
            "9223372036854775808",
            "-9223372036854775808",
            "1.5",
            "1e2",
            "",
            "ten",
            "0x10",
            "%201",
        ] {
            for path in ["/catalog/v1/courses", "/catalog/v1/my/courses"] {
                let answer = world.get(format!("{path}?limit={limit}")).by(&ada()).send().await;
                assert_eq!(answer.status, 400, "{limit}: {}", answer.text);
            }
        }
        for limit in [1, 100] {
            assert_eq!(
                world
                    .get(format!("/catalog/v1/courses?limit={limit}"))
                    .send()
                    .await
                    .status,
                200
            );
        }
    })
    .await;
}

/// RS-07, RUSTSEC-2022-0055.
#[tokio::test]
async fn bodies_are_bounded_in_size_and_depth() {
    for_each_engine("bodies", |world| async move {
        let ask = |body: Vec<u8>| {
            world
                .post("/catalog/v1/courses")
                .by(&ada())
                .key(&fresh_key())
                .raw(body)
                .send()
        };
        let nested = |depth: usize| [b"[".repeat(depth), b"]".repeat(depth)].concat();
        assert_eq!(ask(b"[".repeat(100_000)).await.verdict(), (413, "body_too_large"));
        for depth in [33, 1_000, 30_000] {
            assert_eq!(
                ask(nested(depth)).await.verdict(),
                (422, "invalid_body"),
                "{depth}"
            );
            let inside = [
                br#"{"title": "Deep water", "sections": "#.to_vec(),
                nested(depth),
                b"}".to_vec(),
            ]
            .concat();
            assert_eq!(ask(inside).await.verdict(), (422, "invalid_body"), "{depth}");
            assert_eq!(
                ask(br#"{"a":"#.repeat(depth.min(10_000))).await.verdict(),
                (422, "invalid_body"),
                "{depth}"
            );
        }
        let padded =
            |size: usize| format!("{}{}", json!({"title": "Padded"}), " ".repeat(size - 18)).into_bytes();
        assert_eq!(padded(64 * 1024).len(), 64 * 1024);
        assert_eq!(ask(padded(64 * 1024)).await.status, 201);
        assert_eq!(
            ask(padded(64 * 1024 + 1)).await.verdict(),
            (413, "body_too_large")
        );
        let answer = world.post("/catalog/v1/courses").by(&ada()).key(&fresh_key());
        let answer = answer.header("content-type", "text/plain").send().await;
        assert_eq!(answer.verdict(), (415, "media_type"));
        assert_eq!(
            world.get("/catalog/v1/courses").send().await.status,
            200,
            "still alive"
        );
    })
    .await;
}

/// RS-07.
#[tokio::test]
async fn every_text_and_list_in_a_body_has_a_cap() {
    for_each_engine("caps", |world| async move {
        let ada = ada();
        let draft = world.draft(&ada, "Caps for all").await;
        let (path, before) = (format!("/catalog/v1/courses/{}", draft.id()), world.rows().await);
        let lessons = |count: usize| vec![json!({"title": "x", "minutes": 1}); count];
        for (field, body) in [
            ("title", json!({"title": "x".repeat(121)})),
            ("title", json!({"title": null})),
            ("subtitle", json!({"subtitle": "x".repeat(201)})),
            ("description_md", json!({"description_md": "x".repeat(20_001)})),
            ("outcomes", json!({"outcomes": vec!["x"; 21]})),
            ("requirements", json!({"requirements": vec!["x"; 21]})),
            ("requirements[0]", json!({"requirements": ["x".repeat(201)]})),
            ("sections", json!({"sections": vec![json!({"title": "x"}); 41]})),
            (
                "lessons",
                json!({"sections": [{"title": "x", "lessons": lessons(401)}]}),
            ),
            (
                "sections[0].title",
                json!({"sections": [{"title": "x".repeat(121)}]}),
            ),
            (
                "sections[0].lessons[0].title",
                json!({"sections": [{"title": "x", "lessons": [{"title": "", "minutes": 1}]}]}),
            ),
            ("language", json!({"language": "english"})),
            ("category_id", json!({"category_id": fresh_key()})),
        ] {
            let answer = world.patch(&path).by(&ada).if_match(1).json(&body).send().await;
            assert_eq!(
                (answer.verdict(), answer.fields()),
                ((422, "invalid_content"), vec![field]),
                "{}",
                answer.text
            );
        }
        for query in [
            format!("?q={}", "x".repeat(201)),
            "?q=a%00b".into(),
            "?q=a%0Ab".into(),
            "?sort=rating".into(),
            "?level=expert".into(),
            "?language=EN".into(),
            "?category=a%20b".into(),
            "?unknown=1".into(),
            "?price_max=-1".into(),
            "?rating_min=0".into(),
            "?rating_min=6".into(),
            "?price_max=9223372036854775808".into(),
            "?q=%FF".into(),
            "?q=%zz".into(),
        ] {
            let answer = world.get(format!("/catalog/v1/courses{query}")).send().await;
            assert_eq!(answer.status, 400, "{query}: {}", answer.text);
        }
        assert_eq!(world.rows().await, before);
    })
    .await;
}

/// RS-12.
#[tokio::test]
async fn numbers_are_whole_and_inside_their_range() {
    for_each_engine("numbers", |world| async move {
        let ada = ada();
        let draft = world.draft(&ada, "Numbers only").await;
        let (path, before) = (format!("/catalog/v1/courses/{}", draft.id()), world.rows().await);
        let numbers = ["-1", "-0.0", "0.5", "1.0", "1e2", "1E400", "100000001", "2147483648", "9223372036854775806",
            "9223372036854775807", "9223372036854775808", "-9223372036854775808", "-9223372036854775809",
            "18446744073709551615", "18446744073709551616", "99999999999999999999999999", "\"100\"", "true",
            "[1]", "NaN", "Infinity", "0x10", "1_000", "+1", "01"];
        let mut cells = 0;
        for number in numbers {
            for body in [
                format!(r#"{{"price": {{"amount": {number}, "currency": "EUR"}}}}"#),
                format!(r#"{{"list_price": {{"amount": {number}, "currency": "EUR"}}}}"#),
                format!(r#"{{"sections": [{{"title": "x", "lessons": [{{"title": "x", "minutes": {number}}}]}}]}}"#),
            ] {
                let answer = world.patch(&path).by(&ada).if_match(1).raw(body.clone()).send().await;
                assert_eq!(answer.status, 422, "{body}");
                cells += 1;
            }
            let shelf = format!(r#"{{"name": "Music", "position": {number}}}"#);
            let answer = world.post("/catalog/v1/categories").by(&admin()).raw(shelf).send().await;
            assert_eq!(answer.status, 422, "position {number}");
        }
        let below = json!({"price": {"amount": 200, "currency": "EUR"}, "list_price": {"amount": 199, "currency": "EUR"}});
        let answer = world.patch(&path).by(&ada).if_match(1).json(&below).send().await;
        assert_eq!(answer.fields(), ["list_price.amount"]);
        let dollars = json!({"price": {"amount": 200, "currency": "USD"}});
        let answer = world.patch(&path).by(&ada).if_match(1).json(&dollars).send().await;
        assert_eq!((answer.status, answer.fields()), (422, vec!["price.currency"]));
        assert_eq!(world.rows().await, before);
        for amount in [0, 1, 100_000_000] {
            let price = json!({"price": {"amount": amount, "currency": "EUR"}});
            let version = world.read(&ada, &draft.id()).await.version();
            let done = world.patch(&path).by(&ada).if_match(version).json(&price).send().await;
            assert_eq!(done.json()["price"]["amount"], amount);
        }
        println!("{cells} cells");
    })
    .await;
}

/// Fifty ways to leave a string, each in ten disguises.
fn payloads() -> Vec<String> {
    let ways = [
        "'",
        "''",
        "\"",
        "\\",
        "\\'",
        "';",
        "')",
        "'))",
        "' --",
        "' #",
        "/*",
        "*/",
        "' /*",
        "%",
        "_",
        "%%",
        "$1",
        "$99",
        "?",
        ":a",
        "@a",
        "{list}",
        "NULL",
        "' OR '1'='1",
        "' OR 1=1 --",
        "\" OR \"\"=\"",
        "1 OR 1=1",
        "1; DROP TABLE courses",
        "'; DROP TABLE courses; --",
        "'; DELETE FROM slugs; --",
        "' UNION SELECT NULL --",
        "' UNION ALL SELECT 1,2,3 --",
        "' AND SLEEP(5) --",
        "'; SELECT pg_sleep(5); --",
        "' || (SELECT version()) || '",
        "$$; SELECT 1; $$",
        "E'\\''",
        "CHAR(39)",
        "0x27",
        "\u{ff07}",
        "\u{2019}",
        "\u{02bc}",
        "\u{a0}' OR 1",
        "${1}",
        "{{1}}",
        "' LIKE '%",
        "\\%",
        "\\_",
        "ESCAPE '\\'",
        "a' COLLATE NOCASE --",
    ];
    let disguises: [fn(&str) -> String; 10] = [
        |way| format!("{way:>6}xyz"),
        |way| format!("abcde{way}"),
        |way| format!("abc{way}def"),
        |way| format!("{way}{way}{way}abcde"),
        |way| format!("abcde {}", way.to_uppercase()),
        |way| format!("abcde {}", way.to_lowercase().replace(' ', "/**/")),
        |way| format!("abcde{}", way.replace(' ', "\u{2003}")),
        |way| format!("é{way}ß漢字🦀"),
        |way| format!("({way}) abc"),
        |way| format!("abcde%{way}%"),
    ];
    ways.iter()
        .flat_map(|way| disguises.iter().map(move |disguise| disguise(way)))
        .collect()
}

/// RS-08, CVE-2026-33504, CVE-2026-33503, RUSTSEC-2024-0363.
#[tokio::test]
async fn no_text_reaches_the_statement() {
    for_each_engine("sql", |world| async move {
        let ada = ada();
        let draft = world.draft(&ada, "Plain words").await;
        let path = format!("/catalog/v1/courses/{}", draft.id());
        let mut version = draft.version();
        let (mut cells, mut kept) = (0, 0);
        for payload in payloads() {
            // Texts that are kept: as they were sent, or refused.
            let body = json!({
                "title": payload, "subtitle": payload, "description_md": payload, "outcomes": [payload],
                "requirements": [payload],
                "sections": [{"title": payload, "lessons": [{"title": payload, "minutes": 1}]}]
            });
            let answer = world.patch(&path).by(&ada).if_match(version).json(&body).send().await;
            cells += 7;
            if answer.status == 200 {
                version = answer.version();
                kept += 1;
                let stored = world.read(&ada, &draft.id()).await;
                let line = payload.trim();
                assert_eq!(stored.json()["title"], line);
                assert_eq!(stored.json()["subtitle"], line);
                assert_eq!(stored.json()["description_md"], payload.as_str());
                assert_eq!(stored.json()["outcomes"], json!([line]));
                assert_eq!(stored.json()["sections"][0]["lessons"][0]["title"], line);
                let mine = world.read(&ada, stored.json()["slug"].as_str().unwrap()).await;
                assert_eq!(mine.id(), draft.id());
            } else {
                assert_eq!(answer.status, 422, "{payload:?}: {}", answer.text);
            }
            // Texts that must be one of ours.
            for body in [
                json!({"category_id": payload}),
                json!({"language": payload}),
                json!({"level": payload}),
                json!({"price": {"amount": 1, "currency": payload}}),
                json!({"sections": [{"title": "x", "lessons": [{"id": payload, "title": "x", "minutes": 1}]}]}),
                json!({payload.as_str(): "x"}),
            ] {
                let answer = world.patch(&path).by(&ada).if_match(version).json(&body).send().await;
                assert_eq!(answer.status, 422, "{body}");
                cells += 1;
            }
            // Addresses and queries. Some payloads are slugs by chance; this course's own may even be found.
            let text = percent(&payload);
            let is_slug = payload.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'));
            for (address, allowed) in [
                (format!("/catalog/v1/courses/{text}"), if is_slug { &[200, 404][..] } else { &[404] }),
                (format!("/catalog/v1/courses?q={text}"), &[200]),
                (format!("/catalog/v1/courses/suggestions?q={text}"), &[200]),
                (format!("/catalog/v1/courses?category={text}"), if is_slug { &[200] } else { &[400] }),
                (format!("/catalog/v1/courses?language={text}"), &[400]),
                (format!("/catalog/v1/courses?level={text}"), &[400]),
                (format!("/catalog/v1/courses?sort={text}"), &[400]),
                (format!("/catalog/v1/courses?cursor={text}"), &[400]),
                (format!("/catalog/v1/courses?limit={text}"), &[400]),
                (format!("/catalog/v1/courses?price_max={text}"), &[400]),
                (format!("/catalog/v1/courses?ids={text}"), &[400]),
                (format!("/catalog/v1/courses?{text}=1"), &[400]),
                (format!("/catalog/v1/my/courses?status={text}"), &[400]),
                (format!("/catalog/v1/my/courses?cursor={text}"), &[400]),
            ] {
                let answer = world.get(&address).by(&ada).send().await;
                assert!(allowed.contains(&answer.status), "{address} ({payload:?}): {}", answer.text);
                cells += 1;
            }
            let id = world.post(format!("/catalog/v1/courses/{text}/publish")).by(&ada).if_match(1).send().await;
            assert_eq!(id.status, 404);
        }
        assert!(kept > 400, "{kept} payloads were kept as they were sent");
        let count = world.count("SELECT CAST(COUNT(*) AS BIGINT) AS n FROM courses").await;
        assert_eq!((payloads().len(), count), (500, 1));
        println!("{cells} cells");
    })
    .await;
}

/// RS-08, CVE-2026-33504, CVE-2026-33503.
#[tokio::test]
async fn a_forged_cursor_is_refused_or_harmless() {
    use latchkey_testkit::mint::b64;
    for_each_engine("cursors", |world| async move {
        world.published(&ada(), "One of two").await;
        world.published(&ada(), "Two of two").await;
        let id = fresh_key();
        let mut forged: Vec<(&str, Value)> = vec![
            ("newest", json!({"sort": "title", "key": "00", "id": id})),
            ("newest", json!({"sort": "newest", "key": "00", "id": id})),
            ("title", json!({"sort": "title", "key": 5, "id": id})),
            ("title", json!({"sort": "title", "key": "zz", "id": id})),
            (
                "newest",
                json!({"sort": "newest", "key": 5, "id": id, "where": "1=1"}),
            ),
            ("newest", json!({"sort": "newest", "key": 5})),
            ("newest", json!({"sort": "newest", "key": 1.5, "id": id})),
            ("newest", json!({"sort": "newest", "key": null, "id": id})),
            ("newest", json!([5, id])),
            ("newest", json!({"updated_at": 5, "id": id})),
        ];
        for payload in payloads() {
            forged.push(("newest", json!({"sort": "newest", "key": 5, "id": payload})));
            forged.push(("title", json!({"sort": "title", "key": payload, "id": id})));
            forged.push(("price_asc", json!({"sort": payload, "key": 5, "id": id})));
            forged.push(("newest", json!(payload)));
        }
        for (sort, position) in &forged {
            let cursor = b64(position.to_string().as_bytes());
            let answer = world
                .get(format!("/catalog/v1/courses?sort={sort}&cursor={cursor}"))
                .send()
                .await;
            assert_eq!(answer.verdict(), (400, "invalid_cursor"), "{position}");
        }
        let edge = |key: i64| {
            b64(json!({"sort": "newest", "key": key, "id": id})
                .to_string()
                .as_bytes())
        };
        for key in [i64::MIN, -1, 0, i64::MAX] {
            let answer = world
                .get(format!("/catalog/v1/courses?cursor={}", edge(key)))
                .send()
                .await;
            assert_eq!(answer.status, 200, "{key}");
        }
        println!("{} cursors", forged.len());
    })
    .await;
}

/// RS-09, CVE-2024-32967.
#[tokio::test]
async fn inner_failures_say_nothing_of_what_is_inside() {
    for_each_engine("failures", |world| async move {
        let ada = ada();
        let course = world.published(&ada, "Hollow inside").await;
        let by_id = format!("/catalog/v1/courses/{}", course.id());
        let breakages = [
            "UPDATE courses SET status = 'canary'",
            "UPDATE courses SET status = 'published', sections = 'canary'",
            "UPDATE courses SET sections = '[]', level = 'canary'",
            "UPDATE courses SET level = 'all', outcomes = '{\"canary\": 1}'",
            "UPDATE courses SET outcomes = '[]', kind = 'canary'",
            "ALTER TABLE slugs RENAME TO canary_slugs",
            "ALTER TABLE instructors RENAME TO canary_instructors",
            "ALTER TABLE categories RENAME TO canary_categories",
            "ALTER TABLE category_tree RENAME TO canary_tree",
            "ALTER TABLE idempotency RENAME TO canary_idempotency",
            "ALTER TABLE courses RENAME TO canary_courses",
        ];
        let mut failures = 0;
        for breakage in breakages {
            world
                .context
                .db
                .write(move |tx| async move { sql(breakage).execute(&tx).await })
                .await
                .unwrap();
            for ask in [
                world.get(&by_id),
                world.get("/catalog/v1/courses/hollow-inside"),
                world.get("/catalog/v1/courses"),
                world.get("/catalog/v1/categories"),
                world
                    .patch(&by_id)
                    .by(&ada)
                    .if_match(2)
                    .json(&json!({"title": "Hollow outside"})),
                world.create(&ada, &json!({"title": "Another one"})),
            ] {
                let answer = ask.send().await;
                if answer.status != 500 {
                    continue;
                }
                failures += 1;
                let problem = answer.json();
                let mut expected = ["code", "detail", "status", "title", "trace_id", "type"];
                expected.sort_unstable();
                let members = problem.as_object().unwrap().keys();
                let mut members: Vec<&str> = members.map(String::as_str).collect();
                members.sort_unstable();
                assert_eq!(members, expected);
                assert_eq!(problem["trace_id"].as_str().map(str::len), Some(32));
                let text = answer.text.to_lowercase();
                for word in [
                    "canary", "sql", "select", "column", "courses", "postgres", "/work", "src", "panick",
                    "0.1.0",
                ] {
                    assert!(!text.contains(word), "{word} in {text}");
                }
            }
        }
        assert!(failures >= 20, "only {failures} failures were forced");
        println!("{failures} failures");
    })
    .await;
}

#[tokio::test]
async fn control_characters_are_refused_wherever_text_is_kept() {
    for_each_engine("control", |world| async move {
        let ada = ada();
        let draft = world.draft(&ada, "No bells here").await;
        let (path, before) = (format!("/catalog/v1/courses/{}", draft.id()), world.rows().await);
        for c in [
            '\0', '\u{1}', '\u{7}', '\u{8}', '\u{1b}', '\u{7f}', '\u{85}', '\u{202e}', '\u{2066}',
        ] {
            let text = format!("Ring{c}ring");
            for body in [
                json!({"title": text}),
                json!({"subtitle": text}),
                json!({"description_md": text}),
                json!({"outcomes": [text]}),
                json!({"requirements": [text]}),
                json!({"sections": [{"title": text}]}),
                json!({"sections": [{"title": "x", "lessons": [{"title": text, "minutes": 1}]}]}),
            ] {
                let answer = world.patch(&path).by(&ada).if_match(1).json(&body).send().await;
                assert_eq!(answer.verdict(), (422, "invalid_content"), "{body}");
            }
            let answer = world
                .post("/catalog/v1/categories")
                .by(&admin())
                .json(&json!({"name": text}))
                .send()
                .await;
            assert_eq!(answer.status, 422);
        }
        assert_eq!(world.rows().await, before);
    })
    .await;
}
