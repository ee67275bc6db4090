use charging::clock::local_date;
use charging::dispute::desk::{Filter, Page, Which, list};
use charging::dispute::{Dispute, ESCALATION_DAYS};
use charging::money::plain;
use charging::subscriber::Msisdn;
use charging::subscriber::store::find_by_msisdn;
use chrono::{DateTime, Utc};
use leptos::prelude::*;
use leptos_meta::Title;

use crate::components::{Pager, day_text, page};
use crate::i18n::{Locale, td_string};
use crate::me::bill::kind_text;
use crate::me::disputes::words::state_tag;
use crate::me::parts::{Tone, banner, query};
use crate::request::{locale, query_value};
use crate::state::AppState;

/// What the form asks for, as it was typed.
#[derive(Clone, Debug, Default)]
struct Asked {
    which: Which,
    whose: String,
    late: bool,
    number: String,
}

impl Asked {
    fn read() -> Self {
        let text = |name: &str| query(name).unwrap_or_default().trim().to_owned();
        Self {
            which: Which::named(&text("which")).unwrap_or_default(),
            whose: text("whose"),
            late: text("late") == "on",
            number: text("number"),
        }
    }

    /// The address of the page with a number after it.
    fn base(&self) -> String {
        let (which, whose) = (self.which.as_str(), query_value(&self.whose));
        let (late, number) = (if self.late { "on" } else { "" }, query_value(&self.number));
        format!("/staff/complaints?which={which}&whose={whose}&late={late}&number={number}&page=")
    }
}

/// `/staff/complaints`
#[component]
pub fn ComplaintsPage() -> impl IntoView {
    page(|| {
        let (state, l) = (AppState::current(), locale());
        let asked = Asked::read();
        let number = query("page").and_then(|page| page.parse().ok()).unwrap_or(1);
        let actor = crate::staff::actor();
        async move {
            let member = crate::staff::member()?;
            let now = state.clock.now();
            let mut db = state.pool.acquire().await?;
            let msisdn = asked.number.parse::<Msisdn>().ok();
            let subscriber = match &msisdn {
                Some(msisdn) => find_by_msisdn(&mut db, msisdn).await?,
                None => None,
            };
            let filter = Filter {
                which: asked.which,
                agent_id: (asked.whose == "mine").then_some(member.staff_id),
                is_free: asked.whose == "free",
                is_late: asked.late,
                subscriber_id: subscriber.map(|subscriber| subscriber.subscriber_id),
            };
            let is_unknown = !asked.number.is_empty() && filter.subscriber_id.is_none();
            let found = if is_unknown {
                Page { cases: Vec::new(), page: 1, pages: 1, total: 0 }
            } else {
                list(&mut db, &actor, &filter, number).await?
            };
            let base = asked.base();
            let problem = is_unknown.then(|| banner(Tone::Bad, td_string!(l, dispute.no_number)));
            let count = td_string!(l, dispute.found, n = found.total);
            Ok(view! {
                <Title text=td_string!(l, dispute.complaints) />
                <div class="stack-tight">
                    <h1>{td_string!(l, dispute.complaints)}</h1>
                    <p class="muted">{td_string!(l, dispute.complaints_lead)}</p>
                </div>
                {problem}
                <FilterForm asked />
                <p class="muted" role="status">{count}</p>
                {table(l, &found, now)}
                <Pager page=found.page pages=found.pages base />
            })
        }
    })
}

