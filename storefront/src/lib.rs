//! The shop: an ordinary web application that reads courses only from the API over HTTP.
//!
//! This page shows all of its routes. Every response passes [`error_pages::render`], which turns an error into a page,
//! and `latchkey_web::secure`, which adds the headers.

mod api;
mod client;
mod cover;
mod error_pages;
mod followers;
mod format;
mod guest;
mod page;
mod page_error;
mod pages;
mod posted;
mod progress;
mod search;
mod state;
mod visit;

use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};
use axum::{Router, middleware};
use latchkey_http::probes::{self, Ready};
use latchkey_relying_party::path;
use latchkey_web::Csp;
use tower_http::catch_panic::CatchPanicLayer;

use page_error::PageError;

pub use client::{CLIENT, RESOURCES};
pub use latchkey_web::MessageError;
pub use pages::instructor::photo::LONGEST_FORM;
pub use state::{MESSAGES, Storefront, messages};

/// All pages of the shop.
pub fn router(storefront: Storefront) -> Router {
    use pages::admin::dead_letters;
    use pages::{
        action, admin, basket, certificate, checkout, coupons, instructor, invoice, learn, ledger, library,
        order_status, orders, reviews, sales, sign_in, wallet, wishlist,
    };
    let pages = Router::new()
        .route("/", get(pages::home::show))
        .route("/courses", get(pages::listing::courses))
        .route("/courses/{slug}", get(pages::course::show))
        .route("/courses/{slug}/reviews", get(reviews::list))
        .route("/courses/{slug}/review", get(reviews::edit).post(reviews::send))
        .route("/courses/{slug}/review/delete", post(reviews::withdraw))
        .route("/categories/{slug}", get(pages::listing::category))
        .route("/covers/{art}/{hue}/{file}", get(pages::covers::show))
        .route("/theme", post(pages::theme::remember))
        .route("/language", post(pages::language::remember))
        .route(path::SIGN_IN, get(sign_in::begin).head(no_head))
        .route(path::CALLBACK, get(sign_in::callback).head(no_head))
        .route(path::SIGN_OUT, post(sign_in::sign_out))
        .route(path::BACKCHANNEL_LOGOUT, post(sign_in::backchannel))
        .route("/teach", get(instructor::list))
        .route("/teach/new", get(instructor::blank).post(instructor::create))
        .route(
            "/teach/photo/{id}",
            post(instructor::photo::upload).layer(DefaultBodyLimit::max(LONGEST_FORM)),
        )
        .route("/teach/photo/{id}/remove", post(instructor::photo::remove))
        .route("/teach/coupons", get(coupons::list))
        .route("/teach/coupons/new", get(coupons::blank).post(coupons::create))
        .route("/teach/coupons/{id}", get(coupons::show).post(coupons::step))
        .route("/teach/sales", get(sales::show))
        .route("/teach/{id}", get(instructor::edit).post(instructor::save))
        .route("/teach/{id}/{step}", get(instructor::ask).post(instructor::step))
        .route("/basket", get(basket::show))
        .route("/basket/add", post(basket::add))
        .route("/basket/coupon", post(basket::set_coupon))
        .route("/basket/lines/{id}", post(basket::change))
        .route("/wishlist", get(wishlist::show))
        .route("/wishlist/add", post(wishlist::add))
        .route("/wishlist/{id}", post(wishlist::change))
        .route("/checkout", get(checkout::show).post(checkout::submit))
        .route("/orders/{id}/action", get(action::show).post(action::tell))
        .route("/orders", get(orders::list))
        .route("/orders/{id}", get(orders::show))
        .route("/orders/{id}/status", get(order_status::show))
        .route("/orders/{id}/events", get(order_status::events).head(no_head))
        .route("/orders/{id}/cancel", post(order_status::cancel))
        .route("/orders/{id}/refunds", post(orders::refund))
        .route("/orders/{id}/invoice", get(invoice::show))
        .route("/orders/{id}/invoice/pdf", get(invoice::pdf))
        .route(
            "/orders/{id}/credit-notes/{note}/pdf",
            get(invoice::credit_note_pdf),
        )
        .route("/wallet", get(wallet::show))
        .route("/wallet/top-ups", post(wallet::top_up))
        .route("/wallet/top-ups/{id}", get(wallet::followed))
        .route("/wallet/top-ups/{id}/action", post(wallet::confirm))
        .route("/wallet/cards/{id}/delete", post(wallet::delete_card))
        .route("/library", get(library::show))
        .route("/learn/{slug}", get(learn::show).post(learn::mark))
        .route("/admin", get(admin::show))
        .route("/admin/orders", get(admin::orders::list))
        .route("/admin/orders/{id}", get(admin::orders::show))
        .route("/admin/orders/{id}/retry", post(admin::orders::retry))
        .route("/admin/orders/{id}/resolve", post(admin::orders::resolve))
        .route("/admin/refunds", get(admin::refunds::list))
        .route("/admin/refunds/{id}", post(admin::refunds::decide))
        .route("/admin/grants", get(admin::grants::show))
        .route("/admin/grants/credits", post(admin::grants::credits))
        .route("/admin/grants/items", post(admin::grants::item))
        .route("/admin/grants/{id}/approve", post(admin::grants::approve))
        .route(
            "/admin/dead-letters",
            get(dead_letters::list).post(dead_letters::redrive_all),
        )
        .route("/admin/dead-letters/record", get(dead_letters::record))
        .route("/admin/dead-letters/{id}", get(dead_letters::show))
        .route("/admin/dead-letters/{id}/redrive", post(dead_letters::redrive))
        .route("/admin/dead-letters/{id}/discard", post(dead_letters::discard))
        .route("/admin/coupons", get(coupons::list))
        .route("/admin/coupons/new", get(coupons::blank).post(coupons::create))
        .route("/admin/coupons/{id}", get(coupons::show).post(coupons::step))
        .route("/learn/{slug}/certificate", get(certificate::show))
        .route("/library/{id}/use", post(library::consume))
        .route("/admin/ledger", get(ledger::show))
        .route("/_design", get(pages::design::show))
        .merge(latchkey_web::files())
        .merge(latchkey_web::reports("storefront"))
        .fallback(async || PageError::Missing)
        .method_not_allowed_fallback(async || PageError::Method)
        .with_state(storefront.clone())
        .merge(probes::router(Ready::new()))
        .layer(CatchPanicLayer::custom(error_pages::panicked))
        .layer(middleware::from_fn_with_state(
            storefront.clone(),
            error_pages::render,
        ));
    let pages = match &storefront.logins {
        Some(logins) => logins.sessions(pages),
        None => pages,
    };
    // Forms of every page may redirect to the issuer: signing out does.
    let issuer = storefront.issuer().unwrap_or_default();
    let pages = latchkey_web::secure_with(pages, Csp::new().with_form_target(issuer));
    latchkey_web::strict_transport(pages, storefront.origins.first())
}

/// Routes that act on GET have no HEAD, because a HEAD must not act.
async fn no_head() -> PageError {
    PageError::Method
}
