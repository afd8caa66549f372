//! The shop: an ordinary web application that knows courses only by asking the API over HTTP.
//!
//! The whole of it is on this page: its state and its routes. Every answer passes [`error::dress`], which turns a
//! failure into a page, and `latchkey_web::secure`, which puts the headers on.

mod api;
pub mod cover;
mod design;
mod error;
mod format;
mod pages;
mod search;
mod visit;

use axum::routing::{get, post};
use axum::{Router, middleware};
use latchkey_http::probes::{self, Ready};
use latchkey_web::{Messages, Origins};
use tower_http::catch_panic::CatchPanicLayer;

use api::Api;
use error::Failure;

pub use latchkey_web::MessageError;

/// The shop's state: where the API is, where the shop itself is, and what it says.
#[derive(Clone, Debug)]
pub struct Storefront {
    api: Api,
    origins: Origins,
    messages: Messages,
}

impl Storefront {
    /// `api` is the catalog's base, such as `http://127.0.0.1:8080/api/catalog/v1`. `client` follows no redirects and
    /// uses no proxy. `origins` are those by which browsers reach the shop; the first is what it calls itself.
    pub fn new(api: &str, client: reqwest::Client, origins: Origins) -> Result<Self, MessageError> {
        Ok(Self {
            api: Api::new(api, client),
            origins,
            messages: Messages::read(&[("en", latchkey_web::COMMON_EN), ("en", EN)])?,
        })
    }
}

/// Every page of the shop.
pub fn router(storefront: Storefront) -> Router {
    let pages = Router::new()
        .route("/", get(pages::home::show))
        .route("/courses", get(pages::listing::courses))
        .route("/courses/{slug}", get(pages::course::show))
        .route("/categories/{slug}", get(pages::listing::category))
        .route("/covers/{art}/{hue}/{file}", get(cover::serve))
        .route("/theme", post(pages::theme::remember))
        .route("/_design", get(design::show))
        .merge(latchkey_web::files())
        .fallback(async || Failure::Missing)
        .method_not_allowed_fallback(async || Failure::Method)
        .with_state(storefront.clone())
        .merge(probes::router(Ready::new()))
        .layer(CatchPanicLayer::custom(error::panicked))
        .layer(middleware::from_fn_with_state(storefront, error::dress));
    latchkey_web::secure(pages)
}

/// All that the shop says, in English.
const EN: &str = include_str!("../messages/en.toml");
