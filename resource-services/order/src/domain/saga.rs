//! The saga of an order: what follows from what, as one function.
//!
//! | State | Waits for | Gives up | Next |
//! | --- | --- | --- | --- |
//! | `submitted` | seats held, coupon held if there is one; asked again after 5 s and 15 s | 30 s | `reserved`, or `paid` if it costs nothing |
//! | `reserved` | the money held; payment is queried from 60 s on, every 10 s | 5 min | `capturing` |
//! | `action_required` | the same, after the buyer confirms | 15 min | `capturing` |
//! | `capturing` | the money taken; queried with growing pauses | never: only a definite failure ends it | `paid` |
//! | `paid` | access granted, coupon committed; asked again for ever | never | `completed` |
//! | `compensating` | everything that may be held given back; asked again for ever | never | `failed`, `cancelled` |
//! | `refunding` | access revoked, then the money given back; asked again for ever | never | `refunded`, `partially_refunded`, or back |
//!
//! What is unknown is never treated as failed: once the money may be taken, the order asks until it knows. An answer
//! counts only while it is awaited and only if it names the command that asked for it, so repeated, late and reordered
//! answers change nothing.

#[cfg(test)]
pub(crate) mod tests;

use latchkey_contracts::events::discount::{self, DiscountReply};
use latchkey_contracts::events::inventory::{self, InventoryReply};
use latchkey_contracts::events::payment::{DeclinedReason, PaymentReply};

use super::command::{Command, command_id};
use super::order::{
    Order, Part, Reason, RefundPhase, Refunding, Split, State, Terms, Timer, TimerKind, Timers,
};
use super::refund::RefundState;
use super::told::Told;

/// Something that happens to an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    Inventory(InventoryReply),
    Discount(DiscountReply),
    Payment(PaymentReply),
    /// A timer is due.
    Timer(TimerKind),
    /// The buyer calls it off.
    Cancel,
    /// A refund was approved.
    Refund(Refunding),
    /// An administrator asks again whoever has not answered.
    Retry,
    /// An administrator has looked at an alert.
    Resolve,
}

impl Input {
    /// The name in the log.
    pub fn cause(&self) -> &'static str {
        match self {
            Self::Inventory(reply) => match reply {
                InventoryReply::Reserved(_) => "inventory.reserved",
                InventoryReply::Refused(_) => "inventory.refused",
                InventoryReply::Granted(_) => "inventory.granted",
                InventoryReply::Released(_) => "inventory.released",
                InventoryReply::Revoked(_) => "inventory.revoked",
                InventoryReply::Stale(_) => "inventory.stale",
            },
            Self::Discount(reply) => match reply {
                DiscountReply::Reserved(_) => "discount.reserved",
                DiscountReply::Refused(_) => "discount.refused",
                DiscountReply::Committed(_) => "discount.committed",
                DiscountReply::Released(_) => "discount.released",
            },
            Self::Payment(reply) => match reply {
                PaymentReply::Authorized(_) => "payment.authorized",
                PaymentReply::ActionRequired(_) => "payment.action-required",
                PaymentReply::Declined(_) => "payment.declined",
                PaymentReply::Captured(_) => "payment.captured",
                PaymentReply::CaptureFailed(_) => "payment.capture-failed",
                PaymentReply::Voided(_) => "payment.voided",
                PaymentReply::Refunded(_) => "payment.refunded",
                PaymentReply::RefundFailed(_) => "payment.refund-failed",
            },
            Self::Timer(kind) => match kind {
                TimerKind::Resend => "timer.resend",
                TimerKind::Deadline => "timer.deadline",
                TimerKind::Query => "timer.query",
                TimerKind::Alert => "timer.alert",
            },
            Self::Cancel => "buyer.cancel",
            Self::Refund(_) => "refund.approved",
            Self::Retry => "admin.retry",
            Self::Resolve => "admin.resolve",
        }
    }
}

