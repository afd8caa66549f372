//! The client's own tokens, for what it does on behalf of nobody: one request at a time for each audience and scope,
//! and a pause after one that failed. What an issuer is slow to give for one resource holds nothing else up.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};

use tokio::sync::Mutex;

use crate::error::{NoToken, OidcError};
use crate::oidc::Oidc;
use crate::store::Token;

/// The tokens by audience and scope. Cloning is cheap.
#[derive(Clone, Default)]
pub struct OwnTokens(Arc<std::sync::Mutex<BTreeMap<Key, Place>>>);

type Key = (String, String);
/// Whoever asks the issuer holds the place, and the others wait for the same answer.
type Place = Arc<Mutex<Own>>;

/// What is known for one audience and scope.
#[derive(Default)]
struct Own {
    token: Option<Token>,
    failed: Option<Failed>,
}

/// The issuer did not give one.
struct Failed {
    /// How often in a row.
    times: u32,
    /// Unix milliseconds.
    at: i64,
    reason: String,
}

/// How long before its expiry a token is renewed, in milliseconds.
const MARGIN_MS: i64 = 20_000;
/// The pause after a failure, and the longest after many, in milliseconds.
const PAUSE_MS: i64 = 500;
const LONGEST_PAUSE_MS: i64 = 30_000;

impl OwnTokens {
    /// A token that stays valid for a while; if the issuer gives none, one that is still valid.
    pub async fn token(&self, oidc: &Oidc, audience: &str, scope: &str) -> Result<String, NoToken> {
        let mut own = self.place(audience, scope).lock_owned().await;
        let now = oidc.now_ms();
        if let Some(token) = own.valid(now + MARGIN_MS) {
            return Ok(token);
        }
        if let Some(failed) = own.failed.as_ref().filter(|failed| failed.holds(now)) {
            let reason = format!("asked a moment ago: {}", failed.reason);
            return own.valid(now).ok_or(NoToken::Oidc(OidcError::Away(reason)));
        }
        let (oidc, audience, scope) = (oidc.clone(), audience.to_owned(), scope.to_owned());
        // A caller that does not wait any longer must not make the next one begin anew.
        let flight = latchkey_http::spawn(async move {
            let given = oidc.own_token(&audience, &scope).await;
            let now = oidc.now_ms();
            match given {
                Ok(given) => {
                    let token = Token {
                        text: given.access_token,
                        expires_at: now + given.expires_in_s * 1_000,
                    };
                    let text = token.text.clone();
                    *own = Own {
                        token: Some(token),
                        failed: None,
                    };
                    Ok(text)
                }
                Err(error) => {
                    let times = own
                        .failed
                        .as_ref()
                        .map_or(1, |failed| failed.times.saturating_add(1));
                    let reason = error.to_string();
                    own.failed = Some(Failed {
                        times,
                        at: now,
                        reason,
                    });
                    own.valid(now).ok_or(NoToken::Oidc(error))
                }
            }
        });
        let ended = |error: tokio::task::JoinError| NoToken::Oidc(OidcError::Away(error.to_string()));
        flight.await.map_err(ended)?
    }

    /// A token was rejected: the next call fetches another.
    pub async fn refused(&self, audience: &str, scope: &str) {
        self.place(audience, scope).lock().await.token = None;
    }

    fn place(&self, audience: &str, scope: &str) -> Place {
        let mut places = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (audience.to_owned(), scope.to_owned());
        places.entry(key).or_default().clone()
    }
}

impl Own {
    /// The token, if it is still valid at an instant.
    fn valid(&self, at: i64) -> Option<String> {
        let token = self.token.as_ref().filter(|token| token.expires_at > at);
        token.map(|token| token.text.clone())
    }
}

impl Failed {
    /// Whether it is too early to ask again. A clock that was set back makes nobody wait longer.
    fn holds(&self, now: i64) -> bool {
        (0..pause_ms(self.times)).contains(&now.saturating_sub(self.at))
    }
}

/// The pause after so many failures in a row.
fn pause_ms(times: u32) -> i64 {
    let doubled = PAUSE_MS.saturating_mul(1 << times.saturating_sub(1).min(16));
    doubled.min(LONGEST_PAUSE_MS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_half_a_minute() {
        let pauses = [1, 2, 3, 6, 7, 8, u32::MAX].map(pause_ms);
        assert_eq!(pauses, [500, 1_000, 2_000, 16_000, 30_000, 30_000, 30_000]);
    }
}
