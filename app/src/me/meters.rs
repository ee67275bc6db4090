//! What is left of the allowances, as meters.

use charging::clock::{Month, local_date};
use charging::quantity::Service;
use charging::usage::store::AllowanceOverview;
use chrono::TimeDelta;
use leptos::prelude::*;

use super::parts::mini_meter;
use crate::components::{Meter, quantity_text, service_text, short_day_text};
use crate::i18n::{Locale, td_string};

/// What there is and what is left of some allowances together, in rated units.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sum {
    pub available: u64,
    pub left: u64,
}

/// Sums the allowances of one service; `directed`: only what is for particular apps, or only what is not.
pub fn sum(allowances: &[AllowanceOverview], service: Service, directed: bool) -> Sum {
    allowances.iter().filter(|a| a.service == service && a.rating_groups.is_empty() != directed).fold(
        Sum::default(),
        |sum, a| Sum { available: sum.available.saturating_add(a.available), left: sum.left.saturating_add(a.left) },
    )
}

/// Data in large, calls and messages in small; the cap below.
pub fn left_card(l: Locale, allowances: &[AllowanceOverview], cap: Option<impl IntoView>) -> AnyView {
    let data = sum(allowances, Service::Data, false);
    let directed = sum(allowances, Service::Data, true);
    let small = [Service::Voice, Service::Sms]
        .into_iter()
        .map(|service| (service, sum(allowances, service, false)))
        .filter(|(_, sum)| sum.available > 0)
        .map(|(service, sum)| {
            let left = quantity_text(l, service, sum.left);
            let words = td_string!(l, me.ov_left, left = left);
            mini_meter(service_text(l, service).to_owned(), words, sum.available - sum.left, sum.available)
        })
        .collect_view();
    let figure = match (data.available, data.left) {
        (0, _) => td_string!(l, me.ov_no_data).to_owned(),
        (_, 0) => td_string!(l, me.ov_none_left).to_owned(),
        (_, left) => quantity_text(l, Service::Data, left),
    };
    let total = (data.available > 0).then(|| {
        let total = quantity_text(l, Service::Data, data.available);
        view! { <span class="muted">{td_string!(l, me.ov_of, total = total)}</span> }
    });
    view! {
        <section class="card" aria-labelledby="left">
            <div class="meter-head">
                <h2 id="left" class="label">{td_string!(l, me.ov_data_left)}</h2>
                <a href="/me/usage">{td_string!(l, me.ov_details)}</a>
            </div>
            <p class="meter-head">
                <span class="amount">{figure}</span>
                {total}
            </p>
            {(data.available > 0).then(|| view! { <Meter used=data.available - data.left total=data.available /> })}
            {(directed.available > 0)
                .then(|| {
                    let left = quantity_text(l, Service::Data, directed.left);
                    view! { <p class="small muted">{td_string!(l, me.ov_directed, left = left)}</p> }
                })}
            <div class="pair">{small}</div>
            {cap}
        </section>
    }
    .into_any()
}

/// One allowance of a month: what is used and left, until when. `with_source`: named by its tariff, not its service.
pub fn allowance_row(l: Locale, a: &AllowanceOverview, month: Month, with_source: bool) -> AnyView {
    let quantity = |units| quantity_text(l, a.service, units);
    let used = td_string!(l, me.us_used_of, used = quantity(a.used), total = quantity(a.available));
    let left = td_string!(l, me.us_left, left = quantity(a.left));
    let last_day = local_date((a.valid_until - TimeDelta::microseconds(1)).max(a.valid_from));
    let valid = td_string!(
        l,
        me.us_valid,
        from = short_day_text(l, local_date(a.valid_from)),
        until = short_day_text(l, last_day)
    );
    let directed = (!a.rating_groups.is_empty()).then(|| {
        let groups = a.rating_groups.iter().map(ToString::to_string).collect::<Vec<_>>();
        td_string!(l, me.us_directed, groups = groups.join(td_string!(l, me.list_comma)))
    });
    let name = if with_source {
        let href = format!("/me/addons#s{}", a.subscription_id);
        view! { <a href=href>{a.tariff_name.clone()}</a> }.into_any()
    } else {
        view! { <span>{service_text(l, a.service)}</span> }.into_any()
    };
    view! {
        <li class="allowance">
            <span class="meter-head">
                <span class="row">
                    {name}
                    {(a.granted_for < month).then(|| view! { <span class="tag">{td_string!(l, me.us_carried)}</span> })}
                </span>
                <span class="strong">{left}</span>
            </span>
            <Meter used=a.used total=a.available />
            <span class="meter-head small muted">
                <span>{used}</span>
                <span>{valid}</span>
            </span>
            {directed.map(|text| view! { <span class="small">{text}</span> })}
        </li>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn data(available: u64, left: u64, rating_groups: Vec<u32>) -> AllowanceOverview {
        AllowanceOverview {
            subscription_id: 1,
            scheme_id: "26MB900001".parse().unwrap(),
            version: 1,
            tariff_name: String::new(),
            is_plan: true,
            service: Service::Data,
            rating_groups,
            granted_for: "2026-10".parse().unwrap(),
            available,
            used: available - left,
            left,
            valid_from: "2026-10-01T00:00:00+08:00".parse().unwrap(),
            valid_until: "2026-11-01T00:00:00+08:00".parse().unwrap(),
        }
    }

    #[test]
    fn directed_data_is_not_counted_as_general() {
        let allowances = [data(10, 4, vec![]), data(5, 5, vec![]), data(30, 29, vec![1000])];
        assert_eq!(sum(&allowances, Service::Data, false), Sum { available: 15, left: 9 });
        assert_eq!(sum(&allowances, Service::Data, true), Sum { available: 30, left: 29 });
        assert_eq!(sum(&allowances, Service::Voice, false), Sum::default());
    }
}
