//! How many seats an instructor sells.

use latchkey_kit::objects;
use serde::Deserialize;
use utoipa::ToSchema;

use super::DomainError;

/// The body of PUT.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(remote = "Self", deny_unknown_fields)]
pub struct CapacityDraft {
    /// 0 to 1 000 000, and not less than what is sold and reserved.
    pub capacity: i64,
}

objects!(CapacityDraft);

impl CapacityDraft {
    /// The capacity, if it is valid.
    pub fn check(&self) -> Result<i64, DomainError> {
        match self.capacity {
            capacity @ 0..=1_000_000 => Ok(capacity),
            _ => Err(DomainError::field("capacity", "must be 0 to 1000000")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_capacity_is_at_least_zero_and_at_most_a_million() {
        for (capacity, valid) in [
            (0, true),
            (1_000_000, true),
            (-1, false),
            (1_000_001, false),
            (i64::MIN, false),
            (i64::MAX, false),
        ] {
            assert_eq!(CapacityDraft { capacity }.check().is_ok(), valid, "{capacity}");
        }
    }
}
