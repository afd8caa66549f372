//! The lines of a basket or an order, with the prices that its service says.

use latchkey_contracts::events::command::PricedLine;
use latchkey_kit::{FieldError, FieldErrors, MoneyDraft, is_id, objects};
use serde::Deserialize;
use utoipa::ToSchema;

use super::DomainError;
use super::code::normalize;

/// The body of a quote.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(remote = "Self", deny_unknown_fields)]
pub struct QuoteDraft {
    /// The code as typed, at most 64 characters.
    pub code: String,
    /// 1 to 50 lines, each of another course.
    pub lines: Vec<LineDraft>,
}

/// A line. Category and instructor of the course are known here, as the catalog says them.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(remote = "Self", deny_unknown_fields)]
pub struct LineDraft {
    pub course_id: String,
    /// From 1 to 100.
    pub quantity: i64,
    /// From 0 to 100 000 000 minor units.
    pub unit_price: MoneyDraft,
}

objects!(QuoteDraft, LineDraft);

/// A valid question: what is this code worth for these lines?
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuoteRequest {
    /// Normalized, but not necessarily the code of a coupon.
    pub code: String,
    pub lines: Lines,
}

/// Between 1 and 50 valid lines of one currency, each of another course.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lines {
    lines: Vec<Line>,
    currency: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    pub course_id: String,
    /// Unit price × quantity, in minor units.
    pub total: i64,
}

impl QuoteDraft {
    /// The question, if it is valid.
    pub fn check(self, currency: &str) -> Result<QuoteRequest, DomainError> {
        let mut errors = FieldErrors::default();
        errors.line("code", &self.code, 1, 64);
        let lines = lines(&mut errors, &self.lines, currency);
        let request = QuoteRequest {
            code: normalize(&self.code),
            lines,
        };
        errors.into_result(request).map_err(DomainError::Invalid)
    }
}

impl Lines {
    /// The lines of an order; what is wrong with them if an order cannot have them.
    pub fn of_order(priced: &[PricedLine], currency: &str) -> Result<Self, Vec<FieldError>> {
        let mut errors = FieldErrors::default();
        let drafts: Vec<LineDraft> = priced
            .iter()
            .map(|line| LineDraft {
                course_id: line.course_id.clone(),
                quantity: line.quantity,
                unit_price: MoneyDraft {
                    amount: line.unit_price.amount,
                    currency: line.unit_price.currency.clone(),
                },
            })
            .collect();
        let lines = lines(&mut errors, &drafts, currency);
        errors.into_result(lines)
    }

    pub fn iter(&self) -> impl Iterator<Item = &Line> {
        self.lines.iter()
    }

    pub fn course_ids(&self) -> Vec<String> {
        self.lines.iter().map(|line| line.course_id.clone()).collect()
    }

    pub fn currency(&self) -> &str {
        &self.currency
    }

    /// In minor units.
    pub fn subtotal(&self) -> i64 {
        self.lines.iter().map(|line| line.total).sum()
    }
}

/// With these limits no sum of lines comes near the end of its type.
fn lines(errors: &mut FieldErrors, drafts: &[LineDraft], currency: &str) -> Lines {
    errors.count("lines", drafts.len(), MOST_LINES);
    if drafts.is_empty() {
        errors.add("lines", "is missing");
    }
    let mut lines: Vec<Line> = Vec::new();
    for (at, draft) in drafts.iter().take(MOST_LINES).enumerate() {
        if !is_id(&draft.course_id) {
            errors.add(format!("lines[{at}].course_id"), "does not name a course");
        }
        if lines.iter().any(|line| line.course_id == draft.course_id) {
            errors.add(format!("lines[{at}].course_id"), "is there twice");
        }
        if !(1..=MOST_PIECES).contains(&draft.quantity) {
            errors.add(format!("lines[{at}].quantity"), "must be from 1 to 100");
        }
        let field = format!("lines[{at}].unit_price");
        let price = draft
            .unit_price
            .check(errors, &field, 0..=MoneyDraft::HIGHEST_PRICE, currency);
        lines.push(Line {
            course_id: draft.course_id.clone(),
            total: price.saturating_mul(draft.quantity),
        });
    }
    Lines {
        lines,
        currency: currency.to_owned(),
    }
}

const MOST_LINES: usize = 50;
const MOST_PIECES: i64 = 100;

#[cfg(test)]
pub(super) mod fixture {
    use latchkey_contracts::Money;

