//! `/staff/subscribers/{msisdn}`: what an agent sees of one subscriber, once there is a reason.

use charging::bill::store::{bill, current_month_estimate, history};
use charging::bill::{Bill, BillSummary, Estimate};
use charging::clock::{Month, local_date};
use charging::dispute::Dispute;
use charging::dispute::desk::reason;
use charging::dispute::store::of_subscriber;
use charging::money::{plain, round_to_fen};
use charging::order::history::{self as past, What};
use charging::order::view::{ActiveService, active};
use charging::subscriber::store::find_by_msisdn;
use charging::subscriber::{Msisdn, Subscriber};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_params_map;

use crate::components::{PageError, day_text, month_text, page, region_name, time_text};
use crate::i18n::{Locale, td_string};
use crate::me::bill::{kind_text, line_text};
use crate::me::disputes::words::{problem_text, state_tag};
use crate::me::parts::{Tone, banner, query};
use crate::me::proof::{by_text, fact, method_text, price_text};
use crate::request::locale;
use crate::state::AppState;

/// Bills and agreements that are listed.
const BILLS: u32 = 24;
const AGREEMENTS: u8 = 30;

fn problem(l: Locale) -> Option<&'static str> {
    match query("problem")?.as_str() {
        "number" => Some(td_string!(l, dispute.no_number)),
        "reason" => Some(td_string!(l, dispute.reason_missing)),
        other => problem_text(l, other),
    }
}

/// `/staff/subscribers`: whom one looks for, and why.
#[component]
pub fn LookPage() -> impl IntoView {
    page(|| {
        let l = locale();
        let problem = problem(l);
        async move {
            crate::staff::member()?;
            Ok(view! {
                <Title text=td_string!(l, dispute.subscribers) />
                <div class="stack-tight">
                    <h1>{td_string!(l, dispute.find_title)}</h1>
                    <p class="muted">{td_string!(l, dispute.find_lead)}</p>
                </div>
                {problem.map(|text| banner(Tone::Bad, text))}
                {look_form(l, None)}
            })
        }
    })
}

fn look_form(l: Locale, msisdn: Option<&Msisdn>) -> AnyView {
    let number = msisdn.map(ToString::to_string).unwrap_or_default();
    view! {
        <form class="card narrow" method="post" action="/staff/api/look">
            <div class="field">
                <label for="msisdn">{td_string!(l, dispute.number)}</label>
                <input id="msisdn" name="msisdn" value=number inputmode="numeric" maxlength="11" required />
            </div>
            <div class="field">
                <label for="reason">{td_string!(l, dispute.reason)}</label>
                <input id="reason" name="reason" maxlength="200" required aria-describedby="reason-hint" />
                <p class="hint" id="reason-hint">{td_string!(l, dispute.reason_hint)}</p>
            </div>
            <button class="button primary wide-button" type="submit">{td_string!(l, dispute.look)}</button>
        </form>
    }
    .into_any()
}

/// `/staff/subscribers/{msisdn}`
#[component]
pub fn SubscriberPage() -> impl IntoView {
    page(|| {
        let (state, l) = (AppState::current(), locale());
        let msisdn = use_params_map().get_untracked().get("msisdn").and_then(|number| number.parse::<Msisdn>().ok());
        let problem = problem(l);
        let shown = query("bill").and_then(|month| month.parse::<Month>().ok());
        let actor = crate::staff::actor();
        async move {
            crate::staff::member()?;
            let now = state.clock.now();
            let msisdn = msisdn.ok_or(PageError::NotFound)?;
            let mut db = state.pool.acquire().await?;
            let subscriber = find_by_msisdn(&mut db, &msisdn).await?.ok_or(PageError::NotFound)?;
            let id = subscriber.subscriber_id;
            let Some(why) = reason(&mut db, &actor, id, now).await? else {
                return Ok(view! {
                    <Title text=td_string!(l, dispute.subscribers) />
                    <h1>{td_string!(l, dispute.find_title)}</h1>
                    <p class="muted">{td_string!(l, dispute.find_lead)}</p>
                    {problem.map(|text| banner(Tone::Bad, text))}
                    {look_form(l, Some(&msisdn))}
                }
                .into_any());
            };
            let services = active(&mut db, id, now).await?;
            let estimate = current_month_estimate(&mut db, id, now).await?;
            let bills = history(&mut db, id, BILLS).await?;
            let month = shown.or_else(|| bills.first().map(|newest| newest.month));
            let shown = match month {
                Some(month) => bill(&mut db, id, month).await?,
                None => None,
            };
            let agreements = past::history(&mut db, id, now, 0, AGREEMENTS).await?;
            let disputes = of_subscriber(&mut db, id).await?;
            Ok(view! {
                <Title text=msisdn.to_string() />
                <h1>{msisdn.to_string()}</h1>
                {banner(Tone::Good, td_string!(l, dispute.looked, reason = why))}
                {who(l, &subscriber)}
                {in_use(l, &services)}
                {next(l, &estimate)}
                {billed(l, &subscriber.msisdn, &bills, shown.as_ref())}
                {agreed(l, &agreements.entries)}
                {disputed(l, &disputes)}
            }
            .into_any())
        }
    })
}

