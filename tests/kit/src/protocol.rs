//! A client and a user, as the protocol sees them.

use latchkey_protocol::Timestamp;
use latchkey_protocol::client::Client;
use latchkey_protocol::user::User;

/// A client with this registration that is not disabled and has no secret.
pub fn client(metadata: serde_json::Value) -> Client {
    Client {
        metadata: serde_json::from_value(metadata).expect("a registration that can be read"),
        secret: None,
        secret_generated_at: None,
        previous_secret: None,
        disabled_at: None,
        tokens_before: None,
        machine_tokens_before: None,
        version: 1,
    }
}

/// A user without roles who may sign in.
pub fn user() -> User {
    User {
        id: "01890a5d-ac96-774b-bcce-b302099a8057".into(),
        username: "carol".into(),
        email: "carol@example.test".into(),
        email_verified_at: None,
        claims: serde_json::Map::new(),
        roles: Vec::new(),
        groups: Vec::new(),
        disabled_at: None,
        locked_at: None,
        deleted_at: None,
        deletion_due_at: None,
        tokens_before: None,
        updated_at: Timestamp(0),
    }
}
