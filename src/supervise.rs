//! Background tasks: one that ends unexpectedly is restarted, and one that keeps failing ends the process.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use latchkey_http::probes::Ready;
use tokio::task::JoinError;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// A task that ends this often within [`WINDOW`] is given up.
const MOST: usize = 5;
const WINDOW: Duration = Duration::from_secs(60);
/// The pause before the first restart; each further one within [`WINDOW`] doubles it.
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// Runs tasks until they are told to stop. Cloning is cheap.
#[derive(Clone)]
pub(crate) struct Supervisor {
    tasks: TaskTracker,
    stop: CancellationToken,
    names: Arc<Mutex<Vec<&'static str>>>,
    lost: Lost,
}

/// The first task of the process that was given up.
#[derive(Clone, Default)]
pub(crate) struct Lost {
    name: Arc<OnceLock<&'static str>>,
    told: CancellationToken,
}

/// What follows after a task has ended unexpectedly.
#[derive(Debug, PartialEq, Eq)]
enum Next {
    /// It is restarted after a pause.
    Again(Duration),
    /// It keeps failing and cannot be relied on.
    GiveUp,
}

/// When a task recently ended, as times since its first start.
#[derive(Default)]
struct Ends(VecDeque<Duration>);

impl Ends {
    fn next(&mut self, now: Duration) -> Next {
        while self
            .0
            .front()
            .is_some_and(|then| now.saturating_sub(*then) >= WINDOW)
        {
            self.0.pop_front();
        }
        self.0.push_back(now);
        if self.0.len() >= MOST {
            return Next::GiveUp;
        }
        let doubled = u32::try_from(self.0.len() - 1).unwrap_or(u32::MAX);
        Next::Again(FIRST_PAUSE * 2_u32.saturating_pow(doubled))
    }
}

impl Lost {
    /// The task that was given up.
    pub fn name(&self) -> Option<&'static str> {
        self.name.get().copied()
    }

    /// Resolves when a task is given up.
    pub async fn wait(&self) -> &'static str {
        self.told.cancelled().await;
        self.name().unwrap_or_default()
    }

    fn give_up(&self, name: &'static str, how: &str) {
        tracing::error!(
            task = name,
            how,
            "a background task failed repeatedly; this process stops"
        );
        let _another_was_first = self.name.set(name);
        self.told.cancel();
    }
}

impl Supervisor {
    /// A supervisor without tasks, which records in `lost` a task that it gives up.
    pub fn new(lost: Lost) -> Self {
        Self {
            tasks: TaskTracker::new(),
            stop: CancellationToken::new(),
            names: Arc::default(),
            lost,
        }
    }

    /// Another one whose tasks are told apart and stopped at another time, and are watched with these.
    pub fn beside(&self) -> Self {
        Self {
            tasks: TaskTracker::new(),
            stop: CancellationToken::new(),
            names: self.names.clone(),
            lost: self.lost.clone(),
        }
    }

    /// Keeps a task up until [`Self::stop`]. `make` begins it, and begins it again when it ended or panicked.
    pub fn keep<F, Fut>(&self, name: &'static str, make: F)
    where
        F: Fn(CancellationToken) -> Fut + Send + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        self.note(name);
        let (stop, lost) = (self.stop.clone(), self.lost.clone());
        self.tasks.spawn(async move {
            let begun = Instant::now();
            let mut ends = Ends::default();
            loop {
                // In a task of its own, so that a panic ends only that task.
                let ended = tokio::spawn(make(stop.clone())).await;
                if stop.is_cancelled() {
                    return;
                }
                let how = outcome(&ended);
                match ends.next(begun.elapsed()) {
                    Next::Again(pause) => {
                        tracing::error!(
                            task = name,
                            how,
                            "a background task ended unexpectedly and is restarted"
                        );
                        tokio::select! {
                            () = tokio::time::sleep(pause) => {}
                            () = stop.cancelled() => return,
                        }
                    }
                    Next::GiveUp => return lost.give_up(name, how),
                }
            }
        });
    }

    /// Runs work that cannot be restarted, such as a listener that owns its socket: it counts as lost if it ends before
    /// [`Self::stop`].
    pub fn once(&self, name: &'static str, work: impl Future<Output = ()> + Send + 'static) {
        self.note(name);
        let (stop, lost) = (self.stop.clone(), self.lost.clone());
        self.tasks.spawn(async move {
            let ended = tokio::spawn(work).await;
            if !stop.is_cancelled() {
                lost.give_up(name, outcome(&ended));
            }
        });
    }

