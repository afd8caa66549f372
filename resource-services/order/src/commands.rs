//! The writing steps: load the facts, let the domain decide, write the decision with its timers, its log, its commands
//! and its events. Everything here runs inside one transaction; routes, consumers and timers use the same functions.

use latchkey_clock::rfc3339;
use latchkey_kit::Transaction;
use latchkey_metrics::catalog::{ORDER_INPUTS_REJECTED, ORDERS_COMPLETED, ORDERS_FAILED, ORDERS_STARTED};
use latchkey_metrics::labels;
use serde_json::json;

use crate::domain::{
    self, DomainError, Input, Order, Quote, Refund, RefundBody, RefundRules, RefundState, Rejected, State,
    Step, Wanted,
};
use crate::store::{self, Entry};
use crate::{Error, domain::Command};

/// What became of something that happened to an order.
#[derive(Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The order after the step.
    Stepped(Box<Order>),
    /// The saga rejects it; nothing was written.
    Rejected(Rejected),
    /// There is no such order.
    Missing,
}

/// Places an order for a basket at this price, or finds the one that this version of the basket has become.
pub async fn submit(t: &Transaction, buyer_id: &str, wanted: Wanted, quote: Quote) -> Result<String, Error> {
    if let Some(known) = store::live_of_basket(&t.tx, &quote.basket_id, quote.basket_version).await? {
        return Ok(known);
    }
    wanted.compare(&quote)?;
    let terms = wanted.at(quote, || t.new_id());
    let number = number(t).await?;
    let step = domain::submit(t.new_id(), number, buyer_id.to_owned(), terms, t.now);
    if !store::insert(&t.tx, &step.order).await? {
        // Another request with the same basket was faster.
        let terms = &step.order.terms;
        let known = store::live_of_basket(&t.tx, &terms.basket_id, terms.basket_version).await?;
        return Ok(known.ok_or(DomainError::Stale)?);
    }
    let id = step.order.id.clone();
    tell(t, &step, "buyer.submit", json!({})).await?;
    Ok(id)
}

/// Lets the saga decide what follows for an order, and writes it.
pub async fn happen(t: &Transaction, order_id: &str, input: &Input) -> Result<Outcome, Error> {
    happen_with(t, order_id, input, json!({})).await
}

/// The same with a note for the log.
pub async fn happen_with(
    t: &Transaction,
    order_id: &str,
    input: &Input,
    note: serde_json::Value,
) -> Result<Outcome, Error> {
    let Some(before) = store::lock(&t.tx, order_id).await? else {
        return Ok(Outcome::Missing);
    };
    let (state, version) = (before.state, before.version);
    let step = match domain::next(before, input, t.now) {
        Ok(step) => step,
        Err(rejected) => {
            tracing::info!(
                order.id = order_id,
                state = state.as_str(),
                cause = input.cause(),
                reason = %rejected,
                "something happened to an order and changed nothing"
            );
            ORDER_INPUTS_REJECTED.inc(labels::OrderInput::of(input.cause()));
            return Ok(Outcome::Rejected(rejected));
        }
    };
    let step = under_pseudonym(t, step).await?;
    if !store::save(&t.tx, &step.order, version).await? {
        return Err(DomainError::Stale.into());
    }
    if let Some((refund_id, state)) = &step.refund {
        settle_refund(t, refund_id, *state).await?;
    }
    tell(t, &step, input.cause(), note).await?;
    Ok(Outcome::Stepped(Box::new(step.order)))
}

/// What a caller of a route wants to happen to their order: what the saga rejects is refused.
pub async fn demand(
    t: &Transaction,
    order_id: &str,
    input: &Input,
    note: serde_json::Value,
) -> Result<Order, Error> {
    match happen_with(t, order_id, input, note).await? {
        Outcome::Stepped(order) => Ok(*order),
        Outcome::Rejected(rejected) => Err(DomainError::from(rejected).into()),
        Outcome::Missing => Err(DomainError::Missing.into()),
    }
}

