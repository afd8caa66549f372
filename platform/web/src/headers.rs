//! The headers of every page.

use std::fmt::Write as _;

use axum::Router;
use axum::extract::Request;
use axum::middleware::{self, Next};
use axum::response::Response;
use http::{HeaderMap, HeaderName, HeaderValue, header};

use crate::origins::origin;

/// What a page may load and where its forms may lead. Nothing inline, nothing from elsewhere.
#[derive(Clone, Debug, Default)]
pub struct Csp {
    form_targets: Vec<String>,
    any_form_target: bool,
}

impl Csp {
    /// Our own files, and forms to our own site.
    pub fn new() -> Self {
        Self::default()
    }

    /// Forms may end anywhere. For pages whose forms lead out of the site by a redirect, and possibly further: browsers
    /// apply `form-action` to the whole chain of redirects, which is not known here.
    pub fn without_form_action() -> Self {
        Self {
            any_form_target: true,
            ..Self::default()
        }
    }

    /// Forms may also end at this origin, or at this scheme alone (`app:`): browsers apply `form-action` to redirects.
    /// Of an address its origin counts, because a source with a path matches that path alone. Text that could end the
    /// directive is ignored.
    pub fn with_form_target(mut self, target: &str) -> Self {
        let target = origin(target);
        let plain = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b';' | b',' | b'\'' | b'"' | b'*');
        if !target.is_empty() && target.bytes().all(plain) {
            self.form_targets.push(target.to_owned());
        }
        self
    }

    /// The value of the header.
    pub fn value(&self) -> HeaderValue {
        if self.any_form_target {
            return HeaderValue::from_static(ANY_FORM_TARGET);
        }
        let mut text = String::from(POLICY);
        for target in &self.form_targets {
            let _infallible = write!(text, " {target}");
        }
        HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static(POLICY))
    }
}

/// Adds the headers to every response of a router, including its fallbacks. Headers set by a handler are kept.
pub fn secure(router: Router) -> Router {
    secure_with(router, Csp::new())
}

/// The same, with another default policy.
pub fn secure_with(router: Router, csp: Csp) -> Router {
    let csp = csp.value();
    router.layer(middleware::from_fn(move |request: Request, next: Next| {
        let csp = csp.clone();
        async move { secured(request, next, csp).await }
    }))
}

/// Over https, every response tells browsers to use only https from now on (RFC 6797): pages, endpoints and errors.
/// Never on a loopback host, because other programs serve its other ports.
pub fn strict_transport(router: Router, origin: &str) -> Router {
    if !is_strict(origin) {
        return router;
    }
    router.layer(middleware::map_response(async |mut response: Response| {
        set_default(
            response.headers_mut(),
            "strict-transport-security",
            "max-age=31536000",
        );
        response
    }))
}

fn is_strict(origin: &str) -> bool {
    let Ok(uri) = origin.parse::<http::Uri>() else {
        return false;
    };
    let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
    let address = host.parse::<std::net::IpAddr>();
    let loopback = host.ends_with("localhost") || address.is_ok_and(|address| address.is_loopback());
    uri.scheme_str() == Some("https") && !loopback
}

async fn secured(request: Request, next: Next, csp: HeaderValue) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.entry(header::CONTENT_SECURITY_POLICY).or_insert(csp);
    for (name, value) in FIXED {
        set_default(headers, name, value);
    }
    response
}

fn set_default(headers: &mut HeaderMap, name: &'static str, value: &'static str) {
    headers
        .entry(HeaderName::from_static(name))
        .or_insert(HeaderValue::from_static(value));
}

macro_rules! policy {
    ($form_action:literal) => {
        concat!(
            "default-src 'none'; style-src 'self'; img-src 'self'; script-src 'self'; \
             connect-src 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; \
             trusted-types 'none'; report-uri /csp-report",
            $form_action
        )
    };
}

/// `form-action` comes last, so that targets can follow it. `connect-src` is for the scripts of the theme and of orders. `report-uri` is used
/// because every browser supports it.
const POLICY: &str = policy!("; form-action 'self'");
/// The same without `form-action`; nothing replaces it.
const ANY_FORM_TARGET: &str = policy!("");

const FIXED: [(&str, &str); 7] = [
    // Not no-referrer: under it, browsers send `Origin: null` with the page's own forms.
    ("referrer-policy", "same-origin"),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    (
        "permissions-policy",
        "accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), magnetometer=(), \
         microphone=(), midi=(), payment=(), usb=()",
    ),
    ("cache-control", "private, no-cache"),
];

#[cfg(test)]
mod tests {
    use super::*;

    /// BF-11.
    #[test]
    fn only_a_host_of_its_own_is_bound_to_https() {
        for (origin, strict) in [
            ("https://id.example.test", true),
            ("https://id.example.test:8443", true),
            ("https://192.0.2.1", true),
            ("http://id.example.test", false),
            ("https://localhost:8443", false),
            ("https://id.localhost", false),
            ("https://127.0.0.1:1", false),
            ("https://[::1]:1", false),
            ("", false),
        ] {
            assert_eq!(is_strict(origin), strict, "{origin}");
        }
    }

    #[test]
    fn a_policy_without_form_action_is_as_strict_in_everything_else() {
        let usual = Csp::new().value();
        let usual = usual.to_str().unwrap();
        let free = Csp::without_form_action().value();
        assert_eq!(usual, format!("{}; form-action 'self'", free.to_str().unwrap()));
        assert!(!free.to_str().unwrap().contains("form-action"));
    }

    #[test]
    fn a_form_target_cannot_open_another_directive() {
        let plain = Csp::new().value();
        for bad in [
            "",
            "https://a.test; script-src *",
            "'unsafe-inline'",
            "a b",
            "*",
            "https://a,b",
        ] {
            assert_eq!(Csp::new().with_form_target(bad).value(), plain, "{bad}");
        }
        let with = Csp::new()
            .with_form_target("https://app.example.test/auth")
            .with_form_target("com.example:");
        assert!(
            with.value()
                .to_str()
                .unwrap()
                .ends_with("form-action 'self' https://app.example.test com.example:")
        );
    }
}
