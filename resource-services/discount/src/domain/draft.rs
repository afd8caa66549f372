//! The input of whoever writes a coupon, and the rules that turn it into terms.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use latchkey_kit::{Caller, FieldErrors, MoneyDraft, is_id, objects};
use serde::Deserialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use utoipa::ToSchema;

use super::DomainError;
use super::code::{is_code, normalize};
use super::coupon::{Benefit, Scope, Status, Terms};

/// The body of POST and PUT.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(remote = "Self", deny_unknown_fields)]
pub struct CouponDraft {
    /// 4 to 32 letters, digits and hyphens, regardless of case. It cannot be changed later.
    pub code: String,
    /// The discount in basis points of the eligible lines, from 1 to 10 000. Either this or `amount`.
    #[serde(default)]
    pub percent_bp: Option<i64>,
    /// The discount as an amount, from 1 to 100 000 000 minor units. Either this or `percent_bp`.
    #[serde(default)]
    pub amount: Option<MoneyDraft>,
    pub scope: ScopeDraft,
    /// RFC 3339; valid at once if absent.
    #[serde(default)]
    pub starts_at: Option<String>,
    /// RFC 3339; valid without end if absent.
    #[serde(default)]
    pub ends_at: Option<String>,
    /// How many orders may use it, from 1 to 1 000 000 000; absent means any number.
    #[serde(default)]
    pub max_total: Option<i64>,
    /// How many orders of one user may use it, from 1 to 1 000; 1 by default.
    #[serde(default)]
    pub per_user: Option<i64>,
    /// The least subtotal of the order, from 1 to 100 000 000 minor units.
    #[serde(default)]
    pub min_subtotal: Option<MoneyDraft>,
    #[serde(default)]
    pub first_order_only: bool,
    /// The only user who may use it.
    #[serde(default)]
    pub user_id: Option<String>,
    /// `active` by default, or `paused`.
    #[serde(default)]
    pub status: Option<Status>,
}

