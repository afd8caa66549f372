//! Refunds: what a buyer may ask back, and what a person must decide about.

use latchkey_contracts::events::course::CourseKind;
use latchkey_contracts::events::payment::RefundTo;
use latchkey_kit::{FieldErrors, objects};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::DomainError;
use super::order::{Line, Order, RefundPhase, Refunding, words};

/// A request for a refund.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, remote = "Self")]
pub struct RefundBody {
    /// The ids of the lines; without them, every line that was not refunded yet.
    #[serde(default)]
    pub lines: Option<Vec<String>>,
    /// Between 1 and 500 characters.
    pub reason: String,
    /// The wallet takes any refund; the card at most what it paid.
    pub to: RefundTo,
}

objects!(RefundBody);

words! {
    /// Where a refund stands.
    RefundState {
        /// An administrator must decide.
        Requested = "requested",
        /// Under way.
        Approved = "approved",
        Refunded = "refunded",
        Rejected = "rejected",
        /// It could not be carried out; the buyer has access again.
        Failed = "failed",
    }
}

words! {
    /// Why an administrator must decide.
    Review {
        /// Too long after the purchase.
        Late = "late",
        /// The buyer has used up items since.
        Consumed = "consumed",
        /// The buyer has done too much of a course.
        Progress = "progress",
    }
}

/// A refund of some lines of an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Refund {
    pub id: String,
    pub order_id: String,
    /// The ids of the lines.
    pub lines: Vec<String>,
    pub amount: i64,
    pub to: RefundTo,
    pub reason: String,
    pub state: RefundState,
    pub review: Option<Review>,
    pub decided_by: Option<String>,
    pub note: Option<String>,
    pub requested_at: i64,
    pub updated_at: i64,
}

/// What goes back without anybody's decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RefundRules {
    /// How many days after the purchase.
    pub days: i64,
    /// How much of a course may be done, in percent of the lessons that it had when it was bought.
    pub percent: i64,
}

impl Default for RefundRules {
    fn default() -> Self {
        Self {
            days: 14,
            percent: 30,
        }
    }
}

/// What a buyer has done with what they own, as inventory told it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// The items of which they have used up some, with the last time.
    pub consumed: Vec<(String, i64)>,
    /// The courses of which they have done lessons, with how many.
    pub learned: Vec<(String, i64)>,
}

/// A new refund of an order.
pub fn request(
    order: &Order,
    id: String,
    body: RefundBody,
    usage: &Usage,
    rules: RefundRules,
    now: i64,
) -> Result<Refund, DomainError> {
    let mut errors = FieldErrors::default();
    let reason = errors.line("reason", &body.reason, 1, 500);
    errors.count("lines", body.lines.as_ref().map_or(0, Vec::len), 50);
    errors.into_result(()).map_err(DomainError::Invalid)?;
    if !order.state.is_refundable() {
        return Err(DomainError::NotRefundable);
    }
    let lines = wanted(order, body.lines)?;
    let mut amount: i64 = 0;
    for line in &lines {
        amount = amount.checked_add(line.total).ok_or(DomainError::Overflow)?;
    }
    if body.to == RefundTo::Card && amount > order.card_left() {
        return Err(DomainError::MoreThanCard);
    }
    let review = review(order, &lines, usage, rules, now);
    Ok(Refund {
        id,
        order_id: order.id.clone(),
        lines: lines.iter().map(|line| line.line_id.clone()).collect(),
        amount,
        to: body.to,
        reason,
        state: match review {
            Some(_) => RefundState::Requested,
            None => RefundState::Approved,
        },
        review,
        decided_by: None,
        note: None,
        requested_at: now,
        updated_at: now,
    })
}

impl Refund {
    /// What the saga is told when the refund is approved.
    pub fn start(&self) -> Refunding {
        Refunding {
            refund_id: self.id.clone(),
            lines: self.lines.clone(),
            amount: self.amount,
            to: self.to,
            phase: RefundPhase::Revoking,
        }
    }

    /// The refund after an administrator's decision.
    pub fn decided(
        self,
        state: RefundState,
        by: &str,
        note: Option<String>,
        now: i64,
    ) -> Result<Self, DomainError> {
        match self.state {
            RefundState::Requested => Ok(Self {
                state,
                decided_by: Some(by.to_owned()),
                note,
                updated_at: now,
                ..self
            }),
            RefundState::Approved | RefundState::Refunded | RefundState::Rejected | RefundState::Failed => {
                Err(DomainError::Decided)
            }
        }
    }
}

