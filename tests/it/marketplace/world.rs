//! A running marketplace, its people, what they sell and buy, and what a test does to its services.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use http::Method;
use latchkey::config::{Config, GuardClient, Listen, Role};
use latchkey_bus::EventBus;
use latchkey_clock::Clock;
use latchkey_db::{Db, DbError, Options, sql};
use serde_json::{Value, json};
use tokio::sync::{Mutex, OnceCell};

use crate::harness::{
    Answer, App, Browser, TestServer, Tokens, anonymous, broker, claims, free_port, http, lines_of, run,
    until,
};

/// What carries events.
#[derive(Clone, Copy, Debug)]
pub enum Bus {
    /// The log in SQLite.
    SqlLog,
    /// A broker, with the databases in SQLite.
    RabbitMq,
    /// The log in PostgreSQL, and every service's database there, too.
    PostgreSql,
}

/// A marketplace with an instructor.
pub struct Shop {
    pub server: TestServer,
    pub ines: Person,
    admin: OnceCell<Person>,
}

/// Somebody who is signed in, with a token for each service.
pub struct Person {
    name: String,
    password: String,
    api: String,
    app: App,
    browser: Browser,
    session: Mutex<Session>,
}

#[derive(Default)]
struct Session {
    refresh: String,
    /// By service.
    tokens: HashMap<String, String>,
}

/// Something that is for sale.
pub struct Item {
    pub id: String,
    pub title: String,
}

/// A coupon of the shop.
pub struct Coupon {
    pub id: String,
    pub code: String,
}

/// Test cards, as `docs/payments.md` has them.
pub const PAYS: &str = "4242424242424242";
pub const DECLINED: &str = "4000000000000002";
pub const MUST_CONFIRM: &str = "4000002500003155";
pub const FIRST_ANSWER_LOST: &str = "4000000000003006";
pub const CAPTURE_FAILS: &str = "4000000000003022";

pub const SECOND: i64 = 1_000;
pub const MINUTE: i64 = 60 * SECOND;
pub const DAY: i64 = 24 * 60 * MINUTE;

impl Shop {
    pub async fn open(bus: Bus) -> Self {
        Self::with(bus, |_| {}).await
    }

    /// A shop with a service in a process of its own, which is not running yet ([`Shop::start`]).
    pub async fn without(bus: Bus, service: &'static str) -> Self {
        let port = free_port();
        Self::with(bus, |config| {
            let role = Role::Service(service);
            config.roles.retain(|known| *known != role);
            config[role].listen = Listen::Loopback(port);
            config[role].url = Some(format!("http://127.0.0.1:{port}"));
        })
        .await
    }

    pub async fn with(bus: Bus, change: impl FnOnce(&mut Config)) -> Self {
        let change = |config: &mut Config| {
            let path = config.data.with_file_name("marketplace.toml");
            std::fs::write(&path, seed()).expect("the seed is written");
            config.seeds.push(path);
            change(config);
        };
        let server = match bus {
            Bus::SqlLog => TestServer::with(change).await,
            Bus::RabbitMq => {
                let url = broker("marketplace");
                let consumers = latchkey::services::SERVICES
                    .iter()
                    .flat_map(|spec| spec.consumers);
                let groups: Vec<_> = consumers.map(|consumer| (consumer.group)()).collect();
                EventBus::declare(&url, &groups)
                    .await
                    .expect("the broker is there");
                TestServer::with(|config| {
                    config.bus = url;
                    let log = config.data.join("revocations.db");
                    config.revocation_log = Some(format!("sqlite:{}", log.display()));
                    change(config);
                })
                .await
            }
            Bus::PostgreSql => TestServer::on_postgres_with(change).await,
        };
        let scope = format!("{BUYING} catalog.write inventory.stock photo.write");
        let ines = Person::sign_in(&server, "ines", server.app("demo-web", &scope)).await;
        Self {
            server,
            ines,
            admin: OnceCell::new(),
        }
    }

    /// Starts the service that the shop is [without](Shop::without).
    pub async fn start(&self, service: &'static str) -> TestServer {
        self.start_by(self.server.clock.clone(), service).await
    }

