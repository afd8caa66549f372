//! The user, as sign-in and grants see it.

mod fields;
mod scripts;

pub use fields::{
    PasswordError, SHORTEST_BESIDE, SHORTEST_PASSWORD, STANDARD, canonical, check_claims, check_email,
    check_password, check_username, is_too_long, judge_password, judge_password_of, opaque,
    username_canonical,
};
pub use scripts::{latin_twin, mixes_scripts};

use serde_json::{Map, Value};

use crate::Timestamp;
use crate::error::GrantError;

/// A user's row, without the secrets.
#[derive(Clone, Debug, PartialEq)]
pub struct User {
    /// `sub`: random, stable, never reused.
    pub id: String,
    /// The user name, as written.
    pub username: String,
    /// The address, as written.
    pub email: String,
    /// When the address was verified.
    pub email_verified_at: Option<Timestamp>,
    /// Standard claims (OpenID Connect Core §5.1).
    pub claims: Map<String, Value>,
    /// The current roles.
    pub roles: Vec<String>,
    /// The names of the groups that they are in.
    pub groups: Vec<String>,
    /// When an administrator disabled the user.
    pub disabled_at: Option<Timestamp>,
    /// When an administrator locked the user. A lockout after wrong passwords is something else.
    pub locked_at: Option<Timestamp>,
    /// When the user was deleted.
    pub deleted_at: Option<Timestamp>,
    /// From when on a deletion is carried out that the user has asked for.
    pub deletion_due_at: Option<Timestamp>,
    /// Tokens issued up to this instant are rejected everywhere.
    pub tokens_before: Option<Timestamp>,
    /// When the profile last changed.
    pub updated_at: Timestamp,
}

impl User {
    /// Whether the user may sign in and use grants: the same answer for every grant.
    pub fn may_act(&self) -> Result<(), GrantError> {
        match (self.deleted_at, self.disabled_at, self.locked_at) {
            (None, None, None) => Ok(()),
            (Some(_), _, _) => Err(GrantError::UserGone),
            (None, Some(_), _) => Err(GrantError::UserDisabled),
            (None, None, Some(_)) => Err(GrantError::UserLocked),
        }
    }

    /// Whether the time in which the deletion could be taken back is over: from then on nobody knows the user.
    pub fn is_to_be_deleted(&self, latest: Timestamp) -> bool {
        self.deletion_due_at.is_some_and(|due| due <= latest)
    }

    /// The language of the profile, as a tag.
    pub fn locale(&self) -> Option<&str> {
        self.claims.get("locale").and_then(Value::as_str)
    }

    /// Whether the user has one of the roles; an empty list requires none.
    pub fn has_any_role(&self, wanted: &[String]) -> bool {
        wanted.is_empty() || wanted.iter().any(|role| self.roles.contains(role))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn carol() -> User {
        User {
            id: "01890a5d-ac96-774b-bcce-b302099a8057".into(),
            username: "carol".into(),
            email: "carol@example.test".into(),
            email_verified_at: Some(Timestamp(1)),
            claims: Map::from_iter([("name".to_owned(), Value::from("Carol"))]),
            roles: vec!["instructor".into()],
            groups: Vec::new(),
            disabled_at: None,
            locked_at: None,
            deleted_at: None,
            deletion_due_at: None,
            tokens_before: None,
            updated_at: Timestamp(5_000),
        }
    }

    /// TK-10.
    #[test]
    fn a_disabled_locked_or_deleted_user_may_not_act() {
        type Row = (fn(&mut User), Result<(), GrantError>);
        let table: [Row; 4] = [
            (|_| {}, Ok(())),
            (
                |p| p.disabled_at = Some(Timestamp(1)),
                Err(GrantError::UserDisabled),
            ),
            (|p| p.locked_at = Some(Timestamp(1)), Err(GrantError::UserLocked)),
            (|p| p.deleted_at = Some(Timestamp(1)), Err(GrantError::UserGone)),
        ];
        for (change, expected) in table {
            let mut person = carol();
            change(&mut person);
            assert_eq!(person.may_act(), expected);
        }
    }
}
