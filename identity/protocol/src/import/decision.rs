//! What becomes of each person: who exists is never changed, and what two entries share belongs to neither.

use std::collections::{HashMap, HashSet};

use super::person::Imported;
use crate::user::{canonical, check_username, username_canonical};

/// Refuses entries that share an id, an address or a user name: which of two people an address belongs to is not for us
/// to guess, and the first one in the file may be the wrong one.
pub(super) fn refuse_twins(people: &mut [Imported]) {
    let keys = |person: &Imported| {
        let id = Some(format!("id|{}", person.source_id));
        let email = person
            .email
            .as_deref()
            .map(|email| format!("address|{}", canonical(email)));
        let name = person
            .username
            .as_deref()
            .map(|name| format!("user name|{}", username_canonical(name)));
        [id, email, name]
    };
    let mut seen: HashMap<String, usize> = HashMap::new();
    for key in people.iter().flat_map(keys).flatten() {
        *seen.entry(key).or_default() += 1;
    }
    for person in people {
        let twin = keys(person).into_iter().flatten().find(|key| seen[key] > 1);
        if let Some(what) = twin.as_deref().and_then(|key| key.split('|').next()) {
            person.refused.get_or_insert_with(|| format!("{TWIN}{what}"));
        }
    }
}

/// The user names that a person can have, the preferred one first: that of the other system, or one from the address.
pub fn usernames(person: &Imported, digest: &str) -> Vec<String> {
    if let Some(name) = &person.username {
        return vec![name.clone()];
    }
    let local = person.email.as_deref().unwrap_or_default();
    let local = local.split('@').next().unwrap_or_default();
    let plain = |c: char| {
        if c.is_alphanumeric() || matches!(c, '.' | '_' | '-') {
            c
        } else {
            '-'
        }
    };
    let base: String = local.chars().map(plain).take(48).collect();
    let tail: String = digest.chars().take(8).collect();
    [base.clone(), format!("{base}-{tail}"), format!("user-{tail}")]
        .into_iter()
        .filter(|name| check_username(name).is_ok())
        .collect()
}

/// What the database knows of a person of an export.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Facts {
    /// An earlier import has created them.
    pub imported: bool,
    /// An account has the address.
    pub address_taken: bool,
    /// The canonical user names, of those that they can have, that are taken.
    pub taken: HashSet<String>,
}

/// What becomes of a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// They are created, with this user name.
    Create(String),
    /// They are left as they are here.
    Exists(&'static str),
    /// Somebody else has what is theirs.
    Conflict(String),
    /// Nobody can be created from the entry.
    Invalid(String),
}

/// Decides about one person.
pub fn decide(person: &Imported, usernames: &[String], facts: &Facts) -> Decision {
    if facts.imported {
        return Decision::Exists("imported before");
    }
    if let Some(why) = &person.refused {
        return match why.starts_with(TWIN) {
            true => Decision::Conflict(why.clone()),
            false => Decision::Invalid(why.clone()),
        };
    }
    if facts.address_taken {
        return Decision::Exists("an account has this address");
    }
    match usernames
        .iter()
        .find(|name| !facts.taken.contains(&username_canonical(name)))
    {
        Some(name) => Decision::Create(name.clone()),
        None => Decision::Conflict("an account has this user name".to_owned()),
    }
}

/// How the refusal of entries with something in common begins.
const TWIN: &str = "another entry has the same ";

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
    fn a_decision_never_touches_who_exists() {
        let alice = person("1", "alice@example.test");
        let names = usernames(&alice, "0123456789");
        assert_eq!(names, ["alice", "alice-01234567", "user-01234567"]);
        let taken = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let table = [
            (Facts::default(), Decision::Create("alice".into())),
            (
                Facts {
                    imported: true,
                    address_taken: true,
                    ..Facts::default()
                },
                Decision::Exists("imported before"),
            ),
            (
                Facts {
                    address_taken: true,
                    ..Facts::default()
                },
                Decision::Exists("an account has this address"),
            ),
            (
                Facts {
                    taken: taken(&["alice"]),
                    ..Facts::default()
                },
                Decision::Create("alice-01234567".into()),
            ),
        ];
        for (facts, expected) in table {
            assert_eq!(decide(&alice, &names, &facts), expected, "{facts:?}");
        }
        let named = Imported {
            username: Some("alice".into()),
            ..alice
        };
        let facts = Facts {
            taken: taken(&["alice"]),
            ..Facts::default()
        };
        assert_eq!(
            decide(&named, &usernames(&named, "0123456789"), &facts),
            Decision::Conflict("an account has this user name".into()),
            "a name that was chosen there is not replaced by another one"
        );
    }

    #[test]
    fn one_address_in_two_cases_belongs_to_nobody() {
        let mut people = vec![
            person("1", "Dora@Example.test"),
            person("2", "dora@example.TEST"),
            person("3", "emil@example.test"),
        ];
        refuse_twins(&mut people);
        for twin in &people[..2] {
            let names = usernames(twin, "0123456789");
            let decided = decide(twin, &names, &Facts::default());
            assert_eq!(
                decided,
                Decision::Conflict("another entry has the same address".into())
            );
        }
        assert_eq!(people[2].refused, None);
    }
}
