//! How many streams each user has open: each costs a connection to a service, so there is a limit.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The open streams by user. Cloning is cheap.
#[derive(Clone, Debug, Default)]
pub struct Followers(Arc<Mutex<HashMap<String, usize>>>);

/// A place for one stream, until it is dropped.
#[derive(Debug)]
pub struct Place {
    followers: Followers,
    sub: String,
}

/// The most streams of one user, however often they have signed in: a few tabs.
pub const MOST: usize = 8;

impl Followers {
    /// A place for another stream of this user, if there is one.
    pub fn place(&self, sub: &str) -> Option<Place> {
        let mut open = self.open();
        let count = open.entry(sub.to_owned()).or_default();
        if *count >= MOST {
            return None;
        }
        *count += 1;
        Some(Place {
            followers: self.clone(),
            sub: sub.to_owned(),
        })
    }

    fn open(&self) -> MutexGuard<'_, HashMap<String, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.followers.open();
        if let Some(count) = open.get_mut(&self.sub) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.sub);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_has_a_few_streams_and_gets_their_places_back() {
        let followers = Followers::default();
        let mut places: Vec<Place> = (0..MOST).filter_map(|_| followers.place("alice")).collect();
        assert_eq!(places.len(), MOST);
        assert!(followers.place("alice").is_none() && followers.place("bob").is_some());
        places.pop();
        assert!(followers.place("alice").is_some());
        drop(places);
        assert!(followers.open().is_empty(), "nothing is kept of who has left");
    }
}
