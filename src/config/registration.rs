//! Registration: who may create an account.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use latchkey_protocol::Timestamp;
use latchkey_protocol::proof_of_work::MOST_BITS;
use latchkey_protocol::second_factor;
use latchkey_protocol::sign_up::{Mode, Policy, Terms};
use url::Url;

use super::ConfigError;

/// The settings as they are written.
#[derive(Default)]
pub(super) struct Written {
    pub mode: Option<String>,
    pub domains: Vec<String>,
    pub refused_domains: Option<PathBuf>,
    pub proof_of_work: Option<toml::Value>,
    pub shield: Option<toml::Value>,
    pub terms: Option<String>,
    pub terms_url: Option<String>,
    /// Each a language and an address.
    pub terms_urls: Vec<String>,
    pub terms_effective_at: Option<String>,
    pub terms_accept_by: Option<String>,
}

/// What the operator decides about registrations; what is left unsaid is closed.
pub(super) fn policy(written: Written) -> Result<Policy, ConfigError> {
    let mode = match written.mode.as_deref() {
        None => Mode::Closed,
        Some(name) => Mode::parse(name).ok_or_else(|| {
            let all = Mode::ALL.map(|mode| format!("\"{}\"", mode.name())).join(", ");
            ConfigError(format!("registration.mode is one of {all}"))
        })?,
    };
    if let Some(odd) = written.domains.iter().find(|domain| !is_domain(domain)) {
        return Err(ConfigError(format!(
            "registration.domains: {odd:?} is no domain in lower case, such as \"example.com\""
        )));
    }
    let text = |value: &toml::Value| value.to_string().trim_matches('"').to_owned();
    let proof_of_work = match written.proof_of_work.as_ref().map(text) {
        None => None,
        Some(bits) => {
            let bits = bits
                .parse::<u8>()
                .ok()
                .filter(|bits| (1..=MOST_BITS).contains(bits));
            Some(bits.ok_or_else(|| {
                ConfigError(format!(
                    "registration.proof_of_work is a whole number of bits from 1 to {MOST_BITS}"
                ))
            })?)
        }
    };
    let shield = match written.shield.as_ref().map(text).as_deref() {
        None | Some("false") => false,
        Some("true") => true,
        Some(_) => return Err(ConfigError("registration.shield is true or false".to_owned())),
    };
    let refused = written.refused_domains.as_deref();
    Ok(Policy {
        refused_domains: Arc::new(refused.map(refused_domains).transpose()?.unwrap_or_default()),
        mode,
        terms: terms(&written)?,
        domains: written.domains,
        limits_networks: true,
        proof_of_work,
        shield,
    })
}

fn terms(written: &Written) -> Result<Option<Terms>, ConfigError> {
    let (version, url) = match (&written.terms, &written.terms_url) {
        (None, None) => {
            let more = [&written.terms_effective_at, &written.terms_accept_by];
            if !written.terms_urls.is_empty() || more.iter().any(|set| set.is_some()) {
                return Err(ConfigError(
                    "registration.terms and registration.terms_url are missing".to_owned(),
                ));
            }
            return Ok(None);
        }
        (Some(version), Some(url)) if !version.is_empty() && version.len() <= 64 && is_page(url) => {
            (version.clone(), url.clone())
        }
        (Some(_), Some(_)) => {
            return Err(ConfigError(
                "registration.terms is a version, and registration.terms_url an https address".to_owned(),
            ));
        }
        (Some(_), None) | (None, Some(_)) => {
            return Err(ConfigError(
                "registration.terms and registration.terms_url must be set together".to_owned(),
            ));
        }
    };
    let mut urls = BTreeMap::new();
    for entry in &written.terms_urls {
        let (language, url) = entry
            .split_once(' ')
            .filter(|(language, url)| !language.is_empty() && is_page(url))
            .ok_or_else(|| {
                ConfigError(format!(
                    "registration.terms_urls: {entry:?} is not a language and an https address"
                ))
            })?;
        urls.insert(language.to_owned(), url.to_owned());
    }
    Ok(Some(Terms {
        version,
        url,
        urls,
        effective_at: day("terms_effective_at", written.terms_effective_at.as_deref())?,
        accept_by: day("terms_accept_by", written.terms_accept_by.as_deref())?,
    }))
}

fn day(name: &str, text: Option<&str>) -> Result<Option<Timestamp>, ConfigError> {
    let read = |text: &str| {
        second_factor::date(text)
            .ok_or_else(|| ConfigError(format!("registration.{name} is a day such as 2027-01-31")))
    };
    text.map(read).transpose()
}

/// The domains in this file, one a line; empty lines and those that begin with # say nothing.
fn refused_domains(path: &Path) -> Result<BTreeSet<String>, ConfigError> {
    let at = || format!("registration.refused_domains_file: {}", path.display());
    let text = std::fs::read_to_string(path).map_err(|error| ConfigError(format!("{}: {error}", at())))?;
    let lines = text.lines().map(str::trim);
    let domains = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
    domains
        .map(|domain| match is_domain(domain) {
            true => Ok(domain.to_owned()),
            false => Err(ConfigError(format!(
                "{}: {domain:?} is no domain in lower case",
                at()
            ))),
        })
        .collect()
}

