//! The deadlines for waiting on a peer.
//!
//! The state of a connection is kept as plain facts, and one function of these facts and the limits determines when the
//! connection is due. A timer beside the connection waits for that instant ([`until_due`]), not a poll inside of it: a
//! peer that stops reading stops the polls, and must not stop the clock with them.
//!
//! - Where nothing is under way the connection is kept for `idle`, and then ended in an orderly way (HTTP/2: GOAWAY),
//!   whatever frames without a request the peer sends meanwhile.
//! - From the first byte of a head of HTTP/1 to its last there is `head`.
//! - An exchange has `answer` until its answer begins and `exchange` until the last byte of that is written. An answer
//!   marked [`Streaming`](crate::Streaming) may last; but when pieces of it wait, one must get through within `stall`.
//! - A socket that takes nothing for `stall` is given up, whatever it was that waited.
//! - A connection that only ends has as long as one whole exchange, a streaming answer included.
//!
//! Over HTTP/2 each stream has a timer of its own, which resets only that stream. The timer of the connection fires a
//! little later, for what no stream is responsible for any more: the end of a response that waits in the connection for
//! a window.

use std::future::poll_fn;
use std::pin::pin;
use std::task::{Poll, ready};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use crate::Limits;

/// How much later the outer of two timers for the same wait fires, so that the inner, more specific one is first.
const LATER: Duration = Duration::from_secs(5);

/// The HTTP version of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Version {
    One,
    Two,
}

/// How an overdue connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// It was idle: the peer is notified.
    Orderly,
    /// The peer was too slow.
    Cut,
}

/// An instant, and what happens then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Due {
    pub at: Instant,
    pub end: End,
}

/// The state of a connection.
#[derive(Debug)]
pub(crate) struct Facts {
    version: Version,
    /// When the last exchange ended, or the connection started.
    quiet_since: Instant,
    /// When the first byte of an HTTP/1 head arrived, until the head is complete.
    head_since: Option<Instant>,
    /// Since when the socket has accepted nothing.
    blocked_since: Option<Instant>,
    /// When we started to close the connection.
    closing_since: Option<Instant>,
    exchanges: Vec<Exchange>,
    next: u64,
}

/// The state of one request and its response.
#[derive(Debug)]
struct Exchange {
    id: u64,
    asked: Instant,
    answered: Option<Instant>,
    streaming: bool,
    /// Pieces of the response that were handed out and are not written yet.
    pieces: usize,
    /// When the oldest of these was handed out, or the one before it written.
    moved: Instant,
}

