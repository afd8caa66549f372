//! Revocations, and the facts by which an introspection decides about a token.

use latchkey_db::{On, Row, Tx, sql};
use latchkey_protocol::access_token::LIFE_S;
use latchkey_protocol::client::Client;
use latchkey_protocol::grant_validity::GrantValidity;
use latchkey_protocol::revocation::{COLLAPSE_AT, PERSON_COLLAPSE_AT, Revocation, acceptable_until};
use latchkey_protocol::revocation_policy::RevocationCause;
use latchkey_protocol::user::User;
use latchkey_protocol::{ClientId, Timestamp};

use crate::bulk_revocations::bulk_ended_at;
use crate::people::person_columns;
use crate::{Store, StoreError};

/// An access token's end, and everything that it stands on, in one look.
#[derive(Clone, Debug, Default)]
pub struct TokenFacts {
    /// Its own revocation.
    pub token_revoked: bool,
    /// Whether its family has ended.
    pub family_ended: bool,
    /// Its client.
    pub client: Option<Client>,
    /// The person, if one was asked about.
    pub person: Option<User>,
}

impl TokenFacts {
    /// What decides over the token.
    pub fn validity(&self) -> GrantValidity<'_> {
        GrantValidity {
            client: self.client.as_ref(),
            person: self.person.as_ref(),
            family_ended: self.family_ended,
            token_revoked: self.token_revoked,
            ..GrantValidity::default()
        }
    }
}

/// A recorded revocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// Tokens issued up to this second have ended; for kinds with a time.
    pub before: Option<i64>,
    /// Until when guards must remember it, in Unix seconds.
    pub until: i64,
}

impl Store {
    /// Writes down that something has ended, and until when its tokens have; what ends with it is the caller's to end.
    /// `None` when it had ended before: then nothing is to be published.
    pub async fn add_revocation(
        &self,
        tx: &Tx,
        revocation: &Revocation,
        cause: RevocationCause,
        now: Timestamp,
    ) -> Result<Option<Recorded>, StoreError> {
        let (client_id, audience, before) = match revocation {
            Revocation::Token { client_id, aud, .. } => (Some(client_id.as_str()), Some(aud.as_str()), None),
            Revocation::Family { client_id, .. } => (Some(client_id.as_str()), None, None),
            Revocation::Client { client_id } | Revocation::Machine { client_id } => {
                (Some(client_id.as_str()), None, Some(now.seconds()))
            }
            Revocation::Subject { .. } => (None, None, Some(now.seconds())),
            Revocation::Session { .. } | Revocation::Key { .. } => (None, None, None),
        };
        let user_id = match revocation {
            Revocation::Token { sub, .. } => sub.as_deref(),
            _ => None,
        };
        // Only tokens that are ended with the families of their user, or as a machine's, are counted as such: one that was
        // exchanged for another client's belongs to a family of that one.
        let counted = match revocation {
            Revocation::Token { jti, .. } => !self.was_exchanged(tx, jti).await?,
            _ => true,
        };
        let (client_id, user_id) = (client_id.filter(|_| counted), user_id.filter(|_| counted));
        // Revoking the same user or client again moves the time forward, by at least a second: tokens issued after the
        // first revocation are stamped later than it. Revoking anything else again changes nothing.
        let row = sql(
            "INSERT INTO revocations (kind, subject, client_id, audience, before, until, cause, created_at, user_id) \
                       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) \
                       ON CONFLICT (kind, subject) DO UPDATE SET \
                         before = CASE WHEN excluded.before > revocations.before THEN excluded.before \
                                       ELSE revocations.before + 1 END, \
                         until = excluded.until, cause = excluded.cause \
                         WHERE revocations.before IS NOT NULL \
                       RETURNING before, until",
        )
        .bind(revocation.kind())
        .bind(revocation.key())
        .bind(client_id)
        .bind(audience)
        .bind(before)
        .bind(revocation.until(now))
        .bind(cause.name())
        .bind(now.0)
        .bind(user_id)
        .fetch_optional(tx)
        .await?;
        let Some(row) = row else { return Ok(None) };
        let recorded = Recorded {
            before: row.opt_int("before")?,
            until: row.int("until")?,
        };
        self.end_older_tokens(tx, revocation, &recorded).await?;
        Ok(Some(recorded))
    }

    /// Ends the tokens of a person or client that were issued until an entry's time. Whoever holds that row is waited for: a
    /// sign-in, whose session is then found.
    async fn end_older_tokens(
        &self,
        tx: &Tx,
        revocation: &Revocation,
        recorded: &Recorded,
    ) -> Result<(), StoreError> {
        let (statement, whose) = match revocation {
            Revocation::Client { client_id } => (
                sql("UPDATE clients SET tokens_before = $2, version = version + 1 WHERE id = $1"),
                client_id,
            ),
            Revocation::Machine { client_id } => (
                sql("UPDATE clients SET machine_tokens_before = $2, version = version + 1 WHERE id = $1"),
                client_id,
            ),
            Revocation::Subject { sub } => (sql("UPDATE users SET tokens_before = $2 WHERE id = $1"), sub),
            Revocation::Token { .. }
            | Revocation::Family { .. }
            | Revocation::Session { .. }
            | Revocation::Key { .. } => return Ok(()),
        };
        let before = recorded.before.map(|seconds| seconds * 1_000);
        statement.bind(whose).bind(before).execute(tx).await?;
        Ok(())
    }

