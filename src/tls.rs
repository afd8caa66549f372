//! TLS for listeners and for calls between roles: rustls with aws-lc-rs, and nothing else.

mod acme;
mod files;
mod reload;
mod served;
mod trust;
mod validity;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use latchkey_clock::Clock;
use rustls::client::danger::ServerCertVerifier;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

pub(crate) use self::acme::Directory;
pub(crate) use self::reload::Watch;

use self::files::{Files, Pair};
use self::reload::Seen;
use self::served::Served;
use self::trust::Trust;
use crate::config::{Config, Tls};
use crate::embedded;
use crate::error::StartError;

/// What listeners and callers agree on.
const PROTOCOLS: [&[u8]; 2] = [b"h2", b"http/1.1"];

/// The TLS material of this process.
#[derive(Clone, Default)]
pub(crate) struct Material {
    /// For listeners; `None` means plain http.
    pub server: Option<Arc<rustls::ServerConfig>>,
    /// The authority that roles of this installation trust, as it is at the start.
    pub authority: Option<Vec<CertificateDer<'static>>>,
    /// The path of the authority's certificate.
    pub ca_file: Option<std::path::PathBuf>,
    /// The same authority, as it is now.
    trust: Option<Arc<Trust>>,
    /// Looks after the files of the certificate, where it comes from files.
    pub watch: Option<Arc<Watch>>,
    /// Gets the certificate, where it comes from an ACME directory.
    pub directory: Option<Arc<Directory>>,
}

/// Installs the cryptography of this process. A second call has no effect.
pub(crate) fn install_provider() {
    let _installed_before = rustls::crypto::aws_lc_rs::default_provider().install_default();
}

/// The material of these listeners, by their names.
pub(crate) fn material(
    config: &Config,
    listeners: Vec<&'static str>,
    clock: &Clock,
) -> Result<Material, StartError> {
    match &config.tls {
        // Whoever ends TLS in front of us may have a certificate of a private authority.
        Tls::Off => {
            let (authority, trust) = configured_authority(config)?;
            Ok(Material {
                authority,
                trust,
                ..Material::default()
            })
        }
        Tls::Local => {
            let local = embedded::local_tls(&config.data, clock.now_ms())?;
            let chain = files::certificates(local.certificate.as_bytes()).map_err(StartError::Tls)?;
            let key = PrivateKeyDer::from_pem_slice(local.key.as_bytes())
                .map_err(|error| StartError::Tls(format!("key: {error}")))?;
            let authority = chain.last().cloned().into_iter().collect();
            let pair = files::pair(chain, key, authority).map_err(StartError::Tls)?;
            let (mut material, _served) = Material::of(&pair, &listeners)?;
            material.ca_file = Some(local.ca_file);
            Ok(material)
        }
        Tls::Files { certificate, key } => {
            let files = Files {
                certificate: certificate.clone(),
                key: key.clone(),
                authority: config.tls_authority.clone(),
            };
            let (fingerprint, pair) = files.look();
            let pair = pair.map_err(StartError::Tls)?;
            let (mut material, served) = Material::of(&pair, &listeners)?;
            material.watch = material.trust.clone().map(|trust| {
                Arc::new(Watch {
                    files,
                    served,
                    trust,
                    listeners,
                    clock: clock.clone(),
                    seen: Mutex::new(Seen::at_start(fingerprint)),
                })
            });
            Ok(material)
        }
        Tls::Acme(settings) => {
            let (authority, trust) = configured_authority(config)?;
            let directory = Directory::new(settings, listeners).map_err(StartError::Tls)?;
            Ok(Material {
                server: Some(
                    served::config(
                        directory.resolver(),
                        &[PROTOCOLS[0], PROTOCOLS[1], acme::CHALLENGE],
                    )
                    .map_err(StartError::Tls)?,
                ),
                trust,
                authority,
                directory: Some(Arc::new(directory)),
                ..Material::default()
            })
        }
    }
}

