//! 渠道名录 Every channel that was ever let in, for whoever wants to know a genuine one.

use chrono::{DateTime, NaiveDate, Utc};
use sqlx::PgConnection;

use super::store::ChannelError;
use super::{ChannelId, Standing, Why};

/// Channels of a page of the directory.
pub const PAGE: u32 = 20;

/// What is looked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Search {
    /// Part of a number, name, company or address; empty: any.
    pub text: String,
    /// Those too of which nothing was approved yet, for the desk.
    pub unapproved: bool,
    /// Only those with a version or text that waits for its approval.
    pub waiting: bool,
    /// From 1.
    pub page: u32,
}

/// A line of the directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    pub channel_id: ChannelId,
    pub name: String,
    pub operator_name: String,
    pub valid_from: NaiveDate,
    pub valid_until: NaiveDate,
    pub standing: Standing,
    /// Whether a version, or a text, waits for its approval.
    pub waits: bool,
}

/// A page of the directory, by number. A page beyond the last is empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Directory {
    pub items: Vec<Listed>,
    pub total: i64,
    pub page: u32,
    pub pages: u32,
}

/// Channels that a search finds.
///
/// # Errors
/// When the database failed or a row is not readable.
pub async fn directory(
    conn: &mut PgConnection,
    search: &Search,
    now: DateTime<Utc>,
) -> Result<Directory, ChannelError> {
    let page = search.page.clamp(1, 10_000);
    let rows = sqlx::query!(
        r#"select *, count(*) over () as "total!" from (
        select c.agent_channel_id, v.name as "name!", v.operator_name as "operator_name!", v.valid_from as "valid_from!",
            v.valid_until as "valid_until!", v.approved as "approved!", s.why as "why?",
            exists (select from agent_channel_version w where w.agent_channel_id = c.agent_channel_id and not exists
                (select from agent_channel_decision d where d.agent_channel_id = w.agent_channel_id and d.version = w.version))
            or exists (select from agent_content t where t.agent_channel_id = c.agent_channel_id and not exists
                (select from agent_content_decision d where d.agent_channel_id = t.agent_channel_id and d.number = t.number))
                as "waits!"
        from agent_channel c
        join lateral (
            select x.*, coalesce(d.approved, false) as approved from agent_channel_version x
            left join agent_channel_decision d on d.agent_channel_id = x.agent_channel_id and d.version = x.version
            where x.agent_channel_id = c.agent_channel_id order by coalesce(d.approved, false) desc, x.version desc limit 1
        ) v on $2 or v.approved
        left join agent_channel_stop s on s.agent_channel_id = v.agent_channel_id and s.version = v.version
        where strpos(lower(concat_ws(' ', c.agent_channel_id, v.name, v.operator_name, v.credit_code,
            array_to_string(v.addresses, ' '))), lower($1)) > 0
        ) found where not $5 or "waits!"
        order by agent_channel_id limit $3 offset $4"#,
        search.text,
        search.unapproved,
        i64::from(PAGE),
        i64::from(page - 1) * i64::from(PAGE),
        search.waiting,
    )
    .fetch_all(conn)
    .await?;
    let total = rows.first().map_or(0, |row| row.total);
    let items = rows.into_iter().map(|row| {
        let stop = row.why.as_deref().and_then(Why::named);
        let held = Standing::of(row.valid_from, row.valid_until, stop, now);
        Ok(Listed {
            channel_id: row.agent_channel_id.parse().map_err(|_| ChannelError::Corrupt("number"))?,
            name: row.name,
            operator_name: row.operator_name,
            valid_from: row.valid_from,
            valid_until: row.valid_until,
            standing: if row.approved { held } else { Standing::Waiting },
            waits: row.waits,
        })
    });
    let items = items.collect::<Result<_, ChannelError>>()?;
    let pages = u32::try_from(total).unwrap_or(u32::MAX).div_ceil(PAGE).max(1);
    Ok(Directory { items, total, page, pages })
}