/// Why something changes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejected {
    #[error("the answer is not awaited in this state")]
    NotAwaited,
    #[error("the answer is to another command")]
    OtherCommand,
    #[error("the timer is not due")]
    NotDue,
    #[error("the order is cancelled already")]
    CancelledAlready,
    #[error("the money is being taken or has been")]
    TooLateToCancel,
    #[error("nothing of the order can be refunded now")]
    NotRefundable,
    #[error("the order waits for nobody")]
    NothingToRetry,
    #[error("the order has no alert")]
    NothingToResolve,
}

/// What is to be written and sent, in one transaction.
#[derive(Debug, PartialEq, Eq)]
pub struct Step {
    /// The order after the step.
    pub order: Order,
    /// Where it stood before.
    pub from: State,
    pub commands: Vec<Command>,
    pub events: Vec<Told>,
    /// What became of the refund that was under way.
    pub refund: Option<(String, RefundState)>,
    now: i64,
}

/// A new order: seats and coupon are asked for at once.
pub fn submit(id: String, number: String, buyer_id: String, terms: Terms, now: i64) -> Step {
    let order = Order {
        id,
        number,
        buyer_id,
        seats: Part::Asked,
        coupon: match terms.coupon {
            Some(_) => Part::Asked,
            None => Part::Idle,
        },
        terms,
        state: State::Submitted,
        reason: None,
        payment: Part::Idle,
        payment_id: None,
        paid: None,
        refund: None,
        refunded: 0,
        refunded_card: 0,
        refunded_lines: Vec::new(),
        generation: 1,
        alerted_at: None,
        timers: timers(State::Submitted, now),
        version: 1,
        created_at: now,
        updated_at: now,
        completed_at: None,
    };
    Step {
        commands: outstanding(&order),
        events: vec![Told::Submitted],
        from: State::Submitted,
        refund: None,
        order,
        now,
    }
}

/// What follows from something that happens to an order.
pub fn next(order: Order, input: &Input, now: i64) -> Result<Step, Rejected> {
    let mut step = Step {
        from: order.state,
        order,
        commands: Vec::new(),
        events: Vec::new(),
        refund: None,
        now,
    };
    match input {
        Input::Inventory(reply) => step.inventory(reply)?,
        Input::Discount(reply) => step.discount(reply)?,
        Input::Payment(reply) => step.payment(reply)?,
        Input::Timer(kind) => step.timer(*kind)?,
        Input::Cancel => step.cancel()?,
        Input::Refund(refund) => step.start_refund(refund)?,
        Input::Retry => step.retry()?,
        Input::Resolve => step.resolve()?,
    }
    Ok(step.finish())
}

impl Step {
    fn finish(mut self) -> Self {
        self.order.version += 1;
        self.order.updated_at = self.now;
        if self.order.state != self.from {
            self.events.insert(0, Told::Changed { from: self.from });
        }
        self
    }

    fn inventory(&mut self, reply: &InventoryReply) -> Result<(), Rejected> {
        match reply {
            InventoryReply::Reserved(reply) => {
                self.seats(Part::Asked, Command::Reserve, &reply.command_id)?;
                self.order.seats = Part::Held;
                self.reserved();
            }
            InventoryReply::Refused(reply) => {
                self.seats(Part::Asked, Command::Reserve, &reply.command_id)?;
                self.order.seats = Part::Refused;
                self.compensate(seats_refused(reply.reason));
            }
            InventoryReply::Granted(reply) => match self.phase() {
                Some(RefundPhase::Regranting) => {
                    self.answers(&[Command::Regrant], &reply.command_id)?;
                    self.refund_failed();
                }
                Some(RefundPhase::Revoking | RefundPhase::Paying) => return Err(Rejected::NotAwaited),
                None => {
                    self.seats(Part::Settling, Command::Confirm, &reply.command_id)?;
                    self.order.seats = Part::Settled;
                    self.delivered();
                }
            },
            InventoryReply::Released(reply) => {
                self.seats(Part::Undoing, Command::Release, &reply.command_id)?;
                self.order.seats = Part::Undone;
                self.undone();
            }
            InventoryReply::Revoked(reply) => {
                self.in_phase(RefundPhase::Revoking)?;
                self.answers(&[Command::Revoke], &reply.command_id)?;
                self.revoked();
            }
            InventoryReply::Stale(_) => self.stale()?,
        }
        Ok(())
    }

