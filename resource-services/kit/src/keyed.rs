//! Requests that take effect once: `Idempotency-Key`, JSON body, and the response that is stored with the effect.

use axum::extract::{FromRef, FromRequest, FromRequestParts, Request};
use axum::response::{IntoResponse, Response};
use http::Method;
use http::request::Parts;
use latchkey_http::idempotency::{self, Answer, KeyScope, ReplayState};
use latchkey_http::{IdempotencyKey, StrictJson};
use serde::de::DeserializeOwned;

use crate::{Authenticated, Context, Error, Reason, Transaction};

/// A JSON body `T` with the caller's idempotency key. Rejected before the body is read if there is no caller or no key.
pub struct Keyed<T> {
    pub who: Authenticated,
    pub value: T,
    context: Context,
    scope: KeyScope,
}

impl<S, T> FromRequest<S> for Keyed<T>
where
    S: Send + Sync,
    Context: FromRef<S>,
    T: DeserializeOwned,
{
    type Rejection = Response;

    async fn from_request(request: Request, state: &S) -> Result<Self, Response> {
        let (mut parts, body) = request.into_parts();
        let head = KeyedHead::from_request_parts(&mut parts, state).await?;
        let StrictJson { value, bytes } = StrictJson::from_request(Request::from_parts(parts, body), state)
            .await
            .map_err(IntoResponse::into_response)?;
        Ok(head.with(value, &bytes))
    }
}

/// The caller and their idempotency key, for a handler that reads the body itself.
pub struct KeyedHead {
    pub who: Authenticated,
    context: Context,
    method: Method,
    /// The path as sent: the use of a key includes the resource that it was used on.
    route: String,
    key: String,
}

impl<S> FromRequestParts<S> for KeyedHead
where
    S: Send + Sync,
    Context: FromRef<S>,
{
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Response> {
        let who = Authenticated::from_request_parts(parts, state)
            .await
            .map_err(IntoResponse::into_response)?;
        let IdempotencyKey(key) = IdempotencyKey::from_request_parts(parts, state)
            .await
            .map_err(IntoResponse::into_response)?;
        Ok(Self {
            who,
            context: Context::from_ref(state),
            method: parts.method.clone(),
            route: parts.uri.path().to_owned(),
            key,
        })
    }
}

impl KeyedHead {
    /// With what was read: `bytes` decides whether a later request with the key is the same one.
    pub fn with<T>(self, value: T, bytes: &[u8]) -> Keyed<T> {
        let scope = KeyScope {
            client: self.who.access.client_id().to_owned(),
            sub: self.who.access.sub().to_owned(),
            request_hash: idempotency::request_hash(self.method.as_str(), &self.route, bytes),
            route: self.route,
            key: self.key,
        };
        Keyed {
            who: self.who,
            value,
            context: self.context,
            scope,
        }
    }
}

impl<T: Send + 'static> Keyed<T> {
    /// The response that an earlier request with this key got, for work that asks other services before
    /// [`Keyed::once`]: their answers may have changed meanwhile, and a repeated request must not depend on them.
    pub async fn replayed<R: Reason>(&self) -> Result<Option<Response>, Error<R>> {
        let now = self.context.clock.now_ms();
        match idempotency::find(&self.context.db, &self.scope, now).await? {
            Some(ReplayState::Replay(answer)) => Ok(Some(answer.respond(true))),
            Some(ReplayState::OtherRequest) => Err(Error::KeyReused),
            Some(ReplayState::Fresh) | None => Ok(None),
        }
    }

    /// Runs `work` once: its response is stored under the key in the same transaction. A repeated request gets the same
    /// response, and another request with the key is rejected.
    pub async fn once<R, F, Fut>(self, work: F) -> Result<Response, Error<R>>
    where
        R: Reason,
        F: FnOnce(Transaction, Authenticated, T) -> Fut + Send + 'static,
        Fut: Future<Output = Result<Answer, Error<R>>> + Send + 'static,
    {
        let Self {
            who,
            value,
            context,
            scope,
        } = self;
        let (answer, replayed) = context
            .write(who.cause.clone(), move |t| async move {
                match idempotency::begin(&t.tx, &scope, t.now).await? {
                    ReplayState::Replay(answer) => return Ok((answer, true)),
                    ReplayState::OtherRequest => return Err(Error::KeyReused),
                    ReplayState::Fresh => {}
                }
                let answer = work(t.clone(), who, value).await?;
                idempotency::finish(&t.tx, &scope, &answer).await?;
                Ok((answer, false))
            })
            .await?;
        Ok(answer.respond(replayed))
    }
}
