//! A small run of the chaos tool, and what its checker finds in databases that were changed behind its back.

use std::collections::BTreeSet;

use latchkey_chaos::{Found, Plan, Shape, run};

/// What a defect leaves behind: its name, the invariants that it breaks, and what is done to which database.
type Wreck = (&'static str, &'static [&'static str], &'static str, &'static str);

/// Each invariant, broken by one value that is not what it must be.
const TAMPERED: [Wreck; 27] = [
    (
        "a payment of more than was taken",
        &["S1"],
        "payment",
        "UPDATE payments SET card_part = card_part + 1, amount = amount + 1 WHERE state = 'captured' AND card_part > 0",
    ),
    (
        "a payment that is void and was taken",
        &["S1"],
        "payment",
        "UPDATE payments SET state = 'voided' WHERE state = 'captured'",
    ),
    (
        "an order without an end",
        &["S2", "S7"],
        "order",
        "UPDATE orders SET state = 'paid' WHERE state = 'completed'",
    ),
    (
        "a number of an invoice that nobody has",
        &["S3"],
        "billing",
        "UPDATE document_numbers SET last = last + 1",
    ),
    (
        "credits from nowhere",
        &["S3"],
        "payment",
        "UPDATE wallets SET balance = balance + 1",
    ),
    (
        "credits that are held for nobody",
        &["S3"],
        "payment",
        "UPDATE wallets SET held = 1 WHERE balance > 0",
    ),
    (
        "an entry that is gone",
        &["S3", "S9"],
        "payment",
        "DELETE FROM wallet_entries WHERE version = 1",
    ),
    (
        "a seat that nobody has",
        &["S4"],
        "inventory",
        "UPDATE stock SET sold = sold + 1 WHERE sold < capacity",
    ),
    (
        "movements that are gone",
        &["S4"],
        "inventory",
        "DELETE FROM movements WHERE cause = 'confirmed'",
    ),
    (
        "a use of a coupon by nobody",
        &["S5"],
        "discount",
        "UPDATE coupons SET redeemed = redeemed + 1 WHERE redeemed + reserved < max_total OR max_total IS NULL",
    ),
    (
        "more in a library than was bought",
        &["S6"],
        "inventory",
        "UPDATE owned_items SET quantity = quantity + 1 WHERE source = 'order'",
    ),
    (
        "nothing given for an order",
        &["S6"],
        "inventory",
        "UPDATE reservation_lines SET granted = 0",
    ),
    (
        "events that nobody carries",
        &["S7"],
        "order",
        "UPDATE outbox SET published_at = NULL",
    ),
    (
        "operations that nobody ends",
        &["S7"],
        "payment",
        "UPDATE operations SET done_at = NULL",
    ),
    (
        "a summary of another order",
        &["S8"],
        "order",
        "UPDATE order_summaries SET total = total + 1",
    ),
    (
        "a library that the basket does not know",
        &["S8"],
        "basket",
        "DELETE FROM owned",
    ),
    (
        "a rating that nobody gave",
        &["S8"],
        "catalog",
        "UPDATE courses SET rating_count = rating_count + 1, rating_sum = rating_sum + 3",
    ),
    (
        "seats that the catalog does not know",
        &["S8"],
        "catalog",
        "DELETE FROM seats",
    ),
    (
        "an old name at orders",
        &["S8"],
        "order",
        "UPDATE course_titles SET title = 'An old name'",
    ),
    (
        "a course that photo has not heard of",
        &["S8"],
        "photo",
        "UPDATE uses SET version = version - 1",
    ),
    (
        "sales that an instructor does not see",
        &["S8"],
        "billing",
        "DELETE FROM instructor_sales",
    ),
    (
        "payments that billing has not heard of",
        &["S8"],
        "billing",
        "DELETE FROM captures",
    ),
    (
        "a log with a gap",
        &["S9"],
        "order",
        "DELETE FROM order_events WHERE seq = 2",
    ),
    (
        "a total that is no sum",
        &["S11"],
        "order",
        "UPDATE orders SET total = total + 1",
    ),
    (
        "prices that the catalog never had",
        &["S11"],
        "catalog",
        "DELETE FROM outbox WHERE type LIKE 'catalog.course.%'",
    ),
    (
        "terms that are no sum",
        &["S11"],
        "order",
        "UPDATE orders SET terms = json_set(terms, '$.subtotal', 0)",
    ),
    (
        "lines that are no sum",
        &["S11"],
        "order",
        "UPDATE orders SET terms = json_set(terms, '$.lines[0].quantity', 99)",
    ),
];

/// The wreckage of the classic defects of a shop that is killed at any moment.
const DEFECTS: [Wreck; 13] = [
    (
        "an event acknowledged before the commit: inventory has not confirmed",
        &["S7"],
        "inventory",
        "UPDATE reservations SET state = 'held', held_at = 1, ask_at = 1 WHERE state = 'confirmed'",
    ),
    (
        "an event acknowledged before the commit: discount has not committed",
        &["S5", "S7"],
        "discount",
        "UPDATE redemptions SET state = 'reserved' WHERE state = 'committed'",
    ),
    (
        "an event published before the commit: the others serve an order that does not exist",
        &["S2", "S6"],
        "order",
        "PRAGMA defer_foreign_keys = ON; \
         DELETE FROM orders WHERE id = (SELECT MIN(id) FROM orders WHERE state = 'completed')",
    ),
    (
        "an event that got lost: access was never given",
        &["S6"],
        "inventory",
        "UPDATE owned_items SET quantity = 0 WHERE source = 'order'",
    ),
    (
        "an event handled twice: the basket counts what is owned again",
        &["S8"],
        "basket",
        "UPDATE owned SET quantity = quantity + 1",
    ),
    (
        "an event handled twice: a card is charged again",
        &["S1"],
        "payment",
        "INSERT INTO test_processor_operations (key, kind, about, behavior, amount, outcome, ready_at, created_at) \
         SELECT 'again:' || key, kind, about, behavior, amount, outcome, ready_at, created_at \
         FROM test_processor_operations WHERE kind = 'capture'",
    ),
    (
        "a counter read and then written: a seat is sold once more than it is counted",
        &["S4"],
        "inventory",
        "UPDATE stock SET sold = sold - 1 WHERE sold > 0 AND capacity IS NOT NULL",
    ),
    (
        "a counter read and then written: a use of a coupon is not counted",
        &["S5"],
        "discount",
        "UPDATE coupons SET redeemed = redeemed - 1 WHERE redeemed > 0",
    ),
    (
        "a request sent again: one basket becomes two orders",
        &["S8", "S12"],
        "order",
        "INSERT INTO orders SELECT 'again', 'LK-again', buyer_id, 'another', basket_version, terms, total, state, \
         reason, seats, coupon, payment, payment_id, paid_wallet, paid_card, refund, refunded, refunded_card, \
         refunded_lines, generation, alerted_at, version, created_at, updated_at, completed_at \
         FROM orders WHERE id = (SELECT MIN(id) FROM orders WHERE state = 'completed')",
    ),
    (
        "a handler cut off in the middle: the order has gone on and its log has not",
        &["S9"],
        "order",
        "DELETE FROM order_events WHERE to_state = 'completed'",
    ),
    (
        "a handler cut off in the middle: the order has gone on and what is shown has not",
        &["S8"],
        "order",
        "DELETE FROM order_lines",
    ),
    (
        "a command that nobody sends again: the money is held for ever",
        &["S1", "S7"],
        "payment",
        "UPDATE payments SET state = 'authorized' WHERE state = 'captured'",
    ),
    (
        "a message that can never be handled and that nobody looks at",
        &["S7"],
        "bus",
        "INSERT INTO bus_failed (consumer, event_id, type, envelope, attempts, first_at, last_at, last_error) \
         VALUES ('order.replies', 'poison', 'x', '{}', 1, 0, 0, 'x')",
    ),
];

#[tokio::test]
async fn orders_stay_right_while_the_process_is_killed() {
    let plan = Plan {
        binary: env!("CARGO_BIN_EXE_latchkey").into(),
        shape: Shape::Embedded { core: None },
        checkouts: 24,
        kills: 2,
        buyers: 4,
        seed: 7,
        calm: false,
    };
    let mut report = run(&plan, |_| {}).await.unwrap();
    assert_eq!(report.killed(), 2, "{report:#?}");
    assert!(report.accepted >= 12, "{report:#?}");
    assert_eq!(report.violations(), 0, "{report:#?}");
    let mut never: BTreeSet<&str> = INVARIANTS.into_iter().collect();
    let mut found = |what: &str, expected: &[&'static str], found: Found| {
        let broken = found.counts.iter().filter(|count| count.violations > 0);
        let broken: Vec<&str> = broken.map(|count| count.id).collect();
        let all = expected.iter().all(|id| broken.contains(id));
        assert!(all, "{what}: {expected:?} and not only {broken:?}");
        never.retain(|id| !expected.contains(id));
    };
    for (what, expected, database, statement) in TAMPERED.into_iter().chain(DEFECTS) {
        let after = report.left.check_after(database, statement).await.unwrap();
        found(what, expected, after);
    }
    let left = &report.left;
    let lost = left.check_told(|told| told.accepted.push("an order that nobody has".to_owned()));
    found("an acknowledged order that is lost", &["S2"], lost.await.unwrap());
    let untold = left.check_told(|told| drop(told.accepted.pop()));
    found(
        "an order of which nobody was told",
        &["S12"],
        untold.await.unwrap(),
    );
    let doubled = left.check_told(|told| told.accepted.extend(told.accepted.first().cloned()));
    found(
        "two requests that became one order",
        &["S12"],
        doubled.await.unwrap(),
    );
    let other = left.check_told(|told| told.contradictions.push("a key with two answers".to_owned()));
    found("another answer to the same key", &["S10"], other.await.unwrap());
    assert_eq!(never, BTreeSet::new(), "what nothing here breaks");
    let differ = report.left.rebuild_after(&STALE).await.unwrap();
    for (database, statement) in STALE {
        let table = statement.split(' ').nth(1).filter(|word| *word != "FROM");
        let table = table.or(statement.split(' ').nth(2)).unwrap();
        let told = |line: &&String| line.contains(&format!("{database} (")) && line.contains(table);
        assert!(
            differ.iter().any(|line| told(&line)),
            "{database} {table}: {differ:#?}"
        );
    }
}

/// What the rebuilding of read models finds: each is no longer what events made of it.
const STALE: [(&str, &str); 12] = [
    ("basket", "UPDATE courses SET price = price + 1"),
    ("basket", "UPDATE stock SET version = version - 1"),
    ("basket", "UPDATE owned SET quantity = quantity + 1"),
    ("catalog", "UPDATE seats SET taken = taken + 1"),
    ("catalog", "DELETE FROM owned"),
    ("catalog", "DELETE FROM course_index"),
    ("discount", "DELETE FROM courses"),
    ("inventory", "UPDATE stock SET slug = 'elsewhere'"),
    ("order", "UPDATE course_titles SET title = 'An old name'"),
    ("photo", "DELETE FROM uses"),
    ("billing", "UPDATE wallet_balances SET balance = balance + 1"),
    ("billing", "UPDATE captures SET fee = fee + 1"),
];

/// Every one that the checker counts.
const INVARIANTS: [&str; 12] = [
    "S1", "S2", "S3", "S4", "S5", "S6", "S7", "S8", "S9", "S10", "S11", "S12",
];