    /// The same with a clock of its own.
    pub async fn start_by(&self, clock: Clock, service: &'static str) -> TestServer {
        let change = |config: &mut Config| {
            config.guard_client = Some(GuardClient {
                id: "apart".to_owned(),
                secret: SECRET.to_owned(),
            });
        };
        self.server.apart(clock, Role::Service(service), change).await
    }

    /// A buyer with an account of their own; `bo` and `cleo` are there.
    pub async fn buyer(&self, name: &'static str) -> Person {
        Person::sign_in(&self.server, name, self.server.app("demo-web", BUYING)).await
    }

    pub async fn admin(&self) -> &Person {
        let sign_in = async || {
            let app = self.server.app("back-office", ADMINISTERING);
            Person::sign_in(&self.server, "admin", app).await
        };
        self.admin.get_or_init(sign_in).await
    }

    pub async fn stop(self) {
        self.server.stop().await;
    }

    /// Something of which somebody can own many, with this many seats, or as many as are wanted.
    pub async fn item(&self, price: i64, seats: Option<i64>) -> Item {
        self.offer("item", price, seats).await
    }

    /// A course, which somebody can own once.
    pub async fn course(&self, price: i64) -> Item {
        self.offer("course", price, None).await
    }

    async fn offer(&self, kind: &str, price: i64, seats: Option<i64>) -> Item {
        let categories = self.ines.get("catalog/v1/categories").await.json();
        let title = format!("An hour of mentoring {}", next());
        let draft = json!({
            "title": title, "kind": kind, "category_id": categories["items"][0]["id"],
            "description_md": "An hour with somebody who has done it before. ".repeat(4),
            "sections": [{"title": "Beginning", "lessons": [{"title": "A first look", "minutes": 10}]}],
            "price": euros(price), "limited": seats.is_some(),
        });
        let made = self.ines.post("catalog/v1/courses", &draft).await;
        assert_eq!(made.status, 201, "{made:?}");
        let id = made.json()["id"].as_str().expect("an id").to_owned();
        let item = Item { id, title };
        let tag = made.header("etag").to_owned();
        let path = format!("catalog/v1/courses/{}/publish", item.id);
        if let Some(seats) = seats {
            let path = format!("inventory/v1/stock/{}", item.id);
            until("inventory has heard of the draft", async || {
                self.ines.get(&path).await.status == 200
            })
            .await;
            let tag = self.ines.get(&path).await.header("etag").to_owned();
            let capacity = json!({"capacity": seats});
            let set = self.ines.change(Method::PUT, &path, &tag, Some(&capacity)).await;
            assert_eq!(set.status, 200, "{set:?}");
        }
        // A limited course is published as soon as the catalog has heard of its seats.
        until("the catalog publishes it", async || {
            let published = self.ines.change(Method::POST, &path, &tag, None).await;
            let waits = published.status == 422 && seats.is_some_and(|seats| seats > 0);
            assert!(published.status == 200 || waits, "{published:?}");
            published.status == 200
        })
        .await;
        let stock = format!("{}/inventory/v1/stock?ids={}", self.server.api(), item.id);
        until("inventory has heard of it", async || {
            let told = anonymous(&stock).await;
            told.status == 200 && told.json()["items"][0]["on_sale"] == true
        })
        .await;
        item
    }

    /// Changes a course as its instructor does.
    pub async fn edit(&self, item: &Item, change: Value) {
        let path = format!("catalog/v1/courses/{}", item.id);
        let tag = self.ines.get(&path).await.header("etag").to_owned();
        let changed = self.ines.change(Method::PATCH, &path, &tag, Some(&change)).await;
        assert_eq!(changed.status, 200, "{changed:?}");
    }

    /// Sold and reserved seats of an item whose seats are counted.
    pub async fn seats(&self, item: &Item) -> (i64, i64) {
        let stock = self.ines.get(&format!("inventory/v1/stock/{}", item.id)).await;
        let stock = stock.json();
        (
            stock["sold"].as_i64().expect("seats"),
            stock["reserved"].as_i64().expect("seats"),
        )
    }

