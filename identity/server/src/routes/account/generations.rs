//! A refresh family as a line of its generations: where a lost response was sent again, and where an old key came back.

use latchkey_protocol::revocation_policy::{EndReason, RevocationCause};
use latchkey_web::Words;

/// The picture, and the same in words.
pub(crate) struct Generations {
    pub words: String,
    pub points: Vec<Point>,
    pub width: i64,
    /// Whether earlier generations are left out.
    pub cut: bool,
}

/// One generation.
pub(crate) struct Point {
    pub x: i64,
    pub mark: Mark,
}

/// What its shape says; colour says nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mark {
    /// A renewal.
    Renewed,
    /// A renewal whose response was lost and sent again.
    Retried,
    /// An old key came.
    Reused,
    /// The end.
    Ended,
}

/// How many generations are drawn, at most: the last ones.
const MOST: i64 = 12;
/// The distance between two, and of the first from the edge.
const STEP: i64 = 24;
const EDGE: i64 = 10;

impl Generations {
    /// The line of a family: its generation, the last one that was issued again, and why it has ended, if it has.
    pub fn of(words: &Words, generation: i64, hit: Option<i64>, ended: Option<EndReason>) -> Self {
        let last = generation.max(1);
        let first = (last - MOST + 1).max(1);
        let reused = is_reuse(ended);
        let mut marks: Vec<Mark> = (first..=last)
            .map(|generation| match hit == Some(generation) {
                true => Mark::Retried,
                false => Mark::Renewed,
            })
            .collect();
        if ended.is_some() {
            marks.push(if reused { Mark::Reused } else { Mark::Ended });
        }
        let mut said = vec![words.count("account.renewed", last - 1)];
        if let Some(hit) = hit {
            said.push(words.count("why.retried", hit - 1));
        }
        if reused {
            said.push(words.count("why.reused", last - 1));
        }
        let points: Vec<Point> = marks
            .into_iter()
            .zip(0..)
            .map(|(mark, at)| Point {
                x: EDGE + at * STEP,
                mark,
            })
            .collect();
        Self {
            words: said.join("; "),
            width: points.last().map_or(0, |point| point.x) + EDGE,
            points,
            cut: first > 1,
        }
    }
}

fn is_reuse(ended: Option<EndReason>) -> bool {
    match ended {
        Some(EndReason::Revoked(cause)) => {
            matches!(
                cause,
                RevocationCause::RefreshReuse | RevocationCause::StoreRewound
            )
        }
        Some(EndReason::Idle | EndReason::Expired) | None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marks(generation: i64, hit: Option<i64>, ended: Option<EndReason>) -> Vec<Mark> {
        let words = crate::messages(None).unwrap().words(None);
        let line = Generations::of(&words, generation, hit, ended);
        line.points.iter().map(|point| point.mark).collect()
    }

    #[test]
    fn a_line_shows_where_an_old_key_came_back() {
        let reuse = Some(EndReason::Revoked(RevocationCause::RefreshReuse));
        assert_eq!(
            marks(2, None, reuse),
            [Mark::Renewed, Mark::Renewed, Mark::Reused]
        );
        assert_eq!(marks(2, Some(1), None), [Mark::Retried, Mark::Renewed]);
        assert_eq!(
            marks(1, None, Some(EndReason::Idle)),
            [Mark::Renewed, Mark::Ended]
        );
    }

    #[test]
    fn a_long_line_shows_its_last_generations_alone() {
        let words = crate::messages(None).unwrap().words(None);
        let line = Generations::of(&words, 1_000, None, None);
        assert_eq!((line.points.len(), line.cut), (12, true));
        assert!(line.words.contains("999"), "{}", line.words);
    }
}
