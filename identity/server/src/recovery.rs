//! The way back into an account: a mailed link, what else is asked for, and the choice of new ways in. An identifier that
//! belongs to nobody gets the same answer at the cost of the same work.

use std::sync::Arc;

use latchkey_clock::Random;
use latchkey_contracts::events::user as wire;
use latchkey_db::Tx;
use latchkey_identity_store::{AuditRow, Owner, RecoveryRow, Store, StoreError};
use latchkey_metrics::catalog::RECOVERIES;
use latchkey_metrics::labels;
use latchkey_protocol::Timestamp;
use latchkey_protocol::authentication::Method;
use latchkey_protocol::error::PageError;
use latchkey_protocol::mail::{Address, Notice, Purpose};
use latchkey_protocol::one_time_proof::{OneTimeProof, ProofPurpose};
use latchkey_protocol::recovery::{
    self, Begun, Decision, Facts, Instead, LINK_MS, Reviewed, Shown, WayIn, WayKind, is_contested, review,
};
use latchkey_protocol::revocation::Revocation;
use latchkey_protocol::revocation_policy::RevocationCause;
use latchkey_protocol::upstream_outcome::forced;
use latchkey_protocol::user::canonical;
use serde_json::{Value, json};

use crate::IdentityError;
use crate::admin::{AdminError, SECOND_LOST, Users};
use crate::browser::Browser;
use crate::mail::Mails;
use crate::mail_limits::{Exceeded, MailLimits};
use crate::new_password::{Asked, For, NewPassword, NewPasswords, NotTaken};
use crate::one_time_proofs::{OneTimeProofs, Wanted};
use crate::pages::{ErrorPage, Problem};
use crate::passkeys::NewPasskey;
use crate::password_sign_in::Passwords;
use crate::second_step::{Checked, SecondStep};
use crate::secret::{digest, is_secret};
use crate::settings::{Settings, is_administrators};
use crate::throttle::GuessKeys;
use crate::time::Time;

/// Recovers accounts. Cloning is cheap.
#[derive(Clone)]
pub(crate) struct Recoveries {
    pub store: Store,
    pub users: Users,
    pub mails: Mails,
    pub proofs: OneTimeProofs,
    pub second: SecondStep,
    pub passwords: Arc<Passwords>,
    pub new_passwords: NewPasswords,
    pub settings: Arc<Settings>,
    pub random: Random,
    pub time: Time,
}

/// The recovery of a browser, and what comes next.
pub(crate) struct At {
    pub row: RecoveryRow,
    pub owner: Owner,
    pub ways: Vec<WayIn>,
    pub decision: Decision,
}

/// Why a step is not taken.
#[derive(Debug)]
pub(crate) enum Refused {
    /// Mails are on their way; until then there are no more.
    MailLimit(Timestamp),
    /// Too many were asked for from here; until then.
    TooMany(Timestamp),
    /// The recovery is over, or another step comes first.
    Over,
    /// The code is wrong.
    Code,
    /// Too many codes were wrong.
    Blocked(Timestamp),
    /// The second step is closed to unknown browsers.
    Closed,
    /// The password that was to be shown.
    Shown(Problem),
    /// The new password.
    Password(NotTaken),
    /// A way in is undecided.
    Review,
    /// Without the password nothing would be left to sign in with.
    LastWay,
}

impl From<Exceeded> for Refused {
    fn from(exceeded: Exceeded) -> Self {
        match exceeded {
            Exceeded::Mails(until) => Self::MailLimit(until),
            Exceeded::Network(until) => Self::TooMany(until),
        }
    }
}

