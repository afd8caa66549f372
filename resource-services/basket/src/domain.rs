//! A basket and its rules, pure: facts in, a value or a reason out.

mod holder;
mod price;

use latchkey_kit::{FieldError, FieldErrors, objects};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub use holder::Holder;
pub use price::{LineState, Priced, PricedLine, price};

/// The most courses in a basket, those saved for later included.
pub const MOST_LINES: usize = 50;
/// The most of one item.
pub const MOST_OF_ONE: i64 = 100;

/// A basket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Basket {
    pub id: String,
    pub holder: Holder,
    pub coupon_code: Option<String>,
    pub lines: Vec<Line>,
    /// Counts every change, so that an order says which basket it buys.
    pub version: i64,
}

/// A course in a basket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    pub course_id: String,
    pub quantity: i64,
    /// Kept for later, and not bought with the rest.
    pub saved: bool,
    /// The price that the holder has seen last, in minor units.
    pub price_seen: i64,
    /// In Unix milliseconds.
    pub added_at: i64,
}

/// What the catalog says of a course.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Course {
    pub course_id: String,
    pub kind: Kind,
    pub title: String,
    pub slug: String,
    pub category_id: String,
    pub instructor_id: String,
    /// In minor units.
    pub price: i64,
    pub on_sale: bool,
    pub version: i64,
}

/// Whether somebody can own more than one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    Course,
    Item,
}

/// Why a change of a basket is rejected.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DomainError {
    #[error("no such line")]
    Missing,
    #[error("{} fields of the content are not valid", .0.len())]
    Invalid(Vec<FieldError>),
    #[error("an amount is beyond what can be counted")]
    Overflow,
    #[error("the basket changed at the same time")]
    Stale,
    #[error("the course is not for sale")]
    NotForSale,
    #[error("the holder owns the course")]
    AlreadyOwned,
    #[error("the basket is full")]
    Full,
    #[error("the catalog cannot be asked about the course")]
    CourseUnknown,
}

/// How many of a course there shall be.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, remote = "Self")]
pub struct LineDraft {
    /// 1 for a course, 1 to 100 for an item.
    pub quantity: i64,
}

/// A coupon that shall be tried.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, remote = "Self")]
pub struct CouponDraft {
    /// 4 to 32 characters.
    pub code: String,
}

/// A visitor's basket that shall become part of the user's.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, remote = "Self")]
pub struct MergeDraft {
    /// The number that the shop has kept for the visitor.
    pub guest_id: String,
}

objects!(LineDraft, CouponDraft, MergeDraft);

impl LineDraft {
    /// The quantity, if it is one for this kind.
    pub fn check(&self, kind: Kind) -> Result<i64, DomainError> {
        let most = match kind {
            Kind::Course => 1,
            Kind::Item => MOST_OF_ONE,
        };
        if (1..=most).contains(&self.quantity) {
            return Ok(self.quantity);
        }
        let message = format!("must be between 1 and {most}");
        Err(DomainError::Invalid(vec![FieldError::new("quantity", message)]))
    }
}

impl CouponDraft {
    /// The code as it is stored: whether there is such a coupon is asked on every look.
    pub fn check(&self) -> Result<String, DomainError> {
        let mut errors = FieldErrors::default();
        let code = errors.line("code", &self.code, 4, 32).to_uppercase();
        let allowed = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '-';
        if !code.chars().all(allowed) {
            errors.add("code", "has other characters than letters, digits and hyphens");
        }
        errors.into_result(code).map_err(DomainError::Invalid)
    }
}

impl Basket {
    /// The same with `quantity` of a course; what was saved for later comes back.
    pub fn with(
        mut self,
        course: &Course,
        quantity: i64,
        owned: bool,
        now: i64,
    ) -> Result<Self, DomainError> {
        if !course.on_sale {
            return Err(DomainError::NotForSale);
        }
        if owned && course.kind == Kind::Course {
            return Err(DomainError::AlreadyOwned);
        }
        let full = self.lines.len() >= MOST_LINES;
        match self
            .lines
            .iter_mut()
            .find(|line| line.course_id == course.course_id)
        {
            Some(line) => {
                line.quantity = quantity;
                line.saved = false;
                line.price_seen = course.price;
            }
            None if full => return Err(DomainError::Full),
            None => self.lines.push(Line {
                course_id: course.course_id.clone(),
                quantity,
                saved: false,
                price_seen: course.price,
                added_at: now,
            }),
        }
        Ok(self)
    }

    /// The same without a course; that it is not there is as good.
    pub fn without(mut self, course_id: &str) -> Self {
        self.lines.retain(|line| line.course_id != course_id);
        self
    }

    /// The same with a line kept for later, or taken back.
    pub fn saving(mut self, course_id: &str, saved: bool) -> Result<Self, DomainError> {
        let line = self.lines.iter_mut().find(|line| line.course_id == course_id);
        line.ok_or(DomainError::Missing)?.saved = saved;
        Ok(self)
    }

