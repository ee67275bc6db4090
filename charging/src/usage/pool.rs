//! The allowances of a month and who took what from them, so that the order of arrival does not matter.
//!
//! Records that could use the same set of allowances form a *class*. As long as such sets are nested, serving each
//! record narrowest first is enough. Where they cross (a directed allowance since the 1st and a general add-on since the
//! 15th), a record that finds its allowances full first tries to move what other classes took to other allowances that
//! those classes may use as well: an augmenting path. Each unit thus ends on the best-ranked allowance with room that
//! can be reached, and what is left over is total demand minus maximum flow, whatever came first. A unit that was
//! served is never turned away later, so no charge is ever taken back.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};

use super::UsageRecord;
use super::allowance::{AllowanceId, Grant, InvalidAllowanceId, Subscribed, rank};
use super::threshold::Meter;
use crate::clock::Month;
use crate::quantity::Service;

/// All records of a month that could use exactly these allowances.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Class {
    /// The month in which the records started.
    pub month: Month,
    /// Sorted.
    pub allowances: Vec<AllowanceId>,
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.month)?;
        self.allowances.iter().try_for_each(|id| write!(f, " {id}"))
    }
}

impl FromStr for Class {
    type Err = InvalidAllowanceId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut words = text.split(' ');
        let month = words.next().and_then(|word| word.parse().ok());
        let month = month.ok_or_else(|| InvalidAllowanceId(text.to_owned()))?;
        Ok(Self { month, allowances: words.map(str::parse).collect::<Result<_, _>>()? })
    }
}

/// An allowance and what was taken from it.
#[derive(Clone, Debug)]
pub struct Held {
    pub grant: Grant,
    pub used: u64,
    /// Held for charging sessions that are open: what may be granted to others is less by it. What was used is rated as
    /// if nothing were held, so that a bill does not depend on who asked first.
    pub reserved: u64,
    /// Units by the class that took them; adds up to `used`.
    pub taken: BTreeMap<Class, u64>,
}

impl Held {
    pub fn unused(grant: Grant) -> Self {
        Self { grant, used: 0, reserved: 0, taken: BTreeMap::new() }
    }

    /// Units that a record can still take.
    pub fn left(&self) -> u64 {
        self.grant.granted.saturating_sub(self.used)
    }

    /// Whether it is there for a record of this service, start and rating group.
    fn serves(&self, record: &UsageRecord) -> bool {
        let grant = &self.grant;
        grant.service == record.service
            && (grant.valid_from..grant.valid_until).contains(&record.started_at)
            && (grant.rating_groups.is_empty()
                || record.rating_group.is_some_and(|group| grant.rating_groups.binary_search(&group).is_ok()))
    }
}

#[derive(Clone, Debug)]
struct Slot {
    /// With `taken` empty: it stands below, by index into `Pool::classes`.
    held: Held,
    taken: BTreeMap<usize, u64>,
    changed: bool,
}

impl Slot {
    fn reserve(&mut self, reserved: u64) {
        self.changed |= reserved != self.held.reserved;
        self.held.reserved = reserved;
    }
}

#[derive(Clone, Debug)]
struct KnownClass {
    class: Class,
    /// Indices into `Pool::slots`, best rank first.
    members: Vec<usize>,
}

/// How a search came to an allowance.
#[derive(Clone, Copy)]
enum Reached {
    /// The record itself may use it.
    Directly,
    /// By moving what `class` took there away from the allowance `from`.
    Moving { class: usize, from: usize },
}

/// The allowances that records of one month may use, and those that these could make room on.
#[derive(Clone, Debug)]
pub struct Pool {
    month: Month,
    slots: Vec<Slot>,
    classes: Vec<KnownClass>,
}

