//! The number of open files and sockets of this process, and the share of each listener's connections.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Raises the soft limit to the hard one, which is what operators intend: the soft one is often 1,024, for programs
/// that use `select`. Returns the resulting limit.
pub(crate) fn raise() -> u64 {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    if limit.current != limit.maximum
        && let Err(error) = setrlimit(Resource::Nofile, raised)
    {
        tracing::warn!(error = %error, limit = limit.current, "the limit of open files cannot be raised");
    }
    getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)
}

/// The connections of each listener. All of them together leave half of the descriptors to databases and outgoing
/// calls, so that a flood of one listener affects neither another one nor a commit.
pub(crate) fn per_listener(descriptors: u64, listeners: usize) -> usize {
    /// With fewer, nothing can be served; an operator who allows that few files sees errors in the log.
    const FEWEST: usize = 8;
    let all = usize::try_from(descriptors / 2).unwrap_or(usize::MAX);
    (all / listeners.max(1)).max(FEWEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listeners_share_half_of_the_descriptors_evenly() {
        for (descriptors, listeners, each) in [
            (1_024, 5, 102),
            (1_024, 1, 512),
            (20_000, 5, 2_000),
            (1_048_576, 4, 131_072),
            (u64::MAX, 1, usize::try_from(u64::MAX / 2).unwrap_or(usize::MAX)),
        ] {
            assert_eq!(per_listener(descriptors, listeners), each, "{descriptors}");
            let all = u64::try_from(each * listeners).unwrap();
            assert!(all <= descriptors / 2, "{descriptors}");
        }
    }

    #[test]
    fn a_listener_has_some_connections_however_few_descriptors_there_are() {
        for (descriptors, listeners) in [(0, 5), (64, 5), (1_024, 0)] {
            assert!(per_listener(descriptors, listeners) >= 8, "{descriptors}");
        }
    }

    #[test]
    fn the_soft_limit_is_the_hard_one_from_the_start() {
        let descriptors = raise();
        let limit = getrlimit(Resource::Nofile);
        assert_eq!(limit.current, limit.maximum);
        assert_eq!(descriptors, limit.current.unwrap_or(u64::MAX));
    }
}
