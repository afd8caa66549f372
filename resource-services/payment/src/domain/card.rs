//! Cards. Number and CVC exist only between the request and the processor, and are erased from memory after it.

use latchkey_kit::{FieldErrors, objects};
use serde::Deserialize;
use utoipa::ToSchema;
use zeroize::Zeroizing;

use super::{CardFacts, DomainError};

/// A saved card.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Card {
    pub id: String,
    pub owner_id: String,
    /// The processor's name for it.
    pub reference: String,
    pub brand: String,
    pub last4: String,
    pub exp_month: i64,
    pub exp_year: i64,
    /// The processor's, the same for the same number.
    pub fingerprint: String,
    pub created_at: i64,
    /// When it is forgotten, if its owner does not want it to be saved.
    pub forget_at: Option<i64>,
}

impl From<Card> for CardFacts {
    fn from(card: Card) -> Self {
        Self {
            reference: card.reference,
            brand: card.brand,
            last4: card.last4,
        }
    }
}

/// The input of a card.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields, remote = "Self")]
pub struct CardDraft {
    /// 12 to 19 digits; spaces between them are ignored. One of the test processor's numbers.
    pub number: String,
    #[schema(minimum = 1, maximum = 12)]
    pub exp_month: i64,
    /// Four digits.
    pub exp_year: i64,
    /// Three or four digits. It is never stored.
    pub cvc: String,
    /// Whether the card stays for later payments; otherwise it is in no list, and forgotten within a day.
    #[serde(default = "saved")]
    #[schema(default = true)]
    pub save: bool,
}

fn saved() -> bool {
    true
}

objects!(CardDraft);

/// A well-formed card on its way to the processor. It has no `Debug`, so that no log can have it.
pub struct CardDetails {
    pub number: Zeroizing<String>,
    pub exp_month: i64,
    pub exp_year: i64,
    pub cvc: Zeroizing<String>,
}

impl CardDraft {
    /// The card, if it is well-formed and not over in the month `this_month` (year × 12 + month − 1).
    pub fn check(self, this_month: i64) -> Result<CardDetails, DomainError> {
        let typed = Zeroizing::new(self.number);
        let number: Zeroizing<String> = Zeroizing::new(typed.chars().filter(|c| *c != ' ').collect());
        let cvc = Zeroizing::new(self.cvc);
        let mut errors = FieldErrors::default();
        if !(12..=19).contains(&number.len()) || !is_digits(&number) || !has_check_digit(&number) {
            errors.add("number", "is not a card number");
        }
        if !(3..=4).contains(&cvc.len()) || !is_digits(&cvc) {
            errors.add("cvc", "must have three or four digits");
        }
        let (month, year) = (self.exp_month, self.exp_year);
        if !(1..=12).contains(&month) {
            errors.add("exp_month", "must be between 1 and 12");
        } else if !(2000..=2099).contains(&year) {
            errors.add("exp_year", "must have four digits");
        } else if year * 12 + month - 1 < this_month {
            errors.add("exp_year", "is over");
        }
        let details = CardDetails {
            number,
            exp_month: month,
            exp_year: year,
            cvc,
        };
        errors.into_result(details).map_err(DomainError::Invalid)
    }
}

/// Unix milliseconds to year × 12 + month − 1 (civil calendar, UTC).
pub fn month_of(ms: i64) -> i64 {
    // Days to years and months by counting from 1 March of year 0, so that leap days come last.
    let days = ms.div_euclid(86_400_000) + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    (era * 400 + year_of_era) * 12 + from_march + 2
}

fn is_digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

/// ISO/IEC 7812-1 annex B.
fn has_check_digit(number: &str) -> bool {
    let sum: u32 = number
        .bytes()
        .rev()
        .zip([1, 2].into_iter().cycle())
        .map(|(byte, weight)| {
            let product = u32::from(byte - b'0') * weight;
            product / 10 + product % 10
        })
        .sum();
    sum.is_multiple_of(10)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(number: &str, exp_month: i64, exp_year: i64, cvc: &str) -> Vec<String> {
        let draft = CardDraft {
            save: true,
            number: number.into(),
            exp_month,
            exp_year,
            cvc: cvc.into(),
        };
        match draft.check(2026 * 12 + 10) {
            Ok(_) => Vec::new(),
            Err(DomainError::Invalid(errors)) => errors.into_iter().map(|fault| fault.field).collect(),
            Err(other) => panic!("{other}"),
        }
    }

    #[test]
    fn a_card_is_checked_digit_by_digit() {
        assert!(fields("4242 4242 4242 4242", 11, 2026, "123").is_empty());
        for number in [
            "4242424242424241",
            "",
            "4",
            "42424242424242424242424242424242",
            "4242-4242-4242-4242",
            "٤٢٤٢٤٢٤٢٤٢٤٢٤٢٤٢",
            "424242424242424é",
        ] {
            assert_eq!(fields(number, 11, 2026, "123"), ["number"], "{number}");
        }
        for cvc in ["", "12", "12345", "12a", "١٢٣"] {
            assert_eq!(fields("4242424242424242", 11, 2026, cvc), ["cvc"], "{cvc}");
        }
    }

    #[test]
    fn a_card_is_good_until_the_end_of_its_month() {
        assert!(fields("4242424242424242", 11, 2026, "123").is_empty());
        assert_eq!(fields("4242424242424242", 10, 2026, "123"), ["exp_year"]);
        assert_eq!(fields("4242424242424242", 0, 2027, "123"), ["exp_month"]);
        for year in [i64::MIN, 26, 1999, 2100, i64::MAX] {
            assert_eq!(fields("4242424242424242", 1, year, "123"), ["exp_year"], "{year}");
        }
    }

    #[test]
    fn months_are_those_of_the_calendar() {
        assert_eq!(month_of(0), 1970 * 12);
        assert_eq!(month_of(-1), 1969 * 12 + 11);
        assert_eq!(month_of(951_782_399_999), 2000 * 12 + 1); // 28 February 2000, the last millisecond
        assert_eq!(month_of(951_868_800_000), 2000 * 12 + 2); // 1 March 2000
        assert_eq!(month_of(1_795_176_000_000), 2026 * 12 + 10); // 20 November 2026
    }
}
