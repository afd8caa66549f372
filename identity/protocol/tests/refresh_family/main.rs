//! The refresh family as a state machine: any history of honest client, thief, duplicates, lost answers, clocks,
//! revocations, crashes and restores is answered as the sequential model answers it, and the same property turns red on
//! defects of the kinds that other issuers have shipped.

use latchkey_testkit::refresh_family::deciders::{
    BranchOnRetry, Decider, OrderBySeconds, ReadThenWrite, Real, StartUpReset,
};
use latchkey_testkit::refresh_family::history::{self, Op, check, histories};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestError, TestRng, TestRunner};

/// Runs the property over the same histories each time.
fn run(make: fn() -> Box<dyn Decider>, cases: u32) -> Result<(), TestError<Vec<Op>>> {
    let config = Config {
        cases,
        failure_persistence: None,
        ..Config::default()
    };
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    TestRunner::new_with_rng(config, rng).run(&histories(), |ops| {
        for strict in [false, true] {
            check(make().as_mut(), &ops, strict)?;
        }
        Ok(())
    })
}

/// The shortest history on which the defect shows.
fn seeded(make: fn() -> Box<dyn Decider>) -> Vec<Op> {
    match run(make, 20_000) {
        Err(TestError::Fail(why, history)) => {
            println!("{why}\n{history:?}");
            history
        }
        other => panic!("the property did not find the seeded defect: {other:?}"),
    }
}

/// RT-02, RT-03, RT-04, RT-06, RT-07, RT-13.
#[test]
fn every_history_is_answered_as_the_sequential_model_answers_it() {
    run(|| Box::new(Real), 4_000).unwrap();
}

/// CVE-2026-1035, KC#51312.
#[test]
fn the_property_finds_read_then_write() {
    let history = seeded(|| Box::new(ReadThenWrite));
    assert!(history.iter().any(|op| matches!(op, Op::Begin(_))), "{history:?}");
}

/// CVE-2026-9802.
#[test]
fn the_property_finds_a_start_up_reset() {
    let history = seeded(|| Box::new(StartUpReset::default()));
    assert!(history.iter().any(|op| matches!(op, Op::Restart)), "{history:?}");
}

/// KC#50999.
#[test]
fn the_property_finds_order_by_seconds() {
    seeded(|| Box::new(OrderBySeconds));
}

#[test]
fn the_property_finds_a_branch_on_retry() {
    seeded(|| Box::new(BranchOnRetry));
}

proptest! {
    #![proptest_config(Config { cases: 1_000, failure_persistence: None, ..Config::default() })]

    /// RT-03.
    /// T3 and T5: an honest client with lost answers, duplicates and a wild clock is never signed out, and all answers
    /// to one token are one successor.
    #[test]
    fn an_honest_client_is_never_signed_out(
        rounds in prop::collection::vec((1_usize..5, 0_u8..4, -500_i64..2_000, any::<bool>()), 1..40),
    ) {
        history::honest(&rounds)?;
    }
}