impl Recoveries {
    /// Mails a link to whoever has this name or address, if they exist.
    pub async fn begin(&self, browser: &Browser, typed: &str) -> Result<Result<(), Refused>, ErrorPage> {
        let (now, latest) = (self.time.now(), self.time.latest());
        let candidate = self.store.candidate(typed).await?;
        // Whoever signs in with another provider has no password to recover.
        let candidate = candidate.filter(|candidate| {
            candidate.person.may_act().is_ok()
                && !candidate.person.is_to_be_deleted(latest)
                && forced(&self.settings.providers, &candidate.person.email).is_none()
        });
        let known = candidate.as_ref().and_then(|candidate| {
            let signer = &self.proofs.signer;
            browser.is_known_to(signer, &candidate.person.id, candidate.credential_epoch)
        });
        let (user, epoch) = match &candidate {
            Some(candidate) => (candidate.person.id.clone(), candidate.credential_epoch),
            None => (self.random.uuid_v7(now.0), 0),
        };
        let mut limits = MailLimits::of("recovery", &canonical(typed), browser.address);
        if self.settings.sign_up.limits_networks {
            limits = limits.of_network(browser.address);
        }
        let recoveries = self.clone();
        let done = self.store.db().write(move |tx| async move {
            if let Some(exceeded) = limits.count(&recoveries.store, &tx, now).await? {
                return Ok(Err(exceeded.into()));
            }
            let owner = recoveries.store.owner(&tx, &user).await?;
            let address = owner.as_ref().and_then(|owner| Address::parse(&owner.email));
            let mailbox = canonical(address.as_ref().map_or("", Address::as_str));
            let wanted = Wanted {
                purpose: ProofPurpose::Reset,
                subject: &user,
                address: Some(&mailbox),
                bound: None,
                epoch: Some(epoch),
                browser: None,
                life_ms: LINK_MS,
            };
            let issued = recoveries.proofs.issue(&tx, &wanted, now, latest).await?;
            let purpose = Purpose::PasswordReset {
                token: issued.token,
                expires_at: issued.expires_at,
            };
            match (owner, address) {
                (Some(owner), Some(to)) => {
                    recoveries
                        .mails
                        .queue_from(
                            &tx,
                            &to,
                            Some(&user),
                            &owner.locale,
                            &purpose,
                            known.as_deref(),
                            now,
                        )
                        .await?;
                }
                _ => recoveries.mails.decoy(&tx, &purpose, now).await?,
            }
            Ok(Ok(()))
        });
        let done: Result<Result<(), Refused>, IdentityError> = done.await;
        RECOVERIES.inc(labels::Recovery::Asked);
        Ok(done?)
    }

    /// Whether a mailed link would be taken. Nothing changes.
    pub async fn look(&self, token: &str) -> Result<bool, ErrorPage> {
        if !is_secret(token) {
            return Ok(false);
        }
        let found = self.store.one_time_proof(self.store.db(), &digest(token)).await?;
        let Some(proof) = found.filter(is_link) else {
            return Ok(false);
        };
        let Some(owner) = self.store.owner(self.store.db(), &proof.subject).await? else {
            return Ok(false);
        };
        let (epoch, latest) = (Some(owner.epoch), self.time.latest());
        let looked = self.proofs.look(proof.purpose, token, epoch, latest).await?;
        Ok(owner.may_act && looked.is_ok())
    }

