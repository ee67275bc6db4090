//! Gathers what explains a line of a bill.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use sqlx::PgConnection;

use super::draft::period;
use super::explain::{Arithmetic, Cause, Consented, DataArithmetic, Explanation, RecordsPart, data_steps};
use super::recurring::{Period, recurring_charge};
use super::store::{BillError, bill, corrupt};
use super::{BillLine, LineKind};
use crate::clock::Month;
use crate::consent::Evidence;
use crate::ledger::ChargeKind;
use crate::quantity::Service;
use crate::tariff::{self, OverageModel, Terms};
use crate::usage::overage::price_of_volume;

/// Explains a line; `None` when there is no such line.
///
/// # Errors
/// When the database fails, or holds what cannot be read.
pub async fn explain(
    conn: &mut PgConnection,
    subscriber_id: i64,
    month: Month,
    line_no: i32,
) -> Result<Option<Explanation>, BillError> {
    let Some(bill) = bill(conn, subscriber_id, month).await? else { return Ok(None) };
    let Some(line) = bill.lines.into_iter().find(|line| line.line_no == line_no) else { return Ok(None) };
    let tariff = tariff::store::version(conn, &line.scheme_id, line.version)
        .await
        .map_err(corrupt)?
        .ok_or_else(|| corrupt("a bill line without its tariff"))?;
    let terms = tariff.content.terms.clone().ok_or_else(|| corrupt("a charged tariff without terms"))?;
    let mut causes = Vec::new();
    for charged in charged(conn, subscriber_id, month, line_no).await? {
        let question = Question { subscriber_id, bill_closed_at: bill.closed_at, line: &line };
        let arithmetic = arithmetic(conn, &question, &terms, &charged).await?;
        causes.push(charged.into_cause(arithmetic)?);
    }
    Ok(Some(Explanation { month, line, tariff, causes }))
}

struct Question<'a> {
    subscriber_id: i64,
    bill_closed_at: DateTime<Utc>,
    line: &'a BillLine,
}

/// A subscription on a line, with its order and consent.
struct Charged {
    subscription_id: i64,
    period: Period,
    order_id: i64,
    ordered_at: DateTime<Utc>,
    order_channel_id: String,
    consent_seq: i32,
    consent_hash: Vec<u8>,
    method: String,
    consent_channel_id: String,
    agreed_at: DateTime<Utc>,
    evidence: Vec<u8>,
    /// By kind of charge.
    parts: Vec<RecordsPart>,
}

impl Charged {
    fn amount(&self) -> Decimal {
        self.parts.iter().map(|part| part.amount).sum()
    }

    fn into_cause(self, arithmetic: Arithmetic) -> Result<Cause, BillError> {
        Ok(Cause {
            subscription_id: self.subscription_id,
            starts_at: self.period.starts_at,
            ends_at: self.period.ends_at,
            end_reason: self.period.end_reason,
            order_id: self.order_id,
            ordered_at: self.ordered_at,
            amount: self.amount(),
            order_channel_id: self.order_channel_id,
            consent: Consented {
                seq: self.consent_seq,
                hash: self.consent_hash,
                method: self.method.parse().map_err(corrupt)?,
                channel_id: self.consent_channel_id,
                agreed_at: self.agreed_at,
                evidence: Evidence::read(&self.evidence).map_err(corrupt)?,
            },
            arithmetic,
        })
    }
}

async fn charged(
    conn: &mut PgConnection,
    subscriber_id: i64,
    month: Month,
    line_no: i32,
) -> Result<Vec<Charged>, BillError> {
    let rows = sqlx::query!(
        r#"select s.subscription_id, s.starts_at, s.ends_at, s.end_reason, o.order_id, o.ordered_at,
             o.channel_id as order_channel_id, c.seq, c.hash, c.method, c.channel_id, c.agreed_at, c.evidence,
             on_line.kind, on_line.records as "records!", on_line.units as "units!", on_line.amount as "amount!"
           from (
             select g.subscription_id, g.kind, count(*) as records, sum(g.quantity)::bigint as units,
                 sum(g.amount) as amount
             from bill_line_charge l
             join charge g on g.subscriber_id = l.subscriber_id and g.charge_id = l.charge_id
             where l.subscriber_id = $1 and l.month = $2 and l.line_no = $3
             group by g.subscription_id, g.kind) as on_line
           join subscription s on s.subscriber_id = $1 and s.subscription_id = on_line.subscription_id
           join product_order o on o.subscriber_id = $1 and o.order_id = s.order_id
           join consent c on c.subscriber_id = $1 and c.seq = o.consent_seq
           order by s.starts_at, s.subscription_id, on_line.kind"#,
        subscriber_id,
        month.first_day(),
        line_no
    )
    .fetch_all(conn)
    .await?;
    let mut charged: Vec<Charged> = Vec::new();
    for row in rows {
        let part = RecordsPart {
            kind: row.kind.parse().map_err(corrupt)?,
            records: row.records.unsigned_abs(),
            units: row.units.unsigned_abs(),
            amount: row.amount,
        };
        if let Some(last) = charged.last_mut().filter(|last| last.subscription_id == row.subscription_id) {
            last.parts.push(part);
            continue;
        }
        charged.push(Charged {
            subscription_id: row.subscription_id,
            period: period(row.starts_at, row.ends_at, row.end_reason.as_deref()).map_err(BillError::Corrupt)?,
            order_id: row.order_id,
            ordered_at: row.ordered_at,
            order_channel_id: row.order_channel_id,
            consent_seq: row.seq,
            consent_hash: row.hash,
            method: row.method,
            consent_channel_id: row.channel_id,
            agreed_at: row.agreed_at,
            evidence: row.evidence,
            parts: vec![part],
        });
    }
    Ok(charged)
}

