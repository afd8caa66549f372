//! The language of the shop's pages, by the switch, the browser and the default; and how each writes prices.

use axum::body::Body;
use http::Request;
use latchkey_testkit::Answer;
use latchkey_testkit::translations::MIRRORED;

use crate::issuer::Site;
use crate::stub::{ORIGIN, Shop, Stub, course};

/// A page, read by a browser with these headers.
async fn read(shop: &Shop, path: &str, headers: &[(&str, &str)]) -> Answer {
    let request = headers.iter().fold(Request::get(path), |request, (name, value)| {
        request.header(*name, *value)
    });
    shop.send(request.body(Body::empty()).unwrap()).await
}

async fn post(shop: &Shop, origin: &str, body: &'static str) -> Answer {
    let request = Request::post("/language")
        .header("content-type", "application/x-www-form-urlencoded")
        .header("origin", origin);
    shop.send(request.body(Body::from(body)).unwrap()).await
}

fn lang(page: &Answer) -> String {
    page.attributes("html", "lang").concat()
}

#[tokio::test]
async fn each_language_writes_prices_in_its_own_way() {
    let mut stub = Stub::default();
    stub.courses[0]["price"]["amount"] = 129_900.into();
    stub.courses[0]["list_price"]["amount"] = 259_800.into();
    let shop = stub.shop().await;
    for (language, price, saved) in [
        ("en", "€1,299.00", "You save €1,299.00 (50%)"),
        ("tr", "€1.299,00", "(%50)"),
        ("fr", "1\u{202f}299,00\u{a0}€", "50\u{a0}%"),
    ] {
        let page = read(&shop, "/courses/rust", &[("accept-language", language)]).await;
        assert_eq!(lang(&page), language);
        assert_eq!(page.attributes("html", "dir"), ["ltr"]);
        for said in [price, saved] {
            assert!(page.text.contains(said), "{language}: {said}");
        }
    }
}

#[tokio::test]
async fn the_switch_is_remembered_and_leads_back() {
    let shop = Stub::default().shop().await;
    let done = post(&shop, ORIGIN, "language=fr&back=%2Fcourses%3Fq%3Da").await;
    assert_eq!((done.status, done.header("location")), (303, "/courses?q=a"));
    let cookie = done.header("set-cookie").split(';').next().unwrap().to_owned();
    let headers = [("cookie", cookie.as_str()), ("accept-language", "tr")];
    let page = read(&shop, "/courses?q=a", &headers).await;
    assert_eq!(lang(&page), "fr");
    assert_eq!(page.texts(".languages button[aria-pressed=true]"), ["Français"]);
    let missing = read(&shop, "/nothing?a=b", &headers).await;
    assert_eq!((missing.status, lang(&missing).as_str()), (404, "fr"));
    assert_eq!(missing.attributes(".languages input", "value"), ["/nothing?a=b"]);
}

#[tokio::test]
async fn a_language_from_elsewhere_or_off_the_list_is_not_remembered() {
    let shop = Stub::default().shop().await;
    for origin in ["null", "http://localhost:8081", "http://localhost:8080.evil.test"] {
        let refused = post(&shop, origin, "language=tr&back=/").await;
        assert_eq!(
            (refused.status, refused.header("set-cookie")),
            (403, ""),
            "{origin}"
        );
    }
    for body in [
        "",
        "language=de",
        "language=TR",
        "language=tr&language=fr",
        "language=%ff",
    ] {
        let refused = post(&shop, ORIGIN, body).await;
        assert_eq!(
            (refused.status, refused.header("set-cookie")),
            (400, ""),
            "{body}"
        );
    }
    for body in [
        "language=tr&back=https%3A%2F%2Fevil.test",
        "language=tr&back=%2F%2Fevil.test",
        "language=tr&back=%2F%5Cevil.test",
    ] {
        assert_eq!(post(&shop, ORIGIN, body).await.header("location"), "/", "{body}");
    }
}

#[tokio::test]
async fn rubbish_where_a_language_belongs_gets_the_default() {
    let shop = Stub::default().shop().await;
    let many = "tr;q=9,".repeat(1_000);
    for accept in [
        "",
        "*",
        "tr;q=0",
        "tr;q=inf",
        "\"><script>",
        "../tr",
        many.as_str(),
    ] {
        let page = read(&shop, "/courses", &[("accept-language", accept)]).await;
        assert_eq!((page.status, lang(&page).as_str()), (200, "en"), "{accept:.20}");
    }
    for cookie in ["tr", "\"><script>.0", ".tr", "de.0"] {
        let cookie = format!("latchkey-language-8080={cookie}");
        let page = read(&shop, "/courses", &[("cookie", &cookie)]).await;
        assert_eq!((page.status, lang(&page).as_str()), (200, "en"), "{cookie}");
    }
}

/// The marks that keep a direction apart are for text: a title or an attribute would show or read them.
#[tokio::test]
async fn a_title_from_right_to_left_stands_apart_in_text_alone() {
    let mut stub = Stub::default();
    stub.courses[0] = course("rust", "שלום עולם");
    let shop = stub.shop().await;
    for language in ["en", "tr", "fr", MIRRORED] {
        let accept = [("accept-language", language)];
        let found = read(&shop, "/courses?q=%D7%A9%D7%9C%D7%95%D7%9D", &accept).await;
        assert_eq!(lang(&found), language);
        assert!(
            found.texts("h1").concat().contains("\u{2068}שלום\u{2069}"),
            "{language}"
        );
        assert!(!found.texts("title").concat().contains('\u{2068}'), "{language}");
        let page = read(&shop, "/courses/rust", &accept).await;
        for answer in [&found, &page] {
            for name in ["aria-label", "alt", "title", "content", "placeholder"] {
                let all = answer.attributes(&format!("[{name}]"), name).concat();
                assert!(!all.contains(['\u{2068}', '\u{2069}']), "{language}: {all}");
            }
        }
    }
}

#[tokio::test]
async fn a_language_from_right_to_left_turns_the_page_around() {
    let shop = Stub::default().shop().await;
    for path in ["/", "/courses", "/courses/rust", "/nothing", "/_design"] {
        let page = read(&shop, path, &[("accept-language", MIRRORED)]).await;
        assert_eq!(page.attributes("html", "dir"), ["rtl"], "{path}");
    }
}

/// The issuer hears what somebody chose at the shop; what their browser prefers it hears from the browser.
#[tokio::test]
async fn a_sign_in_takes_a_chosen_language_along() {
    for site in Site::all("chosen_language").await {
        let browser = site.browser();
        let plain = browser.begin("/courses").await;
        assert!(!plain.contains("ui_locales"), "{plain}");
        let form = [("language", "tr"), ("back", "/courses")];
        assert_eq!(browser.send_form(ORIGIN, "/language", &form).await.status, 303);
        let chosen = browser.begin("/courses").await;
        assert!(chosen.contains("ui_locales=tr"), "{chosen}");
        browser.plant("latchkey-language-8080", "tr%26prompt%3Dnone.0");
        let forged = browser.begin("/courses").await;
        assert!(!forged.contains("ui_locales"), "{forged}");
    }
}