impl Facts {
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            version: Version::One,
            quiet_since: now,
            head_since: None,
            blocked_since: None,
            closing_since: None,
            exchanges: Vec::new(),
            next: 0,
        }
    }

    /// The first bytes determine the version. In HTTP/1 they belong to a head.
    pub(crate) fn speaks(&mut self, version: Version, now: Instant) {
        self.version = version;
        self.quiet_since = now;
        self.head_since = (version == Version::One).then_some(now);
    }

    /// Bytes were read.
    pub(crate) fn received(&mut self, now: Instant) {
        if self.version == Version::One && self.exchanges.is_empty() {
            self.head_since.get_or_insert(now);
        }
    }

    /// The socket accepts no more bytes.
    pub(crate) fn blocked(&mut self, now: Instant) {
        self.blocked_since.get_or_insert(now);
    }

    /// The socket has accepted bytes.
    pub(crate) fn wrote(&mut self) {
        self.blocked_since = None;
    }

    /// From here on the connection is closing.
    pub(crate) fn closing(&mut self, now: Instant) {
        self.closing_since.get_or_insert(now);
    }

    /// A complete head has arrived. Returns the id of the exchange.
    pub(crate) fn begin(&mut self, now: Instant) -> u64 {
        self.head_since = None;
        self.next += 1;
        self.exchanges.push(Exchange {
            id: self.next,
            asked: now,
            answered: None,
            streaming: false,
            pieces: 0,
            moved: now,
        });
        self.next
    }

    /// The response of an exchange starts.
    pub(crate) fn answered(&mut self, id: u64, streaming: bool, now: Instant) {
        if let Some(exchange) = self.exchange(id) {
            exchange.answered = Some(now);
            exchange.streaming = streaming;
        }
    }

    /// A piece of a response was handed out to be written.
    pub(crate) fn handed(&mut self, id: u64, now: Instant) {
        if let Some(exchange) = self.exchange(id) {
            if exchange.pieces == 0 {
                exchange.moved = now;
            }
            exchange.pieces += 1;
        }
    }

    /// A piece of a response was written, or never will be.
    pub(crate) fn moved(&mut self, id: u64, now: Instant) {
        if let Some(exchange) = self.exchange(id) {
            exchange.pieces = exchange.pieces.saturating_sub(1);
            exchange.moved = now;
        }
    }

    /// The last byte of a response was written, or never will be.
    pub(crate) fn end(&mut self, id: u64, now: Instant) {
        self.exchanges.retain(|exchange| exchange.id != id);
        self.quiet_since = now;
    }

    /// True if nothing is in progress, so that nothing is lost when the connection closes.
    pub(crate) fn is_quiet(&self) -> bool {
        self.exchanges.is_empty()
    }

    pub(crate) fn version(&self) -> Version {
        self.version
    }

    /// When the connection is due. `None` while everything in progress may last.
    pub(crate) fn due(&self, limits: &Limits) -> Option<Due> {
        let cut = |at| Due { at, end: End::Cut };
        let nothing_asked = || match self.closing_since.or(self.head_since) {
            Some(since) => cut(since + limits.head),
            None => Due {
                at: self.quiet_since + limits.idle,
                end: End::Orderly,
            },
        };
        let later = match self.version {
            Version::One => Duration::ZERO,
            Version::Two => LATER,
        };
        let exchanges = self.exchanges.iter().filter_map(|exchange| exchange.due(limits));
        let blocked = self.blocked_since.map(|since| cut(since + limits.stall));
        let longest = limits.answer + limits.exchange + 2 * LATER;
        let closing = self.closing_since.map(|since| cut(since + longest));
        exchanges
            .map(|at| cut(at + later))
            .chain(self.is_quiet().then(nothing_asked))
            .chain(blocked)
            .chain(closing)
            .min_by_key(|due| due.at)
    }

    /// When one exchange is due. `None` while it may last, and when it is over.
    pub(crate) fn exchange_due(&self, id: u64, limits: &Limits) -> Option<Instant> {
        let exchange = self.exchanges.iter().find(|exchange| exchange.id == id)?;
        exchange.due(limits)
    }

    fn exchange(&mut self, id: u64) -> Option<&mut Exchange> {
        self.exchanges.iter_mut().find(|exchange| exchange.id == id)
    }
}

impl Exchange {
    fn due(&self, limits: &Limits) -> Option<Instant> {
        match (self.answered, self.streaming) {
            // The listener itself responds that the response took too long.
            (None, _) => Some(self.asked + limits.answer + LATER),
            (Some(begun), false) => Some(begun + limits.exchange),
            (Some(_), true) => (self.pieces > 0).then(|| self.moved + limits.stall),
        }
    }
}

