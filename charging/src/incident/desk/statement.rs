//! The public statement of an incident: begun once its execution is done, written in versions, each let out by a second person.

use chrono::{DateTime, Days, NaiveDate, Utc};
use rust_decimal::Decimal;
use serde_json::json;
use sqlx::PgConnection;

use super::{Done, IncidentError, locked, member, subject};
use crate::clock::local_date;
use crate::incident::statement::{Figures, Wording, template};
use crate::staff::{Actor, Permission, trail};
use crate::subscriber::Language;

/// What is on its way through the gateway arrives within so many days, as banks promise.
const GATEWAY_DAYS: u64 = 7;
/// Statements that are listed at most, and versions of one.
const LISTED_MAX: i64 = 200;

/// The texts of a version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    pub chinese: Wording,
    pub english: Wording,
}

impl Draft {
    /// In one of the languages.
    pub fn wording(&self, language: Language) -> &Wording {
        match language {
            Language::Chinese => &self.chinese,
            Language::English => &self.english,
        }
    }
}

/// A version as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatementVersion {
    pub version: i32,
    pub draft: Draft,
    pub written: Done,
    pub published: Option<Done>,
}

/// What is to be told of an incident.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    pub statement_id: i64,
    pub figures: Figures,
    /// The newest first.
    pub versions: Vec<StatementVersion>,
}

impl Statement {
    /// The newest version, while nobody let it out.
    pub fn waiting(&self) -> Option<&StatementVersion> {
        self.versions.first().filter(|version| version.published.is_none())
    }

    /// The version that holds.
    pub fn published(&self) -> Option<&StatementVersion> {
        self.versions.iter().find(|version| version.published.is_some())
    }
}

/// The statement of an incident as the desk sees it.
///
/// # Errors
/// When the database failed.
pub async fn statement(conn: &mut PgConnection, incident_id: i64) -> Result<Option<Statement>, IncidentError> {
    let row = sqlx::query!(
        "select statement_id, subscribers, amount, arrives_by from incident_statement where incident_id = $1",
        incident_id,
    )
    .fetch_optional(&mut *conn)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let versions = sqlx::query!(
        r#"select v.version, v.title_zh, v.text_zh, v.title_en, v.text_en, v.written_by, w.name as by, v.written_at,
            p.published_by as "published_by?", s.name as "publisher?", p.published_at as "published_at?"
        from incident_statement_version v
        join staff w on w.staff_id = v.written_by
        left join incident_statement_publication p on p.statement_id = v.statement_id and p.version = v.version
        left join staff s on s.staff_id = p.published_by
        where v.statement_id = $1 order by v.version desc limit $2"#,
        row.statement_id,
        LISTED_MAX,
    )
    .fetch_all(conn)
    .await?;
    let versions = versions.into_iter().map(|row| StatementVersion {
        version: row.version,
        draft: Draft {
            chinese: Wording { title: row.title_zh, text: row.text_zh },
            english: Wording { title: row.title_en, text: row.text_en },
        },
        written: Done { staff_id: row.written_by, by: row.by, at: row.written_at },
        published: row.published_by.zip(row.publisher).zip(row.published_at).map(|((staff_id, by), at)| Done {
            staff_id,
            by,
            at,
        }),
    });
    Ok(Some(Statement {
        statement_id: row.statement_id,
        figures: Figures { subscribers: row.subscribers, amount: row.amount, arrives_by: row.arrives_by },
        versions: versions.collect(),
    }))
}