/// The lines that a coupon is valid for.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(remote = "Self", deny_unknown_fields)]
pub struct ScopeDraft {
    /// Instructors may only write `instructor`.
    pub kind: ScopeKind,
    /// 1 to 100 courses or categories, for `courses` and `categories`. A category does not include its subcategories.
    #[serde(default)]
    pub ids: Option<Vec<String>>,
    /// The caller by default; only administrators may name another one.
    #[serde(default)]
    pub instructor_id: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, serde::Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ScopeKind {
    All,
    Courses,
    Categories,
    Instructor,
}

objects!(CouponDraft, ScopeDraft);

impl CouponDraft {
    /// Code, terms and status, if they are valid for this caller. `owner` is the instructor whom a coupon belongs to
    /// that names none.
    pub fn check(
        self,
        caller: &Caller,
        owner: &str,
        currency: &str,
    ) -> Result<(String, Terms, Status), DomainError> {
        let mut errors = FieldErrors::default();
        let code = normalize(&self.code);
        if !is_code(&code) {
            errors.add("code", "must have 4 to 32 letters, digits and hyphens");
        }
        let benefit = benefit(&mut errors, self.percent_bp, self.amount, currency);
        let starts_at = instant(&mut errors, "starts_at", self.starts_at.as_deref());
        let ends_at = instant(&mut errors, "ends_at", self.ends_at.as_deref());
        if let (Some(starts_at), Some(ends_at)) = (starts_at, ends_at)
            && starts_at >= ends_at
        {
            errors.add("ends_at", "must be after starts_at");
        }
        let status = self.status.unwrap_or_default();
        if status == Status::Archived {
            errors.add("status", "must be active or paused");
        }
        let terms = Terms {
            benefit,
            currency: currency.to_owned(),
            scope: scope(&mut errors, self.scope, caller, owner),
            starts_at,
            ends_at,
            max_total: self
                .max_total
                .map(|most| within(&mut errors, "max_total", most, 1_000_000_000)),
            per_user: within(&mut errors, "per_user", self.per_user.unwrap_or(1), 1_000),
            min_subtotal: self
                .min_subtotal
                .map(|least| least.check(&mut errors, "min_subtotal", AMOUNT, currency)),
            first_order_only: self.first_order_only,
            user_id: self.user_id.map(|user| errors.line("user_id", &user, 1, 64)),
        };
        errors
            .into_result((code, terms, status))
            .map_err(DomainError::Invalid)
    }
}

fn benefit(
    errors: &mut FieldErrors,
    percent_bp: Option<i64>,
    amount: Option<MoneyDraft>,
    currency: &str,
) -> Benefit {
    match (percent_bp, amount) {
        (Some(percent), None) => Benefit::Percent(within(errors, "percent_bp", percent, 10_000)),
        (None, Some(amount)) => Benefit::Amount(amount.check(errors, "amount", AMOUNT, currency)),
        (Some(_), Some(_)) | (None, None) => {
            errors.add("percent_bp", "needs either percent_bp or amount");
            Benefit::Percent(1)
        }
    }
}

fn scope(errors: &mut FieldErrors, draft: ScopeDraft, caller: &Caller, owner: &str) -> Scope {
    let is_admin = matches!(caller, Caller::Person { admin: true, .. });
    if draft.kind != ScopeKind::Instructor && !is_admin {
        errors.add("scope.kind", "must be instructor");
    }
    let takes_ids = matches!(draft.kind, ScopeKind::Courses | ScopeKind::Categories);
    if draft.ids.is_some() && !takes_ids {
        errors.add("scope.ids", "belongs to courses and categories");
    }
    if draft.instructor_id.is_some() && draft.kind != ScopeKind::Instructor {
        errors.add("scope.instructor_id", "belongs to instructor");
    }
    match draft.kind {
        ScopeKind::All => Scope::All,
        ScopeKind::Courses => Scope::Courses(ids(errors, draft.ids)),
        ScopeKind::Categories => Scope::Categories(ids(errors, draft.ids)),
        ScopeKind::Instructor => {
            let instructor = draft.instructor_id.unwrap_or_else(|| owner.to_owned());
            let instructor = errors.line("scope.instructor_id", &instructor, 1, 64);
            if !caller.may_act_on(&instructor) {
                errors.add("scope.instructor_id", "must be yourself");
            }
            Scope::Instructor(instructor)
        }
    }
}

fn ids(errors: &mut FieldErrors, ids: Option<Vec<String>>) -> BTreeSet<String> {
    let ids = ids.unwrap_or_default();
    errors.count("scope.ids", ids.len(), 100);
    if ids.is_empty() {
        errors.add("scope.ids", "is missing");
    }
    if !ids.iter().all(|id| is_id(id)) {
        errors.add("scope.ids", "contains an entry that is not an id");
    }
    ids.into_iter().collect()
}

fn within(errors: &mut FieldErrors, field: &str, number: i64, most: i64) -> i64 {
    if !(1..=most).contains(&number) {
        errors.add(field, format!("must be from 1 to {most}"));
    }
    number
}

/// In Unix milliseconds. RFC 3339 §5.6 has four digits for the year, so no instant is out of range.
fn instant(errors: &mut FieldErrors, field: &str, text: Option<&str>) -> Option<i64> {
    let parsed = OffsetDateTime::parse(text?, &Rfc3339)
        .ok()
        .and_then(|at| i64::try_from(at.unix_timestamp_nanos() / 1_000_000).ok());
    if parsed.is_none() {
        errors.add(field, "must be a time such as 2026-12-01T00:00:00Z");
    }
    parsed
}

/// What a discount or a least subtotal may be, in minor units.
const AMOUNT: RangeInclusive<i64> = 1..=MoneyDraft::HIGHEST_PRICE;

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn instructor() -> Caller {
        Caller::Person {
            sub: "ines".into(),
            admin: false,
        }
    }

    fn admin() -> Caller {
        Caller::Person {
            sub: "root".into(),
            admin: true,
        }
    }

    fn whole() -> Value {
        json!({"code": "spring-26", "percent_bp": 2_000, "scope": {"kind": "instructor"}})
    }

    fn with(changes: Value) -> Value {
        let mut body = whole();
        for (member, value) in changes.as_object().unwrap() {
            body[member] = value.clone();
        }
        body
    }

    fn check(body: Value, caller: &Caller) -> Result<(String, Terms, Status), Vec<String>> {
        let draft: CouponDraft = serde_json::from_value(body).unwrap();
        match draft.check(caller, "ines", "EUR") {
            Ok(checked) => Ok(checked),
            Err(DomainError::Invalid(errors)) => Err(errors.into_iter().map(|error| error.field).collect()),
            Err(other) => panic!("{other}"),
        }
    }

    #[test]
    fn a_short_draft_has_the_defaults() {
        let (code, terms, status) = check(whole(), &instructor()).unwrap();
        assert_eq!((code.as_str(), status), ("SPRING-26", Status::Active));
        let expected = Terms {
            benefit: Benefit::Percent(2_000),
            currency: "EUR".into(),
            scope: Scope::Instructor("ines".into()),
            starts_at: None,
            ends_at: None,
            max_total: None,
            per_user: 1,
            min_subtotal: None,
            first_order_only: false,
            user_id: None,
        };
        assert_eq!(terms, expected);
    }

