//! Connects a guard with an issuer whose addresses are known, so that the guard checks the revocations that it receives.
//! Feature `http`.

use std::future::Future;

use reqwest::Client;

use crate::builder::GuardBuilder;
use crate::clock::Clock;
use crate::feed::Feed;
use crate::guard::Guard;
use crate::http::introspector;
use crate::keys::Keys;
use crate::signals::Signals;

/// Where the issuer is reached, and the client that the service uses there.
#[derive(Clone)]
pub struct Connection {
    /// The addresses of the issuer's endpoints.
    pub endpoints: Endpoints,
    /// The client id. The client must be confidential and may introspect tokens of this audience.
    pub client_id: String,
    /// The client secret.
    pub client_secret: String,
    /// The HTTP client. It should not follow redirects.
    pub client: Client,
}

/// The endpoint addresses of an issuer; they need not begin with the issuer itself.
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
    /// The addresses of a Latchkey issuer that is reached at `url`.
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
    /// Starts building a guard for one resource that fetches the issuer's keys, listens to its revocation feed and
    /// introspects while the feed is lost, for the exact issuer and audience of its tokens. `Guard::connect` finds the
    /// addresses by itself.
    pub fn connect_at(
        issuer: impl Into<String>,
        audience: impl Into<String>,
        connection: Connection,
    ) -> GuardBuilder<Connection> {
        GuardBuilder::new(issuer.into(), audience.into(), connection)
    }
}

impl GuardBuilder<Connection> {
    /// Builds the guard and the task that keeps it current: until the task runs, the guard refuses everything.
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

    /// Builds the guard and spawns a task that keeps it current until `shutdown`. Must be called inside a tokio
    /// runtime.
    pub fn start(self, shutdown: impl Future<Output = ()> + Send + 'static) -> Guard {
        let (guard, listening) = self.build();
        tokio::spawn(listening.run(shutdown));
        guard
    }
}

/// The connection of a guard to its issuer: the revocation feed and the keys.
#[must_use = "without this task the guard refuses every request"]
#[derive(Clone)]
pub struct Listening {
    keys: Keys,
    signals: Signals,
    feed: Feed,
    clock: Clock,
}

impl Listening {
    /// Runs until `shutdown`, reconnecting after every interruption.
    pub async fn run(self, shutdown: impl Future<Output = ()>) {
        let refreshing = self.keys.clone().run(std::future::pending());
        let hearing = self.feed.listen(&self.signals, &self.keys, &self.clock);
        tokio::select! {
            () = shutdown => {}
            ((), ()) = futures::future::join(refreshing, hearing) => {}
        }
    }
}
