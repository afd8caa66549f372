//! Asks the processor, outside of every transaction.
//!
//! An operation is claimed by a conditional update, the processor is asked, and the outcome is written with everything
//! that follows from it. Whoever dies in between leaves a claim that ends by itself; the next one asks first what became
//! of the key. An operation ends by an outcome alone: as long as the processor is silent it is asked again.

use std::time::Duration;

use futures::FutureExt;
use futures::StreamExt;
use latchkey_bus::Cause;
use latchkey_contracts::events::payment::DeclinedReason;
use latchkey_db::DbError;
use latchkey_kit::{Context, Task};
use tokio_util::sync::CancellationToken;

use crate::Error;
use crate::commands::{self, Settled, cards, refunds};
use crate::domain::{DomainError, Kind, Outcome};
use crate::processor::{CardProcessor, Found, Instruction, Silence, TestProcessor};
use crate::store::{self, Operation};

/// The task of the service.
pub const PROCESSOR: Task = Task {
    name: "processor",
    run: |context, stop| run(context, stop).boxed(),
};

async fn run(context: Context, stop: CancellationToken) {
    let processor = TestProcessor::of(&context);
    let mut changes = context.db.changes();
    let mut trouble = false;
    while !stop.is_cancelled() {
        changes.mark_unchanged();
        if let Err(error) = cards::forget_unsaved(&context).await {
            tracing::warn!(
                reason = latchkey_http::reasons(&error),
                "cards that nobody saved are kept for now; they are looked at again"
            );
        }
        let wait = match work(&context, &processor).await {
            Ok(next_at) => {
                trouble = false;
                let until = next_at.map_or(LONGEST_WAIT_MS, |at| at - context.clock.now_ms());
                until.clamp(SHORTEST_WAIT_MS, LONGEST_WAIT_MS)
            }
            Err(error) => {
                if !trouble {
                    tracing::warn!(
                        reason = latchkey_http::reasons(&error),
                        "the operations of the processor cannot be read; they are looked at again"
                    );
                }
                trouble = true;
                TROUBLE_WAIT_MS
            }
        };
        let wait = Duration::from_millis(u64::try_from(wait).unwrap_or(0));
        tokio::select! {
            changed = changes.changed(), if !trouble => if changed.is_err() { return },
            () = tokio::time::sleep(wait) => {}
            () = stop.cancelled() => {}
        }
    }
}

/// Carries out everything that is due, several at a time, and returns when to look again.
pub async fn work(context: &Context, processor: &dyn CardProcessor) -> Result<Option<i64>, DbError> {
    loop {
        let due = store::due(&context.db, context.clock.now_ms(), BATCH).await?;
        if due.is_empty() {
            return store::next_due(&context.db).await;
        }
        let carried = futures::stream::iter(due).map(|operation| async move {
            let done = carry_out(context, processor, &operation).await;
            if let Err(error) = &done {
                // The claim ends by itself, and then the processor is asked what became of it.
                tracing::warn!(
                    reason = latchkey_http::reasons(error),
                    key = operation.key,
                    "an operation of the processor was left; it is taken up again"
                );
            }
            done.is_err()
        });
        let left: Vec<bool> = carried.buffer_unordered(AT_ONCE).collect().await;
        if left.contains(&true) {
            return Ok(Some(context.clock.now_ms() + TROUBLE_WAIT_MS));
        }
    }
}

/// Claims an operation, asks the processor, and writes what it says.
pub async fn carry_out(
    context: &Context,
    processor: &dyn CardProcessor,
    due: &Operation,
) -> Result<(), Error> {
    let Some(claimed) = claim(context, due).await? else {
        return Ok(());
    };
    let Some(instruction) = instruction(context, &claimed).await? else {
        return end_without_asking(context, claimed).await;
    };
    let found = ask(processor, &claimed, &instruction).await;
    match found {
        Ok(Found::Done(outcome)) => settle(context, claimed, outcome).await,
        Ok(Found::Pending | Found::Unknown) | Err(Silence) => later(context, claimed).await,
    }
}

/// Takes an operation; `None` if somebody else has it.
pub async fn claim(context: &Context, due: &Operation) -> Result<Option<Operation>, Error> {
    let (due, until) = (due.clone(), context.clock.now_ms() + CLAIM_MS);
    context
        .write(Cause::default(), async move |t| {
            Ok(store::claim(&t.tx, &due, until).await?)
        })
        .await
}

/// What the processor is to be asked, from rows that no longer change; `None` if there is nothing to ask.
async fn instruction(context: &Context, operation: &Operation) -> Result<Option<Instruction>, DbError> {
    if let (Kind::Forget, Some(card)) = (operation.kind, &operation.card_reference) {
        let kept = store::is_card_kept(&context.db, card).await?;
        return Ok((!kept).then(|| Instruction::Forget { card: card.clone() }));
    }
    let Some(payment_id) = &operation.payment_id else {
        return Ok(None);
    };
    let Some(payment) = store::payment(&context.db, payment_id).await? else {
        return Ok(None);
    };
    let authorization = Kind::Authorize.key(payment_id);
    Ok(match operation.kind {
        Kind::Authorize => payment.card.map(|card| Instruction::Authorize {
            card: card.reference,
            amount: payment.card_part,
        }),
        // Who has not answered in time has not agreed.
        Kind::Action => Some(Instruction::Action {
            authorization,
            approve: operation.approve.unwrap_or(false),
        }),
        Kind::Capture => Some(Instruction::Capture {
            authorization,
            amount: payment.card_part,
        }),
        Kind::Void => Some(Instruction::Void { authorization }),
        Kind::Refund => match &operation.refund_id {
            Some(refund_id) => {
                store::refund(&context.db, refund_id)
                    .await?
                    .map(|refund| Instruction::Refund {
                        authorization,
                        amount: refund.card_part,
                    })
            }
            None => None,
        },
        Kind::Forget => None,
    })
}

