//! The pool that hashes passwords: a few low-priority threads behind a queue that is bounded by time, so that a flood of
//! sign-ins hardly slows down other requests. Low priority alone does not achieve this, because a kernel may let a
//! computing thread run until its next tick while others wait. During a flood the pool therefore also measures how busy
//! the rest of the process is, and hashes less often the busier it is (docs/adr/0014).

use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use latchkey_metrics::catalog::{PASSWORD_HASH, PASSWORD_QUEUE, PASSWORD_WAIT, SIGN_INS_SHED};
use latchkey_metrics::labels;
use tokio::sync::oneshot;

use crate::hash_memory::Memory;

/// A handle of the pool. Its threads end when the last handle is dropped.
pub(crate) struct Pool {
    shared: Arc<Shared>,
}

/// The priority class of a sign-in: browsers that have signed this user in before go first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    Known,
    Unknown,
}

impl Class {
    fn label(self) -> labels::Class {
        match self {
            Self::Known => labels::Class::Known,
            Self::Unknown => labels::Class::Unknown,
        }
    }
}

/// A slot in the queue, released if it is dropped unused. It is one of the account's guesses until it is dropped.
pub(crate) struct Place {
    shared: Arc<Shared>,
    class: Class,
    account: String,
    taken: bool,
}

/// The queue is full, the wait was too long, or the account has enough guesses in flight.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too many concurrent sign-ins")]
pub(crate) struct Busy;

struct Shared {
    queue: Mutex<Queue>,
    wake: Condvar,
    threads: usize,
    cores: usize,
}

#[derive(Default)]
struct Queue {
    known: VecDeque<Job>,
    unknown: VecDeque<Job>,
    /// Slots that are reserved or waiting, by class.
    places: [usize; 2],
    /// How many known browsers have overtaken a waiting unknown one since an unknown one was last served.
    overtaken: usize,
    /// The guesses in flight of each account, from the reservation of a slot to the result.
    guesses: HashMap<String, usize>,
    /// The recent time from the start of one hash to that of the next.
    typical: Option<Duration>,
    /// Whether a sign-in was refused since the last hash: more arrive than can be hashed.
    flooded: bool,
    closed: bool,
}

struct Job {
    due: Instant,
    work: Box<dyn FnOnce(&mut Memory) + Send>,
}

/// The queue holds as much as can be hashed in this time, by the measured rate.
const LENGTH: Duration = Duration::from_secs(1);
/// A sign-in that has waited longer is refused without hashing.
const PATIENCE: Duration = Duration::from_millis(1_500);
/// After so many known browsers in a row, an unknown one that waits has a turn.
const IN_A_ROW: usize = 3;
/// The guesses of one account that may be in flight at once. A person has one; a second allows for a double click.
const GUESSES_AT_ONCE: usize = 2;
/// How long an idle thread keeps its memory.
const KEPT: Duration = Duration::from_secs(1);
/// The minimum number of slots, however slow a machine is.
const FEWEST: usize = 4;
/// The niceness of the threads: other work of the process has priority.
const NICE: i32 = 15;
/// The share of a core for sign-ins from unknown browsers, however busy the process is.
const LEAST_SHARE: f64 = 0.02;

