//! Credits that administrators give.

use latchkey_kit::{FieldErrors, MoneyDraft, objects};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::DomainError;

/// Credits for a user, and who gave them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    pub id: String,
    pub user_id: String,
    pub amount: i64,
    pub reason: String,
    pub state: GrantState,
    pub requested_by: String,
    pub approved_by: Option<String>,
    pub created_at: i64,
    pub version: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum GrantState {
    /// A second administrator must agree.
    Pending,
    /// The credits are in the wallet.
    Granted,
}

/// The input of a grant.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, remote = "Self")]
pub struct GrantDraft {
    /// Between 0.01 and 10,000.00.
    pub amount: MoneyDraft,
    /// Between 5 and 200 characters, for the record.
    pub reason: String,
}

objects!(GrantDraft);

impl GrantDraft {
    /// Amount and reason.
    pub fn check(self, currency: &str) -> Result<(i64, String), DomainError> {
        let mut errors = FieldErrors::default();
        let amount = self.amount.check(&mut errors, "amount", 1..=MOST, currency);
        let reason = errors.line("reason", &self.reason, 5, 200);
        errors.into_result((amount, reason)).map_err(DomainError::Invalid)
    }
}

impl Grant {
    /// A grant by `administrator`, which has effect at once unless it is large.
    pub fn new(
        id: String,
        user_id: String,
        (amount, reason): (i64, String),
        administrator: &str,
        now: i64,
    ) -> Self {
        Self {
            id,
            user_id,
            amount,
            reason,
            state: match amount > SECOND_ADMINISTRATOR_ABOVE {
                true => GrantState::Pending,
                false => GrantState::Granted,
            },
            requested_by: administrator.to_owned(),
            approved_by: None,
            created_at: now,
            version: 1,
        }
    }

    /// The grant with the approval of another administrator.
    pub fn approved(self, administrator: &str) -> Result<Self, DomainError> {
        if self.state != GrantState::Pending {
            return Err(DomainError::GrantDecided);
        }
        if self.requested_by == administrator {
            return Err(DomainError::SameAdministrator);
        }
        Ok(Self {
            state: GrantState::Granted,
            approved_by: Some(administrator.to_owned()),
            version: self.version + 1,
            ..self
        })
    }
}

impl GrantState {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Granted => "granted",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        [Self::Pending, Self::Granted]
            .into_iter()
            .find(|state| state.as_str() == text)
    }
}

/// 100.00: an administrator alone gives no more.
pub const SECOND_ADMINISTRATOR_ABOVE: i64 = 10_000;
const MOST: i64 = 1_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn grant(amount: i64) -> Grant {
        Grant::new("g".into(), "ada".into(), (amount, "Sorry".into()), "root", 1)
    }

    #[test]
    fn a_large_grant_needs_another_administrator() {
        assert_eq!(grant(10_000).state, GrantState::Granted);
        let large = grant(10_001);
        assert_eq!(large.state, GrantState::Pending);
        assert_eq!(
            large.clone().approved("root"),
            Err(DomainError::SameAdministrator)
        );
        let approved = large.approved("other").unwrap();
        assert_eq!(approved.state, GrantState::Granted);
        assert_eq!(approved.approved("third"), Err(DomainError::GrantDecided));
    }
}
