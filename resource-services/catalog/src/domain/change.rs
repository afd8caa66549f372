//! A decided change: what is written in one transaction, and its event.

use latchkey_contracts::Money;
use latchkey_contracts::events::course::{
    ARCHIVED, CourseDrafted, CourseEvent, CourseIllustrated, CourseKind, CourseSnapshot, CourseStatus,
    PUBLISHED, Previous, UNLISTED, UPDATED,
};

use super::{Content, Course, DomainError, Kind, Price, Status};

/// The new state of a course, and what to publish. Written only if the row still has the expected version.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "a change is only a decision until it is written"]
pub struct Change {
    pub after: Course,
    /// The version that the stored row must still have.
    pub expects: i64,
    event: Option<&'static str>,
    changed: Vec<&'static str>,
    previous: Previous,
}

impl Change {
    pub(super) fn new(
        before: &Course,
        after: Course,
        event: Option<&'static str>,
        changed: Vec<&'static str>,
    ) -> Self {
        let was = |name: &str| changed.contains(&name);
        let previous = Previous {
            title: was("title").then(|| before.content.title.clone()),
            price: before.content.price.as_ref().filter(|_| was("price")).map(price),
        };
        Self {
            expects: before.version,
            after,
            event,
            changed,
            previous,
        }
    }

    /// The event of this change, if there is one, with its type.
    pub fn event(&self) -> Option<(&'static str, CourseEvent)> {
        let snapshot = snapshot(&self.after)?;
        let changed = self.changed.iter().map(|&name| name.to_owned()).collect();
        Some((
            self.event?,
            CourseEvent {
                snapshot,
                changed,
                previous: self.previous.clone(),
            },
        ))
    }

    /// What is told of a draft: that its photo is another one, or that the draft needs none any more.
    pub fn illustration(&self) -> Option<CourseIllustrated> {
        if self.event.is_some() {
            return None;
        }
        let ended = self.after.status == Status::Archived && self.after.published_at.is_none();
        let photo = self.after.illustration();
        if ended {
            return photo.photo_id.is_some().then_some(CourseIllustrated {
                photo_id: None,
                ..photo
            });
        }
        self.changed.contains(&"photo_id").then_some(photo)
    }

    /// What inventory is told about a draft whose seats begin or cease to be counted.
    pub fn drafted(&self) -> Option<CourseDrafted> {
        let moved = self.after.status == Status::Draft && self.changed.contains(&"limited");
        moved.then(|| self.after.drafted())
    }
}

impl Course {
    /// The photo of the course, for those who keep photos.
    pub fn illustration(&self) -> CourseIllustrated {
        CourseIllustrated {
            course_id: self.id.clone(),
            instructor_id: self.instructor_id.clone(),
            photo_id: self.content.photo_id.clone(),
            version: self.version,
        }
    }

    /// The course as inventory knows it before its publication, so that it can have seats by then.
    pub fn drafted(&self) -> CourseDrafted {
        CourseDrafted {
            course_id: self.id.clone(),
            kind: kind(self.kind),
            title: self.content.title.clone(),
            slug: self.slug.clone(),
            instructor_id: self.instructor_id.clone(),
            limited: self.content.limited,
            version: self.version,
        }
    }

    /// New content. A public course stays complete.
    pub fn edit(&self, content: Content, slug: String, now: i64) -> Result<Change, DomainError> {
        match self.status {
            Status::Archived => return Err(DomainError::Archived),
            Status::Published | Status::Unlisted => content.must_be_ready(self.kind)?,
            Status::Draft => {}
        }
        let mut changed = self.content.changed(&content);
        if slug != self.slug {
            changed.push("slug");
        }
        let tells = self.status != Status::Draft && !changed.is_empty();
        let after = Course {
            content,
            slug,
            ..self.next(now)?
        };
        Ok(Change::new(self, after, tells.then_some(UPDATED), changed))
    }

    /// A status transition.
    pub fn step(&self, to: Status, now: i64) -> Result<Change, DomainError> {
        let status = self.status.step(to)?;
        let mut after = Course {
            status,
            ..self.next(now)?
        };
        let event = match status {
            Status::Draft => None,
            Status::Published => {
                self.must_be_sellable()?;
                after.published_at = self.published_at.or(Some(now));
                Some(PUBLISHED)
            }
            Status::Unlisted => Some(UNLISTED),
            // A draft that was never public is unknown to others, so there is no event.
            Status::Archived => self.published_at.map(|_| ARCHIVED),
        };
        Ok(Change::new(self, after, event, vec!["status"]))
    }

    /// The photo of the course was deleted.
    pub fn without_photo(&self, now: i64) -> Result<Change, DomainError> {
        let heard_of = matches!(self.status, Status::Published | Status::Unlisted);
        let mut after = self.next(now)?;
        after.content.photo_id = None;
        Ok(Change::new(
            self,
            after,
            heard_of.then_some(UPDATED),
            vec!["photo_id"],
        ))
    }

    /// Complete, and with seats if they are counted. A course that is public already may become limited: its seats are
    /// then those that are taken, until its instructor adds some.
    fn must_be_sellable(&self) -> Result<(), DomainError> {
        let mut errors = self.content.missing(self.kind);
        let seats = self.standing.seats.and_then(|seats| seats.capacity);
        if self.content.limited && seats.unwrap_or(0) < 1 {
            errors.add("capacity", "must be set: say how many places there are");
        }
        errors.into_result(()).map_err(DomainError::NotReady)
    }

    /// The instructor has a new name, which was already stored.
    pub fn renamed(&self, now: i64) -> Result<Change, DomainError> {
        let heard_of = matches!(self.status, Status::Published | Status::Unlisted);
        Ok(Change::new(
            self,
            self.next(now)?,
            heard_of.then_some(UPDATED),
            vec!["instructor_name"],
        ))
    }
}

/// The public form of a course. `None` for a draft, or for a course without the category and price that every public
/// course has.
fn snapshot(course: &Course) -> Option<CourseSnapshot> {
    let content = &course.content;
    let sold = content.price.as_ref()?;
    Some(CourseSnapshot {
        course_id: course.id.clone(),
        kind: kind(course.kind),
        title: content.title.clone(),
        slug: course.slug.clone(),
        category_id: content.category_id.clone()?,
        instructor_id: course.instructor_id.clone(),
        instructor_name: course.instructor_name.clone(),
        price: price(sold),
        list_price: sold.list.map(|list| Money::new(list, sold.currency.as_str())),
        limited: content.limited,
        photo_id: content.photo_id.clone(),
        status: match course.status {
            Status::Draft => return None,
            Status::Published => CourseStatus::Published,
            Status::Unlisted => CourseStatus::Unlisted,
            Status::Archived => CourseStatus::Archived,
        },
        version: course.version,
    })
}

fn kind(kind: Kind) -> CourseKind {
    match kind {
        Kind::Course => CourseKind::Course,
        Kind::Item => CourseKind::Item,
    }
}

fn price(price: &Price) -> Money {
    Money::new(price.amount, price.currency.as_str())
}
