//! The table of the saga, its failure matrix, and a whole shop that loses, repeats and reorders messages.

mod matrix;
mod shop;

use latchkey_contracts::Money;
use latchkey_contracts::events::course::CourseKind;
use latchkey_contracts::events::discount::{self, DiscountReply};
use latchkey_contracts::events::inventory::{self, InventoryReply};
use latchkey_contracts::events::order::BillingAddress;
use latchkey_contracts::events::payment::{self, DeclinedReason, PaymentReply, RefundTo};

use super::*;
use crate::domain::{Coupon, Line, Plan, Refunding, command_id};

pub(crate) const NOW: i64 = 1_795_176_000_000;

fn line(n: i64, price: i64, discount: i64) -> Line {
    Line {
        line_id: format!("line-{n}"),
        course_id: format!("course-{n}"),
        course_version: 1,
        kind: CourseKind::Course,
        category_id: "category".into(),
        title: format!("Course {n}"),
        slug: format!("course-{n}"),
        instructor_id: "ada".into(),
        lessons: Some(10),
        unit_price: price,
        quantity: 1,
        discount,
        tax: 0,
        total: price - discount,
    }
}

/// Two courses for 45.00 with a coupon.
pub(crate) fn terms() -> Terms {
    Terms {
        lines: vec![line(1, 3_500, 500), line(2, 1_500, 0)],
        subtotal: 5_000,
        discount_total: 500,
        tax_total: 0,
        total: 4_500,
        currency: "EUR".into(),
        coupon: Some(Coupon {
            code: "SPRING".into(),
        }),
        plan: Plan {
            wallet_at_most: Some(1_000),
            card_token: Some("card-token".into()),
        },
        billing_address: Some(BillingAddress {
            name: "Bo".into(),
            street: "Main 1".into(),
            postal_code: "10115".into(),
            city: "Berlin".into(),
            country: "DE".into(),
        }),
        basket_id: "basket".into(),
        basket_version: 7,
    }
}

fn submitted_with(terms: Terms) -> Step {
    let id = "01936b2e-0000-7000-8000-000000000001";
    submit(id.into(), "LK-2026-000001".into(), "bo".into(), terms, NOW)
}

pub(crate) fn order() -> Order {
    submitted_with(terms()).order
}

/// The same with a refund under way, so that every command has something to say.
pub(crate) fn with_refund(order: Order) -> Order {
    let refund = Some(refund(&["line-1"], 3_000));
    Order { refund, ..order }
}

fn refund(lines: &[&str], amount: i64) -> Refunding {
    Refunding {
        refund_id: "refund".into(),
        lines: lines.iter().map(|line| (*line).to_owned()).collect(),
        amount,
        to: RefundTo::Card,
        phase: RefundPhase::Revoking,
    }
}

fn eur(amount: i64) -> Money {
    Money::new(amount, "EUR")
}

/// What a participant answers to a command of this order.
fn reply(order: &Order, command: Command) -> Input {
    let (order_id, command_id) = (order.id.clone(), command_id(order, command));
    let payment_id = "payment".to_owned();
    let settled = inventory::Settled {
        order_id: order_id.clone(),
        command_id: command_id.clone(),
        owner: None,
        items: Vec::new(),
    };
    let coupon = discount::Settled {
        order_id: order_id.clone(),
        command_id: command_id.clone(),
        coupon_id: None,
    };
    match command {
        Command::Reserve => Input::Inventory(InventoryReply::Reserved(inventory::Reserved {
            order_id,
            command_id,
            lines: Vec::new(),
        })),
        Command::Confirm | Command::Regrant => Input::Inventory(InventoryReply::Granted(settled)),
        Command::Release => Input::Inventory(InventoryReply::Released(settled)),
        Command::Revoke => Input::Inventory(InventoryReply::Revoked(settled)),
        Command::ReserveCoupon => Input::Discount(DiscountReply::Reserved(discount::Reserved {
            order_id,
            command_id,
            code: "SPRING".into(),
            coupon_id: "coupon".into(),
            amount: eur(order.terms.discount_total),
            per_line: Vec::new(),
        })),
        Command::CommitCoupon => Input::Discount(DiscountReply::Committed(coupon)),
        Command::ReleaseCoupon => Input::Discount(DiscountReply::Released(coupon)),
        Command::Authorize | Command::Query => {
            Input::Payment(PaymentReply::Authorized(payment::Authorized {
                order_id,
                command_id,
                payment_id,
                wallet_amount: eur(1_000),
                card_amount: eur(order.terms.total - 1_000),
                card: None,
            }))
        }
        Command::Capture => captured(order, command),
        Command::Void => Input::Payment(PaymentReply::Voided(payment::Voided {
            order_id,
            command_id,
            payment_id: None,
        })),
        Command::Refund => Input::Payment(PaymentReply::Refunded(payment::Refunded {
            order_id,
            command_id,
            refund_id: "refund".into(),
            amount: eur(0),
            to: RefundTo::Card,
        })),
    }
}

