//! The seats of an item, and what the catalog says about it.

use latchkey_contracts::events::course::{CourseDrafted, CourseKind, CourseSnapshot, CourseStatus};
use latchkey_contracts::events::inventory::StockChanged;

use super::DomainError;

/// An item that the catalog has told about: it was published once, or it is a draft whose seats are counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stock {
    pub item_id: String,
    pub kind: CourseKind,
    pub instructor_id: String,
    pub title: String,
    pub slug: String,
    pub on_sale: bool,
    /// The version of the catalog's snapshot.
    pub course_version: i64,
    /// `None` where seats are not counted.
    pub capacity: Option<i64>,
    /// Changes with the capacity alone, so that sales do not stand in the way of who changes it.
    pub capacity_version: i64,
    /// 0 where seats are not counted, like `reserved`.
    pub sold: i64,
    pub reserved: i64,
    /// Changes with capacity, `sold` and `reserved`.
    pub version: i64,
}

/// Seats that are sold and reserved, or how many more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seats {
    pub sold: i64,
    pub reserved: i64,
}

/// What the catalog tells about an item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    pub item_id: String,
    pub kind: CourseKind,
    pub instructor_id: String,
    pub title: String,
    pub slug: String,
    pub on_sale: bool,
    /// Whether seats are counted.
    pub limited: bool,
    pub version: i64,
}

impl From<CourseSnapshot> for Told {
    fn from(course: CourseSnapshot) -> Self {
        Self {
            on_sale: is_on_sale(course.status),
            item_id: course.course_id,
            kind: course.kind,
            instructor_id: course.instructor_id,
            title: course.title,
            slug: course.slug,
            limited: course.limited,
            version: course.version,
        }
    }
}

impl From<CourseDrafted> for Told {
    fn from(draft: CourseDrafted) -> Self {
        Self {
            on_sale: false,
            item_id: draft.course_id,
            kind: draft.kind,
            instructor_id: draft.instructor_id,
            title: draft.title,
            slug: draft.slug,
            limited: draft.limited,
            version: draft.version,
        }
    }
}

impl Stock {
    /// The stock of an item that is new here. A limited one has no seats until its instructor says how many.
    pub fn new(course: impl Into<Told>) -> Self {
        let course = course.into();
        Self {
            capacity: course.limited.then_some(0),
            on_sale: course.on_sale,
            item_id: course.item_id,
            kind: course.kind,
            instructor_id: course.instructor_id,
            title: course.title,
            slug: course.slug,
            course_version: course.version,
            capacity_version: 1,
            sold: 0,
            reserved: 0,
            version: 1,
        }
    }

    /// Whether seats are counted from this snapshot on, so that those of before must be known.
    pub fn begins_to_count(&self, course: &Told) -> bool {
        course.version > self.course_version && course.limited && self.capacity.is_none()
    }

    /// The stock after a newer snapshot; `None` if it is not newer. `moved` are the seats of before, if they begin to
    /// be counted: exactly those exist until the instructor says how many there are.
    pub fn follow(&self, course: impl Into<Told>, moved: Seats) -> Option<Self> {
        let course = course.into();
        if course.version <= self.course_version {
            return None;
        }
        let seats = match (self.capacity, course.limited) {
            (None, true) => Some((Some(moved.sold.saturating_add(moved.reserved)), moved)),
            (Some(_), false) => Some((None, Seats::default())),
            (None, false) | (Some(_), true) => None,
        };
        let followed = Self {
            on_sale: course.on_sale,
            title: course.title,
            slug: course.slug,
            instructor_id: course.instructor_id,
            course_version: course.version,
            ..self.clone()
        };
        Some(match seats {
            None => followed,
            Some((capacity, Seats { sold, reserved })) => Self {
                capacity,
                sold,
                reserved,
                capacity_version: self.capacity_version.saturating_add(1),
                version: self.version.saturating_add(1),
                ..followed
            },
        })
    }

