//! Metrics, health, the document of the events, and the mails that were kept instead of sent.

use std::collections::BTreeMap;

use axum::routing::get;
use axum::{Json, Router};
use latchkey_guard::{Guard, GuardHealth};
use latchkey_http::probes::{self, Ready};
use latchkey_http::{Bound, Limits, Problem};
use latchkey_identity::Identity;

use super::Starting;
use super::readings::Readings;
use crate::asyncapi;
use crate::config::Role;

impl Starting {
    pub(super) fn admin(&mut self, bound: Bound) {
        let readings = Readings::new(self);
        let (every, guards) = (self.ready.clone(), self.guards.clone());
        let ready = Ready::new().when("roles", move || every.iter().all(|(_, ready)| ready.is_ready()));
        let ready = self.background.watched(self.serving.watched(ready));
        let events = asyncapi::document(self.config.services);
        let router = Router::new()
            .route("/metrics", get(async move || readings.answer().await))
            .route("/asyncapi.json", get(async move || Json(events.clone())))
            .route("/health", get(async move || Json(health(&guards))))
            .merge(probes::router(ready))
            .merge(self.identity.as_ref().map(Identity::outbox).unwrap_or_default())
            .fallback(async || Problem::not_found());
        let hosts = self.hosts(&bound, None);
        self.serve(Role::Admin, bound, hosts, Limits::default(), router);
    }
}

/// The health of each guard: its keys, and the age of its feed. The details are for administrators.
fn health(guards: &[(&'static str, Guard)]) -> BTreeMap<&'static str, GuardHealth> {
    guards
        .iter()
        .map(|(role, guard)| (*role, guard.health()))
        .collect()
}
