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

mod input;
mod refunding;
mod replies;
mod schedule;
#[cfg(test)]
pub(crate) mod tests;

pub use input::Input;

use super::command::Command;
use super::order::{Order, Part, Reason, RefundPhase, Split, State, Terms, Timer, TimerKind};
use super::refund::RefundState;
use super::told::Told;
use schedule::{query_pause, resend_pause, timers};

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

    fn enter(&mut self, state: State) {
        self.order.state = state;
        self.order.timers = timers(state, self.now);
        self.order.alerted_at = None;
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
