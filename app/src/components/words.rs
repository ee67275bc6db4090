//! Dates, months and quantities as people read them.

use charging::clock::{Month, shanghai};
use charging::quantity::{Service, data_size};
use charging::tariff::store::Operator;
use chrono::{DateTime, Datelike, NaiveDate, Utc};

use crate::i18n::{Locale, td_string};

/// A day with its year: `2026年10月3日`, `3 Oct 2026`.
pub fn day_text(l: Locale, day: NaiveDate) -> String {
    match l {
        Locale::zh_CN => format!("{}年{}月{}日", day.year(), day.month(), day.day()),
        Locale::en => day.format("%-d %b %Y").to_string(),
    }
}

/// A day of this or a neighbouring year: `10月3日`, `3 Oct`.
pub fn short_day_text(l: Locale, day: NaiveDate) -> String {
    match l {
        Locale::zh_CN => format!("{}月{}日", day.month(), day.day()),
        Locale::en => day.format("%-d %b").to_string(),
    }
}

/// An instant in Chinese time, to the minute: `2026年10月3日 08:15`.
pub fn time_text(l: Locale, at: DateTime<Utc>) -> String {
    let local = at.with_timezone(&shanghai());
    format!("{} {}", day_text(l, local.date_naive()), local.format("%H:%M"))
}

/// The time of day in Chinese time: `08:15`.
pub fn clock_text(at: DateTime<Utc>) -> String {
    at.with_timezone(&shanghai()).format("%H:%M").to_string()
}

/// `2026年10月`, `Oct 2026`.
pub fn month_text(l: Locale, month: Month) -> String {
    let first = month.first_day();
    match l {
        Locale::zh_CN => format!("{}年{}月", first.year(), first.month()),
        Locale::en => first.format("%b %Y").to_string(),
    }
}

/// A month of this or a neighbouring year: `10月`, `Oct`.
pub fn month_name(l: Locale, month: Month) -> String {
    let first = month.first_day();
    match l {
        Locale::zh_CN => format!("{}月", first.month()),
        Locale::en => first.format("%b").to_string(),
    }
}

/// Rated units (bytes, minutes, messages) with their unit: `19.99 GB`, `400 分钟`, `100 条`.
pub fn quantity_text(l: Locale, service: Service, units: u64) -> String {
    match service {
        Service::Data => data_size(units),
        Service::Voice => td_string!(l, common.minutes, n = units),
        Service::Sms => td_string!(l, common.messages, n = units),
    }
}

/// 流量, 语音, 短信.
pub fn service_text(l: Locale, service: Service) -> &'static str {
    match service {
        Service::Data => td_string!(l, common.data),
        Service::Voice => td_string!(l, common.voice),
        Service::Sms => td_string!(l, common.sms),
    }
}

/// The operator's name in the language of the page.
pub fn operator_name(l: Locale, operators: &[Operator], id: &str) -> String {
    let known = operators.iter().find(|operator| operator.operator_id == id);
    match (known, l) {
        (Some(operator), Locale::zh_CN) => operator.name_zh.clone(),
        (Some(operator), Locale::en) => operator.name_en.clone(),
        (None, _) => id.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_those_of_china() {
        let at: DateTime<Utc> = "2026-09-30T16:05:00Z".parse().unwrap();
        assert_eq!(time_text(Locale::zh_CN, at), "2026年10月1日 00:05");
        assert_eq!(time_text(Locale::en, at), "1 Oct 2026 00:05");
        assert_eq!(clock_text(at), "00:05");
    }

    #[test]
    fn quantities_carry_their_unit() {
        assert_eq!(quantity_text(Locale::zh_CN, Service::Voice, 400), "400 分钟");
        assert_eq!(quantity_text(Locale::en, Service::Data, 512 * 1024 * 1024), "512 MB");
    }
}
