//! Which connections get a slot of a listener.
//!
//! One address may use at most half of the slots, loopback included, so that for example a probe beside a busy gateway
//! still gets in. If an address has used its share, or the listener is full, an idle connection is closed to make room:
//! the oldest one of the address with the most connections, and never one of an address that has fewer than the
//! newcomer's. If all connections are in use, the newcomer waits until one of them reaches its deadline.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

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
    /// The address has used its share, and all of its connections are busy.
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

    /// A slot for a connection from this address, as soon as there is one; `None` if the address has used its share.
    pub(crate) async fn place(self: &Arc<Self>, address: IpAddr) -> Option<Place> {
        let mut found = self.look(address);
        while matches!(found, Found::Full) {
            self.freed.notified().await;
            found = self.look(address);
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

    fn look(self: &Arc<Self>, address: IpAddr) -> Found {
        let peer = subscriber(address);
        let mut taken = self.taken();
        let own = taken.count(peer);
        if own >= share(self.limits.connections) {
            let Some(oldest) = taken.oldest_quiet([peer]) else {
                return Found::Nothing;
            };
            taken.evict(oldest);
        } else if taken.total >= self.limits.connections {
            let greedy = taken.by_count.iter().rev();
            let greedy = greedy
                .take_while(|(count, _)| *count > own)
                .map(|(_, peer)| *peer);
            let Some(oldest) = taken.oldest_quiet(greedy.chain([peer])) else {
                return Found::Full;
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
        self.places.taken().remove(self.peer, self.id);
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

    /// The oldest idle connection of the first of these addresses that has one.
    fn oldest_quiet(&self, addresses: impl IntoIterator<Item = IpAddr>) -> Option<(IpAddr, u64)> {
        addresses.into_iter().find_map(|peer| {
            let connections = self.peers.get(&peer)?;
            let (id, _) = connections.iter().find(|(_, activity)| activity.is_quiet())?;
            Some((peer, *id))
        })
    }

    fn evict(&mut self, (peer, id): (IpAddr, u64)) {
        if let Some(activity) = self.remove(peer, id) {
            activity.evict();
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

    #[test]
    fn nobody_takes_the_place_of_an_address_with_fewer_connections() {
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
