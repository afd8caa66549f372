//! Who gets in: matrices that are generated from the route table, so that a new route is in them at once.

use http::Method;
use latchkey_catalog::SPEC;
use latchkey_kit::{Policy, RouteFacts};
use latchkey_testkit::Matrix;
use latchkey_testkit::service::matrices;
use serde_json::json;

use crate::harness::*;

/// A request for a row that lacks nothing but, perhaps, the right to be made.
fn ask(world: &World, row: &RouteFacts, id: &str, version: i64) -> Ask {
    let ask = world
        .ask(row.method.clone(), row.path.replace("{id}", id))
        .if_match(version)
        .key(&fresh_key());
    if row.path.ends_with("/review") && row.method == Method::PUT {
        return ask.json(&json!({"stars": 4}));
    }
    match (row.method.as_str(), row.path.contains("/categories")) {
        ("POST" | "PUT", true) => ask.json(&json!({"name": "Music"})),
        ("POST" | "PUT" | "PATCH", false) => ask.json(&json!({"title": "Taken over"})),
        _ => ask,
    }
}

/// RS-01.
#[test]
fn every_route_has_a_policy_and_nothing_that_writes_is_public() {
    matrices::every_route_has_a_policy(&SPEC);
    for route in SPEC.facts() {
        if let Policy::Person { owner, .. } = route.policy {
            // A review is always the caller's: no path names another one.
            let ones_own = route.path.contains("/courses") && !route.path.ends_with("/review");
            assert_eq!(owner, ones_own, "{} {}", route.method, route.path);
        }
    }
}

/// RS-01.
#[test]
fn the_document_has_every_route_with_its_refusals() {
    matrices::the_document_is_whole(&SPEC);
}

/// RS-01, RS-05, CVE-2024-42490.
#[tokio::test]
async fn each_route_refuses_whoever_is_not_meant() {
    for_each_engine("roles", |world| async move {
        let draft = world.draft(&ada(), "Not for all").await;
        let before = world.rows().await;
        let ask = |route: &RouteFacts| ask(&world, route, &draft.id(), 1);
        matrices::refuses_whoever_is_not_meant(&world, ask).await;
        assert_eq!(world.rows().await, before);
    })
    .await;
}

/// RS-02.
#[tokio::test]
async fn each_state_of_a_token_has_its_answer_on_every_route() {
    for_each_engine("token_states", |world| async move {
        let draft = world.draft(&ada(), "Token states").await;
        let before = world.rows().await;
        let ask = |route: &RouteFacts| ask(&world, route, &draft.id(), 1);
        matrices::refuses_worthless_tokens(&world, ask).await;
        assert_eq!(world.rows().await, before);
    })
    .await;
}

/// RS-03.
#[tokio::test]
async fn a_token_counts_only_in_one_authorization_header() {
    for_each_engine("one_header", |world| async move {
        let (ada, path) = (ada(), "/catalog/v1/whoami");
        let in_query = world.get(format!("{path}?access_token={ada}")).send().await;
        assert!((400..500).contains(&in_query.status), "{in_query:?}");
        let in_cookie = world
            .get(path)
            .header("cookie", &format!("access_token={ada}"))
            .send()
            .await;
        assert_eq!(in_cookie.status, 401);
        let twice = world.get(path).by(&ada).by(&ada).send().await;
        assert_eq!(twice.status, 400);
        let body = json!({"title": "In the body", "access_token": ada});
        let in_body = world
            .post("/catalog/v1/courses")
            .key(&fresh_key())
            .json(&body)
            .send()
            .await;
        assert_eq!(in_body.status, 401);
    })
    .await;
}

