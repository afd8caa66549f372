//! Orders, and the way that they went.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::finding::Finding;
use crate::database::{Databases, Row};
use crate::plan::ChaosError;
use crate::seed::SERVICES;
use crate::shop::History;

/// An order as it lies in its tables.
pub struct Order {
    pub state: String,
    pub total: i64,
    pub terms: Value,
    pub paid: Option<i64>,
    pub refunded_lines: BTreeSet<String>,
    pub row: Row,
}

impl Order {
    pub fn of(row: Row) -> (String, Self) {
        let lines = row.json("refunded_lines");
        let lines = lines.as_array().cloned().unwrap_or_default();
        let paid = row.is_some("paid_wallet");
        let order = Self {
            state: row.text("state"),
            total: row.int("total"),
            terms: row.json("terms"),
            paid: paid.then(|| row.int("paid_wallet") + row.int("paid_card")),
            refunded_lines: lines
                .iter()
                .filter_map(|id| id.as_str().map(str::to_owned))
                .collect(),
            row,
        };
        (order.row.text("id"), order)
    }

    pub fn lines(&self) -> impl Iterator<Item = &Value> {
        self.terms["lines"].as_array().into_iter().flatten()
    }

    /// The buyer has what was bought, less what was given back.
    pub fn is_delivered(&self) -> bool {
        ["completed", "refunded", "partially_refunded"].contains(&self.state.as_str())
    }
}

pub fn acknowledged(orders: &BTreeMap<String, Order>, history: &History) -> Finding {
    let mut finding = Finding::new("S2", "an acknowledged order exists and has an end");
    for id in &history.accepted {
        let state = orders.get(id).map(|order| order.state.as_str());
        finding.expect(state.is_some_and(|state| ENDS.contains(&state)), || {
            format!("{id}: {state:?}")
        });
    }
    finding
}

pub async fn leftovers(
    databases: &Databases,
    orders: &BTreeMap<String, Order>,
) -> Result<Finding, ChaosError> {
    let mut finding = Finding::new("S7", "nothing is stuck or left over");
    for (id, order) in orders {
        finding.expect(ENDS.contains(&order.state.as_str()), || {
            format!("order {id} is {}", order.state)
        });
    }
    for service in SERVICES.into_iter().chain(["identity"]) {
        let waiting = "SELECT COUNT(*) FROM outbox WHERE published_at IS NULL";
        finding.equal(
            &format!("events that wait in {service}"),
            &databases.count(service, waiting).await?,
            &0,
        );
    }
    for (database, what, statement) in [
        ("order", "timers", "SELECT COUNT(*) FROM order_timers"),
        (
            "inventory",
            "held reservations",
            "SELECT COUNT(*) FROM reservations WHERE state = 'held'",
        ),
        (
            "discount",
            "reserved redemptions",
            "SELECT COUNT(*) FROM redemptions WHERE state IN ('new', 'reserved')",
        ),
        (
            "payment",
            "operations at the processor",
            "SELECT COUNT(*) FROM operations WHERE done_at IS NULL",
        ),
        (
            "payment",
            "payments under way",
            "SELECT COUNT(*) FROM payments WHERE state IN ('authorizing', 'action_required', 'authorized', \
             'capturing', 'voiding')",
        ),
    ] {
        finding.equal(what, &databases.count(database, statement).await?, &0);
    }
    if finding.found.is_empty() {
        // Last, because asking a broker takes more than everything else together.
        finding.equal("undelivered events", &databases.undelivered().await?, &0);
    }
    Ok(finding)
}

pub async fn sequences(
    databases: &Databases,
    orders: &BTreeMap<String, Order>,
) -> Result<Finding, ChaosError> {
    let mut finding = Finding::new("S9", "versions follow each other without a gap");
    let statement = "SELECT order_id, seq, from_state, to_state FROM order_events ORDER BY order_id, seq";
    let mut last: BTreeMap<String, (i64, String)> = BTreeMap::new();
    for row in databases.rows("order", statement).await? {
        let id = row.text("order_id");
        if let Some((seq, state)) = last.get(&id) {
            finding.equal(&format!("{id} follows"), &row.int("seq"), &(seq + 1));
            finding.equal(&format!("{id} goes on from"), &row.text("from_state"), state);
        } else {
            finding.equal(&format!("{id} begins"), &row.int("seq"), &1);
        }
        last.insert(id, (row.int("seq"), row.text("to_state")));
    }
    for (id, order) in orders {
        let state = last.get(id).map(|(_, state)| state.clone());
        finding.equal(&format!("{id} ends"), &state, &Some(order.state.clone()));
    }
    let gaps = "SELECT user_id, MAX(version) - COUNT(*) AS missing FROM wallet_entries GROUP BY user_id";
    for row in databases.rows("payment", gaps).await? {
        finding.equal(
            &format!("entries that {} misses", row.text("user_id")),
            &row.int("missing"),
            &0,
        );
    }
    Ok(finding)
}

pub fn same_answers(history: &History) -> Finding {
    let mut finding = Finding::new("S10", "the same key gets the same answer");
    finding.found.extend(history.contradictions.iter().cloned());
    finding
}

pub async fn totals(databases: &Databases, orders: &BTreeMap<String, Order>) -> Result<Finding, ChaosError> {
    let mut finding = Finding::new(
        "S11",
        "a total is the sum of its lines at prices that they had, less the discount",
    );
    let mut prices: BTreeMap<(String, i64), i64> = BTreeMap::new();
    let told = "SELECT envelope FROM outbox WHERE type LIKE 'catalog.course.%'";
    for row in databases.rows("catalog", told).await? {
        let event = row.json("envelope");
        let course = &event["data"]["snapshot"];
        let (id, version) = (course["course_id"].as_str(), course["version"].as_i64());
        if let (Some(id), Some(version), Some(price)) = (id, version, course["price"]["amount"].as_i64()) {
            prices.insert((id.to_owned(), version), price);
        }
    }
    for (id, order) in orders {
        for line in order.lines() {
            let course = line["course_id"].as_str().unwrap_or_default().to_owned();
            let version = line["course_version"].as_i64().unwrap_or_default();
            let price = prices.get(&(course.clone(), version)).copied();
            finding.equal(
                &format!("the price of {course} in {id}"),
                &line["unit_price"].as_i64(),
                &price,
            );
        }
    }
    for (id, order) in orders {
        let of = |line: &Value, name: &str| line[name].as_i64().unwrap_or(i64::MIN / 4);
        let lines: i64 = order
            .lines()
            .map(|line| of(line, "unit_price") * of(line, "quantity") - of(line, "discount"))
            .sum();
        finding.equal(&format!("{id} by its lines"), &lines, &order.total);
        let whole = of(&order.terms, "subtotal") - of(&order.terms, "discount_total");
        finding.equal(&format!("{id} by its terms"), &whole, &order.total);
        finding.expect(order.total >= 0, || format!("{id} costs less than nothing"));
    }
    Ok(finding)
}

pub fn nothing_else(orders: &BTreeMap<String, Order>, history: &History) -> Finding {
    let mut finding = Finding::new("S12", "what was refused has no effect");
    let accepted: BTreeSet<&String> = history.accepted.iter().collect();
    finding.equal("distinct orders", &accepted.len(), &history.accepted.len());
    for id in orders.keys().filter(|id| !accepted.contains(id)) {
        finding.found.push(format!("nobody was told of order {id}"));
    }
    finding
}

const ENDS: [&str; 5] = [
    "completed",
    "failed",
    "cancelled",
    "refunded",
    "partially_refunded",
];
