//! `grant_type=urn:ietf:params:oauth:grant-type:token-exchange` (RFC 8693; docs/tokens.md, Token exchange).

use latchkey_guard::Claims;
use latchkey_identity_store::{Exchange, TokenFacts};
use latchkey_protocol::client::Client;
use latchkey_protocol::token_exchange::{self, Facts, SubjectToken};
use latchkey_protocol::token_request::{ACCESS_TOKEN_TYPE, TokenExchange};
use latchkey_protocol::{ClientId, OAuthError, access_token};

use super::{Grants, Issued};
use crate::IdentityError;
use crate::oauth_error::ErrorResponse;
use crate::secret::new_jti;

impl Grants {
    /// Everything that decides is read in the transaction that remembers the exchange: whoever ends the subject token
    /// waits for it, or is waited for.
    pub async fn token_exchange(
        &self,
        client: &Client,
        asked: &TokenExchange,
    ) -> Result<Issued, ErrorResponse> {
        let subject = self.tokens.verifier.prove(&asked.subject_token).await;
        let (grants, exchanger, request) = (self.clone(), client.clone(), asked.clone());
        let decided = self
            .store
            .db()
            .write(move |tx| async move {
                let claims = subject.as_ref().map(|access| access.claims());
                grants.exchange_in(&tx, &exchanger, &request, claims).await
            })
            .await?;
        match decided {
            Ok(issue) => {
                let issued = self.issue("token_exchange", &issue, None, None, client)?;
                Ok(Issued {
                    issued_token_type: Some(ACCESS_TOKEN_TYPE),
                    ..issued
                })
            }
            Err(error) => Err(self.refused("token_exchange", client, error)),
        }
    }

    async fn exchange_in(
        &self,
        tx: &latchkey_db::Tx,
        client: &Client,
        asked: &TokenExchange,
        subject: Option<&Claims>,
    ) -> Result<Result<access_token::Issue, OAuthError>, IdentityError> {
        let store = &self.store;
        let subject = subject.and_then(|claims| Some((claims, ClientId::parse(&claims.client_id)?)));
        let mut known = TokenFacts::default();
        let mut sid = None;
        if let Some((claims, of)) = &subject {
            let fam = claims.fam.as_deref();
            let session = store.lock_exchange(tx, &claims.sub, of, fam).await?;
            known = store
                .token_facts(tx, &claims.jti, fam, of, Some(&claims.sub))
                .await?;
            // Each client knows a session under a name of its own.
            sid = session.and_then(|session| self.signer.sid(&session, client.id()));
        }
        let registry = self.registry.snapshot();
        let jti = new_jti(&self.random);
        let decided = token_exchange::decide(Facts {
            issuer: &self.issuer,
            client,
            resources: &registry.resources,
            target: &asked.target,
            scope: asked.scope.as_deref(),
            subject: subject.as_ref().map(|(claims, _)| subject_token(claims)),
            validity: known.validity(),
            sid: sid.as_deref(),
            jti: &jti,
            now: self.time.now(),
        });
        if let (Ok(issue), Some((parent, _))) = (&decided, &subject) {
            let child = &issue.claims;
            let exchange = Exchange {
                parent_jti: parent.jti.clone(),
                parent_client_id: parent.client_id.clone(),
                child_jti: child.jti.clone(),
                client_id: child.client_id.clone(),
                user_id: child.sub.clone(),
                audience: child.aud.clone(),
                exp: child.exp,
            };
            store.add_exchange(tx, &exchange).await?;
        }
        Ok(decided)
    }
}

fn subject_token(claims: &Claims) -> SubjectToken<'_> {
    SubjectToken {
        sub: &claims.sub,
        client_id: &claims.client_id,
        aud: &claims.aud,
        iat: claims.iat,
        exp: claims.exp,
        fam: claims.fam.as_deref(),
        auth_time: claims.auth_time,
        acr: claims.acr.as_deref(),
        amr: &claims.amr,
        cnf: claims.cnf.as_ref(),
        act: claims.act.as_ref(),
        may_act: claims.may_act.as_ref(),
    }
}
