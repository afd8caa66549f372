//! Time-based one-time passwords (RFC 6238): which step a typed code belongs to, and how an authenticator app learns the
//! secret.

use subtle::{ConditionallySelectable, ConstantTimeEq};
use totp_rs::{Builder, Secret, Totp};

use crate::Timestamp;

/// The length of a secret in bytes: 160 bits (RFC 4226 §4).
pub const SECRET_LEN: usize = 20;
/// How long a new secret waits for its first code, in milliseconds.
pub const PENDING_MS: i64 = 10 * 60_000;
/// How many authenticator apps one user may have.
pub const MOST: i64 = 5;

/// The length of a step in seconds.
const STEP_S: i64 = 30;
/// How many steps a clock may be off, before and after.
const SKEW: i64 = 1;
const DIGITS: usize = 6;

/// The step whose code was typed, if it is one of those around now.
///
/// Whether the step is still unused is decided where it is written: a code counts once, and no earlier one counts after it.
/// All candidates are computed and compared in constant time; of two equal codes the later step counts.
pub fn matched_step(secret: &[u8; SECRET_LEN], typed: &str, now: Timestamp) -> Option<i64> {
    let typed = digits(typed)?;
    let totp = generator(secret);
    let current = now.0.div_euclid(1_000).div_euclid(STEP_S);
    let mut matched = -1_i64;
    for step in (current - SKEW).max(0)..=current + SKEW {
        let code = totp
            .generate(step.unsigned_abs() * STEP_S.unsigned_abs())
            .to_string();
        let equal = code.as_bytes().ct_eq(&typed);
        matched.conditional_assign(&step, equal);
    }
    (matched >= 0).then_some(matched)
}

/// The code of an instant, for an authenticator in tests.
pub fn code(secret: &[u8; SECRET_LEN], now: Timestamp) -> String {
    generator(secret)
        .generate(now.seconds().unsigned_abs())
        .to_string()
}

/// Six digits; people type and paste them with spaces.
fn digits(typed: &str) -> Option<[u8; DIGITS]> {
    const LONGEST: usize = 32;
    let plain = typed.len() <= LONGEST && typed.chars().all(|c| c.is_ascii_digit() || c.is_whitespace());
    let digits: Vec<u8> = typed.bytes().filter(u8::is_ascii_digit).collect();
    digits.try_into().ok().filter(|_| plain)
}

/// The address that an authenticator app reads from the QR code (Key URI Format of Google Authenticator). A label contains
/// no colon, so a port of the issuer's does not appear in it.
pub fn uri(secret: &[u8; SECRET_LEN], host: &str, account: &str) -> Option<String> {
    let label = |text: &str| text.replace(':', " ");
    let host = match host.rsplit_once(':') {
        Some((name, _port)) if !name.contains(':') => name.to_owned(),
        Some(_) | None => label(host),
    };
    Builder::new()
        .with_secret(secret.as_slice())
        .with_issuer(Some(host))
        .with_account_name(label(account))
        .build()
        .ok()?
        .to_url()
        .ok()
}

/// The secret for typing into an app: base32 in groups of four (RFC 4648 §6).
pub fn spelled(secret: &[u8; SECRET_LEN]) -> String {
    let text = Secret::from(secret.as_slice()).to_base32();
    let groups: Vec<&str> = (0..text.len())
        .step_by(4)
        .filter_map(|at| text.get(at..(at + 4).min(text.len())))
        .collect();
    groups.join(" ")
}

/// SHA-1, six digits and thirty seconds: the only parameters that every app knows.
fn generator(secret: &[u8; SECRET_LEN]) -> Totp {
    Builder::new().with_secret(secret.as_slice()).build_noncompliant()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The secret of RFC 6238 appendix B.
    const SECRET: &[u8; SECRET_LEN] = b"12345678901234567890";

    fn at(seconds: i64) -> Timestamp {
        Timestamp(seconds * 1_000)
    }

    /// RFC 6238 appendix B, of which the last six digits are used.
    #[test]
    fn the_codes_of_the_rfc_belong_to_their_steps() {
        for (seconds, typed) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            assert_eq!(code(SECRET, at(seconds)), typed);
            assert_eq!(
                matched_step(SECRET, typed, at(seconds)),
                Some(seconds / 30),
                "{typed}"
            );
        }
    }

    #[test]
    fn a_code_counts_one_step_early_or_late_and_no_further() {
        let typed = code(SECRET, at(3_000));
        for (seconds, expected) in [
            (2_969, None),
            (2_970, Some(100)),
            (3_000, Some(100)),
            (3_059, Some(100)),
            (3_060, None),
        ] {
            assert_eq!(matched_step(SECRET, &typed, at(seconds)), expected, "{seconds}");
        }
    }

    #[test]
    fn a_code_is_six_digits_however_it_is_spaced() {
        let typed = code(SECRET, at(59));
        let spaced = format!(" {} {}\u{a0}", &typed[..3], &typed[3..]);
        assert_eq!(matched_step(SECRET, &spaced, at(59)), Some(1));
        for other in [
            "",
            "28708",
            "2870820",
            "+287082",
            "-28708",
            "２８７０８２",
            "287-082",
            "287082\0",
            &" ".repeat(40),
        ] {
            assert_eq!(matched_step(SECRET, other, at(59)), None, "{other:?}");
        }
        assert_eq!(
            matched_step(&[7; SECRET_LEN], &typed, at(59)),
            None,
            "another secret"
        );
    }

    #[test]
    fn a_clock_before_the_first_step_matches_nothing_by_accident() {
        let typed = code(SECRET, at(0));
        assert_eq!(matched_step(SECRET, &typed, at(0)), Some(0));
        assert_eq!(matched_step(SECRET, &typed, at(-3_600)), None);
    }

    #[test]
    fn an_app_reads_the_secret_with_a_label_without_colons() {
        let uri = uri(SECRET, "id.example.test:8443", "al:ice@example.test").unwrap();
        assert!(
            uri.starts_with("otpauth://totp/id.example.test:al%20ice"),
            "{uri}"
        );
        assert!(uri.contains("secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"), "{uri}");
        assert!(uri.contains("issuer=id.example.test"), "{uri}");
        assert_eq!(spelled(SECRET), "GEZD GNBV GY3T QOJQ GEZD GNBV GY3T QOJQ");
    }
}