impl Pool {
    /// One thread for every two cores, at least one.
    pub fn new() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let shared = Arc::new(Shared {
            queue: Mutex::default(),
            wake: Condvar::new(),
            threads: (cores / 2).max(1),
            cores,
        });
        for at in 0..shared.threads {
            let working = shared.clone();
            let thread = std::thread::Builder::new().name(format!("password-{at}"));
            if let Err(error) = thread.spawn(move || working.work()) {
                tracing::error!(error = %error, "a password hashing thread cannot be started");
            }
        }
        Self { shared }
    }

    /// False if an unknown browser would not get a slot now.
    pub fn has_room(&self) -> bool {
        let mut queue = self.shared.lock();
        let room = has_room(Class::Unknown, queue.places, queue.most(self.shared.threads));
        if !room {
            queue.turn_away();
        }
        room
    }

    /// A slot in the queue, before any work is done for the caller; a refusal costs nothing. `account` is what the
    /// guesses in flight are counted by.
    pub fn reserve(&self, class: Class, account: &str) -> Result<Place, Busy> {
        let mut queue = self.shared.lock();
        if queue
            .guesses
            .get(account)
            .is_some_and(|count| *count >= GUESSES_AT_ONCE)
        {
            // Not a flood: others have their slots, so no thread pauses for it.
            count_shed();
            return Err(Busy);
        }
        if !has_room(class, queue.places, queue.most(self.shared.threads)) {
            queue.turn_away();
            return Err(Busy);
        }
        queue.places[class as usize] += 1;
        *queue.guesses.entry(account.to_owned()).or_default() += 1;
        queue.show();
        drop(queue);
        Ok(Place {
            shared: self.shared.clone(),
            class,
            account: account.to_owned(),
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
        work: impl FnOnce(&mut Memory) -> T + Send + 'static,
    ) -> Result<T, Busy> {
        let (answer, answered) = oneshot::channel();
        let job = Job {
            due: Instant::now() + PATIENCE,
            work: Box::new(move |memory| {
                let _gone = answer.send(work(memory));
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
        // All threads: the one that is woken may be pausing, and another one free.
        self.shared.wake.notify_all();
        // A job that was dropped without hashing has dropped its sender.
        answered.await.map_err(|_| Busy)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut queue = self.shared.lock();
        if !self.taken {
            queue.places[self.class as usize] -= 1;
            queue.show();
        }
        if let Entry::Occupied(mut count) = queue.guesses.entry(std::mem::take(&mut self.account)) {
            *count.get_mut() -= 1;
            if *count.get() == 0 {
                count.remove();
            }
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn work(&self) {
        // On Linux this affects only the calling thread.
        if let Err(error) = rustix::process::setpriority_process(None, NICE) {
            tracing::warn!(error = %error, "the priority of the password hashing threads cannot be lowered");
        }
        let mut memory = Memory::default();
        let mut queue = self.lock();
        let mut rested = Instant::now();
        loop {
            let now = Instant::now();
            queue.give_up(now);
            if let Some((job, class)) = queue.next(self.threads, rested <= now) {
                queue.places[class as usize] -= 1;
                queue.show();
                drop(queue);
                // Everybody has the same patience, so this is when the job came.
                let came = job.due.checked_sub(PATIENCE).unwrap_or(now);
                PASSWORD_WAIT.observe(class.label(), now.saturating_duration_since(came));
                let before = Usage::now();
                // A hash that panics drops its sender, and its caller is refused; the thread continues.
                let worked = catch_unwind(AssertUnwindSafe(|| (job.work)(&mut memory)));
                if worked.is_err() {
                    memory = Memory::default();
                }
                let used = Usage::since(&before, self.cores);
                PASSWORD_HASH.observe((), used.took);
                queue = self.lock();
                let flooded = std::mem::take(&mut queue.flooded);
                let pause = if flooded { used.rest() } else { Duration::ZERO };
                let period = used.took + pause;
                queue.typical = Some(queue.typical.map_or(period, |before| (before * 7 + period) / 8));
                rested = Instant::now() + pause;
            } else if queue.closed {
                return;
            } else if let Some(soon) = queue.soonest(rested) {
                let wait = soon.saturating_duration_since(now);
                let waited = self.wake.wait_timeout(queue, wait);
                queue = waited.unwrap_or_else(PoisonError::into_inner).0;
            } else if !memory.is_empty() {
                let waited = self.wake.wait_timeout(queue, KEPT);
                let (again, time) = waited.unwrap_or_else(PoisonError::into_inner);
                queue = again;
                if time.timed_out() {
                    drop(queue);
                    memory = Memory::default();
                    queue = self.lock();
                }
            } else {
                queue = self.wake.wait(queue).unwrap_or_else(PoisonError::into_inner);
            }
        }
    }
}

/// The cost of a hash, and the load of the rest of the process in the meantime.
#[derive(Clone, Copy, Debug)]
struct Usage {
    took: Duration,
    /// Processor time of this thread.
    own: Duration,
    /// The share of its cores that the rest of the process used.
    busy: f64,
}

impl Usage {
    /// The current clocks: time, processor time of this thread, processor time of the process.
    fn now() -> (Instant, Duration, Duration) {
        use rustix::time::{ClockId, clock_gettime};
        let read = |clock| Duration::try_from(clock_gettime(clock)).unwrap_or_default();
        let (own, all) = (ClockId::ThreadCPUTime, ClockId::ProcessCPUTime);
        (Instant::now(), read(own), read(all))
    }

    fn since((begun, own, all): &(Instant, Duration, Duration), cores: usize) -> Self {
        let (now, own_now, all_now) = Self::now();
        let (took, own) = (now.duration_since(*begun), own_now.saturating_sub(*own));
        let others = all_now.saturating_sub(*all).saturating_sub(own);
        let cores = took.as_secs_f64() * cores as f64;
        Self {
            took,
            own,
            busy: others.as_secs_f64() / cores.max(1e-9),
        }
    }

    /// During a flood: how long a thread pauses sign-ins of unknown browsers after this hash. They get the cube of the
    /// share of the cores that the rest of the process leaves, and never less than [`LEAST_SHARE`]. Other processes do
    /// not count: the niceness suffices for them, and some sign-ins must succeed.
    fn rest(&self) -> Duration {
        let share = (1.0 - self.busy.clamp(0.0, 1.0)).powi(3).max(LEAST_SHARE);
        self.own.div_f64(share).saturating_sub(self.took)
    }
}

/// Whether a class gets one more slot where `most` can be hashed in time. Half as many again are reserved for known
/// browsers, and a quarter for unknown ones, so that neither class can take every slot from the other.
fn has_room(class: Class, places: [usize; 2], most: usize) -> bool {
    let all: usize = places.iter().sum();
    match class {
        Class::Known => all < most + most / 2,
        Class::Unknown => all < most || places[Class::Unknown as usize] < most / 4,
    }
}

/// What a free thread can choose from.
#[derive(Clone, Copy, Debug)]
struct Choice {
    /// Whether a known browser waits.
    known: bool,
    /// Whether an unknown browser waits.
    unknown: bool,
    /// See [`Queue::overtaken`].
    overtaken: usize,
    /// Whether the thread has paused for as long as it should.
    rested: bool,
}

impl Choice {
    /// The class that is served next; `None` if the thread waits. Known browsers go first and do not wait for a rested
    /// thread. That must not become forever: after [`IN_A_ROW`] of them an unknown one has a turn, rested or not, since
    /// a thread that known browsers keep busy never rests.
    fn next(self) -> Option<Class> {
        match (self.known, self.unknown) {
            (true, true) if self.overtaken >= IN_A_ROW => Some(Class::Unknown),
            (true, _) => Some(Class::Known),
            (false, true) => self.rested.then_some(Class::Unknown),
            (false, false) => None,
        }
    }
}

impl Queue {
    /// The number of slots.
    fn most(&self, threads: usize) -> usize {
        let typical = self
            .typical
            .unwrap_or(Duration::from_millis(20))
            .max(Duration::from_millis(1));
        let fit = LENGTH.as_micros() / typical.as_micros();
        (usize::try_from(fit).unwrap_or(usize::MAX).saturating_mul(threads)).max(FEWEST)
    }

    /// For `/metrics`: who has a place.
    fn show(&self) {
        for class in [Class::Known, Class::Unknown] {
            PASSWORD_QUEUE.set(class.label(), self.places[class as usize] as f64);
        }
    }

    fn turn_away(&mut self) {
        self.flooded = true;
        count_shed();
    }

    /// The next job, by [`Choice::next`]. Of unknown browsers the oldest, but once half of the slots are taken the
    /// newest: during a flood the oldest have already given up.
    fn next(&mut self, threads: usize, rested: bool) -> Option<(Job, Class)> {
        let choice = Choice {
            known: !self.known.is_empty(),
            unknown: !self.unknown.is_empty(),
            overtaken: self.overtaken,
            rested,
        };
        let class = choice.next()?;
        let flooded = self.unknown.len() * 2 > self.most(threads);
        let job = match class {
            Class::Known => {
                self.overtaken += usize::from(choice.unknown);
                self.known.pop_front()
            }
            Class::Unknown => {
                self.overtaken = 0;
                match flooded {
                    true => self.unknown.pop_back(),
                    false => self.unknown.pop_front(),
                }
            }
        };
        job.map(|job| (job, class))
    }

    /// Refuses everybody who has waited too long, and frees their slots.
    fn give_up(&mut self, now: Instant) {
        for (class, jobs) in [
            (Class::Known, &mut self.known),
            (Class::Unknown, &mut self.unknown),
        ] {
            // In order of their deadlines: every job has the same patience.
            while jobs.front().is_some_and(|job| job.due < now) {
                jobs.pop_front();
                self.places[class as usize] -= 1;
                count_shed();
            }
        }
        self.show();
    }

    /// When the next job is due for a thread that may work again at `rested`; `None` if nothing waits.
    fn soonest(&self, rested: Instant) -> Option<Instant> {
        self.unknown.front().map(|job| job.due.min(rested))
    }
}

fn count_shed() {
    SIGN_INS_SHED.inc(());
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every slot that a class gets, each for an account of its own.
    fn fill(pool: &Pool, class: Class) -> Vec<Place> {
        let mut held = Vec::new();
        while let Ok(place) = pool.reserve(class, &format!("{class:?} {}", held.len())) {
            held.push(place);
            assert!(held.len() < 10_000, "the queue is not bounded");
        }
        held
    }

    #[tokio::test]
    async fn a_full_queue_refuses_strangers_first_and_gives_places_back() {
        let pool = Pool::new();
        let unknown = fill(&pool, Class::Unknown);
        let known = fill(&pool, Class::Known);
        assert!(!known.is_empty());
        drop((unknown, known));
        let place = pool.reserve(Class::Unknown, "alice").unwrap();
        assert_eq!(place.run(|_| 7).await, Ok(7));
    }

    #[tokio::test]
    async fn a_hash_that_panics_costs_the_pool_no_thread() {
        let pool = Pool::new();
        let failing = pool.shared.threads + 1;
        for _ in 0..failing {
            let place = pool.reserve(Class::Known, "alice").unwrap();
            let broken = place.run(|_| -> u8 { panic!("planted") });
            assert_eq!(broken.await, Err(Busy));
        }
        let place = pool.reserve(Class::Known, "alice").unwrap();
        assert_eq!(place.run(|_| 7).await, Ok(7));
    }

    #[test]
    fn known_browsers_leave_slots_to_unknown_ones() {
        let pool = Pool::new();
        let known = fill(&pool, Class::Known);
        assert!(pool.has_room());
        let unknown = fill(&pool, Class::Unknown);
        assert!(!unknown.is_empty() && unknown.len() < known.len());
        assert!(!pool.has_room());
    }

    #[tokio::test]
    async fn an_account_has_two_guesses_in_flight_at_most() {
        let pool = Pool::new();
        let reserve = |account| pool.reserve(Class::Unknown, account);
        let (first, second) = (reserve("alice").unwrap(), reserve("alice").unwrap());
        assert!(reserve("alice").is_err());
        assert!(reserve("bob").is_ok());
        // It ends with the result, not with the start of the work.
        let (go_on, wait) = std::sync::mpsc::channel::<()>();
        let running = tokio::spawn(first.run(move |_| wait.recv().is_ok()));
        tokio::task::yield_now().await;
        assert!(reserve("alice").is_err());
        go_on.send(()).unwrap();
        assert_eq!(running.await.unwrap(), Ok(true));
        let third = reserve("alice").unwrap();
        assert!(reserve("alice").is_err());
        drop((second, third));
        assert!(pool.shared.lock().guesses.is_empty());
    }

    #[test]
    fn known_browsers_go_first_but_not_forever() {
        use Class::{Known, Unknown};
        for (known, unknown, overtaken, rested, expected) in [
            (false, false, 0, true, None),
            (true, false, 0, false, Some(Known)),
            (true, false, 9, true, Some(Known)),
            (true, true, 0, true, Some(Known)),
            (true, true, 2, false, Some(Known)),
            (true, true, 3, true, Some(Unknown)),
            (true, true, 3, false, Some(Unknown)),
            (false, true, 0, true, Some(Unknown)),
            // Nobody is overtaken: the thread pauses as it would.
            (false, true, 0, false, None),
            (false, true, 3, false, None),
        ] {
            let choice = Choice {
                known,
                unknown,
                overtaken,
                rested,
            };
            assert_eq!(choice.next(), expected, "{choice:?}");
        }
    }

    #[test]
    fn every_fourth_turn_is_for_an_unknown_browser_that_waits() {
        let mut queue = Queue::default();
        let job = || Job {
            due: Instant::now() + PATIENCE,
            work: Box::new(|_| {}),
        };
        // None waits yet: those who came before are not counted.
        queue.known.extend([job(), job(), job()]);
        let mut served = Vec::new();
        served.extend(
            (0..3)
                .filter_map(|_| queue.next(1, false))
                .map(|(_, class)| class),
        );
        queue.unknown.extend([job(), job()]);
        for _ in 0..8 {
            queue.known.push_back(job());
            served.extend(queue.next(1, false).map(|(_, class)| class));
        }
        let turns: String = served
            .iter()
            .map(|class| match class {
                Class::Known => 'k',
                Class::Unknown => 'u',
            })
            .collect();
        assert_eq!(turns, "kkkkkkukkku");
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
                work: Box::new(move |_| seen.lock().unwrap().push(name)),
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
        while let Some((job, _)) = queue.next(1, true) {
            (job.work)(&mut Memory::default());
        }
        assert_eq!(*seen.lock().unwrap(), [100, 7, 6, 5, 0, 1, 2, 3, 4]);
    }

    #[test]
    fn a_wait_that_is_too_long_is_answered_and_blocks_nobody_else() {
        let begun = Instant::now();
        let mut queue = Queue::default();
        let gone = Arc::new(());
        for (class, due) in [(Class::Unknown, 0), (Class::Unknown, 2), (Class::Known, 0)] {
            let held = gone.clone();
            let job = Job {
                due: begun + Duration::from_secs(due),
                work: Box::new(move |_| drop(held)),
            };
            queue.places[class as usize] += 1;
            match class {
                Class::Known => queue.known.push_back(job),
                Class::Unknown => queue.unknown.push_back(job),
            }
        }
        queue.give_up(begun + Duration::from_secs(1));
        assert_eq!((queue.places, Arc::strong_count(&gone)), ([0, 1], 2));
        // A pausing thread wakes for the next job that times out.
        let later = begun + Duration::from_secs(9);
        assert!(queue.next(1, false).is_none());
        assert_eq!(queue.soonest(later), Some(begun + Duration::from_secs(2)));
        assert!(queue.next(1, true).is_some() && queue.soonest(later).is_none());
    }

    #[test]
    fn a_known_browser_does_not_wait_until_a_thread_has_rested() {
        let mut queue = Queue::default();
        let job = || Job {
            due: Instant::now() + PATIENCE,
            work: Box::new(|_| {}),
        };
        queue.unknown.push_back(job());
        queue.known.push_back(job());
        let first = queue.next(1, false).map(|(_, class)| class);
        assert_eq!(first, Some(Class::Known));
        assert!(queue.next(1, false).is_none());
    }

    #[test]
    fn a_thread_rests_the_longer_the_busier_the_rest_of_the_process_is() {
        let ms = Duration::from_millis;
        let rest = |took: u64, busy: f64| {
            let used = Usage {
                took: ms(took),
                own: ms(30),
                busy,
            };
            used.rest().as_millis()
        };
        assert_eq!(rest(30, 0.0), 0);
        // Other processes keep the core busy, not this one: pausing would help nobody.
        assert_eq!(rest(300, 0.0), 0);
        assert_eq!(rest(60, 0.5), 180);
        assert_eq!(rest(900, 0.97), 600);
        assert_eq!(rest(900, 7.0), 600);
    }
}
