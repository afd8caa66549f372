//! Connects a guard with nothing but its issuer's URL: the rest is read from the issuer's metadata (RFC 8414, OpenID
//! Connect Discovery). Feature `http`.

use std::future::Future;
use std::time::Duration;

use http::Uri;
use reqwest::redirect::Policy as Redirects;
use reqwest::{Client, StatusCode};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use tokio::time::Instant;

use crate::builder::GuardBuilder;
use crate::clock::Clock;
use crate::connect::{Connection, Endpoints};
use crate::feed::pause;
use crate::guard::{Guard, NotReady};
use crate::http::{body, describe};
use crate::json::Members;

/// A guard whose client is not named yet.
pub struct Unnamed(());

/// A guard that will discover its issuer, and the client that it uses there.
pub struct Discovery {
    client_id: String,
    client_secret: String,
    http: Option<Client>,
    patience: Duration,
}

/// Why a guard could not be connected. Every reason names the address that gave it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The issuer is not a URL of https or http without query and fragment.
    #[error("the issuer {0:?} is not an https or http URL without query and fragment")]
    NotAnIssuer(String),
    /// The HTTP client could not be made.
    #[error("the HTTP client could not be made: {0}")]
    Client(String),
    /// The server answered in a way that waiting does not change.
    #[error("{url} answered {status}{}", remedy(.status))]
    Refused {
        /// The address of the metadata.
        url: String,
        /// The status of the response.
        status: u16,
    },
    /// The metadata is that of another issuer.
    #[error("{url} is the metadata of the issuer {found:?}, but this guard is configured for {expected:?}")]
    WrongIssuer {
        /// The address of the metadata.
        url: String,
        /// The issuer that the guard is configured for.
        expected: String,
        /// The issuer that the metadata names.
        found: String,
    },
    /// The metadata cannot be used.
    #[error("the metadata at {url} {reason}")]
    Unusable {
        /// The address of the metadata.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The issuer could not be reached for as long as the guard was told to try.
    #[error("{url} could not be read within {} s: {reason}", .within.as_secs())]
    Unreachable {
        /// The address of the metadata.
        url: String,
        /// The reason of the last attempt.
        reason: String,
        /// The time that was waited.
        within: Duration,
    },
    /// The metadata was read, but the feed or the keys did not come.
    #[error(transparent)]
    NotReady(#[from] NotReady),
}

impl Guard {
    /// Starts connecting a guard for one resource with its issuer, for the exact issuer and audience of its tokens.
    /// The addresses of keys, feed and introspection are discovered from the issuer's URL.
    ///
    /// [`Guard::connect_at`] is for an issuer that is reached at other addresses than it tells.
    pub fn connect(issuer: impl Into<String>, audience: impl Into<String>) -> GuardBuilder<Unnamed> {
        GuardBuilder::new(issuer.into(), audience.into(), Unnamed(()))
    }
}

impl GuardBuilder<Unnamed> {
    /// The client of the service: confidential, and allowed to introspect tokens of this audience.
    #[must_use]
    pub fn client(self, id: impl Into<String>, secret: impl Into<String>) -> GuardBuilder<Discovery> {
        self.with_source(Discovery {
            client_id: id.into(),
            client_secret: secret.into(),
            http: None,
            patience: PATIENCE,
        })
    }
}

impl GuardBuilder<Discovery> {
    /// The HTTP client, for own certificate authorities or a proxy; it should not follow redirects. By default one
    /// that trusts what the system trusts.
    #[must_use]
    pub fn http(mut self, client: Client) -> Self {
        self.source.http = Some(client);
        self
    }

    /// How long to try to reach the issuer: 30 s by default.
    #[must_use]
    pub fn patience(mut self, longest: Duration) -> Self {
        self.source.patience = longest;
        self
    }

    /// Discovers the issuer, and returns once keys and revocations are known. Must be called inside a tokio runtime,
    /// where a task keeps the guard current from then on.
    ///
    /// What may pass (no connection, 429, 5xx) is tried again until the patience ends. What will not pass is an error
    /// at once: 401, 403, 404 and other statuses, another issuer, metadata without a feed.
    pub async fn start(self) -> Result<Guard, ConnectError> {
        self.start_until(std::future::pending()).await
    }

    /// Like [`Self::start`], and stops keeping the guard current at `shutdown`.
    pub async fn start_until(
        self,
        shutdown: impl Future<Output = ()> + Send + 'static,
    ) -> Result<Guard, ConnectError> {
        let http = match self.source.http.clone() {
            Some(http) => http,
            None => default_client()?,
        };
        let issuer = &self.policy.issuer;
        let endpoints = discover(issuer, &http, self.source.patience, &self.clock).await?;
        let connection = Connection {
            endpoints,
            client_id: self.source.client_id.clone(),
            client_secret: self.source.client_secret.clone(),
            client: http,
        };
        let (guard, listening) = self.with_source(connection).build();
        let task = tokio::spawn(listening.run(shutdown));
        if let Err(why) = guard.live().await {
            // Nobody gets this guard, so nobody needs it kept current.
            task.abort();
            return Err(why.into());
        }
        Ok(guard)
    }
}

/// A client without redirects. TLS needs a provider of cryptography; a process that has chosen one keeps it.
fn default_client() -> Result<Client, ConnectError> {
    if CryptoProvider::get_default().is_none() {
        // An error means that another thread was faster.
        let _ = aws_lc_rs::default_provider().install_default();
    }
    let client = Client::builder()
        .redirect(Redirects::none())
        .connect_timeout(ATTEMPT)
        .build();
    client.map_err(|error| ConnectError::Client(describe(error)))
}

async fn discover(
    issuer: &str,
    http: &Client,
    patience: Duration,
    clock: &Clock,
) -> Result<Endpoints, ConnectError> {
    let addresses = addresses(issuer).ok_or_else(|| ConnectError::NotAnIssuer(issuer.to_owned()))?;
    // Beyond what an instant can be, it has no end.
    let until = Instant::now().checked_add(patience);
    let mut failures = 0;
    loop {
        let (url, reason) = match read_first(issuer, &addresses, http).await {
            Ok(endpoints) => return Ok(endpoints),
            Err(Attempt::Final(error)) => return Err(error),
            Err(Attempt::Passing { url, reason }) => (url, reason),
        };
        let wait = pause(failures, clock().unsigned_abs());
        if until.is_some_and(|until| Instant::now() + wait >= until) {
            return Err(ConnectError::Unreachable {
                url,
                reason,
                within: patience,
            });
        }
        tracing::warn!(url, reason, failures, "the issuer's metadata could not be read");
        failures += 1;
        tokio::time::sleep(wait).await;
    }
}

/// How an attempt ended that brought nothing.
enum Attempt {
    /// The next one may bring more.
    Passing { url: String, reason: String },
    /// None will.
    Final(ConnectError),
}

/// The first address that has metadata. Only 404 leads to the next one: an issuer serves one form or both.
async fn read_first(issuer: &str, addresses: &[String], http: &Client) -> Result<Endpoints, Attempt> {
    let mut missing = None;
    for url in addresses {
        match read(issuer, url, http).await {
            Err(Attempt::Final(ConnectError::Refused { url, status: 404 })) => {
                missing = Some(ConnectError::Refused { url, status: 404 });
            }
            settled => return settled,
        }
    }
    let none = ConnectError::NotAnIssuer(issuer.to_owned());
    Err(Attempt::Final(missing.unwrap_or(none)))
}

async fn read(issuer: &str, url: &str, http: &Client) -> Result<Endpoints, Attempt> {
    let passing = |reason: String| Attempt::Passing {
        url: url.to_owned(),
        reason,
    };
    let answer = http.get(url).timeout(ATTEMPT).send().await;
    let answer = answer.map_err(|error| passing(describe(error)))?;
    let status = answer.status();
    if may_pass(status) {
        return Err(passing(format!("the response status was {status}")));
    }
    if status != StatusCode::OK {
        return Err(Attempt::Final(ConnectError::Refused {
            url: url.to_owned(),
            status: status.as_u16(),
        }));
    }
    let bytes = body(answer, LONGEST).await.map_err(passing)?;
    endpoints(issuer, url, &bytes).map_err(Attempt::Final)
}

/// Pure: statuses after which the same request may succeed.
fn may_pass(status: StatusCode) -> bool {
    status.is_server_error() || matches!(status.as_u16(), 408 | 425 | 429)
}

/// Where the metadata of an issuer is: RFC 8414 §3.1 puts the well-known name between host and path, OpenID Connect
/// Discovery §4 behind the path. Pure.
fn addresses(issuer: &str) -> Option<[String; 2]> {
    let uri: Uri = issuer.parse().ok()?;
    let (scheme, authority) = (uri.scheme_str()?, uri.authority()?);
    if !matches!(scheme, "https" | "http") || uri.query().is_some() || issuer.contains('#') {
        return None;
    }
    let path = uri.path().trim_end_matches('/');
    let origin = format!("{scheme}://{authority}");
    Some([
        format!("{origin}/.well-known/oauth-authorization-server{path}"),
        format!("{origin}{path}/.well-known/openid-configuration"),
    ])
}

/// Pure: what the guard needs of the metadata.
fn endpoints(issuer: &str, url: &str, metadata: &[u8]) -> Result<Endpoints, ConnectError> {
    let unusable = |reason: String| ConnectError::Unusable {
        url: url.to_owned(),
        reason,
    };
    let mut members = Members::parse(metadata)
        .map_err(|_| unusable("is no JSON object, or has a member twice".to_owned()))?;
    let mut member = |name: &'static str| {
        let found = members.text(name);
        found.map_err(|_| unusable(format!("has no usable `{name}`")))
    };
    // RFC 8414 §3.3: anything but the identical issuer must not be used.
    let found = member("issuer")?;
    if found != issuer {
        return Err(ConnectError::WrongIssuer {
            url: url.to_owned(),
            expected: issuer.to_owned(),
            found,
        });
    }
    let endpoints = Endpoints {
        jwks: member("jwks_uri")?,
        revocation_feed: member("revocation_feed_endpoint")?,
        introspection: member("introspection_endpoint")?,
    };
    // The secret of the client and the keys of the issuer do not leave TLS where the issuer has it.
    let all = [
        &endpoints.jwks,
        &endpoints.revocation_feed,
        &endpoints.introspection,
    ];
    let is_astray = |address: &str| issuer.starts_with("https:") && !address.starts_with("https:");
    let astray = all.into_iter().find(|address| is_astray(address)).cloned();
    match astray {
        Some(address) => Err(unusable(format!(
            "leads from https to {address}, which is not encrypted"
        ))),
        None => Ok(endpoints),
    }
}

