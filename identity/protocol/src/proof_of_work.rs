//! A proof of work: a browser spends a second of its own before it may ask for something that costs others. Nothing is stored
//! for it until it is used.

use sha2::{Digest, Sha256};

/// The most bits that may be asked for: more keeps a telephone busy for minutes.
pub const MOST_BITS: u8 = 22;
/// The longest nonce, in digits.
const LONGEST_NONCE: usize = 20;

/// Whether the SHA-256 of the challenge, a colon and the nonce begins with so many zero bits.
pub fn is_solved(challenge: &str, nonce: &str, bits: u8) -> bool {
    let plain = (1..=LONGEST_NONCE).contains(&nonce.len()) && nonce.bytes().all(|b| b.is_ascii_digit());
    if !plain {
        return false;
    }
    let hash = Sha256::digest(format!("{challenge}:{nonce}").as_bytes());
    let mut zeros = 0;
    for byte in hash {
        zeros += byte.leading_zeros();
        if byte != 0 {
            break;
        }
    }
    zeros >= u32::from(bits)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn solve(challenge: &str, bits: u8) -> String {
        let mut all = (0_u64..).map(|n| n.to_string());
        all.find(|nonce| is_solved(challenge, nonce, bits)).unwrap()
    }

    #[test]
    fn a_solution_is_for_its_challenge_and_for_so_many_bits() {
        let nonce = solve("a", 10);
        assert!(is_solved("a", &nonce, 10) && is_solved("a", &nonce, 1));
        let others = ["b", "aa", ""].map(|other| is_solved(other, &nonce, 30));
        assert_eq!(others, [false; 3]);
        assert!(!is_solved("a", &nonce, 64));
    }

    #[test]
    fn what_is_no_number_solves_nothing() {
        for odd in ["", "-1", "1a", " 1", "123456789012345678901"] {
            assert!(!is_solved("a", odd, 0), "{odd:?}");
        }
        assert!(is_solved("a", "1", 0), "no bits, no work");
    }
}
