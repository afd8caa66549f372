//! The wallet: credits, cards and top-ups. What is typed of a card goes to payment, and to no page and no other service.

use latchkey_testkit::Answer;
use serde_json::{Value, json};

use crate::backends::{Backends, everything, money, problem, top_up};
use crate::issuer::Browser;

const NUMBER: &str = "5555 5555 5555 4444";

async fn key(alice: &Browser<'_>) -> String {
    let page = alice.get("/wallet").await;
    page.attributes("form[action='/wallet/top-ups'] input[name=key]", "value")
        .remove(0)
}

fn new_card<'a>(key: &'a str, amount: &'a str) -> [(&'a str, &'a str); 6] {
    [
        ("key", key),
        ("amount", amount),
        ("card", "new"),
        ("number", NUMBER),
        ("expiry", "04/29"),
        ("cvc", "987"),
    ]
}

fn has_no_card(page: &Answer) {
    for typed in [NUMBER, "5555555555554444"] {
        assert!(!page.text.contains(typed), "{typed} is on the page");
    }
    assert!(page.attributes("#number, #expiry, #cvc", "value").is_empty());
}

#[tokio::test]
async fn a_wallet_shows_what_can_be_spent_and_what_moved() {
    let backends = Backends::start().await;
    everything(&backends);
    for site in backends.sites("wallet").await {
        let alice = site.browser();
        alice.sign_in("alice").await;
        let page = alice.get("/wallet").await;
        assert_eq!(page.texts(".money dd"), ["€100.00", "€120.00", "€20.00"]);
        let section = page.texts("section[aria-labelledby=entries] .line-title");
        assert_eq!(section, ["Paid for an order", "Credits from us"]);
        assert_eq!(
            page.attributes("section[aria-labelledby=entries] a", "href"),
            ["/orders/o-1"]
        );
        assert_eq!(
            page.texts("section[aria-labelledby=cards] .line-title"),
            ["Visa •••• 4242"]
        );
    }
}

#[tokio::test]
async fn a_top_up_from_a_saved_card_is_asked_for_by_its_key() {
    let backends = Backends::start().await;
    everything(&backends);
    backends.give(
        "alice",
        "POST /payment/v1/wallet/topups",
        202,
        top_up("authorizing", None),
    );
    for site in backends.sites("top_up").await {
        let alice = site.browser();
        alice.sign_in("alice").await;
        let key = key(&alice).await;
        backends.take();
        let form = [("key", key.as_str()), ("amount", "20,5"), ("card", "card-1")];
        let answer = alice.submit("/wallet/top-ups", &form).await;
        assert_eq!(
            (answer.status, answer.header("location")),
            (303, "/wallet/top-ups/top-1")
        );
        let asked = backends.changes().remove(0);
        assert_eq!(asked.header("idempotency-key"), Some(key.as_str()));
        assert_eq!(
            asked.json(),
            json!({"amount": money(2_050), "card_token": "card-1"})
        );
    }
}

#[tokio::test]
async fn a_top_up_without_an_answer_is_sent_again_under_its_key() {
    let backends = Backends::start().await;
    everything(&backends);
    backends.give("alice", "POST /payment/v1/wallet/topups", 503, json!({}));
    for site in backends.sites("top_up_lost").await {
        let alice = site.browser();
        alice.sign_in("alice").await;
        let key = key(&alice).await;
        let form = [("key", key.as_str()), ("amount", "20,5"), ("card", "card-1")];
        let page = alice.submit("/wallet/top-ups", &form).await;
        let kept = page.attributes("form[action='/wallet/top-ups'] input[name=key]", "value");
        assert_eq!((page.status, kept), (422, vec![key]));
        assert!(page.text.contains("charged only once"), "{}", page.text);
    }
}

