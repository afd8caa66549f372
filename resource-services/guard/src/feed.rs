//! The receiver of the issuer's revocation feed: one long response of signed, ordered messages.

use std::time::Duration;

use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use reqwest::{Client, StatusCode};
use tokio::time::Instant;

use crate::clock::Clock;
use crate::feed_message::{Broken, Chain, Cursor, FeedMessage, Kind, Subscription};
use crate::http::{basic, describe};
use crate::keys::Keys;
use crate::signals::{NotLive, Signal, Signals};
use crate::sse::{Frame, Sse};
use crate::verify::TokenError;

/// Where the feed is, and the client that reads it. It runs as part of [`crate::Listening`], with the signals of the
/// guard.
#[derive(Clone)]
pub(crate) struct Feed {
    /// The address of the feed.
    pub url: String,
    /// The client id; messages must name it as their audience.
    pub client_id: String,
    /// The client secret.
    pub client_secret: String,
    /// The issuer that messages must name.
    pub issuer: String,
    /// The HTTP client.
    pub client: Client,
}

impl Feed {
    /// Keeps `signals` current for as long as it is awaited. A violation of the message order closes the connection,
    /// makes the feed not live and restarts with a snapshot; a mere disconnect resumes where it was.
    pub async fn listen(&self, signals: &Signals, keys: &Keys, clock: &Clock) {
        let mut resume = None;
        let mut failures = 0;
        loop {
            let mut chain = Chain::new(resume.take());
            let before = signals.last_live_ms();
            let ended = self.connection(&mut chain, signals, keys, clock).await;
            match &ended {
                Ended::Broken(_) => {
                    signals.apply(Signal::Reset);
                    failures += 1;
                }
                // The server may refuse because of the position to resume from.
                Ended::Rejected(_) => failures += 1,
                Ended::Dropped(_) => {
                    resume = chain.cursor().cloned();
                    failures = if signals.last_live_ms() == before {
                        failures + 1
                    } else {
                        0
                    };
                }
            }
            tracing::warn!(
                url = self.url,
                issuer = self.issuer,
                reason = %ended,
                failures,
                "the revocation feed was interrupted"
            );
            signals.troubled(self.trouble(ended));
            tokio::time::sleep(pause(failures, clock().unsigned_abs())).await;
        }
    }

    /// The error for callers that wait for the feed.
    fn trouble(&self, ended: Ended) -> NotLive {
        let url = self.url.clone();
        match ended {
            Ended::Broken(Broken::WrongIssuer { expected, found }) => {
                NotLive::WrongIssuer { url, expected, found }
            }
            Ended::Rejected(status) if FOR_AN_OPERATOR.contains(&status) => NotLive::Rejected {
                url,
                status: status.as_u16(),
            },
            ended @ (Ended::Broken(_) | Ended::Rejected(_) | Ended::Dropped(_)) => NotLive::Interrupted {
                url,
                reason: ended.to_string(),
            },
        }
    }

    /// Reads one connection to its end, which always comes.
    async fn connection(&self, chain: &mut Chain, signals: &Signals, keys: &Keys, clock: &Clock) -> Ended {
        let mut answer = match self.connect(chain.cursor()).await {
            Ok(answer) => answer,
            Err(ended) => return ended,
        };
        let mut sse = Sse::default();
        // Only messages count: a server that sends nothing but comments is silent.
        let mut heard = Instant::now();
        loop {
            let bytes = match tokio::time::timeout_at(heard + SILENCE, answer.chunk()).await {
                Ok(Ok(Some(bytes))) => bytes,
                Ok(Ok(None)) => return Ended::Dropped("the server closed the connection".to_owned()),
                Ok(Err(error)) => return Ended::Dropped(describe(error)),
                Err(_) => return Ended::Dropped(SILENT.to_owned()),
            };
            let frames = match sse.push(&bytes) {
                Ok(frames) => frames,
                Err(error) => return Ended::Dropped(error.to_string()),
            };
            for frame in frames {
                if let Err(broken) = self.take_in(&frame, chain, signals, keys, clock).await {
                    return Ended::Broken(broken);
                }
                heard = Instant::now();
            }
        }
    }

