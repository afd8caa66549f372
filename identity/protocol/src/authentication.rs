//! The ladder of authentication: which proofs make which level, and what is still missing before a session may begin.
//!
//! A proof is one thing that somebody showed at one time. [`sign_in`] says what proofs amount to, and [`next`] what comes
//! before a session: a session never exists before policy is met.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::Timestamp;
use crate::client::Client;
use crate::session::SignIn;
use crate::user::User;

pub use crate::acr::Acr;

/// What somebody proved themselves by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum Method {
    /// A password.
    Password,
    /// A passkey, whose authenticator says whether it verified its user.
    Passkey {
        /// Verified by PIN or biometrics. Without it the passkey shows possession alone.
        user_verified: bool,
    },
    /// A time-based code of an authenticator app.
    Totp,
    /// A recovery code.
    RecoveryCode,
    /// A code or link from a mail.
    EmailCode,
    /// Another provider's word.
    Upstream,
}

impl Method {
    /// Every method.
    pub const ALL: [Self; 7] = [
        Self::Password,
        Self::Passkey { user_verified: true },
        Self::Passkey { user_verified: false },
        Self::Totp,
        Self::RecoveryCode,
        Self::EmailCode,
        Self::Upstream,
    ];

    /// The name in rows, which never changes.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::Passkey { user_verified: true } => "passkey",
            Self::Passkey { user_verified: false } => "passkey_unverified",
            Self::Totp => "totp",
            Self::RecoveryCode => "recovery_code",
            Self::EmailCode => "email_code",
            Self::Upstream => "upstream",
        }
    }

    /// The method of a name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|method| method.name() == name)
    }

    /// Whether it may stand beside a first proof as the second. Mail is no second step: who reads it can often set the
    /// password, too (NIST SP 800-63B-4 §3.1.3).
    const fn is_second(self) -> bool {
        match self {
            Self::Passkey { .. } | Self::Totp | Self::RecoveryCode => true,
            Self::Password | Self::EmailCode | Self::Upstream => false,
        }
    }

    /// The level that it reaches alone; `None` when it only stands beside another.
    const fn alone(self) -> Option<Acr> {
        match self {
            Self::Passkey { user_verified: true } => Some(Acr::Phr),
            Self::Password => Some(Acr::Password),
            Self::Upstream => Some(Acr::Upstream),
            Self::EmailCode => Some(Acr::Email),
            Self::Passkey { user_verified: false } | Self::Totp | Self::RecoveryCode => None,
        }
    }

    /// Whether both together are two factors.
    const fn makes_mfa_with(self, second: Self) -> bool {
        match (self, second) {
            (Self::Password, Self::Totp | Self::RecoveryCode | Self::Passkey { .. })
            | (Self::Upstream, Self::Totp | Self::RecoveryCode) => true,
            (
                Self::Password
                | Self::Upstream
                | Self::Passkey { .. }
                | Self::Totp
                | Self::RecoveryCode
                | Self::EmailCode,
                _,
            ) => false,
        }
    }

    /// Its `amr` values (RFC 8176 §2; `email`, `fed` and `rc` are our own).
    const fn amr(self) -> &'static [&'static str] {
        match self {
            Self::Password => &["pwd"],
            Self::Passkey { user_verified: true } => &["pop", "user", "mfa"],
            Self::Passkey { user_verified: false } => &["pop"],
            Self::Totp => &["otp"],
            Self::RecoveryCode => &["rc"],
            Self::EmailCode => &["email"],
            Self::Upstream => &["fed"],
        }
    }
}

impl From<Method> for String {
    fn from(method: Method) -> Self {
        method.name().to_owned()
    }
}

impl TryFrom<String> for Method {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        Self::parse(&name).ok_or_else(|| format!("{name:?} is not a method"))
    }
}

/// One thing that somebody proved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proof {
    /// How.
    pub method: Method,
    /// When.
    pub at: Timestamp,
    /// What it was proved with, where a person may have several: the id of a passkey, the account at a provider.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credential: Option<String>,
    /// The class that the operator gives another provider's word, if that is more than any provider's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acr: Option<Acr>,
}

impl Proof {
    /// A proof that needs no credential's name.
    pub fn new(method: Method, at: Timestamp) -> Self {
        Self {
            method,
            at,
            credential: None,
            acr: None,
        }
    }

    /// The level that it reaches alone: of a provider's word what the operator says, and never less than any provider's.
    fn alone(&self) -> Option<Acr> {
        let alone = self.method.alone();
        match self.method {
            Method::Upstream => alone.max(self.acr),
            Method::Password
            | Method::Passkey { .. }
            | Method::Totp
            | Method::RecoveryCode
            | Method::EmailCode => alone,
        }
    }
}

