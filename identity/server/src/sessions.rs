//! The sessions of browsers: who is signed in.

use latchkey_identity_store::{SessionRow, Store};
use latchkey_protocol::ClientId;
use latchkey_protocol::consent::Consent;
use latchkey_protocol::session::State;
use latchkey_protocol::user::User;

use crate::IdentityError;
use crate::browser::Browser;
use crate::secret::digest;
use crate::time::Time;

/// The session of this browser's cookie.
#[derive(Clone, Debug)]
pub(crate) struct SignedIn {
    pub row: SessionRow,
    pub person: User,
    pub state: State,
    /// The user's consent for the client in question.
    pub consent: Option<Consent>,
}

/// The sessions of browsers. Cloning is cheap.
#[derive(Clone)]
pub(crate) struct Sessions {
    pub store: Store,
    pub time: Time,
}

impl Sessions {
    /// The session of this browser, in whatever state; ended ones are absent.
    pub async fn of(&self, browser: &Browser) -> Result<Option<SignedIn>, IdentityError> {
        self.at_client(browser, None).await
    }

    /// The same, with the user's consent for this client.
    pub async fn at_client(
        &self,
        browser: &Browser,
        client: Option<&ClientId>,
    ) -> Result<Option<SignedIn>, IdentityError> {
        let Some(secret) = browser.session_secret() else {
            return Ok(None);
        };
        let found = self.store.session_by_secret(&digest(secret), client).await?;
        let latest = self.time.latest();
        let known = found
            .map(|(row, person, consent)| SignedIn {
                state: row.session.state(latest),
                row,
                person,
                consent,
            })
            .filter(|known| known.state != State::Ended);
        if let Some(known) = &known
            && known.state == State::Live
        {
            browser.is_of(&known.person);
        }
        Ok(known)
    }
}
