//! Who there is in a new shop, and the client that they sign in to.

/// The password of everybody.
pub const PASSWORD: &str = "a-password-of-no-value-to-anybody";
/// The client that everybody signs in to.
pub const CLIENT: &str = "chaos";
/// Its secret.
pub const SECRET: &str = "a-secret-of-no-value-to-anybody-at-all";
/// Where it is sent back to; nobody listens there.
pub const REDIRECT: &str = "https://chaos.test/callback";
/// What it may ask for.
pub const SCOPE: &str = "openid offline_access catalog.read catalog.write catalog.review catalog.admin basket \
                         discount.write discount.admin order.read order.write payment.read payment.write \
                         inventory.read inventory.write inventory.stock photo.write";
/// The user who fills the shop.
pub const KEEPER: &str = "keeper";

/// The services of the shop.
pub const SERVICES: [&str; 8] = [
    "catalog",
    "basket",
    "discount",
    "inventory",
    "payment",
    "order",
    "billing",
    "photo",
];

/// The user name of a buyer.
pub fn buyer(at: usize) -> String {
    format!("buyer{at}")
}

/// A seed file for the issuer.
pub fn seed(buyers: usize) -> String {
    let resources: Vec<String> = SERVICES
        .iter()
        .map(|name| format!("\"urn:latchkey:{name}\""))
        .collect();
    let mut seed = format!(
        "[[clients]]\nclient_id = \"{CLIENT}\"\nclient_secret = \"{SECRET}\"\n\
         grant_types = [\"authorization_code\", \"refresh_token\"]\nredirect_uris = [\"{REDIRECT}\"]\n\
         scope = \"{SCOPE}\"\nresources = [{}]\n",
        resources.join(", ")
    );
    for at in 0..buyers {
        seed += &format!(
            "[[users]]\nusername = \"{}\"\nemail = \"buyer{at}@example.test\"\npassword = \"{PASSWORD}\"\n",
            buyer(at)
        );
    }
    seed += &format!(
        "[[users]]\nusername = \"{KEEPER}\"\nemail = \"keeper@example.test\"\npassword = \"{PASSWORD}\"\n\
         roles = [\"instructor\", \"admin\"]\n"
    );
    seed
}
