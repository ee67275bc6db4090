//! 在网要求 and 违约金 in plain words, the same in messages and on pages.

use rust_decimal::Decimal;

use super::words::yuan;
use crate::subscriber::Language;
use crate::tariff::{Commitment, Formula, Penalty};

/// For how long: `在网12个月(从办理当月算起)`.
pub fn commitment(commitment: Commitment, language: Language) -> String {
    match language {
        Language::Chinese => format!("在网{}个月(含办理当月)", commitment.months),
        Language::English => format!("{} months, the first included", commitment.months),
    }
}

/// What leaving earlier costs, by which formula, and the most that it can be.
pub fn penalty_rule(commitment: Commitment, language: Language) -> String {
    let zh = language == Language::Chinese;
    let most = yuan(commitment.penalty_max(), language);
    match (commitment.formula, zh) {
        (Formula::Fixed { .. }, true) => format!("提前退订付{most}，首月和最后一个月不收"),
        (Formula::Fixed { .. }, false) => format!("{most} for leaving earlier, none in the first and last month"),
        (formula, true) => {
            format!("提前退订付{}，最多{most}，首月和最后一个月不收", in_words(formula, commitment.months, language))
        }
        (formula, false) => format!(
            "for leaving earlier {}, at most {most}, none in the first and last month",
            in_words(formula, commitment.months, language)
        ),
    }
}

fn in_words(formula: Formula, months: u32, language: Language) -> String {
    let price = |price: Decimal| yuan(price, language);
    match (formula, language) {
        (Formula::RemainingMonths { price: each, percent: 100 }, Language::Chinese) => {
            format!("{}×剩余月数", price(each))
        }
        (Formula::RemainingMonths { price: each, percent: 100 }, Language::English) => {
            format!("{} x months left", price(each))
        }
        (Formula::RemainingMonths { price: each, percent }, Language::Chinese) => {
            format!("{}×剩余月数×{percent}%", price(each))
        }
        (Formula::RemainingMonths { price: each, percent }, Language::English) => {
            format!("{} x months left x {percent}%", price(each))
        }
        (Formula::UsedMonths { price: each }, Language::Chinese) => format!("{}×已用月数", price(each)),
        (Formula::UsedMonths { price: each }, Language::English) => format!("{} x months used", price(each)),
        (Formula::Fixed { price: each }, _) => price(each),
        (Formula::Prorated { price: whole }, Language::Chinese) => format!("{}×剩余月数÷{months}", price(whole)),
        (Formula::Prorated { price: whole }, Language::English) => {
            format!("{} x months left / {months}", price(whole))
        }
    }
}

/// How a penalty was worked out: `99.00元×8个月×30%=237.60元`.
pub fn arithmetic(penalty: &Penalty, language: Language) -> String {
    let (zh, amount) = (language == Language::Chinese, yuan(penalty.amount, language));
    let months = |count: u32| if zh { format!("{count}个月") } else { format!("{count} months") };
    let times = if zh { "×" } else { " x " };
    let steps = match penalty.commitment.formula {
        Formula::RemainingMonths { price, percent } => {
            let share = if percent == 100 { String::new() } else { format!("{times}{percent}%") };
            format!("{}{times}{}{share}", yuan(price, language), months(penalty.left))
        }
        Formula::UsedMonths { price } => format!("{}{times}{}", yuan(price, language), months(penalty.used)),
        Formula::Fixed { .. } => return amount,
        Formula::Prorated { price } => {
            let over = if zh { "÷" } else { " / " };
            format!(
                "{}{times}{}{over}{}",
                yuan(price, language),
                months(penalty.left),
                months(penalty.commitment.months)
            )
        }
    };
    if zh { format!("{steps}={amount}") } else { format!("{steps} = {amount}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_arithmetic_gives_every_figure() {
        for (penalty, zh, en) in [
            (
                r#""model":"remaining_months","price":"99.00","percent":30"#,
                "99.00元×8个月×30%=237.60元",
                "CNY 99.00 x 8 months x 30% = CNY 237.60",
            ),
            (r#""model":"used_months","price":"15.00""#, "15.00元×4个月=60.00元", "CNY 15.00 x 4 months = CNY 60.00"),
            (r#""model":"fixed","price":"200.00""#, "200.00元", "CNY 200.00"),
            (
                r#""model":"prorated","price":"300.00""#,
                "300.00元×8个月÷12个月=200.00元",
                "CNY 300.00 x 8 months / 12 months = CNY 200.00",
            ),
        ] {
            let commitment: Commitment =
                serde_json::from_str(&format!(r#"{{"months":12,"penalty":{{{penalty}}}}}"#)).unwrap();
            let penalty = commitment.penalty_after(4).unwrap();
            assert_eq!(arithmetic(&penalty, Language::Chinese), zh);
            assert_eq!(arithmetic(&penalty, Language::English), en);
        }
    }
}
