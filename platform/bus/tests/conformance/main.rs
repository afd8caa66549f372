//! The conformance suites: what every back end of each interface promises, and what every participant must keep to.
//!
//! A case is written once. It is run on each [`Backend`](backend::Backend) with the honest participant, who uses the
//! product's own functions, and must hold; and it is run with defective participants, each of whom does one thing
//! wrong, and some case must turn red: otherwise the suite proves nothing.
//!
//! There is a suite for the event bus, one for the revocation log, and one for both of them together. A new back end joins
//! by a variant of `Backend` and a module of `suite!` below.

#![expect(clippy::unwrap_used, reason = "a test may fall over")]

mod backend;
mod broker;
mod cases;
mod defects;
mod gate;
mod killed;
mod participant;
mod rabbit;
mod shop;
mod stage;

use backend::Backend;
use cases::Case;
use stage::Stage;

/// One test per case and back end.
macro_rules! suite {
    ($suite:ident on [$($engine:ident: $backend:ident),*] $cases:tt) => {
        mod $suite {
            suite! { names $cases }
            $(mod $engine {
                suite! { tests $backend $cases }
            })*
        }
    };
    (names { $($module:ident::$case:ident,)* }) => {
        /// Every case, by name.
        pub const CASES: crate::Cases = &[
            $((stringify!($case), |stage| Box::pin(crate::cases::$module::$case(stage))),)*
        ];
    };
    (tests $backend:ident { $($module:ident::$case:ident,)* }) => {
        $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $case() {
            crate::holds(crate::Backend::$backend, super::CASES, stringify!($case)).await;
        })*
    };
}

/// The cases of a suite, by name.
type Cases = &'static [(&'static str, Case)];

suite! { event_bus on [sqlite: Sqlite, postgres: Postgres, rabbit: Rabbit] {
    producing::an_event_whose_transaction_rolled_back_is_never_seen,
    producing::an_event_whose_producer_died_before_its_commit_is_never_seen,
    producing::an_event_whose_producer_died_after_its_commit_is_seen,
    producing::an_event_that_commits_after_a_later_one_was_published_is_seen,
    producing::an_event_whose_relay_died_between_publishing_and_marking_is_seen_once,
    producing::a_second_publish_is_harmless,
    producing::an_event_over_64_kib_is_refused_with_its_transaction,
    delivering::an_effect_cut_off_before_its_commit_is_made_good,
    delivering::an_effect_committed_before_a_crash_is_not_repeated,
    delivering::a_duplicate_delivery_is_absorbed,
    delivering::events_of_one_key_arrive_in_order,
    delivering::a_type_that_nobody_asked_for_disturbs_nobody,
    delivering::a_backlog_of_ten_thousand_drains,
    failing::a_failure_is_retried_quickly_then_later_then_parked_and_redriven,
    failing::a_permanent_failure_is_parked_at_once,
    failing::a_panic_is_a_failed_attempt_and_the_consumer_lives_on,
    failing::a_database_that_is_away_is_not_an_attempt,
    failing::attempts_survive_a_crash,
    failing::a_poison_envelope_is_parked_and_holds_nobody_up,
    failing::a_forged_envelope_is_parked_and_not_handled,
    failing::a_discarded_event_is_gone,
    failing::every_dead_letter_is_redriven_however_many_there_are,
    replaying::a_replay_goes_to_one_group_once_more_and_in_order,
    replaying::a_replay_of_many_pages_misses_none_and_repeats_none,
    grouping::of_two_instances_one_handles_each_event,
    grouping::a_group_passes_on_when_its_holder_dies,
    grouping::a_group_passes_on_at_once_when_its_holder_stops,
    grouping::a_slow_holder_keeps_its_group,
    grouping::an_event_is_kept_until_its_group_has_handled_it,
    grouping::a_type_that_is_added_waits_for_a_node_that_knows_it,
    waking::word_of_an_event_comes_without_polling,
} }

suite! { revocation_log on [sqlite: Sqlite, postgres: Postgres] {
    telling::a_revocation_whose_transaction_rolled_back_is_never_told,
    telling::a_revocation_whose_producer_died_before_its_commit_is_never_told,
    telling::a_revocation_that_commits_after_a_later_one_was_published_is_told,
    telling::a_relay_that_dies_before_marking_tells_its_revocation_once,
    telling::a_second_publish_tells_nothing_twice,
    following::every_instance_hears_every_event,
    following::a_snapshot_comes_first_and_begins_where_it_was_asked_to,
    following::positions_are_dense_and_in_the_order_of_commits,
    following::a_log_that_was_replaced_is_told_from_its_beginning,
    following::a_source_that_cannot_publish_is_not_told_to_be_live,
    waking::word_of_a_revocation_comes_without_polling,
} }

suite! { channels on [sqlite: Sqlite, postgres: Postgres, rabbit: Rabbit] {
    channels::each_event_has_one_channel,
    channels::a_bus_that_is_away_holds_no_revocation_up,
    channels::a_log_that_is_away_holds_no_event_up,
} }

/// Runs a case as it should be.
async fn holds(backend: Backend, cases: Cases, name: &str) {
    let stage = Stage::open(backend, name, participant::honest()).await;
    if let Err(violation) = case(cases, name)(&stage).await {
        panic!("{name} on {backend:?}: {violation}");
    }
    stage.close().await;
}

fn case(cases: Cases, name: &str) -> Case {
    let (_, case) = cases
        .iter()
        .find(|(known, _)| *known == name)
        .expect("a case by this name");
    *case
}
