//! RS: error responses, through a real router.

use axum::body::Body;
use axum::extract::Request;
use axum::http::header;
use axum::routing::get;
use axum::{Json, Router};
use latchkey_guard::{
    Access, Guard, KeySet, Keys, NotReady, OptionalAccess, Scope, Scoped, Signal, Signals, scopes,
};
use latchkey_testkit::Answer;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::mint::{EC, ISSUER, NOTES, NOW_S, RSA, Time, guard as build, minted};

scopes! {
    pub NotesRead = "notes.read";
    pub NotesWrite = "notes.write";
}

fn guard() -> Guard {
    build(&Time::new(), &Signals::none()).realm("notes").build()
}

fn app(guard: &Guard) -> Router {
    let whoami =
        |access: Access| async move { Json(json!({"sub": access.sub(), "machine": access.is_machine()})) };
    let anyone =
        |OptionalAccess(access): OptionalAccess| async move { access.map_or("nobody", |_| "somebody") };
    Router::new()
        .route("/me", get(whoami))
        .route("/read", get(|_: Scoped<NotesRead>| async { "read" }))
        .route("/write", get(|_: Scoped<NotesWrite>| async { "written" }))
        .layer(guard.required())
        .merge(
            Router::new()
                .route("/open", get(anyone))
                .route("/open/me", get(whoami))
                .route("/open/write", get(|_: Scoped<NotesWrite>| async { "written" }))
                .layer(guard.optional()),
        )
        .route("/bare/me", get(whoami))
        .route("/bare/open", get(anyone))
        .route("/bare/write", get(|_: Scoped<NotesWrite>| async { "written" }))
}

async fn ask(guard: &Guard, uri: &str, credentials: &[&str]) -> Answer {
    let mut request = Request::get(uri);
    for value in credentials {
        request = request.header(header::AUTHORIZATION, *value);
    }
    send(guard, request.body(Body::empty()).expect("a request")).await
}

async fn send(guard: &Guard, request: Request) -> Answer {
    Answer::of_response(app(guard).oneshot(request).await.expect("infallible")).await
}

fn challenge(answer: &Answer) -> &str {
    answer.header("www-authenticate")
}

fn bearer(changes: Value) -> String {
    format!("Bearer {}", minted(&EC, changes))
}

