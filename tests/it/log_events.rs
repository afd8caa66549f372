//! The names of what the log says: one for each sentence of the source, and all of them in `docs/logs.md`.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use latchkey_telemetry::EVENTS;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// The files of every crate's `src`.
fn sources() -> Vec<PathBuf> {
    fn walk(folder: &Path, within: bool, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).expect("a folder").flatten() {
            let path = entry.path();
            let name = entry.file_name().to_string_lossy().into_owned();
            if path.is_dir() && !matches!(name.as_str(), "tests" | "target" | "benches" | "examples") {
                walk(&path, within || name == "src", found);
            } else if within && name.ends_with(".rs") {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    for room in [
        "src",
        "gateway",
        "identity",
        "platform",
        "resource-services",
        "storefront",
    ] {
        walk(&Path::new(ROOT).join(room), room == "src", &mut found);
    }
    found
}

/// The last literal of every line of the log in a file, as the compiler reads it.
fn sentences(text: &str) -> Vec<String> {
    let text = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
    let calls = [
        "tracing::debug!(",
        "tracing::info!(",
        "tracing::warn!(",
        "tracing::error!(",
    ];
    let begins = calls
        .iter()
        .flat_map(|call| text.match_indices(call).map(|(at, _)| at + call.len()));
    begins.filter_map(|begin| last_literal(&text[begin..])).collect()
}

fn last_literal(call: &str) -> Option<String> {
    let (mut depth, mut last, mut open) = (1, None, None);
    let mut bytes = call.bytes().enumerate();
    while let Some((at, byte)) = bytes.next() {
        match (open, byte) {
            (Some(_), b'\\') => {
                bytes.next();
            }
            (Some(begin), b'"') => {
                last = Some(&call[begin..at]);
                open = None;
            }
            (Some(_), _) => {}
            (None, b'"') => open = Some(at + 1),
            (None, b'(') => depth += 1,
            (None, b')') => depth -= 1,
            (None, _) => {}
        }
        if depth == 0 {
            break;
        }
    }
    // A backslash at the end of a line takes the white space of the next one with it.
    let mut parts = last?.split("\\\n");
    let first = parts.next()?.to_owned();
    Some(parts.fold(first, |text, part| text + part.trim_start()))
}

#[test]
fn every_sentence_of_the_log_has_a_name_and_every_name_a_sentence() {
    let known: BTreeSet<&str> = EVENTS.iter().map(|(message, _)| *message).collect();
    let (mut said, mut nameless) = (BTreeSet::new(), Vec::new());
    for path in sources() {
        let text = fs::read_to_string(&path).expect("a file");
        for sentence in sentences(&text) {
            if !known.contains(sentence.as_str()) {
                nameless.push(format!("{}: {sentence}", path.display()));
            }
            said.insert(sentence);
        }
    }
    assert!(nameless.is_empty(), "{nameless:#?}");
    // Said without `tracing`: of the log itself, and of a panic.
    let own = [
        "log lines were dropped because the output was too slow",
        "a thread panicked",
    ];
    said.extend(own.map(str::to_owned));
    let unsaid: Vec<_> = known.iter().filter(|known| !said.contains(**known)).collect();
    assert!(unsaid.is_empty(), "{unsaid:?}");
}

#[test]
fn the_page_about_logs_lists_every_event() {
    let page = fs::read_to_string(Path::new(ROOT).join("docs/logs.md")).expect("the page");
    let listed: BTreeSet<(String, String)> = page
        .lines()
        .filter_map(|line| {
            let cells: Vec<&str> = line.strip_prefix("| `")?.split(" | ").collect();
            let [name, _levels, sentence] = cells[..] else {
                return None;
            };
            let name = name.trim_end_matches('`');
            name.contains('.')
                .then(|| (name.to_owned(), sentence.trim_end_matches('|').trim().to_owned()))
        })
        .collect();
    let known = EVENTS
        .iter()
        .map(|(message, name)| ((*name).to_owned(), (*message).to_owned()));
    assert_eq!(listed, known.collect());
}

#[test]
fn a_planted_sentence_is_found() {
    let text = "tracing::warn!(reason = f(\"(\", g()), \"one \\\n    sentence\");\ntracing::info!(\"two\");";
    assert_eq!(sentences(text), ["two", "one sentence"]);
}
