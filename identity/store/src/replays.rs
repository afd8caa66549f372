//! Proofs that act once: a signed statement whose `jti` was used is not taken again, by no node and after no restart.

use latchkey_db::{Tx, sql};
use latchkey_protocol::Timestamp;

use crate::{Store, StoreError};

/// A proof that holds by itself and has not been looked for yet.
#[derive(Clone, Copy, Debug)]
pub struct Proof<'a> {
    /// What kind it is: each has names of its own.
    pub kind: &'static str,
    /// Who made it: an issuer, a client, a key.
    pub owner: &'a str,
    /// The hash of its `jti`, which may be long and may say something.
    pub jti_hash: &'a str,
    /// The last instant at which it could pass, what clocks may differ by included.
    pub until: Timestamp,
}

impl Store {
    /// Uses a proof up; `false` when it was used before, and then it must have no effect. The effect is in the same
    /// transaction: what fails has used nothing up.
    pub async fn use_proof(&self, tx: &Tx, proof: Proof<'_>) -> Result<bool, StoreError> {
        let rows = sql(
            "INSERT INTO replays (kind, owner, jti_hash, until) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
        )
        .bind(proof.kind)
        .bind(proof.owner)
        .bind(proof.jti_hash)
        .bind(proof.until.0)
        .execute(tx)
        .await?;
        Ok(rows == 1)
    }
}
