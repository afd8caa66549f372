//! A server with a second resource and a client of every kind.

use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use latchkey::config::Config;
use latchkey_protocol::revocation::Revocation;
use latchkey_testkit::issuer::seed;

use super::{CATALOG, Issuer, TestServer, call, until};

pub struct World {
    pub server: TestServer,
    pub data: PathBuf,
    issuer: Issuer,
}

impl World {
    pub async fn new() -> Self {
        Self::with(|_| {}).await
    }

    pub async fn with(change: impl FnOnce(&mut Config)) -> Self {
        let mut data = PathBuf::new();
        let server = TestServer::with(|config| {
            let path = config.data.with_file_name("world.toml");
            std::fs::write(&path, seed()).expect("the seed is written");
            config.seeds.push(path);
            change(config);
            data = config.data.clone();
        })
        .await;
        let issuer = server.inside();
        Self { server, data, issuer }
    }

    /// A world whose files stay in `home` when it is stopped, so that another can begin where it ended.
    pub async fn at(home: &Path, issuer: &str) -> Self {
        Self::with(|config| {
            config.issuer = Some(issuer.to_owned());
            config.data = home.join("data");
            config.keys = home.join("keys");
            let file = |name: &str| format!("sqlite:{}", home.join(format!("data/{name}.db")).display());
            config.bus = file("bus");
            for (role, place) in &mut config.places {
                if !place.database.is_empty() {
                    place.database = file(role.name());
                }
            }
        })
        .await
    }

    /// After the clock was moved: waits until the guard has heard from the bus again.
    pub async fn settle(&self) {
        static ROUND: AtomicU64 = AtomicU64::new(0);
        let jti = format!("settle-{}", ROUND.fetch_add(1, Ordering::Relaxed));
        let token = self.machine("m-basic").token().await;
        let revocation = Revocation::Token {
            jti,
            client_id: "m-basic".to_owned(),
            sub: None,
            aud: CATALOG.to_owned(),
            exp: self.now().seconds() + 1,
        };
        // Something new makes the log speak before its next beat.
        self.end(revocation).await.expect("it ends");
        until("the guard has settled", async || {
            call(&token, &self.whoami()).await.status == 200
        })
        .await;
    }

    pub fn whoami(&self) -> String {
        format!(
            "{}/catalog/v1/whoami",
            self.server.running().urls.services["catalog"]
        )
    }
}

impl Deref for World {
    type Target = Issuer;

    fn deref(&self) -> &Issuer {
        &self.issuer
    }
}
