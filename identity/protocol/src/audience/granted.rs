//! Sets of (resource, scope) pairs: what is requested, shown, allowed and granted.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::scope::{OPENID, Scope};

/// A set of (resource, scope) pairs: what a request asks for, a page shows, a user allows, a code and a family carry.
///
/// The scopes of OpenID Connect belong to the issuer. It is a resource like any other (the audience of userinfo), but
/// has no identifier here: `None` stands for it. The same name at two resources is two pairs, and one of them says
/// nothing about the other.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Written", into = "Written")]
pub struct Granted {
    /// Scopes of OpenID Connect only.
    openid: Scope,
    /// The other scopes, by the identifier of their resource; never an empty scope.
    resources: BTreeMap<String, Scope>,
}

/// The stored form of [`Granted`].
///
/// Older nodes write only `scope` and `resources`, and still read them while nodes are replaced one by one; `pairs`
/// counts only if it agrees with both. Without valid pairs, what was granted at a single resource is granted there. For
/// several resources it is unknown which scope was shown for which, so only the issuer's scopes remain and the user is
/// asked again for the rest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Written {
    /// Every scope, regardless of its resource.
    pub scope: Scope,
    /// The identifier of every resource except the issuer.
    pub resources: Vec<String>,
    /// The scopes of each resource.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pairs: Option<BTreeMap<String, Scope>>,
}

impl Granted {
    /// The OpenID Connect names in `scope`, and at each resource the other names that are given for it.
    pub fn new(scope: &Scope, resources: impl IntoIterator<Item = (String, Scope)>) -> Self {
        let mut granted = Self {
            openid: scope.filter(is_openid),
            resources: BTreeMap::new(),
        };
        for (resource, scope) in resources {
            granted.add(resource, &scope);
        }
        granted
    }

    /// The scope of a request for one resource. Without a resource, names other than those of OpenID Connect are
    /// dropped.
    pub fn at_one(scope: &Scope, resource: Option<&str>) -> Self {
        Self::new(
            scope,
            resource.map(|resource| (resource.to_owned(), scope.clone())),
        )
    }

    fn add(&mut self, resource: String, scope: &Scope) {
        let scope = scope.filter(|name| !is_openid(name));
        if !scope.is_empty() {
            let there = self.resources.entry(resource).or_default();
            *there = there.or(&scope);
        }
    }

    /// The scopes granted at the issuer: those of OpenID Connect.
    pub fn openid(&self) -> &Scope {
        &self.openid
    }

    /// The scope granted at the resource with this identifier.
    pub fn at(&self, resource: &str) -> Option<&Scope> {
        self.resources.get(resource)
    }

    /// Each resource and its scope, the issuer (`None`) first.
    pub fn by_resource(&self) -> impl Iterator<Item = (Option<&str>, &Scope)> {
        let issuer = (!self.openid.is_empty()).then_some((None, &self.openid));
        let others = self.resources.iter();
        issuer
            .into_iter()
            .chain(others.map(|(resource, scope)| (Some(resource.as_str()), scope)))
    }

    /// Each pair; `None` is the issuer.
    pub fn pairs(&self) -> impl Iterator<Item = (Option<&str>, &str)> {
        self.by_resource()
            .flat_map(|(resource, scope)| scope.names().map(move |name| (resource, name)))
    }

    /// True if the set contains this pair; `None` is the issuer.
    pub fn has(&self, resource: Option<&str>, name: &str) -> bool {
        match resource {
            None => self.openid.has(name),
            Some(resource) => self.at(resource).is_some_and(|there| there.has(name)),
        }
    }

    /// True if the set contains no pair.
    pub fn is_empty(&self) -> bool {
        self.openid.is_empty() && self.resources.is_empty()
    }

    /// True if the set contains every pair of `other`.
    pub fn covers(&self, other: &Self) -> bool {
        other.pairs().all(|(resource, name)| self.has(resource, name))
    }

    /// The pairs in both sets.
    pub fn and(&self, other: &Self) -> Self {
        self.filter(|resource, name| other.has(resource, name))
    }

    /// The pairs in either set.
    pub fn or(&self, other: &Self) -> Self {
        let mut all = self.clone();
        all.openid = all.openid.or(&other.openid);
        for (resource, scope) in &other.resources {
            all.add(resource.clone(), scope);
        }
        all
    }

    /// The pairs for which `keep` returns true.
    pub fn filter(&self, keep: impl Fn(Option<&str>, &str) -> bool) -> Self {
        let kept = |(resource, scope): (&String, &Scope)| {
            let scope = scope.filter(|name| keep(Some(resource.as_str()), name));
            (resource.clone(), scope)
        };
        Self::new(
            &self.openid.filter(|name| keep(None, name)),
            self.resources.iter().map(kept),
        )
    }

    /// Every scope name in the set, those of OpenID Connect first, without its resources.
    pub fn scope(&self) -> Scope {
        let names = self.resources.values();
        names.fold(self.openid.clone(), |all, scope| all.or(scope))
    }
}

