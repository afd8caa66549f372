//! Billing in a box, with orders and payments that speak to it, and actors who hold real tokens.

use std::ops::Deref;

use latchkey_billing::{SPEC, consumers, reconciliation};
use latchkey_bus::HandlerError;
use latchkey_db::sql;
use latchkey_testkit::mint::with;
use latchkey_testkit::service;
use serde_json::{Value, json};

pub use latchkey_testkit::service::{Ask, fresh_key, token};

pub const ADA: &str = "01a1ebbc-0000-7000-8000-00000000000a";
pub const BOB: &str = "01a1ebbc-0000-7000-8000-00000000000b";
pub const TESS: &str = "01a1ebbc-0000-7000-8000-00000000000c";
pub const TOM: &str = "01a1ebbc-0000-7000-8000-00000000000d";

/// Runs a test on a fresh database of each engine, at whose end the books balance and the chain is whole.
pub async fn for_each_engine<F, Fut>(name: &str, test: F)
where
    F: Fn(World) -> Fut,
    Fut: Future<Output = ()>,
{
    service::for_each_engine(&SPEC, name, |world| {
        let running = test(World(world.clone()));
        async move {
            running.await;
            World(world).adds_up().await;
        }
    })
    .await;
}

/// Runs a test that leaves the books broken on purpose.
pub async fn breaking_on_each_engine<F, Fut>(name: &str, test: F)
where
    F: Fn(World) -> Fut,
    Fut: Future<Output = ()>,
{
    service::for_each_engine(&SPEC, name, |world| test(World(world))).await;
}

/// Billing with an empty database.
#[derive(Clone)]
pub struct World(pub service::World);

impl Deref for World {
    type Target = service::World;

    fn deref(&self) -> &service::World {
        &self.0
    }
}

/// An order that was paid.
#[derive(Clone)]
pub struct Order {
    pub id: String,
    pub buyer: String,
    /// Instructor, price, tax.
    pub lines: Vec<(&'static str, i64, i64)>,
    pub wallet: i64,
}

impl Order {
    /// 49.00 for a course of Tess, by card.
    pub fn new() -> Self {
        Self {
            id: fresh_key(),
            buyer: ADA.to_owned(),
            lines: vec![(TESS, 4_900, 0)],
            wallet: 0,
        }
    }

    pub fn of(buyer: &str) -> Self {
        Self {
            buyer: buyer.to_owned(),
            ..Self::new()
        }
    }

    /// 119.00 with 19.00 tax from Tess and 50.00 from Tom, 69.00 of which from the wallet.
    pub fn of_two() -> Self {
        Self {
            lines: vec![(TESS, 11_900, 1_900), (TOM, 5_000, 0)],
            wallet: 6_900,
            ..Self::new()
        }
    }

    pub fn total(&self) -> i64 {
        self.lines.iter().map(|line| line.1).sum()
    }

    pub fn line(&self, n: usize) -> String {
        format!("{}-{n}", self.id)
    }

    /// The payload of `order.order.paid.v1`.
    pub fn snapshot(&self) -> Value {
        let lines = self.lines.iter().enumerate().map(|(n, (instructor, price, tax))| {
            json!({
                "line_id": self.line(n), "course_id": format!("01a1ebbc-0000-7000-a000-{n:012}"), "kind": "course",
                "title": format!("Course {n}"), "slug": format!("course-{n}"), "instructor_id": instructor,
                "unit_price": eur(*price), "quantity": 1, "discount": eur(0), "tax": eur(*tax), "total": eur(*price)
            })
        });
        let (total, tax) = (self.total(), self.lines.iter().map(|line| line.2).sum());
        json!({
            "order_id": self.id, "number": "LK-2026-000123", "buyer_id": self.buyer,
            "lines": lines.collect::<Vec<_>>(), "subtotal": eur(total), "discount_total": eur(0),
            "tax_total": eur(tax), "total": eur(total),
            "paid": {"wallet": eur(self.wallet), "card": eur(total - self.wallet)},
            "basket_id": fresh_key(), "basket_version": 1,
            "billing_address": {
                "name": "Öykü Şahin", "street": "İstiklâl Caddesi 1", "postal_code": "34000", "city": "İstanbul",
                "country": "TR"
            },
            "version": 7
        })
    }
}

impl World {
    /// An order was paid.
    pub async fn paid(&self, order: &Order) {
        self.hear("order.order.paid.v1", &order.id, order.snapshot())
            .await
            .unwrap();
    }

