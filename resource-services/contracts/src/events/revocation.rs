//! What identity revokes, in the kinds that reach guards (docs/tokens.md, Revocation). All times are Unix seconds.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::unreadable::{Unreadable, read};

pub const TOKEN: &str = "identity.revocation.token.v1";
pub const FAMILY: &str = "identity.revocation.family.v1";
pub const SESSION: &str = "identity.revocation.session.v1";
pub const SUBJECT: &str = "identity.revocation.subject.v1";
pub const CLIENT: &str = "identity.revocation.client.v1";
pub const KEY: &str = "identity.revocation.key.v1";

/// One access token, by its `jti`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TokenRevoked {
    pub jti: String,
    pub client_id: String,
    /// Every audience of the token: two when `userinfo_audience` put the issuer beside a resource.
    pub aud: Vec<String>,
    /// The entry may be forgotten after this second.
    pub until: i64,
}

/// Every access token of one refresh-token family.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FamilyRevoked {
    pub fam: String,
    /// The client's own view of the session, so that a client on the bus can end its session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sid: Option<String>,
    pub client_id: String,
    pub until: i64,
}

/// A session, expanded to its families when it is published: a guard knows families, not sessions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SessionRevoked {
    pub sid: String,
    pub families: Vec<SessionFamily>,
    pub until: i64,
}

/// A family that ends with its session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SessionFamily {
    pub fam: String,
    pub client_id: String,
    /// `sid` is derived per client; this is the one in this client's tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sid: Option<String>,
}

/// Everything of a person that was issued at or before a second: guards refuse `iat <= before`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SubjectRevoked {
    pub sub: String,
    pub before: i64,
    pub until: i64,
}

/// Everything of a client that was issued at or before a second: guards refuse `iat <= before`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ClientRevoked {
    pub client_id: String,
    pub before: i64,
    pub until: i64,
}

/// A signing key. It has no `until`: a guard that hears it fetches the JWKS at once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct KeyRevoked {
    pub kid: String,
}

/// A revocation of any kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Revocation {
    Token(TokenRevoked),
    Family(FamilyRevoked),
    Session(SessionRevoked),
    Subject(SubjectRevoked),
    Client(ClientRevoked),
    Key(KeyRevoked),
}

impl Revocation {
    /// Every type that [`Revocation::parse`] reads: what guards subscribe to, and what goes to the revocation log
    /// instead of the event bus.
    pub const TYPES: &[&str] = &[TOKEN, FAMILY, SESSION, SUBJECT, CLIENT, KEY];

    /// The service that publishes them; while it cannot, silence means nothing.
    pub const SOURCE: &str = "identity";

    /// Parses the revocation of a type and its data.
    pub fn parse(r#type: &str, data: &Value) -> Result<Self, Unreadable> {
        match r#type {
            TOKEN => read(r#type, data).map(Self::Token),
            FAMILY => read(r#type, data).map(Self::Family),
            SESSION => read(r#type, data).map(Self::Session),
            SUBJECT => read(r#type, data).map(Self::Subject),
            CLIENT => read(r#type, data).map(Self::Client),
            KEY => read(r#type, data).map(Self::Key),
            unknown => Err(Unreadable::UnknownType(unknown.to_owned())),
        }
    }

    /// The event type that carries it.
    pub fn event_type(&self) -> &'static str {
        match self {
            Self::Token(_) => TOKEN,
            Self::Family(_) => FAMILY,
            Self::Session(_) => SESSION,
            Self::Subject(_) => SUBJECT,
            Self::Client(_) => CLIENT,
            Self::Key(_) => KEY,
        }
    }

    /// The subject and partition key, so that entries about one thing keep their order.
    pub fn subject(&self) -> &str {
        match self {
            Self::Token(token) => &token.jti,
            Self::Family(family) => &family.fam,
            Self::Session(session) => &session.sid,
            Self::Subject(subject) => &subject.sub,
            Self::Client(client) => &client.client_id,
            Self::Key(key) => &key.kid,
        }
    }

    /// The data of the event.
    pub fn data(&self) -> Value {
        let data = match self {
            Self::Token(data) => serde_json::to_value(data),
            Self::Family(data) => serde_json::to_value(data),
            Self::Session(data) => serde_json::to_value(data),
            Self::Subject(data) => serde_json::to_value(data),
            Self::Client(data) => serde_json::to_value(data),
            Self::Key(data) => serde_json::to_value(data),
        };
        data.expect("structs of strings and numbers always serialize to JSON")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one_of_each() -> Vec<Revocation> {
        let (client_id, until) = ("web".to_owned(), 900);
        vec![
            Revocation::Token(TokenRevoked {
                jti: "j".into(),
                client_id: client_id.clone(),
                aud: vec!["urn:latchkey:catalog".into()],
                until,
            }),
            Revocation::Family(FamilyRevoked {
                fam: "f".into(),
                sid: None,
                client_id: client_id.clone(),
                until,
            }),
            Revocation::Session(SessionRevoked {
                sid: "s".into(),
                families: vec![SessionFamily {
                    fam: "f".into(),
                    client_id: client_id.clone(),
                    sid: None,
                }],
                until,
            }),
            Revocation::Subject(SubjectRevoked {
                sub: "u".into(),
                before: 600,
                until,
            }),
            Revocation::Client(ClientRevoked {
                client_id,
                before: 600,
                until,
            }),
            Revocation::Key(KeyRevoked { kid: "k".into() }),
        ]
    }

    #[test]
    fn every_kind_reads_back_what_it_wrote() {
        for revocation in one_of_each() {
            let read = Revocation::parse(revocation.event_type(), &revocation.data()).unwrap();
            assert_eq!(read, revocation);
        }
    }

    #[test]
    fn the_list_of_types_is_the_list_of_kinds() {
        let kinds: Vec<_> = one_of_each().iter().map(Revocation::event_type).collect();
        assert_eq!(kinds, Revocation::TYPES);
    }

    #[test]
    fn an_unknown_kind_is_named_not_guessed() {
        let refused = Revocation::parse("identity.revocation.planet.v1", &serde_json::json!({}));
        assert!(matches!(refused, Err(Unreadable::UnknownType(name)) if name.ends_with("planet.v1")));
    }

    #[test]
    fn a_known_kind_with_foreign_data_is_malformed() {
        let refused = Revocation::parse(SUBJECT, &serde_json::json!({"sub": "u", "before": "yesterday"}));
        assert!(matches!(refused, Err(Unreadable::Malformed { .. })));
    }
}
