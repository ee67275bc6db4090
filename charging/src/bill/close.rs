//! Writing bills, many in one transaction: each with its lines, what they are made of, and the message about it.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, NaiveDate, Utc};
use rust_decimal::Decimal;
use sqlx::PgConnection;

use super::change::{Part, TOLD, changes};
use super::draft::Draft;
use super::lines::total;
use super::run::RunError;
use super::{LineKind, NewLine};
use crate::clock::Month;
use crate::ledger::NewCharge;
use crate::ledger::store::{PostedCharge, post_charges, post_roundings};
use crate::notice::store::tell_many;
use crate::notice::template::{BillFacts, Message};
use crate::payment::Share;
use crate::payment::balance::pay_closed_bills;

/// A bill that is about to be written.
struct NewBill {
    draft: Draft,
    lines: Vec<NewLine>,
    /// Yuan.
    total: Decimal,
}

impl NewBill {
    fn of(draft: Draft, month: Month) -> Result<Self, RunError> {
        let lines = draft.lines(month)?;
        Ok(Self { total: total(&lines), draft, lines })
    }

    /// Billed − exact, in yuan.
    fn rounding(&self) -> Decimal {
        self.total - self.lines.iter().map(|line| line.exact).sum::<Decimal>()
    }

    /// The number of the line that a charge which was due with this bill is on.
    fn line_no(&self, posted: &PostedCharge) -> Option<i32> {
        let is_it = |due: &&NewCharge| due.kind == posted.kind && due.subscription_id == posted.subscription_id;
        let due = self.draft.due.iter().find(is_it)?;
        let holds = |line: &NewLine| {
            line.kind == LineKind::of(due.kind) && line.scheme_id == due.scheme_id && line.version == due.version
        };
        (1..).zip(&self.lines).find(|(_, line)| holds(line)).map(|(line_no, _)| line_no)
    }
}

/// Writes the bills of these drafts, which are in the order of ids. Returns the totals, in yuan, of those that were
/// written; the others had been written by another run.
///
/// # Errors
/// When one of them is refused or the database fails; then nothing may be committed.
pub(super) async fn close(
    conn: &mut PgConnection,
    month: Month,
    drafts: Vec<Draft>,
    now: DateTime<Utc>,
) -> Result<Vec<Decimal>, RunError> {
    let bills = drafts.into_iter().map(|draft| NewBill::of(draft, month)).collect::<Result<Vec<_>, _>>()?;
    let claimed = insert_bills(conn, month, &bills, now).await?;
    let bills: Vec<NewBill> = bills.into_iter().filter(|bill| claimed.contains(&bill.draft.subscriber_id)).collect();
    if bills.is_empty() {
        return Ok(Vec::new());
    }
    let due: Vec<_> = bills.iter().flat_map(|bill| bill.draft.due.iter().cloned()).collect();
    let posted = post_charges(conn, &due).await?;
    insert_lines(conn, month, &bills).await?;
    insert_links(conn, month, &bills, &posted).await?;
    let roundings: Vec<_> = bills.iter().map(|bill| (bill.draft.subscriber_id, bill.rounding())).collect();
    post_roundings(conn, month, &roundings, now).await?;
    let subscribers: Vec<i64> = bills.iter().map(|bill| bill.draft.subscriber_id).collect();
    let told = Told::read(conn, month, &bills).await?;
    let paid = pay_closed_bills(conn, &subscribers, now).await?;
    let messages: Vec<_> = bills.iter().map(|bill| bill_ready(month, bill, &told, &paid)).collect();
    tell_many(conn, &messages, now).await?;
    Ok(bills.iter().map(|bill| bill.total).collect())
}

