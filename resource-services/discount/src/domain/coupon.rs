//! A coupon: its terms, whose it is, and how it changes.

use std::collections::BTreeSet;

use latchkey_kit::Caller;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::DomainError;

/// A coupon with its counters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Coupon {
    pub id: String,
    /// Normalized; unique among the coupons that are not archived.
    pub code: String,
    pub terms: Terms,
    pub status: Status,
    /// Uses that orders hold.
    pub reserved: i64,
    /// Uses of paid orders.
    pub redeemed: i64,
    /// Of the terms: uses do not change it.
    pub version: i64,
    /// In Unix milliseconds.
    pub created_at: i64,
    /// In Unix milliseconds.
    pub updated_at: i64,
}

/// What its owner decides about a coupon.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    pub benefit: Benefit,
    /// The currency of every amount.
    pub currency: String,
    pub scope: Scope,
    /// Valid from this moment on, in Unix milliseconds.
    pub starts_at: Option<i64>,
    /// No longer valid from this moment on, in Unix milliseconds.
    pub ends_at: Option<i64>,
    /// How many orders may use it.
    pub max_total: Option<i64>,
    /// How many orders of one user may use it.
    pub per_user: i64,
    /// The least subtotal of the whole order.
    pub min_subtotal: Option<i64>,
    pub first_order_only: bool,
    /// The only user who may use it.
    pub user_id: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Benefit {
    /// In basis points of the eligible lines, from 1 to 10,000.
    Percent(i64),
    /// In minor units, at most the eligible lines.
    Amount(i64),
}

/// The lines that a coupon is valid for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    All,
    Courses(BTreeSet<String>),
    Categories(BTreeSet<String>),
    /// Every course of an instructor, whose coupon it also is.
    Instructor(String),
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    #[default]
    Active,
    Paused,
    /// Deleted, but orders refer to it.
    Archived,
}

impl Coupon {
    /// A new coupon.
    pub fn create(id: String, code: String, terms: Terms, status: Status, now: i64) -> Self {
        Self {
            id,
            code,
            terms,
            status,
            reserved: 0,
            redeemed: 0,
            version: 1,
            created_at: now,
            updated_at: now,
        }
    }

    /// The instructor whose coupon it is. Empty for coupons of the shop, which only administrators may act on: being
    /// the one who created it gives no right to it once the role is gone.
    pub fn owner(&self) -> &str {
        match &self.terms.scope {
            Scope::Instructor(instructor) => instructor,
            Scope::All | Scope::Courses(_) | Scope::Categories(_) => "",
        }
    }

    /// The coupon with other terms, for a caller who has read version `read`.
    pub fn edit(
        &self,
        read: i64,
        code: &str,
        terms: Terms,
        status: Status,
        now: i64,
    ) -> Result<Self, DomainError> {
        let after = Self {
            terms,
            status,
            ..self.next(read, now)?
        };
        if code != self.code {
            return Err(DomainError::field("code", "cannot change"));
        }
        if after.terms.max_total.is_some_and(|most| most < self.uses()) {
            return Err(DomainError::BelowUse);
        }
        Ok(after)
    }

    /// The coupon after its deletion: nobody can use it any more, and what orders hold stays theirs.
    pub fn archive(&self, read: i64, now: i64) -> Result<Self, DomainError> {
        Ok(Self {
            status: Status::Archived,
            ..self.next(read, now)?
        })
    }

    /// The coupon after the deletion of its user or instructor, who is named in it no more.
    pub fn erase(&self, user_id: &str, now: i64) -> Result<Self, DomainError> {
        let mut after = Self {
            status: Status::Archived,
            version: self.version.checked_add(1).ok_or(DomainError::Overflow)?,
            updated_at: now,
            ..self.clone()
        };
        if after.terms.user_id.as_deref() == Some(user_id) {
            after.terms.user_id = Some(ERASED.to_owned());
        }
        if after.owner() == user_id {
            after.terms.scope = Scope::Instructor(ERASED.to_owned());
        }
        Ok(after)
    }

    /// Another owner's coupon gets the same response as a missing one.
    pub fn must_be_of(&self, caller: &Caller) -> Result<(), DomainError> {
        match caller.may_act_on(self.owner()) {
            true => Ok(()),
            false => Err(DomainError::Missing),
        }
    }

    /// Uses that are held or made.
    pub fn uses(&self) -> i64 {
        self.reserved.saturating_add(self.redeemed)
    }

    fn next(&self, read: i64, now: i64) -> Result<Self, DomainError> {
        if self.version != read {
            return Err(DomainError::Stale);
        }
        if self.status == Status::Archived {
            return Err(DomainError::Archived);
        }
        Ok(Self {
            version: self.version.checked_add(1).ok_or(DomainError::Overflow)?,
            updated_at: now,
            ..self.clone()
        })
    }
}

