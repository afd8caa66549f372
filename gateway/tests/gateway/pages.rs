//! What a browser sees when the edge itself responds.

use std::net::{Ipv4Addr, SocketAddr};

use http::Method;
use latchkey_gateway::{Origin, Route};
use latchkey_http::Limits;
use tokio::net::TcpListener;

use crate::harness::{Answer, Upstream, Wire, ask, edge, gateway, options, route, served};

const BROWSER: &str = "accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";

const NOT_FOUND: &str = "Nothing was found at this path.";

/// A self-contained page: one style that its policy names and nothing else inline, nothing loaded, a link to the start and
/// the id of the request.
fn assert_page(answer: &Answer, status: u16, sentence: &str) {
    assert_eq!(answer.status, status, "{answer:?}");
    assert_eq!(answer.header("content-type"), "text/html; charset=utf-8");
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!(answer.header("x-content-type-options"), "nosniff");
    let html = &answer.text;
    let (before, rest) = html.split_once("<style>").expect("a style");
    let (style, after) = rest.split_once("</style>").expect("its end");
    // The alphabet of base64 in a policy is the other one (CSP Level 3 §2.3.1).
    let digest = latchkey_testkit::digest(style)
        .replace('-', "+")
        .replace('_', "/");
    let policy = answer.header("content-security-policy");
    let expected = format!("default-src 'none'; style-src 'sha256-{digest}=';");
    assert!(policy.starts_with(&expected), "{policy} instead of {expected}");
    assert!(!policy.contains("unsafe"), "{policy}");
    assert!(html.starts_with("<!doctype html>"), "{html}");
    assert!(
        html.contains(&format!("<p class=\"kicker\">Error {status}</p>")),
        "{html}"
    );
    assert!(html.contains(&format!("<h1>{sentence}</h1>")), "{html}");
    assert!(html.contains("<a href=\"/\">"), "{html}");
    let id = answer.header("x-request-id");
    assert!(id.len() == 32 && html.contains(id), "{id}: {html}");
    for forbidden in [
        "<script", "<style", "style=", "onclick", "src=", "http:", "https:",
    ] {
        assert!(
            !before.contains(forbidden) && !after.contains(forbidden),
            "{forbidden}: {html}"
        );
    }
    for loading in ["url(", "@import", "@font-face"] {
        assert!(!style.contains(loading), "{loading}");
    }
}

#[tokio::test]
async fn what_is_not_there_is_a_page_for_a_browser_and_a_problem_for_a_program() {
    let (edge, upstream) = edge().await;
    for path in ["/outbox", "/", "/apis"] {
        assert_page(&ask(edge, "GET", path, &[BROWSER]).await, 404, NOT_FOUND);
    }
    for (path, accept) in [
        ("/outbox", "accept: */*"),
        ("/outbox", "accept: application/json"),
        ("/outbox", "x: no accept at all"),
        ("/api", BROWSER),
        ("/api/nowhere", BROWSER),
    ] {
        let answer = ask(edge, "GET", path, &[accept]).await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (404, "not_found"),
            "{path} {accept}"
        );
    }
    assert!(upstream.seen().is_empty());
}

#[tokio::test]
async fn other_refusals_are_pages_too_and_keep_their_headers() {
    let nobody = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = nobody.local_addr().unwrap();
    drop(nobody);
    let upstream = Origin::parse(&format!("http://{address}")).unwrap();
    let page = Route::new("pages", &[Method::GET], "/courses", "", upstream).pages();
    let edge = gateway(vec![page], options()).await;
    assert_page(
        &ask(edge, "GET", "/courses", &[BROWSER]).await,
        502,
        "The service cannot be reached right now.",
    );
    let method = ask(edge, "POST", "/courses", &[BROWSER, "content-length: 0"]).await;
    assert_page(&method, 405, "This path does not accept this method.");
    assert_eq!(method.header("allow"), "GET, HEAD");
    let crooked = ask(edge, "GET", "/courses/%3cscript%3e/../x", &[BROWSER]).await;
    assert_page(&crooked, 400, "The path is not in canonical form.");
    let head = ask(edge, "HEAD", "/outbox", &[BROWSER]).await;
    assert_eq!((head.status, head.text.as_str()), (404, ""));
}

