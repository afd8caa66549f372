//! Registration of people: begun with an address, proved by a mailed code or link, finished with a name and a password. An
//! address that has an account gets the same answer at the cost of the same work, and another mail.

use std::sync::Arc;

use latchkey_clock::Random;
use latchkey_contracts::events::user as wire;
use latchkey_db::{DbError, Tx};
use latchkey_identity_store::{
    AuditRow, Holder, InvitationRow, NewRoleGrant, NewUserRow, Proof, RoleHolder, Store, StoreError, Window,
};
use latchkey_metrics::catalog::REGISTRATIONS;
use latchkey_protocol::administration::{Actor, given, may_give};
use latchkey_protocol::error::PageError;
use latchkey_protocol::mail::{Address, Purpose};
use latchkey_protocol::one_time_proof::{OneTimeProof, ProofError, ProofPurpose};
use latchkey_protocol::proof_of_work::is_solved;
use latchkey_protocol::sign_up::{
    ADMINISTRATOR, FinishError, LONGEST_MS, NAME_TRIES, Page, Policy, Registration, Sender, SignUpError,
    check_name, check_terms, may_register, may_register_at, sender, waits,
};
use latchkey_protocol::upstream_outcome::forced;
use latchkey_protocol::user::{User, canonical, latin_twin, username_canonical};
use latchkey_protocol::{ClientId, Timestamp};
use serde_json::{Map, Value, json};

use crate::IdentityError;
use crate::admin::{AdminError, Groups, INVITATION, Users};
use crate::browser::Browser;
use crate::mail::Mails;
use crate::mail_limits::{Exceeded, MailLimits};
use crate::new_password::{Asked, For, NewPasswords, NotTaken};
use crate::one_time_proofs::{OneTimeProofs, Wanted};
use crate::pages::ErrorPage;
use crate::password_hashing::Class;
use crate::secret::{digest, is_secret, new_secret};
use crate::settings::Settings;
use crate::throttle::prefix;
use crate::time::Time;

/// Registers people. Cloning is cheap.
#[derive(Clone)]
pub(crate) struct SignUps {
    pub store: Store,
    pub users: Users,
    pub groups: Groups,
    pub mails: Mails,
    pub proofs: OneTimeProofs,
    pub new_passwords: NewPasswords,
    pub settings: Arc<Settings>,
    pub random: Random,
    pub time: Time,
}

/// What the first page sends.
pub(crate) struct Begin {
    /// The address, as typed.
    pub email: String,
    /// The field that nobody sees.
    pub trap: String,
    /// When the page was made, as its form token proves.
    pub shown_at: Timestamp,
    /// The version of the terms that was accepted.
    pub terms: Option<String>,
    /// The request that it is begun for.
    pub request: Option<String>,
    /// Its client, and whether people may register for it.
    pub client: Option<(ClientId, bool)>,
    /// The invitation that it uses.
    pub invitation: Option<InvitationRow>,
    /// What the browser had to work on: the token of its form, which this browser alone can have.
    pub challenge: String,
    /// What it found, if it has worked.
    pub nonce: String,
}

/// What the last page sends.
pub(crate) struct Finish {
    pub name: String,
    pub username: String,
    pub password: String,
    /// Whether whoever chose the password was told that it is weak.
    pub advised: bool,
}

/// Why the page is shown again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// By the rules of registrations.
    SignUp(SignUpError),
    /// What was typed is no address.
    Address,
    /// Mails for it are on their way; until then there are no more.
    MailLimit(Timestamp),
    /// Too many registrations were begun from here; until then.
    TooMany(Timestamp),
    /// The code or link proves nothing.
    Proof(ProofError),
    /// The user name of the last form.
    Finish(FinishError),
    /// The password of the last form.
    Password(NotTaken),
    /// The address has an account by now, and its owner was written to.
    Exists,
    /// The registration is over.
    Over,
    /// The work on this page was used for another registration.
    Spent,
}

impl Refused {
    /// How many points of four the password has, if it is refused once for being weak.
    pub fn points(self) -> Option<u8> {
        match self {
            Self::Password(not_taken) => not_taken.points(),
            _ => None,
        }
    }
}

impl From<Exceeded> for Refused {
    fn from(exceeded: Exceeded) -> Self {
        match exceeded {
            Exceeded::Mails(until) => Self::MailLimit(until),
            Exceeded::Network(until) => Self::TooMany(until),
        }
    }
}

impl From<NotTaken> for Refused {
    fn from(not_taken: NotTaken) -> Self {
        Self::Password(not_taken)
    }
}

