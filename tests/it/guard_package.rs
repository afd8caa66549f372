//! The guard as others get it: a package that stands alone. `cargo xtask package` builds it as well, which takes minutes.

use std::process::Command;

use serde_json::Value;

fn cargo(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO"))
        .args(arguments)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {errors}");
    String::from_utf8(output.stdout).expect("text")
}

#[test]
fn the_package_of_the_guard_has_its_page_and_examples_and_no_tests() {
    let listed = cargo(&[
        "package",
        "--package",
        "latchkey-guard",
        "--list",
        "--allow-dirty",
        "--offline",
    ]);
    let files: Vec<&str> = listed.lines().collect();
    for file in [
        "Cargo.toml",
        "README.md",
        "src/lib.rs",
        "examples/axum.rs",
        "examples/tonic.rs",
        "examples/tower.rs",
    ] {
        assert!(files.contains(&file), "{file}: {listed}");
    }
    assert!(!files.iter().any(|file| file.starts_with("tests/")), "{listed}");
}

#[test]
fn what_the_guard_needs_comes_from_a_registry_with_a_version() {
    let told = cargo(&["metadata", "--format-version", "1", "--no-deps", "--offline"]);
    let told: Value = serde_json::from_str(&told).expect("JSON");
    let packages = told["packages"].as_array().expect("a list");
    let guard = packages
        .iter()
        .find(|package| package["name"] == "latchkey-guard");
    let guard = guard.expect("the guard");
    for field in ["description", "license", "readme", "rust_version"] {
        assert!(
            guard[field].as_str().is_some_and(|text| !text.is_empty()),
            "{field}"
        );
    }
    assert!(!guard["keywords"].as_array().expect("a list").is_empty());
    let needed = guard["dependencies"].as_array().expect("a list");
    for dependency in needed.iter().filter(|dependency| dependency["kind"] != "dev") {
        let name = &dependency["name"];
        assert!(dependency["source"].is_string(), "{name} has a path alone");
        assert_ne!(dependency["req"], "*", "{name} has no version");
    }
}
