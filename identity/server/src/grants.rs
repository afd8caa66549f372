//! The grants: issuing tokens to an authenticated client. One file per grant that involves a user.

mod code;
mod refresh;
mod token_exchange;

use std::sync::Arc;
use std::time::Instant;

use latchkey_bus::{Cause, Draft, Outbox};
use latchkey_clock::Random;
use latchkey_contracts::events::family as wire;
use latchkey_db::Tx;
use latchkey_identity_store::{AuditRow, Store, Window};
use latchkey_metrics::catalog::{GRANTS_REFUSED, TOKENS_ISSUED};
use latchkey_metrics::labels;
use latchkey_protocol::client::Client;
use latchkey_protocol::refresh::Limits;
use latchkey_protocol::refresh_token::{Name, Salt};
use latchkey_protocol::revocation_policy::Alert;
use latchkey_protocol::token_request::ClientCredentials;
use latchkey_protocol::{OAuthError, access_token, audience, id_token};
use moka::sync::Cache;
use serde::Serialize;
use serde_json::json;

use crate::IdentityError;
use crate::oauth_error::ErrorResponse;
use crate::presented_tokens::PresentedTokens;
use crate::registry::Registry;
use crate::revocation::Revocations;
use crate::secret::new_jti;
use crate::signer::{ID_TOKEN_TYP, Signer};
use crate::time::Time;

/// Issues tokens. Cloning is cheap.
#[derive(Clone)]
pub(crate) struct Grants {
    pub issuer: Arc<str>,
    pub store: Store,
    pub signer: Signer,
    pub tokens: PresentedTokens,
    pub registry: Arc<Registry>,
    pub revocations: Revocations,
    pub outbox: Outbox,
    /// When this node committed its redemptions of the last minutes, by the hash of the code.
    pub redeemed: Cache<String, Instant>,
    pub limits: Limits,
    pub random: Random,
    pub time: Time,
}

/// The token response (RFC 6749 §5.1).
#[derive(Serialize)]
pub(crate) struct Issued {
    access_token: String,
    token_type: &'static str,
    expires_in: i64,
    scope: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id_token: Option<String>,
    /// RFC 8693 §2.2.1
    #[serde(skip_serializing_if = "Option::is_none")]
    issued_token_type: Option<&'static str>,
}

impl Grants {
    /// RFC 6749 §4.4. Nothing is written: the token depends on the registration alone.
    pub fn client_credentials(
        &self,
        client: &Client,
        asked: &ClientCredentials,
    ) -> Result<Issued, ErrorResponse> {
        let registry = self.registry.snapshot();
        let scope = asked.scope.as_deref();
        let target = audience::for_machine(client, &registry.resources, &asked.resource, scope)?;
        let jti = new_jti(&self.random);
        let issue = access_token::for_machine(&self.issuer, client, target, jti, self.time.now());
        self.issue("client_credentials", &issue, None, None, client)
    }

    /// Signs what was decided and committed, and derives the refresh token of that name and salt.
    fn issue<A: Serialize>(
        &self,
        grant: &'static str,
        issue: &access_token::Issue<A>,
        id_token: Option<id_token::Claims>,
        refresh: Option<(Name, &Salt)>,
        client: &Client,
    ) -> Result<Issued, ErrorResponse> {
        let (now, signer) = (self.time.now(), &self.signer);
        let signed = |error| ErrorResponse::from(IdentityError::Signer(error));
        let access_token = signer
            .sign(issue.alg, access_token::TYP, &issue.claims, now)
            .map_err(signed)?;
        let alg = client.id_token_alg();
        let id_token = id_token
            .map(|claims| signer.sign(alg, ID_TOKEN_TYP, &claims.beside(&access_token, alg), now))
            .transpose()
            .map_err(signed)?;
        let derive = |(name, salt)| {
            signer
                .refresh_token(&self.issuer, name, salt)
                .ok_or(OAuthError::Internal)
        };
        let refresh_token = refresh.map(derive).transpose()?;
        TOKENS_ISSUED.inc(labels::Grant::of(grant));
        tracing::debug!(client.id = %client.id(), grant, jti = issue.claims.jti, "token issued");
        Ok(Issued {
            access_token,
            token_type: "Bearer",
            expires_in: issue.expires_in,
            scope: issue.claims.scope.to_string(),
            refresh_token,
            id_token,
            issued_token_type: None,
        })
    }

    /// Records that a user has more roles or groups than a token carries, for whoever can change that: once an hour, however
    /// often it is tried.
    pub async fn note_too_many(
        &self,
        error: &OAuthError,
        user: Option<&str>,
        client: &Client,
    ) -> Result<(), IdentityError> {
        let kind = if *error == OAuthError::TooManyGroups {
            "group.too_many"
        } else if *error == OAuthError::TooManyRoles {
            "role.too_many"
        } else {
            return Ok(());
        };
        let now = self.time.now();
        let row = AuditRow {
            id: self.random.uuid_v7(now.0),
            kind: kind.to_owned(),
            actor: client.id().to_string(),
            subject: user.unwrap_or_default().to_owned(),
            request_id: Some(latchkey_http::current_request_id().to_string()),
            detail: json!({}),
        };
        let store = self.store.clone();
        let recorded = self.store.db().write(move |tx| async move {
            let id = format!("{}|{}|{}", row.kind, row.subject, row.actor);
            if store.count_within(&tx, &id, NOTED, now).await?.is_none() {
                store.audit(&tx, &row, now).await?;
            }
            Ok::<_, IdentityError>(())
        });
        recorded.await
    }

    /// An error of a grant: the reason goes to the log, the peer gets the code.
    pub fn refused(&self, grant: &'static str, client: &Client, error: OAuthError) -> ErrorResponse {
        tracing::info!(reason = %error, grant, client.id = %client.id(),
            request.id = %latchkey_http::current_request_id(), "grant refused");
        GRANTS_REFUSED.inc((labels::Grant::of(grant), labels::ErrorCode::of(error.wire().code)));
        match error {
            OAuthError::TooManyRedemptions(next) => ErrorResponse::until(error, next, self.time.now()),
            _ => error.into(),
        }
    }

    /// Alerts the user and administrators of a family with suspicious behaviour.
    #[expect(
        clippy::too_many_arguments,
        reason = "what the event says; a struct would only rename it"
    )]
    pub async fn alert(
        &self,
        tx: &Tx,
        fam: &str,
        user: &str,
        client: &str,
        alert: Alert,
        generation: i64,
        request_id: &str,
    ) -> Result<(), IdentityError> {
        let event = wire::FamilyAlerted {
            fam: fam.to_owned(),
            user_id: user.to_owned(),
            client_id: client.to_owned(),
            reason: alert.name().to_owned(),
            ended: alert.has_ended(),
            generation,
        };
        let draft = Draft {
            r#type: wire::ALERTED.to_owned(),
            subject: fam.to_owned(),
            sequence: generation,
            data: json!(event),
            cause: Cause::request(request_id, client),
        };
        self.outbox.put(tx, draft).await?;
        Ok(())
    }
}

/// How often it is recorded that a user has too much for a token of a client.
const NOTED: Window = Window {
    length_ms: 3_600_000,
    most: 1,
};

/// How often a decision is repeated after a concurrent request changed the same rows.
const TRIES: usize = 3;
