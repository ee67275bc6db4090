//! What is in work, what waits, what goes live when.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::DraftError;
use crate::tariff::draft::State;

/// Drafts of a page.
pub const PAGE: u32 = 30;
/// Farther back nobody turns page by page.
const PAGES_MAX: u32 = 1000;

/// A draft in short.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    pub draft_id: i64,
    /// As typed.
    pub scheme_id: String,
    pub name: String,
    /// The version that it changes, or whose text it began with.
    pub base_version: Option<i32>,
    pub state: State,
    /// The newest submission.
    pub submission_id: Option<i64>,
    pub go_live_at: Option<DateTime<Utc>>,
    pub written_by: String,
    pub written_at: DateTime<Utc>,
}

/// How many drafts are in each state, by the name of the state.
pub type Counts = Vec<(State, i64)>;

/// A page of drafts, the newest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    pub items: Vec<Item>,
    pub counts: Counts,
    /// Which it is, from 1.
    pub page: u32,
    pub pages: u32,
    pub total: i64,
}

/// Drafts in a state (`None`: everything in work, that is neither public nor thrown away) whose scheme id or name holds a text.
/// A page beyond the last is the last.
///
/// # Errors
/// When the database failed.
pub async fn list(conn: &mut PgConnection, state: Option<State>, text: &str, page: u32) -> Result<Page, DraftError> {
    let text = text.trim();
    let rows = sqlx::query!(
        r#"select state as "state!", count(*) as "n!" from tariff_draft_state
        where strpos(lower(scheme_id || ' ' || name), lower($1)) > 0 or $1 = '' group by state"#,
        text
    )
    .fetch_all(&mut *conn)
    .await?;
    let mut counts = Counts::new();
    for known in State::ALL {
        let row = rows.iter().find(|row| row.state == known.as_str());
        counts.push((known, row.map_or(0, |row| row.n)));
    }
    let is_asked = |known: State| match state {
        Some(asked) => known == asked,
        None => !matches!(known, State::Live | State::Discarded),
    };
    let asked: Vec<String> =
        State::ALL.into_iter().filter(|known| is_asked(*known)).map(|known| known.as_str().to_owned()).collect();
    let total: i64 = counts.iter().filter(|(known, _)| is_asked(*known)).map(|(_, n)| n).sum();
    let pages = u32::try_from(total).unwrap_or(u32::MAX).div_ceil(PAGE).clamp(1, PAGES_MAX);
    let page = page.clamp(1, pages);
    let rows = sqlx::query!(
        r#"select draft_id as "draft_id!", scheme_id as "scheme_id!", name as "name!", base_version, state as "state!",
            submission_id as "submission_id?", go_live_at as "go_live_at?", written_by as "written_by!",
            written_at as "written_at!"
        from tariff_draft_state
        where (strpos(lower(scheme_id || ' ' || name), lower($1)) > 0 or $1 = '') and state = any($2)
        order by written_at desc, draft_id desc limit $3 offset $4"#,
        text,
        &asked,
        i64::from(PAGE),
        i64::from(page - 1) * i64::from(PAGE),
    )
    .fetch_all(conn)
    .await?;
    let mut items = Vec::with_capacity(rows.len());
    for row in rows {
        items.push(Item {
            draft_id: row.draft_id,
            scheme_id: row.scheme_id,
            name: row.name,
            base_version: row.base_version,
            state: State::named(&row.state).ok_or(DraftError::Corrupt("state"))?,
            submission_id: row.submission_id,
            go_live_at: row.go_live_at,
            written_by: row.written_by,
            written_at: row.written_at,
        });
    }
    Ok(Page { items, counts, page, pages, total })
}
