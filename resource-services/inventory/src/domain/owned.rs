//! What somebody owns of an item, and how far they have come with it.

use std::collections::BTreeSet;

use latchkey_contracts::events::course::CourseKind;
use latchkey_contracts::events::inventory::{OwnedCause, OwnedItemChanged, ProgressChanged};
use latchkey_kit::{FieldErrors, is_id, objects};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::DomainError;

/// An item of a library. With quantity 0 it was revoked or used up, and its owner no longer sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnedItem {
    pub owner: String,
    pub item_id: String,
    pub kind: CourseKind,
    /// 0 or 1 of a course.
    pub quantity: i64,
    /// In Unix milliseconds, like `revoked_at`.
    pub acquired_at: i64,
    pub source: Source,
    /// The last order by which it came.
    pub order_id: Option<String>,
    pub revoked_at: Option<i64>,
    pub lessons_done: BTreeSet<String>,
    /// When the last of them was marked.
    pub learned_at: Option<i64>,
    pub version: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    Order,
    Grant,
}

/// How something came into a library.
#[derive(Clone, Debug)]
pub struct Acquisition {
    pub owner: String,
    pub item_id: String,
    pub kind: CourseKind,
    pub quantity: i64,
    pub source: Source,
    pub order_id: Option<String>,
}

/// The body of PUT.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(remote = "Self", deny_unknown_fields)]
pub struct ProgressDraft {
    /// The ids of lessons that are done, at most 400. Those that were done before stay done.
    pub lessons_done: Vec<String>,
}

/// The body of POST.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(remote = "Self", deny_unknown_fields)]
pub struct ConsumeDraft {
    /// 1 to 1 000.
    pub quantity: i64,
}

objects!(ProgressDraft, ConsumeDraft);

/// How many of `quantity` somebody can get who owns `owned`.
pub fn room(kind: CourseKind, owned: i64, quantity: i64) -> i64 {
    match kind {
        CourseKind::Course => quantity.min(1 - owned.min(1)),
        CourseKind::Item => quantity,
    }
}

impl OwnedItem {
    /// What is owned after `new` came.
    pub fn receive(before: Option<Self>, new: Acquisition, now: i64) -> Result<Self, DomainError> {
        let Some(before) = before else {
            return Ok(Self {
                owner: new.owner,
                item_id: new.item_id,
                kind: new.kind,
                quantity: new.quantity,
                acquired_at: now,
                source: new.source,
                order_id: new.order_id,
                revoked_at: None,
                lessons_done: BTreeSet::new(),
                learned_at: None,
                version: 1,
            });
        };
        let again = before.restored(new.quantity)?;
        Ok(Self {
            acquired_at: if before.quantity == 0 {
                now
            } else {
                before.acquired_at
            },
            source: new.source,
            order_id: new.order_id.or(before.order_id),
            ..again
        })
    }

    /// The same with more of it.
    pub fn restored(&self, quantity: i64) -> Result<Self, DomainError> {
        let quantity = self.quantity.checked_add(quantity).ok_or(DomainError::Overflow)?;
        self.with(quantity, None)
    }

    /// The same with less of it, because it was taken back.
    pub fn revoked(&self, quantity: i64, now: i64) -> Result<Self, DomainError> {
        let left = self.less(quantity)?;
        self.with(left, (left == 0).then_some(now))
    }

    /// The same after its owner has used some.
    pub fn consumed(&self, quantity: i64) -> Result<Self, DomainError> {
        if self.kind != CourseKind::Item {
            return Err(DomainError::NotConsumable);
        }
        self.with(self.less(quantity)?, self.revoked_at)
    }

    /// The same with more lessons done, if any of them is new. Lessons are never undone, so that two devices cannot
    /// take each other's progress away.
    pub fn learned(&self, lessons: BTreeSet<String>, now: i64) -> Result<Option<Self>, DomainError> {
        if self.kind != CourseKind::Course {
            return Err(DomainError::NoLessons);
        }
        let done: BTreeSet<String> = self.lessons_done.union(&lessons).cloned().collect();
        if done.len() == self.lessons_done.len() {
            return Ok(None);
        }
        if done.len() > MOST_DONE {
            return Err(DomainError::field(
                "lessons_done",
                "makes more lessons than a course can have",
            ));
        }
        Ok(Some(Self {
            lessons_done: done,
            learned_at: Some(now),
            version: self.next()?,
            ..self.clone()
        }))
    }

    /// What others are told.
    pub fn changed(&self, cause: OwnedCause) -> OwnedItemChanged {
        OwnedItemChanged {
            owner: self.owner.clone(),
            item_id: self.item_id.clone(),
            kind: self.kind,
            quantity: self.quantity,
            version: self.version,
            cause,
        }
    }

    /// What others are told when lessons are done.
    pub fn progress(&self) -> ProgressChanged {
        ProgressChanged {
            owner: self.owner.clone(),
            item_id: self.item_id.clone(),
            lessons_done: i64::try_from(self.lessons_done.len()).unwrap_or(i64::MAX),
            version: self.version,
        }
    }

    /// What others are told when its owner is gone.
    pub fn erased(&self) -> Result<OwnedItemChanged, DomainError> {
        Ok(self.with(0, None)?.changed(OwnedCause::Erased))
    }

    fn with(&self, quantity: i64, revoked_at: Option<i64>) -> Result<Self, DomainError> {
        Ok(Self {
            quantity,
            revoked_at,
            version: self.next()?,
            ..self.clone()
        })
    }

    fn less(&self, quantity: i64) -> Result<i64, DomainError> {
        let left = self.quantity.checked_sub(quantity);
        left.filter(|left| quantity >= 0 && *left >= 0)
            .ok_or(DomainError::TooFew)
    }

