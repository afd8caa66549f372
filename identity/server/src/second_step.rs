//! The second step of a sign-in: typed codes are counted, checked and spent here, and devices are remembered.

use std::sync::Arc;

use http::HeaderValue;
use latchkey_clock::Random;
use latchkey_db::Tx;
use latchkey_identity_store::{AuditRow, Guess, RememberedRow, SecondSteps, SignInRow, Store};
use latchkey_metrics::catalog::SIGN_INS;
use latchkey_metrics::labels;
use latchkey_protocol::mail::{Address, Notice, Purpose};
use latchkey_protocol::second_factor::{self, REMEMBERED_MOST, REMEMBERED_MS, RememberedDevice};
use latchkey_protocol::totp::{self, SECRET_LEN};
use latchkey_protocol::user::User;
use latchkey_protocol::{Timestamp, recovery_code};
use serde_json::{Value, json};

use crate::IdentityError;
use crate::browser::{Browser, cookie};
use crate::mail::Mails;
use crate::pages::device_name;
use crate::secret::{digest, new_secret};
use crate::settings::is_administrator;
use crate::signer::Signer;
use crate::throttle::{Throttle, second_step_key};
use crate::time::Time;

/// The table and row for which the secret of an authenticator app is wrapped.
pub(crate) const TOTP: &str = "totp";
/// The first factor whose second step can be closed.
const PASSWORD: &str = "password";

/// Checks second steps. Cloning is cheap.
#[derive(Clone)]
pub(crate) struct SecondStep {
    pub store: Store,
    pub signer: Signer,
    pub throttle: Arc<Throttle>,
    pub mails: Mails,
    pub random: Random,
    pub time: Time,
}

/// Somebody at the second step: the first factor was right.
#[derive(Clone, Debug)]
pub(crate) struct Guesser {
    pub user: String,
    /// The name of the first factor.
    pub first: &'static str,
    /// The key by which the guesses are counted.
    pub key: String,
    /// Whether the user has signed in with this browser before.
    known: bool,
}

/// What a typed code is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Typed {
    /// The code of a step of an authenticator app.
    App { id: String, step: i64 },
    /// A recovery code, by its hash; whether there is such a code shows when it is spent.
    RecoveryCode { hash: String },
}

/// The result of looking at a typed code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Checked {
    /// It can be spent.
    Right(Typed, Failures),
    /// It is wrong.
    Wrong(Failures),
    /// It was not looked at: too many wrong ones came before.
    Blocked(Timestamp),
    /// It was not looked at: the second step of this password is closed to this browser.
    Closed,
}

/// How many guesses were made in a row, this one included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Failures(i64);

/// What was spent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Spent {
    /// A code of an authenticator app.
    App,
    /// A recovery code, and how many are left.
    RecoveryCode { left: i64 },
}

impl SecondStep {
    /// What a user has for a second step.
    pub async fn of(&self, user: &str) -> Result<Option<SecondSteps>, IdentityError> {
        Ok(self.store.second_steps(self.store.db(), user).await?)
    }

    /// Counts a typed code and looks at it. A right one must still be spent in the transaction of what it opens.
    pub async fn check(
        &self,
        browser: &Browser,
        user: &str,
        first: &'static str,
        typed: &str,
    ) -> Result<(Guesser, Checked), IdentityError> {
        let now = self.time.now();
        let steps = self.of(user).await?;
        let device = steps
            .as_ref()
            .and_then(|steps| browser.is_known_to(&self.signer, user, steps.epoch));
        let guesser = Guesser {
            key: second_step_key(user, first, device.as_deref()),
            known: device.is_some(),
            user: user.to_owned(),
            first,
        };
        let is_closed =
            steps.is_some_and(|steps| second_factor::is_closed(steps.closed_at, steps.password_changed_at));
        if is_closed && first == PASSWORD && !guesser.known {
            return Ok((guesser, Checked::Closed));
        }
        if let Some(until) = self.throttle.blocked_key(&guesser.key, now) {
            return Ok((guesser, Checked::Blocked(until)));
        }
        let counted = self
            .throttle
            .count_second_step(&self.store, &guesser.key, now)
            .await?;
        let failures = match counted {
            Guess::Counted(failures) => Failures(failures),
            Guess::Blocked(until) => return Ok((guesser, Checked::Blocked(until))),
        };
        let checked = match self.look(user, typed, now).await? {
            Some(typed) => Checked::Right(typed, failures),
            None => Checked::Wrong(failures),
        };
        Ok((guesser, checked))
    }