/// Cancels an order. One that is being cancelled already stays as it is.
pub async fn cancel(t: &Transaction, order_id: &str) -> Result<(), Error> {
    match happen(t, order_id, &Input::Cancel).await? {
        Outcome::Stepped(_) | Outcome::Rejected(Rejected::CancelledAlready) => Ok(()),
        Outcome::Rejected(rejected) => Err(DomainError::from(rejected).into()),
        Outcome::Missing => Err(DomainError::Missing.into()),
    }
}

/// Asks for a refund; one that nobody must decide about begins at once.
pub async fn request_refund(
    t: &Transaction,
    order_id: &str,
    body: RefundBody,
    rules: RefundRules,
) -> Result<Refund, Error> {
    let order = store::lock(&t.tx, order_id).await?.ok_or(DomainError::Missing)?;
    let usage = store::usage(&t.tx, &order.buyer_id).await?;
    let refund = domain::request(&order, t.new_id(), body, &usage, rules, t.now)?;
    if !store::insert_refund(&t.tx, &refund).await? {
        return Err(DomainError::RefundOpen.into());
    }
    if refund.state == RefundState::Approved {
        demand(t, order_id, &Input::Refund(refund.start()), json!({})).await?;
    }
    Ok(refund)
}

/// An administrator approves or rejects a refund.
pub async fn decide_refund(
    t: &Transaction,
    refund_id: &str,
    state: RefundState,
    by: &str,
    note: Option<String>,
) -> Result<Refund, Error> {
    let found = store::refund(&t.tx, refund_id)
        .await?
        .ok_or(DomainError::Missing)?;
    // The order first: everything that changes a refund holds the lock of its order.
    store::lock(&t.tx, &found.order_id)
        .await?
        .ok_or(DomainError::Missing)?;
    let before = store::refund(&t.tx, refund_id)
        .await?
        .ok_or(DomainError::Missing)?;
    let refund = before.clone().decided(state, by, note, t.now)?;
    if !store::save_refund(&t.tx, &refund, before.state).await? {
        return Err(DomainError::Stale.into());
    }
    if refund.state == RefundState::Approved {
        demand(
            t,
            &refund.order_id,
            &Input::Refund(refund.start()),
            json!({"by": by}),
        )
        .await?;
    }
    Ok(refund)
}

/// Puts the settled orders of an erased buyer under a pseudonym; those under way follow when they are settled.
pub async fn erase_buyer(t: &Transaction, user_id: &str) -> Result<(), Error> {
    // Random and not a digest: whoever knows a user id must not find the orders of the erased.
    let pseudonym = format!("erased-{}", t.new_id());
    store::remember_erased(&t.tx, user_id, &pseudonym, t.now).await?;
    store::forget_usage(&t.tx, user_id).await?;
    for id in store::of_buyer(&t.tx, user_id).await? {
        let Some(order) = store::lock(&t.tx, &id).await? else {
            continue;
        };
        if !order.state.is_settled() {
            continue;
        }
        let version = order.version;
        let pseudonym = store::pseudonym(&t.tx, user_id)
            .await?
            .ok_or(DomainError::Stale)?;
        let erased = Order {
            version: version + 1,
            updated_at: t.now,
            ..erased(order, pseudonym)
        };
        if !store::save(&t.tx, &erased, version).await? {
            return Err(DomainError::Stale.into());
        }
        let entry = Entry {
            seq: erased.version,
            at: t.now,
            from: erased.state,
            to: erased.state,
            cause: "identity.user-deleted".to_owned(),
            actor: None,
            data: json!({}),
        };
        store::append(&t.tx, &erased.id, &entry).await?;
        store::project(&t.tx, &erased).await?;
    }
    Ok(())
}

