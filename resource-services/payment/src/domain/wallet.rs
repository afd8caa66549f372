//! The credits of a user. What is held for an order stays in the balance until it is taken or released.

use latchkey_contracts::events::payment::WalletEntryKind;

use super::DomainError;

/// A wallet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wallet {
    pub user_id: String,
    pub balance: i64,
    /// The part of the balance that orders have reserved.
    pub held: i64,
    pub closed_at: Option<i64>,
    pub version: i64,
}

/// What is to happen in a wallet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Movement {
    Hold(i64),
    Release(i64),
    Take(i64),
    Credit(WalletEntryKind, i64),
}

/// A wallet after one entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moved {
    pub after: Wallet,
    pub kind: WalletEntryKind,
    pub amount: i64,
}

impl Wallet {
    /// What may be spent.
    pub fn available(&self) -> i64 {
        match self.closed_at {
            Some(_) => 0,
            None => self.balance - self.held,
        }
    }

    /// The entries of a movement. A closed wallet keeps nothing: what comes free in it is written off at once.
    pub fn apply(&self, movement: Movement) -> Result<Vec<Moved>, DomainError> {
        let (kind, amount) = match movement {
            Movement::Hold(amount) => (WalletEntryKind::Hold, amount),
            Movement::Release(amount) => (WalletEntryKind::Release, amount),
            Movement::Take(amount) => (WalletEntryKind::Capture, amount),
            Movement::Credit(kind, amount) => (kind, amount),
        };
        let (balance, held) = match movement {
            Movement::Hold(_) if amount > self.available() => return Err(DomainError::InsufficientCredits),
            Movement::Hold(_) => (self.balance, self.held + amount),
            Movement::Release(_) => (self.balance, self.held - amount),
            Movement::Take(_) => (self.balance - amount, self.held - amount),
            Movement::Credit(..) => (
                self.balance.checked_add(amount).ok_or(DomainError::WalletFull)?,
                self.held,
            ),
        };
        if amount <= 0 || held < 0 || balance < held || balance > ABSOLUTE_LIMIT {
            return Err(DomainError::WalletFull);
        }
        let moved = self.entry(kind, amount, balance, held);
        let rest = moved.after.to_write_off();
        Ok(std::iter::once(moved).chain(rest).collect())
    }

    /// The wallet of an erased user, and the entry for what was in it.
    pub fn close(&self, now: i64) -> (Self, Option<Moved>) {
        let closed = Self {
            closed_at: self.closed_at.or(Some(now)),
            ..self.clone()
        };
        let rest = closed.to_write_off();
        (closed, rest)
    }

    fn to_write_off(&self) -> Option<Moved> {
        let free = self.balance - self.held;
        let written_off = self.closed_at.is_some() && free > 0;
        written_off.then(|| self.entry(WalletEntryKind::WriteOff, free, self.held, self.held))
    }

    fn entry(&self, kind: WalletEntryKind, amount: i64, balance: i64, held: i64) -> Moved {
        let after = Self {
            balance,
            held,
            version: self.version + 1,
            ..self.clone()
        };
        Moved { after, kind, amount }
    }
}

/// The name of a kind, in the table and in answers.
pub fn kind_name(kind: WalletEntryKind) -> &'static str {
    match kind {
        WalletEntryKind::TopUp => "top_up",
        WalletEntryKind::Grant => "grant",
        WalletEntryKind::Hold => "hold",
        WalletEntryKind::Release => "release",
        WalletEntryKind::Capture => "capture",
        WalletEntryKind::Refund => "refund",
        WalletEntryKind::WriteOff => "write_off",
    }
}

pub fn parse_kind(text: &str) -> Option<WalletEntryKind> {
    KINDS.into_iter().find(|kind| kind_name(*kind) == text)
}

const KINDS: [WalletEntryKind; 7] = [
    WalletEntryKind::TopUp,
    WalletEntryKind::Grant,
    WalletEntryKind::Hold,
    WalletEntryKind::Release,
    WalletEntryKind::Capture,
    WalletEntryKind::Refund,
    WalletEntryKind::WriteOff,
];

/// A wallet with so much takes no top-up and no grant. Refunds still fit: the table's own limit is far above.
pub const FULL: i64 = 100_000_000;
/// The limit that the table checks, too.
const ABSOLUTE_LIMIT: i64 = 1_000_000_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn wallet(balance: i64, held: i64) -> Wallet {
        Wallet {
            user_id: "ada".into(),
            balance,
            held,
            closed_at: None,
            version: 4,
        }
    }

    fn after(
        wallet: &Wallet,
        movement: Movement,
    ) -> Result<Vec<(WalletEntryKind, i64, i64, i64)>, DomainError> {
        let entries = wallet.apply(movement)?.into_iter();
        Ok(entries
            .map(|moved| (moved.kind, moved.amount, moved.after.balance, moved.after.held))
            .collect())
    }

    #[test]
    fn a_hold_takes_from_what_is_available_and_a_capture_from_what_is_held() {
        use WalletEntryKind::{Capture, Hold, Release, TopUp};
        let held = wallet(1_000, 400);
        assert_eq!(
            after(&held, Movement::Hold(600)),
            Ok(vec![(Hold, 600, 1_000, 1_000)])
        );
        assert_eq!(
            after(&held, Movement::Hold(601)),
            Err(DomainError::InsufficientCredits)
        );
        assert_eq!(
            after(&held, Movement::Take(400)),
            Ok(vec![(Capture, 400, 600, 0)])
        );
        assert_eq!(
            after(&held, Movement::Release(400)),
            Ok(vec![(Release, 400, 1_000, 0)])
        );
        assert_eq!(
            after(&held, Movement::Credit(TopUp, 50)),
            Ok(vec![(TopUp, 50, 1_050, 400)])
        );
    }

    #[test]
    fn nothing_negative_and_nothing_beyond_the_limit_moves() {
        let held = wallet(1_000, 400);
        for movement in [
            Movement::Hold(0),
            Movement::Hold(-1),
            Movement::Hold(i64::MIN),
            Movement::Release(401),
            Movement::Take(401),
            Movement::Credit(WalletEntryKind::TopUp, -5),
            Movement::Credit(WalletEntryKind::TopUp, i64::MAX),
            Movement::Credit(WalletEntryKind::TopUp, ABSOLUTE_LIMIT),
        ] {
            assert!(held.apply(movement).is_err(), "{movement:?}");
        }
    }

    #[test]
    fn a_closed_wallet_writes_off_what_comes_free_in_it() {
        use WalletEntryKind::{Release, WriteOff};
        let (closed, rest) = wallet(1_000, 400).close(7);
        assert_eq!(
            rest.as_ref().map(|moved| (moved.kind, moved.amount)),
            Some((WriteOff, 600))
        );
        let closed = rest.map_or(closed, |moved| moved.after);
        assert_eq!((closed.balance, closed.held, closed.available()), (400, 400, 0));
        assert_eq!(
            after(&closed, Movement::Release(400)),
            Ok(vec![(Release, 400, 400, 0), (WriteOff, 400, 0, 0)])
        );
        assert_eq!(
            after(&closed, Movement::Hold(1)),
            Err(DomainError::InsufficientCredits)
        );
        assert_eq!(wallet(0, 0).close(7).1, None);
    }

    #[test]
    fn a_kind_reads_back_what_it_wrote() {
        for kind in KINDS {
            assert_eq!(parse_kind(kind_name(kind)), Some(kind));
        }
    }
}
