//! The form that registers a channel or asks for other terms, and what was typed into it when it comes back.

use charging::channel::{CONTACT_CHARS_MAX, NAME_CHARS_MAX, OPERATOR_CHARS_MAX, Typed};
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

use crate::components::{REGIONS, TextArea, region_name};
use crate::i18n::{Locale, td_string};
use crate::request::{locale, query_value};

/// Longest part of what was typed that comes back, in characters.
const TYPED_CHARS_MAX: usize = 2200;

/// What was typed, as the query of the page that shows it again.
pub fn to_query(typed: &Typed) -> String {
    let fields = [
        ("name", &typed.name),
        ("operator_name", &typed.operator_name),
        ("credit_code", &typed.credit_code),
        ("contact_name", &typed.contact_name),
        ("contact_phone", &typed.contact_phone),
        ("addresses", &typed.addresses),
        ("scheme_ids", &typed.scheme_ids),
        ("valid_from", &typed.valid_from),
        ("valid_until", &typed.valid_until),
    ];
    let regions = typed.regions.iter().take(40).map(|region| ("regions", region));
    let pair = |(name, text): (&str, &String)| {
        format!("&{name}={}", query_value(&text.chars().take(TYPED_CHARS_MAX).collect::<String>()))
    };
    fields.into_iter().chain(regions).map(pair).collect()
}

/// What was typed before; `None`: this page was not sent back. Ask before the first `await`.
pub fn from_query() -> Option<Typed> {
    let map = use_query_map().get_untracked();
    let text = |name: &str| map.get(name).unwrap_or_default();
    map.get("operator_name")?;
    Some(Typed {
        name: text("name"),
        operator_name: text("operator_name"),
        credit_code: text("credit_code"),
        contact_name: text("contact_name"),
        contact_phone: text("contact_phone"),
        addresses: text("addresses"),
        regions: map.get_all("regions").unwrap_or_default(),
        scheme_ids: text("scheme_ids"),
        valid_from: text("valid_from"),
        valid_until: text("valid_until"),
    })
}

/// Everything of a channel.
#[component]
pub fn TermsFields(typed: Typed) -> impl IntoView {
    let l = locale();
    view! {
        <div class="ways">
            {field("name", td_string!(l, channel.name), typed.name, NAME_CHARS_MAX)}
            {field("operator_name", td_string!(l, channel.operator), typed.operator_name, OPERATOR_CHARS_MAX)}
            {field("credit_code", td_string!(l, channel.credit_code), typed.credit_code, 18)}
            {field("contact_name", td_string!(l, channel.desk_contact_name), typed.contact_name, CONTACT_CHARS_MAX)}
            {field("contact_phone", td_string!(l, channel.desk_contact_phone), typed.contact_phone, 20)}
        </div>
        <div class="ways">
            <TextArea
                id="addresses"
                name="form[addresses]"
                label=td_string!(l, channel.addresses)
                text=typed.addresses
                rows=4
                chars_max=2000
                required=true
                hint=td_string!(l, channel.desk_addresses_hint)
            />
            <TextArea
                id="scheme_ids"
                name="form[scheme_ids]"
                label=td_string!(l, channel.tariffs)
                text=typed.scheme_ids
                rows=4
                chars_max=1200
                required=true
                hint=td_string!(l, channel.desk_tariffs_hint)
            />
        </div>
        {region_ticks(l, &typed.regions)}
        <div class="ways">
            {day("valid_from", td_string!(l, channel.desk_valid_from), typed.valid_from)}
            {day("valid_until", td_string!(l, channel.desk_valid_until), typed.valid_until)}
        </div>
    }
}

fn field(name: &'static str, label: &'static str, text: String, chars_max: usize) -> AnyView {
    view! {
        <div class="field">
            <label for=name>{label}</label>
            <input id=name name=format!("form[{name}]") value=text autocomplete="off" maxlength=chars_max.to_string() required />
        </div>
    }
    .into_any()
}

fn day(name: &'static str, label: &'static str, text: String) -> AnyView {
    view! {
        <div class="field">
            <label for=name>{label}</label>
            <input id=name name=format!("form[{name}]") type="date" value=text required />
        </div>
    }
    .into_any()
}

fn region_ticks(l: Locale, chosen: &[String]) -> AnyView {
    // Tariffs are filed by the provinces of the mainland.
    let ticks = REGIONS
        .into_iter()
        .filter(|region| !["香港", "澳门", "台湾"].contains(region))
        .map(|region| {
            let is_chosen = chosen.iter().any(|chosen| chosen == region);
            view! {
                <label class="choice">
                    <input type="checkbox" name="form[regions][]" value=region checked=is_chosen />
                    <span>{region_name(l, region)}</span>
                </label>
            }
        })
        .collect_view();
    view! {
        <fieldset class="stack-tight">
            <legend class="strong">{td_string!(l, channel.regions)}</legend>
            <p class="hint">{td_string!(l, channel.desk_regions_hint)}</p>
            <div class="region-ticks">{ticks}</div>
        </fieldset>
    }
    .into_any()
}
