//! A run: buyers, kills, and what is left when it is quiet.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::buyer;
use crate::check::{self, Count, Found};
use crate::installation::Installation;
use crate::plan::{ChaosError, Plan, Shape};
use crate::rebuild;
use crate::shop::{History, Shop};

/// What has happened.
#[derive(Debug)]
pub struct Report {
    /// How often a process was killed, by what it was.
    pub kills: BTreeMap<String, usize>,
    /// How often the broker was restarted.
    pub restarts: usize,
    /// Processes that ended by themselves and were started again, such as one that found no broker at its start.
    pub ended_by_themselves: Vec<(String, usize)>,
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
    /// How long it took to fill read models again; none if that was not asked for.
    pub rebuilt_after: Option<Duration>,
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

    /// What a rebuilding of the read models finds after statements have been run in databases.
    pub async fn rebuild_after(
        &mut self,
        statements: &[(&str, &'static str)],
    ) -> Result<Vec<String>, ChaosError> {
        let databases = self.installation.databases().await?;
        for (database, statement) in statements {
            databases.execute(database, statement).await?;
        }
        let differ = rebuild::rebuild(&mut self.installation).await?;
        self.installation.stop().await?;
        Ok(differ)
    }
}

impl Report {
    /// Violations of all invariants together.
    pub fn violations(&self) -> i64 {
        self.counts.iter().map(|count| count.violations).sum()
    }

    /// How often processes were killed.
    pub fn killed(&self) -> usize {
        self.kills.values().sum()
    }
}

/// Fills a new shop, lets buyers order while processes are killed, waits until it is quiet, and checks.
pub async fn run(plan: &Plan, tell: impl Fn(&str)) -> Result<Report, ChaosError> {
    let mut installation = Installation::start(plan).await?;
    let shop = Arc::new(Shop::open(&installation, plan).await?);
    tell("the shop is open");

    let begun = Instant::now();
    let next = Arc::new(AtomicUsize::new(0));
    let mut buying: Vec<_> = shop
        .buyers
        .iter()
        .enumerate()
        .map(|(at, user)| {
            let random = StdRng::seed_from_u64(plan.seed.wrapping_add(1 + at as u64));
            tokio::spawn(buyer::buy(shop.clone(), user.clone(), next.clone(), random))
        })
        .collect();
    if !plan.calm {
        let random = StdRng::seed_from_u64(plan.seed);
        buying.push(tokio::spawn(buyer::keep(shop.clone(), next.clone(), random)));
    }
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
    let placed = || next.load(Ordering::Relaxed).min(plan.checkouts);
    let kills = disturb(plan, &mut installation, &shop, &tell, placed, &over).await?;
    all.await
        .map_err(|error| ChaosError::Start(error.to_string()))??;
    let took = begun.elapsed();
    tell("all orders have been tried");

    let answered = Instant::now();
    let databases = installation.databases().await?;
    let history = shop.history();
    let (mut found, quiet_after) = loop {
        let found = check::check(&databases, &history).await?;
        let clean = found.counts.iter().all(|count| count.violations == 0);
        if clean || answered.elapsed() > QUIET {
            break (found, answered.elapsed());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    let mut rebuilt_after = None;
    if !plan.calm {
        tell("read models are filled again");
        let begun = Instant::now();
        let differ = rebuild::rebuild(&mut installation).await?;
        rebuilt_after = Some(begun.elapsed());
        found.add("S8", differ);
    }
    let (restarts, ended_by_themselves) =
        (installation.broker_was_back(), installation.ended_by_themselves());
    installation.stop().await?;
    Ok(Report {
        kills,
        restarts,
        ended_by_themselves,
        accepted: history.accepted.len(),
        refused: history.refused(),
        repeated: shop.repeated(),
        ended: found.ended,
        took,
        quiet_after,
        rebuilt_after,
        counts: found.counts,
        left: Left {
            installation,
            history,
        },
    })
}

/// Kills processes and restarts the broker, evenly over the orders, each a random moment after its turn; ends with the
/// last order, or when all is done.
async fn disturb(
    plan: &Plan,
    installation: &mut Installation,
    shop: &Shop,
    tell: &impl Fn(&str),
    placed: impl Fn() -> usize,
    over: &AtomicBool,
) -> Result<BTreeMap<String, usize>, ChaosError> {
    let mut random = StdRng::seed_from_u64(plan.seed);
    let restarts = match plan.shape {
        Shape::Embedded { .. } => 0,
        Shape::Scaled { restarts, .. } => restarts,
    };
    let due = |nth: usize, of: usize| nth < of && placed() >= plan.checkouts * nth / of;
    let (mut kills, mut killed, mut restarted) = (BTreeMap::<String, usize>::new(), 0, 0);
    let (begun, mut told) = (Instant::now(), Instant::now());
    while !over.load(Ordering::Relaxed) {
        // One restart after the other.
        if due(restarted, restarts) && installation.broker_was_back() == restarted {
            installation.restart_broker(restarted.is_multiple_of(2)).await?;
            restarted += 1;
        }
        if due(killed, plan.kills) {
            tokio::time::sleep(Duration::from_millis(random.random_range(0..400))).await;
            *kills.entry(installation.kill(&mut random).await?).or_default() += 1;
            killed += 1;
        } else {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        if told.elapsed() > PROGRESS {
            told = Instant::now();
            let (seconds, accepted) = (begun.elapsed().as_secs_f64(), shop.history().accepted.len());
            tell(&format!(
                "{seconds:.0} s: {} of {} orders tried, {accepted} acknowledged, {:.1}/s; {killed} kills, {restarted} \
                 restarts of the broker, {} requests repeated",
                placed(),
                plan.checkouts,
                accepted as f64 / seconds,
                shop.repeated()
            ));
        }
    }
    // The last restart may still be under way.
    let waited = Instant::now();
    while installation.broker_was_back() < restarted && waited.elapsed() < QUIET {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(kills)
}

/// An order is over within a minute of quiet (invariant S2).
const QUIET: Duration = Duration::from_secs(60);
/// Between two lines about how far it is.
const PROGRESS: Duration = Duration::from_secs(5);
