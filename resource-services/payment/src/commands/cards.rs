//! Saved cards.

use latchkey_kit::Transaction;

use super::credits;
use crate::domain::{Card, DomainError, Kind};
use crate::processor::SavedCard;
use crate::store::Operation;
use crate::{Error, store};

/// Saves a card that the processor keeps. The same number twice is one card.
pub async fn save(t: &Transaction, owner_id: &str, saved: SavedCard, exp: (i64, i64)) -> Result<Card, Error> {
    // The wallet is the lock under which the cards of a user are counted.
    store::open_wallet(&t.tx, owner_id).await?;
    if credits::lock(t, owner_id).await?.closed_at.is_some() {
        return Err(DomainError::WalletClosed.into());
    }
    let new = Card {
        id: t.new_id(),
        owner_id: owner_id.to_owned(),
        reference: saved.reference,
        brand: saved.brand,
        last4: saved.last4,
        exp_month: exp.0,
        exp_year: exp.1,
        fingerprint: saved.fingerprint,
        created_at: t.now,
    };
    let card = store::insert_card(&t.tx, &new).await?;
    if card.id != new.id {
        // The processor keeps one name too many.
        forget(t, &new.reference).await?;
    } else if store::count_cards(&t.tx, owner_id).await? > MOST_CARDS {
        return Err(DomainError::TooManyCards.into());
    }
    Ok(card)
}

/// Deletes a card here and at the processor. Payments under way keep what they know of it.
pub async fn delete(t: &Transaction, owner_id: &str, id: &str) -> Result<(), Error> {
    let card = store::card(&t.tx, id)
        .await?
        .filter(|card| card.owner_id == owner_id)
        .ok_or(DomainError::Missing)?;
    if !store::delete_card(&t.tx, id).await? {
        return Err(DomainError::Missing.into());
    }
    forget(t, &card.reference).await
}

/// Deletes the cards of an erased user.
pub async fn delete_all(t: &Transaction, owner_id: &str) -> Result<(), Error> {
    for reference in store::delete_cards_of(&t.tx, owner_id).await? {
        forget(t, &reference).await?;
    }
    Ok(())
}

/// Has the processor forget a card that nobody keeps here.
pub async fn forget(t: &Transaction, reference: &str) -> Result<(), Error> {
    let operation = Operation {
        key: Kind::Forget.key(reference),
        kind: Kind::Forget,
        payment_id: None,
        refund_id: None,
        card_reference: Some(reference.to_owned()),
        approve: None,
        attempts: 0,
        next_at: t.now,
    };
    Ok(store::enqueue(&t.tx, &operation).await?)
}

const MOST_CARDS: i64 = 10;