/// The word of a recipient in a column.
pub fn recipient(to: RefundTo) -> &'static str {
    match to {
        RefundTo::Card => "card",
        RefundTo::Wallet => "wallet",
    }
}

fn wanted(order: &Order, ids: Option<Vec<String>>) -> Result<Vec<&Line>, DomainError> {
    let open = |line: &&Line| !order.refunded_lines.contains(&line.line_id);
    let Some(ids) = ids else {
        return Ok(order.terms.lines.iter().filter(open).collect());
    };
    let mut lines: Vec<&Line> = Vec::new();
    for id in &ids {
        let line = order.terms.line(id).filter(open);
        let line = line.ok_or_else(|| DomainError::field("lines", "names a line that cannot be refunded"))?;
        if lines.iter().any(|known| known.line_id == line.line_id) {
            return Err(DomainError::field("lines", "names a line twice"));
        }
        lines.push(line);
    }
    match lines.is_empty() {
        true => Err(DomainError::field("lines", "is empty")),
        false => Ok(lines),
    }
}

fn review(order: &Order, lines: &[&Line], usage: &Usage, rules: RefundRules, now: i64) -> Option<Review> {
    let since = order.completed_at.unwrap_or(order.created_at);
    let used = |line: &&Line| {
        let of_line = |(item, at): &(String, i64)| *item == line.course_id && *at >= since;
        line.kind == CourseKind::Item && usage.consumed.iter().any(of_line)
    };
    let learned = |line: &&Line| {
        let lessons = line.lessons.filter(|lessons| *lessons > 0);
        let done = usage.learned.iter().find(|(item, _)| *item == line.course_id);
        let (Some(lessons), Some((_, done))) = (lessons, done) else {
            return false;
        };
        // Lessons that the course no longer has may be among them.
        let done = (*done).min(lessons);
        line.kind == CourseKind::Course && done.saturating_mul(100) > lessons.saturating_mul(rules.percent)
    };
    if now - since > rules.days.saturating_mul(DAY_MS) {
        return Some(Review::Late);
    }
    if lines.iter().any(used) {
        return Some(Review::Consumed);
    }
    lines.iter().any(learned).then_some(Review::Progress)
}