impl From<SignUpError> for Refused {
    fn from(error: SignUpError) -> Self {
        Self::SignUp(error)
    }
}

/// Who was registered.
#[derive(Debug)]
pub(crate) struct Registered {
    pub user: String,
    /// Whether an administrator must approve the account first.
    pub waits: bool,
}

/// Who shows a mailed link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum At {
    /// The browser that asked for it.
    Here,
    /// Another one, which starts again with the address proved, and takes nothing else of the first.
    Elsewhere,
}

/// How long a registration may take.
const LIFE_MS: i64 = 24 * HOUR_MS;
/// How long code and link are good for.
const PROOF_MS: i64 = 30 * MINUTE_MS;
const HOUR_MS: i64 = 60 * MINUTE_MS;
const MINUTE_MS: i64 = 60_000;

/// Registrations that one network begins.
const NETWORK_BEGINS: Window = Window {
    most: 60,
    length_ms: HOUR_MS,
};

/// Why a transaction was undone.
#[derive(Debug)]
enum Undone {
    Refused(Refused),
    Inside(IdentityError),
}

impl From<DbError> for Undone {
    fn from(error: DbError) -> Self {
        Self::Inside(error.into())
    }
}

impl From<StoreError> for Undone {
    fn from(error: StoreError) -> Self {
        Self::Inside(error.into())
    }
}

impl From<AdminError> for Undone {
    fn from(error: AdminError) -> Self {
        match error {
            AdminError::Inside(error) => Self::Inside(error),
            AdminError::Rejected(_) => Self::Inside(IdentityError::Conflict),
        }
    }
}

/// Whether somebody has the name whose letters this one imitates.
pub(crate) async fn has_twin(store: &Store, tx: &Tx, username: &str) -> Result<bool, StoreError> {
    match latin_twin(&username_canonical(username)) {
        Some(twin) => store.has_username(tx, &twin).await,
        None => Ok(false),
    }
}

impl SignUps {
    pub fn policy(&self) -> &Policy {
        &self.settings.sign_up
    }

    /// The latest registration of this browser, with the page that it is at.
    pub async fn of(&self, browser: &Browser) -> Result<Option<(Registration, Page)>, ErrorPage> {
        let Some(secret) = browser.secret() else {
            return Ok(None);
        };
        let found = self
            .store
            .registration_of(self.store.db(), &digest(secret))
            .await?;
        let latest = self.time.latest();
        Ok(found.map(|registration| {
            let page = registration.page(latest);
            (registration, page)
        }))
    }

    /// The invitation of a link.
    pub async fn invitation(&self, token: &str) -> Result<Option<InvitationRow>, ErrorPage> {
        if !is_secret(token) {
            return Ok(None);
        }
        Ok(self.store.invitation_by_token(&digest(token)).await?)
    }

    /// Whether somebody with this invitation, or none, may register.
    pub fn may_register(&self, invitation: Option<&InvitationRow>) -> Result<(), SignUpError> {
        let invitation = invitation.map(|row| &row.invitation);
        may_register(self.policy(), invitation, None, self.time.latest())
    }

    /// Whether the client lets somebody with this invitation, or none, register.
    pub fn may_register_at(
        &self,
        registers: bool,
        invitation: Option<&InvitationRow>,
    ) -> Result<(), SignUpError> {
        may_register_at(registers, invitation.map(|row| &row.invitation))
    }

