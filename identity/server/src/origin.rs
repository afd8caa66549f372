//! Where a kept or carried request came from: the column `origin` of its row.

/// A client's authorization request.
pub(crate) const AUTHORIZE: &str = "authorize";
/// The account page, which needs a person.
pub(crate) const ACCOUNT: &str = "account";
/// A sign-out that was posted from another site.
pub(crate) const LOGOUT: &str = "logout";
