//! Passkeys: signing in with one, and making, naming and removing them.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{HeaderValue, StatusCode};
use latchkey_clock::Random;
use latchkey_db::Tx;
use latchkey_identity_store::{AuditRow, PasskeyRow, PasskeyUse, Store};
use latchkey_metrics::catalog::{SIGN_INS, THROTTLED};
use latchkey_metrics::labels;
use latchkey_protocol::Timestamp;
use latchkey_protocol::authentication::{Method, Proof};
use latchkey_protocol::error::PageError;
use latchkey_protocol::mail::Purpose;
use latchkey_protocol::passkey::{self, Counter};
use latchkey_protocol::revocation::Revocation;
use latchkey_protocol::revocation_policy::RevocationCause;
use latchkey_protocol::user::User;
use serde_json::{Value, json};
use webauthn_rs::prelude::{AuthenticationResult, PublicKeyCredential};

use crate::IdentityError;
use crate::browser::Browser;
use crate::interaction::Interaction;
use crate::other_sessions::Spared;
use crate::pages::{ErrorPage, Problem, person_name};
use crate::relying_party::{CeremonyError, RelyingParty, read};
use crate::revocation::Revocations;
use crate::second_step::SecondStep;
use crate::secret::digest;
use crate::sessions::SignedIn;
use crate::sign_in::{Completed, Identified, SignInResult, SignIns};
use crate::signer::Signer;
use crate::throttle::{self, Throttle};
use crate::time::Time;
use crate::unfinished::REQUEST_LIFE_MS;

/// Passkeys. Cloning is cheap.
#[derive(Clone)]
pub(crate) struct Passkeys {
    /// Absent where browsers make no passkeys.
    pub party: Option<Arc<RelyingParty>>,
    pub store: Store,
    pub signer: Signer,
    pub throttle: Arc<Throttle>,
    pub sign_ins: SignIns,
    pub revocations: Revocations,
    pub second: SecondStep,
    pub random: Random,
    pub time: Time,
}

/// The result of a sign-in with a passkey.
pub(crate) enum PasskeyResult {
    /// As with any other way.
    SignIn(SignInResult),
    /// No such passkey ever existed here: its authenticator may forget it.
    Unknown { problem: Problem, credential_id: String },
}

/// What a page needs to make a passkey.
pub(crate) struct Creation {
    /// The options for the browser, as JSON.
    pub options: String,
    /// When they were issued; comes back with the form.
    pub issued: i64,
}

/// A passkey that was made and is not written yet.
pub(crate) struct NewPasskey {
    pub row: PasskeyRow,
    /// What stays of it for good.
    id: String,
    /// The credential epoch of its user.
    pub epoch: i64,
    record: AuditRow,
    told: Purpose,
}

impl NewPasskey {
    /// Writes it in the transaction of whoever has locked its user, with its record and its mail. `false` if it cannot be
    /// added: there are too many, or it exists.
    pub async fn write(&self, tx: &Tx, second: &SecondStep, now: Timestamp) -> Result<bool, IdentityError> {
        let store = &second.store;
        if !store.add_passkey(tx, &self.row, &self.id).await? {
            return Ok(false);
        }
        store.audit(tx, &self.record, now).await?;
        second.tell(tx, &self.row.user, &self.told, now).await?;
        Ok(true)
    }
}

/// What became of a new passkey.
pub(crate) enum Added {
    /// It is there.
    Done,
    /// The page again, with this problem.
    Problem(Problem),
}

/// What became of a removal.
pub(crate) enum Removed {
    /// It is gone, or was not the user's.
    Done,
    /// It is the only way to sign in.
    LastWay,
}

/// How many sessions end with a passkey, at most: more than anybody has.
const SESSIONS: i64 = 500;

impl Passkeys {
    /// The options of a sign-in for this request, as JSON; `None` where there are no passkeys.
    pub fn request_options(&self, interaction: &Interaction) -> Option<String> {
        self.party
            .as_ref()?
            .request_options(&self.challenge(interaction)?)
    }

