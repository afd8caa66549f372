//! Whether an order gets what it asks for: all of it, or nothing.

use std::collections::BTreeMap;

use latchkey_contracts::events::course::CourseKind;
use latchkey_contracts::events::inventory::{ItemQuantity, RefusedReason};

use super::{Reply, Stock};

/// A line of a reservation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    pub item_id: String,
    pub kind: CourseKind,
    pub quantity: i64,
    /// How many the buyer got by it, less what was revoked.
    pub granted: i64,
}

/// What is known of an item and the buyer.
#[derive(Clone, Debug, Default)]
pub struct HoldFacts {
    /// `None` if the catalog never told about it.
    pub stock: Option<Stock>,
    /// How many the buyer owns.
    pub owned: i64,
    /// Another order of the buyer holds it.
    pub pending: bool,
}

/// The quantities of each item, in the order in which items are locked.
pub fn merged(lines: &[ItemQuantity]) -> BTreeMap<String, i64> {
    let mut merged = BTreeMap::new();
    for line in lines {
        let quantity: &mut i64 = merged.entry(line.item_id.clone()).or_default();
        *quantity = quantity.saturating_add(line.quantity);
    }
    merged
}

/// The lines to hold, or the refusal with every item that has its reason.
pub fn hold(asked: &[(String, i64, HoldFacts)]) -> Result<Vec<Line>, Reply> {
    let mut lines = Vec::with_capacity(asked.len());
    let mut refused: BTreeMap<usize, Vec<String>> = BTreeMap::new();
    for (item_id, quantity, facts) in asked {
        match line(item_id, *quantity, facts) {
            Ok(line) => lines.push(line),
            Err(reason) => refused.entry(rank(reason)).or_default().push(item_id.clone()),
        }
    }
    match refused.into_iter().next() {
        None if lines.is_empty() => Err(Reply::Refused(RefusedReason::Unknown, Vec::new())),
        None => Ok(lines),
        Some((rank, items)) => Err(Reply::Refused(BY_RANK[rank], items)),
    }
}

fn line(item_id: &str, quantity: i64, facts: &HoldFacts) -> Result<Line, RefusedReason> {
    let stock = facts.stock.as_ref().ok_or(RefusedReason::Unknown)?;
    let most = match stock.kind {
        CourseKind::Course => 1,
        CourseKind::Item => MOST_ITEMS,
    };
    if !stock.on_sale || !(1..=most).contains(&quantity) {
        return Err(RefusedReason::NotForSale);
    }
    if stock.kind == CourseKind::Course && facts.owned > 0 {
        return Err(RefusedReason::AlreadyOwned);
    }
    if stock.kind == CourseKind::Course && facts.pending {
        return Err(RefusedReason::AlreadyPending);
    }
    if !stock.has(quantity) {
        return Err(RefusedReason::SoldOut);
    }
    Ok(Line {
        item_id: item_id.to_owned(),
        kind: stock.kind,
        quantity,
        granted: 0,
    })
}

/// Of several reasons the one is told that other quantities or another day would not change.
fn rank(reason: RefusedReason) -> usize {
    BY_RANK
        .iter()
        .position(|ranked| *ranked == reason)
        .unwrap_or_default()
}

const BY_RANK: [RefusedReason; 5] = [
    RefusedReason::Unknown,
    RefusedReason::NotForSale,
    RefusedReason::AlreadyOwned,
    RefusedReason::AlreadyPending,
    RefusedReason::SoldOut,
];

/// The most of one item in an order.
const MOST_ITEMS: i64 = 100;

#[cfg(test)]
mod tests {
    use super::super::stock::fixture::{counted, uncounted};
    use super::*;

    fn course(stock: Stock) -> HoldFacts {
        HoldFacts {
            stock: Some(stock),
            ..HoldFacts::default()
        }
    }

    fn item(stock: Stock) -> HoldFacts {
        course(Stock {
            kind: CourseKind::Item,
            ..stock
        })
    }

