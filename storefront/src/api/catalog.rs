//! Courses and their categories.

use http::{Method, StatusCode};
use latchkey_contracts::Money;
use latchkey_contracts::events::course::CourseKind;
use serde::Deserialize;
use serde_json::{Value, json};

use super::ApiError;
use super::service::{Call, Caller, Service};
use crate::format::segment;
use crate::search::{Level, Search};

/// The catalog.
#[derive(Clone, Debug)]
pub struct Catalog(Service);

/// A course as shown in lists.
#[derive(Clone, Debug, Deserialize)]
pub struct Summary {
    pub id: String,
    pub kind: CourseKind,
    pub slug: String,
    pub title: String,
    pub category_id: Option<String>,
    pub instructor_name: String,
    pub language: String,
    pub level: Level,
    pub lesson_count: i64,
    pub minutes: i64,
    pub price: Option<Money>,
    pub list_price: Option<Money>,
    pub limited: bool,
    #[serde(default)]
    pub photo_id: Option<String>,
    /// `None` without reviews.
    #[serde(default)]
    pub rating: Option<Rating>,
    /// Where places are limited and known.
    #[serde(default)]
    pub seats_left: Option<i64>,
}

/// The reviews of a course in two numbers.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct Rating {
    pub average: f64,
    pub count: i64,
}

#[derive(Clone, Debug, Deserialize)]
pub struct Review {
    pub stars: i64,
    pub text: String,
    /// How it is signed; empty if it is not.
    pub name: String,
    pub created_at: String,
}

/// A page of reviews.
#[derive(Clone, Debug, Deserialize)]
pub struct Reviews {
    pub rating: Option<Rating>,
    /// How many have 1, 2, 3, 4 and 5 stars.
    pub histogram: Vec<i64>,
    pub items: Vec<Review>,
    pub next_cursor: Option<String>,
}

/// A course whose title begins as typed.
#[derive(Clone, Debug, Deserialize)]
pub struct Suggestion {
    pub slug: String,
    pub title: String,
}

#[derive(Deserialize)]
struct Suggestions {
    items: Vec<Suggestion>,
}

#[derive(Clone, Debug, Deserialize)]
pub struct Listing {
    pub items: Vec<Summary>,
    pub next_cursor: Option<String>,
}

/// A course with all details.
#[derive(Clone, Debug, Deserialize)]
pub struct Course {
    #[serde(flatten)]
    pub summary: Summary,
    pub subtitle: String,
    pub description_md: String,
    pub outcomes: Vec<String>,
    pub requirements: Vec<String>,
    pub sections: Vec<Section>,
    pub updated_at: String,
}

#[derive(Clone, Debug, Deserialize)]
pub struct Section {
    pub title: String,
    pub lessons: Vec<Lesson>,
}

#[derive(Clone, Debug, Deserialize)]
pub struct Lesson {
    #[serde(default)]
    pub id: String,
    pub title: String,
    pub minutes: i64,
    pub preview: bool,
}

#[derive(Clone, Debug, Deserialize)]
pub struct Category {
    pub id: String,
    pub parent_id: Option<String>,
    pub name: String,
    pub slug: String,
}

/// A course, or its new address.
pub enum Found {
    Here(Box<Course>),
    Moved(String),
}

/// A course as its author sees it.
#[derive(Clone, Debug, Deserialize)]
pub struct MyCourse {
    #[serde(flatten)]
    pub course: Course,
    pub status: String,
    pub version: i64,
}

/// A course in its author's list.
#[derive(Clone, Debug, Deserialize)]
pub struct MySummary {
    #[serde(flatten)]
    pub summary: Summary,
    pub status: String,
    pub updated_at: String,
}

#[derive(Clone, Debug, Deserialize)]
pub struct MyListing {
    pub items: Vec<MySummary>,
    pub next_cursor: Option<String>,
}

#[derive(Deserialize)]
struct Categories {
    items: Vec<Category>,
}

impl Catalog {
    pub(super) fn new(service: Service) -> Self {
        Self(service)
    }

    /// All categories, in display order.
    pub async fn categories(&self) -> Result<Vec<Category>, ApiError> {
        let all: Categories = self.0.ask(Call::get(Caller::Anyone, "/categories")).await?;
        Ok(all.items)
    }

    /// A page of courses.
    pub async fn courses(&self, search: &Search, limit: u32) -> Result<Listing, ApiError> {
        let mut pairs = search.pairs();
        pairs.push(("limit", limit.to_string()));
        self.0
            .ask(Call::get(Caller::Anyone, "/courses").query(&pairs))
            .await
    }

