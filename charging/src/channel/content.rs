//! 宣传内容 The texts of a channel that somebody else approved, and what became of a copy.

use std::net::IpAddr;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;
use sqlx::PgConnection;

use super::ChannelId;
use super::marketing::{BODY_CHARS_MAX, Fault, TITLE_CHARS_MAX, check, digest, normal};
use super::store::{
    ChannelError, Decision, drafts_or_approves, lock, needed_reason, optional_reason, staff_id, subject,
};
use crate::sign_in::attempt::{self, Limit, address_bucket};
use crate::staff::trail::record;
use crate::staff::{Actor, Permission};
use crate::tariff::difference::{Piece, marked};

/// Texts of a channel that are read at most, the newest.
const TEXTS_MAX: i64 = 100;
/// Texts that a copy is held against at most: each takes time.
const COMPARED_MAX: usize = 20;
/// Copies from one address in 15 minutes.
const COPIES_BY_ADDRESS: Limit = Limit { name: "channel_copy", max: 60, window: TimeDelta::minutes(15) };
/// What shares less with a text than so many of a hundred characters is no copy of it.
const LIKENESS_MIN_PERCENT: usize = 30;

/// A text that a channel wants to show, and what became of that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content {
    pub number: i32,
    pub title: String,
    pub body: String,
    /// SHA-256 of the body in UTF-8.
    pub digest: [u8; 32],
    pub submitted_by: i64,
    /// The name of who submitted it.
    pub by: String,
    pub at: DateTime<Utc>,
    pub decision: Option<Decision>,
    /// Since when it may not be shown any more, and why.
    pub withdrawn: Option<(DateTime<Utc>, String)>,
}

impl Content {
    /// 指纹 The digest in hexadecimal.
    pub fn fingerprint(&self) -> String {
        hex::encode(self.digest)
    }

    pub fn is_approved(&self) -> bool {
        self.decision.as_ref().is_some_and(|decision| decision.approved)
    }
}

/// The texts of a channel, the newest first.
///
/// # Errors
/// When the database failed or a row is not readable.
pub async fn list(conn: &mut PgConnection, channel_id: &ChannelId) -> Result<Vec<Content>, ChannelError> {
    let rows = sqlx::query!(
        r#"select c.number, c.title, c.body, c.digest, c.submitted_by, w.name as by, c.submitted_at,
            d.approved as "approved?", d.decided_at as "decided_at?", d.reason as "decision_reason?", e.name as "decided_by?",
            x.withdrawn_at as "withdrawn_at?", x.reason as "withdrawn_reason?"
        from agent_content c
        join staff w on w.staff_id = c.submitted_by
        left join agent_content_decision d on d.agent_channel_id = c.agent_channel_id and d.number = c.number
        left join staff e on e.staff_id = d.decided_by
        left join agent_content_withdrawal x on x.agent_channel_id = c.agent_channel_id and x.number = c.number
        where c.agent_channel_id = $1 order by c.number desc limit $2"#,
        channel_id.as_str(),
        TEXTS_MAX,
    )
    .fetch_all(conn)
    .await?;
    let read = rows.into_iter().map(|row| {
        let decided = row.approved.zip(row.decided_at).zip(row.decision_reason).zip(row.decided_by);
        Ok(Content {
            number: row.number,
            title: row.title,
            body: row.body,
            digest: row.digest.try_into().map_err(|_| ChannelError::Corrupt("digest"))?,
            submitted_by: row.submitted_by,
            by: row.by,
            at: row.submitted_at,
            decision: decided.map(|(((approved, at), reason), by)| Decision { by, at, approved, reason }),
            withdrawn: row.withdrawn_at.zip(row.withdrawn_reason),
        })
    });
    read.collect()
}

