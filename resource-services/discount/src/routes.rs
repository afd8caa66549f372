//! HTTP to domain and back.

pub mod coupons;
pub mod quotes;
pub mod views;

use axum::extract::FromRequestParts;
use axum::response::{IntoResponse, Response};
use http::request::Parts;
use http::{HeaderValue, header};
use latchkey_http::{ClientAddress, subscriber};
use latchkey_kit::Authenticated;

use crate::Error;
use crate::commands::quotes::Asker;
use crate::domain::DomainError;

/// The address by which guesses are counted. Loopback is not counted: it is the other services of the same host, which
/// ask for everybody.
pub struct GuessAddress(Option<String>);

impl<S: Send + Sync> FromRequestParts<S> for GuessAddress {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Self::Rejection> {
        let address = parts.extensions.get::<ClientAddress>();
        let address = address.map(|ClientAddress(address)| subscriber(*address));
        let counted = address.filter(|address| !address.is_loopback());
        Ok(Self(counted.map(|address| address.to_string())))
    }
}

impl GuessAddress {
    fn of(self, who: &Authenticated) -> Asker {
        Asker {
            user_id: who.access.sub().to_owned(),
            address: self.0,
        }
    }
}

/// The response to an error; one about too many guesses says when to try again.
fn refuse(error: Error) -> Response {
    let seconds = match &error {
        Error::Rejected(DomainError::TooManyCodes { seconds }) => Some(*seconds),
        _ => None,
    };
    let mut response = error.into_response();
    if let Some(seconds) = seconds {
        response
            .headers_mut()
            .insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}
