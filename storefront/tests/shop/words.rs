//! Everything that pages say comes from the message file, and everything in the file is said.

use std::collections::BTreeSet;
use std::path::Path;

use latchkey_storefront::EN;
use latchkey_web::{COMMON_EN, Messages, Words};

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

fn words() -> Words {
    Messages::read(&[COMMON_EN, EN]).unwrap().words(None)
}

/// The messages that are said by name, each with the names of the values that are put into it.
fn said(sources: &str) -> Vec<(&str, BTreeSet<String>)> {
    let mut said = Vec::new();
    for (call, count) in [
        ("page.t(\"", false),
        (".say(\"", false),
        ("page.n(\"", true),
        (".count(\"", true),
    ] {
        for rest in sources.split(call).skip(1) {
            let name = rest.split('"').next().unwrap();
            said.push((name, count.then(|| "n".to_owned()).into_iter().collect()));
        }
    }
    for rest in sources.split("page.with(\"").skip(1) {
        let mut texts = rest.split('"');
        let (name, value) = (texts.next().unwrap(), texts.nth(1).unwrap());
        said.push((name, [value.to_owned()].into()));
    }
    for rest in sources.split(".fill(\"").skip(1) {
        let name = rest.split('"').next().unwrap();
        let values = rest.split("])").next().unwrap().split("(\"").skip(1);
        let values = values.filter_map(|rest| rest.split('"').next());
        said.push((name, values.map(str::to_owned).collect()));
    }
    said
}

#[test]
fn every_message_in_the_file_is_said_somewhere() {
    let (words, sources) = (words(), sources());
    for name in words.names() {
        // Dates are put together in platform/web.
        let said = sources.contains(&format!("\"{name}\"")) || name.starts_with("date.");
        assert!(said, "{name}");
    }
}

#[test]
fn every_message_that_is_said_is_in_the_file_and_gets_its_values() {
    let (words, sources) = (words(), sources());
    let said = said(&sources);
    for (name, values) in &said {
        assert_eq!(words.arguments(name), Some(values), "{name}");
    }
    assert!(said.len() > 80, "{}", said.len());
}

#[test]
fn numbers_are_said_in_each_of_their_forms() {
    let words = words();
    for (name, one, other) in [
        ("unit.lessons", "1\u{a0}lesson", "2\u{a0}lessons"),
        ("unit.sections", "1 section", "2 sections"),
        ("buy.previews", "1 lesson to preview", "2 lessons to preview"),
    ] {
        assert_eq!(words.count(name, 1), one);
        assert_eq!(words.count(name, 2), other);
    }
}

#[test]
fn no_template_lets_text_through_as_markup() {
    let sources = sources();
    for forbidden in ["|safe", "| safe", "escape = \"none\"", "{% filter", "HtmlSafe"] {
        assert!(!sources.contains(forbidden), "{forbidden}");
    }
}
