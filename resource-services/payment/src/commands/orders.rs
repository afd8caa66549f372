//! The commands of orders. Each acts once per order and step, whatever its message is.

use latchkey_contracts::events::command::{About, PaymentAuthorize, PaymentCommand};
use latchkey_contracts::events::payment::DeclinedReason;
use latchkey_kit::Transaction;

use super::{apply, credits, operation, refunds};
use crate::domain::{
    Card, CardFacts, DomainError, Kind, Movement, Payment, Plan, Reply, State, Step, Verdict, Wallet, plan,
    reason_name,
};
use crate::{Error, replies, store};

/// Carries out a command, or answers what is true.
pub async fn handle(t: &Transaction, command: PaymentCommand) -> Result<(), Error> {
    match command {
        PaymentCommand::Authorize(command) => authorize(t, command).await,
        PaymentCommand::Capture(command) => capture(t, &command).await,
        PaymentCommand::Void(command) => void(t, &command).await,
        PaymentCommand::Refund(command) => refunds::begin(t, &command).await,
        PaymentCommand::Query(command) => query(t, &command).await,
    }
}

async fn authorize(t: &Transaction, command: PaymentAuthorize) -> Result<(), Error> {
    let (order_id, command_id) = (command.order_id.clone(), command.command_id.clone());
    let step = Step::Authorize.name();
    let known = store::lock_payment_of_order(&t.tx, &order_id).await?;
    let answered = store::reply(&t.tx, &order_id, &step)
        .await?
        .is_some_and(|reply| reply.answer.is_some());
    store::ask_again(&t.tx, &order_id, &step, &command_id).await?;
    match known {
        Some(payment) => follow(t, &payment, payment.authorize_again(answered), &command_id).await,
        None => begin(t, command).await,
    }
}

/// Plans who pays what, and holds the wallet's part in the same transaction.
async fn begin(t: &Transaction, command: PaymentAuthorize) -> Result<(), Error> {
    let wallet = store::lock_wallet(&t.tx, &command.buyer).await?;
    let card = match &command.card_token {
        Some(id) => store::card(&t.tx, id).await?,
        None => None,
    };
    let card = card.filter(|card| card.owner_id == command.buyer);
    let split = split(t, &command, wallet.as_ref(), card.is_some());
    let payment = planned(t, &command, split, card);
    if !store::insert_payment(&t.tx, &payment).await? {
        return Err(DomainError::Stale.into()); // a void was faster: the next attempt finds its mark
    }
    if payment.wallet_part > 0 {
        let hold = Movement::Hold(payment.wallet_part);
        let key = payment.entry_key("hold");
        credits::record(t, &payment.buyer_id, hold, &key, payment.order_id.as_deref()).await?;
    }
    match split {
        Err(reason) => replies::answer(t, &payment, &Reply::Declined(reason)).await,
        Ok(Plan { card: 0, .. }) => replies::answer(t, &payment, &Reply::Authorized).await,
        Ok(Plan { .. }) => {
            store::enqueue(&t.tx, &operation(t, &payment, Kind::Authorize, t.now)).await?;
            Ok(())
        }
    }
}

/// The payment as it begins: with the processor, done at once by the wallet alone, or declined.
fn planned(
    t: &Transaction,
    command: &PaymentAuthorize,
    split: Result<Plan, DeclinedReason>,
    card: Option<Card>,
) -> Payment {
    let payment = Payment {
        amount: command.amount.amount.max(0),
        ..new(t, command.order_id.clone(), command.buyer.clone())
    };
    match split {
        Err(reason) => Payment {
            state: State::Declined,
            reason: Some(reason_name(reason).to_owned()),
            ..payment
        },
        Ok(Plan { wallet, card: rest }) => Payment {
            wallet_part: wallet,
            card_part: rest,
            state: match rest {
                0 => State::Authorized,
                _ => State::Authorizing,
            },
            card: card.filter(|_| rest > 0).map(CardFacts::from),
            ..payment
        },
    }
}

