//! Why a request fails, and the one table from reasons to responses: the service's own reasons ([`Reason`]), and the
//! errors that every service has.

use axum::response::{IntoResponse, Response};
use latchkey_bus::{BusError, HandlerError};
use latchkey_db::DbError;
use latchkey_http::{Code, Problem, codes};

use crate::{FieldError, FilesError};

/// Why the domain of a service rejects a request. Each reason selects its response in [`Reason::code`], without a
/// fallback, so that a new one cannot be forgotten.
pub trait Reason: std::error::Error + Send + Sync + 'static {
    /// The codes of this service, for its API document.
    const CODES: &'static [Code];

    /// The answer.
    fn code(&self) -> Code;

    /// The invalid fields, if that is the reason.
    fn into_field_errors(self) -> Vec<FieldError>
    where
        Self: Sized,
    {
        Vec::new()
    }
}

/// Every possible error between the guard and the response.
#[derive(Debug, thiserror::Error)]
pub enum Error<R: Reason> {
    /// The domain rejects the request.
    #[error(transparent)]
    Rejected(R),
    /// The idempotency key was used for another request.
    #[error("the idempotency key was used for another request")]
    KeyReused,
    /// A query parameter is not valid: its name and the reason.
    #[error("the query's {0} {1}")]
    Query(&'static str, &'static str),
    #[error("the service's database failed")]
    Db(#[from] DbError),
    #[error("the service's outbox failed")]
    Bus(#[from] BusError),
    #[error("the service's files failed")]
    Files(#[from] FilesError),
    #[error("a payload could not be serialized")]
    Payload(#[source] serde_json::Error),
}

impl<R: Reason> From<R> for Error<R> {
    fn from(reason: R) -> Self {
        Self::Rejected(reason)
    }
}

impl<R: Reason> Error<R> {
    /// Status, name and sentence. The reason itself goes only to the log.
    pub fn code(&self) -> Code {
        match self {
            Self::Rejected(reason) => reason.code(),
            Self::KeyReused => codes::IDEMPOTENCY_KEY_REUSED,
            Self::Query(..) => codes::INVALID_QUERY,
            Self::Db(error) | Self::Bus(BusError::Db(error)) if error.is_transient() => codes::UNAVAILABLE,
            Self::Files(error) if error.is_transient() => codes::UNAVAILABLE,
            Self::Db(_) | Self::Bus(_) | Self::Files(_) | Self::Payload(_) => codes::INTERNAL,
        }
    }
}

impl<R: Reason> From<Error<R>> for Problem {
    fn from(error: Error<R>) -> Self {
        let code = error.code();
        match error {
            Error::Db(error) | Error::Bus(BusError::Db(error)) => error.into(),
            Error::Files(error) if error.is_transient() => {
                tracing::warn!(
                    reason = latchkey_http::reasons(&error),
                    "the files are unavailable"
                );
                code.into()
            }
            Error::Bus(_) | Error::Files(_) | Error::Payload(_) => Self::internal(&error),
            Error::Rejected(reason) => Self {
                errors: reason.into_field_errors(),
                ..code.into()
            },
            Error::Query(member, reason) => Self::from(code).with_error(member, reason),
            Error::KeyReused => code.into(),
        }
    }
}

impl<R: Reason> IntoResponse for Error<R> {
    fn into_response(self) -> Response {
        Problem::from(self).into_response()
    }
}

/// A consumer retries what may succeed later; only errors of the database do not count as attempts.
impl<R: Reason> From<Error<R>> for HandlerError {
    fn from(error: Error<R>) -> Self {
        match error {
            Error::Db(error) | Error::Bus(BusError::Db(error)) => Self::Db(error),
            other => Self::Retry(latchkey_http::reasons(&other)),
        }
    }
}

#[cfg(test)]
mod tests {
    use http::StatusCode;

    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("canary")]
    struct Never;

    impl Reason for Never {
        const CODES: &'static [Code] = &[];

        fn code(&self) -> Code {
            codes::NOT_FOUND
        }
    }

    /// CVE-2024-32967.
    #[test]
    fn an_inner_reason_never_reaches_the_answer() {
        for error in [
            Error::<Never>::Db(DbError::row("canary_column", "canary reason")),
            Error::Bus(BusError::Invalid("canary event".into())),
            Error::Bus(BusError::Db(DbError::row("canary_column", "canary reason"))),
            Error::Payload(serde_json::from_str::<i32>("canary").unwrap_err()),
            Error::Rejected(Never),
        ] {
            let expected = error.code();
            let problem = Problem::from(error);
            assert_eq!((problem.status, problem.code), (expected.status, expected.name));
            assert!(!format!("{problem:?}").contains("canary"), "{problem:?}");
        }
    }

    #[test]
    fn a_database_that_is_away_is_a_503() {
        for error in [
            Error::<Never>::Db(DbError::Stopped),
            Error::Bus(BusError::Db(DbError::Stopped)),
        ] {
            assert_eq!(error.code().status, StatusCode::SERVICE_UNAVAILABLE);
        }
    }
}
