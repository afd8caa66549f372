//! The key set, rotation and revocation of keys, and the files of secrets.

use std::collections::HashSet;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as B64;
use latchkey::config::{Config, Role};
use latchkey_clock::{Clock, Random};
use latchkey_identity::{KeyWrapper, Seed};
use latchkey_protocol::client::Alg;
use latchkey_protocol::keys::{JWKS_MAX_AGE_S, PUBLISHED_AFTER_MS, PUBLISHED_AHEAD_MS};
use latchkey_testkit::mint::{Pair, Signer};
use serde_json::{Value, json};

use crate::harness::{
    BEGINNING, Machine, Matrix, Process, TestServer, World, anonymous, call, header, lines, secret_of, until,
};

/// A world in which every algorithm has a key.
async fn every_algorithm() -> World {
    let world = World::new().await;
    for alg in Alg::ALL {
        let (name, id) = (alg.name(), format!("alg-{}", alg.name()).to_lowercase());
        let seed = format!(
            "[[clients]]\nclient_id = \"{id}\"\nclient_secret = \"{}\"\ngrant_types = [\"client_credentials\"]\n\
             scope = \"catalog.read\"\nresources = [\"urn:latchkey:catalog\"]\n\
             access_token_signed_response_alg = \"{name}\"\n",
            secret_of(&id)
        );
        world
            .identity()
            .seed(Seed::parse(&seed).expect("a seed"), "test")
            .await
            .expect("it is seeded");
    }
    world
}

async fn jwks(world: &World) -> Vec<Value> {
    let answer = anonymous(&format!("{}/jwks", world.url())).await;
    assert_eq!(answer.status, 200);
    answer.json()["keys"].as_array().expect("keys").clone()
}

/// JW-17, JW-18.
#[tokio::test]
async fn the_jwks_holds_strong_public_keys_and_nothing_else() {
    let world = every_algorithm().await;
    let mut matrix = Matrix::new("JW-17 key × member");
    let keys = jwks(&world).await;
    let mut algs: Vec<&str> = keys.iter().map(|key| key["alg"].as_str().unwrap()).collect();
    algs.sort_unstable();
    assert_eq!(
        algs,
        ["ES256", "EdDSA", "PS256", "RS256"],
        "each algorithm has a key of its own"
    );
    let kids: HashSet<&str> = keys.iter().map(|key| key["kid"].as_str().unwrap()).collect();
    assert_eq!(kids.len(), keys.len());
    for key in &keys {
        let alg = key["alg"].as_str().unwrap();
        let mut members: Vec<&str> = key.as_object().unwrap().keys().map(String::as_str).collect();
        members.sort_unstable();
        let expected: &[&str] = match alg {
            "ES256" => &["alg", "crv", "kid", "kty", "use", "x", "y"],
            "EdDSA" => &["alg", "crv", "kid", "kty", "use", "x"],
            _ => &["alg", "e", "kid", "kty", "n", "use"],
        };
        matrix.cell(format!("{alg}: members"), members, expected.to_vec());
        for private in ["d", "p", "q", "dp", "dq", "qi", "oth", "k"] {
            matrix.hold(format!("{alg}: {private}"), key.get(private).is_none(), key);
        }
        matrix.cell(format!("{alg}: use"), key["use"].as_str(), Some("sig"));
        let bits = |name: &str| B64.decode(key[name].as_str().unwrap()).unwrap().len() * 8;
        match alg {
            "ES256" => matrix.cell(
                "ES256: curve",
                (key["crv"].as_str(), bits("x"), bits("y")),
                (Some("P-256"), 256, 256),
            ),
            "EdDSA" => matrix.cell(
                "EdDSA: curve",
                (key["crv"].as_str(), bits("x")),
                (Some("Ed25519"), 256),
            ),
            // 2048 bits by default.
            _ => matrix.cell(
                format!("{alg}: size"),
                (bits("n"), key["e"].as_str()),
                (2048, Some("AQAB")),
            ),
        }
        let id = format!("alg-{alg}").to_lowercase();
        let token = world.machine(&id).token().await;
        matrix.cell(
            format!("{alg}: signs"),
            header(&token)["kid"].clone(),
            key["kid"].clone(),
        );
        matrix.cell(
            format!("{alg}: introspection"),
            world.is_active(&token).await,
            true,
        );
        // The guard fetches a key that it does not know once in 30 s.
        world.server.clock.advance(31_000);
        world.settle().await;
        matrix.cell(
            format!("{alg}: guard"),
            call(&token, &world.whoami()).await.status,
            200,
        );
    }
    // The key of client secrets is no signing key.
    let secrets = lines(world.db(), "SELECT id AS line FROM secrets").await;
    matrix.hold(
        "one purpose each",
        secrets.iter().all(|id| !kids.contains(id.as_str())),
        &secrets,
    );
    matrix.end();
}

