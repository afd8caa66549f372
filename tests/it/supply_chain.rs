//! SC-01: versions that are known to be bad are locked out of the shipped binary.

use std::process::Command;

use latchkey_db::sql;

use crate::harness::World;

/// What `cargo tree` says of the shipped binary.
fn tree(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--locked", "-p", "latchkey", "-e", "normal,build"])
        .args(arguments)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo tree runs");
    String::from_utf8(output.stdout).expect("text")
}

/// The packages that depend on this one directly, in whatever version.
fn brought_by(shipped: &[(String, String, String)], name: &str) -> Vec<String> {
    let versions = shipped
        .iter()
        .filter(|(n, ..)| n == name)
        .map(|(_, version, _)| version);
    let texts = versions.map(|version| tree(&["--prefix", "depth", "-i", &format!("{name}@{version}")]));
    let brought = |text: String| {
        let lines = text.lines();
        let direct = lines.filter_map(|line| line.strip_prefix('1')?.split(' ').next().map(str::to_owned));
        direct.collect::<Vec<_>>()
    };
    texts.flat_map(brought).collect()
}

/// The crates that go into the binary, as `name version features`.
fn shipped() -> Vec<(String, String, String)> {
    let text = tree(&["--prefix", "none", "-f", "{p}|{f}"]);
    let mut all: Vec<(String, String, String)> = text
        .lines()
        .filter_map(|line| {
            let (package, features) = line.trim_end_matches(" (*)").split_once('|')?;
            let mut words = package.split(' ');
            let name = words.next()?.to_owned();
            let version = words.next()?.trim_start_matches('v').to_owned();
            Some((name, version, features.to_owned()))
        })
        .collect();
    all.sort();
    all.dedup();
    all
}

/// The versions of a crate, as numbers.
fn versions(shipped: &[(String, String, String)], name: &str) -> Vec<(u64, u64, u64)> {
    let numbers = |version: &str| {
        let mut parts = version
            .split(['.', '-', '+'])
            .map(|part| part.parse().unwrap_or(0));
        (
            parts.next().unwrap_or(0),
            parts.next().unwrap_or(0),
            parts.next().unwrap_or(0),
        )
    };
    let mut found: Vec<_> = shipped
        .iter()
        .filter(|(n, ..)| n == name)
        .map(|(_, v, _)| numbers(v))
        .collect();
    found.dedup();
    found
}

/// CVE-2026-25537, SC-01.
#[test]
fn the_binary_contains_no_known_bad_dependency_version() {
    let shipped = shipped();
    assert!(shipped.len() > 200, "{}", shipped.len());
    for (name, least) in [
        ("jsonwebtoken", (10, 3, 0)),
        ("libsqlite3-sys", (0, 37, 0)),
        ("sqlx", (0, 9, 0)),
        ("h2", (0, 4, 8)),
        ("rustls", (0, 23, 18)),
        ("hyper", (1, 0, 0)),
        ("aws-lc-rs", (1, 0, 0)),
    ] {
        let found = versions(&shipped, name);
        assert_eq!(found.len(), 1, "one version of {name}: {found:?}");
        assert!(found[0] >= least, "{name} {found:?}");
    }
}

/// RUSTSEC-2023-0071, SC-01, JW-18.
#[test]
fn one_cryptography_and_no_rsa_crate() {
    let shipped = shipped();
    for absent in [
        "openssl",
        "openssl-sys",
        "native-tls",
        "tokio-native-tls",
        "hyper-tls",
        "ring",
        "rsa",
        "rust-crypto",
        "boring",
        "p256",
        "ed25519-dalek",
        "jwt",
        "jwt-simple",
        "md5",
        "sha1",
    ] {
        // openidconnect, with which the shop signs people in, checks ID tokens by crates of its own, and webauthn-rs checks
        // passkeys by those of crypto-glue; neither holds a private key, which is what RUSTSEC-2023-0071 is about. Nothing
        // else may bring them. SHA-1 is for the identifiers of keys in certificates, which are no signatures.
        let owners: &[&str] = match absent {
            "rsa" | "p256" => &["openidconnect", "crypto-glue"],
            "ed25519-dalek" => &["openidconnect"],
            // Authenticator apps know HMAC-SHA-1 alone (RFC 6238), which the collisions of SHA-1 do not touch.
            "sha1" => &["crypto-glue", "totp-rs", "x509-cert"],
            "md5" => &["crypto-glue"],
            _ => &[],
        };
        let found: Vec<String> = brought_by(&shipped, absent)
            .into_iter()
            .filter(|owner| !owners.contains(&owner.as_str()))
            .collect();
        assert!(found.is_empty(), "{absent} is brought by {found:?}");
    }
    let features = |name: &str| -> Vec<String> {
        let of = shipped.iter().filter(|(n, ..)| n == name);
        of.flat_map(|(.., features)| features.split(',').map(str::to_owned))
            .collect()
    };
    let jwt = features("jsonwebtoken");
    assert!(jwt.contains(&"aws_lc_rs".to_owned()), "{jwt:?}");
    assert!(!jwt.contains(&"rust_crypto".to_owned()), "one back end: {jwt:?}");
    let rustls = features("rustls");
    assert!(
        rustls.contains(&"aws_lc_rs".to_owned()) && !rustls.contains(&"ring".to_owned()),
        "{rustls:?}"
    );
}

