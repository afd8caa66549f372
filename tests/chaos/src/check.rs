//! The checker: it reads the databases of a shop where nothing moves any more, and counts what must not be.
//!
//! It knows tables and rules, and shares no code with the services.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::database::{Databases, Row};
use crate::installation::SERVICES;
use crate::plan::ChaosError;
use crate::shop::History;

/// How often an invariant is violated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Count {
    /// `S1` to `S12`.
    pub id: &'static str,
    /// What must be true.
    pub says: &'static str,
    pub violations: i64,
    /// The first few, for people.
    pub examples: Vec<String>,
}

/// What the databases hold.
#[derive(Clone, Debug)]
pub struct Found {
    /// Orders by state and reason.
    pub ended: Vec<(String, usize)>,
    pub counts: Vec<Count>,
}

/// Violations of one invariant, as they are found.
struct Finding {
    id: &'static str,
    says: &'static str,
    found: Vec<String>,
}

impl Finding {
    fn new(id: &'static str, says: &'static str) -> Self {
        Self {
            id,
            says,
            found: Vec::new(),
        }
    }

    fn expect(&mut self, holds: bool, what: impl FnOnce() -> String) {
        if !holds {
            self.found.push(what());
        }
    }

    fn equal<T: PartialEq + std::fmt::Debug>(&mut self, what: &str, one: &T, other: &T) {
        self.expect(one == other, || format!("{what}: {one:?}, not {other:?}"));
    }
}

impl From<Finding> for Count {
    fn from(finding: Finding) -> Self {
        Self {
            id: finding.id,
            says: finding.says,
            violations: finding.found.len() as i64,
            examples: finding.found.into_iter().take(3).collect(),
        }
    }
}

/// An order as it lies in its tables.
struct Order {
    state: String,
    total: i64,
    terms: Value,
    paid: Option<i64>,
    refunded_lines: BTreeSet<String>,
    row: Row,
}

