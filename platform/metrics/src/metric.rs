//! The three kinds of metric: fixed arrays of atomic numbers.

use std::marker::PhantomData;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::Labels;

/// What a metric is, for whoever reads it.
#[derive(Clone, Copy, Debug)]
pub struct About {
    /// The name on the wire.
    pub name: &'static str,
    /// The unit, a base unit of Prometheus, or what is counted.
    pub unit: &'static str,
    /// One sentence.
    pub help: &'static str,
    /// When it has a value.
    pub served: Served,
}

/// When a metric has a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Served {
    /// From the start, or after the first requests.
    Always,
    /// Only where this is so.
    Where(&'static str),
}

/// Any metric of the catalog.
pub trait Metric: Sync {
    /// What it is.
    fn about(&self) -> &About;
    /// `counter`, `gauge` or `histogram`.
    fn kind(&self) -> &'static str;
    /// The names of its labels.
    fn names(&self) -> &'static [&'static str];
    /// The values of each label.
    fn sets(&self) -> &'static [&'static [&'static str]];
    /// What it says now, a number at a time.
    fn samples(&self, each: &mut dyn FnMut(Sample));
}

/// One line of `/metrics`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sample {
    /// `_bucket`, `_sum`, `_count`, or nothing.
    pub suffix: &'static str,
    /// Which combination of labels.
    pub series: usize,
    /// The upper bound of a bucket in seconds; infinite for the last.
    pub bound: Option<f64>,
    /// The number.
    pub value: f64,
}

/// Counts what happened. It starts at zero, for all of its labels.
pub struct Counter<L, const N: usize> {
    about: About,
    cells: [AtomicU64; N],
    labels: PhantomData<fn(L)>,
}

impl<L: Labels, const N: usize> Counter<L, N> {
    pub(crate) const fn new(about: About) -> Self {
        Self {
            about,
            cells: [const { AtomicU64::new(0) }; N],
            labels: PhantomData,
        }
    }

    /// One more.
    pub fn inc(&self, labels: L) {
        self.add(labels, 1);
    }

    /// So many more.
    pub fn add(&self, labels: L, count: u64) {
        self.cells[labels.index()].fetch_add(count, Ordering::Relaxed);
    }

    /// What somebody else has counted since the start.
    pub fn mirror(&self, labels: L, total: u64) {
        self.cells[labels.index()].store(total, Ordering::Relaxed);
    }

    /// The count.
    pub fn get(&self, labels: L) -> u64 {
        self.cells[labels.index()].load(Ordering::Relaxed)
    }
}

impl<L: Labels, const N: usize> Metric for Counter<L, N> {
    fn about(&self) -> &About {
        &self.about
    }

    fn kind(&self) -> &'static str {
        "counter"
    }

    fn names(&self) -> &'static [&'static str] {
        L::NAMES
    }

    fn sets(&self) -> &'static [&'static [&'static str]] {
        L::SETS
    }

    fn samples(&self, each: &mut dyn FnMut(Sample)) {
        for (series, cell) in self.cells.iter().enumerate() {
            each(Sample {
                suffix: "",
                series,
                bound: None,
                value: cell.load(Ordering::Relaxed) as f64,
            });
        }
    }
}

/// A number that goes up and down. A series that was never set, or is unknown now, is not served.
pub struct Gauge<L, const N: usize> {
    about: About,
    cells: [AtomicU64; N],
    labels: PhantomData<fn(L)>,
}

impl<L: Labels, const N: usize> Gauge<L, N> {
    pub(crate) const fn new(about: About) -> Self {
        Self {
            about,
            cells: [const { AtomicU64::new(f64::NAN.to_bits()) }; N],
            labels: PhantomData,
        }
    }

    /// It is this now.
    pub fn set(&self, labels: L, value: f64) {
        self.cells[labels.index()].store(value.to_bits(), Ordering::Relaxed);
    }

    /// It is not known now.
    pub fn clear(&self, labels: L) {
        self.set(labels, f64::NAN);
    }

    /// What is known.
    pub fn get(&self, labels: L) -> Option<f64> {
        let value = f64::from_bits(self.cells[labels.index()].load(Ordering::Relaxed));
        (!value.is_nan()).then_some(value)
    }
}

impl<L: Labels, const N: usize> Metric for Gauge<L, N> {
    fn about(&self) -> &About {
        &self.about
    }

    fn kind(&self) -> &'static str {
        "gauge"
    }

    fn names(&self) -> &'static [&'static str] {
        L::NAMES
    }

    fn sets(&self) -> &'static [&'static [&'static str]] {
        L::SETS
    }

    fn samples(&self, each: &mut dyn FnMut(Sample)) {
        for (series, cell) in self.cells.iter().enumerate() {
            let value = f64::from_bits(cell.load(Ordering::Relaxed));
            if !value.is_nan() {
                each(Sample {
                    suffix: "",
                    series,
                    bound: None,
                    value,
                });
            }
        }
    }
}

/// The upper bounds of the buckets of every histogram, in nanoseconds: from a verified token to a slow upstream.
const BOUNDS: [u64; 14] = [
    500_000,
    1_000_000,
    2_500_000,
    5_000_000,
    10_000_000,
    25_000_000,
    50_000_000,
    100_000_000,
    250_000_000,
    500_000_000,
    1_000_000_000,
    2_500_000_000,
    5_000_000_000,
    10_000_000_000,
];

/// One series of a histogram: a count for each bucket, one beyond all of them, and the sum in nanoseconds.
struct Cell {
    buckets: [AtomicU64; BOUNDS.len() + 1],
    sum: AtomicU64,
}

