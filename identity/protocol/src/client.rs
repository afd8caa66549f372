//! Clients: their registration, and what a registration may contain.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use url::{Origin, Url};

use crate::acr::Acr;
use crate::{Scope, Timestamp, redirect_uri, resource, second_factor};

/// A client identifier. It can never look like a user id, so the `sub` of a machine is never that of a user.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct ClientId(String);

impl ClientId {
    /// RFC 6749 §2.2, appendix A.1: visible ASCII, at most 256 characters here, and never a UUID, because user ids are
    /// UUIDs.
    pub fn parse(text: &str) -> Option<Self> {
        let visible = text.bytes().all(|byte| matches!(byte, 0x21..=0x7e));
        ((1..=256).contains(&text.len()) && visible && !looks_like_a_user_id(text))
            .then(|| Self(text.to_owned()))
    }

    /// The identifier as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for ClientId {
    fn deserialize<D: serde::Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        let text = String::deserialize(input)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom("not a client_id"))
    }
}

/// User ids are UUIDs, in any letter case, with or without hyphens.
pub(crate) fn looks_like_a_user_id(text: &str) -> bool {
    let digits: Vec<u8> = text.bytes().filter(|byte| *byte != b'-').collect();
    digits.len() == 32 && digits.iter().all(u8::is_ascii_hexdigit)
}

/// How a client authenticates at the token endpoint (OpenID Connect Core §9).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuthMethod {
    /// A public client: no authentication.
    None,
    /// HTTP Basic.
    #[default]
    ClientSecretBasic,
    /// Parameters in the request body.
    ClientSecretPost,
}

impl AuthMethod {
    /// The name in a registration.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::ClientSecretBasic => "client_secret_basic",
            Self::ClientSecretPost => "client_secret_post",
        }
    }

    /// Whether a client registered for this method may use the presented one. A secret is accepted both in the header
    /// and in the body, because client libraries differ in which they choose; a client without a secret cannot use
    /// either.
    pub fn accepts(self, presented: Self) -> bool {
        match self {
            Self::None => presented == Self::None,
            Self::ClientSecretBasic | Self::ClientSecretPost => match presented {
                Self::ClientSecretBasic | Self::ClientSecretPost => true,
                Self::None => false,
            },
        }
    }
}

/// A grant type that this version supports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grant {
    /// RFC 6749 §4.1
    AuthorizationCode,
    /// RFC 6749 §6
    RefreshToken,
    /// RFC 6749 §4.4
    ClientCredentials,
    /// RFC 8693
    TokenExchange,
}

impl Grant {
    /// Every supported grant type, in the order of the metadata.
    pub const ALL: [Grant; 4] = [
        Grant::AuthorizationCode,
        Grant::RefreshToken,
        Grant::ClientCredentials,
        Grant::TokenExchange,
    ];

    /// The grant named by a `grant_type` parameter.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|grant| grant.name() == text)
    }

    /// The name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::AuthorizationCode => "authorization_code",
            Self::RefreshToken => "refresh_token",
            Self::ClientCredentials => "client_credentials",
            Self::TokenExchange => "urn:ietf:params:oauth:grant-type:token-exchange",
        }
    }
}

/// A signature algorithm for our own tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Alg {
    /// ECDSA on P-256: the default.
    #[default]
    ES256,
    /// Ed25519
    EdDSA,
    /// RSASSA-PKCS1-v1_5
    RS256,
    /// RSASSA-PSS
    PS256,
}

impl Alg {
    /// Every algorithm that we sign with.
    pub const ALL: [Alg; 4] = [Alg::ES256, Alg::EdDSA, Alg::RS256, Alg::PS256];

    /// The name on the wire (RFC 7518 §3.1, RFC 8037 §3.1).
    pub fn name(self) -> &'static str {
        match self {
            Self::ES256 => "ES256",
            Self::EdDSA => "EdDSA",
            Self::RS256 => "RS256",
            Self::PS256 => "PS256",
        }
    }
}

/// The kind of application (OpenID Connect Registration §2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ApplicationType {
    /// On a server or in a browser.
    #[default]
    Web,
    /// On a user's device.
    Native,
}

/// What a native client gets when a token response was lost for longer than the overlap (docs/tokens.md, Refresh tokens,
/// rule 4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LostAnswer {
    /// The same successor, once.
    Once,
}

