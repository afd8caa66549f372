//! Sign-in by password: cheap refusals first, then one counted guess, one hash and one transaction.

use std::sync::Arc;

use http::{HeaderValue, StatusCode};
use latchkey_clock::Random;
use latchkey_identity_store::{SignInRow, Store};
use latchkey_protocol::Timestamp;
use latchkey_protocol::error::PageError;
use latchkey_protocol::revocation::Revocation;
use latchkey_protocol::revocation_policy::RevocationCause;
use latchkey_protocol::session::{Limits, Session, SignIn, State};
use latchkey_protocol::user::User;
use latchkey_web::Words;

use crate::browser::{Browser, cookie};
use crate::interaction::Interaction;
use crate::pages::{ErrorPage, Problem};
use crate::password::{self, Match};
use crate::password_hashing::{Class, Pool};
use crate::revocation::Revocations;
use crate::secret::{digest, new_secret};
use crate::sessions::{Sessions, SignedIn};
use crate::signer::Signer;
use crate::throttle::{Counted, GuessKeys, Throttle};
use crate::time::Time;
use crate::{IdentityError, origin, throttle};

/// The result of a sign-in.
pub(crate) enum SignInResult {
    /// The user is signed in.
    Done(Done),
    /// The page again, with this problem.
    Problem(Problem),
}

/// A successful sign-in.
pub(crate) struct Done {
    /// The cookies for the browser.
    pub cookies: Vec<HeaderValue>,
    /// Whether the request was still unanswered.
    pub open: bool,
}

/// A new session.
struct Begun {
    /// The secret of the browser's new cookie.
    secret: String,
    /// See [`Done::open`].
    open: bool,
}

/// A user whose password was correct.
#[derive(Clone)]
struct Proved {
    person: User,
    /// Their credential epoch.
    epoch: i64,
    /// The hash that it was compared with.
    hash: String,
    /// The same password with the current parameters, if the hash is old.
    rehashed: Option<String>,
    /// The keys by which guesses for this user are counted.
    account: GuessKeys,
}

/// How long a device is remembered, in seconds: a year.
const DEVICE_S: u32 = 31_536_000;
/// How long refused visitors are asked to wait, in seconds; spread out, so that they do not come back all at once.
const BUSY_S: i64 = 2;

