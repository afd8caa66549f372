//! The declared routes, and the decision which of them a request has.
//!
//! Only the most specific pattern counts (an exact path before a prefix, a longer prefix before a shorter one): a
//! method that it does not declare is rejected, not looked up in a wider pattern. Headers play no part.

use std::sync::Arc;

use http::uri::{PathAndQuery, Uri};
use http::{HeaderValue, Method};

use crate::balance::Upstreams;
use crate::error::GatewayError;
use crate::origin::Origin;
use crate::policy::Policy;
use crate::rule::Rule;
use crate::{ConfigError, Kind, path};

/// A declaration: these methods on this path go to that upstream.
#[derive(Clone, Debug)]
pub struct Route {
    /// The name of the service in logs.
    pub name: String,
    /// The host and, unless it is the default one, the port of requests; the edge's own hosts if absent.
    pub host: Option<String>,
    /// `GET` includes `HEAD`.
    pub methods: Vec<Method>,
    /// An exact path, or a prefix that ends in `/*` and covers everything below it.
    pub path: String,
    /// The prefix of the path that is removed for the upstream.
    pub strip: String,
    /// What replaces it.
    pub rewrite: String,
    /// They take turns. Without any, the route only answers the questions of other proxies.
    pub upstreams: Vec<Origin>,
    /// The maximum size of a request body in bytes, if it differs from [`crate::Options::body_cap`].
    pub body_cap: Option<u64>,
    /// Whether its event streams may last: those responses have no total deadline.
    pub streaming: bool,
    /// Whether what `*` stands for is a secret: then the access log has the declared path instead.
    pub secret: bool,
    pub kind: Kind,
    pub policy: Policy,
    /// Whether it is the operator's, which [`crate::Routes::with_declared`] decides: other proxies may ask about it.
    pub own: bool,
}

/// The routes of one host.
#[derive(Debug, Default)]
pub(crate) struct Paths {
    exact: Vec<Pattern>,
    /// Sorted by text; each ends with a slash.
    prefixes: Vec<Pattern>,
}

/// Every rule of one path, found by binary search on the text.
#[derive(Debug)]
struct Pattern {
    text: String,
    rules: Vec<(Method, Arc<Rule>)>,
    /// RFC 9110 §10.2.1: the methods that a 405 names.
    allow: HeaderValue,
}

impl Route {
    /// A route with the gateway's default body limit.
    pub fn new(name: &str, methods: &[Method], path: &str, strip: &str, upstream: Origin) -> Self {
        Self {
            name: name.to_owned(),
            host: None,
            methods: methods.to_vec(),
            path: path.to_owned(),
            strip: strip.to_owned(),
            rewrite: String::new(),
            upstreams: vec![upstream],
            body_cap: None,
            streaming: false,
            secret: false,
            kind: Kind::Api,
            policy: Policy::default(),
            own: false,
        }
    }

    /// The same route, for browsers.
    pub fn pages(self) -> Self {
        Self {
            kind: Kind::Pages,
            ..self
        }
    }

    /// The same route, whose event streams may last.
    pub fn streaming(self) -> Self {
        Self {
            streaming: true,
            ..self
        }
    }
}

impl Paths {
    /// Checks each declaration, and all of them against each other.
    pub(crate) fn new(routes: Vec<Route>) -> Result<Self, ConfigError> {
        let mut declared = Self::default();
        for route in routes {
            declared.declare(route)?;
        }
        declared.exact.sort_by(|a, b| a.text.cmp(&b.text));
        declared.prefixes.sort_by(|a, b| a.text.cmp(&b.text));
        Ok(declared)
    }

    /// The rule for a method and the exact bytes of a path, and the path and query for the rule's upstream.
    pub(crate) fn decide(
        &self,
        method: &Method,
        uri: &Uri,
    ) -> Result<(&Arc<Rule>, PathAndQuery), GatewayError> {
        let path = uri.path();
        path::canonical(path.as_bytes())?;
        let pattern = self.pattern(path).ok_or(GatewayError::UnknownRoute)?;
        let rule = pattern.rule(method).ok_or_else(|| GatewayError::Method {
            allow: pattern.allow.clone(),
        })?;
        Ok((rule, rule.outward(uri)?))
    }

