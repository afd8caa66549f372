//! What handlers ask for: who calls, and what of theirs is meant.

use axum::extract::FromRequestParts;
use http::request::Parts;
use latchkey_bus::Cause;
use latchkey_guard::{Access, OptionalAccess};
use latchkey_http::{PathId, Problem, current_request_id};

use crate::authoring::Desk;
use crate::domain::Caller;
use crate::{Catalog, CatalogError, store};

/// The caller as the domain knows them, and a desk to write at in their name.
pub struct Signed {
    pub access: Access,
    pub desk: Desk,
}

/// A course that the caller may change. Looked at before the body is read, so that somebody else's course is
/// missing whatever is sent to it; the transaction decides again.
pub struct Owned {
    pub id: String,
    pub caller: Caller,
    pub desk: Desk,
}

impl FromRequestParts<Catalog> for Signed {
    type Rejection = latchkey_guard::Rejection;

    async fn from_request_parts(parts: &mut Parts, catalog: &Catalog) -> Result<Self, Self::Rejection> {
        let access = Access::from_request_parts(parts, catalog).await?;
        // The task-local id does not follow into the transaction's task, so it is read here.
        let desk = catalog.desk(Cause::request(current_request_id().to_string(), access.sub()));
        Ok(Self { access, desk })
    }
}

impl FromRequestParts<Catalog> for Owned {
    type Rejection = axum::response::Response;

    async fn from_request_parts(parts: &mut Parts, catalog: &Catalog) -> Result<Self, Self::Rejection> {
        use axum::response::IntoResponse;
        let refuse = |problem: Problem| problem.into_response();
        let signed = Signed::from_request_parts(parts, catalog)
            .await
            .map_err(IntoResponse::into_response)?;
        let PathId(id) = PathId::from_request_parts(parts, catalog).await.map_err(refuse)?;
        let caller = caller(Some(&signed.access));
        let course = store::course(&catalog.db, &id)
            .await
            .map_err(|error| refuse(CatalogError::from(error).into()))?;
        match course {
            Some(course) if caller.may_change(&course) => Ok(Self {
                id,
                caller,
                desk: signed.desk,
            }),
            Some(_) | None => Err(refuse(Problem::not_found())),
        }
    }
}

impl FromRequestParts<Catalog> for Caller {
    type Rejection = latchkey_guard::Rejection;

    async fn from_request_parts(parts: &mut Parts, catalog: &Catalog) -> Result<Self, Self::Rejection> {
        let OptionalAccess(access) = OptionalAccess::from_request_parts(parts, catalog).await?;
        Ok(caller(access.as_ref()))
    }
}

/// A token that may do nothing here opens nothing that is closed, whoever's it is.
fn caller(access: Option<&Access>) -> Caller {
    let counts = |access: &Access| {
        let scopes = ["catalog.read", "catalog.write", "catalog.admin"];
        scopes.iter().any(|scope| access.has_scope(scope))
    };
    match access {
        Some(access) if access.is_machine() => Caller::Machine,
        None => Caller::Anonymous,
        Some(access) if !counts(access) => Caller::Anonymous,
        Some(access) => Caller::Person {
            sub: access.sub().to_owned(),
            admin: access.has_role("admin"),
        },
    }
}
