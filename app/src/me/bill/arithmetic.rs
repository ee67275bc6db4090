//! The arithmetic of charges in words, with every figure that went into it.

use charging::bill::explain::{Arithmetic, DataArithmetic, DataSteps, RecordsPart};
use charging::bill::{BillLine, LineKind, RecurringCharge, RecurringRule};
use charging::ledger::ChargeKind;
use charging::money::plain;
use charging::notice::commitment_words::arithmetic;
use charging::quantity::Service;
use charging::tariff::Penalty;
use chrono::Datelike;
use rust_decimal::Decimal;

use super::words::kind_text;
use crate::components::{data_size, day_text, month_text, quantity_text};
use crate::i18n::{Locale, td_string};
use crate::request::language;

/// The steps from what was used or subscribed to its exact amount.
pub fn steps(l: Locale, line: &BillLine, arithmetic: &Arithmetic) -> Vec<String> {
    let mut steps = Vec::new();
    if line.kind == LineKind::LateUsage {
        steps.push(td_string!(l, bill.late, month = month_text(l, line.charge_month)));
    }
    match arithmetic {
        Arithmetic::Recurring(charge) => steps.push(recurring_text(l, charge)),
        Arithmetic::OneOff { price } => steps.push(td_string!(l, bill.once, amount = plain(*price))),
        Arithmetic::Penalty(penalty) => steps.push(penalty_text(l, penalty)),
        Arithmetic::Data(data) => steps.extend(data_steps(l, data)),
        Arithmetic::PerUnit { kind, units, price, unit, .. } => {
            steps.push(per_unit_text(l, *kind, *units, *price, *unit));
        }
        Arithmetic::Records(parts) => steps.extend(parts.iter().map(|part| part_text(l, part))),
    }
    steps
}

/// The last step: from the exact amount of a line to its fen.
pub fn rounding_text(l: Locale, line: &BillLine) -> String {
    let (exact, amount) = (plain(line.exact), plain(line.amount));
    if line.exact == line.amount {
        td_string!(l, bill.exact_no_rounding, amount = amount)
    } else {
        td_string!(l, bill.rounded_up, exact = exact, amount = amount)
    }
}

/// How a penalty came about.
pub fn penalty_text(l: Locale, penalty: &Penalty) -> String {
    let (months, left) = (penalty.commitment.months, penalty.left);
    td_string!(l, bill.penalty, months = months, left = left, sum = arithmetic(penalty, language(l)))
}

/// How a month's fee came about.
pub fn recurring_text(l: Locale, charge: &RecurringCharge) -> String {
    let (price, amount) = (plain(charge.price), plain(charge.amount));
    let (from, until) = (day_text(l, charge.from), day_text(l, charge.until));
    let of_days = charge.of_days;
    match charge.rule {
        RecurringRule::Full => td_string!(l, bill.full, price = price),
        RecurringRule::FirstFull => td_string!(l, bill.first_full, from = from, price = price),
        RecurringRule::FirstDaily if charge.from.day() == 1 => {
            td_string!(l, bill.first_daily_whole, from = from, price = price)
        }
        RecurringRule::FirstDaily => {
            let days = of_days - charge.from.day() + 1;
            td_string!(l, bill.first_daily, from = from, days = days, price = price, of_days = of_days, amount = amount)
        }
        RecurringRule::FirstHalf => td_string!(l, bill.first_half, from = from, price = price, amount = amount),
        RecurringRule::DaysUsed if charge.days == of_days => {
            td_string!(l, bill.days_used_whole, until = until, price = price)
        }
        RecurringRule::DaysUsed => {
            let days = charge.days;
            td_string!(l, bill.days_used, until = until, days = days, price = price, of_days = of_days, amount = amount)
        }
    }
}

fn data_steps(l: Locale, data: &DataArithmetic) -> Vec<String> {
    let mut steps = vec![td_string!(l, bill.volume, volume = data_size(data.volume), bytes = data.volume)];
    match data.steps {
        DataSteps::Started { price, size, started } => {
            steps.push(td_string!(
                l,
                bill.per_unit,
                unit = each(size),
                price = plain(price),
                count = started,
                amount = plain(data.amount)
            ));
        }
        DataSteps::Ladder { .. } => ladder_steps(l, &data.steps, data.amount, &mut steps),
    }
    let absorbed = data_size(data.absorbed);
    match data.cap {
        Some(cap) if data.absorbed > 0 => {
            steps.push(td_string!(l, bill.cap_reached, cap = plain(cap), absorbed = absorbed));
        }
        Some(cap) => steps.push(td_string!(l, bill.cap_not_reached, cap = plain(cap))),
        None if data.absorbed > 0 => steps.push(td_string!(l, bill.absorbed, absorbed = absorbed)),
        None => {}
    }
    steps
}

