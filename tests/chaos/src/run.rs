//! A run: buyers, kills, and what is left when it is quiet.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::buyer;
use crate::check::{self, Count, Found};
use crate::installation::Installation;
use crate::plan::{ChaosError, Plan};
use crate::shop::{History, Shop};

/// What has happened.
#[derive(Debug)]
pub struct Report {
    pub kills: usize,
    /// Orders that were acknowledged.
    pub accepted: usize,
    /// Orders that were definitely refused, by problem code.
    pub refused: Vec<(String, usize)>,
    /// Requests that were sent again because nobody answered, or with 5xx.
    pub repeated: usize,
    /// Orders by state and reason at the end.
    pub ended: Vec<(String, usize)>,
    /// From the first order to the last answer.
    pub took: Duration,
    /// From the last answer until nothing moved any more.
    pub quiet_after: Duration,
    /// Violations of each invariant; all must be zero.
    pub counts: Vec<Count>,
    /// The databases, for as long as the report is kept.
    pub left: Left,
}

/// What a run leaves.
#[derive(Debug)]
pub struct Left {
    installation: Installation,
    history: History,
}

impl Left {
    /// What the checker would find if a statement had been run in one of the databases; they stay as they are.
    pub async fn check_after(&self, database: &str, statement: &'static str) -> Result<Found, ChaosError> {
        let databases = self.installation.databases().await?;
        databases.pretend(database, statement).await?;
        check::check(&databases, &self.history).await
    }

    /// What it would find if buyers had been answered otherwise.
    pub async fn check_told(&self, change: impl FnOnce(&mut History)) -> Result<Found, ChaosError> {
        let mut history = self.history.clone();
        change(&mut history);
        let databases = self.installation.databases().await?;
        check::check(&databases, &history).await
    }
}

impl Report {
    /// Violations of all invariants together.
    pub fn violations(&self) -> i64 {
        self.counts.iter().map(|count| count.violations).sum()
    }
}

/// Fills a new shop, lets buyers order while the process is killed, waits until it is quiet, and checks.
pub async fn run(plan: &Plan, tell: impl Fn(&str)) -> Result<Report, ChaosError> {
    let mut random = StdRng::seed_from_u64(plan.seed);
    let mut installation = Installation::new(plan)?;
    installation.start().await?;
    let shop = Arc::new(Shop::open(&installation, plan).await?);
    tell("the shop is open");

    let begun = Instant::now();
    let next = Arc::new(AtomicUsize::new(0));
    let buying = shop.buyers.iter().enumerate().map(|(at, user)| {
        let (shop, user, next) = (shop.clone(), user.clone(), next.clone());
        let random = StdRng::seed_from_u64(plan.seed.wrapping_add(1 + at as u64));
        tokio::spawn(buyer::buy(shop, user, next, random))
    });
    let buying: Vec<_> = buying.collect();
    let over = Arc::new(AtomicBool::new(false));
    let all = tokio::spawn({
        let over = over.clone();
        async move {
            for one in buying {
                one.await.map_err(|error| ChaosError::Start(error.to_string()))?;
            }
            over.store(true, Ordering::Relaxed);
            Ok::<_, ChaosError>(())
        }
    });

    let mut kills = 0;
    while kills < plan.kills && !over.load(Ordering::Relaxed) {
        // Evenly over the orders, each a random moment after its turn.
        let due = plan.checkouts * kills / plan.kills.max(1);
        if next.load(Ordering::Relaxed) < due {
            tokio::time::sleep(Duration::from_millis(5)).await;
            continue;
        }
        tokio::time::sleep(Duration::from_millis(random.random_range(0..400))).await;
        installation.kill().await?;
        installation.start().await?;
        kills += 1;
        if kills.is_multiple_of(10) {
            let placed = next.load(Ordering::Relaxed).min(plan.checkouts);
            tell(&format!(
                "{kills} kills, {placed} of {} orders tried",
                plan.checkouts
            ));
        }
    }
    all.await
        .map_err(|error| ChaosError::Start(error.to_string()))??;
    let took = begun.elapsed();

    let answered = Instant::now();
    let databases = installation.databases().await?;
    let history = shop.history();
    let (found, quiet_after) = loop {
        let found = check::check(&databases, &history).await?;
        let clean = found.counts.iter().all(|count| count.violations == 0);
        if clean || answered.elapsed() > QUIET {
            break (found, answered.elapsed());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    installation.stop().await?;
    Ok(Report {
        kills,
        accepted: history.accepted.len(),
        refused: history.refused(),
        repeated: shop.repeated(),
        ended: found.ended,
        took,
        quiet_after,
        counts: found.counts,
        left: Left {
            installation,
            history,
        },
    })
}

/// An order is over within a minute of quiet (invariant S2).
const QUIET: Duration = Duration::from_secs(60);
