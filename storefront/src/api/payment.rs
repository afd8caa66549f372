//! The user's cards, wallet and payments.

use latchkey_contracts::Money;
use latchkey_contracts::events::payment::{CardFace, WalletEntryKind};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::ApiError;
use super::service::{Call, Caller, Service};
use crate::format::segment;

/// The payments.
#[derive(Clone, Debug)]
pub struct Payments(Service);

/// A saved card. `id` is its token.
#[derive(Clone, Debug, Deserialize)]
pub struct Card {
    pub id: String,
    pub brand: String,
    pub last4: String,
    pub exp_month: i64,
    pub exp_year: i64,
}

/// A card as it was typed. It has no `Debug`, so that no log can have it.
#[derive(Serialize)]
pub struct CardDraft<'a> {
    pub number: &'a str,
    pub exp_month: i64,
    pub exp_year: i64,
    pub cvc: &'a str,
    /// Whether it stays for later payments.
    pub save: bool,
}

/// A wallet.
#[derive(Clone, Debug, Deserialize)]
pub struct Wallet {
    pub balance: Money,
    /// The part of the balance that is reserved for orders.
    pub held: Money,
    /// What can be spent.
    pub available: Money,
}

/// A movement in a wallet.
#[derive(Clone, Debug, Deserialize)]
pub struct Entry {
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

#[derive(Clone, Debug, Deserialize)]
pub struct EntryPage {
    pub items: Vec<Entry>,
    pub next_cursor: Option<String>,
}

/// Where a payment stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PaymentState {
    Authorizing,
    ActionRequired,
    Authorized,
    Declined,
    Voiding,
    Voided,
    Capturing,
    Captured,
    CaptureFailed,
    PartiallyRefunded,
    Refunded,
}

/// A payment of an order, or a top-up.
#[derive(Clone, Debug, Deserialize)]
pub struct Payment {
    pub id: String,
    /// `None` for a top-up.
    pub order_id: Option<String>,
    pub amount: Money,
    pub wallet_amount: Money,
    pub card_amount: Money,
    pub card: Option<CardFace>,
    pub state: PaymentState,
    /// Why it ended as it did.
    pub reason: Option<String>,
    /// Until when the buyer can answer.
    pub expires_at: Option<String>,
}

/// Credits that an administrator gives.
#[derive(Clone, Debug, Deserialize)]
pub struct Grant {
    pub id: String,
    pub user_id: String,
    pub amount: Money,
    pub reason: String,
    pub state: GrantState,
    pub requested_by: String,
    pub approved_by: Option<String>,
    pub created_at: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GrantState {
    /// A second administrator must agree.
    Pending,
    Granted,
}

#[derive(Clone, Debug, Deserialize)]
pub struct GrantPage {
    pub items: Vec<Grant>,
    pub next_cursor: Option<String>,
}

#[derive(Deserialize)]
struct Cards {
    items: Vec<Card>,
}

impl Payments {
    pub(super) fn new(service: Service) -> Self {
        Self(service)
    }

    /// Saves a card, or has it taken for one order. The same number again is the same card.
    pub async fn save_card(&self, login: &str, card: &CardDraft<'_>) -> Result<Card, ApiError> {
        let call = Call::post(Caller::User(login), "/card-tokens").json(card)?;
        self.0.ask(call).await
    }

    /// The user's cards.
    pub async fn cards(&self, login: &str) -> Result<Vec<Card>, ApiError> {
        let all: Cards = self.0.ask(Call::get(Caller::User(login), "/cards")).await?;
        Ok(all.items)
    }

    /// Deletes a card.
    pub async fn delete_card(&self, login: &str, id: &str) -> Result<(), ApiError> {
        let path = format!("/cards/{}", segment(id));
        self.0.call(Call::delete(Caller::User(login), path)).await?;
        Ok(())
    }

    /// The user's wallet.
    pub async fn wallet(&self, login: &str) -> Result<Wallet, ApiError> {
        self.0.ask(Call::get(Caller::User(login), "/wallet")).await
    }

    /// What moved in it, the newest first.
    pub async fn entries(&self, login: &str, cursor: Option<&str>) -> Result<EntryPage, ApiError> {
        let pairs: Vec<_> = cursor
            .map(|cursor| ("cursor", cursor.to_owned()))
            .into_iter()
            .collect();
        let call = Call::get(Caller::User(login), "/wallet/entries").query(&pairs);
        self.0.ask(call).await
    }

    /// Tops up the wallet from a saved card. Repeating the key returns the same payment.
    pub async fn top_up(
        &self,
        login: &str,
        key: &str,
        amount: &Money,
        card: &str,
    ) -> Result<Payment, ApiError> {
        let body = json!({"amount": amount, "card_token": card});
        let call = Call::post(Caller::User(login), "/wallet/topups")
            .key(key)
            .json(&body)?;
        self.0.ask(call).await
    }

    /// Gives credits to a user. Repeating the key returns the same grant.
    pub async fn grant(
        &self,
        login: &str,
        key: &str,
        user: &str,
        amount: &Money,
        reason: &str,
    ) -> Result<Grant, ApiError> {
        let path = format!("/wallets/{}/grants", segment(user));
        let call = Call::post(Caller::User(login), path)
            .key(key)
            .json(&json!({"amount": amount, "reason": reason}))?;
        self.0.ask(call).await
    }

    /// All grants, the newest first.
    pub async fn grants(&self, login: &str, cursor: Option<&str>) -> Result<GrantPage, ApiError> {
        let pairs: Vec<_> = cursor
            .map(|cursor| ("cursor", cursor.to_owned()))
            .into_iter()
            .collect();
        let call = Call::get(Caller::User(login), "/grants").query(&pairs);
        self.0.ask(call).await
    }

    /// Agrees to a grant of another administrator.
    pub async fn approve_grant(&self, login: &str, id: &str) -> Result<Grant, ApiError> {
        let path = format!("/grants/{}/approve", segment(id));
        self.0.ask(Call::post(Caller::User(login), path)).await
    }

    /// One of the user's payments.
    pub async fn payment(&self, login: &str, id: &str) -> Result<Payment, ApiError> {
        let path = format!("/payments/{}", segment(id));
        self.0.ask(Call::get(Caller::User(login), path)).await
    }

    /// Confirms or denies a payment that waits for its buyer. The same answer again is accepted again.
    pub async fn answer(&self, login: &str, id: &str, approve: bool) -> Result<Payment, ApiError> {
        let path = format!("/payments/{}/action", segment(id));
        let call = Call::post(Caller::User(login), path).json(&json!({"approve": approve}))?;
        self.0.ask(call).await
    }
}