    /// A coupon of the shop for everything, for as many orders as are said.
    pub async fn coupon(&self, percent: i64, max_total: i64) -> Coupon {
        let code = format!("OFF-{:05}", next());
        let draft = coupon(&code, percent, max_total);
        let made = self.admin().await.post("discount/v1/coupons", &draft).await;
        assert_eq!(made.status, 201, "{made:?}");
        let id = made.json()["id"].as_str().expect("an id").to_owned();
        Coupon { id, code }
    }

    /// Reserved and redeemed uses of a coupon.
    pub async fn uses(&self, coupon: &Coupon) -> (i64, i64) {
        let path = format!("discount/v1/coupons/{}", coupon.id);
        let seen = self.admin().await.get(&path).await.json();
        (
            seen["reserved"].as_i64().expect("uses"),
            seen["redeemed"].as_i64().expect("uses"),
        )
    }

    /// The saga of an order as an administrator sees it.
    pub async fn saga(&self, order: &str) -> Value {
        let seen = self
            .admin()
            .await
            .get(&format!("order/v1/orders/{order}/saga"))
            .await;
        assert_eq!(seen.status, 200, "{seen:?}");
        seen.json()
    }

    /// Waits until an order stands in the administrators' list of alerts.
    pub async fn until_alerted(&self, order: &str) {
        let admin = self.admin().await;
        until("administrators are alerted", async || {
            let alerted = admin.get("order/v1/admin/orders?alerted=true").await.json();
            let mut listed = alerted["items"].as_array().expect("orders").iter();
            listed.any(|listed| listed["id"] == order)
        })
        .await;
    }

    /// Waits until an order is in this state, seen by an administrator: its buyer may be gone.
    pub async fn until_saga(&self, order: &str, state: &str) {
        until(&format!("the order is {state}"), async || {
            self.saga(order).await["state"] == state
        })
        .await;
    }

    /// Moves the clock of everything, and has those look at it who would not for a while.
    pub async fn advance(&self, ms: i64) {
        self.server.clock.advance(ms);
        for service in ["order", "payment"] {
            let db = self.database(service).await;
            let id = next().to_string();
            let written = db.write(move |tx| async move {
                // A commit is what they wake up for.
                let row =
                    "INSERT INTO inbox (consumer, message_id, processed_at) VALUES ('the clock', $1, 0)";
                sql(row).bind(id).execute(&tx).await?;
                tx.announce();
                Ok::<_, DbError>(())
            });
            written.await.expect("a commit");
            db.close().await;
        }
    }

    /// Makes the database of a service refuse a statement until it is [mended](Shop::mend): `when` is what a trigger
    /// has between its name and its body. On SQLite alone.
    pub async fn break_down(&self, service: &'static str, when: &str) {
        let trigger = format!("CREATE TRIGGER planted {when} BEGIN SELECT RAISE(ABORT, 'planted'); END");
        self.run(service, trigger).await;
    }

    pub async fn mend(&self, service: &'static str) {
        self.run(service, "DROP TRIGGER planted".to_owned()).await;
    }

    /// Runs a statement in the database of a service.
    pub async fn run(&self, service: &'static str, statement: String) {
        let db = self.database(service).await;
        run(&db, statement).await;
        db.close().await;
    }

    /// The column `line` of what a statement finds in the database of a service.
    pub async fn lines(&self, service: &'static str, statement: String) -> Vec<String> {
        let db = self.database(service).await;
        let found = lines_of(&db, statement).await;
        db.close().await;
        found
    }

    pub async fn database(&self, service: &'static str) -> Db {
        let url = self.server.database(Role::Service(service));
        Db::open(url, Options::new(&[])).await.expect("the database")
    }

    /// Waits until payment has asked the processor and got no answer. Only then does it wait for the clock before it
    /// asks again, so moving the clock any earlier would have no effect.
    pub async fn until_unanswered(&self, kind: &str) {
        let waiting = format!(
            "SELECT key AS line FROM operations \
             WHERE kind = '{kind}' AND attempts > 0 AND claimed = 0 AND done_at IS NULL"
        );
        until("the answer of the processor is lost", async || {
            !self.lines("payment", waiting.clone()).await.is_empty()
        })
        .await;
    }

