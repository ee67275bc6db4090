//! What the SMS centre tells of parts that it took. A receipt may come before its part is stored, and its id in another
//! notation than the one in which the centre gave it out: decimal here, hexadecimal there.

#[cfg(feature = "postgres")]
use chrono::{DateTime, TimeDelta, Utc};
#[cfg(feature = "postgres")]
use sqlx::PgConnection;

#[cfg(feature = "postgres")]
use super::{queue::clipped, store::NoticeError};

/// Longest id of a message, in characters, as SMPP has it.
pub const MESSAGE_ID_CHARS_MAX: usize = 64;
/// Shorter ids are taken as they are: another number may well look like them.
const CONVERTED_CHARS_MIN: usize = 6;
/// Receipts matched at a time.
#[cfg(feature = "postgres")]
const BATCH: i64 = 2_000;
/// A receipt waits so long for its part.
#[cfg(feature = "postgres")]
const WAITS: TimeDelta = TimeDelta::minutes(10);

/// What became of a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Delivered,
    Undelivered,
}

impl Outcome {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Undelivered => "undelivered",
        }
    }
}

/// What the centre tells of a part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    pub subscriber_id: i64,
    /// As [`notation`] has it.
    pub message_id: String,
    pub outcome: Outcome,
    /// Why it did not arrive.
    pub error: Option<String>,
}

/// An id in the one notation in which ids are stored: lower case, without leading zeros.
pub fn notation(message_id: &str) -> String {
    let id: String = message_id.chars().filter(char::is_ascii_graphic).take(MESSAGE_ID_CHARS_MAX).collect();
    let id = id.to_ascii_lowercase();
    let stripped = id.trim_start_matches('0');
    if stripped.is_empty() && !id.is_empty() { "0".to_owned() } else { stripped.to_owned() }
}

/// What an id may look like in the answer to `submit_sm`: itself first, then the same number in hexadecimal and decimal.
pub fn forms(id: &str) -> Vec<String> {
    let mut forms = vec![id.to_owned()];
    if id.len() >= CONVERTED_CHARS_MIN {
        forms.extend(id.parse::<u64>().ok().map(|number| format!("{number:x}")));
        forms.extend(u64::from_str_radix(id, 16).ok().map(|number| number.to_string()));
    }
    forms
}

/// Keeps receipts until [`settle`] matches them. One that came before is not kept again.
///
/// # Errors
/// When the database failed.
#[cfg(feature = "postgres")]
pub async fn keep(conn: &mut PgConnection, receipts: &[Receipt], now: DateTime<Utc>) -> Result<(), NoticeError> {
    let subscribers: Vec<i64> = receipts.iter().map(|receipt| receipt.subscriber_id).collect();
    let ids: Vec<&str> = receipts.iter().map(|receipt| receipt.message_id.as_str()).collect();
    let forms: Vec<String> = receipts.iter().map(|receipt| forms(&receipt.message_id).join(" ")).collect();
    let outcomes: Vec<&str> = receipts.iter().map(|receipt| receipt.outcome.as_str()).collect();
    let errors: Vec<Option<String>> = receipts.iter().map(|receipt| receipt.error.as_deref().map(clipped)).collect();
    sqlx::query!(
        "insert into sms_receipt (received_at, subscriber_id, message_id, forms, outcome, error)
        select $1, v.subscriber_id, v.message_id, string_to_array(v.forms, ' '), v.outcome, v.error
        from unnest($2::bigint[], $3::text[], $4::text[], $5::text[], $6::text[])
            as v (subscriber_id, message_id, forms, outcome, error)
        on conflict (subscriber_id, message_id) do nothing",
        now,
        &subscribers,
        &ids as &[&str],
        &forms,
        &outcomes as &[&str],
        &errors as &[Option<String>],
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Matches receipts with their parts, and lets notices know of what became of all their parts. Returns how many were
/// matched: where it is not 0, there may be more.
///
/// # Errors
/// When the database failed.
#[cfg(feature = "postgres")]
pub async fn settle(conn: &mut PgConnection, now: DateTime<Utc>) -> Result<usize, NoticeError> {
    let matched = sqlx::query!(
        "with matched as materialized (
            select distinct on (r.subscriber_id, r.message_id) r.subscriber_id, r.message_id, r.outcome, r.error,
                r.received_at, p.notice_id, p.part
            from sms_receipt r
            join notice_part p on p.subscriber_id = r.subscriber_id and p.message_id = any(r.forms)
            order by r.subscriber_id, r.message_id, p.message_id <> r.message_id, p.accepted_at desc
            limit $1
        ), told as (
            update notice_part p set outcome = m.outcome, settled_at = m.received_at,
                error = case when m.outcome = 'undelivered' then m.error end
            from matched m
            where p.subscriber_id = m.subscriber_id and p.notice_id = m.notice_id and p.part = m.part
                and p.outcome is null
        )
        delete from sms_receipt r using matched m
        where r.subscriber_id = m.subscriber_id and r.message_id = m.message_id
        returning m.subscriber_id, m.notice_id",
        BATCH,
    )
    .fetch_all(&mut *conn)
    .await?;
    let subscribers: Vec<i64> = matched.iter().map(|one| one.subscriber_id).collect();
    let notices: Vec<i64> = matched.iter().map(|one| one.notice_id).collect();
    sqlx::query!(
        "update notice n set state = v.state, settled_at = $3, last_error = v.error
        from (
            select p.subscriber_id, p.notice_id, max(p.error) as error,
                case when bool_or(p.outcome = 'undelivered') then 'undelivered' else 'delivered' end as state
            from (select distinct * from unnest($1::bigint[], $2::bigint[])) as k (subscriber_id, notice_id)
            join notice_part p on p.subscriber_id = k.subscriber_id and p.notice_id = k.notice_id
            group by p.subscriber_id, p.notice_id
            having bool_or(p.outcome = 'undelivered') or bool_and(p.outcome is not null)
        ) as v
        where n.subscriber_id = v.subscriber_id and n.notice_id = v.notice_id and n.state = 'sent'",
        &subscribers,
        &notices,
        now,
    )
    .execute(conn)
    .await?;
    Ok(matched.len())
}

/// Forgets receipts whose parts nobody knows. Returns how many.
///
/// # Errors
/// When the database failed.
#[cfg(feature = "postgres")]
pub async fn forget_unknown(conn: &mut PgConnection, now: DateTime<Utc>) -> Result<u64, NoticeError> {
    let forgotten = sqlx::query!("delete from sms_receipt where received_at < $1", now - WAITS).execute(conn).await?;
    Ok(forgotten.rows_affected())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_known_in_every_notation() {
        assert_eq!(notation("00A1B2C3D4"), "a1b2c3d4");
        assert_eq!(notation(" 0000 "), "0");
        assert_eq!(notation(""), "");
        assert_eq!(forms("a1b2c3d4"), ["a1b2c3d4", "2712847316"]);
        assert_eq!(forms("2712847316"), ["2712847316", "a1b2c3d4", "167814394646"]);
        assert_eq!(forms("1024"), ["1024"], "too short to be anything but itself");
        assert_eq!(forms("3f2b-77"), ["3f2b-77"]);
    }
}
