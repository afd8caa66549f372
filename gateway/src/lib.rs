//! The edge: declared routes only, clean headers, limits in size and time, bodies forwarded as they arrive.
//!
//! A request passes these modules in this order; the ones marked *pure* are functions that never await:
//!
//! 1. `forward`: the shell, and the only file that awaits;
//! 2. `caller` (*pure*): the client's address, the request id and the trace, as the listener provides them;
//! 3. `authority` (*pure*): the request target and `Host` name one authority;
//! 4. `path` (*pure*): the path has exactly one interpretation;
//! 5. `route` (*pure*): the declared route of this method and path, or an error;
//! 6. `address_limits` (a *pure* decision and its bounded memory): the limit on anonymous requests from one address;
//! 7. `sanitize_headers`, then `forwarded_headers` (*pure*): headers that a client may not send are removed, the
//!    gateway's own are set;
//! 8. `request_body`, `upstream`, `response_body`: the bodies in both directions;
//! 9. `access_log`: one line of the access log, whatever happened.
//!
//! An error on the way is a problem document (`error`), or for a browser outside of `/api` a page (`page`), in the
//! language that its switch (`site`) remembers.
//!
//! What never happens here: a path is repaired, a request is sent twice, a body is collected in memory, a request
//! selects its upstream, a response is truncated without the client noticing.

mod access_log;
mod address_limits;
mod authority;
mod caller;
mod config;
mod config_error;
mod error;
mod forward;
mod forwarded_headers;
mod gateway;
mod language;
mod origin;
mod page;
mod path;
mod request_body;
mod response_body;
mod route;
mod sanitize_headers;
mod site;
mod trace;
mod upstream;

use std::sync::Arc;

use axum::Router;
use axum::routing::post;

pub use address_limits::{AddressLimits, Rate};
pub use config::{Options, Timeouts};
pub use config_error::ConfigError;
pub use gateway::Gateway;
pub use origin::Origin;
pub use route::{Kind, Route, Routes};
pub use site::MESSAGES;

/// The fallback of the edge's router. It is served by [`latchkey_http::Server`], which provides the client's address
/// and the request id; without it every request is a 500.
pub fn router(gateway: Gateway) -> Router {
    Router::new()
        .route("/language", post(language::switch).fallback(forward::forward))
        .fallback(forward::forward)
        .with_state(Arc::new(gateway))
}
