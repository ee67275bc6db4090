//! A submission, whole; and the reasons that became public with what was approved.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use sqlx::types::Json;

use super::DraftError;
use crate::tariff::draft::{Judged, State, Verdict};
use crate::tariff::{SchemeId, TariffContent};

/// What somebody else said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decided {
    pub verdict: Verdict,
    pub comment: String,
    pub by: String,
    pub at: DateTime<Utc>,
}

/// A submission, whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Submission {
    pub submission_id: i64,
    pub draft_id: i64,
    pub revision: i32,
    /// Everybody who wrote in it, by number and by name.
    pub authors: Vec<i64>,
    pub author_names: Vec<String>,
    /// The version after which it comes; 0: the tariff is new.
    pub base_version: i32,
    pub content: TariffContent,
    /// Each warning with its reason.
    pub findings: Vec<Judged>,
    pub go_live_at: DateTime<Utc>,
    /// For so many seconds it is public before it can be ordered.
    pub lead_seconds: i32,
    pub submitted_by: String,
    pub submitted_at: DateTime<Utc>,
    pub state: State,
    pub decided: Option<Decided>,
    /// Who took it back, and when.
    pub withdrawn: Option<(String, DateTime<Utc>)>,
    /// Since when it is public and since when it can be ordered.
    pub live: Option<(DateTime<Utc>, DateTime<Utc>)>,
}

/// # Errors
/// When the database failed.
pub async fn submission(conn: &mut PgConnection, submission_id: i64) -> Result<Option<Submission>, DraftError> {
    let row = sqlx::query!(
        r#"select s.draft_id, s.revision, s.authors, s.base_version, s.content, s.findings as "findings: Json<Vec<Judged>>",
            s.go_live_at, s.lead_seconds, who.name as submitted_by, s.submitted_at, t.state as "state!",
            array(select name from staff where staff_id = any(s.authors) order by staff_id) as "author_names!",
            d.verdict as "verdict?", d.comment as "comment?", other.name as "decided_by?", d.decided_at as "decided_at?",
            stopper.name as "withdrawn_by?", w.withdrawn_at as "withdrawn_at?",
            v.published_at as "published_at?", v.orderable_from as "orderable_from?"
        from tariff_submission s
        join tariff_submission_state t using (submission_id)
        join staff who on who.staff_id = s.submitted_by
        left join tariff_decision d using (submission_id)
        left join staff other on other.staff_id = d.decided_by
        left join tariff_submission_withdrawal w using (submission_id)
        left join staff stopper on stopper.staff_id = w.withdrawn_by
        left join tariff_version v on v.approval = s.submission_id
        where s.submission_id = $1"#,
        submission_id
    )
    .fetch_optional(conn)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let decided = match (row.verdict, row.comment, row.decided_by, row.decided_at) {
        (Some(verdict), Some(comment), Some(by), Some(at)) => {
            let verdict = Verdict::named(&verdict).ok_or(DraftError::Corrupt("verdict"))?;
            Some(Decided { verdict, comment, by, at })
        }
        _ => None,
    };
    Ok(Some(Submission {
        submission_id,
        draft_id: row.draft_id,
        revision: row.revision,
        authors: row.authors,
        author_names: row.author_names,
        base_version: row.base_version,
        content: serde_json::from_slice(&row.content).map_err(|_| DraftError::Corrupt("content"))?,
        findings: row.findings.0,
        go_live_at: row.go_live_at,
        lead_seconds: row.lead_seconds,
        submitted_by: row.submitted_by,
        submitted_at: row.submitted_at,
        state: State::named(&row.state).ok_or(DraftError::Corrupt("state"))?,
        decided,
        withdrawn: row.withdrawn_by.zip(row.withdrawn_at),
        live: row.published_at.zip(row.orderable_from),
    }))
}

/// The submissions of a draft, the newest first.
///
/// # Errors
/// When the database failed.
pub async fn of_draft(conn: &mut PgConnection, draft_id: i64) -> Result<Vec<i64>, DraftError> {
    let ids = sqlx::query_scalar!(
        "select submission_id from tariff_submission where draft_id = $1 order by submission_id desc limit 100",
        draft_id
    )
    .fetch_all(conn)
    .await?;
    Ok(ids)
}

/// What is public of the approval of a version: its warnings, each with the reason why it stays.
///
/// # Errors
/// When the database failed.
pub async fn reasons(conn: &mut PgConnection, scheme_id: &SchemeId, version: i32) -> Result<Vec<Judged>, DraftError> {
    let findings = sqlx::query_scalar!(
        r#"select s.findings as "findings: Json<Vec<Judged>>"
        from tariff_version v join tariff_submission s on s.submission_id = v.approval
        where v.scheme_id = $1 and v.version = $2"#,
        scheme_id.as_str(),
        version
    )
    .fetch_optional(conn)
    .await?;
    Ok(findings.map_or_else(Vec::new, |findings| findings.0))
}