/// The consequence of three generations in a row with a retry (docs/tokens.md, Refresh tokens, rule 6).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OverlapStreak {
    /// The user and the administrators are alerted.
    #[default]
    Alert,
    /// They are alerted, and the family ends.
    End,
}

/// What a client may exchange its users' tokens for: a token for one resource, in exchange for one that was issued for a
/// resource of this client (docs/tokens.md, Token exchange).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExchangeRule {
    /// The resource that the client serves: the audience of the tokens that it receives.
    pub subject_resource: String,
    /// The resource that it calls.
    pub resource: String,
    /// What it may ask for there, whatever the received token allows.
    pub scope: Scope,
}

/// The registration of a client; the names are those of RFC 7591 and OpenID Connect Registration.
///
/// Code that accepts a registration rejects names that are in neither [`Metadata::BUILT`] nor [`Metadata::LATER`]; the
/// store reads anything that a newer node has written.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Metadata {
    /// The client's identifier.
    pub client_id: ClientId,
    /// The name shown to users.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_name: Option<String>,
    /// The home page shown to users.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_uri: Option<String>,
    /// How the client authenticates.
    #[serde(default)]
    pub token_endpoint_auth_method: AuthMethod,
    /// Whether it is a web or a native application.
    #[serde(default)]
    pub application_type: ApplicationType,
    /// The grant types that it may use. Unsupported names are kept.
    #[serde(default)]
    pub grant_types: Vec<String>,
    /// The response types that it may use.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub response_types: Vec<String>,
    /// The registered redirect URIs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub redirect_uris: Vec<String>,
    /// The addresses that the browser may be sent to after logout.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub post_logout_redirect_uris: Vec<String>,
    /// Every scope that it may request.
    #[serde(default)]
    pub scope: Scope,
    /// The resources that it may request tokens for.
    #[serde(default)]
    pub resources: Vec<String>,
    /// The resource of a request that names neither resource nor scope.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_resource: Option<String>,
    /// `false` only for confidential clients, set by the operator.
    #[serde(default = "yes")]
    pub require_pkce: bool,
    /// The origins of browser clients.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allowed_origins: Vec<String>,
    /// The audiences whose tokens it may introspect; `*` means all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub may_introspect: Vec<String>,
    /// What it may exchange received tokens for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub token_exchange: Vec<ExchangeRule>,
    /// Whether refresh tokens rotate; if absent, the kind of client decides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rotate_refresh_tokens: Option<bool>,
    /// How many seconds the previous refresh token is still accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refresh_overlap_seconds: Option<u32>,
    /// `once`: a token response that a native client lost for longer than the overlap is repeated once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lost_answer: Option<LostAnswer>,
    /// The consequence of three generations in a row with a retry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overlap_streak: Option<OverlapStreak>,
    /// Adds the issuer's own audience to tokens for a resource.
    #[serde(default)]
    pub userinfo_audience: bool,
    /// `fapi2`, or absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// The signature algorithm of ID tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id_token_signed_response_alg: Option<Alg>,
    /// The signature algorithm of access tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access_token_signed_response_alg: Option<Alg>,
    /// The least authentication context class of a sign-in for this client.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub required_acr: Option<Acr>,
    /// Until which day (RFC 3339 full-date) a user without a second step may put off what `required_acr` asks for. Absent,
    /// nobody may.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enrol_by: Option<String>,
    /// Whether people may create an account on the way to this client; absent, they may.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registration: Option<bool>,
    /// Fields that are stored but not supported yet.
    #[serde(flatten)]
    pub later: Map<String, Value>,
}

fn yes() -> bool {
    true
}

impl Metadata {
    /// The supported fields.
    pub const BUILT: [&str; 31] = [
        "client_id",
        "client_name",
        "client_uri",
        INITIATE_LOGIN_URI,
        "token_endpoint_auth_method",
        "application_type",
        "grant_types",
        "response_types",
        "redirect_uris",
        "post_logout_redirect_uris",
        "scope",
        "resources",
        "default_resource",
        "require_pkce",
        "allowed_origins",
        "may_introspect",
        "token_exchange",
        "rotate_refresh_tokens",
        "refresh_overlap_seconds",
        "userinfo_audience",
        "profile",
        "id_token_signed_response_alg",
        "access_token_signed_response_alg",
        "lost_answer",
        "overlap_streak",
        "required_acr",
        "enrol_by",
        "registration",
        BACKCHANNEL_LOGOUT_URI,
        BACKCHANNEL_LOGOUT_SESSION_REQUIRED,
        "policy",
    ];

