//! Exchanges of access tokens (RFC 8693): which token was exchanged for which, as long as any guard may accept it.

use latchkey_db::{Row, Tx, sql, sql_for_share};
use latchkey_protocol::revocation::{LEEWAY_S, Revocation, SKEW_S};
use latchkey_protocol::{ClientId, Timestamp};

use crate::{Store, StoreError};

/// A token, and the one that it was exchanged for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exchange {
    /// The `jti` of the subject token.
    pub parent_jti: String,
    /// The client that the subject token was issued to.
    pub parent_client_id: String,
    /// The `jti` of the new token.
    pub child_jti: String,
    /// The client that has exchanged it.
    pub client_id: String,
    /// The user that both speak for.
    pub user_id: String,
    /// The audience of the new token.
    pub audience: String,
    /// When the new token expires, Unix seconds.
    pub exp: i64,
}

/// Tokens that somebody may still accept and that descend from the rows of `$which`, however often they were exchanged.
/// `$1` names those rows, and `$2` is the latest `exp` that nobody accepts any more.
macro_rules! descendants {
    ($which:literal) => {
        concat!(
            "WITH RECURSIVE ended (child_jti, client_id, user_id, audience, exp) AS \
               (SELECT child_jti, client_id, user_id, audience, exp FROM exchanges WHERE exp > $2 AND ",
            $which,
            " = $1 UNION SELECT e.child_jti, e.client_id, e.user_id, e.audience, e.exp FROM exchanges e \
                JOIN ended ON e.parent_jti = ended.child_jti WHERE e.exp > $2) \
             SELECT child_jti, client_id, user_id, audience, exp FROM ended ORDER BY child_jti"
        )
    };
}

impl Store {
    /// Locks what an exchange stands on until the end of the transaction: the user, whom a revocation of one of their
    /// tokens locks too ([`Store::lock_tokens_of`]), the client of the subject token, and its family, whose session is
    /// returned. Whoever ends any of them waits for an exchange under way, and then finds what it has issued.
    pub async fn lock_exchange(
        &self,
        tx: &Tx,
        user: &str,
        client: &ClientId,
        fam: Option<&str>,
    ) -> Result<Option<String>, StoreError> {
        sql_for_share!(
            "SELECT u.id FROM users u JOIN clients c ON c.id = $2 WHERE u.id = $1 ",
            "u, c",
            ""
        )
        .bind(user)
        .bind(client.as_str())
        .fetch_optional(tx)
        .await?;
        let family = sql_for_share!("SELECT f.session_id FROM families f WHERE f.fam = $1 ", "f", "")
            .bind(fam)
            .fetch_optional(tx)
            .await?;
        Ok(family
            .map(|row| row.opt_text("session_id"))
            .transpose()?
            .flatten())
    }

    /// Locks the tokens of a user against exchanges until the end of the transaction.
    pub async fn lock_tokens_of(&self, tx: &Tx, user: &str) -> Result<(), StoreError> {
        sql("UPDATE users SET updated_at = updated_at WHERE id = $1")
            .bind(user)
            .execute(tx)
            .await?;
        Ok(())
    }

    /// Remembers an exchange.
    pub async fn add_exchange(&self, tx: &Tx, exchange: &Exchange) -> Result<(), StoreError> {
        sql(
            "INSERT INTO exchanges (child_jti, parent_jti, parent_client_id, client_id, user_id, audience, exp) \
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
        )
        .bind(&exchange.child_jti)
        .bind(&exchange.parent_jti)
        .bind(&exchange.parent_client_id)
        .bind(&exchange.client_id)
        .bind(&exchange.user_id)
        .bind(&exchange.audience)
        .bind(exchange.exp)
        .execute(tx)
        .await?;
        Ok(())
    }

    /// Every token that descends from this one by exchanges and that a guard may still accept.
    pub async fn exchanged_from_token(
        &self,
        tx: &Tx,
        jti: &str,
        now: Timestamp,
    ) -> Result<Vec<Revocation>, StoreError> {
        let rows = sql(descendants!("parent_jti"))
            .bind(jti)
            .bind(accepted_by_nobody(now))
            .fetch_all(tx)
            .await?;
        rows.iter().map(read).collect()
    }

    /// Every token that descends by exchanges from one of this client's and that a guard may still accept.
    pub async fn exchanged_from_client(
        &self,
        tx: &Tx,
        client: &str,
        now: Timestamp,
    ) -> Result<Vec<Revocation>, StoreError> {
        let rows = sql(descendants!("parent_client_id"))
            .bind(client)
            .bind(accepted_by_nobody(now))
            .fetch_all(tx)
            .await?;
        rows.iter().map(read).collect()
    }

    /// Whether this token was issued in exchange for another.
    pub async fn was_exchanged(&self, tx: &Tx, jti: &str) -> Result<bool, StoreError> {
        let row = sql("SELECT child_jti FROM exchanges WHERE child_jti = $1")
            .bind(jti)
            .fetch_optional(tx)
            .await?;
        Ok(row.is_some())
    }
}

/// The latest `exp` of a token that no guard accepts any more
/// ([`acceptable_until`](latchkey_protocol::revocation::acceptable_until)).
fn accepted_by_nobody(now: Timestamp) -> i64 {
    now.seconds() - LEEWAY_S - SKEW_S
}

fn read(row: &Row) -> Result<Revocation, StoreError> {
    Ok(Revocation::Token {
        jti: row.text("child_jti")?,
        client_id: row.text("client_id")?,
        sub: Some(row.text("user_id")?),
        aud: row.text("audience")?,
        exp: row.int("exp")?,
    })
}