    /// Begins a registration: its row, a proof and a mail, whether the address has an account or not.
    pub async fn begin(&self, browser: &Browser, begin: Begin) -> Result<Result<(), Refused>, ErrorPage> {
        let (now, latest) = (self.time.now(), self.time.latest());
        let checked = self.check_begin(&begin, now, latest);
        let address = match checked {
            Err(refused) => return Ok(Err(refused)),
            // A program gets the answer that everybody gets.
            Ok(None) => return Ok(Ok(())),
            Ok(Some(address)) => address,
        };
        let secret = browser.secret().ok_or(PageError::ForeignForm)?.to_owned();
        // The operator has shown the link to its reader, and there may be no relay yet: the address stays unverified.
        let owner = begin
            .invitation
            .as_ref()
            .is_some_and(|row| row.invitation.is_owners());
        let worked = self.policy().proof_of_work;
        let worked = worked.is_some_and(|bits| is_solved(&begin.challenge, &begin.nonce, bits));
        // The work on one page is good for one registration.
        let work = worked.then(|| (digest(&begin.challenge), Timestamp(begin.shown_at.0 + LONGEST_MS)));
        let registration = Registration {
            id: new_secret(&self.random),
            browser_hash: digest(&secret),
            email_canonical: canonical(address.as_str()),
            email: address.as_str().to_owned(),
            request: begin.request,
            invitation: begin.invitation.map(|row| row.invitation.id),
            locale: browser.words().tag().to_owned(),
            terms: begin.terms,
            client: begin.client.map(|(id, _)| id.to_string()),
            worked,
            name_tries: 0,
            created_at: now,
            expires_at: Timestamp(latest.0 + LIFE_MS),
            proved_at: owner.then_some(now),
            finished_at: None,
        };
        let mut limits = self.mail_limits(browser, &registration);
        if self.policy().limits_networks {
            let begins = format!("register|{}", prefix(browser.address));
            limits = limits.and(begins, NETWORK_BEGINS);
        }
        let sign_ups = self.clone();
        let done = self.store.db().write(move |tx| async move {
            if let Some(exceeded) = limits.count(&sign_ups.store, &tx, now).await? {
                return Ok(Err(exceeded.into()));
            }
            if let Some((challenge, until)) = &work {
                let proof = Proof {
                    kind: "proof_of_work",
                    owner: "registration",
                    jti_hash: challenge,
                    until: *until,
                };
                if !sign_ups.store.use_proof(&tx, proof).await? {
                    return Ok(Err(Refused::Spent));
                }
            }
            sign_ups.store.add_registration(&tx, &registration).await?;
            sign_ups
                .record(&tx, "registration.started", &registration.id, now)
                .await?;
            if owner {
                return Ok(Ok(()));
            }
            sign_ups
                .mail(&tx, &registration, &secret, now, latest)
                .await
                .map(Ok)
        });
        let done: Result<Result<(), Refused>, IdentityError> = done.await;
        Ok(done?)
    }

    /// Begins a registration for somebody whom another provider has named, with an address that it does not prove: a mail is
    /// sent whether the address has an account or not. Returns its id.
    pub async fn begin_elsewhere(
        &self,
        browser: &Browser,
        address: &Address,
        request: Option<String>,
    ) -> Result<Result<String, Refused>, ErrorPage> {
        let (now, latest) = (self.time.now(), self.time.latest());
        let secret = browser.secret().ok_or(PageError::OtherBrowser)?.to_owned();
        let registration = Registration {
            id: new_secret(&self.random),
            browser_hash: digest(&secret),
            email_canonical: canonical(address.as_str()),
            email: address.as_str().to_owned(),
            request,
            invitation: None,
            locale: browser.words().tag().to_owned(),
            terms: None,
            // Whether its client lets people register is asked where the provider's word arrives and where it is used.
            client: None,
            // The provider's word counts in this browser alone: whoever opens the link elsewhere has shown nothing.
            worked: false,
            name_tries: 0,
            created_at: now,
            expires_at: Timestamp(latest.0 + LIFE_MS),
            proved_at: None,
            finished_at: None,
        };
        let limits = self.mail_limits(browser, &registration);
        let sign_ups = self.clone();
        let done = self.store.db().write(move |tx| async move {
            if let Some(exceeded) = limits.count(&sign_ups.store, &tx, now).await? {
                return Ok(Err(exceeded.into()));
            }
            sign_ups.store.add_registration(&tx, &registration).await?;
            sign_ups
                .record(&tx, "registration.started", &registration.id, now)
                .await?;
            sign_ups.mail(&tx, &registration, &secret, now, latest).await?;
            Ok(Ok(registration.id))
        });
        let done: Result<Result<String, Refused>, IdentityError> = done.await;
        Ok(done?)
    }

    /// The address to write to; none for a program.
    fn check_begin(
        &self,
        begin: &Begin,
        now: Timestamp,
        latest: Timestamp,
    ) -> Result<Option<Address>, Refused> {
        let invitation = begin.invitation.as_ref().map(|row| &row.invitation);
        may_register(self.policy(), invitation, None, latest)?;
        let registers = begin.client.as_ref().is_none_or(|(_, registers)| *registers);
        may_register_at(registers, invitation)?;
        if sender(&begin.trap, begin.shown_at, now)? == Sender::Program {
            return Ok(None);
        }
        let address = Address::parse(begin.email.trim()).ok_or(Refused::Address)?;
        may_register(
            self.policy(),
            invitation,
            Some(&canonical(address.as_str())),
            latest,
        )?;
        check_terms(self.policy(), begin.terms.as_deref())?;
        Ok(Some(address))
    }

