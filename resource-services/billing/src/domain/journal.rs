//! An entry of the journal, and the chain of hashes that shows whether an earlier one was changed.

use sha2::{Digest as _, Sha256};

use super::Account;

/// The hash of an entry.
pub type Digest = [u8; 32];

/// What the first entry follows.
pub const GENESIS: Digest = [0; 32];

/// Minor units on one side of one account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    pub account: Account,
    /// The instructor of a payable.
    pub party: Option<String>,
    pub debit: i64,
    pub credit: i64,
}

impl Line {
    pub fn debit(account: Account, amount: i64) -> Self {
        Self {
            account,
            party: None,
            debit: amount,
            credit: 0,
        }
    }

    pub fn credit(account: Account, amount: i64) -> Self {
        Self {
            account,
            party: None,
            debit: 0,
            credit: amount,
        }
    }

    /// The same line of somebody's part of the account.
    pub fn of(self, party: &str) -> Self {
        Self {
            party: Some(party.to_owned()),
            ..self
        }
    }
}

/// Why an entry was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryKind {
    Sale,
    Refund,
    Fee,
    TopUp,
    Grant,
    WriteOff,
}

impl EntryKind {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sale => "sale",
            Self::Refund => "refund",
            Self::Fee => "fee",
            Self::TopUp => "top_up",
            Self::Grant => "grant",
            Self::WriteOff => "write_off",
        }
    }

    pub fn parse(word: &str) -> Option<Self> {
        [
            Self::Sale,
            Self::Refund,
            Self::Fee,
            Self::TopUp,
            Self::Grant,
            Self::WriteOff,
        ]
        .into_iter()
        .find(|kind| kind.as_str() == word)
    }
}

/// Why lines are no entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the lines are no balanced entry")]
pub struct Unbalanced;

/// Lines of one currency whose debits equal their credits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    kind: EntryKind,
    lines: Vec<Line>,
}

impl Entry {
    /// Lines of nothing are left out; at least two must remain, each with an amount on one side alone.
    pub fn new(kind: EntryKind, lines: impl IntoIterator<Item = Line>) -> Result<Self, Unbalanced> {
        let lines: Vec<Line> = lines
            .into_iter()
            .filter(|line| (line.debit, line.credit) != (0, 0))
            .collect();
        let one_sided =
            |line: &Line| line.debit >= 0 && line.credit >= 0 && (line.debit == 0 || line.credit == 0);
        // In i128 a sum of i64 cannot overflow.
        let rest: i128 = lines
            .iter()
            .map(|line| i128::from(line.debit) - i128::from(line.credit))
            .sum();
        match lines.len() >= 2 && lines.iter().all(one_sided) && rest == 0 {
            true => Ok(Self { kind, lines }),
            false => Err(Unbalanced),
        }
    }

    pub fn kind(&self) -> EntryKind {
        self.kind
    }

    pub fn lines(&self) -> &[Line] {
        &self.lines
    }
}

/// The end of the chain: the last entry's number and hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    pub seq: i64,
    pub hash: Digest,
}

/// An entry with its place in the journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    pub seq: i64,
    pub id: String,
    /// Unix milliseconds.
    pub at: i64,
    pub kind: EntryKind,
    /// The event that caused it.
    pub source_event_id: String,
    /// What it is about, and what makes it happen once: `sale:<order>`, `wallet:<entry>`, …
    pub business_key: String,
    pub memo: String,
    pub currency: String,
    pub lines: Vec<Line>,
    pub prev_hash: Digest,
    pub hash: Digest,
}

impl Record {
    /// The hash of this entry after `previous`. Every text goes in with its length and every list with its count, so
    /// that no two entries read alike.
    pub fn chained(&self, previous: &Digest) -> Digest {
        let mut hash = Sha256::new();
        hash.update(previous);
        hash.update(self.seq.to_be_bytes());
        hash.update(self.at.to_be_bytes());
        for text in [
            self.id.as_str(),
            self.kind.as_str(),
            &self.source_event_id,
            &self.business_key,
            &self.memo,
            &self.currency,
        ] {
            hash.update((text.len() as u64).to_be_bytes());
            hash.update(text);
        }
        hash.update((self.lines.len() as u64).to_be_bytes());
        for line in &self.lines {
            hash.update(line.account.number().to_be_bytes());
            hash.update(line.debit.to_be_bytes());
            hash.update(line.credit.to_be_bytes());
            // Nobody is told from somebody without a name.
            let party = line.party.as_deref();
            hash.update([u8::from(party.is_some())]);
            hash.update((party.unwrap_or_default().len() as u64).to_be_bytes());
            hash.update(party.unwrap_or_default());
        }
        hash.finalize().into()
    }

