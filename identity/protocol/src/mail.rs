//! The mails of the issuer: what each is for, what it carries, and when it is tried again (docs/mail.md).
//!
//! A mail is a row in the transaction that causes it. What it says is rendered when it is sent, in the language of its row;
//! here is what it carries, which is sealed until then.

use serde::{Deserialize, Serialize};

use crate::Timestamp;
use crate::user::check_email;

/// An address that mail can be sent to, in the spelling in which it is stored: never one that a form has typed to find
/// somebody by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Address(String);

impl Address {
    /// The address, if it is one.
    pub fn parse(text: &str) -> Option<Self> {
        let plain = !text.chars().any(directs);
        (plain && check_email(text).is_ok()).then(|| Self(text.to_owned()))
    }

    /// As it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Address {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text).ok_or("it is not an e-mail address")
    }
}

impl From<Address> for String {
    fn from(address: Address) -> Self {
        address.0
    }
}

/// What has happened to an account, for its owner: when, and by which browser. Never an address of the network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// When it happened.
    pub at: Timestamp,
    /// The browser in words, such as `Firefox · Linux`.
    pub device: Option<String>,
}

/// What a mail is for, with everything that it carries: never a password, a seed, a recovery code or a session token, and
/// no text of whoever caused it but the names that its reader has given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "purpose", rename_all = "snake_case")]
pub enum Purpose {
    /// Somebody registers with this address: a code for their browser, and a link for any.
    RegistrationCode {
        /// Six digits.
        code: String,
        /// The token of the link.
        token: String,
        /// When both expire.
        expires_at: Timestamp,
    },
    /// Somebody tried to register with the address of an account.
    AccountExists,
    /// An administrator approved the account.
    Approved,
    /// An administrator did not approve the account.
    NotApproved,
    /// An administrator invites to register.
    Invitation {
        /// The token of the link.
        token: String,
        /// When it expires.
        expires_at: Timestamp,
    },
    /// The code of a sign-in.
    SignInCode {
        /// Six digits.
        code: String,
        /// When it expires.
        expires_at: Timestamp,
    },
    /// A passkey was added.
    PasskeyAdded {
        /// Its name.
        name: String,
        /// When and where.
        notice: Notice,
    },
    /// A passkey was removed.
    PasskeyRemoved {
        /// Its name.
        name: String,
        /// When and where.
        notice: Notice,
    },
    /// A passkey was suspended, since its counter went back.
    PasskeySuspended {
        /// Its name.
        name: String,
        /// When and where.
        notice: Notice,
    },
    /// A second step was added.
    FactorAdded {
        /// When and where.
        notice: Notice,
    },
    /// A second step was removed.
    FactorRemoved {
        /// When and where.
        notice: Notice,
    },
    /// Somebody who knows the password fails at the second step again and again.
    SecondStepGuessed {
        /// When and where.
        notice: Notice,
    },
    /// A recovery code was used.
    RecoveryCodeUsed {
        /// How many are left.
        left: i64,
        /// When and where.
        notice: Notice,
    },
    /// The recovery codes were renewed.
    RecoveryCodesRenewed {
        /// When and where.
        notice: Notice,
    },
    /// The link to set another password.
    PasswordReset {
        /// The token of the link.
        token: String,
        /// When it expires.
        expires_at: Timestamp,
    },
    /// The same, sent by an administrator.
    AdminReset {
        /// The token of the link.
        token: String,
        /// When it expires.
        expires_at: Timestamp,
    },
    /// The link to ways in, for somebody whose account came from another system.
    Welcome {
        /// The token of the link.
        token: String,
        /// When it expires.
        expires_at: Timestamp,
    },
    /// The password was changed.
    PasswordChanged {
        /// When and where.
        notice: Notice,
    },
    /// The code that proves a new address, to that address.
    EmailCode {
        /// Six digits.
        code: String,
        /// When it expires.
        expires_at: Timestamp,
    },
    /// The address was changed, to the old one, with the link that undoes it.
    EmailChanged {
        /// The token of the link.
        token: String,
        /// Until when it can be undone.
        expires_at: Timestamp,
        /// When and where.
        notice: Notice,
    },
    /// The address was changed, to the new one.
    EmailNew {
        /// When and where.
        notice: Notice,
    },
    /// A second address for notices was added or removed.
    NoticeAddressChanged {
        /// When and where.
        notice: Notice,
    },
    /// The change of the address was undone.
    EmailUndone {
        /// When and where.
        notice: Notice,
    },
    /// A recovery was started that ends in a while, with the link that stops it.
    RecoveryStarted {
        /// The token of the link.
        token: String,
        /// When it can be finished.
        ready_at: Timestamp,
        /// When and where.
        notice: Notice,
    },
    /// A recovery was stopped.
    RecoveryStopped {
        /// When and where.
        notice: Notice,
    },
    /// An account was recovered.
    RecoveryFinished {
        /// When and where.
        notice: Notice,
    },
    /// An account elsewhere was connected.
    ProviderConnected {
        /// The provider.
        provider: String,
        /// When and where.
        notice: Notice,
    },
    /// An account elsewhere was disconnected.
    ProviderRemoved {
        /// The provider.
        provider: String,
        /// When and where.
        notice: Notice,
    },
    /// The export of a person's data can be fetched: no link to it, since it needs the session.
    ExportReady {
        /// When it was made.
        notice: Notice,
    },
    /// The account will be deleted.
    DeletionRequested {
        /// When.
        on: Timestamp,
        /// When and where it was requested.
        notice: Notice,
    },
    /// The account was deleted.
    Deleted,
}

