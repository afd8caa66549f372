//! Movements in wallets: each has a key and happens once.

use latchkey_contracts::Money;
use latchkey_contracts::events::payment::{WALLET_CHANGED, WalletChanged, WalletEntryKind};
use latchkey_kit::Transaction;

use crate::domain::{DomainError, FULL, Moved, Movement, Wallet};
use crate::{Error, store};

/// What every new user gets: 10.00.
pub const WELCOME: i64 = 1_000;

/// Moves credits once under `key`, and tells of every entry.
pub async fn record(
    t: &Transaction,
    user_id: &str,
    movement: Movement,
    key: &str,
    order_id: Option<&str>,
) -> Result<Wallet, Error> {
    store::open_wallet(&t.tx, user_id).await?;
    let wallet = lock(t, user_id).await?;
    if store::has_entry(&t.tx, key).await? {
        return Ok(wallet);
    }
    let mut last = wallet;
    for (position, moved) in last.apply(movement)?.into_iter().enumerate() {
        // What a closed wallet writes off at once belongs to the same purpose.
        let key = match position {
            0 => key.to_owned(),
            _ => format!("{key}:write_off"),
        };
        write(t, &last, &moved, &key, order_id).await?;
        last = moved.after;
    }
    Ok(last)
}

/// Opens the wallet of a user who is new here, with the welcome credits. A closed one stays closed.
pub async fn welcome(t: &Transaction, user_id: &str) -> Result<(), Error> {
    store::open_wallet(&t.tx, user_id).await?;
    if lock(t, user_id).await?.closed_at.is_some() {
        return Ok(());
    }
    let grant = Movement::Credit(WalletEntryKind::Grant, WELCOME);
    record(t, user_id, grant, &format!("welcome:{user_id}"), None).await?;
    Ok(())
}

/// Closes the wallet of an erased user for good, and writes off what is free in it. What is held stays until its order
/// has ended.
pub async fn close(t: &Transaction, user_id: &str) -> Result<(), Error> {
    store::open_wallet(&t.tx, user_id).await?;
    let wallet = lock(t, user_id).await?;
    if wallet.closed_at.is_some() {
        return Ok(());
    }
    match wallet.close(t.now) {
        (_, Some(rest)) => write(t, &wallet, &rest, &format!("erased:{user_id}"), None).await,
        (mut closed, None) => {
            closed.version += 1;
            save(t, &closed, wallet.version).await
        }
    }
}

/// Refuses what a wallet that is there cannot take: it is closed, or would be full with this and with the top-ups that
/// are on their way into it. It stays locked, so that of many at once each counts those before it.
pub async fn must_take(t: &Transaction, user_id: &str, amount: i64) -> Result<(), Error> {
    let wallet = lock(t, user_id).await?;
    if wallet.closed_at.is_some() {
        return Err(DomainError::WalletClosed.into());
    }
    let coming = store::coming(&t.tx, user_id).await?;
    match wallet.balance.saturating_add(coming).saturating_add(amount) > FULL {
        true => Err(DomainError::WalletFull.into()),
        false => Ok(()),
    }
}

/// The wallet, locked until the end of the transaction.
pub async fn lock(t: &Transaction, user_id: &str) -> Result<Wallet, Error> {
    Ok(store::lock_wallet(&t.tx, user_id)
        .await?
        .ok_or(DomainError::Missing)?)
}

async fn write(
    t: &Transaction,
    before: &Wallet,
    moved: &Moved,
    key: &str,
    order_id: Option<&str>,
) -> Result<(), Error> {
    save(t, &moved.after, before.version).await?;
    let entry_id = t.new_id();
    store::insert_entry(&t.tx, &entry_id, moved, key, order_id, t.now).await?;
    let money = |amount: i64| Money::new(amount, &*t.currency);
    let after = &moved.after;
    let changed = WalletChanged {
        user_id: after.user_id.clone(),
        entry_id,
        kind: moved.kind,
        amount: money(moved.amount),
        balance: money(after.balance),
        held: money(after.held),
        version: after.version,
    };
    t.emit(WALLET_CHANGED, &after.user_id, after.version, &changed)
        .await
}

async fn save(t: &Transaction, wallet: &Wallet, before: i64) -> Result<(), Error> {
    match store::save_wallet(&t.tx, wallet, before).await? {
        true => Ok(()),
        false => Err(DomainError::Stale.into()),
    }
}
