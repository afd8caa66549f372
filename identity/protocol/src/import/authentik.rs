//! `ak dumpdata authentik_core.user`: the rows of Django, with hashes in its notation.

use serde_json::Value;

use super::person::{Export, Imported};
use crate::foreign_hash::notation;

pub(super) fn read(text: &str) -> Result<Export, String> {
    let rows: Vec<Value> =
        serde_json::from_str(text).map_err(|error| format!("not an array of rows: {error}"))?;
    let users: Vec<Imported> = rows
        .iter()
        .filter(|row| row["model"] == "authentik_core.user")
        .map(person)
        .collect();
    if users.is_empty() {
        return Err("there is no row of authentik_core.user in this export".to_owned());
    }
    Ok(Export {
        source: "authentik:".to_owned(),
        people: users,
    })
}

fn person(row: &Value) -> Imported {
    let fields = &row["fields"];
    let text = |name: &str| fields[name].as_str();
    let id = text("uuid").map_or_else(
        || match &row["pk"] {
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            _ => String::new(),
        },
        str::to_owned,
    );
    let mut person = Imported::new(&id);
    person.username = text("username").map(str::to_owned);
    person.email = text("email").map(str::to_owned);
    // authentik has no word for a verified address.
    person.email_verified = false;
    person.disabled = fields["is_active"] != true;
    person.claim("name", text("name"));
    let attributes = fields["attributes"].as_object();
    let locale = fields["attributes"]["settings"]["locale"].as_str();
    person.claim("locale", locale);
    for name in attributes.into_iter().flatten().map(|(name, _)| name) {
        person.drop_if(name != "settings", &format!("attribute {name}"));
    }
    let groups =
        ["groups", "ak_groups"].map(|name| fields[name].as_array().is_some_and(|all| !all.is_empty()));
    person.drop_if(groups.contains(&true), "groups");
    person.drop_if(fields["is_superuser"] == true, "superuser");
    person.password = notation(text("password").unwrap_or_default());
    if text("type").is_some_and(|kind| kind.contains("service_account")) {
        person.refused = Some("it is a service account".to_owned());
    }
    person
}

#[cfg(test)]
mod tests {
    use crate::foreign_hash::Notation;
    use crate::import::Format;

    #[test]
    fn rows_of_django_are_read_and_no_address_counts_as_verified() {
        let text = r#"[
            {"model":"authentik_core.group","pk":"g","fields":{}},
            {"model":"authentik_core.user","pk":1,"fields":{"uuid":"u-1","username":"deniz","email":"deniz@example.test",
             "name":"Deniz","is_active":true,"is_superuser":true,"groups":["g"],
             "attributes":{"settings":{"locale":"tr"},"email_verified":true},
             "password":"pbkdf2_sha256$1000000$saltsalt$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="}},
            {"model":"authentik_core.user","pk":2,"fields":{"username":"off","email":"off@example.test","password":"!x",
             "is_active":false}}]"#;
        let export = Format::Authentik.read(text, "i").unwrap();
        let [deniz, off] = &export.people[..] else {
            panic!("{export:?}");
        };
        assert!(!deniz.email_verified && matches!(deniz.password, Notation::Kept(_)));
        assert_eq!(deniz.claims["locale"], "tr");
        assert_eq!(deniz.dropped, ["attribute email_verified", "groups", "superuser"]);
        assert!(off.disabled && off.password == Notation::None);
        assert_eq!(off.source_id, "2");
    }

    #[test]
    fn an_export_of_something_else_is_told() {
        for text in ["", "{}", "[]", r#"[{"model":"authentik_core.group"}]"#] {
            assert!(Format::Authentik.read(text, "i").is_err(), "{text}");
        }
    }
}
