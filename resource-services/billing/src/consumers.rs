//! What billing hears: paid and refunded orders, captured payments, changed wallets, and deleted users.

use futures::FutureExt;
use latchkey_bus::{Event, Group, HandlerError, Retries};
use latchkey_contracts::events::order;
use latchkey_contracts::events::payment;
use latchkey_contracts::events::user::{self, UserDeleted};
use latchkey_kit::{Consumer, Transaction, payload};

use crate::commands;
use crate::error::handled;

/// Orders that were paid, and what of them was given back. A refund that comes before its order is tried again later.
pub const ORDERS: Consumer = Consumer {
    group: || Group {
        name: "billing.orders",
        types: &[order::PAID, order::REFUNDED],
        retries: Retries::default(),
    },
    handle: |t, event| async move { order(&t, &event).await }.boxed(),
};

/// What was taken, and its fee.
pub const PAYMENTS: Consumer = Consumer {
    group: || Group {
        name: "billing.payments",
        types: &[payment::CAPTURED],
        retries: Retries::default(),
    },
    handle: |t, event| async move { capture(&t, &event).await }.boxed(),
};

/// Wallets.
pub const WALLETS: Consumer = Consumer {
    group: || Group {
        name: "billing.wallets",
        types: &[payment::WALLET_CHANGED],
        retries: Retries::default(),
    },
    handle: |t, event| async move { wallet(&t, &event).await }.boxed(),
};

/// Users who are gone.
pub const USERS: Consumer = Consumer {
    group: || Group {
        name: "billing.users",
        types: &[user::DELETED],
        retries: Retries::default(),
    },
    handle: |t, event| async move { erase(&t, &event).await }.boxed(),
};

async fn order(t: &Transaction, event: &Event) -> Result<(), HandlerError> {
    let done = match event.r#type.as_str() {
        order::PAID => commands::issue_invoice(t, &event.id, &payload(event)?).await,
        _ => commands::issue_credit_note(t, &event.id, &payload(event)?).await,
    };
    done.map_err(handled)
}

async fn capture(t: &Transaction, event: &Event) -> Result<(), HandlerError> {
    commands::record_capture(t, &event.id, &payload(event)?)
        .await
        .map_err(handled)
}

async fn wallet(t: &Transaction, event: &Event) -> Result<(), HandlerError> {
    commands::record_wallet(t, &event.id, &payload(event)?)
        .await
        .map_err(handled)
}

async fn erase(t: &Transaction, event: &Event) -> Result<(), HandlerError> {
    let user: UserDeleted = payload(event)?;
    commands::erase_buyer(t, &user.user_id).await.map_err(handled)
}
