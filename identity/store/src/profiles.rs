//! Profiles, which users keep themselves, and their pictures.

use latchkey_db::{On, Tx, sql};
use latchkey_protocol::Timestamp;
use serde_json::{Map, Value};

use crate::{Store, StoreError};

/// What a user says of themselves.
#[derive(Clone, Debug, PartialEq)]
pub struct ProfileRow {
    /// Standard claims.
    pub claims: Map<String, Value>,
    /// The version of the user's row.
    pub version: i64,
}

/// The picture of a profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PictureRow {
    /// Random: the end of its address.
    pub id: String,
    /// The type.
    pub mime: String,
    /// The bytes, in base64.
    pub content: String,
}

impl Store {
    /// The profile of a user.
    pub async fn profile<'a>(
        &self,
        on: impl Into<On<'a>>,
        user: &str,
    ) -> Result<Option<ProfileRow>, StoreError> {
        let row = sql("SELECT claims, version FROM users WHERE id = $1 AND deleted_at IS NULL")
            .bind(user)
            .fetch_optional(on)
            .await?;
        let Some(row) = row else { return Ok(None) };
        let claims = serde_json::from_str(&row.text("claims")?);
        Ok(Some(ProfileRow {
            claims: claims.map_err(|error| StoreError::corrupt("users", user, error))?,
            version: row.int("version")?,
        }))
    }

    /// Writes a profile whose user still has this version; `false` if somebody was faster. Mails go out in the language of
    /// the profile, if it names one.
    pub async fn change_profile(
        &self,
        tx: &Tx,
        user: &str,
        version: i64,
        claims: &Map<String, Value>,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let locale = claims.get("locale").and_then(Value::as_str);
        let rows = sql(
            "UPDATE users SET claims = $3, locale = COALESCE($4, locale), version = version + 1, updated_at = $5 \
             WHERE id = $1 AND version = $2 AND deleted_at IS NULL AND disabled_at IS NULL AND locked_at IS NULL",
        )
        .bind(user)
        .bind(version)
        .bind(Value::Object(claims.clone()).to_string())
        .bind(locale.map(str::to_owned))
        .bind(now.0)
        .execute(tx)
        .await?;
        Ok(rows == 1)
    }

    /// Gives a user a picture in the place of the one that there was.
    pub async fn set_picture(
        &self,
        tx: &Tx,
        user: &str,
        picture: &PictureRow,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.remove_picture(tx, user).await?;
        sql(
            "INSERT INTO profile_pictures (id, user_id, mime, content, created_at) \
             VALUES ($1, $2, $3, $4, $5)",
        )
        .bind(&picture.id)
        .bind(user)
        .bind(&picture.mime)
        .bind(&picture.content)
        .bind(now.0)
        .execute(tx)
        .await?;
        Ok(())
    }

    /// Removes the picture of a user.
    pub async fn remove_picture(&self, tx: &Tx, user: &str) -> Result<(), StoreError> {
        sql("DELETE FROM profile_pictures WHERE user_id = $1")
            .bind(user)
            .execute(tx)
            .await?;
        Ok(())
    }

    /// The picture with this id, of a user who exists.
    pub async fn picture(&self, id: &str) -> Result<Option<PictureRow>, StoreError> {
        let row = sql("SELECT p.id, p.mime, p.content FROM profile_pictures p \
             JOIN users u ON u.id = p.user_id WHERE p.id = $1 AND u.deleted_at IS NULL")
        .bind(id)
        .fetch_optional(&self.db)
        .await?;
        let Some(row) = row else { return Ok(None) };
        Ok(Some(PictureRow {
            id: row.text("id")?,
            mime: row.text("mime")?,
            content: row.text("content")?,
        }))
    }
}
