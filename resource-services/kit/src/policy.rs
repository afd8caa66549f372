//! Who may use a route, declared in the table and enforced before the handler runs.
//!
//! The order is fixed: token → audience (both by the guard) → scope → user → role → ownership ([`crate::Owned`]).

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::routing::MethodRouter;
use latchkey_contracts::resource::ScopeContract;
use latchkey_guard::{Access, Guard, require_scope};
use latchkey_http::{Code, Problem, codes};

/// The policy of a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// Anyone. A token is optional, and is verified if present.
    Public,
    /// Any valid token of this audience.
    Token,
    /// A user with this scope and one of its roles; with `owner`, only for their own resources. Machines are rejected.
    Person {
        scope: &'static ScopeContract,
        owner: bool,
    },
    /// Another system, which signs the body with a secret that the service shares with it. No token is read: the
    /// handler verifies the signature before anything else.
    Signed,
    /// A client that acts on its own behalf, with this scope. Users are rejected.
    Machine { scope: &'static ScopeContract },
}

impl Policy {
    /// A user, for their own resources, or for all of them as an administrator.
    pub const fn owner(scope: &'static ScopeContract) -> Self {
        Self::Person { scope, owner: true }
    }

    /// A user with the scope and one of its roles.
    pub const fn person(scope: &'static ScopeContract) -> Self {
        Self::Person { scope, owner: false }
    }

    /// The route behind the guard, with the checks of its policy.
    pub(crate) fn protect<S: Clone + Send + Sync + 'static>(
        self,
        route: MethodRouter<S>,
        guard: &Guard,
    ) -> MethodRouter<S> {
        match self {
            Self::Signed => route,
            Self::Public => route.route_layer(guard.optional()),
            Self::Token => route.route_layer(guard.required()),
            Self::Person { scope, .. } => route
                .route_layer(axum::middleware::from_fn(move |request, next| {
                    enforce(scope, request, next)
                }))
                .route_layer(guard.required()),
            Self::Machine { scope } => route
                .route_layer(axum::middleware::from_fn(move |request, next| {
                    enforce_machine(scope, request, next)
                }))
                .route_layer(guard.required()),
        }
    }
}

async fn enforce(scope: &'static ScopeContract, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let access = match require_scope(&parts, scope.name) {
        Ok(access) => access,
        Err(rejection) => return rejection.into_response(),
    };
    if access.is_machine() {
        return refuse(&access, codes::PERSON_REQUIRED);
    }
    // The issuer grants the scope only to these roles; the token contains the role, too, and both must match.
    if !scope.roles.is_empty() && !scope.roles.iter().any(|role| access.has_role(role)) {
        return refuse(&access, codes::ROLE_REQUIRED);
    }
    next.run(Request::from_parts(parts, body)).await
}

async fn enforce_machine(scope: &'static ScopeContract, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    match require_scope(&parts, scope.name) {
        Err(rejection) => rejection.into_response(),
        Ok(access) if !access.is_machine() => refuse(&access, codes::MACHINE_REQUIRED),
        Ok(_) => next.run(Request::from_parts(parts, body)).await,
    }
}

fn refuse(access: &Access, code: Code) -> Response {
    tracing::info!(
        code = code.name,
        sub = access.sub(),
        client.id = access.client_id(),
        "a request was refused"
    );
    Problem::from(code).into_response()
}
