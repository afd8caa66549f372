//! The failure matrix of the checkout: each row that the saga decides. The rows about prices are those of `pricing.rs`
//! and `submission.rs`, those about two requests at once are in `tests/it`.

use super::*;

/// Row 3: the answer to a repeated command comes again.
#[test]
fn one_order_is_charged_once_however_often_answers_come() {
    let capturing = capturing();
    let answer = captured(&capturing, Command::Capture);
    let step = next(capturing, &answer, NOW).unwrap();
    assert_eq!(rejected(&step.order, &answer), Rejected::NotAwaited);
}

/// Row 4.
#[test]
fn sold_out_fails_the_order_and_returns_the_coupon() {
    let held = answered(order(), Command::ReserveCoupon).order;
    let step = then(held, |order| {
        seats_refused_with(order, inventory::RefusedReason::SoldOut)
    });
    assert_eq!(step.order.state, State::Compensating);
    assert_eq!(step.commands, [Command::ReleaseCoupon], "no seat is held");
    let step = answered(step.order, Command::ReleaseCoupon);
    assert_eq!(step.order.state, State::Failed);
    assert_eq!(step.order.reason, Some(Reason::SoldOut));
    assert_eq!(step.events.last(), Some(&Told::Failed));
}

/// Row 4, with the answer of discount still under way: its use may be held.
#[test]
fn sold_out_returns_also_a_coupon_that_has_not_answered() {
    let step = then(order(), |order| {
        seats_refused_with(order, inventory::RefusedReason::SoldOut)
    });
    assert_eq!(step.commands, [Command::ReleaseCoupon]);
    let late = reply(&step.order, Command::ReserveCoupon);
    assert_eq!(rejected(&step.order, &late), Rejected::NotAwaited);
    assert_eq!(
        step.order.state,
        State::Compensating,
        "not failed before it is undone"
    );
}

/// Rows 5 and 5b.
#[test]
fn what_the_buyer_owns_or_is_buying_is_not_charged_again() {
    let plain = Terms {
        coupon: None,
        ..terms()
    };
    for (refused, reason) in [
        (inventory::RefusedReason::AlreadyOwned, Reason::AlreadyOwned),
        (inventory::RefusedReason::AlreadyPending, Reason::AlreadyPending),
        (inventory::RefusedReason::NotForSale, Reason::NotForSale),
        (inventory::RefusedReason::Unknown, Reason::UnknownItem),
        (inventory::RefusedReason::Cancelled, Reason::ReservationCancelled),
    ] {
        let order = submitted_with(plain.clone()).order;
        let step = then(order, |order| seats_refused_with(order, refused));
        assert_eq!(
            (step.order.state, step.order.reason),
            (State::Failed, Some(reason))
        );
        assert!(step.commands.is_empty(), "nothing is held, so nothing is undone");
        assert_eq!(step.order.payment, Part::Idle);
        let from = State::Submitted;
        assert_eq!(step.events, [Told::Changed { from }, Told::Failed]);
    }
}

/// Row 6.
#[test]
fn the_loser_of_the_last_coupon_use_gives_its_seat_back() {
    let held = answered(order(), Command::Reserve).order;
    let step = then(held, |order| {
        coupon_refused_with(order, discount::RefusedReason::Limit)
    });
    assert_eq!(step.commands, [Command::Release]);
    let step = answered(step.order, Command::Release);
    assert_eq!(step.order.state, State::Failed);
    assert_eq!(step.order.reason, Some(Reason::CouponLimit));
}

