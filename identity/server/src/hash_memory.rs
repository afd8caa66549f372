//! The memory that argon2 works in, and the one place where it is computed.

use argon2::{Algorithm, Argon2, Block, Params, Version};

/// The memory that hashes are computed in, 19 MiB with the current parameters. It is kept between hashes: mapping its
/// pages anew would add a tenth to the cost of each.
#[derive(Default)]
pub(crate) struct Memory(Vec<Block>);

impl Memory {
    /// True if no memory is kept.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// argon2id as our own passwords have it.
    pub fn argon2id(
        &mut self,
        params: Params,
        secret: &[u8],
        salt: &[u8],
        out: &mut [u8],
    ) -> Result<(), argon2::Error> {
        self.argon2(Algorithm::Argon2id, Version::V0x13, params, secret, salt, out)
    }

    /// Any argon2.
    pub fn argon2(
        &mut self,
        algorithm: Algorithm,
        version: Version,
        params: Params,
        secret: &[u8],
        salt: &[u8],
        out: &mut [u8],
    ) -> Result<(), argon2::Error> {
        #[cfg(test)]
        work::ARGON2.with_borrow_mut(|done| {
            done.push((params.m_cost(), params.t_cost(), params.p_cost(), out.len()));
        });
        let blocks = params.block_count();
        if self.0.len() != blocks {
            self.0 = Vec::new();
            self.0
                .try_reserve_exact(blocks)
                .map_err(|_| argon2::Error::OutOfMemory)?;
            self.0.resize(blocks, Block::new());
        }
        Argon2::new(algorithm, version, params).hash_password_into_with_memory(secret, salt, out, &mut self.0)
    }
}

/// The work that was done, for tests: it is counted, not timed.
#[cfg(test)]
pub(crate) mod work {
    thread_local! {
        /// The cost of every argon2: memory, iterations, lanes, length.
        pub static ARGON2: std::cell::RefCell<Vec<(u32, u32, u32, usize)>> = const { std::cell::RefCell::new(Vec::new()) };
    }
}