/// The proofs that were gathered for a request before its session exists. They count only for this user, in this epoch
/// of the user's credentials.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gathered {
    /// The user.
    pub user: String,
    /// Their credential epoch.
    pub epoch: i64,
    /// What was proved.
    pub proofs: Vec<Proof>,
    /// What the user chose on the way.
    #[serde(default)]
    pub choices: Choices,
}

/// What a user chose on the way to a session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Choices {
    /// To stay signed in on this device.
    #[serde(default)]
    pub keep: bool,
    /// To set up the second step that policy asks for another time: until when that is possible.
    #[serde(default)]
    pub later_until: Option<Timestamp>,
    /// To accept new terms another time, as long as that is possible.
    #[serde(default)]
    pub terms_later: bool,
    /// To accept the terms with this very step, in whose transaction that is written. It is never kept.
    #[serde(skip)]
    pub terms_accepted: bool,
}

impl Choices {
    /// Both together: what was chosen before stays chosen.
    pub fn and(self, more: Self) -> Self {
        Self {
            keep: self.keep || more.keep,
            later_until: more.later_until.or(self.later_until),
            terms_later: self.terms_later || more.terms_later,
            terms_accepted: self.terms_accepted || more.terms_accepted,
        }
    }
}

/// What proofs amount to; `None` when they are not enough to be signed in at all. `auth_time` is the oldest proof that
/// the class rests on, and of several ways to the same class the one with the latest.
pub fn sign_in(proofs: &[Proof]) -> Option<SignIn> {
    let basis = best(proofs)?;
    let mut amr: Vec<&str> = basis
        .proofs
        .iter()
        .flat_map(|proof| proof.method.amr())
        .copied()
        .collect();
    if basis.acr >= Acr::Mfa {
        amr.push("mfa");
    }
    let mut once: Vec<String> = Vec::with_capacity(amr.len());
    for value in amr {
        if !once.iter().any(|known| known == value) {
            once.push(value.to_owned());
        }
    }
    Some(SignIn {
        auth_time: basis.oldest(),
        acr: Some(basis.acr.name().to_owned()),
        amr: once,
    })
}

/// A class and the proofs that it rests on.
struct Basis<'a> {
    acr: Acr,
    proofs: Vec<&'a Proof>,
}

impl Basis<'_> {
    fn oldest(&self) -> Timestamp {
        let times = self.proofs.iter().map(|proof| proof.at);
        times.min_by_key(|at| at.0).unwrap_or(Timestamp(0))
    }
}

fn best(proofs: &[Proof]) -> Option<Basis<'_>> {
    let alone = proofs.iter().filter_map(|proof| {
        let acr = proof.alone()?;
        Some(Basis {
            acr,
            proofs: vec![proof],
        })
    });
    let pairs = proofs.iter().flat_map(|first| {
        let seconds = proofs
            .iter()
            .filter(move |second| first.method.makes_mfa_with(second.method));
        seconds.map(move |second| Basis {
            acr: Acr::Mfa,
            proofs: vec![first, second],
        })
    });
    alone.chain(pairs).max_by_key(|basis| (basis.acr, basis.oldest()))
}

/// The class that proofs reach.
pub fn level(proofs: &[Proof]) -> Option<Acr> {
    best(proofs).map(|basis| basis.acr)
}

/// What a client asks for in one request.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AcrRequest {
    /// `acr_values`, or the voluntary claim: a wish, which any of these fulfils.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub wished: Vec<Acr>,
    /// The essential claim: the answer is one of these, or an error (OpenID Connect Core §5.5.1.1).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub essential: Vec<Acr>,
}

impl AcrRequest {
    /// True if the request asks for nothing.
    pub fn is_empty(&self) -> bool {
        self.wished.is_empty() && self.essential.is_empty()
    }

    /// The class to name in the response. Whoever asked for some by the essential claim gets the highest of those that
    /// this sign-in reached.
    pub fn named(&self, reached: Acr) -> Acr {
        let asked = self.essential.iter().copied().filter(|acr| *acr <= reached);
        asked.max().unwrap_or(reached)
    }
}

/// Which class is needed, and by whom.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Needed {
    /// By the client's registration and the user's roles: without it there is no session.
    pub policy: Option<Acr>,
    /// By an essential claim: without it the client gets an error.
    pub essential: Option<Acr>,
    /// By a wish: without it the client gets what there is.
    pub wished: Option<Acr>,
}

