//! What follows from a provider's word about somebody: signing in, connecting, registering, or nothing. An account is never
//! found by its address, which a provider may state as it likes: the key is the issuer and the subject.

use crate::authentication::{Method, Proof};
use crate::sign_up::SignUpError;
use crate::upstream::{Mode, Provider};
use crate::user::canonical;

/// What is known when a browser comes back from a provider.
#[derive(Clone, Copy, Debug)]
pub struct CallbackFacts<'a> {
    /// What the provider may be used for now, which may be less than when the browser went there.
    pub mode: Mode,
    /// Whether somebody unknown may get an account by it.
    pub registers: bool,
    /// What the browser went there for.
    pub flow: Flow<'a>,
    /// The user here that the account there is connected to.
    pub holder: Option<Holder<'a>>,
    /// What the provider says of the address; absent without any.
    pub address: Option<Stated>,
    /// Whether the operator lets somebody with this address, or without any, register.
    pub registration: Result<(), SignUpError>,
}

/// What a browser went to a provider for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow<'a> {
    /// To sign in, or to register.
    SignIn,
    /// To connect the account there to this user's.
    Link {
        /// The user who began.
        user: &'a str,
        /// What became of the session in which it was begun.
        session: LinkSession,
        /// Whether the user has another account of this provider already.
        connected: bool,
    },
}

/// The session of a browser that comes back to connect an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkSession {
    /// The one in which it was begun, and something was shown in it a short while ago.
    Fresh,
    /// The same, but too long ago.
    Stale,
    /// Another one, or none.
    Other,
}

/// A user that an account elsewhere is connected to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Holder<'a> {
    /// The user.
    pub user: &'a str,
    /// Whether they may sign in.
    pub state: HolderState,
}

/// Whether a user may sign in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HolderState {
    /// They may.
    Active,
    /// An administrator has yet to approve them.
    Waits,
    /// They are disabled, locked or gone.
    Ended,
}

/// An address that a provider states.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stated {
    /// Whether the provider's word proves it: the operator has said so of its domain, and the provider vouches for it.
    pub proved: bool,
    /// Whether somebody here has it.
    pub taken: bool,
}

/// What follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome<'a> {
    /// The user has proved the first step.
    SignIn {
        /// The user.
        user: &'a str,
    },
    /// The user is asked whether to connect it.
    ConfirmLink,
    /// The owner of the address, as the provider proves it, is told to sign in and to connect it.
    AccountExists,
    /// A registration begins.
    Register {
        /// Whether nothing about an address is left to be proved. Otherwise a mail of ours proves it, and says nothing else
        /// of whether somebody has the address.
        proved: bool,
    },
    /// Nothing.
    Refused(Reason),
}

/// Why nothing follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// The provider may not be used for this.
    #[error("the provider is switched off")]
    Off,
    /// The user may not sign in.
    #[error("the user may not sign in")]
    Disabled,
    /// The user waits for approval.
    #[error("the user waits for approval")]
    Waits,
    /// The account there is connected to somebody else's.
    #[error("the account is connected to another user")]
    Taken,
    /// It is connected already, or another one of this provider is.
    #[error("an account of this provider is connected already")]
    Connected,
    /// The session is another one than that in which it was begun.
    #[error("the session is another one")]
    OtherSession,
    /// Something must be shown in the session again.
    #[error("the session was not confirmed lately")]
    StaleSession,
    /// Registration does not go on.
    #[error(transparent)]
    SignUp(#[from] SignUpError),
}

impl Reason {
    /// The code on the page, and its HTTP status.
    pub fn wire(self) -> (&'static str, u16) {
        match self {
            Self::Off => ("provider_off", 403),
            Self::Disabled => ("account_disabled", 403),
            Self::Waits => ("approval_wait", 403),
            Self::Taken => ("provider_taken", 409),
            Self::Connected => ("provider_connected", 409),
            Self::OtherSession | Self::StaleSession => ("provider_session", 409),
            Self::SignUp(error) => error.wire(),
        }
    }
}