    /// Whether it is the untouched successor of `before`.
    pub fn follows(&self, before: &Head) -> bool {
        let balanced = Entry::new(self.kind, self.lines.clone()).is_ok();
        balanced
            && Some(self.seq) == before.seq.checked_add(1)
            && self.prev_hash == before.hash
            && self.hash == self.chained(&before.hash)
    }

    /// The head after it.
    pub fn head(&self) -> Head {
        Head {
            seq: self.seq,
            hash: self.hash,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(memo: &str, amount: i64) -> Record {
        let mut record = Record {
            seq: 1,
            id: "e1".to_owned(),
            at: 1,
            kind: EntryKind::TopUp,
            source_event_id: "s1".to_owned(),
            business_key: "wallet:1".to_owned(),
            memo: memo.to_owned(),
            currency: "EUR".to_owned(),
            lines: vec![
                Line::debit(Account::CardClearing, amount),
                Line::credit(Account::WalletCredits, amount),
            ],
            prev_hash: GENESIS,
            hash: GENESIS,
        };
        record.hash = record.chained(&GENESIS);
        record
    }

    const START: Head = Head {
        seq: 0,
        hash: GENESIS,
    };

    #[test]
    fn lines_that_do_not_balance_are_no_entry() {
        for lines in [
            vec![],
            vec![
                Line::debit(Account::CardClearing, 2),
                Line::credit(Account::WalletCredits, 1),
            ],
            vec![
                Line::debit(Account::CardClearing, -2),
                Line::credit(Account::WalletCredits, -2),
            ],
            vec![Line {
                credit: 3,
                ..Line::debit(Account::CardClearing, 3)
            }],
        ] {
            assert_eq!(Entry::new(EntryKind::Sale, lines), Err(Unbalanced));
        }
    }

    #[test]
    fn an_untouched_entry_follows_and_every_changed_one_does_not() {
        let good = record("a", 5);
        assert!(good.follows(&START));
        let mut changed = vec![
            Record {
                at: 2,
                ..good.clone()
            },
            Record {
                seq: 2,
                ..good.clone()
            },
            Record {
                id: "e2".to_owned(),
                ..good.clone()
            },
            Record {
                kind: EntryKind::Grant,
                ..good.clone()
            },
            Record {
                source_event_id: "s2".to_owned(),
                ..good.clone()
            },
            Record {
                business_key: "wallet:2".to_owned(),
                ..good.clone()
            },
            Record {
                memo: "b".to_owned(),
                ..good.clone()
            },
            Record {
                currency: "USD".to_owned(),
                ..good.clone()
            },
            Record {
                prev_hash: [1; 32],
                ..good.clone()
            },
            Record {
                hash: [1; 32],
                ..good.clone()
            },
        ];
        for position in [0, 1] {
            let mut other = good.clone();
            other.lines[position].party = Some(String::new());
            changed.push(other);
        }
        let mut amounts = good.clone();
        (amounts.lines[0].debit, amounts.lines[1].credit) = (6, 6);
        changed.push(amounts);
        for other in changed {
            assert!(!other.follows(&START), "{other:?}");
        }
    }

    #[test]
    fn a_changed_entry_changes_every_hash_after_it() {
        let after = |first: &Record| record("b", 7).chained(&first.hash);
        assert_ne!(after(&record("a", 5)), after(&record("a", 6)));
    }

    #[test]
    fn neighbouring_texts_cannot_be_shifted_into_each_other() {
        let (left, right) = (
            Record {
                business_key: "ab".to_owned(),
                memo: "c".to_owned(),
                ..record("", 5)
            },
            Record {
                business_key: "a".to_owned(),
                memo: "bc".to_owned(),
                ..record("", 5)
            },
        );
        assert_ne!(left.chained(&GENESIS), right.chained(&GENESIS));
    }
}