#[component]
fn FilterForm(asked: Asked) -> impl IntoView {
    let l = locale();
    let which = Which::ALL
        .into_iter()
        .map(|which| {
            let name = match which {
                Which::Waiting => td_string!(l, dispute.which_waiting),
                Which::Asked => td_string!(l, dispute.which_asked),
                Which::Answered => td_string!(l, dispute.which_answered),
                Which::All => td_string!(l, dispute.which_all),
            };
            view! { <option value=which.as_str() selected=asked.which == which>{name}</option> }
        })
        .collect_view();
    let whose = [
        ("", td_string!(l, dispute.whose_all)),
        ("mine", td_string!(l, dispute.whose_mine)),
        ("free", td_string!(l, dispute.whose_free)),
    ];
    let whose = whose
        .into_iter()
        .map(|(value, name)| view! { <option value=value selected=asked.whose == value>{name}</option> })
        .collect_view();
    view! {
        <form class="card trail-filter" method="get" action="/staff/complaints">
            <div class="field">
                <label for="which">{td_string!(l, dispute.which)}</label>
                <select id="which" name="which">{which}</select>
            </div>
            <div class="field">
                <label for="whose">{td_string!(l, dispute.whose)}</label>
                <select id="whose" name="whose">{whose}</select>
            </div>
            <div class="field">
                <label for="number">{td_string!(l, dispute.number)}</label>
                <input id="number" name="number" value=asked.number inputmode="numeric" maxlength="11" />
            </div>
            <label class="choice">
                <input type="checkbox" name="late" value="on" checked=asked.late />
                <span>{td_string!(l, dispute.late_only)}</span>
            </label>
            <div class="actions">
                <button class="button primary" type="submit">{td_string!(l, dispute.filter)}</button>
                <a class="button" href="/staff/complaints">{td_string!(l, dispute.filter_off)}</a>
            </div>
        </form>
    }
}

fn table(l: Locale, found: &Page, now: DateTime<Utc>) -> AnyView {
    if found.cases.is_empty() {
        return view! { <p class="empty">{td_string!(l, dispute.none)}</p> }.into_any();
    }
    let rows = found.cases.iter().map(|(dispute, msisdn)| row(l, dispute, msisdn, now)).collect_view();
    view! {
        <section class="card">
            <div class="table-scroll" role="region" tabindex="0" aria-label=td_string!(l, dispute.complaints)>
                <table class="table">
                    <thead>
                        <tr>
                            <th scope="col">{td_string!(l, dispute.due)}</th>
                            <th scope="col">{td_string!(l, dispute.number)}</th>
                            <th scope="col">{td_string!(l, dispute.line)}</th>
                            <th scope="col" class="num">{td_string!(l, dispute.amount)}</th>
                            <th scope="col">{td_string!(l, dispute.state)}</th>
                            <th scope="col">{td_string!(l, dispute.suggested)}</th>
                            <th scope="col">{td_string!(l, dispute.agent)}</th>
                        </tr>
                    </thead>
                    <tbody>{rows}</tbody>
                </table>
            </div>
        </section>
    }
    .into_any()
}

fn row(l: Locale, dispute: &Dispute, msisdn: &str, now: DateTime<Utc>) -> impl IntoView + use<> {
    let (class, state) = state_tag(l, dispute);
    let line = format!("{} {} · {}", dispute.month, kind_text(l, dispute.line_kind, None), dispute.tariff_name);
    let suggested = if dispute.suggested.is_zero() {
        td_string!(l, dispute.suggest_explain).to_owned()
    } else {
        td_string!(l, dispute.suggest_refund, amount = plain(dispute.suggested))
    };
    let agent = dispute.agent.as_ref().map_or_else(|| "–".to_owned(), |(_, name)| name.clone());
    view! {
        <tr>
            <td>
                <a href=format!("/staff/complaints/{}", dispute.case())>{day_text(l, local_date(dispute.due_at))}</a>
                {urgency(l, dispute, now)}
            </td>
            <td>{msisdn.to_owned()}</td>
            <td>{line}</td>
            <td class="num">{plain(dispute.line_amount)}</td>
            <td><span class=class>{state}</span></td>
            <td>{suggested}</td>
            <td>{agent}</td>
        </tr>
    }
}

/// How pressing an open case is.
pub(super) fn urgency(l: Locale, dispute: &Dispute, now: DateTime<Utc>) -> Option<AnyView> {
    if !dispute.standing.state.is_open() {
        return None;
    }
    let days = usize::try_from(dispute.escalation - 1).ok().and_then(|at| ESCALATION_DAYS.get(at)).copied();
    let text = if dispute.due_at < now {
        td_string!(l, dispute.overdue).to_owned()
    } else {
        td_string!(l, dispute.escalated, days = days?)
    };
    Some(view! { " " <span class="tag warn">{text}</span> }.into_any())
}