/// Whoever inserts the bill makes it whole: another run waits here until that is done, and leaves it alone.
async fn insert_bills(
    conn: &mut PgConnection,
    month: Month,
    bills: &[NewBill],
    now: DateTime<Utc>,
) -> Result<HashSet<i64>, RunError> {
    let subscribers: Vec<i64> = bills.iter().map(|bill| bill.draft.subscriber_id).collect();
    let totals: Vec<Decimal> = bills.iter().map(|bill| bill.total).collect();
    let claimed = sqlx::query_scalar!(
        "insert into bill (month, closed_at, subscriber_id, total)
        select $1, $2, * from unnest($3::bigint[], $4::numeric[])
        on conflict (subscriber_id, month) do nothing
        returning subscriber_id",
        month.first_day(),
        now,
        &subscribers,
        &totals
    )
    .fetch_all(conn)
    .await?;
    Ok(claimed.into_iter().collect())
}

async fn insert_lines(conn: &mut PgConnection, month: Month, bills: &[NewBill]) -> Result<(), RunError> {
    let mut lines = LineColumns::default();
    for bill in bills {
        lines.add(bill);
    }
    let written = sqlx::query!(
        "insert into bill_line (month, subscriber_id, line_no, kind, scheme_id, version, charge_month, quantity, exact,
            amount)
        select $1, * from unnest($2::bigint[], $3::integer[], $4::text[], $5::text[], $6::integer[], $7::date[],
            $8::bigint[], $9::numeric[], $10::numeric[])",
        month.first_day(),
        &lines.subscribers,
        &lines.numbers,
        &lines.kinds,
        &lines.schemes,
        &lines.versions,
        &lines.months,
        &lines.quantities,
        &lines.exacts,
        &lines.amounts
    )
    .execute(conn)
    .await?
    .rows_affected();
    check_written("bill_line", lines.numbers.len(), written)
}

/// Lines, column by column.
#[derive(Default)]
struct LineColumns {
    subscribers: Vec<i64>,
    numbers: Vec<i32>,
    kinds: Vec<String>,
    schemes: Vec<String>,
    versions: Vec<i32>,
    months: Vec<NaiveDate>,
    quantities: Vec<i64>,
    exacts: Vec<Decimal>,
    amounts: Vec<Decimal>,
}

impl LineColumns {
    fn add(&mut self, bill: &NewBill) {
        for (line_no, line) in (1..).zip(&bill.lines) {
            self.subscribers.push(bill.draft.subscriber_id);
            self.numbers.push(line_no);
            self.kinds.push(line.kind.to_string());
            self.schemes.push(line.scheme_id.to_string());
            self.versions.push(line.version);
            self.months.push(line.charge_month.first_day());
            self.quantities.push(line.quantity);
            self.exacts.push(line.exact);
            self.amounts.push(line.amount);
        }
    }
}

/// Which charges the lines are made of: each of every draft, on one line.
async fn insert_links(
    conn: &mut PgConnection,
    month: Month,
    bills: &[NewBill],
    posted: &[PostedCharge],
) -> Result<(), RunError> {
    let (mut subscribers, mut charges, mut numbers) = (vec![], vec![], vec![]);
    let mut link = |subscriber_id: i64, charge_id: i64, line_no: i32| {
        subscribers.push(subscriber_id);
        charges.push(charge_id);
        numbers.push(line_no);
    };
    let mut due: HashMap<i64, Vec<&PostedCharge>> = HashMap::new();
    for charge in posted {
        due.entry(charge.subscriber_id).or_default().push(charge);
    }
    for bill in bills {
        let subscriber_id = bill.draft.subscriber_id;
        for (line_no, line) in (1..).zip(&bill.lines) {
            line.charge_ids.iter().for_each(|charge_id| link(subscriber_id, *charge_id, line_no));
        }
        for charge in due.get(&subscriber_id).into_iter().flatten() {
            bill.line_no(charge).into_iter().for_each(|line_no| link(subscriber_id, charge.charge_id, line_no));
        }
    }
    let written = sqlx::query!(
        "insert into bill_line_charge (month, subscriber_id, charge_id, line_no)
        select $1, * from unnest($2::bigint[], $3::bigint[], $4::integer[])",
        month.first_day(),
        &subscribers,
        &charges,
        &numbers
    )
    .execute(conn)
    .await?
    .rows_affected();
    check_written("bill_line_charge", bills.iter().map(|bill| bill.draft.charges()).sum(), written)
}

