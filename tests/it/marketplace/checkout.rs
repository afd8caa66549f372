//! A course is bought: basket, coupon, order, payment, library, each by its API through the edge.

use http::Method;
use latchkey_contracts::resource::{ResourceContract, basket, inventory, order, payment};
use serde_json::{Value, json};

use crate::harness::{Answer, App, Browser, Process, TestServer, anonymous, broker, http, until};

/// A user of the demo with a token for each service.
struct Buyer<'a> {
    server: &'a TestServer,
    browser: Browser,
    who: (&'a str, &'a str),
}

impl<'a> Buyer<'a> {
    fn new(server: &'a TestServer, name: &'a str) -> Self {
        let (browser, who) = (Browser::new(), server.person(name));
        Self { server, browser, who }
    }

    async fn token(&self, of: &ResourceContract, scope: &str) -> String {
        let app: App = self.server.app("demo-web", &format!("openid {scope}"));
        let tokens = app
            .sign_in(&self.browser, self.who, &[("resource", of.audience)])
            .await;
        tokens.access
    }

    async fn send(&self, method: Method, path: &str, token: &str, key: &str, body: Option<&Value>) -> Answer {
        let at = format!("{}/{path}", self.server.api());
        let mut request = http().request(method, &at).bearer_auth(token);
        if !key.is_empty() {
            request = request.header("idempotency-key", key);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        Answer::of(request).await
    }
}

/// The first course of the shop that costs something and has seats without limit.
async fn a_course(server: &TestServer) -> Value {
    let listed = anonymous(&format!("{}/catalog/v1/courses?limit=100", server.api())).await;
    let listed = listed.json();
    let all = listed["items"].as_array().unwrap().iter();
    let owned = ["git-beyond-commit-and-push", "statistics-without-tears"];
    let sold = |course: &&Value| {
        course["price"]["amount"].as_i64() > Some(0)
            && course["limited"] == false
            && !owned.contains(&course["slug"].as_str().unwrap())
    };
    all.clone().find(sold).unwrap().clone()
}

#[tokio::test]
async fn a_course_is_bought_by_card_with_a_coupon_and_owned_afterwards() {
    a_course_is_bought(TestServer::new().await).await;
}

#[tokio::test]
async fn a_course_is_bought_over_a_broker_that_was_declared_by_command() {
    let (folder, bus) = (tempfile::tempdir().unwrap(), broker("checkout"));
    let command = async |words: &[&str]| {
        let mut command = Process::command(folder.path(), words);
        let output = command.env("LATCHKEY_BUS", &bus).output().await.unwrap();
        assert!(output.status.success(), "{words:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    command(&["bus", "declare"]).await;
    let again = command(&["bus", "declare"]).await;
    assert!(!again.contains("guest"), "{again}");
    let printed = command(&["bus", "permissions"]).await;
    for user in ["identity", "catalog", "order", "payment", "declare", "operator"] {
        let line = format!("rabbitmqctl set_permissions -p '/' {user} ");
        assert!(
            printed.lines().any(|printed| printed.starts_with(&line)),
            "{printed}"
        );
    }
    let server = TestServer::with(|config| {
        config.bus = bus.clone();
        let log = config.data.join("revocations.db");
        config.revocation_log = Some(format!("sqlite:{}", log.display()));
    });
    a_course_is_bought(server.await).await;
}

async fn a_course_is_bought(server: TestServer) {
    let alice = Buyer::new(&server, "alice");
    let course = a_course(&server).await;
    let id = course["id"].as_str().unwrap();
    let price = course["price"]["amount"].as_i64().unwrap();

    let at_basket = alice.token(&basket::RESOURCE, basket::USE.name).await;
    let line = format!("basket/v1/lines/{id}");
    let one = json!({"quantity": 1});
    let put = alice.send(Method::PUT, &line, &at_basket, "", Some(&one)).await;
    assert_eq!(put.status, 200, "{put:?}");
    let code = json!({"code": "welcome10"});
    let coupon = alice
        .send(Method::PUT, "basket/v1/coupon", &at_basket, "", Some(&code))
        .await;
    assert_eq!(coupon.status, 200, "{coupon:?}");
    let shown = coupon.json();
    let total = shown["total"]["amount"].as_i64().unwrap();
    assert_eq!(shown["subtotal"]["amount"].as_i64(), Some(price), "{shown}");
    assert_eq!(shown["discount"]["code"], "WELCOME10", "{shown}");
    assert!(total < price, "{shown}");

    let at_payment = alice
        .token(&payment::RESOURCE, "payment.read payment.write")
        .await;
    let card = json!({"number": "4242424242424242", "exp_month": 12, "exp_year": 2031, "cvc": "123"});
    let saved = alice
        .send(
            Method::POST,
            "payment/v1/card-tokens",
            &at_payment,
            "01a1ebbc-0000-7000-8000-000000000001",
            Some(&card),
        )
        .await;
    assert_eq!(saved.status, 201, "{saved:?}");

    let at_order = alice.token(&order::RESOURCE, "order.read order.write").await;
    let submission = json!({
        "basket_version": shown["version"],
        "expected_total": shown["total"],
        "billing_address": {
            "name": "Alice Martin", "street": "1 Rue de la Paix", "postal_code": "75002", "city": "Paris", "country": "FR",
        },
        "payment": {"wallet": "max", "card_token": saved.json()["id"]},
        "consents": {"terms": true},
    });
    let key = "01a1ebbc-0000-7000-8000-000000000002";
    let submit = || alice.send(Method::POST, "order/v1/orders", &at_order, key, Some(&submission));
    let ordered = submit().await;
    assert_eq!(ordered.status, 202, "{ordered:?}");
    let again = submit().await;
    assert_eq!(
        (again.status, again.json()["id"].clone()),
        (202, ordered.json()["id"].clone()),
        "the same order"
    );

    let here = format!("order/v1/orders/{}", ordered.json()["id"].as_str().unwrap());
    let read = async || alice.send(Method::GET, &here, &at_order, "", None).await.json();
    until("the order is completed", async || {
        let order = read().await;
        let state = order["state"].as_str().unwrap();
        assert!(
            !["failed", "cancelled", "compensating"].contains(&state),
            "{order}"
        );
        state == "completed"
    })
    .await;
    let completed = read().await;
    assert_eq!(completed["total"]["amount"].as_i64(), Some(total), "{completed}");

    let at_library = alice.token(&inventory::RESOURCE, inventory::READ.name).await;
    let owned = alice
        .send(
            Method::GET,
            &format!("inventory/v1/library/{id}"),
            &at_library,
            "",
            None,
        )
        .await;
    assert_eq!(owned.status, 200, "{owned:?}");
    until("what was bought leaves the basket", async || {
        let basket = alice.send(Method::GET, "basket/v1", &at_basket, "", None).await;
        basket.json()["lines"] == json!([])
    })
    .await;

    let ines = Buyer::new(&server, "ines");
    let foreign = ines.token(&order::RESOURCE, "order.read order.write").await;
    let refused = ines.send(Method::GET, &here, &foreign, "", None).await;
    assert_eq!(refused.status, 404, "somebody else's order: {refused:?}");
    server.stop().await;
}
