//! `grant_type=authorization_code` (RFC 6749 §4.1.3).

use std::time::Instant;

use latchkey_db::Tx;
use latchkey_identity_store::{AuditRow, CodeFacts};
use latchkey_metrics::catalog::FAMILIES_ENDED;
use latchkey_metrics::labels;
use latchkey_protocol::Timestamp;
use latchkey_protocol::client::Client;
use latchkey_protocol::code::{self, Decision, Facts, Random, Redeem};
use latchkey_protocol::error::GrantError;
use latchkey_protocol::family_limits::{next_birth, to_end, too_many};
use latchkey_protocol::refresh::Family;
use latchkey_protocol::refresh_token::{Handle, Salt};
use latchkey_protocol::revocation::Revocation;
use latchkey_protocol::revocation_policy::{Alert, RevocationCause};
use latchkey_protocol::token_request::AuthorizationCode;
use serde_json::json;

use super::{Grants, Issued, TRIES};
use crate::IdentityError;
use crate::oauth_error::ErrorResponse;
use crate::secret::{digest, new_jti};

/// How long after the row was written its commit may still have been in progress on another node, in milliseconds.
const COMMIT_MS: i64 = 2_000;

impl Grants {
    pub async fn authorization_code(
        &self,
        client: &Client,
        asked: &AuthorizationCode,
        received: Instant,
    ) -> Result<Issued, ErrorResponse> {
        let hash = digest(&asked.code);
        for _ in 0..TRIES {
            let known = self.store.code(&hash, self.time.now()).await;
            let mut known = known.map_err(IdentityError::from)?;
            let now = self.time.now();
            let waited = i64::try_from(received.elapsed().as_millis()).unwrap_or(i64::MAX);
            let received_at = Timestamp(now.0.saturating_sub(waited));
            if let Some(spent) = known.as_mut().and_then(|facts| facts.code.spent.as_mut()) {
                spent.committed_at = self.committed_at(&hash, received, spent.committed_at, received_at);
            }
            let family = self.random.uuid_v7(now.0);
            let (fam, jti) = (new_jti(&self.random), new_jti(&self.random));
            let random = Random {
                family: &family,
                handle: Handle(self.random.bytes()),
                fam: &fam,
                salt: Salt(self.random.bytes()),
                jti: &jti,
            };
            let registry = self.registry.snapshot();
            let mac_key_id = self.signer.mac_key_id().map_err(IdentityError::from)?;
            let decision = code::decide(&Facts {
                code: known.as_ref().map(|facts| &facts.code),
                client,
                redirect_uri: asked.redirect_uri.as_deref(),
                verifier: asked.verifier.as_deref(),
                proof: None,
                received_at,
                validity: known.as_ref().map(CodeFacts::validity).unwrap_or_default(),
                issuer: &self.issuer,
                resources: &registry.resources,
                asked_resource: &asked.resource,
                limits: self.limits,
                limiting_birth: known.as_ref().and_then(|facts| facts.limiting_birth),
                mac_key_id,
                random: &random,
                now,
                latest: self.time.latest(),
            });
            match decision {
                Decision::Error(error) => {
                    let user = known.as_ref().map(|facts| facts.code.user.as_str());
                    self.note_too_many(&error, user, client).await?;
                    return Err(self.refused("authorization_code", client, error));
                }
                Decision::ReplayKills { family: _, fam } => {
                    let user = known.map(|facts| facts.code.user).unwrap_or_default();
                    self.kill_replayed(client, &hash, fam, user, now).await?;
                    return Err(self.refused("authorization_code", client, GrantError::CodeReplayed.into()));
                }
                Decision::Redeem(redeem) => {
                    let device = known.and_then(|facts| facts.device);
                    if self.redeem(&hash, &redeem, device, now).await? {
                        let Redeem {
                            family,
                            access,
                            id_token,
                            refresh,
                        } = *redeem;
                        let refresh = refresh.map(|name| (name, &family.salt));
                        return self.issue("authorization_code", &access, id_token, refresh, client);
                    }
                }
            }
        }
        Err(IdentityError::Conflict.into())
    }