/// The formula that gives the amount; where the terms give another amount than what was charged (a subscription that
/// was stopped after its month was closed, a cap that was changed), what was charged is shown as it is.
async fn arithmetic(
    conn: &mut PgConnection,
    question: &Question<'_>,
    terms: &Terms,
    charged: &Charged,
) -> Result<Arithmetic, BillError> {
    let as_charged = || Arithmetic::Records(charged.parts.clone());
    let amount = charged.amount();
    let formula = match question.line.kind {
        LineKind::Recurring => terms
            .recurring
            .as_ref()
            .and_then(|recurring| recurring_charge(recurring, &charged.period, question.line.charge_month))
            .filter(|charge| charge.amount == amount)
            .map(Arithmetic::Recurring),
        LineKind::OneOff if charged.parts.iter().all(|part| part.kind == ChargeKind::Penalty) => {
            let (first, last) = (Month::of(charged.period.starts_at), charged.period.last_month());
            let used = last.map(|last| first.count_to(last));
            let penalty = terms.commitment.zip(used).and_then(|(commitment, used)| commitment.penalty_after(used));
            penalty.filter(|penalty| penalty.amount == amount).map(Arithmetic::Penalty)
        }
        LineKind::OneOff => (terms.one_off == amount).then_some(Arithmetic::OneOff { price: terms.one_off }),
        LineKind::DataOverage => match terms.overage_of(Service::Data) {
            Some(model) => data(conn, question, model, charged).await?.map(Arithmetic::Data),
            None => None,
        },
        LineKind::VoiceOverage => per_unit(terms, ChargeKind::VoiceOverage, charged),
        LineKind::SmsOverage => per_unit(terms, ChargeKind::SmsOverage, charged),
        LineKind::LateUsage | LineKind::ThirdParty | LineKind::Adjustment => None,
    };
    Ok(formula.unwrap_or_else(as_charged))
}

fn per_unit(terms: &Terms, kind: ChargeKind, charged: &Charged) -> Option<Arithmetic> {
    let part = charged.parts.iter().find(|part| part.kind == kind)?;
    let OverageModel::Unit { price, unit } = *terms.overage_of(kind.service()?)? else { return None };
    let (records, units) = (part.records, part.units);
    (price * Decimal::from(units.div_ceil(unit)) == part.amount).then_some(Arithmetic::PerUnit {
        kind,
        records,
        units,
        price,
        unit,
    })
}

/// V of a subscription as it was when the bill was closed; `None` when f(V) is not what was charged.
async fn data(
    conn: &mut PgConnection,
    question: &Question<'_>,
    model: &OverageModel,
    charged: &Charged,
) -> Result<Option<DataArithmetic>, BillError> {
    let month = question.line.charge_month.first_day();
    let sums = sqlx::query!(
        r#"select coalesce(sum(overage), 0)::bigint as "volume!", coalesce(sum(absorbed), 0)::bigint as "absorbed!"
           from usage_record
           where subscriber_id = $1 and month = $2 and service = 'data' and plan_subscription_id = $3
               and received_at <= $4"#,
        question.subscriber_id,
        month,
        charged.subscription_id,
        question.bill_closed_at
    )
    .fetch_one(&mut *conn)
    .await?;
    let cap = sqlx::query_scalar!(
        "select overage_cap from month_counter where subscriber_id = $1 and month = $2",
        question.subscriber_id,
        month
    )
    .fetch_optional(conn)
    .await?;
    let volume = sums.volume.unsigned_abs();
    let amount = price_of_volume(model, volume);
    Ok((amount == charged.amount()).then(|| DataArithmetic {
        volume,
        absorbed: sums.absorbed.unsigned_abs(),
        cap,
        steps: data_steps(model, volume),
        amount,
    }))
}
