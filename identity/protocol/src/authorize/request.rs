//! Reading an authorization request.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

use crate::Timestamp;
use crate::audience::{self, Granted};
use crate::authentication::{Acr, AcrRequest};
use crate::authorize::response::{Mode, Response};
use crate::checks::{Endpoint, RequestCheck};
use crate::client::{Client, ClientId};
use crate::error::{OAuthError, PageError};
use crate::id_token::Hint;
use crate::pkce::{self, Challenge};
use crate::redirect_uri::RedirectUri;
use crate::resource::Resource;
use crate::session::Session;
use crate::userinfo;

/// A request that may be redirected: its client is known and its redirect URI is matched.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// The client.
    pub client: ClientId,
    /// Where the response goes.
    pub redirect_uri: RedirectUri,
    /// How the response is delivered.
    pub mode: Mode,
    /// `state`, as sent.
    pub state: Option<String>,
    /// What the user is asked to allow.
    pub asked: Granted,
    /// The PKCE challenge; absent only by the operator's policy, and then audited.
    pub challenge: Option<Challenge>,
    /// `nonce`, as sent.
    pub nonce: Option<String>,
    /// The parsed `prompt`.
    pub prompt: Prompt,
    /// `max_age`, in seconds.
    pub max_age: Option<u64>,
    /// The `sub` of `id_token_hint`.
    pub hinted_sub: Option<String>,
    /// `login_hint`, for the field of the sign-in page.
    pub login_hint: Option<String>,
    /// `ui_locales`, in order of preference.
    pub ui_locales: Vec<String>,
    /// The authentication context classes of `acr_values` and `claims`.
    pub acr: AcrRequest,
    /// The claims of the user that `claims` names for the ID token.
    pub claims: Vec<String>,
}

impl Request {
    /// Proofs of a session from before this instant do not count for a request that was started then.
    pub fn since(&self, started: Timestamp, now: Timestamp) -> Option<Timestamp> {
        if self.prompt.login || self.prompt.select_account {
            return Some(started);
        }
        let max_age_ms = i64::try_from(self.max_age?.saturating_mul(1_000)).unwrap_or(i64::MAX);
        Some(started.min(Timestamp(now.0.saturating_sub(max_age_ms))))
    }

    /// Whether somebody whom the client wants to create an account may go on with a session that there is: not where it asks
    /// for another sign-in besides.
    pub fn lets_stay(&self, session: &Session, now: Timestamp) -> bool {
        let too_old = self
            .max_age
            .is_some_and(|max_age| session.is_older_than(max_age, now));
        !self.prompt.none && !self.prompt.login && !self.prompt.select_account && !too_old
    }
}

impl Response {
    /// The response with a code.
    pub fn code(request: &Request, issuer: &str, code: &str) -> Self {
        let first = vec![("code", code.to_owned())];
        Self::new(
            request.redirect_uri.clone(),
            request.mode,
            first,
            request.state.as_deref(),
            issuer,
        )
    }

    /// The error response: code and fixed sentence of the one error table.
    pub fn error(request: &Request, issuer: &str, error: &OAuthError) -> Self {
        Self::refuse(
            request.redirect_uri.clone(),
            request.mode,
            request.state.as_deref(),
            issuer,
            error,
        )
    }
}

/// `prompt` (OpenID Connect Core §3.1.2.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Prompt {
    /// Show no page at all.
    pub none: bool,
    /// Sign in again.
    pub login: bool,
    /// Ask for consent again.
    pub consent: bool,
    /// Let the user choose an account.
    pub select_account: bool,
    /// Create an account (Initiating User Registration via OpenID Connect 1.0). Left out where it is not asked: a node of
    /// an earlier release then reads the request.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub create: bool,
}

/// The part of the server's own configuration that parsing needs.
#[derive(Clone, Copy, Debug)]
pub struct Server<'a> {
    /// The issuer.
    pub issuer: &'a str,
    /// Every resource.
    pub resources: &'a [Resource],
}

