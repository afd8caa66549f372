//! One-time proofs of mailed codes and links. Each statement that uses one is conditional, and its row count is read: of two
//! uses at once, one counts.

use latchkey_db::{On, Row, Tx, sql};
use latchkey_protocol::Timestamp;
use latchkey_protocol::one_time_proof::{OneTimeProof, ProofPurpose};

use crate::{Store, StoreError};

macro_rules! columns {
    () => {
        "token_hash, purpose, subject, address, bound, epoch, code_hash, tries, browser_hash, created_at, expires_at, \
         spent_at"
    };
}

impl Store {
    /// Stores a proof that was just issued.
    pub async fn add_one_time_proof(&self, tx: &Tx, proof: &OneTimeProof) -> Result<(), StoreError> {
        sql(concat!(
            "INSERT INTO one_time_proofs (",
            columns!(),
            ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)"
        ))
        .bind(&proof.token_hash)
        .bind(proof.purpose.name())
        .bind(&proof.subject)
        .bind(proof.address.clone())
        .bind(proof.bound.clone())
        .bind(proof.epoch)
        .bind(proof.code_hash.clone())
        .bind(proof.tries)
        .bind(proof.browser_hash.clone())
        .bind(proof.created_at.0)
        .bind(proof.expires_at.0)
        .bind(proof.spent_at.map(|at| at.0))
        .execute(tx)
        .await?;
        Ok(())
    }

    /// The proof of a link's token, used or not.
    pub async fn one_time_proof<'a>(
        &self,
        on: impl Into<On<'a>>,
        token_hash: &str,
    ) -> Result<Option<OneTimeProof>, StoreError> {
        sql(concat!(
            "SELECT ",
            columns!(),
            " FROM one_time_proofs WHERE token_hash = $1"
        ))
        .bind(token_hash)
        .fetch_optional(on)
        .await?
        .map(|row| read(&row))
        .transpose()
    }

    /// All proofs of one purpose about one subject, the newest first.
    pub async fn one_time_proofs_of<'a>(
        &self,
        on: impl Into<On<'a>>,
        purpose: ProofPurpose,
        subject: &str,
    ) -> Result<Vec<OneTimeProof>, StoreError> {
        sql(concat!(
            "SELECT ",
            columns!(),
            " FROM one_time_proofs WHERE purpose = $1 AND subject = $2 ORDER BY created_at DESC, token_hash"
        ))
        .bind(purpose.name())
        .bind(subject)
        .fetch_all(on)
        .await?
        .iter()
        .map(read)
        .collect()
    }

    /// Counts a try at the codes that a subject has in a browser, before any is compared. The rows are locked until the end
    /// of the transaction, so a thousand tries at once are a thousand; those of another browser count nothing here.
    pub async fn count_code_try(
        &self,
        tx: &Tx,
        purpose: ProofPurpose,
        subject: &str,
        browser_hash: Option<&str>,
    ) -> Result<(), StoreError> {
        sql("UPDATE one_time_proofs SET tries = tries + 1 \
             WHERE purpose = $1 AND subject = $2 AND browser_hash = $3 AND spent_at IS NULL \
               AND code_hash IS NOT NULL")
        .bind(purpose.name())
        .bind(subject)
        .bind(browser_hash)
        .execute(tx)
        .await?;
        Ok(())
    }

    /// Uses a proof; `false` if it was used before.
    pub async fn spend_one_time_proof(
        &self,
        tx: &Tx,
        token_hash: &str,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let rows = sql("UPDATE one_time_proofs SET spent_at = $2 WHERE token_hash = $1 AND spent_at IS NULL")
            .bind(token_hash)
            .bind(now.0)
            .execute(tx)
            .await?;
        Ok(rows == 1)
    }

    /// Closes every proof of a purpose about a subject that was not used.
    pub async fn close_one_time_proofs(
        &self,
        tx: &Tx,
        purpose: ProofPurpose,
        subject: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        sql("UPDATE one_time_proofs SET spent_at = $3 WHERE purpose = $1 AND subject = $2 AND spent_at IS NULL")
            .bind(purpose.name())
            .bind(subject)
            .bind(now.0)
            .execute(tx)
            .await?;
        Ok(())
    }
}

fn read(row: &Row) -> Result<OneTimeProof, StoreError> {
    let (token_hash, purpose) = (row.text("token_hash")?, row.text("purpose")?);
    Ok(OneTimeProof {
        purpose: ProofPurpose::parse(&purpose).ok_or_else(|| {
            StoreError::corrupt(
                "one_time_proofs",
                &token_hash,
                format!("{purpose:?} is no purpose"),
            )
        })?,
        subject: row.text("subject")?,
        address: row.opt_text("address")?,
        bound: row.opt_text("bound")?,
        epoch: row.opt_int("epoch")?,
        code_hash: row.opt_text("code_hash")?,
        tries: row.int("tries")?,
        browser_hash: row.opt_text("browser_hash")?,
        created_at: Timestamp(row.int("created_at")?),
        expires_at: Timestamp(row.int("expires_at")?),
        spent_at: row.opt_int("spent_at")?.map(Timestamp),
        token_hash,
    })
}
