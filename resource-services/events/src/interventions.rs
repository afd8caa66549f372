//! Carries out what administrators ask for, outside of every transaction: the bus has a database or a broker of its own.
//!
//! Who, what and why is committed before anything is done, so that nothing happens without a trace. Whoever dies in
//! between leaves a claim that ends by itself; doing the same again finds the letter gone, and says so.

use std::time::Duration;

use futures::FutureExt;
use latchkey_bus::{BusError, Cause, EventBus};
use latchkey_kit::{Authenticated, Context, Task};
use tokio_util::sync::CancellationToken;

use crate::dead_letters::bus;
use crate::domain::{Action, Finished, Intervention, Outcome};
use crate::{Error, store};

/// The task of the service.
pub const TASK: Task = Task {
    name: "interventions",
    run: |context, stop| async move { run(&context, &stop).await }.boxed(),
};

/// Writes down what somebody wants done, and waits a while until it is.
pub async fn ask(context: &Context, who: Authenticated, action: Action) -> Result<Intervention, Error> {
    let mut changes = context.db.changes();
    let asked = context
        .write(who.cause, async move |t| {
            let new = Intervention {
                id: t.new_id(),
                action,
                requested_by: who.access.sub().to_owned(),
                created_at: t.now,
                finished: None,
            };
            store::insert(&t.tx, &new).await?;
            Ok::<_, Error>(new)
        })
        .await?;
    let finished = async {
        loop {
            changes.mark_unchanged();
            let now = store::intervention(&context.db, &asked.id).await?;
            if let Some(now) = now.filter(|now| now.finished.is_some()) {
                return Ok::<_, Error>(now);
            }
            tokio::select! {
                Ok(()) = changes.changed() => {}
                () = tokio::time::sleep(LOOK) => {}
            }
        }
    };
    match tokio::time::timeout(PATIENCE, finished).await {
        Ok(finished) => finished,
        Err(_) => Ok(asked),
    }
}

async fn run(context: &Context, stop: &CancellationToken) {
    let mut changes = context.db.changes();
    loop {
        changes.mark_unchanged();
        let worked = match stop.run_until_cancelled(work(context)).await {
            Some(worked) => worked,
            None => return,
        };
        if let Err(error) = &worked {
            tracing::warn!(
                reason = latchkey_http::reasons(error),
                "interventions cannot be carried out; they are looked at again"
            );
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(POLL) => {}
            Ok(()) = changes.changed(), if worked.is_ok() => {}
        }
    }
}

/// Carries out everything that waits, one after the other.
pub async fn work(context: &Context) -> Result<(), Error> {
    while let Some(next) = store::next(&context.db, context.clock.now_ms()).await? {
        carry_out(context, next).await?;
    }
    Ok(())
}

async fn carry_out(context: &Context, asked: Intervention) -> Result<(), Error> {
    let id = asked.id.clone();
    let claimed = context
        .write(Cause::default(), async move |t| {
            Ok::<_, Error>(store::claim(&t.tx, &id, t.now, t.now + CLAIM_MS).await?)
        })
        .await?;
    if !claimed {
        return Ok(());
    }
    let (outcome, letters) = match act(bus(context)?, &asked.action).await {
        Ok(done) => done,
        Err(error) => {
            tracing::warn!(
                reason = latchkey_http::reasons(&error),
                "an administrator's intervention failed"
            );
            (Outcome::Failed, 0)
        }
    };
    tracing::info!(
        action = asked.action.kind().as_str(),
        consumer = asked.action.consumer(),
        event.id = asked.action.target().map(|target| target.event_id.as_str()),
        sub = asked.requested_by,
        outcome = outcome.as_str(),
        letters,
        "an administrator's intervention was carried out"
    );
    let id = asked.id;
    context
        .write(Cause::default(), async move |t| {
            let finished = Finished {
                at: t.now,
                outcome,
                letters,
            };
            // Somebody else may have finished it after a claim that ran out; the first word stays.
            store::finish(&t.tx, &id, finished).await?;
            Ok(())
        })
        .await
}

async fn act(bus: &EventBus, action: &Action) -> Result<(Outcome, i64), BusError> {
    match action {
        Action::Redrive(target) => {
            let had = bus.redrive(&target.consumer, &target.event_id).await?;
            Ok(Outcome::of_one(had))
        }
        Action::Discard { target, reason } => {
            let had = bus.discard(&target.consumer, &target.event_id, reason).await?;
            Ok(Outcome::of_one(had))
        }
        Action::RedriveAll { consumer } => {
            let count = bus.redrive_all(consumer.as_deref(), PACE).await?;
            Ok((Outcome::Done, i64::try_from(count).unwrap_or(i64::MAX)))
        }
    }
}

/// Ten letters in a second, so that a consumer which has just recovered is not flooded.
const PACE: Duration = Duration::from_millis(100);
/// How long a request waits for its intervention; then it is still under way.
const PATIENCE: Duration = Duration::from_secs(2);
const LOOK: Duration = Duration::from_millis(250);
const POLL: Duration = Duration::from_secs(10);
/// How long an intervention belongs to the one who carries it out.
const CLAIM_MS: i64 = 120_000;