fn captured(order: &Order, answers: Command) -> Input {
    Input::Payment(PaymentReply::Captured(payment::Captured {
        order_id: order.id.clone(),
        command_id: command_id(order, answers),
        payment_id: "payment".into(),
        wallet_amount: eur(1_000),
        card_amount: eur(order.terms.total - 1_000),
        fee: eur(30),
        captured_at: "2026-11-20T12:00:00.000Z".into(),
    }))
}

fn seats_refused_with(order: &Order, reason: inventory::RefusedReason) -> Input {
    Input::Inventory(InventoryReply::Refused(inventory::Refused {
        order_id: order.id.clone(),
        command_id: command_id(order, Command::Reserve),
        reason,
        items: vec!["course-1".into()],
    }))
}

fn coupon_refused_with(order: &Order, reason: discount::RefusedReason) -> Input {
    Input::Discount(DiscountReply::Refused(discount::Refused {
        order_id: order.id.clone(),
        command_id: command_id(order, Command::ReserveCoupon),
        code: "SPRING".into(),
        reason,
    }))
}

fn declined_with(order: &Order, answers: Command, reason: DeclinedReason) -> Input {
    Input::Payment(PaymentReply::Declined(payment::Declined {
        order_id: order.id.clone(),
        command_id: command_id(order, answers),
        payment_id: None,
        reason,
        user_may_retry: true,
    }))
}

fn capture_failed(order: &Order) -> Input {
    Input::Payment(PaymentReply::CaptureFailed(payment::CaptureFailed {
        order_id: order.id.clone(),
        command_id: command_id(order, Command::Capture),
        payment_id: "payment".into(),
        reason: "declined by the issuer".into(),
    }))
}

fn action_required(order: &Order) -> Input {
    Input::Payment(PaymentReply::ActionRequired(payment::ActionRequired {
        order_id: order.id.clone(),
        command_id: command_id(order, Command::Authorize),
        payment_id: "payment".into(),
        expires_at: "2026-11-20T12:15:00.000Z".into(),
    }))
}

fn refund_failed(order: &Order, r#final: bool) -> Input {
    Input::Payment(PaymentReply::RefundFailed(payment::RefundFailed {
        order_id: order.id.clone(),
        command_id: command_id(order, Command::Refund),
        refund_id: "refund".into(),
        reason: "the card was closed".into(),
        r#final,
    }))
}

fn stale(order: &Order) -> Input {
    Input::Inventory(InventoryReply::Stale(inventory::Stale {
        order_id: order.id.clone(),
        held_since: "2026-11-20T11:30:00.000Z".into(),
    }))
}

/// The step that follows; a rejection fails the test.
fn then(order: Order, input: impl Fn(&Order) -> Input) -> Step {
    let input = input(&order);
    let state = order.state;
    next(order, &input, NOW).unwrap_or_else(|rejected| panic!("{state}: {input:?}: {rejected}"))
}

/// The step after the participant has answered the command.
fn answered(order: Order, command: Command) -> Step {
    then(order, |order| reply(order, command))
}

/// The step that a timer takes when it is due.
fn fired(order: Order, kind: TimerKind) -> Step {
    let due_at = order.timers.get(&kind).map_or(NOW, |timer| timer.due_at);
    next(order, &Input::Timer(kind), due_at).unwrap()
}

fn rejected(order: &Order, input: &Input) -> Rejected {
    next(order.clone(), input, NOW).unwrap_err()
}

pub(crate) fn reserved() -> Order {
    answered(answered(order(), Command::Reserve).order, Command::ReserveCoupon).order
}

pub(crate) fn waiting_for_the_buyer() -> Order {
    then(reserved(), action_required).order
}