/// An order that comes to rest after its buyer was erased loses their name.
async fn under_pseudonym(t: &Transaction, mut step: Step) -> Result<Step, Error> {
    if !step.order.state.is_settled() {
        return Ok(step);
    }
    if let Some(pseudonym) = store::pseudonym(&t.tx, &step.order.buyer_id).await? {
        step.order = erased(step.order, pseudonym);
    }
    Ok(step)
}

fn erased(order: Order, pseudonym: String) -> Order {
    let mut order = order;
    order.buyer_id = pseudonym;
    order.terms.billing_address = None;
    order.terms.plan.card_token = None;
    order
}

/// Writes everything of a step but the order itself: its log, its read tables, its commands and its events.
async fn tell(t: &Transaction, step: &Step, cause: &str, note: serde_json::Value) -> Result<(), Error> {
    let order = &step.order;
    let commands: Vec<&str> = step.commands.iter().map(|command| command.step()).collect();
    let mut data = json!({"commands": commands, "reason": order.reason});
    if let (Some(data), serde_json::Value::Object(note)) = (data.as_object_mut(), note) {
        data.extend(note);
    }
    let entry = Entry {
        seq: order.version,
        at: t.now,
        from: step.from,
        to: order.state,
        cause: cause.to_owned(),
        actor: actor(t, order),
        data,
    };
    store::append(&t.tx, &order.id, &entry).await?;
    store::project(&t.tx, order).await?;
    for told in &step.events {
        let payload = told.payload(order).map_err(Error::Payload)?;
        t.emit(told.r#type(), &order.id, order.version, &payload).await?;
    }
    for command in &step.commands {
        send(t, order, *command).await?;
    }
    if step.from != order.state || order.version == 1 {
        observe(step);
    }
    // Also where nothing was sent, those who watch the order want to know.
    t.tx.announce();
    Ok(())
}

/// The person who acts, if it is not the buyer, whose name the log must not keep, nor the author of an event.
fn actor(t: &Transaction, order: &Order) -> Option<String> {
    let acting = t.cause.actor.clone().filter(|_| t.cause.causation.is_none());
    acting.filter(|actor| *actor != order.buyer_id)
}

async fn send(t: &Transaction, order: &Order, command: Command) -> Result<(), Error> {
    match command.payload(order) {
        Some(payload) => t.emit(command.r#type(), &order.id, order.version, &payload).await,
        None => {
            tracing::error!(order.id = %order.id, command = command.step(), "a command has nothing to say");
            Ok(())
        }
    }
}

fn observe(step: &Step) {
    let order = &step.order;
    let reason = order.reason.map_or("", domain::Reason::as_str);
    tracing::info!(
        order.id = %order.id,
        from = step.from.as_str(),
        to = order.state.as_str(),
        reason,
        "an order went on"
    );
    match order.state {
        State::Submitted => ORDERS_STARTED.inc(()),
        State::Completed => ORDERS_COMPLETED.inc(()),
        State::Failed | State::Cancelled => {
            ORDERS_FAILED.inc(labels::OrderReason::of(reason));
        }
        State::Reserved
        | State::ActionRequired
        | State::Capturing
        | State::Paid
        | State::Compensating
        | State::Refunding
        | State::PartiallyRefunded
        | State::Refunded => {}
    }
}

async fn settle_refund(t: &Transaction, refund_id: &str, state: RefundState) -> Result<(), Error> {
    let before = store::refund(&t.tx, refund_id)
        .await?
        .ok_or(DomainError::Missing)?;
    let refund = Refund {
        state,
        updated_at: t.now,
        ..before
    };
    match store::save_refund(&t.tx, &refund, RefundState::Approved).await? {
        true => Ok(()),
        false => Err(DomainError::Stale.into()),
    }
}

/// `LK-2026-000123`, by the year of the transaction.
async fn number(t: &Transaction) -> Result<String, Error> {
    let year = rfc3339(t.now).chars().take(4).collect::<String>();
    let next = store::next_number(&t.tx, year.parse().unwrap_or_default()).await?;
    Ok(format!("LK-{year}-{next:06}"))
}
