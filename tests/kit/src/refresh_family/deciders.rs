//! The shell in small: reads the row, lets the protocol decide, and commits by compare-and-set. Beside it, the same
//! shell with each defect that somebody has shipped.

use latchkey_protocol::Timestamp;
use latchkey_protocol::refresh::{Decision, End, Family};

use super::model::Said;
use super::world::{Issued, World};

/// A request between its read and its commit.
pub struct Pending {
    pub token: Issued,
    pub now: i64,
    row: Family,
    pub decision: Decision,
}

/// A committed answer: what was said, and the token that went out.
pub type Answered = (Said, Option<Issued>);

pub trait Decider {
    fn read(&mut self, world: &World, token: &Issued) -> Pending {
        Pending {
            token: token.clone(),
            now: world.now,
            row: world.row.clone(),
            decision: world.decide(&world.row, token),
        }
    }

    /// `None`: the row has moved; the caller reads and decides again.
    fn commit(&mut self, world: &mut World, pending: &Pending) -> Option<Answered>;

    fn restart(&mut self) {}
}

/// Executes the decision under compare-and-set, like the store.
pub struct Real;

impl Decider for Real {
    fn commit(&mut self, world: &mut World, pending: &Pending) -> Option<Answered> {
        let alive = world.row.revoked_at.is_none();
        let untouched = |expected: i64| alive && world.row.generation == expected;
        match &pending.decision {
            Decision::Rotate(rotate) if !untouched(rotate.expected_generation) => None,
            Decision::Reissue(same) | Decision::ReissueOnce(same) if !untouched(same.expected_generation) => {
                None
            }
            Decision::Replay(_) | Decision::StoreRewound(_) | Decision::StreakEnded(_) if !alive => None,
            _ => Some(write(world, pending)),
        }
    }
}

/// Writes what was decided, whatever the row is by now.
pub fn write(world: &mut World, pending: &Pending) -> Answered {
    let row = &mut world.row;
    match &pending.decision {
        Decision::Rotate(rotate) => {
            row.generation = rotate.generation;
            row.mac_key_id = Some(rotate.mac_key_id);
            row.previous_mac_key_id = Some(rotate.previous_mac_key_id);
            row.rotated_at = Some(rotate.rotated_at);
            row.last_used_at = Some(rotate.rotated_at);
            row.idle_expires_at = rotate.idle_expires_at;
            row.late_answer_at = None;
            let issued = world.hand_out(rotate.answer.refresh);
            (Said::Next(rotate.generation), Some(issued))
        }
        Decision::Reissue(same) | Decision::ReissueOnce(same) => {
            row.overlap_hits += 1;
            row.overlap_streak = same.overlap_streak;
            row.hit_generation = Some(same.expected_generation);
            let issued = world.hand_out(same.answer.refresh);
            (Said::Same(same.expected_generation), Some(issued))
        }
        Decision::Replay(End { .. }) => {
            row.revoked_at = Some(Timestamp(pending.now));
            (Said::Replay, None)
        }
        Decision::Error(_) => (Said::Rejected, None),
        other => panic!("this world has no {other:?}"),
    }
}

/// CVE-2026-1035, KC#51312: reads, decides, and writes the whole row back.
pub struct ReadThenWrite;

impl Decider for ReadThenWrite {
    fn commit(&mut self, world: &mut World, pending: &Pending) -> Option<Answered> {
        world.row = pending.row.clone();
        Some(write(world, pending))
    }
}

/// CVE-2026-9802: what was spent is known to the process alone, so a restart forgets it: whatever comes first is current.
#[derive(Default)]
pub struct StartUpReset {
    restarted: bool,
}

impl Decider for StartUpReset {
    fn commit(&mut self, world: &mut World, pending: &Pending) -> Option<Answered> {
        let alive = world.row.revoked_at.is_none() && pending.token.epoch == world.epoch;
        let spent = pending.token.generation < world.row.generation;
        if !(alive && std::mem::take(&mut self.restarted) && spent) {
            return Real.commit(world, pending);
        }
        let generation = pending.token.generation + 1;
        world.row.generation = generation;
        world.row.rotated_at = Some(Timestamp(pending.now));
        let issued = world.hand_out(world.name(generation));
        Some((Said::Next(generation), Some(issued)))
    }

    fn restart(&mut self) {
        self.restarted = true;
    }
}

/// KC#50999: a token is current unless it was born in an earlier second than the last rotation.
pub struct OrderBySeconds;

impl Decider for OrderBySeconds {
    fn commit(&mut self, world: &mut World, pending: &Pending) -> Option<Answered> {
        let rotated_s = world.row.rotated_at.map_or(i64::MIN, Timestamp::seconds);
        let counts_as_current = Timestamp(pending.token.born_at).seconds() >= rotated_s;
        let alive = world.row.revoked_at.is_none() && pending.token.epoch == world.epoch;
        if !(alive && counts_as_current && pending.token.generation < world.row.generation - 1) {
            return Real.commit(world, pending);
        }
        let generation = world.row.generation + 1;
        world.row.generation = generation;
        world.row.rotated_at = Some(Timestamp(pending.now));
        let issued = world.hand_out(world.name(generation));
        Some((Said::Next(generation), Some(issued)))
    }
}

/// Hydra, Logto, Rauthy: a retry gets a successor of its own.
pub struct BranchOnRetry;

impl Decider for BranchOnRetry {
    fn commit(&mut self, world: &mut World, pending: &Pending) -> Option<Answered> {
        let Decision::Reissue(same) = &pending.decision else {
            return Real.commit(world, pending);
        };
        if world.row.revoked_at.is_some() || world.row.generation != same.expected_generation {
            return None;
        }
        world.row.generation += 1;
        world.row.rotated_at = Some(Timestamp(pending.now));
        let issued = world.hand_out(world.name(world.row.generation));
        Some((Said::Same(same.expected_generation), Some(issued)))
    }
}
