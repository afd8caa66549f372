//! Days and months, in UTC.

use time::macros::format_description;
use time::{Date, Duration, Month, OffsetDateTime, Time};

/// Days from the first to the last, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Period {
    pub from: Date,
    pub to: Date,
}

/// Which member of a query is wrong, and why.
pub type Wrong = (&'static str, &'static str);

impl Period {
    /// The days that were asked for; by default the last twelve months up to today.
    pub fn parse(from: Option<&str>, to: Option<&str>, now: i64) -> Result<Self, Wrong> {
        let to = match to {
            Some(text) => day(text).ok_or(("to", NO_DAY))?,
            None => date(now),
        };
        let from = match from {
            Some(text) => day(text).ok_or(("from", NO_DAY))?,
            None => months_before(to, 11),
        };
        let period = Self { from, to };
        if from > to {
            return Err(("from", "is after `to`"));
        }
        if period.months().len() > MOST_MONTHS {
            return Err(("from", "is more than five years before `to`"));
        }
        Ok(period)
    }

    /// The first millisecond.
    pub fn start(&self) -> i64 {
        milliseconds(self.from)
    }

    /// The first millisecond after it.
    pub fn end(&self) -> i64 {
        milliseconds(self.to).saturating_add(DAY_MS)
    }

    /// Every month that has a day in it, as `2026-11`.
    pub fn months(&self) -> Vec<String> {
        let (mut year, mut month) = (self.from.year(), self.from.month());
        let mut all = Vec::new();
        while (year, u8::from(month)) <= (self.to.year(), u8::from(self.to.month())) {
            all.push(format!("{year:04}-{:02}", u8::from(month)));
            if all.len() > MOST_MONTHS {
                break;
            }
            year += i32::from(month == Month::December);
            month = month.next();
        }
        all
    }
}

/// The month of an instant, as `2026-11`.
pub fn month(ms: i64) -> String {
    let date = date(ms);
    format!("{:04}-{:02}", date.year(), u8::from(date.month()))
}

/// The year of an instant.
pub fn year(ms: i64) -> i64 {
    date(ms).year().into()
}

fn date(ms: i64) -> Date {
    OffsetDateTime::from_unix_timestamp(ms.div_euclid(1_000)).map_or(Date::MIN, OffsetDateTime::date)
}

/// `2026-11-20`, of a year from 1970.
fn day(text: &str) -> Option<Date> {
    let format = format_description!("[year]-[month]-[day]");
    let digits = text.len() == 10 && text.bytes().all(|c| c == b'-' || c.is_ascii_digit());
    let date = digits.then(|| Date::parse(text, &format).ok())??;
    (date.year() >= 1970).then_some(date)
}

/// The first day of the month so many months before.
fn months_before(date: Date, count: u8) -> Date {
    let mut first = date.replace_day(1).unwrap_or(date);
    for _ in 0..count {
        let last_of_previous = first.checked_sub(Duration::DAY).unwrap_or(first);
        first = last_of_previous.replace_day(1).unwrap_or(last_of_previous);
    }
    first
}

fn milliseconds(date: Date) -> i64 {
    let seconds = date.with_time(Time::MIDNIGHT).assume_utc().unix_timestamp();
    seconds.saturating_mul(1_000)
}

const NO_DAY: &str = "is no day such as 2026-11-20";
const MOST_MONTHS: usize = 60;
const DAY_MS: i64 = 86_400_000;

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-20, 12:00.
    const NOW: i64 = 1_795_176_000_000;

    #[test]
    fn without_days_it_is_the_last_twelve_months() {
        let period = Period::parse(None, None, NOW).unwrap();
        assert_eq!(period.from.to_string(), "2025-12-01");
        assert_eq!(period.to.to_string(), "2026-11-20");
        assert_eq!(period.months().len(), 12);
        assert!(period.start() < NOW && NOW < period.end());
    }

    #[test]
    fn both_days_belong_to_the_period() {
        let period = Period::parse(Some("2026-11-20"), Some("2026-11-20"), NOW).unwrap();
        assert_eq!(period.end() - period.start(), 86_400_000);
        assert_eq!(period.months(), ["2026-11"]);
    }

    #[test]
    fn months_go_over_the_turn_of_the_year() {
        let period = Period::parse(Some("2025-11-30"), Some("2026-01-01"), NOW).unwrap();
        assert_eq!(period.months(), ["2025-11", "2025-12", "2026-01"]);
        assert_eq!((month(NOW).as_str(), year(NOW)), ("2026-11", 2026));
    }

    #[test]
    fn what_is_no_period_is_refused_by_name() {
        for (from, to, wrong) in [
            (Some("2026-02-30"), None, "from"),
            (Some("20.11.2026"), None, "from"),
            (Some("+026-11-20"), None, "from"),
            (Some("0000-01-01"), None, "from"),
            (None, Some("2026-11-20T00:00:00Z"), "to"),
            (None, Some(""), "to"),
            (Some("2026-11-21"), Some("2026-11-20"), "from"),
            (Some("2021-11-30"), Some("2026-11-20"), "from"),
            (Some("1970-01-01"), Some("9999-12-31"), "from"),
        ] {
            let refused = Period::parse(from, to, NOW).unwrap_err();
            assert_eq!(refused.0, wrong, "{from:?} {to:?}");
        }
    }
}