#[tokio::test]
async fn a_new_card_goes_to_payment_and_nowhere_else() {
    let backends = Backends::start().await;
    everything(&backends);
    backends.give(
        "alice",
        "POST /payment/v1/card-tokens",
        201,
        json!({
        "id": "card-2", "brand": "visa", "last4": "4242", "exp_month": 4, "exp_year": 2029}),
    );
    backends.give(
        "alice",
        "POST /payment/v1/wallet/topups",
        202,
        top_up("authorizing", None),
    );
    for site in backends.sites("new_card").await {
        let alice = site.browser();
        alice.sign_in("alice").await;
        let key = key(&alice).await;
        backends.take();
        let answer = alice.submit("/wallet/top-ups", &new_card(&key, "20")).await;
        assert_eq!(answer.status, 303, "{}", answer.text);
        let asked = backends.take();
        let saved = asked
            .iter()
            .find(|asked| asked.what.ends_with("/card-tokens"))
            .unwrap();
        assert_eq!(
            saved.json(),
            json!({"number": NUMBER, "exp_month": 4, "exp_year": 2029, "cvc": "987", "save": true})
        );
        for other in asked.iter().filter(|asked| !asked.what.ends_with("/card-tokens")) {
            assert!(
                !other.body.contains("5555") && !other.what.contains("5555"),
                "{other:?}"
            );
        }
        let top_up = asked
            .iter()
            .find(|asked| asked.what.ends_with("/topups"))
            .unwrap();
        assert_eq!(top_up.json()["card_token"], "card-2");
    }
}

#[tokio::test]
async fn a_refused_card_is_not_shown_again_and_the_amount_is() {
    let backends = Backends::start().await;
    everything(&backends);
    for site in backends.sites("refused_card").await {
        let alice = site.browser();
        alice.sign_in("alice").await;
        for (status, code, fields, at) in [
            (422, "invalid_content", &["number"][..], "number"),
            (422, "invalid_content", &["exp_year"], "expiry"),
            (422, "invalid_content", &["cvc"], "cvc"),
            (422, "test_cards_only", &[], "number"),
        ] {
            let mut refused = problem(status, code, fields);
            refused["detail"] = Value::String(format!("{NUMBER} is not one"));
            backends.give("alice", "POST /payment/v1/card-tokens", status, refused);
            let page = alice.submit("/wallet/top-ups", &new_card("k", "20")).await;
            assert_eq!(page.status, 422, "{code}");
            assert_eq!(page.attributes("#amount", "value"), ["20"], "{code}");
            assert_eq!(page.attributes("[aria-invalid]", "id"), [at], "{code}");
            has_no_card(&page);
        }
        backends.give(
            "alice",
            "POST /payment/v1/card-tokens",
            409,
            problem(409, "too_many_cards", &[]),
        );
        let page = alice.submit("/wallet/top-ups", &new_card("k", "20")).await;
        assert!(page.texts("#error")[0].contains("Delete one first"));
        assert!(
            backends
                .changes()
                .iter()
                .all(|asked| !asked.what.ends_with("/topups"))
        );
    }
}

#[tokio::test]
async fn an_amount_that_is_none_saves_no_card_and_takes_nothing() {
    let backends = Backends::start().await;
    everything(&backends);
    for site in backends.sites("bad_amount").await {
        let alice = site.browser();
        alice.sign_in("alice").await;
        backends.take();
        for amount in [
            "",
            "0",
            "0.99",
            "1000.01",
            "-20",
            "20€",
            "1e3",
            "9999999999",
            "20.001",
            "٢٠",
        ] {
            let page = alice.submit("/wallet/top-ups", &new_card("k", amount)).await;
            assert_eq!(page.status, 422, "{amount}");
            assert_eq!(page.attributes("[aria-invalid]", "id"), ["amount"], "{amount}");
            has_no_card(&page);
        }
        for (missing, at) in [("number", "number"), ("expiry", "expiry"), ("cvc", "cvc")] {
            let mut form = new_card("k", "20").to_vec();
            form.retain(|(name, _)| *name != missing);
            let page = alice.submit("/wallet/top-ups", &form).await;
            assert_eq!(
                (page.status, page.attributes("[aria-invalid]", "id")),
                (422, vec![at.to_owned()])
            );
        }
        assert_eq!(
            alice.submit("/wallet/top-ups", &[("amount", "20")]).await.status,
            400
        );
        assert!(backends.changes().is_empty());
    }
}

