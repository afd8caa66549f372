//! The second step of a sign-in: how guesses at it are limited, what a remembered device stands for, and who must have one.

use crate::Timestamp;
use crate::acr::Acr;

/// How many wrong codes in a row are followed by the first block.
pub const MOST: i64 = 5;
/// How many wrong codes in a row close the second step of a password to unknown browsers.
pub const CLOSES: i64 = 20;
/// How long a device is remembered, in milliseconds: thirty days.
pub const REMEMBERED_MS: i64 = 30 * 24 * 3_600_000;
/// How many devices of a user are remembered; another one replaces the oldest.
pub const REMEMBERED_MOST: i64 = 10;

const FIRST_BLOCK_MS: i64 = 30_000;
const LONGEST_BLOCK_MS: i64 = 15 * 60_000;

/// When the block after this guess ends. `failures` already includes it. From the fifth wrong code in a row on, each is
/// followed by a block twice as long as the one before, up to a quarter of an hour.
///
/// Six digits are guessed by chance, unlike a password: no code is looked at during a block, a right one neither.
pub fn block(failures: i64, now: Timestamp) -> Option<Timestamp> {
    let doublings = u32::try_from((failures - MOST).min(16)).ok()?;
    let ms = FIRST_BLOCK_MS << doublings;
    Some(Timestamp(now.0 + ms.min(LONGEST_BLOCK_MS)))
}

/// Whether so many wrong codes in a row close the second step: whoever types them knows the password, and is not its owner.
pub fn closes(failures: i64) -> bool {
    failures >= CLOSES
}

/// Whether the second step after the password is closed to browsers in which the user has not signed in before. Another
/// password opens it again.
pub fn is_closed(closed_at: Option<Timestamp>, password_changed_at: Option<Timestamp>) -> bool {
    closed_at.is_some_and(|closed_at| password_changed_at.is_none_or(|changed_at| changed_at < closed_at))
}

/// A browser in which a user asked to be remembered after a second step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RememberedDevice {
    /// Whose second step it was.
    pub user: String,
    /// The user's credential epoch at the time.
    pub epoch: i64,
    /// When it is forgotten.
    pub expires_at: Timestamp,
}

impl RememberedDevice {
    /// Whether it stands for the second step of this user now. It never adds to what a session may claim.
    pub fn counts_for(&self, user: &str, epoch: i64, latest: Timestamp) -> bool {
        self.user == user && self.epoch == epoch && latest < self.expires_at
    }
}

/// What a user who has no second step gets to see where one is required.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Enrolment {
    /// The page can be left with `#later` until then.
    Later(Timestamp),
    /// Nothing else goes on.
    Needed,
}

/// The start of a day of the calendar (RFC 3339 full-date), in UTC.
pub fn date(text: &str) -> Option<Timestamp> {
    let format = time::macros::format_description!("[year]-[month]-[day]");
    let day = time::Date::parse(text, format).ok()?;
    let seconds = day.midnight().assume_utc().unix_timestamp();
    (day.year() >= 2000).then_some(Timestamp(seconds.checked_mul(1_000)?))
}

/// The highest class that policy goes without for a time. What lies above it only a passkey shows, and nothing stands for one.
pub const WAIVABLE: Acr = Acr::Mfa;

/// What a user without a second step sees, where these classes are needed, each until its date if it has one. The strictest
/// one counts: one without a date or above [`WAIVABLE`], or else the earliest date. Administrators never get a date.
pub fn enrolment(
    needed: &[(Acr, Option<Timestamp>)],
    is_administrator: bool,
    latest: Timestamp,
) -> Enrolment {
    let mut earliest = None;
    for (acr, date) in needed {
        match *date {
            Some(date) if !is_administrator && *acr <= WAIVABLE && latest < date => {
                earliest = Some(earliest.map_or(date, |known: Timestamp| known.min(date)));
            }
            Some(_) | None => return Enrolment::Needed,
        }
    }
    earliest.map_or(Enrolment::Needed, Enrolment::Later)
}

/// Somebody who has not reached the class that policy needs here and now, and what may stand for it.
#[derive(Clone, Copy, Debug)]
pub struct Lacking {
    /// The class.
    pub policy: Acr,
    /// The highest class that they could show.
    pub reach: Acr,
    /// Whether this browser stands for their second step.
    pub remembered: bool,
    /// What they see where the requirements of now apply, whatever they saw before.
    pub enrolment: Enrolment,
    /// Until when they have put a second step off in this session.
    pub later_until: Option<Timestamp>,
}

