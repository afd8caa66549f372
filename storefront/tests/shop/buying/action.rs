//! The page on which a buyer confirms a card, and what others cannot do there.

use serde_json::Value;

use super::{ORDER, PAYMENT, Services, order, payment, post, problem, sites};

fn path() -> String {
    format!("/orders/{ORDER}/action")
}

fn status() -> String {
    format!("/orders/{ORDER}/status")
}

/// An order that waits for its buyer.
fn waits(services: &Services) {
    services.say(
        &format!("GET /order/v1/orders/{ORDER}"),
        200,
        order("action_required"),
    );
    services.say(
        &format!("GET /payment/v1/payments/{PAYMENT}"),
        200,
        payment("action_required"),
    );
    services.say(
        &format!("POST /payment/v1/payments/{PAYMENT}/action"),
        202,
        payment("authorizing"),
    );
}

#[tokio::test]
async fn a_buyer_confirms_or_denies_and_is_led_to_the_status() {
    for (services, site) in sites("action").await {
        services.forget();
        waits(&services);
        let browser = site.browser();
        browser.sign_in("alice").await;
        let page = browser.get(&path()).await;
        assert_eq!(page.texts("#amount"), ["€50.00"]);
        assert_eq!(
            page.texts(".bill-sums dd")[..2],
            ["LK-2026-000001", "Visa •••• 3155"]
        );
        let token = page.attributes(".sheet input[name=token]", "value").remove(0);
        for (said, sent) in [("yes", true), ("no", false)] {
            let answer = post(&browser, &path(), &[("token", &token), ("approve", said)]).await;
            assert_eq!(
                (answer.status, answer.header("location")),
                (303, status().as_str())
            );
            let asked = services.asked(&format!("POST /payment/v1/payments/{PAYMENT}/action"));
            assert_eq!(asked.last().unwrap().body["approve"], sent);
        }
        // Said before, or too late.
        let late = problem("not_awaiting_action", Value::Null);
        services.say(&format!("POST /payment/v1/payments/{PAYMENT}/action"), 409, late);
        let answer = post(&browser, &path(), &[("token", &token), ("approve", "yes")]).await;
        assert_eq!(answer.header("location"), status());
    }
}

#[tokio::test]
async fn an_order_that_does_not_wait_leads_to_its_status() {
    for (services, site) in sites("action_not_awaited").await {
        services.forget();
        waits(&services);
        let browser = site.browser();
        browser.sign_in("alice").await;
        let payment_path = format!("GET /payment/v1/payments/{PAYMENT}");
        services.say(&payment_path, 200, payment("authorized"));
        assert_eq!(browser.get(&path()).await.header("location"), status());
        let order_path = format!("GET /order/v1/orders/{ORDER}");
        for state in ["submitted", "capturing", "completed", "failed"] {
            services.say(&order_path, 200, order(state));
            assert_eq!(browser.get(&path()).await.header("location"), status(), "{state}");
        }
    }
}

#[tokio::test]
async fn somebody_elses_order_is_not_there_and_a_forged_form_confirms_nothing() {
    for (services, site) in sites("foreign_action").await {
        services.forget();
        let browser = site.browser();
        assert!(
            browser
                .get(&path())
                .await
                .header("location")
                .starts_with("/signin?return=")
        );
        browser.sign_in("mallory").await;
        let page = browser.get("/").await;
        let token = page.attributes("input[name=token]", "value").remove(0);
        assert_eq!(browser.get(&path()).await.status, 404);
        let yes = [("token", token.as_str()), ("approve", "yes")];
        assert_eq!(post(&browser, &path(), &yes).await.status, 404);
        waits(&services);
        assert_eq!(
            browser.send_form("https://evil.test", &path(), &yes).await.status,
            403
        );
        for (token, approve, status) in [
            ("AAAA", "yes", 403),
            ("", "yes", 403),
            (token.as_str(), "", 400),
            (token.as_str(), "maybe", 400),
        ] {
            let answer = post(&browser, &path(), &[("token", token), ("approve", approve)]).await;
            assert_eq!(answer.status, status, "{token} {approve}");
        }
        assert_eq!(post(&site.browser(), &path(), &yes).await.status, 403);
        assert!(services.asked("POST /payment").is_empty());
    }
}

#[tokio::test]
async fn without_its_services_the_question_is_not_asked() {
    for (services, site) in sites("action_away").await {
        services.forget();
        for service in ["payment", "order"] {
            waits(&services);
            services.take_away(service);
            let browser = site.browser();
            browser.sign_in("alice").await;
            assert_eq!(browser.get(&path()).await.status, 503, "{service}");
        }
    }
}
