//! A line of the log that strangers can cause: once a minute at most, with how often it was true since the last one.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// How far apart two lines are.
const APART: Duration = Duration::from_secs(60);

/// When something was last said.
#[derive(Debug, Default)]
pub(crate) struct Seldom(Mutex<Said>);

#[derive(Debug, Default)]
struct Said {
    last: Option<Instant>,
    /// How often it has happened since then.
    times: u64,
}

impl Seldom {
    /// Notes that it happened. The number of times to tell, if it is to be told now.
    pub fn happened(&self, now: Instant) -> Option<u64> {
        let mut said = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        said.times += 1;
        if said.last.is_some_and(|last| now.duration_since(last) < APART) {
            return None;
        }
        said.last = Some(now);
        Some(std::mem::take(&mut said.times))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_one_line_a_minute_that_counts() {
        let (seldom, start) = (Seldom::default(), Instant::now());
        let at = |seconds: u64| seldom.happened(start + Duration::from_secs(seconds));
        assert_eq!(at(0), Some(1));
        assert_eq!((at(0), at(30), at(59)), (None, None, None));
        assert_eq!(at(60), Some(4));
        assert_eq!((at(61), at(120)), (None, Some(2)));
    }
}
