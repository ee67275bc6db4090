//! Bills, months and itemised lists as PDFs: the same figures as on the pages, in columns.

use std::collections::BTreeMap;

use charging::bill::{Bill, BillSummary, ItemisedRecord};
use charging::clock::{Month, local_date};
use charging::dispute::{Dispute, State};
use charging::family::FamilyBill;
use charging::money::plain;
use charging::quantity::Service;
use charging::subscriber::Subscriber;
use http::request::Parts;
use krilla::Document;
use krilla::metadata::Metadata;
use krilla::page::PageSettings;
use rust_decimal::Decimal;

use super::SlipError;
use super::face::Face;
use super::pages::{HEIGHT, Pages, WIDTH};
use super::table::{Look, Table, figures, words};
use crate::components::{clock_text, day_text, month_text, quantity_text, service_text, short_day_text, time_text};
use crate::i18n::{Locale, td_string};
use crate::me::bill::{kind_text, line_text, quantity_of};
use crate::me::family::share_name;
use crate::request::locale_of_request;

/// A bill with its lines, in the language of the request.
///
/// # Errors
/// When the font cannot be read or the PDF cannot be written.
pub fn bill_paper(
    request: &Parts,
    bill: &Bill,
    disputes: &BTreeMap<i32, Dispute>,
    subscriber: &Subscriber,
) -> Result<Vec<u8>, SlipError> {
    write_bill(locale_of_request(request), bill, disputes, subscriber)
}

fn write_bill(
    l: Locale,
    bill: &Bill,
    disputes: &BTreeMap<i32, Dispute>,
    subscriber: &Subscriber,
) -> Result<Vec<u8>, SlipError> {
    let title = td_string!(l, bill.receipt_title, month = month_text(l, bill.month));
    let mut pages = begin(l, &title, subscriber)?;
    let (from, until) = (day_text(l, bill.month.first_day()), day_text(l, bill.month.last_day()));
    pages.fact(td_string!(l, bill.period), &td_string!(l, bill.period_text, from = from, until = until));
    pages.fact(td_string!(l, bill.closed), &time_text(l, bill.closed_at));
    let head = [
        td_string!(l, bill.item),
        td_string!(l, bill.tariff_name),
        td_string!(l, paper.quantity),
        td_string!(l, paper.exact),
        td_string!(l, paper.amount),
    ];
    let columns = [words(3.0), words(4.0), figures(2.0), figures(2.2), figures(2.0)];
    let mut table = Table::new(&mut pages, columns, head);
    for line in &bill.lines {
        let mark = disputes.get(&line.line_no).map(|dispute| mark(l, dispute));
        let name = std::iter::once(line_text(l, line)).chain(mark).collect::<Vec<_>>().join("\n");
        let quantity = quantity_of(l, line).unwrap_or_default();
        let cells = [name, line.tariff_name.clone(), quantity, six(line.exact), plain(line.amount)];
        table.row(&cells, Look::Row);
    }
    let empty = String::new;
    table.row(&[td_string!(l, bill.total).to_owned(), empty(), empty(), empty(), plain(bill.total)], Look::Total);
    pages.small(if bill.lines.is_empty() { td_string!(l, bill.nothing_charged) } else { td_string!(l, bill.rounding) });
    pages.small(td_string!(l, paper.why));
    finish(l, &pages, &title)
}

/// What is said of a disputed line.
fn mark(l: Locale, dispute: &Dispute) -> String {
    match dispute.standing.state {
        State::Upheld => td_string!(l, dispute.mark_upheld, amount = plain(dispute.standing.awarded)),
        State::Explained | State::Withdrawn => td_string!(l, dispute.mark_explained).to_owned(),
        State::Received | State::Asked => td_string!(l, dispute.mark_open).to_owned(),
    }
}

/// Months with their totals, the newest first, in the language of the request.
///
/// # Errors
/// When the font cannot be read or the PDF cannot be written.
pub fn months_paper(
    request: &Parts,
    bills: &[(BillSummary, i64)],
    subscriber: &Subscriber,
) -> Result<Vec<u8>, SlipError> {
    let l = locale_of_request(request);
    let title = td_string!(l, paper.months_title, n = bills.len());
    let mut pages = begin(l, &title, subscriber)?;
    let head = [
        td_string!(l, bill.month),
        td_string!(l, bill.closed),
        td_string!(l, paper.lines),
        td_string!(l, paper.amount),
    ];
    let mut table = Table::new(&mut pages, [words(3.0), words(4.0), figures(2.0), figures(3.0)], head);
    for (bill, lines) in bills {
        let cells = [month_text(l, bill.month), time_text(l, bill.closed_at), lines.to_string(), plain(bill.total)];
        table.row(&cells, Look::Row);
    }
    let total: Decimal = bills.iter().map(|(bill, _)| bill.total).sum();
    let empty = String::new;
    table.row(&[td_string!(l, bill.total).to_owned(), empty(), empty(), plain(total)], Look::Total);
    finish(l, &pages, &title)
}

