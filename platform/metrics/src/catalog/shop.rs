//! The shop: orders on their way, and whether the books agree.

use crate::labels::{Check, Entry, OrderInput, OrderReason, OrderState};
use crate::metric::Served::{Always, Where};
use crate::metric::metrics;

metrics! {
    ORDERS_STARTED: Counter<()> = "latchkey_orders_started_total", "orders", Always,
        "Orders that were placed.";
    ORDERS_COMPLETED: Counter<()> = "latchkey_orders_completed_total", "orders", Always,
        "Orders whose buyers have what they paid for.";
    ORDERS_FAILED: Counter<OrderReason> = "latchkey_orders_failed_total", "orders", Always,
        "Orders that did not come about.";
    ORDER_INPUTS_REJECTED: Counter<OrderInput> = "latchkey_order_inputs_rejected_total", "messages", Always,
        "What happened to an order and changed nothing, because it was late or repeated.";
    ORDERS_OPEN: Gauge<OrderState> = "latchkey_orders_open", "orders", Where("where the order service runs"),
        "Orders that wait for an answer; at most 10000 are counted.";
    ORDERS_OLDEST: Gauge<OrderState> = "latchkey_orders_oldest_seconds", "seconds",
        Where("where the order service runs"),
        "How long the oldest of these orders has been in its state; 0 without one.";
    BILLING_ENTRIES: Counter<Entry> = "latchkey_billing_entries_total", "entries", Always,
        "Entries in the books.";
    BILLING_DRIFT: Gauge<Check> = "latchkey_billing_drift", "cents", Where("where the billing service runs"),
        "By how much two sums of the books differ that must be equal.";
    BILLING_CHAIN_BROKEN: Gauge<()> = "latchkey_billing_chain_broken", "0 or 1",
        Where("where the billing service runs"),
        "1 if the chain of the books is broken: an entry was changed afterwards.";
}
