//! The edge: declared routes only, clean headers, bounds in size and time, bytes moved as they come.
//!
//! A request passes these rooms in this order; the ones marked *pure* are functions that never await:
//!
//! 1. `forward`: the shell, and the only file that awaits;
//! 2. `caller` (*pure*): which address asks, under which request id and trace, as the listener says;
//! 3. `target` (*pure*): the request target and `Host` name one authority;
//! 4. `path` (*pure*): the path has exactly one reading;
//! 5. `route` (*pure*): the declared route that this method and path have, or a refusal;
//! 6. `address_limits` (a *pure* decision and its bounded memory): how much one address may ask anonymously;
//! 7. `clean`, then `stamp` (*pure*): what a client may not say is removed, what the gateway says is set;
//! 8. `upload`, `upstream`, `download`: the bytes there and back;
//! 9. `line`: one access-log line, whatever happened.
//!
//! A refusal on the way is a problem document (`refused`), or for a browser outside of `/api` a page (`page`).
//!
//! What never happens here: a path is repaired, a request is sent twice, a body is collected in memory, a
//! request chooses its upstream, an answer is cut short without the client noticing.

mod address_limits;
mod caller;
mod clean;
mod config;
mod config_error;
mod download;
mod forward;
mod gateway;
mod line;
mod origin;
mod page;
mod path;
mod refused;
mod route;
mod stamp;
mod target;
mod trace;
mod upload;
mod upstream;

use std::sync::Arc;

use axum::Router;

pub use address_limits::{AddressLimits, Rate};
pub use config::{Options, Timeouts};
pub use config_error::ConfigError;
pub use gateway::Gateway;
pub use origin::Origin;
pub use route::{Kind, Route, Routes};

/// Everything that no other router of the edge answers. It is served by [`latchkey_http::Server`], which says
/// which address asks and names the request; without that it answers 500.
pub fn router(gateway: Gateway) -> Router {
    Router::new()
        .fallback(forward::forward)
        .with_state(Arc::new(gateway))
}
