//! Everything that the issuer's pages say comes from the message file, and everything in the file is said.

use std::collections::BTreeSet;
use std::path::Path;

use latchkey_protocol::error::PageError;
use latchkey_web::{COMMON_EN, Messages};

fn texts(folder: &Path, all: &mut String) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("a file").path();
        let kind = path.extension().and_then(|kind| kind.to_str());
        match kind {
            _ if path.is_dir() => texts(&path, all),
            Some("html" | "rs") => all.push_str(&std::fs::read_to_string(path).expect("text")),
            _ => {}
        }
    }
}

fn sources() -> String {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut all = String::new();
    for folder in ["src", "../../templates/identity"] {
        texts(&here.join(folder), &mut all);
    }
    all.push_str(&std::fs::read_to_string(here.join("../../templates/base.html")).expect("text"));
    all
}

fn names(files: &[(&'static str, &'static str)]) -> BTreeSet<String> {
    let words = Messages::read(files).expect("messages").words(None);
    words.names().map(str::to_owned).collect()
}

#[test]
fn every_message_that_is_said_is_in_the_file() {
    let names = names(&[("en", COMMON_EN), ("en", include_str!("../messages/en.toml"))]);
    let sources = sources();
    let mut said = 0;
    for call in [
        "page.t(\"",
        "page.n(\"",
        "page.with(\"",
        ".page(\"",
        ".say(\"",
        ".fill(\"",
        ".count(\"",
    ] {
        for rest in sources.split(call).skip(1) {
            let name = rest.split('"').next().unwrap();
            // One that counts has a form for one and for others.
            assert!(
                names.contains(name) || names.contains(&format!("{name}.other")),
                "{name}"
            );
            said += 1;
        }
    }
    assert!(said > 60, "{said}");
}

#[test]
fn every_refusal_has_a_sentence_of_its_own() {
    let words = Messages::read(&[("en", COMMON_EN), ("en", include_str!("../messages/en.toml"))])
        .expect("messages")
        .words(None);
    let all = PageError::ALL.map(|error| words.say(&format!("sorry.{}", error.code())).to_owned());
    for (error, sentence) in PageError::ALL.iter().zip(&all) {
        assert!(sentence.contains(' '), "{error:?}: {sentence}");
    }
    assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), all.len());
}

#[test]
fn every_message_in_the_file_is_said_somewhere() {
    let sources = sources();
    // Names that are put together: of a problem, of how a sign-in or a family ended.
    let made: Vec<&str> = sources
        .split("format!(\"")
        .skip(1)
        .filter_map(|rest| rest.split_once(".{").map(|(prefix, _)| prefix))
        .collect();
    for name in names(&[("en", include_str!("../messages/en.toml"))]) {
        let prefix = name.split('.').next().unwrap();
        let counted = name.trim_end_matches(".one").trim_end_matches(".other");
        let said = |name: &str| sources.contains(&format!("\"{name}\""));
        assert!(said(&name) || said(counted) || made.contains(&prefix), "{name}");
    }
}
