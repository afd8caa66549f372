//! The origins of a site, and where it may redirect.

use std::sync::Arc;

use http::Uri;

/// The origins by which a site is reached, and the path below which all of it lies; the first origin is its own name for
/// itself.
#[derive(Clone, Debug)]
pub struct Origins {
    origins: Arc<[String]>,
    path: Arc<str>,
}

impl Origins {
    /// `scheme://host[:port]` each, without a trailing slash, as browsers send it. What follows the first one's host is
    /// the path of the site.
    pub fn new<T: Into<String>>(addresses: impl IntoIterator<Item = T>) -> Self {
        let mut addresses: Vec<String> = addresses.into_iter().map(Into::into).collect();
        let mut path = None;
        for address in &mut addresses {
            let (origin, below) = split(address);
            path.get_or_insert(Arc::from(below));
            *address = origin.to_owned();
        }
        Self {
            origins: addresses.into(),
            path: path.unwrap_or_default(),
        }
    }

    /// The primary origin.
    pub fn first(&self) -> &str {
        self.origins.first().map_or("", String::as_str)
    }

    /// The path below which every page lies, such as `/auth`; empty if the site has its hosts to itself.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// True if this is one of the origins.
    pub(crate) fn has(&self, origin: &[u8]) -> bool {
        self.origins.iter().any(|own| own.as_bytes() == origin)
    }

    /// The full name of a cookie: with `__Host-` over https; otherwise with the port, because cookies ignore ports and
    /// two instances may run on one host. The path follows: `__Host-` demands `Path=/` (RFC 6265bis §4.1.3.2), so that
    /// the browser sends the cookies of every site of the host to each of them.
    pub fn cookie(&self, name: &str) -> String {
        let first = self.first();
        // No name of ours and no path contains a tilde, so different paths have different names.
        let path = self.path.replace('/', "~");
        if first.starts_with("https://") {
            return format!("__Host-{name}{path}");
        }
        match first.rsplit_once(':') {
            Some((_, port)) if !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()) => {
                format!("{name}-{port}{path}")
            }
            _ => format!("{name}{path}"),
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

/// The origin of an address, without its path.
pub(crate) fn origin(address: &str) -> &str {
    split(address).0
}

/// The origin of an address, and its path without a slash at the end.
fn split(address: &str) -> (&str, &str) {
    let host = address.find("://").map_or(0, |scheme| scheme + 3);
    let path = address[host..]
        .find('/')
        .map_or(address.len(), |slash| host + slash);
    let (origin, path) = address.split_at(path);
    (origin, path.trim_end_matches('/'))
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
    fn sites_of_one_host_have_cookies_of_their_own_by_their_paths() {
        for (site, origin, path, name) in [
            ("https://id.test", "https://id.test", "", "__Host-a"),
            ("https://id.test/", "https://id.test", "", "__Host-a"),
            (
                "https://id.test/auth",
                "https://id.test",
                "/auth",
                "__Host-a~auth",
            ),
            ("https://id.test/a/b", "https://id.test", "/a/b", "__Host-a~a~b"),
            ("https://id.test/a-b", "https://id.test", "/a-b", "__Host-a~a-b"),
            ("http://[::1]:1/auth", "http://[::1]:1", "/auth", "a-1~auth"),
            ("http://localhost/auth", "http://localhost", "/auth", "a~auth"),
        ] {
            let origins = Origins::new([site, "http://other.test"]);
            assert_eq!((origins.first(), origins.path()), (origin, path), "{site}");
            assert_eq!(origins.cookie("a"), name, "{site}");
            assert!(origins.has(origin.as_bytes()) && origins.has(b"http://other.test"));
            assert!(
                path.is_empty() || !origins.has(site.as_bytes()),
                "no browser sends a path"
            );
        }
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
