//! What pages show of mass offers.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use sqlx::PgConnection;

use super::store::{Counts, Effect, MassOffer, MassOfferError, PAGE};
use super::{Halt, Limits, State, Tally};

struct Row {
    mass_offer_id: i64,
    purpose: String,
    scheme_id: String,
    version: i32,
    name: String,
    holds_scheme_id: Option<String>,
    region: Option<String>,
    per_hour: i32,
    stop_refused_percent: i32,
    stop_complaints: i32,
    asked_by: String,
    asked_at: DateTime<Utc>,
    decision: Option<String>,
    decided_by: Option<String>,
    decided_at: Option<DateTime<Utc>>,
    comment: String,
    halted_at: Option<DateTime<Utc>>,
    halted_by: Option<String>,
    halt: Option<String>,
    ended_at: Option<DateTime<Utc>>,
}

impl TryFrom<Row> for MassOffer {
    type Error = MassOfferError;

    fn try_from(row: Row) -> Result<Self, MassOfferError> {
        let halt = row.halt.map(|halt| Halt::from_name(&halt).ok_or(MassOfferError::Corrupt("halt"))).transpose()?;
        let state = match (row.decision.as_deref(), row.ended_at, halt) {
            (None, ..) => State::Waiting,
            (Some("rejected"), ..) => State::Rejected,
            (Some("withdrawn"), ..) => State::Withdrawn,
            (Some("approved"), Some(_), _) => State::Ended,
            (Some("approved"), None, Some(halt)) => State::Halted(halt),
            (Some("approved"), None, None) => State::Running,
            (Some(_), ..) => return Err(MassOfferError::Corrupt("decision")),
        };
        Ok(Self {
            mass_offer_id: row.mass_offer_id,
            purpose: row.purpose,
            scheme_id: row.scheme_id.parse().map_err(|_| MassOfferError::Corrupt("scheme_id"))?,
            version: row.version,
            name: row.name,
            holds: row.holds_scheme_id,
            region: row.region,
            per_hour: row.per_hour,
            limits: Limits { refused_percent: row.stop_refused_percent, complaints: row.stop_complaints },
            asked_by: row.asked_by,
            asked_at: row.asked_at,
            decided_by: row.decided_by,
            decided_at: row.decided_at,
            comment: row.comment,
            halted_at: row.halted_at,
            halted_by: row.halted_by,
            ended_at: row.ended_at,
            state,
        })
    }
}

/// One mass offer.
///
/// # Errors
/// When the database failed.
pub async fn one(conn: &mut PgConnection, mass_offer_id: i64) -> Result<Option<MassOffer>, MassOfferError> {
    let row = sqlx::query_as!(
        Row,
        "select m.mass_offer_id, m.purpose, m.scheme_id, m.version, v.name, m.holds_scheme_id, m.region, m.per_hour,
            m.stop_refused_percent, m.stop_complaints, m.asked_by, m.asked_at, m.decision, m.decided_by, m.decided_at,
            m.comment, m.halted_at, m.halted_by, m.halt, m.ended_at
        from mass_offer m join tariff_version v using (scheme_id, version) where m.mass_offer_id = $1",
        mass_offer_id,
    )
    .fetch_optional(conn)
    .await?;
    row.map(TryInto::try_into).transpose()
}