/// Rows 7 and 8: payment holds nothing after it declined, so it is not asked to void.
#[test]
fn a_declined_payment_releases_seats_and_coupon() {
    for (declined, reason) in [
        (DeclinedReason::InsufficientCredits, Reason::InsufficientCredits),
        (DeclinedReason::CardDeclined, Reason::CardDeclined),
        (DeclinedReason::InsufficientFunds, Reason::InsufficientFunds),
        (DeclinedReason::ExpiredCard, Reason::ExpiredCard),
        (DeclinedReason::BadCvc, Reason::BadCvc),
        (DeclinedReason::UnknownCard, Reason::UnknownCard),
        (DeclinedReason::Cancelled, Reason::PaymentCancelled),
        (DeclinedReason::ProcessorError, Reason::ProcessorError),
    ] {
        let step = then(reserved(), |order| {
            declined_with(order, Command::Authorize, declined)
        });
        assert_eq!(step.commands, [Command::Release, Command::ReleaseCoupon]);
        let step = answered(
            answered(step.order, Command::ReleaseCoupon).order,
            Command::Release,
        );
        assert_eq!(
            (step.order.state, step.order.reason),
            (State::Failed, Some(reason))
        );
    }
}

/// Row 9: denied.
#[test]
fn a_denied_action_fails_the_order() {
    let step = then(waiting_for_the_buyer(), |order| {
        declined_with(order, Command::Authorize, DeclinedReason::ActionDenied)
    });
    assert_eq!(step.order.reason, Some(Reason::ActionDenied));
    assert_eq!(step.commands, [Command::Release, Command::ReleaseCoupon]);
}

/// Row 9: abandoned, and approved too late.
#[test]
fn an_abandoned_action_is_voided_and_a_late_approval_ignored() {
    let order = waiting_for_the_buyer();
    assert_eq!(order.deadline_at(), Some(NOW + 15 * 60_000));
    let step = fired(order, TimerKind::Deadline);
    assert_eq!(step.order.reason, Some(Reason::PaymentAbandoned));
    assert_eq!(
        step.commands,
        [Command::Release, Command::ReleaseCoupon, Command::Void]
    );
    let late = reply(&step.order, Command::Authorize);
    assert_eq!(rejected(&step.order, &late), Rejected::NotAwaited);
}

/// Row 10: payment is asked what it knows.
#[test]
fn an_authorization_without_answer_is_found_by_a_query() {
    let order = reserved();
    assert_eq!(order.timers[&TimerKind::Query].due_at, NOW + 60_000);
    let step = fired(order, TimerKind::Query);
    assert_eq!(step.commands, [Command::Query]);
    assert_eq!(step.order.timers[&TimerKind::Query].due_at, NOW + 70_000);
    let step = answered(step.order, Command::Query);
    assert_eq!(step.order.state, State::Capturing);
}

/// Row 10: payment has never heard of it.
#[test]
fn an_authorization_that_got_lost_is_asked_for_again() {
    let step = then(reserved(), |order| {
        Input::Payment(PaymentReply::Voided(payment::Voided {
            order_id: order.id.clone(),
            command_id: command_id(order, Command::Query),
            payment_id: None,
        }))
    });
    assert_eq!(step.order.state, State::Reserved);
    assert_eq!(step.commands, [Command::Authorize]);
}

/// Row 10: the answer comes after the order gave up.
#[test]
fn an_authorization_that_comes_too_late_is_voided() {
    let step = fired(reserved(), TimerKind::Deadline);
    assert_eq!(step.order.reason, Some(Reason::PaymentTimeout));
    assert!(step.commands.contains(&Command::Void));
    let late = reply(&step.order, Command::Authorize);
    assert_eq!(rejected(&step.order, &late), Rejected::NotAwaited);
    let step = answered(step.order, Command::Release);
    let step = answered(step.order, Command::ReleaseCoupon);
    assert_eq!(
        step.order.state,
        State::Compensating,
        "the money may still be held"
    );
    assert_eq!(answered(step.order, Command::Void).order.state, State::Failed);
}

/// Row 11.
#[test]
fn a_definite_capture_failure_undoes_everything() {
    let step = then(capturing(), capture_failed);
    assert_eq!(step.order.reason, Some(Reason::CaptureFailed));
    assert_eq!(
        step.commands,
        [Command::Release, Command::ReleaseCoupon, Command::Void]
    );
    assert_eq!(step.order.paid, None, "nothing was granted");
}

