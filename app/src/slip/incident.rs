//! 结案报告 The closing report of an incident as a PDF: numbers by way of payment, times, who did what, what was taken out and why, and
//! what did not arrive.

use charging::incident::desk::{
    Closing, Deed, Execution, Incident, Outcome, REFUSED_MAX, RefusedPart, Statement, Totals,
};
use charging::money::plain;
use chrono::{DateTime, Utc};
use http::request::Parts;
use rust_decimal::Decimal;
use serde_json::Value;

use super::SlipError;
use super::face::Face;
use super::pages::Pages;
use super::papers::finish;
use super::table::{Look, Table, figures, words};
use crate::components::time_text;
use crate::i18n::{Locale, td_string};
use crate::request::locale_of_request;
use crate::staff::{action_name, part_state, refund_route, route_name};

/// Characters of what a step left behind that stand in the report.
const DETAIL_CHARS_MAX: usize = 300;

/// Everything that the report says.
#[derive(Clone, Debug)]
pub struct IncidentReport {
    pub incident: Incident,
    pub totals: Vec<Totals>,
    pub execution: Option<Execution>,
    pub outcomes: Vec<Outcome>,
    pub closing: Closing,
    pub statement: Option<Statement>,
    pub made_at: DateTime<Utc>,
}

/// The report, in the language of the request.
///
/// # Errors
/// When the font cannot be read or the PDF cannot be written.
pub fn incident_paper(request: &Parts, report: &IncidentReport) -> Result<Vec<u8>, SlipError> {
    write(locale_of_request(request), report)
}

fn write(l: Locale, report: &IncidentReport) -> Result<Vec<u8>, SlipError> {
    let title = td_string!(l, incident.report_title, title = report.incident.title.as_str());
    let mut pages = Pages::new(Face::get().ok_or(SlipError::Font)?);
    pages.title(&title);
    facts(l, &mut pages, report);
    by_route(l, &mut pages, &report.totals);
    outcomes(l, &mut pages, &report.outcomes);
    refused(l, &mut pages, &report.closing.refused);
    exclusions(l, &mut pages, &report.closing);
    steps(l, &mut pages, &report.closing.deeds);
    pages.small(td_string!(l, incident.report_all));
    finish(l, &pages, &title)
}

fn facts(l: Locale, pages: &mut Pages, report: &IncidentReport) {
    let incident = &report.incident;
    let done = |by: &str, at| td_string!(l, incident.done_by, name = by, time = time_text(l, at));
    pages.fact(td_string!(l, incident.report_opened), &done(&incident.opened.by, incident.opened.at));
    pages.fact(td_string!(l, incident.tariff), &incident.tariffs.join(", "));
    if let Some(list) = &incident.list {
        let listed = td_string!(
            l,
            incident.listed,
            subscribers = list.subscribers,
            charges = list.charges,
            amount = plain(list.amount)
        );
        pages.fact(td_string!(l, incident.affected), &listed);
    }
    if let Some(proposal) = &incident.proposal {
        let refunds = td_string!(l, incident.refunds, n = proposal.refunds, amount = plain(proposal.refunded));
        pages.fact(td_string!(l, incident.goes_back), &refunds);
    }
    if let Some(approval) = &incident.approval {
        pages.fact(td_string!(l, incident.action_approve), &done(&approval.done.by, approval.done.at));
    }
    if let Some(execution) = &report.execution {
        let from = time_text(l, execution.started_at);
        let times = match execution.finished_at {
            Some(at) => td_string!(l, incident.report_times, from = from, until = time_text(l, at)),
            None => from,
        };
        pages.fact(td_string!(l, incident.report_started), &times);
        let Execution { made, already, refunds, .. } = *execution;
        pages.paragraph(&td_string!(l, incident.made, made = made, refunds = refunds, already = already));
    }
    if let Some(published) = report.statement.as_ref().and_then(|statement| statement.published()?.published.as_ref()) {
        pages.fact(td_string!(l, incident.report_statement), &done(&published.by, published.at));
    }
    pages.small(&td_string!(l, incident.report_made_on, time = time_text(l, report.made_at)));
}

/// Numbers by the way the charges were paid.
fn by_route(l: Locale, pages: &mut Pages, totals: &[Totals]) {
    pages.heading(td_string!(l, incident.by_route));
    let head = [
        td_string!(l, incident.route),
        td_string!(l, incident.subscribers),
        td_string!(l, incident.charges),
        td_string!(l, incident.amount),
        td_string!(l, incident.taken_out),
        td_string!(l, incident.taken_out_amount),
    ];
    let columns = [words(3.0), figures(2.0), figures(2.0), figures(2.4), figures(2.0), figures(2.4)];
    let mut table = Table::new(pages, columns, head);
    for total in totals {
        let cells = [
            route_name(l, &total.route),
            total.subscribers.to_string(),
            total.charges.to_string(),
            plain(total.amount),
            total.excluded.to_string(),
            plain(total.excluded_amount),
        ];
        table.row(&cells, Look::Row);
    }
    let charges: i64 = totals.iter().map(|total| total.charges).sum();
    let amount: Decimal = totals.iter().map(|total| total.amount).sum();
    let excluded: i64 = totals.iter().map(|total| total.excluded).sum();
    let excluded_amount: Decimal = totals.iter().map(|total| total.excluded_amount).sum();
    // One who paid in several ways is in several rows: subscribers do not add up.
    let cells = [
        td_string!(l, incident.together).to_owned(),
        String::new(),
        charges.to_string(),
        plain(amount),
        excluded.to_string(),
        plain(excluded_amount),
    ];
    table.row(&cells, Look::Total);
}

