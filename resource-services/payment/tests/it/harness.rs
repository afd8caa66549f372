//! Payment in a box: orders that command it, users with cards, and a processor that is asked when the test says so.

use std::ops::Deref;

use latchkey_bus::HandlerError;
use latchkey_db::sql;
use latchkey_kit::Consumer;
use latchkey_payment::domain::{Payment, Wallet};
use latchkey_payment::processor::TestProcessor;
use latchkey_payment::{SPEC, consumers, store, worker};
use latchkey_testkit::service;
use serde_json::{Value, json};

pub use latchkey_testkit::Answer;
pub use latchkey_testkit::service::{Ask, fresh_key, token};

pub const APPROVE: &str = "4242424242424242";
pub const DECLINE: &str = "4000000000000002";
pub const ACTION: &str = "4000002500003155";
pub const TIMEOUT_THEN_SUCCESS: &str = "4000000000003006";
pub const TIMEOUT_THEN_FAILURE: &str = "4000000000003014";
pub const CAPTURE_FAILS: &str = "4000000000003022";
pub const REFUND_FAILS_ONCE: &str = "4000000000003030";
pub const SLOW: &str = "4000000000003048";

/// Runs a test on a fresh database of each engine.
pub async fn for_each_engine<F, Fut>(name: &str, test: F)
where
    F: Fn(World) -> Fut,
    Fut: Future<Output = ()>,
{
    service::for_each_engine(&SPEC, name, |world| test(World(world))).await;
}

#[derive(Clone)]
pub struct World(pub service::World);

impl Deref for World {
    type Target = service::World;

    fn deref(&self) -> &service::World {
        &self.0
    }
}

/// An order, as far as payment knows it.
#[derive(Clone)]
pub struct Order {
    pub id: String,
    world: World,
}

impl World {
    pub fn processor(&self) -> TestProcessor {
        TestProcessor::of(&self.context)
    }

    /// Has the processor asked for everything that is due.
    pub async fn work(&self) {
        worker::work(&self.context, &self.processor()).await.unwrap();
    }

    /// The same, again and again, until nothing is due within a minute.
    pub async fn work_for_a_minute(&self) {
        for _ in 0..60 {
            self.work().await;
            self.clock.advance(1_000);
        }
        self.work().await;
    }

