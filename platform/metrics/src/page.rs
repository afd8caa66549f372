//! The table of `docs/metrics.md`, from the catalog.

use std::fmt::Write;

use crate::catalog;
use crate::label::Label;
use crate::labels::{Role, Version};
use crate::metric::{Metric, Served};

/// A heading and a table for each subject of the catalog.
pub fn page() -> String {
    let mut page = format!("`role` is one of {}.\n\n", Role::VALUES.join(", "));
    for (subject, metrics) in catalog::SUBJECTS {
        // Writing to a `String` never fails.
        let _written = write!(
            page,
            "### {subject}\n\n| Metric | Kind, unit | Labels | What it says |\n| --- | --- | --- | --- |\n"
        );
        for metric in *metrics {
            row(&mut page, *metric);
        }
        page.push('\n');
    }
    page
}

fn row(page: &mut String, metric: &dyn Metric) {
    let about = metric.about();
    let labels: Vec<String> = metric
        .names()
        .iter()
        .zip(metric.sets())
        .map(|(name, set)| match *name {
            // Changes with each release.
            Version::NAME => format!("`{name}`"),
            // In nearly every row: it is written once, above the tables.
            Role::NAME => format!("`{name}`"),
            _ => format!("`{name}`: {}", set.join(", ")),
        })
        .collect();
    let labels = if labels.is_empty() {
        "none".to_owned()
    } else {
        labels.join("<br>")
    };
    let when = match about.served {
        Served::Always => String::new(),
        Served::Where(when) => format!(" Served {when}."),
    };
    let (name, unit, help) = (about.name, about.unit, about.help);
    let _written = writeln!(
        page,
        "| `{name}` | {}, {unit} | {labels} | {help}{when} |",
        metric.kind()
    );
}
