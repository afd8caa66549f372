//! What a follower of the revocation log is told.

use tokio::sync::mpsc;

use crate::Event;

/// What a subscriber is told, in order.
#[derive(Clone, Debug, PartialEq)]
pub enum Delivery {
    /// An event, at its position.
    Event {
        /// Its place in the log.
        position: i64,
        /// What happened.
        event: Box<Event>,
    },
    /// Everything up to `position` has been told and the log was reached just now. The first one ends the snapshot.
    Live {
        /// The log's highest position.
        position: i64,
        /// The log's epoch.
        epoch: String,
    },
    /// The log is another one, or went backwards: what follows is a new snapshot.
    Reset,
}

/// A subscription that every instance has for itself.
pub struct Subscription {
    pub(super) deliveries: mpsc::Receiver<Delivery>,
}

impl Subscription {
    /// What comes next; `None` after the subscription was stopped.
    pub async fn next(&mut self) -> Option<Delivery> {
        self.deliveries.recv().await
    }
}
