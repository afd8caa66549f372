//! Which endpoint checks what, in which order: one table, whose columns are walked and whose cells tests multiply.
//!
//! Most holes of our peers were a check that one endpoint had and its sibling had not. A new endpoint is a new column
//! here, and the test matrix grows by itself. A column has two halves: who calls ([`check_client`] walks it), and what an
//! authorization request says ([`authorize::parse`](crate::authorize::parse)).

use crate::client::{AuthMethod, Client, Grant};
use crate::client_auth::Presented;
use crate::error::OAuthError;

/// An endpoint of the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// `GET` and `POST /authorize`: a browser comes, and no client proves itself.
    Authorize,
    /// `POST /token` with a grant.
    Token(Grant),
    /// `POST /introspect` (RFC 7662)
    Introspect,
    /// `POST /revoke` (RFC 7009)
    Revoke,
    /// `GET /revocations`: the revocation feed for guards that do not reach the log.
    Feed,
}

/// A condition that must hold before anything is done for a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Check {
    /// This client has sent fewer wrong secrets from this address than permitted, or the presented credentials cannot
    /// be a guess.
    NotThrottled,
    /// The client is registered.
    Known,
    /// It used a method that its registration accepts.
    Method,
    /// The secret is correct.
    Secret,
    /// The client is not disabled.
    Enabled,
    /// The client is confidential.
    Confidential,
    /// The client is registered for the grant.
    Grant,
    /// The client may introspect tokens of at least one audience.
    MayIntrospect,
}

/// One thing to be sure of in an authorization request before a person is asked anything. Up to the redirect URI a fault is
/// a page of ours; from there on it is told to the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestCheck {
    /// No parameter is there twice but `resource` (RFC 6749 §3.1).
    Unrepeated,
    /// The client is registered, and no administrator disabled it.
    Client,
    /// `redirect_uri` is one that it registered.
    RedirectUri,
    /// `state` is short enough to be kept. One that is not cannot be given back, so this error is a page, too.
    State,
    /// `response_mode` is one that we have.
    ResponseMode,
    /// There is no `request`: objects are not supported. It comes before anything that the object might say otherwise
    /// (OpenID Connect Core §3.1.2.6).
    RequestObject,
    /// There is no `request_uri`.
    RequestUri,
    /// `response_type` is `code`.
    ResponseType,
    /// The client is registered for that.
    CodeGrant,
    /// The PKCE challenge is there, or may be absent.
    Pkce,
    /// `resource` and `scope` ask something that the client may ask.
    Target,
    /// `nonce` is text that can be kept.
    Nonce,
    /// `id_token_hint` is an ID token of this client.
    IdTokenHint,
    /// `prompt` has no value that we do not know.
    Prompt,
    /// `max_age` is a number of seconds.
    MaxAge,
    /// `claims` can be read, and names an authentication context class that exists here if it insists on any.
    Acr,
}

/// The facts that the checks look at.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// The client with the presented id, if there is one.
    pub client: Option<&'a Client>,
    /// The presented credentials.
    pub presented: &'a Presented,
    /// Whether the presented secret is the client's; computed for unknown clients too.
    pub secret_matches: bool,
    /// Whether this client has failed too often from this address recently.
    pub throttled: bool,
}

impl Facts<'_> {
    /// Whether guessing cannot have succeeded: the client has no guessable secret, or it presented a randomly generated
    /// one. A chosen secret proves nothing while guesses are throttled.
    fn is_beyond_guessing(&self) -> bool {
        self.client.is_some_and(|client| match self.presented.method {
            AuthMethod::None => !client.is_confidential(),
            AuthMethod::ClientSecretBasic | AuthMethod::ClientSecretPost => {
                self.secret_matches && client.secret_generated_at.is_some()
            }
        })
    }
}

impl Endpoint {
    /// Every endpoint, once per grant.
    pub const ALL: [Endpoint; 8] = [
        Endpoint::Authorize,
        Endpoint::Token(Grant::AuthorizationCode),
        Endpoint::Token(Grant::RefreshToken),
        Endpoint::Token(Grant::ClientCredentials),
        Endpoint::Token(Grant::TokenExchange),
        Endpoint::Introspect,
        Endpoint::Revoke,
        Endpoint::Feed,
    ];

    /// Every endpoint at which a client proves itself.
    pub fn proving() -> impl Iterator<Item = Self> {
        Self::ALL
            .into_iter()
            .filter(|endpoint| !endpoint.checks().is_empty())
    }

