//! Calls to addresses that a client, a provider or another outsider has named: the only way to make them.
//!
//! Such an address may have been chosen to reach what only this host can reach. It is therefore https on a usual port,
//! its name is resolved once, all of its addresses must be public, and the connection goes to one of exactly those
//! addresses. Redirects and proxies are not used, and a response has a deadline and a maximum size. Destinations that
//! the operator allows are exempt, each for one purpose.

mod addresses;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use http::{StatusCode, header};
use latchkey_metrics::catalog::HTTP_CLIENT_DURATION;
use latchkey_metrics::labels;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use rustls::pki_types::CertificateDer;
use tokio::sync::OnceCell;
use url::{Host, Url};

pub use addresses::is_public;

/// The allowed ports of other destinations.
const PORTS: [u16; 2] = [443, 8443];
/// The maximum size of a response, in bytes.
const LARGEST: usize = 64 * 1024;
/// The media type of JSON.
const JSON: &str = "application/json";
/// The timeout of a connection, including name resolution.
const CONNECT: Duration = Duration::from_secs(3);
/// The timeout of a call, including the whole response.
const WHOLE: Duration = Duration::from_secs(10);
/// The same where a person waits for it.
const WAITED_FOR: Duration = Duration::from_secs(5);

/// The purpose of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Telling a client that a session has ended (OpenID Connect Back-Channel Logout).
    BackChannelLogout,
    /// Asking another provider who somebody is.
    Upstream,
}

/// A destination that the operator allows although it may not be public.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Destination {
    purpose: Purpose,
    host: String,
    port: u16,
}

/// The client for all such calls. Cloning is cheap.
#[derive(Clone, Debug)]
pub struct Outgoing {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    allowed: Vec<Destination>,
    authorities: Vec<CertificateDer<'static>>,
    /// For public addresses only. Created by the first call, because most processes make none.
    public: OnceCell<reqwest::Client>,
    /// For destinations that the operator allows. It is separate, so that no connection of one kind serves the other.
    allowing: OnceCell<reqwest::Client>,
}

/// A response whose body has not been read.
#[derive(Debug)]
pub struct Reply(reqwest::Response);

/// Why an address must not be called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ForbiddenAddress {
    /// It is not a URL with a host.
    #[error("the address is not a valid URL")]
    Unreadable,
    /// It is neither https nor http on an allowed loopback address.
    #[error("the address is not https")]
    Scheme,
    /// It contains a user name or a password.
    #[error("the address has a user name or a password")]
    UserInfo,
    /// Another kind of server may listen on this port.
    #[error("the address has a port other than 443 and 8443")]
    Port,
    /// It resolves to a private network.
    #[error("the address resolves to an IP address that is not public")]
    NotPublic,
    /// It resolves to this machine.
    #[error("the address resolves to this machine")]
    Own,
}

/// Why there is no response.
#[derive(Debug, thiserror::Error)]
pub enum OutgoingError {
    /// The address must not be called.
    #[error(transparent)]
    Forbidden(#[from] ForbiddenAddress),
    /// The call failed.
    #[error("the call failed")]
    Failed(#[source] reqwest::Error),
    /// The response exceeds the maximum size.
    #[error("the response is too large")]
    TooLarge,
}

impl From<reqwest::Error> for OutgoingError {
    /// Omits the address, which may contain a secret of whoever registered it.
    fn from(error: reqwest::Error) -> Self {
        Self::Failed(error.without_url())
    }
}

impl Purpose {
    /// Every purpose.
    pub const ALL: [Purpose; 2] = [Self::BackChannelLogout, Self::Upstream];

    /// The name in the configuration.
    pub fn name(self) -> &'static str {
        match self {
            Self::BackChannelLogout => "back-channel-logout",
            Self::Upstream => "upstream",
        }
    }

    /// The timeout of a call. For some of them a person waits.
    fn timeout(self) -> Duration {
        match self {
            Self::BackChannelLogout => WHOLE,
            Self::Upstream => WAITED_FOR,
        }
    }
}

impl Destination {
    /// `PURPOSE HOST:PORT`, such as `back-channel-logout localhost:8080`; the error is a sentence for the operator.
    pub fn parse(text: &str) -> Result<Self, String> {
        let read = || {
            let (purpose, authority) = text.split_once(' ')?;
            let purpose = Purpose::ALL.into_iter().find(|known| known.name() == purpose)?;
            let (_, port) = authority.rsplit_once(':')?;
            port.parse::<u16>().ok()?;
            if authority.contains(['/', '\\', '?', '#', '@']) {
                return None;
            }
            Self::of(purpose, &format!("https://{authority}/"))
        };
        let names = Purpose::ALL.map(Purpose::name).join(", ");
        read().ok_or_else(|| format!("{text:?} is not PURPOSE HOST:PORT; the purposes are: {names}"))
    }

