//! The terms of a tariff in plain words, with worked examples.

use charging::money::{plain, round_to_fen, share};
use charging::notice::commitment_words::{commitment, penalty_rule};
use charging::quantity::Service;
use charging::subscriber::STANDARD_CAP_YUAN;
use charging::tariff::{Allowance, CancelEffective, FirstMonth, Included, Kind, OverageModel, PricePeriod, Terms};
use rust_decimal::Decimal;

use super::words::{quantity_text, service_text};
use crate::i18n::{Locale, td_string};
use crate::request::language;

/// Sentences about one side of the terms: what they are about, and what they say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TermsLine {
    pub label: String,
    pub sentences: Vec<String>,
}

/// What the terms of a tariff mean, side by side: fee, first month, what is included, what is beyond, cancelling.
pub fn terms_in_words(l: Locale, terms: &Terms, kind: Kind) -> Vec<TermsLine> {
    let mut lines = fee_lines(l, terms);
    let mut included = allowances_in_words(l, terms);
    included.extend(lapse(l, &terms.allowances));
    lines.push(line(td_string!(l, tariff.label_included).to_string(), included));
    let beyond = overage_in_words(l, terms, kind);
    if !beyond.is_empty() {
        lines.push(line(td_string!(l, tariff.label_beyond).to_string(), beyond));
    }
    lines.push(line(td_string!(l, tariff.label_stop).to_string(), stop_in_words(l, terms)));
    if let Some(binding) = terms.commitment {
        let said = [commitment(binding, language(l)), penalty_rule(binding, language(l))];
        lines.push(line(td_string!(l, tariff.label_commitment).to_string(), said.into()));
    }
    lines
}

fn line(label: String, sentences: Vec<String>) -> TermsLine {
    TermsLine { label, sentences }
}

fn fee_lines(l: Locale, terms: &Terms) -> Vec<TermsLine> {
    let mut lines = Vec::new();
    let fee = td_string!(l, tariff.label_fee).to_string();
    match &terms.recurring {
        Some(recurring) => {
            lines.push(line(fee, vec![td_string!(l, tariff.fee_monthly, amount = yuan(l, recurring.price))]));
            let first = first_month(l, recurring.first_month, recurring.price);
            lines.push(line(td_string!(l, tariff.label_first_month).to_string(), vec![first]));
        }
        None => lines.push(line(fee, vec![td_string!(l, tariff.fee_none).to_string()])),
    }
    if terms.one_off > Decimal::ZERO {
        let sentence = td_string!(l, tariff.fee_once, amount = yuan(l, terms.one_off));
        lines.push(line(td_string!(l, tariff.label_once).to_string(), vec![sentence]));
    }
    lines
}

fn first_month(l: Locale, first_month: FirstMonth, price: Decimal) -> String {
    let part = |part, whole| yuan(l, share(price, part, whole).map_or(price, round_to_fen));
    match first_month {
        FirstMonth::Full => td_string!(l, tariff.first_full, amount = yuan(l, price)),
        FirstMonth::Daily => td_string!(l, tariff.first_daily, amount = part(15, 30)),
        FirstMonth::Half => td_string!(l, tariff.first_half, amount = part(1, 2)),
    }
}

/// What is included each month, a phrase an allowance.
pub fn allowances_in_words(l: Locale, terms: &Terms) -> Vec<String> {
    if terms.allowances.is_empty() {
        return vec![td_string!(l, tariff.included_none).to_string()];
    }
    terms.allowances.iter().map(|allowance| allowance_in_words(l, allowance)).collect()
}

/// What becomes of what is unused.
fn lapse(l: Locale, allowances: &[Allowance]) -> Option<String> {
    let lapsing = allowances.iter().any(|allowance| !allowance.rollover);
    let rolling = allowances.iter().any(|allowance| allowance.rollover);
    match (lapsing, rolling) {
        (false, _) => None,
        (true, false) => Some(td_string!(l, tariff.included_lapse_all).to_owned()),
        (true, true) => Some(td_string!(l, tariff.included_lapse_rest).to_owned()),
    }
}