    fn next(&self) -> Result<i64, DomainError> {
        self.version.checked_add(1).ok_or(DomainError::Overflow)
    }
}

impl Source {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Order => "order",
            Self::Grant => "grant",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        [Self::Order, Self::Grant]
            .into_iter()
            .find(|source| source.as_str() == text)
    }
}

impl ProgressDraft {
    /// The lessons, if all of them can be ids.
    pub fn check(self) -> Result<BTreeSet<String>, DomainError> {
        let mut errors = FieldErrors::default();
        errors.count("lessons_done", self.lessons_done.len(), MOST_LESSONS);
        for (at, id) in self.lessons_done.iter().enumerate().take(MOST_LESSONS) {
            if !is_id(id) {
                errors.add(format!("lessons_done[{at}]"), "is not an id");
            }
        }
        errors
            .into_result(self.lessons_done.into_iter().collect())
            .map_err(DomainError::Invalid)
    }
}

impl ConsumeDraft {
    /// The quantity, if it is valid.
    pub fn check(&self) -> Result<i64, DomainError> {
        match self.quantity {
            quantity @ 1..=1_000 => Ok(quantity),
            _ => Err(DomainError::field("quantity", "must be 1 to 1000")),
        }
    }
}

/// As many lessons as the catalog allows in a course.
const MOST_LESSONS: usize = 400;
/// More than a course can have, because lessons that were removed from it stay done.
const MOST_DONE: usize = 1_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn new(kind: CourseKind, quantity: i64) -> Acquisition {
        Acquisition {
            owner: "ada".into(),
            item_id: "c".into(),
            kind,
            quantity,
            source: Source::Order,
            order_id: Some("o1".into()),
        }
    }

    fn owned(kind: CourseKind, quantity: i64) -> OwnedItem {
        OwnedItem::receive(None, new(kind, quantity), 10).unwrap()
    }

    fn ids(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn a_course_is_owned_once_and_items_add_up() {
        for (kind, owned, quantity, expected) in [
            (CourseKind::Course, 0, 1, 1),
            (CourseKind::Course, 1, 1, 0),
            (CourseKind::Course, 0, 5, 1),
            (CourseKind::Item, 7, 3, 3),
        ] {
            assert_eq!(room(kind, owned, quantity), expected, "{kind:?} {owned}");
        }
        let more = OwnedItem::receive(Some(owned(CourseKind::Item, 2)), new(CourseKind::Item, 3), 20);
        let more = more.unwrap();
        assert_eq!((more.quantity, more.acquired_at, more.version), (5, 10, 2));
    }

    #[test]
    fn what_was_lost_and_bought_again_is_new_but_keeps_its_progress() {
        let course = owned(CourseKind::Course, 1)
            .learned(ids(&["l1"]), 30)
            .unwrap()
            .unwrap();
        let revoked = course.revoked(1, 15).unwrap();
        assert_eq!((revoked.quantity, revoked.revoked_at), (0, Some(15)));
        let again = OwnedItem::receive(Some(revoked), new(CourseKind::Course, 1), 20).unwrap();
        assert_eq!(
            (again.quantity, again.acquired_at, again.revoked_at),
            (1, 20, None)
        );
        assert_eq!(again.lessons_done, ids(&["l1"]));
    }

    #[test]
    fn nobody_uses_more_than_they_have() {
        let five = owned(CourseKind::Item, 5);
        assert_eq!(five.consumed(5).map(|left| left.quantity), Ok(0));
        for quantity in [6, i64::MAX, -1, i64::MIN] {
            assert_eq!(five.consumed(quantity), Err(DomainError::TooFew), "{quantity}");
        }
        let course = owned(CourseKind::Course, 1);
        assert_eq!(course.consumed(1), Err(DomainError::NotConsumable));
    }

    #[test]
    fn progress_is_a_union_of_what_all_devices_say() {
        let course = owned(CourseKind::Course, 1);
        let phone = course.learned(ids(&["l1", "l2"]), 30).unwrap().unwrap();
        let laptop = phone.learned(ids(&["l3"]), 31).unwrap().unwrap();
        assert_eq!(laptop.lessons_done, ids(&["l1", "l2", "l3"]));
        assert_eq!(
            (laptop.version, phone.learned_at, laptop.learned_at),
            (3, Some(30), Some(31))
        );
        assert_eq!(laptop.learned(ids(&["l1"]), 30), Ok(None));
        assert_eq!(laptop.learned(ids(&[]), 30), Ok(None));
        assert_eq!(
            owned(CourseKind::Item, 1).learned(ids(&["l1"]), 30),
            Err(DomainError::NoLessons)
        );
    }

    #[test]
    fn the_lessons_of_a_request_and_of_a_course_are_bounded() {
        let id = |n: usize| format!("01a1ebbc-0000-7000-8000-{n:012}");
        let draft = |count: usize| ProgressDraft {
            lessons_done: (0..count).map(id).collect(),
        };
        assert_eq!(draft(400).check().map(|ids| ids.len()), Ok(400));
        assert!(draft(401).check().is_err());
        let course = owned(CourseKind::Course, 1);
        let thousand = course.learned((0..1_000).map(id).collect(), 30).unwrap().unwrap();
        assert!(thousand.learned([id(1_000)].into(), 30).is_err());
        let none = ProgressDraft {
            lessons_done: vec!["l1".into()],
        };
        assert!(none.check().is_err());
    }

    #[test]
    fn an_erased_item_is_told_as_none_in_a_new_version() {
        let told = owned(CourseKind::Course, 1).erased().unwrap();
        assert_eq!(
            (told.quantity, told.version, told.cause),
            (0, 2, OwnedCause::Erased)
        );
    }
}
