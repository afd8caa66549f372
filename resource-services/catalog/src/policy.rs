//! Who may come through a route, said in the table and enforced before the handler runs.
//!
//! The order is fixed: token → audience (both the guard's) → scope → role → ownership ([`crate::routes::Owned`]).

use axum::extract::{FromRequestParts, Request};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodFilter, MethodRouter};
use http::Method;
use http::request::Parts;
use latchkey_guard::{Access, Guard, Scoped, scopes};
use latchkey_http::Problem;

use crate::Catalog;

scopes! {
    /// Own courses.
    pub CatalogWrite = "catalog.write";
    /// The shelves.
    pub CatalogAdmin = "catalog.admin";
}

/// One route: what it answers to, whom it lets in, and what it does.
pub struct RouteRow {
    pub method: Method,
    pub path: &'static str,
    pub policy: Policy,
    pub(crate) handler: fn(MethodFilter) -> MethodRouter<Catalog>,
}

/// Whom a route lets in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// Anyone. A token may come along and is then proven.
    Public,
    /// Any valid token of this audience.
    Token,
    /// A person with this scope and role; with `owner`, only over what is theirs. Machines are refused.
    Person { scope: Scope, role: Role, owner: bool },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    Write,
    Admin,
}

/// The role that a scope needs. An administrator has every role.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    Instructor,
    Admin,
}

impl RouteRow {
    /// Whether the path names a thing that may be somebody else's.
    pub fn has_id(&self) -> bool {
        self.path.contains("{id}")
    }

    /// The route behind what its policy says.
    pub(crate) fn guarded(&self, guard: &Guard) -> MethodRouter<Catalog> {
        let filter = MethodFilter::try_from(self.method.clone()).expect("the table names ordinary methods");
        let route = (self.handler)(filter);
        match self.policy {
            Policy::Public => route.route_layer(guard.optional()),
            Policy::Token => route.route_layer(guard.required()),
            Policy::Person { scope, role, .. } => route
                .route_layer(axum::middleware::from_fn(move |request, next| {
                    enforce(scope, role, request, next)
                }))
                .route_layer(guard.required()),
        }
    }
}

impl Scope {
    pub fn name(self) -> &'static str {
        match self {
            Self::Write => <CatalogWrite as latchkey_guard::Scope>::NAME,
            Self::Admin => <CatalogAdmin as latchkey_guard::Scope>::NAME,
        }
    }

    async fn held(self, parts: &mut Parts) -> Result<Access, Response> {
        let held = match self {
            Self::Write => Scoped::<CatalogWrite>::from_request_parts(parts, &())
                .await
                .map(Scoped::into_access),
            Self::Admin => Scoped::<CatalogAdmin>::from_request_parts(parts, &())
                .await
                .map(Scoped::into_access),
        };
        held.map_err(IntoResponse::into_response)
    }
}

impl Role {
    pub fn name(self) -> &'static str {
        match self {
            Self::Instructor => "instructor",
            Self::Admin => "admin",
        }
    }

    fn held_by(self, access: &Access) -> bool {
        access.has_role(self.name()) || access.has_role(Self::Admin.name())
    }
}

async fn enforce(scope: Scope, role: Role, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    let access = match scope.held(&mut parts).await {
        Ok(access) => access,
        Err(refused) => return refused,
    };
    if access.is_machine() {
        return refuse(
            &access,
            "person_required",
            "This is for people; a client in its own name cannot do it.",
        );
    }
    if !role.held_by(&access) {
        return refuse(
            &access,
            "role_required",
            "The person behind this token lacks the role for this.",
        );
    }
    next.run(Request::from_parts(parts, body)).await
}

fn refuse(access: &Access, code: &'static str, detail: &'static str) -> Response {
    tracing::info!(
        code,
        sub = access.sub(),
        client.id = access.client_id(),
        "a request was refused"
    );
    Problem::forbidden(code, detail).into_response()
}
