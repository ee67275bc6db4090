//! Figures: what the texts say must be what the terms charge and grant.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use regex::Regex;
use rust_decimal::Decimal;

use super::wording::quote;
use super::{Element, Found, Page, Rule, report};
use crate::quantity::{GIB, KIB, MIB, Service};
use crate::tariff::classify::pattern;
use crate::tariff::{OverageModel, Price, PricePeriod, TariffContent, Terms, fold};

pub(super) fn check(content: &TariffContent, page: &Page, found: &mut Found) {
    let Some(terms) = &content.terms else { return };
    price(terms, page, found);
    allowances(content, terms, page, found);
    overage(terms, page, found);
}

fn price(terms: &Terms, page: &Page, found: &mut Found) {
    let text = page.text(Element::Price);
    let Some(Price { amount, period }) = Price::parse(text) else { return };
    let charged = match period {
        PricePeriod::Month => terms.recurring_price(),
        PricePeriod::Once => terms.one_off,
        PricePeriod::Day | PricePeriod::Year => return,
    };
    if amount != charged {
        report(found, Rule::PriceDiffers, Element::Price, text);
    }
}

/// Quantities of the services text that are neither one allowance nor all of a service together, and allowances of which
/// neither the text nor the operator's own table speaks.
fn allowances(content: &TariffContent, terms: &Terms, page: &Page, found: &mut Found) {
    let text = fold(page.text(Element::Services));
    if text.trim().is_empty() {
        return;
    }
    for service in Service::ALL {
        let granted: Vec<u64> =
            terms.allowances.iter().filter(|own| own.service == service).map(|own| own.quantity).collect();
        let all = granted.iter().fold(0, |sum: u64, quantity| sum.saturating_add(*quantity));
        let mut said = BTreeSet::new();
        for (quantity, place) in quantities(service, &text) {
            if quantity != all && !granted.contains(&quantity) {
                report(found, Rule::AllowanceDiffers, Element::Services, quote(&text, place.start, place.end));
            }
            said.insert(quantity);
        }
        let is_silent = content.included.is_empty() && !granted.is_empty();
        if is_silent && !said.contains(&all) && !granted.iter().all(|quantity| said.contains(quantity)) {
            report(found, Rule::AllowanceDiffers, Element::Terms, service.to_string());
        }
    }
}

/// Amounts of a service that a folded text names, in rated units.
fn quantities(service: Service, text: &str) -> Vec<(u64, std::ops::Range<usize>)> {
    static DATA: LazyLock<Regex> = LazyLock::new(|| pattern(r"([0-9]+(?:\.[0-9]+)?)\s*(tb|gb|mb|kb|g|m)([a-z]*)"));
    static VOICE: LazyLock<Regex> = LazyLock::new(|| pattern(r"([0-9]+)\s*(分钟)"));
    static SMS: LazyLock<Regex> =
        LazyLock::new(|| pattern(r"([0-9]+)\s*(条)(?:国内|免费)?(?:短信|短彩信|短、?彩信|点对点)?"));
    /// Steps of a price beyond the allowance, and room to keep files in, are no allowances.
    static PRICED_OR_STORED: LazyLock<Regex> = LazyLock::new(|| {
        pattern(
            "[0-9]元|计费|计收|收取|超出|超过|套外|累计|不足|封顶|免费使用至|不再收费|直至|限速|云盘|网盘|相册|空间|存储|内存",
        )
    });
    let pattern = match service {
        Service::Data => &DATA,
        Service::Voice => &VOICE,
        Service::Sms => &SMS,
    };
    let mut quantities = Vec::new();
    for captures in pattern.captures_iter(text) {
        let (Some(number), Some(unit)) = (captures.get(1), captures.get(2)) else { continue };
        let before = text[..number.start()].trim_end();
        // A price per unit, a speed, a width of broadband is no amount.
        let is_other =
            before.ends_with(['/', '每', '.']) || captures.get(3).is_some_and(|rest| !rest.as_str().is_empty());
        let clause = clause(text, number.start(), unit.end());
        // `5g` and `100m` are amounts only where they are said to be of data.
        let is_short = matches!(unit.as_str(), "g" | "m");
        if is_other
            || is_short && !text[unit.end()..].chars().take(6).collect::<String>().contains("流量")
            || PRICED_OR_STORED.is_match(clause)
            || service == Service::Sms && !clause.contains('信')
        {
            continue;
        }
        let unit_size = match unit.as_str() {
            "tb" => 1024 * GIB,
            "gb" | "g" => GIB,
            "mb" | "m" => MIB,
            "kb" => KIB,
            _ => 1,
        };
        let quantity = number.as_str().parse::<Decimal>().ok().and_then(|n| n.checked_mul(unit_size.into()));
        if let Some(quantity) = quantity.and_then(|quantity| u64::try_from(quantity.trunc()).ok()) {
            quantities.push((quantity, number.start()..unit.end()));
        }
    }
    quantities
}

/// The clause that a place lies in.
fn clause(text: &str, start: usize, end: usize) -> &str {
    const ENDS: [char; 10] = [',', '，', '、', '。', ';', '；', '(', ')', '\n', '+'];
    let from = text[..start].rfind(ENDS).map_or(0, |at| at + text[at..].chars().next().map_or(0, char::len_utf8));
    let until = text[end..].find(ENDS).map_or(text.len(), |at| end + at);
    &text[from..until]
}

/// Prices per unit of the overage text that no overage of the terms has, and overage that no text tells.
fn overage(terms: &Terms, page: &Page, found: &mut Found) {
    static PER_UNIT: LazyLock<Regex> =
        LazyLock::new(|| pattern(r"([0-9]+(?:\.[0-9]+)?)\s*元\s*(?:[/每]\s*[0-9]*|1)\s*(gb|g|mb|m|kb|分钟|条)"));
    let text = fold(page.text(Element::Overage));
    if text.trim().is_empty() {
        return;
    }
    let service_of = |unit: &str| match unit {
        "分钟" => Service::Voice,
        "条" => Service::Sms,
        _ => Service::Data,
    };
    for captures in PER_UNIT.captures_iter(&text) {
        let (Some(whole), Some(price), Some(unit)) = (captures.get(0), captures.get(1), captures.get(2)) else {
            continue;
        };
        // Multimedia messages are not metered here.
        if text[..whole.start()].trim_end_matches([':', ' ']).ends_with("彩信") {
            continue;
        }
        let service = service_of(unit.as_str());
        let prices = terms.overage_of(service).map(prices_of).unwrap_or_default();
        if !price.as_str().parse().is_ok_and(|price: Decimal| prices.contains(&price)) {
            report(found, Rule::OverageDiffers, Element::Overage, quote(&text, whole.start(), whole.end()));
        }
    }
    let elsewhere = [Element::Services, Element::Notes].map(|element| fold(page.text(element))).join("\n");
    let all = format!("{text}\n{elsewhere}");
    let said: BTreeSet<Service> =
        PER_UNIT.captures_iter(&all).filter_map(|captures| Some(service_of(captures.get(2)?.as_str()))).collect();
    for overage in terms.overage.iter().filter(|overage| !said.contains(&overage.service)) {
        report(found, Rule::OverageDiffers, Element::Terms, overage.service.to_string());
    }
}

fn prices_of(model: &OverageModel) -> Vec<Decimal> {
    match model {
        OverageModel::Unit { price, .. } | OverageModel::Block { price, .. } => vec![*price],
        OverageModel::Ladder { price, block_price, .. } => vec![*price, *block_price],
    }
}