/// Begins the statement from the template, with the figures of the execution, which is done.
///
/// # Errors
/// [`IncidentError::NotFound`], [`IncidentError::NotDone`], [`IncidentError::Staff`], or the database failed.
pub async fn begin(
    conn: &mut PgConnection,
    actor: &Actor,
    incident_id: i64,
    now: DateTime<Utc>,
) -> Result<(), IncidentError> {
    member(actor, Permission::HandleIncidents)?;
    let incident = locked(conn, incident_id).await?;
    if statement(conn, incident_id).await?.is_some() {
        return Ok(());
    }
    let execution = sqlx::query!(
        r#"select e.finished_at as "finished_at!", max(p.deadline_at) as deadline_at,
            bool_or(p.route = 'gateway' and p.state <> 'confirmed') as "is_under_way"
        from incident_execution e
        join refund r on r.batch_id = e.batch_id
        join refund_part p on p.subscriber_id = r.subscriber_id and p.refund_id = r.refund_id
        where e.incident_id = $1 and e.state = 'done' group by e.finished_at"#,
        incident_id,
    )
    .fetch_optional(&mut *conn)
    .await?
    .ok_or(IncidentError::NotDone)?;
    let days = if execution.is_under_way == Some(true) { GATEWAY_DAYS } else { 0 };
    let by_gateway = execution.finished_at + Days::new(days);
    let arrives_by = local_date(execution.deadline_at.map_or(by_gateway, |deadline| deadline.max(by_gateway)));
    let begun = sqlx::query!(
        "insert into incident_statement (incident_id, batch_id, finished_at, refunds, amount, subscribers, arrives_by)
        select e.incident_id, e.batch_id, e.finished_at, b.made, b.returned,
            (select count(distinct r.subscriber_id) from refund r where r.batch_id = e.batch_id), $2
        from incident_execution e join refund_batch b on b.batch_id = e.batch_id
        where e.incident_id = $1 and e.state = 'done' and b.made > 0",
        incident_id,
        arrives_by,
    )
    .execute(&mut *conn)
    .await?
    .rows_affected();
    if begun == 0 {
        return Err(IncidentError::NotDone);
    }
    let draft = Draft {
        chinese: template(Language::Chinese, &incident.title, &incident.tariffs),
        english: template(Language::English, &incident.title, &incident.tariffs),
    };
    save(conn, actor, incident_id, &draft, now).await?;
    Ok(())
}

/// Writes another version of the statement, which waits for somebody else to let it out; its number.
///
/// # Errors
/// [`IncidentError::NotFound`], [`IncidentError::NotDone`] where none was begun, [`IncidentError::Statement`],
/// [`IncidentError::Staff`], or the database failed.
pub async fn save(
    conn: &mut PgConnection,
    actor: &Actor,
    incident_id: i64,
    draft: &Draft,
    now: DateTime<Utc>,
) -> Result<i32, IncidentError> {
    let staff_id = member(actor, Permission::HandleIncidents)?.staff_id;
    let chinese = Wording::checked(&draft.chinese.title, &draft.chinese.text)?;
    let english = Wording::checked(&draft.english.title, &draft.english.text)?;
    locked(conn, incident_id).await?;
    let statement = statement(conn, incident_id).await?.ok_or(IncidentError::NotDone)?;
    let version = statement.versions.first().map_or(1, |newest| newest.version + 1);
    sqlx::query!(
        "insert into incident_statement_version (statement_id, version, title_zh, text_zh, title_en, text_en, written_by, written_at)
        values ($1, $2, $3, $4, $5, $6, $7, $8)",
        statement.statement_id,
        version,
        chinese.title,
        chinese.text,
        english.title,
        english.text,
        staff_id,
        now,
    )
    .execute(&mut *conn)
    .await?;
    let before = statement.versions.first().map(|newest| json!({"statement": newest.version}));
    let states = [before, Some(json!({"statement": version}))];
    trail::record(conn, actor, "incident.statement", &subject(incident_id), states, now).await?;
    Ok(version)
}

/// Lets out the newest version, which is the one that was looked at, and which somebody else wrote.
///
/// # Errors
/// [`IncidentError::NotFound`], [`IncidentError::Stale`], [`IncidentError::SamePerson`], [`IncidentError::Staff`], or the
/// database failed.
pub async fn publish(
    conn: &mut PgConnection,
    actor: &Actor,
    incident_id: i64,
    version: i32,
    now: DateTime<Utc>,
) -> Result<(), IncidentError> {
    let staff_id = member(actor, Permission::ApproveRefunds)?.staff_id;
    locked(conn, incident_id).await?;
    let statement = statement(conn, incident_id).await?.ok_or(IncidentError::Stale)?;
    let waiting = statement.waiting().filter(|waiting| waiting.version == version).ok_or(IncidentError::Stale)?;
    if waiting.written.staff_id == staff_id {
        return Err(IncidentError::SamePerson);
    }
    sqlx::query!(
        "insert into incident_statement_publication (statement_id, version, written_by, published_by, published_at)
        values ($1, $2, $3, $4, $5)",
        statement.statement_id,
        version,
        waiting.written.staff_id,
        staff_id,
        now,
    )
    .execute(&mut *conn)
    .await?;
    let before = statement.published().map(|version| json!({"published": version.version}));
    let states = [before, Some(json!({"published": version}))];
    trail::record(conn, actor, "incident.publish", &subject(incident_id), states, now).await?;
    Ok(())
}

