//! The catalog's API client: HTTP calls, each with a deadline and a maximum response size.

use std::time::Duration;

use http::{Method, StatusCode};
use latchkey_contracts::Money;
use latchkey_http::current_request_id;
use latchkey_relying_party::{Logins, NoToken};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::client::CATALOG;
use crate::format::segment;
use crate::search::{Level, Search};

/// A client of one catalog.
#[derive(Clone, Debug)]
pub struct Api {
    logins: Option<Logins>,
    base: String,
    client: reqwest::Client,
}

/// A course as shown in lists.
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

/// Why there is no usable response.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    #[error("the catalog does not respond")]
    Away(#[source] reqwest::Error),
    #[error("the catalog is unavailable: {0}")]
    Busy(StatusCode),
    #[error("the catalog rejected the request")]
    Rejected,
    #[error("the catalog has no such resource")]
    Missing,
    #[error("the catalog responded with the unexpected status {0}")]
    Unexpected(StatusCode),
    #[error("the response of the catalog cannot be parsed")]
    Unreadable(#[source] serde_json::Error),
    #[error("the response of the catalog is too large")]
    TooLarge,
    /// The user is no longer signed in.
    #[error("nobody is signed in")]
    SignedOut,
    /// No access token could be obtained.
    #[error("no access token could be obtained")]
    NoToken(#[source] NoToken),
    /// The user is not allowed to do this.
    #[error("the catalog denied access")]
    Forbidden,
    /// It was changed in the meantime.
    #[error("the course has changed in the meantime")]
    Stale,
    /// The request has invalid fields.
    #[error("the catalog reports {} invalid fields", .0.len())]
    Invalid(Vec<FieldError>),
}

/// An error in one field.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct FieldError {
    pub field: String,
    pub message: String,
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

impl Api {
    pub fn new(base: &str, client: reqwest::Client, logins: Option<Logins>) -> Self {
        Self {
            logins,
            base: base.trim_end_matches('/').to_owned(),
            client,
        }
    }

    /// All categories, in display order.
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
                // A relative path segment; the catalog redirects moved courses in no other way.
                to.and_then(|to| to.to_str().ok())
                    .filter(|to| is_slug(to))
                    .map(|to| Found::Moved(to.to_owned()))
                    .ok_or(ApiError::Unexpected(StatusCode::MOVED_PERMANENTLY))
            }
            Ok(answer) => Ok(Found::Here(Box::new(read(answer).await?))),
            Err(error) => Err(error),
        }
    }

    /// The user's own courses, the last changed first.
    pub async fn mine(&self, login: &str, cursor: Option<&str>) -> Result<MyListing, ApiError> {
        let mut path = "/my/courses?limit=50".to_owned();
        if let Some(cursor) = cursor {
            path = format!("{path}&cursor={}", segment(cursor));
        }
        read(self.call(login, Method::GET, &path, Vec::new(), None).await?).await
    }

    /// One of them by its id, in whatever status.
    pub async fn my_course(&self, login: &str, id: &str) -> Result<MyCourse, ApiError> {
        let path = format!("/courses/{}", segment(id));
        read(self.call(login, Method::GET, &path, Vec::new(), None).await?).await
    }

    /// Creates a new draft. Repeating the key returns the same course.
    pub async fn create(&self, login: &str, key: &str, draft: &Value) -> Result<MyCourse, ApiError> {
        let headers = vec![("idempotency-key", key.to_owned())];
        read(
            self.call(login, Method::POST, "/courses", headers, Some(draft))
                .await?,
        )
        .await
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
        let headers = vec![("if-match", format!("\"{version}\""))];
        read(self.call(login, Method::PUT, &path, headers, Some(draft)).await?).await
    }

    /// `publish`, `unlist` or `archive`.
    pub async fn step(&self, login: &str, id: &str, version: i64, step: &str) -> Result<MyCourse, ApiError> {
        let path = format!("/courses/{}/{step}", segment(id));
        let headers = vec![("if-match", format!("\"{version}\""))];
        read(self.call(login, Method::POST, &path, headers, None).await?).await
    }

    /// A call on behalf of a user. A rejected token is replaced once: it may have been revoked individually.
    async fn call(
        &self,
        login: &str,
        method: Method,
        path: &str,
        headers: Vec<(&'static str, String)>,
        body: Option<&Value>,
    ) -> Result<reqwest::Response, ApiError> {
        let logins = self.logins.as_ref().ok_or(ApiError::SignedOut)?;
        for last in [false, true] {
            let token = logins.token(login, CATALOG).await.map_err(|error| match error {
                NoToken::SignedOut => ApiError::SignedOut,
                error => ApiError::NoToken(error),
            })?;
            let mut request = self
                .client
                .request(method.clone(), format!("{}{path}", self.base))
                .bearer_auth(token)
                .header("accept", "application/json")
                .header("x-request-id", current_request_id().as_str())
                .timeout(DEADLINE);
            for (name, value) in &headers {
                request = request.header(*name, value);
            }
            if let Some(body) = body {
                request = request.json(body);
            }
            let answer = request.send().await.map_err(ApiError::Away)?;
            match answer.status() {
                status if status.is_success() => return Ok(answer),
                StatusCode::UNAUTHORIZED if !last => {
                    let dropped = logins.refused(login, CATALOG).await;
                    dropped.map_err(|error| ApiError::NoToken(error.into()))?;
                }
                // Even a newly issued token is rejected: signing in again would not help.
                status @ StatusCode::UNAUTHORIZED => return Err(ApiError::Busy(status)),
                StatusCode::FORBIDDEN => return Err(ApiError::Forbidden),
                StatusCode::NOT_FOUND => return Err(ApiError::Missing),
                StatusCode::PRECONDITION_FAILED => return Err(ApiError::Stale),
                StatusCode::UNPROCESSABLE_ENTITY | StatusCode::CONFLICT | StatusCode::BAD_REQUEST => {
                    return Err(ApiError::Invalid(invalid_fields(answer).await?));
                }
                status @ (StatusCode::TOO_MANY_REQUESTS
                | StatusCode::BAD_GATEWAY
                | StatusCode::SERVICE_UNAVAILABLE
                | StatusCode::GATEWAY_TIMEOUT) => return Err(ApiError::Busy(status)),
                status => return Err(ApiError::Unexpected(status)),
            }
        }
        Err(ApiError::SignedOut)
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
                Err(ApiError::Rejected)
            }
            status @ (StatusCode::TOO_MANY_REQUESTS
            | StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT) => Err(ApiError::Busy(status)),
            status => Err(ApiError::Unexpected(status)),
        }
    }
}

