//! The changes of a basket: load it, let the domain decide, write the next version. Everything here runs inside one
//! transaction.

use std::collections::BTreeSet;

use latchkey_kit::Transaction;

use crate::domain::{Basket, Course, DomainError, Holder};
use crate::{Error, store};

/// Changes the holder's basket, which is made if there is none, and returns it; what changes nothing writes nothing.
pub async fn change(
    t: &Transaction,
    holder: &Holder,
    decide: impl FnOnce(Basket) -> Result<Basket, DomainError> + Send,
) -> Result<Basket, Error> {
    let before = load(t, holder).await?;
    let mut after = decide(before.clone())?;
    if after == before {
        return Ok(before);
    }
    after.version += 1;
    match store::update(&t.tx, &before, &after, t.now).await? {
        true => Ok(after),
        false => Err(DomainError::Stale.into()),
    }
}

/// Puts a course into the basket.
pub async fn put(t: &Transaction, holder: &Holder, course: &Course, quantity: i64) -> Result<Basket, Error> {
    // What the catalog was asked for a moment ago may be older than what it has told since.
    store::remember_course(&t.tx, course).await?;
    let course = store::course(&t.tx, &course.course_id)
        .await?
        .ok_or(DomainError::Missing)?;
    let owned = match holder.sub() {
        Some(sub) => !store::owned(&t.tx, sub, std::slice::from_ref(&course.course_id))
            .await?
            .is_empty(),
        None => false,
    };
    let now = t.now;
    change(t, holder, move |basket| {
        basket.with(&course, quantity, owned, now)
    })
    .await
}

/// Makes a visitor's basket part of the user's. Repeated, it changes nothing: the visitor's is gone.
pub async fn merge(t: &Transaction, holder: &Holder, guest: &Holder) -> Result<Basket, Error> {
    // What another tab puts in meanwhile must be read, or come too late.
    if !store::lock(&t.tx, guest).await? {
        return load(t, holder).await;
    }
    let Some(from) = store::basket(&t.tx, guest).await? else {
        return load(t, holder).await;
    };
    // Two merges at once: only the one that deletes it merges it.
    if store::delete(&t.tx, guest).await? == 0 {
        return load(t, holder).await;
    }
    let courses: Vec<String> = from.lines.iter().map(|line| line.course_id.clone()).collect();
    let facts = store::facts(&t.tx, holder, &courses).await?;
    let owned: BTreeSet<String> = facts
        .owned
        .into_iter()
        .filter(|id| {
            let course = facts.courses.get(id);
            course.is_none_or(|course| course.kind == crate::domain::Kind::Course)
        })
        .collect();
    change(t, holder, move |basket| {
        Ok(basket.merged(from, |id| owned.contains(id)))
    })
    .await
}

/// The holder's basket. Two tabs may change it at once: whoever is second waits here, and decides on the newer state.
/// Only a basket that is locked is read: one that another tab makes in between would change under the decision.
async fn load(t: &Transaction, holder: &Holder) -> Result<Basket, Error> {
    if !store::lock(&t.tx, holder).await? {
        let new = Basket {
            id: t.new_id(),
            holder: holder.clone(),
            coupon_code: None,
            lines: Vec::new(),
            version: 1,
        };
        if store::insert(&t.tx, &new, t.now).await? {
            return Ok(new);
        }
        store::lock(&t.tx, holder).await?;
    }
    let basket = store::basket(&t.tx, holder).await?;
    basket.ok_or_else(|| DomainError::Stale.into())
}
