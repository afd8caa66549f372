//! Authentication context classes (OpenID Connect Core §2), from the weakest to the strongest.

use std::fmt;

use serde::{Deserialize, Serialize};

/// An authentication context class, in rising order: whoever reached one has reached those below.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum Acr {
    /// A mailed proof alone.
    Email,
    /// Another provider said so.
    Upstream,
    /// A password alone.
    Password,
    /// Two factors.
    Mfa,
    /// Phishing-resistant: a passkey that verified its user (OpenID EAP ACR Values 1.0).
    Phr,
}

impl Acr {
    /// Every class, in rising order.
    pub const ALL: [Self; 5] = [Self::Email, Self::Upstream, Self::Password, Self::Mfa, Self::Phr];

    /// Those that a sign-in gives at every installation, in rising order: a mailed code is a way in only where the operator
    /// says so, and another provider only where there is one.
    pub const GIVEN: [Self; 3] = [Self::Password, Self::Mfa, Self::Phr];

    /// The value of the claim `acr`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Email => "urn:latchkey:acr:email",
            Self::Upstream => "urn:latchkey:acr:upstream",
            Self::Password => "urn:latchkey:acr:password",
            Self::Mfa => "urn:latchkey:acr:mfa",
            Self::Phr => "phr",
        }
    }

    /// The class of a claim's value.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|acr| acr.name() == name)
    }
}

impl fmt::Display for Acr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl From<Acr> for String {
    fn from(acr: Acr) -> Self {
        acr.name().to_owned()
    }
}

impl TryFrom<String> for Acr {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        Self::parse(&name).ok_or_else(|| format!("{name:?} is not an acr that exists here"))
    }
}
