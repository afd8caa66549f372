//! What each movement of money means in the books.

use std::collections::BTreeMap;

use latchkey_contracts::events::payment::RefundTo;

use super::{Account, CreditNote, Entry, EntryKind, Invoice, Line, Unbalanced};

/// Somebody paid into their wallet.
pub fn top_up(amount: i64) -> Result<Entry, Unbalanced> {
    pair(
        EntryKind::TopUp,
        Account::CardClearing,
        Account::WalletCredits,
        amount,
    )
}

/// The shop gave somebody credits.
pub fn grant(amount: i64) -> Result<Entry, Unbalanced> {
    pair(
        EntryKind::Grant,
        Account::PromotionalCredits,
        Account::WalletCredits,
        amount,
    )
}

/// The balance of an erased user: a grant that nobody uses any more.
pub fn write_off(amount: i64) -> Result<Entry, Unbalanced> {
    pair(
        EntryKind::WriteOff,
        Account::WalletCredits,
        Account::PromotionalCredits,
        amount,
    )
}

/// The card's processor kept its fee.
pub fn card_fee(amount: i64) -> Result<Entry, Unbalanced> {
    pair(EntryKind::Fee, Account::CardFees, Account::CardClearing, amount)
}

/// An order was paid. One that cost nothing is no entry.
pub fn sale(invoice: &Invoice) -> Result<Option<Entry>, Unbalanced> {
    if invoice.total == 0 {
        return Ok(None);
    }
    let money = [
        Line::debit(Account::CardClearing, invoice.paid.card),
        Line::debit(Account::WalletCredits, invoice.paid.wallet),
    ];
    let parts = invoice.lines.iter().map(|line| {
        (
            line.instructor_id.as_str(),
            line.share,
            line.commission(),
            line.tax,
        )
    });
    let parts = parts_by_account(parts).into_iter();
    let credits = parts.map(|(account, party, amount)| on(Line::credit(account, amount), party));
    Entry::new(EntryKind::Sale, money.into_iter().chain(credits)).map(Some)
}

/// Money went back: the sale of these lines in the mirror.
pub fn refund(note: &CreditNote) -> Result<Option<Entry>, Unbalanced> {
    if note.total == 0 {
        return Ok(None);
    }
    let parts = note.lines.iter().map(|line| {
        (
            line.instructor_id.as_str(),
            line.share,
            line.commission(),
            line.tax,
        )
    });
    let parts = parts_by_account(parts).into_iter();
    let debits = parts.map(|(account, party, amount)| on(Line::debit(account, amount), party));
    let source = match note.to {
        RefundTo::Card => Account::CardClearing,
        RefundTo::Wallet => Account::WalletCredits,
    };
    Entry::new(
        EntryKind::Refund,
        debits.chain([Line::credit(source, note.total)]),
    )
    .map(Some)
}

/// What each account gets of lines with an instructor, their share, the commission and the tax.
fn parts_by_account<'a>(
    lines: impl Iterator<Item = (&'a str, i64, i64, i64)>,
) -> Vec<(Account, Option<&'a str>, i64)> {
    let mut shares: BTreeMap<&str, i64> = BTreeMap::new();
    let (mut commissions, mut taxes) = (0_i64, 0_i64);
    for (instructor, share, commission, tax) in lines {
        let sum = shares.entry(instructor).or_default();
        *sum = sum.saturating_add(share);
        commissions = commissions.saturating_add(commission);
        taxes = taxes.saturating_add(tax);
    }
    let shares = shares
        .into_iter()
        .map(|(instructor, share)| (Account::InstructorPayable, Some(instructor), share));
    shares
        .chain([
            (Account::Commission, None, commissions),
            (Account::TaxPayable, None, taxes),
        ])
        .collect()
}

fn on(line: Line, party: Option<&str>) -> Line {
    match party {
        Some(party) => line.of(party),
        None => line,
    }
}

fn pair(kind: EntryKind, debit: Account, credit: Account, amount: i64) -> Result<Entry, Unbalanced> {
    Entry::new(kind, [Line::debit(debit, amount), Line::credit(credit, amount)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credits_come_from_the_card_or_from_the_shop_and_go_back_to_it() {
        use Account::{CardClearing, CardFees, PromotionalCredits, WalletCredits};
        for (entry, debit, credit) in [
            (top_up(5), CardClearing, WalletCredits),
            (grant(5), PromotionalCredits, WalletCredits),
            (write_off(5), WalletCredits, PromotionalCredits),
            (card_fee(5), CardFees, CardClearing),
        ] {
            let lines = [Line::debit(debit, 5), Line::credit(credit, 5)];
            assert_eq!(entry.unwrap().lines(), lines);
        }
    }

    #[test]
    fn an_amount_of_nothing_or_less_is_no_entry() {
        for amount in [0, -1, i64::MIN] {
            assert_eq!(top_up(amount), Err(Unbalanced));
        }
    }
}
