//! The books against what others say, and against themselves.

use std::time::Duration;

use futures::FutureExt;
use latchkey_bus::Cause;
use latchkey_kit::{Context, Task, at_interval};
use latchkey_metrics::catalog::{BILLING_CHAIN_BROKEN, BILLING_DRIFT};
use latchkey_metrics::labels;

use crate::Error;
use crate::domain::{self, Drift, GENESIS, Head};
use crate::store::{self, Sums};

/// Compares every five minutes.
pub const RECONCILE: Task = Task {
    name: "reconcile",
    run: |context, stop| at_interval(context, stop, EVERY, round).boxed(),
};

/// Two sums that must be equal once no event is on its way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    pub name: &'static str,
    pub expected: i64,
    pub found: i64,
    /// Since when they differ, as far as a round of the task has seen it.
    pub since: Option<i64>,
}

impl Check {
    pub fn drift(&self) -> i64 {
        self.found.saturating_sub(self.expected)
    }
}

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    pub checks: Vec<Check>,
    pub chain: Chain,
}

/// Whether the journal is what was once written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chain {
    /// How many entries there are up to the end or the first bad one.
    pub entries: i64,
    /// The number of the first entry that does not follow the one before it. One after the last: entries are missing at
    /// the end.
    pub broken_at: Option<i64>,
}

impl Report {
    pub fn is_clean(&self) -> bool {
        self.chain.broken_at.is_none() && self.checks.iter().all(|check| check.drift() == 0)
    }
}

/// Compares everything now. Nothing is written.
pub async fn report(context: &Context) -> Result<Report, Error> {
    let sums = store::sums(&context.db).await?;
    let known = store::drifts(&context.db).await?;
    let since = |name: &str| {
        let drift = known.iter().find(|(known, _)| known == name);
        drift.map(|(_, drift)| drift.since)
    };
    let checks = checks(&sums).map(|(name, expected, found)| Check {
        name,
        expected,
        found,
        since: since(name).filter(|_| expected != found),
    });
    Ok(Report {
        checks: checks.into(),
        chain: verify(context).await?,
    })
}

/// One round: compares, remembers since when what differs, and says so when it lasts.
pub async fn reconcile(context: &Context) -> Result<Report, Error> {
    let report = report(context).await?;
    let found = report.clone();
    let drifts = context
        .write(Cause::default(), async move |t| {
            let known = store::drifts(&t.tx).await?;
            let mut lasting: Vec<(&'static str, Drift)> = Vec::new();
            for check in &found.checks {
                let before = known.iter().find(|(name, _)| name == check.name);
                match domain::drift(before.map(|(_, drift)| drift), check.drift(), t.now) {
                    Some(drift) => {
                        store::remember_drift(&t.tx, check.name, &drift).await?;
                        lasting.push((check.name, drift));
                    }
                    None if before.is_some() => store::forget_drift(&t.tx, check.name).await?,
                    None => {}
                }
            }
            Ok::<_, Error>(lasting)
        })
        .await?;
    observe(&report, &drifts, context.clock.now_ms());
    Ok(report)
}

/// Reads the journal from its first entry and checks each hash.
pub async fn verify(context: &Context) -> Result<Chain, Error> {
    // Read first: entries that are written meanwhile do not count.
    let end = store::head(&context.db).await?;
    let mut last = Head {
        seq: 0,
        hash: GENESIS,
    };
    while last.seq < end.seq {
        let page = store::records(&context.db, last.seq, PAGE).await?;
        if page.is_empty() {
            break;
        }
        for record in page.iter().take_while(|record| record.seq <= end.seq) {
            if !record.follows(&last) {
                return Ok(Chain {
                    entries: last.seq,
                    broken_at: Some(last.seq + 1),
                });
            }
            last = record.head();
        }
        if page.last().is_some_and(|record| record.seq > end.seq) {
            break;
        }
    }
    Ok(Chain {
        entries: last.seq,
        broken_at: (last != end).then_some(last.seq + 1),
    })
}

async fn round(context: Context) -> Result<(), String> {
    let done = reconcile(&context).await;
    done.map(drop).map_err(|error| latchkey_http::reasons(&error))
}

/// Name, what must be, and what is.
fn checks(sums: &Sums) -> [(&'static str, i64, i64); 5] {
    [
        ("wallets", sums.wallets, sums.credits),
        ("sales", sums.invoiced, sums.sold),
        ("captures", sums.captured, sums.sold),
        ("refunds", sums.credited, sums.refunded),
        ("trial_balance", sums.debits, sums.credits_of_all),
    ]
}

fn observe(report: &Report, drifts: &[(&'static str, Drift)], now: i64) {
    for check in &report.checks {
        BILLING_DRIFT.set(labels::Check::of(check.name), check.drift() as f64);
    }
    let broken = f64::from(u8::from(report.chain.broken_at.is_some()));
    BILLING_CHAIN_BROKEN.set((), broken);
    for (check, drift) in drifts.iter().filter(|(_, drift)| drift.is_alarming(now)) {
        tracing::error!(
            check,
            amount = drift.amount,
            since = drift.since,
            "the books have differed for more than five minutes"
        );
    }
    if let Some(seq) = report.chain.broken_at {
        tracing::error!(seq, "an entry of the journal is not what was once written");
    }
}

const EVERY: Duration = Duration::from_secs(300);
const PAGE: i64 = 500;
