//! What the shell would hold: one row, the epoch, the clock, the keys, and everything that was ever issued.

use latchkey_protocol::audience::Granted;
use latchkey_protocol::client::{Client, ClientId};
use latchkey_protocol::consent::Consent;
use latchkey_protocol::grant_validity::GrantValidity;
use latchkey_protocol::refresh::{Decision, Facts, Family, Limits, decide};
use latchkey_protocol::refresh_token::{self, Handle, KeyId, Macs, Name, RefreshToken, Salt};
use latchkey_protocol::session::SignIn;
use latchkey_protocol::user::User;
use latchkey_protocol::{Scope, Timestamp};

use crate::protocol::{client, user};

const SALT: Salt = Salt([4; 32]);
const HANDLE: Handle = Handle([3; 16]);

/// A token that went out.
#[derive(Clone, Debug, PartialEq)]
pub struct Issued {
    pub generation: i64,
    pub epoch: u32,
    /// When its generation came to be.
    pub born_at: i64,
    pub text: String,
}

pub struct World {
    pub row: Family,
    pub backup: Family,
    pub epoch: u32,
    pub now: i64,
    pub signing_key: u8,
    pub issued: Vec<Issued>,
    client: Client,
    person: User,
    consent: Consent,
}

impl World {
    pub fn new(strict: bool) -> Self {
        let client = client(serde_json::json!({
            "client_id": "app",
            "token_endpoint_auth_method": "none",
            "grant_types": ["authorization_code", "refresh_token"],
            "redirect_uris": ["https://app.test/cb"],
            "scope": "openid",
            "refresh_overlap_seconds": if strict { 0 } else { 30 },
        }));
        let person = user();
        let granted = Granted::at_one(&Scope::parse("openid").expect("a scope"), None);
        let row = Family {
            id: "family".into(),
            handle: HANDLE,
            fam: "fam".into(),
            salt: SALT,
            client: ClientId::parse("app").expect("a client id"),
            user: person.id.clone(),
            session: None,
            sid: None,
            granted: granted.clone(),
            sign_in: SignIn::password(Timestamp(0)),
            confirmation: None,
            generation: 1,
            mac_key_id: Some(key_id(0)),
            previous_mac_key_id: None,
            rotated_at: None,
            last_used_at: None,
            overlap_hits: 0,
            overlap_streak: 0,
            hit_generation: None,
            late_answer_at: None,
            offline_at: None,
            idle_expires_at: None,
            expires_at: None,
            revoked_at: None,
        };
        let mut world = Self {
            backup: row.clone(),
            row,
            epoch: 0,
            now: 1_000_000_000,
            signing_key: 0,
            issued: Vec::new(),
            client,
            person,
            consent: Consent {
                granted,
                withdrawn_at: None,
            },
        };
        world.hand_out(Name {
            mac_key_id: key_id(0),
            handle: HANDLE,
            generation: 1,
        });
        world
    }

    /// The token of this name goes out.
    pub fn hand_out(&mut self, name: Name) -> Issued {
        let key = [name.mac_key_id.0[0]; 32];
        let issued = Issued {
            generation: name.generation,
            epoch: self.epoch,
            born_at: self.row.rotated_at.map_or(self.now, |at| at.0),
            text: refresh_token::make(macs(&key, &self.epoch.to_string()), name, &SALT),
        };
        self.issued.push(issued.clone());
        issued
    }

    /// What a decider that has read `row` decides now.
    pub fn decide(&self, row: &Family, token: &Issued) -> Decision {
        let parsed = RefreshToken::parse(&token.text).expect("we made it");
        let key = [parsed.name().mac_key_id.0[0]; 32];
        let epoch = self.epoch.to_string();
        let checked = refresh_token::check(&parsed, Some(macs(&key, &epoch)), Some(&row.salt));
        decide(&Facts {
            token: &checked,
            family: Some(row),
            client: &self.client,
            proof: None,
            validity: GrantValidity {
                person: Some(&self.person),
                consent: Some(&self.consent),
                ..GrantValidity::default()
            },
            issuer: "https://id.test",
            resources: &[],
            asked_resource: &[],
            asked_scope: None,
            limits: Limits {
                idle_ms: None,
                absolute_ms: None,
            },
            mac_key_id: key_id(self.signing_key),
            jti: "jti",
            now: Timestamp(self.now),
            latest: Timestamp(self.now),
        })
    }

    pub fn name(&self, generation: i64) -> Name {
        Name {
            mac_key_id: key_id(self.signing_key),
            handle: HANDLE,
            generation,
        }
    }
}

pub fn key_id(key: u8) -> KeyId {
    KeyId([key; 9])
}

fn macs<'a>(key: &'a [u8; 32], epoch: &'a str) -> Macs<'a> {
    Macs {
        key,
        issuer: "https://id.test",
        epoch,
    }
}
