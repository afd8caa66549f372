//! Registration of people: begun with an address, proved by a mailed code or link, finished with a name and a password. An
//! address that has an account gets the same answer at the cost of the same work, and another mail.

use std::sync::Arc;

use latchkey_clock::Random;
use latchkey_contracts::events::user as wire;
use latchkey_db::{DbError, Tx};
use latchkey_identity_store::{AuditRow, InvitationRow, NewUserRow, Store, StoreError, Window};
use latchkey_protocol::Timestamp;
use latchkey_protocol::error::PageError;
use latchkey_protocol::mail::{Address, Purpose};
use latchkey_protocol::one_time_proof::{OneTimeProof, ProofError, ProofPurpose};
use latchkey_protocol::sign_up::{
    ADMINISTRATOR, FinishError, Mode, NAME_TRIES, Page, Policy, Registration, Sender, SignUpError,
    check_finish, check_terms, may_register, sender,
};
use latchkey_protocol::user::canonical;
use serde_json::{Map, Value, json};

use crate::IdentityError;
use crate::admin::{AdminError, Users};
use crate::browser::Browser;
use crate::mail::Mails;
use crate::one_time_proofs::{OneTimeProofs, Wanted};
use crate::pages::ErrorPage;
use crate::password;
use crate::password_hashing::{Class, Pool};
use crate::secret::{digest, is_secret, new_secret};
use crate::settings::Settings;
use crate::throttle::prefix;
use crate::time::Time;

/// Registers people. Cloning is cheap.
#[derive(Clone)]
pub(crate) struct SignUps {
    pub store: Store,
    pub users: Users,
    pub mails: Mails,
    pub proofs: OneTimeProofs,
    pub hashing: Arc<Pool>,
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
    /// The invitation that it uses.
    pub invitation: Option<InvitationRow>,
}