    pub(crate) fn rules(&self) -> impl Iterator<Item = &Rule> {
        self.exact
            .iter()
            .chain(&self.prefixes)
            .flat_map(|pattern| &pattern.rules)
            .map(|(_, rule)| &**rule)
    }

    fn pattern(&self, path: &str) -> Option<&Pattern> {
        find(&self.exact, path).or_else(|| {
            // A prefix covers what is below it, so the last character cannot be its slash.
            let above = path.get(..path.len().checked_sub(1)?)?;
            above
                .rmatch_indices('/')
                .find_map(|(at, _)| find(&self.prefixes, &path[..=at]))
        })
    }

    fn declare(&mut self, route: Route) -> Result<(), ConfigError> {
        let (text, is_prefix) = check(&route)?;
        let patterns = if is_prefix {
            &mut self.prefixes
        } else {
            &mut self.exact
        };
        let index = match patterns.iter().position(|pattern| pattern.text == text) {
            Some(index) => index,
            None => {
                patterns.push(Pattern {
                    text,
                    rules: Vec::new(),
                    allow: HeaderValue::from_static(""),
                });
                patterns.len() - 1
            }
        };
        patterns[index].add(&route)
    }
}

impl Pattern {
    fn rule(&self, method: &Method) -> Option<&Arc<Rule>> {
        // RFC 9110 §9.3.2: HEAD is GET without the content, so GET's policy is the only one it can have.
        let asked = if *method == Method::HEAD {
            &Method::GET
        } else {
            method
        };
        self.rules
            .iter()
            .find_map(|(method, rule)| (method == asked).then_some(rule))
    }

    fn add(&mut self, route: &Route) -> Result<(), ConfigError> {
        let rule = Arc::new(Rule {
            name: route.name.as_str().into(),
            host: route
                .host
                .as_deref()
                .and_then(|host| HeaderValue::from_str(host).ok()),
            upstreams: Arc::new(Upstreams::new(&route.upstreams)),
            body_cap: route.body_cap,
            strip: route.strip.clone(),
            rewrite: route.rewrite.clone(),
            streaming: route.streaming,
            declared: route.path.as_str().into(),
            logged: route.secret.then(|| route.path.as_str().into()),
            kind: route.kind,
            policy: route.policy.clone(),
            own: route.own,
        });
        for method in route.methods.iter().filter(|method| **method != Method::HEAD) {
            if let Some(first) = self.rule(method) {
                return Err(ConfigError::Conflict {
                    method: method.clone(),
                    path: route.path.clone(),
                    first: first.name.to_string(),
                    second: route.name.clone(),
                });
            }
            self.rules.push((method.clone(), rule.clone()));
        }
        self.allow = allow(self.rules.iter().map(|(method, _)| method));
        Ok(())
    }
}

fn find<'p>(patterns: &'p [Pattern], text: &str) -> Option<&'p Pattern> {
    let index = patterns
        .binary_search_by(|pattern| pattern.text.as_str().cmp(text))
        .ok()?;
    patterns.get(index)
}

/// The text to compare with and whether it is a prefix, if the declaration is valid.
fn check(route: &Route) -> Result<(String, bool), ConfigError> {
    let Route {
        name,
        methods,
        path,
        strip,
        ..
    } = route;
    let text = path.strip_suffix('*').unwrap_or(path);
    let is_prefix = text.len() < path.len();
    // Only characters with one spelling are declared, so that an escape in a request can never mean one of them.
    let plain = text.bytes().all(|byte| byte == b'/' || path::is_unreserved(byte));
    if !plain || path::canonical(text.as_bytes()).is_err() || (is_prefix && !text.ends_with('/')) {
        return Err(ConfigError::Path {
            route: name.clone(),
            path: path.clone(),
        });
    }
    if is_prefix && text == "/" && route.host.is_none() {
        return Err(ConfigError::Everything {
            route: name.clone(),
            path: path.clone(),
        });
    }
    if !text
        .strip_prefix(strip.as_str())
        .is_some_and(|rest| rest.starts_with('/'))
        || strip.ends_with('/')
    {
        return Err(ConfigError::Strip {
            route: name.clone(),
            path: path.clone(),
            strip: strip.clone(),
        });
    }
    let plain = |byte: u8| byte == b'/' || path::is_unreserved(byte);
    let rewrite = &route.rewrite;
    let is_prefix_of_paths = rewrite.bytes().all(plain)
        && !rewrite.ends_with('/')
        && (rewrite.is_empty() || path::canonical(rewrite.as_bytes()).is_ok());
    if !is_prefix_of_paths {
        return Err(ConfigError::Rewrite {
            route: name.clone(),
            rewrite: rewrite.clone(),
        });
    }
    route.policy.check(name)?;
    check_methods(name, methods)?;
    Ok((text.to_owned(), is_prefix))
}

