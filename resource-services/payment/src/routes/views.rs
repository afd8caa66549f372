//! The responses of payment, as JSON.

use latchkey_clock::rfc3339;
use latchkey_contracts::Money;
use latchkey_contracts::events::payment::{CardFace, WalletEntryKind};
use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::{Card, Grant, GrantState, Payment, State, Wallet};
use crate::store::Entry;

/// A saved card. `id` is its token: what orders and top-ups name it by.
#[derive(Serialize, ToSchema)]
pub struct CardView {
    pub id: String,
    pub brand: String,
    pub last4: String,
    pub exp_month: i64,
    pub exp_year: i64,
    pub created_at: String,
}

/// All saved cards: there are at most ten.
#[derive(Serialize, ToSchema)]
pub struct CardList {
    pub items: Vec<CardView>,
}

/// A wallet.
#[derive(Serialize, ToSchema)]
pub struct WalletView {
    pub balance: Money,
    /// The part of the balance that is reserved for orders.
    pub held: Money,
    /// What can be spent.
    pub available: Money,
    pub version: i64,
}

/// A movement in a wallet.
#[derive(Serialize, ToSchema)]
pub struct EntryView {
    pub id: String,
    pub kind: WalletEntryKind,
    pub amount: Money,
    /// After it.
    pub balance: Money,
    /// After it.
    pub held: Money,
    pub order_id: Option<String>,
    pub created_at: String,
}

/// A page of movements, the newest first. `next_cursor` is null on the last page.
#[derive(Serialize, ToSchema)]
pub struct EntryPage {
    pub items: Vec<EntryView>,
    pub next_cursor: Option<String>,
}

/// A payment of an order, or a top-up.
#[derive(Serialize, ToSchema)]
pub struct PaymentView {
    pub id: String,
    /// Null for a top-up.
    pub order_id: Option<String>,
    pub amount: Money,
    pub wallet_amount: Money,
    pub card_amount: Money,
    pub card: Option<CardFace>,
    pub state: State,
    /// Why it ended as it did.
    pub reason: Option<String>,
    pub refunded: Money,
    /// Until when the buyer can answer.
    pub expires_at: Option<String>,
    pub captured_at: Option<String>,
    /// Also the ETag.
    pub version: i64,
    pub created_at: String,
    pub updated_at: String,
}

/// Credits that an administrator gives.
#[derive(Serialize, ToSchema)]
pub struct GrantView {
    pub id: String,
    pub user_id: String,
    pub amount: Money,
    pub reason: String,
    pub state: GrantState,
    pub requested_by: String,
    pub approved_by: Option<String>,
    pub created_at: String,
    pub version: i64,
}

/// A page of grants, the newest first. `next_cursor` is null on the last page.
#[derive(Serialize, ToSchema)]
pub struct GrantPage {
    pub items: Vec<GrantView>,
    pub next_cursor: Option<String>,
}

impl From<Card> for CardView {
    fn from(card: Card) -> Self {
        Self {
            id: card.id,
            brand: card.brand,
            last4: card.last4,
            exp_month: card.exp_month,
            exp_year: card.exp_year,
            created_at: rfc3339(card.created_at),
        }
    }
}

impl WalletView {
    pub fn new(wallet: &Wallet, currency: &str) -> Self {
        Self {
            balance: Money::new(wallet.balance, currency),
            held: Money::new(wallet.held, currency),
            available: Money::new(wallet.available(), currency),
            version: wallet.version,
        }
    }
}

impl EntryView {
    pub fn new(entry: Entry, currency: &str) -> Self {
        Self {
            id: entry.id,
            kind: entry.kind,
            amount: Money::new(entry.amount, currency),
            balance: Money::new(entry.balance, currency),
            held: Money::new(entry.held, currency),
            order_id: entry.order_id,
            created_at: rfc3339(entry.created_at),
        }
    }
}

impl PaymentView {
    pub fn new(payment: &Payment, currency: &str) -> Self {
        Self {
            id: payment.id.clone(),
            order_id: payment.order_id.clone(),
            amount: Money::new(payment.amount, currency),
            wallet_amount: Money::new(payment.wallet_part, currency),
            card_amount: Money::new(payment.card_part, currency),
            card: payment.card.clone().map(|card| CardFace {
                brand: card.brand,
                last4: card.last4,
            }),
            state: payment.state,
            reason: payment.reason.clone(),
            refunded: Money::new(payment.refunded, currency),
            expires_at: payment.expires_at.map(rfc3339),
            captured_at: payment.captured_at.map(rfc3339),
            version: payment.version,
            created_at: rfc3339(payment.created_at),
            updated_at: rfc3339(payment.updated_at),
        }
    }
}

impl GrantView {
    pub fn new(grant: Grant, currency: &str) -> Self {
        Self {
            id: grant.id,
            user_id: grant.user_id,
            amount: Money::new(grant.amount, currency),
            reason: grant.reason,
            state: grant.state,
            requested_by: grant.requested_by,
            approved_by: grant.approved_by,
            created_at: rfc3339(grant.created_at),
            version: grant.version,
        }
    }
}
