//! The pool that hashes passwords: few threads of low priority behind a queue that is bounded by time, so that a flood
//! of sign-ins costs everybody else next to nothing (reliability §6).

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

/// Handle of the pool. Its threads end when the last one is dropped.
pub(crate) struct Pool {
    shared: Arc<Shared>,
}

/// Who waits: browsers that signed this person in before go first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    Known,
    Unknown,
}

/// A place in the queue, given up when it is dropped unused.
pub(crate) struct Place {
    shared: Arc<Shared>,
    class: Class,
    taken: bool,
}

/// There is no place, or the wait was longer than anybody has patience for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too many sign-ins at once")]
pub(crate) struct Busy;

struct Shared {
    queue: Mutex<Queue>,
    wake: Condvar,
    threads: usize,
}

#[derive(Default)]
struct Queue {
    known: VecDeque<Job>,
    unknown: VecDeque<Job>,
    /// Places that are reserved or waited on, by class.
    places: [usize; 2],
    /// How long a hash took of late.
    typical: Option<Duration>,
    closed: bool,
}

struct Job {
    due: Instant,
    work: Box<dyn FnOnce() + Send>,
}

/// What the queue holds is worked off in this time, by the measured rate.
const LENGTH: Duration = Duration::from_secs(1);
/// Who has waited for longer is told to come again, unhashed.
const PATIENCE: Duration = Duration::from_millis(1_500);
/// Places that there are however slow a machine is.
const FEWEST: usize = 4;
/// The niceness of the threads: other work of the process goes first.
const NICE: i32 = 15;

impl Pool {
    /// One thread for every two cores, at least one.
    pub fn new() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let shared = Arc::new(Shared {
            queue: Mutex::default(),
            wake: Condvar::new(),
            threads: (cores / 2).max(1),
        });
        for at in 0..shared.threads {
            let working = shared.clone();
            let thread = std::thread::Builder::new().name(format!("password-{at}"));
            if let Err(error) = thread.spawn(move || working.work()) {
                tracing::error!(error = %error, "a thread of the password pool cannot start");
            }
        }
        Self { shared }
    }

    /// False when nobody unknown would get a place now.
    pub fn has_room(&self) -> bool {
        let queue = self.shared.lock();
        let room = queue.places.iter().sum::<usize>() < queue.most(self.shared.threads);
        if !room {
            metrics::counter!("latchkey_sign_in_shed_total").increment(1);
        }
        room
    }

    /// A place in the queue, before anything is done for the caller; a refusal costs nothing.
    pub fn reserve(&self, class: Class) -> Result<Place, Busy> {
        let mut queue = self.shared.lock();
        let most = queue.most(self.shared.threads);
        let all: usize = queue.places.iter().sum();
        // Known browsers have half of a queue for themselves.
        let room = match class {
            Class::Known => all < most + most / 2,
            Class::Unknown => all < most,
        };
        if !room {
            metrics::counter!("latchkey_sign_in_shed_total").increment(1);
            return Err(Busy);
        }
        queue.places[class as usize] += 1;
        drop(queue);
        Ok(Place {
            shared: self.shared.clone(),
            class,
            taken: false,
        })
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.shared.lock().closed = true;
        self.shared.wake.notify_all();
    }
}

impl Place {
    /// Runs the work in the pool.
    pub async fn run<T: Send + 'static>(
        mut self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Busy> {
        let (answer, answered) = oneshot::channel();
        let job = Job {
            due: Instant::now() + PATIENCE,
            work: Box::new(move || {
                let _gone = answer.send(work());
            }),
        };
        self.taken = true;
        {
            let mut queue = self.shared.lock();
            match self.class {
                Class::Known => queue.known.push_back(job),
                Class::Unknown => queue.unknown.push_back(job),
            }
        }
        self.shared.wake.notify_one();
        // A job that was dropped unhashed has dropped its sender.
        answered.await.map_err(|_| Busy)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if !self.taken {
            self.shared.lock().places[self.class as usize] -= 1;
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn work(&self) {
        // On Linux this is the calling thread alone.
        if let Err(error) = rustix::process::setpriority_process(None, NICE) {
            tracing::warn!(error = %error, "the password pool has the priority of everything else");
        }
        let mut queue = self.lock();
        loop {
            if let Some((job, class)) = queue.next(self.threads) {
                queue.places[class as usize] -= 1;
                if job.due < Instant::now() {
                    metrics::counter!("latchkey_sign_in_shed_total").increment(1);
                    continue;
                }
                drop(queue);
                let begun = Instant::now();
                (job.work)();
                let took = begun.elapsed();
                queue = self.lock();
                queue.typical = Some(queue.typical.map_or(took, |before| (before * 7 + took) / 8));
            } else if queue.closed {
                return;
            } else {
                queue = self.wake.wait(queue).unwrap_or_else(PoisonError::into_inner);
            }
        }
    }
}

impl Queue {
    /// How many places there are.
    fn most(&self, threads: usize) -> usize {
        let typical = self
            .typical
            .unwrap_or(Duration::from_millis(20))
            .max(Duration::from_millis(1));
        let fit = LENGTH.as_micros() / typical.as_micros();
        (usize::try_from(fit).unwrap_or(usize::MAX).saturating_mul(threads)).max(FEWEST)
    }

    /// Known browsers first. Of the others the oldest, but once half of the places are taken the newest: under a flood
    /// the oldest have given up already.
    fn next(&mut self, threads: usize) -> Option<(Job, Class)> {
        if let Some(job) = self.known.pop_front() {
            return Some((job, Class::Known));
        }
        let flooded = self.unknown.len() * 2 > self.most(threads);
        let job = if flooded {
            self.unknown.pop_back()
        } else {
            self.unknown.pop_front()
        };
        job.map(|job| (job, Class::Unknown))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_full_queue_refuses_strangers_before_known_browsers_and_gives_places_back() {
        let pool = Pool::new();
        let mut held = Vec::new();
        while let Ok(place) = pool.reserve(Class::Unknown) {
            held.push(place);
            assert!(held.len() < 10_000, "the queue is not bounded");
        }
        let mut known = Vec::new();
        while let Ok(place) = pool.reserve(Class::Known) {
            known.push(place);
            assert!(known.len() < 10_000, "the queue is not bounded");
        }
        assert!(!known.is_empty());
        drop((held, known));
        let place = pool.reserve(Class::Unknown).unwrap();
        assert_eq!(place.run(|| 7).await, Ok(7));
    }

    #[test]
    fn known_browsers_go_first_and_under_a_flood_the_newest() {
        let mut queue = Queue {
            typical: Some(Duration::from_millis(100)),
            ..Queue::default()
        };
        let seen = Arc::new(Mutex::new(Vec::new()));
        let push = |queue: &mut Queue, class, name: usize| {
            let seen = seen.clone();
            let job = Job {
                due: Instant::now() + PATIENCE,
                work: Box::new(move || seen.lock().unwrap().push(name)),
            };
            match class {
                Class::Known => queue.known.push_back(job),
                Class::Unknown => queue.unknown.push_back(job),
            }
        };
        for name in 0..8 {
            push(&mut queue, Class::Unknown, name);
        }
        push(&mut queue, Class::Known, 100);
        while let Some((job, _)) = queue.next(1) {
            (job.work)();
        }
        assert_eq!(*seen.lock().unwrap(), [100, 7, 6, 5, 0, 1, 2, 3, 4]);
    }
}
