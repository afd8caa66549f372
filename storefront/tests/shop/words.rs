//! Everything that pages say comes from the message file, and everything in the file is said.

use std::collections::BTreeSet;
use std::path::Path;

use latchkey_web::{COMMON_EN, Messages};

fn texts(folder: &Path, all: &mut String) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            texts(&path, all);
        } else if path
            .extension()
            .is_some_and(|kind| kind == "html" || kind == "rs")
        {
            all.push_str(&std::fs::read_to_string(path).unwrap());
        }
    }
}

fn sources() -> String {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut all = String::new();
    for folder in ["src", "../templates/storefront", "../templates/partials"] {
        texts(&here.join(folder), &mut all);
    }
    all.push_str(&std::fs::read_to_string(here.join("../templates/base.html")).unwrap());
    all
}

fn names() -> BTreeSet<String> {
    let files = [("en", COMMON_EN), ("en", include_str!("../../messages/en.toml"))];
    let words = Messages::read(&files).unwrap().words(None);
    words
        .names()
        .map(|name| {
            name.trim_end_matches(".one")
                .trim_end_matches(".other")
                .to_owned()
        })
        .collect()
}

#[test]
fn every_message_in_the_file_is_said_somewhere() {
    let sources = sources();
    for name in names() {
        // Dates are put together in platform/web.
        let said = sources.contains(&format!("\"{name}\"")) || name.starts_with("date.");
        assert!(said, "{name}");
    }
}

#[test]
fn every_message_that_is_said_is_in_the_file() {
    let (sources, names) = (sources(), names());
    let calls = [
        "page.t(\"",
        "page.n(\"",
        "page.with(\"",
        ".say(\"",
        ".fill(\"",
        ".count(\"",
    ];
    let mut said = 0;
    for call in calls {
        for rest in sources.split(call).skip(1) {
            let name = rest.split('"').next().unwrap();
            assert!(names.contains(name), "{name}");
            said += 1;
        }
    }
    assert!(said > 80, "{said}");
}

#[test]
fn no_template_lets_text_through_as_markup() {
    let sources = sources();
    for forbidden in ["|safe", "| safe", "escape = \"none\"", "{% filter", "HtmlSafe"] {
        assert!(!sources.contains(forbidden), "{forbidden}");
    }
}
