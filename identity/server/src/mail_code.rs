//! The first step by a mailed code. A name that belongs to nobody, or to somebody who has a stronger way in, gets the same
//! answer at the cost of the same work.

use std::sync::Arc;

use http::StatusCode;
use latchkey_identity_store::{Candidate, Store, Window};
use latchkey_protocol::authentication::{Choices, Method, Proof};
use latchkey_protocol::error::PageError;
use latchkey_protocol::mail::{Address, Purpose};
use latchkey_protocol::mail_code::{self, LIFE_MS, MOST, WINDOW_MS};
use latchkey_protocol::one_time_proof::{ProofPurpose, TRIES};
use latchkey_protocol::recovery::is_contested;
use latchkey_protocol::upstream_outcome::forced;
use latchkey_protocol::user::canonical;
use latchkey_web::Words;

use crate::IdentityError;
use crate::browser::Browser;
use crate::interaction::Interaction;
use crate::mail::Mails;
use crate::mail_limits::{Exceeded, MailLimits};
use crate::one_time_proofs::{OneTimeProofs, Wanted};
use crate::pages::{ErrorPage, Problem};
use crate::password_sign_in::{Passwords, blocked};
use crate::secret::digest;
use crate::settings::{Settings, is_administrator};
use crate::sign_in::{Completed, Identified, SignInResult};
use crate::throttle::{Counted, GuessKeys};

/// Signs in by mailed codes. Cloning is cheap.
#[derive(Clone)]
pub(crate) struct MailCodes {
    pub store: Store,
    pub passwords: Arc<Passwords>,
    pub mails: Mails,
    pub proofs: OneTimeProofs,
    pub settings: Arc<Settings>,
}

/// Whom a code is about.
struct Whose {
    /// Whoever may sign in by it.
    who: Option<Identified>,
    /// The subject of the proof: the user, or what nobody has.
    subject: String,
    epoch: i64,
}

impl MailCodes {
    /// Whether the operator has turned it on.
    pub fn is_on(&self) -> bool {
        self.settings.mail_code
    }

    /// Mails a code to whoever has this name or address, if they may sign in by one.
    pub async fn begin(
        &self,
        browser: &Browser,
        interaction: &Interaction,
        typed: &str,
    ) -> Result<Result<(), Exceeded>, ErrorPage> {
        let secret = browser.secret().ok_or(PageError::ForeignForm)?.to_owned();
        let (now, latest) = (self.passwords.time.now(), self.passwords.time.latest());
        let candidate = self.store.candidate(typed).await?;
        let known = candidate.as_ref().and_then(|candidate| {
            let signer = &self.passwords.signer;
            browser.is_known_to(signer, &candidate.person.id, candidate.credential_epoch)
        });
        let Whose { who, subject, epoch } = self.whose(interaction, typed, candidate).await?;
        let name = canonical(typed);
        let mine = format!("sign_in_codes|{}|{}", digest(&name), digest(&secret));
        let live = Window {
            most: MOST,
            length_ms: WINDOW_MS,
        };
        let mut limits = MailLimits::of("sign_in_code", &name, browser.address).and_typed(mine, live);
        if self.settings.sign_up.limits_networks {
            limits = limits.of_network(browser.address);
        }
        let codes = self.clone();
        let done = self.store.db().write(move |tx| async move {
            if let Some(exceeded) = limits.count(&codes.store, &tx, now).await? {
                return Ok(Err(exceeded));
            }
            let owner = codes.store.owner(&tx, &subject).await?;
            let owner = owner.filter(|_| who.is_some());
            let address = owner.as_ref().and_then(|owner| Address::parse(&owner.email));
            let mailbox = canonical(address.as_ref().map_or("", Address::as_str));
            let wanted = Wanted {
                purpose: ProofPurpose::SignIn,
                subject: &subject,
                address: Some(&mailbox),
                bound: Some(digest(&name)),
                epoch: Some(epoch),
                browser: Some(&secret),
                life_ms: LIFE_MS,
            };
            let issued = codes.proofs.issue(&tx, &wanted, now, latest).await?;
            let purpose = Purpose::SignInCode {
                code: issued.code,
                expires_at: issued.expires_at,
            };
            match (owner, address) {
                (Some(owner), Some(to)) => {
                    let (user, known) = (Some(owner.id.as_str()), known.as_deref());
                    codes
                        .mails
                        .queue_from(&tx, &to, user, &owner.locale, &purpose, known, now)
                        .await?;
                }
                _ => codes.mails.decoy(&tx, &purpose, now).await?,
            }
            Ok(Ok(()))
        });
        let done: Result<Result<(), Exceeded>, IdentityError> = done.await;
        Ok(done?)
    }

    /// Signs a user in by the code that was mailed for this name, if it was asked for in this browser.
    pub async fn sign_in(
        &self,
        browser: &Browser,
        interaction: &Interaction,
        typed: &str,
        code: &str,
    ) -> Result<SignInResult, ErrorPage> {
        // In a task that a disconnect cannot cancel: a counted guess is also checked, and its failure recorded.
        let (codes, browser, interaction) = (self.clone(), browser.clone(), interaction.clone());
        let (typed, code) = (typed.to_owned(), code.to_owned());
        let done =
            latchkey_http::spawn(
                async move { codes.try_sign_in(&browser, &interaction, &typed, &code).await },
            );
        done.await.map_err(|_panicked| PageError::Internal)?
    }

