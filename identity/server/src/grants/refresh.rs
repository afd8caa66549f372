//! `grant_type=refresh_token` (RFC 6749 §6; docs/tokens.md, Refresh tokens).

use latchkey_db::Tx;
use latchkey_identity_store::{AuditRow, FamilyFacts};
use latchkey_metrics::catalog::{FAMILIES_ENDED, REFRESHES};
use latchkey_metrics::labels;
use latchkey_protocol::OAuthError;
use latchkey_protocol::Timestamp;
use latchkey_protocol::client::Client;
use latchkey_protocol::refresh::{self, Answer, Decision, End, Facts, Family, Reissue};
use latchkey_protocol::revocation::Revocation;
use latchkey_protocol::revocation_policy::Alert;
use latchkey_protocol::token_request::Refresh;
use serde_json::json;

use super::{Grants, Issued, TRIES};
use crate::IdentityError;
use crate::oauth_error::ErrorResponse;
use crate::secret::new_jti;

impl Grants {
    pub async fn refresh(&self, client: &Client, asked: &Refresh) -> Result<Issued, ErrorResponse> {
        let token = &asked.token;
        for _ in 0..TRIES {
            let presented = self.tokens.refresh_token(token).await?;
            let facts = &presented.facts;
            let registry = self.registry.snapshot();
            let mac_key_id = self.signer.mac_key_id().map_err(IdentityError::from)?;
            let jti = new_jti(&self.random);
            let decision = refresh::decide(&Facts {
                token: &presented.checked,
                family: presented.family(),
                client,
                proof: None,
                validity: facts.as_ref().map(FamilyFacts::validity).unwrap_or_default(),
                issuer: &self.issuer,
                resources: &registry.resources,
                asked_resource: &asked.resource,
                asked_scope: asked.scope.as_deref(),
                limits: self.limits,
                mac_key_id,
                jti: &jti,
                now: self.time.now(),
                latest: self.time.latest(),
            });
            if let Decision::Error(error) = decision {
                let user = facts.as_ref().map(|facts| facts.family.user.as_str());
                self.note_too_many(&error, user, client).await?;
                REFRESHES.inc(labels::Refresh::Refused);
                return Err(self.refused("refresh_token", client, error));
            }
            // Every decision except a refusal has a family.
            let family = presented
                .facts
                .map(|facts| facts.family)
                .ok_or(OAuthError::Internal)?;
            let decided = counted(&decision);
            match self.apply(decision, &family, client).await? {
                Outcome::Answered(answer) => {
                    REFRESHES.inc(decided);
                    let Answer {
                        access,
                        id_token,
                        refresh,
                    } = *answer;
                    let refresh = Some((refresh, &family.salt));
                    return self.issue("refresh_token", &access, id_token, refresh, client);
                }
                Outcome::Ended(error) => {
                    REFRESHES.inc(decided);
                    return Err(self.refused("refresh_token", client, error));
                }
                Outcome::Conflict => REFRESHES.inc(labels::Refresh::Conflict),
            }
        }
        // Never invalid_grant: the client's token may well be valid.
        Err(IdentityError::Conflict.into())
    }

    /// Writes the decision, with everything that must survive with it, in one transaction.
    async fn apply(
        &self,
        decision: Decision,
        family: &Family,
        client: &Client,
    ) -> Result<Outcome, IdentityError> {
        let store = &self.store;
        let update = || FamilyUpdate {
            grants: self.clone(),
            family: family.clone(),
            client: client.id().to_string(),
            request_id: latchkey_http::current_request_id().to_string(),
            now: self.time.now(),
        };
        match decision {
            Decision::Rotate(rotate) => {
                let written = store.rotate_family(&rotate).await?;
                Ok(Outcome::answered(written, rotate.answer))
            }
            Decision::UsedWithoutRotation(used) => {
                let written = store.use_family(&used).await?;
                Ok(Outcome::answered(written, used.answer))
            }
            Decision::Reissue(same) => {
                let told = same.streak_event.then_some(Alert::OverlapStreak);
                update().again(same, told).await
            }
            Decision::ReissueOnce(same) => update().again(same, Some(Alert::LostAnswer)).await,
            Decision::Replay(end) | Decision::StoreRewound(end) | Decision::StreakEnded(end) => {
                update().end(end).await
            }
            Decision::Error(error) => Ok(Outcome::Ended(error)),
        }
    }
}

/// What a decision counts as once it is written.
fn counted(decision: &Decision) -> labels::Refresh {
    match decision {
        Decision::Rotate(_) => labels::Refresh::Rotated,
        Decision::UsedWithoutRotation(_) => labels::Refresh::Used,
        Decision::Reissue(_) => labels::Refresh::Repeated,
        Decision::ReissueOnce(_) => labels::Refresh::LostAnswer,
        Decision::Replay(_) => labels::Refresh::Reused,
        Decision::StoreRewound(_) | Decision::StreakEnded(_) => labels::Refresh::Ended,
        Decision::Error(_) => labels::Refresh::Refused,
    }
}

/// The result of writing a decision.
enum Outcome {
    Answered(Box<Answer>),
    Ended(OAuthError),
    Conflict,
}

impl Outcome {
    fn answered(written: bool, answer: Answer) -> Self {
        if written {
            Self::Answered(Box::new(answer))
        } else {
            Self::Conflict
        }
    }
}

/// A decision to be written in a transaction.
struct FamilyUpdate {
    grants: Grants,
    family: Family,
    client: String,
    request_id: String,
    now: Timestamp,
}

impl FamilyUpdate {
    /// Counts that the current token was given out again, and tells of it where that is odd.
    async fn again(self, same: Reissue, told: Option<Alert>) -> Result<Outcome, IdentityError> {
        let db = self.grants.store.db().clone();
        db.write(move |tx| async move {
            let written = self.grants.store.count_retry(&tx, &same).await?;
            if written && let Some(alert) = told {
                self.note(&tx, alert).await?;
            }
            Ok(Outcome::answered(written, same.answer))
        })
        .await
    }

    /// Ends the family once: who comes second finds it ended, and tells nobody.
    async fn end(self, end: End) -> Result<Outcome, IdentityError> {
        let db = self.grants.store.db().clone();
        db.write(move |tx| async move {
            let revocation = Revocation::Family {
                fam: end.fam,
                sid: self.family.sid.clone(),
                client_id: self.family.client.to_string(),
            };
            let (revocations, client) = (&self.grants.revocations, &self.client);
            if revocations
                .revoke_in(&tx, end.cause, revocation, client, &self.request_id, self.now)
                .await?
            {
                let reason = end.cause.name();
                self.note(&tx, Alert::Ended(end.cause)).await?;
                tracing::warn!(
                    reason,
                    fam = self.family.fam,
                    client.id = client,
                    "a family ended"
                );
                FAMILIES_ENDED.inc(labels::Cause::of(reason));
            }
            Ok(Outcome::Ended(end.error))
        })
        .await
    }

    async fn note(&self, tx: &Tx, alert: Alert) -> Result<(), IdentityError> {
        let (grants, family) = (&self.grants, &self.family);
        let row = AuditRow {
            id: grants.random.uuid_v7(self.now.0),
            kind: alert.name().to_owned(),
            actor: self.client.clone(),
            subject: family.user.clone(),
            request_id: Some(self.request_id.clone()),
            detail: json!({ "fam": family.fam, "generation": family.generation }),
        };
        grants.store.audit(tx, &row, self.now).await?;
        grants
            .alert(
                tx,
                &family.fam,
                &family.user,
                &self.client,
                alert,
                family.generation,
                &self.request_id,
            )
            .await
    }
}