/// A key that is taken out of the database, as whoever stole it and the master key would.
async fn stolen(world: &World, kid: &str) -> Signer {
    let text = std::fs::read_to_string(world.data.with_file_name("keys").join("master.key"))
        .expect("the master key");
    let octets = hex::decode(text.trim()).expect("hexadecimal digits");
    let key_wrapper = KeyWrapper::new(&octets.try_into().expect("32 bytes"), Random::system());
    let rows = world.identity().store().keys(world.db()).await.expect("keys");
    let row = rows.into_iter().find(|row| row.key.kid == kid).expect("the key");
    let pkcs8 = key_wrapper
        .open(&format!("signing_keys/{kid}"), &row.wrapped_private)
        .expect("it opens");
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &pkcs8).expect("a key");
    Signer {
        kid: kid.to_owned().leak(),
        pair: Pair::Ec(pair),
    }
}

fn forge(world: &World, signer: &Signer) -> String {
    let now = world.now().seconds();
    let claims = json!({
        "iss": world.server.issuer(), "sub": "m-basic", "client_id": "m-basic", "aud": "urn:latchkey:catalog",
        "iat": now, "exp": now + 300, "jti": format!("forged-{now}"), "scope": "catalog.read",
    });
    signer.token(&claims)
}

/// JW-17.
#[tokio::test]
async fn twenty_key_rotations_reject_valid_and_accept_retired_tokens_never() {
    let world = World::new().await;
    let machine = world.machine("m-basic");
    let cached = anonymous(&format!("{}/jwks", world.url())).await;
    assert_eq!(
        cached.header("cache-control"),
        format!("public, max-age={JWKS_MAX_AGE_S}")
    );
    let kids = async || -> Vec<String> {
        jwks(&world)
            .await
            .iter()
            .map(|key| key["kid"].as_str().expect("a kid").to_owned())
            .collect()
    };
    let accepted = async |token: &str| {
        (
            world.is_active(token).await,
            call(token, &world.whoami()).await.status,
        )
    };
    let kid_of = |token: &str| header(token)["kid"].as_str().expect("a kid").to_owned();
    let mut matrix = Matrix::new("JW-17 rotation × token");
    let mut retired: Vec<Signer> = Vec::new();
    for round in 0..20 {
        let old = kid_of(&machine.token().await);
        let next = world
            .identity()
            .keys()
            .rotate(Alg::ES256, "test")
            .await
            .unwrap()
            .expect("a next key");
        let ahead_ms = next.activates_at - world.server.clock.now_ms();
        matrix.hold(
            format!("{round} × published ahead"),
            ahead_ms >= 2 * JWKS_MAX_AGE_S * 1_000,
            ahead_ms,
        );
        matrix.hold(
            format!("{round} × published at once"),
            kids().await.contains(&next.kid),
            kids().await,
        );
        world.server.clock.advance(PUBLISHED_AHEAD_MS - 1);
        world.settle().await;
        let last = machine.token().await;
        matrix.cell(
            format!("{round} × the old key signs to its end"),
            kid_of(&last),
            old.clone(),
        );
        matrix.cell(
            format!("{round} × its last token, before"),
            accepted(&last).await,
            (true, 200),
        );
        world.server.clock.advance(1);
        let first = machine.token().await;
        matrix.cell(
            format!("{round} × the next key signs"),
            kid_of(&first),
            next.kid.clone(),
        );
        matrix.cell(
            format!("{round} × its first token"),
            accepted(&first).await,
            (true, 200),
        );
        matrix.cell(
            format!("{round} × the last of the old, after"),
            accepted(&last).await,
            (true, 200),
        );
        world.server.clock.advance(299_000);
        world.identity().refresh().await.unwrap();
        world.settle().await;
        matrix.cell(
            format!("{round} × the first of the next, to its end"),
            accepted(&first).await,
            (true, 200),
        );
        matrix.hold(
            format!("{round} × the old one is still published"),
            kids().await.contains(&old),
            kids().await,
        );

        // No longer than its last token could be accepted.
        world.server.clock.advance(PUBLISHED_AFTER_MS - 299_000);
        world.identity().refresh().await.unwrap();
        world.settle().await;
        matrix.hold(
            format!("{round} × the old one is gone"),
            !kids().await.contains(&old),
            kids().await,
        );
        retired.push(stolen(&world, &old).await);
        until("the guard has the keys of now", async || {
            let signer = retired.last().expect("a key");
            call(&forge(&world, signer), &world.whoami()).await.status == 401
        })
        .await;
        for signer in &retired {
            let forged = forge(&world, signer);
            matrix.cell(
                format!("{round} × forged by {}", signer.kid),
                accepted(&forged).await,
                (false, 401),
            );
        }
    }
    assert_eq!(
        retired
            .iter()
            .map(|signer| signer.kid)
            .collect::<HashSet<_>>()
            .len(),
        20
    );
    // The forgery is good but for its key.
    let living = kid_of(&machine.token().await);
    let forged = forge(&world, &stolen(&world, &living).await);
    matrix.cell(
        "forged by the key that signs",
        accepted(&forged).await,
        (true, 200),
    );
    matrix.end();
}

