//! What one request causes is one trace, in the collector as well; and a collector that misbehaves is nobody's trouble.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use latchkey_bus::EventBus;
use opentelemetry_proto::tonic::trace::v1::Span;
use serde_json::Value;

use crate::collector::{CollectorStandIn, Mood, attribute};
use crate::harness::{Answer, Browser, Seen, TestServer, anonymous, broker, http, until};

const SECRETS: [&str; 4] = ["4242424242424242", "Alice Example", "1 Road", "alice"];

#[tokio::test]
async fn a_checkout_is_one_trace_over_the_log_in_sql() {
    let collector = CollectorStandIn::start().await;
    let endpoint = Some(collector.url.clone());
    let server = TestServer::with(|config| config.telemetry.otlp_endpoint = endpoint).await;
    a_checkout_is_one_trace(server, collector, "latchkey_sql").await;
}

#[tokio::test]
async fn a_checkout_is_one_trace_over_a_broker() {
    let (collector, bus) = (CollectorStandIn::start().await, broker("traces"));
    let consumers = latchkey::services::SERVICES
        .iter()
        .flat_map(|spec| spec.consumers);
    let groups: Vec<_> = consumers.map(|consumer| (consumer.group)()).collect();
    EventBus::declare(&bus, &groups)
        .await
        .expect("the broker is there");
    let endpoint = Some(collector.url.clone());
    let server = TestServer::with(|config| {
        config.bus = bus;
        let log = config.data.join("revocations.db");
        config.revocation_log = Some(format!("sqlite:{}", log.display()));
        config.telemetry.otlp_endpoint = endpoint;
    });
    a_checkout_is_one_trace(server.await, collector, "rabbitmq").await;
}

async fn a_checkout_is_one_trace(server: TestServer, collector: CollectorStandIn, bus: &str) {
    let order = buy(&server).await;
    // What was caused is exported in the background, the invoice last.
    until("the invoice is issued in the trace", async || {
        let trace = trace_of_checkout(&collector.spans());
        trace.iter().any(|span| {
            span.kind == CONSUMER && attribute(span, "messaging.consumer.group.name").starts_with("billing.")
        })
    })
    .await;
    server.stop().await;
    let all = collector.spans();
    let trace = trace_of_checkout(&all);
    let ids: BTreeSet<&[u8]> = trace.iter().map(|span| span.span_id.as_slice()).collect();
    assert_eq!(ids.len(), trace.len(), "no span twice");
    let roots: Vec<&str> = trace
        .iter()
        .filter(|span| span.parent_span_id.is_empty())
        .map(|span| span.name.as_str())
        .collect();
    assert_eq!(roots, ["POST /checkout"]);
    for span in &trace {
        let parent = span.parent_span_id.as_slice();
        assert!(
            parent.is_empty() || ids.contains(parent),
            "its parent is missing: {span:?}"
        );
    }
    let seen = |name: &str| -> BTreeSet<String> { trace.iter().map(|span| attribute(span, name)).collect() };
    let roles = seen("latchkey.role");
    for role in ["gateway", "storefront", "order", "basket", "catalog", "payment"] {
        assert!(roles.contains(role), "{role}: {roles:?}");
    }
    let groups = seen("messaging.consumer.group.name");
    for service in ["order.", "payment.", "inventory.", "billing."] {
        assert!(
            groups.iter().any(|group| group.starts_with(service)),
            "{service}: {groups:?}"
        );
    }
    let systems = seen("messaging.system");
    assert!(
        systems.contains(bus) && systems.contains("latchkey_outbox"),
        "{systems:?}"
    );
    assert!(seen("db.system.name").contains("sqlite"));
    // There was one order: whatever tells of orders belongs to its trace.
    for span in &all {
        let about = attribute(span, "messaging.destination.name");
        let stray = about.starts_with("order.") && span.trace_id != trace[0].trace_id;
        assert!(!stray, "outside of the trace: {span:?}");
    }
    for span in &all {
        let text = format!("{span:?}");
        for secret in SECRETS.into_iter().chain([order.as_str()]) {
            assert!(!text.contains(secret), "{secret}: {text}");
        }
        for name in [span.name.as_str(), &attribute(span, "http.route")] {
            assert!(!name.contains(['?', '@']), "{text}");
        }
    }
}