fn is_domain(domain: &str) -> bool {
    let ascii = domain
        .bytes()
        .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'.');
    ascii && domain.contains('.') && !domain.starts_with('.')
}

fn is_page(url: &str) -> bool {
    Url::parse(url).is_ok_and(|url| url.scheme() == "https")
}

#[cfg(test)]
mod tests {
    use super::super::tests::serve;
    use super::*;

    #[test]
    fn registration_is_closed_until_the_operator_opens_it() {
        let sign_up = |environment: &[(&str, &str)]| serve(environment).map(|config| config.people.sign_up);
        let closed = sign_up(&[]).unwrap();
        assert_eq!((closed.mode, closed.limits_networks), (Mode::Closed, true));
        for mode in Mode::ALL {
            let set = sign_up(&[("LATCHKEY_REGISTRATION_MODE", mode.name())]).unwrap();
            assert_eq!(set.mode, mode);
        }
        let told = sign_up(&[("LATCHKEY_REGISTRATION_MODE", "Open")]).unwrap_err().0;
        assert!(
            told.contains("\"open\", \"approval\", \"invited\", \"closed\""),
            "{told}"
        );
        let some = sign_up(&[("LATCHKEY_REGISTRATION_DOMAINS", "example.com, example.org")]).unwrap();
        assert_eq!(some.domains, ["example.com", "example.org"]);
        for bad in [
            "Example.com",
            "example",
            "*.example.com",
            ".example.com",
            "a@example.com",
        ] {
            assert!(
                sign_up(&[("LATCHKEY_REGISTRATION_DOMAINS", bad)]).is_err(),
                "{bad}"
            );
        }
    }

    #[test]
    fn terms_have_a_version_and_a_page() {
        let version = ("LATCHKEY_REGISTRATION_TERMS", "2026-11");
        let url = ("LATCHKEY_REGISTRATION_TERMS_URL", "https://shop.test/terms");
        let both = serve(&[version, url]).unwrap().people.sign_up.terms.unwrap();
        assert_eq!((both.version.as_str(), both.url.as_str()), (version.1, url.1));
        for set in [
            &[version][..],
            &[url],
            &[version, (url.0, "javascript:alert(1)")],
            &[(version.0, ""), url],
        ] {
            assert!(serve(set).is_err(), "{set:?}");
        }
    }

    #[test]
    fn terms_have_days_and_other_languages_only_with_a_version() {
        let all = [
            ("LATCHKEY_REGISTRATION_TERMS", "2"),
            ("LATCHKEY_REGISTRATION_TERMS_URL", "https://shop.test/terms"),
            (
                "LATCHKEY_REGISTRATION_TERMS_URLS",
                "tr https://shop.test/tr, fr https://shop.test/fr",
            ),
            ("LATCHKEY_REGISTRATION_TERMS_EFFECTIVE_AT", "2027-01-01"),
            ("LATCHKEY_REGISTRATION_TERMS_ACCEPT_BY", "2027-01-31"),
        ];
        let terms = serve(&all).unwrap().people.sign_up.terms.unwrap();
        assert_eq!(terms.url_in("tr"), "https://shop.test/tr");
        assert_eq!(terms.effective_at, Some(Timestamp(1_798_761_600_000)));
        assert!(terms.accept_by > terms.effective_at);
        for alone in &all[2..] {
            assert!(serve(&[*alone]).is_err(), "{alone:?}");
        }
        for bad in [
            ("LATCHKEY_REGISTRATION_TERMS_URLS", "tr http://shop.test/tr"),
            ("LATCHKEY_REGISTRATION_TERMS_URLS", "https://shop.test/tr"),
            ("LATCHKEY_REGISTRATION_TERMS_ACCEPT_BY", "soon"),
        ] {
            assert!(serve(&[all[0], all[1], bad]).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn work_and_shield_are_read_and_odd_ones_are_refused() {
        let read = |name, value| serve(&[(name, value)]).map(|config| config.people.sign_up);
        let work = "LATCHKEY_REGISTRATION_PROOF_OF_WORK";
        assert_eq!(read(work, "16").unwrap().proof_of_work, Some(16));
        let shield = "LATCHKEY_REGISTRATION_SHIELD";
        assert!(read(shield, "true").unwrap().shield);
        for (name, bad) in [(work, "0"), (work, "64"), (work, "much"), (shield, "on")] {
            assert!(read(name, bad).is_err(), "{name} {bad}");
        }
    }

    #[test]
    fn refused_domains_are_a_file_of_domains() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("domains");
        let name = "LATCHKEY_REGISTRATION_REFUSED_DOMAINS_FILE";
        let read = || serve(&[(name, path.to_str().unwrap())]).map(|config| config.people.sign_up);
        assert!(read().is_err(), "there is no file");
        std::fs::write(&path, "# ten minutes\nmailbox.test\n\nother.example\n").unwrap();
        let listed = read().unwrap().refused_domains;
        assert!(listed.contains("mailbox.test") && listed.len() == 2, "{listed:?}");
        std::fs::write(&path, "Mailbox.test\n").unwrap();
        let told = read().unwrap_err().0;
        assert!(told.contains("Mailbox.test"), "{told}");
    }
}