    /// Signs somebody in with a passkey.
    pub async fn sign_in(
        &self,
        browser: &Browser,
        interaction: &Interaction,
        response: &str,
    ) -> Result<PasskeyResult, ErrorPage> {
        let (now, words) = (self.time.now(), &browser.words());
        let key = throttle::passkey_key(browser.address);
        if let Some(until) = self.throttle.blocked_key(&key, now) {
            THROTTLED.inc(labels::Limit::Passkey);
            let wait_s = (until.0 - now.0).max(0) / 1_000 + 1;
            let problem = Problem::too_many(words, wait_s);
            return Ok(PasskeyResult::SignIn(SignInResult::Problem(problem)));
        }
        let (Some(party), Some(challenge)) = (&self.party, self.challenge(interaction)) else {
            return Err(PageError::Unavailable.into());
        };
        let response: PublicKeyCredential = match read(response) {
            Ok(response) => response,
            Err(error) => return self.failed(browser, &error.to_string()).await,
        };
        let credential_id = URL_SAFE_NO_PAD.encode(&response.raw_id);
        let Some(passkey) = self.store.passkey(&credential_id).await? else {
            let forgotten = self.store.was_removed(&digest(&credential_id)).await?;
            self.count_failure(browser, "the passkey is unknown").await?;
            let problem = Problem::new(words, "passkey_unknown", StatusCode::UNPROCESSABLE_ENTITY);
            return Ok(if forgotten {
                PasskeyResult::SignIn(SignInResult::Problem(problem))
            } else {
                PasskeyResult::Unknown {
                    problem,
                    credential_id,
                }
            });
        };
        if let Err(reason) = self
            .belongs(browser, interaction, party, &response, &passkey)
            .await?
        {
            return self.failed(browser, reason).await;
        }
        let used = match party.check(&response, &challenge, &passkey) {
            Ok(used) => used,
            Err(error) => return self.failed(browser, &error.to_string()).await,
        };
        if passkey.suspended_at.is_some() {
            return self.failed(browser, "the passkey is suspended").await;
        }
        let latest = self.time.latest();
        let candidate = self.store.candidate_by_id(&passkey.user).await?;
        let Some(candidate) = candidate.filter(|candidate| !candidate.person.is_to_be_deleted(latest)) else {
            return self.failed(browser, "the user is gone").await;
        };
        let who = Identified::from(candidate);
        if who.person.may_act().is_err() {
            let line = self.sign_ins.line(browser, who.person.id, "refused");
            let store = self.store.clone();
            let noted = self.store.db();
            noted
                .write(move |tx| async move { Ok::<_, IdentityError>(store.add_sign_in(&tx, &line).await?) })
                .await?;
            let problem = Problem::new(words, "account_disabled", StatusCode::FORBIDDEN);
            return Ok(PasskeyResult::SignIn(SignInResult::Problem(problem)));
        }
        let issued_at = Timestamp(interaction.row.expires_at.0 - REQUEST_LIFE_MS);
        let shown = i64::from(used.counter());
        match passkey::counter(passkey.counter, passkey.counter_at, shown, issued_at) {
            Counter::Fine => {}
            Counter::Behind => return self.failed(browser, "the counter is behind").await,
            Counter::Copied => {
                self.suspend(browser, &passkey).await?;
                return self.failed(browser, "the passkey may have been copied").await;
            }
        }
        self.complete(browser, interaction, &who, &passkey, &used).await
    }