/// A family bill: of each number its sums by kind, in the language of the request.
///
/// # Errors
/// When the font cannot be read or the PDF cannot be written.
pub fn family_paper(request: &Parts, bill: &FamilyBill, subscriber: &Subscriber) -> Result<Vec<u8>, SlipError> {
    let l = locale_of_request(request);
    let title = td_string!(l, family.bill_title, month = month_text(l, bill.month));
    let mut pages = begin(l, &title, subscriber)?;
    pages.paragraph(td_string!(l, family.bill_lead));
    let head = [td_string!(l, family.number), td_string!(l, bill.item), td_string!(l, paper.amount)];
    let mut table = Table::new(&mut pages, [words(4.0), words(4.0), figures(3.0)], head);
    for share in &bill.shares {
        let name = share_name(l, share);
        for (kind, amount) in &share.kinds {
            table.row(&[name.clone(), kind_text(l, *kind, None), plain(*amount)], Look::Row);
        }
        table.row(&[name, td_string!(l, bill.total).to_owned(), plain(share.total)], Look::Total);
    }
    let all = td_string!(l, family.all_numbers);
    for (kind, amount) in bill.by_kind() {
        table.row(&[all.to_owned(), kind_text(l, kind, None), plain(amount)], Look::Row);
    }
    table.row(&[all.to_owned(), td_string!(l, bill.total).to_owned(), plain(bill.total())], Look::Total);
    finish(l, &pages, &title)
}

/// The itemised list of a month, in the language of the request. `more`: how many records are not on it.
///
/// # Errors
/// When the font cannot be read or the PDF cannot be written.
pub fn records_paper(
    request: &Parts,
    month: Month,
    records: &[ItemisedRecord],
    more: u64,
    subscriber: &Subscriber,
) -> Result<Vec<u8>, SlipError> {
    let l = locale_of_request(request);
    let title = td_string!(l, paper.records_title, month = month_text(l, month));
    let mut pages = begin(l, &title, subscriber)?;
    pages.paragraph(&td_string!(l, paper.records_count, n = records.len()));
    if more > 0 {
        pages.paragraph(&td_string!(l, paper.records_more, n = more));
    }
    let head = [
        td_string!(l, bill.usage_time),
        td_string!(l, paper.service),
        td_string!(l, bill.usage_used),
        td_string!(l, bill.usage_from_allowance),
        td_string!(l, bill.usage_overage),
        td_string!(l, bill.usage_absorbed),
        td_string!(l, paper.cost),
    ];
    let columns = [words(2.6), words(1.4), figures(2.2), figures(2.2), figures(2.2), figures(2.0), figures(2.0)];
    let mut table = Table::new(&mut pages, columns, head);
    for record in records {
        table.row(&record_cells(l, record), Look::Row);
    }
    let cost: Decimal = records.iter().map(|record| record.cost).sum();
    let empty = String::new;
    let total = [td_string!(l, bill.total).to_owned(), empty(), empty(), empty(), empty(), empty(), plain(cost)];
    table.row(&total, Look::Total);
    finish(l, &pages, &title)
}

fn record_cells(l: Locale, record: &ItemisedRecord) -> [String; 7] {
    let some = |units: u64| if units == 0 { String::new() } else { quantity_text(l, record.service, units) };
    let used = match record.service {
        Service::Voice => td_string!(l, bill.seconds, n = record.quantity),
        service => quantity_text(l, service, record.quantity),
    };
    [
        format!("{} {}", short_day_text(l, local_date(record.started_at)), clock_text(record.started_at)),
        service_text(l, record.service).to_owned(),
        used,
        some(record.from_allowance),
        some(record.overage),
        some(record.absorbed),
        if record.cost.is_zero() { String::new() } else { plain(record.cost) },
    ]
}

fn begin(l: Locale, title: &str, subscriber: &Subscriber) -> Result<Pages, SlipError> {
    let mut pages = Pages::new(Face::get().ok_or(SlipError::Font)?);
    pages.title(title);
    pages.fact(td_string!(l, bill.number), &format!("{} {}", subscriber.msisdn, subscriber.name));
    Ok(pages)
}

/// Yuan with six decimals, as they are before they are rounded.
fn six(amount: Decimal) -> String {
    let mut amount = amount;
    amount.rescale(6);
    amount.to_string()
}

pub(super) fn finish(l: Locale, pages: &Pages, title: &str) -> Result<Vec<u8>, SlipError> {
    let mut document = Document::new();
    let language = crate::request::language_tag(l).to_owned();
    document.set_metadata(Metadata::new().title(title.to_owned()).language(language));
    for number in 0..pages.count() {
        let settings = PageSettings::from_wh(WIDTH, HEIGHT).ok_or(SlipError::Pdf)?;
        let mut page = document.start_page_with(settings);
        let mut surface = page.surface();
        let foot = td_string!(l, agreement.page, n = number + 1, of = pages.count());
        pages.draw(number, &foot, &mut surface);
        surface.finish();
        page.finish();
    }
    document.finish().map_err(|_| SlipError::Pdf)
}

#[cfg(test)]
mod tests;