fn who(l: Locale, subscriber: &Subscriber) -> impl IntoView + use<> {
    view! {
        <dl class="facts card">
            {fact(td_string!(l, dispute.name), subscriber.name.clone())}
            {fact(td_string!(l, dispute.region), region_name(l, &subscriber.region))}
            {fact(td_string!(l, dispute.since), day_text(l, local_date(subscriber.created_at)))}
        </dl>
    }
}

/// A list under a heading, or what stands there when it is empty.
fn part(heading: &'static str, items: Vec<AnyView>, none: &'static str) -> AnyView {
    let is_empty = items.is_empty();
    view! {
        <section class="card">
            <h2>{heading}</h2>
            {if is_empty {
                view! { <p class="muted">{none}</p> }.into_any()
            } else {
                view! { <ul class="entries">{items}</ul> }.into_any()
            }}
        </section>
    }
    .into_any()
}

fn item(name: String, lines: Vec<String>) -> AnyView {
    let lines = lines.into_iter().map(|line| view! { <span class="small muted">{line}</span> }).collect_view();
    view! { <li><span class="strong">{name}</span> {lines}</li> }.into_any()
}

fn in_use(l: Locale, services: &[ActiveService]) -> AnyView {
    let items = services.iter().map(|service| {
        let day = |at| day_text(l, local_date(at));
        let mut lines = vec![
            price_text(l, service.recurring_price, service.one_off_price),
            td_string!(l, dispute.service_since, day = day(service.starts_at)),
        ];
        lines.extend(service.ends_at.map(|end| td_string!(l, dispute.service_until, day = day(end))));
        item(service.tariff.content.name.clone(), lines)
    });
    part(td_string!(l, dispute.services), items.collect(), td_string!(l, dispute.services_none))
}

fn next(l: Locale, estimate: &Estimate) -> AnyView {
    let (month, total) = (month_text(l, estimate.month), plain(round_to_fen(estimate.total)));
    let so_far = item(td_string!(l, dispute.month_so_far, month = month, amount = total), Vec::new());
    let next = estimate.next.iter().map(|charge| {
        let amount = td_string!(l, bill.yuan, amount = plain(charge.amount));
        item(format!("{amount} · {}", charge.tariff_name), vec![day_text(l, charge.on)])
    });
    let items = std::iter::once(so_far).chain(next).collect();
    part(td_string!(l, dispute.next_charges), items, td_string!(l, dispute.next_none))
}

fn billed(l: Locale, msisdn: &Msisdn, bills: &[BillSummary], shown: Option<&Bill>) -> AnyView {
    let items = bills.iter().map(|bill| {
        let href = format!("/staff/subscribers/{msisdn}?bill={}#bill", bill.month);
        let total = td_string!(l, bill.yuan, amount = plain(bill.total));
        view! { <li><a href=href>{month_text(l, bill.month)}</a> <span>{total}</span></li> }.into_any()
    });
    let lines = shown.map(|bill| {
        let heading = td_string!(l, dispute.bill_lines, month = month_text(l, bill.month));
        let rows = bill.lines.iter().map(|line| {
            view! {
                <tr>
                    <td>{line_text(l, line)}</td>
                    <td>{line.tariff_name.clone()}</td>
                    <td class="num">{plain(line.amount)}</td>
                </tr>
            }
        });
        view! {
            <section class="card" id="bill">
                <h2>{heading}</h2>
                <table class="table">
                    <tbody>
                        {rows.collect_view()}
                        <tr>
                            <th scope="row">{td_string!(l, bill.total)}</th>
                            <td></td>
                            <td class="num strong">{plain(bill.total)}</td>
                        </tr>
                    </tbody>
                </table>
            </section>
        }
    });
    (lines, part(td_string!(l, dispute.bills), items.collect(), td_string!(l, dispute.bills_none))).into_any()
}

fn agreed(l: Locale, entries: &[past::Entry]) -> AnyView {
    let items = entries.iter().filter_map(|entry| {
        let by = by_text(l, &entry.actor, Some(&entry.channel_id));
        let when = td_string!(l, dispute.step_by, time = time_text(l, entry.at), by = by);
        let (name, agreed) = match &entry.what {
            What::Order { name, recurring_price, one_off_price, agreed, .. } => {
                (format!("{name} · {}", price_text(l, *recurring_price, *one_off_price)), Some(agreed))
            }
            What::Cap { cap, raised_by, .. } => {
                (td_string!(l, agreement.cap_name, cap = plain(*cap)), raised_by.as_ref())
            }
            What::Family { holder, agreed, .. } => (td_string!(l, family.name, msisdn = holder.as_str()), Some(agreed)),
            What::Unanswered { .. } => return None,
        };
        let method = agreed.map(|agreed| method_text(l, agreed.method).to_owned());
        Some(item(name, std::iter::once(when).chain(method).collect()))
    });
    part(td_string!(l, dispute.consents), items.collect(), td_string!(l, dispute.consents_none))
}

fn disputed(l: Locale, disputes: &[Dispute]) -> AnyView {
    let items = disputes.iter().map(|dispute| {
        let (class, state) = state_tag(l, dispute);
        let href = format!("/staff/complaints/{}", dispute.case());
        let kind = kind_text(l, dispute.line_kind, None);
        let text = format!("{} {kind} {}", dispute.month, plain(dispute.line_amount));
        view! { <li><a href=href>{text}</a> <span class=class>{state}</span></li> }.into_any()
    });
    part(td_string!(l, dispute.complaints), items.collect(), td_string!(l, dispute.disputes_none))
}
