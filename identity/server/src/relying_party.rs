//! The relying party of passkeys: what it asks of browsers, and whether what comes back is genuine (WebAuthn Level 3 §7).
//! The library makes random challenges and keeps a state for each; ours follow from what they belong to, so that a page
//! that somebody only looks at writes nothing.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use latchkey_identity_store::PasskeyRow;
use latchkey_protocol::passkey;
use latchkey_protocol::user::User;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use url::Url;
use webauthn_rs::prelude::{
    AuthenticationResult, CredentialID, DiscoverableAuthentication, Passkey, PasskeyRegistration,
    PublicKeyCredential, RegisterPublicKeyCredential, Uuid, Webauthn, WebauthnBuilder, WebauthnError,
};

use crate::IdentityError;

/// The longest response of an authenticator, in bytes of its JSON.
const LONGEST: usize = 16 * 1_024;

/// The relying party.
pub(crate) struct RelyingParty {
    /// Its domain.
    pub id: String,
    webauthn: Webauthn,
}

/// Why a ceremony failed: for the log, never for the peer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CeremonyError {
    /// What came is no response of an authenticator.
    #[error("the response cannot be read")]
    Unreadable,
    /// It is not what was asked for.
    #[error("the response is not genuine: {0}")]
    NotGenuine(WebauthnError),
    /// The passkey cannot be found by its authenticator.
    #[error("the passkey is not discoverable")]
    NotDiscoverable,
    /// A row or a state of ours cannot be read.
    #[error("a passkey of the store cannot be read")]
    Corrupt,
}

/// A passkey that was just made.
pub(crate) struct Made {
    pub credential_id: String,
    /// See [`PasskeyRow::data`].
    pub data: String,
    pub aaguid: Option<String>,
    pub transports: Option<String>,
    pub backup_eligible: bool,
    pub backup_state: bool,
    pub counter: i64,
}

impl RelyingParty {
    /// The relying party of an issuer; `None` where browsers make no passkeys.
    pub fn of(issuer: &str, named: Option<&str>) -> Result<Option<Self>, IdentityError> {
        let id = passkey::rp_id(issuer, named).map_err(IdentityError::Settings)?;
        // Browsers say the origin alone, whatever path the issuer has.
        let origin = Url::parse(issuer).map(|url| url.origin().ascii_serialization());
        let (Some(id), Some(origin)) = (id, origin.ok().and_then(|origin| Url::parse(&origin).ok())) else {
            return Ok(None);
        };
        // The exact origin of the issuer, with its port, and none of its subdomains.
        let webauthn = WebauthnBuilder::new(&id, &origin).and_then(WebauthnBuilder::build);
        let webauthn = webauthn.map_err(|error| IdentityError::Settings(format!("passkeys: {error}")))?;
        Ok(Some(Self { id, webauthn }))
    }

    /// The options of a sign-in, for the button and for autofill alike: the script says which.
    pub fn request_options(&self, challenge: &[u8]) -> Option<String> {
        let (mut options, _state) = self.webauthn.start_discoverable_authentication().ok()?;
        options.public_key.challenge = challenge.to_vec();
        options.public_key.extensions = None;
        serde_json::to_string(&options.public_key).ok()
    }

    /// Whether a response signs in with this passkey.
    pub fn check(
        &self,
        response: &PublicKeyCredential,
        challenge: &[u8],
        passkey: &PasskeyRow,
    ) -> Result<AuthenticationResult, CeremonyError> {
        let key = stored(passkey).ok_or(CeremonyError::Corrupt)?;
        let (_options, state) = self
            .webauthn
            .start_discoverable_authentication()
            .map_err(CeremonyError::NotGenuine)?;
        let state: DiscoverableAuthentication = changed(&state, "ast", |state| {
            state["challenge"] = Value::from(URL_SAFE_NO_PAD.encode(challenge));
            // A passkey that was bound to its device may become a synchronised one, never the other way.
            state["allow_backup_eligible_upgrade"] = Value::from(true);
        })
        .ok_or(CeremonyError::Corrupt)?;
        self.webauthn
            .finish_discoverable_authentication_v2(response, state, &key)
            .map_err(CeremonyError::NotGenuine)
    }

