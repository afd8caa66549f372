//! A decided change: what the shell writes in one transaction, and the event that goes with it.

use latchkey_contracts::Money;
use latchkey_contracts::events::course::{CourseEvent, CourseKind, CourseSnapshot, CourseStatus, Previous};

use super::{Course, Kind, Price, Status};

/// The course as it will be, and what to tell. Written only if the row still has `before`'s version.
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
}

/// A course as the others may know it. `None` for what is not fit to be known: a draft, or one without the
/// category and price that every public course has.
fn snapshot(course: &Course) -> Option<CourseSnapshot> {
    let content = &course.content;
    let sold = content.price.as_ref()?;
    Some(CourseSnapshot {
        course_id: course.id.clone(),
        kind: match course.kind {
            Kind::Course => CourseKind::Course,
            Kind::Item => CourseKind::Item,
        },
        title: content.title.clone(),
        slug: course.slug.clone(),
        category_id: content.category_id.clone()?,
        instructor_id: course.instructor_id.clone(),
        instructor_name: course.instructor_name.clone(),
        price: price(sold),
        list_price: sold.list.map(|list| Money::new(list, sold.currency.as_str())),
        limited: content.limited,
        status: match course.status {
            Status::Draft => return None,
            Status::Published => CourseStatus::Published,
            Status::Unlisted => CourseStatus::Unlisted,
            Status::Archived => CourseStatus::Archived,
        },
        version: course.version,
    })
}

fn price(price: &Price) -> Money {
    Money::new(price.amount, price.currency.as_str())
}
