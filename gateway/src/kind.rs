//! The kinds of clients that a route has.

/// The kind of client of a route, and its credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Programs, with tokens: cookies pass in neither direction.
    Api,
    /// Browsers, with cookies: tokens do not pass.
    Pages,
    /// Whatever a service that is not ours expects: it decides itself who asks.
    Own,
}