/// Row 12.
#[test]
fn an_unknown_capture_is_never_compensated_nor_charged_twice() {
    let mut order = capturing();
    for _ in 0..40 {
        let step = fired(order, TimerKind::Query);
        assert_eq!(step.commands, [Command::Query], "asked, not captured again");
        assert_eq!(step.order.state, State::Capturing);
        order = step.order;
    }
    let alerted = fired(order, TimerKind::Alert).order;
    assert_eq!(
        (alerted.state, alerted.alerted_at.is_some()),
        (State::Capturing, true)
    );
    assert!(next(alerted.clone(), &Input::Timer(TimerKind::Deadline), i64::MAX).is_err());
    let step = then(alerted, |order| captured(order, Command::Query));
    assert_eq!((step.order.state, step.order.alerted_at), (State::Paid, None));
}

/// Row 12: the command got lost before payment saw it.
#[test]
fn a_capture_that_never_arrived_is_sent_again() {
    let step = answered(capturing(), Command::Query);
    assert_eq!(step.order.state, State::Capturing);
    assert_eq!(step.commands, [Command::Capture]);
}

/// Row 13.
#[test]
fn the_buyer_cancels_until_the_money_is_taken() {
    for order in one_in_each_state() {
        let (state, cancelled) = (order.state, next(order, &Input::Cancel, NOW));
        match (state, cancelled) {
            (State::Submitted | State::Reserved | State::ActionRequired, Ok(step)) => {
                assert_eq!(step.order.state, State::Compensating);
                assert!(step.commands.contains(&Command::Release));
                let has_money = state != State::Submitted;
                assert_eq!(step.commands.contains(&Command::Void), has_money, "{state}");
            }
            (State::Compensating | State::Cancelled, Err(Rejected::CancelledAlready)) => {}
            (_, Err(Rejected::TooLateToCancel)) => {}
            (state, other) => panic!("{state}: {other:?}"),
        }
    }
}

/// Row 13: it is cancelled when everything is free again, and not before.
#[test]
fn a_cancelled_order_ends_as_cancelled() {
    let mut order = next(reserved(), &Input::Cancel, NOW).unwrap().order;
    for command in [Command::Void, Command::Release] {
        order = answered(order, command).order;
        assert_eq!(order.state, State::Compensating);
    }
    let step = answered(order, Command::ReleaseCoupon);
    assert_eq!(step.order.state, State::Cancelled);
    assert_eq!(step.events.last(), Some(&Told::Cancelled));
}

/// Row 14: whichever comes first decides, and the other one learns of it.
#[test]
fn cancel_and_authorization_race_for_the_order() {
    let authorization = reply(&reserved(), Command::Authorize);
    let first = next(reserved(), &Input::Cancel, NOW).unwrap().order;
    assert_eq!(rejected(&first, &authorization), Rejected::NotAwaited);
    assert_eq!(first.payment, Part::Undoing, "what payment holds is voided");
    let second = next(reserved(), &authorization, NOW).unwrap().order;
    assert_eq!(rejected(&second, &Input::Cancel), Rejected::TooLateToCancel);
}

/// Row 15.
#[test]
fn inventory_that_is_away_fails_the_order_at_its_deadline() {
    let step = fired(order(), TimerKind::Deadline);
    assert_eq!(step.order.reason, Some(Reason::ReservationTimeout));
    assert_eq!(step.commands, [Command::Release, Command::ReleaseCoupon]);
    let late = reply(&step.order, Command::Reserve);
    assert_eq!(rejected(&step.order, &late), Rejected::NotAwaited);
    let refused = seats_refused_with(&step.order, inventory::RefusedReason::Cancelled);
    assert_eq!(rejected(&step.order, &refused), Rejected::NotAwaited);
}

