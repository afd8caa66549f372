//! Passwords that people choose: judged by the rules and the operator's list, and hashed where all passwords are.

use std::sync::Arc;

use latchkey_clock::Random;
use latchkey_identity_store::Owner;
use latchkey_protocol::error::PageError;
use latchkey_protocol::user::{PasswordError, SHORTEST_BESIDE, SHORTEST_PASSWORD, judge_password_of};
use latchkey_web::Words;

use crate::pages::{ErrorPage, Problem};
use crate::password;
use crate::password_hashing::{Class, Pool};
use crate::settings::Settings;
use crate::site::Site;

/// Judges and hashes new passwords. Cloning is cheap.
#[derive(Clone)]
pub(crate) struct NewPasswords {
    pub site: Arc<Site>,
    pub hashing: Arc<Pool>,
    pub settings: Arc<Settings>,
    pub random: Random,
}

/// A password that was taken.
pub(crate) struct NewPassword {
    pub hash: String,
    /// Whether it stands beside a second step alone.
    pub is_short: bool,
}

/// Why a password was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotTaken {
    /// By the rules, with the fewest characters that it must have.
    Rule(PasswordError, usize),
    /// Too many passwords are being hashed.
    Busy,
}

impl NotTaken {
    /// What a page says of it.
    pub fn problem(self, words: &Words) -> Problem {
        let plain = |code| Problem::new(words, code, http::StatusCode::UNPROCESSABLE_ENTITY);
        match self {
            Self::Rule(PasswordError::Short, least) => Problem {
                sentence: words.fill("error.password_short", &[("n", &least)]),
                ..plain("password_short")
            },
            Self::Rule(PasswordError::Long, _) => plain("password_long"),
            Self::Rule(PasswordError::Personal, _) => plain("password_personal"),
            Self::Rule(PasswordError::Common, _) => plain("password_common"),
            Self::Busy => Problem::busy(words, 2),
        }
    }
}

/// The fewest characters of a password, which stands alone or beside a second step.
pub(crate) fn least(beside: bool) -> usize {
    if beside {
        SHORTEST_BESIDE
    } else {
        SHORTEST_PASSWORD
    }
}

impl NewPasswords {
    /// The hash of a password that its owner may have.
    pub async fn hash(
        &self,
        password: String,
        owner: &Owner,
        beside: bool,
    ) -> Result<Result<NewPassword, NotTaken>, ErrorPage> {
        let least = least(beside);
        let is_short = password.chars().count() < SHORTEST_PASSWORD;
        let own = self.own_words(owner);
        let own: Vec<&str> = own.iter().map(String::as_str).collect();
        if let Err(error) = judge_password_of(&password, &own, least) {
            return Ok(Err(NotTaken::Rule(error, least)));
        }
        let Ok(place) = self.hashing.reserve(Class::Known, &format!("new|{}", owner.id)) else {
            return Ok(Err(NotTaken::Busy));
        };
        let (random, breached) = (self.random.clone(), self.settings.breached.clone());
        let hashed = place.run(move |memory: &mut _| {
            if let Some(list) = &breached {
                match list.contains(&password) {
                    Ok(false) => {}
                    Ok(true) => return Ok(None),
                    Err(error) => {
                        // Without the list nobody knows whether it may be used.
                        tracing::error!(event = "breached_list_failed", reason = %error);
                        return Err(PageError::Unavailable);
                    }
                }
            }
            let hashed = password::hash(&password, &random, memory);
            hashed.map(Some).map_err(|_| PageError::Internal)
        });
        match hashed.await {
            Err(_busy) => Ok(Err(NotTaken::Busy)),
            Ok(Ok(Some(hash))) => Ok(Ok(NewPassword { hash, is_short })),
            Ok(Ok(None)) => Ok(Err(NotTaken::Rule(PasswordError::Common, least))),
            Ok(Err(error)) => Err(error.into()),
        }
    }

    /// Words that others know about the owner and this site.
    fn own_words(&self, owner: &Owner) -> Vec<String> {
        let host = self.site.host();
        let name = owner.name.as_deref().unwrap_or_default();
        let mut own = vec![
            owner.username.clone(),
            owner.email.clone(),
            name.to_owned(),
            host.split(':').next().unwrap_or(host).to_owned(),
        ];
        own.extend(owner.email.split_once('@').map(|(local, _)| local.to_owned()));
        own.extend(name.split_whitespace().map(str::to_owned));
        own
    }
}
