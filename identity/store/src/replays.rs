//! One-time proofs: a signed statement whose `jti` was used is not accepted again, on any node and after any restart.

use latchkey_db::{Tx, sql};
use latchkey_protocol::Timestamp;

use crate::{Store, StoreError};

/// A valid proof that was not checked for reuse yet.
#[derive(Clone, Copy, Debug)]
pub struct Proof<'a> {
    /// Its kind: each kind has its own namespace.
    pub kind: &'static str,
    /// Its author: an issuer, a client, a key.
    pub owner: &'a str,
    /// The hash of its `jti`, which may be long and may be sensitive.
    pub jti_hash: &'a str,
    /// The last instant at which it could be accepted, including clock differences.
    pub until: Timestamp,
}

impl Store {
    /// Uses a proof; `false` if it was used before, and must have no effect. The effect is in the same transaction, so
    /// that a failure uses nothing.
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