    fn discount(&mut self, reply: &DiscountReply) -> Result<(), Rejected> {
        match reply {
            DiscountReply::Reserved(reply) => {
                self.coupon(Part::Asked, Command::ReserveCoupon, &reply.command_id)?;
                self.order.coupon = Part::Held;
                match reply.amount.amount == self.order.terms.discount_total {
                    true => self.reserved(),
                    false => self.compensate(Reason::CouponChanged),
                }
            }
            DiscountReply::Refused(reply) => {
                self.coupon(Part::Asked, Command::ReserveCoupon, &reply.command_id)?;
                self.order.coupon = Part::Refused;
                self.compensate(coupon_refused(reply.reason));
            }
            DiscountReply::Committed(reply) => {
                self.coupon(Part::Settling, Command::CommitCoupon, &reply.command_id)?;
                self.order.coupon = Part::Settled;
                self.delivered();
            }
            DiscountReply::Released(reply) => {
                self.coupon(Part::Undoing, Command::ReleaseCoupon, &reply.command_id)?;
                self.order.coupon = Part::Undone;
                self.undone();
            }
        }
        Ok(())
    }

    fn payment(&mut self, reply: &PaymentReply) -> Result<(), Rejected> {
        const AUTHORIZE: &[Command] = &[Command::Authorize, Command::Query];
        const CAPTURE: &[Command] = &[Command::Capture, Command::Query];
        match reply {
            PaymentReply::Authorized(reply) => match self.order.payment {
                Part::Asked => {
                    self.answers(AUTHORIZE, &reply.command_id)?;
                    self.order.payment = Part::Held;
                    self.order.payment_id = Some(reply.payment_id.clone());
                    let held = reply.wallet_amount.amount.checked_add(reply.card_amount.amount);
                    match held == Some(self.order.terms.total) {
                        true => self.capture(),
                        false => self.compensate(Reason::AmountMismatch),
                    }
                }
                // Asked what it knows, payment says that it has not captured: the command has not arrived.
                Part::Settling => {
                    self.answers(&[Command::Query], &reply.command_id)?;
                    self.commands.push(Command::Capture);
                }
                Part::Idle | Part::Held | Part::Settled | Part::Undoing | Part::Undone | Part::Refused => {
                    return Err(Rejected::NotAwaited);
                }
            },
            PaymentReply::ActionRequired(reply) => {
                self.expected(self.order.state == State::Reserved)?;
                self.answers(AUTHORIZE, &reply.command_id)?;
                self.order.payment_id = Some(reply.payment_id.clone());
                self.enter(State::ActionRequired);
            }
            PaymentReply::Declined(reply) => match self.order.payment {
                Part::Asked => {
                    self.answers(AUTHORIZE, &reply.command_id)?;
                    self.order.payment = Part::Refused;
                    self.compensate(declined(reply.reason));
                }
                // Definite: there is nothing that could still be captured.
                Part::Settling => {
                    self.answers(CAPTURE, &reply.command_id)?;
                    self.order.payment = Part::Refused;
                    self.compensate(Reason::CaptureFailed);
                }
                Part::Idle | Part::Held | Part::Settled | Part::Undoing | Part::Undone | Part::Refused => {
                    return Err(Rejected::NotAwaited);
                }
            },
            PaymentReply::Captured(reply) => {
                self.expected(self.order.payment == Part::Settling)?;
                self.answers(CAPTURE, &reply.command_id)?;
                self.order.payment = Part::Settled;
                self.order.payment_id = Some(reply.payment_id.clone());
                self.paid(Split {
                    wallet: reply.wallet_amount.amount,
                    card: reply.card_amount.amount,
                });
            }
            PaymentReply::CaptureFailed(reply) => {
                self.expected(self.order.payment == Part::Settling)?;
                self.answers(CAPTURE, &reply.command_id)?;
                self.compensate(Reason::CaptureFailed); // what is still held in the wallet must be let go
            }
            PaymentReply::Voided(reply) => match self.order.payment {
                Part::Undoing => {
                    self.answers(&[Command::Void], &reply.command_id)?;
                    self.order.payment = Part::Undone;
                    self.undone();
                }
                // Asked what it knows, payment says that it knows nothing: the command has not arrived.
                Part::Asked => {
                    self.answers(&[Command::Query], &reply.command_id)?;
                    self.commands.push(Command::Authorize);
                }
                // Definite only of a payment that existed: an old answer that it knew of none proves nothing.
                Part::Settling if reply.payment_id.is_some() => {
                    self.answers(&[Command::Query], &reply.command_id)?;
                    self.order.payment = Part::Undone;
                    self.compensate(Reason::CaptureFailed);
                }
                Part::Idle | Part::Held | Part::Settling | Part::Settled | Part::Undone | Part::Refused => {
                    return Err(Rejected::NotAwaited);
                }
            },
            PaymentReply::Refunded(reply) => {
                self.in_phase(RefundPhase::Paying)?;
                // By the refund, not by the attempt: money that went back has gone back, whoever asked for it last.
                self.of_refund(&reply.refund_id)?;
                self.refunded();
            }
            PaymentReply::RefundFailed(reply) => {
                self.in_phase(RefundPhase::Paying)?;
                self.of_refund(&reply.refund_id)?;
                self.answers(&[Command::Refund], &reply.command_id)?;
                match reply.r#final {
                    true => self.regrant(),
                    // Another attempt, which the next resend sends.
                    false => self.order.generation += 1,
                }
            }
        }
        Ok(())
    }

    fn timer(&mut self, kind: TimerKind) -> Result<(), Rejected> {
        let timer = self
            .order
            .timers
            .get(&kind)
            .copied()
            .filter(|timer| timer.due_at <= self.now)
            .ok_or(Rejected::NotDue)?;
        let pause = match kind {
            TimerKind::Resend => resend_pause(self.order.state, timer.attempt + 1),
            TimerKind::Query => Some(query_pause(self.order.state, timer.attempt + 1)),
            TimerKind::Deadline | TimerKind::Alert => None,
        };
        match pause {
            Some(pause) => {
                let (due_at, attempt) = (self.now + pause, timer.attempt + 1);
                self.order.timers.insert(kind, Timer { due_at, attempt });
            }
            None => drop(self.order.timers.remove(&kind)),
        }
        match kind {
            TimerKind::Resend => self.commands.extend(outstanding(&self.order)),
            TimerKind::Query => self.commands.push(Command::Query),
            TimerKind::Alert => self.order.alerted_at = Some(self.now),
            TimerKind::Deadline => match self.order.state {
                State::Submitted => self.compensate(Reason::ReservationTimeout),
                State::Reserved => self.compensate(Reason::PaymentTimeout),
                State::ActionRequired => self.compensate(Reason::PaymentAbandoned),
                // States without a deadline: nothing that is unknown counts as failed.
                State::Capturing
                | State::Paid
                | State::Compensating
                | State::Completed
                | State::Refunding
                | State::PartiallyRefunded
                | State::Refunded
                | State::Failed
                | State::Cancelled => return Err(Rejected::NotDue),
            },
        }
        Ok(())
    }

    fn cancel(&mut self) -> Result<(), Rejected> {
        let by_buyer = self.order.reason == Some(Reason::CancelledByBuyer);
        match self.order.state {
            state if state.is_cancellable() => self.compensate(Reason::CancelledByBuyer),
            State::Compensating | State::Cancelled if by_buyer => return Err(Rejected::CancelledAlready),
            _ => return Err(Rejected::TooLateToCancel),
        }
        Ok(())
    }

    fn start_refund(&mut self, refund: &Refunding) -> Result<(), Rejected> {
        let whole = refund
            .lines
            .iter()
            .all(|id| self.order.terms.line(id).is_some() && !self.order.refunded_lines.contains(id));
        if !self.order.state.is_refundable() || refund.lines.is_empty() || !whole {
            return Err(Rejected::NotRefundable);
        }
        self.order.generation += 1;
        self.order.reason = None;
        self.order.refund = Some(Refunding {
            phase: RefundPhase::Revoking,
            ..refund.clone()
        });
        self.enter(State::Refunding);
        self.commands.push(Command::Revoke);
        Ok(())
    }

    fn retry(&mut self) -> Result<(), Rejected> {
        let asked = outstanding(&self.order);
        if asked.is_empty() {
            return Err(Rejected::NothingToRetry);
        }
        for (kind, timer) in timers(self.order.state, self.now) {
            if matches!(kind, TimerKind::Resend | TimerKind::Query) {
                self.order.timers.insert(kind, timer);
            }
        }
        self.commands.extend(asked);
        Ok(())
    }

    fn resolve(&mut self) -> Result<(), Rejected> {
        match self.order.alerted_at.take() {
            Some(_) => Ok(()),
            None => Err(Rejected::NothingToResolve),
        }
    }

    /// Inventory asks about a reservation that is old. While it is not decided whether the order comes about, the order's
    /// own deadlines decide; after that the answer is the command that may have been lost.
    fn stale(&mut self) -> Result<(), Rejected> {
        let command = match self.order.state {
            State::Submitted | State::Reserved | State::ActionRequired | State::Capturing => {
                return Err(Rejected::NotAwaited);
            }
            State::Paid
            | State::Completed
            | State::Refunding
            | State::PartiallyRefunded
            | State::Refunded => Command::Confirm,
            State::Compensating | State::Failed | State::Cancelled => Command::Release,
        };
        self.commands.push(command);
        Ok(())
    }

    /// Seats and coupon: is all of it held?
    fn reserved(&mut self) {
        if self.order.seats != Part::Held || !matches!(self.order.coupon, Part::Held | Part::Idle) {
            return;
        }
        if self.order.terms.total == 0 {
            return self.paid(Split { wallet: 0, card: 0 });
        }
        self.order.payment = Part::Asked;
        self.enter(State::Reserved);
        self.commands.push(Command::Authorize);
    }

    fn capture(&mut self) {
        self.order.payment = Part::Settling;
        self.enter(State::Capturing);
        self.commands.push(Command::Capture);
    }

    fn paid(&mut self, split: Split) {
        self.order.paid = Some(split);
        self.order.seats = Part::Settling;
        if self.order.coupon == Part::Held {
            self.order.coupon = Part::Settling;
        }
        self.enter(State::Paid);
        self.events.push(Told::Paid);
        self.commands.extend(outstanding(&self.order));
    }

    /// Access and coupon: is all of it final?
    fn delivered(&mut self) {
        let done = |part| matches!(part, Part::Settled | Part::Idle);
        if done(self.order.seats) && done(self.order.coupon) {
            self.order.completed_at = Some(self.now);
            self.enter(State::Completed);
            self.events.push(Told::Completed);
        }
    }

    /// Gives back whatever may be held. The order has failed only when all of it is confirmed.
    fn compensate(&mut self, reason: Reason) {
        self.order.reason = Some(reason);
        self.enter(State::Compensating);
        for part in [
            &mut self.order.seats,
            &mut self.order.coupon,
            &mut self.order.payment,
        ] {
            if part.may_hold() {
                *part = Part::Undoing;
            }
        }
        self.commands.extend(outstanding(&self.order));
        self.undone();
    }

    fn undone(&mut self) {
        if [self.order.seats, self.order.coupon, self.order.payment].contains(&Part::Undoing) {
            return;
        }
        match self.order.reason {
            Some(Reason::CancelledByBuyer) => {
                self.enter(State::Cancelled);
                self.events.push(Told::Cancelled);
            }
            _ => {
                self.enter(State::Failed);
                self.events.push(Told::Failed);
            }
        }
    }

    fn revoked(&mut self) {
        let free = self
            .order
            .refund
            .as_ref()
            .is_some_and(|refund| refund.amount == 0);
        if free {
            return self.refunded();
        }
        self.turn(RefundPhase::Paying);
        self.commands.push(Command::Refund);
    }

    fn regrant(&mut self) {
        self.turn(RefundPhase::Regranting);
        self.commands.push(Command::Regrant);
    }

    fn refunded(&mut self) {
        let Some(refund) = self.order.refund.take() else {
            return;
        };
        self.order.refunded += refund.amount;
        if refund.to == latchkey_contracts::events::payment::RefundTo::Card {
            self.order.refunded_card += refund.amount;
        }
        self.order.refunded_lines.extend(refund.lines.iter().cloned());
        let all = self.order.terms.lines.len() == self.order.refunded_lines.len();
        self.enter(match all {
            true => State::Refunded,
            false => State::PartiallyRefunded,
        });
        self.refund = Some((refund.refund_id.clone(), RefundState::Refunded));
        self.events.push(Told::Refunded {
            refund_id: refund.refund_id,
            lines: refund.lines,
            amount: refund.amount,
            to: refund.to,
        });
    }

    /// The buyer has access again; the order is where it was before the refund, and says why.
    fn refund_failed(&mut self) {
        let Some(refund) = self.order.refund.take() else {
            return;
        };
        self.enter(match self.order.refunded_lines.is_empty() {
            true => State::Completed,
            false => State::PartiallyRefunded,
        });
        self.order.reason = Some(Reason::RefundFailed);
        self.order.alerted_at = Some(self.now);
        self.refund = Some((refund.refund_id, RefundState::Failed));
    }

    fn enter(&mut self, state: State) {
        self.order.state = state;
        self.order.timers = timers(state, self.now);
        self.order.alerted_at = None;
    }

    /// The next phase of a refund, with the timers of a fresh one.
    fn turn(&mut self, phase: RefundPhase) {
        if let Some(refund) = &mut self.order.refund {
            refund.phase = phase;
        }
        self.order.timers = timers(State::Refunding, self.now);
    }

    fn phase(&self) -> Option<RefundPhase> {
        self.order.refund.as_ref().map(|refund| refund.phase)
    }

    fn in_phase(&self, phase: RefundPhase) -> Result<(), Rejected> {
        self.expected(self.phase() == Some(phase))
    }

    fn of_refund(&self, refund_id: &str) -> Result<(), Rejected> {
        let same = self
            .order
            .refund
            .as_ref()
            .is_some_and(|refund| refund.refund_id == refund_id);
        match same {
            true => Ok(()),
            false => Err(Rejected::OtherCommand),
        }
    }

    fn seats(&self, awaited: Part, command: Command, answered: &str) -> Result<(), Rejected> {
        self.expected(self.order.seats == awaited)?;
        self.answers(&[command], answered)
    }

    fn coupon(&self, awaited: Part, command: Command, answered: &str) -> Result<(), Rejected> {
        self.expected(self.order.coupon == awaited)?;
        self.answers(&[command], answered)
    }

    fn expected(&self, awaited: bool) -> Result<(), Rejected> {
        match awaited {
            true => Ok(()),
            false => Err(Rejected::NotAwaited),
        }
    }

    /// An answer names the command that it answers.
    fn answers(&self, commands: &[Command], answered: &str) -> Result<(), Rejected> {
        let ours = |command: &Command| command_id(&self.order, *command) == answered;
        match commands.iter().any(ours) {
            true => Ok(()),
            false => Err(Rejected::OtherCommand),
        }
    }
}

