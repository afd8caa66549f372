//! Registration of people: who may begin one, what its steps ask, and when it ends in an account. A user exists only after
//! the address is proved: until then nobody has reserved anything.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::Timestamp;
use crate::user::{check_username, mixes_scripts};

pub use crate::terms::Terms;

/// Who may create an account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Everybody.
    Open,
    /// Everybody, and an administrator approves each account before it is used.
    Approval,
    /// Whoever has an invitation.
    Invited,
    /// Nobody.
    #[default]
    Closed,
}

impl Mode {
    /// Every mode.
    pub const ALL: [Self; 4] = [Self::Open, Self::Approval, Self::Invited, Self::Closed];

    /// The name in the configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Approval => "approval",
            Self::Invited => "invited",
            Self::Closed => "closed",
        }
    }

    /// The mode with this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mode| mode.name() == name)
    }

    /// Whether somebody without an invitation may register.
    pub fn is_public(self) -> bool {
        matches!(self, Self::Open | Self::Approval)
    }
}

/// What the operator decides about registrations.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// Who may register.
    pub mode: Mode,
    /// The domains of addresses that may register; empty for all. An invitation for an address counts more.
    pub domains: Vec<String>,
    /// The terms, if there are any.
    pub terms: Option<Terms>,
    /// Whether an address of the network has limits of its own; not on one's own machine.
    pub limits_networks: bool,
    /// The domains of addresses that may not register, such as those of mailboxes that live for ten minutes.
    pub refused_domains: Arc<BTreeSet<String>>,
    /// How many bits of work a browser shows; whoever shows none waits for approval. Absent, none is asked for.
    pub proof_of_work: Option<u8>,
    /// Whether everybody who registers without an invitation waits for approval for now, whatever the mode.
    pub shield: bool,
}

/// An invitation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invitation {
    /// Its id.
    pub id: String,
    /// The address that it is for, in canonical form; none for whoever has the link.
    pub email: Option<String>,
    /// Whether the link was in a mail of ours to that address and nowhere else: opening it proves the address.
    pub mailed: bool,
    /// The roles that it gives.
    pub roles: Vec<String>,
    /// How often it may be used.
    pub max_uses: i64,
    /// How often it was used.
    pub uses: i64,
    /// When it expires.
    pub expires_at: Timestamp,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
}

/// The id of the invitation of the first administrator, which whoever starts an installation gets once.
pub const OWNER: &str = "owner";
/// The role of administrators.
pub const ADMINISTRATOR: &str = "admin";

impl Invitation {
    /// Whether it is that of the first administrator: for whoever has the link, which was shown to the operator alone, and
    /// for as long as there is no administrator.
    pub fn is_owners(&self) -> bool {
        self.id == OWNER
    }

    /// Whether it may be used now. The use itself is a conditional write.
    pub fn is_live(&self, latest: Timestamp) -> bool {
        self.revoked_at.is_none() && self.uses < self.max_uses && latest < self.expires_at
    }
}

/// Why a registration does not go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignUpError {
    /// Accounts are made by invitation, or not at all.
    #[error("registration is closed")]
    Closed,
    /// The invitation was used, has expired, or is for another address.
    #[error("the invitation is not valid")]
    Invitation,
    /// Only addresses of some domains may register, or all but those of some.
    #[error("the domain may not register")]
    Domain,
    /// The form was sent sooner than anybody reads it, or later than it is good for.
    #[error("the form was sent too soon or too late")]
    Again,
    /// The terms were not accepted, or those that were are not the current ones.
    #[error("the terms were not accepted")]
    Terms,
}

impl SignUpError {
    /// Every error.
    pub const ALL: [Self; 5] = [
        Self::Closed,
        Self::Invitation,
        Self::Domain,
        Self::Again,
        Self::Terms,
    ];

    /// The code on the page, and its HTTP status.
    pub fn wire(self) -> (&'static str, u16) {
        match self {
            Self::Closed => ("registration_closed", 403),
            Self::Invitation => ("invitation", 410),
            Self::Domain => ("domain", 422),
            Self::Again => ("too_fast", 422),
            Self::Terms => ("terms_needed", 403),
        }
    }
}