/// The deadline of the request includes the body.
async fn read<T: DeserializeOwned>(mut answer: reqwest::Response) -> Result<T, ApiError> {
    if !answer.status().is_success() {
        return Err(ApiError::Unexpected(answer.status()));
    }
    serde_json::from_slice(&bytes(&mut answer).await?).map_err(ApiError::Unreadable)
}

/// The invalid fields in a problem document (RFC 9457).
async fn invalid_fields(mut answer: reqwest::Response) -> Result<Vec<FieldError>, ApiError> {
    #[derive(Deserialize)]
    struct Problem {
        detail: String,
        #[serde(default)]
        errors: Vec<FieldError>,
    }
    let problem: Problem =
        serde_json::from_slice(&bytes(&mut answer).await?).map_err(ApiError::Unreadable)?;
    if !problem.errors.is_empty() {
        return Ok(problem.errors);
    }
    Ok(vec![FieldError {
        field: String::new(),
        message: problem.detail,
    }])
}

async fn bytes(answer: &mut reqwest::Response) -> Result<Vec<u8>, ApiError> {
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(ApiError::Away)? {
        body.extend_from_slice(&chunk);
        if body.len() > LARGEST {
            return Err(ApiError::TooLarge);
        }
    }
    Ok(body)
}

fn is_slug(text: &str) -> bool {
    let plain = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-');
    !text.is_empty() && text.len() <= 200 && text.bytes().all(plain)
}

const DEADLINE: Duration = Duration::from_secs(3);
const LARGEST: usize = 2 * 1024 * 1024;