    /// How many single tokens of a user at this client, or of the client itself, guards must remember now; it counts no
    /// further than matters to [`collapse`](latchkey_protocol::revocation::collapse).
    pub async fn live_tokens(
        &self,
        tx: &Tx,
        client: &ClientId,
        user: Option<&str>,
        now: Timestamp,
    ) -> Result<i64, StoreError> {
        let statement = match user {
            Some(user) => sql("SELECT COUNT(*) AS live FROM (SELECT subject FROM revocations \
                 WHERE kind = 'token' AND client_id = $1 AND until > $2 AND user_id = $4 LIMIT $3) AS counted")
            .bind(client.as_str())
            .bind(now.seconds())
            .bind(PERSON_COLLAPSE_AT)
            .bind(user),
            None => sql("SELECT COUNT(*) AS live FROM (SELECT subject FROM revocations \
                 WHERE kind = 'token' AND client_id = $1 AND until > $2 AND user_id IS NULL LIMIT $3) AS counted")
            .bind(client.as_str())
            .bind(now.seconds())
            .bind(COLLAPSE_AT + 1),
        };
        Ok(statement.fetch_one(tx).await?.int("live")?)
    }

    /// Deletes the single-token entries of a user at a client whose families have all ended.
    pub async fn drop_tokens_of_person(
        &self,
        tx: &Tx,
        client: &ClientId,
        user: &str,
    ) -> Result<(), StoreError> {
        sql("DELETE FROM revocations WHERE kind = 'token' AND client_id = $1 AND user_id = $2")
            .bind(client.as_str())
            .bind(user)
            .execute(tx)
            .await?;
        Ok(())
    }

    /// Deletes the single-token entries of a machine for tokens issued so far, when all of those have ended together. A
    /// token from a node whose clock is ahead keeps its own entry.
    pub async fn drop_tokens_of_machine(
        &self,
        tx: &Tx,
        client: &ClientId,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        sql("DELETE FROM revocations \
             WHERE kind = 'token' AND client_id = $1 AND user_id IS NULL AND until <= $2")
        .bind(client.as_str())
        .bind(acceptable_until(now.seconds() + LIFE_S))
        .execute(tx)
        .await?;
        Ok(())
    }

    /// The client and the `sid` of a family, if it exists.
    pub async fn family_owner(
        &self,
        tx: &Tx,
        fam: &str,
    ) -> Result<Option<(String, Option<String>)>, StoreError> {
        sql("SELECT client_id, sid FROM families WHERE fam = $1")
            .bind(fam)
            .fetch_optional(tx)
            .await?
            .map(|row| Ok((row.text("client_id")?, row.opt_text("sid")?)))
            .transpose()
    }

    /// What must be known of an access token, in one look: its own end, its family's, its client and the person as they are
    /// now.
    pub async fn token_facts<'a>(
        &self,
        on: impl Into<On<'a>>,
        jti: &str,
        fam: Option<&str>,
        client: &ClientId,
        user: Option<&str>,
    ) -> Result<TokenFacts, StoreError> {
        let row = sql(concat!(
            "SELECT c.id, c.metadata, c.disabled_at, c.tokens_before, c.machine_tokens_before, c.version, \
                         t.kind AS token_end, f.fam AS family_end, ",
            person_columns!(),
            " FROM clients c \
                       LEFT JOIN users u ON u.id = $4 \
                       LEFT JOIN revocations t ON t.kind = 'token' AND t.subject = $1 \
                       LEFT JOIN families f ON f.fam = $2 AND (f.revoked_at IS NOT NULL OR ",
            bulk_ended_at!("f"),
            " IS NOT NULL) WHERE c.id = $3"
        ))
        .bind(jti)
        .bind(fam)
        .bind(client.as_str())
        .bind(user)
        .fetch_optional(on)
        .await?;
        row.map(|row| read_facts(self, &row))
            .transpose()
            .map(Option::unwrap_or_default)
    }
}

fn read_facts(store: &Store, row: &Row) -> Result<TokenFacts, StoreError> {
    let id = row.text("id")?;
    let metadata = serde_json::from_str(&row.text("metadata")?)
        .map_err(|error| StoreError::corrupt("clients", &id, error))?;
    let token_revoked = row.opt_text("token_end")?.is_some();
    let family_ended = row.opt_text("family_end")?.is_some();
    let client = Client {
        metadata,
        secret: None,
        secret_generated_at: None,
        previous_secret: None,
        disabled_at: row.opt_int("disabled_at")?.map(Timestamp),
        tokens_before: row.opt_int("tokens_before")?.map(Timestamp),
        machine_tokens_before: row.opt_int("machine_tokens_before")?.map(Timestamp),
        version: row.int("version")?,
    };
    Ok(TokenFacts {
        token_revoked,
        family_ended,
        client: Some(client),
        person: store.read_person(row)?,
    })
}
