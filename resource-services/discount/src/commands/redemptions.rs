//! The commands of an order: reserve, commit, release. Each locks the buyer's row first, then the order's, then the
//! coupon's, so that commands wait for each other and for the deletion of a user, and never in a circle. Whoever asks
//! about a code is locked before all of these.

use latchkey_contracts::Money;
use latchkey_contracts::events::command::{About, DiscountCommand, DiscountReserve};
use latchkey_contracts::events::discount::{
    COMMITTED, REFUSED, RELEASED, RESERVED, Refused, RefusedReason, Reserved, Settled,
};
use latchkey_kit::{Transaction, has_control};

use super::quotes;
use crate::domain::{
    Coupon, Discount, ERASED, Held, Lines, Next, Redemption, Reply, State, Verb, evaluate, next, normalize,
};
use crate::{Error, store};

/// Why a command cannot be carried out.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// No order can have such lines: a defect of the sender.
    #[error("the command cannot be meant: {0}")]
    Malformed(String),
    /// The rows do not allow what was decided under their locks: a defect of ours, or a changed database.
    #[error("the counters of the coupon contradict the redemption")]
    Contradiction,
    /// The buyer's row is locked before the order's, and who the buyer is has only now become known.
    #[error("the order was reserved in the meantime: the next attempt knows its buyer")]
    Overtaken,
    #[error(transparent)]
    Failed(#[from] Error),
}

impl From<latchkey_db::DbError> for CommandError {
    fn from(error: latchkey_db::DbError) -> Self {
        Self::Failed(error.into())
    }
}

/// Carries out a command and answers it. A repeated one changes nothing and gets the answer again.
pub async fn handle(t: &Transaction, command: DiscountCommand) -> Result<(), CommandError> {
    match command {
        DiscountCommand::Reserve(command) => reserve(t, command).await,
        DiscountCommand::Commit(about) => settle(t, about, Verb::Commit).await,
        DiscountCommand::Release(about) => settle(t, about, Verb::Release).await,
    }
}

async fn reserve(t: &Transaction, command: DiscountReserve) -> Result<(), CommandError> {
    let code = normalize(&command.code);
    if has_control(&code) {
        return Err(CommandError::Malformed(
            "code contains control characters".to_owned(),
        ));
    }
    let buyer = store::lock_buyer(&t.tx, &command.buyer).await?;
    let before = store::claim(&t.tx, &command.order_id, t.now).await?;
    let state = before.as_ref().map(|redemption| redemption.state);
    let (redemption, reply) = match (before, next(state, Verb::Reserve)) {
        // An order that was cancelled early is told about the code that it names now.
        (Some(before), Next::Answer(reply)) if before.code.is_empty() => {
            (Redemption { code, ..before }, reply)
        }
        (Some(before), Next::Answer(reply)) => (before, reply),
        (before, _) => {
            let (user_id, outcome) = match buyer.erased_at {
                Some(_) => (ERASED.to_owned(), Err(RefusedReason::NotEligible)),
                None => (command.buyer.clone(), hold(t, &command, &code).await?),
            };
            let unheard = before.unwrap_or_else(|| unheard(&command.order_id, t.now));
            let redemption = match outcome {
                Ok(discount) => Redemption {
                    code,
                    user_id,
                    held: Some(Held {
                        amount: discount.amount,
                        per_line: discount.per_line(),
                        coupon_id: discount.coupon_id,
                        currency: discount.currency,
                    }),
                    ..unheard.to(State::Reserved, t.now)
                },
                Err(reason) => Redemption {
                    code,
                    user_id,
                    ..unheard.to(State::Refused(reason), t.now)
                },
            };
            write(t, &redemption).await?;
            let reply = redemption.state.reply();
            (redemption, reply)
        }
    };
    answer(t, &redemption, reply, &command.command_id).await
}

/// Holds one use of the coupon, or says why not. The buyer's row is locked already.
async fn hold(
    t: &Transaction,
    command: &DiscountReserve,
    code: &str,
) -> Result<Result<Discount, RefusedReason>, CommandError> {
    let lines = Lines::of_order(&command.lines, &t.currency).map_err(|errors| {
        let errors = errors
            .iter()
            .map(|error| format!("{} {}", error.field, error.message));
        CommandError::Malformed(errors.collect::<Vec<_>>().join("; "))
    })?;
    let (buyer, order) = (&command.buyer, &command.order_id);
    let coupon = store::lock_by_code(&t.tx, code).await?;
    let outcome = match &coupon {
        Some(coupon) => {
            let facts = quotes::facts(&t.tx, coupon, buyer, order, &lines).await?;
            evaluate(Some(coupon), buyer, &lines, &facts, t.now)
        }
        None => Err(RefusedReason::Unknown),
    };
    let outcome = outcome.and_then(|discount| match discount.is(&command.expected) {
        true => Ok(discount),
        false => Err(RefusedReason::Changed),
    });
    if let (Ok(_), Some(coupon)) = (&outcome, &coupon) {
        take_use(t, coupon, buyer, order).await?;
    }
    Ok(outcome)
}

