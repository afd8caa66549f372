//! Counts of what a guard decided, for metrics.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::rejection::GuardError;

/// What a guard decided about a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The token counts.
    Admitted,
    /// There was no token, and the route needs none.
    Anonymous,
    /// There was no token.
    Unauthenticated,
    /// The request does not carry exactly one token as it should.
    InvalidRequest,
    /// The token does not count.
    InvalidToken,
    /// Nothing could be verified.
    Unavailable,
    /// The service is wired wrongly.
    ServerError,
}

impl Verdict {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Admitted,
        Self::Anonymous,
        Self::Unauthenticated,
        Self::InvalidRequest,
        Self::InvalidToken,
        Self::Unavailable,
        Self::ServerError,
    ];

    /// The `code` of the response, or `admitted` and `anonymous`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Admitted => "admitted",
            Self::Anonymous => "anonymous",
            Self::Unauthenticated => "unauthenticated",
            Self::InvalidRequest => "invalid_request",
            Self::InvalidToken => "invalid_token",
            Self::Unavailable => "temporarily_unavailable",
            Self::ServerError => "server_error",
        }
    }

    fn of(error: &GuardError) -> Self {
        match error {
            GuardError::NoCredentials => Self::Unauthenticated,
            GuardError::SeveralCredentials | GuardError::NotBearer | GuardError::TokenInQuery => {
                Self::InvalidRequest
            }
            // The token of a request that lacks a scope counts; the handler's extractor refuses it afterwards.
            GuardError::ShortScope(_) => Self::Admitted,
            GuardError::Token(_) | GuardError::Inactive => Self::InvalidToken,
            GuardError::NoKeys | GuardError::FeedNotLive | GuardError::NoIntrospection => Self::Unavailable,
            GuardError::Unguarded => Self::ServerError,
        }
    }
}

/// The counts of one guard.
#[derive(Default)]
pub(crate) struct Verdicts([AtomicU64; Verdict::ALL.len()]);

impl Verdicts {
    /// Counts what became of a request.
    pub fn count(&self, verdict: Result<Verdict, &GuardError>) {
        let verdict = verdict.unwrap_or_else(Verdict::of);
        self.0[verdict as usize].fetch_add(1, Ordering::Relaxed);
    }

    pub fn read(&self) -> [(Verdict, u64); Verdict::ALL.len()] {
        Verdict::ALL.map(|verdict| (verdict, self.0[verdict as usize].load(Ordering::Relaxed)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verify::TokenError;

    #[test]
    fn a_refusal_is_counted_by_the_code_of_its_response() {
        let errors = [
            GuardError::NoCredentials,
            GuardError::SeveralCredentials,
            GuardError::NotBearer,
            GuardError::TokenInQuery,
            GuardError::Token(TokenError::TooLong),
            GuardError::Inactive,
            GuardError::NoKeys,
            GuardError::FeedNotLive,
            GuardError::NoIntrospection,
            GuardError::Unguarded,
        ];
        for error in errors {
            let verdicts = Verdicts::default();
            verdicts.count(Err(&error));
            let counted: Vec<_> = verdicts
                .read()
                .into_iter()
                .filter(|(_, count)| *count > 0)
                .collect();
            let [(verdict, 1)] = counted[..] else {
                panic!("{error:?}: {counted:?}")
            };
            assert_eq!(verdict.name(), error.wire().code, "{error:?}");
        }
    }
}
