//! Passwords at rest: argon2id in a PHC string (OWASP's first choice of parameters).

use argon2::{Algorithm, Argon2, Params, Version};
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use latchkey_clock::Random;

const MEMORY_KIB: u32 = 19 * 1024;
const ITERATIONS: u32 = 2;
const LANES: u32 = 1;

/// `$argon2id$v=19$m=19456,t=2,p=1$<salt>$<hash>`. Takes some 20 ms of a core: run it off the request path.
pub(crate) fn hash(password: &str, random: &Random) -> Result<String, argon2::Error> {
    let salt: [u8; 16] = random.bytes();
    let params = Params::new(MEMORY_KIB, ITERATIONS, LANES, Some(32))?;
    let mut out = [0_u8; 32];
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params).hash_password_into(
        password.as_bytes(),
        &salt,
        &mut out,
    )?;
    let (salt, out) = (STANDARD_NO_PAD.encode(salt), STANDARD_NO_PAD.encode(out));
    Ok(format!(
        "$argon2id$v=19$m={MEMORY_KIB},t={ITERATIONS},p={LANES}${salt}${out}"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ac_03_a_password_is_kept_as_argon2id_with_its_parameters_and_salt() {
        let random = Random::system();
        let one = hash("correct horse battery staple", &random).unwrap();
        assert!(one.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{one}");
        assert_ne!(one, hash("correct horse battery staple", &random).unwrap());
        assert!(!one.contains("horse"));
    }
}
