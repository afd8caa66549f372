//! The basket: of users and of visitors, what it says about its lines, and what strangers cannot do to it.

use latchkey_testkit::{keep_log, logged};
use serde_json::{Value, json};

use super::{NO_REQUEST, RUST, basket, eur, line, post, problem, sites};
use crate::issuer::{Browser, Site, begin_at};

/// The token of the first form for the basket on a page.
async fn token(browser: &Browser<'_>) -> String {
    let page = browser.get("/basket").await;
    page.attributes("input[name=token]", "value")
        .into_iter()
        .next_back()
        .unwrap_or_default()
}

fn action() -> String {
    format!("/basket/lines/{RUST}")
}

#[tokio::test]
async fn a_visitor_has_a_basket_by_a_number_that_no_page_shows() {
    for (services, site) in sites("guest_basket").await {
        services.forget();
        let browser = site.browser();
        let course = browser.get("/courses/rust").await;
        assert_eq!(
            course.attributes("form[action='/basket/add'] input[name=course]", "value"),
            [RUST]
        );
        assert_eq!(course.texts(".limited"), ["4 places left"]);
        let added = post(&browser, "/basket/add", &[("course", RUST)]).await;
        assert_eq!(
            (added.status, added.header("location")),
            (303, "/basket?done=added")
        );
        let asked = services.asked("PUT /basket/v1/guests/*/lines/");
        assert_eq!(asked[0].bearer, "urn:latchkey:basket-own-basket.guest");
        assert_eq!(asked[0].body, json!({"quantity": 1}));
        let number = asked[0].guest.clone().unwrap();
        assert!(number.len() == 32 && number.bytes().all(|byte| byte.is_ascii_hexdigit()));
        services.fill(&basket(&[line("ok")], &[], Value::Null));
        let page = browser.get("/basket").await;
        assert_eq!(page.texts(".bought h3"), ["Rust from the Ground Up"]);
        assert_eq!(page.texts("#total"), ["€59.00"]);
        assert_eq!(page.texts("#checkout"), ["Sign in to check out"]);
        assert_eq!(page.texts("#basket-link .count"), ["1"]);
        assert_eq!(page.header("cache-control"), "no-store");
        assert!(!page.text.contains(&number));
        let cookie = browser.cookie("latchkey-basket").unwrap();
        assert!(!cookie.contains(&number), "{cookie}");
        let coupon = json!({"code": "SPRING", "amount": eur(0), "per_line": [], "refused_reason": null, "checked": false});
        services.fill(&basket(&[line("ok")], &[], coupon));
        let page = browser.get("/basket").await;
        assert_eq!(
            page.texts("#coupon-reason"),
            ["SPRING: It is checked once you are signed in."]
        );
        // The second course goes into the same basket.
        post(&browser, "/basket/add", &[("course", "id-of-course-2")]).await;
        let asked = services.asked("PUT /basket/v1/guests/*/lines/");
        assert_eq!(asked[1].guest.as_ref(), Some(&number));
    }
}

#[tokio::test]
async fn a_visitors_basket_is_the_users_after_the_sign_in() {
    for (services, site) in sites("merge").await {
        services.forget();
        let browser = site.browser();
        post(&browser, "/basket/add", &[("course", RUST)]).await;
        let number = services.asked("PUT ")[0].guest.clone();
        browser.follow(&begin_at("/basket"), "alice").await;
        let merged = services.asked("POST /basket/v1/merge");
        assert_eq!(merged[0].body["guest_id"].as_str(), number.as_deref());
        assert!(merged[0].bearer.starts_with("basket-refresh-"));
        assert_eq!(browser.cookie("latchkey-basket"), None);
        browser.get("/basket").await;
        assert_eq!(services.asked("POST /basket/v1/merge").len(), 1);
    }
}

#[tokio::test]
async fn a_basket_that_could_not_be_merged_is_merged_by_the_next_look() {
    for (services, site) in sites("merge_later").await {
        services.forget();
        let browser = site.browser();
        post(&browser, "/basket/add", &[("course", RUST)]).await;
        services.say("POST /basket/v1/merge", 503, Value::Null);
        browser.follow(&begin_at("/"), "alice").await;
        assert!(browser.cookie("latchkey-basket").is_some());
        // It is not lost either where the service has an answer that is no yes.
        services.say("POST /basket/v1/merge", 412, problem("stale", json!({})));
        assert_eq!(browser.get("/basket").await.status, 200);
        assert!(browser.cookie("latchkey-basket").is_some());
        services.say("POST /basket/v1/merge", 200, basket(&[], &[], Value::Null));
        assert_eq!(browser.get("/basket").await.status, 200);
        assert_eq!(browser.cookie("latchkey-basket"), None);
    }
}

