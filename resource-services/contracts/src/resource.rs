//! Each service as a resource of the issuer: its audience, its scopes, and the roles that a user needs for them.
//!
//! Audiences and scopes are defined here and nowhere else: the issuer registers these declarations, the services'
//! tables of routes require these scopes, and first-party clients use these names.

/// A service as a protected resource (RFC 8707).
#[derive(Debug, PartialEq, Eq)]
pub struct ResourceContract {
    /// The name of the service: its role, its part of paths at the edge, the prefix of its event types.
    pub name: &'static str,
    /// The name on pages that ask for consent.
    pub title: &'static str,
    /// The `aud` of its tokens.
    pub audience: &'static str,
    /// The scopes that it declares.
    pub scopes: &'static [&'static ScopeContract],
    /// The scope that lets an administrator act on what belongs to others; the role alone does not.
    pub admin: &'static ScopeContract,
}

/// A scope of one service.
#[derive(Debug, PartialEq, Eq)]
pub struct ScopeContract {
    /// The name in a token.
    pub name: &'static str,
    /// What the scope allows, as a consent page describes it.
    pub description: &'static str,
    /// The roles of which a user needs one; an empty list requires none.
    pub roles: &'static [&'static str],
}

/// The role that may do everything that a scope allows, also to what belongs to others.
pub const ADMIN: &str = "admin";
/// The role of instructors.
pub const INSTRUCTOR: &str = "instructor";

const fn scope(
    name: &'static str,
    description: &'static str,
    roles: &'static [&'static str],
) -> ScopeContract {
    ScopeContract {
        name,
        description,
        roles,
    }
}

/// Courses and their categories.
pub mod catalog {
    use super::{ADMIN, INSTRUCTOR, ResourceContract, ScopeContract, scope};

    /// Reading what is public.
    pub static READ: ScopeContract = scope("catalog.read", "See the shop’s courses", &[]);
    /// Writing one's own courses.
    pub static WRITE: ScopeContract = scope(
        "catalog.write",
        "Create and change your courses in the shop",
        &[INSTRUCTOR, ADMIN],
    );
    /// Reviewing courses that the user owns.
    pub static REVIEW: ScopeContract = scope("catalog.review", "Write reviews in the shop in your name", &[]);
    /// Editing categories, and acting on everybody's courses.
    pub static ADMINISTER: ScopeContract = scope(
        "catalog.admin",
        "Change the shop’s categories and anybody’s courses",
        &[ADMIN],
    );

    /// The catalog.
    pub static RESOURCE: ResourceContract = ResourceContract {
        name: "catalog",
        title: "The shop’s courses",
        audience: "urn:latchkey:catalog",
        scopes: &[&READ, &WRITE, &REVIEW, &ADMINISTER],
        admin: &ADMINISTER,
    };
}