/// What the last page sends.
pub(crate) struct Finish {
    pub name: String,
    pub username: String,
    pub password: String,
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
    /// A field of the last form.
    Finish(FinishError),
    /// The address has an account by now.
    Exists,
    /// Too many passwords are being hashed.
    Busy,
    /// The registration is over.
    Over,
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

/// Mails for one address from one network: what was typed is counted, whether somebody has it or not.
pub(crate) const A_MINUTE: Window = Window {
    most: 1,
    length_ms: MINUTE_MS,
};
pub(crate) const AN_HOUR: Window = Window {
    most: 5,
    length_ms: HOUR_MS,
};
/// Mails that one network causes, to whatever addresses.
pub(crate) const NETWORK_MAILS: Window = Window {
    most: 20,
    length_ms: HOUR_MS,
};
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
        let registration = Registration {
            id: new_secret(&self.random),
            browser_hash: digest(&secret),
            email_canonical: canonical(address.as_str()),
            email: address.as_str().to_owned(),
            request: begin.request,
            invitation: begin.invitation.map(|row| row.invitation.id),
            locale: browser.words().tag().to_owned(),
            terms: begin.terms,
            name_tries: 0,
            created_at: now,
            expires_at: Timestamp(latest.0 + LIFE_MS),
            proved_at: owner.then_some(now),
            finished_at: None,
        };
        let mut limits = self.mail_limits(browser, &registration);
        if self.policy().limits_networks {
            let begins = format!("register|{}", prefix(browser.address));
            limits.push((begins, NETWORK_BEGINS, Refused::TooMany));
        }
        let sign_ups = self.clone();
        let done = self.store.db().write(move |tx| async move {
            if let Some(refused) = sign_ups.count(&tx, limits, now).await? {
                return Ok(Err(refused));
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

    /// The address to write to; none for a program.
    fn check_begin(
        &self,
        begin: &Begin,
        now: Timestamp,
        latest: Timestamp,
    ) -> Result<Option<Address>, Refused> {
        let invitation = begin.invitation.as_ref().map(|row| &row.invitation);
        may_register(self.policy(), invitation, None, latest)?;
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
            if let Some(refused) = sign_ups.count(&tx, limits, now).await? {
                return Ok(Err(refused));
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
    fn mail_limits(&self, browser: &Browser, registration: &Registration) -> Vec<Limit> {
        let network = prefix(browser.address);
        let typed = digest(&registration.email_canonical);
        let limited: fn(Timestamp) -> Refused = Refused::MailLimit;
        let mut limits: Vec<Limit> = vec![
            (format!("mail_minute|{typed}|{network}"), A_MINUTE, limited),
            (format!("mail_hour|{typed}|{network}"), AN_HOUR, limited),
        ];
        if self.policy().limits_networks {
            limits.push((format!("mails|{network}"), NETWORK_MAILS, Refused::TooMany));
        }
        limits
    }

    /// Counts, before anything is looked up.
    async fn count(
        &self,
        tx: &Tx,
        limits: Vec<Limit>,
        now: Timestamp,
    ) -> Result<Option<Refused>, StoreError> {
        let mut refused = None;
        for (id, window, refusal) in limits {
            if let Some(until) = self.store.count_within(tx, &id, window, now).await? {
                metrics::counter!("latchkey_throttled_total", "what" => "registration").increment(1);
                refused = refused.or(Some(refusal(until)));
            }
        }
        Ok(refused)
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
        if let Err(error) = may {
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
        let checked = check_finish(&form.username, &form.password, &registration.email);
        if let Err(error) = checked {
            return Ok(Err(Refused::Finish(error)));
        }
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
        let Ok(place) = self.hashing.reserve(Class::Unknown, &registration.id) else {
            return Ok(Err(Refused::Busy));
        };
        let random = self.random.clone();
        let hashed = place
            .run(move |memory: &mut _| password::hash(&form.password, &random, memory))
            .await;
        let hash = match hashed {
            Err(_busy) => return Ok(Err(Refused::Busy)),
            Ok(hash) => hash.map_err(|_| PageError::Internal)?,
        };
        let waits = self.policy().mode == Mode::Approval && registration.invitation.is_none();
        let now = self.time.now();
        let mut claims = Map::new();
        let name: String = form.name.split_whitespace().collect::<Vec<_>>().join(" ");
        if !name.is_empty() {
            claims.insert("name".to_owned(), Value::from(name));
        }
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
                metrics::counter!("latchkey_registrations_total").increment(1);
                tracing::info!(sub = id, "registered");
                Ok(Ok(Registered { user: id, waits }))
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
                Some(invitation) => store.invitation(&tx, invitation).await?,
                None => None,
            };
            let invitation = row.as_ref().map(|row| &row.invitation);
            let (policy, email) = (sign_ups.policy(), registration.email_canonical.as_str());
            let lost = registration.invitation.is_some() && invitation.is_none();
            if lost {
                return Err(Undone::Refused(SignUpError::Invitation.into()));
            }
            may_register(policy, invitation, Some(email), latest)
                .map_err(|error| Undone::Refused(error.into()))?;
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
                user.roles.clone_from(&invitation.roles);
            }
            if !store.add_user(&tx, &user, now).await? {
                let exists = store.user(&tx, &registration.email).await?.is_some();
                return Err(Undone::Refused(match exists {
                    true => Refused::Exists,
                    false => Refused::Finish(FinishError::NameTaken),
                }));
            }
            store
                .settle_new_user(&tx, &user.id, &registration.locale, waits, now)
                .await?;
            if let Some(version) = &registration.terms {
                store
                    .accept_terms(&tx, &user.id, version, &registration.locale, now)
                    .await?;
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

/// What is counted, how often it may be, and what follows from more.
type Limit = (String, Window, fn(Timestamp) -> Refused);

fn at(browser: &Browser, proof: &OneTimeProof) -> At {
    let here = browser.secret().map(digest);
    if here.is_some() && here == proof.browser_hash {
        At::Here
    } else {
        At::Elsewhere
    }
}