/// Why a request is rejected.
#[derive(Clone, Debug, PartialEq)]
pub enum RequestError {
    /// There is no address to redirect to: one of our own pages.
    Page(PageError),
    /// An error response to the client.
    Redirect(Response),
}

/// The longest accepted `nonce`.
const LONGEST_NONCE: usize = 1_024;
/// The longest `state`; it is kept while the user signs in.
const LONGEST_STATE: usize = 4_096;
/// The longest hint that is kept; longer ones are ignored, because they are only hints.
const LONGEST_HINT: usize = 256;
/// The longest `claims` parameter.
const LONGEST_CLAIMS: usize = 8_192;
/// How many locales are examined.
const MOST_LOCALES: usize = 16;

/// The id of the client to load, if it is well formed.
pub fn client_id(parameters: &[(String, String)]) -> Option<ClientId> {
    one(parameters, "client_id").and_then(ClientId::parse)
}

/// Reads a request by the endpoint's column of the table of checks, in its order. `client` is the one of [`client_id`], and
/// `hint` what the signer made of `id_token_hint`.
///
/// Without a known, enabled client and a matched redirect URI the result is a page; every other error is sent to that
/// URI. Unknown parameters are ignored.
pub fn parse(
    endpoint: Endpoint,
    server: Server<'_>,
    parameters: &[(String, String)],
    client: Option<&Client>,
    hint: &Hint,
) -> Result<Request, RequestError> {
    let mut reading = Reading::new(server, parameters, client, hint);
    for check in endpoint.request_checks() {
        if let Err(error) = reading.pass(*check) {
            return Err(reading.reject(error));
        }
    }
    reading.request()
}

/// The redirect information of a request object.
#[derive(Default)]
struct WayBack {
    mode: Option<Mode>,
    state: Option<String>,
}

/// Request objects are not supported and always rejected, without checking their signature. Nothing in one is trusted
/// except how its client expects the error, at an address that both the parameters name and the registration contains.
fn way_back(object: &str) -> WayBack {
    let payload = object.split('.').nth(1);
    let payload = payload.and_then(|payload| URL_SAFE_NO_PAD.decode(payload).ok());
    let said: Option<Value> = payload.and_then(|payload| serde_json::from_slice(&payload).ok());
    let text = |name: &str| said.as_ref().and_then(|said| said.get(name)?.as_str());
    WayBack {
        mode: text("response_mode").and_then(Mode::parse),
        state: text("state")
            .filter(|state| (1..=LONGEST_STATE).contains(&state.len()))
            .map(str::to_owned),
    }
}

/// A request on its way through the checks: what they look at, and what they have made of it.
struct Reading<'a> {
    server: Server<'a>,
    parameters: &'a [(String, String)],
    client: Option<&'a Client>,
    hint: &'a Hint,
    /// How the answer goes back.
    mode: Mode,
    state: Option<String>,
    redirect_uri: Option<RedirectUri>,
    asked: Granted,
    challenge: Option<Challenge>,
    nonce: Option<String>,
    prompt: Prompt,
    max_age: Option<u64>,
    hinted_sub: Option<String>,
    acr: AcrRequest,
    claims: Vec<String>,
}

/// Why a check fails: a page of ours whatever is known, or an error for the client.
enum CheckError {
    Page(PageError),
    OAuth(OAuthError),
}

impl From<PageError> for CheckError {
    fn from(page: PageError) -> Self {
        Self::Page(page)
    }
}

impl From<OAuthError> for CheckError {
    fn from(error: OAuthError) -> Self {
        Self::OAuth(error)
    }
}

