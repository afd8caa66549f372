//! A map of names to marks, read by every request and written by the feed: split into locked shards.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{PoisonError, RwLock};

/// Until when a name is remembered, and which of its tokens are affected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mark {
    pub before: i64,
    pub until: i64,
}

#[derive(Default)]
pub(crate) struct ShardedMap {
    /// Randomly seeded, because names come from outside.
    hasher: RandomState,
    shards: [RwLock<HashMap<Box<str>, Mark>>; 16],
    entries: AtomicUsize,
}

impl ShardedMap {
    pub fn find(&self, name: &str) -> Option<Mark> {
        // Most tables are usually empty; then nothing needs to be hashed and locked.
        if self.entries.load(Ordering::Acquire) == 0 {
            return None;
        }
        self.shard(name)
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(name)
            .copied()
    }

    /// A mark only ever gets stricter, whatever the order in which signals arrive.
    pub fn raise(&self, name: String, mark: Mark) {
        let mut shard = self.shard(&name).write().unwrap_or_else(PoisonError::into_inner);
        let before = shard.len();
        let held = shard.entry(name.into_boxed_str()).or_insert(mark);
        held.before = held.before.max(mark.before);
        held.until = held.until.max(mark.until);
        self.entries.fetch_add(shard.len() - before, Ordering::AcqRel);
    }

    /// Removes entries whose tokens have expired.
    pub fn purge(&self, now_s: i64) {
        for shard in &self.shards {
            let mut shard = shard.write().unwrap_or_else(PoisonError::into_inner);
            let before = shard.len();
            shard.retain(|_, mark| mark.until >= now_s);
            self.entries.fetch_sub(before - shard.len(), Ordering::AcqRel);
            if shard.capacity() > 64 && shard.len() < shard.capacity() / 4 {
                shard.shrink_to_fit();
            }
        }
    }

    pub fn len(&self) -> usize {
        self.entries.load(Ordering::Acquire)
    }

    fn shard(&self, name: &str) -> &RwLock<HashMap<Box<str>, Mark>> {
        &self.shards[self.hasher.hash_one(name) as usize % self.shards.len()]
    }
}
