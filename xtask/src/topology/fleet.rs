//! What runs of a topology, how far each service is, and whether somebody wants it to stop.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::compose::Condition;
use super::images::Running;

/// How long a service may take until it is healthy.
pub const PATIENCE: Duration = Duration::from_secs(120);
/// Between two questions for a service's health.
pub const PAUSE: Duration = Duration::from_millis(200);

/// How far a service is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum State {
    Started,
    Healthy,
    Completed,
}

/// What runs, and how far each service is.
#[derive(Default)]
pub struct Fleet {
    running: Mutex<Vec<(String, Running)>>,
    states: Mutex<BTreeMap<String, State>>,
    pub changed: Condvar,
    pub failed: AtomicBool,
}

impl Fleet {
    pub fn states(&self) -> MutexGuard<'_, BTreeMap<String, State>> {
        self.states.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn running(&self) -> MutexGuard<'_, Vec<(String, Running)>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn is(&self, name: &str, state: State) {
        self.states().insert(name.to_owned(), state);
        self.changed.notify_all();
    }

    /// Waits until `condition` holds for a service.
    pub fn wait(&self, name: &str, condition: Condition, interrupted: Interrupt) -> Result<(), String> {
        let begun = Instant::now();
        let mut states = self.states();
        loop {
            let holds = match (condition, states.get(name)) {
                (_, None) => false,
                (Condition::Started, Some(_)) => true,
                (Condition::Healthy, Some(state)) => *state == State::Healthy,
                (Condition::Completed, Some(state)) => *state == State::Completed,
            };
            if holds {
                return Ok(());
            }
            if self.failed.load(Ordering::Acquire) {
                return Err(String::new());
            }
            if begun.elapsed() > PATIENCE * 3 || interrupted.came() {
                return Err(format!("{name} was waited for in vain"));
            }
            let waited = self.changed.wait_timeout(states, PAUSE);
            states = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Stops everything, what was started last first.
    pub fn stop(&self) {
        let mut running = std::mem::take(&mut *self.running());
        // Processes of ours end together; what they stand on ends after them.
        for (_, running) in &mut running {
            running.ask_to_stop();
        }
        while let Some(last) = running.pop() {
            drop(last);
        }
    }
}

/// Whether somebody asked us to stop.
#[derive(Clone, Copy)]
pub struct Interrupt(&'static AtomicBool);

impl Interrupt {
    pub fn listen() -> Result<Self, String> {
        static CAME: AtomicBool = AtomicBool::new(false);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| error.to_string())?;
        let (listening, listens) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            runtime.block_on(async {
                use tokio::signal::unix::{SignalKind, signal};
                let signals = signal(SignalKind::interrupt()).and_then(|interrupt| {
                    signal(SignalKind::terminate()).map(|terminate| (interrupt, terminate))
                });
                let (mut interrupt, mut terminate) = match signals {
                    Ok(signals) => signals,
                    Err(error) => return listening.send(Err(error.to_string())).unwrap_or(()),
                };
                let _nobody_waits = listening.send(Ok(()));
                tokio::select! {
                    _ = interrupt.recv() => {}
                    _ = terminate.recv() => {}
                }
                CAME.store(true, Ordering::Release);
            });
        });
        listens.recv().map_err(|error| error.to_string())??;
        Ok(Self(&CAME))
    }

    pub fn came(self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}