/// A configured authority: its certificates, and the trust in them.
type Authority = (Option<Vec<CertificateDer<'static>>>, Option<Arc<Trust>>);

/// The authority of the configuration, where it is not that of a pair.
fn configured_authority(config: &Config) -> Result<Authority, StartError> {
    let Some(path) = config.tls_authority.as_deref() else {
        return Ok((None, None));
    };
    let said = |reason: String| StartError::Tls(format!("{}: {reason}", path.display()));
    let pem = std::fs::read(path).map_err(|error| said(error.to_string()))?;
    let all = files::certificates(&pem).map_err(said)?;
    let trust = Trust::new(&all).map_err(said)?;
    Ok((Some(all), Some(Arc::new(trust))))
}

impl Material {
    /// What a pair serves and trusts.
    fn of(pair: &Pair, listeners: &[&'static str]) -> Result<(Self, Arc<Served>), StartError> {
        validity::tell(listeners, pair.not_after_s);
        let served = Arc::new(Served::new(pair.certified.clone()));
        let material = Self {
            server: Some(served::config(served.clone(), &PROTOCOLS).map_err(StartError::Tls)?),
            trust: Some(Arc::new(Trust::new(&pair.authority).map_err(StartError::Tls)?)),
            authority: Some(pair.authority.clone()),
            ..Self::default()
        };
        Ok((material, served))
    }

    /// The scheme of this process's listeners.
    pub fn scheme(&self) -> &'static str {
        if self.server.is_some() { "https" } else { "http" }
    }

    /// The client with which roles call each other: no proxy, no redirects, and only our authority if there is one.
    pub fn client(&self) -> Result<reqwest::Client, StartError> {
        self.build(reqwest::Client::builder())
    }

    /// The client for calls to what is not a role: no proxy, no redirects, the public authorities and ours.
    pub fn client_beyond(&self) -> Result<reqwest::Client, StartError> {
        let failed = |error: reqwest::Error| StartError::Tls(error.to_string());
        let ours = self.authority.iter().flatten();
        let ours: Result<Vec<_>, _> = ours.map(|der| reqwest::Certificate::from_der(der)).collect();
        reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(std::time::Duration::from_secs(2))
            .tls_certs_merge(ours.map_err(failed)?)
            .build()
            .map_err(failed)
    }

    /// The same for one listener, which is at this address whatever its name leads to.
    pub fn client_to(&self, host: &str, address: SocketAddr) -> Result<reqwest::Client, StartError> {
        self.build(reqwest::Client::builder().resolve(host, address))
    }

    /// The client that goes where people go: by the system's resolver, with our authority beside the public ones.
    pub fn outside_client(&self) -> Result<reqwest::Client, StartError> {
        let failed = |error: reqwest::Error| StartError::Tls(error.to_string());
        let own: Result<Vec<_>, _> = self
            .authority
            .iter()
            .flatten()
            .map(|der| reqwest::Certificate::from_der(der))
            .collect();
        let mut builder = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(std::time::Duration::from_secs(5))
            .timeout(std::time::Duration::from_secs(10))
            .tls_info(true);
        let own = own.map_err(failed)?;
        if !own.is_empty() {
            builder = builder.tls_certs_merge(own);
        }
        builder.build().map_err(failed)
    }

    fn build(&self, builder: reqwest::ClientBuilder) -> Result<reqwest::Client, StartError> {
        let builder = builder
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(std::time::Duration::from_secs(2));
        let builder = match &self.trust {
            None => builder,
            Some(trust) => {
                let config = trust::client_config(trust.clone(), &PROTOCOLS).map_err(StartError::Tls)?;
                builder.tls_backend_preconfigured(config)
            }
        };
        builder
            .build()
            .map_err(|error| StartError::Tls(error.to_string()))
    }

    /// The same authority for the gateway's own client.
    pub fn verifier(&self) -> Option<Arc<dyn ServerCertVerifier>> {
        self.trust
            .clone()
            .map(|trust| trust as Arc<dyn ServerCertVerifier>)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_authority_counts_where_somebody_else_ends_tls() {
        install_provider();
        let folder = tempfile::tempdir().unwrap();
        let mut config = Config::up(folder.path().join("data"), folder.path().join("keys"), [0, 0, 0]);
        let material = |config: &Config| material(config, Vec::new(), &Clock::system());
        assert!(material(&config).unwrap().verifier().is_none());
        let file = folder.path().join("authority.pem");
        config.tls_authority = Some(file.clone());
        let missing = material(&config).err().map(|error| error.to_string());
        assert!(missing.is_some_and(|said| said.contains("authority.pem")));
        let key = rcgen::KeyPair::generate().unwrap();
        let made = rcgen::CertificateParams::new(vec!["a.test".to_owned()]).unwrap();
        std::fs::write(&file, made.self_signed(&key).unwrap().pem()).unwrap();
        let trusting = material(&config).unwrap();
        assert!(trusting.verifier().is_some() && trusting.server.is_none());
    }
}