    use super::*;

    /// The id of a course by its number.
    pub fn course(number: u32) -> String {
        format!("01890a5d-ac96-774b-bcce-{number:012}")
    }

    /// Courses 1, 2, … at these prices.
    pub fn lines(prices: &[i64]) -> Lines {
        let priced: Vec<PricedLine> = (1..)
            .zip(prices)
            .map(|(number, price)| PricedLine {
                course_id: course(number),
                category_id: "not looked at".into(),
                instructor_id: "not looked at".into(),
                unit_price: Money::new(*price, "EUR"),
                quantity: 1,
            })
            .collect();
        Lines::of_order(&priced, "EUR").unwrap()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::fixture::course;
    use super::*;

    fn line(number: u32, quantity: i64, amount: i64) -> Value {
        json!({"course_id": course(number), "quantity": quantity, "unit_price": {"amount": amount, "currency": "EUR"}})
    }

    fn check(body: Value) -> Result<QuoteRequest, Vec<String>> {
        let draft: QuoteDraft = serde_json::from_value(body).unwrap();
        match draft.check("EUR") {
            Ok(request) => Ok(request),
            Err(DomainError::Invalid(errors)) => Err(errors.into_iter().map(|error| error.field).collect()),
            Err(other) => panic!("{other}"),
        }
    }

    #[test]
    fn the_subtotal_is_the_sum_of_price_times_quantity() {
        let request =
            check(json!({"code": " spring ", "lines": [line(1, 3, 1_999), line(2, 1, 0)]})).unwrap();
        assert_eq!(
            (request.code.as_str(), request.lines.subtotal()),
            ("SPRING", 5_997)
        );
    }

    #[test]
    fn the_largest_order_does_not_overflow() {
        let lines: Vec<Value> = (0..50).map(|number| line(number, 100, 100_000_000)).collect();
        let request = check(json!({"code": "SPRING", "lines": lines})).unwrap();
        assert_eq!(request.lines.subtotal(), 500_000_000_000);
    }

    #[test]
    fn each_invalid_member_of_a_line_is_named() {
        for (bad, field) in [
            (line(1, 0, 5), "lines[1].quantity"),
            (line(1, -1, 5), "lines[1].quantity"),
            (line(1, 101, 5), "lines[1].quantity"),
            (line(1, i64::MAX, 5), "lines[1].quantity"),
            (line(1, 1, -1), "lines[1].unit_price.amount"),
            (line(1, 1, i64::MIN), "lines[1].unit_price.amount"),
            (line(1, 1, 100_000_001), "lines[1].unit_price.amount"),
            (line(7, 1, 5), "lines[1].course_id"),
            (
                json!({"course_id": "x", "quantity": 1, "unit_price": {"amount": 5, "currency": "EUR"}}),
                "lines[1].course_id",
            ),
            (
                json!({"course_id": course(1), "quantity": 1, "unit_price": {"amount": 5, "currency": "USD"}}),
                "lines[1].unit_price.currency",
            ),
        ] {
            let refused = check(json!({"code": "SPRING", "lines": [line(7, 1, 5), bad]}));
            assert_eq!(refused, Err(vec![field.to_owned()]), "{bad}");
        }
        assert_eq!(
            check(json!({"code": "SPRING", "lines": []})),
            Err(vec!["lines".to_owned()])
        );
        let many: Vec<Value> = (0..51).map(|number| line(number, 1, 5)).collect();
        assert_eq!(
            check(json!({"code": "SPRING", "lines": many})),
            Err(vec!["lines".to_owned()])
        );
        for code in ["", "  ", "a\u{0}b", &"x".repeat(65)] {
            let refused = check(json!({"code": code, "lines": [line(1, 1, 5)]}));
            assert_eq!(refused, Err(vec!["code".to_owned()]), "{code:?}");
        }
    }

    #[test]
    fn a_caller_cannot_say_what_a_course_is() {
        for member in ["category_id", "instructor_id", "discount", "total", "eligible"] {
            let mut said = line(1, 1, 5);
            said[member] = json!("x");
            assert!(serde_json::from_value::<LineDraft>(said).is_err(), "{member}");
        }
        for member in ["user_id", "buyer", "now"] {
            let body = json!({"code": "SPRING", "lines": [line(1, 1, 5)], member: "x"});
            assert!(serde_json::from_value::<QuoteDraft>(body).is_err(), "{member}");
        }
    }
}
