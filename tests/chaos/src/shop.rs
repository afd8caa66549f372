//! The shop as its buyers see it: HTTP through the edge, asked until there is a definite answer.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use futures::future::try_join_all;
use http::Method;
use latchkey_testkit::{App, Browser, VERIFIER, pooled, pooled_by};
use serde_json::{Value, json};

use crate::installation::Installation;
use crate::plan::{ChaosError, Plan};
use crate::seed::{CLIENT, KEEPER, PASSWORD, REDIRECT, SCOPE, SECRET, SERVICES, buyer};

/// A shop that is open, with its buyers.
pub struct Shop {
    api: String,
    app: App,
    http: reqwest::Client,
    pub checkouts: usize,
    pub calm: bool,
    /// Stackable items, some with few seats.
    pub items: Vec<String>,
    /// Courses with their lessons; everybody owns one of each at most.
    pub courses: Vec<(String, Vec<String>)>,
    /// Pictures for items.
    pub photos: Vec<String>,
    /// Coupons that one order may use.
    pub coupons: Vec<String>,
    pub buyers: Vec<std::sync::Arc<User>>,
    /// The instructor of all items and courses.
    pub keeper: std::sync::Arc<User>,
    history: Mutex<History>,
    repeated: AtomicUsize,
}

/// A user with a sign-in.
#[derive(Default)]
pub struct User {
    pub name: String,
    refresh_token: String,
    /// Access tokens by resource.
    tokens: Mutex<HashMap<&'static str, String>>,
    /// Saved cards.
    pub cards: Vec<String>,
}

/// What was asked and definitely answered.
#[derive(Clone, Debug, Default)]
pub struct History {
    /// The ids of acknowledged orders.
    pub accepted: Vec<String>,
    /// Refused orders by problem code.
    refused: BTreeMap<String, usize>,
    /// Idempotency keys that got two different answers.
    pub contradictions: Vec<String>,
}

impl History {
    pub fn refused(&self) -> Vec<(String, usize)> {
        self.refused
            .iter()
            .map(|(code, times)| (code.clone(), *times))
            .collect()
    }
}

/// A definite answer.
#[derive(Clone, Debug)]
pub struct Reply {
    pub status: u16,
    pub etag: String,
    pub body: Value,
}

impl Reply {
    pub fn code(&self) -> String {
        self.body["code"].as_str().unwrap_or("none").to_owned()
    }

    pub fn id(&self) -> String {
        self.body["id"].as_str().unwrap_or_default().to_owned()
    }
}

/// What a request says besides its method and path.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    pub key: Option<String>,
    pub if_match: Option<String>,
    pub body: Option<Value>,
    /// A picture, in a form.
    pub picture: Option<&'static [u8]>,
}

impl Asked {
    pub fn body(body: Value) -> Self {
        Self {
            body: Some(body),
            ..Self::default()
        }
    }

    pub fn keyed(key: &str, body: Value) -> Self {
        Self {
            key: Some(key.to_owned()),
            ..Self::body(body)
        }
    }
}

impl Shop {
    /// Signs everybody in, and fills the shop with items, coupons and cards.
    pub async fn open(installation: &Installation, plan: &Plan) -> Result<Self, ChaosError> {
        let app = App {
            issuer: installation.issuer(),
            client_id: CLIENT.to_owned(),
            secret: Some(SECRET.to_owned()),
            redirect_uri: REDIRECT.to_owned(),
            scope: SCOPE.to_owned(),
        };
        let http = match installation.authority()? {
            None => pooled(),
            Some(authority) => {
                let authority = reqwest::Certificate::from_pem(&authority);
                let authority = authority.map_err(|error| ChaosError::Start(error.to_string()))?;
                pooled_by(reqwest::Client::builder().tls_certs_only([authority]))
            }
        };
        let mut shop = Self {
            api: installation.api(),
            app,
            http,
            checkouts: plan.checkouts,
            calm: plan.calm,
            items: Vec::new(),
            courses: Vec::new(),
            photos: Vec::new(),
            coupons: Vec::new(),
            buyers: Vec::new(),
            keeper: std::sync::Arc::default(),
            history: Mutex::default(),
            repeated: AtomicUsize::new(0),
        };
        let keeper = std::sync::Arc::new(shop.sign_in(KEEPER).await?);
        shop.fill(&keeper, plan).await?;
        shop.keeper = keeper;
        let names: Vec<String> = (0..plan.buyers).map(buyer).collect();
        for some in names.chunks(8) {
            let signed_in = try_join_all(some.iter().map(|name| shop.with_cards(name))).await?;
            shop.buyers.extend(signed_in.into_iter().map(std::sync::Arc::new));
        }
        Ok(shop)
    }

