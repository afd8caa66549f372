//! Authorization codes: found by their hash, spent once.
//!
//! Statements that end codes filter by `spent_at IS NULL AND expires_at > 0`: on both engines this uses an index of
//! only the unspent codes.

use latchkey_db::{Row, Sql, Tx, sql, sql_for_share};
use latchkey_protocol::code::{Code, Spent};
use latchkey_protocol::consent::Consent;
use latchkey_protocol::grant_validity::GrantValidity;
use latchkey_protocol::pkce::Challenge;
use latchkey_protocol::user::User;
use latchkey_protocol::{ClientId, Timestamp};

use crate::families::{latest_counted_birth, limiting_birth};
use crate::people::{GrantedText, consent_columns, granted, person_columns, read_consent};
use crate::sessions::{amr_text, sign_in};
use crate::{Store, StoreError};

/// A code and everything that it depends on, in one query.
#[derive(Clone, Debug)]
pub struct CodeFacts {
    /// The row.
    pub code: Code,
    /// The user agent of the browser that it was issued to.
    pub device: Option<String>,
    /// The user.
    pub person: Option<User>,
    /// The user's consent for the client.
    pub consent: Option<Consent>,
    /// Whether somebody ended the session.
    pub session_ended: bool,
    /// The creation time that limits the user's next family at this client.
    pub limiting_birth: Option<Timestamp>,
}

impl CodeFacts {
    /// What decides over the code.
    pub fn validity(&self) -> GrantValidity<'_> {
        GrantValidity {
            person: self.person.as_ref(),
            consent: self.consent.as_ref(),
            session_ended: self.session_ended,
            ..GrantValidity::default()
        }
    }
}

impl Store {
    /// Stores a code, unless its session has ended in the meantime; `false` if it has.
    pub async fn add_code(
        &self,
        tx: &Tx,
        hash: &str,
        code: &Code,
        device: Option<&str>,
    ) -> Result<bool, StoreError> {
        Ok(Self::new_code(hash, code, device).execute(tx).await? == 1)
    }

    /// The same, if nothing else is written with it.
    pub async fn add_code_alone(
        &self,
        hash: &str,
        code: &Code,
        device: Option<&str>,
    ) -> Result<bool, StoreError> {
        Ok(self.db.write_one(Self::new_code(hash, code, device)).await? == 1)
    }

    fn new_code(hash: &str, code: &Code, device: Option<&str>) -> Sql {
        let granted = GrantedText::from(&code.granted);
        sql(
            "INSERT INTO codes (code_hash, client_id, client_profile, user_id, session_id, sid, grant_id, redirect_uri, \
               scope, resources, code_challenge, nonce, confirmation, acr, amr, acr_source, auth_time, device, \
               created_at, expires_at, pairs, claims) \
             SELECT $1, $2, $3, $4, s.id, $5, g.id, $6, $7, $8, $9, $10, $11, $12, $13, s.acr_source, $14, $15, $16, $17, \
               $19, $20 \
             FROM sessions s JOIN grants g ON g.user_id = $4 AND g.client_id = $2 AND g.withdrawn_at IS NULL \
             WHERE s.id = $18 AND s.user_id = $4 AND s.ended_at IS NULL",
        )
        .bind(hash)
        .bind(code.client.as_str())
        .bind(code.client_profile.clone())
        .bind(&code.user)
        .bind(code.sid.clone())
        .bind(&code.redirect_uri)
        .bind(granted.scope)
        .bind(granted.resources)
        .bind(code.challenge.clone().map(String::from))
        .bind(code.nonce.clone())
        .bind(code.confirmation.clone())
        .bind(code.sign_in.acr.clone())
        .bind(amr_text(&code.sign_in))
        .bind(code.sign_in.auth_time.0)
        .bind(device)
        .bind(code.created_at.0)
        .bind(code.expires_at.0)
        .bind(&code.session)
        .bind(granted.pairs)
        .bind((!code.claims.is_empty()).then(|| code.claims.join(" ")))
    }

    /// The code with this hash, in its current state.
    pub async fn code(&self, hash: &str, now: Timestamp) -> Result<Option<CodeFacts>, StoreError> {
        let row = sql(concat!(
            "SELECT c.code_hash, c.client_id, c.client_profile, c.user_id, c.session_id, c.sid, c.redirect_uri, \
               c.scope, c.resources, c.pairs, c.code_challenge, c.nonce, c.claims AS c_claims, c.confirmation, c.acr, c.amr, c.auth_time, \
               c.device, c.created_at, c.expires_at, c.spent_at, c.repeated_at, f.id AS f_id, f.fam AS f_fam, \
               s.id AS s_id, \
               s.ended_at AS s_ended_at, ",
            person_columns!(),
            ", ",
            consent_columns!(),
            ", ",
            limiting_birth!("c.user_id", "c.client_id", "$2"),
            " AS limiting_birth FROM codes c LEFT JOIN families f ON f.id = c.family_id \
               LEFT JOIN sessions s ON s.id = c.session_id LEFT JOIN users u ON u.id = c.user_id \
               LEFT JOIN grants g ON g.user_id = c.user_id AND g.client_id = c.client_id \
               WHERE c.code_hash = $1"
        ))
        .bind(hash)
        .bind(latest_counted_birth(now))
        .fetch_optional(&self.db)
        .await?;
        row.map(|row| read(self, &row)).transpose()
    }

