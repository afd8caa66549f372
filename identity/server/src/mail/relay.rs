//! The relay that takes our mails: over TLS, or over plain SMTP on loopback; nothing that a network between could strip.

use std::fmt;
use std::net::IpAddr;
use std::time::{Duration, UNIX_EPOCH};

use latchkey_protocol::Timestamp;
use latchkey_protocol::mail::Address;
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart, SinglePart};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use url::{Host, Url};

use super::Rendered;

/// A relay, and how mails are handed to it. Cloning is cheap.
#[derive(Clone)]
pub struct Relay {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    sender: Mailbox,
    /// How many mails it gets in an hour.
    pub(crate) max_per_hour: i64,
    /// How long one mail may take in all.
    patience: Duration,
}

/// Neither the host nor the credentials are shown.
impl fmt::Debug for Relay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Relay").finish_non_exhaustive()
    }
}

/// How long a mail may take from the connection to the relay's last word: less than a claimed try.
const PATIENCE: Duration = Duration::from_secs(30);
/// The port of submission over TLS (RFC 8314 §3.3) and of submission with STARTTLS (RFC 6409 §3.1).
const PORT_TLS: u16 = 465;
const PORT_STARTTLS: u16 = 587;
const PORT_PLAIN: u16 = 25;
/// The largest mail, in bytes.
const LARGEST: usize = 30 * 1024;

/// Why a mail was not taken.
#[derive(Debug, thiserror::Error)]
pub enum RelayError {
    /// It cannot be a mail: an address or a header is none.
    #[error("the mail cannot be built")]
    Unbuildable,
    /// The relay refuses this mail for good.
    #[error("the relay refuses the mail ({0})")]
    Refused(u16),
    /// The relay refuses it for now.
    #[error("the relay is not taking the mail now ({0})")]
    Later(u16),
    /// The relay does not take our credentials, which is no fault of the mail.
    #[error("the relay does not take our credentials ({0})")]
    Credentials(u16),
    /// The relay's certificate is not one that we trust, or it has no TLS.
    #[error("there is no TLS with the relay")]
    Tls,
    /// It took too long.
    #[error("the relay took too long")]
    Slow,
    /// There is no connection, or it broke.
    #[error("the relay cannot be reached")]
    Unreachable,
}

impl RelayError {
    /// The class in rows and lists.
    pub(crate) fn class(&self) -> &'static str {
        match self {
            Self::Unbuildable => "unbuildable",
            Self::Refused(_) => "refused",
            Self::Later(_) => "later",
            Self::Credentials(_) => "credentials",
            Self::Tls => "tls",
            Self::Slow => "slow",
            Self::Unreachable => "unreachable",
        }
    }

    /// Whether another try can end otherwise.
    pub(crate) fn is_final(&self) -> bool {
        matches!(self, Self::Unbuildable | Self::Refused(_))
    }
}

