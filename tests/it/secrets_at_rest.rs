//! What is kept of a secret: no database holds one.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use futures::StreamExt;
use latchkey_clock::Random;
use latchkey_identity::KeyWrapper;

use crate::harness::{Browser, Matrix, Tokens, World, claims, lines, pooled, secret_of, signature};

/// Every file below a folder, with its bytes.
pub fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            match path.is_dir() {
                true => folders.push(path),
                false => found.push((path.display().to_string(), std::fs::read(&path).expect("a file"))),
            }
        }
    }
    found
}

/// Which of the needles are somewhere in the haystack. Needles have eight bytes at least.
pub fn found(haystack: &[u8], needles: &[(String, Vec<u8>)]) -> Vec<String> {
    let mut by_start: HashMap<[u8; 8], Vec<usize>> = HashMap::new();
    let mut may_start = vec![false; 1 << 16];
    for (index, (name, needle)) in needles.iter().enumerate() {
        let start: [u8; 8] = needle[..8]
            .try_into()
            .unwrap_or_else(|_| panic!("{name} is too short"));
        by_start.entry(start).or_default().push(index);
        may_start[usize::from(start[0]) << 8 | usize::from(start[1])] = true;
    }
    let mut hits: HashSet<usize> = HashSet::new();
    for (at, window) in haystack.windows(8).enumerate() {
        if may_start[usize::from(window[0]) << 8 | usize::from(window[1])]
            && let Some(candidates) = by_start.get(window)
        {
            hits.extend(
                candidates
                    .iter()
                    .copied()
                    .filter(|index| haystack[at..].starts_with(&needles[*index].1)),
            );
        }
    }
    hits.into_iter().map(|index| needles[index].0.clone()).collect()
}

/// The databases with their write-ahead logs; nothing else in the data folder is a database.
fn dump(world: &World) -> Vec<(String, Vec<u8>)> {
    let all: Vec<_> = files(&world.data)
        .into_iter()
        .filter(|(name, _)| name.contains(".db"))
        .collect();
    for database in ["identity.db", "bus.db", "revocations.db", "catalog.db"] {
        assert!(
            all.iter().any(|(name, _)| name.ends_with(database)),
            "{database} is dumped"
        );
        assert!(
            all.iter()
                .any(|(name, _)| name.ends_with(&format!("{database}-wal"))),
            "{database}-wal is dumped"
        );
    }
    all
}

/// A secret in every form in which it could lie somewhere.
fn forms(name: &str, bytes: &[u8]) -> Vec<(String, Vec<u8>)> {
    vec![
        (format!("{name}, raw"), bytes.to_vec()),
        (
            format!("{name}, base64"),
            STANDARD_NO_PAD.encode(bytes).into_bytes(),
        ),
        (
            format!("{name}, base64url"),
            URL_SAFE_NO_PAD.encode(bytes).into_bytes(),
        ),
        (format!("{name}, hex"), hex::encode(bytes).into_bytes()),
        (format!("{name}, HEX"), hex::encode_upper(bytes).into_bytes()),
    ]
}

/// The private scalar of a P-256 key in PKCS #8 (RFC 5915 §3: version 1, then the octets).
fn scalar(pkcs8: &[u8]) -> &[u8] {
    let at = pkcs8
        .windows(5)
        .position(|w| w == [2, 1, 1, 4, 32])
        .expect("an EC private key");
    &pkcs8[at + 5..at + 37]
}

