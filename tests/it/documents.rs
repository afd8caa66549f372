//! Documents name files and tests that exist.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// Every file and folder of the repository, from its root.
fn tree() -> BTreeSet<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut all = BTreeSet::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            let name = path
                .strip_prefix(root)
                .expect("below the root")
                .display()
                .to_string();
            if ["target", ".git"].contains(&name.as_str()) || name.ends_with("node_modules") {
                continue;
            }
            if path.is_dir() {
                all.insert(format!("{name}/"));
                folders.push(path);
            } else {
                all.insert(name);
            }
        }
    }
    all
}

/// What stands between backticks.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// The Rust files and folders of ours that a document names and nobody has.
fn nowhere(document: &str, tree: &BTreeSet<String>) -> Vec<String> {
    let is_path = |name: &&str| {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/_-.".contains(&byte);
        name.contains('/') && name.bytes().all(plain) && (name.ends_with(".rs") || name.ends_with('/'))
    };
    quoted(document)
        .filter(is_path)
        // `data/` is made where it is run.
        .filter(|name| !name.starts_with('/') && !name.starts_with("data/"))
        .filter(|name| {
            !tree
                .iter()
                .any(|path| path == name || path.ends_with(&format!("/{name}")))
        })
        .map(str::to_owned)
        .collect()
}

/// The tests that a document names by file and function, and that are not there; and how many it names.
fn missing_tests(document: &str) -> (Vec<String>, usize) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut missing = Vec::new();
    let mut named = 0;
    for name in quoted(document) {
        let Some((file, test)) = name.split_once(".rs::") else {
            continue;
        };
        named += 1;
        let text = fs::read_to_string(root.join(format!("{file}.rs"))).unwrap_or_default();
        let function = test.rsplit("::").next().unwrap_or(test);
        if !text.contains(&format!("fn {function}(")) {
            missing.push(name.to_owned());
        }
    }
    (missing, named)
}

#[test]
fn every_file_that_a_document_names_exists() {
    let (root, tree) = (Path::new(env!("CARGO_MANIFEST_DIR")), tree());
    assert!(tree.len() > 300, "{}", tree.len());
    for document in [
        "ARCHITECTURE.md",
        "CONTRIBUTING.md",
        "SECURITY.md",
        "README.md",
        "docs/attacks.md",
        "docs/orders.md",
        "docs/tokens.md",
    ] {
        let text = fs::read_to_string(root.join(document)).expect("a document");
        assert_eq!(nowhere(&text, &tree), Vec::<String>::new(), "{document}");
    }
    let planted = nowhere(
        "`src/roles.rs`, `src/no_such_file.rs`, `routes/no_such.rs`",
        &tree,
    );
    assert_eq!(planted, ["src/no_such_file.rs", "routes/no_such.rs"]);
}

#[test]
fn every_test_that_a_document_names_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for (document, at_least) in [("docs/attacks.md", 100), ("docs/orders.md", 30)] {
        let text = fs::read_to_string(root.join(document)).expect("a document");
        let (missing, named) = missing_tests(&text);
        assert!(named > at_least, "{document}: {named}");
        assert_eq!(missing, Vec::<String>::new(), "{document}");
    }
    let (planted, _) = missing_tests("`tests/it/documents.rs::no_such_test`");
    assert_eq!(planted.len(), 1);
}
