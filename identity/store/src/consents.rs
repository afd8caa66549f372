//! The consents of users for clients.

use latchkey_db::{Tx, sql};
use latchkey_protocol::audience::Granted;
use latchkey_protocol::consent::Consent;
use latchkey_protocol::{ClientId, Timestamp};

use crate::people::{GrantedText, consent_columns, granted, read_consent};
use crate::{Place, Store, StoreError};

/// An application that a user has connected.
#[derive(Clone, Debug)]
pub struct Connected {
    id: String,
    /// The client's id.
    pub client_id: String,
    /// What it is allowed to do.
    pub granted: Granted,
    /// When the user first allowed it.
    pub since: Timestamp,
    /// When it last used what it was given, as far as it is known: it was given, or made anew.
    pub used_at: Option<Timestamp>,
}

impl Store {
    /// Stores a user's consent in place of `before`; `false` if that has changed in the meantime. `id` is for a new
    /// row.
    #[expect(
        clippy::too_many_arguments,
        reason = "a row's columns; a struct would only rename them"
    )]
    pub async fn put_consent(
        &self,
        tx: &Tx,
        id: &str,
        user: &str,
        client: &ClientId,
        before: Option<&Consent>,
        consent: &Consent,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let row = sql(concat!(
            "SELECT ",
            consent_columns!(),
            " FROM grants g WHERE g.user_id = $1 AND g.client_id = $2"
        ))
        .bind(user)
        .bind(client.as_str())
        .fetch_optional(tx)
        .await?;
        // A row may express the same consent differently, so the update compares the texts of this row.
        let (known, scope, resources, pairs) = match row {
            None => (None, None, None, None),
            Some(row) => (
                read_consent(&row)?,
                row.opt_text("g_scope")?,
                row.opt_text("g_resources")?,
                row.opt_text("g_pairs")?,
            ),
        };
        if known.as_ref() != before {
            return Ok(false);
        }
        let text = GrantedText::from(&consent.granted);
        let rows = sql(
            "INSERT INTO grants (id, user_id, client_id, scope, resources, pairs, created_at, updated_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $7) \
             ON CONFLICT (user_id, client_id) DO UPDATE SET scope = excluded.scope, \
               resources = excluded.resources, pairs = excluded.pairs, updated_at = excluded.updated_at, \
               created_at = CASE WHEN grants.withdrawn_at IS NULL THEN grants.created_at \
                                 ELSE excluded.created_at END, \
               withdrawn_at = NULL \
             WHERE grants.scope = $8 AND grants.resources = $9 AND COALESCE(grants.pairs, '') = COALESCE($10, '') \
               AND COALESCE(grants.withdrawn_at, 0) = $11",
        )
        .bind(id)
        .bind(user)
        .bind(client.as_str())
        .bind(text.scope)
        .bind(text.resources)
        .bind(text.pairs)
        .bind(now.0)
        .bind(scope)
        .bind(resources)
        .bind(pairs)
        .bind(
            before
                .and_then(|consent| consent.withdrawn_at)
                .map_or(0, |at| at.0),
        )
        .execute(tx)
        .await?;
        Ok(rows == 1)
    }

    /// Takes a consent back; `false` when there is none. It comes first in its transaction: a redemption holds the same
    /// row, so that either sees the other.
    pub async fn withdraw_consent(
        &self,
        tx: &Tx,
        user: &str,
        client: &ClientId,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let rows = sql("UPDATE grants SET withdrawn_at = $3, updated_at = $3 \
             WHERE user_id = $1 AND client_id = $2 AND withdrawn_at IS NULL")
        .bind(user)
        .bind(client.as_str())
        .bind(now.0)
        .execute(tx)
        .await?;
        Ok(rows == 1)
    }

    /// Withdraws every consent for a client that is removed.
    pub async fn withdraw_all(&self, tx: &Tx, client: &ClientId, now: Timestamp) -> Result<(), StoreError> {
        sql("UPDATE grants SET withdrawn_at = $2, updated_at = $2 WHERE client_id = $1 AND withdrawn_at IS NULL")
            .bind(client.as_str())
            .bind(now.0)
            .execute(tx)
            .await?;
        Ok(())
    }

    /// Up to `limit` connected applications of a user after a position, the newest first.
    pub async fn connected(
        &self,
        user: &str,
        after: Option<&Place>,
        limit: i64,
    ) -> Result<Vec<Connected>, StoreError> {
        let (at, id) = after.cloned().unwrap_or((i64::MAX, String::new()));
        // How many families are looked at is limited (family_limits), and their index leads with both ids.
        sql(
            "SELECT g.id, g.client_id, g.scope, g.resources, g.pairs, g.created_at, \
               (SELECT MAX(COALESCE(f.last_used_at, f.created_at)) FROM families f \
                WHERE f.user_id = g.user_id AND f.client_id = g.client_id AND f.revoked_at IS NULL) AS used_at \
             FROM grants g \
             WHERE g.user_id = $1 AND g.withdrawn_at IS NULL AND (g.created_at, g.id) < ($2, $3) \
             ORDER BY g.created_at DESC, g.id DESC LIMIT $4",
        )
        .bind(user)
        .bind(at)
        .bind(id)
        .bind(limit)
        .fetch_all(&self.db)
        .await?
        .iter()
        .map(|row| {
            let id = row.text("id")?;
            Ok(Connected {
                client_id: row.text("client_id")?,
                granted: granted(row, "", "grants", &id)?,
                since: Timestamp(row.int("created_at")?),
                used_at: row.opt_int("used_at")?.map(Timestamp),
                id,
            })
        })
        .collect()
    }
}

impl Connected {
    /// The position after which the next page continues.
    pub fn place(&self) -> Place {
        (self.since.0, self.id.clone())
    }
}
