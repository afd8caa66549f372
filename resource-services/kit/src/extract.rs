//! The extractors of handlers: who calls, and which of their resources is meant.

use axum::extract::{FromRef, FromRequestParts};
use axum::response::{IntoResponse, Response};
use http::request::Parts;
use latchkey_bus::Cause;
use latchkey_db::DbError;
use latchkey_guard::{Access, OptionalAccess, Rejection};
use latchkey_http::{PathId, Problem, current_request_id};

use crate::{Caller, Context};

/// The verified token of the caller, and the cause of their writes. A handler that only reads takes [`Access`].
pub struct Authenticated {
    pub access: Access,
    pub cause: Cause,
}

/// A resource that belongs to a user.
pub trait Ownable: Sized + Send {
    /// Finds it by the id in the path.
    fn find(context: &Context, id: &str) -> impl Future<Output = Result<Option<Self>, DbError>> + Send;

    /// The `sub` of its owner.
    fn owner(&self) -> &str;
}

/// Something that is found by its owner's `sub` and the id in the path, so that nobody can name another user's.
pub trait Held: Sized + Send {
    /// Finds what a user has of this id, or has had: a request that is repeated gets its response after that, too.
    fn find(
        context: &Context,
        sub: &str,
        id: &str,
    ) -> impl Future<Output = Result<Option<Self>, DbError>> + Send;
}

/// What the caller has of the id in the path. Like [`Owned`] it is looked for before the body is read, so that whatever
/// somebody sends about what they do not have, it is missing; the transaction looks again.
pub struct Mine<T> {
    pub id: String,
    pub who: Authenticated,
    /// Its state before the transaction.
    pub found: T,
}

/// The resource of the path, if the caller may act on it. It is loaded before the body is read, so that another owner's
/// resource is missing whatever is sent; the transaction checks again.
pub struct Owned<T> {
    pub id: String,
    pub caller: Caller,
    pub cause: Cause,
    /// Its state before the transaction.
    pub found: T,
}

impl<S: Send + Sync> FromRequestParts<S> for Authenticated {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Self::Rejection> {
        let access = Access::from_request_parts(parts, state).await?;
        // The task-local id is not available in the task of the transaction, so it is read here.
        let trace = latchkey_trace::Context::of(&parts.headers).map(|trace| trace.traceparent());
        let cause = Cause::request(current_request_id().to_string(), access.sub()).traced(trace);
        Ok(Self { access, cause })
    }
}

impl<S, T> FromRequestParts<S> for Owned<T>
where
    S: Send + Sync,
    Context: FromRef<S>,
    T: Ownable,
{
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Response> {
        let Authenticated { access, cause } = Authenticated::from_request_parts(parts, state)
            .await
            .map_err(IntoResponse::into_response)?;
        let PathId(id) = PathId::from_request_parts(parts, state)
            .await
            .map_err(IntoResponse::into_response)?;
        let context = Context::from_ref(state);
        let caller = caller(&context, Some(&access));
        let found = T::find(&context, &id)
            .await
            .map_err(|error| Problem::from(error).into_response())?;
        match found {
            Some(found) if caller.may_act_on(found.owner()) => Ok(Self {
                id,
                caller,
                cause,
                found,
            }),
            Some(_) | None => Err(Problem::not_found().into_response()),
        }
    }
}

impl<S, T> FromRequestParts<S> for Mine<T>
where
    S: Send + Sync,
    Context: FromRef<S>,
    T: Held,
{
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Response> {
        let who = Authenticated::from_request_parts(parts, state)
            .await
            .map_err(IntoResponse::into_response)?;
        let PathId(id) = PathId::from_request_parts(parts, state)
            .await
            .map_err(IntoResponse::into_response)?;
        let found = T::find(&Context::from_ref(state), who.access.sub(), &id)
            .await
            .map_err(|error| Problem::from(error).into_response())?;
        match found {
            Some(found) => Ok(Self { id, who, found }),
            None => Err(Problem::not_found().into_response()),
        }
    }
}

impl<S> FromRequestParts<S> for Caller
where
    S: Send + Sync,
    Context: FromRef<S>,
{
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Self::Rejection> {
        let OptionalAccess(access) = OptionalAccess::from_request_parts(parts, state).await?;
        Ok(caller(&Context::from_ref(state), access.as_ref()))
    }
}

fn caller(context: &Context, access: Option<&Access>) -> Caller {
    access.map_or(Caller::Anonymous, |access| {
        Caller::of(
            context.resource,
            access.is_machine(),
            access.sub(),
            |scope| access.has_scope(scope),
            |role| access.has_role(role),
        )
    })
}