    /// Standard fields (RFC 7591 §2, OpenID Connect Registration §2, Front-Channel Logout §2, RFC 9126, RFC 9449) that
    /// are stored until they are supported.
    pub const LATER: [&str; 23] = [
        "logo_uri",
        "policy_uri",
        "tos_uri",
        "contacts",
        "jwks",
        "jwks_uri",
        "sector_identifier_uri",
        "subject_type",
        "software_id",
        "software_version",
        "software_statement",
        "userinfo_signed_response_alg",
        "request_object_signing_alg",
        "token_endpoint_auth_signing_alg",
        "default_max_age",
        "require_auth_time",
        "default_acr_values",
        "request_uris",
        "frontchannel_logout_uri",
        "frontchannel_logout_session_required",
        "require_pushed_authorization_requests",
        "dpop_bound_access_tokens",
        "tls_client_certificate_bound_access_tokens",
    ];

    /// The first field that is not a registration parameter.
    pub fn unknown_name(&self) -> Option<&str> {
        let known = |name: &&str| Self::BUILT.contains(name) || Self::LATER.contains(name);
        self.later.keys().map(String::as_str).find(|name| !known(name))
    }

    /// Whether people may create an account on the way to this client.
    pub fn registers(&self) -> bool {
        self.registration != Some(false)
    }

    /// The fields that are stored but not supported yet.
    pub fn unbuilt_names(&self) -> impl Iterator<Item = &str> {
        let names = self.later.keys().map(String::as_str);
        names.filter(|name| !Self::BUILT.contains(name))
    }

    /// Checks everything that holds for any registration. The error is a sentence for its author.
    pub fn check(&self) -> Result<(), String> {
        let confidential = self.token_endpoint_auth_method != AuthMethod::None;
        let native = self.application_type == ApplicationType::Native;
        let id = &self.client_id;
        if let Some(name) = self.unknown_name() {
            return Err(format!("client {id}: {name:?} is not a registration parameter"));
        }
        for uri in &self.redirect_uris {
            redirect_uri::check("redirect_uri", uri, native)?;
        }
        for uri in &self.post_logout_redirect_uris {
            redirect_uri::check("post_logout_redirect_uri", uri, native)?;
        }
        if let Some(uri) = &self.client_uri {
            redirect_uri::check("client_uri", uri, false)?;
        }
        for name in [INITIATE_LOGIN_URI, BACKCHANNEL_LOGOUT_URI] {
            let Some(uri) = self.later.get(name) else {
                continue;
            };
            let Some(uri) = uri.as_str() else {
                return Err(format!("client {id}: {name} must be text"));
            };
            redirect_uri::check(name, uri, false)?;
        }
        let required = self.later.get(BACKCHANNEL_LOGOUT_SESSION_REQUIRED);
        if required.is_some_and(|required| !required.is_boolean()) {
            return Err(format!(
                "client {id}: {BACKCHANNEL_LOGOUT_SESSION_REQUIRED} must be true or false"
            ));
        }
        if let Some(day) = &self.enrol_by {
            if second_factor::date(day).is_none() {
                return Err(format!("client {id}: enrol_by is a day such as 2027-01-31"));
            }
            if self.required_acr.is_none() {
                return Err(format!("client {id}: enrol_by needs a required_acr to put off"));
            }
        }
        if self.redirect_uris.is_empty() && self.grant_types.iter().any(|grant| grant == "authorization_code")
        {
            return Err(format!("client {id}: authorization_code needs a redirect_uri"));
        }
        if self
            .grant_types
            .iter()
            .any(|grant| matches!(grant.as_str(), "password" | "implicit"))
        {
            return Err(format!(
                "client {id}: the password and implicit grants are not supported"
            ));
        }
        for (grant, law) in [
            (Grant::ClientCredentials, "RFC 6749 §4.4"),
            (Grant::TokenExchange, "RFC 8693 §2.1"),
        ] {
            if !confidential && self.grant_types.iter().any(|name| name == grant.name()) {
                return Err(format!(
                    "client {id}: {} requires a confidential client ({law})",
                    grant.name()
                ));
            }
        }
        if !confidential && !self.token_exchange.is_empty() {
            return Err(format!("client {id}: a public client cannot exchange tokens"));
        }
        if let Some(rule) = self.token_exchange.iter().find(|rule| rule.scope.is_empty()) {
            return Err(format!(
                "client {id}: the token_exchange for {} has no scope",
                rule.resource
            ));
        }
        if !confidential && !self.may_introspect.is_empty() {
            return Err(format!(
                "client {id}: a public client cannot introspect (RFC 7662 §2.1)"
            ));
        }
        if !self.require_pkce && (!confidential || self.profile.is_some()) {
            return Err(format!(
                "client {id}: only a confidential client without a profile may skip PKCE"
            ));
        }
        if let Some(default) = &self.default_resource
            && !self.resources.iter().any(|name| resource::same(name, default))
        {
            return Err(format!(
                "client {id}: default_resource is not among its resources"
            ));
        }
        if self.lost_answer.is_some() && !native {
            return Err(format!("client {id}: lost_answer requires a native client"));
        }
        if self.profile.as_deref().is_some_and(|profile| profile != "fapi2") {
            return Err(format!("client {id}: the only supported profile is fapi2"));
        }
        Ok(())
    }

