//! Until when a certificate is valid, and the numbers that operators watch.

use latchkey_metrics::catalog::{TLS_NOT_AFTER, TLS_RELOADS};
use latchkey_metrics::labels::{Reload, Role};
use rustls_pki_types::CertificateDer;
use x509_parser::prelude::{FromDer, X509Certificate};

/// The instant after which a certificate is not valid, in seconds since 1970.
pub(crate) fn not_after_s(certificate: &CertificateDer<'_>) -> Result<i64, String> {
    let (_, parsed) = X509Certificate::from_der(certificate).map_err(|error| error.to_string())?;
    Ok(parsed.validity().not_after.timestamp())
}

/// Tells until when the certificate of these listeners is valid.
pub(crate) fn tell(listeners: &[&'static str], not_after_s: i64) {
    for listener in listeners {
        TLS_NOT_AFTER.set(Role::of(listener), not_after_s as f64);
    }
}

/// Counts a look at new files, or a new certificate of the ACME directory, by what became of it.
pub(crate) fn count(outcome: Reload) {
    TLS_RELOADS.inc(outcome);
}