    /// One transaction: the code is spent while the session and the consent are locked, the family is inserted, and
    /// another one ends if there were too many. `false` if a concurrent request was faster.
    async fn redeem(
        &self,
        hash: &str,
        redeem: &Redeem,
        device: Option<String>,
        now: Timestamp,
    ) -> Result<bool, ErrorResponse> {
        let (grants, key, family) = (self.clone(), hash.to_owned(), redeem.family.clone());
        let (request_id, latest) = (
            latchkey_http::current_request_id().to_string(),
            self.time.latest(),
        );
        let written = self
            .store
            .db()
            .write(move |tx| async move {
                let store = &grants.store;
                let committed_by = Timestamp(now.0 + COMMIT_MS);
                if !store.spend_code(&tx, &key, &family.id, committed_by).await? {
                    return Err(IdentityError::Conflict);
                }
                let others = store
                    .existing_families(&tx, &family.user, &family.client, now, latest)
                    .await?;
                if next_birth(others.limiting, now).is_some() {
                    // Another family was created in the meantime; decided again, this one has to wait.
                    return Err(IdentityError::Conflict);
                }
                if family.mac_key_id.is_some() {
                    grants
                        .make_room(&tx, &family, others.living, latest, &request_id, now)
                        .await?;
                }
                // The end of this family must not cover earlier ones.
                let after = |until: Timestamp| Timestamp(now.0.max(until.0.saturating_add(1)));
                let born_at = others.ended_until.map_or(now, after);
                store
                    .add_family(&tx, &family, &key, device.as_deref(), born_at)
                    .await?;
                Ok::<_, IdentityError>(())
            })
            .await;
        match written {
            Ok(()) => {
                self.redeemed.insert(hash.to_owned(), Instant::now());
                Ok(true)
            }
            Err(IdentityError::Conflict) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Ends the oldest families of a user at this client that exceed the limit.
    async fn make_room(
        &self,
        tx: &Tx,
        family: &Family,
        living: i64,
        latest: Timestamp,
        request_id: &str,
        now: Timestamp,
    ) -> Result<(), IdentityError> {
        let most = too_many(living);
        if most == 0 {
            return Ok(());
        }
        let (store, user, client) = (&self.store, &family.user, &family.client);
        let online = store
            .oldest_families(tx, user, client, false, latest, most)
            .await?;
        let offline = store
            .oldest_families(tx, user, client, true, latest, most)
            .await?;
        for oldest in to_end(most, online, offline) {
            let end = Revocation::Family {
                fam: oldest.fam,
                sid: oldest.sid,
                client_id: oldest.client_id,
            };
            let cause = RevocationCause::FamilyLimit;
            self.revocations
                .revoke_in(tx, cause, end, "system", request_id, now)
                .await?;
        }
        Ok(())
    }

    /// When a code was redeemed, as this request must see it: by this node's monotonic clock if it happened here,
    /// otherwise by the bound in the row. If that is before this request was received, the request is a replay; if it is
    /// after, the request has lost a race.
    fn committed_at(
        &self,
        hash: &str,
        received: Instant,
        written: Timestamp,
        received_at: Timestamp,
    ) -> Timestamp {
        match self.redeemed.get(hash) {
            Some(committed) if committed <= received => Timestamp(received_at.0 - 1),
            Some(_) => received_at,
            None => written,
        }
    }

    async fn kill_replayed(
        &self,
        client: &Client,
        hash: &str,
        fam: String,
        user: String,
        now: Timestamp,
    ) -> Result<(), ErrorResponse> {
        if fam.is_empty() {
            // The family is already gone.
            return Ok(());
        }
        let (grants, actor, code) = (self.clone(), client.id().to_string(), hash.to_owned());
        let request_id = latchkey_http::current_request_id().to_string();
        self.store
            .db()
            .write(move |tx| async move {
                let owner = grants.store.family_owner(&tx, &fam).await?;
                let end = Revocation::Family {
                    fam: fam.clone(),
                    sid: owner.and_then(|(_, sid)| sid),
                    client_id: actor.clone(),
                };
                let cause = RevocationCause::CodeReuse;
                if !grants
                    .revocations
                    .revoke_in(&tx, cause, end, &actor, &request_id, now)
                    .await?
                {
                    return Ok(());
                }
                let row = AuditRow {
                    id: grants.random.uuid_v7(now.0),
                    kind: cause.name().to_owned(),
                    actor: actor.clone(),
                    subject: user.clone(),
                    request_id: Some(request_id.clone()),
                    detail: json!({ "fam": fam, "code": code }),
                };
                grants.store.audit(&tx, &row, now).await?;
                grants
                    .alert(&tx, &fam, &user, &actor, Alert::Ended(cause), 1, &request_id)
                    .await?;
                let reason = cause.name();
                tracing::warn!(reason, fam, client.id = actor, "a family ended");
                FAMILIES_ENDED.inc(labels::Cause::of(reason));
                Ok::<_, IdentityError>(())
            })
            .await?;
        Ok(())
    }
}