    /// The destination of a URL.
    pub fn of(purpose: Purpose, url: &str) -> Option<Self> {
        Self::of_parsed(purpose, &Url::parse(url).ok()?)
    }

    fn of_parsed(purpose: Purpose, url: &Url) -> Option<Self> {
        Some(Self {
            purpose,
            host: url.host_str()?.to_owned(),
            port: url.port_or_known_default()?,
        })
    }
}

impl Outgoing {
    /// A client that calls public addresses and the `allowed` destinations, and trusts `authorities` in addition to
    /// public ones.
    pub fn new(allowed: Vec<Destination>, authorities: Vec<CertificateDer<'static>>) -> Self {
        Self {
            inner: Arc::new(Inner {
                allowed,
                authorities,
                public: OnceCell::new(),
                allowing: OnceCell::new(),
            }),
        }
    }

    /// Posts a form.
    pub async fn post_form(
        &self,
        purpose: Purpose,
        url: &str,
        form: &[(&str, &str)],
    ) -> Result<Reply, OutgoingError> {
        let (client, url) = self.client(purpose, url).await?;
        let call = client.post(url).timeout(purpose.timeout()).form(form);
        Ok(Reply(timed(purpose, call).await?))
    }

    /// Posts a form for JSON, with the name and the secret of a client if it authenticates by them (RFC 6749 §2.3.1).
    pub async fn post_form_for_json(
        &self,
        purpose: Purpose,
        url: &str,
        form: &[(&str, &str)],
        basic: Option<(&str, &str)>,
    ) -> Result<Reply, OutgoingError> {
        let (client, url) = self.client(purpose, url).await?;
        let mut call = client.post(url).timeout(purpose.timeout()).form(form);
        call = call.header(header::ACCEPT, JSON);
        if let Some((id, secret)) = basic {
            call = call.basic_auth(id, Some(secret));
        }
        Ok(Reply(timed(purpose, call).await?))
    }

    /// Gets JSON, with a bearer token if there is one.
    pub async fn get_json(
        &self,
        purpose: Purpose,
        url: &str,
        bearer: Option<&str>,
    ) -> Result<Reply, OutgoingError> {
        let (client, url) = self.client(purpose, url).await?;
        let mut call = client.get(url).timeout(purpose.timeout());
        call = call.header(header::ACCEPT, JSON);
        if let Some(token) = bearer {
            call = call.bearer_auth(token);
        }
        Ok(Reply(timed(purpose, call).await?))
    }

    /// The client for an address that may be called.
    async fn client(&self, purpose: Purpose, url: &str) -> Result<(&reqwest::Client, Url), OutgoingError> {
        let (url, allowed) = self.inner.check(purpose, url)?;
        let inner = &self.inner;
        let client = if allowed {
            inner
                .allowing
                .get_or_try_init(|| async { inner.client()?.build() })
                .await?
        } else {
            inner
                .public
                .get_or_try_init(|| async { inner.public_client() })
                .await?
        };
        Ok((client, url))
    }
}

impl Inner {
    fn client(&self) -> Result<reqwest::ClientBuilder, reqwest::Error> {
        let authorities = self.authorities.iter();
        let authorities = authorities.map(|der| reqwest::Certificate::from_der(der));
        Ok(reqwest::Client::builder()
            .user_agent("latchkey")
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT)
            .timeout(WHOLE)
            // Each call resolves, checks and connects on its own.
            .pool_max_idle_per_host(0)
            .tls_certs_merge(authorities.collect::<Result<Vec<_>, _>>()?))
    }

    /// Whatever it calls, names resolve to public addresses only.
    fn public_client(&self) -> Result<reqwest::Client, reqwest::Error> {
        self.client()?.https_only(true).dns_resolver(PublicOnly).build()
    }

