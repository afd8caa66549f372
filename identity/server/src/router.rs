//! Every address of the issuer, on one page.

use axum::Router;
use axum::routing::{get, post};
use latchkey_protocol::metadata::path;

use crate::Identity;
use crate::routes::{self, acting, preflight, public_preflight};

impl Identity {
    /// All routes.
    pub fn router(&self) -> Router {
        let pages = Router::new()
            .route(
                path::AUTHORIZE,
                acting(
                    get(routes::authorize::get).post(routes::authorize::post),
                    "GET, POST",
                ),
            )
            .route("/continue", acting(get(routes::authorize::resume), "GET"))
            .route("/login", get(routes::login::get).post(routes::login::post))
            .route("/consent", get(routes::consent::get).post(routes::consent::post))
            .route(
                path::END_SESSION,
                acting(get(routes::logout::get).post(routes::logout::post), "GET, POST"),
            )
            .route("/logout/confirm", post(routes::logout::confirm))
            .route("/signed-out", get(routes::logout::signed_out))
            .route(
                "/account",
                acting(get(routes::account::get).post(routes::account::post), "GET, POST"),
            )
            .route("/", get(async || routes::to_account()))
            .route("/theme", post(routes::theme::post))
            .merge(latchkey_web::files())
            .merge(latchkey_web::reports("identity"))
            .fallback(routes::no_page)
            .with_state(self.clone());
        let endpoints = Router::new()
            .route(
                path::OPENID_CONFIGURATION,
                get(routes::discovery::get).options(public_preflight),
            )
            .route(
                path::AUTHORIZATION_SERVER,
                get(routes::discovery::get).options(public_preflight),
            )
            .route(path::JWKS, get(routes::jwks::get).options(public_preflight))
            .route(path::TOKEN, post(routes::token::post).options(preflight))
            .route(
                path::USERINFO,
                get(routes::userinfo::handle)
                    .post(routes::userinfo::handle)
                    .options(preflight),
            )
            .route(path::INTROSPECT, post(routes::introspect::post))
            .route(path::REVOKE, post(routes::revoke::post).options(preflight))
            .route(path::REVOCATIONS, get(routes::revocations::get))
            .with_state(self.clone());
        let all = latchkey_web::secure(pages).merge(endpoints);
        latchkey_web::strict_transport(all, self.issuer())
    }
}