fn allowance_in_words(l: Locale, allowance: &Allowance) -> String {
    let quantity = quantity_text(l, allowance.service, allowance.quantity);
    let what = match allowance.service {
        Service::Data if allowance.rating_groups.is_empty() => {
            td_string!(l, tariff.included_general, quantity = quantity)
        }
        Service::Data => td_string!(l, tariff.included_directed, quantity = quantity),
        Service::Voice => td_string!(l, tariff.included_voice, count = allowance.quantity),
        Service::Sms => td_string!(l, tariff.included_sms, count = allowance.quantity),
    };
    if allowance.rollover { td_string!(l, tariff.included_rollover, what = what) } else { what }
}

/// What an operator's own table lists as included, a phrase a figure.
pub fn included_in_words(l: Locale, included: &Included) -> Vec<String> {
    let gigabytes = |amount: Decimal| format!("{} GB", amount.normalize());
    let mut phrases = Vec::new();
    if let Some(general) = included.general_data_gb {
        phrases.push(td_string!(l, tariff.included_general, quantity = gigabytes(general)));
    }
    if let Some(directed) = included.directed_data_gb {
        phrases.push(td_string!(l, tariff.included_directed, quantity = gigabytes(directed)));
    }
    if let Some(count) = included.voice_minutes {
        phrases.push(td_string!(l, tariff.included_voice, count = count));
    }
    if let Some(count) = included.sms_messages {
        phrases.push(td_string!(l, tariff.included_sms, count = count));
    }
    if !included.broadband.is_empty() {
        phrases.push(td_string!(l, tariff.included_broadband, text = included.broadband.clone()));
    }
    phrases
}

/// What happens when the allowances are used up. Only a plan has terms for that; anything else leaves it to the plan.
pub fn overage_in_words(l: Locale, terms: &Terms, kind: Kind) -> Vec<String> {
    if kind != Kind::Plan {
        let grants = !terms.allowances.is_empty();
        return grants.then(|| td_string!(l, tariff.beyond_plan).to_string()).into_iter().collect();
    }
    let mut sentences: Vec<String> =
        Service::ALL.into_iter().map(|service| beyond(l, service, terms.overage_of(service))).collect();
    if terms.overage_of(Service::Data).is_some() {
        sentences.push(td_string!(l, tariff.beyond_cap, amount = yuan(l, STANDARD_CAP_YUAN)));
    }
    sentences
}

fn beyond(l: Locale, service: Service, model: Option<&OverageModel>) -> String {
    let name = service_text(l, service);
    let size = |units: u64| quantity_text(l, service, units);
    let cost = |price: Decimal, times: u32| yuan(l, price * Decimal::from(times));
    match model {
        None => td_string!(l, tariff.beyond_stops, service = name),
        Some(OverageModel::Unit { price, unit: 1 }) if service == Service::Sms => td_string!(
            l,
            tariff.beyond_message,
            service = name,
            price = yuan(l, *price),
            example = size(10),
            cost = cost(*price, 10)
        ),
        Some(OverageModel::Unit { price, unit: 1 }) if service == Service::Voice => td_string!(
            l,
            tariff.beyond_minute,
            service = name,
            price = yuan(l, *price),
            example = size(10),
            cost = cost(*price, 10)
        ),
        Some(OverageModel::Unit { price, unit }) => {
            let times = if service == Service::Data { 100 } else { 10 };
            td_string!(
                l,
                tariff.beyond_unit,
                service = name,
                unit = size(*unit),
                price = yuan(l, *price),
                example = size(unit.saturating_mul(u64::from(times))),
                cost = cost(*price, times)
            )
        }
        Some(OverageModel::Block { price, block }) => td_string!(
            l,
            tariff.beyond_unit,
            service = name,
            unit = size(*block),
            price = yuan(l, *price),
            example = size(block.saturating_add(block / 2)),
            cost = cost(*price, if *block > 1 { 2 } else { 1 })
        ),
        Some(OverageModel::Ladder { price, unit, block_price, block }) => {
            let times =
                if price * Decimal::from(50) < *block_price && unit.saturating_mul(50) < *block { 50 } else { 1 };
            td_string!(
                l,
                tariff.beyond_ladder,
                service = name,
                unit = size(*unit),
                price = yuan(l, *price),
                block_price = yuan(l, *block_price),
                block = size(*block),
                example = size(unit.saturating_mul(u64::from(times))),
                cost = cost(*price, times),
                example_two = size(block.saturating_mul(2)),
                cost_two = cost(*block_price, 2)
            )
        }
    }
}

