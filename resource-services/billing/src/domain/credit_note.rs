//! A credit note: what of an invoice was given back.

use latchkey_contracts::events::order::Refunded;
use latchkey_contracts::events::payment::RefundTo;
use serde::{Deserialize, Serialize};

use super::invoice::amount;
use super::{Buyer, DomainError, Invoice, InvoiceLine, Seller, spread};

/// A credit note. Nothing of it ever changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreditNote {
    pub id: String,
    /// `CN-2026-000001`, without a gap in each year.
    pub number: String,
    pub invoice_id: String,
    pub invoice_number: String,
    pub order_id: String,
    pub order_number: String,
    pub refund_id: String,
    /// Unix milliseconds.
    pub issued_at: i64,
    pub currency: String,
    pub to: RefundTo,
    pub seller: Seller,
    pub buyer: Option<Buyer>,
    pub lines: Vec<CreditLine>,
    /// Contained in the total.
    pub tax_total: i64,
    pub total: i64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreditLine {
    /// The line of the invoice.
    pub line_id: String,
    pub course_id: String,
    pub instructor_id: String,
    pub title: String,
    pub quantity: i64,
    pub tax: i64,
    /// What the instructor gives back.
    pub share: i64,
    pub total: i64,
}

impl CreditLine {
    /// The price without tax.
    pub fn net(&self) -> i64 {
        self.total - self.tax
    }

    /// What the shop gives back.
    pub fn commission(&self) -> i64 {
        self.net() - self.share
    }
}

/// The credit note of a refund. `credited` are the lines that were given back before: each line goes back once. An amount
/// below the lines' totals is spread over them, and over the parts of each, by largest remainder.
pub fn credit(
    invoice: &Invoice,
    credited: &[String],
    told: &Refunded,
    id: String,
    number: String,
    now: i64,
) -> Result<CreditNote, DomainError> {
    let total = amount(&told.amount, &invoice.currency)?;
    let lines = wanted(invoice, credited, &told.lines)?;
    let totals: Vec<i64> = lines.iter().map(|line| line.total).collect();
    let most = totals.iter().copied().try_fold(0_i64, i64::checked_add);
    if most.is_none_or(|most| total > most) {
        return Err(DomainError::Malformed("more was refunded than the lines cost"));
    }
    let lines = spread(total, &totals)?
        .into_iter()
        .zip(lines)
        .map(|(amount, line)| credit_line(line, amount))
        .collect::<Result<Vec<_>, _>>()?;
    Ok(CreditNote {
        id,
        number,
        invoice_id: invoice.id.clone(),
        invoice_number: invoice.number.clone(),
        order_id: invoice.order_id.clone(),
        order_number: invoice.order_number.clone(),
        refund_id: told.refund_id.clone(),
        issued_at: now,
        currency: invoice.currency.clone(),
        to: told.to,
        seller: invoice.seller.clone(),
        buyer: invoice.buyer.clone(),
        tax_total: lines.iter().map(|line| line.tax).sum(),
        lines,
        total,
    })
}

fn wanted<'a>(
    invoice: &'a Invoice,
    credited: &[String],
    ids: &[String],
) -> Result<Vec<&'a InvoiceLine>, DomainError> {
    let mut lines: Vec<&InvoiceLine> = Vec::new();
    for id in ids {
        let line = invoice.lines.iter().find(|line| line.line_id == *id);
        let line = line.ok_or(DomainError::Malformed("a refunded line is not on the invoice"))?;
        if credited.contains(id) || lines.iter().any(|known| known.line_id == *id) {
            return Err(DomainError::Malformed("a line was refunded twice"));
        }
        lines.push(line);
    }
    Ok(lines)
}

