//! The AsyncAPI document says what the committed schemas promise, and who takes part.

use std::collections::BTreeSet;
use std::path::Path;

use latchkey::services::SERVICES;
use serde_json::Value;

fn document() -> Value {
    latchkey::asyncapi::document(SERVICES)
}

/// The committed schemas, by type.
fn committed() -> Vec<(String, Value)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("resource-services/contracts/schemas");
    let files = std::fs::read_dir(folder).unwrap();
    let mut all: Vec<(String, Value)> = files
        .map(|file| {
            let file = file.unwrap();
            let name = file.file_name().into_string().unwrap();
            let text = std::fs::read_to_string(file.path()).unwrap();
            let name = name.strip_suffix(".json").unwrap().to_owned();
            (name, serde_json::from_str(&text).unwrap())
        })
        .collect();
    all.sort_by(|a, b| a.0.cmp(&b.0));
    all
}

/// Every reference in `value`.
fn references(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                match member {
                    Value::String(to) if name == "$ref" => found.push(to.clone()),
                    other => references(other, found),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Where `document` is out of step with the schemas.
fn out_of_step(document: &Value, schemas: &[(String, Value)]) -> Vec<String> {
    let mut found = Vec::new();
    for (name, schema) in schemas {
        if document["channels"][name]["address"] != name.as_str() {
            found.push(format!("{name} has no channel"));
        }
        let mut promised = schema.clone();
        let members = promised.as_object_mut().unwrap();
        members.remove("$schema");
        members.remove("$id");
        // Where a part is found is the only thing that differs.
        let root = format!("#/components/schemas/{name}/$defs/");
        let promised = promised.to_string().replace("#/$defs/", &root);
        if document["components"]["schemas"][name] != serde_json::from_str::<Value>(&promised).unwrap() {
            found.push(format!("{name} has another schema"));
        }
    }
    let channels = document["channels"].as_object().unwrap();
    let promised: BTreeSet<&str> = schemas.iter().map(|(name, _)| name.as_str()).collect();
    for name in channels.keys() {
        if !promised.contains(name.as_str()) {
            found.push(format!("{name} was never promised"));
        }
    }
    let mut all = Vec::new();
    references(document, &mut all);
    for to in all {
        if document.pointer(to.trim_start_matches('#')).is_none() {
            found.push(format!("{to} leads nowhere"));
        }
    }
    found
}

#[test]
fn the_asyncapi_document_says_what_the_schemas_promise() {
    let (document, schemas) = (document(), committed());
    assert_eq!(document["asyncapi"], "3.0.0");
    assert!(!schemas.is_empty());
    assert_eq!(out_of_step(&document, &schemas), Vec::<String>::new());
}

#[test]
fn a_document_that_is_out_of_step_is_found() {
    let schemas = committed();
    let name = schemas[0].0.as_str();
    let planted = |change: &dyn Fn(&mut Value)| {
        let mut document = document();
        change(&mut document);
        out_of_step(&document, &schemas)
    };
    let changed =
        planted(&|document: &mut Value| document["components"]["schemas"][name]["title"] = "another".into());
    assert_eq!(changed, [format!("{name} has another schema")]);
    let renamed = planted(&|document: &mut Value| document["channels"][name]["address"] = "another".into());
    assert_eq!(renamed, [format!("{name} has no channel")]);
    let dangling = planted(&|document: &mut Value| {
        drop(
            document["components"]["schemas"]
                .as_object_mut()
                .unwrap()
                .remove("Envelope"),
        );
    });
    assert_eq!(dangling.len(), schemas.len(), "{dangling:?}");
    let invented = planted(&|document: &mut Value| document["channels"]["shop.order.lost.v1"] = Value::Null);
    assert_eq!(invented, ["shop.order.lost.v1 was never promised"]);
}

#[test]
fn every_group_receives_exactly_its_types() {
    let document = document();
    let operations = document["operations"].as_object().unwrap();
    let mut received: BTreeSet<(String, String)> = BTreeSet::new();
    for operation in operations
        .values()
        .filter(|operation| operation["action"] == "receive")
    {
        let channel = operation["channel"]["$ref"].as_str().unwrap();
        let name = channel.strip_prefix("#/channels/").unwrap().to_owned();
        received.insert((operation["x-group"].as_str().unwrap().to_owned(), name));
    }
    let groups = SERVICES.iter().flat_map(|spec| spec.consumers);
    let handled: BTreeSet<(String, String)> = groups
        .map(|consumer| (consumer.group)())
        .flat_map(|group| {
            group
                .types
                .iter()
                .map(move |name| (group.name.to_owned(), (*name).to_owned()))
        })
        .collect();
    assert_eq!(received, handled);
}

/// No installation is needed for it.
#[test]
fn the_command_prints_the_same_document_anywhere() {
    let folder = tempfile::tempdir().unwrap();
    for arguments in [&["events", "schema"][..], &["events", "schema", "--json"]] {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_latchkey"));
        let output = command
            .args(arguments)
            .current_dir(folder.path())
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        let printed: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(printed, document());
    }
    assert_eq!(
        std::fs::read_dir(folder.path()).unwrap().count(),
        0,
        "it left something"
    );
}
