//! `/me/bills/{month}/{line}`: why a line is what it is.

use charging::bill::LineKind;
use charging::bill::explain::{Cause, Explanation};
use charging::bill::store::explain;
use charging::clock::{Month, local_date};
use charging::dispute::Dispute;
use charging::dispute::store::of_bill;
use charging::incident::desk::published_of;
use charging::money::plain;
use charging::tariff::TariffVersion;
use charging::usage::store::{RecordPage, records_of_bill_line};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::{use_params_map, use_query_map};

use super::arithmetic::{rounding_text, steps};
use super::receipt::{no_bill, no_such_month};
use super::records::Records;
use super::words::line_text;
use crate::components::{PageError, TermsInWords, day_text, month_text, page, time_text};
use crate::i18n::{Locale, td_string};
use crate::me::disputes::dispute_form;
use crate::me::disputes::words::problem_text;
use crate::me::parts::{self, Tone, banner};
use crate::me::proof::{channel_text, fact, method_text, price_text};
use crate::request::{locale, signed_in};
use crate::state::AppState;

/// Usage records on one page.
const PAGE: u32 = 50;

/// The tariff, the order, the consent, the arithmetic, and every record behind one line of a bill.
#[component]
pub fn WhyPage() -> impl IntoView {
    let (params, query) = (use_params_map(), use_query_map());
    page(move || {
        let (month, line) = {
            let params = params.read_untracked();
            (params.get("month").unwrap_or_default(), params.get("line").and_then(|line| line.parse::<i32>().ok()))
        };
        let at_page: u32 = query.read_untracked().get("page").and_then(|page| page.parse().ok()).unwrap_or(1);
        let l = locale();
        let problem = parts::query("problem").and_then(|problem| problem_text(l, &problem));
        async move {
            let state = AppState::current();
            let subscriber_id = signed_in().await.ok_or(PageError::SignedOut)?;
            let Ok(month) = month.parse::<Month>() else { return Ok(no_such_month(l)) };
            let line_no = line.ok_or(PageError::NotFound)?;
            let mut db = state.pool.acquire().await?;
            let Some(why) = explain(&mut db, subscriber_id, month, line_no).await? else {
                return Ok(no_bill(l, month));
            };
            let records = match why.line.kind {
                LineKind::DataOverage | LineKind::VoiceOverage | LineKind::SmsOverage | LineKind::LateUsage => {
                    Some(records_of_bill_line(&mut db, subscriber_id, month, line_no, at_page, PAGE).await?)
                }
                LineKind::Recurring | LineKind::OneOff | LineKind::ThirdParty | LineKind::Adjustment => None,
            };
            let disputes = of_bill(&mut db, subscriber_id, month).await?;
            let told = published_of(&mut db, subscriber_id, month.first_day(), line_no).await?;
            Ok(explanation(l, why, records, (disputes.get(&line_no), told), problem))
        }
    })
}

fn explanation(
    l: Locale,
    why: Explanation,
    records: Option<RecordPage>,
    (dispute, statement): (Option<&Dispute>, Option<i64>),
    problem: Option<&'static str>,
) -> AnyView {
    let month = month_text(l, why.month);
    let title = td_string!(l, bill.line_title, amount = plain(why.line.amount));
    let lead = td_string!(
        l,
        bill.line_lead,
        month = month.as_str(),
        kind = line_text(l, &why.line),
        tariff = why.line.tariff_name.as_str()
    );
    let bill = format!("/me/bills/{}", why.month);
    let base = format!("{bill}/{}?page=", why.line.line_no);
    let statement = statement.map(|id| {
        view! { <p><a href=format!("/statements/{id}")>{td_string!(l, statement.of_charge)}</a></p> }
    });
    let form = dispute_form(l, why.month, &why.line, dispute);
    view! {
        <Title text=title.clone() />
        <article class="slip stack">
            <header class="stack-tight">
                <p class="back"><a href=bill>{td_string!(l, bill.back_to_bill, month = month)}</a></p>
                <h1>{title}</h1>
                <p>{lead}</p>
            </header>
            {problem.map(|text| banner(Tone::Bad, text))}
            {statement}
            {grounds(l, why, true)}
            {form}
            {records.map(|records| view! { <Records records base /> })}
        </article>
    }
    .into_any()
}