fn credit_line(line: &InvoiceLine, amount: i64) -> Result<CreditLine, DomainError> {
    let [share, _, tax] = spread(amount, &[line.share, line.commission(), line.tax])?[..] else {
        return Err(DomainError::Overflow);
    };
    Ok(CreditLine {
        line_id: line.line_id.clone(),
        course_id: line.course_id.clone(),
        instructor_id: line.instructor_id.clone(),
        title: line.title.clone(),
        quantity: line.quantity,
        tax,
        share,
        total: amount,
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use latchkey_contracts::Money;
    use proptest::prelude::*;

    use super::super::invoice::tests::{invoiced, order};
    use super::super::{Entry, refund, sale};
    use super::*;

    fn told(lines: &[&str], amount: i64) -> Refunded {
        Refunded {
            order_id: "o1".to_owned(),
            buyer_id: "ada".to_owned(),
            refund_id: "r1".to_owned(),
            lines: lines.iter().map(|line| (*line).to_owned()).collect(),
            amount: Money::new(amount, "EUR"),
            to: RefundTo::Card,
            version: 9,
        }
    }

    fn credited(invoice: &Invoice, before: &[&str], told: &Refunded) -> Result<CreditNote, DomainError> {
        let before: Vec<String> = before.iter().map(|line| (*line).to_owned()).collect();
        credit(
            invoice,
            &before,
            told,
            "n1".to_owned(),
            "CN-2026-000001".to_owned(),
            1,
        )
    }

    #[test]
    fn a_whole_line_goes_back_in_the_parts_in_which_it_was_sold() {
        let invoice = invoiced(&order(&[("tess", 1_190, 1, 0, 190), ("tom", 500, 1, 0, 0)], 0)).unwrap();
        let note = credited(&invoice, &[], &told(&["l0"], 1_190)).unwrap();
        let (back, sold) = (&note.lines[0], &invoice.lines[0]);
        assert_eq!(
            (back.tax, back.share, back.total),
            (sold.tax, sold.share, sold.total)
        );
    }

    #[test]
    fn a_part_of_a_line_goes_back_in_proportion() {
        let invoice = invoiced(&order(&[("tess", 1_190, 1, 0, 190)], 0)).unwrap();
        let note = credited(&invoice, &[], &told(&["l0"], 119)).unwrap();
        let line = &note.lines[0];
        assert_eq!((line.tax, line.share, line.commission()), (19, 70, 30));
    }

    #[test]
    fn what_was_not_sold_or_went_back_before_cannot_go_back() {
        let invoice = invoiced(&order(&[("tess", 1_000, 1, 0, 0), ("tess", 500, 1, 0, 0)], 0)).unwrap();
        for (before, told) in [
            (&[][..], told(&["l9"], 1_000)),
            (&[][..], told(&["l0", "l0"], 1_000)),
            (&["l0"][..], told(&["l0"], 1_000)),
            (&[][..], told(&["l0"], 1_001)),
            (&[][..], told(&["l0"], -1)),
            (&[][..], told(&[], 1)),
        ] {
            let refused = credited(&invoice, before, &told).unwrap_err();
            assert!(refused.is_final(), "{refused}");
        }
    }

    fn balances(entries: &[Entry]) -> BTreeMap<(i64, Option<String>), i64> {
        let mut all = BTreeMap::new();
        for line in entries.iter().flat_map(Entry::lines) {
            *all.entry((line.account.number(), line.party.clone()))
                .or_insert(0) += line.debit - line.credit;
        }
        all
    }

    proptest! {
        /// `Entry` cannot be unbalanced; what is shown is that every order and each of its refunds becomes one, and that
        /// what is refunded line by line leaves nothing behind.
        #[test]
        fn every_order_and_all_its_refunds_balance_and_end_at_nothing(
            lines in proptest::collection::vec((0_usize..3, 0_i64..20_000, 1_i64..4, 0_i64..100, 0_i64..30), 1..8),
            wallet_percent in 0_i64..=100,
        ) {
            let lines: Vec<(&str, i64, i64, i64, i64)> = lines
                .iter()
                .map(|(who, unit, quantity, off, tax)| {
                    let discount = unit * quantity * off / 100;
                    (["tess", "tom", "uli"][*who], *unit, *quantity, discount, (unit * quantity - discount) * tax / 100)
                })
                .collect();
            let total: i64 = lines.iter().map(|line| line.1 * line.2 - line.3).sum();
            let invoice = invoiced(&order(&lines, total * wallet_percent / 100)).unwrap();
            let mut entries: Vec<Entry> = sale(&invoice).unwrap().into_iter().collect();
            prop_assert_eq!(balances(&entries).values().sum::<i64>(), 0);
            let mut before: Vec<&str> = Vec::new();
            for line in &invoice.lines {
                let note = credited(&invoice, &before, &told(&[&line.line_id], line.total)).unwrap();
                entries.extend(refund(&note).unwrap());
                before.push(&line.line_id);
            }
            let rest = balances(&entries);
            prop_assert_eq!(rest.values().sum::<i64>(), 0);
            for ((account, party), balance) in &rest {
                // Only between card and wallet may something have moved: it was paid from both, and went to the card.
                prop_assert!(*balance == 0 || *account == 1000 || *account == 2000, "{} {:?}", account, party);
            }
        }

        #[test]
        fn a_partial_refund_balances_and_takes_no_more_than_was_given(
            unit in 1_i64..20_000, tax in 0_i64..30, percent in 1_i64..=100,
        ) {
            let invoice = invoiced(&order(&[("tess", unit, 1, 0, unit * tax / 100)], 0)).unwrap();
            let amount = (unit * percent / 100).max(1);
            let note = credited(&invoice, &[], &told(&["l0"], amount)).unwrap();
            let (line, sold) = (&note.lines[0], &invoice.lines[0]);
            prop_assert!(refund(&note).unwrap().is_some());
            prop_assert_eq!(line.share + line.commission() + line.tax, amount);
            prop_assert!(line.share <= sold.share && line.tax <= sold.tax && line.commission() <= sold.commission());
        }
    }
}
