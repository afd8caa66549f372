//! All routes of the edge: those of its own hosts, and those of each declared host.
//!
//! A declared host has its own routes and no other: what the marketplace serves is not below the name of somebody's
//! application. Routes that hide each other are refused when they are loaded, with the names of both.

use std::collections::BTreeMap;
use std::sync::Arc;

use http::uri::{Authority, PathAndQuery, Uri};
use http::{HeaderValue, Method};

use crate::error::GatewayError;
use crate::policy::Demand;
use crate::route::{Paths, Route};
use crate::rule::Rule;
use crate::{ConfigError, PATHS, SignIn};

/// A consistent set of routes.
#[derive(Debug, Default)]
pub struct Routes {
    own: Paths,
    hosts: BTreeMap<String, Paths>,
}

impl Routes {
    /// Checks each declaration, and all of them against each other.
    pub fn new(routes: Vec<Route>) -> Result<Self, ConfigError> {
        let mut own = Vec::new();
        let mut hosts: BTreeMap<String, Vec<Route>> = BTreeMap::new();
        for route in routes {
            match &route.host {
                None => own.push(route),
                Some(host) => {
                    let host = authority(&route.name, host)?;
                    hosts.entry(host).or_default().push(route);
                }
            }
        }
        let hosts = hosts
            .into_iter()
            .map(|(host, routes)| Ok((host, Paths::new(routes)?)));
        Ok(Self {
            own: Paths::new(own)?,
            hosts: hosts.collect::<Result<_, ConfigError>>()?,
        })
    }

    /// Adds the routes of an operator to those of the marketplace. Beyond what [`Self::new`] checks, none may reach into
    /// the paths of another.
    pub fn with_declared(builtin: Vec<Route>, declared: Vec<Route>) -> Result<Self, ConfigError> {
        for own in &declared {
            if own.host.is_some() {
                if covers(&own.path, &format!("{PATHS}/")) && own.path != "/*" {
                    return Err(reserved(own));
                }
                continue;
            }
            if RESERVED
                .iter()
                .any(|path| covers(&own.path, path) || covers(path, &own.path))
            {
                return Err(reserved(own));
            }
            let other = builtin.iter().find(|route| overlap(&route.path, &own.path));
            if let Some(other) = other {
                return Err(ConfigError::Builtin {
                    own: own.name.clone(),
                    path: own.path.clone(),
                    builtin: format!("{} ({})", other.name, other.path),
                });
            }
        }
        shadowed(&declared)?;
        let declared = declared.into_iter().map(|route| Route { own: true, ..route });
        Self::new(builtin.into_iter().chain(declared).collect())
    }

    /// Refuses routes that take the edge's own host away from it, and those that need a sign-in which it does not have at
    /// theirs. A sign-in has a host of its own: on that of the shop, the application would see the cookies of the shop.
    pub(crate) fn check(&self, sign_in: Option<&SignIn>, own_host: &str) -> Result<(), ConfigError> {
        if let Some(rule) = self.hosts.get(own_host).and_then(|paths| paths.rules().next()) {
            return Err(ConfigError::OwnHost {
                route: rule.name.to_string(),
                host: own_host.to_owned(),
            });
        }
        let sign_in = sign_in.filter(|sign_in| sign_in.host() != own_host);
        let of_hosts = self.hosts.iter().map(|(host, paths)| (host.as_str(), paths));
        for (host, paths) in std::iter::once((own_host, &self.own)).chain(of_hosts) {
            for rule in paths.rules() {
                let needs = matches!(rule.policy.demand, Demand::SignIn(_));
                if needs && sign_in.is_none_or(|sign_in| !sign_in.host().eq_ignore_ascii_case(host)) {
                    return Err(ConfigError::SignIn {
                        route: rule.name.to_string(),
                        host: host.to_owned(),
                    });
                }
            }
        }
        Ok(())
    }

    /// The rule for a method and the exact bytes of a path at a host, and the path and query for the rule's upstream.
    pub(crate) fn decide(
        &self,
        host: Option<&str>,
        method: &Method,
        uri: &Uri,
    ) -> Result<(&Arc<Rule>, PathAndQuery), GatewayError> {
        let paths = host.and_then(|host| self.hosts.get(host)).unwrap_or(&self.own);
        paths.decide(method, uri)
    }