    /// Sends another code for a registration. The one before stays good.
    pub async fn resend(
        &self,
        browser: &Browser,
        registration: Registration,
    ) -> Result<Result<(), Refused>, ErrorPage> {
        let (now, latest) = (self.time.now(), self.time.latest());
        let secret = browser.secret().ok_or(PageError::ForeignForm)?.to_owned();
        let limits = self.mail_limits(browser, &registration);
        let sign_ups = self.clone();
        let done = self.store.db().write(move |tx| async move {
            if let Some(exceeded) = limits.count(&sign_ups.store, &tx, now).await? {
                return Ok(Err(exceeded.into()));
            }
            const LIVE_CODES: usize = 3;
            let proofs = sign_ups
                .store
                .one_time_proofs_of(&tx, ProofPurpose::Registration, &registration.id)
                .await?;
            let since = Timestamp(now.0 - HOUR_MS);
            let last_hour: Vec<_> = proofs.iter().filter(|proof| proof.created_at > since).collect();
            if last_hour.len() >= LIVE_CODES {
                let first = last_hour.last().map_or(now, |proof| proof.created_at);
                return Ok(Err(Refused::MailLimit(Timestamp(first.0 + HOUR_MS))));
            }
            sign_ups
                .mail(&tx, &registration, &secret, now, latest)
                .await
                .map(Ok)
        });
        let done: Result<Result<(), Refused>, IdentityError> = done.await;
        Ok(done?)
    }

    /// A proof and a mail for a registration. Somebody who has an account with the address gets another mail, to the
    /// address as it is stored with the account, and the proof that nobody gets is as good as none.
    async fn mail(
        &self,
        tx: &Tx,
        registration: &Registration,
        browser: &str,
        now: Timestamp,
        latest: Timestamp,
    ) -> Result<(), IdentityError> {
        let known = self.store.user(tx, &registration.email).await?;
        let wanted = Wanted {
            purpose: ProofPurpose::Registration,
            subject: &registration.id,
            address: Some(&registration.email_canonical),
            bound: None,
            epoch: None,
            browser: Some(browser),
            life_ms: PROOF_MS,
        };
        let issued = self.proofs.issue(tx, &wanted, now, latest).await?;
        let (stored, user, purpose) = match &known {
            Some(user) => (&user.email, Some(user.id.as_str()), Purpose::AccountExists),
            None => {
                let purpose = Purpose::RegistrationCode {
                    code: issued.code,
                    token: issued.token,
                    expires_at: issued.expires_at,
                };
                (&registration.email, None, purpose)
            }
        };
        let Some(to) = Address::parse(stored) else {
            return Ok(());
        };
        let chosen = match user {
            Some(user) => self.store.user_locale(tx, user).await?,
            None => None,
        };
        let locale = chosen.unwrap_or_else(|| registration.locale.clone());
        self.mails.queue(tx, &to, user, &locale, &purpose, now).await
    }

    /// What asking for a mail is counted by.
    fn mail_limits(&self, browser: &Browser, registration: &Registration) -> MailLimits {
        let typed = &registration.email_canonical;
        let limits = MailLimits::of("registration", typed, browser.address);
        match self.policy().limits_networks {
            true => limits.of_network(browser.address),
            false => limits,
        }
    }

    /// Proves the address by the code, in the browser that asked for it.
    pub async fn verify(
        &self,
        browser: &Browser,
        registration: &Registration,
        code: &str,
    ) -> Result<Result<(), Refused>, ErrorPage> {
        let (now, latest) = (self.time.now(), self.time.latest());
        let (sign_ups, id, code) = (self.clone(), registration.id.clone(), code.to_owned());
        let secret = browser.secret().map(str::to_owned);
        let done = self.store.db().write(move |tx| async move {
            let of = (ProofPurpose::Registration, id.as_str());
            let spent = sign_ups
                .proofs
                .spend_code(&tx, of, &code, secret.as_deref(), None, (now, latest))
                .await?;
            // A try that was wrong is committed as well.
            let Err(error) = spent.map(|_| ()) else {
                sign_ups.prove(&tx, &id, now).await?;
                return Ok(Ok(()));
            };
            Ok(Err(Refused::Proof(error)))
        });
        let done: Result<Result<(), Refused>, IdentityError> = done.await;
        Ok(done?)
    }