/// Runs the work until it is done, or until the instant that `due` returns; then `None`. Anything that moves that
/// instant must happen inside of the work or wake it, because `due` is called again after each poll of the work.
pub(crate) async fn until_due<F: Future>(work: F, due: impl Fn() -> Option<Instant>) -> Option<F::Output> {
    let mut work = pin!(work);
    let mut alarm = pin!(sleep_until(Instant::now()));
    let mut armed: Option<Instant> = None;
    poll_fn(|context| {
        if let Poll::Ready(output) = work.as_mut().poll(context) {
            return Poll::Ready(Some(output));
        }
        loop {
            let Some(at) = due() else {
                return Poll::Pending;
            };
            if at <= Instant::now() {
                return Poll::Ready(None);
            }
            // An alarm that fires too early is simply set again: most instants move before they are reached.
            if armed.is_none_or(|armed| at < armed) {
                alarm.as_mut().reset(at);
                armed = Some(at);
            }
            ready!(alarm.as_mut().poll(context));
            armed = None;
        }
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: Duration = Duration::from_secs(10);
    const IDLE: Duration = Duration::from_secs(75);
    const ANSWER: Duration = Duration::from_secs(30);
    const EXCHANGE: Duration = Duration::from_secs(31);
    const STALL: Duration = Duration::from_secs(32);

    fn limits() -> Limits {
        Limits {
            head: HEAD,
            idle: IDLE,
            answer: ANSWER,
            exchange: EXCHANGE,
            stall: STALL,
            ..Limits::default()
        }
    }

    fn begun(version: Version) -> (Facts, Instant) {
        let now = Instant::now();
        let mut facts = Facts::new(now);
        facts.speaks(version, now);
        (facts, now)
    }

    fn second(number: u64) -> Duration {
        Duration::from_secs(number)
    }

    #[test]
    fn a_head_has_its_time_from_its_first_byte_and_not_from_its_last() {
        let (mut facts, now) = begun(Version::One);
        let cut = |at| Some(Due { at, end: End::Cut });
        assert_eq!(facts.due(&limits()), cut(now + HEAD));
        for late in 1..9 {
            facts.received(now + second(late));
            assert_eq!(facts.due(&limits()), cut(now + HEAD));
        }
        let exchange = facts.begin(now + second(9));
        facts.end(exchange, now + second(10));
        facts.received(now + second(50));
        facts.received(now + second(51));
        assert_eq!(facts.due(&limits()), cut(now + second(50) + HEAD));
    }

    #[test]
    fn a_connection_without_exchange_is_kept_for_the_idle_time_and_told() {
        for version in [Version::One, Version::Two] {
            let (mut facts, now) = begun(version);
            let exchange = facts.begin(now);
            facts.end(exchange, now + second(1));
            if version == Version::Two {
                // Frames without a request, such as the response to a PING, do not count as use of the connection.
                facts.received(now + second(60));
            }
            let due = facts.due(&limits()).unwrap();
            assert_eq!((due.at, due.end), (now + second(1) + IDLE, End::Orderly));
            facts.closing(due.at);
            let due = facts.due(&limits()).unwrap();
            assert_eq!((due.at, due.end), (now + second(1) + IDLE + HEAD, End::Cut));
        }
    }

    #[test]
    fn a_closing_connection_has_as_long_as_an_exchange_even_if_it_streams() {
        let (mut facts, now) = begun(Version::Two);
        let exchange = facts.begin(now);
        facts.answered(exchange, true, now);
        assert_eq!(facts.due(&limits()), None);
        facts.closing(now + second(5));
        let at = now + second(5) + ANSWER + EXCHANGE + 2 * LATER;
        assert_eq!(facts.due(&limits()), Some(Due { at, end: End::Cut }));
    }

    #[test]
    fn an_answer_has_a_total_however_slowly_its_pieces_move() {
        let (mut facts, now) = begun(Version::One);
        let exchange = facts.begin(now);
        assert_eq!(facts.due(&limits()).unwrap().at, now + ANSWER + LATER);
        facts.answered(exchange, false, now + second(2));
        for late in 3..30 {
            facts.handed(exchange, now + second(late));
            facts.moved(exchange, now + second(late));
        }
        let end = now + second(2) + EXCHANGE;
        assert_eq!(
            facts.due(&limits()),
            Some(Due {
                at: end,
                end: End::Cut
            })
        );
        assert_eq!(facts.exchange_due(exchange, &limits()), Some(end));
    }

    #[test]
    fn a_streaming_answer_may_last_as_long_as_its_pieces_get_through() {
        let (mut facts, now) = begun(Version::Two);
        let exchange = facts.begin(now);
        facts.answered(exchange, true, now);
        assert_eq!(facts.due(&limits()), None);
        facts.handed(exchange, now + second(3_600));
        facts.handed(exchange, now + second(3_601));
        let due = |facts: &Facts| facts.exchange_due(exchange, &limits());
        assert_eq!(due(&facts), Some(now + second(3_600) + STALL));
        facts.moved(exchange, now + second(3_620));
        assert_eq!(due(&facts), Some(now + second(3_620) + STALL));
        facts.moved(exchange, now + second(3_630));
        assert_eq!(due(&facts), None);
    }

    #[test]
    fn the_connection_of_a_stream_is_due_later_than_the_stream() {
        let (mut facts, now) = begun(Version::Two);
        let (first, second) = (facts.begin(now), facts.begin(now));
        facts.answered(first, true, now);
        facts.answered(second, false, now);
        let stream = facts.exchange_due(second, &limits()).unwrap();
        assert_eq!(facts.due(&limits()).unwrap().at, stream + LATER);
    }

    #[test]
    fn a_socket_that_takes_nothing_is_given_up_even_while_an_answer_may_last() {
        let (mut facts, now) = begun(Version::One);
        let exchange = facts.begin(now);
        facts.answered(exchange, true, now);
        facts.blocked(now + second(5));
        facts.blocked(now + second(20));
        let at = now + second(5) + STALL;
        assert_eq!(facts.due(&limits()), Some(Due { at, end: End::Cut }));
        facts.wrote();
        assert_eq!(facts.due(&limits()), None);
    }
}
