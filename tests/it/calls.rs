//! A service that calls another for its user: the token that it gets for that, and what the other service sees.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use http::{Method, StatusCode};
use latchkey::config::Config;
use latchkey::services::Services;
use latchkey_contracts::resource::{ResourceContract, ScopeContract, catalog};
use latchkey_kit::{Context, Policy, RouteRow, ServiceSpec, SubjectToken, Target};
use serde_json::{Value, json};

use crate::harness::{App, Browser, TestServer, call, claims};

static USE: ScopeContract = ScopeContract {
    name: "reader.use",
    description: "Read the shop’s courses for you",
    roles: &[],
};
static RESOURCE: ResourceContract = ResourceContract {
    name: "reader",
    title: "Somebody who reads courses aloud",
    audience: "urn:latchkey:reader",
    scopes: &[&USE],
    admin: None,
};
const READ: Target = Target {
    resource: &catalog::RESOURCE,
    scope: &catalog::READ,
};
const WRITE: Target = Target {
    resource: &catalog::RESOURCE,
    scope: &catalog::WRITE,
};
/// A service that asks the catalog whom it sees.
static READER: ServiceSpec = ServiceSpec {
    resource: &RESOURCE,
    description: "Reads courses aloud.",
    migrations: &[],
    routes: &ROUTES,
    codes: &[],
    consumers: &[],
    tasks: &[],
    edge: &[],
    calls: &[READ],
    files: false,
    operator: false,
    demo: None,
};
static ROUTES: [RouteRow; 2] = [
    RouteRow {
        method: Method::GET,
        path: "/reader/v1/seen",
        policy: Policy::person(&USE),
        body: latchkey_kit::LONGEST_BODY,
        handler: |method| axum::routing::on(method, seen),
        document: Default::default,
    },
    RouteRow {
        method: Method::GET,
        path: "/reader/v1/more",
        policy: Policy::person(&USE),
        body: latchkey_kit::LONGEST_BODY,
        handler: |method| axum::routing::on(method, more),
        document: Default::default,
    },
];

static WITH_READER: Services = &[&latchkey_catalog::SPEC, &READER];

async fn ask(
    context: &Context,
    subject: &SubjectToken,
    target: Target,
) -> Result<Json<Value>, (StatusCode, String)> {
    let failed = |error: latchkey_kit::CallError| (StatusCode::BAD_GATEWAY, error.to_string());
    let calls = context.calls().map_err(failed)?;
    let seen = calls.get_as(subject, target, "/catalog/v1/whoami", Duration::from_secs(10));
    Ok(Json(seen.await.map_err(failed)?))
}

async fn seen(
    State(context): State<Context>,
    subject: SubjectToken,
) -> Result<Json<Value>, (StatusCode, String)> {
    ask(&context, &subject, READ).await
}

/// What its client is not registered for.
async fn more(
    State(context): State<Context>,
    subject: SubjectToken,
) -> Result<Json<Value>, (StatusCode, String)> {
    ask(&context, &subject, WRITE).await
}

const SECRET: &str = "a secret that is long enough to be one, made for a test";
const CLIENT: &str = r#"
[[clients]]
client_id = "listener"
client_secret = "SECRET"
redirect_uris = ["https://listener.test/cb"]
grant_types = ["authorization_code", "refresh_token"]
scope = "openid reader.use"
resources = ["urn:latchkey:reader"]
"#;

/// TX-06.
#[tokio::test]
async fn a_service_calls_another_as_the_user_of_its_caller() {
    let server = TestServer::with(|config| {
        let (data, keys) = (config.data.clone(), config.keys.clone());
        *config = Config::up_with(WITH_READER, data, keys, [0, 0, 0]);
        let seed = config.data.with_file_name("reader.toml");
        std::fs::write(&seed, CLIENT.replace("SECRET", SECRET)).expect("the seed is written");
        config.seeds.push(seed);
    })
    .await;
    let app = App {
        issuer: server.issuer().to_owned(),
        client_id: "listener".to_owned(),
        secret: Some(SECRET.to_owned()),
        redirect_uri: "https://listener.test/cb".to_owned(),
        scope: "openid reader.use".to_owned(),
    };
    // An instructor, who may write; the service may only read.
    let tokens = app
        .sign_in(
            &Browser::new(),
            server.person("ines"),
            &[("resource", "urn:latchkey:reader")],
        )
        .await;
    let at = |path: &str| format!("{}/{path}", server.api());
    let whoami = at("catalog/v1/whoami");
    assert_eq!(
        call(&tokens.access, &whoami).await.status,
        401,
        "it is for the reader alone"
    );

    let seen = call(&tokens.access, &at("reader/v1/seen")).await;
    assert_eq!(seen.status, 200, "{seen:?}");
    let seen = seen.json();
    assert_eq!(seen["sub"], claims(&tokens.access)["sub"]);
    assert_eq!(
        (&seen["client_id"], &seen["act"]),
        (&json!("reader"), &json!({"sub": "reader"}))
    );
    assert_eq!(
        (&seen["aud"], &seen["scope"]),
        (&json!("urn:latchkey:catalog"), &json!("catalog.read"))
    );
    assert!(
        seen["exp"].as_i64() <= Some(server.clock.now_ms() / 1_000 + 60),
        "{seen}"
    );

    let more = call(&tokens.access, &at("reader/v1/more")).await;
    assert_eq!(more.status, 502, "{more:?}");
    assert!(more.text.ends_with("invalid_scope"), "{more:?}");
    server.stop().await;
}
