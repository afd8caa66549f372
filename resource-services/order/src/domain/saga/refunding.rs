//! The refund of an order: access is revoked, then the money goes back; if it cannot, the access is granted again.

use super::schedule::timers;
use super::{Rejected, Step};
use crate::domain::command::Command;
use crate::domain::order::{Reason, RefundPhase, Refunding, State};
use crate::domain::refund::RefundState;
use crate::domain::told::Told;

impl Step {
    pub(super) fn start_refund(&mut self, refund: &Refunding) -> Result<(), Rejected> {
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

    pub(super) fn revoked(&mut self) {
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

    pub(super) fn regrant(&mut self) {
        self.turn(RefundPhase::Regranting);
        self.commands.push(Command::Regrant);
    }

    pub(super) fn refunded(&mut self) {
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
    pub(super) fn refund_failed(&mut self) {
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

    /// The next phase of a refund, with the timers of a fresh one.
    fn turn(&mut self, phase: RefundPhase) {
        if let Some(refund) = &mut self.order.refund {
            refund.phase = phase;
        }
        self.order.timers = timers(State::Refunding, self.now);
    }

    pub(super) fn phase(&self) -> Option<RefundPhase> {
        self.order.refund.as_ref().map(|refund| refund.phase)
    }

    pub(super) fn in_phase(&self, phase: RefundPhase) -> Result<(), Rejected> {
        self.expected(self.phase() == Some(phase))
    }

    pub(super) fn of_refund(&self, refund_id: &str) -> Result<(), Rejected> {
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
}
