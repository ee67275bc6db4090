use charging::clock::local_date;
use charging::dispute::Dispute;
use charging::dispute::store::of_subscriber;
use charging::money::plain;
use leptos::prelude::*;
use leptos_meta::Title;

use super::words::state_tag;
use crate::components::{PageError, day_text, month_text, page};
use crate::i18n::{Locale, td_string};
use crate::me::bill::kind_text;
use crate::request::{locale, signed_in};
use crate::state::AppState;

/// `/me/disputes`
#[component]
pub fn DisputesPage() -> impl IntoView {
    page(|| async {
        let (state, l) = (AppState::current(), locale());
        let subscriber_id = signed_in().await.ok_or(PageError::SignedOut)?;
        let disputes = of_subscriber(&mut *state.pool.acquire().await?, subscriber_id).await?;
        let is_empty = disputes.is_empty();
        let items = disputes.iter().map(|dispute| item(l, dispute)).collect_view();
        Ok(view! {
            <Title text=td_string!(l, dispute.title) />
            <header class="stack-tight">
                <h1>{td_string!(l, dispute.title)}</h1>
                <p class="muted">{td_string!(l, dispute.lead)}</p>
            </header>
            {if is_empty {
                view! {
                    <section class="card empty">
                        <h2>{td_string!(l, dispute.empty_title)}</h2>
                        <p>{td_string!(l, dispute.empty_text)}</p>
                    </section>
                }
                    .into_any()
            } else {
                view! { <ol class="card entries">{items}</ol> }.into_any()
            }}
            <p><a class="button" href="/me/bills">{td_string!(l, dispute.to_bills)}</a></p>
        })
    })
}

fn item(l: Locale, dispute: &Dispute) -> impl IntoView + use<> {
    let (class, state) = state_tag(l, dispute);
    let amount = plain(dispute.line_amount);
    let kind = kind_text(l, dispute.line_kind, None);
    let (month, tariff) = (month_text(l, dispute.month), dispute.tariff_name.as_str());
    let lead = td_string!(l, dispute.one_lead, month = month, kind = kind, tariff = tariff);
    let due = dispute.standing.state.is_open().then(|| {
        let day = day_text(l, local_date(dispute.due_at));
        view! { <p class="small muted">{format!("{} {day}", td_string!(l, dispute.due))}</p> }
    });
    view! {
        <li>
            <div class="row spread">
                <h2 class="entry-name">{td_string!(l, dispute.one_title, amount = amount)}</h2>
                <span class=class>{state}</span>
            </div>
            <p>{lead}</p>
            {due}
            <a class="why" href=format!("/me/disputes/{}", dispute.dispute_id)>{td_string!(l, dispute.see)}</a>
        </li>
    }
}
