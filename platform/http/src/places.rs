//! Which connections get a slot of a listener.
//!
//! One address has half of them at most, loopback's included: what is beside a busy gateway, a probe for instance, still
//! gets in. An address that is at its share, and a listener that is full, make room by ending a connection on which
//! nothing is under way: of the address with the most connections the oldest, and never one of an address that has
//! fewer than the newcomer's. Where everything is in use, an address that has at least two more than the newcomer's loses
//! its oldest connection in spite of that, once it is older than any answer is waited for: what is under way on it may
//! finish. Else an address without a place waits for the deadline of somebody else, and one that has some is refused.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::timeout;

use crate::activity::Activity;
use crate::{Limits, subscriber};

/// The slots of a listener.
#[derive(Debug)]
pub(crate) struct Places {
    limits: Arc<Limits>,
    taken: Mutex<Taken>,
    /// Notified when a slot becomes free, or a connection becomes idle and could give up its own.
    freed: Arc<Notify>,
}

#[derive(Debug, Default)]
struct Taken {
    /// The connections of each address, in order of arrival.
    peers: HashMap<IpAddr, BTreeMap<u64, Arc<Activity>>>,
    /// The same addresses, ordered by their number of connections.
    by_count: BTreeSet<(usize, IpAddr)>,
    total: usize,
    /// How many have lost their places and still live.
    leaving: usize,
    next: u64,
}

/// The slot of one connection, which becomes free when this is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    places: Arc<Places>,
    peer: IpAddr,
    id: u64,
    activity: Arc<Activity>,
}

/// The result of looking for a slot.
#[derive(Debug)]
enum Found {
    Place(Place),
    /// Its address has its share, or about as many places as any, and uses all of them.
    Nothing,
    /// All slots are in use.
    Full,
}

impl Places {
    pub(crate) fn new(limits: &Limits) -> Arc<Self> {
        Arc::new(Self {
            limits: Arc::new(limits.clone()),
            taken: Mutex::default(),
            freed: Arc::default(),
        })
    }

    /// A place for a connection from this address, as soon as there is one; `None` when it has its share.
    pub(crate) async fn place(self: &Arc<Self>, address: IpAddr) -> Option<Place> {
        let mut found = self.find(address);
        while matches!(found, Found::Full) {
            // Connections grow old without a word.
            let _either = timeout(AGAIN, self.freed.notified()).await;
            found = self.find(address);
            // Two slots that become free at once are one notification, and another task may wait for the second.
            if matches!(found, Found::Place(_)) {
                self.freed.notify_one();
            }
        }
        match found {
            Found::Place(place) => Some(place),
            Found::Nothing | Found::Full => None,
        }
    }

    fn find(self: &Arc<Self>, address: IpAddr) -> Found {
        let peer = subscriber(address);
        let mut taken = self.taken();
        let own = taken.count(peer);
        if own >= share(self.limits.connections) {
            let Some(oldest) = taken.oldest([peer], Activity::is_quiet) else {
                return Found::Nothing;
            };
            taken.evict(oldest);
        } else if taken.total >= self.limits.connections {
            let Some(oldest) = self.to_evict(&taken, peer, own) else {
                let waits = own == 0 || taken.greedier_than(own + 1).next().is_some();
                return if waits { Found::Full } else { Found::Nothing };
            };
            taken.evict(oldest);
        }
        let activity = Arc::new(Activity::new(self.limits.clone(), self.freed.clone()));
        let id = taken.add(peer, activity.clone());
        Found::Place(Place {
            places: self.clone(),
            peer,
            id,
            activity,
        })
    }

