//! The way back into an account: what must be shown for it, and when it is open. A mailed link alone never passes a second
//! step by; where it must, because everything else is lost, there is a delay in which the owner can stop it.

use crate::Timestamp;

/// What the operator decides about recoveries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Whether somebody who has lost everything but the mailbox may get back, after the delay. Never an administrator.
    pub mail_only: bool,
    /// How long such a recovery waits, in milliseconds.
    pub delay_ms: i64,
}

impl Default for Policy {
    /// Not by the mailbox alone; 72 hours.
    fn default() -> Self {
        Self {
            mail_only: false,
            delay_ms: 72 * HOUR_MS,
        }
    }
}

/// Who has begun a recovery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begun {
    /// Somebody who asked for the mail.
    ByMail,
    /// An administrator, who has the link mailed and never sees it.
    ByAdministrator {
        /// Whether the administrator says that the second step is lost.
        second_lost: bool,
    },
}

/// What has been shown for a recovery so far, in one browser.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Shown {
    /// The mailed link.
    pub mail: bool,
    /// The password: the second step is what is lost.
    pub password: bool,
    /// A code of an app, a passkey or a recovery code.
    pub second: bool,
}

impl Shown {
    /// As it is stored.
    pub fn names(self) -> String {
        let all = [
            ("mail", self.mail),
            ("password", self.password),
            ("second", self.second),
        ];
        let names = all.into_iter().filter(|(_, shown)| *shown).map(|(name, _)| name);
        names.collect::<Vec<_>>().join(" ")
    }

    /// From what is stored. What a newer node has written and this one does not know shows nothing.
    pub fn parse(names: &str) -> Self {
        let has = |wanted| names.split(' ').any(|name| name == wanted);
        Self {
            mail: has("mail"),
            password: has("password"),
            second: has("second"),
        }
    }
}

/// The facts about a recovery.
#[derive(Clone, Copy, Debug)]
pub struct Facts {
    /// Who has begun it.
    pub begun: Begun,
    /// What was shown.
    pub shown: Shown,
    /// Whether the user has a second step.
    pub has_second: bool,
    /// Whether the user has a password to show.
    pub has_password: bool,
    /// Whether the user is an administrator.
    pub administrator: bool,
    /// Whether a change of the address was undone a short while ago: one of two mailboxes is a stranger's, and nobody knows
    /// which.
    pub contested: bool,
    /// When its delay ends, if one has begun.
    pub ready_at: Option<Timestamp>,
    /// What the operator decides.
    pub policy: Policy,
}

/// What a recovery comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Nothing was shown.
    Nothing,
    /// A second step is asked for.
    Second(Instead),
    /// The delay can begin.
    Delay,
    /// It is open from then on.
    Wait(Timestamp),
    /// The user may choose anew how to sign in.
    Open,
}

/// What may stand for a second step that is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Instead {
    /// Nothing; an administrator can help.
    Nothing,
    /// The password, and the delay.
    Password,
    /// The delay alone.
    Delay,
}

/// Decides about a recovery. `asked_to_wait` is whether its user says that the second step is lost.
pub fn decide(facts: &Facts, asked_to_wait: bool, latest: Timestamp) -> Decision {
    let Facts {
        begun,
        shown,
        has_second,
        has_password,
        administrator,
        contested,
        ready_at,
        policy,
    } = *facts;
    if !shown.mail {
        return Decision::Nothing;
    }
    // An administrator who says so answers for it, but not for another administrator.
    let answered_for = begun == (Begun::ByAdministrator { second_lost: true }) && !administrator;
    let complete = !has_second || shown.second || answered_for;
    if complete && !contested {
        return Decision::Open;
    }
    if !complete && administrator {
        return Decision::Second(Instead::Nothing);
    }
    if let Some(ready_at) = ready_at {
        // By the latest instant that the installation has seen: a clock that is set back moves nothing.
        return if latest >= ready_at {
            Decision::Open
        } else {
            Decision::Wait(ready_at)
        };
    }
    let instead = match (shown.password || policy.mail_only, has_password) {
        (true, _) => Instead::Delay,
        (false, true) => Instead::Password,
        // Nobody is asked for a password that an undone change of address took away.
        (false, false) => Instead::Nothing,
    };
    if complete || (asked_to_wait && instead == Instead::Delay) {
        return Decision::Delay;
    }
    Decision::Second(instead)
}

/// Whether a change of address that was undone then still makes recoveries wait.
pub fn is_contested(undone_at: Option<Timestamp>, latest: Timestamp) -> bool {
    undone_at.is_some_and(|at| latest.0 < at.0.saturating_add(CONTESTED_MS))
}

/// When the next notice of a recovery that waits is due, after so many: at once, after one day and after two.
pub fn next_notice(waits_since: Timestamp, sent: i64) -> Option<Timestamp> {
    (sent < NOTICES).then(|| Timestamp(waits_since.0.saturating_add(sent * DAY_MS)))
}