/// Rows 16 and 17.
#[test]
fn a_paid_order_waits_for_access_and_coupon_for_ever() {
    let mut order = paid();
    for _ in 0..100 {
        let step = fired(order, TimerKind::Resend);
        assert_eq!(step.commands, [Command::Confirm, Command::CommitCoupon]);
        order = step.order;
    }
    order = fired(order, TimerKind::Alert).order;
    assert_eq!((order.state, order.alerted_at.is_some()), (State::Paid, true));
    let granted = answered(order, Command::Confirm).order;
    assert_eq!(granted.state, State::Paid);
    let step = fired(granted, TimerKind::Resend);
    assert_eq!(
        step.commands,
        [Command::CommitCoupon],
        "access is granted already"
    );
    assert_eq!(
        answered(step.order, Command::CommitCoupon).order.state,
        State::Completed
    );
}

/// Row 18: billing is not among those for whom an order waits.
#[test]
fn an_order_completes_without_its_invoice() {
    assert_eq!(completed().state, State::Completed);
    let receivers = Command::ALL.map(Command::step);
    assert!(receivers.iter().all(|step| !step.starts_with("billing")));
}

/// Row 19: commands and events repeat what was agreed.
#[test]
fn a_course_that_changes_meanwhile_changes_nothing_in_the_order() {
    let snapshot = Told::Submitted.payload(&order()).unwrap();
    let done = Told::Completed.payload(&completed()).unwrap();
    assert_eq!(snapshot["lines"], done["lines"]);
}

/// Row 20: an answer of an old attempt.
#[test]
fn an_answer_to_another_attempt_is_ignored() {
    for (state, command) in [
        (State::Submitted, Command::Reserve),
        (State::Reserved, Command::Authorize),
        (State::Capturing, Command::Capture),
        (State::Paid, Command::Confirm),
        (State::Compensating, Command::Release),
        (State::Refunding, Command::Revoke),
    ] {
        let order = order_in(state);
        let other = Order {
            generation: order.generation + 1,
            ..order.clone()
        };
        let answer = reply(&other, command);
        assert_eq!(rejected(&order, &answer), Rejected::OtherCommand, "{state}");
    }
}

fn order_in(state: State) -> Order {
    let all = one_in_each_state();
    all.into_iter().find(|order| order.state == state).unwrap()
}

/// Row 21: a process that dies loses nothing but time. Whatever was sent is sent again.
#[test]
fn an_order_resumes_from_its_row() {
    for order in one_in_each_state() {
        let again = next(order.clone(), &Input::Retry, NOW);
        assert_eq!(again.is_err(), order.state.is_settled(), "{}", order.state);
        if let Ok(step) = again {
            assert_eq!(step.commands, outstanding(&order));
            let ids = |order: &Order| Command::ALL.map(|command| command_id(order, command));
            assert_eq!(
                ids(&step.order),
                ids(&order),
                "the receivers know the commands again"
            );
        }
    }
}

/// Row 22.
#[test]
fn an_undo_is_repeated_until_it_is_done_and_only_then_failed() {
    let mut order = fired(reserved(), TimerKind::Deadline).order;
    for _ in 0..100 {
        let step = fired(order, TimerKind::Resend);
        assert_eq!(
            step.commands,
            [Command::Release, Command::ReleaseCoupon, Command::Void]
        );
        assert_eq!(step.order.state, State::Compensating);
        order = step.order;
    }
    let order = fired(order, TimerKind::Alert).order;
    assert!(order.alerted_at.is_some());
    let retried = next(order, &Input::Retry, NOW).unwrap();
    assert_eq!(retried.commands.len(), 3);
    assert_eq!(retried.order.timers[&TimerKind::Resend].attempt, 0);
    assert!(
        retried.order.alerted_at.is_some(),
        "the alert stays until it is looked at"
    );
    let resolved = next(retried.order, &Input::Resolve, NOW).unwrap().order;
    assert_eq!((resolved.alerted_at, resolved.state), (None, State::Compensating));
    assert_eq!(rejected(&resolved, &Input::Resolve), Rejected::NothingToResolve);
}

