//! The refresh family against real databases: the histories, the sequential model and the seeded defects are those of
//! the protocol's own test; here each commit is the store's SQL.

#![expect(clippy::unwrap_used, reason = "a test may fall over")]

mod row;

use latchkey_protocol::refresh::Decision;
use latchkey_testkit::refresh_family::deciders::{
    self, Answered, BranchOnRetry, Decider, OrderBySeconds, Pending, Real, StartUpReset,
};
use latchkey_testkit::refresh_family::history::{Op, check, histories};
use latchkey_testkit::refresh_family::world::{Issued, World};
use proptest::test_runner::{Config, RngAlgorithm, TestError, TestRng, TestRunner};
use row::Rows;

/// Reads and commits on a database. What a history does to the row besides requests (a revocation, a restore) is
/// written there before the next request sees it.
struct OnDatabase<'a> {
    rows: &'a Rows,
    how: How,
}

/// How a decision is committed.
enum How {
    /// The store's conditional writes.
    Store,
    /// The store's writes without their conditions.
    Unconditional,
    /// A defect decides how the row changes; the row is written as a whole.
    Defect(Box<dyn Decider>),
}

impl Decider for OnDatabase<'_> {
    fn read(&mut self, world: &World, token: &Issued) -> Pending {
        self.rows.put(&world.row);
        let stored = self.rows.get();
        assert_eq!(stored, world.row, "a row comes back as it was written");
        Real.read(world, token)
    }

    fn commit(&mut self, world: &mut World, pending: &Pending) -> Option<Answered> {
        self.rows.put(&world.row);
        let answered = match &mut self.how {
            How::Store => {
                // The model of the shell determines what the row must contain; the store returns whether it was
                // written.
                let written = self.rows.apply(&pending.decision, pending.now);
                let expected = Real.commit(world, pending);
                assert_eq!(
                    written,
                    expected.is_some(),
                    "the store and the shell disagree on {:?}",
                    &pending.decision
                );
                expected
            }
            How::Unconditional => {
                self.rows.apply_blindly(&pending.decision);
                world.row = self.rows.get();
                Some(deciders::write(world, pending))
            }
            How::Defect(defect) => {
                let answered = defect.commit(world, pending);
                self.rows.put(&world.row);
                answered
            }
        };
        if matches!(self.how, How::Store)
            && answered.is_some()
            && !matches!(pending.decision, Decision::Error(_))
        {
            let stored = self.rows.get();
            assert_eq!(
                stored, world.row,
                "the row is what was decided: {:?}",
                &pending.decision
            );
        }
        answered
    }

    fn restart(&mut self) {
        if let How::Defect(defect) = &mut self.how {
            defect.restart();
        }
    }
}

fn run(rows: &Rows, how: fn() -> How, cases: u32) -> Result<(), TestError<Vec<Op>>> {
    let config = Config {
        cases,
        failure_persistence: None,
        max_shrink_iters: 0,
        ..Config::default()
    };
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    TestRunner::new_with_rng(config, rng).run(&histories(), |ops| {
        for strict in [false, true] {
            let mut decider = OnDatabase { rows, how: how() };
            check(&mut decider, &ops, strict)?;
        }
        Ok(())
    })
}

fn every_history_is_answered_as_the_model_answers_it(rows: &Rows) {
    run(rows, || How::Store, 120).unwrap();
}

/// The name of a defect, and its constructor.
type Defect = (&'static str, fn() -> How);

fn each_seeded_defect_is_found(rows: &Rows) {
    let defects: [Defect; 4] = [
        ("read-then-write", || How::Unconditional),
        ("start-up reset", || {
            How::Defect(Box::new(StartUpReset::default()))
        }),
        ("order by seconds", || How::Defect(Box::new(OrderBySeconds))),
        ("branch on retry", || How::Defect(Box::new(BranchOnRetry))),
    ];
    for (name, how) in defects {
        match run(rows, how, 5_000) {
            Err(TestError::Fail(why, _)) => println!("{name}: {why}"),
            other => panic!("the property did not find {name}: {other:?}"),
        }
    }
}

/// CVE-2026-1035, RT-02, RT-06.
#[test]
fn every_history_is_answered_as_the_model_answers_it_on_sqlite() {
    every_history_is_answered_as_the_model_answers_it(&Rows::sqlite());
}

/// CVE-2026-1035, RT-02, RT-06.
#[test]
fn every_history_is_answered_as_the_model_answers_it_on_postgresql() {
    every_history_is_answered_as_the_model_answers_it(&Rows::postgres("families_model"));
}

#[test]
fn each_seeded_defect_is_found_on_sqlite() {
    each_seeded_defect_is_found(&Rows::sqlite());
}

#[test]
fn each_seeded_defect_is_found_on_postgresql() {
    each_seeded_defect_is_found(&Rows::postgres("families_defects"));
}
