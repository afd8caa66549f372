//! Violations of an invariant.

/// How often an invariant is violated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Count {
    /// `S1` to `S12`.
    pub id: &'static str,
    /// What must be true.
    pub says: &'static str,
    pub violations: i64,
    /// The first few, for people.
    pub examples: Vec<String>,
}

/// Violations of one invariant, as they are found.
pub struct Finding {
    pub id: &'static str,
    says: &'static str,
    pub found: Vec<String>,
}

impl Finding {
    pub fn new(id: &'static str, says: &'static str) -> Self {
        Self {
            id,
            says,
            found: Vec::new(),
        }
    }

    pub fn expect(&mut self, holds: bool, what: impl FnOnce() -> String) {
        if !holds {
            self.found.push(what());
        }
    }

    pub fn equal<T: PartialEq + std::fmt::Debug>(&mut self, what: &str, one: &T, other: &T) {
        self.expect(one == other, || format!("{what}: {one:?}, not {other:?}"));
    }
}

impl From<Finding> for Count {
    fn from(finding: Finding) -> Self {
        Self {
            id: finding.id,
            says: finding.says,
            violations: finding.found.len() as i64,
            examples: finding.found.into_iter().take(3).collect(),
        }
    }
}