/// A statement as everybody may read it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Published {
    pub statement_id: i64,
    pub figures: Figures,
    /// The newest first; never empty.
    pub versions: Vec<PublishedVersion>,
}

/// A version that was let out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublishedVersion {
    pub version: i32,
    pub draft: Draft,
    pub published_at: DateTime<Utc>,
}

struct Row {
    statement_id: i64,
    subscribers: i64,
    amount: Decimal,
    arrives_by: NaiveDate,
    version: i32,
    title_zh: String,
    text_zh: String,
    title_en: String,
    text_en: String,
    published_at: DateTime<Utc>,
}

impl Row {
    fn split(self) -> (i64, Figures, PublishedVersion) {
        let figures = Figures { subscribers: self.subscribers, amount: self.amount, arrives_by: self.arrives_by };
        let draft = Draft {
            chinese: Wording { title: self.title_zh, text: self.text_zh },
            english: Wording { title: self.title_en, text: self.text_en },
        };
        let version = PublishedVersion { version: self.version, draft, published_at: self.published_at };
        (self.statement_id, figures, version)
    }
}

/// A statement that was published, with all its versions that were.
///
/// # Errors
/// When the database failed.
pub async fn published(conn: &mut PgConnection, statement_id: i64) -> Result<Option<Published>, sqlx::Error> {
    let rows = sqlx::query_as!(
        Row,
        "select s.statement_id, s.subscribers, s.amount, s.arrives_by, v.version, v.title_zh, v.text_zh, v.title_en, v.text_en,
            p.published_at
        from incident_statement s
        join incident_statement_publication p on p.statement_id = s.statement_id
        join incident_statement_version v on v.statement_id = p.statement_id and v.version = p.version
        where s.statement_id = $1 order by v.version desc limit $2",
        statement_id,
        LISTED_MAX,
    )
    .fetch_all(conn)
    .await?;
    let mut found: Option<Published> = None;
    for (statement_id, figures, version) in rows.into_iter().map(Row::split) {
        let statement = found.get_or_insert_with(|| Published { statement_id, figures, versions: Vec::new() });
        statement.versions.push(version);
    }
    Ok(found)
}

/// Every statement that was published, with the version that holds, the newest first.
///
/// # Errors
/// When the database failed.
pub async fn statements(conn: &mut PgConnection) -> Result<Vec<Published>, sqlx::Error> {
    let rows = sqlx::query_as!(
        Row,
        "select s.statement_id, s.subscribers, s.amount, s.arrives_by, v.version, v.title_zh, v.text_zh, v.title_en, v.text_en,
            p.published_at
        from incident_statement s
        cross join lateral (
            select n.version, n.published_at from incident_statement_publication n
            where n.statement_id = s.statement_id order by n.version desc limit 1) as p
        join incident_statement_version v on v.statement_id = s.statement_id and v.version = p.version
        order by s.statement_id desc limit $1",
        LISTED_MAX,
    )
    .fetch_all(conn)
    .await?;
    let statements = rows.into_iter().map(Row::split);
    let statements =
        statements.map(|(statement_id, figures, version)| Published { statement_id, figures, versions: vec![version] });
    Ok(statements.collect())
}

/// The statement about what was returned of a line of a subscriber's bill, where one was published.
///
/// # Errors
/// When the database failed.
pub async fn published_of(
    conn: &mut PgConnection,
    subscriber_id: i64,
    month: NaiveDate,
    line_no: i32,
) -> Result<Option<i64>, sqlx::Error> {
    sqlx::query_scalar!(
        "select s.statement_id from refund r
        join incident_execution e on e.batch_id = r.batch_id
        join incident_statement s on s.incident_id = e.incident_id
        where r.subscriber_id = $1 and r.month = $2 and r.line_no = $3
            and exists (select from incident_statement_publication p where p.statement_id = s.statement_id)
        order by s.statement_id desc limit 1",
        subscriber_id,
        month,
        line_no,
    )
    .fetch_optional(conn)
    .await
}