    async fn with_cards(&self, name: &str) -> Result<User, ChaosError> {
        let mut user = self.sign_in(name).await?;
        for number in CARDS {
            let card = json!({"number": number, "exp_month": 12, "exp_year": 2040, "cvc": "123"});
            let saved = self
                .ask(&user, "payment", Method::POST, "card-tokens", Asked::body(card))
                .await;
            let id = saved.body["id"].as_str();
            let id = id.ok_or_else(|| ChaosError::Filling(format!("card {number}: {saved:?}")))?;
            user.cards.push(id.to_owned());
        }
        Ok(user)
    }

    async fn sign_in(&self, name: &str) -> Result<User, ChaosError> {
        let resources = SERVICES.map(|name| format!("urn:latchkey:{name}"));
        let named: Vec<(&str, &str)> = resources.iter().map(|urn| ("resource", urn.as_str())).collect();
        let browser = Browser::trusting(self.http.clone());
        let back = self.app.walk(&browser, (name, PASSWORD), &named).await;
        let code = back.code.unwrap_or_default();
        let form = [
            ("grant_type", "authorization_code"),
            ("code", code.as_str()),
            ("redirect_uri", REDIRECT),
            ("code_verifier", VERIFIER),
            ("resource", resources[0].as_str()),
        ];
        let redeem = self.http.post(format!("{}/token", self.app.issuer));
        let redeemed = definite(redeem.basic_auth(CLIENT, Some(SECRET)).form(&form)).await;
        let token = redeemed
            .as_ref()
            .and_then(|reply| reply.body["refresh_token"].as_str());
        let token = token.map(str::to_owned);
        let refresh_token = token.ok_or_else(|| ChaosError::Filling(format!("{name}: {redeemed:?}")))?;
        Ok(User {
            name: name.to_owned(),
            refresh_token,
            tokens: Mutex::default(),
            cards: Vec::new(),
        })
    }

    /// Items of a few seats and of any number, and coupons for one order each.
    async fn fill(&mut self, keeper: &User, plan: &Plan) -> Result<(), ChaosError> {
        let category = self.category(keeper).await?;
        for at in 0..ITEMS {
            // Every other item has so few seats that they run out.
            let seats = (at % 2 == 0 && !plan.calm).then_some(plan.checkouts / ITEMS / 2 + 1);
            let draft = json!({
                "title": format!("An hour of mentoring {at}"),
                "kind": "item",
                "category_id": category,
                "description_md": "An hour with somebody who has done it before. ".repeat(4),
                "price": {"amount": 400 + 100 * at, "currency": "EUR"},
                "limited": seats.is_some(),
            });
            let key = format!("01a1ebbc-0000-7000-8000-0000000001{at:02}");
            let made = self.make(keeper, &key, draft, seats).await?;
            self.items.push(made.id());
        }
        if plan.calm {
            return Ok(());
        }
        for (at, picture) in PICTURES.into_iter().enumerate() {
            let asked = Asked {
                key: Some(format!("01a1ebbc-0000-7000-8000-0000000004{at:02}")),
                picture: Some(picture),
                ..Asked::default()
            };
            let made = self.ask(keeper, "photo", Method::POST, "photos", asked).await;
            if made.status != 201 {
                return Err(ChaosError::Filling(format!("photo: {made:?}")));
            }
            self.photos.push(made.id());
        }
        for at in 0..COURSES {
            let lessons: Vec<Value> = (1..=4)
                .map(|lesson| json!({"title": format!("Lesson {lesson}"), "minutes": 10}))
                .collect();
            let draft = json!({
                "title": format!("A course of mentoring {at}"),
                "kind": "course",
                "category_id": category,
                "description_md": "What somebody knows who has done it before. ".repeat(4),
                "price": {"amount": 900, "currency": "EUR"},
                "sections": [{"title": "All of it", "lessons": lessons}],
            });
            let key = format!("01a1ebbc-0000-7000-8000-0000000002{at:02}");
            let made = self.make(keeper, &key, draft, None).await?;
            let lessons = made.body["sections"][0]["lessons"].as_array();
            let ids = lessons.into_iter().flatten();
            let ids = ids.filter_map(|lesson| lesson["id"].as_str().map(str::to_owned));
            self.courses.push((made.id(), ids.collect()));
        }
        for at in 0..plan.checkouts / 20 + 2 {
            let code = format!("ONE-{at:05}");
            let draft = json!({"code": code, "percent_bp": 2_500, "scope": {"kind": "all"}, "max_total": 1});
            let key = format!("01a1ebbc-0000-7000-8000-0000001{at:05}");
            let made = self
                .ask(
                    keeper,
                    "discount",
                    Method::POST,
                    "coupons",
                    Asked::keyed(&key, draft),
                )
                .await;
            if made.status != 201 {
                return Err(ChaosError::Filling(format!("coupon: {made:?}")));
            }
            self.coupons.push(code);
        }
        Ok(())
    }