    /// The endpoint's column of the table: what it checks of whoever calls, in order. Without any, nobody is admitted.
    #[rustfmt::skip]
    pub fn checks(self) -> &'static [Check] {
        use Check::{Confidential, Enabled, Grant as Granted, Known, MayIntrospect, Method, NotThrottled, Secret};
        match self {
            Self::Authorize =>  &[],
            Self::Token(Grant::AuthorizationCode | Grant::RefreshToken) =>
                               &[NotThrottled, Known, Method, Secret, Enabled,               Granted               ],
            Self::Token(Grant::ClientCredentials | Grant::TokenExchange) =>
                               &[NotThrottled, Known, Method, Secret, Enabled, Confidential, Granted               ],
            Self::Introspect => &[NotThrottled, Known, Method, Secret, Enabled, Confidential,          MayIntrospect],
            Self::Revoke =>     &[NotThrottled, Known, Method, Secret, Enabled                                     ],
            Self::Feed =>       &[NotThrottled, Known, Method, Secret, Enabled, Confidential,          MayIntrospect],
        }
    }

    /// The other half of the column: what it checks of an authorization request, in order. Without any, it takes none.
    #[rustfmt::skip]
    pub fn request_checks(self) -> &'static [RequestCheck] {
        use RequestCheck::{
            Acr, Client, CodeGrant, IdTokenHint, MaxAge, Nonce, Pkce, Prompt, RedirectUri, RequestObject, RequestUri,
            ResponseMode, ResponseType, State, Target, Unrepeated,
        };
        match self {
            Self::Authorize => &[
                Unrepeated, Client, RedirectUri, State, ResponseMode, RequestObject, RequestUri, ResponseType, CodeGrant,
                Pkce, Target, Nonce, IdTokenHint, Prompt, MaxAge, Acr,
            ],
            Self::Token(_) | Self::Introspect | Self::Revoke | Self::Feed => &[],
        }
    }

    /// Whether a failed authentication is answered by 401 and a challenge even where the request had no `Authorization`
    /// header (RFC 7662 §2.3; the feed has no form). Elsewhere it is then 400, as RFC 6749 §5.2 has it: 401 needs a
    /// challenge (RFC 9110 §15.5.2), for which a browser asks its user and some libraries drop the error.
    pub fn always_challenges(self) -> bool {
        match self {
            Self::Introspect | Self::Feed => true,
            Self::Authorize | Self::Token(_) | Self::Revoke => false,
        }
    }
}

/// Runs the checks of the endpoint and stops at the first that fails.
pub fn check_client<'a>(endpoint: Endpoint, facts: Facts<'a>) -> Result<&'a Client, OAuthError> {
    if endpoint.checks().is_empty() {
        return Err(OAuthError::NoAuthentication);
    }
    for check in endpoint.checks() {
        check.hold(endpoint, facts)?;
    }
    facts.client.ok_or(OAuthError::UnknownClient)
}

impl Check {
    fn hold(self, endpoint: Endpoint, facts: Facts<'_>) -> Result<(), OAuthError> {
        let client = facts.client;
        let (holds, otherwise) = match self {
            Self::NotThrottled => (
                !facts.throttled || facts.is_beyond_guessing(),
                OAuthError::Throttled,
            ),
            Self::Known => (client.is_some(), OAuthError::UnknownClient),
            Self::Method => {
                let registered = client.map(|c| c.metadata.token_endpoint_auth_method);
                (
                    registered.is_some_and(|method| method.accepts(facts.presented.method)),
                    registered.map_or(OAuthError::UnknownClient, OAuthError::WrongAuthMethod),
                )
            }
            Self::Secret => (
                facts.secret_matches
                    || client.is_some_and(|c| c.metadata.token_endpoint_auth_method == AuthMethod::None),
                OAuthError::WrongSecret,
            ),
            Self::Enabled => (
                client.is_some_and(|c| c.disabled_at.is_none()),
                OAuthError::ClientDisabled,
            ),
            Self::Confidential => {
                // RFC 7662 §2.1: at introspection and similar endpoints, a client that proves nothing is not
                // authenticated at all.
                let otherwise = match endpoint {
                    Endpoint::Token(_) => OAuthError::PublicClient,
                    Endpoint::Authorize | Endpoint::Introspect | Endpoint::Revoke | Endpoint::Feed => {
                        OAuthError::NoAuthentication
                    }
                };
                (client.is_some_and(Client::is_confidential), otherwise)
            }
            Self::Grant => {
                let grant = match endpoint {
                    Endpoint::Token(grant) => Some(grant),
                    Endpoint::Authorize | Endpoint::Introspect | Endpoint::Revoke | Endpoint::Feed => None,
                };
                let may = grant.is_some_and(|grant| client.is_some_and(|c| c.may_use(grant)));
                (may, OAuthError::GrantNotAllowed)
            }
            Self::MayIntrospect => {
                // Every client with refresh tokens may introspect its own; the feed is for guards only.
                let own = |c: &Client| endpoint == Endpoint::Introspect && c.may_use(Grant::RefreshToken);
                (
                    client.is_some_and(|c| !c.metadata.may_introspect.is_empty() || own(c)),
                    OAuthError::MayNotIntrospect,
                )
            }
        };
        if holds { Ok(()) } else { Err(otherwise) }
    }
}

