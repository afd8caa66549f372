//! The gateway, and the table of its routes.

use std::time::Duration;

use latchkey_gateway::{Gateway, Origin, Route, Routes};
use latchkey_http::probes::{self, Ready};
use latchkey_http::{Bound, Limits};
use latchkey_kit::ServiceSpec;

use super::Starting;
use crate::config::Role;
use crate::error::StartError;

impl Starting {
    pub(super) fn gateway(&mut self, bound: Bound) -> Result<(), StartError> {
        let failed = |error: latchkey_gateway::ConfigError| StartError::Gateway(error.to_string());
        let shop = self.urls.shop.clone().unwrap_or_default();
        let mut upstreams = Vec::new();
        for spec in self.config.services {
            let Some(url) = self.reached(Role::Service(spec.name())) else {
                tracing::info!(
                    service = spec.name(),
                    "the edge does not serve it: its url is not set"
                );
                continue;
            };
            upstreams.push((*spec, Origin::parse(&url).map_err(failed)?));
        }
        let pages = self.reached(Role::Storefront);
        let pages = pages.map(|url| Origin::parse(&url)).transpose().map_err(failed)?;
        let routes = Routes::new(declared(&upstreams, pages.as_ref())).map_err(failed)?;
        let mut options = latchkey_gateway::Options::new(Origin::parse(&shop).map_err(failed)?);
        options.origins = self.origins(&shop, bound.port());
        options.language.clone_from(&self.config.language);
        options.ca = self.tls.roots()?;
        options.address_limits.unlimited = self.config.unlimited_networks.clone();
        let gateway =
            Gateway::new(routes, options, self.clock.clone(), self.random.clone()).map_err(failed)?;
        let body = usize::try_from(gateway.largest_body()).unwrap_or(usize::MAX);
        let hosts = self.hosts(&bound, Some(&shop));
        // The gateway has its own limits for each route; those of the listener are the outer bound.
        let limits = Limits {
            body,
            answer: Duration::from_secs(35),
            ..Limits::default()
        };
        let router =
            latchkey_gateway::router(gateway).merge(probes::router(self.background.watched(Ready::new())));
        self.serve(Role::Gateway, bound, hosts, limits, router);
        Ok(())
    }
}

/// All routes of the edge. Anything else does not exist.
fn declared(services: &[(&'static ServiceSpec, Origin)], pages: Option<&Origin>) -> Vec<Route> {
    use http::Method;
    let get = [Method::GET];
    let mut routes = Vec::new();
    for (spec, upstream) in services {
        for edge in spec.edge_routes() {
            let route = Route::new(
                spec.name(),
                &edge.methods,
                &edge.path,
                &edge.strip,
                upstream.clone(),
            );
            routes.push(Route {
                streaming: edge.streaming,
                secret: edge.secret,
                body_cap: edge.body.and_then(|size| u64::try_from(size).ok()),
                ..route
            });
        }
    }
    if let Some(pages) = pages {
        let page = |methods: &[Method], path: &str| {
            Route::new("storefront", methods, path, "", pages.clone()).pages()
        };
        let reading = [
            "/",
            "/courses",
            "/categories/*",
            "/covers/*",
            "/static/*",
            "/_design",
            "/signin",
            "/callback",
            "/teach",
            "/basket",
            "/orders",
            "/wallet",
            "/library",
            "/wishlist",
            "/admin",
        ];
        routes.extend(reading.map(|path| page(&get, path)));
        let writing = [
            "/theme",
            "/signout",
            "/backchannel-logout",
            "/csp-report",
            "/basket/*",
            "/wishlist/*",
            "/library/*",
        ];
        routes.extend(writing.map(|path| page(&[Method::POST], path)));
        let both = [Method::GET, Method::POST];
        let changing = [
            "/courses/*",
            "/teach/*",
            "/admin/*",
            "/checkout",
            "/learn/*",
            "/wallet/*",
        ];
        routes.extend(changing.map(|path| page(&both, path)));
        routes.push(page(&both, "/orders/*").streaming());
        routes.push(Route {
            body_cap: u64::try_from(latchkey_storefront::LONGEST_FORM).ok(),
            ..page(&[Method::POST], "/teach/photo/*")
        });
    }
    routes
}
