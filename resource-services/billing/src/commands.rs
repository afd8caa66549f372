//! What is written to the books: load the facts under their locks, let the domain decide, write the decision with its
//! events. Everything here runs inside the transaction of the event that caused it.

use latchkey_clock::rfc3339;
use latchkey_contracts::Money;
use latchkey_contracts::events::billing::{
    CREDIT_NOTE_ISSUED, CreditNoteIssued, INVOICE_ISSUED, InvoiceIssued,
};
use latchkey_contracts::events::order::{OrderSnapshot, Refunded};
use latchkey_contracts::events::payment::{Captured, WalletChanged, WalletEntryKind};
use latchkey_kit::Transaction;
use latchkey_metrics::catalog::BILLING_ENTRIES;
use latchkey_metrics::labels;

use crate::Error;
use crate::domain::{self, CreditNote, DomainError, Entry, GENESIS, Invoice, Record, Terms};
use crate::store::{self, Sale, SaleKind};

/// Issues the invoice of a paid order and posts the sale. One that has its invoice keeps it.
pub async fn issue_invoice(t: &Transaction, event_id: &str, order: &OrderSnapshot) -> Result<(), Error> {
    // Checked before anything is locked: what is wrong with an order does not depend on the number.
    let terms: Terms = t.settings();
    let draft = domain::invoice(order, t.new_id(), String::new(), &t.currency, &terms, t.now)?;
    let buyer = store::lock_buyer(&t.tx, &order.buyer_id).await?;
    if !store::claim_order(&t.tx, &order.order_id, &draft.id, &buyer).await? {
        return Ok(());
    }
    let invoice = Invoice {
        number: number(t, "INV").await?,
        ..draft
    };
    store::insert_invoice(&t.tx, &invoice).await?;
    for line in &invoice.lines {
        let sale = Sale {
            document_id: invoice.id.clone(),
            line_id: line.line_id.clone(),
            instructor_id: line.instructor_id.clone(),
            kind: SaleKind::Sale,
            at: t.now,
            month: domain::month(t.now),
            number: invoice.number.clone(),
            course_id: line.course_id.clone(),
            title: line.title.clone(),
            quantity: line.quantity,
            amount: line.net(),
            share: line.share,
        };
        store::insert_sale(&t.tx, &sale).await?;
    }
    if let Some(entry) = domain::sale(&invoice).map_err(DomainError::from)? {
        let key = format!("sale:{}", invoice.order_id);
        post(t, event_id, &key, &format!("Sale {}", invoice.number), entry).await?;
    }
    let issued = InvoiceIssued {
        invoice_id: invoice.id.clone(),
        number: invoice.number.clone(),
        order_id: invoice.order_id.clone(),
        buyer_id: buyer,
        total: Money::new(invoice.total, &*t.currency),
        issued_at: rfc3339(t.now),
    };
    t.emit(INVOICE_ISSUED, &invoice.id, 1, &issued).await
}

/// Issues the credit note of a refund and posts it. One that has its credit note keeps it; one whose invoice is not
/// there yet waits for it.
pub async fn issue_credit_note(t: &Transaction, event_id: &str, told: &Refunded) -> Result<(), Error> {
    let (invoice, buyer) = store::lock_invoice(&t.tx, &told.order_id)
        .await?
        .ok_or_else(|| DomainError::NoInvoice(told.order_id.clone()))?;
    if store::has_credit_note(&t.tx, &told.refund_id).await? {
        return Ok(());
    }
    let credited = store::credited_lines(&t.tx, &invoice.id).await?;
    let draft = domain::credit(&invoice, &credited, told, t.new_id(), String::new(), t.now)?;
    let note = CreditNote {
        number: number(t, "CN").await?,
        ..draft
    };
    store::insert_credit_note(&t.tx, &note).await?;
    for line in &note.lines {
        let refund = Sale {
            document_id: note.id.clone(),
            line_id: line.line_id.clone(),
            instructor_id: line.instructor_id.clone(),
            kind: SaleKind::Refund,
            at: t.now,
            month: domain::month(t.now),
            number: note.number.clone(),
            course_id: line.course_id.clone(),
            title: line.title.clone(),
            quantity: line.quantity,
            amount: line.net(),
            share: line.share,
        };
        store::insert_sale(&t.tx, &refund).await?;
    }
    if let Some(entry) = domain::refund(&note).map_err(DomainError::from)? {
        let key = format!("refund:{}", note.refund_id);
        post(t, event_id, &key, &format!("Refund {}", note.number), entry).await?;
    }
    let issued = CreditNoteIssued {
        credit_note_id: note.id.clone(),
        number: note.number.clone(),
        invoice_id: note.invoice_id.clone(),
        order_id: note.order_id.clone(),
        refund_id: note.refund_id.clone(),
        buyer_id: buyer,
        total: Money::new(note.total, &*t.currency),
        issued_at: rfc3339(t.now),
    };
    t.emit(CREDIT_NOTE_ISSUED, &note.id, 1, &issued).await
}

