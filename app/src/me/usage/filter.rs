//! Which month, kind of use and page of `/me/usage` is meant.

use charging::clock::Month;
use charging::quantity::Service;
use leptos::prelude::*;

use crate::components::{month_text, service_text};
use crate::i18n::{Locale, td_string};
use crate::islands::AutoSubmit;
use crate::me::parts::query;

/// How many months can be looked at, the present one included.
pub const MONTHS: u32 = 24;

/// What the query asks for, cut to what there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Filter {
    pub month: Month,
    /// `None`: all records; the chart shows data.
    pub service: Option<Service>,
    /// From 1.
    pub page: u32,
}

impl Filter {
    /// Reads the query. What is not understood is as if it were not there. Call before the first `await`.
    pub fn of_query(present: Month) -> Self {
        Self::read(present, query("month").as_deref(), query("service").as_deref(), query("page").as_deref())
    }

    fn read(present: Month, month: Option<&str>, service: Option<&str>, page: Option<&str>) -> Self {
        let month = month
            .and_then(|text| text.parse::<Month>().ok())
            .filter(|month| *month <= present && *month > present.minus(MONTHS))
            .unwrap_or(present);
        Self {
            month,
            service: service.and_then(|text| text.parse().ok()),
            page: page.and_then(|text| text.parse().ok()).filter(|page| (1..=100_000).contains(page)).unwrap_or(1),
        }
    }

    /// The address with another kind of use, on its first page.
    fn with_service(self, service: Option<Service>) -> String {
        match service {
            Some(service) => format!("/me/usage?month={}&service={service}", self.month),
            None => format!("/me/usage?month={}", self.month),
        }
    }

    /// The address up to the number of the page.
    pub fn page_base(self) -> String {
        format!("{}&page=", self.with_service(self.service))
    }
}

/// Chooses the month: a form, sent by itself where scripts run.
pub fn month_form(l: Locale, filter: Filter, present: Month) -> impl IntoView {
    let options = (0..MONTHS)
        .map(|back| present.minus(back))
        .map(|month| {
            view! { <option value=month.to_string() selected=month == filter.month>{month_text(l, month)}</option> }
        })
        .collect_view();
    view! {
        <form class="month-form" method="get" action="/me/usage">
            <AutoSubmit>
                <div class="field">
                    <label for="month">{td_string!(l, me.us_month)}</label>
                    <select id="month" name="month">{options}</select>
                </div>
            </AutoSubmit>
            {filter.service.map(|service| view! { <input type="hidden" name="service" value=service.as_str() /> })}
            <button class="button">{td_string!(l, me.us_show)}</button>
        </form>
    }
}

/// Chooses what the chart and the list are about; leads back to the part of the page with the id
/// `part`, called `name`.
pub fn service_switch(l: Locale, filter: Filter, part: &'static str, name: &'static str) -> impl IntoView {
    let all = (None, td_string!(l, me.us_all));
    let links = std::iter::once(all)
        .chain(Service::ALL.into_iter().map(|service| (Some(service), service_text(l, service))))
        .map(|(service, name)| {
            let current = (service == filter.service).then_some("true");
            view! { <a href=format!("{}#{part}", filter.with_service(service)) aria-current=current>{name}</a> }
        })
        .collect_view();
    view! { <nav class="switch" aria-label=format!("{name} · {}", td_string!(l, me.us_services))>{links}</nav> }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_months_that_can_be_shown_are_shown() {
        let present: Month = "2026-11".parse().unwrap();
        let read = |month| Filter::read(present, Some(month), None, None).month.to_string();
        assert_eq!(read("2026-10"), "2026-10");
        assert_eq!(read("2024-12"), "2024-12");
        for other in ["2024-11", "2026-12", "x", ""] {
            assert_eq!(read(other), "2026-11");
        }
    }

    #[test]
    fn pages_keep_month_and_kind() {
        let filter = Filter::read("2026-11".parse().unwrap(), None, Some("voice"), Some("0"));
        assert_eq!(filter.page, 1);
        assert_eq!(filter.page_base(), "/me/usage?month=2026-11&service=voice&page=");
    }
}
