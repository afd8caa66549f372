//! A visitor who has not signed in, known by a secret number in a sealed cookie: whoever knows the number holds the
//! basket, so that it is in no page and no log.

use http::{HeaderMap, HeaderValue};
use latchkey_http::{current_request_id, reasons};
use latchkey_relying_party::{Logins, Purpose};
use latchkey_web::cookie;

use crate::Storefront;
use crate::api::basket::Holder;

/// A visitor with a basket, or about to have one.
#[derive(Clone)]
pub struct Guest {
    /// 128 random bits in hexadecimal digits.
    number: String,
    /// The token of every form of theirs that changes something.
    form_token: String,
}

impl std::fmt::Debug for Guest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Guest")
    }
}

impl Guest {
    /// The visitor of a request, if they were here before.
    pub fn of(logins: &Logins, headers: &HeaderMap) -> Option<Self> {
        let name = logins.oidc.registration().origins.cookie(COOKIE);
        let number = logins
            .store
            .seal()
            .open(Purpose::Guest, PLACE, cookie(headers, &name)?);
        number.ok().map(|number| Self::with(logins, number))
    }

    /// Somebody new.
    pub fn new(logins: &Logins) -> Self {
        Self::with(logins, logins.oidc.number())
    }

    fn with(logins: &Logins, number: String) -> Self {
        Self {
            form_token: logins.store.seal().derive("guest/form", &[&number]),
            number,
        }
    }

    pub fn holder(&self) -> Holder<'_> {
        Holder::Guest(&self.number)
    }

    pub fn form_token(&self) -> &str {
        &self.form_token
    }

    /// The cookie, for as long as an untouched basket is kept.
    pub fn cookie(&self, logins: &Logins) -> HeaderValue {
        let sealed = logins.store.seal().close(Purpose::Guest, PLACE, &self.number);
        let origins = &logins.oidc.registration().origins;
        origins.set_cookie(COOKIE, &sealed, Some(LIFE_S))
    }

    /// The end of the cookie.
    pub fn gone(logins: &Logins) -> HeaderValue {
        logins.oidc.registration().origins.set_cookie(COOKIE, "", Some(0))
    }

    /// Makes the basket part of the user's. False if it is not: then the visitor keeps its number, and it is tried again.
    pub async fn merge(&self, storefront: &Storefront, login: &str) -> bool {
        match storefront.api.basket.merge(login, &self.number).await {
            Ok(_) => true,
            Err(error) => {
                let id = current_request_id();
                tracing::warn!(reason = reasons(&error), request.id = %id, "a visitor's basket could not be merged");
                false
            }
        }
    }
}

const COOKIE: &str = "latchkey-basket";
const PLACE: &str = "basket";
/// In seconds: 7 days.
const LIFE_S: u32 = 7 * 24 * 3_600;
