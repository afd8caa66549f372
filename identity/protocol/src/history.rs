//! The history of an account: what happened, the last first, with failures of one kind in one hour told as one.

use crate::Timestamp;

/// For how long history is shown, in milliseconds: 90 days.
pub const KEPT_MS: i64 = 90 * 86_400_000;

const HOUR_MS: i64 = 3_600_000;

/// Something that happened, once or several times in an hour.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line<T> {
    /// What; the last of several.
    pub what: T,
    /// When, for the last time.
    pub at: Timestamp,
    /// When, for the first time.
    pub since: Timestamp,
    /// How often.
    pub times: i64,
}

/// The lines of a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Merged<T> {
    /// At most as many as a page has.
    pub lines: Vec<Line<T>>,
    /// How many entries they tell of. The next page goes on with the first that they do not.
    pub taken: usize,
}

/// Merges entries, the last first, into at most `most` lines. `failure` names the kind of an entry that is a failure.
pub fn merge<T: Clone>(
    entries: &[(Timestamp, T)],
    most: usize,
    failure: impl Fn(&T) -> Option<&str>,
) -> Merged<T> {
    let mut lines: Vec<Line<T>> = Vec::new();
    let mut taken = 0;
    for (at, what) in entries {
        let hour = at.0.div_euclid(HOUR_MS);
        let same = |line: &&mut Line<T>| {
            let kind = failure(what);
            kind.is_some() && kind == failure(&line.what) && line.at.0.div_euclid(HOUR_MS) == hour
        };
        if let Some(line) = lines.iter_mut().rev().find(same) {
            line.times += 1;
            line.since = *at;
        } else if lines.len() == most {
            break;
        } else {
            lines.push(Line {
                what: what.clone(),
                at: *at,
                since: *at,
                times: 1,
            });
        }
        taken += 1;
    }
    Merged { lines, taken }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn merged(entries: &[(i64, &'static str)], most: usize) -> (Vec<(&'static str, i64, i64)>, usize) {
        let entries: Vec<_> = entries.iter().map(|(at, what)| (Timestamp(*at), *what)).collect();
        let merged = merge(&entries, most, |what| (*what != "in").then_some(*what));
        let lines = merged.lines.iter();
        let lines = lines.map(|line| (line.what, line.at.0, line.times)).collect();
        (lines, merged.taken)
    }

    #[test]
    fn failures_of_one_kind_in_one_hour_are_one_line() {
        let hour = HOUR_MS;
        let entries = [
            (2 * hour + 9, "wrong"),
            (2 * hour + 8, "in"),
            (2 * hour + 7, "wrong"),
            (2 * hour + 6, "refused"),
            (2 * hour, "wrong"),
            (2 * hour - 1, "wrong"),
        ];
        let (lines, taken) = merged(&entries, 50);
        assert_eq!(
            lines,
            [
                ("wrong", 2 * hour + 9, 3),
                ("in", 2 * hour + 8, 1),
                ("refused", 2 * hour + 6, 1),
                ("wrong", 2 * hour - 1, 1),
            ]
        );
        assert_eq!(taken, 6);
    }

    #[test]
    fn sign_ins_are_never_merged() {
        let (lines, _) = merged(&[(3, "in"), (2, "in"), (1, "in")], 50);
        assert_eq!(lines.len(), 3);
    }

    #[test]
    fn a_page_takes_what_its_lines_tell_of_and_no_more() {
        let entries = [(5, "in"), (4, "wrong"), (3, "wrong"), (2, "in"), (1, "wrong")];
        let (lines, taken) = merged(&entries, 2);
        assert_eq!((lines.len(), taken), (2, 3));
        let (rest, taken) = merged(&entries[taken..], 2);
        assert_eq!((rest.len(), taken), (2, 2));
    }
}