/// The commands whose answers an order awaits.
fn outstanding(order: &Order) -> Vec<Command> {
    let mut commands = Vec::new();
    let mut ask = |asked: bool, command| {
        if asked {
            commands.push(command);
        }
    };
    match order.state {
        State::Submitted => {
            ask(order.seats == Part::Asked, Command::Reserve);
            ask(order.coupon == Part::Asked, Command::ReserveCoupon);
        }
        State::Reserved | State::ActionRequired | State::Capturing => ask(true, Command::Query),
        State::Paid => {
            ask(order.seats == Part::Settling, Command::Confirm);
            ask(order.coupon == Part::Settling, Command::CommitCoupon);
        }
        State::Compensating => {
            ask(order.seats == Part::Undoing, Command::Release);
            ask(order.coupon == Part::Undoing, Command::ReleaseCoupon);
            ask(order.payment == Part::Undoing, Command::Void);
        }
        State::Refunding => {
            let phase = order.refund.as_ref().map(|refund| refund.phase);
            ask(phase == Some(RefundPhase::Revoking), Command::Revoke);
            ask(phase == Some(RefundPhase::Paying), Command::Refund);
            ask(phase == Some(RefundPhase::Regranting), Command::Regrant);
        }
        State::Completed | State::PartiallyRefunded | State::Refunded | State::Failed | State::Cancelled => {}
    }
    commands
}

