//! Refunds: the card's part by the processor, then the wallet's part with the answer.

use latchkey_contracts::events::command::PaymentRefund;
use latchkey_contracts::events::payment::WalletEntryKind;
use latchkey_kit::Transaction;

use super::{Settled, credits};
use crate::domain::{
    DomainError, Kind, Movement, Outcome, Payment, Refund, RefundOutcome, RefundPlan, RefundState,
    RefundVerdict, Step,
};
use crate::store::Operation;
use crate::{Error, replies, store};

/// Obeys a refund command, once for each number of a refund.
pub async fn begin(t: &Transaction, command: &PaymentRefund) -> Result<(), Error> {
    let step = Step::Refund(command.refund_id.clone());
    let payment = store::lock_payment_of_order(&t.tx, &command.order_id).await?;
    store::ask_again(&t.tx, &command.order_id, &step.name(), &command.command_id).await?;
    let known = store::refund(&t.tx, &command.refund_id).await?;
    let wallet = match &payment {
        Some(payment) => store::wallet(&t.tx, &payment.buyer_id).await?,
        None => None,
    };
    let is_closed = wallet.is_some_and(|wallet| wallet.closed_at.is_some());
    let amount = match command.amount.currency == *t.currency {
        true => command.amount.amount,
        false => 0,
    };
    let version = payment.as_ref().map_or(1, |payment| payment.version);
    match Refund::decide(known.as_ref(), payment.as_ref(), is_closed, amount, command.to) {
        RefundVerdict::Repeat => {
            replies::repeat(t, &command.order_id, version, &step, &command.command_id).await?;
            Ok(())
        }
        RefundVerdict::Wait => {
            if let Some((known, payment)) = known.zip(payment) {
                store::nudge(&t.tx, &known.key(&payment.id), t.now).await?;
            }
            Ok(())
        }
        RefundVerdict::Refuse(reason) => {
            let refund = Refund {
                state: RefundState::Failed,
                reason: Some(reason.to_owned()),
                ..new(command, payment.as_ref(), RefundPlan { card: 0, wallet: 0 })
            };
            insert(t, &refund).await?;
            replies::refunded(t, &refund, version, Some((reason, true))).await
        }
        RefundVerdict::Start(plan) => {
            let payment = payment.ok_or(DomainError::Missing)?;
            let payment = save(t, payment.refunding(amount, plan.card, t.now)).await?;
            let refund = new(command, Some(&payment), plan);
            insert(t, &refund).await?;
            match plan.card {
                0 => finish(t, &payment, refund).await,
                _ => ask(t, &payment, &refund, t.now).await,
            }
        }
    }
}

/// Writes what the processor's answer to the latest attempt of a refund changes.
pub async fn settle(t: &Transaction, refund_id: &str, outcome: &Outcome) -> Result<Settled, Error> {
    let refund = store::refund(&t.tx, refund_id)
        .await?
        .ok_or(DomainError::Missing)?;
    if refund.state != RefundState::Pending {
        return Ok(Settled::Yes);
    }
    let payment_id = refund.payment_id.clone().unwrap_or_default();
    let payment = store::payment(&t.tx, &payment_id)
        .await?
        .ok_or(DomainError::Missing)?;
    match refund.settle(outcome) {
        RefundOutcome::Unexpected => return Ok(Settled::Unexpected),
        RefundOutcome::Done => finish(t, &payment, refund).await?,
        RefundOutcome::Again { reason } => {
            let again = Refund {
                reason: Some(reason.clone()),
                attempts: refund.attempts + 1,
                ..refund
            };
            update(t, &again).await?;
            replies::refunded(t, &again, payment.version, Some((&reason, false))).await?;
            ask(t, &payment, &again, t.now + PAUSE_MS * again.attempts).await?;
        }
        RefundOutcome::Failed { reason } => {
            let payment = save(t, payment.not_refunded(refund.amount, refund.card_part, t.now)).await?;
            let failed = Refund {
                state: RefundState::Failed,
                reason: Some(reason.clone()),
                ..refund
            };
            update(t, &failed).await?;
            replies::refunded(t, &failed, payment.version, Some((&reason, true))).await?;
        }
    }
    Ok(Settled::Yes)
}

/// The wallet gets its part, and the order its answer.
async fn finish(t: &Transaction, payment: &Payment, refund: Refund) -> Result<(), Error> {
    let done = Refund {
        state: RefundState::Refunded,
        reason: None,
        ..refund
    };
    update(t, &done).await?;
    let gone = store::refunded_total(&t.tx, &payment.id).await?;
    let payment = save(t, payment.refunded(gone, t.now)).await?;
    if done.wallet_part > 0 {
        let credit = Movement::Credit(WalletEntryKind::Refund, done.wallet_part);
        let order_id = Some(done.order_id.as_str());
        credits::record(
            t,
            &payment.buyer_id,
            credit,
            &format!("refund:{}", done.id),
            order_id,
        )
        .await?;
    }
    replies::refunded(t, &done, payment.version, None).await
}

async fn ask(t: &Transaction, payment: &Payment, refund: &Refund, next_at: i64) -> Result<(), Error> {
    let operation = Operation {
        key: refund.key(&payment.id),
        kind: Kind::Refund,
        payment_id: Some(payment.id.clone()),
        refund_id: Some(refund.id.clone()),
        card_reference: None,
        approve: None,
        attempts: 0,
        next_at,
        traceparent: t.cause.traceparent.clone(),
    };
    Ok(store::enqueue(&t.tx, &operation).await?)
}

async fn insert(t: &Transaction, refund: &Refund) -> Result<(), Error> {
    match store::insert_refund(&t.tx, refund, t.now).await? {
        true => Ok(()),
        false => Err(DomainError::Stale.into()),
    }
}

async fn update(t: &Transaction, refund: &Refund) -> Result<(), Error> {
    match store::update_refund(&t.tx, refund).await? {
        true => Ok(()),
        false => Err(DomainError::Stale.into()),
    }
}

async fn save(t: &Transaction, payment: Payment) -> Result<Payment, Error> {
    match store::save_payment(&t.tx, &payment).await? {
        true => Ok(payment),
        false => Err(DomainError::Stale.into()),
    }
}

fn new(command: &PaymentRefund, payment: Option<&Payment>, plan: RefundPlan) -> Refund {
    Refund {
        id: command.refund_id.clone(),
        order_id: command.order_id.clone(),
        payment_id: payment.map(|payment| payment.id.clone()),
        amount: command.amount.amount,
        card_part: plan.card,
        wallet_part: plan.wallet,
        to: command.to,
        state: RefundState::Pending,
        reason: None,
        attempts: 1,
    }
}

/// Before a failed attempt is made again, times the attempts.
const PAUSE_MS: i64 = 2_000;
