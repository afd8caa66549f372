//! A course, and its creation.

use std::collections::BTreeSet;

use latchkey_kit::Caller;

use super::{Content, DomainError, Kind, Rating, Status, slug_of};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Course {
    pub id: String,
    pub kind: Kind,
    /// The creator's `sub`, which never changes.
    pub instructor_id: String,
    pub instructor_name: String,
    pub slug: String,
    pub content: Content,
    pub status: Status,
    pub version: i64,
    pub created_at: i64,
    pub updated_at: i64,
    /// When it was first published.
    pub published_at: Option<i64>,
    pub standing: Standing,
}

/// What others say about a course: its reviews, and inventory about its seats. No edit changes it, and it changes no
/// version.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    pub rating: Rating,
    /// Counts the changes of the rating.
    pub rating_version: i64,
    /// As inventory told; `None` before it did.
    pub seats: Option<Seats>,
}

/// The seats of a course.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seats {
    /// `None` where they are not counted.
    pub capacity: Option<i64>,
    pub taken: i64,
    /// Counts the changes.
    pub version: i64,
}

impl Seats {
    /// How many are left; `None` where they are not counted.
    pub fn left(&self) -> Option<i64> {
        self.capacity
            .map(|capacity| capacity.saturating_sub(self.taken).max(0))
    }
}

/// The properties of a new course that its author does not choose.
#[derive(Clone, Debug)]
pub struct NewCourse {
    pub id: String,
    pub instructor_id: String,
    pub instructor_name: String,
    pub slug: String,
}

impl Course {
    /// A new draft.
    pub fn create(new: NewCourse, kind: Kind, content: Content, now: i64) -> Self {
        Self {
            id: new.id,
            kind,
            instructor_id: new.instructor_id,
            instructor_name: new.instructor_name,
            slug: new.slug,
            content,
            status: Status::Draft,
            version: 1,
            created_at: now,
            updated_at: now,
            published_at: None,
            standing: Standing::default(),
        }
    }

    /// The preconditions of any change: the course belongs to the caller, who has read the current version.
    pub fn open_to(&self, caller: &Caller, read: i64) -> Result<(), DomainError> {
        self.must_be_of(caller)?;
        if self.version != read {
            return Err(DomainError::Stale);
        }
        Ok(())
    }

    /// Whether a new title changes the slug of the course.
    pub fn moves_for(&self, title: &str) -> bool {
        slug_of(title) != slug_of(&self.content.title)
    }

    /// The ids of the existing lessons.
    pub fn lesson_ids(&self) -> BTreeSet<String> {
        self.content.lessons().map(|lesson| lesson.id.clone()).collect()
    }

    pub(super) fn next(&self, now: i64) -> Result<Self, DomainError> {
        let version = self.version.checked_add(1).ok_or(DomainError::Overflow)?;
        Ok(Self {
            version,
            updated_at: now,
            ..self.clone()
        })
    }
}

#[cfg(test)]
pub(super) mod fixture {
    use super::super::{Lesson, Level, Price, Section};
    use super::*;

    /// A complete draft of `ada`.
    pub fn course() -> Course {
        Course {
            id: "0199aaaa-0000-7000-8000-000000000001".into(),
            kind: Kind::Course,
            instructor_id: "ada".into(),
            instructor_name: "Ada".into(),
            slug: "rust-from-the-ground-up".into(),
            content: content(),
            status: Status::Draft,
            version: 1,
            created_at: 10,
            updated_at: 10,
            published_at: None,
            standing: Standing::default(),
        }
    }

    pub fn published() -> Course {
        Course {
            status: Status::Published,
            version: 2,
            published_at: Some(20),
            ..course()
        }
    }

    pub fn owner() -> Caller {
        Caller::Person {
            sub: "ada".into(),
            admin: false,
        }
    }

