//! What `schemas/` promised is still kept. `UPDATE_SCHEMAS=1 cargo test -p latchkey-contracts` writes
//! growth down; it refuses to write a break.

#![expect(clippy::unwrap_used, reason = "a test may fall over")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use latchkey_contracts::events;
use latchkey_contracts::schema::breaks;
use serde_json::Value;

#[test]
fn every_event_keeps_what_its_committed_schema_promised() {
    for event in events::ALL {
        let now = event.schema();
        let Some(committed) = committed(event.r#type) else {
            write(event.r#type, &now, "it has no committed schema");
            continue;
        };
        let found = breaks(&committed, &now);
        assert!(
            found.is_empty(),
            "{} would break its consumers: {found:#?}",
            event.r#type
        );
        if committed != now {
            write(event.r#type, &now, "its committed schema is older than the code");
        }
    }
}

#[test]
fn a_committed_schema_outlives_its_code() {
    let known: BTreeSet<_> = events::ALL
        .iter()
        .map(|event| format!("{}.json", event.r#type))
        .collect();
    for file in std::fs::read_dir(folder()).unwrap() {
        let name = file.unwrap().file_name().into_string().unwrap();
        assert!(
            known.contains(&name),
            "{name} was promised, but no event type of that name is left"
        );
    }
}

#[test]
fn a_property_taken_from_a_real_event_is_detected() {
    for event in events::ALL {
        let committed = event.schema();
        let mut shrunk = committed.clone();
        let properties = shrunk["properties"].as_object_mut().unwrap();
        let first = properties.keys().next().unwrap().clone();
        properties.remove(&first);
        assert_eq!(
            breaks(&committed, &shrunk),
            [format!("$.{first}: removed")],
            "{}",
            event.r#type
        );
    }
}

fn committed(name: &str) -> Option<Value> {
    let text = std::fs::read_to_string(file(name)).ok()?;
    Some(serde_json::from_str(&text).unwrap())
}

fn write(name: &str, schema: &Value, why: &str) {
    let asked = std::env::var_os("UPDATE_SCHEMAS").is_some();
    assert!(
        asked,
        "{name}: {why}; UPDATE_SCHEMAS=1 cargo test -p latchkey-contracts writes it"
    );
    std::fs::write(file(name), serde_json::to_string_pretty(schema).unwrap() + "\n").unwrap();
}

fn file(name: &str) -> PathBuf {
    folder().join(format!("{name}.json"))
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas")
}