/// What follows from what is known.
pub fn outcome<'a>(facts: &CallbackFacts<'a>) -> Outcome<'a> {
    let refused = Outcome::Refused;
    match (facts.mode, facts.flow) {
        (Mode::Off, _) | (Mode::LinkOnly, Flow::SignIn) => refused(Reason::Off),
        (
            Mode::SignIn | Mode::LinkOnly,
            Flow::Link {
                user,
                session,
                connected,
            },
        ) => match (session, facts.holder) {
            (LinkSession::Other, _) => refused(Reason::OtherSession),
            (LinkSession::Stale, _) => refused(Reason::StaleSession),
            (LinkSession::Fresh, Some(holder)) if holder.user != user => refused(Reason::Taken),
            (LinkSession::Fresh, Some(_)) => refused(Reason::Connected),
            (LinkSession::Fresh, None) if connected => refused(Reason::Connected),
            (LinkSession::Fresh, None) => Outcome::ConfirmLink,
        },
        (Mode::SignIn, Flow::SignIn) => match facts.holder {
            Some(Holder { user, state }) => match state {
                HolderState::Active => Outcome::SignIn { user },
                HolderState::Waits => refused(Reason::Waits),
                HolderState::Ended => refused(Reason::Disabled),
            },
            None => unknown(facts),
        },
    }
}

/// What follows for somebody whose account there is connected to nobody's.
fn unknown<'a>(facts: &CallbackFacts<'a>) -> Outcome<'a> {
    // Whoever the provider proves to own the address learns only what is theirs.
    if facts
        .address
        .is_some_and(|address| address.proved && address.taken)
    {
        return Outcome::AccountExists;
    }
    if !facts.registers {
        return Outcome::Refused(Reason::SignUp(SignUpError::Closed));
    }
    match facts.registration {
        Err(error) => Outcome::Refused(Reason::SignUp(error)),
        Ok(()) => Outcome::Register {
            proved: facts.address.is_none_or(|address| address.proved),
        },
    }
}

/// Whether a provider's word proves an address: the operator trusts it for the domain, and it vouches for the address.
pub fn proves(provider: &Provider, email: &str, verified: bool) -> bool {
    verified && is_of(&provider.authoritative_for, email)
}

/// The provider that the people of an address must sign in with.
pub fn forced<'a>(providers: &'a [Provider], email: &str) -> Option<&'a Provider> {
    let mut open = providers.iter().filter(|provider| provider.mode == Mode::SignIn);
    open.find(|provider| is_of(&provider.forced_domains, email))
}

/// Whether somebody whom one provider must name signs in by this proof: `identities` are their accounts at it. A passkey is
/// theirs whatever happens there, and what only stands beside another proof lets nobody in.
pub fn is_way_of(proof: &Proof, identities: &[&str]) -> bool {
    match proof.method {
        Method::Password | Method::EmailCode => false,
        Method::Upstream => proof
            .credential
            .as_deref()
            .is_some_and(|identity| identities.contains(&identity)),
        Method::Passkey { .. } | Method::Totp | Method::RecoveryCode => true,
    }
}

fn is_of(domains: &[String], email: &str) -> bool {
    let email = canonical(email.trim());
    let Some((_, domain)) = email.rsplit_once('@') else {
        return false;
    };
    domains.iter().any(|known| canonical(known) == domain)
}

