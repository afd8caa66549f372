//! The event subscriptions of a service.

use futures::future::BoxFuture;
use latchkey_bus::{Cause, Event, EventBus, Group, HandlerError};
use tokio_util::sync::CancellationToken;

use crate::{Context, Transaction};

/// A subscription: its name, its types, and the function that applies an event in the transaction of its inbox row. It
/// is called at least once for each event, so it must compare the event's `sequence`: an older one changes nothing.
pub struct Consumer {
    pub group: fn() -> Group,
    pub handle: fn(Transaction, Event) -> BoxFuture<'static, Result<(), HandlerError>>,
}

impl Consumer {
    /// Handles events until `stop`.
    pub async fn run(&'static self, bus: EventBus, context: Context, stop: CancellationToken) {
        let db = context.db.clone();
        let handle = move |tx, event: Event| {
            let transaction = context.join(tx, Cause::event(&event));
            (self.handle)(transaction, event)
        };
        bus.subscribe((self.group)(), db, handle, stop).await;
    }
}