    /// Uses a mailed link, and begins the recovery in this browser, or goes on with the one that has waited. `false` if it
    /// is not taken.
    pub async fn open(&self, browser: &Browser, token: &str) -> Result<bool, ErrorPage> {
        let secret = browser.secret().ok_or(PageError::ForeignForm)?;
        if !is_secret(token) {
            return Ok(false);
        }
        let browser_hash = digest(secret);
        let (now, latest) = (self.time.now(), self.time.latest());
        let notice = self.second.notice(browser);
        let (recoveries, token) = (self.clone(), token.to_owned());
        let id = self.random.uuid_v7(now.0);
        let done = self.store.db().write(move |tx| async move {
            let store = &recoveries.store;
            let found = store.one_time_proof(&tx, &digest(&token)).await?;
            let Some(proof) = found.filter(is_link) else {
                return Ok(false);
            };
            let Some(owner) = store.owner(&tx, &proof.subject).await? else {
                return Ok(false);
            };
            if !store.lock_user(&tx, &owner.id, owner.epoch).await? {
                return Ok(false);
            }
            let spent = recoveries
                .proofs
                .spend_link(&tx, proof.purpose, &token, Some(owner.epoch), now, latest)
                .await?;
            if spent.is_err() {
                return Ok(false);
            }
            store.close_proofs_of(&tx, &owner.id, now).await?;
            let begun = begun(&proof);
            let waiting = store.waiting_recovery(&tx, &owner.id, latest).await?;
            let waiting = waiting.filter(|row| row.epoch == owner.epoch && begun == Begun::ByMail);
            if let Some(row) = waiting
                && !recoveries.was_interrupted(&tx, &row).await?
                && store.move_recovery(&tx, &row.id, &browser_hash).await?
            {
                return Ok(true);
            }
            let row = RecoveryRow {
                id,
                user: owner.id.clone(),
                browser_hash,
                begun,
                epoch: owner.epoch,
                shown: Shown {
                    mail: true,
                    ..Shown::default()
                },
                started_at: now,
                expires_at: Timestamp(latest.0 + LINK_MS),
                waits_since: None,
                ready_at: None,
                notices: 0,
                stopped_at: None,
                finished_at: None,
            };
            store.add_recovery(&tx, &row).await?;
            recoveries
                .record(&tx, "recovery.started", &owner.id, json!({}), now)
                .await?;
            let ways = store.ways_in(&tx, &owner.id).await?;
            let facts = recoveries.facts(&row, &owner, &ways);
            if recovery::decide(&facts, false, latest) == Decision::Delay {
                recoveries.begin_delay(&tx, &row, &owner, notice, latest).await?;
            }
            Ok(true)
        });
        let done: Result<bool, IdentityError> = done.await;
        Ok(done?)
    }

    /// The recovery of this browser, if it goes on.
    pub async fn at(&self, browser: &Browser) -> Result<Option<At>, ErrorPage> {
        let (db, latest) = (self.store.db(), self.time.latest());
        let Some(secret) = browser.secret() else {
            return Ok(None);
        };
        let found = self.store.recovery_of(db, &digest(secret)).await?;
        let Some(row) = found.filter(|row| row.is_open(latest)) else {
            return Ok(None);
        };
        let Some(owner) = self.store.owner(db, &row.user).await? else {
            return Ok(None);
        };
        let interrupted = match row.waits_since {
            Some(since) => self.store.signed_in_since(db, &row.user, since).await?,
            None => false,
        };
        if !owner.may_act || owner.epoch != row.epoch || interrupted {
            return Ok(None);
        }
        let ways = self.store.ways_in(db, &owner.id).await?;
        let decision = recovery::decide(&self.facts(&row, &owner, &ways), false, latest);
        Ok(Some(At {
            row,
            owner,
            ways,
            decision,
        }))
    }