/// The locks make these conditions true; the statements hold them all the same.
async fn take_use(t: &Transaction, coupon: &Coupon, buyer: &str, order: &str) -> Result<(), CommandError> {
    let held = store::hold_use(&t.tx, &coupon.id).await?
        && store::add_use(&t.tx, &coupon.id, buyer, coupon.terms.per_user).await?
        && (!coupon.terms.first_order_only || store::claim_first(&t.tx, buyer, order).await?);
    match held {
        true => Ok(()),
        false => Err(CommandError::Contradiction),
    }
}

/// Commit and release.
async fn settle(t: &Transaction, about: About, verb: Verb) -> Result<(), CommandError> {
    let user_id = store::user_of(&t.tx, &about.order_id).await?;
    let locked = user_id.filter(|user_id| user_id != ERASED);
    if let Some(user_id) = &locked {
        store::lock_buyer(&t.tx, user_id).await?;
    }
    let before = store::claim(&t.tx, &about.order_id, t.now).await?;
    if let Some(before) = &before
        && !["", ERASED, locked.as_deref().unwrap_or_default()].contains(&before.user_id.as_str())
    {
        return Err(CommandError::Overtaken);
    }
    let state = before.as_ref().map(|redemption| redemption.state);
    let redemption = before.unwrap_or_else(|| unheard(&about.order_id, t.now));
    let (redemption, reply) = match next(state, verb) {
        Next::Answer(reply) => (redemption, reply),
        Next::Commit => {
            if redemption.user_id != ERASED {
                store::remember_order(&t.tx, &redemption.user_id, &redemption.order_id).await?;
            }
            if !store::commit_use(&t.tx, coupon_of(&redemption)?).await? {
                return Err(CommandError::Contradiction);
            }
            (redemption.to(State::Committed, t.now), Reply::Committed)
        }
        Next::Release => {
            store::release_first(&t.tx, &redemption.user_id, &redemption.order_id).await?;
            let coupon = coupon_of(&redemption)?;
            if !store::release_use(&t.tx, coupon).await? {
                return Err(CommandError::Contradiction);
            }
            store::return_use(&t.tx, coupon, &redemption.user_id).await?;
            (redemption.to(State::Released, t.now), Reply::Released)
        }
        Next::Cancel | Next::Reserve => (redemption.to(State::Released, t.now), Reply::Released),
    };
    if state != Some(redemption.state) {
        write(t, &redemption).await?;
    }
    answer(t, &redemption, reply, &about.command_id).await
}

fn coupon_of(redemption: &Redemption) -> Result<&str, CommandError> {
    let held = redemption.held.as_ref();
    held.map(|held| held.coupon_id.as_str())
        .ok_or(CommandError::Contradiction)
}

fn unheard(order_id: &str, now: i64) -> Redemption {
    Redemption {
        order_id: order_id.to_owned(),
        code: String::new(),
        user_id: String::new(),
        held: None,
        state: State::Released,
        version: 0,
        created_at: now,
        updated_at: now,
    }
}

async fn write(t: &Transaction, redemption: &Redemption) -> Result<(), CommandError> {
    match store::save_answer(&t.tx, redemption).await? {
        true => Ok(()),
        false => Err(CommandError::Contradiction),
    }
}

/// Tells the order, as the answer to this command. The content is that of the row, so that it is the same every time.
async fn answer(
    t: &Transaction,
    redemption: &Redemption,
    reply: Reply,
    command_id: &str,
) -> Result<(), CommandError> {
    let (order_id, command_id) = (redemption.order_id.clone(), command_id.to_owned());
    let (subject, sequence) = (&redemption.order_id, redemption.version);
    let held = redemption.held.as_ref();
    let settled = || Settled {
        order_id: order_id.clone(),
        command_id: command_id.clone(),
        coupon_id: held.map(|held| held.coupon_id.clone()),
    };
    match reply {
        Reply::Reserved => {
            let held = held.ok_or(CommandError::Contradiction)?;
            let reserved = Reserved {
                order_id: order_id.clone(),
                command_id: command_id.clone(),
                code: redemption.code.clone(),
                coupon_id: held.coupon_id.clone(),
                amount: Money::new(held.amount, &held.currency),
                per_line: held.per_line.clone(),
            };
            t.emit(RESERVED, subject, sequence, &reserved).await?;
        }
        Reply::Committed => t.emit(COMMITTED, subject, sequence, &settled()).await?,
        Reply::Released => t.emit(RELEASED, subject, sequence, &settled()).await?,
        Reply::Refused(reason) => {
            let refused = Refused {
                order_id: order_id.clone(),
                command_id: command_id.clone(),
                code: redemption.code.clone(),
                reason,
            };
            t.emit(REFUSED, subject, sequence, &refused).await?;
        }
    }
    Ok(())
}
