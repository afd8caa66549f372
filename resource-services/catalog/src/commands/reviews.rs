//! The commands on reviews: the review, the rating of its course and the event are one transaction.

use latchkey_contracts::events::course::{REVIEW_POSTED, ReviewPosted};
use latchkey_kit::{Caller, Transaction};

use crate::domain::{Course, DomainError, Review, ReviewDraft, Shift, Written};
use crate::{Error, store};

/// Writes the caller's review of a course, or replaces the one that they have written.
pub async fn review(
    t: &Transaction,
    caller: &Caller,
    user_id: &str,
    course_id: &str,
    draft: ReviewDraft,
) -> Result<Review, Error> {
    let course = locked(t, course_id).await?;
    let owned = store::owns(&t.tx, user_id, course_id).await?;
    let before = store::review(&t.tx, course_id, user_id).await?;
    let written = draft.write(&course, caller, owned, before, t.new_id(), t.now)?;
    put(t, &course, written).await
}

/// Writes a review of somebody who is known to be allowed: the demo's.
pub async fn signed_review(
    t: &Transaction,
    user_id: &str,
    course_id: &str,
    draft: ReviewDraft,
) -> Result<Review, Error> {
    let course = locked(t, course_id).await?;
    let before = store::review(&t.tx, course_id, user_id).await?;
    let written = draft.signed(course_id, user_id, before, t.new_id(), t.now)?;
    put(t, &course, written).await
}

/// Takes the review of a user back. Without one nothing changes.
pub async fn withdraw(t: &Transaction, user_id: &str, course_id: &str) -> Result<(), Error> {
    let course = locked(t, course_id).await?;
    let Some(review) = store::review(&t.tx, course_id, user_id).await? else {
        return Ok(());
    };
    if !store::delete_review(&t.tx, &review).await? {
        return Err(DomainError::Stale.into());
    }
    rate(t, &course, &review, None, review.withdrawn()).await
}

/// Forgets a user: their reviews go, and what they owned.
pub async fn erase(t: &Transaction, user_id: &str) -> Result<(), Error> {
    store::forget_owner(&t.tx, user_id).await?;
    for review in store::reviews_by(&t.tx, user_id).await? {
        withdraw(t, user_id, &review.course_id).await?;
    }
    Ok(())
}

async fn put(t: &Transaction, course: &Course, written: Written) -> Result<Review, Error> {
    if !store::put_review(&t.tx, &written).await? {
        return Err(DomainError::Stale.into());
    }
    let Written { review, shift, .. } = written;
    rate(t, course, &review, Some(review.stars), shift).await?;
    Ok(review)
}

/// Changes the rating of a course whose rating is locked, and tells of it.
async fn rate(
    t: &Transaction,
    course: &Course,
    review: &Review,
    stars: Option<i64>,
    shift: Shift,
) -> Result<(), Error> {
    let before = course.standing.rating;
    let after = before.shifted(shift)?;
    let version = store::rate(&t.tx, &course.id, before, after).await?;
    let told = ReviewPosted {
        course_id: course.id.clone(),
        user_id: review.user_id.clone(),
        stars,
        rating_sum: after.sum,
        rating_count: after.count,
        version: version.ok_or(DomainError::Stale)?,
    };
    t.emit(REVIEW_POSTED, &course.id, told.version, &told).await
}

/// A course whose reviews nobody else changes until the end of the transaction.
async fn locked(t: &Transaction, course_id: &str) -> Result<Course, Error> {
    if !store::lock_rating(&t.tx, course_id).await? {
        return Err(DomainError::Missing.into());
    }
    Ok(store::course(&t.tx, course_id)
        .await?
        .ok_or(DomainError::Missing)?)
}
