//! Every metric of the project: what it is called, counts in and says, and which labels it can have.
//!
//! A metric is a static of [`catalog`], and its labels are enums, so its series are a fixed array of atomic numbers.
//! Writing one takes no lock and no memory, and nothing that a request says can add a series
//! (docs/adr/0037-metrics-are-statics-with-closed-labels.md).
//!
//! | Question | Answered in |
//! | --- | --- |
//! | Which metrics are there? | [`catalog`], a file for each subject; `docs/metrics.md` is made of it ([`page`]) |
//! | Which values can a label have? | [`labels`], [`routes`] |
//! | How is one counted? | [`Counter`], [`Gauge`], [`Histogram`] (`metric.rs`) |
//! | What does `/metrics` serve? | [`render`] (`exposition.rs`) |
//! | What of the process itself? | [`process`] |
#![warn(missing_docs)]

pub mod catalog;
mod exposition;
mod label;
pub mod labels;
mod metric;
mod page;
pub mod process;
pub mod routes;

pub use exposition::{CONTENT_TYPE, render};
pub use label::{Label, Labels};
pub use metric::{About, Counter, Gauge, Histogram, Metric, Served};
pub use page::page;
