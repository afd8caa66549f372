//! The chart of accounts.

use serde::Serialize;
use utoipa::ToSchema;

/// An account of the books.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Account {
    CardClearing,
    WalletCredits,
    InstructorPayable,
    TaxPayable,
    Commission,
    PromotionalCredits,
    CardFees,
}

/// On which side an account grows: assets and expenses by debits, the others by credits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AccountKind {
    Asset,
    Liability,
    Revenue,
    Expense,
}

impl Account {
    /// Every account, by number.
    pub const ALL: [Self; 7] = [
        Self::CardClearing,
        Self::WalletCredits,
        Self::InstructorPayable,
        Self::TaxPayable,
        Self::Commission,
        Self::PromotionalCredits,
        Self::CardFees,
    ];

    pub fn number(self) -> i64 {
        match self {
            Self::CardClearing => 1000,
            Self::WalletCredits => 2000,
            Self::InstructorPayable => 2100,
            Self::TaxPayable => 2200,
            Self::Commission => 4000,
            Self::PromotionalCredits => 5000,
            Self::CardFees => 5100,
        }
    }

    /// The account with this number.
    pub fn of_number(number: i64) -> Option<Self> {
        Self::ALL.into_iter().find(|account| account.number() == number)
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::CardClearing => "Card clearing",
            Self::WalletCredits => "Wallet credits",
            Self::InstructorPayable => "Instructor payable",
            Self::TaxPayable => "Tax payable",
            Self::Commission => "Commission",
            Self::PromotionalCredits => "Promotional credits",
            Self::CardFees => "Card fees",
        }
    }

    pub fn kind(self) -> AccountKind {
        match self {
            Self::CardClearing => AccountKind::Asset,
            Self::WalletCredits | Self::InstructorPayable | Self::TaxPayable => AccountKind::Liability,
            Self::Commission => AccountKind::Revenue,
            Self::PromotionalCredits | Self::CardFees => AccountKind::Expense,
        }
    }

    /// The balance of what was debited and credited, on the side on which the account grows.
    pub fn balance(self, debit: i64, credit: i64) -> i64 {
        match self.kind() {
            AccountKind::Asset | AccountKind::Expense => debit.saturating_sub(credit),
            AccountKind::Liability | AccountKind::Revenue => credit.saturating_sub(debit),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_account_is_found_by_its_own_number() {
        for account in Account::ALL {
            assert_eq!(Account::of_number(account.number()), Some(account));
        }
        assert_eq!(Account::of_number(1001), None);
    }

    #[test]
    fn a_balance_is_positive_on_the_side_on_which_the_account_grows() {
        assert_eq!(Account::CardClearing.balance(10, 3), 7);
        assert_eq!(Account::CardFees.balance(10, 3), 7);
        assert_eq!(Account::WalletCredits.balance(3, 10), 7);
        assert_eq!(Account::Commission.balance(3, 10), 7);
    }
}
