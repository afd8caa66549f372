//! Time and randomness as values that are passed in, so that every decision can be replayed.

mod random;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

pub use random::Random;

/// The source of wall-clock time. Cloning is cheap; clones of a manual clock move together.
#[derive(Clone, Debug)]
pub enum Clock {
    /// The operating system's clock.
    System,
    /// A clock that a test moves by hand, in Unix milliseconds.
    Manual(Arc<AtomicI64>),
}

impl Clock {
    /// The operating system's clock.
    pub fn system() -> Self {
        Self::System
    }

    /// A clock that stands at `ms` (Unix milliseconds) until it is moved.
    pub fn manual(ms: i64) -> Self {
        Self::Manual(Arc::new(AtomicI64::new(ms)))
    }

    /// Unix milliseconds.
    pub fn now_ms(&self) -> i64 {
        match self {
            Self::System => system_ms(),
            Self::Manual(ms) => ms.load(Ordering::SeqCst),
        }
    }

    /// Moves a manual clock; a system clock cannot be moved.
    pub fn advance(&self, by_ms: i64) {
        if let Self::Manual(ms) = self {
            ms.fetch_add(by_ms, Ordering::SeqCst);
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the one place that reads the wall clock"
)]
fn system_ms() -> i64 {
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(elapsed.as_millis()).unwrap_or(i64::MAX)
}

/// Unix milliseconds of a `Date` field (RFC 9110 §5.6.7), `None` if it is not one.
pub fn http_date(text: &str) -> Option<i64> {
    const FORMAT: &[time::format_description::BorrowedFormatItem<'_>] = time::macros::format_description!(
        "[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT"
    );
    let date = time::PrimitiveDateTime::parse(text, FORMAT).ok()?;
    Some(date.assume_utc().unix_timestamp() * 1_000)
}

/// RFC 3339 in UTC with milliseconds: `2026-11-20T21:57:00.123Z`.
pub fn rfc3339(ms: i64) -> String {
    const FORMAT: &[time::format_description::BorrowedFormatItem<'_>] = time::macros::format_description!(
        "[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z"
    );
    time::OffsetDateTime::from_unix_timestamp_nanos(i128::from(ms) * 1_000_000)
        .ok()
        .and_then(|at| at.format(FORMAT).ok())
        .unwrap_or_else(|| "9999-12-31T23:59:59.999Z".to_owned())
}

/// The instant that a text of RFC 3339 names, in Unix milliseconds; `None` for any other text.
pub fn from_rfc3339(text: &str) -> Option<i64> {
    let at = time::OffsetDateTime::parse(text, &time::format_description::well_known::Rfc3339).ok()?;
    i64::try_from(at.unix_timestamp_nanos().div_euclid(1_000_000)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manual_clock_moves_only_by_hand_and_with_its_clones() {
        let clock = Clock::manual(1_000);
        let twin = clock.clone();
        clock.advance(500);
        assert_eq!(twin.now_ms(), 1_500);
    }

    #[test]
    fn instants_are_written_as_rfc_3339_in_utc() {
        assert_eq!(rfc3339(1_795_211_820_123), "2026-11-20T21:57:00.123Z");
    }

    #[test]
    fn an_instant_is_read_as_it_was_written_and_nothing_else_is() {
        assert_eq!(from_rfc3339("2026-11-20T21:57:00.123Z"), Some(1_795_211_820_123));
        assert_eq!(
            from_rfc3339("2026-11-20T22:57:00.123+01:00"),
            Some(1_795_211_820_123)
        );
        for other in ["", "now", "1795211820123", "2026-11-20", "2026-13-20T21:57:00Z"] {
            assert_eq!(from_rfc3339(other), None, "{other}");
        }
    }

    #[test]
    fn a_date_field_is_read_as_http_writes_it() {
        assert_eq!(
            http_date("Fri, 20 Nov 2026 21:57:00 GMT"),
            Some(1_795_211_820_000)
        );
        for other in [
            "",
            "2026-11-20T21:57:00Z",
            "Fri, 20 Nov 2026 21:57:00 +0100",
            "Fri, 31 Nov 2026 21:57:00 GMT",
        ] {
            assert_eq!(http_date(other), None, "{other}");
        }
    }
}