/// What a line rests on: the arithmetic, the order and the yes, the tariff as it was public. `is_owner`: the slips of the orders
/// can be opened.
pub fn grounds(l: Locale, why: Explanation, is_owner: bool) -> AnyView {
    let tariff_link = format!("/tariffs/{}/versions/{}", why.line.scheme_id, why.line.version);
    let several = why.causes.len() > 1;
    let causes = why.causes.iter().map(|cause| agreed(l, cause, &why.tariff, several, is_owner)).collect_view();
    view! {
        <section class="card">
            <h2>{td_string!(l, bill.how)}</h2>
            {how(l, &why)}
        </section>
        <section class="card">
            <h2>{td_string!(l, bill.agreed)}</h2>
            {causes}
        </section>
        <section class="card">
            <h2>{td_string!(l, bill.tariff_then)}</h2>
            {tariff_then(l, why.tariff)}
            <p><a href=tariff_link>{td_string!(l, bill.tariff_link)}</a></p>
        </section>
    }
    .into_any()
}

fn how(l: Locale, why: &Explanation) -> AnyView {
    let several = why.causes.len() > 1;
    let mut said: Vec<String> = Vec::new();
    for cause in &why.causes {
        if several {
            said.push(td_string!(l, bill.since, date = day_text(l, local_date(cause.starts_at))));
        }
        said.extend(steps(l, &why.line, &cause.arithmetic));
    }
    if several {
        said.push(td_string!(l, bill.together, amount = plain(why.line.exact)));
    }
    said.push(rounding_text(l, &why.line));
    let said = said.into_iter().map(|step| view! { <li>{step}</li> }).collect_view();
    view! { <ol class="steps">{said}</ol> }.into_any()
}

fn agreed(l: Locale, cause: &Cause, tariff: &TariffVersion, several: bool, is_owner: bool) -> AnyView {
    let terms = tariff.content.terms.as_ref();
    let price = terms.map(|terms| price_text(l, terms.recurring_price(), terms.one_off));
    let at_by = |time, by: &str| td_string!(l, bill.at_by, time = time_text(l, time), by = by);
    let ordered = at_by(cause.ordered_at, &channel_text(l, &cause.order_channel_id));
    let consented = at_by(cause.consent.agreed_at, method_text(l, cause.consent.method));
    view! {
        {several
            .then(|| view! { <h3>{td_string!(l, bill.since, date = day_text(l, local_date(cause.starts_at)))}</h3> })}
        <dl class="facts">
            {fact(td_string!(l, bill.order_time), ordered)}
            {price.map(|price| fact(td_string!(l, bill.order_price), price))}
            {fact(td_string!(l, bill.consent), consented)}
        </dl>
        <p class="small muted">{td_string!(l, bill.shown_text)}</p>
        <blockquote class="said">{cause.consent.evidence.description.clone()}</blockquote>
        {is_owner.then(|| {
            view! { <p><a href=format!("/me/agreements/{}", cause.order_id)>{td_string!(l, bill.slip_link)}</a></p> }
        })}
    }
    .into_any()
}

fn tariff_then(l: Locale, tariff: TariffVersion) -> AnyView {
    let published = day_text(l, local_date(tariff.published_at));
    let version = td_string!(l, bill.tariff_version_text, version = tariff.version, date = published);
    let kind = tariff.content.kind;
    view! {
        <dl class="facts">
            {fact(td_string!(l, bill.tariff_name), tariff.content.name)}
            {fact(td_string!(l, bill.tariff_scheme), tariff.content.scheme_id.to_string())}
            {fact(td_string!(l, bill.tariff_version), version)}
        </dl>
        {tariff.content.terms.map(|terms| view! { <TermsInWords terms kind /> })}
    }
    .into_any()
}
