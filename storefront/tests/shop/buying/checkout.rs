//! The checkout: what it sends and to whom, what it says when something has changed, and that no card number stays.

use latchkey_testkit::{keep_log, logged};
use serde_json::{Value, json};

use super::{CARD, NEW_CARD, NO_REQUEST, ORDER, Services, basket, eur, line, post, problem, sites};
use crate::issuer::{Browser, Site};

const NUMBER: &str = "4000002500003155";

/// A browser of somebody who has one course in the basket.
async fn buyer<'a>(services: &Services, site: &'a Site, sub: &str) -> Browser<'a> {
    let browser = site.browser();
    browser.sign_in(sub).await;
    services.fill(&basket(&[line("ok")], &[], Value::Null));
    browser
}

/// The hidden fields of the form, and the rest filled in.
async fn form(browser: &Browser<'_>, card: &str) -> Vec<(String, String)> {
    let page = browser.get("/checkout").await;
    assert_eq!(page.status, 200, "{}", page.text);
    let names = page.attributes("#order input[type=hidden]", "name");
    let values = page.attributes("#order input[type=hidden]", "value");
    let mut fields: Vec<(String, String)> = names.into_iter().zip(values).collect();
    for (name, value) in [
        ("name", "Bo Berg"),
        ("street", "Main 1"),
        ("postal_code", "10115"),
        ("city", "Berlin"),
        ("country", "DE"),
        ("wallet", "max"),
        ("card", card),
        ("terms", "yes"),
    ] {
        fields.push((name.to_owned(), value.to_owned()));
    }
    if card == "new" {
        for (name, value) in [
            ("card_number", NUMBER),
            ("card_month", "4"),
            ("card_year", "2030"),
            ("card_cvc", "737"),
        ] {
            fields.push((name.to_owned(), value.to_owned()));
        }
    }
    fields
}

fn with(fields: &[(String, String)], name: &str, value: &str) -> Vec<(String, String)> {
    let mut fields = fields.to_vec();
    fields.retain(|(known, _)| known != name);
    fields.push((name.to_owned(), value.to_owned()));
    fields
}

async fn send(browser: &Browser<'_>, fields: &[(String, String)]) -> latchkey_testkit::Answer {
    let pairs: Vec<(&str, &str)> = fields
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    post(browser, "/checkout", &pairs).await
}

#[tokio::test]
async fn an_order_says_what_was_shown_and_leads_to_its_status() {
    for (services, site) in sites("order").await {
        services.forget();
        let browser = buyer(&services, &site, "alice").await;
        let fields = form(&browser, CARD).await;
        let answer = send(&browser, &fields).await;
        let status = format!("/orders/{ORDER}/status");
        assert_eq!((answer.status, answer.header("location")), (303, status.as_str()));
        let asked = services.asked("POST /order/v1/orders");
        assert_eq!(
            asked[0].body,
            json!({
                "basket_version": 3, "expected_total": eur(5_900),
                "billing_address": {"name": "Bo Berg", "street": "Main 1", "postal_code": "10115", "city": "Berlin", "country": "DE"},
                "payment": {"wallet": "max", "card_token": CARD}, "consents": {"terms": true},
            })
        );
        assert!(asked[0].bearer.starts_with("order-refresh-"));
        let cards = services.asked("GET /payment/v1/cards");
        assert!(cards[0].bearer.starts_with("payment-refresh-"));
        // Pressed twice, it has the same key.
        send(&browser, &fields).await;
        let asked = services.asked("POST /order/v1/orders");
        assert!(!asked[0].key.is_empty() && asked[0].key == asked[1].key);
        assert_ne!(form(&browser, CARD).await, fields, "another page has another key");
    }
}

#[tokio::test]
async fn the_wallet_pays_as_much_as_was_chosen() {
    for (services, site) in sites("wallet_part").await {
        services.forget();
        let browser = buyer(&services, &site, "alice").await;
        let fields = form(&browser, CARD).await;
        for (wallet, amount, sent) in [
            ("none", "", json!(0)),
            ("some", "12,50", json!(1_250)),
            ("max", "x", json!("max")),
        ] {
            let fields = with(&with(&fields, "wallet", wallet), "wallet_amount", amount);
            assert_eq!(send(&browser, &fields).await.status, 303, "{wallet}");
            let asked = services.asked("POST /order/v1/orders");
            assert_eq!(asked.last().unwrap().body["payment"]["wallet"], sent);
        }
        let no_card = with(&fields, "card", "none");
        assert_eq!(send(&browser, &no_card).await.status, 303);
        let asked = services.asked("POST /order/v1/orders");
        assert_eq!(asked.last().unwrap().body["payment"]["card_token"], Value::Null);
    }
}