const DAY_MS: i64 = 86_400_000;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::saga::tests::{NOW, completed};
    use crate::domain::{Split, State};

    fn body(lines: Option<&[&str]>, to: RefundTo) -> RefundBody {
        RefundBody {
            lines: lines.map(|ids| ids.iter().map(|id| (*id).to_owned()).collect()),
            reason: "Not for me".into(),
            to,
        }
    }

    fn asked(order: &Order, lines: Option<&[&str]>, to: RefundTo) -> Result<Refund, DomainError> {
        let (usage, rules) = (Usage::default(), RefundRules::default());
        request(order, "r1".into(), body(lines, to), &usage, rules, NOW + 1)
    }

    #[test]
    fn a_recent_purchase_goes_back_without_a_decision() {
        let refund = asked(&completed(), None, RefundTo::Wallet).unwrap();
        assert_eq!((refund.amount, refund.lines.len()), (4_500, 2));
        assert_eq!((refund.state, refund.review), (RefundState::Approved, None));
    }

    #[test]
    fn a_late_refund_is_for_an_administrator() {
        let order = completed();
        let completed_at = order.completed_at.unwrap();
        for days in [0, 14, 30] {
            let rules = RefundRules {
                days,
                ..RefundRules::default()
            };
            let at = |now| {
                let (body, usage) = (body(None, RefundTo::Wallet), Usage::default());
                request(&order, "r".into(), body, &usage, rules, now)
                    .unwrap()
                    .review
            };
            let free = completed_at + days * DAY_MS;
            assert_eq!((at(free), at(free + 1)), (None, Some(Review::Late)), "{days}");
        }
    }

    #[test]
    fn a_course_of_which_too_much_is_done_is_for_an_administrator() {
        let order = completed();
        let with = |order: &Order, done: i64, percent: i64| {
            let usage = Usage {
                learned: vec![("course-1".to_owned(), done)],
                ..Usage::default()
            };
            let rules = RefundRules {
                percent,
                ..RefundRules::default()
            };
            let lines = |ids: &[&str]| {
                let body = body(Some(ids), RefundTo::Wallet);
                request(order, "r".into(), body, &usage, rules, NOW + 1)
                    .unwrap()
                    .review
            };
            assert_eq!(lines(&["line-2"]), None, "nothing of it was done");
            lines(&["line-1"])
        };
        // Of ten lessons.
        let cases = [
            (0, 30, None),
            (3, 30, None),
            (4, 30, Some(Review::Progress)),
            (1, 0, Some(Review::Progress)),
            (10, 99, Some(Review::Progress)),
            (10, 100, None),
            // The instructor has taken lessons away since.
            (400, 99, Some(Review::Progress)),
            (400, 100, None),
        ];
        for (done, percent, expected) in cases {
            assert_eq!(
                with(&order, done, percent),
                expected,
                "{done} of 10 at {percent} %"
            );
        }
        for lessons in [None, Some(0)] {
            let mut order = order.clone();
            order.terms.lines[0].lessons = lessons;
            assert_eq!(with(&order, 10, 30), None, "{lessons:?}");
        }
    }

    #[test]
    fn used_up_items_are_for_an_administrator() {
        let mut order = completed();
        let since = order.completed_at.unwrap();
        let with = |order: &Order, at| {
            let usage = Usage {
                consumed: vec![("course-2".to_owned(), at)],
                ..Usage::default()
            };
            let (body, rules) = (body(None, RefundTo::Wallet), RefundRules::default());
            request(order, "r".into(), body, &usage, rules, since + 10).unwrap()
        };
        assert_eq!(with(&order, since + 5).review, None, "a course is not consumed");
        order.terms.lines[1].kind = CourseKind::Item;
        assert_eq!(with(&order, since + 5).review, Some(Review::Consumed));
        assert_eq!(with(&order, since - 1).review, None, "of an earlier purchase");
    }

    #[test]
    fn the_card_gets_back_no_more_than_it_paid() {
        let mut order = completed();
        order.paid = Some(Split {
            wallet: 3_000,
            card: 1_500,
        });
        assert_eq!(
            asked(&order, None, RefundTo::Card),
            Err(DomainError::MoreThanCard)
        );
        assert!(asked(&order, Some(&["line-2"]), RefundTo::Card).is_ok());
        order.refunded_card = 1;
        order.refunded = 1;
        assert_eq!(
            asked(&order, Some(&["line-2"]), RefundTo::Card),
            Err(DomainError::MoreThanCard)
        );
        assert!(asked(&order, None, RefundTo::Wallet).is_ok());
    }

    #[test]
    fn a_line_goes_back_once() {
        let order = Order {
            refunded_lines: vec!["line-1".into()],
            state: State::PartiallyRefunded,
            ..completed()
        };
        let fields = |lines: &[&str]| match asked(&order, Some(lines), RefundTo::Wallet) {
            Err(DomainError::Invalid(errors)) => errors.into_iter().map(|error| error.message).collect(),
            other => vec![format!("{other:?}")],
        };
        assert_eq!(fields(&["line-1"]), ["names a line that cannot be refunded"]);
        assert_eq!(fields(&["line-9"]), ["names a line that cannot be refunded"]);
        assert_eq!(fields(&["line-2", "line-2"]), ["names a line twice"]);
        assert_eq!(fields(&[]), ["is empty"]);
        let rest = asked(&order, None, RefundTo::Wallet).unwrap();
        assert_eq!((rest.lines, rest.amount), (vec!["line-2".to_owned()], 1_500));
    }

    #[test]
    fn only_a_delivered_order_can_be_refunded() {
        for state in State::ALL {
            let order = Order {
                state: *state,
                ..completed()
            };
            let refund = asked(&order, None, RefundTo::Wallet);
            assert_eq!(refund.is_ok(), state.is_refundable(), "{state}");
        }
    }

    #[test]
    fn a_decision_is_made_once() {
        let refund = Refund {
            state: RefundState::Requested,
            review: Some(Review::Late),
            ..asked(&completed(), None, RefundTo::Wallet).unwrap()
        };
        let decided = refund.decided(RefundState::Rejected, "root", None, NOW).unwrap();
        let again = decided.decided(RefundState::Approved, "root", None, NOW);
        assert_eq!(again, Err(DomainError::Decided));
    }
}
