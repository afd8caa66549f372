//! What all operations of administrators share: their errors, their transaction and their audit record.

use std::sync::Arc;

use latchkey_bus::RevocationLog;
use latchkey_clock::Random;
use latchkey_db::Tx;
use latchkey_identity_store::{AuditRow, RoleHolder, Store};
use latchkey_protocol::administration::{self, Actor, Denied, Target};
use latchkey_protocol::{Resource, Timestamp};
use serde_json::{Value, json};

use crate::IdentityError;
use crate::registry_sync::RegistrySync;
use crate::time::Time;

/// Why an operation failed.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// The request violates a rule; the sentence is for whoever made it.
    #[error("{0}")]
    Rejected(String),
    /// An internal error.
    #[error(transparent)]
    Inside(#[from] IdentityError),
}

impl From<latchkey_db::DbError> for AdminError {
    fn from(error: latchkey_db::DbError) -> Self {
        Self::Inside(error.into())
    }
}

impl From<latchkey_identity_store::StoreError> for AdminError {
    fn from(error: latchkey_identity_store::StoreError) -> Self {
        Self::Inside(error.into())
    }
}

impl From<Denied> for AdminError {
    fn from(denied: Denied) -> Self {
        Self::Rejected(denied.to_string())
    }
}

/// A user before a change, and the roles of whoever makes it.
pub(crate) struct Weighed {
    held: Option<Vec<String>>,
    pub before: RoleHolder,
}

/// Writes the changes of administrators. Cloning is cheap.
#[derive(Clone)]
pub(crate) struct Changes {
    pub store: Store,
    pub random: Random,
    pub time: Time,
    pub sync: Arc<RegistrySync>,
}

impl Changes {
    /// A change of the registry: one transaction, then this node's memory.
    pub async fn commit<T, F, Fut>(&self, work: F) -> Result<T, AdminError>
    where
        T: Send + 'static,
        F: FnOnce(Tx, Timestamp) -> Fut + Send + 'static,
        Fut: Future<Output = Result<T, AdminError>> + Send + 'static,
    {
        let (store, now) = (self.store.clone(), self.time.now());
        let done = self
            .store
            .db()
            .write(move |tx| async move {
                store.touch_registry(&tx).await?;
                work(tx, now).await
            })
            .await?;
        self.sync.refresh().await?;
        Ok(done)
    }

    /// See [`Identity::restored`](crate::Identity::restored).
    pub async fn restored(&self, log: &RevocationLog, actor: &str) -> Result<(), AdminError> {
        // First, and harmless by itself: if the rest fails, the command can be repeated.
        log.begin_epoch().await.map_err(IdentityError::from)?;
        let (changes, actor) = (self.clone(), actor.to_owned());
        self.commit(move |tx, now| async move {
            changes.store.raise_epoch(&tx).await?;
            changes.record(&tx, "store.restored", &actor, "store", now).await
        })
        .await
    }

    /// Every resource.
    pub async fn resources(&self) -> Result<Vec<Resource>, AdminError> {
        Ok(self.store.resources(self.store.db()).await?)
    }

    /// Writes an audit record.
    pub async fn record(
        &self,
        tx: &Tx,
        kind: &str,
        actor: &str,
        subject: &str,
        now: Timestamp,
    ) -> Result<(), AdminError> {
        self.record_detail(tx, kind, (actor, subject), json!({}), now)
            .await
    }

    /// Writes an audit record with details.
    pub async fn record_detail(
        &self,
        tx: &Tx,
        kind: &str,
        (actor, subject): (&str, &str),
        detail: Value,
        now: Timestamp,
    ) -> Result<(), AdminError> {
        let row = AuditRow {
            id: self.random.uuid_v7(now.0),
            kind: kind.to_owned(),
            actor: actor.to_owned(),
            subject: subject.to_owned(),
            request_id: None,
            detail,
        };
        Ok(self.store.audit(tx, &row, now).await?)
    }

    /// The roles of whoever acts, by their `sub`; `None` for the operator, and none for whoever may not act any more.
    pub async fn held_by(&self, tx: &Tx, actor: &str) -> Result<Option<Vec<String>>, AdminError> {
        let holder = self.store.role_holder(tx, actor).await?;
        Ok(holder.map(|holder| if holder.may_act { holder.roles } else { Vec::new() }))
    }

    /// Whether the actor may give these roles to somebody.
    pub async fn may_give(&self, tx: &Tx, actor: &str, roles: &[String]) -> Result<(), AdminError> {
        let held = self.held_by(tx, actor).await?;
        administration::may_give(Actor::of(held.as_deref()), roles)?;
        Ok(())
    }

    /// Begins a change of a user by which they may gain or lose something. No other such change goes on meanwhile.
    pub async fn weigh(&self, tx: &Tx, actor: &str, id: &str) -> Result<Weighed, AdminError> {
        self.store.queue_role_change(tx).await?;
        let before = self.store.role_holder(tx, id).await?;
        Ok(Weighed {
            held: self.held_by(tx, actor).await?,
            before: before.ok_or_else(|| AdminError::Rejected(format!("there is no user {id}")))?,
        })
    }

    /// Judges a change after it was written; an error undoes it. Every way to gain or lose a role ends here.
    pub async fn judge(&self, tx: &Tx, weighed: &Weighed) -> Result<(), AdminError> {
        let (actor, before) = (Actor::of(weighed.held.as_deref()), &weighed.before);
        let after = self.store.role_holder(tx, &before.id).await?;
        let (roles, left) = after.map_or_else(Default::default, |after| (after.roles, after.lasting));
        // Looked for only where it decides: of a large group everybody is judged.
        let stays = !administration::is_owner(&before.lasting) || administration::is_owner(&left);
        let target = Target {
            roles: &before.roles,
            lasting: &before.lasting,
            left: &left,
            other_owner: stays || self.store.has_other_owner(tx, &before.id).await?,
        };
        administration::may_change(actor, target)?;
        let more = roles.into_iter().filter(|role| !before.roles.contains(role));
        let more: Vec<String> = more.collect();
        administration::may_give(actor, &more)?;
        Ok(())
    }
}