#[tokio::test]
async fn whoever_is_not_signed_in_signs_in_and_is_back_at_the_checkout() {
    for (services, site) in sites("checkout_sign_in").await {
        services.forget();
        services.fill(&basket(&[line("ok")], &[], Value::Null));
        let browser = site.browser();
        let first = browser.get("/checkout").await;
        assert_eq!(
            (first.status, first.header("location")),
            (303, "/signin?return=%2Fcheckout")
        );
        let (path, page) = browser.follow("/checkout", "alice").await;
        assert_eq!((path.as_str(), page.status), ("/checkout", 200));
        assert_eq!(post(&browser, "/checkout", &[]).await.status, 403);
        let nobody = site.browser();
        assert_eq!(post(&nobody, "/checkout", &[]).await.status, 403);
        assert!(services.asked("POST /order").is_empty());
    }
}

#[tokio::test]
async fn a_form_that_is_forged_or_lacks_its_key_orders_nothing() {
    for (services, site) in sites("forged_order").await {
        services.forget();
        let browser = buyer(&services, &site, "alice").await;
        let fields = form(&browser, "new").await;
        let pairs: Vec<(&str, &str)> = fields.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        assert_eq!(
            browser
                .send_form("https://evil.test", "/checkout", &pairs)
                .await
                .status,
            403
        );
        for (name, value, status) in [
            ("token", "", 403),
            ("token", "AAAA", 403),
            ("key", "", 400),
            ("key", "1", 400),
            ("version", "", 400),
            ("version", "0", 400),
            ("total", "-1", 400),
            ("total", "free", 400),
            ("currency", "", 400),
        ] {
            let answer = send(&browser, &with(&fields, name, value)).await;
            assert_eq!(answer.status, status, "{name}={value}");
        }
        let twice = [&fields[..], &fields[..1]].concat();
        assert_eq!(send(&browser, &twice).await.status, 400);
        for called in ["POST /order", "POST /payment"] {
            assert!(services.asked(called).is_empty(), "{called}");
        }
    }
}

#[tokio::test]
async fn a_field_that_cannot_be_sent_is_named_and_the_rest_is_kept() {
    for (services, site) in sites("checkout_faults").await {
        services.forget();
        let browser = buyer(&services, &site, "alice").await;
        let fields = form(&browser, "new").await;
        for (name, value, at) in [
            ("name", "", "#name"),
            ("street", "a\u{7}b", "#street"),
            ("country", "XX", "#country"),
            ("terms", "", "#terms"),
            ("card_number", "", "#card_number"),
            ("card_month", "April", "#card_month"),
        ] {
            let page = send(&browser, &with(&fields, name, value)).await;
            assert_eq!(page.status, 422, "{name}");
            assert_eq!(page.attributes(".fault-list a", "href"), [at]);
            assert_eq!(page.attributes("#city", "value"), ["Berlin"]);
            assert!(
                !page.text.contains(NUMBER) && !page.text.contains("\"737\""),
                "{name}"
            );
        }
        assert!(services.asked("POST /").is_empty());
    }
}

/// The number goes to payment; what comes back names a card that has only its last digits.
#[tokio::test]
async fn a_card_number_is_in_no_order_no_answer_and_no_log() {
    keep_log();
    for (services, site) in sites("card_number").await {
        services.forget();
        let browser = buyer(&services, &site, "alice").await;
        let fields = form(&browser, "new").await;
        let mut answers = Vec::new();
        let refusals = [
            (422, problem("test_cards_only", Value::Null)),
            (
                422,
                problem(
                    "invalid_content",
                    json!({"errors": [{"field": "number", "message": NUMBER}]}),
                ),
            ),
            (409, problem("too_many_cards", json!({"detail": NUMBER}))),
            (422, problem("of_tomorrow", Value::Null)),
            (400, json!(NUMBER)),
            (500, json!(NUMBER)),
            (503, Value::Null),
        ];
        for (status, body) in refusals {
            services.say("POST /payment/v1/card-tokens", status, body);
            answers.push(send(&browser, &fields).await);
        }
        assert!(services.asked("POST /order").is_empty());
        let card =
            json!({"id": NEW_CARD, "brand": "visa", "last4": "3155", "exp_month": 4, "exp_year": 2030});
        services.say("POST /payment/v1/card-tokens", 201, card);
        for (status, body) in [
            (409, problem("basket_changed", Value::Null)),
            (503, Value::Null),
            (500, Value::Null),
        ] {
            services.say("POST /order/v1/orders", status, body);
            answers.push(send(&browser, &fields).await);
        }
        for answer in &answers {
            assert!(answer.status >= 400, "{}", answer.status);
            let logged = logged(NO_REQUEST).join("\n");
            assert!(logged.contains("a card could not be saved"), "{logged}");
            for text in [&answer.text, &logged] {
                assert!(!text.contains(NUMBER) && !text.contains("\"737\""), "{text}");
            }
        }
        let asked = services.asked("POST /payment/v1/card-tokens");
        assert_eq!(
            asked[0].body,
            json!({"number": NUMBER, "exp_month": 4, "exp_year": 2030, "cvc": "737", "save": false})
        );
        for asked in services.asked("POST /order") {
            assert_eq!(asked.body["payment"]["card_token"], NEW_CARD);
            assert!(!asked.body.to_string().contains(NUMBER));
        }
    }
}

