//! Token requests (RFC 6749 §3.2): one variant per grant, parsed once. Another grant is another variant.

use std::fmt;

use crate::checks::Endpoint;
use crate::client::Grant;
use crate::error::OAuthError;
use crate::refresh_token::RefreshToken;

/// A parsed request. Its [`Debug`](fmt::Debug) shows only the grant, because the rest is secret.
#[derive(Clone, PartialEq, Eq)]
pub enum TokenRequest {
    /// RFC 6749 §4.1.3
    AuthorizationCode(AuthorizationCode),
    /// RFC 6749 §6
    RefreshToken(Refresh),
    /// RFC 6749 §4.4.2
    ClientCredentials(ClientCredentials),
    /// RFC 8693 §2.1
    TokenExchange(TokenExchange),
}

/// A code to redeem.
#[derive(Clone, PartialEq, Eq)]
pub struct AuthorizationCode {
    /// `code`
    pub code: String,
    /// `redirect_uri`, as sent.
    pub redirect_uri: Option<String>,
    /// `code_verifier`, as sent (RFC 7636 §4.5).
    pub verifier: Option<String>,
    /// Each `resource`, as sent (RFC 8707 §2.2).
    pub resource: Vec<String>,
}

/// A refresh token to use.
#[derive(Clone, PartialEq, Eq)]
pub struct Refresh {
    /// `refresh_token`, in the right format.
    pub token: RefreshToken,
    /// Each `resource`, as sent.
    pub resource: Vec<String>,
    /// `scope`, as sent.
    pub scope: Option<String>,
}

/// A client's request on its own behalf.
#[derive(Clone, PartialEq, Eq)]
pub struct ClientCredentials {
    /// Each `resource`, as sent.
    pub resource: Vec<String>,
    /// `scope`, as sent.
    pub scope: Option<String>,
}

/// A token to exchange for one of another audience.
#[derive(Clone, PartialEq, Eq)]
pub struct TokenExchange {
    /// `subject_token`, as sent: an access token.
    pub subject_token: String,
    /// The only `resource` or `audience`, as sent.
    pub target: String,
    /// `scope`, as sent.
    pub scope: Option<String>,
}

/// The type of the tokens that are exchanged, and of those that are issued (RFC 8693 §3).
pub const ACCESS_TOKEN_TYPE: &str = "urn:ietf:params:oauth:token-type:access_token";

/// Why a request cannot be parsed, and who may learn it: a stranger learns nothing about grants (RFC 6749 §5.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unreadable {
    /// Anybody, before the client is examined: the form itself is not one, so no client can be read from it either.
    ToAnybody(OAuthError),
    /// A client that has authenticated.
    ToClient(OAuthError),
    /// A client that may use this grant.
    ToGrantee(Grant, OAuthError),
}

/// A form that was read before its client is known. Each error is for a client that has authenticated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Read {
    pub request: Result<TokenRequest, OAuthError>,
    /// The column of checks that applies: that of the grant, if there is one.
    pub endpoint: Result<Endpoint, OAuthError>,
}

/// Reads the parameters of a form. The error is for anybody.
pub fn read(parameters: &[(String, String)]) -> Result<Read, OAuthError> {
    let (request, endpoint) = match TokenRequest::parse(parameters) {
        Ok(request) => {
            let grant = request.grant();
            (Ok(request), Ok(Endpoint::Token(grant)))
        }
        Err(Unreadable::ToAnybody(error)) => return Err(error),
        Err(Unreadable::ToClient(error)) => (Err(error.clone()), Err(error)),
        Err(Unreadable::ToGrantee(grant, error)) => (Err(error), Ok(Endpoint::Token(grant))),
    };
    Ok(Read { request, endpoint })
}