    /// Records that a browser is issued its code once more; `false` if it has expired or was redeemed: then it must not
    /// be issued. A later redemption sees the record.
    pub async fn repeat_code(
        &self,
        hash: &str,
        now: Timestamp,
        latest: Timestamp,
    ) -> Result<bool, StoreError> {
        let statement = sql("UPDATE codes SET repeated_at = COALESCE(repeated_at, $2) \
               WHERE code_hash = $1 AND spent_at IS NULL AND expires_at > $3")
        .bind(hash)
        .bind(now.0)
        .bind(latest.0);
        Ok(self.db.write_one(statement).await? == 1)
    }

    /// Ends the codes of a session that nobody has redeemed.
    pub async fn end_codes_of_session(&self, tx: &Tx, session: &str) -> Result<(), StoreError> {
        sql(
            "DELETE FROM codes WHERE user_id = (SELECT s.user_id FROM sessions s WHERE s.id = $1) \
               AND session_id = $1 AND spent_at IS NULL AND expires_at > 0",
        )
        .bind(session)
        .execute(tx)
        .await?;
        Ok(())
    }

    /// Ends the codes of a person that nobody has redeemed.
    pub async fn end_codes_of_person(&self, tx: &Tx, user: &str) -> Result<(), StoreError> {
        sql("DELETE FROM codes WHERE user_id = $1 AND spent_at IS NULL AND expires_at > 0")
            .bind(user)
            .execute(tx)
            .await?;
        Ok(())
    }

    /// Ends the codes of a person at one client that nobody has redeemed.
    pub async fn end_codes_at_client(
        &self,
        tx: &Tx,
        user: &str,
        client: &ClientId,
    ) -> Result<(), StoreError> {
        sql(
            "DELETE FROM codes WHERE user_id = $1 AND client_id = $2 AND spent_at IS NULL AND expires_at > 0",
        )
        .bind(user)
        .bind(client.as_str())
        .execute(tx)
        .await?;
        Ok(())
    }

    /// Ends every code of a client that nobody has redeemed. A redemption that is under way is waited for here, and its
    /// family then found.
    pub async fn end_codes_of_client(&self, tx: &Tx, client: &ClientId) -> Result<(), StoreError> {
        sql("DELETE FROM codes WHERE client_id = $1 AND spent_at IS NULL AND expires_at > 0")
            .bind(client.as_str())
            .execute(tx)
            .await?;
        Ok(())
    }

    /// Spends a code for a family; `false` if it was spent before or is gone, or if the session has ended or the
    /// consent was withdrawn.
    ///
    /// It also locks the session and the consent until the end of the transaction: whoever ends one of them waits, and
    /// then sees the family. No other redemption of this user at this client passes the lock of the consent, so that
    /// each sees the families created before ([`Store::existing_families`]).
    pub async fn spend_code(
        &self,
        tx: &Tx,
        hash: &str,
        family: &str,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        // Revocations lock in this order, too: sessions and consents, then codes, then families.
        let rows = sql_for_share!(
            "UPDATE codes SET spent_at = $3, family_id = $2 FROM \
               (SELECT c.code_hash AS hash FROM codes c JOIN sessions s ON s.id = c.session_id \
                  JOIN grants g ON g.id = c.grant_id \
                  WHERE c.code_hash = $1 AND s.ended_at IS NULL AND g.withdrawn_at IS NULL ",
            "s",
            alone: "g",
            ") AS standing WHERE code_hash = standing.hash AND spent_at IS NULL"
        )
        .bind(hash)
        .bind(family)
        .bind(now.0)
        .execute(tx)
        .await?;
        Ok(rows == 1)
    }
}

/// Names with spaces between them.
fn words(text: Option<String>) -> Vec<String> {
    let text = text.unwrap_or_default();
    text.split_whitespace().map(str::to_owned).collect()
}

fn read(store: &Store, row: &Row) -> Result<CodeFacts, StoreError> {
    // The hash reveals nothing, but it is all that identifies the row.
    let id = row.text("code_hash")?;
    let corrupt = |reason: &str| StoreError::corrupt("codes", &id, reason);
    let spent = match (
        row.opt_int("spent_at")?,
        row.opt_text("f_id")?,
        row.opt_text("f_fam")?,
    ) {
        (None, _, _) => None,
        // The family of a spent code may be long gone: then nothing is left to end.
        (Some(at), family, fam) => Some(Spent {
            committed_at: Timestamp(at),
            family: family.unwrap_or_default(),
            fam: fam.unwrap_or_default(),
        }),
    };
    let challenge = row.opt_text("code_challenge")?.map(Challenge::try_from);
    let code = Code {
        client: ClientId::parse(&row.text("client_id")?).ok_or_else(|| corrupt("not a client id"))?,
        client_profile: row.opt_text("client_profile")?,
        user: row.text("user_id")?,
        session: row.opt_text("session_id")?.unwrap_or_default(),
        sid: row.opt_text("sid")?,
        redirect_uri: row.text("redirect_uri")?,
        granted: granted(row, "", "codes", &id)?,
        challenge: challenge.transpose().map_err(corrupt)?,
        nonce: row.opt_text("nonce")?,
        claims: words(row.opt_text("c_claims")?),
        confirmation: row.opt_text("confirmation")?,
        sign_in: sign_in(
            "codes",
            &id,
            row.int("auth_time")?,
            row.opt_text("acr")?,
            row.opt_text("amr")?,
        )?,
        created_at: Timestamp(row.int("created_at")?),
        expires_at: Timestamp(row.int("expires_at")?),
        spent,
        repeated_at: row.opt_int("repeated_at")?.map(Timestamp),
    };
    Ok(CodeFacts {
        device: row.opt_text("device")?,
        person: store.read_person(row)?,
        consent: read_consent(row)?,
        session_ended: row.opt_text("s_id")?.is_none() || row.opt_int("s_ended_at")?.is_some(),
        limiting_birth: row.opt_int("limiting_birth")?.map(Timestamp),
        code,
    })
}