    /// Whether a host, in lower case, is one of those that are declared.
    pub(crate) fn declares(&self, host: &str) -> bool {
        self.hosts.contains_key(host)
    }

    pub(crate) fn hosts(&self) -> impl Iterator<Item = String> {
        self.hosts.keys().cloned()
    }

    pub(crate) fn rules(&self) -> impl Iterator<Item = &Rule> {
        let all = std::iter::once(&self.own).chain(self.hosts.values());
        all.flat_map(Paths::rules)
    }
}

fn reserved(route: &Route) -> ConfigError {
    ConfigError::Reserved {
        route: route.name.clone(),
        path: route.path.clone(),
    }
}

/// A host with its port unless that is the default one, in lower case.
fn authority(route: &str, host: &str) -> Result<String, ConfigError> {
    let parsed = Authority::try_from(host).ok();
    let plain = parsed.filter(|_| !host.contains(['@', '*', '%']) && !host.contains(char::is_whitespace));
    let plain = plain.filter(|authority| !authority.host().is_empty() && !authority.host().ends_with('.'));
    // A port is a number; the parser leaves that open.
    let plain =
        plain.filter(|authority| authority.as_str() == authority.host() || authority.port_u16().is_some());
    let value = plain.filter(|authority| HeaderValue::from_str(authority.as_str()).is_ok());
    value
        .map(|authority| authority.as_str().to_ascii_lowercase())
        .ok_or_else(|| ConfigError::Host {
            route: route.to_owned(),
            host: host.to_owned(),
        })
}

/// Whether every path of `narrow` is one of `wide`; both may end in `/*`.
fn covers(wide: &str, narrow: &str) -> bool {
    match wide.strip_suffix('*') {
        Some(prefix) => narrow.strip_suffix('*').unwrap_or(narrow).starts_with(prefix),
        None => wide == narrow,
    }
}

fn overlap(one: &str, other: &str) -> bool {
    covers(one, other) || covers(other, one)
}

/// The most specific pattern decides alone, so one that lacks a method takes it away from a wider one.
fn shadowed(declared: &[Route]) -> Result<(), ConfigError> {
    for wide in declared {
        let same_host = declared.iter().filter(|narrow| narrow.host == wide.host);
        let below = same_host.filter(|narrow| {
            narrow.name != wide.name && narrow.path != wide.path && covers(&wide.path, &narrow.path)
        });
        for narrow in below {
            // Other routes at the same path may declare the rest.
            let answers = |method: &Method| {
                let mut there = declared
                    .iter()
                    .filter(|route| route.host == narrow.host && route.path == narrow.path);
                there.any(|route| route.methods.contains(method))
            };
            if let Some(method) = wide.methods.iter().find(|method| !answers(method)) {
                return Err(ConfigError::Shadowed {
                    method: method.clone(),
                    path: narrow.path.clone(),
                    wide: wide.name.clone(),
                    narrow: narrow.name.clone(),
                });
            }
        }
    }
    Ok(())
}

