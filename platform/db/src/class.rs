//! Classes of reads. Each has its own slots, so that a node's vital reads never wait for a page.

use std::sync::Arc;
use std::time::{Duration, Instant};

use latchkey_metrics::catalog::DB_WAIT;
use latchkey_metrics::labels::Role;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, TryAcquireError};

/// The purpose of a read. [`Db::reading`](crate::Db::reading) returns a handle whose reads are of another class.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Class {
    /// What the node depends on: tokens, introspection, the registry, events.
    #[default]
    Vital,
    /// Pages and lists that a user looks at.
    Page,
    /// Searches.
    Search,
    /// Long scans of whole tables that nobody waits for.
    Background,
}

impl Class {
    const ALL: [Self; 4] = [Self::Vital, Self::Page, Self::Search, Self::Background];

    /// How long a read waits for a slot before it counts as an outage. Visitors of a page are asked early to try again.
    fn patience(self) -> Duration {
        Duration::from_secs(match self {
            Self::Vital => 5,
            Self::Page | Self::Search => 2,
            Self::Background => 60,
        })
    }
}

/// The concurrent reads of each class. Further reads wait in the queue of their own class.
pub(crate) struct Places {
    /// Whose database it is, for metrics.
    role: Role,
    queues: [Queue; Class::ALL.len()],
}

struct Queue {
    most: u32,
    free: Arc<Semaphore>,
}

impl Places {
    /// `vital` slots for vital reads, `share` each for pages and searches, and one for the background.
    pub fn new(role: Role, vital: u32, share: u32) -> Self {
        let queues = Class::ALL.map(|class| {
            let most = match class {
                Class::Vital => vital,
                Class::Page | Class::Search => share,
                Class::Background => 1,
            };
            Queue {
                most,
                free: Arc::new(Semaphore::new(most as usize)),
            }
        });
        Self { role, queues }
    }

    /// `PoolTimedOut` if all slots of the class are busy for too long, `PoolClosed` after [`Self::close`].
    pub async fn take(&self, class: Class) -> Result<OwnedSemaphorePermit, sqlx::Error> {
        let free = &self.queues[class as usize].free;
        match free.clone().try_acquire_owned() {
            Ok(place) => {
                DB_WAIT.observe(self.role, Duration::ZERO);
                Ok(place)
            }
            Err(TryAcquireError::Closed) => Err(sqlx::Error::PoolClosed),
            Err(TryAcquireError::NoPermits) => {
                let since = Instant::now();
                let waited = tokio::time::timeout(class.patience(), free.clone().acquire_owned()).await;
                DB_WAIT.observe(self.role, since.elapsed());
                waited
                    .map_err(|_late| sqlx::Error::PoolTimedOut)?
                    .map_err(|_closed| sqlx::Error::PoolClosed)
            }
        }
    }

    /// How many slots there are, and how many of them are free.
    pub fn slots(&self) -> (usize, usize) {
        let most = self.queues.iter().map(|queue| queue.most as usize).sum();
        let free = self
            .queues
            .iter()
            .map(|queue| queue.free.available_permits())
            .sum();
        (most, free)
    }

    /// Waits for every read in progress; no other starts.
    pub async fn close(&self) {
        for queue in &self.queues {
            let _all = queue.free.acquire_many(queue.most).await;
            queue.free.close();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_class_that_has_no_place_left_takes_none_of_another() {
        let places = Places::new(Role::Other, 2, 1);
        let page = places.take(Class::Page).await.unwrap();
        let mut waiting = std::pin::pin!(places.take(Class::Page));
        assert!(futures::poll!(waiting.as_mut()).is_pending());
        for other in [Class::Vital, Class::Vital, Class::Search, Class::Background] {
            let mut taken = std::pin::pin!(places.take(other));
            let taken = futures::poll!(taken.as_mut());
            assert!(taken.is_ready(), "{other:?}");
            // Kept: each stands for a read in progress.
            std::mem::forget(taken);
        }
        drop(page);
        assert!(futures::poll!(waiting.as_mut()).is_ready());
    }

    #[tokio::test]
    async fn nobody_gets_a_place_after_the_close() {
        let places = Places::new(Role::Other, 2, 1);
        places.close().await;
        for class in Class::ALL {
            let refused = places.take(class).await;
            assert!(matches!(refused, Err(sqlx::Error::PoolClosed)), "{class:?}");
        }
    }
}
