//! TLS for listeners and for calls between roles: rustls with aws-lc-rs, and nothing else.

use std::io::{BufReader, Read};
use std::net::SocketAddr;
use std::sync::Arc;

use rustls::RootCertStore;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use crate::config::{Config, Tls, secret};
use crate::embedded;
use crate::error::StartError;

/// The TLS material of this process.
#[derive(Clone, Default)]
pub(crate) struct Material {
    /// For listeners; `None` means plain http.
    pub server: Option<Arc<rustls::ServerConfig>>,
    /// The authority that roles of this installation trust besides the public ones.
    pub authority: Option<Vec<CertificateDer<'static>>>,
    /// The path of the authority's certificate.
    pub ca_file: Option<std::path::PathBuf>,
}

/// Installs the cryptography of this process. A second call has no effect.
pub(crate) fn install_provider() {
    let _installed_before = rustls::crypto::aws_lc_rs::default_provider().install_default();
}

pub(crate) fn material(config: &Config, now_ms: i64) -> Result<Material, StartError> {
    match &config.tls {
        Tls::Off => Ok(Material::default()),
        Tls::Local => {
            let local = embedded::local_tls(&config.data, now_ms)?;
            let chain = certificates(local.certificate.as_bytes())?;
            let authority = chain.last().cloned().map(|authority| vec![authority]);
            let server = server(chain, local.key.as_bytes())?;
            Ok(Material {
                server: Some(server),
                authority,
                ca_file: Some(local.ca_file),
            })
        }
        Tls::Files { certificate, key } => {
            let read = |path: &std::path::Path| {
                std::fs::read(path).map_err(|error| StartError::Tls(format!("{}: {error}", path.display())))
            };
            let chain = certificates(&read(certificate)?)?;
            let mut private = Vec::new();
            let opened = secret::open(key).map_err(|error| StartError::Tls(error.to_string()))?;
            BufReader::new(opened)
                .read_to_end(&mut private)
                .map_err(|error| StartError::Tls(format!("{}: {error}", key.display())))?;
            let authority = match &config.tls_authority {
                Some(path) => Some(certificates(&read(path)?)?),
                None => chain.last().cloned().map(|authority| vec![authority]),
            };
            Ok(Material {
                server: Some(server(chain, &private)?),
                authority,
                ca_file: None,
            })
        }
    }
}

fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, StartError> {
    CertificateDer::pem_slice_iter(pem)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| StartError::Tls(format!("certificate: {error}")))
}

fn server(chain: Vec<CertificateDer<'static>>, key: &[u8]) -> Result<Arc<rustls::ServerConfig>, StartError> {
    let key = PrivateKeyDer::from_pem_slice(key).map_err(|error| StartError::Tls(format!("key: {error}")))?;
    let mut server = rustls::ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(|error| StartError::Tls(error.to_string()))?;
    server.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Arc::new(server))
}

impl Material {
    /// The scheme of this process's listeners.
    pub fn scheme(&self) -> &'static str {
        if self.server.is_some() { "https" } else { "http" }
    }

    /// The client with which roles call each other: no proxy, no redirects, and only our authority if there is one.
    pub fn client(&self) -> Result<reqwest::Client, StartError> {
        self.build(reqwest::Client::builder())
    }

    /// The same for one listener, which is at this address whatever its name leads to.
    pub fn client_to(&self, host: &str, address: SocketAddr) -> Result<reqwest::Client, StartError> {
        self.build(reqwest::Client::builder().resolve(host, address))
    }

    fn build(&self, builder: reqwest::ClientBuilder) -> Result<reqwest::Client, StartError> {
        let failed = |error: reqwest::Error| StartError::Tls(error.to_string());
        let builder = builder
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(std::time::Duration::from_secs(2));
        let builder = match &self.authority {
            None => builder,
            Some(authority) => {
                let trusted: Result<Vec<_>, _> = authority
                    .iter()
                    .map(|der| reqwest::Certificate::from_der(der))
                    .collect();
                builder.tls_certs_only(trusted.map_err(failed)?)
            }
        };
        builder.build().map_err(failed)
    }

    /// The same authority for the gateway's own client.
    pub fn roots(&self) -> Result<Option<RootCertStore>, StartError> {
        let Some(authority) = &self.authority else {
            return Ok(None);
        };
        let mut roots = RootCertStore::empty();
        for certificate in authority {
            roots
                .add(certificate.clone())
                .map_err(|error| StartError::Tls(error.to_string()))?;
        }
        Ok(Some(roots))
    }
}