impl<'a> Reading<'a> {
    fn new(
        server: Server<'a>,
        parameters: &'a [(String, String)],
        client: Option<&'a Client>,
        hint: &'a Hint,
    ) -> Self {
        let object = one(parameters, "request").map(way_back).unwrap_or_default();
        let mode = one(parameters, "response_mode").and_then(Mode::parse);
        Self {
            server,
            parameters,
            client,
            hint,
            // What a request object names goes before the parameter (OpenID Connect Core §6.1). A mode that does not exist
            // is told by the default one.
            mode: object.mode.or(mode).unwrap_or_default(),
            state: one(parameters, "state").map(str::to_owned).or(object.state),
            redirect_uri: None,
            asked: Granted::default(),
            challenge: None,
            nonce: None,
            prompt: Prompt::default(),
            max_age: None,
            hinted_sub: None,
            acr: AcrRequest::default(),
            claims: Vec::new(),
        }
    }

    fn client(&self) -> Result<&'a Client, PageError> {
        self.client.ok_or(PageError::UnknownClient)
    }

    fn pass(&mut self, check: RequestCheck) -> Result<(), CheckError> {
        let parameters = self.parameters;
        let one = |name| one(parameters, name);
        match check {
            // The form parser refuses it too; here it cannot be forgotten.
            RequestCheck::Unrepeated if is_repeated(parameters) => Err(PageError::Malformed.into()),
            RequestCheck::Unrepeated => Ok(()),
            RequestCheck::Client => {
                let id = client_id(parameters);
                self.client = self
                    .client
                    .filter(|client| client.disabled_at.is_none() && id.as_ref() == Some(client.id()));
                self.client()?;
                Ok(())
            }
            RequestCheck::RedirectUri => {
                let client = self.client()?;
                let matched = one("redirect_uri").and_then(|uri| RedirectUri::of(client, uri));
                self.redirect_uri = Some(matched.ok_or(PageError::RedirectUri)?);
                Ok(())
            }
            RequestCheck::State => match &self.state {
                Some(state) if state.len() > LONGEST_STATE => Err(PageError::Malformed.into()),
                _ => Ok(()),
            },
            RequestCheck::ResponseMode => match one("response_mode").map(Mode::parse) {
                Some(None) => Err(OAuthError::Malformed("response_mode must be query or form_post.").into()),
                None | Some(Some(_)) => Ok(()),
            },
            RequestCheck::RequestObject => match one("request") {
                Some(_) => Err(OAuthError::RequestNotSupported.into()),
                None => Ok(()),
            },
            RequestCheck::RequestUri => match one("request_uri") {
                Some(_) => Err(OAuthError::RequestUriNotSupported.into()),
                None => Ok(()),
            },
            RequestCheck::ResponseType => match one("response_type") {
                Some("code") => Ok(()),
                Some(_) => Err(OAuthError::UnsupportedResponseType.into()),
                None => Err(OAuthError::Malformed("response_type is missing.").into()),
            },
            RequestCheck::CodeGrant => {
                let client = self.client()?;
                let types = &client.metadata.response_types;
                let code = types.is_empty() || types.iter().any(|kind| kind == "code");
                if !client.has_grant("authorization_code") || !code {
                    return Err(OAuthError::GrantNotAllowed.into());
                }
                Ok(())
            }
            RequestCheck::Pkce => {
                let (challenge, method) = (one("code_challenge"), one("code_challenge_method"));
                self.challenge = pkce::of_request(self.client()?, challenge, method)?;
                Ok(())
            }
            RequestCheck::Target => {
                let resources: Vec<String> = parameters
                    .iter()
                    .filter(|(name, value)| name == "resource" && !value.is_empty())
                    .map(|(_, value)| value.clone())
                    .collect();
                let Server {
                    issuer,
                    resources: all,
                } = self.server;
                self.asked = audience::asked(issuer, self.client()?, all, &resources, one("scope"))?;
                Ok(())
            }
            RequestCheck::Nonce => {
                let nonce = one("nonce");
                if nonce
                    .is_some_and(|nonce| nonce.len() > LONGEST_NONCE || nonce.chars().any(char::is_control))
                {
                    return Err(OAuthError::Malformed("nonce is too long, or no text.").into());
                }
                self.nonce = nonce.map(str::to_owned);
                Ok(())
            }
            RequestCheck::IdTokenHint => {
                let client = self.client()?;
                self.hinted_sub = match self.hint {
                    Hint::Absent => None,
                    Hint::Ours { sub, client: to, .. } if to == client.id() => Some(sub.clone()),
                    Hint::Ours { .. } | Hint::Broken => {
                        return Err(OAuthError::Malformed(
                            "id_token_hint is not an ID token of this client.",
                        )
                        .into());
                    }
                };
                Ok(())
            }
            RequestCheck::Prompt => {
                self.prompt = Prompt::parse(one("prompt"))?;
                Ok(())
            }
            RequestCheck::MaxAge => {
                self.max_age = one("max_age").map(parse_max_age).transpose()?;
                Ok(())
            }
            RequestCheck::Acr => {
                let claims = parse_claims(one("claims"))?;
                self.acr = parse_acr(one("acr_values"), &claims)?;
                self.claims = in_id_token(&claims);
                self.hinted_sub = only_sub(self.hinted_sub.take(), &claims)?;
                Ok(())
            }
        }
    }

    /// Where an error goes: no redirect without a matched address.
    fn reject(&self, error: CheckError) -> RequestError {
        match (error, &self.redirect_uri) {
            (CheckError::Page(page), _) => RequestError::Page(page),
            (CheckError::OAuth(_), None) => RequestError::Page(PageError::RedirectUri),
            (CheckError::OAuth(error), Some(to)) => RequestError::Redirect(Response::refuse(
                to.clone(),
                self.mode,
                self.state.as_deref(),
                self.server.issuer,
                &error,
            )),
        }
    }

    /// What the checks have made of it; nothing of an endpoint that takes no requests.
    fn request(self) -> Result<Request, RequestError> {
        let client = self.client().map_err(RequestError::Page)?;
        Ok(Request {
            client: client.id().clone(),
            redirect_uri: self
                .redirect_uri
                .ok_or(RequestError::Page(PageError::UnknownClient))?,
            mode: self.mode,
            state: self.state,
            asked: self.asked,
            challenge: self.challenge,
            nonce: self.nonce,
            prompt: self.prompt,
            max_age: self.max_age,
            hinted_sub: self.hinted_sub,
            login_hint: hint_text(self.parameters, "login_hint"),
            acr: self.acr,
            claims: self.claims,
            ui_locales: one(self.parameters, "ui_locales")
                .map(locales)
                .unwrap_or_default(),
        })
    }
}

