//! Seals what is kept about a person for long under a key of their own, which the master key wraps.

use latchkey_clock::Random;
use latchkey_identity_store::Sealing;

use crate::key_wrapping::KeyWrapper;
use crate::signer::Signer;

/// Opens the key of a person for one call at a time: none stays in memory.
pub(crate) struct PersonSeal {
    pub signer: Signer,
    pub random: Random,
}

impl PersonSeal {
    fn key(&self, user: &str, wrapped_key: &str) -> Option<KeyWrapper> {
        let key = self.signer.open_of_row(TABLE, user, wrapped_key).ok()?;
        let key: &[u8; KEY_LEN] = key.as_slice().try_into().ok()?;
        Some(KeyWrapper::new(key, self.random.clone()))
    }
}

impl Sealing for PersonSeal {
    fn new_key(&self, user: &str) -> String {
        let key: [u8; KEY_LEN] = self.random.bytes();
        self.signer.wrap_for_row(TABLE, user, &key)
    }

    fn seal(&self, user: &str, wrapped_key: &str, place: &str, text: &str) -> Option<String> {
        Some(self.key(user, wrapped_key)?.wrap(place, text.as_bytes()))
    }

    fn open(&self, user: &str, wrapped_key: &str, place: &str, sealed: &str) -> Option<String> {
        let opened = self.key(user, wrapped_key)?.open(place, sealed).ok()?;
        String::from_utf8(opened.to_vec()).ok()
    }

    fn name_hash(&self, name: &str) -> Option<String> {
        self.signer.mac("tombstone", &[name])
    }
}

const TABLE: &str = "person_keys";
const KEY_LEN: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keypair::RsaBits;

    #[test]
    fn a_text_opens_in_its_place_under_the_key_of_its_person_alone() {
        let random = Random::system();
        let signer = Signer::new(
            KeyWrapper::new(&[1; 32], random.clone()),
            RsaBits::default(),
            random.clone(),
        );
        let seal = PersonSeal { signer, random };
        let (alice, bob) = (seal.new_key("alice"), seal.new_key("bob"));
        let sealed = seal.seal("alice", &alice, "audit/1", "her device").unwrap();
        assert!(!sealed.contains("device"));
        let open = |user, key: &str, place| seal.open(user, key, place, &sealed);
        assert_eq!(open("alice", &alice, "audit/1").as_deref(), Some("her device"));
        assert_eq!(open("alice", &alice, "audit/2"), None);
        assert_eq!(open("bob", &bob, "audit/1"), None);
        assert_eq!(
            open("alice", &bob, "audit/1"),
            None,
            "a key is wrapped for one person"
        );
        assert_eq!(open("alice", "", "audit/1"), None);
    }
}