impl Relay {
    /// A relay from its settings; the error is a sentence for the operator, without the URL, which may hold a password.
    ///
    /// `smtps://` is TLS from the first byte, `smtp://` needs STARTTLS. `smtp://…?tls=none` is plain, and for loopback
    /// alone. `authority` is a PEM file's text with further authorities.
    pub fn new(url: &str, sender: &str, max_per_hour: i64, authority: Option<&[u8]>) -> Result<Self, String> {
        let parsed = Url::parse(url).map_err(|_| "mail.url is not a URL".to_owned())?;
        let host = match parsed.host() {
            // The host of a scheme that the URL standard does not know stays text, brackets and all.
            Some(Host::Domain(host)) if !host.is_empty() => host.to_owned(),
            Some(Host::Ipv4(address)) => address.to_string(),
            Some(Host::Ipv6(address)) => address.to_string(),
            Some(Host::Domain(_)) | None => return Err("mail.url has no host".to_owned()),
        };
        let plain = match parsed.query() {
            None | Some("") | Some("tls=required") => false,
            Some("tls=none") => true,
            Some(_) => return Err("mail.url may have tls=required or tls=none after its host".to_owned()),
        };
        let parameters = || {
            let mut builder = TlsParameters::builder(host.clone());
            if let Some(pem) = authority {
                let none = || "mail.authority is no certificate".to_owned();
                let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
                // A file without any reads like an empty list.
                let found = found.ok().filter(|all| !all.is_empty()).ok_or_else(none)?;
                for certificate in found {
                    let certificate = Certificate::from_der(certificate.to_vec()).map_err(|_| none())?;
                    builder = builder.add_root_certificate(certificate);
                }
            }
            builder
                .build_rustls()
                .map_err(|_| "mail.authority or the host of mail.url cannot be used for TLS".to_owned())
        };
        let (tls, port) = match (parsed.scheme(), plain) {
            ("smtps", false) => (Tls::Wrapper(parameters()?), PORT_TLS),
            ("smtp", false) => (Tls::Required(parameters()?), PORT_STARTTLS),
            ("smtp", true) if is_loopback(&host) => (Tls::None, PORT_PLAIN),
            ("smtp" | "smtps", true) => {
                return Err("mail.url: tls=none is for smtp: on loopback alone".to_owned());
            }
            _ => return Err("mail.url begins with smtps: or smtp:".to_owned()),
        };
        let sender: Mailbox = sender
            .parse()
            .map_err(|_| "mail.sender is an address, such as Shop <shop@example.com>".to_owned())?;
        let mut transport = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&host)
            .port(parsed.port().unwrap_or(port))
            .tls(tls)
            .timeout(Some(PATIENCE))
            .hello_name(ClientId::Domain(sender.email.domain().to_owned()));
        if let Some(password) = parsed.password() {
            let decoded = |text: &str| {
                let plain = percent_encoding::percent_decode_str(text).decode_utf8();
                plain.map(|text| text.into_owned())
            };
            let pair = decoded(parsed.username()).and_then(|name| Ok((name, decoded(password)?)));
            let (name, password) =
                pair.map_err(|_| "mail.url has credentials that are no text".to_owned())?;
            transport = transport.credentials(Credentials::new(name, password));
        }
        Ok(Self {
            transport: transport.build(),
            sender,
            max_per_hour,
            patience: PATIENCE,
        })
    }

    /// The same with less patience.
    pub fn with_patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Hands a mail over. `id` is that of its row: a mail that is sent twice is the same mail.
    pub(crate) async fn send(
        &self,
        id: &str,
        to: &Address,
        locale: &str,
        at: Timestamp,
        rendered: &Rendered,
    ) -> Result<(), RelayError> {
        let message = self.message(id, to, locale, at, rendered)?;
        let sent = tokio::time::timeout(self.patience, self.transport.send(message));
        let Ok(sent) = sent.await else {
            return Err(RelayError::Slow);
        };
        let Err(error) = sent else { return Ok(()) };
        let status = error.status().map(u16::from);
        if status.is_none() {
            // Never an answer of the relay, which may quote the mail with its address and code.
            tracing::debug!(
                reason = latchkey_http::reasons(&error),
                "a mail did not reach the relay"
            );
        }
        Err(match status {
            // RFC 4954 §6: about us, not about the mail.
            Some(code @ (454 | 530 | 534 | 535 | 538)) => RelayError::Credentials(code),
            Some(code) if error.is_permanent() => RelayError::Refused(code),
            Some(code) => RelayError::Later(code),
            None if error.is_timeout() => RelayError::Slow,
            None if error.is_tls() => RelayError::Tls,
            None if error.is_client() => classify_client(&error),
            None => classify_connection(&error),
        })
    }

    fn message(
        &self,
        id: &str,
        to: &Address,
        locale: &str,
        at: Timestamp,
        rendered: &Rendered,
    ) -> Result<Message, RelayError> {
        let unbuildable = |_| RelayError::Unbuildable;
        let to: lettre::Address = to.as_str().parse().map_err(unbuildable)?;
        let header = |name: &'static str, value: &str| {
            HeaderValue::new(HeaderName::new_from_ascii_str(name), value.to_owned())
        };
        let since = Duration::from_millis(at.0.max(0).unsigned_abs());
        let body = MultiPart::alternative()
            .boundary(format!("=_{id}"))
            .singlepart(SinglePart::plain(rendered.text.clone()))
            .singlepart(SinglePart::html(rendered.html.clone()));
        let message = Message::builder()
            .from(self.sender.clone())
            .to(Mailbox::new(None, to))
            .subject(&rendered.subject)
            .date(UNIX_EPOCH + since)
            .message_id(Some(format!("<{id}@{}>", self.sender.email.domain())))
            // RFC 3834 §5: nobody's holiday answers it.
            .raw_header(header("Auto-Submitted", "auto-generated"))
            .raw_header(header("Content-Language", locale))
            .multipart(body)
            .map_err(|_| RelayError::Unbuildable)?;
        if message.formatted().len() > LARGEST {
            return Err(RelayError::Unbuildable);
        }
        Ok(message)
    }
}