fn check_written(table: &'static str, expected: usize, written: u64) -> Result<(), RunError> {
    if written == expected as u64 { Ok(()) } else { Err(RunError::Incomplete { table, expected, written }) }
}

/// 账单提醒: the bill is pushed every month (campaign 明白办、放心用, part 4). What was `paid` of it from the balance at once is not
/// due any more.
fn bill_ready(
    month: Month,
    bill: &NewBill,
    told: &Told,
    paid: &HashMap<i64, Vec<Share>>,
) -> (i64, String, Message<'static>) {
    let NewBill { draft, lines, total } = bill;
    let shares = paid.get(&draft.subscriber_id).into_iter().flatten();
    let paid: Decimal = shares.filter(|share| share.line.month == month).map(|share| share.amount).sum();
    let newest = lines.iter().map(|line| Part {
        kind: line.kind,
        scheme_id: line.scheme_id.as_str(),
        tariff_name: told.name_of(line),
        amount: line.amount,
    });
    let before = told.before.get(&draft.subscriber_id).into_iter().flatten().map(OldLine::part);
    let facts = BillFacts {
        change: draft.previous_total.map(|previous| *total - previous),
        largest: changes(newest, before).into_iter().take(TOLD).collect(),
    };
    let message = Message::BillReady { month, total: *total, due: *total - paid, facts };
    (draft.subscriber_id, format!("bill:{month}"), message)
}

/// What the message about a bill says besides its figures: what tariffs are called, and what the bill before was made of.
struct Told {
    names: HashMap<(String, i32), String>,
    before: HashMap<i64, Vec<OldLine>>,
}

/// A line of the bill before.
struct OldLine {
    kind: LineKind,
    scheme_id: String,
    tariff_name: String,
    amount: Decimal,
}

impl OldLine {
    fn part(&self) -> Part<'_> {
        Part { kind: self.kind, scheme_id: &self.scheme_id, tariff_name: &self.tariff_name, amount: self.amount }
    }
}

impl Told {
    async fn read(conn: &mut PgConnection, month: Month, bills: &[NewBill]) -> Result<Self, RunError> {
        let mut schemes: Vec<&str> =
            bills.iter().flat_map(|bill| &bill.lines).map(|line| line.scheme_id.as_str()).collect();
        schemes.sort_unstable();
        schemes.dedup();
        let names = sqlx::query!(
            "select scheme_id, version, name from tariff_version where scheme_id = any($1)",
            &schemes as &[&str],
        )
        .fetch_all(&mut *conn)
        .await?;
        let subscribers: Vec<i64> = bills.iter().map(|bill| bill.draft.subscriber_id).collect();
        let lines = sqlx::query!(
            "select l.subscriber_id, l.kind, l.scheme_id, t.name, l.amount
            from bill_line l join tariff_version t on t.scheme_id = l.scheme_id and t.version = l.version
            where l.subscriber_id = any($1) and l.month = $2 order by l.subscriber_id, l.line_no",
            &subscribers,
            month.previous().first_day(),
        )
        .fetch_all(conn)
        .await?;
        let mut before: HashMap<i64, Vec<OldLine>> = HashMap::new();
        for line in lines {
            let old = OldLine {
                kind: line.kind.parse().map_err(|e| RunError::Corrupt(format!("{e}")))?,
                scheme_id: line.scheme_id,
                tariff_name: line.name,
                amount: line.amount,
            };
            before.entry(line.subscriber_id).or_default().push(old);
        }
        Ok(Self { names: names.into_iter().map(|row| ((row.scheme_id, row.version), row.name)).collect(), before })
    }

    fn name_of<'a>(&'a self, line: &'a NewLine) -> &'a str {
        let key = (line.scheme_id.to_string(), line.version);
        self.names.get(&key).map_or(line.scheme_id.as_str(), String::as_str)
    }
}