/// JW-18.
#[tokio::test]
async fn a_secret_file_that_others_can_read_stops_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let first = Process::up(folder.path(), &["--tls"]).await;
    let data = first.data.clone();
    first.interrupt().await;
    let mut matrix = Matrix::new("JW-18 file × mode");
    let text = data.display().to_string();
    let arguments = [
        "--data",
        &text,
        "--port",
        "0",
        "--identity-port",
        "0",
        "--admin-port",
        "0",
        "--tls",
    ];
    for name in ["keys/master.key", "tls/ca.key", "demo-secrets.json"] {
        let path = data.join(name);
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        matrix.cell(format!("{name} as it was made"), mode(&path), 0o600);
        for wrong in [0o640, 0o604, 0o660, 0o644, 0o610, 0o601] {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(wrong)).unwrap();
            let (ended, told) = Process::run(folder.path(), &arguments).await;
            matrix.hold(format!("{name} {wrong:o}: ends"), ended.code == Some(1), &ended);
            let says = ended.stderr.contains(name.rsplit('/').next().unwrap())
                && ended.stderr.contains("can be read by other users");
            matrix.hold(format!("{name} {wrong:o}: says why"), says, &ended);
            matrix.hold(
                format!("{name} {wrong:o}: never ready"),
                !told.contains("ready"),
                &told,
            );
        }
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    }
    for folder in ["", "keys", "tls"] {
        let mode = std::fs::metadata(data.join(folder)).unwrap().permissions().mode() & 0o777;
        matrix.cell(format!("folder {folder:?}"), mode, 0o700);
    }
    matrix.end();
    Process::up(folder.path(), &["--tls"]).await.kill().await;
}

