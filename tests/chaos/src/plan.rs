//! What a run is asked for.

/// What shall happen.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The program to run.
    pub binary: std::path::PathBuf,
    /// Orders that buyers try to place.
    pub checkouts: usize,
    /// How often the process is killed while they do.
    pub kills: usize,
    /// Users who order at the same time.
    pub buyers: usize,
    /// Of everything random in the plan; the times of the machine are not in it.
    pub seed: u64,
    /// Every order is one item with seats for all, paid by a card that pays: what a benchmark asks for.
    pub calm: bool,
    /// The processor that the program has to itself, if it is to keep to one.
    pub core: Option<usize>,
}

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub enum ChaosError {
    #[error("{0}")]
    Start(String),
    #[error("the shop could not be filled: {0}")]
    Filling(String),
    #[error("reading the databases failed")]
    Database(#[from] sqlx::Error),
}
