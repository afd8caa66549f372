//! Who looks: the person, if they are signed in, their language, their theme, and where they are.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::response::Response;
use http::header;
use http::request::Parts;
use latchkey_web::{Page, Person, Theme, Words, here};
use tower_sessions::Session;

use crate::Storefront;
use crate::error::Failure;
use crate::oidc::CATALOG;
use crate::pages::sign_in::{begin_at, kept, see_other, signed_in};
use crate::people::{NoToken, People};
use crate::session::{COOKIE, Known};

#[derive(Clone, Debug)]
pub struct Visit {
    pub words: Words,
    pub theme: Theme,
    /// Path and query.
    pub here: String,
    /// The shop's own origin.
    pub origin: String,
    /// Who is signed in.
    pub known: Option<Known>,
    /// Where people sign in, if they can.
    pub issuer: Option<String>,
}

impl Visit {
    /// A page of this title. Addresses that get a page are worth a canonical one only where a handler says so.
    pub fn page(&self, title: impl Into<String>) -> Page {
        Page {
            title: title.into(),
            description: String::new(),
            canonical: None,
            here: self.here.clone(),
            person: self.known.as_ref().map(|known| Person {
                name: known.name.clone(),
                initials: crate::format::initials(&known.name),
                teaches: known.teaches,
                form_token: known.form_token.clone(),
            }),
            issuer: self.issuer.clone(),
            theme: self.theme,
            words: self.words.clone(),
        }
    }

    /// The sign-in of whoever looks.
    pub fn login(&self) -> Option<&str> {
        self.known.as_ref().map(|known| known.login.as_str())
    }

    /// The same where it turned out that the sign-in is over.
    pub fn signed_out(&self) -> Self {
        Self {
            known: None,
            ..self.clone()
        }
    }

    /// To the sign-in, and back here.
    pub fn to_sign_in(&self) -> Result<Response, Failure> {
        see_other(&begin_at(&self.here))
    }

    /// The one address of a path, for search engines.
    pub fn canonical(&self, path: &str) -> Option<String> {
        (!self.origin.is_empty()).then(|| format!("{}{path}", self.origin))
    }
}

impl FromRequestParts<Storefront> for Visit {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, storefront: &Storefront) -> Result<Self, Infallible> {
        let accept = parts.headers.get(header::ACCEPT_LANGUAGE).cloned();
        let session = parts.extensions.get::<Session>().cloned();
        // Who cannot be known is nobody: pages that need somebody say so themselves.
        let known = match (&storefront.people, session) {
            (Some(people), Some(session)) if has_cookie(parts, storefront) => match kept(&session).await {
                Ok(kept) => still_there(people, signed_in(people, &kept).await.unwrap_or_default()).await,
                Err(_) => None,
            },
            _ => None,
        };
        Ok(Self {
            known,
            issuer: storefront
                .people
                .as_ref()
                .map(|people| people.oidc.issuer().to_owned()),
            words: storefront
                .messages
                .words(accept.as_ref().and_then(|value| value.to_str().ok())),
            theme: Theme::remembered(&parts.headers, &storefront.origins.cookie(THEME)),
            here: here(&parts.uri),
            origin: storefront.origins.first().to_owned(),
        })
    }
}

/// With each new token the issuer is asked whether the sign-in still holds: what no logout token told is found out here.
async fn still_there(people: &People, known: Option<Known>) -> Option<Known> {
    let known = known?;
    match people.token(&known.login, CATALOG).await {
        Err(NoToken::SignedOut) => None,
        // Who cannot be asked does not sign anybody out.
        Ok(_) | Err(NoToken::Oidc(_) | NoToken::Store(_)) => Some(known),
    }
}

/// Without the cookie there is no session to look for.
pub fn has_cookie(parts: &Parts, storefront: &Storefront) -> bool {
    let name = storefront.origins.cookie(COOKIE);
    let mut cookies = parts.headers.get_all(header::COOKIE).iter();
    cookies.any(|line| line.to_str().is_ok_and(|line| line.contains(&name)))
}

/// The cookie under which a theme is remembered.
pub const THEME: &str = "latchkey-theme";
