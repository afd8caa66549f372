//! The rules of every registration, whoever writes it: a seed, the command line, later the admin API.

use latchkey_protocol::client::Metadata;
use latchkey_protocol::resource::normal;
use latchkey_protocol::{Resource, scope};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// The checks of a client that need no database. An unknown field is answered with the nearest known one.
pub(crate) fn check_metadata(metadata: &Metadata) -> Result<(), String> {
    if let Some(name) = metadata.unknown_name() {
        let known = Metadata::BUILT.iter().chain(&Metadata::LATER).copied();
        let (id, hint) = (&metadata.client_id, did_you_mean(name, known));
        return Err(format!(
            "client {id}: {name:?} is not a registration parameter{hint}"
        ));
    }
    metadata.check()
}

/// The resources of a client must exist.
pub(crate) fn check_targets(metadata: &Metadata, resources: &[Resource]) -> Result<(), String> {
    for name in &metadata.resources {
        if !resources.iter().any(|resource| resource.answers_to(name)) {
            let known = resources.iter().map(|resource| resource.identifier.as_str());
            return Err(format!(
                "client {}: resource {name} is not declared{}",
                metadata.client_id,
                did_you_mean(name, known)
            ));
        }
    }
    Ok(())
}

/// Each scope of a client must be one of OpenID Connect or be declared by one of its resources: it can get no other.
pub(crate) fn check_scopes(metadata: &Metadata, resources: &[Resource]) -> Result<(), String> {
    let own = |resource: &&Resource| metadata.resources.iter().any(|name| resource.answers_to(name));
    for name in metadata.scope.names() {
        if scope::OPENID.contains(&name) || resources.iter().filter(own).any(|own| own.declares(name)) {
            continue;
        }
        let elsewhere = resources.iter().find(|resource| resource.declares(name));
        let hint = match elsewhere {
            Some(resource) => format!("; it is a scope of {}", resource.identifier),
            None => {
                let declared = resources.iter().flat_map(|resource| &resource.scopes);
                did_you_mean(name, declared.map(|scope| scope.name.as_str()))
            }
        };
        let id = &metadata.client_id;
        return Err(format!(
            "client {id}: scope {name} is not declared by any of its resources{hint}"
        ));
    }
    Ok(())
}

/// What a client exchanges tokens for must exist: both resources, and each scope at the one that it calls.
pub(crate) fn check_exchanges(metadata: &Metadata, resources: &[Resource]) -> Result<(), String> {
    let id = &metadata.client_id;
    let declared = |name: &str| {
        let found = resources.iter().find(|resource| resource.answers_to(name));
        found.ok_or_else(|| {
            let known = resources.iter().map(|resource| resource.identifier.as_str());
            let hint = did_you_mean(name, known);
            format!("client {id}: token_exchange names the resource {name}, which is not declared{hint}")
        })
    };
    for rule in &metadata.token_exchange {
        declared(&rule.subject_resource)?;
        let target = declared(&rule.resource)?;
        if let Some(name) = rule.scope.names().find(|name| !target.declares(name)) {
            let known = target.scopes.iter().map(|scope| scope.name.as_str());
            let hint = did_you_mean(name, known);
            let resource = &target.identifier;
            return Err(format!(
                "client {id}: token_exchange asks {resource} for the scope {name}, which it does not declare{hint}"
            ));
        }
    }
    Ok(())
}

/// Each role must be required by some scope: any other has no effect, and is probably mistyped.
pub(crate) fn check_roles(roles: &[String], resources: &[Resource]) -> Result<(), String> {
    let scopes = || resources.iter().flat_map(|resource| &resource.scopes);
    let known = || scopes().flat_map(|scope| &scope.roles).map(String::as_str);
    match roles.iter().find(|role| !known().any(|known| known == **role)) {
        None => Ok(()),
        Some(role) => Err(format!(
            "no scope of a declared resource needs the role {role}{}",
            did_you_mean(role, known())
        )),
    }
}

/// The checks of a resource that need no database; built-in resources cannot be declared.
pub(crate) fn check_resource(resource: &Resource) -> Result<(), String> {
    resource.check()?;
    names(resource).try_for_each(|name| check_not_built_in(name))
}

/// The services declare their resources themselves, under names that are reserved for them.
pub(crate) fn check_not_built_in(name: &str) -> Result<(), String> {
    match name.starts_with("urn:latchkey:") {
        true => Err(format!("resource {name} is built in and cannot be changed")),
        false => Ok(()),
    }
}

/// Every name of a resource.
fn names(resource: &Resource) -> impl Iterator<Item = &String> {
    std::iter::once(&resource.identifier).chain(&resource.aliases)
}

/// A name belongs to one resource, and never to the issuer: otherwise a token for one would be a token for another.
pub(crate) fn check_names(resources: &[Resource], issuer: &str) -> Result<(), String> {
    let mut seen = std::collections::HashSet::from([normal(issuer)]);
    for name in resources.iter().flat_map(names) {
        if !seen.insert(normal(name)) {
            return Err(format!(
                "resource {name} has a name that another resource or the issuer already has"
            ));
        }
    }
    Ok(())
}

/// The registration with some fields changed; a field that becomes null is removed.
pub(crate) fn changed<T>(known: &T, changes: Map<String, Value>) -> Result<T, String>
where
    T: Serialize + DeserializeOwned,
{
    let all = serde_json::to_value(known).map_err(|error| error.to_string())?;
    let Value::Object(mut all) = all else {
        return Err("the registration is not a JSON object".to_owned());
    };
    for (name, value) in changes {
        match value {
            Value::Null => all.remove(&name),
            value => all.insert(name, value),
        };
    }
    serde_json::from_value(Value::Object(all)).map_err(|error| error.to_string())
}

