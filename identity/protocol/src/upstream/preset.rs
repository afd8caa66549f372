//! What the known providers do in ways of their own.

use serde_json::Value;

use super::{Kind, Provider};
use crate::Timestamp;

/// What an issuer has in place of the tenant, where one endpoint serves all of them.
pub const TENANT: &str = "{tenantid}";

/// How long ago somebody may have signed in there who has to show anew who they are, in seconds and as text.
const FRESH_S: i64 = 300;
const FRESH: &str = "300";
/// How far clocks may differ, in seconds.
const LEEWAY_S: i64 = 60;

/// Where a provider without discovery answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fixed {
    /// The authorization endpoint.
    pub authorization: String,
    /// The token endpoint.
    pub token: String,
    /// Who the user is.
    pub user: String,
    /// The user's addresses.
    pub emails: String,
}

impl Kind {
    /// The issuer, where there is but one that matters.
    pub const fn issuer(self) -> Option<&'static str> {
        match self {
            Self::Google => Some("https://accounts.google.com"),
            Self::Apple => Some("https://appleid.apple.com"),
            Self::GitHub => Some("https://github.com"),
            Self::GitLab => Some("https://gitlab.com"),
            Self::Oidc | Self::Microsoft => None,
        }
    }

    /// The scopes that are asked for unless the operator says otherwise.
    pub const fn scopes(self) -> &'static [&'static str] {
        match self {
            Self::Oidc | Self::Google | Self::Microsoft | Self::GitLab => &["openid", "profile", "email"],
            Self::Apple => &["openid", "name", "email"],
            Self::GitHub => &["read:user", "user:email"],
        }
    }

    /// Whether it speaks OpenID Connect: discovery, ID tokens and nonces.
    pub const fn has_id_tokens(self) -> bool {
        match self {
            Self::Oidc | Self::Google | Self::Microsoft | Self::Apple | Self::GitLab => true,
            Self::GitHub => false,
        }
    }

    /// Whether it posts its answer from its own site, without our cookies (OAuth 2.0 Form Post Response Mode).
    pub const fn posts(self) -> bool {
        match self {
            Self::Apple => true,
            Self::Oidc | Self::Google | Self::Microsoft | Self::GitHub | Self::GitLab => false,
        }
    }

    /// Whether its userinfo endpoint is asked. The others say everything in the ID token, and what Microsoft's says of an
    /// address proves nothing.
    pub const fn asks_userinfo(self) -> bool {
        match self {
            Self::Oidc | Self::GitLab => true,
            Self::Google | Self::Microsoft | Self::Apple | Self::GitHub => false,
        }
    }

    /// The algorithms of ID tokens that are accepted: never `none`, never one with a shared secret, and for a known
    /// provider the one that it uses (RFC 8725 §3.1).
    pub const fn algorithms(self) -> &'static [&'static str] {
        match self {
            Self::Oidc => &["RS256", "PS256", "ES256", "EdDSA"],
            Self::Google | Self::Microsoft | Self::Apple | Self::GitLab => &["RS256"],
            Self::GitHub => &[],
        }
    }

    /// Whether it says when somebody signed in there, if it is asked for (OpenID Connect Core §3.1.2.1, `max_age`).
    pub const fn states_age(self) -> bool {
        match self {
            Self::Oidc | Self::GitLab => true,
            Self::Google | Self::Microsoft | Self::Apple | Self::GitHub => false,
        }
    }

    /// Whether a sign-in there is recent enough for whoever has to show anew who they are. Of a provider that does not
    /// say, the sign-in counts as of now.
    pub fn is_fresh(self, auth_time: Option<Timestamp>, now: Timestamp) -> bool {
        match auth_time {
            Some(at) => now.seconds().saturating_sub(at.seconds()) <= FRESH_S + LEEWAY_S,
            None => !self.states_age(),
        }
    }

    /// Whether somebody must be of a tenant that the operator has named.
    pub const fn needs_tenants(self) -> bool {
        match self {
            Self::Microsoft => true,
            Self::Oidc | Self::Google | Self::Apple | Self::GitHub | Self::GitLab => false,
        }
    }
}

