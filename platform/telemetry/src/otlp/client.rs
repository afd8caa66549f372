//! The calls to the collector, on the runtime of the process and with its TLS.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use tokio::runtime::Handle;

/// The most that is read of an answer.
const LONGEST: usize = 64 * 1024;

/// The exporter waits in a thread of its own, which has no runtime; the call is made on that of the process.
pub(super) struct Client {
    client: reqwest::Client,
    runtime: Handle,
    patience: Duration,
    /// Whether the last export failed.
    away: AtomicBool,
}

impl Client {
    pub fn new(client: reqwest::Client, patience: Duration) -> Self {
        Self {
            client,
            runtime: Handle::current(),
            patience,
            away: AtomicBool::new(false),
        }
    }

    /// Says once that the collector is away, and once that it is there again.
    fn tell(&self, failed: Option<&str>) {
        let was_away = self.away.swap(failed.is_some(), Ordering::Relaxed);
        match failed {
            Some(reason) if !was_away => {
                tracing::warn!(
                    reason,
                    "traces cannot be exported; they are lost until the collector takes them"
                );
            }
            None if was_away => tracing::info!("traces are exported again"),
            Some(_) | None => {}
        }
    }
}

#[async_trait]
impl HttpClient for Client {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let (parts, body) = request.into_parts();
        let call = self
            .client
            .request(parts.method, parts.uri.to_string())
            .headers(parts.headers)
            .timeout(self.patience)
            .body(body);
        // The address may have a key in it.
        let done = self
            .runtime
            .spawn(async move { read(call).await.map_err(reqwest::Error::without_url) });
        match done.await {
            Ok(Ok(response)) => {
                let status = response.status();
                self.tell((!status.is_success()).then_some(status.as_str()));
                Ok(response)
            }
            Ok(Err(error)) => {
                self.tell(Some(&error.to_string()));
                Err(error.into())
            }
            Err(ended) => Err(ended.into()),
        }
    }
}

async fn read(call: reqwest::RequestBuilder) -> reqwest::Result<Response<Bytes>> {
    let mut answer = call.send().await?;
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await? {
        if body.len() + chunk.len() > LONGEST {
            body.clear();
            break;
        }
        body.extend_from_slice(&chunk);
    }
    let mut response = Response::new(Bytes::from(body));
    *response.status_mut() = answer.status();
    if let Some(after) = answer.headers().get(reqwest::header::RETRY_AFTER) {
        response
            .headers_mut()
            .insert(reqwest::header::RETRY_AFTER, after.clone());
    }
    Ok(response)
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Client")
    }
}
