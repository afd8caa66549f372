//! Who may change whom: nobody gives away what they do not hold, nobody changes whoever holds more, and the last owner of
//! an installation stays. The operator at the command line of the host holds everything, and loses the last owner no more
//! easily than anybody else.

use crate::sign_up::ADMINISTRATOR;

/// Who makes a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Actor<'a> {
    /// Whoever has the host.
    Operator,
    /// A user, with the roles that they hold now; none while they may not act.
    User {
        /// Their roles.
        roles: &'a [String],
    },
}

impl<'a> Actor<'a> {
    /// A user who holds these roles, or the operator.
    pub fn of(held: Option<&'a [String]>) -> Self {
        held.map_or(Self::Operator, |roles| Self::User { roles })
    }

    /// Whether the actor holds this role.
    pub fn holds(self, role: &str) -> bool {
        match self {
            Self::Operator => true,
            Self::User { roles } => roles.iter().any(|held| held == role),
        }
    }

    fn holds_all(self, roles: &[String]) -> bool {
        roles.iter().all(|role| self.holds(role))
    }
}

/// A user who is to be changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target<'a> {
    /// The roles that they hold.
    pub roles: &'a [String],
    /// Those of them that have no end; none while they may not act.
    pub lasting: &'a [String],
    /// The same after the change: none for whoever is disabled, locked or deleted by it.
    pub left: &'a [String],
    /// Whether somebody else is an owner, for good, and may act.
    pub other_owner: bool,
}

/// Why a change is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// A role that the actor does not hold would be given.
    #[error("nobody can give a role that they do not hold")]
    Beyond,
    /// The user to be changed holds a role that the actor does not.
    #[error("nobody can change somebody who holds more roles")]
    Above,
    /// Nobody would be left who can administer.
    #[error("the last administrator stays: make somebody else one first")]
    LastOwner,
}

impl Denied {
    /// Every reason.
    pub const ALL: [Self; 3] = [Self::Beyond, Self::Above, Self::LastOwner];

    /// The name in the audit.
    pub fn name(self) -> &'static str {
        match self {
            Self::Beyond => "beyond",
            Self::Above => "above",
            Self::LastOwner => "last_owner",
        }
    }
}

/// Whether these roles make an owner of the installation.
pub fn is_owner(roles: &[String]) -> bool {
    roles.iter().any(|role| role == ADMINISTRATOR)
}

/// Whether the actor may give these roles to somebody: a role, a group that has roles, an invitation.
pub fn may_give(actor: Actor<'_>, roles: &[String]) -> Result<(), Denied> {
    match actor.holds_all(roles) {
        true => Ok(()),
        false => Err(Denied::Beyond),
    }
}

/// Whether the actor may change the user in this way: whatever takes roles, a group, or the means to act.
pub fn may_change(actor: Actor<'_>, target: Target<'_>) -> Result<(), Denied> {
    if !actor.holds_all(target.roles) {
        return Err(Denied::Above);
    }
    if is_owner(target.lasting) && !is_owner(target.left) && !target.other_owner {
        return Err(Denied::LastOwner);
    }
    Ok(())
}

/// What an invitation gives when it is used: what was written, as far as the inviter holds it still.
pub fn given(inviter: Actor<'_>, written: &[String]) -> Vec<String> {
    written
        .iter()
        .filter(|role| inviter.holds(role))
        .cloned()
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(names: &str) -> Vec<String> {
        names.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn nobody_gives_what_they_do_not_hold() {
        for (held, given, expected) in [
            (None, "admin instructor", Ok(())),
            (Some("admin instructor"), "admin", Ok(())),
            (Some("instructor"), "instructor", Ok(())),
            (Some("instructor"), "", Ok(())),
            (Some("instructor"), "admin", Err(Denied::Beyond)),
            (Some("instructor"), "instructor admin", Err(Denied::Beyond)),
            (Some(""), "instructor", Err(Denied::Beyond)),
        ] {
            let roles = held.map(list);
            let actor = match &roles {
                None => Actor::Operator,
                Some(roles) => Actor::User { roles },
            };
            assert_eq!(may_give(actor, &list(given)), expected, "{held:?} {given}");
        }
    }

    #[test]
    fn nobody_changes_whoever_holds_more_and_the_last_owner_stays() {
        for (held, target, left, other, expected) in [
            (None, "instructor", "", false, Ok(())),
            (None, "admin", "", true, Ok(())),
            (None, "admin", "", false, Err(Denied::LastOwner)),
            (None, "admin instructor", "admin", false, Ok(())),
            (
                None,
                "admin instructor",
                "instructor",
                false,
                Err(Denied::LastOwner),
            ),
            (Some("admin"), "admin", "", true, Ok(())),
            (Some("admin"), "admin", "", false, Err(Denied::LastOwner)),
            (Some("admin"), "instructor", "", true, Err(Denied::Above)),
            (Some("admin instructor"), "instructor", "", true, Ok(())),
            (Some("instructor"), "admin", "", true, Err(Denied::Above)),
            (Some("instructor"), "admin", "admin", false, Err(Denied::Above)),
            (Some(""), "", "", false, Ok(())),
        ] {
            let roles = held.map(list);
            let actor = match &roles {
                None => Actor::Operator,
                Some(roles) => Actor::User { roles },
            };
            let (roles, left) = (list(target), list(left));
            let target = Target {
                roles: &roles,
                lasting: &roles,
                left: &left,
                other_owner: other,
            };
            assert_eq!(may_change(actor, target), expected, "{held:?} {target:?}");
        }
    }

    /// Neither is an owner who counts as the last one.
    #[test]
    fn an_owner_who_may_not_act_or_whose_role_ends_can_go() {
        let (admin, none) = (list("admin"), list(""));
        let target = Target {
            roles: &admin,
            lasting: &none,
            left: &none,
            other_owner: false,
        };
        assert_eq!(may_change(Actor::Operator, target), Ok(()));
    }

    #[test]
    fn an_invitation_gives_what_is_written_as_far_as_the_inviter_holds_it() {
        let held = list("instructor");
        for (inviter, written, expected) in [
            (Actor::Operator, "admin instructor", "admin instructor"),
            (Actor::User { roles: &held }, "admin instructor", "instructor"),
            (Actor::User { roles: &[] }, "admin instructor", ""),
        ] {
            assert_eq!(given(inviter, &list(written)), list(expected));
        }
    }
}
