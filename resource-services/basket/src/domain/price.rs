//! What a basket costs now, and what has happened to its lines since they were put in.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use utoipa::ToSchema;

use super::{Basket, Course, DomainError, Kind, Line};

/// Whether a line can be bought.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum LineState {
    Ok,
    /// Another price than the one that the holder has seen; the new one counts.
    PriceChanged,
    /// No longer for sale.
    Unavailable,
    /// The holder owns it.
    Owned,
    /// No seat is left. A hint: the order decides.
    SoldOut,
}

/// A line with today's price.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PricedLine {
    pub line: Line,
    /// Absent when the catalog no longer knows the course.
    pub course: Option<Course>,
    pub state: LineState,
    /// Price × quantity in minor units; 0 for what the catalog no longer sells.
    pub total: i64,
}

/// A basket with today's prices.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Priced {
    pub lines: Vec<PricedLine>,
    /// Of what the catalog sells and is not saved for later, in minor units.
    pub subtotal: i64,
}

impl LineState {
    /// Whether it has a price. Seats and ownership are hints, which may be old and which the order decides: were the
    /// total to follow them, an order would be refused for its price instead of for what is wrong with it.
    pub fn counts(self) -> bool {
        match self {
            Self::Ok | Self::PriceChanged | Self::Owned | Self::SoldOut => true,
            Self::Unavailable => false,
        }
    }
}

/// Prices a basket by what is known of its courses, of seats, and of what its holder owns.
pub fn price(
    basket: &Basket,
    courses: &BTreeMap<String, Course>,
    seats_left: &BTreeMap<String, i64>,
    owned: &BTreeSet<String>,
) -> Result<Priced, DomainError> {
    let mut priced = Priced {
        lines: Vec::with_capacity(basket.lines.len()),
        subtotal: 0,
    };
    for line in &basket.lines {
        let course = courses.get(&line.course_id);
        let left = seats_left.get(&line.course_id).copied();
        let state = state(line, course, left, owned.contains(&line.course_id));
        let total = match course {
            Some(course) if state.counts() => course
                .price
                .checked_mul(line.quantity)
                .ok_or(DomainError::Overflow)?,
            Some(_) | None => 0,
        };
        if !line.saved {
            priced.subtotal = priced.subtotal.checked_add(total).ok_or(DomainError::Overflow)?;
        }
        priced.lines.push(PricedLine {
            line: line.clone(),
            course: course.cloned(),
            state,
            total,
        });
    }
    Ok(priced)
}

fn state(line: &Line, course: Option<&Course>, seats_left: Option<i64>, owned: bool) -> LineState {
    match course {
        None => LineState::Unavailable,
        Some(course) if !course.on_sale => LineState::Unavailable,
        Some(course) if owned && course.kind == Kind::Course => LineState::Owned,
        Some(_) if seats_left.is_some_and(|left| left < line.quantity) => LineState::SoldOut,
        Some(course) if course.price != line.price_seen => LineState::PriceChanged,
        Some(_) => LineState::Ok,
    }
}

#[cfg(test)]
mod tests {
    use super::super::Holder;
    use super::*;

    fn line(saved: bool) -> Line {
        Line {
            course_id: "a".into(),
            quantity: 2,
            saved,
            price_seen: 500,
            added_at: 0,
        }
    }

    fn course() -> Course {
        Course {
            course_id: "a".into(),
            kind: Kind::Item,
            title: "Exam".into(),
            slug: "exam".into(),
            category_id: "k".into(),
            instructor_id: "i".into(),
            price: 500,
            on_sale: true,
            version: 1,
        }
    }

    fn basket(line: Line) -> Basket {
        Basket {
            id: "b".into(),
            holder: Holder::user("ada"),
            coupon_code: None,
            lines: vec![line],
            version: 1,
        }
    }

    fn priced(line: Line, course: Option<Course>, left: Option<i64>, owned: bool) -> (LineState, i64) {
        let courses = course
            .into_iter()
            .map(|course| ("a".to_owned(), course))
            .collect();
        let seats = left.into_iter().map(|left| ("a".to_owned(), left)).collect();
        let owned = owned.then(|| "a".to_owned()).into_iter().collect();
        let priced = price(&basket(line), &courses, &seats, &owned).unwrap();
        (priced.lines[0].state, priced.subtotal)
    }

    #[test]
    fn each_state_has_its_reason_and_what_the_catalog_sells_counts() {
        let cheaper = Course {
            price: 400,
            ..course()
        };
        let gone = Course {
            on_sale: false,
            ..course()
        };
        let unique = Course {
            kind: Kind::Course,
            ..course()
        };
        let cases = [
            (Some(course()), None, false, (LineState::Ok, 1_000)),
            (Some(course()), Some(2), false, (LineState::Ok, 1_000)),
            (Some(course()), None, true, (LineState::Ok, 1_000)),
            (Some(cheaper), None, false, (LineState::PriceChanged, 800)),
            (Some(course()), Some(1), false, (LineState::SoldOut, 1_000)),
            (Some(gone), None, false, (LineState::Unavailable, 0)),
            (Some(unique), None, true, (LineState::Owned, 1_000)),
            (None, None, false, (LineState::Unavailable, 0)),
        ];
        for (course, left, owned, expected) in cases {
            let found = priced(line(false), course.clone(), left, owned);
            assert_eq!(found, expected, "{course:?} {left:?} {owned}");
        }
    }

    #[test]
    fn what_is_saved_for_later_costs_nothing() {
        let found = priced(line(true), Some(course()), None, false);
        assert_eq!(found, (LineState::Ok, 0));
    }

    #[test]
    fn a_sum_that_cannot_be_counted_is_an_error() {
        let dear = Course {
            price: i64::MAX,
            ..course()
        };
        let courses = [("a".to_owned(), dear)].into();
        let priced = price(&basket(line(false)), &courses, &BTreeMap::new(), &BTreeSet::new());
        assert_eq!(priced, Err(DomainError::Overflow));
    }
}
