//! One service: its facts, what is used, and the stop.

use charging::bill::NextCharge;
use charging::clock::{Month, local_date};
use charging::money::{plain, round_to_fen};
use charging::order::EndReason;
use charging::order::ending::CancelPreview;
use charging::order::view::ActiveService;
use chrono::{DateTime, Utc};
use leptos::prelude::*;
use rust_decimal::Decimal;

use super::{Shown, last_day};
use crate::components::{day_text, kind_name, month_text, quantity_text, short_day_text, time_text};
use crate::i18n::{Locale, td_string};
use crate::me::bill::penalty_text;
use crate::me::meters::allowance_row;
use crate::me::parts::fen;
use crate::me::proof::{channel_text, method_text, price_text};

/// Everything about one service, with its stop (or undo) at the end.
pub fn service_card(l: Locale, shown: Shown, month: Month, now: DateTime<Utc>) -> AnyView {
    let Shown { service, stop, next, allowances } = shown;
    let id = service.subscription_id;
    let name = service.tariff.content.name.clone();
    let price = price_text(l, service.recurring_price, service.one_off_price);
    let used = (!allowances.is_empty()).then(|| {
        let rows = allowances.iter().map(|a| allowance_row(l, a, month, false)).collect_view();
        view! {
            <div class="stack-tight">
                <h4>{td_string!(l, me.ad_used)}</h4>
                <ul class="allowances">{rows}</ul>
            </div>
        }
    });
    let state = match (service.ends_at, service.starts_at > now) {
        (Some(end), _) => {
            let text = td_string!(l, me.ad_ending, day = short_day_text(l, last_day(end)));
            Some(view! { <span class="tag warn">{text}</span> })
        }
        (None, true) => {
            let text = td_string!(l, me.ad_from_future, day = short_day_text(l, local_date(service.starts_at)));
            Some(view! { <span class="tag on">{text}</span> })
        }
        (None, false) => None,
    };
    view! {
        <article class="card service" id=format!("s{id}")>
            <div class="service-head">
                <h3>{name.clone()}</h3>
                <span class="price">{price}</span>
            </div>
            <p class="row">
                <span class="tag">{kind_name(l, service.tariff.content.kind)}</span>
                {state}
            </p>
            {facts(l, &service, &next)}
            {used}
            {match stop {
                Some(stop) => stop_part(l, id, &name, service.is_plan, stop).into_any(),
                None => undo_part(l, &service, &name).into_any(),
            }}
        </article>
    }
    .into_any()
}

fn facts(l: Locale, service: &ActiveService, next: &[NextCharge]) -> impl IntoView + use<> {
    let agreed = &service.agreed;
    let how = td_string!(
        l,
        me.ad_agreed_how,
        time = time_text(l, agreed.agreed_at),
        method = method_text(l, agreed.method),
        channel = channel_text(l, &agreed.channel_id)
    );
    let reference = agreed.reference.clone().map(|reference| td_string!(l, me.ad_reference, reference = reference));
    let agreement = format!("/me/agreements/{}", service.order_id);
    let tariff = format!("/tariffs/{}", service.tariff.content.scheme_id);
    view! {
        <dl class="facts">
            <div>
                <dt>{td_string!(l, me.ad_since)}</dt>
                <dd>{day_text(l, local_date(service.starts_at))}</dd>
            </div>
            <div>
                <dt>{td_string!(l, me.ad_next)}</dt>
                <dd>{next_text(l, next)}</dd>
            </div>
            <div>
                <dt>{td_string!(l, me.ad_agreed)}</dt>
                <dd class="stack-tight">
                    <span>{how}</span>
                    {reference.map(|text| view! { <span>{text}</span> })}
                    <span class="row">
                        <a href=agreement>{td_string!(l, me.ad_agreement)}</a>
                        <a href=tariff>{td_string!(l, me.ad_tariff)}</a>
                    </span>
                </dd>
            </div>
        </dl>
    }
}

/// The next charge with its day; a first month can have a monthly and a one-off one.
fn next_text(l: Locale, next: &[NextCharge]) -> String {
    let Some(first) = next.first() else { return td_string!(l, me.ad_next_none).to_owned() };
    let same_day = next.iter().filter(|charge| charge.on == first.on);
    let amount: Decimal = same_day.map(|charge| round_to_fen(charge.amount)).sum();
    td_string!(
        l,
        me.ad_next_on,
        day = day_text(l, first.on),
        amount = plain(amount),
        month = month_text(l, first.month)
    )
}

fn stop_part(l: Locale, id: i64, name: &str, is_plan: bool, stop: CancelPreview) -> impl IntoView + use<> {
    let sentences = stop_sentences(l, &stop, is_plan);
    let penalty = stop.penalty.map(|penalty| {
        view! { <input type="hidden" name="penalty" value=plain(penalty.amount) /> }
    });
    let label = td_string!(l, me.ad_stop_label, name = name.to_owned());
    view! {
        <div class="stop" id=format!("stop{id}")>
            <p>{sentences.join(td_string!(l, me.list_space))}</p>
            <form method="post" action="/api/unsubscribe">
                <input type="hidden" name="subscription_id" value=id.to_string() />
                {penalty}
                <button class="button" aria-label=label>{td_string!(l, me.ad_stop)}</button>
            </form>
        </div>
    }
}

