//! The errors of the catalog, and the one table from the domain's reasons to responses.

use http::StatusCode;
use latchkey_kit::{Code, FieldError, Reason, codes};

use crate::domain::DomainError;

/// An error of the catalog.
pub type Error = latchkey_kit::Error<DomainError>;

const NOT_READY: Code = Code::new(
    StatusCode::UNPROCESSABLE_ENTITY,
    "not_ready",
    "Some fields are required before the course can be published.",
);
const TRANSITION: Code = Code::new(
    StatusCode::CONFLICT,
    "transition",
    "The course cannot change from its current status to the requested one.",
);
const ARCHIVED: Code = Code::new(
    StatusCode::CONFLICT,
    "archived",
    "An archived course cannot be changed.",
);
const OWN_COURSE: Code = Code::new(
    StatusCode::FORBIDDEN,
    "own_course",
    "Instructors cannot review their own courses.",
);
const NOT_OWNER_YET: Code = Code::new(
    StatusCode::CONFLICT,
    "not_owner_yet",
    "Only owners of the course review it. After a purchase it can take a moment until this is known; try again.",
);
const CATEGORY_IN_USE: Code = Code::new(
    StatusCode::CONFLICT,
    "category_in_use",
    "The category still contains courses or subcategories.",
);
const CATEGORY_TAKEN: Code = Code::new(
    StatusCode::CONFLICT,
    "category_taken",
    "Another category already has this name.",
);

impl Reason for DomainError {
    const CODES: &'static [Code] = &[
        NOT_READY,
        TRANSITION,
        ARCHIVED,
        OWN_COURSE,
        NOT_OWNER_YET,
        CATEGORY_IN_USE,
        CATEGORY_TAKEN,
    ];

    fn code(&self) -> Code {
        match self {
            Self::Missing => codes::NOT_FOUND, // the same response as for any missing resource, byte for byte
            Self::Stale => codes::STALE,
            Self::Invalid(_) => codes::INVALID_CONTENT,
            Self::NotReady(_) => NOT_READY,
            Self::Overflow => codes::OUT_OF_RANGE,
            Self::Transition { .. } => TRANSITION,
            Self::Archived => ARCHIVED,
            Self::OwnCourse => OWN_COURSE,
            Self::NotOwnerYet => NOT_OWNER_YET,
            Self::CategoryInUse => CATEGORY_IN_USE,
            Self::CategoryTaken => CATEGORY_TAKEN,
        }
    }

    fn into_field_errors(self) -> Vec<FieldError> {
        match self {
            Self::Invalid(errors) | Self::NotReady(errors) => errors,
            Self::Missing
            | Self::Stale
            | Self::Overflow
            | Self::Transition { .. }
            | Self::Archived
            | Self::OwnCourse
            | Self::NotOwnerYet
            | Self::CategoryInUse
            | Self::CategoryTaken => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Status;

    fn every_reason() -> Vec<DomainError> {
        let transition = DomainError::Transition {
            from: Status::Archived,
            to: Status::Draft,
        };
        vec![
            DomainError::Missing,
            DomainError::Stale,
            DomainError::field("title", "is missing"),
            DomainError::NotReady(Vec::new()),
            DomainError::Overflow,
            transition,
            DomainError::Archived,
            DomainError::OwnCourse,
            DomainError::NotOwnerYet,
            DomainError::CategoryInUse,
            DomainError::CategoryTaken,
        ]
    }

    #[test]
    fn every_answer_is_listed_for_those_who_program_against_it() {
        for reason in every_reason() {
            let code = reason.code();
            let listed = DomainError::CODES
                .iter()
                .chain(codes::ALL)
                .any(|known| *known == code);
            assert!(listed, "{code:?}");
        }
    }

    #[test]
    fn no_code_is_listed_that_nothing_answers() {
        for code in DomainError::CODES {
            assert!(
                every_reason().iter().any(|reason| reason.code() == *code),
                "{code:?}"
            );
            assert!(
                !codes::ALL.iter().any(|shared| shared.name == code.name),
                "{code:?}"
            );
        }
    }
}
