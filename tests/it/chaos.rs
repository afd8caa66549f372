//! A small run of the chaos tool, and what its checker finds in databases that were changed behind its back.

use latchkey_chaos::{Plan, run};

/// What is done to a database, and the invariant that it breaks.
const TAMPERED: [(&str, &str, &str); 16] = [
    (
        "S1",
        "payment",
        "UPDATE payments SET card_part = card_part + 1, amount = amount + 1 WHERE state = 'captured' AND card_part > 0",
    ),
    (
        "S1",
        "payment",
        "UPDATE payments SET state = 'voided' WHERE state = 'captured'",
    ),
    (
        "S2",
        "order",
        "UPDATE orders SET state = 'paid' WHERE state = 'completed'",
    ),
    ("S3", "payment", "UPDATE wallets SET balance = balance + 1"),
    ("S3", "payment", "UPDATE wallets SET held = 1 WHERE balance > 0"),
    (
        "S4",
        "inventory",
        "UPDATE stock SET sold = sold + 1 WHERE sold < capacity",
    ),
    (
        "S4",
        "inventory",
        "DELETE FROM movements WHERE cause = 'confirmed'",
    ),
    (
        "S5",
        "discount",
        "UPDATE coupons SET redeemed = redeemed + 1 WHERE redeemed + reserved < max_total OR max_total IS NULL",
    ),
    (
        "S6",
        "inventory",
        "UPDATE owned_items SET quantity = quantity + 1 WHERE source = 'order'",
    ),
    ("S6", "inventory", "UPDATE reservation_lines SET granted = 0"),
    ("S7", "order", "UPDATE outbox SET published_at = NULL"),
    ("S7", "payment", "UPDATE operations SET done_at = NULL"),
    ("S8", "order", "UPDATE order_summaries SET total = total + 1"),
    ("S8", "basket", "DELETE FROM owned"),
    ("S9", "order", "DELETE FROM order_events WHERE seq = 2"),
    ("S11", "order", "UPDATE orders SET total = total + 1"),
];

#[tokio::test]
async fn orders_stay_right_while_the_process_is_killed() {
    let plan = Plan {
        binary: env!("CARGO_BIN_EXE_latchkey").into(),
        checkouts: 24,
        kills: 2,
        buyers: 4,
        seed: 7,
    };
    let report = run(&plan, |_| {}).await.unwrap();
    assert_eq!(report.kills, 2, "{report:#?}");
    assert!(report.accepted >= 12, "{report:#?}");
    assert_eq!(report.violations(), 0, "{report:#?}");
    for (invariant, database, statement) in TAMPERED {
        let found = report.left.check_after(database, statement).await.unwrap();
        let broken = found.counts.iter().filter(|count| count.violations > 0);
        let broken: Vec<&str> = broken.map(|count| count.id).collect();
        assert!(broken.contains(&invariant), "{statement}: {broken:?}");
    }
}
