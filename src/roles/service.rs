//! A service of the list behind its guard, and its client for calls to other services.

use latchkey_bus::Relay;
use latchkey_http::probes::Ready;
use latchkey_http::{Bound, Limits};
use latchkey_identity::{ClientSecret, NewClient, Seeded};
use latchkey_kit::{Calls, CallsConfig, Context, DemoUser, Files, ServiceSpec};
use latchkey_protocol::client::Grant;
use latchkey_protocol::metadata::path;
use latchkey_trace::{Scope, scoped};
use serde_json::{Value, json};

use super::{Starting, task};
use crate::config::{GuardClient, Role};
use crate::demo;
use crate::error::StartError;

impl Starting {
    pub(super) async fn service(
        &mut self,
        spec: &'static ServiceSpec,
        bound: Bound,
        seeded: &Seeded,
    ) -> Result<(), StartError> {
        let role = Role::Service(spec.name());
        let db = self
            .open(role, &self.config[role].database.clone(), &spec.tables())
            .await?;
        let guard = self.guard(role, spec.resource.audience)?;
        let mut context = Context::new(
            spec.resource,
            db.clone(),
            self.clock.clone(),
            self.random.clone(),
            CURRENCY,
        )
        .with_settings(self.config.refunds)
        .with_settings(self.config.sales.clone());
        if let Some(calls) = self.calls(spec).await? {
            context = context.calling(calls);
        }
        if spec.files {
            let files = Files::open(&self.config[role].store).map_err(|error| StartError::Service {
                service: spec.name(),
                reason: format!("store: {}", latchkey_http::reasons(&error)),
            })?;
            context = context.keeping(files);
        }
        if spec.operator {
            context = context.operating(self.bus.clone());
        }
        if let (true, Some(fill)) = (self.config.demo, spec.demo) {
            let users = seeded.users.iter().map(|user| DemoUser {
                id: user.id.clone(),
                display_name: user.display_name.clone(),
                roles: user.roles.clone(),
            });
            fill(context.clone(), users.collect())
                .await
                .map_err(|reason| StartError::Service {
                    service: spec.name(),
                    reason,
                })?;
        }
        let (bus, clock) = (self.bus.clone(), self.clock.clone());
        self.relays.keep(task(role, "relay"), move |stop| {
            Relay::new(bus.clone(), db.clone(), clock.clone()).run(stop)
        });
        for consumer in spec.consumers {
            let (bus, context, scope) = (self.bus.clone(), context.clone(), self.background_scope());
            self.background.keep(task(role, "consumer"), move |stop| {
                scoped(scope.clone(), consumer.run(bus.clone(), context.clone(), stop))
            });
        }
        for work in spec.tasks {
            let (context, scope) = (context.clone(), self.background_scope());
            self.background.keep(task(role, work.name), move |stop| {
                scoped(scope.clone(), (work.run)(context.clone(), stop))
            });
        }
        self.guards.push((role.name(), guard.clone()));
        let ready = {
            let guard = guard.clone();
            Ready::new().when("guard", move || guard.ready())
        };
        let hosts = self.hosts(&bound, None);
        let router = spec.router(context, guard);
        let limits = Limits {
            body: spec.largest_body(),
            ..Limits::default()
        };
        self.serve(role, bound, hosts, limits, router);
        self.ready.push((role.name(), ready));
        Ok(())
    }

    /// The scope in which background work records spans, if any are exported.
    fn background_scope(&self) -> Option<Scope> {
        Some(self.export.as_ref()?.tracer().background())
    }

    /// The client of the other services, for a service that calls any.
    async fn calls(&self, spec: &'static ServiceSpec) -> Result<Option<Calls>, StartError> {
        if spec.calls.is_empty() {
            return Ok(None);
        }
        let (Some(client), Some(edge)) = (self.calling_client(spec).await?, self.edge_url()) else {
            return Ok(None);
        };
        Ok(Some(Calls::new(CallsConfig {
            edge: format!("{edge}/api"),
            token_endpoint: format!("{}{}", self.identity_url(), path::TOKEN),
            client_id: client.id,
            client_secret: client.secret,
            client: self.tls.client()?,
            clock: self.clock.clone(),
        })))
    }

    /// The service's client at the issuer: in the demo one of its own, whose secret lives as long as the process, and
    /// otherwise the configured one of the guards.
    async fn calling_client(&self, spec: &'static ServiceSpec) -> Result<Option<GuardClient>, StartError> {
        let Some(identity) = self.identity.as_ref().filter(|_| self.config.demo) else {
            return Ok(self.config.guard_client.clone());
        };
        let client = GuardClient {
            id: spec.name().to_owned(),
            secret: demo::text(&self.random.bytes::<52>()),
        };
        let mut metadata = calling_metadata(spec);
        metadata["client_id"] = client.id.clone().into();
        let failed = |reason: String| StartError::Service {
            service: spec.name(),
            reason,
        };
        let metadata = serde_json::from_value(metadata).map_err(|error| failed(error.to_string()))?;
        let new = NewClient {
            metadata,
            secret: Some(ClientSecret::Generated(client.secret.clone())),
        };
        let put = identity.clients().put(new, "up").await;
        put.map_err(|error| failed(error.to_string()))?;
        Ok(Some(client))
    }
}

/// What a service's client may exchange the tokens of its callers for.
pub(crate) fn calling_metadata(spec: &ServiceSpec) -> Value {
    let rule = |target: &latchkey_kit::Target| {
        json!({
            "subject_resource": spec.resource.audience,
            "resource": target.resource.audience,
            "scope": target.scope.name,
        })
    };
    json!({
        "client_name": spec.resource.title,
        "grant_types": [Grant::TokenExchange.name()],
        "token_exchange": spec.calls.iter().map(rule).collect::<Vec<_>>(),
    })
}

/// The only currency of the shop.
const CURRENCY: &str = "EUR";
