//! Responses for a request that was already answered: the same one, while it is still valid.

use axum::response::Response;
use latchkey_protocol::authorize::Outcome;
use latchkey_protocol::code;

use crate::browser::Browser;
use crate::interaction::{Decided, Interaction, Interactions};
use crate::pages::{ErrorPage, back, see_other};
use crate::secret::digest;

impl Interactions {
    /// Repeats the answer of a finished request. A code is issued again while it is not redeemed; after that the
    /// application must start again.
    pub async fn answer_again(
        &self,
        browser: &Browser,
        interaction: &Interaction,
        decided: &Decided,
    ) -> Result<Response, ErrorPage> {
        let code = self.code_of(interaction)?;
        let hash = digest(&code);
        let Some(given) = self.store.code(&hash, self.time.now()).await? else {
            // It ended in an error, which is repeated as often as necessary.
            return match &decided.outcome {
                Outcome::RedirectError(response) => Ok(back(browser, response)),
                Outcome::NeedLogin(_) | Outcome::NeedConsent { .. } | Outcome::Issue(_) => {
                    self.begin_again(interaction).await
                }
            };
        };
        let person = decided.session.as_ref().map(|known| known.person.id.as_str());
        let (now, latest) = (self.time.now(), self.time.latest());
        if code::may_repeat(&given.code, person, given.session_ended, latest)
            && self.store.repeat_code(&hash, now, latest).await?
        {
            return Ok(self.answer_with_code(browser, decided, &code));
        }
        self.begin_again(interaction).await
    }

    /// For an answered request whose answer cannot be repeated: the application starts a new one, if it has an address
    /// for that; otherwise the page names it.
    pub async fn begin_again(&self, interaction: &Interaction) -> Result<Response, ErrorPage> {
        let client = self.client_of(interaction).await?;
        match client.and_then(|client| client.initiate_login(&self.issuer)) {
            Some(to) => Ok(see_other(&to)),
            None => Err(self.expired_page(interaction).await?),
        }
    }
}
