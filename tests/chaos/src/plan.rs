//! What a run is asked for.

use std::path::PathBuf;

/// What shall happen.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The program to run.
    pub binary: PathBuf,
    /// How it runs.
    pub shape: Shape,
    /// Orders that buyers try to place.
    pub checkouts: usize,
    /// How often a process is killed while they do.
    pub kills: usize,
    /// Users who order at the same time.
    pub buyers: usize,
    /// Of everything random in the plan; the times of the machine are not in it.
    pub seed: u64,
    /// Every order is one item with seats for all, paid by a card that pays: what a benchmark asks for.
    pub calm: bool,
}

/// How the program runs.
#[derive(Clone, Debug)]
pub enum Shape {
    /// One process plays every role, with SQLite and the bus in a file.
    Embedded {
        /// The processor that it has to itself, if it is to keep to one.
        core: Option<usize>,
    },
    /// The services of compose.yaml as processes, with PostgreSQL and RabbitMQ.
    Scaled {
        /// The program that starts them: `xtask topology`.
        xtask: PathBuf,
        /// How often the broker is restarted.
        restarts: usize,
    },
}

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub enum ChaosError {
    #[error("{0}")]
    Start(String),
    #[error("the shop could not be filled: {0}")]
    Filling(String),
    #[error("{0} failed: {1}")]
    Command(&'static str, String),
    #[error("reading the databases failed")]
    Database(#[from] sqlx::Error),
}

impl From<std::io::Error> for ChaosError {
    fn from(error: std::io::Error) -> Self {
        Self::Start(error.to_string())
    }
}