    /// How many seats are left; `None` where they are not counted.
    pub fn free(&self) -> Option<i64> {
        self.capacity
            .map(|capacity| capacity.saturating_sub(self.sold).saturating_sub(self.reserved))
    }

    /// Whether this many seats are left.
    pub fn has(&self, quantity: i64) -> bool {
        self.free().is_none_or(|free| free >= quantity)
    }

    /// The stock after seats were reserved, sold or given back; `None` where they are not counted.
    pub fn moved(&self, by: Seats) -> Result<Option<Self>, DomainError> {
        let Some(capacity) = self.capacity else {
            return Ok(None);
        };
        let sold = self.sold.checked_add(by.sold).ok_or(DomainError::Overflow)?;
        let reserved = self
            .reserved
            .checked_add(by.reserved)
            .ok_or(DomainError::Overflow)?;
        let taken = sold.checked_add(reserved).ok_or(DomainError::Overflow)?;
        if sold < 0 || reserved < 0 {
            return Err(DomainError::Overflow);
        }
        if taken > capacity {
            return Err(DomainError::SoldOut);
        }
        Ok(Some(Self {
            sold,
            reserved,
            version: self.version.checked_add(1).ok_or(DomainError::Overflow)?,
            ..self.clone()
        }))
    }

    /// The stock with another capacity, for a caller who has read `read` of it.
    pub fn with_capacity(&self, capacity: i64, read: i64) -> Result<Self, DomainError> {
        if self.capacity_version != read {
            return Err(DomainError::Stale);
        }
        if self.capacity.is_none() {
            return Err(DomainError::NotCounted);
        }
        if self.sold.saturating_add(self.reserved) > capacity {
            return Err(DomainError::SeatsTaken);
        }
        Ok(Self {
            capacity: Some(capacity),
            capacity_version: self
                .capacity_version
                .checked_add(1)
                .ok_or(DomainError::Overflow)?,
            version: self.version.checked_add(1).ok_or(DomainError::Overflow)?,
            ..self.clone()
        })
    }

    /// What others are told.
    pub fn changed(&self) -> StockChanged {
        StockChanged {
            item_id: self.item_id.clone(),
            capacity: self.capacity,
            sold: self.sold,
            reserved: self.reserved,
            version: self.version,
        }
    }
}

fn is_on_sale(status: CourseStatus) -> bool {
    match status {
        CourseStatus::Published | CourseStatus::Unlisted => true,
        CourseStatus::Archived => false,
    }
}

#[cfg(test)]
pub mod fixture {
    use latchkey_contracts::Money;

    use super::*;

    pub fn snapshot(limited: bool, version: i64) -> CourseSnapshot {
        CourseSnapshot {
            course_id: "c".into(),
            kind: CourseKind::Course,
            title: "Title".into(),
            slug: "title".into(),
            category_id: "k".into(),
            instructor_id: "ada".into(),
            instructor_name: "Ada".into(),
            price: Money::new(1, "EUR"),
            list_price: None,
            limited,
            photo_id: None,
            status: CourseStatus::Published,
            version,
        }
    }

    /// A counted stock of a course.
    pub fn counted(capacity: i64, sold: i64, reserved: i64) -> Stock {
        Stock {
            capacity: Some(capacity),
            sold,
            reserved,
            ..Stock::new(snapshot(true, 1))
        }
    }

    pub fn uncounted() -> Stock {
        Stock::new(snapshot(false, 1))
    }
}

#[cfg(test)]
mod tests {
    use super::fixture::{counted, snapshot, uncounted};
    use super::*;

    #[test]
    fn a_limited_course_has_no_seats_until_somebody_says_how_many() {
        assert_eq!(Stock::new(snapshot(true, 1)).free(), Some(0));
        assert_eq!(uncounted().free(), None);
        assert!(uncounted().has(i64::MAX));
    }