/// RS-04, CVE-2025-27507, CVE-2025-64431, CVE-2026-4630.
#[tokio::test]
async fn a_foreign_course_is_as_good_as_missing() {
    for_each_engine("foreign", |world| async move {
        let ada = ada();
        let shelf = world.category("Programming").await;
        let mut courses = vec![world.draft(&ada, "Still a draft").await];
        courses.push(world.published(&ada, "For all to see").await);
        let unlisted = world.published(&ada, "Known by link").await;
        courses.push(world.step(&ada, &unlisted, "unlist").await);
        let archived = world.published(&ada, "Gone for good").await;
        courses.push(world.step(&ada, &archived, "archive").await);
        let silent = world.draft(&ada, "Never seen").await;
        courses.push(world.step(&ada, &silent, "archive").await);

        let before = world.rows().await;
        let mut matrix = Matrix::new("RS-04 route × foreign course × request");
        for row in SPEC.facts().iter().filter(|row| row.has_id()) {
            let Policy::Person { owner: true, .. } = row.policy else {
                continue;
            };
            let missing = ask(&world, row, &fresh_key(), 1).by(&bob()).send().await;
            assert_eq!(missing.verdict(), (404, "not_found"));
            for course in &courses {
                let bare = world.ask(row.method.clone(), row.path.replace("{id}", &course.id()));
                for foreign in [
                    ask(&world, row, &course.id(), course.version()),
                    ask(&world, row, &course.id(), course.version() + 7),
                    bare.clone(),
                    bare.clone().json(&json!({"instructor_id": "bob"})),
                    bare.raw("not json"),
                ] {
                    let answer = foreign.by(&bob()).send().await;
                    matrix.cell(
                        format_args!("{} {} of {}", row.method, row.path, course.id()),
                        (answer.status, answer.anonymous_body(), answer.headers.len()),
                        (missing.status, missing.anonymous_body(), missing.headers.len()),
                    );
                }
            }
        }
        assert_eq!(world.rows().await, before);

        let missing = world.read(&bob(), &fresh_key()).await;
        for hidden in [&courses[0], &courses[4]] {
            for who in [bob(), machine(), String::new()] {
                for key in [hidden.id(), hidden.json()["slug"].as_str().unwrap().to_owned()] {
                    let answer = world.read(&who, &key).await;
                    matrix.cell(
                        format_args!("GET {key}"),
                        (answer.status, answer.anonymous_body()),
                        (missing.status, missing.anonymous_body()),
                    );
                }
            }
        }
        let ids = courses.iter().map(Answer::id).collect::<Vec<_>>().join(",");
        assert_eq!(
            world.titles(&format!("?ids={ids}")).await,
            ["For all to see", "Known by link", "Gone for good"]
        );
        for query in [
            "".to_owned(),
            "?sort=title".into(),
            format!("?category={shelf}"),
            "?q=draft".into(),
            "?q=seen".into(),
        ] {
            let titles = world.titles(&query).await;
            assert!(
                titles.iter().all(|title| title == "For all to see"),
                "{query}: {titles:?}"
            );
        }
        let mine = world.get("/catalog/v1/my/courses").by(&bob()).send().await;
        assert!(mine.items().is_empty());
        assert!(matrix.cells() > 20, "{}", matrix.cells());
        matrix.end();
    })
    .await;
}

/// RS-14, CVE-2017-6413.
#[tokio::test]
async fn headers_that_name_a_user_prove_nothing() {
    for_each_engine("forged_headers", |world| async move {
        let draft = world.draft(&ada(), "Behind the gateway").await;
        for name in [
            "x-user-id",
            "x-forwarded-user",
            "x-auth-request-user",
            "remote-user",
            "oidc_claim_sub",
            "x-sub",
        ] {
            let answer = world.get("/catalog/v1/whoami").header(name, "ada").send().await;
            assert_eq!(answer.status, 401, "{name}");
            let path = format!("/catalog/v1/courses/{}", draft.id());
            assert_eq!(
                world.get(&path).header(name, "ada").send().await.status,
                404,
                "{name}"
            );
            let stolen = world
                .patch(&path)
                .by(&bob())
                .header(name, "ada")
                .if_match(1)
                .json(&json!({"limited": true}));
            assert_eq!(stolen.send().await.status, 404, "{name}");
        }
    })
    .await;
}

