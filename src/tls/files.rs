//! The files of a certificate: read as they are now, and made into what a listener serves and what callers trust.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::sign::CertifiedKey;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use sha2::{Digest, Sha256};

use super::validity;
use crate::config::secret;

/// The files that an operator, or the operator's ACME client, replaces.
#[derive(Clone, Debug)]
pub(crate) struct Files {
    /// The certificate chain, leaf first.
    pub certificate: PathBuf,
    /// The private key.
    pub key: PathBuf,
    /// What roles trust when they call each other; the last certificate of the chain if it is not set.
    pub authority: Option<PathBuf>,
}

/// What files hold, told apart from what they held before. It does not keep a key in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fingerprint([u8; 32]);

/// A pair that belongs together.
#[derive(Debug)]
pub(crate) struct Pair {
    pub certified: Arc<CertifiedKey>,
    pub not_after_s: i64,
    pub authority: Vec<CertificateDer<'static>>,
}

impl Files {
    /// Reads everything once, so that the fingerprint is that of the pair. The reason of an error is for the operator.
    pub fn look(&self) -> (Fingerprint, Result<Pair, String>) {
        let read = self.read();
        let fingerprint = match &read {
            Ok(parts) => Fingerprint::of(parts.iter().map(Vec::as_slice)),
            Err(reason) => Fingerprint::of([reason.as_bytes()].into_iter()),
        };
        (fingerprint, read.and_then(|parts| self.pair(&parts)))
    }

    fn read(&self) -> Result<[Vec<u8>; 3], String> {
        let plain = |path: &Path| std::fs::read(path).map_err(|error| format!("{}: {error}", path.display()));
        let chain = plain(&self.certificate)?;
        let mut key = Vec::new();
        secret::open(&self.key)
            .map_err(|error| error.to_string())?
            .read_to_end(&mut key)
            .map_err(|error| format!("{}: {error}", self.key.display()))?;
        let authority = match &self.authority {
            Some(path) => plain(path)?,
            None => Vec::new(),
        };
        Ok([chain, key, authority])
    }

    fn pair(&self, [chain, key, authority]: &[Vec<u8>; 3]) -> Result<Pair, String> {
        let at = |path: &Path, reason: &str| format!("{}: {reason}", path.display());
        let chain = certificates(chain).map_err(|reason| at(&self.certificate, &reason))?;
        let key = PrivateKeyDer::from_pem_slice(key).map_err(|error| at(&self.key, &error.to_string()))?;
        let authority = match &self.authority {
            Some(path) => certificates(authority).map_err(|reason| at(path, &reason))?,
            None => chain.last().cloned().into_iter().collect(),
        };
        pair(chain, key, authority).map_err(|reason| at(&self.certificate, &reason))
    }
}

impl Fingerprint {
    /// One that a test tells apart.
    #[cfg(test)]
    pub fn of_test(byte: u8) -> Self {
        Self([byte; 32])
    }

    fn of<'a>(parts: impl Iterator<Item = &'a [u8]>) -> Self {
        let mut digest = Sha256::new();
        for part in parts {
            digest.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            digest.update(part);
        }
        Self(digest.finalize().into())
    }
}

/// The certificates of a PEM text; never none.
pub(crate) fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    let all = CertificateDer::pem_slice_iter(pem)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| error.to_string())?;
    match all.is_empty() {
        true => Err("there is no certificate in it".to_owned()),
        false => Ok(all),
    }
}

/// A chain and the key that belongs to its first certificate.
pub(crate) fn pair(
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    authority: Vec<CertificateDer<'static>>,
) -> Result<Pair, String> {
    let leaf = chain.first().ok_or("there is no certificate in it")?;
    let not_after_s = validity::not_after_s(leaf)?;
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    // It compares the public keys of both: a key beside another certificate is an error here, not at each handshake.
    let certified = CertifiedKey::from_der(chain, key, &provider).map_err(|error| error.to_string())?;
    Ok(Pair {
        certified: Arc::new(certified),
        not_after_s,
        authority,
    })
}