    /// The parsed address, and whether the operator allows it.
    fn check(&self, purpose: Purpose, url: &str) -> Result<(Url, bool), ForbiddenAddress> {
        let url = Url::parse(url).map_err(|_| ForbiddenAddress::Unreadable)?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(ForbiddenAddress::UserInfo);
        }
        let destination = Destination::of_parsed(purpose, &url).ok_or(ForbiddenAddress::Unreadable)?;
        let allowed = self.allowed.contains(&destination);
        match url.scheme() {
            "https" => {}
            "http" if allowed && is_loopback(&url) => {}
            _ => return Err(ForbiddenAddress::Scheme),
        }
        if allowed {
            return Ok((url, true));
        }
        if !PORTS.contains(&destination.port) {
            return Err(ForbiddenAddress::Port);
        }
        // The resolver is never consulted for these.
        match url.host() {
            Some(Host::Ipv4(address)) => check_address(address.into())?,
            Some(Host::Ipv6(address)) => check_address(address.into())?,
            Some(Host::Domain(_)) | None => {}
        }
        Ok((url, false))
    }
}

impl Reply {
    /// Its status.
    pub fn status(&self) -> StatusCode {
        self.0.status()
    }

    /// The media type of the body, in lower case and without parameters.
    pub fn media_type(&self) -> Option<String> {
        let value = self.0.headers().get(header::CONTENT_TYPE)?.to_str().ok()?;
        let essence = value.split(';').next().unwrap_or_default();
        Some(essence.trim().to_ascii_lowercase())
    }

    /// The body, unless it is too large. Callers that need none drop the response instead.
    pub async fn bytes(mut self) -> Result<Bytes, OutgoingError> {
        let mut body = BytesMut::new();
        while let Some(chunk) = self.0.chunk().await? {
            if body.len() + chunk.len() > LARGEST {
                return Err(OutgoingError::TooLarge);
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body.freeze())
    }
}

/// Sends, and counts how long the head of the response took.
async fn timed(purpose: Purpose, call: reqwest::RequestBuilder) -> Result<reqwest::Response, reqwest::Error> {
    let since = Instant::now();
    let response = call.send().await;
    let status = response.as_ref().ok().map(|response| response.status().as_u16());
    let destination = match purpose {
        Purpose::BackChannelLogout => labels::Destination::Logout,
        Purpose::Upstream => labels::Destination::Upstream,
    };
    HTTP_CLIENT_DURATION.observe((destination, labels::Outcome::of_status(status)), since.elapsed());
    response
}

/// Resolves names. A single address that must not be called rejects the name: only an attack mixes both kinds.
struct PublicOnly;

impl Resolve for PublicOnly {
    fn resolve(&self, name: Name) -> Resolving {
        let name = name.as_str().to_owned();
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name, 0)).await?.collect();
            for address in &found {
                check_address(address.ip())?;
            }
            Ok::<Addrs, Box<dyn std::error::Error + Send + Sync>>(Box::new(found.into_iter()))
        })
    }
}

fn check_address(address: IpAddr) -> Result<(), ForbiddenAddress> {
    if !is_public(address) {
        return Err(ForbiddenAddress::NotPublic);
    }
    if is_own(address) {
        return Err(ForbiddenAddress::Own);
    }
    Ok(())
}

