//! The extractors of handlers, which prove who calls. On a route without a guard every extractor fails closed.

use std::marker::PhantomData;
use std::ops::Deref;
use std::sync::Arc;

use axum_core::extract::FromRequestParts;
use http::request::Parts;

use crate::claims::Claims;
use crate::rejection::{GuardError, Rejection};

/// A verified access token. Only a guard creates one.
#[derive(Debug, Clone, PartialEq)]
pub struct Access(Arc<Claims>);

impl Access {
    pub(crate) fn new(claims: Arc<Claims>) -> Self {
        Self(claims)
    }

    /// All claims of the token.
    pub fn claims(&self) -> &Claims {
        &self.0
    }

    /// The user or client that the token speaks for.
    pub fn sub(&self) -> &str {
        &self.0.sub
    }

    /// The client that the token was issued to.
    pub fn client_id(&self) -> &str {
        &self.0.client_id
    }

    /// True if a client acts on its own behalf, without a user.
    pub fn is_machine(&self) -> bool {
        self.0.is_machine()
    }

    /// The client that acts on behalf of the user, where the token was exchanged for another (RFC 8693 §4.1). It says how
    /// the request came here and permits nothing: the scopes and roles of the token do.
    pub fn actor(&self) -> Option<&str> {
        self.0.act.as_ref()?.get("sub")?.as_str()
    }

    /// True if the token contains this scope.
    pub fn has_scope(&self, name: &str) -> bool {
        self.0.scope.contains(name)
    }

    /// True if the token contains this role of the user.
    pub fn has_role(&self, name: &str) -> bool {
        self.0.roles.iter().any(|role| role == name)
    }
}

/// The caller, or `None` for an anonymous request: for routes behind [`crate::Guard::optional`].
#[derive(Debug, Clone, PartialEq)]
pub struct OptionalAccess(pub Option<Access>);

/// A scope name as a type. Created by [`crate::scopes!`].
pub trait Scope: Send + Sync + 'static {
    /// The name in the token.
    const NAME: &'static str;
}

/// The caller, whose token contains the scope `S`; otherwise 403 `insufficient_scope` that names the scope.
#[derive(Debug, Clone)]
pub struct Scoped<S: Scope> {
    access: Access,
    scope: PhantomData<fn() -> S>,
}

impl<S: Scope> Scoped<S> {
    /// The caller without the scope type.
    pub fn into_access(self) -> Access {
        self.access
    }
}

impl<S: Scope> Deref for Scoped<S> {
    type Target = Access;

    fn deref(&self) -> &Access {
        &self.access
    }
}

/// Declares scopes as types, one `pub Name = "name";` each. A name that RFC 6749 §3.3 does not allow
/// does not compile.
///
/// ```
/// use latchkey_guard::{Scope, scopes};
///
/// scopes! {
///     /// May change courses.
///     pub CatalogWrite = "catalog.write";
/// }
/// assert_eq!(CatalogWrite::NAME, "catalog.write");
/// ```
#[macro_export]
macro_rules! scopes {
    ($($(#[$meta:meta])* $vis:vis $name:ident = $text:literal;)+) => {$(
        $(#[$meta])*
        #[doc = concat!("The scope `", $text, "`.")]
        #[derive(Debug, Clone, Copy)]
        $vis struct $name;

        impl $crate::Scope for $name {
            const NAME: &'static str = $text;
        }

        const _: () = assert!($crate::is_scope_name($text), "not a scope name");
    )+};
}

/// Set by the layer: a guard has examined this request, and this is its realm.
#[derive(Clone)]
pub(crate) struct Passed {
    pub realm: Arc<str>,
}

impl<S: Sync> FromRequestParts<S> for Access {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Rejection> {
        caller(parts)
    }
}

impl<S: Sync> FromRequestParts<S> for OptionalAccess {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Rejection> {
        passed(parts)?;
        Ok(Self(parts.extensions.get::<Access>().cloned()))
    }
}

impl<S: Sync, N: Scope> FromRequestParts<S> for Scoped<N> {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Rejection> {
        const { assert!(crate::is_scope_name(N::NAME), "not a scope name") };
        Ok(Self {
            access: require_scope(parts, N::NAME)?,
            scope: PhantomData,
        })
    }
}

/// The caller, whose token contains the scope `name`; otherwise 403 `insufficient_scope` that names it. For services
/// whose routes are declared in a table, where a scope is a value and not a type.
pub fn require_scope(parts: &Parts, name: &'static str) -> Result<Access, Rejection> {
    let access = caller(parts)?;
    if access.has_scope(name) {
        return Ok(access);
    }
    tracing::info!(
        scope = name,
        client.id = access.client_id(),
        "the access token of a request lacks a scope"
    );
    Err(Rejection::new(
        GuardError::ShortScope(name),
        &passed(parts)?.realm,
    ))
}

fn passed(parts: &Parts) -> Result<&Passed, Rejection> {
    parts.extensions.get::<Passed>().ok_or_else(|| {
        tracing::error!("a handler extracts the caller, but its route has no guard");
        Rejection::unguarded()
    })
}

/// An anonymous request behind an optional guard is asked for a token.
fn caller(parts: &Parts) -> Result<Access, Rejection> {
    let passed = passed(parts)?;
    let access = parts.extensions.get::<Access>().cloned();
    access.ok_or_else(|| Rejection::new(GuardError::NoCredentials, &passed.realm))
}
