use charging::channel::report::Report;
use charging::channel::store::REASON_CHARS_MAX;
use leptos::prelude::*;

use crate::components::time_text;
use crate::i18n::{Locale, td_string};

/// What people told, and the forms to note what came of it.
pub fn reports(l: Locale, reports: Vec<Report>, may_answer: bool) -> AnyView {
    let none = reports.is_empty().then(|| view! { <p class="muted">{td_string!(l, channel.desk_reports_none)}</p> });
    let items = reports.into_iter().map(|report| item(l, report, may_answer)).collect_view();
    view! {
        <section class="card" id="reports">
            <h2>{td_string!(l, channel.desk_reports)}</h2>
            {none}
            <ol class="entries">{items}</ol>
        </section>
    }
    .into_any()
}

fn item(l: Locale, report: Report, may_answer: bool) -> AnyView {
    let contact = (!report.contact.is_empty())
        .then(|| view! { <p>{td_string!(l, channel.desk_report_contact, contact = report.contact.as_str())}</p> });
    let about = match report.channel_id {
        Some(id) => view! { <a href=format!("/staff/channels/{id}")>{report.about}</a> }.into_any(),
        None => report.about.into_any(),
    };
    let answer = match report.answer {
        Some((note, by)) => {
            let words = td_string!(l, channel.desk_report_answered, name = by, note = note);
            view! { <p class="strong">{words}</p> }.into_any()
        }
        None if may_answer => {
            let field = format!("note-{}", report.report_id);
            view! {
                <form class="row" method="post" action="/staff/api/answer_report">
                    <input type="hidden" name="report" value=report.report_id.to_string() />
                    <label class="sr" for=field.clone()>{td_string!(l, channel.desk_report_note)}</label>
                    <input
                        id=field
                        name="note"
                        maxlength=REASON_CHARS_MAX.to_string()
                        placeholder=td_string!(l, channel.desk_report_note)
                        required
                    />
                    <button class="button">{td_string!(l, channel.desk_report_answer)}</button>
                </form>
            }
            .into_any()
        }
        None => ().into_any(),
    };
    view! {
        <li class="stack-tight" data-report="">
            <p class="small muted">{time_text(l, report.at)}</p>
            <p class="strong">{about}</p>
            <p class="said">{report.what}</p>
            {contact}
            {answer}
        </li>
    }
    .into_any()
}