    /// Shows a code of the second step.
    pub async fn show_second(
        &self,
        browser: &Browser,
        at: &At,
        typed: &str,
    ) -> Result<Result<(), Refused>, ErrorPage> {
        if !matches!(at.decision, Decision::Second(_)) {
            return Ok(Err(Refused::Over));
        }
        let first = Method::EmailCode.name();
        let (guesser, checked) = self.second.check(browser, &at.owner.id, first, typed).await?;
        let (typed, failures) = match checked {
            Checked::Right(typed, failures) => (typed, failures),
            Checked::Wrong(failures) => {
                self.second.note_failure(browser, &guesser, failures).await?;
                return Ok(Err(Refused::Code));
            }
            Checked::Blocked(until) => return Ok(Err(Refused::Blocked(until))),
            Checked::Closed => return Ok(Err(Refused::Closed)),
        };
        let (now, notice) = (self.time.now(), self.second.notice(browser));
        let (recoveries, guessed, mut row) = (self.clone(), guesser.clone(), at.row.clone());
        row.shown.second = true;
        let latest = self.time.latest();
        let (facts, owner) = (self.facts(&row, &at.owner, &at.ways), at.owner.clone());
        let written = self.store.db().write(move |tx| async move {
            let spent = recoveries
                .second
                .spend(&tx, &guessed, &typed, notice.clone())
                .await?;
            let store = &recoveries.store;
            if spent.is_none() || !store.show_for_recovery(&tx, &row, row.shown).await? {
                return Err(IdentityError::Conflict);
            }
            // While the address is contested, nothing opens at once.
            if recovery::decide(&facts, false, latest) == Decision::Delay {
                recoveries.begin_delay(&tx, &row, &owner, notice, latest).await?;
            }
            Ok(store.forgive(&tx, std::slice::from_ref(&guessed.key)).await?)
        });
        match written.await {
            Ok(lifted) => {
                self.passwords.throttle.apply(&lifted, now);
                Ok(Ok(()))
            }
            Err(IdentityError::Conflict) => {
                self.second.note_failure(browser, &guesser, failures).await?;
                Ok(Err(Refused::Code))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Begins to wait, for somebody whose second step is lost: with the password, where the mailbox is not enough.
    pub async fn wait(
        &self,
        browser: &Browser,
        at: &At,
        password: String,
    ) -> Result<Result<(), Refused>, ErrorPage> {
        let mut row = at.row.clone();
        match at.decision {
            Decision::Second(Instead::Delay) => {}
            Decision::Second(Instead::Password) => {
                let confirmed = self.passwords.confirm(browser, &at.owner.id, password).await?;
                if let Err(problem) = confirmed {
                    return Ok(Err(Refused::Shown(problem)));
                }
                row.shown.password = true;
            }
            Decision::Second(Instead::Nothing)
            | Decision::Nothing
            | Decision::Delay
            | Decision::Wait(_)
            | Decision::Open => return Ok(Err(Refused::Over)),
        }
        let latest = self.time.latest();
        let facts = self.facts(&row, &at.owner, &at.ways);
        if recovery::decide(&facts, true, latest) != Decision::Delay {
            return Ok(Err(Refused::Over));
        }
        let (recoveries, owner, notice) = (self.clone(), at.owner.clone(), self.second.notice(browser));
        let written = self.store.db().write(move |tx| async move {
            let store = &recoveries.store;
            if !store.lock_user(&tx, &owner.id, row.epoch).await?
                || !store.show_for_recovery(&tx, &row, row.shown).await?
            {
                return Ok(Err(Refused::Over));
            }
            recoveries.begin_delay(&tx, &row, &owner, notice, latest).await?;
            Ok(Ok(()))
        });
        let written: Result<Result<(), Refused>, IdentityError> = written.await;
        Ok(written?)
    }

    /// Sets the new password, or removes it where there is `None`, adds the new passkey, removes what is not kept, and ends
    /// everything else.
    pub async fn finish<'a>(
        &self,
        browser: &Browser,
        at: &At,
        password: Option<String>,
        passkey: Option<NewPasskey>,
        choice: impl Fn(&str) -> Option<&'a str>,
    ) -> Result<Result<(), Refused>, ErrorPage> {
        if at.decision != Decision::Open {
            return Ok(Err(Refused::Over));
        }
        let Some(reviewed) = review(&at.ways, choice) else {
            return Ok(Err(Refused::Review));
        };
        let beside = reviewed.keeps_second_step();
        let asked = Asked {
            beside,
            advises: false,
        };
        let new = match password {
            Some(password) => {
                let hashed = self.new_passwords.hash(password, For::owner(&at.owner), asked);
                match hashed.await? {
                    Ok(new) => Some(new),
                    Err(not_taken) => return Ok(Err(Refused::Password(not_taken))),
                }
            }
            None if passkey.is_none() && !reviewed.keeps(WayKind::Passkey) => {
                return Ok(Err(Refused::LastWay));
            }
            None => None,
        };
        let notice = self.second.notice(browser);
        let (now, request_id) = (notice.at, latchkey_http::current_request_id().to_string());
        let recoveries = self.clone();
        let (row, owner, ways) = (at.row.clone(), at.owner.clone(), at.ways.clone());
        let written = self.store.db().write(move |tx| async move {
            recoveries
                .write(
                    &tx,
                    &row,
                    &owner,
                    (ways.as_slice(), &reviewed),
                    (new.as_ref(), passkey.as_ref()),
                    notice,
                    &request_id,
                )
                .await
        });
        match written.await {
            Ok(lifted) => {
                self.passwords.throttle.apply(&lifted, now);
                RECOVERIES.inc(labels::Recovery::Finished);
                tracing::info!(sub = at.owner.id, "an account was recovered");
                Ok(Ok(()))
            }
            Err(IdentityError::Conflict) => Ok(Err(Refused::Over)),
            Err(error) => Err(error.into()),
        }
    }

    #[expect(clippy::too_many_arguments, reason = "everything that one commit changes")]
    async fn write(
        &self,
        tx: &Tx,
        row: &RecoveryRow,
        owner: &Owner,
        (ways, reviewed): (&[WayIn], &Reviewed),
        (new, passkey): (Option<&NewPassword>, Option<&NewPasskey>),
        notice: Notice,
        request_id: &str,
    ) -> Result<Vec<latchkey_identity_store::BlockChange>, IdentityError> {
        let (store, now, user) = (&self.store, notice.at, owner.id.as_str());
        // The user first: a sign-in that holds them is waited for, and then found.
        let set = match new {
            Some(new) => {
                let hash = (new.hash.as_str(), new.is_short);
                store.set_password(tx, user, row.epoch, hash, now).await?
            }
            None => store.remove_password(tx, user, row.epoch, now).await?,
        };
        if !set
            || !store.finish_recovery(tx, row, now).await?
            || self.was_interrupted(tx, row).await?
            // One was added in the meantime: it was not reviewed.
            || store.ways_in(tx, user).await? != ways
        {
            return Err(IdentityError::Conflict);
        }
        for way in &reviewed.removed {
            store.remove_way(tx, user, way, &digest(&way.id), now).await?;
        }
        if let Some(passkey) = passkey
            && !passkey.write(tx, &self.second, now).await?
        {
            return Err(IdentityError::Conflict);
        }
        store.settle_recovery(tx, user, now).await?;
        store.close_proofs_of(tx, user, now).await?;
        store.stop_recoveries_of(tx, user, now).await?;
        let cause = match row.begun {
            Begun::ByMail => RevocationCause::AccountRecovered,
            Begun::ByAdministrator { .. } => RevocationCause::AdminReset,
        };
        let end = Revocation::Subject { sub: user.to_owned() };
        self.users
            .revocations
            .revoke_in(tx, cause, end, user, request_id, now)
            .await?;
        self.publish(tx, user).await?;
        let kind = if new.is_some() {
            "password.reset"
        } else {
            "password.removed"
        };
        self.record(tx, kind, user, json!({}), now).await?;
        let removed: Vec<&str> = reviewed.removed.iter().map(|way| way.kind.name()).collect();
        self.record(tx, "recovery.finished", user, json!({ "removed": removed }), now)
            .await?;
        let finished = Purpose::RecoveryFinished { notice };
        self.tell_all(tx, owner, &finished, now).await?;
        // Whoever guessed at the old password does not keep the owner of the new one out.
        let counts: Vec<String> = [&owner.username, &owner.email]
            .into_iter()
            .flat_map(|name| {
                let keys = GuessKeys::new(Some(user), None, name);
                keys.all().cloned().collect::<Vec<_>>()
            })
            .collect();
        Ok(store.forgive(tx, &counts).await?)
    }

    /// Removes every way in that was added since then, for whoever changed the address may have added it, and tells every
    /// address of the account. Returns the kinds. Without any app the recovery codes are worth nothing, and go, too.
    pub(crate) async fn remove_ways_since(
        &self,
        tx: &Tx,
        user: &str,
        since: Timestamp,
        notice: &Notice,
    ) -> Result<Vec<&'static str>, IdentityError> {
        let (store, now) = (&self.store, notice.at);
        let ways = store.ways_in(tx, user).await?;
        let (young, old): (Vec<WayIn>, Vec<WayIn>) = ways.into_iter().partition(|way| way.since > since);
        let Some(owner) = store.owner(tx, user).await? else {
            return Ok(Vec::new());
        };
        for way in &young {
            store.remove_way(tx, user, way, &digest(&way.id), now).await?;
            let notice = notice.clone();
            let (kind, told) = match way.kind {
                WayKind::Passkey => {
                    let name = way.name.clone();
                    ("passkey.removed", Purpose::PasskeyRemoved { name, notice })
                }
                WayKind::Totp => ("totp.removed", Purpose::FactorRemoved { notice }),
                WayKind::Provider => {
                    let provider = way.name.clone();
                    ("upstream.unlinked", Purpose::ProviderRemoved { provider, notice })
                }
                // They go with the app that they belong to.
                WayKind::RecoveryCodes => continue,
            };
            self.record(tx, kind, user, json!({ "id": way.id }), now).await?;
            self.tell_all(tx, &owner, &told, now).await?;
        }
        if !old.iter().any(|way| way.kind == WayKind::Totp) {
            store.remove_recovery_codes(tx, user).await?;
        }
        Ok(young.iter().map(|way| way.kind.name()).collect())
    }

    /// Tells services that the user has another version.
    pub(crate) async fn publish(&self, tx: &Tx, user: &str) -> Result<(), IdentityError> {
        let Some(stored) = self.store.user(tx, user).await? else {
            return Ok(());
        };
        match self.users.publish(tx, wire::UPDATED, &stored, user).await {
            Ok(()) => Ok(()),
            Err(AdminError::Inside(error)) => Err(error),
            Err(AdminError::Rejected(_)) => Err(IdentityError::Conflict),
        }
    }

    /// What is known about a recovery.
    pub(crate) fn facts(&self, row: &RecoveryRow, owner: &Owner, ways: &[WayIn]) -> Facts {
        Facts {
            begun: row.begun,
            shown: row.shown,
            has_second: ways.iter().any(|way| way.kind.is_second_step()),
            has_password: owner.has_password,
            administrator: is_administrators(&owner.roles),
            contested: is_contested(owner.email_undone_at, self.time.latest()),
            ready_at: row.ready_at,
            policy: self.settings.recovery,
        }
    }

    /// Whether the owner has signed in since the recovery waits: nobody who can has lost the account.
    async fn was_interrupted(&self, tx: &Tx, row: &RecoveryRow) -> Result<bool, StoreError> {
        match row.waits_since {
            Some(since) => self.store.signed_in_since(tx, &row.user, since).await,
            None => Ok(false),
        }
    }

    /// Mails every address of an account: the one that it has, and the one whose change was undone a short while ago.
    pub(crate) async fn tell_all(
        &self,
        tx: &Tx,
        owner: &Owner,
        purpose: &Purpose,
        now: Timestamp,
    ) -> Result<(), IdentityError> {
        for to in self.addresses(owner) {
            self.mails
                .queue(tx, &to, Some(&owner.id), &owner.locale, purpose, now)
                .await?;
        }
        Ok(())
    }

    pub(crate) fn addresses(&self, owner: &Owner) -> Vec<Address> {
        let contested = is_contested(owner.email_undone_at, self.time.latest());
        let other = owner.email_undone.as_deref().filter(|_| contested);
        let all = std::iter::once(owner.email.as_str()).chain(other);
        all.filter_map(Address::parse).collect()
    }

    pub(crate) async fn record(
        &self,
        tx: &Tx,
        kind: &str,
        user: &str,
        detail: Value,
        now: Timestamp,
    ) -> Result<(), IdentityError> {
        let row = AuditRow {
            id: self.random.uuid_v7(now.0),
            kind: kind.to_owned(),
            actor: "visitor".to_owned(),
            subject: user.to_owned(),
            request_id: Some(latchkey_http::current_request_id().to_string()),
            detail,
        };
        Ok(self.store.audit(tx, &row, now).await?)
    }
}

/// Whether a proof is the link to a recovery.
fn is_link(proof: &OneTimeProof) -> bool {
    matches!(proof.purpose, ProofPurpose::Reset | ProofPurpose::AdminReset)
}

fn begun(proof: &OneTimeProof) -> Begun {
    match proof.purpose {
        ProofPurpose::AdminReset => Begun::ByAdministrator {
            second_lost: proof.bound.as_deref() == Some(SECOND_LOST),
        },
        _ => Begun::ByMail,
    }
}