/// RFC 6749 §3.1: a parameter that is there twice means nothing. `resource` may repeat (RFC 8707 §2).
fn is_repeated(parameters: &[(String, String)]) -> bool {
    let mut read = parameters.iter().enumerate();
    read.any(|(at, (name, _))| name != "resource" && parameters[..at].iter().any(|(other, _)| other == name))
}

impl Prompt {
    /// Any number of names separated by spaces; `none` cannot be combined.
    fn parse(text: Option<&str>) -> Result<Self, OAuthError> {
        let mut prompt = Self::default();
        for name in text.into_iter().flat_map(|text| text.split(' ')) {
            match name {
                "" => {}
                "none" => prompt.none = true,
                "login" => prompt.login = true,
                "consent" => prompt.consent = true,
                "select_account" => prompt.select_account = true,
                "create" => prompt.create = true,
                _ => return Err(OAuthError::Malformed("prompt has an unsupported value.")),
            }
        }
        if prompt.none && (prompt.login || prompt.consent || prompt.select_account || prompt.create) {
            return Err(OAuthError::Malformed(
                "prompt=none cannot be combined with other values.",
            ));
        }
        Ok(prompt)
    }
}

/// Seconds in plain digits: no sign, no fraction, at most ten digits.
fn parse_max_age(text: &str) -> Result<u64, OAuthError> {
    let digits = text.len() <= 10 && text.bytes().all(|byte| byte.is_ascii_digit());
    let parsed = if digits { text.parse().ok() } else { None };
    parsed.ok_or(OAuthError::Malformed("max_age must be a number of seconds."))
}