    /// What a mailed link would do in this browser. Nothing changes.
    pub async fn look(&self, browser: &Browser, token: &str) -> Result<Result<At, ProofError>, ErrorPage> {
        let latest = self.time.latest();
        let looked = self
            .proofs
            .look(ProofPurpose::Registration, token, None, latest)
            .await?;
        Ok(looked.map(|proof| at(browser, &proof)))
    }

    /// Proves the address by the link: in the browser that asked, or in another, which then starts with the address alone.
    pub async fn confirm(
        &self,
        browser: &Browser,
        token: &str,
    ) -> Result<Result<Registration, Refused>, ErrorPage> {
        let (now, latest) = (self.time.now(), self.time.latest());
        let here = digest(browser.secret().ok_or(PageError::ForeignForm)?);
        let locale = browser.words().tag().to_owned();
        let (sign_ups, token) = (self.clone(), token.to_owned());
        let fresh = new_secret(&self.random);
        let done = self.store.db().write(move |tx| async move {
            let spent = sign_ups
                .proofs
                .spend_link(&tx, ProofPurpose::Registration, &token, None, now, latest)
                .await?;
            let proof = match spent {
                Ok(proof) => proof,
                Err(error) => return Ok(Err(Refused::Proof(error))),
            };
            let begun = sign_ups.store.registration(&tx, &proof.subject).await?;
            let Some(begun) = begun else {
                return Ok(Err(Refused::Over));
            };
            if begun.browser_hash == here {
                sign_ups.prove(&tx, &begun.id, now).await?;
                return Ok(Ok(begun));
            }
            let own = Registration {
                id: fresh,
                browser_hash: here,
                request: None,
                locale,
                // Whoever began it has accepted them, if anybody has; this reader accepts them with the last form.
                terms: None,
                name_tries: 0,
                created_at: now,
                expires_at: Timestamp(latest.0 + LIFE_MS),
                proved_at: Some(now),
                finished_at: None,
                ..begun
            };
            sign_ups.store.add_registration(&tx, &own).await?;
            sign_ups.record(&tx, "registration.proved", &own.id, now).await?;
            Ok(Ok(own))
        });
        let done: Result<Result<Registration, Refused>, IdentityError> = done.await;
        Ok(done?)
    }

    /// Whether somebody with this address may have an account with a password: not where another provider alone says who
    /// they are.
    fn may_have_password(&self, address: &str) -> Result<(), SignUpError> {
        match forced(&self.settings.providers, address) {
            Some(_) => Err(SignUpError::Domain),
            None => Ok(()),
        }
    }

    /// Begins a registration by an invitation that only a mail to its address has carried: opening it proves the address.
    pub async fn accept(
        &self,
        browser: &Browser,
        row: &InvitationRow,
        request: Option<String>,
    ) -> Result<Result<(), Refused>, ErrorPage> {
        let (now, latest) = (self.time.now(), self.time.latest());
        let secret = browser.secret().ok_or(PageError::ForeignForm)?;
        let Some(email) = row.email.clone().filter(|_| row.invitation.mailed) else {
            return Ok(Err(SignUpError::Invitation.into()));
        };
        let canonical = canonical(&email);
        let may = may_register(self.policy(), Some(&row.invitation), Some(&canonical), latest);
        if let Err(error) = may.and_then(|()| self.may_have_password(&canonical)) {
            return Ok(Err(error.into()));
        }
        let registration = Registration {
            id: new_secret(&self.random),
            browser_hash: digest(secret),
            email,
            email_canonical: canonical,
            request,
            invitation: Some(row.invitation.id.clone()),
            locale: browser.words().tag().to_owned(),
            terms: None,
            client: None,
            worked: false,
            name_tries: 0,
            created_at: now,
            expires_at: Timestamp(latest.0 + LIFE_MS),
            proved_at: Some(now),
            finished_at: None,
        };
        let sign_ups = self.clone();
        let done = self.store.db().write(move |tx| async move {
            sign_ups.store.add_registration(&tx, &registration).await?;
            sign_ups
                .record(&tx, "registration.proved", &registration.id, now)
                .await
        });
        let done: Result<(), IdentityError> = done.await;
        done?;
        Ok(Ok(()))
    }