/// Whether somebody may register: asked for the page, for what is posted, and once more at the end, since the operator or an
/// administrator may have changed it meanwhile. `address` is in canonical form, once it is known.
pub fn may_register(
    policy: &Policy,
    invitation: Option<&Invitation>,
    address: Option<&str>,
    latest: Timestamp,
) -> Result<(), SignUpError> {
    match (policy.mode, invitation) {
        (Mode::Closed, None) | (Mode::Invited, None) => return Err(SignUpError::Closed),
        // An administrator's invitation is an exception from a closed door, not from an end.
        (_, Some(invitation)) if !invitation.is_live(latest) => return Err(SignUpError::Invitation),
        (Mode::Open | Mode::Approval, None) | (_, Some(_)) => {}
    }
    let Some(address) = address else { return Ok(()) };
    match invitation.and_then(|invitation| invitation.email.as_deref()) {
        Some(invited) if invited != address => return Err(SignUpError::Invitation),
        Some(_) => return Ok(()),
        None => {}
    }
    let domain = address.rsplit_once('@').map_or("", |(_, domain)| domain);
    let allowed = policy.domains.is_empty() || policy.domains.iter().any(|known| known == domain);
    if allowed && !is_refused(&policy.refused_domains, domain) {
        Ok(())
    } else {
        Err(SignUpError::Domain)
    }
}

/// Whether a domain or one above it is in the list.
fn is_refused(list: &BTreeSet<String>, domain: &str) -> bool {
    let mut rest = Some(domain);
    while let Some(domain) = rest {
        if list.contains(domain) {
            return true;
        }
        rest = domain.split_once('.').map(|(_, above)| above);
    }
    false
}

/// Whether the client of a request lets people register for it. An invitation counts more.
pub fn may_register_at(registers: bool, invitation: Option<&Invitation>) -> Result<(), SignUpError> {
    if registers || invitation.is_some() {
        Ok(())
    } else {
        Err(SignUpError::Closed)
    }
}

/// Whether an account waits for approval. `worked` is whether its browser has shown the work that is asked for.
pub fn waits(policy: &Policy, invited: bool, worked: bool) -> bool {
    let unproved = policy.proof_of_work.is_some() && !worked;
    !invited && (policy.mode == Mode::Approval || policy.shield || unproved)
}

/// What a form of the first page says about who sent it: programs fill in every field, and at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sender {
    /// Somebody.
    Person,
    /// A program: it gets the same answer, and nothing happens.
    Program,
}

/// The shortest time between the page and its form, in milliseconds.
pub const LEAST_MS: i64 = 3_000;
/// The longest, after which the page is shown again.
pub const LONGEST_MS: i64 = 24 * 3_600_000;

/// Who has sent a form of a page that was made at `shown_at`, with this in the field that nobody sees.
pub fn sender(trap: &str, shown_at: Timestamp, now: Timestamp) -> Result<Sender, SignUpError> {
    if !trap.is_empty() {
        return Ok(Sender::Program);
    }
    let took = now.0.saturating_sub(shown_at.0);
    if (LEAST_MS..=LONGEST_MS).contains(&took) {
        Ok(Sender::Person)
    } else {
        Err(SignUpError::Again)
    }
}

/// Whether the terms were accepted in the version that is current.
pub fn check_terms(policy: &Policy, accepted: Option<&str>) -> Result<(), SignUpError> {
    match &policy.terms {
        None => Ok(()),
        Some(terms) if accepted == Some(terms.version.as_str()) => Ok(()),
        Some(_) => Err(SignUpError::Terms),
    }
}

/// A registration under way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registration {
    /// Its id.
    pub id: String,
    /// The hash of the secret of the browser that it belongs to.
    pub browser_hash: String,
    /// The address, as written.
    pub email: String,
    /// The address in canonical form.
    pub email_canonical: String,
    /// The request that it was begun for, by its name in addresses.
    pub request: Option<String>,
    /// The invitation that it uses.
    pub invitation: Option<String>,
    /// The language in which it was begun.
    pub locale: String,
    /// The version of the terms that was accepted.
    pub terms: Option<String>,
    /// The client whose request it was begun for.
    pub client: Option<String>,
    /// Whether its browser has shown a proof of work.
    pub worked: bool,
    /// How many user names were tried.
    pub name_tries: i64,
    /// When it was begun.
    pub created_at: Timestamp,
    /// When it expires.
    pub expires_at: Timestamp,
    /// When the address was proved.
    pub proved_at: Option<Timestamp>,
    /// When it ended in an account.
    pub finished_at: Option<Timestamp>,
}

/// The page on which a registration goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Page {
    /// The address is asked for.
    Begin,
    /// The code of the mail is asked for.
    Check,
    /// Name and password are asked for.
    Finish,
}