/// An address or a name, as a list of connected accounts shows it: whoever looks over a shoulder learns little.
pub fn masked(text: &str) -> String {
    let (name, domain) = text
        .rsplit_once('@')
        .map_or((text, None), |(name, domain)| (name, Some(domain)));
    let first: String = name.chars().take(1).collect();
    match domain {
        Some(domain) => format!("{first}…@{domain}"),
        None if name.chars().count() <= 3 => format!("{first}…"),
        None => {
            let start: String = name.chars().take(3).collect();
            format!("{start}…")
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::Timestamp;
    use crate::upstream::{ClaimMap, Kind};

    const FACTS: CallbackFacts<'static> = CallbackFacts {
        mode: Mode::SignIn,
        registers: true,
        flow: Flow::SignIn,
        holder: None,
        address: None,
        registration: Ok(()),
    };

    const fn held(user: &'static str, state: HolderState) -> Option<Holder<'static>> {
        Some(Holder { user, state })
    }

    const fn link(session: LinkSession, connected: bool) -> Flow<'static> {
        Flow::Link {
            user: "p",
            session,
            connected,
        }
    }

    const fn stated(proved: bool, taken: bool) -> Option<Stated> {
        Some(Stated { proved, taken })
    }

    fn provider(id: &str, mode: Mode, domains: &[&str]) -> Provider {
        let domains: Vec<String> = domains.iter().map(|domain| (*domain).to_owned()).collect();
        Provider {
            id: id.to_owned(),
            name: id.to_owned(),
            kind: Kind::Oidc,
            issuer: "https://id.test".to_owned(),
            client_id: "c".to_owned(),
            scopes: vec![],
            claim_map: ClaimMap::default(),
            mode,
            registers: true,
            authoritative_for: domains.clone(),
            forced_domains: domains,
            stores_tokens: false,
            tenants: vec![],
            roles: BTreeMap::new(),
            acr: None,
            acr_values: vec![],
        }
    }

    #[test]
    fn somebody_who_is_connected_signs_in_while_they_may() {
        for (state, expected) in [
            (HolderState::Active, Outcome::SignIn { user: "p" }),
            (HolderState::Waits, Outcome::Refused(Reason::Waits)),
            (HolderState::Ended, Outcome::Refused(Reason::Disabled)),
        ] {
            let facts = CallbackFacts {
                holder: held("p", state),
                // Neither who has the address nor whether anybody may register has to do with it.
                address: stated(true, true),
                registers: false,
                registration: Err(SignUpError::Closed),
                ..FACTS
            };
            assert_eq!(outcome(&facts), expected, "{state:?}");
        }
    }

    #[test]
    fn a_provider_that_was_switched_off_meanwhile_is_of_no_use() {
        let fresh = link(LinkSession::Fresh, false);
        for (mode, flow, off) in [
            (Mode::Off, Flow::SignIn, true),
            (Mode::Off, fresh, true),
            (Mode::LinkOnly, Flow::SignIn, true),
            (Mode::LinkOnly, fresh, false),
            (Mode::SignIn, fresh, false),
        ] {
            for holder in [None, held("p", HolderState::Active)] {
                let facts = CallbackFacts {
                    mode,
                    flow,
                    holder,
                    ..FACTS
                };
                let is_off = outcome(&facts) == Outcome::Refused(Reason::Off);
                assert_eq!(is_off, off, "{mode:?} {flow:?}");
            }
        }
    }

    #[test]
    fn connecting_needs_the_fresh_session_that_began_it() {
        let (mine, anothers) = (held("p", HolderState::Active), held("q", HolderState::Active));
        let refused = Outcome::Refused;
        for (session, connected, holder, expected) in [
            (LinkSession::Fresh, false, None, Outcome::ConfirmLink),
            (LinkSession::Stale, false, None, refused(Reason::StaleSession)),
            (LinkSession::Other, false, None, refused(Reason::OtherSession)),
            (LinkSession::Fresh, true, None, refused(Reason::Connected)),
            (LinkSession::Fresh, true, mine, refused(Reason::Connected)),
            (LinkSession::Fresh, false, anothers, refused(Reason::Taken)),
            // Who has it is nobody's business who has not even the session.
            (LinkSession::Other, false, anothers, refused(Reason::OtherSession)),
        ] {
            let facts = CallbackFacts {
                flow: link(session, connected),
                holder,
                address: stated(true, true),
                ..FACTS
            };
            assert_eq!(outcome(&facts), expected, "{session:?} {connected} {holder:?}");
        }
    }

    #[test]
    fn an_address_never_leads_to_the_account_that_has_it() {
        let (exists, closed) = (
            Outcome::AccountExists,
            Outcome::Refused(Reason::SignUp(SignUpError::Closed)),
        );
        let register = |proved| Outcome::Register { proved };
        let no = Err(SignUpError::Closed);
        for (address, registers, registration, expected) in [
            (None, true, Ok(()), register(true)),
            (None, true, no, closed),
            (None, false, Ok(()), closed),
            (stated(false, false), true, Ok(()), register(false)),
            (stated(true, false), true, Ok(()), register(true)),
            (stated(true, true), true, Ok(()), exists),
            (stated(true, true), false, no, exists),
            (stated(false, false), false, no, closed),
        ] {
            let facts = CallbackFacts {
                address,
                registers,
                registration,
                ..FACTS
            };
            assert_eq!(
                outcome(&facts),
                expected,
                "{address:?} {registers} {registration:?}"
            );
        }
        // Without proof nobody learns whether somebody has the address.
        for registration in [Ok(()), no] {
            let [free, taken] = [false, true].map(|taken| {
                outcome(&CallbackFacts {
                    address: stated(false, taken),
                    registration,
                    ..FACTS
                })
            });
            assert_eq!(free, taken);
        }
    }

    #[test]
    fn the_reason_of_a_registration_is_that_of_its_rules() {
        for error in SignUpError::ALL {
            let facts = CallbackFacts {
                registration: Err(error),
                ..FACTS
            };
            assert_eq!(outcome(&facts), Outcome::Refused(Reason::SignUp(error)));
        }
        assert_eq!(Reason::SignUp(SignUpError::Domain).wire(), ("domain", 422));
    }

    #[test]
    fn a_provider_proves_addresses_of_its_domains_that_it_vouches_for() {
        let known = provider("a", Mode::SignIn, &["Example.test"]);
        for (email, verified, expected) in [
            ("ada@example.test", true, true),
            ("Ada@EXAMPLE.TEST", true, true),
            ("ada@example.test", false, false),
            ("ada@sub.example.test", true, false),
            ("ada@notexample.test", true, false),
            ("ada@example.test@evil.test", true, false),
            ("example.test", true, false),
            ("", true, false),
        ] {
            assert_eq!(proves(&known, email, verified), expected, "{email} {verified}");
        }
    }

    #[test]
    fn a_domain_leads_to_its_provider_while_that_signs_in() {
        let open = [provider("a", Mode::SignIn, &["example.test"])];
        let found = |providers: &[Provider], email| forced(providers, email).map(|known| known.id.clone());
        assert_eq!(found(&open, " Ada@Example.test ").as_deref(), Some("a"));
        assert_eq!(found(&open, "ada"), None);
        assert_eq!(found(&open, "ada@other.test"), None);
        for mode in [Mode::Off, Mode::LinkOnly] {
            // Else an outage that the operator has noticed would lock everybody out.
            assert_eq!(
                found(&[provider("a", mode, &["example.test"])], "ada@example.test"),
                None
            );
        }
    }

    #[test]
    fn whoever_a_provider_must_name_signs_in_by_it_or_by_a_passkey() {
        let by = |method| Proof::new(method, Timestamp(1));
        let at = |identity: &str| Proof {
            credential: Some(identity.to_owned()),
            ..by(Method::Upstream)
        };
        for (proof, expected) in [
            (by(Method::Password), false),
            (by(Method::EmailCode), false),
            (by(Method::Upstream), false),
            (at("there"), true),
            (at("elsewhere"), false),
            (by(Method::Passkey { user_verified: true }), true),
            (by(Method::Passkey { user_verified: false }), true),
            (by(Method::Totp), true),
            (by(Method::RecoveryCode), true),
        ] {
            assert_eq!(is_way_of(&proof, &["here", "there"]), expected, "{proof:?}");
            let nowhere = is_way_of(&proof, &[]);
            assert_eq!(nowhere, expected && proof.credential.is_none(), "{proof:?}");
        }
    }

    #[test]
    fn a_list_shows_little_of_an_account_elsewhere() {
        for (text, shown) in [
            ("ada@example.test", "a…@example.test"),
            ("octocat", "oct…"),
            ("ab", "a…"),
            ("é", "é…"),
            ("", "…"),
        ] {
            assert_eq!(masked(text), shown, "{text:?}");
        }
    }
}
