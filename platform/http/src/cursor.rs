//! Cursors: where a page ended, as a typed value. The content is bound as a parameter, never spliced into a statement.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{Problem, codes};

/// The longest accepted cursor, with room to spare.
const LONGEST: usize = 1024;

/// The cursor for a position.
pub fn encode<T: Serialize>(position: &T) -> String {
    URL_SAFE_NO_PAD.encode(serde_json::to_vec(position).unwrap_or_default())
}

/// The position of a cursor; 400 for anything that is not exactly such a value.
pub fn decode<T: DeserializeOwned>(cursor: &str) -> Result<T, Problem> {
    let invalid = || Problem::from(codes::INVALID_CURSOR);
    if cursor.len() > LONGEST {
        return Err(invalid());
    }
    let bytes = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| invalid())?;
    serde_json::from_slice(&bytes).map_err(|_| invalid())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_survives_the_round_trip_and_nothing_else_is_one() {
        let at = ("Rust".to_owned(), 42_i64);
        assert_eq!(decode::<(String, i64)>(&encode(&at)).unwrap(), at);
        for bad in [
            "",
            "x",
            "' OR 1=1 --",
            &encode(&"text"),
            &encode(&(1, 2)),
            &"A".repeat(2000),
        ] {
            assert_eq!(
                decode::<(String, i64)>(bad).unwrap_err().code,
                "invalid_cursor",
                "{bad}"
            );
        }
    }
}