/// A link of a mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link<'a> {
    /// The page, below the configured issuer.
    pub path: &'static str,
    /// The token that it presents; none for a page that anybody may open.
    pub token: Option<&'a str>,
}

impl Purpose {
    /// The name in rows, records and lists.
    pub fn name(&self) -> &'static str {
        match self {
            Self::RegistrationCode { .. } => "registration_code",
            Self::AccountExists => "account_exists",
            Self::Approved => "approved",
            Self::NotApproved => "not_approved",
            Self::Invitation { .. } => "invitation",
            Self::SignInCode { .. } => "sign_in_code",
            Self::PasskeyAdded { .. } => "passkey_added",
            Self::PasskeyRemoved { .. } => "passkey_removed",
            Self::PasskeySuspended { .. } => "passkey_suspended",
            Self::FactorAdded { .. } => "factor_added",
            Self::FactorRemoved { .. } => "factor_removed",
            Self::SecondStepGuessed { .. } => "second_step_guessed",
            Self::RecoveryCodeUsed { .. } => "recovery_code_used",
            Self::RecoveryCodesRenewed { .. } => "recovery_codes_renewed",
            Self::PasswordReset { .. } => "password_reset",
            Self::AdminReset { .. } => "admin_reset",
            Self::Welcome { .. } => "welcome",
            Self::PasswordChanged { .. } => "password_changed",
            Self::EmailCode { .. } => "email_code",
            Self::EmailChanged { .. } => "email_changed",
            Self::EmailNew { .. } => "email_new",
            Self::EmailUndone { .. } => "email_undone",
            Self::NoticeAddressChanged { .. } => "notice_address_changed",
            Self::RecoveryStarted { .. } => "recovery_started",
            Self::RecoveryStopped { .. } => "recovery_stopped",
            Self::RecoveryFinished { .. } => "recovery_finished",
            Self::ProviderConnected { .. } => "provider_connected",
            Self::ProviderRemoved { .. } => "provider_removed",
            Self::ExportReady { .. } => "export_ready",
            Self::DeletionRequested { .. } => "deletion_requested",
            Self::Deleted => "deleted",
        }
    }

    /// Until when it is of use: what proves something is dropped when it no longer does.
    pub fn expires_at(&self) -> Option<Timestamp> {
        match self {
            Self::RegistrationCode { expires_at, .. }
            | Self::Invitation { expires_at, .. }
            | Self::SignInCode { expires_at, .. }
            | Self::PasswordReset { expires_at, .. }
            | Self::AdminReset { expires_at, .. }
            | Self::Welcome { expires_at, .. }
            | Self::EmailCode { expires_at, .. } => Some(*expires_at),
            // Notices are of use however late; their links say by themselves that they have expired.
            Self::AccountExists
            | Self::Approved
            | Self::NotApproved
            | Self::PasskeyAdded { .. }
            | Self::PasskeyRemoved { .. }
            | Self::PasskeySuspended { .. }
            | Self::FactorAdded { .. }
            | Self::FactorRemoved { .. }
            | Self::SecondStepGuessed { .. }
            | Self::RecoveryCodeUsed { .. }
            | Self::RecoveryCodesRenewed { .. }
            | Self::PasswordChanged { .. }
            | Self::EmailChanged { .. }
            | Self::EmailNew { .. }
            | Self::EmailUndone { .. }
            | Self::NoticeAddressChanged { .. }
            | Self::RecoveryStarted { .. }
            | Self::RecoveryStopped { .. }
            | Self::RecoveryFinished { .. }
            | Self::ProviderConnected { .. }
            | Self::ProviderRemoved { .. }
            | Self::ExportReady { .. }
            | Self::DeletionRequested { .. }
            | Self::Deleted => None,
        }
    }

    /// Whether anybody can cause it who knows the address. Such mails are limited for each mailbox; notices never are, so
    /// that nobody suppresses one by a full limit.
    pub fn is_on_request(&self) -> bool {
        matches!(
            self,
            Self::RegistrationCode { .. }
                | Self::AccountExists
                | Self::SignInCode { .. }
                | Self::PasswordReset { .. }
                | Self::EmailCode { .. }
        )
    }

    /// The code that it carries.
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::RegistrationCode { code, .. }
            | Self::SignInCode { code, .. }
            | Self::EmailCode { code, .. } => Some(code),
            _ => None,
        }
    }

    /// The page that it leads to. Opening it changes nothing: scanners open links, and some press buttons.
    pub fn link(&self) -> Option<Link<'_>> {
        let to = |path, token| Some(Link { path, token });
        match self {
            Self::RegistrationCode { token, .. } => to("/register/link", Some(token)),
            Self::Invitation { token, .. } => to("/register/invited", Some(token)),
            Self::PasswordReset { token, .. }
            | Self::AdminReset { token, .. }
            | Self::Welcome { token, .. } => to("/recover/link", Some(token)),
            Self::EmailChanged { token, .. } => to("/account/email/undo", Some(token)),
            Self::RecoveryStarted { token, .. } => to("/recover/stop", Some(token)),
            Self::AccountExists
            | Self::Approved
            | Self::PasskeyAdded { .. }
            | Self::PasskeyRemoved { .. }
            | Self::PasskeySuspended { .. }
            | Self::FactorAdded { .. }
            | Self::FactorRemoved { .. }
            | Self::SecondStepGuessed { .. }
            | Self::RecoveryCodeUsed { .. }
            | Self::RecoveryCodesRenewed { .. }
            | Self::PasswordChanged { .. }
            | Self::EmailNew { .. }
            | Self::EmailUndone { .. }
            | Self::NoticeAddressChanged { .. }
            | Self::RecoveryStopped { .. }
            | Self::RecoveryFinished { .. }
            | Self::ProviderConnected { .. }
            | Self::ProviderRemoved { .. }
            | Self::ExportReady { .. }
            | Self::DeletionRequested { .. } => to("/account", None),
            Self::NotApproved | Self::SignInCode { .. } | Self::EmailCode { .. } | Self::Deleted => None,
        }
    }

    /// What has happened, when and where, if it is a notice of that.
    pub fn notice(&self) -> Option<&Notice> {
        match self {
            Self::PasskeyAdded { notice, .. }
            | Self::PasskeyRemoved { notice, .. }
            | Self::PasskeySuspended { notice, .. }
            | Self::FactorAdded { notice }
            | Self::FactorRemoved { notice }
            | Self::SecondStepGuessed { notice }
            | Self::RecoveryCodeUsed { notice, .. }
            | Self::RecoveryCodesRenewed { notice }
            | Self::PasswordChanged { notice }
            | Self::EmailChanged { notice, .. }
            | Self::EmailNew { notice }
            | Self::EmailUndone { notice }
            | Self::NoticeAddressChanged { notice }
            | Self::RecoveryStarted { notice, .. }
            | Self::RecoveryStopped { notice }
            | Self::RecoveryFinished { notice }
            | Self::ProviderConnected { notice, .. }
            | Self::ProviderRemoved { notice, .. }
            | Self::ExportReady { notice }
            | Self::DeletionRequested { notice, .. } => Some(notice),
            _ => None,
        }
    }
}

