//! A service that is not in the list of the marketplace, passed to `start`: one value is all that the server asks for.

use latchkey::config::Config;
use latchkey::services::Services;
use latchkey_db::{Db, Options, sql};
use serde_json::json;

use crate::harness::{Answer, App, Browser, TestServer, anonymous, call, http, until};

static WITH_TOY: Services = &[&latchkey_catalog::SPEC, &latchkey_toy::SPEC];

const SECRET: &str = "a secret that is long enough to be one, made for a test";
const CLIENT: &str = r#"
[[clients]]
client_id = "notes"
client_secret = "SECRET"
redirect_uris = ["https://notes.test/cb"]
grant_types = ["authorization_code", "refresh_token"]
scope = "openid toy.write"
resources = ["urn:latchkey:toy"]
"#;

#[tokio::test]
async fn a_service_passed_to_start_is_registered_guarded_routed_and_told() {
    let server = TestServer::with(|config| {
        let (data, keys) = (config.data.clone(), config.keys.clone());
        *config = Config::up_with(WITH_TOY, data, keys, [0, 0, 0]);
        let seed = config.data.with_file_name("toy.toml");
        std::fs::write(&seed, CLIENT.replace("SECRET", SECRET)).expect("the seed is written");
        config.seeds.push(seed);
    })
    .await;
    assert!(server.running().urls.services.contains_key("toy"));
    let notes = format!("{}/toy/v1/notes", server.api());
    assert_eq!(anonymous(&notes).await.status, 401);
    let document = anonymous(&format!("{}/toy/openapi.json", server.api())).await;
    assert_eq!(document.json()["info"]["title"], "Latchkey toy");

    // A person signs in at a client of the toy's resource, and writes a note through the edge.
    let app = App {
        issuer: server.issuer().to_owned(),
        client_id: "notes".to_owned(),
        secret: Some(SECRET.to_owned()),
        redirect_uri: "https://notes.test/cb".to_owned(),
        scope: "openid toy.write".to_owned(),
    };
    let alice = server.person("alice");
    let tokens = app
        .sign_in(&Browser::new(), alice, &[("resource", "urn:latchkey:toy")])
        .await;
    let post = http()
        .post(&notes)
        .bearer_auth(&tokens.access)
        .header("idempotency-key", "01a1ebbc-0000-7000-8000-00000000000b")
        .json(&json!({"text": "kept"}));
    assert_eq!(Answer::of(post).await.status, 201);
    assert_eq!(
        call(&tokens.access, &notes).await.json()["items"][0]["text"],
        "kept"
    );

    // Who is gone at the issuer leaves nothing behind: the consumer of the list runs.
    let identity = server.running().identity.clone().expect("identity is played");
    identity
        .users()
        .delete(alice.0, "test")
        .await
        .expect("alice is deleted");
    let url = format!("sqlite:{}", server.folder().join("data/toy.db").display());
    let db = Db::open(&url, Options::new(&[]))
        .await
        .expect("the toy's database");
    until("the notes are gone", async || {
        let row = sql("SELECT COUNT(*) AS n FROM notes").fetch_one(&db).await;
        row.expect("a row").int("n").expect("a number") == 0
    })
    .await;
    db.close().await;
    server.stop().await;
}
