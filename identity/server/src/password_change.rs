//! Another password, chosen by somebody who is signed in: every other session and token ends.

use std::sync::Arc;

use http::HeaderValue;
use latchkey_identity_store::Owner;
use latchkey_protocol::authentication::Method;
use latchkey_protocol::error::PageError;
use latchkey_protocol::mail::Purpose;
use latchkey_protocol::recovery::FRESH_MS;
use latchkey_protocol::revocation::Revocation;
use latchkey_protocol::revocation_policy::RevocationCause;
use serde_json::json;

use crate::IdentityError;
use crate::browser::Browser;
use crate::new_password::{Asked, For, NotTaken};
use crate::other_sessions::Spared;
use crate::pages::{ErrorPage, Problem};
use crate::password_sign_in::Passwords;
use crate::recovery::Recoveries;
use crate::sessions::SignedIn;
use crate::sign_in::SignIns;

/// Changes passwords. Cloning is cheap.
#[derive(Clone)]
pub(crate) struct PasswordChanges {
    pub recoveries: Recoveries,
    pub passwords: Arc<Passwords>,
    pub sign_ins: SignIns,
}

/// What must be shown before something is changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Needs {
    /// Nothing: the sign-in is fresh.
    Nothing,
    /// The password.
    Password,
    /// Another sign-in, since there is no password.
    SignIn,
}

/// The password that somebody wants instead.
pub(crate) struct Wanted {
    pub password: String,
    /// Whether it is to stand alone, since its user is about to remove the second step.
    pub alone: bool,
    /// Whether a first one signs all other browsers out.
    pub end_others: bool,
    /// Whether its user was told that it is weak.
    pub advised: bool,
}

/// Why a password stays as it is.
#[derive(Debug)]
pub(crate) enum Unchanged {
    /// The current one was not shown.
    Current(Problem),
    /// The new one cannot be one.
    New(NotTaken),
    /// The user has changed in the meantime.
    Changed,
}

impl PasswordChanges {
    /// The user, what they need to show, and whether their password stands beside a second step.
    pub async fn of(&self, known: &SignedIn) -> Result<(Owner, Needs, bool), ErrorPage> {
        let store = &self.recoveries.store;
        let owner = store.owner(store.db(), &known.person.id).await?;
        let owner = owner.ok_or(PageError::Unavailable)?;
        let proofs = store.session_proofs(&known.row.session).await?;
        let since = self.recoveries.time.now().0 - FRESH_MS;
        let is_fresh = proofs
            .iter()
            .any(|proof| proof.at.0 > since && counts(proof.method, owner.has_password));
        let needs = match (is_fresh, owner.has_password) {
            (true, _) => Needs::Nothing,
            (false, true) => Needs::Password,
            (false, false) => Needs::SignIn,
        };
        let ways = store.ways_in(store.db(), &owner.id).await?;
        let beside = ways.iter().any(|way| way.kind.follows_password());
        Ok((owner, needs, beside))
    }

    /// Shows what is needed; the problem if it is not.
    pub async fn show(
        &self,
        browser: &Browser,
        owner: &Owner,
        needs: Needs,
        current: String,
    ) -> Result<Result<(), Problem>, ErrorPage> {
        match needs {
            Needs::Nothing => Ok(Ok(())),
            Needs::Password => {
                let confirmed = self.passwords.confirm(browser, &owner.id, current).await?;
                Ok(confirmed.map(|_candidate| ()))
            }
            Needs::SignIn => {
                let words = &browser.words();
                Ok(Err(Problem::new(
                    words,
                    "sign_in_again",
                    http::StatusCode::FORBIDDEN,
                )))
            }
        }
    }

    /// Changes the password. Returns the cookies of the session that this browser goes on with; none after a first password,
    /// which ends nothing by itself.
    pub async fn change(
        &self,
        browser: &Browser,
        known: &SignedIn,
        current: String,
        new: Wanted,
    ) -> Result<Result<Vec<HeaderValue>, Unchanged>, ErrorPage> {
        let (owner, needs, beside) = self.of(known).await?;
        if let Err(problem) = self.show(browser, &owner, needs, current).await? {
            return Ok(Err(Unchanged::Current(problem)));
        }
        let end_others = new.end_others;
        let asked = Asked {
            beside: beside && !new.alone,
            advises: !new.advised,
        };
        let whose = For::owner(&owner);
        let hashed = self.recoveries.new_passwords.hash(new.password, whose, asked);
        let new = match hashed.await? {
            Ok(new) => new,
            Err(not_taken) => return Ok(Err(Unchanged::New(not_taken))),
        };
        let recoveries = self.recoveries.clone();
        let notice = recoveries.second.notice(browser);
        let (now, request_id) = (notice.at, latchkey_http::current_request_id().to_string());
        if !owner.has_password {
            let spared = end_others.then(|| Spared {
                user: owner.id.clone(),
                session: known.row.session.id.clone(),
            });
            let store = self.recoveries.store.clone();
            let written = self.recoveries.store.db().write(move |tx| async move {
                let user = owner.id.as_str();
                let new = (new.hash.as_str(), new.is_short);
                if !store.set_password(&tx, user, owner.epoch, new, now).await? {
                    return Ok(false);
                }
                if let Some(spared) = &spared {
                    let cause = RevocationCause::SignedOutThere;
                    recoveries
                        .users
                        .revocations
                        .end_others(&tx, cause, spared, &request_id, now)
                        .await?;
                }
                recoveries.publish(&tx, user).await?;
                recoveries
                    .record(&tx, "password.changed", user, json!({}), now)
                    .await?;
                let changed = Purpose::PasswordChanged { notice };
                recoveries.tell_all(&tx, &owner, &changed, now).await?;
                Ok::<_, IdentityError>(true)
            });
            let is_set = written.await?;
            return Ok(is_set.then(Vec::new).ok_or(Unchanged::Changed));
        }
        let cookies = self.sign_ins.begin_anew(
            browser,
            known,
            |_proof| true,
            move |store, tx| async move {
                let user = owner.id.as_str();
                let new = (new.hash.as_str(), new.is_short);
                if !store.set_password(&tx, user, owner.epoch, new, now).await? {
                    return Ok(false);
                }
                store.close_proofs_of(&tx, user, now).await?;
                store.stop_recoveries_of(&tx, user, now).await?;
                let end = Revocation::Subject { sub: user.to_owned() };
                let cause = RevocationCause::PasswordChanged;
                recoveries
                    .users
                    .revocations
                    .revoke_in(&tx, cause, end, user, &request_id, now)
                    .await?;
                recoveries.publish(&tx, user).await?;
                recoveries
                    .record(&tx, "password.changed", user, json!({}), now)
                    .await?;
                let changed = Purpose::PasswordChanged { notice };
                recoveries.tell_all(&tx, &owner, &changed, now).await?;
                Ok(true)
            },
        );
        let cookies = cookies.await?;
        if cookies.is_empty() {
            return Ok(Err(Unchanged::Changed));
        }
        tracing::info!(sub = known.person.id, "a password was changed");
        Ok(Ok(cookies))
    }
}

/// Whether a proof shows that it is still the owner who sits there: another provider's word does for whoever has no
/// password, and may have nothing else.
fn counts(method: Method, has_password: bool) -> bool {
    match method {
        Method::Password | Method::Passkey { user_verified: true } => true,
        Method::Upstream => !has_password,
        Method::Passkey { user_verified: false }
        | Method::Totp
        | Method::RecoveryCode
        | Method::EmailCode => false,
    }
}