/// The timers of a state that is entered now.
fn timers(state: State, now: i64) -> Timers {
    use TimerKind::{Alert, Deadline, Query, Resend};
    let pauses: &[(TimerKind, i64)] = match state {
        State::Submitted => &[(Resend, 5 * SECOND), (Deadline, 30 * SECOND)],
        State::Reserved => &[(Query, 60 * SECOND), (Deadline, 5 * MINUTE)],
        State::ActionRequired => &[(Deadline, 15 * MINUTE)],
        State::Capturing => &[(Query, 10 * SECOND), (Alert, 2 * MINUTE)],
        State::Paid => &[(Resend, 5 * SECOND), (Alert, 2 * MINUTE)],
        State::Compensating | State::Refunding => &[(Resend, 5 * SECOND), (Alert, 5 * MINUTE)],
        State::Completed | State::PartiallyRefunded | State::Refunded | State::Failed | State::Cancelled => {
            &[]
        }
    };
    let timer = |pause: i64| Timer {
        due_at: now + pause,
        attempt: 0,
    };
    pauses
        .iter()
        .map(|(kind, pause)| (*kind, timer(*pause)))
        .collect()
}

/// How long after the `attempt`th resend the next one is due. `None` if there is none: the deadline is near.
fn resend_pause(state: State, attempt: i64) -> Option<i64> {
    match (state, attempt) {
        (State::Submitted, 1) => Some(10 * SECOND),
        (State::Submitted, _) => None,
        (_, attempt) => Some(doubled(5 * SECOND, attempt)),
    }
}

