//! The gateway, and the table of its routes.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::Request;
use axum::middleware::map_request;
use http::HeaderValue;
use http::header::COOKIE;
use latchkey_gateway::{Gateway, Origin, Route};
use latchkey_guard::Guard;
use latchkey_http::probes::{self, Ready};
use latchkey_http::{Bound, Limits};
use latchkey_kit::ServiceSpec;

use super::Starting;
use super::edge_routes::{EdgeRoutes, RouteGuards, metadata_at};
use crate::config::Role;
use crate::config::edge::{LARGEST, LONGEST_S};
use crate::error::StartError;

impl Starting {
    pub(super) async fn gateway(&mut self, bound: Bound) -> Result<(), StartError> {
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
        let builtin = declared(&upstreams, pages.as_ref());
        let guards = RouteGuards::new(self.guard_source()?);
        let settings = self.config.edge.clone();
        let routes = guards.table(&builtin, &settings).map_err(failed)?;
        let mut options = latchkey_gateway::Options::new(Origin::parse(&shop).map_err(failed)?);
        options.origins = self.origins(&shop, bound.port());
        options.language.clone_from(&self.config.language);
        options.ca = self.tls.verifier();
        options.address_limits.unlimited = self.config.unlimited_networks.clone();
        options.stop = self.serving.stopping();
        let hosts = self
            .hosts(&bound, Some(&shop))
            .and_declared(options.declared_hosts.clone());
        let mut logins = None;
        if let Some(settings) = &settings.sign_in {
            let (sign_in, sessions) = self.edge_sign_in(settings).await?;
            (options.sign_in, logins) = (Some(sign_in), Some(sessions));
        }
        let gateway =
            Gateway::new(routes, options, self.clock.clone(), self.random.clone()).map_err(failed)?;
        let gateway = Arc::new(gateway);
        let (body, answer) = match &self.config.edge_file {
            // Routes that are added later may allow as much; the edge has each route's own limits.
            Some(_) => (LARGEST, LONGEST_S + 5),
            None => (gateway.largest_body(), 35),
        };
        // The gateway has its own limits for each route; those of the listener are the outer bound.
        let limits = Limits {
            body: usize::try_from(body).unwrap_or(usize::MAX),
            answer: Duration::from_secs(answer),
            ..Limits::default()
        };
        let at_start = guards.all();
        if let Some(file) = self.config.edge_file.clone() {
            let routes = EdgeRoutes {
                gateway: gateway.clone(),
                builtin: Arc::new(builtin),
                guards,
                started: settings,
                file,
                metadata: metadata_at(&self.identity_url()),
                client: self.tls.client()?,
                asked: self.reload_routes.clone(),
            };
            self.background
                .keep("edge_routes", move |stop| routes.clone().follow(stop));
        }
        // The routes of a later reload wait for their own guard, and not the whole edge with them.
        let ready = self.background.watched(Ready::new());
        let ready = match at_start.is_empty() {
            true => ready,
            false => ready.when("guards", move || at_start.iter().all(Guard::ready)),
        };
        self.ready.push((Role::Gateway.name(), ready.clone()));
        let edge = latchkey_gateway::router(gateway);
        let edge = match logins {
            // The layer of sessions takes cookies away that it could misread: all services get theirs as they were sent.
            Some(logins) => logins
                .sessions(edge.layer(map_request(async |request: Request| cookies_back(request))))
                .layer(map_request(async |request: Request| cookies_kept(request))),
            None => edge,
        };
        self.serve(
            Role::Gateway,
            bound,
            hosts,
            limits,
            edge.merge(probes::router(ready)),
        );
        Ok(())
    }
}

/// The cookies of a request as a browser sent them.
#[derive(Clone)]
struct CookiesAsSent(Vec<HeaderValue>);

fn cookies_kept(mut request: Request) -> Request {
    let lines = request.headers().get_all(COOKIE).iter().cloned().collect();
    request.extensions_mut().insert(CookiesAsSent(lines));
    request
}

fn cookies_back(mut request: Request) -> Request {
    if let Some(CookiesAsSent(lines)) = request.extensions_mut().remove() {
        request.headers_mut().remove(COOKIE);
        for line in lines {
            request.headers_mut().append(COOKIE, line);
        }
    }
    request
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
