//! The only SQL of payment: rows to domain values and back. One text for both engines.
//!
//! `test_processor` is apart from the rest: the memory of somebody else, which only the test processor reads.

mod cards;
mod events;
mod grants;
mod operations;
mod payments;
mod refunds;
mod replies;
pub(crate) mod test_processor;
mod wallets;

use latchkey_db::{DbError, Migration, Migrations};

pub use cards::{
    card, cards, cards_to_forget, count_cards, delete_card, delete_cards_of, insert_card, is_card_kept,
};
pub use events::remember_event;
pub use grants::{grant, grants, insert_grant, update_grant};
pub use operations::{
    Operation, answer_action, claim, due, enqueue, finish, next_due, nudge, operation, release, reopen,
    withdraw,
};
pub use payments::{
    coming, insert_payment, lock_payment, lock_payment_of_order, payment, payment_of_order, save_payment,
};
pub use refunds::{insert_refund, refund, refunded_total, update_refund};
pub use replies::{StoredReply, ask_again, reply, store_reply};
pub use wallets::{Entry, entries, has_entry, insert_entry, lock_wallet, open_wallet, save_wallet, wallet};

/// The tables of the service.
pub const MIGRATIONS: Migrations = Migrations {
    set: "payment",
    steps: &[
        Migration {
            version: 1,
            name: "payments",
            sqlite: include_str!("../migrations/0001_payments.sql"),
            postgres: include_str!("../migrations/0001_payments.sql"),
        },
        Migration {
            version: 2,
            name: "cards for one order",
            sqlite: include_str!("../migrations/0002_cards_for_one_order.sql"),
            postgres: include_str!("../migrations/0002_cards_for_one_order.sql"),
        },
        Migration {
            version: 3,
            name: "traces",
            sqlite: include_str!("../migrations/0003_traces.sql"),
            postgres: include_str!("../migrations/0003_traces.sql"),
        },
    ],
};

/// A text of one of our own lists that is none of them.
fn unknown(column: &str) -> DbError {
    DbError::row(column, "it is none of the known values")
}
