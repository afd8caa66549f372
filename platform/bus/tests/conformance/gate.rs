//! Waiting without sleeping: gates at labelled points, and conditions with a deadline.

use std::time::Duration;

use tokio::sync::oneshot;

use crate::cases::Violation;

/// How long anything may take before the case gives up on it.
const DEADLINE: Duration = Duration::from_secs(20);

/// A place where somebody stops until the case lets him go on, or lets him die there.
pub fn gate() -> (Gate, Held) {
    let (entered, arrived) = oneshot::channel();
    let (open, opened) = oneshot::channel();
    (Gate { entered, opened }, Held { arrived, open })
}

pub struct Gate {
    entered: oneshot::Sender<()>,
    opened: oneshot::Receiver<()>,
}

impl Gate {
    /// Says that it is here, and waits.
    pub async fn pass(self) {
        let _nobody_waits = self.entered.send(());
        let _dropped_is_open = self.opened.await;
    }
}

pub struct Held {
    arrived: oneshot::Receiver<()>,
    open: oneshot::Sender<()>,
}

impl Held {
    /// Waits until somebody stands at the gate; dropping the answer opens it.
    pub async fn reached(self) -> Result<oneshot::Sender<()>, Violation> {
        let _arrived = soon("somebody at the gate", self.arrived).await?;
        Ok(self.open)
    }
}

/// What `future` gives, unless it takes for ever.
pub async fn soon<F: IntoFuture>(what: &str, future: F) -> Result<F::Output, Violation> {
    within(DEADLINE, what, future).await
}

/// What `future` gives, unless it takes longer than `limit`: for what a defect keeps from ever coming.
pub async fn within<F: IntoFuture>(limit: Duration, what: &str, future: F) -> Result<F::Output, Violation> {
    tokio::time::timeout(limit, future)
        .await
        .map_err(|_| Violation(format!("{what} did not come")))
}

/// Looks until the condition is true.
pub async fn until(what: &str, mut condition: impl AsyncFnMut() -> bool) -> Result<(), Violation> {
    soon(what, async {
        while !condition().await {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    })
    .await
}
