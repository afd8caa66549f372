//! The form that writes a coupon: what was typed, and the terms that it stands for.

use latchkey_contracts::Money;
use latchkey_http::Form;

use crate::api::Problem;
use crate::api::discount::{CouponDraft, Scope, ScopeKind, Status};
use crate::format;

/// What was typed.
#[derive(Clone, Debug, Default)]
pub struct Draft {
    pub key: String,
    pub code: String,
    /// `percent` or `amount`.
    pub kind: String,
    pub worth: String,
    /// `all`, `courses`, `category` or `instructor`; the shop's alone.
    pub scope: String,
    /// Ids, one a line.
    pub courses: String,
    pub category: String,
    pub instructor: String,
    /// `2026-12-01`
    pub starts: String,
    pub ends: String,
    pub max_total: String,
    pub per_user: String,
    pub min_subtotal: String,
    pub first_order: bool,
}

/// The faults: the field, empty for the whole form, and the name of the message.
pub type Wrong = Vec<(&'static str, &'static str)>;

impl Draft {
    pub fn blank(key: String) -> Self {
        Self {
            key,
            kind: "percent".to_owned(),
            scope: "all".to_owned(),
            per_user: "1".to_owned(),
            ..Self::default()
        }
    }

    /// `None` if it is not from our form.
    pub fn read(form: &mut Form) -> Option<Self> {
        let key = form.take("key")?;
        let mut text = |name| form.take(name).unwrap_or_default().trim().to_owned();
        let draft = Self {
            key,
            code: text("code"),
            kind: text("kind"),
            worth: text("worth"),
            scope: text("scope"),
            courses: text("courses"),
            category: text("category"),
            instructor: text("instructor"),
            starts: text("starts"),
            ends: text("ends"),
            max_total: text("max_total"),
            per_user: text("per_user"),
            min_subtotal: text("min_subtotal"),
            first_order: text("first_order") == "yes",
        };
        ["percent", "amount"]
            .contains(&draft.kind.as_str())
            .then_some(draft)
    }

    /// The terms, or what is wrong with them. Only the shop's own coupons choose their scope.
    pub fn terms(&self, shop: bool) -> Result<CouponDraft, Wrong> {
        let mut wrong = Wrong::new();
        let money = |amount| Money::new(amount, CURRENCY);
        let (percent_bp, amount) = match (self.kind.as_str(), format::amount(&self.worth)) {
            // Hundredths of a percent are basis points.
            ("percent", Ok(Some(bp))) if (1..=10_000).contains(&bp) => (Some(bp), None),
            ("amount", Ok(Some(amount))) if amount > 0 => (None, Some(money(amount))),
            _ => {
                wrong.push(("worth", "coupons.wrong_worth"));
                (None, None)
            }
        };
        if self.code.is_empty() {
            wrong.push(("code", "coupons.wrong_code"));
        }
        let min_subtotal = match format::amount(&self.min_subtotal) {
            Ok(least) => least.filter(|least| *least > 0).map(money),
            Err(()) => {
                wrong.push(("min_subtotal", "coupons.wrong_amount"));
                None
            }
        };
        let starts_at = day(&mut wrong, "starts", &self.starts, "T00:00:00Z");
        let ends_at = day(&mut wrong, "ends", &self.ends, "T23:59:59Z");
        if let (Some(from), Some(to)) = (&starts_at, &ends_at)
            && from > to
        {
            wrong.push(("ends", "coupons.wrong_end"));
        }
        let max_total = number(&mut wrong, "max_total", &self.max_total);
        let per_user = number(&mut wrong, "per_user", &self.per_user).unwrap_or(1);
        let scope = match shop {
            true => self.scope(&mut wrong),
            false => Scope {
                kind: ScopeKind::Instructor,
                ids: None,
                instructor_id: None,
            },
        };
        match wrong.is_empty() {
            false => Err(wrong),
            true => Ok(CouponDraft {
                code: self.code.clone(),
                percent_bp,
                amount,
                scope,
                starts_at,
                ends_at,
                max_total,
                per_user,
                min_subtotal,
                first_order_only: self.first_order,
                user_id: None,
                status: Status::Active,
            }),
        }
    }

    fn scope(&self, wrong: &mut Wrong) -> Scope {
        let scope = |kind, ids| Scope {
            kind,
            ids,
            instructor_id: None,
        };
        match self.scope.as_str() {
            "courses" => {
                let ids = self
                    .courses
                    .split_whitespace()
                    .map(str::to_owned)
                    .collect::<Vec<_>>();
                if ids.is_empty() {
                    wrong.push(("courses", "coupons.wrong_courses"));
                }
                scope(ScopeKind::Courses, Some(ids))
            }
            "category" => {
                if self.category.is_empty() {
                    wrong.push(("category", "coupons.wrong_category"));
                }
                scope(ScopeKind::Categories, Some(vec![self.category.clone()]))
            }
            "instructor" => {
                if self.instructor.is_empty() {
                    wrong.push(("instructor", "coupons.wrong_instructor"));
                }
                Scope {
                    kind: ScopeKind::Instructor,
                    ids: None,
                    instructor_id: Some(self.instructor.clone()),
                }
            }
            _ => scope(ScopeKind::All, None),
        }
    }
}

