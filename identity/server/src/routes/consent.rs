//! `GET` and `POST /consent`: what a client asks for, and the person's answer.

use axum::extract::{Request, State};
use axum::response::Response;
use latchkey_protocol::authorize::{Outcome, Step};
use latchkey_protocol::consent::Why;
use latchkey_protocol::error::PageError;
use latchkey_web::{Csp, answer};

use crate::Identity;
use crate::interaction::{Decided, Interaction, origin};
use crate::pages::{ConsentPage, Fault, groups, private, see_other};
use crate::visitor::Visitor;

pub(crate) async fn get(State(identity): State<Identity>, visitor: Visitor, request: Request) -> Response {
    let id = super::request_id(request.uri());
    let shown = identity.show_consent(&visitor, id.as_deref()).await;
    shown.unwrap_or_else(|fault| fault.page(&identity, &visitor))
}

pub(crate) async fn post(State(identity): State<Identity>, visitor: Visitor, request: Request) -> Response {
    let done = identity.post_consent(&visitor, request).await;
    done.unwrap_or_else(|fault| fault.page(&identity, &visitor))
}

impl Identity {
    async fn show_consent(&self, visitor: &Visitor, id: Option<&str>) -> Result<Response, Fault> {
        let (interaction, decided) = self.consenting(visitor, id).await?;
        let id = &interaction.row.id;
        let (Outcome::NeedConsent { shown, before, why }, Some(session)) =
            (&decided.outcome, &decided.session)
        else {
            return Ok(see_other(&format!("/continue?request={id}")));
        };
        let token = self.consent_token(visitor, &interaction, &decided)?;
        let visitor = &visitor.speaking(self, &decided.request.ui_locales);
        let view = ConsentPage {
            page: visitor.page("consent.title"),
            host: self.host(),
            request: id,
            token: &token,
            client: super::client_name(&decided.client),
            name: super::person_name(&session.person),
            place: &decided.request.redirect_uri.place(),
            groups: groups(self, &visitor.words, shown, before.as_ref(), *why),
            grew: *why == Why::Grew,
            unproven: *why == Why::Unproven,
        };
        let mut response = answer(http::StatusCode::OK, &view);
        let target = decided.request.redirect_uri.csp_source();
        private(&mut response, Some(Csp::new().with_form_target(&target)));
        Ok(response)
    }

    async fn post_consent(&self, visitor: &Visitor, request: Request) -> Result<Response, Fault> {
        visitor.is_at_home(self)?;
        let mut form = super::page_form(request).await?;
        let id = form.take("request");
        let (interaction, decided) = self.consenting(visitor, id.as_deref()).await?;
        let next = see_other(&format!("/continue?request={}", interaction.row.id));
        let (Outcome::NeedConsent { shown, .. }, Some(session)) = (&decided.outcome, &decided.session) else {
            return Ok(next);
        };
        // The token says who was asked and what was shown: a yes to anything else is none.
        let token = self.consent_token(visitor, &interaction, &decided)?;
        if form.take("token").as_deref() != Some(token.as_str()) {
            return Err(PageError::ForeignForm.into());
        }
        let step = match form.take("action").as_deref() {
            Some("allow") => Step::Allowed {
                user: session.person.id.clone(),
                shown: shown.clone(),
            },
            Some("deny") => Step::Denied,
            _ => return Err(PageError::Malformed.into()),
        };
        self.step(&interaction.row, &step).await?;
        Ok(next)
    }

    async fn consenting(&self, visitor: &Visitor, id: Option<&str>) -> Result<(Interaction, Decided), Fault> {
        let interaction = self.interaction(visitor, id).await?;
        if interaction.row.origin != origin::AUTHORIZE {
            return Err(PageError::Expired.into());
        }
        let decided = self.decide_stored(visitor, &interaction).await?;
        Ok((interaction, decided))
    }

    fn consent_token(
        &self,
        visitor: &Visitor,
        interaction: &Interaction,
        decided: &Decided,
    ) -> Result<String, Fault> {
        let (Outcome::NeedConsent { shown, .. }, Some(session)) = (&decided.outcome, &decided.session) else {
            return Err(PageError::Expired.into());
        };
        let shown = serde_json::to_string(shown).map_err(|_| PageError::Internal)?;
        self.form_token(
            visitor,
            "consent",
            &[&interaction.row.id, &session.person.id, &shown],
        )
    }
}
