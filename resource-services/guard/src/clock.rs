//! Time as an argument: this crate reads it only through one closure.

use std::sync::Arc;
use std::time::SystemTime;

/// A function that returns Unix milliseconds.
pub type Clock = Arc<dyn Fn() -> i64 + Send + Sync>;

/// The system clock. Before 1970 it reads 0, so that every token was issued in the future.
pub fn system_clock() -> Clock {
    Arc::new(|| {
        SystemTime::UNIX_EPOCH
            .elapsed()
            .map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    })
}
