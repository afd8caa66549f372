//! What every browser has proved, and what was used up.

use std::collections::{BTreeMap, BTreeSet};

/// A kind of proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Proved {
    Password,
    Totp,
    RecoveryCode,
    Passkey,
    Mail,
}

/// A proof for somebody: a user by their id, or an address that is nobody's yet.
#[derive(Clone, Debug)]
pub struct Proof {
    pub method: Proved,
    pub who: String,
    pub at_ms: i64,
}

/// Something that was proved, and when.
type Shown = (Proved, i64);

/// What happened.
#[derive(Default)]
pub struct Trace {
    proofs: BTreeMap<(usize, String), Vec<Shown>>,
    spent: BTreeSet<String>,
}

impl Trace {
    pub fn add(&mut self, by: usize, proofs: &[Proof]) {
        for proof in proofs {
            let shown = (proof.method, proof.at_ms);
            self.proofs
                .entry((by, proof.who.clone()))
                .or_default()
                .push(shown);
        }
    }

    /// What this browser has proved for this person: how, and at what second.
    pub fn of(&self, by: usize, who: &str) -> BTreeSet<(Proved, i64)> {
        let shown = self.proofs.get(&(by, who.to_owned())).into_iter().flatten();
        shown
            .map(|(method, at)| (*method, at.div_euclid(1_000)))
            .collect()
    }

    /// Everybody for whom this browser has proved something.
    pub fn known_to(&self, by: usize) -> Vec<String> {
        let mine = self.proofs.keys().filter(|(browser, _)| *browser == by);
        mine.map(|(_, who)| who.clone()).collect()
    }

    /// Uses something up; false if it was used before.
    pub fn spend(&mut self, once: &str) -> bool {
        self.spent.insert(once.to_owned())
    }

    /// Whoever proved an address has an account now.
    pub fn rename(&mut self, address: &str, user: &str) {
        let moved: Vec<usize> = self
            .proofs
            .keys()
            .filter(|(_, who)| who == address)
            .map(|(by, _)| *by)
            .collect();
        for by in moved {
            let shown = self.proofs.remove(&(by, address.to_owned())).unwrap_or_default();
            self.proofs
                .entry((by, user.to_owned()))
                .or_default()
                .extend(shown);
        }
    }
}

/// Whether these proofs make the class.
pub fn reaches(methods: &BTreeSet<Proved>, acr: &str) -> bool {
    let has = |method| methods.contains(&method);
    match acr {
        "phr" => has(Proved::Passkey),
        "urn:latchkey:acr:mfa" => {
            has(Proved::Passkey)
                || (has(Proved::Password) && (has(Proved::Totp) || has(Proved::RecoveryCode)))
        }
        "urn:latchkey:acr:password" => has(Proved::Password) || has(Proved::Passkey),
        "urn:latchkey:acr:email" => has(Proved::Mail),
        _ => false,
    }
}
