//! Drafts in the database. Whoever changes one locks its row first, so that its state is looked at and changed by one at a time.

mod decide;
mod list;
mod live;
mod submission;

use chrono::{DateTime, Utc};
use serde_json::json;
use sqlx::PgConnection;
use sqlx::types::Json;

use super::{DraftForm, State, Unready};
use crate::staff::trail::{self, Action};
use crate::staff::{Actor, Member, Permission, StaffError};
use crate::tariff::store::StoreError;
use crate::tariff::{SchemeId, TariffContent, store as published};

pub use decide::{decide, submit, withdraw};
pub use list::{Counts, Item, PAGE, Page, list};
pub use live::{Live, publish_due};
pub use submission::{Decided, Submission, of_draft, reasons, submission};

/// Why something about a draft cannot be done.
#[derive(Debug, thiserror::Error)]
pub enum DraftError {
    #[error(transparent)]
    Staff(#[from] StaffError),
    #[error("only somebody who is signed in writes drafts")]
    Nobody,
    #[error("there is no such draft, version or submission")]
    NotFound,
    #[error("in this state it cannot be done")]
    State(State),
    #[error("somebody saved revision {0} meanwhile")]
    Newer(i32),
    #[error("it cannot be submitted: {0}")]
    Unready(#[from] Unready),
    #[error("a draft of this tariff waits for approval or to go live already")]
    AlreadySubmitted,
    #[error("the tariff belongs to another operator")]
    OtherOperator,
    #[error("version {0} of the tariff was published since the draft began with an older one")]
    OldBase(i32),
    #[error("some version says exactly this already")]
    SaysTheSame,
    #[error("nobody decides about what he wrote in himself")]
    OwnWork,
    #[error("who wrote nothing in it does not submit it")]
    NotAuthor,
    #[error("what is returned needs a comment")]
    NoComment,
    #[error("a comment has at most 2000 characters")]
    LongComment,
    #[error("a draft is saved 10000 times at most")]
    TooManyRevisions,
    #[error(transparent)]
    Tariff(#[from] StoreError),
    #[error("the stored {0} is not readable")]
    Corrupt(&'static str),
    #[error("the database failed")]
    Database(#[source] sqlx::Error),
}

impl From<sqlx::Error> for DraftError {
    fn from(error: sqlx::Error) -> Self {
        match error.as_database_error().and_then(sqlx::error::DatabaseError::constraint) {
            Some("tariff_decision_by_another") => Self::OwnWork,
            Some("tariff_draft_revision_revision_check") => Self::TooManyRevisions,
            Some("tariff_version_content_once") => Self::SaysTheSame,
            _ => Self::Database(error),
        }
    }
}

/// A draft as it was last saved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    pub draft_id: i64,
    /// The version whose text it began with.
    pub base: Option<(SchemeId, i32)>,
    pub form: DraftForm,
    pub revision: i32,
    /// Everybody who wrote in it.
    pub authors: Vec<i64>,
    pub written_by: String,
    pub written_at: DateTime<Utc>,
    pub state: State,
}

/// How a draft is named as what something was done to.
pub fn subject(draft_id: i64) -> String {
    format!("tariff_draft/{draft_id}")
}

/// Who writes; a command of the engineer writes no drafts.
fn author(actor: &Actor) -> Result<&Member, DraftError> {
    actor.require(Permission::DraftTariffs)?;
    actor.member().ok_or(DraftError::Nobody)
}

/// What a draft begins with.
#[derive(Clone, Debug)]
pub enum Beginning {
    Blank,
    /// The next version of a tariff of ours: the newest one there is.
    NextVersion(SchemeId),
    /// Another tariff, with the text of this one.
    Copy(SchemeId),
    /// What a file says.
    Content(Box<TariffContent>),
}

/// Begins a draft and returns its number.
///
/// # Errors
/// When whoever asks may not, the tariff is unknown, or its next version is another operator's to write.
pub async fn create(
    conn: &mut PgConnection,
    actor: &Actor,
    beginning: Beginning,
    now: DateTime<Utc>,
) -> Result<i64, DraftError> {
    author(actor)?;
    let (base, form) = match beginning {
        Beginning::Blank => (None, DraftForm::blank()),
        Beginning::Content(content) => {
            let newest = published::find(conn, &content.scheme_id).await?;
            let own = newest.filter(|newest| newest.content.operator_id == "mingbai");
            (own.map(|newest| (content.scheme_id.clone(), newest.version)), DraftForm::of_content(&content))
        }
        Beginning::NextVersion(scheme_id) => {
            let newest = published::find(conn, &scheme_id).await?.ok_or(DraftError::NotFound)?;
            if newest.content.operator_id != "mingbai" {
                return Err(DraftError::OtherOperator);
            }
            (Some((scheme_id, newest.version)), DraftForm::of(&newest))
        }
        Beginning::Copy(scheme_id) => {
            let newest = published::find(conn, &scheme_id).await?.ok_or(DraftError::NotFound)?;
            (None, DraftForm { scheme_id: String::new(), ..DraftForm::of(&newest) })
        }
    };
    begin(conn, actor, (base, &form, &[]), now).await
}

/// `authors`: who wrote in the text before.
async fn begin(
    conn: &mut PgConnection,
    actor: &Actor,
    (base, form, authors): (Option<(SchemeId, i32)>, &DraftForm, &[i64]),
    now: DateTime<Utc>,
) -> Result<i64, DraftError> {
    let member = author(actor)?;
    let draft_id = sqlx::query_scalar!(
        "insert into tariff_draft (base_scheme_id, base_version, created_by, created_at) values ($1, $2, $3, $4)
        returning draft_id",
        base.as_ref().map(|(scheme_id, _)| scheme_id.as_str()),
        base.as_ref().map(|(_, version)| *version),
        member.staff_id,
        now,
    )
    .fetch_one(&mut *conn)
    .await?;
    let authors = joined(authors, member.staff_id);
    sqlx::query!(
        "insert into tariff_draft_revision (draft_id, revision, form, authors, written_by, written_at)
        values ($1, 1, $2, $3, $4, $5)",
        draft_id,
        Json(form) as _,
        &authors,
        member.staff_id,
        now,
    )
    .execute(&mut *conn)
    .await?;
    let after = json!(form);
    trail::record(conn, actor, Action::TariffDraft.as_str(), &subject(draft_id), [None, Some(after)], now).await?;
    Ok(draft_id)
}

fn joined(authors: &[i64], staff_id: i64) -> Vec<i64> {
    let mut authors = authors.to_vec();
    if !authors.contains(&staff_id) {
        authors.push(staff_id);
    }
    authors
}

/// What became of what was saved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Saved {
    Revision(i32),
    /// It says what was there.
    Unchanged,
    /// Somebody else saved meanwhile, or it cannot be written in any more: what was typed is a draft of its own now.
    Apart {
        draft_id: i64,
    },
}

/// Saves what was typed over a revision.
///
/// # Errors
/// When whoever asks may not, there is no such draft, or the database failed.
pub async fn save(
    conn: &mut PgConnection,
    actor: &Actor,
    (draft_id, revision): (i64, i32),
    form: DraftForm,
    now: DateTime<Utc>,
) -> Result<Saved, DraftError> {
    let member = author(actor)?;
    let draft = lock(conn, draft_id).await?;
    let form = form.tidied();
    if form == draft.form {
        return Ok(Saved::Unchanged);
    }
    if draft.revision != revision || !draft.state.is_open() {
        let apart = begin(conn, actor, (draft.base, &form, &draft.authors), now).await?;
        return Ok(Saved::Apart { draft_id: apart });
    }
    let next = revision + 1;
    sqlx::query!(
        "insert into tariff_draft_revision (draft_id, revision, form, authors, written_by, written_at,
            previous_revision, previous_authors)
        values ($1, $2, $3, $4, $5, $6, $7, $8)",
        draft_id,
        next,
        Json(&form) as _,
        &joined(&draft.authors, member.staff_id),
        member.staff_id,
        now,
        revision,
        &draft.authors,
    )
    .execute(&mut *conn)
    .await?;
    let state = [Some(json!(draft.form)), Some(json!(form))];
    trail::record(conn, actor, Action::TariffDraft.as_str(), &subject(draft_id), state, now).await?;
    Ok(Saved::Revision(next))
}

/// Throws a draft away; its revisions stay.
///
/// # Errors
/// When whoever asks may not, there is no such draft, or it is submitted or public.
pub async fn discard(
    conn: &mut PgConnection,
    actor: &Actor,
    draft_id: i64,
    now: DateTime<Utc>,
) -> Result<(), DraftError> {
    let member = author(actor)?;
    let draft = lock(conn, draft_id).await?;
    if !draft.state.is_open() {
        return Err(DraftError::State(draft.state));
    }
    sqlx::query!(
        "update tariff_draft set discarded_at = $2, discarded_by = $3 where draft_id = $1",
        draft_id,
        now,
        member.staff_id
    )
    .execute(&mut *conn)
    .await?;
    let state = [Some(json!({ "state": draft.state.as_str() })), Some(json!({ "state": State::Discarded.as_str() }))];
    trail::record(conn, actor, Action::TariffDraft.as_str(), &subject(draft_id), state, now).await?;
    Ok(())
}

/// A draft as it was last saved.
///
/// # Errors
/// When the database failed.
pub async fn find(conn: &mut PgConnection, draft_id: i64) -> Result<Option<Draft>, DraftError> {
    let row = sqlx::query!(
        r#"select d.base_scheme_id, d.base_version, r.revision, r.form as "form: Json<DraftForm>", r.authors, r.written_at,
            w.name as written_by, d.discarded_at is not null as "is_discarded!"
        from tariff_draft d
        join lateral (select * from tariff_draft_revision r where r.draft_id = d.draft_id
            order by revision desc limit 1) r on true
        join staff w on w.staff_id = r.written_by
        where d.draft_id = $1"#,
        draft_id
    )
    .fetch_optional(&mut *conn)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let base = match row.base_scheme_id.zip(row.base_version) {
        Some((scheme_id, version)) => Some((scheme_id.parse().map_err(|_| DraftError::Corrupt("base"))?, version)),
        None => None,
    };
    let state = if row.is_discarded { State::Discarded } else { state(conn, draft_id).await? };
    Ok(Some(Draft {
        draft_id,
        base,
        form: row.form.0,
        revision: row.revision,
        authors: row.authors,
        written_by: row.written_by,
        written_at: row.written_at,
        state,
    }))
}

/// The same, of a draft that nobody else changes until the transaction ends.
async fn lock(conn: &mut PgConnection, draft_id: i64) -> Result<Draft, DraftError> {
    sqlx::query_scalar!("select draft_id from tariff_draft where draft_id = $1 for update", draft_id)
        .fetch_optional(&mut *conn)
        .await?
        .ok_or(DraftError::NotFound)?;
    find(conn, draft_id).await?.ok_or(DraftError::NotFound)
}

/// Where a draft stands by its newest submission.
async fn state(conn: &mut PgConnection, draft_id: i64) -> Result<State, DraftError> {
    let state = sqlx::query_scalar!(
        r#"select state as "state!" from tariff_submission_state
        where draft_id = $1 order by submission_id desc limit 1"#,
        draft_id
    )
    .fetch_optional(conn)
    .await?;
    match state {
        None => Ok(State::Editing),
        Some(name) => State::named(&name).ok_or(DraftError::Corrupt("state")),
    }
}