/// Alice buys a course at the shop; the id of the order.
async fn buy(server: &TestServer) -> String {
    let shop = server.running().urls.shop.clone().expect("a shop");
    let (browser, who) = (Browser::new(), server.person("alice"));
    let listed = anonymous(&format!("{}/catalog/v1/courses?limit=100", server.api())).await;
    let listed = listed.json();
    let owned = ["git-beyond-commit-and-push", "statistics-without-tears"];
    let sold = |course: &&Value| {
        course["price"]["amount"].as_i64() > Some(0)
            && course["limited"] == false
            && !owned.contains(&course["slug"].as_str().expect("a slug"))
    };
    let course = listed["items"].as_array().expect("courses").iter().find(sold);
    let slug = course.expect("a course for sale")["slug"]
        .as_str()
        .expect("a slug");
    let signed_in = open(&browser, &format!("{shop}/signin?return=/"), who).await;
    assert!(signed_in.has("#sign-out"), "{}", signed_in.answer.text);
    let course = browser.open(&format!("{shop}/courses/{slug}"), "").await;
    let added = browser.press(&course, "#add", &[]).await;
    browser.follow(added, "").await;
    let checkout = open(&browser, &format!("{shop}/checkout"), who).await;
    let fields = [
        ("name", "Alice Example"),
        ("street", "1 Road"),
        ("postal_code", "1010"),
        ("city", "Vienna"),
        ("card", "new"),
        ("card_number", "4242424242424242"),
        ("card_month", "4"),
        ("card_year", "2029"),
        ("card_cvc", "123"),
        ("terms", "yes"),
    ];
    let bought = browser.press(&checkout, "#buy", &fields).await;
    assert_eq!(bought.answer.status, 303, "{}", bought.answer.text);
    let order = bought.location().expect("an order").path().replace("/status", "");
    until("the invoice is there", async || {
        let invoice = browser.open(&format!("{shop}{order}/invoice"), "").await;
        invoice.answer.text.contains("INV-")
    })
    .await;
    order.rsplit('/').next().expect("an id").to_owned()
}

async fn open(browser: &Browser, url: &str, (name, password): (&str, &str)) -> Seen {
    let mut seen = browser.open(url, "").await;
    for _ in 0..4 {
        let pressed = if seen.has("#password") {
            let fields = [("username", name), ("password", password)];
            browser.press(&seen, "#sign-in", &fields).await
        } else if seen.has("#allow") {
            browser.press(&seen, "#allow", &[]).await
        } else {
            return seen;
        };
        seen = browser.follow(pressed, "").await;
    }
    seen
}

/// The spans of the trace that the checkout's POST began.
fn trace_of_checkout(all: &[Span]) -> Vec<Span> {
    let root = all
        .iter()
        .find(|span| span.parent_span_id.is_empty() && span.name == "POST /checkout");
    let of_it = |span: &&Span| root.is_some_and(|root| root.trace_id == span.trace_id);
    all.iter().filter(of_it).cloned().collect()
}