/// What the service says about a coupon, as faults of the form.
pub fn refused(problem: &Problem) -> Wrong {
    match problem.code.as_str() {
        "code_taken" => return vec![("code", "coupons.code_taken")],
        "idempotency_key_reused" => return vec![("", "coupons.sent_otherwise")],
        _ => {}
    }
    let mut wrong = Wrong::new();
    for (theirs, fault) in [
        ("code", ("code", "coupons.wrong_code")),
        ("percent_bp", ("worth", "coupons.wrong_worth")),
        ("amount", ("worth", "coupons.wrong_worth")),
        ("amount.amount", ("worth", "coupons.wrong_worth")),
        ("scope.ids", ("courses", "coupons.wrong_courses")),
        ("scope.instructor_id", ("instructor", "coupons.wrong_instructor")),
        ("starts_at", ("starts", "coupons.wrong_day")),
        ("ends_at", ("ends", "coupons.wrong_end")),
        ("max_total", ("max_total", "coupons.wrong_number")),
        ("per_user", ("per_user", "coupons.wrong_number")),
        ("min_subtotal", ("min_subtotal", "coupons.wrong_amount")),
        ("min_subtotal.amount", ("min_subtotal", "coupons.wrong_amount")),
    ] {
        if problem.errors.iter().any(|error| error.field == theirs) {
            wrong.push(fault);
        }
    }
    if wrong.is_empty() {
        wrong.push(("", "coupons.refused"));
    }
    wrong
}

/// `12.5`, of hundredths.
pub fn percent(basis_points: i64) -> String {
    let (whole, rest) = (basis_points / 100, basis_points % 100);
    match (rest, rest % 10) {
        (0, _) => format!("{whole}"),
        (_, 0) => format!("{whole}.{}", rest / 10),
        (_, _) => format!("{whole}.{rest:02}"),
    }
}

/// A day with this time of it, in UTC; `None` if nothing was typed.
fn day(wrong: &mut Wrong, field: &'static str, typed: &str, time: &str) -> Option<String> {
    if typed.is_empty() {
        return None;
    }
    let shape = typed.len() == 10
        && typed.bytes().enumerate().all(|(at, byte)| match at {
            4 | 7 => byte == b'-',
            _ => byte.is_ascii_digit(),
        });
    if !shape {
        wrong.push((field, "coupons.wrong_day"));
        return None;
    }
    Some(format!("{typed}{time}"))
}

/// A count from 1; `None` if nothing was typed.
fn number(wrong: &mut Wrong, field: &'static str, typed: &str) -> Option<i64> {
    if typed.is_empty() {
        return None;
    }
    let number = typed.parse::<i64>().ok().filter(|number| *number >= 1);
    if number.is_none() {
        wrong.push((field, "coupons.wrong_number"));
    }
    number
}

/// The only currency of the shop.
const CURRENCY: &str = "EUR";

#[cfg(test)]
mod tests {
    use super::*;

    fn draft(change: impl FnOnce(&mut Draft)) -> Draft {
        let mut draft = Draft {
            code: "AUTUMN".to_owned(),
            worth: "12,5".to_owned(),
            ..Draft::blank("k".to_owned())
        };
        change(&mut draft);
        draft
    }

    #[test]
    fn a_percentage_is_typed_as_people_write_it() {
        let terms = draft(|_| ()).terms(true).unwrap();
        assert_eq!((terms.percent_bp, terms.amount), (Some(1_250), None));
        for (bp, text) in [(1_250, "12.5"), (2_000, "20"), (5, "0.05"), (10_000, "100")] {
            assert_eq!(percent(bp), text);
        }
    }

    #[test]
    fn an_instructor_cannot_choose_another_scope() {
        let terms = draft(|draft| draft.scope = "all".to_owned())
            .terms(false)
            .unwrap();
        assert_eq!(terms.scope.kind, ScopeKind::Instructor);
        assert_eq!(terms.scope.instructor_id, None);
    }

    #[test]
    fn a_coupon_is_valid_until_the_end_of_its_last_day() {
        let terms = draft(|draft| {
            draft.starts = "2026-12-01".to_owned();
            draft.ends = "2026-12-01".to_owned();
        });
        let terms = terms.terms(true).unwrap();
        assert_eq!(terms.starts_at.as_deref(), Some("2026-12-01T00:00:00Z"));
        assert_eq!(terms.ends_at.as_deref(), Some("2026-12-01T23:59:59Z"));
    }

    #[test]
    fn what_is_wrong_is_said_at_its_field() {
        type Change = fn(&mut Draft);
        let cases: [(Change, &str); 9] = [
            (|draft| draft.code.clear(), "code"),
            (|draft| draft.worth = "101".to_owned(), "worth"),
            (|draft| draft.worth = "0".to_owned(), "worth"),
            (|draft| draft.starts = "1 Dec".to_owned(), "starts"),
            (|draft| draft.max_total = "-1".to_owned(), "max_total"),
            (|draft| draft.per_user = "x".to_owned(), "per_user"),
            (|draft| draft.min_subtotal = "x".to_owned(), "min_subtotal"),
            (|draft| draft.scope = "courses".to_owned(), "courses"),
            (|draft| draft.scope = "category".to_owned(), "category"),
        ];
        for (change, field) in cases {
            let wrong = draft(change).terms(true).unwrap_err();
            let fields: Vec<&str> = wrong.iter().map(|(at, _)| *at).collect();
            assert_eq!(fields, [field]);
        }
    }
}