/// Whether an admitted client would still be admitted, assuming valid credentials. A long-running response asks again
/// before it sends more.
pub fn stands(endpoint: Endpoint, client: &Client) -> bool {
    let presented = Presented {
        method: client.metadata.token_endpoint_auth_method,
        client_id: Some(client.id().clone()),
        secret: None,
    };
    let facts = Facts {
        client: Some(client),
        presented: &presented,
        secret_matches: true,
        throttled: false,
    };
    check_client(endpoint, facts).is_ok()
}

/// Whether a failed admission counts as a guessed secret. Failures that a stranger can cause count alike for existing
/// and unknown clients: otherwise the throttle, and the time that counting takes, would reveal which ids exist.
pub fn counts_as_a_guess(error: &OAuthError) -> bool {
    matches!(
        error,
        OAuthError::WrongSecret | OAuthError::UnknownClient | OAuthError::WrongAuthMethod(_)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::authorize::{self, RequestError};
    use crate::client::tests::machine;
    use crate::client::{ClientId, StoredSecret};
    use crate::id_token::Hint;
    use crate::redirect_uri::matching_client;
    use crate::{Scope, Timestamp};

    fn presented() -> Presented {
        Presented {
            method: AuthMethod::ClientSecretBasic,
            client_id: ClientId::parse("machine"),
            secret: Some("s".into()),
        }
    }

    fn able() -> Client {
        let mut client = machine();
        client.metadata.may_introspect = vec!["*".into()];
        client.metadata.grant_types = Grant::ALL.map(|grant| grant.name().to_owned()).to_vec();
        client.secret = Some(StoredSecret {
            key_id: "k".into(),
            hash: "h".into(),
        });
        client
    }

    /// The matrix endpoint × broken fact: each endpoint rejects each broken fact that its column names, with the error of
    /// that fact.
    #[test]
    fn every_endpoint_refuses_every_fault_of_its_column() {
        let mut cells = 0;
        for endpoint in Endpoint::proving() {
            let good = Facts {
                client: Some(&able()),
                presented: &presented(),
                secret_matches: true,
                throttled: false,
            };
            assert!(check_client(endpoint, good).is_ok(), "{endpoint:?}");
            for check in endpoint.checks() {
                let mut client = able();
                let mut presented = presented();
                let (mut secret_matches, mut throttled, mut known) = (true, false, true);
                let expected = match check {
                    Check::NotThrottled => {
                        throttled = true;
                        OAuthError::Throttled
                    }
                    Check::Known => {
                        known = false;
                        OAuthError::UnknownClient
                    }
                    Check::Method => {
                        presented.method = AuthMethod::None;
                        OAuthError::WrongAuthMethod(AuthMethod::ClientSecretBasic)
                    }
                    Check::Secret => {
                        secret_matches = false;
                        OAuthError::WrongSecret
                    }
                    Check::Enabled => {
                        client.disabled_at = Some(Timestamp(1));
                        OAuthError::ClientDisabled
                    }
                    Check::Confidential => {
                        client.metadata.token_endpoint_auth_method = AuthMethod::None;
                        presented.method = AuthMethod::None;
                        match endpoint {
                            Endpoint::Token(_) => OAuthError::PublicClient,
                            _ => OAuthError::NoAuthentication,
                        }
                    }
                    Check::Grant => {
                        client.metadata.grant_types.clear();
                        OAuthError::GrantNotAllowed
                    }
                    Check::MayIntrospect => {
                        client.metadata.may_introspect.clear();
                        client.metadata.grant_types.clear();
                        OAuthError::MayNotIntrospect
                    }
                };
                let client = known.then_some(&client);
                let facts = Facts {
                    client,
                    presented: &presented,
                    secret_matches,
                    throttled,
                };
                assert_eq!(
                    check_client(endpoint, facts).unwrap_err(),
                    expected,
                    "{endpoint:?} {check:?}"
                );
                cells += 1;
            }
        }
        println!("endpoint x check: {cells} cells");
        assert_eq!(cells, 45);
    }

    /// A request of a client, which each check spoils in its own way.
    struct Request {
        parameters: Vec<(&'static str, String)>,
        client: Option<Client>,
        hint: Hint,
    }

    fn good_request() -> Request {
        let mut client = matching_client(false, &["https://app.test/cb"]);
        client.metadata.grant_types = vec!["authorization_code".into()];
        client.metadata.scope = Scope::parse("openid").unwrap();
        let parameters = [
            ("client_id", "machine"),
            ("redirect_uri", "https://app.test/cb"),
            ("response_type", "code"),
            ("scope", "openid"),
            ("code_challenge", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"),
            ("code_challenge_method", "S256"),
        ];
        Request {
            parameters: parameters.map(|(name, value)| (name, value.to_owned())).to_vec(),
            client: Some(client),
            hint: Hint::Absent,
        }
    }

    impl Request {
        fn set(&mut self, name: &'static str, value: &str) {
            self.parameters.retain(|(other, _)| *other != name);
            self.parameters.push((name, value.to_owned()));
        }

        /// What becomes of it: the page, or the error and its sentence at the registered address.
        fn told(&self, endpoint: Endpoint) -> String {
            let parameters: Vec<(String, String)> = self
                .parameters
                .iter()
                .map(|(name, value)| ((*name).to_owned(), value.clone()))
                .collect();
            let server = authorize::Server {
                issuer: "https://id.test",
                resources: &[],
            };
            match authorize::parse(endpoint, server, &parameters, self.client.as_ref(), &self.hint) {
                Ok(_) => "taken".to_owned(),
                Err(RequestError::Page(page)) => format!("page {}", page.code()),
                Err(RequestError::Redirect(response)) => {
                    assert_eq!(response.to.as_str(), "https://app.test/cb");
                    format!("{}: {}", response.fields[0].1, response.fields[1].1)
                }
            }
        }

        /// Spoils what this check looks at, and nothing else. How it is then told.
        fn spoil(&mut self, check: RequestCheck) -> String {
            let malformed = OAuthError::Malformed;
            let error = match check {
                RequestCheck::Unrepeated => {
                    self.parameters
                        .extend([("display", String::new()), ("display", String::new())]);
                    return "page malformed".to_owned();
                }
                RequestCheck::Client => {
                    self.client = None;
                    return "page unknown_client".to_owned();
                }
                RequestCheck::RedirectUri => {
                    self.set("redirect_uri", "https://app.test/cb2");
                    return "page redirect_uri".to_owned();
                }
                RequestCheck::State => {
                    self.set("state", &"s".repeat(5_000));
                    return "page malformed".to_owned();
                }
                RequestCheck::ResponseMode => {
                    self.set("response_mode", "fragment");
                    malformed("response_mode must be query or form_post.")
                }
                RequestCheck::RequestObject => {
                    self.set("request", "e30");
                    OAuthError::RequestNotSupported
                }
                RequestCheck::RequestUri => {
                    self.set("request_uri", "https://app.test/request");
                    OAuthError::RequestUriNotSupported
                }
                RequestCheck::ResponseType => {
                    self.set("response_type", "token");
                    OAuthError::UnsupportedResponseType
                }
                RequestCheck::CodeGrant => {
                    if let Some(client) = &mut self.client {
                        client.metadata.grant_types.clear();
                    }
                    OAuthError::GrantNotAllowed
                }
                RequestCheck::Pkce => {
                    self.set("code_challenge_method", "plain");
                    malformed("code_challenge_method must be S256.")
                }
                RequestCheck::Target => {
                    self.set("scope", "nobody.knows");
                    OAuthError::InvalidScope
                }
                RequestCheck::Nonce => {
                    self.set("nonce", "\n");
                    malformed("nonce is too long, or no text.")
                }
                RequestCheck::IdTokenHint => {
                    self.hint = Hint::Broken;
                    malformed("id_token_hint is not an ID token of this client.")
                }
                RequestCheck::Prompt => {
                    self.set("prompt", "none login");
                    malformed("prompt=none cannot be combined with other values.")
                }
                RequestCheck::MaxAge => {
                    self.set("max_age", "-1");
                    malformed("max_age must be a number of seconds.")
                }
                RequestCheck::Acr => {
                    self.set("claims", "[]");
                    malformed("claims must be a JSON object.")
                }
            };
            let wire = error.wire();
            format!("{}: {}", wire.code, wire.description)
        }
    }

    /// The matrix endpoint × spoiled check × spoiled check: each is told in its own words, and of two the one that comes
    /// first in the column.
    #[test]
    fn of_two_request_errors_the_first_check_of_the_column_answers() {
        let mut cells = 0;
        for endpoint in Endpoint::ALL {
            let column = endpoint.request_checks();
            let taken = if column.is_empty() {
                "page unknown_client"
            } else {
                "taken"
            };
            assert_eq!(good_request().told(endpoint), taken, "{endpoint:?}");
            for (at, first) in column.iter().enumerate() {
                for second in &column[at..] {
                    let mut request = good_request();
                    let expected = request.spoil(*first);
                    if second != first {
                        request.spoil(*second);
                    }
                    assert_eq!(
                        request.told(endpoint),
                        expected,
                        "{endpoint:?} {first:?} {second:?}"
                    );
                    cells += 1;
                }
            }
        }
        println!("endpoint x request check x request check: {cells} cells");
        assert_eq!(cells, 16 * 17 / 2);
    }

    #[test]
    fn every_request_endpoint_checks_client_address_and_pkce_in_that_order() {
        use RequestCheck::{Client, Pkce, RedirectUri, Unrepeated};
        for endpoint in Endpoint::ALL {
            let column = endpoint.request_checks();
            assert!(column.is_empty() || column.starts_with(&[Unrepeated, Client, RedirectUri]));
            assert!(column.is_empty() || column.contains(&Pkce), "{endpoint:?}");
            assert!(
                !column.is_empty() || !endpoint.checks().is_empty(),
                "{endpoint:?}"
            );
        }
    }

    #[test]
    fn nobody_is_admitted_where_nobody_proves_themselves() {
        let facts = Facts {
            client: Some(&able()),
            presented: &presented(),
            secret_matches: true,
            throttled: false,
        };
        assert_eq!(
            check_client(Endpoint::Authorize, facts),
            Err(OAuthError::NoAuthentication)
        );
        assert!(!stands(Endpoint::Authorize, &able()));
    }

    /// CVE-2026-9798, CVE-2026-16103, TK-10.
    #[test]
    fn no_endpoint_forgets_a_disabled_client() {
        for endpoint in Endpoint::proving() {
            assert!(endpoint.checks().contains(&Check::Enabled), "{endpoint:?}");
            assert!(endpoint.checks().contains(&Check::NotThrottled), "{endpoint:?}");
            assert!(endpoint.checks().contains(&Check::Secret), "{endpoint:?}");
        }
    }

    /// CVE-2026-9798, TK-10.
    #[test]
    fn an_authenticated_client_is_valid_until_its_registration_changes() {
        for endpoint in Endpoint::proving() {
            assert!(stands(endpoint, &able()), "{endpoint:?}");
            let mut disabled = able();
            disabled.disabled_at = Some(Timestamp(1));
            assert!(!stands(endpoint, &disabled), "{endpoint:?}");
        }
        let mut client = able();
        client.metadata.may_introspect.clear();
        assert!(!stands(Endpoint::Feed, &client));
        client.metadata.token_endpoint_auth_method = AuthMethod::None;
        assert!(!stands(Endpoint::Token(Grant::ClientCredentials), &client));
    }

    /// TK-13.
    #[test]
    fn whatever_a_stranger_runs_into_is_counted() {
        let stranger = Presented {
            secret: Some("guess".into()),
            ..presented()
        };
        let mut by_post = stranger.clone();
        by_post.method = AuthMethod::ClientSecretPost;
        for presented in [stranger, by_post] {
            for client in [None, Some(&able())] {
                let facts = Facts {
                    client,
                    presented: &presented,
                    secret_matches: false,
                    throttled: false,
                };
                let error = check_client(Endpoint::Revoke, facts).unwrap_err();
                assert!(counts_as_a_guess(&error), "{error:?}");
            }
        }
    }

    fn throttled(client: Option<&Client>, method: AuthMethod, secret_matches: bool) -> Vec<bool> {
        let presented = Presented {
            method,
            ..presented()
        };
        let facts = Facts {
            client,
            presented: &presented,
            secret_matches,
            throttled: true,
        };
        let refused = |endpoint| check_client(endpoint, facts) == Err(OAuthError::Throttled);
        Endpoint::proving().map(refused).collect()
    }

    #[test]
    fn a_throttle_refuses_only_what_could_be_the_guessed_secret() {
        use AuthMethod::{ClientSecretBasic as Basic, ClientSecretPost as Post, None as Public};
        let chosen = able();
        let mut generated = able();
        generated.secret_generated_at = Some(Timestamp(1));
        let mut public = able();
        public.metadata.token_endpoint_auth_method = Public;
        public.secret = None;
        for (what, client, method, secret_matches, refused) in [
            ("a chosen secret", Some(&chosen), Basic, true, true),
            ("a generated secret", Some(&generated), Basic, true, false),
            ("the same in the form", Some(&generated), Post, true, false),
            (
                "a guess at a generated secret",
                Some(&generated),
                Basic,
                false,
                true,
            ),
            (
                "no secret where one is registered",
                Some(&generated),
                Public,
                false,
                true,
            ),
            ("a public client", Some(&public), Public, false, false),
            ("a secret of a public client", Some(&public), Basic, false, true),
            ("nobody with a secret", None, Basic, false, true),
            ("nobody without one", None, Public, false, true),
        ] {
            let got = throttled(client, method, secret_matches);
            assert!(got.iter().all(|got| *got == refused), "{what}: {got:?}");
        }
    }

    #[test]
    fn a_secret_is_taken_from_header_or_form_whichever_is_registered() {
        for registered in [AuthMethod::ClientSecretBasic, AuthMethod::ClientSecretPost] {
            let mut client = able();
            client.metadata.token_endpoint_auth_method = registered;
            for method in [AuthMethod::ClientSecretBasic, AuthMethod::ClientSecretPost] {
                for secret_matches in [true, false] {
                    let presented = Presented {
                        method,
                        ..presented()
                    };
                    let facts = Facts {
                        client: Some(&client),
                        presented: &presented,
                        secret_matches,
                        throttled: false,
                    };
                    for endpoint in Endpoint::proving() {
                        let expected = if secret_matches {
                            Ok(&client)
                        } else {
                            Err(OAuthError::WrongSecret)
                        };
                        assert_eq!(check_client(endpoint, facts), expected, "{endpoint:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn the_log_says_which_check_failed_and_the_answer_does_not() {
        let answer = OAuthError::WrongSecret.wire();
        for (error, said) in [
            (OAuthError::UnknownClient, "unknown client"),
            (OAuthError::WrongSecret, "secret is wrong"),
            (
                OAuthError::WrongAuthMethod(AuthMethod::ClientSecretPost),
                "registered method is client_secret_post",
            ),
            (
                OAuthError::WrongAuthMethod(AuthMethod::None),
                "registered method is none",
            ),
        ] {
            assert!(error.to_string().contains(said), "{error}");
            assert_eq!(error.wire(), answer, "{error}");
        }
    }

    #[test]
    fn without_a_challenge_a_refusal_differs_by_its_status_alone() {
        let challenged = OAuthError::WrongSecret.wire();
        let bare = challenged.without_challenge();
        assert_eq!((challenged.status, bare.status), (401, 400));
        assert_eq!(
            (bare.code, bare.description),
            (challenged.code, challenged.description)
        );
        for other in [
            OAuthError::Throttled,
            OAuthError::MayNotIntrospect,
            OAuthError::InvalidScope,
            OAuthError::Unavailable,
        ] {
            assert_eq!(other.wire().without_challenge(), other.wire(), "{other}");
        }
    }

    /// TK-13.
    #[test]
    fn an_unknown_client_and_a_wrong_secret_are_one_answer() {
        let known = OAuthError::WrongSecret.wire();
        for other in [
            OAuthError::UnknownClient,
            OAuthError::WrongAuthMethod(AuthMethod::None),
            OAuthError::ClientDisabled,
            OAuthError::NoAuthentication,
            OAuthError::MalformedBasic,
        ] {
            assert_eq!(other.wire(), known, "{other:?}");
        }
    }
}
