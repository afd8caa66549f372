//! A certificate authority of this installation alone, and the certificates that it issues.

use std::time::Duration;

use rcgen::{CertificateParams, DnType, ExtendedKeyUsagePurpose, Issuer, KeyPair, KeyUsagePurpose};

/// A day, in seconds.
pub(crate) const DAY: u64 = 24 * 3_600;

/// An authority, with its key.
pub(crate) struct Authority {
    /// Its certificate, in PEM.
    pub certificate: String,
    /// Its private key, in PEM.
    pub key: String,
    issuer: Issuer<'static, KeyPair>,
}

/// A certificate of an authority, in PEM.
pub(crate) struct Leaf {
    /// The chain, the leaf first and the authority last.
    pub chain: String,
    /// The private key of the leaf.
    pub key: String,
}

impl Authority {
    /// A new one.
    pub fn new() -> Result<Self, rcgen::Error> {
        let mut params = CertificateParams::default();
        params
            .distinguished_name
            .push(DnType::CommonName, "Latchkey local authority");
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.not_after = rcgen::date_time_ymd(2046, 1, 1);
        let key = KeyPair::generate()?;
        let certificate = params.self_signed(&key)?;
        Self::load(certificate.pem(), key.serialize_pem())
    }

    /// One that was made before.
    pub fn load(certificate: String, key: String) -> Result<Self, rcgen::Error> {
        let issuer = Issuer::from_ca_cert_pem(&certificate, KeyPair::from_pem(&key)?)?;
        Ok(Self {
            certificate,
            key,
            issuer,
        })
    }

    /// A certificate for a server of these names and addresses, valid for so many days from the day before `now_ms`,
    /// because clocks differ.
    pub fn leaf(
        &self,
        title: &str,
        names: Vec<String>,
        now_ms: i64,
        days: u64,
    ) -> Result<Leaf, rcgen::Error> {
        let begin = u64::try_from(now_ms / 1_000).unwrap_or(0).saturating_sub(DAY);
        let at = |seconds| rcgen::date_time_ymd(1970, 1, 1) + Duration::from_secs(seconds);
        let mut leaf = CertificateParams::new(names)?;
        leaf.distinguished_name.push(DnType::CommonName, title);
        leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        leaf.use_authority_key_identifier_extension = true;
        (leaf.not_before, leaf.not_after) = (at(begin), at(begin + days * DAY));
        let key = KeyPair::generate()?;
        let certificate = leaf.signed_by(&key, &self.issuer)?;
        Ok(Leaf {
            chain: certificate.pem() + &self.certificate,
            key: key.serialize_pem(),
        })
    }
}
