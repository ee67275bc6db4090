//! On a bill and on each of its lines: saying that it is wrong, or how far that is.

use charging::bill::BillLine;
use charging::clock::Month;
use charging::dispute::{Dispute, State};
use charging::money::plain;
use leptos::prelude::*;
use rust_decimal::Decimal;

use super::words::state_tag;
use crate::i18n::{Locale, td_string};

/// Under a line of a bill: whether it is disputed, else where to say so.
pub fn row_mark(l: Locale, month: Month, line: &BillLine, kind: &str, dispute: Option<&Dispute>) -> Option<AnyView> {
    let Some(dispute) = dispute else {
        if line.amount <= Decimal::ZERO {
            return None;
        }
        let (tariff, amount) = (line.tariff_name.as_str(), plain(line.amount));
        let label = td_string!(l, dispute.row_label, kind = kind, tariff = tariff, amount = amount);
        let href = format!("/me/bills/{month}/{}#dispute", line.line_no);
        return Some(
            view! { <a class="why" href=href aria-label=label>{td_string!(l, dispute.row_link)}</a> }.into_any(),
        );
    };
    let (class, text) = match dispute.standing.state {
        State::Upheld => ("tag on", td_string!(l, dispute.mark_upheld, amount = plain(dispute.standing.awarded))),
        State::Explained | State::Withdrawn => ("tag", td_string!(l, dispute.mark_explained).to_owned()),
        State::Received | State::Asked => ("tag warn", td_string!(l, dispute.mark_open).to_owned()),
    };
    let href = format!("/me/disputes/{}", dispute.dispute_id);
    Some(view! { <a class="why" href=href><span class=class>{text}</span></a> }.into_any())
}

/// On the page of a line: the form, or the dispute that there is.
pub fn dispute_form(l: Locale, month: Month, line: &BillLine, dispute: Option<&Dispute>) -> Option<AnyView> {
    if let Some(dispute) = dispute {
        let (class, state) = state_tag(l, dispute);
        let href = format!("/me/disputes/{}", dispute.dispute_id);
        return Some(
            view! {
                <section class="card" id="dispute">
                    <div class="row spread">
                        <h2>{td_string!(l, dispute.all_link)}</h2>
                        <span class=class>{state}</span>
                    </div>
                    <p><a class="button" href=href>{td_string!(l, dispute.see)}</a></p>
                </section>
            }
            .into_any(),
        );
    }
    (line.amount > Decimal::ZERO).then(|| {
        view! {
            <form class="card" id="dispute" method="post" action="/api/dispute">
                <h2>{td_string!(l, dispute.open_title)}</h2>
                <p>{td_string!(l, dispute.open_text)}</p>
                <input type="hidden" name="month" value=month.to_string() />
                <input type="hidden" name="line" value=line.line_no.to_string() />
                <div class="field">
                    <label for="sentence">{td_string!(l, dispute.sentence)}</label>
                    <textarea id="sentence" name="sentence" rows="2" maxlength="1000"></textarea>
                </div>
                <button class="button wide-button" type="submit">{td_string!(l, dispute.open_button)}</button>
            </form>
        }
        .into_any()
    })
}