impl Provider {
    /// Where it describes itself (OpenID Connect Discovery §4).
    pub fn discovery(&self) -> String {
        let issuer = self.issuer.replace(TENANT, "organizations");
        let issuer = issuer.strip_suffix('/').unwrap_or(&issuer);
        format!("{issuer}/.well-known/openid-configuration")
    }

    /// The addresses of a provider without discovery. A server of one's own has its API below the same host.
    pub fn fixed(&self) -> Fixed {
        let issuer = &self.issuer;
        let api = if Some(issuer.as_str()) == Kind::GitHub.issuer() {
            "https://api.github.com".to_owned()
        } else {
            format!("{issuer}/api/v3")
        };
        Fixed {
            authorization: format!("{issuer}/login/oauth/authorize"),
            token: format!("{issuer}/login/oauth/access_token"),
            user: format!("{api}/user"),
            emails: format!("{api}/user/emails"),
        }
    }

    /// The parameters of an authorization request that this provider has besides those of any. `fresh` is whether somebody
    /// has to show anew who they are.
    pub fn extra_parameters(&self, fresh: bool) -> Vec<(&'static str, &str)> {
        let mut extra = Vec::new();
        if fresh && (self.kind.states_age() || self.kind == Kind::Microsoft) {
            extra.push(("prompt", "login"));
        }
        if fresh && self.kind.states_age() {
            extra.push(("max_age", FRESH));
        }
        if self.kind.posts() {
            extra.push(("response_mode", "form_post"));
        }
        if let (Kind::Google, [domain]) = (self.kind, self.tenants.as_slice()) {
            // A hint for its page alone: the token says who came.
            extra.push(("hd", domain.as_str()));
        }
        extra
    }

    /// The issuer that these claims must name; `None` if they name a tenant that may not come, or none where one is
    /// needed.
    pub fn issuer_for(&self, claims: &Value) -> Option<String> {
        let tenant = match self.kind {
            Kind::Microsoft => claims.get("tid").and_then(Value::as_str),
            Kind::Google if !self.tenants.is_empty() => claims.get("hd").and_then(Value::as_str),
            Kind::Oidc | Kind::Google | Kind::Apple | Kind::GitHub | Kind::GitLab => {
                return Some(self.issuer.clone());
            }
        }?;
        let allowed = self.tenants.iter().any(|known| known == tenant);
        allowed.then(|| self.issuer.replace(TENANT, tenant))
    }