fn stop_in_words(l: Locale, terms: &Terms) -> Vec<String> {
    let mut sentences = vec![match (terms.cancel_effective, &terms.recurring) {
        (CancelEffective::MonthEnd, _) => td_string!(l, tariff.stop_month_end).to_string(),
        (CancelEffective::Immediately, Some(_)) => td_string!(l, tariff.stop_now).to_string(),
        (CancelEffective::Immediately, None) => td_string!(l, tariff.stop_now_once).to_string(),
    }];
    if terms.one_off > Decimal::ZERO {
        sentences.push(td_string!(l, tariff.stop_once_note).to_string());
    }
    sentences
}

/// An amount of yuan within a sentence.
pub fn yuan(l: Locale, amount: Decimal) -> String {
    td_string!(l, tariff.amount, amount = plain(amount))
}

/// What sort of tariff it is, in a word.
pub fn kind_name(l: Locale, kind: Kind) -> String {
    match kind {
        Kind::Plan => td_string!(l, tariff.kind_plan).to_string(),
        Kind::Addon => td_string!(l, tariff.kind_addon).to_string(),
        Kind::Campaign => td_string!(l, tariff.kind_campaign).to_string(),
        Kind::International => td_string!(l, tariff.kind_international).to_string(),
        Kind::Standard => td_string!(l, tariff.kind_standard).to_string(),
    }
}

/// What a price is for, to stand after it.
pub fn period_name(l: Locale, period: PricePeriod) -> String {
    match period {
        PricePeriod::Month => td_string!(l, tariff.per_month).to_string(),
        PricePeriod::Year => td_string!(l, tariff.per_year).to_string(),
        PricePeriod::Day => td_string!(l, tariff.per_day).to_string(),
        PricePeriod::Once => td_string!(l, tariff.per_once).to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn terms(overage: &str, first_month: &str, cancel: &str) -> Terms {
        serde_json::from_str(&format!(
            r#"{{"recurring":{{"price":"99.00","first_month":"{first_month}"}},"one_off":"0.00","cancel_effective":"{cancel}",
            "allowances":[{{"service":"data","quantity":"20GB","rollover":true}},{{"service":"voice","quantity":"400min"}}],
            "overage":[{overage}]}}"#
        ))
        .unwrap()
    }

    fn said(terms: &Terms, kind: Kind) -> String {
        let lines = terms_in_words(Locale::zh_CN, terms, kind);
        lines.into_iter().flat_map(|line| line.sentences).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn a_ladder_is_told_with_both_sides_of_its_step() {
        let ladder =
            r#"{"service":"data","model":"ladder","price":"0.03","unit":"1MB","block_price":"3.00","block":"1GB"}"#;
        let said = said(&terms(ladder, "daily", "month_end"), Kind::Plan);
        assert!(said.contains("每月 99.00 元"), "{said}");
        assert!(said.contains("当月 30 天，收 49.50 元"), "{said}");
        assert!(said.contains("超出 50 MB，收 1.50 元；超出 2 GB，收 6.00 元"), "{said}");
        assert!(said.contains("600.00 元"), "{said}");
        assert!(said.contains("语音：用完就停"), "{said}");
        assert!(said.contains("可以用到下月底\n语音 400 分钟\n其余没用完的，月底作废。"), "{said}");
    }

    #[test]
    fn begun_units_count_in_full() {
        let overage = r#"{"service":"data","model":"block","price":"5.00","block":"1GB"},
            {"service":"voice","model":"unit","price":"0.15","unit":"1min"},{"service":"sms","model":"unit","price":"0.10","unit":"1"}"#;
        let said = said(&terms(overage, "half", "immediately"), Kind::Plan);
        assert!(said.contains("收一半，49.50 元"), "{said}");
        assert!(said.contains("超出 1.5 GB，收 10.00 元"), "{said}");
        assert!(said.contains("每分钟 0.15 元，不足一分钟按一分钟算。例如超出 10 分钟，收 1.50 元"), "{said}");
        assert!(said.contains("每条 0.10 元。例如超出 10 条，收 1.00 元"), "{said}");
        assert!(said.contains("退订马上停"), "{said}");
    }

    #[test]
    fn an_addon_leaves_what_is_beyond_to_the_plan() {
        let unit = r#"{"service":"data","model":"unit","price":"9.00","unit":"1MB"}"#;
        let said = said(&terms(unit, "full", "month_end"), Kind::Addon);
        assert!(!said.contains("9.00 元。例"), "{said}");
        assert!(said.contains("按您套餐的超出价格收"), "{said}");
    }
}