/// SC-01.
#[tokio::test]
async fn the_linked_sqlite_is_past_the_defect_of_its_write_ahead_log() {
    let world = World::new().await;
    let row = sql("SELECT sqlite_version() AS line")
        .fetch_one(world.db())
        .await
        .unwrap();
    let version = row.text("line").unwrap();
    let numbers: Vec<u32> = version.split('.').map(|part| part.parse().unwrap()).collect();
    assert!(numbers >= vec![3, 51, 3], "{version}");
}

/// Whether a licence expression (SPDX 2.3 annex D) can be met with these licences alone. `/` is an old way to write `OR`.
fn is_met(expression: &str, allowed: &[String]) -> bool {
    let expression = expression.replace('/', " OR ");
    let whole = expression.trim();
    for (operator, any) in [(" OR ", true), (" AND ", false)] {
        let parts = split_outside(whole, operator);
        if parts.len() > 1 {
            let mut parts = parts.iter().map(|part| is_met(part, allowed));
            return if any {
                parts.any(|met| met)
            } else {
                parts.all(|met| met)
            };
        }
    }
    match whole.strip_prefix('(').and_then(|inner| inner.strip_suffix(')')) {
        Some(inner) => is_met(inner, allowed),
        // An exception only permits more.
        None => {
            let name = whole.split(" WITH ").next().unwrap_or_default();
            allowed.iter().any(|one| one == name)
        }
    }
}

/// The parts between operators that stand outside of parentheses.
fn split_outside<'a>(text: &'a str, operator: &str) -> Vec<&'a str> {
    let (mut depth, mut from, mut parts) = (0_i32, 0, Vec::new());
    for (at, letter) in text.char_indices() {
        match letter {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ if depth == 0 && at >= from && text[at..].starts_with(operator) => {
                parts.push(&text[from..at]);
                from = at + operator.len();
            }
            _ => {}
        }
    }
    parts.push(&text[from..]);
    parts
}

/// SC-01.
#[test]
fn every_crate_has_an_allowed_licence_and_comes_from_the_registry() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let deny = std::fs::read_to_string(root.join("deny.toml")).expect("deny.toml");
    let deny: toml::Value = toml::from_str(&deny).expect("TOML");
    let allowed: Vec<String> = deny["licenses"]["allow"]
        .as_array()
        .expect("licences")
        .iter()
        .map(|name| name.as_str().expect("a name").to_owned())
        .collect();
    for (expression, met) in [
        ("MIT", true),
        ("GPL-3.0-only", false),
        ("MIT OR GPL-3.0-only", true),
        ("MIT AND GPL-3.0-only", false),
        ("(MIT OR GPL-3.0-only) AND ISC", true),
        ("(MIT AND GPL-3.0-only) OR ISC", true),
        ("MIT/GPL-3.0-only", true),
        ("Apache-2.0 WITH LLVM-exception", true),
        ("", false),
    ] {
        assert_eq!(is_met(expression, &allowed), met, "{expression}");
    }
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--locked", "--format-version", "1"])
        .current_dir(root)
        .output()
        .expect("cargo metadata runs");
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let packages = metadata["packages"].as_array().expect("packages");
    assert!(packages.len() > 300, "{}", packages.len());
    let mut wrong = Vec::new();
    for package in packages {
        let licence = package["license"].as_str().unwrap_or_default();
        // Our own have none of another registry; everything else comes from crates.io.
        let source = package["source"].as_str().unwrap_or("ours");
        let known =
            source == "ours" || source.starts_with("registry+https://github.com/rust-lang/crates.io-index");
        if !is_met(licence, &allowed) || !known {
            wrong.push(format!("{} {licence:?} {source}", package["name"]));
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}
