//! The catalog as the shop knows it: three questions over HTTP, each with a deadline and a largest answer.

use std::time::Duration;

use http::StatusCode;
use latchkey_contracts::Money;
use latchkey_http::current_request_id;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::format::segment;
use crate::search::Search;

/// A client of one catalog.
#[derive(Clone, Debug)]
pub struct Api {
    base: String,
    client: reqwest::Client,
}

/// A course as lists show it.
#[derive(Clone, Debug, Deserialize)]
pub struct Summary {
    pub id: String,
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
}

#[derive(Clone, Debug, Deserialize)]
pub struct Listing {
    pub items: Vec<Summary>,
    pub next_cursor: Option<String>,
}

/// A course with everything in it.
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

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    Beginner,
    Intermediate,
    Advanced,
    All,
}

/// A course, or where it is now.
pub enum Found {
    Here(Box<Course>),
    Moved(String),
}

/// Why there is no answer to show.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    #[error("the catalog does not answer")]
    Away(#[source] reqwest::Error),
    #[error("the catalog is not able to answer now: {0}")]
    Busy(StatusCode),
    #[error("the catalog does not take the question")]
    Refused,
    #[error("the catalog has no such thing")]
    Missing,
    #[error("the catalog answered {0}, which was not expected")]
    Unexpected(StatusCode),
    #[error("the catalog's answer cannot be read")]
    Unreadable(#[source] serde_json::Error),
    #[error("the catalog's answer is too large")]
    TooLarge,
}

#[derive(Deserialize)]
struct Categories {
    items: Vec<Category>,
}

impl Api {
    pub fn new(base: &str, client: reqwest::Client) -> Self {
        Self {
            base: base.trim_end_matches('/').to_owned(),
            client,
        }
    }

    /// Every category, in the order in which they stand.
    pub async fn categories(&self) -> Result<Vec<Category>, ApiError> {
        let answer = self.ask("/categories", &[]).await?;
        read::<Categories>(answer).await.map(|all| all.items)
    }

    /// A page of courses.
    pub async fn courses(&self, search: &Search, limit: u32) -> Result<Listing, ApiError> {
        let mut pairs = search.pairs();
        pairs.push(("limit", limit.to_string()));
        read(self.ask("/courses", &pairs).await?).await
    }

    /// One course by the last part of its address.
    pub async fn course(&self, slug: &str) -> Result<Found, ApiError> {
        let answer = self.ask(&format!("/courses/{}", segment(slug)), &[]).await;
        match answer {
            Ok(answer) if answer.status() == StatusCode::MOVED_PERMANENTLY => {
                let to = answer.headers().get(http::header::LOCATION);
                // One path segment beside the old one; anything else is not how the catalog moves a course.
                to.and_then(|to| to.to_str().ok())
                    .filter(|to| is_slug(to))
                    .map(|to| Found::Moved(to.to_owned()))
                    .ok_or(ApiError::Unexpected(StatusCode::MOVED_PERMANENTLY))
            }
            Ok(answer) => Ok(Found::Here(Box::new(read(answer).await?))),
            Err(error) => Err(error),
        }
    }

    async fn ask(&self, path: &str, pairs: &[(&str, String)]) -> Result<reqwest::Response, ApiError> {
        let answer = self
            .client
            .get(format!("{}{path}", self.base))
            .query(pairs)
            .header("accept", "application/json")
            .header("x-request-id", current_request_id().as_str())
            .timeout(DEADLINE)
            .send()
            .await
            .map_err(ApiError::Away)?;
        match answer.status() {
            StatusCode::OK | StatusCode::MOVED_PERMANENTLY => Ok(answer),
            StatusCode::NOT_FOUND => Err(ApiError::Missing),
            StatusCode::BAD_REQUEST | StatusCode::URI_TOO_LONG | StatusCode::UNPROCESSABLE_ENTITY => {
                Err(ApiError::Refused)
            }
            status @ (StatusCode::TOO_MANY_REQUESTS
            | StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT) => Err(ApiError::Busy(status)),
            status => Err(ApiError::Unexpected(status)),
        }
    }
}

/// The deadline of the request holds for its body too.
async fn read<T: DeserializeOwned>(mut answer: reqwest::Response) -> Result<T, ApiError> {
    if answer.status() != StatusCode::OK {
        return Err(ApiError::Unexpected(answer.status()));
    }
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(ApiError::Away)? {
        body.extend_from_slice(&chunk);
        if body.len() > LARGEST {
            return Err(ApiError::TooLarge);
        }
    }
    serde_json::from_slice(&body).map_err(ApiError::Unreadable)
}

fn is_slug(text: &str) -> bool {
    let plain = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-');
    !text.is_empty() && text.len() <= 200 && text.bytes().all(plain)
}

const DEADLINE: Duration = Duration::from_secs(3);
const LARGEST: usize = 2 * 1024 * 1024;