impl TokenRequest {
    /// Parses the parameters of a form. A parameter without a value counts as absent, and only `resource` may be
    /// repeated (RFC 6749 §3.2, RFC 8707 §2). Unknown parameters are ignored.
    pub fn parse(parameters: &[(String, String)]) -> Result<Self, Unreadable> {
        // The form parser rejects duplicates too; checking here makes it impossible to forget.
        let repeated = |(at, (name, _)): (usize, &(String, String))| {
            name != "resource" && parameters[..at].iter().any(|(other, _)| other == name)
        };
        if parameters.iter().enumerate().any(repeated) {
            return Err(Unreadable::ToAnybody(OAuthError::Malformed(
                "The form is malformed or repeats a parameter.",
            )));
        }
        let all = |wanted: &'static str| {
            let found = parameters
                .iter()
                .filter(move |(name, value)| name == wanted && !value.is_empty());
            found.map(|(_, value)| value.clone())
        };
        let one = |wanted| all(wanted).next();
        let resource = || all("resource").collect();
        let missing = OAuthError::Malformed;
        let grant = one("grant_type").ok_or(Unreadable::ToClient(missing("grant_type is missing.")))?;
        let grant = Grant::parse(&grant).ok_or(Unreadable::ToClient(OAuthError::UnsupportedGrant))?;
        Ok(match grant {
            Grant::AuthorizationCode => {
                let unread = || Unreadable::ToGrantee(grant, missing("code is missing."));
                Self::AuthorizationCode(AuthorizationCode {
                    code: one("code").ok_or_else(unread)?,
                    redirect_uri: one("redirect_uri"),
                    verifier: one("code_verifier"),
                    resource: resource(),
                })
            }
            Grant::RefreshToken => {
                let text = one("refresh_token").ok_or(missing("refresh_token is missing."));
                let token = text.and_then(|text| RefreshToken::parse(&text));
                Self::RefreshToken(Refresh {
                    token: token.map_err(|error| Unreadable::ToGrantee(grant, error))?,
                    resource: resource(),
                    scope: one("scope"),
                })
            }
            Grant::ClientCredentials => Self::ClientCredentials(ClientCredentials {
                resource: resource(),
                scope: one("scope"),
            }),
            Grant::TokenExchange => {
                let exchange = read_exchange(&one, all("resource").chain(all("audience")).collect());
                Self::TokenExchange(exchange.map_err(|error| Unreadable::ToGrantee(grant, error))?)
            }
        })
    }

    /// The grant of the request.
    pub fn grant(&self) -> Grant {
        match self {
            Self::AuthorizationCode(_) => Grant::AuthorizationCode,
            Self::RefreshToken(_) => Grant::RefreshToken,
            Self::ClientCredentials(_) => Grant::ClientCredentials,
            Self::TokenExchange(_) => Grant::TokenExchange,
        }
    }
}