#[tokio::test]
async fn whoami_says_what_the_guard_saw_for_any_token_of_the_audience() {
    for_each_engine("whoami", |world| async move {
        let bare = world
            .get("/catalog/v1/whoami")
            .by(&token(&person("eve", "", &[])))
            .send()
            .await;
        assert_eq!((bare.status, bare.json()["scope"].as_str()), (200, Some("")));
        let seen = world.get("/catalog/v1/whoami").by(&machine()).send().await;
        let expected = json!({
            "sub": "batch", "client_id": "batch", "aud": "urn:latchkey:catalog",
            "scope": "catalog.read catalog.write catalog.admin", "exp": NOW_MS / 1000 + 300
        });
        assert_eq!(seen.json(), expected);
        let both = json!(["urn:latchkey:catalog", latchkey_testkit::service::ISSUER]);
        let seen = world
            .get("/catalog/v1/whoami")
            .by(&token(&with(person("eve", "", &[]), "aud", both.clone())))
            .send()
            .await;
        assert_eq!(seen.json()["aud"], both);
    })
    .await;
}

#[tokio::test]
async fn a_token_that_expires_meanwhile_stops_working() {
    for_each_engine("expires", |world| async move {
        let ada = ada();
        assert_eq!(world.get("/catalog/v1/whoami").by(&ada).send().await.status, 200);
        world.clock.advance(400_000);
        assert_eq!(world.get("/catalog/v1/whoami").by(&ada).send().await.status, 401);
    })
    .await;
}

/// RS-11.
#[tokio::test]
async fn only_declared_methods_are_answered_and_trace_never() {
    for_each_engine("methods", |world| async move {
        matrices::answers_declared_methods_alone(&world, &admin()).await;
    })
    .await;
}

/// The scope limits the role: an administrator's token that was given for reading opens nothing of others.
#[tokio::test]
async fn an_administrator_needs_the_administrative_scope_for_others_courses() {
    for_each_engine("admin_scope", |world| async move {
        let draft = world.draft(&ada(), "Still a draft").await;
        let path = format!("/catalog/v1/courses/{}", draft.id());
        let holder = |scope: &str| token(&person("root", scope, &["admin", "instructor"]));
        for (scope, reads, writes) in [
            ("catalog.read", 404, 403),
            ("catalog.read catalog.write", 404, 404),
            ("catalog.admin", 200, 403),
            ("catalog.write catalog.admin", 200, 200),
        ] {
            let who = holder(scope);
            let read = world.get(&path).by(&who).send().await;
            assert_eq!(read.status, reads, "{scope}: {}", read.text);
            let body = json!({"subtitle": "By the house"});
            let patch = world.patch(&path).by(&who).if_match(1).json(&body);
            let written = patch.send().await;
            assert_eq!(written.status, writes, "{scope}: {}", written.text);
        }
    })
    .await;
}

/// RS-11.
#[tokio::test]
async fn head_obeys_the_policy_of_get() {
    for_each_engine("head", |world| async move {
        let draft = world.draft(&ada(), "Only the head").await;
        let head = |path: String| world.ask(Method::HEAD, path);
        let path = format!("/catalog/v1/courses/{}", draft.id());
        let answer = head(path.clone()).by(&ada()).send().await;
        assert_eq!(
            (answer.status, answer.header("etag"), answer.text.as_str()),
            (200, "\"1\"", "")
        );
        for (path, who, status) in [
            (path, bob(), 404),
            ("/catalog/v1/whoami".into(), String::new(), 401),
            ("/catalog/v1/my/courses".into(), carol(), 403),
        ] {
            let request = http::Request::builder().method(Method::HEAD).uri(&path);
            let request = if who.is_empty() {
                request
            } else {
                request.header("authorization", format!("Bearer {who}"))
            };
            assert_eq!(
                world.raw(request.body(axum::body::Body::empty()).unwrap()).await,
                status,
                "{path}"
            );
        }
    })
    .await;
}