fn ladder_steps(l: Locale, ladder: &DataSteps, amount: Decimal, steps: &mut Vec<String>) {
    let DataSteps::Ladder { price, unit, block_price, block, full_blocks, full_amount, started_units, started_amount } =
        *ladder
    else {
        return;
    };
    let (unit, block) = (each(unit), each(block));
    let (price_each, price_block, started) = (plain(price), plain(block_price), plain(started_amount));
    steps.push(td_string!(
        l,
        bill.ladder,
        unit = unit.as_str(),
        price = price_each.as_str(),
        block = block.as_str(),
        block_price = price_block.as_str()
    ));
    if full_blocks > 0 {
        let amount = plain(full_amount);
        steps.push(td_string!(
            l,
            bill.ladder_blocks,
            blocks = full_blocks,
            block = block.as_str(),
            block_price = price_block.as_str(),
            amount = amount
        ));
    }
    if started_units > 0 && price * Decimal::from(started_units) > block_price {
        steps.push(td_string!(
            l,
            bill.ladder_rest_full,
            block = block,
            count = started_units,
            unit = unit,
            block_price = price_block,
            amount = started
        ));
    } else if started_units > 0 {
        steps.push(td_string!(
            l,
            bill.ladder_rest,
            block = block,
            count = started_units,
            unit = unit,
            price = price_each,
            amount = started
        ));
    }
    if full_blocks > 0 && started_units > 0 {
        steps.push(td_string!(l, bill.together, amount = plain(amount)));
    }
}

/// A size after “each”: `MB` for one megabyte, `512 MB` for more.
fn each(bytes: u64) -> String {
    let size = data_size(bytes);
    size.strip_prefix("1 ").map(str::to_owned).unwrap_or(size)
}

fn per_unit_text(l: Locale, kind: ChargeKind, units: u64, price: Decimal, unit: u64) -> String {
    let count = units.div_ceil(unit.max(1));
    let (amount, price) = (plain(price * Decimal::from(count)), plain(price));
    match kind {
        ChargeKind::VoiceOverage if unit == 1 => {
            td_string!(l, bill.voice, units = units, price = price, amount = amount)
        }
        ChargeKind::SmsOverage if unit == 1 => td_string!(l, bill.sms, units = units, price = price, amount = amount),
        _ => {
            let unit = quantity_text(l, kind.service().unwrap_or(Service::Sms), unit);
            td_string!(l, bill.per_unit, unit = unit, price = price, count = count, amount = amount)
        }
    }
}

fn part_text(l: Locale, part: &RecordsPart) -> String {
    let Some(service) = part.kind.service() else {
        return td_string!(l, bill.charged_then, amount = plain(part.amount));
    };
    let kind = kind_text(l, LineKind::of(part.kind), None);
    let units = quantity_text(l, service, part.units);
    td_string!(l, bill.records_part, kind = kind, n = part.records, units = units, amount = plain(part.amount))
}

#[cfg(test)]
mod tests {
    use charging::bill::explain::data_steps as split;
    use charging::quantity::{GIB, MIB};
    use charging::tariff::OverageModel;
    use charging::usage::overage::price_of_volume;

    use super::*;

    fn yuan(text: &str) -> Decimal {
        text.parse().unwrap()
    }

    fn data(volume: u64, absorbed: u64) -> DataArithmetic {
        let ladder = OverageModel::Ladder { price: yuan("0.03"), unit: MIB, block_price: yuan("3.00"), block: GIB };
        let amount = price_of_volume(&ladder, volume);
        DataArithmetic { volume, absorbed, cap: Some(yuan("5.00")), steps: split(&ladder, volume), amount }
    }

    #[test]
    fn a_ladder_with_its_cap_is_told_step_by_step() {
        let steps = data_steps(Locale::zh_CN, &data(GIB + 66 * MIB, 2 * GIB));
        assert_eq!(
            steps,
            [
                "这个月套餐和加油包用完以后，又收费用了 1.06 GB，准确是 1142947840 字节。",
                "每 MB 0.03 元。一个 GB 里收满 3.00 元，这个 GB 余下的就不再收。",
                "用满了 1 个 GB：1 × 3.00 元 = 3.00 元。",
                "不满一个 GB 的部分是 66 个 MB：66 × 0.03 元 = 1.98 元。",
                "加起来 4.98 元。",
                "您那个月的封顶是 5.00 元。再多收一份就会超过封顶，所以收到这里为止；后面又用的 2 GB 没有收钱。",
            ]
        );
    }

    #[test]
    fn a_block_that_is_nearly_full_costs_no_more_than_the_block() {
        let steps = data_steps(Locale::en, &data(500 * MIB, 0));
        assert_eq!(
            steps[2],
            "What is less than a GB is 500 × MB; one by one they would cost more than 3.00 yuan, so 3.00 yuan is charged."
        );
        assert_eq!(steps[3], "Your cap that month was 5.00 yuan; it was not reached.");
    }

    #[test]
    fn a_first_month_by_the_day_shows_the_division() {
        let charge = RecurringCharge {
            rule: RecurringRule::FirstDaily,
            price: yuan("39.00"),
            days: 16,
            of_days: 31,
            from: "2026-10-16".parse().unwrap(),
            until: "2026-10-31".parse().unwrap(),
            amount: yuan("20.129032"),
        };
        let text = recurring_text(Locale::zh_CN, &charge);
        assert!(text.ends_with("39.00 元 × 16 天 ÷ 31 天 = 20.129032 元。"), "{text}");
    }
}
