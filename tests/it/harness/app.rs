//! Applications and users of a server's demo.

use latchkey_identity::Seed;

use super::{App, TestServer};

impl TestServer {
    /// An application with a redirect URI that is no loopback's: consent is remembered. With a secret it is
    /// confidential, else it rotates.
    pub async fn plant_app(&self, client_id: &str, secret: Option<&str>, scope: &str) -> App {
        let redirect_uri = format!("https://{client_id}.test/cb");
        let proof = match secret {
            Some(secret) => {
                format!("client_secret = \"{secret}\"\nmay_introspect = [\"urn:latchkey:catalog\"]")
            }
            None => "token_endpoint_auth_method = \"none\"".to_owned(),
        };
        let seed = format!(
            "[[clients]]\nclient_id = \"{client_id}\"\n{proof}\n\
             grant_types = [\"authorization_code\", \"refresh_token\"]\n\
             redirect_uris = [\"{redirect_uri}\"]\nscope = \"{scope}\"\n"
        );
        let identity = self.running().identity.clone().expect("the issuer is here");
        let seed = Seed::parse(&seed).expect("a seed");
        identity.seed(seed, "test").await.expect("a client");
        App {
            issuer: self.issuer().to_owned(),
            client_id: client_id.to_owned(),
            secret: secret.map(str::to_owned),
            redirect_uri,
            scope: scope.to_owned(),
        }
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
