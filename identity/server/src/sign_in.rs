//! Signing in by password: cheap refusals first, then one guess counted, then one hash, then one transaction.

use http::{HeaderValue, StatusCode};
use latchkey_identity_store::{Candidate, RequestRow, SignInRow, UserChange};
use latchkey_protocol::Timestamp;
use latchkey_protocol::guess::{self, Verdict};
use latchkey_protocol::person::Person;
use latchkey_protocol::revocation::Revocation;
use latchkey_protocol::session::{Session, SignIn, State};
use latchkey_protocol::user::canonical;
use latchkey_web::Words;

use crate::hashing::Class;
use crate::pages::{Fault, Problem};
use crate::password::{self, Match};
use crate::visitor::{SignedIn, Visitor, cookie, digest};
use crate::{Identity, IdentityError, throttle};

/// What became of a sign-in.
pub(crate) enum SignInResult {
    /// The cookies that the browser gets.
    Done(Vec<HeaderValue>),
    /// The page again, with this.
    Problem(Problem),
}

/// How long a device is remembered: a year, seconds.
const DEVICE_S: u32 = 31_536_000;
/// How long who is turned away is asked to wait, seconds; spread, so that not everybody comes back at once.
const BUSY_S: i64 = 2;

impl Identity {
    /// Signs a person in for a stored request.
    pub(crate) async fn sign_in(
        &self,
        visitor: &Visitor,
        row: &RequestRow,
        username: &str,
        password: String,
    ) -> Result<SignInResult, Fault> {
        let (now, words) = (self.now(), &visitor.words);
        let throttle = &self.inner.throttle;
        if let Some(until) = throttle.address_blocked(visitor.address, now) {
            return Ok(SignInResult::Problem(blocked(words, until, now)));
        }
        let candidate = self.inner.store.candidate(username).await?;
        let known = candidate
            .as_ref()
            .and_then(|candidate| visitor.is_known_to(self, &candidate.person.id));
        let account = account_key(candidate.as_ref(), known.as_deref(), username);
        if let Some(until) = throttle.blocked_key(&account, now) {
            return Ok(SignInResult::Problem(blocked(words, until, now)));
        }
        let class = if known.is_some() {
            Class::Known
        } else {
            Class::Unknown
        };
        let Ok(place) = self.inner.hashing.reserve(class) else {
            return Ok(SignInResult::Problem(Problem::busy(words, self.later())));
        };
        if let Verdict::Refuse { until } = self.count_guess(&account, now).await? {
            return Ok(SignInResult::Problem(blocked(words, until, now)));
        }
        let stored = candidate
            .as_ref()
            .and_then(|candidate| candidate.password_hash.clone());
        // The same work for whoever does not exist (AC-04).
        let compared = place.run({
            let password = password.clone();
            move || password::verify(&password, stored.as_deref())
        });
        let Ok(matched) = compared.await else {
            return Ok(SignInResult::Problem(Problem::busy(words, self.later())));
        };
        let person = match candidate {
            Some(candidate) if matched != Match::No => candidate.person,
            other => {
                let user = other.map(|candidate| candidate.person.id);
                self.note_failure(visitor, user, &account).await?;
                let status = StatusCode::UNPROCESSABLE_ENTITY;
                return Ok(SignInResult::Problem(Problem::new(
                    words,
                    "wrong_credentials",
                    status,
                )));
            }
        };
        if person.may_act().is_err() {
            return Ok(SignInResult::Problem(Problem::new(
                words,
                "account_disabled",
                StatusCode::FORBIDDEN,
            )));
        }
        let rehash = match matched {
            Match::YesButOld => self.hash_password(password).await.ok(),
            Match::Yes | Match::No => None,
        };
        let before = self.session(visitor).await?;
        let secret = self
            .begin_session(visitor, row, &person, before, &account, rehash)
            .await?;
        Ok(SignInResult::Done(
            self.sign_in_cookies(visitor, &person, &secret),
        ))
    }

    fn later(&self) -> i64 {
        BUSY_S + i64::from(self.inner.random.bytes::<1>()[0] % 3)
    }

    /// Counts the guess before it is looked at.
    async fn count_guess(&self, account: &str, now: Timestamp) -> Result<Verdict, Fault> {
        let (store, key) = (self.inner.store.clone(), account.to_owned());
        let guesses = self
            .inner
            .store
            .db()
            .write(move |tx| async move { Ok::<_, IdentityError>(store.count_guess(&tx, &key, now).await?) })
            .await?;
        Ok(guess::judge(guesses.failures, guesses.blocked_until, now))
    }

    /// A wrong password: the account's block where it is due, the address's count, the person's history.
    async fn note_failure(
        &self,
        visitor: &Visitor,
        user: Option<String>,
        account: &str,
    ) -> Result<(), Fault> {
        let (store, key, now) = (self.inner.store.clone(), account.to_owned(), self.now());
        let address = throttle::address_key(visitor.address);
        let line = user.map(|user| self.sign_in_line(visitor, user, None, "wrong_password"));
        let blocked = self
            .inner
            .store
            .db()
            .write(move |tx| async move {
                let mut blocked = Vec::new();
                let failures = store.guesses(&tx, &key).await?;
                if let Some(until) = guess::block(failures, now) {
                    store.block(&tx, &key, until).await?;
                    blocked.push((key, until));
                }
                if let Some(until) = store
                    .count_failure(&tx, &address, throttle::FAILURES, now)
                    .await?
                {
                    blocked.push((address, until));
                }
                if let Some(line) = &line {
                    store.add_sign_in(&tx, line).await?;
                }
                Ok::<_, IdentityError>(blocked)
            })
            .await?;
        metrics::counter!("latchkey_sign_ins_total", "outcome" => "wrong_password").increment(1);
        if !blocked.is_empty() {
            tracing::warn!(peer = %visitor.address, "too many wrong passwords");
            self.inner.throttle.learn(blocked, now);
        }
        Ok(())
    }

