//! Pages of the account that need more than a session: whoever has a second step or a passkey must have shown it in this
//! session, and lately.

use std::sync::Arc;

use axum::response::Response;
use http::header;
use latchkey_clock::Random;
use latchkey_protocol::Timestamp;
use latchkey_protocol::authentication::{Acr, Factors};
use latchkey_protocol::recovery::FRESH_MS;
use latchkey_protocol::session::State;
use latchkey_protocol::step_up;
use latchkey_protocol::totp::PENDING_MS;

use crate::IdentityError;
use crate::browser::{Browser, cookie};
use crate::interaction::Interactions;
use crate::origin;
use crate::own_page::OwnPage;
use crate::pages::{ErrorPage, see_other};
use crate::sessions::{Sessions, SignedIn};

/// Whether a browser may see a page now.
pub(crate) enum Arrival {
    /// It may.
    Here(Box<SignedIn>),
    /// It must sign in, or show more, first.
    Elsewhere(Response),
}

/// When it must have been shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shown {
    /// At any time in this session: the page itself asks for the password.
    Ever,
    /// A short while ago.
    Lately,
    /// A short while before the page was shown whose form this is, and which is soon too old itself.
    BeforeForm,
}

impl Shown {
    /// How long ago, at most, in milliseconds.
    const fn ms(self) -> Option<i64> {
        match self {
            Self::Ever => None,
            Self::Lately => Some(FRESH_MS),
            Self::BeforeForm => Some(FRESH_MS + PENDING_MS),
        }
    }
}

/// Lets users to the pages where they change what they sign in with.
pub(crate) struct StepUp {
    pub sessions: Sessions,
    pub interactions: Arc<Interactions>,
    pub random: Random,
}

impl StepUp {
    /// Whether a session may change what its user signs in with.
    pub async fn suffices(&self, known: &SignedIn, how: Shown) -> Result<bool, ErrorPage> {
        let factors = self.factors(known).await?;
        let store = &self.sessions.store;
        let proofs = store.session_proofs(&known.row.session).await;
        let proofs = proofs.map_err(IdentityError::from)?;
        let now = self.sessions.time.now();
        let in_time = how
            .ms()
            .is_none_or(|ms| step_up::is_fresh(&proofs, factors, ms, now));
        Ok(in_time && step_up::shows(&proofs, factors))
    }

    /// The factors of a user that were not made in this session just now.
    async fn factors(&self, known: &SignedIn) -> Result<Factors, IdentityError> {
        let (store, user) = (&self.sessions.store, &known.person.id);
        let since = Timestamp(self.sessions.time.now().0 - FRESH_MS - PENDING_MS);
        let mut factors = store.factors(user).await?;
        factors.passkey = factors.passkey
            && store
                .has_passkey_besides(user, &known.row.session.id, since)
                .await?;
        Ok(factors)
    }

    /// The user of a page of this address, if they have shown the strongest factor that they have: none is added or
    /// removed by whoever has not.
    pub async fn at(&self, browser: &Browser, next: &str, how: Shown) -> Result<Arrival, ErrorPage> {
        let known = self.sessions.of(browser).await?;
        let live = known.filter(|known| known.state == State::Live && known.person.may_act().is_ok());
        let mut acr = Acr::Password;
        let page = if live.is_some() { "/confirm" } else { "/continue" };
        if let Some(known) = live {
            if self.suffices(&known, how).await? {
                return Ok(Arrival::Here(Box::new(known)));
            }
            acr = step_up::needed(self.factors(&known).await?).unwrap_or(acr);
        }
        let own = OwnPage {
            next: Some(next.to_owned()),
            acr: Some(acr),
            fresh: how.ms().is_some(),
        };
        let parsed = serde_json::to_string(&own).unwrap_or_else(|_| "{}".to_owned());
        let (browser_secret, made) = browser.secret_or_new(&self.random, false);
        let begun = self.interactions.begin_request(
            browser,
            browser_secret.as_deref(),
            origin::ACCOUNT,
            None,
            parsed,
        );
        let mut response = see_other(&format!("{page}?request={}", begun.await?));
        if made && let Some(secret) = &browser_secret {
            let cookie = browser.site.set_cookie(cookie::BROWSER, secret, None);
            response.headers_mut().append(header::SET_COOKIE, cookie);
        }
        Ok(Arrival::Elsewhere(response))
    }
}
