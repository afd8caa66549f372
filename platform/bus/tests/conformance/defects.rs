//! The suites themselves on trial: a participant with one defect must be found out on every back end.

use crate::backend::Backend;
use crate::participant::{
    AckBeforeCommit, BlindHeartbeat, HighWaterMark, NoInbox, OneAfterTheOther, OneChannel, Participant,
    PublishBeforeCommit,
};
use crate::stage::Stage;
use crate::{Cases, case, channels, event_bus, revocation_log};

/// The cases of the event bus in which a producer, a relay or a consumer can do wrong.
const BUS: &[&str] = &[
    "an_event_whose_transaction_rolled_back_is_never_seen",
    "an_event_whose_producer_died_before_its_commit_is_never_seen",
    "an_event_whose_producer_died_after_its_commit_is_seen",
    "an_event_that_commits_after_a_later_one_was_published_is_seen",
    "an_effect_cut_off_before_its_commit_is_made_good",
    "an_effect_committed_before_a_crash_is_not_repeated",
    "a_duplicate_delivery_is_absorbed",
];

/// The cases of the revocation log in which a producer or a relay can do wrong.
const LOG: &[&str] = &[
    "a_revocation_whose_transaction_rolled_back_is_never_told",
    "a_revocation_whose_producer_died_before_its_commit_is_never_told",
    "a_revocation_that_commits_after_a_later_one_was_published_is_told",
    "every_instance_hears_every_event",
];

/// The case in which a heartbeat can say too much.
const HEARTBEAT: &[&str] = &["a_source_that_cannot_publish_is_not_told_to_be_live"];

/// The cases in which one channel can cost the other something.
const BOTH: &[&str] = &[
    "each_event_has_one_channel",
    "a_bus_that_is_away_holds_no_revocation_up",
];

/// Puts `participant` through the trial and returns what turned red.
async fn red<P: Participant + Copy>(
    cases: Cases,
    on_trial: &'static [&'static str],
    backend: Backend,
    participant: P,
) -> Vec<&'static str> {
    let mut red = Vec::new();
    for name in on_trial {
        let stage = Stage::open(backend, name, std::sync::Arc::new(participant)).await;
        if let Err(violation) = case(cases, name)(&stage).await {
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
    ($($test:ident: $defect:expr, $suite:ident $backends:path, $on_trial:ident => $cases:expr $(, or $more:literal)?;)*) => {
        $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $test() {
            let more: &[&str] = &[$($more)?];
            for backend in $backends {
                let mut red = red($suite::CASES, $on_trial, *backend, $defect).await;
                red.retain(|case| !more.contains(case));
                assert_eq!(red, $cases, "on {backend:?}");
            }
        })*
    };
}

found_out! {
    who_publishes_before_the_commit_is_found_out: PublishBeforeCommit, event_bus Backend::EVENT_BUS, BUS => [
        "an_event_whose_transaction_rolled_back_is_never_seen",
        "an_event_whose_producer_died_before_its_commit_is_never_seen",
    ];
    who_relays_by_a_high_water_mark_is_found_out: HighWaterMark, event_bus Backend::EVENT_BUS, BUS => [
        "an_event_that_commits_after_a_later_one_was_published_is_seen",
    ];
    who_acknowledges_before_the_commit_is_found_out: AckBeforeCommit, event_bus Backend::EVENT_BUS, BUS => [
        "an_effect_cut_off_before_its_commit_is_made_good",
    ];
    // A broker that delivers once more by itself is found out in one case more.
    who_has_no_inbox_is_found_out: NoInbox, event_bus Backend::EVENT_BUS, BUS => [
        "an_effect_committed_before_a_crash_is_not_repeated",
        "a_duplicate_delivery_is_absorbed",
    ], or "an_effect_cut_off_before_its_commit_is_made_good";
    who_revokes_before_the_commit_is_found_out: PublishBeforeCommit, revocation_log Backend::REVOCATION_LOG, LOG => [
        "a_revocation_whose_transaction_rolled_back_is_never_told",
        "a_revocation_whose_producer_died_before_its_commit_is_never_told",
    ];
    who_relays_revocations_by_a_high_water_mark_is_found_out: HighWaterMark, revocation_log Backend::REVOCATION_LOG, LOG => [
        "a_revocation_that_commits_after_a_later_one_was_published_is_told",
    ];
    who_beats_without_having_looked_is_found_out: BlindHeartbeat, revocation_log Backend::REVOCATION_LOG, HEARTBEAT => HEARTBEAT;
    who_knows_one_channel_is_found_out: OneChannel, channels Backend::CHANNELS, BOTH => BOTH;
    who_serves_one_channel_after_the_other_is_found_out: OneAfterTheOther, channels Backend::CHANNELS, BOTH => [
        "a_bus_that_is_away_holds_no_revocation_up",
    ];
}
