//! Page sizes.

use crate::{Problem, codes};

/// A page size between 1 and 100, by default 20; 400 otherwise.
pub fn limit(asked: Option<i64>) -> Result<i64, Problem> {
    match asked {
        None => Ok(20),
        Some(limit @ 1..=100) => Ok(limit),
        Some(_) => Err(codes::INVALID_LIMIT.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_has_between_1_and_100_entries() {
        assert_eq!(limit(None).unwrap(), 20);
        assert_eq!(limit(Some(100)).unwrap(), 100);
        for bad in [0, -1, 101, 1 << 31, i64::MIN, i64::MAX] {
            assert_eq!(limit(Some(bad)).unwrap_err().code, "invalid_limit");
        }
    }
}