impl Lacking {
    /// Whether policy goes without its class. What was put off where one client allowed it counts only where each
    /// requirement allows it by itself, and only for somebody who has nothing to show.
    pub fn is_waived(self, latest: Timestamp) -> bool {
        let open = self.later_until.is_some_and(|until| latest < until);
        let put_off = open && self.reach < self.policy && matches!(self.enrolment, Enrolment::Later(_));
        self.policy <= WAIVABLE && (self.remembered || put_off)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// AC-06.
    #[test]
    fn four_wrong_codes_block_nothing_and_the_fifth_does() {
        for failures in -1..MOST {
            assert_eq!(block(failures, Timestamp(0)), None, "{failures}");
        }
        let length = |failures| block(failures, Timestamp(0)).unwrap().0;
        assert_eq!(
            [5, 6, 7, 8, 9, 10, 11, 90, i64::MAX].map(length),
            [
                30_000, 60_000, 120_000, 240_000, 480_000, 900_000, 900_000, 900_000, 900_000
            ]
        );
    }

    #[test]
    fn twenty_in_a_row_close_the_step_until_the_password_is_another() {
        assert!(!closes(19) && closes(20) && closes(21));
        let at = |at| Some(Timestamp(at));
        for (closed_at, changed_at, expected) in [
            (None, None, false),
            (None, at(1), false),
            (at(5), None, true),
            (at(5), at(4), true),
            (at(5), at(5), false),
            (at(5), at(6), false),
        ] {
            assert_eq!(
                is_closed(closed_at, changed_at),
                expected,
                "{closed_at:?} {changed_at:?}"
            );
        }
    }

    #[test]
    fn a_device_counts_for_its_user_in_its_epoch_and_for_its_time() {
        let device = RememberedDevice {
            user: "carol".into(),
            epoch: 2,
            expires_at: Timestamp(100),
        };
        assert!(device.counts_for("carol", 2, Timestamp(99)));
        for (user, epoch, latest) in [
            ("mallory", 2, 99),
            ("carol", 1, 99),
            ("carol", 3, 99),
            ("carol", 2, 100),
        ] {
            assert!(
                !device.counts_for(user, epoch, Timestamp(latest)),
                "{user} {epoch} {latest}"
            );
        }
    }

    #[test]
    fn the_strictest_requirement_counts_and_administrators_get_no_date() {
        let (soon, late, now) = (Timestamp(20), Timestamp(30), Timestamp(10));
        for (dates, is_administrator, expected) in [
            (vec![Some(soon)], false, Enrolment::Later(soon)),
            (vec![Some(late), Some(soon)], false, Enrolment::Later(soon)),
            (vec![Some(soon), None], false, Enrolment::Needed),
            (vec![Some(soon), Some(now)], false, Enrolment::Needed),
            (vec![Some(soon)], true, Enrolment::Needed),
            (vec![], false, Enrolment::Needed),
        ] {
            let needed: Vec<_> = dates.iter().map(|date| (Acr::Mfa, *date)).collect();
            assert_eq!(
                enrolment(&needed, is_administrator, now),
                expected,
                "{dates:?} {is_administrator}"
            );
        }
        let with_phr = [(Acr::Mfa, Some(soon)), (Acr::Phr, Some(late))];
        assert_eq!(enrolment(&with_phr, false, now), Enrolment::Needed);
    }

    #[test]
    fn policy_goes_without_only_where_it_allows_that_itself() {
        let (now, open, past) = (Timestamp(10), Some(Timestamp(20)), Some(Timestamp(10)));
        let later = Enrolment::Later(Timestamp(30));
        let lacking = Lacking {
            policy: Acr::Mfa,
            reach: Acr::Password,
            remembered: false,
            enrolment: later,
            later_until: open,
        };
        // {policy} × {reach} × {remembered} × {enrolment} × {put off until}
        for (policy, reach, remembered, enrolment, later_until, expected) in [
            (Acr::Mfa, Acr::Password, false, later, open, true),
            (Acr::Mfa, Acr::Password, false, later, past, false),
            (Acr::Mfa, Acr::Password, false, later, None, false),
            // Another client allowed it, and this one does not.
            (Acr::Mfa, Acr::Password, false, Enrolment::Needed, open, false),
            // They have set one up since.
            (Acr::Mfa, Acr::Mfa, false, later, open, false),
            (Acr::Mfa, Acr::Phr, false, later, open, false),
            (Acr::Mfa, Acr::Mfa, true, Enrolment::Needed, None, true),
            (Acr::Phr, Acr::Mfa, true, Enrolment::Needed, None, false),
            (Acr::Phr, Acr::Phr, true, later, open, false),
            (Acr::Phr, Acr::Password, false, later, open, false),
        ] {
            let case = Lacking {
                policy,
                reach,
                remembered,
                enrolment,
                later_until,
            };
            assert_eq!(case.is_waived(now), expected, "{case:?}");
        }
        assert!(!lacking.is_waived(Timestamp(20)));
    }

    #[test]
    fn a_date_is_a_day_of_the_calendar() {
        assert_eq!(date("2027-01-01"), Some(Timestamp(1_798_761_600_000)));
        for other in [
            "",
            "2027-02-29",
            "2027-1-1",
            "01-01-2027",
            "2027-01-01T00:00:00Z",
            "1999-12-31",
            "soon",
        ] {
            assert_eq!(date(other), None, "{other}");
        }
    }
}