    /// What a typed code is for this user.
    async fn look(&self, user: &str, typed: &str, now: Timestamp) -> Result<Option<Typed>, IdentityError> {
        if let Some(code) = recovery_code::canonical(typed) {
            let hash = self.recovery_code_hash(user, &code)?;
            return Ok(Some(Typed::RecoveryCode { hash }));
        }
        for app in self.store.totps(self.store.db(), user).await? {
            let opened = self.signer.open_of_row(TOTP, &app.id, &app.wrapped_secret);
            let secret: Option<[u8; SECRET_LEN]> =
                opened.ok().and_then(|secret| secret.as_slice().try_into().ok());
            let Some(secret) = secret else {
                tracing::error!(id = app.id, "the secret of an authenticator app cannot be opened");
                continue;
            };
            if let Some(step) = totp::matched_step(&secret, typed, now)
                && step > app.last_step
            {
                return Ok(Some(Typed::App { id: app.id, step }));
            }
        }
        Ok(None)
    }

    /// Spends a code in the transaction of what it opens. `None` if somebody was faster: then it is wrong. The caller
    /// forgives the guesses before it at the end of the transaction.
    pub async fn spend(
        &self,
        tx: &Tx,
        guesser: &Guesser,
        typed: &Typed,
        notice: Notice,
    ) -> Result<Option<Spent>, IdentityError> {
        let now = notice.at;
        let spent = match typed {
            Typed::App { id, step } => {
                let used = self.store.use_totp(tx, id, *step, now).await?;
                used.then_some(Spent::App)
            }
            Typed::RecoveryCode { hash } => {
                let left = self.store.use_recovery_code(tx, &guesser.user, hash, now).await?;
                left.map(|left| Spent::RecoveryCode { left })
            }
        };
        if let Some(Spent::RecoveryCode { left }) = spent {
            self.record(
                tx,
                "recovery_code.used",
                &guesser.user,
                json!({ "left": left }),
                now,
            )
            .await?;
            let used = Purpose::RecoveryCodeUsed { left, notice };
            self.tell(tx, &guesser.user, &used, now).await?;
        }
        Ok(spent)
    }

    /// Records a wrong code in the user's history, and closes the step when there were too many. `true` if it is closed
    /// now.
    pub async fn note_failure(
        &self,
        browser: &Browser,
        guesser: &Guesser,
        failures: Failures,
    ) -> Result<bool, IdentityError> {
        let now = self.time.now();
        let closes = second_factor::closes(failures.0) && guesser.first == PASSWORD && !guesser.known;
        let line = SignInRow {
            id: self.random.uuid_v7(now.0),
            user: guesser.user.clone(),
            session: None,
            at: now,
            outcome: "wrong_code".to_owned(),
            device: browser.agent(),
        };
        let guessed = Purpose::SecondStepGuessed {
            notice: self.notice(browser),
        };
        let (second, guesser) = (self.clone(), guesser.clone());
        let written = self.store.db().write(move |tx| async move {
            second.store.add_sign_in(&tx, &line).await?;
            let detail = json!({ "first": guesser.first, "failures": failures.0 });
            second
                .record(&tx, "second.failed", &guesser.user, detail, now)
                .await?;
            if closes {
                second.store.close_second_step(&tx, &guesser.user, now).await?;
                second
                    .record(&tx, "second.closed", &guesser.user, json!({}), now)
                    .await?;
                second.tell(&tx, &guesser.user, &guessed, now).await?;
            }
            Ok::<_, IdentityError>(())
        });
        written.await?;
        SIGN_INS.inc((labels::Method::SecondStep, labels::SignIn::Failed));
        if closes {
            tracing::warn!(peer = %browser.address, "too many wrong codes after a right password");
        }
        Ok(closes)
    }

    /// The hash of a recovery code, as it is stored.
    pub fn recovery_code_hash(&self, user: &str, canonical: &str) -> Result<String, IdentityError> {
        let hash = self.signer.mac("recovery_code", &[user, canonical]);
        hash.ok_or(IdentityError::Unexpected("the key of recovery codes"))
    }