/// True for an address of this machine: the system would connect to it from the same address. Nothing is sent.
fn is_own(address: IpAddr) -> bool {
    let any = match address {
        IpAddr::V4(_) => IpAddr::from(Ipv4Addr::UNSPECIFIED),
        IpAddr::V6(_) => IpAddr::from(Ipv6Addr::UNSPECIFIED),
    };
    let spoken_from = || {
        let socket = UdpSocket::bind((any, 0))?;
        socket.connect((address, 443))?;
        socket.local_addr()
    };
    spoken_from().is_ok_and(|from| from.ip() == address)
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::response::Redirect;
    use axum::routing::post;

    use super::*;

    const PURPOSE: Purpose = Purpose::BackChannelLogout;

    fn outgoing(allowed: &[&str]) -> Outgoing {
        let _installed_before = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let allowed = allowed.iter().map(|text| Destination::parse(text).unwrap());
        Outgoing::new(allowed.collect(), Vec::new())
    }

    /// A server on loopback, and its authority.
    async fn server() -> String {
        let router = Router::new()
            .route("/", post(async |body: String| body))
            .route("/elsewhere", post(async || Redirect::to("/")))
            .route("/large", post(async || "x".repeat(LARGEST + 1)));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let authority = listener.local_addr().unwrap().to_string();
        tokio::spawn(async move { axum::serve(listener, router).await });
        authority
    }

    #[test]
    fn a_destination_is_a_purpose_a_host_and_a_port() {
        let parsed = Destination::parse("back-channel-logout LOCALHOST:8080").unwrap();
        assert_eq!(
            Destination::of(PURPOSE, "http://localhost:8080/out").unwrap(),
            parsed
        );
        let v6 = Destination::parse("back-channel-logout [::1]:443").unwrap();
        assert_eq!(Destination::of(PURPOSE, "https://[::1]/").unwrap(), v6);
        for bad in [
            "",
            "localhost:8080",
            "other localhost:8080",
            "back-channel-logout localhost",
            "back-channel-logout [::1]",
            "back-channel-logout localhost:99999",
            "back-channel-logout https://localhost:8080",
            "back-channel-logout user@localhost:8080",
            "back-channel-logout :8080",
        ] {
            assert!(Destination::parse(bad).is_err(), "{bad}");
        }
    }

    #[tokio::test]
    async fn an_address_that_leads_inside_is_not_called() {
        use ForbiddenAddress::{NotPublic, Port, Scheme, Unreadable, UserInfo};
        let outgoing = outgoing(&["back-channel-logout intern.test:443"]);
        for (url, reason) in [
            ("", Unreadable),
            ("/out", Unreadable),
            ("https://", Unreadable),
            ("data:text/plain,x", Unreadable),
            ("http://rp.test/", Scheme),
            ("ftp://rp.test/", Scheme),
            ("http://intern.test:443/", Scheme),
            ("https://user@rp.test/", UserInfo),
            ("https://:secret@rp.test/", UserInfo),
            ("https://rp.test:22/", Port),
            ("https://rp.test:80/", Port),
            ("https://rp.test:6379/", Port),
            ("https://127.0.0.1/", NotPublic),
            ("https://[::1]/", NotPublic),
            ("https://169.254.169.254/latest/meta-data", NotPublic),
            ("https://[::ffff:169.254.169.254]/", NotPublic),
            ("https://0x7f.1/", NotPublic),
            ("https://2130706433/", NotPublic),
            ("https://0/", NotPublic),
            ("https://10.0.0.1:8443/", NotPublic),
        ] {
            let refused = outgoing.post_form(PURPOSE, url, &[]).await.unwrap_err();
            let as_expected = matches!(&refused, OutgoingError::Forbidden(forbidden) if *forbidden == reason);
            assert!(as_expected, "{url}: {refused:?}");
        }
        // Only the resolver knows what a name resolves to.
        let refused = outgoing.post_form(PURPOSE, "https://localhost/", &[]).await;
        let told = crate::reasons(&refused.unwrap_err());
        assert!(told.contains(&NotPublic.to_string()), "{told}");
    }

    #[tokio::test]
    async fn an_allowed_destination_is_called_and_leads_nowhere_else() {
        let authority = server().await;
        let outgoing = outgoing(&[&format!("back-channel-logout {authority}")]);
        let post = async |path: &str| {
            let url = format!("http://{authority}{path}");
            outgoing.post_form(PURPOSE, &url, &[("a", "b&c")]).await.unwrap()
        };
        let reply = post("/").await;
        assert_eq!(
            (reply.status().as_u16(), reply.media_type().as_deref()),
            (200, Some("text/plain"))
        );
        assert_eq!(reply.bytes().await.unwrap(), "a=b%26c");
        assert_eq!(post("/elsewhere").await.status().as_u16(), 303);
        let too_large = post("/large").await.bytes().await.unwrap_err();
        assert!(matches!(too_large, OutgoingError::TooLarge), "{too_large:?}");
    }

    #[tokio::test]
    async fn a_destination_is_allowed_for_its_purpose_alone() {
        let authority = server().await;
        let outgoing = outgoing(&[&format!("upstream {authority}")]);
        let url = format!("http://{authority}/");
        let reply = outgoing
            .post_form_for_json(Purpose::Upstream, &url, &[("a", "b")], Some(("id", "secret")))
            .await
            .unwrap();
        assert_eq!(reply.bytes().await.unwrap(), "a=b");
        let got = outgoing
            .get_json(Purpose::Upstream, &url, Some("token"))
            .await
            .unwrap();
        assert_eq!(got.status().as_u16(), 405, "it only takes posts");
        let refused = outgoing.post_form(PURPOSE, &url, &[]).await.unwrap_err();
        assert!(
            matches!(refused, OutgoingError::Forbidden(ForbiddenAddress::Scheme)),
            "{refused:?}"
        );
    }

    #[test]
    fn an_address_of_this_machine_is_its_own() {
        assert!(is_own(Ipv4Addr::LOCALHOST.into()));
        assert!(!is_own(Ipv4Addr::new(192, 0, 2, 1).into()));
    }
}
