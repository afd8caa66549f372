//! Registration: who may create an account.

use latchkey_protocol::sign_up::{Mode, Policy, Terms};
use url::Url;

use super::ConfigError;

/// What the operator decides about registrations; what is left unsaid is closed.
pub(super) fn policy(
    mode: Option<&str>,
    domains: Vec<String>,
    terms: Option<String>,
    terms_url: Option<String>,
) -> Result<Policy, ConfigError> {
    let mode = match mode {
        None => Mode::Closed,
        Some(name) => Mode::parse(name).ok_or_else(|| {
            let all = Mode::ALL.map(|mode| format!("\"{}\"", mode.name())).join(", ");
            ConfigError(format!("registration.mode is one of {all}"))
        })?,
    };
    let fine = |domain: &String| {
        let ascii = domain
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'.');
        ascii && domain.contains('.') && !domain.starts_with('.')
    };
    if let Some(odd) = domains.iter().find(|domain| !fine(domain)) {
        return Err(ConfigError(format!(
            "registration.domains: {odd:?} is no domain in lower case, such as \"example.com\""
        )));
    }
    let terms = match (terms, terms_url) {
        (None, None) => None,
        (Some(version), Some(url)) if !version.is_empty() && version.len() <= 64 && is_page(&url) => {
            Some(Terms { version, url })
        }
        (Some(_), Some(_)) => {
            return Err(ConfigError(
                "registration.terms is a version, and registration.terms_url an https address".to_owned(),
            ));
        }
        _ => {
            return Err(ConfigError(
                "registration.terms and registration.terms_url must be set together".to_owned(),
            ));
        }
    };
    Ok(Policy {
        mode,
        domains,
        terms,
        limits_networks: true,
    })
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
}