/// The outcome, if the processor says it. An operation that was claimed before may have reached it.
async fn ask(
    processor: &dyn CardProcessor,
    operation: &Operation,
    instruction: &Instruction,
) -> Result<Found, Silence> {
    if operation.attempts > 1 {
        let found = tokio::time::timeout(PATIENCE, processor.find(&operation.key))
            .await
            .map_err(|_elapsed| Silence)??;
        if found != Found::Unknown {
            return Ok(found);
        }
    }
    tokio::time::timeout(PATIENCE, processor.submit(&operation.key, instruction))
        .await
        .map_err(|_elapsed| Silence)?
        .map(Found::Done)
}

/// Writes an outcome with everything that follows from it. What was settled before is left alone.
pub async fn settle(context: &Context, operation: Operation, outcome: Outcome) -> Result<(), Error> {
    let outcome = match (operation.kind, operation.approve, outcome) {
        (Kind::Action, None, Outcome::Declined(_)) => Outcome::Declined(DeclinedReason::ActionAbandoned),
        (_, _, outcome) => outcome,
    };
    for _ in 0..OVERTAKEN_AT_MOST {
        match settle_once(context, operation.clone(), outcome.clone()).await {
            // A command changed the payment meanwhile: what the outcome means there is decided again.
            Err(Error::Rejected(DomainError::Stale)) => {}
            Err(error) => return Err(error),
            Ok(Settled::Yes) => return Ok(()),
            Ok(Settled::Unexpected) => {
                tracing::error!(
                    key = operation.key,
                    ?outcome,
                    "an outcome does not fit; it is asked for again"
                );
                return later(context, operation).await;
            }
        }
    }
    Err(DomainError::Stale.into())
}

async fn settle_once(context: &Context, operation: Operation, outcome: Outcome) -> Result<Settled, Error> {
    context
        .write(cause(&operation), async move |t| {
            // Before its operation, as commands do: whoever locks in one order never waits in a circle.
            if let Some(payment_id) = &operation.payment_id {
                store::lock_payment(&t.tx, payment_id).await?;
            }
            if !store::finish(&t.tx, &operation.key, t.now).await? {
                return Ok(Settled::Yes);
            }
            let settled = match (operation.kind, &operation.payment_id, &operation.refund_id) {
                (Kind::Forget, ..) => Settled::Yes,
                (Kind::Refund, _, Some(refund_id)) => refunds::settle(&t, refund_id, &outcome).await?,
                (kind, Some(payment_id), _) => commands::settle(&t, payment_id, kind, &outcome).await?,
                (_, None, _) => Settled::Unexpected,
            };
            if settled == Settled::Unexpected {
                store::reopen(&t.tx, &operation.key).await?;
            }
            Ok(settled)
        })
        .await
}

/// Gives an operation back, to be asked for again after a pause that grows.
async fn later(context: &Context, operation: Operation) -> Result<(), Error> {
    if operation.attempts >= MANY_ATTEMPTS {
        tracing::warn!(
            key = operation.key,
            attempts = operation.attempts,
            "the processor has not said what became of an operation"
        );
    }
    let pause = FIRST_PAUSE_MS << (operation.attempts - 1).clamp(0, 6);
    let next_at = context.clock.now_ms() + pause.min(LONGEST_PAUSE_MS);
    context
        .write(Cause::default(), async move |t| {
            Ok(store::release(&t.tx, &operation, next_at).await?)
        })
        .await
}

/// Ends an operation for which there is nothing to ask: a card that is kept after all.
async fn end_without_asking(context: &Context, operation: Operation) -> Result<(), Error> {
    if operation.kind != Kind::Forget {
        tracing::error!(key = operation.key, "an operation has no payment");
        return later(context, operation).await;
    }
    context
        .write(Cause::default(), async move |t| {
            let _other = store::finish(&t.tx, &operation.key, t.now).await?;
            Ok(())
        })
        .await
}

fn cause(operation: &Operation) -> Cause {
    Cause {
        correlation: operation.payment_id.clone(),
        traceparent: operation.traceparent.clone(),
        ..Cause::default()
    }
}

/// Longer than both questions to the processor together.
const CLAIM_MS: i64 = 30_000;
const PATIENCE: Duration = Duration::from_secs(10);
const FIRST_PAUSE_MS: i64 = 1_000;
const LONGEST_PAUSE_MS: i64 = 60_000;
const SHORTEST_WAIT_MS: i64 = 10;
const LONGEST_WAIT_MS: i64 = 30_000;
const TROUBLE_WAIT_MS: i64 = 1_000;
const MANY_ATTEMPTS: i64 = 5;
const OVERTAKEN_AT_MOST: usize = 5;
const BATCH: i64 = 32;
const AT_ONCE: usize = 8;
