//! The responses of the catalog, as JSON.

use latchkey_clock::rfc3339;
use latchkey_contracts::Money;
use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::{Category, Course, Kind, Level, Price, Rating, Review, Section, Status};
use crate::store::{Histogram, Suggestion, Summary};

/// A course with all details.
#[derive(Serialize, ToSchema)]
pub struct CourseView {
    pub id: String,
    pub kind: Kind,
    pub slug: String,
    pub title: String,
    pub subtitle: String,
    pub description_md: String,
    pub category_id: Option<String>,
    pub instructor_id: String,
    pub instructor_name: String,
    pub language: String,
    pub level: Level,
    pub outcomes: Vec<String>,
    pub requirements: Vec<String>,
    pub sections: Vec<Section>,
    pub lesson_count: i64,
    pub minutes: i64,
    pub price: Option<Money>,
    pub list_price: Option<Money>,
    pub limited: bool,
    /// Its pictures are at `/photo/v1/photos/{id}/{variant}`.
    pub photo_id: Option<String>,
    /// Null where places are not limited. A hint: only an order takes a place.
    pub seats_left: Option<i64>,
    /// Null without reviews.
    pub rating: Option<RatingView>,
    pub status: Status,
    /// Also the ETag.
    pub version: i64,
    pub created_at: String,
    pub updated_at: String,
    pub published_at: Option<String>,
}

/// A course as shown in lists.
#[derive(Serialize, ToSchema)]
pub struct CourseSummary {
    pub id: String,
    pub kind: Kind,
    pub slug: String,
    pub title: String,
    pub subtitle: String,
    pub category_id: Option<String>,
    pub instructor_id: String,
    pub instructor_name: String,
    pub language: String,
    pub level: Level,
    pub lesson_count: i64,
    pub minutes: i64,
    pub price: Option<Money>,
    pub list_price: Option<Money>,
    pub limited: bool,
    /// Its pictures are at `/photo/v1/photos/{id}/{variant}`.
    pub photo_id: Option<String>,
    /// Null where places are not limited. A hint: only an order takes a place.
    pub seats_left: Option<i64>,
    /// Null without reviews.
    pub rating: Option<RatingView>,
    pub status: Status,
    pub version: i64,
    pub updated_at: String,
    pub published_at: Option<String>,
}

/// A page of courses. `next_cursor` is null on the last page.
#[derive(Serialize, ToSchema)]
pub struct CoursePage {
    pub items: Vec<CourseSummary>,
    pub next_cursor: Option<String>,
}

impl From<(Vec<Summary>, Option<String>)> for CoursePage {
    fn from((items, next_cursor): (Vec<Summary>, Option<String>)) -> Self {
        Self {
            items: items.into_iter().map(CourseSummary::from).collect(),
            next_cursor,
        }
    }
}

#[derive(Serialize, ToSchema)]
pub struct CategoryView {
    pub id: String,
    pub parent_id: Option<String>,
    pub name: String,
    pub slug: String,
    pub position: i64,
    /// Also the ETag.
    pub version: i64,
}

/// All categories: there are few, so the list has no pages.
#[derive(Serialize, ToSchema)]
pub struct CategoryList {
    pub items: Vec<CategoryView>,
}

impl From<&Course> for CourseView {
    fn from(course: &Course) -> Self {
        let content = course.content.clone();
        let (price, list_price) = money(content.price.as_ref());
        Self {
            id: course.id.clone(),
            kind: course.kind,
            slug: course.slug.clone(),
            lesson_count: content.lesson_count(),
            minutes: content.minutes(),
            title: content.title,
            subtitle: content.subtitle,
            description_md: content.description_md,
            category_id: content.category_id,
            instructor_id: course.instructor_id.clone(),
            instructor_name: course.instructor_name.clone(),
            language: content.language,
            level: content.level,
            outcomes: content.outcomes,
            requirements: content.requirements,
            sections: content.sections,
            price,
            list_price,
            limited: content.limited,
            photo_id: content.photo_id,
            seats_left: course.standing.seats.and_then(|seats| seats.left()),
            rating: RatingView::of(course.standing.rating),
            status: course.status,
            version: course.version,
            created_at: rfc3339(course.created_at),
            updated_at: rfc3339(course.updated_at),
            published_at: course.published_at.map(rfc3339),
        }
    }
}

