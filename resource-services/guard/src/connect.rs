//! A guard and its issuer, connected by one call: what is heard of revocations is what the guard asks. Feature `http`.

use std::future::Future;

use reqwest::Client;

use crate::builder::GuardBuilder;
use crate::clock::Clock;
use crate::feed::Feed;
use crate::guard::Guard;
use crate::http::introspector;
use crate::keys::Keys;
use crate::signals::Signals;

/// Where the issuer is reached, and who we are to it.
#[derive(Clone)]
pub struct Connection {
    /// The addresses of its endpoints.
    pub endpoints: Endpoints,
    /// Our client id. The client must be confidential and may introspect tokens of our audience.
    pub client_id: String,
    /// Our secret.
    pub client_secret: String,
    /// With which to connect. It should follow no redirects.
    pub client: Client,
}

/// The addresses at which an issuer is asked; they need not begin with its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoints {
    /// `jwks_uri` of its metadata.
    pub jwks: String,
    /// `revocation_feed_endpoint`
    pub revocation_feed: String,
    /// `introspection_endpoint`
    pub introspection: String,
}

impl Endpoints {
    /// As a Latchkey issuer that is reached at `url` has them.
    pub fn of(url: &str) -> Self {
        let url = url.trim_end_matches('/');
        Self {
            jwks: format!("{url}/jwks"),
            revocation_feed: format!("{url}/revocations"),
            introspection: format!("{url}/introspect"),
        }
    }
}

impl Guard {
    /// Begin a guard for one resource that fetches the issuer's keys, hears of revocations by its feed and introspects
    /// while it does not. By the exact issuer and audience of its tokens.
    pub fn connect(
        issuer: impl Into<String>,
        audience: impl Into<String>,
        connection: Connection,
    ) -> GuardBuilder<Connection> {
        GuardBuilder::new(issuer.into(), audience.into(), connection)
    }
}

impl GuardBuilder<Connection> {
    /// The guard, and what keeps it true: it refuses everything until that runs.
    pub fn build(self) -> (Guard, Listening) {
        let Connection {
            endpoints,
            client_id,
            client_secret,
            client,
        } = self.source.clone();
        let clock = self.clock.clone();
        let keys = Keys::http_by(endpoints.jwks, client.clone(), clock.clone());
        let signals = Signals::new(clock.clone());
        let ask = introspector(
            &endpoints.introspection,
            &client_id,
            &client_secret,
            client.clone(),
        );
        let feed = Feed {
            url: endpoints.revocation_feed,
            client_id,
            client_secret,
            issuer: self.policy.issuer.clone(),
            client,
        };
        let builder = match self.introspect {
            Some(_) => self,
            None => self.introspect(ask),
        };
        let guard = builder.finish(keys.clone(), signals.clone());
        let listening = Listening {
            keys,
            signals,
            feed,
            clock,
        };
        (guard, listening)
    }

    /// The guard; a task of its own keeps it true until `shutdown`. Call it inside of a tokio runtime.
    pub fn start(self, shutdown: impl Future<Output = ()> + Send + 'static) -> Guard {
        let (guard, listening) = self.build();
        tokio::spawn(listening.run(shutdown));
        guard
    }
}

/// What a guard hears of its issuer: the feed of revocations and the keys.
#[must_use = "without this task the guard refuses every request"]
#[derive(Clone)]
pub struct Listening {
    keys: Keys,
    signals: Signals,
    feed: Feed,
    clock: Clock,
}

impl Listening {
    /// Listen until `shutdown`, through every interruption.
    pub async fn run(self, shutdown: impl Future<Output = ()>) {
        let refreshing = self.keys.clone().run(std::future::pending());
        let hearing = self.feed.listen(&self.signals, &self.keys, &self.clock);
        tokio::select! {
            () = shutdown => {}
            ((), ()) = futures::future::join(refreshing, hearing) => {}
        }
    }
}
