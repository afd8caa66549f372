//! What `/metrics` serves: the text format of Prometheus, version 0.0.4.

use std::fmt::Write;

use crate::catalog;
use crate::metric::{Metric, Sample};

/// The media type of [`render`]. Prometheus 3 accepts no page without one.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Every metric of the catalog as it is now.
pub fn render() -> String {
    let mut page = String::with_capacity(64 * 1024);
    for metric in catalog::all() {
        write_one(&mut page, metric);
    }
    page
}

fn write_one(page: &mut String, metric: &dyn Metric) {
    let about = metric.about();
    // Writing to a `String` never fails.
    let _written = writeln!(page, "# HELP {} {}", about.name, about.help);
    let _written = writeln!(page, "# TYPE {} {}", about.name, metric.kind());
    metric.samples(&mut |sample| line(page, metric, sample));
}

fn line(page: &mut String, metric: &dyn Metric, sample: Sample) {
    page.push_str(metric.about().name);
    page.push_str(sample.suffix);
    let labels = values(metric, sample.series);
    let bound = sample.bound.map(|bound| match bound.is_finite() {
        true => bound.to_string(),
        false => "+Inf".to_owned(),
    });
    let pairs = labels
        .iter()
        .copied()
        .chain(bound.as_deref().map(|bound| ("le", bound)));
    for (at, (name, value)) in pairs.enumerate() {
        let before = if at == 0 { '{' } else { ',' };
        let _written = write!(page, "{before}{name}=\"{value}\"");
    }
    if !labels.is_empty() || bound.is_some() {
        page.push('}');
    }
    let _written = writeln!(page, " {}", sample.value);
}

/// The labels of a series: its index taken apart again, as [`crate::Labels::index`] put it together.
fn values(metric: &dyn Metric, mut series: usize) -> Vec<(&'static str, &'static str)> {
    let mut found = Vec::with_capacity(metric.names().len() + 1);
    for (name, set) in metric.names().iter().zip(metric.sets()).rev() {
        found.push((*name, set[series % set.len()]));
        series /= set.len();
    }
    found.reverse();
    found
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::labels::{Destination, Limit, Outcome};

    #[test]
    fn a_series_has_the_labels_that_it_was_counted_with() {
        catalog::THROTTLED.add(Limit::Mailbox, 7);
        catalog::HTTP_CLIENT_DURATION.observe(
            (Destination::Upstream, Outcome::ClientError),
            Duration::from_millis(3),
        );
        let page = render();
        for line in [
            "# TYPE latchkey_throttled_total counter",
            "latchkey_throttled_total{limit=\"mailbox\"} 7",
            "http_client_request_duration_seconds_bucket{destination=\"upstream\",outcome=\"4xx\",le=\"0.0025\"} 0",
            "http_client_request_duration_seconds_bucket{destination=\"upstream\",outcome=\"4xx\",le=\"+Inf\"} 1",
            "http_client_request_duration_seconds_sum{destination=\"upstream\",outcome=\"4xx\"} 0.003",
        ] {
            assert!(page.lines().any(|found| found == line), "{line}\n{page}");
        }
    }
}