#[tokio::test]
async fn a_full_or_closed_wallet_says_so() {
    let backends = Backends::start().await;
    everything(&backends);
    for site in backends.sites("full_wallet").await {
        let alice = site.browser();
        alice.sign_in("alice").await;
        for (code, words) in [
            ("wallet_full", "cannot take so much more"),
            ("wallet_closed", "is closed"),
        ] {
            backends.give(
                "alice",
                "POST /payment/v1/wallet/topups",
                409,
                problem(409, code, &[]),
            );
            let page = alice
                .submit(
                    "/wallet/top-ups",
                    &[("key", "k"), ("amount", "20"), ("card", "card-1")],
                )
                .await;
            assert_eq!(page.status, 422);
            assert!(page.texts("#error")[0].contains(words), "{code}");
            let keys = page.attributes("form[action='/wallet/top-ups'] input[name=key]", "value");
            assert_ne!(keys, ["k"], "something else is another top-up");
        }
    }
}

#[tokio::test]
async fn a_top_up_is_followed_to_its_end() {
    let backends = Backends::start().await;
    everything(&backends);
    for site in backends.sites("top_up_states").await {
        let alice = site.browser();
        alice.sign_in("alice").await;
        for (state, reason, pending, words) in [
            ("authorizing", None, true, "We are asking for your payment."),
            ("capturing", None, true, "We are asking for your payment."),
            ("action_required", None, false, "Your bank wants you to confirm"),
            ("captured", None, false, "The credits are in your wallet."),
            ("declined", Some("card_declined"), false, "you were not charged"),
            (
                "declined",
                Some("action_abandoned"),
                false,
                "you were not charged",
            ),
            ("voided", Some("of tomorrow"), false, "you were not charged"),
        ] {
            backends.give(
                "alice",
                "GET /payment/v1/payments/top-1",
                200,
                top_up(state, reason),
            );
            let page = alice.get("/wallet/top-ups/top-1").await;
            assert!(page.texts("[data-told]")[0].contains(words), "{state}");
            assert_eq!(
                page.attributes("[data-live]", "data-poll").len(),
                usize::from(pending),
                "{state}"
            );
            assert_eq!(
                page.texts("#failure").len(),
                usize::from(reason.is_some()),
                "{state}"
            );
            assert_eq!(
                page.texts("#confirm").len(),
                usize::from(state == "action_required"),
                "{state}"
            );
        }
        let mut of_order = top_up("captured", None);
        of_order["order_id"] = json!("o-1");
        backends.give("alice", "GET /payment/v1/payments/top-1", 200, of_order);
        assert_eq!(alice.get("/wallet/top-ups/top-1").await.status, 404);
    }
}

#[tokio::test]
async fn a_saved_card_is_deleted_by_its_form() {
    let backends = Backends::start().await;
    everything(&backends);
    backends.give("alice", "DELETE /payment/v1/cards/card-1", 204, Value::Null);
    for site in backends.sites("delete_card").await {
        let alice = site.browser();
        alice.sign_in("alice").await;
        backends.take();
        let answer = alice.submit("/wallet/cards/card-1/delete", &[]).await;
        assert_eq!(
            (answer.status, answer.header("location")),
            (303, "/wallet?done=deleted")
        );
        assert_eq!(backends.changes()[0].what, "DELETE /payment/v1/cards/card-1");
        let page = alice.get("/wallet?done=deleted").await;
        assert_eq!(
            page.texts(".notice-success .notice-title"),
            ["The card is deleted."]
        );
        assert_eq!(alice.get("/wallet/cards/card-1/delete").await.status, 405);
    }
}

#[tokio::test]
async fn a_top_up_that_waits_for_its_user_is_confirmed_or_denied() {
    let backends = Backends::start().await;
    everything(&backends);
    for site in backends.sites("top_up_action").await {
        let alice = site.browser();
        alice.sign_in("alice").await;
        let path = "/wallet/top-ups/top-1/action";
        backends.give(
            "alice",
            "POST /payment/v1/payments/top-1/action",
            202,
            top_up("authorizing", None),
        );
        backends.take();
        for (approve, sent) in [("yes", true), ("no", false)] {
            let answer = alice.submit(path, &[("approve", approve)]).await;
            assert_eq!(
                (answer.status, answer.header("location")),
                (303, "/wallet/top-ups/top-1")
            );
            assert_eq!(backends.changes()[0].json(), json!({"approve": sent}));
        }
        for approve in ["", "maybe"] {
            assert_eq!(alice.submit(path, &[("approve", approve)]).await.status, 400);
        }
        let late = problem(409, "not_awaiting_action", &[]);
        backends.give("alice", "POST /payment/v1/payments/top-1/action", 409, late);
        assert_eq!(alice.submit(path, &[("approve", "yes")]).await.status, 303);
    }
}
