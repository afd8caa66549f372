//! Resources: the audiences of access tokens, the scopes that each declares and the roles that those require.

use serde::{Deserialize, Serialize};

/// A protected resource (RFC 8707).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resource {
    /// The identifier that goes into `aud`.
    pub identifier: String,
    /// What people call it, on pages that ask for their consent; the identifier stands there when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Other names by which a client may ask for it.
    #[serde(default)]
    pub aliases: Vec<String>,
    /// The scopes that it declares.
    pub scopes: Vec<ResourceScope>,
    /// True if its tokens carry the `roles` claim (RFC 9068 §2.2.3.1).
    #[serde(default)]
    pub wants_roles: bool,
    /// True if its tokens carry the `groups` claim, where the client has the scope for it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub wants_groups: bool,
}

/// A scope of a resource.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResourceScope {
    /// Its name.
    pub name: String,
    /// What whoever has it may do, as a consent page says it; its name stands there when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// A person needs one of these roles; none listed, none needed.
    #[serde(default)]
    pub roles: Vec<String>,
}

impl Resource {
    /// True if this `resource` parameter means the resource.
    pub fn answers_to(&self, name: &str) -> bool {
        same(&self.identifier, name) || self.aliases.iter().any(|alias| same(alias, name))
    }

    /// True when the resource declares the scope.
    pub fn declares(&self, scope: &str) -> bool {
        self.scopes.iter().any(|declared| declared.name == scope)
    }

    /// RFC 8707 §2: an absolute URI without a fragment.
    pub fn check(&self) -> Result<(), String> {
        for name in std::iter::once(&self.identifier).chain(&self.aliases) {
            let uri =
                url::Url::parse(name).map_err(|_| format!("resource {name:?} is not an absolute URI"))?;
            if uri.fragment().is_some() {
                return Err(format!("resource {name:?} has a fragment"));
            }
        }
        for scope in &self.scopes {
            if crate::Scope::parse(&scope.name).is_none_or(|parsed| parsed.names().ne([scope.name.as_str()]))
            {
                return Err(format!(
                    "scope {:?} of {} is not a scope name",
                    scope.name, self.identifier
                ));
            }
            if crate::scope::OPENID.contains(&scope.name.as_str()) {
                return Err(format!("scope {:?} is defined by OpenID Connect", scope.name));
            }
        }
        Ok(())
    }
}

/// Whether two names mean the same resource: they are equal, except for the `/` after an origin. Every comparison of
/// resources uses this function.
pub fn same(one: &str, other: &str) -> bool {
    normal(one) == normal(other)
}

/// The name of a resource without the `/` after an origin, which carries no meaning: an empty path is `/` (RFC 3986
/// §6.2.3), and URL libraries add it. Anything else stays as it is.
pub fn normal(name: &str) -> &str {
    let origin = |text: &&str| {
        text.split_once("://")
            .is_some_and(|(_, authority)| !authority.is_empty() && !authority.contains(['/', '?', '#']))
    };
    name.strip_suffix('/').filter(origin).unwrap_or(name)
}

/// A service of the shop, as tests use it.
#[cfg(test)]
pub(crate) fn fixture() -> Vec<Resource> {
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
            scope("catalog.review", &[]),
            scope("catalog.admin", &["admin"]),
        ],
        wants_roles: true,
        wants_groups: false,
    }]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_the_same_with_and_without_a_slash_and_nothing_else_is() {
        for origin in ["https://api.test", "http://localhost:8080", "https://[::1]:8443"] {
            let slash = format!("{origin}/");
            assert!(same(origin, &slash) && same(&slash, origin) && same(&slash, &slash));
            for other in [
                format!("{origin}//"),
                format!("{origin}/a"),
                format!("{origin}?"),
                format!("{origin}/?"),
                origin.to_uppercase(),
                format!("{origin}."),
            ] {
                assert!(!same(origin, &other) && !same(&slash, &other), "{other}");
            }
        }
        for (one, other) in [
            ("https://api.test/a", "https://api.test/a/"),
            ("https://api.test?a", "https://api.test?a/"),
            ("https://api.test", "http://api.test/"),
            ("urn:latchkey:catalog", "urn:latchkey:catalog/"),
            ("https://", "https:///"),
            ("", "/"),
        ] {
            assert!(!same(one, other), "{one} {other}");
        }
    }

    #[test]
    fn a_resource_answers_to_its_origins_in_either_spelling() {
        let resource = Resource {
            identifier: "https://api.test".into(),
            title: None,
            aliases: vec!["https://old.test/".into(), "https://old.test/v1".into()],
            scopes: Vec::new(),
            wants_roles: false,
            wants_groups: false,
        };
        for name in [
            "https://api.test",
            "https://api.test/",
            "https://old.test",
            "https://old.test/",
            "https://old.test/v1",
        ] {
            assert!(resource.answers_to(name), "{name}");
        }
        for name in [
            "https://api.test/v1",
            "https://old.test/v1/",
            "https://api.test//",
        ] {
            assert!(!resource.answers_to(name), "{name}");
        }
    }

    #[test]
    fn a_scope_of_a_resource_is_one_name_without_spaces() {
        for (name, fine) in [
            ("a", true),
            (" a", false),
            ("a ", false),
            ("a b", false),
            ("", false),
        ] {
            let resource = Resource {
                identifier: "urn:a".into(),
                title: None,
                aliases: Vec::new(),
                scopes: vec![ResourceScope {
                    name: name.into(),
                    description: None,
                    roles: Vec::new(),
                }],
                wants_roles: false,
                wants_groups: false,
            };
            assert_eq!(resource.check().is_ok(), fine, "{name:?}");
        }
    }
}