impl From<Granted> for Written {
    fn from(granted: Granted) -> Self {
        Self {
            scope: granted.scope(),
            resources: granted.resources.keys().cloned().collect(),
            pairs: Some(granted.resources),
        }
    }
}

impl From<Written> for Granted {
    fn from(written: Written) -> Self {
        if let Some(pairs) = &written.pairs {
            let granted = Self::new(&written.scope, pairs.clone());
            if granted.says_the_same(&written) {
                return granted;
            }
        }
        match written.resources.as_slice() {
            [only] => Self::at_one(&written.scope, Some(only)),
            _ => Self::at_one(&written.scope, None),
        }
    }
}

impl Granted {
    /// False if a node that does not know `pairs` has changed the row since it was written.
    fn says_the_same(&self, written: &Written) -> bool {
        let names = self.scope();
        names.covers(&written.scope)
            && written.scope.covers(&names)
            && written.resources.len() == self.resources.len()
            && written
                .resources
                .iter()
                .all(|resource| self.resources.contains_key(resource))
    }
}

/// Whether the name is a scope of OpenID Connect and therefore belongs to the issuer.
pub(super) fn is_openid(name: &str) -> bool {
    OPENID.contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "urn:a";
    const B: &str = "urn:b";

    fn scope(text: &str) -> Scope {
        text.to_owned().try_into().unwrap()
    }

    fn granted(openid: &str, resources: &[(&str, &str)]) -> Granted {
        let resources = resources.iter();
        Granted::new(
            &scope(openid),
            resources.map(|(resource, names)| ((*resource).to_owned(), scope(names))),
        )
    }

    #[test]
    fn a_name_at_one_resource_is_not_the_name_at_another() {
        let at_b = granted("openid", &[(B, "write")]);
        assert!(at_b.covers(&granted("openid", &[])) && at_b.covers(&granted("", &[(B, "write")])));
        assert!(!at_b.covers(&granted("", &[(A, "write")])));
        let both = at_b.or(&granted("", &[(A, "write read")]));
        assert_eq!(both, granted("openid", &[(A, "write read"), (B, "write")]));
        assert_eq!(both.and(&at_b), at_b);
        assert_eq!(both.scope().to_string(), "openid write read");
        let not_at_a = both.filter(|resource, _| resource != Some(A));
        assert_eq!(not_at_a, at_b);
        let pairs: Vec<_> = both.pairs().collect();
        assert_eq!(
            pairs,
            [
                (None, "openid"),
                (Some(A), "write"),
                (Some(A), "read"),
                (Some(B), "write")
            ]
        );
    }

    #[test]
    fn openid_names_are_the_issuers_and_no_resource_is_without_a_scope() {
        let mixed = Granted::at_one(&scope("openid write"), Some(A));
        assert_eq!(mixed, granted("openid", &[(A, "write")]));
        let nothing_there = Granted::at_one(&scope("openid"), Some(A));
        assert_eq!(nothing_there.at(A), None);
        assert!(Granted::at_one(&scope("write"), None).is_empty());
    }

    #[test]
    fn what_is_written_comes_back() {
        let whole = granted("openid profile", &[(A, "read"), (B, "write read")]);
        let text = serde_json::to_string(&whole).unwrap();
        assert_eq!(serde_json::from_str::<Granted>(&text).unwrap(), whole);
        assert_eq!(
            Granted::from(Written::from(Granted::default())),
            Granted::default()
        );
    }

    #[test]
    fn of_two_lists_without_pairs_only_what_is_certain_is_read() {
        let read = |text: &str| serde_json::from_str::<Granted>(text).unwrap();
        assert_eq!(
            read(r#"{"scope":"openid write","resources":["urn:b"]}"#),
            granted("openid", &[(B, "write")])
        );
        assert_eq!(
            read(r#"{"scope":"openid","resources":[]}"#),
            granted("openid", &[])
        );
        assert_eq!(
            read(r#"{"scope":"openid write","resources":["urn:a","urn:b"]}"#),
            granted("openid", &[])
        );
    }

    #[test]
    fn pairs_that_the_lists_have_outgrown_do_not_count() {
        let read = |scope: &str, resources: &[&str]| {
            Granted::from(Written {
                scope: self::scope(scope),
                resources: resources.iter().map(|name| (*name).to_owned()).collect(),
                pairs: Some(BTreeMap::from([(B.to_owned(), self::scope("write"))])),
            })
        };
        assert_eq!(read("openid write", &[B]), granted("openid", &[(B, "write")]));
        assert_eq!(read("openid write", &[A, B]), granted("openid", &[]));
        assert_eq!(read("openid write", &[A]), granted("openid", &[(A, "write")]));
        assert_eq!(read("openid read", &[B]), granted("openid", &[(B, "read")]));
        assert_eq!(read("openid", &[]), granted("openid", &[]));
    }
}
