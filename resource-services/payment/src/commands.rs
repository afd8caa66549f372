//! The writing steps: load the facts, let the domain decide, write the decision with its events. Everything here runs
//! inside one transaction and never talks to the processor: what it shall do is written as an operation, which the
//! [worker](crate::worker) carries out.

pub mod cards;
pub mod credits;
pub mod grants;
pub mod orders;
pub mod refunds;
pub mod top_ups;

use latchkey_kit::Transaction;

use crate::domain::{DomainError, Kind, Movement, Outcome, Payment, Settlement, Transition, WalletMove};
use crate::store::Operation;
use crate::{Error, replies, store};
use latchkey_contracts::events::payment::WalletEntryKind;

/// Writes a change of a payment with everything that belongs to it.
pub async fn apply(t: &Transaction, payment: &Payment, transition: &Transition) -> Result<Payment, Error> {
    let after = payment.after(transition, t.now);
    if !store::save_payment(&t.tx, &after).await? {
        return Err(DomainError::Stale.into());
    }
    if let Some(then) = transition.wallet {
        let (movement, what) = match then {
            WalletMove::Release => (Movement::Release(payment.wallet_part), "release"),
            WalletMove::Take => (Movement::Take(payment.wallet_part), "capture"),
            WalletMove::TopUp => (Movement::Credit(WalletEntryKind::TopUp, payment.amount), "top_up"),
        };
        let order_id = payment.order_id.as_deref();
        credits::record(t, &payment.buyer_id, movement, &payment.entry_key(what), order_id).await?;
    }
    if let Some(kind) = transition.ask {
        // A buyer's answer is waited for until the payment expires.
        let due = match kind {
            Kind::Action => after.expires_at.unwrap_or(t.now),
            _ => t.now,
        };
        store::enqueue(&t.tx, &operation(t, &after, kind, due)).await?;
    }
    if let Some(reply) = &transition.reply {
        replies::answer(t, &after, reply).await?;
    }
    Ok(after)
}

/// Writes what the processor's outcome of an operation changes.
pub async fn settle(
    t: &Transaction,
    payment_id: &str,
    kind: Kind,
    outcome: &Outcome,
) -> Result<Settled, Error> {
    let payment = store::payment(&t.tx, payment_id)
        .await?
        .ok_or(DomainError::Missing)?;
    match payment.settle(kind, outcome) {
        Settlement::Move(transition) => {
            apply(t, &payment, &transition).await?;
            Ok(Settled::Yes)
        }
        Settlement::Nothing => Ok(Settled::Yes),
        Settlement::Unexpected => Ok(Settled::Unexpected),
    }
}

/// Whether an outcome has had its effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settled {
    Yes,
    /// It cannot be: nothing was written.
    Unexpected,
}

/// An operation of a payment.
fn operation(t: &Transaction, payment: &Payment, kind: Kind, next_at: i64) -> Operation {
    Operation {
        key: kind.key(&payment.id),
        kind,
        payment_id: Some(payment.id.clone()),
        refund_id: None,
        card_reference: None,
        approve: None,
        attempts: 0,
        next_at,
        traceparent: t.cause.traceparent.clone(),
    }
}
