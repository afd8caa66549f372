//! `[tls.acme]`: which directory gives the certificate, and for which names.

use std::path::{Path, PathBuf};

use super::{Acme, ConfigError};

/// Let's Encrypt, which asks for nothing but its terms.
const DIRECTORY: &str = "https://acme-v02.api.letsencrypt.org/directory";

/// The settings as they were read.
#[derive(Default)]
pub(super) struct Parts {
    pub domains: Vec<String>,
    pub contact: Vec<String>,
    pub directory: Option<String>,
    pub cache: Option<PathBuf>,
    pub authority: Option<PathBuf>,
}

/// Nothing without domains; the cache is below `data` unless it is told.
pub(super) fn read(parts: Parts, data: &Path) -> Result<Option<Acme>, ConfigError> {
    let Parts {
        domains,
        contact,
        directory,
        cache,
        authority,
    } = parts;
    if domains.is_empty() {
        return match contact.is_empty() && directory.is_none() && cache.is_none() && authority.is_none() {
            true => Ok(None),
            false => Err(ConfigError("tls.acme.domains must be set".to_owned())),
        };
    }
    if let Some(name) = domains.iter().find(|name| !is_name(name)) {
        return Err(ConfigError(format!(
            "tls.acme.domains: {name:?} is not a host name; tls-alpn-01 proves no wildcard and no address"
        )));
    }
    if let Some(contact) = contact.iter().find(|contact| !contact.starts_with("mailto:")) {
        return Err(ConfigError(format!(
            "tls.acme.contact: {contact:?} must begin with mailto:"
        )));
    }
    let directory = directory.unwrap_or_else(|| DIRECTORY.to_owned());
    // RFC 8555 §6.1: https alone.
    let https = url::Url::parse(&directory).is_ok_and(|url| url.scheme() == "https");
    if !https {
        return Err(ConfigError("tls.acme.directory must be an https URL".to_owned()));
    }
    Ok(Some(Acme {
        domains,
        contact,
        directory,
        cache: cache.unwrap_or_else(|| data.join("acme")),
        authority,
    }))
}

/// A host name in lower case: letters, digits and hyphens between dots, and no number at its end.
fn is_name(name: &str) -> bool {
    let label = |label: &str| {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        (1..=63).contains(&label.len())
            && label.bytes().all(plain)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let last = name.rsplit('.').next().unwrap_or_default();
    name.len() <= 253 && name.split('.').all(label) && !last.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(domain: &str) -> Parts {
        Parts {
            domains: vec![domain.to_owned()],
            ..Parts::default()
        }
    }

    #[test]
    fn its_table_is_inside_of_the_table_of_tls() {
        use super::super::{Config, Role, Tls};
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("latchkey.toml");
        let read = |text: &str, environment: &[(String, String)]| {
            std::fs::write(&path, text).unwrap();
            Config::serve(vec![Role::Identity], Some(&path), environment)
        };
        let asked = |config: Config| match config.tls {
            Tls::Acme(acme) => acme.domains,
            Tls::Off | Tls::Local | Tls::Files { .. } => Vec::new(),
        };
        let told = read("[tls.acme]\ndomains = [\"id.example.test\"]", &[]).unwrap();
        assert_eq!(asked(told), ["id.example.test"]);
        let variable = (
            "LATCHKEY_TLS_ACME_DOMAINS".to_owned(),
            "a.test, b.test".to_owned(),
        );
        assert_eq!(asked(read("", &[variable]).unwrap()), ["a.test", "b.test"]);
        let both = "tls_certificate = \"a\"\ntls_key = \"b\"\n[tls.acme]\ndomains = [\"a.test\"]";
        assert!(read(both, &[]).unwrap_err().0.contains("exclude each other"));
        let odd = read("[tls.acme]\ndomain = [\"a.test\"]", &[]).unwrap_err();
        assert!(odd.0.contains("tls.acme.domains"), "{odd}");
    }

    #[test]
    fn names_alone_are_enough_and_the_rest_has_defaults() {
        let data = Path::new("/srv");
        assert_eq!(read(Parts::default(), data).unwrap(), None);
        let acme = read(parts("id.example.test"), data).unwrap().unwrap();
        assert_eq!(acme.cache, Path::new("/srv/acme"));
        assert_eq!(acme.directory, DIRECTORY);
        let without = Parts {
            contact: vec!["mailto:ops@example.test".to_owned()],
            ..Parts::default()
        };
        assert!(read(without, data).unwrap_err().0.contains("domains must be set"));
    }

    #[test]
    fn what_no_directory_can_prove_is_refused_before_it_is_asked() {
        for domain in [
            "*.example.test",
            "192.0.2.1",
            "Example.test",
            "a..test",
            "-a.test",
            "",
            "::1",
            "a b.test",
        ] {
            assert!(read(parts(domain), Path::new("")).is_err(), "{domain}");
        }
        for directory in ["http://ca.test/directory", "ca.test", "file:///etc/passwd"] {
            let told = Parts {
                directory: Some(directory.to_owned()),
                ..parts("id.example.test")
            };
            assert!(read(told, Path::new("")).is_err(), "{directory}");
        }
        let told = Parts {
            contact: vec!["ops@example.test".to_owned()],
            ..parts("id.example.test")
        };
        assert!(read(told, Path::new("")).unwrap_err().0.contains("mailto:"));
    }
}
