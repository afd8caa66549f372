//! The connections to upstreams: pooled, with timeouts, verified if they are `https`.

use std::error::Error;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder, MaybeHttpsStream};
use hyper_util::client::legacy::{self, connect::HttpConnector};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use rustls::client::danger::ServerCertVerifier;
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tower_service::Service;

use crate::error::GatewayError;
use crate::request_body::RequestBody;
use crate::{ConfigError, Timeouts};

/// The pool. It never sends a request twice: hyper retries only if not a single byte was written, because the pooled
/// connection was already closed.
pub(crate) type Client = legacy::Client<Connect, RequestBody>;

pub(crate) fn client(
    timeouts: &Timeouts,
    ca: Option<Arc<dyn ServerCertVerifier>>,
) -> Result<Client, ConfigError> {
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    let connector = HttpsConnectorBuilder::new()
        .with_tls_config(tls(ca)?)
        .https_or_http()
        .enable_http1()
        .wrap_connector(tcp);
    let connect = Connect {
        connector,
        limit: timeouts.connect,
    };
    Ok(legacy::Client::builder(TokioExecutor::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(timeouts.pooled)
        .set_host(false)
        .build(connect))
}

fn tls(ca: Option<Arc<dyn ServerCertVerifier>>) -> Result<ClientConfig, ConfigError> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| ConfigError::Tls(error.to_string()))?;
    Ok(match ca {
        // What it trusts is its own; it verifies all the same.
        Some(ca) => config.dangerous().with_custom_certificate_verifier(ca),
        None => config.with_root_certificates(RootCertStore::empty()),
    }
    .with_no_client_auth())
}

/// Connects with a timeout that includes name resolution and the TLS handshake.
#[derive(Clone)]
pub(crate) struct Connect {
    connector: HttpsConnector<HttpConnector>,
    limit: Duration,
}

type Stream = MaybeHttpsStream<TokioIo<TcpStream>>;
type BoxError = Box<dyn Error + Send + Sync>;

impl Service<Uri> for Connect {
    type Response = Stream;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Stream, BoxError>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.connector.poll_ready(context)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let connecting = tokio::time::timeout(self.limit, self.connector.call(uri));
        Box::pin(async move {
            connecting
                .await
                .unwrap_or_else(|_| Err(Box::new(io::Error::from(io::ErrorKind::TimedOut))))
        })
    }
}

/// The error for a failure of the client.
pub(crate) fn gateway_error(error: &legacy::Error) -> GatewayError {
    let timed_out = causes(error)
        .filter_map(|cause| cause.downcast_ref::<io::Error>())
        .any(|cause| cause.kind() == io::ErrorKind::TimedOut);
    match (error.is_connect(), timed_out) {
        (true, true) => GatewayError::SlowToConnect,
        (true, false) => GatewayError::Unreachable(describe(error)),
        (false, _) => GatewayError::BrokeOff(describe(error)),
    }
}

fn causes<'e>(error: &'e (dyn Error + 'static)) -> impl Iterator<Item = &'e (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error: &&'e (dyn Error + 'static)| (*error).source())
}

fn describe(error: &(dyn Error + 'static)) -> String {
    causes(error)
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(": ")
}
