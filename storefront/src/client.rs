//! The shop as a client of the issuer.

use latchkey_contracts::resource::catalog;
use latchkey_relying_party::Client;

/// The resource of the catalog.
pub(crate) const CATALOG: &str = catalog::RESOURCE.audience;

/// What the shop requests, and the names of its cookies.
pub const CLIENT: Client = Client {
    name: "shop",
    tables: "storefront",
    session_cookie: "latchkey-shop",
    sign_in_cookie: "latchkey-sign-in",
    scopes: &["openid", "profile", catalog::READ.name, catalog::WRITE.name],
    audience: CATALOG,
};