    fn verdict(quantity: i64, facts: HoldFacts) -> Result<i64, RefusedReason> {
        match hold(&[("c".to_owned(), quantity, facts)]) {
            Ok(lines) => Ok(lines[0].quantity),
            Err(Reply::Refused(reason, items)) => {
                assert_eq!(items, ["c"]);
                Err(reason)
            }
            Err(other) => panic!("{other:?}"),
        }
    }

    #[test]
    fn each_obstacle_has_its_reason() {
        let archived = Stock {
            on_sale: false,
            ..uncounted()
        };
        let owned = HoldFacts {
            owned: 1,
            ..course(uncounted())
        };
        let pending = HoldFacts {
            pending: true,
            ..course(uncounted())
        };
        for (quantity, facts, expected) in [
            (1, course(uncounted()), Ok(1)),
            (1, course(counted(3, 1, 1)), Ok(1)),
            (1, course(counted(2, 1, 1)), Err(RefusedReason::SoldOut)),
            (1, course(counted(0, 0, 0)), Err(RefusedReason::SoldOut)),
            (1, HoldFacts::default(), Err(RefusedReason::Unknown)),
            (1, course(archived), Err(RefusedReason::NotForSale)),
            (1, owned, Err(RefusedReason::AlreadyOwned)),
            (1, pending, Err(RefusedReason::AlreadyPending)),
            (100, item(uncounted()), Ok(100)),
            (3, item(counted(3, 0, 0)), Ok(3)),
            (4, item(counted(3, 0, 0)), Err(RefusedReason::SoldOut)),
        ] {
            assert_eq!(verdict(quantity, facts.clone()), expected, "{quantity} {facts:?}");
        }
    }

    #[test]
    fn quantities_that_nobody_sells_are_refused() {
        for quantity in [i64::MIN, -1, 0, 2, i64::MAX] {
            let refused = verdict(quantity, course(uncounted()));
            assert_eq!(refused, Err(RefusedReason::NotForSale), "{quantity}");
        }
        for quantity in [i64::MIN, -1, 0, 101, i64::MAX] {
            let refused = verdict(quantity, item(uncounted()));
            assert_eq!(refused, Err(RefusedReason::NotForSale), "{quantity}");
        }
    }

    #[test]
    fn items_may_be_bought_again_while_they_are_owned_or_pending() {
        let facts = HoldFacts {
            owned: 5,
            pending: true,
            ..item(uncounted())
        };
        assert_eq!(verdict(2, facts), Ok(2));
    }

    #[test]
    fn one_bad_line_refuses_the_whole_order_and_names_its_like() {
        let asked = |facts: [HoldFacts; 4]| {
            let items = ["a", "b", "c", "d"].map(str::to_owned).into_iter().zip(facts);
            items.map(|(id, facts)| (id, 1, facts)).collect::<Vec<_>>()
        };
        let full = || course(counted(0, 0, 0));
        let refused = hold(&asked([
            course(uncounted()),
            full(),
            HoldFacts::default(),
            full(),
        ]));
        assert_eq!(
            refused,
            Err(Reply::Refused(RefusedReason::Unknown, vec!["c".into()]))
        );
        let refused = hold(&asked([course(uncounted()), full(), course(uncounted()), full()]));
        assert_eq!(
            refused,
            Err(Reply::Refused(
                RefusedReason::SoldOut,
                vec!["b".into(), "d".into()]
            ))
        );
        assert_eq!(hold(&[]), Err(Reply::Refused(RefusedReason::Unknown, Vec::new())));
    }

    #[test]
    fn two_lines_of_one_item_are_one_of_both() {
        let line = |item_id: &str, quantity| ItemQuantity {
            item_id: item_id.into(),
            quantity,
        };
        let all = merged(&[line("b", 1), line("a", 2), line("b", i64::MAX)]);
        assert_eq!(
            all.into_iter().collect::<Vec<_>>(),
            [("a".to_owned(), 2), ("b".to_owned(), i64::MAX)]
        );
    }
}
