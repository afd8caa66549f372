//! A person of an export, as far as anything of them is kept.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::foreign_hash::Notation;
use crate::user::{canonical, check_claims, check_email, check_username};

/// An export that was read.
#[derive(Clone, Debug, PartialEq)]
pub struct Export {
    /// Where its ids come from, such as `keycloak:shop`: an id means one person within it.
    pub source: String,
    /// The people, in the order of the file.
    pub people: Vec<Imported>,
}

/// A person of an export, as far as it is kept.
#[derive(Clone, Debug, PartialEq)]
pub struct Imported {
    /// Their id in the other system.
    pub source_id: String,
    /// The user name there, if it can be one here.
    pub username: Option<String>,
    /// The address; without one nobody is created.
    pub email: Option<String>,
    /// Whether the other system has verified the address.
    pub email_verified: bool,
    /// Whether the account was disabled there.
    pub disabled: bool,
    /// Standard claims.
    pub claims: Map<String, Value>,
    /// Roles of the other system.
    pub roles: Vec<String>,
    /// The password.
    pub password: Notation,
    /// What is not taken, in words.
    pub dropped: Vec<String>,
    /// Why nobody is created for this entry, whatever is in the database.
    pub refused: Option<String>,
}

impl Imported {
    /// Somebody of whom only the id is known.
    pub(crate) fn new(source_id: &str) -> Self {
        Self {
            source_id: source_id.to_owned(),
            username: None,
            email: None,
            email_verified: false,
            disabled: false,
            claims: Map::new(),
            roles: Vec::new(),
            password: Notation::None,
            dropped: Vec::new(),
            refused: None,
        }
    }

    /// Takes a claim, unless there is none.
    pub(crate) fn claim(&mut self, name: &str, value: Option<&str>) {
        if let Some(value) = value.map(str::trim).filter(|value| !value.is_empty()) {
            self.claims.insert(name.to_owned(), Value::from(value));
        }
    }

    /// The name of what is not taken, if it is there.
    pub(crate) fn drop_if(&mut self, there: bool, what: &str) {
        if there {
            self.dropped.push(what.to_owned());
        }
    }

    /// Keeps what our own rules allow, and says what they do not.
    pub(super) fn check(&mut self) {
        if self.source_id.is_empty() || self.source_id.len() > MOST_ID {
            self.refuse("it has no usable id");
        }
        match self.email.take().map(|email| email.trim().to_owned()) {
            None => self.refuse("it has no e-mail address"),
            Some(email) if email.is_empty() => self.refuse("it has no e-mail address"),
            Some(email) => match check_email(&email) {
                Ok(()) => self.email = Some(email),
                Err(_) => self.refuse("its e-mail address is none"),
            },
        }
        if let Some(name) = self.username.take() {
            let name = name.trim();
            match check_username(name) {
                Ok(()) => self.username = Some(name.to_owned()),
                // An address as a user name is common, and says nothing that the address does not.
                Err(_)
                    if self
                        .email
                        .as_deref()
                        .is_some_and(|email| canonical(email) == canonical(name)) => {}
                Err(_) => self.dropped.push("user name".to_owned()),
            }
        }
        let mut dropped = Vec::new();
        self.claims.retain(|name, value| {
            let fine = check_claims(&Map::from_iter([(name.clone(), value.clone())])).is_ok();
            if !fine {
                dropped.push(format!("claim {name}"));
            }
            fine
        });
        self.dropped.extend(dropped);
    }

    fn refuse(&mut self, why: &str) {
        self.refused.get_or_insert_with(|| why.to_owned());
    }

    /// Replaces the roles of the other system by those that they stand for here. A role that stands for none is dropped:
    /// `admin` of another realm is no administrator here.
    pub fn map_roles(&mut self, map: &BTreeMap<String, String>) {
        let mut kept: Vec<String> = Vec::new();
        for role in std::mem::take(&mut self.roles) {
            match map.get(&role) {
                Some(role) if kept.contains(role) => {}
                Some(role) => kept.push(role.clone()),
                None => self.dropped.push(format!("role {role}")),
            }
        }
        self.roles = kept;
    }

    /// What the report says besides the outcome.
    pub fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        if !self.email_verified && self.email.is_some() {
            notes.push("unverified".to_owned());
        }
        if self.disabled {
            notes.push("disabled".to_owned());
        }
        match &self.password {
            Notation::None => notes.push("no password".to_owned()),
            Notation::Kept(hash) if hash.work.is_weak() => notes.push(format!("weak hash: {}", hash.work)),
            Notation::Kept(_) => {}
            Notation::Digest(_) => notes.push("fast hash: wrapped".to_owned()),
            Notation::Weak(why) => notes.push(format!("weak hash, not taken: {why}")),
            Notation::Unknown(name) => notes.push(format!("unknown hash, not taken: {name}")),
        }
        if !self.dropped.is_empty() {
            notes.push(format!("dropped: {}", self.dropped.join("; ")));
        }
        notes
    }
}

/// The longest id.
const MOST_ID: usize = 1_024;

#[cfg(test)]
mod tests {
    use super::*;

    fn person(id: &str, email: &str) -> Imported {
        Imported {
            email: Some(email.to_owned()),
            ..Imported::new(id)
        }
    }

    #[test]
    fn a_role_of_elsewhere_is_dropped_unless_it_is_mapped() {
        let mut ada = Imported {
            roles: vec!["admin".into(), "teacher".into(), "tutor".into()],
            ..person("1", "ada@example.test")
        };
        let map = [("teacher", "instructor"), ("tutor", "instructor")];
        let map = map.map(|(from, to)| (from.to_owned(), to.to_owned()));
        ada.map_roles(&BTreeMap::from(map));
        assert_eq!(ada.roles, ["instructor"]);
        assert_eq!(ada.dropped, ["role admin"]);
    }

    #[test]
    fn what_breaks_our_rules_is_dropped_and_said() {
        let mut odd = Imported {
            username: Some("<b>odd</b>".into()),
            claims: Map::from_iter([
                ("name".to_owned(), Value::from("Odd\u{1b}[2J")),
                ("locale".to_owned(), Value::from("tr")),
            ]),
            ..person("1", "odd@example.test")
        };
        odd.check();
        assert_eq!(odd.username, None);
        assert_eq!(odd.dropped, ["user name", "claim name"]);
        assert_eq!(odd.claims.len(), 1);
        for bad in ["", "nobody", "a@b\r\nBcc: c@d.test"] {
            let mut bad = person("1", bad);
            bad.check();
            assert!(bad.refused.is_some() && bad.email.is_none(), "{bad:?}");
        }
    }
}
