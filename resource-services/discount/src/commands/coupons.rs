//! Coupons: creation, change, deletion.

use latchkey_clock::rfc3339;
use latchkey_contracts::events::discount::{COUPON_CHANGED, CouponChanged};
use latchkey_kit::{Caller, Transaction};

use crate::domain::{Coupon, CouponDraft, DomainError, Scope};
use crate::{Error, store};

/// Creates a coupon; an instructor's belongs to `sub`.
pub async fn create(
    t: &Transaction,
    caller: &Caller,
    sub: &str,
    draft: CouponDraft,
) -> Result<Coupon, Error> {
    let (code, terms, status) = draft.check(caller, sub, &t.currency)?;
    let coupon = Coupon::create(t.new_id(), code, terms, status, t.now);
    if !store::insert(&t.tx, &coupon).await? {
        return Err(DomainError::CodeTaken.into());
    }
    tell(t, &coupon).await?;
    Ok(coupon)
}

/// Replaces the terms of a coupon, of which the caller has read version `read`.
pub async fn replace(
    t: &Transaction,
    caller: &Caller,
    sub: &str,
    id: &str,
    read: i64,
    draft: CouponDraft,
) -> Result<Coupon, Error> {
    let before = own(t, caller, id).await?;
    let owner = match &before.terms.scope {
        Scope::Instructor(instructor) => instructor,
        Scope::All | Scope::Courses(_) | Scope::Categories(_) => sub,
    };
    let (code, terms, status) = draft.check(caller, owner, &t.currency)?;
    let after = before.edit(read, &code, terms, status, t.now)?;
    save(t, &after).await?;
    Ok(after)
}

/// Deletes a coupon, of which the caller has read version `read`.
pub async fn archive(t: &Transaction, caller: &Caller, id: &str, read: i64) -> Result<(), Error> {
    let after = own(t, caller, id).await?.archive(read, t.now)?;
    save(t, &after).await
}

/// Writes a decided change and tells it.
pub async fn save(t: &Transaction, coupon: &Coupon) -> Result<(), Error> {
    if !store::save(&t.tx, coupon).await? {
        return Err(DomainError::Stale.into());
    }
    tell(t, coupon).await
}

/// The coupon, locked so that no order takes a use between the decision and its write.
async fn own(t: &Transaction, caller: &Caller, id: &str) -> Result<Coupon, Error> {
    let coupon = store::lock(&t.tx, id).await?.ok_or(DomainError::Missing)?;
    coupon.must_be_of(caller)?;
    Ok(coupon)
}

async fn tell(t: &Transaction, coupon: &Coupon) -> Result<(), Error> {
    let changed = CouponChanged {
        coupon_id: coupon.id.clone(),
        code: coupon.code.clone(),
        status: coupon.status.as_str().to_owned(),
        starts_at: coupon.terms.starts_at.map(rfc3339),
        ends_at: coupon.terms.ends_at.map(rfc3339),
        version: coupon.version,
    };
    t.emit(COUPON_CHANGED, &coupon.id, coupon.version, &changed).await
}
