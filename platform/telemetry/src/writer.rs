//! A bounded queue of log lines and the thread that writes them: logging never waits and never fails.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use latchkey_metrics::catalog::LOG_LINES_DROPPED;
use tracing_subscriber::fmt::MakeWriter;

/// How much may be queued; further lines are dropped and counted.
const MOST_BYTES: usize = 4 * 1024 * 1024;

/// Writes lines in the background. Cloning is cheap.
#[derive(Clone)]
pub(crate) struct Writer {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    queue: Mutex<Queue>,
    /// Notified when there is something to write.
    filled: Condvar,
    /// Notified when everything is written.
    emptied: Condvar,
}

#[derive(Default)]
struct Queue {
    lines: VecDeque<Vec<u8>>,
    bytes: usize,
    /// The number of dropped lines, reported with the next line that can be written.
    dropped: u64,
    writing: bool,
}

impl Writer {
    /// Starts the thread. `notice` makes the line that reports how many lines were dropped.
    pub fn start(name: &str, to: impl Write + Send + 'static, notice: fn(u64) -> String) -> Self {
        let shared = Arc::new(Shared::default());
        let writing = shared.clone();
        let thread = std::thread::Builder::new().name(name.to_owned());
        // Without the thread the queue fills up, and all further lines are dropped and counted.
        let _no_thread = thread.spawn(move || writing.write_to(to, notice));
        Self { shared }
    }

    /// Queues one line, including its line end.
    pub fn push(&self, line: &[u8]) {
        let mut queue = self.shared.lock();
        if queue.bytes + line.len() > MOST_BYTES {
            queue.dropped += 1;
            drop(queue);
            return count_dropped(1);
        }
        queue.bytes += line.len();
        queue.lines.push_back(line.to_vec());
        drop(queue);
        self.shared.filled.notify_one();
    }

    /// Waits until everything that was queued is written, but no longer than this.
    pub fn flush(&self, within: Duration) {
        let busy = |queue: &mut Queue| queue.writing || !queue.lines.is_empty();
        let waited = self
            .shared
            .emptied
            .wait_timeout_while(self.shared.lock(), within, busy);
        drop(waited.unwrap_or_else(PoisonError::into_inner));
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write_to(&self, mut to: impl Write, notice: fn(u64) -> String) {
        let mut queue = self.lock();
        loop {
            while queue.lines.is_empty() {
                queue.writing = false;
                self.emptied.notify_all();
                queue = self.filled.wait(queue).unwrap_or_else(PoisonError::into_inner);
            }
            queue.writing = true;
            queue.bytes = 0;
            let lines = std::mem::take(&mut queue.lines);
            let unseen = std::mem::take(&mut queue.dropped);
            drop(queue);
            // Errors here do not concern the code that logs: the reader is gone, or the disk is full.
            let told = unseen == 0 || to.write_all(notice(unseen).as_bytes()).is_ok();
            let lost = lines.iter().filter(|line| to.write_all(line).is_err()).count();
            let lost = u64::try_from(lost).unwrap_or(u64::MAX);
            let _also_lost = to.flush();
            count_dropped(lost);
            queue = self.lock();
            queue.dropped += lost + if told { 0 } else { unseen };
        }
    }
}

fn count_dropped(lines: u64) {
    if lines > 0 {
        LOG_LINES_DROPPED.add((), lines);
    }
}

/// One event of the log, which arrives in one piece.
pub(crate) struct Line<'a>(&'a Writer);

impl Write for Line<'_> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.push(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Writer {
    type Writer = Line<'a>;

    fn make_writer(&'a self) -> Line<'a> {
        Line(self)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(20);

    fn notice(dropped: u64) -> String {
        format!("{dropped} dropped\n")
    }

    /// Reports each write, and waits for permission before it continues.
    struct Stalled {
        begun: mpsc::Sender<Vec<u8>>,
        leave: mpsc::Receiver<()>,
    }

    impl Write for Stalled {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let _test_is_over = self.begun.send(bytes.to_vec());
            let _for_good = self.leave.recv();
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// Fails as often as told, then works.
    struct Failing {
        errors: Vec<io::ErrorKind>,
        written: mpsc::Sender<Vec<u8>>,
    }

    impl Write for Failing {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if let Some(kind) = self.errors.pop() {
                return Err(kind.into());
            }
            let _test_is_over = self.written.send(bytes.to_vec());
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_reader_that_stalls_blocks_nobody_and_hears_how_much_was_dropped() {
        let (begun, seen) = mpsc::channel();
        let (go_on, leave) = mpsc::channel();
        let writer = Writer::start("stalled", Stalled { begun, leave }, notice);
        writer.push(b"first\n");
        assert_eq!(seen.recv_timeout(PATIENCE).unwrap(), b"first\n");
        // From here on the thread is blocked inside of a write.
        let large = vec![b'x'; MOST_BYTES / 2];
        for _ in 0..5 {
            writer.push(&large);
        }
        writer.flush(Duration::from_millis(1));
        for _ in 0..4 {
            let _test_is_over = go_on.send(());
        }
        assert_eq!(seen.recv_timeout(PATIENCE).unwrap(), b"3 dropped\n");
        for _ in 0..2 {
            assert_eq!(seen.recv_timeout(PATIENCE).unwrap(), large);
        }
        writer.flush(PATIENCE);
    }

    #[test]
    fn a_reader_that_is_gone_and_a_full_disk_cost_lines_and_nothing_else() {
        let (written, seen) = mpsc::channel();
        let errors = vec![io::ErrorKind::StorageFull, io::ErrorKind::BrokenPipe];
        let writer = Writer::start("failing", Failing { errors, written }, notice);
        for line in ["one\n", "two\n"] {
            writer.push(line.as_bytes());
            writer.flush(PATIENCE);
        }
        writer.push(b"three\n");
        writer.flush(PATIENCE);
        // The notice of the first loss was lost, too; it is reported as soon as something can be written.
        let all: Vec<String> = seen
            .try_iter()
            .map(|line| String::from_utf8(line).unwrap())
            .collect();
        assert_eq!(all, ["two\n", "1 dropped\n", "three\n"]);
    }

    #[test]
    fn what_was_handed_in_is_written_when_a_flush_returns() {
        let (written, seen) = mpsc::channel();
        let errors = Vec::new();
        let writer = Writer::start("working", Failing { errors, written }, notice);
        for number in 0..1_000 {
            writer.push(format!("{number}\n").as_bytes());
        }
        writer.flush(PATIENCE);
        assert_eq!(seen.try_iter().count(), 1_000);
    }
}
