//! Invitations, links and what is seen by them.

use chrono::{DateTime, TimeDelta, Utc};
use rand::CryptoRng;
use rust_decimal::Decimal;
use sqlx::{PgConnection, PgPool};

use super::view::{number_of, seen_by};
use super::{INVITATION_LIFETIME, INVITATIONS_A_DAY, INVITED_A_DAY, NUMBERS_MAX, REFUSED_FOR};
use crate::actor::By;
use crate::clock::{Month, local_date};
use crate::consent::Subject;
use crate::consent::request::{self, Answer, Asked, Given, OpenRequest, Question, RequestError};
use crate::consent::store::lock_subscriber;
use crate::notice::FamilyNotice;
use crate::notice::store::{NoticeError, language_of, tell};
use crate::notice::template::{MASKED_CODE, Message};
use crate::sign_in::attempt::{self, INVITATIONS_TRIED};
use crate::subscriber::Msisdn;
use crate::subscriber::store::{SubscriberError, find_by_msisdn};

/// Why nothing came of it.
#[derive(Debug, thiserror::Error)]
pub enum FamilyError {
    #[error("no subscriber of ours has this number")]
    NoNumber,
    #[error("it is the holder's own number")]
    Oneself,
    #[error("the number is in this family, or has an invitation from it")]
    InvitedAlready,
    #[error("{NUMBERS_MAX} numbers are in the family or invited")]
    Full,
    #[error("too many invitations in a day, from this number or to that one")]
    TooMany,
    #[error("the number said no less than {} days ago", REFUSED_FOR.num_days())]
    RefusedLately,
    #[error("the invitation was answered, withdrawn, or is too old")]
    Gone,
    #[error("the number is in a family already")]
    InFamily,
    #[error(transparent)]
    Request(#[from] RequestError),
    #[error(transparent)]
    Notice(#[from] NoticeError),
    #[error(transparent)]
    Subscriber(#[from] SubscriberError),
    #[error("the stored {0} is not readable")]
    Corrupt(&'static str),
    #[error("the database failed")]
    Database(#[source] sqlx::Error),
}

impl From<sqlx::Error> for FamilyError {
    fn from(error: sqlx::Error) -> Self {
        match error.as_database_error().and_then(sqlx::error::DatabaseError::constraint) {
            Some("family_invitation_open") => Self::InvitedAlready,
            Some("family_link_pkey" | "family_link_one_at_a_time") => Self::InFamily,
            _ => Self::Database(error),
        }
    }
}

/// The event of the notice that says that a number joined, to itself.
pub(crate) fn joined_event(link_no: i32) -> String {
    format!("family/{link_no}")
}

/// Invites a number by SMS. Takes the pool, because a try counts even when nothing comes of it.
///
/// # Errors
/// When the number is nobody's, one's own, in the family or invited already, refused lately, or a limit is reached.
pub async fn invite(pool: &PgPool, holder_id: i64, msisdn: &Msisdn, now: DateTime<Utc>) -> Result<(), FamilyError> {
    let tried = attempt::count(&mut *pool.acquire().await?, &INVITATIONS_TRIED, &holder_id.to_string(), now).await?;
    if tried.is_some() {
        return Err(FamilyError::TooMany);
    }
    let mut tx = pool.begin().await?;
    // One invitation of a holder after the other, so that the counts below hold.
    lock_subscriber(&mut tx, holder_id).await.map_err(RequestError::from)?;
    let invited = find_by_msisdn(&mut tx, msisdn).await?.ok_or(FamilyError::NoNumber)?.subscriber_id;
    if invited == holder_id {
        return Err(FamilyError::Oneself);
    }
    close_lapsed(&mut tx, invited, holder_id, now).await?;
    check(&mut tx, holder_id, invited, now).await?;
    let expires_at = now + INVITATION_LIFETIME;
    let invitation_id = sqlx::query_scalar!(
        "insert into family_invitation (subscriber_id, holder_id, invited_at, expires_at) values ($1, $2, $3, $4)
        returning invitation_id",
        invited,
        holder_id,
        now,
        expires_at,
    )
    .fetch_one(&mut *tx)
    .await?;
    let holder = number_of(&mut tx, holder_id).await?;
    let notice = FamilyNotice::Invited { holder: &holder, until: local_date(expires_at) };
    tell(&mut tx, invited, format!("family/invited/{invitation_id}"), &Message::Family(notice), now).await?;
    tx.commit().await?;
    Ok(())
}

/// What is told against an invitation. The holder is locked.
async fn check(conn: &mut PgConnection, holder_id: i64, invited: i64, now: DateTime<Utc>) -> Result<(), FamilyError> {
    let known = sqlx::query!(
        r#"select
            (select count(*) from family_member m where m.holder_id = $1) as "members!",
            (select count(*) from family_invitation i
                where i.holder_id = $1 and i.state = 'open' and i.expires_at >= $3) as "open!",
            (select count(*) from family_invitation i where i.holder_id = $1 and i.invited_at > $4) as "written!",
            (select count(*) from family_invitation i where i.subscriber_id = $2 and i.invited_at > $4) as "got!",
            exists (select from family_member m where m.subscriber_id = $2 and m.holder_id = $1) as "is_member!",
            exists (select from family_invitation i where i.subscriber_id = $2 and i.holder_id = $1
                and i.state = 'refused' and i.closed_at > $5) as "refused!""#,
        holder_id,
        invited,
        now,
        now - TimeDelta::hours(24),
        now - REFUSED_FOR,
    )
    .fetch_one(conn)
    .await?;
    if known.is_member {
        return Err(FamilyError::InvitedAlready);
    }
    if known.members + known.open >= NUMBERS_MAX {
        return Err(FamilyError::Full);
    }
    if known.written >= INVITATIONS_A_DAY || known.got >= INVITED_A_DAY {
        return Err(FamilyError::TooMany);
    }
    if known.refused {
        return Err(FamilyError::RefusedLately);
    }
    Ok(())
}

/// Notes that the time of an invitation was over, so that there can be another.
async fn close_lapsed(
    conn: &mut PgConnection,
    invited: i64,
    holder_id: i64,
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "update family_invitation set state = 'expired', closed_at = expires_at
        where subscriber_id = $1 and holder_id = $2 and state = 'open' and expires_at < $3",
        invited,
        holder_id,
        now,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Takes an invitation back. `false`: it was answered or taken back before.
///
/// # Errors
/// When the database failed.
pub async fn withdraw(
    conn: &mut PgConnection,
    holder_id: i64,
    invitation_id: i64,
    now: DateTime<Utc>,
) -> Result<bool, FamilyError> {
    let closed = sqlx::query!(
        "update family_invitation set state = 'withdrawn', closed_at = greatest($3, invited_at)
        where holder_id = $1 and invitation_id = $2 and state = 'open'",
        holder_id,
        invitation_id,
        now,
    )
    .execute(conn)
    .await?;
    Ok(closed.rows_affected() == 1)
}

/// Says no to an invitation, and to a question about it that is open. `false`: there is nothing to refuse.
///
/// # Errors
/// When the database failed.
pub async fn decline(
    conn: &mut PgConnection,
    subscriber_id: i64,
    invitation_id: i64,
    by: &By,
    now: DateTime<Utc>,
) -> Result<bool, FamilyError> {
    lock_subscriber(conn, subscriber_id).await.map_err(RequestError::from)?;
    let holder_id = sqlx::query_scalar!(
        "select holder_id from family_invitation where subscriber_id = $1 and invitation_id = $2 and state = 'open'",
        subscriber_id,
        invitation_id,
    )
    .fetch_optional(&mut *conn)
    .await?;
    let Some(holder_id) = holder_id else { return Ok(false) };
    let asked = sqlx::query_scalar!(
        "select request_id from consent_request
        where subscriber_id = $1 and purpose = 'family' and holder_id = $2 and state = 'open' and expires_at >= $3",
        subscriber_id,
        holder_id,
        now,
    )
    .fetch_optional(&mut *conn)
    .await?;
    if let Some(request_id) = asked {
        request::refuse(conn, subscriber_id, request_id, by, now).await?;
    }
    refused(conn, subscriber_id, holder_id, format!("family/refused/{invitation_id}"), now).await?;
    Ok(true)
}

/// Closes the invitation of a holder with a no, and says so to who refused it.
pub(crate) async fn refused(
    conn: &mut PgConnection,
    subscriber_id: i64,
    holder_id: i64,
    event: String,
    now: DateTime<Utc>,
) -> Result<(), NoticeError> {
    sqlx::query!(
        "update family_invitation set state = 'refused', closed_at = greatest($3, invited_at)
        where subscriber_id = $1 and holder_id = $2 and state = 'open'",
        subscriber_id,
        holder_id,
        now,
    )
    .execute(&mut *conn)
    .await?;
    let holder = number_of(conn, holder_id).await?;
    tell(conn, subscriber_id, event, &Message::Family(FamilyNotice::Refused { holder: &holder }), now).await?;
    Ok(())
}

/// The newest invitation that can be agreed to.
///
/// # Errors
/// When the database failed.
pub async fn newest(
    conn: &mut PgConnection,
    subscriber_id: i64,
    now: DateTime<Utc>,
) -> Result<Option<i64>, FamilyError> {
    Ok(sqlx::query_scalar!(
        "select invitation_id from family_invitation
        where subscriber_id = $1 and state = 'open' and expires_at >= $2 order by invitation_id desc limit 1",
        subscriber_id,
        now,
    )
    .fetch_optional(conn)
    .await?)
}

/// Asks the number that was invited, by SMS, for its yes.
///
/// # Errors
/// When the invitation cannot be agreed to any more, the number is in a family, or too many messages were asked for.
pub async fn ask(
    conn: &mut PgConnection,
    subscriber_id: i64,
    invitation_id: i64,
    by: &By,
    now: DateTime<Utc>,
    rng: &mut (impl CryptoRng + Send),
) -> Result<Asked, FamilyError> {
    lock_subscriber(conn, subscriber_id).await.map_err(RequestError::from)?;
    let holder_id = sqlx::query_scalar!(
        "select holder_id from family_invitation
        where subscriber_id = $1 and invitation_id = $2 and state = 'open' and expires_at >= $3",
        subscriber_id,
        invitation_id,
        now,
    )
    .fetch_optional(&mut *conn)
    .await?
    .ok_or(FamilyError::Gone)?;
    ask_for(conn, subscriber_id, holder_id, by, now, rng).await
}

/// Asks for the yes to the invitation of a holder.
///
/// # Errors
/// As [`ask`].
pub async fn ask_for(
    conn: &mut PgConnection,
    subscriber_id: i64,
    holder_id: i64,
    by: &By,
    now: DateTime<Utc>,
    rng: &mut (impl CryptoRng + Send),
) -> Result<Asked, FamilyError> {
    lock_subscriber(conn, subscriber_id).await.map_err(RequestError::from)?;
    open_invitation(conn, subscriber_id, holder_id, now).await?;
    if seen_by(conn, subscriber_id).await?.is_some() {
        return Err(FamilyError::InFamily);
    }
    let (holder, first_month) = (number_of(conn, holder_id).await?, Month::of(now));
    let language = language_of(conn, subscriber_id).await?;
    let message =
        |code: &str| Message::Family(FamilyNotice::Request { holder: &holder, first_month, code }).render(language);
    let kind = Message::Family(FamilyNotice::Request { holder: &holder, first_month, code: MASKED_CODE }).kind();
    let subject = &Subject::Family { holder_id };
    let question = Question { subscriber_id, subject, penalty: Decimal::ZERO, by, kind, language, now };
    Ok(request::ask(conn, question, &message, rng).await?)
}

/// Agrees by the code that was sent or a signature. Takes the pool, because a try of a code counts even when the rest fails.
///
/// # Errors
/// When what was given is wrong, the request is not open or too old, the invitation is gone, or the number is in a family.
pub async fn confirm(
    pool: &PgPool,
    subscriber_id: i64,
    request_id: i64,
    given: impl Into<Given<'_>>,
    now: DateTime<Utc>,
) -> Result<(), FamilyError> {
    let (mut tx, request, answer) = request::open_with(pool, subscriber_id, request_id, given.into(), now).await?;
    settle(&mut tx, &request, &answer).await?;
    tx.commit().await?;
    Ok(())
}

/// Links what was agreed to, and tells both sides. The subscriber must be locked.
pub(crate) async fn settle(conn: &mut PgConnection, request: &OpenRequest, answer: &Answer) -> Result<(), FamilyError> {
    let Subject::Family { holder_id } = request.subject else { return Err(RequestError::NotOpen.into()) };
    let (subscriber_id, now) = (request.subscriber_id, answer.at);
    if now > request.expires_at {
        return Err(RequestError::TooLate.into());
    }
    let (invitation_id, invited_until) = open_invitation(conn, subscriber_id, holder_id, now).await?;
    if seen_by(conn, subscriber_id).await?.is_some() {
        return Err(FamilyError::InFamily);
    }
    let consent_seq = request::agree(conn, request, answer).await?;
    let first_month = Month::of(now);
    let link_no = sqlx::query_scalar!(
        "insert into family_link (subscriber_id, link_no, previous_no, holder_id, invitation_id, invited_until, consent_seq,
            agreed_at, first_month)
        select $1, coalesce(max(link_no), 0) + 1, max(link_no), $2, $3, $4, $5, $6, $7
        from family_link where subscriber_id = $1
        returning link_no",
        subscriber_id,
        holder_id,
        invitation_id,
        invited_until,
        consent_seq,
        now,
        first_month.first_day(),
    )
    .fetch_one(&mut *conn)
    .await?;
    sqlx::query!(
        "update family_invitation set state = 'agreed', closed_at = $3
        where subscriber_id = $1 and invitation_id = $2 and state = 'open'",
        subscriber_id,
        invitation_id,
        now,
    )
    .execute(&mut *conn)
    .await?;
    let holder = number_of(conn, holder_id).await?;
    let joined = Message::Family(FamilyNotice::Joined { holder: &holder, first_month });
    tell(conn, subscriber_id, joined_event(link_no), &joined, now).await?;
    let member = number_of(conn, subscriber_id).await?;
    let agreed = Message::Family(FamilyNotice::Agreed { member: &member, first_month });
    tell(conn, holder_id, format!("family/agreed/{subscriber_id}/{link_no}"), &agreed, now).await?;
    Ok(())
}

/// The invitation of a holder that can be agreed to, and until when.
async fn open_invitation(
    conn: &mut PgConnection,
    subscriber_id: i64,
    holder_id: i64,
    now: DateTime<Utc>,
) -> Result<(i64, DateTime<Utc>), FamilyError> {
    let row = sqlx::query!(
        "select invitation_id, expires_at from family_invitation
        where subscriber_id = $1 and holder_id = $2 and state = 'open' and expires_at >= $3",
        subscriber_id,
        holder_id,
        now,
    )
    .fetch_optional(conn)
    .await?;
    row.map(|row| (row.invitation_id, row.expires_at)).ok_or(FamilyError::Gone)
}

/// Leaves the family that one is in, at once. `None`: one is in none; else the holder's number.
///
/// # Errors
/// When the database failed.
pub async fn leave(
    conn: &mut PgConnection,
    subscriber_id: i64,
    by: &By,
    now: DateTime<Utc>,
) -> Result<Option<String>, FamilyError> {
    lock_subscriber(conn, subscriber_id).await.map_err(RequestError::from)?;
    let Some(seen_by) = seen_by(conn, subscriber_id).await? else { return Ok(None) };
    let link_no = end_link(conn, subscriber_id, seen_by.holder_id, "member", by, now).await?;
    let member = number_of(conn, subscriber_id).await?;
    let left = Message::Family(FamilyNotice::Left { holder: &seen_by.msisdn });
    tell(conn, subscriber_id, format!("family/{link_no}/left"), &left, now).await?;
    let told = Message::Family(FamilyNotice::MemberLeft { member: &member });
    tell(conn, seen_by.holder_id, format!("family/left/{subscriber_id}/{link_no}"), &told, now).await?;
    Ok(Some(seen_by.msisdn))
}

/// The holder sees a number no more, at once. `false`: he did not see it.
///
/// # Errors
/// When the database failed.
pub async fn end(
    conn: &mut PgConnection,
    holder_id: i64,
    subscriber_id: i64,
    by: &By,
    now: DateTime<Utc>,
) -> Result<bool, FamilyError> {
    lock_subscriber(conn, subscriber_id).await.map_err(RequestError::from)?;
    match seen_by(conn, subscriber_id).await? {
        Some(seen_by) if seen_by.holder_id == holder_id => {}
        _ => return Ok(false),
    }
    let link_no = end_link(conn, subscriber_id, holder_id, "holder", by, now).await?;
    let holder = number_of(conn, holder_id).await?;
    let ended = Message::Family(FamilyNotice::Ended { holder: &holder });
    tell(conn, subscriber_id, format!("family/{link_no}/left"), &ended, now).await?;
    Ok(true)
}

/// Ends the link that is open. The member is locked, and is in this holder's family. Returns the link's number.
async fn end_link(
    conn: &mut PgConnection,
    subscriber_id: i64,
    holder_id: i64,
    left_by: &str,
    by: &By,
    now: DateTime<Utc>,
) -> Result<i32, FamilyError> {
    Ok(sqlx::query_scalar!(
        "insert into family_leaving (subscriber_id, link_no, agreed_at, left_at, left_by, channel_id)
        select subscriber_id, link_no, agreed_at, greatest($3, agreed_at), $4, $5
        from family_member where subscriber_id = $1 and holder_id = $2
        returning link_no",
        subscriber_id,
        holder_id,
        now,
        left_by,
        by.channel_id,
    )
    .fetch_one(conn)
    .await?)
}
