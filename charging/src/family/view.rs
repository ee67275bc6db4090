//! What is seen by links, and by whom.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::store::FamilyError;
use super::{Family, FamilyBill, FamilyMonth, Invitation, Member, NUMBERS_MAX, SeenBy, Share};
use crate::clock::Month;
use crate::subscriber::Msisdn;

/// Most months of a list.
pub const MONTHS_MAX: u32 = 24;

/// Who sees the bills of a number; `None`: nobody but itself.
///
/// # Errors
/// When the database failed.
pub async fn seen_by(conn: &mut PgConnection, subscriber_id: i64) -> Result<Option<SeenBy>, FamilyError> {
    let row = sqlx::query!(
        r#"select m.holder_id as "holder_id!", h.msisdn, l.consent_seq, m.agreed_at as "agreed_at!",
            m.first_month as "first_month!"
        from family_member m
        join family_link l on l.subscriber_id = m.subscriber_id and l.link_no = m.link_no
        join subscriber h on h.subscriber_id = m.holder_id
        where m.subscriber_id = $1"#,
        subscriber_id,
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| SeenBy {
        holder_id: row.holder_id,
        msisdn: row.msisdn,
        consent_seq: row.consent_seq,
        agreed_at: row.agreed_at,
        first_month: Month::of_date(row.first_month),
    }))
}

/// All that a subscriber has to do with family bills.
///
/// # Errors
/// When the database failed.
pub async fn family(conn: &mut PgConnection, subscriber_id: i64, now: DateTime<Utc>) -> Result<Family, FamilyError> {
    let members = sqlx::query!(
        r#"select m.subscriber_id as "subscriber_id!", s.msisdn, m.agreed_at as "agreed_at!", m.first_month as "first_month!"
        from family_member m join subscriber s on s.subscriber_id = m.subscriber_id
        where m.holder_id = $1 order by m.agreed_at, m.subscriber_id limit $2"#,
        subscriber_id,
        NUMBERS_MAX,
    )
    .fetch_all(&mut *conn)
    .await?
    .into_iter()
    .map(|row| Member {
        subscriber_id: row.subscriber_id,
        msisdn: row.msisdn,
        agreed_at: row.agreed_at,
        first_month: Month::of_date(row.first_month),
    })
    .collect();
    let sent = sqlx::query_as!(
        Invitation,
        "select i.invitation_id, i.holder_id, s.msisdn, i.invited_at, i.expires_at
        from family_invitation i join subscriber s on s.subscriber_id = i.subscriber_id
        where i.holder_id = $1 and i.state = 'open' and i.expires_at >= $2 order by i.invitation_id limit 100",
        subscriber_id,
        now,
    )
    .fetch_all(&mut *conn)
    .await?;
    let received = sqlx::query_as!(
        Invitation,
        "select i.invitation_id, i.holder_id, s.msisdn, i.invited_at, i.expires_at
        from family_invitation i join subscriber s on s.subscriber_id = i.holder_id
        where i.subscriber_id = $1 and i.state = 'open' and i.expires_at >= $2 order by i.invitation_id limit 100",
        subscriber_id,
        now,
    )
    .fetch_all(&mut *conn)
    .await?;
    Ok(Family { members, sent, received, seen_by: seen_by(conn, subscriber_id).await? })
}

/// The months of which a holder sees a bill of another number, the newest first, with his own bill of the month.
///
/// # Errors
/// When the database failed.
pub async fn months(conn: &mut PgConnection, holder_id: i64) -> Result<Vec<FamilyMonth>, FamilyError> {
    let rows = sqlx::query!(
        r#"select f.month as "month!", sum(f.total) + coalesce(max(own.total), 0) as "total!",
            count(*) + count(own.month) / count(*) as "numbers!"
        from family_bill f left join bill own on own.subscriber_id = $1 and own.month = f.month
        where f.holder_id = $1 group by f.month order by f.month desc limit $2"#,
        holder_id,
        i64::from(MONTHS_MAX),
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|row| {
            let numbers = row.numbers.try_into().map_err(|_| FamilyError::Corrupt("family"))?;
            Ok(FamilyMonth { month: Month::of_date(row.month), total: row.total, numbers })
        })
        .collect()
}

/// The family bill of a month; `None`: no bill of another number is to be seen.
///
/// # Errors
/// When the database failed or a row is not readable.
pub async fn bill(conn: &mut PgConnection, holder_id: i64, month: Month) -> Result<Option<FamilyBill>, FamilyError> {
    let rows = sqlx::query!(
        r#"select s.msisdn, b.is_own as "is_own!", b.total as "total!", b.kind, b.amount
        from (
            select true as is_own, o.subscriber_id, o.total, l.kind, sum(l.amount) as amount
            from bill o left join bill_line l on l.subscriber_id = o.subscriber_id and l.month = o.month
            where o.subscriber_id = $1 and o.month = $2 group by o.subscriber_id, o.total, l.kind
            union all
            select false, f.subscriber_id, f.total, k.kind, k.amount
            from family_bill f left join family_bill_kind k
                on k.holder_id = f.holder_id and k.subscriber_id = f.subscriber_id and k.month = f.month
            where f.holder_id = $1 and f.month = $2
        ) as b join subscriber s on s.subscriber_id = b.subscriber_id
        order by b.is_own desc, s.msisdn"#,
        holder_id,
        month.first_day(),
    )
    .fetch_all(conn)
    .await?;
    let mut shares: Vec<Share> = Vec::new();
    for row in rows {
        let msisdn: Msisdn = row.msisdn.parse().map_err(|_| FamilyError::Corrupt("number"))?;
        if shares.last().is_none_or(|share| share.msisdn != msisdn) {
            shares.push(Share { msisdn, is_own: row.is_own, total: row.total, kinds: Vec::new() });
        }
        if let (Some(share), Some(kind), Some(amount)) = (shares.last_mut(), row.kind, row.amount) {
            share.kinds.push((kind.parse().map_err(|_| FamilyError::Corrupt("kind of a line"))?, amount));
        }
    }
    for share in &mut shares {
        share.kinds.sort_by_key(|(kind, _)| *kind);
    }
    Ok(shares.iter().any(|share| !share.is_own).then_some(FamilyBill { month, shares }))
}

pub(crate) async fn number_of(conn: &mut PgConnection, subscriber_id: i64) -> Result<String, sqlx::Error> {
    sqlx::query_scalar!("select msisdn from subscriber where subscriber_id = $1", subscriber_id).fetch_one(conn).await
}