impl Order {
    fn of(row: Row) -> (String, Self) {
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

    fn lines(&self) -> impl Iterator<Item = &Value> {
        self.terms["lines"].as_array().into_iter().flatten()
    }

    /// The buyer has what was bought, less what was given back.
    fn is_delivered(&self) -> bool {
        ["completed", "refunded", "partially_refunded"].contains(&self.state.as_str())
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
        charges(databases, &orders).await?,
        acknowledged(&orders, history),
        wallets(databases, &orders).await?,
        seats(databases).await?,
        coupons(databases, &orders).await?,
        effects(databases, &orders).await?,
        leftovers(databases, &orders).await?,
        read_models(databases, &orders).await?,
        sequences(databases, &orders).await?,
        same_answers(history),
        totals(&orders),
        nothing_else(&orders, history),
    ];
    Ok(Found {
        ended: ended.into_iter().collect(),
        counts: counts.into_iter().map(Count::from).collect(),
    })
}

async fn charges(databases: &Databases, orders: &BTreeMap<String, Order>) -> Result<Finding, ChaosError> {
    let mut finding = Finding::new("S1", "an order is charged once and completely, or not at all");
    let statement = "SELECT p.id, p.order_id, p.state, p.amount, p.wallet_part, p.card_part, p.card_refunded, \
                            p.refunded, \
                            (SELECT COALESCE(SUM(o.amount), 0) FROM test_processor_operations o \
                              WHERE o.about = p.id || ':authorize' AND o.kind = 'capture' \
                                AND o.outcome LIKE '%captured%') AS taken, \
                            (SELECT COALESCE(SUM(o.amount), 0) FROM test_processor_operations o \
                              WHERE o.about = p.id || ':authorize' AND o.kind = 'refund' \
                                AND o.outcome LIKE '%refunded%') AS given, \
                            (SELECT COALESCE(SUM(e.amount), 0) FROM wallet_entries e \
                              WHERE e.order_id = p.order_id AND e.kind = 'capture') AS spent \
                     FROM payments p WHERE p.order_id IS NOT NULL";
    let mut paid: BTreeMap<String, i64> = BTreeMap::new();
    for row in databases.rows("payment", statement).await? {
        let (id, order) = (row.text("id"), row.text("order_id"));
        let captured = ["captured", "refunded", "partially_refunded"].contains(&row.text("state").as_str());
        let (card, wallet) = match captured {
            true => (row.int("card_part"), row.int("wallet_part")),
            false => (0, 0),
        };
        finding.equal(&format!("{id} by card"), &row.int("taken"), &card);
        finding.equal(&format!("{id} by wallet"), &row.int("spent"), &wallet);
        finding.equal(
            &format!("{id} back"),
            &row.int("given"),
            &row.int("card_refunded"),
        );
        finding.expect(row.int("refunded") <= card + wallet, || {
            format!("{id} gave back more than it took")
        });
        *paid.entry(order).or_default() += card + wallet;
    }
    for (id, order) in orders {
        let taken = paid.get(id).copied().unwrap_or(0);
        finding.equal(&format!("order {id} paid"), &taken, &order.paid.unwrap_or(0));
        if order.is_delivered() {
            finding.equal(&format!("order {id} cost"), &taken, &order.total);
        }
    }
    Ok(finding)
}

fn acknowledged(orders: &BTreeMap<String, Order>, history: &History) -> Finding {
    let mut finding = Finding::new("S2", "an acknowledged order exists and has an end");
    for id in &history.accepted {
        let state = orders.get(id).map(|order| order.state.as_str());
        finding.expect(state.is_some_and(|state| ENDS.contains(&state)), || {
            format!("{id}: {state:?}")
        });
    }
    finding
}

async fn wallets(databases: &Databases, orders: &BTreeMap<String, Order>) -> Result<Finding, ChaosError> {
    let mut finding = Finding::new(
        "S3",
        "a wallet is the sum of its entries, nothing of it is held, and the books agree",
    );
    let statement = "SELECT w.user_id, w.balance, w.held, \
                            (SELECT COALESCE(SUM(CASE WHEN kind IN ('top_up', 'grant', 'refund') THEN amount \
                                    WHEN kind IN ('capture', 'write_off') THEN -amount ELSE 0 END), 0) \
                               FROM wallet_entries e WHERE e.user_id = w.user_id) AS earned, \
                            (SELECT COALESCE(SUM(CASE WHEN kind = 'hold' THEN amount \
                                    WHEN kind IN ('release', 'capture') THEN -amount ELSE 0 END), 0) \
                               FROM wallet_entries e WHERE e.user_id = w.user_id) AS holding \
                     FROM wallets w";
    for row in databases.rows("payment", statement).await? {
        let user = row.text("user_id");
        finding.equal(&format!("{user} has"), &row.int("balance"), &row.int("earned"));
        finding.equal(&format!("{user} holds"), &row.int("held"), &row.int("holding"));
        finding.equal(&format!("{user} holds at the end"), &row.int("held"), &0);
        finding.expect(row.int("balance") >= 0, || format!("{user} owes"));
    }
    books(databases, orders, &mut finding).await?;
    Ok(finding)
}

/// Every entry balances, wallets are what the books say, and each paid order has its invoice, numbered without a gap.
async fn books(
    databases: &Databases,
    orders: &BTreeMap<String, Order>,
    finding: &mut Finding,
) -> Result<(), ChaosError> {
    let entries = "SELECT seq, SUM(debit) AS debit, SUM(credit) AS credit FROM journal_lines GROUP BY seq";
    for row in databases.rows("billing", entries).await? {
        let what = format!("entry {} of the journal", row.int("seq"));
        finding.equal(&what, &row.int("debit"), &row.int("credit"));
    }
    let credits = "SELECT COALESCE(SUM(credit - debit), 0) FROM journal_lines WHERE account = 2000";
    let credits = databases.count("billing", credits).await?;
    let balances = databases
        .count("payment", "SELECT COALESCE(SUM(balance), 0) FROM wallets")
        .await?;
    finding.equal("credits by the books", &credits, &balances);
    let invoices = databases
        .rows("billing", "SELECT order_id, total FROM invoices")
        .await?;
    let invoices = invoices
        .iter()
        .map(|row| (row.text("order_id"), row.int("total")));
    let invoices: BTreeMap<String, i64> = invoices.collect();
    let paid = orders
        .iter()
        .filter_map(|(id, order)| Some((id.clone(), order.paid?)));
    let paid: BTreeMap<String, i64> = paid.collect();
    finding.expect(invoices == paid, || {
        format!("{} paid orders, {} invoices", paid.len(), invoices.len())
    });
    let numbered = "SELECT (SELECT COALESCE(SUM(last), 0) FROM document_numbers) - (SELECT COUNT(*) FROM invoices) \
                    - (SELECT COUNT(*) FROM credit_notes)";
    finding.equal(
        "gaps of numbers",
        &databases.count("billing", numbered).await?,
        &0,
    );
    Ok(())
}

async fn seats(databases: &Databases) -> Result<Finding, ChaosError> {
    let mut finding = Finding::new("S4", "no seat is sold twice or lost");
    let statement = "SELECT s.item_id, s.capacity, s.sold, s.reserved, \
                            (SELECT COALESCE(SUM(m.sold), 0) FROM movements m WHERE m.item_id = s.item_id) AS moved, \
                            (SELECT COALESCE(SUM(m.reserved), 0) FROM movements m WHERE m.item_id = s.item_id) \
                                AS holding, \
                            (SELECT COALESCE(SUM(l.granted), 0) FROM reservation_lines l \
                               WHERE l.item_id = s.item_id) AS granted \
                     FROM stock s WHERE s.capacity IS NOT NULL";
    for row in databases.rows("inventory", statement).await? {
        let item = row.text("item_id");
        let (sold, reserved) = (row.int("sold"), row.int("reserved"));
        finding.expect(sold + reserved <= row.int("capacity"), || {
            format!("{item} is oversold")
        });
        finding.expect(sold >= 0 && reserved >= 0, || format!("{item} is below nothing"));
        finding.equal(&format!("{item} sold by its movements"), &sold, &row.int("moved"));
        finding.equal(
            &format!("{item} held by its movements"),
            &reserved,
            &row.int("holding"),
        );
        finding.equal(&format!("{item} sold to orders"), &sold, &row.int("granted"));
        finding.equal(&format!("{item} held at the end"), &reserved, &0);
    }
    Ok(finding)
}

async fn coupons(databases: &Databases, orders: &BTreeMap<String, Order>) -> Result<Finding, ChaosError> {
    let mut finding = Finding::new(
        "S5",
        "a coupon is used as often as orders carry it, and never too often",
    );
    let statement = "SELECT c.code, c.max_total, c.reserved, c.redeemed, \
                            (SELECT COUNT(*) FROM redemptions r WHERE r.coupon_id = c.id AND r.state = 'committed') \
                                AS committed, \
                            (SELECT COALESCE(SUM(u.used), 0) FROM coupon_uses u WHERE u.coupon_id = c.id) AS used \
                     FROM coupons c";
    for row in databases.rows("discount", statement).await? {
        let code = row.text("code");
        let redeemed = row.int("redeemed");
        finding.equal(&format!("{code} redeemed"), &redeemed, &row.int("committed"));
        finding.equal(&format!("{code} used by users"), &redeemed, &row.int("used"));
        finding.equal(&format!("{code} reserved at the end"), &row.int("reserved"), &0);
        finding.expect(
            !row.is_some("max_total") || redeemed <= row.int("max_total"),
            || format!("{code} was used too often"),
        );
    }
    let committed = databases
        .rows(
            "discount",
            "SELECT order_id FROM redemptions WHERE state = 'committed'",
        )
        .await?;
    let committed: BTreeSet<String> = committed.iter().map(|row| row.text("order_id")).collect();
    let carrying = orders
        .iter()
        .filter(|(_, order)| order.is_delivered() && !order.terms["coupon"].is_null());
    let carrying: BTreeSet<String> = carrying.map(|(id, _)| id.clone()).collect();
    for id in committed.symmetric_difference(&carrying) {
        finding
            .found
            .push(format!("order {id} and its redemption disagree"));
    }
    Ok(finding)
}

async fn effects(databases: &Databases, orders: &BTreeMap<String, Order>) -> Result<Finding, ChaosError> {
    let mut finding = Finding::new("S6", "every effect happens exactly once");
    let lines = "SELECT order_id, item_id, buyer, granted FROM reservation_lines";
    let mut granted: BTreeMap<(String, String), i64> = BTreeMap::new();
    let mut has: BTreeMap<(String, String), i64> = BTreeMap::new();
    for row in databases.rows("inventory", lines).await? {
        granted.insert((row.text("order_id"), row.text("item_id")), row.int("granted"));
        *has.entry((row.text("buyer"), row.text("item_id"))).or_default() += row.int("granted");
    }
    for (id, order) in orders {
        for line in order.lines() {
            let text = |name: &str| line[name].as_str().unwrap_or_default().to_owned();
            let kept = order.is_delivered() && !order.refunded_lines.contains(&text("line_id"));
            let expected = line["quantity"].as_i64().filter(|_| kept).unwrap_or(0);
            let key = (id.clone(), text("course_id"));
            let given = granted.remove(&key).unwrap_or(0);
            finding.equal(&format!("granted by {key:?}"), &given, &expected);
        }
    }
    for (key, given) in granted.into_iter().filter(|(_, given)| *given != 0) {
        finding
            .found
            .push(format!("{given} granted by {key:?}, which no order has"));
    }
    let owned = "SELECT owner, item_id, quantity FROM owned_items WHERE source <> 'grant'";
    for row in databases.rows("inventory", owned).await? {
        let key = (row.text("owner"), row.text("item_id"));
        let bought = has.remove(&key).unwrap_or(0);
        finding.equal(&format!("owned by {key:?}"), &row.int("quantity"), &bought);
    }
    for (key, bought) in has.into_iter().filter(|(_, bought)| *bought != 0) {
        finding
            .found
            .push(format!("{bought} bought and not owned by {key:?}"));
    }
    Ok(finding)
}

async fn leftovers(databases: &Databases, orders: &BTreeMap<String, Order>) -> Result<Finding, ChaosError> {
    let mut finding = Finding::new("S7", "nothing is stuck or left over");
    for (id, order) in orders {
        finding.expect(ENDS.contains(&order.state.as_str()), || {
            format!("order {id} is {}", order.state)
        });
    }
    for service in SERVICES {
        let waiting = "SELECT COUNT(*) FROM outbox WHERE published_at IS NULL";
        finding.equal(
            &format!("events that wait in {service}"),
            &databases.count(service, waiting).await?,
            &0,
        );
    }
    for (database, what, statement) in [
        ("bus", "deliveries that failed", "SELECT COUNT(*) FROM bus_failed"),
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
    Ok(finding)
}

async fn read_models(databases: &Databases, orders: &BTreeMap<String, Order>) -> Result<Finding, ChaosError> {
    let mut finding = Finding::new("S8", "read models equal what they are read from");
    let statement = "SELECT s.order_id, s.state, s.total, s.version, d.version AS detail, \
                            (SELECT COUNT(*) FROM order_lines l WHERE l.order_id = s.order_id) AS line_count \
                     FROM order_summaries s JOIN order_details d ON d.order_id = s.order_id";
    let summaries = databases.rows("order", statement).await?;
    finding.equal("summaries", &summaries.len(), &orders.len());
    for row in summaries {
        let id = row.text("order_id");
        let Some(order) = orders.get(&id) else { continue };
        let shown = (
            row.text("state"),
            row.int("total"),
            row.int("version"),
            row.int("detail"),
        );
        let version = order.row.int("version");
        let true_ones = (order.state.clone(), order.total, version, version);
        finding.equal(&format!("what is shown of {id}"), &shown, &true_ones);
        finding.equal(
            &format!("lines of {id}"),
            &row.int("line_count"),
            &(order.lines().count() as i64),
        );
    }
    let own = "SELECT owner, item_id, quantity, version FROM owned_items ORDER BY owner, item_id";
    let seen = "SELECT owner, course_id AS item_id, quantity, version FROM owned ORDER BY owner, course_id";
    let of = |row: &Row| {
        (
            row.text("owner"),
            row.text("item_id"),
            row.int("quantity"),
            row.int("version"),
        )
    };
    let own: BTreeSet<_> = databases.rows("inventory", own).await?.iter().map(of).collect();
    let seen: BTreeSet<_> = databases.rows("basket", seen).await?.iter().map(of).collect();
    for one in own.symmetric_difference(&seen) {
        finding
            .found
            .push(format!("basket and inventory disagree: {one:?}"));
    }
    Ok(finding)
}

async fn sequences(databases: &Databases, orders: &BTreeMap<String, Order>) -> Result<Finding, ChaosError> {
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

fn same_answers(history: &History) -> Finding {
    let mut finding = Finding::new("S10", "the same key gets the same answer");
    finding.found.extend(history.contradictions.iter().cloned());
    finding
}

fn totals(orders: &BTreeMap<String, Order>) -> Finding {
    let mut finding = Finding::new("S11", "a total is the sum of its lines less the discount");
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
    finding
}

fn nothing_else(orders: &BTreeMap<String, Order>, history: &History) -> Finding {
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
