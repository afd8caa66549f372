//! The AsyncAPI 3 document of the events: what each service publishes, by its schema, and which groups take it. It is
//! made of the contracts and the list of services alone, so it cannot say anything else than they do.

use latchkey_contracts::events::revocation::Revocation;
use latchkey_contracts::events::{self, EventType};
use serde_json::{Map, Value, json};

use crate::services::{Services, groups};

/// The document.
pub fn document(services: Services) -> Value {
    let mut channels = Map::new();
    let mut operations = Map::new();
    let mut messages = Map::new();
    let mut schemas = Map::new();
    schemas.insert("Envelope".to_owned(), envelope());
    for event in events::ALL {
        let name = event.r#type;
        channels.insert(name.to_owned(), channel(event));
        operations.insert(
            format!("send.{name}"),
            operation("send", name, &format!("{} publishes it.", publisher(name))),
        );
        messages.insert(name.to_owned(), message(event));
        schemas.insert(name.to_owned(), payload(event));
    }
    for group in groups(services) {
        for name in group.types {
            let mut receive = operation("receive", name, &format!("The group {} handles it.", group.name));
            receive["x-group"] = group.name.into();
            operations.insert(format!("receive.{}.{name}", group.name), receive);
        }
    }
    json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "Latchkey events",
            "version": "1",
            "description": "A type only grows; a breaking change is a new version beside the old one.",
        },
        "defaultContentType": CONTENT,
        "channels": channels,
        "operations": operations,
        "components": { "messages": messages, "schemas": schemas },
    })
}

const CONTENT: &str = "application/cloudevents+json";

/// A type is an address of its own: the routing key at a broker.
fn channel(event: &EventType) -> Value {
    let name = event.r#type;
    let carrier = match Revocation::TYPES.contains(&name) {
        true => "the revocation log, which every guard follows",
        false => "the event bus",
    };
    json!({
        "address": name,
        "description": format!("Carried by {carrier}."),
        "messages": { name: { "$ref": format!("#/components/messages/{name}") } },
    })
}

fn operation(action: &str, name: &str, description: &str) -> Value {
    json!({
        "action": action,
        "channel": { "$ref": format!("#/channels/{name}") },
        "description": description,
        "messages": [{ "$ref": format!("#/channels/{name}/messages/{name}") }],
    })
}

fn message(event: &EventType) -> Value {
    let name = event.r#type;
    json!({
        "name": name,
        "contentType": CONTENT,
        "payload": {
            "allOf": [
                { "$ref": "#/components/schemas/Envelope" },
                {
                    "type": "object",
                    "properties": {
                        "source": { "const": format!("/{}", publisher(name)) },
                        "type": { "const": name },
                        "data": { "$ref": format!("#/components/schemas/{name}") },
                    },
                },
            ],
        },
    })
}

/// The schema of the payload as a part of this document: a reference names the part from the document's root.
fn payload(event: &EventType) -> Value {
    let mut schema = event.schema();
    if let Value::Object(members) = &mut schema {
        members.remove("$schema");
        members.remove("$id");
    }
    repoint(
        &mut schema,
        &format!("#/components/schemas/{}/$defs/", event.r#type),
    );
    schema
}

fn repoint(value: &mut Value, root: &str) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                match member {
                    Value::String(to) if name == "$ref" => *to = to.replace("#/$defs/", root),
                    other => repoint(other, root),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| repoint(item, root)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// What every event has around its payload (`latchkey_bus::Event`).
fn envelope() -> Value {
    let text = |description: &str| json!({ "type": "string", "description": description });
    json!({
        "type": "object",
        "description": "CloudEvents 1.0, structured, at most 64 KiB.",
        "required": [
            "specversion", "id", "source", "type", "subject", "time", "datacontenttype", "sequence",
            "partitionkey", "data",
        ],
        "properties": {
            "specversion": { "const": "1.0" },
            "id": text("Unique; an event may arrive more than once."),
            "source": text("The service that publishes it."),
            "type": text("The type, which begins with the name of the service."),
            "subject": text("What it is about."),
            "time": { "type": "string", "format": "date-time" },
            "datacontenttype": { "const": "application/json" },
            "sequence": text("The version of the subject after it, in decimal digits; an older one changes nothing."),
            "partitionkey": text("Events with the same key come in order while nothing fails."),
            "correlationid": text("The request or order that it belongs to."),
            "causationid": text("The event that caused it."),
            "actor": text("Who did it: a user or a client."),
            "traceparent": text("W3C trace context."),
            "tracestate": text("What others keep beside the trace."),
            "data": { "type": "object" },
        },
    })
}

/// The service of a type: nobody else may publish it.
fn publisher(name: &str) -> &str {
    name.split('.').next().unwrap_or(name)
}
