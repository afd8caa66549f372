//! The password once more, of somebody whose account is known already: a guess that is counted like every other.

use http::StatusCode;
use latchkey_identity_store::Candidate;
use latchkey_protocol::error::PageError;
use latchkey_protocol::user::is_too_long;
use latchkey_web::Words;

use crate::IdentityError;
use crate::browser::Browser;
use crate::pages::{ErrorPage, Problem};
use crate::password;
use crate::password_hashing::Class;
use crate::password_sign_in::{Passwords, blocked};
use crate::throttle::{Counted, GuessKeys};

impl Passwords {
    /// Whether this is the password of this user; the problem to show if it is not.
    pub async fn confirm(
        &self,
        browser: &Browser,
        user: &str,
        password: String,
    ) -> Result<Result<Candidate, Problem>, ErrorPage> {
        // In a task that a disconnect cannot cancel: a counted guess is also checked, and its failure recorded.
        let (passwords, browser, user) = (self.clone(), browser.clone(), user.to_owned());
        let done =
            latchkey_http::spawn(async move { passwords.try_confirm(&browser, &user, password).await });
        done.await.map_err(|_panicked| PageError::Internal)?
    }

    async fn try_confirm(
        &self,
        browser: &Browser,
        user: &str,
        password: String,
    ) -> Result<Result<Candidate, Problem>, ErrorPage> {
        let (now, words) = (self.time.now(), &browser.words());
        let candidate = self.store.candidate_by_id(user).await?;
        let candidate = candidate.ok_or(PageError::Unavailable)?;
        if password.is_empty() || is_too_long(&password) {
            return Ok(Err(wrong(words)));
        }
        let known = browser.is_known_to(&self.signer, user, candidate.credential_epoch);
        let account = GuessKeys::new(Some(user), known.as_deref(), &candidate.person.username);
        let class = if known.is_some() {
            Class::Known
        } else {
            Class::Unknown
        };
        let Ok(place) = self.hashing.reserve(class, &account.in_flight) else {
            return Ok(Err(Problem::busy(words, self.later())));
        };
        let counted = self.throttle.count_guess(&self.store, &account, now).await?;
        if let Counted::Blocked(until) = counted {
            return Ok(Err(blocked(words, until, now)));
        }
        // A hash of another system counts here, too; the next sign-in makes it anew.
        let stored = self.foreign_hashes.stored(candidate.password_hash.clone()).await;
        let (random, looked) = (self.random.clone(), counted == Counted::Looked);
        let compared =
            place.run(move |memory: &mut _| password::compare(&password, &stored, looked, &random, memory));
        let Ok(compared) = compared.await else {
            self.throttle
                .uncount_guess(&self.store, &account, counted, self.time.now())
                .await?;
            return Ok(Err(Problem::busy(words, self.later())));
        };
        if !compared.right {
            self.note_failure(browser, Some(user.to_owned())).await?;
            return Ok(Err(wrong(words)));
        }
        let (store, counts) = (self.store.clone(), account.all().cloned().collect::<Vec<_>>());
        let lifted = self
            .store
            .db()
            .write(move |tx| async move { Ok::<_, IdentityError>(store.forgive(&tx, &counts).await?) });
        self.throttle.apply(&lifted.await?, now);
        Ok(Ok(candidate))
    }
}

fn wrong(words: &Words) -> Problem {
    Problem::new(words, "password_wrong", StatusCode::UNPROCESSABLE_ENTITY)
}
