//! The visit of a page: the user, if signed in, language, theme, and address.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::response::Response;
use http::Method;
use http::request::Parts;
use latchkey_contracts::resource::catalog;
use latchkey_relying_party::sign_in::begin_at;
use latchkey_relying_party::{CurrentUser, Session, SessionUser};
use latchkey_web::{PageContext, Person, here, see_other};

use crate::Storefront;
use crate::api::basket::{Basket, Holder, Line};
use crate::format::initials;
use crate::guest::Guest;
use crate::page::ShopPage;
use crate::page_error::PageError;

#[derive(Clone, Debug)]
pub struct Visit {
    pub context: PageContext,
    /// The origin of the shop.
    origin: String,
    /// The signed-in user.
    current: Option<CurrentUser>,
    /// The visitor that this browser was before, or is as long as nobody signs in.
    guest: Option<Guest>,
    /// The ids of the courses in the basket, as far as it could be asked.
    basket: Option<Vec<String>>,
    /// Those on the wishlist.
    wishes: Vec<String>,
}

impl Visit {
    /// A page with this title.
    pub fn page(&self, title: impl Into<String>) -> ShopPage {
        let count = self.basket.as_ref().map(Vec::len);
        ShopPage::new(
            self.context.page(title),
            self.teaches(),
            self.administers(),
            count,
        )
    }

    /// Whether the signed-in user can write courses, as far as the shop knows; the catalog decides.
    pub fn teaches(&self) -> bool {
        let current = self.current.as_ref();
        current.is_some_and(|current| current.may(catalog::WRITE.name))
    }

    /// Whether the signed-in user can write reviews, as far as the shop knows: who signed in before there were any has
    /// to sign in again.
    pub fn reviews(&self) -> bool {
        let current = self.current.as_ref();
        current.is_some_and(|current| current.may(catalog::REVIEW.name))
    }

    /// The signed-in user.
    pub fn user(&self) -> Option<&SessionUser> {
        self.current.as_ref().map(|current| &current.user)
    }

    /// The id of the user's sign-in.
    pub fn login(&self) -> Option<&str> {
        self.user().map(|user| user.login.as_str())
    }

    /// The user's id at the issuer.
    pub fn sub(&self) -> Option<&str> {
        self.current.as_ref().map(|current| current.sub.as_str())
    }

    /// Whether the signed-in user runs the shop, as far as the shop knows; each service decides.
    pub fn administers(&self) -> bool {
        let current = self.current.as_ref();
        current.is_some_and(|current| current.may(catalog::ADMINISTER.name))
    }

    /// The sign-in of an administrator, for pages that are nobody else's: to everybody else there are none.
    pub fn administrator(&self) -> Result<&str, PageError> {
        let login = self.login().ok_or(PageError::SignedOut)?;
        match self.administers() {
            true => Ok(login),
            false => Err(PageError::Missing),
        }
    }

    /// The visitor that this browser is or was.
    pub fn guest(&self) -> Option<&Guest> {
        self.guest.as_ref()
    }

    /// Whose basket this browser sees. `None` for somebody who never put anything into one.
    pub fn holder(&self) -> Option<Holder<'_>> {
        match self.login() {
            Some(login) => Some(Holder::User(login)),
            None => self.guest.as_ref().map(Guest::holder),
        }
    }

    /// The token of forms about the basket.
    pub fn form_token(&self) -> Option<&str> {
        match self.user() {
            Some(user) => Some(&user.form_token),
            None => self.guest.as_ref().map(Guest::form_token),
        }
    }

    /// True if the basket is known to have this course.
    pub fn has_in_basket(&self, course_id: &str) -> bool {
        let mut all = self.basket.iter().flatten();
        all.any(|id| id == course_id)
    }

    /// True if the wishlist is known to have this course.
    pub fn wishes(&self, course_id: &str) -> bool {
        self.wishes.iter().any(|id| id == course_id)
    }

    /// The same visit with this basket, for pages that have read all of it.
    pub fn with_basket(mut self, basket: &Basket) -> Self {
        self.basket = Some(ids(&basket.lines));
        self.wishes = ids(&basket.saved);
        self
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

fn ids(lines: &[Line]) -> Vec<String> {
    lines.iter().map(|line| line.course_id.clone()).collect()
}

impl FromRequestParts<Storefront> for Visit {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, storefront: &Storefront) -> Result<Self, Infallible> {
        let session = parts.extensions.get::<Session>().cloned();
        let logins = storefront.logins.as_ref();
        let current = match (logins, session) {
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
        let mut visit = Self {
            context,
            origin: origins.first().to_owned(),
            current,
            guest: logins.and_then(|logins| Guest::of(logins, &parts.headers)),
            basket: None,
            wishes: Vec::new(),
        };
        // Forms lead on to a page, and pages about the basket read all of it themselves.
        let own = ["/basket", "/checkout", "/wishlist"].contains(&parts.uri.path());
        if let (Some(holder), true) = (visit.holder(), parts.method == Method::GET && !own) {
            let glance = storefront.api.basket.glance(holder).await;
            if let Ok(basket) = glance {
                visit = visit.with_basket(&basket);
            }
        }
        Ok(visit)
    }
}