/// It may have been done, and its own address shows nothing.
#[tokio::test]
async fn a_form_without_an_answer_says_what_may_be_and_leads_to_its_page() {
    for (services, site) in sites("unanswered").await {
        services.forget();
        let browser = site.browser();
        post(&browser, "/basket/add", &[("course", RUST)]).await;
        services.fill(&basket(&[line("ok")], &[], Value::Null));
        let token = token(&browser).await;
        services.take_away("basket");
        let fields = [("token", token.as_str()), ("quantity", "2")];
        let page = post(&browser, &action(), &fields).await;
        assert_eq!(page.status, 503, "{}", page.text);
        assert!(
            page.text.contains("may or may not have been done"),
            "{}",
            page.text
        );
        assert_eq!(page.attributes(".error-actions a", "href"), ["/basket"]);
        // What only reads has changed nothing, and is asked for again.
        let page = browser.get("/basket").await;
        assert_eq!(page.status, 503, "{}", page.text);
        assert!(
            !page.text.contains("may or may not have been done"),
            "{}",
            page.text
        );
        assert_eq!(page.attributes(".error-actions a", "href"), ["/basket"]);
    }
}

#[tokio::test]
async fn a_line_says_what_has_changed_and_what_cannot_be_bought() {
    for (services, site) in sites("line_states").await {
        services.forget();
        let browser = site.browser();
        browser.sign_in("alice").await;
        let table = [
            ("ok", None, true),
            ("price_changed", Some("The price was €79.00"), true),
            ("owned", Some("You own this already."), false),
            ("sold_out", Some("No places are left."), false),
            ("unavailable", Some("This is no longer for sale."), false),
            ("a_state_of_tomorrow", Some("This is no longer for sale."), false),
        ];
        for (state, said, sold) in table {
            services.fill(&basket(&[line(state)], &[], Value::Null));
            let page = browser.get("/basket").await;
            let notes = page.texts(".bought .line-note");
            assert_eq!(notes.len(), usize::from(said.is_some()), "{state}");
            assert!(
                notes.iter().all(|note| note.starts_with(said.unwrap())),
                "{notes:?}"
            );
            assert_eq!(page.texts("#checkout").len(), usize::from(sold), "{state}");
            assert_eq!(page.texts(".bought .price").len(), usize::from(sold), "{state}");
            let checkout = browser.get("/checkout").await;
            assert_eq!(checkout.status, if sold { 200 } else { 303 }, "{state}");
        }
    }
}

#[tokio::test]
async fn every_button_of_a_line_does_what_it_says() {
    for (services, site) in sites("line_buttons").await {
        services.forget();
        let browser = site.browser();
        browser.sign_in("alice").await;
        let mut item = line("ok");
        item["kind"] = json!("item");
        services.fill(&basket(&[item], &[line("ok")], Value::Null));
        let page = browser.get("/basket").await;
        assert_eq!(page.attributes(".bought input[name=quantity]", "value"), ["1"]);
        let token = token(&browser).await;
        let path = format!("/basket/v1/lines/{RUST}");
        for (step, called) in [
            ("remove", format!("DELETE {path}")),
            ("save", format!("POST {path}/save")),
            ("move", format!("POST {path}/move")),
        ] {
            let answer = post(&browser, &action(), &[("token", &token), ("do", step)]).await;
            assert_eq!(
                (answer.status, answer.header("location")),
                (303, "/basket"),
                "{step}"
            );
            assert_eq!(services.asked(&called).len(), 1, "{step}");
        }
        post(&browser, &action(), &[("token", &token), ("quantity", "7")]).await;
        assert_eq!(
            services.asked(&format!("PUT {path}"))[0].body,
            json!({"quantity": 7})
        );
        let bad = post(&browser, &action(), &[("token", &token), ("quantity", "many")]).await;
        assert_eq!(bad.header("location"), "/basket?done=quantity");
        assert_eq!(services.asked(&format!("PUT {path}")).len(), 1);
    }
}