    /// Adds the condition to a role's readiness that every task started so far is running.
    pub fn watched(&self, ready: Ready) -> Ready {
        let names = self.names.lock().unwrap_or_else(PoisonError::into_inner).clone();
        names.into_iter().fold(ready, |ready, name| {
            let lost = self.lost.clone();
            ready.when(name, move || lost.name() != Some(name))
        })
    }

    /// The token that tells its tasks to stop.
    pub fn stopping(&self) -> CancellationToken {
        self.stop.clone()
    }

    /// Tells every task to stop and waits for them.
    pub async fn stop(&self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }

    fn note(&self, name: &'static str) {
        let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        if !names.contains(&name) {
            names.push(name);
        }
    }
}

fn outcome(ended: &Result<(), JoinError>) -> &'static str {
    match ended {
        Ok(()) => "it ended",
        Err(error) if error.is_panic() => "it panicked",
        Err(_) => "it was aborted",
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_task_that_fails_now_and_then_begins_again_for_ever() {
        let mut ends = Ends::default();
        for minute in 0..100 {
            assert_eq!(ends.next(seconds(minute * 60)), Next::Again(FIRST_PAUSE));
        }
    }

    #[test]
    fn pauses_double_and_the_fifth_end_within_a_minute_is_the_last() {
        let mut ends = Ends::default();
        let all: Vec<Next> = (0..5).map(|second| ends.next(seconds(second))).collect();
        let pauses = [100, 200, 400, 800].map(|ms| Next::Again(Duration::from_millis(ms)));
        assert_eq!(all[..4], pauses);
        assert_eq!(all[4], Next::GiveUp);
        // Four within a minute and the fifth after it: it has recovered in the meantime.
        let mut ends = Ends::default();
        for second in 0..4 {
            ends.next(seconds(second));
        }
        assert_eq!(ends.next(seconds(60)), Next::Again(Duration::from_millis(800)));
    }

    #[tokio::test]
    async fn a_task_that_panicked_or_ended_begins_again() {
        let supervisor = Supervisor::new(Lost::default());
        let (begun, lives) = (Arc::new(AtomicUsize::new(0)), CancellationToken::new());
        let (count, alive) = (begun.clone(), lives.clone());
        supervisor.keep("clumsy", move |stop| {
            let (count, alive) = (count.clone(), alive.clone());
            async move {
                match count.fetch_add(1, Ordering::SeqCst) {
                    0 => panic!("planted"),
                    1 => {}
                    _ => {
                        alive.cancel();
                        stop.cancelled().await;
                    }
                }
            }
        });
        lives.cancelled().await;
        assert_eq!(begun.load(Ordering::SeqCst), 3);
        assert_eq!(supervisor.lost.name(), None);
        assert!(supervisor.watched(Ready::new()).is_ready());
        // A requested stop is not an unexpected end.
        supervisor.stop().await;
        assert_eq!(supervisor.lost.name(), None);
    }

    async fn broken() {
        panic!("planted");
    }

    #[tokio::test]
    async fn a_task_that_keeps_failing_makes_the_process_unready_and_ends_it() {
        let supervisor = Supervisor::new(Lost::default());
        supervisor.keep("sound", |stop| async move { stop.cancelled().await });
        supervisor.keep("broken", |_| broken());
        let ready = supervisor.watched(Ready::new());
        assert!(ready.is_ready());
        assert_eq!(supervisor.lost.wait().await, "broken");
        assert!(!ready.is_ready());
        supervisor.stop().await;
    }

    #[tokio::test]
    async fn what_cannot_begin_again_is_lost_when_it_ends() {
        let supervisor = Supervisor::new(Lost::default());
        let stop = supervisor.stopping();
        supervisor.once("stays", async move { stop.cancelled().await });
        let ready = supervisor.watched(Ready::new());
        supervisor.once("goes", async {});
        assert_eq!(supervisor.lost.wait().await, "goes");
        assert!(ready.is_ready(), "a role is not asked for what it does not need");
        assert!(!supervisor.watched(Ready::new()).is_ready());
        supervisor.stop().await;
    }
}
