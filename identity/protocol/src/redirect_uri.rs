//! The redirect URIs that a client may register (OAuth 2.1 §2.3.1, RFC 8252 §7), and those that a request may name.

mod matching;

#[cfg(test)]
pub(crate) use matching::tests::{client as matching_client, mutations as matching_mutations};
pub use matching::{LogoutUri, RedirectUri};

use url::{Host, Url};

/// Checks one URI of a registration, in the field `name`; the error is a sentence for whoever registers it.
///
/// Accepted are https, http on loopback and, for native clients, private-use schemes with a dot.
pub fn check(name: &str, uri: &str, native: bool) -> Result<(), String> {
    let refuse = |reason: &str| Err(format!("{name} {uri:?} {reason}"));
    if uri.contains('*') {
        return refuse("contains a wildcard");
    }
    if uri
        .chars()
        .any(|c| c.is_whitespace() || c.is_control() || c == '\\')
    {
        return refuse("contains a character that is not valid in a URI");
    }
    let Ok(parsed) = Url::parse(uri) else {
        return refuse("is not an absolute URI");
    };
    // RFC 3986 §2: a URI is ASCII. Two spellings of a host are two texts, and only one of them can stand in a header.
    if !uri.is_ascii() {
        return refuse(&format!(
            "contains non-ASCII characters: write it as {}",
            parsed.as_str()
        ));
    }
    if parsed.fragment().is_some() || uri.contains('#') {
        return refuse("has a fragment");
    }
    if !parsed.username().is_empty() || parsed.password().is_some() {
        return refuse("has a user name or password");
    }
    match parsed.scheme() {
        "https" => Ok(()),
        "http" if is_loopback(&parsed) => Ok(()),
        "http" => refuse("must be https; http is allowed for loopback only"),
        // RFC 8252 §7.1: a reverse domain name, so that a client does not take a foreign scheme.
        scheme if native && scheme.contains('.') => Ok(()),
        _ => refuse("has an unsupported scheme"),
    }
}

fn is_loopback(uri: &Url) -> bool {
    match uri.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn https_loopback_and_dotted_private_schemes_are_accepted() {
        for uri in [
            "https://shop.test/cb",
            "http://127.0.0.1/cb",
            "http://[::1]:7000/cb",
            "http://localhost/cb",
        ] {
            assert_eq!(check("redirect_uri", uri, false), Ok(()), "{uri}");
        }
        assert_eq!(check("redirect_uri", "com.example.app:/cb", true), Ok(()));
    }

    /// CVE-2026-9086, CVE-2026-29192, AZ-04.
    #[test]
    fn dangerous_schemes_are_refused_in_any_letter_case() {
        for uri in [
            "JaVaScRiPt:alert(1)",
            "data:text/html,x",
            "vbscript:x",
            "file:///etc/passwd",
            "https://*.x/",
            "https://x/#f",
            "https://x/#",
            "myapp:/cb",
            "http://evil.test/cb",
            "/cb",
            "",
            "https://u@x/",
            "https://x/\\y",
            "https://x/a b",
            "com.example.app:/cb",
        ] {
            assert!(check("redirect_uri", uri, false).is_err(), "{uri}");
        }
        for uri in ["myapp:/cb", "JaVaScRiPt:alert(1)", "data:text/html,x"] {
            assert!(check("redirect_uri", uri, true).is_err(), "{uri}");
        }
    }

    #[test]
    fn an_address_beyond_ascii_is_refused_with_the_form_to_register() {
        for (uri, native, suggested) in [
            (
                "https://b\u{fc}cher.test/cb",
                false,
                "https://xn--bcher-kva.test/cb",
            ),
            ("https://sh\u{43e}p.test/cb", false, "https://xn--shp-ted.test/cb"),
            (
                "https://shop.test/r\u{fc}ck?a=\u{e9}",
                false,
                "https://shop.test/r%C3%BCck?a=%C3%A9",
            ),
            ("com.example.app:/r\u{fc}ck", true, "com.example.app:/r%C3%BCck"),
        ] {
            let refused = check("redirect_uri", uri, native).unwrap_err();
            let (_, said) = refused.rsplit_once("write it as ").unwrap();
            assert_eq!(said, suggested);
            assert_eq!(check("redirect_uri", said, native), Ok(()), "{said}");
        }
    }
}