    /// Has a message of identity or order handled, as often as the bus would.
    pub async fn hear(
        &self,
        consumer: &'static Consumer,
        r#type: &str,
        data: Value,
    ) -> Result<(), HandlerError> {
        self.deliver(consumer, service::event(r#type, "subject", data))
            .await
    }

    pub async fn registered(&self, user_id: &str) {
        let user = json!({
            "user_id": user_id, "display_name": "Ada", "locale": "en", "roles": [], "status": "active", "version": 1
        });
        self.hear(&consumers::USERS, "identity.user.registered.v1", user)
            .await
            .unwrap();
    }

    pub async fn erased(&self, user_id: &str) {
        let user = json!({"user_id": user_id, "erased_at": "2026-11-20T12:00:00Z", "version": 9});
        self.hear(&consumers::USERS, "identity.user.deleted.v1", user)
            .await
            .unwrap();
    }

    /// A saved card; its id.
    pub async fn card(&self, who: &str, number: &str) -> String {
        let saved = self.save_card(who, number).send().await;
        assert_eq!(saved.status, 201, "{}", saved.text);
        saved.id()
    }

    pub fn save_card(&self, who: &str, number: &str) -> Ask {
        self.post("/payment/v1/card-tokens")
            .by(who)
            .json(&card_body(number))
    }

    pub fn top_up(&self, who: &str, card: &str, amount: i64) -> Ask {
        let body = json!({"amount": {"amount": amount, "currency": "EUR"}, "card_token": card});
        self.post("/payment/v1/wallet/topups")
            .by(who)
            .key(&fresh_key())
            .json(&body)
    }

    pub async fn wallet(&self, user_id: &str) -> Wallet {
        store::wallet(&self.context.db, user_id)
            .await
            .unwrap()
            .expect("a wallet")
    }

    /// Balance and held part.
    pub async fn credits(&self, user_id: &str) -> (i64, i64) {
        let wallet = self.wallet(user_id).await;
        (wallet.balance, wallet.held)
    }

    /// The kinds and amounts of a user's entries, the oldest first.
    pub async fn entries(&self, user_id: &str) -> Vec<(String, i64)> {
        let rows = sql("SELECT kind, amount FROM wallet_entries WHERE user_id = $1 ORDER BY version")
            .bind(user_id)
            .fetch_all(&self.context.db)
            .await
            .unwrap();
        rows.iter()
            .map(|row| (row.text("kind").unwrap(), row.int("amount").unwrap()))
            .collect()
    }

    /// What the processor did, in its own words: kinds and amounts, the oldest first.
    pub async fn processor_did(&self) -> Vec<(String, i64)> {
        let rows = sql("SELECT kind, amount FROM test_processor_operations ORDER BY created_at, kind")
            .fetch_all(&self.context.db)
            .await
            .unwrap();
        rows.iter()
            .map(|row| (row.text("kind").unwrap(), row.int("amount").unwrap()))
            .collect()
    }

    pub fn order(&self) -> Order {
        Order {
            id: fresh_key(),
            world: self.clone(),
        }
    }

    /// Every row that callers and orders can change, as text: equal before and after means untouched.
    pub async fn rows(&self) -> String {
        let mut all = String::new();
        for statement in [
            "SELECT user_id || ' ' || balance || ' ' || held || ' ' || version AS line FROM wallets ORDER BY user_id",
            "SELECT key || ' ' || amount AS line FROM wallet_entries ORDER BY key",
            "SELECT id AS line FROM cards ORDER BY id",
            "SELECT id || ' ' || state || ' ' || version AS line FROM payments ORDER BY id",
            "SELECT key || ' ' || attempts || ' ' || COALESCE(approve, 7) AS line FROM operations ORDER BY key",
            "SELECT id || ' ' || state AS line FROM grants ORDER BY id",
            "SELECT id AS line FROM processor_events ORDER BY id",
        ] {
            for row in sql(statement).fetch_all(&self.context.db).await.unwrap() {
                all.push_str(&row.text("line").unwrap());
                all.push('\n');
            }
        }
        all
    }
}

impl Order {
    /// Asks for the whole amount, from the wallet first and from the card for the rest.
    pub async fn authorize(&self, buyer: &str, amount: i64, card: Option<&str>) {
        self.authorize_as(
            "a1",
            buyer,
            json!({"amount": amount, "currency": "EUR"}),
            None,
            card,
        )
        .await;
    }

    pub async fn authorize_as(
        &self,
        command_id: &str,
        buyer: &str,
        amount: Value,
        wallet_at_most: Option<i64>,
        card: Option<&str>,
    ) {
        let mut data = json!({
            "order_id": self.id, "command_id": command_id, "buyer": buyer, "amount": amount
        });
        if let Some(at_most) = wallet_at_most {
            data["wallet_at_most"] = json!({"amount": at_most, "currency": "EUR"});
        }
        if let Some(card) = card {
            data["card_token"] = json!(card);
        }
        self.send("payment-authorize", data).await;
    }

    pub async fn capture(&self, command_id: &str) {
        self.about("payment-capture", command_id).await;
    }

    pub async fn void(&self, command_id: &str) {
        self.about("payment-void", command_id).await;
    }

    pub async fn query(&self, command_id: &str) {
        self.about("payment-query", command_id).await;
    }

    pub async fn refund(&self, command_id: &str, refund_id: &str, amount: i64, to: &str) {
        let data = json!({
            "order_id": self.id, "command_id": command_id, "refund_id": refund_id,
            "amount": {"amount": amount, "currency": "EUR"}, "to": to
        });
        self.send("payment-refund", data).await;
    }

    async fn about(&self, command: &str, command_id: &str) {
        self.send(command, json!({"order_id": self.id, "command_id": command_id}))
            .await;
    }

    pub async fn send(&self, command: &str, data: Value) {
        self.world
            .hear(&consumers::COMMANDS, &format!("order.command.{command}.v1"), data)
            .await
            .unwrap();
    }

    pub async fn payment(&self) -> Payment {
        store::payment_of_order(&self.world.context.db, &self.id)
            .await
            .unwrap()
            .expect("a payment")
    }

    pub async fn state(&self) -> String {
        self.payment().await.state.as_str().to_owned()
    }

    /// What it was told: type and payload, in order.
    pub async fn told(&self) -> Vec<(String, Value)> {
        let events = self.world.events().await.into_iter();
        events
            .filter(|event| event.subject == self.id)
            .map(|event| {
                assert_eq!(event.data["order_id"], json!(self.id));
                let short = event
                    .r#type
                    .trim_start_matches("payment.")
                    .trim_end_matches(".v1");
                (short.to_owned(), event.data)
            })
            .collect()
    }

    /// The types, with the command that each answers.
    pub async fn answers(&self) -> Vec<String> {
        let told = self.told().await.into_iter();
        told.map(|(name, data)| format!("{name} {}", data["command_id"].as_str().unwrap()))
            .collect()
    }

    pub async fn last(&self) -> Value {
        self.told().await.pop().expect("an answer").1
    }
}

pub fn card_body(number: &str) -> Value {
    json!({"number": number, "exp_month": 12, "exp_year": 2031, "cvc": "123"})
}

// The actors.

pub fn ada() -> String {
    user("ada")
}

pub fn bob() -> String {
    user("bob")
}

pub fn user(sub: &str) -> String {
    token(&service::person(
        &SPEC,
        sub,
        "payment.read payment.write",
        &["student"],
    ))
}

pub fn admin() -> String {
    administrator("root")
}

pub fn administrator(sub: &str) -> String {
    let scopes = "payment.read payment.write payment.admin";
    token(&service::person(&SPEC, sub, scopes, &["admin"]))
}
