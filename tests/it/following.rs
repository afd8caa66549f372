//! The script that follows an order, in a real browser: what it does when nobody can say how far the order is.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::get;
use http::{StatusCode, header};

use crate::harness::Chromium;

const SCRIPT: &str = include_str!("../../templates/static/follow.js");

/// A site on an origin of its own.
async fn site(router: Router) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    origin
}

/// A page that goes on, or whose end has been reached.
fn page(id: &str, goes_on: bool) -> Response {
    let poll = if goes_on { " data-poll=\"0.05\"" } else { "" };
    Html(format!(
        "<!doctype html><title>Order</title><main id=\"main\"><div data-live{poll}><p id=\"{id}\"></p></div></main>\
         <script src=\"/follow.js\"></script>"
    ))
    .into_response()
}

fn busy(status: StatusCode) -> Response {
    (status, [(header::RETRY_AFTER, "1")], "busy").into_response()
}

/// A site whose `/order` answers its first, second and every other request by this.
async fn order(answer: impl Fn(usize) -> Response + Clone + Send + Sync + 'static) -> String {
    let asked = Arc::new(AtomicUsize::new(0));
    let script = async || ([(header::CONTENT_TYPE, "text/javascript")], SCRIPT);
    let order = async move || answer(asked.fetch_add(1, Ordering::SeqCst));
    site(
        Router::new()
            .route("/order", get(order))
            .route("/follow.js", get(script)),
    )
    .await
}

#[tokio::test]
async fn a_page_that_is_followed_stays_while_servers_are_busy() {
    let shop = order(|at| match at {
        0 => page("first", true),
        1 => busy(StatusCode::TOO_MANY_REQUESTS),
        2 => busy(StatusCode::BAD_GATEWAY),
        _ => page("last", false),
    })
    .await;
    let browser = Chromium::start().await;
    browser.open(&format!("{shop}/order")).await;
    browser.see("#last").await;
    let asked = "return performance.getEntriesByType('resource').filter(one => one.initiatorType === 'xmlhttprequest').length";
    assert_eq!(browser.run(asked).await, 3, "by one page, which was never left");
    assert_eq!(browser.url().await, format!("{shop}/order"));
    browser.stop().await;
}

/// The way to the issuer is one that no script may follow.
#[tokio::test]
async fn whoever_is_signed_out_is_led_from_a_followed_page_to_the_sign_in() {
    let issuer = site(Router::new().route("/authorize", get(async || "sign in"))).await;
    let sign_in = format!("{issuer}/authorize");
    let to = sign_in.clone();
    let shop = order(move |at| match at {
        0 => page("first", true),
        _ => Redirect::to(&to).into_response(),
    })
    .await;
    let browser = Chromium::start().await;
    browser.open(&format!("{shop}/order")).await;
    browser.arrive(&sign_in).await;
    browser.stop().await;
}