    #[test]
    fn each_field_has_its_limits() {
        let euros = |amount: i64| json!({"amount": amount, "currency": "EUR"});
        for (changes, field) in [
            (json!({"code": "abc"}), "code"),
            (json!({"code": "été-2026"}), "code"),
            (json!({"percent_bp": 0}), "percent_bp"),
            (json!({"percent_bp": -1}), "percent_bp"),
            (json!({"percent_bp": 10_001}), "percent_bp"),
            (json!({"percent_bp": i64::MAX}), "percent_bp"),
            (json!({"percent_bp": null}), "percent_bp"),
            (json!({"amount": euros(5)}), "percent_bp"),
            (json!({"percent_bp": null, "amount": euros(0)}), "amount.amount"),
            (json!({"percent_bp": null, "amount": euros(-5)}), "amount.amount"),
            (
                json!({"percent_bp": null, "amount": euros(100_000_001)}),
                "amount.amount",
            ),
            (
                json!({"percent_bp": null, "amount": {"amount": 5, "currency": "USD"}}),
                "amount.currency",
            ),
            (json!({"max_total": 0}), "max_total"),
            (json!({"max_total": i64::MIN}), "max_total"),
            (json!({"max_total": 1_000_000_001}), "max_total"),
            (json!({"per_user": 0}), "per_user"),
            (json!({"per_user": 1_001}), "per_user"),
            (json!({"min_subtotal": euros(0)}), "min_subtotal.amount"),
            (json!({"user_id": ""}), "user_id"),
            (json!({"user_id": "x".repeat(65)}), "user_id"),
            (json!({"user_id": "a\u{0}b"}), "user_id"),
            (json!({"starts_at": "tomorrow"}), "starts_at"),
            (json!({"ends_at": "2026-13-01T00:00:00Z"}), "ends_at"),
            (
                json!({"starts_at": "2026-12-02T00:00:00Z", "ends_at": "2026-12-01T00:00:00Z"}),
                "ends_at",
            ),
            (
                json!({"starts_at": "2026-12-01T00:00:00Z", "ends_at": "2026-12-01T01:00:00+01:00"}),
                "ends_at",
            ),
            (json!({"status": "archived"}), "status"),
        ] {
            let refused = check(with(changes.clone()), &instructor());
            assert_eq!(refused, Err(vec![field.to_owned()]), "{changes}");
        }
    }

    #[test]
    fn instructors_write_coupons_for_their_own_courses_alone() {
        let id = "01890a5d-ac96-774b-bcce-b302099a8057";
        for (scope, fields) in [
            (json!({"kind": "all"}), vec!["scope.kind"]),
            (json!({"kind": "courses", "ids": [id]}), vec!["scope.kind"]),
            (json!({"kind": "categories", "ids": [id]}), vec!["scope.kind"]),
            (
                json!({"kind": "instructor", "instructor_id": "ivan"}),
                vec!["scope.instructor_id"],
            ),
            (json!({"kind": "instructor", "ids": [id]}), vec!["scope.ids"]),
        ] {
            let refused = check(with(json!({"scope": scope})), &instructor());
            assert_eq!(refused.unwrap_err(), fields, "{scope}");
        }
        let own = json!({"scope": {"kind": "instructor", "instructor_id": "ines"}});
        assert!(check(with(own), &instructor()).is_ok());
    }

    #[test]
    fn administrators_write_every_scope() {
        let ids = || vec!["01890a5d-ac96-774b-bcce-b302099a8057".to_owned()];
        for (scope, expected) in [
            (json!({"kind": "all"}), Scope::All),
            (
                json!({"kind": "courses", "ids": ids()}),
                Scope::Courses(ids().into_iter().collect()),
            ),
            (
                json!({"kind": "categories", "ids": ids()}),
                Scope::Categories(ids().into_iter().collect()),
            ),
            (
                json!({"kind": "instructor", "instructor_id": "ivan"}),
                Scope::Instructor("ivan".into()),
            ),
        ] {
            let (_, terms, _) = check(with(json!({"scope": scope})), &admin()).unwrap();
            assert_eq!(terms.scope, expected);
        }
        for (scope, field) in [
            (json!({"kind": "courses"}), "scope.ids"),
            (json!({"kind": "courses", "ids": []}), "scope.ids"),
            (json!({"kind": "courses", "ids": ["x"]}), "scope.ids"),
            (
                json!({"kind": "courses", "ids": vec![ids().remove(0); 101]}),
                "scope.ids",
            ),
            (
                json!({"kind": "all", "instructor_id": "ivan"}),
                "scope.instructor_id",
            ),
        ] {
            let refused = check(with(json!({"scope": scope})), &admin());
            assert_eq!(refused.unwrap_err(), [field], "{scope}");
        }
    }

    #[test]
    fn members_that_only_the_service_writes_are_unknown() {
        for member in [
            "id",
            "reserved",
            "redeemed",
            "version",
            "currency",
            "owner_id",
            "created_at",
        ] {
            let mut body = whole();
            body[member] = json!(1);
            assert!(serde_json::from_value::<CouponDraft>(body).is_err(), "{member}");
        }
    }
}
