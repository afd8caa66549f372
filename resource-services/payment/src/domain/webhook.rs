//! Signatures of the processor's events: `t=<Unix seconds>,v1=<hex HMAC-SHA-256 over "<t>.<body>">`.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::DomainError;

/// The header that has the signature.
pub const HEADER: &str = "processor-signature";

/// Verifies a signature that is not older or newer than five minutes.
pub fn verify(secret: &[u8], header: &str, body: &[u8], now: i64) -> Result<(), DomainError> {
    let (time, tag) = parse(header).ok_or(DomainError::BadSignature)?;
    let seconds: i64 = time.parse().map_err(|_| DomainError::BadSignature)?;
    if (now / 1_000).abs_diff(seconds) > TOLERANCE_SECONDS {
        return Err(DomainError::BadSignature);
    }
    mac(secret, time, body)
        .verify_slice(&tag)
        .map_err(|_| DomainError::BadSignature)
}

/// The header of an event that is sent at `now`.
pub fn sign(secret: &[u8], body: &[u8], now: i64) -> String {
    let time = (now / 1_000).to_string();
    let tag = mac(secret, &time, body).finalize().into_bytes();
    format!("t={time},v1={}", hex::encode(tag))
}

/// The time as text, since that is what was signed, and the tag.
fn parse(header: &str) -> Option<(&str, Vec<u8>)> {
    let (time, tag) = header.split_once(',')?;
    let time = time.strip_prefix("t=")?;
    let digits = !time.is_empty() && time.bytes().all(|byte| byte.is_ascii_digit());
    let tag = hex::decode(tag.strip_prefix("v1=")?).ok()?;
    digits.then_some((time, tag))
}

fn mac(secret: &[u8], time: &str, body: &[u8]) -> Hmac<Sha256> {
    let mut mac =
        Hmac::<Sha256>::new_from_slice(secret).expect("HMAC takes a key of any length (RFC 2104 §2)");
    mac.update(time.as_bytes());
    mac.update(b".");
    mac.update(body);
    mac
}

const TOLERANCE_SECONDS: u64 = 300;

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_795_176_000_000;

    #[test]
    fn a_signature_is_good_for_its_body_its_time_and_its_secret() {
        let header = sign(b"secret", b"{}", NOW);
        let check = |secret: &[u8], body: &[u8], now| verify(secret, &header, body, now);
        assert_eq!(check(b"secret", b"{}", NOW), Ok(()));
        assert_eq!(check(b"secret", b"{}", NOW + 300_000), Ok(()));
        for bad in [
            check(b"other", b"{}", NOW),
            check(b"secret", b"{ }", NOW),
            check(b"secret", b"{}", NOW + 301_000),
            check(b"secret", b"{}", NOW - 301_000),
            check(b"secret", b"{}", i64::MAX),
        ] {
            assert_eq!(bad, Err(DomainError::BadSignature));
        }
    }

    #[test]
    fn a_header_that_is_not_one_is_refused() {
        let good = sign(b"secret", b"", NOW);
        let tag = good.split_once("v1=").map(|(_, tag)| tag).unwrap();
        let seconds = NOW / 1_000;
        for header in [
            String::new(),
            "t=,v1=".into(),
            format!("v1={tag}"),
            format!("t={seconds}"),
            format!("t=+{seconds},v1={tag}"),
            format!("t={seconds},v1={}", &tag[..62]),
            format!("t={seconds},v1={tag},v1={tag}"),
            format!("t={seconds},v1=zz"),
            format!("t=9999999999999999999999,v1={tag}"),
        ] {
            assert_eq!(
                verify(b"secret", &header, b"", NOW),
                Err(DomainError::BadSignature),
                "{header}"
            );
        }
    }
}