/// Where the relay has no STARTTLS, lettre says that as an error of its own.
fn classify_client(error: &lettre::transport::smtp::Error) -> RelayError {
    let text = latchkey_http::reasons(error);
    match text.contains("STARTTLS") {
        true => RelayError::Tls,
        false => RelayError::Unbuildable,
    }
}

/// A handshake that fails is an error of the connection, which carries the one of rustls.
fn classify_connection(error: &lettre::transport::smtp::Error) -> RelayError {
    let mut source = std::error::Error::source(error);
    while let Some(inner) = source {
        let carried = inner
            .downcast_ref::<std::io::Error>()
            .and_then(std::io::Error::get_ref);
        if inner.is::<rustls::Error>() || carried.is_some_and(|carried| carried.is::<rustls::Error>()) {
            return RelayError::Tls;
        }
        source = inner.source();
    }
    RelayError::Unreachable
}

fn is_loopback(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn relay(url: &str) -> Result<Relay, String> {
        Relay::new(url, "Shop <shop@example.test>", 100, None)
    }

    /// The connection to the relay cannot be stripped of its TLS, whatever the network between answers.
    #[test]
    fn a_relay_is_reached_over_tls_or_on_loopback() {
        for fine in [
            "smtps://relay.example.test",
            "smtps://user:p%40ss@relay.example.test:2465",
            "smtp://relay.example.test",
            "smtp://relay.example.test:2525?tls=required",
            "smtp://127.0.0.1:2525?tls=none",
            "smtp://localhost?tls=none",
        ] {
            assert!(relay(fine).is_ok(), "{fine}: {:?}", relay(fine).err());
        }
        for bad in [
            "smtp://relay.example.test?tls=none",
            "smtp://relay.example.test?tls=opportunistic",
            "smtps://localhost?tls=none",
            "smtp://localhost.example.test?tls=none",
            "http://relay.example.test",
            "smtp:",
            "relay.example.test",
            "",
        ] {
            let said = relay(bad).expect_err(bad);
            assert!(said.starts_with("mail.url"), "{bad}: {said}");
        }
    }

    #[test]
    fn neither_a_sender_nor_an_authority_that_is_none_is_taken() {
        let url = "smtps://relay.example.test";
        for bad in [
            "",
            "shop",
            "a@b@c",
            "Shop <shop@example.test>\r\nBcc: x@example.test",
        ] {
            assert!(Relay::new(url, bad, 100, None).is_err(), "{bad:?}");
        }
        assert!(Relay::new(url, "shop@example.test", 100, Some(b"x")).is_err());
        let secret = relay("smtps://user:hush@relay.example.test").unwrap();
        assert!(!format!("{secret:?}").contains("hush"));
    }
}
