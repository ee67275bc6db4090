//! The arithmetic of charges in words, with every figure that went into it.

use charging::bill::{RecurringCharge, RecurringRule};
use charging::money::plain;
use chrono::Datelike;

use crate::components::day_text;
use crate::i18n::{Locale, td_string};

/// How a month's fee came about.
pub fn recurring_text(l: Locale, charge: &RecurringCharge) -> String {
    let (price, amount) = (plain(charge.price), plain(charge.amount));
    let (from, until) = (day_text(l, charge.from), day_text(l, charge.until));
    let of_days = charge.of_days;
    match charge.rule {
        RecurringRule::Full => td_string!(l, bill.full, price = price),
        RecurringRule::FirstFull => td_string!(l, bill.first_full, from = from, price = price),
        RecurringRule::FirstDaily => {
            let days = of_days - charge.from.day() + 1;
            td_string!(l, bill.first_daily, from = from, days = days, price = price, of_days = of_days, amount = amount)
        }
        RecurringRule::FirstHalf => td_string!(l, bill.first_half, from = from, price = price, amount = amount),
        RecurringRule::DaysUsed => {
            let days = charge.days;
            td_string!(l, bill.days_used, until = until, days = days, price = price, of_days = of_days, amount = amount)
        }
    }
}