/// JW-18.
#[tokio::test]
async fn a_secret_file_of_the_command_line_is_held_to_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data").display().to_string();
    let ended = Process::up(folder.path(), &[]).await.interrupt().await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let (ended, _) = Process::run(folder.path(), &["key", "list", "--json", "--data", &data]).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let path = folder.path().join("data/keys/master.key");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
    for command in [["key", "list"], ["client", "list"]] {
        let (ended, told) = Process::run(folder.path(), &[command[0], command[1], "--data", &data]).await;
        assert_eq!((ended.code, told.as_str()), (Some(1), ""), "{ended:?}");
    }
}

/// OP-01.
#[tokio::test]
async fn a_database_without_its_master_key_starts_nothing() {
    let world = World::new().await;
    let (data, rows) = (
        world.data.clone(),
        "SELECT kid || wrapped_private AS line FROM signing_keys",
    );
    let before = lines(world.db(), rows).await;
    let token = world.machine("m-basic").token().await;
    let url = format!("sqlite:{}", data.join("identity.db").display());
    // The server goes on: a copy in the wrong hands has neither its keys folder nor its lock.
    let thief = tempfile::tempdir().unwrap();
    let mut matrix = Matrix::new("OP-01 what the thief has");
    let master = std::fs::read_to_string(data.with_file_name("keys").join("master.key")).unwrap();
    let mut other = master.trim().to_owned();
    other.replace_range(0..1, if other.starts_with('0') { "1" } else { "0" });
    for (what, key) in [
        ("no key", None),
        ("another key", Some("0".repeat(64))),
        ("a key that differs in one digit", Some(other)),
        ("half a key", Some(master.trim()[..32].to_owned())),
        ("an empty key", Some(String::new())),
        ("no hexadecimal", Some("x".repeat(64))),
        ("the right key", Some(master)),
    ] {
        let home = thief.path().join(what.replace(' ', "-"));
        let keys = home.join("keys");
        std::fs::create_dir_all(&keys).unwrap();
        if let Some(key) = key {
            std::fs::write(keys.join("master.key"), key).unwrap();
            std::fs::set_permissions(keys.join("master.key"), std::fs::Permissions::from_mode(0o600))
                .unwrap();
        }
        let mut config = Config::up(home.join("data"), keys, [0, 0, 0]);
        config.demo = false;
        config.roles = vec![Role::Identity];
        config[Role::Identity].database = url.clone();
        config.bus = format!("sqlite:{}", home.join("data/bus.db").display());
        let started = latchkey::start(config, Clock::manual(BEGINNING), Random::system()).await;
        matrix.cell(what, started.is_ok(), what == "the right key");
        if let Ok(running) = started {
            running.stop().await;
        }
        if what == "no key" {
            matrix.hold(
                "no key: none is made",
                !home.join("keys/master.key").exists(),
                "it is there",
            );
        }
        matrix.cell(
            format!("{what}: nothing is changed"),
            lines(world.db(), rows).await,
            before.clone(),
        );
    }
    matrix.end();
    assert!(world.is_active(&token).await);
}

/// Every text of a JSON value.
fn texts(value: &Value, all: &mut Vec<String>) {
    match value {
        Value::String(text) => all.push(text.clone()),
        Value::Array(values) => values.iter().for_each(|value| texts(value, all)),
        Value::Object(members) => members.values().for_each(|value| texts(value, all)),
        _ => {}
    }
}

/// All that a server keeps to itself.
async fn secrets(server: &TestServer, data: &Path) -> HashSet<String> {
    let mut all = vec![
        std::fs::read_to_string(data.with_file_name("keys").join("master.key")).expect("the master key"),
    ];
    let demo = std::fs::read_to_string(data.join("demo-secrets.json")).expect("the demo's secrets");
    texts(&serde_json::from_str(&demo).expect("JSON"), &mut all);
    let db = server
        .running()
        .identity
        .as_ref()
        .expect("identity")
        .store()
        .db()
        .clone();
    for statement in [
        "SELECT kid AS line FROM signing_keys",
        "SELECT wrapped_private AS line FROM signing_keys",
        "SELECT wrapped AS line FROM secrets",
        "SELECT id AS line FROM secrets",
        "SELECT secret_hash AS line FROM clients WHERE secret_hash IS NOT NULL",
        "SELECT password_hash AS line FROM users",
        "SELECT id AS line FROM users",
    ] {
        let found = lines(&db, statement).await;
        assert!(!found.is_empty(), "{statement}");
        all.extend(found);
    }
    all.into_iter().collect()
}