/// Submits a text, which somebody else has to approve. Returns its number.
///
/// # Errors
/// [`ChannelError::Staff`] without the permission, [`ChannelError::Text`] where it is empty, too long or has faults that block,
/// [`ChannelError::NotFound`], or the database failed.
pub async fn submit(
    conn: &mut PgConnection,
    actor: &Actor,
    channel_id: &ChannelId,
    (title, body): (&str, &str),
    now: DateTime<Utc>,
) -> Result<i32, ChannelError> {
    actor.require(Permission::DraftTariffs)?;
    let (title, body) = (title.trim(), normal(body));
    let is_fit = |text: &str, chars_max| (1..=chars_max).contains(&text.chars().count());
    let is_readable = !body.chars().any(|c| c.is_control() && c != '\n') && !title.chars().any(char::is_control);
    let fits = is_fit(title, TITLE_CHARS_MAX) && is_fit(&body, BODY_CHARS_MAX) && is_readable;
    if !fits || check(title, &body).iter().any(Fault::blocks) {
        return Err(ChannelError::Text);
    }
    lock(conn, channel_id, now).await?;
    let number = sqlx::query_scalar!(
        "insert into agent_content (agent_channel_id, number, title, body, digest, submitted_by, submitted_at)
        select $1, coalesce(max(number), 0) + 1, $2, $3, $4, $5, $6 from agent_content where agent_channel_id = $1
        returning number",
        channel_id.as_str(),
        title,
        body,
        &digest(&body),
        staff_id(actor)?,
        now,
    )
    .fetch_one(&mut *conn)
    .await?;
    let state = [None, Some(json!({"number": number, "title": title, "body": body}))];
    record(conn, actor, "channel.content_submit", &subject(channel_id), state, now).await?;
    Ok(number)
}

/// Lets a text be shown, or refuses it with a reason.
///
/// # Errors
/// [`ChannelError::Staff`] without the permission, [`ChannelError::Oneself`], [`ChannelError::Reason`],
/// [`ChannelError::DecidedBefore`], [`ChannelError::NotFound`], or the database failed.
pub async fn decide(
    conn: &mut PgConnection,
    actor: &Actor,
    (channel_id, number): (&ChannelId, i32),
    (approved, reason): (bool, &str),
    now: DateTime<Utc>,
) -> Result<(), ChannelError> {
    actor.require(Permission::ApproveTariffs)?;
    let reason = if approved { optional_reason(reason)? } else { needed_reason(reason)? };
    let decided = sqlx::query!(
        "insert into agent_content_decision (agent_channel_id, number, submitted_by, decided_by, decided_at, approved, reason)
        select agent_channel_id, number, submitted_by, $3, $4, $5, $6 from agent_content
        where agent_channel_id = $1 and number = $2",
        channel_id.as_str(),
        number,
        staff_id(actor)?,
        now,
        approved,
        reason,
    )
    .execute(&mut *conn)
    .await?;
    if decided.rows_affected() == 0 {
        return Err(ChannelError::NotFound);
    }
    let state = [None, Some(json!({"number": number, "approved": approved, "reason": reason}))];
    Ok(record(conn, actor, "channel.content_decide", &subject(channel_id), state, now).await?)
}

/// Takes an approved text back: from now on it may not be shown. One person is enough.
///
/// # Errors
/// [`ChannelError::Staff`] without the permission, [`ChannelError::Reason`], [`ChannelError::DecidedBefore`] where it was taken back
/// before, [`ChannelError::NotFound`] where it was not approved, or the database failed.
pub async fn withdraw(
    conn: &mut PgConnection,
    actor: &Actor,
    (channel_id, number): (&ChannelId, i32),
    reason: &str,
    now: DateTime<Utc>,
) -> Result<(), ChannelError> {
    drafts_or_approves(actor)?;
    let reason = needed_reason(reason)?;
    let withdrawn = sqlx::query!(
        "insert into agent_content_withdrawal (agent_channel_id, number, withdrawn_by, withdrawn_at, reason)
        select agent_channel_id, number, $3, $4, $5 from agent_content_decision
        where agent_channel_id = $1 and number = $2 and approved",
        channel_id.as_str(),
        number,
        staff_id(actor)?,
        now,
        reason,
    )
    .execute(&mut *conn)
    .await?;
    if withdrawn.rows_affected() == 0 {
        return Err(ChannelError::NotFound);
    }
    let state = [Some(json!({"number": number})), Some(json!({"number": number, "withdrawn": reason}))];
    Ok(record(conn, actor, "channel.content_withdraw", &subject(channel_id), state, now).await?)
}

/// What a copy turns out to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// 未改动 To the letter what was approved under this number.
    Unaltered(i32),
    /// 已撤回 It was approved once, and may not be shown any more.
    Withdrawn(i32),
    /// 被改动 Another text than the approved one that it is most like; what differs is marked in both.
    Altered { number: i32, approved: Vec<Piece>, copy: Vec<Piece> },
    /// Like nothing that was approved.
    Unknown,
}

