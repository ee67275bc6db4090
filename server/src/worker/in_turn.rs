//! Work on many subscribers, some at a time.

use std::collections::BTreeSet;

use charging::usage::store::UsageError;
use futures::future::BoxFuture;

/// Does `work` on those that `next` names after the last one, until there are none. Where it fails for several, each is
/// tried alone, and one that fails alone holds up nobody.
///
/// # Errors
/// When `next` fails.
pub async fn in_turn<'a>(
    next: impl Fn(i64) -> BoxFuture<'a, Result<BTreeSet<i64>, UsageError>>,
    work: impl Fn(BTreeSet<i64>) -> BoxFuture<'a, Result<(), UsageError>>,
) -> anyhow::Result<()> {
    let mut after = i64::MIN;
    loop {
        let subscribers = next(after).await?;
        let Some(last) = subscribers.last() else { return Ok(()) };
        after = *last;
        let Err(error) = work(subscribers.clone()).await else { continue };
        tracing::warn!(error = format!("{error:?}"), "work on several subscribers failed; each is tried alone");
        for subscriber_id in subscribers {
            if let Err(error) = work(BTreeSet::from([subscriber_id])).await {
                tracing::error!(subscriber_id, error = format!("{error:?}"), "a subscriber is passed over");
            }
        }
    }
}
