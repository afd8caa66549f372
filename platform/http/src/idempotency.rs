//! `Idempotency-Key`: repeating a key repeats the response, and the effect happens once.
//!
//! The response is stored in the same transaction as the effect, so that a crash cannot separate them.

use axum::extract::FromRequestParts;
use axum::response::{IntoResponse, Response};
use http::request::Parts;
use http::{HeaderName, HeaderValue, StatusCode, header};
use latchkey_db::{DbError, Migration, Migrations, On, Tx, sql};
use sha2::{Digest, Sha256};

use crate::json::is_uuid;
use crate::{Problem, codes};

/// The table `idempotency`, which a service with such routes keeps beside its own.
pub const MIGRATIONS: Migrations = Migrations {
    set: "idempotency",
    steps: &[Migration {
        version: 1,
        name: "answers",
        sqlite: include_str!("../migrations/0001_idempotency.sql"),
        postgres: include_str!("../migrations/0001_idempotency.sql"),
    }],
};

/// How long a response is kept.
const KEPT_MS: i64 = 24 * 3_600_000;

/// The caller's key: a UUID, in any letter case. 400 without one.
#[derive(Debug, Clone)]
pub struct IdempotencyKey(pub String);

impl<S: Send + Sync> FromRequestParts<S> for IdempotencyKey {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        let mut values = parts.headers.get_all("idempotency-key").iter();
        let key = match (values.next(), values.next()) {
            (Some(value), None) => value.to_str().ok().map(str::to_ascii_lowercase),
            _ => None,
        };
        key.filter(|key| is_uuid(key))
            .map(Self)
            .ok_or_else(|| codes::IDEMPOTENCY_KEY_REQUIRED.into())
    }
}

/// Who used a key, and for what.
#[derive(Debug, Clone)]
pub struct KeyScope {
    /// The client that sent the request.
    pub client: String,
    /// The user or machine that it acts for.
    pub sub: String,
    /// Method and route.
    pub route: String,
    /// The caller's key.
    pub key: String,
    /// The [`request_hash`] of the request.
    pub request_hash: String,
}

/// The state of a key.
#[derive(Debug)]
pub enum ReplayState {
    /// Unused: do the work, then call [`finish`].
    Fresh,
    /// Used for this request before: repeat this response.
    Replay(Answer),
    /// Used for another request.
    OtherRequest,
}

/// A stored response.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// `Location`, if there was one.
    pub location: Option<String>,
    /// `ETag`, if there was one.
    pub etag: Option<String>,
    /// The JSON body.
    pub body: String,
}

/// A digest of method, route and body.
pub fn request_hash(method: &str, route: &str, body: &[u8]) -> String {
    let mut hash = Sha256::new();
    for part in [method.as_bytes(), route.as_bytes(), body] {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hex::encode(hash.finalize())
}

/// Claims the key, or returns the response that it yielded before. Another transaction with the same key waits for this
/// one.
pub async fn begin(tx: &Tx, scope: &KeyScope, now_ms: i64) -> Result<ReplayState, DbError> {
    sql("DELETE FROM idempotency WHERE created_at < $1")
        .bind(now_ms - KEPT_MS)
        .execute(tx)
        .await?;
    let claimed = sql(
        "INSERT INTO idempotency (client, sub, route, key, request_hash, created_at) \
                       VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (client, sub, route, key) DO NOTHING",
    )
    .bind(&scope.client)
    .bind(&scope.sub)
    .bind(&scope.route)
    .bind(&scope.key)
    .bind(&scope.request_hash)
    .bind(now_ms)
    .execute(tx)
    .await?;
    if claimed == 1 {
        return Ok(ReplayState::Fresh);
    }
    let committed = find(tx, scope, now_ms).await?;
    committed.ok_or_else(|| DbError::row("key", "a claimed key has no row"))
}

/// What a committed request with the key yielded, without claiming it: for work that must ask others before its
/// transaction begins. `None` if the key is unused so far.
pub async fn find(
    on: impl Into<On<'_>>,
    scope: &KeyScope,
    now_ms: i64,
) -> Result<Option<ReplayState>, DbError> {
    let row = sql(
        "SELECT request_hash, status, location, etag, body FROM idempotency \
                   WHERE client = $1 AND sub = $2 AND route = $3 AND key = $4 AND created_at >= $5",
    )
    .bind(&scope.client)
    .bind(&scope.sub)
    .bind(&scope.route)
    .bind(&scope.key)
    .bind(now_ms - KEPT_MS)
    .fetch_optional(on)
    .await?;
    let Some(row) = row else { return Ok(None) };
    if row.text("request_hash")? != scope.request_hash {
        return Ok(Some(ReplayState::OtherRequest));
    }
    let status = row
        .opt_int("status")?
        .and_then(|status| u16::try_from(status).ok());
    Ok(Some(ReplayState::Replay(Answer {
        status: status.ok_or_else(|| DbError::row("status", "a stored response has no status"))?,
        location: row.opt_text("location")?,
        etag: row.opt_text("etag")?,
        body: row.opt_text("body")?.unwrap_or_default(),
    })))
}

/// Stores the response together with its effect.
pub async fn finish(tx: &Tx, scope: &KeyScope, answer: &Answer) -> Result<(), DbError> {
    sql(
        "UPDATE idempotency SET status = $5, location = $6, etag = $7, body = $8 \
         WHERE client = $1 AND sub = $2 AND route = $3 AND key = $4",
    )
    .bind(&scope.client)
    .bind(&scope.sub)
    .bind(&scope.route)
    .bind(&scope.key)
    .bind(i64::from(answer.status))
    .bind(answer.location.clone())
    .bind(answer.etag.clone())
    .bind(&answer.body)
    .execute(tx)
    .await?;
    Ok(())
}

impl Answer {
    /// The response to send; a repeated one is marked as such.
    pub fn respond(self, replayed: bool) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, self.body).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        for (name, value) in [(header::LOCATION, self.location), (header::ETAG, self.etag)] {
            if let Some(value) = value.and_then(|text| HeaderValue::from_str(&text).ok()) {
                headers.insert(name, value);
            }
        }
        if replayed {
            headers.insert(
                HeaderName::from_static("idempotency-replayed"),
                HeaderValue::from_static("true"),
            );
        }
        response
    }
}