/// Row 23.
#[test]
fn what_costs_nothing_needs_no_payment() {
    let free = submitted_with(Terms {
        discount_total: 5_000,
        total: 0,
        ..terms()
    });
    let step = answered(
        answered(free.order, Command::Reserve).order,
        Command::ReserveCoupon,
    );
    assert_eq!((step.order.state, step.order.payment), (State::Paid, Part::Idle));
    assert_eq!(step.commands, [Command::Confirm, Command::CommitCoupon]);
    assert_eq!(step.order.paid, Some(Split { wallet: 0, card: 0 }));
    let step = answered(
        answered(step.order, Command::Confirm).order,
        Command::CommitCoupon,
    );
    assert_eq!(step.order.state, State::Completed);
}

/// Row 25. Row 24 is in `refund.rs`.
#[test]
fn a_refund_that_fails_for_good_gives_access_again() {
    let paying = answered(refunding(&["line-1"], 3_000), Command::Revoke).order;
    let step = then(paying, |order| refund_failed(order, true));
    assert_eq!(step.commands, [Command::Regrant]);
    assert_eq!(step.order.state, State::Refunding);
    let step = answered(step.order, Command::Regrant);
    assert_eq!(
        (step.order.state, step.order.reason),
        (State::Completed, Some(Reason::RefundFailed))
    );
    assert_eq!(step.refund, Some(("refund".to_owned(), RefundState::Failed)));
    assert!(
        step.order.alerted_at.is_some(),
        "an administrator may pay to the wallet"
    );
    assert_eq!(step.order.refunded, 0);
    let wallet = Refunding {
        to: RefundTo::Wallet,
        ..refund(&["line-1"], 3_000)
    };
    let again = next(step.order, &Input::Refund(wallet), NOW).unwrap();
    assert_eq!((again.order.state, again.order.reason), (State::Refunding, None));
}

/// Row 26: after the submission no step needs more of the buyer than their id.
#[test]
fn an_order_goes_on_without_the_address_of_its_buyer() {
    let mut order = reserved();
    order.terms.billing_address = None;
    let order = answered(answered(order, Command::Authorize).order, Command::Capture).order;
    let order = answered(answered(order, Command::Confirm).order, Command::CommitCoupon).order;
    assert_eq!(order.state, State::Completed);
}

/// Row 27: what is parked on the bus shows as an alert, and a redrive resumes.
#[test]
fn a_parked_command_shows_as_an_alert_and_resumes() {
    for (state, command) in [
        (State::Paid, Command::Confirm),
        (State::Capturing, Command::Capture),
        (State::Compensating, Command::Release),
        (State::Refunding, Command::Revoke),
    ] {
        let alerted = fired(order_in(state), TimerKind::Alert).order;
        assert!(alerted.alerted_at.is_some(), "{state}");
        assert!(!alerted.timers.contains_key(&TimerKind::Alert), "told once");
        assert!(next(alerted.clone(), &reply(&alerted, command), NOW).is_ok());
    }
}

/// Row 28.
#[test]
fn an_old_reservation_is_answered_by_what_was_decided() {
    for order in one_in_each_state() {
        let state = order.state;
        let answer = next(order.clone(), &stale(&order), NOW).map(|step| step.commands);
        match state {
            State::Submitted | State::Reserved | State::ActionRequired | State::Capturing => {
                assert_eq!(answer, Err(Rejected::NotAwaited), "{state}: its deadlines decide");
            }
            State::Compensating | State::Failed | State::Cancelled => {
                assert_eq!(answer, Ok(vec![Command::Release]), "{state}");
            }
            State::Paid
            | State::Completed
            | State::Refunding
            | State::PartiallyRefunded
            | State::Refunded => assert_eq!(answer, Ok(vec![Command::Confirm]), "{state}"),
        }
    }
}

/// Row 29: times in answers are never compared with ours.
#[test]
fn deadlines_follow_the_orders_own_clock_alone() {
    let step = then(reserved(), |order| {
        Input::Payment(PaymentReply::ActionRequired(payment::ActionRequired {
            order_id: order.id.clone(),
            command_id: command_id(order, Command::Authorize),
            payment_id: "payment".into(),
            expires_at: "1970-01-01T00:00:00.000Z".into(),
        }))
    });
    assert_eq!(step.order.deadline_at(), Some(NOW + 15 * 60_000));
}