    /// The grant types that are stored but not supported yet.
    pub fn unbuilt_grants(&self) -> impl Iterator<Item = &str> {
        self.grant_types
            .iter()
            .map(String::as_str)
            .filter(|name| Grant::parse(name).is_none())
    }
}

/// A client as stored.
#[derive(Clone, Debug, PartialEq)]
pub struct Client {
    /// The registration.
    pub metadata: Metadata,
    /// The keyed hash of the secret and the id of the key; only for confidential clients.
    pub secret: Option<StoredSecret>,
    /// When the secret was generated at random, with 128 bits or more. `None` if somebody chose it: it may be
    /// guessable.
    pub secret_generated_at: Option<Timestamp>,
    /// The previous secret, and until when it stays valid.
    pub previous_secret: Option<(StoredSecret, Timestamp)>,
    /// When an administrator disabled it.
    pub disabled_at: Option<Timestamp>,
    /// Tokens issued up to this instant are rejected everywhere; new ones are stamped later (docs/tokens.md, Revocation).
    pub tokens_before: Option<Timestamp>,
    /// The same for the tokens that it obtains on its own behalf only, not for those of its users.
    pub machine_tokens_before: Option<Timestamp>,
    /// Incremented by each change.
    pub version: i64,
}

/// A stored client secret: never the secret itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredSecret {
    /// The MAC key that made the hash.
    pub key_id: String,
    /// HMAC-SHA-256 over the secret, in base64url.
    pub hash: String,
}

impl Client {
    /// The client's identifier.
    pub fn id(&self) -> &ClientId {
        &self.metadata.client_id
    }

    /// The secrets valid at `now`: the current one, and the previous one during an overlap.
    pub fn secrets(&self, now: Timestamp) -> [Option<&StoredSecret>; 2] {
        let previous = self.previous_secret.as_ref();
        let counts = previous
            .filter(|(_, until)| now < *until)
            .map(|(secret, _)| secret);
        [self.secret.as_ref(), counts]
    }

    /// The home page, if it is on a site that the client signs users in to: a name that users trust must not link
    /// elsewhere.
    pub fn home(&self) -> Option<&str> {
        let origin = |uri: &str| Url::parse(uri).map(|url| url.origin()).ok();
        let home = self.metadata.client_uri.as_deref()?;
        let at = origin(home).filter(Origin::is_tuple)?;
        let mut sites = self.metadata.redirect_uris.iter().filter_map(|uri| origin(uri));
        sites.any(|site| site == at).then_some(home)
    }

