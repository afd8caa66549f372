//! What sessions rest on: each thing that their users proved.

use latchkey_db::{Tx, sql};
use latchkey_protocol::Timestamp;
use latchkey_protocol::authentication::{Acr, Method, Proof};
use latchkey_protocol::session::Session;

use crate::{Store, StoreError};

impl Store {
    /// The proofs of a session. One of an earlier release has no rows, and rests on what its own row says.
    pub async fn session_proofs(&self, session: &Session) -> Result<Vec<Proof>, StoreError> {
        let rows =
            sql("SELECT method, credential, acr, at FROM session_proofs WHERE session_id = $1 ORDER BY at")
                .bind(&session.id)
                .fetch_all(&self.db)
                .await?;
        if rows.is_empty() {
            return Ok(vec![Proof::new(Method::Password, session.sign_in.auth_time)]);
        }
        let mut proofs = Vec::with_capacity(rows.len());
        for row in &rows {
            // A method that this version does not know is a newer node's, and proves nothing here.
            let Some(method) = Method::parse(&row.text("method")?) else {
                continue;
            };
            let credential = row.text("credential")?;
            proofs.push(Proof {
                method,
                at: Timestamp(row.int("at")?),
                credential: (!credential.is_empty()).then_some(credential),
                acr: row.opt_text("acr")?.as_deref().and_then(Acr::parse),
            });
        }
        Ok(proofs)
    }

    /// Writes what a session rests on; what it rested on before is replaced.
    pub async fn put_session_proofs(
        &self,
        tx: &Tx,
        session: &str,
        proofs: &[Proof],
        renewed: bool,
    ) -> Result<(), StoreError> {
        if renewed {
            sql("DELETE FROM session_proofs WHERE session_id = $1")
                .bind(session)
                .execute(tx)
                .await?;
        }
        for proof in proofs {
            sql(
                "INSERT INTO session_proofs (session_id, method, credential, at, acr) VALUES ($1, $2, $3, $4, $5) \
                 ON CONFLICT (session_id, method, credential) DO UPDATE SET at = excluded.at, acr = excluded.acr",
            )
            .bind(session)
            .bind(proof.method.name())
            .bind(proof.credential.as_deref().unwrap_or_default())
            .bind(proof.at.0)
            .bind(proof.acr.map(Acr::name))
            .execute(tx)
            .await?;
        }
        Ok(())
    }

    /// Keeps what was proved for a request whose session does not exist yet, or forgets it once it does; `false` if a
    /// concurrent step has changed it since `before` was read.
    pub async fn gather(
        &self,
        tx: &Tx,
        request: &str,
        before: Option<&str>,
        after: Option<&str>,
    ) -> Result<bool, StoreError> {
        let rows = sql("UPDATE authorization_requests SET proofs = $3 \
             WHERE id = $1 AND COALESCE(proofs, '') = $2")
        .bind(request)
        .bind(before.unwrap_or_default())
        .bind(after)
        .execute(tx)
        .await?;
        Ok(rows == 1)
    }
}
