//! One-time proofs: what a mailed code or link proves, once. Each has a purpose and everything that it authorises, and its
//! use closes every other path that the same mails have opened.

use crate::Timestamp;

/// What a proof is for. One of another purpose proves nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProofPurpose {
    /// The address of a registration; its subject is the registration.
    Registration,
    /// The code of a sign-in; its subject is the user.
    SignIn,
    /// Setting another password; its subject is the user.
    Reset,
    /// The same, begun by an administrator.
    AdminReset,
    /// A new address; its subject is the user.
    EmailNew,
    /// A second address for notices; its subject is the user.
    NoticeEmail,
    /// Taking a change of address back; its subject is the user.
    EmailUndo,
    /// A recovery with a delay; its subject is the recovery.
    Recovery,
    /// An invitation; its subject is the invitation.
    Invitation,
    /// The first administrator of an installation.
    Owner,
}

impl ProofPurpose {
    /// Every purpose.
    pub const ALL: [Self; 10] = [
        Self::Registration,
        Self::SignIn,
        Self::Reset,
        Self::AdminReset,
        Self::EmailNew,
        Self::NoticeEmail,
        Self::EmailUndo,
        Self::Recovery,
        Self::Invitation,
        Self::Owner,
    ];

    /// The name in rows.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Registration => "registration",
            Self::SignIn => "sign_in",
            Self::Reset => "reset",
            Self::AdminReset => "admin_reset",
            Self::EmailNew => "email_new",
            Self::NoticeEmail => "notice_email",
            Self::EmailUndo => "email_undo",
            Self::Recovery => "recovery",
            Self::Invitation => "invitation",
            Self::Owner => "owner",
        }
    }

    /// The purpose with this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|purpose| purpose.name() == name)
    }
}

/// A proof that was issued.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OneTimeProof {
    /// The hash of the token of its link.
    pub token_hash: String,
    /// What it is for.
    pub purpose: ProofPurpose,
    /// Whom or what it is about.
    pub subject: String,
    /// The address that it was sent to, in its canonical form.
    pub address: Option<String>,
    /// What else it authorises, and nothing beside it: JSON of its issuer's own.
    pub bound: Option<String>,
    /// The credential epoch of the user when it was issued: a change of what they prove themselves by ends it.
    pub epoch: Option<i64>,
    /// The keyed hash of its code, if it has one.
    pub code_hash: Option<String>,
    /// How often a code was tried.
    pub tries: i64,
    /// The hash of the secret of the browser that asked for it.
    pub browser_hash: Option<String>,
    /// When it was issued.
    pub created_at: Timestamp,
    /// When it expires.
    pub expires_at: Timestamp,
    /// When it was used, or closed by the use of another.
    pub spent_at: Option<Timestamp>,
}

/// How a proof is presented.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presented<'a> {
    /// By the token of its link, in whichever browser: whoever has the mailbox has it.
    Link,
    /// By its code, in the browser with this hash: six digits are no secret against guesses from elsewhere.
    Code {
        /// Whether the hash of the code is the one of the proof.
        right: bool,
        /// The hash of the secret of the browser.
        browser_hash: Option<&'a str>,
    },
}

/// Why a proof proves nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// It is for something else, or the code is wrong.
    #[error("the code is wrong")]
    Wrong,
    /// Its time is over.
    #[error("the proof has expired")]
    Expired,
    /// It was used, or closed by the use of another, or what it stood on has changed.
    #[error("the proof was used")]
    Used,
    /// The code was asked for in another browser.
    #[error("the code belongs to another browser")]
    Elsewhere,
    /// Its code was tried too often.
    #[error("the code was tried too often")]
    TooMany,
}

/// How often a code may be tried.
pub const TRIES: i64 = 5;

