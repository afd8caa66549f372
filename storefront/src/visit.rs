//! The visit of a page: the user, if signed in, language, theme, and address.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::response::Response;
use http::request::Parts;
use latchkey_contracts::resource::catalog;
use latchkey_relying_party::sign_in::begin_at;
use latchkey_relying_party::{CurrentUser, Session, SessionUser};
use latchkey_web::{PageContext, Person, here, see_other};

use crate::Storefront;
use crate::format::initials;
use crate::page::ShopPage;

#[derive(Clone, Debug)]
pub struct Visit {
    pub context: PageContext,
    /// The origin of the shop.
    origin: String,
    /// The signed-in user.
    current: Option<CurrentUser>,
}

impl Visit {
    /// A page with this title.
    pub fn page(&self, title: impl Into<String>) -> ShopPage {
        let current = self.current.as_ref();
        let teaches = current.is_some_and(|current| current.may(catalog::WRITE.name));
        ShopPage::new(self.context.page(title), teaches)
    }

    /// The signed-in user.
    pub fn user(&self) -> Option<&SessionUser> {
        self.current.as_ref().map(|current| &current.user)
    }

    /// The id of the user's sign-in.
    pub fn login(&self) -> Option<&str> {
        self.user().map(|user| user.login.as_str())
    }

    /// The same visit after the sign-in was found to have ended.
    pub fn signed_out(&self) -> Self {
        let mut visit = self.clone();
        visit.current = None;
        visit.context.person = None;
        visit
    }

    /// A redirect to the sign-in, and back here.
    pub fn to_sign_in(&self) -> Response {
        see_other(&begin_at(&self.context.here))
    }

    /// The canonical address of a path, for search engines.
    pub fn canonical(&self, path: &str) -> Option<String> {
        (!self.origin.is_empty()).then(|| format!("{}{path}", self.origin))
    }
}

impl FromRequestParts<Storefront> for Visit {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, storefront: &Storefront) -> Result<Self, Infallible> {
        let session = parts.extensions.get::<Session>().cloned();
        let current = match (&storefront.logins, session) {
            (Some(logins), Some(session)) if logins.has_session(&parts.headers) => {
                logins.visitor(&session).await
            }
            _ => None,
        };
        let (messages, origins) = (&storefront.messages, &storefront.origins);
        let mut context = PageContext::of(&parts.headers, messages, origins, here(&parts.uri));
        context.issuer = storefront.issuer().map(str::to_owned);
        context.person = current.as_ref().map(|current| Person {
            name: current.user.name.clone(),
            initials: initials(&current.user.name),
            form_token: current.user.form_token.clone(),
        });
        Ok(Self {
            context,
            origin: origins.first().to_owned(),
            current,
        })
    }
}
