//! The sequential model of a client that rotates: what each presented token gets, one request after the other. It knows
//! nothing of the implementation.

/// What one presented token gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Said {
    /// The next generation.
    Next(i64),
    /// The current generation again.
    Same(i64),
    /// A replay: the family has ended.
    Replay,
    /// `invalid_grant`, and nothing has changed.
    Rejected,
}

/// A family, one request after the other.
#[derive(Clone, Debug)]
pub struct Model {
    pub current: i64,
    pub rotated_at: Option<i64>,
    pub dead: bool,
    pub epoch: u32,
    pub overlap_ms: i64,
}

impl Model {
    pub fn new(overlap_ms: i64) -> Self {
        Self {
            current: 1,
            rotated_at: None,
            dead: false,
            epoch: 0,
            overlap_ms,
        }
    }

    pub fn present(&mut self, generation: i64, epoch: u32, now: i64) -> Said {
        if self.dead || epoch != self.epoch {
            return Said::Rejected;
        }
        if generation == self.current {
            self.current += 1;
            self.rotated_at = Some(now);
            return Said::Next(self.current);
        }
        let elapsed = self.rotated_at.map_or(i64::MAX, |at| (now - at).max(0));
        if generation == self.current - 1 && elapsed < self.overlap_ms {
            return Said::Same(self.current);
        }
        self.dead = true;
        Said::Replay
    }
}
