//! Top-ups: payments without an order, whose amount goes into the buyer's wallet.

use latchkey_kit::Transaction;

use super::{credits, operation};
use crate::domain::{CardFacts, DomainError, Kind, Payment, State, TopUpDraft};
use crate::{Error, store};

/// Begins a top-up; the wallet has it when the processor has taken it.
pub async fn begin(t: &Transaction, buyer_id: &str, draft: TopUpDraft) -> Result<Payment, Error> {
    let (amount, card_id) = draft.check(&t.currency)?;
    store::open_wallet(&t.tx, buyer_id).await?;
    credits::must_take(t, buyer_id, amount).await?;
    let card = store::card(&t.tx, &card_id)
        .await?
        .filter(|card| card.owner_id == buyer_id)
        .ok_or_else(|| DomainError::field("card_token", "is not the id of a saved card"))?;
    let payment = Payment {
        id: t.new_id(),
        order_id: None,
        buyer_id: buyer_id.to_owned(),
        amount,
        wallet_part: 0,
        card_part: amount,
        card: Some(CardFacts::from(card)),
        state: State::Authorizing,
        reason: None,
        refunded: 0,
        card_refunded: 0,
        fee: 0,
        expires_at: None,
        captured_at: None,
        version: 1,
        created_at: t.now,
        updated_at: t.now,
    };
    if !store::insert_payment(&t.tx, &payment).await? {
        return Err(DomainError::Stale.into());
    }
    store::enqueue(&t.tx, &operation(t, &payment, Kind::Authorize, t.now)).await?;
    Ok(payment)
}