/// What the edge answers itself at its own hosts.
const RESERVED: [&str; 6] = [
    "/language",
    "/verify",
    "/healthz",
    "/readyz",
    "/metrics",
    "/.latchkey/*",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Origin;

    fn route(name: &str, host: Option<&str>, path: &str, methods: &[Method]) -> Route {
        Route {
            host: host.map(str::to_owned),
            ..Route::new(
                name,
                methods,
                path,
                "",
                Origin::parse("http://127.0.0.1:9").unwrap(),
            )
        }
    }

    const GET: [Method; 1] = [Method::GET];
    const BOTH: [Method; 2] = [Method::GET, Method::POST];

    fn decided(routes: &Routes, host: &str, path: &str) -> String {
        match routes.decide(Some(host), &Method::GET, &path.parse().unwrap()) {
            Ok((rule, _)) => rule.name.to_string(),
            Err(error) => error.status().as_u16().to_string(),
        }
    }

    #[test]
    fn a_declared_host_has_its_own_routes_and_no_other() {
        let routes = Routes::with_declared(
            vec![route("shop", None, "/courses/*", &GET)],
            vec![
                route("app", Some("App.test"), "/*", &GET),
                route("notes", None, "/notes/*", &GET),
            ],
        )
        .unwrap();
        for (host, path, name) in [
            ("shop.test", "/courses/1", "shop"),
            ("shop.test", "/notes/1", "notes"),
            ("shop.test", "/x", "404"),
            ("app.test", "/courses/1", "app"),
            ("app.test", "/notes/1", "app"),
            ("app.test", "/", "404"),
            ("app.test:8443", "/courses/1", "shop"),
            ("app.test", "/a//b", "400"),
            ("app.test", "/a/%2e%2e/b", "400"),
        ] {
            assert_eq!(decided(&routes, host, path), name, "{host}{path}");
        }
        assert!(routes.declares("app.test") && !routes.declares("shop.test"));
    }

    #[test]
    fn routes_that_hide_each_other_are_refused_with_both_names() {
        let builtin = || vec![route("catalog", None, "/api/catalog/*", &BOTH)];
        let error = |declared| {
            Routes::with_declared(builtin(), declared)
                .unwrap_err()
                .to_string()
        };
        for (declared, names) in [
            (
                vec![route("mine", None, "/api/catalog/v1/*", &GET)],
                ["mine", "catalog"],
            ),
            (vec![route("mine", None, "/api/*", &GET)], ["mine", "catalog"]),
            (
                vec![route("mine", None, "/api/catalog/x", &GET)],
                ["mine", "catalog"],
            ),
            (
                vec![route("mine", None, "/language", &GET)],
                ["mine", "/language"],
            ),
            (
                vec![route("mine", None, "/.latchkey/x", &GET)],
                ["mine", "/.latchkey/x"],
            ),
            (
                vec![route("mine", Some("a.test"), "/.latchkey/*", &GET)],
                ["mine", "/.latchkey/*"],
            ),
            (
                vec![
                    route("wide", None, "/a/*", &BOTH),
                    route("narrow", None, "/a/b/*", &GET),
                ],
                ["wide", "narrow"],
            ),
            (
                vec![route("one", None, "/a/*", &GET), route("two", None, "/a/*", &GET)],
                ["one", "two"],
            ),
            (
                vec![
                    route("one", Some("a.test"), "/a", &GET),
                    route("two", Some("A.test"), "/a", &GET),
                ],
                ["one", "two"],
            ),
        ] {
            let said = error(declared);
            assert!(names.iter().all(|name| said.contains(name)), "{said}");
        }
    }

    #[test]
    fn routes_beside_each_other_are_accepted() {
        for declared in [
            vec![
                route("wide", None, "/a/*", &GET),
                route("narrow", None, "/a/b/*", &BOTH),
            ],
            vec![
                route("wide", None, "/a/*", &BOTH),
                route("reads", None, "/a/b", &GET),
                route("writes", None, "/a/b", &[Method::POST]),
            ],
            vec![
                route("one", Some("a.test"), "/a", &GET),
                route("two", Some("b.test"), "/a", &GET),
            ],
            vec![route("api", Some("a.test"), "/api/catalog/*", &GET)],
        ] {
            Routes::with_declared(vec![route("catalog", None, "/api/catalog/*", &BOTH)], declared).unwrap();
        }
    }

    #[test]
    fn the_edges_own_host_is_not_given_away() {
        let routes = Routes::new(vec![route("app", Some("shop.test"), "/*", &GET)]).unwrap();
        assert!(matches!(
            routes.check(None, "shop.test"),
            Err(ConfigError::OwnHost { .. })
        ));
        assert!(routes.check(None, "other.test").is_ok());
    }

    #[test]
    fn a_host_is_an_authority_and_nothing_more() {
        for host in [
            "",
            "*.test",
            "a@b.test",
            "a.test/x",
            "https://a.test",
            "a test",
            "a.test.",
            "a.test:x",
        ] {
            let refused = Routes::new(vec![route("a", Some(host), "/a", &GET)]);
            assert!(matches!(refused, Err(ConfigError::Host { .. })), "{host}");
        }
    }
}
