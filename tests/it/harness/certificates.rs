//! An authority of a test, its certificates, and what a listener serves.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::{ClientConfig, ClientConnection, ProtocolVersion, RootCertStore, SupportedProtocolVersion};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName};

/// An authority that nobody else has.
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

/// What a listener has shown in a handshake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Served {
    pub leaf: Vec<u8>,
    pub version: ProtocolVersion,
}

impl Authority {
    pub fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params
            .distinguished_name
            .push(DnType::CommonName, "authority of a test");
        let key = KeyPair::generate().unwrap();
        Self(CertifiedIssuer::self_signed(params, key).unwrap())
    }

    /// Writes a new pair for this name, valid until the first day of a year, over the files of the old one, as a client
    /// of ACME does; returns the certificate as a handshake shows it.
    pub fn write(&self, folder: &Path, name: &str, until: i32) -> Vec<u8> {
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.not_after = rcgen::date_time_ymd(until, 1, 1);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        put(
            &folder.join("tls.pem"),
            &(certificate.pem() + &self.0.pem()),
            0o644,
        );
        put(&folder.join("tls.key"), &key.serialize_pem(), 0o600);
        put(&folder.join("ca.pem"), &self.0.pem(), 0o644);
        certificate.der().to_vec()
    }

    pub fn roots(&self) -> RootCertStore {
        let mut roots = RootCertStore::empty();
        roots.add(self.0.der().clone()).unwrap();
        roots
    }

    /// A caller that trusts this authority alone.
    pub fn client(&self) -> reqwest::Client {
        self.client_builder().build().unwrap()
    }

    /// It leaves no connection idle for as long as a server that stops keeps it.
    pub fn client_builder(&self) -> reqwest::ClientBuilder {
        let _installed_before = rustls::crypto::aws_lc_rs::default_provider().install_default();
        reqwest::Client::builder()
            .no_proxy()
            .tls_certs_only([reqwest::Certificate::from_der(self.0.der()).unwrap()])
            .pool_idle_timeout(Duration::from_millis(500))
            .timeout(Duration::from_secs(30))
    }
}

/// Beside it and then in its place, so that nobody reads half of it.
pub fn put(path: &Path, text: &str, mode: u32) {
    let beside = path.with_extension("new");
    std::fs::write(&beside, text).unwrap();
    std::fs::set_permissions(&beside, std::fs::Permissions::from_mode(mode)).unwrap();
    std::fs::rename(&beside, path).unwrap();
}

/// The certificates of a PEM file.
pub fn read(path: &Path) -> Vec<CertificateDer<'static>> {
    CertificateDer::pem_file_iter(path)
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap()
}

/// One handshake with the listener at this port of 127.0.0.1.
pub async fn served(
    port: u16,
    name: &str,
    roots: RootCertStore,
    versions: Vec<&'static SupportedProtocolVersion>,
) -> Result<Served, String> {
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let shaking = tokio::task::spawn_blocking(move || {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&versions)
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let mut tls = ClientConnection::new(Arc::new(config), name).map_err(|error| error.to_string())?;
        let mut tcp = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).map_err(|error| error.to_string())?;
        tcp.set_read_timeout(Some(Duration::from_secs(10)))
            .map_err(|error| error.to_string())?;
        while tls.is_handshaking() {
            tls.complete_io(&mut tcp).map_err(|error| error.to_string())?;
        }
        let leaf = tls.peer_certificates().and_then(<[_]>::first);
        Ok(Served {
            leaf: leaf.map(|leaf| leaf.to_vec()).unwrap_or_default(),
            version: tls.protocol_version().ok_or("no version")?,
        })
    });
    shaking.await.unwrap()
}

/// Bytes to a listener, and what it says before it closes or after ten seconds.
pub async fn said(port: u16, bytes: Vec<u8>) -> Vec<u8> {
    let talking = tokio::task::spawn_blocking(move || {
        let mut tcp = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
        tcp.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        tcp.write_all(&bytes).unwrap();
        let mut answer = Vec::new();
        let _reset_or_late = tcp.take(1_000).read_to_end(&mut answer);
        answer
    });
    talking.await.unwrap()
}
