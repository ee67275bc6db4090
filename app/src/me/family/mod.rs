//! `/me/family`: whose bills one sees, who sees one's own, and invitations both ways.

mod actions;
mod bill;

pub use bill::FamilyBillPage;
pub(crate) use bill::share_name;

use charging::clock::local_date;
use charging::consent::Subject;
use charging::family::view::{family, months};
use charging::family::{Family, FamilyMonth, Invitation, Member, NUMBERS_MAX, SeenBy};
use charging::subscriber::store::find;
use leptos::prelude::*;
use leptos_meta::Title;

use super::confirm::{self, Found, Pending, confirm_forms, problem_text};
use super::parts::{Tone, banner, query};
use crate::components::{PageError, Yuan, day_text, month_text, page, time_text};
use crate::i18n::{Locale, td_string};
use crate::request::{locale, signed_in};
use crate::state::AppState;

/// `/me/family`.
#[component]
pub fn FamilyPage() -> impl IntoView {
    page(|| async {
        let (l, state) = (locale(), AppState::current());
        let (ok, problem) = (query("ok"), query("problem"));
        let request_id = query("request").and_then(|id| id.parse().ok());
        let now = state.clock.now();
        let subscriber_id = signed_in().await.ok_or(PageError::SignedOut)?;
        let mut db = state.pool.acquire().await?;
        let subscriber = find(&mut db, subscriber_id).await?.ok_or(PageError::SignedOut)?;
        let all = family(&mut db, subscriber_id, now).await?;
        let months = months(&mut db, subscriber_id).await?;
        let about = |subject: &Subject| matches!(subject, Subject::Family { .. });
        let found = confirm::find(&mut db, subscriber_id, request_id, about, now).await?;
        let expired =
            matches!(found, Found::Expired).then(|| banner(Tone::Warn, td_string!(l, me.problem_code_expired)));
        let pending = match found {
            Found::Waiting(pending) => Some(pending_card(l, *pending, subscriber.msisdn.as_str())),
            Found::Expired | Found::Nothing => None,
        };
        Ok(view! {
            <Title text=td_string!(l, family.title) />
            <header class="stack-tight">
                <h1>{td_string!(l, family.title)}</h1>
                <p class="muted">{td_string!(l, family.lead)}</p>
            </header>
            {ok.and_then(|code| done(l, &code)).map(|text| banner(Tone::Good, text))}
            {problem.and_then(|code| refused(l, &code)).map(|(tone, text)| banner(tone, text))}
            {expired}
            {pending}
            {all.received.iter().map(|invitation| invited(l, invitation, all.seen_by.as_ref())).collect_view()}
            {all.seen_by.as_ref().map(|seen_by| seen(l, seen_by))}
            {bills(l, &all, &months)}
            {numbers(l, &all)}
        })
    })
}

/// Step 2 of joining: the code.
fn pending_card(l: Locale, pending: Pending, msisdn: &str) -> impl IntoView + use<> {
    view! {
        <section class="card asks" aria-labelledby="pending">
            <h2 id="pending">{td_string!(l, family.pending)}</h2>
            <p>{td_string!(l, family.pending_text)}</p>
            {confirm_forms(l, pending, msisdn, td_string!(l, family.confirm), td_string!(l, family.refuse))}
        </section>
    }
}

fn done(l: Locale, code: &str) -> Option<&'static str> {
    Some(match code {
        "invited" => td_string!(l, family.ok_invited),
        "withdrawn" => td_string!(l, family.ok_withdrawn),
        "joined" => td_string!(l, family.ok_joined),
        "refused" => td_string!(l, family.ok_refused),
        "left" => td_string!(l, family.ok_left),
        "ended" => td_string!(l, family.ok_ended),
        "sent" => td_string!(l, me.or_ok_sent),
        _ => return None,
    })
}