pub(crate) fn capturing() -> Order {
    answered(reserved(), Command::Authorize).order
}

pub(crate) fn paid() -> Order {
    answered(capturing(), Command::Capture).order
}

pub(crate) fn completed() -> Order {
    answered(answered(paid(), Command::Confirm).order, Command::CommitCoupon).order
}

fn refunding(lines: &[&str], amount: i64) -> Order {
    then(completed(), |_| Input::Refund(refund(lines, amount))).order
}

/// One order in each state, with everything that may be under way there.
fn one_in_each_state() -> Vec<Order> {
    let cancelled = next(order(), &Input::Cancel, NOW).unwrap().order;
    let failed = then(reserved(), |order| {
        declined_with(order, Command::Authorize, DeclinedReason::CardDeclined)
    });
    let half = answered(refunding(&["line-1"], 3_000), Command::Revoke).order;
    let whole = answered(refunding(&["line-1", "line-2"], 4_500), Command::Revoke).order;
    let orders = vec![
        order(),
        reserved(),
        waiting_for_the_buyer(),
        capturing(),
        paid(),
        cancelled.clone(),
        completed(),
        refunding(&["line-1"], 3_000),
        answered(half, Command::Refund).order,
        answered(whole, Command::Refund).order,
        answered(
            answered(failed.order, Command::Release).order,
            Command::ReleaseCoupon,
        )
        .order,
        answered(
            answered(cancelled, Command::Release).order,
            Command::ReleaseCoupon,
        )
        .order,
    ];
    let states: std::collections::BTreeSet<State> = orders.iter().map(|order| order.state).collect();
    assert_eq!(states.len(), State::ALL.len(), "{states:?}");
    orders
}

#[test]
fn a_new_order_asks_for_seats_and_coupon_at_once() {
    let step = submitted_with(terms());
    assert_eq!(step.commands, [Command::Reserve, Command::ReserveCoupon]);
    assert_eq!(step.events, [Told::Submitted]);
    let plain = submitted_with(Terms {
        coupon: None,
        ..terms()
    });
    assert_eq!(plain.commands, [Command::Reserve]);
}

#[test]
fn the_good_way_leads_from_submitted_to_completed() {
    let step = answered(order(), Command::Reserve);
    assert_eq!((step.order.state, step.commands.len()), (State::Submitted, 0));
    let step = answered(step.order, Command::ReserveCoupon);
    assert_eq!(step.order.state, State::Reserved);
    assert_eq!(step.commands, [Command::Authorize]);
    let step = answered(step.order, Command::Authorize);
    assert_eq!(step.order.state, State::Capturing);
    assert_eq!(step.commands, [Command::Capture]);
    let step = answered(step.order, Command::Capture);
    assert_eq!(step.order.state, State::Paid);
    assert_eq!(step.commands, [Command::Confirm, Command::CommitCoupon]);
    let from = State::Capturing;
    assert_eq!(step.events, [Told::Changed { from }, Told::Paid]);
    let split = Split {
        wallet: 1_000,
        card: 3_500,
    };
    assert_eq!(step.order.paid, Some(split));
    let step = answered(step.order, Command::Confirm);
    assert_eq!((step.order.state, step.events.len()), (State::Paid, 0));
    let step = answered(step.order, Command::CommitCoupon);
    assert_eq!(step.order.state, State::Completed);
    let from = State::Paid;
    assert_eq!(step.events, [Told::Changed { from }, Told::Completed]);
    assert_eq!(step.order.completed_at, Some(NOW));
    assert!(step.order.timers.is_empty());
    assert_eq!(step.order.version, 7);
}

#[test]
fn coupon_and_seats_may_answer_in_either_order() {
    let step = answered(order(), Command::ReserveCoupon);
    assert_eq!(step.order.state, State::Submitted);
    let step = answered(step.order, Command::Reserve);
    assert_eq!(step.order.state, State::Reserved);
}

#[test]
fn an_order_without_coupon_waits_for_seats_alone() {
    let plain = submitted_with(Terms {
        coupon: None,
        ..terms()
    });
    let step = answered(plain.order, Command::Reserve);
    assert_eq!(step.order.state, State::Reserved);
    let paid = answered(answered(step.order, Command::Authorize).order, Command::Capture);
    assert_eq!(paid.commands, [Command::Confirm]);
    assert_eq!(
        answered(paid.order, Command::Confirm).order.state,
        State::Completed
    );
}