/// The language by the browser, then by the switch of the page, also while nothing behind the edge responds.
#[tokio::test]
async fn the_page_speaks_the_language_of_its_reader() {
    let (edge, upstream) = edge().await;
    for (accept, lang, sentence) in [
        ("tr-TR,en;q=0.5", "tr", "Bu adreste bir şey bulunamadı."),
        ("de,fr;q=0.1", "fr", "Il n’y a rien à cette adresse."),
        ("tr;q=2, \"><script>", "en", NOT_FOUND),
    ] {
        let accept = format!("accept-language: {accept}");
        let answer = ask(edge, "GET", "/nowhere?a=%22b", &[BROWSER, &accept]).await;
        let (html, start) = (&answer.text, format!("<html lang=\"{lang}\" dir=\"ltr\">"));
        assert!(html.contains(&start) && html.contains(sentence), "{html}");
    }
    let done = switched(edge, "http://localhost:8080", "language=fr&back=%2Fnowhere").await;
    assert_eq!((done.status, done.header("location")), (303, "/nowhere"));
    let cookie = done.header("set-cookie").split(';').next().unwrap();
    let cookie = format!("cookie: {cookie}");
    let again = ask(
        edge,
        "GET",
        "/nowhere",
        &[BROWSER, "accept-language: tr", &cookie],
    )
    .await;
    assert!(again.text.contains("<html lang=\"fr\""), "{}", again.text);
    assert!(
        again.text.contains("name=\"back\" value=\"/nowhere\""),
        "{}",
        again.text
    );
    assert!(upstream.seen().is_empty());
}

/// The form of the switch, as a browser sends it.
async fn switched(edge: SocketAddr, origin: &str, body: &str) -> Answer {
    let mut wire = Wire::to(edge).await;
    wire.write(format!(
        "POST /language HTTP/1.1\r\nhost: localhost:8080\r\n{BROWSER}\r\norigin: {origin}\r\n\
         content-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    ))
    .await;
    wire.answer(false).await.unwrap()
}

#[tokio::test]
async fn a_language_from_elsewhere_or_off_the_list_is_not_remembered() {
    let (edge, upstream) = edge().await;
    let long = format!("language=tr&back=/{}", "a".repeat(30_000));
    for (origin, body, status, code) in [
        (
            "https://evil.test",
            "language=tr",
            403,
            "The form was not sent from a page of this site.",
        ),
        (
            "null",
            "language=tr",
            403,
            "The form was not sent from a page of this site.",
        ),
        (
            "http://localhost:8080",
            "language=de",
            400,
            "The form cannot be read.",
        ),
        (
            "http://localhost:8080",
            "language=tr&language=fr",
            400,
            "The form cannot be read.",
        ),
        ("http://localhost:8080", "", 400, "The form cannot be read."),
        (
            "http://localhost:8080",
            long.as_str(),
            400,
            "The form cannot be read.",
        ),
    ] {
        let refused = switched(edge, origin, body).await;
        assert_eq!(
            (refused.status, refused.header("set-cookie")),
            (status, ""),
            "{body:.40}"
        );
        assert!(refused.text.contains(code), "{}", refused.text);
    }
    let off = switched(edge, "http://localhost:8080", "language=tr&back=//evil.test").await;
    assert_eq!((off.status, off.header("location")), (303, "/"));
    // Any other method is not the switch, and no route declares it.
    let asked = ask(edge, "GET", "/language", &[BROWSER]).await;
    assert_page(&asked, 404, NOT_FOUND);
    assert!(upstream.seen().is_empty());
}

#[test]
fn every_language_says_everything_with_the_same_values() {
    latchkey_testkit::translations::every_language_says_the_same(&latchkey_gateway::MESSAGES);
}

#[tokio::test]
async fn the_page_names_the_id_that_the_listener_gave() {
    let upstream = Upstream::canary().await;
    let edge: SocketAddr = served(vec![route(upstream.origin())], options(), Limits::default()).await;
    assert_page(&ask(edge, "GET", "/outbox", &[BROWSER]).await, 404, NOT_FOUND);
}
