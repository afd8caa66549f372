//! A running process, and its end.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use latchkey_bus::{EventBus, RevocationLog};
use latchkey_identity::Identity;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::embedded::{self, DemoFile};
use crate::supervise::{Lost, Supervisor};
use crate::tls::Watch;

/// How long requests at the edge are waited for before those behind it stop as well.
const EDGE_FIRST: Duration = Duration::from_secs(5);

/// The addresses of a running process, without trailing slashes.
#[derive(Clone, Debug, Default)]
pub struct Urls {
    /// The public issuer.
    pub issuer: String,
    /// The address of the edge.
    pub shop: Option<String>,
    /// The address of the admin listener.
    pub admin: Option<String>,
    /// The address of each service.
    pub services: BTreeMap<String, String>,
    /// The certificate of the local authority, if there is one.
    pub ca_file: Option<PathBuf>,
}

/// A running process.
pub struct Running {
    /// Its addresses.
    pub urls: Urls,
    /// The identity provider, if this process plays it.
    pub identity: Option<Identity>,
    /// The event bus.
    pub bus: EventBus,
    /// The revocation log.
    pub revocation_log: RevocationLog,
    /// The content of `demo.json`, if this is a demo.
    pub demo: Option<DemoFile>,
    pub(crate) demo_path: Option<PathBuf>,
    /// Held while a demo runs: two processes on one folder would change each other's secrets.
    pub(crate) lock: Option<std::fs::File>,
    pub(crate) fatal: CancellationToken,
    pub(crate) lost: Lost,
    /// Looks after the files of the certificate, if there are any.
    pub(crate) certificate: Option<Arc<Watch>>,
    pub(crate) edge_serving: Supervisor,
    pub(crate) reload_routes: Arc<Notify>,
    pub(crate) serving: Supervisor,
    pub(crate) background: Supervisor,
    pub(crate) relays: Supervisor,
    pub(crate) databases: Vec<latchkey_db::Db>,
    pub(crate) export: Option<latchkey_telemetry::Export>,
}

/// Why a process ends on its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Broken {
    /// A commit ended in an I/O error.
    Disk,
    /// A background task failed repeatedly.
    Task(&'static str),
}

impl Running {
    /// Resolves when the process must end on its own.
    pub async fn broken(&self) -> Broken {
        tokio::select! {
            () = self.fatal.cancelled() => Broken::Disk,
            task = self.lost.wait() => Broken::Task(task),
        }
    }

    /// Reads again what can change while it runs: the routes of the edge, and the files of the certificate.
    pub async fn reload(&self) {
        self.reload_routes.notify_one();
        if let Some(watch) = &self.certificate {
            watch.clone().look(true).await;
        }
    }

    /// Lets work in progress finish, then closes everything.
    pub async fn stop(self) {
        let mut edge = pin!(self.edge_serving.stop());
        // What streams through it may go on until those behind it end.
        match tokio::time::timeout(EDGE_FIRST, &mut edge).await {
            Ok(()) => self.serving.stop().await,
            Err(_) => drop(tokio::join!(edge, self.serving.stop())),
        }
        self.background.stop().await;
        // The relays go last: what the last requests, and whatever went on beside them, have written still leaves.
        self.relays.stop().await;
        for db in &self.databases {
            db.close().await;
        }
        self.bus.close().await;
        self.revocation_log.close().await;
        if let Some(export) = self.export {
            // It blocks, for two seconds at most.
            let _ended = tokio::task::spawn_blocking(move || export.stop()).await;
        }
        drop(self.lock);
        if let Some(path) = &self.demo_path
            && let Err(error) = embedded::remove(path)
        {
            tracing::warn!(error = %error, "demo.json cannot be removed");
        }
    }
}
