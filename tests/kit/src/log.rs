//! What the servers of this process log: the last lines are kept, so that a 5xx can be shown with its reason.

use std::collections::VecDeque;
use std::io::Write;
use std::sync::{Mutex, MutexGuard, Once, PoisonError};

use tracing_subscriber::filter::LevelFilter;

const KEPT: usize = 2_000;
static LINES: Mutex<VecDeque<String>> = Mutex::new(VecDeque::new());

fn lines() -> MutexGuard<'static, VecDeque<String>> {
    LINES.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One event; it is written at once.
struct Line;

impl Write for Line {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let mut lines = lines();
        if lines.len() == KEPT {
            lines.pop_front();
        }
        lines.push_back(String::from_utf8_lossy(bytes).trim_end().to_owned());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Keeps warnings and errors from now on.
pub fn keep_log() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        crate::answer::show_logged(|answer| of(answer.header("x-request-id")));
        let subscriber = tracing_subscriber::fmt()
            .json()
            .with_max_level(LevelFilter::WARN)
            .with_writer(|| Line);
        let _another_is_there = subscriber.try_init();
    });
}

/// What was said of this request.
pub fn of(request_id: &str) -> Vec<String> {
    lines()
        .iter()
        .filter(|line| !request_id.is_empty() && line.contains(request_id))
        .cloned()
        .collect()
}
