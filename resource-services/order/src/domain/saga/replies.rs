//! What follows from the answers of inventory, discount and payment. An answer counts only while it is awaited, and only
//! if it names the command that asked for it.

use latchkey_contracts::events::discount::{self, DiscountReply};
use latchkey_contracts::events::inventory::{self, InventoryReply};
use latchkey_contracts::events::payment::{DeclinedReason, PaymentReply};

use super::{Rejected, Step};
use crate::domain::command::{Command, command_id};
use crate::domain::order::{Part, Reason, RefundPhase, Split, State};

impl Step {
    pub(super) fn inventory(&mut self, reply: &InventoryReply) -> Result<(), Rejected> {
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

    pub(super) fn discount(&mut self, reply: &DiscountReply) -> Result<(), Rejected> {
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

    pub(super) fn payment(&mut self, reply: &PaymentReply) -> Result<(), Rejected> {
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

    fn seats(&self, awaited: Part, command: Command, answered: &str) -> Result<(), Rejected> {
        self.expected(self.order.seats == awaited)?;
        self.answers(&[command], answered)
    }

    fn coupon(&self, awaited: Part, command: Command, answered: &str) -> Result<(), Rejected> {
        self.expected(self.order.coupon == awaited)?;
        self.answers(&[command], answered)
    }

    pub(super) fn expected(&self, awaited: bool) -> Result<(), Rejected> {
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
