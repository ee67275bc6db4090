//! Which messages a subscriber chose not to get.

use std::collections::HashSet;

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

/// Of these subscribers and topics, which are not wanted.
///
/// # Errors
/// When the database failed.
pub async fn unwanted(conn: &mut PgConnection, asked: &[(i64, Topic)]) -> Result<HashSet<(i64, String)>, sqlx::Error> {
    if asked.is_empty() {
        return Ok(HashSet::new());
    }
    let subscribers: Vec<i64> = asked.iter().map(|(subscriber_id, _)| *subscriber_id).collect();
    let topics: Vec<String> = asked.iter().map(|(_, topic)| topic.as_str().to_owned()).collect();
    let rows = sqlx::query!(
        r#"select c.subscriber_id, c.topic
        from (select distinct * from unnest($1::bigint[], $2::text[]) as k (subscriber_id, topic)) as k
        join notice_choice c on c.subscriber_id = k.subscriber_id and c.topic = k.topic and not c.wanted"#,
        &subscribers,
        &topics,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| (row.subscriber_id, row.topic)).collect())
}