fn check_methods(name: &str, methods: &[Method]) -> Result<(), ConfigError> {
    if methods.is_empty() {
        return Err(ConfigError::NoMethod {
            route: name.to_owned(),
        });
    }
    let gets = methods.contains(&Method::GET);
    let refused = methods.iter().find(|method| {
        // RFC 9110 §9.3.8: TRACE would show a client the headers that the gateway adds; §9.3.6: CONNECT would make a
        // tunnel of it. HEAD alone has no policy.
        matches!(**method, Method::TRACE | Method::CONNECT) || (**method == Method::HEAD && !gets)
    });
    match refused {
        Some(method) => Err(ConfigError::Method {
            route: name.to_owned(),
            method: method.clone(),
        }),
        None => Ok(()),
    }
}

fn allow<'m>(methods: impl Iterator<Item = &'m Method>) -> HeaderValue {
    let names: Vec<&str> = methods
        .flat_map(|method| {
            if *method == Method::GET {
                vec!["GET", "HEAD"]
            } else {
                vec![method.as_str()]
            }
        })
        .collect();
    HeaderValue::from_str(&names.join(", ")).unwrap_or_else(|_| HeaderValue::from_static(""))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn route(name: &str, methods: &[Method], path: &str) -> Route {
        Route::new(
            name,
            methods,
            path,
            "/api",
            Origin::parse("http://127.0.0.1:9").unwrap(),
        )
    }

    fn routes() -> Paths {
        Paths::new(vec![
            route("wide", &[Method::GET, Method::POST], "/api/catalog/*"),
            route("narrow", &[Method::GET], "/api/catalog/v1/*"),
            route("exact", &[Method::DELETE], "/api/catalog/v1/whoami"),
            route("slash", &[Method::GET], "/api/catalog/v1/"),
            route("order", &[Method::POST], "/api/order"),
            route("more", &[Method::GET], "/api/order"),
        ])
        .unwrap()
    }

    fn decided(method: Method, path: &str) -> String {
        match routes().decide(&method, &path.parse().unwrap()) {
            Ok((rule, _)) => rule.name.to_string(),
            Err(GatewayError::Method { allow }) => format!("405 {}", allow.to_str().unwrap()),
            Err(GatewayError::UnknownRoute) => "404".to_owned(),
            Err(GatewayError::Path(_)) => "400".to_owned(),
            Err(other) => panic!("{other}"),
        }
    }

    #[test]
    fn the_most_specific_pattern_decides_alone() {
        assert_eq!(decided(Method::GET, "/api/catalog/x"), "wide");
        assert_eq!(decided(Method::GET, "/api/catalog/v1/courses"), "narrow");
        assert_eq!(decided(Method::DELETE, "/api/catalog/v1/whoami"), "exact");
        assert_eq!(decided(Method::GET, "/api/catalog/v1/whoami/x"), "narrow");
        assert_eq!(decided(Method::GET, "/api/catalog/v1/"), "slash");
        assert_eq!(decided(Method::GET, "/api/catalog/v1"), "wide");
        assert_eq!(decided(Method::POST, "/api/order"), "order");
        assert_eq!(decided(Method::GET, "/api/order"), "more");
    }

    #[test]
    fn an_undeclared_path_is_unknown() {
        for path in [
            "/",
            "/api",
            "/api/",
            "/api/catalog",
            "/api/catalog/",
            "/api/catalogue/x",
            "/api/order/",
            "/API/order",
        ] {
            assert_eq!(decided(Method::GET, path), "404", "{path}");
        }
    }

    /// GW-11.
    #[test]
    fn an_undeclared_method_is_refused_even_where_a_wider_pattern_has_it() {
        assert_eq!(decided(Method::POST, "/api/catalog/v1/courses"), "405 GET, HEAD");
        assert_eq!(decided(Method::GET, "/api/catalog/v1/whoami"), "405 DELETE");
        assert_eq!(decided(Method::HEAD, "/api/catalog/v1/whoami"), "405 DELETE");
        assert_eq!(decided(Method::PUT, "/api/order"), "405 POST, GET, HEAD");
        for never in [
            Method::TRACE,
            Method::CONNECT,
            Method::from_bytes(b"get").unwrap(),
        ] {
            assert_eq!(decided(never, "/api/catalog/x"), "405 GET, HEAD, POST");
        }
    }

    #[test]
    fn head_follows_the_policy_of_get() {
        assert_eq!(decided(Method::HEAD, "/api/catalog/v1/courses"), "narrow");
        assert_eq!(decided(Method::HEAD, "/api/order"), "more");
    }

    /// GW-09.
    #[test]
    fn an_ambiguous_path_is_refused_before_any_route_is_matched() {
        assert_eq!(decided(Method::GET, "/api/catalog/v1/%2e%2e/x"), "400");
        assert_eq!(decided(Method::GET, "/nowhere//x"), "400");
    }

    #[test]
    fn the_forwarded_address_is_the_path_and_query_byte_for_byte() {
        let routes = routes();
        let outward = |uri: &str| routes.decide(&Method::GET, &uri.parse().unwrap()).unwrap().1;
        assert_eq!(
            outward("/api/catalog/caf%c3%A9/?q=%2e%2F;a=1&&b=//.."),
            "/catalog/caf%c3%A9/?q=%2e%2F;a=1&&b=//.."
        );
        assert_eq!(outward("http://evil.test/api/catalog/x"), "/catalog/x");
    }

    #[test]
    fn two_declarations_of_one_method_and_path_are_refused_when_loaded() {
        let twice = vec![
            route("a", &[Method::GET], "/api/x/*"),
            route("b", &[Method::POST, Method::GET], "/api/x/*"),
        ];
        assert_eq!(
            Paths::new(twice).unwrap_err(),
            ConfigError::Conflict {
                method: Method::GET,
                path: "/api/x/*".into(),
                first: "a".into(),
                second: "b".into()
            }
        );
        let alone = vec![route("a", &[Method::GET, Method::GET], "/api/x")];
        assert!(matches!(Paths::new(alone), Err(ConfigError::Conflict { .. })));
    }

    #[test]
    fn an_unsound_declaration_is_refused_when_loaded() {
        for path in [
            "",
            "api/x",
            "/api//x",
            "/api/../x",
            "/api/x*",
            "/api/*/x",
            "/api/x/**",
            "/api/x;y",
            "/api/%41",
            "/api/{id}",
            "/api/a@b",
            "/api/x?y",
        ] {
            let error = Paths::new(vec![route("a", &[Method::GET], path)]).unwrap_err();
            assert!(matches!(error, ConfigError::Path { .. }), "{path}: {error}");
        }
        let declare = |methods: &[Method], path: &str, strip: &str| {
            Paths::new(vec![Route {
                strip: strip.into(),
                ..route("a", methods, path)
            }])
            .unwrap_err()
        };
        assert!(matches!(
            declare(&[Method::GET], "/*", ""),
            ConfigError::Everything { .. }
        ));
        for strip in ["/ap", "/other", "/api/", "api", "/api/x"] {
            assert!(
                matches!(
                    declare(&[Method::GET], "/api/x", strip),
                    ConfigError::Strip { .. }
                ),
                "{strip}"
            );
        }
        assert!(matches!(
            declare(&[], "/api/x", "/api"),
            ConfigError::NoMethod { .. }
        ));
        for method in [Method::TRACE, Method::CONNECT, Method::HEAD] {
            assert!(matches!(
                declare(&[method], "/api/x", "/api"),
                ConfigError::Method { .. }
            ));
        }
    }
}