fn split(
    t: &Transaction,
    command: &PaymentAuthorize,
    wallet: Option<&Wallet>,
    has_card: bool,
) -> Result<Plan, DeclinedReason> {
    let at_most = command.wallet_at_most.as_ref();
    let ours = |currency: &str| currency == &*t.currency;
    if !ours(&command.amount.currency) || !at_most.is_none_or(|money| ours(&money.currency)) {
        return Err(DeclinedReason::ProcessorError);
    }
    let planned = plan(
        command.amount.amount,
        at_most.map(|money| money.amount),
        wallet.map_or(0, Wallet::available),
        command.card_token.is_some(),
    )?;
    match planned.card > 0 && !has_card {
        true => Err(DeclinedReason::UnknownCard),
        false => Ok(planned),
    }
}

async fn capture(t: &Transaction, command: &About) -> Result<(), Error> {
    let known = asked(t, command, &Step::Capture).await?;
    let payment = match known {
        Some(payment) => payment,
        None => mark_cancelled(t, &command.order_id).await?,
    };
    follow(t, &payment, payment.capture(), &command.command_id).await
}

async fn void(t: &Transaction, command: &About) -> Result<(), Error> {
    let Some(payment) = asked(t, command, &Step::Void).await? else {
        let mark = mark_cancelled(t, &command.order_id).await?;
        return replies::answer(t, &mark, &Reply::Voided).await;
    };
    let under_way = match payment.state {
        State::Authorizing => Some(Kind::Authorize),
        State::ActionRequired => Some(Kind::Action),
        _ => None,
    };
    let unsent = match under_way {
        Some(kind) => store::withdraw(&t.tx, &kind.key(&payment.id), t.now).await?,
        None => false,
    };
    follow(t, &payment, payment.void(unsent), &command.command_id).await
}

async fn query(t: &Transaction, command: &About) -> Result<(), Error> {
    match store::lock_payment_of_order(&t.tx, &command.order_id).await? {
        Some(payment) => follow(t, &payment, payment.query(), &command.command_id).await,
        None => {
            // Nothing can be said yet: the authorization may still arrive, and is answered then.
            tracing::info!(
                order_id = command.order_id,
                "an order asks about a payment that is not known"
            );
            Ok(())
        }
    }
}

/// The payment that a command is about, locked, with the command noted as the latest of its step.
async fn asked(t: &Transaction, command: &About, step: &Step) -> Result<Option<Payment>, Error> {
    let known = store::lock_payment_of_order(&t.tx, &command.order_id).await?;
    store::ask_again(&t.tx, &command.order_id, &step.name(), &command.command_id).await?;
    Ok(known)
}

/// Does what a verdict says.
async fn follow(t: &Transaction, payment: &Payment, verdict: Verdict, command_id: &str) -> Result<(), Error> {
    match verdict {
        Verdict::Move(transition) => {
            apply(t, payment, &transition).await?;
            Ok(())
        }
        Verdict::Tell(reply) => replies::tell(t, payment, &reply, command_id).await,
        Verdict::Repeat(step) => {
            let order_id = payment.order_id.as_deref().unwrap_or_default();
            if !replies::repeat(t, order_id, payment.version, &step, command_id).await? {
                tracing::error!(order_id, step = step.name(), "the answer of a step is not stored");
            }
            Ok(())
        }
        Verdict::Wait => {
            for kind in [Kind::Authorize, Kind::Action, Kind::Capture, Kind::Void] {
                store::nudge(&t.tx, &kind.key(&payment.id), t.now).await?;
            }
            Ok(())
        }
    }
}

/// The mark of an order whose undo came first: a later authorization finds it and is refused.
async fn mark_cancelled(t: &Transaction, order_id: &str) -> Result<Payment, Error> {
    let mut mark = new(t, order_id.to_owned(), String::new());
    mark.state = State::Voided;
    mark.reason = Some(reason_name(DeclinedReason::Cancelled).to_owned());
    match store::insert_payment(&t.tx, &mark).await? {
        true => Ok(mark),
        false => Err(DomainError::Stale.into()), // an authorization was faster: the next attempt finds it
    }
}

fn new(t: &Transaction, order_id: String, buyer_id: String) -> Payment {
    Payment {
        id: t.new_id(),
        order_id: Some(order_id),
        buyer_id,
        amount: 0,
        wallet_part: 0,
        card_part: 0,
        card: None,
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
    }
}
