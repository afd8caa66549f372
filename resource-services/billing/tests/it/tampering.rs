//! Whoever reaches the database: what is written cannot be changed, and if it was, that is found.

use latchkey_billing::reconciliation::{reconcile, verify};
use latchkey_bus::Cause;
use latchkey_db::{DbError, Engine, sql};

use crate::harness::*;

async fn run(world: &World, statement: &'static str) -> Result<u64, DbError> {
    world
        .context
        .write(Cause::default(), async move |t| {
            sql(statement).execute(&t.tx).await
        })
        .await
}

async fn filled(world: &World) {
    for version in 1..=3 {
        world.wallet(ADA, "top_up", 100, version * 100, version).await;
    }
    let order = Order::of_two();
    world.paid(&order).await;
    world.refunded(&order, &fresh_key(), &[1], 5_000, "card").await;
}

#[tokio::test]
async fn nothing_that_is_written_can_be_changed_or_deleted() {
    for_each_engine("append_only", |world| async move {
        filled(&world).await;
        let before = world.rows().await;
        for statement in [
            "UPDATE invoices SET total = 1",
            "DELETE FROM invoices",
            "UPDATE credit_notes SET total = 1",
            "DELETE FROM credit_notes",
            "UPDATE journal_entries SET memo = 'x'",
            "DELETE FROM journal_entries WHERE seq = 5",
            "UPDATE journal_lines SET debit = 1 WHERE debit > 0",
            "DELETE FROM journal_lines",
        ] {
            let refused = run(&world, statement).await.unwrap_err();
            let reason = latchkey_db::reasons(&refused);
            assert!(reason.contains("is append-only"), "{statement}: {reason}");
        }
        if world.engine == Engine::Postgres {
            for statement in [
                "TRUNCATE journal_lines",
                "TRUNCATE journal_entries CASCADE",
                "TRUNCATE credit_notes",
                "TRUNCATE invoices CASCADE",
            ] {
                let refused = run(&world, statement).await.unwrap_err();
                let reason = latchkey_db::reasons(&refused);
                assert!(reason.contains("is append-only"), "{statement}: {reason}");
            }
        }
        assert_eq!(world.rows().await, before);
    })
    .await;
}

#[tokio::test]
async fn the_database_takes_no_entry_that_does_not_balance() {
    for_each_engine("checks", |world| async move {
        filled(&world).await;
        for statement in [
            "INSERT INTO journal_lines (seq, position, account, debit, credit) VALUES (1, 9, 1000, 5, 5)",
            "INSERT INTO journal_lines (seq, position, account, debit, credit) VALUES (1, 9, 1000, 0, 0)",
            "INSERT INTO journal_lines (seq, position, account, debit, credit) VALUES (1, 9, 1000, -5, 0)",
            "INSERT INTO journal_lines (seq, position, account, debit, credit) VALUES (99, 0, 1000, 5, 0)",
        ] {
            assert!(run(&world, statement).await.is_err(), "{statement}");
        }
    })
    .await;
}

/// Who owns the database can remove the triggers; the chain still tells.
#[tokio::test]
async fn what_was_changed_past_the_triggers_is_found_by_the_chain() {
    for (name, statement, broken_at) in [
        (
            "amount",
            "UPDATE journal_lines SET debit = 200 WHERE seq = 2 AND debit > 0",
            2,
        ),
        (
            "account",
            "UPDATE journal_lines SET account = 5000 WHERE seq = 2 AND debit > 0",
            2,
        ),
        (
            "party",
            "UPDATE journal_lines SET party = 'me' WHERE seq = 4 AND party IS NOT NULL",
            4,
        ),
        ("time", "UPDATE journal_entries SET at = at + 1 WHERE seq = 3", 3),
        (
            "memo",
            "UPDATE journal_entries SET memo = 'gift' WHERE seq = 1",
            1,
        ),
        (
            "hash",
            "UPDATE journal_entries SET hash = prev_hash WHERE seq = 5",
            5,
        ),
        (
            "line",
            "DELETE FROM journal_lines WHERE seq = 4 AND account = 2200",
            4,
        ),
        ("end", "DELETE FROM journal_lines WHERE seq = 5", 5),
    ] {
        breaking_on_each_engine(&format!("tampered_{name}"), |world| async move {
            filled(&world).await;
            without_triggers(&world).await;
            assert!(run(&world, statement).await.unwrap() > 0);
            let chain = verify(&world.context).await.unwrap();
            assert_eq!(
                (chain.broken_at, chain.entries),
                (Some(broken_at), broken_at - 1),
                "{name}"
            );
            assert!(!reconcile(&world.context).await.unwrap().is_clean());
            assert_eq!(
                world.admins("/billing/v1/reconcile").await["chain"]["intact"],
                false
            );
        })
        .await;
    }
}

#[tokio::test]
async fn an_entry_that_is_missing_at_the_end_is_found() {
    breaking_on_each_engine("cut", |world| async move {
        filled(&world).await;
        without_triggers(&world).await;
        run(&world, "DELETE FROM journal_lines WHERE seq = 5")
            .await
            .unwrap();
        run(&world, "DELETE FROM journal_entries WHERE seq = 5")
            .await
            .unwrap();
        let chain = verify(&world.context).await.unwrap();
        assert_eq!((chain.broken_at, chain.entries), (Some(5), 4));
    })
    .await;
}

async fn without_triggers(world: &World) {
    let statements: &[&'static str] = match world.engine {
        Engine::Sqlite => &[
            "DROP TRIGGER journal_entries_refuse_update",
            "DROP TRIGGER journal_entries_refuse_delete",
            "DROP TRIGGER journal_lines_refuse_update",
            "DROP TRIGGER journal_lines_refuse_delete",
        ],
        Engine::Postgres => &[
            "DROP TRIGGER journal_entries_refuse_change ON journal_entries",
            "DROP TRIGGER journal_lines_refuse_change ON journal_lines",
        ],
    };
    for statement in statements {
        run(world, statement).await.unwrap();
    }
}