    /// The category of everything.
    async fn category(&self, keeper: &User) -> Result<Value, ChaosError> {
        let list = self.ask(keeper, "catalog", Method::GET, "categories", Asked::default());
        let first = list.await.body["items"][0]["id"].clone();
        if first.is_string() {
            return Ok(first);
        }
        let asked = Asked::keyed(
            "01a1ebbc-0000-7000-8000-000000000300",
            json!({"name": "Mentoring"}),
        );
        let made = self
            .ask(keeper, "catalog", Method::POST, "categories", asked)
            .await;
        match made.status {
            201 => Ok(made.body["id"].clone()),
            _ => Err(ChaosError::Filling(format!("category: {made:?}"))),
        }
    }

    /// Makes an item or a course, and publishes it.
    async fn make(
        &self,
        keeper: &User,
        key: &str,
        draft: Value,
        seats: Option<usize>,
    ) -> Result<Reply, ChaosError> {
        let asked = Asked::keyed(key, draft);
        let made = self.ask(keeper, "catalog", Method::POST, "courses", asked).await;
        if made.status != 201 {
            return Err(ChaosError::Filling(format!("item: {made:?}")));
        }
        if let Some(seats) = seats {
            self.set_seats(keeper, &made.id(), seats).await?;
        }
        self.publish(keeper, &made.id(), &made.etag).await?;
        Ok(made)
    }

    /// Publishes an item, as soon as the catalog has heard of its seats.
    async fn publish(&self, keeper: &User, id: &str, etag: &str) -> Result<(), ChaosError> {
        let path = format!("courses/{id}/publish");
        let mut last = 0;
        for _ in 0..400 {
            let publish = Asked {
                if_match: Some(etag.to_owned()),
                ..Asked::default()
            };
            let published = self.ask(keeper, "catalog", Method::POST, &path, publish).await;
            match published.status {
                200 => return Ok(()),
                422 => tokio::time::sleep(PAUSE).await,
                _ => return Err(ChaosError::Filling(format!("publishing: {published:?}"))),
            }
            last = published.status;
        }
        Err(ChaosError::Filling(format!("publishing {id}: {last}")))
    }

    /// Sets the seats, as soon as inventory has heard of the item.
    async fn set_seats(&self, keeper: &User, id: &str, seats: usize) -> Result<(), ChaosError> {
        let path = format!("stock/{id}");
        for _ in 0..400 {
            let read = self
                .ask(keeper, "inventory", Method::GET, &path, Asked::default())
                .await;
            if read.status != 200 {
                tokio::time::sleep(PAUSE).await;
                continue;
            }
            let change = Asked {
                if_match: Some(read.etag),
                ..Asked::body(json!({"capacity": seats}))
            };
            let set = self.ask(keeper, "inventory", Method::PUT, &path, change).await;
            if set.status == 200 {
                return Ok(());
            }
        }
        Err(ChaosError::Filling(format!("inventory never heard of {id}")))
    }

    /// Asks a service as a user, again and again while nobody answers or something is out of order, and with a new
    /// token when the old one is over. What is sent is always the same.
    pub async fn ask(
        &self,
        user: &User,
        service: &'static str,
        method: Method,
        path: &str,
        asked: Asked,
    ) -> Reply {
        let url = format!(
            "{}/{service}/v1{}{path}",
            self.api,
            if path.is_empty() { "" } else { "/" }
        );
        loop {
            let token = self.token(user, service).await;
            let mut request = self.http.request(method.clone(), &url).bearer_auth(&token);
            if let Some(key) = &asked.key {
                request = request.header("idempotency-key", key);
            }
            if let Some(version) = &asked.if_match {
                request = request.header("if-match", version);
            }
            if let Some(body) = &asked.body {
                request = request.json(body);
            }
            if let Some(picture) = asked.picture {
                let head = b"--x\r\ncontent-disposition: form-data; name=\"photo\"\r\n\r\n";
                let form = [&head[..], picture, b"\r\n--x--\r\n"].concat();
                let kind = "multipart/form-data; boundary=x";
                request = request.header(http::header::CONTENT_TYPE, kind).body(form);
            }
            match definite(request).await {
                Some(reply) if reply.status == 401 => user.forget(service),
                Some(reply) => return reply,
                None => self.again().await,
            }
        }
    }