    async fn connect(&self, from: Option<&Cursor>) -> Result<reqwest::Response, Ended> {
        let mut request = self
            .client
            .get(&self.url)
            .header(AUTHORIZATION, basic(&self.client_id, &self.client_secret))
            .header(ACCEPT, "text/event-stream");
        if let Some(cursor) = from {
            request = request.header("last-event-id", cursor.to_string());
        }
        let answer = match tokio::time::timeout(SILENCE, request.send()).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => return Err(Ended::Dropped(describe(error))),
            Err(_) => return Err(Ended::Dropped("the server did not respond in time".to_owned())),
        };
        if answer.status().is_client_error() {
            return Err(Ended::Rejected(answer.status()));
        }
        let kind = answer
            .headers()
            .get(CONTENT_TYPE)
            .and_then(|kind| kind.to_str().ok())
            .unwrap_or("");
        if answer.status() != StatusCode::OK || !kind.starts_with("text/event-stream") {
            return Err(Ended::Dropped(format!(
                "the response was {} with content type {kind:?}",
                answer.status()
            )));
        }
        Ok(answer)
    }

    async fn take_in(
        &self,
        frame: &Frame,
        chain: &mut Chain,
        signals: &Signals,
        keys: &Keys,
        clock: &Clock,
    ) -> Result<(), Broken> {
        let kind = Kind::named(&frame.event).ok_or(Broken::UnknownEvent)?;
        let message = self.prove(&frame.data, kind, signals, keys, clock).await?;
        if message.unknown > 0 {
            tracing::warn!(
                entries = message.unknown,
                "the revocation feed contains revocations of an unknown kind"
            );
        }
        for signal in chain.accept(kind, message)? {
            signals.apply(signal);
        }
        Ok(())
    }

    /// Fetches a key that is not known yet, even during the cool-down: the message may announce that keys have changed.
    async fn prove(
        &self,
        data: &str,
        kind: Kind,
        signals: &Signals,
        keys: &Keys,
        clock: &Clock,
    ) -> Result<FeedMessage, Broken> {
        if let Some(kid) = FeedMessage::kid(data) {
            if signals.is_key_revoked(&kid) {
                return Err(Broken::NotProven(TokenError::KeyRevoked));
            }
            keys.seek_for_feed(&kid).await;
        }
        let to = Subscription {
            issuer: &self.issuer,
            client_id: &self.client_id,
        };
        let set = keys.current().unwrap_or_default();
        FeedMessage::parse(data, kind, &set, to, clock().div_euclid(1000))
    }
}

/// How a connection ended.
#[derive(Debug, thiserror::Error)]
enum Ended {
    /// The order or the origin of messages is in doubt.
    #[error("{0}")]
    Broken(Broken),
    /// The server rejected the request.
    #[error("the response status was {0}")]
    Rejected(StatusCode),
    /// The connection was lost; what was received before still counts.
    #[error("{0}")]
    Dropped(String),
}

/// A pause from 100 ms, doubling up to 5 s, whose upper half is random, so that guards that lost the same server do not
/// reconnect all at once. Pure: `dice` is the randomness.
pub(crate) fn pause(failures: u32, dice: u64) -> Duration {
    let longest = (100_u64 << failures.min(10)).min(5_000);
    // Knuth's multiplicative hash: adjacent milliseconds must not yield adjacent pauses.
    let spread = dice.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
    Duration::from_millis(longest / 2 + spread % (longest / 2 + 1))
}

/// Responses that repeat until an operator changes something.
const FOR_AN_OPERATOR: [StatusCode; 3] = [
    StatusCode::UNAUTHORIZED,
    StatusCode::FORBIDDEN,
    StatusCode::NOT_FOUND,
];
const SILENT: &str = "no data arrived for a long time: the server is unreachable, or a proxy in front of it buffers the response";

/// Heartbeats arrive every 5 s. The tests below wait less.
const SILENCE: Duration = if cfg!(test) {
    Duration::from_millis(200)
} else {
    Duration::from_secs(15)
};

#[cfg(test)]
mod upheaval;

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt as _;
    use tokio::net::TcpListener;

    use super::*;
    use crate::clock::system_clock;
    use crate::keyset::KeySet;

    #[tokio::test]
    async fn a_server_that_falls_silent_is_left_and_tried_again() {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let feed = Feed {
            url: format!("http://{}/feed", listener.local_addr().expect("an address")),
            client_id: "notes".into(),
            client_secret: "secret".into(),
            issuer: "https://id.example".into(),
            client: Client::builder().no_proxy().build().expect("a client"),
        };
        let signals = Signals::default();
        let heard = signals.clone();
        let running = tokio::spawn(async move {
            let keys = Keys::fixed(KeySet::default());
            feed.listen(&heard, &keys, &system_clock()).await;
        });
        let (mut silent_in_body, _) = listener.accept().await.expect("a first connection");
        let head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n: hello\n";
        silent_in_body.write_all(head).await.expect("written");
        let (_silent_from_the_start, _) = listener.accept().await.expect("a second connection");
        let _third = listener.accept().await.expect("a third connection");
        assert!(matches!(signals.trouble(), Some(NotLive::Interrupted { .. })));
        running.abort();
    }

    #[test]
    fn pauses_grow_to_five_seconds_and_never_beyond() {
        for failures in 0..100 {
            for dice in 0..100 {
                let ms = pause(failures, dice).as_millis();
                assert!((50..=5_000).contains(&ms), "{failures} {dice} {ms}");
            }
        }
        assert!(pause(0, 7).as_millis() <= 100 && pause(50, 7).as_millis() >= 2_500);
    }

    #[test]
    fn pauses_differ_between_guards_that_lost_the_same_server() {
        let pauses = (0..1_000_u64)
            .map(|dice| pause(9, dice))
            .collect::<std::collections::HashSet<_>>();
        assert!(pauses.len() > 100, "{}", pauses.len());
    }
}
