//! Terms of a tariff in a few plain words, for messages.

use chrono::{DateTime, Datelike, NaiveDate, Utc};
use rust_decimal::Decimal;

use super::sms::Alphabet;
use crate::clock::{Month, local_date};
use crate::money::plain;
use crate::quantity::{Service, format_quantity};
use crate::subscriber::Language;
use crate::tariff::{Allowance, CancelEffective, FirstMonth, OverageModel, Terms};

/// `99.00元` or `CNY 99.00`.
pub fn yuan(amount: Decimal, language: Language) -> String {
    match language {
        Language::Chinese => format!("{}元", plain(amount)),
        Language::English => format!("CNY {}", plain(amount)),
    }
}

/// `每月59.00元`: what something costs that one has, on one line of a list; what was paid once, where that was all.
pub fn short_price(monthly: Decimal, once: Decimal, language: Language) -> String {
    let is_once = monthly.is_zero() && once > Decimal::ZERO;
    match (language, is_once) {
        (Language::Chinese, false) => format!("每月{}", yuan(monthly, language)),
        (Language::English, false) => format!("{}/month", yuan(monthly, language)),
        (Language::Chinese, true) => format!("一次性{}", yuan(once, language)),
        (Language::English, true) => format!("{} once", yuan(once, language)),
    }
}

/// `2026年11月1日` or `1 Nov 2026`.
pub fn day(day: NaiveDate, language: Language) -> String {
    match language {
        Language::Chinese => format!("{}年{}月{}日", day.year(), day.month(), day.day()),
        Language::English => day.format("%-d %b %Y").to_string(),
    }
}

/// The last day on which something runs that ends at an instant.
pub fn last_day(ends_at: DateTime<Utc>, language: Language) -> String {
    day(local_date(ends_at - chrono::TimeDelta::microseconds(1)), language)
}

/// `2026年10月` or `Oct 2026`.
pub fn month(month: Month, language: Language) -> String {
    let first = month.first_day();
    match language {
        Language::Chinese => format!("{}年{}月", first.year(), first.month()),
        Language::English => first.format("%b %Y").to_string(),
    }
}

/// What is charged, when, and what the first month costs.
pub fn price(terms: &Terms, language: Language) -> String {
    let mut parts = Vec::new();
    if let Some(recurring) = &terms.recurring {
        let price = yuan(recurring.price, language);
        parts.push(match (language, recurring.first_month) {
            (Language::Chinese, FirstMonth::Full) => format!("每月{price}，首月全额"),
            (Language::Chinese, FirstMonth::Daily) => format!("每月{price}，首月按天收"),
            (Language::Chinese, FirstMonth::Half) => format!("每月{price}，首月减半"),
            (Language::English, FirstMonth::Full) => format!("{price}/month (first in full)"),
            (Language::English, FirstMonth::Daily) => format!("{price}/month (first by days left)"),
            (Language::English, FirstMonth::Half) => format!("{price}/month (first at half)"),
        });
    }
    if terms.one_off > Decimal::ZERO {
        let price = yuan(terms.one_off, language);
        parts.push(match language {
            Language::Chinese => format!("一次性{price}"),
            Language::English => format!("{price} once"),
        });
    }
    if parts.is_empty() {
        parts.push(yuan(Decimal::ZERO, language));
    }
    parts.join(if language == Language::Chinese { "；" } else { ", " })
}

/// How often it is charged, and what follows what is free: never a charge without another yes.
pub fn cycle(terms: &Terms, language: Language) -> &'static str {
    let recurs = terms.recurring_price() > Decimal::ZERO;
    match (language, recurs, terms.one_off > Decimal::ZERO) {
        (Language::Chinese, true, _) => "自动续到您退订",
        (Language::Chinese, false, true) => "只收一次，以后不收",
        (Language::Chinese, false, false) => "免费，以后也不会自动转为收费，要收费须您再次同意",
        (Language::English, true, _) => "renewed until you cancel",
        (Language::English, false, true) => "once, nothing afterwards",
        (Language::English, false, false) => "free, and never turns paid without another yes of yours",
    }
}

/// What is included each month; empty where nothing is.
pub fn included(terms: &Terms, language: Language) -> String {
    let parts: Vec<String> = terms.allowances.iter().map(|allowance| included_one(allowance, language)).collect();
    parts.join(comma(language))
}

/// The same in short, in so many characters at most: whole items, and that there are more where there are.
pub fn included_within(terms: &Terms, chars_max: usize, language: Language) -> String {
    let more = if language == Language::Chinese { "等" } else { " etc" };
    let mut text = String::new();
    for allowance in &terms.allowances {
        let item = included_one(&Allowance { rollover: false, ..allowance.clone() }, language);
        let comma = if text.is_empty() { "" } else { comma(language) };
        if [&text, comma, &item, more].iter().map(|part| part.chars().count()).sum::<usize>() > chars_max {
            text.push_str(more);
            break;
        }
        text.push_str(comma);
        text.push_str(&item);
    }
    text
}

fn comma(language: Language) -> &'static str {
    if language == Language::Chinese { "、" } else { ", " }
}

