//! 详单 Every record: when, how much, which allowance served it, what was beyond, what it cost.

use charging::clock::{Month, local_date};
use charging::money::plain;
use charging::quantity::Service;
use charging::usage::store::{RecordPage, RecordView};
use leptos::prelude::*;
use rust_decimal::Decimal;

use super::filter::{Filter, service_switch};
use crate::components::{Pager, clock_text, quantity_text, service_text, short_day_text};
use crate::i18n::{Locale, td_string};

/// Records on a page.
pub const PAGE_SIZE: u32 = 20;

/// The itemised list with its filter and pages.
pub fn record_list(l: Locale, filter: Filter, list: RecordPage) -> AnyView {
    let pages = u32::try_from(list.total.div_ceil(u64::from(list.page_size.max(1)))).unwrap_or(u32::MAX);
    let count = (list.total > 0).then(|| {
        view! { <span class="muted">{td_string!(l, me.us_records_count, n = list.total)}</span> }
    });
    let none = list.records.is_empty();
    let rows = list.records.iter().map(|record| record_row(l, filter.month, record)).collect_view();
    view! {
        <section class="card" aria-labelledby="records">
            <div class="meter-head">
                <h2 id="records">{td_string!(l, me.us_records)}</h2>
                {count}
            </div>
            {service_switch(l, filter, "records", td_string!(l, me.us_records))}
            {none.then(|| view! { <p class="muted">{td_string!(l, me.us_records_none)}</p> })}
            <ul class="records">{rows}</ul>
            <Pager page=filter.page pages base=filter.page_base() />
            <p class="actions">
                <a class="button" href=format!("/me/usage/{}/records.pdf", filter.month)>{td_string!(l, paper.records_pdf)}</a>
                <a class="button" href=format!("/me/usage/{}/records.csv", filter.month)>{td_string!(l, paper.records_csv)}</a>
                <span class="muted">{td_string!(l, paper.free)}</span>
            </p>
        </section>
    }
    .into_any()
}

fn record_row(l: Locale, month: Month, record: &RecordView) -> impl IntoView + use<> {
    let started = format!("{} {}", short_day_text(l, local_date(record.started_at)), clock_text(record.started_at));
    let service = record.service;
    let quantity = match service {
        Service::Voice => quantity_text(l, service, service.rated_units(record.quantity)),
        Service::Data | Service::Sms => quantity_text(l, service, record.quantity),
    };
    let cost = if record.cost > Decimal::ZERO {
        view! { <span class="strong yuan">{format!("¥{}", plain(record.cost))}</span> }.into_any()
    } else {
        view! { <span class="muted yuan">"¥0.00"</span> }.into_any()
    };
    let details = details(l, month, record);
    view! {
        <li>
            <span>{started} " " <span class="muted">{service_text(l, service)}</span></span>
            <span class="right">{quantity}</span>
            <span class="small muted">{details}</span>
            <span class="right">{cost}</span>
        </li>
    }
}

/// How a record was served, in words.
fn details(l: Locale, month: Month, record: &RecordView) -> String {
    let quantity = |units| quantity_text(l, record.service, units);
    let mut parts = Vec::new();
    if record.service == Service::Voice {
        parts.push(td_string!(l, me.us_call_seconds, seconds = record.quantity));
    }
    if let Some(group) = record.rating_group {
        parts.push(td_string!(l, me.us_group, group = group));
    }
    for part in &record.split {
        let name = part.tariff_name.clone();
        parts.push(if part.granted_for < month {
            td_string!(l, me.us_served_by_carried, name = name, quantity = quantity(part.quantity))
        } else {
            td_string!(l, me.us_served_by, name = name, quantity = quantity(part.quantity))
        });
    }
    if record.overage > 0 {
        parts.push(td_string!(l, me.us_record_overage, quantity = quantity(record.overage)));
    }
    if record.absorbed > 0 {
        parts.push(td_string!(l, me.us_record_absorbed, quantity = quantity(record.absorbed)));
    }
    let received = local_date(record.received_at);
    if Month::of(record.received_at) > month {
        parts.push(td_string!(l, me.us_record_late, day = short_day_text(l, received)));
    }
    parts.join(td_string!(l, me.list_semicolon))
}

#[cfg(test)]
mod tests {
    use charging::usage::store::SplitPart;

    use super::*;

    #[test]
    fn a_record_says_what_served_it_and_what_was_beyond() {
        let record = RecordView {
            id: "a".to_owned(),
            service: Service::Voice,
            started_at: "2026-10-03T08:15:00+08:00".parse().unwrap(),
            received_at: "2026-11-02T00:00:00+08:00".parse().unwrap(),
            quantity: 150,
            rating_group: None,
            from_allowance: 1,
            overage: 1,
            absorbed: 1,
            cost: "0.15".parse().unwrap(),
            split: vec![SplitPart {
                subscription_id: 1,
                scheme_id: "26MB900001".parse().unwrap(),
                tariff_name: "畅享 99".to_owned(),
                granted_for: "2026-10".parse().unwrap(),
                quantity: 1,
            }],
        };
        assert_eq!(
            details(Locale::zh_CN, "2026-10".parse().unwrap(), &record),
            "通话 150 秒；用了“畅享 99” 1 分钟；超出 1 分钟；1 分钟 不计费；11月2日才收到"
        );
    }
}
