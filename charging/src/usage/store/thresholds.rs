//! Telling subscribers, once each, of what their usage has passed, and network functions of what became of the cap.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, NaiveDate, Utc};
use rust_decimal::Decimal;
use sqlx::PgConnection;

use super::load::{Key, Loaded};
use super::{UsageError, corrupt, spending_limit};
use crate::clock::Month;
use crate::notice::UsageNotice;
use crate::notice::store::tell_many;
use crate::notice::template::Message;
use crate::quantity::Service;
use crate::usage::rating::MonthState;
use crate::usage::threshold::{Crossing, Gauge, HIGH_CHARGE_MIN_YUAN, is_high};

/// Where the months of `now` stood before their records. Of other months nobody is told.
#[derive(Debug, Default)]
pub(super) struct Gauges {
    before: BTreeMap<Key, Gauge>,
    /// Whose month before has new records: less of it may roll over.
    late: BTreeSet<i64>,
}

impl Gauges {
    pub fn note(&mut self, key: Key, state: &MonthState, now: DateTime<Utc>) {
        if key.month.contains(now) {
            self.before.insert(key, Gauge::of(state, now));
        } else if key.month.next().contains(now) {
            self.late.insert(key.subscriber_id);
        }
    }

    /// What was passed since.
    pub fn crossed(self, months: &BTreeMap<Key, Loaded>, now: DateTime<Utc>) -> Crossed {
        let mut crossed = Crossed { turned: self.late, ..Crossed::default() };
        for (key, before) in self.before {
            let Some(state) = months.get(&key).map(|loaded| &loaded.state) else { continue };
            let after = Gauge::of(state, now);
            if after.cap_state != before.cap_state {
                crossed.turned.insert(key.subscriber_id);
            }
            for crossing in before.crossed(&after) {
                let (event, notice) = notice(key.month, &crossing, state, now);
                crossed.notices.push((key.subscriber_id, event, Message::Usage(notice)));
            }
            if after.beyond > before.beyond && after.beyond >= HIGH_CHARGE_MIN_YUAN {
                crossed.dear.insert(key.subscriber_id, after.beyond);
            }
        }
        crossed
    }
}

/// What subscribers and network functions are to be told.
#[derive(Debug, Default)]
pub(super) struct Crossed {
    notices: Vec<(i64, String, Message<'static>)>,
    /// Yuan beyond the allowances, where that is more than before and may be a sudden high charge.
    dear: BTreeMap<i64, Decimal>,
    /// Whose cap may be in another state.
    turned: BTreeSet<i64>,
}

impl Crossed {
    pub fn is_empty(&self) -> bool {
        self.notices.is_empty() && self.dear.is_empty() && self.turned.is_empty()
    }

    /// Puts it into the outbox.
    pub async fn tell(mut self, conn: &mut PgConnection, now: DateTime<Utc>) -> Result<(), UsageError> {
        let month = Month::of(now);
        let averages = averages(conn, self.dear.keys().copied().collect(), month).await?;
        for (subscriber_id, beyond) in self.dear {
            let average = *averages.get(&subscriber_id).ok_or_else(|| corrupt("charges of nobody"))?;
            if is_high(beyond, average) {
                let notice = UsageNotice::HighCharge { beyond, average: average.round_dp(2) };
                self.notices.push((subscriber_id, format!("high_charge:{month}"), Message::Usage(notice)));
            }
        }
        tell_many(conn, &self.notices, now).await?;
        spending_limit::tell(conn, &self.turned, now).await
    }
}

/// The notice of a crossing, and the event it is of: an allowance that grew, or another cap, starts anew.
fn notice(month: Month, crossing: &Crossing, state: &MonthState, now: DateTime<Utc>) -> (String, UsageNotice) {
    match crossing {
        Crossing::Allowance { meter, level } => {
            let groups: Vec<String> = meter.rating_groups.iter().map(u32::to_string).collect();
            let (service, available, level) = (meter.service, meter.available, *level);
            let event = format!("allowance:{month}:{service}:{}:{available}:{}", groups.join(","), level.as_str());
            let plan = state.plan_at(now).map(|plan| &state.plans[plan].plan);
            let has_price = plan.is_some_and(|plan| plan.terms.overage_of(service).is_some());
            let is_directed = service == Service::Data && !groups.is_empty();
            (event, UsageNotice::Allowance { service, is_directed, level, left: meter.left(), has_price })
        }
        Crossing::Cap { state, charged, cap } => {
            let event = format!("cap:{month}:{cap}:{}", state.as_str());
            (event, UsageNotice::Cap { state: *state, charged: *charged, cap: *cap })
        }
    }
}

/// What was billed for use beyond the allowances, on average of the three months before, in yuan.
async fn averages(
    conn: &mut PgConnection,
    subscribers: Vec<i64>,
    month: Month,
) -> Result<BTreeMap<i64, Decimal>, UsageError> {
    if subscribers.is_empty() {
        return Ok(BTreeMap::new());
    }
    let months: Vec<NaiveDate> = (1..=3).map(|back| month.minus(back).first_day()).collect();
    let rows = sqlx::query!(
        r#"select k.subscriber_id as "subscriber_id!", coalesce(sum(l.amount), 0) / 3 as "average!"
        from unnest($1::bigint[]) as k (subscriber_id)
        left join bill_line l on l.subscriber_id = k.subscriber_id and l.month = any($2)
            and l.kind in ('data_overage', 'voice_overage', 'sms_overage', 'late_usage')
        group by k.subscriber_id"#,
        &subscribers,
        &months
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| (row.subscriber_id, row.average)).collect())
}
