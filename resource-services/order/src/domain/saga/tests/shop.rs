//! A whole shop in memory: an order and three participants over a bus that loses, repeats and reorders messages, with a
//! buyer who may call the order off. Whatever happens, it ends, and nothing is held or lost.

use proptest::prelude::*;

use super::*;

/// What the participants hold, by the rules of their services.
#[derive(Debug, Default)]
struct Participants {
    seats: Hold,
    coupon: Hold,
    money: Hold,
    /// How often money was taken.
    charges: i64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Hold {
    #[default]
    Nothing,
    Held,
    Final,
    /// Given back, or never to be held.
    Closed,
}

/// What goes wrong, as far as participants decide it.
#[derive(Clone, Copy, Debug, Default)]
struct Fate {
    seats_refused: bool,
    coupon_refused: bool,
    payment_declined: bool,
    capture_fails: bool,
}

impl Hold {
    /// Holds unless it is decided already.
    fn hold(&mut self, refused: bool) {
        if *self == Self::Nothing {
            *self = if refused { Self::Closed } else { Self::Held };
        }
    }
}

impl Participants {
    /// The answer to a command, by what is true. `None` if there is nothing to say.
    fn answer(&mut self, order: &Order, command: Command, fate: Fate) -> Option<Input> {
        let done = reply(order, command);
        Some(match command {
            Command::Reserve => {
                self.seats.hold(fate.seats_refused);
                match self.seats {
                    Hold::Closed => seats_refused_with(order, inventory::RefusedReason::SoldOut),
                    _ => done,
                }
            }
            Command::ReserveCoupon => {
                self.coupon.hold(fate.coupon_refused);
                match self.coupon {
                    Hold::Closed => coupon_refused_with(order, discount::RefusedReason::Limit),
                    _ => done,
                }
            }
            Command::Authorize => {
                self.money.hold(fate.payment_declined);
                match self.money {
                    Hold::Closed => declined_with(order, command, DeclinedReason::CardDeclined),
                    _ => done,
                }
            }
            Command::Capture => {
                if self.money == Hold::Held && !fate.capture_fails {
                    self.money = Hold::Final;
                    self.charges += 1;
                }
                match self.money {
                    Hold::Final => done,
                    _ => capture_failed(order),
                }
            }
            Command::Query => match self.money {
                Hold::Nothing => return None,
                Hold::Held => done,
                Hold::Final => captured(order, Command::Query),
                Hold::Closed => declined_with(order, Command::Query, DeclinedReason::CardDeclined),
            },
            Command::Confirm => {
                assert_eq!(
                    self.money,
                    Hold::Final,
                    "nothing is granted before the money is taken"
                );
                assert_ne!(self.seats, Hold::Closed, "what is confirmed is held");
                self.seats = Hold::Final;
                done
            }
            Command::CommitCoupon => {
                assert_ne!(self.coupon, Hold::Closed, "what is committed is held");
                self.coupon = Hold::Final;
                done
            }
            Command::Release => {
                assert_ne!(self.seats, Hold::Final, "what was granted is not released");
                self.seats = Hold::Closed;
                done
            }
            Command::ReleaseCoupon => {
                assert_ne!(self.coupon, Hold::Final, "what was committed is not released");
                self.coupon = Hold::Closed;
                done
            }
            Command::Void => {
                assert_ne!(self.money, Hold::Final, "what was taken is not voided");
                self.money = Hold::Closed;
                done
            }
            Command::Revoke | Command::Regrant | Command::Refund => return None,
        })
    }
}

enum Message {
    ToParticipant(Command),
    ToOrder(Input),
}

/// Runs one order to its end. `dice` chooses which message comes next, and what the bus does to it.
fn run(
    fate: Fate,
    cancels_at: Option<usize>,
    terms: Terms,
    mut dice: impl FnMut(usize) -> usize,
) -> (Order, Participants) {
    let step = submitted_with(terms);
    let mut participants = Participants::default();
    let mut order = step.order;
    let mut now = NOW;
    let mut bus: Vec<Message> = step.commands.into_iter().map(Message::ToParticipant).collect();
    for turn in 0..5_000 {
        if order.state.is_settled() && bus.is_empty() {
            return (order, participants);
        }
        let mut input = None;
        if cancels_at == Some(turn) {
            input = Some(Input::Cancel);
        } else if bus.is_empty() || dice(8) == 0 {
            // Time passes until the next timer.
            let due = order.timers.iter().min_by_key(|(_, timer)| timer.due_at);
            if let Some((kind, timer)) = due.map(|(kind, timer)| (*kind, *timer)) {
                now = now.max(timer.due_at);
                input = Some(Input::Timer(kind));
            }
        } else {
            let message = bus.swap_remove(dice(bus.len()));
            match message {
                // Lost; only a resend helps.
                _ if dice(6) == 0 => {}
                Message::ToParticipant(command) => {
                    if dice(4) == 0 {
                        bus.push(Message::ToParticipant(command));
                    }
                    let answer = participants.answer(&order, command, fate);
                    bus.extend(answer.map(Message::ToOrder));
                }
                Message::ToOrder(answer) => {
                    if dice(4) == 0 {
                        bus.push(Message::ToOrder(answer.clone()));
                    }
                    input = Some(answer);
                }
            }
        }
        if let Some(input) = input
            && let Ok(step) = next(order.clone(), &input, now)
        {
            order = step.order;
            bus.extend(step.commands.into_iter().map(Message::ToParticipant));
        }
    }
    panic!("the order does not end: {order:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn every_order_ends_and_holds_nothing_that_it_does_not_own(
        flags in any::<[bool; 4]>(),
        unlucky in 0_u8..4,
        with_coupon in any::<bool>(),
        cancels_at in prop::option::of(0_usize..40),
        seed in any::<u64>(),
    ) {
        let [seats_refused, coupon_refused, payment_declined, capture_fails] = flags;
        let fate = match unlucky {
            0 => Fate { seats_refused, coupon_refused, payment_declined, capture_fails },
            _ => Fate::default(), // most orders go well
        };
        let coupon = terms().coupon.filter(|_| with_coupon);
        let mut state = seed | 1;
        let dice = move |sides: usize| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            usize::try_from(state % sides as u64).unwrap()
        };
        let (order, shop) = run(fate, cancels_at, Terms { coupon, ..terms() }, dice);
        prop_assert!(shop.charges <= 1);
        match order.state {
            State::Completed => {
                prop_assert_eq!((shop.seats, shop.money), (Hold::Final, Hold::Final));
                prop_assert_eq!(shop.coupon == Hold::Final, with_coupon);
                prop_assert!(order.paid.is_some());
            }
            State::Failed | State::Cancelled => {
                for hold in [shop.seats, shop.coupon, shop.money] {
                    prop_assert!(matches!(hold, Hold::Nothing | Hold::Closed), "{:?}", shop);
                }
                prop_assert_eq!((shop.charges, order.paid), (0, None));
            }
            state => prop_assert!(false, "{}", state),
        }
    }
}
