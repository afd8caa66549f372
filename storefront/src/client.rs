//! The shop as a client of the issuer.

use latchkey_contracts::resource::{
    ResourceContract, basket, billing, catalog, discount, events, inventory, order, payment, photo,
};
use latchkey_relying_party::Client;

/// Every resource that the shop calls on behalf of users.
pub static RESOURCES: [&ResourceContract; 9] = [
    &catalog::RESOURCE,
    &basket::RESOURCE,
    &order::RESOURCE,
    &payment::RESOURCE,
    &inventory::RESOURCE,
    &photo::RESOURCE,
    &discount::RESOURCE,
    &billing::RESOURCE,
    &events::RESOURCE,
];

/// What the shop requests, and the names of its cookies. The issuer grants a scope only to users whose role may have
/// it, so that nobody but instructors and administrators is asked for theirs.
pub const CLIENT: Client = Client {
    name: "shop",
    base: "",
    tables: "storefront",
    session_cookie: "latchkey-shop",
    sign_in_cookie: "latchkey-sign-in",
    scopes: &[
        "openid",
        "profile",
        catalog::READ.name,
        catalog::WRITE.name,
        catalog::ADMINISTER.name,
        catalog::REVIEW.name,
        basket::USE.name,
        order::READ.name,
        order::WRITE.name,
        order::ADMINISTER.name,
        payment::READ.name,
        payment::WRITE.name,
        payment::ADMINISTER.name,
        inventory::READ.name,
        inventory::WRITE.name,
        inventory::STOCK.name,
        photo::WRITE.name,
        inventory::ADMINISTER.name,
        discount::WRITE.name,
        discount::ADMINISTER.name,
        billing::READ.name,
        billing::ADMINISTER.name,
        events::ADMINISTER.name,
    ],
    own_scopes: &[basket::GUEST.name],
    audience: catalog::RESOURCE.audience,
};