#[tokio::test]
async fn a_coupon_takes_something_off_or_says_why_not() {
    for (services, site) in sites("coupons").await {
        services.forget();
        let browser = site.browser();
        browser.sign_in("alice").await;
        let discount = |reason: Value, checked: bool| json!({"code": "SPRING", "amount": eur(900), "per_line": [], "refused_reason": reason, "checked": checked});
        services.fill(&basket(&[line("ok")], &[], Value::Null));
        let token = token(&browser).await;
        let set = post(
            &browser,
            "/basket/coupon",
            &[("token", &token), ("code", " SPRING ")],
        )
        .await;
        assert_eq!((set.status, set.header("location")), (303, "/basket"));
        assert_eq!(
            services.asked("PUT /basket/v1/coupon")[0].body,
            json!({"code": "SPRING"})
        );
        for (reason, checked, said) in [
            (json!("expired"), true, "This coupon is not valid today."),
            (json!("limit"), true, "This coupon is used up."),
            (json!("unknown"), true, "There is no such coupon."),
            (json!("of_tomorrow"), true, "This coupon cannot be used now."),
            (Value::Null, false, "It cannot be checked now."),
        ] {
            services.fill(&basket(&[line("ok")], &[], discount(reason, checked)));
            let page = browser.get("/basket").await;
            let reasons = page.texts("#coupon-reason");
            assert!(reasons[0].starts_with(&format!("SPRING: {said}")), "{reasons:?}");
        }
        services.fill(&basket(&[line("ok")], &[], discount(Value::Null, true)));
        let page = browser.get("/basket").await;
        assert_eq!(page.texts(".bill-sums dd")[..2], ["€59.00", "−€9.00"]);
        post(&browser, "/basket/coupon", &[("token", &token), ("do", "remove")]).await;
        assert_eq!(services.asked("DELETE /basket/v1/coupon").len(), 1);
        services.say(
            "PUT /basket/v1/coupon",
            422,
            problem("invalid_content", Value::Null),
        );
        let bad = post(&browser, "/basket/coupon", &[("token", &token), ("code", "~")]).await;
        assert_eq!(bad.header("location"), "/basket?done=coupon");
    }
}

#[tokio::test]
async fn what_the_basket_does_not_take_is_said_on_its_page() {
    for (services, site) in sites("refusals").await {
        services.forget();
        let browser = site.browser();
        for (code, done, said) in [
            ("already_owned", "owned", "You own this course already."),
            ("not_for_sale", "not_for_sale", "This course is not for sale."),
            ("basket_full", "full", "Your basket is full."),
        ] {
            let called = format!("PUT /basket/v1/guests/*/lines/{RUST}");
            services.say(&called, 409, problem(code, Value::Null));
            let answer = post(&browser, "/basket/add", &[("course", RUST)]).await;
            let to = answer.header("location").to_owned();
            assert_eq!(
                (answer.status, to.as_str()),
                (303, format!("/basket?done={done}").as_str())
            );
            assert_eq!(browser.get(&to).await.texts(".notice-title"), [said]);
        }
    }
}

#[tokio::test]
async fn a_form_from_elsewhere_or_with_a_forged_token_changes_no_basket() {
    for (services, site) in sites("forged_basket").await {
        services.forget();
        let (guest, user) = (site.browser(), site.browser());
        post(&guest, "/basket/add", &[("course", RUST)]).await;
        user.sign_in("alice").await;
        services.fill(&basket(&[line("ok")], &[], Value::Null));
        let (of_guest, of_user) = (token(&guest).await, token(&user).await);
        let before = services.asked("").len();
        for (browser, own, other) in [(&guest, &of_guest, &of_user), (&user, &of_user, &of_guest)] {
            for path in [action().as_str(), "/basket/coupon"] {
                let fields = [("token", own.as_str()), ("do", "remove")];
                for origin in ["https://evil.test", "null"] {
                    assert_eq!(browser.send_form(origin, path, &fields).await.status, 403);
                }
                for forged in [other.as_str(), "", "AAAA"] {
                    let fields = [("token", forged), ("do", "remove")];
                    assert_eq!(post(browser, path, &fields).await.status, 403, "{path} {forged}");
                }
            }
            let fields = [("token", own.as_str()), ("course", RUST)];
            assert_eq!(
                browser
                    .send_form("https://evil.test", "/basket/add", &fields)
                    .await
                    .status,
                403
            );
        }
        assert_eq!(post(&user, "/basket/add", &[("course", RUST)]).await.status, 403);
        assert_eq!(services.asked("").len(), before);
        assert_eq!(guest.get("/basket/add").await.status, 405);
    }
}

