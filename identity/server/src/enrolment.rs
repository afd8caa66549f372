//! A new authenticator app: its secret lies sealed in the form of its own page until the first right code, so that nothing
//! is stored of an app that nobody finished setting up.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use latchkey_clock::Random;
use latchkey_db::Tx;
use latchkey_identity_store::TotpRow;
use latchkey_protocol::Timestamp;
use latchkey_protocol::mail::{Notice, Purpose};
use latchkey_protocol::totp::{self, MOST, PENDING_MS, SECRET_LEN};
use serde_json::json;

use crate::IdentityError;
use crate::second_step::{SecondStep, TOTP};
use crate::signer::Signer;

/// An app that waits for its first code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pending {
    id: String,
    /// Who sets it up.
    user: String,
    expires_at: Timestamp,
    secret: [u8; SECRET_LEN],
}

/// An app whose first code was right.
#[derive(Clone, Debug)]
pub(crate) struct Confirmed {
    row: TotpRow,
}

impl Pending {
    /// A new secret for a user.
    pub fn new(user: &str, random: &Random, now: Timestamp, latest: Timestamp) -> Self {
        Self {
            id: random.uuid_v7(now.0),
            user: user.to_owned(),
            expires_at: Timestamp(latest.0.saturating_add(PENDING_MS)),
            secret: random.bytes(),
        }
    }

    /// Sealed for a form of the browser with this secret; `None` before the keys are loaded.
    pub fn seal(&self, signer: &Signer, browser: &str) -> Option<String> {
        let secret = URL_SAFE_NO_PAD.encode(self.secret);
        let text = format!(
            "totp\n{}\n{}\n{}\n{secret}",
            self.id, self.user, self.expires_at.0
        );
        signer.seal_for(browser, &text)
    }

    /// Opens what [`Pending::seal`] sealed for the same browser, if it is this user's and not too old.
    pub fn open(signer: &Signer, browser: &str, sealed: &str, user: &str, latest: Timestamp) -> Option<Self> {
        let text = signer.open_for(browser, sealed)?;
        let mut lines = text.split('\n');
        let mut line = || lines.next();
        let (kind, id, whose, expires_at, secret) = (line()?, line()?, line()?, line()?, line()?);
        let expires_at = Timestamp(expires_at.parse().ok()?);
        if kind != "totp" || whose != user || expires_at <= latest {
            return None;
        }
        let secret = URL_SAFE_NO_PAD.decode(secret).ok()?;
        Some(Self {
            id: id.to_owned(),
            user: whose.to_owned(),
            expires_at,
            secret: secret.try_into().ok()?,
        })
    }

    /// What an authenticator app reads from the QR code.
    pub fn uri(&self, host: &str, account: &str) -> Option<String> {
        totp::uri(&self.secret, host, account)
    }

    /// The secret for typing.
    pub fn spelled(&self) -> String {
        totp::spelled(&self.secret)
    }

    /// The app, if this is one of its codes now.
    pub fn confirm(&self, signer: &Signer, typed: &str, name: &str, now: Timestamp) -> Option<Confirmed> {
        let last_step = totp::matched_step(&self.secret, typed, now)?;
        Some(Confirmed {
            row: TotpRow {
                wrapped_secret: signer.wrap_for_row(TOTP, &self.id, &self.secret),
                id: self.id.clone(),
                user: self.user.clone(),
                name: name.to_owned(),
                last_step,
                confirmed_at: now,
                last_used_at: None,
            },
        })
    }
}

/// What a new app has brought along.
#[derive(Clone, Debug)]
pub(crate) struct Enabled {
    /// The recovery codes that were made with the first app.
    pub codes: Option<Vec<String>>,
}

impl Confirmed {
    /// Its id.
    pub fn id(&self) -> &str {
        &self.row.id
    }

    /// Adds the app; with the first one a set of recovery codes. The user's row is locked by the caller. `None` if it was
    /// added before or there are too many.
    pub async fn enable(
        &self,
        tx: &Tx,
        second: &SecondStep,
        notice: Notice,
    ) -> Result<Option<Enabled>, IdentityError> {
        let now = notice.at;
        let (store, user) = (&second.store, &self.row.user);
        if !store.add_totp(tx, &self.row, MOST).await? {
            return Ok(None);
        }
        second
            .record(tx, "totp.added", user, json!({ "id": self.row.id }), now)
            .await?;
        let told = Purpose::FactorAdded { notice };
        second.tell(tx, user, &told, now).await?;
        let steps = store.second_steps(tx, user).await?;
        let lacks_codes = steps.is_some_and(|steps| steps.codes_left.is_none());
        let codes = match lacks_codes {
            true => Some(second.renew_codes(tx, user, now).await?),
            false => None,
        };
        Ok(Some(Enabled { codes }))
    }
}

/// The name of an app, as its user typed it: one line of at most 40 characters, or nothing.
pub(crate) fn app_name(typed: &str) -> String {
    const LONGEST: usize = 40;
    let plain = typed.chars().filter(|c| !c.is_control() && !is_invisible(*c));
    plain.take(LONGEST).collect::<String>().trim().to_owned()
}

/// Characters that turn the direction of the text around them.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_an_app_is_one_short_visible_line() {
        for (typed, name) in [
            ("  Phone ", "Phone"),
            ("a\r\nb\0c", "abc"),
            ("\u{202e}enohP", "enohP"),
            ("", ""),
        ] {
            assert_eq!(app_name(typed), name, "{typed:?}");
        }
        assert_eq!(app_name(&"ü".repeat(100)).chars().count(), 40);
    }
}