fn query_pause(state: State, attempt: i64) -> i64 {
    match state {
        State::Capturing => doubled(10 * SECOND, attempt),
        _ => 10 * SECOND,
    }
}

/// `pause`, doubled `times`, at most ten minutes.
fn doubled(pause: i64, times: i64) -> i64 {
    pause.saturating_mul(1 << times.clamp(0, 20)).min(10 * MINUTE)
}

fn seats_refused(reason: inventory::RefusedReason) -> Reason {
    use inventory::RefusedReason as Refused;
    match reason {
        Refused::SoldOut => Reason::SoldOut,
        Refused::AlreadyOwned => Reason::AlreadyOwned,
        Refused::AlreadyPending => Reason::AlreadyPending,
        Refused::NotForSale => Reason::NotForSale,
        Refused::Unknown => Reason::UnknownItem,
        Refused::Cancelled => Reason::ReservationCancelled,
    }
}

fn coupon_refused(reason: discount::RefusedReason) -> Reason {
    use discount::RefusedReason as Refused;
    match reason {
        Refused::Expired => Reason::CouponExpired,
        Refused::Limit => Reason::CouponLimit,
        Refused::NotEligible => Reason::CouponNotEligible,
        Refused::MinSubtotal => Reason::CouponMinSubtotal,
        Refused::Unknown => Reason::CouponUnknown,
        Refused::Cancelled => Reason::CouponCancelled,
        Refused::Changed => Reason::CouponChanged,
    }
}

fn declined(reason: DeclinedReason) -> Reason {
    match reason {
        DeclinedReason::InsufficientCredits => Reason::InsufficientCredits,
        DeclinedReason::CardDeclined => Reason::CardDeclined,
        DeclinedReason::InsufficientFunds => Reason::InsufficientFunds,
        DeclinedReason::ExpiredCard => Reason::ExpiredCard,
        DeclinedReason::BadCvc => Reason::BadCvc,
        DeclinedReason::UnknownCard => Reason::UnknownCard,
        DeclinedReason::ActionDenied => Reason::ActionDenied,
        DeclinedReason::ActionAbandoned => Reason::PaymentAbandoned,
        DeclinedReason::Cancelled => Reason::PaymentCancelled,
        DeclinedReason::ProcessorError => Reason::ProcessorError,
    }
}

const SECOND: i64 = 1_000;
const MINUTE: i64 = 60 * SECOND;
