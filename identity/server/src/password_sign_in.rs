//! The first step by password: cheap refusals first, then one counted guess, one hash and one transaction.

use std::sync::Arc;

use http::StatusCode;
use latchkey_clock::Random;
use latchkey_identity_store::Store;
use latchkey_metrics::catalog::{SIGN_INS, THROTTLED};
use latchkey_metrics::labels;
use latchkey_protocol::Timestamp;
use latchkey_protocol::authentication::{Choices, Method, Proof};
use latchkey_protocol::error::PageError;
use latchkey_protocol::upstream_outcome::forced;
use latchkey_web::Words;

use crate::browser::Browser;
use crate::foreign_hashes::ForeignHashes;
use crate::interaction::Interaction;
use crate::pages::{ErrorPage, Problem, with_provider};
use crate::password;
use crate::password_hashing::{Class, Pool};
use crate::sign_in::{Completed, Identified, SignInResult, SignIns};
use crate::signer::Signer;
use crate::throttle::{Counted, GuessKeys, Throttle};
use crate::time::Time;
use crate::{IdentityError, throttle};

/// How long refused visitors are asked to wait, in seconds; spread out, so that they do not come back all at once.
const BUSY_S: i64 = 2;

/// Checks passwords. Cloning is cheap.
#[derive(Clone)]
pub(crate) struct Passwords {
    pub store: Store,
    pub signer: Signer,
    pub hashing: Arc<Pool>,
    pub foreign_hashes: Arc<ForeignHashes>,
    pub throttle: Arc<Throttle>,
    pub sign_ins: SignIns,
    pub random: Random,
    pub time: Time,
}

impl Passwords {
    /// Signs a user in for a request, answered or not.
    pub async fn sign_in(
        &self,
        browser: &Browser,
        interaction: &Interaction,
        username: &str,
        password: String,
        choices: Choices,
    ) -> Result<SignInResult, ErrorPage> {
        // In a task that a disconnect cannot cancel: a counted guess is also checked, and its failure recorded.
        let (passwords, browser, interaction) = (self.clone(), browser.clone(), interaction.clone());
        let username = username.to_owned();
        let done = latchkey_http::spawn(async move {
            passwords
                .try_sign_in(&browser, &interaction, &username, password, choices)
                .await
        });
        done.await.map_err(|_panicked| PageError::Internal)?
    }

    async fn try_sign_in(
        &self,
        browser: &Browser,
        interaction: &Interaction,
        username: &str,
        password: String,
        choices: Choices,
    ) -> Result<SignInResult, ErrorPage> {
        let (now, words) = (self.time.now(), &browser.words());
        let problem = |problem| Ok(SignInResult::Problem(problem));
        let throttle = &self.throttle;
        if let Some(until) = throttle.address_blocked(browser.address, now) {
            return problem(blocked(words, until, now));
        }
        let candidate = self.store.candidate(username).await?;
        let latest = self.time.latest();
        let candidate = candidate.filter(|candidate| !candidate.person.is_to_be_deleted(latest));
        let known = candidate.as_ref().and_then(|candidate| {
            browser.is_known_to(&self.signer, &candidate.person.id, candidate.credential_epoch)
        });
        let user = candidate.as_ref().map(|candidate| candidate.person.id.as_str());
        let account = GuessKeys::new(user, known.as_deref(), username);
        if let Some(until) = throttle.blocked_key(&account.told, now) {
            return problem(blocked(words, until, now));
        }
        let class = if known.is_some() {
            Class::Known
        } else {
            Class::Unknown
        };
        let Ok(place) = self.hashing.reserve(class, &account.in_flight) else {
            return problem(Problem::busy(words, self.later()));
        };
        let counted = throttle.count_guess(&self.store, &account, now).await?;
        if let Counted::Blocked(until) = counted {
            return problem(blocked(words, until, now));
        }
        let stored = candidate
            .as_ref()
            .and_then(|candidate| candidate.password_hash.clone());
        let compared_with = self.foreign_hashes.stored(stored.clone()).await;
        // The same work for unknown and locked-out users. An old hash is replaced in the same slot.
        let (random, looked) = (self.random.clone(), counted == Counted::Looked);
        let compared = place
            .run(move |memory: &mut _| password::compare(&password, &compared_with, looked, &random, memory));
        let Ok(compared) = compared.await else {
            throttle
                .uncount_guess(&self.store, &account, counted, self.time.now())
                .await?;
            return problem(Problem::busy(words, self.later()));
        };
        let (who, hash) = match (candidate, stored) {
            (Some(candidate), Some(hash)) if compared.right => (Identified::from(candidate), hash),
            (other, _) => {
                let user = other.map(|candidate| candidate.person.id);
                self.note_failure(browser, user).await?;
                return problem(wrong(words));
            }
        };
        if who.person.may_act().is_err() {
            // Once the user may sign in again, the history shows that somebody knew the password.
            let waits = self
                .store
                .waits_for_approval(self.store.db(), &who.person.id)
                .await?;
            let line = self.sign_ins.line(browser, who.person.id, "refused");
            let store = self.store.clone();
            let noted = self.store.db();
            noted
                .write(move |tx| async move { Ok::<_, IdentityError>(store.add_sign_in(&tx, &line).await?) })
                .await?;
            let code = match waits {
                Some(_) => "approval_wait",
                None => "account_disabled",
            };
            return problem(Problem::new(words, code, StatusCode::FORBIDDEN));
        }
        // Whoever knows the password may learn that it is of no use here.
        if let Some(provider) = forced(&self.sign_ins.settings.providers, &who.person.email) {
            return problem(with_provider(words, provider));
        }
        let proofs = [Proof::new(Method::Password, self.time.now())];
        let (user, counts) = (who.person.id.clone(), account.all().cloned().collect::<Vec<_>>());
        let completed = self.sign_ins.complete_choosing(
            browser,
            interaction,
            &who,
            (&proofs, choices),
            move |store, tx| async move {
                if let Some(rehashed) = compared.rehashed {
                    store.rehash(&tx, &user, &hash, &rehashed).await?;
                }
                Ok(store.forgive(&tx, &counts).await?)
            },
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
            // Ended or changed while the password was compared: it is no longer the user's.
            Completed::Changed => problem(wrong(words)),
        }
    }

