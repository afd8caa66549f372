//! What orders are told. The answer of a step is stored with its effect, and a repeated command gets it again.

use latchkey_clock::rfc3339;
use latchkey_contracts::Money;
use latchkey_contracts::events::payment as event;
use latchkey_contracts::events::payment::DeclinedReason;
use latchkey_kit::Transaction;
use serde::Serialize;
use serde_json::Value;

use crate::domain::{Payment, Refund, Reply, Step};
use crate::{Error, store};

/// Answers the latest command of the reply's step, and stores the answer. A top-up has nobody to tell.
pub async fn answer(t: &Transaction, payment: &Payment, reply: &Reply) -> Result<(), Error> {
    let Some(order_id) = &payment.order_id else {
        return Ok(());
    };
    let step = reply.step().name();
    let Some(asked) = store::reply(&t.tx, order_id, &step).await? else {
        return Ok(());
    };
    let (r#type, payload) = written(t, payment, reply, &asked.command_id)?;
    store::store_reply(&t.tx, order_id, &step, r#type, &payload.to_string()).await?;
    t.emit(r#type, order_id, payment.version, &payload).await
}

/// Tells what is true, in answer to a command that changed nothing.
pub async fn tell(t: &Transaction, payment: &Payment, reply: &Reply, command_id: &str) -> Result<(), Error> {
    let Some(order_id) = &payment.order_id else {
        return Ok(());
    };
    let (r#type, payload) = written(t, payment, reply, command_id)?;
    t.emit(r#type, order_id, payment.version, &payload).await
}

/// Gives the stored answer of a step to another command. `false` if there is none.
pub async fn repeat(
    t: &Transaction,
    order_id: &str,
    version: i64,
    step: &Step,
    command_id: &str,
) -> Result<bool, Error> {
    let stored = store::reply(&t.tx, order_id, &step.name()).await?;
    let Some((r#type, payload)) = stored.and_then(|stored| stored.answer) else {
        return Ok(false);
    };
    let mut payload: Value = serde_json::from_str(&payload).map_err(Error::Payload)?;
    payload["command_id"] = Value::from(command_id);
    t.emit(&r#type, order_id, version, &payload).await?;
    Ok(true)
}

/// Tells what became of a refund, and stores it. `version` is that of the payment.
pub async fn refunded(
    t: &Transaction,
    refund: &Refund,
    version: i64,
    failed: Option<(&str, bool)>,
) -> Result<(), Error> {
    let step = Step::Refund(refund.id.clone()).name();
    let Some(asked) = store::reply(&t.tx, &refund.order_id, &step).await? else {
        return Ok(());
    };
    let (order_id, refund_id) = (refund.order_id.clone(), refund.id.clone());
    let command_id = asked.command_id;
    let (r#type, payload) = match failed {
        None => json(
            event::REFUNDED,
            &event::Refunded {
                order_id,
                command_id,
                refund_id,
                amount: money(t, refund.amount),
                to: refund.to,
            },
        )?,
        Some((reason, r#final)) => json(
            event::REFUND_FAILED,
            &event::RefundFailed {
                order_id,
                command_id,
                refund_id,
                reason: reason.to_owned(),
                r#final,
            },
        )?,
    };
    store::store_reply(&t.tx, &refund.order_id, &step, r#type, &payload.to_string()).await?;
    t.emit(r#type, &refund.order_id, version, &payload).await
}

fn written(
    t: &Transaction,
    payment: &Payment,
    reply: &Reply,
    command_id: &str,
) -> Result<(&'static str, Value), Error> {
    let order_id = payment.order_id.clone().unwrap_or_default();
    let (command_id, payment_id) = (command_id.to_owned(), payment.id.clone());
    let (wallet_amount, card_amount) = (money(t, payment.wallet_part), money(t, payment.card_part));
    // Nothing was ever held by a payment of nothing.
    let began = Some(payment_id.clone()).filter(|_| payment.wallet_part + payment.card_part > 0);
    match reply {
        Reply::Authorized => json(
            event::AUTHORIZED,
            &event::Authorized {
                order_id,
                command_id,
                payment_id,
                wallet_amount,
                card_amount,
                card: payment
                    .card
                    .clone()
                    .filter(|_| payment.card_part > 0)
                    .map(|card| event::CardFace {
                        brand: card.brand,
                        last4: card.last4,
                    }),
            },
        ),
        Reply::ActionRequired => json(
            event::ACTION_REQUIRED,
            &event::ActionRequired {
                order_id,
                command_id,
                payment_id,
                expires_at: rfc3339(payment.expires_at.unwrap_or(t.now)),
            },
        ),
        Reply::Declined(reason) => json(
            event::DECLINED,
            &event::Declined {
                order_id,
                command_id,
                payment_id: began,
                reason: *reason,
                user_may_retry: may_retry(*reason),
            },
        ),
        Reply::Captured => json(
            event::CAPTURED,
            &event::Captured {
                order_id,
                command_id,
                payment_id,
                wallet_amount,
                card_amount,
                fee: money(t, payment.fee),
                captured_at: rfc3339(payment.captured_at.unwrap_or(t.now)),
            },
        ),
        Reply::CaptureFailed(reason) => json(
            event::CAPTURE_FAILED,
            &event::CaptureFailed {
                order_id,
                command_id,
                payment_id,
                reason: reason.clone(),
            },
        ),
        Reply::Voided => json(
            event::VOIDED,
            &event::Voided {
                order_id,
                command_id,
                payment_id: began,
            },
        ),
    }
}

fn json(r#type: &'static str, payload: &impl Serialize) -> Result<(&'static str, Value), Error> {
    Ok((r#type, serde_json::to_value(payload).map_err(Error::Payload)?))
}

fn money(t: &Transaction, amount: i64) -> Money {
    Money::new(amount, &*t.currency)
}

/// Whether the buyer may try with another card, or with more credits.
fn may_retry(reason: DeclinedReason) -> bool {
    match reason {
        DeclinedReason::InsufficientCredits
        | DeclinedReason::CardDeclined
        | DeclinedReason::InsufficientFunds
        | DeclinedReason::ExpiredCard
        | DeclinedReason::BadCvc
        | DeclinedReason::UnknownCard
        | DeclinedReason::ActionDenied
        | DeclinedReason::ActionAbandoned => true,
        DeclinedReason::Cancelled | DeclinedReason::ProcessorError => false,
    }
}