    /// What the card processor has been asked about authorizations, the oldest first.
    pub async fn processed(&self) -> Vec<String> {
        let asked = "SELECT kind AS line FROM test_processor_operations ORDER BY created_at, key";
        self.lines("payment", asked.to_owned()).await
    }

    /// Waits until a consumer has handled every event of these types (patterns of `LIKE`) of these services.
    pub async fn until_heard(&self, by: &'static str, consumer: &str, of: &[&'static str], types: &[&str]) {
        let handled = format!("SELECT message_id AS line FROM inbox WHERE consumer = '{consumer}'");
        let types: Vec<String> = types
            .iter()
            .map(|pattern| format!("type LIKE '{pattern}'"))
            .collect();
        let told = format!("SELECT id AS line FROM outbox WHERE {}", types.join(" OR "));
        until(&format!("{consumer} has heard"), async || {
            let handled = self.lines(by, handled.clone()).await;
            for service in of.iter().copied() {
                let told = self.lines(service, told.clone()).await;
                if !told.iter().all(|id| handled.contains(id)) {
                    return false;
                }
            }
            true
        })
        .await;
    }
}

impl Person {
    async fn sign_in(server: &TestServer, name: &str, app: App) -> Self {
        let (name, password) = server.person(name);
        let person = Self {
            name: name.to_owned(),
            password: password.to_owned(),
            api: server.api(),
            app,
            browser: Browser::new(),
            session: Mutex::default(),
        };
        let refresh = person.refresh_token().await;
        person.session.lock().await.refresh = refresh;
        person
    }

    /// A sign-in for every service at once.
    async fn refresh_token(&self) -> String {
        // Only instructors have tokens for photos, and only administrators for dead letters.
        let services = SERVICES.into_iter().filter(|name| match *name {
            "photo" | "events" => self.app.scope.contains(&format!("{name}.")),
            _ => true,
        });
        let resources: Vec<String> = services.map(|name| format!("urn:latchkey:{name}")).collect();
        let named: Vec<(&str, &str)> = resources.iter().map(|urn| ("resource", urn.as_str())).collect();
        let who = (self.name.as_str(), self.password.as_str());
        let back = self.app.walk(&self.browser, who, &named).await;
        let code = back.code.as_deref().unwrap_or_else(|| panic!("{back:?}"));
        let redeemed = self.app.redeem_with(code, &[("resource", &resources[0])]).await;
        assert_eq!(redeemed.status, 200, "{redeemed:?}");
        Tokens::of(&redeemed).refresh().to_owned()
    }

    /// A token for a service, kept until it is refused.
    pub async fn token(&self, service: &str) -> String {
        let mut session = self.session.lock().await;
        if let Some(known) = session.tokens.get(service) {
            return known.clone();
        }
        let resource = format!("urn:latchkey:{service}");
        let mut answer = self.refreshed(&session.refresh, &resource).await;
        if answer.status != 200 {
            // The sign-in is over, because the clock was moved far.
            session.refresh = self.refresh_token().await;
            answer = self.refreshed(&session.refresh, &resource).await;
        }
        let token = Tokens::of(&answer).access;
        session.tokens.insert(service.to_owned(), token.clone());
        token
    }

    async fn refreshed(&self, refresh: &str, resource: &str) -> Answer {
        self.app.refresh_with(refresh, &[("resource", resource)]).await
    }

    /// Whether the issuer gives them a token of a service with this scope, by a client that may have it.
    pub async fn is_given(&self, app: &App, service: &str, scope: &str) -> bool {
        let resource = format!("urn:latchkey:{service}");
        let who = (self.name.as_str(), self.password.as_str());
        let back = app.walk(&Browser::new(), who, &[("resource", &resource)]).await;
        let Some(code) = back.code else {
            return false;
        };
        let redeemed = app.redeem_with(&code, &[("resource", &resource)]).await;
        let granted = redeemed.json()["scope"].as_str().unwrap_or_default().to_owned();
        redeemed.status == 200 && granted.split(' ').any(|name| name == scope)
    }

