//! The edge: declared routes only, clean headers, limits in size and time, bodies forwarded as they arrive.
//!
//! A request passes these modules in this order; the ones marked *pure* are functions that never await:
//!
//! 1. `forward`: the shell around the decisions;
//! 2. `caller` (*pure*): the client's address, the request id and the trace, as the listener provides them;
//! 3. `authority` (*pure*): the request target and `Host` name one authority;
//! 4. `path` (*pure*): the path has exactly one interpretation;
//! 5. `routes`, `route` (*pure*): the declared route of this host, method and path, or an error;
//! 6. `address_limits` (a *pure* decision and its bounded memory): the limit on anonymous requests from one address,
//!    and `route_limits`: the limits of one route;
//! 7. `admission`: what the route demands (`policy`), by a token or by the session of a browser (`sign_in`);
//! 8. `sanitize_headers`, then `forwarded_headers` (*pure*): headers that a client may not send are removed, the
//!    gateway's own are set, and `identity`: the caller's;
//! 9. `balance` (a *pure* decision): which upstream; `request_body`, `upstream`, `response_body`: the bodies in both
//!    directions; `tunnel`: those of a WebSocket;
//! 10. `access_log`: one line of the access log, whatever happened.
//!
//! An error on the way is a problem document (`error`), or for a browser outside of `/api` a page (`page`), in the
//! language that its switch (`site`) remembers.
//!
//! `verify` answers the same question to other proxies, which move the bytes themselves.
//!
//! What never happens here: a path is repaired, a request is sent twice to upstreams that heard of it, a body is collected in memory, a request
//! selects its upstream, a response is truncated without the client noticing.

mod access_log;
mod address_limits;
mod admission;
mod authority;
mod balance;
mod caller;
mod config;
mod config_error;
mod error;
mod forward;
mod forwarded_headers;
mod gateway;
mod identity;
mod kind;
mod language;
mod origin;
mod page;
mod path;
mod policy;
mod request_body;
mod response_body;
mod route;
mod route_limits;
mod routes;
mod rule;
mod sanitize_headers;
mod sign_in;
mod sign_in_pages;
mod site;
mod trace;
mod tunnel;
mod upstream;
mod verify;

use std::sync::Arc;

use axum::Router;
use axum::routing::{any, post};

pub use address_limits::{AddressLimits, Rate};
pub use config::{Options, Timeouts};
pub use config_error::ConfigError;
pub use gateway::Gateway;
pub use kind::Kind;
pub use origin::Origin;
pub use policy::{Demand, Policy, Required};
pub use route::Route;
pub use routes::Routes;
pub use sign_in::{NoSession, PATHS, PageFuture, SessionFuture, SessionToken, Sessions, SignIn, SignInPage};
pub use site::MESSAGES;

/// The fallback of the edge's router. It is served by [`latchkey_http::Server`], which provides the client's address
/// and the request id; without it every request is a 500.
pub fn router(gateway: impl Into<Arc<Gateway>>) -> Router {
    Router::new()
        .route("/verify", any(verify::verify))
        .route("/.latchkey/{page}", any(sign_in_pages::answer))
        .route("/language", post(language::switch).fallback(forward::forward))
        .fallback(forward::forward)
        .with_state(gateway.into())
}
