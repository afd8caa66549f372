//! The checker: it reads the databases of a shop where nothing moves any more, and counts what must not be.
//!
//! It knows tables and rules, and shares no code with the services.

mod finding;
mod goods;
mod money;
mod order;
mod views;

use std::collections::BTreeMap;

use crate::database::Databases;
use crate::plan::ChaosError;
use crate::shop::History;

pub use finding::Count;
use order::Order;

/// What the databases hold.
#[derive(Clone, Debug)]
pub struct Found {
    /// Orders by state and reason.
    pub ended: Vec<(String, usize)>,
    pub counts: Vec<Count>,
}

impl Found {
    /// Counts more violations of one of the invariants.
    pub fn add(&mut self, id: &str, violations: Vec<String>) {
        for count in self.counts.iter_mut().filter(|count| count.id == id) {
            count.violations += violations.len() as i64;
            count.examples.extend(violations.iter().take(3).cloned());
        }
    }
}

/// Counts the violations of each invariant.
pub async fn check(databases: &Databases, history: &History) -> Result<Found, ChaosError> {
    let rows = databases.rows("order", "SELECT * FROM orders").await?;
    let orders: BTreeMap<String, Order> = rows.into_iter().map(Order::of).collect();
    let mut ended: BTreeMap<String, usize> = BTreeMap::new();
    for order in orders.values() {
        let reason = order.row.text("reason");
        let name = [order.state.as_str(), reason.as_str()].join(" ");
        *ended.entry(name.trim().to_owned()).or_default() += 1;
    }
    let counts = vec![
        money::charges(databases, &orders).await?,
        order::acknowledged(&orders, history),
        money::wallets(databases, &orders).await?,
        goods::seats(databases).await?,
        goods::coupons(databases, &orders).await?,
        goods::effects(databases, &orders).await?,
        order::leftovers(databases, &orders).await?,
        views::read_models(databases, &orders).await?,
        order::sequences(databases, &orders).await?,
        order::same_answers(history),
        order::totals(databases, &orders).await?,
        order::nothing_else(&orders, history),
    ];
    Ok(Found {
        ended: ended.into_iter().collect(),
        counts: counts.into_iter().map(Count::from).collect(),
    })
}