/// Posts what the card's processor kept, and remembers what was taken. The sale itself is posted from the order.
pub async fn record_capture(t: &Transaction, event_id: &str, told: &Captured) -> Result<(), Error> {
    let amounts = (
        amount(t, &told.wallet_amount)?,
        amount(t, &told.card_amount)?,
        amount(t, &told.fee)?,
    );
    store::insert_capture(&t.tx, &told.payment_id, &told.order_id, amounts).await?;
    if amounts.2 > 0 {
        let entry = domain::card_fee(amounts.2).map_err(DomainError::from)?;
        let key = format!("fee:{}", told.payment_id);
        post(t, event_id, &key, "Card fee", entry).await?;
    }
    Ok(())
}

/// Posts credits that came into a wallet from outside or went out of it, and remembers its balance.
pub async fn record_wallet(t: &Transaction, event_id: &str, told: &WalletChanged) -> Result<(), Error> {
    let (moved, balance) = (amount(t, &told.amount)?, amount(t, &told.balance)?);
    store::save_wallet(&t.tx, &told.user_id, balance, told.version).await?;
    let (entry, memo) = match told.kind {
        WalletEntryKind::TopUp => (domain::top_up(moved), "Wallet topped up"),
        WalletEntryKind::Grant => (domain::grant(moved), "Credits granted"),
        WalletEntryKind::WriteOff => (domain::write_off(moved), "Balance of a closed wallet"),
        // What an order takes and gives back is posted with its documents.
        WalletEntryKind::Hold
        | WalletEntryKind::Release
        | WalletEntryKind::Capture
        | WalletEntryKind::Refund => return Ok(()),
    };
    let key = format!("wallet:{}", told.entry_id);
    post(t, event_id, &key, memo, entry.map_err(DomainError::from)?).await
}

/// Puts the documents of an erased user under a pseudonym: what was sold must be kept, but not under an account that is
/// gone. What is printed on the documents stays, as the law demands.
pub async fn erase_buyer(t: &Transaction, user_id: &str) -> Result<(), Error> {
    // Random and not a digest: whoever knows a user id must not find the documents of the erased.
    let pseudonym = format!("erased-{}", t.new_id());
    Ok(store::erase_buyer(&t.tx, user_id, &pseudonym).await?)
}

/// Appends an entry, once for each event and each business key. Its lock is the last one that a transaction takes.
async fn post(
    t: &Transaction,
    event_id: &str,
    business_key: &str,
    memo: &str,
    entry: Entry,
) -> Result<(), Error> {
    let head = store::lock_head(&t.tx).await?;
    let mut record = Record {
        seq: head.seq.checked_add(1).ok_or(DomainError::Overflow)?,
        id: t.new_id(),
        at: t.now,
        kind: entry.kind(),
        source_event_id: event_id.to_owned(),
        business_key: business_key.to_owned(),
        memo: memo.to_owned(),
        currency: t.currency.to_string(),
        lines: entry.lines().to_vec(),
        prev_hash: head.hash,
        hash: GENESIS,
    };
    record.hash = record.chained(&head.hash);
    let is_new = store::append(&t.tx, &record).await?;
    if is_new {
        BILLING_ENTRIES.inc(labels::Entry::of(record.kind.as_str()));
    }
    Ok(())
}

/// `INV-2026-000001`, by the year of the transaction.
async fn number(t: &Transaction, series: &str) -> Result<String, Error> {
    let year = domain::year(t.now);
    let next = store::next_number(&t.tx, series, year).await?;
    Ok(format!("{series}-{year}-{next:06}"))
}

fn amount(t: &Transaction, money: &Money) -> Result<i64, DomainError> {
    match money.currency == *t.currency && money.amount >= 0 {
        true => Ok(money.amount),
        false => Err(DomainError::Malformed(
            "an amount is negative or in another currency",
        )),
    }
}
