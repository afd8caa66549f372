//! The dependencies of handlers, consumers and the demo, and their one way to write.

use std::sync::Arc;

use latchkey_bus::{Cause, Draft, EventBus, Outbox};
use latchkey_clock::{Clock, Random};
use latchkey_contracts::resource::ResourceContract;
use latchkey_db::{Db, DbError, Tx};
use serde::Serialize;

use crate::{CallError, Calls, Error, Files, FilesError, Reason};

/// A running service: its database, clock and outbox.
#[derive(Clone)]
pub struct Context {
    /// The service's name, audience and scopes.
    pub resource: &'static ResourceContract,
    /// Its database, with [`crate::ServiceSpec::tables`].
    pub db: Db,
    pub clock: Clock,
    pub random: Random,
    /// The only currency of the shop (ISO 4217); prices in any other are rejected.
    pub currency: Arc<str>,
    calls: Option<Calls>,
    settings: Arc<http::Extensions>,
    files: Option<Files>,
    bus: Option<EventBus>,
    outbox: Outbox,
}

/// A writing transaction, with everything that a decision needs besides the facts.
#[derive(Clone)]
pub struct Transaction {
    /// The transaction of the database.
    pub tx: Tx,
    /// In Unix milliseconds, the same for the whole transaction.
    pub now: i64,
    pub random: Random,
    /// The only currency of the shop.
    pub currency: Arc<str>,
    /// The actor, or the event that caused it.
    pub cause: Cause,
    settings: Arc<http::Extensions>,
    outbox: Outbox,
}

impl Context {
    /// A service with its open database.
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
            calls: None,
            settings: Arc::default(),
            files: None,
            bus: None,
            outbox: Outbox::new(resource.name, clock.clone(), random.clone()),
            clock,
            random,
        }
    }

    /// The same with a client of the other services.
    pub fn calling(self, calls: Calls) -> Self {
        Self {
            calls: Some(calls),
            ..self
        }
    }

    /// The other services.
    pub fn calls(&self) -> Result<&Calls, CallError> {
        self.calls.as_ref().ok_or(CallError::NotConfigured)
    }

    /// The same with settings that this service alone knows, found by their type.
    pub fn with_settings<T: Clone + Send + Sync + 'static>(mut self, settings: T) -> Self {
        Arc::make_mut(&mut self.settings).insert(settings);
        self
    }

    /// Settings of the service, or what they are where nobody has set them.
    pub fn settings<T: Clone + Default + Send + Sync + 'static>(&self) -> T {
        set(&self.settings)
    }

    /// The same with a place for its files.
    pub fn keeping(self, files: Files) -> Self {
        Self {
            files: Some(files),
            ..self
        }
    }

    /// Its files.
    pub fn files(&self) -> Result<&Files, FilesError> {
        self.files.as_ref().ok_or(FilesError::NotConfigured)
    }

    /// The same with the bus, for the service that works on the dead letters of all.
    pub fn operating(self, bus: EventBus) -> Self {
        Self {
            bus: Some(bus),
            ..self
        }
    }

    /// The bus, where this service is its operator.
    pub fn bus(&self) -> Option<&EventBus> {
        self.bus.as_ref()
    }

    /// Decides and writes in one transaction, which a disconnecting client cannot interrupt; returns after the commit.
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

    /// The same as part of an open transaction: that of a consumer.
    pub fn join(&self, tx: Tx, cause: Cause) -> Transaction {
        // Where spans are recorded, what follows belongs to that of this transaction.
        let traced = latchkey_trace::current().map(|context| context.traceparent());
        let cause = match traced {
            Some(traced) => cause.traced(Some(traced)),
            None => cause,
        };
        Transaction {
            tx,
            now: self.clock.now_ms(),
            random: self.random.clone(),
            currency: self.currency.clone(),
            cause,
            settings: self.settings.clone(),
            outbox: self.outbox.clone(),
        }
    }
}

/// Found by their type.
fn set<T: Clone + Default + Send + Sync + 'static>(settings: &http::Extensions) -> T {
    settings.get::<T>().cloned().unwrap_or_default()
}

impl Transaction {
    /// Settings of the service, or what they are where nobody has set them.
    pub fn settings<T: Clone + Default + Send + Sync + 'static>(&self) -> T {
        set(&self.settings)
    }

    /// The same transaction at another time: the demo's courses must not all be equally new.
    pub fn at(&self, now: i64) -> Self {
        Self { now, ..self.clone() }
    }

    /// A new identifier: a UUID of version 7 (RFC 9562 §5.7).
    pub fn new_id(&self) -> String {
        self.random.uuid_v7(self.now)
    }

    /// Puts an event into the outbox; it leaves after the commit. The row of the aggregate must have been changed
    /// earlier in this transaction: its lock keeps the events of one `subject` in order.
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
