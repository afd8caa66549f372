//! What a coupon is worth: the one decision that quotes and reservations share.

use std::collections::{BTreeMap, HashMap};

use latchkey_contracts::Money;
use latchkey_contracts::events::discount::{LineDiscount, RefusedReason};

use super::coupon::{Benefit, Coupon, Scope, Status};
use super::lines::{Line, Lines};

/// The category and the instructor of a course, as the catalog says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CoursePlace {
    pub category_id: String,
    pub instructor_id: String,
}

/// What is known besides the coupon and the lines.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// How many uses of the coupon the user holds or has made.
    pub used: i64,
    /// Whether the user has ordered before, or holds a coupon of the first order in another one.
    pub has_ordered: bool,
    /// The places of the courses by id; a course that the catalog has not told is missing.
    pub places: HashMap<String, CoursePlace>,
}

/// A coupon applied to lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Discount {
    pub coupon_id: String,
    pub currency: String,
    /// Before the discount, in minor units.
    pub subtotal: i64,
    /// In minor units: the sum of the shares, and never 0.
    pub amount: i64,
    /// The share of each line by its course, in the order of the lines; 0 for what the coupon is not valid for.
    pub shares: Vec<(String, i64)>,
}

/// What the coupon is worth for this user and these lines, or why it is refused.
///
/// A coupon of somebody else must look as if it did not exist, so this is decided first.
pub fn evaluate(
    coupon: Option<&Coupon>,
    user: &str,
    lines: &Lines,
    facts: &Facts,
    now: i64,
) -> Result<Discount, RefusedReason> {
    let coupon = coupon
        .filter(|coupon| coupon.status != Status::Archived)
        .filter(|coupon| coupon.terms.user_id.as_deref().is_none_or(|bound| bound == user))
        .ok_or(RefusedReason::Unknown)?;
    let terms = &coupon.terms;
    let begun = terms.starts_at.is_none_or(|starts_at| starts_at <= now);
    let ended = terms.ends_at.is_some_and(|ends_at| ends_at <= now);
    if coupon.status == Status::Paused || !begun || ended {
        return Err(RefusedReason::Expired);
    }
    // Before what depends on the lines: no basket makes a used coupon valid again.
    if terms.max_total.is_some_and(|most| coupon.uses() >= most) || facts.used >= terms.per_user {
        return Err(RefusedReason::Limit);
    }
    if (terms.first_order_only && facts.has_ordered) || terms.currency != lines.currency() {
        return Err(RefusedReason::NotEligible);
    }
    let eligible: BTreeMap<&str, i64> = lines
        .iter()
        .filter(|line| terms.scope.covers(line, facts))
        .map(|line| (line.course_id.as_str(), line.total))
        .collect();
    if eligible.is_empty() {
        return Err(RefusedReason::NotEligible);
    }
    if terms.min_subtotal.is_some_and(|least| lines.subtotal() < least) {
        return Err(RefusedReason::MinSubtotal);
    }
    let amount = terms.benefit.of(eligible.values().sum());
    if amount == 0 {
        return Err(RefusedReason::NotEligible); // a use would be spent on nothing
    }
    // By course and not by position, so that the order of the lines does not matter.
    let totals: Vec<i64> = eligible.values().copied().collect();
    let shares: BTreeMap<&str, i64> = eligible.into_keys().zip(apportion(amount, &totals)).collect();
    Ok(Discount {
        coupon_id: coupon.id.clone(),
        currency: terms.currency.clone(),
        subtotal: lines.subtotal(),
        amount,
        shares: lines
            .iter()
            .map(|line| {
                let share = shares.get(line.course_id.as_str()).copied().unwrap_or_default();
                (line.course_id.clone(), share)
            })
            .collect(),
    })
}

impl Scope {
    fn covers(&self, line: &Line, facts: &Facts) -> bool {
        let place = facts.places.get(&line.course_id);
        match self {
            Self::All => true,
            Self::Courses(courses) => courses.contains(&line.course_id),
            Self::Categories(categories) => {
                place.is_some_and(|place| categories.contains(&place.category_id))
            }
            Self::Instructor(instructor) => place.is_some_and(|place| place.instructor_id == *instructor),
        }
    }
}

impl Benefit {
    /// The discount on eligible lines of this total: rounded half up, and at most the total.
    fn of(self, eligible: i64) -> i64 {
        match self {
            Self::Percent(bp) => {
                let exact = i128::from(eligible) * i128::from(bp);
                i64::try_from((exact + 5_000) / 10_000)
                    .unwrap_or(eligible)
                    .min(eligible)
            }
            Self::Amount(amount) => amount.min(eligible),
        }
    }
}