fn remedy(status: &u16) -> &'static str {
    match status {
        300..=399 => ": the issuer is reached at another address; configure that one",
        401 | 403 => ": something in front of the issuer asks for credentials, or refuses this service",
        404 => ": there is no issuer at this address",
        _ => "",
    }
}

const PATIENCE: Duration = Duration::from_secs(30);
const ATTEMPT: Duration = Duration::from_secs(3);
const LONGEST: usize = 256 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    const URL: &str = "https://id.example/.well-known/oauth-authorization-server";

    fn metadata(issuer: &str, feed: &str) -> String {
        format!(
            r#"{{"issuer":"{issuer}","jwks_uri":"https://id.example/jwks","revocation_feed_endpoint":"{feed}","introspection_endpoint":"https://id.example/introspect"}}"#
        )
    }

    #[test]
    fn an_issuer_with_a_path_has_its_metadata_in_both_places() {
        for (issuer, expected) in [
            (
                "https://id.example",
                Some([
                    "https://id.example/.well-known/oauth-authorization-server",
                    "https://id.example/.well-known/openid-configuration",
                ]),
            ),
            (
                "http://127.0.0.1:8081/a/b",
                Some([
                    "http://127.0.0.1:8081/.well-known/oauth-authorization-server/a/b",
                    "http://127.0.0.1:8081/a/b/.well-known/openid-configuration",
                ]),
            ),
            ("id.example", None),
            ("ftp://id.example", None),
            ("https://id.example?x=1", None),
            ("https://id.example#x", None),
            ("", None),
        ] {
            let found = addresses(issuer);
            let found = found.as_ref().map(|[first, second]| [first.as_str(), second]);
            assert_eq!(found, expected, "{issuer}");
        }
    }

    #[test]
    fn metadata_of_another_issuer_is_refused_to_the_byte() {
        let feed = "https://id.example/revocations";
        let issuer = "https://id.example";
        assert!(endpoints(issuer, URL, metadata(issuer, feed).as_bytes()).is_ok());
        for other in [
            "https://id.example/",
            "https://ID.example",
            "https://other.example",
        ] {
            let refused = endpoints(issuer, URL, metadata(other, feed).as_bytes());
            assert!(
                matches!(&refused, Err(ConnectError::WrongIssuer { found, .. }) if found == other),
                "{refused:?}"
            );
        }
    }

    #[test]
    fn metadata_that_leads_out_of_tls_or_twice_is_refused() {
        let issuer = "https://id.example";
        for text in [
            metadata(issuer, "http://id.example/revocations"),
            metadata(issuer, ""),
            r#"{"issuer":"https://id.example"}"#.to_owned(),
            r#"{"issuer":"https://id.example","issuer":"https://id.example"}"#.to_owned(),
            "<html>".to_owned(),
        ] {
            let refused = endpoints(issuer, URL, text.as_bytes());
            assert!(matches!(refused, Err(ConnectError::Unusable { .. })), "{text}");
        }
    }

    #[test]
    fn only_what_can_pass_is_tried_again() {
        for (status, passes) in [
            (500, true),
            (502, true),
            (503, true),
            (429, true),
            (401, false),
            (403, false),
            (404, false),
            (301, false),
            (204, false),
        ] {
            let status = StatusCode::from_u16(status).expect("a status");
            assert_eq!(may_pass(status), passes, "{status}");
        }
    }
}
