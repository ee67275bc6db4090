//! 举报 What people tell of channels, genuine or not, and what came of it.

use std::net::IpAddr;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;
use sqlx::PgConnection;

use super::ChannelId;
use super::store::{ChannelError, drafts_or_approves, needed_reason, staff_id};
use crate::sign_in::attempt::{self, Limit, address_bucket};
use crate::staff::Actor;
use crate::staff::trail::record;

/// Longest texts, in characters.
pub const ABOUT_CHARS_MAX: usize = 200;
pub const WHAT_CHARS_MAX: usize = 1000;
pub const CONTACT_CHARS_MAX: usize = 60;
/// Reports from one address in an hour.
pub const REPORTS_BY_ADDRESS: Limit = Limit { name: "channel_report", max: 5, window: TimeDelta::hours(1) };
/// Reports that are listed at most, the newest.
const REPORTS_MAX: i64 = 200;

/// What somebody tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewReport<'a> {
    /// The number or address of what it is about.
    pub about: &'a str,
    pub what: &'a str,
    /// How to be reached, if they want to be.
    pub contact: &'a str,
}

/// What was told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    pub report_id: i64,
    pub about: String,
    pub channel_id: Option<String>,
    pub what: String,
    pub contact: String,
    pub at: DateTime<Utc>,
    /// What came of it, by whom.
    pub answer: Option<(String, String)>,
}

/// Keeps a report. The caller commits, also where it was one too many: that is the count.
///
/// # Errors
/// [`ChannelError::Text`] where something is missing or too long, [`ChannelError::TooMany`], or the database failed.
pub async fn report(
    conn: &mut PgConnection,
    new: &NewReport<'_>,
    from: IpAddr,
    now: DateTime<Utc>,
) -> Result<(), ChannelError> {
    let [about, what, contact] = [new.about, new.what, new.contact].map(str::trim);
    let fits = |text: &str, from: usize, until: usize| (from..=until).contains(&text.chars().count());
    let is_fit =
        fits(about, 1, ABOUT_CHARS_MAX) && fits(what, 1, WHAT_CHARS_MAX) && fits(contact, 0, CONTACT_CHARS_MAX);
    if !is_fit || [about, what, contact].iter().any(|text| text.contains('\0')) {
        return Err(ChannelError::Text);
    }
    if let Some(retry_after) = attempt::count(conn, &REPORTS_BY_ADDRESS, &address_bucket(from), now).await? {
        return Err(ChannelError::TooMany { retry_after });
    }
    let channel_id = about.to_ascii_uppercase().parse::<ChannelId>().ok();
    sqlx::query!(
        "insert into agent_channel_report (about, agent_channel_id, what, contact, reported_at)
        values ($1, (select agent_channel_id from agent_channel where agent_channel_id = $2), $3, $4, $5)",
        about,
        channel_id.as_ref().map(ChannelId::as_str),
        what,
        contact,
        now,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// What was told, of one channel or of all: those without an answer first, then the newest.
///
/// # Errors
/// When the database failed.
pub async fn list(conn: &mut PgConnection, of: Option<&ChannelId>) -> Result<Vec<Report>, ChannelError> {
    let rows = sqlx::query!(
        r#"select r.report_id, r.about, r.agent_channel_id, r.what, r.contact, r.reported_at, a.note as "note?", w.name as "by?"
        from agent_channel_report r
        left join agent_channel_report_answer a on a.report_id = r.report_id
        left join staff w on w.staff_id = a.answered_by
        where $1::text is null or r.agent_channel_id = $1
        order by a.report_id is not null, r.report_id desc limit $2"#,
        of.map(ChannelId::as_str),
        REPORTS_MAX,
    )
    .fetch_all(conn)
    .await?;
    let read = rows.into_iter().map(|row| Report {
        report_id: row.report_id,
        about: row.about,
        channel_id: row.agent_channel_id,
        what: row.what,
        contact: row.contact,
        at: row.reported_at,
        answer: row.note.zip(row.by),
    });
    Ok(read.collect())
}

/// Notes what came of a report.
///
/// # Errors
/// [`ChannelError::Staff`] without the permission, [`ChannelError::Reason`], [`ChannelError::DecidedBefore`],
/// [`ChannelError::NotFound`], or the database failed.
pub async fn answer(
    conn: &mut PgConnection,
    actor: &Actor,
    report_id: i64,
    note: &str,
    now: DateTime<Utc>,
) -> Result<(), ChannelError> {
    drafts_or_approves(actor)?;
    let note = needed_reason(note)?;
    let answered = sqlx::query!(
        "insert into agent_channel_report_answer (report_id, answered_by, answered_at, note)
        select report_id, $2, $3, $4 from agent_channel_report where report_id = $1",
        report_id,
        staff_id(actor)?,
        now,
        note,
    )
    .execute(&mut *conn)
    .await?;
    if answered.rows_affected() == 0 {
        return Err(ChannelError::NotFound);
    }
    let state = [None, Some(json!({"note": note}))];
    Ok(record(conn, actor, "channel.report_answer", &format!("channel_report/{report_id}"), state, now).await?)
}
