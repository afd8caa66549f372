//! Applications and users of a server's demo.

use super::{App, TestServer};

impl TestServer {
    /// An application that is not the demo's ([`Issuer::plant_app`](super::Issuer::plant_app)).
    pub async fn plant_app(&self, client_id: &str, secret: Option<&str>, scope: &str) -> App {
        self.inside().plant_app(client_id, secret, scope).await
    }

    /// A client of the demo or of a seed with this redirect URI.
    pub fn app(&self, client_id: &str, scope: &str) -> App {
        let clients = &self.demo().clients;
        let client = clients.iter().find(|client| client.client_id == client_id);
        let client = client.expect("a client");
        App {
            issuer: self.issuer().to_owned(),
            client_id: client_id.to_owned(),
            secret: client.client_secret.clone(),
            redirect_uri: client.redirect_uris.first().expect("a redirect URI").clone(),
            scope: scope.to_owned(),
        }
    }

    /// User name and password of a person.
    pub fn person(&self, username: &str) -> (&str, &str) {
        let users = &self.demo().users;
        let user = users.iter().find(|user| user.username == username);
        let user = user.expect("a person");
        (&user.username, user.password.as_deref().expect("a password"))
    }
}