/// The texts that a copy from this address is to be held against ([`verdict`]).
///
/// # Errors
/// [`ChannelError::TooMany`]; when the database failed or a row is not readable.
pub async fn to_compare(
    conn: &mut PgConnection,
    channel_id: &ChannelId,
    from: IpAddr,
    now: DateTime<Utc>,
) -> Result<Vec<Content>, ChannelError> {
    if let Some(retry_after) = attempt::count(conn, &COPIES_BY_ADDRESS, &address_bucket(from), now).await? {
        return Err(ChannelError::TooMany { retry_after });
    }
    list(conn, channel_id).await
}

/// Holds a copy against the texts of a channel: a text, or the 64 hexadecimal digits of its SHA-256.
pub fn verdict(contents: &[Content], copy: &str) -> Verdict {
    let copy = normal(copy);
    let copy_digest = hex::decode(&copy).ok().and_then(|bytes| bytes.try_into().ok()).unwrap_or_else(|| digest(&copy));
    let approved = || contents.iter().filter(|content| content.is_approved());
    let mut same: Vec<&Content> = approved().filter(|content| content.digest == copy_digest).collect();
    // The same text may have been taken back and approved again.
    same.sort_by_key(|content| content.withdrawn.is_some());
    if let Some(content) = same.first() {
        let number = content.number;
        return if content.withdrawn.is_some() { Verdict::Withdrawn(number) } else { Verdict::Unaltered(number) };
    }
    let shown = approved().filter(|content| content.withdrawn.is_none()).take(COMPARED_MAX);
    let compared = shown.map(|content| (content.number, marked(&content.body, &copy)));
    let nearest = compared.max_by_key(|(_, (approved, copy))| likeness_percent(approved, copy));
    match nearest.filter(|(_, (approved, copy))| likeness_percent(approved, copy) >= LIKENESS_MIN_PERCENT) {
        Some((number, (approved, copy))) => Verdict::Altered { number, approved, copy },
        None => Verdict::Unknown,
    }
}

/// How much of two texts is the same.
fn likeness_percent(approved: &[Piece], copy: &[Piece]) -> usize {
    let chars = |piece: &Piece| piece.text.chars().count();
    let same: usize = copy.iter().filter(|piece| !piece.changed).map(chars).sum();
    let both: usize = approved.iter().chain(copy).map(chars).sum();
    200 * same / both.max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content(number: i32, body: &str, approved: bool, withdrawn: bool) -> Content {
        let at = DateTime::from_timestamp(1_790_000_000, 0).unwrap();
        let decision = Decision { by: "周正".to_owned(), at, approved, reason: String::new() };
        Content {
            number,
            title: "标题".to_owned(),
            body: body.to_owned(),
            digest: digest(body),
            submitted_by: 1,
            by: "林晓".to_owned(),
            at,
            decision: Some(decision),
            withdrawn: withdrawn.then(|| (at, "价格变了".to_owned())),
        }
    }

    #[test]
    fn a_copy_is_known_by_its_text_or_its_digest() {
        let text = "每月 59 元，含 20GB 国内流量。\n随时可退。";
        let contents = [
            content(3, "每月 69 元，含 30GB 国内流量。\n随时可退。", false, false),
            content(2, text, true, false),
            content(1, "每月 49 元。", true, true),
        ];
        assert_eq!(verdict(&contents, text), Verdict::Unaltered(2));
        assert_eq!(verdict(&contents, &text.replace('\n', " \r\n")), Verdict::Unaltered(2));
        assert_eq!(verdict(&contents, &hex::encode(digest(text))), Verdict::Unaltered(2));
        assert_eq!(verdict(&contents, "每月 49 元。"), Verdict::Withdrawn(1));
        let altered = verdict(&contents, &text.replace("59", "29"));
        assert!(
            matches!(altered, Verdict::Altered { number: 2, ref copy, .. } if copy[1] == (Piece { text: "29".to_owned(), changed: true }))
        );
        // Nobody approved it, however genuine it looks.
        assert!(matches!(verdict(&contents, &contents[0].body), Verdict::Altered { number: 2, .. }));
        for nothing in ["", "新款手机到店即送", &"0".repeat(64)] {
            assert_eq!(verdict(&contents, nothing), Verdict::Unknown, "{nothing}");
        }
    }

    #[test]
    fn what_was_approved_again_may_be_shown() {
        let contents = [content(2, "每月 49 元。", true, false), content(1, "每月 49 元。", true, true)];
        assert_eq!(verdict(&contents, "每月 49 元。"), Verdict::Unaltered(2));
        assert_eq!(verdict(&[contents[1].clone(), contents[0].clone()], "每月 49 元。"), Verdict::Unaltered(2));
    }
}