#[tokio::test]
async fn the_trace_of_a_stranger_is_linked_and_never_continued() {
    const THEIRS: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
    let collector = CollectorStandIn::start().await;
    let endpoint = Some(collector.url.clone());
    let server = TestServer::with(|config| config.telemetry.otlp_endpoint = endpoint).await;
    let valid = format!("00-{THEIRS}-00f067aa0ba902b7-01");
    let hostile = [
        vec![valid.clone()],
        vec![valid.clone(), valid.clone()],
        vec![format!("00-{THEIRS}-0000000000000000-01")],
        vec![format!("00-{}-00f067aa0ba902b7-01", "0".repeat(32))],
        vec![format!("ff-{THEIRS}-00f067aa0ba902b7-01")],
        vec![valid.to_uppercase()],
        vec![format!("{valid}{}", "-00".repeat(3_000))],
        vec!["\u{1}junk\u{7f}".replace(|c: char| c.is_control(), "%")],
    ];
    let targets = [
        format!("{}/catalog/v1/courses", server.api()),
        format!("{}/.well-known/openid-configuration", server.issuer()),
    ];
    for target in &targets {
        for lines in &hostile {
            let mut request = http().get(target);
            for line in lines {
                request = request.header("traceparent", line);
            }
            let answer = Answer::of(request.header("tracestate", "latchkey=0123456789abcdef,theirs=1")).await;
            assert_eq!(answer.status, 200, "{lines:.80?}: {answer:?}");
        }
    }
    server.stop().await;
    let spans = collector.spans();
    let theirs = hex::decode(THEIRS).expect("digits");
    assert!(
        spans.iter().all(|span| span.trace_id != theirs),
        "never continued"
    );
    let linked = spans
        .iter()
        .filter(|span| span.links.iter().any(|link| link.trace_id == theirs));
    // What is valid is linked once for each target; one with a longer form of version 00 is not valid.
    assert_eq!(linked.count(), targets.len());
    assert!(!String::from_utf8_lossy(&collector.bytes()).contains("theirs"));
}

#[tokio::test]
async fn the_trace_of_a_trusted_network_is_continued() {
    const THEIRS: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
    let collector = CollectorStandIn::start().await;
    let endpoint = Some(collector.url.clone());
    let server = TestServer::with(|config| {
        config.telemetry.otlp_endpoint = endpoint;
        config.telemetry.trusted_networks = latchkey_http::Networks::loopback();
    })
    .await;
    let request = http()
        .get(format!("{}/catalog/v1/courses", server.api()))
        .header("traceparent", format!("00-{THEIRS}-00f067aa0ba902b7-01"));
    assert_eq!(Answer::of(request).await.status, 200);
    server.stop().await;
    let theirs = hex::decode(THEIRS).expect("digits");
    let roles: BTreeSet<_> = collector
        .spans()
        .iter()
        .filter(|span| span.trace_id == theirs)
        .map(|span| attribute(span, "latchkey.role"))
        .collect();
    assert!(
        roles.contains("gateway") && roles.contains("catalog"),
        "{roles:?}"
    );
}

#[tokio::test]
async fn nothing_is_exported_of_traces_that_are_not_sampled() {
    let collector = CollectorStandIn::start().await;
    let endpoint = Some(collector.url.clone());
    let server = TestServer::with(|config| {
        config.telemetry.otlp_endpoint = endpoint;
        config.telemetry.sample_ratio = 0.0;
    })
    .await;
    assert_eq!(
        anonymous(&format!("{}/catalog/v1/courses", server.api()))
            .await
            .status,
        200
    );
    server.stop().await;
    assert_eq!(collector.bytes().len(), 0);
}

#[tokio::test]
async fn a_collector_that_misbehaves_delays_no_request_and_no_stop() {
    let nobody = format!("http://127.0.0.1:{}", crate::harness::free_port());
    let mut endpoints = vec![nobody];
    for mood in [Mood::Hangs, Mood::Babbles, Mood::Fails] {
        endpoints.push(CollectorStandIn::in_mood(mood).await.url);
    }
    for endpoint in endpoints {
        let server = TestServer::with(|config| config.telemetry.otlp_endpoint = Some(endpoint.clone())).await;
        let courses = format!("{}/catalog/v1/courses", server.api());
        for _ in 0..50 {
            assert_eq!(anonymous(&courses).await.status, 200, "{endpoint}");
        }
        let begun = Instant::now();
        server.stop().await;
        // The end has two seconds for the collector; the rest is what every server takes here.
        assert!(
            begun.elapsed() < Duration::from_secs(20),
            "{endpoint}: {:?}",
            begun.elapsed()
        );
    }
}

/// `SPAN_KIND_CONSUMER`
const CONSUMER: i32 = 5;