impl Purpose {
    /// Whether it goes to a second address of its user as well: every notice, but for the one that gives an address back to
    /// whoever had it.
    pub fn goes_to_both(&self) -> bool {
        self.notice().is_some() && !matches!(self, Self::EmailChanged { .. })
    }
}

/// How a try to send a mail ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Try {
    /// The relay has taken it.
    Taken,
    /// The relay refuses it for good (a reply of 5xx to this mail).
    Refused,
    /// It may be taken later.
    Failed,
}

/// What follows from a try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// It is sent.
    Sent,
    /// It is tried again then.
    Retry(Timestamp),
    /// It is given up: a dead letter, which an administrator sees and may try again.
    Dead,
}

/// What follows from the `tries`th try, counted from one, which ended so. `jitter` spreads what failed together.
pub fn next(tries: i64, ended: Try, jitter: u8, now: Timestamp) -> Next {
    match ended {
        Try::Taken => Next::Sent,
        Try::Refused => Next::Dead,
        Try::Failed => match usize::try_from(tries).ok().and_then(|tries| PAUSES_MS.get(tries)) {
            // Up to a quarter longer.
            Some(pause) => Next::Retry(Timestamp(now.0 + pause + pause * i64::from(jitter) / 1_024)),
            None => Next::Dead,
        },
    }
}

