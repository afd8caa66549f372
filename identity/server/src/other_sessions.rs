//! Ends the sessions of a user in every browser but this one: for the box beside a change, and by itself.

use latchkey_db::Tx;
use latchkey_protocol::Timestamp;
use latchkey_protocol::revocation::Revocation;
use latchkey_protocol::revocation_policy::RevocationCause;

use crate::IdentityError;
use crate::revocation::Revocations;

/// How many sessions are queried at once.
const PAGE: i64 = 50;

/// The session that stays, and its user.
#[derive(Clone, Debug)]
pub(crate) struct Spared {
    pub user: String,
    pub session: String,
}

impl Revocations {
    /// Ends every other session of a user, as the policy says for this cause, inside a transaction that holds the user.
    /// Returns how many there were.
    pub async fn end_others(
        &self,
        tx: &Tx,
        cause: RevocationCause,
        spared: &Spared,
        request_id: &str,
        now: Timestamp,
    ) -> Result<usize, IdentityError> {
        let Spared { user, session: this } = spared;
        let mut ended = 0;
        loop {
            let others = self.store.sessions_besides(tx, user, this, PAGE).await?;
            if others.is_empty() {
                return Ok(ended);
            }
            for session in others {
                let end = Revocation::Session {
                    session: session.clone(),
                };
                // What was told before and is still there would be found again and again.
                if !self.revoke_in(tx, cause, end, user, request_id, now).await? {
                    self.store.end_session(tx, &session, cause, now).await?;
                }
                ended += 1;
            }
        }
    }
}