/// The `claims` parameter (OpenID Connect Core §5.5); an empty object where there is none.
fn parse_claims(claims: Option<&str>) -> Result<Map<String, Value>, OAuthError> {
    let malformed = OAuthError::Malformed("claims must be a JSON object.");
    let Some(claims) = claims else {
        return Ok(Map::new());
    };
    if claims.len() > LONGEST_CLAIMS {
        return Err(malformed);
    }
    match serde_json::from_str(claims) {
        Ok(Value::Object(claims)) => Ok(claims),
        Ok(_) | Err(_) => Err(malformed),
    }
}

/// The claims of the user that the ID token is asked to have. Unknown ones are ignored. Whether one is essential, and which
/// value is hoped for, changes nothing: what the scopes open is said, and it is said as it is (§5.5.1).
fn in_id_token(claims: &Map<String, Value>) -> Vec<String> {
    let asked = claims.get("id_token").and_then(Value::as_object);
    let named = userinfo::of_the_user().filter(|name| asked.is_some_and(|asked| asked.contains_key(*name)));
    named.map(str::to_owned).collect()
}

/// The one user that the response may be about: that of the hint, or of a value of `sub` (§5.5.1).
fn only_sub(hinted: Option<String>, claims: &Map<String, Value>) -> Result<Option<String>, OAuthError> {
    let mut only = hinted;
    for member in ["id_token", "userinfo"] {
        let sub = claims.get(member).and_then(|claims| claims.get("sub"));
        let Some(sub) = sub.and_then(|sub| sub.get("value")).and_then(Value::as_str) else {
            continue;
        };
        if only.as_deref().is_some_and(|other| other != sub) {
            return Err(OAuthError::Malformed("The request names different users."));
        }
        only = Some(sub.to_owned());
    }
    Ok(only)
}

/// The authentication context classes that a request asks for. Unknown ones in a wish are ignored; a request that insists
/// on one of them cannot be met.
fn parse_acr(acr_values: Option<&str>, claims: &Map<String, Value>) -> Result<AcrRequest, OAuthError> {
    let known =
        |names: &mut dyn Iterator<Item = &str>| -> Vec<Acr> { names.filter_map(Acr::parse).collect() };
    let mut acr = AcrRequest {
        wished: known(&mut acr_values.into_iter().flat_map(|text| text.split(' '))),
        essential: Vec::new(),
    };
    let Some(asked) = claims.get("id_token").and_then(|claims| claims.get("acr")) else {
        return Ok(acr);
    };
    let values = asked.get("values").and_then(Value::as_array);
    let value = asked.get("value").and_then(Value::as_str);
    let named = values
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .chain(value);
    let mut named = named.peekable();
    if asked.get("essential").and_then(Value::as_bool) != Some(true) {
        acr.wished.extend(known(&mut named));
        return Ok(acr);
    }
    let any = named.peek().is_none();
    acr.essential = known(&mut named);
    if acr.essential.is_empty() && !any {
        return Err(OAuthError::UnmetAuthenticationRequirements);
    }
    Ok(acr)
}

/// A parameter without a value counts as absent (RFC 6749 §3.1).
fn one<'a>(parameters: &'a [(String, String)], name: &str) -> Option<&'a str> {
    let found = parameters.iter().find(|(other, _)| other == name);
    found
        .map(|(_, value)| value.as_str())
        .filter(|value| !value.is_empty())
}

fn hint_text(parameters: &[(String, String)], name: &str) -> Option<String> {
    one(parameters, name)
        .filter(|text| text.len() <= LONGEST_HINT && !text.chars().any(char::is_control))
        .map(str::to_owned)
}

/// Language tags (RFC 5646), as far as they look valid; an unreadable preference is not an error.
pub fn locales(text: &str) -> Vec<String> {
    let tag = |text: &&str| {
        (1..=35).contains(&text.len())
            && text
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    text.split(' ')
        .filter(tag)
        .take(MOST_LOCALES)
        .map(str::to_owned)
        .collect()
}