fn refused(l: Locale, code: &str) -> Option<(Tone, &'static str)> {
    let text = match code {
        "number" => td_string!(l, family.problem_number),
        "nobody" => td_string!(l, family.problem_nobody),
        "oneself" => td_string!(l, family.problem_oneself),
        "already" => td_string!(l, family.problem_already),
        "full" => td_string!(l, family.problem_full),
        "limit" => td_string!(l, family.problem_limit),
        "lately" => td_string!(l, family.problem_lately),
        "gone" => td_string!(l, family.problem_gone),
        "in_family" => td_string!(l, family.problem_in_family),
        other => return problem_text(l, other),
    };
    Some((Tone::Warn, text))
}

/// An invitation, and what a yes to it would let be seen.
fn invited(l: Locale, invitation: &Invitation, seen_by: Option<&SeenBy>) -> AnyView {
    let id = invitation.invitation_id.to_string();
    let heading = format!("invited-{id}");
    let until = td_string!(l, family.until, time = time_text(l, invitation.expires_at));
    let join = match seen_by {
        // One family at a time: leaving is the way to another.
        Some(_) => view! { <p class="strong">{td_string!(l, family.leave_first)}</p> }.into_any(),
        None => {
            view! { <button class="button" form=format!("join-{id}")>{td_string!(l, family.join)}</button> }.into_any()
        }
    };
    view! {
        <section class="card asks" aria-labelledby=heading.clone()>
            <h2 id=heading.clone()>{td_string!(l, family.invited, msisdn = invitation.msisdn.as_str())}</h2>
            {what_is_seen(l)}
            <p class="small muted">{until}</p>
            <form id=format!("join-{id}") method="post" action="/api/family_join">
                <input type="hidden" name="invitation_id" value=id.clone() />
            </form>
            <form id=format!("decline-{id}") method="post" action="/api/family_decline">
                <input type="hidden" name="invitation_id" value=id.clone() />
            </form>
            <div class="buttons">
                {join}
                <button class="button" form=format!("decline-{id}")>{td_string!(l, family.refuse)}</button>
            </div>
        </section>
    }
    .into_any()
}

/// What the other side sees and does not, said before every yes.
fn what_is_seen(l: Locale) -> impl IntoView {
    view! {
        <ul>
            <li>{td_string!(l, family.seen_total)}</li>
            <li>{td_string!(l, family.seen_not)}</li>
            <li>{td_string!(l, family.seen_from)}</li>
            <li>{td_string!(l, family.seen_pays)}</li>
            <li>{td_string!(l, family.seen_leave)}</li>
        </ul>
    }
}

/// Who sees one's own bills, and the way out.
fn seen(l: Locale, seen_by: &SeenBy) -> AnyView {
    let since = td_string!(
        l,
        family.seen_since,
        time = time_text(l, seen_by.agreed_at),
        month = month_text(l, seen_by.first_month)
    );
    view! {
        <section class="card" aria-labelledby="seen">
            <h2 id="seen">{td_string!(l, family.seen_by, msisdn = seen_by.msisdn.as_str())}</h2>
            <p>{since}</p>
            <p>{td_string!(l, family.seen_only)}</p>
            <p class="actions">
                <a class="button" href=format!("/me/agreements/family-{}", seen_by.consent_seq)>
                    {td_string!(l, family.proof)}
                </a>
            </p>
            <form method="post" action="/api/family_leave">
                <button class="button">{td_string!(l, family.leave)}</button>
            </form>
            <p class="hint">{td_string!(l, family.leave_hint)}</p>
        </section>
    }
    .into_any()
}

