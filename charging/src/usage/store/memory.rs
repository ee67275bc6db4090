//! What is remembered of subscribers between transactions, so that their sessions can be charged without reading it again.
//!
//! A subscriber's row names the lease under which the usage was read last in order to be remembered. Whoever changes the
//! usage, the allowances, the cap or the subscriptions otherwise takes the lease away while the row is locked. What was
//! remembered under a lease that the locked row does not name is not looked at.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hashlink::LruCache;
use sqlx::PgConnection;

use super::UsageError;
use super::load::{Key, Loaded};
use super::session_rows::Session;

/// Subscribers that are remembered, some kilobytes each; of more, those that were not heard of for longest are forgotten.
const SUBSCRIBERS_MAX: usize = 20_000;

/// A subscriber as the database has it.
#[derive(Clone, Debug)]
pub(super) struct Remembered {
    pub lease: i64,
    /// All that are open.
    pub sessions: Vec<Session>,
    /// One month: several share what rolls over.
    pub month: Option<(Key, Loaded)>,
}

/// Subscribers whose sessions were charged last.
#[derive(Clone)]
pub struct Memory(Arc<Mutex<Entries>>);

struct Entries {
    subscribers: LruCache<i64, Remembered>,
    epoch: Epoch,
}

/// What was taken out in one epoch is not put back in another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Epoch(u64);

impl Default for Memory {
    fn default() -> Self {
        let entries = Entries { subscribers: LruCache::new(SUBSCRIBERS_MAX), epoch: Epoch::default() };
        Self(Arc::new(Mutex::new(entries)))
    }
}

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Memory").field("subscribers", &self.lock().subscribers.len()).finish()
    }
}

impl Memory {
    /// Each entry is whole whenever the lock is free.
    fn lock(&self) -> MutexGuard<'_, Entries> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets everything. A database that was out of reach may have come back as it was some time ago: leases tell that
    /// nobody else wrote, not that what was committed is still there.
    pub fn forget(&self) {
        let mut entries = self.lock();
        entries.subscribers.clear();
        entries.epoch.0 += 1;
    }

    /// Takes out what was read under these leases; the rest of what is known of the subscribers is forgotten.
    pub(super) fn take(&self, leases: &BTreeMap<i64, Option<i64>>) -> (Epoch, Vec<(i64, Remembered)>) {
        let mut entries = self.lock();
        let known = leases.iter().filter_map(|(subscriber_id, lease)| {
            let remembered = entries.subscribers.remove(subscriber_id)?;
            (Some(remembered.lease) == *lease).then_some((*subscriber_id, remembered))
        });
        let known = known.collect();
        (entries.epoch, known)
    }

    /// Takes out what is remembered of subscribers, whatever their leases are by now; nothing where one is not known.
    pub(super) fn take_all(&self, subscribers: &BTreeSet<i64>) -> Option<(Epoch, Vec<(i64, Remembered)>)> {
        let mut entries = self.lock();
        if !subscribers.iter().all(|subscriber_id| entries.subscribers.contains_key(subscriber_id)) {
            return None;
        }
        let take = |subscriber_id: &i64| Some((*subscriber_id, entries.subscribers.remove(subscriber_id)?));
        let known = subscribers.iter().filter_map(take).collect();
        Some((entries.epoch, known))
    }

    /// Remembers subscribers as a transaction left them that began in this epoch and is committed.
    pub(super) fn keep(&self, epoch: Epoch, subscribers: impl Iterator<Item = (i64, Remembered)>) {
        let mut entries = self.lock();
        if entries.epoch == epoch {
            for (subscriber_id, remembered) in subscribers {
                entries.subscribers.insert(subscriber_id, remembered);
            }
        }
    }
}

/// Takes the lease of a subscriber away, who must be locked: something changes that is remembered.
///
/// # Errors
/// When the database fails.
pub async fn revoke_lease(conn: &mut PgConnection, subscriber_id: i64) -> Result<(), sqlx::Error> {
    set_lease(conn, &[subscriber_id], None).await
}

/// Gives subscribers that are locked a new lease.
pub(super) async fn lease(conn: &mut PgConnection, subscribers: &[i64]) -> Result<i64, UsageError> {
    let lease = rand::random();
    set_lease(conn, subscribers, Some(lease)).await?;
    Ok(lease)
}

/// Names the lease of subscribers that are locked; `None`: nobody remembers them rightly.
pub(super) async fn set_lease(
    conn: &mut PgConnection,
    subscribers: &[i64],
    lease: Option<i64>,
) -> Result<(), sqlx::Error> {
    if !subscribers.is_empty() {
        sqlx::query!(
            "update subscriber set usage_lease = $2
            where subscriber_id = any($1) and usage_lease is distinct from $2",
            subscribers,
            lease
        )
        .execute(conn)
        .await?;
    }
    Ok(())
}
