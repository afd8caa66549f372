//! Quotes, and the throttle of those who guess codes.

use latchkey_bus::Cause;
use latchkey_contracts::events::discount::RefusedReason;
use latchkey_db::{DbError, On};
use latchkey_kit::{Context, Transaction};

use crate::domain::{
    Coupon, Discount, DomainError, Facts, Lines, MOST_BY_ADDRESS, MOST_BY_USER, QuoteRequest, WINDOW_MS,
    counts, evaluate, wait,
};
use crate::{Error, store};

/// Who asks about a code.
#[derive(Clone, Debug)]
pub struct Asker {
    pub user_id: String,
    /// The address that counts, if one does.
    pub address: Option<String>,
}

/// What a code is worth, or why it is refused.
pub type Outcome = Result<Discount, RefusedReason>;

/// Answers a quote. What the user knows about the code already is answered by reading alone; anything else is a guess,
/// and guesses of one user or one address are decided one after the other.
pub async fn quote(
    context: &Context,
    cause: Cause,
    asker: Asker,
    request: QuoteRequest,
) -> Result<Outcome, Error> {
    let (db, now) = (&context.db, context.clock.now_ms());
    if !counts(store::asked(db, &asker.user_id, &request.code).await?, now) {
        return Ok(price(db, &asker.user_id, &request, now).await?);
    }
    context
        .write(cause, async move |t| {
            must_not_guess(&t, &asker, &request.code).await?;
            let outcome = price(&t.tx, &asker.user_id, &request, t.now).await?;
            remember(&t, &asker, &request.code, outcome.is_err()).await?;
            Ok(outcome)
        })
        .await
}

/// Refuses an answer about a code to whoever had too many codes refused.
pub async fn must_not_guess(t: &Transaction, asker: &Asker, code: &str) -> Result<(), Error> {
    store::lock_asker(&t.tx, &user_subject(&asker.user_id), t.now).await?;
    if let Some(address) = &asker.address {
        store::lock_asker(&t.tx, &format!("address:{address}"), t.now).await?;
    }
    // Somebody may have been faster with the same code.
    if !counts(store::asked(&t.tx, &asker.user_id, code).await?, t.now) {
        return Ok(());
    }
    let since = t.now - WINDOW_MS;
    let by_user = store::refused_by_user(&t.tx, &asker.user_id, since, most(MOST_BY_USER)).await?;
    let by_address = match &asker.address {
        Some(address) => store::refused_from(&t.tx, address, since, most(MOST_BY_ADDRESS)).await?,
        None => Vec::new(),
    };
    match wait(&by_user, &by_address, t.now) {
        Some(seconds) => Err(DomainError::TooManyCodes { seconds }.into()),
        None => Ok(()),
    }
}

/// Remembers what the user was told about a code.
pub async fn remember(t: &Transaction, asker: &Asker, code: &str, refused: bool) -> Result<(), Error> {
    let address = asker.address.as_deref();
    store::remember_asked(&t.tx, &asker.user_id, code, address, refused, t.now).await?;
    // The last that it does: what it takes then, others may wait for.
    store::sweep(&t.tx, t.now - REMEMBERED_MS).await?;
    Ok(())
}

/// Everything but the uses that are held under a lock, as a reservation reads them.
pub async fn facts<'a, T: Copy + Into<On<'a>>>(
    on: T,
    coupon: &Coupon,
    user_id: &str,
    order_id: &str,
    lines: &Lines,
) -> Result<Facts, DbError> {
    Ok(Facts {
        used: store::used(on, &coupon.id, user_id).await?,
        has_ordered: store::buyer(on, user_id).await?.has_ordered_besides(order_id),
        places: store::places(on, &lines.course_ids()).await?,
    })
}

/// The subject of a user's guesses.
pub fn user_subject(user_id: &str) -> String {
    format!("user:{user_id}")
}

async fn price<'a, T: Copy + Into<On<'a>>>(
    on: T,
    user_id: &str,
    request: &QuoteRequest,
    now: i64,
) -> Result<Outcome, DbError> {
    let coupon = store::coupon_by_code(on, &request.code).await?;
    let facts = match &coupon {
        Some(coupon) => facts(on, coupon, user_id, "", &request.lines).await?,
        None => Facts::default(),
    };
    Ok(evaluate(coupon.as_ref(), user_id, &request.lines, &facts, now))
}

fn most(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// How long an accepted code counts as known, in milliseconds.
const REMEMBERED_MS: i64 = 24 * 3_600_000;
