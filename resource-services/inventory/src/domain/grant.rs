//! What an administrator gives to a user without an order.

use latchkey_contracts::events::course::CourseKind;
use latchkey_kit::{FieldErrors, is_id, objects};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{DomainError, HoldFacts, Stock};

/// The body of POST.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(remote = "Self", deny_unknown_fields)]
pub struct GrantDraft {
    /// The id of the user.
    pub user: String,
    /// The id of the course or item.
    pub item_id: String,
    /// 1 of a course, 1 to 100 of an item.
    pub quantity: i64,
    /// 1 to 200 characters, for the records.
    pub reason: String,
}

objects!(GrantDraft);

/// A valid grant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    pub user: String,
    pub item_id: String,
    pub quantity: i64,
    pub reason: String,
}

impl GrantDraft {
    /// Checks everything that needs no further facts.
    pub fn check(self) -> Result<Grant, DomainError> {
        let mut errors = FieldErrors::default();
        for (field, id) in [("user", &self.user), ("item_id", &self.item_id)] {
            if !is_id(id) {
                errors.add(field, "is not an id");
            }
        }
        if !(1..=100).contains(&self.quantity) {
            errors.add("quantity", "must be 1 to 100");
        }
        let reason = errors.line("reason", &self.reason, 1, 200);
        let grant = Grant {
            user: self.user,
            item_id: self.item_id,
            quantity: self.quantity,
            reason,
        };
        errors.into_result(grant).map_err(DomainError::Invalid)
    }
}

/// The stock from which a grant is taken. It may be of an archived course, but seats that are counted stay counted.
pub fn may_grant(grant: &Grant, facts: HoldFacts) -> Result<Stock, DomainError> {
    let stock = facts
        .stock
        .ok_or_else(|| DomainError::field("item_id", "does not name an item of the shop"))?;
    if stock.kind == CourseKind::Course {
        if grant.quantity != 1 {
            return Err(DomainError::field("quantity", "must be 1 for a course"));
        }
        if facts.owned > 0 {
            return Err(DomainError::AlreadyOwned);
        }
        if facts.pending {
            return Err(DomainError::AlreadyPending);
        }
    }
    if !stock.has(grant.quantity) {
        return Err(DomainError::SoldOut);
    }
    Ok(stock)
}

#[cfg(test)]
mod tests {
    use super::super::stock::fixture::{counted, uncounted};
    use super::*;

    const ID: &str = "01a1ebbc-0000-7000-8000-000000000001";

    fn draft(user: &str, quantity: i64, reason: &str) -> GrantDraft {
        GrantDraft {
            user: user.into(),
            item_id: ID.into(),
            quantity,
            reason: reason.into(),
        }
    }

    #[test]
    fn a_grant_names_its_user_its_item_and_its_reason() {
        assert!(draft(ID, 1, "A present").check().is_ok());
        assert!(draft("ada", 1, "A present").check().is_err());
        assert!(draft(ID, 0, "A present").check().is_err());
        assert!(draft(ID, 101, "A present").check().is_err());
        assert!(draft(ID, 1, " ").check().is_err());
        assert!(draft(ID, 1, &"x".repeat(201)).check().is_err());
    }

    #[test]
    fn a_grant_takes_a_seat_and_never_a_second_course() {
        let facts = |stock: Stock, owned: i64, pending: bool| HoldFacts {
            stock: Some(stock),
            owned,
            pending,
        };
        let grant = |quantity, facts| {
            let grant = draft(ID, quantity, "A present").check().unwrap();
            may_grant(&grant, facts).map(drop)
        };
        let archived = Stock {
            on_sale: false,
            ..uncounted()
        };
        assert_eq!(grant(1, facts(archived, 0, false)), Ok(()));
        assert_eq!(grant(1, facts(counted(1, 0, 0), 0, false)), Ok(()));
        let full = facts(counted(1, 1, 0), 0, false);
        assert_eq!(grant(1, full), Err(DomainError::SoldOut));
        let owned = facts(uncounted(), 1, false);
        assert_eq!(grant(1, owned), Err(DomainError::AlreadyOwned));
        let pending = facts(uncounted(), 0, true);
        assert_eq!(grant(1, pending), Err(DomainError::AlreadyPending));
        assert!(grant(2, facts(uncounted(), 0, false)).is_err());
        assert!(grant(1, HoldFacts::default()).is_err());
    }
}
