//! Something that is tried again and again: the first failure and the recovery are logged, and nothing in between.

/// The failures since the last success.
#[derive(Default)]
pub(crate) struct Outage {
    failures: u32,
}

impl Outage {
    /// Counts a failure. True for the first one.
    pub fn failed(&mut self) -> bool {
        self.failures = self.failures.saturating_add(1);
        self.failures == 1
    }

    /// The number of failures that this success ends, if there were any.
    pub fn worked(&mut self) -> Option<u32> {
        let failures = std::mem::take(&mut self.failures);
        (failures > 0).then_some(failures)
    }

    /// True until something works again.
    pub fn lasts(&self) -> bool {
        self.failures > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_failure_and_the_recovery_are_told_and_nothing_in_between() {
        let mut outage = Outage::default();
        assert_eq!(outage.worked(), None);
        assert_eq!(
            [outage.failed(), outage.failed(), outage.failed()],
            [true, false, false]
        );
        assert!(outage.lasts());
        assert_eq!([outage.worked(), outage.worked()], [Some(3), None]);
        assert!(outage.failed(), "the next outage is told, too");
    }
}
