//! Who may see a course. Ownership depends on `sub` alone.

use latchkey_kit::Caller;

use super::{Course, DomainError, Status};

impl Course {
    /// Drafts are visible to their owner and administrators; a course that was public once can be read by its address,
    /// because buyers keep access and links stay valid.
    pub fn seen_by(&self, caller: &Caller) -> bool {
        let was_public = match self.status {
            Status::Draft => false,
            Status::Published | Status::Unlisted => true,
            Status::Archived => self.published_at.is_some(),
        };
        was_public || caller.may_act_on(&self.instructor_id)
    }

    /// Another owner's course gets the same response as a missing one.
    pub(super) fn must_be_of(&self, caller: &Caller) -> Result<(), DomainError> {
        if caller.may_act_on(&self.instructor_id) {
            Ok(())
        } else {
            Err(DomainError::Missing)
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
            [owner(), admin, stranger(), Caller::Machine, Caller::Anonymous].map(|who| draft.seen_by(&who));
        assert_eq!(seen, [true, true, false, false, false]);
    }

    #[test]
    fn what_was_public_once_is_seen_by_everyone() {
        for status in [Status::Published, Status::Unlisted, Status::Archived] {
            let course = Course {
                status,
                published_at: Some(5),
                ..course()
            };
            assert!(course.seen_by(&Caller::Anonymous), "{status}");
        }
    }

    #[test]
    fn a_draft_that_was_archived_unseen_stays_unseen() {
        let course = Course {
            status: Status::Archived,
            ..course()
        };
        assert!(!course.seen_by(&stranger()));
        assert!(course.seen_by(&owner()));
    }
}
