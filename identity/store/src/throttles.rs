//! Counted failures, shared by all nodes.

use latchkey_db::{Row, Tx, sql};
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

/// A block that was set, moved or lifted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockChange {
    /// What is blocked.
    pub id: String,
    /// When the block ends; `None` if it was lifted.
    pub until: Option<Timestamp>,
    /// Its place among all changes, which is the order of their commits.
    pub number: i64,
}

/// How many changes are read at once.
const CHANGES: i64 = 500;

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

    /// Takes counted guesses back that were not checked after all, and lifts the blocks that followed from them. Where a
    /// correct guess has reset the count meanwhile there is nothing to take back: a count below zero would be guesses for
    /// free.
    pub async fn uncount_guesses(&self, tx: &Tx, ids: &[String]) -> Result<Vec<BlockChange>, StoreError> {
        let mut lifted = Vec::new();
        for id in ids {
            let row = sql(
                "UPDATE throttles SET failures = failures - 1 WHERE id = $1 AND failures > 0 \
                     RETURNING blocked_until",
            )
            .bind(id)
            .fetch_optional(tx)
            .await?;
            lifted.extend(is_blocked(row.as_ref())?.then_some((id.as_str(), None)));
        }
        change_blocks(tx, &lifted).await
    }

    /// Blocks these until then. Their rows were counted up in this transaction.
    ///
    /// This comes last in a transaction: whoever waits for the order of changes must hold nothing that is needed by
    /// whoever changes another block.
    pub async fn block(
        &self,
        tx: &Tx,
        blocks: &[(String, Timestamp)],
    ) -> Result<Vec<BlockChange>, StoreError> {
        let blocks: Vec<_> = blocks
            .iter()
            .map(|(id, until)| (id.as_str(), Some(*until)))
            .collect();
        change_blocks(tx, &blocks).await
    }

    /// Resets the counts after a correct guess, and lifts their blocks. Like [`Store::block`], this comes last.
    pub async fn forgive(&self, tx: &Tx, ids: &[String]) -> Result<Vec<BlockChange>, StoreError> {
        let mut lifted = Vec::new();
        for id in ids {
            let deleted = sql("DELETE FROM throttles WHERE id = $1 AND changed IS NULL")
                .bind(id)
                .execute(tx)
                .await?;
            if deleted > 0 {
                continue;
            }
            // The row stays until it is purged: other nodes read from it that the block was lifted.
            let row = sql("UPDATE throttles SET failures = 0 WHERE id = $1 RETURNING blocked_until")
                .bind(id)
                .fetch_optional(tx)
                .await?;
            lifted.extend(is_blocked(row.as_ref())?.then_some((id.as_str(), None)));
        }
        change_blocks(tx, &lifted).await
    }

    /// Counts a failure. Returns the end of the block that follows if this was one too many and none has begun yet; the
    /// caller writes it with [`Store::block`].
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
                       RETURNING failures, window_start, blocked_until")
        .bind(id)
        .bind(now.0)
        .bind(now.0 - window.length_ms)
        .fetch_one(tx)
        .await?;
        if row.int("failures")? < window.most || is_blocked(Some(&row))? {
            return Ok(None);
        }
        Ok(Some(Timestamp(row.int("window_start")? + window.length_ms)))
    }

    /// The blocks that changed after the change with this number, the first ones first, and whether those are all.
    pub async fn block_changes(&self, after: i64) -> Result<(Vec<BlockChange>, bool), StoreError> {
        let changes = sql(
            "SELECT id, blocked_until, changed FROM throttles WHERE changed > $1 \
                           ORDER BY changed LIMIT $2",
        )
        .bind(after)
        .bind(CHANGES)
        .fetch_all(&self.db)
        .await?
        .iter()
        .map(|row| {
            Ok(BlockChange {
                id: row.text("id")?,
                until: row.opt_int("blocked_until")?.map(Timestamp),
                number: row.int("changed")?,
            })
        })
        .collect::<Result<Vec<_>, StoreError>>()?;
        let all = i64::try_from(changes.len()).is_ok_and(|read| read < CHANGES);
        Ok((changes, all))
    }
}

/// Sets or lifts blocks. Each gets the next number, whose lock is held until the commit, so that a reader who has seen a
/// number has seen every smaller one.
async fn change_blocks(
    tx: &Tx,
    blocks: &[(&str, Option<Timestamp>)],
) -> Result<Vec<BlockChange>, StoreError> {
    let mut changes = Vec::new();
    for (id, until) in blocks {
        let number = sql("UPDATE block_changes SET latest = latest + 1 RETURNING latest")
            .fetch_one(tx)
            .await?
            .int("latest")?;
        sql("UPDATE throttles SET blocked_until = $2, changed = $3 WHERE id = $1")
            .bind(*id)
            .bind(until.map(|until| until.0))
            .bind(number)
            .execute(tx)
            .await?;
        changes.push(BlockChange {
            id: (*id).to_owned(),
            until: *until,
            number,
        });
    }
    if !changes.is_empty() {
        // Other nodes must refuse, too, or no longer.
        tx.announce();
    }
    Ok(changes)
}

/// Whether there is a row with a block, over or not.
fn is_blocked(row: Option<&Row>) -> Result<bool, StoreError> {
    Ok(match row {
        Some(row) => row.opt_int("blocked_until")?.is_some(),
        None => false,
    })
}
