//! The browser's session, with tower-sessions and the client's own database.

use std::collections::HashMap;

use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};
use time::OffsetDateTime;
use tower_sessions::cookie::SameSite;
use tower_sessions::session::{Id, Record};
use tower_sessions::session_store::{Error, Result, SessionStore};
use tower_sessions::{Expiry, SessionManagerLayer};

use crate::store::{Store, StoreError};

/// The content of a browser's session, under the client's name. It contains no tokens: a session that is saved late
/// must not bring one back.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SessionData {
    /// The signed-in user, as long as the row of this id exists.
    pub login: Option<SessionUser>,
}

/// The signed-in user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionUser {
    /// The id of the sign-in's row.
    pub login: String,
    pub name: String,
    /// The token of every form that changes something.
    pub form_token: String,
}

impl SessionData {
    /// What a session has under the client's name. If it is not what this version writes, nobody is signed in.
    pub fn of(value: Value) -> Self {
        serde_json::from_value(value).unwrap_or_default()
    }
}

#[async_trait]
impl SessionStore for Store {
    async fn create(&self, record: &mut Record) -> Result<()> {
        loop {
            let data = encode(record)?;
            let added = self.add_session(&hash(&record.id), &data, ends_at(record)).await;
            if added.map_err(backend)? {
                return Ok(());
            }
            record.id = Id::default();
        }
    }

    /// A session that was ended while a request was in progress stays ended.
    async fn save(&self, record: &Record) -> Result<()> {
        let data = encode(record)?;
        let saved = self.save_session(&hash(&record.id), &data, ends_at(record)).await;
        saved.map_err(backend)
    }

    async fn load(&self, id: &Id) -> Result<Option<Record>> {
        let Some((data, expires_at)) = self.session(&hash(id)).await.map_err(backend)? else {
            return Ok(None);
        };
        // A session that cannot be read is a session of nobody, and no reason to answer with an error.
        let Ok(data) = serde_json::from_str::<HashMap<String, Value>>(&data) else {
            return Ok(None);
        };
        let expiry_date = OffsetDateTime::from_unix_timestamp_nanos(i128::from(expires_at) * 1_000_000);
        Ok(Some(Record {
            id: *id,
            data,
            expiry_date: expiry_date.map_err(|error| Error::Decode(error.to_string()))?,
        }))
    }

    async fn delete(&self, id: &Id) -> Result<()> {
        self.end_session(&hash(id)).await.map_err(backend)
    }
}

/// The layer that finds a browser's session by its cookie.
pub(crate) fn layer(store: Store, cookie: String, https: bool) -> SessionManagerLayer<Store> {
    SessionManagerLayer::new(store)
        .with_name(cookie)
        .with_secure(https)
        .with_http_only(true)
        .with_same_site(SameSite::Lax)
        .with_path("/")
        .with_expiry(Expiry::OnInactivity(time::Duration::days(30)))
}

/// The cookie value itself is not stored: reading the database does not allow to impersonate anybody.
fn hash(id: &Id) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(id.to_string()))
}

fn encode(record: &Record) -> Result<String> {
    serde_json::to_string(&record.data).map_err(|error| Error::Encode(error.to_string()))
}

fn ends_at(record: &Record) -> i64 {
    i64::try_from(record.expiry_date.unix_timestamp_nanos() / 1_000_000).unwrap_or(i64::MAX)
}

fn backend(error: StoreError) -> Error {
    Error::Backend(latchkey_http::reasons(&error))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sessions of earlier versions stay valid.
    #[test]
    fn a_session_that_holds_more_than_is_known_is_read() {
        let text = r#"{"login":{"login":"id","name":"Alice","teaches":true,"form_token":"token"}}"#;
        let data = SessionData::of(serde_json::from_str(text).unwrap());
        assert_eq!(data.login.map(|user| user.name).as_deref(), Some("Alice"));
    }

    #[test]
    fn a_session_that_holds_something_else_is_nobodys() {
        for text in ["null", "7", r#"{"login":7}"#, r#"{"login":{"login":"id"}}"#] {
            let data = SessionData::of(serde_json::from_str(text).unwrap());
            assert_eq!(data, SessionData::default(), "{text}");
        }
    }
}