impl Pool {
    /// Allowances with the subscriptions that granted them.
    pub fn new<'a>(month: Month, held: impl IntoIterator<Item = (Held, &'a Subscribed)>) -> Self {
        let mut ranked: Vec<_> = held.into_iter().collect();
        ranked.sort_by(|(a, by_a), (b, by_b)| rank(&a.grant, by_a, month).cmp(&rank(&b.grant, by_b, month)));
        let slots = ranked.into_iter().map(|(held, _)| Slot { held, taken: BTreeMap::new(), changed: false });
        let mut pool = Self { month, slots: slots.collect(), classes: Vec::new() };
        for index in 0..pool.slots.len() {
            for (class, quantity) in std::mem::take(&mut pool.slots[index].held.taken) {
                let class = pool.intern(class);
                pool.slots[index].taken.insert(class, quantity);
            }
        }
        pool
    }

    /// Takes up to `wanted` units for a record, moving others where that makes room. Returns what was taken, and from
    /// which of the record's own allowances.
    pub fn serve(&mut self, record: &UsageRecord, wanted: u64) -> Vec<(AllowanceId, u64)> {
        let members: Vec<usize> = (0..self.slots.len()).filter(|i| self.slots[*i].held.serves(record)).collect();
        if wanted == 0 || members.is_empty() {
            return Vec::new();
        }
        let class = self.class_of(&members);
        let mut left = wanted;
        let mut split: Vec<(AllowanceId, u64)> = Vec::new();
        while left > 0 {
            let Some((slot, taken)) = self.take(class, left) else { break };
            left -= taken;
            let id = self.slots[slot].held.grant.id;
            match split.iter_mut().find(|(known, _)| *known == id) {
                Some((_, quantity)) => *quantity += taken,
                None => split.push((id, taken)),
            }
        }
        split
    }

    /// Holds what a forecast of the same allowances takes beyond what is used.
    pub fn reserve(&mut self, forecast: &Self) {
        for (slot, then) in self.slots.iter_mut().zip(&forecast.slots) {
            // Serving a record may move others, but never lowers what is used of an allowance.
            slot.reserve(then.held.used - slot.held.used);
        }
    }

    /// Holds nothing.
    pub fn reserve_nothing(&mut self) {
        for slot in &mut self.slots {
            slot.reserve(0);
        }
    }

    /// What the month can use at an instant, the allowances of one service and the same rating groups together.
    pub fn meters(&self, at: DateTime<Utc>) -> Vec<Meter> {
        let mut meters: Vec<Meter> = Vec::new();
        for Slot { held, taken, .. } in &self.slots {
            let Held { grant, used, .. } = held;
            if !(grant.valid_from..grant.valid_until).contains(&at) {
                continue;
            }
            let before = taken.iter().filter(|(class, _)| self.classes[**class].class.month < self.month);
            let before: u64 = before.map(|(_, quantity)| quantity).sum();
            let same =
                |meter: &&mut Meter| meter.service == grant.service && meter.rating_groups == grant.rating_groups;
            let (available, used) = (grant.granted - before, used - before);
            match meters.iter_mut().find(same) {
                Some(meter) => {
                    meter.available += available;
                    meter.used += used;
                }
                None => meters.push(Meter {
                    service: grant.service,
                    rating_groups: grant.rating_groups.clone(),
                    available,
                    used,
                }),
            }
        }
        meters
    }

    /// When the next of them that serve a service stops to be usable.
    pub fn next_end(&self, service: Service, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let ends = self.slots.iter().map(|slot| &slot.held.grant).filter(|grant| grant.service == service);
        ends.map(|grant| grant.valid_until).filter(|end| *end > now).min()
    }

    /// The allowances as they stand, best rank first.
    pub fn iter(&self) -> impl Iterator<Item = Held> {
        self.slots.iter().map(|slot| self.named(slot))
    }

    /// From now on, what changes is what changed since.
    pub fn mark_saved(&mut self) {
        for slot in &mut self.slots {
            slot.changed = false;
        }
    }

    /// The allowances that changed.
    pub fn changed(&self) -> impl Iterator<Item = Held> {
        self.slots.iter().filter(|slot| slot.changed).map(|slot| self.named(slot))
    }

    fn named(&self, slot: &Slot) -> Held {
        let taken = slot.taken.iter().filter(|(_, quantity)| **quantity > 0);
        let taken = taken.map(|(class, quantity)| (self.classes[*class].class.clone(), *quantity)).collect();
        Held { taken, ..slot.held.clone() }
    }

    fn intern(&mut self, class: Class) -> usize {
        if let Some(known) = self.classes.iter().position(|known| known.class == class) {
            return known;
        }
        let is_member = |slot: &Slot| class.allowances.binary_search(&slot.held.grant.id).is_ok();
        let members = (0..self.slots.len()).filter(|i| is_member(&self.slots[*i])).collect();
        self.classes.push(KnownClass { class, members });
        self.classes.len() - 1
    }

    fn class_of(&mut self, members: &[usize]) -> usize {
        let same = |known: &KnownClass| {
            known.class.month == self.month && known.members == members && known.class.allowances.len() == members.len()
        };
        self.classes.iter().position(same).unwrap_or_else(|| {
            let mut allowances: Vec<_> = members.iter().map(|i| self.slots[*i].held.grant.id).collect();
            allowances.sort_unstable();
            self.intern(Class { month: self.month, allowances })
        })
    }

    /// Takes units from the best-ranked allowance with room that can be reached: how many, and which allowance of the
    /// class they came from in the end. `None` when nothing more can be had.
    fn take(&mut self, class: usize, wanted: u64) -> Option<(usize, u64)> {
        let first = *self.classes[class].members.first()?;
        let reached = if self.slots[first].held.left() > 0 {
            BTreeMap::from([(first, Reached::Directly)])
        } else {
            self.search(class)
        };
        let target = *reached.keys().find(|slot| self.slots[**slot].held.left() > 0)?;
        let mut quantity = wanted.min(self.slots[target].held.left());
        let mut at = target;
        while let Reached::Moving { class, from } = reached[&at] {
            quantity = quantity.min(self.slots[from].taken[&class]);
            at = from;
        }
        self.slots[target].held.used += quantity;
        at = target;
        while let Reached::Moving { class, from } = reached[&at] {
            *self.slots[at].taken.entry(class).or_insert(0) += quantity;
            self.slots[from].taken.entry(class).and_modify(|taken| *taken -= quantity);
            self.slots[at].changed = true;
            at = from;
        }
        *self.slots[at].taken.entry(class).or_insert(0) += quantity;
        self.slots[at].changed = true;
        Some((at, quantity))
    }

    /// Every allowance that a class can use, directly or by moving others; shortest ways first. What records of earlier
    /// months took stays where it is: their month was narrowest first too, and what it left is what rolled over.
    fn search(&self, class: usize) -> BTreeMap<usize, Reached> {
        let own = &self.classes[class].members;
        let mut reached: BTreeMap<usize, Reached> = own.iter().map(|slot| (*slot, Reached::Directly)).collect();
        let mut queue: VecDeque<usize> = own.iter().copied().collect();
        while let Some(from) = queue.pop_front() {
            for (class, quantity) in &self.slots[from].taken {
                let KnownClass { class: Class { month, .. }, members } = &self.classes[*class];
                if *quantity == 0 || *month < self.month {
                    continue;
                }
                for to in members {
                    reached.entry(*to).or_insert_with(|| {
                        queue.push_back(*to);
                        Reached::Moving { class: *class, from }
                    });
                }
            }
        }
        reached
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_class_is_named_and_read_back() {
        let id = |ordinal| AllowanceId { subscription_id: 12, month: "2026-09".parse().unwrap(), ordinal };
        let class = Class { month: "2026-10".parse().unwrap(), allowances: vec![id(0), id(2)] };
        assert_eq!(class.to_string(), "2026-10 12/2026-09/0 12/2026-09/2");
        assert_eq!(class.to_string().parse(), Ok(class));
        assert!("".parse::<Class>().is_err());
        assert!("2026-10 x".parse::<Class>().is_err());
    }
}