/// Whether a proof proves what it is presented for. `epoch` is the user's now, where there is one. The try has been
/// counted before: so many at once are so many.
pub fn check(
    proof: &OneTimeProof,
    purpose: ProofPurpose,
    presented: Presented<'_>,
    epoch: Option<i64>,
    latest: Timestamp,
) -> Result<(), ProofError> {
    if proof.purpose != purpose {
        return Err(ProofError::Wrong);
    }
    if proof.spent_at.is_some() || proof.epoch != epoch {
        return Err(ProofError::Used);
    }
    if latest >= proof.expires_at {
        return Err(ProofError::Expired);
    }
    match presented {
        Presented::Link => Ok(()),
        Presented::Code { .. } if proof.code_hash.is_none() => Err(ProofError::Wrong),
        Presented::Code { browser_hash, .. } if proof.browser_hash.as_deref() != browser_hash => {
            Err(ProofError::Elsewhere)
        }
        Presented::Code { .. } if proof.tries > TRIES => Err(ProofError::TooMany),
        Presented::Code { right: false, .. } => Err(ProofError::Wrong),
        Presented::Code { right: true, .. } => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proof() -> OneTimeProof {
        OneTimeProof {
            token_hash: "t".into(),
            purpose: ProofPurpose::Reset,
            subject: "u".into(),
            address: Some("a@example.test".into()),
            bound: None,
            epoch: Some(3),
            code_hash: Some("c".into()),
            tries: 1,
            browser_hash: Some("b".into()),
            created_at: Timestamp(0),
            expires_at: Timestamp(100),
            spent_at: None,
        }
    }

    const RIGHT: Presented<'static> = Presented::Code {
        right: true,
        browser_hash: Some("b"),
    };

    #[test]
    fn a_proof_proves_once_for_its_purpose_its_epoch_and_its_time() {
        type Row = (fn(&mut OneTimeProof), Result<(), ProofError>);
        let table: [Row; 6] = [
            (|_| {}, Ok(())),
            (|p| p.purpose = ProofPurpose::EmailNew, Err(ProofError::Wrong)),
            (|p| p.spent_at = Some(Timestamp(1)), Err(ProofError::Used)),
            (|p| p.epoch = Some(2), Err(ProofError::Used)),
            (|p| p.epoch = None, Err(ProofError::Used)),
            (|p| p.expires_at = Timestamp(50), Err(ProofError::Expired)),
        ];
        for (change, expected) in table {
            let mut proof = proof();
            change(&mut proof);
            for presented in [Presented::Link, RIGHT] {
                let said = check(&proof, ProofPurpose::Reset, presented, Some(3), Timestamp(50));
                assert_eq!(said, expected, "{proof:?}");
            }
        }
    }

    #[test]
    fn a_code_counts_in_its_own_browser_five_times() {
        let at = |proof: &OneTimeProof, presented| {
            check(proof, ProofPurpose::Reset, presented, Some(3), Timestamp(50))
        };
        for browser_hash in [None, Some("other")] {
            let elsewhere = Presented::Code {
                right: true,
                browser_hash,
            };
            assert_eq!(at(&proof(), elsewhere), Err(ProofError::Elsewhere));
        }
        let wrong = Presented::Code {
            right: false,
            browser_hash: Some("b"),
        };
        assert_eq!(at(&proof(), wrong), Err(ProofError::Wrong));
        for tries in 1..=TRIES {
            assert_eq!(at(&OneTimeProof { tries, ..proof() }, RIGHT), Ok(()), "{tries}");
        }
        let sixth = OneTimeProof {
            tries: TRIES + 1,
            ..proof()
        };
        assert_eq!(at(&sixth, RIGHT), Err(ProofError::TooMany));
        assert_eq!(
            at(&sixth, Presented::Link),
            Ok(()),
            "guesses do not end the owner's link"
        );
        let none = OneTimeProof {
            code_hash: None,
            ..proof()
        };
        assert_eq!(at(&none, RIGHT), Err(ProofError::Wrong));
    }

    #[test]
    fn every_purpose_has_a_name_of_its_own() {
        for purpose in ProofPurpose::ALL {
            assert_eq!(ProofPurpose::parse(purpose.name()), Some(purpose));
        }
        assert_eq!(ProofPurpose::parse("other"), None);
    }
}
