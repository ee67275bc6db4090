//! Submitting, deciding, taking back.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use sqlx::PgConnection;
use sqlx::types::Json;

use super::{DraftError, author, lock, subject};
use crate::clock::local_date;
use crate::staff::trail::{self, Action};
use crate::staff::{Actor, Permission};
use crate::tariff::TariffContent;
use crate::tariff::draft::{Lead, State, Unready, Verdict, can_submit, check, go_live_at};

/// Submits a revision of a draft as it stands. `reasons` are found by [`crate::tariff::draft::reason_key`]; it is public for
/// `lead` before it can be ordered.
///
/// # Errors
/// When whoever asks may not, somebody saved meanwhile, it is not ready, or another submission of the tariff is under way.
pub async fn submit(
    conn: &mut PgConnection,
    actor: &Actor,
    (draft_id, revision): (i64, i32),
    (asked, reasons): (Option<DateTime<Utc>>, &BTreeMap<String, String>),
    lead: Lead,
    now: DateTime<Utc>,
) -> Result<i64, DraftError> {
    let member = author(actor)?;
    lock_submitting(conn).await?;
    let draft = lock(conn, draft_id).await?;
    if draft.revision != revision {
        return Err(DraftError::Newer(draft.revision));
    }
    if !draft.state.is_open() {
        return Err(DraftError::State(draft.state));
    }
    if !draft.authors.contains(&member.staff_id) {
        return Err(DraftError::NotAuthor);
    }
    let checked = check(&draft.form);
    let findings = can_submit(&checked, reasons)?;
    let at = go_live_at(asked, now)?;
    let content = checked.content;
    if content.on_sale_until < local_date(at + lead.duration()) {
        return Err(Unready::NeverSold.into());
    }
    // Where the number was changed, it began with another tariff.
    let base = draft.base.as_ref().filter(|(scheme_id, _)| *scheme_id == content.scheme_id);
    let base_version = base_version(conn, &content, base.map(|(_, version)| *version)).await?;
    let digest = content.digest();
    let bytes = serde_json::to_vec(&content).map_err(|_| DraftError::Corrupt("content"))?;
    let submission_id = sqlx::query_scalar!(
        "insert into tariff_submission (draft_id, revision, authors, scheme_id, base_version, content, content_digest,
            findings, go_live_at, lead_seconds, submitted_by, submitted_at)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) returning submission_id",
        draft_id,
        revision,
        &draft.authors,
        content.scheme_id.as_str(),
        base_version,
        bytes,
        &digest,
        Json(&findings) as _,
        at,
        lead.seconds(),
        member.staff_id,
        now,
    )
    .fetch_one(&mut *conn)
    .await?;
    let after = json!({
        "state": State::Waiting.as_str(), "submission": submission_id, "scheme_id": content.scheme_id,
        "version": base_version + 1, "go_live_at": at, "reasons": findings.len(),
    });
    note(conn, actor, Action::TariffSubmit, draft_id, draft.state, after, now).await?;
    Ok(submission_id)
}

/// The version after which the content would come, if it is ours to publish and nothing else is on its way.
async fn base_version(
    conn: &mut PgConnection,
    content: &TariffContent,
    begun_with: Option<i32>,
) -> Result<i32, DraftError> {
    let (scheme_id, digest) = (content.scheme_id.as_str(), content.digest());
    let known = sqlx::query!(
        r#"select t.operator_id, max(v.version) as "latest!", bool_or(v.content_digest = $2) as "says_the_same!"
        from tariff t join tariff_version v using (scheme_id) where scheme_id = $1 group by t.operator_id"#,
        scheme_id,
        &digest,
    )
    .fetch_optional(&mut *conn)
    .await?;
    let latest = known.as_ref().map_or(0, |known| known.latest);
    if let Some(known) = known {
        if known.operator_id != content.operator_id {
            return Err(DraftError::OtherOperator);
        }
        if known.says_the_same {
            return Err(DraftError::SaysTheSame);
        }
        // Whoever began with an older version, or with a blank form, has not seen what would be replaced.
        if begun_with != Some(latest) {
            return Err(DraftError::OldBase(latest));
        }
    }
    let is_under_way = sqlx::query_scalar!(
        r#"select exists (select from tariff_submission_state
            where scheme_id = $1 and state in ('waiting', 'approved')) as "is_under_way!""#,
        scheme_id
    )
    .fetch_one(conn)
    .await?;
    if is_under_way { Err(DraftError::AlreadySubmitted) } else { Ok(latest) }
}