/// Checks passwords and creates sessions. Cloning is cheap.
#[derive(Clone)]
pub(crate) struct Passwords {
    pub store: Store,
    pub signer: Signer,
    pub hashing: Arc<Pool>,
    pub throttle: Arc<Throttle>,
    pub sessions: Sessions,
    pub revocations: Revocations,
    pub limits: Limits,
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
    ) -> Result<SignInResult, ErrorPage> {
        // In a task that a disconnect cannot cancel: a counted guess is also checked, and its failure recorded.
        let (passwords, browser, interaction) = (self.clone(), browser.clone(), interaction.clone());
        let username = username.to_owned();
        let done = latchkey_http::spawn(async move {
            passwords
                .try_sign_in(&browser, &interaction, &username, password)
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
    ) -> Result<SignInResult, ErrorPage> {
        let (now, words) = (self.time.now(), &browser.context.words);
        let problem = |problem| Ok(SignInResult::Problem(problem));
        let throttle = &self.throttle;
        if let Some(until) = throttle.address_blocked(browser.address, now) {
            return problem(blocked(words, until, now));
        }
        let candidate = self.store.candidate(username).await?;
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
        // The same work for unknown and locked-out users. A hash with old parameters is replaced in the same slot.
        let compared = place.run({
            let (stored, random) = (stored.clone(), self.random.clone());
            move |memory: &mut _| {
                let matched = password::verify(&password, stored.as_deref(), memory);
                let due = matched == Match::YesButOld && counted == Counted::Looked;
                let rehashed = due.then(|| password::hash(&password, &random, memory));
                (matched, rehashed.and_then(Result::ok))
            }
        });
        let Ok((matched, rehashed)) = compared.await else {
            throttle
                .uncount_guess(&self.store, &account, counted, self.time.now())
                .await?;
            return problem(Problem::busy(words, self.later()));
        };
        let (person, epoch, hash) = match (candidate, stored) {
            (Some(candidate), Some(hash)) if matched != Match::No && counted == Counted::Looked => {
                (candidate.person, candidate.credential_epoch, hash)
            }
            (other, _) => {
                let user = other.map(|candidate| candidate.person.id);
                self.note_failure(browser, user).await?;
                return problem(wrong(words));
            }
        };
        if person.may_act().is_err() {
            // Once the user may sign in again, the history shows that somebody knew the password.
            let line = self.sign_in_line(browser, person.id, None, "refused");
            let store = self.store.clone();
            let noted = self.store.db();
            noted
                .write(move |tx| async move { Ok::<_, IdentityError>(store.add_sign_in(&tx, &line).await?) })
                .await?;
            return problem(Problem::new(words, "account_disabled", StatusCode::FORBIDDEN));
        }
        let proved = Proved {
            person,
            epoch,
            hash,
            rehashed,
            account,
        };
        let before = self.sessions.of(browser).await?;
        match self.begin_session(browser, interaction, &proved, before).await? {
            Some(Begun { secret, open }) => Ok(SignInResult::Done(Done {
                cookies: self.sign_in_cookies(browser, &proved, &secret),
                open,
            })),
            // Ended or changed while the password was compared: it is no longer the user's.
            None => problem(wrong(words)),
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

    fn later(&self) -> i64 {
        BUSY_S + i64::from(self.random.bytes::<1>()[0] % 3)
    }

    /// Records a wrong password: for the address, and in the user's history.
    async fn note_failure(&self, browser: &Browser, user: Option<String>) -> Result<(), ErrorPage> {
        let (store, now) = (self.store.clone(), self.time.now());
        let address = throttle::sign_in_key(browser.address);
        let line = user.map(|user| self.sign_in_line(browser, user, None, "wrong_password"));
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
        metrics::counter!("latchkey_sign_ins_total", "outcome" => "wrong_password").increment(1);
        if !blocked.is_empty() {
            tracing::warn!(peer = %browser.address, "too many wrong passwords");
            self.throttle.apply(&blocked, now);
        }
        Ok(())
    }

    /// One transaction: the step of the request, the locked user, the session, the history, and the forgiven guesses.
    /// `None` if the user was ended or changed in the meantime.
    async fn begin_session(
        &self,
        browser: &Browser,
        interaction: &Interaction,
        proved: &Proved,
        before: Option<SignedIn>,
    ) -> Result<Option<Begun>, ErrorPage> {
        let Proved {
            person,
            hash,
            rehashed,
            account,
            ..
        } = proved.clone();
        let (now, latest) = (self.time.now(), self.time.latest());
        let (idle_expires_at, expires_at) = self.limits.begin(latest);
        let same = before
            .as_ref()
            .filter(|known| known.person.id == person.id && known.state == State::Live);
        let fresh = self.random.uuid_v7(now.0);
        let mut session = Session {
            id: same.map_or_else(|| fresh.clone(), |known| known.row.session.id.clone()),
            user: person.id.clone(),
            sign_in: SignIn::password(now),
            idle_expires_at,
            expires_at,
            ended_at: None,
        };
        let renewed = same.is_some();
        // Another user was signed in with this browser: nothing of theirs stays.
        let other = before
            .filter(|known| known.person.id != person.id)
            .map(|known| known.row.session.id);
        let secret = new_secret(&self.random);
        let (store, revocations, secret_hash) =
            (self.store.clone(), self.revocations.clone(), digest(&secret));
        let mut line = self.sign_in_line(browser, person.id.clone(), None, "signed_in");
        let (device, user) = (browser.agent(), person.id.clone());
        let (request, missing_row) = (interaction.row.id.clone(), interaction.missing_row());
        let ours = interaction.row.origin == origin::ACCOUNT;
        let request_id = latchkey_http::current_request_id().to_string();
        let written = self
            .store
            .db()
            .write(move |tx| async move {
                // The request first, as where its code is written: pressing a button twice waits there.
                if let Some(row) = &missing_row {
                    store.add_request(&tx, row, now).await?;
                }
                let open = store.step_request(&tx, &request, None, Some(&session.id)).await?;
                if !store.lock_user(&tx, &user, &hash).await? {
                    return Err(IdentityError::Conflict);
                }
                if let Some(session) = other {
                    let end = Revocation::Session { session };
                    revocations
                        .revoke_in(&tx, RevocationCause::Replaced, end, &user, &request_id, now)
                        .await?;
                }
                if !renewed || !store.renew_session(&tx, &session, &secret_hash, now).await? {
                    // Even if the session to renew has ended in the meantime: the user has just authenticated.
                    if session.id != fresh {
                        session.id = fresh;
                        store.step_request(&tx, &request, None, Some(&session.id)).await?;
                    }
                    store
                        .add_session(&tx, &session, &secret_hash, device.as_deref(), now)
                        .await?;
                }
                line.session = Some(session.id);
                store.add_sign_in(&tx, &line).await?;
                if let Some(rehashed) = rehashed {
                    store.rehash(&tx, &user, &hash, &rehashed).await?;
                }
                let counts: Vec<String> = account.all().cloned().collect();
                let lifted = store.forgive(&tx, &counts).await?;
                // A page of ours waits for anybody, and has no row.
                Ok::<_, IdentityError>((open || ours, lifted))
            })
            .await;
        let (open, lifted) = match written {
            Ok(written) => written,
            Err(IdentityError::Conflict) => return Ok(None),
            Err(other) => return Err(other.into()),
        };
        self.throttle.apply(&lifted, now);
        metrics::counter!("latchkey_sign_ins_total", "outcome" => "signed_in").increment(1);
        tracing::info!(sub = proved.person.id, "signed in");
        Ok(Some(Begun { secret, open }))
    }

    fn sign_in_cookies(&self, browser: &Browser, proved: &Proved, secret: &str) -> Vec<HeaderValue> {
        let mut cookies = vec![browser.site.set_cookie(cookie::SESSION, secret, None)];
        let (id, epoch) = (&proved.person.id, proved.epoch);
        if browser.is_known_to(&self.signer, id, epoch).is_none() {
            let device = new_secret(&self.random);
            // With the epoch in it: another password, and no device is known any more.
            let mac = self.signer.mac("device", &[id, &device, &epoch.to_string()]);
            let value = format!("{device}.{}", mac.unwrap_or_default());
            cookies.push(browser.site.set_cookie(cookie::DEVICE, &value, Some(DEVICE_S)));
        }
        cookies
    }

    fn sign_in_line(
        &self,
        browser: &Browser,
        user: String,
        session: Option<String>,
        outcome: &str,
    ) -> SignInRow {
        let at = self.time.now();
        SignInRow {
            id: self.random.uuid_v7(at.0),
            user,
            session,
            at,
            outcome: outcome.to_owned(),
            device: browser.agent(),
        }
    }
}

fn wrong(words: &Words) -> Problem {
    Problem::new(words, "wrong_credentials", StatusCode::UNPROCESSABLE_ENTITY)
}

fn blocked(words: &Words, until: Timestamp, now: Timestamp) -> Problem {
    metrics::counter!("latchkey_throttled_total", "what" => "sign_in").increment(1);
    Problem::too_many(words, (until.0 - now.0).max(0) / 1_000 + 1)
}
