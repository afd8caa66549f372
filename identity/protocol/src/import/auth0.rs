//! Users of Auth0: a JSON array, or one object a line as its exports and its support hand them out.

use serde_json::Value;

use super::person::{Export, Imported};
use crate::foreign_hash::notation;

pub(super) fn read(text: &str) -> Result<Export, String> {
    let users: Vec<Value> = match text.trim_start().starts_with('[') {
        true => serde_json::from_str(text).map_err(|error| format!("not JSON: {error}"))?,
        false => {
            let lines = text
                .lines()
                .enumerate()
                .filter(|(_, line)| !line.trim().is_empty());
            let read = lines.map(|(at, line)| {
                serde_json::from_str(line).map_err(|error| format!("line {} is not JSON: {error}", at + 1))
            });
            read.collect::<Result<_, String>>()?
        }
    };
    if users.is_empty() {
        return Err("there are no users in this export".to_owned());
    }
    Ok(Export {
        source: "auth0:".to_owned(),
        people: users.iter().map(person).collect(),
    })
}

fn person(user: &Value) -> Imported {
    let text = |name: &str| user[name].as_str();
    let id = text("user_id").or_else(|| text("Id")).or_else(|| text("id"));
    let id = id
        .or_else(|| user["_id"]["$oid"].as_str())
        .or_else(|| text("_id"));
    // The same account is `auth0|…` in one export and the bare id in another.
    let id = id.unwrap_or_default();
    let mut person = Imported::new(id.strip_prefix("auth0|").unwrap_or(id));
    person.username = text("username").map(str::to_owned);
    person.email = text("email").or_else(|| text("Email")).map(str::to_owned);
    person.email_verified = user["email_verified"] == true;
    person.disabled = user["blocked"] == true;
    // Auth0 puts the address where a name is missing.
    let name = text("name").filter(|name| Some(*name) != text("email"));
    person.claim("name", name);
    for claim in ["given_name", "family_name", "nickname", "picture", "locale"] {
        person.claim(claim, text(claim));
    }
    let hash = text("passwordHash").or_else(|| text("password_hash"));
    person.password = notation(hash.unwrap_or_default());
    let filled = |name: &str| match &user[name] {
        Value::Array(all) => !all.is_empty(),
        Value::Object(all) => !all.is_empty(),
        Value::String(text) => !text.is_empty(),
        _ => false,
    };
    for (field, what) in [
        ("app_metadata", "app_metadata"),
        ("user_metadata", "user_metadata"),
        ("multifactor", "second factors"),
        ("mfa_factors", "second factors"),
        ("phone_number", "phone number"),
    ] {
        person.drop_if(filled(field), what);
    }
    let identities = user["identities"].as_array();
    let elsewhere = |identity: &Value| identity["provider"].as_str().is_some_and(|name| name != "auth0");
    person.drop_if(
        identities.is_some_and(|all| all.iter().any(elsewhere)),
        "identities of other providers",
    );
    person
}

#[cfg(test)]
mod tests {
    use crate::foreign_hash::Notation;
    use crate::import::Format;

    #[test]
    fn lines_and_arrays_are_read_alike() {
        let one = r#"{"_id":{"$oid":"5f"},"email":"a@example.test","email_verified":true,"name":"a@example.test","passwordHash":"$2b$10$abcdefghijklmnopqrstuu5.5Iw1f3jPpQkYGQEzSJ8CZjYXvY6bq","app_metadata":{"plan":"pro"}}"#;
        let two = r#"{"user_id":"auth0|60","email":"b@example.test","email_verified":"true","blocked":true}"#;
        let lines = Format::Auth0.read(&format!("{one}\n\n{two}\n"), "i").unwrap();
        let array = Format::Auth0.read(&format!("[{one},{two}]"), "i").unwrap();
        assert_eq!(lines, array);
        let [first, second] = &lines.people[..] else {
            panic!("{lines:?}");
        };
        assert!(matches!(first.password, Notation::Kept(_)) && first.email_verified);
        assert!(first.claims.is_empty());
        assert_eq!(first.dropped, ["app_metadata"]);
        assert_eq!(second.source_id, "60");
        assert!(second.disabled);
        assert!(!second.email_verified, "a text is not a yes");
    }

    #[test]
    fn a_broken_line_stops_before_anything() {
        for text in ["", "\n", "[]", "{\"a\":1}\nnot json", "[1,"] {
            assert!(Format::Auth0.read(text, "i").is_err(), "{text}");
        }
    }
}