impl Needed {
    /// What this request and this policy need.
    pub fn of(request: &AcrRequest, policy: Option<Acr>) -> Self {
        Self {
            policy,
            essential: request.essential.iter().copied().min(),
            wished: request.wished.iter().copied().min(),
        }
    }
}

/// The classes that roles need.
pub type RoleAcr = BTreeMap<String, Acr>;

/// The class that policy needs: that of the client or of a role, whichever is higher.
pub fn policy(client: Option<&Client>, person: &User, roles: &RoleAcr) -> Option<Acr> {
    let of_client = client.and_then(|client| client.metadata.required_acr);
    let of_roles = person.roles.iter().filter_map(|role| roles.get(role)).copied();
    of_roles.max().max(of_client)
}

/// What a user could prove besides the first step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Factors {
    /// A passkey that is not suspended.
    pub passkey: bool,
    /// A confirmed authenticator app.
    pub totp: bool,
}

impl Factors {
    /// The highest class that the user can reach, beginning with a password.
    pub fn reach(self) -> Acr {
        match self {
            Self { passkey: true, .. } => Acr::Phr,
            Self { totp: true, .. } => Acr::Mfa,
            Self { .. } => Acr::Password,
        }
    }
}

/// Something that must be done before a session begins, each on a page of its own. The order is that of asking.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Requirement {
    /// Accept the current terms.
    Terms,
    /// Prove the address.
    Address,
    /// Choose another password.
    NewPassword,
    /// Set up a factor that reaches what policy needs.
    Factor,
    /// Keep the account, or let it be deleted.
    Deletion,
}

/// The facts about somebody who is signing in.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// What they proved: for this request, or for their session as far as it is [`fresh`] enough.
    pub proofs: &'a [Proof],
    /// Which class is needed.
    pub needed: Needed,
    /// What they could prove.
    pub factors: Factors,
    /// Whether this browser is remembered, so that the second step is asked only where policy or client ask.
    pub remembered: bool,
    /// What else they must do, besides a factor that policy needs.
    pub required: &'a [Requirement],
}

/// What comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// The first step: who it is.
    First,
    /// The second step.
    Second,
    /// A page that cannot be left out.
    Required(Requirement),
    /// A session may begin.
    Done,
}

/// Decides what comes next.
pub fn next(facts: Facts<'_>) -> Next {
    let Some(reached) = level(facts.proofs) else {
        return Next::First;
    };
    // A mailed proof never passes an enrolled second step by, and neither does another provider's word.
    let has_second = facts.proofs.iter().any(|proof| proof.method.is_second());
    if facts.factors.totp && !facts.remembered && !has_second {
        return Next::Second;
    }
    let Needed {
        policy,
        essential,
        wished,
    } = facts.needed;
    let reach = reach(reached, facts.factors);
    let goal = [policy, essential, wished].into_iter().flatten();
    if goal.map(|wanted| wanted.min(reach)).any(|goal| goal > reached) {
        return Next::Second;
    }
    let lacks_factor = policy > Some(reached);
    if lacks_factor && reached == Acr::Email {
        // A mailed proof beside the app's code is no two factors, and whoever reads the mail alone sets up none: begin with
        // the password.
        return Next::First;
    }
    let factor = lacks_factor.then_some(Requirement::Factor);
    let required = facts.required.iter().copied().chain(factor).min();
    required.map_or(Next::Done, Next::Required)
}

/// The proofs of a session that still count: those from before an instant do not (`max_age`, `prompt=login`).
pub fn fresh(mut proofs: Vec<Proof>, since: Option<Timestamp>) -> Vec<Proof> {
    if let Some(since) = since {
        proofs.retain(|proof| proof.at >= since);
    }
    proofs
}

/// The highest class that somebody who has reached one can still reach.
pub fn reach(reached: Acr, factors: Factors) -> Acr {
    let second = match reached {
        Acr::Upstream | Acr::Password => factors.totp.then_some(Acr::Mfa),
        Acr::Email | Acr::Mfa | Acr::Phr => None,
    };
    let passkey = factors.passkey.then_some(Acr::Phr);
    second.max(passkey).map_or(reached, |more| more.max(reached))
}

/// Adds proofs to those that were there: of one method and credential the latest.
pub fn merged(mut before: Vec<Proof>, new: &[Proof]) -> Vec<Proof> {
    for proof in new {
        let same =
            |known: &&mut Proof| (known.method, &known.credential) == (proof.method, &proof.credential);
        match before.iter_mut().find(same) {
            Some(known) if known.at < proof.at => known.clone_from(proof),
            Some(_) => {}
            None => before.push(proof.clone()),
        }
    }
    before
}

#[cfg(test)]
mod tests;