/// Splits `amount` in proportion to `weights` by largest remainder: the sum is exact, and while `amount` is at most the
/// sum of the weights, no share is more than its weight. Of equal remainders the first one gets the unit.
pub fn apportion(amount: i64, weights: &[i64]) -> Vec<i64> {
    let sum: i128 = weights.iter().map(|weight| i128::from(*weight)).sum();
    if sum <= 0 {
        return vec![0; weights.len()];
    }
    let exact = |weight: &i64| i128::from(*weight) * i128::from(amount);
    let mut shares: Vec<i64> = weights
        .iter()
        .map(|weight| i64::try_from(exact(weight) / sum).unwrap_or_default())
        .collect();
    let rest = amount - shares.iter().sum::<i64>();
    let mut by_remainder: Vec<usize> = (0..weights.len()).collect();
    by_remainder.sort_by_key(|at| std::cmp::Reverse(exact(&weights[*at]) % sum)); // stable
    for at in by_remainder
        .into_iter()
        .take(usize::try_from(rest).unwrap_or_default())
    {
        shares[at] += 1;
    }
    shares
}

impl Discount {
    /// The shares as they are told to others.
    pub fn per_line(&self) -> Vec<LineDiscount> {
        self.shares
            .iter()
            .map(|(course_id, amount)| LineDiscount {
                course_id: course_id.clone(),
                amount: Money::new(*amount, &self.currency),
            })
            .collect()
    }

