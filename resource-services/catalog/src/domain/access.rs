//! Who may see and change a course. Ownership comes from `sub` alone.

use super::{Course, Refusal, Status};

/// Who asks, as the token says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Caller {
    Anonymous,
    /// A client that speaks for itself: it owns nothing, whatever its scopes.
    Machine,
    Person {
        sub: String,
        admin: bool,
    },
}

impl Caller {
    /// Drafts are for their owner and administrators; whatever was public once can be read by its address,
    /// because buyers keep access and links stay alive.
    pub fn sees(&self, course: &Course) -> bool {
        let was_public = match course.status {
            Status::Draft => false,
            Status::Published | Status::Unlisted => true,
            Status::Archived => course.published_at.is_some(),
        };
        was_public || self.may_change(course)
    }

    /// The creator, or an administrator.
    pub fn may_change(&self, course: &Course) -> bool {
        match self {
            Self::Anonymous | Self::Machine => false,
            Self::Person { sub, admin } => *admin || *sub == course.instructor_id,
        }
    }

    /// Somebody else's course is answered as if it were not there.
    pub(super) fn must_own(&self, course: &Course) -> Result<(), Refusal> {
        if self.may_change(course) {
            Ok(())
        } else {
            Err(Refusal::Missing)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::course::fixture::{course, owner};
    use super::*;

    fn stranger() -> Caller {
        Caller::Person {
            sub: "mallory".into(),
            admin: false,
        }
    }

    #[test]
    fn a_draft_is_seen_by_its_owner_and_administrators_alone() {
        let draft = course();
        let admin = Caller::Person {
            sub: "root".into(),
            admin: true,
        };
        let seen =
            [owner(), admin, stranger(), Caller::Machine, Caller::Anonymous].map(|who| who.sees(&draft));
        assert_eq!(seen, [true, true, false, false, false]);
    }

    #[test]
    fn what_was_public_once_is_seen_by_everyone() {
        for status in [Status::Published, Status::Unlisted, Status::Archived] {
            let course = super::super::Course {
                status,
                published_at: Some(5),
                ..course()
            };
            assert!(Caller::Anonymous.sees(&course), "{status}");
        }
    }

    #[test]
    fn a_draft_that_was_archived_unseen_stays_unseen() {
        let course = super::super::Course {
            status: Status::Archived,
            ..course()
        };
        assert!(!stranger().sees(&course));
        assert!(owner().sees(&course));
    }

    #[test]
    fn a_machine_owns_nothing_even_when_the_names_agree() {
        assert!(!Caller::Machine.may_change(&course()));
    }
}
