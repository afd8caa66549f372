//! The rating of a course, wherever it is shown.

use latchkey_web::Words;

use crate::api::catalog::Rating;
use crate::format::decimal;

/// The rating of a course, in words.
#[derive(Clone, Debug)]
pub struct RatingView {
    /// `4.5`, as the language writes it.
    pub average: String,
    pub count: i64,
    pub label: String,
}

impl RatingView {
    pub fn of(words: &Words, rating: Rating) -> Self {
        let average = decimal(words, &format!("{:.1}", rating.average));
        let stars = words.fill("rating.stars", &[("average", &average)]);
        Self {
            label: format!("{stars}, {}", words.count("rating.reviews", rating.count)),
            average,
            count: rating.count,
        }
    }
}
