//! Light and dark, remembered by a plain form.

use axum::body::Body;
use http::Request;
use latchkey_testkit::Answer;

use crate::stub::{ORIGIN, Stub};

async fn post(origin: Option<&str>, body: &'static str) -> Answer {
    let mut request = Request::post("/theme").header("content-type", "application/x-www-form-urlencoded");
    if let Some(origin) = origin {
        request = request.header("origin", origin);
    }
    Stub::default()
        .shop()
        .await
        .send(request.body(Body::from(body)).unwrap())
        .await
}

#[tokio::test]
async fn a_choice_is_remembered_and_leads_back() {
    let answer = post(Some(ORIGIN), "theme=dark&back=%2Fcourses%3Fq%3Da").await;
    assert_eq!(answer.status, 303);
    assert_eq!(answer.header("location"), "/courses?q=a");
    assert_eq!(
        answer.header("set-cookie"),
        "latchkey-theme-8080=dark; Max-Age=31536000; Path=/; HttpOnly; SameSite=Lax"
    );
}

#[tokio::test]
async fn the_system_again_forgets_the_choice() {
    assert!(
        post(Some(ORIGIN), "theme=system&back=/")
            .await
            .header("set-cookie")
            .contains("Max-Age=0")
    );
}

#[tokio::test]
async fn a_remembered_choice_is_on_the_page_and_rubbish_is_not() {
    let shop = Stub::default().shop().await;
    for (cookie, theme) in [
        ("a=b; latchkey-theme-8080=dark", vec!["dark"]),
        ("latchkey-theme-8080=light", vec!["light"]),
        ("latchkey-theme-8080=\"><script>", vec![]),
        ("latchkey-theme-9090=dark", vec![]),
        ("latchkey-theme-8080=dark; latchkey-theme-8080=dark", vec![]),
    ] {
        let request = Request::get("/courses")
            .header("cookie", cookie)
            .body(Body::empty())
            .unwrap();
        let page = shop.send(request).await;
        assert_eq!(page.attributes("html", "data-theme"), theme, "{cookie}");
        assert_eq!(page.texts(".theme [aria-pressed=true]").len(), 1, "{cookie}");
    }
}

#[tokio::test]
async fn a_form_from_elsewhere_changes_nothing() {
    for origin in [
        None,
        Some("null"),
        Some("http://localhost:8081"),
        Some("http://localhost:8080.evil.test"),
    ] {
        let answer = post(origin, "theme=dark&back=/").await;
        assert_eq!(answer.status, 403, "{origin:?}");
        assert_eq!(answer.header("set-cookie"), "");
    }
}

#[tokio::test]
async fn nobody_is_led_off_the_site() {
    for body in [
        "theme=dark&back=https%3A%2F%2Fevil.test",
        "theme=dark&back=%2F%2Fevil.test",
        "theme=dark&back=%2F%5Cevil.test",
        "theme=dark&back=%2Fa%0D%0Aset-cookie:x",
        "theme=dark",
    ] {
        assert_eq!(post(Some(ORIGIN), body).await.header("location"), "/", "{body}");
    }
}

#[tokio::test]
async fn a_form_that_makes_no_sense_is_refused() {
    for body in ["", "theme=pink&back=/", "theme=dark&theme=light", "theme=%ff"] {
        assert_eq!(post(Some(ORIGIN), body).await.status, 400, "{body}");
    }
}
