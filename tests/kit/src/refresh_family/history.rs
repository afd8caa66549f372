//! Histories, and the property that each must have.

use latchkey_protocol::Timestamp;
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;

use super::deciders::{Answered, Decider, Pending, Real};
use super::model::{Model, Said};
use super::world::{Issued, World};

/// Something that happens. Tokens are picked among all that were ever issued, newest first: 0 is the honest client, 1
/// one whose answer was lost, and the rest is what a thief has kept.
#[derive(Clone, Debug)]
pub enum Op {
    /// A request comes and is answered.
    Present(usize),
    /// A request comes and has read the row.
    Begin(usize),
    /// The oldest such request commits.
    Commit,
    /// The newest such request commits first.
    CommitNewest,
    /// The clock goes on.
    Tick(i64),
    /// The clock is set back.
    Back(i64),
    /// The family is revoked.
    Revoke,
    /// The process dies and starts: what was in flight is gone.
    Restart,
    /// A new MAC key signs.
    Rekey,
    /// A backup is made.
    Backup,
    /// It is restored, and the epoch raised.
    Restore,
}

pub fn histories() -> impl Strategy<Value = Vec<Op>> {
    let token = prop_oneof![4 => Just(0_usize), 3 => Just(1), 2 => Just(2), 1 => 0..8_usize];
    let op = prop_oneof![
        8 => token.clone().prop_map(Op::Present),
        5 => token.prop_map(Op::Begin),
        4 => Just(Op::Commit),
        2 => Just(Op::CommitNewest),
        2 => (1_i64..40_000).prop_map(Op::Tick),
        1 => (1_i64..100_000).prop_map(Op::Back),
        1 => Just(Op::Restart),
        1 => Just(Op::Rekey),
        1 => Just(Op::Revoke),
        1 => Just(Op::Backup),
        1 => Just(Op::Restore),
    ];
    prop::collection::vec(op, 1..40)
}

/// Every answer is the sequential model's at the moment of its commit, and one generation has one text.
pub fn check(decider: &mut dyn Decider, ops: &[Op], strict: bool) -> Result<(), TestCaseError> {
    let (mut world, mut model) = (World::new(strict), Model::new(if strict { 0 } else { 30_000 }));
    let mut flying: Vec<Pending> = Vec::new();
    let mut kept = model.clone();
    for op in ops {
        match op {
            Op::Present(token) => {
                let token = pick(&world, *token);
                let pending = decider.read(&world, &token);
                settle(decider, &mut world, &mut model, pending)?;
            }
            Op::Begin(token) => {
                let token = pick(&world, *token);
                flying.push(decider.read(&world, &token));
            }
            Op::Commit if !flying.is_empty() => {
                let pending = flying.remove(0);
                settle(decider, &mut world, &mut model, pending)?;
            }
            Op::CommitNewest => {
                if let Some(pending) = flying.pop() {
                    settle(decider, &mut world, &mut model, pending)?;
                }
            }
            Op::Commit => {}
            Op::Tick(ms) => world.now += ms,
            Op::Back(ms) => world.now -= ms,
            Op::Revoke => {
                world.row.revoked_at.get_or_insert(Timestamp(world.now));
                model.dead = true;
            }
            Op::Restart => {
                flying.clear();
                decider.restart();
            }
            Op::Rekey => world.signing_key = world.signing_key.saturating_add(1),
            Op::Backup => {
                world.backup = world.row.clone();
                kept = model.clone();
            }
            Op::Restore => {
                flying.clear();
                world.row = world.backup.clone();
                world.epoch += 1;
                model = Model {
                    epoch: world.epoch,
                    ..kept.clone()
                };
            }
        }
    }
    // T4: whatever was ever issued is tried once more, oldest first.
    for token in world.issued.clone() {
        let pending = decider.read(&world, &token);
        settle(decider, &mut world, &mut model, pending)?;
    }
    Ok(())
}

fn pick(world: &World, back: usize) -> Issued {
    let mut names: Vec<&Issued> = Vec::new();
    for issued in world.issued.iter().rev() {
        if !names.contains(&issued) {
            names.push(issued);
        }
    }
    names[back.min(names.len() - 1)].clone()
}

fn settle(
    decider: &mut dyn Decider,
    world: &mut World,
    model: &mut Model,
    mut pending: Pending,
) -> Result<Answered, TestCaseError> {
    // Nothing runs between a second read and its commit here, so one repetition is enough.
    let mut answered = decider.commit(world, &pending);
    if answered.is_none() {
        pending = decider.read(world, &pending.token);
        answered = decider.commit(world, &pending);
    }
    let (said, issued) = answered.ok_or_else(|| TestCaseError::fail("a fresh read did not commit"))?;
    let expected = model.present(pending.token.generation, pending.token.epoch, pending.now);
    prop_assert_eq!(said, expected);
    if let (Said::Next(generation) | Said::Same(generation), Some(issued)) = (said, &issued) {
        prop_assert_eq!(issued.generation, generation);
        let twins = world
            .issued
            .iter()
            .filter(|other| (other.generation, other.epoch) == (generation, issued.epoch));
        for twin in twins {
            prop_assert_eq!(&twin.text, &issued.text);
        }
    }
    Ok((said, issued))
}

/// An honest client: each round it sends its token some times at once, and unless every answer is lost it goes on with
/// the successor. `(duplicates, losses, clock step, new MAC key)`
pub fn honest(rounds: &[(usize, u8, i64, bool)]) -> Result<(), TestCaseError> {
    let (mut world, mut decider) = (World::new(false), Real);
    let (mut token, mut lost) = (world.issued[0].clone(), 0);
    for (duplicates, losses, step, rekey) in rounds {
        world.now += step;
        world.signing_key = world.signing_key.saturating_add(u8::from(*rekey));
        let flying: Vec<Pending> = (0..*duplicates).map(|_| decider.read(&world, &token)).collect();
        let mut texts = Vec::new();
        for pending in flying {
            let answered = match decider.commit(&mut world, &pending) {
                Some(answered) => Some(answered),
                None => {
                    let again = decider.read(&world, &token);
                    decider.commit(&mut world, &again)
                }
            };
            let issued = answered.and_then(|(_, issued)| issued);
            texts.push(issued.ok_or_else(|| TestCaseError::fail("an honest client was refused"))?);
        }
        prop_assert!(texts.iter().all(|issued| issued.text == texts[0].text));
        lost += 1;
        if *losses == 0 || lost > 10 {
            token = texts[0].clone();
            lost = 0;
        }
    }
    prop_assert!(world.row.revoked_at.is_none());
    Ok(())
}
