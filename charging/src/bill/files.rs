//! 账单文件 Bills and itemised lists as CSV. Columns keep their English names and their order for good; new ones come at the end.
//!
//! From these files alone a bill can be made again: a line's `exact_yuan` is what its records cost, its `amount_yuan` is that
//! rounded half up to the fen, and the amounts of a month sum up to its `total_yuan`. docs/bill-files.md says so to whoever
//! reads them.

use chrono::{DateTime, SecondsFormat, Utc};
use rust_decimal::Decimal;

use super::{Bill, BillSummary, ItemisedRecord};
use crate::clock::shanghai;
use crate::csv::{head, line, text};
use crate::family::FamilyBill;
use crate::quantity::Service;
use crate::subscriber::Msisdn;

/// One row a line of a bill.
pub const BILL_COLUMNS: [&str; 11] = [
    "msisdn",
    "month",
    "line_no",
    "kind",
    "scheme_id",
    "version",
    "tariff",
    "charge_month",
    "quantity",
    "exact_yuan",
    "amount_yuan",
];

/// One row a month.
pub const MONTHS_COLUMNS: [&str; 5] = ["msisdn", "month", "lines", "total_yuan", "closed_at"];

/// One row a number and kind; a bill of nothing is a row without a kind.
pub const FAMILY_COLUMNS: [&str; 5] = ["msisdn", "month", "kind", "amount_yuan", "total_yuan"];

/// One row a usage record.
pub const RECORD_COLUMNS: [&str; 14] = [
    "msisdn",
    "month",
    "record_id",
    "service",
    "started_at",
    "quantity",
    "unit",
    "rating_group",
    "from_allowance",
    "overage",
    "absorbed",
    "cost_yuan",
    "bill_month",
    "bill_line",
];

/// The lines of a bill, without a head.
pub fn bill_lines(msisdn: &Msisdn, bill: &Bill) -> String {
    let row = |each: &super::BillLine| {
        line(&[
            msisdn.to_string(),
            bill.month.to_string(),
            each.line_no.to_string(),
            each.kind.to_string(),
            text(each.scheme_id.as_str()),
            each.version.to_string(),
            text(&each.tariff_name),
            each.charge_month.to_string(),
            each.quantity.to_string(),
            decimals(each.exact, 6),
            decimals(each.amount, 2),
        ])
    };
    bill.lines.iter().map(row).collect()
}

/// A bill as a file.
pub fn bill_file(msisdn: &Msisdn, bill: &Bill) -> String {
    head(&BILL_COLUMNS) + &bill_lines(msisdn, bill)
}

/// Months as a file, each with the number of its lines, in the order given.
pub fn months_file(msisdn: &Msisdn, bills: &[(BillSummary, i64)]) -> String {
    let row = |(bill, lines): &(BillSummary, i64)| {
        line(&[
            msisdn.to_string(),
            bill.month.to_string(),
            lines.to_string(),
            decimals(bill.total, 2),
            local(bill.closed_at),
        ])
    };
    head(&MONTHS_COLUMNS) + &bills.iter().map(row).collect::<String>()
}

/// A family bill as a file: of each number its sums by kind, and its total in every row.
pub fn family_file(bill: &FamilyBill) -> String {
    let mut text = head(&FAMILY_COLUMNS);
    for share in &bill.shares {
        let row = |kind: &str, amount: Decimal| {
            let (number, month) = (share.msisdn.to_string(), bill.month.to_string());
            line(&[number, month, kind.to_owned(), decimals(amount, 2), decimals(share.total, 2)])
        };
        text.extend(share.kinds.iter().map(|(kind, amount)| row(kind.as_str(), *amount)));
        if share.kinds.is_empty() {
            text.push_str(&row("", share.total));
        }
    }
    text
}

/// The head of an itemised list.
pub fn records_head() -> String {
    head(&RECORD_COLUMNS)
}

/// A record of an itemised list.
pub fn record_line(msisdn: &Msisdn, record: &ItemisedRecord) -> String {
    let shown = |number: Option<String>| number.unwrap_or_default();
    line(&[
        msisdn.to_string(),
        record.month.to_string(),
        text(&record.id),
        record.service.as_str().to_owned(),
        local(record.started_at),
        record.quantity.to_string(),
        unit(record.service).to_owned(),
        shown(record.rating_group.map(|group| group.to_string())),
        record.from_allowance.to_string(),
        record.overage.to_string(),
        record.absorbed.to_string(),
        decimals(record.cost, 6),
        shown(record.billed.map(|(month, _)| month.to_string())),
        shown(record.billed.map(|(_, line_no)| line_no.to_string())),
    ])
}

/// In what `quantity` counts. Allowances and overage of calls count started minutes.
fn unit(service: Service) -> &'static str {
    match service {
        Service::Data => "byte",
        Service::Voice => "second",
        Service::Sms => "message",
    }
}

fn decimals(amount: Decimal, places: u32) -> String {
    let mut amount = amount;
    amount.rescale(places);
    amount.to_string()
}

/// An instant in Chinese time: `2026-10-03T08:15:00+08:00`.
fn local(at: DateTime<Utc>) -> String {
    at.with_timezone(&shanghai()).to_rfc3339_opts(SecondsFormat::Secs, false)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bill::{BillLine, LineKind};

    #[test]
    fn a_family_bill_has_a_row_a_number_and_kind() {
        assert_eq!(
            family_file(&crate::family::tests::example()),
            "\u{feff}msisdn,month,kind,amount_yuan,total_yuan\r\n\
             13800000001,2026-10,recurring,59.00,66.34\r\n\
             13800000001,2026-10,data_overage,12.34,66.34\r\n\
             13800000001,2026-10,adjustment,-5.00,66.34\r\n\
             13800000002,2026-10,recurring,39.00,45.00\r\n\
             13800000002,2026-10,third_party,6.00,45.00\r\n\
             13800000003,2026-10,,0.00,0.00\r\n"
        );
    }

    #[test]
    fn a_credit_stays_a_number_and_a_name_never_runs() {
        let line = |line_no, kind, amount: &str, name: &str| BillLine {
            line_no,
            kind,
            scheme_id: "26MB900001".parse().unwrap(),
            version: 1,
            tariff_name: name.to_owned(),
            charge_month: "2026-10".parse().unwrap(),
            quantity: 1,
            exact: amount.parse().unwrap(),
            amount: amount.parse().unwrap(),
        };
        let bill = Bill {
            month: "2026-10".parse().unwrap(),
            total: "49.00".parse().unwrap(),
            closed_at: "2026-11-01T02:00:00Z".parse().unwrap(),
            lines: vec![
                line(1, LineKind::Recurring, "59.00", "=畅享, 59"),
                line(2, LineKind::Adjustment, "-10", "畅享 59"),
            ],
        };
        let msisdn = "13800000001".parse().unwrap();
        assert_eq!(
            bill_file(&msisdn, &bill),
            "\u{feff}msisdn,month,line_no,kind,scheme_id,version,tariff,charge_month,quantity,exact_yuan,amount_yuan\r\n\
             13800000001,2026-10,1,recurring,26MB900001,1,\"'=畅享, 59\",2026-10,1,59.000000,59.00\r\n\
             13800000001,2026-10,2,adjustment,26MB900001,1,畅享 59,2026-10,1,-10.000000,-10.00\r\n"
        );
    }
}
