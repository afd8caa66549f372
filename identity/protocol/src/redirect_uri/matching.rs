//! Addresses that a browser may be redirected to. They are constructed only by matching a registration, so holding one
//! is the permission to redirect.

use std::borrow::Cow;

use url::form_urlencoded::byte_serialize;
use url::{Origin, Url};

use crate::client::{ApplicationType, Client};

/// A redirect URI that the client has registered, as the request wrote it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RedirectUri(String);

/// A post-logout redirect URI that the client has registered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogoutUri(String);

impl RedirectUri {
    /// Exact string comparison (RFC 9700 §2.1). For native clients only the port of a loopback address may differ (RFC
    /// 8252 §7.3). Nothing is parsed or normalised: what is not equal does not match.
    pub fn of(client: &Client, presented: &str) -> Option<Self> {
        let native = client.metadata.application_type == ApplicationType::Native;
        client
            .metadata
            .redirect_uris
            .iter()
            .any(|registered| {
                registered == presented || (native && differs_by_port_alone(registered, presented))
            })
            .then(|| Self(presented.to_owned()))
    }

    /// The URI as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// True if any program on the user's device may receive it: loopback, or a private-use scheme (RFC 8252 §8.6).
    pub fn is_on_device(&self) -> bool {
        Url::parse(&self.0).is_ok_and(|url| match url.scheme() {
            "http" => super::is_loopback(&url),
            "https" => false,
            _ => true,
        })
    }

    /// The destination as shown on the consent page: the host, or the private-use scheme.
    pub fn place(&self) -> String {
        let url = Url::parse(&self.0).ok();
        url.map_or_else(String::new, |url| match url.host_str() {
            Some(host) if matches!(url.scheme(), "http" | "https") => host.to_owned(),
            _ => url.scheme().to_owned(),
        })
    }

    /// The source that CSP `form-action` must name: the origin, or only the scheme for [::1] and private-use schemes,
    /// which CSP cannot express as an origin.
    pub fn csp_source(&self) -> String {
        csp_source(&self.0)
    }

    /// The URI with these parameters added to its query (RFC 6749 §4.1.2), in ASCII only.
    pub fn with(&self, parameters: &[(&str, &str)]) -> String {
        with(&self.0, parameters)
    }
}

impl LogoutUri {
    /// Exact string comparison, without exception (OpenID Connect RP-Initiated Logout §3).
    pub fn of(client: &Client, presented: &str) -> Option<Self> {
        client
            .metadata
            .post_logout_redirect_uris
            .iter()
            .any(|registered| registered == presented)
            .then(|| Self(presented.to_owned()))
    }

    /// The URI as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// See [`RedirectUri::csp_source`].
    pub fn csp_source(&self) -> String {
        csp_source(&self.0)
    }

    /// The URI with `state` added as sent, if there is one, in ASCII only.
    pub fn with_state(&self, state: Option<&str>) -> String {
        state.map_or_else(
            || ascii(&self.0).into_owned(),
            |state| with(&self.0, &[("state", state)]),
        )
    }
}

/// `http://`, loopback host, `:port` and rest, where host and rest are equal byte for byte.
fn differs_by_port_alone(registered: &str, presented: &str) -> bool {
    match (split_loopback(registered), split_loopback(presented)) {
        (Some(ours), Some(theirs)) => ours == theirs,
        _ => false,
    }
}

/// The host and the rest of a loopback URI with a valid or absent port. `localhost` counts as loopback for native
/// clients.
fn split_loopback(uri: &str) -> Option<(&str, &str)> {
    let authority_and_rest = uri.strip_prefix("http://")?;
    let host = ["127.0.0.1", "[::1]", "localhost"]
        .into_iter()
        .find(|host| authority_and_rest.starts_with(host))?;
    let after = &authority_and_rest[host.len()..];
    let rest = match after.strip_prefix(':') {
        None => after,
        Some(port_and_rest) => {
            let end = port_and_rest.find(['/', '?']).unwrap_or(port_and_rest.len());
            let (port, rest) = port_and_rest.split_at(end);
            is_port(port).then_some(rest)?
        }
    };
    matches!(rest.as_bytes().first(), None | Some(b'/' | b'?')).then_some((host, rest))
}

