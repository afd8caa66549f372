//! What handlers, consumers and the demo stand on, and the one way in which they write.

use std::sync::Arc;

use latchkey_bus::{Cause, Draft, Outbox};
use latchkey_clock::{Clock, Random};
use latchkey_contracts::resource::ResourceContract;
use latchkey_db::{Db, DbError, Tx};
use serde::Serialize;

use crate::{Error, Reason};

/// A running service: its database, its clock, its voice.
#[derive(Clone)]
pub struct Context {
    /// The service's name, audience and scopes.
    pub resource: &'static ResourceContract,
    /// Its database, with [`crate::ServiceSpec::tables`].
    pub db: Db,
    pub clock: Clock,
    pub random: Random,
    /// The shop's one currency (ISO 4217); prices in any other are refused.
    pub currency: Arc<str>,
    outbox: Outbox,
}

/// A writing transaction, with everything that a decision needs besides the facts.
#[derive(Clone)]
pub struct Transaction {
    /// What statements are executed on.
    pub tx: Tx,
    /// Unix milliseconds, the same for the whole transaction.
    pub now: i64,
    pub random: Random,
    /// The shop's one currency.
    pub currency: Arc<str>,
    /// Who wants it, or what led to it.
    pub cause: Cause,
    outbox: Outbox,
}

impl Context {
    /// A service over its open database.
    pub fn new(
        resource: &'static ResourceContract,
        db: Db,
        clock: Clock,
        random: Random,
        currency: &str,
    ) -> Self {
        Self {
            resource,
            db,
            currency: currency.into(),
            outbox: Outbox::new(resource.name, clock.clone(), random.clone()),
            clock,
            random,
        }
    }

    /// Decides and writes in one transaction, which nobody who hangs up can cut; the answer comes after the commit.
    pub async fn write<T, E, F, Fut>(&self, cause: Cause, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<DbError> + Send + 'static,
        F: FnOnce(Transaction) -> Fut + Send + 'static,
        Fut: Future<Output = Result<T, E>> + Send + 'static,
    {
        let context = self.clone();
        self.db.write(move |tx| work(context.join(tx, cause))).await
    }

    /// The same inside of a transaction that somebody else has opened: a consumer's.
    pub fn join(&self, tx: Tx, cause: Cause) -> Transaction {
        Transaction {
            tx,
            now: self.clock.now_ms(),
            random: self.random.clone(),
            currency: self.currency.clone(),
            cause,
            outbox: self.outbox.clone(),
        }
    }
}

impl Transaction {
    /// The same transaction as if it were another moment: the demo's courses are not all equally new.
    pub fn at(&self, now: i64) -> Self {
        Self { now, ..self.clone() }
    }

    /// A new identifier: a UUID of version 7 (RFC 9562 §5.7).
    pub fn new_id(&self) -> String {
        self.random.uuid_v7(self.now)
    }

    /// Puts an event into the outbox; it leaves after the commit. The aggregate's own row must have been changed
    /// before in this transaction: its lock keeps the events of one `subject` in order.
    pub async fn emit<R: Reason>(
        &self,
        r#type: &str,
        subject: &str,
        sequence: i64,
        payload: &impl Serialize,
    ) -> Result<(), Error<R>> {
        let draft = Draft {
            r#type: r#type.to_owned(),
            subject: subject.to_owned(),
            sequence,
            data: serde_json::to_value(payload).map_err(Error::Payload)?,
            cause: self.cause.clone(),
        };
        self.outbox.put(&self.tx, draft).await?;
        Ok(())
    }
}
