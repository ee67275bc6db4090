//! Lays beside a line what the database knows of it.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use sqlx::PgConnection;

use super::settle::returned;
use super::store::{DisputeError, corrupt};
use super::verdict::{ChargeFacts, Facts, Proof};
use crate::clock::Month;
use crate::consent::Evidence;
use crate::consent::chain::{BrokenChain, Link, verify};
use crate::ledger::ChargeKind;

/// A line of a bill.
#[derive(Clone, Copy, Debug)]
pub struct Line {
    pub subscriber_id: i64,
    pub month: Month,
    pub line_no: i32,
    /// Yuan.
    pub amount: Decimal,
}

/// What is known of a line.
///
/// # Errors
/// When the database failed or holds a kind of charge that there is not. Evidence that cannot be read is a fact, no error.
pub async fn facts(conn: &mut PgConnection, line: Line) -> Result<Facts, DisputeError> {
    let rows = sqlx::query_as!(
        Row,
        r#"select g.kind as "kind!", sum(g.amount) as "amount!",
            case g.kind when 'recurring' then s.recurring_price when 'one_off' then s.one_off_price
                when 'penalty' then s.penalty when 'third_party' then p.amount end as price,
            coalesce(sum(g.amount) filter (where coalesce(u.started_at, g.month::timestamp at time zone 'Asia/Shanghai')
                >= s.ends_at and g.kind in ('recurring', 'data_overage', 'voice_overage', 'sms_overage')), 0)
                as "after_end!",
            coalesce(sum(g.amount) filter (where g.kind = 'recurring' and exists (
                select from charge g2
                join subscription s2 on s2.subscriber_id = g2.subscriber_id and s2.subscription_id = g2.subscription_id
                where g2.subscriber_id = g.subscriber_id and g2.month = g.month and g2.kind = 'recurring'
                    and g2.scheme_id = g.scheme_id and g2.charge_id < g.charge_id
                    and tstzrange(s2.starts_at, s2.ends_at) && tstzrange(s.starts_at, s.ends_at))), 0)
                as "charged_twice!",
            coalesce(bool_and(o.ordered_at >= o.tariff_orderable_from and
                (o.ordered_at at time zone 'Asia/Shanghai')::date between o.on_sale_from and o.on_sale_until), false)
                as "was_on_sale!",
            o.consent_seq as "consent_seq?", coalesce(s.scheme_id, p.scheme_id) as scheme_id,
            coalesce(s.version, p.version) as version, coalesce(s.recurring_price, p.recurring_price) as recurring_price,
            coalesce(s.one_off_price, p.amount) as one_off_price
        from bill_line_charge l
        join charge g on g.subscriber_id = l.subscriber_id and g.charge_id = l.charge_id
        left join usage_record u on u.subscriber_id = g.subscriber_id and u.source_id = g.usage_source_id
            and u.month = g.month
        left join subscription s on s.subscriber_id = g.subscriber_id and s.subscription_id = g.subscription_id
        left join third_party_charge p on p.subscriber_id = g.subscriber_id
            and p.third_party_charge_id = g.third_party_charge_id
        left join product_order o on o.subscriber_id = g.subscriber_id and o.order_id = coalesce(s.order_id, p.order_id)
        where l.subscriber_id = $1 and l.month = $2 and l.line_no = $3
        group by g.kind, s.subscriber_id, s.subscription_id, p.subscriber_id, p.third_party_charge_id, o.subscriber_id,
            o.order_id
        order by s.subscription_id, p.third_party_charge_id, g.kind"#,
        line.subscriber_id,
        line.month.first_day(),
        line.line_no,
    )
    .fetch_all(&mut *conn)
    .await?;
    let chain = Chain::read(&mut *conn, line.subscriber_id).await?;
    let charges = rows.into_iter().map(|row| row.read(&chain)).collect::<Result<_, _>>()?;
    Ok(Facts { line_amount: line.amount, returned: returned(conn, line).await?, charges })
}

struct Row {
    kind: String,
    amount: Decimal,
    price: Option<Decimal>,
    after_end: Decimal,
    charged_twice: Decimal,
    was_on_sale: bool,
    consent_seq: Option<i32>,
    scheme_id: Option<String>,
    version: Option<i32>,
    recurring_price: Option<Decimal>,
    one_off_price: Option<Decimal>,
}

impl Row {
    fn read(self, chain: &Chain) -> Result<ChargeFacts, DisputeError> {
        let kind: ChargeKind = self.kind.parse().map_err(corrupt)?;
        let proof = chain.proof(&self);
        Ok(ChargeFacts {
            kind,
            amount: self.amount,
            proof,
            was_on_sale: self.was_on_sale,
            price: self.price,
            after_end: self.after_end,
            charged_twice: self.charged_twice,
        })
    }

    /// Whether a proof is one for what was charged.
    fn is_named_by(&self, evidence: &Evidence) -> bool {
        let amount = |amount: Option<Decimal>| amount.map(|amount| format!("{amount:.2}"));
        evidence.scheme_id == self.scheme_id
            && evidence.version == self.version
            && evidence.recurring_price == amount(self.recurring_price)
            && evidence.one_off_price == amount(self.one_off_price)
    }
}

/// Everything that a subscriber agreed to, and from which row on that cannot be relied upon.
struct Chain {
    links: Vec<(Link, DateTime<Utc>)>,
    broken: Option<(i32, String)>,
}

impl Chain {
    async fn read(conn: &mut PgConnection, subscriber_id: i64) -> Result<Self, DisputeError> {
        let rows = sqlx::query!(
            "select seq, previous_hash, hash, evidence, agreed_at from consent where subscriber_id = $1 order by seq",
            subscriber_id
        )
        .fetch_all(conn)
        .await?;
        let hash = |bytes: Vec<u8>| <[u8; 32]>::try_from(bytes).map_err(|_| corrupt("a hash is not 32 bytes long"));
        let mut links = Vec::with_capacity(rows.len());
        for row in rows {
            let previous_hash = row.previous_hash.map(hash).transpose()?;
            let link = Link { seq: row.seq, previous_hash, hash: hash(row.hash)?, evidence: row.evidence };
            links.push((link, row.agreed_at));
        }
        let verified = verify(subscriber_id, links.iter().map(|(link, _)| link.clone()));
        let broken = verified.err().map(|error| (first_row(&error), error.to_string()));
        Ok(Self { links, broken })
    }

    fn proof(&self, row: &Row) -> Proof {
        let found = row.consent_seq.and_then(|seq| self.links.iter().find(|(link, _)| link.seq == seq));
        let Some((link, agreed_at)) = found else { return Proof::Missing };
        if let Some((_, why)) = self.broken.as_ref().filter(|(from, _)| *from <= link.seq) {
            return Proof::Broken(why.clone());
        }
        match Evidence::read(&link.evidence) {
            Ok(evidence) if row.is_named_by(&evidence) => Proof::Holds { agreed_at: *agreed_at },
            Ok(_) => Proof::Broken(format!("row {} is for something else", link.seq)),
            Err(error) => Proof::Broken(error.to_string()),
        }
    }
}

/// From which row on a broken chain proves nothing.
fn first_row(broken: &BrokenChain) -> i32 {
    match *broken {
        BrokenChain::Gap { expected: row, .. }
        | BrokenChain::Unlinked(row)
        | BrokenChain::WrongHash(row)
        | BrokenChain::WrongEvidence(row) => row,
    }
}
