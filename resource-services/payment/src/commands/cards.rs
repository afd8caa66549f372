//! Saved cards.

use latchkey_bus::Cause;
use latchkey_kit::{Context, Transaction};

use super::credits;
use crate::domain::{Card, DomainError, Kind};
use crate::processor::SavedCard;
use crate::store::Operation;
use crate::{Error, store};

/// How long a card is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// Until its owner deletes it.
    Saved,
    /// For the order that is placed with it, and for a day at most.
    OneOrder,
}

/// Takes a card that the processor keeps. The same number twice is one card.
pub async fn save(
    t: &Transaction,
    owner_id: &str,
    saved: SavedCard,
    exp: (i64, i64),
    keep: Keep,
) -> Result<Card, Error> {
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
        forget_at: match keep {
            Keep::Saved => None,
            Keep::OneOrder => Some(t.now + ONE_ORDER_MS),
        },
    };
    let card = store::insert_card(&t.tx, &new).await?;
    if card.id != new.id {
        // The processor keeps one name too many.
        forget(t, &new.reference).await?;
    } else if store::count_cards(&t.tx, &new).await? > MOST_CARDS {
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

/// Forgets cards that were for one order, and returns how many.
pub async fn forget_unsaved(context: &Context) -> Result<usize, Error> {
    let over = store::cards_to_forget(&context.db, context.clock.now_ms(), BATCH).await?;
    let count = over.len();
    for card in over {
        context
            .write(Cause::default(), async move |t| {
                // Its owner may have deleted or saved it meanwhile.
                let now = store::card(&t.tx, &card.id).await?;
                let is_over = now.is_some_and(|now| now.forget_at.is_some_and(|at| at <= t.now));
                if is_over && store::delete_card(&t.tx, &card.id).await? {
                    forget(&t, &card.reference).await?;
                }
                Ok::<_, Error>(())
            })
            .await?;
    }
    Ok(count)
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
        traceparent: t.cause.traceparent.clone(),
    };
    Ok(store::enqueue(&t.tx, &operation).await?)
}

/// How many a user may have of each kind.
const MOST_CARDS: i64 = 10;
/// Longer than any order waits for its payment.
const ONE_ORDER_MS: i64 = 24 * 3_600_000;
const BATCH: i64 = 100;