/// A number of one's own making, or of another key, is nobody's.
#[tokio::test]
async fn a_visitors_cookie_that_we_did_not_seal_opens_no_basket() {
    for (services, site) in sites("planted_guest").await {
        services.forget();
        let browser = site.browser();
        post(&browser, "/basket/add", &[("course", RUST)]).await;
        let before = services.asked("GET /basket").len();
        browser.plant("latchkey-basket", &"0".repeat(32));
        let page = browser.get("/basket").await;
        assert_eq!(page.texts(".empty p")[0], "Your basket is empty.");
        assert_eq!(services.asked("GET /basket").len(), before);
    }
}

/// The number is part of the address that is called, and errors of the client name addresses.
#[tokio::test]
async fn a_visitors_number_is_in_no_log_when_nobody_answers() {
    keep_log();
    for site in Site::all_at("guest_log", Some("http://127.0.0.1:9")).await {
        let browser = site.browser();
        let answer = post(&browser, "/basket/add", &[("course", RUST)]).await;
        assert_eq!(answer.status, 503);
        let lines = logged(NO_REQUEST).join("\n");
        assert!(lines.contains("a service did not respond"), "{lines}");
        assert!(!lines.contains("guests"), "{lines}");
    }
}

#[tokio::test]
async fn a_token_of_the_shop_that_is_rejected_is_replaced_once() {
    for (services, site) in sites("own_token").await {
        services.forget();
        let browser = site.browser();
        services.say("PUT /basket/v1/guests/*/lines/id-of-rust", 401, Value::Null);
        let answer = post(&browser, "/basket/add", &[("course", RUST)]).await;
        assert_eq!(answer.status, 503);
        assert_eq!(services.asked("PUT /basket").len(), 2);
    }
}

#[tokio::test]
async fn pages_live_without_the_basket_and_the_basket_says_that_it_is_away() {
    for (services, site) in sites("basket_away").await {
        services.forget();
        let browser = site.browser();
        browser.sign_in("alice").await;
        for service in ["basket", "inventory"] {
            services.take_away(service);
        }
        for path in ["/", "/courses", "/courses/rust"] {
            let page = browser.get(path).await;
            assert_eq!(page.status, 200, "{path}");
            assert!(page.texts("#basket-link .count").is_empty(), "{path}");
        }
        assert_eq!(
            browser.get("/courses/rust").await.texts(".limited"),
            ["Places are limited"]
        );
        let page = browser.get("/basket").await;
        assert_eq!((page.status, page.header("retry-after")), (503, "5"));
        assert_eq!(
            page.texts("h1"),
            ["This part of the shop cannot be reached right now."]
        );
    }
}

#[tokio::test]
async fn a_course_page_knows_what_its_reader_can_do_about_it() {
    for (services, site) in sites("offers").await {
        services.forget();
        let browser = site.browser();
        browser.sign_in("alice").await;
        let seats = |left: i64| json!({"items": [{"item_id": RUST, "on_sale": true, "available": left}]});
        assert_eq!(
            browser.get("/courses/rust").await.texts("#add"),
            ["Add to basket"]
        );
        services.say("GET /inventory/v1/stock", 200, seats(1));
        assert_eq!(
            browser.get("/courses/rust").await.texts(".limited"),
            ["1 place left"]
        );
        services.say("GET /inventory/v1/stock", 200, seats(0));
        let page = browser.get("/courses/rust").await;
        assert_eq!(page.texts(".buy .notice-title"), ["No places are left"]);
        assert!(page.texts("#add").is_empty());
        services.fill(&basket(&[line("ok")], &[], Value::Null));
        assert_eq!(
            browser
                .get("/courses/rust")
                .await
                .attributes("#to-basket", "href"),
            ["/basket"]
        );
        let owned = json!({"items": [{"item_id": RUST, "quantity": 1}]});
        services.say("GET /inventory/v1/owned", 200, owned);
        let page = browser.get("/courses/rust").await;
        assert_eq!(page.attributes("#learn", "href"), ["/learn/rust"]);
    }
}