    pub fn content() -> Content {
        Content {
            title: "Rust from the ground up".into(),
            subtitle: "Ownership first".into(),
            description_md: "A course about ownership. ".repeat(5),
            category_id: Some("0199aaaa-0000-7000-8000-0000000000c1".into()),
            language: "en".into(),
            level: Level::Beginner,
            outcomes: vec!["Read a borrow checker's complaint".into()],
            requirements: Vec::new(),
            sections: vec![Section {
                title: "One".into(),
                lessons: vec![Lesson {
                    id: "l1".into(),
                    title: "Moves".into(),
                    minutes: 12,
                    preview: true,
                }],
            }],
            price: Some(Price {
                amount: 4_900,
                list: None,
                currency: "EUR".into(),
            }),
            limited: false,
            photo_id: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use latchkey_contracts::events::course::{ARCHIVED, PUBLISHED, UPDATED};

    use super::super::content::fields;
    use super::super::{Change, Price};
    use super::fixture::{content, course, owner, published};
    use super::*;

    fn event_of(change: &Change) -> Option<&'static str> {
        change.event().map(|(name, _)| name)
    }

    #[test]
    fn publishing_tells_everybody_and_remembers_the_first_time() {
        let change = course().step(Status::Published, 20).unwrap();
        assert_eq!(
            (change.after.published_at, change.after.version, event_of(&change)),
            (Some(20), 2, Some(PUBLISHED))
        );
        let unlisted = change.after.step(Status::Unlisted, 30).unwrap().after;
        let again = unlisted.step(Status::Published, 40).unwrap();
        assert_eq!(again.after.published_at, Some(20));
    }

    #[test]
    fn an_unready_course_is_not_published() {
        let bare = Course {
            content: Content {
                price: None,
                ..content()
            },
            ..course()
        };
        assert_eq!(fields(&bare.step(Status::Published, 20).unwrap_err()), ["price"]);
    }

    #[test]
    fn a_limited_course_is_published_only_with_seats() {
        let with_seats = |capacity| {
            let seats = Seats {
                capacity,
                taken: 0,
                version: 1,
            };
            let mut limited = course();
            limited.content.limited = true;
            limited.standing.seats = Some(seats);
            limited.step(Status::Published, 20).map(drop)
        };
        let mut unheard = course();
        unheard.content.limited = true;
        assert_eq!(
            fields(&unheard.step(Status::Published, 20).unwrap_err()),
            ["capacity"]
        );
        for none in [None, Some(0)] {
            assert_eq!(fields(&with_seats(none).unwrap_err()), ["capacity"]);
        }
        assert_eq!(with_seats(Some(1)), Ok(()));
    }

    #[test]
    fn a_limited_draft_tells_inventory_and_nobody_else() {
        let limited = Content {
            limited: true,
            ..content()
        };
        let change = course().edit(limited.clone(), course().slug, 30).unwrap();
        assert_eq!(event_of(&change), None);
        let drafted = change.drafted().unwrap();
        assert_eq!((drafted.limited, drafted.version), (true, 2));
        assert_eq!(
            course().edit(content(), course().slug, 30).unwrap().drafted(),
            None
        );
        assert_eq!(
            published().edit(limited, published().slug, 30).unwrap().drafted(),
            None
        );
    }

    #[test]
    fn a_published_course_cannot_be_edited_into_an_unready_one() {
        let bare = Content {
            category_id: None,
            ..content()
        };
        let error = published().edit(bare.clone(), published().slug, 30).unwrap_err();
        assert_eq!(fields(&error), ["category_id"]);
        assert!(course().edit(bare, course().slug, 30).is_ok());
    }

    #[test]
    fn editing_a_draft_tells_nobody() {
        let new = Content {
            title: "Rust for gardeners".into(),
            ..content()
        };
        let change = course().edit(new, "rust-for-gardeners".into(), 30).unwrap();
        assert_eq!((event_of(&change), change.after.version), (None, 2));
    }

    #[test]
    fn editing_a_public_course_tells_what_changed_and_what_was() {
        let price = Some(Price {
            amount: 3_900,
            list: Some(4_900),
            currency: "EUR".into(),
        });
        let new = Content {
            title: "Rust for gardeners".into(),
            price,
            ..content()
        };
        let change = published().edit(new, "rust-for-gardeners".into(), 30).unwrap();
        let (name, event) = change.event().unwrap();
        assert_eq!((name, event.snapshot.version), (UPDATED, 3));
        assert_eq!(event.changed, ["title", "price", "list_price", "slug"]);
        assert_eq!(event.previous.title.as_deref(), Some("Rust from the ground up"));
        assert_eq!(event.previous.price.map(|price| price.amount), Some(4_900));
    }

    #[test]
    fn an_edit_that_changes_nothing_has_nothing_to_tell() {
        let change = published().edit(content(), published().slug, 30).unwrap();
        assert_eq!((event_of(&change), change.after.version), (None, 3));
    }

    #[test]
    fn an_archived_course_is_never_edited_nor_sold_again() {
        let archived = published().step(Status::Archived, 30).unwrap();
        assert_eq!(event_of(&archived), Some(ARCHIVED));
        assert_eq!(
            archived.after.edit(content(), "x".into(), 40).unwrap_err(),
            DomainError::Archived
        );
        for to in [Status::Published, Status::Unlisted, Status::Archived] {
            assert!(archived.after.step(to, 40).is_err(), "{to}");
        }
    }

    #[test]
    fn a_draft_is_archived_in_silence() {
        assert_eq!(event_of(&course().step(Status::Archived, 30).unwrap()), None);
    }

    #[test]
    fn a_foreign_course_is_missing_before_it_is_stale() {
        let stranger = Caller::Person {
            sub: "mallory".into(),
            admin: false,
        };
        assert_eq!(published().open_to(&stranger, 1), Err(DomainError::Missing));
        assert_eq!(published().open_to(&owner(), 1), Err(DomainError::Stale));
        assert_eq!(published().open_to(&owner(), 2), Ok(()));
    }

    #[test]
    fn the_address_moves_only_when_the_folded_title_does() {
        assert!(!course().moves_for("RUST, from the ground up!"));
        assert!(course().moves_for("Rust for gardeners"));
    }

    /// RS-12.
    #[test]
    fn the_last_version_has_no_successor() {
        let last = Course {
            version: i64::MAX,
            ..published()
        };
        assert_eq!(
            last.step(Status::Unlisted, 30).unwrap_err(),
            DomainError::Overflow
        );
    }
}