#[test]
fn a_coupon_that_is_worth_something_else_ends_the_order() {
    let held = answered(order(), Command::Reserve).order;
    let step = then(held, |order| {
        let Input::Discount(DiscountReply::Reserved(mut reply)) = reply(order, Command::ReserveCoupon) else {
            unreachable!("that is what a coupon answers");
        };
        reply.amount = eur(499);
        Input::Discount(DiscountReply::Reserved(reply))
    });
    assert_eq!(step.order.reason, Some(Reason::CouponChanged));
    assert_eq!(step.commands, [Command::Release, Command::ReleaseCoupon]);
}

#[test]
fn another_amount_than_the_total_is_never_captured() {
    let step = then(reserved(), |order| {
        let Input::Payment(PaymentReply::Authorized(mut reply)) = reply(order, Command::Authorize) else {
            unreachable!("that is what payment answers");
        };
        reply.wallet_amount = eur(999);
        Input::Payment(PaymentReply::Authorized(reply))
    });
    assert_eq!(step.order.reason, Some(Reason::AmountMismatch));
    assert!(step.commands.contains(&Command::Void));
}

#[test]
fn a_submitted_order_asks_again_twice_before_its_deadline() {
    let order = answered(order(), Command::Reserve).order;
    let first = fired(order, TimerKind::Resend);
    assert_eq!(first.commands, [Command::ReserveCoupon], "seats have answered");
    assert_eq!(first.order.timers[&TimerKind::Resend].due_at, NOW + 15_000);
    let second = fired(first.order, TimerKind::Resend);
    assert_eq!(second.commands, [Command::ReserveCoupon]);
    assert!(!second.order.timers.contains_key(&TimerKind::Resend));
    assert_eq!(second.order.deadline_at(), Some(NOW + 30_000));
}

#[test]
fn a_timer_that_is_not_due_or_was_left_behind_does_nothing() {
    let order = order();
    assert_eq!(
        rejected(&order, &Input::Timer(TimerKind::Resend)),
        Rejected::NotDue
    );
    assert_eq!(
        rejected(&order, &Input::Timer(TimerKind::Query)),
        Rejected::NotDue
    );
    let early = next(order, &Input::Timer(TimerKind::Deadline), NOW + 29_999);
    assert_eq!(early.unwrap_err(), Rejected::NotDue);
    let left_behind = next(completed(), &Input::Timer(TimerKind::Deadline), i64::MAX);
    assert_eq!(left_behind.unwrap_err(), Rejected::NotDue);
}

#[test]
fn pauses_grow_up_to_ten_minutes_and_never_overflow() {
    let pauses: Vec<i64> = (0..9)
        .map(|attempt| resend_pause(State::Paid, attempt).unwrap() / 1_000)
        .collect();
    assert_eq!(pauses, [5, 10, 20, 40, 80, 160, 320, 600, 600]);
    assert_eq!(resend_pause(State::Compensating, i64::MAX), Some(600_000));
    assert_eq!(query_pause(State::Capturing, i64::MAX), 600_000);
    assert_eq!(query_pause(State::Reserved, i64::MAX), 10_000);
}

#[test]
fn states_without_way_back_have_no_deadline() {
    for order in one_in_each_state() {
        let gives_up = matches!(
            order.state,
            State::Submitted | State::Reserved | State::ActionRequired
        );
        assert_eq!(order.deadline_at().is_some(), gives_up, "{}", order.state);
        assert_eq!(
            order.timers.is_empty(),
            order.state.is_settled(),
            "{}",
            order.state
        );
    }
}

#[test]
fn a_settled_order_holds_nothing_that_it_does_not_own() {
    for order in one_in_each_state() {
        let parts = [order.seats, order.coupon, order.payment];
        match order.state {
            State::Failed | State::Cancelled => {
                assert!(
                    parts
                        .iter()
                        .all(|part| matches!(part, Part::Idle | Part::Undone | Part::Refused))
                );
            }
            State::Completed | State::PartiallyRefunded | State::Refunded => {
                assert!(parts.iter().all(|part| *part == Part::Settled));
            }
            _ => {}
        }
    }
}