    async fn try_sign_in(
        &self,
        browser: &Browser,
        interaction: &Interaction,
        typed: &str,
        code: &str,
    ) -> Result<SignInResult, ErrorPage> {
        let secret = browser.secret().ok_or(PageError::ForeignForm)?;
        let (throttle, words) = (&self.passwords.throttle, &browser.words());
        let now = self.passwords.time.now();
        let problem = |problem| Ok(SignInResult::Problem(problem));
        if let Some(until) = throttle.address_blocked(browser.address, now) {
            return problem(blocked(words, until, now));
        }
        let candidate = self.store.candidate(typed).await?;
        let known = candidate.as_ref().and_then(|candidate| {
            let signer = &self.passwords.signer;
            browser.is_known_to(signer, &candidate.person.id, candidate.credential_epoch)
        });
        let user = candidate.as_ref().map(|candidate| candidate.person.id.clone());
        // One count with passwords: six digits are guessed more easily than any of these.
        let account = GuessKeys::new(user.as_deref(), known.as_deref(), typed);
        if let Some(until) = throttle.blocked_key(&account.told, now) {
            return problem(blocked(words, until, now));
        }
        let counted = throttle.count_guess(&self.store, &account, now).await?;
        if let Counted::Blocked(until) = counted {
            return problem(blocked(words, until, now));
        }
        let whose = self.whose(interaction, typed, candidate).await?;
        let right = self.spend(secret, &whose, typed, code).await?;
        let who = match (right, whose.who) {
            (Ok(()), Some(who)) if counted == Counted::Looked => who,
            (right, _) => {
                self.passwords
                    .note_failure_of(browser, user, "wrong_code")
                    .await?;
                let expired = right.is_err_and(|expired| expired) && counted == Counted::Looked;
                return problem(wrong(words, expired));
            }
        };
        let proofs = [Proof::new(Method::EmailCode, self.passwords.time.now())];
        let counts: Vec<String> = account.all().cloned().collect();
        let completed = self.passwords.sign_ins.complete_choosing(
            browser,
            interaction,
            &who,
            (&proofs, Choices::default()),
            move |store, tx| async move { Ok(store.forgive(&tx, &counts).await?) },
        );
        match completed.await? {
            Completed::Done(done, lifted) => {
                throttle.apply(&lifted, now);
                Ok(SignInResult::Done(done))
            }
            Completed::Next(next, lifted) => {
                throttle.apply(&lifted, now);
                Ok(SignInResult::Next(next))
            }
            // Ended or changed in the meantime.
            Completed::Changed => problem(wrong(words, true)),
        }
    }

    /// Uses a code. The error says whether what this browser was mailed is over; nothing of another browser shows.
    async fn spend(
        &self,
        secret: &str,
        whose: &Whose,
        typed: &str,
        code: &str,
    ) -> Result<Result<(), bool>, ErrorPage> {
        let (now, latest) = (self.passwords.time.now(), self.passwords.time.latest());
        let (codes, secret, code) = (self.clone(), secret.to_owned(), code.to_owned());
        let (subject, epoch, name) = (whose.subject.clone(), whose.epoch, digest(&canonical(typed)));
        let done = self.store.db().write(move |tx| async move {
            let of = (ProofPurpose::SignIn, subject.as_str());
            let spent = codes
                .proofs
                .spend_code(&tx, of, &code, Some(&secret), Some(epoch), (now, latest))
                .await?;
            if spent.is_ok() {
                return Ok(Ok(()));
            }
            // A try that was wrong is committed as well.
            let browser_hash = digest(&secret);
            let all = codes
                .store
                .one_time_proofs_of(&tx, ProofPurpose::SignIn, &subject)
                .await?;
            let newest = all.into_iter().find(|proof| {
                proof.browser_hash.as_ref() == Some(&browser_hash) && proof.bound.as_ref() == Some(&name)
            });
            let over = newest.is_some_and(|proof| {
                proof.spent_at.is_some() || latest >= proof.expires_at || proof.tries > TRIES
            });
            Ok(Err(over))
        });
        let done: Result<Result<(), bool>, IdentityError> = done.await;
        Ok(done?)
    }

    /// Whom a typed name is, as far as a mailed code is concerned.
    async fn whose(
        &self,
        interaction: &Interaction,
        typed: &str,
        candidate: Option<Candidate>,
    ) -> Result<Whose, ErrorPage> {
        let (name, latest) = (canonical(typed), self.passwords.time.latest());
        let nobody = self.passwords.signer.mac("sign_in_code", &[&name]);
        let nobody = nobody.ok_or(PageError::Unavailable)?;
        let id = candidate
            .as_ref()
            .map_or(nobody.as_str(), |known| known.person.id.as_str());
        // The same reads for nobody.
        let factors = self.store.factors(id).await?;
        let owner = self.store.owner(self.store.db(), id).await?;
        let needed = match &candidate {
            Some(known) => self.passwords.sign_ins.needed(interaction, &known.person).await?,
            None => None,
        };
        let undone_at = owner.as_ref().and_then(|owner| owner.email_undone_at);
        let who = candidate.filter(|known| {
            mail_code::may_have(mail_code::Facts {
                may_act: known.person.may_act().is_ok() && !known.person.is_to_be_deleted(latest),
                email_verified: owner.is_some_and(|owner| owner.email_verified),
                contested: is_contested(undone_at, latest),
                elsewhere: forced(&self.settings.providers, &known.person.email).is_some(),
                administrator: is_administrator(&known.person),
                factors,
                needed,
            })
        });
        Ok(match who {
            Some(known) => Whose {
                subject: known.person.id.clone(),
                epoch: known.credential_epoch,
                who: Some(known.into()),
            },
            None => Whose {
                who: None,
                subject: nobody,
                epoch: 0,
            },
        })
    }
}

fn wrong(words: &Words, expired: bool) -> Problem {
    let code = if expired { "code_expired" } else { "code_wrong" };
    Problem::new(words, code, StatusCode::UNPROCESSABLE_ENTITY)
}