    /// Where a third party can start a sign-in (OpenID Connect Core §4), with our issuer added. It is not a field,
    /// because values registered before the field was supported were not checked, and must stay readable.
    pub fn initiate_login(&self, issuer: &str) -> Option<String> {
        let uri = self.metadata.later.get(INITIATE_LOGIN_URI)?.as_str()?;
        redirect_uri::check(INITIATE_LOGIN_URI, uri, false).ok()?;
        let mut url = Url::parse(uri).ok()?;
        url.query_pairs_mut().append_pair("iss", issuer);
        Some(url.into())
    }

    /// Where the client receives logout tokens, if it does (OpenID Connect Back-Channel Logout §2.2). A disabled client
    /// receives none. As for [`Self::initiate_login`], values registered before the field was supported were not
    /// checked.
    pub fn backchannel_logout_uri(&self) -> Option<&str> {
        let uri = self.metadata.later.get(BACKCHANNEL_LOGOUT_URI)?.as_str()?;
        let calls =
            self.disabled_at.is_none() && redirect_uri::check(BACKCHANNEL_LOGOUT_URI, uri, false).is_ok();
        calls.then_some(uri)
    }

    /// True if the client can authenticate.
    pub fn is_confidential(&self) -> bool {
        self.metadata.token_endpoint_auth_method != AuthMethod::None
    }

    /// True if it is registered for the grant.
    pub fn may_use(&self, grant: Grant) -> bool {
        self.metadata.grant_types.iter().any(|name| name == grant.name())
    }

    /// True if the grant type of this name is registered, supported or not.
    pub fn has_grant(&self, name: &str) -> bool {
        self.metadata.grant_types.iter().any(|known| known == name)
    }

    /// True under the FAPI 2.0 profile.
    pub fn is_fapi2(&self) -> bool {
        self.metadata.profile.as_deref() == Some("fapi2")
    }

    /// Whether pages of this origin may read what the client is answered.
    pub fn allows_origin(&self, origin: &[u8]) -> bool {
        let allowed = &self.metadata.allowed_origins;
        allowed.iter().any(|known| known.as_bytes() == origin)
    }

    /// The signature algorithm of ID tokens: RS256 unless another is registered (OpenID Connect Core §15.1).
    pub fn id_token_alg(&self) -> Alg {
        self.metadata.id_token_signed_response_alg.unwrap_or(Alg::RS256)
    }

    /// The signature algorithm of access tokens.
    pub fn access_token_alg(&self) -> Alg {
        self.metadata.access_token_signed_response_alg.unwrap_or_default()
    }
}

