//! The origins of a site, and where it may redirect.

use std::sync::Arc;

use http::Uri;

/// The origins by which a site is reached; the first one is its own name for itself.
#[derive(Clone, Debug)]
pub struct Origins(Arc<Vec<String>>);

impl Origins {
    /// `scheme://host[:port]` each, without a trailing slash, as browsers send it.
    pub fn new<T: Into<String>>(origins: impl IntoIterator<Item = T>) -> Self {
        Self(Arc::new(origins.into_iter().map(Into::into).collect()))
    }

    /// The primary origin.
    pub fn first(&self) -> &str {
        self.0.first().map_or("", String::as_str)
    }

    /// True if this is one of the origins.
    pub(crate) fn has(&self, origin: &[u8]) -> bool {
        self.0.iter().any(|own| own.as_bytes() == origin)
    }

    /// The full name of a cookie: with `__Host-` over https; otherwise with the port, because cookies ignore ports and
    /// two instances may run on one host.
    pub fn cookie(&self, name: &str) -> String {
        let first = self.first();
        if first.starts_with("https://") {
            return format!("__Host-{name}");
        }
        match first.rsplit_once(':') {
            Some((_, port)) if !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()) => {
                format!("{name}-{port}")
            }
            _ => name.to_owned(),
        }
    }

    /// `; Secure` if a browser would accept such a cookie.
    pub fn cookie_attributes(&self) -> &'static str {
        if self.first().starts_with("https://") {
            "Path=/; HttpOnly; SameSite=Lax; Secure"
        } else {
            "Path=/; HttpOnly; SameSite=Lax"
        }
    }
}

/// Path and query of a request, to return to.
pub fn here(uri: &Uri) -> String {
    uri.path_and_query()
        .map_or("/", |target| target.as_str())
        .to_owned()
}

/// The path if it stays on this site, however a browser interprets it.
pub fn safe_return(path: &str) -> Option<&str> {
    let plain = |byte: u8| byte.is_ascii_graphic() && byte != b'\\';
    let own = path.starts_with('/') && !path.starts_with("//");
    (own && path.len() <= LONGEST && path.bytes().all(plain)).then_some(path)
}

/// Room for a sealed request of 6 KiB, as the identity provider's pages have in their addresses.
const LONGEST: usize = 7 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookies_name_is_safe_over_https_and_holds_the_port_elsewhere() {
        assert_eq!(
            Origins::new(["https://shop.test"]).cookie("theme"),
            "__Host-theme"
        );
        assert_eq!(
            Origins::new(["http://localhost:8080"]).cookie("theme"),
            "theme-8080"
        );
        assert_eq!(Origins::new(["http://[::1]"]).cookie("theme"), "theme");
    }

    #[test]
    fn one_is_sent_back_to_a_path_of_ours_only() {
        assert_eq!(safe_return("/courses?q=a%20b"), Some("/courses?q=a%20b"));
        let sealed = format!("/login?request={}", "A".repeat(4 * 1024));
        assert_eq!(safe_return(&sealed), Some(sealed.as_str()));
        assert_eq!(safe_return(&format!("/{}", "a".repeat(LONGEST))), None);
        for bad in [
            "",
            "courses",
            "//evil.test",
            "/\\evil.test",
            "/\t/evil.test",
            "https://evil.test",
            "/a\r\nb",
        ] {
            assert_eq!(safe_return(bad), None, "{bad:?}");
        }
    }
}
