//! Scopes: sets of names (RFC 6749 §3.3). Their order is kept for display, and has no meaning.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How many names a request may ask for.
const MOST: usize = 64;

/// A set of scope names, in the order in which they were given.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Scope(Vec<String>);

/// The names that belong to OpenID Connect and to no resource (OpenID Connect Core §5.4, §11).
pub const OPENID: [&str; 7] = [
    "openid",
    "profile",
    "email",
    "address",
    "phone",
    "offline_access",
    GROUPS,
];

/// The scope for the names of a user's groups.
pub const GROUPS: &str = "groups";

impl Scope {
    /// Parses names separated by spaces; `None` for anything else, and for no name at all. A repeated name counts once.
    /// RFC 6749 §3.3 allows single spaces only; more are accepted, because clients that join lists send them.
    pub fn parse(text: &str) -> Option<Self> {
        let plain = |c: char| matches!(c, '!' | '#'..='[' | ']'..='~');
        let mut names: Vec<String> = Vec::new();
        for name in text.split(' ').filter(|name| !name.is_empty()) {
            if !name.chars().all(plain) || names.len() == MOST {
                return None;
            }
            if !names.iter().any(|known| known == name) {
                names.push(name.to_owned());
            }
        }
        (!names.is_empty()).then_some(Self(names))
    }

    /// The empty set, which has no text form.
    pub fn empty() -> Self {
        Self::default()
    }

    /// True if the set is empty.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// True if `name` is in the set.
    pub fn has(&self, name: &str) -> bool {
        self.0.iter().any(|known| known == name)
    }

    /// True if everything in `other` is in this set.
    pub fn covers(&self, other: &Self) -> bool {
        other.0.iter().all(|name| self.has(name))
    }

    /// The names in both, in the order of this set.
    pub fn and(&self, other: &Self) -> Self {
        self.filter(|name| other.has(name))
    }

    /// The names in either, those of this set first.
    pub fn or(&self, other: &Self) -> Self {
        let more = other.0.iter().filter(|name| !self.has(name));
        Self(self.0.iter().chain(more).cloned().collect())
    }

    /// The names for which `keep` returns true.
    pub fn filter(&self, keep: impl Fn(&str) -> bool) -> Self {
        Self(self.0.iter().filter(|name| keep(name)).cloned().collect())
    }

    /// The names.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join(" "))
    }
}

impl From<Scope> for String {
    fn from(scope: Scope) -> Self {
        scope.to_string()
    }
}

impl TryFrom<String> for Scope {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        if text.is_empty() {
            return Ok(Self::empty());
        }
        Self::parse(&text).ok_or("scope names are separated by spaces")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_separated_by_spaces_and_by_nothing_else() {
        for spaced in ["a b", "a  b", " a b", "a b ", "   a    b  "] {
            let scope = Scope::parse(spaced).unwrap();
            assert_eq!(scope.names().collect::<Vec<_>>(), ["a", "b"], "{spaced:?}");
            assert_eq!(scope.to_string(), "a b");
        }
        for bad in [
            "", " ", "   ", "a\nb", "a \n", "a\tb", "a\u{a0}b", "a\"b", "a\\b", "é", "a,b\n",
        ] {
            assert_eq!(Scope::parse(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn a_repeated_name_counts_once_and_too_many_are_refused() {
        assert_eq!(Scope::parse("a b a").unwrap().to_string(), "a b");
        let many: Vec<String> = (0..65).map(|n| format!("s{n}")).collect();
        assert_eq!(Scope::parse(&many.join(" ")), None);
    }

    proptest::proptest! {
        #[test]
        fn what_is_parsed_is_written_back_to_an_equal_set(text in "[a-z:.]{1,8}( [a-z:.]{1,8}){0,5}") {
            let scope = Scope::parse(&text).unwrap();
            proptest::prop_assert_eq!(Scope::parse(&scope.to_string()), Some(scope.clone()));
            proptest::prop_assert!(scope.covers(&scope.and(&scope)));
        }
    }
}
