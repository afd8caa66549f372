//! The events of the catalog about courses.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::Money;

pub const PUBLISHED: &str = "catalog.course.published.v1";
pub const UPDATED: &str = "catalog.course.updated.v1";
pub const UNLISTED: &str = "catalog.course.unlisted.v1";
pub const ARCHIVED: &str = "catalog.course.archived.v1";
pub const ILLUSTRATED: &str = "catalog.course.illustrated.v1";
pub const DRAFTED: &str = "catalog.course.drafted.v1";
pub const REVIEW_POSTED: &str = "catalog.review.posted.v1";

/// The payload of the events about public courses: the whole state after the change.
/// Consumers apply it only when `snapshot.version` is newer than what they hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CourseEvent {
    pub snapshot: CourseSnapshot,
    /// Names of the members that changed, of the snapshot and of the page that it does not carry.
    pub changed: Vec<String>,
    /// What was, for those who show a difference.
    pub previous: Previous,
}

impl CourseEvent {
    /// Every type with this payload.
    pub const TYPES: &[&str] = &[PUBLISHED, UPDATED, UNLISTED, ARCHIVED];
}

/// A draft has another photo, or none. Nothing else of a draft is told: its photo must be kept until it is published.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CourseIllustrated {
    pub course_id: String,
    pub instructor_id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub photo_id: Option<String>,
    /// Of the course: the same sequence as in the snapshots.
    pub version: i64,
}

/// A draft whose seats begin or cease to be counted: who keeps seats must know it before its publication, because a
/// limited course is published only with seats. It is on sale to nobody.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CourseDrafted {
    pub course_id: String,
    pub kind: CourseKind,
    pub title: String,
    pub slug: String,
    pub instructor_id: String,
    pub limited: bool,
    pub version: i64,
}

/// A review was written, changed or withdrawn, and the rating of its course after that.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ReviewPosted {
    pub course_id: String,
    pub user_id: String,
    /// 1 to 5; absent when the review was withdrawn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stars: Option<i64>,
    /// The sum of the stars of all reviews.
    pub rating_sum: i64,
    pub rating_count: i64,
    /// Counts the changes of the rating of this course.
    pub version: i64,
}

/// A course as other services know it. `draft` is never among its states: drafts are nobody's business.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CourseSnapshot {
    pub course_id: String,
    pub kind: CourseKind,
    pub title: String,
    pub slug: String,
    pub category_id: String,
    pub instructor_id: String,
    pub instructor_name: String,
    pub price: Money,
    /// The struck-through price, when there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub list_price: Option<Money>,
    /// Whether seats are counted; how many is inventory's to know.
    pub limited: bool,
    /// The photo of the course, when it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub photo_id: Option<String>,
    pub status: CourseStatus,
    pub version: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CourseKind {
    Course,
    Item,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CourseStatus {
    Published,
    Unlisted,
    Archived,
}

/// The earlier values that somebody shows beside the new ones.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Previous {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<Money>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_consumer_ignores_members_that_were_added_later() {
        let event = serde_json::json!({
            "snapshot": {
                "course_id": "c", "kind": "course", "title": "t", "slug": "s", "category_id": "k",
                "instructor_id": "i", "instructor_name": "n", "price": {"amount": 1, "currency": "EUR"},
                "limited": false, "status": "published", "version": 3, "colour": "later"
            },
            "changed": ["title"], "previous": {"title": "old"}, "reason": "later"
        });
        let read: CourseEvent = serde_json::from_value(event).unwrap();
        assert_eq!(
            (read.snapshot.version, read.previous.title.as_deref()),
            (3, Some("old"))
        );
    }
}