    /// Whose place a newcomer takes when all are taken.
    fn to_evict(&self, taken: &Taken, peer: IpAddr, own: usize) -> Option<(IpAddr, u64)> {
        let quiet = taken.oldest(taken.greedier_than(own).chain([peer]), Activity::is_quiet);
        quiet.or_else(|| {
            let old = |activity: &Activity| activity.is_older_than(self.limits.answer);
            if taken.leaving >= leaving(self.limits.connections) {
                return None;
            }
            taken.oldest(taken.greedier_than(own + 1), old)
        })
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    pub(crate) fn activity(&self) -> &Arc<Activity> {
        &self.activity
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.places.taken().leave(self.peer, self.id);
        self.places.freed.notify_one();
    }
}

impl Taken {
    fn count(&self, peer: IpAddr) -> usize {
        self.peers.get(&peer).map_or(0, BTreeMap::len)
    }

    fn add(&mut self, peer: IpAddr, activity: Arc<Activity>) -> u64 {
        self.next += 1;
        self.recount(peer, |connections, next| {
            connections.insert(next, activity);
        });
        self.total += 1;
        self.next
    }

    /// `None` if it was evicted before.
    fn remove(&mut self, peer: IpAddr, id: u64) -> Option<Arc<Activity>> {
        let mut removed = None;
        self.recount(peer, |connections, _| removed = connections.remove(&id));
        self.total -= usize::from(removed.is_some());
        removed
    }

    /// The addresses that have more than so many, the one with the most first.
    fn greedier_than(&self, count: usize) -> impl Iterator<Item = IpAddr> {
        let most_first = self.by_count.iter().rev();
        most_first
            .take_while(move |(has, _)| *has > count)
            .map(|(_, peer)| *peer)
    }

    /// The oldest connection that is like this, of the first of these addresses that has one.
    fn oldest(
        &self,
        addresses: impl IntoIterator<Item = IpAddr>,
        like: impl Fn(&Activity) -> bool,
    ) -> Option<(IpAddr, u64)> {
        addresses.into_iter().find_map(|peer| {
            let connections = self.peers.get(&peer)?;
            let (id, _) = connections.iter().find(|(_, activity)| like(activity))?;
            Some((peer, *id))
        })
    }

    fn evict(&mut self, (peer, id): (IpAddr, u64)) {
        if let Some(activity) = self.remove(peer, id) {
            activity.evict();
            self.leaving += 1;
        }
    }

    /// A connection is over.
    fn leave(&mut self, peer: IpAddr, id: u64) {
        if self.remove(peer, id).is_none() {
            self.leaving -= 1;
        }
    }

    fn recount(&mut self, peer: IpAddr, change: impl FnOnce(&mut BTreeMap<u64, Arc<Activity>>, u64)) {
        let connections = self.peers.entry(peer).or_default();
        let before = connections.len();
        change(connections, self.next);
        let after = connections.len();
        self.by_count.remove(&(before, peer));
        if after == 0 {
            self.peers.remove(&peer);
        } else {
            self.by_count.insert((after, peer));
        }
    }
}

/// How many slots one address may use.
fn share(connections: usize) -> usize {
    connections.div_ceil(2)
}

/// How many that still live may have lost their places in use.
fn leaving(connections: usize) -> usize {
    connections.div_ceil(16)
}

/// How long a newcomer waits at most before it looks again.
const AGAIN: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    fn places(connections: usize) -> Arc<Places> {
        Places::new(&Limits {
            connections,
            ..Limits::default()
        })
    }

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn is_evicted(place: &Place) -> bool {
        place.activity.evicted().now_or_never().is_some()
    }

    /// A slot, without waiting.
    fn get(places: &Arc<Places>, text: &str) -> Option<Place> {
        places.place(address(text)).now_or_never().flatten()
    }

    #[test]
    fn an_address_at_its_share_loses_its_oldest_quiet_connection() {
        let places = places(6);
        let others = get(&places, "192.0.2.9").unwrap();
        let mine: Vec<Place> = (0..3).filter_map(|_| get(&places, "192.0.2.1")).collect();
        let _under_way = mine[0].activity.begin();
        let _newest = get(&places, "192.0.2.1").unwrap();
        assert_eq!(
            mine.iter().map(is_evicted).collect::<Vec<_>>(),
            [false, true, false]
        );
        assert!(!is_evicted(&others));
    }