/// How long things took. A series is served once something was observed in it.
pub struct Histogram<L, const N: usize> {
    about: About,
    cells: [Cell; N],
    labels: PhantomData<fn(L)>,
}

impl<L: Labels, const N: usize> Histogram<L, N> {
    pub(crate) const fn new(about: About) -> Self {
        Self {
            about,
            cells: [const {
                Cell {
                    buckets: [const { AtomicU64::new(0) }; BOUNDS.len() + 1],
                    sum: AtomicU64::new(0),
                }
            }; N],
            labels: PhantomData,
        }
    }

    /// Something took this long.
    pub fn observe(&self, labels: L, took: Duration) {
        let nanos = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        let cell = &self.cells[labels.index()];
        let bucket = BOUNDS.partition_point(|bound| *bound < nanos);
        cell.sum.fetch_add(nanos, Ordering::Relaxed);
        cell.buckets[bucket].fetch_add(1, Ordering::Relaxed);
    }

    /// How many were observed.
    pub fn count(&self, labels: L) -> u64 {
        let buckets = &self.cells[labels.index()].buckets;
        buckets.iter().map(|bucket| bucket.load(Ordering::Relaxed)).sum()
    }
}

impl<L: Labels, const N: usize> Metric for Histogram<L, N> {
    fn about(&self) -> &About {
        &self.about
    }

    fn kind(&self) -> &'static str {
        "histogram"
    }

    fn names(&self) -> &'static [&'static str] {
        L::NAMES
    }

    fn sets(&self) -> &'static [&'static [&'static str]] {
        L::SETS
    }

    fn samples(&self, each: &mut dyn FnMut(Sample)) {
        for (series, cell) in self.cells.iter().enumerate() {
            // Read once: count and buckets of a scrape agree with each other.
            let buckets = cell.buckets.each_ref().map(|count| count.load(Ordering::Relaxed));
            let count: u64 = buckets.iter().sum();
            if count == 0 {
                continue;
            }
            let mut below = 0;
            for (at, in_bucket) in buckets.iter().enumerate() {
                below += in_bucket;
                let bound = BOUNDS.get(at).map_or(f64::INFINITY, |bound| seconds(*bound));
                each(Sample {
                    suffix: "_bucket",
                    series,
                    bound: Some(bound),
                    value: below as f64,
                });
            }
            let plain = |suffix, value| Sample {
                suffix,
                series,
                bound: None,
                value,
            };
            each(plain("_sum", seconds(cell.sum.load(Ordering::Relaxed))));
            each(plain("_count", count as f64));
        }
    }
}

/// Declares metrics as statics, and lists them in `METRICS`.
macro_rules! metrics {
    ($( $NAME:ident: $kind:ident<$labels:ty> = $name:literal, $unit:literal, $served:expr, $help:literal; )+) => {
        $(
            #[doc = $help]
            pub static $NAME: $crate::metric::$kind<$labels, { <$labels as $crate::Labels>::COUNT }> =
                $crate::metric::$kind::new($crate::metric::About {
                    name: $name,
                    unit: $unit,
                    help: $help,
                    served: $served,
                });
        )+
        pub(super) static METRICS: &[&dyn $crate::metric::Metric] = &[$(&$NAME),+];
    };
}

pub(crate) use metrics;

fn seconds(nanos: u64) -> f64 {
    nanos as f64 / 1e9
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::labels::StatusClass;

    const ABOUT: About = About {
        name: "test_seconds",
        unit: "seconds",
        help: "A test.",
        served: Served::Always,
    };

    fn all(metric: &dyn Metric) -> Vec<Sample> {
        let mut samples = Vec::new();
        metric.samples(&mut |sample| samples.push(sample));
        samples
    }

    #[test]
    fn a_duration_falls_into_the_first_bucket_that_holds_it() {
        let histogram: Histogram<(), 1> = Histogram::new(ABOUT);
        for (took, bucket) in [
            (0, 0),
            (500_000, 0),
            (500_001, 1),
            (10_000_000_000, 13),
            (u64::MAX, 14),
        ] {
            let before = histogram.cells[0].buckets[bucket].load(Ordering::Relaxed);
            histogram.observe((), Duration::from_nanos(took));
            let after = histogram.cells[0].buckets[bucket].load(Ordering::Relaxed);
            assert_eq!(after, before + 1, "{took}");
        }
        assert_eq!(histogram.count(()), 5);
    }

    #[test]
    fn buckets_are_cumulative_and_end_with_the_count() {
        let histogram: Histogram<(), 1> = Histogram::new(ABOUT);
        for ms in [1, 30, 20_000] {
            histogram.observe((), Duration::from_millis(ms));
        }
        let samples = all(&histogram);
        let buckets: Vec<f64> = samples
            .iter()
            .filter(|s| s.suffix == "_bucket")
            .map(|s| s.value)
            .collect();
        assert!(buckets.is_sorted(), "{buckets:?}");
        assert_eq!((buckets.len(), buckets.last()), (BOUNDS.len() + 1, Some(&3.0)));
        assert_eq!(samples.last().map(|s| (s.suffix, s.value)), Some(("_count", 3.0)));
    }

    #[test]
    fn a_counter_starts_at_zero_and_a_gauge_says_nothing_unknown() {
        const N: usize = StatusClass::COUNT;
        let counter: Counter<StatusClass, N> = Counter::new(ABOUT);
        assert_eq!(all(&counter).len(), N);
        let gauge: Gauge<StatusClass, N> = Gauge::new(ABOUT);
        assert!(all(&gauge).is_empty());
        gauge.set(StatusClass::Success, 0.0);
        assert_eq!(all(&gauge).len(), 1);
        gauge.clear(StatusClass::Success);
        assert!(all(&gauge).is_empty());
    }
}
