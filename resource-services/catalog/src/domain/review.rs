//! Reviews: who may write one, and what it does to the rating of a course.

use latchkey_kit::{Caller, FieldErrors, objects};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{Course, DomainError, Shift};

/// The body of PUT.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(remote = "Self", deny_unknown_fields)]
pub struct ReviewDraft {
    /// 1 to 5.
    pub stars: i64,
    /// At most 2,000 characters.
    #[serde(default)]
    pub text: Option<String>,
    /// How the review is signed, at most 60 characters; without a name nobody sees who wrote it.
    #[serde(default)]
    pub name: Option<String>,
}

objects!(ReviewDraft);

/// A review. A user has at most one of each course.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Review {
    pub id: String,
    pub course_id: String,
    pub user_id: String,
    pub stars: i64,
    pub text: String,
    /// Empty if it is not signed.
    pub name: String,
    pub version: i64,
    pub created_at: i64,
    pub updated_at: i64,
}

/// A review to write, and its effect. `before` is the version that the stored one must still have.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "a review is only a decision until it is written"]
pub struct Written {
    pub review: Review,
    pub before: Option<i64>,
    pub shift: Shift,
}

impl ReviewDraft {
    /// The review of a user after this draft. `owned` says whether they own the course, `before` is their review so far,
    /// and `id` the one of a new review.
    pub fn write(
        self,
        course: &Course,
        caller: &Caller,
        owned: bool,
        before: Option<Review>,
        id: String,
        now: i64,
    ) -> Result<Written, DomainError> {
        let Caller::Person { sub, .. } = caller else {
            return Err(DomainError::Missing);
        };
        if !course.seen_by(caller) {
            return Err(DomainError::Missing);
        }
        if course.instructor_id == *sub {
            return Err(DomainError::OwnCourse);
        }
        if !owned {
            return Err(DomainError::NotOwnerYet);
        }
        self.signed(&course.id, sub, before, id, now)
    }

    /// The same for a user who is known to be allowed.
    pub fn signed(
        self,
        course_id: &str,
        user_id: &str,
        before: Option<Review>,
        id: String,
        now: i64,
    ) -> Result<Written, DomainError> {
        let mut errors = FieldErrors::default();
        if !(1..=5).contains(&self.stars) {
            errors.add("stars", "must be 1 to 5");
        }
        let text = errors.prose("text", self.text.unwrap_or_default().trim(), LONGEST_TEXT);
        let name = errors.line("name", &self.name.unwrap_or_default(), 0, LONGEST_NAME);
        errors.into_result(()).map_err(DomainError::Invalid)?;
        let stars = self.stars;
        Ok(match before {
            None => Written {
                review: Review {
                    id,
                    course_id: course_id.to_owned(),
                    user_id: user_id.to_owned(),
                    stars,
                    text,
                    name,
                    version: 1,
                    created_at: now,
                    updated_at: now,
                },
                before: None,
                shift: Shift { sum: stars, count: 1 },
            },
            Some(before) => Written {
                shift: Shift {
                    sum: stars.saturating_sub(before.stars),
                    count: 0,
                },
                before: Some(before.version),
                review: Review {
                    stars,
                    text,
                    name,
                    version: before.version.checked_add(1).ok_or(DomainError::Overflow)?,
                    updated_at: now,
                    ..before
                },
            },
        })
    }
}

impl Review {
    /// What remains of the rating without it.
    pub fn withdrawn(&self) -> Shift {
        Shift {
            sum: self.stars.saturating_neg(),
            count: -1,
        }
    }
}

const LONGEST_TEXT: usize = 2_000;
const LONGEST_NAME: usize = 60;

#[cfg(test)]
mod tests {
    use super::super::course::fixture::{course, owner, published};
    use super::*;

    fn draft(stars: i64) -> ReviewDraft {
        ReviewDraft {
            stars,
            text: Some(" Clear. ".into()),
            name: None,
        }
    }

    fn reader() -> Caller {
        Caller::Person {
            sub: "bo".into(),
            admin: false,
        }
    }

    fn written(draft: ReviewDraft, before: Option<Review>) -> Result<Written, DomainError> {
        draft.write(&published(), &reader(), true, before, "r1".into(), 40)
    }

    #[test]
    fn a_first_review_counts_and_a_second_one_replaces_it() {
        let first = written(draft(5), None).unwrap();
        assert_eq!((first.shift, first.before), (Shift { sum: 5, count: 1 }, None));
        assert_eq!((first.review.text.as_str(), first.review.version), ("Clear.", 1));
        let second = written(draft(2), Some(first.review.clone())).unwrap();
        assert_eq!(
            (second.shift, second.before),
            (Shift { sum: -3, count: 0 }, Some(1))
        );
        assert_eq!((second.review.id.as_str(), second.review.version), ("r1", 2));
        assert_eq!(second.review.withdrawn(), Shift { sum: -2, count: -1 });
    }

    #[test]
    fn only_owners_who_do_not_teach_the_course_review_it() {
        let by = |caller: &Caller, course: &Course, owned| {
            draft(5)
                .write(course, caller, owned, None, "r1".into(), 40)
                .map(drop)
        };
        assert_eq!(by(&reader(), &published(), true), Ok(()));
        assert_eq!(by(&reader(), &published(), false), Err(DomainError::NotOwnerYet));
        assert_eq!(by(&owner(), &published(), true), Err(DomainError::OwnCourse));
        assert_eq!(by(&reader(), &course(), true), Err(DomainError::Missing));
        for nobody in [Caller::Anonymous, Caller::Machine] {
            assert_eq!(by(&nobody, &published(), true), Err(DomainError::Missing));
        }
    }

    #[test]
    fn stars_texts_and_names_are_bounded() {
        for stars in [i64::MIN, -1, 0, 6, i64::MAX] {
            assert!(
                matches!(written(draft(stars), None), Err(DomainError::Invalid(_))),
                "{stars}"
            );
        }
        for (text, name) in [
            ("x".repeat(2_001), String::new()),
            ("nul\0".into(), String::new()),
            ("\u{202e}gnol".into(), String::new()),
            (String::new(), "x".repeat(61)),
            (String::new(), "Bo\nAdmin".into()),
        ] {
            let draft = ReviewDraft {
                stars: 3,
                text: Some(text),
                name: Some(name),
            };
            assert!(matches!(written(draft, None), Err(DomainError::Invalid(_))));
        }
    }
}
