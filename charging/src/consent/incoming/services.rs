//! `0000`, and cancelling by number.

use chrono::TimeDelta;
use rust_decimal::Decimal;
use sqlx::PgConnection;

use super::{Handled, IncomingError, Reply};
use crate::notice::store::language_of;
use crate::notice::template::Message;
use crate::notice::{ListLead, ListedService, ServiceNotice, pages};
use crate::order::ending::CancelPreview;
use crate::order::penalty::Told;
use crate::order::store::{OrderError, held};
use crate::order::{Held, ending, first_charge, penalty};
use crate::tariff::Penalty;

/// How long the numbers of a list hold.
const LIST_LIFETIME: TimeDelta = TimeDelta::hours(24);
/// How long a list that nobody asked for may lie unread.
const READING_TIME: TimeDelta = TimeDelta::minutes(1);
/// Most services on a list: with more of them, those that began first.
const LISTED_MAX: usize = 99;

/// The newest list.
struct List {
    id: i64,
    is_valid: bool,
    is_unread: bool,
    last_number: i32,
}

impl Reply<'_> {
    /// Sends the list of everything that runs or will begin, the plan first, and keeps what its numbers mean.
    pub(super) async fn list(&self, conn: &mut PgConnection, lead: ListLead) -> Result<Handled, IncomingError> {
        let mut held = held(conn, self.subscriber_id, self.now).await?;
        held.retain(|held| held.runs_at(self.now) || held.waits_at(self.now));
        held.sort_by_key(|held| !held.is_plan);
        held.truncate(LISTED_MAX);
        if held.is_empty() {
            return self.say(conn, &Message::Service(ServiceNotice::NoServices), Handled::Listed(0)).await;
        }
        let services = self.listed(conn, &held).await?;
        self.keep(conn, &held, lead == ListLead::Asked).await?;
        let language = language_of(conn, self.subscriber_id).await?;
        let messages = pages(lead, &services, language);
        for (page, services) in (1..).zip(&messages) {
            let lead = if page == 1 { lead } else { ListLead::Asked };
            let list = ServiceNotice::List { lead, services, page, pages: messages.len() };
            self.tell_nth(conn, page, &Message::Service(list)).await?;
        }
        Ok(Handled::Listed(services.len()))
    }

    async fn listed(&self, conn: &mut PgConnection, held: &[Held]) -> Result<Vec<ListedService>, IncomingError> {
        let ids: Vec<i64> = held.iter().map(|held| held.subscription_id).collect();
        let rows = sqlx::query!(
            "select s.subscription_id, t.name, s.recurring_price, s.one_off_price, s.ends_at
            from subscription s join tariff_version t on t.scheme_id = s.scheme_id and t.version = s.version
            where s.subscriber_id = $1 and s.subscription_id = any($2)",
            self.subscriber_id,
            &ids,
        )
        .fetch_all(conn)
        .await?;
        (1..)
            .zip(&ids)
            .map(|(number, id)| {
                let row = rows.iter().find(|row| row.subscription_id == *id).ok_or(OrderError::UnknownSubscription)?;
                Ok(ListedService {
                    number,
                    name: row.name.clone(),
                    recurring_price: row.recurring_price,
                    one_off_price: row.one_off_price,
                    ends_at: row.ends_at,
                })
            })
            .collect()
    }

    async fn keep(&self, conn: &mut PgConnection, held: &[Held], asked: bool) -> Result<(), IncomingError> {
        let list_id = sqlx::query_scalar!(
            "insert into sms_list (subscriber_id, sent_at, asked) values ($1, $2, $3) returning list_id",
            self.subscriber_id,
            self.now,
            asked,
        )
        .fetch_one(&mut *conn)
        .await?;
        let ids: Vec<i64> = held.iter().map(|held| held.subscription_id).collect();
        sqlx::query!(
            "insert into sms_list_item (subscriber_id, list_id, number, subscription_id)
            select $1, $2, number, subscription_id
            from unnest($3::bigint[]) with ordinality as item (subscription_id, number)",
            self.subscriber_id,
            list_id,
            &ids,
        )
        .execute(conn)
        .await?;
        Ok(())
    }

    /// Cancels what a number of the newest list stands for, or one from a first-charge reminder. Without a number, or a list
    /// that still holds, sends the list.
    pub(super) async fn cancel(&self, conn: &mut PgConnection, number: Option<u32>) -> Result<Handled, IncomingError> {
        let Some(number) = number else { return self.list(conn, ListLead::Asked).await };
        if number >= first_charge::REPLY_NUMBER_MIN {
            return self.cancel_announced(conn, number).await;
        }
        let list = match self.newest_list(conn).await? {
            Some(list) if list.is_unread => return self.list(conn, ListLead::Unread).await,
            Some(list) if list.is_valid => list,
            Some(_) => return self.list(conn, ListLead::Expired).await,
            None => return self.list(conn, ListLead::NoList).await,
        };
        let item = sqlx::query_scalar!(
            "select subscription_id from sms_list_item where subscriber_id = $1 and list_id = $2 and number = $3",
            self.subscriber_id,
            list.id,
            number.cast_signed(),
        )
        .fetch_optional(&mut *conn)
        .await?;
        match item {
            Some(subscription_id) => self.stop(conn, subscription_id).await,
            None => self.no_such_number(conn, number, list.last_number).await,
        }
    }

    async fn newest_list(&self, conn: &mut PgConnection) -> Result<Option<List>, IncomingError> {
        let list = sqlx::query_as!(
            List,
            r#"select l.list_id as id, l.sent_at > $2 as "is_valid!", not l.asked and l.sent_at > $3 as "is_unread!",
                max(i.number) as "last_number!"
            from sms_list l join sms_list_item i on i.subscriber_id = l.subscriber_id and i.list_id = l.list_id
            where l.subscriber_id = $1 group by l.list_id, l.sent_at, l.asked order by l.list_id desc limit 1"#,
            self.subscriber_id,
            self.now - LIST_LIFETIME,
            self.now - READING_TIME,
        )
        .fetch_optional(conn)
        .await?;
        Ok(list)
    }

    async fn no_such_number(&self, conn: &mut PgConnection, number: u32, last: i32) -> Result<Handled, IncomingError> {
        let message = Message::Service(ServiceNotice::NoSuchNumber { number, last });
        self.say(conn, &message, Handled::NotCancelled).await
    }

    /// The reply to a first-charge reminder; one that comes after the charge cancels as anything else is cancelled, and is
    /// told so.
    async fn cancel_announced(&self, conn: &mut PgConnection, number: u32) -> Result<Handled, IncomingError> {
        let named = first_charge::of_reply(conn, self.subscriber_id, number.cast_signed()).await?;
        let Some(subscription_id) = named else {
            return match self.newest_list(conn).await? {
                Some(list) if list.is_valid => self.no_such_number(conn, number, list.last_number).await,
                _ => self.list(conn, ListLead::NoList).await,
            };
        };
        let handled = self.stop(conn, subscription_id).await?;
        let charged = first_charge::charged(conn, self.subscriber_id, subscription_id).await?;
        if charged > Decimal::ZERO && matches!(handled, Handled::Cancelled { .. }) {
            let name = self.name_of(conn, subscription_id).await?;
            let notice = ServiceNotice::FirstChargeMade { name: &name, charged };
            self.tell_nth(conn, 1, &Message::Service(notice)).await?;
        }
        Ok(handled)
    }

    /// By the same function as the page, which tells what it costs and when it ends. What costs a penalty is told first, and
    /// cancelled by the same reply again, for no more than was told and no longer a time.
    async fn stop(&self, conn: &mut PgConnection, subscription_id: i64) -> Result<Handled, IncomingError> {
        let preview = match ending::cancel_preview(conn, self.subscriber_id, subscription_id, self.now).await {
            Ok(preview) => preview,
            Err(error @ (OrderError::EndsAlready | OrderError::EndedBefore)) => {
                let is_over = matches!(error, OrderError::EndedBefore);
                return self.not_stopped(conn, subscription_id, is_over).await;
            }
            Err(error) => return Err(error.into()),
        };
        let due = preview.penalty.map_or(Decimal::ZERO, |penalty| penalty.amount);
        if let Some(penalty) = preview.penalty {
            let told = penalty::told(conn, self.subscriber_id, subscription_id, self.now).await?;
            if !told.is_some_and(|told| due <= told.amount && preview.ends_at <= told.ends_at) {
                return self.tell_penalty(conn, subscription_id, &preview, penalty).await;
            }
        }
        let by = Self::by();
        let (ends_at, reason) = ending::cancel(conn, self.subscriber_id, subscription_id, due, &by, self.now).await?;
        Ok(Handled::Cancelled { subscription_id, ends_at, reason })
    }

    async fn tell_penalty(
        &self,
        conn: &mut PgConnection,
        subscription_id: i64,
        preview: &CancelPreview,
        penalty: Penalty,
    ) -> Result<Handled, IncomingError> {
        let told = Told { amount: penalty.amount, ends_at: preview.ends_at };
        penalty::note_told(conn, self.subscriber_id, subscription_id, told, self.now).await?;
        let notice = ServiceNotice::PenaltyAsked { name: &preview.name, penalty, ends_at: preview.ends_at };
        self.say(conn, &Message::Service(notice), Handled::PenaltyTold).await
    }

    async fn not_stopped(
        &self,
        conn: &mut PgConnection,
        subscription_id: i64,
        is_over: bool,
    ) -> Result<Handled, IncomingError> {
        let name = self.name_of(conn, subscription_id).await?;
        let ended = sqlx::query!(
            r#"select ends_at as "ends_at!", penalty from subscription where subscriber_id = $1 and subscription_id = $2"#,
            self.subscriber_id,
            subscription_id,
        )
        .fetch_one(&mut *conn)
        .await?;
        let notice = if is_over {
            ServiceNotice::Ended { name: &name, ended_at: ended.ends_at }
        } else {
            ServiceNotice::EndsAlready { name: &name, ends_at: ended.ends_at, penalty: ended.penalty }
        };
        self.say(conn, &Message::Service(notice), Handled::NotCancelled).await
    }

    async fn name_of(&self, conn: &mut PgConnection, subscription_id: i64) -> Result<String, IncomingError> {
        let name = sqlx::query_scalar!(
            "select t.name from subscription s
            join tariff_version t on t.scheme_id = s.scheme_id and t.version = s.version
            where s.subscriber_id = $1 and s.subscription_id = $2",
            self.subscriber_id,
            subscription_id,
        )
        .fetch_one(conn)
        .await?;
        Ok(name)
    }
}
