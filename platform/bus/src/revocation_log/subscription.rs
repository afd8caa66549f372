//! The deliveries to a follower of the revocation log.

use tokio::sync::mpsc;

use crate::Event;

/// A delivery to a subscriber; they arrive in order.
#[derive(Clone, Debug, PartialEq)]
pub enum Delivery {
    /// An event, at its position.
    Event {
        /// Its position in the log.
        position: i64,
        /// The event.
        event: Box<Event>,
    },
    /// Everything up to `position` was delivered, and the log was reached just now. The first one ends the snapshot.
    Live {
        /// The highest position of the log.
        position: i64,
        /// The epoch of the log.
        epoch: String,
    },
    /// The log is another one, or went backwards: a new snapshot follows.
    Reset,
}

/// A subscription to the log; every instance has its own.
pub struct Subscription {
    pub(super) deliveries: mpsc::Receiver<Delivery>,
}

impl Subscription {
    /// The next delivery; `None` after the subscription was stopped.
    pub async fn next(&mut self) -> Option<Delivery> {
        self.deliveries.recv().await
    }
}