/// How many notices a recovery that waits sends to each address.
pub const NOTICES: i64 = 3;
/// How long after an undone change of address recoveries wait.
pub const CONTESTED_MS: i64 = 30 * DAY_MS;
/// How long a recovery that has waited stays open.
pub const OPEN_MS: i64 = 7 * DAY_MS;
/// How long a change of address can be undone.
pub const UNDO_MS: i64 = 7 * DAY_MS;
/// How long the link of a mail is good for, and then the page that it leads to.
pub const LINK_MS: i64 = 30 * 60_000;
/// How long ago somebody may have proved who they are to change their password or address without showing it again.
pub const FRESH_MS: i64 = 5 * 60_000;
const DAY_MS: i64 = 24 * HOUR_MS;
const HOUR_MS: i64 = 3_600_000;

/// A way in that a user reviews at the end of a recovery: a squatter's would survive it otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WayIn {
    /// What kind of way it is.
    pub kind: WayKind,
    /// Which one, of several.
    pub id: String,
    /// What its user calls it.
    pub name: String,
    /// Since when.
    pub since: Timestamp,
}

/// The kinds of ways in besides the password, which is chosen anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WayKind {
    /// A passkey.
    Passkey,
    /// An authenticator app.
    Totp,
    /// The recovery codes.
    RecoveryCodes,
    /// An account elsewhere.
    Provider,
}

impl WayKind {
    /// Every kind.
    pub const ALL: [Self; 4] = [Self::Passkey, Self::Totp, Self::RecoveryCodes, Self::Provider];

    /// The name in forms and messages.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Passkey => "passkey",
            Self::Totp => "totp",
            Self::RecoveryCodes => "codes",
            Self::Provider => "provider",
        }
    }

    /// Whether it is asked for after every password, which may then be shorter. A passkey signs in beside the password.
    pub const fn follows_password(self) -> bool {
        match self {
            Self::Totp => true,
            Self::Passkey | Self::RecoveryCodes | Self::Provider => false,
        }
    }

    /// Whether a mailed link does not pass it by; codes are only for the day when the others are lost.
    pub const fn is_second_step(self) -> bool {
        match self {
            Self::Passkey | Self::Totp => true,
            Self::RecoveryCodes | Self::Provider => false,
        }
    }
}

impl WayIn {
    /// Its name in a form.
    pub fn key(&self) -> String {
        format!("{}-{}", self.kind.name(), self.id)
    }
}

/// What a review makes of the ways in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reviewed {
    /// Those that stay.
    pub kept: Vec<WayIn>,
    /// Those that go.
    pub removed: Vec<WayIn>,
}

impl Reviewed {
    /// Whether one of this kind stays.
    pub fn keeps(&self, kind: WayKind) -> bool {
        self.kept.iter().any(|way| way.kind == kind)
    }

    /// Whether the password stands beside a second step.
    pub fn keeps_second_step(&self) -> bool {
        self.kept.iter().any(|way| way.kind.follows_password())
    }
}