    /// Whether the issuer still gives them tokens.
    pub async fn is_signed_in(&self) -> bool {
        let refresh = self.session.lock().await.refresh.clone();
        self.refreshed(&refresh, "urn:latchkey:order").await.status == 200
    }

    /// The id of the invoice of an order, as soon as it is issued.
    pub async fn invoice(&self, order: &str) -> String {
        let path = format!("billing/v1/invoices?order_id={order}");
        until("the order has its invoice", async || {
            let found = self.get(&path).await.json();
            found["items"].as_array().is_some_and(|items| items.len() == 1)
        })
        .await;
        let found = self.get(&path).await.json();
        found["items"][0]["id"].as_str().expect("an id").to_owned()
    }

    pub async fn id(&self) -> String {
        let token = self.token("order").await;
        claims(&token)["sub"].as_str().expect("a subject").to_owned()
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, &[], None).await
    }

    pub async fn put(&self, path: &str, body: &Value) -> Answer {
        self.send(Method::PUT, path, &[], Some(body)).await
    }

    /// Posts under an idempotency key of its own.
    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.post_as(path, &key(), body).await
    }

    pub async fn post_as(&self, path: &str, key: &str, body: &Value) -> Answer {
        self.send(Method::POST, path, &[("idempotency-key", key)], Some(body))
            .await
    }

    /// Changes what was read under this tag.
    pub async fn change(&self, method: Method, path: &str, tag: &str, body: Option<&Value>) -> Answer {
        self.send(method, path, &[("if-match", tag)], body).await
    }

    /// Sends what a route of any kind asks for.
    pub async fn try_all(&self, method: Method, path: &str, body: &Value) -> Answer {
        let key = key();
        let headers = [("if-match", "\"1\""), ("idempotency-key", key.as_str())];
        let body = (method != Method::GET).then_some(body);
        self.send(method, path, &headers, body).await
    }

    /// Asks until there is a definite answer: a token may be over, or a service not there yet.
    async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&Value>,
    ) -> Answer {
        let service = path.split('/').next().expect("a service");
        let begun = Instant::now();
        loop {
            let token = self.token(service).await;
            let at = format!("{}/{path}", self.api);
            let mut request = http().request(method.clone(), at).bearer_auth(token);
            for (name, value) in headers {
                request = request.header(*name, *value);
            }
            if let Some(body) = body {
                request = request.json(body);
            }
            let answer = Answer::of(request).await;
            match answer.status {
                _ if begun.elapsed() > PATIENCE => return answer,
                401 => drop(self.session.lock().await.tokens.remove(service)),
                500.. => tokio::task::yield_now().await,
                _ => return answer,
            }
        }
    }

    /// Puts things into the basket, with a coupon; the basket as it is shown then.
    pub async fn fill(&self, items: &[(&Item, i64)], coupon: Option<&Coupon>) -> Value {
        for (item, quantity) in items {
            let path = format!("basket/v1/lines/{}", item.id);
            let put = self.put(&path, &json!({"quantity": quantity})).await;
            assert_eq!(put.status, 200, "{put:?}");
        }
        if let Some(coupon) = coupon {
            let put = self.put("basket/v1/coupon", &json!({"code": coupon.code})).await;
            assert_eq!(put.status, 200, "{put:?}");
        }
        self.basket().await
    }

    /// Takes something out of the basket, in which it must be; the basket.
    pub async fn take_out(&self, item: &Item) -> Value {
        let path = format!("basket/v1/lines/{}", item.id);
        let taken = self.send(Method::DELETE, &path, &[], None).await;
        assert_eq!(taken.status, 200, "{taken:?}");
        taken.json()
    }

    pub async fn basket(&self) -> Value {
        self.get("basket/v1").await.json()
    }

    /// Saves a card; its token.
    pub async fn card(&self, number: &str) -> String {
        let card = json!({"number": number, "exp_month": 12, "exp_year": 2031, "cvc": "123"});
        let saved = self.post("payment/v1/card-tokens", &card).await;
        assert_eq!(saved.status, 201, "{saved:?}");
        saved.json()["id"].as_str().expect("a token").to_owned()
    }

    /// Orders what was shown, whatever comes of it.
    pub async fn submit(&self, shown: &Value, payment: &Value) -> Answer {
        self.submit_as(&key(), shown, payment).await
    }

    pub async fn submit_as(&self, key: &str, shown: &Value, payment: &Value) -> Answer {
        let submission = json!({
            "basket_version": shown["version"],
            "expected_total": shown["total"],
            "billing_address": {
                "name": "Bo Diaz", "street": "1 Long Lane", "postal_code": "75002", "city": "Paris", "country": "FR",
            },
            "payment": payment,
            "consents": {"terms": true},
        });
        self.post_as("order/v1/orders", key, &submission).await
    }

    /// Orders what was shown; the id of the order.
    pub async fn order(&self, shown: &Value, payment: &Value) -> String {
        let ordered = self.submit(shown, payment).await;
        assert_eq!(ordered.status, 202, "{ordered:?}");
        ordered.json()["id"].as_str().expect("an id").to_owned()
    }

    /// Orders things and pays with a card that must be confirmed, so that the order waits for that.
    pub async fn order_that_waits(&self, items: &[(&Item, i64)], coupon: Option<&Coupon>) -> String {
        let card = self.card(MUST_CONFIRM).await;
        let shown = self.fill(items, coupon).await;
        let order = self.order(&shown, &by_card(&card)).await;
        self.until_state(&order, "action_required").await;
        order
    }

    pub async fn read(&self, order: &str) -> Value {
        let read = self.get(&format!("order/v1/orders/{order}")).await;
        assert_eq!(read.status, 200, "{read:?}");
        read.json()
    }

    /// Everything that this person has ordered.
    pub async fn orders(&self) -> Vec<Value> {
        let listed = self.get("order/v1/orders").await.json();
        listed["items"].as_array().expect("orders").clone()
    }

    /// Waits until an order is in this state, and fails when it ends in another one; the order.
    pub async fn until_state(&self, order: &str, state: &str) -> Value {
        let from_an_end = ["refunding", "refunded", "partially_refunded"].contains(&state);
        until(&format!("the order is {state}"), async || {
            let seen = self.read(order).await;
            let now = seen["state"].as_str().expect("a state");
            let ended = ["completed", "failed", "cancelled"].contains(&now);
            assert!(now == state || !ended || from_an_end, "not {state}: {seen}");
            now == state
        })
        .await;
        self.read(order).await
    }

    /// Waits until an order has failed, and why.
    pub async fn until_failed(&self, order: &str, reason: &str) {
        let failed = self.until_state(order, "failed").await;
        assert_eq!(failed["reason"], reason, "{failed}");
    }

    pub async fn cancel(&self, order: &str) -> Answer {
        self.post(&format!("order/v1/orders/{order}/cancel"), &json!({}))
            .await
    }

    /// Asks for all of an order back.
    pub async fn refund(&self, order: &str, to: &str) -> Answer {
        let body = json!({"reason": "It is not for me", "to": to});
        self.post(&format!("order/v1/orders/{order}/refunds"), &body)
            .await
    }

    /// Confirms or denies the payment of an order.
    pub async fn answer(&self, order: &str, approve: bool) -> Answer {
        let payment = self.read(order).await["payment_id"].clone();
        let path = format!(
            "payment/v1/payments/{}/action",
            payment.as_str().expect("a payment")
        );
        self.post(&path, &json!({"approve": approve})).await
    }

    pub async fn approve(&self, order: &str) {
        let approved = self.answer(order, true).await;
        assert_eq!(approved.status, 202, "{approved:?}");
    }

    /// The payment of an order.
    pub async fn payment(&self, order: &str) -> Value {
        let payment = self.read(order).await["payment_id"].clone();
        let path = format!("payment/v1/payments/{}", payment.as_str().expect("a payment"));
        self.get(&path).await.json()
    }

    /// Balance and held part of the wallet.
    pub async fn wallet(&self) -> (i64, i64) {
        let wallet = self.get("payment/v1/wallet").await.json();
        (
            wallet["balance"]["amount"].as_i64().expect("an amount"),
            wallet["held"]["amount"].as_i64().expect("an amount"),
        )
    }

    /// What moved in the wallet, the oldest first.
    pub async fn entries(&self) -> Vec<(String, i64)> {
        let page = self.get("payment/v1/wallet/entries?limit=100").await.json();
        let entry = |entry: &Value| {
            (
                entry["kind"].as_str().expect("a kind").to_owned(),
                entry["amount"]["amount"].as_i64().expect("an amount"),
            )
        };
        page["items"]
            .as_array()
            .expect("entries")
            .iter()
            .rev()
            .map(entry)
            .collect()
    }

    /// How many of something are in the library.
    pub async fn owns(&self, item: &Item) -> i64 {
        let owned = self
            .get(&format!("inventory/v1/owned?ids={}", item.id))
            .await
            .json();
        owned["items"][0]["quantity"].as_i64().unwrap_or_default()
    }

    /// Waits for the credits that everybody begins with.
    pub async fn until_welcome(&self) {
        until("the wallet has the welcome credits", async || {
            self.wallet().await == (WELCOME, 0)
        })
        .await;
    }
}