impl Status {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Paused => "paused",
            Self::Archived => "archived",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        [Self::Active, Self::Paused, Self::Archived]
            .into_iter()
            .find(|status| status.as_str() == text)
    }
}

/// What stands in place of a deleted user. Ids of users are UUIDs, so nobody has this one.
pub const ERASED: &str = "erased";

#[cfg(test)]
pub(super) mod fixture {
    use super::*;

    /// 20 % of everything, without limits.
    pub fn coupon() -> Coupon {
        let terms = Terms {
            benefit: Benefit::Percent(2_000),
            currency: "EUR".into(),
            scope: Scope::All,
            starts_at: None,
            ends_at: None,
            max_total: None,
            per_user: 1,
            min_subtotal: None,
            first_order_only: false,
            user_id: None,
        };
        Coupon::create("c1".into(), "SPRING".into(), terms, Status::Active, 10)
    }
}

#[cfg(test)]
mod tests {
    use super::fixture::coupon;
    use super::*;

    fn edited(before: &Coupon, terms: Terms) -> Result<Coupon, DomainError> {
        before.edit(before.version, &before.code, terms, Status::Active, 20)
    }

    #[test]
    fn an_edit_is_a_new_version_and_leaves_the_counters_alone() {
        let before = Coupon {
            reserved: 2,
            redeemed: 3,
            ..coupon()
        };
        let after = edited(
            &before,
            Terms {
                per_user: 4,
                ..before.terms.clone()
            },
        )
        .unwrap();
        assert_eq!((after.version, after.updated_at, after.created_at), (2, 20, 10));
        assert_eq!((after.reserved, after.redeemed, after.terms.per_user), (2, 3, 4));
    }

    #[test]
    fn an_edit_of_another_version_is_stale() {
        let before = coupon();
        for read in [0, 2, i64::MAX] {
            let edit = before.edit(read, "SPRING", before.terms.clone(), Status::Active, 20);
            assert_eq!(edit, Err(DomainError::Stale));
            assert_eq!(before.archive(read, 20), Err(DomainError::Stale));
        }
    }

    #[test]
    fn a_limit_is_never_below_the_uses() {
        let before = Coupon {
            reserved: 2,
            redeemed: 3,
            ..coupon()
        };
        let limited = |most| Terms {
            max_total: Some(most),
            ..before.terms.clone()
        };
        assert_eq!(edited(&before, limited(4)), Err(DomainError::BelowUse));
        assert!(edited(&before, limited(5)).is_ok());
    }

    #[test]
    fn a_code_never_changes() {
        let before = coupon();
        let edit = before.edit(1, "SUMMER", before.terms.clone(), Status::Active, 20);
        assert!(matches!(edit, Err(DomainError::Invalid(_))));
    }

    #[test]
    fn an_archived_coupon_stays_as_it_is() {
        let gone = coupon().archive(1, 20).unwrap();
        assert_eq!(gone.archive(2, 30), Err(DomainError::Archived));
        assert_eq!(edited(&gone, gone.terms.clone()), Err(DomainError::Archived));
    }

    #[test]
    fn the_shops_coupons_belong_to_administrators_alone() {
        let person = |sub: &str, admin| Caller::Person {
            sub: sub.into(),
            admin,
        };
        let mut of_ines = coupon();
        of_ines.terms.scope = Scope::Instructor("ines".into());
        for (caller, shop, ines) in [
            (person("ines", false), false, true),
            (person("ivan", false), false, false),
            (person("root", true), true, true),
            (Caller::Machine, false, false),
            (Caller::Anonymous, false, false),
        ] {
            assert_eq!(coupon().must_be_of(&caller).is_ok(), shop, "{caller:?}");
            assert_eq!(of_ines.must_be_of(&caller).is_ok(), ines, "{caller:?}");
        }
    }

    #[test]
    fn a_deleted_user_is_named_in_no_coupon_and_opens_none_to_everybody() {
        let mut bound = coupon();
        bound.terms.user_id = Some("bob".into());
        let after = bound.erase("bob", 20).unwrap();
        assert_eq!((after.status, after.version), (Status::Archived, 2));
        assert_eq!(after.terms.user_id.as_deref(), Some(ERASED));

        let mut taught = coupon();
        taught.terms.scope = Scope::Instructor("bob".into());
        taught.terms.user_id = Some("carol".into());
        let after = taught.erase("bob", 20).unwrap();
        assert_eq!(
            (after.owner(), after.terms.user_id.as_deref()),
            (ERASED, Some("carol"))
        );
    }

    #[test]
    fn every_status_is_read_as_it_is_written() {
        for status in [Status::Active, Status::Paused, Status::Archived] {
            assert_eq!(Status::parse(status.as_str()), Some(status));
        }
        assert_eq!(Status::parse("Active"), None);
    }
}