impl Registration {
    /// The one page that its state leads to, whatever address somebody types.
    pub fn page(&self, latest: Timestamp) -> Page {
        if self.finished_at.is_some() || latest >= self.expires_at {
            return Page::Begin;
        }
        match self.proved_at {
            None => Page::Check,
            Some(_) => Page::Finish,
        }
    }
}

/// What is wrong with the user name of the last form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FinishError {
    /// The user name has other characters than it may have.
    NameForm,
    /// Somebody has the user name, or it was tried too often whether somebody has one.
    NameTaken,
}

impl FinishError {
    /// The code on the page.
    pub fn code(self) -> &'static str {
        match self {
            Self::NameForm => "name_form",
            Self::NameTaken => "name_taken",
        }
    }
}

/// How many user names one registration may try: more would be asking who is here.
pub const NAME_TRIES: i64 = 10;

/// Checks the user name of the last form. Whether it is free is decided by the write alone. A name of several scripts is
/// one that looks like somebody else's.
pub fn check_name(username: &str) -> Result<(), FinishError> {
    check_username(username).map_err(|_| FinishError::NameForm)?;
    if mixes_scripts(username) {
        return Err(FinishError::NameForm);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_000_000_000);

    fn policy(mode: Mode) -> Policy {
        Policy {
            mode,
            ..Policy::default()
        }
    }

    fn invitation() -> Invitation {
        Invitation {
            id: "i".into(),
            email: None,
            mailed: false,
            roles: vec![],
            max_uses: 1,
            uses: 0,
            expires_at: Timestamp(NOW.0 + 1),
            revoked_at: None,
        }
    }

    #[test]
    fn who_may_register_follows_the_mode_and_the_invitation() {
        let live = invitation();
        for (mode, alone, invited) in [
            (Mode::Open, Ok(()), Ok(())),
            (Mode::Approval, Ok(()), Ok(())),
            (Mode::Invited, Err(SignUpError::Closed), Ok(())),
            (Mode::Closed, Err(SignUpError::Closed), Ok(())),
        ] {
            let policy = policy(mode);
            assert_eq!(may_register(&policy, None, None, NOW), alone, "{mode:?}");
            assert_eq!(may_register(&policy, Some(&live), None, NOW), invited, "{mode:?}");
        }
        assert_eq!(Mode::default(), Mode::Closed, "what is not configured is closed");
        for mode in Mode::ALL {
            assert_eq!(Mode::parse(mode.name()), Some(mode));
        }
    }

    #[test]
    fn an_invitation_ends_by_use_time_and_revocation_in_every_mode() {
        type Change = fn(&mut Invitation);
        let ends: [Change; 3] = [
            |i| i.uses = 1,
            |i| i.expires_at = NOW,
            |i| i.revoked_at = Some(NOW),
        ];
        for end in ends {
            let mut over = invitation();
            end(&mut over);
            for mode in Mode::ALL {
                let said = may_register(&policy(mode), Some(&over), None, NOW);
                assert_eq!(said, Err(SignUpError::Invitation), "{mode:?} {over:?}");
            }
        }
    }

    #[test]
    fn an_invitation_for_an_address_is_for_no_other() {
        let fixed = Invitation {
            email: Some("ada@example.test".into()),
            ..invitation()
        };
        let at = |address| may_register(&policy(Mode::Closed), Some(&fixed), Some(address), NOW);
        assert_eq!(at("ada@example.test"), Ok(()));
        assert_eq!(at("eve@example.test"), Err(SignUpError::Invitation));
    }

    #[test]
    fn a_list_of_domains_holds_for_whole_domains() {
        let some = Policy {
            domains: vec!["example.test".into()],
            ..policy(Mode::Open)
        };
        let at = |address| may_register(&some, None, Some(address), NOW);
        assert_eq!(at("ada@example.test"), Ok(()));
        for other in [
            "ada@sub.example.test",
            "ada@evil-example.test",
            "ada@example.test.evil.test",
            "example.test@evil.test",
        ] {
            assert_eq!(at(other), Err(SignUpError::Domain), "{other}");
        }
        let fixed = Invitation {
            email: Some("eve@evil.test".into()),
            ..invitation()
        };
        assert_eq!(
            may_register(&some, Some(&fixed), Some("eve@evil.test"), NOW),
            Ok(()),
            "an administrator named the address"
        );
    }

    #[test]
    fn a_program_is_told_by_the_field_that_nobody_sees_and_by_haste() {
        let at = |trap, took| sender(trap, Timestamp(NOW.0 - took), NOW);
        assert_eq!(at("", LEAST_MS), Ok(Sender::Person));
        assert_eq!(at("", LEAST_MS - 1), Err(SignUpError::Again));
        assert_eq!(at("", LONGEST_MS + 1), Err(SignUpError::Again));
        assert_eq!(at("", -1), Err(SignUpError::Again), "a page of the future");
        for took in [0, LEAST_MS, LONGEST_MS + 1] {
            assert_eq!(at("http://x", took), Ok(Sender::Program));
        }
    }

    #[test]
    fn the_terms_are_accepted_in_their_current_version_alone() {
        let with = Policy {
            terms: Some(Terms {
                version: "2".into(),
                url: "https://shop.test/terms".into(),
                ..Terms::default()
            }),
            ..policy(Mode::Open)
        };
        assert_eq!(check_terms(&policy(Mode::Open), None), Ok(()));
        assert_eq!(check_terms(&with, Some("2")), Ok(()));
        for other in [None, Some("1"), Some(""), Some("2 ")] {
            assert_eq!(check_terms(&with, other), Err(SignUpError::Terms), "{other:?}");
        }
    }

    #[test]
    fn a_registration_has_one_page_in_each_state() {
        let begun = Registration {
            id: "r".into(),
            browser_hash: "b".into(),
            email: "Ada@example.test".into(),
            email_canonical: "ada@example.test".into(),
            request: None,
            invitation: None,
            locale: "en".into(),
            terms: None,
            client: None,
            worked: false,
            name_tries: 0,
            created_at: NOW,
            expires_at: Timestamp(NOW.0 + 10),
            proved_at: None,
            finished_at: None,
        };
        let proved = Registration {
            proved_at: Some(NOW),
            ..begun.clone()
        };
        let finished = Registration {
            finished_at: Some(NOW),
            ..proved.clone()
        };
        assert_eq!(begun.page(NOW), Page::Check);
        assert_eq!(proved.page(NOW), Page::Finish);
        assert_eq!(finished.page(NOW), Page::Begin);
        for over in [begun, proved, finished] {
            assert_eq!(over.page(Timestamp(NOW.0 + 10)), Page::Begin);
        }
    }

    #[test]
    fn a_list_of_refused_domains_holds_for_what_is_below_them() {
        let some = Policy {
            refused_domains: Arc::new(["mailbox.test".to_owned()].into()),
            ..policy(Mode::Open)
        };
        let at = |address| may_register(&some, None, Some(address), NOW);
        for refused in ["a@mailbox.test", "a@x.mailbox.test"] {
            assert_eq!(at(refused), Err(SignUpError::Domain), "{refused}");
        }
        for fine in ["a@notmailbox.test", "a@mailbox.test.example", "a@test"] {
            assert_eq!(at(fine), Ok(()), "{fine}");
        }
    }

    #[test]
    fn who_waits_for_approval_follows_mode_shield_and_work() {
        for (mode, work, shield, worked, expected) in [
            (Mode::Open, None, false, false, false),
            (Mode::Approval, None, false, true, true),
            (Mode::Open, Some(10), false, true, false),
            (Mode::Open, Some(10), false, false, true),
            (Mode::Open, Some(10), true, true, true),
            (Mode::Open, None, true, false, true),
        ] {
            let policy = Policy {
                proof_of_work: work,
                shield,
                ..policy(mode)
            };
            assert_eq!(waits(&policy, false, worked), expected, "{policy:?}");
            assert!(!waits(&policy, true, worked), "an administrator has decided");
        }
    }

    #[test]
    fn a_client_that_registers_nobody_takes_whoever_is_invited() {
        let live = invitation();
        assert_eq!(may_register_at(true, None), Ok(()));
        assert_eq!(may_register_at(false, None), Err(SignUpError::Closed));
        assert_eq!(may_register_at(false, Some(&live)), Ok(()));
    }

    #[test]
    fn a_name_of_two_scripts_or_another_form_is_refused() {
        for fine in ["ada", "İbrahim", "Иван"] {
            assert_eq!(check_name(fine), Ok(()), "{fine}");
        }
        for bad in ["a b", "ada@example.test", "", "p\u{430}ypal"] {
            assert_eq!(check_name(bad), Err(FinishError::NameForm), "{bad:?}");
        }
    }
}