    /// Whether the `iss` of a response is this provider's (RFC 9207 §2.4). `stated` is whether it has declared that it
    /// always sends one.
    pub fn is_response_issuer(&self, iss: Option<&str>, stated: bool) -> bool {
        let Some(iss) = iss else { return !stated };
        let of_tenant = || {
            let mut tenants = self.tenants.iter();
            self.issuer.contains(TENANT) && tenants.any(|tenant| self.issuer.replace(TENANT, tenant) == iss)
        };
        let of_github = || self.kind == Kind::GitHub && format!("{}/login/oauth", self.issuer) == iss;
        iss == self.issuer || of_tenant() || of_github()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::tests::provider;
    use super::*;

    fn microsoft() -> Provider {
        Provider {
            issuer: "https://login.microsoftonline.com/{tenantid}/v2.0".to_owned(),
            tenants: vec!["t1".to_owned(), "t2".to_owned()],
            ..provider(Kind::Microsoft)
        }
    }

    #[test]
    fn no_kind_accepts_an_unsigned_token_or_a_shared_secret() {
        for kind in Kind::ALL {
            let accepted = kind.algorithms();
            let weak = accepted.iter().any(|alg| *alg == "none" || alg.starts_with("HS"));
            assert!(!weak, "{kind:?}");
            assert_eq!(accepted.is_empty(), !kind.has_id_tokens(), "{kind:?}");
        }
    }

    #[test]
    fn the_issuer_of_a_shared_endpoint_has_the_tenant_filled_in() {
        let microsoft = microsoft();
        assert_eq!(
            microsoft.discovery(),
            "https://login.microsoftonline.com/organizations/v2.0/.well-known/openid-configuration"
        );
        let of_t1 = "https://login.microsoftonline.com/t1/v2.0";
        assert_eq!(
            microsoft.issuer_for(&json!({ "tid": "t1" })).as_deref(),
            Some(of_t1)
        );
        for other in [
            json!({}),
            json!({ "tid": "t3" }),
            json!({ "tid": "{tenantid}" }),
            json!({ "tid": 1 }),
        ] {
            assert_eq!(microsoft.issuer_for(&other), None, "{other}");
        }
    }

    #[test]
    fn a_slash_at_the_end_of_an_issuer_is_not_doubled() {
        let slash = Provider {
            issuer: "https://op.test/".to_owned(),
            ..provider(Kind::Oidc)
        };
        assert_eq!(
            slash.discovery(),
            "https://op.test/.well-known/openid-configuration"
        );
    }

    #[test]
    fn a_google_domain_is_checked_in_the_token() {
        let google = Provider {
            tenants: vec!["example.com".to_owned()],
            ..provider(Kind::Google)
        };
        assert!(google.issuer_for(&json!({ "hd": "example.com" })).is_some());
        for other in [
            json!({}),
            json!({ "hd": "example.org" }),
            json!({ "hd": "EXAMPLE.com" }),
        ] {
            assert_eq!(google.issuer_for(&other), None, "{other}");
        }
        assert!(provider(Kind::Google).issuer_for(&json!({})).is_some());
        assert_eq!(google.extra_parameters(true), [("hd", "example.com")]);
        assert!(provider(Kind::Google).extra_parameters(false).is_empty());
    }

    #[test]
    fn a_fresh_sign_in_is_asked_for_and_checked_where_that_is_possible() {
        let now = Timestamp(1_000_000_000);
        for (kind, auth_time, fresh) in [
            (Kind::Oidc, Some(now), true),
            (Kind::Oidc, Some(Timestamp(now.0 - 360_000)), true),
            (Kind::Oidc, Some(Timestamp(now.0 - 361_000)), false),
            (Kind::Oidc, None, false),
            (Kind::GitLab, None, false),
            (Kind::Google, None, true),
            (Kind::Microsoft, Some(Timestamp(0)), false),
            (Kind::GitHub, None, true),
        ] {
            assert_eq!(kind.is_fresh(auth_time, now), fresh, "{kind:?} {auth_time:?}");
        }
        let asked = [("prompt", "login"), ("max_age", FRESH)];
        assert_eq!(provider(Kind::Oidc).extra_parameters(true), asked);
        assert_eq!(provider(Kind::Microsoft).extra_parameters(true), asked[..1]);
        assert!(provider(Kind::Oidc).extra_parameters(false).is_empty());
        assert_eq!(FRESH.parse::<i64>(), Ok(FRESH_S));
    }

    #[test]
    fn a_response_of_another_issuer_is_recognised() {
        let op = provider(Kind::Oidc);
        for (iss, stated, expected) in [
            (Some("https://op.test"), true, true),
            (Some("https://op.test"), false, true),
            (None, false, true),
            (None, true, false),
            (Some("https://evil.test"), false, false),
            (Some("https://op.test/"), true, false),
            (Some("https://op.test/login/oauth"), true, false),
        ] {
            assert_eq!(op.is_response_issuer(iss, stated), expected, "{iss:?} {stated}");
        }
        assert!(provider(Kind::GitHub).is_response_issuer(Some("https://op.test/login/oauth"), false));
        let microsoft = microsoft();
        for (tenant, expected) in [("t2", true), ("t3", false)] {
            let iss = format!("https://login.microsoftonline.com/{tenant}/v2.0");
            assert_eq!(microsoft.is_response_issuer(Some(&iss), false), expected, "{iss}");
        }
    }

    #[test]
    fn github_has_its_api_elsewhere_and_a_server_of_ones_own_has_not() {
        let public = Provider {
            issuer: "https://github.com".to_owned(),
            ..provider(Kind::GitHub)
        };
        assert_eq!(public.fixed().emails, "https://api.github.com/user/emails");
        assert_eq!(provider(Kind::GitHub).fixed().user, "https://op.test/api/v3/user");
    }
}
