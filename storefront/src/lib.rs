//! The shop: an ordinary web application that knows courses only by asking the API over HTTP.
//!
//! The whole of it is on this page: its state and its routes. Every answer passes [`error::dress`], which turns a
//! failure into a page, and `latchkey_web::secure`, which puts the headers on.

mod api;
pub mod backchannel_logout;
pub mod cover;
mod design;
mod error;
pub mod flow;
mod format;
pub mod oidc;
mod pages;
pub mod people;
pub mod seal;
mod search;
pub mod session;
pub mod store;
mod visit;

use axum::routing::{get, post};
use axum::{Router, middleware};
use latchkey_http::probes::{self, Ready};
use latchkey_web::{COMMON_EN, Csp, MessageFile, Messages, Origins};
use tower_http::catch_panic::CatchPanicLayer;

use api::Api;
use error::Failure;
use people::People;

pub use latchkey_web::MessageError;

/// The shop's state: where the API is, where the shop itself is, and what it says.
#[derive(Clone, Debug)]
pub struct Storefront {
    api: Api,
    /// Nobody signs in at a shop that knows no issuer.
    people: Option<People>,
    origins: Origins,
    messages: Messages,
}

impl Storefront {
    /// `api` is the catalog's base, such as `http://127.0.0.1:8080/api/catalog/v1`. `client` follows no redirects and
    /// uses no proxy. `origins` are those by which browsers reach the shop; the first is what it calls itself.
    pub fn new(
        api: &str,
        client: reqwest::Client,
        origins: Origins,
        people: Option<People>,
    ) -> Result<Self, MessageError> {
        Ok(Self {
            api: Api::new(api, client, people.clone()),
            people,
            origins,
            messages: Messages::read(&[COMMON_EN, EN])?,
        })
    }
}

impl Storefront {
    /// A key for a form that must act once, as the API takes it.
    fn key(&self) -> String {
        let people = self.people.as_ref();
        people.map(|people| people.key()).unwrap_or_default()
    }
}

/// Every page of the shop.
pub fn router(storefront: Storefront) -> Router {
    use pages::{sign_in, teach};
    let https = storefront.origins.first().starts_with("https://");
    let sessions = storefront.people.as_ref().map(|people| {
        let cookie = storefront.origins.cookie(session::COOKIE);
        session::layer(people.store.clone(), cookie, https)
    });
    let pages = Router::new()
        .route("/", get(pages::home::show))
        .route("/courses", get(pages::listing::courses))
        .route("/courses/{slug}", get(pages::course::show))
        .route("/categories/{slug}", get(pages::listing::category))
        .route("/covers/{art}/{hue}/{file}", get(cover::serve))
        .route("/theme", post(pages::theme::remember))
        .route("/signin", get(sign_in::begin).head(no_head))
        .route("/callback", get(sign_in::callback).head(no_head))
        .route("/signout", post(sign_in::sign_out))
        .route("/backchannel-logout", post(backchannel_logout::post))
        .route("/teach", get(teach::list))
        .route("/teach/new", get(teach::blank).post(teach::create))
        .route("/teach/{id}", get(teach::edit).post(teach::save))
        .route("/teach/{id}/{step}", get(teach::ask).post(teach::step))
        .route("/_design", get(design::show))
        .merge(latchkey_web::files())
        .merge(latchkey_web::reports("storefront"))
        .fallback(async || Failure::Missing)
        .method_not_allowed_fallback(async || Failure::Method)
        .with_state(storefront.clone())
        .merge(probes::router(Ready::new()))
        .layer(CatchPanicLayer::custom(error::panicked))
        .layer(middleware::from_fn_with_state(storefront.clone(), error::dress));
    let pages = match sessions {
        Some(sessions) => pages.layer(sessions),
        None => pages,
    };
    // Forms of every page may lead to the issuer: signing out does.
    let issuer = storefront
        .people
        .as_ref()
        .map(|people| people.oidc.issuer().to_owned());
    let pages = latchkey_web::secure_with(pages, Csp::new().with_form_target(&issuer.unwrap_or_default()));
    latchkey_web::strict_transport(pages, storefront.origins.first())
}

/// What acts on GET has no HEAD: a look must not act.
async fn no_head() -> Failure {
    Failure::Method
}

/// All that the shop says, in English.
pub const EN: MessageFile = ("storefront/messages/en.ftl", include_str!("../messages/en.ftl"));