    #[test]
    fn an_address_that_uses_all_of_its_share_is_refused_and_others_are_not() {
        let places = places(4);
        let mine: Vec<Place> = (0..2).filter_map(|_| get(&places, "127.0.0.1")).collect();
        let _under_way: Vec<_> = mine.iter().map(|place| place.activity.begin()).collect();
        let refused = places.place(address("::ffff:127.0.0.1")).now_or_never();
        assert!(refused.expect("it does not wait").is_none());
        assert!(get(&places, "192.0.2.1").is_some());
    }

    #[test]
    fn a_full_listener_takes_from_the_address_with_the_most_connections() {
        let places = places(4);
        let greedy: Vec<Place> = (0..2).filter_map(|_| get(&places, "2001:db8::1")).collect();
        let modest = [get(&places, "192.0.2.1"), get(&places, "192.0.2.2")].map(Option::unwrap);
        let newcomer = get(&places, "192.0.2.3").expect("room is made");
        assert_eq!(greedy.iter().map(is_evicted).collect::<Vec<_>>(), [true, false]);
        assert!(!modest.iter().chain([&newcomer]).any(is_evicted));
        assert_eq!(places.taken().total, 4);
    }

    #[tokio::test]
    async fn connections_in_use_keep_nobody_out_for_good() {
        let places = Places::new(&Limits {
            connections: 4,
            answer: Duration::ZERO,
            ..Limits::default()
        });
        let greedy = ["192.0.2.1", "192.0.2.1", "192.0.2.2", "192.0.2.2"];
        let greedy: Vec<Place> = greedy.iter().filter_map(|peer| get(&places, peer)).collect();
        let _under_way: Vec<_> = greedy.iter().map(|place| place.activity.begin()).collect();
        let newcomer = get(&places, "192.0.2.3").expect("room is made");
        let _its_own = newcomer.activity.begin();
        assert_eq!(
            greedy.iter().map(is_evicted).collect::<Vec<_>>(),
            [false, false, true, false]
        );
        // No other loses its place in use while that one still lives.
        assert!(get(&places, "192.0.2.4").is_none());
        assert!(!is_evicted(&greedy[0]) && !is_evicted(&newcomer));
        // An address that has some, and nobody two more, keeps nobody behind it waiting.
        let refused = places.place(address("192.0.2.3")).now_or_never();
        assert!(refused.expect("it does not wait").is_none());
        drop(greedy);
        let taken = places.taken();
        assert_eq!((taken.total, taken.leaving), (1, 0));
    }

    #[tokio::test]
    async fn nobody_takes_the_place_of_an_address_with_fewer_connections() {
        let places = places(4);
        let mine = get(&places, "192.0.2.1").unwrap();
        let _under_way = mine.activity.begin();
        let _others: Vec<Place> = ["192.0.2.2", "192.0.2.3", "192.0.2.4"]
            .iter()
            .filter_map(|other| get(&places, other))
            .collect();
        assert!(get(&places, "192.0.2.1").is_none(), "all have one already");
        assert!(get(&places, "192.0.2.5").is_some());
    }

    #[tokio::test]
    async fn whoever_waits_gets_the_place_of_the_first_to_leave_or_fall_quiet() {
        let places = places(2);
        let first = get(&places, "192.0.2.1").unwrap();
        let second = get(&places, "192.0.2.2").unwrap();
        let (one, _two) = (first.activity.begin(), second.activity.begin());
        let waiting = places.place(address("192.0.2.3"));
        let (third, ()) = tokio::join!(waiting, async { drop(one) });
        assert!(third.is_some() && is_evicted(&first));
        let _three = third.as_ref().unwrap().activity.begin();
        let waiting = places.place(address("192.0.2.4"));
        let (fourth, ()) = tokio::join!(waiting, async { drop(second) });
        assert!(fourth.is_some());
        drop((first, third, fourth));
        assert_eq!(places.taken().total, 0);
        assert!(places.taken().peers.is_empty() && places.taken().by_count.is_empty());
    }
}