    /// Whether a response names the user that the passkey belongs to; if not, why.
    async fn belongs(
        &self,
        browser: &Browser,
        interaction: &Interaction,
        party: &RelyingParty,
        response: &PublicKeyCredential,
        passkey: &PasskeyRow,
    ) -> Result<Result<(), &'static str>, ErrorPage> {
        if passkey.rp_id != party.id {
            return Ok(Err("the passkey is bound to another domain"));
        }
        Ok(match response.get_user_unique_id() {
            Some(handle) if URL_SAFE_NO_PAD.encode(handle) == passkey.user_handle => Ok(()),
            Some(_) => Err("the passkey names another user"),
            None => {
                // An authenticator may leave the name out where it was told which passkey to use.
                let pending = self.sign_ins.pending(browser, interaction).await?;
                match pending {
                    Some(pending) if pending.who.person.id == passkey.user => Ok(()),
                    Some(_) | None => Err("the passkey names nobody"),
                }
            }
        })
    }

    async fn complete(
        &self,
        browser: &Browser,
        interaction: &Interaction,
        who: &Identified,
        passkey: &PasskeyRow,
        used: &AuthenticationResult,
    ) -> Result<PasskeyResult, ErrorPage> {
        let now = self.time.now();
        let proofs = [Proof {
            credential: Some(passkey.credential_id.clone()),
            ..Proof::new(
                Method::Passkey {
                    user_verified: used.user_verified(),
                },
                now,
            )
        }];
        let used = PasskeyUse {
            credential_id: passkey.credential_id.clone(),
            counter_before: passkey.counter,
            counter: i64::from(used.counter()),
            backup_eligible: passkey.backup_eligible || used.backup_eligible(),
            backup_state: used.backup_state(),
            user_verified: used.user_verified(),
            device: browser.agent(),
        };
        let request = interaction.bare_row();
        let completed =
            self.sign_ins
                .complete(browser, interaction, who, &proofs, move |store, tx| async move {
                    // A challenge is answered once, and a counter counts once.
                    if !store.spend_challenge(&tx, &request, now).await?
                        || !store.use_passkey(&tx, &used, now).await?
                    {
                        return Err(IdentityError::Conflict);
                    }
                    Ok(())
                });
        Ok(PasskeyResult::SignIn(match completed.await? {
            Completed::Done(done, ()) => SignInResult::Done(done),
            Completed::Next(next, ()) => SignInResult::Next(next),
            Completed::Changed => return self.failed(browser, "the challenge was answered before").await,
        }))
    }

    async fn failed(&self, browser: &Browser, reason: &str) -> Result<PasskeyResult, ErrorPage> {
        self.count_failure(browser, reason).await?;
        let problem = Problem::new(
            &browser.words(),
            "passkey_failed",
            StatusCode::UNPROCESSABLE_ENTITY,
        );
        Ok(PasskeyResult::SignIn(SignInResult::Problem(problem)))
    }

    /// Counts a failure for the network. The counts of passwords are others: neither blocks or clears the other.
    async fn count_failure(&self, browser: &Browser, reason: &str) -> Result<(), ErrorPage> {
        SIGN_INS.inc((labels::Method::Passkey, labels::SignIn::Failed));
        tracing::info!(reason, request.id = %latchkey_http::current_request_id(), "a passkey was refused");
        let (store, now) = (self.store.clone(), self.time.now());
        let key = throttle::passkey_key(browser.address);
        let blocked = self
            .store
            .db()
            .write(move |tx| async move {
                let until = store
                    .count_failure(&tx, &key, throttle::FAILED_PASSKEYS, now)
                    .await?;
                let blocks: Vec<_> = until.map(|until| (key, until)).into_iter().collect();
                Ok::<_, IdentityError>(store.block(&tx, &blocks).await?)
            })
            .await?;
        self.throttle.apply(&blocked, now);
        Ok(())
    }

    async fn suspend(&self, browser: &Browser, passkey: &PasskeyRow) -> Result<(), IdentityError> {
        let (store, now, id) = (self.store.clone(), self.time.now(), passkey.credential_id.clone());
        let row = self.record(
            "passkey.suspended",
            "system",
            &passkey.user,
            json!({ "name": passkey.name }),
        );
        let (second, notice) = (self.second.clone(), self.second.notice(browser));
        let told = Purpose::PasskeySuspended {
            name: passkey.name.clone(),
            notice,
        };
        self.store
            .db()
            .write(move |tx| async move {
                if store.suspend_passkey(&tx, &id, now).await? {
                    store.audit(&tx, &row, now).await?;
                    second.tell(&tx, &row.subject, &told, now).await?;
                }
                Ok::<_, IdentityError>(())
            })
            .await?;
        tracing::warn!(
            sub = passkey.user,
            "a passkey may have been copied, and is suspended"
        );
        Ok(())
    }

    /// What a page needs to make a passkey for a user; `bound` is what the form is bound to.
    pub async fn creation(&self, user: &User, bound: &str) -> Result<Option<Creation>, ErrorPage> {
        let Some(party) = &self.party else { return Ok(None) };
        let handle = self.handle(user).await?;
        let known = self.store.passkeys(self.store.db(), &user.id).await?;
        let issued = self.time.now().0;
        let challenge = self.creation_challenge(user, bound, issued);
        let options = challenge.and_then(|challenge| {
            party.creation_options(user, &person_name(user), handle, &known, &challenge)
        });
        let options = options.ok_or(PageError::Unavailable)?;
        Ok(Some(Creation { options, issued }))
    }

    /// Adds the passkey that an authenticator made for [`Passkeys::creation`], in a session if there is one yet.
    pub async fn add(
        &self,
        browser: &Browser,
        user: &User,
        session: Option<&str>,
        bound: &str,
        issued: Option<&str>,
        response: &str,
    ) -> Result<Added, ErrorPage> {
        self.add_and_end(browser, user, (session, false), bound, issued, response)
            .await
    }

    /// [`Passkeys::add`], and with it the end of every other session, if its user asks for that.
    pub async fn add_and_end(
        &self,
        browser: &Browser,
        user: &User,
        (session, end_others): (Option<&str>, bool),
        bound: &str,
        issued: Option<&str>,
        response: &str,
    ) -> Result<Added, ErrorPage> {
        let made = match self.made(browser, user, bound, issued, response).await? {
            Ok(made) => made,
            Err(problem) => return Ok(Added::Problem(problem)),
        };
        let session = session.map(str::to_owned);
        let spared = session.clone().filter(|_| end_others).map(|session| Spared {
            user: user.id.clone(),
            session,
        });
        let (revocations, request_id) = (
            self.revocations.clone(),
            latchkey_http::current_request_id().to_string(),
        );
        let (store, second, now) = (self.store.clone(), self.second.clone(), self.time.now());
        let added = self
            .store
            .db()
            .write(move |tx| async move {
                if !store.lock_user(&tx, &made.row.user, made.epoch).await?
                    || !made.write(&tx, &second, now).await?
                {
                    return Ok(false);
                }
                if let Some(session) = &session {
                    store
                        .note_passkey_made(&tx, &made.row.credential_id, session)
                        .await?;
                }
                if let Some(spared) = &spared {
                    let cause = RevocationCause::SignedOutThere;
                    revocations
                        .end_others(&tx, cause, spared, &request_id, now)
                        .await?;
                }
                Ok::<_, IdentityError>(true)
            })
            .await?;
        Ok(match added {
            true => Added::Done,
            false => Added::Problem(Problem::new(
                &browser.words(),
                "passkey_refused",
                StatusCode::CONFLICT,
            )),
        })
    }

    /// The passkey that an authenticator made for [`Passkeys::creation`], for whoever writes it with more.
    pub async fn made(
        &self,
        browser: &Browser,
        user: &User,
        bound: &str,
        issued: Option<&str>,
        response: &str,
    ) -> Result<Result<NewPasskey, Problem>, ErrorPage> {
        let (words, now) = (&browser.words(), self.time.now());
        let party = self.party.as_ref().ok_or(PageError::NotFound)?;
        let failed = |error: CeremonyError| {
            tracing::info!(reason = %error, request.id = %latchkey_http::current_request_id(), "a new passkey was refused");
            Problem::new(words, "passkey_failed", StatusCode::UNPROCESSABLE_ENTITY)
        };
        let issued: i64 = issued
            .and_then(|issued| issued.parse().ok())
            .ok_or(PageError::Malformed)?;
        if !(0..=passkey::LIFE_MS).contains(&(now.0 - issued)) {
            return Err(PageError::Expired.into());
        }
        let challenge = self
            .creation_challenge(user, bound, issued)
            .ok_or(PageError::Unavailable)?;
        let handle = self.handle(user).await?;
        let made = match party.make(user, handle, response, &challenge) {
            Ok(made) => made,
            Err(error) => return Ok(Err(failed(error))),
        };
        let Some(candidate) = self.store.candidate_by_id(&user.id).await? else {
            return Err(PageError::Expired.into());
        };
        let model = made.aaguid.as_deref().and_then(passkey::model);
        let row = PasskeyRow {
            name: model.map_or_else(|| words.say("passkeys.unnamed").to_owned(), str::to_owned),
            credential_id: made.credential_id,
            user: user.id.clone(),
            rp_id: party.id.clone(),
            user_handle: URL_SAFE_NO_PAD.encode(handle),
            data: made.data,
            aaguid: made.aaguid,
            transports: made.transports,
            backup_eligible: made.backup_eligible,
            backup_state: made.backup_state,
            uv_initialized: true,
            counter: made.counter,
            counter_at: None,
            created_at: now,
            last_used_at: None,
            last_used_on: None,
            suspended_at: None,
        };
        let record = self.record("passkey.added", &user.id, &user.id, json!({ "name": row.name }));
        let told = Purpose::PasskeyAdded {
            name: row.name.clone(),
            notice: self.second.notice(browser),
        };
        Ok(Ok(NewPasskey {
            id: digest(&row.credential_id),
            epoch: candidate.credential_epoch,
            row,
            record,
            told,
        }))
    }

    /// Renames a passkey of a user.
    pub async fn rename(&self, user: &str, credential_id: &str, name: &str) -> Result<(), ErrorPage> {
        let (store, now) = (self.store.clone(), self.time.now());
        let (user, id, name) = (user.to_owned(), credential_id.to_owned(), name.to_owned());
        let record = self.record("passkey.renamed", &user, &user, json!({ "name": name }));
        self.store
            .db()
            .write(move |tx| async move {
                if store.rename_passkey(&tx, &user, &id, &name).await? {
                    store.audit(&tx, &record, now).await?;
                }
                Ok::<_, IdentityError>(())
            })
            .await?;
        Ok(())
    }

    /// Removes a passkey of a user for good, with the sessions that rest on it, and with all others if its user asks for
    /// that. The user's other browsers are no longer known, since whoever had the passkey may have used them. This browser
    /// goes on with what else was proved in it, and with the cookies that are returned.
    pub async fn remove(
        &self,
        browser: &Browser,
        known: &SignedIn,
        credential_id: &str,
        end_others: bool,
    ) -> Result<(Removed, Vec<HeaderValue>), ErrorPage> {
        let (store, revocations, now) = (self.store.clone(), self.revocations.clone(), self.time.now());
        let (user, id) = (known.person.id.clone(), credential_id.to_owned());
        let Some(candidate) = self.store.candidate_by_id(&user).await? else {
            return Ok((Removed::Done, Vec::new()));
        };
        let this = known.row.session.id.clone();
        let stays = |proof: &Proof| proof.credential.as_deref() != Some(credential_id);
        let successor = self.sign_ins.successor(browser, known, stays).await?;
        let next = successor.clone();
        let has_password = candidate.password_hash.is_some();
        let record = self.record("passkey.removed", &user, &user, json!({}));
        let request_id = latchkey_http::current_request_id().to_string();
        let (second, notice) = (self.second.clone(), self.second.notice(browser));
        let settings = self.sign_ins.settings.clone();
        let removed = self
            .store
            .db()
            .write(move |tx| async move {
                if !store.lock_user(&tx, &user, candidate.credential_epoch).await? {
                    return Err(IdentityError::Conflict);
                }
                let usable = |passkey: &&PasskeyRow| passkey.suspended_at.is_none();
                let known = store.passkeys(&tx, &user).await?;
                let others = known.iter().filter(usable).any(|known| known.credential_id != id);
                let Some(name) = known.iter().find(|known| known.credential_id == id) else {
                    return Ok((Removed::Done, None));
                };
                let told = Purpose::PasskeyRemoved {
                    name: name.name.clone(),
                    notice,
                };
                let accounts = store.upstream_identities(&tx, &user).await?;
                let elsewhere = accounts.iter().any(|other| settings.signs_in_by(&other.provider));
                if !has_password && !others && !elsewhere {
                    return Ok((Removed::LastWay, None));
                }
                let sessions = store.sessions_by_credential(&tx, &user, &id, SESSIONS).await?;
                store.remove_passkey(&tx, &user, &id, &digest(&id), now).await?;
                store.raise_credential_epoch(&tx, &user).await?;
                let cause = RevocationCause::FactorRemoved;
                let rests_on_it = sessions.contains(&this);
                end_sessions(&revocations, &tx, cause, sessions, &user, &request_id, now).await?;
                if end_others {
                    let spared = Spared {
                        user: user.clone(),
                        session: this,
                    };
                    revocations
                        .end_others(&tx, cause, &spared, &request_id, now)
                        .await?;
                }
                let epoch = match next {
                    Some(next) if rests_on_it => next.begin(&store, &tx).await?,
                    Some(_) | None => None,
                };
                store.audit(&tx, &record, now).await?;
                second.tell(&tx, &user, &told, now).await?;
                Ok::<_, IdentityError>((Removed::Done, epoch))
            })
            .await?;
        let (removed, epoch) = removed;
        let cookies = successor
            .zip(epoch)
            .map(|(next, epoch)| self.sign_ins.cookies_of(browser, known, &next, epoch));
        Ok((removed, cookies.unwrap_or_default()))
    }

    /// Whether a user who has just signed in by password should be asked to make a passkey: once a month, if they have
    /// none. Asking is written down.
    pub async fn should_ask(&self, user: &str) -> Result<bool, ErrorPage> {
        if self.party.is_none() || self.store.factors(user).await?.passkey {
            return Ok(false);
        }
        let (store, user, now) = (self.store.clone(), user.to_owned(), self.time.now());
        let before = Timestamp(now.0 - passkey::ASK_AGAIN_MS);
        let asked = self.store.db().write(move |tx| async move {
            Ok::<_, IdentityError>(store.ask_for_passkey(&tx, &user, before, now).await?)
        });
        Ok(asked.await?)
    }

    /// What authenticators call a user: 16 random bytes, chosen with the first passkey. It is not the `sub`, which clients
    /// know.
    async fn handle(&self, user: &User) -> Result<[u8; 16], ErrorPage> {
        let fresh = URL_SAFE_NO_PAD.encode(self.random.bytes::<16>());
        let handle = self.store.user_handle(&user.id, &fresh).await?;
        let handle = handle.and_then(|handle| URL_SAFE_NO_PAD.decode(handle).ok());
        let handle = handle.and_then(|handle| handle.try_into().ok());
        handle.ok_or_else(|| PageError::Internal.into())
    }

    /// The challenge of a request: the same until it was answered, as long as its interaction, and another one for every
    /// other request.
    fn challenge(&self, interaction: &Interaction) -> Option<Vec<u8>> {
        let row = &interaction.row;
        let mac = self
            .signer
            .mac("passkey", &[&row.id, &row.challenges.to_string()])?;
        URL_SAFE_NO_PAD.decode(mac).ok()
    }

    fn creation_challenge(&self, user: &User, bound: &str, issued: i64) -> Option<Vec<u8>> {
        let mac = self
            .signer
            .mac("new passkey", &[&user.id, bound, &issued.to_string()])?;
        URL_SAFE_NO_PAD.decode(mac).ok()
    }

    fn record(&self, kind: &str, actor: &str, subject: &str, detail: Value) -> AuditRow {
        AuditRow {
            id: self.random.uuid_v7(self.time.now().0),
            kind: kind.to_owned(),
            actor: actor.to_owned(),
            subject: subject.to_owned(),
            request_id: Some(latchkey_http::current_request_id().to_string()),
            detail,
        }
    }
}

async fn end_sessions(
    revocations: &Revocations,
    tx: &Tx,
    cause: RevocationCause,
    sessions: Vec<String>,
    actor: &str,
    request_id: &str,
    now: Timestamp,
) -> Result<(), IdentityError> {
    for session in sessions {
        let end = Revocation::Session { session };
        revocations
            .revoke_in(tx, cause, end, actor, request_id, now)
            .await?;
    }
    Ok(())
}
