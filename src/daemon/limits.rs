//! How often somebody may ask, and how much at once one person, or one network of strangers, may have.
//!
//! One allowance per person, whatever number of devices they have; whoever is no member shares one with everybody at
//! the same network address. Both tables are bounded, and apart: strangers can fill theirs, and then only strangers
//! are refused. This module must never remember more than one time per name.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

const MINUTE: Duration = Duration::from_secs(60);

/// So many requests a minute for each name, in any rhythm: a minute's worth may come at once.
pub struct RateLimiter<K> {
    capacity: usize,
    /// When the allowance of each name will be whole again (the generic cell rate algorithm). Past: it is whole.
    whole_at: Mutex<HashMap<K, Instant>>,
}

impl<K: Eq + Hash> RateLimiter<K> {
    /// For at most `capacity` names that asked within the last minute.
    pub fn new(capacity: usize) -> Self {
        Self { capacity, whole_at: Mutex::new(HashMap::new()) }
    }

    /// Counts one request of `per_minute` that each name has, or says how long to wait. Zero counts as one.
    pub fn take(&self, name: K, per_minute: u32, now: Instant) -> Result<(), Duration> {
        // The map is whole after every statement: a panic elsewhere does not spoil it.
        let mut whole_at = self.whole_at.lock().unwrap_or_else(PoisonError::into_inner);
        if whole_at.len() >= self.capacity && !whole_at.contains_key(&name) {
            whole_at.retain(|_, at| *at > now);
            if whole_at.len() >= self.capacity {
                return Err(MINUTE);
            }
        }
        let at = whole_at.entry(name).or_insert(now);
        let next = (*at).max(now) + MINUTE / per_minute.max(1);
        let wait = next.saturating_duration_since(now).saturating_sub(MINUTE);
        if wait.is_zero() {
            *at = next;
            Ok(())
        } else {
            Err(wait)
        }
    }
}

/// So much at once for each name. Clones share the count; it remembers only names of which somebody is there.
pub struct Crowd<K> {
    most: usize,
    there: Arc<Mutex<HashMap<K, usize>>>,
}

impl<K> Clone for Crowd<K> {
    fn clone(&self) -> Self {
        Self { most: self.most, there: Arc::clone(&self.there) }
    }
}

/// What somebody has of what there is, until it is dropped.
pub struct Presence<K: Eq + Hash + Copy> {
    crowd: Crowd<K>,
    name: K,
    amount: usize,
}

impl<K: Eq + Hash + Copy> Crowd<K> {
    /// At most `most` of each name; zero lets nobody in.
    pub fn new(most: usize) -> Self {
        Self { most, there: Arc::default() }
    }

    /// Lets one more in, unless there are enough.
    pub fn enter(&self, name: K) -> Option<Presence<K>> {
        let mut presence = Presence { crowd: self.clone(), name, amount: 0 };
        presence.grow(1).then_some(presence)
    }
}

impl<K: Eq + Hash + Copy> Presence<K> {
    /// Takes so much more, unless that would be too much of this name.
    pub fn grow(&mut self, by: usize) -> bool {
        // The map is whole after every statement: a panic elsewhere does not spoil it.
        let mut there = self.crowd.there.lock().unwrap_or_else(PoisonError::into_inner);
        let count = there.get(&self.name).copied().unwrap_or_default();
        match count.checked_add(by).filter(|count| *count <= self.crowd.most) {
            Some(count) => {
                there.insert(self.name, count);
                self.amount += by;
                true
            }
            None => false,
        }
    }
}

impl<K: Eq + Hash + Copy> Drop for Presence<K> {
    fn drop(&mut self) {
        if self.amount == 0 {
            return;
        }
        let mut there = self.crowd.there.lock().unwrap_or_else(PoisonError::into_inner);
        match there.get_mut(&self.name) {
            Some(count) if *count > self.amount => *count -= self.amount,
            _ => drop(there.remove(&self.name)),
        }
    }
}

/// Under which name a stranger counts: the address, or for IPv6 the network of 2^64 that one customer has.
pub fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(v6) => match v6.to_ipv4_mapped() {
            Some(v4) => v4.into(),
            None => Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64).into(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minutes_worth_at_once_then_one_at_a_time() {
        let limiter = RateLimiter::new(10);
        let start = Instant::now();
        for _ in 0..6 {
            assert_eq!(limiter.take("a", 6, start), Ok(()));
        }
        assert_eq!(limiter.take("a", 6, start), Err(Duration::from_secs(10)));
        assert_eq!(limiter.take("b", 6, start), Ok(()), "each has their own allowance");
        let later = start + Duration::from_secs(10);
        assert_eq!(limiter.take("a", 6, later), Ok(()));
        assert_eq!(limiter.take("a", 6, later), Err(Duration::from_secs(10)));
        assert_eq!((0..9).filter(|_| limiter.take("a", 6, start + 3 * MINUTE).is_ok()).count(), 6);
    }

    #[test]
    fn the_table_is_bounded_and_frees_itself() {
        let limiter = RateLimiter::new(2);
        let start = Instant::now();
        assert_eq!((limiter.take(1, 60, start), limiter.take(2, 60, start)), (Ok(()), Ok(())));
        assert_eq!(limiter.take(3, 60, start), Err(MINUTE));
        assert_eq!(limiter.take(1, 60, start), Ok(()), "who is known already goes on");
        let later = start + Duration::from_secs(2);
        assert_eq!(limiter.take(3, 60, later), Ok(()));
        assert_eq!(limiter.whole_at.lock().unwrap().len(), 1);
    }

    #[test]
    fn a_crowd_is_counted_by_name_and_forgotten() {
        let crowd = Crowd::new(2);
        let first = crowd.enter("here").unwrap();
        let second = crowd.enter("here").unwrap();
        assert!(crowd.enter("here").is_none());
        let other = crowd.enter("there").unwrap();
        drop(first);
        let third = crowd.enter("here").unwrap();
        assert!(crowd.enter("here").is_none());
        drop((second, third, other));
        assert!(crowd.there.lock().unwrap().is_empty());
        assert!(Crowd::new(0).enter("here").is_none());
    }

    #[test]
    fn what_somebody_takes_more_they_give_back_whole() {
        let crowd = Crowd::new(10);
        let mut first = crowd.enter("here").unwrap();
        assert!(first.grow(7) && !first.grow(3) && first.grow(2));
        assert!(crowd.enter("here").is_none() && !first.grow(usize::MAX));
        drop(first);
        let mut again = crowd.enter("here").unwrap();
        assert!(again.grow(9));
        drop(again);
        assert!(crowd.there.lock().unwrap().is_empty());
    }

    #[test]
    fn one_customers_network_is_one_name() {
        let name = |text: &str| network(text.parse().unwrap());
        assert_eq!(name("2001:db8:1:2:3:4:5:6"), name("2001:db8:1:2::"));
        assert_ne!(name("2001:db8:1:2::1"), name("2001:db8:1:3::1"));
        assert_eq!(name("::ffff:192.0.2.1"), name("192.0.2.1"));
        assert_ne!(name("192.0.2.1"), name("192.0.2.2"));
    }
}
