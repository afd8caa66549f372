//! The list of all metrics, by subject. Only this crate can make one, so what is not here cannot be counted.

mod bus;
mod database;
mod http;
mod identity;
mod process;
mod shop;
mod sign_in;

pub use bus::*;
pub use database::*;
pub use http::*;
pub use identity::*;
pub use process::*;
pub use shop::*;
pub use sign_in::*;

use crate::metric::Metric;

/// The metrics of each subject, in the order of `docs/metrics.md`.
pub static SUBJECTS: &[(&str, &[&dyn Metric])] = &[
    ("Process", process::METRICS),
    ("Requests, edge and guards", http::METRICS),
    ("Tokens, keys and mails", identity::METRICS),
    ("Sign-ins and passwords", sign_in::METRICS),
    ("Databases", database::METRICS),
    ("Outbox and event bus", bus::METRICS),
    ("Orders and books", shop::METRICS),
];

/// Every metric.
pub fn all() -> impl Iterator<Item = &'static dyn Metric> {
    SUBJECTS.iter().flat_map(|(_, metrics)| metrics.iter().copied())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// Prometheus wants these; `promtool check metrics` finds most of them as well.
    #[test]
    fn names_and_labels_are_as_prometheus_wants_them() {
        let mut names = BTreeSet::new();
        for metric in all() {
            let about = metric.about();
            let name = about.name;
            assert!(names.insert(name), "{name} is there twice");
            assert!(
                about.help.ends_with('.') && !about.help.contains(['\n', '\\', '|']),
                "{name}"
            );
            assert_eq!(metric.kind() == "counter", name.ends_with("_total"), "{name}");
            assert_eq!(
                about.unit == "seconds",
                name.trim_end_matches("_total").ends_with("_seconds"),
                "{name}"
            );
            for set in metric.sets() {
                let values: BTreeSet<_> = set.iter().collect();
                assert_eq!(values.len(), set.len(), "{name} has a value twice");
                let plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
                assert!(set.iter().all(|value| value.chars().all(plain)), "{name}");
            }
        }
    }

    /// A counter is served with every label from the start; a histogram only where something was observed.
    #[test]
    fn no_metric_can_have_many_series() {
        for metric in all() {
            let most: usize = metric.sets().iter().map(|set| set.len()).product();
            let bound = if metric.kind() == "histogram" { 3_000 } else { 150 };
            assert!(most <= bound, "{}: {most}", metric.about().name);
        }
    }
}
