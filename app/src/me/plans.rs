//! `/me/plans`: every plan on sale with what it would have cost for the same use, the cheapest first.

use std::cmp::Ordering;

use charging::money::plain;
use charging::order::plans::store::{PlanChoices, plan_choices};
use charging::order::plans::{PlanChoice, PlanMonth};
use charging::subscriber::store::find;
use leptos::prelude::*;
use leptos_meta::Title;
use rust_decimal::Decimal;

use super::order::refusal_text;
use crate::components::{PageError, Yuan, allowances_in_words, month_text, page, service_text};
use crate::i18n::{Locale, td_string};
use crate::me::proof::fact;
use crate::request::{locale, signed_in};
use crate::state::AppState;

/// `/me/plans`.
#[component]
pub fn PlansPage() -> impl IntoView {
    page(|| async {
        let (l, state) = (locale(), AppState::current());
        let subscriber_id = signed_in().await.ok_or(PageError::SignedOut)?;
        let mut db = state.pool.acquire().await?;
        let subscriber = find(&mut db, subscriber_id).await?.ok_or(PageError::SignedOut)?;
        let PlanChoices { choices, cap, on_sale } = plan_choices(&mut db, &subscriber, state.clock.now()).await?;
        let shown = choices.iter().filter(|choice| !choice.is_present).count();
        let present = choices.iter().find(|choice| choice.is_present).map(PlanChoice::average);
        let months = choices.first().map_or(0, |choice| choice.months.len());
        let lead = if months > 0 {
            td_string!(l, plan.lead_used, n = months)
        } else {
            td_string!(l, plan.lead_unused).to_owned()
        };
        let more = (u64::try_from(shown)? < on_sale).then(|| td_string!(l, plan.more, total = on_sale, shown = shown));
        let cards = choices
            .into_iter()
            .map(|choice| {
                let refused = choice.refusal.as_ref();
                let refused =
                    refused.map(|refusal| refusal_text(l, refusal, &choice.tariff.content.regions, &subscriber.region));
                plan_card(l, &choice, present, refused)
            })
            .collect_view();
        Ok(view! {
            <Title text=td_string!(l, plan.title) />
            <header class="stack-tight">
                <h1>{td_string!(l, plan.title)}</h1>
                <p>{lead}</p>
                {(months > 0).then(|| view! { <p class="muted">{td_string!(l, plan.method, cap = plain(cap))}</p> })}
            </header>
            {(shown == 0).then(|| view! { <p class="card empty">{td_string!(l, plan.none)}</p> })}
            <div class="me-cards">{cards}</div>
            <p class="row">
                {more}
                <a href="/tariffs?operator=mingbai&kind=plan&sort=price_asc">{td_string!(l, plan.all)}</a>
            </p>
        })
    })
}

/// A plan. `present`: what the present one costs; `refused`: why this one cannot be ordered.
fn plan_card(l: Locale, choice: &PlanChoice, present: Option<Decimal>, refused: Option<String>) -> AnyView {
    let content = &choice.tariff.content;
    let average = choice.average();
    let tag = if choice.is_present {
        Some(("tag on", td_string!(l, plan.present).to_owned()))
    } else {
        present.map(|present| ("tag", difference(l, average, present)))
    };
    let short = choice.short_of();
    let short: Vec<_> = short.into_iter().map(|service| service_text(l, service)).collect();
    let short = (!short.is_empty()).then(|| short.join(td_string!(l, me.list_comma)));
    let restrictions = content.restrictions.join("\n");
    view! {
        <article class="card service">
            <div class="service-head">
                <h2>{content.name.clone()}</h2>
                <p class="row">
                    {tag.map(|(class, text)| view! { <span class=class>{text}</span> })}
                    {short
                        .clone()
                        .map(|services| {
                            view! { <span class="tag warn">{td_string!(l, plan.short, services = services)}</span> }
                        })}
                </p>
            </div>
            {cost(l, choice, average)}
            <dl class="facts">
                {fact(
                    td_string!(l, plan.included),
                    allowances_in_words(l, &choice.terms).join(td_string!(l, me.list_comma)),
                )}
                {(!restrictions.is_empty()).then(|| fact(td_string!(l, plan.restrictions), restrictions))}
            </dl>
            {short.map(|services| view! { <p>{td_string!(l, plan.short_text, services = services)}</p> })}
            {way_on(l, choice, refused)}
        </article>
    }
    .into_any()
}

fn difference(l: Locale, average: Decimal, present: Decimal) -> String {
    let amount = plain((average - present).abs());
    match average.cmp(&present) {
        Ordering::Less => td_string!(l, plan.cheaper, amount = amount),
        Ordering::Equal => td_string!(l, plan.same).to_owned(),
        Ordering::Greater => td_string!(l, plan.dearer, amount = amount),
    }
}

/// What it would have cost on average, in its two parts, and each month by itself.
fn cost(l: Locale, choice: &PlanChoice, average: Decimal) -> impl IntoView + use<> {
    let fee = choice.terms.recurring_price();
    let used = !choice.months.is_empty();
    let label = if used { td_string!(l, plan.monthly) } else { td_string!(l, plan.fee_only) };
    let parts = used.then(|| {
        let beyond = average - fee;
        if beyond.is_zero() {
            td_string!(l, plan.split_none, fee = plain(fee))
        } else {
            td_string!(l, plan.split, fee = plain(fee), beyond = plain(beyond))
        }
    });
    let months = choice.months.iter().map(|month: &PlanMonth| {
        let text = td_string!(l, plan.month_line, month = month_text(l, month.month), total = plain(month.total()));
        view! { <li>{text}</li> }
    });
    let months = (choice.months.len() > 1).then(|| {
        view! {
            <details>
                <summary>{td_string!(l, plan.months)}</summary>
                <ul class="plain-list">{months.collect_view()}</ul>
            </details>
        }
    });
    view! {
        <dl class="figures">
            <div>
                <dt>{label}</dt>
                <dd><Yuan amount=average /></dd>
                {parts.map(|parts| view! { <dd class="note">{parts}</dd> })}
            </div>
        </dl>
        {months}
    }
}

/// Stopping and changing look alike, whatever the plan costs.
fn way_on(l: Locale, choice: &PlanChoice, refused: Option<String>) -> AnyView {
    let content = &choice.tariff.content;
    if choice.is_present {
        return view! { <p><a class="button" href="/me/addons#plan">{td_string!(l, plan.stop)}</a></p> }.into_any();
    }
    if let Some(reason) = refused {
        return view! {
            <p>
                <strong>{td_string!(l, plan.refused)}</strong>
                " "
                {reason}
            </p>
        }
        .into_any();
    }
    let label = td_string!(l, plan.look_label, name = content.name.clone());
    let href = format!("/me/order/{}", content.scheme_id);
    view! { <p><a class="button" href=href aria-label=label>{td_string!(l, plan.look)}</a></p> }.into_any()
}
