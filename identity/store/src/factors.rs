//! What a user could prove besides the first step.

use latchkey_db::sql;
use latchkey_protocol::authentication::Factors;

use crate::{Store, StoreError};

impl Store {
    /// The factors that a user has set up.
    pub async fn factors(&self, user: &str) -> Result<Factors, StoreError> {
        let row = sql("SELECT \
               (SELECT COUNT(*) FROM passkeys p WHERE p.user_id = $1 AND p.suspended_at IS NULL) AS passkeys, \
               (SELECT COUNT(*) FROM totp t WHERE t.user_id = $1) AS apps")
        .bind(user)
        .fetch_one(&self.db)
        .await?;
        Ok(Factors {
            passkey: row.int("passkeys")? > 0,
            totp: row.int("apps")? > 0,
        })
    }
}
