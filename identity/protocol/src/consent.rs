//! What a user allowed a client, and when the user must be asked again (docs/tokens.md, Consent).

use crate::Timestamp;
use crate::audience::Granted;
use crate::client::{ApplicationType, Client};
use crate::redirect_uri::RedirectUri;

/// A user's consent for a client: one row per user and client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Consent {
    /// Everything allowed so far: each pair stood on a consent page.
    pub granted: Granted,
    /// When the user withdrew it.
    pub withdrawn_at: Option<Timestamp>,
}

/// Why the user is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// The user has never allowed this client anything, or has withdrawn it.
    First,
    /// The client requests more than before.
    Grew,
    /// The client requested it: `prompt=consent`.
    Prompted,
    /// Everything was allowed before, but to a client that is [unproven](is_unproven).
    EachTime,
}

/// Whether and why the user must be asked for exactly this request.
pub fn needed(
    client: &Client,
    redirect_uri: &RedirectUri,
    asked: &Granted,
    remembered: Option<&Consent>,
    prompted: bool,
) -> Option<Why> {
    let remembered = remembered.filter(|consent| consent.withdrawn_at.is_none());
    match remembered {
        None => Some(Why::First),
        Some(consent) if !consent.covers(asked) => Some(Why::Grew),
        Some(_) if prompted => Some(Why::Prompted),
        Some(_) if is_unproven(client, redirect_uri) => Some(Why::EachTime),
        Some(_) => None,
    }
}

/// Whether any program on the device may pretend to be the client, so that a remembered consent proves nothing (RFC 8252
/// §8.6): a public or native client whose response is delivered on the device itself, at loopback or by a private-use
/// scheme. Whoever is asked is told so, for whatever reason they are asked.
pub fn is_unproven(client: &Client, redirect_uri: &RedirectUri) -> bool {
    let native = client.metadata.application_type == ApplicationType::Native;
    (native || !client.is_confidential()) && redirect_uri.is_on_device()
}

/// Drops `offline_access` unless it is requested with `prompt=consent` or was allowed before, by a client that may
/// refresh (OpenID Connect Core §11).
pub fn settle_offline(
    client: &Client,
    asked: &Granted,
    remembered: Option<&Consent>,
    prompted: bool,
) -> Granted {
    let before = remembered
        .is_some_and(|consent| consent.withdrawn_at.is_none() && consent.granted.has(None, OFFLINE_ACCESS));
    let counts = client.has_grant("refresh_token") && (prompted || before);
    asked.filter(|_, name| counts || name != OFFLINE_ACCESS)
}

/// The scope of families that outlive logout.
pub const OFFLINE_ACCESS: &str = "offline_access";

impl Consent {
    /// True if everything requested is allowed, each scope at its resource.
    pub fn covers(&self, asked: &Granted) -> bool {
        self.granted.covers(asked)
    }

