use charging::staff::Permission;
use charging::tariff::board::store::{BOARD_MAX, board};
use charging::tariff::board::{OnSale, Pair, alike, needless};
use charging::tariff::withdrawal::{Plan, State, list};
use chrono::{DateTime, Utc};
use leptos::prelude::*;
use leptos_meta::Title;
use rust_decimal::Decimal;

use super::effect::lines_table;
use super::outcome;
use super::words::{age, better_in, price, standing, yuan};
use crate::components::{kind_name, page, time_text};
use crate::i18n::{Locale, td_string};
use crate::public::announced;
use crate::request::locale;
use crate::state::AppState;

/// `/staff/tariffs/board`
#[component]
pub fn BoardPage() -> impl IntoView {
    page(|| {
        let state = AppState::current();
        let l = locale();
        let outcome = outcome(l);
        async move {
            let own = crate::staff::member()?;
            let now = state.clock.now();
            let mut db = state.pool.acquire().await?;
            let board = board(&mut db, now).await?;
            let plans = list(&mut db).await?;
            let (needless, alike) = (needless(&board), alike(&board));
            let plans = plans.iter().map(|plan| plan_card(l, plan, own.staff_id)).collect_view();
            let plans_none = view! { <p class="muted">{td_string!(l, board.plans_none)}</p> };
            let has_plans = !plans.is_empty();
            Ok(view! {
                <Title text=td_string!(l, board.title) />
                <div class="stack-tight">
                    <h1>{td_string!(l, board.title)}</h1>
                    <p class="muted">{td_string!(l, board.lead)}</p>
                </div>
                {outcome}
                {figures(l, &board, &needless, &alike)}
                {table(l, &board, &needless, own.may(Permission::DraftTariffs), now)}
                {needless_list(l, &board, &needless)}
                {alike_list(l, &board, &alike)}
                <section class="stack" id="plans">
                    <h2>{td_string!(l, board.plans_title)}</h2>
                    {(!has_plans).then_some(plans_none)}
                    {plans}
                </section>
            })
        }
    })
}

fn figures(l: Locale, board: &[OnSale], needless: &[Pair], alike: &[Pair]) -> AnyView {
    let subscribers: u64 = board.iter().map(|on_sale| on_sale.subscribers).sum();
    let monthly: Decimal = board.iter().map(|on_sale| on_sale.monthly).sum();
    let figures = [
        (td_string!(l, board.on_sale), board.len().to_string()),
        (td_string!(l, board.needless), needless.len().to_string()),
        (td_string!(l, board.alike), alike.len().to_string()),
        (td_string!(l, board.subscribers), subscribers.to_string()),
        (td_string!(l, board.monthly), yuan(l, monthly)),
    ];
    let figures = figures.map(|(name, figure)| view! { <div><dt>{name}</dt><dd>{figure}</dd></div> });
    view! { <dl class="clarity-figures">{figures.into_iter().collect_view()}</dl> }.into_any()
}

fn table(l: Locale, board: &[OnSale], needless: &[Pair], may_plan: bool, now: DateTime<Utc>) -> AnyView {
    let rows = board.iter().enumerate().map(|(place, on_sale)| {
        let better = needless.iter().find(|pair| pair.other == place);
        row(l, on_sale, better.map(|pair| board[pair.kept].tariff.content.name.as_str()), may_plan, now)
    });
    let rows = rows.collect_view();
    let is_cut = usize::try_from(BOARD_MAX).is_ok_and(|most| board.len() >= most);
    let more = is_cut.then(|| view! { <p class="muted">{td_string!(l, board.more, count = BOARD_MAX)}</p> });
    view! {
        <form class="card" action="/staff/tariffs/board/effect">
            <div class="table-scroll" role="region" tabindex="0" aria-label=td_string!(l, board.on_sale)>
                <table class="table board-table">
                    <thead>
                        <tr>
                            {may_plan.then(|| view! { <th scope="col">{td_string!(l, board.column_choose)}</th> })}
                            <th scope="col">{td_string!(l, board.column_name)}</th>
                            <th scope="col" class="num">{td_string!(l, board.column_price)}</th>
                            <th scope="col" class="num">{td_string!(l, board.column_subscribers)}</th>
                            <th scope="col" class="num">{td_string!(l, board.column_joined)}</th>
                            <th scope="col" class="num">{td_string!(l, board.column_complaints)}</th>
                            <th scope="col" class="num">{td_string!(l, board.column_monthly)}</th>
                            <th scope="col">{td_string!(l, board.column_age)}</th>
                            <th scope="col" class="num">{td_string!(l, board.column_version)}</th>
                        </tr>
                    </thead>
                    <tbody>{rows}</tbody>
                </table>
            </div>
            {more}
            {may_plan
                .then(|| {
                    view! { <button class="button primary wide-button">{td_string!(l, board.plan_chosen)}</button> }
                })}
        </form>
    }
    .into_any()
}

