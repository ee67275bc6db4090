use charging::channel::ChannelId;
use charging::channel::content::Content;
use charging::channel::marketing::{BODY_CHARS_MAX, Fault, TITLE_CHARS_MAX, check};
use charging::channel::store::REASON_CHARS_MAX;
use charging::staff::{Member, Permission};
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

use super::may_steer;
use crate::components::{TextArea, time_text};
use crate::i18n::{Locale, td_string};

/// A text that was sent back: its title and body. Ask before the first `await`.
pub fn from_query() -> Option<(String, String)> {
    use_query_map().with_untracked(|map| map.get("title").zip(map.get("body")))
}

/// The texts of a channel with what may be done about each, and the form for another.
pub fn contents(
    l: Locale,
    id: &ChannelId,
    contents: Vec<Content>,
    member: &Member,
    typed: Option<(String, String)>,
) -> AnyView {
    let none = contents.is_empty().then(|| view! { <p class="muted">{td_string!(l, channel.contents_none)}</p> });
    let items = contents.into_iter().map(|content| item(l, id, content, member)).collect_view();
    let form = member.may(Permission::DraftTariffs).then(|| form(l, id, typed));
    view! {
        <section class="card" id="contents">
            <h2>{td_string!(l, channel.contents)}</h2>
            {none}
            <ol class="entries">{items}</ol>
        </section>
        {form}
    }
    .into_any()
}

fn item(l: Locale, id: &ChannelId, content: Content, member: &Member) -> AnyView {
    let state = match (&content.decision, &content.withdrawn) {
        (_, Some((at, reason))) => {
            td_string!(l, channel.content_withdrawn, time = time_text(l, *at), reason = reason.as_str())
        }
        (Some(decision), None) if decision.approved => td_string!(l, channel.desk_content_approved).to_owned(),
        (Some(decision), None) => td_string!(l, channel.desk_content_refused, reason = decision.reason.as_str()),
        (None, None) => td_string!(l, channel.desk_waiting).to_owned(),
    };
    let may_stop = may_steer(member);
    let hidden = || {
        view! {
            <input type="hidden" name="channel" value=id.to_string() />
            <input type="hidden" name="number" value=content.number.to_string() />
        }
    };
    let action = if content.decision.is_none() && member.may(Permission::ApproveTariffs) {
        Some(if content.submitted_by == member.staff_id {
            view! { <p class="muted">{td_string!(l, channel.desk_own)}</p> }.into_any()
        } else {
            view! {
                <form class="stack-tight" method="post" action="/staff/api/decide_content">
                    {hidden()}
                    {decide_fields(l, format!("content-{}", content.number))}
                </form>
            }
            .into_any()
        })
    } else if content.is_approved() && content.withdrawn.is_none() && may_stop {
        let field = format!("withdraw-{}", content.number);
        Some(
            view! {
                <form class="row" method="post" action="/staff/api/withdraw_content">
                    {hidden()}
                    {reason_field(td_string!(l, channel.desk_reason_needed), field, true)}
                    <button class="button">{td_string!(l, channel.desk_content_withdraw)}</button>
                </form>
            }
            .into_any(),
        )
    } else {
        None
    };
    let faults = content.decision.is_none().then(|| faults(l, &content.title, &content.body));
    let by = td_string!(l, channel.desk_by_at, name = content.by.as_str(), time = time_text(l, content.at));
    view! {
        <li class="stack-tight" data-content=content.number.to_string()>
            <h3>{td_string!(l, channel.content_title, n = content.number, title = content.title.as_str())}</h3>
            <p class="small muted">{by}" · "{state}</p>
            <p class="said">{content.body.clone()}</p>
            {faults}
            {action}
        </li>
    }
    .into_any()
}

/// Approve, or refuse with a reason.
pub fn decide_fields(l: Locale, field: String) -> AnyView {
    view! {
        {reason_field(td_string!(l, channel.desk_reason), field, false)}
        <p class="actions">
            <button class="button" name="decision" value="approve">{td_string!(l, channel.desk_approve)}</button>
            <button class="button" name="decision" value="refuse">{td_string!(l, channel.desk_refuse)}</button>
        </p>
    }
    .into_any()
}

pub fn reason_field(label: &'static str, field: String, required: bool) -> AnyView {
    view! {
        <div class="field">
            <label for=field.clone()>{label}</label>
            <input id=field name="reason" maxlength=REASON_CHARS_MAX.to_string() autocomplete="off" required=required />
        </div>
    }
    .into_any()
}

/// Everything that is wrong with a text, with the words that are.
fn faults(l: Locale, title: &str, body: &str) -> AnyView {
    let items = check(title, body).into_iter().map(|fault| {
        let words = match &fault {
            Fault::Unclear(finding) => {
                let reason = finding.rule.reason();
                let reason = if l == Locale::en { reason.en } else { reason.zh };
                td_string!(l, channel.desk_fault, reason = reason, quote = finding.quote.as_str())
            }
            Fault::Comparison(quote) => td_string!(l, channel.desk_fault_comparison, quote = quote.as_str()),
            Fault::Pressure(quote) => td_string!(l, channel.desk_fault_pressure, quote = quote.as_str()),
        };
        let class = if fault.blocks() { "bad-text" } else { "warn-text" };
        view! { <li class=class>{words}</li> }
    });
    view! { <ul class="plain-list" data-faults="">{items.collect_view()}</ul> }.into_any()
}

fn form(l: Locale, id: &ChannelId, typed: Option<(String, String)>) -> AnyView {
    let wrong = typed.as_ref().map(|(title, body)| {
        view! {
            {faults(l, title, body)}
            <p class="hint">{td_string!(l, channel.problem_text_length)}</p>
        }
    });
    let (title, body) = typed.unwrap_or_default();
    view! {
        <form class="card" method="post" action="/staff/api/submit_content" id="new-content">
            <h2>{td_string!(l, channel.desk_content_new)}</h2>
            {wrong}
            <input type="hidden" name="channel" value=id.to_string() />
            <div class="field">
                <label for="title">{td_string!(l, channel.desk_content_title)}</label>
                <input id="title" name="title" value=title maxlength=TITLE_CHARS_MAX.to_string() required />
            </div>
            <TextArea
                id="body"
                name="body"
                label=td_string!(l, channel.desk_content_body)
                text=body
                rows=8
                chars_max=BODY_CHARS_MAX
                required=true
            />
            <button class="button primary wide-button">{td_string!(l, channel.desk_register_submit)}</button>
        </form>
    }
    .into_any()
}
