//! The rating of a course: the sum and the number of its stars.

use super::DomainError;

/// The stars of all reviews of a course.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rating {
    pub sum: i64,
    pub count: i64,
}

/// What a change of a review does to the rating.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shift {
    pub sum: i64,
    pub count: i64,
}

impl Rating {
    /// In hundredths of a star; `None` without reviews.
    pub fn average(self) -> Option<i64> {
        let doubled = self.sum.checked_mul(200)?.checked_add(self.count)?;
        doubled.checked_div(self.count.checked_mul(2)?)
    }

    /// Sorts by rating: the average in thousandths, drawn towards 3.5 as if by five more reviews, so that a single five
    /// does not outrank a hundred fours and fives. 0 without reviews.
    pub fn score(self) -> i64 {
        match self.count {
            0 => 0,
            count => self.sum.saturating_mul(1_000).saturating_add(17_500) / count.saturating_add(5),
        }
    }

    /// The rating after a change.
    pub fn shifted(self, by: Shift) -> Result<Self, DomainError> {
        let sum = self.sum.checked_add(by.sum).ok_or(DomainError::Overflow)?;
        let count = self.count.checked_add(by.count).ok_or(DomainError::Overflow)?;
        Ok(Self { sum, count })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_average_is_rounded_and_a_score_needs_more_than_one_voice() {
        let rating = |sum, count| Rating { sum, count };
        assert_eq!(rating(0, 0).average(), None);
        assert_eq!(rating(14, 3).average(), Some(467));
        assert_eq!(rating(5, 1).average(), Some(500));
        assert!(rating(5, 1).score() < rating(460, 100).score());
        assert!(rating(1, 1).score() > rating(0, 0).score());
        assert_eq!(rating(i64::MAX, i64::MAX).average(), None);
    }
}
