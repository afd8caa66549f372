//! `/metrics`: it serves what the catalog lists and nothing else, whatever people, clients and strangers do.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use futures::StreamExt;
use http::Method;
use latchkey::services::SERVICES;
use latchkey_metrics::{Label, catalog, labels};

use crate::harness::{Browser, Process, TestServer, anonymous, call, http, until};
use crate::marketplace::{Bus, Shop, by_card};

/// The samples of a page: series → value.
pub fn samples(page: &str) -> BTreeMap<String, f64> {
    let lines = page.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| {
            let (series, value) = line.rsplit_once(' ').expect("a series and its value");
            (series.to_owned(), value.parse().expect("a number"))
        })
        .collect()
}

/// The metric that a series belongs to.
fn metric_of(series: &str) -> &str {
    let name = series.split('{').next().unwrap_or_default();
    let plain = ["_bucket", "_sum", "_count"]
        .iter()
        .find_map(|suffix| name.strip_suffix(suffix))
        .filter(|plain| {
            catalog::all().any(|metric| metric.kind() == "histogram" && metric.about().name == *plain)
        });
    plain.unwrap_or(name)
}

async fn page_of(server: &TestServer) -> String {
    let admin = server.running().urls.admin.clone().expect("an admin listener");
    let page = anonymous(&format!("{admin}/metrics")).await;
    assert_eq!(
        (page.status, page.header("content-type")),
        (200, latchkey_metrics::CONTENT_TYPE),
        "{page:?}"
    );
    page.text
}

#[tokio::test]
async fn a_journey_shows_every_metric_of_the_catalog_and_no_other() {
    let shop = Shop::open(Bus::SqlLog).await;
    let before = samples(&page_of(&shop.server).await);

    // A sign-in with its code and its refresh, and a failed one.
    let app = shop.server.app("demo-web", "openid catalog.read");
    let browser = Browser::new();
    let tokens = app.sign_in(&browser, shop.server.person("alice"), &[]).await;
    assert_eq!(app.refresh(tokens.refresh()).await.status, 200);
    let (alice, _) = shop.server.person("alice");
    app.attempt(&Browser::new(), alice, "a wrong password").await;
    // Machines, a right one and one with a wrong secret, and a guarded call with and without a token.
    let machine = shop.server.machine("demo-machine");
    let token = machine.token().await;
    let whoami = format!("{}/catalog/v1/whoami", shop.server.api());
    assert_eq!(call(&token, &whoami).await.status, 200);
    assert_eq!(anonymous(&whoami).await.status, 401);
    let mut wrong = shop.server.machine("demo-machine");
    "not its secret".clone_into(&mut wrong.secret);
    assert_eq!(wrong.ask(&[]).await.status, 401);
    // A checkout.
    let item = shop.item(2_000, None).await;
    let bo = shop.buyer("bo").await;
    let shown = bo.fill(&[(&item, 1)], None).await;
    let card = bo.card("4242424242424242").await;
    let order = bo.order(&shown, &by_card(&card)).await;
    bo.until_state(&order, "completed").await;

    // What is served without a number is waited for: some is read at intervals.
    until("every metric has a number", async || {
        silent(&page_of(&shop.server).await).is_empty()
    })
    .await;
    let page = page_of(&shop.server).await;
    let after = samples(&page);
    let listed: BTreeSet<&str> = catalog::all().map(|metric| metric.about().name).collect();
    let served: BTreeSet<&str> = after.keys().map(|series| metric_of(series)).collect();
    assert_eq!(
        served.difference(&listed).collect::<Vec<_>>(),
        Vec::<&&str>::new()
    );
    let grown = |series: &str| {
        let of = |samples: &BTreeMap<String, f64>| samples.get(series).copied().unwrap_or_default();
        assert!(of(&after) > of(&before), "{series} has not grown");
    };
    for series in [
        "latchkey_tokens_issued_total{grant=\"authorization_code\"}",
        "latchkey_tokens_issued_total{grant=\"refresh_token\"}",
        "latchkey_tokens_issued_total{grant=\"client_credentials\"}",
        "latchkey_client_refused_total{code=\"invalid_client\"}",
        "latchkey_codes_issued_total",
        "latchkey_sign_ins_total{method=\"password\",outcome=\"signed_in\"}",
        "latchkey_sign_ins_total{method=\"password\",outcome=\"failed\"}",
        "latchkey_password_hash_duration_seconds_count",
        "latchkey_orders_started_total",
        "latchkey_orders_completed_total",
        "latchkey_billing_entries_total{kind=\"sale\"}",
        "latchkey_edge_upstream_attempts_total{role=\"catalog\",outcome=\"answered\"}",
        "http_server_request_duration_seconds_count{role=\"identity\",route=\"token\",method=\"write\",status=\"4xx\"}",
        "http_client_request_duration_seconds_count{destination=\"edge\",outcome=\"2xx\"}",
        "latchkey_db_write_duration_seconds_count{role=\"identity\"}",
    ] {
        grown(series);
    }
    let refreshed = |samples: &BTreeMap<String, f64>| -> f64 {
        let ours = |(series, _): &(&String, &f64)| series.starts_with("latchkey_refreshes_total");
        samples.iter().filter(ours).map(|(_, count)| count).sum()
    };
    assert!(refreshed(&after) > refreshed(&before));
    // No name, no id and no secret of anybody became a label.
    let port = shop
        .server
        .issuer()
        .rsplit(':')
        .next()
        .unwrap_or_default()
        .to_owned();
    for word in [
        alice,
        "demo-machine",
        "demo-web",
        &item.id,
        &order,
        &token,
        "not its secret",
        &port,
    ] {
        assert!(!page.contains(&format!("\"{word}\"")), "{word}");
    }
    shop.stop().await;
}