    /// The user's basket with what the visitor had put into theirs: without what the user owns, the larger quantity of
    /// what is in both, and no more than fits.
    pub fn merged(mut self, guest: Self, owns: impl Fn(&str) -> bool) -> Self {
        for line in guest.lines {
            if owns(&line.course_id) {
                continue;
            }
            let fits = self.lines.len() < MOST_LINES;
            match self.lines.iter_mut().find(|own| own.course_id == line.course_id) {
                Some(own) => {
                    own.quantity = own.quantity.max(line.quantity);
                    own.saved &= line.saved;
                }
                None if fits => self.lines.push(line),
                None => {}
            }
        }
        self.coupon_code = self.coupon_code.or(guest.coupon_code);
        self
    }

    /// The same after an order of these quantities: what was bought is gone, and nothing else.
    pub fn after_order(mut self, bought: &[(String, i64)]) -> Self {
        for (course_id, quantity) in bought {
            for line in self.lines.iter_mut().filter(|line| line.course_id == *course_id) {
                line.quantity -= quantity;
            }
        }
        self.lines.retain(|line| line.quantity > 0);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn basket(courses: &[&str]) -> Basket {
        Basket {
            id: "b".into(),
            holder: Holder::user("ada"),
            coupon_code: None,
            lines: courses.iter().map(|id| line(id, 1)).collect(),
            version: 1,
        }
    }

    fn line(id: &str, quantity: i64) -> Line {
        Line {
            course_id: id.to_owned(),
            quantity,
            saved: false,
            price_seen: 100,
            added_at: 0,
        }
    }

    fn course(id: &str) -> Course {
        Course {
            course_id: id.into(),
            kind: Kind::Course,
            title: "Rust".into(),
            slug: "rust".into(),
            category_id: "k".into(),
            instructor_id: "i".into(),
            price: 200,
            on_sale: true,
            version: 1,
        }
    }

    fn ids(basket: &Basket) -> Vec<&str> {
        basket.lines.iter().map(|line| line.course_id.as_str()).collect()
    }

    #[test]
    fn a_course_is_there_once_and_at_the_price_that_was_seen() {
        let after = basket(&["a"]).with(&course("a"), 1, false, 5).unwrap();
        assert_eq!((ids(&after), after.lines[0].price_seen), (vec!["a"], 200));
    }

    #[test]
    fn what_is_owned_or_not_for_sale_is_not_added() {
        assert_eq!(
            basket(&[]).with(&course("a"), 1, true, 5),
            Err(DomainError::AlreadyOwned)
        );
        let archived = Course {
            on_sale: false,
            ..course("a")
        };
        assert_eq!(
            basket(&[]).with(&archived, 1, false, 5),
            Err(DomainError::NotForSale)
        );
        let item = Course {
            kind: Kind::Item,
            ..course("a")
        };
        assert!(basket(&[]).with(&item, 3, true, 5).is_ok());
    }

    #[test]
    fn the_fifty_first_course_does_not_fit_but_the_fiftieth_can_change() {
        let names: Vec<String> = (0..50).map(|at| format!("c{at}")).collect();
        let full = basket(&names.iter().map(String::as_str).collect::<Vec<_>>());
        assert_eq!(
            full.clone().with(&course("more"), 1, false, 5),
            Err(DomainError::Full)
        );
        assert!(full.with(&course("c49"), 1, false, 5).is_ok());
    }

    #[test]
    fn a_merge_keeps_all_but_what_is_owned_and_never_overflows() {
        let mut guest = basket(&["a", "b", "c"]);
        guest.lines[0].quantity = 7;
        guest.coupon_code = Some("SPRING".into());
        let merged = basket(&["a"]).merged(guest.clone(), |id| id == "b");
        assert_eq!(ids(&merged), ["a", "c"]);
        assert_eq!(
            (merged.lines[0].quantity, merged.coupon_code.as_deref()),
            (7, Some("SPRING"))
        );
        let names: Vec<String> = (0..49).map(|at| format!("c{at}")).collect();
        let almost = basket(&names.iter().map(String::as_str).collect::<Vec<_>>());
        assert_eq!(almost.merged(guest, |_| false).lines.len(), MOST_LINES);
    }

    #[test]
    fn an_order_takes_away_what_was_bought_and_nothing_else() {
        let mut before = basket(&["a", "b", "c"]);
        before.lines[1].quantity = 5;
        let after = before.after_order(&[("a".into(), 1), ("b".into(), 2), ("z".into(), 1)]);
        assert_eq!(ids(&after), ["b", "c"]);
        assert_eq!(after.lines[0].quantity, 3);
    }

    #[test]
    fn a_quantity_is_at_least_one_and_one_of_a_course() {
        for (quantity, kind, fits) in [
            (1, Kind::Course, true),
            (2, Kind::Course, false),
            (0, Kind::Item, false),
            (-1, Kind::Item, false),
            (100, Kind::Item, true),
            (101, Kind::Item, false),
            (i64::MIN, Kind::Item, false),
        ] {
            let checked = LineDraft { quantity }.check(kind);
            assert_eq!(checked.is_ok(), fits, "{quantity} {kind:?}");
        }
    }

    #[test]
    fn a_code_is_stored_in_capitals_and_only_if_a_coupon_could_have_it() {
        let check = |code: &str| CouponDraft { code: code.into() }.check();
        assert_eq!(check(" spring-10 ").unwrap(), "SPRING-10");
        for code in [
            "abc",
            "with space",
            "ünïcode",
            "semi;colon",
            "0123456789-0123456789-0123456789-",
        ] {
            assert!(check(code).is_err(), "{code}");
        }
    }
}
