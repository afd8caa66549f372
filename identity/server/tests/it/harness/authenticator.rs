//! An authenticator in software, which a test moves as a browser's script would.

use serde_json::{Value, json};
use url::Url;
use webauthn_authenticator_rs::WebauthnAuthenticator;
use webauthn_authenticator_rs::prelude::{CreationChallengeResponse, RequestChallengeResponse};
use webauthn_authenticator_rs::softpasskey::SoftPasskey;

use super::Seen;

/// An authenticator and what it keeps: discoverable passkeys of one user.
pub struct Authenticator {
    soft: SoftPasskey,
    /// The ids of its passkeys.
    pub ids: Vec<String>,
    /// What it calls its user.
    pub handle: Value,
}

impl Authenticator {
    pub fn new() -> Self {
        Self {
            soft: SoftPasskey::new(true),
            ids: Vec::new(),
            handle: Value::Null,
        }
    }

    /// The response to the page's offer to make a passkey.
    pub fn create(&mut self, page: &Seen) -> Value {
        let mut options = options(page, "passkey-create");
        assert_eq!(options["authenticatorSelection"]["residentKey"], "required");
        assert_eq!(options["authenticatorSelection"]["userVerification"], "required");
        assert_eq!(options["attestation"], "none");
        // This one keeps everything, but says that it cannot.
        options["authenticatorSelection"]["requireResidentKey"] = json!(false);
        self.handle = options["user"]["id"].clone();
        let options: CreationChallengeResponse =
            serde_json::from_value(json!({ "publicKey": options })).expect("options");
        let made = self
            .soft
            .do_registration(origin(page), options)
            .expect("a passkey");
        let made = serde_json::to_value(made).expect("JSON");
        self.ids.push(made["rawId"].as_str().expect("an id").to_owned());
        made
    }

    /// The response to the page's request for a passkey.
    pub fn get(&mut self, page: &Seen) -> Value {
        self.get_at(page, &origin(page))
    }

    /// The same on a page of another origin.
    pub fn get_at(&mut self, page: &Seen, origin: &Url) -> Value {
        let mut options = options(page, "passkey-request");
        assert_eq!(options["userVerification"], "required");
        assert_eq!(options["allowCredentials"], json!([]));
        let ids = self
            .ids
            .iter()
            .map(|id| json!({ "type": "public-key", "id": id }));
        options["allowCredentials"] = ids.collect();
        let options: RequestChallengeResponse =
            serde_json::from_value(json!({ "publicKey": options })).expect("options");
        let signed = self
            .soft
            .do_authentication(origin.clone(), options)
            .expect("an assertion");
        let mut signed = serde_json::to_value(signed).expect("JSON");
        signed["response"]["userHandle"] = self.handle.clone();
        signed
    }
}

fn options(page: &Seen, name: &str) -> Value {
    let found = page
        .answer
        .attributes(&format!("form[data-{name}]"), &format!("data-{name}"));
    let text = found
        .first()
        .unwrap_or_else(|| panic!("no {name}: {}", page.answer.text));
    serde_json::from_str(text).expect("JSON")
}

fn origin(page: &Seen) -> Url {
    Url::parse(&page.url.origin().ascii_serialization()).expect("an origin")
}