/// Two who submit drafts of the same tariff at once would both find none under way.
async fn lock_submitting(conn: &mut PgConnection) -> Result<(), DraftError> {
    sqlx::query!("select pg_advisory_xact_lock(hashtext('tariff_submit'))").fetch_one(conn).await?;
    Ok(())
}

/// Approves a submission, or returns it with a comment.
///
/// # Errors
/// [`DraftError::OwnWork`] for whoever wrote in it, when whoever asks may not, or it does not wait any more.
pub async fn decide(
    conn: &mut PgConnection,
    actor: &Actor,
    submission_id: i64,
    (verdict, comment): (Verdict, &str),
    now: DateTime<Utc>,
) -> Result<(), DraftError> {
    actor.require(Permission::ApproveTariffs)?;
    let member = actor.member().ok_or(DraftError::Nobody)?;
    let comment = comment.trim();
    if verdict == Verdict::Returned && comment.is_empty() {
        return Err(DraftError::NoComment);
    }
    if comment.chars().count() > 2000 {
        return Err(DraftError::LongComment);
    }
    let (draft_id, state) = lock_of(conn, submission_id).await?;
    if state != State::Waiting {
        return Err(DraftError::State(state));
    }
    let decided = sqlx::query!(
        "insert into tariff_decision (submission_id, verdict, authors, scheme_id, base_version, content_digest,
            go_live_at, lead_seconds, comment, decided_by, decided_at)
        select submission_id, $2, authors, scheme_id, base_version, content_digest, go_live_at, lead_seconds, $3, $4, $5
        from tariff_submission where submission_id = $1",
        submission_id,
        verdict.as_str(),
        comment,
        member.staff_id,
        now,
    );
    decided.execute(&mut *conn).await?;
    let (action, next) = match verdict {
        Verdict::Approved => (Action::TariffApprove, State::Approved),
        Verdict::Returned => (Action::TariffReturn, State::Returned),
    };
    let after = json!({ "state": next.as_str(), "submission": submission_id, "comment": comment });
    note(conn, actor, action, draft_id, state, after, now).await
}

/// Takes a submission back before it is public: whoever writes tariffs, and whoever approves them, may stop one.
///
/// # Errors
/// When whoever asks may not, or it is public or taken back already.
pub async fn withdraw(
    conn: &mut PgConnection,
    actor: &Actor,
    submission_id: i64,
    now: DateTime<Utc>,
) -> Result<i64, DraftError> {
    if actor.require(Permission::ApproveTariffs).is_err() {
        actor.require(Permission::DraftTariffs)?;
    }
    let member = actor.member().ok_or(DraftError::Nobody)?;
    let (draft_id, state) = lock_of(conn, submission_id).await?;
    if !state.is_submitted() {
        return Err(DraftError::State(state));
    }
    sqlx::query!(
        "insert into tariff_submission_withdrawal (submission_id, withdrawn_by, withdrawn_at) values ($1, $2, $3)",
        submission_id,
        member.staff_id,
        now
    )
    .execute(&mut *conn)
    .await?;
    let after = json!({ "state": State::Editing.as_str(), "submission": submission_id });
    note(conn, actor, Action::TariffWithdrawSubmission, draft_id, state, after, now).await?;
    Ok(draft_id)
}

/// Locks the draft of a submission, and tells where the submission stands.
pub(super) async fn lock_of(conn: &mut PgConnection, submission_id: i64) -> Result<(i64, State), DraftError> {
    let draft_id =
        sqlx::query_scalar!("select draft_id from tariff_submission where submission_id = $1", submission_id)
            .fetch_optional(&mut *conn)
            .await?
            .ok_or(DraftError::NotFound)?;
    lock(conn, draft_id).await?;
    let state = sqlx::query_scalar!(
        r#"select state as "state!" from tariff_submission_state where submission_id = $1"#,
        submission_id
    )
    .fetch_one(conn)
    .await?;
    Ok((draft_id, State::named(&state).ok_or(DraftError::Corrupt("state"))?))
}

async fn note(
    conn: &mut PgConnection,
    actor: &Actor,
    action: Action,
    draft_id: i64,
    before: State,
    after: Value,
    now: DateTime<Utc>,
) -> Result<(), DraftError> {
    let state = [Some(json!({ "state": before.as_str() })), Some(after)];
    Ok(trail::record(conn, actor, action.as_str(), &subject(draft_id), state, now).await?)
}
