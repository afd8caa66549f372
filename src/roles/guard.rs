//! The guards of services, and their client at the issuer.

use std::sync::Arc;

use latchkey_guard::{Connection, Endpoints, Guard, Keys, Signals};
use latchkey_identity::{ClientSecret, Identity};
use latchkey_protocol::metadata::path;

use super::{Starting, task};
use crate::config::{GuardClient, Role, Signals as Source};
use crate::error::StartError;
use crate::{demo, signals};

impl Starting {
    /// A guard that fetches its keys over HTTP and receives revocations like in a separate process.
    pub(super) fn guard(&mut self, role: Role, audience: &str) -> Result<Guard, StartError> {
        let now = self.clock.clone();
        let clock: latchkey_guard::Clock = Arc::new(move || now.now_ms());
        let internal = self.identity_url();
        let endpoints = Endpoints {
            jwks: format!("{internal}{}", path::JWKS),
            revocation_feed: format!("{internal}{}", path::REVOCATIONS),
            introspection: format!("{internal}{}", path::INTROSPECT),
        };
        let client = self.tls.client()?;
        match (self.config.signals, &self.config.guard_client) {
            (Source::Feed, Some(asking)) => {
                let connection = Connection {
                    endpoints,
                    client_id: asking.id.clone(),
                    client_secret: asking.secret.clone(),
                    client,
                };
                let connecting = Guard::connect(&self.urls.issuer, audience, connection).clock(clock);
                let (guard, listening) = connecting.build();
                self.background.keep(task(role, "guard"), move |stop| {
                    listening.clone().run(stop.cancelled_owned())
                });
                Ok(guard)
            }
            (Source::Bus | Source::Feed, asking) => {
                let keys = Keys::http_by(endpoints.jwks, client.clone(), clock.clone());
                let signals = Signals::new(clock.clone());
                let mut guard =
                    Guard::builder(&self.urls.issuer, audience, keys.clone(), signals.clone()).clock(clock);
                if let Some(asking) = asking {
                    let url = &endpoints.introspection;
                    let ask = latchkey_guard::http::introspector(url, &asking.id, &asking.secret, client);
                    guard = guard.introspect(ask);
                }
                self.background.keep(task(role, "guard_keys"), move |stop| {
                    keys.clone().run(stop.cancelled_owned())
                });
                let (log, clock) = (self.revocation_log.clone(), self.clock.clone());
                self.background.keep(task(role, "guard_signals"), move |stop| {
                    signals::listen(log.clone(), signals.clone(), clock.clone(), stop)
                });
                Ok(guard.build())
            }
        }
    }

    /// The demo's guards have a client of their own, whose secret lives as long as the process.
    pub(super) async fn register_guard_client(&mut self, identity: &Identity) -> Result<(), StartError> {
        if !self.config.demo || self.config.guard_client.is_some() {
            return Ok(());
        }
        let asking = GuardClient {
            id: "latchkey-guards".to_owned(),
            secret: demo::text(&self.random.bytes::<52>()),
        };
        let metadata = serde_json::json!({
            "client_id": asking.id,
            "client_name": "The guards of this installation",
            "may_introspect": self.config.services.iter().map(|spec| spec.resource.audience).collect::<Vec<_>>(),
        });
        let failed = |error: String| StartError::Config(crate::config::ConfigError(error));
        let metadata = serde_json::from_value(metadata).map_err(|error| failed(error.to_string()))?;
        let new = latchkey_identity::NewClient {
            metadata,
            secret: Some(ClientSecret::Generated(asking.secret.clone())),
        };
        identity
            .clients()
            .put(new, "up")
            .await
            .map_err(|error| failed(error.to_string()))?;
        self.config.guard_client = Some(asking);
        Ok(())
    }
}
