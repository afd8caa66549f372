//! Time as an argument: the shell of this crate reads it through one closure.

use std::sync::Arc;
use std::time::SystemTime;

/// Unix milliseconds, from wherever the service takes its time.
pub type Clock = Arc<dyn Fn() -> i64 + Send + Sync>;

/// The machine's own clock. Before 1970 it reads 0, and then every token was issued in the future.
pub fn system_clock() -> Clock {
    Arc::new(|| {
        SystemTime::UNIX_EPOCH
            .elapsed()
            .map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    })
}
