//! Words of the board.

use charging::tariff::board::OnSale;
use charging::tariff::withdrawal::{Line, State, WithdrawalError};
use charging::tariff::{TariffContent, Terms};
use chrono::{DateTime, Utc};
use rust_decimal::Decimal;

use crate::i18n::{Locale, td_string};
use crate::me::parts::fen;

/// What was done to a plan, as the trail names it.
pub fn action_name(l: Locale, action: &str) -> Option<&'static str> {
    Some(match action {
        "tariff.withdrawal_asked" => td_string!(l, board.action_asked),
        "tariff.withdrawal_approved" => td_string!(l, board.action_approved),
        "tariff.withdrawal_refused" => td_string!(l, board.action_refused),
        "tariff.withdrawal_taken_back" => td_string!(l, board.action_taken_back),
        _ => return None,
    })
}

/// The name of a problem in an address.
pub(super) fn problem(error: &WithdrawalError) -> &'static str {
    match error {
        WithdrawalError::Tariffs => "tariffs",
        WithdrawalError::NotOnSale(_) => "gone",
        WithdrawalError::Planned(_) => "planned",
        WithdrawalError::Reason => "reason",
        WithdrawalError::Time => "time",
        WithdrawalError::NotFound => "not_found",
        WithdrawalError::Decided => "decided",
        WithdrawalError::Own => "own",
        WithdrawalError::NotOwn => "not_own",
        error => {
            tracing::error!(error = error as &dyn std::error::Error, "a plan to take tariffs off sale failed");
            "failed"
        }
    }
}

pub(super) fn problem_text(l: Locale, problem: &str) -> Option<&'static str> {
    Some(match problem {
        "tariffs" => td_string!(l, board.problem_tariffs),
        "gone" => td_string!(l, board.problem_gone),
        "planned" => td_string!(l, board.problem_planned),
        "reason" => td_string!(l, board.problem_reason),
        "time" => td_string!(l, board.problem_time),
        "not_found" => td_string!(l, board.problem_not_found),
        "decided" => td_string!(l, board.problem_decided),
        "own" => td_string!(l, board.problem_own),
        "not_own" => td_string!(l, board.problem_not_own),
        "failed" => td_string!(l, board.problem_failed),
        _ => return None,
    })
}

pub(super) fn done_text(l: Locale, done: &str) -> Option<&'static str> {
    Some(match done {
        "asked" => td_string!(l, board.done_asked),
        "taken_back" => td_string!(l, board.done_taken_back),
        "approved" => td_string!(l, board.done_approved),
        "refused" => td_string!(l, board.done_refused),
        _ => return None,
    })
}

/// The tag of a state, and its words.
pub(super) fn standing(l: Locale, state: State) -> (&'static str, &'static str) {
    match state {
        State::Open => ("tag warn", td_string!(l, board.state_open)),
        State::Approved => ("tag on", td_string!(l, board.state_approved)),
        State::Refused => ("tag", td_string!(l, board.state_refused)),
        State::TakenBack => ("tag", td_string!(l, board.state_taken_back)),
    }
}

pub(super) fn yuan(l: Locale, amount: Decimal) -> String {
    td_string!(l, board.yuan, amount = fen(amount))
}

/// Yuan a month; zero where nothing recurs.
pub(super) fn price(on_sale: &OnSale) -> Decimal {
    on_sale.tariff.content.terms.as_ref().map_or(Decimal::ZERO, Terms::recurring_price)
}

/// How long something has been public, in years and months of 30 days.
pub(super) fn age(l: Locale, since: DateTime<Utc>, now: DateTime<Utc>) -> String {
    let days = (now - since).num_days().max(0);
    let (years, months) = (days / 365, days % 365 / 30);
    if years > 0 {
        td_string!(l, board.years, years = years, months = months)
    } else if months > 0 {
        td_string!(l, board.months, months = months)
    } else {
        td_string!(l, board.days, days = days)
    }
}

/// In what the first of two, which makes the other needless, is better.
pub(super) fn better_in(l: Locale, kept: &TariffContent, other: &TariffContent) -> Vec<String> {
    let (Some(own), Some(theirs)) = (&kept.terms, &other.terms) else { return Vec::new() };
    let mut reasons = Vec::new();
    let less = theirs.recurring_price() - own.recurring_price();
    if less > Decimal::ZERO {
        reasons.push(td_string!(l, board.why_price, amount = fen(less)));
    }
    let less = theirs.one_off - own.one_off;
    if less > Decimal::ZERO {
        reasons.push(td_string!(l, board.why_once, amount = fen(less)));
    }
    if own.allowances != theirs.allowances {
        reasons.push(td_string!(l, board.why_granted).to_owned());
    }
    if own.overage != theirs.overage {
        reasons.push(td_string!(l, board.why_beyond).to_owned());
    }
    if own.commitment != theirs.commitment {
        reasons.push(td_string!(l, board.why_bound).to_owned());
    }
    reasons
}

/// What changing to what there is instead would cost more or less.
pub(super) fn difference(l: Locale, line: &Line) -> Option<String> {
    let difference = line.difference()?;
    Some(match difference {
        more if more > Decimal::ZERO => td_string!(l, board.instead_more, amount = fen(more)),
        less if less < Decimal::ZERO => td_string!(l, board.instead_less, amount = fen(-less)),
        _ => td_string!(l, board.instead_same).to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_is_in_the_largest_units() {
        let at = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
        let now = at("2026-11-22T00:00:00Z");
        for (since, text) in [
            ("2024-10-01T00:00:00Z", "2 年 1 个月"),
            ("2026-09-01T00:00:00Z", "2 个月"),
            ("2026-11-20T00:00:00Z", "2 天"),
            ("2027-01-01T00:00:00Z", "0 天"),
        ] {
            assert_eq!(age(Locale::zh_CN, at(since), now), text, "{since}");
        }
    }
}
