//! A certificate of an ACME directory (RFC 8555), proved by the listener itself (RFC 8737, tls-alpn-01): no other port,
//! and no other program.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures::StreamExt;
use latchkey_metrics::labels::Reload;
use rustls::crypto::CryptoProvider;
use rustls::server::ResolvesServerCert;
use rustls::{ClientConfig, RootCertStore};
use rustls_acme::{AccountCache, AcmeConfig, AcmeState, CertCache, EventOk};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use sha2::{Digest, Sha256};
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

use super::{files, validity};
use crate::config::Acme;
use crate::embedded;

/// What the directory's validation asks for alone (RFC 8737 §6.2).
pub(crate) const CHALLENGE: &[u8] = b"acme-tls/1";

type State = AcmeState<std::io::Error, std::io::Error>;

/// The directory, and how far we are with it.
pub(crate) struct Directory {
    state: Mutex<State>,
    resolver: Arc<dyn ResolvesServerCert>,
}

impl Directory {
    /// Nothing is asked for until [`Self::run`].
    pub fn new(settings: &Acme, listeners: Vec<&'static str>) -> Result<Self, String> {
        private(&settings.cache)?;
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let cache = Cache {
            folder: settings.cache.clone(),
            listeners,
        };
        let mut config = AcmeConfig::new_with_provider(&settings.domains, provider.clone())
            .contact(&settings.contact)
            .directory(&settings.directory);
        if let Some(path) = &settings.authority {
            config = config.client_tls_config(client(path, provider)?);
        }
        let state = config.cache(cache).state();
        Ok(Self {
            resolver: state.resolver(),
            state: Mutex::new(state),
        })
    }

    pub fn resolver(&self) -> Arc<dyn ResolvesServerCert> {
        self.resolver.clone()
    }

    /// Gets a certificate, and another after two thirds of its life, until `stop`. A directory that fails is asked again
    /// after a pause that doubles; what is served stays in service.
    pub async fn run(self: Arc<Self>, stop: CancellationToken) {
        let mut state = self.state.lock().await;
        loop {
            let event = tokio::select! {
                event = state.next() => event,
                () = stop.cancelled() => return,
            };
            match event {
                // The stream has no end.
                None => return,
                Some(Ok(EventOk::DeployedNewCert)) => {
                    validity::count(Reload::Replaced);
                    tracing::info!("the certificate of the ACME directory is in service");
                }
                Some(Ok(
                    EventOk::DeployedCachedCert | EventOk::CertCacheStore | EventOk::AccountCacheStore,
                )) => {}
                Some(Err(error)) => {
                    validity::count(Reload::Refused);
                    tracing::error!(error = %error, "the ACME directory gave no certificate; it is asked again");
                }
            }
        }
    }
}

/// Calls to a directory of one's own, whose authority is in a file.
fn client(authority: &Path, provider: Arc<CryptoProvider>) -> Result<Arc<ClientConfig>, String> {
    let at = |reason: String| format!("{}: {reason}", authority.display());
    let pem = std::fs::read(authority).map_err(|error| at(error.to_string()))?;
    let mut roots = RootCertStore::empty();
    for certificate in files::certificates(&pem).map_err(at)? {
        roots.add(certificate).map_err(|error| at(error.to_string()))?;
    }
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}

/// Makes the folder of private keys, and refuses one that others can open.
fn private(folder: &Path) -> Result<(), String> {
    embedded::private_folder(folder).map_err(|error| error.to_string())?;
    let metadata = std::fs::metadata(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    match metadata.permissions().mode() & 0o077 {
        0 => Ok(()),
        _ => Err(format!(
            "{}: other users can open it: chmod 0700 it, and treat the keys in it as compromised",
            folder.display()
        )),
    }
}

/// The account and the certificate, each in a file that nobody else reads, in a folder that nobody else opens.
struct Cache {
    folder: PathBuf,
    listeners: Vec<&'static str>,
}

impl Cache {
    /// One file for each account and each set of names, so that another setting finds nothing of this one.
    fn file(&self, kind: &str, names: &[String], directory: &str) -> PathBuf {
        let mut digest = Sha256::new();
        for part in names.iter().map(String::as_str).chain([directory]) {
            digest.update(part.as_bytes());
            digest.update([0]);
        }
        self.folder
            .join(format!("{kind}-{}", hex::encode(&digest.finalize()[..8])))
    }

    /// What is served from now on is told here: this is where its bytes come by.
    fn tell(&self, pem: &[u8]) {
        let leaf = CertificateDer::pem_slice_iter(pem).find_map(Result::ok);
        if let Some(Ok(not_after_s)) = leaf.map(|leaf| validity::not_after_s(&leaf)) {
            validity::tell(&self.listeners, not_after_s);
        }
    }
}

fn load(path: &Path) -> std::io::Result<Option<Vec<u8>>> {
    match std::fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn store(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    embedded::replace_secret(path, bytes).map_err(|error| std::io::Error::other(error.to_string()))
}

#[async_trait::async_trait]
impl CertCache for Cache {
    type EC = std::io::Error;

    async fn load_cert(&self, domains: &[String], directory_url: &str) -> Result<Option<Vec<u8>>, Self::EC> {
        let found = load(&self.file("certificate", domains, directory_url))?;
        found.iter().for_each(|pem| self.tell(pem));
        Ok(found)
    }

    async fn store_cert(&self, domains: &[String], directory_url: &str, cert: &[u8]) -> Result<(), Self::EC> {
        self.tell(cert);
        store(&self.file("certificate", domains, directory_url), cert)
    }
}

#[async_trait::async_trait]
impl AccountCache for Cache {
    type EA = std::io::Error;

    async fn load_account(
        &self,
        contact: &[String],
        directory_url: &str,
    ) -> Result<Option<Vec<u8>>, Self::EA> {
        load(&self.file("account", contact, directory_url))
    }

    async fn store_account(
        &self,
        contact: &[String],
        directory_url: &str,
        account: &[u8],
    ) -> Result<(), Self::EA> {
        store(&self.file("account", contact, directory_url), account)
    }
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;

    use super::*;

    #[test]
    fn the_folder_of_the_keys_is_ours_alone() {
        let folder = tempfile::tempdir().unwrap();
        let cache = folder.path().join("acme");
        private(&cache).unwrap();
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&cache), 0o700);
        let kept = Cache {
            folder: cache.clone(),
            listeners: vec![],
        };
        let file = kept.file(
            "account",
            &["mailto:a@example.test".to_owned()],
            "https://ca.test/",
        );
        store(&file, b"key").unwrap();
        assert_eq!(mode(&file), 0o600);
        assert_eq!(load(&file).unwrap().as_deref(), Some(&b"key"[..]));
        let other = kept.file(
            "account",
            &["mailto:a@example.test".to_owned()],
            "https://other.test/",
        );
        assert_eq!(load(&other).unwrap(), None);
        for open in [0o750, 0o701, 0o777] {
            std::fs::set_permissions(&cache, Permissions::from_mode(open)).unwrap();
            let refused = private(&cache).unwrap_err();
            assert!(refused.contains("chmod 0700"), "{open:o}: {refused}");
        }
    }
}