/// TK-13, OP-01.
#[tokio::test]
async fn the_databases_hold_no_secret_no_token_and_no_private_key() {
    let world = World::new().await;
    let mut needles = Vec::new();
    for client in &world.server.demo().clients {
        needles.extend(
            client
                .client_secret
                .iter()
                .map(|secret| (client.client_id.clone(), secret.clone().into_bytes())),
        );
    }
    for user in &world.server.demo().users {
        needles.extend(
            user.password
                .iter()
                .map(|password| (user.username.clone(), password.clone().into_bytes())),
        );
    }
    assert!(needles.len() >= 8 + 3, "{}", needles.len());
    let machine = world.machine("m-basic");
    let (live, revoked) = (machine.token().await, machine.token().await);
    machine.revoke(&revoked).await;
    let app = world.server.app("demo-browser", "openid catalog.read");
    let browser = Browser::new();
    let code = app
        .walk(&browser, world.server.person("alice"), &[])
        .await
        .code
        .unwrap();
    let tokens = Tokens::of(&app.redeem(&code).await);
    let next = Tokens::of(&app.refresh(tokens.refresh()).await);
    let unused = app
        .walk(&browser, world.server.person("alice"), &[])
        .await
        .code
        .unwrap();
    for (what, secret) in [
        ("a spent code", code),
        ("a code", unused),
        ("a refresh token", tokens.refresh().to_owned()),
        ("its successor", next.refresh().to_owned()),
        ("an ID token", signature(tokens.id.as_deref().unwrap()).to_owned()),
        ("a person's access token", signature(&next.access).to_owned()),
        ("a session", browser.cookie("latchkey-session").unwrap()),
        ("a browser", browser.cookie("latchkey-browser").unwrap()),
    ] {
        assert!(secret.len() >= 40, "{what}");
        needles.push((what.to_owned(), secret.into_bytes()));
    }
    for token in [&live, &revoked] {
        needles.push(("a token".into(), token.clone().into_bytes()));
        needles.push(("a token's signature".into(), signature(token).as_bytes().to_vec()));
    }

    let master = std::fs::read_to_string(world.data.with_file_name("keys").join("master.key")).unwrap();
    let key = hex::decode(master.trim()).unwrap();
    needles.extend(forms("master key", &key));
    let key_wrapper = KeyWrapper::new(&key.try_into().unwrap(), Random::system());
    let mut opened = 0;
    for row in world.identity().store().keys(world.db()).await.unwrap() {
        let pkcs8 = key_wrapper
            .open(&format!("signing_keys/{}", row.key.kid), &row.wrapped_private)
            .unwrap();
        if row.key.alg == latchkey_protocol::client::Alg::ES256 {
            needles.extend(forms("private key", scalar(&pkcs8)));
        }
        needles.extend(forms("PKCS #8", &pkcs8[..48]));
        opened += 1;
    }
    for purpose in ["client_secret", "refresh_mac", "cookie", "sid"] {
        for row in world
            .identity()
            .store()
            .secrets(world.db(), purpose)
            .await
            .unwrap()
        {
            let opened = key_wrapper
                .open(&format!("secrets/{}", row.id), &row.wrapped)
                .unwrap();
            needles.extend(forms(purpose, &opened));
        }
        opened += 1;
    }
    assert_eq!(opened, 6, "two signing keys and four secrets");

    // What is there on purpose is found: the search works.
    let jti = claims(&revoked)["jti"].as_str().unwrap().to_owned();
    let hash = lines(
        world.db(),
        "SELECT secret_hash AS line FROM clients WHERE id = 'm-basic'",
    )
    .await
    .remove(0);
    let planted = [
        ("jti".to_owned(), jti.into_bytes()),
        ("hash".to_owned(), hash.into_bytes()),
    ];
    let dumped = dump(&world);
    let seen: HashSet<String> = dumped
        .iter()
        .flat_map(|(_, bytes)| found(bytes, &planted))
        .collect();
    assert_eq!(seen.len(), 2, "{seen:?}");

    let mut matrix = Matrix::new("TK-13 file × secret");
    for (name, bytes) in &dumped {
        let hits = found(bytes, &needles);
        for (needle, _) in &needles {
            matrix.hold(format!("{name} × {needle}"), !hits.contains(needle), "found");
        }
    }
    matrix.end();
}

/// TK-16.
#[tokio::test]
async fn a_thousand_tokens_are_distinct_and_leave_no_trace_at_rest() {
    let world = World::new().await;
    let client = pooled();
    let asked = futures::stream::iter(0..1_000).map(|_| {
        let request = client
            .post(format!("{}/token", world.url()))
            .basic_auth("m-basic", Some(secret_of("m-basic")));
        async {
            let answer = request
                .form(&[("grant_type", "client_credentials")])
                .send()
                .await
                .expect("an answer");
            let body: serde_json::Value =
                serde_json::from_str(&answer.text().await.expect("a body")).expect("JSON");
            body["access_token"].as_str().expect("a token").to_owned()
        }
    });
    let tokens: Vec<String> = asked.buffer_unordered(16).collect().await;
    let jtis: HashSet<String> = tokens
        .iter()
        .map(|t| claims(t)["jti"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(jtis.len(), 1_000, "no name is given twice");
    for jti in &jtis {
        assert_eq!(URL_SAFE_NO_PAD.decode(jti).unwrap().len(), 16, "128 bits: {jti}");
    }
    let mut needles: Vec<(String, Vec<u8>)> = Vec::new();
    for token in &tokens {
        needles.push((token.clone(), token.clone().into_bytes()));
        needles.push((
            format!("signature of {token}"),
            signature(token).as_bytes().to_vec(),
        ));
    }
    let mut hits = Vec::new();
    let dumped = dump(&world);
    for (_, bytes) in &dumped {
        hits.extend(found(bytes, &needles));
    }
    println!(
        "{} needles in {} files, {} hits",
        needles.len(),
        dumped.len(),
        hits.len()
    );
    assert_eq!(hits, Vec::<String>::new());
    assert!(world.is_active(&tokens[999]).await);
}

/// TK-16.
#[tokio::test]
async fn generated_secrets_have_256_bits_and_are_stored_as_hashes() {
    let world = World::new().await;
    let id = latchkey_protocol::ClientId::parse("m-basic").unwrap();
    let mut made = HashSet::new();
    for _ in 0..64 {
        let secret = world
            .identity()
            .clients()
            .rotate_secret(&id, "test")
            .await
            .unwrap()
            .client_secret
            .unwrap();
        assert_eq!(URL_SAFE_NO_PAD.decode(&secret).unwrap().len(), 32);
        made.insert(secret.into_bytes());
    }
    assert_eq!(made.len(), 64);
    let needles: Vec<_> = made
        .into_iter()
        .map(|secret| ("a secret".to_owned(), secret))
        .collect();
    for (name, bytes) in files(&world.data) {
        assert_eq!(found(&bytes, &needles), Vec::<String>::new(), "{name}");
    }
}