pub fn euros(amount: i64) -> Value {
    json!({"amount": amount, "currency": "EUR"})
}

/// The card pays all of it.
pub fn by_card(card: &str) -> Value {
    json!({"wallet": 0, "card_token": card})
}

/// The wallet pays what it can, and the card the rest.
pub fn by_both(card: &str) -> Value {
    json!({"wallet": "max", "card_token": card})
}

/// The wallet pays all of it.
pub fn by_wallet() -> Value {
    json!({"wallet": "max"})
}

/// The draft of a coupon of the shop.
pub fn coupon(code: &str, percent: i64, max_total: i64) -> Value {
    json!({"code": code, "percent_bp": percent * 100, "scope": {"kind": "all"}, "max_total": max_total})
}

/// An idempotency key that nobody has used.
pub fn key() -> String {
    format!("01a1ebbc-0000-7000-8000-{:012x}", next())
}

fn next() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// Two buyers, the administrator's client, and that of a service in a process of its own.
fn seed() -> String {
    let resources = SERVICES.map(|name| format!("\"urn:latchkey:{name}\"")).join(", ");
    let called = [
        ("basket", "basket"),
        ("catalog", "catalog.read"),
        ("discount", "discount.redeem"),
    ];
    let rules = called.map(|(service, scope)| {
        format!(
            "{{ subject_resource = \"urn:latchkey:order\", resource = \"urn:latchkey:{service}\", scope = \"{scope}\" }}"
        )
    });
    let clients = format!(
        "[[clients]]\nclient_id = \"back-office\"\nclient_secret = \"{SECRET}\"\n\
         grant_types = [\"authorization_code\", \"refresh_token\"]\n\
         redirect_uris = [\"https://back-office.test/callback\"]\n\
         scope = \"{ADMINISTERING}\"\nresources = [{resources}]\n\
         [[clients]]\nclient_id = \"apart\"\nclient_secret = \"{SECRET}\"\nmay_introspect = [{resources}]\n\
         grant_types = [\"urn:ietf:params:oauth:grant-type:token-exchange\"]\ntoken_exchange = [{}]\n",
        rules.join(", ")
    );
    let users = ["bo", "cleo"].map(|name| {
        format!(
            "[[users]]\nusername = \"{name}\"\nemail = \"{name}@example.test\"\npassword = \"{SECRET}\"\n"
        )
    });
    clients + &users.concat()
}

/// What everybody begins with.
pub const WELCOME: i64 = 1_000;
const SERVICES: [&str; 9] = [
    "catalog",
    "basket",
    "discount",
    "inventory",
    "payment",
    "order",
    "photo",
    "billing",
    "events",
];
const BUYING: &str = "openid offline_access catalog.read basket discount.redeem order.read order.write payment.read \
                      payment.write inventory.read inventory.write billing.read";
const ADMINISTERING: &str = "openid offline_access catalog.read basket discount.write discount.admin order.read \
                             order.admin payment.read inventory.read inventory.admin billing.read billing.admin \
                             events.admin";
const SECRET: &str = "a-secret-of-no-value-to-anybody-at-all";
const PATIENCE: Duration = Duration::from_secs(20);
