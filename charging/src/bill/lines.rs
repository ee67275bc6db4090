//! From charges to the lines of a bill: one line a kind, tariff version and month of usage.

use std::collections::BTreeMap;

use rust_decimal::Decimal;

use super::{LineKind, NewLine};
use crate::clock::Month;
use crate::ledger::ChargeKind;
use crate::money::round_to_fen;
use crate::tariff::SchemeId;

/// A charge that is on no bill yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenCharge {
    /// `None`: it is posted together with the bill.
    pub charge_id: Option<i64>,
    pub kind: ChargeKind,
    /// The month it belongs to.
    pub month: Month,
    pub scheme_id: SchemeId,
    pub version: i32,
    /// Rated units: bytes, minutes, messages; 1 for recurring and one-off charges.
    pub quantity: i64,
    /// Yuan, exact.
    pub amount: Decimal,
}

/// A quantity or amount is too large to be summed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the charges of one bill line are too large to be summed")]
pub struct LineOverflow;

/// Groups charges into the lines of the bill of `month`, in the order in which they are printed. What belongs to an
/// earlier month is `late_usage`.
///
/// # Errors
/// When a sum does not fit.
pub fn group_lines(month: Month, charges: &[OpenCharge]) -> Result<Vec<NewLine>, LineOverflow> {
    let mut groups: BTreeMap<(LineKind, Month, &SchemeId, i32), NewLine> = BTreeMap::new();
    for charge in charges {
        let kind = if charge.month < month { LineKind::LateUsage } else { LineKind::of(charge.kind) };
        let line = groups.entry((kind, charge.month, &charge.scheme_id, charge.version)).or_insert_with(|| NewLine {
            kind,
            scheme_id: charge.scheme_id.clone(),
            version: charge.version,
            charge_month: charge.month,
            quantity: 0,
            exact: Decimal::ZERO,
            amount: Decimal::ZERO,
            charge_ids: Vec::new(),
        });
        let quantity = match kind {
            LineKind::LateUsage => 1,
            LineKind::VoiceOverage => charge.quantity.checked_mul(60).ok_or(LineOverflow)?,
            _ => charge.quantity,
        };
        line.quantity = line.quantity.checked_add(quantity).ok_or(LineOverflow)?;
        line.exact = line.exact.checked_add(charge.amount).ok_or(LineOverflow)?;
        line.charge_ids.extend(charge.charge_id);
    }
    let mut lines: Vec<NewLine> = groups.into_values().filter(|line| !line.exact.is_zero()).collect();
    for line in &mut lines {
        line.amount = round_to_fen(line.exact);
    }
    Ok(lines)
}

/// The total of a bill, in yuan: the sum of its lines' amounts.
pub fn total(lines: &[NewLine]) -> Decimal {
    let mut total: Decimal = lines.iter().map(|line| line.amount).sum();
    total.rescale(2);
    total
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn charge(charge_id: i64, kind: ChargeKind, month: &str, amount: &str) -> OpenCharge {
        OpenCharge {
            charge_id: Some(charge_id),
            kind,
            month: month.parse().unwrap(),
            scheme_id: "26MB900001".parse().unwrap(),
            version: 1,
            quantity: 3,
            amount: amount.parse().unwrap(),
        }
    }

    #[test]
    fn a_line_is_rounded_once_and_usage_of_an_earlier_month_stands_apart() {
        let charges = [
            charge(1, ChargeKind::SmsOverage, "2026-10", "0.004"),
            charge(2, ChargeKind::VoiceOverage, "2026-10", "0.15"),
            charge(3, ChargeKind::DataOverage, "2026-09", "0.03"),
            charge(4, ChargeKind::SmsOverage, "2026-10", "0.001"),
            charge(5, ChargeKind::Recurring, "2026-10", "99"),
            charge(6, ChargeKind::SmsOverage, "2026-09", "0.10"),
        ];
        let lines = group_lines("2026-10".parse().unwrap(), &charges).unwrap();
        let shown: Vec<_> =
            lines.iter().map(|l| (l.kind.as_str(), l.quantity, l.amount.to_string(), l.charge_ids.clone())).collect();
        assert_eq!(
            shown,
            [
                ("recurring", 3, "99.00".to_owned(), vec![5]),
                ("voice_overage", 180, "0.15".to_owned(), vec![2]),
                ("sms_overage", 6, "0.01".to_owned(), vec![1, 4]),
                ("late_usage", 2, "0.13".to_owned(), vec![3, 6]),
            ]
        );
        assert_eq!(total(&lines).to_string(), "99.29");
        assert_eq!(total(&[]).to_string(), "0.00");
    }

    fn any_charge() -> impl Strategy<Value = OpenCharge> {
        (prop::sample::select(ChargeKind::ALL.to_vec()), 0_u32..3, 0_u32..4, 1_i64..1_000_000_000, 1_i64..10_000_000)
            .prop_map(|(kind, back, scheme, amount, quantity)| OpenCharge {
                charge_id: None,
                kind,
                month: "2026-10".parse::<Month>().unwrap().minus(back),
                scheme_id: format!("26MB90000{scheme}").parse().unwrap(),
                version: 1,
                quantity,
                amount: Decimal::new(amount, 6),
            })
    }

    proptest! {
        #[test]
        fn lines_sum_to_the_total_and_lose_no_charge(mut charges in prop::collection::vec(any_charge(), 0..60)) {
            for (charge_id, charge) in (1_i64..).zip(&mut charges) {
                charge.charge_id = Some(charge_id);
            }
            let month: Month = "2026-10".parse().unwrap();
            let lines = group_lines(month, &charges).unwrap();
            prop_assert_eq!(lines.iter().map(|l| l.amount).sum::<Decimal>(), total(&lines));
            let exact: Decimal = charges.iter().map(|c| c.amount).sum();
            prop_assert_eq!(lines.iter().map(|l| l.exact).sum::<Decimal>(), exact);
            let mut ids: Vec<i64> = lines.iter().flat_map(|l| l.charge_ids.iter().copied()).collect();
            ids.sort_unstable();
            prop_assert_eq!(ids, (1..=i64::try_from(charges.len()).unwrap()).collect::<Vec<_>>());
            for line in &lines {
                prop_assert!((line.amount - line.exact).abs() <= Decimal::new(5, 3));
                prop_assert_eq!(line.kind == LineKind::LateUsage, line.charge_month < month);
            }
            charges.reverse();
            let again = group_lines(month, &charges).unwrap();
            prop_assert_eq!(total(&again), total(&lines));
            prop_assert_eq!(again.len(), lines.len());
        }
    }
}