    /// One transaction: the session, the request's part in it, the history, and the guesses forgiven. The secret of the
    /// browser's new cookie.
    async fn begin_session(
        &self,
        visitor: &Visitor,
        row: &RequestRow,
        person: &Person,
        before: Option<SignedIn>,
        account: &str,
        rehash: Option<String>,
    ) -> Result<String, Fault> {
        let (now, latest) = (self.now(), self.latest());
        let (idle_expires_at, expires_at) = self.inner.session_limits.begin(latest);
        let same = before
            .as_ref()
            .filter(|known| known.person.id == person.id && known.state == State::Live);
        let session = Session {
            id: same.map_or_else(
                || self.inner.random.uuid_v7(now.0),
                |known| known.row.session.id.clone(),
            ),
            user: person.id.clone(),
            sign_in: SignIn::password(now),
            idle_expires_at,
            expires_at,
            ended_at: None,
        };
        let renewed = same.is_some();
        // Somebody else was signed in with this browser: nothing of theirs stays.
        let other = before
            .filter(|known| known.person.id != person.id)
            .map(|known| known.row.session.id);
        let secret = self.secret();
        let (identity, secret_hash, account) = (self.clone(), digest(&secret), account.to_owned());
        let line = self.sign_in_line(visitor, person.id.clone(), Some(session.id.clone()), "signed_in");
        let (request, device, user) = (row.id.clone(), visitor.agent(), person.id.clone());
        let request_id = latchkey_http::current_request_id().to_string();
        self.inner
            .store
            .db()
            .write(move |tx| async move {
                let store = &identity.inner.store;
                if let Some(session) = other {
                    let end = Revocation::Session { session };
                    identity
                        .end_in(&tx, end, "replaced", &user, &request_id, now)
                        .await?;
                }
                let kept = renewed && store.renew_session(&tx, &session, &secret_hash, now).await?;
                if renewed && !kept {
                    return Err(IdentityError::Overtaken);
                }
                if !renewed {
                    store
                        .add_session(&tx, &session, &secret_hash, device.as_deref(), now)
                        .await?;
                }
                store.forgive(&tx, &account).await?;
                store.add_sign_in(&tx, &line).await?;
                if let Some(hash) = rehash
                    && let Some(row) = store.user(&tx, &user).await?
                {
                    let _by_somebody_else = store
                        .change_user(&tx, &user, row.version, &UserChange::Password(hash), now)
                        .await?;
                }
                if !store.step_request(&tx, &request, None, Some(&session.id)).await? {
                    return Err(IdentityError::Overtaken);
                }
                Ok::<_, IdentityError>(())
            })
            .await
            .map_err(|error| match error {
                IdentityError::Overtaken => latchkey_protocol::error::PageError::Expired.into(),
                other => Fault::from(other),
            })?;
        metrics::counter!("latchkey_sign_ins_total", "outcome" => "signed_in").increment(1);
        tracing::info!(sub = person.id, "signed in");
        Ok(secret)
    }

    fn sign_in_cookies(&self, visitor: &Visitor, person: &Person, secret: &str) -> Vec<HeaderValue> {
        let mut cookies = vec![self.set_cookie(cookie::SESSION, secret, None)];
        if visitor.is_known_to(self, &person.id).is_none() {
            let id = self.secret();
            let seal = self
                .inner
                .signer
                .seal("device", &[&person.id, &id])
                .unwrap_or_default();
            cookies.push(self.set_cookie(cookie::DEVICE, &format!("{id}.{seal}"), Some(DEVICE_S)));
        }
        cookies
    }

    fn sign_in_line(
        &self,
        visitor: &Visitor,
        user: String,
        session: Option<String>,
        outcome: &str,
    ) -> SignInRow {
        let at = self.now();
        SignInRow {
            id: self.inner.random.uuid_v7(at.0),
            user,
            session,
            at,
            outcome: outcome.to_owned(),
            device: visitor.agent(),
        }
    }
}

/// What guesses are counted by: the person however they are spelled, and apart from strangers a browser that they have
/// signed in with before, so that nobody can lock them out of it (AC-05, AC-07).
fn account_key(candidate: Option<&Candidate>, device: Option<&str>, username: &str) -> String {
    match (candidate, device) {
        (Some(candidate), None) => format!("account|{}", candidate.person.id),
        (Some(candidate), Some(device)) => format!("account|{}|{}", candidate.person.id, digest(device)),
        (None, _) => format!("account|?{}", digest(&canonical(username))),
    }
}

fn blocked(words: &Words, until: Timestamp, now: Timestamp) -> Problem {
    metrics::counter!("latchkey_throttled_total", "what" => "sign_in").increment(1);
    Problem::too_many(words, (until.0 - now.0).max(0) / 1_000 + 1)
}
