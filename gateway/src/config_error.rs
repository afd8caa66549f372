//! Errors in the settings and route declarations of the edge.

/// Why a configuration is rejected when it is loaded.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    #[error("`{0}` is not an origin: it must be http:// or https:// with a host and nothing after it")]
    Origin(String),
    #[error(
        "route {route}: `{path}` is not a path of plain segments (letters, digits, `-._~`), with at most a final `/*`"
    )]
    Path { route: String, path: String },
    #[error("route {route}: `{path}` would match every path; name the public ones")]
    Everything { route: String, path: String },
    #[error("route {route}: `{strip}` is not a prefix of `{path}` that ends at a segment boundary")]
    Strip {
        route: String,
        path: String,
        strip: String,
    },
    #[error("route {route}: `{rewrite}` is not a path of plain segments without a final slash")]
    Rewrite { route: String, rewrite: String },
    #[error("route {route}: `{host}` is not a host such as notes.example.org or localhost:8080")]
    Host { route: String, host: String },
    #[error("route {route}: the header `{name}` belongs to the edge or to the connection")]
    Header { route: String, name: String },
    #[error("route {route}: {host} is the edge's own host, whose routes are declared without `host`")]
    OwnHost { route: String, host: String },
    #[error("route {route} needs [gateway.sign_in] at its host, {host}, which must not be the edge's own")]
    SignIn { route: String, host: String },
    #[error("route {wide} at {path} is shadowed by {narrow}, which does not declare {method}")]
    Shadowed {
        method: http::Method,
        path: String,
        wide: String,
        narrow: String,
    },
    #[error("route {own} at {path} overlaps {builtin} of the marketplace")]
    Builtin {
        own: String,
        path: String,
        builtin: String,
    },
    #[error("route {route}: {path} is a path that the edge answers itself")]
    Reserved { route: String, path: String },
    #[error("route {route} declares no method")]
    NoMethod { route: String },
    #[error("route {route}: {method} cannot be declared")]
    Method { route: String, method: http::Method },
    #[error("{method} {path} is declared by {first} and by {second}")]
    Conflict {
        method: http::Method,
        path: String,
        first: String,
        second: String,
    },
    #[error("route {route} has an https upstream, but no certificate authority is configured")]
    NoAuthority { route: String },
    #[error("the pages of the edge cannot be shown: {0}")]
    Messages(String),
    #[error("TLS to the upstreams cannot be set up: {0}")]
    Tls(String),
}