/// RFC 8693 §2.1. The client itself is the actor, so there is no token for one.
fn read_exchange(
    one: &impl Fn(&'static str) -> Option<String>,
    targets: Vec<String>,
) -> Result<TokenExchange, OAuthError> {
    let malformed = OAuthError::Malformed;
    let subject_token = one("subject_token").ok_or(malformed("subject_token is missing."))?;
    match one("subject_token_type").as_deref() {
        None => return Err(malformed("subject_token_type is missing.")),
        Some(ACCESS_TOKEN_TYPE) => {}
        Some(_) => return Err(malformed("Only access tokens can be exchanged.")),
    }
    if one("requested_token_type").is_some_and(|wanted| wanted != ACCESS_TOKEN_TYPE) {
        return Err(malformed("Tokens can only be exchanged for access tokens."));
    }
    if one("actor_token").is_some() || one("actor_token_type").is_some() {
        return Err(malformed("The client acts itself: actor_token is not supported."));
    }
    let target = match <[String; 1]>::try_from(targets) {
        Ok([target]) => target,
        Err(none) if none.is_empty() => return Err(OAuthError::NoTarget),
        Err(_several) => return Err(OAuthError::InvalidTarget),
    };
    Ok(TokenExchange {
        subject_token,
        target,
        scope: one("scope"),
    })
}

impl fmt::Debug for TokenRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.grant().name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 66 bytes in the format of a refresh token: version, key, handle, generation 1, tag.
    fn refresh_token() -> String {
        use base64::Engine;
        let mut bytes = [7; 66];
        bytes[0] = 1;
        bytes[26..34].copy_from_slice(&1_i64.to_be_bytes());
        base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes)
    }

    fn pairs(all: &[(&str, &str)]) -> Vec<(String, String)> {
        all.iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect()
    }

    fn read(all: &[(&str, &str)]) -> Result<TokenRequest, Unreadable> {
        TokenRequest::parse(&pairs(all))
    }

    #[test]
    fn each_grant_reads_its_own_parameters_and_ignores_the_others() {
        let token = refresh_token();
        let every = [
            ("code", "c"),
            ("redirect_uri", "https://c.test/cb"),
            ("code_verifier", "v"),
            ("refresh_token", token.as_str()),
            ("resource", "https://a.test"),
            ("scope", "a b"),
            ("resource", "https://b.test"),
            ("client_id", "c"),
            ("unknown", "x"),
            ("subject_token", "s"),
            ("subject_token_type", ACCESS_TOKEN_TYPE),
        ];
        let resource = vec!["https://a.test".to_owned(), "https://b.test".to_owned()];
        let scope = Some("a b".to_owned());
        for expected in [
            TokenRequest::AuthorizationCode(AuthorizationCode {
                code: "c".to_owned(),
                redirect_uri: Some("https://c.test/cb".to_owned()),
                verifier: Some("v".to_owned()),
                resource: resource.clone(),
            }),
            TokenRequest::RefreshToken(Refresh {
                token: RefreshToken::parse(&token).unwrap(),
                resource: resource.clone(),
                scope: scope.clone(),
            }),
            TokenRequest::ClientCredentials(ClientCredentials { resource, scope }),
        ] {
            let grant = expected.grant();
            let all = [every.as_slice(), &[("grant_type", grant.name())]].concat();
            assert_eq!(read(&all), Ok(expected), "{grant:?}");
            assert_eq!(format!("{:?}", read(&all).unwrap()), grant.name());
        }
    }

    const EXCHANGE: [(&str, &str); 4] = [
        ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
        ("subject_token", "s"),
        ("subject_token_type", ACCESS_TOKEN_TYPE),
        ("resource", "urn:a"),
    ];

    /// The request of [`EXCHANGE`] without a parameter, and with others.
    fn exchange(without: &str, more: &[(&str, &str)]) -> Result<TokenRequest, Unreadable> {
        let kept = EXCHANGE.iter().filter(|(name, _)| *name != without);
        read(&kept.chain(more).copied().collect::<Vec<_>>())
    }

    #[test]
    fn an_exchange_names_one_target_as_resource_or_audience() {
        let expected = |target: &str, scope: Option<&str>| {
            Ok(TokenRequest::TokenExchange(TokenExchange {
                subject_token: "s".to_owned(),
                target: target.to_owned(),
                scope: scope.map(str::to_owned),
            }))
        };
        assert_eq!(exchange("", &[]), expected("urn:a", None));
        let of = ("requested_token_type", ACCESS_TOKEN_TYPE);
        assert_eq!(exchange("", &[of, ("scope", "x")]), expected("urn:a", Some("x")));
        assert_eq!(exchange("resource", &[("audience", "b")]), expected("b", None));
        // A parameter without a value is absent (RFC 6749 §3.2).
        assert_eq!(
            exchange("", &[("audience", ""), ("actor_token", "")]),
            expected("urn:a", None)
        );
    }

    /// CVE-2026-9704, TX-01, TX-07.
    #[test]
    fn an_exchange_without_its_parameters_is_never_anything_else() {
        let refused = |error| Err(Unreadable::ToGrantee(Grant::TokenExchange, error));
        let malformed = OAuthError::Malformed;
        let missing = || refused(malformed("subject_token is missing."));
        assert_eq!(exchange("subject_token", &[]), missing());
        assert_eq!(exchange("subject_token", &[("subject_token", "")]), missing());
        // Neither the parameters of other grants nor the actor's token take its place.
        let others = [("code", "c"), ("refresh_token", "r"), ("assertion", "a")];
        assert_eq!(exchange("subject_token", &others), missing());
        let without_type = || refused(malformed("subject_token_type is missing."));
        assert_eq!(exchange("subject_token_type", &[]), without_type());
        let only = || refused(malformed("Only access tokens can be exchanged."));
        for other in ["refresh_token", "id_token", "jwt", "saml2", "access_token "] {
            let other = format!("urn:ietf:params:oauth:token-type:{other}");
            let asked = [("subject_token_type", other.as_str())];
            assert_eq!(exchange("subject_token_type", &asked), only(), "{other}");
            let wanted = exchange("", &[("requested_token_type", &other)]);
            let refusal = malformed("Tokens can only be exchanged for access tokens.");
            assert_eq!(wanted, refused(refusal), "{other}");
        }
        for actor in [("actor_token", "t"), ("actor_token_type", ACCESS_TOKEN_TYPE)] {
            let refusal = malformed("The client acts itself: actor_token is not supported.");
            assert_eq!(exchange("", &[actor]), refused(refusal), "{actor:?}");
        }
        assert_eq!(exchange("resource", &[]), refused(OAuthError::NoTarget));
        for second in [
            ("resource", "urn:b"),
            ("resource", "urn:a"),
            ("audience", "urn:a"),
        ] {
            assert_eq!(
                exchange("", &[second]),
                refused(OAuthError::InvalidTarget),
                "{second:?}"
            );
        }
    }

    #[test]
    fn what_cannot_be_read_is_told_to_those_who_may_know_it() {
        use Unreadable::{ToAnybody, ToClient, ToGrantee};
        let token = refresh_token();
        let malformed = OAuthError::Malformed;
        let twice = || ToAnybody(malformed("The form is malformed or repeats a parameter."));
        let bad_token = || ToGrantee(Grant::RefreshToken, malformed("The refresh token is malformed."));
        let no_token = || ToGrantee(Grant::RefreshToken, malformed("refresh_token is missing."));
        let no_code = || ToGrantee(Grant::AuthorizationCode, malformed("code is missing."));
        let no_grant = || ToClient(malformed("grant_type is missing."));
        let unsupported = || ToClient(OAuthError::UnsupportedGrant);
        let (code, refresh) = ("authorization_code", "refresh_token");
        let cases: [(&[(&str, &str)], Unreadable); 15] = [
            (&[], no_grant()),
            (&[("code", "c")], no_grant()),
            (&[("grant_type", "")], no_grant()),
            (&[("grant_type", "password")], unsupported()),
            (&[("grant_type", "implicit"), ("code", "c")], unsupported()),
            (&[("grant_type", "Client_Credentials")], unsupported()),
            (&[("grant_type", "client_credentials ")], unsupported()),
            (&[("grant_type", code)], no_code()),
            (&[("grant_type", code), ("code", "")], no_code()),
            (&[("grant_type", refresh)], no_token()),
            (&[("grant_type", refresh), ("refresh_token", "")], no_token()),
            (&[("grant_type", refresh), ("refresh_token", "x")], bad_token()),
            (
                &[("grant_type", refresh), ("refresh_token", &token[1..])],
                bad_token(),
            ),
            (
                &[("grant_type", code), ("grant_type", code), ("code", "c")],
                twice(),
            ),
            (
                &[
                    ("grant_type", "client_credentials"),
                    ("scope", ""),
                    ("scope", "a"),
                ],
                twice(),
            ),
        ];
        for (parameters, expected) in cases {
            assert_eq!(read(parameters), Err(expected), "{parameters:?}");
        }
    }

    #[test]
    fn a_request_of_a_known_grant_has_its_column_even_if_it_cannot_be_read() {
        let endpoint = |all: &[(&str, &str)]| super::read(&pairs(all)).map(|read| read.endpoint);
        let column = |grant| Ok(Ok(Endpoint::Token(grant)));
        let machine = [("grant_type", "client_credentials")];
        assert_eq!(endpoint(&machine), column(Grant::ClientCredentials));
        let without_code = [("grant_type", "authorization_code")];
        assert_eq!(endpoint(&without_code), column(Grant::AuthorizationCode));
        let unknown = [("grant_type", "password")];
        assert_eq!(endpoint(&unknown), Ok(Err(OAuthError::UnsupportedGrant)));
        let without_token = [("grant_type", "refresh_token")];
        assert_eq!(endpoint(&without_token), column(Grant::RefreshToken));
    }

    #[test]
    fn no_parameter_but_resource_may_be_there_twice() {
        let token = refresh_token();
        let every = [
            "grant_type",
            "code",
            "redirect_uri",
            "code_verifier",
            "refresh_token",
            "scope",
            "client_id",
            "client_secret",
            "unknown",
            "subject_token",
            "subject_token_type",
            "requested_token_type",
            "audience",
            "actor_token",
        ];
        for grant in Grant::ALL {
            let fine = [
                ("grant_type", grant.name()),
                ("code", "c"),
                ("refresh_token", token.as_str()),
                ("subject_token", "s"),
                ("subject_token_type", ACCESS_TOKEN_TYPE),
            ];
            for name in every {
                let all = [fine.as_slice(), &[(name, "x"), (name, "y")]].concat();
                assert!(
                    matches!(read(&all), Err(Unreadable::ToAnybody(OAuthError::Malformed(_)))),
                    "{grant:?} {name}"
                );
            }
            let resources = [fine.as_slice(), &[("resource", "a"), ("resource", "b")]].concat();
            let several = match grant {
                Grant::TokenExchange => Err(Unreadable::ToGrantee(grant, OAuthError::InvalidTarget)),
                _ => Ok(grant),
            };
            assert_eq!(read(&resources).map(|read| read.grant()), several, "{grant:?}");
        }
    }
}
