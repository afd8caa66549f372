//! TLS to the broker, by the TLS of every other connection. That of lapin is not built: it brings cryptography of its
//! own, and without it lapin would speak in clear where `amqps:` is asked for.

use std::fmt;
use std::future::Future;
use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_compat::{Compat, CompatExt};
use async_rs::Tokio;
use async_rs::traits::{Executor, Reactor, RuntimeKit};
use async_rs::util::Task;
use futures::Stream;
use futures::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

/// The runtime of a connection whose streams are encrypted before lapin sees them.
#[derive(Clone)]
pub(super) struct TlsRuntime {
    tokio: Tokio,
    connector: TlsConnector,
    name: ServerName<'static>,
}

impl TlsRuntime {
    /// For the broker of this name, whose certificate an authority of the file has issued.
    pub fn new(host: &str, authorities: &Path) -> io::Result<Self> {
        let invalid = |reason: String| io::Error::new(io::ErrorKind::InvalidData, reason);
        let told = |reason: String| invalid(format!("{}: {reason}", authorities.display()));
        let name = ServerName::try_from(host.to_owned()).map_err(|error| invalid(error.to_string()))?;
        let mut roots = RootCertStore::empty();
        let pem = CertificateDer::pem_file_iter(authorities).map_err(|error| told(error.to_string()))?;
        for certificate in pem {
            let certificate = certificate.map_err(|error| told(error.to_string()))?;
            roots.add(certificate).map_err(|error| told(error.to_string()))?;
        }
        if roots.is_empty() {
            return Err(told("no certificate".to_owned()));
        }
        let config = ClientConfig::builder()
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self {
            tokio: Tokio::current(),
            connector: TlsConnector::from(Arc::new(config)),
            name,
        })
    }
}

impl fmt::Debug for TlsRuntime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsRuntime")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl RuntimeKit for TlsRuntime {}

impl Executor for TlsRuntime {
    type Task<T: Send + 'static> = <Tokio as Executor>::Task<T>;

    fn block_on<T, F: Future<Output = T>>(&self, future: F) -> T {
        self.tokio.block_on(future)
    }

    fn spawn<T: Send + 'static, F: Future<Output = T> + Send + 'static>(
        &self,
        future: F,
    ) -> Task<Self::Task<T>> {
        self.tokio.spawn(future)
    }

    fn spawn_blocking<T: Send + 'static, F: FnOnce() -> T + Send + 'static>(
        &self,
        work: F,
    ) -> Task<Self::Task<T>> {
        self.tokio.spawn_blocking(work)
    }
}

impl Reactor for TlsRuntime {
    type TcpStream = Compat<TlsStream<TcpStream>>;
    type Sleep = <Tokio as Reactor>::Sleep;

    /// Only for sockets that somebody else has opened, of which there are none.
    fn register<H: Read + Write + Send + 'static>(
        &self,
        _socket: H,
    ) -> io::Result<impl AsyncRead + AsyncWrite + Send + Unpin + 'static> {
        Err::<Self::TcpStream, _>(io::ErrorKind::Unsupported.into())
    }

    fn sleep(&self, duration: Duration) -> Self::Sleep {
        self.tokio.sleep(duration)
    }

    fn interval(&self, duration: Duration) -> impl Stream<Item = Instant> + Send + 'static {
        self.tokio.interval(duration)
    }

    fn tcp_connect_addr(
        &self,
        address: SocketAddr,
    ) -> impl Future<Output = io::Result<Self::TcpStream>> + Send + 'static {
        let (connector, name) = (self.connector.clone(), self.name.clone());
        async move {
            let stream = TcpStream::connect(address).await?;
            stream.set_nodelay(true)?;
            Ok(connector.connect(name, stream).await?.compat())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_an_authority_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ca.pem");
        assert!(TlsRuntime::new("broker.test", &path).is_err(), "there is no file");
        for hostile in [
            "",
            "no certificate",
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        ] {
            std::fs::write(&path, hostile).unwrap();
            assert!(TlsRuntime::new("broker.test", &path).is_err(), "{hostile:?}");
        }
    }
}