    async fn token(&self, user: &User, service: &'static str) -> String {
        if let Some(token) = user.known(service) {
            return token;
        }
        let resource = format!("urn:latchkey:{service}");
        let form = [
            ("grant_type", "refresh_token"),
            ("refresh_token", user.refresh_token.as_str()),
            ("resource", resource.as_str()),
        ];
        loop {
            let request = self.http.post(format!("{}/token", self.app.issuer));
            let request = request.basic_auth(CLIENT, Some(SECRET)).form(&form);
            match definite(request).await {
                Some(Reply { body, .. }) if body["access_token"].is_string() => {
                    let token = body["access_token"].as_str().unwrap_or_default().to_owned();
                    user.keep(service, &token);
                    return token;
                }
                // An innocent user is never signed out: then the run fails, and says so.
                Some(reply) => {
                    let lost = format!("the sign-in of {} is lost: {reply:?}", user.name);
                    self.history().contradictions.push(lost.clone());
                    panic!("{lost}");
                }
                None => self.again().await,
            }
        }
    }

    async fn again(&self) {
        self.repeated.fetch_add(1, Ordering::Relaxed);
        tokio::time::sleep(PAUSE).await;
    }

    fn locked(&self) -> std::sync::MutexGuard<'_, History> {
        self.history.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn history(&self) -> History {
        self.locked().clone()
    }

    pub fn repeated(&self) -> usize {
        self.repeated.load(Ordering::Relaxed)
    }

    /// An order was acknowledged.
    pub fn accepted(&self, order: &str) {
        self.locked().accepted.push(order.to_owned());
    }

    /// An order was refused.
    pub fn refused(&self, code: String) {
        *self.locked().refused.entry(code).or_default() += 1;
    }

    /// One key got two answers.
    pub fn contradiction(&self, what: String) {
        self.locked().contradictions.push(what);
    }
}

impl User {
    fn known(&self, service: &str) -> Option<String> {
        self.locked().get(service).cloned()
    }

    fn keep(&self, service: &'static str, token: &str) {
        self.locked().insert(service, token.to_owned());
    }

    fn forget(&self, service: &str) {
        self.locked().remove(service);
    }

    fn locked(&self) -> std::sync::MutexGuard<'_, HashMap<&'static str, String>> {
        self.tokens.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The answer, unless there was none or the server had a trouble of its own.
async fn definite(request: reqwest::RequestBuilder) -> Option<Reply> {
    let answer = request.send().await.ok()?;
    let status = answer.status();
    let etag = answer.headers().get(http::header::ETAG);
    let etag = etag
        .and_then(|tag| tag.to_str().ok())
        .unwrap_or_default()
        .to_owned();
    let text = answer.text().await.ok()?;
    let definite = !status.is_server_error();
    definite.then(|| Reply {
        status: status.as_u16(),
        etag,
        body: serde_json::from_str(&text).unwrap_or_default(),
    })
}

/// Published numbers of the test processor: pays; pays; must be confirmed; the first answer is lost and it pays; the
/// first answer is lost and it is declined; the capture fails; declined.
const CARDS: [&str; 7] = [
    "4242424242424242",
    "5555555555554444",
    "4000002500003155",
    "4000000000003006",
    "4000000000003014",
    "4000000000003022",
    "4000000000000002",
];
/// A red one and a blue one, of four pixels.
const PICTURES: [&[u8]; 2] = [
    b"\x89PNG\x0d\x0a\x1a\x0a\x00\x00\x00\x0dIHDR\x00\x00\x00\x02\x00\x00\x00\x02\x08\x02\x00\x00\x00\xfd\xd4\x9as\x00\x00\x00\x10IDATx\xdac8!'\x07D\x0c\x10\x0a\x00\x1f&\x04\x11J\x8e\x8d \x00\x00\x00\x00IEND\xaeB`\x82",
    b"\x89PNG\x0d\x0a\x1a\x0a\x00\x00\x00\x0dIHDR\x00\x00\x00\x02\x00\x00\x00\x02\x08\x02\x00\x00\x00\xfd\xd4\x9as\x00\x00\x00\x10IDATx\xdac\x90\x93;\x01D\x0c\x10\x0a\x00\x19\xd6\x04\x11\xa2\x11\xfd\x93\x00\x00\x00\x00IEND\xaeB`\x82",
];
const ITEMS: usize = 10;
const COURSES: usize = 2;
const PAUSE: Duration = Duration::from_millis(50);