fn row(l: Locale, on_sale: &OnSale, better: Option<&str>, may_plan: bool, now: DateTime<Utc>) -> AnyView {
    let content = &on_sale.tariff.content;
    let href = format!("/tariffs/{}", content.scheme_id);
    let tick = may_plan.then(|| {
        let label = td_string!(l, board.choose, name = content.name.clone());
        let id = content.scheme_id.to_string();
        view! { <td><input type="checkbox" name="id" value=id aria-label=label /></td> }
    });
    let tag = better.map(|name| {
        view! { <p><span class="tag warn">{td_string!(l, board.tag_needless, name = name.to_owned())}</span></p> }
    });
    let announced = on_sale.announced.map(|from| {
        let text = announced(l, from, on_sale.tariff.is_sold(now));
        view! { <p><span class="tag warn">{text}</span></p> }
    });
    view! {
        <tr>
            {tick}
            <th scope="row">
                <a href=href>{content.name.clone()}</a>
                <p class="small muted">{format!("{} · {}", kind_name(l, content.kind), content.scheme_id)}</p>
                {tag}
                {announced}
            </th>
            <td class="num">{yuan(l, price(on_sale))}</td>
            <td class="num">{on_sale.subscribers}</td>
            <td class="num">{on_sale.joined}</td>
            <td class="num">{on_sale.complaints}</td>
            <td class="num">{yuan(l, on_sale.monthly)}</td>
            <td>{age(l, on_sale.first_published_at, now)}</td>
            <td class="num">{on_sale.tariff.version}</td>
        </tr>
    }
    .into_any()
}

fn needless_list(l: Locale, board: &[OnSale], pairs: &[Pair]) -> AnyView {
    let items = pairs.iter().map(|pair| {
        let (kept, other) = (&board[pair.kept], &board[pair.other]);
        let why = better_in(l, &kept.tariff.content, &other.tariff.content);
        let why = why.join(td_string!(l, tariff.list_semicolon));
        let names = [(td_string!(l, board.kept), kept), (td_string!(l, board.needless_one), other)];
        pair_item(l, names, Some(why))
    });
    let none = pairs.is_empty().then(|| view! { <p class="muted">{td_string!(l, board.needless_none)}</p> });
    view! {
        <section class="card" id="needless">
            <h2>{td_string!(l, board.needless_title)}</h2>
            <p class="muted">{td_string!(l, board.needless_about)}</p>
            {none}
            <ol class="pairs">{items.collect_view()}</ol>
        </section>
    }
    .into_any()
}

fn alike_list(l: Locale, board: &[OnSale], pairs: &[Pair]) -> AnyView {
    let items = pairs.iter().map(|pair| {
        let names =
            [(td_string!(l, board.first), &board[pair.kept]), (td_string!(l, board.second), &board[pair.other])];
        pair_item(l, names, None)
    });
    let none = pairs.is_empty().then(|| view! { <p class="muted">{td_string!(l, board.alike_none)}</p> });
    view! {
        <section class="card" id="alike">
            <h2>{td_string!(l, board.alike_title)}</h2>
            <p class="muted">{td_string!(l, board.alike_about)}</p>
            {none}
            <ol class="pairs">{items.collect_view()}</ol>
        </section>
    }
    .into_any()
}

fn pair_item(l: Locale, pair: [(&'static str, &OnSale); 2], why: Option<String>) -> AnyView {
    let ids = pair.map(|(_, on_sale)| format!("id={}", on_sale.tariff.content.scheme_id));
    let compare = format!("/tariffs/compare?{}", ids.join("&"));
    let sides = pair.map(|(label, on_sale)| {
        let href = format!("/tariffs/{}", on_sale.tariff.content.scheme_id);
        view! {
            <div>
                <dt>{label}</dt>
                <dd>
                    <a href=href>{on_sale.tariff.content.name.clone()}</a>
                    <span class="small muted">
                        {format!(" {} · {} {}", yuan(l, price(on_sale)), td_string!(l, board.column_subscribers), on_sale.subscribers)}
                    </span>
                </dd>
            </div>
        }
    });
    let why = why.map(|text| view! { <div><dt>{td_string!(l, board.why)}</dt><dd>{text}</dd></div> });
    view! {
        <li>
            <dl class="facts">{sides.into_iter().collect_view()} {why}</dl>
            <p><a href=compare>{td_string!(l, board.compare)}</a></p>
        </li>
    }
    .into_any()
}

/// A plan as whoever may draft sees it.
fn plan_card(l: Locale, plan: &Plan, own: i64) -> AnyView {
    let can_take_back = plan.state == State::Open && plan.asked_by.staff_id == own;
    let take_back = can_take_back.then(|| {
        view! {
            <form method="post" action="/staff/api/take_back_withdrawal">
                <input type="hidden" name="plan" value=plan.plan_id.to_string() />
                <button class="button" type="submit">{td_string!(l, board.take_back)}</button>
            </form>
        }
    });
    view! {
        <article class="card" data-plan=plan.plan_id.to_string()>
            {plan_head(l, plan)}
            {lines_table(l, &plan.lines, plan.state == State::Approved)}
            {take_back}
        </article>
    }
    .into_any()
}

/// When, why, who.
pub(super) fn plan_head(l: Locale, plan: &Plan) -> AnyView {
    let (class, words) = standing(l, plan.state);
    let decided = plan.decided_by.as_ref().zip(plan.decided_at).map(|(person, at)| {
        let text = td_string!(l, board.decided, name = person.name.clone(), time = time_text(l, at));
        view! { <p class="small muted">{text}</p> }
    });
    let answer = plan.answer.clone().map(|text| view! { <p>{td_string!(l, board.answer, text = text)}</p> });
    let asked = td_string!(l, board.asked, name = plan.asked_by.name.clone(), time = time_text(l, plan.asked_at));
    view! {
        <div class="row spread">
            <h3>{td_string!(l, board.stops_at, time = time_text(l, plan.withdraw_at))}</h3>
            <span class=class>{words}</span>
        </div>
        <p>{plan.reason.clone()}</p>
        <p class="small muted">{asked}</p>
        {decided}
        {answer}
    }
    .into_any()
}
