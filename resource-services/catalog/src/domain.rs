//! What a course is, who may see and change it, and the consequences: functions of facts and `now`, without IO.

mod access;
mod category;
mod change;
mod check;
mod content;
mod course;
mod draft;
mod rating;
mod review;
mod search;
mod slug;
mod status;
mod words;

pub use category::{Category, CategoryDraft, Place};
pub use change::Change;
pub use check::is_language;
pub use content::{Content, Kind, Lesson, Level, Price, Section};
pub use course::{Course, NewCourse, Seats, Standing};
pub use draft::{Draft, LessonDraft, Patch, SectionDraft};
pub use rating::{Rating, Shift};
pub use review::{Review, ReviewDraft, Written};
pub use search::{fold, title_key};
pub use slug::{is_slug, slug_of, slugs_for};
pub use status::Status;
pub use words::{Reach, Terms, category_facet, language_facet, level_facet};

use latchkey_kit::FieldError;

/// Why the catalog rejects a request. `error.rs` maps each reason to its response.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DomainError {
    /// It does not exist, or not for this caller: the two must look the same.
    #[error("the resource does not exist for this caller")]
    Missing,
    #[error("the resource changed since the caller read it")]
    Stale,
    #[error("{} fields of the content are not valid", .0.len())]
    Invalid(Vec<FieldError>),
    #[error("{} fields are missing before publication", .0.len())]
    NotReady(Vec<FieldError>),
    #[error("{from} cannot become {to}")]
    Transition { from: Status, to: Status },
    #[error("an archived course cannot be changed")]
    Archived,
    #[error("instructors do not review their own courses")]
    OwnCourse,
    #[error("the user is not known to own the course")]
    NotOwnerYet,
    #[error("the category is in use")]
    CategoryInUse,
    #[error("another category already has this name")]
    CategoryTaken,
    #[error("a number is out of range")]
    Overflow,
}

impl DomainError {
    /// One invalid field.
    pub fn field(field: &str, message: &str) -> Self {
        Self::Invalid(vec![FieldError::new(field, message)])
    }
}