/// AD-01.
#[tokio::test]
async fn two_data_folders_share_no_secret() {
    let mut folders = Vec::new();
    for _ in 0..2 {
        let mut data = std::path::PathBuf::new();
        let server = TestServer::with(|config| data = config.data.clone()).await;
        folders.push((secrets(&server, &data).await, server));
    }
    let (one, two) = (&folders[0].0, &folders[1].0);
    assert!(
        one.len() >= 15 && one.len() == two.len(),
        "{} and {}",
        one.len(),
        two.len()
    );
    assert_eq!(one.intersection(two).collect::<Vec<_>>(), Vec::<&String>::new());
    let demo = &folders[0].1.demo();
    for known in ["admin", "password", "changeme", "secret", "demo", "latchkey"] {
        assert!(
            demo.users
                .iter()
                .all(|user| user.password.as_deref() != Some(known))
        );
        assert!(
            demo.clients
                .iter()
                .all(|client| client.client_secret.as_deref() != Some(known))
        );
    }
}

/// AD-01.
#[tokio::test]
async fn a_production_start_has_no_people_and_no_clients() {
    let server = TestServer::with(|config| config.demo = false).await;
    let db = server.running().identity.as_ref().unwrap().store().db();
    for statement in ["SELECT id AS line FROM users", "SELECT id AS line FROM clients"] {
        assert_eq!(lines(db, statement).await, Vec::<String>::new(), "{statement}");
    }
    server.stop().await;
}

/// A machine without a battery for its clock starts in the future, and is put right afterwards.
#[tokio::test]
async fn a_clock_that_was_ahead_at_the_very_first_start_stops_nothing() {
    let mut matrix = Matrix::new("clock ahead at the first start × later");
    for ahead_ms in [30_000, 3_600_000, 3 * 24 * 3_600_000] {
        let folder = tempfile::tempdir().unwrap();
        let config = || Config::up(folder.path().join("data"), folder.path().join("keys"), [0, 0, 0]);
        let first = latchkey::start(config(), Clock::manual(BEGINNING + ahead_ms), Random::system()).await;
        first.expect("the first start").stop().await;

        let second = latchkey::start(config(), Clock::manual(BEGINNING), Random::system()).await;
        let running = match second {
            Ok(running) => running,
            Err(error) => {
                matrix.hold(format!("{ahead_ms} × it starts"), false, error);
                continue;
            }
        };
        let demo = running.demo.as_ref().expect("a demo");
        let registered = demo
            .clients
            .iter()
            .find(|client| client.client_id == "demo-machine");
        let secret = registered.and_then(|client| client.client_secret.clone());
        let machine = Machine {
            issuer: running.urls.issuer.clone(),
            client_id: "demo-machine".to_owned(),
            secret: secret.expect("a secret"),
        };
        let token = machine.token().await;
        let whoami = format!("{}/catalog/v1/whoami", running.urls.services["catalog"]);
        matrix.cell(
            format!("{ahead_ms} × the guard"),
            call(&token, &whoami).await.status,
            200,
        );
        // An emergency does not wait until the clock has caught up.
        let identity = running.identity.as_ref().expect("identity");
        let compromised = header(&token)["kid"].clone();
        let revoked = identity
            .keys()
            .revoke(compromised.as_str().expect("a kid"), "test");
        revoked.await.expect("it is revoked");
        let next = header(&machine.token().await)["kid"].clone();
        matrix.hold(
            format!("{ahead_ms} × another key signs"),
            next != compromised,
            &next,
        );
        running.stop().await;
    }
    matrix.end();
}