/// When stopping takes effect, what is charged, and what lapses: told before the click.
fn stop_sentences(l: Locale, stop: &CancelPreview, is_plan: bool) -> Vec<String> {
    let mut said = vec![match stop.reason {
        EndReason::Immediately => td_string!(l, me.ad_stop_at_once).to_owned(),
        EndReason::BeforeStart => td_string!(l, me.ad_stop_before_start).to_owned(),
        EndReason::BeforeFirstCharge => {
            td_string!(l, me.ad_stop_before_first_charge, day = day_text(l, last_day(stop.ends_at)))
        }
        EndReason::MonthEnd | EndReason::Replaced => {
            td_string!(l, me.ad_stop_month_end, day = day_text(l, last_day(stop.ends_at)))
        }
    }];
    let monthly = stop.recurring.as_ref().map_or(Decimal::ZERO, |charge| round_to_fen(charge.amount));
    let amount = monthly + stop.one_off.unwrap_or(Decimal::ZERO);
    let month = month_text(l, Month::of(stop.ends_at - chrono::TimeDelta::microseconds(1)));
    if !matches!(stop.reason, EndReason::BeforeStart | EndReason::BeforeFirstCharge) {
        let is_charged = amount > Decimal::ZERO;
        match &stop.penalty {
            None => {
                said.push(if is_charged {
                    td_string!(l, me.ad_stop_charge, month = month, amount = fen(amount))
                } else {
                    td_string!(l, me.ad_stop_charge_none).to_owned()
                });
                said.push(td_string!(l, me.ad_stop_penalty).to_owned());
            }
            Some(penalty) => {
                said.extend(is_charged.then(|| td_string!(l, me.ad_stop_fee, month = month, amount = fen(amount))));
                said.push(penalty_text(l, penalty));
                said.push(td_string!(l, me.ad_stop_then_nothing).to_owned());
            }
        }
    }
    if let Some(charge) = stop.recurring.as_ref().filter(|_| stop.reason == EndReason::Immediately) {
        said.push(crate::me::bill::recurring_text(l, charge));
    }
    if !stop.lapses.is_empty() {
        let what: Vec<_> = stop.lapses.iter().map(|a| quantity_text(l, a.service, a.left)).collect();
        said.push(td_string!(l, me.ad_stop_lapses, what = what.join(td_string!(l, me.list_comma))));
    }
    if is_plan && stop.reason != EndReason::BeforeStart {
        said.push(td_string!(l, me.ad_stop_plan).to_owned());
    }
    said
}

fn undo_part(l: Locale, service: &ActiveService, name: &str) -> impl IntoView + use<> {
    let day = day_text(l, service.ends_at.map_or_else(|| local_date(service.starts_at), last_day));
    let text = match service.end_reason {
        Some(EndReason::Replaced) => td_string!(l, me.ad_replaced_text, day = day),
        Some(EndReason::BeforeStart) => td_string!(l, me.ad_before_start_text).to_owned(),
        Some(EndReason::BeforeFirstCharge) => td_string!(l, me.ad_before_first_charge_text, day = day),
        _ if service.penalty > Decimal::ZERO => {
            td_string!(l, me.ad_ending_penalty_text, day = day, amount = fen(service.penalty))
        }
        _ => td_string!(l, me.ad_ending_text, day = day),
    };
    let label = td_string!(l, me.ad_undo_label, name = name.to_owned());
    let id = service.subscription_id;
    let form = service.can_undo.then(|| {
        view! {
            <form method="post" action="/api/undo_unsubscribe">
                <input type="hidden" name="subscription_id" value=id.to_string() />
                <button class="button" aria-label=label>{td_string!(l, me.ad_undo)}</button>
            </form>
        }
    });
    view! {
        <div class="stop" id=format!("stop{id}")>
            <p>{text}</p>
            {form}
        </div>
    }
}

#[cfg(test)]
mod tests {
    use charging::bill::{RecurringCharge, RecurringRule};
    use charging::tariff::Commitment;

    use super::*;

    #[test]
    fn stopping_is_told_before_the_click() {
        let ends_at = "2026-10-15T12:00:00+08:00".parse().unwrap();
        let stop = CancelPreview {
            name: "流量包".to_owned(),
            ends_at,
            reason: EndReason::Immediately,
            recurring: Some(RecurringCharge {
                rule: RecurringRule::DaysUsed,
                price: Decimal::from(31),
                days: 15,
                of_days: 31,
                from: "2026-10-01".parse().unwrap(),
                until: "2026-10-15".parse().unwrap(),
                amount: Decimal::from(15),
            }),
            one_off: None,
            penalty: None,
            lapses: vec![],
        };
        let said = stop_sentences(Locale::zh_CN, &stop, false);
        let told = ["退订马上生效。", "2026年10月收 ¥15.00，之后不再收费。", "不收违约金（¥0.00）。"];
        assert_eq!((&said[..3], said.len()), (&told.map(str::to_owned)[..], 4));
        let binding: Commitment = serde_json::from_str(
            r#"{"months":12,"penalty":{"model":"remaining_months","price":"99.00","percent":30}}"#,
        )
        .unwrap();
        let bound = CancelPreview { penalty: binding.penalty_after(4), lapses: vec![], ..stop.clone() };
        let penalty = "还没用满在网 12 个月，还剩 8 个月，要付违约金：99.00元×8个月×30%=237.60元，只收一次。";
        let said = stop_sentences(Locale::zh_CN, &bound, false);
        assert_eq!(said[1..4], ["2026年10月收 ¥15.00。", penalty, "之后不再收费。"]);
        let never = CancelPreview { reason: EndReason::BeforeStart, recurring: None, ..stop };
        assert_eq!(stop_sentences(Locale::zh_CN, &never, true).len(), 1);
    }
}
