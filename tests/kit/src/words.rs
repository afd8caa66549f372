//! Pages and their message files: what code and templates say is in the files, and what is in the files is said.

use std::collections::BTreeSet;
use std::path::Path;

use latchkey_web::Words;

/// The text of these files, and of every template and Rust file in these folders.
pub fn sources(root: &str, paths: &[&str]) -> String {
    let mut all = String::new();
    for path in paths {
        read(&Path::new(root).join(path), &mut all);
    }
    all
}

fn read(path: &Path, all: &mut String) {
    if path.is_dir() {
        for entry in std::fs::read_dir(path).expect("a folder that can be read") {
            read(&entry.expect("a file").path(), all);
        }
    } else if path
        .extension()
        .is_some_and(|kind| kind == "html" || kind == "rs")
    {
        all.push_str(&std::fs::read_to_string(path).expect("a text"));
    }
}

/// Every message that is said by name has a text, and gets exactly the values that the text takes. There are more than
/// `least` of them, or this function has lost sight of how messages are said.
pub fn what_is_said_is_in_the_files(words: &Words, sources: &str, least: usize) {
    let said = said(sources);
    for (name, values) in &said {
        assert_eq!(words.arguments(name), Some(values), "{name}");
    }
    assert!(said.len() > least, "{}", said.len());
}

/// Every message is said by its name, or by a name that is put together: here by `format!`, or `elsewhere` with one of
/// these beginnings.
pub fn what_is_in_the_files_is_said(words: &Words, sources: &str, elsewhere: &[&str]) {
    let here = sources.split("format!(\"").skip(1).filter_map(beginning);
    let beginnings: Vec<&str> = here.chain(elsewhere.iter().copied()).collect();
    for name in words.names() {
        let by_name = sources.contains(&format!("\"{name}\""));
        let put_together = beginnings.iter().any(|beginning| name.starts_with(beginning));
        assert!(by_name || put_together, "{name}");
    }
}

/// `sorry.` of `sorry.{}`, if this is how the name of a message begins.
fn beginning(format: &str) -> Option<&str> {
    let (beginning, _) = format.split_once('{')?;
    let plain = |c: char| c.is_ascii_lowercase() || c == '_';
    let group = beginning.strip_suffix('.')?;
    (!group.is_empty() && group.chars().all(plain)).then_some(beginning)
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
    // A page without a title of its own has an empty one.
    said.retain(|(name, _)| !name.is_empty());
    said
}
