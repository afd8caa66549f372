//! Checkouts a second, end to end: every role in one process on one core, and buyers who fill a basket, order, and look
//! until the order is completed. Beside it the durable commits that the same core makes one at a time.

use latchkey_chaos::{Plan, Shape};

use crate::limits;
use crate::server;

/// Enough that nobody waits for a look of somebody else.
const BUYERS: usize = 96;
const CHECKOUTS: usize = 5_000;

/// The goal is 200 checkouts a second on one core, embedded.
pub async fn checkout() {
    let plan = Plan {
        binary: server::binary(),
        shape: Shape::Embedded { core: Some(0) },
        checkouts: CHECKOUTS,
        kills: 0,
        buyers: BUYERS,
        seed: 1,
        calm: true,
    };
    let report = latchkey_chaos::run(&plan, |_said| ()).await.expect("a shop");
    let completed = report
        .ended
        .iter()
        .filter(|(how, _)| how.starts_with("completed"));
    let completed: usize = completed.map(|(_, orders)| orders).sum();
    let rate = completed as f64 / report.took.as_secs_f64();
    let raw = limits::now(limits::COMMITS);
    println!(
        "checkouts, embedded: {completed} of {CHECKOUTS} completed in {:.1} s by {BUYERS} buyers, {rate:.0}/s (the goal is \
         200/s); {:.3} of {raw:.0} durable commits/s one at a time; {} violations of the invariants",
        report.took.as_secs_f64(),
        rate / raw,
        report.violations()
    );
}
