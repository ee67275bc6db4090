//! What is lost and gained when one plan takes over from another.

use charging::money::plain;
use charging::quantity::Service;
use charging::tariff::{OverageModel, Terms};
use leptos::prelude::*;
use rust_decimal::Decimal;

use crate::components::{quantity_text, service_text};
use crate::i18n::{Locale, td_string};

/// One side-by-side line: what it is about, how it is, how it will be, and the difference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    pub label: String,
    pub now: String,
    pub then: String,
    pub change: String,
}

/// Fee, allowances and prices beyond them, of both plans; what neither has is left out.
pub fn differences(l: Locale, now: &Terms, then: &Terms) -> Vec<Difference> {
    let mut lines = vec![Difference {
        label: td_string!(l, me.or_change_fee).to_owned(),
        now: yuan(now.recurring_price()),
        then: yuan(then.recurring_price()),
        change: change(l, now.recurring_price().cmp(&then.recurring_price()), || {
            yuan((now.recurring_price() - then.recurring_price()).abs())
        }),
    }];
    for (service, directed) in
        [(Service::Data, false), (Service::Data, true), (Service::Voice, false), (Service::Sms, false)]
    {
        let (have, will) = (included(now, service, directed), included(then, service, directed));
        if have == 0 && will == 0 {
            continue;
        }
        let label = if directed { td_string!(l, me.or_change_directed) } else { service_text(l, service) };
        lines.push(Difference {
            label: label.to_owned(),
            now: quantity_text(l, service, have),
            then: quantity_text(l, service, will),
            change: change(l, have.cmp(&will), || quantity_text(l, service, have.abs_diff(will))),
        });
    }
    for service in Service::ALL {
        let price = |terms: &Terms| terms.overage_of(service).map(|model| overage_text(l, service, model));
        let (have, will) = (price(now), price(then));
        if have.is_none() && will.is_none() {
            continue;
        }
        let same = if have == will { td_string!(l, me.or_change_same) } else { "" };
        let none = || td_string!(l, me.or_change_none).to_owned();
        lines.push(Difference {
            label: td_string!(l, me.or_change_overage, service = service_text(l, service)),
            now: have.unwrap_or_else(none),
            then: will.unwrap_or_else(none),
            change: same.to_owned(),
        });
    }
    lines
}

fn yuan(amount: Decimal) -> String {
    format!("¥{}", plain(amount))
}

/// `order`: how it is compared with how it will be.
fn change(l: Locale, order: std::cmp::Ordering, difference: impl FnOnce() -> String) -> String {
    match order {
        std::cmp::Ordering::Equal => td_string!(l, me.or_change_same).to_owned(),
        std::cmp::Ordering::Greater => td_string!(l, me.or_change_less, amount = difference()),
        std::cmp::Ordering::Less => td_string!(l, me.or_change_more, amount = difference()),
    }
}

fn included(terms: &Terms, service: Service, directed: bool) -> u64 {
    terms
        .allowances
        .iter()
        .filter(|a| a.service == service && a.rating_groups.is_empty() != directed)
        .fold(0, |sum, a| sum.saturating_add(a.quantity))
}

/// What is beyond the allowances costs, in short: `¥0.03 / 1 MB，每 1 GB 最多 ¥3.00`.
fn overage_text(l: Locale, service: Service, model: &OverageModel) -> String {
    match model {
        OverageModel::Unit { price, unit: size } | OverageModel::Block { price, block: size } => {
            format!("{} / {}", yuan(*price), quantity_text(l, service, *size))
        }
        OverageModel::Ladder { price, unit, block_price, block } => td_string!(
            l,
            me.or_change_ladder,
            price = yuan(*price),
            unit = quantity_text(l, service, *unit),
            block = quantity_text(l, service, *block),
            most = yuan(*block_price)
        ),
    }
}

/// The differences as a table.
pub fn differences_table(l: Locale, lines: Vec<Difference>) -> impl IntoView {
    let rows = lines
        .into_iter()
        .map(|line| {
            view! {
                <tr>
                    <th scope="row">{line.label}</th>
                    <td>{line.now}</td>
                    <td>{line.then}</td>
                    <td>{line.change}</td>
                </tr>
            }
        })
        .collect_view();
    view! {
        <div class="table-scroll" tabindex="0" role="group" aria-labelledby="change">
            <table class="table compare">
                <thead>
                    <tr>
                        <td></td>
                        <th scope="col">{td_string!(l, me.or_change_now)}</th>
                        <th scope="col">{td_string!(l, me.or_change_then)}</th>
                        <th scope="col">{td_string!(l, me.or_change_difference)}</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </div>
    }
}

#[cfg(test)]
mod tests {
    use charging::quantity::GIB;
    use charging::tariff::{Allowance, CancelEffective, FirstMonth, Overage, Recurring};

    use super::*;

    fn terms(price: i64, gigabytes: u64, overage: Option<u64>) -> Terms {
        Terms {
            recurring: Some(Recurring { price: Decimal::from(price), first_month: FirstMonth::Full }),
            one_off: Decimal::ZERO,
            cancel_effective: CancelEffective::MonthEnd,
            allowances: vec![Allowance {
                service: Service::Data,
                quantity: gigabytes * GIB,
                rating_groups: vec![],
                rollover: false,
            }],
            overage: overage
                .map(|fen| Overage {
                    service: Service::Voice,
                    model: OverageModel::Unit { price: Decimal::new(fen.try_into().unwrap(), 2), unit: 1 },
                })
                .into_iter()
                .collect(),
            commitment: None,
        }
    }

    #[test]
    fn what_is_lost_and_gained_is_said_in_amounts() {
        let lines = differences(Locale::zh_CN, &terms(99, 20, Some(15)), &terms(59, 30, None));
        let changes: Vec<_> = lines.iter().map(|line| line.change.as_str()).collect();
        assert_eq!(changes, ["少 ¥40.00", "多 10 GB", ""]);
        assert_eq!((lines[2].now.as_str(), lines[2].then.as_str()), ("¥0.15 / 1 分钟", "没有"));
        let same = differences(Locale::en, &terms(99, 20, None), &terms(99, 20, None));
        assert!(same.iter().all(|line| line.change == "the same"));
    }
}