/// The metrics of which a page has no number, although the house plays every role and a shop was shopped in. It speaks
/// plain http, so it has no certificate; `replaced.rs` looks at that one.
fn silent(page: &str) -> Vec<&'static str> {
    const NO_CERTIFICATE: &str = "latchkey_tls_certificate_not_after_seconds";
    let samples = samples(page);
    let served: BTreeSet<&str> = samples.keys().map(|series| metric_of(series)).collect();
    catalog::all()
        .map(|metric| metric.about().name)
        .filter(|name| !served.contains(name) && *name != NO_CERTIFICATE)
        .collect()
}

#[tokio::test]
async fn ten_thousand_strange_requests_add_no_series() {
    let folder = tempfile::tempdir().expect("a folder");
    let process = Process::up(folder.path(), &[]).await;
    let demo = process.demo();
    let at = |key: &str| demo[key].as_str().expect("an address").to_owned();
    let (bases, admin) = ([at("issuer"), at("shop"), at("admin")], at("admin"));
    let series = async || -> BTreeSet<String> {
        let page = anonymous(&format!("{admin}/metrics")).await.text;
        samples(&page)
            .into_keys()
            .filter(|series| !is_ours(series))
            .collect()
    };
    strange(&bases, 0..1_000).await;
    let first = series().await;
    strange(&bases, 1_000..10_000).await;
    let last = series().await;
    assert_eq!(last.difference(&first).collect::<Vec<_>>(), Vec::<&String>::new());
    process.interrupt().await;
}

/// What the process does by itself meanwhile: its writes, its calls, and the pages of metrics that this test reads.
fn is_ours(series: &str) -> bool {
    !series.starts_with("http_server_") || series.contains("role=\"admin\"")
}

/// Requests whose path, query, host and method are made of a number.
async fn strange(bases: &[String; 3], numbers: std::ops::Range<usize>) {
    let ask = async |n: usize| {
        let base = &bases[n % bases.len()];
        let method = match n / 3 % 5 {
            0 => Method::GET,
            1 => Method::POST,
            2 => Method::PUT,
            3 => Method::from_bytes(format!("M{n}").as_bytes()).expect("a token"),
            _ => Method::DELETE,
        };
        let request = http().request(method, format!("{base}/p{n}/{:x}?q={n}", n * 7_919));
        let request = match n / 15 % 2 {
            0 => request,
            _ => request.header("host", format!("h{n}.example")),
        };
        // A listener may hang up on it; what matters is what it counted.
        let _any = request.send().await;
    };
    futures::stream::iter(numbers).for_each_concurrent(16, ask).await;
}

#[test]
fn the_page_lists_exactly_the_catalog() {
    const MARK: (&str, &str) = ("<!-- the catalog -->\n", "<!-- the end of the catalog -->");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/metrics.md");
    let page = fs::read_to_string(&path).expect("docs/metrics.md");
    let (before, rest) = page.split_once(MARK.0).expect("a beginning of the table");
    let (table, after) = rest.split_once(MARK.1).expect("an end of the table");
    let wanted = latchkey_metrics::page();
    if table != wanted && std::env::var_os("UPDATE_METRICS").is_some() {
        let (begin, end) = MARK;
        fs::write(&path, format!("{before}{begin}{wanted}{end}{after}")).expect("docs/metrics.md is written");
        return;
    }
    assert_eq!(table, wanted, "UPDATE_METRICS=1 writes it");
}

/// The lists of values in the catalog keep up with the code that they are taken from.
#[test]
fn closed_sets_know_every_role_group_and_state() {
    let has =
        |values: &[&str], name: &str| assert!(values.contains(&name), "{name} is missing in {values:?}");
    for role in latchkey::config::Role::all() {
        has(labels::Role::VALUES, role.name());
    }
    for consumer in SERVICES.iter().flat_map(|spec| spec.consumers) {
        has(labels::Group::VALUES, (consumer.group)().name);
    }
    for verdict in latchkey_guard::Verdict::ALL {
        has(labels::Verdict::VALUES, verdict.name());
    }
    for state in latchkey_order::domain::State::ALL
        .iter()
        .filter(|state| !state.is_settled())
    {
        has(labels::OrderState::VALUES, state.as_str());
    }
    for reason in latchkey_order::domain::Reason::ALL {
        has(labels::OrderReason::VALUES, reason.as_str());
    }
    for method in latchkey_protocol::authentication::Method::ALL {
        has(labels::Method::VALUES, method.name());
    }
    for cause in latchkey_protocol::revocation_policy::RevocationCause::ALL {
        has(labels::Cause::VALUES, cause.name());
    }
    for grant in [
        "authorization_code",
        "refresh_token",
        "client_credentials",
        "token_exchange",
    ] {
        has(labels::Grant::VALUES, grant);
    }
}