    /// The stored consent after the user allowed this too. What a request *grants* is never this union.
    pub fn after(remembered: Option<&Self>, allowed: &Granted) -> Self {
        let granted = match remembered {
            Some(consent) if consent.withdrawn_at.is_none() => consent.granted.or(allowed),
            _ => allowed.clone(),
        };
        Self {
            granted,
            withdrawn_at: None,
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::client::AuthMethod;
    use crate::redirect_uri::matching_client;
    use crate::scope::Scope;

    pub(crate) fn consent(scope: &str) -> Consent {
        Consent {
            granted: asked(scope),
            withdrawn_at: None,
        }
    }

    fn asked(scope: &str) -> Granted {
        asked_at(scope, "urn:latchkey:catalog")
    }

    fn asked_at(scope: &str, resource: &str) -> Granted {
        Granted::at_one(&Scope::parse(scope).unwrap(), Some(resource))
    }

    /// AZ-20.
    #[test]
    fn consent_is_asked_when_it_is_new_grows_is_prompted_or_proves_nothing() {
        let web = "https://a.test/cb";
        let before = consent("openid catalog.read");
        let withdrawn = Consent {
            withdrawn_at: Some(Timestamp(1)),
            ..before.clone()
        };
        let elsewhere = Consent {
            granted: asked_at("openid catalog.read", "urn:other"),
            withdrawn_at: None,
        };
        // (redirect_uri, native, public, remembered, asked, prompted) → why
        type Row<'a> = (
            &'a str,
            bool,
            bool,
            Option<&'a Consent>,
            &'a str,
            bool,
            Option<Why>,
        );
        let table: &[Row<'_>] = &[
            (web, false, false, None, "openid", false, Some(Why::First)),
            (
                web,
                false,
                false,
                Some(&withdrawn),
                "openid",
                false,
                Some(Why::First),
            ),
            (web, false, false, Some(&before), "openid", false, None),
            (
                web,
                false,
                false,
                Some(&before),
                "catalog.read openid",
                false,
                None,
            ),
            (
                web,
                false,
                false,
                Some(&before),
                "openid email",
                false,
                Some(Why::Grew),
            ),
            (
                web,
                false,
                false,
                Some(&elsewhere),
                "openid catalog.read",
                false,
                Some(Why::Grew),
            ),
            (web, false, false, Some(&elsewhere), "openid", false, None),
            (
                web,
                false,
                false,
                Some(&before),
                "openid",
                true,
                Some(Why::Prompted),
            ),
            (web, false, true, Some(&before), "openid", false, None),
            (
                "http://127.0.0.1/cb",
                true,
                true,
                Some(&before),
                "openid",
                false,
                Some(Why::EachTime),
            ),
            (
                "http://localhost/cb",
                false,
                true,
                Some(&before),
                "openid",
                false,
                Some(Why::EachTime),
            ),
            (
                "http://localhost/cb",
                false,
                false,
                Some(&before),
                "openid",
                false,
                None,
            ),
            (
                "http://localhost/cb",
                true,
                false,
                Some(&before),
                "openid",
                false,
                Some(Why::EachTime),
            ),
            (
                "com.example.app:/cb",
                true,
                true,
                Some(&before),
                "openid",
                false,
                Some(Why::EachTime),
            ),
            (web, true, true, Some(&before), "openid", false, None),
        ];
        for (uri, native, public, remembered, scope, prompted, expected) in table {
            let mut client = matching_client(*native, &[uri]);
            if *public {
                client.metadata.token_endpoint_auth_method = AuthMethod::None;
            }
            let uri = RedirectUri::of(&client, uri).unwrap();
            let got = needed(&client, &uri, &asked(scope), *remembered, *prompted);
            assert_eq!(got, *expected, "{uri:?} {native} {public} {scope} {prompted}");
        }
    }

    #[test]
    fn offline_access_counts_only_with_a_prompt_or_when_allowed_before() {
        let (before, never) = (consent("openid offline_access"), consent("openid"));
        let table = [
            (true, false, None, "openid"),
            (true, true, None, "openid offline_access"),
            (true, false, Some(&before), "openid offline_access"),
            (true, false, Some(&never), "openid"),
            (false, true, Some(&before), "openid"),
        ];
        for (may_refresh, prompted, remembered, expected) in table {
            let mut client = matching_client(false, &["https://a.test/cb"]);
            if may_refresh {
                client.metadata.grant_types.push("refresh_token".into());
            }
            let got = settle_offline(&client, &asked("openid offline_access"), remembered, prompted);
            assert_eq!(got.scope().to_string(), expected, "{may_refresh} {prompted}");
        }
    }

    #[test]
    fn what_is_remembered_grows_and_a_withdrawal_forgets_it() {
        let grown = Consent::after(Some(&consent("openid catalog.read")), &asked("openid email"));
        assert_eq!(grown.granted, asked("openid email catalog.read"));
        let withdrawn = Consent {
            withdrawn_at: Some(Timestamp(1)),
            ..grown
        };
        let again = Consent::after(Some(&withdrawn), &asked("openid"));
        assert_eq!(
            (again.granted.scope().to_string().as_str(), again.withdrawn_at),
            ("openid", None)
        );
    }

    #[test]
    fn a_yes_at_one_resource_is_none_at_another() {
        let at_b = Consent::after(None, &asked_at("openid write", "urn:b"));
        assert!(!at_b.covers(&asked_at("write", "urn:a")));
        let reads_at_a = Consent::after(Some(&at_b), &asked_at("openid read", "urn:a"));
        assert!(!reads_at_a.covers(&asked_at("write", "urn:a")));
        assert!(!reads_at_a.covers(&asked_at("read", "urn:b")));
        assert!(reads_at_a.covers(&asked_at("openid write", "urn:b")));
    }
}
