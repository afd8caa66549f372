//! Folders, files and certificates, looked at where they lie.

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use latchkey_clock::Clock;
use rustls::client::verify_server_name;
use rustls::server::ParsedCertificate;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName};
use x509_parser::parse_x509_certificate;

use super::facts::{Certificate, Place};
use crate::config::{Config, Role, Tls};
use crate::tls;

/// Where this installation keeps something. What does not exist yet is looked at where it would be made.
pub(super) fn places(config: &Config) -> Vec<Place> {
    let files = databases(config);
    let folders = files.iter().filter_map(|file| file.parent());
    let mut folders: Vec<PathBuf> = folders.map(Path::to_owned).collect();
    folders.push(config.data.clone());
    if config.master_key.is_none() {
        folders.push(config.keys.clone());
    }
    folders.sort();
    folders.dedup();
    let existing = files.into_iter().filter(|file| file.exists());
    let (own, shared) = (folders.into_iter().map(|folder| (folder, true)), existing);
    own.chain(shared.map(|file| (file, false)))
        .map(|(path, is_folder)| place(&path, is_folder))
        .collect()
}

/// The SQLite files of the roles that are played here.
fn databases(config: &Config) -> Vec<PathBuf> {
    let mut urls: Vec<String> = config
        .roles
        .iter()
        .map(|role| config[*role].database.clone())
        .collect();
    urls.extend([config.bus.clone(), config.revocation_log()]);
    urls.sort();
    urls.dedup();
    urls.iter()
        .filter_map(|url| url.strip_prefix("sqlite:"))
        .map(|path| PathBuf::from(path.trim_start_matches("//")))
        .collect()
}

fn place(path: &Path, is_folder: bool) -> Place {
    // A relative path without a folder is in the current one.
    let path = match path.as_os_str().is_empty() {
        true => Path::new("."),
        false => path,
    };
    let nearest = path.ancestors().find(|path| path.exists());
    let nearest = nearest.unwrap_or(Path::new("."));
    let metadata = path.metadata().ok();
    let free = rustix::fs::statvfs(nearest)
        .ok()
        .filter(|_| is_folder)
        .map(|disk| {
            let inodes = (disk.f_files > 0).then_some(disk.f_favail);
            (disk.f_bavail.saturating_mul(disk.f_frsize), inodes)
        });
    let here = Path::new(".") == path;
    Place {
        path: path.display().to_string(),
        exposed: !here
            && metadata
                .as_ref()
                .is_some_and(|metadata| metadata.permissions().mode() & 0o077 != 0),
        foreign: !here
            && metadata
                .as_ref()
                .is_some_and(|metadata| metadata.uid() != rustix::process::geteuid().as_raw()),
        writable: rustix::fs::access(nearest, rustix::fs::Access::WRITE_OK).is_ok(),
        free,
    }
}

/// The certificate of the listeners, where it is of files.
pub(super) fn certificate(config: &Config, clock: &Clock) -> Option<Certificate> {
    let Tls::Files { certificate, .. } = &config.tls else {
        return None;
    };
    let path = certificate.display().to_string();
    // The same code as the start's: what it refuses is refused here.
    if let Err(error) = tls::material(config, Vec::new(), clock) {
        return Some(Certificate {
            path,
            refused: Some(error.to_string()),
            ..Certificate::default()
        });
    }
    let chain = chain(certificate);
    let parsed: Vec<_> = chain
        .iter()
        .filter_map(|der| parse_x509_certificate(der).ok())
        .map(|(_, certificate)| certificate)
        .collect();
    let until = parsed.iter().map(|one| one.validity().not_after.timestamp());
    let in_order = parsed
        .windows(2)
        .all(|two| two[0].issuer().as_raw() == two[1].subject().as_raw());
    Some(Certificate {
        path,
        refused: None,
        until_ms: until.min().map(|seconds| seconds.saturating_mul(1_000)),
        in_order,
        unnamed: unnamed(config, chain.first()),
    })
}

/// The leaf of our own listeners.
pub(super) fn own_leaf(config: &Config) -> Option<CertificateDer<'static>> {
    match &config.tls {
        Tls::Files { certificate, .. } => chain(certificate).into_iter().next(),
        Tls::Off | Tls::Local | Tls::Acme(_) => None,
    }
}

/// When a certificate ends, in Unix milliseconds.
pub(super) fn until(der: &[u8]) -> Option<i64> {
    let (_, certificate) = parse_x509_certificate(der).ok()?;
    Some(certificate.validity().not_after.timestamp().saturating_mul(1_000))
}

fn chain(path: &Path) -> Vec<CertificateDer<'static>> {
    let text = std::fs::read(path).unwrap_or_default();
    CertificateDer::pem_slice_iter(&text)
        .filter_map(Result::ok)
        .collect()
}

/// The hosts by which the roles of this process are reached and that its certificate does not name.
fn unnamed(config: &Config, leaf: Option<&CertificateDer<'static>>) -> Vec<String> {
    let Some(leaf) = leaf.and_then(|leaf| ParsedCertificate::try_from(leaf).ok()) else {
        return Vec::new();
    };
    let url_of = |role: &Role| {
        let public = match role {
            Role::Identity => config.issuer.as_ref(),
            Role::Gateway => config.origin.as_ref(),
            Role::Service(_) | Role::Storefront | Role::Admin => None,
        };
        config[*role].url.as_ref().or(public)
    };
    let urls = config.roles.iter().filter_map(url_of);
    let mut hosts: Vec<String> = urls
        .filter_map(|url| url::Url::parse(url).ok()?.host_str().map(str::to_owned))
        .collect();
    hosts.sort();
    hosts.dedup();
    hosts.retain(|host| {
        let plain = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        ServerName::try_from(plain).is_ok_and(|name| verify_server_name(&leaf, &name).is_err())
    });
    hosts
}