#[test]
fn a_refund_takes_access_first_and_gives_money_then() {
    let step = then(completed(), |_| Input::Refund(refund(&["line-1"], 3_000)));
    assert_eq!(step.order.state, State::Refunding);
    assert_eq!(step.commands, [Command::Revoke]);
    let step = answered(step.order, Command::Revoke);
    assert_eq!(step.commands, [Command::Refund]);
    let step = answered(step.order, Command::Refund);
    assert_eq!(step.order.state, State::PartiallyRefunded);
    assert_eq!(step.refund, Some(("refund".to_owned(), RefundState::Refunded)));
    assert_eq!((step.order.refunded, step.order.refunded_card), (3_000, 3_000));
    assert!(matches!(
        step.events.last(),
        Some(Told::Refunded { amount: 3_000, .. })
    ));
    let rest = then(step.order, |_| Input::Refund(refund(&["line-2"], 1_500)));
    let step = answered(answered(rest.order, Command::Revoke).order, Command::Refund);
    assert_eq!((step.order.state, step.order.refunded), (State::Refunded, 4_500));
}

#[test]
fn what_cost_nothing_is_refunded_without_payment() {
    let mut free = completed();
    free.terms.lines[1].total = 0;
    let step = then(free, |_| Input::Refund(refund(&["line-2"], 0)));
    let step = answered(step.order, Command::Revoke);
    assert!(step.commands.is_empty());
    assert_eq!(step.order.state, State::PartiallyRefunded);
}

#[test]
fn a_refund_that_failed_for_now_is_tried_again_with_another_number() {
    let paying = answered(refunding(&["line-1"], 3_000), Command::Revoke).order;
    let (before, late) = (
        command_id(&paying, Command::Refund),
        reply(&paying, Command::Refund),
    );
    let step = then(paying, |order| refund_failed(order, false));
    assert_eq!((step.order.state, step.commands.len()), (State::Refunding, 0));
    assert_ne!(command_id(&step.order, Command::Refund), before);
    let again = fired(step.order, TimerKind::Resend);
    assert_eq!(again.commands, [Command::Refund]);
    // The first attempt may have gone through after all; the money went back once.
    let step = next(again.order, &late, NOW).unwrap();
    assert_eq!(step.order.state, State::PartiallyRefunded);
}

#[test]
fn a_refund_of_foreign_or_refunded_lines_does_not_begin() {
    let order = Order {
        refunded_lines: vec!["line-1".into()],
        state: State::PartiallyRefunded,
        ..completed()
    };
    for lines in [&["line-1"][..], &["line-9"], &[]] {
        let input = Input::Refund(refund(lines, 1));
        assert_eq!(rejected(&order, &input), Rejected::NotRefundable);
    }
    for order in one_in_each_state() {
        let begun = next(order.clone(), &Input::Refund(refund(&["line-2"], 1_500)), NOW);
        assert_eq!(begun.is_ok(), order.state.is_refundable(), "{}", order.state);
    }
}

/// Every state × every answer: one that is not awaited changes nothing, whatever it says.
#[test]
fn an_answer_counts_only_where_it_is_awaited() {
    let mut applied = Vec::new();
    for order in one_in_each_state() {
        for command in Command::ALL {
            let input = reply(&order, command);
            if next(order.clone(), &input, NOW).is_ok() {
                applied.push(format!("{} {}", order.state, command.step()));
            }
        }
    }
    assert_eq!(
        applied,
        [
            "submitted inventory-reserve",
            "submitted discount-reserve",
            "reserved payment-authorize",
            "reserved payment-query",
            "action_required payment-authorize",
            "action_required payment-query",
            "capturing payment-capture",
            "capturing payment-query",
            "paid inventory-confirm",
            "paid discount-commit",
            "compensating inventory-release",
            "compensating discount-release",
            "refunding inventory-revoke",
        ]
    );
}

#[test]
fn every_step_has_one_more_version_and_says_where_it_led() {
    for order in one_in_each_state() {
        for command in Command::ALL {
            let Ok(step) = next(order.clone(), &reply(&order, command), NOW) else {
                continue;
            };
            assert_eq!(step.order.version, order.version + 1);
            let told = step
                .events
                .iter()
                .filter(|told| matches!(told, Told::Changed { .. }))
                .count();
            assert_eq!(told, usize::from(step.order.state != order.state));
            assert_eq!(step.order.terms, order.terms, "the terms never change");
        }
    }
}
