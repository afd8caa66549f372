//! Inventory, discount and payment, as far as the orders see them: events that answer commands.

use latchkey_bus::{Event, HandlerError};
use latchkey_order::consumers;
use serde_json::{Value, json};

use crate::harness::{World, event};

/// What a participant answers to a command when all is well. `None` for what needs no answer.
pub fn good_answer(command: &Event) -> Option<Event> {
    let name = command.r#type.strip_prefix("order.command.")?;
    let data = &command.data;
    let mut answer = json!({"order_id": data["order_id"], "command_id": data["command_id"]});
    let mut with = |more: Value| {
        let more = more.as_object().unwrap().clone();
        answer.as_object_mut().unwrap().extend(more);
    };
    let zero = json!({"amount": 0, "currency": "EUR"});
    let r#type = match name.strip_suffix(".v1")? {
        "inventory-reserve" => {
            with(json!({"lines": data["lines"]}));
            "inventory.reservation.reserved.v1"
        }
        "inventory-confirm" | "inventory-regrant" => {
            with(json!({"owner": "bo", "items": []}));
            "inventory.reservation.granted.v1"
        }
        "inventory-release" => {
            with(json!({"items": []}));
            "inventory.reservation.released.v1"
        }
        "inventory-revoke" => {
            with(json!({"owner": "bo", "items": []}));
            "inventory.reservation.revoked.v1"
        }
        "discount-reserve" => {
            let expected = data["expected"].as_array().unwrap();
            let sum: i64 = expected
                .iter()
                .map(|line| line["amount"]["amount"].as_i64().unwrap())
                .sum();
            with(json!({
                "code": data["code"], "coupon_id": "coupon", "per_line": expected,
                "amount": {"amount": sum, "currency": "EUR"}
            }));
            "discount.redemption.reserved.v1"
        }
        "discount-commit" => "discount.redemption.committed.v1",
        "discount-release" => "discount.redemption.released.v1",
        "payment-authorize" => {
            with(json!({"payment_id": "payment", "wallet_amount": zero, "card_amount": data["amount"]}));
            "payment.intent.authorized.v1"
        }
        "payment-capture" => {
            // The double does not know the amount; `answer` puts it in.
            with(json!({
                "payment_id": "payment", "wallet_amount": zero, "card_amount": zero, "fee": zero,
                "captured_at": "2026-11-20T12:00:00.000Z"
            }));
            "payment.intent.captured.v1"
        }
        "payment-void" => "payment.intent.voided.v1",
        "payment-refund" => {
            with(json!({"refund_id": data["refund_id"], "amount": data["amount"], "to": data["to"]}));
            "payment.refund.refunded.v1"
        }
        _ => return None,
    };
    Some(event(r#type, data["order_id"].as_str().unwrap(), answer))
}

impl World {
    /// The commands of an order so far, the oldest first.
    pub async fn commands(&self, order_id: &str) -> Vec<Event> {
        let events = self.events().await.into_iter();
        events
            .filter(|event| event.subject == order_id && event.r#type.starts_with("order.command."))
            .collect()
    }

    /// The steps of the commands of an order so far.
    pub async fn steps(&self, order_id: &str) -> Vec<String> {
        let commands = self.commands(order_id).await;
        commands.iter().map(|command| step(command).to_owned()).collect()
    }

    /// The last command of a step.
    pub async fn command(&self, order_id: &str, wanted: &str) -> Event {
        let commands = self.commands(order_id).await;
        let found = commands.into_iter().rev().find(|command| step(command) == wanted);
        found.unwrap_or_else(|| panic!("no command {wanted}"))
    }

    /// The good answer to the last command of a step.
    pub async fn good(&self, order_id: &str, wanted: &str) -> Event {
        let mut answer = good_answer(&self.command(order_id, wanted).await).unwrap();
        if wanted == "payment-capture" {
            let authorized = self.command(order_id, "payment-authorize").await;
            answer.data["card_amount"] = authorized.data["amount"].clone();
        }
        answer
    }

    /// Answers the last command of a step well.
    pub async fn answer(&self, order_id: &str, wanted: &str) {
        let answer = self.good(order_id, wanted).await;
        self.hear(answer).await.unwrap();
    }

    /// Answers a step by another event: the members of the good answer that name the command, and these.
    pub async fn answer_with(&self, order_id: &str, wanted: &str, r#type: &str, more: Value) {
        let command = self.command(order_id, wanted).await;
        let mut data = json!({"order_id": order_id, "command_id": command.data["command_id"]});
        data.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        self.hear(event(r#type, order_id, data)).await.unwrap();
    }

    pub async fn hear(&self, answer: Event) -> Result<(), HandlerError> {
        self.deliver(&consumers::REPLIES, answer).await
    }

    /// Answers every command of every order well, until there is none left.
    pub async fn answer_all(&self) {
        let mut answered = 0;
        loop {
            let events = self.events().await;
            let Some(event) = events.get(answered) else {
                return;
            };
            answered += 1;
            if event.r#type.starts_with("order.command.") && good_answer(event).is_some() {
                let answer = self.good(&event.subject, step(event)).await;
                self.hear(answer).await.unwrap();
            }
        }
    }
}

fn step(command: &Event) -> &str {
    let name = command.r#type.strip_prefix("order.command.").unwrap();
    name.strip_suffix(".v1").unwrap()
}
