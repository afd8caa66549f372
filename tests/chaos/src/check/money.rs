//! Money: what was charged, wallets, and the books.

use std::collections::BTreeMap;

use super::finding::Finding;
use super::order::Order;
use crate::database::Databases;
use crate::plan::ChaosError;

pub async fn charges(databases: &Databases, orders: &BTreeMap<String, Order>) -> Result<Finding, ChaosError> {
    let mut finding = Finding::new("S1", "an order is charged once and completely, or not at all");
    let statement = "SELECT p.id, p.order_id, p.state, p.amount, p.wallet_part, p.card_part, p.card_refunded, \
                            p.refunded, \
                            (SELECT CAST(COALESCE(SUM(o.amount), 0) AS BIGINT) FROM test_processor_operations o \
                              WHERE o.about = p.id || ':authorize' AND o.kind = 'capture' \
                                AND o.outcome LIKE '%captured%') AS taken, \
                            (SELECT CAST(COALESCE(SUM(o.amount), 0) AS BIGINT) FROM test_processor_operations o \
                              WHERE o.about = p.id || ':authorize' AND o.kind = 'refund' \
                                AND o.outcome LIKE '%refunded%') AS given, \
                            (SELECT CAST(COALESCE(SUM(e.amount), 0) AS BIGINT) FROM wallet_entries e \
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

pub async fn wallets(databases: &Databases, orders: &BTreeMap<String, Order>) -> Result<Finding, ChaosError> {
    let mut finding = Finding::new(
        "S3",
        "a wallet is the sum of its entries, nothing of it is held, and the books agree",
    );
    let statement = "SELECT w.user_id, w.balance, w.held, \
                            (SELECT CAST(COALESCE(SUM(CASE WHEN kind IN ('top_up', 'grant', 'refund') THEN amount \
                                    WHEN kind IN ('capture', 'write_off') THEN -amount ELSE 0 END), 0) AS BIGINT) \
                               FROM wallet_entries e WHERE e.user_id = w.user_id) AS earned, \
                            (SELECT CAST(COALESCE(SUM(CASE WHEN kind = 'hold' THEN amount \
                                    WHEN kind IN ('release', 'capture') THEN -amount ELSE 0 END), 0) AS BIGINT) \
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
    let entries = "SELECT seq, CAST(SUM(debit) AS BIGINT) AS debit, CAST(SUM(credit) AS BIGINT) AS credit \
                   FROM journal_lines GROUP BY seq";
    for row in databases.rows("billing", entries).await? {
        let what = format!("entry {} of the journal", row.int("seq"));
        finding.equal(&what, &row.int("debit"), &row.int("credit"));
    }
    let credits =
        "SELECT CAST(COALESCE(SUM(credit - debit), 0) AS BIGINT) FROM journal_lines WHERE account = 2000";
    let credits = databases.count("billing", credits).await?;
    let balances = databases
        .count(
            "payment",
            "SELECT CAST(COALESCE(SUM(balance), 0) AS BIGINT) FROM wallets",
        )
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
    let numbered = "SELECT (SELECT CAST(COALESCE(SUM(last), 0) AS BIGINT) FROM document_numbers) - (SELECT COUNT(*) FROM invoices) \
                    - (SELECT COUNT(*) FROM credit_notes)";
    finding.equal(
        "gaps of numbers",
        &databases.count("billing", numbered).await?,
        &0,
    );
    Ok(())
}