impl From<Summary> for CourseSummary {
    fn from(course: Summary) -> Self {
        let (price, list_price) = money(course.price.as_ref());
        Self {
            id: course.id,
            kind: course.kind,
            slug: course.slug,
            title: course.title,
            subtitle: course.subtitle,
            category_id: course.category_id,
            instructor_id: course.instructor_id,
            instructor_name: course.instructor_name,
            language: course.language,
            level: course.level,
            lesson_count: course.lesson_count,
            minutes: course.minutes,
            price,
            list_price,
            limited: course.limited,
            photo_id: course.photo_id,
            seats_left: course.seats_left,
            rating: RatingView::of(course.rating),
            status: course.status,
            version: course.version,
            updated_at: rfc3339(course.updated_at),
            published_at: course.published_at.map(rfc3339),
        }
    }
}

impl From<&Category> for CategoryView {
    fn from(category: &Category) -> Self {
        Self {
            id: category.id.clone(),
            parent_id: category.parent_id.clone(),
            name: category.name.clone(),
            slug: category.slug.clone(),
            position: category.position,
            version: category.version,
        }
    }
}

/// The reviews of a course in two numbers.
#[derive(Serialize, ToSchema)]
pub struct RatingView {
    /// Stars, to two decimals.
    #[schema(minimum = 1, maximum = 5)]
    pub average: f64,
    pub count: i64,
}

impl RatingView {
    /// `None` without reviews.
    fn of(rating: Rating) -> Option<Self> {
        let hundredths = i32::try_from(rating.average()?).ok()?;
        Some(Self {
            average: f64::from(hundredths) / 100.0,
            count: rating.count,
        })
    }
}

/// A review, as everybody sees it.
#[derive(Serialize, ToSchema)]
pub struct ReviewView {
    #[schema(minimum = 1, maximum = 5)]
    pub stars: i64,
    pub text: String,
    /// How it is signed; empty if it is not.
    pub name: String,
    pub created_at: String,
    pub updated_at: String,
}

/// A page of the reviews of a course. `next_cursor` is null on the last page.
#[derive(Serialize, ToSchema)]
pub struct ReviewPage {
    /// Null without reviews.
    pub rating: Option<RatingView>,
    /// How many reviews have 1, 2, 3, 4 and 5 stars.
    pub histogram: Vec<i64>,
    pub items: Vec<ReviewView>,
    pub next_cursor: Option<String>,
}

impl ReviewPage {
    pub fn new(rating: Rating, histogram: Histogram, page: (Vec<Review>, Option<String>)) -> Self {
        let (items, next_cursor) = page;
        Self {
            rating: RatingView::of(rating),
            histogram: histogram.to_vec(),
            items: items.into_iter().map(ReviewView::from).collect(),
            next_cursor,
        }
    }
}

impl From<Review> for ReviewView {
    fn from(review: Review) -> Self {
        Self {
            stars: review.stars,
            text: review.text,
            name: review.name,
            created_at: rfc3339(review.created_at),
            updated_at: rfc3339(review.updated_at),
        }
    }
}

#[derive(Serialize, ToSchema)]
pub struct SuggestionView {
    pub id: String,
    pub slug: String,
    pub title: String,
}

/// The best few.
#[derive(Serialize, ToSchema)]
pub struct SuggestionList {
    pub items: Vec<SuggestionView>,
}

impl From<Vec<Suggestion>> for SuggestionList {
    fn from(found: Vec<Suggestion>) -> Self {
        let view = |Suggestion { id, slug, title }| SuggestionView { id, slug, title };
        Self {
            items: found.into_iter().map(view).collect(),
        }
    }
}

fn money(price: Option<&Price>) -> (Option<Money>, Option<Money>) {
    let of = |amount: i64, price: &Price| Money::new(amount, price.currency.as_str());
    let list = price.and_then(|price| Some(of(price.list?, price)));
    (price.map(|price| of(price.amount, price)), list)
}
