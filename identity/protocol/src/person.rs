//! People, as the decisions of sign-in see them.

use serde_json::{Map, Value};

use crate::Timestamp;
use crate::error::GrantRefusal;

/// A person's row, without the secrets.
#[derive(Clone, Debug, PartialEq)]
pub struct Person {
    /// `sub`: random, stable, never given to anybody else.
    pub id: String,
    /// The user name, as written.
    pub username: String,
    /// The address, as written.
    pub email: String,
    /// When a proof came from that address.
    pub email_verified_at: Option<Timestamp>,
    /// Standard claims (OpenID Connect Core §5.1).
    pub claims: Map<String, Value>,
    /// Roles now.
    pub roles: Vec<String>,
    /// When an administrator disabled them.
    pub disabled_at: Option<Timestamp>,
    /// When an administrator locked them. A guess throttle is not a lock.
    pub locked_at: Option<Timestamp>,
    /// When they were deleted.
    pub deleted_at: Option<Timestamp>,
    /// Tokens issued up to this instant are refused everywhere.
    pub tokens_before: Option<Timestamp>,
    /// When their profile last changed.
    pub updated_at: Timestamp,
}

impl Person {
    /// Whether they may act at all: the one answer for every grant.
    pub fn may_act(&self) -> Result<(), GrantRefusal> {
        match (self.deleted_at, self.disabled_at, self.locked_at) {
            (None, None, None) => Ok(()),
            (Some(_), _, _) => Err(GrantRefusal::PersonGone),
            (None, Some(_), _) => Err(GrantRefusal::PersonDisabled),
            (None, None, Some(_)) => Err(GrantRefusal::PersonLocked),
        }
    }

    /// Whether they have one of the roles; none wanted, none needed.
    pub fn has_any_role(&self, wanted: &[String]) -> bool {
        wanted.is_empty() || wanted.iter().any(|role| self.roles.contains(role))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn carol() -> Person {
        Person {
            id: "01890a5d-ac96-774b-bcce-b302099a8057".into(),
            username: "carol".into(),
            email: "carol@example.test".into(),
            email_verified_at: Some(Timestamp(1)),
            claims: Map::from_iter([("name".to_owned(), Value::from("Carol"))]),
            roles: vec!["instructor".into()],
            disabled_at: None,
            locked_at: None,
            deleted_at: None,
            tokens_before: None,
            updated_at: Timestamp(5_000),
        }
    }

    #[test]
    fn tk_10_a_disabled_locked_or_deleted_person_may_not_act() {
        type Row = (fn(&mut Person), Result<(), GrantRefusal>);
        let table: [Row; 4] = [
            (|_| {}, Ok(())),
            (
                |p| p.disabled_at = Some(Timestamp(1)),
                Err(GrantRefusal::PersonDisabled),
            ),
            (
                |p| p.locked_at = Some(Timestamp(1)),
                Err(GrantRefusal::PersonLocked),
            ),
            (
                |p| p.deleted_at = Some(Timestamp(1)),
                Err(GrantRefusal::PersonGone),
            ),
        ];
        for (change, expected) in table {
            let mut person = carol();
            change(&mut person);
            assert_eq!(person.may_act(), expected);
        }
    }
}
