//! Formatting of money, times, dates and addresses for readers.

use std::fmt::Write as _;

use latchkey_contracts::Money;
use latchkey_web::Words;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// The formatted price of a course.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Price {
    pub free: bool,
    pub now: String,
    /// The regular price, which is struck through.
    pub was: Option<String>,
    /// The saving.
    pub saved: Option<String>,
}

/// A day, for readers and for machines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Day {
    pub iso: String,
    pub words: String,
}

pub fn price(words: &Words, now: &Money, list: Option<&Money>) -> Price {
    let list = list.filter(|list| list.currency == now.currency && list.amount > now.amount);
    let saved = list.filter(|_| now.amount > 0).map(|list| {
        let less = list.amount.saturating_sub(now.amount);
        // Rounded down: the saving is never overstated.
        let percent = i128::from(less) * 100 / i128::from(list.amount.max(1));
        let percent = i64::try_from(percent).unwrap_or(100);
        let less = money(words, &Money::new(less, now.currency.as_str()));
        words.fill("price.saved", &[("saved", &less), ("percent", &percent)])
    });
    Price {
        free: now.amount == 0,
        now: money(words, now),
        was: list.map(|list| money(words, list)),
        saved,
    }
}

/// `€1,299.00`; an unknown currency by its code.
pub fn money(words: &Words, money: &Money) -> String {
    let (symbol, digits) = match money.currency.as_str() {
        "EUR" => ("€".to_owned(), 2),
        "USD" => ("$".to_owned(), 2),
        "GBP" => ("£".to_owned(), 2),
        "TRY" => ("₺".to_owned(), 2),
        "JPY" => ("¥".to_owned(), 0),
        code => (format!("{code}\u{a0}"), 2),
    };
    let unit = 10_u64.pow(digits);
    let amount = money.amount.unsigned_abs();
    let mut text = grouped(amount / unit, words.say("price.thousands"));
    if digits > 0 {
        text.push_str(words.say("price.point"));
        let _infallible = write!(text, "{:02}", amount % unit);
    }
    let price = words.fill("price.text", &[("symbol", &symbol), ("amount", &text)]);
    match money.amount {
        ..0 => format!("−{price}"),
        0.. => price,
    }
}

/// A decimal number as the language writes it, of one with a point.
pub fn decimal(words: &Words, number: &str) -> String {
    number.replace('.', words.say("price.point"))
}

/// `Visa •••• 4242`: the brand as its owner writes it.
pub fn card(brand: &str, last4: &str) -> String {
    let brand = match brand {
        "visa" => "Visa",
        "mastercard" => "Mastercard",
        other => other,
    };
    format!("{brand} •••• {last4}")
}

/// A typed amount of money in minor units; `None` if empty.
pub fn amount(text: &str) -> Result<Option<i64>, ()> {
    let text = text.trim().replace(',', ".");
    if text.is_empty() {
        return Ok(None);
    }
    let (whole, cents) = text.split_once('.').unwrap_or((&text, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(cents) || cents.len() > 2 || whole.len() > 9 {
        return Err(());
    }
    let whole: i64 = whole.parse().map_err(|_| ())?;
    let minor: i64 = cents.parse().map_err(|_| ())?;
    let minor = if cents.len() == 1 { minor * 10 } else { minor };
    Ok(Some(whole * 100 + minor))
}

/// `3 h 10 min`
pub fn duration(words: &Words, minutes: i64) -> String {
    let minutes = minutes.max(0);
    let (h, m) = (minutes / 60, minutes % 60);
    let name = match (h, m) {
        (0, _) => "unit.minutes",
        (_, 0) => "unit.hours",
        _ => "unit.hours_minutes",
    };
    words.fill(name, &[("h", &h), ("m", &m)])
}

/// The day of a timestamp of the API (`2026-11-20T21:57:00.123Z`).
pub fn day(words: &Words, instant: &str) -> Option<Day> {
    Some(Day {
        iso: instant.get(..10)?.to_owned(),
        words: words.day(instant)?,
    })
}

/// The name of a language in that language; its tag if unknown.
pub fn language(words: &Words, tag: &str) -> String {
    let primary = tag.split('-').next().unwrap_or(tag);
    LANGUAGES
        .iter()
        .find(|(known, _)| known.eq_ignore_ascii_case(primary))
        .map_or_else(|| tag.to_owned(), |(_, name)| words.say(name).to_owned())
}

/// The languages with a known name.
pub fn languages() -> impl Iterator<Item = &'static str> {
    LANGUAGES.iter().map(|(tag, _)| *tag)
}

/// Up to two initials of a name, for the avatar.
pub fn initials(name: &str) -> String {
    let mut names = name
        .split_whitespace()
        .filter_map(|part| part.chars().find(|c| c.is_alphanumeric()));
    let first = names.next();
    first
        .into_iter()
        .chain(names.next_back())
        .flat_map(char::to_uppercase)
        .collect()
}

/// One segment of a path.
pub fn segment(text: &str) -> String {
    utf8_percent_encode(text, SEGMENT).to_string()
}

/// Groups of three digits.
fn grouped(number: u64, separator: &str) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + 4);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push_str(separator);
        }
        out.push(digit);
    }
    out
}