    #[test]
    fn a_draft_has_seats_before_it_is_for_sale() {
        let draft = CourseDrafted {
            course_id: "c".into(),
            kind: CourseKind::Course,
            title: "Title".into(),
            slug: "title".into(),
            instructor_id: "ada".into(),
            limited: true,
            version: 1,
        };
        let drafted = Stock::new(draft.clone()).with_capacity(4, 1).unwrap();
        assert_eq!((drafted.on_sale, drafted.free()), (false, Some(4)));
        let published = drafted.follow(snapshot(true, 2), Seats::default()).unwrap();
        assert_eq!((published.on_sale, published.free()), (true, Some(4)));
        // A draft that is heard of too late takes nothing off sale.
        assert_eq!(published.follow(draft, Seats::default()), None);
    }

    #[test]
    fn an_older_snapshot_changes_nothing() {
        let stock = Stock::new(snapshot(false, 3));
        for version in [i64::MIN, 1, 3] {
            assert_eq!(
                stock.follow(snapshot(true, version), Seats::default()),
                None,
                "{version}"
            );
        }
    }

    #[test]
    fn archived_courses_are_not_for_sale_and_unlisted_ones_are() {
        let on_sale = |status| {
            let course = CourseSnapshot {
                status,
                ..snapshot(false, 2)
            };
            uncounted().follow(course, Seats::default()).unwrap().on_sale
        };
        assert!(on_sale(CourseStatus::Published));
        assert!(on_sale(CourseStatus::Unlisted));
        assert!(!on_sale(CourseStatus::Archived));
    }

    #[test]
    fn a_course_that_becomes_limited_has_the_seats_that_are_taken() {
        let moved = Seats { sold: 7, reserved: 2 };
        assert!(uncounted().begins_to_count(&snapshot(true, 2).into()));
        let limited = uncounted().follow(snapshot(true, 2), moved).unwrap();
        assert_eq!(
            (limited.capacity, limited.free(), limited.version),
            (Some(9), Some(0), 2)
        );
        let again = limited.follow(snapshot(false, 3), Seats::default()).unwrap();
        assert_eq!((again.capacity, again.sold, again.reserved), (None, 0, 0));
    }

    #[test]
    fn a_new_title_leaves_the_seats_and_their_version_alone() {
        let course = CourseSnapshot {
            title: "Other".into(),
            ..snapshot(true, 2)
        };
        let after = counted(5, 2, 1).follow(course, Seats::default()).unwrap();
        let expected = Stock {
            title: "Other".into(),
            course_version: 2,
            ..counted(5, 2, 1)
        };
        assert_eq!(after, expected);
    }

    #[test]
    fn seats_move_only_within_the_capacity_and_never_below_zero() {
        let moved = |sold, reserved| {
            let after = counted(3, 1, 1).moved(Seats { sold, reserved })?;
            Ok(after.map(|after| (after.sold, after.reserved, after.version)))
        };
        assert_eq!(moved(0, 1), Ok(Some((1, 2, 2))));
        assert_eq!(moved(1, -1), Ok(Some((2, 0, 2))));
        assert_eq!(moved(0, 2), Err(DomainError::SoldOut));
        assert_eq!(moved(-2, 0), Err(DomainError::Overflow));
        assert_eq!(moved(0, -2), Err(DomainError::Overflow));
        assert_eq!(moved(i64::MAX, 0), Err(DomainError::Overflow));
        assert_eq!(uncounted().moved(Seats { sold: 1, reserved: 0 }), Ok(None));
    }

    #[test]
    fn a_capacity_covers_what_is_taken_and_needs_the_version_that_was_read() {
        let capacity = |capacity, read| {
            let after = counted(5, 2, 1).with_capacity(capacity, read)?;
            Ok((after.capacity, after.capacity_version, after.version))
        };
        assert_eq!(capacity(3, 1), Ok((Some(3), 2, 2)));
        assert_eq!(capacity(2, 1), Err(DomainError::SeatsTaken));
        assert_eq!(capacity(9, 2), Err(DomainError::Stale));
        assert_eq!(uncounted().with_capacity(9, 1), Err(DomainError::NotCounted));
    }
}
