//! The JSON Schema of a payload, and the comparison of two versions: events only grow.

use std::collections::BTreeSet;

use serde_json::{Map, Value};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

/// The standalone schema of `T`: what utoipa derives, with the referenced parts under `$defs`.
pub fn of<T: ToSchema>(name: &str) -> Value {
    let mut parts: Vec<(String, RefOr<Schema>)> = Vec::new();
    T::schemas(&mut parts);
    let mut root = json(&<T as PartialSchema>::schema());
    let defs: Map<String, Value> = parts
        .iter()
        .map(|(part, schema)| (part.clone(), json(schema)))
        .collect();
    if let Value::Object(root) = &mut root {
        root.insert("$schema".into(), DIALECT.into());
        root.insert("$id".into(), format!("urn:latchkey:event:{name}").into());
        if !defs.is_empty() {
            root.insert("$defs".into(), Value::Object(defs));
        }
    }
    repoint(&mut root);
    root
}

/// Why `new` would break a consumer that relies on `old`; empty if it only grows.
///
/// Every property of `old` must still exist with the same shape, and the required set must not change: a member that
/// may now be missing breaks readers, one that is now required breaks replays.
pub fn breaks(old: &Value, new: &Value) -> Vec<String> {
    let mut found = Vec::new();
    compare(
        Place { root: old, at: old },
        Place { root: new, at: new },
        "$",
        &mut found,
    );
    found
}

/// A schema inside its document, so that references can be resolved.
#[derive(Clone, Copy)]
struct Place<'a> {
    root: &'a Value,
    at: &'a Value,
}

impl<'a> Place<'a> {
    fn resolved(self) -> Self {
        let target = self
            .at
            .get("$ref")
            .and_then(Value::as_str)
            .and_then(|to| to.strip_prefix('#'));
        match target.and_then(|pointer| self.root.pointer(pointer)) {
            Some(at) => Self { at, ..self },
            None => self,
        }
    }

    fn to(self, at: &'a Value) -> Self {
        Self { at, ..self }
    }
}

fn compare(old: Place<'_>, new: Place<'_>, path: &str, found: &mut Vec<String>) {
    let (old, new) = (old.resolved(), new.resolved());
    for keyword in SHAPE {
        if old.at.get(keyword) != new.at.get(keyword) {
            found.push(format!("{path}: `{keyword}` changed"));
        }
    }
    if required(old.at) != required(new.at) {
        found.push(format!("{path}: the required set changed"));
    }
    compare_properties(old, new, path, found);
    match (old.at.get("items"), new.at.get("items")) {
        (Some(before), Some(after)) => compare(old.to(before), new.to(after), &format!("{path}[]"), found),
        (None, None) => {}
        (Some(_), None) | (None, Some(_)) => found.push(format!("{path}: `items` came or went")),
    }
    compare_choices(old, new, path, found);
}

fn compare_properties(old: Place<'_>, new: Place<'_>, path: &str, found: &mut Vec<String>) {
    let Some(before) = old.at.get("properties").and_then(Value::as_object) else {
        return;
    };
    for (name, was) in before {
        let path = format!("{path}.{name}");
        match new
            .at
            .get("properties")
            .and_then(|properties| properties.get(name))
        {
            Some(is) => compare(old.to(was), new.to(is), &path, found),
            None => found.push(format!("{path}: removed")),
        }
    }
}

/// `oneOf` is how utoipa writes an optional reference: null, or the type.
fn compare_choices(old: Place<'_>, new: Place<'_>, path: &str, found: &mut Vec<String>) {
    for keyword in ["oneOf", "anyOf", "allOf"] {
        let choices = |place: Place<'_>| {
            place
                .at
                .get(keyword)
                .and_then(Value::as_array)
                .map_or(0, Vec::len)
        };
        if choices(old) != choices(new) {
            found.push(format!("{path}: `{keyword}` has other choices"));
            continue;
        }
        for index in 0..choices(old) {
            let (before, after) = (&old.at[keyword][index], &new.at[keyword][index]);
            compare(old.to(before), new.to(after), &format!("{path}|{index}"), found);
        }
    }
}

fn required(schema: &Value) -> BTreeSet<&str> {
    schema
        .get("required")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect()
}

/// References of an OpenAPI document point to its components; those of a standalone schema to its `$defs`.
fn repoint(value: &mut Value) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                match member {
                    Value::String(to) if name == "$ref" => {
                        *to = to.replace("#/components/schemas/", "#/$defs/");
                    }
                    other => repoint(other),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(repoint),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn json(schema: &RefOr<Schema>) -> Value {
    serde_json::to_value(schema).expect("utoipa's schemas always serialize to JSON")
}

const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";

/// The keywords that define the shape of a value; descriptions may be reworded freely.
const SHAPE: [&str; 7] = [
    "type",
    "format",
    "enum",
    "const",
    "additionalProperties",
    "propertyNames",
    "maxProperties",
];

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn committed() -> Value {
        json!({
            "type": "object",
            "required": ["id", "price"],
            "properties": {
                "id": {"type": "string"},
                "price": {"$ref": "#/$defs/Money"},
                "tags": {"type": "array", "items": {"type": "string"}},
                "list_price": {"oneOf": [{"type": "null"}, {"$ref": "#/$defs/Money"}]}
            },
            "$defs": {"Money": {"type": "object", "required": ["amount"], "properties": {"amount": {"type": "integer"}}}}
        })
    }

    fn planted(change: impl FnOnce(&mut Value)) -> Vec<String> {
        let mut new = committed();
        change(&mut new);
        breaks(&committed(), &new)
    }

    #[test]
    fn the_same_schema_breaks_nobody() {
        assert_eq!(planted(|_| {}), Vec::<String>::new());
    }

    #[test]
    fn a_new_optional_property_and_a_new_description_are_growth() {
        let found = planted(|new| {
            new["properties"]["photo_id"] = json!({"type": "string"});
            new["description"] = json!("clearer");
        });
        assert_eq!(found, Vec::<String>::new());
    }

    #[test]
    fn a_removed_property_is_found() {
        let found = planted(|new| drop(new["properties"].as_object_mut().unwrap().remove("tags")));
        assert_eq!(found, ["$.tags: removed"]);
    }

    #[test]
    fn a_changed_type_is_found_behind_a_reference_too() {
        let found = planted(|new| new["$defs"]["Money"]["properties"]["amount"]["type"] = json!("string"));
        assert_eq!(
            found,
            [
                "$.list_price|1.amount: `type` changed",
                "$.price.amount: `type` changed"
            ]
        );
    }

    #[test]
    fn a_changed_element_type_is_found() {
        let found = planted(|new| new["properties"]["tags"]["items"]["type"] = json!("integer"));
        assert_eq!(found, ["$.tags[]: `type` changed"]);
    }

    #[test]
    fn a_new_required_property_is_found() {
        let found = planted(|new| {
            new["properties"]["photo_id"] = json!({"type": "string"});
            new["required"] = json!(["id", "price", "photo_id"]);
        });
        assert_eq!(found, ["$: the required set changed"]);
    }

    #[test]
    fn a_promise_that_is_no_longer_required_is_found() {
        let found = planted(|new| new["required"] = json!(["id"]));
        assert_eq!(found, ["$: the required set changed"]);
    }

    #[test]
    fn an_optional_that_lost_its_null_is_found() {
        let found = planted(|new| new["properties"]["list_price"] = json!({"$ref": "#/$defs/Money"}));
        assert!(
            found.contains(&"$.list_price: `oneOf` has other choices".to_owned()),
            "{found:?}"
        );
    }
}
