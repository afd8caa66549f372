//! Alert rules and dashboards: Prometheus' own tool accepts them, and each metric that they ask for is in the catalog.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use latchkey_metrics::{Metric, catalog};
use serde_json::Value;

use crate::harness::{TestServer, anonymous};

fn packaging() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging")
}

/// `promtool`, as `cargo xtask test` fetches it, or the machine's own.
fn promtool() -> Command {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .parent()
        .expect("the target folder");
    let fetched = target.join("foreign/prometheus/usr/bin/promtool");
    let mut tool = match fetched.exists() {
        true => Command::new(fetched),
        false => Command::new("promtool"),
    };
    tool.current_dir(packaging().join("prometheus"));
    tool
}

fn accepted(mut tool: Command) {
    let output = tool
        .output()
        .unwrap_or_else(|error| panic!("{error}: promtool is fetched by `cargo xtask test`"));
    let told =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}");
}

#[test]
fn promtool_accepts_the_rules_and_each_fires_on_its_own_trouble() {
    for arguments in [
        ["check", "rules", "alerts.yaml"],
        ["test", "rules", "alerts.test.yaml"],
        ["check", "config", "prometheus.yaml"],
    ] {
        let mut tool = promtool();
        tool.args(arguments);
        accepted(tool);
    }
}

#[tokio::test]
async fn promtool_finds_nothing_wrong_with_the_page_of_metrics() {
    let server = TestServer::new().await;
    let admin = server.running().urls.admin.clone().expect("an admin listener");
    let page = anonymous(&format!("{admin}/metrics")).await.text;
    let mut file = tempfile::NamedTempFile::new().expect("a file");
    std::io::Write::write_all(&mut file, page.as_bytes()).expect("the page is written");
    let mut tool = promtool();
    tool.args(["check", "metrics"]);
    tool.stdin(Stdio::from(file.reopen().expect("the page")));
    accepted(tool);
    server.stop().await;
}

/// The names of metrics in a query: words that are no function, no label and no text.
fn asked(query: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let mut word = String::new();
    let (mut inside, mut by) = (0_usize, false);
    for c in query.chars().chain([' ']) {
        if c.is_ascii_alphanumeric() || c == '_' {
            word.push(c);
            continue;
        }
        let ended = std::mem::take(&mut word);
        let is_name = ended.contains('_') || ended == "up";
        if is_name && inside == 0 && !by && c != '(' {
            names.insert(ended.clone());
        }
        by = match c {
            // `sum by (role, le) (…)`
            '(' => ended == "by" || (by && ended.is_empty()),
            ')' => false,
            _ => by || ended == "by",
        };
        match c {
            '{' | '[' => inside += 1,
            '}' | ']' => inside = inside.saturating_sub(1),
            _ => {}
        }
    }
    names
}

/// Whether a name in a query is of this metric.
fn is_of(name: &str, metric: &dyn Metric) -> bool {
    let rest = name.strip_prefix(metric.about().name);
    match metric.kind() {
        "histogram" => matches!(rest, Some("_bucket" | "_sum" | "_count")),
        _ => rest == Some(""),
    }
}

/// The metrics in these names that the catalog does not have. A scrape itself makes `up`.
fn unknown(names: &BTreeSet<String>) -> Vec<&String> {
    let in_catalog = |name: &str| name == "up" || catalog::all().any(|metric| is_of(name, metric));
    names.iter().filter(|name| !in_catalog(name)).collect()
}

#[test]
fn a_query_is_taken_apart_into_its_metrics() {
    let of = |query: &str| asked(query).into_iter().collect::<Vec<_>>().join(" ");
    assert_eq!(of("up{job=\"a_b\"} == 0"), "up");
    assert_eq!(
        of(
            "histogram_quantile(0.95, sum by (role, some_label, le) (rate(a_bucket{b_c=~\"d_e\"}[$__rate_interval]))) > 0.5"
        ),
        "a_bucket"
    );
    assert_eq!(
        of("sum by (role) (rate(a_b[5m])) / sum by (role) (rate(c_d[5m]))"),
        "a_b c_d"
    );
    assert_eq!(of("no_such_metric * 1000"), "no_such_metric");
    assert_eq!(unknown(&asked("no_such_metric * 1000")), ["no_such_metric"]);
}

/// The values of a key of our own YAML, which stand on one line each.
fn values<'t>(text: &'t str, key: &str) -> Vec<&'t str> {
    text.lines()
        .filter_map(|line| {
            line.trim()
                .trim_start_matches("- ")
                .strip_prefix(key)?
                .strip_prefix(": ")
        })
        .map(|value| value.trim_matches(['\'', '"']))
        .collect()
}

#[test]
fn alerts_ask_for_metrics_of_the_catalog_and_say_what_to_do() {
    let rules = fs::read_to_string(packaging().join("prometheus/alerts.yaml")).expect("the rules");
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = fs::read_to_string(root.join("docs/operations.md")).expect("docs/operations.md");
    let (names, queries) = (values(&rules, "alert"), values(&rules, "expr"));
    let runbooks = values(&rules, "runbook");
    assert!(names.len() > 20, "{names:?}");
    assert_eq!((queries.len(), runbooks.len()), (names.len(), names.len()));
    for ((name, query), runbook) in names.iter().zip(queries).zip(runbooks) {
        let asked = asked(query);
        assert!(!asked.is_empty(), "{name}");
        assert_eq!(unknown(&asked), Vec::<&String>::new(), "{name}");
        assert!(
            page.contains(&format!("| `{name}` (")),
            "docs/operations.md leaves out {name}"
        );
        assert!(
            page.contains(runbook),
            "docs/operations.md says something else about {name}"
        );
    }
    let told = page
        .lines()
        .filter(|line| line.starts_with("| `Latchkey"))
        .count();
    assert_eq!(
        told,
        names.len(),
        "docs/operations.md has an alert that there is not"
    );
}

#[test]
fn dashboards_ask_for_metrics_of_the_catalog_and_show_all_of_them() {
    let mut all = BTreeSet::new();
    let mut boards = 0;
    for entry in fs::read_dir(packaging().join("grafana")).expect("the dashboards") {
        let path = entry.expect("an entry").path();
        if path.extension().is_none_or(|kind| kind != "json") {
            continue;
        }
        boards += 1;
        let board: Value = serde_json::from_slice(&fs::read(&path).expect("a dashboard")).expect("JSON");
        for panel in board["panels"].as_array().expect("panels") {
            for target in panel["targets"].as_array().expect("targets") {
                let names = asked(target["expr"].as_str().expect("a query"));
                assert!(!names.is_empty(), "{} of {}", panel["title"], path.display());
                assert_eq!(unknown(&names), Vec::<&String>::new(), "{}", path.display());
                all.extend(names);
            }
        }
    }
    assert_eq!(boards, 5);
    let shown = |metric: &&'static dyn Metric| all.iter().any(|name| is_of(name, *metric));
    let left = catalog::all().filter(|metric| !shown(metric));
    let left: Vec<&str> = left.map(|metric| metric.about().name).collect();
    assert_eq!(left, Vec::<&str>::new(), "on no dashboard");
}
