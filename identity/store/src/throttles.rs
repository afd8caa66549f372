//! Counted failures, shared by all nodes.

use latchkey_db::{Tx, sql};
use latchkey_protocol::Timestamp;

use crate::{Store, StoreError};

/// How many failures are permitted within which time, and what follows.
#[derive(Clone, Copy, Debug)]
pub struct Window {
    /// The number of failures that cause a block.
    pub most: i64,
    /// The length of the window, in milliseconds; a block lasts until its end.
    pub length_ms: i64,
}

/// The result of counting a guess for an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guess {
    /// The guess is checked; the number of consecutive guesses, including this one.
    Counted(i64),
    /// Nothing is checked until then.
    Blocked(Timestamp),
}

impl Store {
    /// Counts a guess before it is checked, so that a thousand concurrent ones count as a thousand; a correct one
    /// resets the count.
    ///
    /// The row is locked until the end of the transaction: if a block is written, exactly one of the concurrent guesses
    /// passes.
    pub async fn count_guess(&self, tx: &Tx, id: &str, now: Timestamp) -> Result<Guess, StoreError> {
        let counted = sql(
            "INSERT INTO throttles (id, window_start, failures) VALUES ($1, $2, 1) \
             ON CONFLICT (id) DO UPDATE SET window_start = $2, failures = throttles.failures + 1 \
               WHERE throttles.blocked_until IS NULL OR throttles.blocked_until <= $2 \
             RETURNING failures",
        )
        .bind(id)
        .bind(now.0)
        .fetch_optional(tx)
        .await?;
        if let Some(row) = counted {
            return Ok(Guess::Counted(row.int("failures")?));
        }
        let row = sql("SELECT blocked_until FROM throttles WHERE id = $1")
            .bind(id)
            .fetch_one(tx)
            .await?;
        Ok(Guess::Blocked(Timestamp(
            row.opt_int("blocked_until")?.unwrap_or(now.0),
        )))
    }

    /// Takes a counted guess back that was not checked after all.
    pub async fn uncount_guess(&self, tx: &Tx, id: &str) -> Result<(), StoreError> {
        sql("UPDATE throttles SET failures = failures - 1 WHERE id = $1")
            .bind(id)
            .execute(tx)
            .await?;
        let lifted =
            sql("UPDATE throttles SET blocked_until = NULL WHERE id = $1 AND blocked_until IS NOT NULL")
                .bind(id)
                .execute(tx)
                .await?;
        if lifted > 0 {
            // Other nodes must not refuse any more.
            tx.announce();
        }
        Ok(())
    }

    /// Blocks guesses for this account until then.
    pub async fn block(&self, tx: &Tx, id: &str, until: Timestamp) -> Result<(), StoreError> {
        sql("UPDATE throttles SET blocked_until = $2 WHERE id = $1")
            .bind(id)
            .bind(until.0)
            .execute(tx)
            .await?;
        tx.announce();
        Ok(())
    }

    /// Resets the count after a correct guess.
    pub async fn forgive(&self, tx: &Tx, id: &str) -> Result<(), StoreError> {
        let forgiven = sql("DELETE FROM throttles WHERE id = $1 RETURNING blocked_until")
            .bind(id)
            .fetch_optional(tx)
            .await?;
        let until = forgiven.map(|row| row.opt_int("blocked_until")).transpose()?;
        if until.flatten().is_some() {
            // Other nodes must not refuse any more.
            tx.announce();
        }
        Ok(())
    }

    /// Counts a failure. Returns the end of the block if this was one too many.
    ///
    /// A single statement counts, so that concurrent failures are all counted.
    pub async fn count_failure(
        &self,
        tx: &Tx,
        id: &str,
        window: Window,
        now: Timestamp,
    ) -> Result<Option<Timestamp>, StoreError> {
        let row = sql("INSERT INTO throttles (id, window_start, failures) VALUES ($1, $2, 1) \
                       ON CONFLICT (id) DO UPDATE SET \
                         failures = CASE WHEN throttles.window_start <= $3 THEN 1 ELSE throttles.failures + 1 END, \
                         blocked_until = CASE WHEN throttles.window_start <= $3 THEN NULL \
                                              ELSE throttles.blocked_until END, \
                         window_start = CASE WHEN throttles.window_start <= $3 THEN $2 \
                                             ELSE throttles.window_start END \
                       RETURNING failures, window_start")
        .bind(id)
        .bind(now.0)
        .bind(now.0 - window.length_ms)
        .fetch_one(tx)
        .await?;
        if row.int("failures")? < window.most {
            return Ok(None);
        }
        let until = row.int("window_start")? + window.length_ms;
        sql("UPDATE throttles SET blocked_until = $2 WHERE id = $1")
            .bind(id)
            .bind(until)
            .execute(tx)
            .await?;
        // Other nodes must refuse, too.
        tx.announce();
        Ok(Some(Timestamp(until)))
    }

    /// What is currently blocked, and until when.
    pub async fn blocked(&self, now: Timestamp) -> Result<Vec<(String, Timestamp)>, StoreError> {
        sql("SELECT id, blocked_until FROM throttles WHERE blocked_until > $1")
            .bind(now.0)
            .fetch_all(&self.db)
            .await?
            .iter()
            .map(|row| Ok((row.text("id")?, Timestamp(row.int("blocked_until")?))))
            .collect()
    }
}
