//! The only SQL of the catalog: rows to domain values and back. One text for both engines.

mod categories;
mod courses;
mod index;
mod instructors;
mod listing;
mod ownership;
mod reviews;
mod search;

use latchkey_db::{DbError, Migration, Migrations};

pub use categories::{
    categories, category, delete_category, insert_category, lock_tree, place, tree_version, update_category,
};
pub use courses::{
    claim_slug, course, course_by_slug, courses, insert, release_slug, save, showing, taught_by,
};
pub use index::{index, unindexed};
pub use instructors::{instructor_name, remember_instructor};
pub use listing::{Filter, Mine, Position, Sort, Summary, mine};
pub use ownership::{forget_owned, forget_owner, owns, remember_owned, remember_seats};
pub use reviews::{
    Histogram, ReviewPosition, delete_review, histogram, lock_rating, put_review, rate, review, reviews,
    reviews_by,
};
pub use search::{Suggestion, listed, suggestions};

/// The catalog's tables.
pub const MIGRATIONS: Migrations = Migrations {
    set: "catalog",
    steps: &[
        Migration {
            version: 1,
            name: "courses",
            sqlite: include_str!("../migrations/0001_courses.sql"),
            postgres: include_str!("../migrations/0001_courses.sql"),
        },
        Migration {
            version: 2,
            name: "seats",
            sqlite: include_str!("../migrations/0002_seats.sql"),
            postgres: include_str!("../migrations/0002_seats.sql"),
        },
        Migration {
            version: 3,
            name: "reviews",
            sqlite: include_str!("../migrations/0003_reviews.sql"),
            postgres: include_str!("../migrations/0003_reviews.sql"),
        },
        Migration {
            version: 4,
            name: "search",
            sqlite: include_str!("../migrations/0004_search.sqlite.sql"),
            postgres: include_str!("../migrations/0004_search.postgres.sql"),
        },
        Migration {
            version: 6,
            name: "photos",
            sqlite: include_str!("../migrations/0006_photos.sql"),
            postgres: include_str!("../migrations/0006_photos.sql"),
        },
    ],
};

/// True if a row was rejected because a referenced row does not exist, or because it is still referenced.
pub fn is_dangling(error: &DbError) -> bool {
    match error {
        DbError::Sql(cause) => cause
            .as_database_error()
            .is_some_and(|cause| cause.is_foreign_key_violation()),
        _ => false,
    }
}