#[tokio::test]
async fn a_good_token_reaches_the_service() {
    let answer = ask(&guard(), "/me", &[&bearer(json!({}))]).await;
    assert_eq!(
        (answer.status, answer.text.as_str()),
        (200, r#"{"machine":false,"sub":"alice"}"#)
    );
    assert_eq!(ask(&guard(), "/read", &[&bearer(json!({}))]).await.status, 200);
}

/// RS-02.
#[tokio::test]
async fn no_credentials_get_a_bare_challenge() {
    let answer = ask(&guard(), "/me", &[]).await;
    assert_eq!(
        (answer.status, challenge(&answer)),
        (401, "Bearer realm=\"notes\"")
    );
}

/// RS-02.
#[tokio::test]
async fn each_bad_token_gets_the_same_invalid_token() {
    let expected = "Bearer realm=\"notes\", error=\"invalid_token\", error_description=\"The access token is not valid here\"";
    let states = [
        bearer(json!({"exp": NOW_S - 60, "iat": NOW_S - 360})),
        bearer(json!({"iss": "https://mallory.example"})),
        bearer(json!({"aud": "urn:example:basket"})),
        bearer(json!({"cnf": {"jkt": "x"}})),
        format!("{}x", bearer(json!({}))),
        format!("Bearer {}", minted(&RSA, json!({})).replace("eyJ", "eyK")),
        "Bearer <script>".to_owned(),
        format!("Bearer {}", ".".repeat(100_000)),
    ];
    let mut bodies = Vec::new();
    for state in &states {
        let answer = ask(&guard(), "/me", &[state]).await;
        assert_eq!((answer.status, challenge(&answer)), (401, expected), "{state}");
        bodies.push(answer.text);
    }
    bodies.dedup();
    assert_eq!(bodies.len(), 1);
}

/// RS-02.
#[tokio::test]
async fn a_short_scope_is_403_and_names_the_scope() {
    let answer = ask(
        &guard(),
        "/write",
        &[&bearer(json!({"scope": "notes.read notes.writer notes"}))],
    )
    .await;
    assert_eq!(answer.status, 403);
    assert!(challenge(&answer).starts_with("Bearer realm=\"notes\", error=\"insufficient_scope\""));
    assert!(challenge(&answer).ends_with(&format!("scope=\"{}\"", NotesWrite::NAME)));
    assert_eq!(
        ask(&guard(), "/write", &[&bearer(json!({"scope": null}))])
            .await
            .status,
        403
    );
}

/// RS-02.
#[tokio::test]
async fn what_cannot_be_checked_is_503_and_not_401() {
    let no_keys = Keys::fixed(KeySet::default());
    let keyless = Guard::builder(ISSUER, NOTES, no_keys, Signals::none()).build();
    let answer = ask(&keyless, "/me", &[&bearer(json!({}))]).await;
    assert_eq!((answer.status, challenge(&answer)), (503, ""));
    assert!(answer.headers.contains_key(header::RETRY_AFTER));
    assert!(!keyless.ready());
    assert!(matches!(keyless.readiness(), Err(NotReady::NoKeys(_))));
}

/// RS-03.
#[tokio::test]
async fn two_authorization_headers_are_refused() {
    let good = bearer(json!({}));
    for credentials in [
        [good.as_str(), good.as_str()],
        [good.as_str(), "Basic YTpi"],
        ["Bearer x", good.as_str()],
    ] {
        let answer = ask(&guard(), "/me", &credentials).await;
        assert_eq!(answer.status, 400);
        assert!(challenge(&answer).contains("error=\"invalid_request\""));
    }
}

/// RS-03.
#[tokio::test]
async fn a_token_in_the_query_is_refused_alone_and_beside_a_header() {
    let token = minted(&EC, json!({}));
    for uri in ["/me", "/open"] {
        let uri = format!("{uri}?access_token={token}");
        assert_eq!(ask(&guard(), &uri, &[]).await.status, 400);
        assert_eq!(
            ask(&guard(), &uri, &[&format!("Bearer {token}")]).await.status,
            400
        );
    }
}

/// RS-03.
#[tokio::test]
async fn a_token_in_body_or_cookie_is_never_looked_at() {
    let token = minted(&EC, json!({}));
    let request = Request::get("/me")
        .header(header::COOKIE, format!("access_token={token}"))
        .header("x-access-token", &token)
        .header("proxy-authorization", format!("Bearer {token}"))
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(Body::from(format!("access_token={token}")))
        .expect("a request");
    let answer = send(&guard(), request).await;
    assert_eq!(
        (answer.status, challenge(&answer)),
        (401, "Bearer realm=\"notes\"")
    );
}

#[tokio::test]
async fn an_optional_guard_lets_nobody_pass_and_no_bad_token() {
    assert_eq!(ask(&guard(), "/open", &[]).await.text, "nobody");
    assert_eq!(
        ask(&guard(), "/open", &[&bearer(json!({}))]).await.text,
        "somebody"
    );
    for bad in ["Bearer x", "Basic YTpi", ""] {
        let refused = ask(&guard(), "/open", &[bad]).await;
        assert!((400..500).contains(&refused.status), "{bad:?}: {refused:?}");
    }
    for uri in ["/open/me", "/open/write"] {
        let answer = ask(&guard(), uri, &[]).await;
        assert_eq!(
            (answer.status, challenge(&answer)),
            (401, "Bearer realm=\"notes\""),
            "{uri}"
        );
    }
}

/// RS-01.
#[tokio::test]
async fn without_a_guard_every_extractor_fails_closed() {
    for uri in ["/bare/me", "/bare/open", "/bare/write"] {
        for credentials in [&[][..], &[bearer(json!({})).as_str()]] {
            let answer = ask(&guard(), uri, credentials).await;
            assert_eq!((answer.status, challenge(&answer)), (500, ""), "{uri}");
        }
    }
}

/// GHSA-qxqc-27pr-wgc8, RS-05.
#[tokio::test]
async fn a_machine_is_told_from_a_person() {
    let machine = bearer(json!({"sub": "batch", "client_id": "batch"}));
    assert_eq!(
        ask(&guard(), "/me", &[&machine]).await.text,
        r#"{"machine":true,"sub":"batch"}"#
    );
}

/// RS-05.
#[tokio::test]
async fn roles_are_whole_words_of_the_token() {
    let access = guard()
        .verify_token(&minted(&EC, json!({"roles": ["instructor"]})))
        .await
        .expect("good");
    assert!(access.has_role("instructor"));
    assert!(!access.has_role("instruct") && !access.has_role("Instructor") && !access.has_role(""));
}

/// CVE-2024-32967, RS-09.
#[tokio::test]
async fn refusals_are_problem_documents_that_repeat_nothing() {
    let canary = "canary-7f3a";
    let token = bearer(json!({"iss": canary, "sub": canary, "jti": canary}));
    for (uri, credentials) in [
        ("/me".to_owned(), vec![token.as_str()]),
        ("/me".to_owned(), vec!["Bearer canary-7f3a"]),
        ("/me".to_owned(), vec!["canary-7f3a"]),
        (format!("/me?access_token={canary}"), vec![]),
        ("/me".to_owned(), vec![]),
    ] {
        let answer = ask(&guard(), &uri, &credentials).await;
        assert_eq!(answer.headers[header::CONTENT_TYPE], "application/problem+json");
        assert_eq!(answer.headers[header::CACHE_CONTROL], "no-store");
        assert!(!answer.text.contains(canary) && !challenge(&answer).contains(canary));
        let problem = answer.json();
        let members = problem
            .as_object()
            .expect("an object")
            .keys()
            .map(String::as_str)
            .collect::<Vec<_>>();
        assert_eq!(members, ["code", "status", "title", "type"]);
        assert_eq!(problem["status"], answer.status);
    }
}

#[tokio::test]
async fn a_request_refused_for_a_lost_feed_says_when_to_come_again() {
    let time = Time::new();
    let signals = Signals::new(time.clock());
    signals.apply(Signal::Live { position: 1 });
    time.pass_s(80);
    let guard = build(&time, &signals).build();
    let answer = ask(&guard, "/me", &[&bearer(json!({}))]).await;
    assert_eq!(
        (answer.status, &answer.headers[header::RETRY_AFTER]),
        (503, &"5".parse().expect("a value"))
    );
}