    /// Makes the account. Whether the operator and the invitation still allow it is asked once more.
    pub async fn finish(
        &self,
        registration: &Registration,
        form: Finish,
    ) -> Result<Result<Registered, Refused>, ErrorPage> {
        if let Err(error) = check_name(&form.username) {
            return Ok(Err(Refused::Finish(error)));
        }
        if registration.name_tries >= NAME_TRIES {
            return Ok(Err(Refused::Finish(FinishError::NameTaken)));
        }
        let whose = For {
            key: registration.id.clone(),
            class: Class::Unknown,
            username: &form.username,
            email: &registration.email,
            name: &form.name,
        };
        let asked = Asked {
            beside: false,
            advises: !form.advised,
        };
        let hash = match self.new_passwords.hash(form.password, whose, asked).await? {
            Ok(new) => new.hash,
            Err(not_taken) => return Ok(Err(not_taken.into())),
        };
        let tries = {
            let (store, id) = (self.store.clone(), registration.id.clone());
            let counted = self.store.db().write(move |tx| async move {
                Ok::<_, IdentityError>(store.count_name_try(&tx, &id).await?)
            });
            counted.await?
        };
        if tries > NAME_TRIES {
            return Ok(Err(Refused::Finish(FinishError::NameTaken)));
        }
        let waits = waits(
            self.policy(),
            registration.invitation.is_some(),
            registration.worked,
        );
        let now = self.time.now();
        let mut claims = Map::new();
        let name: String = form.name.split_whitespace().collect::<Vec<_>>().join(" ");
        if !name.is_empty() {
            claims.insert("name".to_owned(), Value::from(name));
        }
        // The language of the pages that they registered on is the first of their profile.
        claims.insert("locale".to_owned(), Value::from(registration.locale.as_str()));
        let user = NewUserRow {
            id: self.random.uuid_v7(now.0),
            username: form.username.trim().to_owned(),
            email: registration.email.clone(),
            email_verified: true,
            password_hash: Some(hash),
            roles: Vec::new(),
            claims,
        };
        let id = user.id.clone();
        match self.write_user(registration.clone(), user, waits).await {
            Ok(()) => {
                REGISTRATIONS.inc(());
                tracing::info!(sub = id, "registered");
                Ok(Ok(Registered { user: id, waits }))
            }
            Err(Undone::Refused(Refused::Exists)) => {
                self.tell_owner(registration).await?;
                Ok(Err(Refused::Exists))
            }
            Err(Undone::Refused(refused)) => Ok(Err(refused)),
            Err(Undone::Inside(IdentityError::Conflict)) => Ok(Err(Refused::Over)),
            Err(Undone::Inside(error)) => Err(error.into()),
        }
    }

    /// One transaction: the end of the registration, the use of the invitation, the user, and who is told.
    async fn write_user(
        &self,
        registration: Registration,
        mut user: NewUserRow,
        waits: bool,
    ) -> Result<(), Undone> {
        let (now, latest) = (self.time.now(), self.time.latest());
        let sign_ups = self.clone();
        let done = self.store.db().write(move |tx| async move {
            let store = &sign_ups.store;
            if !store
                .finish_registration(&tx, &registration.id, &registration.browser_hash, now)
                .await?
            {
                return Err(Undone::Refused(Refused::Over));
            }
            let row = match &registration.invitation {
                Some(invitation) => {
                    store.queue_role_change(&tx).await?;
                    store.invitation(&tx, invitation).await?
                }
                None => None,
            };
            let invitation = row.as_ref().map(|row| &row.invitation);
            let (policy, email) = (sign_ups.policy(), registration.email_canonical.as_str());
            let lost = registration.invitation.is_some() && invitation.is_none();
            if lost {
                return Err(Undone::Refused(SignUpError::Invitation.into()));
            }
            may_register(policy, invitation, Some(email), latest)
                .and_then(|()| sign_ups.may_have_password(email))
                .map_err(|error| Undone::Refused(error.into()))?;
            let registers = sign_ups.still_registers(&tx, &registration).await?;
            may_register_at(registers, invitation).map_err(|error| Undone::Refused(error.into()))?;
            if has_twin(store, &tx, &user.username).await? {
                return Err(Undone::Refused(Refused::Finish(FinishError::NameTaken)));
            }
            if let Some(invitation) = invitation {
                let owner = invitation.is_owners();
                let late = owner && store.has_role(&tx, ADMINISTRATOR).await?;
                if late || !store.use_invitation(&tx, &invitation.id, latest).await? {
                    return Err(Undone::Refused(SignUpError::Invitation.into()));
                }
                if owner {
                    user.email_verified = false;
                    sign_ups
                        .record(&tx, "owner.created", &user.id, now)
                        .await
                        .map_err(Undone::Inside)?;
                }
            }
            if let Some(row) = &row {
                let held = sign_ups.users.changes.held_by(&tx, &row.inviter).await?;
                user.roles = given(Actor::of(held.as_deref()), &row.invitation.roles);
            }
            if !store.add_user(&tx, &user, now).await? {
                // An address of an account that is gone is as little to be had.
                let exists = store.user(&tx, &registration.email).await?.is_some()
                    || store.is_reserved(&tx, "", &registration.email, now).await?;
                return Err(Undone::Refused(match exists {
                    true => Refused::Exists,
                    false => Refused::Finish(FinishError::NameTaken),
                }));
            }
            store
                .settle_new_user(&tx, &user.id, &registration.locale, waits, now)
                .await?;
            if let Some(row) = &row {
                sign_ups.join_groups(&tx, row, &user.id, now).await?;
                if !row.groups.is_empty() {
                    store.settle_roles(&tx, &user.id, now).await?;
                }
                sign_ups.record_use(&tx, row, &user.id, now).await?;
            }
            if let Some(version) = &registration.terms {
                store
                    .accept_terms(&tx, &user.id, version, &registration.locale, now)
                    .await?;
                sign_ups
                    .record(&tx, "terms.accepted", &user.id, now)
                    .await
                    .map_err(Undone::Inside)?;
            }
            let stored = store.user(&tx, &user.id).await?;
            let stored = stored.ok_or(Undone::Inside(IdentityError::Unexpected("a new user")))?;
            sign_ups
                .users
                .publish(&tx, wire::REGISTERED, &stored, &user.id)
                .await?;
            sign_ups
                .record(&tx, "registration.finished", &user.id, now)
                .await
                .map_err(Undone::Inside)
        });
        done.await
    }

