//! Which messages and calls a subscriber chose.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::Topic;

/// Notes whether the subscriber wants the messages of a topic.
///
/// # Errors
/// When there is no such subscriber or the database failed.
pub async fn choose(
    conn: &mut PgConnection,
    subscriber_id: i64,
    topic: Topic,
    wanted: bool,
    channel_id: &str,
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "insert into notice_choice (subscriber_id, topic, wanted, chosen_at, channel_id) values ($1, $2, $3, $4, $5)
        on conflict (subscriber_id, topic) do update set wanted = excluded.wanted, chosen_at = excluded.chosen_at,
            channel_id = excluded.channel_id",
        subscriber_id,
        topic.as_str(),
        wanted,
        now,
        channel_id,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Of these subscribers and topics, which are wanted.
///
/// # Errors
/// When the database failed.
pub async fn wanted(conn: &mut PgConnection, asked: &[(i64, Topic)]) -> Result<HashSet<(i64, Topic)>, sqlx::Error> {
    if asked.is_empty() {
        return Ok(HashSet::new());
    }
    let subscribers: Vec<i64> = asked.iter().map(|(subscriber_id, _)| *subscriber_id).collect();
    let topics: Vec<&str> = asked.iter().map(|(_, topic)| topic.as_str()).collect();
    let rows = sqlx::query!(
        "select c.subscriber_id, c.topic, c.wanted
        from (select distinct * from unnest($1::bigint[], $2::text[]) as k (subscriber_id, topic)) as k
        join notice_choice c on c.subscriber_id = k.subscriber_id and c.topic = k.topic",
        &subscribers,
        &topics as &[&str],
    )
    .fetch_all(conn)
    .await?;
    let chosen: HashMap<(i64, &str), bool> =
        rows.iter().map(|row| ((row.subscriber_id, row.topic.as_str()), row.wanted)).collect();
    let is_wanted = |(subscriber_id, topic): &(i64, Topic)| {
        let choice = chosen.get(&(*subscriber_id, topic.as_str()));
        choice.copied().unwrap_or_else(|| topic.is_wanted_unless_chosen())
    };
    Ok(asked.iter().copied().filter(is_wanted).collect())
}