/// The family bills, the newest month first.
fn bills(l: Locale, family: &Family, months: &[FamilyMonth]) -> Option<AnyView> {
    if family.members.is_empty() {
        return None;
    }
    let rows = months.iter().map(|month| {
        let numbers = td_string!(l, family.numbers, n = month.numbers);
        view! {
            <tr>
                <th scope="row">
                    <a class="month" href=format!("/me/family/{}", month.month)>{month_text(l, month.month)}</a>
                    <span class="small muted">{numbers}</span>
                </th>
                <td class="num"><Yuan amount=month.total /></td>
            </tr>
        }
    });
    let table = if months.is_empty() {
        view! { <p>{td_string!(l, family.no_bill)}</p> }.into_any()
    } else {
        view! {
            <table class="table months" aria-labelledby="bills">
                <thead class="sr">
                    <tr>
                        <th scope="col">{td_string!(l, bill.month)}</th>
                        <th scope="col">{td_string!(l, bill.amount)}</th>
                    </tr>
                </thead>
                <tbody>{rows.collect_view()}</tbody>
            </table>
        }
        .into_any()
    };
    Some(
        view! {
            <section class="card">
                <h2 id="bills">{td_string!(l, family.bills)}</h2>
                {table}
            </section>
        }
        .into_any(),
    )
}

/// The numbers that one sees or has invited, and the form to invite another.
fn numbers(l: Locale, family: &Family) -> AnyView {
    let is_empty = family.members.is_empty() && family.sent.is_empty();
    let members = family.members.iter().map(|member| member_item(l, member)).collect_view();
    let sent = family.sent.iter().map(|invitation| sent_item(l, invitation)).collect_view();
    let list = if is_empty {
        view! { <p>{td_string!(l, family.empty)}</p> }.into_any()
    } else {
        view! { <ul class="entries">{members} {sent}</ul> }.into_any()
    };
    let form = if family.room() == 0 {
        view! { <p class="strong">{td_string!(l, family.full, n = NUMBERS_MAX)}</p> }.into_any()
    } else {
        invite_form(l)
    };
    view! {
        <section class="card stack" aria-labelledby="numbers">
            <h2 id="numbers">{td_string!(l, family.numbers_heading)}</h2>
            {list}
            {form}
        </section>
    }
    .into_any()
}

fn member_item(l: Locale, member: &Member) -> AnyView {
    let since = td_string!(
        l,
        family.member_since,
        day = day_text(l, local_date(member.agreed_at)),
        month = month_text(l, member.first_month)
    );
    let label = td_string!(l, family.end_label, msisdn = member.msisdn.as_str());
    view! {
        <li>
            <div class="row spread">
                <h3 class="entry-name">{member.msisdn.clone()}</h3>
                <form method="post" action="/api/family_end">
                    <input type="hidden" name="member" value=member.subscriber_id.to_string() />
                    <button class="button" aria-label=label>{td_string!(l, family.end)}</button>
                </form>
            </div>
            <p class="small muted">{since}</p>
        </li>
    }
    .into_any()
}

fn sent_item(l: Locale, invitation: &Invitation) -> AnyView {
    let until = td_string!(l, family.waits, time = time_text(l, invitation.expires_at));
    let label = td_string!(l, family.withdraw_label, msisdn = invitation.msisdn.as_str());
    view! {
        <li>
            <div class="row spread">
                <h3 class="entry-name">{invitation.msisdn.clone()}</h3>
                <form method="post" action="/api/family_withdraw">
                    <input type="hidden" name="invitation_id" value=invitation.invitation_id.to_string() />
                    <button class="button" aria-label=label>{td_string!(l, family.withdraw)}</button>
                </form>
            </div>
            <p class="small muted">{until}</p>
        </li>
    }
    .into_any()
}

fn invite_form(l: Locale) -> AnyView {
    view! {
        <form class="stack-tight" method="post" action="/api/family_invite">
            <div class="field">
                <label for="invite">{td_string!(l, family.invite_number)}</label>
                <input
                    id="invite"
                    name="msisdn"
                    type="tel"
                    inputmode="numeric"
                    autocomplete="off"
                    maxlength="20"
                    required
                    aria-describedby="invite-hint"
                />
                <p class="hint" id="invite-hint">{td_string!(l, family.invite_hint)}</p>
            </div>
            <div class="buttons">
                <button class="button">{td_string!(l, family.invite)}</button>
            </div>
        </form>
    }
    .into_any()
}