    /// A new set of recovery codes for a user: their texts, which exist nowhere else, after the transaction that replaces
    /// the old set.
    pub async fn renew_codes(
        &self,
        tx: &Tx,
        user: &str,
        now: Timestamp,
    ) -> Result<Vec<String>, IdentityError> {
        let (mut codes, mut hashes) = (Vec::new(), Vec::new());
        while codes.len() < recovery_code::CODES {
            let code = recovery_code::spelled(&self.random.bytes());
            let canonical = recovery_code::canonical(&code).unwrap_or_default();
            let hash = self.recovery_code_hash(user, &canonical)?;
            if !codes.contains(&code) {
                codes.push(code);
                hashes.push(hash);
            }
        }
        let set = self.random.uuid_v7(now.0);
        self.store
            .renew_recovery_codes(tx, user, &set, &hashes, now)
            .await?;
        self.record(tx, "recovery_code.renewed", user, json!({}), now)
            .await?;
        Ok(codes)
    }

    /// Whether this browser stands for the second step of this user. Administrators show theirs each time.
    pub async fn is_remembered(&self, browser: &Browser, person: &User) -> Result<bool, IdentityError> {
        if is_administrator(person) || !browser.is_remembered() {
            return Ok(false);
        }
        let Some(SecondSteps { epoch, .. }) = self.of(&person.id).await? else {
            return Ok(false);
        };
        let Some(secret) = browser.remembered_for(&self.signer, &person.id, epoch) else {
            return Ok(false);
        };
        let row = self.store.remembered_device(&digest(secret)).await?;
        let latest = self.time.latest();
        Ok(row.is_some_and(|row| row.remembered.counts_for(&person.id, epoch, latest)))
    }

    /// A browser to remember for this user: the row, its secret, and the cookie.
    pub fn device(
        &self,
        browser: &Browser,
        user: &str,
        epoch: i64,
    ) -> Result<(RememberedRow, String, HeaderValue), IdentityError> {
        let (now, secret) = (self.time.now(), new_secret(&self.random));
        let mac = self
            .signer
            .mac("remembered", &[user, &secret, &epoch.to_string()]);
        let mac = mac.ok_or(IdentityError::Unexpected("the key of cookies"))?;
        let row = RememberedRow {
            id: self.random.uuid_v7(now.0),
            remembered: RememberedDevice {
                user: user.to_owned(),
                epoch,
                expires_at: Timestamp(self.time.latest().0.saturating_add(REMEMBERED_MS)),
            },
            device: browser.agent(),
            created_at: now,
        };
        let age_s = u32::try_from(REMEMBERED_MS / 1_000).unwrap_or(u32::MAX);
        let value = format!("{secret}.{mac}");
        let cookie = browser.site.set_cookie(cookie::REMEMBERED, &value, Some(age_s));
        Ok((row, digest(&secret), cookie))
    }

    /// Remembers a device in the transaction of the second step.
    pub async fn remember(
        &self,
        tx: &Tx,
        row: &RememberedRow,
        secret_hash: &str,
        now: Timestamp,
    ) -> Result<(), IdentityError> {
        self.store
            .remember_device(tx, row, secret_hash, REMEMBERED_MOST)
            .await?;
        let user = &row.remembered.user;
        self.record(tx, "device.remembered", user, json!({}), now).await
    }

    /// Tells a user by mail what has happened to their account, if they have an address.
    pub async fn tell(
        &self,
        tx: &Tx,
        user: &str,
        purpose: &Purpose,
        now: Timestamp,
    ) -> Result<(), IdentityError> {
        let Some(row) = self.store.user(tx, user).await? else {
            return Ok(());
        };
        let Some(to) = Address::parse(&row.email) else {
            return Ok(());
        };
        self.mails
            .queue(tx, &to, Some(user), row.locale(), purpose, now)
            .await
    }

    /// What such a mail says of this browser.
    pub fn notice(&self, browser: &Browser) -> Notice {
        Notice {
            at: self.time.now(),
            device: browser.agent().as_deref().and_then(device_name),
        }
    }

    /// Writes an audit record about a user's own second step.
    pub async fn record(
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
            actor: user.to_owned(),
            subject: user.to_owned(),
            request_id: Some(latchkey_http::current_request_id().to_string()),
            detail,
        };
        Ok(self.store.audit(tx, &row, now).await?)
    }
}
