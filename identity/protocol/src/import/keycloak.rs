//! A realm export of Keycloak, a file of its users, or an array of them.

use serde_json::Value;

use super::person::{Export, Imported};
use crate::foreign_hash::{Notation, keycloak};

pub(super) fn read(text: &str) -> Result<Export, String> {
    let whole: Value = serde_json::from_str(text).map_err(|error| format!("not JSON: {error}"))?;
    let realm = whole["realm"].as_str().unwrap_or_default();
    let users = whole.as_array().or_else(|| whole["users"].as_array());
    let users = users.ok_or("there are no users in this export; export the realm with its users")?;
    Ok(Export {
        source: format!("keycloak:{realm}"),
        people: users.iter().map(person).collect(),
    })
}

fn person(user: &Value) -> Imported {
    let text = |name: &str| user[name].as_str();
    let filled = |name: &str| match &user[name] {
        Value::Array(all) => !all.is_empty(),
        Value::Object(all) => !all.is_empty(),
        Value::String(text) => !text.is_empty(),
        _ => false,
    };
    let mut person = Imported::new(text("id").unwrap_or_default());
    person.username = text("username").map(str::to_owned);
    person.email = text("email").map(str::to_owned);
    person.email_verified = user["emailVerified"] == true;
    person.disabled = user["enabled"] != true;
    let (given, family) = (text("firstName"), text("lastName"));
    let whole: Vec<&str> = [given, family].into_iter().flatten().collect();
    person.claim("name", Some(&whole.join(" ")));
    person.claim("given_name", given);
    person.claim("family_name", family);
    for (name, values) in user["attributes"].as_object().into_iter().flatten() {
        match (name.as_str(), values[0].as_str()) {
            ("locale" | "zoneinfo" | "picture" | "website" | "nickname" | "phone_number", Some(value)) => {
                person.claim(name, Some(value));
            }
            _ => person.dropped.push(format!("attribute {name}")),
        }
    }
    let roles = user["realmRoles"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str);
    // The role that every user of a realm has says nothing.
    person.roles = roles
        .filter(|role| !role.starts_with("default-roles-"))
        .map(str::to_owned)
        .collect();
    person.drop_if(filled("clientRoles"), "client roles");
    person.drop_if(filled("groups"), "groups");
    person.drop_if(filled("requiredActions"), "required actions");
    person.drop_if(filled("federatedIdentities"), "federated identities");
    person.drop_if(filled("federationLink"), "federation link");
    for credential in user["credentials"].as_array().into_iter().flatten() {
        let member = |name: &str| credential[name].as_str().unwrap_or_default();
        match member("type") {
            "password" if person.password == Notation::None => {
                person.password = keycloak(member("secretData"), member("credentialData"));
            }
            "password" => person.dropped.push("a second password".to_owned()),
            "otp" => person.dropped.push("TOTP".to_owned()),
            // Bound to the name of the host that it was made for.
            "webauthn" | "webauthn-passwordless" => person.dropped.push("passkey".to_owned()),
            _ => person.dropped.push("a credential".to_owned()),
        }
    }
    if filled("serviceAccountClientId") {
        person.refused = Some("it is the service account of a client".to_owned());
    }
    person
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import::Format;

    #[test]
    fn a_realm_is_read_with_what_is_dropped() {
        let secret = r#"{\"value\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\",\"salt\":\"AAAAAAAAAAAAAAAAAAAAAA==\"}"#;
        let data = r#"{\"hashIterations\":27500,\"algorithm\":\"pbkdf2-sha256\"}"#;
        let text = format!(
            r#"{{"realm":"shop","users":[
                {{"id":"k1","username":"ayse","email":"Ayse@Example.test","emailVerified":true,"enabled":true,
                  "firstName":"Ayşe","lastName":"Yılmaz","attributes":{{"locale":["tr"],"shoeSize":["38"]}},
                  "realmRoles":["default-roles-shop","admin"],"groups":["/a"],
                  "credentials":[{{"type":"password","secretData":"{secret}","credentialData":"{data}"}},
                                 {{"type":"otp"}}]}},
                {{"id":"k2","username":"service-account-x","serviceAccountClientId":"x","enabled":true}}]}}"#
        );
        let export = Format::Keycloak.read(&text, "i").unwrap();
        assert_eq!(export.source, "keycloak:shop");
        let ayse = &export.people[0];
        assert_eq!(ayse.claims["name"], "Ayşe Yılmaz");
        assert_eq!(ayse.roles, ["admin"]);
        assert_eq!(ayse.dropped, ["attribute shoeSize", "groups", "TOTP"]);
        assert!(ayse.email_verified && !ayse.disabled && ayse.refused.is_none());
        assert!(matches!(ayse.password, Notation::Kept(_)));
        assert!(export.people[1].refused.is_some());
    }

    #[test]
    fn what_is_no_export_is_told() {
        for text in ["", "[", "{}", "[[[[", "{\"users\":7}", &"[".repeat(10_000)] {
            assert!(Format::Keycloak.read(text, "i").is_err(), "{text:.20}");
        }
        // An entry of nonsense is a person without anything.
        let export = Format::Keycloak.read("[7, null, {}]", "i").unwrap();
        assert!(export.people.iter().all(|person| person.refused.is_some()));
    }
}