/// A hint at the nearest known name; empty if none is near.
pub(crate) fn did_you_mean<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> String {
    let near = (name.chars().count() / 3).clamp(1, 4);
    known
        .map(|known| (strsim::damerau_levenshtein(name, known), known))
        .filter(|(distance, _)| *distance <= near)
        .min()
        .map(|(_, known)| format!("; did you mean {known}?"))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use latchkey_protocol::resource::ResourceScope;
    use serde_json::json;

    use super::*;

    fn client(more: Value) -> Metadata {
        let mut all =
            json!({ "client_id": "c", "resources": ["urn:latchkey:catalog"], "scope": "catalog.read" });
        let more = more.as_object().unwrap().clone();
        all.as_object_mut().unwrap().extend(more);
        serde_json::from_value(all).unwrap()
    }

    fn catalog() -> Vec<Resource> {
        let scope = |name: &str, roles: &[&str]| ResourceScope {
            name: name.to_owned(),
            description: None,
            roles: roles.iter().map(|role| (*role).to_owned()).collect(),
        };
        vec![Resource {
            identifier: "urn:latchkey:catalog".to_owned(),
            title: None,
            aliases: Vec::new(),
            scopes: vec![
                scope("catalog.read", &[]),
                scope("catalog.write", &["instructor", "admin"]),
                scope("catalog.admin", &["admin"]),
            ],
            wants_roles: true,
            wants_groups: false,
        }]
    }

    #[test]
    fn a_mistyped_name_gets_the_nearest_one_and_a_strange_one_none() {
        for (more, told) in [
            (json!({ "redirect_urs": [] }), "; did you mean redirect_uris?"),
            (
                json!({ "backchannel_logut_uri": "x" }),
                "; did you mean backchannel_logout_uri?",
            ),
            (json!({ "nonsense": 1 }), "is not a registration parameter"),
        ] {
            let refused = check_metadata(&client(more)).unwrap_err();
            assert!(refused.ends_with(told), "{refused}");
        }
        assert_eq!(
            check_metadata(&client(json!({ "logo_uri": "https://c.test" }))),
            Ok(())
        );
    }

    #[test]
    fn a_scope_must_be_declared_by_a_resource_of_the_client() {
        let told = |scope: &str, resources: Value| {
            let client = client(json!({ "scope": scope, "resources": resources }));
            check_scopes(&client, &catalog())
        };
        let catalog = || json!(["urn:latchkey:catalog"]);
        assert_eq!(told("openid offline_access catalog.read", catalog()), Ok(()));
        assert_eq!(told("", json!([])), Ok(()));
        let typo = told("catalog.raed", catalog()).unwrap_err();
        assert!(typo.ends_with("did you mean catalog.read?"), "{typo}");
        let foreign = told("catalog.read", json!([])).unwrap_err();
        assert!(
            foreign.ends_with("it is a scope of urn:latchkey:catalog"),
            "{foreign}"
        );
    }

    /// TX-02.
    #[test]
    fn an_exchange_is_for_declared_resources_and_scopes_alone() {
        let told = |subject: &str, resource: &str, scope: &str| {
            let rule = json!({ "subject_resource": subject, "resource": resource, "scope": scope });
            check_exchanges(&client(json!({ "token_exchange": [rule] })), &catalog())
        };
        let catalog = "urn:latchkey:catalog";
        assert_eq!(told(catalog, catalog, "catalog.read catalog.write"), Ok(()));
        for (subject, resource, scope, hint) in [
            (
                "urn:latchkey:catalgo",
                catalog,
                "catalog.read",
                "; did you mean urn:latchkey:catalog?",
            ),
            (catalog, "urn:elsewhere", "catalog.read", "which is not declared"),
            (
                catalog,
                catalog,
                "catalog.read catalog.raed",
                "; did you mean catalog.read?",
            ),
            (catalog, catalog, "openid", "which it does not declare"),
        ] {
            let refused = told(subject, resource, scope).unwrap_err();
            assert!(refused.ends_with(hint), "{refused}");
        }
    }

    #[test]
    fn a_role_that_nothing_needs_is_refused() {
        let told = |roles: &[&str]| {
            let roles: Vec<String> = roles.iter().map(|&role| role.to_owned()).collect();
            check_roles(&roles, &catalog())
        };
        assert_eq!(told(&[]), Ok(()));
        assert_eq!(told(&["instructor", "admin"]), Ok(()));
        let typo = told(&["admin", "instuctor"]).unwrap_err();
        assert!(typo.ends_with("did you mean instructor?"), "{typo}");
        assert!(told(&["Admin"]).is_err(), "names are exact");
    }

    #[test]
    fn a_change_leaves_every_other_name_as_it_was() {
        let before = client(json!({
            "redirect_uris": ["https://c.test/cb"],
            "backchannel_logout_uri": "https://c.test/out",
            "require_pkce": false,
            "refresh_overlap_seconds": 7,
        }));
        let changes = json!({ "client_name": "C", "refresh_overlap_seconds": null });
        let after = changed(&before, changes.as_object().unwrap().clone()).unwrap();
        let expected = Metadata {
            client_name: Some("C".to_owned()),
            refresh_overlap_seconds: None,
            ..before
        };
        assert_eq!(after, expected);
    }
}
