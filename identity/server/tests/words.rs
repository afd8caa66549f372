//! Everything that the issuer's pages say comes from the message file, and everything in the file is said.

use std::collections::BTreeSet;
use std::path::Path;

use latchkey_identity::EN;
use latchkey_protocol::error::PageError;
use latchkey_web::{COMMON_EN, Messages, Words};

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

fn words() -> Words {
    Messages::read(&[COMMON_EN, EN]).expect("messages").words(None)
}

/// The messages that are said by name, each with the names of the values that are put into it.
fn said(sources: &str) -> Vec<(&str, BTreeSet<String>)> {
    let mut said = Vec::new();
    for (call, count) in [
        (".page(\"", false),
        ("page.t(\"", false),
        (".say(\"", false),
        ("page.n(\"", true),
        (".count(\"", true),
    ] {
        for rest in sources.split(call).skip(1) {
            let name = rest.split('"').next().expect("a name");
            said.push((name, count.then(|| "n".to_owned()).into_iter().collect()));
        }
    }
    for rest in sources.split("page.with(\"").skip(1) {
        let mut texts = rest.split('"');
        let (name, value) = (texts.next().expect("a name"), texts.nth(1).expect("a value"));
        said.push((name, [value.to_owned()].into()));
    }
    for rest in sources.split(".fill(\"").skip(1) {
        let name = rest.split('"').next().expect("a name");
        let values = rest.split("])").next().expect("values").split("(\"").skip(1);
        let values = values.filter_map(|rest| rest.split('"').next());
        said.push((name, values.map(str::to_owned).collect()));
    }
    said
}

#[test]
fn every_message_that_is_said_is_in_the_file_and_gets_its_values() {
    let (words, sources) = (words(), sources());
    let said = said(&sources);
    for (name, values) in &said {
        assert_eq!(words.arguments(name), Some(values), "{name}");
    }
    assert!(said.len() > 60, "{}", said.len());
}

#[test]
fn numbers_are_said_in_each_of_their_forms() {
    let words = words();
    assert_eq!(words.count("account.renewed", 1), "renewed once");
    assert_eq!(words.count("account.renewed", 0), "renewed 0 times");
    assert_eq!(words.count("account.retries", 1), "one lost response sent again");
    assert_eq!(
        words.count("account.retries", 1_000),
        "1000 lost responses sent again"
    );
}

#[test]
fn every_refusal_has_a_sentence_of_its_own() {
    let words = words();
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
    // The issuer's own: the common ones are said in platform/web.
    let words = Messages::read(&[EN]).expect("messages").words(None);
    for name in words.names() {
        let prefix = name.split('.').next().unwrap();
        let said = sources.contains(&format!("\"{name}\""));
        assert!(said || made.contains(&prefix), "{name}");
    }
}