fn outcomes(l: Locale, pages: &mut Pages, outcomes: &[Outcome]) {
    if outcomes.is_empty() {
        return;
    }
    pages.heading(td_string!(l, incident.report_outcome));
    let head = [
        td_string!(l, incident.back_by),
        td_string!(l, incident.state),
        td_string!(l, incident.parts),
        td_string!(l, incident.amount),
    ];
    let mut table = Table::new(pages, [words(3.0), words(3.0), figures(2.0), figures(2.4)], head);
    for outcome in outcomes {
        let cells = [
            refund_route(l, &outcome.route),
            part_state(l, &outcome.state),
            outcome.parts.to_string(),
            plain(outcome.amount),
        ];
        table.row(&cells, Look::Row);
    }
}

fn refused(l: Locale, pages: &mut Pages, refused: &[RefusedPart]) {
    pages.heading(td_string!(l, incident.report_refused));
    if refused.is_empty() {
        pages.paragraph(td_string!(l, incident.report_no_refused));
        return;
    }
    let head = [
        td_string!(l, incident.number),
        td_string!(l, incident.report_refund),
        td_string!(l, incident.back_by),
        td_string!(l, incident.report_why),
        td_string!(l, incident.amount),
    ];
    let mut table = Table::new(pages, [words(2.2), words(3.0), words(2.2), words(3.6), figures(1.8)], head);
    for part in refused {
        let replaced = part.is_replaced.then(|| td_string!(l, incident.report_replaced).to_owned());
        let why = [Some(part_state(l, &part.state)), part.failure.clone(), replaced];
        let cells = [
            part.msisdn.clone(),
            part.refund_no.clone(),
            refund_route(l, &part.route),
            why.into_iter().flatten().collect::<Vec<_>>().join("; "),
            plain(part.amount),
        ];
        table.row(&cells, Look::Row);
    }
    if i64::try_from(refused.len()).is_ok_and(|listed| listed >= REFUSED_MAX) {
        pages.small(&td_string!(l, incident.report_refused_more, n = REFUSED_MAX));
    }
}

fn exclusions(l: Locale, pages: &mut Pages, closing: &Closing) {
    pages.heading(td_string!(l, incident.report_exclusions));
    if closing.exclusions.is_empty() {
        pages.paragraph(td_string!(l, incident.report_no_exclusions));
        return;
    }
    let head = [
        td_string!(l, incident.reason),
        td_string!(l, incident.report_who),
        td_string!(l, incident.charges),
        td_string!(l, incident.amount),
    ];
    let mut table = Table::new(pages, [words(4.0), words(3.4), figures(1.6), figures(2.2)], head);
    for exclusion in &closing.exclusions {
        let by = td_string!(l, incident.done_by, name = exclusion.by.as_str(), time = time_text(l, exclusion.at));
        let cells = [exclusion.reason.clone(), by, exclusion.charges.to_string(), plain(exclusion.amount)];
        table.row(&cells, Look::Row);
    }
}

fn steps(l: Locale, pages: &mut Pages, deeds: &[Deed]) {
    pages.heading(td_string!(l, incident.report_steps));
    let head =
        [td_string!(l, incident.report_when), td_string!(l, incident.report_who), td_string!(l, incident.report_step)];
    let mut table = Table::new(pages, [words(2.6), words(2.0), words(6.0)], head);
    for deed in deeds {
        let engineer = td_string!(l, incident.report_engineer);
        let name = action_name(l, &deed.action);
        let detail = deed.after.as_ref().map(detail).unwrap_or_default();
        let step = if detail.is_empty() { name } else { format!("{name}\n{detail}") };
        table.row(&[time_text(l, deed.at), deed.by.clone().unwrap_or_else(|| engineer.to_owned()), step], Look::Row);
    }
}

/// What a step left behind, as the trail names it.
fn detail(state: &Value) -> String {
    let fields = state.as_object().into_iter().flatten().filter(|(_, value)| !value.is_null());
    let words = fields.map(|(name, value)| match value {
        Value::String(text) => format!("{name}: {text}"),
        other => format!("{name}: {other}"),
    });
    words.collect::<Vec<_>>().join(", ").chars().take(DETAIL_CHARS_MAX).collect()
}