    /// Those of at most 100 courses that anybody may see.
    pub async fn by_ids(&self, ids: &[&str]) -> Result<Vec<Summary>, ApiError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let call = Call::get(Caller::Anyone, "/courses").query(&[("ids", ids.join(","))]);
        let found: Listing = self.0.ask(call).await?;
        Ok(found.items)
    }

    /// One course by the last part of its address.
    pub async fn course(&self, slug: &str) -> Result<Found, ApiError> {
        let path = format!("/courses/{}", segment(slug));
        let reply = self.0.call(Call::get(Caller::Anyone, path)).await?;
        if reply.status != StatusCode::MOVED_PERMANENTLY {
            return Ok(Found::Here(Box::new(reply.json()?)));
        }
        // A relative path segment; the catalog redirects moved courses in no other way.
        let to = reply.location.filter(|to| is_slug(to));
        to.map(Found::Moved)
            .ok_or(ApiError::Unexpected(StatusCode::MOVED_PERMANENTLY))
    }

    /// A page of the reviews of a course.
    pub async fn reviews(&self, id: &str, limit: u32, cursor: Option<&str>) -> Result<Reviews, ApiError> {
        let mut pairs = vec![("limit", limit.to_string())];
        pairs.extend(cursor.map(|cursor| ("cursor", cursor.to_owned())));
        let path = format!("/courses/{}/reviews", segment(id));
        self.0
            .ask(Call::get(Caller::Anyone, path).query(&pairs).at_a_glance())
            .await
    }

    /// The user's own review of a course, if there is one.
    pub async fn my_review(&self, login: &str, id: &str) -> Result<Option<Review>, ApiError> {
        let path = format!("/courses/{}/review", segment(id));
        match self.0.ask(Call::get(Caller::User(login), path)).await {
            Ok(review) => Ok(Some(review)),
            Err(ApiError::Missing) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Writes or replaces it.
    pub async fn put_review(&self, login: &str, id: &str, draft: &Value) -> Result<(), ApiError> {
        let path = format!("/courses/{}/review", segment(id));
        let call = Call::put(Caller::User(login), path).json(draft)?;
        self.0.call(call).await.map(drop)
    }

    /// Takes it back.
    pub async fn delete_review(&self, login: &str, id: &str) -> Result<(), ApiError> {
        let path = format!("/courses/{}/review", segment(id));
        self.0
            .call(Call::delete(Caller::User(login), path))
            .await
            .map(drop)
    }

    /// A few titles for what was typed.
    pub async fn suggestions(&self, q: &str) -> Result<Vec<Suggestion>, ApiError> {
        let call = Call::get(Caller::Anyone, "/courses/suggestions").query(&[("q", q.to_owned())]);
        let all: Suggestions = self.0.ask(call.at_a_glance()).await?;
        Ok(all.items)
    }

    /// The user's own courses, the last changed first.
    pub async fn mine(&self, login: &str, cursor: Option<&str>) -> Result<MyListing, ApiError> {
        let mut pairs = vec![("limit", "50".to_owned())];
        pairs.extend(cursor.map(|cursor| ("cursor", cursor.to_owned())));
        let call = Call::get(Caller::User(login), "/my/courses").query(&pairs);
        self.0.ask(call).await
    }

    /// One of them by its id, in whatever status.
    pub async fn my_course(&self, login: &str, id: &str) -> Result<MyCourse, ApiError> {
        let path = format!("/courses/{}", segment(id));
        self.0.ask(Call::get(Caller::User(login), path)).await
    }

    /// Creates a new draft. Repeating the key returns the same course.
    pub async fn create(&self, login: &str, key: &str, draft: &Value) -> Result<MyCourse, ApiError> {
        let call = Call::post(Caller::User(login), "/courses").key(key).json(draft)?;
        self.0.ask(call).await.map_err(ApiError::in_fields)
    }

    /// Replaces the course, if it still has this version.
    pub async fn replace(
        &self,
        login: &str,
        id: &str,
        version: i64,
        draft: &Value,
    ) -> Result<MyCourse, ApiError> {
        let path = format!("/courses/{}", segment(id));
        let call = Call::put(Caller::User(login), path)
            .if_match(version)
            .json(draft)?;
        self.0.ask(call).await.map_err(ApiError::in_fields)
    }

    /// Shows another photo, or none, if the course still has this version.
    pub async fn set_photo(
        &self,
        login: &str,
        id: &str,
        version: i64,
        photo_id: Option<&str>,
    ) -> Result<MyCourse, ApiError> {
        let path = format!("/courses/{}", segment(id));
        let call = Call::new(Caller::User(login), Method::PATCH, path)
            .if_match(version)
            .json(&json!({"photo_id": photo_id}))?;
        self.0.ask(call).await
    }

    /// `publish`, `unlist` or `archive`.
    pub async fn step(&self, login: &str, id: &str, version: i64, step: &str) -> Result<MyCourse, ApiError> {
        let path = format!("/courses/{}/{step}", segment(id));
        let call = Call::post(Caller::User(login), path).if_match(version);
        self.0.ask(call).await.map_err(ApiError::in_fields)
    }
}

fn is_slug(text: &str) -> bool {
    let plain = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-');
    !text.is_empty() && text.len() <= 200 && text.bytes().all(plain)
}
