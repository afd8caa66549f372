//! Reference pages of OpenAPI and AsyncAPI documents, as Markdown. Pure.

use serde_json::Value;

const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

/// The page of a service's API.
pub fn api(service: &str, document: &Value) -> String {
    let mut page = format!(
        "# API: {service}\n\nThe document itself is at `/api/{service}/openapi.json` of the gateway.\n"
    );
    for (path, methods) in members(&document["paths"]) {
        for method in METHODS {
            let operation = &methods[method];
            if operation.is_null() {
                continue;
            }
            page += &format!("\n## `{} {path}`\n", method.to_uppercase());
            for text in [&operation["summary"], &operation["description"]] {
                page += &text
                    .as_str()
                    .map_or_else(String::new, |text| format!("\n{}\n", plain(text)));
            }
            page += &parameters(operation);
            page += &body("Body", &operation["requestBody"]);
            page += &answers(operation);
        }
    }
    page
}

/// The page of the events.
pub fn events(document: &Value) -> String {
    let mut page = String::from("# Events\n\nThe document itself is printed by `latchkey events schema`.\n");
    let schemas = &document["components"]["schemas"];
    for (name, _) in members(&document["channels"]) {
        page += &format!("\n## `{name}`\n\n");
        for (operation, value) in members(&document["operations"]) {
            if operation.ends_with(name) {
                page += &format!("{}\n", plain(value["description"].as_str().unwrap_or(operation)));
            }
        }
        page += &fields(&schemas[name]);
    }
    page
}

fn parameters(operation: &Value) -> String {
    let all = operation["parameters"].as_array().map_or(&[][..], Vec::as_slice);
    let row = |one: &Value| {
        let is_required = one["required"] == true;
        format!(
            "| `{}` | {} | {} | {} |\n",
            one["name"].as_str().unwrap_or_default(),
            one["in"].as_str().unwrap_or_default(),
            if is_required { "required" } else { "" },
            plain(one["description"].as_str().unwrap_or_default()),
        )
    };
    match all {
        [] => String::new(),
        all => format!(
            "\n| Parameter | In | | |\n| --- | --- | --- | --- |\n{}",
            all.iter().map(row).collect::<String>()
        ),
    }
}

fn answers(operation: &Value) -> String {
    let row = |(status, answer): (&String, &Value)| {
        let text = plain(answer["description"].as_str().unwrap_or_default());
        format!("| {status} | {text} | {} |\n", schema_of(answer))
    };
    let rows: String = members(&operation["responses"]).map(row).collect();
    format!("\n| Status | Answer | Body |\n| --- | --- | --- |\n{rows}")
}

fn body(what: &str, value: &Value) -> String {
    match schema_of(value).as_str() {
        "" => String::new(),
        schema => format!("\n{what}: {schema}\n"),
    }
}

/// The name of the schema of the first kind of content.
fn schema_of(value: &Value) -> String {
    let content = members(&value["content"]).next();
    let name = content.and_then(|(_, content)| content["schema"]["$ref"].as_str());
    name.and_then(|name| name.rsplit('/').next())
        .map_or_else(String::new, |name| format!("`{name}`"))
}

fn fields(schema: &Value) -> String {
    let required = schema["required"].as_array().map_or(&[][..], Vec::as_slice);
    let row = |(name, field): (&String, &Value)| {
        let is_required = required.iter().any(|one| one == name.as_str());
        let text = plain(field["description"].as_str().unwrap_or_default());
        format!(
            "| `{name}` | {} | {text} |\n",
            if is_required { "required" } else { "" }
        )
    };
    let rows: String = members(&schema["properties"]).map(row).collect();
    match rows.is_empty() {
        true => String::new(),
        false => format!("\n| Member | | |\n| --- | --- | --- |\n{rows}"),
    }
}

fn members(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}

/// A text in one cell of a table, of which nothing is HTML.
fn plain(text: &str) -> String {
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    words.replace('|', "\\|").replace('<', "&lt;")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_operation_is_told_with_its_parameters_and_answers() {
        let page = api(
            "notes",
            &json!({"paths": {"/v1/notes/{id}": {"get": {
                "summary": "Reads a note", "description": "Its <b>own</b>|er\n alone.",
                "parameters": [{"name": "id", "in": "path", "required": true, "description": "Which"}],
                "responses": {"200": {"description": "It", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Note"}}}}},
            }}}}),
        );
        for told in [
            "## `GET /v1/notes/{id}`",
            "Reads a note",
            "Its &lt;b>own&lt;/b>\\|er alone.",
            "| `id` | path | required | Which |",
            "| 200 | It | `Note` |",
        ] {
            assert!(page.contains(told), "{told}: {page}");
        }
    }

    #[test]
    fn an_event_is_told_with_its_members_and_who_handles_it() {
        let page = events(&json!({
            "channels": {"notes.note.kept.v1": {}},
            "operations": {"send.notes.note.kept.v1": {"description": "notes publishes it."}},
            "components": {"schemas": {"notes.note.kept.v1": {
                "required": ["id"], "properties": {"id": {"description": "Which"}, "title": {}},
            }}},
        }));
        for told in [
            "## `notes.note.kept.v1`",
            "notes publishes it.",
            "| `id` | required | Which |",
            "| `title` |  |  |",
        ] {
            assert!(page.contains(told), "{told}: {page}");
        }
    }

    #[test]
    fn what_is_not_there_is_left_out() {
        assert!(!api("notes", &json!({"paths": {}})).contains("##"));
        assert!(!events(&json!({})).contains("##"));
    }
}
