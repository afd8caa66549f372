//! The suite itself on trial: a participant with one defect must be found out on every back end.

use crate::backend::Backend;
use crate::case;
use crate::participant::{AckBeforeCommit, HighWaterMark, NoInbox, Participant, PublishBeforeCommit};
use crate::stage::Stage;

/// The cases in which a producer, a relay or a consumer can do wrong.
const ON_TRIAL: &[&str] = &[
    "an_event_whose_transaction_rolled_back_is_never_seen",
    "an_event_whose_producer_died_before_its_commit_is_never_seen",
    "an_event_whose_producer_died_after_its_commit_is_seen",
    "an_event_that_commits_after_a_later_one_was_published_is_seen",
    "an_effect_cut_off_before_its_commit_is_made_good",
    "an_effect_committed_before_a_crash_is_not_repeated",
    "a_duplicate_delivery_is_absorbed",
];

/// Puts `participant` through the trial and returns what turned red.
async fn red<P: Participant + Copy>(backend: Backend, participant: P) -> Vec<&'static str> {
    let mut red = Vec::new();
    for name in ON_TRIAL {
        let stage = Stage::open(backend, name, std::sync::Arc::new(participant)).await;
        if let Err(violation) = case(name)(&stage).await {
            println!(
                "{} on {backend:?}: {name} is red: {violation}",
                participant.name()
            );
            red.push(*name);
        }
        stage.close().await;
    }
    red
}

macro_rules! found_out {
    ($($test:ident: $defect:expr => $cases:expr;)*) => {
        $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $test() {
            for backend in Backend::ALL {
                assert_eq!(red(backend, $defect).await, $cases, "on {backend:?}");
            }
        })*
    };
}

found_out! {
    who_publishes_before_the_commit_is_found_out: PublishBeforeCommit => [
        "an_event_whose_transaction_rolled_back_is_never_seen",
        "an_event_whose_producer_died_before_its_commit_is_never_seen",
    ];
    who_relays_by_a_high_water_mark_is_found_out: HighWaterMark => [
        "an_event_that_commits_after_a_later_one_was_published_is_seen",
    ];
    who_acknowledges_before_the_commit_is_found_out: AckBeforeCommit => [
        "an_effect_cut_off_before_its_commit_is_made_good",
    ];
    who_has_no_inbox_is_found_out: NoInbox => [
        "an_effect_committed_before_a_crash_is_not_repeated",
        "a_duplicate_delivery_is_absorbed",
    ];
}
