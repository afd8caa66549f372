//! The demo: clients and users with secrets generated per data folder, and the file that describes them to outside
//! tools.

use std::path::Path;

use latchkey_clock::Random;
use latchkey_contracts::resource::ScopeContract;
use latchkey_identity::{Seed, Seeded};
use latchkey_protocol::Scope;

use crate::embedded::{DemoClient, DemoFile, DemoSecrets, DemoUser};
use crate::error::StartError;
use crate::running::Urls;
use crate::services::Services;

/// Puts the demo's declarations before those of the operator, and fills in secrets: those of an earlier start, or new
/// ones. Its web application may call every service.
pub(crate) fn prepare(
    seed: &mut Seed,
    services: Services,
    data: &Path,
    random: &Random,
) -> Result<DemoSecrets, StartError> {
    let mut demo = Seed::parse(include_str!("demo.toml"))?;
    for spec in services {
        let administers = |scope: &ScopeContract| spec.resource.admin.is_some_and(|admin| admin == scope);
        let scopes = spec.resource.scopes.iter().filter(|scope| !administers(scope));
        let names: Vec<&str> = scopes.map(|scope| scope.name).collect();
        // Administrators do what they do in the shop alone.
        if names.is_empty() {
            continue;
        }
        let scope = Scope::parse(&names.join(" ")).unwrap_or_default();
        demo.allow("demo-web", spec.resource.audience, &scope);
    }
    *seed = demo.and(std::mem::take(seed));
    let mut secrets = DemoSecrets::load(data)?;
    let clients: Vec<_> = seed.clients_without_secret().cloned().collect();
    for id in clients {
        let secret = secrets
            .clients
            .entry(id.as_str().to_owned())
            .or_insert_with(|| text(&random.bytes::<52>()));
        seed.set_secret(&id, secret);
    }
    let people: Vec<String> = seed.users_without_password().map(str::to_owned).collect();
    for username in people {
        let password = secrets
            .passwords
            .entry(username.clone())
            .or_insert_with(|| text(&random.bytes::<20>()));
        seed.set_password(&username, password);
    }
    // Before anything is registered: a crash must not leave a secret that nobody knows.
    secrets.save(data)?;
    for (username, password) in seed.passwords() {
        secrets
            .passwords
            .entry(username.to_owned())
            .or_insert_with(|| password.to_owned());
    }
    Ok(secrets)
}

/// The content of `demo.json`.
pub(crate) fn describe(urls: &Urls, seeded: &Seeded, secrets: DemoSecrets) -> DemoFile {
    let shop = urls.shop.clone().unwrap_or_default();
    let clients = seeded.clients.iter().map(|client| {
        let metadata = &client.metadata;
        let id = metadata.client_id.as_str();
        DemoClient {
            client_id: id.to_owned(),
            client_secret: client.secret.clone().or_else(|| secrets.clients.get(id).cloned()),
            token_endpoint_auth_method: metadata.token_endpoint_auth_method,
            grant_types: metadata.grant_types.clone(),
            redirect_uris: metadata.redirect_uris.clone(),
            scopes: metadata.scope.names().map(str::to_owned).collect(),
            resources: metadata.resources.clone(),
        }
    });
    let users = seeded.users.iter().map(|user| DemoUser {
        email: user.email.clone(),
        username: user.username.clone(),
        password: secrets.passwords.get(&user.username).cloned(),
        roles: user.roles.clone(),
    });
    DemoFile {
        issuer: urls.issuer.clone(),
        api: format!("{shop}/api"),
        shop,
        admin: urls.admin.clone().unwrap_or_default(),
        services: urls.services.clone(),
        ca_file: urls.ca_file.clone(),
        users: users.collect(),
        clients: clients.collect(),
    }
}

/// Letters and digits that can be typed and pasted anywhere.
pub(crate) fn text(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    // Five bits per character.
    bytes
        .iter()
        .map(|byte| char::from(ALPHABET[usize::from(byte & 31)]))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::services::SERVICES;

    #[test]
    fn the_demo_is_a_valid_seed_and_a_second_start_has_the_same_secrets() {
        let folder = tempfile::tempdir().unwrap();
        let first = prepare(&mut Seed::default(), SERVICES, folder.path(), &Random::system()).unwrap();
        let second = prepare(&mut Seed::default(), SERVICES, folder.path(), &Random::system()).unwrap();
        assert_eq!(first.clients, second.clients);
        assert_eq!(first.passwords, second.passwords);
        assert!(first.clients.contains_key("demo-machine"));
        assert!(first.passwords.contains_key("alice"));
    }
}
