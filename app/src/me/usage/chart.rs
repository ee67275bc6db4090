//! What was used each day.

use std::collections::HashMap;

use charging::clock::{Month, local_date};
use charging::quantity::Service;
use charging::usage::store::DayUsage;
use chrono::{DateTime, Datelike, NaiveDate, Utc};
use leptos::prelude::*;

use super::filter::{Filter, service_switch};
use crate::components::{Bar, BarChart, month_text, quantity_text, service_text, short_day_text};
use crate::i18n::{Locale, td_string};

/// A bar a day of the month; days still to come are empty.
fn bars(l: Locale, month: Month, service: Service, days: &[DayUsage]) -> Vec<Bar> {
    let used: HashMap<NaiveDate, &DayUsage> =
        days.iter().filter(|day| day.service == service).map(|day| (day.day, day)).collect();
    month
        .first_day()
        .iter_days()
        .take(month.days() as usize)
        .map(|day| {
            let usage = used.get(&day);
            let quantity = usage.map_or(0, |usage| usage.quantity);
            let beyond = usage.map_or(0, |usage| usage.beyond);
            let text = match beyond {
                0 => quantity_text(l, service, quantity),
                beyond => td_string!(
                    l,
                    me.us_day_beyond,
                    quantity = quantity_text(l, service, quantity),
                    beyond = quantity_text(l, service, beyond)
                ),
            };
            Bar { label: short_day_text(l, day), value: quantity, text, soft: beyond == 0 }
        })
        .collect()
}

/// The chart with its switch. Days that went beyond the allowances are drawn darker.
pub fn daily_card(l: Locale, filter: Filter, days: &[DayUsage], now: DateTime<Utc>) -> AnyView {
    let service = filter.service.unwrap_or(Service::Data);
    let today = local_date(now);
    let mut bars = bars(l, filter.month, service, days);
    if filter.month.contains(now) {
        bars.truncate(today.day() as usize);
    }
    let any = bars.iter().any(|bar| bar.value > 0);
    let beyond = bars.iter().any(|bar| bar.value > 0 && !bar.soft);
    let title =
        td_string!(l, me.us_chart_title, month = month_text(l, filter.month), service = service_text(l, service));
    let chart = any.then(|| {
        view! { <BarChart title=title bars table_label=td_string!(l, me.figures) label_every=7 /> }
    });
    view! {
        <section class="card" aria-labelledby="daily">
            <h2 id="daily">{td_string!(l, me.us_daily)}</h2>
            {service_switch(l, filter, "daily", td_string!(l, me.us_daily))}
            {(!any).then(|| view! { <p class="muted">{td_string!(l, me.us_records_none)}</p> })}
            {beyond.then(|| view! { <p class="small muted">{td_string!(l, me.us_chart_beyond)}</p> })}
            {chart}
        </section>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_day_of_the_month_has_its_bar() {
        let day =
            |day: &str, beyond| DayUsage { day: day.parse().unwrap(), service: Service::Sms, quantity: 3, beyond };
        let days = [day("2026-02-01", 0), day("2026-02-28", 1)];
        let bars = bars(Locale::zh_CN, "2026-02".parse().unwrap(), Service::Sms, &days);
        assert_eq!(bars.len(), 28);
        assert_eq!((bars[0].value, bars[0].soft, bars[0].text.as_str()), (3, true, "3 条"));
        assert_eq!((bars[1].value, bars[27].soft), (0, false));
        assert_eq!(bars[27].text, "3 条，其中超出 1 条");
    }
}
