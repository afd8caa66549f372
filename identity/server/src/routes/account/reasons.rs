//! Why something ended, who did it and what to do about it, in words.

use latchkey_protocol::ended_by::{Advice, EndedBy};
use latchkey_protocol::revocation_policy::{EndReason, RevocationCause};
use latchkey_web::Words;

/// Why something ended.
pub(crate) struct Reason {
    pub sentence: String,
    pub by: String,
    pub advice: String,
}

impl Reason {
    /// Everything that a page says about an end.
    pub fn of(words: &Words, reason: EndReason) -> Self {
        let by = words.say(match EndedBy::of(reason) {
            EndedBy::User => "why.by_you",
            EndedBy::Administrator => "why.by_administrator",
            EndedBy::Application => "why.by_application",
            EndedBy::Site => "why.by_site",
        });
        let advice = words.say(match Advice::of(reason) {
            Advice::SignIn => "why.sign_in",
            Advice::IfNotYou => "why.if_not_you",
            Advice::Watch => "why.watch",
            Advice::AskAdministrator => "why.ask_administrator",
        });
        Self {
            sentence: words.say(sentence(reason)).to_owned(),
            by: by.to_owned(),
            advice: advice.to_owned(),
        }
    }
}

/// The message of a reason: each has its own.
fn sentence(reason: EndReason) -> &'static str {
    let cause = match reason {
        EndReason::Revoked(cause) => cause,
        EndReason::Idle => return "cause.idle",
        EndReason::Expired => return "cause.expired",
    };
    match cause {
        RevocationCause::SignedOut => "cause.logout",
        RevocationCause::SignedOutThere => "cause.signed_out_there",
        RevocationCause::Replaced => "cause.replaced",
        RevocationCause::EndedByUser => "cause.ended",
        RevocationCause::EndedByAdmin => "cause.admin",
        RevocationCause::PasswordReset => "cause.password_reset",
        RevocationCause::PasswordChanged => "cause.password_changed",
        RevocationCause::AccountRecovered => "cause.account_recovered",
        RevocationCause::AdminReset => "cause.admin_reset",
        RevocationCause::EmailChanged => "cause.email_changed",
        RevocationCause::EmailUndone => "cause.email_undone",
        RevocationCause::FactorRemoved => "cause.factor_removed",
        RevocationCause::UpstreamUnlinked => "cause.upstream_unlinked",
        RevocationCause::UpstreamSignedOut => "cause.upstream_signed_out",
        RevocationCause::UserDisabled => "cause.person_disabled",
        RevocationCause::UserLocked => "cause.person_locked",
        RevocationCause::UserDeleted => "cause.person_deleted",
        RevocationCause::DeletionRequested => "cause.deletion_requested",
        RevocationCause::ConsentWithdrawn => "cause.consent_withdrawn",
        RevocationCause::ClientDisabled => "cause.client_disabled",
        RevocationCause::ClientRemoved => "cause.client_removed",
        RevocationCause::ClientTokensRevoked => "cause.client_tokens_revoked",
        RevocationCause::RevokedByClient => "cause.revoked",
        RevocationCause::TooManyTokens => "cause.tokens_revoked",
        RevocationCause::FamilyLimit => "cause.family_limit",
        RevocationCause::RefreshReuse => "cause.replay",
        RevocationCause::CodeReuse => "cause.code_replay",
        RevocationCause::StoreRewound => "cause.store_rewound",
        RevocationCause::OverlapStreak => "cause.overlap_streak",
        RevocationCause::KeyCompromised => "cause.key_compromised",
        RevocationCause::AskedAgain => "cause.asked_again",
        RevocationCause::Other => "cause.other",
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn all() -> impl Iterator<Item = EndReason> {
        let revoked = RevocationCause::ALL.into_iter().map(EndReason::Revoked);
        revoked.chain([EndReason::Idle, EndReason::Expired])
    }

    #[test]
    fn every_cause_has_a_sentence_of_its_own() {
        let words = crate::messages(None).unwrap().words(None);
        let said: BTreeSet<String> = all().map(|reason| Reason::of(&words, reason).sentence).collect();
        assert_eq!(said.len(), all().count());
    }

    #[test]
    fn every_end_says_by_whom_and_what_to_do() {
        let words = crate::messages(None).unwrap().words(None);
        for reason in all() {
            let Reason { sentence, by, advice } = Reason::of(&words, reason);
            for said in [&sentence, &by, &advice] {
                assert!(said.ends_with('.'), "{reason:?}: {said}");
            }
        }
    }
}
