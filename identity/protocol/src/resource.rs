//! Resources: what access tokens are for, which scopes each declares and which roles those need.

use serde::{Deserialize, Serialize};

/// A protected resource (RFC 8707).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resource {
    /// The identifier that goes into `aud`.
    pub identifier: String,
    /// Other names by which a client may ask for it.
    #[serde(default)]
    pub aliases: Vec<String>,
    /// The scopes that it understands.
    pub scopes: Vec<ResourceScope>,
    /// True when it wants the `roles` claim (RFC 9068 §2.2.3.1).
    #[serde(default)]
    pub wants_roles: bool,
}

/// A scope of a resource.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResourceScope {
    /// Its name.
    pub name: String,
    /// A person needs one of these roles; none listed, none needed.
    #[serde(default)]
    pub roles: Vec<String>,
}

impl Resource {
    /// True when the resource is meant by this `resource` parameter.
    pub fn answers_to(&self, name: &str) -> bool {
        self.identifier == name || self.aliases.iter().any(|alias| alias == name)
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
            if crate::Scope::parse(&scope.name).is_none_or(|parsed| parsed.names().count() != 1) {
                return Err(format!(
                    "scope {:?} of {} is not a scope name",
                    scope.name, self.identifier
                ));
            }
            if crate::scope::OPENID.contains(&scope.name.as_str()) {
                return Err(format!("scope {:?} belongs to OpenID Connect", scope.name));
            }
        }
        Ok(())
    }
}

/// A service of the shop, as tests know it.
#[cfg(test)]
pub(crate) fn fixture() -> Vec<Resource> {
    let scope = |name: &str, roles: &[&str]| ResourceScope {
        name: name.to_owned(),
        roles: roles.iter().map(|role| (*role).to_owned()).collect(),
    };
    vec![Resource {
        identifier: "urn:latchkey:catalog".to_owned(),
        aliases: Vec::new(),
        scopes: vec![
            scope("catalog.read", &[]),
            scope("catalog.write", &["instructor", "admin"]),
            scope("catalog.review", &[]),
            scope("catalog.admin", &["admin"]),
        ],
        wants_roles: true,
    }]
}
