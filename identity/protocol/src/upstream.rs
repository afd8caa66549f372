//! Signing in with another provider: what a provider is, and what one says about a person.
//!
//! A provider is an OpenID provider found by discovery, or one of the known ones, each of which needs rules of its own
//! ([`Kind`]). Nothing that a provider says is believed because of its form: [`id_token`] says when a token counts,
//! [`preset`] which issuers, tenants and addresses do, and [`claims`] what is read from it, which is a fixed list.

pub mod claims;
pub mod id_token;
pub mod logout;
pub mod preset;
pub mod response;
mod text;

use std::collections::BTreeMap;

use crate::Timestamp;
use crate::acr::Acr;

/// A provider that people can sign in with, as the operator has configured it. Its secrets are kept elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Provider {
    /// Its name in addresses and rows, which never changes.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// Which rules apply.
    pub kind: Kind,
    /// The issuer, exactly as the provider states it. For Microsoft's shared endpoints it contains `{tenantid}`.
    pub issuer: String,
    /// Our client at this provider.
    pub client_id: String,
    /// The scopes that are asked for.
    pub scopes: Vec<String>,
    /// Which of the provider's claims say what, where it has names of its own.
    pub claim_map: ClaimMap,
    /// What it may be used for.
    pub mode: Mode,
    /// Whether somebody unknown may get an account by it, as far as registration allows.
    pub registers: bool,
    /// The domains whose addresses this provider proves: no mail of ours has to.
    pub authoritative_for: Vec<String>,
    /// The domains whose people sign in with this provider and in no other way.
    pub forced_domains: Vec<String>,
    /// Whether the provider's tokens are kept.
    pub stores_tokens: bool,
    /// The tenants whose people may come: `tid` of Microsoft, `hd` of Google. Empty for all where the kind allows that.
    pub tenants: Vec<String>,
    /// Which of our roles stand for a value of the roles claim.
    pub roles: BTreeMap<String, Vec<String>>,
    /// The class that a sign-in there reaches here, when the provider states one of `acr_values`; absent, it is that of
    /// any provider.
    pub acr: Option<Acr>,
    /// The classes of the provider that are worth [`acr`](Self::acr).
    pub acr_values: Vec<String>,
}

/// The rules of a provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Any OpenID provider, another Latchkey among them.
    Oidc,
    /// Google.
    Google,
    /// Microsoft Entra ID.
    Microsoft,
    /// Sign in with Apple.
    Apple,
    /// GitHub, which speaks OAuth 2.0 alone.
    GitHub,
    /// GitLab.
    GitLab,
}

/// What a provider may be used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Signing in, and connecting to an account.
    SignIn,
    /// Connecting to an account that people sign in to in another way.
    LinkOnly,
    /// Nothing.
    Off,
}

/// The claims of a provider that say what ours say, by our name; others have the standard names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClaimMap(pub BTreeMap<Claim, String>);

/// What is read from what a provider says. Nothing else is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Claim {
    /// The address.
    Email,
    /// Whether the provider has verified the address.
    EmailVerified,
    /// A proposal for a user name.
    Username,
    /// The full name.
    Name,
    /// The given name.
    GivenName,
    /// The family name.
    FamilyName,
    /// The language.
    Locale,
    /// The address of a picture.
    Picture,
    /// Roles or groups.
    Roles,
}

/// Somebody, as a provider has described them after all of its rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpstreamIdentity {
    /// The id of the provider.
    pub provider: String,
    /// The issuer, for Microsoft that of the tenant.
    pub issuer: String,
    /// Who it is there: with the issuer, the only key.
    pub subject: String,
    /// The address, if there is one.
    pub email: Option<String>,
    /// Whether the provider vouches for the address, after the rules of its kind.
    pub email_verified: bool,
    /// A proposal for a user name.
    pub username: Option<String>,
    /// The full name.
    pub name: Option<String>,
    /// The given name.
    pub given_name: Option<String>,
    /// The family name.
    pub family_name: Option<String>,
    /// The language.
    pub locale: Option<String>,
    /// The address of a picture.
    pub picture: Option<String>,
    /// Our roles, after the table of the provider.
    pub roles: Vec<String>,
    /// The class by the operator's mapping; absent, it is that of any provider.
    pub acr: Option<Acr>,
    /// When they proved there who they are.
    pub auth_time: Option<Timestamp>,
    /// The session there, for its sign-out (OpenID Connect Back-Channel Logout).
    pub sid: Option<String>,
}

