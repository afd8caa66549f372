//! The demo's data, of which each service has its own part.

use sha2::{Digest, Sha256};
use uuid::Builder;

/// The id of a course of the demo, by the slug of its title, so that services agree on it before they have heard of
/// each other. A UUID of version 8 (RFC 9562 §5.8).
pub fn demo_course_id(slug: &str) -> String {
    let digest = Sha256::digest(format!("latchkey demo course {slug}"));
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    Builder::from_custom_bytes(bytes).into_uuid().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_demo_course_has_one_id_of_its_own() {
        let id = demo_course_id("rust-from-the-ground-up");
        assert_eq!(id, demo_course_id("rust-from-the-ground-up"));
        assert_ne!(id, demo_course_id("bookkeeping-for-the-self-employed"));
        assert!(crate::is_id(&id), "{id}");
        assert_eq!(&id[14..15], "8");
    }
}
