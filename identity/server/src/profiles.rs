//! Profiles: what users say of themselves, written by whoever saw it last.

use bytes::Bytes;
use latchkey_clock::Random;
use latchkey_contracts::events::user as wire;
use latchkey_db::Tx;
use latchkey_identity_store::{AuditRow, PictureRow, ProfileRow, Store};
use latchkey_picture::PictureError;
use latchkey_protocol::Timestamp;
use latchkey_protocol::error::PageError;
use latchkey_protocol::profile::{self, Change, Draft, Field};
use serde_json::{Value, json};

use crate::IdentityError;
use crate::admin::{AdminError, Users};
use crate::pages::ErrorPage;
use crate::pictures::Pictures;
use crate::time::Time;

/// Changes profiles. Cloning is cheap.
#[derive(Clone)]
pub(crate) struct Profiles {
    pub store: Store,
    pub users: Users,
    pub pictures: Pictures,
    pub random: Random,
    pub time: Time,
}

/// Why a profile stays as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unchanged {
    /// This field is wrong.
    Field(Field),
    /// It is another one than the form was made of.
    Stale,
    /// The file is no picture for here.
    Picture(PictureError),
}

/// What becomes of the picture.
enum PictureChange {
    Kept,
    Removed,
    New(PictureRow),
}

impl Profiles {
    /// The profile of a user.
    pub async fn of(&self, user: &str) -> Result<ProfileRow, ErrorPage> {
        let row = self.store.profile(self.store.db(), user).await?;
        Ok(row.ok_or(PageError::Unavailable)?)
    }

    /// Saves a form that was made of this version.
    pub async fn save(
        &self,
        user: &str,
        version: i64,
        typed: &Draft,
    ) -> Result<Result<(), Unchanged>, ErrorPage> {
        let row = self.of(user).await?;
        if row.version != version {
            return Ok(Err(Unchanged::Stale));
        }
        match profile::change(&row.claims, typed, self.time.now()) {
            Err(field) => Ok(Err(Unchanged::Field(field))),
            Ok(change) if change.changed.is_empty() => Ok(Ok(())),
            Ok(change) => self.write(user, version, change, PictureChange::Kept).await,
        }
    }

    /// Takes a file as the picture.
    pub async fn set_picture(
        &self,
        user: &str,
        version: i64,
        file: Bytes,
    ) -> Result<Result<(), Unchanged>, ErrorPage> {
        let adopted = match self.pictures.adopt(file).await {
            Ok(adopted) => adopted,
            Err(error) => return Ok(Err(Unchanged::Picture(error))),
        };
        let mut claims = self.of(user).await?.claims;
        claims.insert(PICTURE.to_owned(), Value::from(adopted.url));
        let change = Change {
            claims,
            changed: vec![PICTURE.to_owned()],
        };
        self.write(user, version, change, PictureChange::New(adopted.row))
            .await
    }

    /// Removes the picture, wherever it is.
    pub async fn remove_picture(&self, user: &str, version: i64) -> Result<Result<(), Unchanged>, ErrorPage> {
        let mut claims = self.of(user).await?.claims;
        claims.remove(PICTURE);
        let change = Change {
            claims,
            changed: vec![PICTURE.to_owned()],
        };
        self.write(user, version, change, PictureChange::Removed).await
    }

    /// One transaction: the claims, the picture, who is told, and the record.
    async fn write(
        &self,
        user: &str,
        version: i64,
        change: Change,
        picture: PictureChange,
    ) -> Result<Result<(), Unchanged>, ErrorPage> {
        let now = self.time.now();
        let (profiles, user) = (self.clone(), user.to_owned());
        let done = self.store.db().write(move |tx| async move {
            let store = &profiles.store;
            if !store
                .change_profile(&tx, &user, version, &change.claims, now)
                .await?
            {
                return Ok(false);
            }
            match &picture {
                PictureChange::Kept => {}
                PictureChange::Removed => store.remove_picture(&tx, &user).await?,
                PictureChange::New(row) => store.set_picture(&tx, &user, row, now).await?,
            }
            profiles.publish(&tx, &user).await?;
            profiles.record(&tx, &user, &change.changed, now).await?;
            Ok(true)
        });
        let done: Result<bool, IdentityError> = done.await;
        Ok(match done? {
            true => Ok(()),
            false => Err(Unchanged::Stale),
        })
    }

    async fn publish(&self, tx: &Tx, user: &str) -> Result<(), IdentityError> {
        let Some(stored) = self.store.user(tx, user).await? else {
            return Err(IdentityError::Conflict);
        };
        match self.users.publish(tx, wire::UPDATED, &stored, user).await {
            Ok(()) => Ok(()),
            Err(AdminError::Inside(error)) => Err(error),
            Err(AdminError::Rejected(_)) => Err(IdentityError::Conflict),
        }
    }

    /// The names of what has changed, and nothing of what it was or is.
    async fn record(
        &self,
        tx: &Tx,
        user: &str,
        changed: &[String],
        now: Timestamp,
    ) -> Result<(), IdentityError> {
        let row = AuditRow {
            id: self.random.uuid_v7(now.0),
            kind: "profile.changed".to_owned(),
            actor: user.to_owned(),
            subject: user.to_owned(),
            request_id: Some(latchkey_http::current_request_id().to_string()),
            detail: json!({ "fields": changed }),
        };
        Ok(self.store.audit(tx, &row, now).await?)
    }
}

const PICTURE: &str = "picture";