/// 1 to 65535 in its only spelling.
fn is_port(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0') && text.parse::<u16>().is_ok()
}

fn csp_source(uri: &str) -> String {
    let Ok(url) = Url::parse(uri) else {
        return "'none'".to_owned();
    };
    match url.origin() {
        Origin::Tuple(_, url::Host::Ipv6(_), _) | Origin::Opaque(_) => format!("{}:", url.scheme()),
        tuple @ Origin::Tuple(..) => tuple.ascii_serialization(),
    }
}

/// The form of an address that can stand in a header. New registrations are always ASCII (`super::check`), but older
/// ones stay valid: a browser reads the same address from both forms.
fn ascii(uri: &str) -> Cow<'_, str> {
    match Url::parse(uri) {
        Ok(url) if !uri.is_ascii() => url.as_str().to_owned().into(),
        _ => uri.into(),
    }
}

fn with(uri: &str, parameters: &[(&str, &str)]) -> String {
    let mut out = ascii(uri).into_owned();
    for (name, value) in parameters {
        match out.find('?') {
            None => out.push('?'),
            Some(at) if at + 1 == out.len() || out.ends_with('&') => {}
            Some(_) => out.push('&'),
        }
        out.extend(byte_serialize(name.as_bytes()));
        out.push('=');
        out.extend(byte_serialize(value.as_bytes()));
    }
    out
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::client::tests::machine;

    pub(crate) fn client(native: bool, uris: &[&str]) -> Client {
        let mut client = machine();
        client.metadata.redirect_uris = uris.iter().map(|uri| (*uri).to_owned()).collect();
        client.metadata.post_logout_redirect_uris = client.metadata.redirect_uris.clone();
        if native {
            client.metadata.application_type = ApplicationType::Native;
        }
        client
    }

    const REGISTERED: &str = "https://shop.example.test/oauth/cb?tenant=a";

    /// Every way to change the registered URI that attackers or lenient parsers have come up with.
    pub(crate) fn mutations() -> Vec<String> {
        let base = REGISTERED;
        let mut all = Vec::new();
        // Each character deleted, doubled, replaced, percent-encoded and in the other letter case.
        for (at, c) in base.char_indices() {
            let (before, after) = (&base[..at], &base[at + c.len_utf8()..]);
            all.push(format!("{before}{after}"));
            all.push(format!("{before}{c}{c}{after}"));
            all.push(format!("{before}%{:02x}{after}", c as u32));
            if c.is_ascii_alphabetic() {
                all.push(format!("{before}{}{after}", c.to_ascii_uppercase()));
            }
            if matches!(c, '.' | '/' | ':' | '?' | '=') {
                all.push(format!("{before}x{after}"));
            }
        }
        // Every prefix, and extensions.
        all.extend((0..base.len()).map(|end| base[..end].to_owned()));
        for tail in [
            "&x=1",
            "#",
            "#f",
            "/",
            "%20",
            " ",
            "\n",
            "\0",
            "\t",
            "&",
            "?",
            ";",
            ".evil.test",
            "@evil.test",
        ] {
            all.push(format!("{base}{tail}"));
            all.push(format!("{tail}{base}"));
        }
        all
    }

    /// CVE-2026-3872, CVE-2024-1132, CVE-2022-3782: the path.
    const PATHS: [&str; 14] = [
        "/oauth/cb/..;/x",
        "/oauth/cb/%2e%2e/x",
        "/oauth/cb%252f..",
        "/oauth/cb//",
        "//oauth/cb",
        "/oauth/cb\\x",
        "/oauth/./cb",
        "/x/../oauth/cb",
        "/oauth%2fcb",
        "/oauth/cb\t",
        "/oauth/cb\n",
        "/oauth/cb\0",
        "/oauth/cb;x",
        "/oauth\\cb",
    ];

    /// CVE-2026-7504, CVE-2024-8883: the authority.
    const AUTHORITIES: [&str; 14] = [
        "shop.example.test@evil.test",
        "shop.example.test:443@evil.test",
        "shop.example.test#@evil.test",
        "a@b@shop.example.test",
        "evil.test@shop.example.test",
        "shop.example.test.",
        "shop.example.test:443",
        "shop.example.test:",
        "shop.example.test.evil.test",
        "evilshop.example.test",
        "[fe80::1%25eth0]",
        "xn--shp-0na.example.test",
        "sh\u{43e}p.example.test",
        "shop.example.test\\@evil.test",
    ];

    /// CVE-2024-52289, CVE-2020-15234, CVE-2023-6291, AZ-01.
    #[test]
    fn only_the_registered_text_matches() {
        let client = client(false, &[REGISTERED]);
        assert_eq!(RedirectUri::of(&client, REGISTERED).unwrap().as_str(), REGISTERED);
        let mut count = 0;
        for uri in mutations().into_iter().filter(|uri| uri != REGISTERED) {
            assert_eq!(RedirectUri::of(&client, &uri), None, "{uri:?}");
            assert_eq!(LogoutUri::of(&client, &uri), None, "{uri:?}");
            count += 1;
        }
        assert!(count >= 200, "{count} mutations");
        // A native client gains nothing either: only loopback addresses have a free port.
        let native = self::client(true, &[REGISTERED]);
        for uri in mutations().into_iter().filter(|uri| uri != REGISTERED) {
            assert_eq!(RedirectUri::of(&native, &uri), None, "{uri:?}");
        }
    }

    /// CVE-2026-3872, CVE-2024-1132, CVE-2022-3782, AZ-02.
    #[test]
    fn path_tricks_do_not_match() {
        let client = client(false, &["https://shop.example.test/oauth/cb"]);
        for path in PATHS {
            let uri = format!("https://shop.example.test{path}");
            assert_eq!(RedirectUri::of(&client, &uri), None, "{uri:?}");
        }
    }

    /// CVE-2026-7504, CVE-2024-8883, AZ-03.
    #[test]
    fn authority_tricks_do_not_match() {
        let client = client(false, &["https://shop.example.test/oauth/cb"]);
        for authority in AUTHORITIES {
            let uri = format!("https://{authority}/oauth/cb");
            assert_eq!(RedirectUri::of(&client, &uri), None, "{uri:?}");
        }
    }

    /// CVE-2020-15233, AZ-05.
    #[test]
    fn only_the_loopback_port_is_free_and_only_for_native_clients() {
        let registered = [
            "http://127.0.0.1/cb",
            "http://[::1]:7000/cb?a=b",
            "http://localhost/cb",
        ];
        let native = client(true, &registered);
        let web = client(false, &registered);
        for fine in [
            "http://127.0.0.1:61023/cb",
            "http://127.0.0.1:1/cb",
            "http://127.0.0.1:65535/cb",
            "http://[::1]/cb?a=b",
            "http://[::1]:9/cb?a=b",
            "http://localhost:5000/cb",
        ] {
            assert!(RedirectUri::of(&native, fine).is_some(), "{fine}");
            assert_eq!(RedirectUri::of(&web, fine), None, "{fine}");
            assert_eq!(LogoutUri::of(&native, fine), None, "{fine}");
        }
        for bad in [
            "http://127.0.0.1:61023/cb?x=1",
            "http://127.0.0.1:61023/cb2",
            "http://127.0.0.1:61023/cb/",
            "http://127.0.0.1:61023",
            "https://127.0.0.1:61023/cb",
            "http://127.0.0.2:61023/cb",
            "http://127.0.0.1:/cb",
            "http://127.0.0.1:0/cb",
            "http://127.0.0.1:080/cb",
            "http://127.0.0.1:65536/cb",
            "http://127.0.0.1:+80/cb",
            "http://127.0.0.1:80@evil.test/cb",
            "http://127.0.0.1@evil.test/cb",
            "http://127.0.0.1.evil.test/cb",
            "http://127.0.0.1:80#/cb",
            "http://127.0.0.1:80\\@evil.test/cb",
            "http://[::1]:9/cb",
            "http://[::1]:9/cb?a=b&c=d",
            "http://[0:0:0:0:0:0:0:1]:9/cb?a=b",
            "http://LOCALHOST:5000/cb",
            "HTTP://127.0.0.1:5000/cb",
            "http://localhost.:5000/cb",
            "http://localhost:5000/cb#f",
            "http://2130706433:5000/cb",
            "http://user@127.0.0.1:5000/cb",
        ] {
            assert_eq!(RedirectUri::of(&native, bad), None, "{bad}");
        }
    }

    /// AZ-11.
    #[test]
    fn parameters_join_the_registered_query_and_cannot_leave_it() {
        for (uri, expected) in [
            ("https://a.test/cb", "https://a.test/cb?state=x%26y%3D1%23&iss=i"),
            (
                "https://a.test/cb?t=1",
                "https://a.test/cb?t=1&state=x%26y%3D1%23&iss=i",
            ),
            ("https://a.test/cb?", "https://a.test/cb?state=x%26y%3D1%23&iss=i"),
            (
                "com.example.app:/cb",
                "com.example.app:/cb?state=x%26y%3D1%23&iss=i",
            ),
        ] {
            let redirect = RedirectUri::of(&client(true, &[uri]), uri).unwrap();
            assert_eq!(redirect.with(&[("state", "x&y=1#"), ("iss", "i")]), expected);
        }
    }

    #[test]
    fn an_address_of_before_leaves_in_ascii_alone() {
        let uri = "https://b\u{fc}cher.test/r\u{fc}ck?t=\u{e9}";
        let ascii = "https://xn--bcher-kva.test/r%C3%BCck?t=%C3%A9";
        let client = client(false, &[uri, "https://shop.test/%c3%bc"]);
        let redirect = RedirectUri::of(&client, uri).unwrap();
        assert_eq!(
            redirect.with(&[("code", "c"), ("state", "\u{e9}")]),
            format!("{ascii}&code=c&state=%C3%A9")
        );
        let logout = LogoutUri::of(&client, uri).unwrap();
        assert_eq!(logout.with_state(None), ascii);
        assert_eq!(logout.with_state(Some("\u{e9}")), format!("{ascii}&state=%C3%A9"));
        assert_eq!(
            RedirectUri::of(&client, ascii),
            None,
            "what is registered is one text"
        );
        let plain = RedirectUri::of(&client, "https://shop.test/%c3%bc").unwrap();
        assert_eq!(plain.with(&[("a", "b")]), "https://shop.test/%c3%bc?a=b");
    }

    #[test]
    fn what_is_on_the_device_is_known_and_csp_can_name_it() {
        for (uri, on_device, source, place) in [
            ("https://a.test/cb", false, "https://a.test", "a.test"),
            ("https://a.test:8443/cb", false, "https://a.test:8443", "a.test"),
            (
                "http://127.0.0.1:5000/cb",
                true,
                "http://127.0.0.1:5000",
                "127.0.0.1",
            ),
            ("http://localhost/cb", true, "http://localhost", "localhost"),
            ("http://[::1]:5000/cb", true, "http:", "[::1]"),
            ("com.example.app:/cb", true, "com.example.app:", "com.example.app"),
        ] {
            let redirect = RedirectUri::of(&client(true, &[uri]), uri).unwrap();
            assert_eq!(redirect.is_on_device(), on_device, "{uri}");
            assert_eq!(redirect.csp_source(), source);
            assert_eq!(redirect.place(), place);
        }
    }

    proptest::proptest! {
        /// AZ-01.
        /// Whatever matches is what was registered, also as a browser parses it.
        #[test]
        fn a_match_is_equal_to_a_browser_but_for_a_loopback_port(
            presented in "(https?|HTTP)://(127\\.0\\.0\\.1|localhost|\\[::1\\]|shop\\.test)(:[0-9]{0,6})?(@evil\\.test)?(/cb|/cb/|/\\.\\./cb|\\\\cb|)([?#;]x)?",
        ) {
            let registered = ["http://127.0.0.1/cb", "http://localhost:7/cb", "https://shop.test/cb"];
            if let Some(uri) = RedirectUri::of(&client(true, &registered), &presented) {
                let seen = Url::parse(uri.as_str()).unwrap();
                let agrees = registered.iter().any(|registered| {
                    let ours = Url::parse(registered).unwrap();
                    let parts = |url: &Url| {
                        let text = |part: Option<&str>| part.map(str::to_owned);
                        (url.scheme().to_owned(), text(url.host_str()), url.path().to_owned(), text(url.query()),
                            text(url.fragment()), url.username().to_owned())
                    };
                    parts(&seen) == parts(&ours) && (seen.port() == ours.port() || ours.scheme() == "http")
                });
                proptest::prop_assert!(agrees);
            }
        }
    }
}