fn included_one(allowance: &Allowance, language: Language) -> String {
    let directed = !allowance.rating_groups.is_empty();
    let quantity = amount_of(allowance.service, allowance.quantity, language);
    match (language, directed, allowance.rollover) {
        (Language::Chinese, _, true) => {
            format!("{}{quantity}(可结转至下月)", service(allowance.service, directed, language))
        }
        (Language::Chinese, ..) => format!("{}{quantity}", service(allowance.service, directed, language)),
        (Language::English, _, true) => {
            format!("{quantity} {} (rolls over a month)", service(allowance.service, directed, language))
        }
        (Language::English, ..) => format!("{quantity} {}", service(allowance.service, directed, language)),
    }
}

pub fn service(service: Service, directed: bool, language: Language) -> &'static str {
    match (language, service, directed) {
        (Language::Chinese, Service::Data, false) => "流量",
        (Language::Chinese, Service::Data, true) => "定向流量",
        (Language::Chinese, Service::Voice, _) => "通话",
        (Language::Chinese, Service::Sms, _) => "短信",
        (Language::English, Service::Data, false) => "data",
        (Language::English, Service::Data, true) => "data for named apps",
        (Language::English, Service::Voice, _) => "calls",
        (Language::English, Service::Sms, _) => "SMS",
    }
}

/// `20GB`, `400分钟`, `100条`.
pub fn amount_of(service: Service, units: u64, language: Language) -> String {
    match (service, language) {
        (Service::Data, _) => format_quantity(Service::Data, units),
        (Service::Voice, Language::Chinese) => format!("{units}分钟"),
        (Service::Voice, Language::English) => format!("{units} min"),
        (Service::Sms, Language::Chinese) => format!("{units}条"),
        (Service::Sms, Language::English) => units.to_string(),
    }
}

/// What is beyond the allowances of a plan, service by service; a service without a price stops.
pub fn plan_overage(terms: &Terms, language: Language) -> String {
    let parts: Vec<String> = Service::ALL
        .into_iter()
        .map(|of| {
            let name = service(of, false, language);
            match (terms.overage_of(of), language) {
                (Some(model), _) => format!("{name}{}{}", space(language), overage(of, model, language)),
                (None, Language::Chinese) => format!("{name}用完即停"),
                (None, Language::English) => format!("{name} stops when used up"),
            }
        })
        .collect();
    parts.join(if language == Language::Chinese { "，" } else { ", " })
}

fn space(language: Language) -> &'static str {
    if language == Language::Chinese { "" } else { " " }
}

fn overage(of: Service, model: &OverageModel, language: Language) -> String {
    let per = |price: Decimal, units: u64| {
        let unit = match (of, units, language) {
            (Service::Voice, 1, Language::Chinese) => "分钟".to_owned(),
            (Service::Voice, 1, Language::English) => "min".to_owned(),
            (Service::Sms, 1, Language::Chinese) => "条".to_owned(),
            (Service::Sms, 1, Language::English) => "message".to_owned(),
            (Service::Data, units, _) => {
                let text = format_quantity(Service::Data, units);
                text.strip_prefix('1').filter(|unit| unit.starts_with(char::is_alphabetic)).unwrap_or(&text).to_owned()
            }
            (_, units, _) => amount_of(of, units, language),
        };
        format!("{}/{unit}", yuan(price, language))
    };
    match (model, language) {
        (OverageModel::Unit { price, unit }, _) => per(*price, *unit),
        (OverageModel::Block { price, block }, _) => per(*price, *block),
        (OverageModel::Ladder { price, unit, block_price, block }, Language::Chinese) => {
            format!("{}，每{}最多收{}", per(*price, *unit), format_quantity(of, *block), yuan(*block_price, language))
        }
        (OverageModel::Ladder { price, unit, block_price, block }, Language::English) => format!(
            "{}, at most {} per {}",
            per(*price, *unit),
            yuan(*block_price, language),
            format_quantity(of, *block)
        ),
    }
}

/// When cancelling takes effect and what it costs.
pub fn cancelling(terms: &Terms, language: Language) -> &'static str {
    match (terms.cancel_effective, language) {
        (CancelEffective::Immediately, Language::Chinese) => "随时可退，当即停，月费按已用天数收",
        (CancelEffective::MonthEnd, Language::Chinese) => "随时可退，月底停，当月收全月",
        (CancelEffective::Immediately, Language::English) => "any time, stops at once, days used are charged",
        (CancelEffective::MonthEnd, Language::English) => "any time, stops at month's end, that month in full",
    }
}

/// The text without line breaks and repeated spaces.
pub fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// At most so many characters, with dots where something was cut: such as do not change the alphabet of an SMS.
pub fn clip(text: &str, chars_max: usize) -> (String, bool) {
    if text.chars().count() <= chars_max {
        return (text.to_owned(), false);
    }
    let dots = if Alphabet::of(text) == Alphabet::Gsm { "..." } else { "…" };
    let mut cut: String = text.chars().take(chars_max - dots.chars().count()).collect();
    cut.push_str(dots);
    (cut, true)
}