/// What a browser went to a provider for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpstreamFlow {
    /// What happens with the answer.
    pub purpose: Purpose,
    /// The id of the provider.
    pub provider: String,
    /// The handle of the request that the sign-in is for; absent when an account is connected.
    pub request: Option<String>,
}

/// What happens with a provider's answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Somebody signs in, or registers.
    SignIn,
    /// A user connects the account at the provider to the account here.
    Link {
        /// The user.
        user: String,
        /// The session in which the user has begun.
        session: String,
    },
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 6] = [
        Self::Oidc,
        Self::Google,
        Self::Microsoft,
        Self::Apple,
        Self::GitHub,
        Self::GitLab,
    ];

    /// The name in the configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Oidc => "oidc",
            Self::Google => "google",
            Self::Microsoft => "microsoft",
            Self::Apple => "apple",
            Self::GitHub => "github",
            Self::GitLab => "gitlab",
        }
    }

    /// The kind with this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

impl Mode {
    /// Every mode.
    pub const ALL: [Self; 3] = [Self::SignIn, Self::LinkOnly, Self::Off];

    /// The name in the configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Self::SignIn => "sign-in",
            Self::LinkOnly => "link-only",
            Self::Off => "off",
        }
    }

    /// The mode with this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mode| mode.name() == name)
    }
}

impl Claim {
    /// Every claim.
    pub const ALL: [Self; 9] = [
        Self::Email,
        Self::EmailVerified,
        Self::Username,
        Self::Name,
        Self::GivenName,
        Self::FamilyName,
        Self::Locale,
        Self::Picture,
        Self::Roles,
    ];

    /// The name in the configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::EmailVerified => "email_verified",
            Self::Username => "username",
            Self::Name => "name",
            Self::GivenName => "given_name",
            Self::FamilyName => "family_name",
            Self::Locale => "locale",
            Self::Picture => "picture",
            Self::Roles => "roles",
        }
    }

    /// The claim with this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|claim| claim.name() == name)
    }
}

impl Provider {
    /// Whether it may be used for this now. Asked before somebody goes there and again when they come back.
    pub fn allows(&self, purpose: &Purpose) -> bool {
        match (self.mode, purpose) {
            (Mode::SignIn, Purpose::SignIn | Purpose::Link { .. })
            | (Mode::LinkOnly, Purpose::Link { .. }) => true,
            (Mode::LinkOnly, Purpose::SignIn) | (Mode::Off, Purpose::SignIn | Purpose::Link { .. }) => false,
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A provider of this kind at `https://op.test`.
    pub(crate) fn provider(kind: Kind) -> Provider {
        Provider {
            id: "op".to_owned(),
            name: "Op".to_owned(),
            kind,
            issuer: "https://op.test".to_owned(),
            client_id: "latchkey".to_owned(),
            scopes: vec!["openid".to_owned()],
            claim_map: ClaimMap::default(),
            mode: Mode::SignIn,
            registers: true,
            authoritative_for: Vec::new(),
            forced_domains: Vec::new(),
            stores_tokens: false,
            tenants: Vec::new(),
            roles: BTreeMap::new(),
            acr: None,
            acr_values: Vec::new(),
        }
    }

    #[test]
    fn a_provider_is_used_for_what_its_mode_allows() {
        let link = Purpose::Link {
            user: "alice".to_owned(),
            session: "s".to_owned(),
        };
        for (mode, signs_in, links) in [
            (Mode::SignIn, true, true),
            (Mode::LinkOnly, false, true),
            (Mode::Off, false, false),
        ] {
            let provider = Provider {
                mode,
                ..provider(Kind::Oidc)
            };
            let allowed = (provider.allows(&Purpose::SignIn), provider.allows(&link));
            assert_eq!(allowed, (signs_in, links), "{mode:?}");
        }
    }

    #[test]
    fn names_of_the_configuration_are_read_as_they_are_written() {
        for kind in Kind::ALL {
            assert_eq!(Kind::parse(kind.name()), Some(kind));
        }
        for mode in Mode::ALL {
            assert_eq!(Mode::parse(mode.name()), Some(mode));
        }
        for claim in Claim::ALL {
            assert_eq!(Claim::parse(claim.name()), Some(claim));
        }
        for other in ["", "OIDC", "sign_in", "sub"] {
            let read = (Kind::parse(other), Mode::parse(other), Claim::parse(other));
            assert_eq!(read, (None, None, None), "{other:?}");
        }
    }
}
