//! What a browser gets that comes with a request which was answered before: the same answer, while it is still good.

use axum::response::Response;
use latchkey_protocol::authorize::Outcome;
use latchkey_protocol::code;

use crate::interaction::{Interaction, Interactions};
use crate::pages::{Fault, back, see_other};
use crate::secret::digest;
use crate::visitor::Visitor;

impl Interactions {
    /// The answer of a finished request once more. A code is given again while nobody has redeemed it; after that the
    /// application begins anew.
    pub async fn answer_again(
        &self,
        visitor: &Visitor,
        interaction: &Interaction,
    ) -> Result<Response, Fault> {
        let decided = self.decide_stored(visitor, interaction).await?;
        let code = self.code_of(interaction)?;
        let hash = digest(&code);
        let Some(given) = self.store.code(&hash, self.time.now()).await? else {
            // It ended in an error, which is told as often as it is asked for.
            return match &decided.outcome {
                Outcome::RedirectError(response) => Ok(back(visitor, response)),
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
            return Ok(self.answer_with_code(visitor, &decided, &code));
        }
        self.begin_again(interaction).await
    }

    /// A request that was answered, and whose answer cannot be given again: the application begins a new one, where it
    /// has an address for that; else the page names it.
    pub async fn begin_again(&self, interaction: &Interaction) -> Result<Response, Fault> {
        let client = self.client_of(interaction).await?;
        match client.and_then(|client| client.initiate_login(&self.issuer)) {
            Some(to) => Ok(see_other(&to)),
            None => Err(self.over(interaction).await?),
        }
    }
}