    /// The page for refused sign-ins before anything is looked up; it returns to the form by itself.
    pub fn busy(&self, request: &str) -> ErrorPage {
        ErrorPage {
            retry_after_s: Some(self.later()),
            back: Some(format!("/login?request={request}")),
            ..PageError::Busy.into()
        }
    }

    pub(crate) fn later(&self) -> i64 {
        BUSY_S + i64::from(self.random.bytes::<1>()[0] % 3)
    }

    /// Records a wrong password: for the address, and in the user's history.
    pub(crate) async fn note_failure(
        &self,
        browser: &Browser,
        user: Option<String>,
    ) -> Result<(), ErrorPage> {
        self.note_failure_of(browser, user, "wrong_password").await
    }

    /// The same for another first step, by the name of its outcome.
    pub(crate) async fn note_failure_of(
        &self,
        browser: &Browser,
        user: Option<String>,
        outcome: &'static str,
    ) -> Result<(), ErrorPage> {
        let (store, now) = (self.store.clone(), self.time.now());
        let address = throttle::sign_in_key(browser.address);
        let line = user.map(|user| self.sign_ins.line(browser, user, outcome));
        let blocked = self
            .store
            .db()
            .write(move |tx| async move {
                let until = store
                    .count_failure(&tx, &address, throttle::FAILURES, now)
                    .await?;
                if let Some(line) = &line {
                    store.add_sign_in(&tx, line).await?;
                }
                let blocks: Vec<_> = until.map(|until| (address, until)).into_iter().collect();
                Ok::<_, IdentityError>(store.block(&tx, &blocks).await?)
            })
            .await?;
        SIGN_INS.inc((method_of(outcome), labels::SignIn::Failed));
        if !blocked.is_empty() {
            tracing::warn!(peer = %browser.address, "too many wrong passwords or codes");
            self.throttle.apply(&blocked, now);
        }
        Ok(())
    }
}

/// The method of a first step, by the name of its failure.
fn method_of(outcome: &str) -> labels::Method {
    match outcome {
        "wrong_password" => labels::Method::Password,
        "wrong_code" => labels::Method::EmailCode,
        _ => labels::Method::Other,
    }
}

fn wrong(words: &Words) -> Problem {
    Problem::new(words, "wrong_credentials", StatusCode::UNPROCESSABLE_ENTITY)
}

pub(crate) fn blocked(words: &Words, until: Timestamp, now: Timestamp) -> Problem {
    THROTTLED.inc(labels::Limit::SignIn);
    Problem::too_many(words, (until.0 - now.0).max(0) / 1_000 + 1)
}
