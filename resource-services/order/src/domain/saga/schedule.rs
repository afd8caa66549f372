//! When an order asks again, gives up, or calls for an administrator.

use crate::domain::order::{State, Timer, TimerKind, Timers};

/// The timers of a state that is entered now.
pub(super) fn timers(state: State, now: i64) -> Timers {
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
pub(super) fn resend_pause(state: State, attempt: i64) -> Option<i64> {
    match (state, attempt) {
        (State::Submitted, 1) => Some(10 * SECOND),
        (State::Submitted, _) => None,
        (_, attempt) => Some(doubled(5 * SECOND, attempt)),
    }
}

pub(super) fn query_pause(state: State, attempt: i64) -> i64 {
    match state {
        State::Capturing => doubled(10 * SECOND, attempt),
        _ => 10 * SECOND,
    }
}

/// `pause`, doubled `times`, at most ten minutes.
fn doubled(pause: i64, times: i64) -> i64 {
    pause.saturating_mul(1 << times.clamp(0, 20)).min(10 * MINUTE)
}

const SECOND: i64 = 1_000;
const MINUTE: i64 = 60 * SECOND;
