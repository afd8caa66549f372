//! The report of an import: a line for each entry, and the sums.

use std::fmt;

use serde::Serialize;

use super::decision::Decision;
use super::person::Imported;

/// What became of an entry, or would.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// A user is created.
    Create,
    /// The user exists, and is left as they are.
    Exists,
    /// Something belongs to somebody else; nothing is done.
    Conflict,
    /// The entry is no person who could sign in.
    Invalid,
}

impl Outcome {
    /// Every outcome, in the order of the report.
    pub const ALL: [Self; 4] = [Self::Create, Self::Exists, Self::Conflict, Self::Invalid];
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Create => "create",
            Self::Exists => "exists",
            Self::Conflict => "conflict",
            Self::Invalid => "invalid",
        })
    }
}

/// A line of the report.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Line {
    /// The place of the entry in the file, from 1.
    pub position: usize,
    /// The id in the other system.
    pub source_id: String,
    /// The user name here, or the one that was asked for.
    pub username: String,
    /// The address.
    pub email: String,
    /// What became of it.
    pub outcome: Outcome,
    /// Why, unless a user is created.
    pub reason: String,
    /// What is not as it was: unverified, disabled, without password, dropped.
    pub notes: Vec<String>,
}

/// The sums of a report.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Users who were created, or would be.
    pub create: usize,
    /// Entries whose user exists.
    pub exists: usize,
    /// Entries that conflict.
    pub conflict: usize,
    /// Entries that are no users.
    pub invalid: usize,
    /// Of the created: without a verified address.
    pub unverified: usize,
    /// Of the created: without a password, because there was none or it was not taken.
    pub without_password: usize,
    /// Of the created: with something that was dropped.
    pub dropped: usize,
}

impl Line {
    /// The line of an entry about which this was decided.
    pub fn new(position: usize, person: &Imported, decision: &Decision) -> Self {
        let (outcome, username, reason) = match decision {
            Decision::Create(username) => (Outcome::Create, Some(username.clone()), ""),
            Decision::Exists(why) => (Outcome::Exists, person.username.clone(), *why),
            Decision::Conflict(why) => (Outcome::Conflict, person.username.clone(), why.as_str()),
            Decision::Invalid(why) => (Outcome::Invalid, person.username.clone(), why.as_str()),
        };
        Self {
            position,
            source_id: printable(&person.source_id),
            username: username.unwrap_or_default(),
            email: person.email.clone().unwrap_or_default(),
            outcome,
            reason: reason.to_owned(),
            notes: person.notes().iter().map(|note| printable(note)).collect(),
        }
    }
}

impl Summary {
    /// Counts a line.
    pub fn count(&mut self, line: &Line) {
        match line.outcome {
            Outcome::Create => self.create += 1,
            Outcome::Exists => self.exists += 1,
            Outcome::Conflict => self.conflict += 1,
            Outcome::Invalid => self.invalid += 1,
        }
        if line.outcome == Outcome::Create {
            let says = |what: &str| line.notes.iter().any(|note| note.contains(what));
            self.unverified += usize::from(line.notes.iter().any(|note| note == "unverified"));
            self.without_password += usize::from(says("no password") || says("not taken"));
            self.dropped += usize::from(says("dropped: "));
        }
    }
}

/// A text of a file for a terminal: without what a terminal obeys, and without what turns the direction of a line.
pub fn printable(text: &str) -> String {
    let fine = |c: char| {
        !c.is_control()
            && !matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    text.chars()
        .map(|c| if fine(c) { c } else { '\u{fffd}' })
        .collect()
}

/// A row of a CSV file that a table calculation opens without computing anything: a cell that begins like a formula gets
/// an apostrophe.
pub fn csv_line(cells: &[&str]) -> String {
    let cells: Vec<String> = cells
        .iter()
        .map(|cell| {
            let cell = printable(cell);
            let formula = cell.trim_start().starts_with([
                '=', '+', '-', '@', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}', '|', '%',
            ]);
            let cell = if formula { format!("'{cell}") } else { cell };
            match cell.contains([',', '"', ';', '\'', ' ']) {
                true => format!("\"{}\"", cell.replace('"', "\"\"")),
                false => cell,
            }
        })
        .collect();
    cells.join(",") + "\r\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    /// CWE-1236.
    #[test]
    fn a_cell_of_the_report_is_no_formula() {
        for (cell, written) in [
            ("alice", "alice"),
            ("a,b", "\"a,b\""),
            ("a\"b", "\"a\"\"b\""),
            ("=HYPERLINK(\"x\")", "\"'=HYPERLINK(\"\"x\"\")\""),
            ("+1", "\"'+1\""),
            ("-1+cmd|' /C calc'!A0", "\"'-1+cmd|' /C calc'!A0\""),
            ("@SUM(1)", "\"'@SUM(1)\""),
            ("  =1", "\"'  =1\""),
            ("\t=1", "\u{fffd}=1"),
            ("\u{ff1d}1", "\"'\u{ff1d}1\""),
        ] {
            assert_eq!(csv_line(&[cell]), format!("{written}\r\n"), "{cell:?}");
        }
        let row = csv_line(&["one\r\n=2", "three"]);
        assert_eq!(
            row, "one\u{fffd}\u{fffd}=2,three\r\n",
            "a cell makes no row of its own"
        );
    }

    #[test]
    fn a_name_moves_no_terminal() {
        assert_eq!(printable("a\u{1b}[2Jb\u{202e}c"), "a\u{fffd}[2Jb\u{fffd}c");
        assert_eq!(printable("Ünlü أحمد"), "Ünlü أحمد");
    }
}