#[tokio::test]
async fn a_new_card_is_saved_only_by_its_box() {
    for (services, site) in sites("save_card").await {
        services.forget();
        let browser = buyer(&services, &site, "alice").await;
        let fields = form(&browser, "new").await;
        let page = browser.get("/checkout").await;
        assert_eq!(page.attributes("#save_card", "value"), ["yes"]);
        assert!(page.attributes("#save_card[checked]", "id").is_empty());
        let card =
            json!({"id": NEW_CARD, "brand": "visa", "last4": "3155", "exp_month": 4, "exp_year": 2030});
        services.say("POST /payment/v1/card-tokens", 201, card);
        services.say("POST /order/v1/orders", 503, Value::Null);
        let again = send(&browser, &fields).await;
        // The card is in no list, and is still the one that pays.
        assert_eq!(again.attributes("[name=card][checked]", "value"), [NEW_CARD]);
        send(&browser, &with(&fields, "save_card", "yes")).await;
        let asked = services.asked("POST /payment/v1/card-tokens");
        let saved: Vec<_> = asked.iter().map(|asked| asked.body["save"].clone()).collect();
        assert_eq!(saved, [json!(false), json!(true)]);
    }
}

#[tokio::test]
async fn a_changed_price_or_basket_is_shown_and_must_be_agreed_to() {
    for (services, site) in sites("price_changed").await {
        services.forget();
        let browser = buyer(&services, &site, "alice").await;
        let fields = form(&browser, CARD).await;
        let quote = json!({"quote": {
            "basket_id": "b1", "basket_version": 4, "lines": [], "subtotal": eur(6_900), "discount_total": eur(0),
            "tax_total": eur(0), "total": eur(6_900), "coupon_code": null, "coupon_refused": null,
        }});
        services.say("POST /order/v1/orders", 409, problem("price_changed", quote));
        let page = send(&browser, &fields).await;
        assert_eq!(page.status, 409);
        assert_eq!(page.texts("#total"), ["€69.00"]);
        assert_eq!(page.texts("#buy"), ["Pay €69.00"]);
        assert_eq!(page.attributes("input[name=total]", "value"), ["6900"]);
        assert_eq!(page.attributes("input[name=version]", "value"), ["4"]);
        assert_ne!(page.attributes("input[name=key]", "value")[0], fields[1].1);
        assert_eq!(page.attributes("#name", "value"), ["Bo Berg"]);
        services.say(
            "POST /order/v1/orders",
            409,
            problem("basket_changed", Value::Null),
        );
        let page = send(&browser, &fields).await;
        assert_eq!(
            (page.status, page.texts("#total")),
            (409, vec!["€59.00".to_owned()])
        );
        services.say(
            "POST /order/v1/orders",
            409,
            problem("items_unavailable", json!({"courses": ["c"]})),
        );
        let to_basket = send(&browser, &fields).await;
        assert_eq!(to_basket.header("location"), "/basket?done=unavailable");
        services.say(
            "POST /order/v1/orders",
            422,
            problem("idempotency_key_reused", Value::Null),
        );
        assert_eq!(
            send(&browser, &fields).await.texts(".notice-title")[0],
            "This form was sent before, with other content."
        );
    }
}

/// Nobody knows whether it was ordered: what is sent next must be the same order.
#[tokio::test]
async fn an_order_without_an_answer_can_be_sent_again_as_it_was() {
    for (services, site) in sites("order_away").await {
        services.forget();
        let browser = buyer(&services, &site, "alice").await;
        let fields = form(&browser, "new").await;
        services.take_away("order");
        let page = send(&browser, &fields).await;
        assert_eq!(page.status, 503);
        for name in ["key", "version", "total", "currency"] {
            let sent = fields.iter().find(|(known, _)| known == name).unwrap();
            assert_eq!(
                page.attributes(&format!("#order input[name={name}]"), "value"),
                std::slice::from_ref(&sent.1)
            );
        }
        assert!(services.asked("POST /order")[0].body["payment"]["card_token"] == NEW_CARD);
    }
}

#[tokio::test]
async fn without_payment_the_checkout_says_so_and_has_no_button() {
    for (services, site) in sites("payment_away").await {
        services.forget();
        let browser = buyer(&services, &site, "alice").await;
        services.take_away("payment");
        let page = browser.get("/checkout").await;
        assert_eq!(page.status, 200);
        assert_eq!(
            page.texts(".notice-title"),
            ["Payment cannot be reached right now. Nothing was ordered."]
        );
        assert!(page.texts("#buy").is_empty());
        // What is free needs no payment.
        let mut free = basket(&[line("ok")], &[], Value::Null);
        free["total"] = eur(0);
        services.fill(&free);
        let page = browser.get("/checkout").await;
        assert_eq!(page.texts("#buy"), ["Enrol for free"]);
    }
}

#[tokio::test]
async fn an_empty_basket_has_no_checkout() {
    for (services, site) in sites("empty_checkout").await {
        services.forget();
        let browser = site.browser();
        browser.sign_in("alice").await;
        let answer = browser.get("/checkout").await;
        assert_eq!((answer.status, answer.header("location")), (303, "/basket"));
        let page = browser.get("/basket").await;
        assert_eq!(page.texts(".empty p")[0], "Your basket is empty.");
    }
}