    /// Money of some lines of an order went back.
    pub async fn refunded(&self, order: &Order, refund: &str, lines: &[usize], amount: i64, to: &str) {
        self.hear(
            "order.order.refunded.v1",
            &order.id,
            refund_of(order, refund, lines, amount, to),
        )
        .await
        .unwrap();
    }

    /// Payment took the money of an order.
    pub async fn captured(&self, order: &Order, fee: i64) {
        let data = json!({
            "order_id": order.id, "command_id": fresh_key(), "payment_id": fresh_key(),
            "wallet_amount": eur(order.wallet), "card_amount": eur(order.total() - order.wallet), "fee": eur(fee),
            "captured_at": "2026-11-20T12:00:00.000Z"
        });
        self.hear("payment.intent.captured.v1", &order.id, data)
            .await
            .unwrap();
    }

    /// A wallet has changed.
    pub async fn wallet(&self, user: &str, kind: &str, amount: i64, balance: i64, version: i64) {
        let data = wallet_of(user, kind, amount, balance, version);
        self.hear("payment.wallet.changed.v1", user, data).await.unwrap();
    }

    /// Delivers an event under an id of its own.
    pub async fn hear(&self, r#type: &str, subject: &str, data: Value) -> Result<(), HandlerError> {
        self.hear_event(service::event(r#type, subject, data)).await
    }

    /// Delivers an event to the consumer of its type.
    pub async fn hear_event(&self, event: latchkey_bus::Event) -> Result<(), HandlerError> {
        let consumer = match event.r#type.split('.').collect::<Vec<_>>()[..2] {
            ["order", _] => &consumers::ORDERS,
            ["payment", "wallet"] => &consumers::WALLETS,
            ["payment", _] => &consumers::PAYMENTS,
            _ => &consumers::USERS,
        };
        self.deliver(consumer, event).await
    }

    /// The only invoice of a buyer's order.
    pub async fn invoice(&self, who: &str, order: &Order) -> Value {
        let list = self
            .get(format!("/billing/v1/invoices?order_id={}", order.id))
            .by(who)
            .send()
            .await
            .json();
        let items = list["items"].as_array().unwrap();
        assert_eq!(items.len(), 1, "{list}");
        let id = items[0]["id"].as_str().unwrap();
        let read = self
            .get(format!("/billing/v1/invoices/{id}"))
            .by(who)
            .send()
            .await;
        assert_eq!(read.status, 200, "{}", read.text);
        read.json()
    }

    /// The balance of an account.
    pub async fn balance(&self, number: i64) -> i64 {
        let accounts = self.admins("/billing/v1/accounts").await;
        let account = accounts["items"]
            .as_array()
            .unwrap()
            .iter()
            .find(|account| account["number"] == number);
        account.unwrap()["balance"]["amount"].as_i64().unwrap()
    }

    /// Every balance that is not zero.
    pub async fn balances(&self) -> Vec<(i64, i64)> {
        let accounts = self.admins("/billing/v1/accounts").await;
        let accounts = accounts["items"].as_array().unwrap().iter();
        let balance = |account: &Value| {
            let balance = account["balance"]["amount"].as_i64().unwrap();
            (account["number"].as_i64().unwrap(), balance)
        };
        accounts
            .map(balance)
            .filter(|(_, balance)| *balance != 0)
            .collect()
    }

    /// What an administrator reads.
    pub async fn admins(&self, path: &str) -> Value {
        let read = self.get(path).by(&admin()).send().await;
        assert_eq!(read.status, 200, "{path}: {}", read.text);
        read.json()
    }

    /// How many rows each table has.
    pub async fn rows(&self) -> Vec<i64> {
        let mut all = Vec::new();
        for statement in [
            "SELECT CAST(COUNT(*) AS BIGINT) AS n FROM invoices",
            "SELECT CAST(COUNT(*) AS BIGINT) AS n FROM credit_notes",
            "SELECT CAST(COUNT(*) AS BIGINT) AS n FROM journal_entries",
            "SELECT CAST(COUNT(*) AS BIGINT) AS n FROM journal_lines",
            "SELECT CAST(COUNT(*) AS BIGINT) AS n FROM instructor_sales",
            "SELECT CAST(COUNT(*) AS BIGINT) AS n FROM captures",
            "SELECT CAST(COUNT(*) AS BIGINT) AS n FROM outbox",
            "SELECT seq AS n FROM journal_head",
        ] {
            all.push(self.count(statement).await);
        }
        all
    }

    /// The numbers of all invoices, in their order.
    pub async fn numbers(&self) -> Vec<String> {
        let rows = sql("SELECT number FROM invoices ORDER BY number")
            .fetch_all(&self.context.db)
            .await
            .unwrap();
        rows.iter().map(|row| row.text("number").unwrap()).collect()
    }

    /// Debits equal credits, in every entry and over all, and the chain is whole.
    pub async fn adds_up(&self) {
        let unbalanced = "SELECT CAST(COUNT(*) AS BIGINT) AS n FROM (SELECT seq FROM journal_lines GROUP BY seq \
                          HAVING SUM(debit) <> SUM(credit) OR COUNT(*) < 2) AS wrong";
        assert_eq!(self.count(unbalanced).await, 0);
        let chain = reconciliation::verify(&self.context).await.unwrap();
        assert_eq!(chain.broken_at, None);
        let entries = self
            .count("SELECT CAST(COUNT(*) AS BIGINT) AS n FROM journal_entries")
            .await;
        assert_eq!(chain.entries, entries);
    }
}

/// The payload of `order.order.refunded.v1`.
pub fn refund_of(order: &Order, refund: &str, lines: &[usize], amount: i64, to: &str) -> Value {
    let lines: Vec<String> = lines.iter().map(|n| order.line(*n)).collect();
    json!({
        "order_id": order.id, "buyer_id": order.buyer, "refund_id": refund, "lines": lines, "amount": eur(amount),
        "to": to, "version": 11
    })
}

/// The payload of `payment.wallet.changed.v1`.
pub fn wallet_of(user: &str, kind: &str, amount: i64, balance: i64, version: i64) -> Value {
    json!({
        "user_id": user, "entry_id": fresh_key(), "kind": kind, "amount": eur(amount), "balance": eur(balance),
        "held": eur(0), "version": version
    })
}

pub fn eur(amount: i64) -> Value {
    json!({"amount": amount, "currency": "EUR"})
}

// The actors.

pub fn ada() -> String {
    reader(ADA)
}

pub fn bob() -> String {
    reader(BOB)
}

pub fn tess() -> String {
    reader(TESS)
}

/// Tess at the time of the world, which a test has moved.
pub fn tess_now(world: &World) -> String {
    let now = world.clock.now_ms() / 1_000;
    let claims = service::person(&SPEC, TESS, "billing.read", &[]);
    token(&with(
        claims,
        &json!({"iat": now, "exp": now + 300, "auth_time": now}),
    ))
}

fn reader(sub: &str) -> String {
    token(&service::person(&SPEC, sub, "billing.read", &[]))
}

pub fn admin() -> String {
    token(&service::person(
        &SPEC,
        "root",
        "billing.read billing.admin",
        &["admin"],
    ))
}
