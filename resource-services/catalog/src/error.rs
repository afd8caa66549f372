//! Why a request fails, and the one table from reasons to answers.

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use latchkey_bus::BusError;
use latchkey_db::DbError;
use latchkey_http::Problem;

use crate::domain::Refusal;

/// Everything that can go wrong between the guard and the answer.
#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The idempotency key was used for another request.
    #[error("the idempotency key belongs to another request")]
    KeyReused,
    /// What a query asks for cannot be understood; says which member and why.
    #[error("the query's {0} {1}")]
    Query(&'static str, &'static str),
    #[error("the catalog's database failed")]
    Db(#[from] DbError),
    #[error("the catalog's outbox failed")]
    Bus(#[from] BusError),
    #[error("a payload could not be written")]
    Payload(#[source] serde_json::Error),
    #[error("the demo catalogue does not fit the catalog")]
    Demo(#[source] toml::de::Error),
}

/// The answers that a client can act on: status, code, and a sentence. The API document lists them from here.
pub const CODES: &[(StatusCode, &str, &str)] = &[
    (StatusCode::NOT_FOUND, "not_found", "There is nothing here."),
    (
        StatusCode::PRECONDITION_FAILED,
        "stale",
        "The resource has changed since it was read.",
    ),
    (
        StatusCode::UNPROCESSABLE_ENTITY,
        "invalid_content",
        "Some fields break their rules.",
    ),
    (
        StatusCode::UNPROCESSABLE_ENTITY,
        "not_ready",
        "Something is missing before it can be public.",
    ),
    (
        StatusCode::UNPROCESSABLE_ENTITY,
        "out_of_range",
        "A number left its range.",
    ),
    (
        StatusCode::CONFLICT,
        "transition",
        "The course is not in a state from which it can become that.",
    ),
    (
        StatusCode::CONFLICT,
        "archived",
        "An archived course does not change.",
    ),
    (
        StatusCode::CONFLICT,
        "category_in_use",
        "The category still has courses or categories in it.",
    ),
    (
        StatusCode::CONFLICT,
        "category_taken",
        "Another category has this name.",
    ),
    (
        StatusCode::UNPROCESSABLE_ENTITY,
        "idempotency_key_reused",
        "This key was used for another request.",
    ),
    (
        StatusCode::BAD_REQUEST,
        "invalid_query",
        "The query is not what this route takes.",
    ),
];

impl CatalogError {
    /// The one table. The reason itself goes to the log only.
    pub fn wire(&self) -> (StatusCode, &'static str) {
        match self {
            Self::Refused(refusal) => match refusal {
                Refusal::Missing => (StatusCode::NOT_FOUND, "not_found"),
                Refusal::Stale => (StatusCode::PRECONDITION_FAILED, "stale"),
                Refusal::Invalid(_) => (StatusCode::UNPROCESSABLE_ENTITY, "invalid_content"),
                Refusal::NotReady(_) => (StatusCode::UNPROCESSABLE_ENTITY, "not_ready"),
                Refusal::Overflow => (StatusCode::UNPROCESSABLE_ENTITY, "out_of_range"),
                Refusal::Transition { .. } => (StatusCode::CONFLICT, "transition"),
                Refusal::Archived => (StatusCode::CONFLICT, "archived"),
                Refusal::CategoryInUse => (StatusCode::CONFLICT, "category_in_use"),
                Refusal::CategoryTaken => (StatusCode::CONFLICT, "category_taken"),
            },
            Self::KeyReused => (StatusCode::UNPROCESSABLE_ENTITY, "idempotency_key_reused"),
            Self::Query(..) => (StatusCode::BAD_REQUEST, "invalid_query"),
            Self::Db(error) | Self::Bus(BusError::Db(error)) if error.is_transient() => {
                (StatusCode::SERVICE_UNAVAILABLE, "unavailable")
            }
            Self::Db(_) | Self::Bus(_) | Self::Payload(_) | Self::Demo(_) => {
                (StatusCode::INTERNAL_SERVER_ERROR, "internal")
            }
        }
    }
}

impl From<CatalogError> for Problem {
    fn from(error: CatalogError) -> Self {
        let (status, code) = error.wire();
        match error {
            CatalogError::Db(error) | CatalogError::Bus(BusError::Db(error)) => error.into(),
            CatalogError::Bus(_) | CatalogError::Payload(_) | CatalogError::Demo(_) => Self::internal(&error),
            CatalogError::Refused(Refusal::Missing) => Self::not_found(), // byte for byte what any missing thing gets
            CatalogError::Refused(Refusal::Invalid(faults) | Refusal::NotReady(faults)) => faults
                .into_iter()
                .fold(Self::new(status, code, sentence(code)), |problem, fault| {
                    problem.with_error(fault.field, fault.message)
                }),
            CatalogError::Query(member, reason) => {
                Self::new(status, code, sentence(code)).with_error(member, reason)
            }
            CatalogError::Refused(_) | CatalogError::KeyReused => Self::new(status, code, sentence(code)),
        }
    }
}

impl IntoResponse for CatalogError {
    fn into_response(self) -> Response {
        Problem::from(self).into_response()
    }
}

fn sentence(code: &str) -> &'static str {
    CODES
        .iter()
        .find(|(_, known, _)| *known == code)
        .map_or("The request cannot be fulfilled.", |(.., text)| text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Status;

    fn every_refusal() -> Vec<CatalogError> {
        let transition = Refusal::Transition {
            from: Status::Archived,
            to: Status::Draft,
        };
        let mut all: Vec<CatalogError> = [
            Refusal::Missing,
            Refusal::Stale,
            Refusal::field("title", "is missing"),
            Refusal::NotReady(Vec::new()),
            Refusal::Overflow,
            transition,
            Refusal::Archived,
            Refusal::CategoryInUse,
            Refusal::CategoryTaken,
        ]
        .map(CatalogError::from)
        .into();
        all.extend([CatalogError::KeyReused, CatalogError::Query("q", "is too long")]);
        all
    }

    #[test]
    fn every_answer_is_listed_for_those_who_program_against_it() {
        for error in every_refusal() {
            let (status, code) = error.wire();
            assert!(CODES.iter().any(|(s, c, _)| (*s, *c) == (status, code)), "{code}");
        }
    }

    #[test]
    fn no_code_is_listed_that_nothing_answers() {
        for (status, code, _) in CODES {
            assert!(
                every_refusal()
                    .iter()
                    .any(|error| error.wire() == (*status, code)),
                "{code}"
            );
        }
    }

    #[test]
    fn rs_09_cve_2024_32967_an_inner_reason_never_reaches_the_answer() {
        for error in [
            CatalogError::Db(DbError::row("canary_column", "canary reason")),
            CatalogError::Bus(BusError::Invalid("canary event".into())),
            CatalogError::Bus(BusError::Db(DbError::row("canary_column", "canary reason"))),
            CatalogError::Payload(serde_json::from_str::<i32>("canary").unwrap_err()),
        ] {
            let problem = Problem::from(error);
            assert_eq!((problem.status.as_u16(), problem.code), (500, "internal"));
            assert!(!format!("{problem:?}").contains("canary"), "{problem:?}");
        }
    }

    #[test]
    fn a_database_that_is_away_is_a_503() {
        assert_eq!(
            CatalogError::Db(DbError::Stopped).wire().0,
            StatusCode::SERVICE_UNAVAILABLE
        );
        assert_eq!(
            CatalogError::Bus(BusError::Db(DbError::Stopped)).wire().0,
            StatusCode::SERVICE_UNAVAILABLE
        );
    }
}