/// The languages of the filter, and the names of their messages.
pub const LANGUAGES: [(&str, &str); 7] = [
    ("de", "language.de"),
    ("en", "language.en"),
    ("es", "language.es"),
    ("fr", "language.fr"),
    ("it", "language.it"),
    ("pt", "language.pt"),
    ("tr", "language.tr"),
];

/// RFC 3986 unreserved; a dot is escaped too, so that no segment is `..`.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'~');

#[cfg(test)]
mod tests {
    use super::*;

    fn words() -> Words {
        crate::state::messages().unwrap().words(None)
    }

    #[test]
    fn money_is_grouped_and_never_loses_a_cent() {
        for (amount, currency, text) in [
            (5, "EUR", "€0.05"),
            (129_900, "EUR", "€1,299.00"),
            (-250, "USD", "−$2.50"),
            (1500, "JPY", "¥1,500"),
            (100, "CHF", "CHF\u{a0}1.00"),
            (i64::MAX, "EUR", "€92,233,720,368,547,758.07"),
        ] {
            assert_eq!(money(&words(), &Money::new(amount, currency)), text);
        }
    }

    #[test]
    fn a_list_price_is_struck_only_where_it_is_higher() {
        let of = |now, list| price(&words(), &Money::new(now, "EUR"), Some(&Money::new(list, "EUR")));
        assert_eq!(of(5900, 7900).was.as_deref(), Some("€79.00"));
        assert_eq!(of(5900, 7900).saved.as_deref(), Some("You save €20.00 (25%)"));
        assert_eq!(of(5900, 5900).was, None);
        let foreign = price(&words(), &Money::new(1, "EUR"), Some(&Money::new(2, "USD")));
        assert_eq!(foreign.was, None);
    }

    #[test]
    fn a_day_is_read_from_an_instant_and_nothing_else() {
        let day_of = |text| day(&words(), text).map(|day| day.words);
        assert_eq!(
            day_of("2026-11-02T21:57:00.123Z").as_deref(),
            Some("2 November 2026")
        );
        for bad in [
            "",
            "2026",
            "2026-13-01T",
            "2026-00-01T",
            "2026-01-99T",
            "20é6-11-02T",
        ] {
            assert_eq!(day_of(bad), None, "{bad}");
        }
    }

    #[test]
    fn durations_leave_out_what_is_nothing() {
        let of = |minutes| duration(&words(), minutes).replace('\u{a0}', " ");
        assert_eq!(
            (of(45), of(120), of(178)),
            ("45 min".into(), "2 h".into(), "2 h 58 min".into())
        );
    }

    #[test]
    fn a_segment_never_leaves_its_place() {
        assert_eq!(segment(".."), "%2E%2E");
        assert_eq!(segment("a/b?c#d"), "a%2Fb%3Fc%23d");
    }

    #[test]
    fn initials_are_the_first_and_the_last() {
        assert_eq!(initials("Inês Moreira"), "IM");
        assert_eq!(
            (initials("Ada"), initials("  "), initials("a b é")),
            ("A".into(), String::new(), "AÉ".into())
        );
    }
}
