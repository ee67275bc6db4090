use charging::money::plain;
use charging::quantity::Service;
use charging::usage::store::{RecordPage, RecordView};
use leptos::prelude::*;

use crate::components::{Pager, quantity_text, time_text};
use crate::i18n::{Locale, td_string};
use crate::request::locale;

/// The usage records behind a line, page by page. `base` is the address of the page, ending in `page=`.
#[component]
pub fn Records(records: RecordPage, base: String) -> impl IntoView {
    let l = locale();
    let pages = records.total.div_ceil(u64::from(records.page_size.max(1)));
    let pages = u32::try_from(pages).unwrap_or(u32::MAX);
    let names = Names {
        used: td_string!(l, bill.usage_used),
        included: td_string!(l, bill.usage_from_allowance),
        charged: td_string!(l, bill.usage_overage),
        free: td_string!(l, bill.usage_absorbed),
        cost: td_string!(l, bill.usage_cost),
    };
    view! {
        <section class="card">
            <h2 id="records">{td_string!(l, bill.usage)}</h2>
            {if records.records.is_empty() {
                view! { <p class="muted">{td_string!(l, bill.usage_none)}</p> }.into_any()
            } else {
                view! {
                    <p class="small muted">{td_string!(l, bill.usage_lead, n = records.total)}</p>
                    <table class="table usage-rows" aria-labelledby="records">
                        <thead>
                            <tr>
                                <th scope="col">{td_string!(l, bill.usage_time)}</th>
                                <th scope="col" class="num">{names.used}</th>
                                <th scope="col" class="num">{names.included}</th>
                                <th scope="col" class="num">{names.charged}</th>
                                <th scope="col" class="num">{names.free}</th>
                                <th scope="col" class="num">{names.cost}</th>
                            </tr>
                        </thead>
                        <tbody>{records.records.iter().map(|record| row(l, record, &names)).collect_view()}</tbody>
                    </table>
                    <Pager page=records.page pages base />
                }
                    .into_any()
            }}
        </section>
    }
}

/// The names of the columns; on a phone each stands beside its figure.
struct Names {
    used: &'static str,
    included: &'static str,
    charged: &'static str,
    free: &'static str,
    cost: &'static str,
}

fn row(l: Locale, record: &RecordView, names: &Names) -> AnyView {
    let used = match record.service {
        Service::Voice => td_string!(l, bill.seconds, n = record.quantity),
        Service::Data | Service::Sms => quantity_text(l, record.service, record.quantity),
    };
    let units = |units: u64| quantity_text(l, record.service, units);
    let cost = td_string!(l, bill.yuan, amount = plain(record.cost));
    view! {
        <tr>
            <th scope="row">{time_text(l, record.started_at)}</th>
            <td class="num" data-label=names.used>{used}</td>
            <td class="num" data-label=names.included>{units(record.from_allowance)}</td>
            <td class="num" data-label=names.charged>{units(record.overage)}</td>
            <td class="num" data-label=names.free>{units(record.absorbed)}</td>
            <td class="num" data-label=names.cost>{cost}</td>
        </tr>
    }
    .into_any()
}
