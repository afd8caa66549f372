//! The key of each person, under which what is kept about them for long is sealed. Whoever destroys it erases that, wherever
//! a copy of the bytes lies.

use latchkey_db::{On, Tx, sql};
use latchkey_protocol::Timestamp;

use crate::{Store, StoreError};

/// What the master key does for the store. Unwrapped keys stay inside a call.
pub trait Sealing: Send + Sync {
    /// A new key, wrapped for this person.
    fn new_key(&self, user: &str) -> String;
    /// Seals a text for one place under the wrapped key of a person; `None` if that key cannot be opened.
    fn seal(&self, user: &str, wrapped_key: &str, place: &str, text: &str) -> Option<String>;
    /// Opens what [`Sealing::seal`] sealed for the same place.
    fn open(&self, user: &str, wrapped_key: &str, place: &str, sealed: &str) -> Option<String>;
    /// A keyed hash of a name; `None` before there is a key.
    fn name_hash(&self, name: &str) -> Option<String>;
}

/// Whom a record is about.
pub(crate) enum Person {
    /// Nobody who has a key: a client, a key, an operator.
    Nobody,
    /// Somebody who was deleted: nothing more is written about them.
    Gone,
    /// A user, with their key.
    Keyed {
        /// The user.
        id: String,
        /// Their key, wrapped.
        wrapped_key: String,
    },
}

impl Store {
    /// The person among the object and the actor of a record. They get a key if they have none yet.
    pub(crate) async fn person_of(
        &self,
        tx: &Tx,
        subject: &str,
        actor: &str,
        now: Timestamp,
    ) -> Result<Person, StoreError> {
        let rows = sql(
            "SELECT u.id AS id, u.deleted_at AS deleted_at, k.wrapped_key AS wrapped_key \
             FROM users u LEFT JOIN person_keys k ON k.user_id = u.id WHERE u.id IN ($1, $2)",
        )
        .bind(subject)
        .bind(actor)
        .fetch_all(tx)
        .await?;
        let mut found = None;
        for row in &rows {
            let id = row.text("id")?;
            if found.is_none() || id == subject {
                let gone = row.opt_int("deleted_at")?.is_some();
                found = Some((id, gone, row.opt_text("wrapped_key")?));
            }
        }
        let Some((id, gone, wrapped_key)) = found else {
            return Ok(Person::Nobody);
        };
        if gone {
            return Ok(Person::Gone);
        }
        let wrapped_key = match wrapped_key {
            Some(wrapped_key) => Some(wrapped_key),
            None => self.make_person_key(tx, &id, now).await?,
        };
        Ok(match wrapped_key {
            Some(wrapped_key) => Person::Keyed { id, wrapped_key },
            None => Person::Gone,
        })
    }

    /// The key of a person who had none a moment ago; `None` if they are gone. Of two that are made at once one stays.
    pub(crate) async fn make_person_key(
        &self,
        tx: &Tx,
        user: &str,
        now: Timestamp,
    ) -> Result<Option<String>, StoreError> {
        let Some(sealing) = &self.sealing else {
            return Ok(None);
        };
        let row = sql("INSERT INTO person_keys (user_id, wrapped_key, created_at) \
             SELECT u.id, $2, $3 FROM users u WHERE u.id = $1 AND u.deleted_at IS NULL \
             ON CONFLICT (user_id) DO UPDATE SET user_id = excluded.user_id RETURNING wrapped_key")
        .bind(user)
        .bind(sealing.new_key(user))
        .bind(now.0)
        .fetch_optional(tx)
        .await?;
        Ok(row.map(|row| row.text("wrapped_key")).transpose()?)
    }

    /// The wrapped key of a person, if they have one.
    pub(crate) async fn person_key<'a>(
        &self,
        on: impl Into<On<'a>>,
        user: &str,
    ) -> Result<Option<String>, StoreError> {
        let row = sql("SELECT wrapped_key FROM person_keys WHERE user_id = $1")
            .bind(user)
            .fetch_optional(on)
            .await?;
        Ok(row.map(|row| row.text("wrapped_key")).transpose()?)
    }
}
