//! Passwords that people choose: judged by the rules and the operator's list, and hashed where all passwords are.

use std::sync::Arc;

use latchkey_clock::Random;
use latchkey_identity_store::Owner;
use latchkey_protocol::error::PageError;
use latchkey_protocol::user::{PasswordError, SHORTEST_BESIDE, SHORTEST_PASSWORD, judge_password_of};
use latchkey_web::Words;

use crate::breached::Breached;
use crate::pages::{ErrorPage, Problem};
use crate::password;
use crate::password_hashing::{Class, Pool};
use crate::password_strength::{Strength, strength};
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
    /// It may be taken, once its owner was told that it is weak: it has so many points of four.
    Weak(u8),
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
            Self::Weak(_) => plain("password_weak"),
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

impl NotTaken {
    /// How many points of four a weak password has.
    pub fn points(self) -> Option<u8> {
        match self {
            Self::Weak(points) => Some(points),
            Self::Rule(..) | Self::Busy => None,
        }
    }
}

/// Why a password is not one.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unfit {
    /// By the rules.
    #[error(transparent)]
    Rule(#[from] PasswordError),
    /// The operator's list cannot be read: nobody knows whether it is in there.
    #[error("the list of breached passwords cannot be read: {0}")]
    List(#[from] std::io::Error),
}

/// The one judgement of every password that somebody sets, on whatever way: the rules, what falls to the first guesses, and
/// the operator's list. Takes milliseconds of a core and reads a file: run it off the request path.
pub(crate) fn judge(
    password: &str,
    own: &[&str],
    least: usize,
    breached: Option<&Breached>,
) -> Result<Strength, Unfit> {
    judge_password_of(password, own, least)?;
    let strength = strength(password, own);
    if strength == Strength::Common {
        return Err(PasswordError::Common.into());
    }
    match breached {
        Some(list) if list.contains(password)? => Err(PasswordError::Common.into()),
        Some(_) | None => Ok(strength),
    }
}

/// Whoever a password is for, by what others know of them.
pub(crate) struct For<'a> {
    /// What the guesses in flight are counted by.
    pub key: String,
    /// Whether the user exists already.
    pub class: Class,
    pub username: &'a str,
    pub email: &'a str,
    pub name: &'a str,
}

impl<'a> For<'a> {
    /// A user who exists.
    pub fn owner(owner: &'a Owner) -> Self {
        Self {
            key: format!("new|{}", owner.id),
            class: Class::Known,
            username: &owner.username,
            email: &owner.email,
            name: owner.name.as_deref().unwrap_or_default(),
        }
    }
}

/// Which password is asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked {
    /// Whether it stands beside a second step.
    pub beside: bool,
    /// Whether its owner is told first if it is weak; not twice, and not where the page has no place for it.
    pub advises: bool,
}

impl NewPasswords {
    /// The hash of a password that its owner may have.
    pub async fn hash(
        &self,
        password: String,
        whose: For<'_>,
        asked: Asked,
    ) -> Result<Result<NewPassword, NotTaken>, ErrorPage> {
        let least = least(asked.beside);
        let is_short = password.chars().count() < SHORTEST_PASSWORD;
        let own = self.own_words(&whose);
        {
            // What is plainly too short or personal costs nobody a place in the queue.
            let own: Vec<&str> = own.iter().map(String::as_str).collect();
            if let Err(error) = judge_password_of(&password, &own, least) {
                return Ok(Err(NotTaken::Rule(error, least)));
            }
        }
        let Ok(place) = self.hashing.reserve(whose.class, &whose.key) else {
            return Ok(Err(NotTaken::Busy));
        };
        let (random, breached) = (self.random.clone(), self.settings.breached.clone());
        let hashed = place.run(move |memory: &mut _| {
            let own: Vec<&str> = own.iter().map(String::as_str).collect();
            match judge(&password, &own, least, breached.as_deref()) {
                Ok(Strength::Weak(points)) if asked.advises => return Ok(Err(NotTaken::Weak(points))),
                Ok(_) => {}
                Err(Unfit::Rule(error)) => return Ok(Err(NotTaken::Rule(error, least))),
                Err(Unfit::List(error)) => {
                    tracing::error!(reason = %error, "the list of breached passwords cannot be read");
                    return Err(PageError::Unavailable);
                }
            }
            let hashed = password::hash(&password, &random, memory);
            hashed.map(Ok).map_err(|_| PageError::Internal)
        });
        match hashed.await {
            Err(_busy) => Ok(Err(NotTaken::Busy)),
            Ok(Ok(Ok(hash))) => Ok(Ok(NewPassword { hash, is_short })),
            Ok(Ok(Err(not_taken))) => Ok(Err(not_taken)),
            Ok(Err(error)) => Err(error.into()),
        }
    }

    /// Words that others know about the owner and this site.
    fn own_words(&self, whose: &For<'_>) -> Vec<String> {
        let host = self.site.host();
        let mut own = vec![
            whose.username.to_owned(),
            whose.email.to_owned(),
            whose.name.to_owned(),
            host.split(':').next().unwrap_or(host).to_owned(),
        ];
        own.extend(whose.email.split_once('@').map(|(local, _)| local.to_owned()));
        own.extend(whose.name.split_whitespace().map(str::to_owned));
        own
    }
}
