//! What each service is called at the issuer: its audience, its scopes, and the roles that a person needs for them.
//!
//! Audiences and scopes are spelled here and nowhere else: the issuer registers these declarations, the service's
//! table of routes asks for these scopes, and clients of the house are given them by these names.

/// A service as a protected resource (RFC 8707).
#[derive(Debug, PartialEq, Eq)]
pub struct ResourceContract {
    /// The service's name: its role, its part of paths at the edge, the beginning of its event types.
    pub name: &'static str,
    /// What people call it, on pages that ask for their consent.
    pub title: &'static str,
    /// What `aud` of its tokens says.
    pub audience: &'static str,
    /// Every scope that it understands.
    pub scopes: &'static [&'static ScopeContract],
    /// The scope that lets an administrator act on what is not theirs; the role alone does not.
    pub admin: &'static ScopeContract,
}

/// A scope of one service.
#[derive(Debug, PartialEq, Eq)]
pub struct ScopeContract {
    /// As it stands in a token.
    pub name: &'static str,
    /// What whoever holds it may do, as a page asks a person to allow it.
    pub description: &'static str,
    /// A person needs one of these roles; none listed, none needed.
    pub roles: &'static [&'static str],
}

/// The role that may do everything that a scope allows, to what belongs to others, too.
pub const ADMIN: &str = "admin";
/// Whoever teaches.
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

/// Courses and the categories that they stand in.
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
    /// Reviewing courses that one owns.
    pub static REVIEW: ScopeContract = scope("catalog.review", "Write reviews in the shop in your name", &[]);
    /// Arranging categories, and acting on everybody's courses.
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