/// A page of them, the newest first, with how many there are.
///
/// # Errors
/// When the database failed.
pub async fn list(conn: &mut PgConnection, page: i64) -> Result<(Vec<MassOffer>, i64), MassOfferError> {
    let total = sqlx::query_scalar!(r#"select count(*) as "total!" from mass_offer"#).fetch_one(&mut *conn).await?;
    let rows = sqlx::query_as!(
        Row,
        "select m.mass_offer_id, m.purpose, m.scheme_id, m.version, v.name, m.holds_scheme_id, m.region, m.per_hour,
            m.stop_refused_percent, m.stop_complaints, m.asked_by, m.asked_at, m.decision, m.decided_by, m.decided_at,
            m.comment, m.halted_at, m.halted_by, m.halt, m.ended_at
        from mass_offer m join tariff_version v using (scheme_id, version)
        order by m.mass_offer_id desc limit $1 offset $2",
        PAGE,
        (page.clamp(1, 100_000) - 1) * PAGE,
    )
    .fetch_all(conn)
    .await?;
    Ok((rows.into_iter().map(TryInto::try_into).collect::<Result<_, _>>()?, total))
}

/// How many of its list are at which point.
///
/// # Errors
/// When the database failed.
pub async fn counts(conn: &mut PgConnection, mass_offer_id: i64) -> Result<Counts, MassOfferError> {
    let row = sqlx::query!(
        r#"select count(*) filter (where state = 'waiting') as "waiting!", count(*) filter (where state = 'asked') as "asked!",
            count(*) filter (where state = 'excluded') as "excluded!",
            count(*) filter (where state = 'passed_over') as "passed_over!"
        from mass_offer_target where mass_offer_id = $1"#,
        mass_offer_id,
    )
    .fetch_one(conn)
    .await?;
    Ok(Counts { waiting: row.waiting, asked: row.asked, excluded: row.excluded, passed_over: row.passed_over })
}

/// Why subscribers are left out, with how many.
///
/// # Errors
/// When the database failed.
pub async fn reasons(conn: &mut PgConnection, mass_offer_id: i64) -> Result<Vec<(String, i64)>, MassOfferError> {
    let rows = sqlx::query!(
        r#"select reason as "reason!", count(*) as "subscribers!" from mass_offer_target
        where mass_offer_id = $1 and reason is not null group by reason order by 2 desc, 1"#,
        mass_offer_id,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| (row.reason, row.subscribers)).collect())
}

/// What those who can be asked have now, the most frequent first.
///
/// # Errors
/// When the database failed.
pub async fn effects(conn: &mut PgConnection, mass_offer_id: i64) -> Result<Vec<Effect>, MassOfferError> {
    let rows = sqlx::query!(
        r#"select v.name as "name?", v.recurring_price as "price?", count(*) as "subscribers!"
        from mass_offer_target t
        left join tariff_version v on v.scheme_id = t.present_scheme_id and v.version = t.present_version
        where t.mass_offer_id = $1 and t.state in ('waiting', 'asked')
        group by v.scheme_id, v.version, v.name, v.recurring_price order by 3 desc, v.scheme_id limit 50"#,
        mass_offer_id,
    )
    .fetch_all(conn)
    .await?;
    let present = |name: Option<String>, price: Option<Decimal>| Some((name?, price?));
    Ok(rows
        .into_iter()
        .map(|row| Effect { present: present(row.name, row.price), subscribers: row.subscribers })
        .collect())
}

/// What came of the questions so far.
///
/// # Errors
/// When the database failed.
pub async fn tally(conn: &mut PgConnection, mass_offer_id: i64) -> Result<Tally, MassOfferError> {
    let row = sqlx::query!(
        r#"select count(*) filter (where r.state = 'agreed') as "agreed!",
            count(*) filter (where r.state = 'refused') as "refused!",
            count(*) filter (where exists (
                select from dispute d where d.subscriber_id = t.subscriber_id and d.opened_at >= t.asked_at
                    and d.state <> 'withdrawn'
            )) as "complaints!",
            (select count(*) from finding f join mass_offer m on f.scheme_id = m.scheme_id and f.found_at >= m.decided_at
                where m.mass_offer_id = $1) as "findings!"
        from mass_offer_target t join consent_request r on r.subscriber_id = t.subscriber_id and r.request_id = t.request_id
        where t.mass_offer_id = $1 and t.state = 'asked'"#,
        mass_offer_id,
    )
    .fetch_one(conn)
    .await?;
    Ok(Tally { agreed: row.agreed, refused: row.refused, complaints: row.complaints, findings: row.findings })
}