    /// Whether an order was priced with exactly this discount. Lines without a discount may be left out.
    pub fn is(&self, expected: &[LineDiscount]) -> bool {
        let given = |lines: &[LineDiscount]| -> BTreeMap<String, (i64, String)> {
            let lines = lines.iter().filter(|line| line.amount.amount != 0);
            lines
                .map(|line| {
                    let amount = (line.amount.amount, line.amount.currency.clone());
                    (line.course_id.clone(), amount)
                })
                .collect()
        };
        given(&self.per_line()) == given(expected)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::super::coupon::Terms;
    use super::super::coupon::fixture::coupon;
    use super::super::lines::fixture::{course, lines};
    use super::*;

    const NOW: i64 = 1_000;

    fn with(terms: impl FnOnce(&mut Terms)) -> Coupon {
        let mut coupon = coupon();
        terms(&mut coupon.terms);
        coupon
    }

    /// Course 1 is of ines in music, course 2 of ivan in design; the catalog has told of no other.
    fn facts() -> Facts {
        let place = |number, category: &str, instructor: &str| {
            let place = CoursePlace {
                category_id: category.into(),
                instructor_id: instructor.into(),
            };
            (course(number), place)
        };
        Facts {
            places: [place(1, "music", "ines"), place(2, "design", "ivan")].into(),
            ..Facts::default()
        }
    }

    fn worth(coupon: &Coupon, prices: &[i64]) -> Result<Vec<i64>, RefusedReason> {
        let discount = evaluate(Some(coupon), "bob", &lines(prices), &facts(), NOW)?;
        assert_eq!(
            discount.amount,
            discount.shares.iter().map(|(_, share)| share).sum::<i64>()
        );
        assert_eq!(discount.subtotal, prices.iter().sum::<i64>());
        Ok(discount.shares.into_iter().map(|(_, share)| share).collect())
    }

    #[test]
    fn a_percentage_is_rounded_half_up_once_and_split_exactly() {
        for (bp, prices, expected) in [
            (2_000, vec![1_000, 500], vec![200, 100]),
            (1_000, vec![5], vec![1]),                      // 0.5
            (1_000, vec![14], vec![1]),                     // 1.4
            (3_333, vec![100, 100, 100], vec![34, 33, 33]), // 99.99 together
            (5_000, vec![1, 1, 1], vec![1, 1, 0]),          // 1.5 together
            (10_000, vec![1_999, 0, 1], vec![1_999, 0, 1]),
            (1, vec![100_000_000], vec![10_000]),
        ] {
            let coupon = with(|terms| terms.benefit = Benefit::Percent(bp));
            assert_eq!(worth(&coupon, &prices), Ok(expected), "{bp} bp of {prices:?}");
        }
    }

    #[test]
    fn an_amount_is_never_more_than_what_it_is_for() {
        for (amount, prices, expected) in [
            (500, vec![1_000, 1_000], vec![250, 250]),
            (500, vec![300], vec![300]),
            (1, vec![1_000, 1_000], vec![1, 0]),
            (1_001, vec![1_000, 1_000], vec![501, 500]),
            (100_000_000, vec![1, 2, 3], vec![1, 2, 3]),
        ] {
            let coupon = with(|terms| terms.benefit = Benefit::Amount(amount));
            assert_eq!(worth(&coupon, &prices), Ok(expected), "{amount} of {prices:?}");
        }
    }

    #[test]
    fn each_scope_discounts_its_own_lines_alone() {
        let set = |text: &str| BTreeSet::from([text.to_owned()]);
        let none = || Err(RefusedReason::NotEligible);
        for (scope, prices, expected) in [
            (Scope::All, vec![1_000, 1_000, 1_000], Ok(vec![200, 200, 200])),
            (
                Scope::Courses(set(&course(2))),
                vec![1_000, 1_000],
                Ok(vec![0, 200]),
            ),
            (Scope::Courses(set(&course(9))), vec![1_000, 1_000], none()),
            (
                Scope::Categories(set("music")),
                vec![1_000, 1_000, 1_000],
                Ok(vec![200, 0, 0]),
            ),
            (Scope::Categories(set("dance")), vec![1_000, 1_000], none()),
            (
                Scope::Instructor("ivan".into()),
                vec![1_000, 1_000, 1_000],
                Ok(vec![0, 200, 0]),
            ),
            (Scope::Instructor("eve".into()), vec![1_000, 1_000, 1_000], none()),
            // What the catalog has not told is of nobody, whatever the caller may think.
            (Scope::Instructor(String::new()), vec![0, 0, 1_000], none()),
        ] {
            let coupon = with(|terms| terms.scope = scope.clone());
            assert_eq!(worth(&coupon, &prices), expected, "{scope:?}");
        }
    }

    #[test]
    fn a_coupon_for_somebody_else_is_as_unknown_as_none() {
        let bound = |user: &str| with(|terms| terms.user_id = Some(user.into()));
        assert!(worth(&bound("bob"), &[1_000]).is_ok());
        assert_eq!(worth(&bound("carol"), &[1_000]), Err(RefusedReason::Unknown));
        // Also if there is more to be said about it.
        let ended = with(|terms| {
            terms.user_id = Some("carol".into());
            terms.ends_at = Some(1);
        });
        assert_eq!(worth(&ended, &[1_000]), Err(RefusedReason::Unknown));
        assert_eq!(
            evaluate(None, "bob", &lines(&[1_000]), &facts(), NOW),
            Err(RefusedReason::Unknown)
        );
        let archived = Coupon {
            status: Status::Archived,
            ..coupon()
        };
        assert_eq!(worth(&archived, &[1_000]), Err(RefusedReason::Unknown));
    }

    #[test]
    fn a_window_includes_its_start_and_not_its_end() {
        for (starts_at, ends_at, valid) in [
            (None, None, true),
            (Some(NOW), None, true),
            (Some(NOW + 1), None, false),
            (None, Some(NOW + 1), true),
            (None, Some(NOW), false),
            (Some(NOW - 1), Some(NOW + 1), true),
        ] {
            let coupon = with(|terms| (terms.starts_at, terms.ends_at) = (starts_at, ends_at));
            let expected = if valid {
                Ok(vec![200])
            } else {
                Err(RefusedReason::Expired)
            };
            assert_eq!(worth(&coupon, &[1_000]), expected, "{starts_at:?} {ends_at:?}");
        }
        let paused = Coupon {
            status: Status::Paused,
            ..coupon()
        };
        assert_eq!(worth(&paused, &[1_000]), Err(RefusedReason::Expired));
    }

    #[test]
    fn held_uses_count_like_made_ones() {
        for (reserved, redeemed, free) in [
            (0, 0, true),
            (4, 0, true),
            (5, 0, false),
            (0, 5, false),
            (3, 2, false),
        ] {
            let coupon = Coupon {
                reserved,
                redeemed,
                ..with(|terms| terms.max_total = Some(5))
            };
            assert_eq!(worth(&coupon, &[1_000]).is_ok(), free, "{reserved} + {redeemed}");
        }
        let twice = with(|terms| terms.per_user = 2);
        for (used, free) in [(0, true), (1, true), (2, false), (3, false)] {
            let facts = Facts { used, ..facts() };
            let answer = evaluate(Some(&twice), "bob", &lines(&[1_000]), &facts, NOW);
            assert_eq!(answer.is_ok(), free, "{used}");
        }
    }

    #[test]
    fn a_coupon_of_the_first_order_is_for_no_later_one() {
        let has_ordered = Facts {
            has_ordered: true,
            ..facts()
        };
        let first = with(|terms| terms.first_order_only = true);
        for (coupon, expected) in [(&first, Some(RefusedReason::NotEligible)), (&coupon(), None)] {
            let answer = evaluate(Some(coupon), "bob", &lines(&[1_000]), &has_ordered, NOW);
            assert_eq!(answer.err(), expected);
        }
        assert!(worth(&first, &[1_000]).is_ok());
    }

    #[test]
    fn the_minimum_is_of_the_whole_order_and_includes_itself() {
        let coupon = with(|terms| {
            terms.min_subtotal = Some(1_500);
            terms.scope = Scope::Instructor("ines".into());
        });
        assert_eq!(worth(&coupon, &[1_000, 499]), Err(RefusedReason::MinSubtotal));
        assert_eq!(worth(&coupon, &[1_000, 500]), Ok(vec![200, 0]));
    }

    #[test]
    fn nothing_is_spent_on_a_discount_of_nothing() {
        assert_eq!(worth(&coupon(), &[0, 0]), Err(RefusedReason::NotEligible));
        let least = with(|terms| terms.benefit = Benefit::Percent(1));
        assert_eq!(worth(&least, &[4_999]), Err(RefusedReason::NotEligible));
        assert_eq!(worth(&least, &[5_000]), Ok(vec![1]));
    }

    #[test]
    fn another_currency_is_no_money_here() {
        let dollars = with(|terms| terms.currency = "USD".into());
        assert_eq!(worth(&dollars, &[1_000]), Err(RefusedReason::NotEligible));
    }

    #[test]
    fn the_order_of_the_lines_does_not_matter() {
        let coupon = with(|terms| terms.benefit = Benefit::Amount(1));
        let shares = |reverse: bool| {
            let mut priced: Vec<_> = [1, 2, 3].map(|number| (course(number), 1_000)).into();
            if reverse {
                priced.reverse();
            }
            let priced: Vec<_> = priced
                .into_iter()
                .map(
                    |(course_id, price)| latchkey_contracts::events::command::PricedLine {
                        course_id,
                        category_id: String::new(),
                        instructor_id: String::new(),
                        unit_price: Money::new(price, "EUR"),
                        quantity: 1,
                    },
                )
                .collect();
            let lines = Lines::of_order(&priced, "EUR").unwrap();
            evaluate(Some(&coupon), "bob", &lines, &facts(), NOW).unwrap()
        };
        let (one, other) = (shares(false), shares(true));
        assert!(one.is(&other.per_line()), "{one:?} {other:?}");
        assert_ne!(one.per_line(), other.per_line());
    }

    #[test]
    fn an_order_is_held_to_the_discount_that_it_was_priced_with() {
        let discount = evaluate(Some(&coupon()), "bob", &lines(&[1_000, 0]), &facts(), NOW).unwrap();
        let line = |number: u32, amount: i64, currency: &str| LineDiscount {
            course_id: course(number),
            amount: Money::new(amount, currency),
        };
        for (expected, same) in [
            (vec![line(1, 200, "EUR")], true),
            (vec![line(2, 0, "EUR"), line(1, 200, "EUR")], true),
            (vec![line(1, 201, "EUR")], false),
            (vec![line(1, 200, "USD")], false),
            (vec![line(2, 200, "EUR")], false),
            (vec![line(1, 100, "EUR"), line(2, 100, "EUR")], false),
            (vec![], false),
        ] {
            assert_eq!(discount.is(&expected), same, "{expected:?}");
        }
    }

    proptest! {
        #[test]
        fn shares_add_up_and_none_is_more_than_its_line(
            prices in proptest::collection::vec(0_i64..=10_000_000_000, 1..50),
            part in 0_i64..=10_000,
        ) {
            let sum: i64 = prices.iter().sum();
            let amount = i64::try_from(i128::from(sum) * i128::from(part) / 10_000).unwrap();
            let shares = apportion(amount, &prices);
            prop_assert_eq!(shares.iter().sum::<i64>(), if sum == 0 { 0 } else { amount });
            for (share, price) in shares.iter().zip(&prices) {
                prop_assert!((0..=*price).contains(share), "{} of {}", share, price);
            }
        }

        #[test]
        fn no_coupon_is_worth_more_than_the_order(
            prices in proptest::collection::vec(0_i64..=100_000_000, 1..50),
            percent in 1_i64..=10_000,
            amount in 1_i64..=100_000_000,
            by_percent: bool,
        ) {
            let benefit = if by_percent { Benefit::Percent(percent) } else { Benefit::Amount(amount) };
            let coupon = with(|terms| terms.benefit = benefit);
            if let Ok(shares) = worth(&coupon, &prices) {
                for (share, price) in shares.iter().zip(&prices) {
                    prop_assert!((0..=*price).contains(share), "{} of {}", share, price);
                }
            }
        }
    }
}
