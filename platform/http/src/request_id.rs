//! The id of a request: created by the first listener, and included in the log and in every error response. With it goes
//! the address of the client, which the log names where a client is refused.

use std::fmt;
use std::net::IpAddr;

use http::HeaderValue;
use latchkey_trace::{Scope, scoped};

use crate::proxies::ClientAddress;

tokio::task_local! {
    pub(crate) static CURRENT: CurrentRequest;
}

/// What every line of the log may need to know of the request that a task handles.
#[derive(Clone, Copy)]
pub(crate) struct CurrentRequest {
    pub id: RequestId,
    /// `None` outside of a request.
    pub client: Option<ClientAddress>,
    /// The role that answers; empty outside of a request.
    pub role: &'static str,
}

/// 128 random bits in hexadecimal: also a valid W3C trace id.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct RequestId([u8; 32]);

/// The id of the request that this task handles; zeros outside of a request.
pub fn current_request_id() -> RequestId {
    current().id
}

/// The address of the client whose request this task handles, as [`ClientAddress`]; `None` outside of a request.
pub fn current_client_address() -> Option<IpAddr> {
    current().client.map(|ClientAddress(address)| address)
}

fn current() -> CurrentRequest {
    CURRENT.try_with(|current| *current).unwrap_or(CurrentRequest {
        id: RequestId([b'0'; 32]),
        client: None,
        role: "",
    })
}

/// The id of the request that this task handles, and the role that answers it, for a line of the log.
pub fn current_request() -> Option<(RequestId, &'static str)> {
    let current = CURRENT.try_with(|current| (current.id, current.role)).ok();
    // A task that was spawned outside of a request has an id of zeros, which no request has.
    current.filter(|(_, role)| !role.is_empty())
}

/// Runs work in its own task, which a disconnect does not cancel, as a part of the current request.
pub fn spawn<F>(work: F) -> tokio::task::JoinHandle<F::Output>
where
    F: Future<Output: Send + 'static> + Send + 'static,
{
    tokio::spawn(scoped(Scope::capture(), CURRENT.scope(current(), work)))
}

impl RequestId {
    /// An id from random bytes.
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        let mut text = [0; 32];
        hex::encode_to_slice(bytes, &mut text).expect("16 bytes are 32 digits");
        Self(text)
    }

    /// Parses an id that another of our listeners has created.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes: [u8; 32] = text.as_bytes().try_into().ok()?;
        bytes
            .iter()
            .all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
            .then_some(Self(bytes))
    }

    /// The bytes of the id; an id that begins a trace is its trace id.
    pub fn bytes(&self) -> [u8; 16] {
        let mut bytes = [0; 16];
        hex::decode_to_slice(self.0, &mut bytes).expect("32 digits are 16 bytes");
        bytes
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    pub(crate) fn header(&self) -> HeaderValue {
        HeaderValue::from_bytes(&self.0).unwrap_or(HeaderValue::from_static(""))
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_task_outside_of_a_request_belongs_to_none() {
        let of_nobody = spawn(async { current_request().is_none() }).await;
        assert!(of_nobody.expect("it ends"));
    }
}