/// The registration field for a sign-in that a third party starts.
const INITIATE_LOGIN_URI: &str = "initiate_login_uri";
/// The registration field for the address of logout tokens.
const BACKCHANNEL_LOGOUT_URI: &str = "backchannel_logout_uri";
/// Whether logout tokens must have a `sid`; they always have one.
const BACKCHANNEL_LOGOUT_SESSION_REQUIRED: &str = "backchannel_logout_session_required";

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn machine() -> Client {
        Client {
            metadata: Metadata {
                client_id: ClientId::parse("machine").unwrap(),
                client_name: None,
                client_uri: None,
                token_endpoint_auth_method: AuthMethod::ClientSecretBasic,
                application_type: ApplicationType::Web,
                grant_types: vec!["client_credentials".into()],
                response_types: Vec::new(),
                redirect_uris: Vec::new(),
                post_logout_redirect_uris: Vec::new(),
                scope: Scope::parse("catalog.read").unwrap(),
                resources: vec!["urn:latchkey:catalog".into()],
                default_resource: None,
                require_pkce: true,
                allowed_origins: Vec::new(),
                may_introspect: Vec::new(),
                token_exchange: Vec::new(),
                rotate_refresh_tokens: None,
                refresh_overlap_seconds: None,
                lost_answer: None,
                overlap_streak: None,
                required_acr: None,
                enrol_by: None,
                registration: None,
                userinfo_audience: false,
                profile: None,
                id_token_signed_response_alg: None,
                access_token_signed_response_alg: None,
                later: Map::new(),
            },
            secret: Some(StoredSecret {
                key_id: "k1".into(),
                hash: "h".into(),
            }),
            secret_generated_at: None,
            previous_secret: None,
            disabled_at: None,
            tokens_before: None,
            machine_tokens_before: None,
            version: 1,
        }
    }

    fn exchange_rule(scope: &str) -> ExchangeRule {
        ExchangeRule {
            subject_resource: "urn:latchkey:basket".into(),
            resource: "urn:latchkey:catalog".into(),
            scope: Scope::try_from(scope.to_owned()).unwrap(),
        }
    }

    /// TK-08.
    #[test]
    fn a_client_id_can_never_look_like_a_user_id() {
        for person in [
            "01890a5d-ac96-774b-bcce-b302099a8057",
            "01890A5D-AC96-774B-BCCE-B302099A8057",
            "01890a5dac96774bbcceb302099a8057",
        ] {
            assert_eq!(ClientId::parse(person), None, "{person}");
        }
        for bad in ["", "a b", "é", &"x".repeat(257), "a\n"] {
            assert_eq!(ClientId::parse(bad), None, "{bad:?}");
        }
        assert!(ClientId::parse("machine").is_some());
    }

    #[test]
    fn the_secret_before_counts_until_its_time_and_no_longer() {
        let mut client = machine();
        let own = client.secret.clone();
        let before = StoredSecret {
            key_id: "k1".into(),
            hash: "before".into(),
        };
        assert_eq!(client.secrets(Timestamp(0)), [own.as_ref(), None]);
        client.previous_secret = Some((before.clone(), Timestamp(10)));
        assert_eq!(client.secrets(Timestamp(9)), [own.as_ref(), Some(&before)]);
        assert_eq!(client.secrets(Timestamp(10)), [own.as_ref(), None]);
    }

    #[test]
    fn a_registration_that_would_weaken_the_protocol_is_refused() {
        let with = |change: fn(&mut Metadata)| {
            let mut metadata = machine().metadata;
            change(&mut metadata);
            metadata.check()
        };
        assert_eq!(with(|_| {}), Ok(()));
        type Spoil = fn(&mut Metadata);
        let spoil: [(&str, Spoil); 15] = [
            ("public machine", |m| {
                m.token_endpoint_auth_method = AuthMethod::None
            }),
            ("public exchange", |m| {
                m.grant_types = vec![Grant::TokenExchange.name().into()];
                m.token_endpoint_auth_method = AuthMethod::None
            }),
            ("public client with something to exchange", |m| {
                m.grant_types.clear();
                m.token_endpoint_auth_method = AuthMethod::None;
                m.token_exchange = vec![exchange_rule("catalog.read")];
            }),
            ("exchange for a token without scope", |m| {
                m.token_exchange = vec![exchange_rule("")];
            }),
            ("password grant", |m| m.grant_types.push("password".into())),
            ("implicit grant", |m| m.grant_types.push("implicit".into())),
            ("code without redirect", |m| {
                m.grant_types.push("authorization_code".into())
            }),
            ("public introspection", |m| {
                m.grant_types.clear();
                m.token_endpoint_auth_method = AuthMethod::None;
                m.may_introspect = vec!["x:y".into()];
            }),
            ("no PKCE under fapi2", |m| {
                m.profile = Some("fapi2".into());
                m.require_pkce = false;
            }),
            ("foreign default resource", |m| {
                m.default_resource = Some("urn:other".into())
            }),
            ("unknown profile", |m| m.profile = Some("fapi9".into())),
            ("script for a page", |m| {
                m.client_uri = Some("javascript:alert(1)".into())
            }),
            ("page without TLS", |m| {
                m.client_uri = Some("http://shop.test/".into())
            }),
            ("script to begin a sign-in", |m| {
                m.later
                    .insert(INITIATE_LOGIN_URI.into(), "javascript:alert(1)".into());
            }),
            ("a list of places to begin a sign-in", |m| {
                let list = vec!["https://shop.test/".to_owned()];
                m.later.insert(INITIATE_LOGIN_URI.into(), list.into());
            }),
        ];
        for (what, change) in spoil {
            assert!(with(change).is_err(), "{what}");
        }
    }

    #[test]
    fn a_secret_is_accepted_by_either_way_and_only_from_who_has_one() {
        use AuthMethod::{ClientSecretBasic as Basic, ClientSecretPost as Post, None as Public};
        for registered in [Basic, Post] {
            assert!(registered.accepts(Basic) && registered.accepts(Post));
            assert!(!registered.accepts(Public), "{registered:?}");
        }
        assert!(Public.accepts(Public));
        assert!(!Public.accepts(Basic) && !Public.accepts(Post));
    }

    #[test]
    fn a_sign_in_begins_again_at_the_registered_address_with_our_name() {
        let begins = |value: Value| {
            let mut client = machine();
            client.metadata.later.insert(INITIATE_LOGIN_URI.into(), value);
            client.initiate_login("https://id.test")
        };
        assert_eq!(
            begins("https://shop.test/in?a=b".into()).as_deref(),
            Some("https://shop.test/in?a=b&iss=https%3A%2F%2Fid.test")
        );
        // A value stored before the field was supported may be anything.
        for bad in ["javascript:alert(1)", "http://shop.test/in", "/in", ""] {
            assert_eq!(begins(bad.into()), None, "{bad}");
        }
        assert_eq!(begins(Value::Null), None);
        assert_eq!(machine().initiate_login("https://id.test"), None);
        let mut named = machine().metadata;
        named
            .later
            .insert(INITIATE_LOGIN_URI.into(), "https://shop.test/in".into());
        assert_eq!(named.unbuilt_names().count(), 0);
    }

    #[test]
    fn an_address_for_logout_tokens_is_https_or_loopback_and_one_text() {
        let registered = |name: &str, value: Value| {
            let mut client = machine();
            client.metadata.later.insert(name.into(), value);
            client
        };
        for fine in [
            "https://rp.test/out?tenant=a",
            "http://localhost:3000/out",
            "http://127.0.0.1:3000/out",
        ] {
            let client = registered(BACKCHANNEL_LOGOUT_URI, fine.into());
            assert_eq!(client.metadata.check(), Ok(()), "{fine}");
            assert_eq!(client.backchannel_logout_uri(), Some(fine));
            assert_eq!(client.metadata.unbuilt_names().count(), 0);
        }
        let list = Value::from(vec!["https://rp.test/out"]);
        let bad = [
            "http://rp.test/out",
            "ftp://rp.test/out",
            "javascript:alert(1)",
            "org.rp.app:/out",
            "/out",
            "",
            "https://rp.test/out#x",
            "https://user@rp.test/out",
            "https://:secret@rp.test/out",
            "https://*.rp.test/out",
            "https://rp.test/o ut",
            "https://rp.test\\@evil.test/",
            "https://b\u{fc}cher.test/out",
        ];
        let bad = bad.into_iter().map(Value::from);
        for bad in bad.chain([list, Value::Null, Value::from(7)]) {
            let client = registered(BACKCHANNEL_LOGOUT_URI, bad.clone());
            assert!(client.metadata.check().is_err(), "{bad}");
            // A value stored before the field was supported is not called either.
            assert_eq!(client.backchannel_logout_uri(), None, "{bad}");
        }
        let mut disabled = registered(BACKCHANNEL_LOGOUT_URI, "https://rp.test/out".into());
        disabled.disabled_at = Some(Timestamp(1));
        assert_eq!(disabled.backchannel_logout_uri(), None);
        for (value, taken) in [
            (Value::from(true), true),
            ("true".into(), false),
            (1.into(), false),
        ] {
            let client = registered(BACKCHANNEL_LOGOUT_SESSION_REQUIRED, value.clone());
            assert_eq!(client.metadata.check().is_ok(), taken, "{value}");
        }
    }

    /// AZ-15.
    #[test]
    fn the_name_of_a_client_leads_only_where_it_signs_people_in() {
        let home = |uri: &str, back: &[&str]| {
            let mut client = machine();
            client.metadata.client_uri = Some(uri.to_owned());
            client.metadata.redirect_uris = back.iter().map(|&uri| uri.to_owned()).collect();
            client.home().map(str::to_owned)
        };
        let back = ["https://shop.test/callback", "org.shop.app:/callback"];
        for same in ["https://shop.test/", "https://shop.test:443/welcome"] {
            assert_eq!(home(same, &back).as_deref(), Some(same));
        }
        for other in [
            "https://evil.test/",
            "https://shop.test.evil.test/",
            "https://shop.test:8443/",
            "http://shop.test/",
            "org.shop.app:/",
            "javascript:alert(1)",
            "nonsense",
            "",
        ] {
            assert_eq!(home(other, &back), None, "{other}");
        }
        assert_eq!(home("https://shop.test/", &[]), None);
    }
}