    /// Gives somebody who has an account and is signed in what an invitation gives: roles and groups, as far as the inviter
    /// holds them still. It is for their address, or for nobody's in particular.
    pub async fn accept_signed_in(
        &self,
        person: &User,
        row: &InvitationRow,
    ) -> Result<Result<(), Refused>, ErrorPage> {
        if !is_for(person, row) || row.invitation.is_owners() {
            return Ok(Err(SignUpError::Invitation.into()));
        }
        let (now, latest) = (self.time.now(), self.time.latest());
        let (sign_ups, id, user) = (self.clone(), row.invitation.id.clone(), person.id.clone());
        let done = self.store.db().write(move |tx| async move {
            let store = &sign_ups.store;
            store.queue_role_change(&tx).await?;
            let refused = || Undone::Refused(SignUpError::Invitation.into());
            let row = store.invitation(&tx, &id).await?.ok_or_else(refused)?;
            let holder = store.role_holder(&tx, &user).await?;
            let holder = holder.filter(|holder| holder.may_act).ok_or_else(refused)?;
            // Whoever has all of it leaves it to somebody else.
            if sign_ups.has_all(&tx, &row, &holder).await? || !store.use_invitation(&tx, &id, latest).await? {
                return Err(refused());
            }
            let held = sign_ups.users.changes.held_by(&tx, &row.inviter).await?;
            for role in given(Actor::of(held.as_deref()), &row.invitation.roles) {
                let new = NewRoleGrant {
                    id: sign_ups.random.uuid_v7(now.0),
                    holder: Holder::User(&user),
                    role: &role,
                    origin: INVITATION,
                    until: None,
                    granted_by: &row.inviter,
                };
                store.grant_role(&tx, &new, now).await?;
            }
            sign_ups.join_groups(&tx, &row, &user, now).await?;
            sign_ups.users.settle_roles(&tx, &user, &user, now).await?;
            sign_ups.record_use(&tx, &row, &user, now).await?;
            Ok(())
        });
        match done.await {
            Ok(()) => Ok(Ok(())),
            Err(Undone::Refused(refused)) => Ok(Err(refused)),
            Err(Undone::Inside(IdentityError::Conflict)) => Ok(Err(Refused::Over)),
            Err(Undone::Inside(error)) => Err(error.into()),
        }
    }

