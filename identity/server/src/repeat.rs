//! What a browser gets that comes with a request which was answered before: the same answer, while it is still good.

use axum::response::Response;
use latchkey_protocol::authorize::Outcome;
use latchkey_protocol::client::Client;
use latchkey_protocol::code;
use latchkey_protocol::error::PageError;

use crate::Identity;
use crate::interaction::Interaction;
use crate::pages::{Application, Fault, see_other};
use crate::visitor::{Visitor, digest};

impl Identity {
    /// The answer of a finished request once more. A code is given again while nobody has redeemed it; after that the
    /// application begins anew.
    pub(crate) async fn answer_again(
        &self,
        visitor: &Visitor,
        interaction: &Interaction,
    ) -> Result<Response, Fault> {
        let decided = self.decide_stored(visitor, interaction).await?;
        let code = self.code_of(interaction)?;
        let hash = digest(&code);
        let Some(given) = self.inner.store.code(&hash, self.now()).await? else {
            // It ended in an error, which is told as often as it is asked for.
            return match &decided.outcome {
                Outcome::RedirectError(response) => Ok(self.back(visitor, response)),
                Outcome::NeedLogin(_) | Outcome::NeedConsent { .. } | Outcome::Issue(_) => {
                    self.begin_again(interaction).await
                }
            };
        };
        let person = decided.session.as_ref().map(|known| known.person.id.as_str());
        let (now, latest) = (self.now(), self.latest());
        if code::may_repeat(&given.code, person, given.session_ended, latest)
            && self.inner.store.repeat_code(&hash, now, latest).await?
        {
            return Ok(self.answer_with_code(visitor, &decided, &code));
        }
        self.begin_again(interaction).await
    }

    /// The code that a request ends in, if it ends in one.
    pub(crate) fn code_of(&self, interaction: &Interaction) -> Result<String, Fault> {
        let code = self.inner.signer.code(&self.inner.issuer, &interaction.row.id);
        code.ok_or_else(|| PageError::Unavailable.into())
    }

    /// A request that was answered, and whose answer cannot be given again: the application begins a new one, where it
    /// has an address for that; else the page names it.
    pub(crate) async fn begin_again(&self, interaction: &Interaction) -> Result<Response, Fault> {
        let client = self.client_of(interaction).await?;
        match client.and_then(|client| client.initiate_login(&self.inner.issuer)) {
            Some(to) => Ok(see_other(&to)),
            None => Err(self.over(interaction).await?),
        }
    }

    /// The page of a request that is over. It names the application: this browser began it there.
    pub(crate) async fn over(&self, interaction: &Interaction) -> Result<Fault, Fault> {
        let client = self.client_of(interaction).await?;
        Ok(Fault {
            application: client.map(|client| Box::new(self.application(&client))),
            client: Some(interaction.row.client_id.clone()).filter(|id| !id.is_empty()),
            ..PageError::Expired.into()
        })
    }

    fn application(&self, client: &Client) -> Application {
        let begins = client.initiate_login(&self.inner.issuer);
        Application {
            name: crate::routes::client_name(client).to_owned(),
            address: begins.or_else(|| client.home().map(str::to_owned)),
        }
    }
}
