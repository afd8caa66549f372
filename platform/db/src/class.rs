//! Classes of reads. Each has places of its own: what a node lives on never waits for a page.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, TryAcquireError};

/// What a read is for. [`Db::reading`](crate::Db::reading) gives a handle whose reads are of another class.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Class {
    /// What the node lives on: tokens, introspection, the registry, events.
    #[default]
    Vital,
    /// Pages and lists that a person looks at.
    Page,
    /// Searches.
    Search,
    /// Long looks at whole tables that nobody waits for.
    Background,
}

impl Class {
    const ALL: [Self; 4] = [Self::Vital, Self::Page, Self::Search, Self::Background];

    /// How long a read waits for a place before it is an outage. Whoever looks at a page is told to come again early.
    fn patience(self) -> Duration {
        Duration::from_secs(match self {
            Self::Vital => 5,
            Self::Page | Self::Search => 2,
            Self::Background => 60,
        })
    }
}

/// How many reads of each class run at once. Whoever is beyond that waits in the queue of their own class.
pub(crate) struct Places([Queue; Class::ALL.len()]);

struct Queue {
    most: u32,
    free: Arc<Semaphore>,
}

impl Places {
    /// `vital` for what the node lives on, `share` for pages and for searches each, and one for the background.
    pub fn new(vital: u32, share: u32) -> Self {
        Self(Class::ALL.map(|class| {
            let most = match class {
                Class::Vital => vital,
                Class::Page | Class::Search => share,
                Class::Background => 1,
            };
            Queue {
                most,
                free: Arc::new(Semaphore::new(most as usize)),
            }
        }))
    }

    /// `PoolTimedOut` when all of the class are taken for too long, `PoolClosed` after [`Self::close`].
    pub async fn take(&self, class: Class) -> Result<OwnedSemaphorePermit, sqlx::Error> {
        let free = &self.0[class as usize].free;
        match free.clone().try_acquire_owned() {
            Ok(place) => Ok(place),
            Err(TryAcquireError::Closed) => Err(sqlx::Error::PoolClosed),
            Err(TryAcquireError::NoPermits) => {
                tokio::time::timeout(class.patience(), free.clone().acquire_owned())
                    .await
                    .map_err(|_late| sqlx::Error::PoolTimedOut)?
                    .map_err(|_closed| sqlx::Error::PoolClosed)
            }
        }
    }

    /// Lets every read that has begun end; no other begins.
    pub async fn close(&self) {
        for queue in &self.0 {
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
        let places = Places::new(2, 1);
        let page = places.take(Class::Page).await.unwrap();
        let mut waiting = std::pin::pin!(places.take(Class::Page));
        assert!(futures::poll!(waiting.as_mut()).is_pending());
        for other in [Class::Vital, Class::Vital, Class::Search, Class::Background] {
            let mut taken = std::pin::pin!(places.take(other));
            let taken = futures::poll!(taken.as_mut());
            assert!(taken.is_ready(), "{other:?}");
            // Kept: each stands for a read that goes on.
            std::mem::forget(taken);
        }
        drop(page);
        assert!(futures::poll!(waiting.as_mut()).is_ready());
    }

    #[tokio::test]
    async fn nobody_gets_a_place_after_the_close() {
        let places = Places::new(2, 1);
        places.close().await;
        for class in Class::ALL {
            let refused = places.take(class).await;
            assert!(matches!(refused, Err(sqlx::Error::PoolClosed)), "{class:?}");
        }
    }
}