/// Whether a mail is of use now.
pub fn is_due(expires_at: Option<Timestamp>, latest: Timestamp) -> bool {
    expires_at.is_none_or(|expires_at| latest < expires_at)
}

const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 60 * MINUTE_MS;
/// The pause before each try: at once, then with growing patience for a day and a half.
const PAUSES_MS: [i64; 7] = [
    0,
    MINUTE_MS,
    5 * MINUTE_MS,
    30 * MINUTE_MS,
    2 * HOUR_MS,
    8 * HOUR_MS,
    24 * HOUR_MS,
];

/// A name as it may stand in a mail: on one line, without characters that turn the direction of what follows, and not too
/// long to be a name.
pub fn plain(name: &str) -> String {
    const LONGEST: usize = 80;
    let spaced = name.chars().map(|c| if c.is_control() { ' ' } else { c });
    let kept: String = spaced.filter(|c| !directs(*c)).take(LONGEST).collect();
    kept.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A character that has no look of its own and moves others (Unicode Standard Annex 9 §2), or that hides.
fn directs(c: char) -> bool {
    matches!(
        c,
        '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_000_000);

    fn all() -> Vec<Purpose> {
        let notice = || Notice {
            at: NOW,
            device: Some("Firefox · Linux".to_owned()),
        };
        let (token, code, name) = ("t".to_owned(), "123456".to_owned(), "n".to_owned());
        let expires_at = Timestamp(2_000_000);
        vec![
            Purpose::RegistrationCode {
                code: code.clone(),
                token: token.clone(),
                expires_at,
            },
            Purpose::AccountExists,
            Purpose::Approved,
            Purpose::NotApproved,
            Purpose::Invitation {
                token: token.clone(),
                expires_at,
            },
            Purpose::Welcome {
                token: token.clone(),
                expires_at,
            },
            Purpose::SignInCode {
                code: code.clone(),
                expires_at,
            },
            Purpose::PasskeyAdded {
                name: name.clone(),
                notice: notice(),
            },
            Purpose::RecoveryCodeUsed {
                left: 2,
                notice: notice(),
            },
            Purpose::EmailChanged {
                token,
                expires_at,
                notice: notice(),
            },
            Purpose::DeletionRequested {
                on: expires_at,
                notice: notice(),
            },
            Purpose::Deleted,
        ]
    }

    #[test]
    fn a_mail_comes_back_as_the_one_that_it_was_under_its_name() {
        for purpose in all() {
            let text = serde_json::to_value(&purpose).unwrap();
            assert_eq!(text["purpose"], purpose.name());
            assert_eq!(serde_json::from_value::<Purpose>(text).unwrap(), purpose);
        }
    }

    #[test]
    fn what_is_dropped_when_it_expires_is_what_proves_something() {
        for purpose in all() {
            let proves = purpose.code().is_some()
                || purpose.link().is_some_and(|link| link.token.is_some()) && purpose.notice().is_none();
            assert_eq!(purpose.expires_at().is_some(), proves, "{}", purpose.name());
        }
        assert!(is_due(None, Timestamp(i64::MAX)));
        assert!(is_due(Some(Timestamp(2)), Timestamp(1)) && !is_due(Some(Timestamp(2)), Timestamp(2)));
    }

    #[test]
    fn no_notice_can_be_suppressed_by_a_limit() {
        for purpose in all() {
            assert!(
                purpose.notice().is_none() || !purpose.is_on_request(),
                "{}",
                purpose.name()
            );
        }
    }

    #[test]
    fn a_mail_is_tried_for_a_day_and_a_half_with_growing_pauses() {
        let minutes = |tries| match next(tries, Try::Failed, 0, NOW) {
            Next::Retry(at) => Some((at.0 - NOW.0) / MINUTE_MS),
            Next::Sent | Next::Dead => None,
        };
        let pauses: Vec<_> = (1..8).map(minutes).collect();
        let hours = [2, 8, 24].map(|hours| Some(hours * 60));
        let expected = [Some(1), Some(5), Some(30), hours[0], hours[1], hours[2], None];
        assert_eq!(pauses, expected);
        for strange in [-1, i64::MAX] {
            assert_eq!(next(strange, Try::Failed, 0, NOW), Next::Dead);
        }
    }

    #[test]
    fn what_failed_together_is_not_tried_together() {
        let at = |jitter| match next(1, Try::Failed, jitter, NOW) {
            Next::Retry(at) => at.0 - NOW.0,
            Next::Sent | Next::Dead => 0,
        };
        assert_eq!(at(0), MINUTE_MS);
        assert!(at(255) > at(128) && at(128) > at(1), "the pauses differ");
        assert!(at(255) < MINUTE_MS * 5 / 4, "and stay what they are");
    }

    #[test]
    fn what_the_relay_refuses_for_good_is_not_tried_again() {
        assert_eq!(next(1, Try::Refused, 7, NOW), Next::Dead);
        assert_eq!(next(1, Try::Taken, 7, NOW), Next::Sent);
        assert_eq!(next(7, Try::Taken, 7, NOW), Next::Sent);
    }

    /// AC-13.
    #[test]
    fn a_name_adds_no_line_and_turns_no_sentence_around() {
        for (name, shown) in [
            ("key\r\nBcc: all@example.test", "key Bcc: all@example.test"),
            ("\u{202e}gpj.exe", "gpj.exe"),
            ("a\u{2066}b\u{200f}c\u{feff}", "abc"),
            ("  Ada\u{0}Lovelace ", "Ada Lovelace"),
            ("İbrahim", "İbrahim"),
        ] {
            assert_eq!(plain(name), shown, "{name:?}");
        }
        assert_eq!(plain(&"n".repeat(200)).len(), 80);
    }

    /// AC-13.
    #[test]
    fn an_address_that_injects_is_none() {
        for bad in [
            "a@example.test\r\nBcc: b@example.test",
            "a@example.test\n",
            "a\u{202e}@example.test",
            "a b@example.test",
            "<a@example.test>",
            "",
        ] {
            assert_eq!(Address::parse(bad), None, "{bad:?}");
            let text = serde_json::to_string(bad).unwrap();
            assert!(serde_json::from_str::<Address>(&text).is_err(), "{bad:?}");
        }
        let fine = Address::parse("Ada+list@Example.test").unwrap();
        assert_eq!(fine.as_str(), "Ada+list@Example.test", "as it is stored");
    }
}