/// The review of all ways in; `None` while one of them is undecided, such as one that was added in the meantime.
/// `choice` is what was chosen for the key of one: `keep` or `remove`.
pub fn review<'a>(ways: &[WayIn], choice: impl Fn(&str) -> Option<&'a str>) -> Option<Reviewed> {
    let mut reviewed = Reviewed {
        kept: Vec::new(),
        removed: Vec::new(),
    };
    for way in ways {
        match choice(&way.key())? {
            "keep" => reviewed.kept.push(way.clone()),
            "remove" => reviewed.removed.push(way.clone()),
            _ => return None,
        }
    }
    Some(reviewed)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_000_000);

    fn facts() -> Facts {
        Facts {
            begun: Begun::ByMail,
            shown: Shown {
                mail: true,
                ..Shown::default()
            },
            has_second: true,
            has_password: true,
            administrator: false,
            contested: false,
            ready_at: None,
            policy: Policy::default(),
        }
    }

    #[test]
    fn what_opens_the_way_back_follows_from_what_is_lost_and_shown() {
        type Row = (&'static str, fn(&mut Facts), Decision);
        let table: [Row; 17] = [
            ("nothing was shown", |f| f.shown.mail = false, Decision::Nothing),
            ("no second step", |f| f.has_second = false, Decision::Open),
            ("link and second step", |f| f.shown.second = true, Decision::Open),
            (
                "a second step is there",
                |_| {},
                Decision::Second(Instead::Password),
            ),
            ("password and mail", |f| f.shown.password = true, Decision::Delay),
            (
                "the mailbox alone, where the operator allows it",
                |f| f.policy.mail_only = true,
                Decision::Delay,
            ),
            (
                "no password to show",
                |f| f.has_password = false,
                Decision::Second(Instead::Nothing),
            ),
            (
                "no password to show, where the mailbox is enough",
                |f| (f.has_password, f.policy.mail_only) = (false, true),
                Decision::Delay,
            ),
            (
                "an administrator by the mailbox alone",
                |f| (f.policy.mail_only, f.administrator) = (true, true),
                Decision::Second(Instead::Nothing),
            ),
            (
                "an administrator by password and mail",
                |f| (f.shown.password, f.administrator) = (true, true),
                Decision::Second(Instead::Nothing),
            ),
            (
                "an administrator who has waited all the same",
                |f| (f.ready_at, f.administrator) = (Some(NOW), true),
                Decision::Second(Instead::Nothing),
            ),
            (
                "the delay is not over",
                |f| f.ready_at = Some(Timestamp(NOW.0 + 1)),
                Decision::Wait(Timestamp(NOW.0 + 1)),
            ),
            ("the delay is over", |f| f.ready_at = Some(NOW), Decision::Open),
            (
                "a reset asks what is left",
                |f| f.begun = Begun::ByAdministrator { second_lost: false },
                Decision::Second(Instead::Password),
            ),
            (
                "a reset of a lost second step",
                |f| f.begun = Begun::ByAdministrator { second_lost: true },
                Decision::Open,
            ),
            (
                "a reset of an administrator",
                |f| {
                    f.begun = Begun::ByAdministrator { second_lost: true };
                    f.administrator = true;
                },
                Decision::Second(Instead::Nothing),
            ),
            (
                "one of two mailboxes is a stranger's",
                |f| (f.contested, f.has_second) = (true, false),
                Decision::Delay,
            ),
        ];
        for (what, change, expected) in table {
            let mut facts = facts();
            change(&mut facts);
            assert_eq!(decide(&facts, true, NOW), expected, "{what}");
        }
    }

    #[test]
    fn nobody_waits_who_did_not_ask_to() {
        let mut facts = facts();
        facts.policy.mail_only = true;
        assert_eq!(decide(&facts, false, NOW), Decision::Second(Instead::Delay));
        facts.shown.password = true;
        assert_eq!(decide(&facts, false, NOW), Decision::Second(Instead::Delay));
    }

    #[test]
    fn while_the_address_is_contested_nothing_is_open_at_once() {
        for shown in [false, true] {
            for has_second in [false, true] {
                let mut facts = facts();
                (facts.contested, facts.has_second) = (true, has_second);
                (facts.shown.second, facts.shown.password) = (shown, shown);
                assert_ne!(decide(&facts, true, NOW), Decision::Open, "{facts:?}");
            }
        }
        assert!(is_contested(Some(NOW), NOW));
        assert!(!is_contested(Some(NOW), Timestamp(NOW.0 + CONTESTED_MS)));
        assert!(!is_contested(None, NOW));
    }

    #[test]
    fn a_recovery_that_waits_tells_three_times() {
        let due: Vec<_> = (0..5).map(|sent| next_notice(NOW, sent)).collect();
        let at = |days: i64| Some(Timestamp(NOW.0 + days * DAY_MS));
        assert_eq!(due, [at(0), at(1), at(2), None, None]);
    }

    #[test]
    fn what_was_shown_reads_back() {
        for bits in 0..8 {
            let shown = Shown {
                mail: bits & 1 > 0,
                password: bits & 2 > 0,
                second: bits & 4 > 0,
            };
            assert_eq!(Shown::parse(&shown.names()), shown);
        }
        assert_eq!(Shown::parse("mailed secondly"), Shown::default());
    }

    #[test]
    fn a_review_decides_about_every_way_in() {
        let way = |kind, id: &str| WayIn {
            kind,
            id: id.to_owned(),
            name: String::new(),
            since: NOW,
        };
        let ways = [way(WayKind::Totp, "1"), way(WayKind::RecoveryCodes, "2")];
        let chosen = |text: &'static [(&str, &str)]| {
            review(&ways, move |key| {
                text.iter()
                    .find(|(known, _)| *known == key)
                    .map(|(_, choice)| *choice)
            })
        };
        let both = chosen(&[("totp-1", "remove"), ("codes-2", "keep")]).unwrap();
        assert_eq!((both.kept.len(), both.removed.len()), (1, 1));
        assert!(!both.keeps_second_step(), "codes alone are no second step");
        assert!(
            chosen(&[("totp-1", "keep"), ("codes-2", "keep")])
                .unwrap()
                .keeps_second_step()
        );
        assert_eq!(chosen(&[("totp-1", "keep")]), None);
        assert_eq!(chosen(&[("totp-1", "keep"), ("codes-2", "")]), None);
        assert_eq!(review(&[], |_| None).unwrap().removed, []);
        let passkey = [way(WayKind::Passkey, "3")];
        let kept = review(&passkey, |_| Some("keep")).unwrap();
        assert!(!kept.keeps_second_step(), "a password beside it signs in alone");
        for kind in WayKind::ALL {
            assert!(kind.name().bytes().all(|byte| byte.is_ascii_lowercase()));
        }
    }
}
