//! Every address of the issuer, on one page.

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware;
use axum::routing::{get, post};
use latchkey_protocol::metadata::path;

use crate::Identity;
use crate::body_limit::{LONGEST_BODY, PICTURE_FORM, bounded};
use crate::mount::mounted;
use crate::routes::{self, acting, preflight, public_preflight};

impl Identity {
    /// The page of mails that were kept instead of sent, for the administrator's listener; nothing where mails are sent.
    pub fn outbox(&self) -> Router {
        if !self.keeps_mails() {
            return Router::new();
        }
        let pages = Router::new()
            .route("/outbox", get(routes::outbox::get))
            .route("/brand/{file}", get(routes::brand::get))
            .merge(latchkey_web::files())
            .with_state(self.clone());
        latchkey_web::secure(pages)
    }

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
            .route(
                "/login/code",
                get(routes::login_code::get).post(routes::login_code::post),
            )
            .route(
                "/register",
                get(routes::register::get).post(routes::register::post),
            )
            .route("/register/stay", post(routes::register::stay))
            .route(
                "/register/check",
                get(routes::register::check).post(routes::register::post_check),
            )
            .route(
                "/register/link",
                get(routes::register_finish::link).post(routes::register_finish::post_link),
            )
            .route(
                "/register/invited",
                get(routes::register_finish::invited).post(routes::register_finish::post_invited),
            )
            .route(
                "/register/finish",
                get(routes::register_finish::get).post(routes::register_finish::post),
            )
            .route("/recover", get(routes::recover::get).post(routes::recover::post))
            .route("/recover/sent", get(routes::recover::sent))
            .route(
                "/recover/link",
                get(routes::recover::link).post(routes::recover::post_link),
            )
            .route(
                "/recover/stop",
                get(routes::recover::stop).post(routes::recover::post_stop),
            )
            .route(
                "/recover/new",
                get(routes::recover_new::get).post(routes::recover_new::post),
            )
            .route("/recover/done", get(routes::recover_new::done))
            .route(
                "/account/password",
                get(routes::account_password::get).post(routes::account_password::post),
            )
            .route(
                "/account/email",
                get(routes::account_email::get).post(routes::account_email::post),
            )
            .route(
                "/account/email/check",
                get(routes::account_email::check).post(routes::account_email::post_check),
            )
            .route(
                "/account/email/notices",
                get(routes::account_notices::get).post(routes::account_notices::post),
            )
            .route(
                "/account/email/undo",
                get(routes::account_email::undo).post(routes::account_email::post_undo),
            )
            .route(
                "/account/delete",
                get(routes::account_delete::get).post(routes::account_delete::post),
            )
            .route("/account/deleted", get(routes::account_delete::requested))
            .route(
                "/account/export",
                get(routes::account_export::get).post(routes::account_export::post),
            )
            .route(
                "/account/export/data",
                acting(get(routes::account_export::data), "GET"),
            )
            .route(
                "/required/deletion",
                get(routes::required_deletion::get).post(routes::required_deletion::post),
            )
            .route(path::CHANGE_PASSWORD, get(async || routes::to_password()))
            .route("/second", get(routes::second::get).post(routes::second::post))
            .route(
                "/required/terms",
                get(routes::required_terms::get).post(routes::required_terms::post),
            )
            .route(
                "/required/factor",
                get(routes::required_factor::get).post(routes::required_factor::post),
            )
            .route(
                "/account/providers",
                acting(
                    get(routes::account_providers::get).post(routes::account_providers::post),
                    "GET, POST",
                ),
            )
            .route(
                "/upstream/confirm",
                acting(
                    get(routes::upstream_arrivals::confirm).post(routes::upstream_arrivals::post_confirm),
                    "GET, POST",
                ),
            )
            .route(
                "/upstream/register",
                get(routes::upstream_arrivals::register).post(routes::upstream_arrivals::post_register),
            )
            .route("/upstream/{provider}/start", post(routes::upstream::start))
            .route(
                "/upstream/{provider}/callback",
                acting(
                    get(routes::upstream::callback).post(routes::upstream::posted),
                    "GET, POST",
                ),
            )
            .route("/confirm", get(routes::confirm::get).post(routes::confirm::post))
            .route("/consent", get(routes::consent::get).post(routes::consent::post))
            .route(
                path::END_SESSION,
                acting(get(routes::logout::get).post(routes::logout::post), "GET, POST"),
            )
            .route("/logout/confirm", post(routes::logout::confirm))
            .route("/signed-out", get(routes::logout::signed_out))
            .route("/account", acting(get(routes::account::get), "GET"))
            .route(
                "/account/second",
                acting(
                    get(routes::account_second::get).post(routes::account_second::post),
                    "GET, POST",
                ),
            )
            .route(
                "/account/sessions",
                acting(
                    get(routes::account_sessions::get).post(routes::account_sessions::post),
                    "GET, POST",
                ),
            )
            .route(
                "/account/applications",
                acting(
                    get(routes::account_applications::get).post(routes::account_applications::post),
                    "GET, POST",
                ),
            )
            .route(
                "/account/history",
                acting(get(routes::account_history::get), "GET"),
            )
            .route(
                "/account/why",
                acting(
                    get(routes::account_why::get).post(routes::account_why::post),
                    "GET, POST",
                ),
            )
            .route(
                "/account/totp/new",
                acting(
                    get(routes::factors::new_app).post(routes::factors::enable_app),
                    "GET, POST",
                ),
            )
            .route(
                "/account/passkeys",
                acting(
                    get(routes::passkeys::get).post(routes::passkeys::post),
                    "GET, POST",
                ),
            )
            .route(
                "/account/recovery-codes",
                acting(
                    get(routes::factors::codes).post(routes::factors::renew_codes),
                    "GET, POST",
                ),
            )
            .route(
                "/passkey",
                acting(
                    get(routes::passkeys::offer).post(routes::passkeys::answer_offer),
                    "GET, POST",
                ),
            )
            .route(
                "/account/profile",
                acting(get(routes::profile::get).post(routes::profile::post), "GET, POST"),
            )
            .route(
                PICTURE_FORM,
                post(routes::profile::post_picture).layer(DefaultBodyLimit::max(LONGEST_BODY)),
            )
            .route(
                "/account/profile/picture/remove",
                post(routes::profile::remove_picture),
            )
            .route("/", get(async || routes::to_account()))
            .route("/theme", post(routes::theme::post))
            .route("/language", post(routes::language::post))
            .route("/brand/{file}", get(routes::brand::get))
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
            .route(
                path::PASSKEY_ENDPOINTS,
                get(routes::passkeys::endpoints).options(public_preflight),
            )
            .route("/pictures/{id}", get(routes::profile::picture))
            .route(
                path::RELATED_ORIGINS,
                get(routes::passkeys::related_origins).options(public_preflight),
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
            .route(
                "/upstream/{provider}/backchannel-logout",
                post(routes::upstream_logout::post),
            )
            .with_state(self.clone());
        let all = latchkey_web::secure(pages)
            .merge(endpoints)
            .layer(middleware::from_fn(bounded));
        let all = mounted(self.values.site.origins.path(), all);
        latchkey_web::strict_transport(all, self.issuer())
    }
}
