//! The life of a course: draft → published ↔ unlisted → archived, which is final.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::DomainError;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Visible only to its owner.
    Draft,
    /// Listed and sold.
    Published,
    /// Sold only by its link.
    Unlisted,
    /// No longer sold; learners who have it keep it.
    Archived,
}

impl Status {
    pub const ALL: [Self; 4] = [Self::Draft, Self::Published, Self::Unlisted, Self::Archived];

    /// The next status, or the reason why it is not allowed.
    pub fn step(self, to: Self) -> Result<Self, DomainError> {
        match (self, to) {
            (Self::Draft, Self::Published | Self::Archived)
            | (Self::Published, Self::Unlisted | Self::Archived)
            | (Self::Unlisted, Self::Published | Self::Archived) => Ok(to),
            (from, to) => Err(DomainError::Transition { from, to }),
        }
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Published => "published",
            Self::Unlisted => "unlisted",
            Self::Archived => "archived",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == text)
    }
}

impl std::fmt::Display for Status {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_drawn_edges_can_be_walked() {
        let walked: Vec<_> = Status::ALL
            .into_iter()
            .flat_map(|from| Status::ALL.map(|to| (from, to)))
            .filter(|(from, to)| from.step(*to).is_ok())
            .map(|(from, to)| format!("{from} → {to}"))
            .collect();
        assert_eq!(
            walked,
            [
                "draft → published",
                "draft → archived",
                "published → unlisted",
                "published → archived",
                "unlisted → published",
                "unlisted → archived",
            ]
        );
    }

    #[test]
    fn a_state_reads_back_what_it_wrote() {
        for status in Status::ALL {
            assert_eq!(Status::parse(status.as_str()), Some(status));
        }
    }
}
