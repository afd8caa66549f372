//! The origin of a stored or carried request: the column `origin` of its row.

/// A client's authorization request.
pub(crate) const AUTHORIZE: &str = "authorize";
/// The account page, which requires a sign-in.
pub(crate) const ACCOUNT: &str = "account";
/// A logout request that was posted from another site.
pub(crate) const LOGOUT: &str = "logout";