    /// The options for a new passkey. `known` are those that the user has: an authenticator that holds one of them makes
    /// no other, which would replace it.
    pub fn creation_options(
        &self,
        user: &User,
        display_name: &str,
        handle: [u8; 16],
        known: &[PasskeyRow],
        challenge: &[u8],
    ) -> Option<String> {
        let exclude: Vec<CredentialID> = known
            .iter()
            .filter_map(|known| id_bytes(&known.credential_id))
            .collect();
        let handle = Uuid::from_bytes(handle);
        let started =
            self.webauthn
                .start_passkey_registration(handle, &user.username, display_name, Some(exclude));
        let (mut options, _state) = started.ok()?;
        options.public_key.challenge = challenge.to_vec();
        let mut options = serde_json::to_value(&options.public_key).ok()?;
        // The library discourages what sign-in without a name needs.
        let selection = options.get_mut("authenticatorSelection")?;
        selection["residentKey"] = json!("required");
        selection["requireResidentKey"] = json!(true);
        Some(options.to_string())
    }

    /// Reads what an authenticator made for these options.
    pub fn make(
        &self,
        user: &User,
        handle: [u8; 16],
        response: &str,
        challenge: &[u8],
    ) -> Result<Made, CeremonyError> {
        let response: RegisterPublicKeyCredential = read(response)?;
        let props = response.extensions.cred_props.as_ref();
        if props.and_then(|props| props.rk) == Some(false) {
            return Err(CeremonyError::NotDiscoverable);
        }
        let handle = Uuid::from_bytes(handle);
        let started = self
            .webauthn
            .start_passkey_registration(handle, &user.username, &user.username, None);
        let (_options, state) = started.map_err(CeremonyError::NotGenuine)?;
        let state: PasskeyRegistration = changed(&state, "rs", |state| {
            state["challenge"] = Value::from(URL_SAFE_NO_PAD.encode(challenge));
        })
        .ok_or(CeremonyError::Corrupt)?;
        let made = self
            .webauthn
            .finish_passkey_registration(&response, &state)
            .map_err(CeremonyError::NotGenuine)?;
        let data = serde_json::to_value(&made).map_err(|_| CeremonyError::Corrupt)?;
        let flag = |name: &str| data["cred"][name].as_bool().unwrap_or(false);
        let transports = response.response.transports.as_ref();
        Ok(Made {
            credential_id: URL_SAFE_NO_PAD.encode(made.cred_id()),
            aaguid: passkey::aaguid(&response.response.attestation_object),
            transports: transports.and_then(|transports| serde_json::to_string(transports).ok()),
            backup_eligible: flag("backup_eligible"),
            backup_state: flag("backup_state"),
            counter: data["cred"]["counter"].as_i64().unwrap_or(0),
            data: data.to_string(),
        })
    }
}

/// The response of an authenticator to the options of a sign-in.
pub(crate) fn read<T: DeserializeOwned>(response: &str) -> Result<T, CeremonyError> {
    if response.len() > LONGEST {
        return Err(CeremonyError::Unreadable);
    }
    serde_json::from_str(response).map_err(|_| CeremonyError::Unreadable)
}

/// A passkey as the library knows it. What changes with use is in the columns; the counter is ours to judge.
fn stored(passkey: &PasskeyRow) -> Option<Passkey> {
    let mut data: Value = serde_json::from_str(&passkey.data).ok()?;
    let key = data.get_mut("cred")?;
    key["counter"] = Value::from(0);
    key["backup_eligible"] = Value::from(passkey.backup_eligible);
    key["backup_state"] = Value::from(passkey.backup_state);
    serde_json::from_value(data).ok()
}

/// The state of a ceremony with a change in its one member.
fn changed<T: Serialize + DeserializeOwned>(
    state: &T,
    member: &str,
    change: impl FnOnce(&mut Value),
) -> Option<T> {
    let mut state = serde_json::to_value(state).ok()?;
    change(state.get_mut(member)?);
    serde_json::from_value(state).ok()
}

/// The bytes of a credential's id.
pub(crate) fn id_bytes(credential_id: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(credential_id).ok()
}