    /// Whether somebody has every role of an invitation, without an end, and is in every group of it that there is.
    async fn has_all(&self, tx: &Tx, row: &InvitationRow, holder: &RoleHolder) -> Result<bool, StoreError> {
        let roles = &row.invitation.roles;
        if !roles.iter().all(|role| holder.lasting.contains(role)) {
            return Ok(false);
        }
        let known = self.store.user(tx, &holder.id).await?;
        let joined = known.map(|known| known.groups).unwrap_or_default();
        for id in &row.groups {
            let group = self.store.group_by_id(tx, id).await?;
            if group.is_some_and(|group| !joined.contains(&group.name)) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Leads into the groups of an invitation whose roles the inviter holds, all of them. One that is full keeps nobody from
    /// the rest, and is recorded. The caller settles the roles.
    async fn join_groups(
        &self,
        tx: &Tx,
        row: &InvitationRow,
        user: &str,
        now: Timestamp,
    ) -> Result<(), AdminError> {
        let held = self.users.changes.held_by(tx, &row.inviter).await?;
        for id in &row.groups {
            let Some(group) = self.store.group_by_id(tx, id).await? else {
                continue;
            };
            let roles = self.groups.roles_of(tx, id, self.time.latest()).await?;
            if may_give(Actor::of(held.as_deref()), &roles).is_err() {
                continue;
            }
            if self.groups.is_full(tx, id).await? {
                let detail = json!({ "user": user, "name": group.name, "invitation": row.invitation.id });
                self.users
                    .changes
                    .record_detail(tx, "group.full", (user, id), detail, now)
                    .await?;
            } else {
                self.groups
                    .join(tx, &group, user, (INVITATION, &row.inviter), now)
                    .await?;
            }
        }
        Ok(())
    }

    async fn record_use(
        &self,
        tx: &Tx,
        row: &InvitationRow,
        user: &str,
        now: Timestamp,
    ) -> Result<(), AdminError> {
        let detail = json!({ "invitation": row.invitation.id, "inviter": row.inviter });
        self.users
            .changes
            .record_detail(tx, "invitation.used", (user, user), detail, now)
            .await
    }

    /// Whether the client that a registration was begun for lets people register by now; one that is gone changes nothing.
    async fn still_registers(&self, tx: &Tx, registration: &Registration) -> Result<bool, StoreError> {
        let Some(id) = registration.client.as_deref().and_then(ClientId::parse) else {
            return Ok(true);
        };
        let client = self.store.client(tx, &id).await?;
        Ok(client.is_none_or(|client| client.metadata.registers()))
    }

    /// Ends a registration whose address has an account by now, and writes to its owner: the one answer that tells the
    /// browser nothing which its mailbox does not.
    async fn tell_owner(&self, registration: &Registration) -> Result<(), ErrorPage> {
        let (sign_ups, registration, now) = (self.clone(), registration.clone(), self.time.now());
        let told = self.store.db().write(move |tx| async move {
            let store = &sign_ups.store;
            let (id, browser) = (&registration.id, &registration.browser_hash);
            if !store.finish_registration(&tx, id, browser, now).await? {
                return Ok(());
            }
            let owner = store.user(&tx, &registration.email).await?;
            if let Some(owner) = owner
                && let Some(to) = Address::parse(&owner.email)
            {
                let locale = store.user_locale(&tx, &owner.id).await?;
                let locale = locale.unwrap_or_else(|| registration.locale.clone());
                let exists = Purpose::AccountExists;
                sign_ups
                    .mails
                    .queue(&tx, &to, Some(&owner.id), &locale, &exists, now)
                    .await?;
            }
            sign_ups
                .record(&tx, "registration.refused", &registration.id, now)
                .await
        });
        let told: Result<(), IdentityError> = told.await;
        Ok(told?)
    }

    async fn prove(&self, tx: &Tx, id: &str, now: Timestamp) -> Result<(), IdentityError> {
        if self.store.prove_registration(tx, id, now).await? {
            self.record(tx, "registration.proved", id, now).await?;
        }
        Ok(())
    }

    async fn record(&self, tx: &Tx, kind: &str, subject: &str, now: Timestamp) -> Result<(), IdentityError> {
        let row = AuditRow {
            id: self.random.uuid_v7(now.0),
            kind: kind.to_owned(),
            actor: "visitor".to_owned(),
            subject: subject.to_owned(),
            request_id: Some(latchkey_http::current_request_id().to_string()),
            detail: json!({}),
        };
        Ok(self.store.audit(tx, &row, now).await?)
    }
}

/// Whether an invitation is for this person: for the address that they have proved, or for whoever has the link.
pub(crate) fn is_for(person: &User, row: &InvitationRow) -> bool {
    match &row.invitation.email {
        None => true,
        Some(email) => person.email_verified_at.is_some() && canonical(&person.email) == *email,
    }
}

fn at(browser: &Browser, proof: &OneTimeProof) -> At {
    let here = browser.secret().map(digest);
    if here.is_some() && here == proof.browser_hash {
        At::Here
    } else {
        At::Elsewhere
    }
}
